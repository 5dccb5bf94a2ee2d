//! The life of the process: polls each feed when it is due, reloads, and stops in order.
//!
//! It wires; the rules are elsewhere. Each feed has one due time in one queue, and is taken out of it while it is
//! polled: so no feed is polled twice at once, and none can be lost, for its next time comes with the poll's end.

mod backfills;
mod clock;
pub mod control;
mod orders;
mod pages;
mod passes;
mod progress;
mod pruning;
mod rebuilds;
mod refusals;
mod service;
mod timetable;
mod watch;
mod webhooks;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch as watched};
use tokio::task::{self, JoinSet};

use self::backfills::Backfills;
use self::clock::{Clock, Set};
use self::control::Order;
use self::pages::Pages;
use self::passes::Passes;
use self::progress::Progress;
use self::pruning::Pruning;
use self::rebuilds::Rebuilds;
use self::refusals::Refusals;
use self::service::{Service, Trouble};
use self::timetable::{AT_ONCE, Timetable};
use self::watch::Watch;
use self::webhooks::Webhooks;
use crate::config::{Config, ConfigError, Database, Feed, Surroundings};
use crate::fetch::{Client, ClientSettings};
use crate::health;
use crate::http;
use crate::page::{PageOrder, PageRounds, PageSettings, Pager};
use crate::poll::{PollLine, PollSettings, Poller, Room, Why, due_at};
use crate::rebuild::RebuildSettings;
use crate::schedule;
use crate::store::{Archive, StoreError};
use crate::vitals::Vitals;

/// However far the next poll is, the clock is looked at again after so long: it may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// When the archive refused a poll, or it broke off, the feed is polled again after so long: nothing was stored of it.
const AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// Requests of commands that may wait for the loop's turn.
const ORDERS: usize = 16;

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

/// Polls until SIGTERM or SIGINT; `reload` reads the config again on SIGHUP and when one of its files was saved, and whoever
/// changes a feed list over HTTP reads it in the same `surroundings`. The control socket is in `runtime_directory`, else beside the database.
///
/// # Errors
/// The archive, the client or the signals cannot be set up. Once it runs, nothing but a signal ends it.
pub async fn run(
    config: Config,
    surroundings: &Surroundings,
    runtime_directory: Option<&Path>,
    reload: impl Fn() -> Result<Config, ConfigError>,
) -> Result<(), DaemonError> {
    let listen = |kind| signal(kind).map_err(DaemonError::Signals);
    let mut signals = Signals {
        terminate: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
        hang_up: listen(SignalKind::hangup())?,
    };
    let archive = Arc::new(Archive::open(&config.database.path)?);
    let (configs, current) = watched::channel(Arc::new(config.clone()));
    let mut daemon = Daemon::new(Arc::clone(&archive), config, configs)?;
    let (orders, mut ordered) = mpsc::channel(ORDERS);
    let served = http::Served::new(archive.path().to_owned(), daemon.told(current, surroundings.clone(), orders.clone()));
    let (stop_serving, stopped) = watched::channel(false);
    let serving = tokio::spawn(http::run(Arc::new(served), stopped));
    let listening = take_orders(&archive, runtime_directory, orders);
    daemon.webhooks.begun().await;
    daemon.service.ready(&daemon.timetable);
    daemon.poll_until_stopped(&mut signals, &mut ordered, reload).await;
    if let Some((listening, socket)) = listening {
        listening.abort();
        if let Err(error) = std::fs::remove_file(&socket) {
            tracing::debug!(socket = %socket.display(), %error, "the control socket stays; the next daemon replaces it");
        }
    }
    stop_serving.send_replace(true);
    if let Err(error) = serving.await {
        tracing::error!(%error, "the HTTP server broke off");
    }
    daemon.stop().await;
    if let Some(archive) = Arc::into_inner(archive) {
        // Whatever was handed over is committed before this returns.
        archive.close();
    }
    tracing::info!("stopped");
    Ok(())
}

