//! What others make of what is served: a browser, a feed reader, a checker of accessibility, a checker of metrics. Each is tried where it is
//! installed; where it is not, the test says so and no more.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    Answer, Browser, Chromium, FeedServer, Item, Place, Running, SETTINGS, installed, rss_of, strings, with_feeds, words,
};
use crate::writes::{TOKEN, serving};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

/// The date of so many days ago, as feeds write it.
fn days_ago(days: i64) -> String {
    (chrono::Utc::now() - chrono::TimeDelta::hours(24 * days + 3)).to_rfc2822()
}

fn item(name: &str, title: &str, days: i64, body: &str) -> Item {
    Item::titled(title).guid(name).link(&format!("https://harbour.example/{name}")).date(&days_ago(days)).body(body)
}

fn paragraphs(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("<p>{text}</p>")).collect()
}

const FERRY: [&str; 4] = [
    "The ferry between the old town and the north shore runs again from Monday, eleven weeks after its engine failed in the middle of the \
     fairway with two hundred people on board.",
    "It leaves every twenty minutes until ten at night, and then once an hour. Bicycles cost nothing before nine in the morning, which \
     the council had promised for three years and put off twice.",
    "Nobody was hurt in April, but the master of the boat, who brought it back to the quay with one propeller, asked for a second \
     engine at every meeting since then. It has been fitted now, and was tried last week in a swell of two metres.",
    "The bridge stays closed to lorries. Its bearings are being changed one by one, and the work is expected to last until the first frost.",
];

/// A harbour's newspaper, an agency that repeats it, a blog in other scripts, a feed that is broken and one that is disabled.
struct Town {
    server: FeedServer,
    place: Place,
    daemon: Running,
    browser: Browser,
}

impl Town {
    fn open() -> Town {
        let server = FeedServer::start();
        let picture = format!(
            "<figure><img src=\"{}\" alt=\"The quay\"><figcaption>The quay on Sunday.</figcaption></figure>",
            server.url("/quay.png")
        );
        server.on("/quay.png", Answer::ok(PICTURE).header("Content-Type", "image/png"));
        let ferry = |texts: &[&str]| {
            item("ferry", "Ferry to the north shore runs again from Monday", 1, &format!("{picture}{}", paragraphs(texts)))
                .raw("<author>news@harbour.example (Ines Brandt)</author>")
                .category("Transport")
        };
        let paper = |edited: bool| {
            let mut texts = FERRY;
            if edited {
                texts[1] = "It leaves every thirty minutes until eleven at night, and then once an hour. Bicycles cost nothing before nine in \
                            the morning, which the council had promised for three years and put off twice.";
            }
            let more = (2..34).map(|number| {
                let title =
                    format!("{} {}", ["Harbour notes", "From the council", "Letters", "Weather and tides"][number as usize % 4], number);
                item(&format!("n{number}"), &title, i64::from(number) / 2, &paragraphs(&[&words(number, 60), &words(100 + number, 40)]))
            });
            let long = item(
                "long",
                "Donaudampfschifffahrtsgesellschaftskapitänsmützenherstellerverbandsvorsitzende tritt nach dreiundzwanzig Jahren zurück, und \
                 niemand weiß, wer die Geschäfte bis zur nächsten Versammlung führen soll",
                2,
                &paragraphs(&[&words(300, 50)]),
            );
            let items: Vec<Item> = std::iter::once(ferry(&texts)).chain([long]).chain(more).collect();
            rss_of("The Harbour Gazette", "https://harbour.example/", &items)
        };
        server.on("/paper", Answer::feed(paper(false)));
        let agency = Item::titled("Ferry to the north shore runs again from Monday")
            .guid("a1")
            .link("https://agency.example/a1")
            .date(&days_ago(0))
            .body(&paragraphs(&FERRY));
        server.on("/agency", Answer::feed(rss_of("Coast Agency", "https://agency.example/", [&agency])));
        let scripts = [
            item(
                "ar",
                "الميناء يفتح أبوابه من جديد بعد أسابيع من العمل",
                1,
                "<p>عادت العبارة إلى العمل يوم الاثنين، وتنطلق كل عشرين دقيقة حتى العاشرة ليلا.</p>",
            )
            .raw("<dc:language xmlns:dc=\"http://purl.org/dc/elements/1.1/\">ar</dc:language>"),
            item(
                "ja",
                "北岸へのフェリー、月曜日から運航再開",
                3,
                "<p>旧市街と北岸を結ぶフェリーが、十一週間ぶりに運航を再開する。午後十時までは二十分おきに出る。</p>",
            )
            .raw("<dc:language xmlns:dc=\"http://purl.org/dc/elements/1.1/\">ja</dc:language>"),
            item("mark", "Five < six & \"seven\" <script>alert(1)</script>", 4, "<p>What looks like mark-up is text.</p>"),
        ];
        server.on("/scripts", Answer::feed(rss_of("Many Hands", "https://hands.example/", &scripts)));
        server.on("/broken", Answer::status(500));
        let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"").replace("min_interval = \"1s\"", "interval = \"1h\"");
        let feeds = [("harbour-gazette", "/paper"), ("coast-agency", "/agency"), ("many-hands", "/scripts"), ("broken", "/broken")];
        let config = with_feeds(&settings, feeds.map(|(name, path)| (name, server.url(path))));
        let place = Place::with_config(&config);
        place.poll();
        server.on("/paper", Answer::feed(paper(true)));
        place.poll();
        let daemon = place.start(&["run"]);
        let browser = Browser::of(&daemon);
        Town { server, place, daemon, browser }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.browser.address)
    }

    /// The path of the article of this title.
    fn article(&self, title: &str) -> String {
        let articles = self.place.articles_with(&["--copies"]);
        let found = articles.iter().find(|article| article["title"].as_str().unwrap().starts_with(title)).unwrap();
        format!("/articles/{}", found["id"].as_str().unwrap())
    }
}

