//! Is the archive whole? The file as SQLite sees it, and what SQLite cannot know: that each article shows a body, that
//! every blob unpacks, that the search index holds what the articles say, that copies have an original.
//!
//! One pass over everything, inside one read transaction, so that it says something about one moment. Memory is a few
//! dozen bytes an article.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::packed::{self, Packer};
use super::{Reader, StoreError, pages, search, similar};
use crate::article::Draft;
use crate::coverage::{Cause, Watch};
use crate::parse::Entry;
use crate::webhook::Outbox;

/// So many damages of one kind are named; more are counted.
const MOST_NAMED: usize = 20;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    /// What was looked at: `file`, `references`, `articles`, `dictionaries`, `bodies`, `pages`, `revisions`,
    /// `coverage`, `search`, `copies`, `counts`, `webhooks`.
    pub part: &'static str,
    /// What is wrong there.
    pub what: String,
}

/// What a check went through, and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Checked {
    /// Articles.
    pub articles: u64,
    /// What was unpacked: drafts, raw entries and pages, revisions.
    pub blobs: u64,
    /// What is wrong; empty where all is well.
    pub damages: Vec<Damage>,
}

impl Reader {
    /// Looks through the whole archive.
    ///
    /// # Errors
    /// It cannot be read at all. Damage is no error but the answer.
    pub fn check(&self) -> Result<Checked, StoreError> {
        // The vocabulary of the index is a temporary table, which is no change of the archive.
        self.connection.pragma_update(None, "query_only", false).map_err(|error| self.error(error))?;
        let checked = check(&self.connection);
        self.connection.pragma_update(None, "query_only", true).map_err(|error| self.error(error))?;
        checked.map_err(|error| self.error(error))
    }
}

/// Looks through a database.
pub fn check(connection: &Connection) -> rusqlite::Result<Checked> {
    let moment = connection.unchecked_transaction()?;
    let mut found = Found::default();
    check_file(&moment, &mut found)?;
    // Where pages are torn, whatever follows would only repeat it in other words, or break off.
    if found.damages.is_empty() {
        let parts = [
            check_references,
            check_articles,
            check_counts,
            check_dictionaries,
            check_bodies,
            check_pages,
            check_revisions,
            check_coverage,
            check_search,
            check_copies,
            check_webhooks,
        ];
        for part in parts {
            part(&moment, &mut found)?;
        }
    }
    Ok(found.into_checked())
}

#[derive(Default)]
struct Found {
    packer: Packer,
    articles: u64,
    blobs: u64,
    damages: Vec<Damage>,
    more: HashMap<&'static str, usize>,
}

impl Found {
    fn add(&mut self, part: &'static str, what: String) {
        if self.damages.iter().filter(|damage| damage.part == part).count() < MOST_NAMED {
            self.damages.push(Damage { part, what });
        } else {
            *self.more.entry(part).or_default() += 1;
        }
    }

    fn into_checked(mut self) -> Checked {
        let mut more: Vec<_> = self.more.into_iter().collect();
        more.sort_unstable();
        self.damages.extend(more.into_iter().map(|(part, count)| Damage { part, what: format!("… and {count} more") }));
        Checked { articles: self.articles, blobs: self.blobs, damages: self.damages }
    }
}

/// Pages, records, indexes, and the search index's own structure.
fn check_file(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut add = |what: String| {
        if what != "ok" {
            found.add("file", what);
        }
    };
    let mut run = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare("PRAGMA integrity_check")?;
        for line in statement.query_map([], |row| row.get::<_, String>(0))? {
            add(line?);
        }
        Ok(())
    };
    match run() {
        // What is too damaged to be gone through is damage as well.
        Err(error) if is_damage(&error) => {
            add(error.to_string());
            Ok(())
        }
        other => other,
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase))
}

fn check_references(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let number: Option<i64> = row.get(1)?;
        let number = number.map(|number| format!(" {number}")).unwrap_or_default();
        found.add("references", format!("{table}{number} refers to a row of {parent} that is not there"));
    }
    Ok(())
}

