//! What an operator does not want never enters the archive, and can be asked for again by another filter.

use crate::support::{Answer, FeedServer, Item, Place, SETTINGS, rss, with_feeds};

const NO_ADVERTS: &str = "[[filter]]\naction = \"drop\"\nfield = \"title\"\ncontains = \"(advert)\"\n";

fn place(filters: &str, server: &FeedServer) -> Place {
    Place::with_config(&config(filters, server))
}

fn config(filters: &str, server: &FeedServer) -> String {
    with_feeds(&format!("{SETTINGS}\n{filters}"), [("paper", server.url("/feed"))])
}

fn titles(place: &Place) -> Vec<String> {
    let mut titles = place.titles();
    titles.sort();
    titles
}

#[test]
fn a_dropped_entry_stays_dropped_when_it_is_edited_and_is_counted_once() {
    let advert = Item::story(1).title("Buy this (ADVERT)");
    let disguised = advert.clone().title("A lovely thing");
    let server = FeedServer::start();
    server.sequence(
        "/feed",
        [[&advert, &Item::story(2)], [&disguised, &Item::story(2)], [&Item::story(2), &disguised]].map(|items| Answer::feed(rss(items))),
    );
    let place = place(NO_ADVERTS, &server);
    for _ in 0..3 {
        place.poll_counts();
        assert_eq!(titles(&place), ["Story 2"]);
        let feed = place.feed("paper");
        assert_eq!((&feed["articles"], &feed["dropped"]), (&1.into(), &1.into()), "{feed:#}");
    }
    assert!(place.run(&["feeds", "list"]).succeeds().contains("its filters have dropped 1 entry"));
}

#[test]
fn an_entry_that_takes_a_dropped_ones_guid_with_another_page_and_date_is_judged_by_itself() {
    let server = FeedServer::start();
    let advert = Item::story(1).guid("1").title("Buy this (advert)");
    server.sequence("/feed", [advert, Item::story(2).guid("1")].map(|item| Answer::feed(rss([&item]))));
    let place = place(NO_ADVERTS, &server);
    place.poll_counts();
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(titles(&place), ["Story 2"]);
}

#[test]
fn other_filters_judge_anew_what_stands_in_the_feed_though_the_feed_has_not_changed() {
    let server = FeedServer::start();
    let document = rss(&[Item::story(1).title("Buy this (advert)"), Item::story(2), Item::story(3)]);
    server.on("/feed", Answer::feed(document).etag("\"1\"").conditional());
    let place = place(NO_ADVERTS, &server);
    assert_eq!(place.poll_counts(), (2, 0));
    assert_eq!(place.poll()[0]["outcome"], "not_modified");
    place.write("gleaner.toml", config("[[filter]]\naction = \"drop\"\nfield = \"title\"\nmatches = \"^Story 3\"\n", &server));
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(titles(&place), ["Buy this (advert)", "Story 2", "Story 3"], "what the archive has, it keeps");
    assert_eq!(place.feed("paper")["dropped"], 1);
    assert_eq!(place.poll()[0]["outcome"], "not_modified");
    place.write("gleaner.toml", config("", &server));
    assert_eq!(place.poll()[0]["outcome"], "fresh");
    assert_eq!(place.feed("paper")["dropped"], 0);
}

#[test]
fn explain_says_of_each_entry_which_filter_decided_and_what_it_found() {
    let server = FeedServer::start();
    let config = format!(
        "{SETTINGS}\n{NO_ADVERTS}\n[[feed]]\nname = \"paper\"\nurl = \"{}\"\nfilters = [{{ action = \"keep\", field = \"category\", matches = \"^(?i)news$\" }}]\n",
        server.url("/feed")
    );
    let place = Place::with_config(&config);
    let items =
        [Item::story(1).category("News"), Item::story(2).title("Buy (Advert) now").category("news"), Item::story(3).category("Sport")];
    place.write("feed.xml", rss(&items));
    let before = place.everything();
    let explained = place.run(&["check", "--explain", "feed.xml", "--feed", "paper"]);
    insta::assert_snapshot!(explained.succeeds(), @r#"
    kept     Story 1
             filter 1 of the feed: keep where category matches ^(?i)news$: found "News"
    dropped  Buy (Advert) now
             filter 1 for all feeds: drop where title contains "(advert)": found "(Advert)"
    dropped  Story 3
             filter 1 of the feed: keep where category matches ^(?i)news$: not found
    3 entries: 1 kept, 2 dropped
    "#);
    let for_all = place.run(&["check", "--explain", "feed.xml"]);
    assert!(for_all.succeeds().ends_with("3 entries: 2 kept, 1 dropped\n"), "{}", for_all.out);
    place.run(&["check", "--explain", "feed.xml", "--feed", "papre"]).fails(2, &["no feed is named `papre`", "did you mean `paper`?"]);
    place.run(&["check", "--explain", "missing.xml"]).fails(1, &["cannot read missing.xml"]);
    assert_eq!(place.everything(), before, "it touches nothing");
    assert!(server.requests().is_empty());
}
