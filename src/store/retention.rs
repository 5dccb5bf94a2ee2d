//! Retention: articles that were first seen too long ago are taken out, and do not come back.
//!
//! What goes is all that an article says: bodies, raw entries, revisions, its place in the search index and among
//! copies. What stays for as long as one of its feeds carries the entry is by what that feed knows it again: the row of
//! the article (`removed_at`), its sightings and their keys. A poll then finds a known entry and stores nothing of it.
//! Thirty days after the entry has left all its feeds that goes too: a feed that shows nothing for a while, or an old
//! page for a moment, brings nothing back.
//!
//! Retention is housekeeping, not a retraction: incremental exports do not name what it removed. Whoever follows this
//! archive keeps what they have, or applies a retention of their own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::copies::Seeds;
use super::neighbours::Neighbours;
use super::{Archive, StoreError, copies, pages};

/// So many articles in one transaction: polls wait no longer for it than for a group of polls.
const BATCH: i64 = 100;

/// How long after an entry has left its last feed it is still known.
const KNOWN_AFTER_LEAVING: TimeDelta = TimeDelta::days(30);

/// What retention did.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Pruned {
    /// How many articles were removed, by the feed that had them first.
    pub feeds: BTreeMap<String, u64>,
}

impl Pruned {
    /// All of them.
    pub fn articles(&self) -> u64 {
        self.feeds.values().sum()
    }
}

impl Archive {
    /// Removes the articles that were first seen before `before`; polls go on in between.
    ///
    /// # Errors
    /// A [`StoreError`]; what was removed until then stays removed, and the rest stays.
    pub async fn prune(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        loop {
            let batch =
                self.writer.run_on_articles(move |connection, neighbours| remove_batch(connection, neighbours, before, now)).await?;
            if batch.is_empty() {
                break;
            }
            for feed in batch {
                *pruned.feeds.entry(feed).or_default() += 1;
            }
        }
        self.release(now).await?;
        Ok(pruned)
    }

    /// Lets go of what keeps removed and forgotten articles away, where their entries have long left all their feeds.
    ///
    /// # Errors
    /// A [`StoreError`]; the rest stays.
    pub async fn release(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let left_before = now - KNOWN_AFTER_LEAVING;
        while self.writer.run(move |connection| release_batch(connection, left_before)).await? > 0 {}
        Ok(())
    }
}

