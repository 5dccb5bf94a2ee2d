//! Tells when the time of day was set, by the clock that cannot be set. Pure: both clocks are passed in.
//!
//! Plans are times of day, since they must outlive the process. Where the time of day is set back, plans would be that much further
//! away: they move with it. Where it jumps ahead, the machine may as well have slept, and what was planned meanwhile
//! is due.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

/// Clocks that are kept in step by small corrections move no plans.
const SLACK: TimeDelta = TimeDelta::seconds(60);

/// How the time of day was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// By so much.
    Back(TimeDelta),
    /// By so much; or the machine slept so long.
    Ahead(TimeDelta),
}

/// The last look at both clocks.
pub struct Clock {
    steady: Instant,
    of_day: DateTime<Utc>,
}

impl Clock {
    /// Looks for the first time.
    pub fn new(steady: Instant, of_day: DateTime<Utc>) -> Self {
        Self { steady, of_day }
    }

    /// Looks again: how was the time of day set since the last look, if it is worth mentioning?
    pub fn look(&mut self, steady: Instant, of_day: DateTime<Utc>) -> Option<Set> {
        let passed = TimeDelta::from_std(steady.saturating_duration_since(self.steady)).unwrap_or(TimeDelta::MAX);
        let ahead = (of_day - self.of_day) - passed;
        *self = Self { steady, of_day };
        if ahead > SLACK {
            Some(Set::Ahead(ahead))
        } else if ahead < -SLACK {
            Some(Set::Back(-ahead))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once_and_one_that_is_corrected_is_not() {
        let (start, noon) = (Instant::now(), DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let mut clock = Clock::new(start, noon);
        let mut look = |passed: u64, of_day: i64| clock.look(start + Duration::from_secs(passed), noon + TimeDelta::seconds(of_day));
        assert_eq!(look(30, 30), None);
        assert_eq!(look(60, 100), None, "40 seconds are a correction");
        assert_eq!(look(90, -86_400 + 130), Some(Set::Back(TimeDelta::days(1))));
        assert_eq!(look(120, -86_400 + 160), None);
        assert_eq!(look(150, 190), Some(Set::Ahead(TimeDelta::days(1))));
        assert_eq!(look(180, 220), None);
    }
}
