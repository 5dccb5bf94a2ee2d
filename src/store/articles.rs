//! Which articles, in which order: what exports, search and `show` ask of the archive.
//!
//! Articles are streamed from one read transaction, so an export is a picture of one moment, however long it takes,
//! and memory stays flat.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::packed::Packer;
use super::search::{self, SearchQuery};
use super::similar::{self, Headlines};
use super::{Reader, StoreError, dictionary, pages};
use crate::article::{Article, ArticleCopy, Draft, Revision, Sighting};
use crate::export::{FeedOutline, Forgotten, Order};

/// Which articles are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// From this time on, by `published`, else `first_seen`.
    pub since: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Seen in a feed of each of these lists.
    pub feeds: Vec<Vec<String>>,
    /// In one of these languages; `de` takes `de-AT`.
    pub languages: Vec<String>,
    /// With these words and phrases.
    pub query: Option<SearchQuery>,
    /// Only the newest so many.
    pub limit: Option<u64>,
    /// All copies, not only the earliest of a cluster.
    pub copies: bool,
    /// With earlier revisions.
    pub revisions: bool,
    /// Changed after this change number.
    pub changed_after: Option<i64>,
    /// The order.
    pub order: Order,
    /// Only what comes after this place in that order.
    pub after: Option<Place>,
}

/// A place in the order by date: that of the article of this date and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `published`, else `first_seen`.
    pub at: DateTime<Utc>,
    /// The article's id.
    pub id: String,
}

/// Articles at a time: few enough to stay small, many enough that asking costs nothing.
const PAGE: usize = 64;

/// Articles of some feeds are found by their sightings and put in order, up to so many (7 MB). Of more, it is cheaper to pass
/// over the others.
const MOST_CHOSEN: usize = 100_000;

/// The largest time that is stored: copies without a date come last in their cluster.
const NO_DATE: i64 = i64::MAX;

/// A `WHERE` clause and its parameters, for the table's alias `a` (or another).
pub(super) struct Clause {
    pub(super) parameters: Vec<Value>,
    filter: String,
}

impl Clause {
    pub(super) fn of(selection: &Selection) -> Self {
        let mut clause = Self { parameters: Vec::new(), filter: "+§.removed_at IS NULL".to_owned() };
        if let Some(since) = selection.since {
            clause.and("§.at >= ?", [Value::Integer(since.timestamp_millis())]);
        }
        if let Some(until) = selection.until {
            clause.and("§.at < ?", [Value::Integer(until.timestamp_millis())]);
        }
        if let Some(change) = selection.changed_after {
            clause.and("§.change > ?", [Value::Integer(change)]);
        }
        for feeds in &selection.feeds {
            let names = vec!["?"; feeds.len()].join(", ");
            clause.and(
                &format!(
                    "EXISTS (SELECT 1 FROM sighting JOIN feed ON feed.feed = sighting.feed
                     WHERE sighting.article = §.article AND feed.name IN ({names}))"
                ),
                feeds.iter().map(|name| Value::Text(name.clone())),
            );
        }
        if !selection.languages.is_empty() {
            let tests = vec!["§.language = ? COLLATE NOCASE OR §.language LIKE ? || '-%'"; selection.languages.len()].join(" OR ");
            let values = selection.languages.iter().flat_map(|language| [language.clone(), language.clone()]).map(Value::Text);
            clause.and(&format!("({tests})"), values);
        }
        if let Some(query) = &selection.query {
            clause.and("§.article IN (SELECT rowid FROM article_tokens WHERE article_tokens MATCH ?)", [Value::Text(query.index_query())]);
            if query.has_phrases() {
                clause.and("has_phrases((SELECT content FROM body WHERE sighting = §.speaker), (SELECT draft FROM page_body WHERE article = §.article))", []);
            }
        }
        clause
    }

    /// Adds a condition; each `?` gets the next number, so that the clause can stand in a statement twice.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.filter.push_str(" AND ");
        let mut number = self.parameters.len();
        for part in condition.split_inclusive('?') {
            self.filter.push_str(part);
            if part.ends_with('?') {
                number += 1;
                let _ = write!(self.filter, "{number}");
            }
        }
        self.parameters.extend(values);
    }

    pub(super) fn for_table(&self, alias: &str) -> String {
        self.filter.replace('§', alias)
    }

    /// Is there a copy of `a` that passes too and is earlier? `FALSE` where all copies are wanted.
    pub(super) fn has_earlier_copy(&self, copies: bool) -> String {
        if copies {
            return "FALSE".to_owned();
        }
        let passes = self.for_table("c");
        let is_earlier = format!("(coalesce(c.published, {NO_DATE}), c.id) < (coalesce(a.published, {NO_DATE}), a.id)");
        format!(
            "(a.duplicate_of IS NOT NULL AND (
               EXISTS (SELECT 1 FROM article c WHERE c.article = a.duplicate_of AND {is_earlier} AND {passes})
               OR EXISTS (SELECT 1 FROM article c WHERE c.duplicate_of = a.duplicate_of AND {is_earlier} AND {passes})))"
        )
    }
}

