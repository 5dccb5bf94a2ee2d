//! What the archive knows of each feed beside its articles: the state that the next poll starts from, and what
//! people ask about it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::{Archive, PageCounts, Reader, StoreError, coverage, dropped, outages, pages};
use crate::fetch::Validators;
use crate::filter::DroppedEntries;
use crate::schedule::{Memory, Moved, NextPoll, Outage, Reason, Search, Trust};

/// What the next poll of a feed starts from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedState {
    /// The URL that the rest belongs to, without credentials.
    pub url: String,
    /// What to ask with.
    pub validators: Validators,
    /// Hash of the last document.
    pub document: Option<i64>,
    /// When it was last polled.
    pub last_polled_at: Option<DateTime<Utc>>,
    /// When it is polled next.
    pub next: Option<NextPoll>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// The first of these.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since then: when nothing could be reached.
    pub outages: Vec<Outage>,
    /// Where permanent redirects lead.
    pub moved: Option<Moved>,
    /// What the schedule remembers of the feed.
    pub memory: Memory,
    /// Hashes of the raw entries that stand in the feed now.
    pub present: Vec<i64>,
    /// Keys of their guids and links, and of those that stood in the last document which proved anything.
    pub present_keys: Vec<i64>,
    /// How many of them stay whatever leaves.
    pub pinned: usize,
    /// Its home page.
    pub site_url: Option<String>,
    /// May its server be believed?
    pub trust: Trust,
    /// When it was looked for on its site.
    pub search: Search,
    /// Fingerprint of what the operator wanted of the last document; `None`: everything.
    pub wanted: Option<i64>,
    /// The entries that he did not.
    pub dropped: DroppedEntries,
}

/// When a feed shall be polled next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPoll {
    /// The feed's name.
    pub feed: String,
    /// The URL that was polled.
    pub url: String,
    /// When it was.
    pub last_polled_at: Option<DateTime<Utc>>,
    /// What was planned then.
    pub next: Option<NextPoll>,
}

/// A feed's state, for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedSummary {
    /// Name.
    pub name: String,
    /// The operator's title, else the document's.
    pub title: Option<String>,
    /// Home page.
    pub site_url: Option<String>,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Why the last poll failed, if it did.
    pub last_error: Option<String>,
    /// When it was last polled.
    pub last_polled_at: Option<DateTime<Utc>>,
    /// When it is polled next.
    pub next_poll_at: Option<DateTime<Utc>>,
    /// … and why then.
    pub next_poll_reason: Option<Reason>,
    /// Failures in a row.
    pub consecutive_failures: u32,
    /// The first of these.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when the server says 410.
    pub gone_since: Option<DateTime<Utc>>,
    /// Articles that it has shown.
    pub articles: u64,
    /// Entries that its filters have dropped since they are as they are.
    pub dropped: u64,
    /// Where permanent redirects lead.
    pub redirected_to: Option<String>,
    /// Documents that had to be mended to be read.
    pub mended_documents: u64,
    /// What was mended in the last document.
    pub last_mended: Option<String>,
    /// The pages that its entries want.
    pub pages: PageCounts,
    /// The newest poll before which something may have been missed.
    pub possible_gap_at: Option<DateTime<Utc>>,
    /// A feed that was found on its site while it was gone from where it was.
    pub proposed_url: Option<String>,
    /// How far its server can be believed.
    pub trust: Trust,
}

impl FeedSummary {
    /// How its last poll ended.
    pub fn outcome(&self) -> PollOutcome {
        PollOutcome::of(self.last_polled_at.is_none(), self.gone_since.is_some(), self.last_error.is_some())
    }
}

/// How a feed's last poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// There was none.
    NotPolled,
    /// Well.
    Ok,
    /// It failed.
    Failed,
    /// The server says that the feed is gone.
    Gone,
}

impl PollOutcome {
    fn of(is_new: bool, is_gone: bool, has_failed: bool) -> Self {
        match (is_new, is_gone, has_failed) {
            (true, ..) => Self::NotPolled,
            (_, true, _) => Self::Gone,
            (_, _, true) => Self::Failed,
            _ => Self::Ok,
        }
    }
}

/// A feed's place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedStanding {
    /// Name.
    pub name: String,
    /// The operator's title, else the document's.
    pub title: Option<String>,
    /// How its last poll ended.
    pub outcome: PollOutcome,
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_millis))
}

