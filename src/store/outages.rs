//! Times in which nothing could be reached, or in which nobody tried, since the machine slept or the clock leapt over them: kept
//! so that a restart knows of them, that none counts against a feed, and that people are told.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::{Archive, Reader, StoreError};
use crate::schedule::Outage;

impl Archive {
    /// Nothing can be reached since then.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn begin_outage(&self, since: DateTime<Utc>) -> Result<(), StoreError> {
        let began = since.timestamp_millis();
        self.writer
            .run(move |connection| {
                connection.execute(
                    "INSERT INTO outage (began_at) VALUES (?1) ON CONFLICT (began_at) DO UPDATE SET ended_at = NULL",
                    params![began],
                )
            })
            .await
            .map(|_| ())
    }

    /// A host answered.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_outage(&self, at: DateTime<Utc>) -> Result<(), StoreError> {
        let ended = at.timestamp_millis();
        self.writer
            .run(move |connection| {
                connection.execute("UPDATE outage SET ended_at = max(began_at, ?1) WHERE ended_at IS NULL", params![ended])
            })
            .await
            .map(|_| ())
    }
}

impl Reader {
    /// Since when nothing can be reached; `None` where the last poll that could tell was answered.
    ///
    /// # Errors
    /// Those of the database.
    pub fn outage_since(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.connection
            .query_row("SELECT min(began_at) FROM outage WHERE ended_at IS NULL", [], |row| row.get::<_, Option<i64>>(0))
            .map(|began| began.and_then(DateTime::from_timestamp_millis))
            .map_err(|error| self.error(error))
    }
}

/// The outages that had not ended at `since`, and later ones.
pub fn after(connection: &Connection, since: DateTime<Utc>) -> rusqlite::Result<Vec<Outage>> {
    let time = |milliseconds: i64| DateTime::from_timestamp_millis(milliseconds).unwrap_or_default();
    connection
        .prepare_cached("SELECT began_at, ended_at FROM outage WHERE ended_at IS NULL OR ended_at > ?1")?
        .query_map(params![since.timestamp_millis()], |row| {
            Ok(Outage { began: time(row.get(0)?), ended: row.get::<_, Option<i64>>(1)?.map(time) })
        })?
        .collect()
}
