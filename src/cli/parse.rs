//! `gleaner parse`: what a feed document says, as one JSON object. Touches neither archive nor network.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

use super::read_input;
use crate::article::Article;
use crate::config::{IdentityRule, default_name};
use crate::decide::{NothingKnown, PollKeys, Target, decide};
use crate::identity::{EntryKeys, IdentityUrl, Site};
use crate::normalise::{NormaliseSettings, normalise};
use crate::parse::{self, Document, ParseError};

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
    let document = document(&args.file, &args.url, args.content_type.as_deref())?;
    let report = report(document, &args.url, args.now.unwrap_or_else(Utc::now));
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &report).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// The feed document in a file, or on standard input where the file is `-`.
///
/// # Errors
/// It cannot be read, or holds no feed.
pub fn document(file: &Path, url: &Url, content_type: Option<&str>) -> Result<Document, ParseCommandError> {
    let read = |source| ParseCommandError::Read { path: file.to_owned(), source };
    let body = read_input(file).map_err(read)?;
    parse::parse(&body, url, content_type).map_err(|source| ParseCommandError::Parse { path: file.to_owned(), source })
}

/// The document as it is printed.
pub fn report(document: Document, url: &Url, now: DateTime<Utc>) -> Report {
    let settings = NormaliseSettings { reading_speed: 180, feed_language: None, now };
    let mut warnings: Vec<String> = document.warnings.iter().map(|warning| format!("{}: {}", warning.kind, warning.message)).collect();
    let ids = article_ids(&document, url);
    let articles = document
        .entries
        .iter()
        .zip(ids)
        .enumerate()
        .map(|(position, (entry, id))| {
            let (draft, doubts) = normalise(entry, &document.feed, &settings);
            warnings.extend(doubts.into_iter().map(|doubt| format!("entry {}: {doubt}", position + 1)));
            ReportedArticle { guid: entry.guid.clone(), article: Article::of(id, draft) }
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

/// The ids that the entries would get in a feed of this URL, named by default, that was never polled before. Entries
/// that would be one article have one id.
fn article_ids(document: &Document, url: &Url) -> Vec<String> {
    let keys: Vec<EntryKeys> = document.entries.iter().map(EntryKeys::of).collect();
    let home = document.feed.site_url.as_deref();
    let site = home.and_then(Site::of).or_else(|| Site::of(url.as_str()));
    let home = home.and_then(IdentityUrl::of);
    let feed = default_name(url.as_str(), url);
    let poll = PollKeys { feed: &feed, site: site.as_ref(), home: home.as_ref(), rule: IdentityRule::Auto, entries: &keys };
    let Ok(decision) = decide(&NothingKnown, poll);
    let mut ids = vec![String::new(); keys.len()];
    for matched in &decision.matches {
        if let Target::New { id, .. } = &matched.target {
            matched.entries.iter().for_each(|at| ids[*at] = id.to_string());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report_of(text: &str) -> serde_json::Value {
        let url = Url::parse("https://example.org/feed.xml").unwrap();
        let document = parse::parse(text.as_bytes(), &url, None).unwrap();
        serde_json::to_value(report(document, &url, DateTime::from_timestamp(1_700_000_000, 0).unwrap())).unwrap()
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
