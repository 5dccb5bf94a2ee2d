//! What an article shows, written in one place: its row, its words in the search index, its cluster of copies, and the change
//! number by which incremental exports notice. Polls and pages both end here.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use rusqlite::{Connection, params};

use super::copies::{self, Entered, Seeds};
use super::neighbours::{Compared, Neighbours};
use super::packed::Packer;
use super::search::Unindexed;
use crate::article::{Draft, Origin};
use crate::copies::Likeness;
use crate::revision::{self, State};

/// The change numbers that one commit gives.
pub struct Changes<'c> {
    connection: &'c Connection,
    now: i64,
    /// The last change number given; read when first needed.
    last: Option<i64>,
    /// Articles that are new to the archive.
    new: i64,
    unindexed: Unindexed,
}

impl<'c> Changes<'c> {
    /// For a commit of what was learned at `now`, milliseconds since 1970.
    pub fn new(connection: &'c Connection, now: i64) -> Self {
        Self { connection, now, last: None, new: 0, unindexed: Unindexed::default() }
    }

    /// The next change number.
    pub fn next(&mut self) -> rusqlite::Result<i64> {
        let last = match self.last {
            Some(change) => change,
            None => self.connection.prepare_cached("SELECT change FROM archive")?.query_row([], |row| row.get(0))?,
        };
        self.last = Some(last + 1);
        Ok(last + 1)
    }

    /// The article's words in the search index are these from now on.
    pub fn index(&mut self, article: i64, tokens: Arc<str>) {
        self.unindexed.add(article, tokens, false);
    }

    /// Notes that an article changed in something that is not its own draft.
    pub fn touch(&mut self, article: i64) -> rusqlite::Result<()> {
        let change = self.next()?;
        self.connection
            .prepare_cached("UPDATE article SET last_changed = ?2, change = ?3 WHERE article = ?1")?
            .execute(params![article, self.now, change])?;
        Ok(())
    }

    /// Writes down which numbers were given; the last act of the commit but for the search index, which has yet to get what is
    /// given back.
    pub fn finish(self) -> rusqlite::Result<Unindexed> {
        if let Some(change) = self.last {
            self.connection
                .prepare_cached("UPDATE archive SET change = ?1, articles = articles + ?2")?
                .execute(params![change, self.new])?;
        }
        Ok(self.unindexed)
    }
}

/// What an article shows from now on.
pub struct Shown<'a> {
    /// Its row.
    pub article: i64,
    /// Is it new to the archive? Then its row is there already, but for the speaker and its place among copies.
    pub is_new: bool,
    /// When the archive first had it, milliseconds since 1970.
    pub first_seen: i64,
    /// The sighting that speaks for it.
    pub speaker: i64,
    /// What is shown: the speaker's draft, merged with the page's.
    pub draft: &'a Draft,
    /// For the search index; `None` where the words are what they were.
    pub tokens: Option<&'a Arc<str>>,
    /// What it is compared with others by.
    pub likeness: &'a Likeness,
    /// The hash of the text, where it could be a copy, that it had until now.
    pub was_copy_key: Option<i64>,
    /// Number and first sight of this revision.
    pub revision: (i64, i64),
}

