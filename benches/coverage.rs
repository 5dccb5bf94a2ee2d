//! A simulation of a month of polling feeds that go wrong in every way that was thought of: does coverage find every loss, and
//! how often does it suspect one where there was none? `cargo bench --bench coverage`; docs/coverage.md explains it.
//! Numbers make another population: `cargo bench --bench coverage -- FEEDS SEED`.
//!
//! Feeds, articles and mishaps are made up from a seed, so the table is the same on every machine. What is polled when is
//! decided by the program's own schedule, and what a document proves by the program's own rules. Some of the feeds are
//! polled into an archive, where entries have to be known again first: by guid, link or text, or after a move of the whole site.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "the table is the purpose, and without it there is nothing to go on for")]

#[path = "random/mod.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use gleaner::article::Draft;
use gleaner::config::{self, FullText, IdentityRule};
use gleaner::copies::CopySettings;
use gleaner::coverage::{self, Finding, FindingKind, Mark, Present, Standing, Verdict, Watch};
use gleaner::fetch::Freshness;
use gleaner::identity::EntryKeys;
use gleaner::normalise;
use gleaner::parse::{Entry, Markup, Stamp};
use gleaner::schedule::{self, End, Memory, NextPoll, Observation, Polled};
use gleaner::store::{Archive, Dropped, Poll, PolledDocument, PolledEntry, PolledFeed, Prepared};

use random::Random;

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
/// A Monday.
const BEGIN: i64 = 1_789_344_000;
const MONTH: f64 = 30.0 * DAY;
/// What was published before the first poll fills the first document.
const PAST: f64 = 200.0 * DAY;

impl Random {
    /// Above 0, at most 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() <= share
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -self.unit().ln() * mean
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// In which order a feed's documents stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    LatestFirst,
    LatestLast,
    /// Latest first, and a few places off.
    Loose,
    /// Another one in each document.
    Shuffled,
    /// Edited entries come back to the top, with another date.
    ByEdit,
}

/// What a feed says of its entries' dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dates {
    True,
    /// Midnight.
    Days,
    None,
}

/// What may go wrong beside losses: the table has a row for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mishap {
    Outages,
    Bursts,
    Pinned,
    Withdrawn,
    /// Empty documents, documents that break off, and old ones from a cache.
    BadDocuments,
    /// The window becomes another size.
    Resized,
}

struct Article {
    published: f64,
    /// By what the window is ordered.
    date: f64,
    was_seen: bool,
    withdrawn: bool,
}

/// By what an archive can know an entry again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Identity {
    Guid,
    Link,
    /// There is nothing else.
    Text,
    /// Guid and link, all of which change with the site's move at this time; the texts stay.
    Moved(f64),
}

struct Feed {
    name: String,
    identity: Identity,
    order: Order,
    dates: Dates,
    window: usize,
    mishaps: BTreeSet<Mishap>,
    /// All, in the order of publication.
    articles: Vec<Article>,
    /// Times at which it cannot be polled: from and until.
    outages: Vec<(f64, f64)>,
    /// Which is pinned, from when until when, and on top?
    pinned: Vec<(usize, f64, f64, bool)>,
    resized: Option<(f64, usize)>,
}

