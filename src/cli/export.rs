//! `gleaner export`: what its options are, and how a stream of articles reaches its output.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use crate::article::Article;
use crate::export::relay::relay;
use crate::export::state::Filters;
use crate::export::target::{Target, TargetError};
use crate::export::when::When;
use crate::export::{Forgotten, Format, Head, write_all, writer};
use crate::selection;

/// Write articles to a file or stdout
///
/// Of articles that are copies of one another the earliest is given, and its `copies` names the others. The same
/// archive gives the same bytes.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct ExportArgs {
    /// What is written
    #[arg(short, long, value_enum, default_value_t = Format::Json, value_name = "FORMAT")]
    pub format: Format,
    /// Which articles
    #[command(flatten)]
    pub filters: FilterArgs,
    /// The newest N alone
    #[arg(long, value_name = "N", conflicts_with = "state")]
    pub limit: Option<u64>,
    /// Give each copy of a story, not the earliest alone
    #[arg(long)]
    pub copies: bool,
    /// Give earlier revisions as well (json, ndjson, jsonfeed, csv)
    #[arg(long)]
    pub revisions: bool,
    /// Give what is new or changed since the last export with this file
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Replace this file when all is written, instead of writing to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The filters that all commands which give articles share.
#[derive(Debug, Clone, Default, PartialEq, clap::Args)]
pub struct FilterArgs {
    /// From this time on: a date (UTC), an instant, or "7d" for the last seven days
    #[arg(long, value_name = "TIME")]
    pub since: Option<Time>,
    /// Up to this time, exclusive
    #[arg(long, value_name = "TIME")]
    pub until: Option<Time>,
    /// Only articles of this feed (may be repeated)
    #[arg(long = "feed", value_name = "NAME")]
    pub feeds: Vec<String>,
    /// Only articles of feeds with this tag (may be repeated)
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only articles in this language (may be repeated)
    #[arg(long = "language", value_name = "TAG")]
    pub languages: Vec<String>,
    /// Only articles that a search for this finds
    #[arg(long, value_name = "QUERY")]
    pub query: Option<String>,
}

impl FilterArgs {
    /// What was written, without how.
    pub fn filters(&self) -> selection::Filters {
        selection::Filters {
            since: self.since.as_ref().map(|time| time.when),
            until: self.until.as_ref().map(|time| time.when),
            feeds: self.feeds.clone(),
            tags: self.tags.clone(),
            languages: self.languages.clone(),
            query: self.query.clone(),
        }
    }
}

/// A time, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// What it means.
    pub when: When,
    /// The characters on the command line.
    pub text: String,
}

impl std::str::FromStr for Time {
    type Err = crate::export::when::WhenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { when: text.parse()?, text: text.trim().to_owned() })
    }
}

impl ExportArgs {
    /// What a state file remembers of the filters. A time stays as it was written: "7d" is the same filter tomorrow.
    /// The order of repeated options means nothing.
    pub fn remembered_filters(&self) -> Filters {
        let filters = &self.filters;
        let mut remembered = Filters::new();
        let times = [("since", &filters.since), ("until", &filters.until)];
        for (option, time) in times {
            remembered.extend(time.iter().map(|time| (option.to_owned(), vec![time.text.clone()])));
        }
        for (option, values) in [("feed", &filters.feeds), ("tag", &filters.tags), ("language", &filters.languages)] {
            if !values.is_empty() {
                let mut values = values.clone();
                values.sort();
                values.dedup();
                remembered.insert(option.to_owned(), values);
            }
        }
        remembered.extend(filters.query.iter().map(|query| ("query".to_owned(), vec![query.clone()])));
        if self.copies {
            remembered.insert("copies".to_owned(), Vec::new());
        }
        remembered
    }
}

/// How an export ended, where nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// All of it is written (and safe on the disk, where it is a file).
    Complete {
        /// How many articles it holds.
        articles: u64,
    },
    /// The program that read stdout had seen enough (`| head`): no error, but no complete export either, so no state
    /// may be written.
    ReaderLeft,
}

/// Why an export failed. The output file is then what it was before.
#[derive(Debug, thiserror::Error)]
pub enum ExportError<E: Error + 'static> {
    /// The archive could not give an article.
    #[error(transparent)]
    Archive(E),
    /// The output could not be written.
    #[error(transparent)]
    Output(#[from] TargetError),
}

/// What goes wrong on the way, before it is known whether the output or its reader is to blame.
enum Interruption<E> {
    Archive(E),
    Sink(io::Error),
}

impl<E> From<io::Error> for Interruption<E> {
    fn from(error: io::Error) -> Self {
        Self::Sink(error)
    }
}

