//! Where a redirect leads is followed, checked and told, and never taken for more than it says.

use crate::support::{Answer, FeedServer, Item, Place, SETTINGS, rss, rss_of, stories, with_feeds};

fn place(server: &FeedServer) -> Place {
    Place::with_feeds([("paper", server.url("/feed"))])
}

#[test]
fn a_temporary_redirect_is_followed_and_not_stored_as_a_move() {
    for status in [302, 303, 307] {
        let server = FeedServer::start();
        server.on("/feed", Answer::redirect(status, "/elsewhere"));
        server.on("/elsewhere", Answer::feed(stories(1..=2)));
        let place = place(&server);
        assert_eq!(place.poll_counts(), (2, 0), "{status}");
        let feed = place.feed("paper");
        assert!(feed["redirected_to"].is_null(), "{feed:#}");
        assert_eq!(feed["url"], server.url("/feed"));
        place.poll();
        assert_eq!(server.requests_to("/feed").len(), 2, "{status}: the feed's own address is asked again");
    }
}

#[test]
fn a_maintenance_page_behind_a_redirect_does_not_become_the_feed() {
    let server = FeedServer::start();
    server.sequence("/feed", [Answer::feed(stories(1..=2)), Answer::redirect(302, "/login"), Answer::feed(stories(1..=3))]);
    server.on("/login", Answer::page("<!DOCTYPE html><title>Welcome to our hotel</title><p>Please accept the terms."));
    let place = place(&server);
    place.poll();
    let line = place.poll().remove(0);
    assert_eq!(line["outcome"], "failed", "{line}");
    assert_eq!(place.titles(), ["Story 1", "Story 2"]);
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(server.requests_to("/login").len(), 1);
}

#[test]
fn a_permanent_redirect_is_followed_and_told() {
    for status in [301, 308] {
        let server = FeedServer::start();
        server.on("/feed", Answer::redirect(status, "/new"));
        server.on("/new", Answer::feed(stories(1..=2)).etag("\"1\"").conditional());
        let place = place(&server);
        assert_eq!(place.poll_counts(), (2, 0));
        let feed = place.feed("paper");
        assert_eq!(feed["redirected_to"], server.url("/new"), "{status}: {feed:#}");
        assert_eq!(feed["url"], server.url("/feed"), "the operator's list is the operator's");
        let told = place.run(&["feeds", "list"]);
        assert!(told.succeeds().contains(&format!("has moved for good to {}", server.url("/new"))), "{told:?}");
        assert_eq!(place.poll_counts(), (0, 0));
        // Back at its old place: the move is over.
        server.on("/feed", Answer::feed(stories(1..=3)));
        assert_eq!(place.poll_counts(), (1, 0));
        assert!(place.feed("paper")["redirected_to"].is_null());
    }
}

#[test]
fn a_move_behind_a_temporary_redirect_is_no_move() {
    let server = FeedServer::start();
    server.on("/feed", Answer::redirect(302, "/between"));
    server.on("/between", Answer::redirect(301, "/new"));
    server.on("/new", Answer::feed(stories(1..=1)));
    let place = place(&server);
    assert_eq!(place.poll_counts(), (1, 0));
    assert!(place.feed("paper")["redirected_to"].is_null());
}

#[test]
fn a_failure_behind_a_move_leaves_what_was_known_of_it() {
    let server = FeedServer::start();
    server.on("/feed", Answer::redirect(301, "/new"));
    server.sequence("/new", [Answer::feed(stories(1..=1)), Answer::status(500)]);
    let place = place(&server);
    place.poll();
    assert_eq!(place.poll()[0]["outcome"], "failed");
    assert_eq!(place.feed("paper")["redirected_to"], server.url("/new"));
}

#[test]
fn two_addresses_that_lead_to_each_other_in_turn_double_nothing() {
    let server = FeedServer::start();
    let feed = || Answer::feed(stories(1..=3));
    server.sequence("/old", [Answer::redirect(301, "/new"), feed(), Answer::redirect(301, "/new")]);
    server.sequence("/new", [feed(), feed()]);
    let place = Place::with_feeds([("paper", server.url("/old"))]);
    assert_eq!(place.poll_counts(), (3, 0));
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(place.articles().len(), 3);
}

#[test]
fn a_feed_that_moved_to_one_that_is_subscribed_already_goes_on_beside_it() {
    let server = FeedServer::start();
    server.on("/old", Answer::redirect(301, "/new"));
    server.on("/new", Answer::feed(stories(1..=3)));
    let place = Place::with_feeds([("old", server.url("/old")), ("new", server.url("/new"))]);
    assert_eq!(place.poll_counts().0, 3);
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(place.articles().len(), 3);
    for feed in place.feeds() {
        assert_eq!((&feed["status"], &feed["articles"]), (&"ok".into(), &3.into()), "{feed:#}");
    }
}

