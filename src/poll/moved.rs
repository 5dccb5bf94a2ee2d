//! Feeds that have moved for good: at which addresses a poll asks, and which feeds one request serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::OwnedMutexGuard;
use url::Url;

use super::{PollLine, without_credentials};
use crate::config::{Feed, FeedRequest};
use crate::fetch::Request;
use crate::identity::IdentityUrl;
use crate::schedule::{Address, Moved, address};
use crate::store::{FeedState, MovedFeed};

/// One request that a poll may send.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Without validators.
    pub request: Request,
    /// Where the feed has moved to, if it is asked there; `None` where its own address is.
    pub target: Option<Url>,
}

/// The requests of one poll, in their order; the later ones where those before brought nothing.
pub fn attempts(feed: &Feed, moved: Option<&Moved>, now: DateTime<Utc>) -> Vec<Attempt> {
    let own = Attempt { request: Request { options: feed.request.clone(), ..Request::feed(feed.url.clone()) }, target: None };
    let new = moved.and_then(|moved| Url::parse(&moved.to).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
    let new = new.map(|target| Attempt { request: request_at(feed, &target), target: Some(target) });
    match (address(moved, now), new) {
        (Address::NewThenOwn, Some(new)) => vec![new, own],
        (Address::OwnThenNew, Some(new)) => vec![own, new],
        _ => vec![own],
    }
}

/// What the operator wrote for the feed's own origin (credentials, headers) goes nowhere else, as with any redirect.
fn request_at(feed: &Feed, target: &Url) -> Request {
    let is_upgrade = feed.url.scheme() == "http" && target.scheme() == "https" && feed.url.port().is_none() && target.port().is_none();
    let is_own = feed.url.host() == target.host() && (feed.url.origin() == target.origin() || is_upgrade);
    let mut url = target.clone();
    if !is_own {
        return Request { options: public(&feed.request), ..Request::feed(url) };
    }
    // Both fail only for URLs that cannot have credentials.
    let _ = url.set_username(feed.url.username());
    let _ = url.set_password(feed.url.password());
    Request { options: feed.request.clone(), ..Request::feed(url) }
}

fn public(options: &FeedRequest) -> FeedRequest {
    FeedRequest {
        user_agent: options.user_agent.clone(),
        proxy: options.proxy.clone(),
        max_body: options.max_body,
        allow_private_networks: options.allow_private_networks,
        ..FeedRequest::default()
    }
}

/// An address at which several feeds have their document.
#[derive(Debug, Clone)]
pub struct SharedAddress {
    /// Its identity URL.
    pub address: String,
    /// The other feeds.
    pub others: Vec<Feed>,
}

/// The address that `feed` shares with others: it has moved to where others are or have moved to, or others have moved to it.
/// Only redirects that are believed count, and only feeds that would ask there in the same way.
pub fn shared_address(feed: &Feed, feeds: &[Feed], moved: &[MovedFeed], now: DateTime<Utc>) -> Option<SharedAddress> {
    let targets: HashMap<&str, &MovedFeed> =
        moved.iter().filter(|moved| moved.moved.is_believed(now)).map(|moved| (moved.feed.as_str(), moved)).collect();
    if targets.is_empty() {
        return None;
    }
    let address_of = |feed: &Feed| {
        let moved = targets.get(feed.name.as_str()).filter(|moved| moved.url == without_credentials(&feed.url));
        let target = moved.and_then(|moved| Url::parse(&moved.moved.to).ok());
        let identity = IdentityUrl::of_url(target.as_ref().unwrap_or(&feed.url))?;
        let request = target.as_ref().map_or_else(
            || Request { options: feed.request.clone(), ..Request::feed(feed.url.clone()) },
            |target| request_at(feed, target),
        );
        let credentials = (request.url.username().to_owned(), request.url.password().map(str::to_owned));
        Some((identity, request.options, credentials))
    };
    let own = address_of(feed)?;
    let others: Vec<Feed> =
        feeds.iter().filter(|other| other.name != feed.name && address_of(other).as_ref() == Some(&own)).cloned().collect();
    (!others.is_empty()).then(|| SharedAddress { address: own.0.to_string(), others })
}

/// Does this attempt ask at the address that a feed shares, and not at one that only leads there?
pub fn is_shared(attempt: &Attempt, moved: Option<&Moved>, now: DateTime<Utc>) -> bool {
    attempt.target.is_some() || !moved.is_some_and(|moved| moved.is_believed(now))
}

/// Turns at shared addresses.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    turns: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Sharing {
    /// Waits until no other poll asks at this address.
    pub async fn turn(&self, address: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // A count of one is the map's own.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(address.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

/// The line of a feed that another feed's request has served.
pub fn shared_line(feed: &Feed, state: &FeedState, now: DateTime<Utc>) -> PollLine {
    PollLine {
        feed: feed.name.clone(),
        url: without_credentials(&feed.url),
        outcome: "shared",
        http_status: None,
        new: 0,
        updated: 0,
        error: None,
        bytes: 0,
        elapsed: Duration::ZERO,
        next_poll_at: state.next.map_or(now, |next| next.at),
    }
}
