//! Identity as the archive keeps it: the six laws over generated histories, and the cases as a table. Everything runs
//! on a real database in memory, through the same code as a poll.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rusqlite::backup::Backup;
use rusqlite::{Connection, params};

use super::connect::set_up;
use super::known::FeedPast;
use super::neighbours::Neighbours;
use super::packed::Packer;
use super::polls::{self, Poll, PollReport, PolledDocument, PolledEntry, PolledFeed, Prepared};
use super::recompare;
use crate::article::Draft;
use crate::config::{FullText, IdentityRule};
use crate::copies::CopySettings;
use crate::decide::{self, Decision, PollKeys, Target};
use crate::identity::{EntryKeys, IdentityUrl, Site};
use crate::normalise;
use crate::parse::{Entry, Markup, Source, Stamp};
use crate::revision::{self, State};
use crate::schedule::{NextPoll, Reason};

const DAY: i64 = 86_400;

/// An entry as the tests write it down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct E {
    pub(super) guid: Option<String>,
    pub(super) link: Option<String>,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) day: Option<i64>,
    pub(super) source: Option<String>,
}

pub(super) fn e(guid: &str, link: &str, title: &str, text: &str, day: i64) -> E {
    let some = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    E { guid: some(guid), link: some(link), title: title.into(), text: text.into(), day: (day > 0).then_some(day), source: None }
}

/// A text of so many words that shares none with another story's.
pub(super) fn story(seed: &str, words: usize) -> String {
    (0..words).map(|n| format!("{seed}{n}")).collect::<Vec<_>>().join(" ")
}

impl E {
    fn entry(&self) -> Entry {
        Entry {
            guid: self.guid.clone(),
            link: self.link.clone(),
            guid_is_permalink: self.link.is_none(),
            title: Some(Markup::Text(self.title.clone())),
            content: Some(Markup::Html(format!("<p>{}</p>", self.text))),
            published: self.day.map(|day| Stamp { text: day.to_string(), at: DateTime::from_timestamp(1_790_000_000 + day * DAY, 0) }),
            source: self.source.clone().map(|url| Source { title: None, url: Some(url) }),
            ..Entry::default()
        }
    }
}

/// An archive in memory.
pub(super) struct Lab {
    pub(super) connection: Connection,
    pub(super) neighbours: RefCell<Neighbours>,
    clock: Cell<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) speaker: String,
    pub(super) duplicate_of: Option<String>,
    pub(super) sightings: BTreeSet<(String, Option<String>, Option<String>)>,
}

impl Shown {
    fn state(&self) -> State<'_> {
        State { title: &self.title, text: &self.text }
    }
}

fn feed_of(name: &str, rule: IdentityRule) -> (PolledFeed, Option<String>, IdentityRule) {
    let host = name.split('/').next().unwrap_or(name);
    (PolledFeed { name: name.into(), url: format!("https://{name}.xml"), title: None }, Some(format!("https://{host}/")), rule)
}

impl Lab {
    pub(super) fn new() -> Self {
        thread_local! {
            /// Copying an empty archive takes a fraction of the time of making one.
            static EMPTY: Connection = {
                let mut connection = Connection::open_in_memory().unwrap();
                set_up(&mut connection).unwrap();
                connection
            };
        }
        let mut connection = Connection::open_in_memory().unwrap();
        EMPTY.with(|empty| Backup::new(empty, &mut connection).unwrap().step(-1).unwrap());
        Self { connection, neighbours: RefCell::default(), clock: Cell::new(0) }
    }

    /// Polls a feed named by host and path, such as `a.com/feed`.
    pub(super) fn poll(&self, feed: &str, entries: &[E]) -> PollReport {
        self.poll_by(feed, IdentityRule::Auto, entries)
    }

    fn poll_by(&self, feed: &str, rule: IdentityRule, entries: &[E]) -> PollReport {
        let at = self.tick();
        let (feed, document) = document_of(feed, rule, entries);
        let poll = Poll {
            feed,
            at,
            http_status: Some(200),
            error: None,
            asked: true,
            gone: false,
            is_verified: true,
            has_lied: false,
            validators: None,
            redirected_to: None,
            own_url_asked: true,
            memory: None,
            elapsed: std::time::Duration::ZERO,
            next: NextPoll { at, reason: Reason::Default },
            document: Some(document),
        };
        let (report, unindexed) = polls::store(&self.connection, &PACKER, &mut self.neighbours.borrow_mut(), &poll).unwrap();
        self.neighbours.borrow_mut().write_lists(&self.connection).unwrap();
        unindexed.write(&self.connection).unwrap();
        report
    }

