//! Clusters of copies: articles of the same text or near it, or of one page, and the earliest of them.
//!
//! What is a copy of what is a function of the articles as they are now ([`crate::copies::judge`]), so it is kept up
//! whenever one comes, goes or changes; the order in which copies arrive cannot matter. Only stories that this may change are
//! judged anew; an article that is the only one of its text and near no other, or the latest of a text that is known, costs
//! one look.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::neighbours::Neighbours;
use super::stories::{self, ReadStories};
use crate::copies;

/// Where judging begins.
#[derive(Debug, Clone, Default)]
pub struct Seeds {
    /// The texts of these keys.
    pub keys: BTreeSet<i64>,
    /// The texts and pages of these articles.
    pub articles: BTreeSet<i64>,
    /// All that happened is that this article took its place, where it did.
    pub entered: Option<Entered>,
}

/// An article that is new, or was found not to be what it was compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entered {
    /// The article.
    pub article: i64,
    /// The key of its text.
    pub copy_key: Option<i64>,
    /// When it was published.
    pub published: Option<i64>,
    /// Is it new, so that nothing can be a copy of it yet?
    pub is_new: bool,
}

/// Judges anew the stories of these seeds and all that this may change, and gives the articles that it changes: all that
/// became, or ceased to be, copies, or are copies of another now; their originals, before and after; and the original of `touched`, whose
/// copies it names.
pub fn settle(
    connection: &Connection,
    neighbours: &mut Neighbours,
    seeds: &Seeds,
    touched: Option<i64>,
) -> rusqlite::Result<BTreeSet<i64>> {
    settle_each(connection, neighbours, seeds, touched, &mut |_| Ok(()))
}

/// What an article was a near or exact copy of, until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    /// The article.
    pub article: i64,
    /// What it was a copy of.
    pub duplicate_of: Option<i64>,
    /// Its likeness to that, in thousandths.
    pub likeness: Option<i64>,
}

/// As [`settle`]; `moving` hears of each article before its cluster becomes another.
pub fn settle_each(
    connection: &Connection,
    neighbours: &mut Neighbours,
    seeds: &Seeds,
    touched: Option<i64>,
    moving: &mut dyn FnMut(Moving) -> rusqlite::Result<()>,
) -> rusqlite::Result<BTreeSet<i64>> {
    let turned = neighbours.window().map(|window| window.take_turned()).unwrap_or_default();
    if let Some(entered) = seeds.entered.filter(|_| turned.is_empty() && seeds.articles.is_empty())
        && seeds.keys.iter().eq(&entered.copy_key)
        && let Some(changed) = follow(connection, neighbours, &entered, touched, moving)?
    {
        return Ok(changed);
    }
    let newcomer = seeds.entered.filter(|entered| entered.is_new).map(|entered| entered.article);
    let mut stories = ReadStories::new(connection, neighbours, touched, newcomer, moving)?;
    let mut changed = BTreeSet::new();
    for key in turned.iter().chain(&seeds.keys) {
        changed.extend(stories.of_key(*key)?);
    }
    for article in &seeds.articles {
        changed.extend(stories.of_article(*article)?);
    }
    copies::judge(&mut stories, &changed.into_iter().collect::<Vec<usize>>())?;
    Ok(stories.changed())
}

