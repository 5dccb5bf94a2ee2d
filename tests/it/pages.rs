//! Full text: where a feed has only an excerpt, the article's page is asked for, politely, and nothing is lost or in the way.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, SETTINGS, rss_of, strings, with_feeds, within, words};

/// Settings under which pages are asked for, at once.
fn settings() -> String {
    format!("{}\n[pages]\nhost_delay = \"0s\"\nper_host = 4\n", SETTINGS.replace("full_text = \"never\"", "full_text = \"auto\""))
}

fn subscribed(url: String) -> Place {
    Place::with_config(&with_feeds(&settings(), [("paper", url)]))
}

/// Three paragraphs of eighty words each, which no other number gives.
fn paragraphs(number: u32) -> Vec<String> {
    (0..3).map(|part| words(1000 * number + part, 80)).collect()
}

/// A page with this story and what surrounds one.
fn page(number: u32) -> String {
    page_with(number, "")
}

fn page_with(number: u32, head: &str) -> String {
    let body: String = paragraphs(number).iter().map(|paragraph| format!("<p>{paragraph}</p>")).collect();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>Story {number} - The Paper</title>{head}</head><body>\
         <nav><a href=\"/\">Home</a> <a href=\"/news\">News</a></nav>\
         <article><h1>Story {number}</h1>{body}</article><footer><p>About us</p></footer></body></html>"
    )
}

/// An entry that breaks off, linked to this address.
fn excerpt(number: u32, link: &str) -> Item {
    Item::story(number).link(link).body(&format!("{} […]", words(1000 * number, 20).trim_end_matches('.')))
}

/// A feed at `/feed.xml` of stories whose pages stand at `/story/N`.
fn excerpts(server: &FeedServer, numbers: impl IntoIterator<Item = u32>) {
    let items: Vec<Item> = numbers.into_iter().map(|number| excerpt(number, &server.url(&format!("/story/{number}")))).collect();
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
}

fn only(place: &Place) -> Value {
    let articles = place.articles();
    assert_eq!(articles.len(), 1, "{articles:#?}");
    articles[0].clone()
}

/// Makes every page that waits due at once: what a day's wait does.
fn make_due(place: &Place) {
    place.database().execute("UPDATE page SET due_at = 0 WHERE due_at IS NOT NULL", []).unwrap();
}

#[test]
fn an_excerpt_becomes_the_whole_story_in_one_poll() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    server.on("/story/1", Answer::page(page(1)));
    let place = subscribed(server.url("/feed.xml"));
    assert_eq!(place.run(&["poll"]).succeeds(), "1 feed polled: 1 new article, 0 updated\n1 page read\n");
    let article = only(&place);
    assert_eq!(article["text"], paragraphs(1).join("\n\n"));
    assert_eq!((&article["completeness"], &article["provenance"]["body"]), (&"full".into(), &"page".into()));
    assert_eq!((&article["title"], &article["provenance"]["published"]), (&"Story 1".into(), &"feed".into()));
    assert_eq!((&article["revision"], &article["url"]), (&1.into(), &server.url("/story/1").into()));
    assert!(!article["html"].as_str().unwrap().contains("About us"));
    let last_word = paragraphs(1)[2].trim_end_matches('.').rsplit(' ').next().unwrap().to_owned();
    assert!(place.run(&["search", &last_word]).succeeds().contains("Story 1"), "{last_word}");
    place.run(&["db", "check"]).succeeds();
    // It was asked for once, and is not asked for again.
    assert_eq!(place.run(&["poll", "--all"]).succeeds(), "1 feed polled: 0 new articles, 0 updated\n");
    assert_eq!((server.requests_to("/story/1").len(), server.requests_to("/robots.txt").len()), (1, 1));
    assert!(place.run(&["show", article["id"].as_str().unwrap()]).succeeds().contains("from its page"));
}

