//! `jsonfeed`: JSON Feed 1.1. What that has no key for stands in each item's extension `_gleaner`, under the names of
//! the article schema; articles forgotten since the last export in the feed's `_gleaner`.
//!
//! Keys without a value are left out, as the specification has no nulls. `content_text` is always there, because an
//! item needs a content; an attachment needs a `mime_type`, so an unknown one is `application/octet-stream`.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::json::write_line;
use super::{ArticleWriter, Forgotten, Head, out_of_order};
use crate::article::schema::SCHEMA_NAME;
use crate::article::{Article, ArticleCopy, Completeness, Provenance, Revision, Sighting, SimilarPost};

/// Where the extension is described.
const ABOUT: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/formats.md");

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FirstItem,
    Items,
    Forgotten,
}

/// `jsonfeed`.
pub(super) struct JsonFeed<W> {
    out: W,
    at: At,
}

impl<W: Write> JsonFeed<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, at: At::FirstItem }
    }

    /// Ends the items and opens the feed's extension, last because what was forgotten comes last.
    fn end_items(&mut self) -> io::Result<()> {
        self.out.write_all(if self.at == At::Items { b"\n]" } else { b"]" })?;
        write!(self.out, ",\"_gleaner\":{{\"about\":\"{ABOUT}\",\"schema\":\"{SCHEMA_NAME}\"")
    }
}

impl<W: Write> ArticleWriter for JsonFeed<W> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        self.out.write_all(b"{\"version\":\"https://jsonfeed.org/version/1.1\"")?;
        for (key, value) in
            [("title", Some(head.title())), ("home_page_url", head.base_url.as_deref()), ("feed_url", head.self_url.as_deref())]
        {
            if let Some(value) = value {
                write!(self.out, ",\"{key}\":")?;
                write_line(&mut self.out, value)?;
            }
        }
        self.out.write_all(b",\"items\":[")
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        let separator: &[u8] = match self.at {
            At::FirstItem => b"\n",
            At::Items => b",\n",
            At::Forgotten => return Err(out_of_order()),
        };
        self.out.write_all(separator)?;
        self.at = At::Items;
        write_line(&mut self.out, &Item::from(article))
    }

    fn forgotten(&mut self, forgotten: &Forgotten) -> io::Result<()> {
        if self.at == At::Forgotten {
            self.out.write_all(b",\n")?;
        } else {
            self.end_items()?;
            self.out.write_all(b",\"forgotten\":[\n")?;
            self.at = At::Forgotten;
        }
        write_line(&mut self.out, forgotten)
    }

    fn end(&mut self) -> io::Result<()> {
        if self.at == At::Forgotten {
            self.out.write_all(b"\n]")?;
        } else {
            self.end_items()?;
        }
        self.out.write_all(b"}}\n")?;
        self.out.flush()
    }
}

/// An item (JSON Feed 1.1, "Items").
#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    content_html: &'a str,
    content_text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_published: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_modified: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    _gleaner: Extension<'a>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a str,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

/// The rest of the article schema.
#[derive(Serialize)]
struct Extension<'a> {
    reading_time_minutes: u32,
    word_count: u32,
    completeness: Completeness,
    provenance: Provenance,
    site: Option<&'a str>,
    site_url: Option<&'a str>,
    rights: Option<&'a str>,
    license: Option<&'a str>,
    similar: &'a [SimilarPost],
    duplicate_of: Option<&'a str>,
    copies: &'a [ArticleCopy],
    sightings: &'a [Sighting],
    revision: u32,
    first_seen: Option<DateTime<Utc>>,
    last_changed: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revisions: Option<&'a [Revision]>,
}

