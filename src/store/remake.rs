//! An article made again from what was kept of it: its entries as they were parsed, its page as it came.
//!
//! What costs time is done on a reader's connection, beside the writer, and handed over with the state of the article that it
//! was made from ([`Basis`]); where a poll or a page has changed that meanwhile, the writer makes the article once more.
//! Ids, keys, sightings and revisions stay as they are: they tell what happened, and no rule changes that.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::packed::Packer;
use super::shown::Changes;
use super::voices::voices;
use super::{Reader, StoreError, dictionary, heads, pages, search};
use crate::article::Draft;
use crate::decide::{self, ArticleRef};
use crate::full_text;
use crate::identity::ArticleId;
use crate::normalise::RULES_VERSION;
use crate::parse::{Entry, FeedHead};

/// An entry as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct KeptEntry<'a> {
    /// The name of its feed.
    pub feed: &'a str,
    /// The entry as it was parsed.
    pub entry: &'a Entry,
    /// What its feed said of itself.
    pub head: &'a FeedHead,
    /// When it was read.
    pub read_at: DateTime<Utc>,
}

/// A page as it was kept.
#[derive(Debug, Clone, Copy)]
pub struct KeptPage<'a> {
    /// What was asked for.
    pub url: &'a str,
    /// Where it was found.
    pub final_url: &'a str,
    /// As the answer said.
    pub content_type: Option<&'a str>,
    /// The page as it came.
    pub body: &'a [u8],
    /// When it was read.
    pub read_at: DateTime<Utc>,
}

/// What a kept page says by the rules of today.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RemadePage {
    /// Empty where it holds no story.
    pub draft: Draft,
    /// The article whose own page it is, where it is another's.
    pub copy_of: Option<ArticleId>,
}

/// The rules of today.
pub trait Rules: Send + Sync {
    /// What an entry says the article is.
    fn draft(&self, kept: &KeptEntry<'_>) -> Draft;
    /// What a page says the article is.
    fn page(&self, kept: &KeptPage<'_>) -> RemadePage;
}

/// What an article was made from. While this is as it was, so is what was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Basis {
    speaker: i64,
    page_read_at: Option<i64>,
    /// Sighting, hash of its entry, is it a voice?
    sightings: Vec<(i64, i64, bool)>,
}

impl Basis {
    /// `None` where the article was taken out.
    fn read(connection: &Connection, article: i64) -> rusqlite::Result<Option<Self>> {
        let row = connection
            .prepare_cached(
                "SELECT speaker, page_body.read_at FROM article LEFT JOIN page_body ON page_body.article = article.article
                 WHERE article.article = ?1 AND removed_at IS NULL",
            )?
            .query_row(params![article], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((speaker, page_read_at)) = row else { return Ok(None) };
        let sightings = connection
            .prepare_cached("SELECT sighting, entry_hash, voice FROM sighting WHERE article = ?1 ORDER BY sighting")?
            .query_map(params![article], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Some(Self { speaker, page_read_at, sightings }))
    }
}

struct RemadeBody {
    sighting: i64,
    words: u32,
    /// `None` where the draft is what it was.
    packed: Option<Vec<u8>>,
}

struct Made {
    basis: Basis,
    /// Those that had to be made.
    bodies: Vec<RemadeBody>,
    /// The page's draft, `None` where it is what it was; and the article whose own page it is.
    page: Option<(Option<Vec<u8>>, Option<ArticleId>)>,
    speaker: i64,
    /// Could what its speaker says be made again?
    has_entry: bool,
    /// What it shows now, where that is something else than before.
    shown: Option<Draft>,
    /// For the search index, where its words may be others.
    tokens: Option<Arc<str>>,
}

enum Outcome {
    Made(Box<Made>),
    /// It was taken out.
    Gone,
    /// Of what was kept something cannot be read, or brings the rules down.
    Unreadable(String),
}

/// An article that was made again and waits for the writer.
pub struct Remade {
    article: i64,
    outcome: Outcome,
}

impl Remade {
    /// Which.
    pub fn article(&self) -> ArticleRef {
        ArticleRef(self.article)
    }
}

/// What became of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Does it show something else now?
    pub is_changed: bool,
    /// Was its speaker's entry kept?
    pub has_entry: bool,
    /// Could something of it not be read?
    pub is_unreadable: bool,
}

impl Reader {
    /// The articles after one, in the order in which the archive got them.
    ///
    /// # Errors
    /// Those of the database.
    pub fn articles_after(&self, after: ArticleRef, most: usize) -> Result<Vec<ArticleRef>, StoreError> {
        let read = || {
            self.connection
                .prepare_cached("SELECT article FROM article WHERE article > ?1 AND removed_at IS NULL ORDER BY article LIMIT ?2")?
                .query_map(params![after.0, i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0).map(ArticleRef))?
                .collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.error(error))
    }

