//! Which articles may be selected, in their order: by the way that leads past the fewest others.
//!
//! A page of thirty articles must not cost more because the archive is large. So nothing is sorted that an index has in order:
//! feeds and languages are each read along their own index and merged, article by article, as far as somebody reads on.
//! Words that few articles have are looked up, and those articles put in order. Words that many have are tested: the archive is walked
//! from the place where the page begins, and the search index asked, for a stretch of articles at once, which of them have the words.
//!
//! What is given may pass, and nothing that passes is left out; whether it does is for the statement that reads it.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet, VecDeque};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::Selection;
use super::search::SearchQuery;

/// Up to so many articles are looked up and put in order before the first is given: five milliseconds' worth.
const MOST_GATHERED: usize = if cfg!(test) { 6 } else { 2_000 };

/// … or, where it is asked what has changed, so many: whoever asks has waited for them.
const MOST_CHANGED: usize = 100_000;

/// Indexes that are merged; more of them cost more than passing over what they leave out.
const MOST_MERGED: usize = if cfg!(test) { 3 } else { 2_000 };

/// Articles that are given at once.
const BATCH: usize = 64;

/// Articles that are tested for words at once, at first and at most.
const STRETCH: [usize; 2] = if cfg!(test) { [2, 4] } else { [256, 8_192] };

/// Articles whose numbers lie no further apart are tested together: reading what lies between costs no more than asking twice.
const APART: i64 = 256;

/// An article's place in the order by date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub at: i64,
    pub id: String,
    pub article: i64,
}

impl Key {
    fn place(&self) -> (i64, &str) {
        (self.at, &self.id)
    }
}

/// A [`Key`], and the feed that had the article first.
type Gathered = (Key, i64);

/// The way that was chosen.
#[derive(Debug)]
pub(super) struct Plan {
    way: Way,
    /// What the search index is to be asked of each candidate.
    tested: Option<String>,
    newest_first: bool,
    since: Option<i64>,
    until: Option<i64>,
}

#[derive(Debug)]
enum Way {
    /// All of them are known, oldest first.
    Gathered(Vec<Gathered>),
    /// Those that feeds had first, and those that they carried, but had not first.
    Feeds(Vec<i64>, Vec<Gathered>),
    Languages(Vec<String>),
    All,
}

impl Plan {
    /// The way for a selection; `None` where the order by date is the best there is.
    pub(super) fn of(connection: &Connection, selection: &Selection, newest_first: bool) -> rusqlite::Result<Option<Self>> {
        let plan = |way, tested| {
            let (since, until) = (selection.since.map(|at| at.timestamp_millis()), selection.until.map(|at| at.timestamp_millis()));
            Ok(Some(Self { way, tested, newest_first, since, until }))
        };
        if let Some(change) = selection.changed_after
            && let Some(changed) = changed_after(connection, change)?
        {
            return plan(Way::Gathered(changed), selection.query.as_ref().map(SearchQuery::index_query));
        }
        let tested = match selection.query.as_ref().map(SearchQuery::index_query) {
            Some(query) => match matches(connection, &query)? {
                Some(found) => return plan(Way::Gathered(found), None),
                None => Some(query),
            },
            None => None,
        };
        if let Some(names) = selection.feeds.iter().min_by_key(|names| names.len())
            && let Some((feeds, elsewhere)) = feeds(connection, names)?
        {
            return plan(Way::Feeds(feeds, elsewhere), tested);
        }
        if !selection.languages.is_empty() {
            let languages = languages(connection, &selection.languages)?;
            if languages.len() <= MOST_MERGED {
                return plan(Way::Languages(languages), tested);
            }
        }
        match tested {
            Some(_) => plan(Way::All, tested),
            None => Ok(None),
        }
    }