/// The columns that an article is made from.
pub(super) const COLUMNS: &str = "a.article, a.id, a.speaker, a.revision, a.first_seen, a.last_changed, a.duplicate_of, a.at, a.copy_key";

#[derive(Debug)]
pub(super) struct ArticleRow {
    article: i64,
    id: String,
    speaker: i64,
    revision: u32,
    first_seen: i64,
    last_changed: i64,
    duplicate_of: Option<i64>,
    at: i64,
    copy_key: Option<i64>,
}

impl ArticleRow {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            article: row.get(0)?,
            id: row.get(1)?,
            speaker: row.get(2)?,
            revision: row.get(3)?,
            first_seen: row.get(4)?,
            last_changed: row.get(5)?,
            duplicate_of: row.get(6)?,
            at: row.get(7)?,
            copy_key: row.get(8)?,
        })
    }
}

/// The selected articles, one after another, from one moment's picture of the archive.
///
/// As long as it lives, everything else that its [`Reader`] is asked comes from the same picture.
#[derive(Debug)]
pub struct Articles<'r> {
    reader: &'r Reader,
    transaction: Transaction<'r>,
    selection: Selection,
    /// The parts that are still to come: all at once, or feed by feed.
    parts: VecDeque<Option<i64>>,
    /// Of selected feeds: the articles that may pass, in their order.
    chosen: Option<VecDeque<i64>>,
    /// Where the newest so many begin.
    from: Option<(i64, String)>,
    /// The last article of the page before.
    after: Option<(i64, String)>,
    page: VecDeque<(ArticleRow, bool)>,
    copies_left_out: u64,
    headlines: Headlines,
}

impl Articles<'_> {
    /// Copies that were left out so far.
    pub fn copies_left_out(&self) -> u64 {
        self.copies_left_out
    }

    fn next_row(&mut self) -> rusqlite::Result<Option<ArticleRow>> {
        loop {
            while let Some((row, has_earlier_copy)) = self.page.pop_front() {
                if !has_earlier_copy {
                    return Ok(Some(row));
                }
                self.copies_left_out += 1;
            }
            let Some(part) = self.parts.front().copied() else { return Ok(None) };
            self.read_page(part)?;
            if self.page.is_empty() && self.chosen.as_ref().is_none_or(VecDeque::is_empty) {
                self.parts.pop_front();
                self.after = None;
            }
        }
    }

    fn read_page(&mut self, first_feed: Option<i64>) -> rusqlite::Result<()> {
        let mut clause = Clause::of(&self.selection);
        let has_earlier_copy = clause.has_earlier_copy(self.selection.copies);
        if let Some((at, id)) = &self.from {
            clause.and("(§.at, §.id) >= (?, ?)", [Value::Integer(*at), Value::Text(id.clone())]);
        }
        let (direction, later) = if self.selection.order == Order::NewestFirst { ("DESC", "<") } else { ("ASC", ">") };
        if let Some(chosen) = &mut self.chosen {
            let some: Vec<Value> = chosen.drain(..PAGE.min(chosen.len())).map(Value::Integer).collect();
            let places = vec!["?"; some.len()].join(", ");
            clause.and(&format!("§.article IN ({places})"), some);
        } else if let Some((at, id)) = &self.after {
            clause.and(&format!("(§.at, §.id) {later} (?, ?)"), [Value::Integer(*at), Value::Text(id.clone())]);
        }
        if let Some(feed) = first_feed {
            clause.and("§.first_feed = ?", [Value::Integer(feed)]);
        }
        let sql = format!(
            "SELECT {COLUMNS}, {has_earlier_copy} FROM article a WHERE {} ORDER BY a.at {direction}, a.id {direction} LIMIT {PAGE}",
            clause.for_table("a")
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(&clause.parameters), |row| Ok((ArticleRow::of(row)?, row.get(9)?)))?;
        self.page = rows.collect::<rusqlite::Result<_>>()?;
        self.after = self.page.back().map(|(row, _)| (row.at, row.id.clone()));
        Ok(())
    }
}

