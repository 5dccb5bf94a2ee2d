//! What an operator must know: which feeds fail, are slow, or are silent for longer than their rhythm explains, and what
//! of all that needs care. A pure judgement of what the archive knows; time is passed in.
//!
//! "Needs care" means that it will not mend itself, as far as can be told: one failure of a feed that worked an hour ago
//! is no news, three in a row are.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::config::{Config, Feed, write_duration};
use crate::schedule::Trust;
use crate::store::FeedCondition;

/// So many failures in a row of a feed that answered before need care: with the back-off, a few hours.
const FAILURES: u32 = 3;

/// A request that takes longer is slow.
const SLOW: Duration = Duration::from_secs(10);

/// With fewer articles a feed has no rhythm yet.
const FEWEST: usize = 6;

/// A silence is unexplained when it is so many times as long as the longest of the feed's last gaps …
const LONGEST_GAPS: i32 = 3;

/// … and at least so long: weekends and holidays are no fault.
const SHORTEST_SILENCE: TimeDelta = TimeDelta::days(4);

/// A poll that is so much overdue is late: nobody polls, or somebody cannot keep up.
const LATE: TimeDelta = TimeDelta::hours(1);

/// A possible gap that is older is history, which `gleaner coverage` tells.
const RECENT_GAP: TimeDelta = TimeDelta::days(7);

/// So many coming polls are named.
const NEXT_POLLS: usize = 5;

/// A feed that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Failing {
    /// Its name.
    pub feed: String,
    /// `error`, or `gone` where the server says so.
    pub status: &'static str,
    /// The first failure of those in a row.
    pub since: Option<DateTime<Utc>>,
    /// How many in a row.
    pub consecutive_failures: u32,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// Will it hardly mend itself?
    pub needs_care: bool,
}

/// A feed whose last request took long.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Slow {
    /// Its name.
    pub feed: String,
    /// How long, in seconds.
    pub seconds: f64,
}

/// A feed that answers, but with nothing new for longer than its rhythm explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Silent {
    /// Its name.
    pub feed: String,
    /// Its newest article.
    pub last_article_at: DateTime<Utc>,
    /// The longest gap between its last articles, in seconds.
    pub longest_gap_seconds: i64,
}

/// A feed that has moved for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Moved {
    /// Its name.
    pub feed: String,
    /// Where to.
    pub to: String,
}

/// A feed of which something may have been missed of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PossibleGap {
    /// Its name.
    pub feed: String,
    /// The poll that found it.
    pub found_at: DateTime<Utc>,
}

/// A feed whose server answers "not modified" though there is news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Distrusted {
    /// Its name.
    pub feed: String,
    /// When that was found.
    pub since: DateTime<Utc>,
}

/// A feed that is gone from where it was, and what was found on its site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Proposed {
    /// Its name.
    pub feed: String,
    /// Where it may have moved to.
    pub url: String,
}

/// A coming poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Coming {
    /// The feed's name.
    pub feed: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why then.
    pub reason: Option<String>,
}

/// How many feeds are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Counts {
    /// In the config.
    pub configured: usize,
    /// … that are polled.
    pub enabled: usize,
    /// Enabled, and the last poll went well.
    pub ok: usize,
    /// Enabled, and the last poll failed.
    pub failing: usize,
    /// Enabled, and never polled.
    pub new: usize,
}

/// The judgement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Health {
    /// Feeds by state.
    pub feeds: Counts,
    /// What fails, longest first.
    pub failing: Vec<Failing>,
    /// What is slow, slowest first.
    pub slow: Vec<Slow>,
    /// What is silent, longest first.
    pub silent: Vec<Silent>,
    /// What has moved.
    pub moved: Vec<Moved>,
    /// What is gone from where it was, and may have been found again.
    pub proposed: Vec<Proposed>,
    /// Of what something may have been missed within the last week, newest first.
    pub possible_gaps: Vec<PossibleGap>,
    /// Whose servers lie.
    pub distrusted: Vec<Distrusted>,
    /// The next polls.
    pub next_polls: Vec<Coming>,
    /// How many enabled feeds should have been polled an hour ago or earlier.
    pub late: usize,
    /// What needs care, a sentence each; empty where nothing does.
    pub needs_care: Vec<String>,
}

