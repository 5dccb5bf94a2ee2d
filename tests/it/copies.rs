//! Copies and similar posts: one story in several hands is one cluster, stories about one thing know of each other, and the
//! next issue of a series is no copy of the one before.

use serde_json::{Value, json};

use super::support::{Answer, FeedServer, Item, Place, rss_of, words};

/// A document of one paper that carries one item.
fn paper(server: &FeedServer, name: &str, items: &[Item]) -> String {
    let home = format!("https://{name}.example/");
    server.on(&format!("/{name}"), Answer::feed(rss_of(name, &home, items)));
    server.url(&format!("/{name}"))
}

fn item(name: &str, number: u32, title: &str, text: &str) -> Item {
    Item::titled(title)
        .guid(&format!("{name}-{number}"))
        .link(&format!("https://{name}.example/{number}"))
        .date(&format!("01 Mar 2024 {:02}:{:02}:00 GMT", 8 + number / 60, number % 60))
        .body(text)
}

/// Every so many words another one.
fn edited(text: &str, every: usize) -> String {
    let words = text.split(' ').enumerate();
    words.map(|(at, word)| if at % every == every - 1 { format!("edit{at}") } else { word.to_owned() }).collect::<Vec<_>>().join(" ")
}

fn by_link<'a>(articles: &'a [Value], link: &str) -> &'a Value {
    articles.iter().find(|article| article["url"] == link).unwrap()
}

