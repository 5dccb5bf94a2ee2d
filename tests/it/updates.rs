//! An article follows its source: what was changed is a revision, what was before is kept, what left the feed stays.

use serde_json::Value;

use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, rss, rss_of, stories, strings, within, words};

/// A feed of one entry that is shown in these states, polled once for each.
fn states(items: &[Item]) -> (Vec<(u64, u64)>, Place) {
    let server = FeedServer::start();
    server.sequence("/feed", items.iter().map(|item| Answer::feed(rss([item]))));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let counts = items.iter().map(|_| place.poll_counts()).collect();
    (counts, place)
}

fn only(place: &Place) -> Value {
    let mut articles = place.articles();
    assert_eq!(articles.len(), 1, "{articles:#?}");
    articles.remove(0)
}

#[test]
fn a_changed_title_or_text_is_a_revision_and_the_earlier_ones_are_kept() {
    let first = Item::story(1);
    let retitled = first.clone().title("Story 1, corrected");
    let rewritten = retitled.clone().body(&format!("{} And one sentence more.", words(1, 80)));
    let (counts, place) = states(&[first, retitled, rewritten]);
    assert_eq!(counts, [(1, 0), (0, 1), (0, 1)]);
    let article = only(&place);
    assert_eq!((&article["title"], &article["revision"]), (&"Story 1, corrected".into(), &3.into()));
    assert!(article.get("revisions").is_none(), "the key is there only where it was asked for");

    let with = place.articles_with(&["--revisions"]).remove(0);
    let revisions = with["revisions"].as_array().unwrap();
    assert_eq!(strings(revisions, "title"), ["Story 1", "Story 1, corrected"]);
    assert_eq!(revisions.iter().map(|revision| revision["revision"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(revisions[0]["text"], revisions[1]["text"]);
    assert_ne!(revisions[1]["text"], article["text"]);
    let seen = strings(revisions, "seen");
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(seen[0], article["first_seen"].as_str().unwrap());

    let id = article["id"].as_str().unwrap();
    let shown = place.run(&["show", id, "--revisions"]);
    let text = shown.succeeds();
    let (now, before) = text.split_once("Revision 2 of").unwrap();
    assert!(now.contains("And one sentence more.") && !before.contains("And one sentence more."), "{text}");
    assert!(before.contains("Revision 1 of"), "{text}");
    assert!(!place.run(&["show", id]).succeeds().contains("Revision"));
}

#[test]
fn a_change_of_anything_else_is_an_update_without_a_revision() {
    let plain = Item::story(1).category("Harbour");
    for (what, changed) in [
        ("categories", plain.clone().category("Bridges")),
        ("published", plain.clone().date("03 Mar 2024 11:00:00 GMT")),
        ("authors", plain.clone().element("author", "desk@paper.example (Editor)")),
        ("enclosures", plain.clone().raw("<enclosure url=\"https://paper.example/a.mp3\" type=\"audio/mpeg\" length=\"1234\"/>")),
    ] {
        let (counts, place) = states(&[plain.clone(), changed]);
        assert_eq!(counts, [(1, 0), (0, 1)], "{what}");
        let article = only(&place);
        assert_eq!(article["revision"], 1, "{what}");
        assert_ne!(article[what], only(&states(std::slice::from_ref(&plain)).1)[what], "{what}");
        assert!(article["last_changed"].as_str().unwrap() >= article["first_seen"].as_str().unwrap());
    }
}

#[test]
fn what_only_looks_different_is_neither_a_revision_nor_an_update() {
    let plain = Item::story(1).body("<p>The bridge &amp; the harbour.</p>");
    for (what, same) in [
        ("white space between elements", plain.clone().raw("\n\n   ")),
        (
            "the order of elements",
            Item::default()
                .body("<p>The bridge &amp; the harbour.</p>")
                .date(&crate::support::feed::date(1))
                .link("https://paper.example/stories/1")
                .guid("story-1")
                .title("Story 1"),
        ),
        ("white space in the title", plain.clone().title("  Story\n 1 ")),
        (
            "an element that means nothing",
            plain.clone().raw("<slash:comments xmlns:slash=\"http://purl.org/rss/1.0/modules/slash/\">7</slash:comments>"),
        ),
    ] {
        let (counts, place) = states(&[plain.clone(), same]);
        assert_eq!(counts, [(1, 0), (0, 0)], "{what}");
        assert_eq!(only(&place)["revision"], 1, "{what}");
    }
}

#[test]
fn a_revision_that_is_taken_back_is_another_revision() {
    let (one, other) = (Item::story(1), Item::story(1).title("Another headline"));
    let (counts, place) = states(&[one.clone(), other, one]);
    assert_eq!(counts, [(1, 0), (0, 1), (0, 1)]);
    let article = place.articles_with(&["--revisions"]).remove(0);
    assert_eq!((&article["revision"], &article["title"]), (&3.into(), &"Story 1".into()));
    assert_eq!(strings(article["revisions"].as_array().unwrap(), "title"), ["Story 1", "Another headline"]);
}

#[test]
fn a_feed_that_goes_back_and_forth_between_two_texts_piles_up_no_revisions() {
    let (one, other) = (Item::story(1), Item::story(1).body(&words(2, 80)));
    let shown: Vec<Item> = (0..8).map(|at| if at % 2 == 0 { one.clone() } else { other.clone() }).collect();
    let (_, place) = states(&shown);
    let article = place.articles_with(&["--revisions"]).remove(0);
    assert_eq!(article["revision"], 3, "one for each text, and one for the first return");
    assert!(article["text"].as_str().unwrap().starts_with(&words(2, 80)), "what the feed says now is shown");
    let kept = strings(article["revisions"].as_array().unwrap(), "text");
    assert_eq!(kept, [words(1, 80), words(2, 80)]);
}

#[test]
fn a_counter_inside_the_text_piles_up_no_revisions_and_an_edit_beside_it_is_one() {
    let read = |text: &str, times: u32| Item::story(1).body(&format!("{text} Read {times} times."));
    let mut items: Vec<Item> = (0..8).map(|at| read(&words(1, 80), 1_000 + 13 * at)).collect();
    items.push(read(&words(1, 80).replacen("bridge", "ferry", 1), 2_000));
    let (_, place) = states(&items);
    let article = place.articles_with(&["--revisions"]).remove(0);
    assert_eq!(article["revision"], 4, "two corrections of a number, and the edit");
    assert!(article["text"].as_str().unwrap().ends_with("Read 2000 times."));
    let kept = strings(article["revisions"].as_array().unwrap(), "text");
    assert!(kept[2].ends_with("Read 1091 times."), "of what came and went in between the last is kept: {kept:?}");
    let shown = place.run(&["show", article["id"].as_str().unwrap(), "--revisions"]);
    assert!(shown.succeeds().contains("[-bridge-]{+ferry+}"), "{}", shown.out);
    assert!(shown.out.contains("Read [-1091-]{+2000+} times."), "{}", shown.out);
}

#[test]
fn an_article_stays_when_its_entry_leaves_the_feed_and_the_sighting_says_when() {
    let server = FeedServer::start();
    let both = rss(&[Item::story(1), Item::story(2)]);
    server.on("/feed", Answer::feed(both.clone()));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let polled_at = || place.feed("paper")["last_polled_at"].as_str().unwrap().to_owned();
    let first = polled_at();
    // Polls until one falls into another second, the archive's measure of time.
    let poll_later = |than: &str| {
        assert!(within(PATIENCE, || {
            place.poll();
            polled_at().as_str() > than
        }));
        polled_at()
    };
    let second = poll_later(&first);
    server.on("/feed", Answer::feed(rss(&[Item::story(2)])));
    let third = poll_later(&second);
    let fourth = poll_later(&third);

    let articles = place.articles();
    assert_eq!(strings(&articles, "title"), ["Story 1", "Story 2"]);
    let (left, stays) = (&articles[0]["sightings"][0], &articles[1]["sightings"][0]);
    assert_eq!((&left["first_seen"], &stays["first_seen"]), (&first.as_str().into(), &first.as_str().into()));
    let last_seen = left["last_seen"].as_str().unwrap();
    assert!(last_seen >= second.as_str() && last_seen < third.as_str(), "{left:#}");
    assert_eq!(stays["last_seen"], fourth.as_str());
    assert_eq!(articles[0]["last_changed"], first.as_str(), "leaving changes no article");

    // It comes back: the same article, seen again.
    server.on("/feed", Answer::feed(both));
    let fifth = poll_later(&fourth);
    let back = &place.articles()[0];
    assert_eq!((&back["sightings"][0]["first_seen"], &back["sightings"][0]["last_seen"]), (&first.as_str().into(), &fifth.as_str().into()));
    assert_eq!((&back["revision"], &back["last_changed"]), (&1.into(), &first.as_str().into()));
}

#[test]
fn the_publishers_own_feed_speaks_and_another_feeds_wording_makes_no_revision() {
    let server = FeedServer::start();
    let page = "https://paper.example/stories/1";
    let pointer =
        Item::titled("Worth a read").raw(&format!("<guid isPermaLink=\"true\">{page}</guid>")).link(page).body("A short pointer.");
    server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", [&pointer])));
    server.on("/paper", Answer::feed(rss(&[Item::story(1)])));
    let place = Place::with_feeds([("planet", server.url("/planet")), ("paper", server.url("/paper"))]);
    for name in ["planet", "paper"] {
        place.run(&["poll", name]).succeeds();
    }
    for poll in 0..3 {
        server.on("/planet", Answer::feed(rss_of("Planet", "https://planet.example/", &[pointer.clone().title(&format!("Read {poll}"))])));
        place.poll();
        let article = only(&place);
        assert_eq!((&article["title"], &article["revision"]), (&"Story 1".into(), &1.into()), "two feeds never flap");
        assert_eq!(article["sightings"].as_array().unwrap().len(), 2);
    }
    // The publisher's own change is one.
    server.on("/paper", Answer::feed(rss(&[Item::story(1).title("Story 1, corrected")])));
    assert_eq!(place.poll_counts(), (0, 1));
    assert_eq!(only(&place)["revision"], 2);
}

#[test]
fn a_feed_whose_documents_must_be_mended_says_how_many_and_what_was_wrong() {
    let server = FeedServer::start();
    let broken =
        "<rss version=\"2.0\"><channel><title>Paper</title><item><title>Salt & pepper</title><guid>1</guid></item></channel></rss>";
    server.sequence("/feed", [Answer::feed(broken), Answer::feed(stories(1..=1))]);
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let feed = place.feed("paper");
    assert_eq!((&feed["mended_documents"], &feed["last_mended"]), (&1.into(), &"bare-ampersand".into()));
    assert!(place.run(&["feeds", "list"]).succeeds().contains("had to be mended: bare-ampersand (1 so far)"));
    place.poll();
    let feed = place.feed("paper");
    assert_eq!((&feed["mended_documents"], &feed["last_mended"]), (&1.into(), &serde_json::Value::Null));
}
