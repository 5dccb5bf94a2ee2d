//! What a load accepts, what it fills in, and what it says of mistakes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A folder with files, the first of which is the config file, and the load of it.
fn load_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Config, ConfigError>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let loaded = load_in(&folder.path().join(files[0].0), &surroundings(folder.path()));
    (folder, loaded)
}

fn surroundings(folder: &Path) -> Surroundings {
    Surroundings { current_folder: folder.to_path_buf(), home: Some(folder.join("home")), ..Surroundings::default() }
}

fn load_text(text: &str) -> Result<Config, ConfigError> {
    load_files(&[("gleaner.toml", text)]).1
}

/// `line:column message [help]` of each mistake.
fn mistakes(loaded: Result<Config, ConfigError>) -> Vec<String> {
    let Err(ConfigError::Mistakes(mistakes)) = loaded else { panic!("no mistakes: {loaded:?}") };
    mistakes
        .iter()
        .map(|mistake| {
            let place = mistake.line_and_column().map(|(line, column)| format!("{line}:{column} ")).unwrap_or_default();
            let help = mistake.help.as_ref().map(|help| format!(" [{help}]")).unwrap_or_default();
            format!("{place}{}{help}", mistake.message)
        })
        .collect()
}

/// The number of the first line that reads so.
fn line_of(text: &str, line: &str) -> usize {
    text.lines().position(|other| other == line).unwrap() + 1
}

fn names(config: &Config) -> Vec<&str> {
    config.feeds.iter().map(|feed| feed.name.as_str()).collect()
}

#[test]
fn an_empty_file_has_every_default_of_the_design() {
    let (folder, loaded) = load_files(&[("gleaner.toml", "")]);
    let config = loaded.unwrap();
    assert_eq!(config.database.path, folder.path().join("home/.local/share/gleaner/gleaner.db"));
    assert!(config.database.keep_entries);
    assert_eq!(config.database.retention, None);
    assert!(config.fetch.user_agent.starts_with(concat!("Gleaner/", env!("CARGO_PKG_VERSION"), " (+https://")));
    assert_eq!((config.fetch.concurrency, config.fetch.per_host, config.fetch.max_redirects), (64, 2, 5));
    assert_eq!((config.fetch.max_body, config.fetch.memory), (16 << 20, 32 << 20));
    assert_eq!(config.fetch.timeout, Duration::from_secs(30));
    assert!(!config.fetch.allow_private_networks);
    assert_eq!((config.schedule.interval, config.schedule.min_interval), (30 * MINUTE, 5 * MINUTE));
    assert_eq!(config.schedule.max_interval, 24 * 60 * MINUTE);
    assert_eq!((config.articles.reading_speed, config.articles.similar), (180, 5));
    assert_eq!(config.articles.full_text, FullText::Auto);
    assert_eq!(config.pages.rules, [format!("{}/rules/*.toml", folder.path().display())]);
    assert_eq!(config.http.listen.as_deref(), Some("127.0.0.1:8420"));
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Auto));
    assert!(config.feeds.is_empty() && config.feed_lists.is_empty());
}

