//! What the archive keeps of coverage: what a feed's next document is compared with, and what interrupted the watch.
//!
//! It is written with the poll that found it. A "not modified", or a document that brings nothing new, writes nothing
//! but the time up to which the feed is proven whole, in the row that every poll writes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Archive, Reader, StoreError};
use crate::coverage::{self, Cause, Finding, FindingKind, Present, Record, Standing, Verdict, Watch};

/// What a poll that was answered brought.
pub enum Seen<'a> {
    /// What it brought the last time.
    Unchanged,
    /// Another document.
    Document {
        /// Its entries, in order.
        standings: &'a [Standing],
        /// Does it end before its root element does?
        is_cut_off: bool,
    },
}

/// The columns of a [`Present`], as [`present`] reads them.
pub const PRESENT: &str = "covered_since, covered_until, answer_due_at, failing_since, coverage_doubt";

/// From the columns [`PRESENT`], the first of which is this one.
pub fn present(row: &Row<'_>, first: usize) -> rusqlite::Result<Present> {
    Ok(Present {
        since: time(row, first)?,
        until: time(row, first + 1)?,
        due_at: time(row, first + 2)?,
        failing_since: time(row, first + 3)?,
        doubt: row.get::<_, Option<String>>(first + 4)?.as_deref().and_then(Cause::parse),
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_millis))
}

/// Stores what an answered poll proves, or finds; gives how things stand after it.
pub fn answered(connection: &Connection, feed: i64, before: &Present, seen: &Seen<'_>, now: DateTime<Utc>) -> rusqlite::Result<Present> {
    let verdict = match *seen {
        Seen::Unchanged if before.since.is_none() || before.doubt.is_some() => return Ok(*before),
        Seen::Unchanged => Verdict::Proven,
        Seen::Document { standings, is_cut_off } => judge(connection, feed, standings, is_cut_off)?,
    };
    // Where there is nothing to compare with any more, nothing is proven.
    let is_lost = verdict == Verdict::Begun && before.since.is_some();
    let verdict = if is_lost { Verdict::PossibleGap } else { verdict };
    if let Verdict::Unproven(doubt) = verdict {
        return Ok(Present { doubt: Some(doubt.into()), ..*before });
    }
    if let Some(finding) = coverage::finding(before, verdict, now) {
        connection
            .prepare_cached("INSERT OR REPLACE INTO coverage_finding (feed, until_at, from_at, gap, cause) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![
                feed,
                finding.until.timestamp_millis(),
                finding.from.timestamp_millis(),
                finding.kind == FindingKind::PossibleGap,
                finding.cause.as_str()
            ])?;
    }
    Ok(Present { since: before.since.or(Some(now)), until: Some(now), doubt: None, ..*before })
}

fn judge(connection: &Connection, feed: i64, standings: &[Standing], is_cut_off: bool) -> rusqlite::Result<Verdict> {
    let watch = watch(connection, feed)?;
    let (next, verdict) = coverage::judge(&watch, standings, is_cut_off);
    if next != watch {
        let text = next.encode().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        connection.prepare_cached("INSERT OR REPLACE INTO coverage_base (feed, base) VALUES (?1, ?2)")?.execute(params![feed, text])?;
    }
    Ok(verdict)
}

/// What is remembered of a feed's documents.
pub fn watch(connection: &Connection, feed: i64) -> rusqlite::Result<Watch> {
    let text: Option<String> = connection
        .prepare_cached("SELECT base FROM coverage_base WHERE feed = ?1")?
        .query_row(params![feed], |row| row.get(0))
        .optional()?;
    Ok(text.as_deref().and_then(Watch::decode).unwrap_or_default())
}

/// Marks the gaps as healed before which an entry was known that the feed's history has been read back to; gives how many
/// these are. `known_since`: when that entry was first seen. For a transaction that stores history.
pub fn heal(connection: &Connection, feed: &str, known_since: DateTime<Utc>, now: DateTime<Utc>) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE coverage_finding SET healed_at = ?3 WHERE feed = (SELECT feed FROM feed WHERE name = ?1) AND gap = 1
               AND healed_at IS NULL AND from_at >= ?2",
        )?
        .execute(params![feed, known_since.timestamp_millis(), now.timestamp_millis()])
}

