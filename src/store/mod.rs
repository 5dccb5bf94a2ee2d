//! The archive: the only place that knows SQL.
//!
//! Its door speaks of feeds, polls, pages and articles, never of rows, so that another store can stand behind it. All that
//! a poll learned is committed in one transaction ([`Archive::commit`]); one writer groups polls that finish
//! together, and readers never wait for it (SQLite's write-ahead log). Commits are durable: neither a killed process
//! nor a power cut loses a committed poll.

mod activity;
mod articles;
mod backup;
mod connect;
mod copies;
mod coverage;
mod dictionary;
mod documents;
mod dropped;
mod error;
mod feeds;
mod forget;
mod heads;
mod history;
#[cfg(test)]
mod history_tests;
#[cfg(test)]
mod identity_tests;
mod integrity;
mod known;
mod leaps;
mod lock;
mod neighbours;
mod outages;
mod overview;
mod packed;
mod pages;
#[cfg(test)]
mod plans;
mod polls;
mod rebuild;
mod recompare;
mod remake;
mod retention;
#[cfg(test)]
mod sample;
mod search;
mod shown;
mod similar;
mod voices;
mod webhooks;
mod writer;

pub use self::activity::{Activity, DayCount, DelayCount, FeedDay};
pub use self::articles::{Articles, Place, Selection};
pub use self::backup::BackupError;
pub use self::connect::{Archive, Reader};
pub use self::dropped::Dropped;
pub use self::error::StoreError;
pub use self::feeds::{FeedStanding, FeedState, FeedSummary, MovedFeed, PlannedPoll, PollOutcome};
pub use self::forget::Forgot;
pub use self::history::{BackfillJob, HistoryPage, OpenGap, PageReport, Progress};
pub use self::integrity::{Checked, Damage};
pub use self::lock::{Holder, PollerLock};
pub use self::overview::{FeedCondition, Overview};
pub use self::packed::Packer;
pub use self::pages::{DuePage, PageAnswer, PageCounts, PageEnd, PageRef, PageState, ReadPage};
pub use self::polls::{DroppedAt, Poll, PollReport, PolledDocument, PolledEntry, PolledFeed, Prepared};
pub use self::rebuild::{RebuildState, RebuildTally};
pub use self::remake::{KeptEntry, KeptPage, Remade, RemadePage, Rules, Written};
pub use self::retention::Pruned;
pub use self::search::SearchQuery;
pub use self::webhooks::{Change, KnownWebhook, Looked};
