//! The learned pace: from a feed's rhythm to the wait for its next poll.
//!
//! At each instant the gap between articles that the rhythm expects says how far apart polls should be ([`spacing`]); the next
//! poll is due when the polls so spaced add up to one. So a feed that sleeps at night is hardly asked at night, and is asked
//! again when it wakes up. `docs/scheduling.md` says what the rule was chosen for and what it costs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike, Utc};

use super::A_CENTURY;
use super::rhythm::{BURST, Rhythm};
use crate::config;

/// Articles closer together than so many seconds are waited for less than `interval`.
const BUSY_GAP: f64 = 1800.0;

/// Articles further apart than so many seconds are waited for longer than `interval`.
const QUIET_GAP: f64 = 20.0 * 3600.0;

/// A quiet feed is polled at least so many times a gap: an article is late by an eighth of it at most, on the average.
const POLLS_A_GAP: f64 = 4.0;

/// Seconds between polls while articles are `gap` seconds apart.
///
/// Up to a gap of 20 hours that is `interval`, for it is the busy feeds that carry nearly all articles; beyond, it grows with
/// the third power of the gap, up to a quarter of the gap: there many requests would make few articles faster. Below half an
/// hour it shrinks with the root of the gap.
fn spacing(gap: f64, interval: f64) -> f64 {
    if gap < BUSY_GAP {
        interval * (gap / BUSY_GAP).sqrt()
    } else {
        let quiet = (gap / QUIET_GAP).max(1.0);
        (interval * quiet * quiet * quiet).min((gap / POLLS_A_GAP).max(interval))
    }
}

/// What a feed's rhythm says about the wait from `now`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// What suits it, within `min_interval` and `max_interval`.
    pub wait: Duration,
    /// Who waits longer risks that articles come and go unseen. `None` where the window is not known.
    pub safe: Option<Duration>,
}

/// The pace of a rhythm.
pub fn pace(rhythm: &Rhythm, now: DateTime<Utc>, settings: &config::Schedule) -> Pace {
    let most = settings.max_interval.min(A_CENTURY).as_secs_f64();
    let least = settings.min_interval.as_secs_f64().min(most);
    let interval = settings.interval.as_secs_f64();
    let suits = until(rhythm, now, most, |rate| 1.0 / spacing(1.0 / rate, interval).clamp(least, most), 1.0);
    let room = rhythm.safe_articles().map(|articles| until(rhythm, now, LONGEST_LOOK, |rate| rate, articles));
    // Half of the time in which the window is known to turn over.
    let half_turnover = rhythm.turnover().map(|turnover| turnover / 2.0);
    let safe = [room, half_turnover].into_iter().flatten().reduce(f64::min).map(duration);
    let wait = duration(suits);
    Pace { wait: safe.map_or(wait, |safe| wait.min(safe)).max(settings.min_interval), safe }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(A_CENTURY).min(A_CENTURY)
}

/// So far into the future a rhythm is looked at: a week has shown all its hours, and a day more.
const LONGEST_LOOK: f64 = 8.0 * 86_400.0;