    /// The feeds that had any of the candidates first; `None`: it may be any.
    pub(super) fn first_feeds(&self) -> Option<BTreeSet<i64>> {
        match &self.way {
            Way::Gathered(gathered) => Some(gathered.iter().map(|(_, first_feed)| *first_feed).collect()),
            Way::Feeds(feeds, elsewhere) => {
                Some(feeds.iter().copied().chain(elsewhere.iter().map(|(_, first_feed)| *first_feed)).collect())
            }
            Way::Languages(_) | Way::All => None,
        }
    }

    /// The candidates after a place; with `first_feed`, those that this feed had first.
    pub(super) fn begin(&self, first_feed: Option<i64>, after: Option<&(i64, String)>) -> Candidates {
        let mut sources = Vec::new();
        let mut given = |gathered: &[Gathered]| {
            let wanted = gathered.iter().filter(|(_, first)| first_feed.is_none_or(|feed| feed == *first)).map(|(key, _)| key.clone());
            let mut keys: VecDeque<Key> = wanted.filter(|key| self.is_within(key, after)).collect();
            if self.newest_first {
                keys.make_contiguous().reverse();
            }
            sources.push(Source { index: None, after: None, keys });
        };
        let mut indexes = Vec::new();
        match (&self.way, first_feed) {
            (Way::Gathered(gathered), _) => given(gathered),
            (Way::Feeds(feeds, elsewhere), first_feed) => {
                given(elsewhere);
                indexes
                    .extend(feeds.iter().filter(|feed| first_feed.is_none_or(|first| first == **feed)).map(|feed| Index::FirstFeed(*feed)));
            }
            (_, Some(feed)) => indexes.push(Index::FirstFeed(feed)),
            (Way::Languages(languages), None) => indexes.extend(languages.iter().cloned().map(Index::Language)),
            (Way::All, None) => indexes.push(Index::Date),
        }
        let begin = self.begin_of_range(after);
        sources.extend(indexes.into_iter().map(|index| Source { index: Some(index), after: begin.clone(), keys: VecDeque::new() }));
        Candidates {
            sources,
            tested: self.tested.clone(),
            newest_first: self.newest_first,
            end: if self.newest_first { self.since } else { self.until },
            stretch: STRETCH[0],
            ready: VecDeque::new(),
        }
    }

    fn is_within(&self, key: &Key, after: Option<&(i64, String)>) -> bool {
        let is_later = after.is_none_or(|(at, id)| match key.place().cmp(&(*at, id.as_str())) {
            Ordering::Less => self.newest_first,
            Ordering::Greater => !self.newest_first,
            Ordering::Equal => false,
        });
        is_later && self.since.is_none_or(|since| key.at >= since) && self.until.is_none_or(|until| key.at < until)
    }

    /// No id is empty, so an empty one stands before all of its time.
    fn begin_of_range(&self, after: Option<&(i64, String)>) -> Option<(i64, String)> {
        let bound = if self.newest_first { self.until } else { self.since }.map(|at| (at, String::new()));
        match (after.cloned(), bound) {
            (Some(after), Some(bound)) => Some(if self.newest_first { after.min(bound) } else { after.max(bound) }),
            (after, bound) => after.or(bound),
        }
    }
}

/// Along which index articles are read in their order.
#[derive(Debug)]
enum Index {
    Date,
    FirstFeed(i64),
    Language(String),
}

/// Articles in their order: those that were read of an index, or gathered.
#[derive(Debug)]
struct Source {
    /// `None` where there are no more than `keys`.
    index: Option<Index>,
    after: Option<(i64, String)>,
    keys: VecDeque<Key>,
}

