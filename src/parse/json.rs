//! JSON Feed 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>).
//!
//! feed-rs reads the texts where the whole document is as it should be. Beside it everything is read
//! leniently and item by item: one number where a string belongs, a missing title or media type must not cost the whole document. So an item that is no object is left out, a field of the wrong
//! type is absent, and of a document that ends too early the whole items are kept.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use url::Url;

use super::attributes::absolute;
use super::construct::{Entities, looks_like_html, mended};
use super::date::parse_date;
use super::entry::line_of;
use super::model::Texts;
use super::{Category, Document, Entry, FeedHead, FeedLink, Markup, ParseError, Person, Stamp, UpdateHints, Warning};
use crate::article::Enclosure;

/// Reads a JSON Feed; `texts` are feed-rs', none where it refused the document.
///
/// # Errors
/// [`ParseError::NotAFeed`] where the document is no JSON object or names neither version nor items.
pub fn read(text: &str, url: &Url, texts: Vec<Texts>) -> Result<Document, ParseError> {
    let mut found = Found::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let outcome = found.deserialize(&mut deserializer);
    let is_feed = found.has_items || found.text("version").is_some_and(|version| version.contains("jsonfeed.org"));
    let mut warnings = Vec::new();
    match outcome {
        Ok(()) if is_feed => {}
        Err(error) if is_feed && (!found.items.is_empty() || error.is_eof()) => {
            warnings.push(Warning { kind: "cut-off", message: format!("the document is not whole: {error}; the items before are kept") });
        }
        Ok(()) => return Err(ParseError::NotAFeed("a JSON document, but no JSON Feed".into())),
        Err(error) => return Err(ParseError::NotAFeed(format!("not JSON: {error}"))),
    }
    let items = std::mem::take(&mut found.items);
    let authors = people(&found.head);
    let language = found.text("language").map(str::to_owned);
    let mut entries = Vec::with_capacity(items.len());
    let agree = texts.len() == items.len();
    let mut texts = texts.into_iter();
    for (position, item) in items.into_iter().enumerate() {
        let texts = texts.next().filter(|_| agree).unwrap_or_default();
        match item {
            Value::Object(item) => entries.push(entry(item, texts, url, &authors, language.as_deref())),
            _ => warnings.push(Warning { kind: "bad-entry", message: format!("item {} is no object; it was left out", position + 1) }),
        }
    }
    let hubs = list(found.head.get("hubs")).iter().filter_map(|hub| string(hub.get("url")?));
    let own = [("self", "feed_url"), ("next", "next_url")].into_iter().filter_map(|(rel, key)| Some((rel, found.text(key)?.to_owned())));
    let links = own
        .chain(hubs.map(|hub| ("hub", hub)))
        .filter_map(|(rel, address)| Some(FeedLink { rel: rel.to_owned(), url: absolute(url, &address)? }))
        .collect();
    let line = |text: Option<&str>| text.and_then(|text| line_of(&Markup::Text(mended(text.to_owned()))));
    let feed = FeedHead {
        title: line(found.text("title")),
        site_url: found.text("home_page_url").and_then(|page| absolute(url, page)),
        description: line(found.text("description")),
        language,
        rights: None,
        license: None,
        updated: None,
        hints: UpdateHints::default(),
        links,
        generator: None,
    };
    Ok(Document { feed, entries, sitemaps: Vec::new(), warnings })
}

fn entry(mut item: Map<String, Value>, texts: Texts, url: &Url, feed_authors: &[Person], feed_language: Option<&str>) -> Entry {
    let text = |item: &Map<String, Value>, key: &str| string(item.get(key)?);
    let guid = item.get("id").and_then(|id| match id {
        Value::Number(number) => Some(number.to_string()),
        id => string(id),
    });
    let link = text(&item, "url").or_else(|| text(&item, "external_url")).and_then(|link| absolute(url, &link));
    let guid_is_permalink = guid.as_deref().is_some_and(|guid| guid.starts_with("http://") || guid.starts_with("https://"));
    let says = |text: &String| !text.trim().is_empty();
    let mut long = |key: &str, read: Option<String>| match item.remove(key) {
        Some(Value::String(own)) if says(&own) => Some(mended(read.filter(says).unwrap_or(own))),
        _ => None,
    };
    let html = long("content_html", texts.content.clone());
    // feed-rs gives one body: the HTML where there are both.
    let plain_text = long("content_text", texts.content.filter(|_| html.is_none()));
    let summary = long("summary", texts.summary);
    let content = html.map(Markup::Html).or_else(|| {
        // Some publishers put HTML where plain text belongs.
        plain_text.map(|text| if looks_like_html(&text) && text.contains("</") { Markup::Html(text) } else { Markup::Text(text) })
    });
    let authors = people(&item);
    let stamp = |key: &str| text(&item, key).map(|text| Stamp { at: parse_date(&text), text });
    Entry {
        // The format does not say what is relative to what; publishers write what works on the item's own page.
        base: Some(link.clone().unwrap_or_else(|| url.as_str().to_owned())),
        guid,
        link,
        original_link: None,
        guid_is_permalink,
        title: text(&item, "title").map(|title| Markup::Text(mended(title))),
        authors: if authors.is_empty() { feed_authors.to_vec() } else { authors },
        published: stamp("date_published"),
        updated: stamp("date_modified"),
        summary: summary.map(Markup::Text),
        content,
        categories: list(item.get("tags"))
            .iter()
            .filter_map(string)
            .map(|term| Category { term: Entities::default().unescape(&term).into_owned(), scheme: None, label: None })
            .collect(),
        enclosures: list(item.get("attachments")).iter().filter_map(|attachment| enclosure(attachment, url)).collect(),
        image: text(&item, "image").or_else(|| text(&item, "banner_image")).and_then(|image| absolute(url, &image)),
        language: text(&item, "language").or_else(|| feed_language.map(str::to_owned)),
        rights: None,
        license: None,
        source: None,
    }
}