#[test]
fn a_story_that_papers_edit_is_one_cluster_with_the_earliest_first() {
    let server = FeedServer::start();
    let story = words(7, 200);
    let half: Vec<&str> = story.split(' ').take(100).collect();
    let feeds = [
        ("agency", paper(&server, "agency", &[item("agency", 1, "Bridge to open", &story)])),
        (
            "gazette",
            paper(&server, "gazette", &[item("gazette", 2, "At last: the bridge", &format!("{}\n\n{}", words(99, 20), edited(&story, 8)))]),
        ),
        ("bulletin", paper(&server, "bulletin", &[item("bulletin", 3, "Bridge", &half.join(" "))])),
        ("herald", paper(&server, "herald", &[item("herald", 4, "Bridge to open", &story)])),
        ("other", paper(&server, "other", &[item("other", 5, "Bridge to open", &words(8, 200))])),
    ];
    let place = Place::with_feeds(feeds);
    assert_eq!(place.poll_counts(), (5, 0));
    let exported = place.articles_with(&[]);
    assert_eq!(exported.len(), 2, "{exported:#?}");
    let original = by_link(&exported, "https://agency.example/1");
    let mut copies: Vec<(String, f64)> = original["copies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|copy| (copy["site"].as_str().unwrap().to_owned(), copy["similarity"].as_f64().unwrap()))
        .collect();
    copies.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = copies.iter().map(|(site, _)| site.as_str()).collect();
    assert_eq!(names, ["bulletin", "gazette", "herald"]);
    assert!(copies[0].1 > 0.9 && copies[0].1 < 1.0, "a cut tail: {copies:?}");
    assert!(copies[1].1 > 0.7 && copies[1].1 < 1.0, "an edit: {copies:?}");
    assert!((copies[2].1 - 1.0).abs() < f64::EPSILON, "the same text: {copies:?}");
    let all = place.articles();
    let edit = by_link(&all, "https://gazette.example/2");
    assert_eq!((&edit["duplicate_of"], &edit["copies"]), (&original["id"], &json!([])));
    assert_eq!(by_link(&all, "https://other.example/5")["duplicate_of"], Value::Null);
}

#[test]
fn near_copies_can_be_turned_off_and_exact_ones_are_found_all_the_same() {
    let server = FeedServer::start();
    let story = words(7, 200);
    let feeds = [
        ("agency", paper(&server, "agency", &[item("agency", 1, "Bridge to open", &story)])),
        ("gazette", paper(&server, "gazette", &[item("gazette", 2, "At last", &edited(&story, 20))])),
        ("herald", paper(&server, "herald", &[item("herald", 4, "Bridge to open", &story)])),
    ];
    let place = Place::with_feeds(feeds);
    place.write("gleaner.toml", place.read("gleaner.toml").replace("[articles]", "[articles]\nnear_copies = false\nsimilar = 0"));
    assert_eq!(place.poll_counts(), (3, 0));
    let articles = place.articles();
    assert_eq!(articles.iter().filter(|article| !article["duplicate_of"].is_null()).count(), 1);
    assert!(articles.iter().all(|article| article["similar"] == json!([])));
}

#[test]
fn issues_of_a_series_are_no_copies_of_one_another() {
    let server = FeedServer::start();
    let frame = words(3, 60);
    let issues: Vec<Item> = (1..=8)
        .map(|day| item("weather", day, "The weather", &format!("{} {} {}", words(100 + day, 25), frame, words(200 + day, 15))))
        .collect();
    let place = Place::with_feeds([("weather", paper(&server, "weather", &issues))]);
    assert_eq!(place.poll_counts(), (8, 0));
    let articles = place.articles();
    assert!(articles.iter().all(|article| article["duplicate_of"].is_null()), "{articles:#?}");
}

#[test]
fn similar_posts_are_known_both_ways_and_are_no_change_of_an_article() {
    let server = FeedServer::start();
    let about = |number: u32, topic: &str| {
        let text: Vec<String> = words(number, 120)
            .split(' ')
            .enumerate()
            .map(|(at, word)| if at % 4 == 0 { format!("{topic}{}", at % 5) } else { word.to_owned() })
            .collect();
        item("daily", number, &format!("{topic} number {number}"), &text.join(" "))
    };
    let first = [about(1, "reactor"), about(2, "reactor"), about(3, "festival")];
    let place = Place::with_feeds([("daily", paper(&server, "daily", &first))]);
    place.poll();
    let before = place.articles();
    place.run(&["export", "--state", "state.json", "-o", "first.json"]).succeeds();

    let more: Vec<Item> = first.iter().cloned().chain([about(4, "reactor"), about(5, "festival")]).collect();
    paper(&server, "daily", &more);
    place.poll();
    let articles = place.articles();
    let named = |number: u32| -> Vec<String> {
        let article = by_link(&articles, &format!("https://daily.example/{number}"));
        article["similar"].as_array().unwrap().iter().map(|post| post["title"].as_str().unwrap().to_owned()).collect()
    };
    for (number, topic) in [(1, "reactor"), (2, "reactor"), (4, "reactor"), (3, "festival"), (5, "festival")] {
        let titles = named(number);
        assert!(titles[0].starts_with(topic), "{number}: {titles:?}");
    }
    assert!(named(1).contains(&"reactor number 4".to_owned()), "the older one learns of the newer one");
    let post = &by_link(&articles, "https://daily.example/1")["similar"][0];
    let other = by_link(&articles, post["url"].as_str().unwrap());
    assert_eq!((&post["id"], &post["title"]), (&other["id"], &other["title"]));
    assert!(post["score"].as_f64().is_some_and(|score| score > 0.1 && score <= 1.0));
    for old in &before {
        let now = by_link(&articles, old["url"].as_str().unwrap());
        assert_eq!(now["last_changed"], old["last_changed"]);
    }
    let changed: Value = serde_json::from_str(place.run(&["export", "--state", "state.json"]).succeeds()).unwrap();
    assert_eq!(changed["articles"].as_array().unwrap().len(), 2, "the new ones alone");
    // People read them, too.
    let shown = place.run(&["show", by_link(&articles, "https://daily.example/1")["id"].as_str().unwrap()]);
    assert!(shown.succeeds().contains("Similiar Posts\n\nreactor number"), "{}", shown.out);
    place.run(&["db", "check"]).succeeds();
}
