//! Pages of a feed's past beside its polls: what they may do to what is known, and what they may not.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::history::{self, HistoryPage, PageReport, Progress};
use super::identity_tests::{E, FEEDS, Lab, PACKER, Shown, cases, document_of, documents, e, histories, story};
use crate::config::IdentityRule;

const FEED: &str = "a.com/feed";

impl Lab {
    /// A page of the feed's past, brought by a job that goes on.
    fn page(&self, feed: &str, entries: &[E]) -> PageReport {
        self.page_since(feed, entries, None)
    }

    fn page_since(&self, feed: &str, entries: &[E], known_at: Option<DateTime<Utc>>) -> PageReport {
        let at = self.tick();
        let (feed, document) = document_of(feed, IdentityRule::Auto, entries);
        let progress = Progress::GoesOn { due_at: at, job: "{}".to_owned() };
        history::store(
            &self.connection,
            &PACKER,
            &mut self.neighbours.borrow_mut(),
            &HistoryPage { feed, at, document: Some(document), leads_back: true, known_at, progress },
        )
        .unwrap()
    }

    /// The sightings that stand in the feed now.
    fn present(&self) -> BTreeSet<i64> {
        let mut statement = self.connection.prepare("SELECT sighting FROM sighting WHERE left_at IS NULL").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }

    /// What a poll learned of its feed.
    fn record(&self) -> String {
        let columns =
            "url, site_url, etag, last_modified, document, documents, last_polled_at, last_seen_at, next_poll_at, http_status, rhythm";
        let mut statement = self.connection.prepare(&format!("SELECT {columns} FROM feed WHERE name = ?1")).unwrap();
        statement
            .query_row([FEED], |row| Ok((0..11).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect::<Vec<_>>().join("|")))
            .unwrap()
    }
}

fn dated(number: i64) -> E {
    e(&number.to_string(), &format!("https://a.com/{number}"), &format!("Story {number}"), &story(&format!("s{number}w"), 60), number)
}

fn edited(number: i64, edit: &str) -> E {
    E { text: story(&format!("{edit}{number}w"), 70), ..dated(number) }
}

#[test]
fn what_a_page_brings_has_left_the_feed_and_what_stands_there_stays() {
    let lab = Lab::new();
    lab.poll(FEED, &[dated(9), dated(8)]);
    let (present, record) = (lab.present(), lab.record());
    assert_eq!(lab.page(FEED, &[dated(8), dated(7), dated(6)]).new, 2);
    assert_eq!((lab.present(), lab.record()), (present, record));
    assert_eq!(lab.titles(), ["Story 6", "Story 7", "Story 8", "Story 9"]);
    // One of them is shown again.
    lab.poll(FEED, &[dated(9), dated(7)]);
    assert_eq!((lab.present().len(), lab.articles().len()), (2, 4));
}

#[test]
fn an_older_version_of_an_entry_changes_nothing_and_makes_no_revision() {
    let lab = Lab::new();
    lab.poll(FEED, &[edited(2, "new"), dated(1)]);
    let before = lab.articles();
    assert_eq!(lab.page(FEED, &[dated(2), dated(1)]).new, 0);
    assert_eq!(lab.articles(), before);
    lab.poll(FEED, &[edited(2, "new"), dated(1)]);
    assert!(lab.revisions().values().all(|revision| *revision == 1));
}

#[test]
fn a_news_sitemap_beside_a_feed_with_guids_finds_the_same_articles() {
    let bare = |number: i64| E { guid: None, text: String::new(), ..dated(number) };
    let lab = Lab::new();
    lab.poll(FEED, &[dated(3), dated(2)]);
    let before = lab.articles();
    assert_eq!(lab.page(FEED, &[bare(3), bare(2), bare(1)]).new, 1);
    for article in before {
        let now = lab.articles().into_iter().find(|now| now.id == article.id).unwrap();
        assert_eq!((now.title, now.text), (article.title, article.text));
    }
    // When the feed itself shows it, it is the same article, and the fuller one.
    lab.poll(FEED, &[dated(3), dated(2), dated(1)]);
    assert_eq!(lab.articles().len(), 3);
    assert!(lab.articles().iter().all(|article| !article.text.is_empty()));
}

#[test]
fn a_page_of_a_feed_that_was_never_polled_is_kept_and_the_first_poll_is_still_to_come() {
    let lab = Lab::new();
    assert_eq!(lab.page(FEED, &[dated(2), dated(1)]).new, 2);
    let ids: Vec<String> = lab.articles().into_iter().map(|article| article.id).collect();
    assert_eq!(lab.poll(FEED, &[dated(3), dated(2)]).new, 1);
    let after = Lab::new();
    after.poll(FEED, &[dated(3), dated(2)]);
    after.page(FEED, &[dated(2), dated(1)]);
    assert!(ids.iter().all(|id| after.articles().iter().any(|article| article.id == *id)));
    assert_eq!(after.articles(), lab.articles());
}

#[test]
fn a_page_says_whether_it_leads_back_to_what_was_known_and_has_left() {
    let lab = Lab::new();
    let pinned = dated(1);
    lab.poll(FEED, &[dated(4), dated(3), pinned.clone()]);
    let gap_begins = DateTime::from_timestamp(1_800_000_001, 0);
    lab.poll(FEED, &[dated(9), dated(8), pinned.clone()]);
    assert!(!lab.page_since(FEED, &[dated(9), dated(8), pinned.clone()], gap_begins).reached_known, "a pinned entry proves nothing");
    assert!(!lab.page_since(FEED, &[dated(7), dated(6)], gap_begins).reached_known);
    assert!(!lab.page_since(FEED, &[dated(7), dated(6)], gap_begins).reached_known, "it was found after the gap");
    assert!(lab.page_since(FEED, &[dated(5), dated(4)], gap_begins).reached_known);
    assert_eq!(lab.articles().len(), 8);
}