#[test]
fn a_feed_with_whole_stories_has_none_of_its_pages_asked_for() {
    let server = FeedServer::start();
    let content = |number: u32| {
        format!("<content:encoded xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">{}</content:encoded>", words(number, 300))
    };
    let items: Vec<Item> =
        (1..=3).map(|number| Item::story(number).link(&server.url(&format!("/story/{number}"))).raw(&content(number))).collect();
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
    let place = subscribed(server.url("/feed.xml"));
    assert_eq!(place.poll_counts(), (3, 0));
    assert!(server.requests().iter().all(|request| request.target == "/feed.xml"));
    // … unless the operator wants them all.
    for number in 1..=4 {
        server.on(&format!("/story/{number}"), Answer::page(page(number)));
    }
    place.write("gleaner.toml", with_feeds(&settings().replace("\"auto\"", "\"always\""), [("paper", server.url("/feed.xml"))]));
    let items: Vec<Item> = [4].map(|number: u32| Item::story(number).link(&server.url("/story/4")).raw(&content(number))).into();
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(server.requests_to("/story/4").len(), 1);
}

#[test]
fn a_page_that_robots_txt_forbids_is_not_asked_for_and_the_excerpt_stays() {
    let server = FeedServer::start();
    excerpts(&server, [1, 2, 3]);
    server.on("/robots.txt", Answer::ok("User-agent: gleaner\nDisallow: /story/\nAllow: /story/3\n\nUser-agent: *\nDisallow:\n"));
    (1..=3).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    let place = subscribed(server.url("/feed.xml"));
    assert_eq!(place.run(&["poll"]).succeeds(), "1 feed polled: 3 new articles, 0 updated\n1 page read, 2 failed\n");
    assert_eq!([1, 2, 3].map(|number| server.requests_to(&format!("/story/{number}")).len()), [0, 0, 1]);
    assert_eq!(server.requests_to("/robots.txt").len(), 1);
    assert_eq!(strings(&place.articles(), "completeness"), ["excerpt", "excerpt", "full"]);
    let id = place.articles()[0]["id"].as_str().unwrap().to_owned();
    let shown = place.run(&["show", &id]);
    assert!(shown.succeeds().contains("robots.txt does not allow it (/story/)"), "{}", shown.out);
    let feed = place.feed("paper");
    assert_eq!((&feed["pages"]["waiting"], &feed["pages"]["failing"]), (&2.into(), &2.into()));
    // It is tried twice more, and then no more.
    for _ in 0..4 {
        make_due(&place);
        place.run(&["poll", "--all"]).succeeds();
    }
    assert_eq!(place.feed("paper")["pages"]["given_up"], 2);
    assert!(place.run(&["show", &id]).succeeds().contains("given up after 3 attempts"));
    // `robots = false` is the operator's word.
    let free = Place::with_config(&with_feeds(&format!("{}robots = false\n", settings()), [("paper", server.url("/feed.xml"))]));
    assert_eq!(free.run(&["poll"]).succeeds(), "1 feed polled: 3 new articles, 0 updated\n3 pages read\n");
}

#[test]
fn while_robots_txt_cannot_be_had_no_page_of_its_host_is_asked_for() {
    let server = FeedServer::start();
    excerpts(&server, 1..=6);
    server.sequence("/robots.txt", [Answer::status(503), Answer::status(404)]);
    (1..=6).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    let place = subscribed(server.url("/feed.xml"));
    place.run(&["poll"]).succeeds();
    assert_eq!(server.requests_to("/robots.txt").len(), 1);
    assert!(server.requests().iter().all(|request| !request.target.starts_with("/story/")));
    assert_eq!(place.feed("paper")["pages"]["waiting"], 6);
    make_due(&place);
    place.run(&["poll"]).succeeds();
    assert!(place.articles().iter().all(|article| article["completeness"] == "full"));
}

#[test]
fn a_crash_between_poll_and_page_loses_no_page() {
    let server = FeedServer::start();
    excerpts(&server, [1, 2]);
    server.on("/story/1", Answer::page(page(1)).delay(Duration::from_secs(600)));
    server.on("/story/2", Answer::page(page(2)).delay(Duration::from_secs(600)));
    let place = subscribed(server.url("/feed.xml"));
    let daemon = place.start(&["run"]);
    assert!(within(PATIENCE, || server.requests().iter().filter(|request| request.target.starts_with("/story/")).count() == 2));
    daemon.kill();
    assert_eq!(strings(&place.articles(), "completeness"), ["excerpt", "excerpt"]);
    (1..=2).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    assert_eq!(place.run(&["poll", "paper"]).succeeds(), "1 feed polled: 0 new articles, 0 updated\n2 pages read\n");
    assert_eq!(strings(&place.articles(), "completeness"), ["full", "full"]);
    place.run(&["db", "check"]).succeeds();
}

#[test]
fn a_link_through_a_redirector_ends_at_the_real_page() {
    let server = FeedServer::start();
    let items = [excerpt(1, &server.url("/r/1")), excerpt(2, &server.url("/r/2"))];
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
    server.on("/r/1", Answer::redirect(302, "/hop/1"));
    server.on("/hop/1", Answer::redirect(301, "/story/1?utm_source=feed"));
    server.on("/story/1?utm_source=feed", Answer::page(page(1)));
    // A shortener that answers programs with a page for browsers.
    server.on("/r/2", Answer::page("<html><head><meta http-equiv=\"refresh\" content=\"0;url=/story/2\"></head></html>"));
    server.on("/story/2", Answer::page(page(2)));
    let place = subscribed(server.url("/feed.xml"));
    let before = Place::with_config(&with_feeds(SETTINGS, [("paper", server.url("/feed.xml"))]));
    before.poll();
    place.poll();
    let articles = place.articles();
    assert_eq!(strings(&articles, "url"), [server.url("/story/1"), server.url("/story/2")]);
    assert_eq!(strings(&articles, "id"), strings(&before.articles(), "id"), "the id stays that of the link");
    assert_eq!(articles[0]["sightings"][0]["url"], server.url("/r/1"));
    assert_eq!(strings(&articles, "completeness"), ["full", "full"]);
}

#[test]
fn a_page_that_is_anothers_makes_its_article_a_copy_whichever_came_first() {
    let server = FeedServer::start();
    // The wire's story stands at /wire/1; the paper's page names it as the original, and the digest's link leads to it.
    let canonical = format!("<link rel=\"canonical\" href=\"{}\">", server.url("/wire/1"));
    server.on("/wire.xml", Answer::feed(rss_of("Wire", &server.url("/wire/"), &[excerpt(1, &server.url("/wire/1"))])));
    server.on(
        "/paper.xml",
        Answer::feed(rss_of("Paper", &server.url("/"), &[excerpt(2, &server.url("/story/2")).date("02 Mar 2024 01:00:00 GMT")])),
    );
    server.on(
        "/digest.xml",
        Answer::feed(rss_of("Digest", &server.url("/digest/"), &[excerpt(3, &server.url("/r/3")).date("03 Mar 2024 01:00:00 GMT")])),
    );
    server.on("/wire/1", Answer::page(page(1)));
    server.on("/story/2", Answer::page(page_with(2, &canonical)));
    server.on("/r/3", Answer::redirect(302, "/wire/1"));
    let feeds = ["wire", "paper", "digest"].map(|name| (name, server.url(&format!("/{name}.xml"))));
    for order in [["wire", "paper", "digest"], ["digest", "paper", "wire"], ["paper", "wire", "digest"]] {
        let place = Place::with_config(&with_feeds(&settings(), feeds.clone()));
        for feed in order {
            place.run(&["poll", feed]).succeeds();
        }
        let articles = place.articles();
        assert_eq!(strings(&articles, "title"), ["Story 1", "Story 2", "Story 3"]);
        let original = &articles[0]["id"];
        assert_eq!(
            articles.iter().map(|article| &article["duplicate_of"]).collect::<Vec<_>>(),
            [&Value::Null, original, original],
            "{order:?}"
        );
        assert_eq!(articles[0]["copies"].as_array().unwrap().len(), 2);
        assert!(articles.iter().all(|article| article["revision"] == 1));
        place.run(&["db", "check"]).succeeds();
    }
}

#[test]
fn a_page_that_fails_is_tried_again_and_its_arrival_makes_no_revision() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    server.sequence("/story/1", [Answer::status(500), Answer::page(page(1))]);
    let place = subscribed(server.url("/feed.xml"));
    assert_eq!(place.run(&["poll"]).succeeds(), "1 feed polled: 1 new article, 0 updated\n0 pages read, 1 failed\n");
    let before = only(&place);
    assert_eq!((&before["completeness"], &before["provenance"]["body"]), (&"excerpt".into(), &"feed".into()));
    assert!(place.run(&["show", before["id"].as_str().unwrap()]).succeeds().contains("HTTP status 500"));
    // Not before its time.
    assert_eq!(place.run(&["poll", "paper"]).succeeds(), "1 feed polled: 0 new articles, 0 updated\n");
    place.run(&["export", "--state", "state.json", "-o", "first.json"]).succeeds();
    make_due(&place);
    place.run(&["poll", "paper"]).succeeds();
    let after = only(&place);
    assert_eq!((&after["completeness"], &after["revision"]), (&"full".into(), &1.into()));
    assert_eq!((&after["id"], &after["first_seen"]), (&before["id"], &before["first_seen"]));
    place.run(&["export", "--state", "state.json", "-o", "second.json"]).succeeds();
    assert!(place.read("second.json").contains("\"provenance\":{\"body\":\"page\""), "an export of what changed has it");
    assert!(place.run(&["show", after["id"].as_str().unwrap(), "--revisions"]).succeeds().matches("Revision ").count() == 1);
}

