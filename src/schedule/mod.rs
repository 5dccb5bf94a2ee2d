//! When a feed is polled next, and why: a pure function of the settings, of how the poll ended, of what the server
//! asked for and of the rhythm that the feed's polls have shown.
//!
//! There is no tick: each feed has its own time, so no poll can be skipped or doubled by a clock that beats against
//! the interval. What spreads the feeds is a hash of the feed's name and the time, so the same poll always gives the
//! same answer.
//!
//! Who has a say, the strongest first: a `Retry-After`; what the end of the poll demands (back-off, weekly); the operator's
//! interval, which nothing else touches; what is safe, so that no article comes and goes unseen; the
//! publisher's hints, which only lengthen; the learned pace, or `interval` where nothing is known.

mod hints;
mod moves;
mod outage;
mod pace;
mod rhythm;
mod trust;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Timelike, Utc};
use serde::{Deserialize, Serialize};

use crate::config;
use crate::fetch::Freshness;

pub use hints::Hints;
pub use moves::{Address, Moved, Search, address};
pub use outage::{Change, Network, Outage, lost_time, probe_wait, sites, witness};
pub use rhythm::{Observation, Rhythm, learn};
pub use trust::{Asking, Trust};

/// A server that says 410, or a feed that was given up, is asked again this often.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The longest that a `Retry-After` can bind.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(31 * 86_400);

/// Fewer failures in a row retire no feed, however long ago the first was: the daemon may have slept.
const RETIRING_FAILURES: u32 = 10;

/// How a poll ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A document, or "not modified".
    Answered,
    /// No answer, or none that helps; so many times in a row.
    Failed {
        /// Failures in a row, this one included.
        failures: u32,
        /// The first of them; `None` where this is it.
        since: Option<DateTime<Utc>>,
    },
    /// The feed is gone for good.
    Gone,
    /// It was not asked, for its host wants to be left alone.
    Held,
    /// It cannot be reached, nor can anything else: that says nothing of the feed.
    Outage,
}

/// Why a feed is polled when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The operator set the interval.
    Interval,
    /// Nothing is known of the feed yet.
    Default,
    /// Its rhythm is known.
    Rhythm,
    /// Its publisher says how often it changes.
    Hint,
    /// It failed, and is asked ever more seldom.
    BackOff,
    /// The server said when to come back.
    RetryAfter,
    /// The server says that it is gone: weekly.
    Gone,
    /// It did nothing but fail for too long: weekly.
    Retired,
    /// Nothing at all could be reached.
    Outage,
}

impl Reason {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Interval, "interval"),
        (Self::Default, "default"),
        (Self::Rhythm, "rhythm"),
        (Self::Hint, "hint"),
        (Self::BackOff, "back-off"),
        (Self::RetryAfter, "retry-after"),
        (Self::Gone, "gone"),
        (Self::Retired, "retired"),
        (Self::Outage, "outage"),
    ];

    /// The word that the archive keeps.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(reason, _)| *reason == self).map_or("default", |(_, word)| word)
    }

    /// For people, behind the time of a poll.
    pub fn words(self) -> &'static str {
        match self {
            Self::Interval => "the interval that you set",
            Self::Default => "the usual interval, for little is known of it yet",
            Self::Rhythm => "its own rhythm",
            Self::Hint => "what its publisher says",
            Self::BackOff => "later after each failure",
            Self::RetryAfter => "when its server asked us to come back",
            Self::Gone => "once a week, for its server says that it is gone",
            Self::Retired => "once a week, for it has long done nothing but fail",
            Self::Outage => "as soon as anything can be reached",
        }
    }

    /// The reason of a word that [`Self::as_str`] gave.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(reason, _)| *reason)
    }

    /// The longest wait that a plan of this reason can hold; one that holds more was made by another clock.
    fn longest(self, settings: &config::Schedule, interval: Option<Duration>) -> Duration {
        let usual = usual(settings, interval).max(settings.max_interval.min(A_CENTURY));
        let wait = match self {
            Self::Interval | Self::Default | Self::Rhythm | Self::BackOff | Self::Outage => usual,
            Self::Hint => usual.max(WEEK),
            Self::RetryAfter => LONGEST_RETRY_AFTER,
            Self::Gone | Self::Retired => WEEK,
        };
        wait.mul_f64(1.0 + SPREAD) + OFF_THE_HOUR * 2
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

/// What the schedule remembers of a feed: a few hundred bytes, whatever the feed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// When it publishes.
    pub rhythm: Rhythm,
    /// How often its last document says that it changes.
    pub hints: Hints,
}

