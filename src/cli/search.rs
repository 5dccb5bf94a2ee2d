//! `gleaner search`: articles with these words and phrases, newest first.

use std::io::{self, Write};

use super::archive::{open, selection};
use super::export::FilterArgs;
use super::failure::Failure;
use crate::config::Config;
use crate::export::json::write_line;
use crate::export::text::{byline, date_line};
use crate::store::SearchQuery;

/// Search the archive, newest first
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct SearchArgs {
    /// Words that must all be there; "words in quotation marks" must stand side by side
    #[arg(required = true, value_name = "QUERY")]
    pub words: Vec<String>,
    /// The best of the newest thousand matches first
    #[arg(long)]
    pub relevance: bool,
    /// How many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
    /// One JSON article a line
    #[arg(long)]
    pub json: bool,
    /// Which articles
    #[command(flatten)]
    pub filters: FilterArgs,
}

/// Runs the command.
///
/// # Errors
/// The query or a filter means nothing, or the archive cannot be read.
pub fn run(args: &SearchArgs, config: &Config) -> Result<(), Failure> {
    // What `--query` wants, as exports know it, is wanted too.
    let query = args.words.iter().chain(&args.filters.query).map(String::as_str).collect::<Vec<_>>().join(" ");
    let reader = open(config)?;
    let mut selection = selection(&args.filters, config, &reader)?;
    selection.query = Some(SearchQuery::parse(&query).ok_or_else(|| Failure::Usage(format!("`{query}` has no word to search for")))?);
    let found =
        if args.relevance { reader.most_relevant(&selection, args.limit)? } else { reader.newest_articles(&selection, args.limit)? };
    let mut out = io::stdout().lock();
    for article in &found {
        if args.json {
            write_line(&mut out, article)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}  {}", article.id, article.title)?;
            let details = [
                Some(date_line(article.published, article.reading_time_minutes)),
                byline(&article.authors),
                article.site.clone(),
                article.url.clone(),
            ];
            writeln!(out, "    {}", details.into_iter().flatten().collect::<Vec<_>>().join(" · "))?;
        }
    }
    out.flush()?;
    if found.is_empty() {
        eprintln!("nothing found");
    }
    Ok(())
}