/// Seconds from `now` until what accrues a second, by the rate of articles a second, adds up to `goal`; at most `most`.
fn until(rhythm: &Rhythm, now: DateTime<Utc>, most: f64, accrues: impl Fn(f64) -> f64, goal: f64) -> f64 {
    let mean_rate = rhythm.mean_rate() / 3600.0;
    let profile = rhythm.profile();
    let burst_rate = rhythm.burst_chance() / BURST;
    let burst_until = rhythm.newest().map(|newest| newest as f64 + BURST);
    let (mut waited, mut sum) = (0.0, 0.0);
    let mut when = now;
    while waited < most {
        // The rate is the same until the next full hour, or until the burst is over.
        let mut step = f64::from(3600 - when.minute() * 60 - when.second().min(59));
        let mut rate = (mean_rate * profile.at(when)).max(f64::MIN_POSITIVE);
        if let Some(left) = burst_until.map(|until| until - when.timestamp() as f64).filter(|left| *left >= 1.0) {
            rate = rate.max(burst_rate);
            step = step.min(left);
        }
        let a_second = accrues(rate);
        let missing = (goal - sum) / a_second;
        if missing <= step {
            return (waited + missing).min(most);
        }
        sum += step * a_second;
        waited += step;
        match now.checked_add_signed(TimeDelta::seconds(waited as i64)) {
            Some(later) => when = later,
            None => break,
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::super::rhythm::{Observation, learn};
    use super::super::tests::{MINUTE, settings, time};
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A rhythm learned from one document, whose entries are so far apart, and from four weeks of polls.
    fn steady(gap: Duration) -> Rhythm {
        let start = time("2026-09-01 00:00");
        let mut rhythm = Rhythm::default();
        for poll in 0..(28 * 48) {
            let at = start + poll * 30 * MINUTE;
            let since_epoch = at.timestamp() as u64;
            let gap = gap.as_secs();
            let newest = since_epoch - since_epoch % gap;
            let dates: Vec<_> = (0..20).map(|n| DateTime::from_timestamp((newest - n * gap) as i64, 0).unwrap()).collect();
            let new = if poll == 0 { 20 } else { (since_epoch / gap - (since_epoch - 1800) / gap) as usize };
            rhythm = match new {
                0 => learn(&rhythm, &Observation::unchanged(at)),
                new => learn(&rhythm, &Observation { at, dates: &dates, entries: 20, new, kept: 20 - new.min(20), pinned: 0 }),
            };
        }
        rhythm
    }

    #[test]
    fn busy_feeds_are_polled_at_the_interval_and_quiet_ones_by_their_gap() {
        let now = time("2026-09-29 00:00");
        for (gap, least, most) in [
            (5 * MINUTE, 11, 13),
            (60 * MINUTE, 29, 31),
            (6 * HOUR, 29, 31),
            (16 * HOUR, 29, 31),
            (41 * HOUR, 180, 300),
            (20 * 24 * HOUR, 1440, 1440),
        ] {
            let wait = pace(&steady(gap), now, &settings()).wait.as_secs() / 60;
            assert!((least..=most).contains(&wait), "gap {gap:?}: {wait} min");
        }
    }

    #[test]
    fn the_wait_stays_within_the_least_and_the_longest_interval() {
        let now = time("2026-09-29 00:00");
        let narrow = config::Schedule { min_interval: 20 * MINUTE, max_interval: 40 * MINUTE, ..settings() };
        for gap in [5 * MINUTE, 6 * HOUR, 20 * 24 * HOUR] {
            let wait = pace(&steady(gap), now, &narrow).wait;
            assert!((20 * MINUTE..=40 * MINUTE).contains(&wait), "gap {gap:?}: {wait:?}");
        }
    }

    #[test]
    fn spacing_grows_with_the_gap() {
        let mut last = 0.0;
        for minutes in 1..100_000 {
            let spacing = spacing(f64::from(minutes) * 60.0, 1800.0);
            assert!(spacing >= last, "{minutes} min");
            last = spacing;
        }
    }

    #[test]
    fn nobody_waits_for_longer_than_half_a_turnover() {
        let rhythm = steady(5 * MINUTE);
        let safe = pace(&rhythm, time("2026-09-29 00:00"), &settings()).safe.unwrap();
        assert!(safe <= 50 * MINUTE, "20 entries five minutes apart turn over in 95 min: {safe:?}");
        assert!(safe >= 30 * MINUTE, "{safe:?}");
    }

    /// A feed that publishes at 06:10 each day, polled every half hour for six weeks.
    fn morning() -> Rhythm {
        let start = time("2026-08-15 00:00");
        let mut rhythm = Rhythm::default();
        for poll in 0..(42 * 48) {
            let at = start + poll * 30 * MINUTE;
            let published = at.date_naive().and_hms_opt(6, 10, 0).unwrap().and_utc();
            let newest = if published <= at { published } else { published - 24 * HOUR };
            let dates: Vec<_> = (0..20).map(|n| newest - n * 24 * HOUR).collect();
            rhythm = match at - newest {
                _ if poll == 0 => learn(&rhythm, &Observation { at, dates: &dates, entries: 20, new: 20, kept: 0, pinned: 0 }),
                age if age.num_minutes() < 30 => {
                    learn(&rhythm, &Observation { at, dates: &dates, entries: 20, new: 1, kept: 19, pinned: 0 })
                }
                _ => learn(&rhythm, &Observation::unchanged(at)),
            };
        }
        rhythm
    }

    #[test]
    fn a_feed_with_an_hour_of_its_own_is_asked_often_in_that_hour_and_seldom_in_others() {
        let rhythm = morning();
        let wait = |at| pace(&rhythm, time(at), &settings()).wait;
        assert!(wait("2026-09-29 06:00") <= 30 * MINUTE, "{:?}", wait("2026-09-29 06:00"));
        assert!(wait("2026-09-29 08:00") >= 12 * HOUR, "{:?}", wait("2026-09-29 08:00"));
        // … but not beyond its hour of the next day.
        assert!(wait("2026-09-29 08:00") <= 23 * HOUR, "{:?}", wait("2026-09-29 08:00"));
    }

    proptest::proptest! {
        #[test]
        fn every_rhythm_has_a_pace(
            polls in proptest::collection::vec((0_i64..100_000, proptest::collection::vec(-5_000_000_i64..500_000, 0..30), 0_usize..40, 0_usize..40), 1..20),
        ) {
            let mut at = time("2026-09-01 00:00");
            let mut rhythm = Rhythm::default();
            for (passed, ages, new, kept) in polls {
                at += TimeDelta::seconds(passed - 5_000);
                let dates: Vec<_> = ages.iter().map(|age| at + TimeDelta::seconds(*age)).collect();
                rhythm = learn(&rhythm, &Observation { at, dates: &dates, entries: new + kept, new, kept, pinned: 0 });
                let pace = pace(&rhythm, at, &settings());
                proptest::prop_assert!(pace.wait >= settings().min_interval && pace.wait <= settings().max_interval);
                let kept = serde_json::to_string(&rhythm.rounded()).unwrap();
                let read = serde_json::from_str::<Rhythm>(&kept).unwrap();
                proptest::prop_assert_eq!(serde_json::to_string(&read.rounded()).unwrap(), kept);
            }
        }
    }
}