/// `target/axe-core/axe.min.js`, where `.ci/run` puts it, else what `$AXE` names.
fn axe() -> Option<String> {
    let path =
        std::env::var_os("AXE").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe-core/axe.min.js"), PathBuf::from);
    let script = std::fs::read_to_string(path).ok();
    if script.is_none() {
        eprintln!("axe-core is not there: accessibility was NOT tested");
    }
    script
}

/// The open page fits its window, and axe finds nothing wrong with it; its picture is kept.
#[track_caller]
fn is_well_made(chromium: &mut Chromium, axe: Option<&str>, name: &str, width: u32, scheme: &str) {
    chromium.value("document.querySelectorAll('details').forEach(details => { details.open = true; })");
    let widths = chromium.value("[document.documentElement.scrollWidth, window.innerWidth]");
    assert_eq!(widths[0], widths[1], "{name} is wider than a window of {width}");
    chromium.picture(&format!("{name}-{width}-{scheme}"));
    if let Some(axe) = axe {
        chromium.value(&format!("{axe}; true"));
        // The frame of an article's text may run no script, axe's neither.
        let violations = chromium.value("axe.run({iframes: false}).then(found => found.violations.map(violation => [violation.id, violation.help, violation.nodes.map(node => node.html)]))");
        assert_eq!(violations, Value::Array(Vec::new()), "{name} at {width}, {scheme}");
    }
}

#[test]
fn every_page_fits_its_window_and_complains_of_nothing_light_and_dark_wide_and_narrow() {
    let Some(mut chromium) = Chromium::start() else { return };
    let town = Town::open();
    let axe = axe();
    let ferry = town.article("Ferry");
    let pages = [
        ("articles", "/".to_owned()),
        ("search", "/?query=ferry&since=30d".to_owned()),
        ("nothing", "/?query=submarine".to_owned()),
        ("article", ferry),
        ("article-long", town.article("Donau")),
        ("article-arabic", town.article("الميناء")),
        ("article-japanese", town.article("北岸")),
        ("feeds", "/feeds".to_owned()),
        ("feed", "/feeds/harbour-gazette".to_owned()),
        ("feed-broken", "/feeds/broken".to_owned()),
        ("archive", "/archive".to_owned()),
    ];
    for (name, path) in &pages {
        for (width, scheme) in [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")] {
            chromium.look(width, scheme);
            chromium.open(&town.url(path));
            is_well_made(&mut chromium, axe.as_deref(), name, width, scheme);
        }
    }
    assert_eq!(chromium.complaints(), Vec::<String>::new());
    assert!(town.server.requests_to("/quay.png").is_empty(), "no page has loaded an image");
}

