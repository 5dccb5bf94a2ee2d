//! Bytes of a feed document become entries.
//!
//! `charset` decodes, `prolog` finds the root element, `model` asks feed-rs for the texts of an ordinary document, `reader`
//! notes beside it, in one pass, what stands where in any XML dialect, `entry` makes entries of both; `repair` mends a
//! document first that cannot be read as it stands; `json` reads what feed-rs drops of JSON Feed.
//!
//! Everything here is a pure function of the document, its URL and its declared media type. Nothing is
//! sanitised, merged or chosen yet: an [`Entry`] holds what the document says, so that the archive can keep it
//! and make the article again under better rules.

mod attributes;
pub mod charset;
mod codepage;
#[cfg(test)]
mod conformance;
mod construct;
pub mod date;
mod dialect;
mod entry;
mod facts;
mod hints;
mod json;
mod model;
mod namespaces;
mod person;
mod prolog;
mod reader;
pub mod repair;
mod seven_bit;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::article::Enclosure;

pub use construct::Entities;

/// A date as the document states it, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The characters that stand there, trimmed.
    pub text: String,
    /// The instant, or `None` where nobody can tell.
    pub at: Option<DateTime<Utc>>,
}

/// A text construct and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum Markup {
    /// Plain characters: `<` is a less-than sign.
    Text(String),
    /// A fragment of HTML.
    Html(String),
}

/// A person as the document names them; at least one field is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Home page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// A category or tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Category {
    /// The term itself.
    pub term: String,
    /// The vocabulary that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// What people read instead of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// The feed that a re-published entry comes from (RSS and Atom `source`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Source {
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its home page, else its feed's URL; absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One entry as it stands in the document. All URLs are absolute where the document lets us know their base.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// RSS `guid`, RDF `rdf:about`, Atom and JSON Feed `id`: trimmed, else as it stands; never invented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// The entry's link (RSS `link`, Atom `rel=alternate`, JSON Feed `url`); not the guid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// `feedburner:origLink`: the link before a redirector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_link: Option<String>,
    /// Is the guid declared (or, where nothing is declared, by its form known) to be a permalink?
    pub guid_is_permalink: bool,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Markup>,
    /// Authors in the document's order; the feed's where the entry has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authors: Vec<Person>,
    /// When published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Stamp>,
    /// When updated; never a copy of `published`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<Stamp>,
    /// The abstract (RSS `description` beside a fuller body, Atom `summary`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Markup>,
    /// The body (`content:encoded`, Atom `content`, JSON Feed `content_html`/`content_text`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Markup>,
    /// Categories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// Enclosures, media contents that are audio or video, Atom `rel=enclosure`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enclosures: Vec<Enclosure>,
    /// Lead image (media thumbnail or content, `itunes:image`, JSON Feed `image`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Language declared on the entry or inherited within the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Copyright line of the entry (the feed's is in [`FeedHead`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: Option<String>,
    /// Licence URL of the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where a re-published entry comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What relative links in the body are relative to (inherited `xml:base`, else the document's URL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// How often the publisher says that the document changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateHints {
    /// RSS `ttl`, or the period of `sy:updatePeriod` divided by `sy:updateFrequency`, in minutes.
    pub interval_minutes: Option<u32>,
    /// `sy:updateBase`: a time at which that period begins.
    pub interval_base: Option<DateTime<Utc>>,
    /// RSS `skipHours`, 0 to 23 UTC.
    pub skip_hours: Vec<u8>,
    /// RSS `skipDays`, 0 is Monday.
    pub skip_days: Vec<u8>,
}

/// What the document says of the feed itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedHead {
    /// Title, plain text, one line.
    pub title: Option<String>,
    /// Home page, absolute.
    pub site_url: Option<String>,
    /// Description, plain text.
    pub description: Option<String>,
    /// Declared language.
    pub language: Option<String>,
    /// Copyright line.
    pub rights: Option<String>,
    /// Licence URL.
    pub license: Option<String>,
    /// When the feed says that it last changed. Nothing may rely on it.
    pub updated: Option<DateTime<Utc>>,
    /// How often it changes.
    pub hints: UpdateHints,
    /// Where the feed itself stands, and its other pages.
    pub links: Vec<FeedLink>,
    /// The software that made the document, as it says: name, URL or both.
    pub generator: Option<String>,
}

