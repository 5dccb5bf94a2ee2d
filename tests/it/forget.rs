//! What was forgotten is gone: from every table, every page of the file and every export, and it stays away.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::place;
use crate::support::{Answer, FeedServer, Item, Place, rss, rss_of, words};

/// An entry in which each thing that it says holds this mark.
fn marked(mark: &str, number: u32) -> Item {
    Item::story(number)
        .title(&format!("Title {mark}t"))
        .guid(&format!("guid-{mark}g"))
        .link(&format!("https://paper.example/{mark}l"))
        .element("author", &format!("desk@paper.example ({mark}a Desk)"))
        .category(&format!("{mark}c"))
        .body(&format!("{mark}b {} {mark}e", words(number, 300)))
}

/// What matches the pattern, in any case, in the files of the archive: file and text, each once.
fn found(folder: &Path, pattern: &str) -> BTreeSet<(String, String)> {
    let pattern = regex::bytes::Regex::new(&format!("(?i-u){pattern}")).unwrap();
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        let is_archive = name.starts_with("gleaner.db") || name.starts_with("backup.db");
        if is_archive && file.file_type().unwrap().is_file() {
            let bytes = fs::read(file.path()).unwrap();
            found.extend(pattern.find_iter(&bytes).map(|text| (name.clone(), String::from_utf8_lossy(text.as_bytes()).to_lowercase())));
        }
    }
    found
}

fn is_nowhere(folder: &Path, pattern: &str) {
    assert_eq!(found(folder, pattern), BTreeSet::new());
}

