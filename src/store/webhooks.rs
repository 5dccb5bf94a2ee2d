//! Webhooks: how far each has come, and what changed after that.
//!
//! Changes are numbered in the order of their commits, and an article has the number of its last one: so what is undelivered is a
//! range of an index, in order, and an article that changed twice stands there once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params, params_from_iter};

use super::articles::{self, ArticleRow, COLUMNS, Clause};
use super::similar::Headlines;
use super::{Archive, Reader, Selection, StoreError, dictionary};
use crate::article::Forgotten;
use crate::webhook::{Outbox, Said};

/// A change, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number in this archive.
    pub number: i64,
    /// The archive's own id.
    pub archive: String,
    /// What the article is now, or that it is gone.
    pub said: Said,
}

/// What was found after a change number.
#[derive(Debug, Clone, PartialEq)]
pub enum Looked {
    /// The first change that is wanted.
    Found(Change),
    /// None up to this number, the archive's last.
    Nothing(i64),
}

/// A webhook as the archive knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownWebhook {
    /// Its URL without credentials.
    pub url: String,
    /// How far it has come.
    pub outbox: Outbox,
    /// It stands where another one stood that is no longer configured: that one's URL.
    pub was: Option<String>,
}

impl Archive {
    /// From now on these webhooks are configured: gives how far each has come. One that was not known begins now, and what is known of
    /// others goes. Where just one has come and one has gone, it is the same under another URL, and goes on where it was.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settle_webhooks(&self, urls: Vec<String>) -> Result<Vec<KnownWebhook>, StoreError> {
        self.writer.run(move |connection| settle(connection, &urls)).await
    }

    /// Writes down how far a webhook has come; one that is no longer known stays so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn record_outbox(&self, url: String, outbox: &Outbox) -> Result<(), StoreError> {
        let outbox = to_json(outbox).map_err(|error| StoreError::of(self.path(), error))?;
        let record = move |connection: &mut Connection| {
            connection.prepare_cached("UPDATE webhook SET outbox = ?2 WHERE url = ?1")?.execute(params![url, outbox])
        };
        self.writer.run(record).await.map(|_| ())
    }
}

fn settle(connection: &mut Connection, urls: &[String]) -> rusqlite::Result<Vec<KnownWebhook>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut known = outboxes(&transaction)?;
    let gone: Vec<String> = known.keys().filter(|url| !urls.contains(url)).cloned().collect();
    let come: BTreeSet<&String> = urls.iter().filter(|url| !known.contains_key(*url)).collect();
    let moved = if let ([gone], 1) = (&gone[..], come.len()) { Some(gone.clone()) } else { None };
    let change = transaction.query_row("SELECT change FROM archive", [], |row| row.get(0))?;
    let mut webhooks = Vec::new();
    for url in urls {
        let was = moved.clone().filter(|_| come.contains(url));
        let outbox = match known.remove(was.as_ref().unwrap_or(url)) {
            Some(outbox) => outbox,
            None => Outbox::begin(change),
        };
        transaction
            .prepare_cached("INSERT INTO webhook (url, outbox) VALUES (?1, ?2) ON CONFLICT (url) DO NOTHING")?
            .execute(params![url, to_json(&outbox)?])?;
        webhooks.push(KnownWebhook { url: url.clone(), outbox, was });
    }
    for url in &gone {
        transaction.prepare_cached("DELETE FROM webhook WHERE url = ?1")?.execute(params![url])?;
    }
    transaction.commit()?;
    Ok(webhooks)
}

fn to_json(outbox: &Outbox) -> rusqlite::Result<String> {
    serde_json::to_string(outbox).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// All that are known, by URL.
pub(super) fn outboxes(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Outbox>> {
    connection
        .prepare_cached("SELECT url, outbox FROM webhook")?
        .query_map([], |row| {
            let outbox = serde_json::from_str(row.get_ref(1)?.as_str()?)
                .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error)))?;
            Ok((row.get(0)?, outbox))
        })?
        .collect()
}

/// The condition that an article passes, and is not left out as a copy of an earlier one that passes too.
fn wanted(selection: &Selection, after: i64) -> Clause {
    let mut clause = Clause::of(selection);
    clause.and("§.change > ?", [Value::Integer(after)]);
    clause
}

impl Reader {
    /// How far each webhook has come, by its URL without credentials.
    ///
    /// # Errors
    /// Those of the database.
    pub fn outboxes(&self) -> Result<BTreeMap<String, Outbox>, StoreError> {
        outboxes(&self.connection).map_err(|error| self.error(error))
    }