impl Health {
    /// Judges the enabled feeds of a config by what the archive knows of them. `is_polled`: does a poller run?
    /// `outage_since`: since when nothing at all can be reached, if that is so.
    pub fn of(
        config: &Config,
        conditions: &[FeedCondition],
        is_polled: bool,
        outage_since: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Self {
        let known: HashMap<&str, &FeedCondition> = conditions.iter().map(|condition| (condition.name.as_str(), condition)).collect();
        let mut health = Health { feeds: Counts { configured: config.feeds.len(), ..Counts::default() }, ..Health::default() };
        for feed in config.feeds.iter().filter(|feed| feed.enabled) {
            health.feeds.enabled += 1;
            match known.get(feed.name.as_str()).filter(|condition| condition.last_polled_at.is_some()) {
                Some(condition) => health.add(feed, condition, config.fetch.timeout, now),
                None => health.feeds.new += 1,
            }
        }
        health.failing.sort_by(|a, b| (a.since, &a.feed).cmp(&(b.since, &b.feed)));
        health.slow.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then_with(|| a.feed.cmp(&b.feed)));
        health.silent.sort_by(|a, b| (a.last_article_at, &a.feed).cmp(&(b.last_article_at, &b.feed)));
        health.possible_gaps.sort_by(|a, b| b.found_at.cmp(&a.found_at).then_with(|| a.feed.cmp(&b.feed)));
        health.next_polls.sort_by(|a, b| (a.at, &a.feed).cmp(&(b.at, &b.feed)));
        health.next_polls.truncate(NEXT_POLLS);
        health.sum_up(is_polled, outage_since);
        health
    }

    fn add(&mut self, feed: &Feed, condition: &FeedCondition, timeout: Duration, now: DateTime<Utc>) {
        let name = || feed.name.clone();
        if let Some(error) = &condition.last_error {
            self.feeds.failing += 1;
            let is_gone = condition.gone_since.is_some();
            self.failing.push(Failing {
                feed: name(),
                status: if is_gone { "gone" } else { "error" },
                since: condition.failing_since,
                consecutive_failures: condition.consecutive_failures,
                http_status: condition.http_status,
                error: Some(error.clone()),
                // One that never answered is a mistake in the list, as a rule.
                needs_care: is_gone || condition.last_answered_at.is_none() || condition.consecutive_failures >= FAILURES,
            });
        } else {
            self.feeds.ok += 1;
            self.silent.extend(silence(condition, now).map(|(last_article_at, gap)| Silent {
                feed: name(),
                last_article_at,
                longest_gap_seconds: gap.num_seconds(),
            }));
        }
        if let Some(took) = condition.request.filter(|took| *took >= SLOW.min(timeout.mul_f64(0.8))) {
            self.slow.push(Slow { feed: name(), seconds: took.as_secs_f64() });
        }
        self.proposed.extend(condition.proposed_url.clone().map(|url| Proposed { feed: name(), url }));
        let gap = condition.possible_gap_at.filter(|at| now - *at < RECENT_GAP);
        self.possible_gaps.extend(gap.map(|found_at| PossibleGap { feed: name(), found_at }));
        let trust = Trust { distrusted_since: condition.distrusted_since, ..Trust::default() };
        let distrusted = condition.distrusted_since.filter(|_| trust.is_distrusted(now));
        self.distrusted.extend(distrusted.map(|since| Distrusted { feed: name(), since }));
        self.moved.extend(condition.redirected_to.clone().map(|to| Moved { feed: name(), to }));
        if let Some(at) = condition.next_poll_at {
            self.late += usize::from(now - at > LATE);
            self.next_polls.push(Coming { feed: name(), at, reason: condition.next_poll_reason.clone() });
        }
    }

    fn sum_up(&mut self, is_polled: bool, outage_since: Option<DateTime<Utc>>) {
        self.needs_care.extend(outage_since.map(outage));
        for failing in self.failing.iter().filter(|failing| failing.needs_care) {
            let error = failing.error.as_deref().unwrap_or_default();
            let since = failing.since.map(|since| format!(" since {}", minute(since))).unwrap_or_default();
            let proposed = self.proposed.iter().find(|proposed| proposed.feed == failing.feed);
            let proposed = proposed.map(|proposed| format!("; it may have moved to {}", proposed.url)).unwrap_or_default();
            self.needs_care.push(format!("{} fails{since}: {error}{proposed}", failing.feed));
        }
        for silent in &self.silent {
            let gap = write_duration(Duration::from_secs(3600 * (silent.longest_gap_seconds.unsigned_abs() / 3600).max(1)));
            let last = minute(silent.last_article_at);
            self.needs_care.push(format!("{} is silent since {last}, though its gaps were {gap} at most", silent.feed));
        }
        // During an outage polls are late, and that was said.
        if self.late > 0 && outage_since.is_none() {
            let why = if is_polled { "the poller cannot keep up" } else { "no poller is running" };
            self.needs_care.push(format!("{} feeds should have been polled more than an hour ago: {why}", self.late));
        }
    }
}

/// What an outage is called, everywhere.
pub fn outage(since: DateTime<Utc>) -> String {
    format!("nothing can be reached since {} UTC: no host of any feed answers", minute(since))
}

