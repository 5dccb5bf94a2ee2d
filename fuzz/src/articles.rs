//! Any bytes with any media type as a feed document. The input's first line is the HTTP header `Content-Type`.

use std::collections::HashSet;

use chrono::{DateTime, Duration, Utc};
use gleaner::article::html::sanitise;
use gleaner::article::{Article, summary, words};
use gleaner::cli::parse::report;
use gleaner::parse::{Entry, ParseError, parse};
use url::Url;

use super::{export, header_and_body, html};

/// The same bytes give the same articles, each valid by the schema and harmless, and what was kept of an entry makes
/// the article again.
pub fn check(data: &[u8]) {
    let (content_type, body) = header_and_body(data);
    let url = address("https://news.example.org/feeds/world.xml");
    let document = parse(body, &url, content_type.as_deref());
    assert_eq!(parse(body, &url, content_type.as_deref()), document, "parsed twice it differs");
    let document = match document {
        Ok(document) => document,
        Err(ParseError::Html { feeds }) => {
            return feeds.iter().for_each(|feed| assert!(Url::parse(feed).is_ok(), "a page names the feed {feed:?}"));
        }
        Err(ParseError::Empty | ParseError::NotAFeed(_)) => return,
    };
    document.entries.iter().for_each(assert_kept);
    let report_of = |document| report(document, &url, now());
    let found = report_of(document.clone());
    assert_eq!(report_of(document), found, "normalised twice it differs");
    let articles: Vec<Article> = found.articles.into_iter().map(|found| found.article).collect();
    articles.iter().for_each(assert_valid);
    export::assert_reads_back(&articles, now());
}

/// The time of the poll.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_750_000_000, 0).unwrap_or_default()
}

fn address(url: &str) -> Url {
    match Url::parse(url) {
        Ok(url) => url,
        Err(error) => panic!("{url}: {error}"),
    }
}

/// The archive keeps entries as JSON, to make their articles again by better rules.
fn assert_kept(entry: &Entry) {
    let kept = serde_json::to_string(entry).unwrap_or_else(|error| panic!("{error}: {entry:?} cannot be kept"));
    let read: Entry = serde_json::from_str(&kept).unwrap_or_else(|error| panic!("{error}: {kept} cannot be read"));
    assert_eq!(&read, entry, "kept as {kept}");
}

/// What the schema demands, and what its field table promises beyond that.
pub(super) fn assert_valid(article: &Article) {
    let Article { id, title, authors, summary, text, categories, language, .. } = article;
    assert!(id.len() == 26 && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')), "the id {id:?}");

    assert_line(title, "title");
    assert_lines(authors, "authors");
    assert_lines(categories, "categories");
    for (line, field) in [(&article.site, "site"), (&article.rights, "rights"), (summary, "summary"), (language, "language")] {
        if let Some(line) = line {
            assert_line(line, field);
            assert!(!line.is_empty(), "{field} is empty, not null");
        }
    }
    assert!(summary.as_ref().is_none_or(|summary| summary.chars().count() <= summary::MAX_CHARACTERS), "too long a summary: {summary:?}");
    assert!(language.as_ref().is_none_or(|tag| is_language_tag(tag)), "the language {language:?}");

    for (url, field) in [(&article.url, "url"), (&article.image, "image"), (&article.site_url, "site_url"), (&article.license, "license")] {
        if let Some(url) = url {
            let read = Url::parse(url);
            assert!(read.as_ref().is_ok_and(|url| matches!(url.scheme(), "http" | "https")), "{field} is {url:?}");
        }
    }
    article.enclosures.iter().for_each(|enclosure| assert!(Url::parse(&enclosure.url).is_ok(), "the enclosure {enclosure:?}"));
    for date in [article.published, article.updated].into_iter().flatten() {
        assert!(date <= now() + Duration::days(1) && date.timestamp() >= 631_152_000, "the date {date} is not credible");
    }

    assert_eq!(article.word_count, words::measure(text).word_count(), "words of {text:?}");
    assert!(article.reading_time_minutes >= 1 && article.revision == 1);
    // Preformatted text may begin and end in spaces.
    assert!(!text.starts_with('\n') && !text.ends_with('\n') && !text.contains("\n\n\n"), "paragraphs of {text:?}");
    let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(control, None, "a control character in {text:?}");

    html::assert_harmless(&article.html);
    assert_eq!(sanitise(&article.html, None), article.html, "sanitised again it differs");
    let elsewhere = address("https://elsewhere.example.org/a/b?c");
    assert_eq!(sanitise(&article.html, Some(&elsewhere)), article.html, "sanitised elsewhere it differs");
}

/// One line of plain text, folded, with nothing in it that reverses or hides it.
fn assert_line(line: &str, field: &str) {
    assert!(line.trim() == line && !line.contains("  "), "white space in {field}: {line:?}");
    let hidden =
        line.chars().find(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}'));
    assert_eq!(hidden, None, "an invisible character in {field}: {line:?}");
}

fn assert_lines(lines: &[String], field: &str) {
    let mut seen = HashSet::new();
    for line in lines {
        assert_line(line, field);
        assert!(!line.is_empty() && seen.insert(line), "{field} has an empty or repeated line: {lines:?}");
    }
}

/// The form of RFC 5646, section 2.1, loosely.
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let primary = parts.next().is_some_and(|primary| (1..=8).contains(&primary.len()) && primary.bytes().all(|b| b.is_ascii_alphabetic()));
    primary && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
