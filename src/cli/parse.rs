//! `gleaner parse`: what a feed document says, as one JSON object. Touches neither archive nor network.

use std::io::{Read, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

use crate::article::{Article, Draft};
use crate::normalise::{NormaliseSettings, normalise};
use crate::parse::{self, Document, Entry, ParseError};

/// Arguments of `gleaner parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// Where the document was found: the base of its relative links
    #[arg(long, value_name = "URL", default_value = "http://localhost/")]
    pub url: Url,
    /// The HTTP header Content-Type that came with it
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// The time by which dates are judged, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub now: Option<DateTime<Utc>>,
    /// The feed document, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Why `gleaner parse` failed.
#[derive(Debug, thiserror::Error)]
pub enum ParseCommandError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// The file named.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The document holds no feed.
    #[error("{}: {source}", .path.display())]
    Parse {
        /// The file named.
        path: PathBuf,
        /// Why.
        source: ParseError,
    },
    /// The result cannot be written.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] std::io::Error),
}

/// What `gleaner parse` prints.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The feed itself.
    pub feed: ReportedFeed,
    /// One object an entry, in the document's order.
    pub articles: Vec<ReportedArticle>,
    /// What was mended or not believed.
    pub warnings: Vec<String>,
}

/// The feed itself, in the words of the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReportedFeed {
    /// Title.
    pub title: Option<String>,
    /// Home page.
    pub site_url: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Declared language.
    pub language: Option<String>,
    /// Copyright line.
    pub rights: Option<String>,
    /// When it says that it last changed.
    pub updated: Option<DateTime<Utc>>,
}

/// An entry: the article that it would become, and its guid.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ReportedArticle {
    /// The entry's guid, as it stands there.
    pub guid: Option<String>,
    /// The schema's fields.
    #[serde(flatten)]
    pub article: Article,
}

/// Runs the command.
///
/// # Errors
/// See [`ParseCommandError`].
pub fn run(args: &ParseArgs) -> Result<(), ParseCommandError> {
    let read = |source| ParseCommandError::Read { path: args.file.clone(), source };
    let body = if args.file.as_os_str() == "-" {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).map_err(read)?;
        body
    } else {
        std::fs::read(&args.file).map_err(read)?
    };
    let document = parse::parse(&body, &args.url, args.content_type.as_deref())
        .map_err(|source| ParseCommandError::Parse { path: args.file.clone(), source })?;
    let report = report(document, args.now.unwrap_or_else(Utc::now));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &report).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// The document as it is printed.
pub fn report(document: Document, now: DateTime<Utc>) -> Report {
    let settings = NormaliseSettings { reading_speed: 180, feed_language: None, now };
    let mut warnings: Vec<String> = document.warnings.iter().map(|warning| format!("{}: {}", warning.kind, warning.message)).collect();
    let articles = document
        .entries
        .iter()
        .enumerate()
        .map(|(position, entry)| {
            let (draft, doubts) = normalise(entry, &document.feed, &settings);
            warnings.extend(doubts.into_iter().map(|doubt| format!("entry {}: {doubt}", position + 1)));
            ReportedArticle { guid: entry.guid.clone(), article: article(entry, draft) }
        })
        .collect();
    let feed = document.feed;
    Report {
        feed: ReportedFeed {
            title: feed.title,
            site_url: feed.site_url,
            description: feed.description,
            language: feed.language,
            rights: feed.rights,
            updated: feed.updated,
        },
        articles,
        warnings,
    }
}

/// The article that an entry alone would become: nothing of it is known to an archive.
fn article(entry: &Entry, draft: Draft) -> Article {
    Article {
        id: article_id(entry, &draft),
        url: draft.url,
        title: draft.title,
        authors: draft.authors,
        published: draft.published,
        updated: draft.updated,
        reading_time_minutes: draft.reading_time_minutes,
        word_count: draft.word_count,
        summary: draft.summary,
        text: draft.text,
        html: draft.html,
        completeness: draft.completeness,
        provenance: draft.provenance,
        language: draft.language,
        categories: draft.categories,
        image: draft.image,
        enclosures: draft.enclosures,
        site: draft.site,
        site_url: draft.site_url,
        rights: draft.rights,
        license: draft.license,
        similar: Vec::new(),
        duplicate_of: None,
        copies: Vec::new(),
        sightings: Vec::new(),
        revision: 1,
        first_seen: None,
        last_changed: None,
    }
}

/// The id that the entry would get in a feed without a name, seen for the first time: of kind `url` where there is a
/// link, else of its guid, else of its text.
fn article_id(entry: &Entry, draft: &Draft) -> String {
    let key = match (&draft.url, &entry.guid) {
        (Some(url), _) => format!("gleaner1\0url\0{url}"),
        (None, Some(guid)) => format!("gleaner1\0guid\0\0{guid}"),
        (None, None) => format!("gleaner1\0text\0\0{}\0{}", draft.title, draft.text),
    };
    let digest = <sha2::Sha256 as sha2::Digest>::digest(key.as_bytes());
    let mut id = data_encoding::BASE32_NOPAD.encode(&digest).to_ascii_lowercase();
    id.truncate(26);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(text: &str) -> serde_json::Value {
        let url = Url::parse("https://example.org/feed.xml").unwrap();
        let document = parse::parse(text.as_bytes(), &url, None).unwrap();
        serde_json::to_value(report(document, DateTime::from_timestamp(1_700_000_000, 0).unwrap())).unwrap()
    }

    #[test]
    fn what_is_printed_is_valid_by_the_schema_and_names_what_was_mended_and_not_believed() {
        let schema = serde_json::to_value(schemars::schema_for!(Report)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for text in [
            "<rss><channel><title>Feed</title><item><title>a & b</title><guid>1</guid><pubDate>Thu, 01 Jan 2099 00:00:00 GMT</pubDate></item></channel></rss>",
            "<feed><entry><title/><content>x</content></entry></feed>",
            r#"{"version":"https://jsonfeed.org/version/1","items":[{"id":"a","url":"https://example.org/a"}]}"#,
            "<rss><channel/></rss>",
        ] {
            let report = report_of(text);
            assert!(validator.is_valid(&report), "{report}");
        }
        let report = report_of(
            "<rss><channel><title>Feed</title><item><title>a & b</title><guid>1</guid><pubDate>Thu, 01 Jan 2099 00:00:00 GMT</pubDate></item></channel></rss>",
        );
        assert_eq!(report["feed"]["title"], "Feed");
        let article = &report["articles"][0];
        assert_eq!((&article["guid"], &article["title"]), (&serde_json::json!("1"), &serde_json::json!("a & b")));
        for null in ["published", "first_seen", "last_changed", "duplicate_of"] {
            assert!(article[null].is_null() && article.get(null).is_some(), "{null}");
        }
        let warnings = report["warnings"].as_array().unwrap();
        assert!(warnings[0].as_str().unwrap().starts_with("bare-ampersand: "));
        assert!(warnings[1].as_str().unwrap().starts_with("entry 1: "));
    }
}
