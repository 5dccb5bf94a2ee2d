//! The archive's own feeds can be subscribed to: what is exported reads back.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use gleaner::article::Article;
use gleaner::cli::parse::report;
use gleaner::export::{Format, Head, write_all, writer};
use gleaner::parse::parse;
use url::Url;

/// Exported as a feed and parsed again, the articles are as many, under the same headlines, addresses and dates.
pub fn assert_reads_back(articles: &[Article], now: DateTime<Utc>) {
    for (format, at) in
        [(Format::Jsonfeed, "https://archive.example.org/feed.json"), (Format::Atom, "https://archive.example.org/feed.atom")]
    {
        let exported = write(format, articles);
        let Ok(url) = Url::parse(at) else { panic!("{at} is no URL") };
        let document = match parse(&exported, &url, Some(format.media_type())) {
            Ok(document) => document,
            Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&exported)),
        };
        assert_eq!(document.warnings, [], "mended: {}", String::from_utf8_lossy(&exported));
        let read = report(document, &url, now).articles;
        assert_eq!(read.len(), articles.len(), "articles of {}", String::from_utf8_lossy(&exported));
        for (read, article) in read.iter().map(|read| &read.article).zip(articles) {
            // What looks like a reference in a headline may be one that was encoded twice.
            let doubtful = article.title.contains('&') || is_garbled(&article.title);
            assert!(read.title == article.title || doubtful, "the headline {:?} in {format:?}", article.title);
            assert_eq!(read.url, article.url, "the address in {format:?}");
            // White space around a body says nothing, and XML cannot keep it.
            if !is_garbled(&article.html) {
                assert_eq!(read.html.trim(), article.html.trim(), "the body in {format:?}");
            }
            assert_eq!(read.published, article.published, "the date in {format:?}");
            // Atom demands a date of change of every entry, also where there was none.
            assert!(read.updated == article.updated || article.updated.is_none(), "the date of change in {format:?}");
        }
    }
}

/// Does it look like UTF-8 that was taken for ISO-8859-1 (`Ã©`)? Parsing mends that where nothing speaks against it.
fn is_garbled(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|c| matches!(std::mem::replace(&mut before, c), '\u{c2}'..='\u{f4}') && matches!(c, '\u{80}'..='\u{bf}'))
}

fn write(format: Format, articles: &[Article]) -> Vec<u8> {
    let mut out = Vec::new();
    let sink: Box<dyn Write + '_> = Box::new(&mut out);
    let written = write_all(writer(format, sink).as_mut(), &Head::default(), articles.iter().cloned().map(Ok::<_, io::Error>), []);
    assert!(written.is_ok(), "{format:?} cannot be written: {written:?}");
    out
}
