//! A saved config is applied without a restart; a broken one keeps the old and says why.

use std::fs;
use std::os::unix::fs::symlink;

use crate::place::{Place, rss};
use crate::support::{Answer, FeedServer};

fn server() -> FeedServer {
    let server = FeedServer::start();
    for path in ["/a", "/b", "/c"] {
        server.on(path, Answer::feed(rss(&[(path, path, "A short note.")])));
    }
    server
}

fn list(server: &FeedServer, names: &[&str]) -> String {
    names.iter().map(|name| format!("[[feed]]\nname = \"{name}\"\nurl = \"{}\"\n", server.url(&format!("/{name}")))).collect()
}

#[test]
fn a_saved_feed_list_is_applied_however_it_is_saved() {
    let server = server();
    let place = Place::with_feeds("feed_lists = [\"lists/*.toml\"]", &[]);
    place.write("lists/one.toml", &list(&server, &["a"]));
    let daemon = place.daemon();
    daemon.logs("feed=\"a\"", 1);
    // Written over, as `echo >` does.
    place.write("lists/one.toml", &list(&server, &["a", "b"]));
    daemon.logs("feed=\"b\"", 1);
    // Written beside and renamed.
    place.save("lists/one.toml", &list(&server, &["b"]));
    daemon.logs("reloaded feeds=1", 1);
    // A new file that the pattern takes in.
    place.save("lists/two.toml", &list(&server, &["c"]));
    daemon.logs("feed=\"c\"", 1);
    fs::remove_file(place.at("lists/two.toml")).unwrap();
    daemon.logs("reloaded feeds=1", 2);
    assert_eq!(place.titles(), ["/a", "/b", "/c"], "removed feeds keep their articles");
    daemon.stop();
}

#[test]
fn a_symbolic_link_that_leads_elsewhere_is_a_change() {
    let server = server();
    let place = Place::with_feeds("feed_lists = [\"feeds.toml\"]", &[]);
    place.write("data/v1/feeds.toml", &list(&server, &["a"]));
    place.write("data/v2/feeds.toml", &list(&server, &["b"]));
    symlink("v1", place.at("data/current")).unwrap();
    symlink("data/current/feeds.toml", place.at("feeds.toml")).unwrap();
    let daemon = place.daemon();
    daemon.logs("feed=\"a\"", 1);
    symlink("v2", place.at("data/next")).unwrap();
    fs::rename(place.at("data/next"), place.at("data/current")).unwrap();
    daemon.logs("feed=\"b\"", 1);
    place.save("data/v2/feeds.toml", &list(&server, &["c"]));
    daemon.logs("feed=\"c\"", 1);
    daemon.stop();
}

#[test]
fn a_broken_file_keeps_the_old_config_and_says_why() {
    let server = server();
    let place = Place::with_feeds("feed_lists = [\"feeds.toml\"]", &[]);
    place.write("feeds.toml", &list(&server, &["a"]));
    let daemon = place.daemon();
    daemon.logs("feed=\"a\"", 1);
    place.save("feeds.toml", &list(&server, &["a", "b"]).replace("url", "ulr"));
    daemon.logs("the new config is wrong; the old one stays", 1);
    let status = daemon.hears("the new config is wrong, the old one stays");
    assert!(status.contains("ulr") && status.contains("1 feeds, "), "{status}");
    // The old one is at work.
    assert!(place.database().query_row("SELECT count(*) FROM feed", [], |row| row.get::<_, i64>(0)).unwrap() == 1);
    place.save("feeds.toml", &list(&server, &["a", "b"]));
    daemon.logs("feed=\"b\"", 1);
    daemon.hears("STATUS=2 feeds, ");
    daemon.stop();
}

#[test]
fn a_signal_reloads_and_the_database_beside_the_config_does_not() {
    let server = server();
    let place = Place::with_feeds("", &[("a", server.url("/a"))]);
    let daemon = place.daemon();
    for _ in 0..3 {
        place.run(&["poll", "--all"]).succeeds();
    }
    place.write("notes.txt", "nothing of Gleaner's");
    daemon.signal("-HUP");
    daemon.logs("reloaded", 1);
    daemon.hears("RELOADING=1");
    place.run(&["poll", "--all"]).succeeds();
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.save("gleaner.toml", &(config + &list(&server, &["b"])));
    daemon.logs("reloaded feeds=2", 1);
    assert_eq!(daemon.count("reloaded"), 2);
    daemon.stop();
}
