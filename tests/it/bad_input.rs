//! Whatever is wrong gets one clear error that says what to do, exit status 1 or 2 as documented, and changes nothing.

use std::fs;
use std::path::Path;

use crate::support::{Answer, Ended, FeedServer, Place, SETTINGS, stories, with_feeds};

/// Runs it, and nothing in the folder may be another afterwards.
#[track_caller]
fn refused(place: &Place, arguments: &[&str], status: i32, words: &[&str]) -> Ended {
    let before = place.everything();
    let ended = place.run(arguments);
    ended.fails(status, words);
    let after = place.everything();
    let names = |files: &[(std::path::PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "{arguments:?}");
    assert!(before == after, "{arguments:?} changed a file");
    ended
}

/// … and says so in one line.
#[track_caller]
fn refused_in_one_line(place: &Place, arguments: &[&str], status: i32, words: &[&str]) {
    let ended = refused(place, arguments, status, words);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.starts_with("gleaner: "), "{}", ended.err);
}

/// An archive of two stories, and the server that it came from.
fn archive() -> (FeedServer, Place) {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (2, 0));
    (server, place)
}

const WRITING: [&[&str]; 2] = [&["poll"], &["run"]];
const READING: [&[&str]; 4] = [&["export"], &["search", "story"], &["show", "a"], &["feeds", "list"]];

fn all_commands() -> impl Iterator<Item = &'static [&'static str]> {
    WRITING.into_iter().chain(READING)
}

#[test]
fn a_config_that_is_not_there_is_named() {
    let place = Place::with_config("");
    fs::remove_file(place.at("gleaner.toml")).unwrap();
    for command in all_commands() {
        refused(&place, command, 2, &["gleaner.toml", "no such file"]);
    }
}

#[test]
fn a_config_that_cannot_be_read_is_named() {
    let place = Place::with_config("");
    fs::write(place.at("gleaner.toml"), b"# caf\xe9\n").unwrap();
    refused(&place, &["poll"], 2, &["gleaner.toml"]);
    fs::remove_file(place.at("gleaner.toml")).unwrap();
    fs::create_dir(place.at("gleaner.toml")).unwrap();
    refused(&place, &["poll"], 2, &["gleaner.toml"]);
}

#[test]
fn a_mistake_in_the_config_is_shown_in_its_place_by_every_command() {
    for (mistake, words) in [
        ("[fetch]\ntimeot = \"30s\"\n", &["gleaner.toml:2:1", "`timeot`", "did you mean `timeout`?"][..]),
        ("[fetch]\ntimeout = 30\n", &["gleaner.toml:2:11", "timeout"]),
        ("[fetch]\ntimeout = \"30 parsecs\"\n", &["gleaner.toml:2:11", "30 parsecs"]),
        ("[fetch]\ntimeout = \"30s\n", &["gleaner.toml:2:"]),
        ("feed_lists = [\"none.toml\"]\n", &["gleaner.toml:1:15", "none.toml"]),
        ("[[feed]]\nurl = \"https://a.example/\"\n[[feed]]\nurl = \"https://a.example/\"\n", &["gleaner.toml:4:"]),
        ("[[feed]]\nname = \"no address\"\n", &["gleaner.toml:1:", "url"]),
    ] {
        let place = Place::with_config(mistake);
        for command in all_commands() {
            refused(&place, command, 2, words);
        }
    }
}

#[test]
fn what_is_no_archive_is_refused_and_left_as_it_is() {
    let page = "This is a letter, long enough that it could be taken for a file of sixteen bytes or more.";
    for (what, make, words) in [
        ("a folder", Box::new(|path: &Path| fs::create_dir(path).unwrap()) as Box<dyn Fn(&Path)>, "it is a folder"),
        ("a text", Box::new(move |path: &Path| fs::write(path, page).unwrap()), "not a SQLite database"),
        ("a short text", Box::new(|path: &Path| fs::write(path, "x").unwrap()), "not a SQLite database"),
        (
            "another program's database",
            Box::new(|path: &Path| {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute_batch("CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('x');").unwrap();
            }),
            "another program's database",
        ),
        (
            "another program's database with a version of its own",
            Box::new(|path: &Path| {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute_batch("CREATE TABLE feed (url TEXT); PRAGMA user_version = 1; PRAGMA application_id = 7;").unwrap();
            }),
            "another program's database",
        ),
    ] {
        let place = Place::with_config(SETTINGS);
        make(&place.at("gleaner.db"));
        for command in all_commands() {
            // The folder's lock file may be made: it says who polls.
            let before = place.everything();
            let ended = place.run(command);
            ended.fails(1, &["gleaner.db", "is not an archive of Gleaner", words]);
            assert_eq!(ended.err.lines().count(), 1, "{what}: {}", ended.err);
            let after: Vec<_> = place.everything().into_iter().filter(|(path, _)| !path.ends_with("gleaner.db-lock")).collect();
            let before: Vec<_> = before.into_iter().filter(|(path, _)| !path.ends_with("gleaner.db-lock")).collect();
            assert!(before == after, "{what}: {command:?} changed a file");
        }
    }
}

