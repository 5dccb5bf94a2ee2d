//! What a request carries, and to whom.
//!
//! Three kinds of header. What Gleaner says of itself, and `[fetch] headers` that hold no secret, go with every hop. What the
//! operator wrote for one feed (headers, password, token, cookie) goes to that feed's own origin alone: a redirect to another host,
//! another port or from https down to http leaves it behind. Validators go with every hop: they belong to the
//! document, which a redirect may serve from somewhere else each time, and a server that does not know an entity tag answers in full.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    PROXY_AUTHORIZATION, USER_AGENT,
};
use url::Url;

use super::{Accept, Failure, Request, coding};
use crate::config;

/// No secret is longer.
const MAX_SECRET: u64 = 64 * 1024;

impl Accept {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Accept::Feed => {
                "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, \
                 application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.5"
            }
            Accept::Page => "text/html, application/xhtml+xml, application/xml;q=0.8, */*;q=0.5",
            Accept::Any => "*/*",
        })
    }
}

/// The headers of one request, ready for any hop.
#[derive(Debug)]
pub(super) struct Sending {
    /// For every hop.
    public: HeaderMap,
    /// For the feed's own origin, over those for every hop.
    own: HeaderMap,
    origin: Url,
}

impl Sending {
    /// Reads secrets from their files; the error names the file or header, never the secret.
    pub async fn prepare(settings: &config::Fetch, request: &Request) -> Result<Sending, Failure> {
        let mut public = HeaderMap::new();
        let mut own = HeaderMap::new();
        public.insert(ACCEPT, request.accept.header());
        public.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::ACCEPTED));
        let user_agent = request.options.user_agent.as_ref().unwrap_or(&settings.user_agent);
        if !user_agent.is_empty() {
            public.insert(USER_AGENT, value("User-Agent", user_agent.as_bytes())?);
        }
        for (name, text) in &settings.headers {
            let (name, value) = header(name, text)?;
            let headers = if is_secret(&name) { &mut own } else { &mut public };
            headers.insert(name, value);
        }
        for (name, text) in &request.options.headers {
            let (name, value) = header(name, text)?;
            own.insert(name, value);
        }
        credentials(request, &mut own).await?;
        for (name, bytes) in [(IF_NONE_MATCH, &request.validators.etag), (IF_MODIFIED_SINCE, &request.validators.last_modified)] {
            if let Some(bytes) = bytes {
                let value = value(name.as_str(), bytes)?;
                own.remove(&name);
                public.insert(name, value);
            }
        }
        Ok(Sending { public, own, origin: request.url.clone() })
    }

    /// Is this the feed's own origin?
    pub fn is_own(&self, url: &Url) -> bool {
        is_same_origin(&self.origin, url)
    }

    /// The headers for a hop to `url`.
    pub fn headers(&self, url: &Url) -> HeaderMap {
        let mut headers = self.public.clone();
        if self.is_own(url) {
            for (name, value) in &self.own {
                headers.insert(name, value.clone());
            }
        }
        headers
    }

    /// Was the request a conditional one?
    pub fn is_conditional(&self) -> bool {
        let has = |name| self.public.contains_key(&name) || self.own.contains_key(&name);
        has(IF_NONE_MATCH) || has(IF_MODIFIED_SINCE)
    }
}

/// Is `url` of the origin for which something was written: the same host, at the same port, or at https instead of http?
pub(super) fn is_same_origin(origin: &Url, url: &Url) -> bool {
    let default_port = |url: &Url| url.port().is_none();
    origin.host() == url.host()
        && ((origin.scheme() == url.scheme() && origin.port_or_known_default() == url.port_or_known_default())
            || (origin.scheme() == "http" && url.scheme() == "https" && default_port(origin) && default_port(url)))
}

