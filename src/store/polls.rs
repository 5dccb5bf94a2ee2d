//! One poll becomes one transaction: what a poll brings, and its own record. What becomes of the document's entries is
//! in [`super::documents`].

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::documents::{self, Stored};
use super::dropped::{self, Dropped};
use super::packed::{PackedError, Packer};
use super::search::{self, Unindexed};
use crate::article::Draft;
use crate::config::IdentityRule;
use crate::fetch::Validators;
use crate::identity::EntryKeys;
use crate::parse::Entry;
use crate::schedule::NextPoll;

/// What costs time about an entry, ready before the writer's turn.
#[derive(Debug)]
pub struct Prepared {
    pub(super) draft: Draft,
    pub(super) packed: Result<Vec<u8>, PackedError>,
    pub(super) tokens: String,
    pub(super) copy_key: Option<i64>,
}

impl Prepared {
    /// Packs a draft and, where raw entries are kept, the entry that it was made from; finds tokens and fingerprints.
    pub fn of(draft: Draft, kept_entry: Option<&Entry>, packer: &Packer) -> Self {
        Self {
            packed: match kept_entry {
                Some(entry) => packer.pack_both(&draft, entry),
                None => packer.pack(&draft),
            },
            tokens: search::document_tokens(&draft),
            copy_key: crate::copies::copy_key(&draft),
            draft,
        }
    }
}

/// One entry of a polled document.
pub struct PolledEntry {
    /// Permalink of the sighting.
    pub url: Option<String>,
    /// The entry as it was parsed.
    pub entry: Entry,
    /// Made when first asked for: entries that the archive has need none of it.
    pub prepared: OnceLock<Prepared>,
}

/// A document that differs from the one before.
pub struct PolledDocument {
    /// Hash of its bytes and of all that decides how they are read.
    pub hash: i64,
    /// The feed's own title.
    pub title: Option<String>,
    /// The kinds of what had to be mended to read it, or was left out.
    pub mended: Vec<&'static str>,
    /// Its home page.
    pub site_url: Option<String>,
    /// How entries are known.
    pub rule: IdentityRule,
    /// The entries that are kept, in the document's order.
    pub entries: Vec<PolledEntry>,
    /// For each of them what identity asks.
    pub keys: Vec<EntryKeys>,
    /// The entries that the operator does not want.
    pub dropped: Dropped,
    /// Makes what [`PolledEntry::prepared`] holds.
    pub prepare: Box<dyn Fn(&Entry) -> Prepared + Send + Sync>,
}

impl PolledDocument {
    /// Computes what costs time about one entry, unless that was done.
    pub fn prepare(&self, at: usize) -> Option<&Prepared> {
        let entry = self.entries.get(at)?;
        Some(entry.prepared.get_or_init(|| (self.prepare)(&entry.entry)))
    }

