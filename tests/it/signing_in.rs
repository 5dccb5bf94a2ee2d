//! The pages of somebody who has shown the token: he adds, pauses, polls and removes feeds with plain forms, and nobody else
//! can make his browser do so.

use crate::support::{Answer, Browser, FeedServer, PATIENCE, Page, Place, SETTINGS, stories, with_feeds, within};
use crate::writes::{TOKEN, serving, settings};

/// A browser that keeps the cookie that it is given.
struct Visitor {
    browser: Browser,
    cookie: String,
}

impl Visitor {
    #[track_caller]
    fn of(browser: Browser) -> Visitor {
        let page = send(&browser, "/login", &[], &format!("token={TOKEN}"));
        assert_eq!((page.status, page.header("location")), (303, Some("/feeds")), "{page:?}");
        let cookie = page.header("set-cookie").unwrap();
        Visitor { browser, cookie: cookie.split(';').next().unwrap().to_owned() }
    }

    fn get(&self, path: &str) -> Page {
        self.browser.get_with(path, &[("Cookie", &self.cookie)])
    }

    /// The word that the forms of this session hold.
    fn word(&self) -> String {
        let page = self.get("/feeds");
        let (_, after) = page.text().split_once("name=\"form_word\" value=\"").unwrap();
        after.split('"').next().unwrap().to_owned()
    }

    /// Sends a form as one of our own pages does.
    fn send(&self, path: &str, fields: &str) -> Page {
        let origin = format!("http://{}", self.browser.address);
        let headers = [("Cookie", self.cookie.as_str()), ("Origin", origin.as_str()), ("Sec-Fetch-Site", "same-origin")];
        send(&self.browser, path, &headers, &format!("form_word={}&{fields}", self.word()))
    }

    /// … and looks at the page that the answer leads to.
    #[track_caller]
    fn does(&self, path: &str, fields: &str) -> Page {
        let answer = self.send(path, fields);
        assert_eq!(answer.status, 303, "{answer:?}");
        self.get(answer.header("location").unwrap())
    }

    fn upload(&self, document: &str) -> Page {
        let part = |head: &str, content: &str| format!("--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n");
        let body =
            [part("name=\"form_word\"", &self.word()), part("name=\"file\"; filename=\"list.opml\"", document), "--cut--\r\n".to_owned()]
                .concat();
        let headers =
            [("Cookie", self.cookie.as_str()), ("Content-Type", "multipart/form-data; boundary=cut"), ("Sec-Fetch-Site", "same-origin")];
        self.browser.send("POST", "/opml", &headers, body.as_bytes())
    }
}

fn send(browser: &Browser, path: &str, headers: &[(&str, &str)], form: &str) -> Page {
    let headers = [headers, &[("Content-Type", "application/x-www-form-urlencoded")]].concat();
    browser.send("POST", path, &headers, form.as_bytes())
}

#[track_caller]
fn says(page: &Page, words: &str) {
    assert!(page.text().contains(words), "no \"{words}\" in {}", page.text());
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn who_shows_the_token_is_known_by_a_cookie_and_who_shows_another_is_told_so() {
    let server = FeedServer::start();
    let (_place, _daemon, browser) = serving(&server);
    says(&browser.get("/feeds"), "href=\"/login\"");
    assert!(!browser.get("/feeds").text().contains("form_word"));
    assert_eq!(browser.get("/login").status, 200);
    let wrong = send(&browser, "/login", &[], "token=a-guess-of-somebody");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    says(&wrong, "This is not the token.");
    assert!(!wrong.text().contains("a-guess-of-somebody"));
    let guesses: Vec<Page> = (0..20).map(|_| send(&browser, "/login", &[], "token=a-guess-of-somebody")).collect();
    assert_eq!(guesses[19].status, 429);
    assert!(guesses[19].header("retry-after").is_some());
    says(&guesses[19], "Too many wrong tokens");

    send(&browser, "/login", &[], &format!("token={}", "x".repeat(5_000))).is_problem(413, "too large");

    let page = send(&browser, "/login", &[], &format!("token={TOKEN}"));
    let cookie = page.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part) && !cookie.contains(TOKEN) && !cookie.contains("Secure"), "{cookie}");
    }
    let visitor = Visitor::of(browser);
    assert_eq!(visitor.get("/login").header("location"), Some("/feeds"));
    says(&visitor.get("/feeds"), "Sign out");
    // What a program may do, a cookie may not.
    let asked = browser.send("POST", "/api/v1/poll", &[("Cookie", &visitor.cookie)], b"");
    asked.is_problem(401, "Authorization");
}

