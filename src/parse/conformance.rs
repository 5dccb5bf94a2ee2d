//! What other parsers read from a document, ours reads too: the cases of `tests/fixtures/parse/conformance`, whose
//! expectations come from feedparser, and feed-rs on an ordinary document.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::*;
use crate::article::Draft;
use crate::normalise::{NormaliseSettings, normalise};

const URL: &str = "https://feeds.example.org/news/feed.xml";

#[derive(Deserialize)]
struct Case {
    name: String,
    content_type: Option<String>,
    document: Option<String>,
    base64: Option<String>,
    expect: Expected,
}

#[derive(Deserialize)]
struct Expected {
    title: Option<String>,
    entries: Vec<ExpectedEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedEntry {
    title: Option<String>,
    link: Option<String>,
    guid: Option<String>,
    author: Option<String>,
    date: Option<i64>,
    body: Option<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    enclosures: Vec<String>,
}

/// Letters and digits alone.
fn letters(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

impl Case {
    fn body(&self) -> Vec<u8> {
        match (&self.document, &self.base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(bytes)) => data_encoding::BASE64.decode(bytes.as_bytes()).unwrap(),
            (None, None) => panic!("{} has no document", self.name),
        }
    }
}

/// The cases of each kind.
fn cases() -> Vec<(String, Vec<Case>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parse/conformance");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let cases = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (file.file_stem().unwrap().to_string_lossy().into_owned(), cases)
    };
    files.into_iter().map(read).collect()
}

fn settings() -> NormaliseSettings {
    NormaliseSettings { reading_speed: 180, feed_language: None, now: DateTime::from_timestamp(1_795_600_000, 0).unwrap() }
}

/// The fields in which a case fails.
fn failures(case: &Case) -> Vec<String> {
    let document = match parse(&case.body(), &Url::parse(URL).unwrap(), case.content_type.as_deref()) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    let mut failures = Vec::new();
    if let Some(title) = &case.expect.title
        && document.feed.title.as_deref().map(letters).as_ref() != Some(title)
    {
        failures.push(format!("feed title {:?}", document.feed.title));
    }
    let expected: Vec<_> = case.expect.entries.iter().collect();
    if document.entries.len() != expected.len() {
        failures.push(format!("{} entries", document.entries.len()));
    }
    for (entry, expected) in document.entries.iter().zip(expected) {
        let (draft, _) = normalise(entry, &document.feed, &settings());
        compare(entry, &draft, expected, &mut failures);
    }
    failures
}

fn compare(entry: &Entry, draft: &Draft, expected: &ExpectedEntry, failures: &mut Vec<String>) {
    let mut check = |field: &str, holds: bool, got: String| {
        if !holds {
            failures.push(format!("{field} {got}"));
        }
    };
    check("title", expected.title.as_ref().is_none_or(|title| letters(&draft.title) == *title), draft.title.clone());
    check("link", expected.link.is_none() || draft.url == expected.link, format!("{:?}", draft.url));
    check("guid", expected.guid.is_none() || entry.guid == expected.guid, format!("{:?}", entry.guid));
    let author = |author: &String| draft.authors.iter().any(|name| letters(name) == *author);
    check("author", expected.author.as_ref().is_none_or(author), format!("{:?}", draft.authors));
    let dates = [draft.published, draft.updated].map(|at| at.map(|at| at.timestamp()));
    check("date", expected.date.is_none_or(|date| dates.contains(&Some(date))), format!("{dates:?}"));
    check("body", expected.body.as_ref().is_none_or(|body| letters(&draft.text) == *body), draft.text.clone());
    let terms: Vec<String> = draft.categories.iter().map(|term| letters(term)).collect();
    check("categories", expected.categories.iter().all(|term| terms.contains(term)), format!("{terms:?}"));
    let urls: Vec<_> = draft.enclosures.iter().map(|enclosure| enclosure.url.clone()).collect();
    check("enclosures", urls == expected.enclosures || expected.enclosures.is_empty(), format!("{urls:?}"));
}

