//! Which articles, in which order: what exports, search and `show` ask of the archive.
//!
//! Articles are streamed from one read transaction, so an export is a picture of one moment, however long it takes,
//! and memory stays flat.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::candidates::{Candidates, Plan};
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
    /// Where phrases are wanted: stop when so many articles with their words have been read, and say where that was.
    pub patience: Option<usize>,
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

/// The largest time that is stored: copies without a date come last in their cluster.
const NO_DATE: i64 = i64::MAX;

/// A `WHERE` clause and its parameters, for the table's alias `a` (or another).
pub(super) struct Clause {
    pub(super) parameters: Vec<Value>,
    filter: String,
    /// Does the article have the words? Beside the filter, since candidates are known to have them, and their copies are not.
    words: Option<String>,
}

impl Clause {
    pub(super) fn of(selection: &Selection) -> Self {
        let mut clause = Self { parameters: Vec::new(), filter: "+§.removed_at IS NULL".to_owned(), words: None };
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
            clause.parameters.push(Value::Text(query.index_query()));
            let number = clause.parameters.len();
            clause.words =
                Some(format!("EXISTS (SELECT 1 FROM article_tokens WHERE article_tokens MATCH ?{number} AND rowid = §.article)"));
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
        let words = self.words.as_deref().map(|words| format!(" AND {}", words.replace('§', alias))).unwrap_or_default();
        format!("{}{words}", self.for_candidates(alias))
    }