impl Iterator for Articles<'_> {
    type Item = Result<Article, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_row().and_then(|row| {
            let (reader, headlines) = (self.reader, &mut self.headlines);
            row.map(|row| assemble(&self.transaction, &reader.packer, headlines, row, self.selection.revisions, !self.selection.copies))
                .transpose()
        });
        if next.is_err() {
            // After an error nothing more can be trusted.
            self.parts.clear();
            self.page.clear();
        }
        next.map_err(|error| self.reader.error(error)).transpose()
    }
}

impl Reader {
    /// The selected articles in their order.
    ///
    /// # Errors
    /// Those of the database.
    pub fn articles(&self, selection: Selection) -> Result<Articles<'_>, StoreError> {
        let open = || {
            if let Some(query) = &selection.query {
                search::register_phrases(&self.connection, &self.packer, query)?;
            }
            let transaction = self.connection.unchecked_transaction()?;
            dictionary::load(&transaction, &self.packer)?;
            let parts = match selection.order {
                Order::ByFirstFeed => feeds_by_name(&transaction)?.into_iter().map(Some).collect(),
                Order::OldestFirst | Order::NewestFirst => VecDeque::from([None]),
            };
            let chosen = chosen(&transaction, &selection)?;
            let from = self.newest(&transaction, &selection, chosen.is_some())?;
            let after = selection.after.as_ref().map(|place| (place.at.timestamp_millis(), place.id.clone()));
            let page = VecDeque::new();
            Ok(Articles {
                reader: self,
                transaction,
                selection,
                parts,
                chosen,
                from,
                after,
                page,
                copies_left_out: 0,
                headlines: Headlines::default(),
            })
        };
        open().map_err(|error| self.error(error))
    }

    /// Where the newest so many begin, by the same filters.
    fn newest(&self, connection: &Connection, selection: &Selection, is_chosen: bool) -> rusqlite::Result<Option<(i64, String)>> {
        let Some(limit) = selection.limit else { return Ok(None) };
        let nothing = (i64::MAX, String::new());
        let Some(before) = limit.checked_sub(1) else { return Ok(Some(nothing)) };
        let mut clause = Clause::of(selection);
        let has_earlier_copy = clause.has_earlier_copy(selection.copies);
        if let Some(feeds) = selection.feeds.first().filter(|_| is_chosen) {
            let names = vec!["?"; feeds.len()].join(", ");
            let seen = format!("§.article IN (SELECT article FROM sighting WHERE feed IN (SELECT feed FROM feed WHERE name IN ({names})))");
            clause.and(&seen, feeds.iter().map(|name| Value::Text(name.clone())));
        }
        clause.parameters.push(Value::Integer(i64::try_from(before).unwrap_or(i64::MAX)));
        let sql = format!(
            "SELECT a.at, a.id FROM article a WHERE {} AND NOT {has_earlier_copy} ORDER BY a.at DESC, a.id DESC LIMIT 1 OFFSET ?{}",
            clause.for_table("a"),
            clause.parameters.len()
        );
        connection.prepare_cached(&sql)?.query_row(params_from_iter(&clause.parameters), |row| Ok((row.get(0)?, row.get(1)?))).optional()
    }

    /// The newest selected articles, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn newest_articles(&self, selection: &Selection, most: usize) -> Result<Vec<Article>, StoreError> {
        self.articles(Selection { order: Order::NewestFirst, ..selection.clone() })?.take(most).collect()
    }

    /// One article; `None` where the archive has none of this id.
    ///
    /// # Errors
    /// Those of the database.
    pub fn article(&self, id: &str, revisions: bool) -> Result<Option<Article>, StoreError> {
        let read = || {
            // Of one moment: what was packed with a dictionary that came meanwhile could not be read. Where articles are
            // being read, there is one already.
            let _moment = self.connection.is_autocommit().then(|| self.connection.unchecked_transaction()).transpose()?;
            dictionary::load(&self.connection, &self.packer)?;
            let row = self
                .connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM article a WHERE a.id = ?1 AND a.removed_at IS NULL"))?
                .query_row(params![id], ArticleRow::of)
                .optional()?;
            row.map(|row| assemble(&self.connection, &self.packer, &mut Headlines::default(), row, revisions, false)).transpose()
        };
        read().map_err(|error| self.error(error))
    }

    /// When the archive first had the revision that the article shows; `None` where there is no article of this id.
    ///
    /// # Errors
    /// Those of the database.
    pub fn revised_at(&self, id: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.connection
            .prepare_cached("SELECT revised_at FROM article WHERE id = ?1 AND removed_at IS NULL")
            .and_then(|mut statement| statement.query_row(params![id], |row| time(row.get(0)?)).optional())
            .map_err(|error| self.error(error))
    }

    /// Articles that were taken out for good after a change number.
    ///
    /// # Errors
    /// Those of the database.
    pub fn forgotten_after(&self, change: i64) -> Result<Vec<Forgotten>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT id, deleted_at FROM forgotten WHERE change > ?1 ORDER BY id")?
                .query_map(params![change], |row| Ok(Forgotten { id: row.get(0)?, deleted_at: time(row.get(1)?)? }))?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }

    /// When anything last changed: the newest `last_changed`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn last_changed(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.connection
            .query_row("SELECT last_changed FROM article WHERE removed_at IS NULL ORDER BY change DESC LIMIT 1", [], |row| row.get(0))
            .optional()
            .map(|at| at.and_then(DateTime::from_timestamp_millis))
            .map_err(|error| self.error(error))
    }

    /// How exports name each feed that was ever polled.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_outlines(&self) -> Result<HashMap<String, FeedOutline>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT name, coalesce(given_title, title, name), url, site_url FROM feed")?
                .query_map([], |row| Ok((row.get(0)?, FeedOutline { title: row.get(1)?, xml_url: row.get(2)?, html_url: row.get(3)? })))?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }
}