#[test]
fn a_page_is_asked_for_again_when_its_entry_changes_and_its_own_change_is_a_revision() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    server.on("/story/1", Answer::page(page(1)).etag("\"one\"").conditional());
    let place = subscribed(server.url("/feed.xml"));
    place.poll();
    assert_eq!(only(&place)["revision"], 1);
    // The entry is edited, the page is not.
    let edited = excerpt(1, &server.url("/story/1")).body("Another beginning of the same story […]");
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), std::slice::from_ref(&edited))));
    place.poll();
    let asked = server.requests_to("/story/1");
    assert_eq!((asked.len(), asked[1].text("if-none-match").as_deref()), (2, Some("\"one\"")));
    assert_eq!(only(&place)["revision"], 1, "what is shown did not change");
    // Both are edited.
    server.on("/story/1", Answer::page(page(2)).etag("\"two\"").conditional());
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &[edited.body("A third beginning of the story […]")])));
    place.poll();
    let article = only(&place);
    assert_eq!((&article["revision"], &article["text"]), (&2.into(), &paragraphs(2).join("\n\n").into()));
    let shown = place.run(&["show", article["id"].as_str().unwrap(), "--revisions"]);
    assert!(shown.succeeds().contains(&paragraphs(1)[1]));
    // A poll that brings nothing new asks for nothing.
    place.poll();
    assert_eq!(server.requests_to("/story/1").len(), 3);
}

