//! What is stored of a document's entries: the decision is asked for with what the feed showed before, and becomes
//! sightings, keys, articles, revisions and clusters.
//!
//! Only what changed is written: a document that brings nothing new costs lookups alone.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

use super::activity::Arrivals;
use super::known::FeedPast;
use super::neighbours::Neighbours;
use super::packed::Packer;
use super::pages::WantedPage;
use super::search::{self, Unindexed};
use super::shown::{self, Changes, Edit, Shown};
use super::voices::voices;
use super::{DroppedAt, PollReport, PolledDocument, PolledFeed, heads, pages};
use crate::article::Draft;
use crate::config::FullText;
use crate::coverage::{Mark, Standing};
use crate::decide::{self, Decision, Known, Match, PollKeys, Target};
use crate::full_text;
use crate::identity::{ArticleId, EntryKeys, IdentityUrl, Key, Site};
use crate::normalise::RULES_VERSION;

/// Where a document stands in its feed. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// It is what the feed shows now: what stood in the one before and does not in this one has left.
    Present {
        /// The poll before, which found it last.
        last_seen_at: i64,
    },
    /// It is a page of what the feed showed before. It adds what is not known; of what is known nothing changes, for it may be
    /// older than what we have. Its entries have left the feed as soon as they are found.
    Past,
}

/// A document's coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Where it stands in its feed.
    pub tense: Tense,
    /// When it came.
    pub now: i64,
}

/// What became of a document.
pub struct StoredDocument {
    /// What that did to the archive.
    pub report: PollReport,
    /// Articles that are new to the feed.
    pub new_in_feed: i64,
    /// The whole document as coverage sees it, what filters dropped among the rest.
    pub standings: Vec<Standing>,
    /// The rows of its articles.
    pub articles: Vec<i64>,
    /// What the search index has yet to get.
    pub unindexed: Unindexed,
}

/// Stores a document of the feed in this row.
pub fn store(
    connection: &Connection,
    packer: &Packer,
    neighbours: &mut Neighbours,
    row: i64,
    feed: &PolledFeed,
    arrival: Arrival,
    document: &PolledDocument,
) -> rusqlite::Result<StoredDocument> {
    let Arrival { tense, now } = arrival;
    let site_url = site_url(connection, row, tense, document)?;
    let site = site_url.as_deref().and_then(Site::of).or_else(|| Site::of(&feed.url));
    let changes = Changes::new(connection, now);
    let has_forgotten = connection.prepare_cached("SELECT 1 FROM forgotten")?.exists([])?;
    let report = PollReport::default();
    let (head, arrivals) = (OnceCell::new(), Arrivals::at(now));
    let mut storing =
        Storing { connection, packer, neighbours, feed: row, tense, site, now, has_forgotten, head, changes, report, arrivals };
    let (new_in_feed, standings, articles) = storing.store_document(feed, site_url.as_deref(), document)?;
    storing.arrivals.write(connection, row, &storing.report.delays)?;
    let unindexed = storing.changes.finish()?;
    Ok(StoredDocument { report: storing.report, new_in_feed, standings, articles, unindexed })
}

/// The home page by which the feed's site is told. What the feed says of itself now goes before what an old page says.
fn site_url(connection: &Connection, feed: i64, tense: Tense, document: &PolledDocument) -> rusqlite::Result<Option<String>> {
    let known: Option<String> = match tense {
        Tense::Present { .. } => None,
        Tense::Past => {
            connection.prepare_cached("SELECT site_url FROM feed WHERE feed = ?1")?.query_row(params![feed], |row| row.get(0))?
        }
    };
    Ok(known.or_else(|| document.site_url.clone()))
}

/// A sighting of one article in this feed, as it stands in the archive.
struct StoredSighting {
    row: i64,
    guid: Option<String>,
    url: Option<String>,
    entry_hash: i64,
    present: bool,
    voice: bool,
    guid_key: Option<i64>,
    link_key: Option<i64>,
}

