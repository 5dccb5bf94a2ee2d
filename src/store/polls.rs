//! One poll becomes one transaction: what a poll brings, and its own record. What becomes of the document's entries is
//! in [`super::documents`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::activity;
use super::coverage::{self, Seen};
use super::documents::{self, Arrival, Tense};
use super::dropped::{self, Dropped};
use super::neighbours::Neighbours;
use super::packed::{PackedError, Packer};
use super::search::{self, Unindexed};
use crate::article::Draft;
use crate::config::{FullText, IdentityRule};
use crate::copies::{CopySettings, Likeness};
use crate::coverage::{Cause, Present};
use crate::fetch::Validators;
use crate::identity::{EntryKeys, Key};
use crate::parse::{Entry, FeedHead};
use crate::schedule::NextPoll;

/// What costs time about an entry, ready before the writer's turn.
#[derive(Debug)]
pub struct Prepared {
    pub(super) draft: Draft,
    pub(super) packed: Result<Vec<u8>, PackedError>,
    pub(super) tokens: Arc<str>,
    pub(super) likeness: Likeness,
}

impl Prepared {
    /// Packs a draft and, where raw entries are kept, the entry that it was made from; finds tokens, and what copies and
    /// similar posts are known by.
    pub fn of(draft: Draft, kept_entry: Option<&Entry>, settings: CopySettings, packer: &Packer) -> Self {
        let (tokens, likeness) = search::indexed_and_compared(&draft, settings);
        Self {
            packed: match kept_entry {
                Some(entry) => packer.pack_both(&draft, entry),
                None => packer.pack(&draft),
            },
            tokens,
            likeness,
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

/// An entry of a polled document that the operator's filters drop: it is no article, but it proves that nothing
/// was missed between two polls as well as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DroppedAt {
    /// Its place in the document, the kept entries counted along; 0 is the first.
    pub place: usize,
    /// By what it is known again.
    pub key: Key,
    /// Seconds since 1970, believed or not.
    pub date: Option<i64>,
}

impl DroppedAt {
    /// By what an entry is known again that is no article: its guid, else its text. A link may be that of every entry.
    pub fn key_of(keys: &EntryKeys) -> Key {
        keys.guid_key.unwrap_or(keys.text_key)
    }
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
    /// All that it says of the feed: what an entry's draft is made from beside the entry.
    pub head: Arc<FeedHead>,
    /// How entries are known.
    pub rule: IdentityRule,
    /// Which of their pages are asked for.
    pub full_text: FullText,
    /// What is looked for when its articles are compared with others.
    pub copies: CopySettings,
    /// The entries that are kept, in the document's order.
    pub entries: Vec<PolledEntry>,
    /// For each of them what identity asks.
    pub keys: Vec<EntryKeys>,
    /// The other entries, in the document's order.
    pub dropped_at: Vec<DroppedAt>,
    /// Does it end before its root element does?
    pub is_cut_off: bool,
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
    /// Did a document come, be it the one that came before? A "not modified" brings none.
    pub is_verified: bool,
    /// Has the server answered "not modified" though the document is another one?
    pub has_lied: bool,
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PollReport {
    /// Articles that are new to the archive.
    pub new: usize,
    /// Articles whose source changed what they show.
    pub updated: usize,
    /// New articles that are copies of others.
    pub copies: usize,
    /// How old each new article was, where the feed was known before.
    pub delays: Vec<Duration>,
}

/// Stores a poll inside the caller's transaction, all but its words in the search index: these are given back, to be written
/// before the transaction ends.
pub fn store(
    connection: &Connection,
    packer: &Packer,
    neighbours: &mut Neighbours,
    poll: &Poll,
) -> rusqlite::Result<(PollReport, Unindexed)> {
    let now = poll.at.timestamp_millis();
    let feed = feed_row(connection, &poll.feed)?;
    let arrival = Arrival { tense: Tense::Present { last_seen_at: feed.last_seen_at.unwrap_or(now) }, now };
    let stored = match &poll.document {
        Some(document) => Some((document, documents::store(connection, packer, neighbours, feed.row, &poll.feed, arrival, document)?)),
        None => None,
    };
    let seen = match &stored {
        Some((document, stored)) => Seen::Document { standings: &stored.standings, is_cut_off: document.is_cut_off },
        None => Seen::Unchanged,
    };
    let present = match (&poll.error, poll.asked) {
        (None, true) => coverage::answered(connection, feed.row, &feed.present, &seen, poll.at)?,
        _ => feed.present,
    };
    let (report, new_in_feed, unindexed) =
        stored.map_or_else(Default::default, |(_, stored)| (stored.report, stored.new_in_feed, stored.unindexed));
    store_feed(connection, feed.row, poll, &present, new_in_feed)?;
    if report.new > 0 {
        activity::note_rhythm(connection, feed.row)?;
    }
    Ok((report, unindexed))
}

struct FeedRow {
    row: i64,
    last_seen_at: Option<i64>,
    present: Present,
}

fn feed_row(connection: &Connection, feed: &PolledFeed) -> rusqlite::Result<FeedRow> {
    connection
        .prepare_cached("INSERT INTO feed (name, url) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING")?
        .execute(params![feed.name, feed.url])?;
    // What was learned at another URL says nothing about this one.
    connection
        .prepare_cached(
            "UPDATE feed SET consecutive_failures = 0, failing_since = NULL, gone_since = NULL, redirected_to = NULL,
               redirected_since = NULL, own_url_asked_at = NULL, rhythm = NULL, distrusted_since = NULL, changed_at = NULL,
               verified_at = NULL, proposed_url = NULL, sought_at = NULL, searches = 0 WHERE name = ?1 AND url <> ?2",
        )?
        .execute(params![feed.name, feed.url])?;
    connection
        .prepare_cached(&format!("SELECT feed, last_seen_at, {} FROM feed WHERE name = ?1", coverage::PRESENT))?
        .query_row(params![feed.name], |row| {
            Ok(FeedRow { row: row.get(0)?, last_seen_at: row.get(1)?, present: coverage::present(row, 2)? })
        })
}

/// The poll's own record; all that a "not modified" writes.
fn store_feed(connection: &Connection, feed: i64, poll: &Poll, present: &Present, new_articles: i64) -> rusqlite::Result<()> {
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
               request_ms = ?13, covered_since = ?14, covered_until = ?15, coverage_doubt = ?16,
               answer_due_at = CASE WHEN ?6 IS NULL THEN ?4 ELSE answer_due_at END,
               verified_at = CASE WHEN ?17 THEN ?3 ELSE verified_at END,
               distrusted_since = CASE WHEN ?18 THEN ?3 ELSE distrusted_since END,
               proposed_url = CASE WHEN ?6 IS NULL THEN NULL ELSE proposed_url END,
               searches = CASE WHEN ?6 IS NULL THEN 0 ELSE searches END
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
            i64::try_from(poll.elapsed.as_millis()).unwrap_or(i64::MAX),
            present.since.map(|at| at.timestamp_millis()),
            present.until.map(|at| at.timestamp_millis()),
            present.doubt.map(Cause::as_str),
            poll.is_verified,
            poll.has_lied
        ])?;
    if poll.error.is_some() {
        activity::failed(connection, feed, now)?;
    }
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
                   mended_documents = mended_documents + (?6 IS NOT NULL), last_mended = ?6, changed_at = ?7 WHERE feed = ?1",
            )?
            .execute(params![feed, document.title, document.site_url, document.hash, new_articles, mended, now])?;
        dropped::store(connection, feed, &document.dropped, now)?;
    }
    Ok(())
}