impl Source {
    fn fill(&mut self, connection: &Connection, newest_first: bool, end: Option<i64>, count: usize) -> rusqlite::Result<()> {
        let Some(index) = self.index.as_ref().filter(|_| self.keys.is_empty()) else { return Ok(()) };
        let (column, value) = match index {
            Index::Date => ("", None),
            Index::FirstFeed(feed) => ("first_feed = ? AND ", Some(Value::Integer(*feed))),
            Index::Language(language) => ("language = ? AND ", Some(Value::Text(language.clone()))),
        };
        let mut values: Vec<Value> = value.into_iter().collect();
        let (later, earlier, direction) = if newest_first { ("<", ">=", "DESC") } else { (">", "<", "ASC") };
        let mut bounds = String::new();
        if let Some((at, id)) = &self.after {
            bounds.push_str(&format!("(at, id) {later} (?, ?) AND "));
            values.extend([Value::Integer(*at), Value::Text(id.clone())]);
        }
        if let Some(end) = end {
            bounds.push_str(&format!("at {earlier} ? AND "));
            values.push(Value::Integer(end));
        }
        values.push(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
        let sql = format!("SELECT at, id, article FROM article WHERE {column}{bounds}TRUE ORDER BY at {direction}, id {direction} LIMIT ?");
        let mut statement = connection.prepare_cached(&sql)?;
        self.keys = statement.query_map(params_from_iter(values), key)?.collect::<rusqlite::Result<_>>()?;
        self.after = self.keys.back().map(|key| (key.at, key.id.clone()));
        if self.keys.len() < count {
            self.index = None;
        }
        Ok(())
    }
}

/// The articles that may be selected, one after another.
#[derive(Debug)]
pub(super) struct Candidates {
    sources: Vec<Source>,
    tested: Option<String>,
    newest_first: bool,
    end: Option<i64>,
    stretch: usize,
    ready: VecDeque<Key>,
}

impl Candidates {
    /// The next ones, in their order; none where there are no more.
    pub(super) fn next(&mut self, connection: &Connection) -> rusqlite::Result<Vec<Key>> {
        while self.ready.is_empty() {
            let count = if self.tested.is_some() { self.stretch } else { BATCH };
            let keys = self.merge(connection, count)?;
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            self.ready = match &self.tested {
                Some(query) => {
                    let has_words = with_words(connection, query, &keys)?;
                    keys.into_iter().filter(|key| has_words.contains(&key.article)).collect()
                }
                None => keys.into(),
            };
            self.stretch = (self.stretch * 2).min(STRETCH[1]);
        }
        Ok(self.ready.drain(..BATCH.min(self.ready.len())).collect())
    }

