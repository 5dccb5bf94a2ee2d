//! Polls that the archive did not take: what to say of them, and when to come back.
//!
//! It is said once that something is refused, and once that all is well: when everything that was refused has been taken. (A
//! disk that is nearly full takes small polls and refuses large ones; that is not being well.) Where the archive takes
//! nothing at all, polling holds until a write has succeeded.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

/// What was refused since all was well.
#[derive(Debug, Default)]
pub struct Refusals {
    feeds: BTreeSet<String>,
    since: Option<DateTime<Utc>>,
    is_holding: bool,
}

impl Refusals {
    /// Is polling of no use, as far as is known?
    pub fn is_holding(&self) -> bool {
        self.is_holding
    }

    /// The first refusal since all was well.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// A feed's poll was refused; `is_of_all`: any would be. Is that news?
    pub fn refused(&mut self, feed: &str, is_of_all: bool, now: DateTime<Utc>) -> bool {
        let is_news = self.since.is_none();
        self.since.get_or_insert(now);
        self.feeds.insert(feed.to_owned());
        self.is_holding |= is_of_all;
        is_news
    }

    /// A write has succeeded: who was refused may come again.
    pub fn written(&mut self) -> impl Iterator<Item = &str> {
        self.is_holding = false;
        self.feeds.iter().map(String::as_str)
    }

    /// A feed's poll was taken. Is all well again by that?
    pub fn accepted(&mut self, feed: &str) -> bool {
        self.feeds.remove(feed) && self.is_well_again()
    }

    /// Forgets feeds that are polled no more. Is all well again by that?
    pub fn keep(&mut self, is_polled: impl Fn(&str) -> bool) -> bool {
        self.feeds.retain(|feed| is_polled(feed));
        self.is_well_again()
    }

    fn is_well_again(&mut self) -> bool {
        let is_news = self.feeds.is_empty() && self.since.is_some();
        if is_news {
            *self = Self::default();
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_refusal_is_news_once_and_so_is_the_end_of_all_of_them() {
        let mut refusals = Refusals::default();
        assert!(refusals.refused("a", true, at(1)) && !refusals.refused("b", true, at(2)) && !refusals.refused("a", true, at(3)));
        assert!(refusals.is_holding() && refusals.since() == Some(at(1)));
        assert_eq!(refusals.written().collect::<Vec<_>>(), ["a", "b"]);
        assert!(!refusals.is_holding());
        assert!(!refusals.accepted("a") && !refusals.accepted("c"));
        assert!(!refusals.refused("a", true, at(4)), "still the same trouble");
        assert!(!refusals.accepted("a"));
        assert!(refusals.accepted("b"));
        assert!(!refusals.is_holding() && refusals.since().is_none() && !refusals.accepted("b"));
    }

    #[test]
    fn what_is_wrong_with_one_poll_holds_up_no_other() {
        let mut refusals = Refusals::default();
        assert!(refusals.refused("odd", false, at(1)));
        assert!(!refusals.is_holding());
        assert!(!refusals.keep(|_| true));
        assert!(refusals.keep(|feed| feed != "odd"), "it was taken out of the list");
    }
}
