//! The archive and the poller at a glance.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::config::Config;
use crate::health::Health;
use crate::report::WebhookLine;
use crate::store::{FeedCondition, Holder, Overview, StoreError};

/// All that there is to say.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Status {
    /// `None` where there is none yet.
    pub archive: Option<Overview>,
    /// Whoever polls.
    pub poller: PollerState,
    /// The configured webhooks, in their order.
    pub webhooks: Vec<WebhookLine>,
    /// How the feeds are doing.
    #[serde(flatten)]
    pub health: Health,
}

/// Whoever polls.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PollerState {
    /// Does anybody?
    pub running: bool,
    /// Who.
    #[serde(flatten)]
    pub holder: Holder,
    /// What the daemon says is wrong with more than a single feed.
    pub troubles: Vec<String>,
}

impl Status {
    /// Of what the archive knows of feeds and webhooks, who holds it, and what that one says is wrong.
    pub fn of(
        config: &Config,
        archive: Option<Overview>,
        conditions: &[FeedCondition],
        webhooks: Vec<WebhookLine>,
        holder: Option<Holder>,
        troubles: Vec<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let outage_since = archive.as_ref().and_then(|archive| archive.outage_since);
        let mut health = Health::of(config, conditions, holder.is_some(), outage_since, now);
        let others = troubles.iter().filter(|trouble| !health.needs_care.contains(trouble)).cloned().collect::<Vec<_>>();
        health.needs_care.splice(0..0, others);
        health.needs_care.extend(webhooks.iter().filter_map(|webhook| webhook.care(now)));
        if archive.is_none() {
            health.needs_care.push(StoreError::Missing { path: config.database.path.clone() }.to_string());
        }
        let poller = PollerState { running: holder.is_some(), holder: holder.unwrap_or_default(), troubles };
        Self { archive, poller, webhooks, health }
    }
}
