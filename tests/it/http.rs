//! The archive over HTTP: the same objects and the same bytes as the commands give, guarded.

use serde_json::Value;

use crate::support::{Answer, Browser, FeedServer, Page, Place, Running, SETTINGS, stories, strings, with_feeds};

/// A daemon with an archive of `count` stories of one feed, and its server.
fn serving(server: &FeedServer, count: u32) -> (Place, Running, Browser) {
    server.on("/feed", Answer::feed(stories(1..=count)));
    let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"");
    let place = Place::with_config(&with_feeds(&settings, [("paper", server.url("/feed"))]));
    place.poll();
    let daemon = place.start(&["run"]);
    let browser = Browser::of(&daemon);
    (place, daemon, browser)
}

fn ids(page: &Page) -> Vec<String> {
    strings(page.json()["articles"].as_array().unwrap(), "id")
}

#[test]
fn the_api_gives_the_articles_of_the_export_newest_first_page_by_page() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server, 7);
    let mut expected = place.articles_with(&[]);
    expected.reverse();
    let whole = browser.get("/api/v1/articles").json();
    assert_eq!(whole["articles"], Value::from(expected.clone()));
    assert_eq!(whole["next_cursor"], Value::Null);

    // With a filter by feed the archive takes another way to the same articles.
    for query in ["limit=3", "feed=paper&limit=3"] {
        let mut given = Vec::new();
        let mut path = format!("/api/v1/articles?{query}");
        loop {
            let page = browser.get(&path);
            given.extend(ids(&page));
            assert!(given.len() <= expected.len(), "{given:?}");
            match page.json()["next_cursor"].as_str() {
                Some(cursor) => {
                    path = format!("/api/v1/articles?{query}&cursor={cursor}");
                    assert_eq!(page.header("link"), Some(format!("<{path}>; rel=\"next\"").as_str()));
                }
                None => break,
            }
        }
        assert_eq!(given, strings(&expected, "id"), "{query}");
    }

    let one = browser.get(&format!("/api/v1/articles/{}", expected[0]["id"].as_str().unwrap()));
    assert_eq!(one.json(), expected[0]);
    browser.get("/api/v1/articles/aaaaaaaaaaaaaaaaaaaaaaaaaa").is_problem(404, "no article");
}

#[test]
fn filters_mean_what_they_mean_on_the_command_line_and_a_typo_is_an_error() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server, 4);
    let title = place.titles()[2].clone();
    let word = title.split(' ').next_back().unwrap();
    let found = strings(&place.articles_with(&["--query", word, "--feed", "paper"]), "id");
    assert!(!found.is_empty());
    assert_eq!(ids(&browser.get(&format!("/api/v1/articles?query={word}&feed=paper"))), found);
    browser.get("/api/v1/articles?feed=papre").is_problem(400, "did you mean `paper`?");
    browser.get("/api/v1/articles?lmit=3").is_problem(400, "did you mean `limit`?");
    browser.get("/api/v1/articles?limit=0").is_problem(400, "from 1 to 1000");
    browser.get("/feed.atom?limit=1001").is_problem(400, "from 1 to 1000");
    browser.get("/feed.json?limit=many").is_problem(400, "from 1 to 1000");
    browser.get("/api/v1/articles?cursor=nonsense").is_problem(400, "next_cursor");
    browser.get("/api/v1/export?format=word").is_problem(400, "ndjson");
    browser.get("/nothing").is_problem(404, "nothing at this address");
    browser.send("DELETE", "/api/v1/articles", &[], b"").is_problem(405, "method");
}

#[test]
fn whoever_has_the_same_bytes_is_told_so() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 2);
    for path in ["/api/v1/articles", "/feed.atom", "/feed.json"] {
        let first = browser.get(path);
        let tag = first.header("etag").unwrap();
        let again = browser.get_with(path, &[("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), Some(tag));
    }
}

#[test]
fn lines_come_to_who_accepts_them() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 3);
    let page = browser.get_with("/api/v1/articles?limit=2", &[("Accept", "application/x-ndjson")]);
    assert_eq!(page.header("content-type"), Some("application/x-ndjson"));
    let lines: Vec<Value> = page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(page.header("link").unwrap().contains("cursor="));
}

