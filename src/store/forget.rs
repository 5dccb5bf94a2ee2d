//! Forgetting: an article is taken out for good, at the request of somebody who wants it gone.
//!
//! All that it says goes: bodies, raw entries, revisions, guids and addresses, its place in the search index and among
//! copies. Not only out of the tables: what was written over or freed is filled with zeros (`secure_delete`), the search index is
//! merged into one piece without its words, the pages that were free before are written over, and the write-ahead log is emptied. So
//! nothing of it can be found in the database file or the log, nor in backups to come.
//!
//! What stays is what keeps it from coming back: its id (a hash) in `forgotten`, which an incremental export names, and for
//! as long as its feeds carry the entry, hashes of the keys by which they know it again, so that it stays away though its
//! publisher edits or moves it. These go thirty days after the entry has left, as after retention.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::copies::{self, Seeds};
use super::neighbours::Neighbours;
use super::{Archive, StoreError, connect, retention};

/// So many articles in one transaction.
const BATCH: usize = 100;

/// Pages of the search index, or of free space, that are written in one turn of the writer.
const PAGES: i64 = 256;

/// How long to wait for those who read the archive to let go of the log.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the log is tried.
const RETRY: Duration = Duration::from_millis(100);

/// What became of the ids that were to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Forgot {
    /// Ids that the archive never had. Where there are any, nothing was forgotten.
    pub unknown: Vec<String>,
    /// Articles with the same text, which stay.
    pub copies: Vec<String>,
    /// Is the log empty, too? Not where somebody has been reading from it all the time.
    pub log_is_empty: bool,
}

impl Archive {
    /// Takes articles out for good; polls go on in between. Those that were forgotten before are wiped again.
    ///
    /// # Errors
    /// A [`StoreError`]; doing it again completes what was begun.
    pub async fn forget(&self, ids: Vec<String>, now: DateTime<Utc>) -> Result<Forgot, StoreError> {
        let asked = ids.clone();
        let unknown = self.writer.run(move |connection| unknown(connection, &asked)).await?;
        if !unknown.is_empty() {
            return Ok(Forgot { unknown, ..Forgot::default() });
        }
        self.writer.run(|connection| connection.pragma_update(None, "secure_delete", true)).await?;
        let mut copies = BTreeSet::new();
        for batch in ids.chunks(BATCH) {
            let batch = batch.to_vec();
            let forgetting =
                move |connection: &mut Connection, neighbours: &mut Neighbours| forget_batch(connection, neighbours, &batch, now);
            copies.extend(self.writer.run_on_articles(forgetting).await?);
        }
        self.writer.run(|connection| merge_index(connection, -PAGES)).await?;
        while self.writer.run(|connection| merge_index(connection, PAGES)).await? {}
        while self.writer.run(fill_free_pages).await? {}
        while self.writer.run(free_filled_pages).await? {}
        let log_is_empty = self.empty_log().await?;
        self.writer.run(|connection| connection.pragma_update(None, "secure_delete", connect::SECURE_DELETE)).await?;
        copies.retain(|copy| !ids.contains(copy));
        Ok(Forgot { unknown, copies: copies.into_iter().collect(), log_is_empty })
    }

    /// Writes the log into the database and truncates it, as soon as nobody reads from it.
    async fn empty_log(&self) -> Result<bool, StoreError> {
        let mut waited = Duration::ZERO;
        while !self.writer.run(truncate_log).await? {
            if waited >= PATIENCE {
                return Ok(false);
            }
            tokio::time::sleep(RETRY).await;
            waited += RETRY;
        }
        Ok(true)
    }
}

/// Those of the ids that the archive neither has nor had.
fn unknown(connection: &Connection, ids: &[String]) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM article WHERE id = ?1 UNION ALL SELECT 1 FROM forgotten WHERE id = ?1")?;
    let mut unknown = Vec::new();
    for id in ids {
        if !statement.exists(params![id])? {
            unknown.push(id.clone());
        }
    }
    Ok(unknown)
}

