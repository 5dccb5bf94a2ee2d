//! The rules of outboxes: tables, and a law for any receiver.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::outbox::{Answer, News, Outbox, Turn};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn failed() -> Answer {
    Answer::of(502, None)
}

fn refused() -> Answer {
    Answer::of(422, None)
}

/// When something may be sent again, in seconds.
fn waits_until(outbox: &Outbox, now: i64) -> i64 {
    match outbox.turn(false, at(now)) {
        Turn::NotBefore(then) => (then - at(0)).num_seconds(),
        turn => panic!("{turn:?}"),
    }
}

#[test]
fn a_receiver_that_is_away_is_asked_later_and_later_and_for_ever() {
    let mut outbox = Outbox::begin(7);
    let (mut now, mut waits) = (0, Vec::new());
    for attempt in 0..13 {
        let news = outbox.answered(8, "a", &failed(), at(now));
        assert_eq!(news, (attempt == 1).then_some(News::Fails), "it is told once");
        let until = waits_until(&outbox, now);
        waits.push(until - now);
        now = until;
        assert_eq!(outbox.turn(false, at(now)), Turn::After(7));
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600]);
    assert_eq!((outbox.failing_since, outbox.failures), (Some(at(0)), 13));
    assert_eq!(outbox.answered(8, "a", &Answer::Taken, at(now)), Some(News::Well));
    assert_eq!(outbox, Outbox { change: 8, last_delivered_at: Some(at(now)), ..Outbox::default() });
}

#[test]
fn what_a_receiver_asks_for_binds_though_the_daemon_is_restarted() {
    for (answer, asked) in [
        (Answer::of(429, Some(Duration::from_secs(90))), 90),
        (Answer::of(503, Some(Duration::from_secs(316_800))), 316_800),
        (Answer::of(429, Some(Duration::ZERO)), 1),
    ] {
        let mut outbox = Outbox::begin(0);
        assert_eq!(outbox.answered(1, "a", &answer, at(0)), None, "that is no failure yet");
        assert_eq!(waits_until(&outbox.clone().resumed(), 0), asked, "{answer:?}");
    }
    let mut outbox = Outbox::begin(0);
    outbox.answered(1, "a", &Answer::of(429, None), at(0));
    assert_eq!(waits_until(&outbox, 0), 5);
    assert_eq!(outbox.resumed().turn(true, at(0)), Turn::After(0), "what nobody asked for is forgotten");
}

#[test]
fn a_clock_that_was_set_back_holds_up_nothing() {
    let mut outbox = Outbox::begin(0);
    outbox.answered(1, "a", &failed(), at(0));
    assert_eq!(outbox.turn(false, at(-86_400)), Turn::After(0));
}

#[test]
fn a_receiver_that_is_gone_is_asked_again_when_somebody_may_have_mended_it() {
    let mut outbox = Outbox::begin(0);
    assert_eq!(outbox.answered(1, "a", &Answer::of(410, None), at(0)), Some(News::Gone));
    assert_eq!(outbox.turn(false, at(1_000_000)), Turn::Never);
    let mut outbox = outbox.resumed();
    assert_eq!(outbox.turn(true, at(1_000_000)), Turn::After(0));
    assert_eq!(outbox.answered(1, "a", &Answer::of(410, None), at(1_000_000)), None, "which is no news");
    assert_eq!((outbox.turn(false, at(2_000_000)), outbox.gone_since), (Turn::Never, Some(at(0))));
    outbox.answered(1, "a", &Answer::Taken, at(3_000_000));
    assert_eq!(outbox.turn(false, at(3_000_000)), Turn::After(1));
}

#[test]
fn a_refused_article_lets_others_pass_and_is_passed_over_when_they_were_taken() {
    let mut outbox = Outbox::begin(0);
    assert_eq!(outbox.answered(1, "a", &refused(), at(0)), Some(News::Refuses));
    let (mut now, mut change) = (0, 1);
    loop {
        match outbox.turn(false, at(now)) {
            Turn::Again(1) => {
                if let Some(news) = outbox.answered(1, "a", &refused(), at(now)) {
                    assert_eq!(news, News::PassedOver);
                    break;
                }
            }
            Turn::After(last) => {
                assert_eq!(last, change);
                change += 1;
                assert_eq!(outbox.answered(change, "b", &Answer::Taken, at(now)), None);
                now += 1;
            }
            turn => panic!("{turn:?}"),
        }
    }
    assert!((75..160).contains(&now), "after {now} s");
    let passed_over = outbox.last_passed_over.clone().unwrap();
    assert_eq!((outbox.passed_over, passed_over.article.as_str(), passed_over.refusals), (1, "a", 6));
    assert_eq!(outbox.turn(false, at(now)), Turn::After(change));
}