#[test]
fn an_export_over_http_has_the_bytes_of_the_command() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server, 5);
    for format in ["json", "ndjson", "jsonfeed", "atom", "opml", "csv", "markdown", "text"] {
        let page = browser.get(&format!("/api/v1/export?format={format}&limit=4"));
        assert_eq!(page.status, 200);
        assert_eq!(page.text(), place.run(&["export", "--format", format, "--limit", "4"]).succeeds(), "{format}");
    }
}

#[test]
fn a_page_of_a_name_that_is_not_ours_gets_nothing() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 1);
    browser.get_with("/api/v1/articles", &[("Host", "attacker.example")]).is_problem(421, "not `attacker.example`");
    assert_eq!(browser.get_with("/healthz", &[("Host", "localhost")]).status, 200);
}

#[test]
fn every_answer_forbids_what_a_stranger_s_text_could_do() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 1);
    for path in ["/api/v1/articles", "/nothing", "/feed.atom"] {
        let page = browser.get(path);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
}

#[test]
fn the_process_says_that_it_is_alive_and_can_be_asked() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 1);
    assert_eq!(browser.get("/healthz").json()["status"], "ok");
    assert_eq!(browser.get("/readyz").json()["status"], "ok");
}

#[test]
fn a_reload_moves_the_server_and_an_address_that_is_taken_stops_no_poll() {
    let server = FeedServer::start();
    let (place, daemon, browser) = serving(&server, 1);
    let config = place.read("gleaner.toml").replace("127.0.0.1:0", "unix:web.sock");
    place.write("gleaner.toml", &config);
    daemon.says("web.sock");
    assert!(std::net::TcpStream::connect(browser.address).is_err(), "the old address is closed");
    assert!(std::os::unix::net::UnixStream::connect(place.at("web.sock")).is_ok());

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    place.write("gleaner.toml", config.replace("unix:web.sock", &taken.local_addr().unwrap().to_string()));
    daemon.says("cannot listen on");
    server.on("/feed", Answer::feed(stories(1..=2)));
    place.run(&["poll", "--all"]).succeeds();
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn the_api_gives_the_very_objects_of_the_commands() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server, 3);
    for (path, command) in [
        ("/api/v1/feeds", &["feeds", "list", "--json"][..]),
        ("/api/v1/status", &["status", "--json"]),
        ("/api/v1/coverage?feed=paper&since=2020-01-01", &["coverage", "paper", "--since", "2020-01-01", "--json"]),
    ] {
        let told: Value = serde_json::from_str(place.run(command).succeeds()).unwrap();
        assert_eq!(keys(&browser.get(path).json()), keys(&told), "{path}");
    }
    let feeds = browser.get("/api/v1/feeds").json();
    assert_eq!(
        (&feeds[0]["name"], &feeds[0]["status"], &feeds[0]["articles"]),
        (&Value::from("paper"), &Value::from("ok"), &Value::from(3))
    );
    let status = browser.get("/api/v1/status").json();
    assert_eq!((&status["poller"]["running"], &status["archive"]["articles"]), (&Value::from(true), &Value::from(3)));
    browser.get("/api/v1/coverage?feed=papre").is_problem(400, "did you mean `paper`?");
    browser.get("/api/v1/feeds?tag=x").is_problem(400, "unknown parameter `tag`");

    let list = browser.get("/feeds.opml");
    assert_eq!(list.text(), place.run(&["feeds", "export"]).succeeds());
    browser.get("/feeds.opml?feed=papre").is_problem(400, "did you mean `paper`?");
}

