use chrono::{NaiveDateTime, TimeDelta};

use super::*;
use crate::parse::UpdateHints;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn settings() -> config::Schedule {
    config::Schedule { interval: 30 * MINUTE, min_interval: 5 * MINUTE, max_interval: DAY, adaptive: true, retire_after: 30 * DAY }
}

pub(super) fn time(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc()
}

/// 2026-09-21 14:13:20 UTC, a Monday.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn failed(failures: u32) -> End {
    End::Failed { failures, since: None }
}

/// The wait after a poll of a feed of which nothing is known.
fn wait(interval: Option<Duration>, end: End, freshness: Freshness) -> (Duration, Reason) {
    wait_of(&Memory::default(), interval, end, freshness)
}

fn wait_of(memory: &Memory, interval: Option<Duration>, end: End, freshness: Freshness) -> (Duration, Reason) {
    let polled = Polled { feed: "example", now: now(), interval, end, freshness: &freshness, memory };
    let next = next_poll(&settings(), &polled);
    ((next.at - now()).to_std().unwrap(), next.reason)
}

fn retry_after(wait: Duration) -> Freshness {
    Freshness { retry_after: Some(wait), max_age: None }
}

fn max_age(age: Duration) -> Freshness {
    Freshness { retry_after: None, max_age: Some(age) }
}

#[track_caller]
fn assert_near(wait: Duration, wanted: Duration) {
    let share = wait.as_secs_f64() / wanted.as_secs_f64();
    assert!((0.94..=1.06).contains(&share) || wait.abs_diff(wanted) <= 6 * MINUTE, "{wait:?} instead of {wanted:?}");
}

#[test]
fn the_operators_interval_is_kept_to_the_second_but_not_below_the_least() {
    assert_eq!(wait(Some(10 * MINUTE), End::Answered, Freshness::default()), (10 * MINUTE, Reason::Interval));
    assert_eq!(wait(Some(MINUTE), End::Answered, Freshness::default()), (5 * MINUTE, Reason::Interval));
}

#[test]
fn the_default_is_spread_and_differs_from_feed_to_feed() {
    let waits: std::collections::BTreeSet<_> = (0..100)
        .map(|n| {
            let (feed, memory) = (format!("feed {n}"), Memory::default());
            let polled =
                Polled { feed: &feed, now: now(), interval: None, end: End::Answered, freshness: &Freshness::default(), memory: &memory };
            next_poll(&settings(), &polled).at - now()
        })
        .collect();
    assert!(waits.len() > 80);
    assert!(waits.iter().all(|wait| (28..=32).contains(&wait.num_minutes())), "{waits:?}");
}

#[test]
fn a_wait_that_is_spread_is_none_the_shorter_than_the_shortest_interval() {
    let settings = config::Schedule { interval: 5 * MINUTE, min_interval: 5 * MINUTE, ..settings() };
    for n in 0..50 {
        let (feed, memory) = (format!("feed {n}"), Memory::default());
        for end in [End::Answered, failed(1), End::Outage] {
            let polled = Polled { feed: &feed, now: now(), interval: None, end, freshness: &Freshness::default(), memory: &memory };
            let wait = (next_poll(&settings, &polled).at - now()).to_std().unwrap();
            assert!(wait >= 5 * MINUTE, "{end:?} {wait:?}");
        }
    }
}

#[test]
fn failures_double_the_wait_up_to_the_longest() {
    for (failures, minutes) in [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1440), (60, 1440), (u32::MAX, 1440)] {
        let (wait, reason) = wait(None, failed(failures), Freshness::default());
        assert_near(wait, minutes * MINUTE);
        assert_eq!(reason, Reason::BackOff);
    }
}

// Traps 21 and 58.
#[test]
fn retry_after_binds_in_full_up_to_31_days_and_never_shortens() {
    assert_eq!(wait(None, failed(1), retry_after(88 * HOUR)), (88 * HOUR, Reason::RetryAfter));
    assert_eq!(wait(Some(10 * MINUTE), End::Answered, retry_after(HOUR)), (HOUR, Reason::RetryAfter));
    assert_eq!(wait(None, End::Answered, retry_after(400 * DAY)).0, 31 * DAY);
    assert_eq!(wait(Some(10 * MINUTE), End::Answered, retry_after(MINUTE)).0, 10 * MINUTE);
    // Nothing in the archive's plan cuts it short afterwards.
    let next = NextPoll { at: now() + 31 * DAY, reason: Reason::RetryAfter };
    assert_eq!(due(next, Some(now()), &settings(), Some(10 * MINUTE), now()), next.at);
}