#[test]
fn a_page_and_its_jobs_place_are_stored_together_and_go_with_its_end() {
    let lab = Lab::new();
    lab.page(FEED, &[dated(1)]);
    let jobs = |lab: &Lab| lab.connection.query_row("SELECT count(*) FROM backfill", [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(jobs(&lab), 1);
    let (feed, _) = document_of(FEED, IdentityRule::Auto, &[]);
    let end = HistoryPage { feed, at: lab.tick(), document: None, leads_back: true, known_at: None, progress: Progress::Ended };
    history::store(&lab.connection, &PACKER, &mut lab.neighbours.borrow_mut(), &end).unwrap();
    assert_eq!(jobs(&lab), 0);
}

/// Stories of a decent feed: each has a link, or a guid, or both, or a text of its own, and may be edited once.
fn stories() -> impl Strategy<Value = Vec<(E, E)>> {
    proptest::collection::vec((0..4_u8, any::<bool>()), 4..14).prop_map(|kinds| {
        let story_of = |(number, (kind, is_edited)): (usize, &(u8, bool))| {
            let strip = |entry: E| match kind {
                0 => E { guid: None, ..entry },
                1 => E { link: None, ..entry },
                2 => E { guid: None, link: None, ..entry },
                _ => entry,
            };
            let number = 1 + number as i64;
            // What has its text alone is another entry once that is edited.
            let last = if *is_edited && *kind != 2 { edited(number, "e") } else { dated(number) };
            (strip(dated(number)), strip(last))
        };
        kinds.iter().enumerate().map(story_of).collect()
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_page_changes_no_article_and_comes_twice_without_a_trace(history in histories(), page in documents(), own in any::<prop::sample::Index>()) {
        let lab = Lab::new();
        for document in &history {
            lab.poll(FEED, document);
        }
        let own = history[own.index(history.len())].clone();
        for page in [page, own] {
            let (present, record) = (lab.present(), lab.record());
            let before = lab.articles();
            let revisions = lab.revisions();
            lab.page(FEED, &page);
            prop_assert_eq!((lab.present(), lab.record()), (present, record));
            let after: BTreeMap<String, Shown> = lab.articles().into_iter().map(|article| (article.id.clone(), article)).collect();
            for old in before {
                let new = &after[&old.id];
                prop_assert_eq!((&new.title, &new.text, &new.speaker), (&old.title, &old.text, &old.speaker));
                prop_assert!(new.sightings.is_superset(&old.sightings));
                prop_assert_eq!(lab.revisions()[&old.id], revisions[&old.id]);
            }
            let (everything, change) = (lab.everything(), lab.change());
            prop_assert_eq!(lab.page(FEED, &page).new, 0);
            prop_assert_eq!(lab.everything(), everything);
            prop_assert_eq!(lab.change(), change);
        }
    }

    #[test]
    fn pages_before_between_and_after_polls_give_the_same_articles(
        stories in stories(), window in 2..5_usize, size in 2..6_usize, turns in proptest::collection::vec(any::<bool>(), 30),
    ) {
        // Polls show a window that moves on; pages hold the first versions, from the newest back.
        let polls: Vec<Vec<E>> = (0..stories.len())
            .map(|end| {
                let begin = (end + 1).saturating_sub(window);
                // An entry is edited while it stands in the feed, and its last version is what the feed shows last.
                (begin..=end).rev().map(|at| if at == end { stories[at].0.clone() } else { stories[at].1.clone() }).collect()
            })
            .collect();
        let newest_first: Vec<E> = stories.iter().rev().map(|(first, _)| first.clone()).collect();
        let pages: Vec<&[E]> = newest_first.chunks(size).collect();
        let run = |turns: &[bool]| {
            let lab = Lab::new();
            let (mut polled, mut paged) = (0, 0);
            for turn in turns.iter().copied().chain(std::iter::repeat_n(true, 40)).chain(std::iter::repeat_n(false, 40)) {
                if turn && polled < polls.len() {
                    lab.poll(FEED, &polls[polled]);
                    polled += 1;
                } else if !turn && paged < pages.len() {
                    lab.page(FEED, pages[paged]);
                    paged += 1;
                }
            }
            lab.articles()
        };
        let (after, before, between) = (run(&[true; 40]), run(&[false; 40]), run(&turns));
        let of = |articles: &[Shown]| articles.iter().map(|article| (article.id.clone(), article.title.clone(), article.sightings.clone())).collect::<Vec<_>>();
        prop_assert_eq!(after.len(), stories.len());
        prop_assert_eq!(of(&before), of(&after));
        prop_assert_eq!(of(&between), of(&after));
    }

    #[test]
    fn other_feeds_do_not_notice_a_page(histories in proptest::collection::vec(histories(), 2), page in documents()) {
        let (with, without) = (Lab::new(), Lab::new());
        for lab in [&with, &without] {
            histories[1].iter().for_each(|document| { lab.poll(FEEDS[1], document); });
        }
        with.page(FEEDS[0], &page);
        let own = |lab: &Lab| {
            let own = |sighting: &(String, Option<String>, Option<String>)| sighting.0 == FEEDS[1];
            let of = |article: Shown| article.sightings.into_iter().filter(own).map(move |sighting| (article.id.clone(), sighting));
            lab.articles().into_iter().flat_map(of).collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(own(&with), own(&without));
        let keys = |lab: &Lab| lab.connection.query_row("SELECT count(*) FROM entry_key JOIN feed USING (feed) WHERE name = ?1", [FEEDS[1]], |row| row.get::<_, i64>(0)).unwrap();
        prop_assert_eq!(keys(&with), keys(&without));
    }
}
