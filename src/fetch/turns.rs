//! Whose turn it is: how many requests are under way at once, in all and to one host, and how long a host is left in
//! peace between the starts of two.
//!
//! A host is the host of the URL as it stands (`a.example.org` and `b.example.org` are two, ports do not matter). Grouping by
//! registrable domain would let one slow blog platform hold up all who live on it; grouping by address needs a lookup
//! before the turn. Both kinds of request (feeds, pages) have places of their own at a host, and share its peace.
//!
//! What is promised:
//!
//! - A request that waits for its host holds no global slot, so a crowd at one host never starves the others.
//! - Turns of one host are given in the order in which they were asked for.
//! - No request waits for a turn while it holds another, so turns cannot lock each other.
//! - Pages have a quarter of the slots at most, and a page that waits for its host is never ahead of a feed of that host: pages are not in
//!   the way of polls, however slow a server of pages is.
//! - A host that nobody asks costs nothing: its state goes when the map has doubled and its delay is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Accept;

/// What one host is spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests under way at once.
    pub per_host: usize,
    /// Between the starts of two.
    pub host_delay: Duration,
}

/// A host asked to be left alone (`Retry-After`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// For so long from now.
    pub remaining: Duration,
    /// The status that it answered.
    pub status: u16,
}

/// Leave to send one request; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // Fields drop in this order: the slot for all first, then the place at the host.
    _slot: Option<OwnedSemaphorePermit>,
    _page_slot: Option<OwnedSemaphorePermit>,
    _place: Option<OwnedSemaphorePermit>,
    _host: Option<Arc<Host>>,
}

#[derive(Debug)]
struct Host {
    feeds: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    /// Held from the wait for the delay to the start, so that starts are in order and each sees the one before.
    gate: tokio::sync::Mutex<()>,
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    last_start: Option<Instant>,
    /// What the host last asked for between two pages.
    crawl_delay: Duration,
    held: Option<(Instant, u16)>,
}

#[derive(Debug)]
struct Hosts {
    known: HashMap<Box<str>, Arc<Host>>,
    sweep_at: usize,
}

/// All turns of one client.
#[derive(Debug)]
pub(super) struct Turns {
    slots: Arc<Semaphore>,
    /// How many of the slots pages may hold.
    page_slots: Arc<Semaphore>,
    feeds: Pace,
    pages: Pace,
    hosts: Mutex<Hosts>,
}

/// Pages hold one slot in so many at most.
const PAGES_SHARE: usize = 4;

/// Below so many hosts nothing is swept.
const FEW_HOSTS: usize = 64;

