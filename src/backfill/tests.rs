//! Walks along what publishers have, and what they had better not have.

use std::collections::HashMap;

use chrono::DateTime;
use proptest::prelude::*;
use url::Url;

use super::{Ask, Bound, End, Heard, Job, Shown, Verdict};
use crate::parse::{Document, FeedHead, FeedLink, Sitemap};

const DAY: i64 = 86_400;

fn url(path: &str) -> Url {
    Url::parse("https://paper.example/").unwrap().join(path).unwrap()
}

fn shown(number: i64) -> Shown {
    Shown { key: number, link: Some(number), date: Some(number * DAY) }
}

fn numbers(range: std::ops::RangeInclusive<i64>) -> Vec<Shown> {
    range.rev().map(shown).collect()
}

/// What a site has: pages with their links and entries, indexes of sitemaps, and a robots.txt.
#[derive(Default)]
struct Site {
    pages: HashMap<Url, (Document, Vec<Shown>)>,
    sitemaps: Vec<Url>,
}

impl Site {
    fn page(mut self, path: &str, links: &[(&str, &str)], shown: Vec<Shown>) -> Self {
        let link = |(rel, to): &(&str, &str)| FeedLink { rel: (*rel).to_owned(), url: url(to).to_string() };
        let feed = FeedHead { links: links.iter().map(link).collect(), ..FeedHead::default() };
        self.pages.insert(url(path), (Document { feed, ..Document::default() }, shown));
        self
    }

    fn index(mut self, path: &str, sitemaps: &[(&str, i64)]) -> Self {
        let sitemap = |(path, day): &(&str, i64)| Sitemap {
            url: url(path).to_string(),
            updated: DateTime::from_timestamp(day * DAY, 0).filter(|_| *day > 0),
        };
        let document = Document { sitemaps: sitemaps.iter().map(sitemap).collect(), ..Document::default() };
        self.pages.insert(url(path), (document, Vec::new()));
        self
    }

    fn robots(mut self, sitemaps: &[&str]) -> Self {
        self.sitemaps = sitemaps.iter().map(|path| url(path)).collect();
        self
    }

    /// Walks along the past of the feed at this address: how that ended, the keys that were kept, the paths asked for.
    /// After each step the job is put away and taken up again.
    fn walk(&self, feed: &str, bound: Bound) -> (End, Vec<i64>, Vec<String>) {
        let (mut job, mut kept, mut asked) = (Job::new(bound, true), Vec::new(), Vec::new());
        loop {
            let (address, is_robots) = match job.walk.next() {
                Err(end) => {
                    kept.sort_unstable();
                    kept.dedup();
                    return (end, kept, asked);
                }
                Ok(Ask::Feed) => (url(feed), false),
                Ok(Ask::Page(url) | Ask::Numbered(url)) => (url, false),
                Ok(Ask::Robots(site)) => (site, true),
            };
            assert!(asked.len() < 20_000, "it never ends");
            if is_robots {
                asked.push("robots".to_owned());
                job.walk.hear(Heard::Sitemaps(&self.sitemaps), &bound);
            } else {
                asked.push(address[url::Position::BeforePath..].to_owned());
                let heard = match self.pages.get(&address) {
                    Some((document, shown)) => Heard::Document { url: &address, document, shown },
                    None => Heard::Missing,
                };
                let verdict = job.walk.hear(heard, &bound);
                if let (Verdict::Keep, Heard::Document { shown, .. }) = (verdict, heard) {
                    kept.extend(shown.iter().map(|shown| shown.key));
                }
            }
            if asked.len() < 600 {
                job = Job::decode(&job.encode()).unwrap();
            }
        }
    }
}

fn since(day: i64) -> Bound {
    Bound { since: DateTime::from_timestamp(day * DAY, 0), known_at: None }
}

#[test]
fn archives_go_before_pages_and_pages_before_guesses() {
    let site = Site::default()
        .page("/f", &[("next", "/f?2"), ("prev-archive", "/a2")], numbers(9..=10))
        .page("/a2", &[("prev-archive", "/a1"), ("next", "/f?3")], numbers(5..=8))
        .page("/a1", &[], numbers(1..=4));
    assert_eq!(site.walk("/f", Bound::default()), (End::Complete, (1..=10).collect(), ["/f", "/a2", "/a1"].map(String::from).to_vec()));
}