    pub(super) fn tick(&self) -> DateTime<Utc> {
        self.clock.set(self.clock.get() + 1);
        DateTime::<Utc>::from_timestamp(1_800_000_000 + self.clock.get(), 0).unwrap()
    }

    /// What would be decided of a document, without storing it.
    fn decide(&self, feed: &str, entries: &[E]) -> Decision {
        let row = self.connection.query_row("SELECT feed FROM feed WHERE name = ?1", [feed], |row| row.get(0)).unwrap_or(-1);
        let (_, home, rule) = feed_of(feed, IdentityRule::Auto);
        let home = home.unwrap();
        let keys: Vec<EntryKeys> = entries.iter().map(|entry| EntryKeys::of(&entry.entry())).collect();
        let (site, home) = (Site::of(&home), IdentityUrl::of(&home));
        let poll = PollKeys { feed, site: site.as_ref(), home: home.as_ref(), rule, entries: &keys };
        decide::decide(&FeedPast::of(&self.connection, &PACKER, row).unwrap(), poll).unwrap()
    }

    pub(super) fn articles(&self) -> Vec<Shown> {
        let mut statement = self
            .connection
            .prepare(
                "SELECT a.article, a.id, body.content, feed.name, (SELECT id FROM article WHERE article = a.duplicate_of)
                 FROM article a JOIN body ON body.sighting = a.speaker JOIN sighting s ON s.sighting = a.speaker JOIN feed USING (feed)",
            )
            .unwrap();
        let rows = statement.query_map([], |row| {
            let draft: Draft = PACKER.unpack(&row.get::<_, Vec<u8>>(2)?).unwrap();
            let sightings = self
                .connection
                .prepare_cached("SELECT feed.name, guid, sighting.url FROM sighting JOIN feed USING (feed) WHERE article = ?1")?
                .query_map(params![row.get::<_, i64>(0)?], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Shown { id: row.get(1)?, title: draft.title, text: draft.text, speaker: row.get(3)?, duplicate_of: row.get(4)?, sightings })
        });
        let mut articles: Vec<Shown> = rows.unwrap().collect::<rusqlite::Result<_>>().unwrap();
        articles.sort();
        articles
    }

    pub(super) fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> = self.articles().into_iter().map(|article| article.title).collect();
        titles.sort();
        titles
    }

    pub(super) fn revisions(&self) -> BTreeMap<String, i64> {
        let mut statement = self.connection.prepare("SELECT id, revision FROM article").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    pub(super) fn change(&self) -> i64 {
        self.connection.query_row("SELECT change FROM archive", [], |row| row.get(0)).unwrap()
    }

    fn clusters(&self) -> usize {
        self.connection.query_row("SELECT count(DISTINCT duplicate_of) FROM article", [], |row| row.get::<_, i64>(0)).unwrap() as usize
    }

    /// All rows of all tables that a poll of entries writes.
    pub(super) fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in ["article", "sighting", "body", "revision", "entry_key", "dead_key"] {
            let mut statement = self.connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let cells: Vec<String> = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
                all.push(format!("{table} {}", cells.join("|")));
            }
        }
        all
    }
}

/// These entries as a document of a feed.
pub(super) fn document_of(feed: &str, rule: IdentityRule, entries: &[E]) -> (PolledFeed, PolledDocument) {
    let (feed, site_url, rule) = feed_of(feed, rule);
    let entries: Vec<Entry> = entries.iter().map(E::entry).collect();
    let document = PolledDocument {
        hash: 0,
        title: None,
        mended: Vec::new(),
        site_url,
        head: Default::default(),
        rule,
        full_text: FullText::Never,
        copies: CopySettings::default(),
        dropped: Default::default(),
        dropped_at: Vec::new(),
        is_cut_off: false,
        keys: entries.iter().map(EntryKeys::of).collect(),
        entries: entries
            .into_iter()
            .map(|entry| PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() })
            .collect(),
        prepare: Box::new(|entry| Prepared::of(draft(entry), Some(entry), CopySettings::default(), &PACKER)),
    };
    (feed, document)
}
/// One for all: a compressor is dear to make.
pub(super) static PACKER: LazyLock<Packer> = LazyLock::new(Packer::default);

