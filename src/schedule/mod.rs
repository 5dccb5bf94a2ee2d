//! When a feed is polled next, and why: a pure function of the settings, of how the poll ended and of what the server
//! asked for.
//!
//! There is no tick: each feed has its own time, so no poll can be skipped or doubled by a clock that beats against
//! the interval. What spreads the feeds is a hash of the feed's name and the time, so the same poll always gives the
//! same answer.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config;
use crate::fetch::Freshness;

/// A server that says 410, or a feed that was given up, is asked again this often.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The longest that a `Retry-After` can bind.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(31 * 86_400);

/// How a poll ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A document, or "not modified".
    Answered,
    /// No answer, or none that helps; so many times in a row.
    Failed {
        /// Failures in a row, this one included.
        failures: u32,
    },
    /// The feed is gone for good.
    Gone,
}

/// Why a feed is polled when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The operator set the interval.
    Interval,
    /// Nothing is known of the feed yet.
    Default,
    /// It failed, and is asked ever more seldom.
    BackOff,
    /// The server said when to come back.
    RetryAfter,
    /// The server says that it is gone: weekly.
    Gone,
}

impl Reason {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Interval, "interval"),
        (Self::Default, "default"),
        (Self::BackOff, "back-off"),
        (Self::RetryAfter, "retry-after"),
        (Self::Gone, "gone"),
    ];

    /// The word that the archive keeps.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("default", |(_, word)| word)
    }

    /// The reason of a word that [`Self::as_str`] gave.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(reason, _)| *reason)
    }
}

/// The next poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPoll {
    /// When.
    pub at: DateTime<Utc>,
    /// Why then.
    pub reason: Reason,
}

/// When to poll next a feed that was polled at `now`; `interval` is the operator's for this feed.
pub fn next_poll(
    feed: &str,
    now: DateTime<Utc>,
    settings: &config::Schedule,
    interval: Option<Duration>,
    end: End,
    freshness: &Freshness,
) -> NextPoll {
    let usual = interval.unwrap_or(settings.interval).max(settings.min_interval);
    let (wait, reason) = match end {
        End::Answered if interval.is_some() => (usual, Reason::Interval),
        End::Answered => (spread(usual, feed, now), Reason::Default),
        End::Failed { failures } => {
            let factor = 1_u32.checked_shl(failures.saturating_sub(1).min(20)).unwrap_or(u32::MAX);
            let ceiling = settings.max_interval.max(usual);
            (spread(usual.saturating_mul(factor).min(ceiling), feed, now), Reason::BackOff)
        }
        End::Gone => (spread(WEEK, feed, now), Reason::Gone),
    };
    let asked = freshness.retry_after.map(|asked| asked.min(LONGEST_RETRY_AFTER));
    let (wait, reason) = match asked {
        Some(asked) if asked > wait => (asked, Reason::RetryAfter),
        _ => (wait, reason),
    };
    NextPoll { at: now + wait, reason }
}

/// When a feed is due whose next poll was set before: an interval that the operator has shortened since holds at
/// once, but never against a server's or a failure's longer wait.
pub fn due(
    next: NextPoll,
    last_polled_at: Option<DateTime<Utc>>,
    settings: &config::Schedule,
    interval: Option<Duration>,
) -> DateTime<Utc> {
    match (next.reason, last_polled_at) {
        (Reason::Interval | Reason::Default, Some(last)) => {
            let usual = interval.unwrap_or(settings.interval).max(settings.min_interval);
            next.at.min(last + usual.mul_f64(1.0 + SPREAD))
        }
        _ => next.at,
    }
}

/// How much earlier or later than its usual time a poll may be, as a share of the wait.
const SPREAD: f64 = 0.1;

/// A wait up to a tenth shorter or longer, so that feeds do not march in step.
fn spread(wait: Duration, feed: &str, now: DateTime<Utc>) -> Duration {
    let mut hasher = DefaultHasher::new();
    (feed, now.timestamp()).hash(&mut hasher);
    let share = f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    wait.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn settings() -> config::Schedule {
        config::Schedule {
            interval: 30 * MINUTE,
            min_interval: 5 * MINUTE,
            max_interval: 24 * 60 * MINUTE,
            adaptive: true,
            retire_after: 30 * 24 * 60 * MINUTE,
        }
    }

    fn wait(interval: Option<Duration>, end: End, retry_after: Option<Duration>) -> (Duration, Reason) {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let freshness = Freshness { retry_after, max_age: None };
        let next = next_poll("example", now, &settings(), interval, end, &freshness);
        ((next.at - now).to_std().unwrap(), next.reason)
    }

    #[test]
    fn the_operators_interval_is_kept_to_the_second_but_not_below_the_least() {
        assert_eq!(wait(Some(10 * MINUTE), End::Answered, None), (10 * MINUTE, Reason::Interval));
        assert_eq!(wait(Some(MINUTE), End::Answered, None), (5 * MINUTE, Reason::Interval));
    }

    #[test]
    fn the_default_is_spread_by_a_tenth_and_differs_from_feed_to_feed() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let waits: std::collections::BTreeSet<_> = (0..100)
            .map(|n| next_poll(&format!("feed {n}"), now, &settings(), None, End::Answered, &Freshness::default()).at - now)
            .collect();
        assert!(waits.len() > 90);
        assert!(waits.iter().all(|wait| (27..=33).contains(&wait.num_minutes())), "{waits:?}");
    }

    #[test]
    fn failures_double_the_wait_up_to_the_longest() {
        for (failures, minutes) in [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1440), (60, 1440), (u32::MAX, 1440)] {
            let (wait, reason) = wait(None, End::Failed { failures }, None);
            assert!((wait.as_secs_f64() / 60.0 / f64::from(minutes) - 1.0).abs() <= 0.1, "{failures}: {wait:?}");
            assert_eq!(reason, Reason::BackOff);
        }
    }

    #[test]
    fn retry_after_binds_in_full_up_to_31_days_and_never_shortens() {
        let hour = 60 * MINUTE;
        assert_eq!(wait(None, End::Failed { failures: 1 }, Some(88 * hour)), (88 * hour, Reason::RetryAfter));
        assert_eq!(wait(Some(10 * MINUTE), End::Answered, Some(hour)), (hour, Reason::RetryAfter));
        assert_eq!(wait(None, End::Answered, Some(400 * 24 * hour)).0, 31 * 24 * hour);
        assert_eq!(wait(Some(10 * MINUTE), End::Answered, Some(MINUTE)).0, 10 * MINUTE);
    }

    #[test]
    fn a_shorter_interval_holds_at_once_but_not_against_a_servers_wish() {
        let last = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let tomorrow = last + 24 * 60 * MINUTE;
        for (reason, interval, minutes) in [
            (Reason::Interval, Some(10 * MINUTE), 11),
            (Reason::Default, None, 33),
            (Reason::RetryAfter, Some(10 * MINUTE), 1440),
            (Reason::BackOff, Some(10 * MINUTE), 1440),
        ] {
            let due = due(NextPoll { at: tomorrow, reason }, Some(last), &settings(), interval);
            assert_eq!((due - last).num_minutes(), minutes, "{reason:?}");
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn a_feed_that_is_gone_is_asked_weekly() {
        let (wait, reason) = wait(None, End::Gone, None);
        assert!((6..=8).contains(&(wait.as_secs() / 86_400)), "{wait:?}");
        assert_eq!(reason, Reason::Gone);
    }
}