impl Archive {
    /// A feed's history, from its present document back to an entry that was first seen at `known_since`, is in the archive:
    /// whatever was missed since then is there now. Gives how many gaps that heals.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn heal_gaps(&self, feed: &str, known_since: DateTime<Utc>, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let feed = feed.to_owned();
        self.writer.run(move |connection| heal(connection, &feed, known_since, now)).await
    }
}

fn finding(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Finding>> {
    let (from, until, healed_at) = (time(row, first)?, time(row, first + 1)?, time(row, first + 4)?);
    let kind = if row.get(first + 2)? { FindingKind::PossibleGap } else { FindingKind::Bridged };
    let cause = Cause::parse(&row.get::<_, String>(first + 3)?);
    Ok(from.zip(until).zip(cause).map(|((from, until), cause)| Finding { from, until, kind, cause, healed_at }))
}

impl Reader {
    /// The coverage of every feed that was ever polled, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub fn coverage(&self) -> Result<Vec<Record>, StoreError> {
        let read = || {
            let mut records: BTreeMap<i64, Record> = self
                .connection
                .prepare_cached(&format!("SELECT feed, name, url, {PRESENT} FROM feed"))?
                .query_map([], |row| {
                    Ok((row.get(0)?, Record { feed: row.get(1)?, url: row.get(2)?, present: present(row, 3)?, findings: Vec::new() }))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let mut findings = self
                .connection
                .prepare_cached("SELECT feed, from_at, until_at, gap, cause, healed_at FROM coverage_finding ORDER BY feed, until_at")?;
            let mut rows = findings.query([])?;
            while let Some(row) = rows.next()? {
                if let (Some(record), Some(finding)) = (records.get_mut(&row.get(0)?), finding(row, 1)?) {
                    record.findings.push(finding);
                }
            }
            let mut records: Vec<Record> = records.into_values().collect();
            records.sort_by(|a, b| a.feed.cmp(&b.feed));
            Ok(records)
        };
        read().map_err(|error| self.error(error))
    }

    /// The coverage of one feed from `since` on, or as far back as it goes; `None` where it was never polled.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_coverage(&self, feed: &str, since: Option<DateTime<Utc>>) -> Result<Option<Record>, StoreError> {
        let read = || {
            let found = self
                .connection
                .prepare_cached(&format!("SELECT feed, name, url, {PRESENT} FROM feed WHERE name = ?1"))?
                .query_row(params![feed], |row| {
                    let record = Record { feed: row.get(1)?, url: row.get(2)?, present: present(row, 3)?, findings: Vec::new() };
                    Ok((row.get::<_, i64>(0)?, record))
                })
                .optional()?;
            let Some((feed, mut record)) = found else { return Ok(None) };
            record.findings = self
                .connection
                .prepare_cached(
                    "SELECT from_at, until_at, gap, cause, healed_at FROM coverage_finding WHERE feed = ?1 AND until_at >= ?2 ORDER BY until_at",
                )?
                .query_map(params![feed, since.map_or(i64::MIN, |at| at.timestamp_millis())], |row| finding(row, 0))?
                .filter_map(Result::transpose)
                .collect::<rusqlite::Result<_>>()?;
            Ok(Some(record))
        };
        read().map_err(|error| self.error(error))
    }

    /// The gaps of a feed that are possible and not healed, the newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn possible_gaps(&self, feed: &str) -> Result<Vec<Finding>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT from_at, until_at, gap, cause, healed_at FROM coverage_finding
                     WHERE feed = (SELECT feed FROM feed WHERE name = ?1) AND gap = 1 AND healed_at IS NULL ORDER BY until_at DESC",
                )?
                .query_map(params![feed], |row| finding(row, 0))?
                .filter_map(Result::transpose)
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }
}
