//! The network guard: a feed, a redirect or a page may not make Gleaner ask the machines behind its operator's firewall.
//!
//! Three checks, because none sees all: the *literal* address of a URL is checked before the request (no resolver is ever
//! asked for one); a *name* resolves through a resolver of our own, which gives permitted addresses alone, so what was checked is
//! what is dialled and a name that changes its address between check and use gains nothing; and the address that *answered* is
//! checked once more. Through a proxy Gleaner dials the proxy alone: literals and `localhost` are still refused here, what a
//! name means is the proxy's duty.
//!
//! One table judges the bare address. Forms of IPv6 that carry an IPv4 address (mapped, translated, NAT64, 6to4) are judged
//! by what they carry: a network with NAT64 and no IPv4 must stay usable.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

type V4Block = (Ipv4Addr, u32, &'static str);

/// IANA's special-purpose registry (RFC 6890 and what updates it), and one metadata service that stands outside it.
const V4_DENIED: &[V4Block] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared (carrier-grade NAT)"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "cloud metadata"),
    (Ipv4Addr::new(169, 254, 169, 254), 32, "cloud metadata"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

type V6Block = (Ipv6Addr, u32, &'static str);

/// What is denied, with its name; all else outside `2000::/3` is denied as reserved.
const V6_DENIED: &[V6Block] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "loopback"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "local NAT64"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "Teredo"),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, "benchmarking"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "site-local"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "multicast"),
];

fn in_v4(address: Ipv4Addr, network: Ipv4Addr, length: u32) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

fn in_v6(address: Ipv6Addr, network: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

/// The IPv4 address that an IPv6 address stands for: IPv4-mapped (RFC 4291), -translated (RFC 2765), NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(of(g, h)),
        [0x2002, ..] => Some(of(b, c)),
        _ => None,
    }
}

/// What kind of address this is, where it is one that may not be asked; `None` for the public internet.
pub fn denied(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => V4_DENIED.iter().find(|(network, length, _)| in_v4(v4, *network, *length)).map(|(_, _, kind)| *kind),
        IpAddr::V6(v6) => {
            if let Some(v4) = carried(v6) {
                return denied(v4.into());
            }
            let named = V6_DENIED.iter().find(|(network, length, _)| in_v6(v6, *network, *length)).map(|(_, _, kind)| *kind);
            let is_global = in_v6(v6, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
            named.or(if is_global { None } else { Some("reserved") })
        }
    }
}

/// An address that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// As it was written or resolved.
    pub address: String,
    /// Its kind.
    pub kind: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is a {} address; allow_private_networks = true would allow it", self.address, self.kind)
    }
}

impl std::error::Error for Refused {}

/// Checks one address.
pub(super) fn check(address: IpAddr) -> Result<(), Refused> {
    denied(address).map_or(Ok(()), |kind| Err(Refused { address: address.to_string(), kind }))
}

/// Checks a URL's host as far as it says itself where it leads. `proxied`: nobody here will resolve the name.
pub(super) fn check_literal(url: &Url, proxied: bool) -> Result<(), Refused> {
    match url.host() {
        Some(Host::Ipv4(v4)) => check(v4.into()),
        Some(Host::Ipv6(v6)) => check(v6.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            // The url crate turns every spelling of an address into an address; this is for one that it might not know.
            if let Ok(address) = name.parse::<IpAddr>() {
                return check(address);
            }
            if proxied && (name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")) {
                return Err(Refused { address: name.to_owned(), kind: "loopback" });
            }
            Ok(())
        }
        None => Ok(()),
    }
}

/// A name that does not resolve.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Unresolved {
    /// The name.
    pub host: String,
    /// The system's words.
    pub reason: String,
}

