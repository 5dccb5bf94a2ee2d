//! Beside a running daemon: commands hand their work to it, and nobody can tell the difference.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::place::{LONG, Place, mode, rss};
use crate::support::{Answer, FeedServer};

const TWO: [(&str, &str, &str); 2] =
    [("one", "The bridge opens", "The bridge opens in spring."), ("two", "The ferry stops", "The ferry stops at noon.")];

fn server() -> FeedServer {
    let server = FeedServer::start();
    server.on("/good", Answer::feed(rss(&TWO)));
    server.on("/bad", Answer::status(500));
    server
}

#[test]
fn a_pass_by_the_daemon_looks_like_one_of_its_own() {
    let server = server();
    let feeds = [("good", server.url("/good")), ("bad", server.url("/bad")), ("off", server.url("/off"))];
    let mut runs = Vec::new();
    for with_daemon in [false, true] {
        let place = Place::with_feeds("", &feeds);
        let config = fs::read_to_string(place.at("gleaner.toml")).unwrap() + "enabled = false\n";
        place.write("gleaner.toml", &config);
        // Polled before, so that the daemon has nothing to do by itself.
        place.run(&["poll"]).succeeds();
        let daemon = with_daemon.then(|| place.daemon());
        server.on("/good", Answer::feed(rss(&[TWO[0], TWO[1], ("three", "A new quay", "The new quay is ready.")])));
        server.on("/off", Answer::feed(rss(&[("off", "Switched off", "Only by name.")])));
        let sorted = |text: String| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let mut said = Vec::new();
        for arguments in [
            &["poll"][..],
            &["poll", "--all"],
            &["poll", "--all", "--json"],
            &["poll", "--json", "good"],
            &["poll", "bad", "off"],
            &["poll", "-q", "good"],
            &["poll", "god"],
            &["db", "prune"],
        ] {
            let ended = place.run(arguments);
            // The log tells when, and how long it took: both differ from run to run.
            let mut errors = sorted(ended.err);
            errors.retain(|line| !line.contains(" polled feed="));
            said.push((arguments, ended.status, sorted(ended.out), errors));
        }
        assert_eq!(place.titles(), ["A new quay", "Switched off", "The bridge opens", "The ferry stops"]);
        if let Some(daemon) = daemon {
            assert!(daemon.count("outcome=\"fresh\"") + daemon.count("fresh") > 0, "the daemon made the polls");
            daemon.stop();
        }
        server.on("/good", Answer::feed(rss(&TWO)));
        runs.push(said);
    }
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[1][1].2, ["2 feeds polled: 1 new article, 0 updated, 1 failed (see `gleaner feeds list`)"]);
}

#[test]
fn retention_is_applied_by_the_daemon() {
    let server = server();
    let place = Place::with_feeds("", &[("good", server.url("/good"))]);
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &config.replace("[database]", "[database]\nretention = \"365d\""));
    place.run(&["poll"]).succeeds();
    let daemon = place.daemon();
    place.database().execute("UPDATE article SET first_seen = 0", []).unwrap();
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "good: 2 removed\n2 articles removed that were first seen more than 365d ago\n");
    daemon.logs("retention removed", 1);
    assert!(place.run(&["poll", "--all"]).succeeds().contains(" 0 new articles"));
    daemon.stop();
}

#[test]
fn the_socket_is_for_its_own_user_and_one_left_behind_is_replaced() {
    let server = server();
    let place = Place::with_feeds("", &[("good", server.url("/good"))]);
    let daemon = place.daemon();
    let socket = place.at("gleaner.db-control");
    assert_eq!(mode(&socket), 0o600);
    daemon.kill();
    assert!(socket.exists());
    place.run(&["poll", "--all"]).succeeds();
    let daemon = place.daemon();
    assert_eq!(place.run(&["poll", "--all"]).succeeds(), "1 feed polled: 0 new articles, 0 updated\n");
    daemon.stop();

    let folder = tempfile::tempdir().unwrap();
    let daemon = place.daemon_with(&[("RUNTIME_DIRECTORY", folder.path().to_str().unwrap())]);
    assert_eq!(mode(&folder.path().join("control")), 0o600);
    // A command finds it though its own environment says nothing.
    place.run(&["poll", "--all"]).succeeds();
    daemon.logs("polled", 1);
    daemon.stop();
}

