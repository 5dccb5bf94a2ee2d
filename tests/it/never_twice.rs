//! An article is stored once, however its feed repeats, shuffles, renumbers or moves it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Answer, FeedServer, Item, Place, rss, rss_of, strings, words};

/// A feed that shows these documents one after the other; what each poll found to be new and updated, and the archive
/// that came of it.
fn history(documents: &[String]) -> (Vec<(u64, u64)>, Place) {
    let server = FeedServer::start();
    server.sequence("/feed", documents.iter().map(|document| Answer::ok(document.as_str())));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let counts = documents.iter().map(|_| place.poll_counts()).collect();
    (counts, place)
}

fn ids(place: &Place) -> BTreeSet<String> {
    strings(&place.articles(), "id").into_iter().collect()
}

/// The documents give so many articles at the first poll, and nothing new or updated ever after.
#[track_caller]
fn stays(articles: u64, documents: &[String]) {
    let (counts, place) = history(documents);
    let mut want = vec![(articles, 0)];
    want.resize(documents.len(), (0, 0));
    assert_eq!(counts, want, "{:#?}", place.titles());
    let articles = place.articles();
    assert!(articles.iter().all(|article| article["revision"] == 1), "{articles:#?}");
}

#[test]
fn the_same_document_polled_five_times_stores_its_articles_once() {
    let document = rss(&[Item::story(1), Item::story(2), Item::story(3)]);
    // A comment differs, so that each is read.
    let documents: Vec<String> = (0..5).map(|poll| format!("{document}<!-- {poll} -->")).collect();
    stays(3, &documents);
}

#[test]
fn an_entry_without_guid_and_date_is_known_by_its_link() {
    let item = Item::story(1).without("guid").without("pubDate");
    stays(1, &[rss([&item]), rss([&item, &item]) + "<!-- again -->"]);
}

#[test]
fn an_entry_with_nothing_but_a_body_is_known_by_its_text() {
    let items = [Item::default().body(&words(1, 70)), Item::default().body(&words(2, 70)), Item::titled("Only a headline")];
    let turned: Vec<Item> = items.iter().rev().cloned().collect();
    stays(3, &[rss(&items), rss(&turned), rss(&items[..2]) + "<!-- left -->", rss(&items)]);
}

#[test]
fn another_order_of_the_entries_changes_nothing() {
    let items: Vec<Item> = (1..=9).map(Item::story).collect();
    let mut documents = vec![rss(&items)];
    for turn in [3, 5, 7] {
        let mut turned = items.clone();
        turned.rotate_left(turn);
        turned.swap(0, 8);
        documents.push(rss(&turned));
    }
    stays(9, &documents);
}

#[test]
fn duplicate_guids_in_one_document_are_told_apart_by_what_they_carry_not_by_position() {
    let items: Vec<Item> = (1..=4).map(|number| Item::story(number).guid("same").without("link")).collect();
    let turned: Vec<Item> = items.iter().rev().cloned().collect();
    stays(4, &[rss(&items), rss(&turned), rss(&items)]);
}

#[test]
fn guids_that_change_at_every_poll_double_nothing() {
    let document = |poll: u32| rss(&[Item::story(1), Item::story(2)].map(|item| item.guid(&format!("{poll}-{}", poll * 77))));
    // Both entries have one guid at each poll: nothing but link and text tells them apart.
    stays(2, &[document(1), document(2), document(3)]);
    let own = |poll: u32| rss(&[1, 2].map(|number| Item::story(number).guid(&format!("{poll}/{number}"))));
    stays(2, &[own(1), own(2), own(3)]);
}

#[test]
fn an_edited_date_doubles_nothing() {
    let dated = |date: &str| rss(&[Item::story(1).without("guid").date(date)]);
    let (counts, place) = history(&[dated("01 Mar 2024 08:00:00 GMT"), dated("01 Mar 2024 09:30:00 GMT")]);
    assert_eq!(counts, [(1, 0), (0, 1)]);
    assert_eq!(place.articles()[0]["published"], "2024-03-01T09:30:00Z");
    assert_eq!(place.articles()[0]["revision"], 1, "a date is no revision");
}

#[test]
fn http_becoming_https_in_guids_and_links_doubles_nothing() {
    let item = |scheme: &str| {
        let url = format!("{scheme}://paper.example/a?id=7");
        Item::story(1).without("guid").raw(&format!("<guid>{url}</guid>")).link(&url)
    };
    let (counts, place) = history(&[rss(&[item("http")]), rss(&[item("https")]), rss(&[item("http")])]);
    assert!(counts.iter().skip(1).all(|(new, _)| *new == 0), "{counts:?}");
    assert_eq!(place.articles().len(), 1);
    assert_eq!(place.articles()[0]["revision"], 1);
}

