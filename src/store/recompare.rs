//! Copies and similar posts found anew, by the rules and settings of today, for the whole archive: in the order in which
//! the articles came, as if each came now.
//!
//! It goes in pieces, and polls go on in between. It has a picture of its own, since the articles that it enters are of
//! another time than those that polls bring. On the way an article may be a copy of something that it is no copy of in the end: the
//! first issues of a series are, until there are enough of them. So what each was before is noted, and only at the end
//! it is told what has changed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::copies::{Entered, Moving, Seeds};
use super::neighbours::{Compared, Neighbours};
use super::shown::Changes;
use super::{Archive, StoreError, copies, pages};
use crate::article::Draft;
use crate::copies::{CopySettings, Likeness};

/// So many articles in one transaction at most …
const BATCH: i64 = 100;

/// … and no more are begun after so long: polls wait no longer for it than for a group of polls.
const LONGEST: Duration = Duration::from_millis(50);

impl Archive {
    /// Finds all copies and similar posts anew; `tell` hears how many articles have been compared.
    ///
    /// # Errors
    /// A [`StoreError`]; what was found until then stays, and beginning again is safe.
    pub async fn compare_anew(&self, settings: CopySettings, now: DateTime<Utc>, mut tell: impl FnMut(u64)) -> Result<(), StoreError> {
        let mut own = self
            .writer
            .run_on_articles(move |connection, neighbours| {
                begin(connection)?;
                neighbours.drop_picture();
                Ok(neighbours.another())
            })
            .await?;
        let (mut after, mut articles) = (0, 0);
        loop {
            let batch;
            (own, batch) = self
                .writer
                .run(move |connection| {
                    let batch = compare_batch(connection, &mut own, settings, after)?;
                    Ok((own, batch))
                })
                .await?;
            let Some(batch) = batch else { break };
            after = batch.last;
            articles += batch.articles;
            tell(articles);
        }
        self.writer
            .run_on_articles(move |connection, neighbours| {
                neighbours.drop_picture();
                own.save(connection)
            })
            .await?;
        let now = now.timestamp_millis();
        while self.writer.run(move |connection| mark_batch(connection, now)).await? {}
        Ok(())
    }
}

/// Forgets what was compared. Lists of similar posts stay until their article's turn comes.
pub fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM compared; DELETE FROM term_frequency; COMMIT;")
}

struct Known {
    article: i64,
    published: Option<i64>,
    first_seen: i64,
    copy_key: Option<i64>,
    duplicate_of: Option<i64>,
    likeness: Option<i64>,
    /// `None` where it cannot be read: then it is compared with nothing.
    draft: Option<Draft>,
}

/// Articles that were compared anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The last of them.
    pub last: i64,
    /// How many.
    pub articles: u64,
}

