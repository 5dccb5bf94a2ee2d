//! What is changed over HTTP: with the token alone, in a list of the daemon's own, and never in the operator's files.

use serde_json::{Value, json};

use crate::support::{Answer, Browser, FeedServer, PATIENCE, Page, Place, Running, SETTINGS, stories, strings, with_feeds, within};

pub const TOKEN: &str = "a-token-of-the-tests-alone";

/// Settings under which a token allows changes; the list of added feeds is in another folder than the config.
pub fn settings() -> String {
    let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"\ntoken_file = \"token\"");
    settings.replace("path = \"gleaner.db\"", "path = \"data/gleaner.db\"")
}

/// A daemon subscribed to one feed, in the operator's own config, of which the token is known.
pub fn serving(server: &FeedServer) -> (Place, Running, Browser) {
    server.on("/own", Answer::feed(stories(1..=2)));
    let place = Place::with_config(&with_feeds(&settings(), [("own", server.url("/own"))]));
    place.write("token", format!("{TOKEN}\n"));
    let daemon = place.start(&["run"]);
    let browser = Browser::of(&daemon);
    (place, daemon, browser)
}

fn send(browser: &Browser, method: &str, path: &str, body: &Value) -> Page {
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    browser.send(method, path, &headers, body.to_string().as_bytes())
}

fn import(browser: &Browser, document: &str) -> Page {
    let authorization = format!("Bearer {TOKEN}");
    browser.send("POST", "/api/v1/opml", &[("Authorization", authorization.as_str()), ("Content-Type", "text/x-opml")], document.as_bytes())
}

fn names(browser: &Browser) -> Vec<String> {
    strings(browser.get("/api/v1/feeds").json().as_array().unwrap(), "name")
}

#[test]
fn a_feed_is_added_by_its_site_polled_paused_changed_and_removed() {
    let server = FeedServer::start();
    server.on("/site", Answer::page("<link rel=alternate type=application/rss+xml href=/news>"));
    server.on("/news", Answer::feed(stories(1..=3)));
    let (place, _daemon, browser) = serving(&server);

    let added = send(&browser, "POST", "/api/v1/feeds", &json!({"url": server.url("/site"), "name": "the/news", "tags": ["world"]}));
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(added.json()["url"], server.url("/news"));
    let location = added.header("location").unwrap().to_owned();
    assert_eq!(location, "/api/v1/feeds/the%2Fnews");
    assert_eq!(names(&browser), ["own", "the/news"]);
    let list = place.read("data/added.toml");
    assert!(list.starts_with("# Feeds that were added over HTTP") && list.contains("tags = [\"world\"]"), "{list}");
    assert!(within(PATIENCE, || browser.get(&location).json()["articles"] == 3), "it is polled at once");

    server.on("/news", Answer::feed(stories(1..=4)));
    let polled = send(&browser, "POST", &format!("{location}/poll"), &Value::Null);
    assert_eq!((polled.status, &polled.json()["outcome"], &polled.json()["new"]), (200, &json!("fresh"), &json!(1)));

    let paused = send(&browser, "PATCH", &location, &json!({"enabled": false, "title": "The news"}));
    assert_eq!((paused.status, &paused.json()["status"], &paused.json()["title"]), (200, &json!("disabled"), &json!("The news")));
    assert!(place.read("data/added.toml").contains("enabled = false"));
    let resumed = send(&browser, "PATCH", &location, &json!({"enabled": true, "title": null}));
    assert_eq!(resumed.json()["status"], "ok");
    assert!(!place.read("data/added.toml").contains("enabled"));

    let removed = send(&browser, "DELETE", &location, &Value::Null);
    assert_eq!((removed.status, removed.body.len()), (204, 0));
    assert_eq!(names(&browser), ["own"]);
    browser.get(&location).is_problem(404, "there is no feed `the/news`");
    assert_eq!(place.articles_with(&["--feed", "the/news"]).len(), 4, "its articles stay");
}

#[test]
fn another_address_keeps_the_name_and_with_it_the_history() {
    let server = FeedServer::start();
    for path in ["/old", "/new"] {
        server.on(path, Answer::feed(stories(1..=2)));
    }
    let (_place, _daemon, browser) = serving(&server);
    let added = send(&browser, "POST", "/api/v1/feeds", &json!({"url": server.url("/old")}));
    let location = added.header("location").unwrap().to_owned();
    let moved = send(&browser, "PATCH", &location, &json!({"url": server.url("/new")}));
    assert_eq!((moved.status, &moved.json()["url"]), (200, &json!(server.url("/new"))));
    assert_eq!(moved.json()["name"], added.json()["name"]);
    send(&browser, "PATCH", &location, &json!({"url": server.url("/own")})).is_problem(409, "already the feed `own`");
    send(&browser, "PATCH", &location, &json!({"url": "file:/etc/passwd"})).is_problem(422, "a local file");
}

