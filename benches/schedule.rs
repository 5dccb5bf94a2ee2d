//! A simulation of a month of polling: how late articles reach the archive, how many are missed, and what it costs in
//! requests, for Gleaner's schedule beside those of others. `cargo bench --bench schedule`; docs/scheduling.md explains it.
//! Three numbers make another population: `cargo bench --bench schedule -- MEDIAN SIGMA FEEDS`.
//!
//! Feeds, articles and polls are made up from a seed, so the table is the same on every machine. Requests take no time
//! and never fail; nobody sends hints. Each schedule sees of a feed what a poll would show it: the last twenty entries.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

#[path = "random/mod.rs"]
mod random;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use gleaner::config;
use gleaner::fetch::Freshness;
use gleaner::schedule::{self, End, Memory, Observation, Polled};

use random::Random;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

const WINDOW: usize = 20;
/// A Monday, so that the weeks of the table are whole.
const BEGIN: i64 = 1_789_344_000;
/// What was published before the first poll fills the first document.
const PAST: f64 = 120.0 * DAY;
const MONTH: f64 = 30.0 * DAY;
/// Polls go on after the month, unaccounted, until its last articles are seen or lost.
const SETTLING: f64 = 3.0 * DAY;

impl Random {
    /// Above 0, at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -self.unit().ln() * mean
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn poisson(&mut self, mean: f64) -> usize {
        let mut left = mean - self.exponential(1.0);
        let mut count = 0;
        while left > 0.0 {
            count += 1;
            left -= self.exponential(1.0);
        }
        count
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// At any time.
    Poisson,
    /// Five at a time, a few minutes apart.
    Bursty,
    /// Within a few hours of each day, fewer at weekends.
    Daily,
    /// Nothing for three months.
    Dead,
}

struct SimulatedFeed {
    name: String,
    kind: Kind,
    /// Times of publication in order, seconds since [`BEGIN`].
    articles: Vec<f64>,
    /// The first poll: a list is not polled all at once.
    first_poll: f64,
}

/// Of which feeds the table tells.
struct Population {
    feeds: usize,
    /// Articles a day of the feed in the middle.
    median: f64,
    /// Standard deviation of the logarithm of that.
    sigma: f64,
}

/// More would not fit through a window of twenty at any reasonable pace.
const MOST_A_DAY: f64 = 150.0;

fn feed(number: usize, population: &Population, random: &mut Random) -> SimulatedFeed {
    let kind = match number % 10 {
        0..4 => Kind::Poisson,
        4..7 => Kind::Bursty,
        7..9 => Kind::Daily,
        _ => Kind::Dead,
    };
    let gap = DAY / (population.median * (population.sigma * random.normal()).exp()).min(MOST_A_DAY);
    let until = MONTH + SETTLING;
    let mut articles = Vec::new();
    let mut at = -PAST;
    match kind {
        Kind::Poisson => {
            at += random.exponential(gap);
            while at < until {
                articles.push(at);
                at += random.exponential(gap);
            }
        }
        Kind::Bursty => loop {
            at += random.exponential(gap * 5.0);
            if at >= until {
                break;
            }
            let mut in_burst = at;
            for _ in 0..1 + random.poisson(4.0) {
                articles.push(in_burst);
                in_burst += random.exponential(6.0 * MINUTE);
            }
        },
        Kind::Daily => {
            // Thinning: the rate is highest at the feed's own hour and falls off to both sides.
            let peak = random.unit() * DAY;
            let highest = 4.0;
            loop {
                at += random.exponential(gap / highest);
                if at >= until {
                    break;
                }
                let angle = (at - peak) / DAY * std::f64::consts::TAU;
                let of_day = ((1.0 + angle.cos()) / 2.0).powi(8) * 5.1;
                let weekday = (at / DAY).rem_euclid(7.0);
                let of_week = if weekday < 5.0 { 1.24 } else { 0.4 };
                if random.unit() * highest * 1.6 < of_day * of_week {
                    articles.push(at);
                }
            }
        }
        Kind::Dead => {
            at += random.exponential(gap);
            while at < -90.0 * DAY {
                articles.push(at);
                at += random.exponential(gap);
            }
        }
    }
    articles.retain(|at| *at < until);
    articles.sort_by(f64::total_cmp);
    SimulatedFeed { name: format!("feed-{number}"), kind, articles, first_poll: random.unit() * 30.0 * MINUTE }
}

/// What a poll shows.
struct Seen<'a> {
    at: f64,
    /// Dates of the document's entries, oldest first.
    document: &'a [f64],
    /// How many of them had not been seen.
    new: usize,
    is_first: bool,
    /// All that was ever seen, oldest first.
    archive: &'a [f64],
}

