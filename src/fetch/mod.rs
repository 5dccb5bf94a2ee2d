//! The polite client: one request for one document, every hop checked, ending in one [`Outcome`].
//!
//! Nothing else in Gleaner speaks HTTP on the way out. Validators are kept and sent byte for byte; redirects are
//! followed by our own code, so that each hop passes the same checks as the first request.

// The parts of one request's walk: `turns` says when it may start, `guard` whom it may ask, `sending` what it carries,
// `redirect` where it goes next, `memory` how much it may hold, `answer` what the headers mean,
// `coding` what the bytes do. `client` walks. `posting` asks for nothing and brings something.
mod answer;
mod client;
mod coding;
mod failure;
mod file;
pub mod guard;
mod memory;
mod posting;
mod redirect;
mod routes;
mod sending;
mod turns;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use url::Url;

pub use client::Client;
pub use posting::{Posted, Posting};
pub use sending::read_secret;
pub use turns::Pace;

use crate::config;

/// What a client is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSettings {
    /// `[fetch]`.
    pub fetch: config::Fetch,
    /// What a host is spared by requests for pages, from `[pages]`.
    pub pages: Pace,
}

impl ClientSettings {
    /// From what the operator wrote.
    pub fn new(fetch: &config::Fetch, pages: &config::Pages) -> ClientSettings {
        ClientSettings { fetch: fetch.clone(), pages: Pace { per_host: pages.per_host, host_delay: pages.host_delay } }
    }

    fn feeds(&self) -> Pace {
        Pace { per_host: self.fetch.per_host, host_delay: self.fetch.host_delay }
    }
}

/// No client can be built from these settings.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The proxy's URL.
    #[error("proxy: {0}")]
    Proxy(String),
    /// TLS or the connector.
    #[error("cannot set up HTTP: {0}")]
    Build(String),
    /// A client certificate or its key.
    #[error("{path}: {reason}")]
    Identity {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
}

/// What is wanted: decides the `Accept` header and whose pace holds at the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accept {
    /// A feed, at the pace of `[fetch]`.
    #[default]
    Feed,
    /// An article's or a site's page, at the pace of `[pages]`.
    Page,
    /// Whatever is there (robots.txt), at the pace of `[pages]`.
    Any,
}

/// One request for one document. Its `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `http:`, `https:` or `file:`. Credentials in it become basic authentication and are shown nowhere.
    pub url: Url,
    /// From the last answer that was kept; empty for an unconditional request.
    pub validators: Validators,
    /// How this feed is asked beyond `[fetch]`.
    pub options: config::FeedRequest,
    /// What is wanted.
    pub accept: Accept,
    /// The pause between two requests for pages that the URL's host wants, where it is longer than that of `[pages]`
    /// (`Crawl-delay` of robots.txt).
    pub crawl_delay: Duration,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("url", &redirect::shown(&self.url)).field("accept", &self.accept).finish_non_exhaustive()
    }
}

impl Request {
    /// For a feed, unconditional, without options.
    pub fn feed(url: Url) -> Request {
        Request {
            url,
            validators: Validators::default(),
            options: config::FeedRequest::default(),
            accept: Accept::Feed,
            crawl_delay: Duration::ZERO,
        }
    }

    /// For a page, unconditional, without options.
    pub fn page(url: Url) -> Request {
        Request { accept: Accept::Page, ..Request::feed(url) }
    }

    /// For a page that an entry of `feed` names. What the operator wrote for the feed goes along as far as the page has a
    /// right to it: its secrets (credentials, cookies, headers, a client certificate) to the feed's own origin alone, its leave to ask a
    /// private network to the feed's own host; how the poller calls itself, and by which proxy it asks, to all.
    pub fn page_of(feed: &Url, options: &config::FeedRequest, page: &Url) -> Request {
        let mut request = Request::page(page.clone());
        if sending::is_same_origin(feed, page) {
            request.options = options.clone();
            if request.url.username().is_empty() && request.url.password().is_none() {
                // These fail only for URLs that cannot have credentials, and an http(s) URL can.
                let _ = request.url.set_username(feed.username());
                let _ = request.url.set_password(feed.password());
            }
        } else {
            request.options.user_agent.clone_from(&options.user_agent);
            request.options.proxy.clone_from(&options.proxy);
            // A feed that may not be asked for at private addresses keeps its pages from them, too.
            request.options.allow_private_networks =
                options.allow_private_networks.filter(|allowed| !allowed || feed.host() == page.host());
        }
        request.options.max_body = None;
        request
    }
}

/// What a server gave to ask again with, byte for byte (RFC 9110 §8.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`.
    pub last_modified: Option<Vec<u8>>,
}

/// What the response says about when to ask again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Freshness {
    /// `Retry-After`, from the time of the response.
    pub retry_after: Option<Duration>,
    /// `Cache-Control: max-age` less `Age`, else `Expires` less `Date`. `None` where nothing positive is said.
    pub max_age: Option<Duration>,
}

/// A document came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh {
    /// The body, decompressed. It holds its part of `memory` until the last clone is dropped.
    pub body: Bytes,
    /// `Content-Type`, as it stands.
    pub content_type: Option<String>,
    /// Those of this response alone; both may be absent.
    pub validators: Validators,
}