#[test]
fn a_server_of_pages_that_hangs_is_not_in_the_way_of_polls() {
    let server = FeedServer::start();
    let pages = FeedServer::start();
    let items: Vec<Item> = (1..=30).map(|number| excerpt(number, &pages.url(&format!("/story/{number}")))).collect();
    pages.compute("/robots.txt", |_| Answer::status(404));
    (1..=30).for_each(|number| pages.on(&format!("/story/{number}"), Answer::page(page(number)).delay(Duration::from_secs(600))));
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", "https://paper.example/", &items)));
    server.on("/other.xml", Answer::feed(rss_of("Other", "https://other.example/", &[Item::story(99)])));
    let config = with_feeds(
        &settings().replace("per_host = 16", "per_host = 16\nconcurrency = 4"),
        [("paper", server.url("/feed.xml")), ("other", server.url("/other.xml"))],
    );
    let place = Place::with_config(&config.replace("min_interval = \"1s\"", "min_interval = \"1s\"\ninterval = \"1s\""));
    let daemon = place.start(&["run"]);
    assert!(within(PATIENCE, || pages.requests().iter().any(|request| request.target.starts_with("/story/"))), "{}", daemon.log());
    let polls = || server.requests_to("/other.xml").len();
    let before = polls();
    assert!(within(PATIENCE, || polls() >= before + 3), "{}", daemon.log());
    assert_eq!(pages.most_at_once(), 1, "a quarter of the slots");
}