/// A schedule, for one feed: when to poll next, after a poll.
trait Schedule {
    fn next(&mut self, feed: &SimulatedFeed, seen: &Seen<'_>) -> f64;
}

/// Every so many seconds.
struct Fixed(f64);

impl Schedule for Fixed {
    fn next(&mut self, _: &SimulatedFeed, seen: &Seen<'_>) -> f64 {
        seen.at + self.0
    }
}

/// Miniflux: a scheduler wakes up every POLLING_FREQUENCY and polls the feeds whose `next_check_at` has passed
/// (internal/cli/scheduler.go). BATCH_SIZE, which would hold back feeds beyond the first hundred, is left out in its favour.
struct Miniflux {
    polling_frequency: f64,
    strategy: Strategy,
}

enum Strategy {
    /// SCHEDULER_ROUND_ROBIN_MIN_INTERVAL: 60 minutes.
    RoundRobin,
    /// 7 days ÷ (weekly count × SCHEDULER_ENTRY_FREQUENCY_FACTOR), between 5 minutes and 24 hours.
    EntryFrequency,
}

impl Schedule for Miniflux {
    fn next(&mut self, _: &SimulatedFeed, seen: &Seen<'_>) -> f64 {
        let interval = match self.strategy {
            Strategy::RoundRobin => HOUR,
            Strategy::EntryFrequency => match weekly_count(seen) {
                0 => DAY,
                count => (7.0 * DAY / count as f64).clamp(5.0 * MINUTE, DAY),
            },
        };
        // A tick that comes at the very second at which the check is due counts: else every second one would be lost.
        ((seen.at + interval) / self.polling_frequency).ceil() * self.polling_frequency
    }
}

/// Storage.WeeklyFeedEntryCount, asked before the poll: ⌈week ÷ mean distance of the last week's entries⌉, 0 for fewer than two.
fn weekly_count(seen: &Seen<'_>) -> usize {
    let known = if seen.is_first { seen.archive } else { seen.archive.get(..seen.archive.len() - seen.new).unwrap_or_default() };
    let week = known.get(known.partition_point(|at| *at < seen.at - 7.0 * DAY)..).unwrap_or_default();
    match week {
        [first, .., last] if last > first => (7.0 * DAY / ((last - first) / (week.len() as f64 - 1.0))).ceil() as usize,
        _ => 0,
    }
}

/// This crate's.
struct Gleaner<'a> {
    settings: &'a config::Schedule,
    memory: Memory,
}

fn time(at: f64) -> DateTime<Utc> {
    DateTime::from_timestamp(BEGIN + at as i64, 0).unwrap_or_default()
}

impl Schedule for Gleaner<'_> {
    fn next(&mut self, feed: &SimulatedFeed, seen: &Seen<'_>) -> f64 {
        let dates: Vec<DateTime<Utc>> = seen.document.iter().map(|at| time(*at)).collect();
        let at = time(seen.at);
        let observation = if seen.new == 0 && !seen.is_first {
            Observation::unchanged(at)
        } else {
            Observation { at, dates: &dates, entries: dates.len(), new: seen.new, kept: dates.len() - seen.new, pinned: 0 }
        };
        self.memory.rhythm = schedule::learn(&self.memory.rhythm, &observation);
        let polled = Polled {
            feed: &feed.name,
            now: at,
            interval: None,
            end: End::Answered,
            freshness: &Freshness::default(),
            memory: &self.memory,
        };
        let next = schedule::next_poll(self.settings, &polled);
        seen.at + (next.at - at).as_seconds_f64()
    }
}

#[derive(Default, Clone)]
struct Tally {
    feeds: usize,
    requests: usize,
    missed: usize,
    delays: Vec<f64>,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.feeds += other.feeds;
        self.requests += other.requests;
        self.missed += other.missed;
        self.delays.extend_from_slice(&other.delays);
    }

    fn mean(&self) -> f64 {
        self.delays.iter().fold(0.0, |sum, delay| sum + delay) / self.delays.len().max(1) as f64
    }

    fn percentile(&mut self, share: f64) -> f64 {
        self.delays.sort_by(f64::total_cmp);
        let at = (self.delays.len() as f64 * share) as usize;
        self.delays.get(at).or(self.delays.last()).copied().unwrap_or_default()
    }

    fn row(&mut self, name: &str) {
        let (mean, p95) = (self.mean() / MINUTE, self.percentile(0.95) / MINUTE);
        let a_day = self.requests as f64 / self.feeds as f64 / (MONTH / DAY);
        println!("| {name} | {mean:.1} | {p95:.1} | {} | {} | {a_day:.1} |", self.missed, self.requests);
    }
}

