//! The polite client: one request for one document, every hop checked, ending in one [`Outcome`].
//!
//! Nothing else in Gleaner speaks HTTP on the way out. Validators are kept and sent byte for byte; redirects are
//! followed by our own code, so that each hop passes the same checks as the first request.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use url::Url;

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
    /// The body, decompressed.
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
    /// The TLS handshake failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// Time ran out.
    #[error("no complete answer within {}s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The body is larger than allowed.
    #[error("the body is larger than {0} bytes (max_body)")]
    TooLarge(u64),
    /// The body ended early or could not be decompressed.
    #[error("the body broke off: {0}")]
    Body(String),
    /// More hops than allowed, or a circle.
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
    /// A redirect without a usable `Location`.
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
    /// 410.
    Gone,
    /// 429, or 503 with `Retry-After`.
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
    /// Where the document was found: after all hops.
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
