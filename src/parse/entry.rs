//! Entries put together from feed-rs' texts and the facts of the pass beside it: which of several titles, dates, links and
//! texts counts.

use url::Url;

use super::attributes::absolute;
use super::construct::{Construct, Entities};
use super::facts::{Facts, Guid, GuidKind, Reading};
use super::model::Texts;
use super::{Entry, FeedHead, Markup, Source};
use crate::article::Enclosure;
use crate::article::title::headline;

/// What holds for all entries of a document.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// The document's URL.
    pub url: &'a Url,
    /// Its entities.
    pub entities: &'a Entities,
    /// The feed itself.
    pub head: &'a Facts<'a>,
    /// `xml:lang` of the root.
    pub root_language: Option<&'a str>,
    /// Atom?
    pub atom: bool,
}

/// The feed itself.
pub fn head(reading: &Reading<'_>, entities: &Entities) -> FeedHead {
    let facts = &reading.head;
    let line = |construct: &Construct<'_>| construct.markup(entities).as_ref().and_then(line_of);
    FeedHead {
        title: facts.title.as_ref().or(facts.media_title.as_ref()).and_then(line),
        site_url: facts.link.clone().or_else(|| facts.other_alternate.clone()),
        description: facts.descriptions.first().or(facts.subtitle.as_ref()).and_then(line),
        language: facts.language.clone().or_else(|| reading.root_language.as_deref().map(str::to_owned)),
        rights: facts.rights.as_ref().and_then(line),
        license: facts.license.clone(),
        updated: [&facts.updated, &facts.published, &facts.date].into_iter().flatten().find_map(|stamp| stamp.at),
        hints: reading.hints.clone(),
        links: facts.feed_links.clone(),
        generator: facts.generator.clone(),
    }
}

/// One entry. `texts` are feed-rs'; there are none where it refused the document.
pub fn assemble(facts: Facts<'_>, texts: Texts, common: Common<'_>) -> Entry {
    let entities = common.entities;
    let line = |construct: &Construct<'_>| construct.markup(entities).as_ref().and_then(line_of);
    let body = bodies(&facts, texts, common);
    let (published, updated) = match (facts.published, facts.updated, facts.date) {
        (Some(published), None, date) => (Some(published), date),
        (published, updated, date) => (published.or(date), updated),
    };
    let published = if published.is_none() && updated.is_none() { facts.created } else { published };
    let (guid, guid_is_permalink, guid_link) = match facts.guid {
        Some(guid) => permalink(guid, common.url),
        None => (None, false, None),
    };
    let authors = if !facts.authors.is_empty() {
        facts.authors
    } else if let Some(source) = facts.source.as_ref().filter(|source| !source.authors.is_empty()) {
        // Atom wants an author somewhere: a source that names itself stands for an entry without a byline.
        let title = source.title.as_ref().and_then(line);
        source.authors.iter().filter(|author| author.name.is_none() || author.name != title).cloned().collect()
    } else {
        common.head.authors.clone()
    };
    let source = match (&facts.source, &facts.publisher) {
        (Some(source), _) => Some(Source {
            title: source.title.as_ref().and_then(line).or_else(|| source.own_title.clone()),
            url: source.link.clone().or_else(|| source.other_alternate.clone()).or_else(|| source.source_url.clone()),
        }),
        (None, Some(publisher)) => Some(Source { title: Some(publisher.clone()), url: None }),
        (None, None) => None,
    };
    let image = facts
        .media
        .iter()
        .find(|media| media.is("image"))
        .map(|media| media.url.clone())
        .or_else(|| facts.images.into_iter().next())
        .or_else(|| {
            let picture = |enclosure: &&Enclosure| enclosure.media_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
            facts.enclosures.iter().find(picture).map(|enclosure| enclosure.url.clone())
        });
    let mut enclosures = facts.enclosures;
    for media in facts.media.into_iter().filter(|media| media.is("audio") || media.is("video")) {
        if !enclosures.iter().any(|known| known.url == media.url) {
            enclosures.push(Enclosure { url: media.url, media_type: media.media_type, length: media.length });
        }
    }
    let link = facts.link.or(facts.other_alternate).or(guid_link);
    let declared = body.base.or_else(|| facts.base.map(|base| base.as_str().to_owned())).filter(|base| base != common.url.as_str());
    // Atom says what a relative address is relative to (RFC 4287 §2); RSS does not, and there publishers write what
    // works on the article's own page.
    let own_page = facts.original_link.as_ref().or(link.as_ref()).filter(|_| !common.atom).cloned();
    let base = declared.or(own_page).unwrap_or_else(|| common.url.as_str().to_owned());
    Entry {
        guid,
        link,
        original_link: facts.original_link,
        guid_is_permalink,
        title: facts.title.as_ref().or(facts.media_title.as_ref()).and_then(|title| title.markup(entities)),
        authors,
        published,
        updated,
        summary: body.summary,
        content: body.content,
        categories: facts.categories,
        enclosures,
        image,
        language: facts
            .language
            .or(body.language)
            .or_else(|| facts.inherited_language.as_deref().map(str::to_owned))
            .or_else(|| common.head.language.clone())
            .or_else(|| common.root_language.map(str::to_owned)),
        rights: facts.rights.as_ref().and_then(line),
        license: facts.license,
        source: source.filter(|source| *source != Source::default()),
        base: Some(base),
    }
}