/// A draft as plain as the entry: these tests are about identity.
fn draft(entry: &Entry) -> Draft {
    let plain =
        |markup: &Option<Markup>| markup.as_ref().map(|markup| crate::identity::plain(markup).trim().to_owned()).unwrap_or_default();
    let text = plain(&entry.content);
    Draft {
        url: normalise::permalink(entry),
        title: plain(&entry.title),
        word_count: text.split_whitespace().count() as u32,
        published: entry.published.as_ref().and_then(|stamp| stamp.at),
        text,
        ..Draft::default()
    }
}

// The cases.

#[test]
fn an_entry_that_moves_stays_itself_and_another_feeds_entry_at_its_new_link_is_another() {
    let before = [e("g1", "https://a.com/p1", "Story", &story("s", 60), 1)];
    let after = [e("g1", "https://a.com/p2", "Story", &story("s", 60), 1)];
    let other = [e("c1", "https://a.com/p2", "Pointer", "short", 2)];
    let mut archives = Vec::new();
    for order in [["a1", "a2", "c"], ["a1", "c", "a2"], ["c", "a1", "a2"]] {
        let lab = Lab::new();
        for step in order {
            match step {
                "a1" => lab.poll("a.com/feed", &before),
                "a2" => lab.poll("a.com/feed", &after),
                _ => lab.poll("c.com/feed", &other),
            };
        }
        assert_eq!(lab.titles(), ["Pointer", "Story"], "{order:?}");
        archives.push(lab.articles());
    }
    assert!(archives.iter().all(|archive| *archive == archives[0]));
}

#[test]
fn one_text_under_two_links_is_two_articles_in_one_cluster() {
    let text = story("s", 60);
    let lab = Lab::new();
    lab.poll("a.com/feed", &[e("g1", "https://a.com/1", "One", &text, 1)]);
    lab.poll("a.com/other", &[e("g2", "https://a.com/2", "One", &text, 2)]);
    assert_eq!((lab.articles().len(), lab.clusters()), (2, 1));

    let lab = Lab::new();
    lab.poll("a.com/feed", &[e("g1", "https://a.com/1", "One", &text, 1), e("g2", "https://a.com/2", "One", &text, 1)]);
    assert_eq!((lab.articles().len(), lab.clusters()), (2, 1));
}

#[test]
fn linkless_notes_of_one_text_in_two_feeds_are_two_articles() {
    let lab = Lab::new();
    for feed in ["a.com/feed", "a.com/other"] {
        lab.poll(feed, &[e("", "", "Note", "No link at all", 1)]);
    }
    assert_eq!(lab.articles().len(), 2);
}

#[test]
fn one_guid_twice_with_one_title_and_two_dates_and_texts_is_two_articles() {
    let lab = Lab::new();
    let document = [e("g", "", "Update", "First words of it", 1), e("g", "", "Update", "Other things happened", 2)];
    for _ in 0..3 {
        lab.poll("a.com/feed", &document);
    }
    assert_eq!(lab.articles().len(), 2);
    assert!(lab.revisions().values().all(|revision| *revision == 1));
}

#[test]
fn a_constant_link_with_a_new_guid_and_story_each_day_is_a_new_article_each_day() {
    let lab = Lab::new();
    for day in 1..=5 {
        lab.poll("a.com/feed", &[e(&format!("g{day}"), "https://a.com/today", "Today", &story(&format!("d{day}w"), 60), day)]);
    }
    assert_eq!(lab.articles().len(), 5);
}

#[test]
fn fragments_with_equal_guids_are_two_articles() {
    let lab = Lab::new();
    for number in 1..=2 {
        let link = format!("https://a.com/changes#{number}");
        lab.poll("a.com/feed", &[e(&link, &link, &format!("Release {number}"), &story(&format!("r{number}w"), 30), number)]);
    }
    assert_eq!(lab.articles().len(), 2);
}

#[test]
fn guids_by_position_follow_their_stories() {
    for with in ["links", "dates"] {
        let lab = Lab::new();
        let entry = |guid: i64, number: i64| {
            let link = if with == "links" { format!("https://a.com/{number}") } else { String::new() };
            let day = if with == "dates" { number } else { 0 };
            e(&guid.to_string(), &link, &format!("Story {number}"), &story(&format!("s{number}w"), 30), day)
        };
        lab.poll("a.com/feed", &[entry(1, 3), entry(2, 2), entry(3, 1)]);
        let before = lab.articles();
        lab.poll("a.com/feed", &[entry(1, 4), entry(2, 3), entry(3, 2)]);
        assert_eq!(lab.articles().len(), 4, "{with}");
        let ids: BTreeSet<_> = lab.articles().into_iter().map(|article| article.id).collect();
        assert!(before.iter().all(|article| ids.contains(&article.id)));
        assert!(lab.revisions().values().all(|revision| *revision == 1), "{with}");
        let moved = lab.articles().into_iter().find(|article| article.title == "Story 3").unwrap();
        assert!(moved.sightings.iter().any(|(_, guid, _)| guid.as_deref() == Some("2")), "{with}");
    }
}

