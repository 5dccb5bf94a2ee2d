//! The writer's picture of the last weeks' articles: what new ones are compared with.
//!
//! It is read from the archive when it is first needed and kept in step from then on: each change is written in the
//! transaction that makes it, lists of similar posts at its end ([`Neighbours::write_lists`]), since the articles of a group change
//! one another's. Where a transaction fails, the picture may be ahead of the archive, so it is dropped and read again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::packed::Packer;
use super::{pages, similar};
use crate::article::Draft;
use crate::copies::{CopySettings, Frequencies, Hot, Kept, Likeness, Sketch, WINDOW, Window};

/// After so many new articles the term frequencies are written. What a crash loses of them is a fraction of what they
/// were estimated from.
const SAVE_AFTER: u32 = 2_000;

/// So many sketches of texts that have left the window are remembered.
const REMEMBERED: usize = 256;

/// Frequencies are mostly zeros and small numbers: more than this gains little.
const LEVEL: i32 = 1;

/// What new articles are compared with.
#[derive(Debug, Default)]
pub struct Neighbours {
    packer: Arc<Packer>,
    picture: Option<Picture>,
    /// Of texts that have left the window, by their keys: copies of one story ask for it again and again.
    sketches: HashMap<i64, Option<Sketch>>,
}

#[derive(Debug)]
struct Picture {
    window: Window,
    frequencies: Frequencies,
    unsaved: u32,
    /// Articles whose lists of similar posts have yet to be written.
    unwritten: BTreeSet<i64>,
}

/// An article as it is compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// Its number.
    pub article: i64,
    /// Is it new to the archive?
    pub is_new: bool,
    /// In milliseconds since 1970.
    pub published: Option<i64>,
    /// In milliseconds since 1970.
    pub first_seen: i64,
    /// Its language.
    pub language: Option<&'a str>,
    /// What it is compared by.
    pub likeness: &'a Likeness,
}

impl Neighbours {
    /// What it shall be compared with is not read yet. What has left the window is unpacked with `packer` where it must be
    /// looked at again.
    pub fn new(packer: Arc<Packer>) -> Self {
        Self { packer, picture: None, sketches: HashMap::new() }
    }

    /// Another one for the same archive.
    pub fn another(&self) -> Self {
        Self::new(Arc::clone(&self.packer))
    }

    /// Unpacks the archive's articles.
    pub fn packer(&self) -> &Packer {
        &self.packer
    }

    /// The sketch of a text, of this key, that has left the window: made again from an article that has it.
    pub fn sketch_again(&mut self, connection: &Connection, key: i64, article: i64) -> rusqlite::Result<Option<Sketch>> {
        if let Some(sketch) = self.sketches.get(&key) {
            return Ok(sketch.clone());
        }
        let draft: Option<Draft> = connection
            .prepare_cached(
                "SELECT body.content, page_body.draft FROM article JOIN body ON sighting = speaker
                 LEFT JOIN page_body ON page_body.article = article.article WHERE article.article = ?1",
            )?
            .query_row(params![article], |row| pages::shown(&self.packer, row.get_ref(0)?, row.get_ref(1)?))
            .optional()?;
        let sketch = draft.and_then(|draft| Likeness::of(&draft, CopySettings { near_copies: true, similar: 0 }).sketch);
        if self.sketches.len() >= REMEMBERED {
            self.sketches.clear();
        }
        self.sketches.insert(key, sketch.clone());
        Ok(sketch)
    }

    /// Drops the picture: the archive may not hold what it shows.
    pub fn drop_picture(&mut self) {
        self.picture = None;
    }

    /// Reads the picture, unless that was done.
    pub fn make_ready(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.picture(connection).map(drop)
    }

    /// The window, where it was needed before.
    pub fn window(&mut self) -> Option<&mut Window> {
        self.picture.as_mut().map(|picture| &mut picture.window)
    }

    /// Finds the similar posts, at most so many, of an article that has just been entered, and its place in the lists of others.
    pub fn place_in_lists(&mut self, article: i64, is_new: bool, most: usize) {
        if let Some(Picture { window, unwritten, .. }) = self.picture.as_mut().filter(|_| most > 0) {
            similar::place(window, article, is_new, most, unwritten);
        }
    }

    /// Writes the lists of similar posts that have changed since this was last done; before a transaction ends.
    pub fn write_lists(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(Picture { window, unwritten, .. }) = &mut self.picture else { return Ok(()) };
        for article in std::mem::take(unwritten) {
            if let Some(hot) = window.get(article) {
                similar::store(connection, article, &hot.similar)?;
            }
        }
        Ok(())
    }

