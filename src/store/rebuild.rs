//! A rebuild as the archive sees it: how far it has come, committed with each group of articles, so that one that was
//! interrupted, by whatever, goes on where it was.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::remake::{self, Remade, Rules};
use super::shown::Changes;
use super::{Archive, Reader, StoreError};
use crate::decide::ArticleRef;

/// So many articles in one transaction at most …
const BATCH: usize = 200;

/// … and no more are begun after so long: polls wait no longer for it than for a group of polls.
const LONGEST: Duration = Duration::from_millis(50);

/// What a rebuild has done, all its runs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RebuildTally {
    /// Articles that were looked at.
    pub articles: u64,
    /// … of these so many show something else now.
    pub changed: u64,
    /// … had no raw entry to be made from.
    pub without_entry: u64,
    /// … could not be read, or brought the rules down.
    pub unreadable: u64,
}

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildState {
    /// All up to this one have been made again.
    pub after: ArticleRef,
    /// What was done until now.
    pub tally: RebuildTally,
    /// Does it go on where an earlier one was interrupted?
    pub is_resumed: bool,
}

impl Archive {
    /// Begins a rebuild, or goes on with one by the same rules and settings, which `fingerprint` stands for.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing was begun then.
    pub async fn begin_rebuild(&self, fingerprint: i64) -> Result<RebuildState, StoreError> {
        self.writer.run(move |connection| begin(connection, fingerprint)).await
    }

    /// Commits articles that were made again, with how far that has come; polls go on in between. Gives what was done until now.
    ///
    /// # Errors
    /// A [`StoreError`]; what was committed before stays, and the rebuild goes on there next time.
    pub async fn commit_remade(&self, remade: Vec<Remade>, rules: Arc<dyn Rules>, now: DateTime<Utc>) -> Result<RebuildTally, StoreError> {
        let mut waiting = VecDeque::from(remade);
        loop {
            let (packer, rules) = (self.packer(), Arc::clone(&rules));
            let tally;
            (waiting, tally) = self
                .writer
                .run(move |connection| {
                    let tally = write_group(connection, &packer, rules.as_ref(), &mut waiting, now)?;
                    Ok((waiting, tally))
                })
                .await?;
            if waiting.is_empty() {
                return Ok(tally);
            }
        }
    }

    /// The rebuild is over.
    ///
    /// # Errors
    /// A [`StoreError`]; it will be gone on with, and there will be little to do.
    pub async fn end_rebuild(&self) -> Result<(), StoreError> {
        self.writer.run(|connection| connection.execute("DELETE FROM rebuild", []).map(drop)).await
    }
}

impl Reader {
    /// How many articles there are.
    ///
    /// # Errors
    /// Those of the database.
    pub fn article_count(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM article WHERE removed_at IS NULL", [], |row| row.get(0))
            .map(i64::unsigned_abs)
            .map_err(|error| self.error(error))
    }
}

fn begin(connection: &Connection, fingerprint: i64) -> rusqlite::Result<RebuildState> {
    let known: Option<i64> =
        connection.query_row("SELECT article FROM rebuild WHERE fingerprint = ?1", params![fingerprint], |row| row.get(0)).optional()?;
    if let Some(after) = known {
        return Ok(RebuildState { after: ArticleRef(after), tally: tally(connection)?, is_resumed: true });
    }
    connection.execute(
        "INSERT OR REPLACE INTO rebuild (one, fingerprint, article, articles, changed, without_entry, unreadable) VALUES (1, ?1, 0, 0, 0, 0, 0)",
        params![fingerprint],
    )?;
    Ok(RebuildState { after: ArticleRef(0), tally: RebuildTally::default(), is_resumed: false })
}

fn tally(connection: &Connection) -> rusqlite::Result<RebuildTally> {
    connection.prepare_cached("SELECT articles, changed, without_entry, unreadable FROM rebuild")?.query_row([], |row| {
        let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(RebuildTally { articles: count(0)?, changed: count(1)?, without_entry: count(2)?, unreadable: count(3)? })
    })
}

