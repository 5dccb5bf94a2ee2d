//! Archives of released versions: each can be opened by this one, holds what it held, and takes the next poll.
//!
//! For each release `tests/fixtures/archives` has an archive as that version wrote it, and its export. At a release the
//! one of that version is made by
//!
//! ```sh
//! cargo test --test it make_the_archive_of_this_release -- --ignored
//! ```
//!
//! and committed. It is never made again: what counts is what that version wrote.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Answer, FeedServer, Item, Place, rss, rss_of, with_feeds};

const SETTINGS: &str = crate::support::SETTINGS;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/archives")
}

/// An edited story: its first words and its last.
const EDITS: [&str; 2] =
    ["The ferry will sail at noon, the harbour master says.", "The ferry sailed at one o'clock, an hour after what was said before."];

/// What the feeds of the fixtures show, at first and at last.
fn show(server: &FeedServer, at_last: bool) {
    let long = "The council of the harbour town met on Monday evening to speak of the quay. ".repeat(8);
    let edited = Item::story(1).guid("edited").link("https://paper.example/ferry").title("The ferry").body(EDITS[usize::from(at_last)]);
    let mut paper = vec![
        edited,
        Item::story(2),
        Item::titled("Without a guid").link("https://paper.example/plain").date("02 Mar 2024 08:00:00 GMT").body(&long),
        Item::titled("Neither guid nor link").body("A note of a few words."),
        Item::titled("Hafen, 港, порт").guid("scripts").body("Ein Bericht über den Hafen. 港の話。 О порте."),
    ];
    if at_last {
        paper.push(
            Item::story(3).category("world").raw("<enclosure url=\"https://paper.example/3.mp3\" type=\"audio/mpeg\" length=\"9\"/>"),
        );
    }
    server.on("/paper", Answer::feed(rss(&paper)).etag(if at_last { "\"2\"" } else { "\"1\"" }));
    let copy = Item::titled("The quay").guid("copy").link("https://wire.example/quay").date("03 Mar 2024 08:00:00 GMT").body(&long);
    let other = Item::titled("Wired").guid("wired").link("https://wire.example/wired").body("Only here, and for long.");
    server.on("/wire", Answer::feed(rss_of("The Wire", "https://wire.example/", if at_last { vec![&copy] } else { vec![&other, &copy] })));
    server.on("/broken", Answer::status(500));
}

fn config(server: &FeedServer) -> String {
    with_feeds(SETTINGS, [("paper", server.url("/paper")), ("wire", server.url("/wire")), ("broken", server.url("/broken"))])
}

fn export(place: &Place) -> String {
    place.run(&["export", "--copies", "--revisions", "--format", "ndjson"]).succeeds().to_owned()
}

/// Makes an archive with something of everything, and its export, as `NAME.db.zst` and `NAME.ndjson` in this folder.
fn make(folder: &Path, name: &str) {
    let server = FeedServer::start();
    let place = Place::with_config(&config(&server));
    for at_last in [false, true] {
        show(&server, at_last);
        place.run(&["poll", "--all"]).succeeds();
    }
    let database = place.database();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    database.close().unwrap();
    fs::write(folder.join(format!("{name}.ndjson")), export(&place)).unwrap();
    let packed = zstd::encode_all(&fs::read(place.at("gleaner.db")).unwrap()[..], 19).unwrap();
    fs::write(folder.join(format!("{name}.db.zst")), packed).unwrap();
}

/// Opens that archive with the program of today.
#[track_caller]
fn opens(folder: &Path, name: &str) {
    let server = FeedServer::start();
    let place = Place::with_config(&config(&server));
    let packed = fs::read(folder.join(format!("{name}.db.zst"))).unwrap();
    place.write("gleaner.db", zstd::decode_all(&packed[..]).unwrap());
    place.run(&["db", "check"]).succeeds();

    let articles = |text: &str| text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let held = articles(&fs::read_to_string(folder.join(format!("{name}.ndjson"))).unwrap());
    let found = articles(&export(&place));
    assert!(held.len() >= 7, "{name}: the fixture holds something");
    assert_eq!(found.len(), held.len(), "{name}");
    for (held, found) in held.iter().zip(&found) {
        for (key, value) in held.as_object().unwrap() {
            // A later version may know better which articles are alike; all else stays, and only keys are added.
            if !["similar", "copies", "duplicate_of"].contains(&key.as_str()) {
                assert_eq!(&found[key], value, "{name}: {key} of {}", held["title"]);
            }
        }
    }
    assert!(found.iter().any(|article| article["revision"] == 2), "{name}: revisions are kept");

    // The feeds show what they showed at last: nothing is new, whatever the version that saw it first.
    show(&server, true);
    let lines = place.poll();
    assert!(lines.iter().all(|line| line["new"] == 0 && line["updated"] == 0), "{name}: {lines:#?}");
    assert_eq!(export(&place).lines().count(), held.len());
    place.run(&["db", "check"]).succeeds();
}

/// The versions that the changelog calls released.
fn released() -> Vec<String> {
    let changelog = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md")).unwrap();
    let heads = changelog.lines().filter_map(|line| line.strip_prefix("## [")?.split(']').next());
    heads.filter(|version| version.starts_with(|first: char| first.is_ascii_digit())).map(str::to_owned).collect()
}

#[test]
fn the_archive_of_every_release_opens_holds_what_it_held_and_takes_the_next_poll() {
    for version in released() {
        assert!(
            fixtures().join(format!("{version}.db.zst")).exists(),
            "{version} is released, but has no archive in tests/fixtures/archives: tests/it/faults/archives.rs says how to make it"
        );
        opens(&fixtures(), &version);
    }
}

#[test]
fn an_archive_of_today_passes_what_the_next_versions_will_ask_of_it() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "today");
    opens(folder.path(), "today");
    let size = fs::metadata(folder.path().join("today.db.zst")).unwrap().len();
    assert!(size < 64 << 10, "{size} bytes are much for a repository");
}

#[test]
#[ignore = "makes the fixture of a release, once"]
fn make_the_archive_of_this_release() {
    let version = env!("CARGO_PKG_VERSION");
    fs::create_dir_all(fixtures()).unwrap();
    assert!(!fixtures().join(format!("{version}.db.zst")).exists(), "the archive of {version} is there and stays as it is");
    make(&fixtures(), version);
}
