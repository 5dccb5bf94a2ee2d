//! What finding copies and similar posts costs, counted and not timed: statements, the rows that they give and change, and sketches
//! that are compared. However alike the articles of an archive are, one more costs little more than among articles that have
//! nothing in common.

use std::cell::Cell;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::neighbours::Neighbours;
use super::packed::Packer;
use super::{connect, polls, sample};
use crate::copies::COMPARED;
use crate::parse::{Entry, Markup, Stamp};

/// Entries of a document.
const ENTRIES: usize = 10;

/// Articles that are there before it is counted, and those that come then.
const BEFORE: usize = 300;
const COUNTED: usize = 100;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

fn count(event: TraceEvent<'_>) {
    if matches!(event, TraceEvent::Stmt(..) | TraceEvent::Row(_)) {
        STEPS.set(STEPS.get() + 1);
    }
}

fn words(seed: &str, range: Range<usize>) -> Vec<String> {
    range.map(|word| format!("{seed}{word}")).collect()
}

/// A text of the kind, the `number`th of many.
fn text(kind: &str, number: usize) -> String {
    let own = format!("n{number}w");
    let text = match kind {
        "all different" => words(&own, 0..150),
        "all the same" => words("same", 0..150),
        "a number" => [words("frame", 0..75), vec![(1_000 + number).to_string()], words("frame", 75..150)].concat(),
        // Every seventh word another name or figure.
        "a form" => {
            let field = |at: usize| if at.is_multiple_of(2) { format!("Name{number}of{at}") } else { (number * 150 + at).to_string() };
            (0..150).map(|at| if at % 7 == 3 { field(at) } else { format!("form{at}") }).collect()
        }
        "a frame" => [words("frame", 0..60), words(&own, 0..90)].concat(),
        // Each has much in common with those next to it.
        "a ring" => (0..150).map(|at| format!("ring{}", (number * 37 + at) % 1_000)).collect(),
        _ => panic!("{kind}"),
    };
    text.join(" ")
}

/// What storing an article of the kind takes on average, when there are many: statements and rows read, rows changed, sketches compared.
fn cost(kind: &str, published: impl Fn(usize) -> DateTime<Utc>) -> [u64; 3] {
    let mut connection = Connection::open_in_memory().unwrap();
    connect::set_up(&mut connection).unwrap();
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT | TraceEventCodes::SQLITE_TRACE_ROW, Some(count));
    let (packer, mut neighbours) = (Packer::default(), Neighbours::default());
    let counts = |connection: &Connection| [STEPS.get(), connection.total_changes(), COMPARED.get()];
    let mut before = [0; 3];
    for document in 0..(BEFORE + COUNTED) / ENTRIES {
        if document == BEFORE / ENTRIES {
            before = counts(&connection);
        }
        let entry = |number: usize| Entry {
            content: Some(Markup::Text(text(kind, number))),
            published: Some(Stamp { text: String::new(), at: Some(published(number)) }),
            ..sample::entry(&number.to_string())
        };
        // The newest first, as feeds have them.
        let entries = (document * ENTRIES..(document + 1) * ENTRIES).rev().map(entry).collect();
        let mut poll = sample::poll(&format!("feed{document}"), entries, start() + TimeDelta::minutes(document as i64));
        if let Some(document) = &mut poll.document {
            document.prepare = Box::new(|entry| {
                let draft =
                    crate::article::Draft { published: entry.published.as_ref().and_then(|stamp| stamp.at), ..sample::draft(entry) };
                polls::Prepared::of(draft, None, Default::default(), &Packer::default())
            });
        }
        // The search index counts its own statements.
        polls::store(&connection, &packer, &mut neighbours, &poll).unwrap();
        neighbours.write_lists(&connection).unwrap();
    }
    let after = counts(&connection);
    std::array::from_fn(|at| (after[at] - before[at]) / COUNTED as u64)
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

#[test]
fn however_alike_articles_are_one_more_costs_little_more_than_among_others() {
    let date = |number: usize| start() + TimeDelta::minutes(number as i64);
    let usual = cost("all different", date);
    for kind in ["all the same", "a number", "a form", "a frame", "a ring"] {
        let cost = cost(kind, date);
        assert!(cost[0] <= 4 * usual[0] && cost[1] <= 3 * usual[1] && cost[2] <= 400, "{kind}: {cost:?}, else {usual:?}");
    }
}

#[test]
fn where_each_is_earlier_than_all_before_it_originals_are_replaced_once_for_each_document() {
    let back = |number: usize| start() - TimeDelta::minutes(number as i64);
    for kind in ["all the same", "a number"] {
        let cost = cost(kind, back);
        // What each document makes copies of its own earliest article is all that was there before.
        let all = (BEFORE + COUNTED) as u64;
        assert!(cost[1] <= 3 * all / ENTRIES as u64 + 40, "{kind}: {cost:?}");
    }
}
