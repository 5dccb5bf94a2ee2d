//! What coverage proves, and what it does not: through the polls of the built program.
//!
//! What takes days is made to have happened: the archive's times are set back, as if they had gone by.

use serde_json::{Value, json};

use crate::support::program::SETTINGS;
use crate::support::{Answer, FeedServer, Item, Place, rss, stories, with_feeds};

/// The columns of a feed that hold a time.
const TIMES: [&str; 13] = [
    "last_polled_at",
    "last_seen_at",
    "next_poll_at",
    "failing_since",
    "gone_since",
    "covered_since",
    "covered_until",
    "answer_due_at",
    "changed_at",
    "verified_at",
    "distrusted_since",
    "sought_at",
    "redirected_since",
];

/// So many hours go by: what was noted of the feeds is older by that.
fn hours_go_by(place: &Place, hours: i64) {
    let set: Vec<String> = TIMES.iter().map(|column| format!("{column} = {column} - {}", hours * 3_600_000)).collect();
    let database = place.database();
    database.execute(&format!("UPDATE feed SET {}", set.join(", ")), []).unwrap();
    // The latest first: no two findings may ever end at one time.
    let shifted = format!("UPDATE coverage_finding SET until_at = until_at - {0}, from_at = from_at - {0}", hours * 3_600_000);
    database.execute(&shifted, []).unwrap();
}

#[track_caller]
fn coverage(place: &Place, arguments: &[&str]) -> Value {
    let ended = place.run(&[&["coverage", "--json"], arguments].concat());
    let feeds: Vec<Value> = serde_json::from_str(ended.succeeds()).unwrap();
    assert_eq!(feeds.len(), 1);
    feeds[0].clone()
}

/// What is not simply whole: state, cause and whether it is proven.
fn interruptions(coverage: &Value) -> Vec<(String, String, bool)> {
    let text = |span: &Value, key: &str| span[key].as_str().unwrap_or_default().to_owned();
    let spans = coverage["spans"].as_array().unwrap().iter().filter(|span| span["state"] != "whole");
    spans.map(|span| (text(span, "state"), text(span, "cause"), span["proven"].as_bool().unwrap())).collect()
}

fn one(state: &str, cause: &str, proven: bool) -> Vec<(String, String, bool)> {
    vec![(state.to_owned(), cause.to_owned(), proven)]
}

fn place(server: &FeedServer) -> Place {
    Place::with_feeds([("paper", server.url("/feed"))])
}

#[test]
fn documents_that_overlap_are_proven_whole_and_one_that_does_not_is_a_possible_gap() {
    let server = FeedServer::start();
    let place = place(&server);
    server.on("/feed", Answer::feed(stories(1..=10)));
    assert_eq!(coverage(&place, &[])["complete"], false);
    place.poll_counts();
    for newest in [11, 15, 24] {
        server.on("/feed", Answer::feed(stories(newest - 9..=newest)));
        hours_go_by(&place, 1);
        place.poll_counts();
    }
    let whole = coverage(&place, &[]);
    assert_eq!((&whole["complete"], &interruptions(&whole)), (&json!(true), &vec![]), "{whole:#}");
    assert!(place.feed("paper")["possible_gap_at"].is_null());
    // Ten stories and one more.
    server.on("/feed", Answer::feed(stories(26..=35)));
    hours_go_by(&place, 1);
    place.poll_counts();
    let gap = coverage(&place, &[]);
    assert_eq!((&gap["complete"], interruptions(&gap)), (&json!(false), one("possible_gap", "turnover", false)), "{gap:#}");
    let found_at = &place.feed("paper")["possible_gap_at"];
    assert_eq!((found_at, &gap["possible_gap_at"]), (&gap["proven_until"], found_at));
    let status = place.run(&["status"]);
    assert!(status.succeeds().contains("gap       paper: something may have been missed before "), "{}", status.out);
    let listed = place.run(&["feeds", "list"]);
    assert!(listed.succeeds().contains("something may have been missed before "), "{}", listed.out);
    // … and what is proven after it is no gap.
    hours_go_by(&place, 1);
    place.poll_counts();
    let after = coverage(&place, &["paper", "--since", "30m"]);
    assert_eq!((&after["complete"], &after["possible_gap_at"]), (&json!(true), &Value::Null), "{after:#}");
    place.run(&["db", "check"]).succeeds();
}

#[test]
fn a_feed_that_stays_as_it_is_costs_no_row() {
    let server = FeedServer::start();
    let place = place(&server);
    server.on("/feed", Answer::feed(stories(1..=10)).etag("\"1\"").conditional());
    place.poll_counts();
    let rows = || {
        let base: String = place.database().query_row("SELECT base FROM coverage_base", [], |row| row.get(0)).unwrap();
        let findings: i64 = place.database().query_row("SELECT count(*) FROM coverage_finding", [], |row| row.get(0)).unwrap();
        (base, findings)
    };
    let before = rows();
    for number in 0..5 {
        // Not modified; the same bytes; other bytes with the same entries.
        match number % 3 {
            0 => {}
            1 => server.on("/feed", Answer::feed(stories(1..=10))),
            _ => server.on("/feed", Answer::feed(stories(1..=10) + &" ".repeat(number))),
        }
        hours_go_by(&place, 1);
        place.poll_counts();
    }
    assert_eq!(rows(), before);
    let whole = coverage(&place, &[]);
    let spans = whole["spans"].as_array().unwrap();
    assert_eq!((spans.len(), &spans[0]["until"]), (1, &whole["proven_until"]), "{whole:#}");
}

