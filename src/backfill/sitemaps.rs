//! News sitemaps as a feed's past: which of a site's sitemaps are asked for, in which order, and whether they speak of this feed.
//!
//! A News sitemap (<https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap>) has the news of a whole
//! site, a feed often those of one section. So a site's sitemaps are a feed's past only where both tell the same: in
//! the time that the feed's own document spans, nearly everything in the sitemap stands in the feed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use super::Shown;
use crate::parse::Sitemap;

/// Indexes lead to indexes no deeper than this; the protocol allows one level.
const DEEPEST: u8 = 2;

/// So many sitemaps in a row without news are asked for, and no more.
const MOST_PLAIN: u32 = 8;

/// More sitemaps than this are not waited for.
const MOST_QUEUED: usize = 1_000;

/// Where News sitemaps stand on sites whose robots.txt names none.
const USUAL_PLACES: &[&str] = &["/sitemap_news.xml", "/news-sitemap.xml", "/sitemap-news.xml", "/news_sitemap.xml", "/googlenews.xml"];

/// The usual places of a site's News sitemap.
pub fn likely_places(site: &Url) -> Vec<Url> {
    USUAL_PLACES.iter().filter_map(|place| site.join(place).ok()).collect()
}

/// Does the address of a sitemap say that it holds news?
pub fn looks_like_news(url: &Url) -> bool {
    url.path().to_ascii_lowercase().contains("news")
}

/// The sitemaps of an index as they are to be asked for: those whose names speak of news first, the last changed first.
pub fn newest_first(sitemaps: &[Sitemap]) -> Vec<(Url, Option<DateTime<Utc>>)> {
    let mut sitemaps: Vec<(Url, Option<DateTime<Utc>>)> = sitemaps
        .iter()
        .filter_map(|sitemap| Some((Url::parse(&sitemap.url).ok()?, sitemap.updated)))
        .filter(|(url, _)| matches!(url.scheme(), "http" | "https"))
        .collect();
    // Stable: where nothing is said, the index's own order counts.
    sitemaps.sort_by_key(|(url, updated)| (!looks_like_news(url), std::cmp::Reverse(*updated)));
    sitemaps
}

/// Does a sitemap speak of the feed whose own document shows `own`? `None` where it does not reach into that time.
///
/// Nine tenths: a sitemap may be minutes ahead of the feed, and a feed leaves out an entry now and then.
pub fn speaks_for(own: &[Shown], sitemap: &[Shown]) -> Option<bool> {
    let dates = || own.iter().filter_map(|shown| shown.date);
    let (oldest, newest) = (dates().min()?, dates().max()?);
    let links: std::collections::HashSet<i64> = own.iter().filter_map(|shown| shown.link).collect();
    let in_time = sitemap.iter().filter(|shown| shown.date.is_some_and(|date| (oldest..=newest).contains(&date)));
    let (mut all, mut common) = (0, 0);
    for shown in in_time {
        all += 1;
        common += usize::from(shown.link.is_some_and(|link| links.contains(&link)));
    }
    (all > 0).then_some(common * 10 >= all * 9)
}

/// A sitemap that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    url: Url,
    /// Indexes that led to it.
    depth: u8,
}

/// The sitemaps of a site that are still to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Queue {
    /// The site, until its robots.txt has named its sitemaps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<Url>,
    waiting: Vec<Waiting>,
    /// Indexes that led to the one that is asked for.
    depth: u8,
    /// Sitemaps in a row that held no news.
    plain: u32,
}

impl Queue {
    /// Those that the site's robots.txt names.
    pub fn of_site(site: &Url) -> Self {
        Self { site: Some(site.clone()), ..Self::default() }
    }

    /// Those that an index names.
    pub fn of_index(sitemaps: &[Sitemap]) -> Self {
        let mut queue = Self { depth: 1, ..Self::default() };
        queue.add_index(sitemaps, None);
        queue
    }

    /// The site whose robots.txt is to be asked for.
    pub fn site(&self) -> Option<&Url> {
        self.site.as_ref()
    }

    /// The sitemap to ask for now.
    pub fn next(&self) -> Option<&Url> {
        self.waiting.first().map(|waiting| &waiting.url)
    }

    /// What robots.txt names.
    pub fn add_named(&mut self, sitemaps: &[Url]) {
        self.site = None;
        self.depth = 0;
        let named: Vec<Sitemap> = sitemaps.iter().map(|url| Sitemap { url: url.to_string(), updated: None }).collect();
        self.add(&named, None);
    }

    /// What an index names, but what did not change since the bound.
    pub fn add_index(&mut self, sitemaps: &[Sitemap], since: Option<DateTime<Utc>>) {
        if self.depth < DEEPEST {
            self.depth += 1;
            self.add(sitemaps, since);
        }
    }

    fn add(&mut self, sitemaps: &[Sitemap], since: Option<DateTime<Utc>>) {
        let is_late = |updated: &Option<DateTime<Utc>>| since.is_none_or(|since| updated.is_none_or(|updated| updated >= since));
        let new: Vec<Waiting> = newest_first(sitemaps)
            .into_iter()
            .filter(|(_, updated)| is_late(updated))
            .map(|(url, _)| Waiting { url, depth: self.depth })
            .take(MOST_QUEUED.saturating_sub(self.waiting.len()))
            .collect();
        // What an index of news leads to comes before what else robots.txt names.
        self.waiting.splice(0..0, new);
    }

    /// Takes out the one that was asked for.
    pub fn take(&mut self) {
        if !self.waiting.is_empty() {
            self.depth = self.waiting.remove(0).depth;
        }
    }

    /// It held news, or it did not. Does asking on make sense?
    pub fn held_news(&mut self, news: bool) -> bool {
        self.plain = if news { 0 } else { self.plain + 1 };
        self.plain < MOST_PLAIN
    }
}
