//! What one pass over a document notes of the feed, of each entry and of an entry's source.
//!
//! The same facts for all three, since the same elements stand in all three. Short values are read, long ones noted as
//! the place where they stand ([`Construct`]); nothing is chosen or merged yet.

use std::rc::Rc;

use url::Url;

use super::construct::Construct;
use super::{Category, FeedLink, Person, Stamp, UpdateHints};
use crate::article::Enclosure;

/// What stands in one place: the feed, an entry, a source.
#[derive(Debug, Clone, Default)]
pub struct Facts<'a> {
    /// Title.
    pub title: Option<Construct<'a>>,
    /// Media RSS title.
    pub media_title: Option<Construct<'a>>,
    /// Descriptions and summaries in order.
    pub descriptions: Vec<Construct<'a>>,
    /// Media RSS description.
    pub media_description: Option<Construct<'a>>,
    /// Bodies in order.
    pub contents: Vec<Construct<'a>>,
    /// A feed's description where it is called subtitle or tagline.
    pub subtitle: Option<Construct<'a>>,
    /// Copyright line.
    pub rights: Option<Construct<'a>>,
    /// Guid.
    pub guid: Option<Guid>,
    /// The page: text or `rel=alternate` of type HTML.
    pub link: Option<String>,
    /// Another `rel=alternate`.
    pub other_alternate: Option<String>,
    /// Links to the feed itself and its other pages.
    pub feed_links: Vec<FeedLink>,
    /// `feedburner:origLink`.
    pub original_link: Option<String>,
    /// Authors.
    pub authors: Vec<Person>,
    /// When published.
    pub published: Option<Stamp>,
    /// When updated.
    pub updated: Option<Stamp>,
    /// Dublin Core's date.
    pub date: Option<Stamp>,
    /// When created.
    pub created: Option<Stamp>,
    /// Categories.
    pub categories: Vec<Category>,
    /// Enclosures.
    pub enclosures: Vec<Enclosure>,
    /// Media RSS contents.
    pub media: Vec<Media>,
    /// Pictures, best first.
    pub images: Vec<String>,
    /// Declared by an element.
    pub language: Option<String>,
    /// Inherited `xml:lang`.
    pub inherited_language: Option<Rc<str>>,
    /// Licence URL.
    pub license: Option<String>,
    /// Where the entry comes from.
    pub source: Option<Box<Facts<'a>>>,
    /// A source's title as RSS has it.
    pub own_title: Option<String>,
    /// RSS `source url`.
    pub source_url: Option<String>,
    /// The base that holds in the element.
    pub base: Option<Rc<Url>>,
    /// A child person's or picture's address, while its element is open.
    pub address: Option<String>,
    /// A news sitemap's publisher.
    pub publisher: Option<String>,
    /// The software that made the document: its name, then its URL.
    pub generator: Option<String>,
}

/// A guid as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guid {
    /// Its characters, trimmed.
    pub text: String,
    /// `isPermaLink`, where it is said.
    pub declared: Option<bool>,
    /// From which kind of element.
    pub kind: GuidKind,
    /// The base that holds there.
    pub base: Rc<Url>,
    /// How deep it stands.
    pub depth: usize,
}

/// Where a guid comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuidKind {
    /// RSS `guid`.
    Guid,
    /// Atom `id`.
    Id,
    /// `rdf:about`.
    About,
}

/// A Media RSS content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Absolute URL.
    pub url: String,
    /// `type`.
    pub media_type: Option<String>,
    /// `medium`.
    pub medium: Option<String>,
    /// `fileSize`.
    pub length: Option<u64>,
}

/// All that the pass found.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// The feed itself.
    pub head: Facts<'a>,
    /// `xml:lang` of the root.
    pub root_language: Option<Rc<str>>,
    /// How often it changes.
    pub hints: UpdateHints,
    /// Its entries.
    pub entries: Vec<Facts<'a>>,
    /// Prefixes that were never declared.
    pub undeclared: Vec<String>,
    /// Is the root element one of Atom?
    pub atom: bool,
    /// Is it a sitemap, or an index of sitemaps?
    pub sitemap: bool,
    /// Is it an index, whose entries are sitemaps?
    pub index: bool,
    /// There were more entries than are read.
    pub crowded: bool,
    /// Text stood after the root element.
    pub trailing: bool,
    /// How deep elements are nested, the mark-up of texts included.
    pub deepest: usize,
}

impl Media {
    /// Of this kind: `image`, `audio`, `video`?
    pub fn is(&self, kind: &str) -> bool {
        match (&self.medium, &self.media_type) {
            (Some(medium), _) => medium == kind,
            (None, Some(media_type)) => media_type.split('/').next().is_some_and(|major| major.trim().eq_ignore_ascii_case(kind)),
            (None, None) => self.is_named(kind),
        }
    }

    /// Where nothing is declared, the file's name tells.
    fn is_named(&self, kind: &str) -> bool {
        let path = self.url.split(['?', '#']).next().unwrap_or_default();
        let Some((_, extension)) = path.rsplit_once('.') else { return false };
        let known: &[&str] = match kind {
            "image" => &["jpg", "jpeg", "png", "gif", "webp", "avif"],
            "audio" => &["mp3", "m4a", "ogg", "oga", "opus", "flac", "wav"],
            _ => &["mp4", "m4v", "webm", "mov", "ogv"],
        };
        known.iter().any(|known| extension.eq_ignore_ascii_case(known))
    }
}
