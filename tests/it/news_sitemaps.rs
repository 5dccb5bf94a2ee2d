//! A News sitemap, or an index that leads to them, is a feed like any other.

use crate::support::{Answer, FeedServer, Item, Place, rss, strings};

/// The news of these numbers as a sitemap, the latest first.
fn news(numbers: impl IntoIterator<Item = u32>) -> String {
    let urls: Vec<String> = numbers
        .into_iter()
        .map(|number| {
            format!(
                "<url><loc>https://paper.example/stories/{number}</loc><news:news><news:publication><news:name>The Paper</news:name>\
                 <news:language>en</news:language></news:publication><news:publication_date>2024-03-01T00:{number:02}:00Z</news:publication_date>\
                 <news:title>Story {number}</news:title><news:keywords>harbour, ferry</news:keywords></news:news>\
                 <image:image><image:loc>https://paper.example/{number}.jpg</image:loc></image:image></url>"
            )
        })
        .collect();
    format!(
        "<?xml version='1.0' encoding='UTF-8'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' \
         xmlns:news='http://www.google.com/schemas/sitemap-news/0.9' xmlns:image='http://www.google.com/schemas/sitemap-image/1.1'>{}</urlset>",
        urls.concat()
    )
}

/// An index of sitemaps: address and when each last changed.
fn index(sitemaps: &[(String, &str)]) -> String {
    let sitemaps: Vec<String> =
        sitemaps.iter().map(|(url, updated)| format!("<sitemap><loc>{url}</loc><lastmod>{updated}</lastmod></sitemap>")).collect();
    format!("<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{}</sitemapindex>", sitemaps.concat())
}

const PLAIN: &str =
    "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>https://paper.example/about</loc></url></urlset>";

/// A file that is compressed itself, not for the way.
fn gz(body: &str) -> Vec<u8> {
    Answer::ok(body).gzip().body
}

#[test]
fn each_news_of_a_sitemap_is_an_article() {
    let server = FeedServer::start();
    server.on("/news.xml", Answer::feed(news([2, 1])));
    server.on("/news.xml.gz", Answer::ok(gz(&news([2, 1]))).header("Content-Type", "application/x-gzip"));
    for target in ["/news.xml", "/news.xml.gz"] {
        let place = Place::with_feeds([("paper", server.url(target))]);
        assert_eq!(place.poll_counts(), (2, 0));
        let articles = place.articles();
        let article = &articles[1];
        for (key, value) in [
            ("title", "Story 2"),
            ("url", "https://paper.example/stories/2"),
            ("published", "2024-03-01T00:02:00Z"),
            ("language", "en"),
            ("site", "The Paper"),
            ("image", "https://paper.example/2.jpg"),
        ] {
            assert_eq!(article[key], value, "{article}");
        }
        assert_eq!(article["categories"], serde_json::json!(["harbour", "ferry"]));
        assert_eq!(place.feed("paper")["title"], "The Paper");
        assert_eq!(place.poll_counts(), (0, 0));
    }
}

#[test]
fn a_sitemap_that_is_a_bomb_harms_nobody() {
    let server = FeedServer::start();
    server.on("/bomb.xml.gz", Answer::ok(gz(&" ".repeat(64 << 20))));
    server.on("/cut.xml.gz", Answer::ok(gz(&news(1..=40))).truncated(300));
    server.on("/news.xml", Answer::feed(news([2, 1])));
    let place = Place::with_feeds(["bomb.xml.gz", "cut.xml.gz", "news.xml"].map(|target| (target, server.url(&format!("/{target}")))));
    let lines = place.poll();
    assert!(lines[0]["error"].as_str().unwrap().contains("larger than"), "{lines:?}");
    assert!(lines[1]["error"].as_str().unwrap().contains("broke off"), "{lines:?}");
    assert_eq!(lines[2]["new"], 2);
}

#[test]
fn the_story_of_a_sitemap_and_of_a_feed_is_one_article() {
    let server = FeedServer::start();
    server.on("/news.xml", Answer::feed(news([1])));
    server.on("/feed", Answer::feed(rss(&[Item::story(1).guid("https://paper.example/stories/1")])));
    let place = Place::with_feeds([("sitemap", server.url("/news.xml")), ("feed", server.url("/feed"))]);
    place.poll();
    let articles = place.articles();
    assert_eq!((articles.len(), articles[0]["sightings"].as_array().unwrap().len()), (1, 2));
}

