//! A feed that is an index of sitemaps: its news stand in the sitemaps that it leads to, and a poll asks for the newest of them.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use url::Url;

use super::{Poller, moved};
use crate::backfill::{looks_like_news, newest_first};
use crate::config::Feed;
use crate::fetch::{Failure, Fetched, Fresh, Outcome, Validators};
use crate::parse::{self, Document, ParseError};

/// So many sitemaps are asked for at a poll. News sitemaps hold two days; around midnight two of them do.
const MOST_FOLLOWED: usize = 3;

/// A sitemap that an index leads to.
#[derive(Debug, Clone)]
pub struct Part {
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// What it says.
    pub read: Result<Document, ParseError>,
}

/// Those of one index; none where the document is something else.
pub type Parts = Arc<[Part]>;

impl Poller {
    /// Asks for the newest sitemaps, where an index of them came. One that does not come fails the poll: without it, what it holds
    /// would seem to have left the feed.
    ///
    /// The index's own validators are not kept: it may stay the same while a sitemap changes.
    pub(super) async fn follow_index(&self, feed: &Feed, fetched: &mut Fetched) -> Parts {
        let Outcome::Fresh(fresh) = &mut fetched.outcome else { return Parts::default() };
        if !parse::is_sitemap_index(&fresh.body) {
            return Parts::default();
        }
        fresh.validators = Validators::default();
        let Ok(index) = parse::parse(&fresh.body, &fetched.final_url, fresh.content_type.as_deref()) else { return Parts::default() };
        // Nobody holds a body while asking for more.
        fresh.body = Bytes::new();
        let mut parts = Vec::new();
        for url in followed(&index) {
            let part = self.client.fetch(&moved::request_at(feed, &url)).await;
            fetched.bytes += part.bytes;
            fetched.elapsed += part.elapsed;
            match part.outcome {
                Outcome::Fresh(fresh) => parts.extend(self.read_part(part.final_url, fresh).await),
                // An index may name one that has gone meanwhile.
                Outcome::Gone | Outcome::Failed(Failure::Status(404)) => {}
                failed => {
                    fetched.outcome = failed;
                    fetched.http_status = part.http_status;
                    fetched.freshness = part.freshness;
                    return Parts::default();
                }
            }
        }
        if parts.is_empty() {
            fetched.outcome = Outcome::Failed(Failure::NotAFeed("a sitemap index that leads to nothing".to_owned()));
        }
        parts.into()
    }
}

impl Poller {
    async fn read_part(&self, url: Url, fresh: Fresh) -> Option<Part> {
        let read = move || Part {
            digest: Sha256::digest(&fresh.body).into(),
            read: parse::parse(&fresh.body, &url, fresh.content_type.as_deref()),
        };
        self.processors.run(read).await.inspect_err(|error| tracing::error!(error, "reading a sitemap failed")).ok()
    }
}

/// The sitemaps of an index that a poll asks for: those whose names speak of news, else whichever changed last.
fn followed(index: &Document) -> Vec<Url> {
    let sitemaps = newest_first(&index.sitemaps);
    let news = sitemaps.iter().filter(|(url, _)| looks_like_news(url)).count();
    let most = if news > 0 { news.min(MOST_FOLLOWED) } else { MOST_FOLLOWED };
    sitemaps.into_iter().take(most).map(|(url, _)| url).collect()
}

/// The news of all sitemaps, as one document.
///
/// # Errors
/// None of them is a News sitemap.
pub fn news_of(parts: &[Part]) -> Result<Document, ParseError> {
    let mut news: Option<Document> = None;
    let mut refused = ParseError::Empty;
    for part in parts {
        match &part.read {
            Ok(document) if document.sitemaps.is_empty() => match &mut news {
                Some(news) => {
                    news.entries.extend(document.entries.iter().cloned());
                    news.warnings.extend(document.warnings.iter().cloned());
                }
                None => news = Some(document.clone()),
            },
            Ok(_) => refused = ParseError::NotAFeed("a sitemap index that leads to further indexes alone".to_owned()),
            Err(error) => refused = error.clone(),
        }
    }
    news.ok_or(refused)
}
