//! What is stored of a document's entries: the decision is asked for with what the feed showed before, and becomes
//! sightings, keys, articles, revisions and clusters.
//!
//! Only what changed is written: a document that brings nothing new costs lookups alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};

use super::known::FeedPast;
use super::packed::Packer;
use super::search::{self, Shown, Unindexed};
use super::{PollReport, PolledDocument, PolledFeed, Prepared, copies};
use crate::article::Draft;
use crate::decide::{self, Decision, Match, PollKeys, Target, Voice};
use crate::identity::{ArticleId, IdentityUrl, Key, Site};
use crate::normalise::RULES_VERSION;
use crate::revision::{self, State};

/// What storing a document did.
#[derive(Debug, Default)]
pub struct Stored {
    /// In the archive.
    pub report: PollReport,
    /// Articles that are new to the feed.
    pub new_in_feed: i64,
    /// What the search index has yet to get.
    pub unindexed: Unindexed,
}

/// Stores a document of the feed in this row, polled at `now`; `last_seen_at` is the poll before. Times are milliseconds
/// since 1970.
pub fn store(
    connection: &Connection,
    packer: &Packer,
    row: i64,
    feed: &PolledFeed,
    last_seen_at: i64,
    now: i64,
    document: &PolledDocument,
) -> rusqlite::Result<Stored> {
    let mut storing = Storing { connection, packer, feed: row, now, change: None, stored: Stored::default() };
    storing.store_document(feed, last_seen_at, document)?;
    storing.finish()?;
    Ok(storing.stored)
}

/// A sighting of one article in this feed, as it stands in the archive.
struct StoredSighting {
    row: i64,
    guid: Option<String>,
    url: Option<String>,
    entry_hash: i64,
    present: bool,
    voice: bool,
}

/// The article before this poll touched it.
struct Before {
    draft: Draft,
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
    /// Position in the poll of the entry that is this feed's voice now.
    counts: usize,
    voice: i64,
    has_new_sighting: bool,
}

struct Storing<'c> {
    connection: &'c Connection,
    packer: &'c Packer,
    feed: i64,
    now: i64,
    /// The last change number given; read when first needed.
    change: Option<i64>,
    stored: Stored,
}