#[test]
fn credentials_are_not_sent_along_to_another_host() {
    let server = FeedServer::start();
    let place = Place::with_config(&format!(
        "{SETTINGS}
[[feed]]
name = \"paper\"
url = \"{}\"
username = \"reader\"
password_file = \"password\"
cookie_file = \"cookie\"
headers = {{ X-Key = \"sesame\" }}

[[feed]]
name = \"magazine\"
url = \"{}\"
token_file = \"password\"

[[feed]]
name = \"journal\"
url = \"{}\"
",
        server.url("/paper"),
        server.url("/magazine"),
        server.url("/journal").replace("http://", "http://reader:sesame@"),
    ));
    place.write("password", "sesame\n");
    place.write("cookie", "session=sesame\n");
    for feed in ["paper", "magazine", "journal"] {
        server.on(&format!("/{feed}"), Answer::redirect(302, format!("/{feed}/here")));
        server.on(&format!("/{feed}/here"), Answer::redirect(302, server.url_at("localhost", &format!("/{feed}/there"))));
        let home = format!("https://{feed}.example/");
        server.on(&format!("/{feed}/there"), Answer::feed(rss_of(feed, &home, &[Item::titled(feed)])));
    }
    assert_eq!(place.poll_counts(), (3, 0));
    let secrets = ["authorization", "cookie", "x-key"];
    let sent = |target: &str| {
        let request = server.requests_to(target).remove(0);
        secrets.into_iter().filter(|name| request.header(name).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(sent("/paper"), secrets);
    assert_eq!(sent("/paper/here"), secrets, "the same host gets them again");
    assert_eq!(sent("/magazine/here"), ["authorization"]);
    assert_eq!(sent("/journal/here"), ["authorization"]);
    for feed in ["paper", "magazine", "journal"] {
        let request = server.requests_to(&format!("/{feed}/there")).remove(0);
        let shown = format!("{request:?}");
        assert_eq!(sent(&format!("/{feed}/there")), [""; 0], "{shown}");
    }
    // Nothing that is shown or stored holds them either.
    let everything =
        [place.run(&["feeds", "list", "--json"]).out, place.run(&["export", "--format", "opml"]).out, place.run(&["feeds", "export"]).out];
    for shown in everything {
        assert!(!shown.contains("sesame"), "{shown}");
    }
    assert!(!String::from_utf8_lossy(&std::fs::read(place.at("gleaner.db")).unwrap()).contains("sesame"));
}

#[test]
fn redirects_in_a_circle_or_without_end_fail_with_their_reason() {
    let server = FeedServer::start();
    server.on("/circle", Answer::redirect(301, "/circle/2"));
    server.on("/circle/2", Answer::redirect(302, "/circle"));
    server.on("/itself", Answer::redirect(301, "/itself"));
    for hop in 0..20 {
        server.on(&format!("/far/{hop}"), Answer::redirect(302, format!("/far/{}", hop + 1)));
    }
    server.on("/blank", Answer::status(302));
    server.on("/file", Answer::redirect(302, "file:///etc/hostname"));
    server.on("/good", Answer::feed(rss(&[Item::story(1)])));
    let targets = ["circle", "itself", "far/0", "blank", "file", "good"];
    let place = Place::with_feeds(targets.iter().map(|target| (*target, server.url(&format!("/{target}")))));
    let lines = place.poll();
    let error = |feed: &str| lines.iter().find(|line| line["feed"] == feed).unwrap()["error"].clone();
    for (feed, words) in [
        ("circle", "leads nowhere"),
        ("itself", "leads nowhere"),
        ("far/0", "more than 5 redirects"),
        ("blank", "leads nowhere"),
        ("file", "file:"),
    ] {
        let error = error(feed);
        assert!(error.as_str().is_some_and(|error| error.contains(words)), "{feed}: {error}");
        assert!(place.feed(feed)["redirected_to"].is_null(), "{feed}");
    }
    assert!(error("good").is_null());
}

#[test]
fn private_networks_are_asked_only_where_the_config_allows_it() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    let spellings =
        ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "127.0.0.1."];
    let closed = SETTINGS.replace("allow_private_networks = true\n", "");
    let mut config = closed.clone();
    for host in spellings {
        // Several spell one URL, which a list may hold once.
        config.push_str(&format!("[[feed]]\nname = \"{host}\"\nurl = \"{}?{host}\"\n", server.url_at(host, "/feed")));
    }
    let place = Place::with_config(&config);
    let lines = place.poll();
    assert_eq!(lines.len(), spellings.len());
    for line in &lines {
        assert_eq!(line["outcome"], "failed", "{line}");
        assert!(line["error"].as_str().unwrap().contains("allow_private_networks"), "the setting is named: {line}");
    }
    assert_eq!(server.connections(), 0);
    // One feed may be allowed by itself.
    let one = format!("{}allow_private_networks = true\n", with_feeds(&closed, [("paper", server.url("/feed"))]));
    place.write("gleaner.toml", one);
    assert_eq!(place.poll_counts(), (1, 0));
}
