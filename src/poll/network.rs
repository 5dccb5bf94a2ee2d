//! What each request tells of the network, and what the archive and people are told of that.

use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use url::Url;

use super::Poller;
use crate::fetch::{Fetched, Outcome, Reach};
use crate::schedule::{self, Change, Network};
use crate::store::FeedState;

impl Poller {
    /// Since when nothing at all can be reached, if that is so.
    pub fn outage_since(&self) -> Option<DateTime<Utc>> {
        self.network().outage_since()
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from a request whether the network is there. Gives back since when it is not, where that is why the request came to
    /// nothing.
    pub(super) async fn hear(&self, url: &Url, fetched: &Fetched, state: &FeedState) -> Option<DateTime<Utc>> {
        let site = schedule::witness(url)?;
        let (reach, now) = (fetched.reach(), fetched.at.trunc_subsecs(0));
        let answered_before = state.consecutive_failures == 0;
        let (change, outage) = {
            let mut network = self.network();
            (network.hear(&site, reach, answered_before, self.settings.sites, now), network.outage_since())
        };
        let noted = match change {
            Some(Change::Lost { since }) => {
                let last = match &fetched.outcome {
                    Outcome::Failed(failure) => failure.to_string(),
                    _ => String::new(),
                };
                tracing::warn!(%since, last, "nothing can be reached; one feed at a time is asked until a host answers");
                self.archive.begin_outage(since).await
            }
            Some(Change::Back { since }) => {
                tracing::info!(%since, minutes = (now - since).num_minutes(), "the network is back");
                self.archive.end_outage(now).await
            }
            None => Ok(()),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "the outage is not noted");
        }
        outage.filter(|_| reach == Reach::Unreached)
    }
}
