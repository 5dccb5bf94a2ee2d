//! Which feed is due when.
//!
//! A feed is in one of two states: waiting for its time, or being polled. The queue holds only those that wait; a
//! time in it that is no longer the feed's is passed over when its turn comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::Feed;

/// A feed is overdue when its time was so long ago.
const OVERDUE: TimeDelta = TimeDelta::seconds(60);

/// So many overdue feeds are polled at once: as many requests as are under way at most.
pub const AT_ONCE: usize = 64;

/// … and one more after so long each.
const CATCHING_UP: Duration = Duration::from_millis(100);

struct Entry {
    feed: Arc<Feed>,
    /// `None` while it is being polled.
    due: Option<DateTime<Utc>>,
}

/// All feeds and their times.
pub struct Timetable {
    /// By name.
    feeds: Vec<Entry>,
    /// A time, and the place in `feeds`.
    queue: BinaryHeap<Reverse<(DateTime<Utc>, usize)>>,
    /// How many are being polled.
    polling: usize,
}

impl Timetable {
    /// Of feeds, no two of one name, and the times at which each is due.
    pub fn of(feeds: impl Iterator<Item = (Arc<Feed>, DateTime<Utc>)>) -> Self {
        let mut feeds: Vec<Entry> = feeds.map(|(feed, due)| Entry { feed, due: Some(due) }).collect();
        feeds.sort_unstable_by(|one, other| one.feed.name.cmp(&other.feed.name));
        let queue = feeds.iter().enumerate().filter_map(|(at, entry)| Some(Reverse((entry.due?, at)))).collect();
        Self { feeds, queue, polling: 0 }
    }

    /// How many feeds there are.
    pub fn feeds(&self) -> usize {
        self.feeds.len()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.feeds.binary_search_by(|entry| entry.feed.name.as_str().cmp(name)).ok()
    }

    fn entry(&mut self, name: &str) -> Option<(usize, &mut Entry)> {
        let at = self.place(name)?;
        Some((at, self.feeds.get_mut(at)?))
    }

    /// A feed that waits comes now.
    pub fn hasten(&mut self, name: &str, now: DateTime<Utc>) {
        if let Some((at, entry)) = self.entry(name)
            && entry.due.is_some_and(|due| due > now)
        {
            entry.due = Some(now);
            self.queue.push(Reverse((now, at)));
        }
    }

    /// Is there a feed of this name?
    pub fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// How many are being polled.
    pub fn polling(&self) -> usize {
        self.polling
    }

