//! Feeds that have moved: which of its two addresses a feed is asked at.
//!
//! A permanent redirect (301, 308) is believed when it has held for six days: a mistake in a server's configuration is
//! mended sooner. From then on the new address is asked at once, and the old one, which the operator's feed list names,
//! once a week: it may be withdrawn, or lead elsewhere.

use chrono::{DateTime, TimeDelta, Utc};

/// So long a redirect must have held.
const BELIEVED_AFTER: TimeDelta = TimeDelta::days(6);

/// So often the old address is asked all the same.
const OLD_ADDRESS_EVERY: TimeDelta = TimeDelta::days(7);

/// A permanent redirect of a feed, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Where it leads: an absolute URL without credentials.
    pub to: String,
    /// The first of the polls, without another answer in between, that were led there.
    pub since: DateTime<Utc>,
    /// When the address in the feed list was last asked.
    pub own_asked_at: Option<DateTime<Utc>>,
}

/// Which address is asked first. Where that fails and there is another, the other is asked too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// That of the feed list; there is no other.
    Own,
    /// That of the feed list, because a week has gone by; then the new one.
    OwnThenNew,
    /// The new one, then that of the feed list.
    NewThenOwn,
}

impl Moved {
    /// Is the redirect believed?
    pub fn is_believed(&self, now: DateTime<Utc>) -> bool {
        now - self.since >= BELIEVED_AFTER
    }
}

/// A feed that has gone from where it was (404, 410, or a page in its place) is looked for on its site: at once, then
/// after a day, two, four and so on, a month at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Search {
    /// The last one.
    pub at: Option<DateTime<Utc>>,
    /// How many there were since the feed last answered.
    pub count: u32,
}

/// The longest wait for the next search is so many days, two to this power.
const LONGEST_SEARCH_WAIT: u32 = 5;

impl Search {
    /// Is it time to look again? Also a feed that comes and goes is looked for once a day at most.
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        let wait = TimeDelta::days(1 << self.count.saturating_sub(1).min(LONGEST_SEARCH_WAIT));
        self.at.is_none_or(|at| at > now || now - at >= wait)
    }
}

/// Which address of a feed is asked now.
pub fn address(moved: Option<&Moved>, now: DateTime<Utc>) -> Address {
    match moved {
        Some(moved) if moved.is_believed(now) => {
            // A time that is yet to come was written by a clock that was wrong.
            let is_recent = moved.own_asked_at.is_some_and(|asked| asked <= now && now - asked < OLD_ADDRESS_EVERY);
            if is_recent { Address::NewThenOwn } else { Address::OwnThenNew }
        }
        _ => Address::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::time;
    use super::*;

    #[test]
    fn a_redirect_is_followed_at_once_after_six_days_and_the_old_address_asked_weekly() {
        let since = time("2026-09-01 12:00");
        for (own_asked_at, now, address_now) in [
            (Some("2026-09-01 12:00"), "2026-09-01 12:30", Address::Own),
            (Some("2026-09-07 11:00"), "2026-09-07 11:59", Address::Own),
            (Some("2026-09-07 11:00"), "2026-09-07 12:00", Address::NewThenOwn),
            (Some("2026-09-07 11:00"), "2026-09-14 10:59", Address::NewThenOwn),
            (Some("2026-09-07 11:00"), "2026-09-14 11:00", Address::OwnThenNew),
            (None, "2026-09-14 11:00", Address::OwnThenNew),
            // The clock went back: before the redirect was seen it is not believed, and no time to come is.
            (Some("2026-09-07 11:00"), "2026-08-01 00:00", Address::Own),
            (Some("2027-09-07 11:00"), "2026-09-14 11:00", Address::OwnThenNew),
        ] {
            let moved = Moved { to: "https://example.org/new".to_owned(), since, own_asked_at: own_asked_at.map(time) };
            assert_eq!(address(Some(&moved), time(now)), address_now, "{own_asked_at:?} {now}");
        }
        assert_eq!(address(None, since), Address::Own);
    }

    #[test]
    fn a_feed_that_is_gone_is_looked_for_at_once_and_then_ever_more_seldom() {
        let now = time("2026-09-21 12:00");
        for (count, hours, is_due) in [
            (0, 1, false),
            (0, 24, true),
            (1, 23, false),
            (1, 24, true),
            (2, 47, false),
            (2, 48, true),
            (9, 31 * 24, false),
            (9, 32 * 24, true),
        ] {
            let search = Search { at: Some(now - TimeDelta::hours(hours)), count };
            assert_eq!(search.is_due(now), is_due, "{count} searches, {hours} h ago");
        }
        assert!(Search::default().is_due(now));
        assert!(Search { at: Some(now + TimeDelta::days(400)), count: 3 }.is_due(now), "the clock was wrong");
    }
}
