//! What holds for any input: one module a fuzz target, each a function that is given bytes and panics where a promise
//! of Gleaner's is broken.
//!
//! The targets below `fuzz_targets/` call these functions on what the fuzzer invents; `tests/it/corpora.rs` includes
//! this file and calls them on the files of `corpus/`. So a promise stands in one place, and what a fuzzer once found
//! is a test from then on. No input may make them read a file (but for a config's own folder), the network or the clock.

pub mod articles;
pub mod charset;
pub mod config;
pub mod date;
mod export;
mod html;
pub mod identity_url;
pub mod opml;
pub mod page;
pub mod repair;

/// A check of one input.
pub type Check = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: &[(&str, Check)] = &[
    ("articles", articles::check),
    ("charset", charset::check),
    ("config", config::check),
    ("date", date::check),
    ("identity_url", identity_url::check),
    ("opml", opml::check),
    ("page", page::check),
    ("repair", repair::check),
];

/// The HTTP header `Content-Type` of an input (its first line; none where that is blank) and the body that follows it.
fn header_and_body(data: &[u8]) -> (Option<String>, &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let header = String::from_utf8_lossy(parts.next().unwrap_or_default()).trim().to_owned();
    (Some(header).filter(|header| !header.is_empty()), parts.next().unwrap_or_default())
}
