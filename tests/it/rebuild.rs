//! A rebuild makes every article again by the rules of today, changes nothing else, and can be interrupted.

use std::fs;

use serde_json::{Map, Value};

use crate::place;
use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, SETTINGS, rss, rss_of, stories, with_feeds, within, words};

/// Everything that an export can give.
fn export(place: &Place) -> String {
    place.run(&["export", "--format", "ndjson", "--copies", "--revisions"]).succeeds().to_owned()
}

/// The articles of an export.
fn articles(export: &str) -> Vec<Map<String, Value>> {
    export.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The fields in which two exports of the same articles differ, each once.
fn differing(one: &str, other: &str) -> Vec<String> {
    let (one, other) = (articles(one), articles(other));
    assert_eq!(one.len(), other.len());
    let mut fields: Vec<String> = one
        .iter()
        .zip(&other)
        .flat_map(|(one, other)| {
            assert_eq!(one["id"], other["id"]);
            one.keys().filter(|key| one[*key] != other[*key]).cloned().collect::<Vec<_>>()
        })
        .collect();
    fields.sort();
    fields.dedup();
    fields
}

/// … beside when each entry was last seen, which a poll moves.
fn beside_sightings(one: &str, other: &str) -> Vec<String> {
    differing(one, other).into_iter().filter(|field| field != "sightings").collect()
}

/// An archive with revisions, copies near and exact, a series, and an article of two feeds.
fn archive(server: &FeedServer) -> Place {
    let said = |number: u32| Item::story(number).body(&words(number, 300));
    let mut items: Vec<Item> = (1..30).map(said).collect();
    items.push(Item::story(40).body(&words(1, 300)));
    items.push(Item::story(41).body(&words(2, 300).replacen("The ", "Amended: the ", 1)));
    items.extend((50..56).map(|number| Item::story(number).body(&words(77, 200).replacen("harbour", &format!("number {number}"), 3))));
    let mut edited = items.clone();
    edited[3] = said(4).title("Story 4, corrected").body(&words(404, 300));
    server.sequence("/feed", [Answer::feed(rss(&items)), Answer::feed(rss(&edited))]);
    let shared = (6..9).map(|number| said(number).guid(&format!("https://paper.example/stories/{number}")));
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", &shared.collect::<Vec<_>>())));
    let place = Place::with_feeds([("paper", server.url("/feed")), ("planet", server.url("/planet"))]);
    place.poll_counts();
    place.poll_counts();
    place
}

/// The settings of these tests with others for articles, and for the feed `paper`.
fn set(place: &Place, server: &FeedServer, articles: &str, paper: &str) {
    let settings = SETTINGS.replace("[articles]\n", &format!("[articles]\n{articles}\n"));
    assert_ne!(settings, SETTINGS);
    let config = with_feeds(&settings, [("planet", server.url("/planet")), ("paper", server.url("/feed"))]);
    place.write("gleaner.toml", config + paper + "\n");
}

#[test]
fn by_the_same_rules_nothing_changes() {
    let server = FeedServer::start();
    let place = archive(&server);
    let before = export(&place);
    let change = || -> i64 { place.database().query_row("SELECT change FROM archive", [], |row| row.get(0)).unwrap() };
    let changes = change();
    let rebuild = || assert_eq!(place.run(&["rebuild"]).succeeds(), "37 articles made again, 0 of them show something else now\n");
    rebuild();
    let once = export(&place);
    // The text before the edit took part in finding similar posts, and is no more.
    assert_eq!(differing(&before, &once), ["similar"]);
    rebuild();
    assert!(export(&place) == once, "doing it twice gives the same bytes");
    assert_eq!(change(), changes);
    place.run(&["db", "check"]).succeeds();
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(beside_sightings(&once, &export(&place)), Vec::<String>::new(), "what is polled afterwards is known");
}

#[test]
fn another_setting_changes_what_it_decides_and_nothing_else_and_twice_is_once() {
    let server = FeedServer::start();
    let place = archive(&server);
    let before = export(&place);
    set(&place, &server, "reading_speed = 60", "language = \"de\"");
    assert_eq!(place.run(&["rebuild"]).succeeds(), "37 articles made again, 37 of them show something else now\n");
    let after = export(&place);
    assert_eq!(differing(&before, &after), ["language", "last_changed", "reading_time_minutes", "similar"]);
    for article in articles(&after) {
        let minutes = article["word_count"].as_u64().unwrap().div_ceil(60);
        assert_eq!(article["reading_time_minutes"], minutes);
        assert_eq!(article["language"], "de");
    }
    let revisions: u64 = articles(&after).iter().map(|article| article["revision"].as_u64().unwrap()).sum();
    assert_eq!(revisions, 38, "the edit is the one revision that there is");
    assert_eq!(place.run(&["rebuild"]).succeeds(), "37 articles made again, 0 of them show something else now\n");
    assert!(export(&place) == after, "doing it twice gives the same bytes");
    place.run(&["db", "check"]).succeeds();
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(beside_sightings(&after, &export(&place)), Vec::<String>::new());
}

#[test]
fn an_incremental_export_gives_what_a_rebuild_changed_and_no_more() {
    let server = FeedServer::start();
    let place = archive(&server);
    let news = || {
        let ended = place.run(&["export", "--format", "ndjson", "--copies", "--state", "state.json"]);
        ended.succeeds().lines().count()
    };
    assert_eq!(news(), 37);
    // 300 words are two minutes at 180 words a minute as at 190, and 200 words are two at 180 but one at 210.
    set(&place, &server, "reading_speed = 210", "");
    let before = export(&place);
    let said = place.run(&["rebuild"]).succeeds().to_owned();
    let after = export(&place);
    let differs = |(one, other): &(&Map<String, Value>, Map<String, Value>)| one["reading_time_minutes"] != other["reading_time_minutes"];
    let changed = articles(&before).iter().zip(articles(&after)).filter(differs).count();
    assert!((1..37).contains(&changed), "{changed}");
    assert_eq!(said, format!("37 articles made again, {changed} of them show something else now\n"));
    // What is a copy of these, or their original, may come along.
    assert!((changed..37).contains(&news()));
    assert_eq!(news(), 0);
}

#[test]
fn filters_of_today_drop_nothing_that_is_there() {
    let server = FeedServer::start();
    let place = archive(&server);
    let before = export(&place);
    let config = place.read("gleaner.toml");
    place.write("gleaner.toml", config + "\n[[filter]]\naction = \"drop\"\nfield = \"title\"\ncontains = \"Story\"\n");
    place.run(&["rebuild"]).succeeds();
    assert_eq!(differing(&before, &export(&place)), ["similar"]);
}

#[test]
fn without_raw_entries_articles_stay_as_they_are() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=3)));
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", &[])));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let keep = |keep: bool| place.read("gleaner.toml").replace("[database]\n", &format!("[database]\nkeep_entries = {keep}\n"));
    let with_entries = place.read("gleaner.toml");
    assert!(with_entries.contains("[database]\n"));
    place.write("gleaner.toml", keep(false));
    place.poll_counts();
    let before = export(&place);
    set(&place, &server, "reading_speed = 20", "");
    let said = place.run(&["rebuild"]).succeeds().to_owned();
    assert_eq!(
        said,
        "3 articles made again, 0 of them show something else now; of 3 no raw entry was kept, so what their feeds said stays as it is\n"
    );
    assert!(export(&place) == before);
}

