//! The network goes away and comes back. Tests have only this machine: a proxy on loopback stands for the way out, so each
//! feed has a host of its own though none is ever asked.

use std::time::{Duration, Instant};

use crate::place::{Daemon, LONG, Place, rss};
use crate::support::{Answer, FeedServer, within};

const SITES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn url(site: &str) -> String {
    format!("http://{site}.example/feed")
}

/// All feeds show so many stories.
fn show(server: &FeedServer, stories: u32) {
    for site in SITES {
        let titles: Vec<String> = (1..=stories).map(|number| format!("{site} {number}")).collect();
        let items: Vec<(&str, &str, &str)> = titles.iter().map(|title| (title.as_str(), title.as_str(), title.as_str())).collect();
        server.on(&url(site), Answer::feed(rss(&items)));
    }
}

/// A place whose feeds are asked through this server, every second.
fn place(server: &FeedServer) -> Place {
    let feeds: Vec<(&str, String)> = SITES.iter().map(|site| (*site, url(site))).collect();
    let config = Place::config("", &feeds).replace("[fetch]", &format!("[fetch]\nproxy = \"{}\"", server.url("")));
    Place::new(&config.replace("[schedule]", "[schedule]\ninterval = \"1s\"\nadaptive = false"))
}

#[track_caller]
fn has(place: &Place, articles: usize) {
    assert!(within(LONG, || place.titles().len() == articles), "{:?}", place.titles());
}

fn failures(place: &Place) -> Vec<(String, u64)> {
    let feeds: Vec<serde_json::Value> = serde_json::from_str(place.run(&["feeds", "list", "--json"]).succeeds()).unwrap();
    feeds.iter().map(|feed| (feed["status"].as_str().unwrap().to_owned(), feed["consecutive_failures"].as_u64().unwrap())).collect()
}

/// Waits until polls are made that come to nothing because of the outage, so many of them.
#[track_caller]
fn probes(daemon: &Daemon, count: usize) {
    daemon.logs("nothing can be reached since", count);
}

#[test]
fn an_outage_of_everything_is_said_once_blames_no_feed_and_ends_by_itself() {
    let server = FeedServer::start();
    show(&server, 1);
    let place = place(&server);
    let config = std::fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &format!("{config}\n[log]\nlevel = \"debug\"\n"));
    let daemon = place.daemon();
    has(&place, 6);
    assert!(place.run(&["status", "--check"]).succeeds().contains("6 ok, 0 failing"));

    let address = server.address();
    drop(server);
    assert!(daemon.hears("nothing can be reached since").contains("STATUS="));
    probes(&daemon, 3);
    assert_eq!(daemon.count("WARN nothing can be reached; one feed at a time"), 1);
    let listed = failures(&place);
    // Those whose failures showed that there is an outage were taken for failures; none of them more than once.
    assert!(listed.iter().all(|(status, failures)| *failures <= 1 && status != "gone"), "{listed:?}");
    assert!(listed.iter().filter(|(_, failures)| *failures == 0).count() >= 3, "{listed:?}");
    let status = place.run(&["status", "--check"]);
    status.fails(1, "needs care");
    assert_eq!(status.out.matches("nothing can be reached").count(), 1, "{}", status.out);
    assert!(place.status()["archive"]["outage_since"].is_string());

    // Killed in the middle of it: the next one knows.
    daemon.kill();
    let daemon = place.daemon();
    daemon.logs("nothing can be reached since", 1);
    assert_eq!(daemon.count("WARN nothing can be reached"), 0, "that was said");

    let server = FeedServer::start_at(address);
    show(&server, 2);
    daemon.logs("the network is back", 1);
    has(&place, 12);
    daemon.hears("6 feeds");
    assert_eq!(daemon.count("the network is back"), 1);
    assert!(within(LONG, || failures(&place).iter().all(|(status, failures)| (status.as_str(), *failures) == ("ok", 0))));
    assert!(place.status()["archive"]["outage_since"].is_null());
    let ended: i64 = place.database().query_row("SELECT count(*) FROM outage WHERE ended_at IS NOT NULL", [], |row| row.get(0)).unwrap();
    assert_eq!(ended, 1);
    daemon.stop();
}

