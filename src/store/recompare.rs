//! Copies and similar posts found anew, by the rules and settings of today, for the whole archive: in the order in which
//! the articles came, as if each came now.
//!
//! It goes in pieces, and polls go on in between. It has a picture of its own, since the articles that it enters are of
//! another time than those that polls bring. An article is marked as changed where the answer is another, or was on the way:
//! the first issues of a series are copies until there are enough of them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, TransactionBehavior, params};

use super::copies::Seeds;
use super::neighbours::{Compared, Neighbours};
use super::{Archive, StoreError, copies, pages, similar};
use crate::article::Draft;
use crate::copies::{CopySettings, Likeness};

/// So many articles in one transaction: polls wait no longer for it than for a group of polls.
const BATCH: i64 = 100;

impl Archive {
    /// Finds all copies and similar posts anew.
    ///
    /// # Errors
    /// A [`StoreError`]; what was found until then stays, and beginning again is safe.
    pub async fn compare_anew(&self, settings: CopySettings, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut own = self
            .writer
            .run_on_articles(move |connection, neighbours| {
                begin(connection)?;
                neighbours.drop_picture();
                Ok(neighbours.another())
            })
            .await?;
        let mut last = Some(0);
        while let Some(after) = last {
            (own, last) = self
                .writer
                .run(move |connection| {
                    let last = compare_batch(connection, &mut own, settings, after, now)?;
                    Ok((own, last))
                })
                .await?;
        }
        self.writer
            .run_on_articles(move |connection, neighbours| {
                neighbours.drop_picture();
                own.save(connection)
            })
            .await
    }
}

/// Forgets what was compared.
pub fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM compared; DELETE FROM similar; DELETE FROM term_frequency; COMMIT;")
}

struct Known {
    article: i64,
    published: Option<i64>,
    first_seen: i64,
    copy_key: Option<i64>,
    draft: Draft,
}

/// Compares some articles anew, those that came after `after`; gives the last of them, or `None` where there was none.
pub fn compare_batch(
    connection: &mut Connection,
    neighbours: &mut Neighbours,
    settings: CopySettings,
    after: i64,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<i64>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch: Vec<Known> = transaction
        .prepare_cached(
            "SELECT article.article, published, article.first_seen, copy_key, content, page_body.draft
             FROM article JOIN body ON body.sighting = speaker LEFT JOIN page_body ON page_body.article = article.article
             WHERE article.article > ?1 AND removed_at IS NULL ORDER BY article.article LIMIT ?2",
        )?
        .query_map(params![after, BATCH], |row| {
            Ok(Known {
                article: row.get(0)?,
                published: row.get(1)?,
                first_seen: row.get(2)?,
                copy_key: row.get(3)?,
                draft: pages::shown(neighbours.packer(), row.get_ref(4)?, row.get_ref(5)?)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for known in &batch {
        let likeness = Likeness::of(&known.draft, settings);
        let mut keys: BTreeSet<i64> = known.copy_key.into_iter().chain(likeness.copy_key).collect();
        if known.copy_key != likeness.copy_key {
            keys.extend(copies::followers(&transaction, known.article)?);
            transaction
                .prepare_cached("UPDATE article SET copy_key = ?2, duplicate_of = NULL, likeness = NULL WHERE article = ?1")?
                .execute(params![known.article, likeness.copy_key])?;
        }
        let compared = Compared {
            article: known.article,
            is_new: true,
            published: known.published,
            first_seen: known.first_seen,
            language: known.draft.language.as_deref(),
            likeness: &likeness,
        };
        neighbours.enter(&transaction, &compared)?;
        let seeds = Seeds { keys, articles: BTreeSet::from([known.article]) };
        copies::settle_and_mark(&transaction, neighbours, &seeds, now.timestamp_millis())?;
        if let Some(window) = neighbours.window().filter(|_| settings.similar > 0) {
            similar::place(&transaction, window, known.article, true, settings.similar)?;
        }
    }
    transaction.commit()?;
    Ok(batch.last().map(|known| known.article))
}
