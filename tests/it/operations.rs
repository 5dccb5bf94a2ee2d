//! The archive's care: backups, damage, retention, and what there is to know at a glance.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::place::{Daemon, LONG, Place, mode, rss};
use crate::support::feed::stories;
use crate::support::{Answer, FeedServer};

const TWO: [(&str, &str, &str); 2] =
    [("one", "The bridge opens", "The bridge opens in spring."), ("two", "The ferry stops", "The ferry stops at noon.")];

/// A place that has polled one feed of two articles.
fn polled() -> (Place, FeedServer) {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(rss(&TWO)));
    let place = Place::with_feeds("", &[("harbour", server.url("/feed"))]);
    assert_eq!(place.run(&["poll"]).succeeds(), "1 feed polled: 2 new articles, 0 updated\n");
    (place, server)
}

#[test]
fn a_backup_made_while_a_daemon_writes_is_whole_and_an_archive_of_its_own() {
    let server = FeedServer::start();
    let served = AtomicUsize::new(0);
    server.compute("/feed", move |_| {
        let first = served.fetch_add(20, Ordering::SeqCst);
        let items: Vec<(String, String)> =
            (first..first + 20).map(|number| (format!("g{number}"), "word ".repeat(300) + &number.to_string())).collect();
        let items: Vec<(&str, &str, &str)> = items.iter().map(|(guid, text)| (guid.as_str(), guid.as_str(), text.as_str())).collect();
        Answer::feed(rss(&items))
    });
    let config = Place::config("", &[("busy", server.url("/feed"))]) + "interval = \"1s\"\n";
    let place = Place::new(&config);
    let daemon: Daemon = place.daemon();
    daemon.logs("polled", 1);
    place.run(&["export", "--state", "state", "-o", "first.json"]).succeeds();
    for number in 1..=3 {
        daemon.logs("polled", number + 1);
        let made = place.run(&["db", "backup", "backup.db"]);
        assert!(made.succeeds().ends_with("checked\n"), "{made:?}");
    }
    let held = place.titles();
    daemon.stop();
    assert_eq!(mode(&place.at("backup.db")), 0o600);

    let id = |place: &Place| place.status()["archive"]["id"].as_str().unwrap().to_owned();
    let original = id(&place);
    for leftover in ["gleaner.db-wal", "gleaner.db-shm"] {
        let _ = fs::remove_file(place.at(leftover));
    }
    fs::rename(place.at("backup.db"), place.at("gleaner.db")).unwrap();
    place.run(&["db", "check"]).succeeds();
    let restored = place.titles();
    assert!(restored.len() >= 40 && restored.iter().all(|title| held.contains(title)));
    assert_ne!(id(&place), original);
    let export = place.run(&["export", "--state", "state", "-o", "again.json"]);
    export.succeeds();
    assert!(export.err.contains("everything is exported anew"), "{export:?}");
    // It takes polls again.
    assert!(place.run(&["poll", "--all"]).succeeds().contains("20 new articles"));
}

