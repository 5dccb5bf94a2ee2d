//! What a feed has shown and a poll has committed is in the archive for good: neither a crash nor another feed's fault
//! takes anything away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, SETTINGS, rss, stories, strings, with_feeds, within};

/// Enough entries that a commit takes a while.
const MANY: u32 = 60;

/// A feed that grows by a story with each request.
fn growing(server: &FeedServer, target: &str, answer: impl Fn(String) -> Answer + Send + 'static) -> Arc<AtomicU32> {
    let shown = Arc::new(AtomicU32::new(MANY));
    let count = Arc::clone(&shown);
    server.compute(target, move |_| answer(stories(1..=count.fetch_add(1, Ordering::SeqCst) + 1)));
    shown
}

/// Id to title of all articles; a title stands for one article alone, and none was ever revised.
#[track_caller]
fn archive(place: &Place) -> BTreeMap<String, String> {
    let check: String = place.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let articles = place.articles();
    let titles: BTreeSet<String> = strings(&articles, "title").into_iter().collect();
    assert_eq!(titles.len(), articles.len(), "something was stored twice");
    assert!(articles.iter().all(|article| article["revision"] == 1 && article["sightings"].as_array().unwrap().len() == 1));
    strings(&articles, "id").into_iter().zip(strings(&articles, "title")).collect()
}

/// The archive of someone who was never interrupted and sees what the feed shows at last.
fn uninterrupted(shown: u32) -> BTreeMap<String, String> {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=shown)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (u64::from(shown), 0));
    archive(&place)
}

/// A poll brings everything, and nothing is doubled.
#[track_caller]
fn is_whole(place: &Place, shown: &AtomicU32) {
    let lines = place.poll();
    assert!(lines[0]["error"].is_null(), "{lines:?}");
    assert_eq!(archive(place), uninterrupted(shown.load(Ordering::SeqCst)));
}

#[test]
fn a_poll_killed_before_its_answer_came_loses_nothing() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", |body| Answer::feed(body).etag("\"1\"").delay(Duration::from_millis(300)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    for round in 1..=3 {
        let poll = place.start(&["poll", "--all"]);
        assert!(server.wait_for(round, PATIENCE));
        poll.kill();
    }
    is_whole(&place, &shown);
}

#[test]
fn a_poll_killed_in_the_middle_of_a_body_loses_nothing() {
    let server = FeedServer::start();
    let calls = AtomicU32::new(0);
    let shown = growing(&server, "/feed", move |body| {
        let answer = Answer::feed(body).etag("\"1\"").last_modified("1");
        if calls.fetch_add(1, Ordering::SeqCst) < 3 { answer.stall_after(20_000) } else { answer }
    });
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    for round in 1..=3 {
        let poll = place.start(&["poll", "--all"]);
        assert!(server.wait_for(round, PATIENCE));
        poll.kill();
    }
    is_whole(&place, &shown);
}

/// Starts a poll and kills it when its journal holds so many bytes.
fn kill_while_writing(place: &Place, bytes: u64) {
    let wal_size = || fs::metadata(place.at("gleaner.db-wal")).map_or(0, |metadata| metadata.len());
    let mut poll = place.start(&["poll", "--all"]);
    assert!(within(PATIENCE, || wal_size() >= bytes || poll.has_ended()), "{}", poll.log());
    poll.kill();
}

#[test]
fn a_poll_killed_while_it_writes_loses_nothing() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", |body| Answer::feed(body).etag("\"1\""));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    for bytes in [1, 20_000, 50_000, 100_000, 150_000] {
        kill_while_writing(&place, bytes);
    }
    is_whole(&place, &shown);
}

#[test]
fn a_poll_killed_while_it_makes_the_archive_leaves_one_that_the_next_poll_goes_on_with() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", |body| Answer::feed(body).etag("\"1\""));
    for bytes in [0, 1, 9_000, 40_000, 120_000] {
        let place = Place::with_feeds([("paper", server.url("/feed"))]);
        kill_while_writing(&place, bytes);
        is_whole(&place, &shown);
    }
}

#[test]
fn a_poll_killed_at_any_moment_loses_nothing() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", |body| Answer::feed(body).etag("\"1\""));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    for round in 0..16 {
        let mut poll = place.start(&["poll", "--all"]);
        // No moment is the right one: whichever this hits on a machine, nothing may be lost.
        within(Duration::from_millis(round * 25), || poll.has_ended());
        poll.kill();
    }
    is_whole(&place, &shown);
}

#[test]
fn a_daemon_killed_again_and_again_loses_nothing() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", |body| Answer::feed(body).etag("\"1\""));
    let place = Place::with_config(&with_feeds(
        &SETTINGS.replace("min_interval = \"1s\"", "interval = \"1s\"\nmin_interval = \"1s\""),
        [("paper", server.url("/feed"))],
    ));
    for round in 1..=5 {
        let asked = server.requests().len();
        let daemon = place.start(&["run"]);
        assert!(server.wait_for(asked + round % 2 + 1, PATIENCE), "{}", daemon.log());
        daemon.kill();
    }
    is_whole(&place, &shown);
}

#[test]
fn what_was_committed_before_a_crash_is_there_after_it() {
    let server = FeedServer::start();
    let shown = growing(&server, "/feed", Answer::feed);
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let before = archive(&place);
    shown.store(0, Ordering::SeqCst);
    // From now on the feed shows one story: whatever is not kept is gone.
    for _ in 0..4 {
        let asked = server.requests().len();
        let poll = place.start(&["poll", "--all"]);
        assert!(server.wait_for(asked + 1, PATIENCE));
        poll.kill();
        shown.store(0, Ordering::SeqCst);
    }
    assert_eq!(archive(&place), before);
}