#[test]
fn a_lone_refused_article_waits_for_ever() {
    let mut outbox = Outbox::begin(0);
    let (mut now, mut told) = (0, Vec::new());
    told.extend(outbox.answered(1, "a", &refused(), at(now)));
    for _ in 0..100 {
        assert_eq!(outbox.turn(false, at(now)), Turn::After(1), "others may come");
        now = (outbox.next_again().unwrap() - at(0)).num_seconds();
        assert_eq!(outbox.turn(false, at(now)), Turn::Again(1));
        told.extend(outbox.answered(1, "a", &refused(), at(now)));
    }
    assert_eq!((told, outbox.passed_over), (vec![News::Refuses, News::Fails], 0));
    assert_eq!(outbox.answered(1, "a", &Answer::Taken, at(now)), Some(News::Well));
}

#[test]
fn a_receiver_that_breaks_on_one_article_for_over_an_hour_gets_the_next_ones() {
    let mut outbox = Outbox::begin(0);
    let mut now = 0;
    while outbox.refused.is_empty() {
        outbox.answered(1, "a", &Answer::of(500, None), at(now));
        if let Turn::NotBefore(then) = outbox.turn(false, at(now)) {
            now = (then - at(0)).num_seconds();
        }
    }
    assert!((3_600..7_200).contains(&now), "after {now} s");
    assert_eq!(outbox.turn(false, at(now)), Turn::After(1));
    // It breaks on the next one as well: nothing more is set aside.
    for _ in 0..100 {
        outbox.answered(2, "b", &Answer::of(500, None), at(now));
        now = waits_until(&outbox, now);
        assert_eq!(outbox.turn(false, at(now)), Turn::Again(1), "the earlier one goes first");
        outbox.answered(1, "a", &Answer::of(500, None), at(now));
    }
    assert_eq!((outbox.refused.len(), outbox.change, outbox.passed_over), (1, 1, 0));
}

#[test]
fn statuses_mean_what_they_say() {
    for (status, outcome) in [
        (200, "delivered"),
        (202, "delivered"),
        (204, "delivered"),
        (301, "failed"),
        (400, "refused"),
        (401, "failed"),
        (403, "refused"),
        (404, "failed"),
        (408, "failed"),
        (410, "gone"),
        (413, "refused"),
        (422, "refused"),
        (429, "rate_limited"),
        (500, "failed"),
        (503, "failed"),
        (504, "failed"),
    ] {
        assert_eq!(Answer::of(status, None).outcome(), outcome, "{status}");
    }
    assert_eq!(Answer::of(503, Some(Duration::ZERO)).outcome(), "rate_limited");
}

/// What a receiver does for a while.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Takes,
    Away,
    Breaks,
    RefusesAll,
    Busy(u64),
}

fn mood() -> impl Strategy<Value = (Mood, i64)> {
    let moods = prop_oneof![
        2 => Just(Mood::Takes),
        1 => Just(Mood::Away),
        1 => Just(Mood::Breaks),
        1 => Just(Mood::RefusesAll),
        1 => (0_u64..4_000).prop_map(Mood::Busy),
    ];
    (moods, 1_i64..20_000)
}

struct Receiver {
    moods: Vec<(Mood, i64)>,
    poison: BTreeSet<i64>,
}

impl Receiver {
    /// After all its moods it is well.
    fn answer(&self, change: i64, mut second: i64) -> Answer {
        let mood = self.moods.iter().find_map(|(mood, lasts)| {
            second -= lasts;
            (second < 0).then_some(*mood)
        });
        match mood.unwrap_or(Mood::Takes) {
            Mood::Takes if self.poison.contains(&change) => Answer::of(400, None),
            Mood::Takes => Answer::of(204, None),
            Mood::Away => Answer::Failed { error: "cannot connect".to_owned() },
            Mood::Breaks => Answer::of(500, None),
            Mood::RefusesAll => Answer::of(403, None),
            Mood::Busy(seconds) => Answer::of(429, Some(Duration::from_secs(seconds))),
        }
    }
}

