//! `gleaner coverage`: proof that nothing was missed, or where something may have been.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use console::{Style, Term};

use super::export::Time;
use super::failure::Failure;
use crate::config::Config;
use crate::coverage::{FeedCoverage, Range, Span, State, percent};
use crate::health::minute;
use crate::report::coverage;
use crate::store::{Reader, StoreError};

/// Show between which dates nothing was missed, and where something may have been
///
/// A time is proven whole when each document has an entry in common with the one before it, pinned ones aside.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct CoverageArgs {
    /// Names of feeds [default: all in the feed lists]
    #[arg(value_name = "FEED")]
    pub feeds: Vec<String>,
    /// From this time on: a date (UTC), an instant, or "7d" for the last seven days [default: the first poll]
    #[arg(long, value_name = "TIME")]
    pub since: Option<Time>,
    /// Up to this time, exclusive [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<Time>,
    /// A JSON array, one object a feed
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// A feed is not known, or the archive cannot be read. Where there is none yet, nothing is proven.
pub fn run(args: &CoverageArgs, config: &Config) -> Result<(), Failure> {
    let now = Utc::now();
    let range = Range {
        since: args.since.as_ref().map(|time| time.when.resolve(now)),
        until: args.until.as_ref().map(|time| time.when.resolve(now)),
        now,
    };
    let records = match Reader::open(&config.database.path) {
        Ok(reader) => reader.coverage()?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let feeds = coverage(config, records, &args.feeds, range).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &feeds).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        let terminal = Term::stdout();
        let width = terminal.is_term().then(|| usize::from(terminal.size().1));
        write_table(&mut out, &feeds, range, width, console::colors_enabled())?;
    }
    Ok(out.flush()?)
}

/// Shorter bars tell nothing.
const SHORTEST_BAR: usize = 12;

/// `width`: of the terminal, if it is one.
fn write_table(out: &mut impl Write, feeds: &[FeedCoverage], range: Range, width: Option<usize>, in_colours: bool) -> io::Result<()> {
    let name_width = feeds.iter().map(|feed| feed.feed.chars().count()).max().unwrap_or(0).clamp(4, 40);
    let head = format!("{:name_width$}  {:16}  {:>8}  {:>4}", "NAME", "WATCHED SINCE", "PROVEN", "GAPS");
    let bar_width = width.map(|width| width.saturating_sub(head.chars().count() + 3)).filter(|width| *width >= SHORTEST_BAR);
    let begin = range.since.or_else(|| feeds.iter().filter_map(|feed| feed.spans.first()).map(|span| span.from).min());
    let scale =
        begin.zip(bar_width).map(|(from, cells)| Scale { from, until: range.until.unwrap_or(range.now).min(range.now), cells, in_colours });
    match &scale {
        Some(scale) => writeln!(out, "{head}  {}", scale.head())?,
        None => writeln!(out, "{head}")?,
    }
    for feed in feeds {
        let since = feed.watched_since.map_or_else(|| "-".to_owned(), minute);
        let proven = if feed.spans.is_empty() { "-".to_owned() } else { percent(feed.proven_share()) };
        let gaps = feed.spans.iter().filter(|span| span.state == State::PossibleGap && !span.proven).count();
        write!(out, "{:name_width$}  {since:16}  {proven:>8}  {gaps:>4}", feed.feed)?;
        if let Some(scale) = scale.as_ref().filter(|_| !feed.spans.is_empty()) {
            write!(out, "  {}", scale.bar(&feed.spans))?;
        }
        writeln!(out)?;
        for span in feed.spans.iter().filter(|span| span.state != State::Whole) {
            writeln!(out, "{:name_width$}  {} to {}  {}", "", minute(span.from), minute(span.until), span.words())?;
        }
    }
    if let Some(scale) = &scale {
        let legend = [Cell::Whole, Cell::Bridged, Cell::Unwatched, Cell::Gap];
        writeln!(out, "{}", legend.map(|cell| format!("{} {}", cell.drawn(scale.in_colours), cell.words())).join("   "))?;
    }
    Ok(())
}

/// What one character of a bar says: the worst of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Nothing,
    Whole,
    Bridged,
    Unwatched,
    Gap,
}

impl Cell {
    fn of(span: &Span) -> Self {
        match (span.state, span.proven) {
            (State::Whole, _) | (State::PossibleGap, true) => Self::Whole,
            (State::Unwatched, true) => Self::Bridged,
            (State::Unwatched, false) => Self::Unwatched,
            (State::PossibleGap, false) => Self::Gap,
        }
    }

