//! Feeds that have moved for good: at which addresses a poll asks, and which feeds one request serves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

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
    let own = Attempt { request: Request { options: FeedRequest::clone(&feed.request), ..Request::feed(feed.url.clone()) }, target: None };
    let new = moved.and_then(|moved| Url::parse(&moved.to).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
    let new = new.map(|target| Attempt { request: request_at(feed, &target), target: Some(target) });
    match (address(moved, now), new) {
        (Address::NewThenOwn, Some(new)) => vec![new, own],
        (Address::OwnThenNew, Some(new)) => vec![own, new],
        _ => vec![own],
    }
}

/// What the operator wrote for the feed's own origin (credentials, headers) goes nowhere else, as with any redirect.
pub fn request_at(feed: &Feed, target: &Url) -> Request {
    let is_upgrade = feed.url.scheme() == "http" && target.scheme() == "https" && feed.url.port().is_none() && target.port().is_none();
    let is_own = feed.url.host() == target.host() && (feed.url.origin() == target.origin() || is_upgrade);
    let mut url = target.clone();
    if !is_own {
        return Request { options: public(&feed.request), ..Request::feed(url) };
    }
    // Both fail only for URLs that cannot have credentials.
    let _ = url.set_username(feed.url.username());
    let _ = url.set_password(feed.url.password());
    Request { options: FeedRequest::clone(&feed.request), ..Request::feed(url) }
}

/// Without what is meant for one origin.
pub fn public(options: &FeedRequest) -> FeedRequest {
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
pub fn shared_address(feed: &Feed, feeds: &[Arc<Feed>], moved: &[MovedFeed], now: DateTime<Utc>) -> Option<SharedAddress> {
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
            || Request { options: FeedRequest::clone(&feed.request), ..Request::feed(feed.url.clone()) },
            |target| request_at(feed, target),
        );
        let credentials = (request.url.username().to_owned(), request.url.password().map(str::to_owned));
        Some((identity, request.options, credentials))
    };
    let own = address_of(feed)?;
    let others: Vec<Feed> = feeds
        .iter()
        .filter(|other| other.name != feed.name && address_of(other).as_ref() == Some(&own))
        .map(|other| Feed::clone(other))
        .collect();
    (!others.is_empty()).then(|| SharedAddress { address: own.0.to_string(), others })
}

/// Does this attempt ask at the address that a feed shares, and not at one that only leads there?
pub fn is_shared(attempt: &Attempt, moved: Option<&Moved>, now: DateTime<Utc>) -> bool {
    attempt.target.is_some() || !moved.is_some_and(|moved| moved.is_believed(now))
}

/// Turns at shared addresses. An address that was once shared stays known: there are few.
#[derive(Debug, Clone, Default)]
pub struct Sharing {
    turns: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<LastAnswer>>>>>,
}

/// When this process last had an answer from an address that served all who share it.
pub type LastAnswer = Option<Instant>;

impl Sharing {
    /// Waits until no other poll asks at this address.
    pub async fn turn(&self, address: &str) -> OwnedMutexGuard<LastAnswer> {
        let turn = Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(address.to_owned()).or_default());
        turn.lock_owned().await
    }
}

