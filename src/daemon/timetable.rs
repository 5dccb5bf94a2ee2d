//! Which feed is due when.
//!
//! A feed is in one of two states: waiting for its time, or being polled. The queue holds only those that wait; a
//! time in it that is no longer the feed's is passed over when its turn comes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Feed;

struct Entry {
    feed: Arc<Feed>,
    /// `None` while it is being polled.
    due: Option<DateTime<Utc>>,
}

/// All feeds and their times.
pub struct Timetable {
    feeds: HashMap<String, Entry>,
    queue: BinaryHeap<Reverse<(DateTime<Utc>, String)>>,
}

impl Timetable {
    /// Of feeds and the times at which each is due.
    pub fn of(feeds: impl Iterator<Item = (Arc<Feed>, DateTime<Utc>)>) -> Self {
        let mut timetable = Self { feeds: HashMap::new(), queue: BinaryHeap::new() };
        for (feed, due) in feeds {
            timetable.queue.push(Reverse((due, feed.name.clone())));
            timetable.feeds.insert(feed.name.clone(), Entry { feed, due: Some(due) });
        }
        timetable
    }

    /// How many feeds there are.
    pub fn feeds(&self) -> usize {
        self.feeds.len()
    }

    /// How many are being polled.
    pub fn polling(&self) -> usize {
        self.feeds.values().filter(|entry| entry.due.is_none()).count()
    }

    /// When the next feed is due, if one waits.
    pub fn next_due(&mut self) -> Option<DateTime<Utc>> {
        while let Some(Reverse((due, name))) = self.queue.peek() {
            if self.feeds.get(name).is_some_and(|entry| entry.due == Some(*due)) {
                return Some(*due);
            }
            self.queue.pop();
        }
        None
    }

    /// Takes a feed that is due; it is being polled until [`Self::set_due`].
    pub fn take_due(&mut self, now: DateTime<Utc>) -> Option<Arc<Feed>> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse((_, name)) = self.queue.pop()?;
        let entry = self.feeds.get_mut(&name)?;
        entry.due = None;
        Some(Arc::clone(&entry.feed))
    }

    /// Takes a feed that waits, due or not, as [`Self::take_due`] does.
    pub fn take(&mut self, name: &str) -> Option<Arc<Feed>> {
        let entry = self.feeds.get_mut(name)?;
        // Its time in the queue is passed over when its turn comes.
        entry.due.take()?;
        Some(Arc::clone(&entry.feed))
    }

    /// The feed of this name, whether it waits or is being polled.
    pub fn feed(&self, name: &str) -> Option<Arc<Feed>> {
        self.feeds.get(name).map(|entry| Arc::clone(&entry.feed))
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.feeds.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// The poll has ended; the feed waits for its next time. A feed that was taken out of the list meanwhile is gone.
    pub fn set_due(&mut self, name: &str, due: DateTime<Utc>) {
        if let Some(entry) = self.feeds.get_mut(name)
            && entry.due.is_none()
        {
            entry.due = Some(due);
            self.queue.push(Reverse((due, name.to_owned())));
        }
    }

    /// The clock was set back by so much: what was planned by it comes earlier by so much.
    pub fn set_back(&mut self, by: TimeDelta) {
        self.queue.clear();
        for (name, entry) in &mut self.feeds {
            if let Some(due) = &mut entry.due {
                *due -= by;
                self.queue.push(Reverse((*due, name.clone())));
            }
        }
    }

    /// Takes over another list of feeds. What is being polled goes on, and gets its time at its end.
    pub fn replace(&mut self, other: Self) {
        let polling: Vec<String> = self.feeds.iter().filter(|(_, entry)| entry.due.is_none()).map(|(name, _)| name.clone()).collect();
        *self = other;
        for name in polling {
            if let Some(entry) = self.feeds.get_mut(&name) {
                entry.due = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{FeedRequest, IdentityRule};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn feed(name: &str) -> Arc<Feed> {
        Arc::new(Feed {
            name: name.into(),
            url: url::Url::parse("https://example.org/feed").unwrap(),
            title: None,
            tags: Vec::new(),
            enabled: true,
            interval: None,
            full_text: None,
            identity: IdentityRule::Auto,
            language: None,
            request: FeedRequest::default(),
            filters: Vec::new(),
            placements: Vec::new(),
            line: 1,
            list: "feeds.toml".into(),
        })
    }

    fn taken(timetable: &mut Timetable, now: i64) -> Vec<String> {
        std::iter::from_fn(|| timetable.take_due(at(now)).map(|feed| feed.name.clone())).collect()
    }

    #[test]
    fn feeds_are_taken_when_due_and_once_until_their_poll_has_ended() {
        let mut timetable = Timetable::of([(feed("b"), at(20)), (feed("a"), at(10)), (feed("c"), at(99))].into_iter());
        assert_eq!(taken(&mut timetable, 9), [""; 0]);
        assert_eq!(taken(&mut timetable, 20), ["a", "b"]);
        assert_eq!(taken(&mut timetable, 20), [""; 0]);
        assert_eq!((timetable.feeds(), timetable.polling(), timetable.next_due()), (3, 2, Some(at(99))));
        timetable.set_due("a", at(50));
        assert_eq!(taken(&mut timetable, 50), ["a"]);
    }

    #[test]
    fn a_feed_can_be_taken_before_its_time_and_is_not_taken_twice() {
        let mut timetable = Timetable::of([(feed("a"), at(20)), (feed("b"), at(30))].into_iter());
        assert_eq!(timetable.names(), ["a", "b"]);
        assert!(timetable.take("a").is_some() && timetable.take("a").is_none() && timetable.take("c").is_none());
        assert_eq!(taken(&mut timetable, 30), ["b"]);
        timetable.set_due("a", at(25));
        assert_eq!(taken(&mut timetable, 30), ["a"]);
    }

    #[test]
    fn a_new_list_takes_over_and_what_is_being_polled_is_not_started_again() {
        let mut timetable = Timetable::of([(feed("stays"), at(10)), (feed("goes"), at(10))].into_iter());
        assert_eq!(taken(&mut timetable, 10).len(), 2);
        timetable.replace(Timetable::of([(feed("stays"), at(10)), (feed("comes"), at(11))].into_iter()));
        assert_eq!(taken(&mut timetable, 30), ["comes"]);
        timetable.set_due("goes", at(30));
        timetable.set_due("stays", at(30));
        assert_eq!(taken(&mut timetable, 30), ["stays"]);
    }

    #[test]
    fn plans_move_with_a_clock_that_is_set_back() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let due = |minutes| now + TimeDelta::minutes(minutes);
        let mut timetable = Timetable::of([(feed("a"), due(10)), (feed("b"), due(20)), (feed("c"), due(0))].into_iter());
        assert_eq!(timetable.take_due(now).unwrap().name, "c");
        timetable.set_back(TimeDelta::days(400));
        // The one that is being polled gets its time by the right clock.
        timetable.set_due("c", now - TimeDelta::days(400) + TimeDelta::minutes(15));
        let order: Vec<_> =
            std::iter::from_fn(|| timetable.take_due(due(20) - TimeDelta::days(400))).map(|feed| feed.name.clone()).collect();
        assert_eq!(order, ["a", "c", "b"]);
    }
}
