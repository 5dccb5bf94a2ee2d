//! Is it the feeds, or is it the network? When nothing at all can be reached, no feed is to blame.
//!
//! A host that does not answer may be down; three of them, of different sites, that all answered the last time they were
//! asked, with nobody answering in between, are not down by chance: the way to all of them is cut (a cable, the
//! resolver, a firewall). From then on until any host answers there is an *outage*: feeds that cannot be reached have not failed,
//! none is retired for it, and one at a time is asked instead of all.
//!
//! Feeds that have failed before are no witnesses, so a list with many dead feeds shows no outage. Nor are hosts nearby
//! ([`witness`]): they answer though the world is away.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use url::{Host, Url};

use crate::fetch::{Reach, guard};
use crate::identity::Site;

/// So many sites must be silent.
const SITES: usize = 3;

/// A list of one site cannot tell an outage from a fault of that site.
const FEWEST_SITES: usize = 2;

/// During an outage a feed is asked after so long at least …
const SOONEST_PROBE: Duration = Duration::from_secs(1);

/// … and at most.
const LATEST_PROBE: Duration = Duration::from_secs(60);

/// The longer an outage has lasted, the more seldom: after this part of its time.
const PROBES: i32 = 4;

/// What has become of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From now on nothing can be reached.
    Lost {
        /// When the first of the silent hosts was asked.
        since: DateTime<Utc>,
    },
    /// A host answers again.
    Back {
        /// When it was lost.
        since: DateTime<Utc>,
    },
}

/// A time in which nothing could be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Its begin.
    pub began: DateTime<Utc>,
    /// Its end; `None` while it goes on.
    pub ended: Option<DateTime<Utc>>,
}

/// What the last polls say of the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    /// Sites that did not answer since one last did, and the first time of these.
    silent: BTreeSet<Site>,
    silent_since: Option<DateTime<Utc>>,
    outage_since: Option<DateTime<Utc>>,
}

impl Network {
    /// As the archive remembers it: an outage that had not ended goes on until a host answers.
    pub fn new(outage_since: Option<DateTime<Utc>>) -> Self {
        Self { outage_since, ..Self::default() }
    }

    /// Since when nothing can be reached, if that is so.
    pub fn outage_since(&self) -> Option<DateTime<Utc>> {
        self.outage_since
    }

    /// Takes note of how a request ended. `answered_before`: did the feed's last poll go well (or was there none)?
    /// `sites`: how many there are in the list, as [`sites`] counts them.
    pub fn hear(&mut self, site: &Site, reach: Reach, answered_before: bool, sites: usize, now: DateTime<Utc>) -> Option<Change> {
        match reach {
            Reach::Answered => {
                self.silent.clear();
                self.silent_since = None;
                self.outage_since.take().map(|since| Change::Back { since })
            }
            Reach::Unreached if answered_before && self.outage_since.is_none() => {
                let since = *self.silent_since.get_or_insert(now);
                self.silent.insert(site.clone());
                let is_outage = sites >= FEWEST_SITES && self.silent.len() >= sites.min(SITES);
                is_outage.then(|| {
                    self.outage_since = Some(since);
                    Change::Lost { since }
                })
            }
            Reach::Unreached | Reach::Unknown => None,
        }
    }
}

/// How long after one feed was asked in vain the next is.
pub fn probe_wait(outage_since: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    ((now - outage_since) / PROBES).to_std().unwrap_or_default().clamp(SOONEST_PROBE, LATEST_PROBE)
}

/// The site for which an answer from this address speaks; `None` for what is nearby: local files, this machine, its own network.
pub fn witness(url: &Url) -> Option<Site> {
    let is_far = match url.host()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let last = name.rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase());
            last.is_some_and(|last| !NEARBY.contains(&last.as_str()))
        }
        Host::Ipv4(address) => guard::denied(address.into()).is_none(),
        Host::Ipv6(address) => guard::denied(address.into()).is_none(),
    };
    if is_far { Site::of(url.as_str()) } else { None }
}

/// Names of a network of one's own (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`) and what routers make up.
const NEARBY: [&str; 6] = ["localhost", "local", "internal", "arpa", "lan", "home"];

