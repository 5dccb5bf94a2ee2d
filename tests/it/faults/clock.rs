//! The time of day was wrong, and is right again: no feed waits for a day that will not come, none is given up for time that
//! never passed, and retention removes nothing that is new.

use crate::place::{LONG, Place, rss};
use crate::support::{Answer, FeedServer, within};

const DAY: i64 = 86_400_000;

/// Two feeds that were polled by a clock that was so many days ahead (or, below zero, behind).
fn polled_by_a_clock_off_by(days: i64) -> (Place, FeedServer) {
    let server = FeedServer::start();
    server.on("/well", Answer::feed(rss(&[("one", "The bridge opens", "The bridge opens in spring.")])));
    server.on("/failing", Answer::status(500));
    let place = Place::with_feeds("", &[("well", server.url("/well")), ("failing", server.url("/failing"))]);
    let config = std::fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &config.replace("[database]", "[database]\nretention = \"365d\""));
    place.run(&["poll"]).succeeds();
    let database = place.database();
    for column in ["last_polled_at", "last_seen_at", "next_poll_at", "failing_since"] {
        database.execute(&format!("UPDATE feed SET {column} = {column} + ?1"), [days * DAY]).unwrap();
    }
    database.execute("UPDATE feed SET consecutive_failures = 30 WHERE name = 'failing'", []).unwrap();
    (place, server)
}

#[test]
fn a_clock_that_was_ahead_holds_up_no_feed() {
    for days in [2, 400, 40_000] {
        let (place, server) = polled_by_a_clock_off_by(days);
        server.on("/well", Answer::feed(rss(&[("two", "The ferry stops", "The ferry stops at noon.")])));
        let daemon = place.daemon();
        assert!(within(LONG, || place.titles().len() == 2), "{days} days ahead");
        assert!(within(LONG, || server.requests_to("/failing").len() >= 2), "{days} days ahead");
        daemon.stop();
        let feeds: Vec<serde_json::Value> = serde_json::from_str(place.run(&["feeds", "list", "--json"]).succeeds()).unwrap();
        let status = |name: &str| feeds.iter().find(|feed| feed["name"] == name).unwrap()["status"].clone();
        assert_eq!((status("well"), status("failing")), ("ok".into(), "error".into()), "failures to come retire nobody");
    }
}

#[test]
fn a_clock_that_was_behind_brings_every_feed_once_and_removes_nothing_new() {
    let (place, server) = polled_by_a_clock_off_by(-300);
    let daemon = place.daemon();
    assert!(within(LONG, || server.requests_to("/well").len() == 2 && server.requests_to("/failing").len() == 2));
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "0 articles removed that were first seen more than 365d ago\n");
    daemon.stop();
    assert_eq!(place.titles(), ["The bridge opens"]);
    assert_eq!(server.requests().len(), 4, "each was due once");
    place.run(&["db", "check"]).succeeds();
}

/// libfaketime, under which a process believes the time of day that a file names and keeps the steady clock; where it is
/// installed (Debian: `libfaketime`).
fn faketime() -> Option<&'static str> {
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"]
        .into_iter()
        .find(|library| std::path::Path::new(library).exists())
}

#[test]
fn a_running_daemon_lives_through_a_clock_that_is_set_back_and_ahead_by_years() {
    let Some(library) = faketime().filter(|_| cfg!(debug_assertions)) else {
        eprintln!("skipped: libfaketime is not installed, or the program has an allocator that it does not know");
        return;
    };
    let server = FeedServer::start();
    server.on("/well", Answer::feed(rss(&[("one", "The bridge opens", "The bridge opens in spring.")])));
    server.on("/failing", Answer::status(500));
    let feeds = [("well", server.url("/well")), ("failing", server.url("/failing"))];
    let config = Place::config("", &feeds).replace("[database]", "[database]\nretention = \"365d\"");
    let place = Place::new(&config.replace("[schedule]", "[schedule]\ninterval = \"1s\"\nmax_interval = \"1s\"\nadaptive = false"));
    place.write("clock", "+0");
    let clock = place.at("clock");
    let daemon = place.daemon_with(&[
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    // Each clock in turn: both feeds are asked as before, and what is new comes in.
    let mut shown = vec![("one", "The bridge opens")];
    let turns = [
        ("-2y", "the clock was set back", 1, ("two", "The ferry stops")),
        ("+3y", "the clock was set ahead", 1, ("three", "The mill turns")),
        ("-20d", "the clock was set back", 2, ("four", "The school closes")),
        ("+0", "the clock was set ahead", 2, ("five", "The market moves")),
    ];
    let asked = |path: &str| server.requests_to(path).len();
    assert!(within(LONG, || asked("/well") >= 2 && asked("/failing") >= 2));
    for (offset, words, times, (guid, title)) in turns {
        place.save("clock", offset);
        daemon.logs(words, times);
        shown.push((guid, title));
        let entries: Vec<_> = shown.iter().map(|(guid, title)| (*guid, *title, *title)).collect();
        server.on("/well", Answer::feed(rss(&entries)));
        let before = (asked("/well"), asked("/failing"));
        assert!(within(LONG, || asked("/well") > before.0 + 2 && asked("/failing") > before.1 + 2), "at {offset}");
        assert!(within(LONG, || place.titles().len() == shown.len()), "at {offset}");
    }
    daemon.stop();
    let mut titles: Vec<&str> = shown.iter().map(|(_, title)| *title).collect();
    titles.sort_unstable();
    assert_eq!(place.titles(), titles);
    let list: Vec<serde_json::Value> = serde_json::from_str(place.run(&["feeds", "list", "--json"]).succeeds()).unwrap();
    assert_eq!(list.iter().find(|feed| feed["name"] == "failing").unwrap()["status"], "error", "it was not failing for years");
    place.run(&["db", "check"]).succeeds();
}
