//! The ways back that publishers offer, and how a document tells of them.

use serde::{Deserialize, Serialize};
use url::Url;

use super::sitemaps::Queue;
use crate::parse::{Document, Entry};

/// By which link a page names the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rel {
    /// RFC 5005 §4: the archive document before.
    PrevArchive,
    /// RFC 5005 §3 and JSON Feed's `next_url`: pages run from the newest to the oldest.
    Next,
    /// RFC 5005 §3, where the feed's own document is the last of its pages.
    Previous,
}

impl Rel {
    fn as_str(self) -> &'static str {
        match self {
            Self::PrevArchive => "prev-archive",
            Self::Next => "next",
            Self::Previous => "previous",
        }
    }

    /// Where a document's link of this kind leads, if it may be asked for.
    pub fn of(self, document: &Document) -> Option<Url> {
        let link = document.feed.links.iter().find(|link| link.rel == self.as_str())?;
        Url::parse(&link.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
    }
}

/// A way back, and where on it the next page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Source {
    /// Pages that name the one before.
    Linked {
        /// How.
        rel: Rel,
        /// The next one to ask for.
        next: Url,
    },
    /// WordPress: any of its feeds has its earlier entries at `?paged=2` and so on.
    Numbered {
        /// The feed.
        base: Url,
        /// The next number.
        page: u32,
    },
    /// The site's News sitemaps.
    Sitemaps(Queue),
}

impl Source {
    /// In words for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linked { rel: Rel::PrevArchive, .. } => "archived feed (RFC 5005)",
            Self::Linked { .. } => "paged feed",
            Self::Numbered { .. } => "WordPress pages",
            Self::Sitemaps(_) => "News sitemaps",
        }
    }
}

/// The page of this number of a WordPress feed.
pub fn numbered(base: &Url, page: u32) -> Url {
    let others: Vec<(String, String)> = base.query_pairs().into_owned().filter(|(name, _)| name != "paged").collect();
    let mut url = base.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("paged", &page.to_string());
    url
}

/// The ways back that a feed's document speaks of, the surest first; the last may turn out to be none. `url` is where the
/// document was found.
pub fn offered(document: &Document, url: &Url) -> Vec<Source> {
    let mut sources = Vec::new();
    if !document.sitemaps.is_empty() {
        // The feed is an index of sitemaps: its past is what that names.
        return vec![Source::Sitemaps(Queue::of_index(&document.sitemaps))];
    }
    let linked = |rel: Rel| rel.of(document).map(|next| Source::Linked { rel, next });
    sources.extend(linked(Rel::PrevArchive));
    sources.extend(linked(Rel::Next).or_else(|| linked(Rel::Previous)));
    if is_wordpress(document, url) {
        sources.push(Source::Numbered { base: url.clone(), page: 2 });
    }
    let home = document.feed.site_url.as_deref().and_then(|home| Url::parse(home).ok());
    let site = home.filter(|home| matches!(home.scheme(), "http" | "https")).unwrap_or_else(|| url.clone());
    if matches!(site.scheme(), "http" | "https") {
        sources.push(Source::Sitemaps(Queue::of_site(&site)));
    }
    sources
}

/// WordPress says so, or its guids do (`https://example.org/?p=17`), or the address is where it has its feeds. A guess: that
/// there is a second page, and another one, must be seen.
fn is_wordpress(document: &Document, url: &Url) -> bool {
    let says_so = document.feed.generator.as_deref().is_some_and(|generator| generator.to_ascii_lowercase().contains("wordpress"));
    let numbered_guid = |entry: &Entry| {
        let guid = entry.guid.as_deref().and_then(|guid| Url::parse(guid).ok());
        guid.is_some_and(|guid| guid.query_pairs().any(|(name, value)| name == "p" && value.bytes().all(|byte| byte.is_ascii_digit())))
    };
    let is_usual_place = url.path().trim_end_matches('/').ends_with("/feed") || url.query_pairs().any(|(name, _)| name == "feed");
    matches!(url.scheme(), "http" | "https") && (says_so || is_usual_place || document.entries.iter().any(numbered_guid))
}
