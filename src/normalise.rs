//! An entry becomes a [`Draft`]: every field of the schema that the entry alone can tell, computed by pure rules.
//!
//! Each rule lives in a module of [`crate::article`]; here they are put together in the order in which they need
//! one another: the body before the text, the text before the summary, the length and the language.

use chrono::{DateTime, Utc};
use url::Url;

use crate::article::{
    Draft, Enclosure, Origin, Provenance, authors, boilerplate,
    completeness::{self, Signs},
    dates, entities, html, language, pixels, summary,
    tags::{Piece, pieces},
    text, title, url as address, words,
};
use crate::parse::{Category, Entry, FeedHead, Markup, Stamp};

/// What normalising depends on beside the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormaliseSettings {
    /// Words a minute.
    pub reading_speed: u32,
    /// The language that the operator gave the feed: used where neither entry nor feed declares one.
    pub feed_language: Option<String>,
    /// The time of the poll: later dates than a day from it are not believed.
    pub now: DateTime<Utc>,
}

/// Makes the draft of one entry, and the names of what was not believed (a date of 2099, say).
pub fn normalise(entry: &Entry, feed: &FeedHead, settings: &NormaliseSettings) -> (Draft, Vec<String>) {
    let mut warnings = Vec::new();
    let url = permalink(entry);
    let base = body_base(entry, feed, url.as_deref());
    let title = entry.title.as_ref().map(title::headline).unwrap_or_default();
    let authors = authors::names(&entry.authors);

    let body = entry.content.as_ref().filter(|content| !is_blank(content)).or(entry.summary.as_ref());
    let has_content = entry.content.as_ref().is_some_and(|content| !is_blank(content));
    let html = body.map(|body| sanitised(body, base.as_ref())).unwrap_or_default();
    let mut paragraphs = text::paragraphs(&html);
    let unabridged = paragraphs.blocks().len();
    let end_of_body = paragraphs.iter().next_back().map(|(_, text)| text.to_owned()).unwrap_or_default();
    let copyright = boilerplate::remove(&mut paragraphs, &title, &authors);
    let text = paragraphs.to_text();
    let length = words::measure(&text);

    // An abstract stands beside a fuller body; alone, it is the body.
    let given = entry.summary.as_ref().filter(|_| has_content).filter(|given| Some(*given) != entry.content.as_ref());
    let given = given.map(|given| text::paragraphs(&sanitised(given, base.as_ref())));
    let abstract_words = given.as_ref().map(|given| given.iter().map(|(_, text)| words::measure(text).word_count()).sum());
    let summary = given.as_ref().and_then(summary::from_abstract).or_else(|| summary::from_body(&paragraphs));

    // The last paragraph may have been nothing but "read more": it is a sign all the same.
    let last = paragraphs.iter().next_back().map(|(_, text)| text).unwrap_or_default();
    let led_on = unabridged > paragraphs.blocks().len() && summary::leads_on(&end_of_body);
    let completeness = completeness::judge(&Signs {
        body: if led_on { &end_of_body } else { last },
        words: length.word_count(),
        abstract_words,
        has_content,
        paragraphs: paragraphs.blocks().len(),
        has_enclosure: !entry.enclosures.is_empty(),
        has_page: url.is_some(),
    });

    let published = believed(entry.published.as_ref(), "published", settings.now, &mut warnings);
    let updated = believed(entry.updated.as_ref(), "updated", settings.now, &mut warnings);
    let language = [entry.language.as_deref(), feed.language.as_deref(), settings.feed_language.as_deref()]
        .into_iter()
        .flatten()
        .find_map(language::normalise)
        .or_else(|| language::detect(&text));
    let (site, site_url) = publisher(entry, feed);
    let from_feed = |present: bool| present.then_some(Origin::Feed);

    let draft = Draft {
        url,
        authors: authors.clone(),
        published,
        updated,
        reading_time_minutes: length.reading_time_minutes(settings.reading_speed),
        word_count: length.word_count(),
        summary,
        completeness,
        provenance: Provenance {
            body: from_feed(!html.is_empty()),
            published: from_feed(published.is_some()),
            authors: from_feed(!authors.is_empty()),
        },
        language,
        categories: categories(&entry.categories),
        image: entry.image.as_deref().and_then(|image| web_url(image, base.as_ref())).or_else(|| first_image(&html)),
        enclosures: enclosures(&entry.enclosures, base.as_ref()),
        site,
        site_url,
        rights: [entry.rights.as_deref(), feed.rights.as_deref(), copyright.as_deref()]
            .into_iter()
            .flatten()
            .map(plain)
            .find(|line| !line.is_empty()),
        license: [entry.license.as_deref(), feed.license.as_deref()].into_iter().flatten().find_map(|license| web_url(license, None)),
        title,
        text,
        html,
    };
    (draft, warnings)
}

