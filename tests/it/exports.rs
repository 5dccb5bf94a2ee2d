//! What comes out: each format from one archive, any slice of it, the same bytes each time, safe on the disk.

use std::fs;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::{Answer, FeedServer, Item, Place, SETTINGS, rss, stories, strings};

const FORMATS: [&str; 8] = ["json", "ndjson", "jsonfeed", "atom", "opml", "csv", "markdown", "text"];

const FEEDS: [(&str, &str, &str); 3] = [
    ("gazette", include_str!("../fixtures/exports/gazette.rss"), "\"lowlands\", \"english\""),
    ("kurier", include_str!("../fixtures/exports/kurier.atom"), "\"lowlands\""),
    ("kawa", include_str!("../fixtures/exports/kawa.json"), ""),
];

const FERRY: &str = "Ferry & bridge share a timetable";
const GRAIN: &str = "Agency: Grain harvest above the average of ten years";
const GRAIN_COPY: &str = "Grain harvest above the average of ten years";
const MUSEUM: &str = "Museum opens the dyke reeve's attic";
const DYKE: &str = "Der Deich wird höher – und grüner";
const BOAT: &str = "渡し船、四月に再開";
/// The one without a date: it stands where it was first seen.
const NOTE: &str = "短い知らせ";

fn new_place() -> Place {
    let mut config = SETTINGS.to_owned();
    for (name, _, tags) in FEEDS {
        config.push_str(&format!("\n[[feed]]\nname = \"{name}\"\nurl = \"file:{name}.feed\"\ntags = [{tags}]\n"));
    }
    let place = Place::with_config(&config);
    for (name, document, _) in FEEDS {
        place.write(&format!("{name}.feed"), document);
    }
    assert_eq!(place.poll_counts(), (7, 0));
    place
}

/// The archive that all tests which only read share.
static ARCHIVE: LazyLock<Place> = LazyLock::new(new_place);

#[track_caller]
fn titles(filters: &[&str]) -> Vec<String> {
    strings(&ARCHIVE.articles_with(filters), "title")
}

/// Without what differs from run to run: times of now, this archive's id, its folder.
fn settled(output: &str) -> String {
    // The fixtures' dates lie in 2024, what is stamped by the clock later.
    let stamps = [
        (r"20(2[5-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20(2[5-9]|[3-9]\d) \d\d:\d\d:\d\d GMT", "[time]"),
        (r"urn:gleaner:archive:[0-9a-f]{32}", "urn:gleaner:archive:[id]"),
    ];
    let mut settled = output.replace(ARCHIVE.path().to_str().unwrap(), "[folder]");
    for (pattern, stand_in) in stamps {
        settled = regex::Regex::new(pattern).unwrap().replace_all(&settled, stand_in).into_owned();
    }
    settled
}

#[test]
fn each_format_gives_the_archive_as_its_snapshot_shows() {
    for format in FORMATS {
        let ended = ARCHIVE.run(&["export", "--format", format]);
        insta::assert_snapshot!(format, settled(ended.succeeds()));
        assert!(ended.err.starts_with("6 articles, 1 "), "{}", ended.err);
    }
}

#[test]
fn the_same_archive_gives_the_same_bytes() {
    for format in FORMATS {
        let first = ARCHIVE.run(&["export", "--format", format, "--copies"]);
        let again = ARCHIVE.run(&["export", "--format", format, "--copies"]);
        assert_eq!(first.succeeds(), again.succeeds(), "{format}");
    }
}

#[test]
fn json_is_valid_by_the_schema_that_the_program_prints() {
    let schema: Value = serde_json::from_str(ARCHIVE.run(&["schema"]).succeeds()).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    for options in [&[][..], &["--copies"], &["--copies", "--revisions"], &["--limit", "0"]] {
        let document: Value = serde_json::from_str(ARCHIVE.run(&[&["export"], options].concat()).succeeds()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, [""; 0], "{options:?}");
        assert_eq!(document["schema"], "gleaner.articles.v1");
    }
    let wrong = json!({"schema": "gleaner.articles.v1", "articles": [{"id": "short"}]});
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn ndjson_is_the_articles_of_json_one_a_line() {
    let lines = ARCHIVE.run(&["export", "--format", "ndjson", "--copies"]);
    let lines: Vec<Value> = lines.succeeds().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, ARCHIVE.articles());
}

