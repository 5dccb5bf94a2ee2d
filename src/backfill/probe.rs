//! How far back a feed can go, as far as a request or two tell.

use chrono::{DateTime, Utc};
use url::Url;

use super::source::{Rel, Source, numbered, offered};
use crate::discover::{Fetch, Found};
use crate::identity::EntryKeys;
use crate::parse::{Document, parse};

use super::Shown;

/// What a feed offers of its past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The way back, in words for people.
    pub way: &'static str,
    /// The earliest date that was seen there; entries may be older.
    pub oldest: Option<DateTime<Utc>>,
}

/// Looks for the way back that a backfill would take. News sitemaps are not looked for: that takes many requests.
pub async fn probe<F: Fetch>(found: Found, fetch: &F) -> Option<History> {
    let document = parse(&found.page.body, &found.page.url, found.page.content_type.as_deref()).ok()?;
    let url = found.page.url.clone();
    // A body takes from the memory that all share: it goes before the next one comes.
    drop(found);
    for source in offered(&document, &url) {
        match &source {
            Source::Linked { rel, next } => {
                // A paged feed names its last page; of archives only the one before is known.
                let last = match rel {
                    Rel::Next => link(&document, "last"),
                    Rel::Previous => link(&document, "first"),
                    Rel::PrevArchive => None,
                };
                let Some(page) = read(&last.unwrap_or_else(|| next.clone()), fetch).await else { continue };
                return Some(History { way: source.name(), oldest: oldest(&page) });
            }
            Source::Numbered { base, page } => {
                let Some(second) = read(&numbered(base, *page), fetch).await else { continue };
                let known: Vec<i64> = shown(&document).iter().map(|shown| shown.key).collect();
                let second_shown = shown(&second);
                if second_shown.iter().filter(|shown| !known.contains(&shown.key)).count() * 2 <= second_shown.len() {
                    continue;
                }
                // WordPress takes the order as a parameter, too: then the first page begins with the first entry.
                let mut first = base.clone();
                first.query_pairs_mut().append_pair("order", "asc");
                let first = read(&first, fetch).await;
                return Some(History {
                    way: source.name(),
                    oldest: first.as_ref().and_then(oldest).min(oldest(&second)).or(oldest(&second)),
                });
            }
            Source::Sitemaps(_) => {}
        }
    }
    None
}

async fn read<F: Fetch>(url: &Url, fetch: &F) -> Option<Document> {
    let page = fetch.get(url).await.ok()?;
    parse(&page.body, &page.url, page.content_type.as_deref()).ok()
}

fn link(document: &Document, rel: &str) -> Option<Url> {
    let link = document.feed.links.iter().find(|link| link.rel == rel)?;
    Url::parse(&link.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn shown(document: &Document) -> Vec<Shown> {
    document.entries.iter().map(|entry| Shown::from(&EntryKeys::of(entry))).collect()
}

fn oldest(document: &Document) -> Option<DateTime<Utc>> {
    shown(document).iter().filter_map(|shown| shown.date).min().and_then(|date| DateTime::from_timestamp(date, 0))
}
