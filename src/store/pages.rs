//! Pages as jobs: which articles want theirs, which are due, and what came of asking.
//!
//! A job is stored with the poll that found its article, so a crash loses none; what a page gave is a commit of its own. An
//! article's draft stays as its speaker made it: what is shown is merged from both whenever it is read, so that a page that
//! is asked for again, or a rule that gets better, finds everything as it came.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::neighbours::Neighbours;
use super::packed::{PackedError, Packer};
use super::shown::{self, Changes, Edit, Shown};
use super::{Archive, Reader, StoreError, search};
use crate::article::Draft;
use crate::copies::{CopySettings, Likeness};
use crate::fetch::Validators;
use crate::full_text::{self, PagesPast, Wish, merge};
use crate::identity::ArticleId;
use crate::normalise::RULES_VERSION;

/// The archive's own number for an article whose page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageRef(i64);

/// A page whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuePage {
    /// Its article.
    pub page: PageRef,
    /// The article's id.
    pub id: String,
    /// The name of the feed whose entry wants it.
    pub feed: String,
    /// What to ask for.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Why it is wanted.
    pub wish: Wish,
    /// What the feed's pages gave until now.
    pub past: PagesPast,
    /// What to ask with.
    pub validators: Validators,
    /// Attempts in a row that brought nothing.
    pub failures: u32,
}

/// What asking for a page brought.
#[derive(Debug)]
pub struct PageAnswer {
    /// Its article.
    pub page: PageRef,
    /// What was asked for. Where another address is wanted by now, the answer is of no use.
    pub url: String,
    /// When the answer came.
    pub at: DateTime<Utc>,
    /// Status of the answer.
    pub http_status: Option<u16>,
    /// What is looked for when its article is compared with others.
    pub copies: CopySettings,
    /// What it was.
    pub end: PageEnd,
}

/// How asking ended.
#[derive(Debug)]
pub enum PageEnd {
    /// With a story, or the beginning of one.
    Read(Box<ReadPage>),
    /// The page is as it was. Validators that the answer carries replace those that are there.
    NotModified(Validators),
    /// With nothing.
    Failed {
        /// Why.
        reason: String,
        /// When to try again; `None`: not before the entry changes.
        next: Option<DateTime<Utc>>,
    },
    /// Nothing was asked, and nothing went wrong: it is asked later.
    Postponed(DateTime<Utc>),
    /// Nobody wants it any more.
    Dropped,
}

/// A page that was read; all that costs time is ready before the writer's turn.
#[derive(Debug)]
pub struct ReadPage {
    draft: Draft,
    packed_draft: Result<Vec<u8>, PackedError>,
    packed_page: Option<Result<Vec<u8>, PackedError>>,
    /// As the answer said.
    pub content_type: Option<String>,
    /// Where it was found.
    pub final_url: String,
    /// What it calls itself.
    pub canonical_url: Option<String>,
    /// The article whose own page it is, where it is another's.
    pub copy_of: Option<ArticleId>,
    /// To ask with next time.
    pub validators: Validators,
}

impl ReadPage {
    /// Packs the draft and, where raw pages are kept, the page.
    pub fn of(draft: Draft, kept_page: Option<&[u8]>, packer: &Packer) -> Self {
        Self {
            packed_draft: packer.pack(&draft),
            packed_page: kept_page.map(|page| packer.pack_bytes(page)),
            draft,
            content_type: None,
            final_url: String::new(),
            canonical_url: None,
            copy_of: None,
            validators: Validators::default(),
        }
    }
}

/// What the archive knows of an article's page, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageState {
    /// What is asked for.
    pub url: String,
    /// When it was last asked for.
    pub asked_at: Option<DateTime<Utc>>,
    /// When it is asked for next.
    pub due_at: Option<DateTime<Utc>>,
    /// Why the last attempt brought nothing.
    pub error: Option<String>,
    /// Has it been read?
    pub is_read: bool,
}

/// Pages that wait or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, schemars::JsonSchema)]
pub struct PageCounts {
    /// Still to be asked for, for the first time or again.
    pub waiting: u64,
    /// … of these so many failed before.
    pub failing: u64,
    /// Given up.
    pub given_up: u64,
}