#[test]
fn an_archive_that_grows_large_enough_for_a_dictionary_keeps_saying_the_same() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1_000)));
    let place = Place::with_feeds("", &[("paper", server.url("/feed"))]);
    place.run(&["poll"]).succeeds();
    let before = place.run(&["export"]).succeeds().to_owned();
    server.on("/feed", Answer::feed(stories(1..=1_001)));
    place.run(&["poll", "--all"]).succeeds();
    let dictionaries: i64 = place.database().query_row("SELECT count(*) FROM dictionary", [], |row| row.get(0)).unwrap();
    assert_eq!(dictionaries, 1);
    place.run(&["db", "check"]).succeeds();
    let after = place.run(&["export"]).succeeds().to_owned();
    let texts = |export: &str| {
        let export: serde_json::Value = serde_json::from_str(export).unwrap();
        export["articles"].as_array().unwrap().iter().map(|article| article["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&before), texts(&after)[..1_000]);
    // A backup takes its dictionaries along.
    place.run(&["db", "backup", "copy.db"]).succeeds();
    fs::remove_file(place.at("gleaner.db")).unwrap();
    fs::rename(place.at("copy.db"), place.at("gleaner.db")).unwrap();
    for leftover in ["gleaner.db-wal", "gleaner.db-shm"] {
        let _ = fs::remove_file(place.at(leftover));
    }
    assert_eq!(place.run(&["export"]).succeeds(), after);
}

#[test]
fn earlier_backups_are_kept_by_number_and_the_oldest_goes() {
    let (place, _server) = polled();
    place.write("backups/gleaner.db.7", "another's");
    for _ in 0..5 {
        place.run(&["db", "backup", "--keep", "3", "backups/gleaner.db"]).succeeds();
    }
    let mut names: Vec<String> =
        fs::read_dir(place.at("backups")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["gleaner.db", "gleaner.db.1", "gleaner.db.2", "gleaner.db.7"]);
}

#[test]
fn a_backup_that_cannot_be_made_changes_nothing() {
    let (place, _server) = polled();
    place.run(&["db", "backup", "gleaner.db"]).fails(1, "is the archive itself");
    place.run(&["db", "backup", "nowhere/backup.db"]).fails(1, "cannot write the backup");
    fs::create_dir(place.at("folder")).unwrap();
    place.run(&["db", "backup", "folder"]).fails(1, "it is a folder");
    place.write("backup.db", "yesterday's");
    place.database().execute("UPDATE body SET content = x'01ff'", []).unwrap();
    let failed = place.run(&["db", "backup", "backup.db"]);
    failed.fails(1, "the archive is damaged, so no backup was made");
    assert!(failed.out.contains("cannot be read"), "{failed:?}");
    assert_eq!(fs::read_to_string(place.at("backup.db")).unwrap(), "yesterday's");
    assert_eq!(
        fs::read_dir(place.at(""))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".gleaner"))
            .count(),
        0
    );
}

/// A zstd frame (RFC 8878 §3.1.1) of one raw block.
fn frame(content: &str, dictionary: Option<u8>) -> Vec<u8> {
    let size = u8::try_from(content.len()).unwrap();
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20 + u8::from(dictionary.is_some())];
    frame.extend(dictionary);
    frame.push(size);
    frame.extend_from_slice(&((u32::from(size) << 3) | 1).to_le_bytes()[..3]);
    frame.extend_from_slice(content.as_bytes());
    frame
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn check_finds_each_kind_of_damage() {
    let draft = r#"{"title":"","authors":[],"reading_time_minutes":1,"word_count":0,"text":"","html":"","completeness":"full","provenance":{},"categories":[],"enclosures":[]}"#;
    let not_an_entry = format!("UPDATE body SET content = x'01{}' WHERE rowid = 1", hex(&frame(&format!("{draft}\n9"), None)));
    let strange = format!("UPDATE body SET content = x'01{}' WHERE rowid = 1", hex(&frame(draft, Some(77))));
    let whole = "the archive is whole: 2 articles, 4 bodies, entries and revisions, the search index in step\n";
    for (damage, statements, said) in [
        ("none", "", ""),
        ("a torn body", "UPDATE body SET content = substr(content, 1, 20) WHERE rowid = 1", "bodies: the body of article "),
        ("a raw entry that is none", &not_an_entry, "bodies: the raw entry of article "),
        ("a body packed with a dictionary that is gone", &strange, "bodies: the body of article "),
        ("a dictionary that is none", "INSERT INTO dictionary VALUES (77, 0, x'00')", "dictionaries: dictionary 77 cannot be read"),
        ("a body is gone", "DELETE FROM body WHERE rowid = 1", "articles: article "),
        ("a sighting is gone", "DELETE FROM sighting WHERE rowid = 1", "references: "),
        (
            "an article is not indexed",
            "DELETE FROM article_tokens WHERE rowid = 1",
            "search: the search index does not hold the words of article ",
        ),
        (
            "an article is indexed by other words",
            "INSERT OR REPLACE INTO article_tokens (rowid, tokens) VALUES (1, 'other words')",
            "search: the search index does not hold the words of article ",
        ),
        (
            "the index holds what is not there",
            "INSERT INTO article_tokens (rowid, tokens) VALUES (77, 'words')",
            "search: the search index holds article number 77",
        ),
        ("a torn memory of the last document", "UPDATE coverage_base SET base = '{'", "coverage: what the next document of harbour"),
        (
            "a finding that is none",
            "INSERT INTO coverage_finding (feed, until_at, from_at, gap, cause) VALUES (1, 5, 9, 1, 'turnover')",
            "coverage: a finding of harbour is none: from 9 to 5",
        ),
        ("a change number was never given", "UPDATE archive SET change = 0", "articles: an article has the change number "),
    ] {
        let (place, _server) = polled();
        let database = place.database();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        database.execute_batch(statements).unwrap();
        drop(database);
        let checked = place.run(&["db", "check"]);
        if said.is_empty() {
            assert_eq!(checked.succeeds(), whole);
        } else {
            checked.fails(1, "is damaged; restore a backup");
            assert!(checked.out.lines().any(|line| line.contains(said)), "{damage}: {checked:?}");
        }
    }
}