#[test]
fn the_order_is_oldest_first_and_in_feeds_newest_first() {
    let oldest_first = [FERRY, GRAIN, GRAIN_COPY, MUSEUM, DYKE, BOAT, NOTE];
    assert_eq!(titles(&["--copies"]), oldest_first);
    let feed: Value = serde_json::from_str(ARCHIVE.run(&["export", "--format", "jsonfeed", "--copies"]).succeeds()).unwrap();
    let mut newest_first = strings(feed["items"].as_array().unwrap(), "title");
    newest_first.reverse();
    assert_eq!(newest_first, oldest_first);
    let atom = ARCHIVE.run(&["export", "--format", "atom"]).out;
    assert!(atom.find(BOAT) < atom.find(DYKE) && atom.find(DYKE) < atom.find(MUSEUM), "{atom}");
}

#[test]
fn filters_give_their_slice() {
    for (filters, want) in [
        (&["--since", "2024-03-03"][..], &[MUSEUM, DYKE, BOAT, NOTE][..]),
        (&["--since", "2024-03-03T16:45:00Z"], &[MUSEUM, DYKE, BOAT, NOTE]),
        (&["--since", "2024-03-03T16:45:01Z"], &[DYKE, BOAT, NOTE]),
        (&["--until", "2024-03-03T16:45:00Z"], &[FERRY, GRAIN]),
        (&["--since", "2024-03-03", "--until", "2024-03-05"], &[MUSEUM, DYKE]),
        (&["--since", "1d"], &[NOTE]),
        (&["--until", "1d", "--limit", "1"], &[BOAT]),
        (&["--feed", "kurier"], &[GRAIN_COPY, DYKE]),
        (&["--feed", "kurier", "--feed", "kawa"], &[GRAIN_COPY, DYKE, BOAT, NOTE]),
        (&["--tag", "english"], &[FERRY, GRAIN, MUSEUM]),
        (&["--tag", "lowlands"], &[FERRY, GRAIN, MUSEUM, DYKE]),
        (&["--tag", "lowlands", "--feed", "kurier"], &[GRAIN_COPY, DYKE]),
        (&["--language", "de"], &[DYKE]),
        (&["--language", "en"], &[FERRY, GRAIN, MUSEUM]),
        (&["--language", "en-GB"], &[FERRY, GRAIN, MUSEUM]),
        (&["--language", "EN-gb", "--language", "ja"], &[FERRY, GRAIN, MUSEUM, BOAT, NOTE]),
        (&["--language", "fr"], &[]),
        (&["--query", "bridge"], &[FERRY]),
        (&["--query", "\"heavy soils\""], &[GRAIN]),
        (&["--query", "\"soils heavy\""], &[]),
        (&["--query", "staff writer"], &[FERRY, MUSEUM]),
        (&["--query", "渡し船"], &[BOAT]),
        (&["--limit", "2"], &[BOAT, NOTE]),
        (&["--limit", "1", "--feed", "gazette"], &[MUSEUM]),
        (&["--limit", "0"], &[]),
        (&["--limit", "99"], &[FERRY, GRAIN, MUSEUM, DYKE, BOAT, NOTE]),
        (&["--copies", "--query", "barley"], &[GRAIN, GRAIN_COPY]),
    ] {
        assert_eq!(titles(filters), want, "{filters:?}");
        // A filter means the same in each format.
        let count = |format: &str| ARCHIVE.run(&[&["export", "--format", format], filters].concat()).succeeds().to_owned();
        assert_eq!(count("ndjson").lines().count(), want.len(), "{filters:?}");
        assert_eq!(count("opml").matches("type=\"link\"").count(), want.len(), "{filters:?}");
        assert_eq!(count("atom").matches("<entry").count(), want.len(), "{filters:?}");
    }
}

#[test]
fn of_copies_the_earliest_that_passes_is_given_and_names_the_others() {
    let all = ARCHIVE.run(&["export", "--format", "json"]);
    let document: Value = serde_json::from_str(all.succeeds()).unwrap();
    let grain = document["articles"].as_array().unwrap().iter().find(|article| article["title"] == GRAIN).unwrap();
    assert_eq!(grain["copies"][0]["url"], "https://kurier.example/2024/agentur");
    assert_eq!((&grain["copies"][0]["similarity"], &grain["duplicate_of"]), (&json!(1.0), &Value::Null));
    assert!(all.err.starts_with("6 articles, 1 ") && all.err.contains("--copies"), "{}", all.err);

    let with_copies = ARCHIVE.run(&["export", "--copies"]);
    assert_eq!(with_copies.err, "7 articles\n");
    // Where the earlier one does not pass the filters, the copy is what there is.
    let copy = &ARCHIVE.articles_with(&["--feed", "kurier", "--query", "grain"])[0];
    assert_eq!((&copy["title"], &copy["duplicate_of"]), (&json!(GRAIN_COPY), &grain["id"]));
    assert_eq!(ARCHIVE.run(&["export", "--feed", "kurier"]).err, "2 articles\n");
    assert_eq!(ARCHIVE.run(&["export", "-q"]).err, "");
}