/// Writes it, and settles the clusters that it leaves and joins.
pub fn show(changes: &mut Changes<'_>, neighbours: &mut Neighbours, shown: &Shown<'_>) -> rusqlite::Result<()> {
    let (connection, likeness) = (changes.connection, shown.likeness);
    changes.new += i64::from(shown.is_new);
    let published = shown.draft.published.map(|at| at.timestamp_millis());
    if shown.is_new {
        connection.prepare_cached("UPDATE article SET speaker = ?2, copy_key = ?3 WHERE article = ?1")?.execute(params![
            shown.article,
            shown.speaker,
            likeness.copy_key
        ])?;
    } else {
        let change = changes.next()?;
        connection
            .prepare_cached(
                "UPDATE article SET speaker = ?2, at = coalesce(?3, first_seen), published = ?3, language = ?4, revision = ?5, revised_at = ?6,
                   last_changed = ?7, change = ?8, copy_key = ?9,
                   duplicate_of = CASE WHEN copy_key IS ?9 THEN duplicate_of ELSE NULL END,
                   likeness = CASE WHEN copy_key IS ?9 THEN likeness ELSE NULL END WHERE article = ?1",
            )?
            .execute(params![
                shown.article,
                shown.speaker,
                published,
                shown.draft.language,
                shown.revision.0,
                shown.revision.1,
                changes.now,
                change,
                likeness.copy_key
            ])?;
    }
    if let Some(tokens) = shown.tokens {
        let compared = Compared {
            article: shown.article,
            is_new: shown.is_new,
            published,
            first_seen: shown.first_seen,
            language: shown.draft.language.as_deref(),
            likeness,
        };
        neighbours.enter(connection, &compared)?;
        changes.unindexed.add(shown.article, Arc::clone(tokens), shown.is_new);
    }
    let entered = Entered { article: shown.article, copy_key: likeness.copy_key, published, is_new: shown.is_new };
    let keys = shown.was_copy_key.into_iter().chain(likeness.copy_key).collect();
    let mut seeds = Seeds { keys, articles: BTreeSet::new(), entered: Some(entered) };
    if shown.was_copy_key.is_some_and(|key| likeness.copy_key != Some(key)) {
        seeds.keys.extend(copies::followers(connection, shown.article)?);
    }
    if copies::has_edges(connection)? && !copies::joined_by_page(connection, shown.article)?.is_empty() {
        seeds.articles.insert(shown.article);
    }
    for member in copies::settle(connection, neighbours, &seeds, Some(shown.article))? {
        if member != shown.article {
            changes.touch(member)?;
        }
    }
    if shown.tokens.is_some() {
        neighbours.place_in_lists(shown.article, shown.is_new, likeness.similar);
    }
    Ok(())
}

/// An article that shows something else now.
pub struct Edit<'a> {
    /// Its row.
    pub article: i64,
    /// What it showed.
    pub before: &'a Draft,
    /// … and shows from now on.
    pub after: &'a Draft,
    /// Number and first sight of the revision that it showed.
    pub revision: (i64, i64),
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Keeps what the article showed, where that is a revision; gives number and first sight of the one that it shows now.
pub fn revise(connection: &Connection, packer: &Packer, edit: &Edit<'_>) -> rusqlite::Result<(i64, i64)> {
    if !is_reworded(edit.before, edit.after) {
        return Ok(edit.revision);
    }
    let (number, seen_at) = edit.revision;
    let earlier: Vec<Draft> = connection
        .prepare_cached("SELECT draft FROM revision WHERE article = ?1 ORDER BY revision")?
        .query_map(params![edit.article], |row| Ok(packer.unpack(row.get_ref(0)?.as_blob()?)?))?
        .collect::<rusqlite::Result<_>>()?;
    let earlier: Vec<State<'_>> = earlier.iter().map(State::of).collect();
    let age = TimeDelta::milliseconds(edit.now - seen_at);
    if !revision::is_revision(&earlier, State::of(edit.before), State::of(edit.after), age) {
        return Ok(edit.revision);
    }
    connection.prepare_cached("INSERT INTO revision (article, revision, seen_at, draft) VALUES (?1, ?2, ?3, ?4)")?.execute(params![
        edit.article,
        number,
        seen_at,
        packer.pack(edit.before)?
    ])?;
    Ok((number + 1, edit.now))
}

/// Has the source changed title or text? That the page begins or ceases to give the body is no change of its words.
fn is_reworded(before: &Draft, after: &Draft) -> bool {
    let is_pages = |draft: &Draft| draft.provenance.body == Some(Origin::Page);
    before.title != after.title || (before.text != after.text && is_pages(before) == is_pages(after))
}
