//! What a feed said of itself in the document that an entry came from, as far as the entry's draft is made from it.
//!
//! It seldom changes, so it is kept once for all entries that came with it.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::parse::FeedHead;

#[derive(Serialize, Deserialize)]
struct Said {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    license: Option<String>,
}

/// Keeps what a feed says of itself; gives the row.
pub fn store(connection: &Connection, feed: i64, head: &FeedHead) -> rusqlite::Result<i64> {
    let FeedHead { title, site_url, language, rights, license, .. } = head.clone();
    let said = serde_json::to_string(&Said { title, site_url, language, rights, license })
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let known = connection
        .prepare_cached("SELECT head FROM feed_head WHERE feed = ?1 AND said = ?2")?
        .query_row(params![feed, said], |row| row.get(0))
        .optional()?;
    match known {
        Some(head) => Ok(head),
        None => connection
            .prepare_cached("INSERT INTO feed_head (feed, said) VALUES (?1, ?2)")?
            .execute(params![feed, said])
            .map(|_| connection.last_insert_rowid()),
    }
}

/// What [`store`] kept.
pub fn read(said: &str) -> Result<FeedHead, serde_json::Error> {
    let Said { title, site_url, language, rights, license } = serde_json::from_str(said)?;
    Ok(FeedHead { title, site_url, language, rights, license, ..FeedHead::default() })
}
