//! What a feed had before it was watched comes back, once, however often the fetching breaks off.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::place;
use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, rss, strings};

/// A feed of WordPress: the newest ten first, the others by number, then 404.
fn wordpress(server: &FeedServer, stories: u32) {
    wordpress_of("01 Mar 2024", server, stories);
}

/// … whose entries are all of one day.
fn wordpress_of(day: &str, server: &FeedServer, stories: u32) {
    let pages = stories.div_ceil(10);
    for page in 1..=pages {
        let newest = stories - (page - 1) * 10;
        let items: Vec<Item> = (newest.saturating_sub(9).max(1)..=newest).rev().map(Item::story).collect();
        let body = rss(&items).replace("<description>News", "<generator>https://wordpress.org/?v=6.8</generator><description>News");
        let body = body.replace("01 Mar 2024", day);
        let target = if page == 1 { "/feed/".to_owned() } else { format!("/feed/?paged={page}") };
        server.on(&target, Answer::feed(body).etag(format!("\"{stories}-{page}\"")).conditional());
    }
}

/// An Atom feed of these stories, with links.
fn atom(numbers: impl IntoIterator<Item = u32>, links: &str) -> String {
    let entries: Vec<String> = numbers
        .into_iter()
        .map(|number| {
            format!(
                "<entry><id>tag:paper.example,2024:{number}</id><title>Story {number}</title><link href='https://paper.example/{number}'/>\
                 <published>2024-01-{number:02}T10:00:00Z</published><content>{}</content></entry>",
                crate::support::words(number, 60)
            )
        })
        .collect();
    format!(
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>The Paper</title><link href='https://paper.example/'/>{links}{}</feed>",
        entries.concat()
    )
}

/// A feed with archives: stories 19 to 21 in the feed, six in each archive before.
fn archives(server: &FeedServer) {
    let link = |rel: &str, to: &str| format!("<link rel='{rel}' href='{to}'/>");
    server.on("/feed", Answer::feed(atom((19..=21).rev(), &link("prev-archive", "/archive/3"))));
    server.on("/archive/3", Answer::feed(atom((13..=18).rev(), &link("prev-archive", "2"))));
    server.on("/archive/2", Answer::feed(atom((7..=12).rev(), &(link("prev-archive", "1") + &link("next-archive", "3")))));
    server.on("/archive/1", Answer::feed(atom((1..=6).rev(), &link("next-archive", "2"))));
}

/// Ids and titles, oldest first.
fn archive(place: &Place) -> Vec<(String, String)> {
    let articles = place.articles();
    assert!(
        articles.iter().all(|article| article["revision"] == 1 && article["sightings"].as_array().unwrap().len() == 1),
        "{articles:#?}"
    );
    strings(&articles, "id").into_iter().zip(strings(&articles, "title")).collect()
}

#[test]
fn a_wordpress_feed_comes_back_to_its_first_entry_and_twice_is_once() {
    let server = FeedServer::start();
    wordpress(&server, 45);
    let place = Place::with_feeds([("paper", server.url("/feed/"))]);
    assert_eq!(place.poll_counts(), (10, 0));
    let said = place.run(&["feeds", "backfill", "paper"]);
    assert_eq!(said.succeeds(), "paper: 35 new articles from 4 pages (WordPress pages), back to 2024-03-01, to its beginning\n");
    let all = archive(&place);
    assert_eq!(all.len(), 45);
    assert!(place.run(&["feeds", "backfill", "paper"]).succeeds().starts_with("paper: 0 new articles from 4 pages"));
    // What the poll knows of its feed was not touched.
    assert_eq!(place.poll()[0]["outcome"], "not_modified");
    assert_eq!(archive(&place), all);
    assert!(place.run(&["db", "check"]).status == 0);
}

#[test]
fn an_archived_feed_comes_back_to_its_first_entry_before_or_after_its_first_poll() {
    let server = FeedServer::start();
    archives(&server);
    let after = Place::with_feeds([("paper", server.url("/feed"))]);
    after.poll();
    let said = after.run(&["feeds", "backfill", "paper"]);
    assert_eq!(said.succeeds(), "paper: 18 new articles from 3 pages (archived feed (RFC 5005)), back to 2024-01-01, to its beginning\n");
    let before = Place::with_feeds([("paper", server.url("/feed"))]);
    before.run(&["feeds", "backfill", "paper"]).succeeds();
    assert_eq!(before.poll_counts(), (0, 0));
    assert_eq!(archive(&after).len(), 21);
    assert_eq!(archive(&before), archive(&after));
    // robots.txt forbids nothing of what a feed itself names, and nobody asks what it says.
    assert!(server.requests_to("/robots.txt").is_empty());
}