/// The address of the article's page: the link before a redirector, else the link, else a guid that is declared to
/// be a permalink.
fn permalink(entry: &Entry) -> Option<String> {
    let base = entry.base.as_deref().and_then(|base| Url::parse(base).ok());
    let guid = entry.guid.as_deref().filter(|guid| entry.guid_is_permalink && is_web(guid));
    [entry.original_link.as_deref(), entry.link.as_deref(), guid].into_iter().flatten().find_map(|link| {
        let link = link.trim();
        let url = Url::parse(link).ok().or_else(|| (!link.is_empty()).then(|| base.as_ref()?.join(link).ok()).flatten())?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| address::permalink(&url).into())
    })
}

/// What relative addresses in the body are relative to.
fn body_base(entry: &Entry, feed: &FeedHead, url: Option<&str>) -> Option<Url> {
    [entry.base.as_deref(), url, feed.site_url.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|base| Url::parse(base).ok().filter(|base| !base.cannot_be_a_base()))
}

fn is_web(url: &str) -> bool {
    let scheme = |start: &str| url.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    scheme("http://") || scheme("https://")
}

fn web_url(url: &str, base: Option<&Url>) -> Option<String> {
    let url = url.trim();
    if url.is_empty() {
        return None;
    }
    let url = Url::parse(url).ok().or_else(|| base?.join(url).ok())?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

fn is_blank(markup: &Markup) -> bool {
    let (Markup::Text(text) | Markup::Html(text)) = markup;
    text.trim().is_empty()
}

fn sanitised(markup: &Markup, base: Option<&Url>) -> String {
    match markup {
        Markup::Text(text) => html::from_plain_text(text),
        Markup::Html(source) => html::sanitise(source, base),
    }
}

fn believed(stamp: Option<&Stamp>, field: &str, now: DateTime<Utc>, warnings: &mut Vec<String>) -> Option<DateTime<Utc>> {
    match dates::credible(stamp?, field, now) {
        Ok(at) => Some(at),
        Err(reason) => {
            warnings.push(reason);
            None
        }
    }
}

/// Plain text of a line that may hold mark-up (a copyright line).
fn plain(line: &str) -> String {
    title::headline(&Markup::Html(line.to_owned()))
}

/// What people read: the label, else the term.
fn categories(categories: &[Category]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for category in categories {
        let label = category.label.as_deref().map(title::label).filter(|label| !label.is_empty());
        let name = label.unwrap_or_else(|| title::label(&category.term));
        if !name.is_empty() && !names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    names
}

fn enclosures(enclosures: &[Enclosure], base: Option<&Url>) -> Vec<Enclosure> {
    let mut kept: Vec<Enclosure> = Vec::new();
    for enclosure in enclosures {
        let address = enclosure.url.trim();
        // An attached medium may be a torrent's magnet link: any absolute address is one.
        let Some(url) = Url::parse(address).ok().or_else(|| base?.join(address).ok()).filter(|_| !address.is_empty()) else { continue };
        let url = String::from(url);
        if !kept.iter().any(|known| known.url == url) {
            kept.push(Enclosure {
                url,
                media_type: enclosure.media_type.as_deref().map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned),
                length: enclosure.length,
            });
        }
    }
    kept
}

/// The first picture of a sanitised body.
fn first_image(html: &str) -> Option<String> {
    if !html.contains("<img") {
        return None;
    }
    pieces(html).find_map(|(piece, _)| {
        let Piece::Open(tag) = piece else { return None };
        if tag.name != "img" {
            return None;
        }
        let attribute = |wanted: &str| tag.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let src = entities::decode_canonical(attribute("src")?).into_owned();
        (!pixels::is_icon(&src, attribute("width"), attribute("height"))).then_some(src)
    })
}

/// Name and home page of the publisher: of the feed that a re-published entry comes from, else of this feed.
fn publisher(entry: &Entry, feed: &FeedHead) -> (Option<String>, Option<String>) {
    let name = |title: Option<&str>| title.map(title::label).filter(|title| !title.is_empty());
    if let Some(source) = &entry.source
        && (source.title.is_some() || source.url.is_some())
    {
        return (name(source.title.as_deref()), source.url.as_deref().and_then(|url| web_url(url, None)));
    }
    (name(feed.title.as_deref()), feed.site_url.as_deref().and_then(|url| web_url(url, None)))
}