#[test]
fn a_daemons_pages_come_by_themselves_and_a_pass_waits_for_them() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    (1..=2).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    let place = subscribed(server.url("/feed.xml"));
    let mut daemon = place.start(&["run"]);
    assert!(within(PATIENCE, || place.at("gleaner.db").exists() && server.requests_to("/story/1").len() == 1));
    excerpts(&server, [2, 1]);
    let polled = place.run(&["poll", "--all"]);
    assert!(polled.succeeds().ends_with("1 new article, 0 updated\n1 page read\n"), "{}", polled.out);
    assert_eq!(strings(&place.articles(), "completeness"), ["full", "full"]);
    daemon.signal("TERM");
    assert!(daemon.ends_within(PATIENCE).success());
}

#[test]
fn pages_of_one_host_are_a_delay_apart_also_where_robots_txt_wants_more() {
    let server = FeedServer::start();
    excerpts(&server, 1..=3);
    server.on("/robots.txt", Answer::ok("User-agent: *\nCrawl-delay: 0.4\n"));
    (1..=3).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    let place = Place::with_config(&with_feeds(
        &settings().replace("host_delay = \"0s\"\nper_host = 4", "host_delay = \"150ms\"\nper_host = 1"),
        [("paper", server.url("/feed.xml"))],
    ));
    place.poll();
    let starts: Vec<_> = server.requests().into_iter().filter(|request| request.target != "/feed.xml").collect();
    assert_eq!(starts.len(), 4);
    // What the sender spaces can come a little closer together; never by half.
    for pair in starts.windows(2).skip(1) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(200), "{} {}", pair[0].target, pair[1].target);
    }
    let newest_first: Vec<_> = starts.iter().skip(1).map(|request| request.target.as_str()).collect();
    assert_eq!(newest_first, ["/story/3", "/story/2", "/story/1"]);
}

#[test]
fn a_page_may_not_lead_into_a_private_network_that_its_feed_alone_may_ask() {
    let server = FeedServer::start();
    let items = [excerpt(1, &server.url_at("localhost", "/story/1")), excerpt(2, &server.url("/r/2")), excerpt(3, &server.url("/story/3"))];
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
    (1..=3).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    let config = with_feeds(&settings().replace("allow_private_networks = true\n", ""), [("paper", server.url("/feed.xml"))]);
    let place = Place::with_config(&format!("{config}allow_private_networks = true\n"));
    place.poll();
    assert_eq!((server.requests_to("/story/1").len(), server.requests_to("/story/3").len()), (0, 1));
    let articles = place.articles();
    assert!(place.run(&["show", articles[0]["id"].as_str().unwrap()]).succeeds().contains("loopback"));
    assert_eq!(articles[2]["completeness"], "full");
}

#[test]
fn a_feeds_secrets_go_to_its_own_pages_and_to_no_other_hosts() {
    let server = FeedServer::start();
    let items = [excerpt(1, &server.url("/story/1")), excerpt(2, &server.url_at("localhost", "/story/2")), excerpt(3, &server.url("/r/3"))];
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &items)));
    (1..=3).for_each(|number| server.on(&format!("/story/{number}"), Answer::page(page(number))));
    server.on("/r/3", Answer::redirect(302, server.url_at("localhost", "/story/3")));
    let config = with_feeds(&settings(), [("paper", server.url("/feed.xml"))]);
    let place = Place::with_config(&format!("{config}token_file = \"token\"\nheaders = {{ X-Key = \"sesame\" }}\n"));
    place.write("token", "t0ken\n");
    place.poll();
    let secrets = |target: &str| {
        let asked = server.requests_to(target);
        assert_eq!(asked.len(), 1, "{target}");
        asked[0].header("authorization").is_some() || asked[0].header("x-key").is_some()
    };
    assert!(secrets("/feed.xml") && secrets("/story/1") && secrets("/r/3"));
    assert!(!secrets("/story/2") && !secrets("/story/3"));
    assert!(
        server.requests_to("/robots.txt").iter().all(|asked| asked.header("authorization").is_none() && asked.header("x-key").is_none())
    );
}