#[test]
fn a_reader_searches_while_typing_reads_and_loads_images_only_when_asking_for_them() {
    let Some(mut chromium) = Chromium::start() else { return };
    let town = Town::open();
    chromium.look(1280, "light");
    chromium.open(&town.url("/"));
    assert_eq!(chromium.value("document.querySelectorAll('.articles > li').length"), 30);
    chromium.click("nav.pages a.next");
    chromium.until("document.querySelectorAll('.articles > li').length === 7");
    chromium.open(&town.url("/"));
    chromium.type_into("#query", "ferry north");
    chromium.until("document.querySelectorAll('.articles > li').length === 1 && location.search === '?query=ferry+north'");
    chromium.click(".articles h2 a");
    chromium.until("document.querySelector('article h1')?.textContent.startsWith('Ferry') === true");

    // The text stands in its frame, as tall as it is, and has run nothing.
    chromium.until("document.querySelector('iframe.body')?.contentDocument?.body?.innerText.includes('two hundred people') === true");
    chromium.until(
        "(() => { const f = document.querySelector('iframe.body'); return f.clientHeight >= f.contentDocument.body.scrollHeight; })()",
    );
    let told = chromium.value("document.body.innerText");
    let told = told.as_str().unwrap();
    for words in ["Ines Brandt", "min read", "Seen in", "The Harbour Gazette", "Copies", "Revision 2"] {
        assert!(told.contains(words), "no \"{words}\" in {told}");
    }
    let marks = "[...document.querySelectorAll('.revisions :is(del, ins)')].map(mark => mark.tagName + ' ' + mark.textContent).join(', ')";
    assert_eq!(chromium.value(marks), "DEL twenty, INS thirty, DEL ten, INS eleven");

    assert!(town.server.requests_to("/quay.png").is_empty());
    chromium.click(".note a[href*='images=true']");
    chromium.until("location.search === '?images=true' && document.readyState === 'complete'");
    chromium.until("document.querySelector('iframe.body')?.contentDocument?.querySelector('img')?.complete === true");
    assert_eq!(town.server.requests_to("/quay.png").len(), 1);
    assert_eq!(town.server.requests_to("/quay.png")[0].text("referer"), None, "the publisher does not hear from where");

    chromium.open(&town.url(&town.article("Five")));
    assert_eq!(
        chromium.value("document.querySelector('h1').textContent"),
        "Five < six & \"seven\"",
        "a title is text, and its mark-up is none"
    );
    assert_eq!(chromium.complaints(), Vec::<String>::new());
    drop(town.daemon);
}

