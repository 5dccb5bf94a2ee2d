//! What an article shows of its entry and its page.
//!
//! The feed is the publisher's own word on headline, date and byline; the page knows the story. So the page gives the body
//! where it has more of it, and fills what the feed leaves empty; all else stays the feed's. Nothing of either is lost: both
//! are kept, and merged again whenever the article is shown.

use crate::article::{Completeness, Draft, Origin};

/// The entry's draft with what its page adds; `page` is as extraction made it, its `url` the address where the story was found if that is
/// another than the entry's.
pub fn merged(feed: Draft, page: Draft) -> Draft {
    let mut shown = feed;
    if body_is_the_pages(&shown, &page) {
        shown.completeness = match page.completeness {
            Completeness::Paywalled => Completeness::Paywalled,
            _ => Completeness::Full,
        };
        shown.provenance.body = Some(Origin::Page);
        (shown.text, shown.html) = (page.text, page.html);
        (shown.word_count, shown.reading_time_minutes) = (page.word_count, page.reading_time_minutes);
    } else if page.word_count > 0 {
        shown.completeness = match (shown.completeness, page.completeness) {
            (Completeness::Full, _) => Completeness::Full,
            (_, Completeness::Paywalled) => Completeness::Paywalled,
            // The page was read and has no more.
            (Completeness::Unknown, _) if has_nearly(page.word_count, shown.word_count) => Completeness::Full,
            (feeds, _) => feeds,
        };
    }
    if shown.published.is_none() && page.published.is_some() {
        shown.published = page.published;
        shown.provenance.published = Some(Origin::Page);
    }
    if shown.authors.is_empty() && !page.authors.is_empty() {
        shown.authors = page.authors;
        shown.provenance.authors = Some(Origin::Page);
    }
    if shown.title.is_empty() {
        shown.title = page.title;
    }
    if shown.categories.is_empty() {
        shown.categories = page.categories;
    }
    shown.url = page.url.or(shown.url);
    shown.updated = shown.updated.or(page.updated);
    shown.summary = shown.summary.or(page.summary);
    shown.language = shown.language.or(page.language);
    shown.image = shown.image.or(page.image);
    shown.site = shown.site.or(page.site);
    shown.site_url = shown.site_url.or(page.site_url);
    shown.rights = shown.rights.or(page.rights);
    shown.license = shown.license.or(page.license);
    shown
}

/// Does the page have more of the story than the entry? Where the entry breaks off, as much is enough: the page's text has an end.
pub fn body_is_the_pages(feed: &Draft, page: &Draft) -> bool {
    if page.text.is_empty() {
        return false;
    }
    let is_whole = page.completeness != Completeness::Paywalled;
    page.word_count > feed.word_count
        || (is_whole && feed.completeness == Completeness::Excerpt && has_nearly(page.word_count, feed.word_count))
}

/// Does a page of so many words give more than a body of so many? What counts for whether the feed's pages are worth asking for.
pub fn gives_more(feed: &Draft, page: &Draft) -> bool {
    body_is_the_pages(feed, page) && page.word_count > feed.word_count.saturating_add(feed.word_count / 5).saturating_add(10)
}

