//! Servers that answer "not modified" though there is news, and feeds that are gone from where they were.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::support::{Answer, FeedServer, Place, stories};

/// So many days go by: what was noted of the feed is older by that. Its rhythm, in which time is kept as well, is forgotten.
fn days_go_by(place: &Place, days: i64) {
    let columns =
        ["last_polled_at", "last_seen_at", "next_poll_at", "failing_since", "changed_at", "verified_at", "distrusted_since", "sought_at"];
    let set: Vec<String> = columns.iter().map(|column| format!("{column} = {column} - {}", days * 86_400_000)).collect();
    place.database().execute(&format!("UPDATE feed SET rhythm = NULL, {}", set.join(", ")), []).unwrap();
}

/// Which of the requests from this one on were conditional.
fn conditional(server: &FeedServer, from: usize) -> Vec<bool> {
    server.requests_to("/feed")[from..].iter().map(|request| request.header("if-none-match").is_some()).collect()
}

// Trap 55.
#[test]
fn a_server_that_says_not_modified_for_ever_is_found_out_and_not_asked_for_that_any_more() {
    let server = FeedServer::start();
    let newest = Arc::new(AtomicU32::new(10));
    let shown = Arc::clone(&newest);
    server.compute("/feed", move |request| match request.header("if-none-match") {
        Some(_) => Answer::status(304),
        None => {
            let newest = shown.load(Ordering::SeqCst);
            Answer::feed(stories(newest - 9..=newest)).etag(format!("\"{newest}\""))
        }
    });
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (10, 0));
    newest.store(12, Ordering::SeqCst);
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(conditional(&server, 0), [false, true]);
    assert!(place.feed("paper")["validators_distrusted_since"].is_null());
    // A week of silence is not explained: asked without validators, and then, for proof, with them.
    days_go_by(&place, 8);
    assert_eq!(place.poll_counts(), (2, 0));
    assert_eq!(conditional(&server, 2), [false, true]);
    let since = place.feed("paper")["validators_distrusted_since"].clone();
    assert!(since.is_string());
    let listed = place.run(&["feeds", "list"]);
    assert!(listed.succeeds().contains("says \"not modified\" though there is news"), "{}", listed.out);
    let status = place.run(&["status"]);
    assert!(status.succeeds().contains("untrusted paper: "), "{}", status.out);
    // From now on nothing is held back.
    newest.store(13, Ordering::SeqCst);
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(conditional(&server, 4), [false, false]);
    assert_eq!(place.feed("paper")["validators_distrusted_since"], since);
    // It is given another chance, and a mended server is believed.
    days_go_by(&place, 91);
    server.on("/feed", Answer::feed(stories(4..=13)).etag("\"13\"").conditional());
    place.poll();
    assert_eq!(conditional(&server, 6), [false], "after so long it is verified first");
    place.poll();
    assert_eq!(conditional(&server, 7), [true]);
    assert!(place.feed("paper")["validators_distrusted_since"].is_null());
}

#[test]
fn an_honest_server_is_verified_once_a_day_and_stays_believed() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=10)).etag("\"1\"").conditional());
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll_counts();
    days_go_by(&place, 8);
    place.poll_counts();
    place.poll_counts();
    assert_eq!(conditional(&server, 1), [false, true], "once a day");
    // News at the very poll that verifies is no proof of a lie.
    days_go_by(&place, 8);
    server.on("/feed", Answer::feed(stories(1..=11)).etag("\"2\"").conditional());
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(conditional(&server, 3), [false, true]);
    assert!(place.feed("paper")["validators_distrusted_since"].is_null());
    place.poll_counts();
    assert_eq!(conditional(&server, 5), [true]);
}

fn proposed(place: &Place) -> Value {
    place.feed("paper")["proposed_url"].clone()
}

/// Requests for anything but the feed.
fn looked(server: &FeedServer) -> usize {
    server.requests().iter().filter(|request| request.target != "/feed").count()
}

#[test]
fn a_feed_that_is_gone_is_looked_for_on_its_site_and_what_was_found_is_proposed() {
    let server = FeedServer::start();
    let named = "<html><head><link rel=\"alternate\" type=\"application/rss+xml\" href=\"/news.xml\"></head></html>";
    server.on("/feed", Answer::feed(stories(1..=10)));
    server.on("/", Answer::page(named));
    server.on("/news.xml", Answer::feed(stories(1..=12)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll_counts();
    // The home page of the document is that of another server, which is not asked here.
    place.database().execute("UPDATE feed SET site_url = ?1", [server.url("/")]).unwrap();
    for gone in [Answer::status(404), Answer::status(410), Answer::page("<!DOCTYPE html><title>Our news have moved</title>")] {
        server.on("/feed", gone);
        place.poll();
        assert_eq!(proposed(&place), server.url("/news.xml"));
        let before = looked(&server);
        place.poll();
        assert_eq!(looked(&server), before, "once, and not again the same day");
        let feed = place.feed("paper");
        assert_eq!((&feed["articles"], &feed["url"]), (&10.into(), &server.url("/feed").into()), "proposed, not taken");
        let listed = place.run(&["feeds", "list"]);
        assert!(listed.succeeds().contains(&format!("moved to? {}", server.url("/news.xml"))), "{}", listed.out);
        let status = place.run(&["status"]);
        assert!(status.succeeds().contains("moved to? paper"), "{}", status.out);
        // Trap 56: it comes back, and there is nothing to propose any more.
        server.on("/feed", Answer::feed(stories(1..=10)));
        place.poll();
        assert!(proposed(&place).is_null());
        days_go_by(&place, 1);
        place.database().execute("UPDATE feed SET site_url = ?1", [server.url("/")]).unwrap();
    }
}

#[test]
fn a_page_in_the_feeds_place_may_name_the_feed_itself() {
    let server = FeedServer::start();
    server.on("/feed", Answer::page("<html><link rel=alternate type=application/atom+xml href=/elsewhere.xml></html>"));
    server.on("/elsewhere.xml", Answer::feed(stories(1..=3)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    assert_eq!(proposed(&place), server.url("/elsewhere.xml"));
}

#[test]
fn a_feed_that_is_polled_already_is_not_proposed_for_another_and_a_server_in_trouble_is_not_searched() {
    let server = FeedServer::start();
    server.on("/", Answer::page("<link rel=alternate type=application/rss+xml href=/sport.xml>"));
    server.on("/sport.xml", Answer::feed(stories(1..=3)));
    server.on("/feed", Answer::status(503));
    let place = Place::with_feeds([("paper", server.url("/feed")), ("sport", server.url("/sport.xml"))]);
    place.poll();
    assert!(server.requests_to("/").is_empty());
    server.on("/feed", Answer::status(404));
    place.poll();
    assert_eq!(server.requests_to("/").len(), 1);
    assert!(proposed(&place).is_null());
}