#[test]
fn an_article_that_cannot_be_read_stays_and_harms_no_other() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=9)));
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", &[])));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll_counts();
    place.database().execute("UPDATE body SET content = x'01ff' WHERE sighting = 4", []).unwrap();
    set(&place, &server, "reading_speed = 20", "");
    assert_eq!(
        place.run(&["rebuild"]).succeeds(),
        "9 articles made again, 8 of them show something else now; 1 could not be made again and stay as they are (the log says why)\n"
    );
}

#[test]
fn killed_in_the_middle_it_goes_on_and_ends_as_if_nothing_had_been() {
    const STORIES: u32 = 1_500;
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=STORIES)));
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", &[])));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (u64::from(STORIES), 0));
    set(&place, &server, "reading_speed = 20", "language = \"de\"");
    fs::copy(place.at("gleaner.db"), place.at("before.db")).unwrap();
    let done = |place: &Place| -> Option<i64> { place.database().query_row("SELECT articles FROM rebuild", [], |row| row.get(0)).ok() };

    let rebuilding = place.start(&["rebuild"]);
    assert!(within(PATIENCE, || done(&place).is_some_and(|articles| articles > 0)));
    rebuilding.kill();
    let when_killed = done(&place).expect("it was killed in the middle");
    assert!(when_killed > 0);
    let again = place.run(&["-v", "rebuild"]);
    assert_eq!(again.succeeds(), format!("{STORIES} articles made again, {STORIES} of them show something else now\n"));
    assert!(again.err.contains("is_resumed=true"), "{}", again.err);
    assert_eq!(done(&place), None);
    place.run(&["db", "check"]).succeeds();
    let interrupted = export(&place);

    for log in ["gleaner.db-wal", "gleaner.db-shm"] {
        let _ = fs::remove_file(place.at(log));
    }
    fs::rename(place.at("before.db"), place.at("gleaner.db")).unwrap();
    place.run(&["rebuild"]).succeeds();
    // When it happened is another moment; all else is the same.
    assert_eq!(differing(&interrupted, &export(&place)), ["last_changed"]);
}

