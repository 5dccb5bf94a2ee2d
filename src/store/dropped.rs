//! What is remembered of the entries that the operator's filters dropped, and how many there were.

use std::collections::HashSet;

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use crate::filter::{DroppedEntries, DroppedEntry};
use crate::identity::{Key, KeyKind};

/// How long after a dropped entry has left its feed it is still known.
const KNOWN_AFTER_LEAVING: TimeDelta = TimeDelta::days(30);

/// What a poll's filters dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Fingerprint of what was wanted; `None`: everything.
    pub wanted: Option<i64>,
    /// The filters are other ones than before: what they dropped is forgotten, and counted from zero.
    pub judged_anew: bool,
    /// The document's dropped entries.
    pub entries: Vec<DroppedEntry>,
}

/// Stores what a document's filters dropped. Only what changed is written. Times are milliseconds since 1970.
pub fn store(connection: &Connection, feed: i64, dropped: &Dropped, now: i64) -> rusqlite::Result<()> {
    if dropped.judged_anew {
        connection.prepare_cached("DELETE FROM dropped_entry WHERE feed = ?1")?.execute(params![feed])?;
        connection.prepare_cached("UPDATE feed SET wanted = ?2, dropped = 0 WHERE feed = ?1")?.execute(params![feed, dropped.wanted])?;
    }
    if dropped.wanted.is_none() {
        return Ok(());
    }
    let before = entries_of(connection, feed)?;
    let mut present = HashSet::new();
    let mut seen_texts = HashSet::new();
    let mut first_time = 0;
    for entry in &dropped.entries {
        let values = params![entry.known_as, feed, entry.guid, entry.link, entry.text, entry.date];
        match entry.known_as {
            Some(row) => {
                let is_first = present.insert(row);
                if is_first && !before.contains(entry) {
                    connection
                        .prepare_cached(
                            "INSERT OR REPLACE INTO dropped_entry (entry, feed, guid, link, text, date) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        )?
                        .execute(values)?;
                }
            }
            None if seen_texts.insert((entry.guid, entry.link, entry.text)) => {
                connection
                    .prepare_cached("INSERT INTO dropped_entry (entry, feed, guid, link, text, date) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
                    .execute(values)?;
                first_time += 1;
            }
            None => {}
        }
    }
    if first_time > 0 {
        connection.prepare_cached("UPDATE feed SET dropped = dropped + ?2 WHERE feed = ?1")?.execute(params![feed, first_time])?;
    }
    for row in before.iter().filter(|entry| !entry.has_left).filter_map(|entry| entry.known_as) {
        if !present.contains(&row) {
            connection.prepare_cached("UPDATE dropped_entry SET left_at = ?2 WHERE entry = ?1")?.execute(params![row, now])?;
        }
    }
    if before.iter().any(|entry| entry.has_left) {
        connection
            .prepare_cached("DELETE FROM dropped_entry WHERE feed = ?1 AND left_at < ?2")?
            .execute(params![feed, now - KNOWN_AFTER_LEAVING.num_milliseconds()])?;
    }
    Ok(())
}

/// What the filters of the feed in this row dropped, and which of its keys identify nothing.
pub fn load(connection: &Connection, feed: i64) -> rusqlite::Result<DroppedEntries> {
    let dead = connection
        .prepare_cached("SELECT kind, key FROM dead_key WHERE feed = ?1")?
        .query_map(params![feed], |row| {
            let kind = if row.get::<_, i64>(0)? == KeyKind::Guid as i64 { KeyKind::Guid } else { KeyKind::Link };
            Ok(Key { kind, hash: row.get(1)? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(DroppedEntries { entries: entries_of(connection, feed)?, dead })
}

fn entries_of(connection: &Connection, feed: i64) -> rusqlite::Result<Vec<DroppedEntry>> {
    connection
        .prepare_cached("SELECT entry, guid, link, text, date, left_at IS NOT NULL FROM dropped_entry WHERE feed = ?1")?
        .query_map(params![feed], |row| {
            Ok(DroppedEntry {
                known_as: row.get(0)?,
                guid: row.get(1)?,
                link: row.get(2)?,
                text: row.get(3)?,
                date: row.get(4)?,
                has_left: row.get(5)?,
            })
        })?
        .collect()
}
