//! The state of each feed that is configured.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::{Config, Feed};
use crate::store::{FeedSummary, PageCounts, PollOutcome};

/// A feed's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FeedLine {
    /// Its name.
    pub name: String,
    /// Its URL, without credentials.
    pub url: String,
    /// The configured title, else the feed's own.
    pub title: Option<String>,
    /// `new`, `ok`, `error`, `gone` or `disabled`.
    pub status: &'static str,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Why the last poll failed, if it did.
    pub last_error: Option<String>,
    /// Last poll.
    pub last_polled_at: Option<DateTime<Utc>>,
    /// Next poll; `None` where it is disabled.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// Articles that it has had.
    pub articles: u64,
    /// Entries that its filters dropped.
    pub dropped: u64,
    /// Where permanent redirects lead.
    pub redirected_to: Option<String>,
    /// The newest poll before which something may have been missed.
    pub possible_gap_at: Option<DateTime<Utc>>,
    /// Documents that had to be mended.
    pub mended_documents: u64,
    /// What was wrong with the last of these, if it was the last document.
    pub last_mended: Option<String>,
    /// Its articles' pages.
    pub pages: PageCounts,
    /// While it is gone from where it was: what was found on its site.
    pub proposed_url: Option<String>,
    /// While its server's "not modified" is not believed: since when.
    pub validators_distrusted_since: Option<DateTime<Utc>>,
}

/// The configured feeds, in their order.
pub fn feed_lines(config: &Config, known: Vec<FeedSummary>, now: DateTime<Utc>) -> Vec<FeedLine> {
    let mut known: HashMap<String, FeedSummary> = known.into_iter().map(|feed| (feed.name.clone(), feed)).collect();
    config.feeds.iter().map(|feed| feed_line(feed, known.remove(&feed.name), now)).collect()
}

/// The word for the state of a feed whose last poll ended so.
pub fn feed_status(feed: &Feed, outcome: PollOutcome) -> &'static str {
    match outcome {
        _ if !feed.enabled => "disabled",
        PollOutcome::NotPolled => "new",
        PollOutcome::Gone => "gone",
        PollOutcome::Failed => "error",
        PollOutcome::Ok => "ok",
    }
}

/// One feed that is configured; `known` is what the archive knows of it.
pub fn feed_line(feed: &Feed, known: Option<FeedSummary>, now: DateTime<Utc>) -> FeedLine {
    let status = feed_status(feed, known.as_ref().map_or(PollOutcome::NotPolled, FeedSummary::outcome));
    let summary = known.unwrap_or_default();
    FeedLine {
        name: feed.name.clone(),
        url: crate::poll::without_credentials(&feed.url),
        title: feed.title.clone().or(summary.title),
        status,
        http_status: summary.http_status,
        last_error: summary.last_error,
        last_polled_at: summary.last_polled_at,
        next_poll_at: summary.next_poll_at.filter(|_| feed.enabled),
        consecutive_failures: summary.consecutive_failures,
        articles: summary.articles,
        dropped: summary.dropped,
        redirected_to: summary.redirected_to,
        possible_gap_at: summary.possible_gap_at,
        mended_documents: summary.mended_documents,
        last_mended: summary.last_mended,
        pages: summary.pages,
        proposed_url: summary.proposed_url,
        validators_distrusted_since: summary.trust.distrusted_since.filter(|_| summary.trust.is_distrusted(now)),
    }
}