impl Memory {
    /// As the archive keeps it: JSON. `None` would mean that a number in it is no number, and then nothing is known.
    pub fn encode(&self) -> Option<String> {
        serde_json::to_string(&Self { rhythm: self.rhythm.rounded(), hints: self.hints }).ok()
    }

    /// What [`Self::encode`] gave. What cannot be read (another version's) is forgotten: it is learned anew within days.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// A poll that has just ended, as far as the next one is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Polled<'a> {
    /// The feed's name, for the spread.
    pub feed: &'a str,
    /// When the answer came.
    pub now: DateTime<Utc>,
    /// The operator's interval for this feed.
    pub interval: Option<Duration>,
    /// How it ended.
    pub end: End,
    /// What the answer says of itself.
    pub freshness: &'a Freshness,
    /// What is known of the feed, this poll included.
    pub memory: &'a Memory,
}

/// When to poll next.
pub fn next_poll(settings: &config::Schedule, polled: &Polled<'_>) -> NextPoll {
    let Polled { feed, now, .. } = *polled;
    let spread = |wait: Duration| wait.mul_f64(1.0 - SPREAD + 2.0 * SPREAD * share(feed, now));
    let usual = usual(settings, polled.interval);
    let least = settings.min_interval.min(A_CENTURY);
    let (wait, reason) = match polled.end {
        End::Answered if polled.interval.is_some() => (usual, Reason::Interval),
        End::Answered => {
            let (wait, reason) = unforced_wait(settings, polled);
            // Before the time that the publisher names there is nothing new.
            let wait = if reason == Reason::Hint { wait.mul_f64(1.0 + SPREAD * share(feed, now)) } else { spread(wait) };
            (wait.max(least), reason)
        }
        End::Failed { failures, since } if is_retired(settings, now, failures, since) => (spread(WEEK), Reason::Retired),
        End::Failed { failures, .. } => {
            let factor = 1_u32.checked_shl(failures.saturating_sub(1).min(20)).unwrap_or(u32::MAX);
            let ceiling = settings.max_interval.min(A_CENTURY).max(usual);
            (spread(usual.saturating_mul(factor).min(ceiling)).max(least), Reason::BackOff)
        }
        End::Gone => (spread(WEEK), Reason::Gone),
        // Those who wait for one host do not come back in one moment.
        End::Held => (settings.min_interval.mul_f64(share(feed, now)), Reason::BackOff),
        End::Outage => (spread(usual).max(least), Reason::Outage),
    };
    let asked = polled.freshness.retry_after.map(|asked| asked.min(LONGEST_RETRY_AFTER));
    let (wait, reason) = match (asked, polled.end) {
        (Some(asked), End::Held) => (asked + wait, Reason::RetryAfter),
        (Some(asked), _) if asked > wait => (asked, Reason::RetryAfter),
        _ => (wait, reason),
    };
    NextPoll { at: off_the_hour(feed, now, wait), reason }
}

fn usual(settings: &config::Schedule, interval: Option<Duration>) -> Duration {
    interval.unwrap_or(settings.interval).max(settings.min_interval).min(A_CENTURY)
}

/// No operator means more, and clocks can still be added up with it.
const A_CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Has a feed done nothing but fail for `retire_after`, and been asked often enough to say so?
pub fn is_retired(settings: &config::Schedule, now: DateTime<Utc>, failures: u32, since: Option<DateTime<Utc>>) -> bool {
    let failing = since.and_then(|since| (now - since).to_std().ok()).unwrap_or_default();
    failures >= RETIRING_FAILURES && failing >= settings.retire_after
}

