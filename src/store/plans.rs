//! No statement reads the whole of a table that grows with the archive: whatever the archive is asked and told, what SQLite
//! plans for each statement is looked at.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::OpenFlags;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::neighbours::Neighbours;
use super::packed::Packer;
use super::search::SearchQuery;
use super::{Reader, Selection, connect, polls, retention, sample};
use crate::export::Order;

/// Tables of a row a feed, or fewer.
const SMALL: [&str; 8] = ["feed", "archive", "dictionary", "CONSTANT", "forgotten", "outage", "term_frequency", "webhook"];

/// Statements that begin so read more: the insertion of what an article may refer to, where SQLite plans a search for those that wait for it, but makes it only when there are any; the
/// picture of the last weeks, read once when the writer begins.
const ALLOWED: [&str; 2] = ["INSERT INTO sighting ", "SELECT compared.article, copy_key,"];

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(statement, _) = event {
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(statement.sql().into_owned());
    }
}

/// Polls that bring articles, edit them, repeat others' and lose them; retention after that.
fn write(path: &Path) {
    let mut connection = connect::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
    connect::set_up(&mut connection).unwrap();
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
    let packer = Arc::new(Packer::default());
    let mut neighbours = Neighbours::new(Arc::clone(&packer));
    let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let numbers = |first: usize, last: usize| (first..=last).map(|number| sample::entry(&number.to_string())).collect::<Vec<_>>();
    let mut edited = numbers(5, 30);
    for entry in &mut edited {
        entry.content = sample::entry(&format!("edited{}", entry.guid.as_deref().unwrap_or_default())).content;
    }
    let mut copied = numbers(1, 20);
    for entry in &mut copied {
        entry.link = entry.link.as_ref().map(|link| link.replace("a.example", "b.example"));
    }
    for (minute, (feed, entries)) in
        (0..).zip([("a", numbers(1, 25)), ("b", copied), ("a", edited), ("c", numbers(10, 20)), ("c", Vec::new()), ("a", numbers(1, 9))])
    {
        let poll = sample::poll(feed, entries, at + TimeDelta::minutes(minute));
        polls::store(&connection, &packer, &mut neighbours, &poll).unwrap().1.write(&connection).unwrap();
    }
    while !retention::remove_batch(&mut connection, &mut neighbours, at + TimeDelta::minutes(1), at + TimeDelta::days(1))
        .unwrap()
        .is_empty()
    {}
    while retention::release_batch(&mut connection, at + TimeDelta::days(1)).unwrap() > 0 {}
}

fn read(reader: &Reader) {
    reader.connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
    let now: DateTime<Utc> = DateTime::from_timestamp(1_790_100_000, 0).unwrap();
    let feeds = || vec![vec!["a".to_owned(), "b".to_owned()]];
    let query = |query: &str| Selection { query: SearchQuery::parse(query), ..Selection::default() };
    for selection in [
        Selection::default(),
        Selection { since: Some(now - TimeDelta::days(9)), until: Some(now), ..Selection::default() },
        Selection { feeds: feeds(), revisions: true, ..Selection::default() },
        Selection { languages: vec!["en".to_owned()], copies: true, ..Selection::default() },
        Selection { changed_after: Some(3), ..Selection::default() },
        Selection { limit: Some(3), ..Selection::default() },
        Selection { order: Order::NewestFirst, ..query("title") },
        query("\"title of\""),
        Selection { order: Order::ByFirstFeed, ..Selection::default() },
    ] {
        let articles: Vec<_> = reader.articles(selection).unwrap().map(Result::unwrap).collect();
        for article in articles.iter().take(1) {
            reader.article(&article.id, true).unwrap().unwrap();
            reader.revised_at(&article.id).unwrap();
        }
    }
    for selection in [
        Selection::default(),
        Selection { feeds: feeds(), languages: vec!["en".to_owned()], ..Selection::default() },
        Selection { feeds: vec![feeds().concat(), Vec::new()], ..Selection::default() },
    ] {
        reader.next_change(3, &selection).unwrap();
        reader.count_changes(3, &selection, 100).unwrap();
    }
    reader.outboxes().unwrap();
    reader.most_relevant(&query("title"), 10).unwrap();
    reader.forgotten_after(0).unwrap();
    reader.last_changed().unwrap();
    reader.feed_outlines().unwrap();
    reader.feed_state("a").unwrap().unwrap();
    reader.planned_polls().unwrap();
    reader.moved_feeds().unwrap();
    reader.feed_summaries().unwrap();
    reader.feed_conditions().unwrap();
    reader.overview(now).unwrap();
    reader.identity().unwrap();
}

#[test]
fn no_statement_reads_a_whole_table_that_grows_with_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    write(&path);
    let reader = Reader::open(&path).unwrap();
    read(&reader);
    reader.connection.trace_v2(TraceEventCodes::empty(), None);
    let seen = SEEN.lock().unwrap().clone();
    assert!(seen.len() > 60, "{} statements", seen.len());
    let mut offenders = Vec::new();
    for sql in &seen {
        let is_of_index = sql.starts_with("--") || sql.contains("'article_tokens_") || sql.contains("\"article_tokens_");
        let is_command = ["PRAGMA", "BEGIN", "COMMIT", "ROLLBACK"].iter().any(|word| sql.starts_with(word));
        if is_of_index || is_command || ALLOWED.iter().any(|allowed| sql.starts_with(allowed)) {
            continue;
        }
        let mut plan = reader.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = plan.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get::<_, String>(3).unwrap());
        }
        let scans = |step: &String| {
            step.strip_prefix("SCAN ")
                .is_some_and(|table| !SMALL.contains(&table.split(' ').next().unwrap_or_default()) && !table.contains("VIRTUAL"))
        };
        let sorts = steps.iter().any(|step| step.starts_with("USE TEMP B-TREE FOR ORDER BY"));
        // In the order of an index, and no further than wanted, is how a list is read.
        let is_list = sql.contains("LIMIT") && !sorts;
        if steps.iter().any(scans) && !is_list {
            offenders.push(format!("{sql}\n    {}", steps.join("\n    ")));
        }
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n\n"));
}