#[test]
fn a_time_in_which_nobody_polled_is_unwatched_and_proven_if_the_feed_still_shows_what_it_showed() {
    let server = FeedServer::start();
    let place = place(&server);
    server.on("/feed", Answer::feed(stories(1..=10)));
    place.poll_counts();
    hours_go_by(&place, 48);
    let down = coverage(&place, &[]);
    assert_eq!((&down["complete"], interruptions(&down)), (&json!(false), one("unwatched", "not_polled", false)), "{down:#}");
    server.on("/feed", Answer::feed(stories(10..=19)));
    place.poll_counts();
    let bridged = coverage(&place, &[]);
    assert_eq!((&bridged["complete"], interruptions(&bridged)), (&json!(true), one("unwatched", "not_polled", true)), "{bridged:#}");
    server.on("/feed", Answer::status(500));
    place.poll();
    hours_go_by(&place, 48);
    assert_eq!(interruptions(&coverage(&place, &["--since", "47h"])), one("unwatched", "failing", false));
    server.on("/feed", Answer::feed(stories(30..=39)));
    place.poll_counts();
    assert_eq!(interruptions(&coverage(&place, &["--since", "47h"])), one("possible_gap", "failing", false));
    // Before it was first polled nothing is proven, and a feed that is disabled is not watched.
    let before = coverage(&place, &["--since", "365d", "--until", "300d"]);
    assert_eq!((&before["complete"], interruptions(&before)), (&json!(false), one("unwatched", "not_begun", false)));
    place.write("gleaner.toml", with_feeds(SETTINGS, [("paper", server.url("/feed"))]) + "enabled = false\n");
    hours_go_by(&place, 1);
    assert_eq!(interruptions(&coverage(&place, &["--since", "30m"])), one("unwatched", "disabled", false));
}

// Trap 57.
#[test]
fn a_pinned_entry_hides_no_gap() {
    let server = FeedServer::start();
    let place = place(&server);
    let show = |newest: u32| {
        let items: Vec<Item> = std::iter::once(1).chain((newest - 8..=newest).rev()).map(Item::story).collect();
        server.on("/feed", Answer::feed(rss(&items)));
        place.poll_counts();
        hours_go_by(&place, 1);
    };
    show(50);
    show(52);
    show(54);
    assert_eq!(interruptions(&coverage(&place, &[])), []);
    show(80);
    assert_eq!(interruptions(&coverage(&place, &[])), one("possible_gap", "turnover", false));
}

#[test]
fn entries_that_filters_drop_prove_as_much_as_those_that_are_kept() {
    let server = FeedServer::start();
    let filter = "[[filter]]\naction = \"keep\"\nfield = \"title\"\nmatches = \"0$\"\n";
    let place = Place::with_config(&(with_feeds(SETTINGS, [("paper", server.url("/feed"))]) + filter));
    for newest in [10, 18, 26] {
        server.on("/feed", Answer::feed(stories(newest - 9..=newest)));
        place.poll_counts();
        hours_go_by(&place, 1);
    }
    assert_eq!(place.titles(), ["Story 10", "Story 20"]);
    assert_eq!(interruptions(&coverage(&place, &[])), []);
    // Without the filter the same entries are known again.
    place.subscribe([("paper", server.url("/feed"))]);
    server.on("/feed", Answer::feed(stories(20..=29)));
    place.poll_counts();
    assert_eq!(interruptions(&coverage(&place, &[])), []);
}

#[test]
fn a_document_that_is_empty_or_cut_off_proves_nothing_and_refutes_nothing() {
    let server = FeedServer::start();
    let place = place(&server);
    server.on("/feed", Answer::feed(stories(1..=10)));
    place.poll_counts();
    server.on("/feed", Answer::feed(rss([])));
    hours_go_by(&place, 1);
    place.poll_counts();
    hours_go_by(&place, 1);
    place.poll_counts();
    let empty = coverage(&place, &[]);
    assert_eq!((&empty["complete"], interruptions(&empty)), (&json!(false), one("unwatched", "empty", false)), "{empty:#}");
    server.on("/feed", Answer::feed(stories(5..=14)));
    place.poll_counts();
    assert_eq!(interruptions(&coverage(&place, &[])), []);
}

#[test]
fn a_name_that_no_feed_has_is_a_mistake() {
    let server = FeedServer::start();
    let place = place(&server);
    place.run(&["coverage", "papr"]).fails(2, &["no feed is named `papr`; did you mean `paper`?"]);
    place.run(&["coverage", "--since", "yesterday"]).fails(2, &["yesterday"]);
    let table = place.run(&["coverage"]);
    assert!(table.succeeds().contains("paper"), "{}", table.out);
}