fn enclosure(attachment: &Value, base: &Url) -> Option<Enclosure> {
    Some(Enclosure {
        url: absolute(base, &string(attachment.get("url")?)?)?,
        media_type: attachment.get("mime_type").and_then(string),
        length: attachment.get("size_in_bytes").and_then(Value::as_u64),
    })
}

/// `authors` of version 1.1, else `author` of 1.0.
fn people(object: &Map<String, Value>) -> Vec<Person> {
    let mut people: Vec<Person> = list(object.get("authors")).iter().filter_map(person).collect();
    if people.is_empty() {
        people.extend(object.get("author").and_then(person));
    }
    people
}

fn person(author: &Value) -> Option<Person> {
    let person = match author {
        Value::String(name) => super::person::parse(name)?,
        author => Person { name: author.get("name").and_then(string), email: None, uri: author.get("url").and_then(string) },
    };
    (person != Person::default()).then_some(person)
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A string that says something, trimmed.
fn string(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What was read before the end, or before the first fault.
#[derive(Debug, Default)]
struct Found {
    head: Map<String, Value>,
    items: Vec<Value>,
    has_items: bool,
}

impl Found {
    fn text(&self, key: &str) -> Option<&str> {
        self.head.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Found {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Found {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON Feed object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => {
                    self.has_items = true;
                    map.next_value_seed(Items(&mut self.items))?;
                }
                "version" | "title" | "home_page_url" | "feed_url" | "next_url" | "hubs" | "description" | "language" | "authors"
                | "author" => {
                    let value = map.next_value()?;
                    self.head.insert(key, value);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The items, kept one by one so that a fault loses only what follows.
struct Items<'i>(&'i mut Vec<Value>);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element()? {
            self.0.push(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Document, ParseError> {
        read(text, &Url::parse("https://example.org/feed.json").unwrap(), Vec::new())
    }

    #[test]
    fn every_field_of_an_item_is_read() {
        let document = parse(
            r#"{"version":"https://jsonfeed.org/version/1.1","title":"A Feed","home_page_url":"/","next_url":"?page=2",
            "hubs":[{"type":"WebSub","url":"https://hub.example/"}],"language":"en","authors":[{"name":"Editor"}],
            "items":[{"id":7,"url":"/a","external_url":"https://example.net/","title":"One","content_html":"<p>Body</p>","content_text":"Body",
            "summary":"Short","image":"/i.png","date_published":"2024-01-02T03:04:05Z","date_modified":"2024-01-03T03:04:05Z","tags":["x"],
            "language":"fr","attachments":[{"url":"a.mp3","mime_type":"audio/mpeg","size_in_bytes":12},{"mime_type":"audio/mpeg"}]},
            {"id":"https://example.org/b","content_text":"1 < 2","author":{"name":"Staff writer"}}]}"#,
        )
        .unwrap();
        assert_eq!(document.feed.title.as_deref(), Some("A Feed"));
        assert_eq!(document.feed.site_url.as_deref(), Some("https://example.org/"));
        let links: Vec<_> = document.feed.links.iter().map(|link| (link.rel.as_str(), link.url.as_str())).collect();
        assert_eq!(links, [("next", "https://example.org/feed.json?page=2"), ("hub", "https://hub.example/")]);
        let [one, two] = &document.entries[..] else { panic!("two entries") };
        assert_eq!(one.guid.as_deref(), Some("7"));
        assert_eq!(one.link.as_deref(), Some("https://example.org/a"));
        assert_eq!(one.content, Some(Markup::Html("<p>Body</p>".into())));
        assert_eq!(one.summary, Some(Markup::Text("Short".into())));
        assert_eq!(one.image.as_deref(), Some("https://example.org/i.png"));
        assert_eq!(one.language.as_deref(), Some("fr"));
        assert_eq!(one.authors[0].name.as_deref(), Some("Editor"));
        assert_eq!(one.published.as_ref().unwrap().at, parse_date("2024-01-02T03:04:05Z"));
        assert_eq!(
            one.enclosures,
            [Enclosure { url: "https://example.org/a.mp3".into(), media_type: Some("audio/mpeg".into()), length: Some(12) }]
        );
        assert!(two.guid_is_permalink && two.link.is_none());
        assert_eq!(two.content, Some(Markup::Text("1 < 2".into())));
        assert_eq!(two.authors[0].name.as_deref(), Some("Staff writer"));
    }

    #[test]
    fn one_bad_item_harms_no_other_and_a_cut_keeps_the_whole_ones() {
        let document = parse(r#"{"items":[1,{"id":"a"},{"id":["x"],"title":5}]}"#).unwrap();
        assert_eq!(document.entries.len(), 2);
        assert_eq!(document.warnings[0].kind, "bad-entry");
        let document = parse(r#"{"version":"https://jsonfeed.org/version/1","items":[{"id":"a"},{"id":"b"},{"id":"c","#).unwrap();
        assert_eq!(document.entries.len(), 2);
        assert_eq!(document.warnings[0].kind, "cut-off");
    }

    #[test]
    fn other_json_is_no_feed() {
        for text in ["{}", r#"{"title":"x"}"#, "{", r#"{"items":"x"}"#, &format!("{{\"x\":{}", "[".repeat(100_000))] {
            assert!(matches!(parse(text), Err(ParseError::NotAFeed(_))), "{text:.40}");
        }
    }
}