/// The wait of a feed that is well and for which the operator has set no interval.
fn unforced_wait(settings: &config::Schedule, polled: &Polled<'_>) -> (Duration, Reason) {
    let usual = usual(settings, None);
    let pace = pace::pace(&polled.memory.rhythm, polled.now, settings);
    let safe = pace.safe.unwrap_or(Duration::MAX).max(settings.min_interval);
    let (wait, reason) =
        if settings.adaptive && polled.memory.rhythm.is_known() { (pace.wait, Reason::Rhythm) } else { (usual.min(safe), Reason::Default) };
    // Dates of entries may lie, and a feed may have begun to publish more: until it was watched for a while, what was
    // learned may only bring the next poll forward.
    let (wait, reason) =
        if wait > usual && polled.memory.rhythm.is_on_probation(polled.now) { (usual.min(safe), Reason::Default) } else { (wait, reason) };
    // Where it is not known how soon the window turns over, no publisher's wish goes beyond what the operator allows.
    let most = pace.safe.unwrap_or(settings.max_interval).min(WEEK);
    let asked = polled.memory.hints.lengthen(polled.now, wait, polled.freshness.max_age, most);
    if asked > wait { (asked, Reason::Hint) } else { (wait, reason) }
}

/// When a feed is due whose next poll was set before.
///
/// An interval that the operator has set or shortened since holds at once, but never against a server's or a failure's
/// longer wait. A plan that reaches further than its reason allows was made by a clock that was wrong, and is void.
pub fn due(
    next: NextPoll,
    last_polled_at: Option<DateTime<Utc>>,
    settings: &config::Schedule,
    interval: Option<Duration>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    let longest = next.reason.longest(settings, interval);
    if next.at > now + longest {
        return now;
    }
    let most = match next.reason {
        Reason::Interval | Reason::Default => Some(usual(settings, interval)),
        Reason::Rhythm | Reason::Hint if interval.is_some() => Some(usual(settings, interval)),
        Reason::Rhythm => Some(settings.max_interval.min(A_CENTURY)),
        _ => None,
    };
    match (most, last_polled_at) {
        (Some(most), Some(last)) => next.at.min(last + most.mul_f64(1.0 + SPREAD) + OFF_THE_HOUR * 2),
        _ => next.at,
    }
}

/// How long a host that answered 429, or 503 with `Retry-After`, is left alone by all its feeds and pages.
///
/// A 429 speaks of the client, so the whole host is spared for as long as it asks. A 503 may speak of one path (a bridge
/// whose source is down): the feed itself waits in full, the host ten minutes at most.
pub fn host_hold(settings: &config::Schedule, status: u16, retry_after: Option<Duration>) -> Duration {
    let asked = retry_after.unwrap_or(settings.interval).min(LONGEST_RETRY_AFTER);
    if status == 429 { asked } else { asked.min(LONGEST_HOLD_OF_503) }
}

const LONGEST_HOLD_OF_503: Duration = Duration::from_secs(600);

/// How much earlier or later than its usual time a poll may be, as a share of the wait.
const SPREAD: f64 = 0.05;

/// Waits shorter than this are kept to the second.
const SHORTEST_SHIFTED: Duration = Duration::from_secs(600);

/// The first minute of an hour is when everybody's cron jobs run: who would come then comes up to so much later.
const OFF_THE_HOUR: Duration = Duration::from_secs(300);

/// 0 to 1, the same for the same feed and time.
fn share(feed: &str, now: DateTime<Utc>) -> f64 {
    let mut hasher = DefaultHasher::new();
    (feed, now.timestamp()).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

fn off_the_hour(feed: &str, now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let at = now + wait.min(A_CENTURY);
    if at.minute() > 0 || wait < SHORTEST_SHIFTED {
        return at;
    }
    at + Duration::from_secs(60 - u64::from(at.second().min(59))) + OFF_THE_HOUR.mul_f64(share(feed, at))
}

#[cfg(test)]
mod tests;
