//! The control socket: how a command hands its work to the daemon that holds the archive.
//!
//! A Unix socket in `$RUNTIME_DIRECTORY`, else beside the database; the lock file names it, so a command finds the
//! daemon of *its* archive whatever the environment. It belongs to the daemon's user alone: mode 0600, and whoever
//! connects must be that user or root.
//!
//! # The protocol
//!
//! One request a connection. Both sides write lines of UTF-8, each one JSON value:
//!
//! ```text
//! → {"do":"poll","which":"due"}           also "all", {"named":["example.org/feed"]}
//! → {"do":"prune","before":"2026-01-01T00:00:00Z"}
//! → {"do":"forget","ids":["abc…"]}
//! → {"do":"backfill","feeds":["example.org/feed"],"since":"2026-01-01T00:00:00Z"}   "since" may be null
//! → {"do":"rebuild"}
//! → {"do":"troubles"}
//! ← {"feeds":2}                           so many polls follow
//! ← {"polled":{"feed":…,"url":…,"outcome":…,"http_status":…,"new":…,"updated":…,"error":…}}
//! ← {"backfilled":{"feed":…,"way":…,"pages":…,"entries":…,"new":…,"oldest":…,"healed":…,"end":…,"error":…}}
//!                                         a page was read; with "end" or "error" the feed's last
//! ← {"refused":"the archive …"}           a poll or a backfill that the archive did not take
//! ← {"pages":{"read":3,"failed":0}}      once the pages that were due have been asked for
//! ← {"pruned":{"feeds":{"example.org/feed":12}}}
//! ← {"forgot":{"unknown":[],"copies":["def…"],"log_is_empty":true}}
//! ← {"rebuilt":{"stage":"making","done":200,"of":1000,"is_resumed":false,"tally":{"articles":200,"changed":3,"without_entry":0,"unreadable":0}}}
//!                                         how far it has come; the last one's stage is "done"
//! ← {"troubles":["the archive …"]}        what is wrong at the moment
//! ← "waiting"                             the work goes on; sent every ten seconds without news
//! ← {"failed":"…"}                        instead of "done"
//! ← "done"                                the last line
//! ```
//!
//! A request is at most 4 MiB and must come within ten seconds; a client that takes no reply for ten seconds is left
//! alone. The daemon itself never waits for a client: replies are put into the connection's own queue, which holds no
//! more than one request's worth.

mod client;
mod server;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::client::{Client, ControlError};
pub use self::server::{Order, listen, place};
use crate::page::PageTally;
use crate::poll::{BackfillLine, PollLine};
use crate::rebuild::RebuildLine;
use crate::store::{Forgot, Pruned};

/// The largest request, bytes: a command line that names feeds fits in.
const LONGEST_REQUEST: usize = 4 << 20;

/// The largest reply, bytes.
const LONGEST_REPLY: usize = 4 << 20;

/// How long either side may take for a line that is due.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a command asks of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// One pass.
    Poll {
        /// Over which feeds.
        which: Which,
    },
    /// Removes articles that were first seen before a time.
    Prune {
        /// The time.
        before: DateTime<Utc>,
    },
    /// Takes articles out for good.
    Forget {
        /// Their ids.
        ids: Vec<String>,
    },
    /// Fetches what feeds had before.
    Backfill {
        /// Which; no name stands there twice.
        feeds: Vec<String>,
        /// No further back than this.
        since: Option<DateTime<Utc>>,
    },
    /// Makes every article again.
    Rebuild,
    /// Says what is wrong at the moment with more than a single feed.
    Troubles,
}

/// The feeds of a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// Those that are due, and those that are being polled at the moment.
    Due,
    /// All that are enabled.
    All,
    /// These, due or not.
    Named(Vec<String>),
}

/// What the daemon says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// So many feeds are polled.
    Feeds(usize),
    /// A poll has ended.
    Polled(PollLine),
    /// The archive refused a poll.
    Refused(String),
    /// What came of the pages that were due.
    Pages(PageTally),
    /// What retention removed.
    Pruned(Pruned),
    /// What became of what was to be forgotten.
    Forgot(Forgot),
    /// A backfill has read a page, or has ended.
    Backfilled(BackfillLine),
    /// How far a rebuild has come.
    Rebuilt(RebuildLine),
    /// What is wrong at the moment, a sentence each.
    Troubles(Vec<String>),
    /// No news yet.
    Waiting,
    /// All is done.
    Done,
    /// The request cannot be done.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_as_the_module_says() {
        for (request, line) in [
            (Request::Poll { which: Which::Due }, r#"{"do":"poll","which":"due"}"#),
            (Request::Poll { which: Which::Named(vec!["a b".into()]) }, r#"{"do":"poll","which":{"named":["a b"]}}"#),
            (Request::Rebuild, r#"{"do":"rebuild"}"#),
            (Request::Troubles, r#"{"do":"troubles"}"#),
            (Request::Prune { before: DateTime::UNIX_EPOCH }, r#"{"do":"prune","before":"1970-01-01T00:00:00Z"}"#),
            (Request::Forget { ids: vec!["a".into()] }, r#"{"do":"forget","ids":["a"]}"#),
            (Request::Backfill { feeds: vec!["a".into()], since: None }, r#"{"do":"backfill","feeds":["a"],"since":null}"#),
        ] {
            assert_eq!(serde_json::to_string(&request).unwrap(), line);
            assert_eq!(serde_json::from_str::<Request>(line).unwrap(), request);
        }
        for (reply, line) in [
            (Reply::Feeds(2), r#"{"feeds":2}"#),
            (Reply::Pages(PageTally { read: 3, failed: 0 }), r#"{"pages":{"read":3,"failed":0}}"#),
            (
                Reply::Forgot(Forgot { copies: vec!["b".into()], log_is_empty: true, ..Forgot::default() }),
                r#"{"forgot":{"unknown":[],"copies":["b"],"log_is_empty":true}}"#,
            ),
            (Reply::Troubles(vec!["x".into()]), r#"{"troubles":["x"]}"#),
            (Reply::Waiting, r#""waiting""#),
            (Reply::Done, r#""done""#),
            (Reply::Failed("no".into()), r#"{"failed":"no"}"#),
        ] {
            assert_eq!(serde_json::to_string(&reply).unwrap(), line);
            assert_eq!(serde_json::from_str::<Reply>(line).unwrap(), reply);
        }
    }
}