#[test]
fn a_backfill_killed_in_the_middle_goes_on_behind_what_was_committed() {
    let server = FeedServer::start();
    wordpress(&server, 60);
    let whole = Place::with_feeds([("paper", server.url("/feed/"))]);
    whole.run(&["feeds", "backfill", "paper"]).succeeds();
    let place = Place::with_feeds([("paper", server.url("/feed/"))]);
    let bodies: Vec<String> = (2..=6).map(|page| page_of_stories(61 - page * 10..=70 - page * 10)).collect();
    for (at, stalled) in [(3_u32, 3), (5, 5)] {
        let target = format!("/feed/?paged={stalled}");
        let asked = server.requests().len();
        server.on(&target, Answer::feed(bodies[stalled - 2].clone()).stall_after(600));
        let backfill = place.start(&["feeds", "backfill", "paper"]);
        assert!(crate::support::within(PATIENCE, || server.requests()[asked..].iter().any(|request| request.target == target)));
        backfill.kill();
        server.on(&target, Answer::feed(bodies[stalled - 2].clone()));
        assert_eq!(archive(&place).len() as u32, (at - 1) * 10, "everything before the page that never came");
    }
    let asked = server.requests().len();
    let said = place.run(&["feeds", "backfill", "paper"]);
    assert_eq!(said.succeeds(), "paper: 60 new articles from 5 pages (WordPress pages), back to 2024-03-01, to its beginning\n");
    let targets: Vec<String> = server.requests()[asked..].iter().map(|request| request.target.clone()).collect();
    assert_eq!(targets, ["/robots.txt", "/feed/?paged=5", "/feed/?paged=6", "/feed/?paged=7"]);
    assert_eq!(archive(&place), archive(&whole));
}

