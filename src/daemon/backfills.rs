//! Who fetches which feed's past: what commands asked for over the control socket, and what was left undone.
//!
//! A feed's past is fetched by one job at a time; whoever asks for it meanwhile hears of the one under way. A few go on at
//! once, so that what is polled is never held up by what is old; the hosts' pace binds both.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{self, JoinSet};

use super::Daemon;
use super::control::Reply;
use crate::backfill::{self, Bound};
use crate::config::Feed;
use crate::poll::{BackfillLine, Poller};
use crate::store::StoreError;

/// Jobs under way at once.
const AT_ONCE: usize = 4;

/// How often the archive is looked through for jobs that wait for their time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// … at most, however much comes in.
const LOOK_SOON: Duration = Duration::from_secs(2);

/// How one ended.
pub type Ended = Result<(task::Id, Result<BackfillLine, StoreError>), task::JoinError>;

/// Somebody who waits for the ends of several feeds' jobs.
struct Client {
    left: usize,
    replies: UnboundedSender<Reply>,
}

/// Clients by their numbers.
type Listeners = Vec<(u64, UnboundedSender<Reply>)>;

/// A feed's job.
struct Job {
    feed: String,
    bound: Bound,
    handle: task::AbortHandle,
    /// Those who hear of its pages and its end.
    clients: Arc<Mutex<Listeners>>,
}

/// The jobs under way.
pub struct Backfills {
    tasks: JoinSet<Result<BackfillLine, StoreError>>,
    jobs: HashMap<task::Id, Job>,
    clients: HashMap<u64, Client>,
    last: u64,
    turns: Arc<Semaphore>,
    /// When the archive was last looked through for jobs that wait.
    looked: Option<Instant>,
    /// When it will be; `None`: at once.
    look_at: Option<Instant>,
}

impl Default for Backfills {
    fn default() -> Self {
        Self {
            tasks: JoinSet::new(),
            jobs: HashMap::new(),
            clients: HashMap::new(),
            last: 0,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            looked: None,
            look_at: None,
        }
    }
}

impl Backfills {
    /// Fetches the past of these feeds for somebody who asked; no feed stands there twice.
    pub fn ask(&mut self, poller: &Poller, feeds: Vec<Arc<Feed>>, bound: Bound, replies: UnboundedSender<Reply>) {
        // A client that has gone takes no replies; what it asked for is done all the same.
        let _ = replies.send(Reply::Feeds(feeds.len()));
        self.last += 1;
        let number = self.last;
        self.clients.insert(number, Client { left: feeds.len(), replies: replies.clone() });
        if feeds.is_empty() {
            self.tell_end(number, None);
        }
        for feed in feeds {
            let under_way = self.jobs.values().find(|job| job.feed == feed.name && job.bound.covers(&bound));
            match under_way {
                Some(job) => lock(&job.clients).push((number, replies.clone())),
                None => {
                    self.stop(&feed.name);
                    self.start(poller, feed, bound, true, vec![(number, replies.clone())]);
                }
            }
        }
    }

    /// Fetches a feed's past though nobody waits for it, unless that is under way.
    pub fn begin(&mut self, poller: &Poller, feed: Arc<Feed>, bound: Bound, asked: bool) {
        if !self.is_under_way(&feed.name) {
            self.start(poller, feed, bound, asked, Vec::new());
        }
    }

    /// Something may have been missed: the archive is looked through soon.
    pub fn look_soon(&mut self, now: Instant) {
        let soon = self.looked.map_or(now, |looked| now.max(looked + LOOK_SOON));
        self.look_at = self.look_at.map(|at| at.min(soon));
    }