/// How many sites these addresses are of, as far as it matters.
pub fn sites<'a>(urls: impl Iterator<Item = &'a Url>) -> usize {
    let mut sites = BTreeSet::new();
    for site in urls.filter_map(witness) {
        sites.insert(site);
        if sites.len() >= SITES {
            break;
        }
    }
    sites.len()
}

/// How much of the time from `since` to `now` fell into outages.
pub fn lost_time(outages: &[Outage], since: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    let overlap = |outage: &Outage| outage.ended.unwrap_or(now).min(now) - outage.began.max(since);
    outages.iter().map(|outage| overlap(outage).max(TimeDelta::zero())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    fn site(name: &str) -> Site {
        Site::of_host(name).unwrap()
    }

    #[test]
    fn three_sites_in_a_row_that_answered_before_are_an_outage_and_any_answer_ends_it() {
        let mut network = Network::default();
        let mut hear = |name, reach, before, second| network.hear(&site(name), reach, before, 3, at(second));
        assert_eq!(hear("a.example", Reach::Unreached, true, 0), None);
        assert_eq!(hear("www.a.example", Reach::Unreached, true, 1), None, "the same site");
        assert_eq!(hear("dead.example", Reach::Unreached, false, 2), None, "it failed before");
        assert_eq!(hear("b.example", Reach::Unreached, true, 3), None);
        assert_eq!(hear("c.example", Reach::Unknown, true, 4), None);
        assert_eq!(hear("d.example", Reach::Answered, true, 5), None);
        for (second, name) in [(6, "a.example"), (7, "b.example")] {
            assert_eq!(hear(name, Reach::Unreached, true, second), None);
        }
        assert_eq!(hear("c.example", Reach::Unreached, true, 8), Some(Change::Lost { since: at(6) }));
        assert_eq!(hear("d.example", Reach::Unreached, true, 9), None, "it is said once");
        assert_eq!(hear("dead.example", Reach::Answered, false, 10), Some(Change::Back { since: at(6) }));
        assert_eq!(hear("d.example", Reach::Answered, true, 11), None);
        assert_eq!(network, Network::default());
    }

    #[test]
    fn a_short_list_tells_by_all_of_its_sites_and_a_list_of_one_site_tells_nothing() {
        for (sites, lost_after) in [(1, None), (2, Some(2)), (3, Some(3)), (9, Some(3))] {
            let mut network = Network::default();
            let silent =
                (1..=5).find(|number| network.hear(&site(&format!("{number}.example")), Reach::Unreached, true, sites, at(0)).is_some());
            assert_eq!(silent, lost_after, "{sites} sites");
        }
    }

    #[test]
    fn what_is_nearby_is_no_witness() {
        for (url, is_one) in [
            ("https://blog.example.org/feed", true),
            ("http://1.1.1.1/feed", true),
            ("http://[2606:4700::1111]/feed", true),
            ("http://127.0.0.1/feed", false),
            ("http://192.168.1.4:1200/feed", false),
            ("http://[::1]/feed", false),
            ("http://bridge/feed", false),
            ("http://bridge.localhost/feed", false),
            ("http://nas.local./feed", false),
            ("http://nas.home.arpa/feed", false),
            ("file:///srv/feed.xml", false),
        ] {
            assert_eq!(witness(&Url::parse(url).unwrap()).is_some(), is_one, "{url}");
        }
        let urls: Vec<Url> = ["https://a.example/1", "https://www.a.example/2", "http://127.0.0.1/", "https://b.example/"]
            .map(|url| Url::parse(url).unwrap())
            .into();
        assert_eq!(sites(urls.iter()), 2);
    }

    #[test]
    fn one_is_asked_ever_more_seldom_but_once_a_minute_at_least() {
        for (lasted, wait) in [(0, 1), (4, 1), (40, 10), (240, 60), (86_400 * 30, 60), (-500, 1)] {
            assert_eq!(probe_wait(at(0), at(lasted)), Duration::from_secs(wait), "{lasted}");
        }
    }

    #[test]
    fn only_the_part_of_an_outage_that_falls_into_the_time_counts() {
        let outages = [(0, Some(10)), (20, Some(50)), (90, None)].map(|(began, ended)| Outage { began: at(began), ended: ended.map(at) });
        assert_eq!(lost_time(&outages, at(5), at(100)), TimeDelta::seconds(5 + 30 + 10));
        assert_eq!(lost_time(&outages, at(60), at(80)), TimeDelta::zero());
    }
}
