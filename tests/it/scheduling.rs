//! When feeds are asked, and where: moved feeds, feeds that share an address, hosts that want peace, feeds that are gone.
//!
//! What takes days is made to have happened: the archive's times are set back, as if they had gone by.

use std::path::PathBuf;
use std::process::Command;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::support::program::{self, PATIENCE, SETTINGS, with_feeds, within};
use crate::support::{Answer, FeedServer};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Subscribed to these feeds: name and URL.
    fn with<const FEEDS: usize>(feeds: [(&str, String); FEEDS]) -> Place {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        let mut config =
            "[database]\npath = \"gleaner.db\"\n[fetch]\nper_host = 1\nallow_private_networks = true\n[articles]\nfull_text = \"never\"\n"
                .to_owned();
        for (name, url) in feeds {
            config.push_str(&format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n"));
        }
        std::fs::write(place.at("gleaner.toml"), config).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gleaner"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().env("HOME", self.at("home"));
        let output = command.args(["--config", "gleaner.toml"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Polls these feeds, or all; the lines by the feeds' names.
    #[track_caller]
    fn poll(&self, feeds: &[&str]) -> Vec<Value> {
        let all: &[&str] = if feeds.is_empty() { &["--all"] } else { feeds };
        let text = self.run(&[&["poll", "--json"], all].concat());
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.sort_by_key(|line| line["feed"].as_str().unwrap().to_owned());
        lines
    }

    /// What `feeds list` says of a feed.
    #[track_caller]
    fn feed(&self, name: &str) -> Value {
        let feeds: Vec<Value> = serde_json::from_str(&self.run(&["feeds", "list", "--json"])).unwrap();
        feeds.into_iter().find(|feed| feed["name"] == name).unwrap()
    }

    #[track_caller]
    fn hours_to_next_poll(&self, name: &str) -> f64 {
        let at: DateTime<Utc> = self.feed(name)["next_poll_at"].as_str().unwrap().parse().unwrap();
        (at - Utc::now()).as_seconds_f64() / 3600.0
    }

    fn archive(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.at("gleaner.db")).unwrap()
    }

    /// So many days go by: what was noted of the feeds is older by that.
    fn days_go_by(&self, days: i64) {
        let columns = ["last_polled_at", "next_poll_at", "failing_since", "redirected_since", "own_url_asked_at"];
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = {column} - {}", days * 86_400_000)).collect();
        self.archive().execute(&format!("UPDATE feed SET {}", set.join(", ")), []).unwrap();
    }
}

fn document(stories: std::ops::RangeInclusive<u32>) -> String {
    let items: String = stories
        .map(|n| {
            format!("<item><guid isPermaLink=\"false\">g{n}</guid><title>Story {n}</title><description>About {n}.</description></item>")
        })
        .collect();
    format!("<rss version=\"2.0\"><channel><title>Paper</title><link>https://paper.example/</link>{items}</channel></rss>")
}

fn feed(stories: std::ops::RangeInclusive<u32>) -> Answer {
    Answer::feed(document(stories)).etag("\"1\"").conditional()
}

/// The requests since the last call, as paths.
fn asked(server: &FeedServer, before: &mut usize) -> Vec<String> {
    let requests = server.requests();
    let new = requests[*before..].iter().map(|request| request.target.clone()).collect();
    *before = requests.len();
    new
}

#[test]
fn a_redirect_that_held_for_six_days_is_followed_at_once_and_the_old_address_asked_weekly() {
    let (server, mut seen) = (FeedServer::start(), 0);
    server.on("/old", Answer::redirect(301, "/new"));
    server.on("/new", feed(1..=2));
    let place = Place::with([("paper", server.url("/old"))]);
    place.poll(&[]);
    place.days_go_by(5);
    place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/old", "/new", "/old", "/new"]);
    place.days_go_by(1);
    place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/new"]);
    assert_eq!(place.feed("paper")["redirected_to"], server.url("/new"));
    assert_eq!(place.feed("paper")["url"], server.url("/old"));
    place.days_go_by(7);
    place.poll(&[]);
    place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/old", "/new", "/new"]);
    // The old address dies: nothing is lost.
    server.on("/old", Answer::status(404));
    server.on("/new", Answer::feed(document(1..=3)));
    place.days_go_by(7);
    let lines = place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/old", "/new"]);
    assert_eq!((&lines[0]["outcome"], &lines[0]["new"]), (&"fresh".into(), &1.into()));
    // The new one dies, and the old one is back: the move is over.
    server.on("/old", Answer::feed(document(1..=4)));
    server.on("/new", Answer::status(500));
    let lines = place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/new", "/old"]);
    assert_eq!((&lines[0]["outcome"], &lines[0]["new"]), (&"fresh".into(), &1.into()));
    assert!(place.feed("paper")["redirected_to"].is_null());
}

#[test]
fn a_page_at_the_old_address_does_not_become_the_feed() {
    let server = FeedServer::start();
    server.on("/old", Answer::redirect(308, "/new"));
    server.on("/new", feed(1..=2));
    let place = Place::with([("paper", server.url("/old"))]);
    place.poll(&[]);
    place.days_go_by(14);
    server.on("/old", Answer::page("<!DOCTYPE html><html><body>This domain is for sale</body></html>"));
    assert_eq!(place.poll(&[])[0]["outcome"], "not_modified");
    assert_eq!(place.feed("paper")["redirected_to"], server.url("/new"));
}

#[test]
fn two_feeds_that_moved_to_one_address_are_polled_once() {
    let (server, mut seen) = (FeedServer::start(), 0);
    server.on("/a", Answer::redirect(301, "/c"));
    server.on("/b", Answer::redirect(301, "/c"));
    server.on("/c", feed(1..=2));
    let place = Place::with([("a", server.url("/a")), ("b", server.url("/b")), ("c", server.url("/c"))]);
    place.poll(&[]);
    place.days_go_by(6);
    asked(&server, &mut seen);
    let lines = place.poll(&[]);
    assert_eq!(asked(&server, &mut seen), ["/c"]);
    let outcomes: Vec<&str> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "shared").count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "not_modified").count(), 1, "{outcomes:?}");
    // What is new is known as an entry of each of them.
    server.on("/c", Answer::feed(document(1..=3)).etag("\"2\"").conditional());
    place.poll(&["b"]);
    assert_eq!(asked(&server, &mut seen), ["/c"]);
    for name in ["a", "b", "c"] {
        let feed = place.feed(name);
        assert_eq!((&feed["articles"], &feed["status"]), (&3.into(), &"ok".into()), "{feed:#}");
        assert_eq!(feed["redirected_to"].is_null(), name == "c", "{feed:#}");
    }
    // Whoever saw less than the others keeps nobody from seeing all.
    place.archive().execute("UPDATE feed SET etag = x'00', document = NULL WHERE name = 'a'", []).unwrap();
    assert!(place.poll(&["c"])[0]["error"].is_null());
    let requests = server.requests();
    assert_eq!(requests.last().unwrap().header("if-none-match"), None);
}