#[test]
fn an_index_is_polled_by_its_newest_news_sitemaps() {
    let server = FeedServer::start();
    let sitemaps = |today: &str| {
        index(&[
            (server.url("/pages.xml"), "2030-01-01"),
            (server.url("/news-1.xml"), "2024-03-01"),
            (server.url("/news-2.xml"), today),
            (server.url("/news-0.xml"), "2024-02-01"),
            (server.url("/news-00.xml"), "2024-01-01"),
        ])
    };
    server.on("/index.xml", Answer::feed(sitemaps("2024-03-02")).etag("\"same\"").conditional());
    server.on("/pages.xml", Answer::feed(PLAIN));
    server.on("/news-0.xml", Answer::feed(news([1])));
    server.on("/news-1.xml", Answer::feed(news([3, 2])));
    server.on("/news-2.xml", Answer::feed(news([5, 4])));
    let place = Place::with_feeds([("paper", server.url("/index.xml"))]);
    assert_eq!(place.poll_counts(), (5, 0));
    assert!(server.requests_to("/pages.xml").is_empty() && server.requests_to("/news-00.xml").is_empty());
    assert_eq!(place.poll_counts(), (0, 0));
    // A sitemap has changed, and its index says nothing of it.
    server.on("/news-2.xml", Answer::feed(news([6, 5, 4])));
    assert_eq!(place.poll_counts(), (1, 0));
    // Without one of them nothing is known of what stands in it: the poll has failed, and nothing has left.
    let present =
        || place.database().query_row("SELECT count(*) FROM sighting WHERE left_at IS NULL", [], |row| row.get::<_, i64>(0)).unwrap();
    server.on("/news-1.xml", Answer::status(500));
    assert_eq!(place.poll()[0]["error"], "HTTP status 500");
    assert_eq!(present(), 6);
    // One that is gone is gone.
    server.on("/news-1.xml", Answer::status(404));
    assert_eq!(place.poll_counts(), (0, 0));
    assert_eq!(present(), 4);
}