/// A link of the feed to itself, to its other pages or to those who tell of its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedLink {
    /// Lower case: `self`, `hub` (WebSub), `next`, `previous`, `first`, `last`, `prev-archive`, `next-archive`, `current`
    /// (RFC 5005).
    pub rel: String,
    /// Absolute URL.
    pub url: String,
}

/// Something in the document that was mended or left out; for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Kind, a short fixed word. Of the characters: `charset`, `control-character`. Of mending: `bare-ampersand`,
    /// `bare-bracket`, `bad-attribute`, `bad-reference`, `html-entity`, `unknown-entity`, `undeclared-prefix`, `unclosed-tag`,
    /// `unclosed-entry`, `unclosed-cdata`, `void-element`, `stray-end-tag`, `too-deep`. Of what was left out: `before-root`,
    /// `after-root`, `second-root` (read as part of the first), `cut-off`, `bad-entry`, `empty-entry`, `too-many-entries`. Of what
    /// the document leads to: `sitemap-index`.
    pub kind: &'static str,
    /// What and where.
    pub message: String,
}

/// A sitemap that an index names (<https://www.sitemaps.org/protocol.html#index>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sitemap {
    /// Absolute URL.
    pub url: String,
    /// When it last changed, as the index says.
    pub updated: Option<DateTime<Utc>>,
}

/// A feed document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// The feed itself.
    pub feed: FeedHead,
    /// Its entries in the document's order, nothing merged.
    pub entries: Vec<Entry>,
    /// The sitemaps that an index leads to: the news are in them, and the index has no entries.
    pub sitemaps: Vec<Sitemap>,
    /// What was mended.
    pub warnings: Vec<Warning>,
}

/// Why a document gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// No bytes, or white space alone.
    #[error("the document is empty")]
    Empty,
    /// An HTML page stands where a feed was asked for.
    #[error("this is an HTML page, not a feed{}", .feeds.first().map(|f| format!("; it names the feed {f}")).unwrap_or_default())]
    Html {
        /// The feeds that the page names by `link rel=alternate`, absolute.
        feeds: Vec<String>,
    },
    /// Nothing that could be read as RSS, Atom or JSON Feed.
    #[error("not a feed: {0}")]
    NotAFeed(String),
}

/// Reads a feed document.
///
/// `url` is where the document was found (after redirects), `content_type` the HTTP header's value.
///
/// # Errors
/// A [`ParseError`] where the document holds no feed at all; single bad entries are left out with a warning.
pub fn parse(body: &[u8], url: &Url, content_type: Option<&str>) -> Result<Document, ParseError> {
    let charset::Decoded { text, mut warnings } = charset::decode(body, content_type);
    if text.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    if text.trim_ascii_start().starts_with('{') {
        let mut document = json::read(&text, url, model::read(&text, url))?;
        warnings.append(&mut document.warnings);
        return Ok(Document { warnings, ..document });
    }
    let Some(prolog) = prolog::read(&text) else { return Err(not_a_feed(&text, url)) };
    if prolog.rubbish {
        warnings.push(Warning { kind: "before-root", message: "something stands before the feed; it was skipped".into() });
    }
    let root = text.get(prolog.root..).unwrap_or_default();
    let mut document = match parse_xml(root, url, &prolog.entities) {
        Ok(document) => document,
        Err(_) => {
            let mended = repair::mend(root, &prolog.entities);
            warnings.extend(mended.warnings);
            parse_xml(&mended.text, url, &prolog.entities).map_err(|fault| ParseError::NotAFeed(fault.to_string()))?
        }
    };
    // Behind other mark-up, or in a sitemap, an element of a feed's name alone proves nothing.
    let is_empty = document.entries.is_empty() && document.feed.title.is_none();
    if is_empty && dialect::is_sitemap(&prolog.name) {
        if document.sitemaps.is_empty() && !is_quiet_news_sitemap(root) {
            return Err(ParseError::NotAFeed("a sitemap without news (news:news): addresses alone are no articles".into()));
        }
    } else if is_empty && prolog.rubbish {
        return Err(not_a_feed(&text, url));
    }
    warnings.append(&mut document.warnings);
    Ok(Document { warnings, ..document })
}