/// An article that entries of the document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    article: i64,
    is_new: bool,
    /// It was taken out for good: of its entries hashes are kept, to know them again, and nothing else.
    is_forgotten: bool,
}

/// The article before this poll touched it.
struct Before {
    /// What its speaker said.
    spoken: Draft,
    /// What it showed: the same, with what its page adds.
    shown: Draft,
    rules: u32,
    text_key: i64,
    speaker: i64,
    speaker_feed: i64,
    revision: i64,
    revised_at: i64,
    copy_key: Option<i64>,
}

/// What this poll did to one article.
struct Touched {
    /// `None` where the article is new.
    before: Option<Before>,
    /// This feed's voice now, where it is an entry of this document.
    voice: Option<NewVoice>,
    has_new_sighting: bool,
    /// Does that entry's link identify it?
    has_own_link: bool,
}

/// An entry of the document that is its feed's voice.
#[derive(Clone, Copy)]
struct NewVoice {
    /// Its position.
    counts: usize,
    /// Its sighting.
    sighting: i64,
}

struct Storing<'c> {
    connection: &'c Connection,
    packer: &'c Packer,
    neighbours: &'c mut Neighbours,
    feed: i64,
    tense: Tense,
    /// The feed's site.
    site: Option<Site>,
    now: i64,
    /// Was any article taken out for good?
    has_forgotten: bool,
    /// What the feed says of itself, once a body needs it.
    head: OnceCell<i64>,
    changes: Changes<'c>,
    report: PollReport,
    arrivals: Arrivals,
}

