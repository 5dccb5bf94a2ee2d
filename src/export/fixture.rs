//! Articles that the tests of all formats share: one with every field, one with hardly any, one in scripts other than
//! Latin, one that means harm; and any article at all.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::{FeedOutline, Forgotten, Format, Head, write_all, writer};
use crate::article::{Article, ArticleCopy, Completeness, Enclosure, Origin, Provenance, Sighting, SimilarPost};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn sighting(feed: &str, guid: Option<&str>) -> Sighting {
    Sighting {
        feed: feed.to_owned(),
        feed_title: Some("Example News".to_owned()),
        guid: guid.map(str::to_owned),
        url: Some("https://news.example.org/2025/bridge".to_owned()),
        first_seen: at("2025-01-23T09:40:00Z"),
        last_seen: at("2025-01-25T00:00:00Z"),
    }
}

/// Every field set.
pub(crate) fn full() -> Article {
    Article {
        id: "a".repeat(26),
        url: Some("https://news.example.org/2025/bridge?page=1&view=full".to_owned()),
        title: "The bridge opens again after two years of works".to_owned(),
        authors: vec!["A. Author".to_owned(), "Staff writer".to_owned()],
        published: Some(at("2025-01-23T09:30:00Z")),
        updated: Some(at("2025-01-23T10:00:00.5Z")),
        reading_time_minutes: 3,
        word_count: 401,
        summary: Some("Traffic crosses the river again.".to_owned()),
        text: "Traffic crosses the river again.\n\nThe works took two years & cost more than planned.".to_owned(),
        html: "<p>Traffic crosses the <em>river</em> again.</p><ul><li>One lane</li><li>Two paths</li></ul><p>The works took <a href=\"https://news.example.org/works\">two years</a> &amp; cost more than planned.</p>".to_owned(),
        completeness: Completeness::Full,
        provenance: Provenance { body: Some(Origin::Page), published: Some(Origin::Feed), authors: Some(Origin::Feed) },
        language: Some("en-GB".to_owned()),
        categories: vec!["Region".to_owned(), "Roads & rail".to_owned()],
        image: Some("https://news.example.org/bridge.jpg".to_owned()),
        enclosures: vec![Enclosure {
            url: "https://news.example.org/bridge.mp3".to_owned(),
            media_type: Some("audio/mpeg".to_owned()),
            length: Some(1_234_567),
        }],
        site: Some("Example News".to_owned()),
        site_url: Some("https://news.example.org/".to_owned()),
        rights: Some("Copyright © 2025 Example News. All rights reserved.".to_owned()),
        license: Some("https://creativecommons.org/licenses/by/4.0/".to_owned()),
        similar: vec![
            SimilarPost {
                id: "d".repeat(26),
                title: "Works on the bridge take longer".to_owned(),
                url: Some("https://news.example.org/2024/bridge".to_owned()),
                score: 0.75,
            },
            SimilarPost { id: "e".repeat(26), title: "A note on bridges".to_owned(), url: None, score: 0.25 },
        ],
        duplicate_of: None,
        copies: vec![ArticleCopy {
            id: "f".repeat(26),
            url: Some("https://agency.example.com/bridge".to_owned()),
            site: Some("Example Agency".to_owned()),
            similarity: 1.0,
        }],
        sightings: vec![sighting("example-news", Some("tag:news.example.org,2025:bridge")), sighting("other", None)],
        revision: 2,
        first_seen: Some(at("2025-01-23T09:40:00Z")),
        last_changed: Some(at("2025-01-23T10:05:00Z")),
        revisions: None,
    }
}

/// Null and empty wherever the schema allows it.
pub(crate) fn minimal() -> Article {
    Article {
        id: "2".repeat(26),
        url: None,
        title: String::new(),
        authors: Vec::new(),
        published: None,
        updated: None,
        reading_time_minutes: 1,
        word_count: 0,
        summary: None,
        text: String::new(),
        html: String::new(),
        completeness: Completeness::Unknown,
        provenance: Provenance::default(),
        language: None,
        categories: Vec::new(),
        image: None,
        enclosures: Vec::new(),
        site: None,
        site_url: None,
        rights: None,
        license: None,
        similar: Vec::new(),
        duplicate_of: None,
        copies: Vec::new(),
        sightings: vec![Sighting { feed_title: None, url: None, ..sighting("gone.example.org/feed", Some("1")) }],
        revision: 1,
        first_seen: Some(at("2025-01-24T00:00:00Z")),
        last_changed: Some(at("2025-01-24T00:00:00Z")),
        revisions: None,
    }
}

/// Scripts without spaces, from right to left, and beyond the Basic Multilingual Plane.
fn scripts() -> Article {
    Article {
        id: "c".repeat(26),
        url: Some("https://news.example.org/2025/%E6%A9%8B".to_owned()),
        title: "橋が再び開通 — الجسر يفتح من جديد 🌉".to_owned(),
        authors: vec!["編集部".to_owned(), "هيئة التحرير".to_owned()],
        text: "橋が再び開通した。\n\nالجسر مفتوح.\n\n👩‍👩‍👧 𝕏".to_owned(),
        html: "<p>橋が再び開通した。</p><p dir=\"rtl\">الجسر مفتوح.</p><p>👩‍👩‍👧 𝕏</p>".to_owned(),
        summary: Some("橋が再び開通した。".to_owned()),
        published: Some(at("2025-01-23T23:59:59Z")),
        language: Some("ja".to_owned()),
        categories: vec!["地域".to_owned()],
        site: Some("例のニュース".to_owned()),
        sightings: vec![sighting("example-news", Some("2"))],
        ..minimal()
    }
}