fn feed(number: usize, random: &mut Random) -> Feed {
    let order = match random.below(10) {
        0..=4 => Order::LatestFirst,
        5 => Order::LatestLast,
        6 => Order::Loose,
        7 => Order::Shuffled,
        _ => Order::ByEdit,
    };
    let dates = match random.below(10) {
        0..=7 => Dates::True,
        8 => Dates::Days,
        _ => Dates::None,
    };
    let window = [10, 15, 20, 20, 20, 30, 50, 100][random.below(8)];
    let all = [Mishap::Outages, Mishap::Bursts, Mishap::Pinned, Mishap::Withdrawn, Mishap::BadDocuments, Mishap::Resized];
    let mishaps: BTreeSet<Mishap> = all.into_iter().filter(|_| random.chance(0.5)).collect();
    let gap = DAY / (3.0 * (1.3 * random.normal()).exp()).min(150.0);
    let mut times = Vec::new();
    let mut at = -PAST.min(gap * window as f64 * 2.0);
    while at < MONTH {
        times.push(at);
        at += random.exponential(gap);
    }
    if mishaps.contains(&Mishap::Bursts) {
        for _ in 0..3 {
            let at = random.unit() * MONTH;
            let size = window as f64 * (0.3 + 1.5 * random.unit());
            let span = HOUR * (0.2 + 2.0 * random.unit());
            times.extend((0..size as usize).map(|_| at + random.unit() * span));
        }
    }
    times.sort_by(f64::total_cmp);
    let articles = times.iter().map(|at| Article { published: *at, date: *at, was_seen: false, withdrawn: false }).collect();
    let mut outages = Vec::new();
    if mishaps.contains(&Mishap::Outages) {
        for _ in 0..4 {
            let from = random.unit() * MONTH;
            // From hours to days, and sometimes about as long as the window lasts.
            let length = if random.chance(0.5) { random.exponential(DAY) } else { gap * window as f64 * (0.5 + 1.5 * random.unit()) };
            outages.push((from, from + length.min(6.0 * DAY)));
        }
    }
    let mut pinned = Vec::new();
    if mishaps.contains(&Mishap::Pinned) {
        for _ in 0..1 + random.below(4) {
            let from = random.unit() * MONTH - 5.0 * DAY;
            let newest = times.partition_point(|at| *at <= from);
            let which = newest.saturating_sub(1 + random.below(window / 2));
            pinned.push((which, from, from + DAY * (2.0 + 20.0 * random.unit()), random.chance(0.7)));
        }
    }
    let resized = mishaps.contains(&Mishap::Resized).then(|| (random.unit() * MONTH, window.div_ceil(2) * (1 + 2 * random.below(2))));
    let identity = match random.below(4) {
        0 => Identity::Guid,
        1 => Identity::Link,
        2 => Identity::Text,
        _ => Identity::Moved(random.unit() * MONTH),
    };
    Feed { name: format!("feed-{number}"), identity, order, dates, window, mishaps, articles, outages, pinned, resized }
}

impl Feed {
    /// The articles that the window shows, in the document's order.
    fn document(&mut self, at: f64, random: &mut Random) -> Vec<usize> {
        let published = self.articles.partition_point(|article| article.published <= at);
        if self.mishaps.contains(&Mishap::Withdrawn) && random.chance(0.02) {
            // One that somebody has seen: of the others nobody can know.
            let which = published.saturating_sub(1 + random.below(self.window / 2));
            if let Some(article) = self.articles.get_mut(which).filter(|article| article.was_seen) {
                article.withdrawn = true;
            }
        }
        if self.order == Order::ByEdit && random.chance(0.05) {
            let which = published.saturating_sub(1 + random.below(self.window));
            if let Some(article) = self.articles.get_mut(which).filter(|article| article.was_seen) {
                article.date = at;
            }
        }
        let window = self.resized.filter(|(from, _)| *from <= at).map_or(self.window, |(_, size)| size);
        let held: Vec<(usize, bool)> = self
            .pinned
            .iter()
            .filter(|(which, from, until, _)| *from <= at && at < *until && !self.articles[*which].withdrawn)
            .map(|(which, _, _, on_top)| (*which, *on_top))
            .collect();
        let mut rest: Vec<usize> =
            (0..published).filter(|which| !self.articles[*which].withdrawn && held.iter().all(|(held, _)| held != which)).collect();
        rest.sort_by(|a, b| self.articles[*b].date.total_cmp(&self.articles[*a].date));
        rest.truncate(window.saturating_sub(held.len()));
        match self.order {
            Order::LatestFirst | Order::ByEdit => {}
            Order::LatestLast => rest.reverse(),
            Order::Loose => {
                for at in 1..rest.len() {
                    if random.chance(0.05) {
                        rest.swap(at, at - 1);
                    }
                }
            }
            Order::Shuffled => random.shuffle(&mut rest),
        }
        let mut document: Vec<usize> = Vec::with_capacity(window);
        for (held, on_top) in held {
            if document.contains(&held) || rest.contains(&held) {
                continue;
            }
            if on_top { document.push(held) } else { rest.push(held) }
        }
        document.extend(rest);
        document
    }

    fn standing(&self, which: usize, is_new: bool) -> Standing {
        let date = BEGIN + self.articles[which].date as i64;
        let date = match self.dates {
            Dates::True => Some(date),
            Dates::Days => Some(date - date.rem_euclid(86_400)),
            Dates::None => None,
        };
        Standing { entry: Mark::article(which as i64 + 1), was_dropped: None, is_new, date }
    }
}