impl Storing<'_> {
    fn store_document(
        &mut self,
        feed: &PolledFeed,
        site_url: Option<&str>,
        document: &PolledDocument,
    ) -> rusqlite::Result<(i64, Vec<Standing>, Vec<i64>)> {
        let home = site_url.and_then(IdentityUrl::of);
        let past = FeedPast::of(self.connection, self.packer, self.feed)?;
        let site = self.site.clone();
        let poll = PollKeys { feed: &feed.name, site: site.as_ref(), home: home.as_ref(), rule: document.rule, entries: &document.keys };
        let decision = decide::decide(&past, poll)?;
        // Who speaks depends on the feed's site: it must be known before the articles are settled.
        self.connection
            .prepare_cached("UPDATE feed SET site_url = ?2, url = ?3 WHERE feed = ?1 AND (site_url IS NOT ?2 OR url IS NOT ?3)")?
            .execute(params![self.feed, site_url, feed.url])?;

        for key in &decision.dead {
            self.connection.prepare_cached("INSERT OR IGNORE INTO dead_key (feed, kind, key) VALUES (?1, ?2, ?3)")?.execute(params![
                self.feed,
                key.kind as i64,
                key.hash
            ])?;
        }
        let mut new_in_feed = 0;
        let mut present: BTreeSet<i64> = BTreeSet::new();
        let mut sightings: Vec<i64> = vec![0; document.entries.len()];
        let mut articles: Vec<i64> = Vec::with_capacity(decision.matches.len());
        let mut touched: Vec<(i64, Touched)> = Vec::new();
        let mut kept: Vec<Option<Standing>> = vec![None; document.entries.len()];
        for matched in &decision.matches {
            let found = match &matched.target {
                Target::Known(article) => Found { article: article.0, is_new: false, is_forgotten: self.is_forgotten(article.0)? },
                Target::New { id, page } => self.article_of(id, page.as_ref(), document, matched.counts)?,
            };
            new_in_feed += i64::from(matches!(matched.target, Target::New { .. }) && !found.is_forgotten);
            let article = found.article;
            for (from, key) in &matched.taken_along {
                self.connection
                    .prepare_cached("DELETE FROM entry_key WHERE feed = ?1 AND kind = ?2 AND key = ?3 AND article = ?4")?
                    .execute(params![self.feed, key.kind as i64, key.hash, from.0])?;
            }
            let change = self.store_sightings(found, matched, document, &decision, &mut sightings)?;
            present.extend(matched.entries.iter().map(|at| sightings[*at]));
            for at in &matched.entries {
                let is_new = matches!(matched.target, Target::New { .. });
                let was_dropped = is_new.then(|| Mark::dropped(DroppedAt::key_of(&document.keys[*at]).hash));
                kept[*at] = Some(Standing { entry: Mark::article(article), was_dropped, is_new, date: document.keys[*at].date });
            }
            articles.push(article);
            touched.extend(change.map(|change| (article, change)));
        }
        if let Tense::Present { last_seen_at } = self.tense {
            self.leave_sightings(&present, last_seen_at)?;
        }
        self.store_claims(&decision, &articles, &sightings, past.has_keys())?;
        if !touched.is_empty() {
            // Before anything changes: what is read must be what was compared.
            self.neighbours.make_ready(self.connection)?;
        }
        // The earliest first: of the versions of one story none then takes the place of an original that has just been settled.
        let date = |touched: &Touched| -> rusqlite::Result<Option<DateTime<Utc>>> {
            touched.voice.map_or(Ok(None), |voice| Ok(document.prepared(voice.counts)?.draft.published))
        };
        let mut dated: Vec<(Option<DateTime<Utc>>, i64, Touched)> = Vec::with_capacity(touched.len());
        for (article, change) in touched {
            dated.push((date(&change)?, article, change));
        }
        dated.sort_by_key(|(date, ..)| *date);
        for (_, article, change) in dated {
            self.settle_article(article, change, document)?;
        }
        // What this document's own entries have claimed is asked for as well.
        let past = if document.dropped_at.is_empty() { past } else { FeedPast::of(self.connection, self.packer, self.feed)? };
        Ok((new_in_feed, in_order(kept, &past, document)?, articles))
    }

    /// The archive's article of this id, made where there is none: whole but for its speaker, which is stored after it, and its
    /// place among copies. `counts` is the entry that it shows.
    fn article_of(
        &mut self,
        id: &ArticleId,
        page: Option<&IdentityUrl>,
        document: &PolledDocument,
        counts: usize,
    ) -> rusqlite::Result<Found> {
        let known = self
            .connection
            .prepare_cached("SELECT article FROM article WHERE id = ?1")?
            .query_row(params![id.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(article) = known {
            return Ok(Found { article, is_new: false, is_forgotten: self.is_forgotten(article)? });
        }
        let is_forgotten =
            self.has_forgotten && self.connection.prepare_cached("SELECT 1 FROM forgotten WHERE id = ?1")?.exists(params![id.as_str()])?;
        if is_forgotten {
            self.connection
                .prepare_cached(
                    "INSERT INTO article (id, at, first_feed, revision, revised_at, first_seen, last_changed, change, removed_at)
                     VALUES (?1, ?2, ?3, 1, ?2, ?2, ?2, 0, ?2)",
                )?
                .execute(params![id.as_str(), self.now, self.feed])?;
        } else {
            let draft = &document.prepared(counts)?.draft;
            let published = draft.published.map(|at| at.timestamp_millis());
            let change = self.changes.next()?;
            self.connection
                .prepare_cached(
                    "INSERT INTO article (id, identity_url, at, published, language, first_feed, revision, revised_at, first_seen,
                       last_changed, change) VALUES (?1, ?2, coalesce(?3, ?4), ?3, ?5, ?6, 1, ?4, ?4, ?4, ?7)",
                )?
                .execute(params![id.as_str(), page.map(IdentityUrl::as_str), published, self.now, draft.language, self.feed, change])?;
            tracing::trace!(id = id.as_str(), "article stored");
        }
        Ok(Found { article: self.connection.last_insert_rowid(), is_new: !is_forgotten, is_forgotten })
    }

    fn is_forgotten(&self, article: i64) -> rusqlite::Result<bool> {
        if !self.has_forgotten {
            return Ok(false);
        }
        self.connection
            .prepare_cached("SELECT 1 FROM article JOIN forgotten USING (id) WHERE article.article = ?1")?
            .exists(params![article])
    }

    /// Writes what is new or changed of one article's sightings in this feed.
    fn store_sightings(
        &self,
        found: Found,
        matched: &Match,
        document: &PolledDocument,
        decision: &Decision,
        sightings: &mut [i64],
    ) -> rusqlite::Result<Option<Touched>> {
        let Found { article, is_new, is_forgotten } = found;
        let stored: Vec<StoredSighting> = self
            .connection
            .prepare_cached(
                "SELECT sighting, guid, url, entry_hash, left_at IS NULL, voice, guid_key, link_key FROM sighting WHERE article = ?1 AND feed = ?2",
            )?
            .query_map(params![article, self.feed], |row| {
                Ok(StoredSighting {
                    row: row.get(0)?,
                    guid: row.get(1)?,
                    url: row.get(2)?,
                    entry_hash: row.get(3)?,
                    present: row.get(4)?,
                    voice: row.get(5)?,
                    guid_key: row.get(6)?,
                    link_key: row.get(7)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        // Entries of one guid and url are one sighting; of these the one that counts shows.
        let mut shown: BTreeMap<(Option<&str>, Option<&str>), Vec<usize>> = BTreeMap::new();
        for at in &matched.entries {
            shown.entry((document.keys[*at].guid.as_deref(), document.entries[*at].url.as_deref())).or_default().push(*at);
        }
        let mut plan: Vec<(usize, Vec<usize>, Option<&StoredSighting>)> = Vec::new();
        for ((guid, url), entries) in shown {
            let counts =
                if entries.contains(&matched.counts) { matched.counts } else { decide::latest_then_longest(&document.keys, &entries) };
            let keys = [document.keys[counts].guid_key, decision.links[counts]].map(|key| key.map(|key| key.hash));
            let known = stored.iter().find(|sighting| match is_forgotten {
                true => [sighting.guid_key, sighting.link_key] == keys,
                false => sighting.guid.as_deref() == guid && sighting.url.as_deref() == url,
            });
            plan.push((counts, entries, known));
        }
        // An old page's entry speaks for its feed only where none has spoken yet.
        let may_speak = self.tense != Tense::Past || !stored.iter().any(|sighting| sighting.voice);
        if self.tense == Tense::Past {
            plan.retain(|(_, entries, known)| match known {
                Some(known) => {
                    entries.iter().for_each(|entry| sightings[*entry] = known.row);
                    false
                }
                None => true,
            });
        }
        let is_voice = |counts: usize| may_speak && counts == matched.counts;
        let is_changed = plan.iter().any(|(at, _, known)| match known {
            None => true,
            Some(known) => known.entry_hash != document.keys[*at].entry_hash || known.voice != is_voice(*at),
        });
        let before = if is_changed && !is_new { self.article_before(article)? } else { None };
        // Of what is not shown any more nothing is kept but by what its feeds know it.
        let is_removed = is_forgotten || (is_changed && !is_new && before.is_none());
        let mut voice = None;
        for (at, entries, known) in &plan {
            let (sighting, is_rewritten) = self.store_sighting(found, document, decision, *at, is_voice(*at), *known)?;
            if is_rewritten && !is_removed {
                self.store_body(sighting, known.is_none(), document, *at)?;
            }
            entries.iter().for_each(|entry| sightings[*entry] = sighting);
            if is_voice(*at) {
                voice = Some(NewVoice { counts: *at, sighting });
            }
        }
        if is_removed {
            return Ok(None);
        }
        if let Some(voice) = voice.filter(|_| is_changed && !is_new) {
            self.connection
                .prepare_cached("UPDATE sighting SET voice = 0 WHERE article = ?1 AND feed = ?2 AND voice = 1 AND sighting <> ?3")?
                .execute(params![article, self.feed, voice.sighting])?;
        }
        let has_new_sighting = plan.iter().any(|(_, _, known)| known.is_none());
        // What identifies the entry may be another address than the one that would be asked for.
        let link = document.entries[matched.counts].url.as_deref().and_then(IdentityUrl::of).map(|url| Key::link(&url));
        let has_own_link = link.is_some() && link == decision.links[matched.counts];
        Ok(is_changed.then_some(Touched { before, voice, has_new_sighting, has_own_link }))
    }

    /// Gives the sighting, and whether its entry is another one than before.
    fn store_sighting(
        &self,
        found: Found,
        document: &PolledDocument,
        decision: &Decision,
        at: usize,
        voice: bool,
        known: Option<&StoredSighting>,
    ) -> rusqlite::Result<(i64, bool)> {
        let Found { article, is_forgotten, .. } = found;
        if let Some(known) = known
            && known.entry_hash == document.keys[at].entry_hash
        {
            if !known.present || known.voice != voice {
                self.connection
                    .prepare_cached("UPDATE sighting SET left_at = NULL, voice = ?2 WHERE sighting = ?1")?
                    .execute(params![known.row, voice])?;
            }
            return Ok((known.row, false));
        }
        let prepared = document.prepared(at)?;
        let identity = (
            document.keys[at].guid_key.map(|key| key.hash),
            decision.links[at].map(|key| key.hash),
            document.keys[at].text_key.hash,
            document.keys[at].date,
            prepared.draft.word_count,
        );
        let row = match known {
            Some(known) => {
                self.connection
                    .prepare_cached(
                        "UPDATE sighting SET left_at = NULL, voice = ?2, entry_hash = ?3, guid_key = ?4, link_key = ?5, text_key = ?6,
                           date = ?7, words = ?8 WHERE sighting = ?1",
                    )?
                    .execute(params![
                        known.row,
                        voice,
                        document.keys[at].entry_hash,
                        identity.0,
                        identity.1,
                        identity.2,
                        identity.3,
                        identity.4
                    ])?;
                known.row
            }
            None => {
                self.connection
                    .prepare_cached(
                        "INSERT INTO sighting (feed, article, guid, url, first_seen, voice, entry_hash, guid_key, link_key, text_key, date, words,
                           left_at, elsewhere) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
                           (SELECT first_feed <> ?1 FROM article WHERE article = ?2))",
                    )?
                    .execute(params![
                        self.feed,
                        article,
                        document.keys[at].guid.as_deref().filter(|_| !is_forgotten),
                        document.entries[at].url.as_deref().filter(|_| !is_forgotten),
                        self.now,
                        voice,
                        document.keys[at].entry_hash,
                        identity.0,
                        identity.1,
                        identity.2,
                        identity.3,
                        identity.4,
                        (self.tense == Tense::Past).then_some(self.now)
                    ])?;
                self.connection.last_insert_rowid()
            }
        };
        Ok((row, true))
    }

    fn store_body(&self, sighting: i64, is_new: bool, document: &PolledDocument, at: usize) -> rusqlite::Result<()> {
        let packed = &document.prepared(at)?.packed;
        let content = packed.as_ref().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.to_string().into()))?;
        let head = match self.head.get() {
            Some(head) => *head,
            None => {
                let head = heads::store(self.connection, self.feed, &document.head)?;
                *self.head.get_or_init(|| head)
            }
        };
        // A plain INSERT is by far the cheaper one.
        let statement = match is_new {
            true => "INSERT INTO body (sighting, rules, head, read_at, content) VALUES (?1, ?2, ?3, ?4, ?5)",
            false => "INSERT OR REPLACE INTO body (sighting, rules, head, read_at, content) VALUES (?1, ?2, ?3, ?4, ?5)",
        };
        let read_at = (!is_new).then_some(self.now);
        self.connection.prepare_cached(statement)?.execute(params![sighting, RULES_VERSION, head, read_at, content])?;
        Ok(())
    }

    /// Sightings that stood in the last document and do not in this one have left.
    fn leave_sightings(&self, present: &BTreeSet<i64>, last_seen_at: i64) -> rusqlite::Result<()> {
        let were: Vec<i64> = self
            .connection
            .prepare_cached("SELECT sighting FROM sighting WHERE feed = ?1 AND left_at IS NULL")?
            .query_map(params![self.feed], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for sighting in were.into_iter().filter(|sighting| !present.contains(sighting)) {
            self.connection
                .prepare_cached("UPDATE sighting SET left_at = ?2 WHERE sighting = ?1")?
                .execute(params![sighting, last_seen_at])?;
        }
        Ok(())
    }

    /// Writes the keys, but only where a holder is new, shows another sighting, or must become the newest.
    fn store_claims(&self, decision: &Decision, articles: &[i64], sightings: &[i64], has_keys: bool) -> rusqlite::Result<()> {
        let mut claimed = HashSet::new();
        for claim in &decision.claims {
            let (article, sighting) = (articles[claim.matched], sightings[claim.entry]);
            let is_first = claimed.insert(claim.key);
            let holders = if is_first && !has_keys { Vec::new() } else { self.holders(claim.key)? };
            let own = holders.iter().find(|holder| holder.0 == article);
            let is_newest = holders.first().is_some_and(|holder| holder.0 == article);
            if self.tense == Tense::Past && own.is_some() {
                continue;
            }
            let shall_be_newest = claim.newest && (self.tense != Tense::Past || holders.is_empty());
            if own.is_some_and(|own| own.1 == sighting) && (is_newest || !shall_be_newest) {
                continue;
            }
            let highest = holders.first().map_or(0, |holder| holder.2);
            let newest = match own {
                Some(own) if is_newest || !shall_be_newest => own.2,
                _ if shall_be_newest => highest + 1,
                _ => 0,
            };
            let statement = match own {
                Some(_) => "UPDATE entry_key SET sighting = ?5, newest = ?6 WHERE feed = ?1 AND kind = ?2 AND key = ?3 AND article = ?4",
                None => "INSERT INTO entry_key (feed, kind, key, article, sighting, newest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            };
            self.connection.prepare_cached(statement)?.execute(params![
                self.feed,
                claim.key.kind as i64,
                claim.key.hash,
                article,
                sighting,
                newest
            ])?;
        }
        Ok(())
    }

    /// Articles that have the key, each with its last entry of it; the first is the newest.
    fn holders(&self, key: Key) -> rusqlite::Result<Vec<(i64, i64, i64)>> {
        self.connection
            .prepare_cached(
                "SELECT article, sighting, newest FROM entry_key WHERE feed = ?1 AND kind = ?2 AND key = ?3 ORDER BY newest DESC, sighting DESC",
            )?
            .query_map(params![self.feed, key.kind as i64, key.hash], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
    }

    /// What an article that is not new shows; `None` where retention removed it.
    fn article_before(&self, article: i64) -> rusqlite::Result<Option<Before>> {
        self.connection
            .prepare_cached(
                "SELECT body.content, body.rules, sighting.text_key, article.speaker, sighting.feed, article.revision, article.revised_at, article.copy_key
                 FROM article JOIN sighting ON sighting.sighting = article.speaker JOIN body ON body.sighting = article.speaker
                 WHERE article.article = ?1",
            )?
            .query_row(params![article], |row| {
                let spoken: Draft = self.packer.unpack(row.get_ref(0)?.as_blob()?)?;
                Ok(Before {
                    shown: pages::with_page(self.connection, self.packer, article, spoken.clone())?,
                    spoken,
                    rules: row.get(1)?,
                    text_key: row.get(2)?,
                    speaker: row.get(3)?,
                    speaker_feed: row.get(4)?,
                    revision: row.get(5)?,
                    revised_at: row.get(6)?,
                    copy_key: row.get(7)?,
                })
            })
            .optional()
    }

    /// Who speaks for the article now, whether that makes a revision, and what the article shows from now on.
    fn settle_article(&mut self, article: i64, touched: Touched, document: &PolledDocument) -> rusqlite::Result<()> {
        let is_new = touched.before.is_none();
        let (speaker, speaker_feed, first_seen) = match touched.voice {
            Some(voice) if is_new => (voice.sighting, self.feed, self.now),
            _ => self.speaker(article)?,
        };
        let of_document = touched.voice.filter(|voice| voice.sighting == speaker);
        let prepared = of_document.map(|voice| document.prepared(voice.counts)).transpose()?;
        let spoken = match prepared {
            Some(prepared) => Cow::Borrowed(&prepared.draft),
            None => {
                let blob: Vec<u8> = self
                    .connection
                    .prepare_cached("SELECT content FROM body WHERE sighting = ?1")?
                    .query_row(params![speaker], |row| row.get(0))?;
                Cow::Owned(self.packer.unpack::<Draft>(&blob)?)
            }
        };
        let page = if touched.before.is_some() { pages::draft(self.connection, self.packer, article)? } else { None };
        let (draft, tokens, likeness) = match (page, prepared) {
            (None, Some(prepared)) => (spoken, Arc::clone(&prepared.tokens), Cow::Borrowed(&prepared.likeness)),
            (page, _) => {
                let shown = match page {
                    Some(page) => Cow::Owned(full_text::merged(spoken.into_owned(), page)),
                    None => spoken,
                };
                let (tokens, likeness) = search::indexed_and_compared(&shown, document.copies);
                (shown, tokens, Cow::Owned(likeness))
            }
        };
        let draft = draft.as_ref();
        let mut revision = (1, self.now);
        let mut shows_other = true;
        let mut was_cluster = None;
        let mut is_updated = false;
        if let Some(before) = &touched.before {
            revision = (before.revision, before.revised_at);
            was_cluster = before.copy_key;
            shows_other = before.shown != *draft;
            is_updated = shows_other && before.speaker_feed == speaker_feed;
            // Better rules alone make no revision: where they differ, the words as identity sees them must differ too.
            let by_source = before.rules == RULES_VERSION || self.text_key(speaker)? != before.text_key;
            if by_source && before.speaker_feed == speaker_feed && speaker_feed == self.feed {
                let edit = Edit { article, before: &before.shown, after: draft, revision, now: self.now };
                revision = shown::revise(self.connection, self.packer, &edit)?;
            }
        }
        if let (Some(prepared), Some(voice)) = (prepared, of_document) {
            self.wish_for_page(article, &touched, &prepared.draft, &document.keys[voice.counts], document)?;
        }
        if !shows_other && !touched.has_new_sighting {
            if touched.before.as_ref().is_some_and(|before| before.speaker != speaker) {
                self.connection.prepare_cached("UPDATE article SET speaker = ?2 WHERE article = ?1")?.execute(params![article, speaker])?;
            }
            return Ok(());
        }
        match is_new {
            true => self.count_new(draft.published),
            false => self.report.updated += usize::from(is_updated),
        }
        let tokens = (is_new || shows_other).then_some(&tokens);
        let was_copy_key = was_cluster;
        let shown = Shown { article, is_new, first_seen, speaker, draft, tokens, likeness: &likeness, was_copy_key, revision };
        shown::show(&mut self.changes, self.neighbours, &shown)?;
        if is_new {
            let is_copy: bool = self
                .connection
                .prepare_cached("SELECT duplicate_of IS NOT NULL FROM article WHERE article = ?1")?
                .query_row(params![article], |row| row.get(0))?;
            self.report.copies += usize::from(is_copy);
        }
        Ok(())
    }

    /// Who speaks for an article that several feeds may have shown: its sighting, its feed, and when the archive first had it.
    fn speaker(&self, article: i64) -> rusqlite::Result<(i64, i64, i64)> {
        let (identity_url, id, first_seen): (Option<String>, String, i64) = self
            .connection
            .prepare_cached("SELECT identity_url, id, first_seen FROM article WHERE article = ?1")?
            .query_row(params![article], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let voices = voices(self.connection, article, identity_url.as_deref())?;
        let speaker = decide::speaker(voices.iter().map(|(voice, ..)| voice)).and_then(|at| voices.get(at));
        let (_, sighting, feed) = speaker.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        tracing::trace!(id, "article settled");
        Ok((*sighting, *feed, first_seen))
    }

    /// Asks for the page of an article that is new, or whose entry has changed, where its feed's draft is not the story.
    fn wish_for_page(
        &self,
        article: i64,
        touched: &Touched,
        draft: &Draft,
        keys: &EntryKeys,
        document: &PolledDocument,
    ) -> rusqlite::Result<()> {
        if touched.before.is_none() && document.full_text == FullText::Never {
            return Ok(());
        }
        let said = |draft: &Draft| (draft.title.clone(), draft.text.clone(), draft.updated, draft.url.clone());
        if let Some(before) = &touched.before
            && said(&before.spoken) == said(draft)
            && pages::is_known(self.connection, article)?
        {
            return Ok(());
        }
        let link = draft.url.as_deref().and_then(IdentityUrl::of);
        let signs = full_text::Signs {
            setting: document.full_text,
            draft,
            has_own_link: touched.has_own_link,
            is_own_page: link.as_ref().is_some_and(|link| keys.owns(link, self.site.as_ref())),
            past: pages::past(self.connection, self.feed)?,
            now: DateTime::from_timestamp_millis(self.now).unwrap_or_default(),
        };
        match (full_text::wish(&signs), &draft.url) {
            (Some(wish), Some(url)) => {
                let at = draft.published.map_or(self.now, |at| at.timestamp_millis());
                let wanted = WantedPage { article, feed: self.feed, url, at, wish, now: self.now };
                pages::want(self.connection, &wanted)
            }
            _ if touched.before.is_none() => Ok(()),
            // An answer that is there stays: the entry of today is as it was, or fuller.
            _ => pages::drop_unanswered(self.connection, article),
        }
    }

    fn count_new(&mut self, published: Option<DateTime<Utc>>) {
        self.report.new += 1;
        self.arrivals.add(published);
        let is_known_feed = matches!(self.tense, Tense::Present { last_seen_at } if last_seen_at < self.now);
        let age = published.map(|published| self.now - published.timestamp_millis()).filter(|_| is_known_feed);
        self.report.delays.extend(age.map(|age| Duration::from_millis(u64::try_from(age).unwrap_or_default())));
    }

    fn text_key(&self, sighting: i64) -> rusqlite::Result<i64> {
        self.connection.prepare_cached("SELECT text_key FROM sighting WHERE sighting = ?1")?.query_row(params![sighting], |row| row.get(0))
    }
}

/// The whole document, entry by entry: those that are kept, and those that filters dropped.
fn in_order(kept: Vec<Option<Standing>>, past: &FeedPast<'_>, document: &PolledDocument) -> rusqlite::Result<Vec<Standing>> {
    let mut standings = Vec::with_capacity(kept.len() + document.dropped_at.len());
    let mut kept = kept.into_iter().flatten();
    for dropped_at in &document.dropped_at {
        standings.extend(kept.by_ref().take(dropped_at.place.saturating_sub(standings.len())));
        // It may have been wanted when it was last seen.
        let holder = past.holders(dropped_at.key)?.first().map(|holder| Mark::article(holder.article.0));
        let entry = holder.unwrap_or_else(|| Mark::dropped(dropped_at.key.hash));
        standings.push(Standing { entry, was_dropped: None, is_new: holder.is_none(), date: dropped_at.date });
    }
    standings.extend(kept);
    Ok(standings)
}