/// Listens to commands. A daemon that cannot still polls.
fn take_orders(
    archive: &Archive,
    runtime_directory: Option<&Path>,
    orders: mpsc::Sender<Order>,
) -> Option<(task::JoinHandle<()>, PathBuf)> {
    let socket = control::place(runtime_directory, archive.path());
    match control::listen(&socket, orders) {
        Ok(listening) => {
            if let Err(error) = archive.announce(&socket) {
                tracing::warn!(%error, "commands cannot find the control socket");
            }
            Some((listening, socket))
        }
        Err(error) => {
            tracing::warn!(socket = %socket.display(), %error, "no control socket: commands cannot hand their work over");
            None
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// How one poll's task ended.
type Ended = Result<(task::Id, Result<PollLine, StoreError>), task::JoinError>;

struct Daemon {
    archive: Arc<Archive>,
    database: Database,
    poller: Poller,
    /// All enabled feeds, and when each that is not being polled is due.
    timetable: Timetable,
    /// Feeds that are not enabled: polled only when a command names them.
    disabled: HashMap<String, Arc<Feed>>,
    /// Feeds that shall be polled; those that have a place there are.
    room: Room,
    polls: JoinSet<Result<PollLine, StoreError>>,
    /// Which feed each of these polls.
    polling: HashMap<task::Id, Arc<Feed>>,
    /// Commands that wait for polls.
    passes: Passes,
    /// What feeds had before is being fetched.
    backfills: Backfills,
    /// Articles' pages, asked for beside the polls.
    pager: Pager,
    pages: Pages,
    paging: task::JoinHandle<()>,
    /// What is new and changed is posted to these.
    webhooks: Webhooks,
    /// Retention, forgetting and rebuilding at work.
    housekeeping: JoinSet<()>,
    pruning: Pruning,
    /// What a rebuild depends on, and who hears of the one under way.
    rebuild_settings: RebuildSettings,
    rebuilds: Rebuilds,
    /// At most one: a sign of life that is still on its way through the writer's queue.
    pulse: JoinSet<Result<(), StoreError>>,
    progress: Progress,
    watch: Watch,
    service: Service,
    /// The config of the moment, for who serves.
    configs: watched::Sender<Arc<Config>>,
    /// … and that the loop and the writer move.
    sign_of_life: http::Pulse,
    /// What this process has done.
    vitals: Arc<Vitals>,
    refusals: Refusals,
    /// At most one: an attempt to write, while the archive takes nothing.
    trial: JoinSet<Result<(), StoreError>>,
    /// While nothing can be reached or stored: when that is tried again.
    probe_at: Instant,
    /// However many feeds are overdue, they are polled within this time.
    catch_up_within: Duration,
    /// Did polls get stuck? It is said once.
    stuck: bool,
}

impl Daemon {
    fn new(archive: Arc<Archive>, config: Config, configs: watched::Sender<Arc<Config>>) -> Result<Self, DaemonError> {
        let client = Client::new(&ClientSettings::new(&config.fetch, &config.pages))?;
        let settings = PollSettings::from(&config);
        let timetable = Self::timetable(&archive, &settings)?;
        let vitals = Arc::default();
        let webhooks = Webhooks::start(&archive, &vitals, &config, &client);
        let poller = Poller::new(Arc::clone(&archive), client, settings)?;
        let pager = Pager::new(Arc::clone(&archive), &poller, PageSettings::from(&config));
        let (orders, ordered) = mpsc::unbounded_channel();
        let (pages, paging) = (Pages::to(orders), tokio::spawn(PageRounds::new(pager.clone())?.run(ordered)));
        tracing::info!(feeds = timetable.feeds(), archive = %config.database.path.display(), "polling");
        Ok(Self {
            archive,
            poller,
            timetable,
            room: Room::new(config.fetch.concurrency, config.fetch.per_host),
            polls: JoinSet::new(),
            polling: HashMap::new(),
            passes: Passes::new(pages.clone()),
            backfills: Backfills::default(),
            pager,
            pages,
            paging,
            webhooks,
            housekeeping: JoinSet::new(),
            pruning: Pruning::new(Utc::now(), Instant::now()),
            rebuild_settings: RebuildSettings::from(&config),
            rebuilds: Rebuilds::default(),
            pulse: JoinSet::new(),
            progress: Progress::new(config.fetch.timeout, Instant::now()),
            watch: Watch::of(&config),
            service: Service::of_process(),
            configs,
            sign_of_life: http::Pulse::new(Instant::now()),
            vitals,
            refusals: Refusals::default(),
            trial: JoinSet::new(),
            probe_at: Instant::now(),
            catch_up_within: config.schedule.interval,
            stuck: false,
            disabled: disabled(&config),
            database: config.database,
        })
    }

    /// What whoever serves is told of the daemon, and how he tells it something.
    fn told(&self, config: watched::Receiver<Arc<Config>>, surroundings: Surroundings, orders: mpsc::Sender<Order>) -> http::Told {
        let (pulse, vitals) = (self.sign_of_life.clone(), Arc::clone(&self.vitals));
        http::Told { config, surroundings, pulse, vitals, troubles: self.service.follow_troubles(), orders }
    }

    fn timetable(archive: &Archive, settings: &PollSettings) -> Result<Timetable, StoreError> {
        let planned: HashMap<_, _> =
            archive.reader()?.planned_polls()?.into_iter().map(|planned| (planned.feed.clone(), planned)).collect();
        let now = Utc::now();
        Ok(Timetable::of(settings.feeds.iter().map(|feed| {
            let due = due_at(planned.get(&feed.name), feed, &settings.schedule, now).unwrap_or(now);
            (Arc::clone(feed), due)
        })))
    }

    async fn poll_until_stopped(
        &mut self,
        signals: &mut Signals,
        orders: &mut mpsc::Receiver<Order>,
        reload: impl Fn() -> Result<Config, ConfigError>,
    ) {
        let mut clock = Clock::new(Instant::now(), Utc::now());
        let mut heartbeat = tokio::time::interval(self.service.heartbeat());
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            match clock.look(Instant::now(), Utc::now()) {
                Some(Set::Back(by)) => {
                    tracing::warn!(seconds = by.num_seconds(), "the clock was set back; plans move with it");
                    self.timetable.set_back(by);
                    let archive = Arc::clone(&self.archive);
                    self.housekeeping.spawn(async move {
                        if let Err(error) = archive.set_back(by, Utc::now()).await {
                            tracing::error!(%error, "pages wait until the clock is where it was");
                        }
                    });
                }
                Some(Set::Ahead(by)) => {
                    tracing::warn!(seconds = by.num_seconds(), "the clock was set ahead, or the machine slept");
                    // Before the next poll: it would count that time against a feed that fails.
                    let now = Utc::now();
                    if let Err(error) = self.archive.leap(now - by, now).await {
                        tracing::error!(%error, "feeds that fail are believed to have failed in that time too");
                    }
                }
                None => {}
            }
            self.start_due(Utc::now());
            self.prune_if_due();
            if self.backfills.look_for_left(Instant::now()) {
                self.resume_backfills(Utc::now()).await;
            }
            let until_due = self.until_due(Utc::now()).min(self.backfills.until_look(Instant::now()));
            tokio::select! {
                Some(ended) = self.polls.join_next_with_id() => self.end_poll(ended),
                Some(order) = orders.recv() => self.take(order, &reload),
                Some(ended) = self.backfills.join_next() => if let Some(line) = self.backfills.ended(ended) {
                    line.log();
                },
                Some(ended) = self.housekeeping.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "retention, forgetting or a rebuild broke off");
                },
                Some(pulse) = self.pulse.join_next() => self.felt(pulse),
                Some(trial) = self.trial.join_next() => self.tried(trial),
                _ = heartbeat.tick() => self.feel_pulse(),
                () = tokio::time::sleep(until_due.min(LONGEST_SLEEP)) => {}
                () = self.watch.changed() => self.reload(&reload),
                _ = signals.hang_up.recv() => self.reload(&reload),
                _ = signals.terminate.recv() => return,
                _ = signals.interrupt.recv() => return,
            }
        }
    }

    fn start_due(&mut self, now: DateTime<Utc>) {
        let may_probe = self.probe_at <= Instant::now();
        if self.refusals.is_holding() {
            // What cannot be stored is not asked for: the servers need not pay for a full disk.
            self.withdraw_planned(now);
            if may_probe && self.trial.is_empty() {
                let archive = Arc::clone(&self.archive);
                self.trial.spawn(async move { archive.try_to_write().await });
            }
        } else if self.poller.outage_since().is_some() {
            self.withdraw_planned(now);
            if may_probe
                && self.polling.is_empty()
                && let Some(feed) = self.timetable.take_due(now)
            {
                self.room.enter(feed, Why::Planned);
            }
        } else {
            let overdue = self.timetable.spread_overdue(now, self.catch_up_within);
            if overdue > AT_ONCE {
                tracing::info!(feeds = overdue, "overdue; they are polled one after the other");
            }
            while let Some(feed) = self.timetable.take_due(now) {
                self.room.enter(feed, Why::Planned);
            }
        }
        while let Some((feed, why)) = self.room.admit() {
            self.start(feed, why);
        }
    }

    /// Those who wait for a place, and whom nobody asked for, wait for their time instead: it has come already.
    fn withdraw_planned(&mut self, now: DateTime<Utc>) {
        for feed in self.room.withdraw_planned() {
            self.timetable.set_due(&feed.name, now);
        }
    }

    /// How long nothing is to be started.
    fn until_due(&mut self, now: DateTime<Utc>) -> Duration {
        let until_probe = self.probe_at.saturating_duration_since(Instant::now());
        let until_due = self.timetable.next_due().map_or(LONGEST_SLEEP, |due| (due - now).to_std().unwrap_or_default());
        match (self.refusals.is_holding(), self.poller.outage_since()) {
            // The end of what is under way wakes the loop.
            (true, _) if !self.trial.is_empty() => LONGEST_SLEEP,
            (true, _) => until_probe,
            (false, Some(_)) if !self.polling.is_empty() => LONGEST_SLEEP,
            (false, Some(_)) => until_due.max(until_probe),
            (false, None) => until_due,
        }
    }

    /// Says once, not once a feed, that something has gone wrong or is well again.
    fn note(&mut self, trouble: Trouble, words: Option<String>) {
        if self.service.set_trouble(trouble, words) {
            self.service.tell(&self.timetable);
        }
    }

    /// The archive takes all again that it refused.
    fn well_again(&mut self) {
        tracing::info!("the archive takes polls again");
        self.note(Trouble::Archive, None);
    }

    /// The archive did not take a poll. Gives back when to try again.
    fn refused(&mut self, feed: &str, error: &StoreError) -> DateTime<Utc> {
        let now = Utc::now();
        if !self.timetable.has(feed) {
            // It is not enabled and will not come again by itself: who asked for it is told.
            return now;
        }
        if self.refusals.refused(feed, error.is_of_all(), now) {
            tracing::error!(%error, "the archive refused a poll; it is tried again");
        }
        self.note(Trouble::Archive, Some(error.to_string()));
        if error.is_of_all() {
            self.try_archive_later(now);
            now + AFTER_REFUSAL
        } else {
            // What is wrong with one poll alone is hardly mended within a minute.
            now + self.catch_up_within
        }
    }

    fn try_archive_later(&mut self, now: DateTime<Utc>) {
        let since = self.refusals.since().unwrap_or(now);
        self.probe_at = Instant::now() + schedule::probe_wait(since, now);
    }

    /// The archive was tried: where it can be written, what was refused comes again.
    fn tried(&mut self, trial: Result<Result<(), StoreError>, task::JoinError>) {
        let now = Utc::now();
        match trial {
            Ok(Ok(())) => {
                for feed in self.refusals.written() {
                    self.timetable.hasten(feed, now);
                }
                return;
            }
            Ok(Err(error)) => self.note(Trouble::Archive, Some(error.to_string())),
            Err(error) => tracing::error!(%error, "the archive's writer"),
        }
        self.try_archive_later(now);
    }

    fn start(&mut self, feed: Arc<Feed>, why: Why) {
        if self.polling.is_empty() {
            self.progress.moved(Instant::now());
        }
        let (poller, polled) = (self.poller.clone(), Arc::clone(&feed));
        let task = self.polls.spawn(async move {
            match why {
                Why::Planned => poller.poll_planned(&polled).await,
                Why::Asked(at) => poller.poll(&polled, at).await,
            }
        });
        self.polling.insert(task.id(), feed);
    }

    fn end_poll(&mut self, ended: Ended) {
        let task = ended.as_ref().map_or_else(task::JoinError::id, |(task, _)| *task);
        let Some(feed) = self.polling.remove(&task) else { return };
        self.room.leave(&feed);
        self.progress.moved(Instant::now());
        let outage = self.poller.outage_since();
        if let Some(since) = outage {
            self.probe_at = Instant::now() + schedule::probe_wait(since, Utc::now());
        }
        self.note(Trouble::Network, outage.map(health::outage));
        let again = match ended {
            Ok((_, polled)) => {
                self.passes.polled(&feed.name, &polled);
                match polled {
                    Ok(line) => {
                        if self.refusals.accepted(&feed.name) {
                            self.well_again();
                        }
                        line.log();
                        self.vitals.polled(&line);
                        if line.new > 0 {
                            // What it brought may have turned the feed's window over.
                            self.backfills.look_soon(Instant::now());
                        }
                        if line.outcome == "fresh" {
                            self.pages.tell(PageOrder::Look);
                        }
                        self.timetable.set_due(&feed.name, line.next_poll_at);
                        self.service.polled(&self.timetable, &line);
                        return;
                    }
                    Err(error) => self.refused(&feed.name, &error),
                }
            }
            Err(error) => {
                tracing::error!(feed = feed.name, %error, "a poll broke off");
                self.passes.broke_off(&feed.name, &error.to_string());
                Utc::now() + AFTER_REFUSAL
            }
        };
        self.timetable.set_due(&feed.name, again);
    }

    fn prune_if_due(&mut self) {
        let now = Utc::now();
        if !self.housekeeping.is_empty() || !self.pruning.is_due(now, Instant::now()) {
            return;
        }
        if let Some(retention) = self.database.retention {
            self.prune(now - retention, None);
            return;
        }
        let archive = Arc::clone(&self.archive);
        self.housekeeping.spawn(async move {
            if let Err(error) = archive.release(now).await {
                tracing::error!(%error, "letting go of what was forgotten");
            }
        });
    }

    /// Sends a sign of life through the writer's queue, unless one is still on its way: a writer that is stuck holds it up.
    fn feel_pulse(&mut self) {
        self.vitals.queued(self.polling.len(), self.room.waiting().count());
        if self.pulse.is_empty() {
            let archive = Arc::clone(&self.archive);
            self.pulse.spawn(async move { archive.pulse().await });
        }
    }

    /// The writer works; systemd hears of it if polls do, too.
    fn felt(&mut self, pulse: Result<Result<(), StoreError>, task::JoinError>) {
        let is_stuck = self.progress.is_stuck(self.polling.len(), Instant::now());
        if is_stuck && !std::mem::replace(&mut self.stuck, true) {
            tracing::error!(polling = self.polling.len(), "no poll has ended for too long; the watchdog is not fed any more");
        }
        self.stuck = is_stuck;
        match pulse {
            Ok(Ok(())) if !is_stuck => {
                self.service.alive();
                self.sign_of_life.felt(Instant::now());
            }
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the archive's writer"),
            Err(error) => tracing::error!(%error, "the archive's writer"),
        }
    }

    /// Applies a new config; one that is wrong changes nothing.
    fn reload(&mut self, reload: &impl Fn() -> Result<Config, ConfigError>) {
        self.service.reloading();
        self.watch.look();
        let trouble = match reload() {
            Ok(config) => match self.apply(config) {
                Ok(()) => {
                    tracing::info!(feeds = self.timetable.feeds(), "reloaded");
                    None
                }
                Err(error) => {
                    tracing::error!(%error, "the new config cannot be used; the old one stays");
                    Some(format!("the new config cannot be used, the old one stays: {error}"))
                }
            },
            Err(error) => {
                let mistakes = error.in_one_line();
                tracing::error!(%error, mistakes, "the new config is wrong; the old one stays");
                Some(format!("the new config is wrong, the old one stays: {mistakes}"))
            }
        };
        self.service.set_trouble(Trouble::Config, trouble);
        self.service.ready(&self.timetable);
    }

    fn apply(&mut self, config: Config) -> Result<(), DaemonError> {
        let client = Client::new(&ClientSettings::new(&config.fetch, &config.pages))?;
        let settings = PollSettings::from(&config);
        let timetable = Self::timetable(&self.archive, &settings)?;
        if config.database.path != self.database.path {
            tracing::warn!(path = %config.database.path.display(), "another database is used from the next start on");
        }
        self.webhooks.configure(&config, &client);
        self.poller = self.poller.with(client, settings);
        self.pager = self.pager.with(&self.poller, PageSettings::from(&config));
        self.pages.tell(PageOrder::Settings(Box::new(self.pager.clone())));
        self.withdraw_planned(Utc::now());
        self.room.set_limits(config.fetch.concurrency, config.fetch.per_host);
        self.timetable.replace(timetable);
        if self.refusals.keep(|feed| self.timetable.has(feed)) {
            self.well_again();
        }
        self.progress.set_timeout(config.fetch.timeout);
        self.watch.set(&config);
        self.disabled = disabled(&config);
        self.rebuild_settings = RebuildSettings::from(&config);
        self.configs.send_replace(Arc::new(config.clone()));
        self.catch_up_within = config.schedule.interval;
        self.database = config.database;
        Ok(())
    }

    /// Requests under way are dropped; a poll or page that was handed to the archive is committed.
    async fn stop(mut self) {
        self.service.stopping();
        self.pages.tell(PageOrder::Stop);
        self.polls.shutdown().await;
        self.backfills.shutdown().await;
        if let Err(error) = (&mut self.paging).await {
            tracing::error!(%error, "the task that asks for pages broke off");
        }
        self.webhooks.stop().await;
        self.housekeeping.shutdown().await;
        self.pulse.shutdown().await;
        self.trial.shutdown().await;
    }
}

/// The feeds that are not enabled.
fn disabled(config: &Config) -> HashMap<String, Arc<Feed>> {
    config.feeds.iter().filter(|feed| !feed.enabled).map(|feed| (feed.name.clone(), Arc::clone(feed))).collect()
}