#[test]
fn every_key_of_the_design_is_known() {
    let all = r#"
feed_lists = ["feeds.toml"]
[database]
path = "gleaner.db"
keep_entries = false
retention = "365d"
[fetch]
user_agent = "Test/1"
concurrency = 8
per_host = 1
host_delay = "0s"
timeout = "5s"
connect_timeout = "2s"
max_body = "1MiB"
memory = 2097152
max_redirects = 0
proxy = "socks5h://proxy:1080"
headers = { "X-B" = "2", "X-A" = "1" }
allow_private_networks = true
[schedule]
interval = "2s"
min_interval = "1s"
max_interval = "1h"
adaptive = false
retire_after = "1d"
[articles]
reading_speed = 200
full_text = "never"
near_copies = false
similar = 0
languages = ["en", "pt-BR"]
[pages]
host_delay = "1s"
per_host = 2
robots = false
rules = ["r/*.toml", "/no/such/*.toml"]
[http]
listen = "unix:sock"
base_url = "https://news.example.org/"
token_file = "token"
[log]
level = "gleaner=debug,reqwest=warn"
format = "json"
[[filter]]
action = "drop"
field = "title"
matches = "(?i)sponsored"
[[webhook]]
url = "https://example.org/hook"
secret_file = "secret"
tags = ["world"]
feeds = ["all"]
languages = ["en"]
[[feed]]
url = "https://example.org/feed.xml"
name = "all"
title = "Example"
tags = ["world", "a b", "world"]
enabled = false
interval = "1m"
full_text = "always"
identity = "title+date"
language = "en"
headers = { Accept = "text/xml" }
user_agent = "Other/1"
proxy = "http://proxy:3128"
username = "reader"
password_file = "secret"
cookie_file = "secret"
client_certificate = "secret"
client_key = "secret"
max_body = "64MiB"
allow_private_networks = false
filters = [{ action = "keep", field = "category", contains = "C++ (x)" }]
[[feed.opml]]
folders = [{ text = "News" }]
attributes = { text = "E", htmlUrl = "https://example.org/" }
[[feed]]
url = "https://example.org/token"
token_file = "token"
"#;
    let (folder, loaded) = load_files(&[("gleaner.toml", all), ("feeds.toml", "title = \"Mine\"\n"), ("token", "t"), ("secret", "s")]);
    let config = loaded.unwrap();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(config.feed_lists, [at("feeds.toml")]);
    assert_eq!(config.title.as_deref(), Some("Mine"));
    assert_eq!(config.database.path, at("gleaner.db"));
    assert_eq!(config.database.retention, Some(Duration::from_secs(365 * 86_400)));
    assert_eq!(config.fetch.headers, [("X-B".to_owned(), "2".to_owned()), ("X-A".to_owned(), "1".to_owned())]);
    assert_eq!(config.http.listen, Some(format!("unix:{}", at("sock").display())));
    assert_eq!(config.pages.rules, [at("r/*.toml").display().to_string(), "/no/such/*.toml".to_owned()]);
    let feed = &config.feeds[0];
    assert_eq!((feed.name.as_str(), feed.enabled, feed.interval), ("all", false, Some(MINUTE)));
    assert_eq!(feed.tags, ["world", "a b"]);
    assert_eq!((feed.full_text, feed.identity), (Some(FullText::Always), IdentityRule::TitleAndDate));
    assert_eq!(feed.request.password_file, Some(at("secret")));
    assert_eq!(feed.request.max_body, Some(64 << 20));
    assert_eq!(feed.placements[0].folders, [[("text".to_owned(), "News".to_owned())]]);
    assert!(feed.filters[0].pattern.is_match("c++ (X) and more") && !feed.filters[0].pattern.is_match("cc x"));
    assert_eq!((feed.list.as_path(), feed.line), (at("gleaner.toml").as_path(), line_of(all, "[[feed]]")));
    assert_eq!(config.feeds[1].request.token_file, Some(at("token")));
}