/// What formats break on.
fn hostile() -> Article {
    Article {
        id: "b".repeat(26),
        url: Some("https://news.example.org/?q=%22a%22&b=%27(c)".to_owned()),
        title: "=cmd|'/c calc'!A0 ]]> <b>\"bold\"</b> & 'so' \u{1}on, *stars* # [x](y)".to_owned(),
        authors: vec!["Editor, \"Desk\"".to_owned(), "=1+1".to_owned()],
        text: "First;\tsecond\u{0}\u{b}\u{1b}[31m\u{fffe} third.\n\n---\n\n# Not a heading\u{2028}\u{85}\r\nEnd".to_owned(),
        html: "<p>First ]]&gt; &lt;script&gt; \u{1b}[31m</p><h1># Not \"one\"</h1><pre>```\n---\n</pre>".to_owned(),
        summary: Some("\"Quoted\",\r\nwith a break".to_owned()),
        published: Some(at("2025-01-24T12:00:00Z")),
        categories: vec!["a;b".to_owned(), "c,d".to_owned(), "<e>".to_owned()],
        enclosures: vec![Enclosure { url: "https://news.example.org/x?a=1&b=2".to_owned(), media_type: None, length: None }],
        rights: Some("© <2025> & \"friends\"".to_owned()),
        ..minimal()
    }
}

/// All four, those of one feed together.
pub(crate) fn articles() -> Vec<Article> {
    vec![full(), scripts(), minimal(), hostile()]
}

/// What the tests' exports say at their head.
pub(crate) fn head() -> Head {
    let feed = FeedOutline {
        title: "Example News & more".to_owned(),
        xml_url: "https://news.example.org/feed.xml?edition=world".to_owned(),
        html_url: Some("https://news.example.org/".to_owned()),
    };
    Head {
        title: "Gleaner".to_owned(),
        id: Some("urn:uuid:00000000-0000-4000-8000-000000000000".to_owned()),
        base_url: Some("http://127.0.0.1:8420".to_owned()),
        self_url: None,
        updated: Some(at("2025-01-24T12:34:56Z")),
        incremental: false,
        feeds: HashMap::from([("example-news".to_owned(), feed)]),
    }
}

/// A forgotten article.
pub(crate) fn forgotten() -> Forgotten {
    Forgotten { id: "b".repeat(26), deleted_at: at("2026-02-03T04:05:06Z") }
}

/// The bytes of an export.
pub(crate) fn export_with(format: Format, head: &Head, articles: &[Article], forgotten: &[Forgotten]) -> Vec<u8> {
    let mut bytes = Vec::new();
    {
        let mut writer = writer(format, Box::new(&mut bytes));
        let articles = articles.iter().cloned().map(Ok::<_, std::io::Error>);
        write_all(writer.as_mut(), head, articles, forgotten.iter().cloned().map(Ok)).unwrap();
    }
    bytes
}

/// The same with the usual head.
pub(crate) fn export(format: Format, articles: &[Article]) -> Vec<u8> {
    export_with(format, &head(), articles, &[])
}

/// Runs assertions whose snapshots stand byte for byte in `tests/snapshots/exports`, named by their format alone.
pub(crate) fn with_snapshots(assertions: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/exports"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(assertions);
}

fn any_time() -> impl Strategy<Value = DateTime<Utc>> {
    // The years 1970 to 9999, with fractions of a second now and then.
    (0i64..253_402_300_800, prop_oneof![Just(0u32), 0u32..1_000_000_000])
        .prop_map(|(seconds, nanos)| DateTime::from_timestamp(seconds, nanos).unwrap())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z ,;\"'<>&\r\n\t\u{85}\u{2028}\u{2029}=+@-]{0,40}", Just(String::new())]
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    (any_text(), prop::option::of(any_text()), prop::option::of(any_text()), prop::option::of(any_text()), any_time(), any_time())
        .prop_map(|(feed, feed_title, guid, url, first_seen, last_seen)| Sighting { feed, feed_title, guid, url, first_seen, last_seen })
}

prop_compose! {
    fn any_head()(
        id in "[a-z2-7]{26}",
        title in any_text(),
        text in any_text(),
        html in any_text(),
        url in prop::option::of(any_text()),
        summary in prop::option::of(any_text()),
        authors in prop::collection::vec(any_text(), 0..3),
        categories in prop::collection::vec(any_text(), 0..3),
        published in prop::option::of(any_time()),
        first_seen in any_time(),
        site in prop::option::of(any_text()),
        sightings in prop::collection::vec(any_sighting(), 0..3),
    ) -> Article {
        let first_seen = Some(first_seen);
        Article { id, title, text, html, url, summary, authors, categories, published, first_seen, site, sightings, ..minimal() }
    }
}

prop_compose! {
    /// Any article at all, likely or not.
    pub(crate) fn any_article()(
        article in any_head(),
        rights in prop::option::of(any_text()),
        language in prop::option::of("[a-z]{2}"),
        words in any::<u32>(),
        enclosures in prop::collection::vec((any_text(), prop::option::of(any_text()), prop::option::of(any::<u64>())), 0..2),
        similar in prop::collection::vec(("[a-z2-7]{26}", any_text(), prop::option::of(any_text()), 0u32..=1000), 0..2),
    ) -> Article {
        Article {
            rights,
            language,
            word_count: words,
            enclosures: enclosures.into_iter().map(|(url, media_type, length)| Enclosure { url, media_type, length }).collect(),
            similar: similar.into_iter().map(|(id, title, url, score)| SimilarPost { id, title, url, score: f64::from(score) / 1000.0 }).collect(),
            ..article
        }
    }
}
