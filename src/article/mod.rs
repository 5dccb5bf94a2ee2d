//! The article: the one schema that the archive keeps and every export gives.
//!
//! [`Article`] is what a reader of the archive sees (`gleaner.articles.v1`); its JSON Schema is made from this
//! type. [`Draft`] is what a single feed entry says an article is, before anything is known of its identity.
//! The submodules compute the single fields, each by pure functions.

pub mod authors;
pub mod boilerplate;
pub mod completeness;
pub mod dates;
pub mod entities;
pub mod html;
pub mod language;
pub mod pixels;
pub mod schema;
pub mod summary;
pub mod tags;
pub mod text;
pub mod title;
pub mod tokens;
pub mod url;
pub mod words;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of the story the body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// The whole story.
    Full,
    /// An excerpt: the rest stands on the publisher's page.
    Excerpt,
    /// The publisher shows the rest to paying readers only.
    Paywalled,
    /// Nothing tells.
    #[default]
    Unknown,
}

/// Where a field's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The feed's entry.
    Feed,
    /// The article's own page.
    Page,
}

/// Where body, date and byline came from; null where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Origin of `text` and `html`.
    pub body: Option<Origin>,
    /// Origin of `published`.
    pub published: Option<Origin>,
    /// Origin of `authors`.
    pub authors: Option<Origin>,
}

/// A podcast episode's sound or another attached medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enclosure {
    /// Absolute URL.
    pub url: String,
    /// Media type, as the source says.
    #[serde(rename = "type")]
    pub media_type: Option<String>,
    /// Size in bytes.
    pub length: Option<u64>,
}

/// An article of the archive that is about the same thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimilarPost {
    /// The other article's id.
    pub id: String,
    /// Its headline.
    pub title: String,
    /// Its permalink.
    pub url: Option<String>,
    /// 0 (nothing in common) to 1.
    #[schemars(range(min = 0, max = 1))]
    pub score: f64,
}

/// A copy of this article, exact or near.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArticleCopy {
    /// The copy's id.
    pub id: String,
    /// Its permalink.
    pub url: Option<String>,
    /// Its publisher.
    pub site: Option<String>,
    /// 1.0 where the text is the same.
    #[schemars(range(min = 0, max = 1))]
    pub similarity: f64,
}

/// A feed entry that carried an article.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// The feed's name.
    pub feed: String,
    /// The feed's title.
    pub feed_title: Option<String>,
    /// The entry's guid, as it stands there.
    pub guid: Option<String>,
    /// The entry's permalink.
    pub url: Option<String>,
    /// When a poll first found the entry.
    pub first_seen: DateTime<Utc>,
    /// The last poll at which the entry stood in its feed.
    pub last_seen: DateTime<Utc>,
}

/// An earlier state of an article, kept when its source changed title or text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// Its number, from 1.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// The headline then.
    pub title: String,
    /// The body then, as plain paragraphs.
    pub text: String,
    /// When the archive first had this state.
    pub seen: DateTime<Utc>,
}