#[test]
fn o_replaces_a_file_whole_or_not_at_all() {
    let place = new_place();
    let stdout = place.run(&["export"]).out;
    place.write("out.json", "old");
    let ended = place.run(&["export", "-o", "out.json"]);
    assert_eq!(ended.succeeds(), "", "the file has it all");
    assert_eq!(place.read("out.json"), stdout);
    // A failure in the middle: an article that cannot be read.
    place.database().execute("UPDATE body SET content = x'00' WHERE sighting = (SELECT max(sighting) FROM body)", []).unwrap();
    for output in ["out.json", "new.json"] {
        let failed = place.run(&["export", "--copies", "-o", output]);
        assert_eq!(failed.status, 1, "{failed:?}");
    }
    assert_eq!(place.read("out.json"), stdout);
    let names: Vec<String> = fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("json"))
        .collect();
    assert_eq!(names, ["out.json"], "no temporary file stays behind");
}

#[test]
fn an_incremental_export_gives_all_then_nothing_then_what_changed() {
    let server = FeedServer::start();
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    let export = || {
        let ended = place.run(&["export", "--format", "ndjson", "--state", "state.json"]);
        let lines: Vec<Value> = ended.succeeds().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        strings(&lines, "title")
    };
    server.on("/feed", Answer::feed(stories(1..=3)));
    place.poll();
    assert_eq!(export(), ["Story 1", "Story 2", "Story 3"]);
    assert_eq!(export(), [""; 0]);
    place.poll();
    assert_eq!(export(), [""; 0], "a poll that finds nothing new changes nothing");
    let edited = [Item::story(4), Item::story(3), Item::story(2).title("Story 2, corrected"), Item::story(1)];
    server.on("/feed", Answer::feed(rss(&edited)));
    place.poll();
    assert_eq!(export(), ["Story 2, corrected", "Story 4"]);
    assert_eq!(export(), [""; 0]);
}

#[test]
fn a_state_is_written_only_after_its_export_is_whole() {
    let place = new_place();
    place.run(&["export", "--state", "state.json", "-o", "missing-folder/out.json"]).fails(1, &["missing-folder/out.json"]);
    assert!(!place.at("state.json").exists());
    let full = place.run(&["export", "--state", "state.json", "-o", "/dev/full"]);
    full.fails(1, &["/dev/full"]);
    assert!(!place.at("state.json").exists());
    place.shell("$GLEANER export --state state.json --format text | head -c 1").succeeds();
    let lines = place.run(&["export", "--format", "ndjson", "--state", "state.json"]);
    if lines.out.is_empty() {
        // The pipe took all before its reader left: then the export was whole.
        assert!(place.at("state.json").exists());
    } else {
        assert_eq!(lines.out.lines().count(), 6);
    }
}

#[test]
fn a_state_of_another_archive_starts_anew_and_says_so() {
    let place = new_place();
    place.run(&["export", "--format", "ndjson", "--state", "state.json"]).succeeds();
    let other = new_place();
    fs::copy(place.at("state.json"), other.at("state.json")).unwrap();
    let ended = other.run(&["export", "--format", "ndjson", "--state", "state.json"]);
    assert_eq!(ended.succeeds().lines().count(), 6);
    assert!(ended.err.contains("another archive") && ended.err.contains("anew"), "{}", ended.err);
    assert_eq!(other.run(&["export", "--format", "ndjson", "--state", "state.json"]).succeeds(), "");
}

#[test]
fn a_state_of_other_filters_is_refused() {
    let place = new_place();
    place.run(&["export", "--state", "state.json", "--feed", "kawa"]).succeeds();
    let before = place.read("state.json");
    place.run(&["export", "--state", "state.json"]).fails(1, &["state.json", "--feed kawa"]);
    place.run(&["export", "--state", "gleaner.toml"]).fails(1, &["gleaner.toml", "not a state file"]);
    assert_eq!(place.read("state.json"), before);
}

/// What one archive exports, another one that subscribes to it has.
fn subscribed(format: &str) -> (Vec<Value>, Vec<Value>) {
    let server = FeedServer::start();
    let exported = ARCHIVE.run(&["export", "--format", format, "--copies"]);
    server.on("/feed", Answer::ok(exported.succeeds()));
    let reader = Place::with_feeds([("gleaner", server.url("/feed"))]);
    assert_eq!(reader.poll_counts(), (7, 0));
    assert_eq!(reader.poll_counts(), (0, 0));
    let by_title = |mut articles: Vec<Value>| {
        articles.sort_by_key(|article| article["title"].to_string());
        articles
    };
    (by_title(ARCHIVE.articles()), by_title(reader.articles()))
}