/// Writes articles as they come to a file or stdout (`output` is `None` or `-`).
///
/// # Errors
/// Those of the archive and of the output; a file is then left as it was.
pub fn run_export<E: Error + 'static>(
    format: Format,
    output: Option<&Path>,
    head: &Head,
    articles: impl IntoIterator<Item = Result<Article, E>>,
    forgotten: impl IntoIterator<Item = Result<Forgotten, E>>,
) -> Result<Ended, ExportError<E>> {
    let mut target = Target::open(output)?;
    let is_stream = target.is_stream();
    let written = std::thread::scope(|scope| {
        let (relay, pieces) = relay();
        let arriving = scope.spawn(|| pieces.write_to(&mut target));
        let written = {
            let mut writer = writer(format, Box::new(relay));
            let articles = articles.into_iter().map(|article| article.map_err(Interruption::Archive));
            let forgotten = forgotten.into_iter().map(|forgotten| forgotten.map_err(Interruption::Archive));
            write_all(writer.as_mut(), head, articles, forgotten)
        };
        match (written, arriving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))) {
            (Err(Interruption::Archive(error)), _) => Err(Interruption::Archive(error)),
            (_, Err(error)) => Err(Interruption::Sink(error)),
            (written, Ok(())) => written,
        }
    });
    let path = || output.filter(|path| *path != Path::new("-")).unwrap_or(Path::new("standard output")).to_owned();
    let failed = match written {
        Ok(articles) => match target.finish() {
            Ok(()) => return Ok(Ended::Complete { articles }),
            Err(error) => error,
        },
        Err(Interruption::Archive(error)) => return Err(ExportError::Archive(error)),
        Err(Interruption::Sink(source)) => TargetError { path: path(), source },
    };
    if is_stream && failed.source.kind() == io::ErrorKind::BrokenPipe { Ok(Ended::ReaderLeft) } else { Err(failed.into()) }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use clap::Parser;

    use super::*;
    use crate::export::fixture;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    fn parsed(words: &[&str]) -> Result<ExportArgs, clap::Error> {
        Line::try_parse_from([&["export"], words].concat()).map(|line| line.args)
    }

    #[test]
    fn every_option_of_the_design_is_read() {
        let args = parsed(&[
            "--since",
            "7d",
            "--until",
            "2026-01-31",
            "--feed",
            "b",
            "--feed",
            "a",
            "--tag",
            "t",
            "--language",
            "en",
            "--query",
            "\"a b\" c",
            "--copies",
            "--revisions",
            "--state",
            "s.json",
            "-o",
            "out.csv",
            "--format",
            "csv",
        ])
        .unwrap();
        assert_eq!((args.format, args.copies, args.revisions), (Format::Csv, true, true));
        assert_eq!((args.state, args.output), (Some("s.json".into()), Some("out.csv".into())));
        assert_eq!(args.filters.feeds, ["b", "a"]);
        assert_eq!(parsed(&[]).unwrap().format, Format::Json);
        assert_eq!(parsed(&["--limit", "5"]).unwrap().limit, Some(5));
    }

    #[test]
    fn what_would_leave_articles_out_or_means_nothing_is_refused() {
        for words in [&["--limit", "5", "--state", "s.json"][..], &["--since", "soon"], &["--format", "xml"], &["--limit", "-1"]] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn the_remembered_filters_depend_on_their_meaning_not_on_their_order() {
        let one = parsed(&["--feed", "b", "--since", "7d", "--feed", "a"]).unwrap().remembered_filters();
        let two = parsed(&["--feed", "a", "--feed", "b", "--feed", "b", "--since", "7d", "--format", "csv"]).unwrap().remembered_filters();
        assert_eq!(one, two);
        assert_ne!(one, parsed(&["--feed", "a", "--since", "7d"]).unwrap().remembered_filters());
        assert_ne!(one, parsed(&["--feed", "a", "--feed", "b", "--since", "7d", "--copies"]).unwrap().remembered_filters());
    }

    #[test]
    fn a_failing_archive_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        std::fs::write(&path, "old").unwrap();
        let articles = [Ok(fixture::full()), Err(io::Error::other("the archive is broken"))];
        let error = run_export(Format::Json, Some(&path), &Head::default(), articles, []).unwrap_err();
        assert_eq!(error.to_string(), "the archive is broken");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_complete_export_says_how_many_articles_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        let articles = fixture::articles().into_iter().map(Ok::<_, Infallible>);
        let ended = run_export(Format::Json, Some(&path), &fixture::head(), articles, []).unwrap();
        assert_eq!(ended, Ended::Complete { articles: 4 });
        assert_eq!(std::fs::read(&path).unwrap(), fixture::export(Format::Json, &fixture::articles()));
    }

    #[test]
    fn an_unwritable_output_is_an_error_that_names_it() {
        let error =
            run_export::<io::Error>(Format::Json, Some(Path::new("missing-folder/out.json")), &Head::default(), [], []).unwrap_err();
        assert!(error.to_string().contains("missing-folder/out.json"));
    }
}
