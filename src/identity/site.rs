//! Sites: who publishes, as far as a host name tells.

use url::{Host, Url};

/// A registrable domain by the Public Suffix List, its private section included; a host that has none (an address, a
/// name without a dot, a public suffix itself) stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site(String);

impl Site {
    /// The site of an http(s) address.
    pub fn of(address: &str) -> Option<Self> {
        let url = Url::parse(address.trim()).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        match url.host()? {
            Host::Domain(domain) => Self::of_host(domain),
            host => Some(Self(host.to_string())),
        }
    }

    /// The site of a host name.
    pub fn of_host(host: &str) -> Option<Self> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if host.is_empty() {
            return None;
        }
        // To the list, an address of four numbers is a name like any other.
        let is_address = host.ends_with(|c: char| c.is_ascii_digit() || c == ']') && !matches!(Host::parse(&host), Ok(Host::Domain(_)));
        let registrable = if is_address { None } else { psl::domain_str(&host).map(str::to_owned) };
        Some(Self(registrable.unwrap_or(host)))
    }

    /// The site that a guid claims: that of its URL, or the authority of a `tag:` URI (RFC 4151).
    pub fn of_guid(guid: &str) -> Option<Self> {
        if let Some(tag) = strip_prefix_ignoring_case(guid, "tag:") {
            let authority = tag.split([',', ':']).next()?;
            let domain = authority.rsplit('@').next()?;
            return if domain.contains('.') { Self::of_host(domain) } else { None };
        }
        Self::of(guid)
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `strip_prefix` for a scheme, which is compared without regard to case (RFC 3986 §3.1).
pub(super) fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_registrable_domain_private_suffixes_included() {
        for (address, want) in [
            ("https://www.news.example.co.uk/a", "example.co.uk"),
            ("https://alice.github.io/a", "alice.github.io"),
            ("https://example.org", "example.org"),
            ("http://127.0.0.1:8080/a", "127.0.0.1"),
            ("http://localhost/a", "localhost"),
        ] {
            assert_eq!(Site::of(address).as_ref().map(Site::as_str), Some(want), "{address}");
        }
        assert_eq!(Site::of("file:///tmp/feed.xml"), None);
        for address in ["http://127.0.0.1:8080/a", "http://[::1]/a"] {
            let host = crate::identity::IdentityUrl::of(address).map(|url| url.host().to_owned());
            assert_eq!(host.and_then(|host| Site::of_host(&host)), Site::of(address), "{address}");
        }
    }

    #[test]
    fn a_guid_names_a_site_by_url_or_tag() {
        for (guid, want) in [
            ("https://a.example.com/?p=1", Some("example.com")),
            ("tag:blog.example.com,2026:1", Some("example.com")),
            ("TAG:editor@example.com,2026:1", Some("example.com")),
            ("tag:1", None),
            ("urn:uuid:0", None),
            ("17", None),
        ] {
            assert_eq!(Site::of_guid(guid).as_ref().map(Site::as_str), want, "{guid}");
        }
    }
}