#[test]
fn without_the_token_nothing_is_changed_and_who_guesses_has_to_wait() {
    let server = FeedServer::start();
    let (place, daemon, browser) = serving(&server);
    let body = json!({"url": server.url("/own")}).to_string();
    for (method, path) in [
        ("POST", "/api/v1/feeds"),
        ("PATCH", "/api/v1/feeds/own"),
        ("DELETE", "/api/v1/feeds/own"),
        ("POST", "/api/v1/feeds/own/poll"),
        ("POST", "/api/v1/poll"),
        ("POST", "/api/v1/opml"),
    ] {
        let asked = browser.send(method, path, &[], body.as_bytes());
        asked.is_problem(401, "Authorization: Bearer");
        assert_eq!(asked.header("www-authenticate"), Some("Bearer realm=\"gleaner\""), "{method} {path}");
    }
    let guess = |token: &str| browser.send("POST", "/api/v1/feeds", &[("Authorization", token)], body.as_bytes());
    let wrong = guess("Bearer a-token-of-the-tests-alonf");
    wrong.is_problem(401, "not the token");
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer realm=\"gleaner\", error=\"invalid_token\""));
    guess(&format!("Basic {TOKEN}")).is_problem(401, "Authorization: Bearer");
    let guesses: Vec<Page> = (0..20).map(|_| guess("Bearer another-guess-0000")).collect();
    let last = &guesses[19];
    last.is_problem(429, "wrong tokens");
    assert!(last.header("retry-after").is_some());
    assert_eq!(send(&browser, "POST", "/api/v1/feeds/own/poll", &Value::Null).status, 200, "a stranger locks nobody out");
    let log = daemon.log();
    assert_eq!(log.matches("wrong token").count(), 1, "{log}");
    assert!(!log.contains(TOKEN) && !log.contains("another-guess"), "{log}");
    assert!(!place.at("data/added.toml").exists());
}

#[test]
fn where_no_token_is_configured_nothing_can_be_changed_and_a_reload_takes_one_away() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let poll = || send(&browser, "POST", "/api/v1/feeds/own/poll", &Value::Null);
    assert_eq!(poll().status, 200);
    place.write("token", "another-token-of-the-tests");
    poll().is_problem(401, "not the token");
    place.write("token", "short");
    poll().is_problem(503, "the log says why");
    place.write("token", TOKEN);
    let config = place.read("gleaner.toml");
    place.write("gleaner.toml", config.replace("token_file = \"token\"", ""));
    assert!(within(PATIENCE, || poll().status == 403), "{:?}", poll());
    poll().is_problem(403, "token_file");
}

#[test]
fn what_stands_in_the_operator_s_files_is_not_changed_over_http_but_polled() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let before = place.read("gleaner.toml");
    for answer in [
        send(&browser, "DELETE", "/api/v1/feeds/own", &Value::Null),
        send(&browser, "PATCH", "/api/v1/feeds/own", &json!({"enabled": false})),
    ] {
        answer.is_problem(409, &place.at("gleaner.toml").display().to_string());
    }
    assert_eq!(place.read("gleaner.toml"), before);
    assert_eq!(send(&browser, "POST", "/api/v1/feeds/own/poll", &Value::Null).json()["feed"], "own");
    let all = send(&browser, "POST", "/api/v1/poll?which=all", &Value::Null);
    assert_eq!((all.status, all.json()), (202, json!({"feeds": 1})));
    assert_eq!(send(&browser, "POST", "/api/v1/poll", &Value::Null).status, 202);
}