#[test]
fn what_is_no_story_is_kept_from_the_article() {
    let server = FeedServer::start();
    excerpts(&server, 1..=4);
    server.on("/story/1", Answer::ok("%PDF-1.7").header("Content-Type", "application/pdf"));
    server.on("/story/2", Answer::redirect(302, "/"));
    server.on("/", Answer::page(page(7)));
    server.on("/story/3", Answer::status(410));
    server.on("/story/4", Answer::page("<html><head><title>Story 4</title></head><body></body></html>"));
    let place = subscribed(server.url("/feed.xml"));
    place.run(&["poll"]).succeeds();
    let articles = place.articles();
    assert!(
        articles.iter().all(|article| article["completeness"] == "excerpt" && article["provenance"]["body"] == "feed"),
        "{articles:#?}"
    );
    for (article, reason) in articles.iter().zip(["not an HTML page", "front page", "410", "no story"]) {
        let shown = place.run(&["show", article["id"].as_str().unwrap()]);
        assert!(shown.succeeds().contains(reason), "{reason}: {}", shown.out);
    }
}

#[test]
fn a_paywalled_page_says_so_and_gives_no_less_than_the_feed() {
    let server = FeedServer::start();
    let said = "<script type=\"application/ld+json\">{\"@context\":\"https://schema.org\",\"@type\":\"NewsArticle\",\
                \"headline\":\"Story\",\"isAccessibleForFree\":false}</script>";
    let teaser = |text: &str| {
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><title>Story</title>{said}</head><body><article><h1>Story</h1><p>{text}</p></article></body></html>"
        )
    };
    let long = excerpt(2, &server.url("/story/2")).body(&format!("{} […]", words(2000, 60).trim_end_matches('.')));
    server.on("/feed.xml", Answer::feed(rss_of("The Paper", &server.url("/"), &[excerpt(1, &server.url("/story/1")), long])));
    server.on("/story/1", Answer::page(teaser(&words(1000, 70))));
    server.on("/story/2", Answer::page(teaser(&words(2000, 30))));
    let place = subscribed(server.url("/feed.xml"));
    place.poll();
    let articles = place.articles();
    assert_eq!(strings(&articles, "completeness"), ["paywalled", "paywalled"]);
    let bodies: Vec<&Value> = articles.iter().map(|article| &article["provenance"]["body"]).collect();
    assert_eq!(bodies, ["page", "feed"], "{articles:#?}");
}

#[test]
fn a_page_that_asks_for_consent_is_never_taken_for_the_story() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    let wall = "<!DOCTYPE html><html lang=\"en\"><head><title>Before you continue</title></head><body><h1>Before you continue</h1>\
                <p>We and our partners use cookies to store and access personal data on your device.</p><form action=\"/consent\">\
                <button>Reject all</button><button>Accept all cookies</button></form></body></html>";
    server.on("/story/1", Answer::redirect(302, "/consent?back=/story/1"));
    server.on("/consent?back=/story/1", Answer::page(wall));
    let place = subscribed(server.url("/feed.xml"));
    place.poll();
    let article = only(&place);
    assert_eq!((&article["completeness"], &article["provenance"]["body"]), (&"excerpt".into(), &"feed".into()));
    assert_eq!(article["url"], server.url("/story/1"));
    assert!(!article["text"].as_str().unwrap().contains("cookies"));
    // Once it may be read, the story comes.
    server.on("/story/1", Answer::page(page(1)));
    make_due(&place);
    place.poll();
    assert_eq!(only(&place)["completeness"], "full");
}

