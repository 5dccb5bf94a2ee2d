//! What the publisher says about how often to come: RSS `ttl`, `skipHours`, `skipDays`, the syndication module, and the
//! freshness of the HTTP answer.
//!
//! They are wishes of people who cannot know who reads them: a `ttl` of a day stands in feeds whose window turns over in an
//! hour. So they may lengthen a wait, never shorten it, and never beyond what is safe.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

use super::WEEK;
use crate::parse::UpdateHints;

/// The hints of a feed's last document; kept, since a "not modified" brings none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// RSS `ttl` or the period of the syndication module, minutes.
    interval_minutes: Option<u32>,
    /// One of the times at which that period begins, seconds since 1970; where the publisher says none, it begins at no certain time.
    interval_base: Option<i64>,
    /// A bit for each hour, 0 to 23 UTC, at which nothing is published.
    skip_hours: u32,
    /// A bit for each such day, 0 is Monday.
    skip_days: u8,
}

impl From<&UpdateHints> for Hints {
    fn from(hints: &UpdateHints) -> Self {
        let bits = |list: &[u8], most: u8| list.iter().filter(|item| **item < most).fold(0_u32, |bits, item| bits | 1 << item);
        let skip_hours = bits(&hints.skip_hours, 24);
        let skip_days = bits(&hints.skip_days, 7);
        Self {
            interval_minutes: hints.interval_minutes,
            interval_base: hints.interval_base.map(|base| base.timestamp()),
            // A feed that is never published is a mistake.
            skip_hours: if skip_hours == ALL_HOURS { 0 } else { skip_hours },
            skip_days: if skip_days == u32::from(ALL_DAYS) { 0 } else { u8::try_from(skip_days).unwrap_or(0) },
        }
    }
}

const ALL_HOURS: u32 = (1 << 24) - 1;
const ALL_DAYS: u8 = (1 << 7) - 1;

impl Hints {
    /// A wait that the publisher is content with: not shorter than `wait`, not longer than `most`.
    pub fn lengthen(&self, now: DateTime<Utc>, wait: Duration, max_age: Option<Duration>, most: Duration) -> Duration {
        let asked = [self.interval(now, wait), max_age].into_iter().flatten().max().unwrap_or_default().min(WEEK);
        let asked = self.past_skipped(now, asked.max(wait)).unwrap_or(asked);
        asked.min(most).max(wait)
    }

    /// The wait that the document asks for: its period, or until a period begins after `wait`.
    fn interval(&self, now: DateTime<Utc>, wait: Duration) -> Option<Duration> {
        let period = i64::from(self.interval_minutes?) * 60;
        let Some(base) = self.interval_base else { return Some(Duration::from_secs(period.unsigned_abs())) };
        let earliest = now.checked_add_signed(TimeDelta::from_std(wait).ok()?)?.timestamp();
        let begun = (earliest.checked_sub(base)?).rem_euclid(period.max(1));
        let next = if begun == 0 { earliest } else { earliest.checked_add(period - begun)? };
        u64::try_from(next - now.timestamp()).ok().map(Duration::from_secs)
    }

    /// The wait until the first time after `wait` that falls into no skipped hour and no skipped day.
    fn past_skipped(&self, now: DateTime<Utc>, wait: Duration) -> Option<Duration> {
        let earliest = now.checked_add_signed(TimeDelta::from_std(wait).ok()?)?;
        let mut at = earliest;
        // Of any eight days one has an hour that is not skipped.
        for _ in 0..=8 * 24 {
            let is_skipped = self.skip_hours >> at.hour() & 1 == 1 || self.skip_days >> at.weekday().num_days_from_monday() & 1 == 1;
            if !is_skipped {
                break;
            }
            at = at.checked_add_signed(TimeDelta::seconds(3600 - i64::from(at.minute() * 60 + at.second().min(59))))?;
        }
        (at - now).to_std().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{MINUTE, time};
    use super::*;

    fn hints(interval_minutes: Option<u32>, skip_hours: &[u8], skip_days: &[u8]) -> Hints {
        let (skip_hours, skip_days) = (skip_hours.to_vec(), skip_days.to_vec());
        Hints::from(&UpdateHints { interval_minutes, skip_hours, skip_days, ..UpdateHints::default() })
    }

    #[test]
    fn where_a_base_is_given_the_next_poll_comes_when_a_period_begins() {
        let now = time("2026-09-21 10:20");
        for (minutes, base, wait, want) in [
            (24 * 60, "2026-01-01 06:00", 30, 19 * 60 + 40),
            (24 * 60, "2026-01-01 11:00", 30, 40),
            (24 * 60, "2026-01-01 10:50", 30, 30),
            (24 * 60, "2027-01-01 06:00", 30, 19 * 60 + 40),
            (12 * 60, "2026-01-01 06:00", 30, 7 * 60 + 40),
            (60, "2026-01-01 00:15", 30, 55),
            (60, "2026-01-01 00:15", 120, 175),
        ] {
            let base = Some(time(base));
            let hints = Hints::from(&UpdateHints { interval_minutes: Some(minutes), interval_base: base, ..UpdateHints::default() });
            let asked = hints.lengthen(now, wait * MINUTE, None, 7 * 24 * 60 * MINUTE);
            assert_eq!(asked, want * MINUTE, "{minutes} {base:?} {wait}");
        }
    }

    #[test]
    fn hints_lengthen_a_wait_and_never_shorten_it() {
        // 2026-09-21 is a Monday.
        let now = time("2026-09-21 10:20");
        let all: Vec<u8> = (0..24).collect();
        for (hints, max_age, minutes) in [
            (hints(None, &[], &[]), None, 30),
            (hints(Some(60), &[], &[]), None, 60),
            (hints(Some(5), &[], &[]), None, 30),
            (hints(None, &[], &[]), Some(45), 45),
            (hints(Some(60), &[], &[]), Some(45), 60),
            (hints(Some(u32::MAX), &[], &[]), None, 7 * 24 * 60),
            (hints(None, &[11, 12], &[]), None, 30),
            (hints(None, &[10, 11, 12], &[]), None, 2 * 60 + 40),
            (hints(Some(45), &[11, 12], &[]), None, 2 * 60 + 40),
            (hints(None, &[], &[0]), None, 13 * 60 + 40),
            (hints(None, &[0], &[0]), None, 14 * 60 + 40),
            (hints(None, &all, &[]), None, 30),
            (hints(None, &[], &[0, 1, 2, 3, 4, 5, 6]), None, 30),
            (hints(None, &[99], &[99]), None, 30),
        ] {
            let max_age = max_age.map(|minutes: u32| minutes * MINUTE);
            let wait = hints.lengthen(now, 30 * MINUTE, max_age, 30 * 24 * 60 * MINUTE);
            assert_eq!(wait, minutes * MINUTE, "{hints:?} {max_age:?}");
        }
    }

    #[test]
    fn hints_never_lengthen_a_wait_beyond_what_is_safe() {
        let now = time("2026-09-21 10:20");
        let hints = hints(Some(1440), &[10, 11, 12, 13, 14, 15], &[]);
        assert_eq!(hints.lengthen(now, 30 * MINUTE, Some(600 * MINUTE), 90 * MINUTE), 90 * MINUTE);
        assert_eq!(hints.lengthen(now, 30 * MINUTE, None, 10 * MINUTE), 30 * MINUTE);
    }
}
