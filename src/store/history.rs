//! What a feed showed before: pages of its past, and the jobs that fetch them.
//!
//! A page is stored with how far its job has come, in one transaction: after a crash the job goes on behind the last page
//! whose articles are in the archive. A page is no poll: the feed's validators, its rhythm and what stands in it now stay as
//! they are.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::activity;
use super::coverage;
use super::documents::{self, Arrival, Tense};
use super::neighbours::Neighbours;
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
    /// Is it a page of the feed's past, and not the feed's own document, from which all begins?
    pub leads_back: bool,
    /// The job looks for what may have been missed since this poll.
    pub known_at: Option<DateTime<Utc>>,
    /// How far the job has come with it.
    pub progress: Progress,
}

/// What a page brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PageReport {
    /// Articles that are new to the archive.
    pub new: usize,
    /// Possible gaps that it closes: it leads back to what was known before them.
    pub healed: usize,
    /// Does it lead back to what was known at [`HistoryPage::known_at`]?
    pub reached_known: bool,
}

/// A feed in which something may have been missed, and whose past was not searched for it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGap {
    /// The feed's name.
    pub feed: String,
    /// The last poll before, of the earliest such gap.
    pub known_at: DateTime<Utc>,
}

impl Archive {
    /// Commits a page and how far its job has come; done when both are safe on disk.
    ///
    /// # Errors
    /// A [`StoreError`]; neither was stored then.
    pub async fn commit_history(&self, page: HistoryPage) -> Result<PageReport, StoreError> {
        let packer = self.packer();
        self.writer
            .run_on_articles(move |connection, neighbours| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let report = store(&transaction, &packer, neighbours, &page)?;
                neighbours.write_lists(&transaction)?;
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

    /// The gaps that nobody has tried to close, one a feed.
    ///
    /// # Errors
    /// Those of the database.
    pub fn open_gaps(&self) -> Result<Vec<OpenGap>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT name, min(from_at) FROM coverage_finding JOIN feed USING (feed)
                     WHERE gap = 1 AND healed_at IS NULL AND looked_back_at IS NULL GROUP BY feed ORDER BY name",
                )?
                .query_map([], |row| {
                    let known_at = DateTime::from_timestamp_millis(row.get(1)?).unwrap_or(DateTime::UNIX_EPOCH);
                    Ok(OpenGap { feed: row.get(0)?, known_at })
                })?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }
}

/// Stores a page inside the caller's transaction.
pub fn store(connection: &Connection, packer: &Packer, neighbours: &mut Neighbours, page: &HistoryPage) -> rusqlite::Result<PageReport> {
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
        let arrival = Arrival { tense: Tense::Past, now: page.at.timestamp_millis() };
        let stored = documents::store(connection, packer, neighbours, feed, &polled, arrival, document)?;
        connection
            .prepare_cached("UPDATE feed SET articles = articles + ?2 WHERE feed = ?1")?
            .execute(params![feed, stored.new_in_feed])?;
        report.new = stored.report.new;
        if report.new > 0 {
            activity::note_rhythm(connection, feed)?;
        }
        stored.unindexed.write(connection)?;
        if let (true, Some(known_since)) = (page.leads_back, known_since(connection, feed, &stored.articles)?) {
            report.healed = coverage::heal(connection, &page.feed.name, known_since, page.at)?;
            report.reached_known = page.known_at.is_some_and(|known_at| known_since <= known_at);
        }
    }
    if let Some(known_at) = page.known_at {
        connection
            .prepare_cached(
                "UPDATE coverage_finding SET looked_back_at = ?3 WHERE feed = ?1 AND gap = 1 AND from_at >= ?2 AND looked_back_at IS NULL",
            )?
            .execute(params![feed, known_at.timestamp_millis(), page.at.timestamp_millis()])?;
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

/// When the first of these articles' entries that have left the feed was first seen. What stands in the feed now may stand there
/// for years, so it does not tell how far a page reaches back.
fn known_since(connection: &Connection, feed: i64, articles: &[i64]) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let mut first_seen =
        connection.prepare_cached("SELECT min(first_seen) FROM sighting WHERE article = ?1 AND feed = ?2 AND left_at IS NOT NULL")?;
    let mut earliest: Option<i64> = None;
    for article in articles {
        let seen: Option<i64> = first_seen.query_row(params![article, feed], |row| row.get(0))?;
        earliest = [earliest, seen].into_iter().flatten().min();
    }
    Ok(earliest.and_then(DateTime::from_timestamp_millis))
}