#[test]
fn check_finds_torn_pages() {
    let (place, _server) = polled();
    let database = place.database();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let root: i64 = database.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'sighting'", [], |row| row.get(0)).unwrap();
    let size: i64 = database.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(database);
    let mut file = fs::File::options().write(true).open(place.at("gleaner.db")).unwrap();
    file.seek(SeekFrom::Start(u64::try_from((root - 1) * size).unwrap())).unwrap();
    file.write_all(&[0x5a; 64]).unwrap();
    drop(file);
    let checked = place.run(&["db", "check"]);
    assert_eq!(checked.status, 1, "{checked:?}");
    assert!(checked.out.contains("file: "), "{checked:?}");
}

/// Makes all articles old.
fn age(place: &Place) {
    place.database().execute("UPDATE article SET first_seen = first_seen - 400 * 86400000", []).unwrap();
}

#[test]
fn what_retention_removed_does_not_come_back_while_a_feed_carries_it() {
    let server = FeedServer::start();
    let place = Place::with_feeds("", &[("harbour", server.url("/feed")), ("planet", server.url("/planet"))]);
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    server.on("/feed", Answer::feed(rss(&TWO)));
    server.on("/planet", Answer::feed(rss(&[])));
    place.run(&["poll"]).succeeds();
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "retention is \"forever\": nothing is removed\n");
    place.write("gleaner.toml", &config.replace("[database]", "[database]\nretention = \"365d\""));
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "0 articles removed that were first seen more than 365d ago\n");
    age(&place);
    place.run(&["export", "--state", "state"]).succeeds();
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "harbour: 2 removed\n2 articles removed that were first seen more than 365d ago\n");
    assert!(place.titles().is_empty());
    assert_eq!(place.run(&["search", "bridge"]).out, "");
    place.run(&["db", "check"]).succeeds();
    for table in ["body", "revision", "article_tokens"] {
        let rows: i64 = place.database().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    // Housekeeping is no retraction: who follows the archive is told of nothing.
    assert_eq!(place.run(&["export", "--state", "state", "--format", "ndjson"]).succeeds(), "");

    let edited = ("one", "The bridge opens", "The bridge opens in spring, after a winter of repairs.");
    for (what, items, new) in [
        ("the same again", TWO.to_vec(), 0),
        ("an entry is edited", vec![edited, TWO[1]], 0),
        ("another joins", vec![edited, TWO[1], ("three", "A new quay", "The new quay is ready.")], 1),
        ("one leaves", vec![TWO[1]], 0),
        ("… and comes back", vec![edited, TWO[1]], 0),
    ] {
        server.on("/feed", Answer::feed(rss(&items)));
        server.on("/planet", Answer::feed(rss(&items)));
        let polled = place.run(&["poll", "--all"]);
        let articles = if new == 1 { "article" } else { "articles" };
        assert!(polled.succeeds().contains(&format!(": {new} new {articles}, 0 updated\n")), "{what}: {polled:?}");
        place.run(&["db", "check"]).succeeds();
    }
    assert_eq!(place.titles(), ["A new quay"]);
    assert_eq!(place.run(&["db", "prune"]).succeeds(), "0 articles removed that were first seen more than 365d ago\n");
}

