//! When the daemon applies retention by itself: a minute after its start, then once a day.
//!
//! Retention deletes by the clock, and a clock can be wrong: where it has moved by itself since the last look, against
//! the one that cannot be set, nothing is removed until a day has passed as it should.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

const AFTER_START: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A clock that was set by less than this does no harm worth a day's wait.
const TOLERANCE: TimeDelta = TimeDelta::hours(1);

/// The times of retention.
#[derive(Debug)]
pub struct Pruning {
    next: Instant,
    /// The last look at both clocks.
    seen: (DateTime<Utc>, Instant),
}

impl Pruning {
    /// Of a daemon that starts now.
    pub fn new(wall: DateTime<Utc>, now: Instant) -> Self {
        Self { next: now + AFTER_START, seen: (wall, now) }
    }

    /// Is it time? Then the next time is a day later.
    pub fn is_due(&mut self, wall: DateTime<Utc>, now: Instant) -> bool {
        let (seen_wall, seen) = std::mem::replace(&mut self.seen, (wall, now));
        let passed = TimeDelta::from_std(now.saturating_duration_since(seen)).unwrap_or(TimeDelta::MAX);
        let moved = (wall - seen_wall - passed).abs();
        if moved > TOLERANCE {
            tracing::warn!(hours = moved.num_hours(), "the clock was set; retention waits a day");
            self.next = now + DAY;
        }
        let is_due = now >= self.next;
        if is_due {
            self.next = now + DAY;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_comes_a_minute_after_the_start_then_daily_but_not_after_a_leap_of_the_clock() {
        let (wall, start) = (DateTime::UNIX_EPOCH, Instant::now());
        let mut pruning = Pruning::new(wall, start);
        let mut due = |hours: u64, minutes: u64, leap_days: i64| {
            let passed = Duration::from_secs(hours * 3600 + minutes * 60);
            pruning.is_due(wall + passed + TimeDelta::days(leap_days), start + passed)
        };
        assert!(!due(0, 0, 0));
        assert!(due(0, 1, 0));
        assert!(!due(1, 0, 0));
        assert!(!due(24, 0, 0));
        assert!(due(24, 1, 0));
        assert!(!due(48, 2, 400), "the clock is set a year ahead");
        assert!(!due(50, 0, 0), "… and back");
        assert!(!due(73, 0, 0));
        assert!(due(74, 0, 0));
    }
}