/// The names that an object has at any depth: the times in it are those of the moment.
fn keys(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| std::iter::once(name.clone()).chain(keys(value).into_iter().map(move |key| format!("{name}.{key}"))))
            .collect(),
        Value::Array(values) => values.iter().flat_map(keys).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_page_of_feeds_says_what_went_wrong_and_nothing_that_a_feed_says_is_markup() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    server.on("/broken", Answer::status(500));
    let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"");
    let config = with_feeds(&settings, [("paper", server.url("/feed")), ("<b>broken", server.url("/broken"))]);
    let place = Place::with_config(&config);
    place.poll();
    let daemon = place.start(&["run"]);
    let browser = Browser::of(&daemon);
    let page = browser.get("/feeds");
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("500") && page.text().contains("&lt;b&gt;broken") && !page.text().contains("<b>broken"),
        "{}",
        page.text()
    );
    let failing = browser.get("/feeds?state=error");
    assert!(failing.text().contains("1 to 1 of 1") && !failing.text().contains(">paper<"), "{}", failing.text());
    browser.get("/feeds?state=bad").is_problem(400, "one of ok, error");
    let archive = browser.get("/archive");
    assert_eq!(archive.status, 200);
    assert!(archive.text().contains("<dt>Articles</dt><dd>2</dd>"), "{}", archive.text());
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server, 2);
    let mut seen = std::collections::BTreeSet::new();
    let mut left = vec!["/".to_owned()];
    while let Some(path) = left.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let page = browser.get(&path);
        assert_eq!(page.status, 200, "{path}");
        if page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            let links = page.text().split(['"', '\'']).filter(|link| link.starts_with('/') && !link.starts_with("//"));
            left.extend(links.map(|link| link.replace("&amp;", "&")));
        }
    }
    for path in ["/feeds", "/archive", "/feeds.opml", "/feed.atom"] {
        assert!(seen.contains(path), "{path} is linked nowhere: {seen:?}");
    }
}

#[test]
fn a_stream_gives_what_is_new_and_goes_on_where_a_client_broke_off() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server, 2);
    let mut stream = browser.follow("/api/v1/stream", &[]);
    let begin = stream.next("id: ");

    server.on("/feed", Answer::feed(stories(1..=3)));
    place.run(&["poll", "--all"]).succeeds();
    let article: Value = serde_json::from_str(&stream.next("data: ")).unwrap();
    assert_eq!(article, place.articles_with(&[])[2]);
    let after_third = stream.next("id: ");
    drop(stream);

    server.on("/feed", Answer::feed(stories(1..=4)));
    place.run(&["poll", "--all"]).succeeds();
    let (third, fourth) = (article["id"].clone(), place.articles_with(&[])[3]["id"].clone());
    let resumed = |last: &str, count: usize| -> Vec<Value> {
        let mut stream = browser.follow("/api/v1/stream?feed=paper", &[("Last-Event-ID", last)]);
        let articles = (0..count).map(|_| serde_json::from_str::<Value>(&stream.next("data: ")).unwrap());
        articles.map(|article| article["id"].clone()).collect()
    };
    assert_eq!(resumed(&begin, 2), [third, fourth.clone()]);
    assert_eq!(resumed(&after_third, 1), [fourth]);
    // A restored backup is another archive: what its reader had is not known.
    assert_eq!(resumed("0123abcd-9", 4).len(), 4);

    place.run(&["forget", article["id"].as_str().unwrap()]).succeeds();
    let mut stream = browser.follow("/api/v1/stream", &[("Last-Event-ID", &after_third)]);
    assert_eq!(stream.next("event: "), "forgotten");
    let forgotten: Value = serde_json::from_str(&stream.next("data: ")).unwrap();
    assert_eq!(forgotten["id"], article["id"]);

    browser.get_with("/api/v1/stream", &[("Last-Event-ID", "nonsense")]).is_problem(400, "Last-Event-ID");
    browser.get("/api/v1/stream?feed=papre").is_problem(400, "did you mean `paper`?");
}