impl<'a> From<&'a Article> for Item<'a> {
    fn from(article: &'a Article) -> Self {
        Self {
            id: &article.id,
            url: article.url.as_deref(),
            title: &article.title,
            content_html: &article.html,
            content_text: &article.text,
            summary: article.summary.as_deref(),
            image: article.image.as_deref(),
            date_published: article.published,
            date_modified: article.updated,
            authors: article.authors.iter().map(|name| Author { name }).collect(),
            tags: &article.categories,
            language: article.language.as_deref(),
            attachments: article
                .enclosures
                .iter()
                .map(|enclosure| Attachment {
                    url: &enclosure.url,
                    mime_type: enclosure.media_type.as_deref().unwrap_or("application/octet-stream"),
                    size_in_bytes: enclosure.length,
                })
                .collect(),
            _gleaner: Extension {
                reading_time_minutes: article.reading_time_minutes,
                word_count: article.word_count,
                completeness: article.completeness,
                provenance: article.provenance,
                site: article.site.as_deref(),
                site_url: article.site_url.as_deref(),
                rights: article.rights.as_deref(),
                license: article.license.as_deref(),
                similar: &article.similar,
                duplicate_of: article.duplicate_of.as_deref(),
                copies: &article.copies,
                sightings: &article.sightings,
                revision: article.revision,
                first_seen: article.first_seen,
                last_changed: article.last_changed,
                revisions: article.revisions.as_deref(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::export::{Format, fixture};

    #[test]
    fn a_reader_gets_back_what_was_exported() {
        let articles = fixture::articles();
        let feed = feed_rs::parser::parse(fixture::export(Format::Jsonfeed, &articles).as_slice()).unwrap();
        assert_eq!(feed.title.unwrap().content, "Gleaner");
        assert_eq!(feed.entries.len(), articles.len());
        for (entry, article) in feed.entries.iter().zip(&articles) {
            assert_eq!(entry.id, article.id);
            assert_eq!(entry.title.as_ref().map_or("", |title| &title.content), article.title);
            assert_eq!((entry.published, entry.updated), (article.published, article.updated));
            let authors: Vec<&str> = entry.authors.iter().filter_map(|author| author.name.as_deref()).collect();
            assert_eq!(authors, article.authors);
            let categories: Vec<&str> = entry.categories.iter().map(|category| category.term.as_str()).collect();
            assert_eq!(categories, article.categories);
            let body = entry.content.as_ref().and_then(|content| content.body.as_deref()).unwrap_or_default();
            assert_eq!(body, article.html);
        }
    }

    #[test]
    fn the_feed_has_what_the_specification_requires_and_no_nulls() {
        let bytes = fixture::export_with(Format::Jsonfeed, &fixture::head(), &fixture::articles(), &[fixture::forgotten()]);
        let feed: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
        assert!(feed["title"].is_string());
        assert_eq!(feed["_gleaner"]["forgotten"][0]["id"], "bbbbbbbbbbbbbbbbbbbbbbbbbb");
        for item in feed["items"].as_array().unwrap() {
            assert!(item["id"].is_string() && (item["content_html"].is_string() || item["content_text"].is_string()));
            for (key, value) in item.as_object().unwrap() {
                assert!(!value.is_null(), "{key}");
            }
            for attachment in item["attachments"].as_array().into_iter().flatten() {
                assert!(attachment["url"].is_string() && attachment["mime_type"].is_string());
            }
        }
        let empty: Value = serde_json::from_slice(&fixture::export(Format::Jsonfeed, &[])).unwrap();
        assert_eq!(empty["items"], serde_json::json!([]));
    }

    #[test]
    fn nothing_of_the_schema_is_lost() {
        let article = fixture::full();
        let feed: Value = serde_json::from_slice(&fixture::export(Format::Jsonfeed, std::slice::from_ref(&article))).unwrap();
        let (item, rest) = (&feed["items"][0], &feed["items"][0]["_gleaner"]);
        let renamed = [
            ("text", "content_text"),
            ("html", "content_html"),
            ("published", "date_published"),
            ("updated", "date_modified"),
            ("categories", "tags"),
        ];
        for (key, value) in serde_json::to_value(&article).unwrap().as_object().unwrap() {
            if matches!(key.as_str(), "authors" | "enclosures") {
                continue;
            }
            let name = renamed.iter().find(|(ours, _)| ours == key).map_or(key.as_str(), |(_, theirs)| theirs);
            assert!(item.get(name) == Some(value) || rest.get(name) == Some(value), "{key}");
        }
    }
}