#[test]
fn a_sitemap_without_news_is_said_to_be_none() {
    let server = FeedServer::start();
    server.on("/sitemap.xml", Answer::feed(PLAIN));
    server.on("/index.xml", Answer::feed(index(&[(server.url("/sitemap.xml"), "2024-01-01")])));
    server.on("/nothing.xml", Answer::feed(index(&[(server.url("/gone.xml"), "2024-01-01")])));
    server.on("/quiet.xml", Answer::feed(news([])));
    let place = Place::with_feeds(["sitemap", "index", "nothing", "quiet"].map(|name| (name, server.url(&format!("/{name}.xml")))));
    let lines = place.poll();
    let error = |at: usize| lines[at]["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(error(0), "not a feed: a sitemap without news (news:news): addresses alone are no articles");
    assert_eq!(error(1), "a sitemap index that leads to nothing");
    assert_eq!((error(2), lines[2]["new"].as_u64()), (String::new(), Some(0)), "no news in two days is no failure");
    assert_eq!(error(3), error(0));
}

#[test]
fn a_site_without_feeds_is_added_by_its_news_sitemap() {
    let server = FeedServer::start();
    server.on("/", Answer::page("<html><title>The Paper</title></html>"));
    server.on("/robots.txt", Answer::ok(format!("User-agent: *\nDisallow:\nSitemap: {}\n", server.url("/sitemap.xml"))));
    server.on(
        "/sitemap.xml",
        Answer::feed(index(&[(server.url("/pages.xml"), "2024-01-01"), (server.url("/sitemap-news.xml"), "2024-01-01")])),
    );
    server.on("/pages.xml", Answer::feed(PLAIN));
    server.on("/sitemap-news.xml", Answer::feed(news([2, 1])));
    let place = Place::with_feeds([]);
    let said = place.run(&["feeds", "add", &server.url("/"), "--name", "paper"]);
    let file = place.at("gleaner.toml");
    assert_eq!(
        said.succeeds(),
        format!("added `paper` ({}) to {}\n  history: none found\n", server.url("/sitemap-news.xml"), file.display())
    );
    assert_eq!(place.poll_counts(), (2, 0));
}

#[test]
fn a_new_feed_is_said_to_go_back_as_far_as_a_request_tells() {
    let server = FeedServer::start();
    let items = |numbers: std::ops::RangeInclusive<u32>| rss(&numbers.rev().map(Item::story).collect::<Vec<_>>());
    server.on("/blog/feed/", Answer::feed(items(21..=30)));
    server.on("/blog/feed/?paged=2", Answer::feed(items(11..=20)));
    server.on("/blog/feed/?order=asc", Answer::feed(items(1..=10).replace("01 Mar 2024", "02 Feb 2009")));
    let atom = |link: &str, day: u32| {
        format!(
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>J</title>{link}<entry><id>{day}</id><title>{day}</title><published>2020-01-{day:02}T00:00:00Z</published></entry></feed>"
        )
    };
    server.on("/journal", Answer::feed(atom("<link rel='prev-archive' href='/journal/1'/>", 20)));
    server.on("/journal/1", Answer::feed(atom("", 10)));
    server.on("/alone", Answer::feed(atom("", 1)));
    let place = Place::with_feeds([]);
    for (target, history) in [
        ("/blog/feed/", "WordPress pages, at least to 2009-02-02; `gleaner feeds backfill a` fetches it"),
        ("/journal", "archived feed (RFC 5005), at least to 2020-01-10; `gleaner feeds backfill a` fetches it"),
        ("/alone", "none found"),
    ] {
        let said = place.run(&["feeds", "add", &server.url(target), "--name", "a"]);
        assert_eq!(said.succeeds().lines().nth(1), Some(format!("  history: {history}").as_str()), "{said:?}");
        place.run(&["feeds", "remove", "a"]).succeeds();
    }
}

#[test]
fn the_news_sitemaps_of_its_site_are_a_feeds_past_where_they_tell_the_same() {
    let server = FeedServer::start();
    let feed = |numbers: std::ops::RangeInclusive<u32>| {
        rss(&numbers.rev().map(Item::story).collect::<Vec<_>>())
            .replace("https://paper.example/</link>", &format!("{}</link>", server.url("/")))
    };
    server.on("/feed", Answer::feed(feed(20..=25)));
    server.on(
        "/section",
        Answer::feed(rss(&[25, 21].map(Item::story)).replace("https://paper.example/</link>", &format!("{}</link>", server.url("/")))),
    );
    server.on("/robots.txt", Answer::ok(format!("Sitemap: {}\n", server.url("/index.xml.gz"))));
    server.on("/index.xml.gz", Answer::ok(gz(&index(&[(server.url("/1.xml"), "2024-03-01"), (server.url("/2.xml.gz"), "2024-03-02")]))));
    server.on("/2.xml.gz", Answer::ok(gz(&news((11..=25).rev()))));
    server.on("/1.xml", Answer::feed(news((1..=10).rev())));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let said = place.run(&["feeds", "backfill", "paper"]);
    assert_eq!(said.succeeds(), "paper: 19 new articles from 2 pages (News sitemaps), back to 2024-03-01, to its beginning\n");
    assert_eq!(strings(&place.articles(), "title"), (1..=25).map(|number| format!("Story {number}")).collect::<Vec<_>>());
    assert!(place.articles().iter().all(|article| article["revision"] == 1));
    assert!(place.run(&["feeds", "backfill", "paper"]).succeeds().contains(" 0 new articles"));
    // A section's feed gets nothing of the other sections.
    let place = Place::with_feeds([("section", server.url("/section"))]);
    place.poll();
    assert_eq!(place.run(&["feeds", "backfill", "section"]).succeeds(), "section: nothing earlier is offered\n");
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn parse_shows_a_sitemap_as_it_shows_any_feed() {
    let place = Place::with_feeds([]);
    place.write("news.xml", news([2, 1]));
    let said = place.run(&["parse", "news.xml"]);
    let report: serde_json::Value = serde_json::from_str(said.succeeds()).unwrap();
    assert_eq!((&report["feed"]["title"], report["articles"].as_array().unwrap().len()), (&serde_json::json!("The Paper"), 2));
    place.write("index.xml", index(&[("https://paper.example/news.xml".to_owned(), "2024-01-01")]));
    let said = place.run(&["parse", "index.xml"]);
    assert!(said.succeeds().contains("sitemap-index: an index of 1 sitemaps; the news are in these"), "{said:?}");
    place.write("pages.xml", PLAIN);
    place.run(&["parse", "pages.xml"]).fails(1, &["a sitemap without news"]);
}
