//! The daemon polls what is due, stops when it is told to, and goes on where it was.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::support::{Answer, FeedServer, PATIENCE, Place, Running, SETTINGS, stories, with_feeds, within};

/// "Within seconds" is the promise; this is what a busy machine may need for it.
const SECONDS: Duration = Duration::from_secs(10);

/// Every second.
fn eager() -> String {
    SETTINGS.replace("min_interval = \"1s\"", "interval = \"1s\"\nmin_interval = \"1s\"")
}

fn place(server: &FeedServer) -> Place {
    Place::with_config(&with_feeds(&eager(), [("paper", server.url("/feed"))]))
}

#[track_caller]
fn shows(place: &Place, articles: usize) {
    assert!(within(PATIENCE, || place.at("gleaner.db").exists()
        && place.run(&["export"]).status == 0
        && place.articles().len() == articles));
}

#[track_caller]
fn stops(daemon: &mut Running, signal: &str) {
    daemon.signal(signal);
    let status = daemon.ends_within(SECONDS);
    assert!(status.success(), "{status}: {}", daemon.log());
}

#[test]
fn a_new_article_of_a_feed_that_changes_is_there_at_the_next_poll() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    let place = place(&server);
    let mut daemon = place.start(&["run"]);
    shows(&place, 1);
    server.on("/feed", Answer::feed(stories(1..=2)));
    shows(&place, 2);
    stops(&mut daemon, "TERM");
    // One line a poll, with what it brought.
    let log = daemon.log();
    for words in ["polled", "feed=\"paper\"", "outcome=\"fresh\"", "new=1", "updated=0", "bytes=", "milliseconds="] {
        assert!(log.contains(words), "no {words} in\n{log}");
    }
}

#[test]
fn sigterm_and_sigint_stop_it_within_seconds_with_everything_committed() {
    for signal in ["TERM", "INT"] {
        let server = FeedServer::start();
        server.on("/feed", Answer::feed(stories(1..=30)));
        // One that is under way when the signal comes, and would be for long.
        server.on("/slow", Answer::feed(stories(31..=60)).delay(Duration::from_secs(60)));
        let place = Place::with_config(&with_feeds(&eager(), [("paper", server.url("/feed")), ("slow", server.url("/slow"))]));
        let mut daemon = place.start(&["run"]);
        shows(&place, 30);
        assert!(within(PATIENCE, || server.requests_to("/slow").len() == 1));
        stops(&mut daemon, signal);
        assert_eq!(place.articles().len(), 30);
        let journal = std::fs::metadata(place.at("gleaner.db-wal")).map_or(0, |metadata| metadata.len());
        assert_eq!(journal, 0, "the database is closed, not left");
        let check: String = place.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
    }
}

#[test]
fn a_second_poller_is_refused_while_all_that_reads_works() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=3)));
    let place = place(&server);
    let mut daemon = place.start(&["run"]);
    shows(&place, 3);
    place.run(&["run"]).fails(1, &["another Gleaner is polling", "gleaner.db", "stop it first"]);
    let id = place.articles()[0]["id"].as_str().unwrap().to_owned();
    for command in [&["export"][..], &["search", "story"], &["show", &id], &["feeds", "list"], &["check"]] {
        place.run(command).succeeds();
    }
    stops(&mut daemon, "TERM");
    // The lock is gone with the process, also where it was killed.
    place.run(&["poll", "--all"]).succeeds();
    place.start(&["run"]).kill();
    place.run(&["poll", "--all"]).succeeds();
}

#[test]
fn after_a_restart_a_feed_that_is_not_due_is_not_asked() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    server.on("/new", Answer::feed(stories(2..=2)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    // A feed that was added meanwhile shows that the daemon has looked at its timetable.
    place.subscribe([("paper", server.url("/feed")), ("new", server.url("/new"))]);
    let mut daemon = place.start(&["run"]);
    shows(&place, 2);
    stops(&mut daemon, "TERM");
    assert_eq!(server.requests_to("/feed").len(), 1);
    // The same holds for a pass.
    place.run(&["poll"]).succeeds();
    assert_eq!((server.requests_to("/feed").len(), server.requests_to("/new").len()), (1, 1));
}

#[test]
fn no_feed_is_asked_before_its_interval_is_over() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    let config = format!("{}interval = \"2s\"\n", with_feeds(SETTINGS, [("paper", server.url("/feed"))]));
    let place = Place::with_config(&config);
    let mut daemon = place.start(&["run"]);
    assert!(server.wait_for(4, PATIENCE));
    stops(&mut daemon, "TERM");
    let times: Vec<Instant> = server.requests().iter().map(|request| request.at).collect();
    for pair in times.windows(2) {
        // The poll's time is kept in whole seconds, which may take one from the wait.
        assert!(pair[1] - pair[0] >= Duration::from_secs(1), "{:?}", pair[1] - pair[0]);
    }
    assert!(times[3] - times[0] >= Duration::from_millis(4_900), "{:?}", times[3] - times[0]);
}