/// A page that is asked for from now on.
pub(super) struct WantedPage<'a> {
    pub article: i64,
    /// The one whose entry wants it.
    pub feed: i64,
    pub url: &'a str,
    /// The article's time: the newest go first.
    pub at: i64,
    pub wish: Wish,
    pub now: i64,
}

/// Asks for a page from now on; what was known of another address is forgotten.
pub(super) fn want(connection: &Connection, wanted: &WantedPage<'_>) -> rusqlite::Result<()> {
    let host = url::Url::parse(wanted.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    connection
        .prepare_cached(
            "INSERT INTO page (article, feed, url, host, at, wish, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (article) DO UPDATE SET feed = excluded.feed, url = excluded.url, host = excluded.host, at = excluded.at,
               wish = excluded.wish, due_at = excluded.due_at, failures = 0, error = NULL,
               etag = CASE WHEN url = excluded.url THEN etag END, last_modified = CASE WHEN url = excluded.url THEN last_modified END",
        )?
        .execute(params![wanted.article, wanted.feed, wanted.url, host, wanted.at, wanted.wish as i64, wanted.now])?;
    Ok(())
}

/// Nobody asks for the page any more, unless it was read: then what it gave stays.
pub(super) fn drop_unanswered(connection: &Connection, article: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM page WHERE article = ?1 AND NOT EXISTS (SELECT 1 FROM page_body WHERE page_body.article = page.article)",
        )?
        .execute(params![article])?;
    Ok(())
}

/// Was the page of this article ever wanted?
pub(super) fn is_known(connection: &Connection, article: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM page WHERE article = ?1")?.exists(params![article])
}

/// What the pages of a feed gave until now.
pub(super) fn past(connection: &Connection, feed: i64) -> rusqlite::Result<PagesPast> {
    connection
        .prepare_cached("SELECT pages_in_vain, page_read_at FROM feed WHERE feed = ?1")?
        .query_row(params![feed], |row| past_of(row, 0))
}

fn past_of(row: &Row<'_>, first: usize) -> rusqlite::Result<PagesPast> {
    Ok(PagesPast { in_vain: row.get(first)?, last_read: time(row, first + 1)? })
}

/// What the page of an article said, if it was read.
pub(super) fn draft(connection: &Connection, packer: &Packer, article: i64) -> rusqlite::Result<Option<Draft>> {
    connection
        .prepare_cached("SELECT draft FROM page_body WHERE article = ?1")?
        .query_row(params![article], |row| Ok(packer.unpack(row.get_ref(0)?.as_blob()?)?))
        .optional()
}

/// What an article shows whose speaker said this.
pub(super) fn with_page(connection: &Connection, packer: &Packer, article: i64, spoken: Draft) -> rusqlite::Result<Draft> {
    Ok(match draft(connection, packer, article)? {
        Some(page) => full_text::merged(spoken, page),
        None => spoken,
    })
}

/// What an article shows, from its speaker's body and, where that is not NULL, what its page said.
pub(super) fn shown(packer: &Packer, body: ValueRef<'_>, page: ValueRef<'_>) -> rusqlite::Result<Draft> {
    let spoken: Draft = packer.unpack(body.as_blob()?)?;
    Ok(match page {
        ValueRef::Null => spoken,
        page => full_text::merged(spoken, packer.unpack(page.as_blob()?)?),
    })
}

/// Takes out all that the archive has of an article's page.
pub(super) fn remove(connection: &Connection, article: i64) -> rusqlite::Result<()> {
    for statement in
        ["DELETE FROM page WHERE article = ?1", "DELETE FROM page_body WHERE article = ?1", "DELETE FROM page_copy WHERE article = ?1"]
    {
        connection.prepare_cached(statement)?.execute(params![article])?;
    }
    Ok(())
}

/// From `pages_waiting`, `pages_failing` and `pages_given_up` of a feed or, where there is one, of all, in this order.
pub(super) fn counts(row: &Row<'_>, first: usize) -> rusqlite::Result<PageCounts> {
    let count = |column| row.get::<_, Option<i64>>(column).map(|count| count.unwrap_or(0).unsigned_abs());
    Ok(PageCounts { waiting: count(first)?, failing: count(first + 1)?, given_up: count(first + 2)? })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(DateTime::from_timestamp_millis))
}