proptest! {
    /// For any receiver that is well in the end: each article that it would take is delivered once, none is passed over but what it
    /// always refuses, nothing is sent while nothing may be, and what is new goes in the order of its changes.
    #[test]
    fn whatever_a_receiver_takes_in_the_end_is_delivered(
        moods in proptest::collection::vec(mood(), 0..4),
        poison in proptest::collection::btree_set(1_i64..60, 0..8),
        pace in 1_i64..400,
        restarts in proptest::collection::vec(0_usize..400, 0..4),
    ) {
        const LAST: i64 = 200;
        let receiver = Receiver { moods, poison };
        let mut outbox = Outbox::begin(0);
        let (mut delivered, mut passed_over, mut now, mut steps) = (BTreeSet::new(), BTreeSet::new(), 0_i64, 0);
        let (mut is_resumed, mut newest_delivered) = (false, 0);
        while (delivered.len() + passed_over.len()) < usize::try_from(LAST).unwrap() {
            steps += 1;
            prop_assert!(steps < 20_000, "it gets nowhere: {outbox:?}");
            if restarts.contains(&steps) {
                // What is written down is all that is known.
                outbox = serde_json::from_str::<Outbox>(&serde_json::to_string(&outbox).unwrap()).unwrap().resumed();
                is_resumed = true;
            }
            // A new article every so many seconds, and one that is asked for is there.
            let newest = (now / pace).min(LAST);
            let change = match outbox.turn(is_resumed, at(now)) {
                Turn::Never => panic!("nobody said that he was gone"),
                Turn::NotBefore(then) => {
                    prop_assert!(then > at(now));
                    now = (then - at(0)).num_seconds();
                    continue;
                }
                Turn::Again(change) => change,
                Turn::After(change) if change < newest => change + 1,
                Turn::After(_) => {
                    now = match outbox.next_again() {
                        Some(again) if newest == LAST => (again - at(0)).num_seconds().max(now + 1),
                        _ => now + pace,
                    };
                    // Where nothing comes any more, what is poison stays, and waits for other articles.
                    if newest == LAST && outbox.refused.iter().all(|refused| receiver.poison.contains(&refused.change)) {
                        passed_over.extend(outbox.refused.iter().map(|refused| refused.change));
                    }
                    continue;
                }
            };
            is_resumed = false;
            let answer = receiver.answer(change, now);
            let news = outbox.answered(change, &change.to_string(), &answer, at(now));
            if answer == Answer::Taken {
                prop_assert!(delivered.insert(change), "{change} was taken twice");
                prop_assert!(change > newest_delivered || outbox.change > change);
                newest_delivered = newest_delivered.max(change);
            }
            if news == Some(News::PassedOver) {
                let article: i64 = outbox.last_passed_over.clone().unwrap().article.parse().unwrap();
                prop_assert!(receiver.poison.contains(&article), "{article} was passed over");
                passed_over.insert(article);
            }
            now += 1;
        }
        prop_assert!(delivered.is_disjoint(&passed_over));
        prop_assert!((1..=LAST).all(|change| delivered.contains(&change) != receiver.poison.contains(&change)));
    }
}

#[test]
fn where_nearly_everything_is_refused_the_rest_does_not_wait_for_ever() {
    let mut outbox = Outbox::begin(0);
    let (mut now, mut taken) = (at(0), false);
    while !taken {
        assert!(now < at(0) + TimeDelta::days(30), "{outbox:?}");
        let change = match outbox.turn(false, now) {
            Turn::NotBefore(then) => {
                now = then;
                continue;
            }
            Turn::Again(change) => change,
            Turn::After(change) => change + 1,
            Turn::Never => panic!("it is not gone"),
        };
        taken = change == 100;
        outbox.answered(change, "a", &if taken { Answer::Taken } else { refused() }, now);
        assert!(outbox.refused.len() <= 32);
        assert!(now > at(86_400) || outbox.passed_over == 0, "nothing is passed over within a day");
    }
    assert!(outbox.passed_over > 60, "{}", outbox.passed_over);
}
