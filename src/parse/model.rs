//! What feed-rs read of a document, in our words, with what it invents undone.
//!
//! feed-rs copies RSS `published` into `updated` and would give entries without a guid a random one: neither stays.

use feed_rs::model::{self, FeedType, MediaContent, MediaObject};
use feed_rs::parser::{Builder, ParseFeedError};
use url::Url;

use super::date::parse_date;
use super::{Category, Entry, FeedHead, Markup, Person, Stamp, UpdateHints};
use crate::article::Enclosure;

/// Asks feed-rs. `url` is the base of relative links.
///
/// # Errors
/// What feed-rs says against the document.
pub fn read(text: &str, url: &Url) -> Result<model::Feed, ParseFeedError> {
    Builder::new()
        .base_uri(Some(url.as_str()))
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        .timestamp_parser(parse_date)
        .build()
        .parse(text.as_bytes())
}

/// The feed itself.
pub fn head(feed: &model::Feed) -> FeedHead {
    FeedHead {
        title: feed.title.as_ref().map(|t| t.content.clone()),
        site_url: home_page(feed),
        description: feed.description.as_ref().map(|t| t.content.clone()),
        language: feed.language.clone(),
        rights: feed.rights.as_ref().map(|t| t.content.clone()),
        license: None,
        updated: feed.updated.or(feed.published),
        hints: UpdateHints { interval_minutes: feed.ttl, ..UpdateHints::default() },
    }
}

fn home_page(feed: &model::Feed) -> Option<String> {
    match feed.feed_type {
        FeedType::JSON => feed.links.first().map(|link| link.href.clone()),
        _ => feed.links.iter().find(|link| !matches!(link.rel.as_deref(), Some(rel) if rel != "alternate")).map(|link| link.href.clone()),
    }
}

/// One entry.
pub fn entry(from: model::Entry, feed: &model::Feed) -> Entry {
    let rss = !matches!(feed.feed_type, FeedType::Atom | FeedType::JSON);
    let link = from.links.iter().find(|link| link.target.is_none() && !matches!(link.rel.as_deref(), Some(rel) if rel != "alternate"));
    let link = link.map(|link| link.href.clone());
    let guid = Some(from.id.trim().to_owned()).filter(|id| !id.is_empty());
    let mut enclosures = Vec::new();
    for link in from.links.iter().filter(|link| link.rel.as_deref() == Some("enclosure")) {
        enclosures.push(Enclosure { url: link.href.clone(), media_type: link.media_type.clone(), length: link.length });
    }
    if feed.feed_type == FeedType::JSON {
        for link in from.links.iter().filter(|link| link.media_type.is_some()) {
            enclosures.push(Enclosure { url: link.href.clone(), media_type: link.media_type.clone(), length: link.length });
        }
    }
    for content in from.media.iter().flat_map(|object| &object.content) {
        if let Some(enclosure) = enclosure(content)
            && !enclosures.iter().any(|known| known.url == enclosure.url)
        {
            enclosures.push(enclosure);
        }
    }
    let summary = from.summary.map(|text| markup(text, rss)).filter(has_text);
    let content = from.content.and_then(|content| {
        let html = rss || content.content_type.subty() != "plain";
        content.body.map(|body| if html { Markup::Html(body) } else { Markup::Text(body) })
    });
    let (summary, content) = match (summary, content.filter(has_text)) {
        (Some(summary), None) if rss => (None, Some(summary)),
        both => both,
    };
    let authors = if from.authors.is_empty() { &feed.authors } else { &from.authors };
    Entry {
        guid_is_permalink: link.is_none()
            && guid.as_deref().is_some_and(|guid| guid.starts_with("http://") || guid.starts_with("https://")),
        guid,
        link,
        title: from.title.map(|title| markup(title, rss)).filter(has_text),
        authors: authors.iter().map(person).collect(),
        published: from.published.map(stamp),
        updated: from.updated.filter(|at| !rss || Some(*at) != from.published).map(stamp),
        summary,
        content,
        categories: from
            .categories
            .into_iter()
            .map(|category| Category { term: category.term, scheme: category.scheme, label: category.label })
            .collect(),
        enclosures,
        image: from.media.iter().find_map(image),
        language: from.language.or_else(|| feed.language.clone()),
        rights: from.rights.map(|rights| rights.content),
        ..Entry::default()
    }
}

fn has_text(markup: &Markup) -> bool {
    match markup {
        Markup::Text(text) | Markup::Html(text) => !text.trim().is_empty(),
    }
}

fn markup(text: model::Text, rss: bool) -> Markup {
    if rss || text.content_type.subty() != "plain" { Markup::Html(text.content) } else { Markup::Text(text.content) }
}

fn stamp(at: chrono::DateTime<chrono::Utc>) -> Stamp {
    Stamp { text: at.to_rfc3339(), at: Some(at) }
}

fn person(person: &model::Person) -> Person {
    Person { name: person.name.clone(), email: person.email.clone(), uri: person.uri.clone() }
}

fn enclosure(content: &MediaContent) -> Option<Enclosure> {
    let url = content.url.as_ref()?;
    let media_type = content.content_type.as_ref().map(ToString::to_string);
    Some(Enclosure { url: url.to_string(), media_type, length: content.size })
}

fn image(object: &MediaObject) -> Option<String> {
    object.thumbnails.first().map(|thumbnail| thumbnail.image.uri.clone()).or_else(|| {
        let picture = object.content.iter().find(|content| content.content_type.as_ref().is_some_and(|kind| kind.ty() == "image"))?;
        picture.url.as_ref().map(ToString::to_string)
    })
}