    /// The first change after a number of an article that is selected, or was forgotten; what an article was before its last change is not
    /// known any more. What retention removed says nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub fn next_change(&self, after: i64, selection: &Selection) -> Result<Looked, StoreError> {
        let look = || {
            let moment = self.connection.unchecked_transaction()?;
            let (archive, newest): (String, i64) =
                moment.query_row("SELECT id, change FROM archive", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if newest <= after {
                return Ok(Looked::Nothing(newest));
            }
            let clause = wanted(selection, after);
            let sql = format!(
                "SELECT {COLUMNS}, a.change FROM article a WHERE {} AND NOT {} ORDER BY a.change LIMIT 1",
                clause.for_table("a"),
                Clause::of(selection).has_earlier_copy(selection.copies),
            );
            let article = moment
                .prepare_cached(&sql)?
                .query_row(params_from_iter(&clause.parameters), |row| Ok((row.get::<_, i64>(9)?, ArticleRow::of(row)?)))
                .optional()?;
            let forgotten = moment
                .prepare_cached("SELECT change, id, deleted_at FROM forgotten WHERE change > ?1 ORDER BY change LIMIT 1")?
                .query_row(params![after], |row| {
                    let deleted_at = DateTime::from_timestamp_millis(row.get(2)?).unwrap_or_default();
                    Ok((row.get::<_, i64>(0)?, Forgotten { id: row.get(1)?, deleted_at }))
                })
                .optional()?;
            let (number, said) = match (article, forgotten) {
                (None, None) => return Ok(Looked::Nothing(newest)),
                (article, Some((number, forgotten))) if article.as_ref().is_none_or(|(article, _)| number < *article) => {
                    (number, Said::Forgotten(forgotten))
                }
                (Some((number, row)), _) => {
                    dictionary::load(&moment, &self.packer)?;
                    let article = articles::assemble(&moment, &self.packer, &mut Headlines::default(), row, false, !selection.copies)?;
                    (number, Said::Article(Box::new(article)))
                }
                (None, Some((number, forgotten))) => (number, Said::Forgotten(forgotten)),
            };
            Ok(Looked::Found(Change { number, archive, said }))
        };
        look().map_err(|error| self.error(error))
    }

    /// How many changes [`Self::next_change`] would give one after another; no more than `most` are counted.
    ///
    /// # Errors
    /// Those of the database.
    pub fn count_changes(&self, after: i64, selection: &Selection, most: u32) -> Result<u64, StoreError> {
        let count = || {
            let mut clause = wanted(selection, after);
            let filter = format!("{} AND NOT {}", clause.for_table("a"), Clause::of(selection).has_earlier_copy(selection.copies));
            clause.parameters.push(Value::Integer(most.into()));
            let most = clause.parameters.len();
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM article a WHERE {filter} ORDER BY a.change LIMIT ?{most})");
            let articles: i64 = self.connection.prepare_cached(&sql)?.query_row(params_from_iter(&clause.parameters), |row| row.get(0))?;
            let forgotten: i64 = self
                .connection
                .prepare_cached("SELECT count(*) FROM forgotten WHERE change > ?1")?
                .query_row(params![after], |row| row.get(0))?;
            Ok((articles + forgotten).unsigned_abs())
        };
        count().map_err(|error| self.error(error))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::super::{Poll, sample};
    use super::*;
    use crate::parse::{Entry, Markup};

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    fn polls() -> [Poll; 2] {
        let copy = Entry { link: Some("https://b.example/1".to_owned()), ..sample::entry("1") };
        [sample::poll("a", ["1", "2", "3"].map(sample::entry).into(), at(0)), sample::poll("b", vec![copy, sample::entry("4")], at(1))]
    }

    /// What is told one after another: titles, and numbers that grow.
    fn told(reader: &Reader, mut after: i64, selection: &Selection) -> Vec<String> {
        let mut told = Vec::new();
        let count = reader.count_changes(after, selection, 1_000).unwrap();
        while let Looked::Found(change) = reader.next_change(after, selection).unwrap() {
            assert!(change.number > after);
            after = change.number;
            told.push(match change.said {
                Said::Article(article) => format!("{} {}", article.sightings[0].feed, article.title),
                Said::Forgotten(_) => "forgotten".to_owned(),
            });
        }
        assert_eq!(count, told.len() as u64);
        told
    }

