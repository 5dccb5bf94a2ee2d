//! Another program locks the database: for a moment nobody notices, for long it is said once; then all goes on.

use crate::place::{LONG, Place, rss};
use crate::support::{Answer, FeedServer, within};

/// So many feeds are asked every second.
const FEEDS: usize = 12;

fn place(server: &FeedServer) -> Place {
    let names: Vec<String> = (1..=FEEDS).map(|number| format!("feed{number}")).collect();
    let feeds: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), server.url(&format!("/{name}")))).collect();
    Place::new(&Place::config("", &feeds).replace("[schedule]", "[schedule]\ninterval = \"1s\"\nadaptive = false"))
}

/// Each feed shows so many stories.
fn show(server: &FeedServer, stories: usize) {
    for number in 1..=FEEDS {
        let titles: Vec<String> = (1..=stories).map(|story| format!("{number} {story}")).collect();
        let items: Vec<(&str, &str, &str)> = titles.iter().map(|title| (title.as_str(), title.as_str(), title.as_str())).collect();
        server.on(&format!("/feed{number}"), Answer::feed(rss(&items)));
    }
}

#[track_caller]
fn has(place: &Place, articles: usize) {
    assert!(within(LONG, || place.titles().len() == articles), "{:?}", place.titles());
}

#[test]
fn a_lock_of_a_moment_is_waited_out_in_silence() {
    let server = FeedServer::start();
    show(&server, 1);
    let place = place(&server);
    let daemon = place.daemon();
    has(&place, FEEDS);
    let other = place.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    show(&server, 2);
    let asked = server.requests().len();
    assert!(server.wait_for(asked + FEEDS, LONG));
    other.execute_batch("ROLLBACK").unwrap();
    has(&place, 2 * FEEDS);
    assert_eq!(daemon.count("refused"), 0);
    daemon.stop();
}

#[test]
fn a_lock_of_long_is_said_once_kills_nothing_and_loses_nothing() {
    let server = FeedServer::start();
    show(&server, 1);
    let place = place(&server);
    let daemon = place.daemon_with(&[("WATCHDOG_USEC", "600000000")]);
    has(&place, FEEDS);
    let other = place.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    show(&server, 2);
    assert!(daemon.hears("is locked by another program").contains("STATUS="));
    let status = place.run(&["status", "--check"]);
    status.fails(1, "one thing needs care");
    assert!(status.out.contains("care      the archive") && status.out.contains("is locked by another program"), "{}", status.out);
    other.execute_batch("ROLLBACK").unwrap();
    daemon.logs("the archive takes polls again", 1);
    has(&place, 2 * FEEDS);
    assert_eq!(daemon.count("refused a poll"), 1);
    place.run(&["db", "check"]).succeeds();
    daemon.stop();
}

#[test]
fn polls_that_wait_behind_a_lock_are_told_together_so_that_the_watchdog_stays_quiet() {
    let server = FeedServer::start();
    show(&server, 1);
    let place = place(&server);
    // Twice as long as a lock is waited for: enough for one wait, not for one after the other.
    let daemon = place.daemon_with(&[("WATCHDOG_USEC", "20000000")]);
    has(&place, FEEDS);
    let other = place.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    daemon.logs("refused a poll", 1);
    // From now on nobody is asked for what cannot be stored.
    let asked = server.requests().len();
    for _ in 0..2 {
        daemon.hears("WATCHDOG=1");
    }
    assert_eq!(server.requests().len(), asked);
    other.execute_batch("ROLLBACK").unwrap();
    daemon.stop();
}
