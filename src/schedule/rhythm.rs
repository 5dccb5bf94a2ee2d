//! A feed's rhythm: how often it publishes, at which hours and on which days, whether its articles come in bursts,
//! and how fast its window turns over.
//!
//! What is kept is small and of a fixed size: counters that halve every two weeks, so that a feed which changes its
//! habits is known anew within a month. [`learn`] is pure; a rhythm is what a feed's polls have made of an empty one.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Deserialize, Serialize};

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

/// Counters halve in so many seconds.
const HALF_LIFE: f64 = 14.0 * DAY;

/// A turnover that was seen is believed to take twice as long after so many seconds in which it was not seen again.
const TURNOVER_HALF_LIFE: f64 = 7.0 * DAY;

/// Articles closer together than this belong to one burst, seconds.
pub(super) const BURST: f64 = HOUR / 3.0;

/// Of fewer articles it cannot be said whether they come in bursts.
const FEW_FOLLOWERS: f64 = 8.0;

/// What is believed before anything was seen: so many articles …
const PRIOR_ARTICLES: f64 = 0.25;
/// … in so many seconds.
const PRIOR_TIME: f64 = 0.5 * DAY;

/// A first document tells of at least so many seconds: its dates may be those of its making.
const SHORTEST_PAST: f64 = 0.25 * DAY;

/// Below so many seconds of watching, nothing is known.
const SHORTEST_WATCH: f64 = 0.25 * DAY;

/// How long a feed is watched before it may be polled more seldom than the default, seconds.
const PROBATION: i64 = 6 * 3600;

/// So long after the first poll a feed may still surprise, seconds …
const YOUTH: f64 = 3.0 * DAY;
/// … by an hour so many times as busy as what its document told of.
const UNSEEN_PEAK: f64 = 4.0;

/// A document of fewer entries has no window that could turn over.
const SMALLEST_WINDOW: usize = 4;

/// No window is believed to turn over in less, seconds.
const FASTEST_TURNOVER: f64 = 120.0;

/// A step of time beyond this was made by a clock that was wrong, or by a daemon that slept: it is forgotten about in
/// part, not in full.
const LONGEST_STEP: f64 = 28.0 * DAY;

/// What one poll that was answered has shown.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// The dates of the document's entries, in any order; empty where the document had not changed.
    pub dates: &'a [DateTime<Utc>],
    /// Entries in the document; 0 where it had not changed.
    pub entries: usize,
    /// Entries that the feed had not shown before.
    pub new: usize,
    /// Entries that had stood in the document before, too.
    pub kept: usize,
    /// … of these, those that stay whatever leaves.
    pub pinned: usize,
}

impl Observation<'_> {
    /// A poll that found the document as it was.
    pub fn unchanged(at: DateTime<Utc>) -> Self {
        Self { at, dates: &[], entries: 0, new: 0, kept: 0, pinned: 0 }
    }
}

/// What is known of when a feed publishes. Empty for a feed that was never polled.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rhythm {
    /// The last poll that was learned from, seconds since 1970.
    seen_until: Option<i64>,
    /// The first, seconds since 1970.
    begun: Option<i64>,
    /// The latest date of an entry, seconds since 1970.
    newest: Option<i64>,
    /// Time watched, seconds.
    watched: f64,
    /// Articles by hour of day, UTC.
    hours: [f64; 24],
    /// Articles by day of week, Monday first.
    days: [f64; 7],
    /// Articles that had one before them …
    followers: f64,
    /// … and those of them that followed within `BURST`.
    close_followers: f64,
    /// The shortest time in which a window's worth of entries came, seconds.
    turnover: Option<f64>,
    /// Entries in the last document.
    window: usize,
}

/// What a feed's rhythm becomes by one poll that was answered.
pub fn learn(rhythm: &Rhythm, seen: &Observation<'_>) -> Rhythm {
    let mut next = rhythm.clone();
    let at = seen.at.timestamp();
    // A clock that jumped back has let no time pass.
    let passed = rhythm.seen_until.map_or(0.0, |before| seconds(at - before).clamp(0.0, LONGEST_STEP));
    next.pass(passed);
    let mut dates: Vec<i64> = seen.dates.iter().map(|date| date.timestamp()).filter(|date| *date <= at).collect();
    dates.sort_unstable();
    match rhythm.seen_until {
        None => next.begin(at, &dates),
        Some(before) => next.go_on(before, at, &dates, seen),
    }
    next.see_turnover(&dates, seen, passed, rhythm.seen_until.is_some());
    next.newest = next.newest.max(dates.last().copied()).filter(|newest| *newest <= at);
    next.seen_until = Some(at);
    next.begun = next.begun.or(Some(at));
    next
}

