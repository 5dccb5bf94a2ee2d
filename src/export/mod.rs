//! Articles become a stream of bytes: one file per format, each a writer that is given article after article.
//!
//! Writers hold no more than one article at a time, so memory stays flat, and write the same bytes for the same
//! articles. Selecting, ordering and leaving out copies is the archive's work.

mod atom;
mod csv;
pub mod json;
mod jsonfeed;
pub mod markdown;
mod opml;
pub mod relay;
pub mod state;
pub mod target;
pub mod text;
pub mod when;
mod xml;

#[cfg(test)]
pub(crate) mod fixture;

use std::collections::HashMap;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::article::Article;
pub use crate::article::Forgotten;

/// An export's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON document `{"schema":"gleaner.articles.v1","articles":[…]}`
    Json,
    /// One JSON article a line
    Ndjson,
    /// JSON Feed 1.1
    Jsonfeed,
    /// Atom 1.0
    Atom,
    /// OPML 2.0: an outline a feed, in it one an article
    Opml,
    /// Comma-separated values with a header line
    Csv,
    /// Markdown
    Markdown,
    /// Plain text, as a reader sees an article page
    Text,
}

/// The order in which a format wants its articles; "date" is `published`, else `first_seen`, then id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By date, oldest first.
    #[default]
    OldestFirst,
    /// By date, newest first, as readers expect of a feed.
    NewestFirst,
    /// All of one first feed together (`sightings[0].feed`), feeds by name, in each by date, oldest first.
    ByFirstFeed,
}

impl Format {
    /// The order in which its articles must come.
    pub fn order(self) -> Order {
        match self {
            Self::Jsonfeed | Self::Atom => Order::NewestFirst,
            Self::Opml => Order::ByFirstFeed,
            Self::Json | Self::Ndjson | Self::Csv | Self::Markdown | Self::Text => Order::OldestFirst,
        }
    }

    /// Its media type, for `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Jsonfeed => "application/feed+json",
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Opml => "text/x-opml; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// What an export says of a feed beside its articles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedOutline {
    /// The feed's title, else its name.
    pub title: String,
    /// The feed's URL. Credentials in it are taken out before it is written.
    pub xml_url: String,
    /// The site's home page.
    pub html_url: Option<String>,
}

/// What a writer may say at its head. All of it is a function of the archive: the same archive, the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Title of the whole; "Gleaner" where empty.
    pub title: String,
    /// An IRI that names this archive for ever, such as `urn:uuid:…` (Atom's feed id).
    pub id: Option<String>,
    /// The archive's pages for people (`http.base_url`).
    pub base_url: Option<String>,
    /// Where this very document can be fetched again, when it is served.
    pub self_url: Option<String>,
    /// The newest `last_changed` among the articles to come.
    pub updated: Option<DateTime<Utc>>,
    /// Does the export give only what changed since the last one (`--state`)?
    pub incremental: bool,
    /// The feeds by name (OPML, and Atom's `source`).
    pub feeds: HashMap<String, FeedOutline>,
}

impl Head {
    fn title(&self) -> &str {
        if self.title.is_empty() { "Gleaner" } else { &self.title }
    }
}

/// Writes one format.
pub trait ArticleWriter {
    /// Called once, first.
    ///
    /// # Errors
    /// Those of the sink, as for all methods.
    fn begin(&mut self, head: &Head) -> io::Result<()>;
    /// Called for each article, in the order that [`Format::order`] names.
    ///
    /// # Errors
    /// As above.
    fn article(&mut self, article: &Article) -> io::Result<()>;
    /// Called, after all articles, for each one that was forgotten since the last export; formats that cannot say
    /// it say nothing.
    ///
    /// # Errors
    /// As above.
    fn forgotten(&mut self, _forgotten: &Forgotten) -> io::Result<()> {
        Ok(())
    }
    /// Called once, last; flushes.
    ///
    /// # Errors
    /// As above.
    fn end(&mut self) -> io::Result<()>;
}

/// The writer of a format. It writes in small pieces: give it a buffered sink.
pub fn writer<'a>(format: Format, out: Box<dyn Write + 'a>) -> Box<dyn ArticleWriter + 'a> {
    match format {
        Format::Json => Box::new(json::Document::new(out)),
        Format::Ndjson => Box::new(json::Lines::new(out)),
        Format::Jsonfeed => Box::new(jsonfeed::JsonFeed::new(out)),
        Format::Atom => Box::new(atom::Atom::new(out)),
        Format::Opml => Box::new(opml::Opml::new(out)),
        Format::Csv => Box::new(csv::Csv::new(out)),
        Format::Markdown => Box::new(markdown::Markdown::new(out)),
        Format::Text => Box::new(text::Text::new(out)),
    }
}

/// Writes a whole export and says how many articles it holds. Nothing is kept back: each article is written as it
/// comes, and the first error ends the export.
///
/// # Errors
/// Those of the archive that gives the articles, and of the sink.
pub fn write_all<E: From<io::Error>>(
    writer: &mut dyn ArticleWriter,
    head: &Head,
    articles: impl IntoIterator<Item = Result<Article, E>>,
    forgotten: impl IntoIterator<Item = Result<Forgotten, E>>,
) -> Result<u64, E> {
    writer.begin(head)?;
    let mut count = 0;
    for article in articles {
        writer.article(&article?)?;
        count += 1;
    }
    for forgotten in forgotten {
        writer.forgotten(&forgotten?)?;
    }
    writer.end()?;
    Ok(count)
}

/// The error of a caller that gives an article after the forgotten ones, when the list of articles is closed.
fn out_of_order() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "an article came after the list of forgotten ones")
}

#[cfg(test)]
mod tests;