fn id_of(place: &Place, title: &str) -> String {
    let articles = place.articles();
    let article = articles.iter().find(|article| article["title"] == title).unwrap();
    article["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_forgotten_article_is_in_no_file_and_does_not_come_back_edited_moved_or_from_another_feed() {
    let server = FeedServer::start();
    let stays = Item::story(1);
    let first = marked("xqj", 2);
    let edited = first.clone().title("Title xqjt, edited");
    let moved = edited.clone().link("https://paper.example/moved-xqjl").body(&format!("xqjb {}", words(3, 300)));
    let renamed = moved.clone().guid("other-xqjg");
    let states = [&first, &edited, &edited, &moved, &renamed, &first];
    server.sequence("/feed", states.map(|item| Answer::feed(rss([item, &stays]))));
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", [&first.clone().guid("https://paper.example/xqjl")])));
    let place = Place::with_feeds([("paper", server.url("/feed")), ("planet", server.url("/planet"))]);
    place.poll();
    place.poll();
    place.run(&["export", "--format", "ndjson", "--state", "state.json"]).succeeds();
    let id = id_of(&place, "Title xqjt, edited");
    // As the pages look that a merge of the search index frees: full of what stood there.
    let free = "CREATE TABLE scratch (text); INSERT INTO scratch VALUES (replace(hex(zeroblob(40000)), '0', 'xqj ')); DROP TABLE scratch";
    place.database().execute_batch(free).unwrap();
    assert!(!found(place.path(), "xqj").is_empty(), "before, it is there");

    assert_eq!(place.run(&["forget", &id]).succeeds(), "1 article forgotten\n");
    is_nowhere(place.path(), "xqj");
    for poll in 0..4 {
        let lines = place.poll();
        assert!(lines.iter().all(|line| line["new"] == 0 && line["updated"] == 0 && line["error"].is_null()), "{poll}: {lines:#?}");
        assert_eq!(place.titles(), ["Story 1"], "{poll}");
        is_nowhere(place.path(), "xqj");
    }
    place.run(&["show", &id]).fails(1, &["no article"]);
    assert_eq!(place.run(&["search", "xqjt"]).out, "");
    let since: Vec<Value> = place
        .run(&["export", "--format", "ndjson", "--state", "state.json"])
        .succeeds()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(since.len(), 1, "{since:#?}");
    assert_eq!((&since[0]["id"], since[0]["deleted_at"].is_string()), (&id.as_str().into(), true));
    place.run(&["db", "check"]).succeeds();
    place.run(&["db", "backup", "backup.db"]).succeeds();
    is_nowhere(place.path(), "xqj");
    assert_eq!(place.run(&["forget", &id]).succeeds(), "1 article forgotten\n", "again changes nothing");
    let database = place.database();
    let left = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(left("SELECT count(*) FROM forgotten"), 1);
    assert_eq!(
        left(
            "SELECT count(*) FROM sighting JOIN article USING (article) WHERE removed_at IS NOT NULL AND (guid IS NOT NULL OR url IS NOT NULL)"
        ),
        0
    );
    assert_eq!(
        left("SELECT count(*) FROM body JOIN sighting USING (sighting) JOIN article USING (article) WHERE removed_at IS NOT NULL"),
        0
    );
}

#[test]
fn of_many_that_are_forgotten_after_many_edits_no_page_keeps_anything() {
    let server = FeedServer::start();
    let mark = |number: u32| format!("qz{number}j");
    let edition = |edits: u32| -> Answer {
        let items: Vec<Item> = (0..200)
            .map(|number| {
                let length = 20 + (number * 37 + edits * 61) % 400;
                marked(&mark(number), number).body(&format!(
                    "{}b {} {}e",
                    mark(number),
                    words(number + edits, length as usize),
                    mark(number)
                ))
            })
            .collect();
        Answer::feed(rss(&items))
    };
    server.sequence("/feed", (0..4).map(edition));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    for _ in 0..3 {
        place.poll_counts();
    }
    let of_number = |number: u32| id_of(&place, &format!("Title {}t", mark(number)));
    let forgotten: Vec<u32> = (0..200).filter(|number| number % 7 == 3).collect();
    let ids: Vec<String> = forgotten.iter().map(|number| of_number(*number)).collect();
    assert!(found(place.path(), "qz[0-9]+j").len() >= 200, "before, they are there");
    let arguments: Vec<&str> = ["forget"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    place.run(&arguments).succeeds();
    let numbers: Vec<String> = forgotten.iter().map(u32::to_string).collect();
    let pattern = format!("qz({})j", numbers.join("|"));
    is_nowhere(place.path(), &pattern);
    assert_eq!(place.poll_counts().0, 0);
    assert_eq!(place.articles().len(), 200 - forgotten.len());
    is_nowhere(place.path(), &pattern);
    place.run(&["db", "check"]).succeeds();
}

#[test]
fn an_unknown_id_forgets_nothing_and_copies_are_named() {
    let server = FeedServer::start();
    let (one, other) = (Item::story(1), Item::story(2).body(&words(1, 80)));
    server.on("/feed", Answer::feed(rss([&one, &other])));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let (one, other) = (id_of(&place, "Story 1"), id_of(&place, "Story 2"));
    place.run(&["forget", &one, "nosuchid"]).fails(1, &["no article `nosuchid`", "nothing was forgotten"]);
    assert_eq!(place.articles().len(), 2);
    let said = place.run(&["forget", &one]);
    assert_eq!(said.succeeds(), format!("1 article forgotten\nthe same text stands in other articles, which stay: {other}\n"));
    let left = place.articles();
    assert_eq!(left.len(), 1);
    assert!(left[0]["duplicate_of"].is_null());
    Place::with_feeds([]).run(&["forget", &one]).fails(1, &["there is no archive"]);
}

#[test]
fn beside_a_running_daemon_forgetting_is_its_work() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(rss([&marked("xqj", 1), &Item::story(2)])));
    let place = place::Place::with_feeds("", &[("paper", server.url("/feed"))]);
    place.run(&["poll"]).succeeds();
    let daemon = place.daemon();
    let found = place.run(&["export", "--format", "ndjson", "--query", "xqjt"]);
    let article: Value = serde_json::from_str(found.succeeds()).unwrap();
    let id = article["id"].as_str().unwrap();
    assert_eq!(place.run(&["forget", id]).succeeds(), "1 article forgotten\n");
    let folder = place.at("gleaner.db").parent().unwrap().to_owned();
    is_nowhere(&folder, "xqj");
    place.run(&["poll", "--all"]).succeeds();
    assert_eq!(place.titles(), ["Story 2"]);
    is_nowhere(&folder, "xqj");
    place.run(&["forget", "nosuchid"]).fails(1, "no article `nosuchid`");
    daemon.stop();
}
