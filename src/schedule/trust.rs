//! Servers that lie: may a "not modified" be believed?
//!
//! A server, or a cache before it, may answer 304 for ever though there is news. A feed that has been answered so for longer
//! than its rhythm explains is asked without validators once a day. If that brings another document, it is asked at once with
//! the validators that were held back: a server that says 304 even then lies, and is asked without them from then on.

use chrono::{DateTime, TimeDelta, Utc};

use super::rhythm::Rhythm;

/// So often a feed is asked without validators while its silence is not explained …
const VERIFY_EVERY: TimeDelta = TimeDelta::days(1);

/// … and so often once it has been silent for `LONG_SILENCE`: it is likely dead, and its server likely honest.
const VERIFY_LONG_SILENT_EVERY: TimeDelta = TimeDelta::days(7);

/// No rhythm explains a longer silence, and none is remembered for longer.
const LONG_SILENCE: TimeDelta = TimeDelta::days(30);

/// Of a feed whose rhythm is not known, a silence so long is not explained.
const UNKNOWN_SILENCE: TimeDelta = TimeDelta::days(7);

/// Servers are mended, too: after so long, one that has lied is believed until it lies again.
const DISTRUST: TimeDelta = TimeDelta::days(90);

/// What is known of how far a feed's server can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    /// The last poll that brought another document than the one before.
    pub changed_at: Option<DateTime<Utc>>,
    /// The last poll that brought a document at all.
    pub verified_at: Option<DateTime<Utc>>,
    /// The last time that the server was found to lie.
    pub distrusted_since: Option<DateTime<Utc>>,
}

/// How a feed is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// With its validators.
    Conditionally,
    /// Without: is there news that the server denies?
    ToVerify,
    /// Without: its server has lied.
    Plainly,
}

impl Trust {
    /// How to ask now.
    pub fn asking(&self, rhythm: &Rhythm, now: DateTime<Utc>) -> Asking {
        if self.is_distrusted(now) {
            return Asking::Plainly;
        }
        // Who was never answered with a document has no validators either.
        let (Some(changed_at), Some(verified_at)) = (self.changed_at, self.verified_at) else { return Asking::Conditionally };
        let silent = now - changed_at;
        let every = if silent < LONG_SILENCE { VERIFY_EVERY } else { VERIFY_LONG_SILENT_EVERY };
        let is_due = now - verified_at >= every;
        if is_due && !explains(rhythm, changed_at, now) { Asking::ToVerify } else { Asking::Conditionally }
    }

    /// Are validators of no use with this server?
    pub fn is_distrusted(&self, now: DateTime<Utc>) -> bool {
        // A time that is yet to come was written by a clock that was wrong.
        self.distrusted_since.is_some_and(|since| since <= now && now - since < DISTRUST)
    }
}

/// Does a feed's rhythm explain that it has been silent since then?
fn explains(rhythm: &Rhythm, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let silent = now - since;
    if silent >= LONG_SILENCE {
        return false;
    }
    if !rhythm.is_known() {
        return silent < UNKNOWN_SILENCE;
    }
    rhythm.expected_in_silence(since, now) < UNEXPLAINED
}

/// A silence in which so many bursts of articles were to be expected happens by chance once in twenty times.
const UNEXPLAINED: f64 = 3.0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::rhythm::{Observation, learn};
    use super::super::tests::{MINUTE, time};
    use super::*;

    /// A feed that publishes every so many hours until `end`, polled every two hours, also after that until `now`.
    fn silent_since(hours: u32, end: DateTime<Utc>, now: DateTime<Utc>) -> Rhythm {
        let gap = hours * 60 * MINUTE;
        let mut at = end - Duration::from_secs(42 * 86_400);
        let dates = |at: DateTime<Utc>| -> Vec<_> {
            let newest = at.min(end);
            let newest = newest - TimeDelta::seconds(newest.timestamp() % gap.as_secs() as i64);
            (0..20).map(|n| newest - n * gap).collect()
        };
        let mut rhythm = Rhythm::default();
        while at <= now {
            let dates = dates(at);
            let new = dates.iter().filter(|date| at - **date < TimeDelta::hours(2)).count();
            rhythm = match new {
                0 => learn(&rhythm, &Observation::unchanged(at)),
                new => learn(&rhythm, &Observation { at, dates: &dates, entries: 20, new, kept: 20 - new, pinned: 0 }),
            };
            at += 120 * MINUTE;
        }
        rhythm
    }

    #[test]
    fn a_feed_that_is_silent_for_longer_than_its_rhythm_explains_is_asked_without_validators_once_a_day() {
        let end = time("2026-09-21 00:00");
        for (gap, hours_of_silence, asking) in [
            (2, 20, Asking::Conditionally),
            (2, 25, Asking::ToVerify),
            (12, 24, Asking::Conditionally),
            (12, 48, Asking::ToVerify),
            (7 * 24, 14 * 24, Asking::Conditionally),
            (7 * 24, 27 * 24, Asking::ToVerify),
            (20 * 24, 27 * 24, Asking::Conditionally),
            (20 * 24, 31 * 24, Asking::ToVerify),
        ] {
            let now = end + TimeDelta::hours(hours_of_silence);
            let rhythm = silent_since(gap, end, now);
            let asked_at =
                |verified_at: DateTime<Utc>| Trust { changed_at: Some(end), verified_at: Some(verified_at), distrusted_since: None };
            assert_eq!(asked_at(end).asking(&rhythm, now), asking, "every {gap} h, silent for {hours_of_silence} h");
            assert_eq!(asked_at(now - TimeDelta::hours(23)).asking(&rhythm, now), Asking::Conditionally, "{gap} {hours_of_silence}");
        }
    }

    #[test]
    fn what_was_silent_for_a_month_is_verified_weekly() {
        let now = time("2026-09-21 00:00");
        let verified = |days| {
            let trust = Trust {
                changed_at: Some(now - TimeDelta::days(400)),
                verified_at: Some(now - TimeDelta::days(days)),
                distrusted_since: None,
            };
            trust.asking(&Rhythm::default(), now)
        };
        assert_eq!((verified(6), verified(7)), (Asking::Conditionally, Asking::ToVerify));
    }

    #[test]
    fn a_server_that_lied_is_asked_without_validators_for_ninety_days() {
        let now = time("2026-09-21 00:00");
        let recently = Some(now - TimeDelta::hours(1));
        for (days, asking) in [(0, Asking::Plainly), (89, Asking::Plainly), (90, Asking::Conditionally), (-1, Asking::Conditionally)] {
            let trust = Trust { changed_at: recently, verified_at: recently, distrusted_since: Some(now - TimeDelta::days(days)) };
            assert_eq!(trust.asking(&Rhythm::default(), now), asking, "{days}");
        }
        assert_eq!(Trust::default().asking(&Rhythm::default(), now), Asking::Conditionally);
    }
}
