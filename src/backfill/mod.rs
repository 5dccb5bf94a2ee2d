//! Backfill: what a feed showed before it was watched, or while nobody looked.
//!
//! A feed's document holds its last entries; many publishers keep the earlier ones at other addresses. Which of these ways back a
//! feed offers is told by its document ([`offered`]), and a [`Walk`] goes one of them, page by page, until there is nothing
//! more, a bound is reached, or the pages turn out to lead nowhere. Both know no network: who walks asks for what [`Walk::next`]
//! names and tells [`Walk::hear`] what came, and what stands between two pages can be kept as JSON and gone on with later.

mod probe;
mod seen;
mod sitemaps;
mod source;
#[cfg(test)]
mod tests;
mod walk;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::identity::{EntryKeys, Key};

pub use self::probe::{History, probe};
pub use self::sitemaps::{likely_places, looks_like_news, newest_first, speaks_for};
pub use self::source::{Rel, Source, numbered, offered};
pub use self::walk::{Ask, End, Heard, Verdict, Walk};

/// An entry of a page, as far as a walk is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Of its guid, else its link, else its text.
    pub key: i64,
    /// Of its link: feeds and sitemaps have these in common.
    pub link: Option<i64>,
    /// Seconds since 1970.
    pub date: Option<i64>,
}

impl From<&EntryKeys> for Shown {
    fn from(keys: &EntryKeys) -> Self {
        let link = keys.links.first().map(|url| Key::link(url).hash);
        Self { key: keys.guid_key.map(|key| key.hash).or(link).unwrap_or(keys.text_key.hash), link, date: keys.date }
    }
}

/// Why a feed's past is fetched, and how far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bound {
    /// Entries that were published earlier are left alone, and a page that holds nothing later is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Articles may have been missed after this poll: a page that leads back to what was known then is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<DateTime<Utc>>,
}

/// So much earlier than a gap an entry may be dated that was published in it.
const BACKDATED: TimeDelta = TimeDelta::days(7);

impl Bound {
    /// For what may have been missed since a poll.
    pub fn of_gap(known_at: DateTime<Utc>) -> Self {
        Self { since: known_at.checked_sub_signed(BACKDATED), known_at: Some(known_at) }
    }

    /// Did a walk with this bound leave out nothing that one with the other would keep?
    pub fn covers(&self, other: &Self) -> bool {
        self.since.is_none_or(|since| other.since.is_some_and(|other| since <= other))
    }
}

/// A walk with its bound, and what it brought so far: all that is kept of a job.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Job {
    /// How far back.
    pub bound: Bound,
    /// Somebody asked for it: where the gap ends, it goes on.
    #[serde(default)]
    pub asked: bool,
    /// Where it stands.
    pub walk: Walk,
    /// Entries on its pages.
    #[serde(default)]
    pub entries: u64,
    /// Articles that were new to the archive. The archive counts them itself, page by page.
    #[serde(skip)]
    pub new: u64,
    /// Possible gaps that its pages have closed.
    #[serde(default)]
    pub healed: u64,
    /// The earliest date on its pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<DateTime<Utc>>,
    /// Times in a row that the server did not answer.
    #[serde(default)]
    pub failures: u32,
}

impl Job {
    /// One that has yet to ask for its first page.
    pub fn new(bound: Bound, asked: bool) -> Self {
        Self { bound, asked, ..Self::default() }
    }

    /// As it is kept.
    pub fn encode(&self) -> String {
        // Numbers, strings and lists alone: there is nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From what was kept; `None` where that is of another version, and the job must begin anew.
    pub fn decode(kept: &str) -> Option<Self> {
        serde_json::from_str(kept).ok()
    }

    /// Notes what a page holds.
    pub fn note(&mut self, shown: &[Shown]) {
        self.entries += shown.len() as u64;
        let oldest = shown.iter().filter_map(|shown| shown.date).min().and_then(|date| DateTime::from_timestamp(date, 0));
        self.oldest = [self.oldest, oldest].into_iter().flatten().min();
    }
}