#[test]
fn every_mistake_is_told_with_its_place_and_the_nearest_known_name() {
    for (text, want) in [
        (
            "intervall = 1\n[schedule]\nintervall = \"1m\"\n",
            vec![
                "1:1 unknown key `intervall` in the config [known keys: articles, database, feed, feed_lists, fetch, filter, http, log, pages, schedule, webhook]",
                "3:1 unknown key `intervall` in [schedule] [did you mean `interval`?]",
            ],
        ),
        ("[fetchh]\n", vec!["1:2 unknown key `fetchh` in the config [did you mean `fetch`?]"]),
        (
            "[articles]\nfull_text = \"allways\"\n",
            vec!["2:13 `full_text`: unknown value \"allways\" [did you mean `always`? Known values: \"never\", \"auto\", \"always\"]"],
        ),
        (
            "[fetch]\ntimeout = 30\nmax_body = \"8MB\"\nconcurrency = 0\n",
            vec![
                "2:11 `timeout`: a duration needs a unit [write \"30s\" for seconds]",
                "3:12 `max_body`: `8MB` is not a size: write a whole number and KiB, MiB or GiB, as \"8MiB\", or a plain number of bytes",
                "4:15 `concurrency`: must be from 1 to 10000",
            ],
        ),
        (
            "[fetch]\ntimeout = \"soon\"\nallow_private_networks = \"yes\"\n",
            vec![
                "2:11 `timeout`: `soon` is not a duration: write a whole number and s, m, h or d, as \"90s\", \"30m\", \"12h\", \"7d\"",
                "3:26 `allow_private_networks`: expected true or false, found a string",
            ],
        ),
        (
            "fetch = 1\nfeed = \"x\"\n",
            vec!["1:9 `fetch`: expected a table, found a whole number", "2:8 `feed`: expected a list, found a string"],
        ),
        (
            "[schedule]\ninterval = \"10s\"\n",
            vec![
                "2:12 `min_interval` (5m) is longer than `interval` (10s), the default [set `min_interval = \"10s\"` too, if that is meant]",
            ],
        ),
        (
            "[schedule]\nmin_interval = \"1h\"\nmax_interval = \"30m\"\n",
            vec![
                "2:16 `min_interval` (1h) is longer than `interval` (30m), the default [set `interval = \"1h\"` too, if that is meant]",
                "3:16 `min_interval` (1h) is longer than `max_interval` (30m) [set `min_interval = \"30m\"` too, if that is meant]",
            ],
        ),
        ("[schedule]\nmin_interval = \"500ms\"\n", vec!["2:16 `min_interval`: must be at least \"1s\""]),
        (
            "[[filter]]\naction = \"drop\"\nfield = \"title\"\nmatches = \"(\"\n",
            vec!["4:11 `matches`: not a regular expression: unclosed group"],
        ),
        (
            "[[filter]]\naction = \"drop\"\n",
            vec![
                "1:1 a filter without `field`",
                "1:1 a filter without `matches` or `contains` [`matches` is a regular expression, `contains` plain words]",
            ],
        ),
        (
            "[[filter]]\naction = \"drop\"\nfield = \"titel\"\nmatches = \"a\"\ncontains = \"b\"\n",
            vec![
                "3:9 `field`: unknown value \"titel\" [did you mean `title`? Known values: \"title\", \"text\", \"author\", \"category\", \"url\", \"language\"]",
                "5:12 `matches` and `contains` in one filter [keep one of them]",
            ],
        ),
        (
            "[[feed]]\nname = \"a\"\n\n[[feed]]\nurl = \"example.org/feed\"\ninterval = \"1s\"\n",
            vec![
                "1:1 a feed without `url`",
                "5:7 `url`: `example.org/feed` is not a URL: it has no scheme [did you mean `https://example.org/feed`?]",
                "6:12 `interval`: shorter than `min_interval` (5m) [lower `min_interval` in [schedule] too, if that is meant]",
            ],
        ),
        (
            "[[feed]]\nurl = \"https://example.org/\"\nname = \"a\\nb\"\ntag = [\"x\"]\nclient_key = \"gleaner.toml\"\n",
            vec![
                "3:8 `name`: must be one line without control characters",
                "4:1 unknown key `tag` in [[feed]] [did you mean `tags`?]",
                "5:14 `client_key` without `client_certificate`",
            ],
        ),
        (
            "[http]\nlisten = \"8420\"\n",
            vec![
                "2:10 `listen`: `8420` is not an address and a port [as \"127.0.0.1:8420\", \"[::1]:8420\", \"unix:/path\", or \"\" to turn it off]",
            ],
        ),
        (
            "[articles]\nlanguages = [\"en\", 5, \"english language\"]\n",
            vec![
                "2:20 `languages`: expected a string, found a whole number",
                "2:23 `languages`: `english language` is not a language tag [as \"en\", \"pt-BR\" or \"zh-Hant\"]",
            ],
        ),
        (
            "[database]\nurl = \"postgres://u:secret@db/x\"\n",
            vec!["2:7 `url`: a password must not stand in the config [put it into a file and name that as `password_file`]"],
        ),
    ] {
        let found = mistakes(load_text(text));
        assert_eq!(found, want, "{text}");
    }
}