fn seconds(difference: i64) -> f64 {
    // Differences of plausible dates are far below 2^53.
    difference as f64
}

fn remains(age: f64, half_life: f64) -> f64 {
    (-age.max(0.0) / half_life).exp2()
}

impl Rhythm {
    fn pass(&mut self, passed: f64) {
        let remains = remains(passed, HALF_LIFE);
        let counters = self.hours.iter_mut().chain(&mut self.days);
        for counter in counters.chain([&mut self.followers, &mut self.close_followers, &mut self.watched]) {
            *counter *= remains;
        }
        self.watched += passed * (1.0 + remains) / 2.0;
        self.turnover = self.turnover.map(|turnover| turnover / self::remains(passed, TURNOVER_HALF_LIFE));
    }

    /// The first document tells of the time since its oldest entry.
    fn begin(&mut self, at: i64, dates: &[i64]) {
        let Some(oldest) = dates.first() else { return };
        let past = seconds(at - oldest);
        self.watched = ((1.0 - remains(past, HALF_LIFE)) * HALF_LIFE / std::f64::consts::LN_2).max(SHORTEST_PAST);
        let mut last = *oldest;
        for date in dates {
            // Entries of one second are one event: to be late for one is to be late for all.
            if *date > last {
                self.count(at, *date, Some(last));
                last = *date;
            }
        }
    }

    /// A later document tells of the time since the last poll.
    fn go_on(&mut self, before: i64, at: i64, dates: &[i64], seen: &Observation<'_>) {
        let known = self.newest;
        let mut last = known;
        let mut dated = 0;
        for date in dates.iter().filter(|date| known.is_none_or(|newest| **date > newest)) {
            dated += 1;
            if last.is_none_or(|last| *date > last) {
                self.count(at, *date, last);
                last = Some(*date);
            }
        }
        // What has no date, or one that lies too far back to say when it came, came at some time since the last poll.
        let undated = seen.new.saturating_sub(dated);
        for n in 0..undated {
            let share = (n as f64 + 0.5) / undated as f64;
            let date = before + (seconds(at - before) * share) as i64;
            self.count(at, date, None);
        }
    }

    fn count(&mut self, at: i64, date: i64, last: Option<i64>) {
        let Some(when) = DateTime::from_timestamp(date, 0) else { return };
        let weight = remains(seconds(at - date), HALF_LIFE);
        if let Some(hour) = self.hours.get_mut(when.hour() as usize) {
            *hour += weight;
        }
        if let Some(day) = self.days.get_mut(when.weekday().num_days_from_monday() as usize) {
            *day += weight;
        }
        if let Some(last) = last {
            self.followers += weight;
            if seconds(date - last) < BURST {
                self.close_followers += weight;
            }
        }
    }

    fn see_turnover(&mut self, dates: &[i64], seen: &Observation<'_>, passed: f64, is_later: bool) {
        let window = seen.entries;
        if window > 0 {
            self.window = window;
        }
        if window < SMALLEST_WINDOW {
            return;
        }
        let mut fastest = f64::INFINITY;
        if let (Some(oldest), Some(newest)) = (dates.first(), dates.last()) {
            let all = seconds(newest - oldest);
            // Pinned entries stand among the oldest and say nothing: the newest three quarters tell of the whole.
            let quarter = dates.len() / 4;
            let most = dates.get(quarter).map_or(all, |from| seconds(newest - from));
            let per_entry = (all / (dates.len() as f64 - 1.0)).min(most / (dates.len() as f64 - 1.0 - quarter as f64));
            // Dates of one minute are those of the document's making.
            if dates.len() >= SMALLEST_WINDOW && all >= 60.0 {
                fastest = per_entry * window as f64;
            }
        }
        // Pinned entries take part in no turnover.
        let pinned = seen.pinned.min(seen.kept);
        let (turning, kept) = (window - pinned.min(window), seen.kept - pinned);
        if is_later && passed > 0.0 && seen.new > 0 && seen.new * 4 >= turning * 3 {
            // Where nothing is left of what stood there, more may have come and gone.
            let gap = if kept * 10 <= turning { 2.0 } else { 1.0 };
            fastest = fastest.min(passed * turning as f64 / seen.new as f64 / gap);
        }
        if fastest.is_finite() {
            let fastest = fastest.max(FASTEST_TURNOVER);
            self.turnover = Some(self.turnover.map_or(fastest, |known| known.min(fastest)));
        }
    }