fn simulate(feed: &SimulatedFeed, schedule: &mut dyn Schedule) -> Tally {
    let mut tally = Tally { feeds: 1, ..Tally::default() };
    let mut at = feed.first_poll;
    // Of `articles`, those before this one were published when the last poll came.
    let mut published = 0;
    let mut archive: Vec<f64> = Vec::new();
    let mut is_first = true;
    while at < MONTH + SETTLING {
        let before = published;
        while feed.articles.get(published).is_some_and(|article| *article <= at) {
            published += 1;
        }
        let oldest = published.saturating_sub(WINDOW);
        for (number, article) in feed.articles.iter().enumerate().take(published).skip(before) {
            let is_counted = (0.0..MONTH).contains(article);
            if number >= oldest {
                archive.push(*article);
                if is_counted {
                    tally.delays.push(at - article);
                }
            } else if is_counted {
                tally.missed += 1;
            }
        }
        if at < MONTH {
            tally.requests += 1;
        }
        let new = (published - before).min(WINDOW);
        let document = feed.articles.get(oldest..published).unwrap_or_default();
        at = schedule.next(feed, &Seen { at, document, new, is_first, archive: &archive }).max(at + 1.0);
        is_first = false;
    }
    tally
}

fn run<S: Schedule>(feeds: &[SimulatedFeed], make: impl Fn() -> S) -> (Tally, BTreeMap<Kind, Tally>) {
    let mut kinds: BTreeMap<Kind, Tally> = BTreeMap::new();
    let mut all = Tally::default();
    for feed in feeds {
        let tally = simulate(feed, &mut make());
        kinds.entry(feed.kind).or_default().add(&tally);
        all.add(&tally);
    }
    (all, kinds)
}

fn settings(interval: f64) -> config::Schedule {
    config::Schedule {
        interval: Duration::from_secs_f64(interval),
        min_interval: Duration::from_secs(300),
        max_interval: Duration::from_secs(86_400),
        adaptive: true,
        retire_after: Duration::from_secs(30 * 86_400),
    }
}

fn gleaner(feeds: &[SimulatedFeed], interval: f64) -> (Tally, BTreeMap<Kind, Tally>) {
    let settings = settings(interval);
    run(feeds, || Gleaner { settings: &settings, memory: Memory::default() })
}

/// The `interval` at which Gleaner's 95th percentile is the peer's.
fn equal_at(feeds: &[SimulatedFeed], p95: f64) -> f64 {
    let (mut low, mut high) = (5.0 * MINUTE, DAY);
    for _ in 0..9 {
        let middle = (low * high).sqrt();
        if gleaner(feeds, middle).0.percentile(0.95) > p95 { high = middle } else { low = middle }
    }
    low
}

fn main() {
    let started = Instant::now();
    // Cargo adds `--bench`; numbers are the population's.
    let numbers: Vec<f64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, default: f64| numbers.get(at).copied().unwrap_or(default);
    let population = Population { median: number(0, 1.0), sigma: number(1, 1.8), feeds: number(2, 600.0) as usize };
    let mut random = Random(2026);
    let feeds: Vec<SimulatedFeed> = (0..population.feeds).map(|number| feed(number, &population, &mut random)).collect();
    let published: usize = feeds.iter().map(|feed| feed.articles.iter().filter(|at| (0.0..MONTH).contains(*at)).count()).sum();
    let Population { feeds: count, median, sigma } = population;
    println!("{count} feeds, median {median} articles a day, sigma {sigma}; 30 days, {published} articles, windows of {WINDOW} entries\n");
    println!("| schedule | mean delay, min | 95th percentile, min | missed | requests | requests a feed a day |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let miniflux = |polling_frequency, entry_frequency: bool| {
        run(&feeds, || Miniflux {
            polling_frequency,
            strategy: if entry_frequency { Strategy::EntryFrequency } else { Strategy::RoundRobin },
        })
        .0
    };
    let mut peers = [
        ("fixed, 30 minutes", run(&feeds, || Fixed(30.0 * MINUTE)).0),
        ("Miniflux, round-robin", miniflux(HOUR, false)),
        ("Miniflux, entry frequency", miniflux(HOUR, true)),
        ("Miniflux, entry frequency, POLLING_FREQUENCY=1", miniflux(MINUTE, true)),
    ];
    for (name, tally) in &mut peers {
        tally.row(name);
    }
    let (mut all, mut kinds) = gleaner(&feeds, 30.0 * MINUTE);
    all.row("Gleaner, as it is shipped");
    for (kind, tally) in &mut kinds {
        tally.row(&format!("… {kind:?}, {} feeds", tally.feeds));
    }
    println!(
        "\n| at the 95th percentile of | `interval`, min | 95th percentile, min | mean, min | missed | requests | share of its requests |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (name, peer) in &mut peers {
        let interval = equal_at(&feeds, peer.percentile(0.95));
        let (mut tally, _) = gleaner(&feeds, interval);
        let share = tally.requests as f64 / peer.requests as f64 * 100.0;
        let (mean, p95) = (tally.mean() / MINUTE, tally.percentile(0.95) / MINUTE);
        println!("| {name} | {:.1} | {p95:.1} | {mean:.1} | {} | {} | {share:.0} % |", interval / MINUTE, tally.missed, tally.requests);
    }
    println!("\n{:.1} s", started.elapsed().as_secs_f64());
}
