//! When an article was published and last changed: as the page says, by the surest of its voices; never "now".

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use regex::Regex;
use url::Url;

use super::head::Head;
use super::json_ld::Described;
use crate::article::dates;
use crate::parse::{Stamp, date::parse_date};

/// Names of `meta` elements, the surest first.
#[rustfmt::skip]
const PUBLISHED: &[&str] = &[
    "article:published_time", "og:article:published_time", "article:published", "og:published_time", "datepublished", "parsely-pub-date",
    "sailthru.date", "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date.created", "article.published", "article_date_original",
    "citation_publication_date", "citation_date", "cxenseparse:recs:publishtime", "originalpublicationdate", "publication_date", "publishdate",
    "publish-date", "publish_date", "pubdate", "ptime", "rnews:datepublished", "date", "dc.date", "dcterms.date", "displaydate", "pub_date",
];

#[rustfmt::skip]
const MODIFIED: &[&str] = &[
    "article:modified_time", "og:article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "dc.date.modified",
    "article.updated", "lastmod", "last-modified", "last_modified", "utime", "revised", "moddate", "update_date",
];

/// Both dates, as far as they are credible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct When {
    pub published: Option<DateTime<Utc>>,
    pub updated: Option<DateTime<Utc>>,
}

/// Reads them.
pub fn choose(head: &Head<'_, '_>, described: &Described, url: Option<&Url>, now: DateTime<Utc>) -> When {
    let credible = |text: &str| credible(text, now).map(|at| Said { at, has_time: text.trim().len() > 12 && text.contains(':') });
    let items = |name: &str| -> Vec<String> {
        head.items(name)
            .filter(|item| !item.is_meta || item.value.is_some())
            .filter(|item| !head.in_comments(item.at))
            .map(|item| head.says(item))
            .take(3)
            .collect()
    };
    let mut published: Vec<Said> = Vec::new();
    let mut updated: Vec<Said> = Vec::new();
    published.extend(described.published.as_deref().and_then(credible));
    published.extend(PUBLISHED.iter().filter_map(|name| head.meta(&[name])).filter_map(credible));
    published.extend(items("datePublished").iter().filter_map(|text| credible(text)));
    updated.extend(described.modified.as_deref().and_then(credible));
    updated.extend(MODIFIED.iter().filter_map(|name| head.meta(&[name])).filter_map(credible));
    updated.extend(items("dateModified").iter().filter_map(|text| credible(text)));
    if published.is_empty() || updated.is_empty() {
        let shown = shown(head, &credible);
        published.extend(shown.0);
        updated.extend(shown.1);
    }
    published.extend(url.and_then(of_address).as_deref().and_then(credible));
    let published = surest(&published);
    // A change before the publishing is the template's.
    let updated = surest(&updated).filter(|updated| published.is_none_or(|published| *updated >= published));
    When { published, updated }
}

/// The instant that a text means, if it is credible; `now` as in [`dates::credible`].
pub fn credible(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let at = parse_date(text).or_else(|| parse_date(&plain(text))).or_else(|| parse_date(&plain(text).replace(". ", " ")));
    dates::credible(&Stamp { text: text.to_owned(), at }, "date", now).ok()
}

#[derive(Debug, Clone, Copy)]
struct Said {
    at: DateTime<Utc>,
    has_time: bool,
}

/// The first, made more exact by a later voice that gives the time of the same day.
fn surest(said: &[Said]) -> Option<DateTime<Utc>> {
    let first = said.first()?;
    if first.has_time {
        return Some(first.at);
    }
    let exact = said.iter().find(|said| said.has_time && (said.at - first.at).num_hours().abs() <= 36);
    Some(exact.unwrap_or(first).at)
}

/// A date without the words around it that templates write into their attributes.
fn plain(text: &str) -> String {
    let found = DATE.as_ref().and_then(|date| date.find(text)).map(|found| found.as_str().to_owned());
    found.unwrap_or_default()
}

const MONTHS: &str = "jan(?:uary|uar|vier|uari|eiro)?|feb(?:ruary|ruar|ruari)?|f[ée]v(?:rier|ereiro)?|mar(?:ch|s|ço|zo|et)?|märz|maart|apr(?:il|ile)?|avr(?:il)?|abr(?:il)?|may|mai|mei|maio|mayo|maggio|june?|juni|juin|junho|junio|giugno|july?|juli|juillet|julho|julio|luglio|aug(?:ust|ustus)?|août|agosto|sept?(?:ember|embre|iembre)?|set(?:embro|tembre)?|o[ck]t(?:ober|obre|ubre)?|out(?:ubro)?|ottobre|nov(?:ember|embre|iembre|embro)?|dec(?:ember)?|dez(?:ember|embro)?|d[ée]c(?:embre)?|dic(?:iembre|embre)?";