#[test]
fn a_guid_used_for_another_story_on_the_same_date_revises_until_both_stand_together() {
    let lab = Lab::new();
    let (first, second) = (e("1", "", "Morning", &story("m", 30), 1), e("1", "", "Evening", &story("n", 30), 1));
    lab.poll("a.com/feed", std::slice::from_ref(&first));
    lab.poll("a.com/feed", std::slice::from_ref(&second));
    assert_eq!(lab.articles().len(), 1);
    assert_eq!(lab.revisions().values().copied().collect::<Vec<_>>(), [2]);
    lab.poll("a.com/feed", &[first, second]);
    assert_eq!(lab.titles(), ["Evening", "Morning"]);
}

#[test]
fn latest_becomes_monday_and_the_next_story_takes_latest() {
    for guids in [true, false] {
        let lab = Lab::new();
        let guid = |name: &'static str| if guids { name } else { "" };
        lab.poll("a.com/feed", &[e(guid("g1"), "https://a.com/latest", "Monday", &story("m", 60), 1)]);
        let id = lab.articles()[0].id.clone();
        lab.poll(
            "a.com/feed",
            &[
                e(guid("g1"), "https://a.com/mon", "Monday", &story("m", 60), 1),
                e(guid("g2"), "https://a.com/latest", "Tuesday", &story("t", 60), 2),
            ],
        );
        assert_eq!(lab.titles(), ["Monday", "Tuesday"]);
        assert_eq!(lab.articles().iter().find(|article| article.title == "Monday").unwrap().id, id);
    }
}

#[test]
fn a_status_page_with_one_link_and_title_is_an_article_for_each_guid() {
    let lab = Lab::new();
    let entry = |number: i64| e(&format!("g{number}"), "https://a.com/status", "Status", &format!("state number {number} is it"), number);
    lab.poll("a.com/feed", &[entry(1), entry(2)]);
    assert_eq!(lab.articles().len(), 2);
}

#[test]
fn a_planet_with_the_originals_guid_has_the_publishers_article() {
    let text = story("s", 80);
    for guid in ["https://a.com/?p=1", "tag:a.com,2026:1"] {
        for planet_first in [true, false] {
            let lab = Lab::new();
            let entry = [e(guid, "https://a.com/story", "Story", &text, 1)];
            let feeds = if planet_first { ["planet.org/feed", "a.com/feed"] } else { ["a.com/feed", "planet.org/feed"] };
            for feed in feeds {
                lab.poll(feed, &entry);
            }
            let articles = lab.articles();
            assert_eq!(articles.len(), 1, "{guid}");
            assert_eq!(articles[0].speaker, "a.com/feed");
        }
    }
}

#[test]
fn a_planet_with_guids_of_its_own_has_copies_with_the_same_ids_in_either_order() {
    let text = story("s", 80);
    let publisher = [e("1", "https://a.com/story", "Story", &text, 1)];
    let planet = [e("planet-17", "https://a.com/story", "Story", &text, 1)];
    let polls: [(&str, &[E]); 2] = [("a.com/feed", &publisher), ("planet.org/feed", &planet)];
    let mut archives = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let lab = Lab::new();
        for at in order {
            lab.poll(polls[at].0, polls[at].1);
        }
        assert_eq!((lab.articles().len(), lab.clusters()), (2, 1));
        archives.push(lab.articles());
    }
    assert_eq!(archives[0], archives[1]);
}