impl Archive {
    /// Commits what asking for a page brought; done when it is safe on disk. Says whether the article shows something else now.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing of the answer was stored then.
    pub async fn commit_page(&self, answer: PageAnswer) -> Result<bool, StoreError> {
        let packer = self.packer();
        self.writer
            .run_on_articles(move |connection, neighbours| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let changed = store(&transaction, &packer, neighbours, &answer)?;
                transaction.commit()?;
                Ok(changed)
            })
            .await
    }
}

/// The clock was set back by so much: what was planned by it comes earlier by so much.
pub fn set_back(connection: &Connection, by: TimeDelta) -> rusqlite::Result<()> {
    connection.execute("UPDATE page SET due_at = due_at - ?1 WHERE due_at IS NOT NULL", params![by.num_milliseconds()]).map(|_| ())
}

fn store(connection: &Connection, packer: &Packer, neighbours: &mut Neighbours, answer: &PageAnswer) -> rusqlite::Result<bool> {
    let (article, now) = (answer.page.0, answer.at.timestamp_millis());
    let feed: Option<i64> = connection
        .prepare_cached("SELECT feed FROM page WHERE article = ?1 AND url = ?2")?
        .query_row(params![article, answer.url], |row| row.get(0))
        .optional()?;
    // The article was taken out meanwhile, or its entry names another page.
    let Some(feed) = feed else { return Ok(false) };
    match &answer.end {
        PageEnd::Dropped => {
            drop_unanswered(connection, article)?;
            connection.prepare_cached("UPDATE page SET due_at = NULL WHERE article = ?1")?.execute(params![article])?;
        }
        PageEnd::Postponed(until) => {
            connection
                .prepare_cached("UPDATE page SET due_at = ?2 WHERE article = ?1")?
                .execute(params![article, until.timestamp_millis()])?;
        }
        PageEnd::Failed { reason, next } => {
            connection
                .prepare_cached(
                    "UPDATE page SET due_at = ?2, failures = failures + 1, asked_at = ?3, http_status = ?4, error = ?5 WHERE article = ?1",
                )?
                .execute(params![article, next.map(|at| at.timestamp_millis()), now, answer.http_status, reason])?;
        }
        PageEnd::NotModified(validators) => {
            connection
                .prepare_cached(
                    "UPDATE page SET due_at = NULL, failures = 0, asked_at = ?2, http_status = ?3, error = NULL,
                       etag = coalesce(?4, etag), last_modified = coalesce(?5, last_modified) WHERE article = ?1",
                )?
                .execute(params![article, now, answer.http_status, validators.etag, validators.last_modified])?;
        }
        PageEnd::Read(read) => {
            connection
                .prepare_cached(
                    "UPDATE page SET due_at = NULL, failures = 0, asked_at = ?2, http_status = ?3, error = NULL, final_url = ?4,
                       canonical_url = ?5, etag = ?6, last_modified = ?7 WHERE article = ?1",
                )?
                .execute(params![
                    article,
                    now,
                    answer.http_status,
                    read.final_url,
                    read.canonical_url,
                    read.validators.etag,
                    read.validators.last_modified
                ])?;
            return store_read(
                connection,
                packer,
                neighbours,
                &AskedPage { article, feed, url: &answer.url, at: answer.at, copies: answer.copies },
                read,
            );
        }
    }
    Ok(false)
}

/// The page that was read, and how its article is compared with others.
struct AskedPage<'a> {
    article: i64,
    feed: i64,
    url: &'a str,
    at: DateTime<Utc>,
    copies: CopySettings,
}