fn check_articles(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    found.articles =
        connection.query_row("SELECT count(*) FROM article WHERE removed_at IS NULL", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let mut statement = connection.prepare(
        "SELECT id FROM article WHERE removed_at IS NULL AND NOT EXISTS (
           SELECT 1 FROM sighting JOIN body ON body.sighting = sighting.sighting
           WHERE sighting.sighting = article.speaker AND sighting.article = article.article)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add("articles", format!("article {} has no body to show", row.get::<_, String>(0)?));
    }
    drop(rows);
    let (last, given): (Option<i64>, i64) =
        connection.query_row("SELECT (SELECT max(change) FROM article), change FROM archive", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if let Some(last) = last.filter(|last| *last > given) {
        found.add("articles", format!("an article has the change number {last}, and the last that was given is {given}"));
    }
    Ok(())
}

/// What is counted as it comes must be what a count finds.
fn check_counts(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let counted = connection.query_row("SELECT articles FROM archive", [], |row| row.get::<_, i64>(0))?;
    if u64::try_from(counted).ok() != Some(found.articles) {
        found.add("counts", format!("{counted} articles were counted, and {} are there", found.articles));
    }
    for (sql, what) in [
        (
            "SELECT name FROM feed LEFT JOIN (
               SELECT feed, count(due_at) AS waiting, sum(due_at IS NOT NULL AND error IS NOT NULL) AS failing,
                 sum(due_at IS NULL AND error IS NOT NULL) AS given_up FROM page GROUP BY feed) AS kept ON kept.feed = feed.feed
             WHERE (pages_waiting, pages_failing, pages_given_up) IS NOT (coalesce(waiting, 0), coalesce(failing, 0), coalesce(given_up, 0))",
            "pages wait, failed or were given up than were counted of the feed",
        ),
        (
            "SELECT datetime(kept.hour * 3600, 'unixepoch') FROM (
               SELECT first_seen / 3600000 AS hour, count(*) AS articles FROM article WHERE removed_at IS NULL GROUP BY 1) AS kept
             LEFT JOIN hour ON hour.hour = kept.hour WHERE kept.articles > coalesce(hour.new, 0)",
            "articles have come than were counted in the hour that begins at",
        ),
    ] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.add("counts", format!("other {what} {}", row.get::<_, String>(0)?));
        }
    }
    Ok(())
}

fn check_dictionaries(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT dictionary, content FROM dictionary")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (number, content): (i64, _) = (row.get(0)?, row.get_ref(1)?.as_blob()?);
        if packed::number_of(content).map(i64::from) != Some(number) || found.packer.add_dictionary(content).is_err() {
            found.add("dictionaries", format!("dictionary {number} cannot be read, and nothing that was packed with it"));
        }
    }
    Ok(())
}

fn check_bodies(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT article.id, body.content FROM body
         LEFT JOIN sighting ON sighting.sighting = body.sighting LEFT JOIN article ON article.article = sighting.article",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.blobs += 1;
        let id = |row: &rusqlite::Row<'_>| row.get::<_, Option<String>>(0).map(Option::unwrap_or_default);
        let content = row.get_ref(1)?.as_blob()?;
        if let Err(error) = found.packer.unpack::<Draft>(content) {
            found.add("bodies", format!("the body of article {} cannot be read: {error}", id(row)?));
            continue;
        }
        match found.packer.unpack_second::<Entry>(content) {
            Ok(entry) => found.blobs += u64::from(entry.is_some()),
            Err(error) => found.add("bodies", format!("the raw entry of article {} cannot be read: {error}", id(row)?)),
        }
    }
    Ok(())
}

fn check_pages(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT article.id, page_body.draft, page_body.raw FROM page_body JOIN article USING (article)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.blobs += 1;
        if let Err(error) = found.packer.unpack::<Draft>(row.get_ref(1)?.as_blob()?) {
            found.add("pages", format!("what the page of article {} said cannot be read: {error}", row.get::<_, String>(0)?));
        }
        let raw = row.get_ref(2)?;
        if raw != ValueRef::Null {
            found.blobs += 1;
            if let Err(error) = found.packer.unpack_bytes(raw.as_blob()?) {
                found.add("pages", format!("the raw page of article {} cannot be read: {error}", row.get::<_, String>(0)?));
            }
        }
    }
    drop(rows);
    let mut statement = connection.prepare(
        "SELECT article.id FROM article WHERE removed_at IS NOT NULL AND (EXISTS (SELECT 1 FROM page WHERE page.article = article.article)
           OR EXISTS (SELECT 1 FROM page_body WHERE page_body.article = article.article)
           OR EXISTS (SELECT 1 FROM page_copy WHERE page_copy.article = article.article))",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.add("pages", format!("article {} was removed and something of its page is left", row.get::<_, String>(0)?));
    }
    Ok(())
}

fn check_revisions(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT article.id, revision.revision, revision.draft FROM revision JOIN article USING (article)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.blobs += 1;
        if let Err(error) = found.packer.unpack::<Draft>(row.get_ref(2)?.as_blob()?) {
            found.add(
                "revisions",
                format!("revision {} of article {} cannot be read: {error}", row.get::<_, i64>(1)?, row.get::<_, String>(0)?),
            );
        }
    }
    Ok(())
}

