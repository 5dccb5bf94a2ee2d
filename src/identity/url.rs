//! The identity URL: what two addresses of one page have in common.

use std::fmt;

use url::{Host, Url};

use crate::article::url::without_tracking;

/// An http(s) URL compared without scheme, `www.` and `m.` (where a dot remains), default port, credentials, trailing
/// slash, fragment, tracking parameters and order of the query.
///
/// Making it is idempotent: the identity URL of `https://` and an identity URL is that identity URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityUrl(String);

impl IdentityUrl {
    /// The identity URL of an address, or `None` where it is not an absolute http or https URL.
    pub fn of(address: &str) -> Option<Self> {
        Url::parse(address.trim()).ok().and_then(|url| Self::of_url(&url))
    }

    /// As [`Self::of`].
    pub fn of_url(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let mut identity = match url.host()? {
            Host::Domain(domain) => bare_domain(domain)?.to_owned(),
            host => host.to_string(),
        };
        if let Some(port) = url.port().filter(|port| !matches!(port, 80 | 443)) {
            identity.push(':');
            identity.push_str(&port.to_string());
        }
        identity.push_str(url.path().trim_end_matches('/'));
        if let Some(query) = url.query() {
            let kept = without_tracking(query);
            let mut pairs: Vec<&str> = kept.split('&').filter(|pair| !pair.is_empty()).collect();
            pairs.sort_unstable();
            if !pairs.is_empty() {
                identity.push('?');
                identity.push_str(&pairs.join("&"));
            }
        }
        Some(Self(identity))
    }

    /// Is this the root of a host: no path, no query? Such an address names a site, never one entry of it.
    pub fn is_root(&self) -> bool {
        !self.0.contains(['/', '?'])
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host without port.
    pub fn host(&self) -> &str {
        let authority = self.0.split(['/', '?']).next().unwrap_or_default();
        match authority.rfind(':') {
            // The last colon of a bare IPv6 literal stands inside its brackets.
            Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
            _ => authority,
        }
    }
}

impl fmt::Display for IdentityUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host name without its trailing dot and the prefixes that only choose a presentation; `None` where no name is left.
fn bare_domain(domain: &str) -> Option<&str> {
    let mut bare = domain.trim_end_matches('.');
    // `1..` is a name to a parser of URLs, `1` an address.
    if bare.is_empty() || (domain.ends_with("..") && !matches!(Host::parse(bare), Ok(Host::Domain(_)))) {
        return None;
    }
    while let Some(rest) = bare.strip_prefix("www.").or_else(|| bare.strip_prefix("m.")) {
        if !rest.contains('.') {
            break;
        }
        bare = rest;
    }
    Some(bare)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(address: &str) -> String {
        IdentityUrl::of(address).map(|url| url.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_does_not_tell_pages_apart_is_left_out() {
        for (address, want) in [
            ("https://www.example.org/a/b/", "example.org/a/b"),
            ("http://m.example.org/a/b", "example.org/a/b"),
            ("https://www.m.example.org/", "example.org"),
            ("https://m.com/a", "m.com/a"),
            ("https://www.com/a", "www.com/a"),
            ("https://EXAMPLE.org.:443/a#part", "example.org/a"),
            ("https://example.org../a", "example.org/a"),
            ("https://./a", ""),
            ("https://1../a", ""),
            ("https://www.1../a", ""),
            ("http://example.org:80/a", "example.org/a"),
            ("http://example.org:443/a", "example.org/a"),
            ("http://example.org:8080/a", "example.org:8080/a"),
            ("https://user:secret@example.org/a", "example.org/a"),
            ("https://example.org/a/?b=2&a=1&utm_source=x", "example.org/a?a=1&b=2"),
            ("https://example.org/?p=1", "example.org?p=1"),
            ("https://example.org/A", "example.org/A"),
            ("https://bücher.example/ü", "xn--bcher-kva.example/%C3%BC"),
            ("https://[::1]:8080/a", "[::1]:8080/a"),
            ("mailto:editor@example.org", ""),
            ("/relative", ""),
            ("urn:uuid:1", ""),
        ] {
            assert_eq!(of(address), want, "{address}");
        }
    }

    #[test]
    fn a_root_is_known_and_a_query_makes_a_page() {
        for (address, root) in [("https://www.example.org/", true), ("https://example.org:8080", true), ("https://example.org/?p=1", false)]
        {
            assert_eq!(IdentityUrl::of(address).map(|url| url.is_root()), Some(root), "{address}");
        }
    }

    #[test]
    fn the_host_has_no_port() {
        for (address, host) in
            [("https://www.example.org:81/a:b", "example.org"), ("https://[::1]/a", "[::1]"), ("https://[::1]:81/a", "[::1]")]
        {
            assert_eq!(IdentityUrl::of(address).unwrap().host(), host);
        }
    }

    proptest! {
        #[test]
        fn the_identity_url_of_an_identity_url_is_itself(
            address in r"https?://(www\.|m\.|user@){0,3}([a-z]{1,3}\.){1,2}[a-z]{2,3}\.?(:(80|443|81))?(/[a-zA-Z0-9%~._:-]{0,4}){0,3}(\?([a-z_]{1,5}(=[a-z0-9%+]{0,3})?&?){0,4})?(#[a-z/!?]{0,4})?"
        ) {
            if let Some(once) = IdentityUrl::of(&address) {
                prop_assert_eq!(IdentityUrl::of(&format!("https://{once}")), Some(once));
            }
        }
    }
}
