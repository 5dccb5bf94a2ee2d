//! Clusters of copies: articles of the same text or of one page, and the earliest of them.
//!
//! Two articles are of one page where the page of one says so: by a redirect or its canonical link it is the other's. Such an
//! edge holds whatever the texts are, and whichever of the two came first.
//!
//! A cluster is a function of what its members are now, so it is made again from the index whenever one comes, goes
//! or changes; the order in which copies arrive cannot matter.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

/// Finds the earliest article with this text (by `published`, none last, then id), makes all others its copies, and
/// gives the articles that this changes: the earliest, and all that
/// became or ceased to be copies.
pub fn settle(connection: &Connection, copy_key: i64) -> rusqlite::Result<Vec<i64>> {
    if has_edges(connection)? {
        let member = connection
            .prepare_cached("SELECT article FROM article WHERE copy_key = ?1 LIMIT 1")?
            .query_row(params![copy_key], |row| row.get(0))
            .optional()?;
        return member.map_or(Ok(Vec::new()), |member| settle_around(connection, member));
    }
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

/// As [`settle`], for the cluster of an article, whose members one text or one page joins.
pub fn settle_around(connection: &Connection, article: i64) -> rusqlite::Result<Vec<i64>> {
    let members = cluster_of(connection, article)?;
    let mut ranked = Vec::with_capacity(members.len());
    for member in &members {
        let rank: (i64, String, Option<i64>) = connection
            .prepare_cached("SELECT coalesce(published, 9223372036854775807), id, duplicate_of FROM article WHERE article = ?1")?
            .query_row(params![member], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        ranked.push((rank.0, rank.1, *member, rank.2));
    }
    let Some(earliest) = ranked.iter().min().map(|(.., member, _)| *member) else { return Ok(Vec::new()) };
    let mut changed = Vec::new();
    for (.., member, was) in ranked {
        let is = (member != earliest).then_some(earliest);
        if was != is {
            connection.prepare_cached("UPDATE article SET duplicate_of = ?2 WHERE article = ?1")?.execute(params![member, is])?;
            changed.push(member);
        }
    }
    if members.len() > 1 && !changed.contains(&earliest) {
        changed.push(earliest);
    }
    Ok(changed)
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

fn has_edges(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM page_copy LIMIT 1")?.exists([])
}

fn cluster_of(connection: &Connection, article: i64) -> rusqlite::Result<BTreeSet<i64>> {
    let (mut members, mut texts) = (BTreeSet::new(), BTreeSet::new());
    let mut next = vec![article];
    while let Some(member) = next.pop() {
        if !members.insert(member) {
            continue;
        }
        let text: Option<i64> =
            connection.prepare_cached("SELECT copy_key FROM article WHERE article = ?1")?.query_row(params![member], |row| row.get(0))?;
        if let Some(text) = text.filter(|text| texts.insert(*text)) {
            let mut same_text = connection.prepare_cached("SELECT article FROM article WHERE copy_key = ?1")?;
            for other in same_text.query_map(params![text], |row| row.get(0))? {
                next.push(other?);
            }
        }
        next.extend(joined_by_page(connection, member)?);
    }
    Ok(members)
}
