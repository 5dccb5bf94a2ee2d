//! What a feed showed before, as [`crate::decide`] asks for it: lookups by key inside the writing transaction.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::packed::Packer;
use crate::article::Draft;
use crate::decide::{ArticleRef, Holder, Known, LastEntry, SightingRef};
use crate::identity::{ArticleId, EntryKeys, Key, KeyKind, Words};
use crate::parse::Entry;

/// More than a hundred articles with the same text in one feed are told apart by nothing anyway. The limit is no parameter:
/// SQLite plans a statement anew for every value of one.
const HOLDERS: &str = "SELECT article, sighting FROM entry_key WHERE feed = ?1 AND kind = ?2 AND key = ?3
    ORDER BY newest DESC, sighting DESC LIMIT 100";

/// One feed's past.
pub struct FeedPast<'c> {
    connection: &'c Connection,
    packer: &'c Packer,
    feed: i64,
    /// Most feeds have none, and all keys are asked for.
    dead: HashSet<(i64, i64)>,
    has_keys: bool,
}

impl<'c> FeedPast<'c> {
    /// The past of the feed in this row, inside the transaction; its bodies are unpacked with `packer`.
    pub fn of(connection: &'c Connection, packer: &'c Packer, feed: i64) -> rusqlite::Result<Self> {
        let mut dead = connection.prepare_cached("SELECT kind, key FROM dead_key WHERE feed = ?1")?;
        let dead = dead.query_map(params![feed], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let has_keys = connection.prepare_cached("SELECT 1 FROM entry_key WHERE feed = ?1 LIMIT 1")?.exists(params![feed])?;
        Ok(Self { connection, packer, feed, dead, has_keys })
    }

    /// Has the feed shown anything that could be known again?
    pub fn has_keys(&self) -> bool {
        self.has_keys
    }
}

impl Known for FeedPast<'_> {
    type Error = rusqlite::Error;

    fn is_dead(&self, key: Key) -> rusqlite::Result<bool> {
        Ok(self.dead.contains(&(key.kind as i64, key.hash)))
    }

    fn holders(&self, key: Key) -> rusqlite::Result<Vec<Holder>> {
        if !self.has_keys {
            return Ok(Vec::new());
        }
        self.connection
            .prepare_cached(HOLDERS)?
            .query_map(params![self.feed, key.kind as i64, key.hash], |row| {
                Ok(Holder { article: ArticleRef(row.get(0)?), sighting: SightingRef(row.get(1)?) })
            })?
            .collect()
    }

    fn last_entry(&self, sighting: SightingRef) -> rusqlite::Result<LastEntry> {
        self.connection
            .prepare_cached("SELECT guid_key, link_key, text_key, date FROM sighting WHERE sighting = ?1")?
            .query_row(params![sighting.0], last_entry)
    }

    fn words(&self, sighting: SightingRef) -> rusqlite::Result<Option<Words>> {
        let content: Option<Vec<u8>> = self
            .connection
            .prepare_cached("SELECT content FROM body WHERE sighting = ?1")?
            .query_row(params![sighting.0], |row| row.get(0))
            .optional()?;
        // The body of an article that retention removed is gone.
        let Some(content) = content else { return Ok(None) };
        Ok(Some(match self.packer.unpack_second::<Entry>(&content)? {
            Some(entry) => EntryKeys::of(&entry).words(),
            None => {
                let draft: Draft = self.packer.unpack(&content)?;
                Words::of(&draft.title, &draft.text)
            }
        }))
    }

    fn first_entry(&self, article: ArticleRef) -> rusqlite::Result<Option<LastEntry>> {
        self.connection
            .prepare_cached(
                "SELECT guid_key, link_key, text_key, date FROM sighting WHERE article = ?1 AND feed = ?2 ORDER BY sighting LIMIT 1",
            )?
            .query_row(params![article.0, self.feed], last_entry)
            .optional()
    }

    fn has_id(&self, id: &ArticleId) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached(
                "SELECT 1 FROM article JOIN sighting ON sighting.article = article.article AND sighting.feed = ?2 WHERE article.id = ?1",
            )?
            .exists(params![id.as_str(), self.feed])
    }
}

fn last_entry(row: &Row<'_>) -> rusqlite::Result<LastEntry> {
    let key = |kind: KeyKind, hash: Option<i64>| hash.map(|hash| Key { kind, hash });
    Ok(LastEntry {
        guid: key(KeyKind::Guid, row.get(0)?),
        link: key(KeyKind::Link, row.get(1)?),
        text: Key { kind: KeyKind::Text, hash: row.get(2)? },
        date: row.get(3)?,
    })
}
