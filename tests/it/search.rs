//! Articles are found by their words and phrases, in any script.

use std::sync::LazyLock;

use serde_json::Value;

use crate::support::{Answer, FeedServer, Item, Place, rss, strings};

fn item(number: u32, title: &str, body: &str) -> Item {
    Item::titled(title)
        .guid(&number.to_string())
        .link(&format!("https://paper.example/{number}"))
        .date(&format!("{number:02} Mar 2024 08:00:00 GMT"))
        .body(body)
}

static ARCHIVE: LazyLock<Place> = LazyLock::new(|| {
    let server = FeedServer::start();
    let items = [
        item(1, "The old bridge opens", "In spring the bridge opens again, says the harbour office."),
        item(2, "Harbour news", "A boat. The bridge is mentioned once, among a good deal of other news from the harbour and its boats."),
        item(3, "Bridge, bridge, bridge", "The bridge. The bridge and nothing but the bridge."),
        item(4, "Café naïveté", "A résumé of the year NOT the month, OR so; near the end AND before it."),
        item(5, "渡し船が再開", "東京都の川で渡し船が四月から再び動き始める。"),
        item(6, "다리가 열린다", "봄에 다리가 다시 열린다."),
        item(7, "Мост открыт", "Весной мост откроется снова."),
        item(8, "Code: C++ & snake_case", "The title:value of foo-bar is 3.14 (\"quoted\")*."),
    ];
    server.on("/feed", Answer::feed(rss(&items.map(|item| item.element("author", "Editor")))));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (8, 0));
    place
});

/// The numbers of the articles that are found, in their order.
#[track_caller]
fn found(arguments: &[&str]) -> Vec<u32> {
    let ended = ARCHIVE.run(&[&["search", "--json"], arguments].concat());
    let lines: Vec<Value> = ended.succeeds().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    strings(&lines, "url").iter().map(|url| url.rsplit('/').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn all_words_must_be_there_and_the_newest_comes_first() {
    assert_eq!(found(&["bridge"]), [3, 2, 1]);
    assert_eq!(found(&["BRIDGE"]), [3, 2, 1]);
    assert_eq!(found(&["bridge", "harbour"]), [2, 1]);
    assert_eq!(found(&["bridge harbour"]), [2, 1]);
    assert_eq!(found(&["bridge", "aeroplane"]), [0; 0]);
    assert_eq!(found(&["bridge", "--limit", "1"]), [3]);
}

#[test]
fn words_in_quotation_marks_stand_side_by_side() {
    assert_eq!(found(&["\"bridge opens\""]), [1]);
    assert_eq!(found(&["\"opens bridge\""]), [0; 0]);
    assert_eq!(found(&["\"old bridge\"", "spring"]), [1]);
    assert_eq!(found(&["\"old bridge"]), [1], "a mark that is not closed quotes the rest");
    assert_eq!(found(&["\"bridge the\""]), [3], "sentences are no borders");
}

#[test]
fn every_script_is_searched() {
    assert_eq!(found(&["渡し船"]), [5]);
    assert_eq!(found(&["東京"]), [5]);
    assert_eq!(found(&["京都"]), [5], "where nothing stands between words, characters are found side by side");
    assert_eq!(found(&["都東"]), [0; 0]);
    assert_eq!(found(&["다리가"]), [6]);
    assert_eq!(found(&["мост"]), [7]);
    assert_eq!(found(&["МОСТ"]), [7]);
    assert_eq!(found(&["café"]), [4]);
    assert_eq!(found(&["cafe\u{301}"]), [4], "however the accent is written");
}

#[test]
fn authors_and_titles_are_searched_too() {
    assert_eq!(found(&["editor", "boats"]), [2]);
    assert_eq!(found(&["naïveté"]), [4]);
}

#[test]
fn what_other_search_languages_take_for_operators_are_words() {
    assert_eq!(found(&["not"]), [4]);
    assert_eq!(found(&["year NOT month"]), [4]);
    assert_eq!(found(&["bridge OR boat"]), [0; 0]);
    assert_eq!(found(&["NEAR"]), [4]);
    for query in
        ["title:value", "foo-bar", "foo-bar*", "(quoted)", "C++", "snake_case", "3.14", "^title", "{title}", "'quoted'", "a; DROP TABLE"]
    {
        let ended = ARCHIVE.run(&["search", "--", query]);
        assert_eq!(ended.status, 0, "{query}: {ended:?}");
    }
    assert_eq!(found(&["foo-bar"]), [8]);
    assert_eq!(found(&["title:value"]), [8]);
}

#[test]
fn relevance_puts_what_is_about_the_words_first() {
    let found = found(&["--relevance", "bridge"]);
    assert_eq!(found.len(), 3);
    assert_eq!((found[0], found[2]), (3, 2));
}

#[test]
fn a_person_reads_id_title_and_where_it_stands() {
    let ended = ARCHIVE.run(&["search", "old bridge"]);
    let out = ended.succeeds();
    let id = out.split_whitespace().next().unwrap();
    assert_eq!(id.len(), 26, "{out}");
    for words in ["The old bridge opens", "March 1, 2024", "1 min read", "The Paper", "https://paper.example/1"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(ARCHIVE.run(&["show", id]).succeeds().contains("In spring the bridge opens again"));
}

#[test]
fn nothing_found_is_said_and_no_failure() {
    let ended = ARCHIVE.run(&["search", "aeroplane"]);
    assert_eq!((ended.succeeds(), ended.err.as_str()), ("", "nothing found\n"));
    assert_eq!(ARCHIVE.run(&["search", "--json", "aeroplane"]).succeeds(), "");
}

#[test]
fn a_query_without_a_word_is_refused() {
    for query in ["", "\"\"", "...", "!?"] {
        ARCHIVE.run(&["search", query]).fails(2, &["no word to search for"]);
    }
}

#[test]
fn filters_narrow_a_search() {
    assert_eq!(found(&["bridge", "--since", "2024-03-02"]), [3, 2]);
    assert_eq!(found(&["bridge", "--until", "2024-03-02"]), [1]);
    assert_eq!(found(&["bridge", "--feed", "paper"]), [3, 2, 1]);
    ARCHIVE.run(&["search", "bridge", "--feed", "papr"]).fails(2, &["papr", "did you mean `paper`?"]);
}

#[test]
fn a_changed_article_is_found_by_its_new_words_alone() {
    let server = FeedServer::start();
    let first = item(1, "Headline", "An aeroplane landed.");
    server.sequence("/feed", [Answer::feed(rss(&[first])), Answer::feed(rss(&[item(1, "Headline", "A helicopter landed.")]))]);
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    place.poll();
    assert!(place.run(&["search", "helicopter"]).succeeds().contains("Headline"));
    assert_eq!(place.run(&["search", "aeroplane"]).succeeds(), "");
}