#[test]
fn feeds_of_a_host_that_is_left_alone_come_back_after_the_hold_and_not_all_at_once() {
    let mut waits = std::collections::BTreeSet::new();
    for n in 0..50 {
        let (feed, memory) = (format!("feed {n}"), Memory::default());
        let freshness = retry_after(7 * HOUR);
        let polled = Polled { feed: &feed, now: now(), interval: None, end: End::Held, freshness: &freshness, memory: &memory };
        let next = next_poll(&settings(), &polled);
        assert_eq!(next.reason, Reason::RetryAfter);
        waits.insert((next.at - now()).num_seconds());
    }
    assert!(waits.len() > 40);
    assert!(waits.iter().all(|wait| (7 * 3600..=7 * 3600 + 660).contains(wait)), "{waits:?}");
}

// Trap 22.
#[test]
fn a_429_speaks_for_the_host_and_a_503_for_ten_minutes_at_most() {
    for (status, asked, held) in [
        (429, Some(88 * HOUR), 88 * HOUR),
        (429, Some(400 * DAY), 31 * DAY),
        (429, None, 30 * MINUTE),
        (503, Some(5 * MINUTE), 5 * MINUTE),
        (503, Some(88 * HOUR), 10 * MINUTE),
    ] {
        assert_eq!(host_hold(&settings(), status, asked), held, "{status} {asked:?}");
    }
}

#[test]
fn hints_bind_only_where_the_operator_has_set_no_interval() {
    let hints = |minutes| Memory {
        hints: Hints::from(&UpdateHints { interval_minutes: Some(minutes), ..UpdateHints::default() }),
        ..Memory::default()
    };
    // A year may be a mistake of a content network: of a feed whose window is not known it is not believed.
    assert_eq!(wait_of(&hints(120), Some(10 * MINUTE), End::Answered, max_age(3 * HOUR)), (10 * MINUTE, Reason::Interval));
    for (minutes, age, wanted) in [(120, MINUTE, 2 * HOUR), (10, 3 * HOUR, 3 * HOUR), (60 * 24 * 365, MINUTE, DAY)] {
        let (wait, reason) = wait_of(&hints(minutes), None, End::Answered, max_age(age));
        assert_near(wait, wanted);
        assert_eq!(reason, Reason::Hint);
    }
    // A failed poll says nothing new about when the feed changes.
    assert_near(wait_of(&hints(600), None, failed(1), max_age(10 * HOUR)).0, 30 * MINUTE);
}

/// A feed of twenty entries, so far apart, that was polled every half hour for a day.
fn steady(gap: Duration) -> Memory {
    let gap = gap.as_secs() as i64;
    let mut rhythm = Rhythm::default();
    for poll in 0..48 {
        let at = now() - (47 - poll) * 30 * MINUTE;
        let newest = at.timestamp().div_euclid(gap);
        let dates: Vec<_> = (newest - 19..=newest).map(|n| DateTime::from_timestamp(n * gap, 0).unwrap()).collect();
        let new = usize::try_from(newest - (at.timestamp() - 1800).div_euclid(gap)).unwrap().min(20);
        let observation = if new == 0 && poll > 0 {
            Observation::unchanged(at)
        } else {
            Observation { at, dates: &dates, entries: 20, new, kept: 20 - new, pinned: 0 }
        };
        rhythm = learn(&rhythm, &observation);
    }
    Memory { rhythm, hints: Hints::default() }
}

#[test]
fn hints_never_let_more_than_half_a_window_turn_over() {
    // Twenty entries, six minutes apart: the window turns over in less than two hours.
    let (wait, reason) = wait_of(&steady(6 * MINUTE), None, End::Answered, max_age(DAY));
    assert!(wait <= 60 * MINUTE, "{wait:?}");
    assert_eq!(reason, Reason::Rhythm);
    // Twenty entries a day apart: there is time.
    assert_near(wait_of(&steady(DAY), None, End::Answered, max_age(20 * HOUR)).0, 20 * HOUR);
}

#[test]
fn without_adaptive_the_rhythm_only_keeps_articles_from_being_missed() {
    let settings = config::Schedule { adaptive: false, ..settings() };
    for (gap, most) in [(DAY * 30, 32), (3 * MINUTE, 30), (MINUTE, 10)] {
        let memory = steady(gap);
        let polled =
            Polled { feed: "x", now: now(), interval: None, end: End::Answered, freshness: &Freshness::default(), memory: &memory };
        let next = next_poll(&settings, &polled);
        assert_eq!(next.reason, Reason::Default);
        assert!((next.at - now()).num_minutes() <= most, "{gap:?}: {}", next.at - now());
    }
}

