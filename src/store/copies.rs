//! Clusters of copies: articles of the same text, and the earliest of them.
//!
//! A cluster is a function of what its members are now, so it is made again from the index whenever one comes, goes
//! or changes; the order in which copies arrive cannot matter.

use rusqlite::{Connection, OptionalExtension, params};

/// Finds the earliest article with this text (by `published`, none last, then id), makes all others its copies, and
/// gives the articles that this changes: the earliest, and all that
/// became or ceased to be copies.
pub fn settle(connection: &Connection, copy_key: i64) -> rusqlite::Result<Vec<i64>> {
    // Most texts are alone.
    let mut members = connection.prepare_cached("SELECT article, duplicate_of FROM article WHERE copy_key = ?1 LIMIT 2")?;
    let members: Vec<(i64, Option<i64>)> =
        members.query_map(params![copy_key], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    match members.as_slice() {
        [] => return Ok(Vec::new()),
        [(only, None)] => return Ok(vec![*only]),
        _ => {}
    }
    let dated = "SELECT article FROM article WHERE copy_key = ?1 AND published IS NOT NULL ORDER BY published, id LIMIT 1";
    let undated = "SELECT article FROM article WHERE copy_key = ?1 AND published IS NULL ORDER BY id LIMIT 1";
    let mut earliest: Option<i64> = None;
    for query in [dated, undated] {
        if earliest.is_none() {
            earliest = connection.prepare_cached(query)?.query_row(params![copy_key], |row| row.get(0)).optional()?;
        }
    }
    let Some(earliest) = earliest else { return Ok(Vec::new()) };
    let mut changed: Vec<i64> = connection
        .prepare_cached(
            "UPDATE article SET duplicate_of = CASE article WHEN ?2 THEN NULL ELSE ?2 END
             WHERE copy_key = ?1 AND duplicate_of IS NOT CASE article WHEN ?2 THEN NULL ELSE ?2 END RETURNING article",
        )?
        .query_map(params![copy_key, earliest], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // It names its copies, so it changes with any of them.
    if !changed.contains(&earliest) {
        changed.push(earliest);
    }
    Ok(changed)
}