/// At least nine tenths.
fn has_nearly(words: u32, of: u32) -> bool {
    u64::from(words) * 10 >= u64::from(of) * 9
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::article::Provenance;

    fn body(words: u32, completeness: Completeness, origin: Origin) -> Draft {
        let text = vec!["word"; words as usize].join(" ");
        Draft {
            html: format!("<p>{text}</p>"),
            text,
            word_count: words,
            completeness,
            provenance: Provenance { body: (words > 0).then_some(origin), ..Provenance::default() },
            ..Draft::default()
        }
    }

    #[test]
    fn the_body_is_the_pages_where_it_has_more_and_completeness_says_what_is_known() {
        use Completeness::{Excerpt, Full, Paywalled, Unknown};
        for (name, feed, page, want_body, want) in [
            ("excerpt and story", (30, Excerpt), (600, Full), Some(Origin::Page), Full),
            ("nothing and story", (0, Unknown), (600, Full), Some(Origin::Page), Full),
            ("full and longer page", (300, Full), (330, Full), Some(Origin::Page), Full),
            ("full and shorter page", (300, Full), (40, Full), Some(Origin::Feed), Full),
            ("unknown, and the page has no more", (100, Unknown), (95, Full), Some(Origin::Feed), Full),
            ("unknown, and the page has less", (100, Unknown), (20, Full), Some(Origin::Feed), Unknown),
            ("excerpt, and the page has as much", (100, Excerpt), (95, Full), Some(Origin::Page), Full),
            ("excerpt, and the page has less", (100, Excerpt), (20, Full), Some(Origin::Feed), Excerpt),
            ("excerpt and a longer teaser", (30, Excerpt), (80, Paywalled), Some(Origin::Page), Paywalled),
            ("excerpt and a shorter teaser", (30, Excerpt), (29, Paywalled), Some(Origin::Feed), Paywalled),
            ("full and a teaser", (600, Full), (80, Paywalled), Some(Origin::Feed), Full),
            ("no text on the page", (30, Excerpt), (0, Unknown), Some(Origin::Feed), Excerpt),
        ] {
            let (feed, page) = (body(feed.0, feed.1, Origin::Feed), body(page.0, page.1, Origin::Page));
            let words = if want_body == Some(Origin::Page) { page.word_count } else { feed.word_count };
            let shown = merged(feed, page);
            assert_eq!((shown.provenance.body, shown.completeness, shown.word_count), (want_body, want, words), "{name}");
        }
    }

    #[test]
    fn the_feed_says_headline_date_and_byline_and_the_page_what_is_missing() {
        let at = |day: &str| Some(format!("2026-03-{day}T00:00:00Z").parse().unwrap());
        let page = Draft {
            url: Some("https://e.org/real".to_owned()),
            title: "Page".to_owned(),
            authors: vec!["P".to_owned()],
            published: at("02"),
            updated: at("03"),
            language: Some("de".to_owned()),
            categories: vec!["Town".to_owned()],
            image: Some("https://e.org/p.jpg".to_owned()),
            rights: Some("© P".to_owned()),
            ..Draft::default()
        };
        let shown = merged(Draft::default(), page.clone());
        assert_eq!((shown.title.as_str(), shown.published, shown.updated), ("Page", at("02"), at("03")));
        assert_eq!(
            (shown.provenance.published, shown.provenance.authors, shown.provenance.body),
            (Some(Origin::Page), Some(Origin::Page), None)
        );
        assert_eq!((shown.language.as_deref(), shown.categories.as_slice()), (Some("de"), ["Town".to_owned()].as_slice()));
        let feed = Draft {
            url: Some("https://r.org/1".to_owned()),
            title: "Feed".to_owned(),
            authors: vec!["F".to_owned()],
            published: at("01"),
            image: Some("https://e.org/f.jpg".to_owned()),
            provenance: Provenance { published: Some(Origin::Feed), authors: Some(Origin::Feed), body: None },
            ..Draft::default()
        };
        let shown = merged(feed, page);
        assert_eq!((shown.title.as_str(), shown.published, shown.authors), ("Feed", at("01"), vec!["F".to_owned()]));
        assert_eq!((shown.provenance.published, shown.provenance.authors), (Some(Origin::Feed), Some(Origin::Feed)));
        assert_eq!((shown.url.as_deref(), shown.image.as_deref()), (Some("https://e.org/real"), Some("https://e.org/f.jpg")));
        assert_eq!(shown.rights.as_deref(), Some("© P"));
    }

    proptest! {
        #[test]
        fn merging_twice_changes_nothing_more(feed_words in 0..200_u32, page_words in 0..200_u32, kinds in (0..4_usize, 0..4_usize)) {
            let all = [Completeness::Full, Completeness::Excerpt, Completeness::Paywalled, Completeness::Unknown];
            let (feed, page) = (body(feed_words, all[kinds.0], Origin::Feed), body(page_words, all[kinds.1], Origin::Page));
            let once = merged(feed, page.clone());
            prop_assert_eq!(merged(once.clone(), page), once);
        }
    }
}