#[test]
fn names_that_all_do_not_resolve_are_an_outage_too() {
    // A label of more than 63 characters never leaves the resolver, so no name server is asked.
    let long = "x".repeat(64);
    let feeds: Vec<(&str, String)> = SITES.iter().map(|site| (*site, format!("http://{long}.{site}.example/feed"))).collect();
    let place = Place::with_feeds("", &feeds);
    let ended = place.run(&["poll", "--all"]);
    assert!(ended.succeeds().contains("6 feeds polled: 0 new articles, 0 updated, 6 failed"), "{ended:?}");
    assert_eq!(ended.err.matches("nothing can be reached").count(), 1, "{}", ended.err);
    assert!(ended.err.contains("cannot resolve"), "{}", ended.err);
    for _ in 0..3 {
        // The outage was said; each pass tries again, and blames nobody.
        assert!(!place.run(&["poll", "--all"]).err.contains("WARN"));
    }
    assert!(failures(&place).iter().all(|(_, failures)| *failures <= 1));
}

#[test]
fn the_time_of_an_outage_retires_no_feed() {
    for (outage_days, status) in [(35, "error"), (5, "gone")] {
        let server = FeedServer::start();
        let place = place(&server);
        server.on(&url("a"), Answer::status(500));
        place.run(&["poll", "a"]).succeeds();
        let day = 86_400_000_i64;
        place.database().execute("UPDATE feed SET consecutive_failures = 12, failing_since = failing_since - ?1", [40 * day]).unwrap();
        place
            .database()
            .execute(
                "INSERT INTO outage SELECT last_polled_at - (?1 + 1) * ?2, last_polled_at - ?2 FROM feed WHERE name = 'a'",
                [outage_days, day],
            )
            .unwrap();
        place.run(&["poll", "a"]).succeeds();
        assert_eq!(failures(&place)[0], (status.to_owned(), 13), "an outage of {outage_days} days");
    }
}

#[test]
fn servers_that_answer_with_errors_are_no_outage() {
    let server = FeedServer::start();
    show(&server, 1);
    for site in ["a", "b"] {
        server.on(&url(site), Answer::status(404));
    }
    let place = place(&server);
    place.run(&["poll", "--all"]).succeeds();
    assert_eq!(failures(&place).iter().filter(|(status, _)| status == "error").count(), 2);
    let ended = place.run(&["poll", "--all"]);
    assert!(!ended.err.contains("nothing can be reached"), "{}", ended.err);
}

#[test]
fn what_is_overdue_after_days_does_not_come_in_one_moment() {
    const FEEDS: usize = 100;
    let server = FeedServer::start();
    let names: Vec<String> = (0..FEEDS).map(|number| format!("feed{number}")).collect();
    let feeds: Vec<(&str, String)> = names.iter().map(|name| (name.as_str(), server.url(&format!("/{name}")))).collect();
    for name in &names {
        server.on(&format!("/{name}"), Answer::feed(rss(&[(name, name, name)])));
    }
    let place = Place::with_feeds("", &feeds);
    place.run(&["poll"]).succeeds();
    let days = 5 * 86_400_000_i64;
    place.database().execute("UPDATE feed SET next_poll_at = next_poll_at - ?1, last_polled_at = last_polled_at - ?1", [days]).unwrap();
    let daemon = place.daemon();
    daemon.logs("overdue; they are polled one after the other", 1);
    assert!(server.wait_for(2 * FEEDS, LONG));
    let times: Vec<Instant> = server.requests()[FEEDS..].iter().map(|request| request.at).collect();
    // 64 at once, then ten a second.
    let took = times[FEEDS - 1] - times[0];
    assert!(took >= Duration::from_millis(3_000), "{took:?}");
    daemon.stop();
}