    /// How long until the archive is to be looked through for jobs that were left undone, and gaps.
    pub fn until_look(&self, now: Instant) -> Duration {
        self.look_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// Is it time for that? Then it is being done now.
    pub fn look_for_left(&mut self, now: Instant) -> bool {
        let is_time = self.until_look(now).is_zero();
        if is_time {
            self.looked = Some(now);
            self.look_at = Some(now + LOOK_AGAIN);
        }
        is_time
    }

    /// Is this feed's past being fetched?
    pub fn is_under_way(&self, feed: &str) -> bool {
        self.jobs.values().any(|job| job.feed == feed)
    }

    fn start(&mut self, poller: &Poller, feed: Arc<Feed>, bound: Bound, asked: bool, clients: Listeners) {
        let clients = Arc::new(Mutex::new(clients));
        let (name, heard) = (feed.name.clone(), Arc::clone(&clients));
        let (poller, turns) = (poller.clone(), Arc::clone(&self.turns));
        let handle = self.tasks.spawn(async move {
            // Never closed.
            let _turn = turns.acquire_owned().await.ok();
            let tell = |line: &BackfillLine| {
                for (_, replies) in lock(&clients).iter() {
                    let _ = replies.send(Reply::Backfilled(line.clone()));
                }
            };
            poller.backfill(&feed, bound, asked, tell).await
        });
        self.jobs.insert(handle.id(), Job { feed: name, bound, handle, clients: heard });
    }

    /// Stops a feed's job, for one with another bound; those who waited for it hear so.
    fn stop(&mut self, feed: &str) {
        let Some(task) = self.jobs.iter().find(|(_, job)| job.feed == feed).map(|(task, _)| *task) else { return };
        let Some(job) = self.jobs.remove(&task) else { return };
        job.handle.abort();
        for (number, _) in lock(&job.clients).drain(..).collect::<Vec<_>>() {
            self.tell_end(number, Some(Reply::Refused(format!("{feed}: somebody else asked for another part of its past"))));
        }
    }

    /// The next job to end; never, where none is under way.
    pub async fn join_next(&mut self) -> Option<Ended> {
        self.tasks.join_next_with_id().await
    }

    /// One has ended. Gives what it says, unless it was stopped for another.
    pub fn ended(&mut self, ended: Ended) -> Option<BackfillLine> {
        let task = ended.as_ref().map_or_else(task::JoinError::id, |(task, _)| *task);
        let job = self.jobs.remove(&task)?;
        let (reply, line) = match ended {
            Ok((_, Ok(line))) => (Reply::Backfilled(line.clone()), Some(line)),
            Ok((_, Err(error))) => {
                tracing::error!(feed = job.feed, %error, "backfill");
                (Reply::Refused(error.to_string()), None)
            }
            Err(error) => {
                tracing::error!(feed = job.feed, %error, "a backfill broke off");
                (Reply::Refused(format!("the backfill of {} broke off: {error}", job.feed)), None)
            }
        };
        for (number, _) in lock(&job.clients).drain(..).collect::<Vec<_>>() {
            self.tell_end(number, Some(reply.clone()));
        }
        line
    }

    fn tell_end(&mut self, number: u64, reply: Option<Reply>) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        if let Some(reply) = reply {
            let _ = client.replies.send(reply);
            client.left -= 1;
        }
        if client.left == 0 {
            let _ = client.replies.send(Reply::Done);
            self.clients.remove(&number);
        }
    }

    /// Drops what is under way; it goes on at the next start, behind what was committed.
    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl Daemon {
    /// Goes on with what was left undone, where its time has come, and looks for what may have been missed.
    pub(super) async fn resume_backfills(&mut self, now: DateTime<Utc>) {
        let (kept, gaps) = match self.poller.left_undone().await {
            Ok(left) => left,
            Err(error) => {
                tracing::error!(%error, "what feeds had before is not fetched");
                return;
            }
        };
        for gap in gaps.into_iter().filter(|gap| kept.iter().all(|kept| kept.feed != gap.feed)) {
            let bound = Bound::of_gap(gap.known_at);
            let bound = Bound { since: self.database.not_before(bound.since, now), ..bound };
            if let Some(feed) = self.timetable.feed(&gap.feed) {
                self.backfills.begin(&self.poller, feed, bound, false);
            }
        }
        for kept in kept.into_iter().filter(|kept| kept.due_at <= now) {
            let (Some(job), Ok(feeds)) = (backfill::Job::decode(&kept.job), self.feeds_named(std::slice::from_ref(&kept.feed))) else {
                continue;
            };
            for feed in feeds {
                self.backfills.begin(&self.poller, feed, job.bound, job.asked);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds the lock can be left half-done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