#[test]
fn broken_syntax_is_told_with_each_place_and_nothing_else() {
    let found = mistakes(load_text("[fetch\nintervall = 1\n[log]\nlevel = \n"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("1:7 not TOML: ") && found[1].starts_with("4:"), "{found:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str| load_in(&folder.path().join(name), &surroundings(folder.path()));
    assert_eq!(mistakes(load("nothing.toml")), ["there is no such file"]);
    assert_eq!(mistakes(load(".")), ["this is a folder, not a file"]);
    std::fs::write(folder.path().join("latin1.toml"), b"[log]\nlevel = \"\xe9\"\n").unwrap();
    assert_eq!(mistakes(load("latin1.toml")), ["2:10 the file is not UTF-8 [save it as UTF-8]"]);
}

#[test]
fn a_secret_file_must_be_readable_and_may_be_a_systemd_credential() {
    let text = "[[feed]]\nurl = \"https://example.org/\"\nusername = \"u\"\npassword_file = \"pw\"\n";
    let (folder, loaded) = load_files(&[("gleaner.toml", text)]);
    assert_eq!(mistakes(loaded), [format!("4:17 `password_file`: there is no file {}", folder.path().join("pw").display())]);
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    let with_credentials = Surroundings { credentials_directory: Some(credentials.clone()), ..surroundings(folder.path()) };
    let config_file = folder.path().join("gleaner.toml");
    assert!(mistakes(load_in(&config_file, &with_credentials))[0].contains("nor a credential in"));
    std::fs::write(credentials.join("pw"), "x").unwrap();
    assert_eq!(load_in(&config_file, &with_credentials).unwrap().feeds[0].request.password_file, Some(credentials.join("pw")));
    std::fs::create_dir(folder.path().join("pw")).unwrap();
    assert!(mistakes(load_in(&config_file, &with_credentials))[0].contains("it is a folder"));
}

#[test]
fn a_secret_that_root_alone_may_read_is_taken_as_the_credential_that_systemd_makes_of_it() {
    let text = "[http]\ntoken_file = \"token\"\n";
    let (folder, _) = load_files(&[("gleaner.toml", text), ("token", "x"), ("credentials/token", "x")]);
    let credentials = folder.path().join("credentials");
    let beside = folder.path().join("token");
    std::fs::set_permissions(&beside, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let with_credentials = Surroundings { credentials_directory: Some(credentials.clone()), ..surroundings(folder.path()) };
    // Whoever runs the tests may be root.
    let want = if std::fs::File::open(&beside).is_ok() { beside } else { credentials.join("token") };
    assert_eq!(load_in(&folder.path().join("gleaner.toml"), &with_credentials).unwrap().http.token_file, Some(want));
}

#[test]
fn feed_lists_are_read_in_order_each_once_and_globs_may_match_nothing() {
    let feed = |name: &str| format!("[[feed]]\nurl = \"file:{name}.xml\"\nname = \"{name}\"\n");
    let config = format!("feed_lists = [\"b.toml\", \"lists/*.toml\", \"none/*.toml\", \"*.toml\", \"./b.toml\"]\n{}", feed("own"));
    let (folder, loaded) = load_files(&[
        ("gleaner.toml", &config),
        ("b.toml", &feed("b")),
        ("lists/z.toml", &feed("z")),
        ("lists/a.toml", &feed("a")),
        ("c.toml", &feed("c")),
    ]);
    let config = loaded.unwrap();
    assert_eq!(names(&config), ["own", "b", "a", "z", "c"]);
    assert_eq!(config.feed_lists, ["b.toml", "lists/a.toml", "lists/z.toml", "c.toml"].map(|name| folder.path().join(name)));
    assert_eq!(config.feeds[3].url.to_file_path().unwrap(), folder.path().join("lists/z.xml"), "relative to the list");
}

#[test]
fn a_list_that_is_named_plainly_must_be_a_list() {
    let config = "feed_lists = [\"gone.toml\", \"list.txt\", \"folder\"]\n";
    let (folder, loaded) = load_files(&[("gleaner.toml", config), ("list.txt", ""), ("folder/a.toml", "")]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(
        mistakes(loaded),
        [
            format!(
                "1:15 `feed_lists`: {}: there is no such file [make the file (it may be empty), or take it out of `feed_lists`]",
                at("gone.toml")
            ),
            format!("1:28 `feed_lists`: {} is no feed list [a feed list ends in .toml, .opml or .xml]", at("list.txt")),
            format!("1:40 `feed_lists`: {} is a folder [did you mean `folder/*.toml`?]", at("folder")),
        ]
    );
}

#[test]
fn no_list_is_read_that_is_not_named() {
    let (_, loaded) = load_files(&[("gleaner.toml", ""), ("feeds.toml", "[[feed]]\nurl = \"https://example.org/a\"\n")]);
    assert!(loaded.unwrap().feeds.is_empty());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_file() {
    assert_eq!(names(&load_text("\u{FEFF}[[feed]]\nurl = \"https://example.org/a\"\n").unwrap()), ["example.org/a"]);
}

#[test]
fn a_log_level_is_a_level_or_a_filter_by_module() {
    for good in ["warn", "OFF", "gleaner=debug,reqwest=warn", "info,gleaner::poll=trace", "gleaner[poll{feed=x}]=debug"] {
        assert_eq!(load_text(&format!("[log]\nlevel = \"{good}\"\n")).unwrap().log.level, good);
    }
    let found = mistakes(load_text("[log]\nlevel = \"inof\"\n"));
    assert_eq!(found, ["2:9 `level`: unknown level `inof` [did you mean `info`?]"]);
    assert!(mistakes(load_text("[log]\nlevel = \"gleaner=loud\"\n"))[0].contains("not a tracing filter"));
    assert!(mistakes(load_text("[log]\nlevel = \"gleaner\"\n"))[0].contains("[a module needs a level, as `gleaner=debug`]"));
}

#[test]
fn memory_has_room_for_one_body() {
    let sizes = |text: &str| load_text(&format!("[fetch]\n{text}")).map(|config| (config.fetch.max_body >> 20, config.fetch.memory >> 20));
    assert_eq!(sizes("max_body = \"64MiB\"\n").unwrap(), (64, 64));
    assert_eq!(sizes("memory = \"8MiB\"\n").unwrap(), (8, 8));
    assert!(mistakes(load_text("[fetch]\nmax_body = \"2MiB\"\nmemory = \"1MiB\"\n"))[0].starts_with("3:10 `memory`"));
}

#[test]
fn a_list_holds_feeds_and_a_title_and_nothing_else() {
    let config = "feed_lists = [\"a.toml\"]\n";
    let (_, loaded) = load_files(&[("gleaner.toml", config), ("a.toml", "title = \"A\"\n[schedule]\ninterval = \"1h\"\n")]);
    assert_eq!(mistakes(loaded), ["2:2 unknown key `schedule` in a feed list [known keys: feed, title]"]);
}

#[test]
fn the_list_of_added_feeds_beside_the_database_is_read_like_any_other() {
    let feed = "[[feed]]\nurl = \"https://example.org/added\"\n";
    let (folder, loaded) = load_files(&[("gleaner.toml", "[database]\npath = \"data/x.db\"\n"), ("data/added.toml", feed)]);
    let config = loaded.unwrap();
    assert_eq!(names(&config), ["example.org/added"]);
    assert_eq!(config.feed_lists, [folder.path().join("data/added.toml")]);
}

#[test]
fn two_feeds_of_one_name_are_a_mistake_that_names_both_places() {
    let (folder, loaded) = load_files(&[
        ("gleaner.toml", "feed_lists = [\"a.toml\"]\n[[feed]]\nurl = \"https://example.org/1\"\nname = \"x\"\n"),
        ("a.toml", "\n[[feed]]\nname = \"x\"\nurl = \"https://example.org/2\"\n"),
    ]);
    let other = folder.path().join("gleaner.toml").display().to_string();
    assert_eq!(mistakes(loaded), [format!("4:7 two feeds are named `x`: the other is at {other}:3:7 [give one of them another `name`]")]);
}

#[test]
fn two_feeds_of_one_url_are_a_warning_that_names_both_places() {
    let text = "[[feed]]\nurl = \"https://example.org/a\"\n[[feed]]\nurl = \"http://www.example.org/a/?utm_source=x\"\nname = \"b\"\n";
    let config = load_text(text).unwrap();
    assert_eq!(config.feeds.len(), 2);
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.is_warning() && warning.message.contains("is also the feed `example.org/a`"), "{warning}");
    assert_eq!(warning.line_and_column(), Some((4, 7)));
}

const OPML: &str = r#"<?xml version="1.0"?>
<opml version="1.1" xmlns:x="urn:x"><head><title>Subscriptions</title></head><body>
<outline text="News"><outline title="World" x:open="1">
  <outline text="A" title="The A" xmlUrl="https://a.example/feed" htmlUrl="https://a.example/" language="de" category="/Politik/Inland,Presse"/>
</outline></outline>
<outline title="Only title" XMLURL="feed://b.example/rss" x:rank="3"/>
<outline text="Tech"><outline text="A again" xmlUrl="http://www.a.example/feed/"/></outline>
<outline text="One" xmlUrl="https://v.example/videos.xml?id=1"/>
<outline text="Two" xmlUrl="https://v.example/videos.xml?id=2"/>
</body></opml>"#;

#[test]
fn folders_and_categories_of_an_opml_list_are_tags_and_a_feed_in_two_folders_has_the_tags_of_both() {
    let (folder, loaded) = load_files(&[("gleaner.toml", "feed_lists = [\"s.opml\"]\n"), ("s.opml", OPML)]);
    let config = loaded.unwrap();
    assert_eq!(names(&config), ["a.example/feed", "b.example/rss", "v.example/videos.xml (One)", "v.example/videos.xml (Two)"]);
    let a = &config.feeds[0];
    assert_eq!(a.tags, ["News", "World", "Tech", "Politik", "Inland", "Presse"]);
    assert_eq!((a.title.as_deref(), a.language.as_deref()), (Some("The A"), Some("de")));
    assert_eq!((a.list.clone(), a.line), (folder.path().join("s.opml"), 4));
    let b = &config.feeds[1];
    assert_eq!((b.url.as_str(), b.title.as_deref()), ("http://b.example/rss", Some("Only title")));
    assert_eq!(config.title.as_deref(), Some("Subscriptions"));
}

#[test]
fn an_opml_list_names_no_local_files_and_no_other_schemes() {
    let opml = "<opml><body>\n<outline text=\"a\" xmlUrl=\"file:///etc/passwd\"/>\n<outline xmlUrl=\"exec:rm\"/>\n<outline xmlUrl=\"\"/></body></opml>";
    let (_, loaded) = load_files(&[("gleaner.toml", "feed_lists = [\"s.opml\"]\n"), ("s.opml", opml)]);
    let found = mistakes(loaded);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("2:1 `file:///etc/passwd`: OPML may not name local files"));
    assert_eq!(found[1], "3:1 `exec:rm`: a feed cannot be read by `exec:`");
    assert!(found[2].starts_with("4:1 an outline with an empty `xmlUrl`"));
}

#[test]
fn a_malformed_opml_list_is_told_with_its_place() {
    let (_, loaded) =
        load_files(&[("gleaner.toml", "feed_lists = [\"s.opml\"]\n"), ("s.opml", "<opml><body>\n<outline text=\"a\"></body></opml>")]);
    let found = mistakes(loaded);
    assert!(found.len() == 1 && found[0].starts_with("2:19 not OPML: "), "{found:?}");
}

#[test]
fn the_opml_of_a_list_gives_back_folders_and_unknown_attributes() {
    let (folder, loaded) = load_files(&[("gleaner.toml", "feed_lists = [\"s.opml\"]\n"), ("s.opml", OPML)]);
    let first = loaded.unwrap();
    let written = subscription_list("T", &first.feeds).to_string();
    assert_eq!(
        written,
        r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:x="urn:x">
  <head>
    <title>T</title>
  </head>
  <body>
    <outline text="News">
      <outline title="World" x:open="1">
        <outline type="rss" text="A" title="The A" xmlUrl="https://a.example/feed" htmlUrl="https://a.example/" language="de" category="/Politik/Inland,Presse"/>
      </outline>
    </outline>
    <outline text="Tech">
      <outline type="rss" text="A again" xmlUrl="https://a.example/feed"/>
    </outline>
    <outline type="rss" text="Only title" title="Only title" xmlUrl="http://b.example/rss" x:rank="3"/>
    <outline type="rss" text="One" xmlUrl="https://v.example/videos.xml?id=1"/>
    <outline type="rss" text="Two" xmlUrl="https://v.example/videos.xml?id=2"/>
  </body>
</opml>
"#
    );
    std::fs::write(folder.path().join("s.opml"), &written).unwrap();
    let second = load_in(&folder.path().join("gleaner.toml"), &surroundings(folder.path())).unwrap();
    assert_eq!(names(&second), names(&first));
    assert_eq!(subscription_list("T", &second.feeds).to_string(), written);
    assert_eq!(second.feeds[0].tags, first.feeds[0].tags);
}

#[test]
fn tags_of_toml_feeds_stand_in_opml_as_folder_and_categories_and_come_back_the_same() {
    let list = "[[feed]]\nurl = \"https://u:p@a.example/1\"\ntags = [\"World, daily\", \"b\", \"c/d\", \"e\"]\nenabled = false\n[[feed]]\nurl = \"https://a.example/2\"\n";
    let (folder, loaded) = load_files(&[("gleaner.toml", list)]);
    let first = loaded.unwrap();
    let written = subscription_list("T", &first.feeds).to_string();
    assert!(!written.contains("u:p@"), "credentials stay here");
    std::fs::write(folder.path().join("s.opml"), &written).unwrap();
    std::fs::write(folder.path().join("gleaner.toml"), "feed_lists = [\"s.opml\"]\n").unwrap();
    let second = load_in(&folder.path().join("gleaner.toml"), &surroundings(folder.path())).unwrap();
    let sorted = |tags: &[String]| {
        let mut tags = tags.to_vec();
        tags.sort();
        tags
    };
    assert_eq!(sorted(&second.feeds[0].tags), sorted(&first.feeds[0].tags));
    assert_eq!(names(&second), names(&first));
}

#[test]
fn paths_are_absolute_even_when_the_config_is_named_relatively() {
    let (folder, _) = load_files(&[("sub/gleaner.toml", "[database]\npath = \"./x.db\"\n")]);
    let config = load_in(Path::new("./sub/gleaner.toml"), &surroundings(folder.path())).unwrap();
    assert_eq!(config.file, folder.path().join("sub/gleaner.toml"));
    assert_eq!(config.database.path, PathBuf::from(folder.path()).join("sub/x.db"));
}

#[test]
fn opml_feeds_that_share_address_and_title_but_for_the_query_have_names_that_hang_on_nothing_else() {
    let outline = |id: usize| format!("<outline text='Videos' xmlUrl='https://site.example/feed?id={id}'/>");
    let names = |outlines: String| {
        let opml = format!("<opml version='2.0'><head/><body>{outlines}</body></opml>");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("gleaner.toml"), "feed_lists = [\"list.opml\"]\n").unwrap();
        std::fs::write(folder.path().join("list.opml"), opml).unwrap();
        let config = load(&folder.path().join("gleaner.toml")).unwrap();
        config.feeds.iter().map(|feed| (feed.url.to_string(), feed.name.clone())).collect::<std::collections::BTreeMap<_, _>>()
    };
    let one = names(outline(1) + &outline(2));
    assert!(one.values().all(|name| name.starts_with("site.example/feed (Videos) ")), "{one:?}");
    assert_eq!(one.values().collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert_eq!(names(outline(2) + &outline(1)), one);
}

#[test]
fn a_webhook_s_secret_must_be_one_and_its_url_its_own() {
    let hook = |more: &str| format!("[[webhook]]\nurl = \"https://example.org/hook\"\n{more}\n");
    let with_secret = |content: &str| {
        let config = hook("secret_file = \"key\"");
        mistakes(load_files(&[("gleaner.toml", config.as_str()), ("key", content)]).1)
    };
    let [empty] = &with_secret("\n")[..] else { panic!("one mistake") };
    assert!(empty.starts_with("3:15 `secret_file`: ") && empty.contains("it is empty"), "{empty}");
    let [broken] = &with_secret("whsec_sesame!")[..] else { panic!("one mistake") };
    assert!(broken.contains("not base64") && !broken.contains("sesame"), "{broken}");

    let twice = format!("{}{}", hook(""), hook("").replace("//", "//me:pw@"));
    assert_eq!(
        mistakes(load_files(&[("gleaner.toml", twice.as_str())]).1),
        ["5:7 `url`: two webhooks have this URL [remove one, or give one of them a query of its own]"]
    );
    let apart = format!("{}{}", hook(""), hook("").replace("/hook", "/hook?b"));
    assert_eq!(load_files(&[("gleaner.toml", apart.as_str())]).1.unwrap().webhooks.len(), 2);
}

#[test]
fn a_webhook_that_names_what_no_feed_is_called_is_a_warning() {
    let text = "[[webhook]]\nurl = \"https://example.org/hook\"\nfeeds = [\"wrld\"]\ntags = [\"news\", \"sport\"]\n\
                [[feed]]\nurl = \"https://example.org/feed\"\nname = \"world\"\ntags = [\"news\"]\n";
    let config = load_files(&[("gleaner.toml", text)]).1.unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["`feeds`: no feed is named `wrld`", "`tags`: no feed has the tag `sport`"]);
    assert_eq!(config.warnings[0].line_and_column(), Some((3, 10)));
    assert_eq!(config.webhooks[0].tags, ["news", "sport"]);
}