#[test]
fn clients_that_send_nothing_or_take_nothing_hold_nobody_up() {
    let server = server();
    let place = Place::with_feeds("", &[("good", server.url("/good"))]);
    let daemon = place.daemon();
    let connect = || UnixStream::connect(place.at("gleaner.db-control")).unwrap();
    let _silent: Vec<UnixStream> = (0..5).map(|_| connect()).collect();
    let deaf: Vec<UnixStream> = (0..5)
        .map(|_| {
            let mut stream = connect();
            stream.write_all(b"{\"do\":\"poll\",\"which\":\"all\"}\n").unwrap();
            stream
        })
        .collect();
    let mut wrong = connect();
    wrong.write_all(b"what?\n").unwrap();
    let mut answer = String::new();
    wrong.set_read_timeout(Some(LONG)).unwrap();
    wrong.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("{\"failed\":"), "{answer}");
    place.run(&["poll", "--all"]).succeeds();
    drop(deaf);
    place.run(&["poll", "--all"]).succeeds();
    daemon.stop();
}

#[test]
fn a_pass_under_way_takes_no_requests() {
    let server = server();
    server.on("/slow", Answer::feed(rss(&TWO)).delay(Duration::from_secs(3)));
    let place = Place::with_feeds("", &[("slow", server.url("/slow"))]);
    let mut first = place.spawn(&["poll"]);
    assert!(server.wait_for(1, LONG));
    place.run(&["poll"]).fails(1, "another Gleaner is polling into");
    assert!(place.run(&["status"]).succeeds().contains("a single pass is under way"));
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_feed_that_was_saved_a_moment_ago_can_be_polled_by_name() {
    let server = server();
    let place = Place::with_feeds("", &[("good", server.url("/good"))]);
    let daemon = place.daemon();
    server.on("/new", Answer::feed(rss(&[("new", "Just added", "A moment ago.")])));
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.save("gleaner.toml", &format!("{config}[[feed]]\nname = \"new\"\nurl = \"{}\"\n", server.url("/new")));
    place.run(&["poll", "new"]).succeeds();
    assert!(place.titles().contains(&"Just added".to_owned()));
    // A broken config is the command's own to report, and the daemon keeps the one that it has.
    place.save("gleaner.toml", "feed_lists = 7");
    place.run(&["poll", "new"]).fails(2, "feed_lists");
    daemon.logs("the old one stays", 1);
    place.save("gleaner.toml", &config);
    daemon.logs("reloaded", 2);
    daemon.stop();
    assert!(!place.at("gleaner.db-control").exists());
}

#[test]
fn a_daemon_that_stops_in_the_middle_leaves_no_command_waiting() {
    let server = server();
    let place = Place::with_feeds("", &[("good", server.url("/good")), ("slow", server.url("/slow"))]);
    server.on("/slow", Answer::feed(rss(&TWO)));
    let daemon = place.daemon();
    daemon.logs("polled", 2);
    server.on("/slow", Answer::feed(rss(&TWO)).delay(Duration::from_secs(20)));
    let before = server.requests().len();
    let passing = place.spawn(&["poll", "--all", "--json"]);
    assert!(server.wait_for(before + 2, LONG), "good and slow are asked again");
    daemon.logs("polled", 3);
    daemon.stop();
    let ended = passing.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("broke off before the work was done"));
    let lines = String::from_utf8(ended.stdout).unwrap();
    assert!(lines.lines().count() == 1 && lines.contains("\"feed\":\"good\""), "{lines}");
}