/// State behind these locks is whole between any two statements, so a panic elsewhere cannot have left it half-written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    pub fn new(concurrency: usize, feeds: Pace, pages: Pace) -> Turns {
        Turns {
            slots: Arc::new(Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            page_slots: Arc::new(Semaphore::new((concurrency / PAGES_SHARE).clamp(1, Semaphore::MAX_PERMITS))),
            feeds,
            pages,
            hosts: Mutex::new(Hosts { known: HashMap::new(), sweep_at: FEW_HOSTS }),
        }
    }

    /// Waits for a turn at `host`; at once refused while the host is to be left alone. `crawl_delay` is what the host wants between
    /// two requests for pages, where that is more than we leave it.
    pub async fn take(&self, host: &str, accept: Accept, crawl_delay: Duration) -> Result<Turn, Held> {
        let host = self.host(host);
        host.refused()?;
        if accept == Accept::Feed { self.take_for_feed(host).await } else { self.take_for_page(host, crawl_delay).await }
    }

    // The semaphores are never closed, so `ok()` drops no permit.
    async fn take_for_feed(&self, host: Arc<Host>) -> Result<Turn, Held> {
        let place = Arc::clone(&host.feeds).acquire_owned().await.ok();
        let gate = host.gate.lock().await;
        let slot = loop {
            host.refused()?;
            if let Some(start) = host.next_start(self.feeds.host_delay)
                && start > Instant::now()
            {
                tokio::time::sleep_until(start).await;
                continue;
            }
            let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
            // While we waited for the slot another answer may have asked for peace.
            host.refused()?;
            break slot;
        };
        lock(&host.times).last_start = Some(Instant::now());
        drop(gate);
        Ok(Turn { _slot: slot, _page_slot: None, _place: place, _host: Some(host) })
    }

    /// A page's wait is never in the way of a feed: it holds the host's gate only once nothing is left to wait for.
    async fn take_for_page(&self, host: Arc<Host>, crawl_delay: Duration) -> Result<Turn, Held> {
        let place = Arc::clone(&host.pages).acquire_owned().await.ok();
        let delay = self.pages.host_delay.max(crawl_delay);
        lock(&host.times).crawl_delay = crawl_delay;
        loop {
            host.refused()?;
            if let Some(start) = host.next_start(delay)
                && start > Instant::now()
            {
                tokio::time::sleep_until(start).await;
                continue;
            }
            let page_slot = Arc::clone(&self.page_slots).acquire_owned().await.ok();
            let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
            host.refused()?;
            if host.starts_now(delay) {
                return Ok(Turn { _slot: slot, _page_slot: page_slot, _place: place, _host: Some(host) });
            }
            // Somebody starts here right now and may need a slot for it: after them.
            drop((slot, page_slot));
            drop(host.gate.lock().await);
        }
    }

    /// Waits for a global slot alone: for what has no host (local files).
    pub async fn take_local(&self) -> Turn {
        Turn { _slot: Arc::clone(&self.slots).acquire_owned().await.ok(), _page_slot: None, _place: None, _host: None }
    }

    /// From now on the host is left alone for `wait`; a longer hold stays.
    pub fn hold(&self, host: &str, wait: Duration, status: u16) {
        let host = self.host(host);
        let mut times = lock(&host.times);
        if let Some(until) = Instant::now().checked_add(wait)
            && times.held.is_none_or(|(held, _)| held < until)
        {
            times.held = Some((until, status));
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        if let Some(host) = hosts.known.get(name) {
            return Arc::clone(host);
        }
        if hosts.known.len() >= hosts.sweep_at {
            let now = Instant::now();
            let peace = self.feeds.host_delay.max(self.pages.host_delay);
            // A count of one is the map's own: under this lock nobody else can gain one.
            hosts.known.retain(|_, host| Arc::strong_count(host) > 1 || host.is_waited_for(now, peace));
            hosts.sweep_at = (hosts.known.len() * 2).max(FEW_HOSTS);
        }
        let places = |pace: Pace| Arc::new(Semaphore::new(pace.per_host.clamp(1, Semaphore::MAX_PERMITS)));
        let host = Arc::new(Host {
            feeds: places(self.feeds),
            pages: places(self.pages),
            gate: tokio::sync::Mutex::new(()),
            times: Mutex::default(),
        });
        hosts.known.insert(name.into(), Arc::clone(&host));
        host
    }
}

impl Host {
    fn refused(&self) -> Result<(), Held> {
        let mut times = lock(&self.times);
        if let Some((until, status)) = times.held {
            let remaining = until.saturating_duration_since(Instant::now());
            if !remaining.is_zero() {
                return Err(Held { remaining, status });
            }
            times.held = None;
        }
        Ok(())
    }

    /// Starts a request unless another is about to, or did within `delay`.
    fn starts_now(&self, delay: Duration) -> bool {
        let Ok(_gate) = self.gate.try_lock() else { return false };
        let may_start = self.next_start(delay).is_none_or(|start| start <= Instant::now());
        if may_start {
            lock(&self.times).last_start = Some(Instant::now());
        }
        may_start
    }

    fn next_start(&self, delay: Duration) -> Option<Instant> {
        lock(&self.times).last_start.and_then(|last| last.checked_add(delay))
    }