async fn credentials(request: &Request, own: &mut HeaderMap) -> Result<(), Failure> {
    let options = &request.options;
    let mut secret = |name: HeaderName, mut value: HeaderValue| {
        value.set_sensitive(true);
        own.insert(name, value);
    };
    if let Some(file) = &options.token_file {
        let token = read_secret(file).await?;
        secret(AUTHORIZATION, value_of_file(file, &[b"Bearer ", token.as_slice()].concat())?);
    } else if options.username.is_some() || options.password_file.is_some() {
        let password = match &options.password_file {
            Some(file) => read_secret(file).await?,
            None => Vec::new(),
        };
        secret(AUTHORIZATION, basic(options.username.as_deref().unwrap_or_default().as_bytes(), &password)?);
    } else if let Some(value) = credentials_of(&request.url)? {
        secret(AUTHORIZATION, value);
    }
    if let Some(file) = &options.cookie_file {
        let cookie = read_secret(file).await?;
        secret(COOKIE, value_of_file(file, &cookie)?);
    }
    Ok(())
}

/// What user name and password in a URL become.
pub(super) fn credentials_of(url: &Url) -> Result<Option<HeaderValue>, Failure> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut value = basic(&unescaped(url.username()), &unescaped(url.password().unwrap_or_default()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// RFC 7617.
fn basic(user: &[u8], password: &[u8]) -> Result<HeaderValue, Failure> {
    let encoded = BASE64.encode(&[user, b":", password].concat());
    HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|_| Failure::Request("username and password make no header".to_owned()))
}

/// The bytes behind percent-escapes, as a URL's user name and password have them.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes
}

/// Headers that name a person or open a door, whoever wrote them.
fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

fn header(name: &str, text: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::Request(format!("headers: '{name}' is no header name")))?;
    let mut value = value(name, text.as_bytes())?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn value(name: &str, bytes: &[u8]) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(bytes).map_err(|_| Failure::Request(format!("the value of header '{name}' holds a control character")))
}

fn value_of_file(file: &Path, bytes: &[u8]) -> Result<HeaderValue, Failure> {
    HeaderValue::from_bytes(bytes)
        .map_err(|_| Failure::Request(format!("{}: holds a control character; it must be one line", file.display())))
}