#[test]
fn a_sites_move_with_other_guids_and_links_brings_no_article_again() {
    let old: Vec<Item> = (1..=5).map(Item::story).collect();
    let new: Vec<Item> = (1..=5)
        .map(|number| {
            Item::story(number).guid(&format!("https://new.example/?p={}", number + 900)).link(&format!("https://new.example/p/{number}"))
        })
        .collect();
    let (counts, place) = history(&[rss(&old), rss_of("The Paper", "https://new.example/", &new)]);
    assert_eq!((counts[0], counts[1].0), ((5, 0), 0));
    assert_eq!(place.articles().len(), 5);
    assert!(place.articles().iter().all(|article| article["revision"] == 1));
}

#[test]
fn tracking_parameters_and_fragments_make_no_second_article() {
    let item = |tail: &str| Item::story(1).without("guid").link(&format!("https://paper.example/a{tail}"));
    let tails = ["", "?utm_source=feed&utm_medium=rss", "#comments", "/", "?fbclid=abc"];
    let documents: Vec<String> = tails.iter().map(|tail| rss(&[item(tail)])).collect();
    let (counts, place) = history(&documents);
    assert!(counts[1..].iter().all(|(new, _)| *new == 0), "{counts:?}");
    assert_eq!(place.articles().len(), 1);
    assert_eq!(place.articles()[0]["url"], "https://paper.example/a");
}

#[test]
fn one_entry_without_any_id_does_not_fail_the_feed() {
    let items = [Item::story(1), Item::default(), Item::default().raw("<guid/><link/><title/>"), Item::story(2)];
    stays(2, &[rss(&items), rss(&items) + "<!-- again -->"]);
}

#[test]
fn atom_entries_without_id_and_link_are_not_one_article() {
    let entry = |number: u32| format!("<entry><title>Note {number}</title><content>{}</content></entry>", words(number, 60));
    let feed = |entries: &[u32]| {
        let entries: String = entries.iter().map(|number| entry(*number)).collect();
        format!("<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Notes</title><id>x</id>{entries}</feed>")
    };
    stays(3, &[feed(&[1, 2, 3]), feed(&[3, 1, 2]), feed(&[1, 2])]);
}

#[test]
fn json_feed_items_are_known_again_too() {
    let item = |id: &str, number: u32| {
        serde_json::json!({"id": id, "url": format!("https://paper.example/{number}"), "title": format!("Story {number}"),
            "content_text": words(number, 60), "date_published": "2024-03-01T08:00:00Z"})
    };
    let feed = |items: Vec<Value>| {
        serde_json::json!({"version": "https://jsonfeed.org/version/1.1", "title": "Paper", "home_page_url": "https://paper.example/", "items": items})
            .to_string()
    };
    stays(2, &[feed(vec![item("1", 1), item("2", 2)]), feed(vec![item("2", 2), item("1", 1)]), feed(vec![item("x", 1), item("y", 2)])]);
}

#[test]
fn guids_that_are_common_to_two_feeds_move_no_entry_between_them() {
    let server = FeedServer::start();
    let feed = |paper: u32| {
        let home = format!("https://paper{paper}.example/");
        let items: Vec<Item> = (1..=3)
            .map(|number| {
                let story = paper * 100 + number;
                Item::story(story).guid(&number.to_string()).link(&format!("{home}{number}"))
            })
            .collect();
        rss_of(&format!("Paper {paper}"), &home, &items)
    };
    for paper in 1..=2 {
        server.on(&format!("/{paper}"), Answer::feed(feed(paper)));
    }
    let place = Place::with_feeds([("one", server.url("/1")), ("two", server.url("/2"))]);
    assert_eq!(place.poll_counts(), (6, 0));
    assert_eq!(place.poll_counts(), (0, 0));
    for article in place.articles() {
        let sightings = article["sightings"].as_array().unwrap();
        assert_eq!(sightings.len(), 1, "{article:#}");
    }
}

#[test]
fn a_repeated_key_that_rolls_off_brings_nothing_again() {
    // The link identifies nothing while two entries share it; when one has left, that is still so.
    let page = "https://paper.example/today";
    let item = |number: u32| Item::story(number).link(page);
    let documents = [rss(&[item(1), item(2)]), rss(&[item(2)]), rss(&[item(3), item(2)]), rss(&[item(3)])];
    let (counts, place) = history(&documents);
    assert_eq!(counts, [(2, 0), (0, 0), (1, 0), (0, 0)]);
    assert_eq!(place.articles().len(), 3);
}

#[test]
fn one_story_in_several_feeds_of_its_site_is_one_article_with_a_sighting_each() {
    let server = FeedServer::start();
    let front = [Item::story(1), Item::story(2)];
    let section = [Item::story(2).without("guid").link("http://www.paper.example/stories/2/?utm_source=section"), Item::story(3)];
    server.on("/front", Answer::feed(rss(&front)));
    server.on("/section", Answer::feed(rss(&section)));
    let place = Place::with_feeds([("front", server.url("/front")), ("section", server.url("/section"))]);
    assert_eq!(place.poll_counts().0, 3);
    assert_eq!(place.poll_counts(), (0, 0));
    let articles = place.articles();
    let shared = articles.iter().find(|article| article["title"] == "Story 2").unwrap();
    let feeds = strings(shared["sightings"].as_array().unwrap(), "feed");
    assert_eq!(feeds.iter().collect::<BTreeSet<_>>().len(), 2, "{shared:#}");
    assert_eq!(shared["revision"], 1);
}