/// Takes some articles out of all tables; gives the ids of their copies.
pub(super) fn forget_batch(
    connection: &mut Connection,
    neighbours: &mut Neighbours,
    ids: &[String],
    now: DateTime<Utc>,
) -> rusqlite::Result<BTreeSet<String>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let now = now.timestamp_millis();
    let (mut clusters, mut joined, mut named) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for id in ids {
        let found: Option<(i64, Option<i64>)> = transaction
            .prepare_cached("SELECT article, copy_key FROM article WHERE id = ?1")?
            .query_row(params![id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let is_forgotten = transaction.prepare_cached("SELECT 1 FROM forgotten WHERE id = ?1")?.exists(params![id])?;
        let Some((article, copy_key)) = found.filter(|_| !is_forgotten) else { continue };
        let mut of_cluster = transaction.prepare_cached("SELECT id FROM article WHERE copy_key = ?1 AND article <> ?2")?;
        for copy in of_cluster.query_map(params![copy_key, article], |row| row.get(0))? {
            named.insert(copy?);
        }
        clusters.extend(copies::followers(&transaction, article)?);
        joined.extend(copies::joined_by_page(&transaction, article)?);
        retention::remove(&transaction, neighbours, article, now)?;
        joined.remove(&article);
        reduce(&transaction, article, now)?;
        let change = retention::next_change(&transaction)?;
        transaction
            .prepare_cached("INSERT INTO forgotten (id, deleted_at, change) VALUES (?1, ?2, ?3)")?
            .execute(params![id, now, change])?;
        clusters.extend(copy_key);
    }
    copies::settle_and_mark(&transaction, neighbours, &Seeds { keys: clusters, articles: joined, entered: None }, now)?;
    transaction.commit()?;
    Ok(named)
}

/// Of what its feeds know it by, leaves hashes alone.
fn reduce(transaction: &Transaction<'_>, article: i64, now: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE article SET at = ?2, published = NULL, revision = 1, revised_at = ?2, first_seen = ?2 WHERE article = ?1")?
        .execute(params![article, now])?;
    transaction
        .prepare_cached("UPDATE sighting SET guid = NULL, url = NULL, first_seen = ?2, words = 0 WHERE article = ?1")?
        .execute(params![article, now])?;
    Ok(())
}

/// Merges a part of the search index, beginning (`pages` under zero) or going on with all of it: in the one piece that comes of it no word
/// stands that no article has. Is there more to do?
fn merge_index(connection: &mut Connection, pages: i64) -> rusqlite::Result<bool> {
    let before = connection.total_changes();
    connection.prepare_cached("INSERT INTO article_tokens (article_tokens, rank) VALUES ('merge', ?1)")?.execute(params![pages])?;
    // As SQLite documents it: a merge that had nothing to do changes less than two rows.
    Ok(connection.total_changes() - before >= 2)
}

/// Fills some pages that were freed before with nothing. Are there more?
fn fill_free_pages(connection: &mut Connection) -> rusqlite::Result<bool> {
    let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    if free == 0 {
        return Ok(false);
    }
    // Each page of a long value holds the number of the next one, and else the value.
    connection.prepare_cached("INSERT INTO blank (zeros) VALUES (zeroblob(?1))")?.execute(params![free.min(PAGES) * (page - 4)])?;
    Ok(true)
}

/// Frees the pages again. Are there more?
fn free_filled_pages(connection: &mut Connection) -> rusqlite::Result<bool> {
    let freed = connection.prepare_cached("DELETE FROM blank WHERE rowid = (SELECT max(rowid) FROM blank)")?.execute([])?;
    Ok(freed > 0)
}

/// Truncates the log, unless somebody reads from it.
fn truncate_log(connection: &mut Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(Duration::ZERO)?;
    let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0));
    connection.busy_timeout(connect::BUSY_TIMEOUT)?;
    match truncated {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(false),
        other => other,
    }
}