    /// When the next feed is due, if one waits.
    pub fn next_due(&mut self) -> Option<DateTime<Utc>> {
        while let Some(Reverse((due, at))) = self.queue.peek() {
            if self.feeds.get(*at).is_some_and(|entry| entry.due == Some(*due)) {
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
        let Reverse((_, at)) = self.queue.pop()?;
        let entry = self.feeds.get_mut(at)?;
        entry.due = None;
        self.polling += 1;
        Some(Arc::clone(&entry.feed))
    }

    /// Takes a feed that waits, due or not, as [`Self::take_due`] does.
    pub fn take(&mut self, name: &str) -> Option<Arc<Feed>> {
        let (_, entry) = self.entry(name)?;
        // Its time in the queue is passed over when its turn comes.
        entry.due.take()?;
        let feed = Arc::clone(&entry.feed);
        self.polling += 1;
        Some(feed)
    }

    /// The feed of this name, whether it waits or is being polled.
    pub fn feed(&self, name: &str) -> Option<Arc<Feed>> {
        self.feeds.get(self.place(name)?).map(|entry| Arc::clone(&entry.feed))
    }

    /// How many feeds are overdue, such as after a start, a sleep or an outage: they are given new times one after the other,
    /// the longest overdue first, so that not all come at once. The first [`AT_ONCE`] are due now, then ten a second, or as many
    /// as it takes to be done within `most`. What was not polled yet is not overdue.
    pub fn spread_overdue(&mut self, now: DateTime<Utc>, most: Duration) -> usize {
        if self.next_due().is_none_or(|due| due >= now - OVERDUE) {
            return 0;
        }
        let is_overdue = |(at, entry): (usize, &Entry)| Some((entry.due.filter(|due| *due < now - OVERDUE)?, at));
        let mut overdue: Vec<(DateTime<Utc>, usize)> = self.feeds.iter().enumerate().filter_map(is_overdue).collect();
        overdue.sort_unstable();
        let count = overdue.len();
        let later = u32::try_from(count.saturating_sub(AT_ONCE)).unwrap_or(u32::MAX);
        let step = CATCHING_UP.min(most / later.max(1));
        let turns = std::iter::repeat_n(0, AT_ONCE).chain(1_u32..);
        for (turn, (_, at)) in turns.zip(overdue) {
            let wait = step.saturating_mul(turn);
            if let Some(entry) = self.feeds.get_mut(at) {
                let due = now + wait;
                entry.due = Some(due);
                self.queue.push(Reverse((due, at)));
            }
        }
        count
    }

    /// The names of those that are due, sorted.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<String> {
        let is_due = |entry: &&Entry| entry.due.is_some_and(|due| due <= now);
        self.feeds.iter().filter(is_due).map(|entry| entry.feed.name.clone()).collect()
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.feeds.iter().map(|entry| entry.feed.name.clone()).collect()
    }

    /// The poll has ended; the feed waits for its next time. A feed that was taken out of the list meanwhile is gone.
    pub fn set_due(&mut self, name: &str, due: DateTime<Utc>) {
        if let Some((at, entry)) = self.entry(name)
            && entry.due.is_none()
        {
            entry.due = Some(due);
            self.polling -= 1;
            self.queue.push(Reverse((due, at)));
        }
    }

    /// The clock was set back by so much: what was planned by it comes earlier by so much.
    pub fn set_back(&mut self, by: TimeDelta) {
        self.queue.clear();
        for (at, entry) in self.feeds.iter_mut().enumerate() {
            if let Some(due) = &mut entry.due {
                *due -= by;
                self.queue.push(Reverse((*due, at)));
            }
        }
    }

    /// Takes over another list of feeds. What is being polled goes on, and gets its time at its end.
    pub fn replace(&mut self, other: Self) {
        let before = std::mem::replace(self, other);
        for polled in before.feeds.iter().filter(|entry| entry.due.is_none()) {
            if let Some((_, entry)) = self.entry(&polled.feed.name) {
                entry.due = None;
                self.polling += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn feed(name: &str) -> Arc<Feed> {
        Arc::new(Feed::at(name, "https://example.org/feed"))
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
        assert_eq!(timetable.due(at(20)), ["a"]);
        assert!(timetable.take("a").is_some() && timetable.take("a").is_none() && timetable.take("c").is_none());
        assert_eq!(taken(&mut timetable, 30), ["b"]);
        timetable.set_due("a", at(25));
        assert_eq!(taken(&mut timetable, 30), ["a"]);
        timetable.hasten("a", at(30));
        assert_eq!(taken(&mut timetable, 30), [""; 0], "it is being polled");
        timetable.set_due("a", at(99));
        timetable.hasten("a", at(31));
        assert_eq!(taken(&mut timetable, 31), ["a"]);
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
    fn what_is_overdue_comes_one_after_the_other_and_what_is_due_or_new_at_its_time() {
        let overdue = |number: i64| (feed(&format!("{number:03}")), at(number));
        let mut timetable = Timetable::of((0..100).map(overdue).chain([(feed("new"), at(1000)), (feed("later"), at(1002))]));
        assert_eq!(timetable.spread_overdue(at(1000), Duration::from_secs(1800)), 100);
        assert_eq!(timetable.spread_overdue(at(1000), Duration::from_secs(1800)), 0, "they have their times");
        let first = taken(&mut timetable, 1000);
        assert_eq!(first.len(), AT_ONCE + 1);
        assert!(first.contains(&"new".to_owned()) && first.contains(&"063".to_owned()) && !first.contains(&"064".to_owned()));
        assert_eq!(taken(&mut timetable, 1001).len(), 10);
        assert_eq!(taken(&mut timetable, 1002).len(), 11);
        assert_eq!(taken(&mut timetable, 1004).len(), 16);
        assert_eq!(timetable.polling(), 102);
    }

    #[test]
    fn a_long_list_is_caught_up_with_within_the_given_time() {
        let mut timetable = Timetable::of((0..5064).map(|number| (feed(&format!("{number:04}")), at(0))));
        timetable.spread_overdue(at(1000), Duration::from_secs(100));
        assert_eq!(taken(&mut timetable, 1000).len(), AT_ONCE);
        assert_eq!(taken(&mut timetable, 1050).len(), 2500);
        assert_eq!(taken(&mut timetable, 1100).len(), 2500);
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