#[test]
fn beside_a_running_daemon_a_rebuild_is_its_work_and_polls_go_on() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=300)));
    let feeds = [("paper", server.url("/feed"))];
    let place = place::Place::with_feeds("", &feeds);
    place.run(&["poll"]).succeeds();
    let daemon = place.daemon();
    assert_eq!(place.run(&["rebuild"]).succeeds(), "300 articles made again, 0 of them show something else now\n");
    place.save("gleaner.toml", &place::Place::config("", &feeds).replace("[articles]\n", "[articles]\nreading_speed = 20\n"));
    let said = place.run(&["rebuild"]);
    assert_eq!(said.succeeds(), "300 articles made again, 300 of them show something else now\n", "by the config as it was saved");

    server.on("/feed", Answer::feed(stories(1..=301)));
    let mut rebuilding = place.spawn(&["rebuild"]);
    place.run(&["poll", "--all"]).succeeds();
    assert_eq!(place.titles().len(), 301);
    assert!(rebuilding.wait().unwrap().success());
    daemon.stop();
    place.run(&["db", "check"]).succeeds();
}

#[test]
fn a_kept_page_is_read_again_by_the_rules_of_its_site() {
    let server = FeedServer::start();
    let told = |number: u32| (0..3).map(|part| format!("<p>{}</p>", words(1000 * number + part, 80))).collect::<String>();
    let page = format!("<html><body><article>{}</article><div id=\"told\">{}</div></body></html>", told(1), told(2));
    server.on("/story/1", Answer::page(page));
    let item = Item::story(1).link(&server.url("/story/1")).body("The harbour council bridge market […]");
    server.on("/feed", Answer::feed(rss_of("The Paper", &server.url("/"), [&item])));
    let settings = SETTINGS.replace("full_text = \"never\"", "full_text = \"auto\"");
    let place = Place::with_config(&with_feeds(&format!("{settings}\n[pages]\nhost_delay = \"0s\"\n"), [("paper", server.url("/feed"))]));
    place.poll();
    let text = |of: &str| articles(of)[0]["text"].as_str().unwrap().to_owned();
    let before = export(&place);
    assert!(text(&before).starts_with(&words(1000, 80)), "{}", text(&before));
    let asked = server.requests().len();
    fs::create_dir(place.at("rules")).unwrap();
    place.write("rules/paper.toml", "[[site]]\nhosts = [\"127.0.0.1\"]\nbody = \"#told\"\n");
    assert_eq!(place.run(&["rebuild"]).succeeds(), "1 article made again, 1 of them shows something else now\n");
    let after = export(&place);
    assert!(text(&after).starts_with(&words(2000, 80)), "{}", text(&after));
    assert_eq!(articles(&after)[0]["revision"], 1);
    assert_eq!(server.requests().len(), asked, "nothing is asked of any server");
    let found = |word: &str| !place.run(&["search", word]).succeeds().is_empty();
    assert!(found(words(2000, 80).split(' ').nth(1).unwrap()));
    place.run(&["db", "check"]).succeeds();
    // Without its rule the page is what it was.
    fs::remove_file(place.at("rules/paper.toml")).unwrap();
    place.run(&["rebuild"]).succeeds();
    assert_eq!(differing(&before, &export(&place)), ["last_changed"]);
}