#[test]
fn a_way_that_is_none_gives_way_to_the_next() {
    let site = Site::default().page("/blog/feed/", &[("prev-archive", "/gone"), ("next", "/f?2")], numbers(9..=10)).page(
        "/f?2",
        &[],
        numbers(5..=8),
    );
    assert_eq!(site.walk("/blog/feed/", Bound::default()).1, [5, 6, 7, 8, 9, 10]);
    // WordPress by the place of its feeds alone; then the sitemaps, of which there are none.
    let site = Site::default().page("/blog/feed/", &[], numbers(9..=10));
    let asked = ["/blog/feed/", "/blog/feed/?paged=2", "robots"].map(String::from).to_vec();
    assert_eq!(site.walk("/blog/feed/", Bound::default()), (End::NoHistory, vec![9, 10], asked));
}

#[test]
fn a_feed_whose_document_is_the_last_of_its_pages_is_followed_to_the_first() {
    let site = Site::default().page("/f", &[("previous", "/f?1"), ("first", "/f?1")], numbers(4..=6)).page(
        "/f?1",
        &[("next", "/f"), ("first", "/f?1")],
        numbers(1..=3),
    );
    assert_eq!(site.walk("/f", Bound::default()).1, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn numbered_pages_end_where_there_are_none_or_nothing_is_new() {
    let page = |site: Site, number: i64, range| site.page(&format!("/feed/?paged={number}"), &[], numbers(range));
    let site = page(page(Site::default().page("/feed/", &[], numbers(21..=30)), 2, 11..=20), 3, 1..=10);
    let (end, kept, asked) = site.walk("/feed/", Bound::default());
    assert_eq!((end, kept.len(), asked.last().map(String::as_str)), (End::Complete, 30, Some("/feed/?paged=4")));
    // Behind the last page some give an empty feed, others the last page again.
    for last in [Vec::new(), numbers(1..=10)] {
        let site =
            page(page(Site::default().page("/feed/", &[], numbers(21..=30)), 2, 11..=20), 3, 1..=10).page("/feed/?paged=4", &[], last);
        assert_eq!(site.walk("/feed/", Bound::default()).0, End::Complete);
    }
    // A new entry has moved all by one meanwhile.
    let site = page(page(Site::default().page("/feed/", &[], numbers(21..=30)), 2, 12..=21), 3, 2..=11);
    assert_eq!(site.walk("/feed/", Bound::default()).1, (2..=30).collect::<Vec<_>>());
    // A feed that takes no notice of the number, and has a new entry.
    let site = page(Site::default().page("/feed/", &[], numbers(21..=30)), 2, 22..=31);
    assert_eq!(site.walk("/feed/", Bound::default()).0, End::NoHistory);
}

#[test]
fn the_bound_ends_the_walk_at_the_first_page_that_lies_before_it() {
    let mut site = Site::default().page("/f", &[("next", "/f?2")], numbers(91..=100));
    for page in 2..=9 {
        let newest = 110 - page * 10;
        site = site.page(&format!("/f?{page}"), &[("next", &format!("/f?{}", page + 1))], numbers(newest - 9..=newest));
    }
    let (end, kept, asked) = site.walk("/f", since(75));
    assert_eq!((end, kept[0], asked.len()), (End::Bound, 61, 4));
    // Where nothing has a date there is no telling.
    let undated = |range: std::ops::RangeInclusive<i64>| range.map(|number| Shown { date: None, ..shown(number) }).collect();
    let site = Site::default().page("/f", &[("next", "/f?2")], undated(3..=4)).page("/f?2", &[], undated(1..=2));
    assert_eq!(site.walk("/f", since(75)).0, End::Complete);
}

#[test]
fn what_leads_in_a_circle_or_nowhere_ends() {
    let site = Site::default().page("/f", &[("next", "/2")], numbers(9..=9)).page("/2", &[("next", "/3")], numbers(8..=8)).page(
        "/3",
        &[("next", "/2")],
        numbers(7..=7),
    );
    assert_eq!(site.walk("/f", Bound::default()).0, End::Circle);
    let site = Site::default().page("/f", &[("next", "/2")], numbers(9..=9)).page("/2", &[("next", "/3")], numbers(8..=8));
    assert_eq!(site.walk("/f", Bound::default()).0, End::Broken);
    // Empty months in an archive are no end; years of them are.
    for (empty, end) in [(11, End::Complete), (12, End::Circle)] {
        let mut site = Site::default().page("/f", &[("prev-archive", "/0")], numbers(9..=9));
        for month in 0..empty {
            site = site.page(&format!("/{month}"), &[("prev-archive", &format!("/{}", month + 1))], Vec::new());
        }
        site = site.page(&format!("/{empty}"), &[], numbers(1..=8));
        assert_eq!(site.walk("/f", Bound::default()).0, end, "{empty}");
    }
    let mut site = Site::default().page("/f", &[("next", "/1")], numbers(0..=0));
    for page in 1..=10_001 {
        site = site.page(&format!("/{page}"), &[("next", &format!("/{}", page + 1))], numbers(page..=page));
    }
    assert_eq!(site.walk("/f", Bound::default()).0, End::TooLong);
    let gap = Bound { since: None, known_at: DateTime::from_timestamp(0, 0) };
    assert_eq!(site.walk("/f", gap).2.len(), 501);
}

#[test]
fn news_sitemaps_are_a_feeds_past_where_both_tell_the_same() {
    let site = |news: Vec<Shown>| {
        Site::default()
            .page("/f", &[], numbers(21..=25))
            .robots(&["/sitemap.xml", "/news/index.xml"])
            .index("/news/index.xml", &[("/news/old.xml", 10), ("/news/late.xml", 25)])
            .page("/news/late.xml", &[], news)
            .page("/news/old.xml", &[], numbers(1..=10))
    };
    let (end, kept, asked) = site(numbers(11..=26)).walk("/f", Bound::default());
    assert_eq!((end, kept.len()), (End::Complete, 26));
    assert_eq!(asked, ["/f", "robots", "/news/index.xml", "/news/late.xml", "/news/old.xml", "/sitemap.xml"]);
    // One that did not change since the bound is not asked for.
    let (_, kept, asked) = site(numbers(11..=26)).walk("/f", since(12));
    assert!(kept[0] == 11 && !asked.contains(&"/news/old.xml".to_owned()), "{kept:?} {asked:?}");
    // A site that has more than this feed's section.
    let sports = (0..10).map(|number| Shown { key: 100 + number, link: Some(100 + number), date: Some(23 * DAY + number) });
    let (end, kept, _) = site(numbers(11..=26).into_iter().chain(sports).collect()).walk("/f", Bound::default());
    assert_eq!((end, kept.len()), (End::NoHistory, 5));
}

#[test]
fn a_feed_that_is_an_index_has_its_past_in_it() {
    let site = Site::default()
        .index("/index.xml", &[("/1.xml", 5), ("/pages.xml", 0), ("/2.xml", 10)])
        .page("/2.xml", &[], numbers(6..=10))
        .page("/1.xml", &[], numbers(1..=5));
    assert_eq!(site.walk("/index.xml", Bound::default()).1, (1..=10).collect::<Vec<_>>());
    // Indexes within indexes, and in circles.
    let site =
        Site::default().index("/index.xml", &[("/index.xml", 5), ("/a.xml", 5)]).index("/a.xml", &[("/index.xml", 1), ("/a.xml", 1)]);
    assert_eq!(site.walk("/index.xml", Bound::default()), (End::NoHistory, vec![], vec!["/index.xml".into(), "/a.xml".into()]));
}

proptest! {
    /// Whatever pages name, the walk ends, and asks for no page twice; putting it away at every step changes nothing.
    #[test]
    fn a_walk_through_any_pages_ends(
        pages in proptest::collection::vec((0..12_usize, 0..4_usize, proptest::collection::vec(0..30_i64, 0..4)), 12),
    ) {
        let mut site = Site::default().robots(&["/1", "/2"]);
        for (at, (to, rel, numbers)) in pages.iter().enumerate() {
            let rel = ["next", "previous", "prev-archive", "alternate"][*rel];
            let path = if at == 0 { "/feed".to_owned() } else { format!("/{at}") };
            let to = if *to == 0 { "/feed".to_owned() } else { format!("/{to}") };
            site = site.page(&path, &[(rel, &to)], numbers.iter().copied().map(shown).collect());
        }
        let (_, _, mut asked) = site.walk("/feed", Bound::default());
        asked.sort_unstable();
        let all = asked.len();
        asked.dedup();
        prop_assert_eq!(asked.len(), all);
    }
}
