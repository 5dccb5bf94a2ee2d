//! The life of the process: polls each feed when it is due, reloads, and stops in order.
//!
//! It wires; the rules are elsewhere. Each feed has one due time in one queue, and is taken out of it while it is
//! polled: so no feed is polled twice at once, and none can be lost, for its next time comes with the poll's end.

mod service;
mod timetable;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{self, JoinSet};

use self::service::Service;
use self::timetable::Timetable;
use crate::config::{Config, ConfigError, Feed};
use crate::fetch::{Client, ClientSettings};
use crate::poll::{PollLine, PollSettings, Poller, due_at};
use crate::store::{Archive, StoreError};

/// However far the next poll is, the clock is looked at again after so long: it may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// When the archive refused a poll, the feed is polled again after so long: nothing was stored of it.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Why the daemon ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The archive.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] crate::fetch::ClientError),
    /// Signals cannot be listened to.
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
}

/// Polls until SIGTERM or SIGINT; `reload` reads the config again on SIGHUP.
///
/// # Errors
/// The archive, the client or the signals cannot be set up. Once it runs, nothing but a signal ends it.
pub async fn run(config: Config, reload: impl Fn() -> Result<Config, ConfigError>) -> Result<(), DaemonError> {
    let listen = |kind| signal(kind).map_err(DaemonError::Signals);
    let mut signals = Signals {
        terminate: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
        hang_up: listen(SignalKind::hangup())?,
    };
    let archive = Arc::new(Archive::open(&config.database.path)?);
    let mut daemon = Daemon::new(Arc::clone(&archive), config)?;
    daemon.service.ready(&daemon.timetable);
    daemon.poll_until_stopped(&mut signals, reload).await;
    daemon.stop().await;
    if let Some(archive) = Arc::into_inner(archive) {
        // Whatever was handed over is committed before this returns.
        archive.close();
    }
    tracing::info!("stopped");
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// Tells when the time of day was set back. (Where it jumps ahead the machine may have slept, and plans are due.)
struct Clock {
    steady: std::time::Instant,
    of_day: DateTime<Utc>,
}

impl Clock {
    fn new() -> Self {
        Self { steady: std::time::Instant::now(), of_day: Utc::now() }
    }

    /// By how much since the last call, if it is worth mentioning.
    fn set_back(&mut self) -> Option<TimeDelta> {
        let now = Self::new();
        let back = self.of_day + (now.steady - self.steady) - now.of_day;
        *self = now;
        (back > CLOCK_SLACK).then_some(back)
    }
}

/// Clocks that are kept in step by small corrections move no plans.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(60);

/// How one poll's task ended.
type Ended = Result<(task::Id, Result<PollLine, StoreError>), task::JoinError>;

struct Daemon {
    archive: Arc<Archive>,
    poller: Poller,
    /// All enabled feeds, and when each that is not being polled is due.
    timetable: Timetable,
    polls: JoinSet<Result<PollLine, StoreError>>,
    /// Which feed each of these polls.
    polling: HashMap<task::Id, Arc<Feed>>,
    service: Service,
    /// Did the archive refuse the last poll? It is said once, not once a feed.
    refused: bool,
}

impl Daemon {
    fn new(archive: Arc<Archive>, config: Config) -> Result<Self, DaemonError> {
        let client = Client::new(&ClientSettings::new(&config.fetch, &config.pages))?;
        let poller = Poller::new(Arc::clone(&archive), client, PollSettings::from(&config))?;
        let timetable = Self::timetable(&archive, &config)?;
        tracing::info!(feeds = timetable.feeds(), archive = %config.database.path.display(), "polling");
        Ok(Self {
            archive,
            poller,
            timetable,
            polls: JoinSet::new(),
            polling: HashMap::new(),
            service: Service::of_process(),
            refused: false,
        })
    }

    fn timetable(archive: &Archive, config: &Config) -> Result<Timetable, StoreError> {
        let planned: HashMap<_, _> =
            archive.reader()?.planned_polls()?.into_iter().map(|planned| (planned.feed.clone(), planned)).collect();
        let now = Utc::now();
        Ok(Timetable::of(config.feeds.iter().filter(|feed| feed.enabled).map(|feed| {
            let due = due_at(planned.get(&feed.name), feed, &config.schedule, now).unwrap_or(now);
            (Arc::new(feed.clone()), due)
        })))
    }

    async fn poll_until_stopped(&mut self, signals: &mut Signals, reload: impl Fn() -> Result<Config, ConfigError>) {
        let mut clock = Clock::new();
        loop {
            if let Some(back) = clock.set_back() {
                tracing::warn!(seconds = back.num_seconds(), "the clock was set back; plans move with it");
                self.timetable.set_back(back);
            }
            self.start_due(Utc::now());
            let until_due = self.timetable.next_due().map_or(LONGEST_SLEEP, |due| (due - Utc::now()).to_std().unwrap_or_default());
            let longest = LONGEST_SLEEP.min(self.service.heartbeat());
            tokio::select! {
                Some(ended) = self.polls.join_next_with_id() => self.end_poll(ended),
                () = tokio::time::sleep(until_due.min(longest)) => self.service.alive(),
                _ = signals.hang_up.recv() => self.reload(&reload),
                _ = signals.terminate.recv() => return,
                _ = signals.interrupt.recv() => return,
            }
        }
    }

    fn start_due(&mut self, now: DateTime<Utc>) {
        while let Some(feed) = self.timetable.take_due(now) {
            let (poller, polled) = (self.poller.clone(), Arc::clone(&feed));
            let task = self.polls.spawn(async move { poller.poll_planned(&polled).await });
            self.polling.insert(task.id(), feed);
        }
    }

    fn end_poll(&mut self, ended: Ended) {
        let task = ended.as_ref().map_or_else(task::JoinError::id, |(task, _)| *task);
        let Some(feed) = self.polling.remove(&task) else { return };
        match ended {
            Ok((_, Ok(line))) => {
                if std::mem::take(&mut self.refused) {
                    tracing::info!("the archive takes polls again");
                }
                line.log();
                self.timetable.set_due(&feed.name, line.next_poll_at);
                self.service.polled(&self.timetable, &line);
                return;
            }
            Ok((_, Err(error))) => {
                if !std::mem::replace(&mut self.refused, true) {
                    tracing::error!(%error, "the archive refused a poll; each is tried again every minute");
                }
            }
            Err(error) => tracing::error!(feed = feed.name, %error, "a poll broke off"),
        }
        self.timetable.set_due(&feed.name, Utc::now() + AFTER_REFUSAL);
    }

    /// Applies a new config; one that is wrong changes nothing.
    fn reload(&mut self, reload: &impl Fn() -> Result<Config, ConfigError>) {
        self.service.reloading();
        match reload() {
            Ok(config) => match self.apply(&config) {
                Ok(()) => tracing::info!(feeds = self.timetable.feeds(), "reloaded"),
                Err(error) => tracing::error!(%error, "the new config cannot be used; the old one stays"),
            },
            Err(error) => {
                let mistakes = match &error {
                    ConfigError::Mistakes(mistakes) => mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    other => other.to_string(),
                };
                tracing::error!(%error, mistakes, "the new config is wrong; the old one stays");
            }
        }
        self.service.ready(&self.timetable);
    }

    fn apply(&mut self, config: &Config) -> Result<(), DaemonError> {
        let client = Client::new(&ClientSettings::new(&config.fetch, &config.pages))?;
        let timetable = Self::timetable(&self.archive, config)?;
        self.poller = self.poller.with(client, PollSettings::from(config));
        self.timetable.replace(timetable);
        Ok(())
    }

    /// Requests under way are dropped; a poll that was handed to the archive is committed.
    async fn stop(mut self) {
        self.service.stopping();
        self.polls.abort_all();
        while self.polls.join_next().await.is_some() {}
    }
}
