//! What is remembered of dropped entries: by what they are known again, and nothing of what they said.
//!
//! An entry that was dropped stays dropped, edited or not, until the operator changes the filters. It is known again
//! by its guid, else its link, else its text, with the same cares as an article: a key that several entries of a document
//! have, or that identifies nothing in its feed, counts for nothing, and a guid or link that comes back with another
//! other key or date may be another entry's now. Where that is in doubt the entry is judged again, for nothing is lost
//! by judging twice.

use std::collections::{HashMap, HashSet};

use crate::config::IdentityRule;
use crate::decide::named_key;
use crate::identity::{EntryKeys, Key, KeyKind, is_global_guid};

/// A dropped entry of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DroppedEntry {
    /// The archive's own number for it; `None` for one that was never dropped before.
    pub known_as: Option<i64>,
    /// Hash of its guid, where that identifies it.
    pub guid: Option<i64>,
    /// Hash of its link, where that identifies it.
    pub link: Option<i64>,
    /// Hash of its text, or of what the feed's rule names instead.
    pub text: i64,
    /// Seconds since 1970.
    pub date: Option<i64>,
    /// Has it left the feed? Then it is forgotten after a while.
    pub has_left: bool,
}

/// The dropped entries of one feed, as the archive knows them, and what is known of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DroppedEntries {
    /// The entries.
    pub entries: Vec<DroppedEntry>,
    /// Guids and links that identify nothing in the feed.
    pub dead: HashSet<Key>,
}

/// The entries of a document, to be looked up among those that were dropped.
#[derive(Debug)]
pub struct Lookup<'a> {
    by_guid: HashMap<i64, &'a DroppedEntry>,
    by_link: HashMap<i64, &'a DroppedEntry>,
    by_text: HashMap<i64, &'a DroppedEntry>,
    dead: &'a HashSet<Key>,
    /// Keys that several entries of the document have.
    shared: HashSet<Key>,
    rule: IdentityRule,
}

impl DroppedEntries {
    /// For the entries of a document, known by the feed's rule.
    pub fn lookup(&self, document: &[EntryKeys], rule: IdentityRule) -> Lookup<'_> {
        let mut seen = HashSet::new();
        let mut shared = HashSet::new();
        for entry in document {
            for key in entry.guid_key.into_iter().chain(entry.links.iter().map(Key::link)) {
                if !seen.insert(key) {
                    shared.insert(key);
                }
            }
        }
        let by = |of: fn(&DroppedEntry) -> Option<i64>| {
            self.entries.iter().filter_map(|entry| Some((of(entry)?, entry))).collect::<HashMap<_, _>>()
        };
        Lookup {
            by_guid: by(|entry| entry.guid),
            by_link: by(|entry| entry.link),
            by_text: by(|entry| Some(entry.text)),
            dead: &self.dead,
            shared,
            rule,
        }
    }
}

impl Lookup<'_> {
    /// The entry as it would be remembered, with the number of the one that it is.
    pub fn entry(&self, keys: &EntryKeys) -> DroppedEntry {
        let identifies = |key: &Key| !self.dead.contains(key) && !self.shared.contains(key);
        let link_key = || keys.links.iter().filter(|url| !url.is_root()).map(Key::link).find(identifies);
        let (guid, link, text) = match named_key(self.rule, keys) {
            // What the operator's rule names counts alone.
            Some(key) if key.kind == KeyKind::Guid => (Some(key), None, keys.text_key),
            Some(key) if key.kind == KeyKind::Link => (None, Some(key), keys.text_key),
            Some(key) => (None, None, key),
            None => (keys.guid_key.filter(identifies), link_key(), keys.text_key),
        };
        let mut entry = DroppedEntry {
            known_as: None,
            guid: guid.map(|key| key.hash),
            link: link.map(|key| key.hash),
            text: text.hash,
            date: keys.date,
            has_left: false,
        };
        let is_named = self.rule != IdentityRule::Auto;
        let is_global = is_named || keys.guid.as_deref().is_some_and(is_global_guid);
        let by_guid =
            entry.guid.and_then(|guid| self.by_guid.get(&guid)).filter(|known| is_global || !is_used_again(&entry, known, |e| e.link));
        let by_link =
            || entry.link.and_then(|link| self.by_link.get(&link)).filter(|known| is_named || !is_used_again(&entry, known, |e| e.guid));
        entry.known_as = by_guid.or_else(by_link).or_else(|| self.by_text.get(&entry.text)).and_then(|known| known.known_as);
        entry
    }
}