#[track_caller]
fn same(ours: &[Value], theirs: &[Value], keys: &[&str]) {
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        for key in keys {
            assert_eq!(ours[*key], theirs[*key], "{key} of {}", ours["title"]);
        }
    }
}

/// All that a feed's entry can say of an article.
const CARRIED: [&str; 10] =
    ["title", "url", "authors", "published", "text", "word_count", "reading_time_minutes", "categories", "enclosures", "language"];

#[test]
fn an_export_as_json_feed_is_subscribed_to_without_loss() {
    let (ours, theirs) = subscribed("jsonfeed");
    same(&ours, &theirs, &CARRIED);
    same(&ours, &theirs, &["updated", "summary", "html"]);
}

#[test]
fn an_export_as_atom_is_subscribed_to_without_loss() {
    let (ours, theirs) = subscribed("atom");
    same(&ours, &theirs, &CARRIED);
    same(&ours, &theirs, &["summary", "html", "image", "site", "site_url"]);
    // Atom needs a date of change: where the source says none, another stands for it.
    for (ours, theirs) in ours.iter().zip(&theirs) {
        if !ours["updated"].is_null() {
            assert_eq!(ours["updated"], theirs["updated"]);
        }
    }
}

#[test]
fn opml_of_articles_can_be_imported_as_a_feed_list() {
    let place = Place::with_config("feed_lists = [\"feeds.toml\"]\n");
    place.write("feeds.toml", "");
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    let source = Place::with_feeds([("paper", server.url("/feed"))]);
    source.poll();
    let opml = source.run(&["export", "--format", "opml"]);
    assert_eq!(opml.succeeds().matches("type=\"link\"").count(), 2);
    place.write("articles.opml", &opml.out);
    let imported = place.run(&["feeds", "import", "articles.opml"]);
    assert!(imported.succeeds().contains("1 added"), "{imported:?}");
    assert!(place.read("feeds.toml").contains(&format!("url = \"{}\"", server.url("/feed"))));
    assert_eq!(place.run(&["check"]).succeeds().lines().last(), Some("feeds.toml: 1 feed"));
}

#[test]
fn csv_has_a_line_of_names_and_a_record_an_article() {
    let csv = ARCHIVE.run(&["export", "--format", "csv", "--copies"]);
    let mut reader = csv::Reader::from_reader(csv.succeeds().as_bytes());
    let headers = reader.headers().unwrap().clone();
    let title = headers.iter().position(|name| name == "title").unwrap();
    let titles: Vec<String> = reader.records().map(|record| record.unwrap()[title].to_owned()).collect();
    assert_eq!(titles, [FERRY, GRAIN, GRAIN_COPY, MUSEUM, DYKE, BOAT, NOTE]);
}

#[test]
fn an_empty_archive_exports_an_empty_document_of_each_format() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(rss(&[])));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    assert_eq!(place.poll_counts(), (0, 0));
    for format in FORMATS {
        let ended = place.run(&["export", "--format", format]);
        let out = ended.succeeds();
        assert_eq!(ended.err, "0 articles\n");
        match format {
            "json" => assert_eq!(serde_json::from_str::<Value>(out).unwrap(), json!({"schema": "gleaner.articles.v1", "articles": []})),
            "jsonfeed" => assert_eq!(serde_json::from_str::<Value>(out).unwrap()["items"], json!([])),
            "atom" => assert!(out.contains("</feed>") && !out.contains("<entry"), "{out}"),
            "opml" => assert!(out.contains("</opml>") && !out.contains("type=\"link\""), "{out}"),
            "csv" => assert_eq!(out.lines().count(), 1, "{out}"),
            _ => assert_eq!(out, "", "{format}"),
        }
    }
}

#[test]
fn an_export_beside_a_poller_is_one_moments_picture() {
    let server = FeedServer::start();
    // Each poll adds ten stories in one transaction: no export may hold a part of them.
    let polls = std::sync::atomic::AtomicU32::new(0);
    server.compute("/feed", move |_| Answer::feed(stories(1..=10 * (polls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1))));
    let place = Place::with_feeds([("paper", server.url("/feed"))]);
    place.poll();
    std::thread::scope(|scope| {
        let poller = scope.spawn(|| {
            for _ in 0..6 {
                place.poll();
            }
        });
        while !poller.is_finished() {
            let count = place.articles().len();
            assert!(count > 0 && count.is_multiple_of(10), "{count}");
        }
    });
    assert_eq!(place.articles().len(), 70);
}