fn store_read(
    connection: &Connection,
    packer: &Packer,
    neighbours: &mut Neighbours,
    asked: &AskedPage<'_>,
    read: &ReadPage,
) -> rusqlite::Result<bool> {
    let AskedPage { article, feed, at, copies, .. } = *asked;
    struct Speaking {
        speaker: i64,
        spoken: Draft,
        revision: i64,
        revised_at: i64,
        copy_key: Option<i64>,
        id: String,
        first_seen: i64,
    }
    let speaking = connection
        .prepare_cached(
            "SELECT article.speaker, body.content, article.revision, article.revised_at, article.copy_key, article.id, article.first_seen
             FROM article JOIN body ON body.sighting = article.speaker WHERE article.article = ?1",
        )?
        .query_row(params![article], |row| {
            Ok(Speaking {
                speaker: row.get(0)?,
                spoken: packer.unpack(row.get_ref(1)?.as_blob()?)?,
                revision: row.get(2)?,
                revised_at: row.get(3)?,
                copy_key: row.get(4)?,
                id: row.get(5)?,
                first_seen: row.get(6)?,
            })
        })
        .optional()?;
    let Some(speaking) = speaking else { return Ok(false) };
    let now = at.timestamp_millis();
    let past = past(connection, feed)?.after(merge::gives_more(&speaking.spoken, &read.draft), at);
    connection.prepare_cached("UPDATE feed SET pages_in_vain = ?2, page_read_at = ?3 WHERE feed = ?1")?.execute(params![
        feed,
        past.in_vain,
        now
    ])?;

    let earlier: Option<(Draft, u32)> = connection
        .prepare_cached("SELECT draft, rules FROM page_body WHERE article = ?1")?
        .query_row(params![article], |row| Ok((packer.unpack(row.get_ref(0)?.as_blob()?)?, row.get(1)?)))
        .optional()?;
    let before = match &earlier {
        Some((page, _)) => full_text::merged(speaking.spoken.clone(), page.clone()),
        None => speaking.spoken.clone(),
    };
    let after = full_text::merged(speaking.spoken, read.draft.clone());
    let blob = |packed: &Result<Vec<u8>, PackedError>| match packed {
        Ok(blob) => Ok(blob.clone()),
        Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.to_string().into())),
    };
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO page_body (article, rules, url, read_at, draft, content_type, raw) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            article,
            RULES_VERSION,
            asked.url,
            now,
            blob(&read.packed_draft)?,
            read.content_type,
            read.packed_page.as_ref().map(blob).transpose()?
        ])?;
    let joins_other = join(connection, article, &speaking.id, read.copy_of.as_ref())?;
    if before == after && !joins_other {
        return Ok(false);
    }
    // The arrival of a page makes no revision, and neither do better rules: only a page that was read before and says
    // something else by the same rules.
    let mut revision = (speaking.revision, speaking.revised_at);
    if earlier.is_some_and(|(_, rules)| rules == RULES_VERSION) {
        revision = shown::revise(connection, packer, &Edit { article, before: &before, after: &after, revision, now })?;
    }
    let (tokens, likeness) = (search::document_tokens(&after), Likeness::of(&after, copies));
    let mut changes = Changes::new(connection, now);
    shown::show(
        &mut changes,
        neighbours,
        &Shown {
            article,
            is_new: false,
            first_seen: speaking.first_seen,
            speaker: speaking.speaker,
            draft: &after,
            tokens: Some(&tokens),
            likeness: &likeness,
            was_copy_key: speaking.copy_key,
            revision,
        },
    )?;
    changes.finish()?.write(connection)?;
    Ok(before != after)
}

/// Notes of which other article's page this one is; says whether that is news. An earlier word on it is not taken back while
/// the page says nothing else.
pub(super) fn join(connection: &Connection, article: i64, id: &str, copy_of: Option<&ArticleId>) -> rusqlite::Result<bool> {
    let Some(other) = copy_of.map(ArticleId::as_str).filter(|other| *other != id) else { return Ok(false) };
    let written = connection
        .prepare_cached("INSERT INTO page_copy (article, of) VALUES (?1, ?2) ON CONFLICT (article) DO UPDATE SET of = excluded.of WHERE of <> excluded.of")?
        .execute(params![article, other])?;
    Ok(written > 0)
}