/// May a key belong to another entry now: of the other key and the date, does one differ and is neither the same?
fn is_used_again(entry: &DroppedEntry, known: &DroppedEntry, other: impl Fn(&DroppedEntry) -> Option<i64>) -> bool {
    if entry.text == known.text {
        return false;
    }
    let same = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a == b);
    let evidence = [same(other(entry), other(known)), same(entry.date, known.date)];
    evidence.contains(&Some(false)) && !evidence.contains(&Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Entry, Markup, Stamp};

    /// An entry of guid, link, title and day; what is empty is missing.
    fn keys(guid: &str, link: &str, title: &str, day: i64) -> EntryKeys {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        EntryKeys::of(&Entry {
            guid: given(guid),
            link: given(link),
            title: Some(Markup::Text(title.to_owned())),
            published: (day > 0).then(|| Stamp { text: String::new(), at: chrono::DateTime::from_timestamp(day * 86_400, 0) }),
            ..Entry::default()
        })
    }

    #[test]
    fn a_dropped_entry_is_known_again_unless_its_key_may_have_been_used_again() {
        let page = "https://a.com/1";
        let global = "https://a.com/?p=1";
        for (before, after, is_known) in [
            (keys("1", page, "Buy", 1), keys("1", page, "Buy", 1), true),
            (keys("1", page, "Buy", 1), keys("1", page, "Harbour", 1), true),
            (keys("1", page, "Buy", 1), keys("1", page, "Harbour", 2), true),
            (keys("1", page, "Buy", 1), keys("1", "https://a.com/2", "Harbour", 2), false),
            (keys("1", "", "Buy", 1), keys("1", "", "Harbour", 2), false),
            (keys("1", "", "Buy", 0), keys("1", "", "Harbour", 0), true),
            (keys(global, "", "Buy", 1), keys(global, "", "Harbour", 2), true),
            (keys("", page, "Buy", 1), keys("", page, "Harbour", 1), true),
            (keys("", page, "Buy", 1), keys("", page, "Harbour", 2), false),
            (keys("x", page, "Buy", 1), keys("y", page, "Buy", 1), true),
            (keys("x", page, "Buy", 1), keys("y", page, "Harbour", 2), false),
            (keys("", "", "Buy", 1), keys("", "", "Buy", 1), true),
            (keys("", "", "Buy", 1), keys("", "", "Buy", 2), false),
            (keys("", "https://a.com/", "Buy", 1), keys("", "https://a.com/", "Harbour", 1), false),
        ] {
            let nothing = DroppedEntries::default();
            let known = nothing.lookup(std::slice::from_ref(&before), IdentityRule::Auto).entry(&before);
            assert_eq!(known.known_as, None);
            let past = DroppedEntries { entries: vec![DroppedEntry { known_as: Some(7), ..known }], dead: HashSet::new() };
            let found = past.lookup(std::slice::from_ref(&after), IdentityRule::Auto).entry(&after);
            assert_eq!(found.known_as, is_known.then_some(7), "{before:?}\n{after:?}");
        }
    }

    #[test]
    fn a_key_that_several_entries_have_or_that_is_dead_tells_nothing() {
        let (one, other) = (keys("1", "", "Buy", 0), keys("1", "", "Harbour", 0));
        let nothing = DroppedEntries::default();
        let document = [one.clone(), other.clone()];
        let known = nothing.lookup(&document, IdentityRule::Auto).entry(&one);
        assert_eq!(known.guid, None);
        let past = DroppedEntries { entries: vec![DroppedEntry { known_as: Some(7), ..known }], dead: HashSet::new() };
        assert_eq!(past.lookup(&document, IdentityRule::Auto).entry(&one).known_as, Some(7), "its text tells");
        assert_eq!(past.lookup(&document, IdentityRule::Auto).entry(&other).known_as, None);

        let alone = nothing.lookup(std::slice::from_ref(&one), IdentityRule::Auto).entry(&one);
        let dead = one.guid_key.into_iter().collect();
        let past = DroppedEntries { entries: vec![DroppedEntry { known_as: Some(7), ..alone }], dead };
        assert_eq!(past.lookup(std::slice::from_ref(&other), IdentityRule::Auto).entry(&other).known_as, None);
    }

    #[test]
    fn what_the_operators_rule_names_counts_alone() {
        let (before, after) = (keys("a", "https://a.com/today", "Buy", 1), keys("b", "https://a.com/today", "Harbour", 2));
        for (rule, is_known) in [(IdentityRule::Link, true), (IdentityRule::Guid, false), (IdentityRule::TitleAndDate, false)] {
            let known = DroppedEntries::default().lookup(std::slice::from_ref(&before), rule).entry(&before);
            let past = DroppedEntries { entries: vec![DroppedEntry { known_as: Some(7), ..known }], dead: HashSet::new() };
            let found = past.lookup(std::slice::from_ref(&after), rule).entry(&after);
            assert_eq!(found.known_as, is_known.then_some(7), "{rule:?}");
        }
    }
}
