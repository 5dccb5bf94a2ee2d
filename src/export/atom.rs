//! `atom`: a feed of articles by RFC 4287, that any reader and Gleaner itself can subscribe to.
//!
//! An entry's id is `urn:gleaner:` and the article's id, since permalinks need not be unique and guids need not be
//! IRIs. `source` (RFC 4287 §4.2.11) names the publisher, by which another Gleaner knows that the entry is the
//! publisher's own page and gives the article the same id.
//!
//! Every entry needs an author (§4.1.2). One without a byline has its publisher as the author of its `source`: what
//! the standard provides for that, and no reader takes it for a byline. The date `updated` is required too; where the
//! article has none, `published` stands for it, else `first_seen`.
//!
//! Forgotten articles are tombstones by RFC 6721; the lead image is a `media:thumbnail`, the licence a link by RFC 4946.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use super::xml::XmlWriter;
use super::{ArticleWriter, FeedOutline, Forgotten, Head};
use crate::article::Article;

/// `atom`.
pub(super) struct Atom<W: Write> {
    xml: XmlWriter<W>,
    head: Head,
}

impl<W: Write> Atom<W> {
    pub(super) fn new(out: W) -> Self {
        Self { xml: XmlWriter::new(out), head: Head::default() }
    }

    fn source(&mut self, article: &Article) -> io::Result<()> {
        let first = article.sightings.first();
        // A feed that only passes on what others publish is not where the entry comes from.
        let feed: Option<&FeedOutline> = first
            .and_then(|sighting| self.head.feeds.get(&sighting.feed))
            .filter(|feed| article.site_url.is_none() || article.site_url == feed.html_url);
        let feed_url = feed.map(|feed| super::opml::without_credentials(&feed.xml_url));
        let title = article.site.as_deref().or(first.and_then(|sighting| sighting.feed_title.as_deref()));
        let author = title.or(first.map(|sighting| sighting.feed.as_str()));

        self.xml.open("source", &[])?;
        if let Some(id) = feed_url.as_deref().or(article.site_url.as_deref()) {
            self.xml.text("id", &[], id)?;
        }
        if let Some(title) = title {
            self.xml.text("title", &[], title)?;
        }
        self.xml.text("updated", &[], &time(updated(article)))?;
        if let Some(site_url) = &article.site_url {
            self.xml.empty("link", &[("rel", "alternate"), ("href", site_url)])?;
        }
        if let Some(feed_url) = &feed_url {
            self.xml.empty("link", &[("rel", "self"), ("href", feed_url)])?;
        }
        if article.authors.is_empty() {
            self.xml.open("author", &[])?;
            self.xml.text("name", &[], author.unwrap_or_else(|| self.head.title()))?;
            self.xml.close("author")?;
        }
        self.xml.close("source")
    }
}

impl<W: Write> ArticleWriter for Atom<W> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        self.head = head.clone();
        let id = match (&head.id, &head.self_url, &head.base_url) {
            (Some(iri), _, _) | (None, Some(iri), _) | (None, None, Some(iri)) => iri,
            (None, None, None) => "urn:gleaner:articles",
        };
        self.xml.declaration()?;
        self.xml.open(
            "feed",
            &[
                ("xmlns", "http://www.w3.org/2005/Atom"),
                ("xmlns:media", "http://search.yahoo.com/mrss/"),
                ("xmlns:at", "http://purl.org/atompub/tombstones/1.0"),
            ],
        )?;
        self.xml.text("id", &[], id)?;
        self.xml.text("title", &[], head.title())?;
        self.xml.text("updated", &[], &time(head.updated.unwrap_or_default()))?;
        self.xml.text("generator", &[("uri", env!("CARGO_PKG_REPOSITORY"))], "Gleaner")?;
        if let Some(base_url) = &head.base_url {
            self.xml.empty("link", &[("rel", "alternate"), ("type", "text/html"), ("href", base_url)])?;
        }
        if let Some(self_url) = &head.self_url {
            self.xml.empty("link", &[("rel", "self"), ("type", "application/atom+xml"), ("href", self_url)])?;
        }
        Ok(())
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        match &article.language {
            Some(language) => self.xml.open("entry", &[("xml:lang", language)])?,
            None => self.xml.open("entry", &[])?,
        }
        self.xml.text("id", &[], &entry_id(&article.id))?;
        self.xml.text("title", &[("type", "text")], &article.title)?;
        if let Some(url) = &article.url {
            self.xml.empty("link", &[("rel", "alternate"), ("href", url)])?;
        }
        if let Some(published) = article.published {
            self.xml.text("published", &[], &time(published))?;
        }
        self.xml.text("updated", &[], &time(updated(article)))?;
        for author in &article.authors {
            self.xml.open("author", &[])?;
            self.xml.text("name", &[], author)?;
            self.xml.close("author")?;
        }
        for category in &article.categories {
            self.xml.empty("category", &[("term", category)])?;
        }
        if let Some(summary) = &article.summary {
            self.xml.text("summary", &[("type", "text")], summary)?;
        }
        if !article.html.is_empty() {
            self.xml.text("content", &[("type", "html")], &article.html)?;
        } else if !article.text.is_empty() || article.url.is_none() {
            // An entry without a link needs a content, though an empty one (RFC 4287 §4.1.2).
            self.xml.text("content", &[("type", "text")], &article.text)?;
        }
        for enclosure in &article.enclosures {
            let length = enclosure.length.map(|length| length.to_string());
            let mut attributes = vec![("rel", "enclosure"), ("href", enclosure.url.as_str())];
            if let Some(media_type) = enclosure.media_type.as_deref().filter(|media_type| is_media_type(media_type)) {
                attributes.push(("type", media_type));
            }
            if let Some(length) = &length {
                attributes.push(("length", length));
            }
            self.xml.empty("link", &attributes)?;
        }
        if let Some(image) = &article.image {
            self.xml.empty("media:thumbnail", &[("url", image)])?;
        }
        if let Some(rights) = &article.rights {
            self.xml.text("rights", &[("type", "text")], rights)?;
        }
        if let Some(license) = &article.license {
            self.xml.empty("link", &[("rel", "license"), ("href", license)])?;
        }
        self.source(article)?;
        self.xml.close("entry")
    }

    fn forgotten(&mut self, forgotten: &Forgotten) -> io::Result<()> {
        let attributes = [("ref", &*entry_id(&forgotten.id)), ("when", &*time(forgotten.deleted_at))];
        self.xml.empty("at:deleted-entry", &attributes)
    }

    fn end(&mut self) -> io::Result<()> {
        self.xml.close("feed")?;
        self.xml.end()
    }
}