static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?ix) \b (?:
            \d{{4}}-\d{{2}}-\d{{2}} (?: [T\s] \d{{1,2}}:\d{{2}} (?: :\d{{2}} (?:\.\d+)? )? \s* (?: Z | [+-]\d{{2}}:?\d{{2}} )? )?
          | (?: {MONTHS} ) \.? \s+ \d{{1,2}} (?: st|nd|rd|th )? ,? \s+ (?:19|20)\d{{2}} (?: ,? \s* (?: at \s+ )? \d{{1,2}} : \d{{2}} \s* (?: [ap]\.?m\.? )? (?: \s* (?: GMT|UTC|E[SD]?T|C[SD]T|M[SD]T|P[SD]T|BST|CET|CEST|IST ) )? )?
          | \d{{1,2}} (?: st|nd|rd|th|\. )? \s+ (?: de \s+ )? (?: {MONTHS} ) \.? ,? \s+ (?: de \s+ )? (?:19|20)\d{{2}} (?: ,? \s* (?: at \s+ )? \d{{1,2}} : \d{{2}} \s* (?: [ap]\.?m\.? )? (?: \s* (?: GMT|UTC|BST|CET|CEST|IST ) )? )?
          | (?:19|20)\d{{2}} \s* 年 \s* \d{{1,2}} \s* 月 \s* \d{{1,2}} \s* 日
          | \d{{1,2}} \. \d{{1,2}} \. (?:19|20)\d{{2}}
          | \d{{1,2}} / \d{{1,2}} / (?:19|20)\d{{2}}
        )"
    ))
    .ok()
});

/// What readers see: `time` elements, elements that are called a date, and dates in the short lines below the headline.
fn shown(head: &Head<'_, '_>, credible: &dyn Fn(&str) -> Option<Said>) -> (Option<Said>, Option<Said>) {
    let nodes = head.nodes;
    let (mut published, mut updated, mut unsure, mut above) = (None, None, None, None);
    // A line above the headline may be the date's, too, but not the menu's far above it.
    let headline = nodes.iter().find(|(_, item)| item.name() == "h1").map_or(0, |(at, _)| at);
    let mut at = 0;
    while at < nodes.count() {
        let item = nodes.at(at);
        let name = item.name();
        if matches!(name, "script" | "style" | "noscript" | "nav" | "aside" | "footer" | "head" | "form") || head.holds_comments(at) {
            at = item.end;
            continue;
        }
        let headline_seen = at >= headline;
        if !name.is_empty() && item.end - at < 40 {
            let class = ["class", "id"].iter().filter_map(|name| item.attribute(name)).collect::<Vec<_>>().join(" ").to_ascii_lowercase();
            let called =
                name == "time" || ["date", "publish", "posted", "timestamp", "time", "updated"].iter().any(|word| class.contains(word));
            let line = matches!(name, "p" | "span" | "div" | "li" | "small" | "em" | "i" | "b" | "strong" | "h4" | "h5" | "h6" | "td");
            if called || (line && at + 60 > headline) {
                let text = head.text(at);
                if text.len() <= 160 || name == "time" {
                    let stated =
                        item.attribute("datetime").or_else(|| item.attribute("content")).or_else(|| item.attribute("data-datetime"));
                    let said = stated.and_then(credible).or_else(|| credible(&plain(&text)));
                    if let Some(said) = said {
                        let lower = text.to_lowercase();
                        let is_update = class.contains("updated") && !class.contains("published")
                            || class.contains("modified")
                            || ["updated", "last modified", "aktualisiert", "mis à jour", "actualizado", "atualizado", "aggiornato"]
                                .iter()
                                .any(|word| lower.starts_with(word));
                        if is_update {
                            updated = updated.or(Some(said));
                        } else if called && headline_seen {
                            published = published.or(Some(said));
                        } else if headline_seen {
                            unsure = unsure.or(Some(said));
                        } else if at + 60 > headline {
                            above = above.or(Some(said));
                        }
                    }
                }
            }
        }
        if published.is_some() && updated.is_some() {
            break;
        }
        at += 1;
    }
    (published.or(unsure).or(above).or(updated), updated)
}

/// "/2025/01/23/" in the page's address.
fn of_address(url: &Url) -> Option<String> {
    static DAY: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)[/_-]((?:19|20)\d{2})[/_-]?(0[1-9]|1[0-2]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[/_-]?(0[1-9]|[12]\d|3[01])(?:[/_-]|$)").ok()
    });
    let found = DAY.as_ref()?.captures(url.path())?;
    let (year, month, day) = (found.get(1)?.as_str(), found.get(2)?.as_str(), found.get(3)?.as_str());
    Some(if month.starts_with(|c: char| c.is_ascii_digit()) { format!("{year}-{month}-{day}") } else { format!("{day} {month} {year}") })
}
