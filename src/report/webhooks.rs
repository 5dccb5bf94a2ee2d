//! How each configured webhook is doing.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::health::minute;
use crate::store::{Reader, StoreError};
use crate::webhook::{self, Outbox};

/// So many undelivered articles are counted; there may be more.
const MOST_COUNTED: u32 = 10_000;

/// A receiver that takes nothing for so long needs care.
const LONGEST_FAILURE: TimeDelta = TimeDelta::hours(1);

/// A webhook's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct WebhookLine {
    /// Its URL, without credentials and query.
    pub url: String,
    /// `new` (no daemon has run with it yet), `ok`, `failing`, or `gone` where the receiver says so.
    pub status: &'static str,
    /// Articles that are still to be delivered; at most 10,000 are counted.
    pub undelivered: u64,
    /// When the receiver last took one.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// Since when it takes nothing, though something is to be sent.
    pub failing_since: Option<DateTime<Utc>>,
    /// How the last request ended, where it was not taken.
    pub last_error: Option<String>,
    /// Nothing is sent before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// Ids of articles that it refused and that come again.
    pub refused: Vec<String>,
    /// How many articles were passed over since they were refused again and again.
    pub passed_over: u64,
    /// The last of these: its id.
    pub last_passed_over: Option<String>,
}

impl WebhookLine {
    fn of(url: String, outbox: Option<Outbox>, undelivered: u64) -> Self {
        let status = match &outbox {
            None => "new",
            Some(outbox) if outbox.gone_since.is_some() => "gone",
            Some(outbox) if outbox.failing_since.is_some() => "failing",
            Some(_) => "ok",
        };
        let outbox = outbox.unwrap_or_default();
        let undelivered = undelivered + outbox.refused.len() as u64;
        Self {
            url,
            status,
            undelivered,
            last_delivered_at: outbox.last_delivered_at,
            failing_since: outbox.gone_since.or(outbox.failing_since),
            last_error: outbox.last_error,
            retry_at: outbox.retry_at,
            refused: outbox.refused.into_iter().map(|refused| refused.article).collect(),
            passed_over: outbox.passed_over,
            last_passed_over: outbox.last_passed_over.map(|passed| passed.article),
        }
    }

    /// What will not mend itself, as far as can be told: a sentence.
    pub fn care(&self, now: DateTime<Utc>) -> Option<String> {
        let Self { url, failing_since, last_error, undelivered, .. } = self;
        let since = failing_since.filter(|since| self.status == "gone" || now - *since >= LONGEST_FAILURE)?;
        let error = last_error.as_deref().unwrap_or_default();
        Some(format!("the webhook {url} takes nothing since {}, {undelivered} undelivered: {error}", minute(since)))
    }
}

/// The configured webhooks, in their order.
///
/// # Errors
/// Those of the archive.
pub fn webhook_lines(reader: &Reader, config: &Config) -> Result<Vec<WebhookLine>, StoreError> {
    if config.webhooks.is_empty() {
        return Ok(Vec::new());
    }
    let mut outboxes = reader.outboxes()?;
    let named = config.webhooks.iter().zip(webhook::names(&config.webhooks));
    named
        .map(|(webhook, name)| {
            let outbox = outboxes.remove(&webhook::key(webhook));
            let selection = webhook::selection(webhook, config);
            let undelivered = match &outbox {
                Some(outbox) => reader.count_changes(outbox.change, &selection, MOST_COUNTED)?,
                None => 0,
            };
            Ok(WebhookLine::of(name, outbox, undelivered))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::Answer;

    #[test]
    fn only_a_receiver_that_took_nothing_for_an_hour_or_is_gone_needs_care() {
        let at = |minutes: i64| DateTime::from_timestamp(1_790_000_000 + minutes * 60, 0).unwrap();
        for (answer, minutes, status, care) in [
            (Answer::Taken, 600, "ok", ""),
            (Answer::of(502, None), 59, "failing", ""),
            (Answer::of(502, None), 60, "failing", "the webhook w takes nothing since 2026-09-21 14:13, 3 undelivered: HTTP status 502"),
            (Answer::of(410, None), 0, "gone", "the webhook w takes nothing since 2026-09-21 14:13, 3 undelivered: HTTP status 410"),
            (Answer::of(422, None), 600, "ok", ""),
        ] {
            let mut outbox = Outbox::begin(0);
            outbox.answered(1, "a", &answer, at(0));
            let aside = outbox.refused.len() as u64;
            let line = WebhookLine::of("w".to_owned(), Some(outbox), 3 - aside);
            assert_eq!((line.status, line.undelivered), (status, 3), "{answer:?}");
            let said = line.care(at(minutes)).unwrap_or_default();
            assert!(if care.is_empty() { said.is_empty() } else { said.starts_with(care) }, "{said}");
        }
        assert_eq!(WebhookLine::of("w".to_owned(), None, 0).status, "new");
    }
}
