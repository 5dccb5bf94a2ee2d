//! Filters: which entries an operator does not want in the archive.
//!
//! A filter drops what matches, or keeps only what matches. An entry must pass all of them, those for all feeds and
//! those of its own, and be in a language that the archive keeps; it is judged by its draft, so by what people would
//! read. It is judged once: what was dropped is [remembered](dropped) for as long as the filters stay as they are.

pub mod dropped;

use std::fmt;

use sha2::{Digest, Sha256};

use crate::article::Draft;
use crate::config::{Feed, Filter, FilterAction, FilterField};
use crate::identity::first_bits;

pub use self::dropped::{DroppedEntries, DroppedEntry};

/// All that an operator says of the entries that he wants of a feed.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'c> {
    languages: &'c [String],
    for_all: &'c [Filter],
    of_feed: &'c [Filter],
    /// What an entry without a language of its own has.
    feed_language: Option<&'c str>,
}

/// One of the conditions that an entry must meet.
#[derive(Debug, Clone, Copy)]
pub enum Condition<'c> {
    /// Its language is one of these, or not known.
    Languages(&'c [String]),
    /// It passes this filter for all feeds, the first of which is number 1.
    ForAll(usize, &'c Filter),
    /// It passes this filter of its feed.
    OfFeed(usize, &'c Filter),
}

/// What came of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Is it met?
    pub is_met: bool,
    /// What was found in the entry, if anything was.
    pub found: Option<String>,
}

impl<'c> Wanted<'c> {
    /// The conditions for the entries of a feed; `None` for a feed that stands in no list.
    pub fn new(languages: &'c [String], for_all: &'c [Filter], feed: Option<&'c Feed>) -> Self {
        Self {
            languages,
            for_all,
            of_feed: feed.map(|feed| feed.filters.as_slice()).unwrap_or_default(),
            feed_language: feed.and_then(|feed| feed.language.as_deref()),
        }
    }

    /// Whatever there is?
    pub fn is_everything(&self) -> bool {
        self.conditions().next().is_none()
    }

    /// Each condition, in the order in which they are tried.
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'c>> + use<'c> {
        let languages = (!self.languages.is_empty()).then_some(Condition::Languages(self.languages));
        let for_all = self.for_all.iter().enumerate().map(|(at, filter)| Condition::ForAll(at + 1, filter));
        let of_feed = self.of_feed.iter().enumerate().map(|(at, filter)| Condition::OfFeed(at + 1, filter));
        languages.into_iter().chain(for_all).chain(of_feed)
    }

    /// Does the entry meet all of them?
    pub fn takes(&self, draft: &Draft) -> bool {
        self.conditions().all(|condition| condition.test(draft).is_met)
    }

    /// A hash of all that decides, to notice that the operator has changed it; `None` where everything is wanted.
    pub fn fingerprint(&self) -> Option<i64> {
        if self.is_everything() {
            return None;
        }
        let mut hash = Sha256::new();
        for condition in self.conditions() {
            let words = match condition {
                Condition::Languages(languages) => format!("{languages:?} {:?}", self.feed_language),
                Condition::ForAll(_, filter) | Condition::OfFeed(_, filter) => filter.to_string(),
            };
            hash.update(words);
            hash.update([0]);
        }
        Some(first_bits(&hash.finalize()))
    }
}

impl Condition<'_> {
    /// Does an entry meet it?
    pub fn test(&self, draft: &Draft) -> Finding {
        match self {
            Self::Languages(languages) => {
                let is_spoken = |language: &String| {
                    languages.iter().any(|wanted| {
                        let (head, rest) = (language.get(..wanted.len()), language.get(wanted.len()..));
                        head.is_some_and(|head| head.eq_ignore_ascii_case(wanted))
                            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                    })
                };
                Finding { is_met: draft.language.as_ref().is_none_or(is_spoken), found: draft.language.clone() }
            }
            Self::ForAll(_, filter) | Self::OfFeed(_, filter) => {
                let found = find(filter, draft);
                let is_met = match filter.action {
                    FilterAction::Drop => found.is_none(),
                    FilterAction::Keep => found.is_some(),
                };
                Finding { is_met, found }
            }
        }
    }
}