#[test]
fn the_order_of_polls_changes_no_id() {
    let server = FeedServer::start();
    let shared = |link: &str| Item::story(2).without("guid").link(link);
    server.on("/a", Answer::feed(rss(&[Item::story(1), shared("https://paper.example/stories/2")])));
    server.on("/b", Answer::feed(rss(&[shared("https://paper.example/stories/2?utm_campaign=x"), Item::story(3)])));
    let feeds = || [("a", server.url("/a")), ("b", server.url("/b"))];
    let (one, other) = (Place::with_feeds(feeds()), Place::with_feeds(feeds()));
    for name in ["a", "b"] {
        one.run(&["poll", name]).succeeds();
    }
    for name in ["b", "a"] {
        other.run(&["poll", name]).succeeds();
    }
    assert_eq!(ids(&one), ids(&other));
    assert_eq!(ids(&one).len(), 3);
}

#[test]
fn an_agency_story_on_several_sites_stays_an_article_of_each_and_one_cluster() {
    let server = FeedServer::start();
    let text = words(7, 120);
    let mut feeds = Vec::new();
    let names: Vec<String> = (1..=5).map(|site| format!("site{site}")).collect();
    for name in &names {
        let home = format!("https://{name}.example/");
        let item = Item::titled("An agency story").guid("77").link(&format!("{home}agency")).date("01 Mar 2024 08:00:00 GMT").body(&text);
        server.on(&format!("/{name}"), Answer::feed(rss_of(name, &home, &[item])));
        feeds.push((name.as_str(), server.url(&format!("/{name}"))));
    }
    let place = Place::with_feeds(feeds);
    assert_eq!(place.poll_counts().0, 5);
    let articles = place.articles();
    let (originals, copies): (Vec<&Value>, Vec<&Value>) = articles.iter().partition(|article| article["duplicate_of"].is_null());
    assert_eq!((originals.len(), copies.len()), (1, 4));
    assert_eq!(originals[0]["copies"].as_array().unwrap().len(), 4);
    assert!(copies.iter().all(|copy| copy["duplicate_of"] == originals[0]["id"]));
    // One site edits its own: the others' stay what they are.
    let home = "https://site3.example/";
    let edited = Item::titled("Corrected: an agency story")
        .guid("77")
        .link(&format!("{home}agency"))
        .date("01 Mar 2024 08:00:00 GMT")
        .body(&format!("{text} The figure was wrong."));
    server.on("/site3", Answer::feed(rss_of("site3", home, &[edited])));
    let (new, updated) = place.poll_counts();
    assert_eq!((new, updated), (0, 1));
    let titles = place.titles();
    assert_eq!(titles.iter().filter(|title| *title == "An agency story").count(), 4, "{titles:?}");
}

#[test]
fn a_link_blogs_comment_does_not_overwrite_the_article_that_it_links_to() {
    let server = FeedServer::start();
    server.on("/paper", Answer::feed(rss(&[Item::story(1)])));
    let comment = Item::titled("A reading tip").link("https://paper.example/stories/1").body(&words(50, 90));
    server.on("/blog", Answer::feed(rss_of("A blog", "https://blog.example/", &[comment])));
    let place = Place::with_feeds([("blog", server.url("/blog")), ("paper", server.url("/paper"))]);
    assert_eq!(place.poll_counts(), (2, 0));
    assert_eq!(place.poll_counts(), (0, 0));
    let mut titles = place.titles();
    titles.sort();
    assert_eq!(titles, ["A reading tip", "Story 1"]);
}

#[test]
fn a_new_guid_and_story_under_a_constant_link_is_a_new_article_each_time() {
    let day = |number: u32| rss(&[Item::story(number).link("https://paper.example/latest")]);
    let (counts, _) = history(&[day(1), day(2), day(3)]);
    assert_eq!(counts, [(1, 0), (1, 0), (1, 0)]);
}

#[test]
fn what_counts_or_tells_the_time_inside_a_body_unseen_makes_no_update() {
    let text = words(1, 80);
    let body = |poll: u32| {
        format!(
            "<!-- made in 0.0{poll} seconds at {poll} o'clock --><p class=\"c{poll}\" data-views=\"{poll}\" id=\"x{poll}\">{text}</p>\
             <script>var views = {poll};</script><style>.c{poll} {{ color: red }}</style>\
             <img src=\"https://paper.example/pixel.gif?{poll}\" width=\"1\" height=\"1\">"
        )
    };
    let documents: Vec<String> = (1..=4).map(|poll| rss(&[Item::story(1).body(&body(poll))])).collect();
    stays(1, &documents);
}
