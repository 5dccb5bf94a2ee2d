//! What the process counts of its own work since it started, as `/metrics` gives it (OpenMetrics).
//!
//! Names and units follow the OpenMetrics specification: seconds and bytes; counters end in `_total`. Whoever polls tells,
//! whoever serves asks.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::poll::PollLine;

/// One label and its value.
type Label = [(&'static str, Cow<'static, str>); 1];

/// From publication to archive, seconds: from a minute to a week.
const DELAYS: [f64; 12] = [60.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0];

/// A webhook, and how a request to it ended.
type PostedLabel = [(&'static str, Cow<'static, str>); 2];

/// Requests, seconds.
const REQUESTS: [f64; 10] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0];

/// The archive's commits, seconds, waiting for their turn included.
const COMMITS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// What is counted when somebody asks, and not before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Measured {
    /// Feeds by their state.
    pub feeds: Vec<(&'static str, usize)>,
    /// The database with its log, bytes.
    pub database_bytes: u64,
    /// The webhooks that are configured.
    pub webhooks: Vec<MeasuredWebhook>,
}

/// How a webhook is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeasuredWebhook {
    /// What it is called.
    pub name: String,
    /// Articles that are still to be delivered.
    pub undelivered: u64,
    /// How long its receiver has taken nothing, though something was to be sent; zero where it takes all.
    pub failing: Duration,
}

/// The counters of one process.
pub struct Vitals {
    registry: Registry,
    polls: Family<Label, Counter>,
    bytes: Counter,
    articles: Family<Label, Counter>,
    requests: Histogram,
    delays: Histogram,
    commits: Histogram,
    under_way: Gauge,
    waiting: Gauge,
    feeds: Family<Label, Gauge>,
    database: Gauge,
    posted: Family<PostedLabel, Counter>,
    undelivered: Family<Label, Gauge>,
    webhook_failing: Family<Label, Gauge>,
}

impl fmt::Debug for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vitals").finish_non_exhaustive()
    }
}

impl Default for Vitals {
    fn default() -> Self {
        let mut vitals = Self {
            registry: Registry::with_prefix("gleaner"),
            polls: Family::default(),
            bytes: Counter::default(),
            articles: Family::default(),
            requests: Histogram::new(REQUESTS),
            delays: Histogram::new(DELAYS),
            commits: Histogram::new(COMMITS),
            under_way: Gauge::default(),
            waiting: Gauge::default(),
            feeds: Family::default(),
            database: Gauge::default(),
            posted: Family::default(),
            undelivered: Family::default(),
            webhook_failing: Family::default(),
        };
        vitals.register();
        vitals
    }
}