    pub(super) fn prepared(&self, at: usize) -> rusqlite::Result<&Prepared> {
        self.prepare(at).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// Which feed was polled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolledFeed {
    /// Its name.
    pub name: String,
    /// Its URL, without credentials.
    pub url: String,
    /// The title that the operator gave it.
    pub title: Option<String>,
}

/// All that a poll learned.
pub struct Poll {
    /// The feed.
    pub feed: PolledFeed,
    /// When the answer came.
    pub at: DateTime<Utc>,
    /// Status of the answer.
    pub http_status: Option<u16>,
    /// Why it failed; `None` where it did not.
    pub error: Option<String>,
    /// Does this say anything of the feed? Where its host wants to be left alone or nothing at all can be reached, it does not, and the
    /// plan alone changes.
    pub asked: bool,
    /// The server said 410, or the feed has done nothing but fail for too long.
    pub gone: bool,
    /// What to ask with next time; `None` keeps what is there.
    pub validators: Option<Validators>,
    /// Where permanent redirects lead.
    pub redirected_to: Option<String>,
    /// Was the feed's own URL asked, and not only where it leads?
    pub own_url_asked: bool,
    /// How long the request took.
    pub elapsed: Duration,
    /// When to ask again, and why then.
    pub next: NextPoll,
    /// What the schedule remembers; `None` keeps what is there.
    pub memory: Option<String>,
    /// What came, unless it was what came before.
    pub document: Option<PolledDocument>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PollReport {
    /// Articles that are new to the archive.
    pub new: usize,
    /// Articles whose source changed what they show.
    pub updated: usize,
}

/// Stores a poll inside the caller's transaction, all but its words in the search index: these are given back, to be written
/// before the transaction ends.
pub fn store(connection: &Connection, packer: &Packer, poll: &Poll) -> rusqlite::Result<(PollReport, Unindexed)> {
    let now = poll.at.timestamp_millis();
    let feed = feed_row(connection, &poll.feed)?;
    let stored = match &poll.document {
        Some(document) => documents::store(connection, packer, feed.row, &poll.feed, feed.last_seen_at.unwrap_or(now), now, document)?,
        None => Stored::default(),
    };
    store_feed(connection, feed.row, poll, stored.new_in_feed)?;
    Ok((stored.report, stored.unindexed))
}

struct FeedRow {
    row: i64,
    last_seen_at: Option<i64>,
}

fn feed_row(connection: &Connection, feed: &PolledFeed) -> rusqlite::Result<FeedRow> {
    connection
        .prepare_cached("INSERT INTO feed (name, url) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![feed.name, feed.url])?;
    // What was learned at another URL says nothing about this one.
    connection
        .prepare_cached(
            "UPDATE feed SET consecutive_failures = 0, failing_since = NULL, gone_since = NULL, redirected_to = NULL,
               redirected_since = NULL, own_url_asked_at = NULL, rhythm = NULL WHERE name = ?1 AND url <> ?2",
        )?
        .execute(params![feed.name, feed.url])?;
    connection
        .prepare_cached("SELECT feed, last_seen_at FROM feed WHERE name = ?1")?
        .query_row(params![feed.name], |row| Ok(FeedRow { row: row.get(0)?, last_seen_at: row.get(1)? }))
}

/// The poll's own record; all that a "not modified" writes.
fn store_feed(connection: &Connection, feed: i64, poll: &Poll, new_articles: i64) -> rusqlite::Result<()> {
    let now = poll.at.timestamp_millis();
    if !poll.asked {
        connection
            .prepare_cached("UPDATE feed SET url = ?2, next_poll_at = ?3, next_poll_reason = ?4 WHERE feed = ?1")?
            .execute(params![feed, poll.feed.url, poll.next.at.timestamp_millis(), poll.next.reason.as_str()])?;
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE feed SET url = ?2, last_polled_at = ?3, next_poll_at = ?4, http_status = ?5, last_error = ?6,
               consecutive_failures = CASE WHEN ?6 IS NULL THEN 0 ELSE consecutive_failures + 1 END,
               failing_since = CASE WHEN ?6 IS NULL THEN NULL ELSE coalesce(failing_since, ?3) END,
               gone_since = CASE WHEN ?7 THEN coalesce(gone_since, ?3) ELSE NULL END,
               last_seen_at = CASE WHEN ?6 IS NULL THEN ?3 ELSE last_seen_at END,
               redirected_since = CASE WHEN ?6 IS NOT NULL OR redirected_to IS ?8 THEN redirected_since WHEN ?8 IS NULL THEN NULL ELSE ?3 END,
               redirected_to = CASE WHEN ?6 IS NOT NULL THEN redirected_to ELSE ?8 END, next_poll_reason = ?9, given_title = ?10,
               own_url_asked_at = CASE WHEN ?11 THEN ?3 ELSE own_url_asked_at END, rhythm = coalesce(?12, rhythm),
               request_ms = ?13
             WHERE feed = ?1",
        )?
        .execute(params![
            feed,
            poll.feed.url,
            now,
            poll.next.at.timestamp_millis(),
            poll.http_status,
            poll.error,
            poll.gone,
            poll.redirected_to,
            poll.next.reason.as_str(),
            poll.feed.title,
            poll.own_url_asked,
            poll.memory,
            i64::try_from(poll.elapsed.as_millis()).unwrap_or(i64::MAX)
        ])?;
    if let Some(validators) = &poll.validators {
        connection.prepare_cached("UPDATE feed SET etag = ?2, last_modified = ?3 WHERE feed = ?1")?.execute(params![
            feed,
            validators.etag,
            validators.last_modified
        ])?;
    }
    if let Some(document) = &poll.document {
        let mended = (!document.mended.is_empty()).then(|| document.mended.join(", "));
        connection
            .prepare_cached(
                "UPDATE feed SET title = ?2, site_url = ?3, document = ?4, documents = documents + 1, articles = articles + ?5,
                   mended_documents = mended_documents + (?6 IS NOT NULL), last_mended = ?6 WHERE feed = ?1",
            )?
            .execute(params![feed, document.title, document.site_url, document.hash, new_articles, mended])?;
        dropped::store(connection, feed, &document.dropped, now)?;
    }
    Ok(())
}