/// What is compared with the next documents must be readable, and each finding a span of time.
fn check_coverage(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT name, base FROM coverage_base JOIN feed USING (feed)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if Watch::decode(&row.get::<_, String>(1)?).is_none() {
            found.add("coverage", format!("what the next document of {} is compared with cannot be read", row.get::<_, String>(0)?));
        }
    }
    let mut statement = connection.prepare("SELECT name, from_at, until_at, cause FROM coverage_finding JOIN feed USING (feed)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (from, until): (i64, i64) = (row.get(1)?, row.get(2)?);
        if from >= until || Cause::parse(&row.get::<_, String>(3)?).is_none() {
            found.add("coverage", format!("a finding of {} is none: from {from} to {until}", row.get::<_, String>(0)?));
        }
    }
    Ok(())
}

/// The index must hold exactly the tokens of each article: what it holds is added up a document, and compared.
fn check_search(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let mut indexed: HashMap<i64, u64> = HashMap::new();
    connection.execute_batch("CREATE VIRTUAL TABLE IF NOT EXISTS temp.indexed_token USING fts5vocab(main, article_tokens, instance)")?;
    {
        let mut statement = connection.prepare("SELECT term, doc FROM temp.indexed_token")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sum = indexed.entry(row.get(1)?).or_default();
            *sum = sum.wrapping_add(token_hash(row.get_ref(0)?.as_bytes()?));
        }
    }
    connection.execute_batch("DROP TABLE temp.indexed_token")?;
    let mut statement = connection.prepare(
        "SELECT article.article, article.id, body.content, page_body.draft FROM article JOIN body ON body.sighting = article.speaker
         LEFT JOIN page_body ON page_body.article = article.article WHERE removed_at IS NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let indexed = indexed.remove(&row.get(0)?).unwrap_or_default();
        // A body that cannot be read was named already.
        let Ok(draft) = pages::shown(&found.packer, row.get_ref(2)?, row.get_ref(3)?) else { continue };
        let tokens = search::document_tokens(&draft);
        let wanted =
            tokens.split(' ').filter(|token| !token.is_empty()).fold(0_u64, |sum, token| sum.wrapping_add(token_hash(token.as_bytes())));
        if wanted != indexed {
            found.add("search", format!("the search index does not hold the words of article {}", row.get::<_, String>(1)?));
        }
    }
    let mut strangers: Vec<i64> = indexed.into_keys().collect();
    strangers.sort_unstable();
    for article in strangers {
        found.add("search", format!("the search index holds article number {article}, which is not there"));
    }
    Ok(())
}

/// A copy is a copy of an article that is there and no copy itself; what is kept for comparing belongs to articles that
/// are there; lists can be read.
fn check_copies(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    for (sql, what) in [
        (
            "SELECT copy.id FROM article copy JOIN article original ON original.article = copy.duplicate_of
             WHERE original.duplicate_of IS NOT NULL OR original.removed_at IS NOT NULL OR copy.removed_at IS NOT NULL",
            "is a copy of a copy, or of what was removed",
        ),
        ("SELECT id FROM article JOIN compared USING (article) WHERE removed_at IS NOT NULL", "was removed and is compared with new ones"),
        ("SELECT id FROM article JOIN recompared USING (article) WHERE removed_at IS NOT NULL", "was removed and is being compared anew"),
        ("SELECT id FROM article JOIN similar USING (article) WHERE removed_at IS NOT NULL", "was removed and has similar posts"),
    ] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            found.add("copies", format!("article {} {what}", row.get::<_, String>(0)?));
        }
    }
    let mut statement = connection.prepare("SELECT id, posts FROM article JOIN similar USING (article)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !similar::is_whole(row.get_ref(1)?.as_blob()?) {
            found.add("copies", format!("the similar posts of article {} cannot be read", row.get::<_, String>(0)?));
        }
    }
    Ok(())
}

fn token_hash(token: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    token.hash(&mut hasher);
    hasher.finish()
}
/// A webhook that had come further than the archive would be told of nothing.
fn check_webhooks(connection: &Connection, found: &mut Found) -> rusqlite::Result<()> {
    let newest: i64 = connection.query_row("SELECT change FROM archive", [], |row| row.get(0))?;
    let mut statement = connection.prepare("SELECT url, outbox FROM webhook ORDER BY url")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let url: String = row.get(0)?;
        match serde_json::from_str::<Outbox>(row.get_ref(1)?.as_str()?) {
            Err(error) => found.add("webhooks", format!("how far {url} has come cannot be read: {error}")),
            Ok(outbox) if outbox.change > newest => {
                found.add("webhooks", format!("{url} has come to change {}, of {newest} in the archive", outbox.change));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}
