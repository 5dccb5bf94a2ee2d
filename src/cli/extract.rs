//! `gleaner extract`: the article of an HTML page, as one JSON object. Touches neither archive nor network.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use url::Url;

use super::failure::Failure;
use super::{Verbosity, read_input};
use crate::article::{Article, Draft};
use crate::config::{self, ConfigError, Surroundings};
use crate::extract::{Extracted, Page, PageKind, SiteRule, decode, extract};
use crate::identity::{ArticleId, EntryKeys, IdKind, IdentityUrl};
use crate::parse::{Entry, Markup};

/// Arguments of `gleaner extract`.
#[derive(Debug, Args)]
pub struct ExtractArgs {
    /// Where the page was found: the base of its links, and whose site rules apply
    #[arg(long, value_name = "URL")]
    pub url: Option<Url>,
    /// The page, or - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Words a minute where no config says otherwise.
const READING_SPEED: u32 = 180;

/// Runs the command. Where no config is named and none is found, the defaults apply.
///
/// # Errors
/// The page cannot be read, the config is wrong, or the article cannot be written.
pub fn run(args: &ExtractArgs, named_config: Option<&Path>, surroundings: &Surroundings, verbosity: Verbosity) -> Result<(), Failure> {
    let config = match surroundings.find(named_config) {
        Ok(file) => Some(config::load_in(&file, surroundings)?),
        Err(ConfigError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let rules = config.as_ref().map_or(&[][..], |config| &config.site_rules);
    let reading_speed = config.as_ref().map_or(READING_SPEED, |config| config.articles.reading_speed);
    let body = read_input(&args.file).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", args.file.display())))?;
    let found = of_page(&body, args.url.as_ref(), rules, reading_speed, Utc::now());
    let none = match found.kind {
        PageKind::Story | PageKind::Paywalled => None,
        PageKind::Consent => Some("this page asks for something (consent, a login, a proof) before it shows an article"),
        PageKind::Other => Some("no article was found on this page"),
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &article(found.draft)).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    if let Some(none) = none.filter(|_| !verbosity.quiet) {
        writeln!(std::io::stderr(), "gleaner: {none}")?;
    }
    Ok(())
}

fn of_page(body: &[u8], url: Option<&Url>, rules: &[SiteRule], reading_speed: u32, now: DateTime<Utc>) -> Extracted {
    let html = decode(body, None);
    extract(&Page { url, html: &html, rules, reading_speed, now })
}

/// The article as it is printed: with the id that it gets from the page's address, else from its text.
pub fn article(draft: Draft) -> Article {
    let address = draft.url.as_deref().and_then(IdentityUrl::of).filter(|url| !url.is_root());
    let kind = match address {
        Some(url) => IdKind::Url(url),
        None => {
            let entry = Entry {
                title: Some(Markup::Text(draft.title.clone())),
                content: Some(Markup::Html(draft.html.clone())),
                ..Entry::default()
            };
            let date = draft.published.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default();
            IdKind::Text { text: EntryKeys::of(&entry).text_hash, date }
        }
    };
    Article::of(ArticleId::make("", &kind, 1).to_string(), draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<html lang=en><head><title>Town hall opens again</title></head><body><article><h1>Town hall opens again</h1>\
        <p>The town hall opened its doors again on Monday after two years of work, and hundreds came to see it.</p>\
        <p>It was closed for two years, and in that time the council met in the school, the mayor said.</p></article></body></html>";

    #[test]
    fn what_is_printed_is_valid_by_the_schema() {
        let schema = serde_json::to_value(schemars::schema_for!(Article)).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let url = Url::parse("https://example.org/hall").unwrap();
        for (page, url) in [(PAGE, Some(&url)), (PAGE, None), ("", None), ("<p>Hello", Some(&url))] {
            let found = of_page(page.as_bytes(), url, &[], 180, DateTime::from_timestamp(1_700_000_000, 0).unwrap());
            let printed = serde_json::to_value(article(found.draft)).unwrap();
            assert!(validator.is_valid(&printed), "{printed}");
            assert!(printed["first_seen"].is_null() && printed.get("first_seen").is_some());
            assert_eq!(printed["id"].as_str().map(str::len), Some(ArticleId::LENGTH));
        }
    }

    #[test]
    fn a_page_has_the_id_that_its_entry_would_have() {
        let url = Url::parse("https://www.example.org/a/").unwrap();
        let found = of_page(PAGE.as_bytes(), Some(&url), &[], 180, Utc::now());
        assert_eq!(article(found.draft).id, "slpvjssbhf26wkrhyurrmnl5o5");
    }
}
