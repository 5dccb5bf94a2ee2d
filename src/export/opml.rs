//! `opml`: OPML 2.0 with one outline a feed and in it one an article, so that an outliner shows the archive and a
//! subscription reader finds the feeds.
//!
//! An article stands under the first feed that had it; the archive gives all of one feed together. A feed whose URL
//! nobody knows any more is an outline with its name alone, because `type="rss"` needs `xmlUrl`; an article without a
//! permalink has its `urn:gleaner:` name as `url`, because `type="link"` needs one.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use url::Url;

use super::text::{byline, one_line};
use super::xml::XmlWriter;
use super::{ArticleWriter, Head};
use crate::article::Article;

/// `opml`.
pub(super) struct Opml<W: Write> {
    xml: XmlWriter<W>,
    head: Head,
    open_feed: Option<String>,
}

impl<W: Write> Opml<W> {
    pub(super) fn new(out: W) -> Self {
        Self { xml: XmlWriter::new(out), head: Head::default(), open_feed: None }
    }

    fn close_feed(&mut self) -> io::Result<()> {
        match self.open_feed.take() {
            Some(_) => self.xml.close("outline"),
            None => Ok(()),
        }
    }

    fn open_feed(&mut self, name: &str, title: Option<&str>) -> io::Result<()> {
        match self.head.feeds.get(name) {
            Some(feed) => {
                let xml_url = without_credentials(&feed.xml_url);
                let text = if feed.title.is_empty() { name } else { &feed.title };
                let mut attributes = vec![("type", "rss"), ("text", text), ("xmlUrl", &*xml_url)];
                if let Some(html_url) = &feed.html_url {
                    attributes.push(("htmlUrl", html_url));
                }
                self.xml.open("outline", &attributes)?;
            }
            None => self.xml.open("outline", &[("text", title.unwrap_or(name))])?,
        }
        self.open_feed = Some(name.to_owned());
        Ok(())
    }
}

impl<W: Write> ArticleWriter for Opml<W> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        self.head = head.clone();
        self.xml.declaration()?;
        self.xml.open("opml", &[("version", "2.0")])?;
        self.xml.open("head", &[])?;
        self.xml.text("title", &[], head.title())?;
        if let Some(updated) = head.updated {
            self.xml.text("dateModified", &[], &rfc822(updated))?;
        }
        self.xml.text("docs", &[], "https://opml.org/spec2.opml")?;
        self.xml.close("head")?;
        self.xml.open("body", &[])
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        let (feed, feed_title) = match article.sightings.first() {
            Some(sighting) => (sighting.feed.as_str(), sighting.feed_title.as_deref()),
            None => ("", article.site.as_deref()),
        };
        if self.open_feed.as_deref() != Some(feed) {
            self.close_feed()?;
            self.open_feed(feed, feed_title)?;
        }
        let url = article.url.clone().unwrap_or_else(|| format!("urn:gleaner:{}", article.id));
        let title = one_line(&article.title);
        let created = article.published.map(rfc822);
        let author = byline(&article.authors);
        let category = article.categories.join(",");
        let mut attributes = vec![("type", "link"), ("text", if title.is_empty() { &*url } else { &*title }), ("url", &*url)];
        if let Some(created) = &created {
            attributes.push(("created", created));
        }
        if let Some(author) = &author {
            attributes.push(("author", author));
        }
        if !category.is_empty() {
            attributes.push(("category", &*category));
        }
        self.xml.empty("outline", &attributes)
    }

    fn end(&mut self) -> io::Result<()> {
        self.close_feed()?;
        self.xml.close("body")?;
        self.xml.close("opml")?;
        self.xml.end()
    }
}

/// RFC 822 with a year of four digits, as the OPML specification shows it.
fn rfc822(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A feed's URL without user name and password: exports are passed on.
pub(super) fn without_credentials(text: &str) -> String {
    match Url::parse(text) {
        Ok(mut url) if !url.username().is_empty() || url.password().is_some() => {
            // Fails only for URLs that cannot have credentials, and those have none.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::events::Event;

    use crate::export::{FeedOutline, Format, fixture};

    /// The outlines as (depth, attributes).
    fn outlines(text: &str) -> Vec<(usize, Vec<(String, String)>)> {
        let mut reader = quick_xml::Reader::from_str(text);
        let (mut depth, mut found) = (0, Vec::new());
        loop {
            let event = reader.read_event().unwrap();
            let (start, opens) = match event {
                Event::Start(start) => (start, true),
                Event::Empty(start) => (start, false),
                Event::End(_) => {
                    depth -= 1;
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            if start.name().as_ref() == "outline" {
                let attributes = start.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
                    (attribute.key.as_ref().to_owned(), value)
                });
                found.push((depth, attributes.collect()));
            }
            depth += usize::from(opens);
        }
        found
    }

    fn attribute<'a>(outline: &'a [(String, String)], key: &str) -> Option<&'a str> {
        outline.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn articles_stand_under_their_first_feed_and_feeds_are_found_by_xml_url() {
        let text = String::from_utf8(fixture::export(Format::Opml, &fixture::articles())).unwrap();
        let found = outlines(&text);
        let feeds: Vec<&str> = found.iter().filter_map(|(_, outline)| attribute(outline, "xmlUrl")).collect();
        assert_eq!(feeds, ["https://news.example.org/feed.xml?edition=world"]);
        let depths: Vec<usize> = found.iter().map(|(depth, _)| *depth).collect();
        assert_eq!(depths, [2, 3, 3, 2, 3, 3]);
        for (_, outline) in found.iter().filter(|(depth, _)| *depth == 3) {
            assert_eq!(attribute(outline, "type"), Some("link"));
            assert!(attribute(outline, "url").is_some() && attribute(outline, "text").is_some());
        }
        assert_eq!(attribute(&found[1].1, "created"), Some("Thu, 23 Jan 2025 09:30:00 GMT"));
    }

    #[test]
    fn credentials_never_leave_with_a_feed_url() {
        let mut head = fixture::head();
        let feed = FeedOutline {
            title: "News".to_owned(),
            xml_url: "https://user:secret@example.org/feed".to_owned(),
            html_url: Some("https://news.example.org/".to_owned()),
        };
        head.feeds.insert("example-news".to_owned(), feed);
        for format in [Format::Opml, Format::Atom] {
            let text = String::from_utf8(fixture::export_with(format, &head, &[fixture::full()], &[])).unwrap();
            assert!(text.contains("https://example.org/feed") && !text.contains("secret"), "{text}");
        }
    }
}
