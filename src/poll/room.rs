//! Which of the feeds that shall be polled are being polled: so many at once, and a few of one host.
//!
//! A poll under way costs memory, and ten thousand feeds can be due in one moment: a waiting one is a name in a queue here. Hosts take
//! turns, so a crowd at one holds up no other. (The client keeps each host's pace; here it only matters that
//! nobody takes a place for whom there is nothing to do but wait.)

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::config::Feed;

/// Why a feed is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its time has come.
    Planned,
    /// Somebody asked for a pass, at this time.
    Asked(Instant),
}

/// A feed, and why it is polled.
type Waiting = (Arc<Feed>, Why);

#[derive(Default)]
struct Host {
    under_way: usize,
    waiting: VecDeque<Waiting>,
    /// Does it stand in the queue of hosts?
    is_queued: bool,
}

/// The places, and who waits for one.
pub struct Room {
    most: usize,
    most_of_host: usize,
    under_way: usize,
    hosts: HashMap<String, Host>,
    /// Hosts of which somebody may begin as soon as there is a place.
    queue: VecDeque<String>,
}

impl Room {
    /// For so many requests at once, and to one host. Polls read and store as well as ask, so there are twice as many of them.
    pub fn new(concurrency: usize, per_host: usize) -> Self {
        let twice = |number: usize| number.saturating_mul(2).max(1);
        Self { most: twice(concurrency), most_of_host: twice(per_host), under_way: 0, hosts: HashMap::new(), queue: VecDeque::new() }
    }

    /// Other limits, as after a reload.
    pub fn set_limits(&mut self, concurrency: usize, per_host: usize) {
        let Self { most, most_of_host, .. } = Self::new(concurrency, per_host);
        (self.most, self.most_of_host) = (most, most_of_host);
        let hosts: Vec<String> = self.hosts.keys().cloned().collect();
        hosts.iter().for_each(|host| self.enqueue(host));
    }

    /// This feed shall be polled.
    pub fn enter(&mut self, feed: Arc<Feed>, why: Why) {
        let host = host_of(&feed).to_owned();
        self.hosts.entry(host.clone()).or_default().waiting.push_back((feed, why));
        self.enqueue(&host);
    }

    /// The next feed to begin with, if there is a place.
    pub fn admit(&mut self) -> Option<Waiting> {
        if self.under_way >= self.most {
            return None;
        }
        while let Some(name) = self.queue.pop_front() {
            // Those who waited there may have been withdrawn.
            let Some(host) = self.hosts.get_mut(&name) else { continue };
            host.is_queued = false;
            let Some(first) = host.waiting.pop_front() else { continue };
            host.under_way += 1;
            self.under_way += 1;
            self.enqueue(&name);
            return Some(first);
        }
        None
    }

    /// The poll of a feed that [`Self::admit`] gave has ended.
    pub fn leave(&mut self, feed: &Feed) {
        let name = host_of(feed);
        let Some(host) = self.hosts.get_mut(name) else { return };
        host.under_way = host.under_way.saturating_sub(1);
        self.under_way = self.under_way.saturating_sub(1);
        if host.under_way == 0 && host.waiting.is_empty() {
            self.hosts.remove(name);
        } else {
            self.enqueue(name);
        }
    }

    /// Those who wait, whatever for.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.hosts.values().flat_map(|host| host.waiting.iter().map(|(feed, _)| feed))
    }

    /// Takes out those who wait and whom nobody has asked for.
    pub fn withdraw_planned(&mut self) -> Vec<Arc<Feed>> {
        let mut withdrawn = Vec::new();
        for host in self.hosts.values_mut() {
            let (planned, asked): (Vec<Waiting>, Vec<Waiting>) = host.waiting.drain(..).partition(|(_, why)| *why == Why::Planned);
            withdrawn.extend(planned.into_iter().map(|(feed, _)| feed));
            host.waiting.extend(asked);
        }
        self.hosts.retain(|_, host| host.under_way > 0 || !host.waiting.is_empty());
        withdrawn
    }

    /// Puts a host into the queue, if one of its feeds may begin.
    fn enqueue(&mut self, name: &str) {
        if let Some(host) = self.hosts.get_mut(name)
            && !host.is_queued
            && !host.waiting.is_empty()
            && host.under_way < self.most_of_host
        {
            host.is_queued = true;
            self.queue.push_back(name.to_owned());
        }
    }
}

/// Local files have none: they share the places of one.
fn host_of(feed: &Feed) -> &str {
    feed.url.host_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed_at(name: &str, url: &str) -> Arc<Feed> {
        Arc::new(Feed::at(name, url))
    }

    fn begun(room: &mut Room) -> Vec<String> {
        std::iter::from_fn(|| room.admit().map(|(feed, _)| feed.name.clone())).collect()
    }

    #[test]
    fn a_crowd_at_one_host_holds_up_no_other_and_waits_for_its_places() {
        let mut room = Room::new(3, 1);
        let crowd: Vec<Arc<Feed>> = (0..9).map(|number| feed_at(&format!("crowd{number}"), "https://crowd.example/")).collect();
        crowd.iter().for_each(|feed| room.enter(Arc::clone(feed), Why::Planned));
        for name in ["a", "b", "c", "d", "e"] {
            room.enter(feed_at(name, &format!("https://{name}.example/")), Why::Planned);
        }
        assert_eq!(begun(&mut room), ["crowd0", "a", "b", "c", "d", "e"], "six places, two of them at most for one host");
        assert_eq!(room.waiting().count(), 8);
        room.leave(&feed_at("a", "https://a.example/"));
        assert_eq!(begun(&mut room), ["crowd1"]);
        room.leave(&crowd[0]);
        room.leave(&crowd[1]);
        assert_eq!(begun(&mut room), ["crowd2", "crowd3"]);
        assert!(!room.hosts.contains_key("a.example"), "a host without feeds is forgotten");
    }

    #[test]
    fn what_was_only_planned_can_be_withdrawn_and_what_was_asked_for_stays() {
        let asked = Why::Asked(Instant::now());
        let mut room = Room::new(1, 1);
        for (name, why) in [("a", Why::Planned), ("b", asked), ("c", Why::Planned), ("d", Why::Planned)] {
            room.enter(feed_at(name, &format!("https://{name}.example/")), why);
        }
        assert_eq!(begun(&mut room), ["a", "b"]);
        room.enter(feed_at("e", "https://e.example/"), asked);
        let mut withdrawn: Vec<String> = room.withdraw_planned().iter().map(|feed| feed.name.clone()).collect();
        withdrawn.sort();
        assert_eq!(withdrawn, ["c", "d"]);
        room.leave(&feed_at("a", "https://a.example/"));
        assert_eq!(begun(&mut room), ["e"]);
    }

    #[test]
    fn wider_limits_hold_at_once() {
        let mut room = Room::new(1, 1);
        (0..9).for_each(|number| room.enter(feed_at(&number.to_string(), "https://crowd.example/"), Why::Planned));
        assert_eq!(begun(&mut room).len(), 2);
        room.set_limits(8, 3);
        assert_eq!(begun(&mut room).len(), 4);
    }
}