    /// Enters an article that is new or shows something else now, so that it can be found.
    pub fn enter(&mut self, connection: &Connection, compared: &Compared<'_>) -> rusqlite::Result<()> {
        let likeness = compared.likeness;
        if likeness.sketch.is_none() && likeness.bag.is_none() {
            return if compared.is_new { Ok(()) } else { self.leave(connection, compared.article) };
        }
        if self.picture(connection)?.window.is_full() {
            self.write_lists(connection)?;
        }
        let picture = self.picture(connection)?;
        let mut kept = Kept { sketch: likeness.sketch.clone(), ..Kept::default() };
        if let Some(bag) = &likeness.bag {
            if compared.is_new {
                picture.frequencies.count(compared.language, bag);
                picture.unsaved += 1;
            }
            kept.terms = picture.frequencies.characteristic(compared.language, bag);
        }
        connection
            .prepare_cached(
                "INSERT INTO compared (article, kept) VALUES (?1, ?2) ON CONFLICT (article) DO UPDATE SET kept = excluded.kept",
            )?
            .execute(params![compared.article, kept.to_bytes()])?;
        let similar = picture.window.get(compared.article).map(|hot| hot.similar.clone()).unwrap_or_default();
        picture.window.insert(Hot {
            article: compared.article,
            copy_key: likeness.copy_key,
            published: compared.published,
            first_seen: compared.first_seen,
            duplicate_of: None,
            kept,
            similar,
        });
        for swept in picture.window.take_swept() {
            connection.prepare_cached("DELETE FROM compared WHERE article = ?1")?.execute(params![swept])?;
        }
        if picture.unsaved >= SAVE_AFTER {
            self.save(connection)?;
        }
        Ok(())
    }

    /// Takes out an article that is shown no more, or cannot be compared any more.
    pub fn leave(&mut self, connection: &Connection, article: i64) -> rusqlite::Result<()> {
        for statement in ["DELETE FROM compared WHERE article = ?1", "DELETE FROM similar WHERE article = ?1"] {
            connection.prepare_cached(statement)?.execute(params![article])?;
        }
        if let Some(Picture { window, unwritten, .. }) = self.picture.as_mut().filter(|picture| picture.window.get(article).is_some()) {
            window.remove(article);
            unwritten.extend(window.take_from_lists(article));
        }
        Ok(())
    }

    /// Writes the term frequencies, if anything was counted since they were written.
    pub fn save(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(picture) = self.picture.as_mut().filter(|picture| picture.unsaved > 0) else { return Ok(()) };
        let counters: Vec<u8> = picture.frequencies.counters().iter().flat_map(|counter| counter.to_le_bytes()).collect();
        let frame = zstd::bulk::compress(&counters, LEVEL).map_err(not_stored)?;
        let articles = serde_json::to_string(picture.frequencies.articles()).map_err(not_stored)?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO term_frequency (one, articles, counters) VALUES (1, ?1, ?2)")?
            .execute(params![articles, frame])?;
        picture.unsaved = 0;
        Ok(())
    }

    fn picture(&mut self, connection: &Connection) -> rusqlite::Result<&mut Picture> {
        let picture = match self.picture.take() {
            Some(picture) => picture,
            None => Picture {
                window: read_window(connection)?,
                frequencies: read_frequencies(connection)?,
                unsaved: 0,
                unwritten: BTreeSet::new(),
            },
        };
        Ok(self.picture.insert(picture))
    }
}

fn not_stored(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// Reads the articles of the window in the order in which they came. What was kept by other rules than today's is not
/// compared any more.
fn read_window(connection: &Connection) -> rusqlite::Result<Window> {
    let mut window = Window::default();
    let mut statement = connection.prepare(
        "SELECT compared.article, copy_key, published, first_seen, duplicate_of, kept, posts
         FROM compared CROSS JOIN article USING (article) LEFT JOIN similar USING (article)
         WHERE first_seen >= (SELECT max(first_seen) FROM article WHERE removed_at IS NULL) - ?1 ORDER BY compared.article",
    )?;
    let mut rows = statement.query(params![WINDOW])?;
    while let Some(row) = rows.next()? {
        let Some(kept) = Kept::of_bytes(row.get_ref(5)?.as_blob()?) else { continue };
        window.insert(Hot {
            article: row.get(0)?,
            copy_key: row.get(1)?,
            published: row.get(2)?,
            first_seen: row.get(3)?,
            duplicate_of: row.get(4)?,
            kept,
            similar: similar::unpack(row.get_ref(6)?.as_blob_or_null()?.unwrap_or_default()),
        });
    }
    // All that reading finds was found before.
    window.take_swept();
    window.take_turned();
    Ok(window)
}

fn read_frequencies(connection: &Connection) -> rusqlite::Result<Frequencies> {
    let kept: Option<(String, Vec<u8>)> =
        connection.query_row("SELECT articles, counters FROM term_frequency", [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((articles, frame)) = kept else { return Ok(Frequencies::default()) };
    let articles: Result<BTreeMap<String, u32>, _> = serde_json::from_str(&articles);
    let counters = zstd::decode_all(frame.as_slice());
    let (Ok(articles), Ok(counters)) = (articles, counters) else {
        tracing::warn!("the term frequencies cannot be read and are counted anew");
        return Ok(Frequencies::default());
    };
    let counters = counters.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes)).collect();
    Ok(Frequencies::of(counters, articles).unwrap_or_default())
}
