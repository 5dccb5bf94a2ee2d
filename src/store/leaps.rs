//! What the archive makes of a clock that was set: times in it are times of day, since they must outlive the process.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::params;

use super::{Archive, StoreError, pages};

impl Archive {
    /// The clock was set ahead from one time to the other, or the machine slept between them: no feed failed meanwhile. Where an
    /// outage goes on, that time is part of it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn leap(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<(), StoreError> {
        let (from, to) = (from.timestamp_millis(), to.timestamp_millis());
        self.writer
            .run(move |connection| {
                connection.execute(
                    "INSERT INTO outage (began_at, ended_at) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM outage WHERE ended_at IS NULL)
                     ON CONFLICT (began_at) DO UPDATE SET ended_at = max(ended_at, excluded.ended_at)",
                    params![from, to],
                )
            })
            .await
            .map(|_| ())
    }

    /// The clock was set back by so much, and now it is `now`: what was planned for pages comes earlier by so much, and no
    /// outage lies beyond.
    ///
    /// # Errors
    /// Those of the database; nothing was changed then.
    pub async fn set_back(&self, by: TimeDelta, now: DateTime<Utc>) -> Result<(), StoreError> {
        let now = now.timestamp_millis();
        self.writer
            .run(move |connection| {
                pages::set_back(connection, by)?;
                connection.execute("DELETE FROM outage WHERE began_at > ?1 AND ended_at IS NOT NULL", params![now])?;
                connection.execute("UPDATE outage SET began_at = ?1 WHERE began_at > ?1", params![now])?;
                connection.execute("UPDATE outage SET ended_at = ?1 WHERE ended_at > ?1", params![now])
            })
            .await
            .map(|_| ())
    }
}