#[test]
fn no_plan_is_made_for_the_full_hour() {
    for second in 0..7200 {
        for (interval, end) in [(None, End::Answered), (Some(HOUR), End::Answered), (None, failed(3)), (None, End::Gone)] {
            let now = now() + TimeDelta::seconds(second);
            let (freshness, memory) = (Freshness::default(), Memory::default());
            let next = next_poll(&settings(), &Polled { feed: "example", now, interval, end, freshness: &freshness, memory: &memory });
            assert_ne!(next.at.minute(), 0, "{now} {end:?}");
        }
    }
}

#[test]
fn a_short_interval_is_kept_at_the_full_hour_too() {
    let settings = config::Schedule { min_interval: Duration::from_secs(1), ..settings() };
    let (freshness, memory) = (Freshness::default(), Memory::default());
    let now = time("2026-09-21 09:59") + TimeDelta::seconds(58);
    let interval = Some(Duration::from_secs(2));
    let next = next_poll(&settings, &Polled { feed: "example", now, interval, end: End::Answered, freshness: &freshness, memory: &memory });
    assert_eq!((next.at - now).num_seconds(), 2);
}

// Trap 19: there is no tick that a feed's interval could beat against, so as many polls come as the interval says.
#[test]
fn no_poll_is_skipped_or_doubled() {
    let (freshness, memory) = (Freshness::default(), Memory::default());
    for (interval, least, most) in [(Some(HOUR), 163, 168), (None, 315, 350)] {
        let (mut at, mut polls) = (now(), 0);
        while at < now() + 7 * DAY {
            // The answer takes some seconds each time.
            let answered = at + TimeDelta::seconds(3);
            let polled = Polled { feed: "example", now: answered, interval, end: End::Answered, freshness: &freshness, memory: &memory };
            let next = next_poll(&settings(), &polled);
            at = due(next, Some(answered), &settings(), interval, next.at);
            polls += 1;
        }
        assert!((least..=most).contains(&polls), "{interval:?}: {polls}");
    }
}

// Trap 23.
#[test]
fn polling_never_stops_for_good() {
    for failures in 0..200 {
        for since in [None, Some(now() - 400 * DAY), Some(now() + 400 * DAY)] {
            let (wait, _) = wait(None, End::Failed { failures, since }, Freshness::default());
            assert!(wait <= 8 * DAY, "{failures} {since:?}: {wait:?}");
        }
    }
}

#[test]
fn a_feed_that_did_nothing_but_fail_is_asked_weekly() {
    for (failures, days, reason) in [
        (40, 31, Reason::Retired),
        (40, 30, Reason::Retired),
        (40, 29, Reason::BackOff),
        // A daemon that slept for two months has not asked often enough to say so.
        (3, 60, Reason::BackOff),
    ] {
        let end = End::Failed { failures, since: Some(now() - days * DAY) };
        let (wait, why) = wait(None, end, Freshness::default());
        assert_eq!(why, reason, "{failures} {days}");
        assert_near(wait, if reason == Reason::Retired { 7 * DAY } else { wait });
    }
    // One answer, and all is as before.
    assert_near(wait(None, End::Answered, Freshness::default()).0, 30 * MINUTE);
}

#[test]
fn a_feed_that_is_gone_is_asked_weekly() {
    let (wait, reason) = wait(None, End::Gone, Freshness::default());
    assert_near(wait, 7 * DAY);
    assert_eq!(reason, Reason::Gone);
}

// Trap 24: a restart changes no plan.
#[test]
fn what_was_planned_before_a_restart_holds_after_it() {
    for n in 0_u32..100 {
        let at = now() + n * 17 * Duration::from_secs(1);
        for reason in [Reason::Default, Reason::Rhythm, Reason::Hint, Reason::BackOff, Reason::RetryAfter, Reason::Gone] {
            let next = NextPoll { at, reason };
            for later in [MINUTE, 10 * MINUTE, HOUR] {
                assert_eq!(due(next, Some(now()), &settings(), None, now() + later), at, "{reason:?}");
            }
        }
    }
}