#[test]
fn where_no_token_is_configured_there_is_nothing_to_sign_in_to() {
    let place = Place::with_config(&SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\""));
    let daemon = place.start(&["run"]);
    let browser = Browser::of(&daemon);
    assert!(!browser.get("/feeds").text().contains("/login"));
    browser.get("/login").is_problem(403, "token_file");
    send(&browser, "/login", &[], "token=").is_problem(403, "token_file");
}

#[test]
fn a_feed_is_added_paused_resumed_polled_and_removed_with_forms_alone() {
    let server = FeedServer::start();
    server.on("/news", Answer::feed(stories(1..=3)));
    let (place, _daemon, browser) = serving(&server);
    let visitor = Visitor::of(browser);
    let added = visitor.does("/feeds", &format!("url={}&name=the%2Fnews&tags=world%2C+local&interval=", escaped(&server.url("/news"))));
    says(&added, "It is being polled.");
    let list = place.read("data/added.toml");
    assert!(list.contains("name = \"the/news\"") && list.contains("tags = [\"world\", \"local\"]"), "{list}");
    assert!(!visitor.get("/feeds/the%2Fnews").text().contains("It is being polled."), "it is said once");
    assert!(within(PATIENCE, || visitor.browser.get("/api/v1/feeds/the%2Fnews").json()["articles"] == 3));

    let feed = "feed=the%2Fnews&back=%2Ffeeds%3Fquery%3Dnews";
    let paused = visitor.does("/pause", feed);
    says(&paused, "the/news is paused.");
    says(&paused, "value=\"news\"");
    assert_eq!(place.feed("the/news")["status"], "disabled");
    says(&visitor.does("/resume", feed), "the/news is polled again.");
    server.on("/news", Answer::feed(stories(1..=4)));
    says(&visitor.does("/poll", feed), "the/news was polled: 1 new article.");
    says(&visitor.does("/poll", ""), "No feed is due.");

    let asked = visitor.get("/remove?feed=the%2Fnews");
    says(&asked, "Remove this feed?");
    says(&asked, "(4 articles) stays in the archive");
    assert_eq!(place.feeds().len(), 2, "asking changes nothing");
    says(&visitor.does("/remove", "feed=the%2Fnews"), "the/news is removed.");
    assert_eq!(place.feeds().len(), 1);
}

#[test]
fn what_cannot_be_done_is_said_beside_what_was_typed() {
    let server = FeedServer::start();
    server.on("/page", Answer::page("<p>No feed here"));
    let (place, _daemon, browser) = serving(&server);
    let visitor = Visitor::of(browser);
    let refused = visitor.send("/feeds", &format!("url={}&name=a+name&tags=x&interval=", escaped(&server.url("/page"))));
    assert_eq!(refused.status, 422);
    says(&refused, "is not a feed");
    says(&refused, &format!("value=\"{}\"", server.url("/page")));
    says(&refused, "value=\"a name\"");
    let markup = visitor.send("/feeds", "url=%22%3E%3Cscript%3E&name=&tags=&interval=");
    assert_eq!(markup.status, 422);
    assert!(!markup.text().contains("\"><script>"), "{}", markup.text());
    let there = visitor.send("/feeds", &format!("url={}&name=&tags=&interval=", escaped(&server.url("/own"))));
    assert_eq!(there.status, 409);
    says(&there, "already the feed `own`");
    says(&visitor.send("/feeds", "url=https%3A%2F%2Fa.example%2F&name=&tags=&interval=soon"), "`interval`");
    assert!(!place.at("data/added.toml").exists());
}

#[test]
fn what_stands_in_the_operator_s_files_has_no_button_to_change_it() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let visitor = Visitor::of(browser);
    let before = place.read("gleaner.toml");
    let page = visitor.get("/feeds");
    says(&page, "formaction=\"/poll\"");
    assert!(!page.text().contains("/pause") && !page.text().contains("/remove"), "{}", page.text());
    says(&visitor.get("/feeds/own"), "gleaner.toml");
    for path in ["/pause", "/remove"] {
        let page = visitor.does(path, "feed=own");
        says(&page, "role=\"alert\"");
        says(&page, "the operator");
    }
    assert_eq!(place.read("gleaner.toml"), before);
}