#[test]
fn a_host_that_answers_429_is_left_alone_by_all_its_feeds() {
    let server = FeedServer::start();
    for path in ["/a", "/b", "/c"] {
        server.on(path, Answer::status(429).header("Retry-After", "316800"));
    }
    let feeds = ["a", "b", "c"].map(|name| (name, server.url(&format!("/{name}"))));
    let place = Place::with(feeds.clone());
    let settings = SETTINGS.replace("per_host = 16", "per_host = 1");
    let daemon = program::Place::with_config(&with_feeds(&settings, feeds));
    let running = daemon.start(&["run"]);
    assert!(within(PATIENCE, || running.log().matches("rate_limited").count() == 3), "{}", running.log());
    assert_eq!(server.requests().len(), 1);
    let mut failures = 0;
    for feed in daemon.feeds() {
        let next: DateTime<Utc> = feed["next_poll_at"].as_str().unwrap().parse().unwrap();
        let hours = (next - Utc::now()).num_minutes() as f64 / 60.0;
        assert!((87.9..88.2).contains(&hours), "{feed:#}");
        failures += feed["consecutive_failures"].as_u64().unwrap();
    }
    // Only the one that was asked has failed.
    assert_eq!(failures, 1);
    running.kill();
    // Somebody who asks for a pass gets each feed's own answer.
    let lines = place.poll(&[]);
    assert!(lines.iter().all(|line| line["http_status"] == 429), "{lines:#?}");
}