/// The articles of the selected feeds, in their order; `None` where no feeds are selected, or too many articles are theirs.
fn chosen(connection: &Connection, selection: &Selection) -> rusqlite::Result<Option<VecDeque<i64>>> {
    let Some(feeds) = selection.feeds.first().filter(|_| selection.order != Order::ByFirstFeed) else { return Ok(None) };
    let names = vec!["?"; feeds.len()].join(", ");
    let sql = format!(
        "SELECT DISTINCT article FROM sighting WHERE feed IN (SELECT feed FROM feed WHERE name IN ({names})) LIMIT {}",
        MOST_CHOSEN + 1
    );
    let mut articles = connection.prepare_cached(&sql)?;
    let articles: Vec<i64> = articles.query_map(params_from_iter(feeds), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if articles.len() > MOST_CHOSEN {
        return Ok(None);
    }
    let mut key = connection.prepare_cached("SELECT at, id FROM article WHERE article = ?1")?;
    let mut keyed: Vec<(i64, String, i64)> = articles
        .into_iter()
        .map(|article| key.query_row(params![article], |row| Ok((row.get(0)?, row.get(1)?, article))))
        .collect::<rusqlite::Result<_>>()?;
    keyed.sort_unstable();
    if let Some(place) = &selection.after {
        let after = (place.at.timestamp_millis(), place.id.as_str());
        let newest_first = selection.order == Order::NewestFirst;
        keyed.retain(|(at, id, _)| if newest_first { (*at, id.as_str()) < after } else { (*at, id.as_str()) > after });
    }
    if selection.order == Order::NewestFirst {
        keyed.reverse();
    }
    Ok(Some(keyed.into_iter().map(|(.., article)| article).collect()))
}

fn feeds_by_name(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection.prepare_cached("SELECT feed FROM feed ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
}

fn time(milliseconds: i64) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_millis(milliseconds).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, milliseconds))
}