#[test]
fn an_archive_of_a_newer_gleaner_is_refused_and_left_as_it_is() {
    let (_server, place) = archive();
    place.database().execute_batch("PRAGMA user_version = 999").unwrap();
    for command in all_commands() {
        refused_in_one_line(&place, command, 1, &["gleaner.db", "newer Gleaner", "upgrade"]);
    }
    place.database().execute_batch("PRAGMA user_version = 1").unwrap();
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn a_damaged_archive_is_an_error_that_says_so() {
    let (_server, place) = archive();
    let whole = fs::read(place.at("gleaner.db")).unwrap();
    // All pages but the first are overwritten.
    let mut damaged = whole.clone();
    damaged[8192..].fill(0x5a);
    place.write("gleaner.db", &damaged);
    let ended = place.run(&["export"]);
    ended.fails(1, &["gleaner.db", "damaged", "restore a backup"]);
    place.run(&["poll", "--all"]).fails(1, &["gleaner.db"]);
    // Cut in the middle.
    place.write("gleaner.db", &whole[..whole.len() / 2]);
    place.run(&["export"]).fails(1, &["gleaner.db"]);
    place.write("gleaner.db", &whole);
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn an_archive_below_something_that_is_no_folder_cannot_be_made() {
    let place = Place::with_config(&SETTINGS.replace("gleaner.db", "gleaner.toml/deeper/gleaner.db"));
    for command in WRITING {
        refused_in_one_line(&place, command, 1, &["cannot open the archive", "gleaner.toml/deeper"]);
    }
}

#[test]
fn reading_before_the_first_poll_says_how_to_begin() {
    let place = Place::with_config(SETTINGS);
    for command in [&["export"][..], &["search", "story"], &["show", "a"]] {
        refused_in_one_line(&place, command, 1, &["no archive", "gleaner.db", "`gleaner poll`"]);
    }
    place.run(&["feeds", "list"]).succeeds();
    assert!(!place.at("gleaner.db").exists());
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let (server, place) = archive();
    let asked = server.requests().len();
    refused_in_one_line(&place, &["poll", "papr"], 2, &["`papr`", "did you mean `paper`?"]);
    refused_in_one_line(&place, &["poll", "paper", "zzz"], 2, &["`zzz`"]);
    refused_in_one_line(&place, &["export", "--feed", "papr"], 2, &["`papr`", "did you mean `paper`?"]);
    refused_in_one_line(&place, &["export", "--tag", "world"], 2, &["`world`"]);
    refused_in_one_line(&place, &["show", "aaaaaaaaaaaaaaaaaaaaaaaaaa"], 1, &["no article `aaaaaaaaaaaaaaaaaaaaaaaaaa`"]);
    refused_in_one_line(&place, &["show", ""], 1, &["no article"]);
    assert_eq!(server.requests().len(), asked, "nothing was polled");
}

#[test]
fn a_command_line_that_means_nothing_is_refused() {
    let (_server, place) = archive();
    for (command, words) in [
        (&["export", "--since", "yesterday"][..], &["yesterday", "2026-01-31", "7d"][..]),
        (&["export", "--until", "2024-02-30"], &["2024-02-30"]),
        (&["export", "--format", "xml"], &["xml", "json", "atom"]),
        (&["export", "--limit", "-3"], &["-3"]),
        (&["export", "--limit", "3", "--state", "s"], &["--limit", "--state"]),
        (&["export", "--query", "..."], &["no word to search for"]),
        (&["exprt"], &["exprt", "export"]),
        (&["export", "--sinc", "7d"], &["--sinc", "--since"]),
        (&["poll", "paper", "--all"], &["--all"]),
        (&["poll", "-q", "-v"], &["--quiet", "--verbose"]),
        (&["show"], &["<ID>"]),
        (&["search"], &["<QUERY>"]),
        (&[], &["Usage"]),
    ] {
        refused(&place, command, 2, words);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let (_server, place) = archive();
    for output in ["none/out.json", ".", "gleaner.toml/out.json"] {
        refused_in_one_line(&place, &["export", "-o", output], 1, &["cannot write"]);
    }
    refused_in_one_line(&place, &["export", "-o", "/dev/full"], 1, &["cannot write /dev/full", "No space left"]);
    for command in
        ["export", "export --format text", "search story", "show $ID", "feeds list", "schema", "poll --all --json", "feeds export"]
    {
        let id = place.articles()[0]["id"].as_str().unwrap().to_owned();
        let ended = place.shell(&format!("ID={id}; $GLEANER {command} > /dev/full"));
        ended.fails(1, &["No space left"]);
        assert!(ended.err.lines().filter(|line| line.starts_with("gleaner: ")).count() == 1, "{command}: {}", ended.err);
    }
}

#[test]
fn who_has_read_enough_is_no_failure() {
    let server = FeedServer::start();
    // More than a pipe holds.
    server.on("/feed", Answer::feed(stories(1..=300)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    for command in [
        "export",
        "export --format ndjson",
        "export --format atom",
        "export --format text",
        "search --limit 300 story",
        "search --json --limit 300 story",
        "schema",
        "completions bash",
        "man",
        "feeds list --json",
    ] {
        // The first reader leaves after a line, the second at once.
        for reader in ["head -n 1", "true"] {
            let status = "status"; // a pipeline's own status is that of its last command
            let ended = place.shell(&format!("{{ $GLEANER -q {command}; echo $? > {status}; }} | {reader}"));
            ended.succeeds();
            assert_eq!(ended.err, "", "{command} | {reader}");
            assert_eq!(place.read(status), "0\n", "{command} | {reader}");
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_that_was_there_and_the_next_poll_brings_the_rest() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    let before = place.articles();
    server.on("/feed", Answer::feed(stories(1..=400)).etag("\"400\"").conditional());
    // No file may grow beyond what the archive has now: to a program that is a disk without space.
    let blocks = fs::metadata(place.at("gleaner.db")).unwrap().len() / 512;
    let ended = place.shell(&format!("trap '' XFSZ; ulimit -f {blocks}; exec $GLEANER poll --all --json"));
    ended.fails(1, &["cannot write the archive", "gleaner.db"]);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert_eq!(place.articles(), before);
    let (new, _) = place.poll_counts();
    assert_eq!(new, 398, "what the archive could not take comes again");
    let check: String = place.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_secret_that_is_missing_is_a_mistake_of_the_config_and_one_that_is_spoilt_fails_its_feed_alone() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=1)));
    server.on("/other", Answer::feed(stories(2..=2)));
    let feeds = [("open", server.url("/feed")), ("closed", server.url("/other"))];
    let place = Place::with_config(&format!("{}token_file = \"feed.token\"\n", with_feeds(SETTINGS, feeds)));
    refused(&place, &["poll"], 2, &["gleaner.toml:", "feed.token"]);
    place.write("feed.token", "two\u{1}words");
    let lines = place.poll();
    assert_eq!(lines[0]["feed"], "closed");
    let error = lines[0]["error"].as_str().unwrap();
    assert!(error.contains("feed.token") && !error.contains("words"), "the file is named, the secret is not: {error}");
    assert_eq!(lines[1]["new"], 1);
    assert_eq!(server.requests_to("/other").len(), 0);
}

#[test]
fn parse_says_what_is_wrong_with_a_document() {
    let place = Place::with_config("");
    place.write("page.html", "<!DOCTYPE html><title>A page</title>");
    place.write("empty.xml", "");
    refused(&place, &["parse", "none.xml"], 1, &["none.xml"]);
    refused(&place, &["parse", "page.html"], 1, &["HTML page"]);
    refused(&place, &["parse", "empty.xml"], 1, &["empty"]);
    refused(&place, &["parse", "."], 1, &["."]);
    refused(&place, &["parse", "--now", "soon", "page.html"], 2, &["soon"]);
    place.write("feed.xml", stories(1..=1));
    assert!(place.shell("$GLEANER parse - < feed.xml").succeeds().contains("\"title\":\"Story 1\""));
}
