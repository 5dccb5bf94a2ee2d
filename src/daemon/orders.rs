//! What commands ask of the daemon over the control socket.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::Daemon;
use super::control::{Order, Reply, Request, Which};
use crate::backfill::Bound;
use crate::config::{Config, ConfigError, Feed};
use crate::poll::Why;
use crate::store::StoreError;

impl Daemon {
    /// Begins what a command asks for. The command goes by the config as it was saved, and so does what it asks for.
    pub(super) fn take(&mut self, order: Order, reload: &impl Fn() -> Result<Config, ConfigError>) {
        if self.watch.have_changed() {
            self.reload(reload);
        }
        match order.request {
            Request::Poll { which } => {
                let are_named = matches!(which, Which::Named(_));
                match self.begin_pass(which) {
                    Ok(feeds) => self.passes.begin(feeds, are_named, order.replies),
                    Err(reason) => {
                        // A client that has gone needs no answer.
                        let _ = order.replies.send(Reply::Failed(reason));
                    }
                }
            }
            Request::Forget { ids } => self.forget(ids, order.replies),
            Request::Prune { before } => self.prune(before, Some(order.replies)),
            Request::Backfill { feeds, since } => {
                let bound = Bound { since: self.database.not_before(since, Utc::now()), known_at: None };
                match self.feeds_named(&feeds) {
                    Ok(feeds) => self.backfills.ask(&self.poller, feeds, bound, order.replies),
                    Err(reason) => {
                        let _ = order.replies.send(Reply::Failed(reason));
                    }
                }
            }
            Request::Rebuild => self.rebuild(order.replies),
            Request::Troubles => {
                let _ = order.replies.send(Reply::Troubles(self.service.troubles()));
                let _ = order.replies.send(Reply::Done);
            }
        }
    }

    /// Sees to it that each feed of the pass is being polled, and gives their names.
    fn begin_pass(&mut self, which: Which) -> Result<Vec<String>, String> {
        let now = Utc::now();
        // Who is asked for does not wait for the end of an outage.
        self.withdraw_planned(now);
        let mut polled: HashSet<String> = self.polling.values().chain(self.room.waiting()).map(|feed| feed.name.clone()).collect();
        let mut names = match which {
            Which::Due => self.timetable.due(now).into_iter().chain(polled.iter().cloned()).collect(),
            Which::All => self.timetable.names(),
            Which::Named(names) => names,
        };
        names.sort_unstable();
        names.dedup();
        let asked_at = Instant::now();
        for name in &names {
            if !polled.insert(name.clone()) {
                continue;
            }
            let Some(feed) = self.timetable.take(name).or_else(|| self.disabled.get(name).cloned()) else {
                return Err(unknown(name));
            };
            self.room.enter(feed, Why::Asked(asked_at));
        }
        Ok(names)
    }

    /// Feeds of these names, enabled or not.
    pub(super) fn feeds_named(&self, names: &[String]) -> Result<Vec<Arc<Feed>>, String> {
        let find = |name: &String| self.timetable.feed(name).or_else(|| self.disabled.get(name).cloned()).ok_or_else(|| unknown(name));
        names.iter().map(find).collect()
    }

    pub(super) fn prune(&mut self, before: DateTime<Utc>, replies: Option<mpsc::UnboundedSender<Reply>>) {
        let archive = Arc::clone(&self.archive);
        self.housekeeping.spawn(async move {
            let pruned = archive.prune(before, Utc::now()).await;
            match &pruned {
                Ok(pruned) => tracing::info!(articles = pruned.articles(), %before, "retention removed what was first seen before"),
                Err(error) => tracing::error!(%error, "retention"),
            }
            if let Some(replies) = replies {
                answer(&replies, pruned.map(Reply::Pruned));
            }
        });
    }

    fn forget(&mut self, ids: Vec<String>, replies: mpsc::UnboundedSender<Reply>) {
        let archive = Arc::clone(&self.archive);
        self.housekeeping.spawn(async move {
            let forgot = archive.forget(ids, Utc::now()).await;
            if let Err(error) = &forgot {
                tracing::error!(%error, "forgetting");
            }
            answer(&replies, forgot.map(Reply::Forgot));
        });
    }
}

/// The last words to a client. One that has gone needs none.
fn answer(replies: &mpsc::UnboundedSender<Reply>, done: Result<Reply, StoreError>) {
    let last = match done {
        Ok(reply) => {
            let _ = replies.send(reply);
            Reply::Done
        }
        Err(error) => Reply::Failed(error.to_string()),
    };
    let _ = replies.send(last);
}

/// Why nothing is done for a feed of this name.
fn unknown(name: &str) -> String {
    format!("the running daemon knows no feed named `{name}`; its log says whether it could read the config")
}
