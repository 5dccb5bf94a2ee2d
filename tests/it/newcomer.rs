//! What a newcomer does first works: the demo of the README, without a network.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Place, strings};

/// The demo as it is shipped, in a folder of its own.
fn demo() -> Place {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let config = fs::read_to_string(shipped.join("demo.toml")).unwrap();
    let (here, there) = ("path = \"gleaner.db\"", "path = \"../target/demo/gleaner.db\"");
    assert!(config.contains(there));
    let place = Place::with_config(&config.replace(there, here));
    fs::create_dir(place.at("demo")).unwrap();
    for entry in fs::read_dir(shipped.join("demo")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), place.at("demo").join(entry.file_name())).unwrap();
    }
    place
}

#[test]
fn the_demo_brings_23_articles_and_a_second_poll_stores_nothing() {
    let place = demo();
    let first = place.run(&["poll", "--all"]);
    assert_eq!(first.succeeds(), "7 feeds polled: 23 new articles, 0 updated\n");
    let articles = place.articles();
    assert_eq!(articles.len(), 23);
    let sightings: usize = articles.iter().map(|article| article["sightings"].as_array().unwrap().len()).sum();
    assert_eq!(sightings, 25, "two pages are linked by two feeds each");
    let copies: Vec<&Value> = articles.iter().filter(|article| !article["duplicate_of"].is_null()).collect();
    assert_eq!(copies.len(), 1, "one report stands in two feeds");
    let original = articles.iter().find(|article| article["id"] == copies[0]["duplicate_of"]).unwrap();
    assert_eq!(original["copies"][0]["id"], copies[0]["id"]);

    let second = place.run(&["poll", "--all"]);
    assert_eq!(second.succeeds(), "7 feeds polled: 0 new articles, 0 updated\n");
    assert_eq!(place.articles().len(), 23);
    let feeds = place.feeds();
    assert!(feeds.iter().all(|feed| feed["status"] == "ok" && feed["articles"].as_u64() > Some(0)), "{feeds:#?}");
}

#[test]
fn the_readmes_first_command_shows_articles_as_a_person_reads_them() {
    let place = demo();
    place.run(&["poll", "--all"]).succeeds();
    let shown = place.run(&["export", "--format", "text", "--limit", "3"]);
    assert_eq!(shown.succeeds().matches(" min read\n").count(), 3, "{}", shown.out);
    let all = place.run(&["export"]);
    assert!(all.succeeds().starts_with("{\"schema\":\"gleaner.articles.v1\""));
    assert!(all.err.starts_with("22 articles, 1 "), "{}", all.err);
}

#[test]
fn the_demos_articles_hold_what_their_feeds_say() {
    let place = demo();
    place.run(&["poll", "--all"]).succeeds();
    let articles = place.articles();
    for article in &articles {
        assert!(!article["title"].as_str().unwrap().is_empty(), "{article:#}");
        assert!(article["word_count"].as_u64().unwrap() > 10, "{article:#}");
        assert!(article["url"].as_str().unwrap().starts_with("https://"), "{article:#}");
    }
    let mut languages: Vec<String> = strings(&articles, "language").iter().map(|tag| tag[..2].to_owned()).collect();
    languages.sort();
    languages.dedup();
    assert_eq!(languages, ["de", "en", "fr", "ja"]);
}

#[test]
fn a_feed_file_changed_on_disk_brings_its_new_article() {
    let place = demo();
    place.run(&["poll", "--all"]).succeeds();
    let gazette = fs::read_to_string(place.at("demo/harbour-gazette.rss")).unwrap();
    let item = "<item><title>One more story</title><link>https://www.harbour-gazette.example/one-more/</link>\
                <description>The harbour office has one more story to tell.</description></item></channel>";
    place.write("demo/harbour-gazette.rss", gazette.replace("</channel>", item));
    let polled = place.run(&["poll", "--all"]);
    assert!(polled.succeeds().starts_with("7 feeds polled: 1 new article"), "{polled:?}");
    assert!(place.titles().contains(&"One more story".to_owned()));
}

#[test]
fn the_shipped_configs_are_valid() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for config in ["demo.toml", "gleaner.toml"] {
        let place = Place::with_config("");
        let path = shipped.join(config);
        let ended = place.shell(&format!("{} --config '{}' check", env!("CARGO_BIN_EXE_gleaner"), path.display()));
        ended.succeeds();
        assert_eq!(ended.err, "", "{config}");
    }
}