/// The file's content without the line end that editors leave.
///
/// # Errors
/// It cannot be read, or is too large to be a secret; the file is named.
pub async fn read_secret(file: &Path) -> Result<Vec<u8>, Failure> {
    let path: PathBuf = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let size = std::fs::metadata(&path)?.len();
        if size > MAX_SECRET {
            return Err(std::io::Error::other(format!("larger than {MAX_SECRET} bytes")));
        }
        std::fs::read(&path)
    })
    .await
    .map_err(|error| error.to_string())
    .and_then(|read| read.map_err(|error| error.to_string()));
    let mut secret = read.map_err(|reason| Failure::Request(format!("{}: {reason}", file.display())))?;
    while secret.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        secret.pop();
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> config::Fetch {
        super::super::tests::settings()
    }

    fn request(url: &str) -> Request {
        Request::feed(Url::parse(url).unwrap())
    }

    async fn sent(request: &Request, to: &str) -> HeaderMap {
        Sending::prepare(&settings(), request).await.unwrap().headers(&Url::parse(to).unwrap())
    }

    #[tokio::test]
    async fn what_was_written_for_a_feed_goes_to_its_own_origin_alone() {
        let origin = |url: &str, to: &str| {
            let mut request = request(url);
            request.options.headers = vec![("X-Key".to_owned(), "k".to_owned())];
            let to = to.to_owned();
            async move { sent(&request, &to).await.contains_key("x-key") }
        };
        for (from, to, own) in [
            ("http://a.example/feed", "http://a.example/other", true),
            ("http://a.example/feed", "http://a.example:80/other", true),
            ("http://a.example/feed", "https://a.example/feed", true),
            ("https://a.example/feed", "https://a.example:443/x", true),
            ("https://a.example/feed", "http://a.example/feed", false),
            ("http://a.example/feed", "http://a.example:8080/feed", false),
            ("http://a.example:8080/feed", "https://a.example/feed", false),
            ("http://a.example:8080/feed", "https://a.example:8443/feed", false),
            ("http://a.example/feed", "http://b.a.example/feed", false),
            ("http://a.example/feed", "http://evil.example/a.example", false),
            ("http://A.example/feed", "http://a.EXAMPLE/feed", true),
        ] {
            assert_eq!(origin(from, to).await, own, "{from} to {to}");
        }
    }

    #[tokio::test]
    async fn secrets_are_read_from_their_files_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let mut request = request("https://a.example/feed");
        request.options.username = Some("reader".to_owned());
        request.options.password_file = Some(file("password", "pass:word\n"));
        request.options.cookie_file = Some(file("cookie", "a=1; b=2\r\n"));
        let headers = sent(&request, "https://a.example/feed").await;
        assert_eq!(headers[AUTHORIZATION], format!("Basic {}", BASE64.encode(b"reader:pass:word")));
        assert_eq!(headers[COOKIE], "a=1; b=2");
        assert!(!format!("{headers:?}").contains("a=1"));

        request.options.token_file = Some(file("token", "t0ken\n"));
        assert_eq!(sent(&request, "https://a.example/feed").await[AUTHORIZATION], "Bearer t0ken");

        request.options.token_file = Some(file("broken", "two\nlines-of-secret\n"));
        let failure = Sending::prepare(&settings(), &request).await.unwrap_err().to_string();
        assert!(failure.contains("broken") && !failure.contains("lines-of-secret"), "{failure}");

        request.options.token_file = Some(folder.path().join("missing"));
        assert!(Sending::prepare(&settings(), &request).await.unwrap_err().to_string().contains("missing"));
    }

    #[tokio::test]
    async fn credentials_in_the_url_become_basic_authentication() {
        let headers = sent(&request("https://reader:p%40ss%zz@a.example/feed"), "https://a.example/feed").await;
        assert_eq!(headers[AUTHORIZATION], format!("Basic {}", BASE64.encode(b"reader:p@ss%zz")));
    }

    #[tokio::test]
    async fn validators_go_out_byte_for_byte_with_every_hop() {
        let mut request = request("https://a.example/feed");
        request.validators.etag = Some(b"W/\"caf\xe9\"".to_vec());
        request.validators.last_modified = Some(b"yesterday at noon".to_vec());
        for to in ["https://a.example/feed", "https://b.example/feed"] {
            let headers = sent(&request, to).await;
            assert_eq!(headers[IF_NONE_MATCH].as_bytes(), b"W/\"caf\xe9\"");
            assert_eq!(headers[IF_MODIFIED_SINCE].as_bytes(), b"yesterday at noon");
        }
    }

    #[tokio::test]
    async fn a_header_that_cannot_be_sent_is_named_without_its_value() {
        for (name, value) in [("X Key", "sesame"), ("", "sesame"), ("X-Key", "sesame\r\nHost: other"), ("X-Key", "sesame\0")] {
            let mut request = request("https://a.example/feed");
            request.options.headers = vec![(name.to_owned(), value.to_owned())];
            let failure = Sending::prepare(&settings(), &request).await.unwrap_err().to_string();
            assert!(failure.contains(name) && !failure.contains("sesame"), "{failure}");
        }
    }

    #[tokio::test]
    async fn the_words_for_one_feed_win_over_those_for_all() {
        let mut settings = settings();
        settings.headers = vec![
            ("Accept-Language".to_owned(), "en".to_owned()),
            ("Cookie".to_owned(), "for=all".to_owned()),
            ("Accept".to_owned(), "application/xml".to_owned()),
        ];
        let mut request = request("https://a.example/feed");
        request.options.headers = vec![("accept-language".to_owned(), "de".to_owned())];
        request.options.user_agent = Some("Else/1".to_owned());
        let sending = Sending::prepare(&settings, &request).await.unwrap();
        let (own, other) = (sending.headers(&request.url), sending.headers(&Url::parse("https://b.example/").unwrap()));
        assert_eq!((&own["accept-language"], &other["accept-language"]), (&"de".parse().unwrap(), &"en".parse().unwrap()));
        assert_eq!((&own["user-agent"], &other["user-agent"]), (&"Else/1".parse().unwrap(), &"Else/1".parse().unwrap()));
        assert_eq!(own["accept"], "application/xml");
        assert!(own.contains_key(COOKIE) && !other.contains_key(COOKIE));
    }
}