#[test]
fn a_shorter_interval_holds_at_once_but_not_against_a_servers_wish() {
    let tomorrow = now() + DAY;
    for (reason, interval, minutes) in [
        (Reason::Interval, Some(10 * MINUTE), 20),
        (Reason::Rhythm, Some(10 * MINUTE), 20),
        (Reason::Hint, Some(10 * MINUTE), 20),
        (Reason::Rhythm, None, 1440),
        (Reason::Hint, None, 1440),
        (Reason::Default, None, 41),
        (Reason::RetryAfter, Some(10 * MINUTE), 1440),
        (Reason::BackOff, Some(10 * MINUTE), 1440),
    ] {
        let due = due(NextPoll { at: tomorrow, reason }, Some(now()), &settings(), interval, now());
        assert_eq!((due - now()).num_minutes(), minutes, "{reason:?}");
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
    }
}

// Trap 25.
#[test]
fn a_plan_made_by_a_clock_that_was_ahead_silences_no_feed() {
    let wrong = now() + 400 * DAY;
    for reason in [
        Reason::Interval,
        Reason::Default,
        Reason::Rhythm,
        Reason::Hint,
        Reason::BackOff,
        Reason::Gone,
        Reason::Retired,
        Reason::RetryAfter,
    ] {
        let next = NextPoll { at: wrong + 30 * MINUTE, reason };
        assert_eq!(due(next, Some(wrong), &settings(), None, now()), now(), "{reason:?}");
    }
    // Ahead by less than a plan may reach: then nobody waits for longer than that.
    let next = NextPoll { at: now() + 20 * HOUR, reason: Reason::Rhythm };
    assert_eq!(due(next, Some(now() + 19 * HOUR), &settings(), None, now()), next.at);
}

#[test]
fn a_clock_that_jumps_back_or_ahead_does_not_spoil_a_rhythm() {
    let memory = steady(6 * MINUTE);
    for jump in [TimeDelta::days(-4000), TimeDelta::hours(-5), TimeDelta::days(5), TimeDelta::days(400)] {
        let rhythm = learn(&memory.rhythm, &Observation::unchanged(now() + jump));
        let rhythm = learn(&rhythm, &Observation::unchanged(now()));
        let memory = Memory { rhythm, hints: Hints::default() };
        let (wait, _) = wait_of(&memory, None, End::Answered, Freshness::default());
        assert!(wait <= 35 * MINUTE && wait >= 5 * MINUTE, "{jump}: {wait:?}");
    }
}

#[test]
fn what_is_remembered_of_a_feed_is_small_and_read_again() {
    let memory = steady(6 * MINUTE);
    let text = memory.encode().unwrap();
    assert!(text.len() < 800, "{} bytes: {text}", text.len());
    let read = Memory::decode(&text).unwrap();
    assert_eq!(read.encode().unwrap(), text);
    for (text, is_read) in [("", false), ("{", false), ("{}", true), ("{\"rhythm\":{\"later\":1}}", true), ("{\"rhythm\":3}", false)] {
        assert_eq!(Memory::decode(text).is_some(), is_read, "{text}");
    }
}

#[test]
fn the_longest_durations_that_can_be_written_overflow_nothing() {
    let long = Duration::from_secs(u64::MAX);
    let settings = config::Schedule { interval: long, min_interval: long, max_interval: long, adaptive: true, retire_after: long };
    for memory in [Memory::default(), steady(6 * MINUTE), steady(30 * DAY)] {
        for end in [End::Answered, failed(u32::MAX), End::Gone, End::Held] {
            for interval in [None, Some(long)] {
                let freshness = Freshness { retry_after: Some(long), max_age: Some(long) };
                let next = next_poll(&settings, &Polled { feed: "x", now: now(), interval, end, freshness: &freshness, memory: &memory });
                due(next, Some(now()), &settings, interval, now());
            }
        }
    }
}

#[test]
fn a_feed_that_has_just_been_added_is_not_polled_more_seldom_than_the_default_whatever_its_dates_say() {
    let first = now() - 2 * HOUR;
    let dates: Vec<_> = (1..=20).rev().map(|month| first - month * 30 * DAY).collect();
    let mut memory = Memory {
        rhythm: learn(&Rhythm::default(), &Observation { at: first, dates: &dates, entries: 20, new: 20, kept: 0, pinned: 0 }),
        ..Memory::default()
    };
    memory.rhythm = learn(&memory.rhythm, &Observation::unchanged(now()));
    let wait_at = |at| {
        let polled = Polled { feed: "x", now: at, interval: None, end: End::Answered, freshness: &Freshness::default(), memory: &memory };
        (next_poll(&settings(), &polled).at - at).to_std().unwrap()
    };
    assert_near(wait_at(now()), 30 * MINUTE);
    assert!(wait_at(now() + 5 * HOUR) > 3 * HOUR);
}