    #[tokio::test]
    async fn changes_come_in_order_each_article_once_and_of_copies_the_earliest() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("a.db")).unwrap();
        for poll in polls() {
            archive.commit(poll).await.unwrap();
        }
        let reader = archive.reader().unwrap();
        let everything = Selection::default();
        let mut all = told(&reader, 0, &everything);
        all.sort();
        assert_eq!(all.len(), 4, "{all:?}");
        assert_eq!(all.iter().filter(|told| told.ends_with("title of 1")).count(), 1, "{all:?}");
        let of_b = Selection { feeds: vec![vec!["b".to_owned()]], ..Selection::default() };
        let mut titles = told(&reader, 0, &of_b);
        titles.sort();
        assert_eq!(titles, ["b title of 1", "b title of 4"], "where the earliest is not wanted, a copy stands for it");
        let of_nobody = Selection { feeds: vec![Vec::new()], ..Selection::default() };
        assert_eq!(told(&reader, 0, &of_nobody), [""; 0]);

        let (_, before) = reader.identity().unwrap();
        assert_eq!(told(&reader, before, &everything), [""; 0]);
        let mut entries = ["1", "2", "3"].map(sample::entry);
        entries[1].content = Some(Markup::Text("another text altogether, of a few words".to_owned()));
        archive.commit(sample::poll("a", entries.into(), at(2))).await.unwrap();
        assert_eq!(told(&reader, before, &everything), ["a title of 2"]);
        let Looked::Found(Change { said: Said::Article(second), .. }) = reader.next_change(before, &everything).unwrap() else {
            panic!("an article");
        };
        archive.forget(vec![second.id.clone()], at(3)).await.unwrap();
        assert_eq!(told(&reader, before, &everything), ["forgotten"]);
        archive.prune(at(0) + TimeDelta::days(1), at(4)).await.unwrap();
        assert_eq!(told(&reader, 0, &everything), ["forgotten"], "what retention removed says nothing");
    }

    #[tokio::test]
    async fn a_webhook_begins_now_goes_on_where_it_was_and_is_forgotten_with_its_table() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("a.db")).unwrap();
        let [first, second] = polls();
        let settle = async |urls: &[&str]| archive.settle_webhooks(urls.iter().map(|url| (*url).to_owned()).collect()).await.unwrap();
        archive.commit(first).await.unwrap();
        let (_, begun) = archive.reader().unwrap().identity().unwrap();
        let [hook] = &settle(&["a"]).await[..] else { panic!("one") };
        assert_eq!((hook.outbox.clone(), hook.was.clone()), (Outbox::begin(begun), None));

        archive.commit(second).await.unwrap();
        let (_, now) = archive.reader().unwrap().identity().unwrap();
        let [one, two] = &settle(&["a", "b"]).await[..] else { panic!("two") };
        assert_eq!((one.outbox.change, two.outbox.change), (begun, now));
        archive.record_outbox("a".to_owned(), &Outbox::begin(begun + 1)).await.unwrap();

        // One has gone and one has come: the same under another URL.
        let [other, moved] = &settle(&["b", "c"]).await[..] else { panic!("two") };
        assert_eq!((other.outbox.change, other.was.as_deref()), (now, None));
        assert_eq!((moved.outbox.change, moved.was.as_deref()), (begun + 1, Some("a")));
        archive.record_outbox("a".to_owned(), &Outbox::begin(7)).await.unwrap();
        assert_eq!(archive.reader().unwrap().outboxes().unwrap().into_keys().collect::<Vec<_>>(), ["b", "c"]);
        // Two have come: nobody knows which of them it would be.
        let three = settle(&["b", "d", "e"]).await;
        assert!(three.iter().all(|hook| hook.outbox.change == now && hook.was.is_none()), "{three:?}");
        assert_eq!(settle(&[]).await, []);
        let [again] = &settle(&["b"]).await[..] else { panic!("one") };
        assert_eq!((again.outbox.clone(), again.was.clone()), (Outbox::begin(now), None));
        assert_eq!(archive.reader().unwrap().check().unwrap().damages, []);
        archive.record_outbox("b".to_owned(), &Outbox::begin(now + 1)).await.unwrap();
        let damages = archive.reader().unwrap().check().unwrap().damages;
        assert_eq!((damages.len(), damages[0].part), (1, "webhooks"), "{damages:?}");
    }
}