/// The IRI that names an article in feeds.
fn entry_id(id: &str) -> String {
    format!("urn:gleaner:{id}")
}

fn updated(article: &Article) -> DateTime<Utc> {
    article.updated.or(article.published).or(article.first_seen).unwrap_or_default()
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The schema of RFC 4287 (appendix B, `atomMediaType`) wants something on both sides of a slash.
fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, fixture};

    fn export(articles: &[Article]) -> String {
        String::from_utf8(fixture::export(Format::Atom, articles)).unwrap()
    }

    #[test]
    fn a_reader_gets_back_what_was_exported() {
        let articles = fixture::articles();
        let feed = feed_rs::parser::parse(export(&articles).as_bytes()).unwrap();
        assert_eq!(feed.title.unwrap().content, "Gleaner");
        assert!(feed.authors.is_empty());
        assert_eq!(feed.entries.len(), articles.len());
        for (entry, article) in feed.entries.iter().zip(&articles) {
            let legal = |text: &str| text.chars().filter(|c| is_legal_in_xml(*c)).collect::<String>();
            assert_eq!(entry.id, format!("urn:gleaner:{}", article.id));
            assert_eq!(entry.title.as_ref().unwrap().content, legal(&article.title));
            assert_eq!(entry.published, article.published);
            assert_eq!(entry.updated, Some(updated(article)));
            let authors: Vec<&str> = entry.authors.iter().filter_map(|author| author.name.as_deref()).collect();
            assert_eq!(authors, article.authors);
            let categories: Vec<&str> = entry.categories.iter().map(|category| category.term.as_str()).collect();
            assert_eq!(categories, article.categories);
            assert_eq!(entry.summary.as_ref().map(|summary| summary.content.clone()), article.summary.as_deref().map(legal));
            let body = entry.content.as_ref().and_then(|content| content.body.clone()).unwrap_or_default();
            assert_eq!(body, legal(&article.html));
            assert_eq!(entry.rights.as_ref().map(|rights| rights.content.as_str()), article.rights.as_deref());
            let link = |rel: &str| entry.links.iter().filter(|link| link.rel.as_deref() == Some(rel)).collect::<Vec<_>>();
            assert_eq!(link("alternate").first().map(|link| link.href.as_str()), article.url.as_deref());
            assert_eq!(link("license").first().map(|link| link.href.as_str()), article.license.as_deref());
            for (link, enclosure) in link("enclosure").iter().zip(&article.enclosures) {
                assert_eq!((&link.href, &link.media_type, link.length), (&enclosure.url, &enclosure.media_type, enclosure.length));
            }
            assert_eq!(link("enclosure").len(), article.enclosures.len());
        }
    }

    fn is_legal_in_xml(c: char) -> bool {
        !c.is_control() || matches!(c, '\t' | '\n' | '\r')
    }

    #[test]
    fn every_entry_has_what_the_standard_requires() {
        for article in fixture::articles() {
            let text = export(&[article]);
            let (_, entry) = text.split_once("<entry").unwrap();
            for element in ["<id>", "<title type=\"text\">", "<updated>", "<author>"] {
                assert!(entry.contains(element), "{element} in {entry}");
            }
            assert!(entry.contains("rel=\"alternate\"") || entry.contains("<content"));
        }
    }

    #[test]
    fn a_feed_that_passes_on_what_others_publish_is_not_the_source() {
        let mut article = fixture::full();
        article.site_url = Some("https://elsewhere.example.com/".to_owned());
        let text = export(&[article]);
        assert!(text.contains("<link rel=\"alternate\" href=\"https://elsewhere.example.com/\"/>"), "{text}");
        assert!(!text.contains("feed.xml"), "{text}");
    }

    #[test]
    fn a_forgotten_article_is_a_tombstone() {
        let text = fixture::export_with(Format::Atom, &fixture::head(), &[], &[fixture::forgotten()]);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r#"<at:deleted-entry ref="urn:gleaner:bbbbbbbbbbbbbbbbbbbbbbbbbb" when="2026-02-03T04:05:06Z"/>"#), "{text}");
    }
}