#[test]
fn a_link_blog_without_guids_that_edits_its_comment_makes_a_revision() {
    let lab = Lab::new();
    for words in [60, 70] {
        lab.poll("blog.org/feed", &[e("", "https://a.com/story", "Worth reading", &story("c", words), 1)]);
    }
    assert_eq!(lab.revisions().values().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_move_of_the_site_keeps_the_articles() {
    let lab = Lab::new();
    let entries = |site: &str, guid: &str| -> Vec<E> {
        (1..=3)
            .map(|n| e(&format!("{guid}{n}"), &format!("https://{site}/{n}"), &format!("Story {n}"), &story(&format!("s{n}w"), 60), n))
            .collect()
    };
    lab.poll("a.com/feed", &entries("a.com/old", "x"));
    let before: Vec<String> = lab.articles().into_iter().map(|article| article.id).collect();
    let report = lab.poll("a.com/feed", &entries("a.com/new", "y"));
    assert_eq!(report.new, 0);
    assert_eq!(lab.articles().into_iter().map(|article| article.id).collect::<Vec<_>>(), before);
}

#[test]
fn guids_change_and_http_becomes_https_and_the_articles_stay() {
    let lab = Lab::new();
    let entries = |scheme: &str, guid: &str, words: usize| -> Vec<E> {
        (1..=3)
            .map(|n| e(&format!("{guid}{n}"), &format!("{scheme}://a.com/{n}"), &format!("Story {n}"), &story(&format!("s{n}w"), words), n))
            .collect()
    };
    lab.poll("a.com/feed", &entries("http", "x", 60));
    assert_eq!(lab.poll("a.com/feed", &entries("https", "y", 62)).new, 0);
    assert_eq!(lab.articles().len(), 3);
}

#[test]
fn a_story_in_five_feeds_of_three_sites_is_two_articles_in_one_cluster() {
    let text = story("s", 120);
    let page = "https://a.com/story";
    let polls = [
        ("a.com/feed", e("1", page, "Story", &text, 1)),
        ("a.com/world", e("1", &format!("{page}?utm_source=world"), "Story", &text, 1)),
        ("b.org/feed", e("b1", page, "Look at this", "A short pointer", 1)),
        ("planet.net/feed", e(page, page, "Story", &text, 1)),
        ("c.com/feed", e("c1", "https://c.com/wire/1", "Agency: Story", &text, 1)),
    ];
    let lab = Lab::new();
    for (feed, entry) in &polls {
        lab.poll(feed, std::slice::from_ref(entry));
    }
    assert_eq!((lab.articles().len(), lab.clusters()), (2, 1));
    let back = Lab::new();
    for (feed, entry) in polls.iter().rev() {
        back.poll(feed, std::slice::from_ref(entry));
    }
    assert_eq!(back.articles(), lab.articles());
}

#[test]
fn a_rule_of_the_operator_lets_the_named_key_alone_count() {
    let lab = Lab::new();
    lab.poll_by("a.com/feed", IdentityRule::Guid, &[e("1", "https://a.com/1", "One", &story("a", 60), 1)]);
    lab.poll_by("a.com/feed", IdentityRule::Guid, &[e("1", "https://a.com/2", "Two", &story("b", 60), 2)]);
    lab.poll_by("a.com/feed", IdentityRule::Guid, &[e("2", "https://a.com/2", "Two", &story("b", 60), 2)]);
    assert_eq!(lab.articles().len(), 2);

    let lab = Lab::new();
    lab.poll_by("a.com/feed", IdentityRule::TitleAndDate, &[e("1", "https://a.com/1", "One", "first", 1)]);
    lab.poll_by("a.com/feed", IdentityRule::TitleAndDate, &[e("2", "https://a.com/2", "One", "second", 1)]);
    assert_eq!(lab.articles().len(), 1);

    let lab = Lab::new();
    lab.poll_by("a.com/feed", IdentityRule::Link, &[e("1", "https://a.com/1", "One", "first", 1)]);
    lab.poll_by("a.com/feed", IdentityRule::Link, &[e("2", "https://www.a.com/1/", "Two", "other", 2)]);
    assert_eq!(lab.articles().len(), 1);
}

#[test]
fn an_article_without_guid_link_and_date_is_known_by_its_text_at_every_poll() {
    let lab = Lab::new();
    for _ in 0..3 {
        lab.poll("a.com/feed", &[e("", "", "Note", "Neither guid nor link nor date", 0)]);
    }
    assert_eq!(lab.articles().len(), 1);
}

// The laws.

const GUIDS: [&str; 8] = ["", "", "1", "2", "3", "https://a.com/1", "tag:a.com,2026:1", "https://b.org/?p=2"];
const LINKS: [&str; 8] = [
    "",
    "https://a.com/1",
    "http://www.a.com/1/?utm_source=x",
    "https://a.com/2",
    "https://b.org/1",
    "https://b.org/2",
    "https://a.com/",
    "https://c.net/x",
];
const TITLES: [&str; 4] = ["Alpha", "Beta", "Gamma", ""];
pub(super) const FEEDS: [&str; 3] = ["a.com/feed", "b.org/feed", "c.net/feed"];

pub(super) fn entries() -> impl Strategy<Value = E> {
    let text = (0..4_usize, prop_oneof![Just(3_usize), Just(30), Just(60), Just(61)]);
    (0..GUIDS.len(), 0..LINKS.len(), 0..TITLES.len(), text, 0..4_i64).prop_map(|(guid, link, title, (seed, words), day)| {
        e(GUIDS[guid], LINKS[link], TITLES[title], &story(&format!("s{seed}w"), words), day)
    })
}

pub(super) fn documents() -> impl Strategy<Value = Vec<E>> {
    proptest::collection::vec(entries(), 1..5)
}

/// Documents of one feed follow one another as real ones do: most entries stay, some change, some come and go.
pub(super) fn histories() -> impl Strategy<Value = Vec<Vec<E>>> {
    let step = proptest::collection::vec((entries(), 0..6_usize), 1..4);
    (documents(), proptest::collection::vec(step, 0..4)).prop_map(|(first, steps)| {
        let mut history = vec![first];
        for step in steps {
            let mut next = history[history.len() - 1].clone();
            for (entry, what) in step {
                let at = what.min(next.len().saturating_sub(1));
                match what {
                    0 if !next.is_empty() => next[at].text = entry.text,
                    1 if !next.is_empty() => next[at].link = entry.link,
                    2 if !next.is_empty() => next[at].guid = entry.guid,
                    3 if next.len() > 1 => {
                        next.pop();
                    }
                    _ => next.insert(0, entry),
                }
            }
            history.push(next);
        }
        history
    })
}

pub(super) fn cases(default: u32) -> ProptestConfig {
    ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default),
        ..ProptestConfig::default()
    }
}

