//! `gleaner check`: validates the config and its feed lists, and says what was found; `--explain` says what the filters
//! make of a feed document. Touches nothing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;
use url::Url;

use super::archive::unknown;
use super::failure::{Failure, show_mistakes};
use super::parse;
use crate::article::Draft;
use crate::config::{self, Config, Feed, Surroundings, nearest};
use crate::export::text::one_line;
use crate::filter::Wanted;
use crate::normalise::{NormaliseSettings, normalise};
use crate::parse::Document;

/// `gleaner check`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct CheckArgs {
    /// Say of each entry of this feed document (- for standard input) which filter keeps or drops it, and why
    #[arg(long, value_name = "FILE")]
    pub explain: Option<PathBuf>,
    /// … by the filters of this feed, too, and not only by those for all feeds
    #[arg(long, value_name = "FEED", requires = "explain")]
    pub feed: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Every mistake of every file; what shall be explained cannot be read.
pub fn run(args: &CheckArgs, config_file: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    let config = config::load_in(config_file, surroundings)?;
    show_mistakes(&config.warnings);
    let mut out = io::BufWriter::new(io::stdout().lock());
    match &args.explain {
        Some(file) => explain(&mut out, file, args.feed.as_deref(), &config)?,
        None => write_summary(&mut out, &config)?,
    }
    out.flush()?;
    Ok(())
}

fn write_summary(out: &mut impl Write, config: &Config) -> io::Result<()> {
    let folder = config.file.parent().unwrap_or(Path::new("/"));
    for file in std::iter::once(&config.file).chain(&config.feed_lists) {
        let feeds = config.feeds.iter().filter(|feed| feed.list == *file);
        let disabled = feeds.clone().filter(|feed| !feed.enabled).count();
        let shown = file.strip_prefix(folder).unwrap_or(file).display();
        let disabled = if disabled == 0 { String::new() } else { format!(", {disabled} of them disabled") };
        match feeds.count() {
            0 if *file == config.file => writeln!(out, "{shown}: valid")?,
            1 => writeln!(out, "{shown}: 1 feed{disabled}")?,
            count => writeln!(out, "{shown}: {count} feeds{disabled}")?,
        }
    }
    for file in &config.rule_files {
        writeln!(out, "{}: site rules", file.strip_prefix(folder).unwrap_or(file).display())?;
    }
    Ok(())
}

fn explain(out: &mut impl Write, file: &Path, feed: Option<&str>, config: &Config) -> Result<(), Failure> {
    let names = || config.feeds.iter().map(|feed| feed.name.as_str());
    let feed = match feed {
        Some(name) => {
            let found = config.feeds.iter().find(|feed| feed.name == name);
            Some(found.ok_or_else(|| unknown("feed", name, nearest(name, names())))?.as_ref())
        }
        None => None,
    };
    let nowhere = Url::parse("http://localhost/").map_err(|error| Failure::Failed(error.to_string()))?;
    let url = feed.map_or(&nowhere, |feed: &Feed| &feed.url);
    let document = parse::document(file, url, None).map_err(|error| Failure::Failed(error.to_string()))?;
    let settings = NormaliseSettings {
        reading_speed: config.articles.reading_speed,
        feed_language: feed.and_then(|feed| feed.language.clone()),
        now: Utc::now(),
    };
    Ok(write_explanation(out, &document, &Wanted::new(&config.articles.languages, &config.filters, feed), &settings)?)
}

/// A block an entry: what becomes of it, its title, and the conditions that told.
fn write_explanation(out: &mut impl Write, document: &Document, wanted: &Wanted<'_>, settings: &NormaliseSettings) -> io::Result<()> {
    let mut dropped = 0;
    for entry in &document.entries {
        let (draft, _) = normalise(entry, &document.feed, settings);
        let findings: Vec<_> = wanted.conditions().map(|condition| (condition, condition.test(&draft))).collect();
        let failing = findings.iter().find(|(_, finding)| !finding.is_met);
        dropped += usize::from(failing.is_some());
        let verdict = if failing.is_some() { "dropped" } else { "kept" };
        writeln!(out, "{verdict:7}  {}", heading(&draft, entry.guid.as_deref()))?;
        // What drops is the first that is not met; what keeps are those that found what they look for.
        let telling = match failing {
            Some(failing) => vec![failing],
            None => findings.iter().filter(|(_, finding)| finding.found.is_some()).collect(),
        };
        for (condition, finding) in telling {
            match &finding.found {
                Some(found) => writeln!(out, "         {condition}: found {}", excerpt(found))?,
                None => writeln!(out, "         {condition}: not found")?,
            }
        }
    }
    let entries = document.entries.len();
    let plural = if entries == 1 { "entry" } else { "entries" };
    writeln!(out, "{entries} {plural}: {} kept, {dropped} dropped", entries - dropped)
}

fn heading(draft: &Draft, guid: Option<&str>) -> String {
    let title = one_line(&draft.title);
    if title.is_empty() { one_line(draft.url.as_deref().or(guid).unwrap_or("(without a title)")) } else { title }
}

/// In quotes, and short enough for a line.
fn excerpt(found: &str) -> String {
    const MOST: usize = 60;
    let found = one_line(found);
    match found.char_indices().nth(MOST) {
        Some((end, _)) => format!("\"{}…\"", &found[..end]),
        None => format!("\"{found}\""),
    }
}