#[test]
fn the_rules_of_a_site_say_where_its_stories_are() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    let told: String = paragraphs(1).iter().map(|paragraph| format!("<p>{paragraph}</p>")).collect();
    let other: String = paragraphs(2).iter().map(|paragraph| format!("<p>{paragraph}</p>")).collect();
    server.on("/story/1", Answer::page(format!("<html><body><article>{other}</article><div id=\"told\">{told}</div></body></html>")));
    let place = subscribed(server.url("/feed.xml"));
    std::fs::create_dir(place.at("rules")).unwrap();
    place.write("rules/paper.toml", "[[site]]\nhosts = [\"127.0.0.1\"]\nbody = \"#told\"\n");
    place.poll();
    assert_eq!(only(&place)["text"], paragraphs(1).join("\n\n"));
}

#[test]
fn pages_that_never_give_more_are_not_asked_for_any_longer() {
    let server = FeedServer::start();
    let note = |number: u32| words(1000 * number, 60);
    let entry = |number: u32| {
        let content =
            format!("<content:encoded xmlns:content=\"http://purl.org/rss/1.0/modules/content/\">{}</content:encoded>", note(number));
        Item::story(number).link(&server.url(&format!("/note/{number}"))).without("description").raw(&content)
    };
    let items: Vec<Item> = (1..=10).map(entry).collect();
    server.on("/feed.xml", Answer::feed(rss_of("Notes", &server.url("/"), &items)));
    for number in 1..=11 {
        let page = format!("<html><body><article><h1>Story {number}</h1><p>{}</p></article></body></html>", note(number));
        server.on(&format!("/note/{number}"), Answer::page(page));
    }
    let config = with_feeds(&settings().replace("per_host = 4", "per_host = 1"), [("notes", server.url("/feed.xml"))]);
    let place = Place::with_config(&config);
    assert_eq!(place.poll_counts(), (10, 0));
    let asked = || server.requests().iter().filter(|request| request.target.starts_with("/note/")).count();
    assert_eq!(asked(), 4, "the first four tell");
    let items: Vec<Item> = (2..=11).map(entry).collect();
    server.on("/feed.xml", Answer::feed(rss_of("Notes", &server.url("/"), &items)));
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(asked(), 4);
    assert_eq!(place.feed("notes")["pages"]["waiting"], 0);
}

#[test]
fn retention_takes_the_pages_along() {
    let server = FeedServer::start();
    excerpts(&server, 1..=2);
    server.on("/story/1", Answer::page(page(1)));
    let kept = settings().replace("path = \"gleaner.db\"", "path = \"gleaner.db\"\nretention = \"30d\"");
    let place = Place::with_config(&with_feeds(&kept, [("paper", server.url("/feed.xml"))]));
    place.poll();
    let pages = || -> (i64, i64) {
        let count = |table: &str| place.database().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        (count("page"), count("page_body"))
    };
    assert_eq!(pages(), (2, 1));
    place.database().execute("UPDATE article SET first_seen = 0", []).unwrap();
    assert!(place.run(&["db", "prune"]).succeeds().starts_with("paper: 2 removed\n"));
    assert_eq!(pages(), (0, 0));
    place.run(&["db", "check"]).succeeds();
    place.poll();
    assert_eq!(pages(), (0, 0), "what was removed asks for nothing");
}

#[test]
fn without_raw_entries_no_raw_pages_are_kept() {
    let server = FeedServer::start();
    excerpts(&server, [1]);
    server.on("/story/1", Answer::page(page(1)));
    for (keep, want) in [(true, 1), (false, 0)] {
        let kept = settings().replace("path = \"gleaner.db\"", &format!("path = \"gleaner.db\"\nkeep_entries = {keep}"));
        let place = Place::with_config(&with_feeds(&kept, [("paper", server.url("/feed.xml"))]));
        place.poll();
        assert_eq!(only(&place)["completeness"], "full");
        let raw: i64 = place.database().query_row("SELECT count(raw) FROM page_body", [], |row| row.get(0)).unwrap();
        assert_eq!(raw, want);
    }
}