fn next_poll(row: &Row<'_>, at: usize, reason: usize) -> rusqlite::Result<Option<NextPoll>> {
    let reason = row.get::<_, Option<String>>(reason)?.as_deref().and_then(Reason::parse);
    Ok(time(row, at)?.zip(reason).map(|(at, reason)| NextPoll { at, reason }))
}

/// From `redirected_to`, `redirected_since` and `own_url_asked_at`, in this order.
fn moved(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Moved>> {
    let (to, since) = (row.get::<_, Option<String>>(first)?, time(row, first + 1)?);
    let own_asked_at = time(row, first + 2)?;
    Ok(to.zip(since).map(|(to, since)| Moved { to, since, own_asked_at }))
}

/// From `guid_key` and `link_key` behind another column.
fn keys(row: &Row<'_>) -> rusqlite::Result<impl Iterator<Item = i64> + use<>> {
    Ok([row.get::<_, Option<i64>>(1)?, row.get(2)?].into_iter().flatten())
}

/// From `changed_at`, `verified_at` and `distrusted_since`, in this order.
fn trust(row: &Row<'_>, first: usize) -> rusqlite::Result<Trust> {
    Ok(Trust { changed_at: time(row, first)?, verified_at: time(row, first + 1)?, distrusted_since: time(row, first + 2)? })
}

impl Archive {
    /// A feed of this URL, gone from where it was, was looked for on its site at `at`; `found` is what may be it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn propose(&self, feed: &str, url: &str, found: Option<String>, at: DateTime<Utc>) -> Result<(), StoreError> {
        let (feed, url) = (feed.to_owned(), url.to_owned());
        let write = move |connection: &mut rusqlite::Connection| {
            connection
                .prepare_cached("UPDATE feed SET proposed_url = ?3, sought_at = ?4, searches = searches + 1 WHERE name = ?1 AND url = ?2")?
                .execute(params![feed, url, found, at.timestamp_millis()])
                .map(|_| ())
        };
        self.writer.run(write).await
    }
}

/// A feed that permanent redirects lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedFeed {
    /// The feed's name.
    pub feed: String,
    /// The URL that was polled.
    pub url: String,
    /// Where it leads.
    pub moved: Moved,
}