/// Every way in which a feed can go wrong that a server can arrange.
fn faults() -> Vec<(&'static str, Answer)> {
    let story = || stories(1..=9);
    let bomb = Answer::feed(vec![b' '; 2 << 20]).gzip();
    let laughs = "<!DOCTYPE rss [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">\
                  <!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;\">]><html>&d;</html>";
    vec![
        ("cut", Answer::feed(story()).cut_after(700)),
        ("cut-chunks", Answer::feed(story()).chunked().cut_after(3_000)),
        ("cut-gzip", Answer::feed(story()).gzip().truncated(200)),
        ("empty", Answer::feed("")),
        ("page", Answer::page("<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Please sign in.</body></html>")),
        ("text", Answer::ok("This is no feed.")),
        ("picture", Answer::ok(vec![0x89, b'P', b'N', b'G', 0, 1, 2, 0xff])),
        ("laughs", Answer::feed(laughs)),
        ("deep", Answer::feed("<html>".repeat(50_000))),
        ("json", Answer::ok("{\"version\": \"https://jsonfeed.org/version/1.1\", \"items\": 7")),
        ("server-error", Answer::status(500)),
        ("not-found", Answer::status(404)),
        ("gone", Answer::status(410)),
        ("no-entry", Answer::status(403)),
        ("busy", Answer::status(503).header("Retry-After", "3600")),
        ("hang-up", Answer::hang_up()),
        ("garbage", Answer::raw("220 smtp.paper.example ready\r\n")),
        ("stall", Answer::feed(story()).stall_after(500)),
        ("silence", Answer::feed(story()).delay(Duration::from_secs(4))),
        ("huge", Answer::feed(vec![b'x'; 2 << 20])),
        ("bomb", bomb),
    ]
}

fn settings() -> String {
    SETTINGS.replace("timeout = \"20s\"", "timeout = \"2s\"\nmax_body = \"1MiB\"")
}

#[test]
fn one_bad_feed_never_harms_another_in_the_same_pass() {
    let server = FeedServer::start();
    let mut feeds = Vec::new();
    let faults = faults();
    for (name, answer) in &faults {
        server.on(&format!("/{name}"), answer.clone());
        feeds.push((*name, server.url(&format!("/{name}"))));
    }
    feeds.push(("nowhere", "http://127.0.0.1:1/feed".to_owned()));
    // Good ones between and after the bad.
    let good: Vec<String> = (1..=8).map(|number| format!("good{number}")).collect();
    for (number, name) in (1..).zip(&good) {
        let item = Item::story(number);
        server.on(&format!("/{name}"), Answer::feed(rss(&[item])));
        feeds.insert((number as usize * 3).min(feeds.len()), (name, server.url(&format!("/{name}"))));
    }
    let place = Place::with_config(&with_feeds(&settings(), feeds));
    let lines = place.poll();
    assert_eq!(lines.len(), faults.len() + 1 + good.len());
    for line in &lines {
        let is_good = line["feed"].as_str().unwrap().starts_with("good");
        assert_eq!(line["error"].is_null(), is_good, "{line}");
        assert_eq!(line["new"], u64::from(is_good), "{line}");
    }
    assert_eq!(place.articles().len(), good.len());
    for feed in place.feeds() {
        let (name, status) = (feed["name"].as_str().unwrap(), feed["status"].as_str().unwrap());
        let want = if name.starts_with("good") {
            "ok"
        } else if name == "gone" {
            "gone"
        } else {
            "error"
        };
        assert_eq!(status, want, "{feed:#}");
        assert_eq!(feed["consecutive_failures"], u64::from(want != "ok"), "{feed:#}");
        assert_eq!(feed["last_error"].is_null(), want == "ok", "{feed:#}");
        assert!(feed["next_poll_at"].is_string(), "no feed is given up: {feed:#}");
    }
    // A person is told the same, and the pass is no failure.
    let told = place.run(&["poll", "--all"]);
    let out = told.succeeds();
    assert!(out.contains(&format!("{} failed", faults.len() + 1)), "{out}");
}

#[test]
fn a_failing_poll_keeps_the_old_articles_and_the_next_good_one_goes_on() {
    let server = FeedServer::start();
    let faults = faults();
    let mut feeds = Vec::new();
    for (name, answer) in &faults {
        let target = format!("/{name}");
        let item = |number| Item::story(number).guid(&format!("{name}-{number}")).link(&format!("https://{name}.example/{number}"));
        let home = format!("https://{name}.example/");
        let document = |items: &[Item]| Answer::feed(crate::support::rss_of(name, &home, items));
        server.sequence(&target, [document(&[item(1), item(2)]), answer.clone(), document(&[item(1), item(2), item(3)])]);
        feeds.push((*name, server.url(&target)));
    }
    let place = Place::with_config(&with_feeds(&settings(), feeds));
    let count = faults.len() as u64;
    assert_eq!(place.poll_counts(), (2 * count, 0));
    let before = place.articles();
    let failed = place.poll();
    assert!(failed.iter().all(|line| line["error"].is_string()), "{failed:#?}");
    let after = place.articles();
    assert_eq!(after, before, "not even a sighting has changed");
    assert_eq!(place.poll_counts(), (count, 0));
    assert_eq!(place.articles().len() as u64, 3 * count);
}