#[test]
fn every_conformance_case_reads_as_feedparser_reads_it() {
    let mut wrong = Vec::new();
    let mut table = String::new();
    for (kind, cases) in cases() {
        let mut passed = 0;
        for case in &cases {
            let failures = failures(case);
            if failures.is_empty() {
                passed += 1;
            } else {
                wrong.push(format!("{kind}/{}: {}", case.name, failures.join("; ")));
            }
        }
        table += &format!("{kind:<20} {passed:>4} of {:>4}\n", cases.len());
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_not_given_to_feed_rs_reads_as_it_would_read_it() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for (kind, cases) in cases() {
        for case in &cases {
            let url = Url::parse(URL).unwrap();
            let body = case.body();
            let text = charset::decode(&body, case.content_type.as_deref()).text;
            let Some(prolog) = prolog::read(&text) else { continue };
            let root = text.get(prolog.root..).unwrap_or_default();
            let Ok(found) = reader::read(root, &url, &prolog.entities) else { continue };
            let is_given = found.undeclared.is_empty() && prolog.entities.is_empty() && found.deepest <= model::DEEPEST;
            let texts = if is_given { model::read(root, &url) } else { continue };
            if texts.len() != found.entries.len() {
                continue;
            }
            for (facts, texts) in found.entries.iter().zip(texts) {
                for (constructs, theirs) in [(&facts.contents, texts.content), (&facts.descriptions, texts.summary)] {
                    let ([alone], Some(theirs)) = (&constructs[..], theirs) else { continue };
                    // What mark-up stands in a text never came from feed-rs.
                    let has_elements = alone.inner.contains('<') && !alone.inner.contains("<![CDATA[");
                    if alone.wants_reading()
                        || has_elements
                        || alone.has_html_names()
                        || !matches!(alone.form, construct::Form::Text | construct::Form::Html)
                    {
                        continue;
                    }
                    let ours = alone.markup(&prolog.entities).map(|(Markup::Text(ours) | Markup::Html(ours))| ours).unwrap_or_default();
                    compared += 1;
                    if ours != construct::mended(theirs.trim().to_owned()) {
                        wrong.push(format!("{kind}/{}: {:?}: {ours:?} {theirs:?}", case.name, alone.inner));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "{compared}");
}

#[test]
fn an_ordinary_document_reads_as_feed_rs_reads_it() {
    let rss = "<?xml version=\"1.0\"?><rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\"><channel>\
        <title>Feed</title><link>https://example.org/</link>\
        <item><title>One &amp; two</title><link>https://example.org/1</link><guid>https://example.org/g1</guid>\
        <description>Short &lt;b&gt;one&lt;/b&gt;</description><content:encoded><![CDATA[<p>Long &amp; <i>rich</i></p>]]></content:encoded>\
        <pubDate>Thu, 01 Jan 2004 19:48:21 GMT</pubDate><category>Gleaning</category></item>\
        <item><title>Next</title><link>https://example.org/2</link><description>Other</description></item></channel></rss>";
    let atom = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Feed</title><link href=\"https://example.org/\"/><id>urn:feed</id>\
        <entry><title type=\"html\">One &amp;amp; two</title><link href=\"https://example.org/1\"/><id>urn:1</id>\
        <published>2004-01-01T19:48:21Z</published><summary>Short</summary><content type=\"html\">&lt;p>Long&lt;/p></content>\
        <category term=\"gleaning\"/></entry></feed>";
    for text in [rss, atom] {
        let peer = feed_rs::parser::parse(text.as_bytes()).unwrap();
        let ours = parse(text.as_bytes(), &Url::parse(URL).unwrap(), None).unwrap();
        assert_eq!(ours.feed.title, peer.title.map(|title| title.content));
        assert_eq!(ours.entries.len(), peer.entries.len());
        for (ours, peer) in ours.entries.into_iter().zip(peer.entries) {
            let content = |markup: Option<Markup>| markup.map(|(Markup::Text(text) | Markup::Html(text))| text);
            assert_eq!(content(ours.title), peer.title.map(|title| title.content));
            assert_eq!(ours.link, Some(peer.links[0].href.clone()));
            assert!(ours.guid.is_none() || ours.guid == Some(peer.id));
            assert_eq!(ours.published.and_then(|stamp| stamp.at), peer.published);
            let peer_summary = peer.summary.map(|summary| summary.content);
            match peer.content {
                Some(body) => {
                    assert_eq!(content(ours.content), body.body);
                    assert_eq!(content(ours.summary), peer_summary);
                }
                // Where RSS has one text only, it is the body.
                None => assert_eq!(content(ours.content), peer_summary),
            }
            let terms: Vec<_> = ours.categories.into_iter().map(|category| category.term).collect();
            assert_eq!(terms, peer.categories.into_iter().map(|category| category.term).collect::<Vec<_>>());
        }
    }
}

/// The documents of all cases.
static BODIES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| cases().iter().flat_map(|(_, cases)| cases).map(Case::body).collect());

/// A document of the cases, damaged: bytes replaced, a part left out or doubled, another document's part put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"<>&;'\"/=![]-?\x00\xffa ".to_vec())), 0..6);
    let part = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4u8);
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), bytes, part).prop_map(|(document, other, bytes, (from, to, how))| {
        let mut body = document.get(&BODIES).clone();
        let (from, to) = (from.index(body.len()), to.index(body.len()));
        let (from, to) = (from.min(to), from.max(to));
        match how {
            0 => drop(body.drain(from..to)),
            1 => body.truncate(to),
            2 => {
                let part = body[from..to].to_vec();
                body.splice(to..to, part);
            }
            _ => {
                let other = other.get(&BODIES);
                body.splice(from..to, other[..other.len() / 2].iter().copied());
            }
        }
        for (place, byte) in bytes {
            if !body.is_empty() {
                let place = place.index(body.len());
                body[place] = byte;
            }
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_document_becomes_articles_or_an_error_and_always_the_same(body in damaged()) {
        let url = Url::parse(URL).unwrap();
        let read = || parse(&body, &url, None);
        let once = read();
        prop_assert_eq!(&once, &read());
        if let Ok(document) = once {
            for entry in &document.entries {
                let drafts = [normalise(entry, &document.feed, &settings()), normalise(entry, &document.feed, &settings())];
                prop_assert_eq!(&drafts[0], &drafts[1]);
            }
        }
    }
}