    /// … of articles that are known to have the words.
    fn for_candidates(&self, alias: &str) -> String {
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

/// The rows of selected articles, one after another.
#[derive(Debug)]
struct Rows {
    selection: Selection,
    newest_first: bool,
    plan: Option<Plan>,
    /// The parts that are still to come: all at once, or feed by feed.
    parts: VecDeque<Option<i64>>,
    /// Of the part that is being read, where there is a plan.
    candidates: Option<Candidates>,
    /// Where the newest so many begin.
    from: Option<(i64, String)>,
    /// The last article of the page before.
    after: Option<(i64, String)>,
    page: VecDeque<(ArticleRow, bool)>,
    /// How many more are wanted.
    left: Option<u64>,
    copies_left_out: u64,
    /// How many candidates have been read for their phrases.
    read: usize,
    stopped_at: Option<Place>,
}

impl Rows {
    fn of(connection: &Connection, selection: Selection) -> rusqlite::Result<Self> {
        let newest_first = selection.order == Order::NewestFirst;
        let plan = Plan::of(connection, &selection, newest_first)?;
        let parts = match selection.order {
            Order::ByFirstFeed => {
                let candidates = plan.as_ref().and_then(Plan::first_feeds);
                let feeds = feeds_by_name(connection)?.into_iter();
                feeds.filter(|feed| candidates.as_ref().is_none_or(|candidates| candidates.contains(feed))).map(Some).collect()
            }
            Order::OldestFirst | Order::NewestFirst => VecDeque::from([None]),
        };
        let from = match (newest_first, selection.limit) {
            (false, Some(limit)) => newest(connection, &selection, limit)?,
            _ => None,
        };
        Ok(Self {
            after: selection.after.as_ref().map(|place| (place.at.timestamp_millis(), place.id.clone())),
            left: selection.limit.filter(|_| newest_first),
            page: VecDeque::new(),
            copies_left_out: 0,
            read: 0,
            stopped_at: None,
            candidates: None,
            selection,
            newest_first,
            plan,
            parts,
            from,
        })
    }

    fn next(&mut self, connection: &Connection) -> rusqlite::Result<Option<ArticleRow>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        loop {
            while let Some((row, has_earlier_copy)) = self.page.pop_front() {
                if !has_earlier_copy {
                    self.left = self.left.map(|left| left - 1);
                    return Ok(Some(row));
                }
                self.copies_left_out += 1;
            }
            let Some(part) = self.parts.front().copied() else { return Ok(None) };
            if !self.read_page(connection, part)? {
                self.parts.pop_front();
                self.candidates = None;
                self.after = None;
            }
        }
    }

    /// Reads on in a part; says whether there may be more of it.
    fn read_page(&mut self, connection: &Connection, first_feed: Option<i64>) -> rusqlite::Result<bool> {
        let mut clause = Clause::of(&self.selection);
        let has_earlier_copy = clause.has_earlier_copy(self.selection.copies);
        if let Some((at, id)) = &self.from {
            clause.and("(§.at, §.id) >= (?, ?)", [Value::Integer(*at), Value::Text(id.clone())]);
        }
        let (direction, later) = if self.newest_first { ("DESC", "<") } else { ("ASC", ">") };
        if let Some(plan) = &self.plan {
            let after = self.after.as_ref();
            let some = self.candidates.get_or_insert_with(|| plan.begin(first_feed, after)).next(connection)?;
            let Some(last) = some.last() else { return Ok(false) };
            let is_read = self.selection.query.as_ref().is_some_and(SearchQuery::has_phrases);
            self.read += if is_read { some.len() } else { 0 };
            if self.selection.patience.is_some_and(|patience| self.read > patience) {
                self.stopped_at = Some(Place { at: time(last.at)?, id: last.id.clone() });
                self.parts.clear();
            }
            let places = vec!["?"; some.len()].join(", ");
            clause.and(&format!("§.article IN ({places})"), some.into_iter().map(|key| Value::Integer(key.article)));
        } else {
            if let Some((at, id)) = &self.after {
                clause.and(&format!("(§.at, §.id) {later} (?, ?)"), [Value::Integer(*at), Value::Text(id.clone())]);
            }
            if let Some(feed) = first_feed {
                clause.and("§.first_feed = ?", [Value::Integer(feed)]);
            }
        }
        // Candidates are looked up, whatever else an index could lead to.
        let (way, filter) = match self.plan {
            Some(_) => ("NOT INDEXED", clause.for_candidates("a")),
            None => ("", clause.for_table("a")),
        };
        let sql = format!(
            "SELECT {COLUMNS}, {has_earlier_copy} FROM article a {way} WHERE {filter} ORDER BY a.at {direction}, a.id {direction} LIMIT {PAGE}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(&clause.parameters), |row| Ok((ArticleRow::of(row)?, row.get(9)?)))?;
        self.page = rows.collect::<rusqlite::Result<_>>()?;
        if self.plan.is_none() {
            self.after = self.page.back().map(|(row, _)| (row.at, row.id.clone()));
        }
        Ok(self.plan.is_some() || !self.page.is_empty())
    }
}

/// Where the newest so many begin, by the same filters; `None` where there are no more.
fn newest(connection: &Connection, selection: &Selection, limit: u64) -> rusqlite::Result<Option<(i64, String)>> {
    let mut begin = (i64::MAX, String::new());
    let mut rows = Rows::of(connection, Selection { order: Order::NewestFirst, limit: None, after: None, ..selection.clone() })?;
    for _ in 0..limit {
        match rows.next(connection)? {
            Some(row) => begin = (row.at, row.id),
            None => return Ok(None),
        }
    }
    Ok(Some(begin))
}

/// The selected articles, one after another, from one moment's picture of the archive.
///
/// As long as it lives, everything else that its [`Reader`] is asked comes from the same picture.
#[derive(Debug)]
pub struct Articles<'r> {
    reader: &'r Reader,
    transaction: Transaction<'r>,
    rows: Rows,
    headlines: Headlines,
}

impl Articles<'_> {
    /// Copies that were left out so far.
    pub fn copies_left_out(&self) -> u64 {
        self.rows.copies_left_out
    }

    /// How far the archive was read, where [`Selection::patience`] came to its end before the archive did.
    pub fn stopped_at(&self) -> Option<Place> {
        self.rows.stopped_at.clone()
    }
}

impl Iterator for Articles<'_> {
    type Item = Result<Article, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.rows.next(&self.transaction).and_then(|row| {
            let (reader, headlines, selection) = (self.reader, &mut self.headlines, &self.rows.selection);
            row.map(|row| assemble(&self.transaction, &reader.packer, headlines, row, selection.revisions, !selection.copies)).transpose()
        });
        if next.is_err() {
            // After an error nothing more can be trusted.
            self.rows.parts.clear();
            self.rows.page.clear();
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
            let rows = Rows::of(&transaction, selection)?;
            Ok(Articles { reader: self, transaction, rows, headlines: Headlines::default() })
        };
        open().map_err(|error| self.error(error))
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