impl Feed {
    /// An entry as a parser would give it.
    fn entry(&self, which: usize, at: f64) -> Entry {
        let has_moved = matches!(self.identity, Identity::Moved(from) if from <= at);
        let host = if has_moved { "news.example" } else { "paper.example" };
        let (has_guid, has_link) = (matches!(self.identity, Identity::Guid | Identity::Moved(_)), self.identity != Identity::Text);
        let words: Vec<String> = (0..60).map(|word| format!("w{}", (which * 61 + word * 7) % 9973)).collect();
        let stamp = |date: i64| Stamp { text: date.to_string(), at: DateTime::from_timestamp(date, 0) };
        Entry {
            guid: has_guid.then(|| format!("{host}/{which}")),
            link: has_link.then(|| format!("https://{host}/{}/{which}", self.name)),
            title: Some(Markup::Text(format!("Story {which}"))),
            content: Some(Markup::Text(words.join(" "))),
            published: self.standing(which, false).date.map(stamp),
            ..Entry::default()
        }
    }
}

/// An archive into which feeds are polled side by side.
struct Polling {
    archive: Archive,
    runtime: tokio::runtime::Runtime,
}

impl Polling {
    fn begin(folder: &Path) -> Self {
        let archive = Archive::open(&folder.join("simulated.db")).expect("a temporary folder takes an archive");
        let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
        Self { archive, runtime }
    }

    /// Commits a poll: of this document, of none that is new, or one that failed.
    fn commit(&self, feed: &Feed, at: f64, document: Option<(&[usize], bool)>, end: End, next: NextPoll) {
        let packer = self.archive.packer();
        let document = document.map(|(document, is_cut_off)| {
            let entries: Vec<Entry> = document.iter().map(|which| feed.entry(*which, at)).collect();
            PolledDocument {
                hash: 0,
                title: None,
                mended: Vec::new(),
                site_url: Some("https://paper.example/".to_owned()),
                head: Default::default(),
                rule: IdentityRule::Auto,
                full_text: FullText::Never,
                copies: CopySettings { near_copies: false, similar: 0 },
                keys: entries.iter().map(EntryKeys::of).collect(),
                entries: entries
                    .into_iter()
                    .map(|entry| PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() })
                    .collect(),
                dropped_at: Vec::new(),
                is_cut_off,
                dropped: Dropped::default(),
                prepare: Box::new(move |entry| {
                    let words = |markup: &Option<Markup>| match markup {
                        Some(Markup::Text(text) | Markup::Html(text)) => text.clone(),
                        None => String::new(),
                    };
                    Prepared::of(
                        Draft { title: words(&entry.title), text: words(&entry.content), ..Draft::default() },
                        None,
                        CopySettings { near_copies: false, similar: 0 },
                        &packer,
                    )
                }),
            }
        });
        let has_failed = matches!(end, End::Failed { .. });
        let poll = Poll {
            feed: PolledFeed { name: feed.name.clone(), url: "https://paper.example/feed".to_owned(), title: None },
            at: time(at),
            http_status: Some(if has_failed { 500 } else { 200 }),
            error: has_failed.then(|| "HTTP status 500".to_owned()),
            asked: true,
            gone: false,
            is_verified: !has_failed,
            has_lied: false,
            validators: None,
            redirected_to: None,
            own_url_asked: true,
            elapsed: Duration::ZERO,
            next,
            memory: None,
            document,
        };
        self.runtime.block_on(self.archive.commit(poll)).expect("the archive takes every poll");
    }

    /// What the archive has found of a feed.
    fn findings(&self, feed: &Feed) -> (Present, Vec<Finding>) {
        let records = self.archive.reader().and_then(|reader| reader.coverage()).expect("the archive can be read");
        let record = records.into_iter().find(|record| record.feed == feed.name).unwrap_or_default();
        (record.present, record.findings)
    }
}

fn time(at: f64) -> DateTime<Utc> {
    DateTime::from_timestamp(BEGIN + at as i64, 0).unwrap_or_default()
}