/// Puts together what the archive keeps apart. An article that stands for its whole cluster names all others of it,
/// be it the earliest or not; else only the earliest names its copies.
pub(super) fn assemble(
    connection: &Connection,
    packer: &Packer,
    headlines: &mut Headlines,
    row: ArticleRow,
    with_revisions: bool,
    stands_for_cluster: bool,
) -> rusqlite::Result<Article> {
    let draft = connection
        .prepare_cached(
            "SELECT body.content, page_body.draft FROM body LEFT JOIN page_body ON page_body.article = ?2 WHERE body.sighting = ?1",
        )?
        .query_row(params![row.speaker, row.article], |body| pages::shown(packer, body.get_ref(0)?, body.get_ref(1)?))?;
    let duplicate_of = match row.duplicate_of {
        Some(earliest) => {
            Some(connection.prepare_cached("SELECT id FROM article WHERE article = ?1")?.query_row(params![earliest], |row| row.get(0))?)
        }
        None => None,
    };
    Ok(Article {
        duplicate_of,
        copies: copies_of(connection, packer, &row, &draft.text, row.duplicate_of.filter(|_| stands_for_cluster).unwrap_or(row.article))?,
        similar: similar::of_article(connection, packer, headlines, row.article, row.duplicate_of.unwrap_or(row.article))?,
        sightings: sightings_of(connection, row.article)?,
        revision: row.revision,
        revisions: if with_revisions { Some(revisions_of(connection, packer, row.article)?) } else { None },
        first_seen: Some(time(row.first_seen)?),
        last_changed: Some(time(row.last_changed)?),
        ..Article::of(row.id, draft)
    })
}

/// The members of a cluster but for one article, as copies of it.
fn copies_of(connection: &Connection, packer: &Packer, row: &ArticleRow, text: &str, earliest: i64) -> rusqlite::Result<Vec<ArticleCopy>> {
    connection
        .prepare_cached(
            "SELECT a.id, body.content, a.copy_key, a.likeness, page_body.draft FROM article a JOIN body ON body.sighting = a.speaker
               LEFT JOIN page_body ON page_body.article = a.article
             WHERE (a.duplicate_of = ?1 OR a.article = ?1) AND a.article <> ?2 AND EXISTS (SELECT 1 FROM article WHERE duplicate_of = ?1)
             ORDER BY a.id",
        )?
        .query_map(params![earliest, row.article], |copy| {
            let draft = pages::shown(packer, copy.get_ref(1)?, copy.get_ref(4)?)?;
            let (key, likeness): (Option<i64>, Option<i64>) = (copy.get(2)?, copy.get(3)?);
            let similarity = match likeness {
                _ if key.is_some() && key == row.copy_key => 1.0,
                // Kept is how much copies are like the earliest.
                Some(likeness) if row.article == earliest => likeness as f64 / 1_000.0,
                _ => crate::copies::similarity(text, &draft.text),
            };
            Ok(ArticleCopy { id: copy.get(0)?, url: draft.url, site: draft.site, similarity })
        })?
        .collect()
}

fn sightings_of(connection: &Connection, article: i64) -> rusqlite::Result<Vec<Sighting>> {
    connection
        .prepare_cached(
            "SELECT feed.name, coalesce(feed.given_title, feed.title), sighting.guid, sighting.url, sighting.first_seen, coalesce(sighting.left_at, feed.last_seen_at)
             FROM sighting JOIN feed ON feed.feed = sighting.feed WHERE sighting.article = ?1
             ORDER BY sighting.first_seen, sighting.sighting",
        )?
        .query_map(params![article], |row| {
            let first_seen: i64 = row.get(4)?;
            Ok(Sighting {
                feed: row.get(0)?,
                feed_title: row.get(1)?,
                guid: row.get(2)?,
                url: row.get(3)?,
                first_seen: time(first_seen)?,
                last_seen: time(row.get::<_, Option<i64>>(5)?.unwrap_or(first_seen))?,
            })
        })?
        .collect()
}

fn revisions_of(connection: &Connection, packer: &Packer, article: i64) -> rusqlite::Result<Vec<Revision>> {
    connection
        .prepare_cached("SELECT revision, seen_at, draft FROM revision WHERE article = ?1 ORDER BY revision")?
        .query_map(params![article], |row| {
            let draft: Draft = packer.unpack(row.get_ref(2)?.as_blob()?)?;
            Ok(Revision { revision: row.get(0)?, seen: time(row.get(1)?)?, title: draft.title, text: draft.text })
        })?
        .collect()
}