/// The line of a feed that another feed's request has served.
pub fn shared_line(feed: &Feed, state: &FeedState, now: DateTime<Utc>) -> PollLine {
    PollLine {
        feed: feed.name.clone(),
        url: without_credentials(&feed.url),
        outcome: "shared".into(),
        next_poll_at: state.next.map_or(now, |next| next.at),
        ..PollLine::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn moved_to(to: &str, days: u64) -> Moved {
        let since = now() - Duration::from_secs(days * 86_400);
        Moved { to: to.to_owned(), since, own_asked_at: Some(now() - Duration::from_secs(3600)) }
    }

    #[test]
    fn what_was_written_for_a_feeds_own_origin_goes_nowhere_else() {
        let mut feed = Feed::at("a", "http://reader:sesame@a.example/feed");
        Arc::make_mut(&mut feed.request).token_file = Some("token".into());
        Arc::make_mut(&mut feed.request).headers = vec![("X-Key".into(), "sesame".into())];
        Arc::make_mut(&mut feed.request).user_agent = Some("Reader".into());
        for (target, is_own) in [
            ("http://a.example/new", true),
            ("https://a.example/new", true),
            ("https://b.example/new", false),
            ("http://a.example:8080/new", false),
            ("https://a.example:8443/new", false),
            ("http://sub.a.example/new", false),
        ] {
            let attempts = attempts(&feed, Some(&moved_to(target, 7)), now());
            assert_eq!(attempts.len(), 2, "{target}");
            let new = &attempts[0].request;
            assert_eq!((new.url.host_str(), new.url.path()), (Url::parse(target).unwrap().host_str(), "/new"));
            assert_eq!(new.url.password().is_some(), is_own, "{target}");
            assert_eq!(new.options.token_file.is_some(), is_own, "{target}");
            assert_eq!(!new.options.headers.is_empty(), is_own, "{target}");
            assert_eq!(new.options.user_agent.as_deref(), Some("Reader"), "{target}");
            assert_eq!(attempts[1].request.url, feed.url);
        }
    }

    #[test]
    fn a_feed_is_asked_nowhere_else_before_its_redirect_is_believed_or_where_it_leads_to_no_web_address() {
        let feed = Feed::at("a", "https://a.example/feed");
        for moved in [None, Some(moved_to("https://b.example/", 5)), Some(moved_to("file:///etc/passwd", 9)), Some(moved_to("nowhere", 9))]
        {
            let attempts = attempts(&feed, moved.as_ref(), now());
            assert!(attempts.len() == 1 && attempts[0].target.is_none(), "{moved:?}");
        }
    }

    #[test]
    fn feeds_share_an_address_once_their_redirects_are_believed() {
        let (a, b, c) =
            (Feed::at("a", "https://a.example/feed"), Feed::at("b", "http://www.b.example/feed/"), Feed::at("c", "https://c.example/feed"));
        let feeds = [&a, &b, &c].map(|feed| Arc::new(feed.clone()));
        let moved =
            |feed: &Feed, to: &str, days| MovedFeed { feed: feed.name.clone(), url: feed.url.to_string(), moved: moved_to(to, days) };
        let others = |feed: &Feed, moved: &[MovedFeed]| {
            let shared = shared_address(feed, &feeds, moved, now());
            shared.map(|shared| shared.others.into_iter().map(|feed| feed.name).collect::<Vec<_>>()).unwrap_or_default()
        };
        // a has moved to b, by another spelling of its address.
        let one = [moved(&a, "https://b.example/feed", 6)];
        assert_eq!((others(&a, &one), others(&b, &one), others(&c, &one)), (vec!["b".into()], vec!["a".into()], vec![]));
        // a and c have moved to where nobody was.
        let two = [moved(&a, "https://d.example/feed", 6), moved(&c, "https://d.example/feed", 60)];
        assert_eq!((others(&a, &two), others(&b, &two), others(&c, &two)), (vec!["c".into()], vec![], vec!["a".into()]));
        // Not believed yet; moved from an address that the operator has changed since.
        assert!(others(&a, &[moved(&a, "https://b.example/feed", 5)]).is_empty());
        let elsewhere = MovedFeed { url: "https://old.example/".to_owned(), ..moved(&a, "https://b.example/feed", 9) };
        assert!(others(&a, &[elsewhere]).is_empty());
        // Who asks in another way gets another document.
        let mut special = b.clone();
        Arc::make_mut(&mut special.request).cookie_file = Some("cookie".into());
        assert!(shared_address(&a, &[a.clone().into(), special.into()], &one, now()).is_none());
    }

    #[tokio::test]
    async fn polls_at_one_shared_address_wait_for_each_other() {
        let sharing = Sharing::default();
        let turn = sharing.turn("d.example/feed").await;
        let wait = Duration::from_millis(20);
        assert!(tokio::time::timeout(wait, sharing.turn("d.example/feed")).await.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(5), sharing.turn("e.example/feed")).await.is_ok());
        drop(turn);
        assert!(tokio::time::timeout(Duration::from_secs(5), sharing.turn("d.example/feed")).await.is_ok());
    }
}