/// Compares some articles anew, those that came after `after`; `None` where there was none.
pub fn compare_batch(
    connection: &mut Connection,
    neighbours: &mut Neighbours,
    settings: CopySettings,
    after: i64,
) -> rusqlite::Result<Option<Batch>> {
    let began = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch: Vec<Known> = transaction
        .prepare_cached(
            "SELECT article.article, published, article.first_seen, copy_key, content, page_body.draft, duplicate_of, likeness
             FROM article JOIN body ON body.sighting = speaker LEFT JOIN page_body ON page_body.article = article.article
             WHERE article.article > ?1 AND removed_at IS NULL ORDER BY article.article LIMIT ?2",
        )?
        .query_map(params![after, BATCH], |row| {
            Ok(Known {
                article: row.get(0)?,
                published: row.get(1)?,
                first_seen: row.get(2)?,
                copy_key: row.get(3)?,
                duplicate_of: row.get(6)?,
                likeness: row.get(7)?,
                draft: match pages::shown(neighbours.packer(), row.get_ref(4)?, row.get_ref(5)?) {
                    Ok(draft) => Some(draft),
                    Err(rusqlite::Error::FromSqlConversionFailure(..)) => None,
                    Err(error) => return Err(error),
                },
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut compared: Option<Batch> = None;
    for known in &batch {
        if compared.is_some() && began.elapsed() >= LONGEST {
            break;
        }
        if let Some(draft) = &known.draft {
            compare(&transaction, neighbours, settings, known, draft)?;
        }
        compared = Some(Batch { last: known.article, articles: compared.map_or(0, |batch| batch.articles) + 1 });
    }
    neighbours.write_lists(&transaction)?;
    transaction.commit()?;
    Ok(compared)
}

fn compare(
    connection: &Connection,
    neighbours: &mut Neighbours,
    settings: CopySettings,
    known: &Known,
    draft: &Draft,
) -> rusqlite::Result<()> {
    let likeness = Likeness::of(draft, settings);
    let mut keys: BTreeSet<i64> = known.copy_key.into_iter().chain(likeness.copy_key).collect();
    if known.copy_key != likeness.copy_key {
        keys.extend(copies::followers(connection, known.article)?);
        note(connection, Moving { article: known.article, duplicate_of: known.duplicate_of, likeness: known.likeness })?;
        connection
            .prepare_cached("UPDATE article SET copy_key = ?2, duplicate_of = NULL, likeness = NULL WHERE article = ?1")?
            .execute(params![known.article, likeness.copy_key])?;
    }
    connection.prepare_cached("DELETE FROM similar WHERE article = ?1")?.execute(params![known.article])?;
    let entered = Compared {
        article: known.article,
        is_new: true,
        published: known.published,
        first_seen: known.first_seen,
        language: draft.language.as_deref(),
        likeness: &likeness,
    };
    neighbours.enter(connection, &entered)?;
    let joined = copies::has_edges(connection)? && !copies::joined_by_page(connection, known.article)?.is_empty();
    let entered = Entered { article: known.article, copy_key: likeness.copy_key, published: known.published, is_new: false };
    let seeds = Seeds { keys, articles: joined.then_some(known.article).into_iter().collect(), entered: Some(entered) };
    for member in copies::settle_each(connection, neighbours, &seeds, None, &mut |moving| note(connection, moving))? {
        // Originals name their copies: what moves there is shown on them, too.
        connection
            .prepare_cached("INSERT OR IGNORE INTO recompared SELECT article, duplicate_of, likeness FROM article WHERE article = ?1")?
            .execute(params![member])?;
    }
    neighbours.place_in_lists(known.article, true, settings.similar);
    Ok(())
}

/// Notes what an article was before any of this, unless that was done.
fn note(connection: &Connection, moving: Moving) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO recompared (article, duplicate_of, likeness) VALUES (?1, ?2, ?3)")?
        .execute(params![moving.article, moving.duplicate_of, moving.likeness])
        .map(drop)
}

struct Noted {
    article: i64,
    was: (Option<i64>, Option<i64>),
    is: (Option<i64>, Option<i64>),
}

/// Marks some of those as changed whose cluster is another one than before. Whatever was something else only on the way gets a change
/// number alone, so that an incremental export that saw it then gives it again. Were there any?
pub fn mark_batch(connection: &mut Connection, now: i64) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch: Vec<Noted> = transaction
        .prepare_cached(
            "SELECT article, recompared.duplicate_of, recompared.likeness, article.duplicate_of, article.likeness
             FROM recompared JOIN article USING (article) ORDER BY article LIMIT ?1",
        )?
        .query_map(params![BATCH], |row| {
            Ok(Noted { article: row.get(0)?, was: (row.get(1)?, row.get(2)?), is: (row.get(3)?, row.get(4)?) })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let (mut changed, mut passed) = (BTreeSet::new(), BTreeSet::new());
    for noted in &batch {
        transaction.prepare_cached("DELETE FROM recompared WHERE article = ?1")?.execute(params![noted.article])?;
        if noted.was == noted.is {
            passed.insert(noted.article);
        } else {
            changed.extend([Some(noted.article), noted.was.0, noted.is.0].into_iter().flatten());
        }
    }
    passed.retain(|article| !changed.contains(article));
    let mut changes = Changes::new(&transaction, now);
    if !passed.is_empty() {
        // The newest keeps the last number: by it is told when anything last changed.
        let newest: Option<i64> = transaction
            .prepare_cached("SELECT article FROM article WHERE removed_at IS NULL ORDER BY change DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        for article in passed.into_iter().chain(newest) {
            let change = changes.next()?;
            transaction.prepare_cached("UPDATE article SET change = ?2 WHERE article = ?1")?.execute(params![article, change])?;
        }
    }
    for article in changed {
        if transaction.prepare_cached("SELECT 1 FROM article WHERE article = ?1 AND removed_at IS NULL")?.exists(params![article])? {
            changes.touch(article)?;
        }
    }
    changes.finish()?.write(&transaction)?;
    transaction.commit()?;
    Ok(!batch.is_empty())
}
