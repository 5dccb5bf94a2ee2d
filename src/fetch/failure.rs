//! From the errors of reqwest, hyper and rustls to one [`Failure`]: the innermost cause in few words, without the URL.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::Failure;
use super::guard::{Refused, Unresolved};

/// When an error came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the answer's headers were there.
    Answer,
    /// While the body came.
    Body,
}

/// `url` is shown where the guard refused it; `connect_timeout` is what the client was built with.
pub(super) fn of(error: &reqwest::Error, stage: Stage, url: &str, connect_timeout: Duration) -> Failure {
    let mut innermost = String::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(Refused { .. }) = cause.downcast_ref() {
            return Failure::Forbidden { url: url.to_owned(), reason: cause.to_string() };
        }
        if let Some(Unresolved { host, reason }) = cause.downcast_ref() {
            return Failure::Resolve { host: host.clone(), reason: reason.clone() };
        }
        // An io::Error made from another error hides it from `source()`.
        let inside = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(tls) = [Some(cause), inside.map(|inside| inside as _)]
            .into_iter()
            .flatten()
            .find_map(|cause: &(dyn Error + 'static)| cause.downcast_ref::<rustls::Error>())
        {
            return Failure::Tls(tls.to_string());
        }
        // reqwest's own words carry the URL and say the least.
        if !cause.is::<reqwest::Error>() {
            innermost = cause.to_string();
        }
        next = match inside {
            Some(inside) => Some(inside),
            None => cause.source(),
        };
    }
    if innermost.is_empty() {
        // The top alone: its kind, without the URL.
        innermost = if error.is_timeout() { "timed out".to_owned() } else { "the request failed".to_owned() };
    }
    match stage {
        Stage::Answer if error.is_connect() && error.is_timeout() => {
            Failure::Connect(format!("no connection within {}s", connect_timeout.as_secs_f32()))
        }
        Stage::Answer if error.is_connect() => Failure::Connect(innermost),
        Stage::Answer if error.is_builder() => Failure::Request(innermost),
        Stage::Answer => Failure::Protocol(innermost),
        Stage::Body => Failure::Body(innermost),
    }
}