#[test]
fn a_disabled_feed_is_not_polled_and_keeps_its_articles() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    server.on("/other", Answer::feed(stories(3..=3)));
    let place = place(&server);
    place.poll();
    let disabled = format!("{}enabled = false\n", with_feeds(&eager(), [("other", server.url("/other")), ("paper", server.url("/feed"))]));
    place.write("gleaner.toml", disabled);
    let mut daemon = place.start(&["run"]);
    assert!(within(PATIENCE, || server.requests_to("/other").len() >= 3));
    stops(&mut daemon, "TERM");
    assert_eq!(place.poll().len(), 1);
    assert_eq!(server.requests_to("/feed").len(), 1);
    assert_eq!(place.articles().len(), 3);
    let feed = place.feed("paper");
    assert_eq!((&feed["status"], &feed["next_poll_at"]), (&"disabled".into(), &serde_json::Value::Null));
}

#[test]
fn sighup_takes_over_a_good_config_and_keeps_the_old_one_where_it_is_broken() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    server.on("/added", Answer::feed(stories(2..=2)));
    let place = place(&server);
    let mut daemon = place.start(&["run"]);
    shows(&place, 1);

    place.write("gleaner.toml", "[schedule]\nintervall = \"1s\"\n");
    daemon.signal("HUP");
    daemon.says("intervall");
    let asked = server.requests_to("/feed").len();
    assert!(within(PATIENCE, || server.requests_to("/feed").len() > asked), "it polls on with the old config");

    place.write("gleaner.toml", with_feeds(&eager(), [("added", server.url("/added"))]));
    daemon.signal("HUP");
    daemon.says("reloaded");
    shows(&place, 2);
    // What was taken out is polled no more. A poll that was under way at the reload may end.
    let (asked, others) = (server.requests_to("/feed").len(), server.requests_to("/added").len());
    assert!(within(PATIENCE, || server.requests_to("/added").len() >= others + 3));
    assert!(server.requests_to("/feed").len() <= asked + 1);
    stops(&mut daemon, "TERM");
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn the_service_manager_hears_of_its_start_its_state_and_its_end() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    let place = place(&server);
    let socket = UnixDatagram::bind(place.at("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = place.command(&["run"]);
    command.env("NOTIFY_SOCKET", place.at("notify"));
    let mut daemon = place.start_with(command);
    let mut heard = String::new();
    let mut hear_until = |wanted: &str| {
        let mut buffer = [0; 4096];
        while !heard.contains(wanted) {
            let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{error}: no {wanted} in {heard}"));
            heard.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            heard.push('\n');
        }
        heard.clone()
    };
    hear_until("READY=1");
    assert!(hear_until("STATUS=").contains("1 feeds"));
    hear_until("2 new articles");
    daemon.signal("HUP");
    let heard = hear_until("RELOADING=1");
    assert!(heard.contains("MONOTONIC_USEC="), "{heard}");
    daemon.signal("TERM");
    hear_until("STOPPING=1");
    assert!(daemon.ends_within(SECONDS).success());
}

#[test]
fn it_keeps_going_whatever_a_feed_does() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    server.sequence(
        "/bad",
        [Answer::status(500), Answer::hang_up(), Answer::page("<!DOCTYPE html><title>no</title>"), Answer::feed(stories(2..=2))],
    );
    let config = format!("{}interval = \"1s\"\n", with_feeds(&eager(), [("paper", server.url("/feed")), ("bad", server.url("/bad"))]));
    let place = Place::with_config(&config);
    let mut daemon = place.start(&["run"]);
    // Failures double the wait: the feed comes back after about seven seconds.
    shows(&place, 2);
    assert!(!daemon.has_ended());
    assert_eq!(place.feed("bad")["consecutive_failures"], 0);
    stops(&mut daemon, "TERM");
}

#[test]
fn an_archive_that_takes_nothing_for_a_while_stops_nothing() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    let place = place(&server);
    place.poll();
    server.on("/feed", Answer::feed(stories(1..=2)).etag("\"2\"").conditional());
    place.database().execute_batch("CREATE TRIGGER full BEFORE INSERT ON sighting BEGIN SELECT RAISE(ABORT, 'no room'); END;").unwrap();
    let mut daemon = place.start(&["run"]);
    daemon.says("no room");
    assert!(!daemon.has_ended());
    place.database().execute_batch("DROP TRIGGER full").unwrap();
    stops(&mut daemon, "TERM");
    assert_eq!(place.poll_counts(), (1, 0));
}
