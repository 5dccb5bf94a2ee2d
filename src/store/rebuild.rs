//! A rebuild as the archive sees it: how far it has come, committed with each group of articles, so that one that was
//! interrupted, by whatever, goes on where it was.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::remake::{self, Remade, Rules};
use super::shown::Changes;
use super::{Archive, Reader, StoreError};
use crate::decide::ArticleRef;

/// So many articles in one transaction at most …
const BATCH: usize = 200;

/// … and no more are begun after so long: polls wait no longer for it than for a group of polls.
const LONGEST: Duration = Duration::from_millis(50);

/// What a rebuild has done, all its runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RebuildTally {
    /// Articles that were looked at.
    pub articles: u64,
    /// … of these so many show something else now.
    pub changed: u64,
    /// … had no raw entry to be made from.
    pub without_entry: u64,
    /// … could not be read, or brought the rules down.
    pub unreadable: u64,
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildState {
    /// All up to this one have been made again.
    pub after: ArticleRef,
    /// What was done until now.
    pub tally: RebuildTally,
    /// Does it go on where an earlier one was interrupted?
    pub is_resumed: bool,
}

impl Archive {
    /// Begins a rebuild, or goes on with one by the same rules and settings, which `fingerprint` stands for.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing was begun then.
    pub async fn begin_rebuild(&self, fingerprint: i64) -> Result<RebuildState, StoreError> {
        self.writer.run(move |connection| begin(connection, fingerprint)).await
    }

    /// Commits articles that were made again, with how far that has come; polls go on in between. Gives what was done until now.
    ///
    /// # Errors
    /// A [`StoreError`]; what was committed before stays, and the rebuild goes on there next time.
    pub async fn commit_remade(&self, remade: Vec<Remade>, rules: Arc<dyn Rules>, now: DateTime<Utc>) -> Result<RebuildTally, StoreError> {
        let mut waiting = VecDeque::from(remade);
        loop {
            let (packer, rules) = (self.packer(), Arc::clone(&rules));
            let tally;
            (waiting, tally) = self
                .writer
                .run(move |connection| {
                    let tally = write_group(connection, &packer, rules.as_ref(), &mut waiting, now)?;
                    Ok((waiting, tally))
                })
                .await?;
            if waiting.is_empty() {
                return Ok(tally);
            }
        }
    }

    /// The rebuild is over.
    ///
    /// # Errors
    /// A [`StoreError`]; it will be gone on with, and there will be little to do.
    pub async fn end_rebuild(&self) -> Result<(), StoreError> {
        self.writer.run(|connection| connection.execute("DELETE FROM rebuild", []).map(drop)).await
    }
}

impl Reader {
    /// How many articles there are.
    ///
    /// # Errors
    /// Those of the database.
    pub fn article_count(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM article WHERE removed_at IS NULL", [], |row| row.get(0))
            .map(i64::unsigned_abs)
            .map_err(|error| self.error(error))
    }
}

fn begin(connection: &Connection, fingerprint: i64) -> rusqlite::Result<RebuildState> {
    let known: Option<i64> =
        connection.query_row("SELECT article FROM rebuild WHERE fingerprint = ?1", params![fingerprint], |row| row.get(0)).optional()?;
    if let Some(after) = known {
        return Ok(RebuildState { after: ArticleRef(after), tally: tally(connection)?, is_resumed: true });
    }
    connection.execute(
        "INSERT OR REPLACE INTO rebuild (one, fingerprint, article, articles, changed, without_entry, unreadable) VALUES (1, ?1, 0, 0, 0, 0, 0)",
        params![fingerprint],
    )?;
    Ok(RebuildState { after: ArticleRef(0), tally: RebuildTally::default(), is_resumed: false })
}

fn tally(connection: &Connection) -> rusqlite::Result<RebuildTally> {
    connection.prepare_cached("SELECT articles, changed, without_entry, unreadable FROM rebuild")?.query_row([], |row| {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(RebuildTally { articles: count(0)?, changed: count(1)?, without_entry: count(2)?, unreadable: count(3)? })
    })
}

/// Writes as many of these as the writer has time for.
fn write_group(
    connection: &mut Connection,
    packer: &super::Packer,
    rules: &dyn Rules,
    waiting: &mut VecDeque<Remade>,
    now: DateTime<Utc>,
) -> rusqlite::Result<RebuildTally> {
    let began = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = Changes::new(&transaction, now.timestamp_millis());
    let mut written = 0;
    while written < BATCH && began.elapsed() < LONGEST {
        let Some(remade) = waiting.pop_front() else { break };
        let article = remade.article();
        let done = remake::write(&transaction, packer, rules, &mut changes, remade)?;
        written += 1;
        transaction
            .prepare_cached(
                "UPDATE rebuild SET article = ?1, articles = articles + 1, changed = changed + ?2, without_entry = without_entry + ?3,
                   unreadable = unreadable + ?4",
            )?
            .execute(params![article.0, done.is_changed, !done.has_entry, done.is_unreadable])?;
    }
    changes.finish()?.write(&transaction)?;
    let tally = tally(&transaction)?;
    transaction.commit()?;
    Ok(tally)
}