#[test]
fn a_feed_that_is_gone_is_asked_weekly_and_comes_back_by_itself() {
    let server = FeedServer::start();
    server.sequence("/feed", [feed(1..=1), Answer::status(410), feed(1..=2)]);
    let place = Place::with([("paper", server.url("/feed"))]);
    place.poll(&[]);
    place.poll(&[]);
    assert_eq!(place.feed("paper")["status"], "gone");
    assert!((150.0..190.0).contains(&place.hours_to_next_poll("paper")));
    place.poll(&[]);
    assert_eq!(place.feed("paper")["status"], "ok");
    assert!(place.hours_to_next_poll("paper") < 25.0);
}

#[test]
fn a_feed_that_did_nothing_but_fail_for_a_month_is_retired_visibly_and_comes_back_by_itself() {
    let server = FeedServer::start();
    server.on("/feed", Answer::status(500));
    let place = Place::with([("paper", server.url("/feed"))]);
    for _ in 0..10 {
        place.poll(&[]);
        place.days_go_by(3);
    }
    assert_eq!(place.feed("paper")["status"], "error");
    place.poll(&[]);
    let feed_line = place.feed("paper");
    assert_eq!(feed_line["status"], "gone");
    assert_eq!(feed_line["last_error"], "given up after 30 days of failures, asked weekly: HTTP status 500");
    assert!((150.0..190.0).contains(&place.hours_to_next_poll("paper")));
    server.on("/feed", feed(1..=1));
    place.poll(&[]);
    assert_eq!(place.feed("paper")["status"], "ok");
}

#[test]
fn what_a_feed_publishes_decides_when_it_is_polled_next() {
    let server = FeedServer::start();
    let dated = |age_in_hours: [i64; 8]| {
        let items: String = age_in_hours
            .iter()
            .map(|age| {
                let at = (Utc::now() - chrono::TimeDelta::hours(*age)).to_rfc2822();
                format!("<item><guid isPermaLink=\"false\">{age}</guid><title>Story</title><pubDate>{at}</pubDate></item>")
            })
            .collect();
        Answer::feed(format!("<rss version=\"2.0\"><channel><title>Paper</title>{items}</channel></rss>"))
    };
    server.on("/busy", dated([1, 5, 9, 13, 17, 21, 25, 29]));
    server.on("/dead", dated([9000, 9100, 9200, 9300, 9400, 9500, 9600, 9700]));
    server.on("/cached", dated([1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700]).header("Cache-Control", "max-age=172800"));
    let place = Place::with([("busy", server.url("/busy")), ("dead", server.url("/dead")), ("cached", server.url("/cached"))]);
    place.poll(&[]);
    let hours = place.hours_to_next_poll("dead");
    assert!((0.4..0.7).contains(&hours), "dates alone are not relied on: {hours} h");
    // As if they had been watched for a day.
    let earlier = "UPDATE feed SET rhythm = json_set(rhythm, '$.rhythm.begun', json_extract(rhythm, '$.rhythm.begun') - 86400)";
    place.archive().execute(earlier, []).unwrap();
    place.poll(&[]);
    for (name, least, most) in [("busy", 0.4, 0.7), ("dead", 20.0, 26.0), ("cached", 45.0, 51.0)] {
        let hours = place.hours_to_next_poll(name);
        assert!((least..most).contains(&hours), "{name}: {hours} h");
    }
}
