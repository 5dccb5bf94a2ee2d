//! Which page is asked for when: those that are due, the newest of each host first, hosts side by side.
//!
//! Pages are worked off beside the polls. Each host has as many under way as `[pages] per_host` says; the pause between two is the
//! client's. A host that cannot be reached at all, or asks for peace, is left alone for a while with all its pages: they stay due, and
//! none of them pays for it but the one that found out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinSet};

use super::{PageLine, Pager};
use crate::full_text::Cause;
use crate::store::{DuePage, PageRef, Reader, StoreError};

/// So many tasks at most; those that wait for their host's turn hold nothing.
const MOST_UNDER_WAY: usize = 128;

/// So many hosts are looked at in one go.
const HOSTS_A_LOOK: usize = 512;

/// … and so many times, before what is held is let be.
const LOOKS: usize = 8;

/// A host that could not be reached is left alone for so long, unless it said how long.
const HOST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// A host is left alone longer only where it asked for it, and never longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// After so many failures in a row that might pass, it is the host that fails.
const FAILURES_OF_A_HOST: u32 = 3;

/// The archive is looked at again after so long, whatever is planned: its clock may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What came of the pages that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct PageTally {
    /// Read, or found unchanged.
    pub read: usize,
    /// Failed.
    pub failed: usize,
}

impl PageTally {
    /// One more page has ended.
    pub fn count(&mut self, line: &PageLine) {
        match line.outcome {
            "read" | "not_modified" => self.read += 1,
            "failed" => self.failed += 1,
            _ => {}
        }
    }
}

/// What the rounds are told.
#[derive(Debug)]
pub enum PageOrder {
    /// Polls may have brought new pages.
    Look,
    /// Other settings hold from now on.
    Settings(Box<Pager>),
    /// Somebody waits until all pages that are due now have been asked for.
    Wait {
        /// The feeds that were named; `None`: all.
        feeds: Option<Vec<String>>,
        /// Told what came of them.
        done: oneshot::Sender<PageTally>,
    },
    /// The requests under way are dropped, and that is all.
    Stop,
}

struct Waiting {
    by: DateTime<Utc>,
    feeds: Option<Vec<String>>,
    tally: PageTally,
    done: oneshot::Sender<PageTally>,
}

#[derive(Debug, Default)]
struct Host {
    under_way: usize,
    failures: u32,
    held_until: Option<Instant>,
}

/// Pages being asked for, and those that are next.
pub struct PageRounds {
    pager: Pager,
    reader: Arc<Mutex<Reader>>,
    tasks: JoinSet<Result<PageLine, StoreError>>,
    under_way: HashMap<task::Id, DuePage>,
    pages: HashSet<PageRef>,
    hosts: HashMap<String, Host>,
    ready: VecDeque<DuePage>,
    /// The host after which the next look begins.
    after: String,
    /// May a look at the archive find something new?
    is_stale: bool,
    waiting: Vec<Waiting>,
    /// The archive refused a page: until then nothing is asked for that it could not keep.
    refused_until: Option<Instant>,
}

impl PageRounds {
    /// Of this pager, with a connection of their own to the archive.
    ///
    /// # Errors
    /// Those of opening the archive for reading.
    pub fn new(pager: Pager) -> Result<Self, StoreError> {
        Ok(Self {
            reader: Arc::new(Mutex::new(pager.archive.reader()?)),
            pager,
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            pages: HashSet::new(),
            hosts: HashMap::new(),
            ready: VecDeque::new(),
            after: String::new(),
            is_stale: true,
            waiting: Vec::new(),
            refused_until: None,
        })
    }

    /// Asks for all that is due now, of these feeds or of all, and tells of each. Pages that fail are left for their next time.
    ///
    /// # Errors
    /// Those of the archive; what was committed until then stays.
    pub async fn work_off(mut self, feeds: Option<&[String]>, mut told: impl FnMut(&PageLine)) -> Result<(), StoreError> {
        loop {
            self.start_due(feeds).await?;
            let Some(ended) = self.tasks.join_next_with_id().await else { return Ok(()) };
            if let Some(line) = self.end(ended)? {
                told(&line);
            }
        }
    }

