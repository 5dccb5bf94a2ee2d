//! feed-rs: the parser of ordinary RSS and Atom documents.
//!
//! It is asked first, with its inventions switched off (an entry without a guid would get a random one). Of what it gives, the texts of the
//! entries are taken; all else of an entry is decided where [`super::sidecar`] has seen more.

use feed_rs::model;
use feed_rs::parser::{Builder, ParseFeedError};
use url::Url;

/// The texts of one entry, entities resolved, as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// RSS `content:encoded`, Atom `content`.
    pub content: Option<String>,
    /// RSS `description`, Atom `summary`.
    pub summary: Option<String>,
}

/// Asks feed-rs for the texts of a document's entries.
///
/// # Errors
/// What feed-rs says against the document.
pub fn read(text: &str, url: &Url) -> Result<Vec<Texts>, ParseFeedError> {
    let feed = Builder::new()
        .base_uri(Some(url.as_str()))
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        // Dates are read from the raw text that the sidecar keeps.
        .timestamp_parser(|_| None)
        .build()
        .parse(text.as_bytes())?;
    Ok(feed.entries.into_iter().map(texts).collect())
}

fn texts(entry: model::Entry) -> Texts {
    Texts { content: entry.content.and_then(|content| content.body), summary: entry.summary.map(|summary| summary.content) }
}
