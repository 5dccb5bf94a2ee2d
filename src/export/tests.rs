//! What holds for every format.

use clap::ValueEnum;
use proptest::prelude::*;

use super::*;

#[test]
fn each_format_writes_what_its_snapshot_shows() {
    fixture::with_snapshots(|| {
        for (format, name) in [
            (Format::Json, "json.json"),
            (Format::Ndjson, "ndjson.ndjson"),
            (Format::Jsonfeed, "jsonfeed.json"),
            (Format::Atom, "atom.xml"),
            (Format::Opml, "opml.opml"),
            (Format::Csv, "csv.csv"),
            (Format::Markdown, "markdown.md"),
            (Format::Text, "text.txt"),
        ] {
            insta::assert_binary_snapshot!(name, fixture::export(format, &fixture::articles()));
        }
    });
}

#[test]
fn the_same_articles_give_the_same_bytes() {
    for format in Format::value_variants() {
        assert_eq!(fixture::export(*format, &fixture::articles()), fixture::export(*format, &fixture::articles()));
    }
}

#[test]
fn a_full_disk_is_an_error_of_the_export() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 < bytes.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.0 -= bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for format in Format::value_variants() {
        let whole = fixture::export(*format, &fixture::articles()).len();
        for room in [0, 1, whole / 2, whole - 1] {
            let mut writer = writer(*format, Box::new(Full(room)));
            let articles = fixture::articles().into_iter().map(Ok::<_, io::Error>);
            let error = write_all(writer.as_mut(), &fixture::head(), articles, []).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{format:?} {room}");
        }
    }
}

#[test]
fn an_error_of_the_archive_ends_the_export() {
    let mut writer = writer(Format::Json, Box::new(io::sink()));
    let articles = [Ok(fixture::full()), Err(io::Error::other("the archive is broken"))];
    assert!(write_all(writer.as_mut(), &Head::default(), articles, []).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn xml_formats_are_well_formed_whatever_an_article_holds(articles in prop::collection::vec(fixture::any_article(), 0..3)) {
        for format in [Format::Atom, Format::Opml] {
            let bytes = fixture::export(format, &articles);
            let mut reader = quick_xml::Reader::from_reader(bytes.as_slice());
            reader.config_mut().check_end_names = true;
            let mut buffer = Vec::new();
            loop {
                buffer.clear();
                let event = reader.read_event_into(&mut buffer);
                prop_assert!(event.is_ok(), "{:?} {:?}", format, event);
                if matches!(event, Ok(quick_xml::events::Event::Eof)) {
                    break;
                }
            }
            let text = String::from_utf8(bytes).unwrap();
            let illegal = |c: char| (c < ' ' && c != '\n' && c != '\t') || c == '\u{fffe}' || c == '\u{ffff}';
            prop_assert!(!text.contains(illegal), "{:?}", text);
        }
    }

    #[test]
    fn feeds_can_be_read_again_whatever_an_article_holds(articles in prop::collection::vec(fixture::any_article(), 0..3)) {
        for format in [Format::Atom, Format::Jsonfeed] {
            let feed = feed_rs::parser::parse(fixture::export(format, &articles).as_slice());
            prop_assert_eq!(feed.map(|feed| feed.entries.len()).ok(), Some(articles.len()));
        }
    }
}