/// The system's resolver, which gives permitted addresses alone where it guards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver {
    /// Refuse what [`denied`] names.
    pub guarded: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.guarded;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let unresolved = |reason: String| Unresolved { host: host.clone(), reason };
            // Port 0: the connector puts in the URL's.
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|error| unresolved(error.to_string()))?.collect();
            let permitted = if guarded { permitted(&host, found)? } else { found };
            if permitted.is_empty() {
                return Err(unresolved("no address".to_owned()).into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// Those that may be dialled; an error where there were some and none may.
fn permitted(host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let mut refused = None;
    let mut permitted = found;
    permitted.retain(|address| match check(address.ip()) {
        Ok(()) => true,
        Err(Refused { address, kind }) => {
            refused = Some(Refused { address: format!("{host} ({address})"), kind });
            false
        }
    });
    match refused {
        Some(refused) if permitted.is_empty() => Err(refused),
        _ => Ok(permitted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_is_not_of_the_public_internet_is_denied() {
        for (address, kind) in [
            ("0.0.0.0", "this network"),
            ("0.1.2.3", "this network"),
            ("10.0.0.1", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "shared (carrier-grade NAT)"),
            ("100.100.100.200", "shared (carrier-grade NAT)"),
            ("100.127.255.255", "shared (carrier-grade NAT)"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("168.63.129.16", "cloud metadata"),
            ("169.254.169.254", "cloud metadata"),
            ("169.254.0.1", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "reserved"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "benchmarking"),
            ("198.19.255.255", "benchmarking"),
            ("198.51.100.7", "documentation"),
            ("203.0.113.7", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::7f00:1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("::ffff:0:192.168.0.1", "private"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b::a9fe:a9fe", "cloud metadata"),
            ("64:ff9b:1::1", "local NAT64"),
            ("100::1", "reserved"),
            ("2001::1", "Teredo"),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "Teredo"),
            ("2001:2::1", "benchmarking"),
            ("2001:10::1", "reserved"),
            ("2001:20::1", "reserved"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::", "loopback"),
            ("2002:c0a8:101::1", "private"),
            ("3fff::1", "documentation"),
            ("4000::1", "reserved"),
            ("5f00::1", "reserved"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(denied(address.parse().unwrap()), Some(kind), "{address}");
        }
    }

    #[test]
    fn the_public_internet_may_be_asked() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "169.253.255.255",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(denied(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn an_address_is_known_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:ffff:7f00:1]",
            "[64:ff9b::127.0.0.1]",
        ] {
            let url = Url::parse(&format!("http://{host}/feed")).unwrap();
            assert!(check_literal(&url, false).is_err(), "{host}");
        }
        for host in ["example.org", "localhost.example.org", "8.8.8.8", "127.0.0.1.example.org"] {
            let url = Url::parse(&format!("http://{host}/feed")).unwrap();
            assert!(check_literal(&url, true).is_ok(), "{host}");
        }
    }

    #[test]
    fn a_proxy_is_not_asked_for_localhost() {
        for host in ["localhost", "LOCALHOST.", "a.localhost"] {
            let url = Url::parse(&format!("http://{host}/feed")).unwrap();
            assert!(check_literal(&url, true).is_err(), "{host}");
        }
    }

    #[test]
    fn a_name_with_public_and_private_addresses_leads_to_the_public_ones_alone() {
        let both = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0"].map(|address| address.parse().unwrap()).to_vec();
        assert_eq!(permitted("mixed.example", both).unwrap(), ["8.8.8.8:0".parse().unwrap()]);
        let refused = permitted("inside.example", vec!["10.0.0.1:0".parse().unwrap()]).unwrap_err();
        assert_eq!(refused.to_string(), "inside.example (10.0.0.1) is a private address; allow_private_networks = true would allow it");
    }

    proptest::proptest! {
        #[test]
        fn an_ipv6_form_is_judged_as_the_ipv4_address_that_it_carries(bits: u32, low: u64) {
            let v4 = Ipv4Addr::from_bits(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            let six_to_four = (0x2002_u128 << 112) | (u128::from(bits) << 80) | u128::from(low);
            for form in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::from_bits(six_to_four),
            ] {
                proptest::prop_assert_eq!(denied(form.into()), denied(v4.into()), "{}", form);
            }
        }
    }

    #[tokio::test]
    async fn the_guarded_resolver_does_not_give_loopback() {
        let name = || "localhost".parse().unwrap();
        let Err(error) = Resolver { guarded: true }.resolve(name()).await else { panic!("localhost was given") };
        assert_eq!(error.downcast_ref::<Refused>().unwrap().kind, "loopback");
        assert!(Resolver { guarded: false }.resolve(name()).await.is_ok());
    }
}
