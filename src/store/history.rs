//! What a feed showed before: pages of its past, and the jobs that fetch them.
//!
//! A page is stored with how far its job has come, in one transaction: after a crash the job goes on behind the last page
//! whose articles are in the archive. A page is no poll: the feed's validators, its rhythm and what stands in it now stay as
//! they are.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::documents::{self, Tense};
use super::packed::Packer;
use super::{Archive, PolledDocument, PolledFeed, Reader, StoreError};

/// A job that fetches a feed's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillJob {
    /// The feed's name.
    pub feed: String,
    /// Not before this.
    pub due_at: DateTime<Utc>,
    /// Where it stands, in the words of who does it.
    pub job: String,
    /// Articles that its pages brought, new to the archive.
    pub new: u64,
}

/// What becomes of a job with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    GoesOn {
        /// Not before this.
        due_at: DateTime<Utc>,
        /// From here.
        job: String,
    },
    /// It has ended.
    Ended,
}

/// A page of what a feed showed before, and what becomes of the job that brought it.
pub struct HistoryPage {
    /// The feed.
    pub feed: PolledFeed,
    /// When the page came.
    pub at: DateTime<Utc>,
    /// Its entries; `None` where nothing came that could be kept.
    pub document: Option<PolledDocument>,
    /// Does the page lead back to entries that this feed showed, and no longer shows, at this time?
    pub known_before: Option<DateTime<Utc>>,
    /// How far the job has come with it.
    pub progress: Progress,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageReport {
    /// Articles that are new to the archive.
    pub new: usize,
    /// Does it hold an entry that was known at [`HistoryPage::known_before`] and has left the feed since?
    pub reached_known: bool,
}

impl Archive {
    /// Commits a page and how far its job has come; done when both are safe on disk.
    ///
    /// # Errors
    /// A [`StoreError`]; neither was stored then.
    pub async fn commit_page(&self, page: HistoryPage) -> Result<PageReport, StoreError> {
        let packer = self.packer();
        self.writer
            .run(move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let report = store(&transaction, &packer, &page)?;
                transaction.commit()?;
                Ok(report)
            })
            .await
    }
}

impl Reader {
    /// All jobs that have not ended, by feed.
    ///
    /// # Errors
    /// Those of the database.
    pub fn backfill_jobs(&self) -> Result<Vec<BackfillJob>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT name, due_at, job, backfill.articles FROM backfill JOIN feed USING (feed) ORDER BY name")?
                .query_map([], |row| {
                    let due_at = DateTime::from_timestamp_millis(row.get(1)?).unwrap_or(DateTime::UNIX_EPOCH);
                    Ok(BackfillJob { feed: row.get(0)?, due_at, job: row.get(2)?, new: row.get::<_, i64>(3)?.unsigned_abs() })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }
}

/// Stores a page inside the caller's transaction.
pub fn store(connection: &Connection, packer: &Packer, page: &HistoryPage) -> rusqlite::Result<PageReport> {
    connection
        .prepare_cached("INSERT INTO feed (name, url) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![page.feed.name, page.feed.url])?;
    let (feed, url): (i64, String) = connection
        .prepare_cached("SELECT feed, url FROM feed WHERE name = ?1")?
        .query_row(params![page.feed.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut report = PageReport::default();
    if let Some(document) = &page.document {
        // The feed's record belongs to the URL that was polled; a new one is taken up by the next poll.
        let polled = PolledFeed { url, ..page.feed.clone() };
        let stored = documents::store(connection, packer, feed, &polled, Tense::Past, page.at.timestamp_millis(), document)?;
        connection
            .prepare_cached("UPDATE feed SET articles = articles + ?2 WHERE feed = ?1")?
            .execute(params![feed, stored.new_in_feed])?;
        report.new = stored.report.new;
        if let Some(before) = page.known_before {
            report.reached_known = holds_known(connection, feed, &stored.articles, before)?;
        }
    }
    match &page.progress {
        Progress::GoesOn { due_at, job } => connection
            .prepare_cached(
                "INSERT INTO backfill (feed, due_at, job, articles) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (feed) DO UPDATE SET due_at = ?2, job = ?3, articles = articles + ?4",
            )?
            .execute(params![feed, due_at.timestamp_millis(), job, i64::try_from(report.new).unwrap_or(i64::MAX)])?,
        Progress::Ended => connection.prepare_cached("DELETE FROM backfill WHERE feed = ?1")?.execute(params![feed])?,
    };
    Ok(report)
}

/// What stands in the feed now may stand there for years, so it does not tell how far a page reaches back.
fn holds_known(connection: &Connection, feed: i64, articles: &[i64], before: DateTime<Utc>) -> rusqlite::Result<bool> {
    let mut known = connection
        .prepare_cached("SELECT 1 FROM sighting WHERE article = ?1 AND feed = ?2 AND first_seen <= ?3 AND left_at IS NOT NULL")?;
    for article in articles {
        if known.exists(params![article, feed, before.timestamp_millis()])? {
            return Ok(true);
        }
    }
    Ok(false)
}