#[test]
fn what_means_nothing_is_refused_in_words() {
    let server = FeedServer::start();
    server.on("/page", Answer::page("<p>No feed here"));
    let (place, _daemon, browser) = serving(&server);
    let add = |body: Value| send(&browser, "POST", "/api/v1/feeds", &body);
    add(json!({"url": server.url("/own")})).is_problem(409, "already the feed `own`");
    add(json!({"url": server.url("/page")})).is_problem(422, "is not a feed");
    add(json!({"url": "file:/etc/passwd"})).is_problem(422, "a local file");
    add(json!({"url": "example.org"})).is_problem(422, "https://example.org");
    add(json!({"ulr": "https://example.org/"})).is_problem(422, "unknown field `ulr`");
    server.on("/b", Answer::feed(stories(1..=1)));
    add(json!({"url": server.url("/b"), "name": "own"})).is_problem(409, "already a feed named `own`");
    add(json!({"url": server.url("/b"), "name": "a\nb"})).is_problem(422, "name");
    add(json!({"url": server.url("/b"), "interval": "soon"})).is_problem(422, "`interval`");
    add(json!({"url": server.url("/b"), "interval": "10ms"})).is_problem(422, "at least");
    add(json!({"url": server.url("/b"), "language": "??"})).is_problem(422, "language tag");
    add(json!([])).is_problem(422, "invalid");
    assert!(!place.at("data/added.toml").exists());

    let authorization = format!("Bearer {TOKEN}");
    let raw = |path: &str, kind: &str, body: &[u8]| {
        browser.send("POST", path, &[("Authorization", authorization.as_str()), ("Content-Type", kind)], body)
    };
    raw("/api/v1/feeds", "application/json", b"{\"url\":").is_problem(400, "not JSON");
    raw("/api/v1/feeds", "text/plain", b"{}").is_problem(415, "application/json");
    raw("/api/v1/opml", "application/json", b"{}").is_problem(415, "text/x-opml");
    raw("/api/v1/opml", "text/xml", &vec![b' '; (4 << 20) + 1]).is_problem(413, "4 MiB");
    send(&browser, "DELETE", "/api/v1/feeds/own1", &Value::Null).is_problem(404, "did you mean `own`?");
    send(&browser, "POST", "/api/v1/feeds/own1/poll", &Value::Null).is_problem(404, "did you mean `own`?");
    send(&browser, "POST", "/api/v1/poll?which=some", &Value::Null).is_problem(400, "`due` or `all`");
    send(&browser, "PATCH", "/api/v1/feeds/own?x=1", &json!({})).is_problem(400, "unknown parameter");
}

#[test]
fn a_list_is_imported_as_a_whole_or_not_at_all() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let outline =
        |url: &str| format!("<outline text=\"F\"><outline text=\"T\" xmlUrl=\"{url}\" htmlUrl=\"https://a.example/\"/></outline>");
    let document = |outlines: &str| format!("<opml version=\"2.0\"><body>{outlines}</body></opml>");
    let good = outline(&server.url("/imported"));
    import(&browser, &format!("{}<outline", document(&good))).is_problem(422, "not OPML");
    import(&browser, &document(&format!("{good}{}", outline("file:/etc/passwd")))).is_problem(422, "line 1, column");
    import(&browser, "").is_problem(422, "the document");
    assert!(!place.at("data/added.toml").exists());
    assert_eq!(names(&browser), ["own"]);

    let imported = import(&browser, &document(&format!("{good}{}", outline(&server.url("/own")))));
    assert_eq!(imported.status, 200, "{imported:?}");
    let name = server.url("/imported").trim_start_matches("http://").to_owned();
    assert_eq!(imported.json(), json!({"added": [name], "skipped": [{"url": server.url("/own"), "name": "own"}]}));
    assert!(browser.get("/feeds.opml").text().contains("htmlUrl=\"https://a.example/\""), "all that the document said is kept");
}

#[test]
fn what_was_added_is_there_after_a_restart() {
    let server = FeedServer::start();
    server.on("/news", Answer::feed(stories(1..=3)));
    let (place, daemon, browser) = serving(&server);
    assert_eq!(send(&browser, "POST", "/api/v1/feeds", &json!({"url": server.url("/news"), "name": "news"})).status, 201);
    daemon.kill();
    let daemon = place.start(&["run"]);
    assert_eq!(names(&Browser::of(&daemon)), ["own", "news"]);
    // It is a list like any other: the command line takes a feed out of it, and the daemon sees that.
    place.run(&["feeds", "remove", "news"]).succeeds();
    assert!(within(PATIENCE, || names(&Browser::of(&daemon)) == ["own"]));
}

#[test]
fn a_list_beside_the_database_that_somebody_else_makes_is_seen() {
    let server = FeedServer::start();
    server.on("/news", Answer::feed(stories(1..=3)));
    let (place, _daemon, browser) = serving(&server);
    place.write("data/added.toml", format!("[[feed]]\nname = \"news\"\nurl = \"{}\"\n", server.url("/news")));
    assert!(within(PATIENCE, || names(&browser) == ["own", "news"]));
}