fn seconds(at: DateTime<Utc>) -> f64 {
    (at.timestamp() - BEGIN) as f64
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    feeds: usize,
    polls: usize,
    /// Documents in which an entry was new.
    documents: usize,
    /// Articles that came and went unseen …
    lost: usize,
    /// … and those of them that were published outside of any possible gap.
    outside: usize,
    /// Losses: articles that were lost one after the other …
    losses: usize,
    /// … and those of which no possible gap holds any.
    missed: usize,
    /// Possible gaps in which nothing was lost.
    false_alarms: usize,
    /// Times that went unwatched.
    unwatched: usize,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.feeds += other.feeds;
        self.polls += other.polls;
        self.documents += other.documents;
        self.lost += other.lost;
        self.outside += other.outside;
        self.losses += other.losses;
        self.missed += other.missed;
        self.false_alarms += other.false_alarms;
        self.unwatched += other.unwatched;
    }

    fn row(&self, name: &str) {
        let Self { feeds, polls, documents, lost, outside, losses, missed, false_alarms, .. } = self;
        let inside = lost - outside;
        let found = losses - missed;
        let share = if *losses == 0 { 100.0 } else { 100.0 * found as f64 / *losses as f64 };
        let whole = documents - losses.min(documents);
        let alarms = 100.0 * *false_alarms as f64 / whole.max(1) as f64;
        println!(
            "| {name} | {feeds} | {polls} | {documents} | {lost} | {inside} | {losses} | {found} ({share:.1} %) | {false_alarms} ({alarms:.2} %) |"
        );
    }
}

/// What a poll brought, as long as an old one may come out of a cache.
type Document = Vec<usize>;

/// By the rules alone, or through an archive.
fn simulate(feed: &mut Feed, settings: &config::Schedule, random: &mut Random, polling: Option<&Polling>) -> Tally {
    let mut tally = Tally { feeds: 1, ..Tally::default() };
    let mut memory = Memory::default();
    let mut watch = Watch::default();
    let mut present = Present::default();
    let mut findings: Vec<Finding> = Vec::new();
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    let mut cached: VecDeque<Document> = VecDeque::new();
    let mut last: Document = Vec::new();
    let (mut failures, mut first_poll) = (0, None);
    let mut at = random.unit() * 1800.0;
    while at < MONTH {
        let now = time(at);
        tally.polls += 1;
        let mut committed = None;
        let is_out = feed.outages.iter().any(|(from, until)| *from <= at && at < *until);
        let end = if is_out {
            failures += 1;
            present.failing_since = present.failing_since.or(Some(now));
            End::Failed { failures, since: present.failing_since }
        } else {
            first_poll = first_poll.or(Some(at));
            let mut document = feed.document(at, random);
            let mut is_cut_off = false;
            cached.push_front(document.clone());
            cached.truncate(8);
            if feed.mishaps.contains(&Mishap::BadDocuments) && present.since.is_some() {
                match random.below(150) {
                    0 => document.clear(),
                    1 => {
                        document.truncate(random.below(document.len()));
                        is_cut_off = true;
                    }
                    2 => document = cached.get(random.below(cached.len())).cloned().unwrap_or_default(),
                    _ => {}
                }
            }
            let observation_dates: Vec<DateTime<Utc>> = document
                .iter()
                .filter_map(|which| feed.standing(*which, false).date)
                .filter_map(|date| DateTime::from_timestamp(date, 0))
                .collect();
            let verdict = if document == last {
                memory.rhythm = schedule::learn(&memory.rhythm, &Observation::unchanged(now));
                (present.since.is_some() && present.doubt.is_none()).then_some(Verdict::Proven)
            } else {
                let standings: Vec<Standing> = document.iter().map(|which| feed.standing(*which, !shown.contains(which))).collect();
                let kept = document.iter().filter(|which| shown.contains(which)).count();
                let new = document.len() - kept;
                tally.documents += usize::from(new > 0);
                committed = Some((document.clone(), is_cut_off));
                let pinned = watch.pinned();
                let observation = Observation { at: now, dates: &observation_dates, entries: document.len(), new, kept, pinned };
                memory.rhythm = schedule::learn(&memory.rhythm, &observation);
                let (next, verdict) = coverage::judge(&watch, &standings, is_cut_off);
                watch = next;
                Some(verdict)
            };
            match verdict {
                None => {}
                Some(Verdict::Unproven(doubt)) => present.doubt = Some(doubt.into()),
                Some(verdict) => {
                    findings.extend(coverage::finding(&present, verdict, now));
                    present.since = present.since.or(Some(now));
                    (present.until, present.doubt) = (Some(now), None);
                }
            }
            present.failing_since = None;
            failures = 0;
            for which in &document {
                shown.insert(*which);
                feed.articles[*which].was_seen = true;
            }
            last = document;
            End::Answered
        };
        let polled = Polled { feed: &feed.name, now, interval: None, end, freshness: &Freshness::default(), memory: &memory };
        let next = schedule::next_poll(settings, &polled);
        if end == End::Answered {
            present.due_at = Some(next.at);
        }
        if let Some(polling) = polling {
            polling.commit(feed, at, committed.as_ref().map(|(document, is_cut_off)| (document.as_slice(), *is_cut_off)), end, next);
        }
        at = seconds(next.at).max(at + 1.0);
    }
    if let Some(polling) = polling {
        (present, findings) = polling.findings(feed);
    }
    account(feed, first_poll.unwrap_or(MONTH), &present, &findings, &mut tally);
    tally
}