    /// Asks for what is due, for ever, until told to stop.
    pub async fn run(mut self, mut orders: mpsc::UnboundedReceiver<PageOrder>) {
        loop {
            let sleep = match self.start_due(None).await {
                Ok(()) => self.sleep().await,
                Err(error) => {
                    tracing::error!(%error, "pages cannot be looked up; again in a minute");
                    LONGEST_SLEEP
                }
            };
            self.tell_waiting().await;
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => match self.end(ended) {
                    Ok(line) => line.iter().for_each(PageLine::log),
                    Err(error) => tracing::error!(%error, "the archive refused a page; it stays due"),
                },
                order = orders.recv() => match order {
                    Some(PageOrder::Look) => self.is_stale = true,
                    Some(PageOrder::Settings(pager)) => {
                        self.pager = *pager;
                        self.hosts.retain(|_, host| host.under_way > 0);
                        self.is_stale = true;
                    }
                    Some(PageOrder::Wait { feeds, done }) => {
                        self.is_stale = true;
                        self.waiting.push(Waiting { by: Utc::now(), feeds, tally: PageTally::default(), done });
                    }
                    Some(PageOrder::Stop) | None => break,
                },
                () = tokio::time::sleep(sleep) => self.is_stale = true,
            }
        }
        self.tasks.shutdown().await;
    }

    /// Starts whatever may start.
    async fn start_due(&mut self, feeds: Option<&[String]>) -> Result<(), StoreError> {
        if self.pager.is_cut_off() || self.refused_until.is_some_and(|until| until > Instant::now()) {
            return Ok(());
        }
        for _ in 0..LOOKS {
            self.start_ready(feeds.is_some());
            if self.tasks.len() >= MOST_UNDER_WAY || !self.ready.is_empty() || !self.is_stale {
                return Ok(());
            }
            // Those under way are among the newest of their host.
            let each = self.pager.settings.per_host.saturating_mul(2);
            let (after, named) = (self.after.clone(), feeds.map(<[String]>::to_vec));
            let due = self.read(move |reader| reader.due_pages(Utc::now(), &after, HOSTS_A_LOOK, each, named.as_deref())).await?;
            let hosts: HashSet<&str> = due.iter().map(|page| page.host.as_str()).collect();
            self.is_stale = hosts.len() >= HOSTS_A_LOOK;
            self.after = if self.is_stale { due.last().map(|page| page.host.clone()).unwrap_or_default() } else { String::new() };
            let now = Instant::now();
            self.ready = due.into_iter().filter(|page| !self.pages.contains(&page.page) && !self.is_held(&page.host, now)).collect();
        }
        Ok(())
    }

    fn start_ready(&mut self, is_named: bool) {
        let now = Instant::now();
        let mut left = VecDeque::new();
        while let Some(due) = self.ready.pop_front() {
            if self.pages.contains(&due.page) || self.is_held(&due.host, now) {
                continue;
            }
            let is_full = self.hosts.get(&due.host).is_some_and(|host| host.under_way >= self.pager.settings.per_host);
            if is_full {
                // Once one of its host has ended, a look finds it again, or a newer one.
                continue;
            }
            if self.tasks.len() >= MOST_UNDER_WAY {
                left.push_back(due);
                left.append(&mut self.ready);
                break;
            }
            self.start(due, is_named);
        }
        self.ready = left;
    }

    fn start(&mut self, due: DuePage, is_named: bool) {
        self.hosts.entry(due.host.clone()).or_default().under_way += 1;
        self.pages.insert(due.page);
        let is_named = is_named || self.waiting.iter().any(|waiting| waiting.feeds.as_ref().is_some_and(|feeds| feeds.contains(&due.feed)));
        let (pager, asked) = (self.pager.clone(), due.clone());
        let task = self.tasks.spawn(async move { pager.ask(&asked, is_named).await });
        self.under_way.insert(task.id(), due);
    }

    /// Takes note of an end; gives what is to be told of it.
    fn end(&mut self, ended: Result<(task::Id, Result<PageLine, StoreError>), task::JoinError>) -> Result<Option<PageLine>, StoreError> {
        self.is_stale = true;
        let (task, line) = match ended {
            Ok((task, line)) => (task, Some(line)),
            Err(error) => {
                tracing::error!(%error, "a page broke off");
                (error.id(), None)
            }
        };
        let Some(due) = self.under_way.remove(&task) else { return Ok(None) };
        self.pages.remove(&due.page);
        let host = self.hosts.entry(due.host.clone()).or_default();
        host.under_way = host.under_way.saturating_sub(1);
        let pause = match &line {
            Some(Ok(line)) => host.pause(line),
            // What broke off is still due, and would be asked for at once.
            None => Some(LONGEST_SLEEP),
            Some(Err(_)) => None,
        };
        host.held_until = pause.map(|pause| Instant::now() + pause).or(host.held_until);
        if host.is_idle(Instant::now()) {
            self.hosts.remove(&due.host);
        }
        if matches!(line, Some(Err(_))) {
            self.refused_until = Some(Instant::now() + LONGEST_SLEEP);
        }
        let line = line.transpose()?;
        if let Some(line) = &line {
            let waits = |waiting: &&mut Waiting| waiting.feeds.as_ref().is_none_or(|feeds| feeds.contains(&line.feed));
            self.waiting.iter_mut().filter(waits).for_each(|waiting| waiting.tally.count(line));
        }
        Ok(line)
    }

    fn is_held(&self, host: &str, now: Instant) -> bool {
        self.hosts.get(host).is_some_and(|host| host.held_until.is_some_and(|until| until > now))
    }

    /// How long nothing new can become due.
    async fn sleep(&mut self) -> Duration {
        let now = Instant::now();
        self.hosts.retain(|_, host| !host.is_idle(now));
        let held = self.hosts.values().filter_map(|host| host.held_until).filter(|until| *until > now).min();
        let next = self.read(|reader| reader.next_page_due()).await.ok().flatten();
        let planned = next.and_then(|next| (next - Utc::now()).to_std().ok());
        let held = held.map(|until| until - now);
        [planned, held, Some(LONGEST_SLEEP)].into_iter().flatten().min().unwrap_or(LONGEST_SLEEP).max(Duration::from_millis(50))
    }

    /// Tells those whose pages have all been asked for, as far as their hosts can be.
    async fn tell_waiting(&mut self) {
        let now = Instant::now();
        for waiting in std::mem::take(&mut self.waiting) {
            let (by, feeds) = (waiting.by, waiting.feeds.clone());
            let due = self.read(move |reader| reader.hosts_of_due_pages(by, feeds.as_deref())).await;
            match due {
                // Nobody waits for an outage to end, or for a disk to have room.
                Ok(_) if self.tasks.is_empty() && (self.pager.is_cut_off() || self.refused_until.is_some_and(|until| until > now)) => {
                    let _ = waiting.done.send(waiting.tally);
                }
                Ok(hosts) if hosts.iter().any(|host| !self.is_held(host, now)) => self.waiting.push(waiting),
                // Whoever asked may have gone.
                Ok(_) => {
                    let _ = waiting.done.send(waiting.tally);
                }
                Err(error) => tracing::error!(%error, "pages cannot be looked up"),
            }
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        let asking = move || question(&reader.lock().unwrap_or_else(PoisonError::into_inner));
        task::spawn_blocking(asking).await.unwrap_or(Err(StoreError::Closed))
    }
}