/// A time as people read it.
pub fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// The newest article and the longest of the last gaps, where the silence since then is longer than these explain.
fn silence(condition: &FeedCondition, now: DateTime<Utc>) -> Option<(DateTime<Utc>, TimeDelta)> {
    if condition.newest.len() < FEWEST {
        return None;
    }
    let newest = *condition.newest.first()?;
    let longest = condition.newest.windows(2).map(|pair| pair[0] - pair[1]).max()?;
    let silent_for = now - newest;
    (silent_for > SHORTEST_SILENCE && silent_for > longest * LONGEST_GAPS).then_some((newest, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + hour * 3600, 0).unwrap()
    }

    fn config(folder: &std::path::Path) -> Config {
        let file = folder.join("gleaner.toml");
        std::fs::write(&file, "[database]\npath = \"a.db\"\n[[feed]]\nname = \"a\"\nurl = \"https://example.org/a\"\n").unwrap();
        crate::config::load(&file).unwrap()
    }

    fn condition() -> FeedCondition {
        FeedCondition {
            name: "a".into(),
            last_polled_at: Some(at(0)),
            last_answered_at: Some(at(0)),
            next_poll_at: Some(at(1)),
            ..FeedCondition::default()
        }
    }

    fn failing(failures: u32) -> FeedCondition {
        FeedCondition {
            last_error: Some("the server answered 500".into()),
            consecutive_failures: failures,
            failing_since: Some(at(0)),
            ..condition()
        }
    }

    /// Articles every six hours until hour 0.
    fn regular() -> FeedCondition {
        FeedCondition { newest: (0..10).map(|number| at(-6 * number)).collect(), ..condition() }
    }

    #[test]
    fn only_what_does_not_mend_itself_needs_care() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        for (what, condition, hour, care) in [
            ("all is well", condition(), 1, ""),
            ("it failed once", failing(1), 1, ""),
            ("it fails again and again", failing(3), 1, "a fails since 2026-09-21 14:13: the server answered 500"),
            ("it never answered", FeedCondition { last_answered_at: None, ..failing(1) }, 1, "a fails"),
            ("it is gone", FeedCondition { gone_since: Some(at(0)), ..failing(1) }, 1, "a fails"),
            ("its poll is late", condition(), 3, "1 feeds should have been polled more than an hour ago: no poller is running"),
            ("it was never polled", FeedCondition { last_polled_at: None, ..failing(9) }, 1, ""),
            ("a silence of three days", FeedCondition { next_poll_at: None, ..regular() }, 72, ""),
            (
                "a silence of five days",
                FeedCondition { next_poll_at: None, ..regular() },
                120,
                "a is silent since 2026-09-21 14:13, though its gaps were 6h at most",
            ),
            ("too few articles for a rhythm", FeedCondition { next_poll_at: None, newest: vec![at(0), at(-1)], ..condition() }, 900, ""),
        ] {
            let health = Health::of(&config, &[condition], false, None, at(hour));
            match care {
                "" => assert!(health.needs_care.is_empty(), "{what}: {:?}", health.needs_care),
                care => assert!(health.needs_care.len() == 1 && health.needs_care[0].starts_with(care), "{what}: {:?}", health.needs_care),
            }
        }
    }

    #[test]
    fn a_gap_of_the_last_week_a_lying_server_and_a_feed_found_again_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let condition = FeedCondition {
            possible_gap_at: Some(at(0)),
            distrusted_since: Some(at(0)),
            proposed_url: Some("https://example.org/new".into()),
            next_poll_at: None,
            ..failing(3)
        };
        let health = Health::of(&config, std::slice::from_ref(&condition), true, None, at(1));
        assert_eq!(health.possible_gaps, [PossibleGap { feed: "a".into(), found_at: at(0) }]);
        assert_eq!(health.distrusted, [Distrusted { feed: "a".into(), since: at(0) }]);
        assert!(health.needs_care[0].ends_with("500; it may have moved to https://example.org/new"), "{:?}", health.needs_care);
        let later = Health::of(&config, &[condition], true, None, at(24 * 100));
        assert!(later.possible_gaps.is_empty() && later.distrusted.is_empty());
    }

    #[test]
    fn an_outage_is_told_once_and_explains_late_polls() {
        let folder = tempfile::tempdir().unwrap();
        let health = Health::of(&config(folder.path()), &[condition()], true, Some(at(0)), at(9));
        assert_eq!(health.needs_care, ["nothing can be reached since 2026-09-21 14:13 UTC: no host of any feed answers"]);
        assert_eq!(health.late, 1);
    }

    #[test]
    fn a_request_of_ten_seconds_is_slow() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        for (milliseconds, is_slow) in [(9_900, false), (10_000, true)] {
            let condition = FeedCondition { request: Some(Duration::from_millis(milliseconds)), ..condition() };
            assert_eq!(!Health::of(&config, &[condition], true, None, at(1)).slow.is_empty(), is_slow);
        }
    }
}