    fn is_waited_for(&self, now: Instant, peace: Duration) -> bool {
        let Times { last_start, crawl_delay, held } = *lock(&self.times);
        let next_start = last_start.and_then(|last| last.checked_add(peace.max(crawl_delay)));
        held.is_some_and(|(until, _)| until > now) || next_start.is_some_and(|start| start > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(concurrency: usize, per_host: usize, delay_ms: u64) -> Arc<Turns> {
        let pace = Pace { per_host, host_delay: Duration::from_millis(delay_ms) };
        Arc::new(Turns::new(concurrency, pace, pace))
    }

    /// Is the future still waiting after every other task had its say?
    async fn waits<T>(future: impl Future<Output = T>) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
    }

    #[tokio::test]
    async fn a_crowd_at_one_host_leaves_the_slots_to_the_others() {
        let turns = turns(2, 1, 0);
        let _first = turns.take("crowded.example", Accept::Feed, Duration::ZERO).await.unwrap();
        let crowd: Vec<_> = (0..10)
            .map(|_| {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move { turns.take("crowded.example", Accept::Feed, Duration::ZERO).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let other = tokio::time::timeout(Duration::from_secs(5), turns.take("quiet.example", Accept::Feed, Duration::ZERO)).await;
        assert!(other.unwrap().is_ok());
        crowd.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_host_gets_no_more_than_its_places_and_pages_have_their_own() {
        let turns = turns(10, 2, 0);
        let one = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
        let _two = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
        assert!(waits(turns.take("a.example", Accept::Feed, Duration::ZERO)).await);
        assert!(turns.take("a.example", Accept::Page, Duration::ZERO).await.is_ok());
        drop(one);
        assert!(turns.take("a.example", Accept::Feed, Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn there_are_no_more_turns_than_slots() {
        let turns = turns(2, 2, 0);
        let one = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
        let _two = turns.take("b.example", Accept::Feed, Duration::ZERO).await.unwrap();
        assert!(waits(turns.take("c.example", Accept::Feed, Duration::ZERO)).await);
        assert!(waits(turns.take_local()).await);
        drop(one);
        turns.take_local().await;
    }

    #[tokio::test]
    async fn starts_at_one_host_are_a_delay_apart_and_in_order() {
        let turns = turns(10, 10, 40);
        let begin = Instant::now();
        let started = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..4)
            .map(|number| {
                let (turns, started) = (Arc::clone(&turns), Arc::clone(&started));
                tokio::spawn(async move {
                    let turn = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
                    lock(&started).push((number, Instant::now()));
                    drop(turn);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let started = lock(&started);
        assert_eq!(started.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(started[3].1 - begin >= Duration::from_millis(3 * 40));
    }

    #[tokio::test]
    async fn pages_hold_a_quarter_of_the_slots_at_most() {
        let turns = turns(8, 8, 0);
        let _one = turns.take("a.example", Accept::Page, Duration::ZERO).await.unwrap();
        let _two = turns.take("b.example", Accept::Any, Duration::ZERO).await.unwrap();
        assert!(waits(turns.take("c.example", Accept::Page, Duration::ZERO)).await);
        let mut feeds = Vec::new();
        for number in 0..6 {
            feeds.push(turns.take(&format!("{number}.example"), Accept::Feed, Duration::ZERO).await.unwrap());
        }
        assert!(waits(turns.take("c.example", Accept::Feed, Duration::ZERO)).await);
    }

    #[tokio::test]
    async fn a_page_that_waits_for_its_host_is_not_in_the_way_of_a_feed_there() {
        let pause = Duration::from_millis(300);
        let turns =
            Arc::new(Turns::new(1, Pace { per_host: 1, host_delay: Duration::ZERO }, Pace { per_host: 1, host_delay: Duration::ZERO }));
        drop(turns.take("a.example", Accept::Page, Duration::ZERO).await.unwrap());
        let page = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take("a.example", Accept::Page, pause).await.map(|_| Instant::now()) }
        });
        tokio::task::yield_now().await;
        let feed = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
        assert!(!page.is_finished(), "the feed did not wait for the page");
        let begun = lock(&turns.host("a.example").times).last_start.unwrap();
        drop(feed);
        // The delay that the host asked for counts from the feed's start.
        assert!(page.await.unwrap().unwrap() - begun >= pause);
    }

    #[tokio::test]
    async fn feeds_and_pages_of_one_host_that_all_want_the_only_slot_all_get_it() {
        let turns = turns(1, 4, 0);
        let takers: Vec<_> = (0..40)
            .map(|number| {
                let turns = Arc::clone(&turns);
                let accept = if number % 2 == 0 { Accept::Feed } else { Accept::Page };
                tokio::spawn(async move {
                    let turn = turns.take("a.example", accept, Duration::ZERO).await.unwrap();
                    tokio::task::yield_now().await;
                    drop(turn);
                })
            })
            .collect();
        for taker in takers {
            tokio::time::timeout(Duration::from_secs(60), taker).await.expect("nobody waits for ever").unwrap();
        }
    }

    #[tokio::test]
    async fn a_held_host_is_refused_at_once_and_its_neighbours_are_not() {
        let turns = turns(10, 1, 0);
        turns.hold("a.example", Duration::from_secs(3600), 503);
        turns.hold("a.example", Duration::from_secs(60), 429);
        let held = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap_err();
        assert_eq!(held.status, 503);
        assert!(held.remaining > Duration::from_secs(3500));
        assert!(turns.take("b.a.example", Accept::Feed, Duration::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn a_hold_reaches_those_who_already_wait() {
        let turns = turns(10, 1, 0);
        let first = turns.take("a.example", Accept::Feed, Duration::ZERO).await.unwrap();
        let second = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take("a.example", Accept::Feed, Duration::ZERO).await }
        });
        tokio::task::yield_now().await;
        turns.hold("a.example", Duration::from_secs(60), 429);
        drop(first);
        assert_eq!(second.await.unwrap().unwrap_err().status, 429);
    }

    #[tokio::test]
    async fn idle_hosts_are_forgotten() {
        let turns = turns(10, 1, 0);
        for number in 0..1000 {
            turns.take(&format!("{number}.example"), Accept::Feed, Duration::ZERO).await.unwrap();
        }
        assert!(lock(&turns.hosts).known.len() <= FEW_HOSTS);
    }
}