#[test]
fn the_pages_of_a_json_feed_are_followed_by_their_next_url() {
    let server = FeedServer::start();
    let page = |numbers: std::ops::RangeInclusive<u32>, next: &str| {
        let items: Vec<String> = numbers
            .rev()
            .map(|number| {
                format!(
                    r#"{{"id":"{number}","url":"https://paper.example/{number}","title":"Story {number}","content_text":"{}","date_published":"2024-01-{number:02}T00:00:00Z"}}"#,
                    crate::support::words(number, 60)
                )
            })
            .collect();
        format!(r#"{{"version":"https://jsonfeed.org/version/1.1","title":"The Paper",{next}"items":[{}]}}"#, items.join(","))
    };
    server.on("/feed.json", Answer::ok(page(7..=9, r#""next_url":"/feed.json?page=2","#)));
    server.on("/feed.json?page=2", Answer::ok(page(4..=6, r#""next_url":"/feed.json?page=3","#)));
    server.on("/feed.json?page=3", Answer::ok(page(1..=3, "")));
    let place = Place::with_feeds([("paper", server.url("/feed.json"))]);
    place.poll();
    let said = place.run(&["feeds", "backfill", "paper"]);
    assert_eq!(said.succeeds(), "paper: 6 new articles from 2 pages (paged feed), back to 2024-01-01, to its beginning\n");
    assert_eq!(archive(&place).len(), 9);
}

#[test]
fn what_was_published_before_the_bound_is_neither_kept_nor_asked_for() {
    let server = FeedServer::start();
    archives(&server);
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let said = place.run(&["feeds", "backfill", "paper", "--since", "2024-01-16"]);
    assert_eq!(said.succeeds(), "paper: 6 new articles from 2 pages (archived feed (RFC 5005)), back to 2024-01-07, as far as was asked\n");
    assert_eq!(place.titles(), (16..=21).map(|number| format!("Story {number}")).collect::<Vec<_>>());
    assert!(server.requests_to("/archive/1").is_empty());
    // A bound that lies further back begins anew.
    place.run(&["feeds", "backfill", "paper"]).succeeds();
    assert_eq!(archive(&place).len(), 21);
}

#[test]
fn what_retention_has_removed_is_not_fetched_again() {
    let server = FeedServer::start();
    archives(&server);
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let config = place.read("gleaner.toml").replace("[database]", "[database]\nretention = \"365d\"");
    place.write("gleaner.toml", config);
    place.run(&["feeds", "backfill", "paper"]).succeeds();
    assert_eq!(place.titles(), [""; 0], "all of it is older than a year");
    assert!(server.requests_to("/archive/2").is_empty());
}

#[test]
fn pages_that_lead_in_a_circle_or_hold_the_same_for_ever_are_left() {
    let server = FeedServer::start();
    let next = |to: &str| format!("<link rel='next' href='{to}'/>");
    server.on("/circle", Answer::feed(atom([9], &next("/circle/2"))));
    server.on("/circle/2", Answer::feed(atom([8], &next("/circle/3"))));
    server.on("/circle/3", Answer::feed(atom([7], &next("/circle/2"))));
    server.on("/self", Answer::feed(atom([9], &next("/self"))));
    // Every page is the same, at an address that nobody has seen.
    let number = AtomicU32::new(0);
    let endless =
        move || Answer::feed(atom([9, 8], &format!("<link rel='next' href='/endless?{}'/>", number.fetch_add(1, Ordering::SeqCst))));
    server.on("/endless", endless());
    for at in 0..40 {
        server.on(&format!("/endless?{at}"), endless());
    }
    // A feed that takes no notice of the number.
    let items: Vec<Item> = (1..=5).map(Item::story).collect();
    server.on("/deaf/feed/", Answer::feed(rss(&items)));
    server.on("/deaf/feed/?paged=2", Answer::feed(rss(&items)));
    for (target, said, articles) in [
        ("/circle", "2 new articles from 2 pages (paged feed), back to 2024-01-07, until its pages led in a circle", 3),
        ("/self", "nothing earlier is offered", 1),
        ("/endless", "0 new articles from 12 pages (paged feed), back to 2024-01-08, until its pages led in a circle", 2),
        ("/deaf/feed/", "nothing earlier is offered", 5),
    ] {
        let place = Place::with_feeds([("paper", server.url(target))]);
        place.poll();
        assert_eq!(place.run(&["feeds", "backfill", "paper"]).succeeds(), format!("paper: {said}\n"), "{target}");
        assert_eq!(archive(&place).len(), articles, "{target}");
    }
}

#[test]
fn a_server_that_refuses_in_the_middle_is_said_and_the_next_run_goes_on() {
    let server = FeedServer::start();
    wordpress(&server, 40);
    let third = page_of_stories(11..=20);
    server.sequence("/feed/?paged=3", [Answer::status(403), Answer::feed(third)]);
    let place = Place::with_feeds([("paper", server.url("/feed/"))]);
    place.poll();
    place
        .run(&["feeds", "backfill", "paper"])
        .fails(1, &["paper: HTTP status 403; 1 pages were read, and the next run goes on behind them"]);
    assert_eq!(archive(&place).len(), 20);
    assert!(place.run(&["feeds", "backfill", "paper"]).succeeds().starts_with("paper: 30 new articles from 3 pages"));
    assert_eq!(server.requests_to("/feed/?paged=2").len(), 1);
    place.run(&["feeds", "backfill", "papper"]).fails(2, &["no feed is named `papper`; did you mean `paper`?"]);
}

fn page_of_stories(numbers: std::ops::RangeInclusive<u32>) -> String {
    let items: Vec<Item> = numbers.rev().map(Item::story).collect();
    rss(&items)
}

#[test]
fn robots_txt_is_asked_before_pages_that_nobody_has_named() {
    let server = FeedServer::start();
    wordpress(&server, 30);
    server.on("/robots.txt", Answer::ok("User-agent: *\nDisallow: /*?paged=\n"));
    let place = Place::with_feeds([("paper", server.url("/feed/"))]);
    assert_eq!(place.run(&["feeds", "backfill", "paper"]).succeeds(), "paper: nothing earlier is offered\n");
    assert!(server.requests_to("/feed/?paged=2").is_empty());
}

#[test]
fn a_backfill_by_the_daemon_looks_like_one_of_its_own() {
    let server = FeedServer::start();
    wordpress(&server, 30);
    archives(&server);
    let mut runs = Vec::new();
    for with_daemon in [false, true] {
        let place = place::Place::with_feeds("", &[("paper", server.url("/feed/")), ("journal", server.url("/feed"))]);
        place.run(&["poll"]).succeeds();
        let daemon = with_daemon.then(|| place.daemon());
        let mut said = Vec::new();
        for arguments in [
            &["feeds", "backfill", "paper", "--since", "2024-03-01T00:15:00Z"][..],
            &["feeds", "backfill", "paper", "journal", "paper"],
            &["-q", "feeds", "backfill", "journal"],
            &["feeds", "backfill", "jurnal"],
        ] {
            let ended = place.run(arguments);
            let mut out: Vec<String> = ended.out.lines().map(str::to_owned).collect();
            out.sort();
            said.push((arguments, ended.status, out));
        }
        said.push((&["titles"], 0, place.titles()));
        assert_eq!(place.titles().len(), 51);
        drop(daemon);
        runs.push(said);
    }
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[1][1].2[0], "journal: 18 new articles from 3 pages (archived feed (RFC 5005)), back to 2024-01-01, to its beginning");
}

#[test]
fn a_daemon_goes_on_with_what_was_left_undone() {
    let server = FeedServer::start();
    wordpress(&server, 40);
    let stalled = Answer::feed(page_of_stories(11..=20)).stall_after(600);
    server.on("/feed/?paged=3", stalled);
    let place = place::Place::with_feeds("", &[("paper", server.url("/feed/"))]);
    place.run(&["poll"]).succeeds();
    let mut backfill = place.spawn(&["feeds", "backfill", "paper"]);
    assert!(crate::support::within(PATIENCE, || !server.requests_to("/feed/?paged=3").is_empty()));
    backfill.kill().unwrap();
    backfill.wait().unwrap();
    assert_eq!(place.titles().len(), 20);
    server.on("/feed/?paged=3", Answer::feed(page_of_stories(11..=20)));
    let daemon = place.daemon();
    daemon.logs("backfilled", 1);
    assert_eq!(place.titles().len(), 40);
    assert_eq!(server.requests_to("/feed/?paged=2").len(), 1);
    drop(daemon);
}

/// What `gleaner coverage` says of the feed's gaps.
fn gaps(place: &place::Place) -> Vec<serde_json::Value> {
    let report: serde_json::Value = serde_json::from_str(place.run(&["coverage", "--json"]).succeeds()).unwrap();
    let feeds = report["feeds"].as_array().or(report.as_array()).unwrap();
    feeds.iter().flat_map(|feed| feed["spans"].as_array().unwrap()).filter(|span| span["state"] == "possible_gap").cloned().collect()
}

#[test]
fn a_daemon_closes_a_gap_from_the_feeds_history_by_itself() {
    let server = FeedServer::start();
    let yesterday = (chrono::Utc::now() - chrono::TimeDelta::days(1)).format("%d %b %Y").to_string();
    wordpress_of(&yesterday, &server, 20);
    let place = place::Place::with_feeds("", &[("paper", server.url("/feed/"))]);
    place.run(&["poll"]).succeeds();
    // While nobody looked, thirty stories came and twenty of them went.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    wordpress_of(&yesterday, &server, 50);
    let daemon = place.daemon();
    place.run(&["poll", "paper"]).succeeds();
    daemon.logs("backfilled", 1);
    assert_eq!(place.titles().len(), 40, "the ten that were known and the thirty that came");
    assert!(gaps(&place).iter().all(|gap| gap["proven"] == true) && gaps(&place).len() == 1, "{:?}", gaps(&place));
    // It went back to what was known, and no further.
    assert!(server.requests_to("/feed/?paged=4").len() == 1 && server.requests_to("/feed/?paged=5").is_empty());
    drop(daemon);
}

#[test]
fn a_gap_that_no_history_closes_stays_one_and_is_looked_into_once() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(page_of_stories(1..=5)));
    let place = place::Place::with_feeds("", &[("paper", server.url("/feed"))]);
    place.run(&["poll"]).succeeds();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    server.on("/feed", Answer::feed(page_of_stories(21..=25)));
    place.run(&["poll", "paper"]).succeeds();
    let daemon = place.daemon();
    daemon.logs("backfilled", 1);
    drop(daemon);
    // The next one has nothing to look into.
    let daemon = place.daemon();
    place.run(&["poll", "paper"]).succeeds();
    drop(daemon);
    assert_eq!(server.requests_to("/robots.txt").len(), 1);
    assert_eq!(gaps(&place)[0]["proven"], false);
}

#[test]
fn a_backfill_by_hand_closes_the_gaps_that_it_passes() {
    let server = FeedServer::start();
    wordpress(&server, 20);
    let place = place::Place::with_feeds("", &[("paper", server.url("/feed/"))]);
    place.run(&["poll"]).succeeds();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    wordpress(&server, 50);
    place.run(&["poll", "paper"]).succeeds();
    assert_eq!(gaps(&place)[0]["proven"], false);
    let said = place.run(&["feeds", "backfill", "paper"]);
    assert!(said.succeeds().ends_with(", to its beginning; 1 possible gap healed\n"), "{said:?}");
    assert_eq!((gaps(&place)[0]["proven"].clone(), place.titles().len()), (true.into(), 50));
}