/// The simple cases, which nearly all articles are: alone with a text that is near no other, or one more of a text that
/// others had earlier and that is what it was. `None` where it is no simple case.
fn follow(
    connection: &Connection,
    neighbours: &mut Neighbours,
    entered: &Entered,
    touched: Option<i64>,
    moving: &mut dyn FnMut(Moving) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<BTreeSet<i64>>> {
    let (own, known) = match entered.is_new {
        true => ((None, None), None),
        false => {
            let (id, duplicate_of, likeness): (String, Option<i64>, Option<i64>) = connection
                .prepare_cached("SELECT id, duplicate_of, likeness FROM article WHERE article = ?1")?
                .query_row(params![entered.article], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            ((duplicate_of, likeness), Some(id))
        }
    };
    // Others may be copies of it.
    if !entered.is_new && own.0.is_none() {
        return Ok(None);
    }
    let Some(key) = entered.copy_key else { return Ok(None) };
    let window = neighbours.window();
    let is_near = window.as_ref().is_some_and(|window| window.near(key).next().is_some());
    let Some(earliest) = earliest_other(connection, key, entered.article)? else {
        return Ok((!is_near && own.0.is_none()).then(BTreeSet::new));
    };
    // Its text may have come back to the window, to what it is near there.
    if is_near && window.is_none_or(|window| window.bearers(key) < 2) {
        return Ok(None);
    }
    let id = match known {
        Some(id) => id,
        None => {
            connection.prepare_cached("SELECT id FROM article WHERE article = ?1")?.query_row(params![entered.article], |row| row.get(0))?
        }
    };
    let date = |published: Option<i64>| published.unwrap_or(i64::MAX);
    if (date(entered.published), &id) < (date(earliest.published), &earliest.id) {
        return Ok(None);
    }
    let (duplicate_of, likeness) = (earliest.duplicate_of.unwrap_or(earliest.article), earliest.likeness);
    if let Some(hot) = neighbours.window().and_then(|window| window.get_mut(entered.article)) {
        hot.duplicate_of = Some(duplicate_of);
    }
    let mut changed = BTreeSet::new();
    if own != (Some(duplicate_of), likeness) {
        moving(Moving { article: entered.article, duplicate_of: own.0, likeness: own.1 })?;
        stories::write(connection, entered.article, Some(duplicate_of), likeness)?;
        changed.extend([entered.article, duplicate_of].into_iter().chain(own.0));
    } else if touched == Some(entered.article) {
        changed.insert(duplicate_of);
    }
    Ok(Some(changed))
}

struct Earliest {
    article: i64,
    id: String,
    published: Option<i64>,
    duplicate_of: Option<i64>,
    likeness: Option<i64>,
}

/// The earliest article of this text but for this one.
fn earliest_other(connection: &Connection, key: i64, article: i64) -> rusqlite::Result<Option<Earliest>> {
    let read = |dated: &str| {
        connection
            .prepare_cached(&format!(
                "SELECT article, id, published, duplicate_of, likeness FROM article
                 WHERE copy_key = ?1 AND article <> ?2 {dated} ORDER BY published, id LIMIT 1"
            ))?
            .query_row(params![key, article], |row| {
                Ok(Earliest {
                    article: row.get(0)?,
                    id: row.get(1)?,
                    published: row.get(2)?,
                    duplicate_of: row.get(3)?,
                    likeness: row.get(4)?,
                })
            })
            .optional()
    };
    // To SQLite what has no date comes first.
    Ok(match read("")? {
        Some(undated) if undated.published.is_none() => Some(read("AND published IS NOT NULL")?.unwrap_or(undated)),
        first => first,
    })
}

/// As [`settle`], where no article is being stored, at the end of a transaction; what changes is marked as changed at `now`.
pub fn settle_and_mark(connection: &Connection, neighbours: &mut Neighbours, seeds: &Seeds, now: i64) -> rusqlite::Result<()> {
    for member in settle(connection, neighbours, seeds, None)? {
        let change: i64 =
            connection.prepare_cached("UPDATE archive SET change = change + 1 RETURNING change")?.query_row([], |row| row.get(0))?;
        connection
            .prepare_cached("UPDATE article SET last_changed = ?2, change = ?3 WHERE article = ?1 AND removed_at IS NULL")?
            .execute(params![member, now, change])?;
    }
    neighbours.write_lists(connection)
}

/// The keys of the stories that are near copies of this article.
pub fn followers(connection: &Connection, article: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT DISTINCT copy_key FROM article WHERE duplicate_of = ?1 AND copy_key IS NOT NULL")?
        .query_map(params![article], |row| row.get(0))?
        .collect()
}

/// Articles that a page joins to this one, whatever their texts.
pub fn joined_by_page(connection: &Connection, article: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT other.article FROM article JOIN page_copy ON page_copy.of = article.id JOIN article other ON other.article = page_copy.article
             WHERE article.article = ?1 AND other.removed_at IS NULL
             UNION SELECT other.article FROM page_copy JOIN article other ON other.id = page_copy.of
             WHERE page_copy.article = ?1 AND other.removed_at IS NULL",
        )?
        .query_map(params![article], |row| row.get(0))?
        .collect()
}

/// Does any page join articles in this archive?
pub fn has_edges(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM page_copy LIMIT 1")?.exists([])
}