/// Which article each entry of a document is.
fn targets(decision: &Decision, count: usize) -> Vec<String> {
    let mut targets = vec![String::new(); count];
    for matched in &decision.matches {
        for at in &matched.entries {
            targets[*at] = match &matched.target {
                Target::Known(article) => format!("known {}", article.0),
                Target::New { id, .. } => format!("new {id}"),
            };
        }
    }
    targets
}

/// A version of one of two stories, or an issue of one of two series: what may be a near copy of what.
fn version() -> impl Strategy<Value = String> {
    let reworded = (0..2_usize, 0..8_usize, 0..4_usize, any::<bool>()).prop_map(|(seed, phase, every, is_cut)| {
        let words = story(&format!("s{seed}w"), if is_cut { 90 } else { 180 });
        let every = [3, 4, 6, 200][every];
        let edit = |(at, word): (usize, &str)| if at % every == phase % every { format!("e{phase}x{at}") } else { word.to_owned() };
        words.split(' ').enumerate().map(edit).collect::<Vec<_>>().join(" ")
    });
    let issue = (0..2_usize, 0..9_usize)
        .prop_map(|(series, issue)| format!("{} {}", story(&format!("frame{series}w"), 60), story(&format!("issue{issue}w"), 30)));
    prop_oneof![reworded, issue]
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn near_copies_make_the_same_clusters_in_whatever_order_they_come(
        versions in proptest::collection::vec((version(), proptest::option::of(version()), 0..4_i64), 12),
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        late in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        split in 0..12_usize,
    ) {
        let entry = |at: usize, text: &str| {
            let link = format!("https://p{at}.com/story");
            e(&format!("g{at}"), &link, "Story", text, versions[at].2)
        };
        let first = |lab: &Lab, at: usize| lab.poll(&format!("p{at}.com/feed"), &[entry(at, &versions[at].0)]);
        let edit = |lab: &Lab, at: usize| {
            if let Some(text) = &versions[at].1 {
                lab.poll(&format!("p{at}.com/feed"), &[entry(at, text)]);
            }
        };
        let one = Lab::new();
        for at in 0..12 {
            first(&one, at);
            edit(&one, at);
        }
        let other = Lab::new();
        for (turn, at) in order.iter().enumerate() {
            first(&other, *at);
            // Some edits come at once, the others after all stories.
            if turn < split {
                edit(&other, *at);
            }
        }
        for at in late.iter().filter(|at| !order[..split].contains(at)) {
            edit(&other, *at);
        }
        let clusters = |lab: &Lab| -> Vec<(String, Option<String>, Option<i64>)> {
            let sql = "SELECT id, (SELECT id FROM article WHERE article = a.duplicate_of), likeness FROM article a ORDER BY id";
            let mut statement = lab.connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
            rows.collect::<rusqlite::Result<_>>().unwrap()
        };
        prop_assert_eq!(clusters(&one), clusters(&other));
        // What a restart reads is what was kept in step.
        other.neighbours.borrow_mut().drop_picture();
        other.poll("p0.com/feed", &[entry(0, "too short for a copy")]);
        one.poll("p0.com/feed", &[entry(0, "too short for a copy")]);
        prop_assert_eq!(clusters(&one), clusters(&other));
        prop_assert_eq!(super::integrity::check(&one.connection).unwrap().damages, Vec::new());
        // So is what is found anew.
        let (mut own, mut last, mut one) = (Neighbours::default(), Some(0), one);
        let before = clusters(&one);
        recompare::begin(&mut one.connection).unwrap();
        while let Some(after) = last {
            let compared = recompare::compare_batch(&mut one.connection, &mut own, CopySettings::default(), after).unwrap();
            last = compared.map(|compared| compared.last);
        }
        while recompare::mark_batch(&mut one.connection, 0).unwrap() {}
        prop_assert_eq!(clusters(&one), before);
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn law_1_the_order_of_different_feeds_polls_changes_nothing(
        histories in proptest::collection::vec(histories(), 3),
        turns in proptest::collection::vec(0..3_usize, 15),
    ) {
        let one = Lab::new();
        for (feed, history) in FEEDS.iter().zip(&histories) {
            for document in history {
                one.poll(feed, document);
            }
        }
        let other = Lab::new();
        let mut next = [0; 3];
        for turn in turns.into_iter().chain((0..3).flat_map(|feed| std::iter::repeat_n(feed, 5))) {
            if let Some(document) = histories[turn].get(next[turn]) {
                other.poll(FEEDS[turn], document);
                next[turn] += 1;
            }
        }
        prop_assert_eq!(one.articles(), other.articles());
    }

    #[test]
    fn law_2_the_same_document_again_in_any_order_changes_nothing(
        history in histories(),
        shuffled in any::<prop::sample::Index>(),
    ) {
        let lab = Lab::new();
        for document in &history {
            lab.poll(FEEDS[0], document);
            let (everything, change) = (lab.everything(), lab.change());
            let report = lab.poll(FEEDS[0], document);
            prop_assert_eq!(report, PollReport::default());
            prop_assert_eq!(&lab.everything(), &everything);
            let mut turned = document.clone();
            turned.rotate_left(shuffled.index(document.len()));
            turned.reverse();
            lab.poll(FEEDS[0], &turned);
            prop_assert_eq!(lab.everything(), everything);
            prop_assert_eq!(lab.change(), change);
        }
    }

    #[test]
    fn law_3_an_id_never_changes_and_none_is_lost(history in histories()) {
        let lab = Lab::new();
        let mut ids: BTreeMap<i64, String> = BTreeMap::new();
        for document in &history {
            lab.poll(FEEDS[0], document);
            let mut statement = lab.connection.prepare("SELECT article, id FROM article").unwrap();
            let now: BTreeMap<i64, String> =
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<rusqlite::Result<_>>().unwrap();
            prop_assert!(ids.iter().all(|(article, id)| now.get(article) == Some(id)));
            prop_assert_eq!(now.values().collect::<BTreeSet<_>>().len(), now.len());
            ids = now;
        }
    }

    #[test]
    fn law_4_different_titles_are_different_articles_and_the_unrelated_is_new(history in histories()) {
        let lab = Lab::new();
        for (number, document) in history.iter().enumerate() {
            let mut with_stranger = document.clone();
            let stranger = e(&format!("stranger-{number}"), document[0].link.as_deref().unwrap_or(""), "Nothing like it", &story(&format!("x{number}w"), 60), 900 + number as i64);
            with_stranger.push(stranger);
            let decision = lab.decide(FEEDS[0], &with_stranger);
            let targets = targets(&decision, with_stranger.len());
            prop_assert!(targets[document.len()].starts_with("new"), "{}", targets[document.len()]);
            for (a, one) in with_stranger.iter().enumerate() {
                for (b, other) in with_stranger.iter().enumerate() {
                    prop_assert!(one.title == other.title || targets[a] != targets[b]);
                }
            }
            lab.poll(FEEDS[0], document);
        }
    }

    #[test]
    fn law_5_a_revision_appears_only_where_the_speaker_changed_its_words(
        histories in proptest::collection::vec(histories(), 2),
        turns in proptest::collection::vec(0..2_usize, 10),
    ) {
        let lab = Lab::new();
        let mut next = [0; 2];
        // Of each article the states before its revisions, and when the last one was made.
        let mut kept: BTreeMap<String, (Vec<Shown>, i64)> = BTreeMap::new();
        for turn in turns {
            let Some(document) = histories[turn].get(next[turn]) else { continue };
            next[turn] += 1;
            let before: BTreeMap<String, Shown> = lab.articles().into_iter().map(|article| (article.id.clone(), article)).collect();
            let revisions = lab.revisions();
            lab.poll(FEEDS[turn], document);
            let now = lab.revisions();
            for article in lab.articles() {
                let grown = now[&article.id] - revisions.get(&article.id).copied().unwrap_or(1);
                let (earlier, revised_at) = kept.entry(article.id.clone()).or_insert((Vec::new(), lab.clock.get()));
                let Some(old) = before.get(&article.id) else {
                    prop_assert_eq!(grown, 0);
                    continue;
                };
                let reworded = (&old.title, &old.text) != (&article.title, &article.text);
                let by_rule = reworded && old.speaker == article.speaker && article.speaker == FEEDS[turn];
                let states: Vec<State<'_>> = earlier.iter().map(Shown::state).collect();
                let age = TimeDelta::seconds(lab.clock.get() - *revised_at);
                let is_revision = by_rule && revision::is_revision(&states, old.state(), article.state(), age);
                prop_assert_eq!(grown, i64::from(is_revision));
                if is_revision {
                    earlier.push(old.clone());
                    *revised_at = lab.clock.get();
                }
            }
        }
    }

    #[test]
    fn law_6_editing_an_entry_changes_no_article_that_shares_nothing_with_it(
        history in histories(), which in any::<prop::sample::Index>(), edit in entries(),
    ) {
        let lab = Lab::new();
        for document in &history {
            lab.poll(FEEDS[0], document);
        }
        let last = &history[history.len() - 1];
        let at = which.index(last.len());
        let mut edited = last.clone();
        edited[at] = edit;
        let before = lab.articles();
        lab.poll(FEEDS[0], &edited);
        let key = |entry: &E| EntryKeys::of(&entry.entry());
        let touched = [key(&last[at]), key(&edited[at])];
        let shares = |entry: &E| {
            let keys = key(entry);
            touched.iter().any(|other| {
                (keys.guid_key.is_some() && keys.guid_key == other.guid_key)
                    || keys.links.iter().any(|link| other.links.contains(link))
                    || keys.text_key == other.text_key
            })
        };
        // An article is touched if, in either document, one of its entries shares a key with the edited one.
        let is_touched = |article: &Shown, document: &[E]| {
            document.iter().any(|entry| {
                let sighting = (FEEDS[0].to_owned(), entry.guid.clone(), normalise::permalink(&entry.entry()));
                article.sightings.contains(&sighting) && shares(entry)
            })
        };
        let after: BTreeMap<String, Shown> = lab.articles().into_iter().map(|article| (article.id.clone(), article)).collect();
        // An entry that comes back to an article by a key that only earlier documents gave it (all guids go first) may
        // send away those which stood there by a weaker one; what these find then is not the edit's doing alone.
        let edit = (FEEDS[0].to_owned(), edited[at].guid.clone(), normalise::permalink(&edited[at].entry()));
        let comes_back = before.iter().any(|article| {
            let stands = |document: &[E]| {
                document.iter().any(|entry| {
                    article.sightings.contains(&(FEEDS[0].to_owned(), entry.guid.clone(), normalise::permalink(&entry.entry())))
                })
            };
            let has_edit = after.get(&article.id).is_some_and(|now| now.sightings.contains(&edit));
            has_edit && stands(last) && !is_touched(article, last)
        });
        prop_assume!(!comes_back);
        for article in before {
            let now = after.get(&article.id);
            if is_touched(&article, last) || now.is_some_and(|now| is_touched(now, &edited)) {
                continue;
            }
            let words = |article: &Shown| (article.title.clone(), article.text.clone(), article.sightings.clone());
            prop_assert_eq!(now.map(words), Some(words(&article)));
        }
    }
}
