//! The article of an HTML page: its body without what stands around it, and what the page says of it.
//!
//! The page is read once into a tree (`dom`). What machines are told (JSON-LD, OpenGraph, microdata, `meta`) gives headline,
//! byline, dates and the rest (`metadata`); the body is found by where the prose is (`body`). Both meet in a [`Draft`] by the
//! same rules that a feed's entry goes through. Nothing here knows a clock, a network or a disk.

mod blocks;
mod body;
mod charset;
mod dom;
mod furniture;
mod kind;
mod metadata;
mod names;
mod rules;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use url::Url;

use crate::article::text::{BlockKind, Paragraphs};
use crate::article::{
    Completeness, Draft, Origin, Provenance, boilerplate, completeness, entities, html, language, pixels, summary, text, title,
    url as address, words,
};

pub use charset::decode;
pub use rules::SiteRule;

/// A page, and what is known before it is read.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Where it was found, after redirects: the base of its links.
    pub url: Option<&'a Url>,
    /// Its characters, see [`decode`].
    pub html: &'a str,
    /// Rules of sites; the last one that applies to `url` is followed.
    pub rules: &'a [SiteRule],
    /// Words a minute.
    pub reading_speed: u32,
    /// The time of the visit: later dates than a day from it are not believed.
    pub now: DateTime<Utc>,
}

/// What a page turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageKind {
    /// An article.
    Story,
    /// The beginning of an article whose rest is for paying readers.
    Paywalled,
    /// A question that comes before the article: cookies, a login, "are you human?".
    Consent,
    /// No article: an index, an error page, nothing to read.
    #[default]
    Other,
}

impl PageKind {
    /// May the draft's body be taken for (at least the beginning of) the story?
    pub fn is_story(self) -> bool {
        matches!(self, Self::Story | Self::Paywalled)
    }
}

/// What a page says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extracted {
    /// The article. Its body is empty unless the page's kind [is a story](PageKind::is_story). Fields of which the page
    /// says nothing are empty.
    pub draft: Draft,
    /// The address that the page gives itself (`rel=canonical`, else `og:url`): absolute, as it can be fetched.
    pub canonical: Option<String>,
    /// What it is.
    pub kind: PageKind,
}

/// Reads a page.
pub fn extract(page: &Page<'_>) -> Extracted {
    let dom = dom::Dom::parse(page.html);
    let nodes = dom.nodes();
    let rule = page.url.and_then(|url| page.rules.iter().rev().find(|rule| rule.applies_to(url)));
    let base = metadata::base(&nodes, page.url);
    let names = names::all(&nodes);
    let facts = metadata::read(page, &nodes, &names, base.as_ref(), rule);

    let body = body::find(&nodes, &names, page.url, rule);
    let told = facts.body.as_deref().map(|told| words::measure(told).word_count()).unwrap_or_default();
    let mut html = html::sanitise(&body.html, base.as_ref()).trim().to_owned();
    let mut paragraphs = text_of(&html);
    if told >= LEAST_TOLD && words::measure(&paragraphs.to_text()).word_count() * 2 < told {
        // The page's program would write the story into the page: machines are given it already.
        html = told_body(facts.body.as_deref().unwrap_or_default(), base.as_ref());
        paragraphs = text_of(&html);
    }
    let copyright = boilerplate::remove(&mut paragraphs, &facts.title, &facts.authors);
    let mut text = paragraphs.to_text();
    let mut length = words::measure(&text);

    let kind = kind::judge(
        &nodes,
        &kind::Signs {
            url: page.url,
            title: &facts.title,
            text: &text,
            words: length.word_count(),
            is_article: facts.is_article || rule.is_some_and(|rule| rule.body.is_some()),
            is_marked: body.is_marked,
            free: facts.free,
            told_words: told,
            linked_headings: body.linked_headings,
            prose_blocks: body.prose_blocks,
        },
    );
    let last = paragraphs.iter().next_back().map(|(_, text)| text).unwrap_or_default();
    let completeness = match kind {
        PageKind::Story if completeness::breaks_off(last) || summary::leads_on(last) => Completeness::Excerpt,
        PageKind::Story => Completeness::Full,
        PageKind::Paywalled => Completeness::Paywalled,
        PageKind::Consent | PageKind::Other => Completeness::Unknown,
    };
    let described = facts.description.as_deref().and_then(|line| summary::shorten(&title::label(line)));
    let mut summary = described.or_else(|| summary::from_body(&paragraphs));
    if !kind.is_story() {
        (html, text, length, summary) = (String::new(), String::new(), words::measure(""), None);
    }

    let from_page = |present: bool| present.then_some(Origin::Page);
    let draft = Draft {
        url: page.url.cloned().or_else(|| Url::parse(facts.canonical.as_deref()?).ok()).map(|url| address::permalink(&url).into()),
        reading_time_minutes: length.reading_time_minutes(page.reading_speed),
        word_count: length.word_count(),
        summary,
        completeness,
        provenance: Provenance {
            body: from_page(!html.is_empty()),
            published: from_page(facts.published.is_some()),
            authors: from_page(!facts.authors.is_empty()),
        },
        language: facts.language.or_else(|| language::detect(&text)),
        categories: facts.categories,
        image: facts.image.or_else(|| pixels::first_image(&html)),
        enclosures: Vec::new(),
        site: facts.site,
        site_url: facts.site_url,
        rights: facts.rights.or(copyright),
        license: facts.license,
        title: facts.title,
        authors: facts.authors,
        published: facts.published,
        updated: facts.updated,
        text,
        html,
    };
    Extracted { draft, canonical: facts.canonical, kind }
}

/// Words from which the body that machines are given may stand in for that of the page.
const LEAST_TOLD: u32 = 100;

/// Plain text of a body. A picture's caption belongs to the picture, which plain text has not.
fn text_of(html: &str) -> Paragraphs {
    let mut paragraphs = text::paragraphs(html);
    let captions: Vec<bool> = paragraphs.blocks().iter().map(|block| block.kind == BlockKind::Caption).collect();
    paragraphs.retain(|place| captions.get(place) != Some(&true));
    paragraphs
}

/// The body that machines are given: should be plain text, and is mark-up on some pages.
fn told_body(body: &str, base: Option<&Url>) -> String {
    if body.contains("</") {
        html::sanitise(body, base).trim().to_owned()
    } else {
        html::from_plain_text(&entities::decode_stray(body, false))
    }
}