    /// So many articles, or bursts of them, were to be expected from `since` until `now`, by the rhythm that the feed had before
    /// it fell silent at `since`.
    pub fn expected_in_silence(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
        let silence = seconds((now - since).num_seconds()).clamp(0.0, LONGEST_STEP);
        // What the silence has taught is taken out again: counters have halved, and the time watched has grown.
        let remains = remains(silence, HALF_LIFE);
        let gained = HALF_LIFE / std::f64::consts::LN_2 * (1.0 - remains);
        let articles = self.hours.iter().sum::<f64>() / remains;
        let watched = ((self.watched - gained) / remains).max(SHORTEST_PAST);
        let rate = articles / (watched + PRIOR_TIME);
        // By the hour, since nights and weekends explain some of it.
        let profile = self.profile();
        let mut expected = 0.0;
        let mut passed = 0.0;
        while passed < silence {
            let step = (silence - passed).min(HOUR);
            expected += rate * step * profile.at(since + chrono::TimeDelta::seconds(passed as i64));
            passed += step;
        }
        expected * (1.0 - self.burstiness())
    }

    /// Is enough known to go by?
    pub fn is_known(&self) -> bool {
        self.watched >= SHORTEST_WATCH
    }

    /// The shortest time in which the whole window is known to turn over, seconds.
    pub fn turnover(&self) -> Option<f64> {
        self.turnover
    }

    /// Articles an hour, on the average.
    pub fn mean_rate(&self) -> f64 {
        let articles: f64 = self.hours.iter().sum();
        (articles + PRIOR_ARTICLES) / (self.watched + PRIOR_TIME) * HOUR
    }

    /// Was the feed first polled so short a time ago that what its entries' dates tell is not to be relied on alone?
    pub fn is_on_probation(&self, now: DateTime<Utc>) -> bool {
        self.begun.is_some_and(|begun| now.timestamp().saturating_sub(begun) < PROBATION)
    }

    /// The latest date of an entry, seconds since 1970.
    pub fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// The chance that an article is followed by another within `BURST`.
    pub fn burst_chance(&self) -> f64 {
        // As if two had been seen that nothing followed.
        self.close_followers / (self.followers + 2.0)
    }

    /// How the rate depends on the time: a factor for each hour of the day and each day of the week, 1 on the average.
    pub fn profile(&self) -> Profile {
        // Articles of one burst are one piece of evidence.
        let burst_size = 1.0 / (1.0 - self.burstiness());
        Profile { hours: factors(self.hours, burst_size), days: factors(self.days, burst_size) }
    }

    /// The chance that an article is followed by another of the same burst: 0 where articles come independently.
    fn burstiness(&self) -> f64 {
        if self.followers < FEW_FOLLOWERS {
            return 0.0;
        }
        // Where a share `x` of the articles ends a burst, bursts begin at `x` × `rate`, and an article is the last for the
        // time of a burst with a chance of `x` × exp(-`x` × `rate`). That grows up to `x` = 1 ÷ `rate`; beyond, a busy feed without
        // bursts looks the same as one with few.
        let last = 1.0 - self.close_followers / self.followers;
        let rate = self.mean_rate() * BURST / HOUR;
        if rate > 1.0 && last < 1.3 * (-rate).exp() {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, 1.0_f64.min(1.0 / rate));
        for _ in 0..20 {
            let x = (low + high) / 2.0;
            if x * (-x * rate).exp() < last { low = x } else { high = x }
        }
        1.0 - high.clamp(0.1, 1.0)
    }

    /// Was the first poll so short a time ago that the feed may have hours in which nobody has watched it yet?
    fn is_young(&self) -> bool {
        self.begun.zip(self.seen_until).is_none_or(|(begun, seen)| seconds(seen - begun) < YOUTH)
    }

    /// So many articles may be expected to come before the next poll: then it is next to impossible that more come than
    /// the window holds. `None` where the window is not known.
    pub fn safe_articles(&self) -> Option<f64> {
        if self.window < SMALLEST_WINDOW {
            return None;
        }
        // Bursts of geometric size: the variance of a count is so many times its mean.
        let burstiness = self.burstiness();
        let spread = (1.0 + burstiness) / (1.0 - burstiness);
        // The mean whose excess by four standard deviations still fits.
        let half = 2.0 * spread.sqrt();
        let root = (half * half + self.window as f64).sqrt() - half;
        // What comes at the feed's busiest hour is not known before some days have passed.
        Some(root * root / if self.is_young() { UNSEEN_PEAK } else { 1.0 })
    }