impl Host {
    /// How long the host is left alone after this.
    fn pause(&mut self, line: &PageLine) -> Option<Duration> {
        match line.cause {
            Some((Cause::Host, retry_after)) => Some(retry_after.unwrap_or(HOST_PAUSE).clamp(HOST_PAUSE, LONGEST_PAUSE)),
            Some((Cause::Passing, _)) => {
                self.failures += 1;
                (self.failures >= FAILURES_OF_A_HOST).then_some(HOST_PAUSE)
            }
            Some((Cause::Lasting, _)) | None => {
                self.failures = 0;
                None
            }
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.under_way == 0 && self.failures == 0 && self.held_until.is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_left_alone_when_it_fails_as_a_whole_or_page_after_page() {
        let line = |cause| PageLine {
            article: String::new(),
            feed: String::new(),
            url: String::new(),
            outcome: "failed",
            http_status: None,
            words: 0,
            error: None,
            cause,
            elapsed: Duration::ZERO,
        };
        let hour = Duration::from_secs(3600);
        let mut host = Host::default();
        assert_eq!(host.pause(&line(Some((Cause::Host, None)))), Some(HOST_PAUSE));
        assert_eq!(host.pause(&line(Some((Cause::Host, Some(hour))))), Some(hour));
        assert_eq!(host.pause(&line(Some((Cause::Host, Some(1000 * hour))))), Some(LONGEST_PAUSE));
        let passing = line(Some((Cause::Passing, None)));
        assert_eq!([host.pause(&passing), host.pause(&passing), host.pause(&passing)], [None, None, Some(HOST_PAUSE)]);
        assert_eq!(host.pause(&line(None)), None);
        assert_eq!((host.failures, host.pause(&passing)), (0, None));
        assert_eq!(host.pause(&line(Some((Cause::Lasting, None)))), None);
    }
}