impl Storing<'_> {
    fn store_document(&mut self, feed: &PolledFeed, last_seen_at: i64, document: &PolledDocument) -> rusqlite::Result<()> {
        let site = document.site_url.as_deref().and_then(Site::of).or_else(|| Site::of(&feed.url));
        let home = document.site_url.as_deref().and_then(IdentityUrl::of);
        let past = FeedPast::of(self.connection, self.packer, self.feed)?;
        let poll = PollKeys { feed: &feed.name, site: site.as_ref(), home: home.as_ref(), rule: document.rule, entries: &document.keys };
        let decision = decide::decide(&past, poll)?;
        // Who speaks depends on the feed's site: it must be known before the articles are settled.
        self.connection
            .prepare_cached("UPDATE feed SET site_url = ?2, url = ?3 WHERE feed = ?1 AND (site_url IS NOT ?2 OR url IS NOT ?3)")?
            .execute(params![self.feed, document.site_url, feed.url])?;

        for key in &decision.dead {
            self.connection.prepare_cached("INSERT OR IGNORE INTO dead_key (feed, kind, key) VALUES (?1, ?2, ?3)")?.execute(params![
                self.feed,
                key.kind as i64,
                key.hash
            ])?;
        }
        let mut present: BTreeSet<i64> = BTreeSet::new();
        let mut sightings: Vec<i64> = vec![0; document.entries.len()];
        let mut articles: Vec<i64> = Vec::with_capacity(decision.matches.len());
        let mut touched: Vec<(i64, Touched)> = Vec::new();
        for matched in &decision.matches {
            let (article, is_new) = match &matched.target {
                Target::Known(article) => (article.0, false),
                Target::New { id, page } => {
                    self.stored.new_in_feed += 1;
                    self.article_of(id, page.as_ref(), document.prepared(matched.counts)?)?
                }
            };
            for (from, key) in &matched.taken_along {
                self.connection
                    .prepare_cached("DELETE FROM entry_key WHERE feed = ?1 AND kind = ?2 AND key = ?3 AND article = ?4")?
                    .execute(params![self.feed, key.kind as i64, key.hash, from.0])?;
            }
            let change = self.store_sightings(article, is_new, matched, document, &decision, &mut sightings)?;
            present.extend(matched.entries.iter().map(|at| sightings[*at]));
            articles.push(article);
            touched.extend(change.map(|change| (article, change)));
        }
        self.leave_sightings(&present, last_seen_at)?;
        self.store_claims(&decision, &articles, &sightings, past.has_keys())?;
        for (article, change) in touched {
            self.settle_article(article, change, document)?;
        }
        Ok(())
    }

    /// The archive's article of this id, made where there is none.
    fn article_of(&mut self, id: &ArticleId, page: Option<&IdentityUrl>, prepared: &Prepared) -> rusqlite::Result<(i64, bool)> {
        let known = self
            .connection
            .prepare_cached("SELECT article FROM article WHERE id = ?1")?
            .query_row(params![id.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(article) = known {
            return Ok((article, false));
        }
        // All that it shows, so that no index is written twice; its speaker comes with its sighting.
        let change = self.next_change()?;
        let published = prepared.draft.published.map(|at| at.timestamp_millis());
        self.connection
            .prepare_cached(
                "INSERT INTO article (id, identity_url, at, published, language, first_feed, revision, revised_at, first_seen, last_changed,
                   change, copy_key)
                 VALUES (?1, ?2, coalesce(?3, ?4), ?3, ?5, ?6, 1, ?4, ?4, ?4, ?7, ?8)",
            )?
            .execute(params![
                id.as_str(),
                page.map(IdentityUrl::as_str),
                published,
                self.now,
                prepared.draft.language,
                self.feed,
                change,
                prepared.copy_key
            ])?;
        Ok((self.connection.last_insert_rowid(), true))
    }

    /// Writes what is new or changed of one article's sightings in this feed.
    fn store_sightings(
        &self,
        article: i64,
        is_new: bool,
        matched: &Match,
        document: &PolledDocument,
        decision: &Decision,
        sightings: &mut [i64],
    ) -> rusqlite::Result<Option<Touched>> {
        let stored = if is_new { Vec::new() } else { self.stored_sightings(article)? };
        // Entries of one guid and url are one sighting; of these the one that counts shows.
        let mut shown: BTreeMap<(Option<&str>, Option<&str>), Vec<usize>> = BTreeMap::new();
        for at in &matched.entries {
            shown.entry((document.keys[*at].guid.as_deref(), document.entries[*at].url.as_deref())).or_default().push(*at);
        }
        let mut plan: Vec<(usize, Vec<usize>, Option<&StoredSighting>)> = Vec::new();
        for ((guid, url), entries) in shown {
            let counts =
                if entries.contains(&matched.counts) { matched.counts } else { decide::latest_then_longest(&document.keys, &entries) };
            let known = stored.iter().find(|sighting| sighting.guid.as_deref() == guid && sighting.url.as_deref() == url);
            plan.push((counts, entries, known));
        }
        let is_voice = |counts: usize| counts == matched.counts;
        let is_changed = plan.iter().any(|(at, _, known)| match known {
            None => true,
            Some(known) => known.entry_hash != document.keys[*at].entry_hash || known.voice != is_voice(*at),
        });
        let before = if is_changed && !is_new { self.article_before(article)? } else { None };
        let mut voice = 0;
        for (at, entries, known) in &plan {
            let row = self.store_sighting(article, document, decision, *at, is_voice(*at), *known)?;
            entries.iter().for_each(|entry| sightings[*entry] = row);
            if is_voice(*at) {
                voice = row;
            }
        }
        if is_changed && !is_new && before.is_none() {
            // Retention removed it: its feeds know the entry, and that is all that is kept.
            for (at, ..) in &plan {
                self.connection.prepare_cached("DELETE FROM body WHERE sighting = ?1")?.execute(params![sightings[*at]])?;
            }
            return Ok(None);
        }
        if is_changed && !is_new {
            self.connection
                .prepare_cached("UPDATE sighting SET voice = 0 WHERE article = ?1 AND feed = ?2 AND voice = 1 AND sighting <> ?3")?
                .execute(params![article, self.feed, voice])?;
        }
        let has_new_sighting = plan.iter().any(|(_, _, known)| known.is_none());
        Ok(is_changed.then_some(Touched { before, counts: matched.counts, voice, has_new_sighting }))
    }

    fn stored_sightings(&self, article: i64) -> rusqlite::Result<Vec<StoredSighting>> {
        self.connection
            .prepare_cached(
                "SELECT sighting, guid, url, entry_hash, left_at IS NULL, voice FROM sighting WHERE article = ?1 AND feed = ?2",
            )?
            .query_map(params![article, self.feed], |row| {
                Ok(StoredSighting {
                    row: row.get(0)?,
                    guid: row.get(1)?,
                    url: row.get(2)?,
                    entry_hash: row.get(3)?,
                    present: row.get(4)?,
                    voice: row.get(5)?,
                })
            })?
            .collect()
    }

    fn store_sighting(
        &self,
        article: i64,
        document: &PolledDocument,
        decision: &Decision,
        at: usize,
        voice: bool,
        known: Option<&StoredSighting>,
    ) -> rusqlite::Result<i64> {
        let entry = &document.entries[at];
        if let Some(known) = known
            && known.entry_hash == document.keys[at].entry_hash
        {
            if !known.present || known.voice != voice {
                self.connection
                    .prepare_cached("UPDATE sighting SET left_at = NULL, voice = ?2 WHERE sighting = ?1")?
                    .execute(params![known.row, voice])?;
            }
            return Ok(known.row);
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
                        "INSERT INTO sighting (feed, article, guid, url, first_seen, voice, entry_hash, guid_key, link_key, text_key, date, words)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                    )?
                    .execute(params![
                        self.feed,
                        article,
                        document.keys[at].guid,
                        entry.url,
                        self.now,
                        voice,
                        document.keys[at].entry_hash,
                        identity.0,
                        identity.1,
                        identity.2,
                        identity.3,
                        identity.4
                    ])?;
                self.connection.last_insert_rowid()
            }
        };
        let content = prepared.packed.as_ref().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.to_string().into()))?;
        // Retention may have taken the body of a sighting that stayed. A plain INSERT is the cheaper one by far.
        let statement = match known {
            Some(_) => "INSERT OR REPLACE INTO body (sighting, rules, content) VALUES (?1, ?2, ?3)",
            None => "INSERT INTO body (sighting, rules, content) VALUES (?1, ?2, ?3)",
        };
        self.connection.prepare_cached(statement)?.execute(params![row, RULES_VERSION, content])?;
        Ok(row)
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
            if own.is_some_and(|own| own.1 == sighting) && (is_newest || !claim.newest) {
                continue;
            }
            let highest = holders.first().map_or(0, |holder| holder.2);
            let newest = match own {
                Some(own) if is_newest || !claim.newest => own.2,
                _ if claim.newest => highest + 1,
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
                Ok(Before {
                    draft: self.packer.unpack(row.get_ref(0)?.as_blob()?)?,
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
        // A new article has one voice.
        let (speaker, speaker_feed) = if is_new { (touched.voice, self.feed) } else { self.speaker(article)? };
        let other_voice;
        let (draft, tokens, copy_key) = if speaker == touched.voice {
            let prepared = document.prepared(touched.counts)?;
            (&prepared.draft, prepared.tokens.clone(), prepared.copy_key)
        } else {
            let blob: Vec<u8> = self
                .connection
                .prepare_cached("SELECT content FROM body WHERE sighting = ?1")?
                .query_row(params![speaker], |row| row.get(0))?;
            other_voice = self.packer.unpack::<Draft>(&blob)?;
            (&other_voice, search::document_tokens(&other_voice), crate::copies::copy_key(&other_voice))
        };
        let mut revision = (1, self.now);
        let mut shows_other = true;
        let mut was_cluster = None;
        let mut is_updated = false;
        if let Some(before) = &touched.before {
            revision = (before.revision, before.revised_at);
            was_cluster = before.copy_key;
            shows_other = before.draft != *draft;
            is_updated = shows_other && before.speaker_feed == speaker_feed;
            let reworded = before.draft.title != draft.title || before.draft.text != draft.text;
            // Better rules alone make no revision: where they differ, the words as identity sees them must differ too.
            let by_source = before.rules == RULES_VERSION || self.text_key(speaker)? != before.text_key;
            let is_speakers_edit = reworded && by_source && before.speaker_feed == speaker_feed && speaker_feed == self.feed;
            if is_speakers_edit && self.is_revision(article, before, draft)? {
                self.connection
                    .prepare_cached("INSERT INTO revision (article, revision, seen_at, draft) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![article, before.revision, before.revised_at, self.packer.pack(&before.draft)?])?;
                revision = (before.revision + 1, self.now);
            }
        }
        if !shows_other && !touched.has_new_sighting {
            if touched.before.is_some_and(|before| before.speaker != speaker) {
                self.connection.prepare_cached("UPDATE article SET speaker = ?2 WHERE article = ?1")?.execute(params![article, speaker])?;
            }
            return Ok(());
        }
        if is_new {
            self.connection.prepare_cached("UPDATE article SET speaker = ?2 WHERE article = ?1")?.execute(params![article, speaker])?;
        } else {
            let change = self.next_change()?;
            self.connection
                .prepare_cached(
                    "UPDATE article SET speaker = ?2, at = coalesce(?3, first_seen), published = ?3, language = ?4, revision = ?5, revised_at = ?6,
                       last_changed = ?7, change = ?8, copy_key = ?9,
                       duplicate_of = CASE WHEN copy_key IS ?9 THEN duplicate_of ELSE NULL END WHERE article = ?1",
                )?
                .execute(params![
                    article,
                    speaker,
                    draft.published.map(|at| at.timestamp_millis()),
                    draft.language,
                    revision.0,
                    revision.1,
                    self.now,
                    change,
                    copy_key
                ])?;
        }
        if is_new || shows_other {
            self.stored.unindexed.add(article, if is_new { Shown::First } else { Shown::Again }, tokens);
        }
        tracing::trace!(article, is_new, revision = revision.0, "article stored");
        match is_new {
            true => self.stored.report.new += 1,
            false => self.stored.report.updated += usize::from(is_updated),
        }
        let clusters: BTreeSet<i64> = was_cluster.into_iter().chain(copy_key).collect();
        for cluster in clusters {
            for member in copies::settle(self.connection, cluster)? {
                if member != article {
                    let change = self.next_change()?;
                    self.connection
                        .prepare_cached("UPDATE article SET last_changed = ?2, change = ?3 WHERE article = ?1")?
                        .execute(params![member, self.now, change])?;
                }
            }
        }
        Ok(())
    }

    /// The sighting that speaks for an article, and its feed.
    fn speaker(&self, article: i64) -> rusqlite::Result<(i64, i64)> {
        let identity_url: Option<String> = self
            .connection
            .prepare_cached("SELECT identity_url FROM article WHERE article = ?1")?
            .query_row(params![article], |row| row.get(0))?;
        let site = identity_url.and_then(|url| IdentityUrl::of(&format!("https://{url}"))).and_then(|url| Site::of_host(url.host()));
        let voices: Vec<(Voice, i64, i64)> = self
            .connection
            .prepare_cached(
                "SELECT sighting.sighting, sighting.feed, sighting.words, feed.name, feed.site_url, feed.url
                 FROM sighting JOIN feed ON feed.feed = sighting.feed WHERE sighting.article = ?1 AND sighting.voice = 1",
            )?
            .query_map(params![article], |row| {
                let (site_url, url): (Option<String>, String) = (row.get(4)?, row.get(5)?);
                let feed_site = site_url.as_deref().and_then(Site::of).or_else(|| Site::of(&url));
                let is_publisher = site.is_some() && site == feed_site;
                Ok((Voice { is_publisher, words: row.get(2)?, feed: row.get(3)? }, row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let speaker = decide::speaker(voices.iter().map(|(voice, ..)| voice)).and_then(|at| voices.get(at));
        speaker.map(|(_, sighting, feed)| (*sighting, *feed)).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }

    fn is_revision(&self, article: i64, before: &Before, next: &Draft) -> rusqlite::Result<bool> {
        let earlier: Vec<Draft> = self
            .connection
            .prepare_cached("SELECT draft FROM revision WHERE article = ?1 ORDER BY revision")?
            .query_map(params![article], |row| Ok(self.packer.unpack(row.get_ref(0)?.as_blob()?)?))?
            .collect::<rusqlite::Result<_>>()?;
        let earlier: Vec<State<'_>> = earlier.iter().map(State::of).collect();
        let age = TimeDelta::milliseconds(self.now - before.revised_at);
        Ok(revision::is_revision(&earlier, State::of(&before.draft), State::of(next), age))
    }

    fn text_key(&self, sighting: i64) -> rusqlite::Result<i64> {
        self.connection.prepare_cached("SELECT text_key FROM sighting WHERE sighting = ?1")?.query_row(params![sighting], |row| row.get(0))
    }

    fn next_change(&mut self) -> rusqlite::Result<i64> {
        let last = match self.change {
            Some(change) => change,
            None => self.connection.prepare_cached("SELECT change FROM archive")?.query_row([], |row| row.get(0))?,
        };
        self.change = Some(last + 1);
        Ok(last + 1)
    }

    fn finish(&self) -> rusqlite::Result<()> {
        if let Some(change) = self.change {
            self.connection.prepare_cached("UPDATE archive SET change = ?1")?.execute(params![change])?;
        }
        Ok(())
    }
}