/// Writes as many of these as the writer has time for.
fn write_group(
    connection: &mut Connection,
    packer: &super::Packer,
    rules: &dyn Rules,
    waiting: &mut VecDeque<Remade>,
    now: DateTime<Utc>,
) -> rusqlite::Result<RebuildTally> {
    let began = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = Changes::new(&transaction, now.timestamp_millis());
    let mut written = 0;
    while written < BATCH && began.elapsed() < LONGEST {
        let Some(remade) = waiting.pop_front() else { break };
        let article = remade.article();
        let done = remake::write(&transaction, packer, rules, &mut changes, remade)?;
        written += 1;
        transaction
            .prepare_cached(
                "UPDATE rebuild SET article = ?1, articles = articles + 1, changed = changed + ?2, without_entry = without_entry + ?3,
                   unreadable = unreadable + ?4",
            )?
            .execute(params![article.0, done.is_changed, !done.has_entry, done.is_unreadable])?;
    }
    changes.finish()?.write(&transaction)?;
    let tally = tally(&transaction)?;
    transaction.commit()?;
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::super::connect::set_up;
    use super::super::neighbours::Neighbours;
    use super::super::{Packer, integrity, polls, sample};
    use super::*;
    use crate::article::Draft;
    use crate::normalise::RULES_VERSION;
    use crate::store::{KeptEntry, KeptPage, RemadePage};

    /// Titles are shouted; one of this guid brings the rules down.
    #[derive(Default)]
    struct Loud {
        fails_on: Option<&'static str>,
    }

    impl Rules for Loud {
        fn draft(&self, kept: &KeptEntry<'_>) -> Draft {
            assert!(self.fails_on.is_none() || kept.entry.guid.as_deref() != self.fails_on, "a rule that breaks down");
            let draft = sample::draft(kept.entry);
            let text = format!("{} again", draft.text);
            Draft { title: draft.title.to_uppercase(), text, word_count: 61, ..draft }
        }

        fn page(&self, _: &KeptPage<'_>) -> RemadePage {
            RemadePage::default()
        }
    }

    struct Lab {
        connection: Connection,
        packer: Arc<Packer>,
        neighbours: Neighbours,
        polls: i64,
    }

    impl Lab {
        /// Polled once, by older rules.
        fn polled(guids: &[&str]) -> Self {
            let mut connection = Connection::open_in_memory().unwrap();
            set_up(&mut connection).unwrap();
            let packer = Arc::new(Packer::default());
            let mut lab = Self { connection, neighbours: Neighbours::new(Arc::clone(&packer)), packer, polls: 0 };
            lab.poll(guids.iter().map(|guid| sample::entry(guid)).collect());
            lab.connection.execute("UPDATE body SET rules = 0", []).unwrap();
            lab
        }

        fn at(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_790_000_000 + 3_600 * self.polls, 0).unwrap()
        }

        fn poll(&mut self, entries: Vec<crate::parse::Entry>) {
            self.polls += 1;
            let poll = sample::poll("a", entries, self.at());
            polls::store(&self.connection, &self.packer, &mut self.neighbours, &poll).unwrap().1.write(&self.connection).unwrap();
        }

        fn numbers(&self) -> Vec<i64> {
            let mut numbers = self.connection.prepare("SELECT article FROM article ORDER BY article").unwrap();
            numbers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }

        fn make(&self, rules: &dyn Rules) -> VecDeque<Remade> {
            self.numbers().into_iter().map(|article| remake::make_safely(&self.connection, &self.packer, rules, article).unwrap()).collect()
        }

        fn write(&mut self, mut made: VecDeque<Remade>, rules: &dyn Rules) -> RebuildTally {
            self.polls += 1;
            let now = self.at();
            let mut tally = RebuildTally::default();
            while !made.is_empty() {
                tally = write_group(&mut self.connection, &self.packer, rules, &mut made, now).unwrap();
            }
            tally
        }

        fn rebuild(&mut self, rules: &dyn Rules) -> RebuildTally {
            begin(&self.connection, 1).unwrap();
            let tally = self.write(self.make(rules), rules);
            self.connection.execute("DELETE FROM rebuild", []).unwrap();
            tally
        }

        fn titles(&self) -> Vec<String> {
            let mut bodies = self.connection.prepare("SELECT content FROM body ORDER BY sighting").unwrap();
            let title = |row: &rusqlite::Row<'_>| Ok(self.packer.unpack::<Draft>(&row.get::<_, Vec<u8>>(0)?).unwrap().title);
            bodies.query_map([], title).unwrap().map(Result::unwrap).collect()
        }

        fn count(&self, sql: &str) -> i64 {
            self.connection.query_row(sql, [], |row| row.get(0)).unwrap()
        }

        fn rows(&self, sql: &str) -> Vec<(i64, i64, i64)> {
            let mut statement = self.connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.map(Result::unwrap).collect()
        }
    }

    #[test]
    fn what_older_rules_made_is_made_again_without_a_revision_and_a_second_time_changes_nothing() {
        let mut lab = Lab::polled(&["1", "2", "3"]);
        let keys = "SELECT kind, key, article FROM entry_key ORDER BY key";
        let (keys_before, entries) = (lab.rows(keys), "SELECT sighting, entry_hash, text_key FROM sighting");
        let entries_before = lab.rows(entries);
        let tally = lab.rebuild(&Loud::default());
        assert_eq!(tally, RebuildTally { articles: 3, changed: 3, ..RebuildTally::default() });
        assert_eq!(lab.titles(), ["TITLE OF 1", "TITLE OF 2", "TITLE OF 3"]);
        assert_eq!((lab.rows(keys), lab.rows(entries)), (keys_before, entries_before));
        assert_eq!(lab.count("SELECT max(revision) FROM article"), 1);
        assert_eq!(lab.count("SELECT count(*) FROM revision"), 0);
        assert_eq!(lab.count("SELECT min(words) FROM sighting"), 61);
        assert_eq!(lab.count("SELECT min(rules) FROM body"), i64::from(RULES_VERSION));
        assert_eq!(lab.count("SELECT count(*) FROM article_tokens WHERE article_tokens MATCH 'again'"), 3);
        assert_eq!(integrity::check(&lab.connection).unwrap().damages, Vec::new());

        let state = "SELECT article, change, last_changed FROM article";
        let before = lab.rows(state);
        assert_eq!(lab.rebuild(&Loud::default()), RebuildTally { articles: 3, ..RebuildTally::default() });
        assert_eq!(lab.rows(state), before);
    }

    #[test]
    fn an_entry_that_changes_between_making_and_writing_is_made_as_it_is_now() {
        let mut lab = Lab::polled(&["1", "2"]);
        begin(&lab.connection, 1).unwrap();
        let made = lab.make(&Loud::default());
        let mut edited = sample::entry("2");
        edited.title = Some(crate::parse::Markup::Text("edited title".into()));
        lab.poll(vec![sample::entry("1"), edited]);
        lab.write(made, &Loud::default());
        assert_eq!(lab.titles(), ["TITLE OF 1", "EDITED TITLE"]);
        assert_eq!(integrity::check(&lab.connection).unwrap().damages, Vec::new());
    }

    #[test]
    fn an_article_on_which_a_rule_breaks_down_stays_and_harms_no_other() {
        let mut lab = Lab::polled(&["1", "2", "3"]);
        let tally = lab.rebuild(&Loud { fails_on: Some("2") });
        assert_eq!(tally, RebuildTally { articles: 3, changed: 2, without_entry: 0, unreadable: 1 });
        assert_eq!(lab.titles(), ["TITLE OF 1", "title of 2", "TITLE OF 3"]);
    }

    #[test]
    fn a_rebuild_by_other_rules_begins_anew_and_by_the_same_goes_on() {
        let lab = Lab::polled(&["1", "2"]);
        assert!(!begin(&lab.connection, 7).unwrap().is_resumed);
        lab.connection.execute("UPDATE rebuild SET article = 2, articles = 2, changed = 1", []).unwrap();
        let state = begin(&lab.connection, 7).unwrap();
        assert_eq!((state.after, state.tally.changed, state.is_resumed), (ArticleRef(2), 1, true));
        let state = begin(&lab.connection, 8).unwrap();
        assert_eq!((state.after, state.tally, state.is_resumed), (ArticleRef(0), RebuildTally::default(), false));
    }
}