/// What the filter's pattern matches first.
fn find(filter: &Filter, draft: &Draft) -> Option<String> {
    let find = |text: &str| filter.pattern.find(text).map(|found| found.as_str().to_owned());
    match filter.field {
        FilterField::Title => find(&draft.title),
        FilterField::Text => find(&draft.text),
        FilterField::Author => draft.authors.iter().find_map(|author| find(author)),
        FilterField::Category => draft.categories.iter().find_map(|category| find(category)),
        FilterField::Url => draft.url.as_deref().and_then(find),
        FilterField::Language => draft.language.as_deref().and_then(find),
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Languages(languages) => write!(out, "languages = {languages:?}"),
            Self::ForAll(number, filter) => write!(out, "filter {number} for all feeds: {filter}"),
            Self::OfFeed(number, filter) => write!(out, "filter {number} of the feed: {filter}"),
        }
    }
}

impl fmt::Display for Filter {
    /// As the operator wrote it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            FilterAction::Drop => "drop",
            FilterAction::Keep => "keep",
        };
        let field = match self.field {
            FilterField::Title => "title",
            FilterField::Text => "text",
            FilterField::Author => "author",
            FilterField::Category => "category",
            FilterField::Url => "url",
            FilterField::Language => "language",
        };
        match &self.words {
            Some(words) => write!(out, "{action} where {field} contains {words:?}"),
            None => write!(out, "{action} where {field} matches {}", self.pattern.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FilterAction::{Drop, Keep};
    use crate::config::FilterField::{Author, Category, Language, Text, Title, Url};

    fn filter(action: FilterAction, field: FilterField, pattern: &str) -> Filter {
        Filter { action, field, pattern: regex::Regex::new(pattern).unwrap(), words: None }
    }

    fn draft() -> Draft {
        Draft {
            title: "Bridge opens".into(),
            text: "A sponsored report".into(),
            authors: vec!["City Desk".into(), "Wire Desk".into()],
            categories: vec!["traffic".into()],
            url: Some("https://example.org/news/1".into()),
            language: Some("en-GB".into()),
            ..Draft::default()
        }
    }

    #[test]
    fn an_entry_passes_what_drops_others_and_keeps_it() {
        for (filters, passed) in [
            (vec![], true),
            (vec![(Drop, Title, "(?i)bridge")], false),
            (vec![(Drop, Title, "harbour")], true),
            (vec![(Keep, Category, "^traffic$")], true),
            (vec![(Keep, Category, "sport")], false),
            (vec![(Keep, Language, "^en"), (Drop, Text, "sponsored")], false),
            (vec![(Keep, Author, "Wire"), (Keep, Url, "/news/")], true),
        ] {
            let filters: Vec<Filter> = filters.into_iter().map(|(action, field, pattern)| filter(action, field, pattern)).collect();
            assert_eq!(Wanted::new(&[], &filters, None).takes(&draft()), passed, "{filters:?}");
        }
        assert!(!Wanted::new(&[], &[filter(Keep, Url, ".")], None).takes(&Draft::default()), "what is not there cannot match");
    }

    #[test]
    fn an_entry_is_kept_in_the_languages_that_are_wanted_and_where_its_language_is_unknown() {
        for (languages, language, passed) in [
            (&["en"][..], Some("en-GB"), true),
            (&["de", "EN-gb"], Some("en-GB"), true),
            (&["en-US"], Some("en-GB"), false),
            (&["e"], Some("en"), false),
            (&["de"], None, true),
            (&[], Some("en"), true),
        ] {
            let languages: Vec<String> = languages.iter().map(|language| (*language).to_owned()).collect();
            let draft = Draft { language: language.map(str::to_owned), ..Draft::default() };
            assert_eq!(Wanted::new(&languages, &[], None).takes(&draft), passed, "{languages:?} {language:?}");
        }
    }

    #[test]
    fn a_finding_names_what_was_found() {
        let filter = filter(Drop, Author, "W.re");
        let finding = Condition::OfFeed(2, &filter).test(&draft());
        assert_eq!(finding, Finding { is_met: false, found: Some("Wire".into()) });
        assert_eq!(Condition::OfFeed(2, &filter).to_string(), "filter 2 of the feed: drop where author matches W.re");
    }

    #[test]
    fn a_fingerprint_changes_with_everything_that_decides_and_is_none_where_everything_is_wanted() {
        assert_eq!(Wanted::new(&[], &[], None).fingerprint(), None);
        let plain = Filter { words: Some("wire".into()), ..filter(Drop, Title, "wire") };
        let filters = [vec![filter(Drop, Title, "wire")], vec![filter(Keep, Title, "wire")], vec![filter(Drop, Text, "wire")], vec![plain]];
        let english = ["en".to_owned()];
        let mut all: Vec<_> = filters.iter().map(|filters| Wanted::new(&[], filters, None).fingerprint()).collect();
        all.push(Wanted::new(&english, &filters[0], None).fingerprint());
        assert!(all.iter().all(Option::is_some));
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