impl Reader {
    /// Pages that are due by `now`, the newest of each host first: of `hosts` hosts that follow `after` in the alphabet (the first ones
    /// follow the last), `each` of a host; of all feeds or of those named. So no host's backlog hides another's pages.
    ///
    /// # Errors
    /// Those of the database.
    pub fn due_pages(
        &self,
        now: DateTime<Utc>,
        after: &str,
        hosts: usize,
        each: usize,
        feeds: Option<&[String]>,
    ) -> Result<Vec<DuePage>, StoreError> {
        // A list of strings is always JSON.
        let feeds = feeds.and_then(|feeds| serde_json::to_string(feeds).ok());
        let read = || {
            let mut next_host =
                self.connection.prepare_cached("SELECT host FROM page WHERE due_at IS NOT NULL AND host > ?1 ORDER BY host LIMIT 1")?;
            let mut of_host = self.connection.prepare_cached(
                "SELECT page.article, article.id, feed.name, page.url, page.host, page.wish, page.failures, page.etag, page.last_modified,
                   feed.pages_in_vain, feed.page_read_at
                 FROM page JOIN article ON article.article = page.article JOIN feed ON feed.feed = page.feed
                 WHERE page.host = ?1 AND page.due_at IS NOT NULL AND page.due_at <= ?2
                   AND (?4 IS NULL OR feed.name IN (SELECT value FROM json_each(?4)))
                 ORDER BY page.at DESC LIMIT ?3",
            )?;
            let (mut due, mut host, mut turned, mut found) = (Vec::new(), after.to_owned(), false, 0);
            while found < hosts {
                let next: Option<String> = next_host.query_row(params![host], |row| row.get(0)).optional()?;
                match next {
                    Some(next) if turned && next.as_str() > after => break,
                    Some(next) => host = next,
                    None if turned || after.is_empty() => break,
                    None => {
                        turned = true;
                        host.clear();
                        continue;
                    }
                }
                let before = due.len();
                for page in
                    of_host.query_map(params![host, now.timestamp_millis(), i64::try_from(each).unwrap_or(i64::MAX), feeds], due_page)?
                {
                    due.push(page?);
                }
                found += usize::from(due.len() > before);
            }
            Ok(due)
        };
        read().map_err(|error| self.error(error))
    }

    /// When the next page is due, past or future; `None` where none is wanted.
    ///
    /// # Errors
    /// Those of the database.
    pub fn next_page_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.connection
            .prepare_cached("SELECT min(due_at) FROM page WHERE due_at IS NOT NULL")
            .and_then(|mut statement| statement.query_row([], |row| time(row, 0)))
            .map_err(|error| self.error(error))
    }

    /// The hosts of the pages that were due by a time, of all feeds or of those named.
    ///
    /// # Errors
    /// Those of the database.
    pub fn hosts_of_due_pages(&self, by: DateTime<Utc>, feeds: Option<&[String]>) -> Result<Vec<String>, StoreError> {
        let read = || {
            let mut hosts = std::collections::BTreeSet::new();
            let mut statement = self.connection.prepare_cached(
                "SELECT DISTINCT page.host, feed.name FROM page JOIN feed ON feed.feed = page.feed WHERE page.due_at <= ?1",
            )?;
            let mut rows = statement.query(params![by.timestamp_millis()])?;
            while let Some(row) = rows.next()? {
                let feed: String = row.get(1)?;
                if feeds.is_none_or(|feeds| feeds.contains(&feed)) {
                    hosts.insert(row.get(0)?);
                }
            }
            Ok(hosts.into_iter().collect())
        };
        read().map_err(|error| self.error(error))
    }

    /// What the archive knows of an article's page; `None` where it is not wanted.
    ///
    /// # Errors
    /// Those of the database.
    pub fn page_state(&self, id: &str) -> Result<Option<PageState>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT page.url, page.asked_at, page.due_at, page.error,
                   EXISTS (SELECT 1 FROM page_body WHERE page_body.article = page.article)
                 FROM page JOIN article ON article.article = page.article WHERE article.id = ?1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![id], |row| {
                        Ok(PageState {
                            url: row.get(0)?,
                            asked_at: time(row, 1)?,
                            due_at: time(row, 2)?,
                            error: row.get(3)?,
                            is_read: row.get(4)?,
                        })
                    })
                    .optional()
            })
            .map_err(|error| self.error(error))
    }
}

fn due_page(row: &Row<'_>) -> rusqlite::Result<DuePage> {
    Ok(DuePage {
        page: PageRef(row.get(0)?),
        id: row.get(1)?,
        feed: row.get(2)?,
        url: row.get(3)?,
        host: row.get(4)?,
        wish: Wish::from_number(row.get(5)?),
        failures: row.get(6)?,
        validators: Validators { etag: row.get(7)?, last_modified: row.get(8)? },
        past: past_of(row, 9)?,
    })
}