/// One article, as every export gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Article {
    /// 26 characters of base32 that never change.
    #[schemars(regex(pattern = "^[a-z2-7]{26}$"))]
    pub id: String,
    /// Permalink that can be fetched, without tracking parameters.
    pub url: Option<String>,
    /// Headline: plain text, one line.
    pub title: String,
    /// Byline, one name each.
    pub authors: Vec<String>,
    /// When the source says that it was published.
    pub published: Option<DateTime<Utc>>,
    /// When the source says that it was last changed.
    pub updated: Option<DateTime<Utc>>,
    /// Whole minutes, at least 1.
    #[schemars(range(min = 1))]
    pub reading_time_minutes: u32,
    /// Words of `text`.
    pub word_count: u32,
    /// The feed's abstract, else the first paragraph; plain text of at most 300 characters.
    pub summary: Option<String>,
    /// The body as plain paragraphs with an empty line between them.
    pub text: String,
    /// The body as sanitised HTML.
    pub html: String,
    /// Is the body the whole story?
    pub completeness: Completeness,
    /// Where body, date and byline came from.
    pub provenance: Provenance,
    /// BCP 47 tag.
    pub language: Option<String>,
    /// As the source says.
    pub categories: Vec<String>,
    /// Lead image.
    pub image: Option<String>,
    /// Attached media.
    pub enclosures: Vec<Enclosure>,
    /// The publisher's name.
    pub site: Option<String>,
    /// The publisher's home page.
    pub site_url: Option<String>,
    /// The copyright line.
    pub rights: Option<String>,
    /// URL of the licence, as machines state it.
    pub license: Option<String>,
    /// Similar posts of the archive, best first.
    pub similar: Vec<SimilarPost>,
    /// The earliest article of which this one is a copy.
    pub duplicate_of: Option<String>,
    /// On the earliest article: its copies.
    pub copies: Vec<ArticleCopy>,
    /// Every feed entry that carried this article.
    pub sightings: Vec<Sighting>,
    /// 1, then one more whenever its source changed title or text.
    #[schemars(range(min = 1))]
    pub revision: u32,
    /// When the archive first had it; null only in `gleaner parse` and `gleaner extract`.
    pub first_seen: Option<DateTime<Utc>>,
    /// When anything but `similar` and `last_seen` last changed; null as above.
    pub last_changed: Option<DateTime<Utc>>,
    /// The earlier states, oldest first; the key is there only where they were asked for (`--revisions`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions: Option<Vec<Revision>>,
}

/// An article that was taken out for good; what an incremental export tells its reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    /// The article's id.
    #[schemars(regex(pattern = "^[a-z2-7]{26}$"))]
    pub id: String,
    /// When it was taken out.
    pub deleted_at: DateTime<Utc>,
}

/// What one source (a feed's entry, or an article's page) says an article is, normalised.
///
/// The same fields as in [`Article`], less those that only the archive knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    /// See [`Article::url`].
    pub url: Option<String>,
    /// See [`Article::title`].
    pub title: String,
    /// See [`Article::authors`].
    pub authors: Vec<String>,
    /// See [`Article::published`].
    pub published: Option<DateTime<Utc>>,
    /// See [`Article::updated`].
    pub updated: Option<DateTime<Utc>>,
    /// See [`Article::reading_time_minutes`].
    pub reading_time_minutes: u32,
    /// See [`Article::word_count`].
    pub word_count: u32,
    /// See [`Article::summary`].
    pub summary: Option<String>,
    /// See [`Article::text`].
    pub text: String,
    /// See [`Article::html`].
    pub html: String,
    /// See [`Article::completeness`].
    pub completeness: Completeness,
    /// See [`Article::provenance`].
    pub provenance: Provenance,
    /// See [`Article::language`].
    pub language: Option<String>,
    /// See [`Article::categories`].
    pub categories: Vec<String>,
    /// See [`Article::image`].
    pub image: Option<String>,
    /// See [`Article::enclosures`].
    pub enclosures: Vec<Enclosure>,
    /// See [`Article::site`].
    pub site: Option<String>,
    /// See [`Article::site_url`].
    pub site_url: Option<String>,
    /// See [`Article::rights`].
    pub rights: Option<String>,
    /// See [`Article::license`].
    pub license: Option<String>,
}

impl Article {
    /// The article that a draft alone makes: of all that only an archive knows, nothing.
    pub fn of(id: String, draft: Draft) -> Self {
        Self {
            id,
            url: draft.url,
            title: draft.title,
            authors: draft.authors,
            published: draft.published,
            updated: draft.updated,
            reading_time_minutes: draft.reading_time_minutes,
            word_count: draft.word_count,
            summary: draft.summary,
            text: draft.text,
            html: draft.html,
            completeness: draft.completeness,
            provenance: draft.provenance,
            language: draft.language,
            categories: draft.categories,
            image: draft.image,
            enclosures: draft.enclosures,
            site: draft.site,
            site_url: draft.site_url,
            rights: draft.rights,
            license: draft.license,
            similar: Vec::new(),
            duplicate_of: None,
            copies: Vec::new(),
            sightings: Vec::new(),
            revision: 1,
            revisions: None,
            first_seen: None,
            last_changed: None,
        }
    }
}