/// Is this a News sitemap in which no news stands at the moment? It holds those of two days.
fn is_quiet_news_sitemap(root: &str) -> bool {
    let tag = root.split_inclusive('>').next().unwrap_or_default().to_ascii_lowercase();
    tag.contains("/sitemap-news/") && !root.to_ascii_lowercase().contains("<url>")
}

/// Is this an index of sitemaps, as far as its beginning tells?
pub fn is_sitemap_index(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default()).into_owned();
    prolog::read(&head).is_some_and(|prolog| prolog.name == "sitemapindex")
}

fn not_a_feed(text: &str, url: &Url) -> ParseError {
    if prolog::is_html(text) {
        return ParseError::Html { feeds: prolog::named_feeds(text, url) };
    }
    ParseError::NotAFeed("nothing of RSS, Atom, JSON Feed or a news sitemap in it".into())
}

/// Reads a well-formed document from its root element on.
fn parse_xml(root: &str, url: &Url, entities: &Entities) -> Result<Document, reader::Fault> {
    let mut found = reader::read(root, url, entities)?;
    let facts = std::mem::take(&mut found.entries);
    let common = entry::Common { url, entities, head: &found.head, root_language: found.root_language.as_deref(), atom: found.atom };
    // feed-rs reads an undeclared prefix as none at all, and leaves a document's own entities standing.
    let is_ordinary = found.undeclared.is_empty() && entities.is_empty() && !found.sitemap && found.deepest <= model::DEEPEST;
    let texts = if is_ordinary && facts.iter().any(entry::wants_texts) { model::read(root, url) } else { Vec::new() };
    // Where the two do not see the same entries, none can be told to be the other's.
    let agree = texts.len() == facts.len();
    let mut texts = texts.into_iter();
    let mut entries: Vec<Entry> =
        facts.into_iter().map(|facts| entry::assemble(facts, texts.next().filter(|_| agree).unwrap_or_default(), common)).collect();
    let mut warnings: Vec<Warning> = found
        .undeclared
        .iter()
        .map(|prefix| Warning { kind: "undeclared-prefix", message: format!("the prefix {prefix:?} is not declared; read by custom") })
        .collect();
    let mut warn = |kind, message: &str| warnings.push(Warning { kind, message: message.to_owned() });
    if found.crowded {
        warn("too-many-entries", "the document has more entries than are read");
    }
    if found.trailing {
        warn("after-root", "text after the root element was left out");
    }
    let mut sitemaps = Vec::new();
    if found.index {
        sitemaps.extend(entries.drain(..).filter_map(|entry| {
            let updated = entry.updated.and_then(|stamp| stamp.at);
            Some(Sitemap { url: entry.link?, updated })
        }));
        warn("sitemap-index", &format!("an index of {} sitemaps; the news are in these", sitemaps.len()));
    }
    let whole = entries.len();
    if found.sitemap {
        // Only news articles have a title there; other pages are no entries.
        entries.retain(|entry| entry.title.is_some());
    }
    entries.retain(Entry::says_something);
    if entries.len() < whole && !found.sitemap {
        warn("empty-entry", "entries that say nothing were left out");
    }
    let mut feed = entry::head(&found, entities);
    if let Some(first) = entries.first().filter(|_| found.sitemap) {
        // A News sitemap names its publication with each article.
        feed.title = first.source.as_ref().and_then(|source| source.title.clone());
        feed.language = first.language.clone();
    }
    Ok(Document { feed, entries, sitemaps, warnings })
}

impl Entry {
    /// Is there anything to read, to see or to follow?
    fn says_something(&self) -> bool {
        self.title.is_some()
            || self.content.is_some()
            || self.summary.is_some()
            || self.link.is_some()
            || self.guid.is_some()
            || self.image.is_some()
            || !self.enclosures.is_empty()
    }
}