/// Removes some articles; gives the name of each one's first feed.
pub(super) fn remove_batch(
    connection: &mut Connection,
    neighbours: &mut Neighbours,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<String>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let old: Vec<(i64, Option<i64>, String)> = transaction
        .prepare_cached(
            "SELECT article, copy_key, (SELECT name FROM feed WHERE feed = first_feed) FROM article
             WHERE removed_at IS NULL AND first_seen < ?1 ORDER BY first_seen LIMIT ?2",
        )?
        .query_map(params![before.timestamp_millis(), BATCH], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let now = now.timestamp_millis();
    let (mut clusters, mut joined) = (BTreeSet::new(), BTreeSet::new());
    let mut feeds = Vec::with_capacity(old.len());
    for (article, copy_key, feed) in old {
        clusters.extend(copies::followers(&transaction, article)?);
        joined.extend(copies::joined_by_page(&transaction, article)?);
        remove(&transaction, neighbours, article, now)?;
        joined.remove(&article);
        clusters.extend(copy_key);
        feeds.push(feed);
    }
    // The copies of removed articles have another earliest now.
    copies::settle_and_mark(&transaction, neighbours, &Seeds { keys: clusters, articles: joined }, now)?;
    transaction.commit()?;
    Ok(feeds)
}

/// Takes out all that an article says, for retention or for good. Those that were its copies are settled after all of a batch have gone.
pub(super) fn remove(transaction: &Transaction<'_>, neighbours: &mut Neighbours, article: i64, now: i64) -> rusqlite::Result<()> {
    neighbours.leave(transaction, article)?;
    // One that retention has removed can be forgotten still.
    transaction
        .prepare_cached(
            "UPDATE archive SET articles = articles - 1 WHERE EXISTS (SELECT 1 FROM article WHERE article = ?1 AND removed_at IS NULL)",
        )?
        .execute(params![article])?;
    transaction
        .prepare_cached(
            "UPDATE article SET removed_at = ?2, speaker = NULL, copy_key = NULL, duplicate_of = NULL, likeness = NULL, language = NULL, identity_url = NULL
             WHERE article = ?1",
        )?
        .execute(params![article, now])?;
    for statement in [
        "UPDATE article SET duplicate_of = NULL, likeness = NULL WHERE duplicate_of = ?1",
        "DELETE FROM revision WHERE article = ?1",
        "DELETE FROM recompared WHERE article = ?1",
        "DELETE FROM body WHERE sighting IN (SELECT sighting FROM sighting WHERE article = ?1)",
        "DELETE FROM article_tokens WHERE rowid = ?1",
    ] {
        transaction.prepare_cached(statement)?.execute(params![article])?;
    }
    pages::remove(transaction, article)
}

/// Counts a change of the archive.
pub(super) fn next_change(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.prepare_cached("UPDATE archive SET change = change + 1 RETURNING change")?.query_row([], |row| row.get(0))
}

/// Removed articles whose entries have left all their feeds before a time.
const RELEASED: &str = "SELECT article FROM article WHERE removed_at IS NOT NULL AND removed_at < ?1
    AND NOT EXISTS (SELECT 1 FROM sighting WHERE sighting.article = article.article AND (left_at IS NULL OR left_at >= ?1))";

/// Forgets some of the released articles altogether.
///
/// That nothing refers to them is known, and asking SQLite to prove it would read whole tables for each: the columns
/// that could refer to them have no index of their own, which no other statement would need.
pub(super) fn release_batch(connection: &mut Connection, before: DateTime<Utc>) -> rusqlite::Result<usize> {
    connection.pragma_update(None, "foreign_keys", false)?;
    let released = release(connection, before.timestamp_millis());
    connection.pragma_update(None, "foreign_keys", true)?;
    released
}

fn release(connection: &mut Connection, before: i64) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let articles: Vec<i64> = transaction
        .prepare_cached(&format!("{RELEASED} ORDER BY removed_at LIMIT ?2"))?
        .query_map(params![before, BATCH], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // Keys stand by feed: those of each feed are looked through once a batch.
    let mut of_feed: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for article in &articles {
        let mut sightings = transaction.prepare_cached("DELETE FROM sighting WHERE article = ?1 RETURNING feed")?;
        for feed in sightings.query_map(params![article], |row| row.get(0))? {
            of_feed.entry(feed?).or_default().insert(*article);
        }
        transaction.prepare_cached("DELETE FROM article WHERE article = ?1")?.execute(params![article])?;
    }
    for (feed, articles) in of_feed {
        let keys: Vec<(i64, i64, i64)> = transaction
            .prepare_cached("SELECT kind, key, article FROM entry_key WHERE feed = ?1")?
            .query_map(params![feed], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .filter(|key| key.as_ref().map_or(true, |key| articles.contains(&key.2)))
            .collect::<rusqlite::Result<_>>()?;
        for (kind, key, article) in keys {
            transaction
                .prepare_cached("DELETE FROM entry_key WHERE feed = ?1 AND kind = ?2 AND key = ?3 AND article = ?4")?
                .execute(params![feed, kind, key, article])?;
        }
    }
    transaction.commit()?;
    Ok(articles.len())
}

#[cfg(test)]
mod tests {
    use std::sync::{LazyLock, OnceLock};

    use proptest::prelude::*;

    use super::super::connect::set_up;
    use super::super::packed::Packer;
    use super::super::polls::{self, Poll, PolledDocument, PolledEntry, PolledFeed, Prepared};
    use super::super::{forget, integrity};
    use super::*;
    use crate::article::Draft;
    use crate::config::{FullText, IdentityRule};
    use crate::copies::CopySettings;
    use crate::identity::EntryKeys;
    use crate::normalise;
    use crate::parse::{Entry, Markup};
    use crate::schedule::{NextPoll, Reason};

    const FEEDS: [&str; 2] = ["one", "two"];
    const ENTRIES: u8 = 5;

    /// One for all: a compressor is dear to make.
    static PACKER: LazyLock<Packer> = LazyLock::new(Packer::default);

    /// What happens to an archive.
    #[derive(Debug, Clone)]
    enum Step {
        /// A feed of this number shows the entries of these bits, edited so many times.
        Poll(usize, u8, u8),
        Prune,
        /// The articles that this entry became are taken out for good.
        Forget(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..FEEDS.len(), 0_u8..1 << ENTRIES, 0_u8..3).prop_map(|(feed, entries, edits)| Step::Poll(feed, entries, edits)),
            1 => Just(Step::Prune),
            1 => (0..ENTRIES).prop_map(Step::Forget),
        ]
    }

    /// Entries 0 and 1 have a guid alone, the others a link, too: the two feeds share those.
    fn entry(number: u8, edits: u8) -> Entry {
        let words: Vec<String> = (0..20).map(|word| format!("w{number}x{word}")).collect();
        Entry {
            guid: Some(format!("guid {number}")),
            link: (number > 1).then(|| format!("https://a.com/{number}")),
            title: Some(Markup::Text(format!("title {number}"))),
            content: Some(Markup::Text(format!("{} {}", words.join(" "), "more ".repeat(usize::from(edits))))),
            ..Entry::default()
        }
    }

    fn poll(connection: &Connection, neighbours: &mut Neighbours, feed: &str, entries: Vec<Entry>, at: DateTime<Utc>) {
        let document = PolledDocument {
            hash: 0,
            title: None,
            mended: Vec::new(),
            site_url: Some("https://a.com/".into()),
            head: Default::default(),
            rule: IdentityRule::Auto,
            full_text: FullText::Never,
            copies: CopySettings::default(),
            dropped: Default::default(),
            keys: entries.iter().map(EntryKeys::of).collect(),
            dropped_at: Vec::new(),
            is_cut_off: false,
            entries: entries
                .into_iter()
                .map(|entry| PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() })
                .collect(),
            prepare: Box::new(|entry| {
                let words = |markup: &Option<Markup>| match markup {
                    Some(Markup::Text(text) | Markup::Html(text)) => text.clone(),
                    None => String::new(),
                };
                Prepared::of(
                    Draft { title: words(&entry.title), text: words(&entry.content), ..Draft::default() },
                    Some(entry),
                    CopySettings::default(),
                    &PACKER,
                )
            }),
        };
        let poll = Poll {
            feed: PolledFeed { name: feed.into(), url: format!("https://a.com/{feed}.xml"), title: None },
            at,
            http_status: Some(200),
            error: None,
            gone: false,
            is_verified: true,
            has_lied: false,
            validators: None,
            redirected_to: None,
            own_url_asked: true,
            asked: true,
            memory: None,
            elapsed: std::time::Duration::ZERO,
            next: NextPoll { at, reason: Reason::Default },
            document: Some(document),
        };
        polls::store(connection, &PACKER, neighbours, &poll).unwrap().1.write(connection).unwrap();
    }

    /// The titles that are shown.
    fn shown(connection: &Connection) -> BTreeSet<String> {
        let mut statement =
            connection.prepare("SELECT content FROM article JOIN body ON sighting = speaker WHERE removed_at IS NULL").unwrap();
        let rows = statement
            .query_map([], |row| {
                let draft: Draft = PACKER.unpack(row.get_ref(0)?.as_blob()?)?;
                Ok(draft.title)
            })
            .unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    /// The ids of the articles that show a title.
    fn ids(connection: &Connection, title: &str) -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT id, content FROM article JOIN body ON sighting = speaker WHERE removed_at IS NULL").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, PACKER.unpack::<Draft>(row.get_ref(1)?.as_blob()?)?))).unwrap();
        rows.map(Result::unwrap).filter(|(_, draft)| draft.title == title).map(|(id, _)| id).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_was_removed_is_never_shown_again_and_nothing_else_is_lost(steps in proptest::collection::vec(step(), 1..14)) {
            let mut connection = Connection::open_in_memory().unwrap();
            set_up(&mut connection).unwrap();
            let mut neighbours = Neighbours::default();
            // An entry of a guid alone is an article of its feed; one with a link is one of both.
            let article = |feed: usize, number: u8| if number > 1 { (9, number) } else { (feed, number) };
            let (mut seen, mut removed) = (BTreeSet::new(), BTreeSet::new());
            for (second, step) in (1_800_000_000..).zip(&steps) {
                let now = DateTime::from_timestamp(second, 0).unwrap();
                match step {
                    Step::Poll(feed, entries, edits) => {
                        let numbers: Vec<u8> = (0..ENTRIES).filter(|number| entries >> number & 1 == 1).collect();
                        seen.extend(numbers.iter().map(|number| article(*feed, *number)));
                        poll(&connection, &mut neighbours, FEEDS[*feed], numbers.iter().map(|number| entry(*number, *edits)).collect(), now);
                    }
                    Step::Prune => {
                        while !remove_batch(&mut connection, &mut neighbours, now, now).unwrap().is_empty() {}
                        while release_batch(&mut connection, now - KNOWN_AFTER_LEAVING).unwrap() > 0 {}
                        removed.extend(seen.iter().copied());
                    }
                    Step::Forget(number) => {
                        let ids = ids(&connection, &format!("title {number}"));
                        forget::forget_batch(&mut connection, &mut neighbours, &ids, now).unwrap();
                        removed.extend(seen.iter().filter(|article| article.1 == *number).copied());
                    }
                }
                let titles: BTreeSet<String> = seen.difference(&removed).map(|(_, number)| format!("title {number}")).collect();
                prop_assert_eq!(shown(&connection), titles);
            }
            prop_assert_eq!(integrity::check(&connection).unwrap().damages, Vec::new());
        }
    }
}