#[test]
fn a_key_that_a_removed_article_had_does_not_hide_another_story() {
    let server = FeedServer::start();
    let place = Place::with_feeds("retention_here", &[("numbered", server.url("/feed"))]);
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &config.replace("retention_here", "").replace("[database]", "[database]\nretention = \"365d\""));
    let item = |link: &str, date: &str, title: &str, text: &str| {
        format!(
            "<rss version=\"2.0\"><channel><title>N</title><link>https://n.example/</link><item><guid isPermaLink=\"false\">1</guid>\
             <link>https://n.example/{link}</link><pubDate>{date}</pubDate><title>{title}</title><description>{text}</description></item></channel></rss>"
        )
    };
    server.on("/feed", Answer::feed(item("a", "Mon, 06 Jan 2025 08:00:00 GMT", "Bridge opens", "The old bridge opens again in spring")));
    place.run(&["poll"]).succeeds();
    age(&place);
    assert!(place.run(&["db", "prune"]).succeeds().starts_with("numbered: 1 removed\n"));
    server.on(
        "/feed",
        Answer::feed(item("b", "Tue, 07 Jan 2025 08:00:00 GMT", "Council votes", "Members voted late about taxes for hotels")),
    );
    assert!(place.run(&["poll", "--all"]).succeeds().contains("1 new article"));
    assert_eq!(place.titles(), ["Council votes"]);
}

#[test]
fn a_month_after_an_entry_left_its_feeds_nothing_of_it_is_kept() {
    let (place, server) = polled();
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &config.replace("[database]", "[database]\nretention = \"365d\""));
    age(&place);
    place.run(&["db", "prune"]).succeeds();
    server.on("/feed", Answer::feed(rss(&TWO[..1])));
    place.run(&["poll", "--all"]).succeeds();
    let rows = |table: &str| place.database().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap();
    place.run(&["db", "prune"]).succeeds();
    assert_eq!(rows("article"), 2, "it left a moment ago");
    let month = 31_i64 * 86_400_000;
    place.database().execute("UPDATE sighting SET left_at = left_at - ?1", [month]).unwrap();
    place.database().execute("UPDATE article SET removed_at = removed_at - ?1", [month]).unwrap();
    place.run(&["db", "prune"]).succeeds();
    assert_eq!((rows("article"), rows("sighting")), (1, 1), "one is still in its feed");
    assert_eq!(
        rows("entry_key"),
        place.database().query_row("SELECT count(*) FROM entry_key JOIN article USING (article)", [], |row| row.get::<_, i64>(0)).unwrap()
    );
    place.run(&["db", "check"]).succeeds();
    assert!(place.run(&["poll", "--all"]).succeeds().contains(" 0 new articles"));
}