    /// Makes articles again. One whose kept entries or page cannot be read, or bring the rules down, harms no other.
    ///
    /// # Errors
    /// Those of the database.
    pub fn remake(&self, articles: &[ArticleRef], rules: &dyn Rules) -> Result<Vec<Remade>, StoreError> {
        let make = || {
            let moment = self.connection.unchecked_transaction()?;
            dictionary::load(&moment, &self.packer)?;
            articles.iter().map(|article| make_safely(&moment, &self.packer, rules, article.0)).collect::<rusqlite::Result<_>>()
        };
        make().map_err(|error| self.error(error))
    }
}

pub(super) fn make_safely(connection: &Connection, packer: &Packer, rules: &dyn Rules, article: i64) -> rusqlite::Result<Remade> {
    // Rules are pure, and what they were making is dropped.
    let outcome = match catch_unwind(AssertUnwindSafe(|| make(connection, packer, rules, article))) {
        Ok(Ok(Some(made))) => Outcome::Made(Box::new(made)),
        Ok(Ok(None)) => Outcome::Gone,
        Ok(Err(rusqlite::Error::FromSqlConversionFailure(_, _, error))) => Outcome::Unreadable(error.to_string()),
        Ok(Err(error)) => return Err(error),
        Err(_) => Outcome::Unreadable("the rules broke down on it".to_owned()),
    };
    Ok(Remade { article, outcome })
}

struct KeptBody {
    sighting: i64,
    feed: String,
    rules: u32,
    read_at: DateTime<Utc>,
    head: FeedHead,
    draft: Draft,
    entry: Option<Entry>,
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

fn kept_bodies(connection: &Connection, packer: &Packer, article: i64) -> rusqlite::Result<Vec<KeptBody>> {
    connection
        .prepare_cached(
            "SELECT sighting.sighting, feed.name, rules, coalesce(read_at, first_seen), said, content
             FROM sighting JOIN body ON body.sighting = sighting.sighting JOIN feed_head ON feed_head.head = body.head
             JOIN feed ON feed.feed = sighting.feed WHERE sighting.article = ?1 ORDER BY sighting.sighting",
        )?
        .query_map(params![article], |row| {
            let (draft, entry) = packer.unpack_both(row.get_ref(5)?.as_blob()?)?;
            Ok(KeptBody {
                sighting: row.get(0)?,
                feed: row.get(1)?,
                rules: row.get(2)?,
                read_at: DateTime::from_timestamp_millis(row.get(3)?).unwrap_or_default(),
                head: heads::read(row.get_ref(4)?.as_str()?).map_err(unreadable)?,
                draft,
                entry,
            })
        })?
        .collect()
}

/// What a page said, by the rules of then and by those of today; its draft packed and whose page it is, where it was made again.
struct Page {
    before: Draft,
    after: Draft,
    rules: u32,
    remade: Option<(Option<Vec<u8>>, Option<ArticleId>)>,
}

fn remade_page(connection: &Connection, packer: &Packer, rules: &dyn Rules, article: i64) -> rusqlite::Result<Option<Page>> {
    connection
        .prepare_cached(
            "SELECT page_body.rules, page_body.url, coalesce(page.final_url, page_body.url), content_type, read_at, draft, raw
             FROM page_body LEFT JOIN page ON page.article = page_body.article WHERE page_body.article = ?1",
        )?
        .query_row(params![article], |row| {
            let before: Draft = packer.unpack(row.get_ref(5)?.as_blob()?)?;
            let made_by = row.get(0)?;
            let Some(raw) = row.get_ref(6)?.as_blob_or_null()? else {
                return Ok(Page { after: before.clone(), before, rules: made_by, remade: None });
            };
            let body = packer.unpack_bytes(raw)?;
            let RemadePage { draft, copy_of } = rules.page(&KeptPage {
                url: row.get_ref(1)?.as_str()?,
                final_url: row.get_ref(2)?.as_str()?,
                content_type: row.get_ref(3)?.as_str_or_null()?,
                body: &body,
                read_at: DateTime::from_timestamp_millis(row.get(4)?).unwrap_or_default(),
            });
            let packed = (draft != before).then(|| packer.pack(&draft)).transpose()?;
            Ok(Page { before, after: draft, rules: made_by, remade: Some((packed, copy_of)) })
        })
        .optional()
}

fn make(connection: &Connection, packer: &Packer, rules: &dyn Rules, article: i64) -> rusqlite::Result<Option<Made>> {
    let Some(basis) = Basis::read(connection, article)? else { return Ok(None) };
    let identity_url: Option<String> =
        connection.prepare_cached("SELECT identity_url FROM article WHERE article = ?1")?.query_row(params![article], |row| row.get(0))?;
    let kept = kept_bodies(connection, packer, article)?;
    let mut bodies = Vec::with_capacity(kept.len());
    let mut drafts = Vec::with_capacity(kept.len());
    for body in &kept {
        let Some(entry) = &body.entry else {
            drafts.push(Cow::Borrowed(&body.draft));
            continue;
        };
        let draft = rules.draft(&KeptEntry { feed: &body.feed, entry, head: &body.head, read_at: body.read_at });
        let packed = (draft != body.draft).then(|| packer.pack_both(&draft, entry)).transpose()?;
        bodies.push(RemadeBody { sighting: body.sighting, words: draft.word_count, packed });
        drafts.push(Cow::Owned(draft));
    }
    let at_of = |sighting: i64| kept.iter().position(|body| body.sighting == sighting);
    let mut voices = voices(connection, article, identity_url.as_deref())?;
    for (voice, sighting, _) in &mut voices {
        if let Some(draft) = at_of(*sighting).and_then(|at| drafts.get(at)) {
            voice.words = draft.word_count;
        }
    }
    let speaker = decide::speaker(voices.iter().map(|(voice, ..)| voice)).and_then(|at| voices.get(at)).map(|(_, sighting, _)| *sighting);
    let speaker = speaker.filter(|speaker| at_of(*speaker).is_some()).unwrap_or(basis.speaker);
    let (Some(was), Some(is)) = (at_of(basis.speaker), at_of(speaker)) else { return Err(rusqlite::Error::QueryReturnedNoRows) };
    let (Some(before), Some(speaking), Some(after)) = (kept.get(was), kept.get(is), drafts.get(is)) else {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    };
    let page = remade_page(connection, packer, rules, article)?;
    let shows = |spoken: Draft, page: Option<&Draft>| match page {
        Some(page) => full_text::merged(spoken, page.clone()),
        None => spoken,
    };
    let shown_before = shows(before.draft.clone(), page.as_ref().map(|page| &page.before));
    let shown = shows(after.clone().into_owned(), page.as_ref().map(|page| &page.after));
    let has_same_words = (&shown_before.title, &shown_before.authors, &shown_before.text) == (&shown.title, &shown.authors, &shown.text);
    // Other rules may find other tokens in the same words.
    let by_today = before.rules == RULES_VERSION && page.as_ref().is_none_or(|page| page.rules == RULES_VERSION);
    let tokens = (!has_same_words || !by_today).then(|| search::document_tokens(&shown));
    Ok(Some(Made {
        basis,
        bodies,
        page: page.and_then(|page| page.remade),
        speaker,
        has_entry: speaking.entry.is_some(),
        shown: (shown != shown_before).then_some(shown),
        tokens,
    }))
}

/// Writes an article that was made again, in the caller's transaction.
pub(super) fn write(
    connection: &Connection,
    packer: &Packer,
    rules: &dyn Rules,
    changes: &mut Changes<'_>,
    remade: Remade,
) -> rusqlite::Result<Written> {
    let article = remade.article;
    let is_current = match &remade.outcome {
        Outcome::Made(made) => Basis::read(connection, article)?.as_ref() == Some(&made.basis),
        Outcome::Gone | Outcome::Unreadable(_) => true,
    };
    let remade = if is_current { remade } else { make_safely(connection, packer, rules, article)? };
    let made = match remade.outcome {
        Outcome::Made(made) => made,
        Outcome::Gone => return Ok(Written { is_changed: false, has_entry: true, is_unreadable: false }),
        Outcome::Unreadable(reason) => {
            tracing::warn!(article, reason, "an article cannot be made again and stays as it is");
            return Ok(Written { is_changed: false, has_entry: true, is_unreadable: true });
        }
    };
    for body in &made.bodies {
        match &body.packed {
            Some(content) => connection
                .prepare_cached("UPDATE body SET rules = ?2, content = ?3 WHERE sighting = ?1")?
                .execute(params![body.sighting, RULES_VERSION, content])?,
            None => connection
                .prepare_cached("UPDATE body SET rules = ?2 WHERE sighting = ?1 AND rules <> ?2")?
                .execute(params![body.sighting, RULES_VERSION])?,
        };
        connection
            .prepare_cached("UPDATE sighting SET words = ?2 WHERE sighting = ?1 AND words <> ?2")?
            .execute(params![body.sighting, body.words])?;
    }
    if let Some((draft, copy_of)) = &made.page {
        match draft {
            Some(draft) => connection
                .prepare_cached("UPDATE page_body SET rules = ?2, draft = ?3 WHERE article = ?1")?
                .execute(params![article, RULES_VERSION, draft])?,
            None => connection
                .prepare_cached("UPDATE page_body SET rules = ?2 WHERE article = ?1 AND rules <> ?2")?
                .execute(params![article, RULES_VERSION])?,
        };
        if copy_of.is_some() {
            let id: String =
                connection.prepare_cached("SELECT id FROM article WHERE article = ?1")?.query_row(params![article], |row| row.get(0))?;
            pages::join(connection, article, &id, copy_of.as_ref())?;
        }
    }
    if made.speaker != made.basis.speaker {
        connection.prepare_cached("UPDATE article SET speaker = ?2 WHERE article = ?1")?.execute(params![article, made.speaker])?;
    }
    if let Some(tokens) = made.tokens {
        changes.index(article, tokens);
    }
    if let Some(shown) = &made.shown {
        connection
            .prepare_cached("UPDATE article SET at = coalesce(?2, first_seen), published = ?2, language = ?3 WHERE article = ?1")?
            .execute(params![article, shown.published.map(|at| at.timestamp_millis()), shown.language])?;
        changes.touch(article)?;
        // It names its copies, with their address and site.
        let original: Option<i64> = connection
            .prepare_cached("SELECT duplicate_of FROM article WHERE article = ?1")?
            .query_row(params![article], |row| row.get(0))?;
        if let Some(original) = original {
            changes.touch(original)?;
        }
    }
    Ok(Written { is_changed: made.shown.is_some(), has_entry: made.has_entry, is_unreadable: false })
}