/// What was lost, and what was found of it.
fn account(feed: &Feed, first_poll: f64, present: &Present, findings: &[Finding], tally: &mut Tally) {
    // What stands in the window at the last poll was seen there; what was withdrawn was seen before.
    let watched = first_poll..present.until.map_or(first_poll, seconds);
    let gaps: Vec<&Finding> = findings.iter().filter(|finding| finding.kind == FindingKind::PossibleGap).collect();
    let gap_of = |at: f64| gaps.iter().position(|gap| seconds(gap.from) <= at && at <= seconds(gap.until) + 1.0);
    let mut true_gaps = BTreeSet::new();
    // Articles that were lost one after the other are one loss.
    let mut loss: Option<bool> = None;
    for article in feed.articles.iter().filter(|article| watched.contains(&article.published)) {
        if article.was_seen {
            tally.missed += usize::from(loss.take() == Some(false));
            continue;
        }
        let gap = gap_of(article.published);
        true_gaps.extend(gap);
        tally.lost += 1;
        tally.outside += usize::from(gap.is_none());
        tally.losses += usize::from(loss.is_none());
        loss = Some(loss == Some(true) || gap.is_some());
    }
    tally.missed += usize::from(loss == Some(false));
    tally.false_alarms += gaps.len() - true_gaps.len();
    tally.unwatched += findings.len() - gaps.len();
}

fn main() {
    let started = Instant::now();
    // Cargo adds `--bench`; numbers are the population's.
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (feeds, seed) = (numbers.first().copied().unwrap_or(400) as usize, numbers.get(1).copied().unwrap_or(2026));
    let settings = config::Schedule {
        interval: Duration::from_secs(1800),
        min_interval: Duration::from_secs(300),
        max_interval: Duration::from_secs(86_400),
        adaptive: true,
        retire_after: Duration::from_secs(30 * 86_400),
    };
    let mut random = Random(seed);
    let mut all = Tally::default();
    let mut by_mishap: BTreeMap<Option<Mishap>, Tally> = BTreeMap::new();
    let mut by_order: BTreeMap<Order, Tally> = BTreeMap::new();
    let mut dateless = Tally::default();
    for number in 0..feeds {
        let mut feed = feed(number, &mut random);
        let tally = simulate(&mut feed, &settings, &mut random, None);
        all.add(&tally);
        by_order.entry(feed.order).or_default().add(&tally);
        if feed.mishaps.is_empty() {
            by_mishap.entry(None).or_default().add(&tally);
        }
        for mishap in &feed.mishaps {
            by_mishap.entry(Some(*mishap)).or_default().add(&tally);
        }
        if feed.dates != Dates::True {
            dateless.add(&tally);
        }
    }
    println!("{feeds} feeds, 30 days, seed {seed}; each mishap in half of the feeds\n");
    println!(
        "| feeds | | polls | documents with news | articles lost | within a possible gap | losses | found | false alarms, of these documents without loss |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    all.row("all");
    for (mishap, tally) in &by_mishap {
        match mishap {
            Some(mishap) => tally.row(&format!("with {mishap:?}")),
            None => tally.row("without mishap"),
        }
    }
    for (order, tally) in &by_order {
        tally.row(&format!("{order:?}"));
    }
    dateless.row("dates of days, or none");
    through_an_archive(feeds / 25, seed, &settings).row(&format!("{} feeds more, through an archive", feeds / 25));
    println!("\n{} times went unwatched and are proven all the same; {:.1} s", all.unwatched, started.elapsed().as_secs_f64());
}

/// Each feed by a thread of its own, so that their commits are grouped.
fn through_an_archive(feeds: usize, seed: u64, settings: &config::Schedule) -> Tally {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let polling = Arc::new(Polling::begin(folder.path()));
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let simulated: Vec<_> = (0..feeds)
            .map(|number| {
                let polling = Arc::clone(&polling);
                scope.spawn(move || {
                    let mut random = Random(seed ^ (number as u64 + 1) << 32);
                    let mut feed = feed(number, &mut random);
                    simulate(&mut feed, settings, &mut random, Some(&polling))
                })
            })
            .collect();
        for tally in simulated {
            all.add(&tally.join().expect("a simulation that breaks off has said why"));
        }
    });
    all
}