#[test]
fn copies_of_a_removed_article_have_another_earliest() {
    let server = FeedServer::start();
    let long = "The council of the harbour town met on Monday evening. ".repeat(8);
    for (path, site) in [("/a", "a"), ("/b", "b"), ("/c", "c")] {
        let day = path.as_bytes()[1] - b'a' + 1;
        server.on(
            path,
            Answer::feed(format!(
                "<rss version=\"2.0\"><channel><title>{site}</title><link>https://{site}.example/</link><item><link>https://{site}.example/story</link>\
                 <pubDate>0{day} Jan 2025 08:00:00 GMT</pubDate><title>Council meets</title><description>{long}</description></item></channel></rss>"
            )),
        );
    }
    let feeds = [("a", server.url("/a")), ("b", server.url("/b")), ("c", server.url("/c"))];
    let place = Place::with_feeds("", &feeds);
    let config = fs::read_to_string(place.at("gleaner.toml")).unwrap();
    place.write("gleaner.toml", &config.replace("[database]", "[database]\nretention = \"365d\""));
    place.run(&["poll"]).succeeds();
    let exported = |place: &Place| -> Vec<serde_json::Value> {
        let export = place.run(&["export", "--format", "ndjson"]);
        export.succeeds().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let before = exported(&place);
    assert_eq!((before.len(), before[0]["copies"].as_array().unwrap().len()), (1, 2));
    place.database().execute("UPDATE article SET first_seen = 0 WHERE id = ?1", [before[0]["id"].as_str().unwrap()]).unwrap();
    assert!(place.run(&["db", "prune"]).succeeds().starts_with("a: 1 removed\n"));
    let after = exported(&place);
    assert_eq!((after.len(), after[0]["copies"].as_array().unwrap().len()), (1, 1));
    assert_eq!(after[0]["url"], "https://b.example/story");
    place.run(&["db", "check"]).succeeds();
}

#[test]
fn status_shows_the_archive_and_what_needs_care() {
    let server = FeedServer::start();
    server.on("/good", Answer::feed(rss(&TWO)));
    server.on("/bad", Answer::status(500));
    let feeds = [("good", server.url("/good")), ("bad", server.url("/bad"))];
    let place = Place::with_feeds("", &feeds);
    place.run(&["status", "--check"]).fails(1, "one thing needs care");
    assert!(place.run(&["status"]).succeeds().contains("none yet at"));

    place.run(&["poll", "good"]).succeeds();
    let shown = place.run(&["status", "--check"]);
    for words in [
        "2 articles of 1 feeds",
        "today last: 0 0 0 0 0 0 2",
        "poller    not running",
        "1 ok, 0 failing, 1 not polled yet, 0 disabled",
        "next poll ",
    ] {
        assert!(shown.succeeds().contains(words), "{words}: {shown:?}");
    }

    place.run(&["poll", "bad"]).succeeds();
    let failing = place.run(&["status", "--check"]);
    failing.fails(1, "one thing needs care");
    assert!(failing.out.contains("failing   bad since ") && failing.out.contains("care      bad fails since "), "{failing:?}");
    let status = place.status();
    assert_eq!(status["archive"]["articles"], 2);
    assert_eq!(status["poller"]["running"], false);
    assert_eq!(status["failing"][0]["feed"], "bad");
    assert_eq!(status["failing"][0]["http_status"], 500);
    assert_eq!(status["needs_care"].as_array().unwrap().len(), 1);

    let daemon = place.daemon();
    let status = place.status();
    assert_eq!(status["poller"]["running"], true);
    assert!(status["poller"]["pid"].as_u64().unwrap() > 1);
    assert!(place.run(&["status"]).succeeds().contains("poller    running (process "));
    daemon.stop();
}

#[test]
fn the_daemon_feeds_its_watchdog_only_while_the_writer_works() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(rss(&TWO)));
    let config = Place::config("", &[("harbour", server.url("/feed"))]) + "interval = \"1s\"\n";
    let place = Place::new(&config);
    let daemon = place.daemon_with(&[("WATCHDOG_USEC", "300000")]);
    daemon.hears("WATCHDOG=1");
    let database = place.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The next poll holds the writer up; from then on nothing is heard.
    let began = std::time::Instant::now();
    let quiet = std::time::Duration::from_secs(2);
    let mut last = began;
    while last.elapsed() < quiet {
        assert!(began.elapsed() < LONG, "the watchdog is fed though the writer is stuck");
        if daemon.told(quiet.saturating_sub(last.elapsed())).is_some_and(|told| told.contains("WATCHDOG=1")) {
            last = std::time::Instant::now();
        }
    }
    database.execute_batch("ROLLBACK").unwrap();
    daemon.hears("WATCHDOG=1");
    daemon.stop();
}