#[test]
fn another_site_s_page_cannot_make_a_browser_change_anything() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let visitor = Visitor::of(browser);
    let word = visitor.word();
    let cookie = visitor.cookie.as_str();
    let fields = format!("form_word={word}&url={}", escaped(&server.url("/news")));
    for headers in [
        &[("Cookie", cookie), ("Sec-Fetch-Site", "cross-site")][..],
        &[("Cookie", cookie), ("Sec-Fetch-Site", "same-site")],
        &[("Cookie", cookie), ("Origin", "https://attacker.example")],
        &[("Cookie", cookie), ("Origin", "null")],
    ] {
        send(&browser, "/feeds", headers, &fields).is_problem(403, "another site");
        browser
            .send("POST", "/opml", &[headers, &[("Content-Type", "multipart/form-data; boundary=cut")]].concat(), b"--cut--\r\n")
            .is_problem(403, "another site");
    }
    send(&browser, "/login", &[("Origin", "https://attacker.example")], &format!("token={TOKEN}")).is_problem(403, "another site");
    for wrong in ["", "form_word=&", "form_word=0&"] {
        let own = [("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")];
        send(&browser, "/feeds", &own, &format!("{wrong}url=x")).is_problem(403, "not of this session");
    }
    let own = [("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", "multipart/form-data; boundary=cut")];
    browser.send("POST", "/opml", &own, b"--cut--\r\n").is_problem(403, "not of this session");
    // Whoever is not known is asked to show the token.
    let stranger = send(&browser, "/feeds", &[("Sec-Fetch-Site", "same-origin")], &fields);
    assert_eq!((stranger.status, stranger.header("location")), (303, Some("/login")));
    // An answer leads to no other site.
    let led = visitor.send("/poll", "feed=own&back=https%3A%2F%2Fattacker.example%2F");
    assert_eq!(led.header("location"), Some("/feeds"));
    assert!(!place.at("data/added.toml").exists());
}

#[test]
fn a_list_is_uploaded_and_a_broken_one_changes_nothing() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let visitor = Visitor::of(browser);
    let outline = |path: &str| format!("<outline text=\"T\" xmlUrl=\"{}\"/>", server.url(path));
    let good = format!("<opml version=\"2.0\"><body>{}{}</body></opml>", outline("/own"), outline("/new"));
    let broken = visitor.upload(&good.replace("</body>", ""));
    assert_eq!(broken.status, 422);
    says(&broken, "not OPML");
    says(&broken, "id=\"not-imported\"");
    says(&visitor.upload(""), "choose a file first");
    assert!(!place.at("data/added.toml").exists());
    let uploaded = visitor.upload(&good);
    assert_eq!((uploaded.status, uploaded.header("location")), (303, Some("/feeds")), "{uploaded:?}");
    says(&visitor.get("/feeds"), "1 feed added; 1 was there already.");
    assert_eq!(place.feeds().len(), 2);
}

#[test]
fn a_session_ends_by_leaving_and_when_another_token_counts() {
    let server = FeedServer::start();
    let (place, _daemon, browser) = serving(&server);
    let first = Visitor::of(browser);
    let left = first.send("/logout", "");
    assert_eq!(left.status, 303);
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    says(&first.get("/feeds"), "href=\"/login\"");

    let second = Visitor::of(browser);
    place.write("token", "another-token-of-the-tests");
    says(&second.get("/feeds"), "href=\"/login\"");
    assert_eq!(send(&browser, "/login", &[], &format!("token={TOKEN}")).status, 401);
}

#[test]
fn behind_https_the_cookie_goes_over_nothing_else() {
    let server = FeedServer::start();
    server.on("/own", Answer::feed(stories(1..=2)));
    let config = settings().replace("token_file", "base_url = \"https://news.example/\"\ntoken_file");
    let place = Place::with_config(&with_feeds(&config, [("own", server.url("/own"))]));
    place.write("token", TOKEN);
    let daemon = place.start(&["run"]);
    let browser = Browser::of(&daemon);
    let headers = [("Host", "news.example"), ("Origin", "https://news.example")];
    let page = send(&browser, "/login", &headers, &format!("token={TOKEN}"));
    assert!(page.header("set-cookie").unwrap().ends_with("; Secure"), "{page:?}");
    assert_eq!(browser.get("/api/v1/openapi.json").json()["servers"][0]["url"], "https://news.example/");
}
