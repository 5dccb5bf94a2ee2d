//! Similar posts: each article's list, found when it comes and kept both ways, so that whoever reads an article need not
//! search.
//!
//! A list names articles by number. What becomes of these later (one is found to be a copy, one is taken out) is seen
//! when the list is read: a copy stands for its original, and what is gone is left out.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;

use super::packed::Packer;
use crate::article::SimilarPost;
use crate::copies::Window;

const BYTES: usize = 10;

/// A list as the archive keeps it.
pub fn pack(posts: &[(i64, u16)]) -> Vec<u8> {
    posts.iter().flat_map(|(article, score)| article.to_le_bytes().into_iter().chain(score.to_le_bytes())).collect()
}

/// What [`pack`] made.
pub fn unpack(blob: &[u8]) -> Vec<(i64, u16)> {
    let post = |bytes: &[u8; BYTES]| {
        let (article, score) = bytes.split_first_chunk::<8>()?;
        Some((i64::from_le_bytes(*article), u16::from_le_bytes(score.try_into().ok()?)))
    };
    blob.as_chunks::<BYTES>().0.iter().filter_map(post).collect()
}

/// Is this what [`pack`] makes?
pub fn is_whole(blob: &[u8]) -> bool {
    blob.len().is_multiple_of(BYTES)
}

/// Finds the similar posts of an article that has just been entered; it takes its place in the lists of others where it
/// is better than what they have. `changed` hears whose lists became others.
pub fn place(window: &mut Window, article: i64, is_new: bool, most: usize, changed: &mut BTreeSet<i64>) {
    if !is_new {
        changed.extend(window.take_from_lists(article));
    }
    let mut posts = window.similar(article);
    let Some(hot) = window.get(article) else { return };
    // A copy says nothing that its original does not say.
    let is_copy = hot.duplicate_of.is_some();
    for (other, score) in posts.iter().filter(|_| !is_copy) {
        let Some(hot) = window.get_mut(*other) else { continue };
        let at = hot.similar.partition_point(|(_, kept)| kept >= score);
        if at < most {
            hot.similar.insert(at, (article, *score));
            hot.similar.truncate(most);
            changed.insert(*other);
        }
    }
    posts.truncate(most);
    if let Some(hot) = window.get_mut(article)
        && hot.similar != posts
    {
        posts.shrink_to_fit();
        hot.similar = posts;
        changed.insert(article);
    }
}

/// Writes an article's list.
pub fn store(connection: &Connection, article: i64, posts: &[(i64, u16)]) -> rusqlite::Result<()> {
    if posts.is_empty() {
        connection.prepare_cached("DELETE FROM similar WHERE article = ?1")?.execute(params![article])?;
    } else {
        connection
            .prepare_cached(
                "INSERT INTO similar (article, posts) VALUES (?1, ?2) ON CONFLICT (article) DO UPDATE SET posts = excluded.posts",
            )?
            .execute(params![article, pack(posts)])?;
    }
    Ok(())
}

/// What a list, or the list of copies, says of another article.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Headline {
    /// The headline.
    pub title: String,
    /// The permalink.
    pub url: Option<String>,
}

impl Headline {
    /// As [`crate::full_text::merged`] has it.
    fn with_page(self, page: Option<Self>) -> Self {
        let Some(page) = page else { return self };
        Self { title: if self.title.is_empty() { page.title } else { self.title }, url: page.url.or(self.url) }
    }
}

/// So many headlines are remembered at least, twice as many at most.
const REMEMBERED: usize = 4_096;

/// Headlines that were read not long ago: neighbours name the same articles again and again.
#[derive(Debug, Default)]
pub struct Headlines {
    recent: HashMap<i64, Headline>,
    older: HashMap<i64, Headline>,
}

impl Headlines {
    fn get(&mut self, connection: &Connection, packer: &Packer, article: i64, speaker: i64) -> rusqlite::Result<Headline> {
        if let Some(headline) = self.recent.get(&article) {
            return Ok(headline.clone());
        }
        let headline = match self.older.remove(&article) {
            Some(headline) => headline,
            None => connection
                .prepare_cached(
                    "SELECT body.content, page_body.draft FROM body LEFT JOIN page_body ON page_body.article = ?2 WHERE body.sighting = ?1",
                )?
                .query_row(params![speaker, article], |row| {
                    let spoken: Headline = packer.unpack(row.get_ref(0)?.as_blob()?)?;
                    let page = row.get_ref(1)?.as_blob_or_null()?.map(|page| packer.unpack::<Headline>(page)).transpose()?;
                    Ok(spoken.with_page(page))
                })?,
        };
        self.remember(article, headline.clone());
        Ok(headline)
    }

    /// Remembers a headline that was read anyway.
    pub fn remember(&mut self, article: i64, headline: Headline) {
        if self.recent.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(article, headline);
    }
}

/// The similar posts of an article, whose cluster's earliest is `earliest` (itself, where it is no copy).
pub fn of_article(
    connection: &Connection,
    packer: &Packer,
    headlines: &mut Headlines,
    article: i64,
    earliest: i64,
) -> rusqlite::Result<Vec<SimilarPost>> {
    let list: Option<Vec<(i64, u16)>> = connection
        .prepare_cached("SELECT posts FROM similar WHERE article = ?1")?
        .query_row(params![article], |row| Ok(unpack(row.get_ref(0)?.as_blob()?)))
        .optional()?;
    let mut posts = Vec::new();
    let mut named = BTreeSet::from([article, earliest]);
    for (other, score) in list.unwrap_or_default() {
        let shown: Option<(i64, String, i64)> = connection
            .prepare_cached(
                "SELECT shown.article, shown.id, shown.speaker FROM article named
                 JOIN article shown ON shown.article = coalesce(named.duplicate_of, named.article)
                 WHERE named.article = ?1 AND named.removed_at IS NULL AND shown.removed_at IS NULL",
            )?
            .query_row(params![other], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((number, id, speaker)) = shown.filter(|(number, ..)| named.insert(*number)) else { continue };
        let headline = headlines.get(connection, packer, number, speaker)?;
        posts.push(SimilarPost { id, title: headline.title, url: headline.url, score: f64::from(score) / 10_000.0 });
    }
    Ok(posts)
}
