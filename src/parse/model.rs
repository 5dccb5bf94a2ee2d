//! feed-rs: the parser of ordinary documents, RSS 0.9x to 2.0, Atom and JSON Feed.
//!
//! It is asked where a text is written in a way that parsers have rules for (references that nobody knows, CDATA beside
//! characters, line ends of other systems), with its inventions switched off (an entry without a guid would
//! get a random one, a date a guess). Of what it gives the bodies and abstracts of the entries are taken. All else of an entry
//! (of several titles, say, it takes the last), and the texts where mark-up stands in them, come from the pass beside it ([`super::reader`],
//! [`super::json`]), which sees what feed-rs drops: bases, languages, raw dates, sources, permalinks, licences. A text that is
//! one CDATA section, or characters with references that are known, comes from that pass as well: there is one way to read it, and most
//! documents have no other, so that they are not read twice.
//!
//! Not every document can be given to it. It descends with the document (a group in a group, a category in a category),
//! and a stack that overflows ends the process; and some values make it panic. So a document must be shallow, and a
//! panic is caught and counts as a refusal. What it refuses is read by the pass alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use feed_rs::model;
use feed_rs::parser::Builder;
use url::Url;

/// Deeper documents are none that a publisher writes; feed-rs needs about a kilobyte of stack for each level. The pass
/// beside it counts, with the same tokens that feed-rs sees: counting by hand can be deceived by brackets in quotes.
pub const DEEPEST: usize = 200;

/// No e-mail address is longer (RFC 5321 §4.5.3.1).
const LONGEST_ADDRESS: usize = 320;

/// The texts of one entry, entities resolved, as they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// RSS `content:encoded`, Atom `content`, JSON Feed `content_html` or `content_text`.
    pub content: Option<String>,
    /// RSS `description`, Atom `summary`, JSON Feed `summary`.
    pub summary: Option<String>,
}

/// Asks feed-rs for the texts of a document's entries, in their order; nothing where it refuses the document. XML must not
/// be nested deeper than [`DEEPEST`]; JSON is bounded by serde_json itself.
pub fn read(text: &str, url: &Url) -> Vec<Texts> {
    if is_known_to_panic(text) {
        return Vec::new();
    }
    let builder = Builder::new()
        .base_uri(Some(url.as_str()))
        .id_generator(|_, _, _| String::new())
        .sanitize_content(false)
        // Dates are read from the raw text, which the pass beside it keeps.
        .timestamp_parser(|_| None);
    // The parser is made for this one document, so nothing half-done survives a panic.
    match catch_unwind(AssertUnwindSafe(|| builder.build().parse(text.as_bytes()))) {
        Ok(Ok(feed)) => feed.entries.into_iter().map(texts).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// Does the document hold what makes feed-rs panic: a duration of more digits than a number has, or an e-mail address
/// with a character beyond ASCII right beside it? A caught panic is safe, but its message stands in the log.
fn is_known_to_panic(text: &str) -> bool {
    let bytes = text.as_bytes();
    let long_number = || bytes.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= 16);
    let part_of_address = |byte: &u8| byte.is_ascii_alphanumeric() || b"@._%+-:<>()[]".contains(byte);
    let beside_address = text.match_indices('@').any(|(at, _)| {
        let before = bytes.get(..at).unwrap_or_default().iter().rev().take(LONGEST_ADDRESS).find(|byte| !part_of_address(byte));
        let after = bytes.get(at..).unwrap_or_default().iter().take(LONGEST_ADDRESS).find(|byte| !part_of_address(byte));
        before.is_some_and(|byte| !byte.is_ascii()) || after.is_some_and(|byte| !byte.is_ascii())
    });
    beside_address || (text.contains("duration") && long_number())
}

fn texts(entry: model::Entry) -> Texts {
    Texts { content: entry.content.and_then(|content| content.body), summary: entry.summary.map(|summary| summary.content) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url() -> Url {
        Url::parse("https://example.org/feed").unwrap()
    }

    #[test]
    fn the_texts_of_each_format_come_out_as_they_stand() {
        for document in [
            r#"<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>F</title><item>
               <title>A &amp;amp; B</title><description>short</description><content:encoded><![CDATA[<p>long</p>]]></content:encoded></item></channel></rss>"#,
            r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title><id>f</id><updated>2026-01-01T00:00:00Z</updated><entry><id>1</id>
               <title type="html">A &amp;amp; B</title><summary>short</summary><content type="html">&lt;p>long&lt;/p></content></entry></feed>"#,
            r#"{"version":"https://jsonfeed.org/version/1.1","title":"F","items":[{"id":"1","title":"A &amp; B","summary":"short","content_html":"<p>long</p>"}]}"#,
        ] {
            let texts = read(document, &url());
            assert_eq!(texts.len(), 1, "{document}");
            assert_eq!((texts[0].summary.as_deref(), texts[0].content.as_deref()), (Some("short"), Some("<p>long</p>")));
        }
    }

    #[test]
    fn what_would_bring_it_down_is_refused_or_caught() {
        let json = format!(r#"{{"items":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read(&json, &url()), []);
        let address = "<rss version='2.0'><channel><item><author>\u{201c}a@example.org\u{201d} A. Author</author></item></channel></rss>";
        assert!(is_known_to_panic(address));
        assert!(!is_known_to_panic("<author>a@example.org (Staff) \u{2013} x</author><id>1234567890123456789</id>"));
        assert_eq!(read(address, &url()), []);
        let panics = r#"<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>F</title>
            <item><title>A</title><itunes:duration>99999999999999999999</itunes:duration></item></channel></rss>"#;
        assert!(is_known_to_panic(panics));
        assert_eq!(read(panics, &url()), []);
    }
}