#[test]
fn somebody_signs_in_adds_a_feed_pauses_it_polls_it_and_removes_it() {
    let Some(mut chromium) = Chromium::start() else { return };
    let server = FeedServer::start();
    let (_place, daemon, browser) = serving(&server);
    server.on(
        "/late",
        Answer::feed(rss_of("The Late Edition", "https://late.example/", [&item("l1", "Fog on the sound", 0, "<p>Fog.</p>")])),
    );
    let url = |path: &str| format!("http://{}{path}", browser.address);
    let axe = axe();
    let looked_at = |chromium: &mut Chromium, name: &str| {
        for (width, scheme) in [(390, "dark"), (1280, "light")] {
            chromium.look(width, scheme);
            is_well_made(chromium, axe.as_deref(), name, width, scheme);
        }
    };
    chromium.look(1280, "light");
    chromium.open(&url("/feeds"));
    chromium.click("a[href='/login']");
    chromium.until("document.querySelector('#token') !== null");
    looked_at(&mut chromium, "sign-in");
    chromium.type_into("#token", TOKEN);
    chromium.click("form.add button[type='submit']");
    chromium.until("document.querySelector('#url') !== null");

    let says = |chromium: &mut Chromium, words: &str| {
        chromium.until(&format!("document.querySelector('.notice')?.textContent.includes({}) === true", Value::from(words)));
    };
    chromium.type_into("#url", &server.url("/late"));
    chromium.click("form.add .query button[type='submit']");
    says(&mut chromium, "Added");
    looked_at(&mut chromium, "feeds-signed-in");
    let added = browser.get("/api/v1/feeds").json();
    let name = strings(added.as_array().unwrap(), "name").into_iter().find(|name| name != "own").unwrap();
    let button = |path: &str| format!("button[formaction='{path}'][value='{name}']");

    chromium.click(&button("/pause"));
    says(&mut chromium, "is paused");
    let state = || {
        let feeds = browser.get("/api/v1/feeds").json();
        feeds.as_array().unwrap().iter().find(|feed| feed["name"] == name.as_str()).unwrap()["status"].clone()
    };
    assert_eq!(state(), "disabled");
    chromium.click(&button("/poll"));
    says(&mut chromium, "was polled");
    chromium.click(&button("/resume"));
    says(&mut chromium, "is polled again");
    assert_eq!(state(), "ok");

    chromium.click(&format!("a[aria-label='Remove: {name}']"));
    chromium.until("document.querySelector('button.danger') !== null");
    looked_at(&mut chromium, "remove");
    chromium.click("button.danger");
    says(&mut chromium, "is removed");
    assert_eq!(strings(browser.get("/api/v1/feeds").json().as_array().unwrap(), "name"), ["own"]);
    chromium.click("button[formaction='/logout']");
    chromium.until("document.querySelector(\"a[href='/login']\") !== null");
    assert_eq!(chromium.complaints(), Vec::<String>::new());
    drop(daemon);
}

#[test]
fn newsboat_subscribes_to_the_archive_and_to_its_subscription_list() {
    let Some(newsboat) = installed(&["newsboat"]) else { return };
    let town = Town::open();
    let folder = tempfile::tempdir().unwrap();
    let run = |urls: &str, config: &str, cache: &str| {
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("urls"), urls).unwrap();
        std::fs::write(at("config"), config).unwrap();
        let arguments = ["-u", "urls", "-C", "config", "-c", cache, "-x", "reload", "print-unread"];
        let ended =
            Command::new(&newsboat).args(arguments).current_dir(&folder).env("HOME", folder.path()).stdin(Stdio::null()).output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
        let database = rusqlite::Connection::open(at(cache)).unwrap();
        let titles = |sql: &str| -> Vec<String> {
            let mut statement = database.prepare(sql).unwrap();
            let titles = statement.query_map([], |row| row.get(0)).unwrap();
            titles.collect::<rusqlite::Result<_>>().unwrap()
        };
        (titles("SELECT title FROM rss_feed ORDER BY title"), titles("SELECT title FROM rss_item ORDER BY title"))
    };
    let (_, items) = run(&town.url("/feed.atom"), "", "archive.db");
    let mut titles = strings(&town.place.articles_with(&[]), "title");
    titles.sort();
    assert_eq!(items, titles);
    let list = format!("urls-source \"opml\"\nopml-url \"{}\"\n", town.url("/feeds.opml"));
    let (feeds, items) = run("", &list, "list.db");
    assert!(feeds.contains(&"The Harbour Gazette".to_owned()) && feeds.contains(&"Many Hands".to_owned()), "{feeds:?}");
    assert_eq!(items.len(), town.place.articles_with(&["--copies"]).len());
}

#[test]
fn prometheus_reads_the_metrics() {
    let Some(promtool) = installed(&["promtool"]) else { return };
    let town = Town::open();
    // A server adds the time at which it asked; what makes blocks of a file wants it there.
    let timed = |line: &str| if line.starts_with('#') { format!("{line}\n") } else { format!("{line} 1790000000\n") };
    let metrics: String = town.browser.get("/metrics").text().lines().map(timed).collect();
    town.place.write("metrics.txt", metrics);
    let arguments = ["tsdb", "create-blocks-from", "openmetrics", "metrics.txt", "blocks"];
    let ended = Command::new(promtool).args(arguments).current_dir(town.place.path()).output().unwrap();
    assert!(ended.status.success(), "{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
}