#[test]
fn many_who_add_at_once_over_http_and_by_command_lose_nothing() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    for number in 0..5 {
        server.on(&format!("/http{number}"), Answer::feed(stories(1..=1)));
        server.on(&format!("/command{number}"), Answer::feed(stories(1..=1)));
    }
    std::thread::scope(|scope| {
        let mut adding = Vec::new();
        for number in 0..5 {
            let (place, server, browser) = (&place, &server, &browser);
            adding.push(scope.spawn(move || {
                let body = json!({"url": server.url(&format!("/http{number}")), "name": format!("http{number}")});
                assert_eq!(send(browser, "POST", "/api/v1/feeds", &body).status, 201);
            }));
            adding.push(scope.spawn(move || {
                let url = server.url(&format!("/command{number}"));
                place.run(&["feeds", "add", &url, "--name", &format!("command{number}")]).succeeds();
            }));
        }
        for added in adding {
            added.join().unwrap();
        }
    });
    let mut want: Vec<String> = (0..5).flat_map(|number| [format!("http{number}"), format!("command{number}")]).collect();
    want.push("own".to_owned());
    want.sort();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(strings(&place.feeds(), "name")), want);
    assert!(within(PATIENCE, || sorted(names(&browser)) == want));
}

/// A path of the document with something in the place of its parameters.
fn filled(path: &str, article: &str) -> String {
    path.replace("{id}", article).replace("{name}", "own")
}

#[test]
fn answers_are_what_the_openapi_document_says_and_other_methods_are_refused() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    assert!(within(PATIENCE, || browser.get("/api/v1/feeds/own").json()["articles"] == 2));
    let article = place.articles()[0]["id"].as_str().unwrap().to_owned();
    let document = browser.get("/api/v1/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let validator = |schema: &Value| {
        // The schema within the document that it refers to.
        let mut whole = document.clone();
        whole["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        for (key, value) in schema.as_object().unwrap() {
            whole[key] = value.clone();
        }
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    };
    let is_as_described = |operation: &Value, answer: &Page, what: &str| {
        let described = &operation["responses"][answer.status.to_string()];
        assert!(described.is_object(), "{what}: {} is not described", answer.status);
        let Some(kind) = answer.header("content-type") else { return assert!(described["content"].is_null(), "{what}") };
        let content = &described["content"][kind.split(';').next().unwrap()];
        assert!(content.is_object(), "{what}: {kind} is not described");
        if kind.contains("json") && !kind.contains("ndjson") {
            let errors: Vec<String> = validator(&content["schema"]).iter_errors(&answer.json()).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{what}: {errors:?}\n{}", answer.text());
        }
    };
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let operations = operations.as_object().unwrap();
        let at = filled(path, &article);
        if path == "/api/v1/stream" {
            continue;
        }
        if let Some(get) = operations.get("get") {
            let answer = browser.get(&at);
            assert_eq!(answer.status, 200, "{path}");
            is_as_described(get, &answer, path);
            seen += 1;
        }
        for (method, operation) in operations {
            if method == "get" {
                is_as_described(operation, &browser.get(&format!("{at}?nonsense=1")), path);
            } else {
                is_as_described(operation, &browser.send(&method.to_uppercase(), &at, &[], b""), path);
                is_as_described(operation, &send(&browser, &method.to_uppercase(), &at, &json!({"tags": 1})), path);
                is_as_described(operation, &send(&browser, &method.to_uppercase(), &format!("{at}?nonsense=1"), &json!({})), path);
            }
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if operations.contains_key(&method.to_lowercase()) {
                continue;
            }
            let refused = browser.send(method, &at, &[], b"");
            refused.is_problem(405, "method");
            let mut allowed: Vec<String> = refused.header("allow").unwrap().split(',').map(|name| name.trim().to_lowercase()).collect();
            allowed.retain(|name| name != "head");
            allowed.sort();
            let mut described: Vec<String> = operations.keys().cloned().collect();
            described.sort();
            assert_eq!(allowed, described, "{method} {path}");
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn what_changes_something_answers_as_the_openapi_document_says() {
    let server = FeedServer::start();
    server.on("/news", Answer::feed(stories(1..=3)));
    let (_place, _daemon, browser) = serving(&server);
    let document = browser.get("/api/v1/openapi.json").json();
    let required = |name: &str| strings_of(&document["components"]["schemas"][name]["required"]);
    let keys = |value: &Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let added = send(&browser, "POST", "/api/v1/feeds", &json!({"url": server.url("/news"), "name": "news"})).json();
    assert_eq!(keys(&added), required("FeedLine"));
    let polled = send(&browser, "POST", "/api/v1/feeds/news/poll", &Value::Null).json();
    assert_eq!(keys(&polled), required("PollLine"));
    assert_eq!(strings_of(&document["components"]["schemas"]["FeedToAdd"]["required"]), ["url"]);
    assert_eq!(document["components"]["schemas"]["FeedPatch"]["required"], Value::Null);
}

fn strings_of(value: &Value) -> Vec<String> {
    let mut strings: Vec<String> = value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    strings.sort();
    strings
}