    /// Takes the next of all sources, as many as are wanted.
    fn merge(&mut self, connection: &Connection, count: usize) -> rusqlite::Result<Vec<Key>> {
        // Of many sources each gives few.
        let at_once = (2 * count / self.sources.len().max(1)).clamp(8.min(count), count);
        let mut merged = Vec::with_capacity(count);
        while merged.len() < count {
            let mut next: Option<(usize, &Key)> = None;
            for source in &mut self.sources {
                source.fill(connection, self.newest_first, self.end, at_once)?;
            }
            for (place, source) in self.sources.iter().enumerate() {
                let Some(key) = source.keys.front() else { continue };
                let goes_before = next.is_none_or(|(_, first)| (key.place() < first.place()) != self.newest_first);
                if goes_before {
                    next = Some((place, key));
                }
            }
            let next = next.map(|(place, _)| place);
            let Some(key) = next.and_then(|place| self.sources.get_mut(place)?.keys.pop_front()) else { break };
            merged.push(key);
        }
        Ok(merged)
    }
}

fn key(row: &rusqlite::Row<'_>) -> rusqlite::Result<Key> {
    Ok(Key { at: row.get(0)?, id: row.get(1)?, article: row.get(2)? })
}

/// Puts articles in order, oldest first.
fn in_order(connection: &Connection, articles: impl IntoIterator<Item = i64>) -> rusqlite::Result<Vec<Gathered>> {
    let mut statement = connection.prepare_cached("SELECT at, id, article, first_feed FROM article WHERE article = ?1")?;
    let keyed = articles.into_iter().map(|article| statement.query_row(params![article], |row| Ok((key(row)?, row.get(3)?))));
    let mut keyed: Vec<Gathered> = keyed.collect::<rusqlite::Result<_>>()?;
    keyed.sort_unstable_by(|(a, _), (b, _)| a.place().cmp(&b.place()));
    Ok(keyed)
}

fn numbers(connection: &Connection, sql: &str, value: impl rusqlite::ToSql, most: usize) -> rusqlite::Result<Option<Vec<i64>>> {
    let limit = i64::try_from(most + 1).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(sql)?;
    let found: Vec<i64> = statement.query_map(params![value, limit], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok((found.len() <= most).then_some(found))
}

/// The articles that have all words; `None` where there are too many.
fn matches(connection: &Connection, index_query: &str) -> rusqlite::Result<Option<Vec<Gathered>>> {
    let sql = "SELECT rowid FROM article_tokens WHERE article_tokens MATCH ?1 LIMIT ?2";
    numbers(connection, sql, index_query, MOST_GATHERED)?.map(|found| in_order(connection, found)).transpose()
}

/// The articles that changed after a change number; `None` where there are too many.
fn changed_after(connection: &Connection, change: i64) -> rusqlite::Result<Option<Vec<Gathered>>> {
    let sql = "SELECT article FROM article WHERE change > ?1 ORDER BY change LIMIT ?2";
    numbers(connection, sql, change, MOST_CHANGED)?.map(|found| in_order(connection, found)).transpose()
}

/// Feeds by their names, and the articles that they carried without having had them first; `None` where there is too much of either.
fn feeds(connection: &Connection, names: &[String]) -> rusqlite::Result<Option<(Vec<i64>, Vec<Gathered>)>> {
    let mut rows = connection.prepare_cached("SELECT feed, newest_at IS NOT NULL FROM feed WHERE name = ?1")?;
    let (mut feeds, mut first) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        let found: Option<(i64, bool)> = rows.query_row(params![name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((feed, has_articles)) = found {
            feeds.insert(feed);
            first.extend(Some(feed).filter(|_| has_articles));
        }
        if first.len() > MOST_MERGED {
            return Ok(None);
        }
    }
    let mut elsewhere = BTreeSet::new();
    for feed in &feeds {
        let sql = "SELECT DISTINCT article FROM sighting WHERE feed = ?1 AND elsewhere = 1 LIMIT ?2";
        match numbers(connection, sql, feed, MOST_GATHERED)? {
            Some(found) => elsewhere.extend(found),
            None => return Ok(None),
        }
        if elsewhere.len() > MOST_GATHERED {
            return Ok(None);
        }
    }
    let mut elsewhere = in_order(connection, elsewhere)?;
    // Those come along the index of the feed that had them first.
    elsewhere.retain(|(_, first_feed)| !first.contains(first_feed));
    Ok(Some((first.into_iter().collect(), elsewhere)))
}

/// The languages of articles that are meant by these, as the archive writes them: `de` takes `de-AT`.
fn languages(connection: &Connection, wanted: &[String]) -> rusqlite::Result<Vec<String>> {
    // From one language to the next, without what lies between.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE known (language) AS (
           SELECT min(language) FROM article WHERE language IS NOT NULL
           UNION ALL SELECT (SELECT min(language) FROM article WHERE language > known.language) FROM known WHERE known.language IS NOT NULL)
         SELECT language FROM known WHERE language IS NOT NULL",
    )?;
    let known: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let is_meant = |language: &String| {
        wanted.iter().any(|wanted| match language.split_at_checked(wanted.len()) {
            Some((begin, rest)) => begin.eq_ignore_ascii_case(wanted) && (rest.is_empty() || rest.starts_with('-')),
            None => false,
        })
    };
    Ok(known.into_iter().filter(is_meant).collect())
}

/// Those of the articles that have all words.
fn with_words(connection: &Connection, index_query: &str, keys: &[Key]) -> rusqlite::Result<HashSet<i64>> {
    let mut numbers: Vec<i64> = keys.iter().map(|key| key.article).collect();
    numbers.sort_unstable();
    let mut statement =
        connection.prepare_cached("SELECT rowid FROM article_tokens WHERE article_tokens MATCH ?1 AND rowid BETWEEN ?2 AND ?3")?;
    let mut found = HashSet::new();
    for near in numbers.chunk_by(|a, b| b - a <= APART) {
        if let (Some(first), Some(last)) = (near.first(), near.last()) {
            let mut rows = statement.query(params![index_query, first, last])?;
            while let Some(row) = rows.next()? {
                found.insert(row.get(0)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, Utc};
    use rusqlite::OpenFlags;

    use super::super::neighbours::Neighbours;
    use super::super::packed::Packer;
    use super::super::{Place, Reader, connect, polls, sample};
    use super::*;
    use crate::article::Article;
    use crate::export::Order;
    use crate::parse::{Entry, Markup, Stamp};

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + hour * 3600, 0).unwrap()
    }

    /// Every article has the word `all`, every third `third`, every sixteenth `seldom`; dates go to and fro.
    fn entry(number: i64) -> Entry {
        let dated = at(number * 7 % 60);
        let words: Vec<&str> =
            [("all", 1), ("third", 3), ("seldom", 16)].iter().filter(|(_, every)| number % every == 0).map(|(word, _)| *word).collect();
        Entry {
            content: Some(Markup::Text(format!("{} of number{number}", words.join(" ")))),
            published: (number % 5 != 0).then(|| Stamp { text: dated.to_rfc3339(), at: Some(dated) }),
            language: ["en", "de", "de-AT", "pt-BR"].get(number as usize % 5).map(|language| (*language).to_owned()),
            ..sample::entry(&number.to_string())
        }
    }

    /// Feeds `a` to `d`, the first with most of the articles, the last with nothing that another does not have.
    fn archive() -> (tempfile::TempDir, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut connection = connect::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        connect::set_up(&mut connection).unwrap();
        let packer = Arc::new(Packer::default());
        let mut neighbours = Neighbours::new(Arc::clone(&packer));
        for (hour, (feed, numbers)) in (100..).zip([("a", 0..30), ("b", 28..40), ("c", 40..52), ("d", 1..4), ("d", 26..30), ("a", 52..60)])
        {
            let poll = sample::poll(feed, numbers.map(entry).collect(), at(hour));
            polls::store(&connection, &packer, &mut neighbours, &poll).unwrap().1.write(&connection).unwrap();
        }
        (folder, Reader::open(&path).unwrap())
    }

    fn passes(article: &Article, selection: &Selection, word: Option<&str>) -> bool {
        let at = article.published.or(article.first_seen).unwrap();
        selection.since.is_none_or(|since| at >= since)
            && selection.until.is_none_or(|until| at < until)
            && selection.feeds.iter().all(|feeds| article.sightings.iter().any(|sighting| feeds.contains(&sighting.feed)))
            && (selection.languages.is_empty()
                || article.language.as_ref().is_some_and(|language| {
                    selection.languages.iter().any(|wanted| language == wanted || language.starts_with(&format!("{wanted}-")))
                }))
            && word.is_none_or(|word| article.text.split(' ').any(|found| found == word))
    }

    fn ids(reader: &Reader, selection: Selection) -> Vec<String> {
        reader.articles(selection).unwrap().map(|article| article.unwrap().id).collect()
    }

    #[test]
    fn whatever_way_is_taken_the_same_articles_are_found_in_the_same_order() {
        let (_folder, reader) = archive();
        let orders = [Order::OldestFirst, Order::NewestFirst, Order::ByFirstFeed].map(|order| {
            let all = reader.articles(Selection { copies: true, order, ..Selection::default() }).unwrap();
            (order, all.map(Result::unwrap).collect::<Vec<Article>>())
        });
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let feeds: [Vec<Vec<String>>; 7] = [
            Vec::new(),
            vec![list(&["a"])],
            vec![list(&["b", "d"])],
            vec![list(&["d"])],
            vec![list(&["a", "b", "c", "d"])],
            vec![list(&["a", "b"]), list(&["d"])],
            vec![Vec::new()],
        ];
        let languages = [Vec::new(), list(&["de"]), list(&["DE-at", "pt"]), list(&["is"])];
        let mut ways = std::collections::HashSet::new();
        for feeds in &feeds {
            for languages in &languages {
                for word in [None, Some("all"), Some("third"), Some("seldom"), Some("nowhere")] {
                    for (since, until) in [(None, None), (Some(at(12)), Some(at(40)))] {
                        for (order, all) in &orders {
                            let order = *order;
                            let selection = Selection {
                                since,
                                until,
                                feeds: feeds.clone(),
                                languages: languages.iter().map(|language| language.replace("DE-at", "de-AT")).collect(),
                                query: word.and_then(SearchQuery::parse),
                                copies: true,
                                order,
                                ..Selection::default()
                            };
                            let passing = all.iter().filter(|article| passes(article, &selection, word));
                            let expected: Vec<String> = passing.map(|article| article.id.clone()).collect();
                            let plan = Plan::of(&reader.connection, &selection, order == Order::NewestFirst).unwrap();
                            ways.insert(plan.map(|plan| (std::mem::discriminant(&plan.way), plan.tested.is_some())));
                            assert_eq!(
                                ids(&reader, Selection { languages: languages.clone(), ..selection.clone() }),
                                expected,
                                "{selection:?}"
                            );
                            let newest = Selection { limit: Some(3), ..selection.clone() };
                            if order == Order::NewestFirst {
                                assert_eq!(ids(&reader, newest), expected[..expected.len().min(3)], "{selection:?}");
                                let place = all.iter().find(|article| expected.get(1) == Some(&article.id));
                                let after = place
                                    .map(|article| Place { at: article.published.or(article.first_seen).unwrap(), id: article.id.clone() });
                                if after.is_some() {
                                    assert_eq!(ids(&reader, Selection { after, ..selection }), expected[2..]);
                                }
                            } else if order == Order::OldestFirst {
                                assert_eq!(ids(&reader, newest), expected[expected.len().saturating_sub(3)..], "{selection:?}");
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(ways.len(), 7, "each way was taken, with and without a test where it can have one: {ways:?}");
    }

    #[test]
    fn what_changed_is_found_by_its_change() {
        let (_folder, reader) = archive();
        let (_, last) = reader.identity().unwrap();
        let changed = ids(&reader, Selection { changed_after: Some(last - 8), copies: true, ..Selection::default() });
        assert_eq!(changed.len(), 8);
        let found = Selection { changed_after: Some(last - 8), query: SearchQuery::parse("third"), copies: true, ..Selection::default() };
        assert_eq!(ids(&reader, found).len(), 2, "54 and 57");
    }

    #[test]
    fn a_search_for_a_phrase_that_reads_much_stops_and_goes_on_where_it_was() {
        let (_folder, reader) = archive();
        let selection = || Selection {
            query: SearchQuery::parse("\"all of\""),
            order: Order::NewestFirst,
            copies: true,
            patience: Some(4),
            ..Selection::default()
        };
        let mut found = Vec::new();
        let mut after = None;
        let mut rounds = 0;
        loop {
            let mut articles = reader.articles(Selection { after, ..selection() }).unwrap();
            found.extend(articles.by_ref().map(|article| article.unwrap().id));
            rounds += 1;
            match articles.stopped_at() {
                Some(place) => after = Some(place),
                None => break,
            }
        }
        assert!(rounds > 3, "{rounds}");
        assert_eq!(found, ids(&reader, Selection { patience: None, ..selection() }));
    }
}