    /// Without colours it must be readable, too.
    fn drawn(self, in_colours: bool) -> String {
        let style = Style::new().force_styling(in_colours);
        match self {
            Self::Nothing => " ".to_owned(),
            Self::Whole => style.green().apply_to("█").to_string(),
            Self::Bridged => style.green().apply_to("▒").to_string(),
            Self::Unwatched => style.yellow().apply_to("░").to_string(),
            Self::Gap => style.red().bold().apply_to("!").to_string(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "not watched yet",
            Self::Whole => "whole",
            Self::Bridged => "unwatched, yet whole",
            Self::Unwatched => "unwatched",
            Self::Gap => "a gap is possible",
        }
    }
}

/// The time that all bars show.
struct Scale {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    cells: usize,
    in_colours: bool,
}

impl Scale {
    fn head(&self) -> String {
        let (from, until) = (self.from.format("%Y-%m-%d").to_string(), self.until.format("%Y-%m-%d").to_string());
        let room = self.cells.saturating_sub(from.len() + until.len());
        if room == 0 { from } else { format!("{from}{}{until}", " ".repeat(room)) }
    }

    fn bar(&self, spans: &[Span]) -> String {
        let cells = self.cells_of(spans);
        let last = cells.iter().rposition(|cell| *cell != Cell::Nothing).map_or(0, |last| last + 1);
        cells.iter().take(last).map(|cell| cell.drawn(self.in_colours)).collect()
    }

    fn cells_of(&self, spans: &[Span]) -> Vec<Cell> {
        let mut cells = vec![Cell::Nothing; self.cells];
        let whole = (self.until - self.from).as_seconds_f64();
        let place = |at: DateTime<Utc>| {
            let share = if whole > 0.0 { ((at - self.from).as_seconds_f64() / whole).clamp(0.0, 1.0) } else { 0.0 };
            share * self.cells as f64
        };
        for span in spans {
            // However short, a span is seen.
            let first = (place(span.from).floor() as usize).min(self.cells.saturating_sub(1));
            let last = (place(span.until).ceil() as usize).clamp(first + 1, self.cells.max(first + 1));
            for cell in cells.iter_mut().take(last).skip(first) {
                *cell = (*cell).max(Cell::of(span));
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::{Cause, Finding, FindingKind, Present, Record};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + hour * 3600, 0).unwrap()
    }

    fn feeds() -> (Vec<FeedCoverage>, Range) {
        let range = Range { since: None, until: None, now: at(240) };
        let finding = |from, until, kind, cause| Finding { from: at(from), until: at(until), kind, cause, healed_at: None };
        let paper = Record {
            feed: "paper".into(),
            url: "https://paper.example/feed".into(),
            present: Present { since: Some(at(0)), until: Some(at(200)), due_at: Some(at(201)), ..Present::default() },
            findings: vec![
                finding(50, 75, FindingKind::Bridged, Cause::Failing),
                finding(120, 121, FindingKind::PossibleGap, Cause::Turnover),
            ],
        };
        let young = Record {
            feed: "young".into(),
            present: Present { since: Some(at(120)), until: Some(at(240)), due_at: Some(at(241)), ..Present::default() },
            ..Record::default()
        };
        let never = Record { feed: "never".into(), ..Record::default() };
        (vec![FeedCoverage::of(&paper, true, range), FeedCoverage::of(&young, true, range), FeedCoverage::of(&never, true, range)], range)
    }

    fn table(width: Option<usize>) -> String {
        let (feeds, range) = feeds();
        let mut out = Vec::new();
        write_table(&mut out, &feeds, range, width, false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_terminal_gets_a_bar_of_its_width_on_one_scale_of_time() {
        insta::assert_snapshot!(table(Some(80)));
        assert!(table(Some(80)).lines().filter(|line| line.contains('█')).all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn what_is_no_terminal_or_too_narrow_gets_the_table_without_bars() {
        let plain = table(None);
        assert!(plain.contains("paper  2026-09-21 14:13") && !plain.contains('█'), "{plain}");
        assert_eq!(table(Some(50)), plain);
    }

    #[test]
    fn a_cell_shows_the_worst_of_its_time() {
        let (feeds, _) = feeds();
        let scale = Scale { from: at(0), until: at(240), cells: 4, in_colours: false };
        assert_eq!(scale.cells_of(&feeds[0].spans), [Cell::Bridged, Cell::Bridged, Cell::Gap, Cell::Unwatched]);
        assert_eq!(scale.cells_of(&feeds[1].spans), [Cell::Nothing, Cell::Nothing, Cell::Whole, Cell::Whole]);
    }
}