impl Vitals {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("polls", "Polls that have ended, by outcome", self.polls.clone());
        registry.register_with_unit("poll_body", "Documents that polls brought, decompressed", Unit::Bytes, self.bytes.clone());
        registry.register("articles", "Articles stored by polls: new, updated, and new ones that are copies", self.articles.clone());
        registry.register_with_unit("poll_request", "Requests of polls", Unit::Seconds, self.requests.clone());
        let delay = "From publication to archive, of articles that were new in a feed known before";
        registry.register_with_unit("article_delay", delay, Unit::Seconds, self.delays.clone());
        registry.register_with_unit("store_commit", "Commits of polls, their wait included", Unit::Seconds, self.commits.clone());
        registry.register("polls_under_way", "Feeds that are being polled", self.under_way.clone());
        registry.register("polls_waiting", "Feeds whose time has come and that wait for their turn", self.waiting.clone());
        registry.register("feeds", "Feeds by state", self.feeds.clone());
        registry.register_with_unit("database_size", "The database and its log", Unit::Bytes, self.database.clone());
        registry.register("webhook_requests", "Requests to webhooks, by outcome", self.posted.clone());
        let undelivered = "Articles that are still to be delivered to a webhook; ten thousand are counted";
        registry.register("webhook_undelivered", undelivered, self.undelivered.clone());
        let failing = "How long a webhook's receiver has taken nothing, though something was to be sent";
        registry.register_with_unit("webhook_failing", failing, Unit::Seconds, self.webhook_failing.clone());
        let build = Family::<Label, Gauge>::default();
        build.get_or_create(&[("version", Cow::Borrowed(env!("CARGO_PKG_VERSION")))]).set(1);
        registry.register("build", "The version that runs", build);
    }

    /// A poll has ended.
    pub fn polled(&self, line: &PollLine) {
        self.polls.get_or_create(&[("outcome", line.outcome.clone())]).inc();
        self.bytes.inc_by(line.bytes);
        for (change, count) in [("new", line.new), ("updated", line.updated), ("copy", line.copies)] {
            self.articles.get_or_create(&[("change", Cow::Borrowed(change))]).inc_by(count as u64);
        }
        self.requests.observe(line.elapsed.as_secs_f64());
        self.commits.observe(line.stored.as_secs_f64());
        line.delays.iter().map(Duration::as_secs_f64).for_each(|delay| self.delays.observe(delay));
    }

    /// A request to a webhook has ended.
    pub fn posted(&self, webhook: &str, outcome: &'static str) {
        let labels = [("webhook", Cow::Owned(webhook.to_owned())), ("outcome", Cow::Borrowed(outcome))];
        self.posted.get_or_create(&labels).inc();
    }

    /// So many feeds are being polled, and so many wait though their time has come.
    pub fn queued(&self, under_way: usize, waiting: usize) {
        self.under_way.set(i64::try_from(under_way).unwrap_or(i64::MAX));
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// All of it in the OpenMetrics text format.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn text(&self, measured: &Measured) -> Result<String, fmt::Error> {
        for (state, count) in &measured.feeds {
            self.feeds.get_or_create(&[("state", Cow::Borrowed(*state))]).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        self.database.set(i64::try_from(measured.database_bytes).unwrap_or(i64::MAX));
        // Those that are no longer configured go.
        self.undelivered.clear();
        self.webhook_failing.clear();
        for webhook in &measured.webhooks {
            let labels = [("webhook", Cow::Owned(webhook.name.clone()))];
            self.undelivered.get_or_create(&labels).set(i64::try_from(webhook.undelivered).unwrap_or(i64::MAX));
            self.webhook_failing.get_or_create(&labels).set(i64::try_from(webhook.failing.as_secs()).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_counted_by_what_came_of_them() {
        let vitals = Vitals::default();
        let line = PollLine {
            outcome: "fresh".into(),
            new: 3,
            copies: 1,
            bytes: 2_000,
            delays: vec![Duration::from_secs(90)],
            ..PollLine::default()
        };
        vitals.polled(&line);
        vitals.polled(&PollLine { outcome: "not_modified".into(), ..PollLine::default() });
        vitals.queued(2, 5);
        vitals.posted("https://a.example/hook", "delivered");
        let webhooks = vec![MeasuredWebhook { name: "https://a.example/hook".into(), undelivered: 3, failing: Duration::from_secs(90) }];
        let text = vitals.text(&Measured { feeds: vec![("ok", 7)], database_bytes: 4_096, webhooks }).unwrap();
        for line in [
            "gleaner_polls_total{outcome=\"fresh\"} 1",
            "gleaner_polls_total{outcome=\"not_modified\"} 1",
            "gleaner_poll_body_bytes_total 2000",
            "gleaner_articles_total{change=\"new\"} 3",
            "gleaner_articles_total{change=\"copy\"} 1",
            "gleaner_article_delay_seconds_bucket{le=\"300.0\"} 1",
            "gleaner_article_delay_seconds_bucket{le=\"60.0\"} 0",
            "gleaner_polls_waiting 5",
            "gleaner_feeds{state=\"ok\"} 7",
            "gleaner_database_size_bytes 4096",
            "gleaner_webhook_requests_total{webhook=\"https://a.example/hook\",outcome=\"delivered\"} 1",
            "gleaner_webhook_undelivered{webhook=\"https://a.example/hook\"} 3",
            "gleaner_webhook_failing_seconds{webhook=\"https://a.example/hook\"} 90",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
