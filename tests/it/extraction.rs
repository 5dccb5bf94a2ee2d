//! `gleaner extract`: the article of a page, without an archive, with the rules of sites where there are any.

use std::fs;

use serde_json::Value;

use crate::support::{Place, SETTINGS};

const PAGE: &str = "<!doctype html><html lang=en><head><title>Town hall opens again - Gazette</title><meta name=author content='A. Author'></head><body>\
    <nav><a href=/>Home</a></nav><article><h1>Town hall opens again</h1><p>January 23, 2025 · 3 min read</p>\
    <p>The town hall opened its doors again on Monday after two years of work, and hundreds of people came to see it.</p>\
    <p>The roof had been leaking for a decade, the mayor said, and the council met in the <a href=/school>school</a> while it was mended.</p>\
    <h2>Similiar Posts</h2></article><div class=odd><b>Another part.</b></div><footer>Copyright © 2025 Gazette. All rights reserved.</footer></body></html>";

fn article(out: &str) -> Value {
    assert_eq!(out.lines().count(), 1, "one object on one line");
    serde_json::from_str(out).unwrap()
}

#[test]
fn a_page_becomes_one_object_with_the_keys_of_the_schema() {
    let place = Place::with_config(SETTINGS);
    place.write("page.html", PAGE);
    let ended = place.run(&["extract", "--url", "https://gazette.example/hall?utm_source=x", "page.html"]);
    let article = article(ended.succeeds());
    assert_eq!(article["url"], "https://gazette.example/hall");
    assert_eq!((&article["title"], &article["authors"][0]), (&"Town hall opens again".into(), &"A. Author".into()));
    assert_eq!(article["published"], "2025-01-23T00:00:00Z");
    assert_eq!(article["rights"], "Copyright © 2025 Gazette. All rights reserved.");
    let text = article["text"].as_str().unwrap();
    assert!(text.starts_with("The town hall opened") && text.ends_with("while it was mended."), "{text}");
    assert!(article["html"].as_str().unwrap().contains("https://gazette.example/school"));
    assert_eq!(article["provenance"], serde_json::json!({"body": "page", "published": "page", "authors": "page"}));
    assert!(article["first_seen"].is_null() && article["last_changed"].is_null() && article["revision"] == 1);
    assert_eq!(ended.err, "");
}

#[test]
fn it_reads_standard_input_and_needs_no_config() {
    let place = Place::with_config(SETTINGS);
    place.write("page.html", PAGE);
    fs::remove_file(place.path().join("gleaner.toml")).unwrap();
    let ended = place.shell(&format!("{} extract - < page.html", env!("CARGO_BIN_EXE_gleaner")));
    assert_eq!(article(ended.succeeds())["title"], "Town hall opens again");
    place.run(&["extract", "page.html"]).fails(2, &["gleaner.toml"]);
}

#[test]
fn a_page_without_an_article_is_said_and_no_failure() {
    let place = Place::with_config(SETTINGS);
    place.write("page.html", "<title>404 Not Found</title><h1>Not Found</h1>");
    let ended = place.run(&["extract", "page.html"]);
    assert_eq!(article(ended.succeeds())["text"], "");
    assert!(ended.err.contains("no article was found"), "{}", ended.err);
    place.run(&["extract", "no-such-page.html"]).fails(1, &["no-such-page.html"]);
}

#[test]
fn rules_of_sites_are_read_beside_the_config_and_their_mistakes_shown() {
    let place = Place::with_config(SETTINGS);
    place.write("page.html", PAGE);
    fs::create_dir(place.path().join("rules")).unwrap();
    place.write("rules/gazette.toml", "[[site]]\nhosts = [\"gazette.example\"]\nbody = \".odd\"\ntitle = \"h2\"\n");
    let extract = |url: &str| article(place.run(&["extract", "--url", url, "page.html"]).succeeds());
    let ruled = extract("https://www.gazette.example/hall");
    assert_eq!((&ruled["text"], &ruled["title"]), (&"Another part.".into(), &"Similiar Posts".into()));
    assert_eq!(extract("https://other.example/hall")["title"], "Town hall opens again");
    assert!(place.run(&["check"]).succeeds().contains("rules/gazette.toml: site rules"));
    place.write("rules/gazette.toml", "[[site]]\nhosts = [\"gazette.example\"]\nbody = \"p[\"\n");
    place.run(&["check"]).fails(2, &["is not a CSS selector"]);
    place.run(&["extract", "page.html"]).fails(2, &["gazette.toml:3:8"]);
}