    /// With no more digits than tell something.
    pub fn rounded(&self) -> Self {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        Self {
            watched: self.watched.round(),
            hours: self.hours.map(round),
            days: self.days.map(round),
            followers: round(self.followers),
            close_followers: round(self.close_followers),
            turnover: self.turnover.map(f64::round),
            ..self.clone()
        }
    }
}

/// How the rate depends on the time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    hours: [f64; 24],
    days: [f64; 7],
}

impl Profile {
    /// The factor at a time.
    pub fn at(&self, when: DateTime<Utc>) -> f64 {
        let hour = self.hours.get(when.hour() as usize).copied().unwrap_or(1.0);
        let day = self.days.get(when.weekday().num_days_from_monday() as usize).copied().unwrap_or(1.0);
        hour * day
    }
}

/// Each bin's share against an even one, believed as far as the bins differ by more than chance makes them differ.
fn factors<const BINS: usize>(counts: [f64; BINS], burst_size: f64) -> [f64; BINS] {
    let total: f64 = counts.iter().sum();
    let even = total / BINS as f64;
    if even <= 0.0 {
        return [1.0; BINS];
    }
    // Pearson's statistic, whose mean by chance is the number of degrees of freedom; what is beyond that and its usual
    // scatter is the part that is real (an empirical Bayes estimate).
    let freedom = BINS as f64 - 1.0;
    let scatter = counts.iter().map(|count| (count - even).powi(2) / even).sum::<f64>() / burst_size;
    let real = (1.0 - (freedom + (2.0 * freedom).sqrt()) / scatter.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
    counts.map(|count| 1.0 - real + real * count / even)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MINUTE, time};
    use super::*;

    fn seen<'a>(at: DateTime<Utc>, dates: &'a [DateTime<Utc>], new: usize, kept: usize) -> Observation<'a> {
        Observation { at, dates, entries: new + kept, new, kept, pinned: 0 }
    }

    /// `count` dates, so many minutes apart, the last at `newest`.
    fn every(minutes: u32, count: u32, newest: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        (0..count).map(|n| newest - n * minutes * MINUTE).collect()
    }

    #[test]
    fn a_first_document_tells_how_often_its_feed_publishes() {
        let now = time("2026-09-21 12:00");
        for (minutes, articles_a_day) in [(60, 24.0), (360, 4.0), (1440, 1.0)] {
            let dates = every(minutes, 20, now);
            let rhythm = learn(&Rhythm::default(), &seen(now, &dates, 20, 0));
            assert!(rhythm.is_known());
            let rate = rhythm.mean_rate() * 24.0;
            assert!((0.5..1.2).contains(&(rate / articles_a_day)), "{minutes} min: {rate} a day");
        }
        // Silent since long ago.
        let dates = every(60, 20, now - 400 * 1440 * MINUTE);
        let rate = learn(&Rhythm::default(), &seen(now, &dates, 20, 0)).mean_rate() * 24.0;
        assert!(rate < 0.05, "{rate}");
    }

    #[test]
    fn dates_that_say_nothing_are_not_believed() {
        let now = time("2026-09-21 12:00");
        // All made with the document; all in the future; none.
        for dates in [vec![now; 20], every(60, 20, now + 365 * 1440 * MINUTE), Vec::new()] {
            let rhythm = learn(&Rhythm::default(), &seen(now, &dates, 20, 0));
            assert!(rhythm.mean_rate() < 1.0, "{}", rhythm.mean_rate());
            assert_eq!(rhythm.turnover(), None);
        }
    }

    #[test]
    fn a_feed_without_dates_is_learned_from_what_polls_find() {
        let mut at = time("2026-09-21 00:00");
        let mut rhythm = learn(&Rhythm::default(), &seen(at, &[], 20, 0));
        assert!(!rhythm.is_known());
        for _ in 0..96 {
            at += 30 * MINUTE;
            rhythm = learn(&rhythm, &seen(at, &[], 1, 19));
        }
        assert!((36.0..50.0).contains(&(rhythm.mean_rate() * 24.0)), "{}", rhythm.mean_rate() * 24.0);
    }

    #[test]
    fn an_entry_counts_once_however_often_it_is_seen() {
        let mut at = time("2026-09-21 00:00");
        let dates = every(600, 20, at);
        let first = learn(&Rhythm::default(), &seen(at, &dates, 20, 0));
        let mut rhythm = first.clone();
        for _ in 0..10 {
            at += MINUTE;
            // The document changes by each poll, though none of its entries is new.
            rhythm = learn(&rhythm, &seen(at, &dates, 0, 20));
        }
        let articles = |rhythm: &Rhythm| rhythm.hours.iter().sum::<f64>();
        assert!(articles(&rhythm) <= articles(&first));
    }

    #[test]
    fn a_feed_that_falls_silent_is_believed_to_be_silent_within_weeks() {
        let mut at = time("2026-09-21 00:00");
        let mut rhythm = learn(&Rhythm::default(), &seen(at, &every(60, 20, at), 20, 0));
        let before = rhythm.mean_rate();
        for _ in 0..56 {
            at += 1440 * MINUTE;
            rhythm = learn(&rhythm, &Observation::unchanged(at));
        }
        assert!(rhythm.mean_rate() < before / 40.0, "{} {before}", rhythm.mean_rate());
    }

    // Trap 57.
    #[test]
    fn pinned_entries_hide_no_turnover() {
        let now = time("2026-09-21 12:00");
        let mut dates = every(5, 17, now);
        dates.extend(every(1440, 3, now - 100 * 1440 * MINUTE));
        let rhythm = learn(&Rhythm::default(), &seen(now, &dates, 20, 0));
        assert!(rhythm.turnover().is_some_and(|turnover| turnover < 2.5 * HOUR), "{:?}", rhythm.turnover());
        // Without dates: three entries stay, and all others are new within ten hours.
        let rhythm = learn(&Rhythm::default(), &seen(now, &[], 20, 0));
        let rhythm = learn(&rhythm, &seen(now + 600 * MINUTE, &[], 17, 3));
        assert!(rhythm.turnover().is_some_and(|turnover| turnover < 12.0 * HOUR), "{:?}", rhythm.turnover());
    }

    #[test]
    fn a_window_that_is_pinned_in_part_turns_over_sooner() {
        let now = time("2026-09-21 12:00");
        let rhythm = learn(&Rhythm::default(), &seen(now, &[], 20, 0));
        let close = Observation { pinned: 8, ..seen(now + 600 * MINUTE, &[], 10, 10) };
        // Of the twelve entries that come and go, two were left.
        assert_eq!(learn(&rhythm, &close).turnover(), Some(12.0 * HOUR));
        assert_eq!(learn(&rhythm, &Observation { pinned: 0, ..close }).turnover(), None);
        // Nothing but pinned entries was left.
        let gap = Observation { pinned: 8, ..seen(now + 600 * MINUTE, &[], 12, 8) };
        assert_eq!(learn(&rhythm, &gap).turnover(), Some(5.0 * HOUR));
    }

    #[test]
    fn where_nothing_is_left_of_a_window_more_may_have_been_missed() {
        let now = time("2026-09-21 12:00");
        let rhythm = learn(&Rhythm::default(), &seen(now, &[], 20, 0));
        let all_new = learn(&rhythm, &seen(now + 600 * MINUTE, &[], 20, 0));
        assert_eq!(all_new.turnover(), Some(5.0 * HOUR));
        // What was seen is believed ever less.
        let later = learn(&all_new, &Observation::unchanged(now + 600 * MINUTE + 7 * 1440 * MINUTE));
        assert!(later.turnover().is_some_and(|turnover| (turnover / (10.0 * HOUR) - 1.0).abs() < 0.01), "{:?}", later.turnover());
    }

    #[test]
    fn articles_that_come_in_bursts_leave_less_room_in_the_window() {
        let now = time("2026-09-21 12:00");
        let single = learn(&Rhythm::default(), &seen(now, &every(300, 20, now), 20, 0));
        let bursts: Vec<_> = (0..4).flat_map(|burst| every(4, 5, now - burst * 1500 * MINUTE)).collect();
        let bursty = learn(&Rhythm::default(), &seen(now, &bursts, 20, 0));
        let (single, bursty) = (single.safe_articles().unwrap(), bursty.safe_articles().unwrap());
        assert!(bursty * 2.0 < single, "{bursty} {single}");
    }

    #[test]
    fn hours_that_differ_by_chance_alone_make_no_profile() {
        let few = [1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 1.0, 2.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
        assert_eq!(factors(few, 1.0), [1.0; 24]);
        let mut one = [0.0; 24];
        one[6] = 20.0;
        let factors = factors(one, 1.0);
        assert!(factors[6] > 20.0 && factors[7] < 0.1, "{factors:?}");
        assert!((factors.iter().sum::<f64>() - 24.0).abs() < 1e-9);
    }
}
