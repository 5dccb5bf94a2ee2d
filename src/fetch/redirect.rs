//! Where a redirect leads, and what the way says about the feed's address.
//!
//! Only a chain of 301 and 308 that nothing temporary interrupts, counted from the first URL, is a move: a 302 to a
//! maintenance page or a hotel's login must never become the feed (RFC 9110 §15.4).

use url::Url;

use super::Failure;

/// The hops that one request took.
#[derive(Debug)]
pub(super) struct Trail {
    visited: Vec<Url>,
    max_redirects: u32,
    unbroken: bool,
    moved_to: Option<Url>,
}

impl Trail {
    pub fn new(first: Url, max_redirects: u32) -> Trail {
        Trail { visited: vec![first], max_redirects, unbroken: true, moved_to: None }
    }

    /// The end of the unbroken permanent chain, if there was one.
    pub fn moved_to(&self) -> Option<&Url> {
        self.moved_to.as_ref()
    }

    /// Does the first URL's own answer, or that of where it has moved for good, speak here?
    pub fn is_unbroken(&self) -> bool {
        self.unbroken
    }

    /// The next URL: `location` resolved against the last, without credentials and fragment.
    pub fn follow(&mut self, status: u16, location: Option<&[u8]>) -> Result<Url, Failure> {
        let Some(from) = self.visited.last() else {
            return Err(Failure::BadRedirect("no URL to start from".to_owned()));
        };
        let location = location.map(as_text).filter(|location| !location.is_empty());
        let location = location.ok_or_else(|| Failure::BadRedirect(format!("status {status} without a Location")))?;
        let mut next = from.join(&location).map_err(|error| Failure::BadRedirect(error.to_string()))?;
        if !matches!(next.scheme(), "http" | "https") {
            let reason = "a redirect may lead to http: and https: alone".to_owned();
            return Err(Failure::Forbidden { url: shown(&next), reason });
        }
        next.set_fragment(None);
        let next = without_credentials(&next);
        if self.visited.contains(&next) {
            return Err(Failure::BadRedirect(format!("in a circle, back to {next}")));
        }
        if self.visited.len() as u64 > u64::from(self.max_redirects) {
            return Err(Failure::TooManyRedirects(self.max_redirects));
        }
        self.unbroken &= matches!(status, 301 | 308);
        if self.unbroken {
            self.moved_to = Some(next.clone());
        }
        self.visited.push(next.clone());
        Ok(next)
    }
}

/// Servers send UTF-8, percent-escapes and, now and then, Latin-1; a byte that is no UTF-8 stays the byte that it is.
fn as_text(location: &[u8]) -> String {
    let location = location.trim_ascii();
    match std::str::from_utf8(location) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            location.iter().map(|byte| if byte.is_ascii() { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
        }
    }
}

/// The URL without user name and password.
pub(super) fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // These fail only for URLs that cannot have credentials, and those have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// The URL as it may be shown.
pub(super) fn shown(url: &Url) -> String {
    without_credentials(url).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(first: &str) -> Trail {
        Trail::new(Url::parse(first).unwrap(), 5)
    }

    #[test]
    fn a_location_resolves_against_the_url_that_answered() {
        for (location, want) in [
            ("https://other.example/feed", "https://other.example/feed"),
            ("//other.example/feed", "http://other.example/feed"),
            ("/new.xml", "http://example.org/new.xml"),
            ("new.xml", "http://example.org/a/new.xml"),
            ("?page=2", "http://example.org/a/feed?page=2"),
            (" /padded ", "http://example.org/padded"),
            ("/new.xml#top", "http://example.org/new.xml"),
            ("http://user:secret@example.org/x", "http://example.org/x"),
            ("/caf\u{e9}", "http://example.org/caf%C3%A9"),
        ] {
            assert_eq!(trail("http://example.org/a/feed").follow(302, Some(location.as_bytes())).unwrap().as_str(), want);
        }
        let latin = trail("http://example.org/").follow(302, Some(b"/caf\xe9")).unwrap();
        assert_eq!(latin.as_str(), "http://example.org/caf%E9");
    }

    #[test]
    fn only_an_unbroken_permanent_chain_is_a_move() {
        let cases: &[(&[u16], Option<&str>)] = &[
            (&[], None),
            (&[301], Some("/1")),
            (&[308], Some("/1")),
            (&[301, 308, 301], Some("/3")),
            (&[302], None),
            (&[303], None),
            (&[307], None),
            (&[302, 301], None),
            (&[301, 302], Some("/1")),
            (&[301, 302, 301], Some("/1")),
        ];
        for (statuses, want) in cases {
            let mut trail = trail("http://example.org/");
            for (hop, status) in statuses.iter().enumerate() {
                trail.follow(*status, Some(format!("/{}", hop + 1).as_bytes())).unwrap();
            }
            assert_eq!(trail.moved_to().map(Url::path), *want, "{statuses:?}");
        }
    }

    #[test]
    fn a_way_that_leads_nowhere_ends_with_its_reason() {
        for location in [None, Some(&b""[..]), Some(b"  "), Some(b"http://"), Some(b"/feed"), Some(b"http://example.org:99999/")] {
            let failure = trail("http://example.org/feed").follow(301, location).unwrap_err();
            assert!(matches!(failure, Failure::BadRedirect(_)), "{location:?}: {failure}");
        }
        for location in ["file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "data:text/xml,x", "javascript:0"] {
            let failure = trail("http://example.org/feed").follow(301, Some(location.as_bytes())).unwrap_err();
            assert!(matches!(failure, Failure::Forbidden { .. }), "{location}: {failure}");
        }
    }

    #[test]
    fn no_more_hops_are_taken_than_allowed() {
        let mut trail = Trail::new(Url::parse("http://example.org/").unwrap(), 2);
        trail.follow(302, Some(b"/1")).unwrap();
        trail.follow(302, Some(b"/2")).unwrap();
        assert_eq!(trail.follow(302, Some(b"/3")), Err(Failure::TooManyRedirects(2)));
    }
}
