//! Articles become a stream of bytes: one file per format, each a writer that is given article after article.
//!
//! Writers hold no more than one article at a time, so memory stays flat, and write the same bytes for the same
//! articles. Selecting and ordering is the archive's work.

use std::collections::HashMap;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use crate::article::Article;

/// An export's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON document `{"schema":"gleaner.articles.v1","articles":[…]}`.
    Json,
    /// One JSON article a line.
    Ndjson,
    /// JSON Feed 1.1.
    Jsonfeed,
    /// Atom 1.0.
    Atom,
    /// OPML 2.0: an outline a feed, in it one an article.
    Opml,
    /// Comma-separated values with a header line.
    Csv,
    /// Markdown.
    Markdown,
    /// Plain text, as a reader sees an article page.
    Text,
}

/// An article that was taken out for good; what an incremental export tells its reader.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Forgotten {
    /// The article's id.
    pub id: String,
    /// When it was taken out.
    pub deleted_at: DateTime<Utc>,
}

/// What an export says of a feed beside its articles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedOutline {
    /// The feed's title, else its name.
    pub title: String,
    /// The feed's URL, without credentials.
    pub xml_url: String,
    /// The site's home page.
    pub html_url: Option<String>,
}

/// What a writer may say at its head. All of it is a function of the archive: the same archive, the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// Title of the whole, such as "Gleaner".
    pub title: String,
    /// Where this export can be found again, if anywhere (`http.base_url`).
    pub base_url: Option<String>,
    /// The newest `last_changed` among the articles to come.
    pub updated: Option<DateTime<Utc>>,
    /// The feeds by name (OPML).
    pub feeds: HashMap<String, FeedOutline>,
}

/// Writes one format.
pub trait ArticleWriter {
    /// Called once, first.
    ///
    /// # Errors
    /// Those of the sink, as for all methods.
    fn begin(&mut self, head: &Head) -> io::Result<()>;
    /// Called for each article in the export's order (for OPML: all of one first feed together).
    ///
    /// # Errors
    /// As above.
    fn article(&mut self, article: &Article) -> io::Result<()>;
    /// Called for each article that was forgotten since the last export; formats that cannot say it say nothing.
    ///
    /// # Errors
    /// As above.
    fn forgotten(&mut self, forgotten: &Forgotten) -> io::Result<()>;
    /// Called once, last; flushes.
    ///
    /// # Errors
    /// As above.
    fn end(&mut self) -> io::Result<()>;
}

/// The writer of a format.
pub fn writer<'a>(_format: Format, _out: Box<dyn Write + 'a>) -> Box<dyn ArticleWriter + 'a> {
    unimplemented!()
}