/// The guid, whether it is a permalink, and the link that a relative permalink means.
fn permalink(guid: Guid, url: &Url) -> (Option<String>, bool, Option<String>) {
    let Guid { text, declared, kind, base, .. } = guid;
    let scheme = Url::parse(&text).ok().map(|url| url.scheme().to_owned());
    let based = *base != *url;
    match scheme.as_deref() {
        Some("http" | "https") => (Some(text), declared != Some(false), None),
        Some(_) => (Some(text), false, None),
        // A relative id means something only where the document says what it is relative to.
        None if declared == Some(false) || kind == GuidKind::About => (Some(text), false, None),
        None if based && (kind == GuidKind::Id || declared == Some(true)) => {
            let absolute = absolute(&base, &text);
            (absolute.clone(), true, absolute)
        }
        None if declared == Some(true) || text.starts_with('/') => {
            let link = absolute(&base, &text);
            (Some(text), false, link)
        }
        None => (Some(text), false, None),
    }
}

struct Bodies {
    summary: Option<Markup>,
    content: Option<Markup>,
    language: Option<String>,
    base: Option<String>,
}

/// Which of an entry's texts is the body and which the abstract.
fn bodies(facts: &Facts<'_>, texts: Texts, common: Common<'_>) -> Bodies {
    let contents = read(&facts.contents, texts.content, common.entities);
    let descriptions = read(&facts.descriptions, texts.summary, common.entities);
    let mut contents = contents.into_iter();
    let mut descriptions = descriptions.into_iter();
    let (content, summary) = match contents.next() {
        Some(content) => (Some(content), descriptions.next()),
        None => match (descriptions.next(), descriptions.next()) {
            // Of two descriptions the fuller is the body.
            (Some(one), Some(other)) => {
                if length(&other.1) > length(&one.1) {
                    (Some(other), Some(one))
                } else {
                    (Some(one), Some(other))
                }
            }
            (Some(one), None) if common.atom => (None, Some(one)),
            (one, _) => (one, None),
        },
    };
    let (content, summary) = match (content, summary) {
        (None, None) => {
            let media = facts.media_description.as_ref().and_then(|construct| Some((construct, construct.markup(common.entities)?)));
            (media, None)
        }
        both => both,
    };
    // A podcast's one line.
    let summary = summary.or_else(|| {
        let subtitle = facts.subtitle.as_ref()?;
        Some((subtitle, subtitle.markup(common.entities)?))
    });
    let place = content.as_ref().or(summary.as_ref()).map(|(construct, _)| *construct);
    Bodies {
        language: place.and_then(|construct| construct.language.as_deref().map(str::to_owned)),
        base: place.map(|construct| construct.base.as_str().to_owned()),
        summary: summary.map(|(_, markup)| markup),
        content: content.map(|(_, markup)| markup),
    }
}

/// Is there a text of which feed-rs' reading counts? Most documents have none, and need not be read twice.
pub fn wants_texts(facts: &Facts<'_>) -> bool {
    [&facts.contents, &facts.descriptions].into_iter().any(|constructs| matches!(&constructs[..], [alone] if alone.wants_reading()))
}

/// Those that say something, with where they stand. feed-rs' text is that of a construct that stands alone.
fn read<'c, 'a>(constructs: &'c [Construct<'a>], text: Option<String>, entities: &Entities) -> Vec<(&'c Construct<'a>, Markup)> {
    let mut text = text.filter(|_| constructs.len() == 1);
    constructs.iter().filter_map(|construct| Some((construct, construct.markup_of(text.take(), entities)?))).collect()
}

/// One line of plain text; `None` where nothing is left.
pub fn line_of(markup: &Markup) -> Option<String> {
    Some(headline(markup)).filter(|line| !line.is_empty())
}

fn length(markup: &Markup) -> usize {
    let (Markup::Text(text) | Markup::Html(text)) = markup;
    text.len()
}