/// Why a request came to nothing. The words are shown to the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An answer with a status that brings no document.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The name does not resolve.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// The host asked for.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// No connection.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// Connected, but what came is no HTTP answer, or none came.
    #[error("no valid answer: {0}")]
    Protocol(String),
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// Time ran out.
    #[error("no complete answer within {}s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes (max_body)")]
    TooLarge(u64),
    /// Other bodies held all of `memory` for too long.
    #[error("no room for the body: others hold all {0} bytes (memory)")]
    NoMemory(u64),
    /// The body ended early or could not be decompressed.
    #[error("the body broke off: {0}")]
    Body(String),
    /// More hops than allowed.
    #[error("more than {0} redirects")]
    TooManyRedirects(u32),
    /// A hop to an address or scheme that may not be asked.
    #[error("{url}: {reason}")]
    Forbidden {
        /// Where it would have led.
        url: String,
        /// Why it was refused and which setting would allow it.
        reason: String,
    },
    /// A redirect without a usable `Location`, or in a circle.
    #[error("a redirect that leads nowhere: {0}")]
    BadRedirect(String),
    /// A local file could not be read.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The request itself cannot be built (a header value, a secret's file).
    #[error("{0}")]
    Request(String),
    /// The document holds no feed (set by the poll, not by the fetch).
    #[error("{0}")]
    NotAFeed(String),
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 200 with a document.
    Fresh(Fresh),
    /// 304: the document is the one that we have. Validators that the answer carries replace ours (RFC 9111 §4.3.4).
    NotModified {
        /// Those of the 304 response.
        validators: Validators,
    },
    /// 410, from the feed's own address or where that has moved for good.
    Gone,
    /// 429, or 503 with `Retry-After`; also without a request while the host is held ([`Client::hold_host`]).
    RateLimited {
        /// 429 or 503.
        status: u16,
    },
    /// Anything else.
    Failed(Failure),
}

/// A request's end and what was learned on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// How it ended.
    pub outcome: Outcome,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Where the document was found: after all hops. Without credentials and fragment.
    pub final_url: Url,
    /// Where an unbroken chain of 301 and 308 from the first URL led, if anywhere: the feed has moved for good.
    pub moved_to: Option<Url>,
    /// When to ask again.
    pub freshness: Freshness,
    /// Bytes of the body, decompressed.
    pub bytes: u64,
    /// From the first byte sent to the last received, waiting for a turn not counted.
    pub elapsed: Duration,
    /// When the answer was complete.
    pub at: DateTime<Utc>,
}

/// What a request's end tells of the way to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Somebody answered.
    Answered,
    /// The name did not resolve, no connection came about, or nothing came of it in time.
    Unreached,
    /// Neither: nothing was sent, or what answered may not have been the host (TLS fails behind a captive portal).
    Unknown,
}

impl Fetched {
    /// Was the host, or one on the way there, reached?
    pub fn reach(&self) -> Reach {
        match &self.outcome {
            _ if self.http_status.is_some() => Reach::Answered,
            Outcome::Failed(Failure::Resolve { .. } | Failure::Connect(_) | Failure::Timeout(_)) => Reach::Unreached,
            _ => Reach::Unknown,
        }
    }
}

#[cfg(test)]
mod tls_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_of_a_request_shows_no_secret() {
        let mut request = Request::feed(Url::parse("https://reader:sesame@example.org/feed").unwrap());
        request.options.headers = vec![("X-Key".to_owned(), "sesame".to_owned())];
        assert!(!format!("{request:?}").contains("sesame"));
    }

    #[test]
    fn what_was_written_for_a_feed_goes_to_its_own_pages_and_its_secrets_to_no_others() {
        let options = config::FeedRequest {
            headers: vec![("X-Key".to_owned(), "sesame".to_owned())],
            user_agent: Some("Reader/1".to_owned()),
            proxy: Url::parse("http://proxy.example:3128").ok(),
            username: Some("reader".to_owned()),
            cookie_file: Some("/run/cookie".into()),
            allow_private_networks: Some(true),
            max_body: Some(1),
            ..config::FeedRequest::default()
        };
        let feed = Url::parse("http://me:sesame@paper.example/feed").unwrap();
        for (page, own, private) in [
            ("http://paper.example/story", true, Some(true)),
            ("https://paper.example/story", true, Some(true)),
            ("http://paper.example:8080/story", false, Some(true)),
            ("http://www.paper.example/story", false, None),
            ("http://evil.example/paper.example", false, None),
        ] {
            let request = Request::page_of(&feed, &options, &Url::parse(page).unwrap());
            let given = &request.options;
            let secrets = !given.headers.is_empty() && given.username.is_some() && given.cookie_file.is_some();
            let none = given.headers.is_empty() && given.username.is_none() && given.cookie_file.is_none();
            assert!(if own { secrets } else { none }, "{page}");
            assert_eq!(request.url.password().is_some(), own, "{page}");
            assert_eq!((given.allow_private_networks, given.max_body), (private, None), "{page}");
            assert_eq!((given.user_agent.as_deref(), given.proxy.is_some()), (Some("Reader/1"), true), "{page}");
        }
        let kept_out = config::FeedRequest { allow_private_networks: Some(false), ..options };
        let request = Request::page_of(&feed, &kept_out, &Url::parse("http://other.example/").unwrap());
        assert_eq!(request.options.allow_private_networks, Some(false));
    }

    /// The design's defaults.
    pub(super) fn settings() -> config::Fetch {
        config::Fetch {
            user_agent: "Gleaner/0 (+https://gleaner.example)".to_owned(),
            concurrency: 64,
            per_host: 2,
            host_delay: Duration::ZERO,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_body: 16 << 20,
            memory: 32 << 20,
            max_redirects: 5,
            proxy: None,
            headers: Vec::new(),
            allow_private_networks: false,
        }
    }
}
