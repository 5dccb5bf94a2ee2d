//! An entry becomes a [`Draft`]: every field of the schema that the entry alone can tell, computed by pure rules.

use chrono::{DateTime, Utc};

use crate::article::Draft;
use crate::parse::{Entry, FeedHead};

/// What normalising depends on beside the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormaliseSettings {
    /// Words a minute.
    pub reading_speed: u32,
    /// The language that the operator gave the feed: used where neither entry nor feed declares one.
    pub feed_language: Option<String>,
    /// The time of the poll: later dates than a day from it are not believed.
    pub now: DateTime<Utc>,
}

/// Makes the draft of one entry, and the names of what was not believed (a date of 2099, say).
pub fn normalise(_entry: &Entry, _feed: &FeedHead, _settings: &NormaliseSettings) -> (Draft, Vec<String>) {
    (Draft::default(), Vec::new())
}