impl Reader {
    /// The feeds that have moved.
    ///
    /// # Errors
    /// Those of the database.
    pub fn moved_feeds(&self) -> Result<Vec<MovedFeed>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT name, url, redirected_to, redirected_since, own_url_asked_at FROM feed WHERE redirected_to IS NOT NULL",
                )?
                .query_map([], |row| Ok(moved(row, 2)?.map(|moved| Ok(MovedFeed { feed: row.get(0)?, url: row.get(1)?, moved }))))?
                .filter_map(|row| row.and_then(Option::transpose).transpose())
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }

    /// What the next poll of the feed of this name starts from; `None` where it was never polled.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_state(&self, name: &str) -> Result<Option<FeedState>, StoreError> {
        let read = || {
            let found = self
                .connection
                .prepare_cached(
                    "SELECT feed, url, etag, last_modified, document, last_polled_at, next_poll_at, consecutive_failures, failing_since,
                       next_poll_reason, redirected_to, redirected_since, own_url_asked_at, rhythm, site_url, sought_at, searches,
                       changed_at, verified_at, distrusted_since, wanted
                     FROM feed WHERE name = ?1",
                )?
                .query_row(params![name], |row| {
                    let state = FeedState {
                        url: row.get(1)?,
                        validators: Validators { etag: row.get(2)?, last_modified: row.get(3)? },
                        document: row.get(4)?,
                        last_polled_at: time(row, 5)?,
                        next: next_poll(row, 6, 9)?,
                        consecutive_failures: row.get(7)?,
                        failing_since: time(row, 8)?,
                        outages: Vec::new(),
                        moved: moved(row, 10)?,
                        memory: row.get::<_, Option<String>>(13)?.as_deref().and_then(Memory::decode).unwrap_or_default(),
                        present: Vec::new(),
                        present_keys: Vec::new(),
                        pinned: 0,
                        site_url: row.get(14)?,
                        trust: trust(row, 17)?,
                        search: Search { at: time(row, 15)?, count: row.get(16)? },
                        wanted: row.get(20)?,
                        dropped: DroppedEntries::default(),
                    };
                    Ok((row.get::<_, i64>(0)?, state))
                })
                .optional()?;
            let Some((feed, mut state)) = found else { return Ok(None) };
            let watch = coverage::watch(&self.connection, feed)?;
            state.pinned = watch.pinned();
            if let Some(since) = state.failing_since {
                state.outages = outages::after(&self.connection, since)?;
            }
            let mut statement = self
                .connection
                .prepare_cached("SELECT entry_hash, guid_key, link_key, article FROM sighting WHERE feed = ?1 AND left_at IS NULL")?;
            let mut sightings = statement.query(params![feed])?;
            let mut articles: HashSet<i64> = HashSet::new();
            while let Some(row) = sightings.next()? {
                state.present.push(row.get(0)?);
                state.present_keys.extend(keys(row)?);
                articles.insert(row.get(3)?);
            }
            // After a document that was empty or broke off, what it did not show is no news.
            for article in watch.articles().filter(|article| !articles.contains(article)) {
                self.connection
                    .prepare_cached("SELECT entry_hash, guid_key, link_key FROM sighting WHERE article = ?1 AND feed = ?2")?
                    .query_map(params![article, feed], keys)?
                    .try_for_each(|keys| keys.map(|keys| state.present_keys.extend(keys)))?;
            }
            if state.wanted.is_some() {
                state.dropped = dropped::load(&self.connection, feed)?;
            }
            Ok(Some(state))
        };
        read().map_err(|error| self.error(error))
    }

    /// When each feed that was ever polled shall be polled next.
    ///
    /// # Errors
    /// Those of the database.
    pub fn planned_polls(&self) -> Result<Vec<PlannedPoll>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT name, url, last_polled_at, next_poll_at, next_poll_reason FROM feed")?
                .query_map([], |row| {
                    Ok(PlannedPoll { feed: row.get(0)?, url: row.get(1)?, last_polled_at: time(row, 2)?, next: next_poll(row, 3, 4)? })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }

    /// The state of every feed that was ever polled, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_summaries(&self) -> Result<Vec<FeedSummary>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached(&format!("SELECT {SUMMARY} FROM feed ORDER BY name"))?
                .query_map([], summary)?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }

    /// The state of one feed; `None` where it was never polled.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_summary(&self, name: &str) -> Result<Option<FeedSummary>, StoreError> {
        self.connection
            .prepare_cached(&format!("SELECT {SUMMARY} FROM feed WHERE name = ?1"))
            .and_then(|mut statement| statement.query_row(params![name], summary).optional())
            .map_err(|error| self.error(error))
    }

    /// How every feed stands that was ever polled: of each what a list is searched by, and no more.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_standings(&self) -> Result<Vec<FeedStanding>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT name, coalesce(given_title, title), last_polled_at IS NULL, gone_since IS NOT NULL, last_error IS NOT NULL FROM feed",
                )?
                .query_map([], |row| {
                    let outcome = PollOutcome::of(row.get(2)?, row.get(3)?, row.get(4)?);
                    Ok(FeedStanding { name: row.get(0)?, title: row.get(1)?, outcome })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }
}

/// The columns of a [`FeedSummary`], as [`summary`] reads them.
const SUMMARY: &str = "name, coalesce(given_title, title), site_url, http_status, last_error, last_polled_at, next_poll_at, consecutive_failures, gone_since,
   articles, redirected_to, mended_documents, last_mended,
   (SELECT max(until_at) FROM coverage_finding WHERE coverage_finding.feed = feed.feed AND gap = 1 AND healed_at IS NULL),
   proposed_url, changed_at, verified_at, distrusted_since, dropped, pages_waiting, pages_failing, pages_given_up, next_poll_reason, failing_since";

fn summary(row: &Row<'_>) -> rusqlite::Result<FeedSummary> {
    Ok(FeedSummary {
        name: row.get(0)?,
        title: row.get(1)?,
        site_url: row.get(2)?,
        http_status: row.get(3)?,
        last_error: row.get(4)?,
        last_polled_at: time(row, 5)?,
        next_poll_at: time(row, 6)?,
        consecutive_failures: row.get(7)?,
        gone_since: time(row, 8)?,
        articles: row.get::<_, i64>(9)?.unsigned_abs(),
        redirected_to: row.get(10)?,
        mended_documents: row.get::<_, i64>(11)?.unsigned_abs(),
        last_mended: row.get(12)?,
        possible_gap_at: time(row, 13)?,
        proposed_url: row.get(14)?,
        trust: trust(row, 15)?,
        dropped: row.get::<_, i64>(18)?.unsigned_abs(),
        pages: pages::counts(row, 19)?,
        next_poll_reason: row.get::<_, Option<String>>(22)?.as_deref().and_then(Reason::parse),
        failing_since: time(row, 23)?,
    })
}
