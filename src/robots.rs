//! robots.txt (RFC 9309): what a host's owner asks robots to leave alone, kept for a day at most.
//!
//! The rules are read by `robotxt`; here is what they are worth when the file cannot be had, for how long they hold, and how much
//! of them is kept. A file that is missing allows everything; one that cannot be had (a server's error, no answer) forbids
//! everything until it can, since its owner may have said no (§2.3.1.4). Feeds are asked for because their publisher offers
//! them to programs; robots.txt speaks of everything else: pages, sitemaps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use robotxt::{BYTE_LIMIT, robots_url};
use tokio::time::Instant;
use url::Url;

pub use robotxt::Robots;

use crate::config::FeedRequest;
use crate::fetch::{Accept, Client, Failure, Outcome, Request};

/// A cached file is used no longer (§2.4).
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// … nor shorter: a server that wants its file asked for before each page would be asked twice as often as needed.
const SHORTEST: Duration = Duration::from_secs(60 * 60);

/// A file that could not be had is asked for again after so long, unless the server said when.
const AFTER_FAILURE: Duration = Duration::from_secs(10 * 60);

/// So many hosts' rules are kept; with more, the ones that run out first go.
const MOST_FILES: usize = 4096;

/// So many bytes of rules are kept, by the size of the files that they come from.
const MOST_BYTES: usize = 8 << 20;

/// The product token by which a robots.txt addresses this poller: the name before the version in `User-Agent` (§2.2.1), "Gleaner"
/// where none can be read from it.
pub fn product_token(user_agent: &str) -> &str {
    let end = user_agent.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '-' | '_'))).unwrap_or(user_agent.len());
    user_agent.get(..end).filter(|token| !token.is_empty()).unwrap_or("Gleaner")
}

/// What a host's robots.txt says, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rules {
    /// It was read, or there is none: then everything is allowed.
    Known(Robots),
    /// It cannot be had, so nothing may be asked for until it can.
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// May a URL be asked for?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// Yes; with the pause between two requests that the host's owner wants, if the file names one.
    Allowed {
        /// `Crawl-delay`, which RFC 9309 does not know and many files have.
        crawl_delay: Option<Duration>,
    },
    /// The file says no.
    Disallowed {
        /// The rule that says so.
        rule: String,
    },
    /// Nobody knows: the file cannot be had. Ask again later.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl Rules {
    /// What these rules say of one URL of their host.
    pub fn permission(&self, url: &Url) -> Permission {
        match self {
            Self::Unreachable { reason } => Permission::Unknown { reason: reason.clone() },
            Self::Known(robots) if robots.is_url_allowed(url) => Permission::Allowed { crawl_delay: robots.crawl_delay() },
            Self::Known(robots) => {
                let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
                let rule = robots.matching_rule(path).map(|rule| rule.pattern().to_owned());
                Permission::Disallowed { rule: rule.unwrap_or_else(|| "/".to_owned()) }
            }
        }
    }

    /// The addresses that `Sitemap:` lines name, whoever they are for.
    pub fn sitemaps(&self) -> &[Url] {
        match self {
            Self::Known(robots) => robots.sitemaps(),
            Self::Unreachable { .. } => &[],
        }
    }
}

/// What the end of a request for robots.txt means (§2.3.1), and for how long; `max_age` and `retry_after` are the answer's.
pub fn rules_of(outcome: &Outcome, token: &str, max_age: Option<Duration>, retry_after: Option<Duration>) -> (Rules, Duration) {
    let known = |robots| (Rules::Known(robots), max_age.unwrap_or(LONGEST).clamp(SHORTEST, LONGEST));
    let unreachable = |reason: String| {
        (Rules::Unreachable { reason: format!("robots.txt: {reason}") }, retry_after.unwrap_or(AFTER_FAILURE).clamp(AFTER_FAILURE, LONGEST))
    };
    match outcome {
        Outcome::Fresh(fresh) => known(Robots::parse(&fresh.body, token)),
        Outcome::Gone | Outcome::Failed(Failure::Status(400..=499)) => known(Robots::allow_all()),
        // Five hops and no file is no file (§2.3.1.2); so is a hop to where nobody may ask.
        Outcome::Failed(Failure::TooManyRedirects(_) | Failure::BadRedirect(_) | Failure::Forbidden { .. }) => known(Robots::allow_all()),
        Outcome::Failed(failure) => unreachable(failure.to_string()),
        Outcome::RateLimited { status } => unreachable(format!("the server asks for fewer requests ({status})")),
        Outcome::NotModified { .. } => unreachable("\"not modified\", though nothing was known".to_owned()),
    }
}

/// The rules of all hosts asked of late.
#[derive(Debug, Default)]
pub struct RobotsFiles {
    kept: Mutex<Kept>,
}

/// Whose rules: each scheme, host and port has a file of its own (§2.3), each product token its lines in it; and what one
/// request may not ask (a private network) says nothing about what another may.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Whose {
    address: Url,
    token: String,
    proxy: Option<Url>,
    allow_private_networks: Option<bool>,
}

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<Whose, Held>,
    bytes: usize,
}

/// A file that is kept, or being asked for.
#[derive(Debug)]
struct Held {
    file: Arc<tokio::sync::Mutex<Option<File>>>,
    /// Bytes of the file that the rules come from.
    size: usize,
    until: Instant,
}

#[derive(Debug)]
struct File {
    rules: Arc<Rules>,
    until: Instant,
}

// Nothing that holds the lock can be left half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RobotsFiles {
    /// The rules that hold for `request`: kept ones, else its host is asked, by the request's own proxy and guard but without its
    /// secrets. Whoever needs the same file meanwhile waits for that answer.
    pub async fn rules(&self, client: &Client, request: &Request) -> Arc<Rules> {
        let Ok(address) = robots_url(&request.url) else {
            return Arc::new(Rules::Known(Robots::allow_all()));
        };
        let options = FeedRequest {
            user_agent: request.options.user_agent.clone(),
            proxy: request.options.proxy.clone(),
            allow_private_networks: request.options.allow_private_networks,
            ..FeedRequest::default()
        };
        let whose = Whose {
            token: product_token(client.user_agent(&options)).to_owned(),
            proxy: options.proxy.clone(),
            allow_private_networks: options.allow_private_networks,
            address,
        };
        let place = lock(&self.kept).place(&whose);
        let mut file = place.lock().await;
        if let Some(file) = file.as_ref().filter(|file| file.until > Instant::now()) {
            return Arc::clone(&file.rules);
        }
        let asked = Request { accept: Accept::Any, options, ..Request::page(whose.address.clone()) };
        let fetched = client.fetch(&asked).await;
        let (rules, hold) = rules_of(&fetched.outcome, &whose.token, fetched.freshness.max_age, fetched.freshness.retry_after);
        let size = match &fetched.outcome {
            Outcome::Fresh(fresh) => fresh.body.len().min(BYTE_LIMIT),
            _ => 0,
        };
        let (rules, until) = (Arc::new(rules), Instant::now() + hold);
        *file = Some(File { rules: Arc::clone(&rules), until });
        lock(&self.kept).hold(&whose, size, until);
        rules
    }
}

impl Kept {
    fn place(&mut self, whose: &Whose) -> Arc<tokio::sync::Mutex<Option<File>>> {
        if let Some(held) = self.files.get(whose) {
            return Arc::clone(&held.file);
        }
        let file = Arc::default();
        // Until the answer is there it is the first that may go; whoever waits for it has it in hand.
        self.files.insert(whose.clone(), Held { file: Arc::clone(&file), size: 0, until: Instant::now() });
        self.make_room(whose);
        file
    }

    /// Notes what a file costs and how long it holds.
    fn hold(&mut self, whose: &Whose, size: usize, until: Instant) {
        if let Some(held) = self.files.get_mut(whose) {
            self.bytes = self.bytes - held.size + size;
            (held.size, held.until) = (size, until);
            self.make_room(whose);
        }
    }

    /// Lets those go that run out first, where there are too many.
    fn make_room(&mut self, whose: &Whose) {
        while self.files.len() > MOST_FILES || self.bytes > MOST_BYTES {
            let others = self.files.iter().filter(|(other, _)| *other != whose);
            let Some(first) = others.min_by_key(|(_, held)| held.until).map(|(other, _)| other.clone()) else { break };
            self.bytes -= self.files.remove(&first).map_or(0, |held| held.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::fetch::{Fresh, Validators};

    fn fresh(text: &str) -> Outcome {
        Outcome::Fresh(Fresh { body: Bytes::copy_from_slice(text.as_bytes()), content_type: None, validators: Validators::default() })
    }

    fn url(path: &str) -> Url {
        Url::parse("https://example.org").unwrap().join(path).unwrap()
    }

    #[test]
    fn the_product_token_is_the_name_before_the_version() {
        for (user_agent, want) in
            [("Gleaner/0.1 (+https://e.org)", "Gleaner"), ("my-bot_x 2", "my-bot_x"), ("", "Gleaner"), ("1bot", "Gleaner"), ("Bot", "Bot")]
        {
            assert_eq!(product_token(user_agent), want, "{user_agent}");
        }
    }

    #[test]
    fn the_group_for_our_token_counts_else_that_for_all_and_the_longest_rule_wins() {
        let text = "User-agent: *\nDisallow: /\n\nUser-agent: gleaner\nCrawl-delay: 2.5\nDisallow: /private\nAllow: /private/open$\n\
                    Disallow: /*.pdf\nSitemap: https://example.org/map.xml\n";
        let (rules, _) = rules_of(&fresh(text), "Gleaner", None, None);
        let delay = Some(Duration::from_millis(2500));
        for (path, want) in [
            ("/news/1", Permission::Allowed { crawl_delay: delay }),
            ("/private/x", Permission::Disallowed { rule: "/private".to_owned() }),
            ("/private/open", Permission::Allowed { crawl_delay: delay }),
            ("/private/open/more", Permission::Disallowed { rule: "/private".to_owned() }),
            ("/a/b.pdf?x=1", Permission::Disallowed { rule: "/*.pdf".to_owned() }),
        ] {
            assert_eq!(rules.permission(&url(path)), want, "{path}");
        }
        assert_eq!(rules.sitemaps().iter().map(Url::as_str).collect::<Vec<_>>(), ["https://example.org/map.xml"]);
        let (rules, _) = rules_of(&fresh(text), "Other", None, None);
        assert!(matches!(rules.permission(&url("/news/1")), Permission::Disallowed { .. }));
    }

    #[test]
    fn a_missing_file_allows_all_and_one_that_cannot_be_had_forbids_for_now() {
        let hour = Duration::from_secs(3600);
        let timeout = Failure::Timeout(Duration::from_secs(30));
        for (outcome, allowed, hold) in [
            (fresh(""), true, LONGEST),
            (Outcome::Gone, true, LONGEST),
            (Outcome::Failed(Failure::Status(404)), true, LONGEST),
            (Outcome::Failed(Failure::Status(403)), true, LONGEST),
            (Outcome::Failed(Failure::TooManyRedirects(5)), true, LONGEST),
            (Outcome::Failed(Failure::Status(500)), false, AFTER_FAILURE),
            (Outcome::Failed(Failure::Status(304)), false, AFTER_FAILURE),
            (Outcome::Failed(timeout), false, AFTER_FAILURE),
            (Outcome::RateLimited { status: 429 }, false, AFTER_FAILURE),
        ] {
            let (rules, held) = rules_of(&outcome, "Gleaner", None, None);
            let permission = rules.permission(&url("/a"));
            assert_eq!((matches!(permission, Permission::Allowed { .. }), held), (allowed, hold), "{outcome:?}");
            assert_eq!(matches!(permission, Permission::Unknown { .. }), !allowed, "{outcome:?}");
        }
        assert_eq!(rules_of(&Outcome::RateLimited { status: 503 }, "Gleaner", None, Some(hour)).1, hour);
        assert_eq!(rules_of(&fresh(""), "Gleaner", Some(2 * hour), None).1, 2 * hour);
        assert_eq!(rules_of(&fresh(""), "Gleaner", Some(1000 * hour), None).1, LONGEST);
        assert_eq!(rules_of(&fresh(""), "Gleaner", Some(Duration::from_secs(1)), None).1, SHORTEST);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_runs_out_first_goes() {
        let whose =
            |number: usize| Whose { address: url(&format!("/{number}")), token: String::new(), proxy: None, allow_private_networks: None };
        let mut kept = Kept::default();
        let now = Instant::now();
        for number in 0..40 {
            kept.place(&whose(number));
            kept.hold(&whose(number), 500 * 1024, now + Duration::from_secs(3600 + number as u64));
        }
        assert!(kept.bytes <= MOST_BYTES);
        assert!(!kept.files.contains_key(&whose(0)) && kept.files.contains_key(&whose(39)));
        for number in 0..MOST_FILES + 50 {
            kept.place(&whose(number));
        }
        assert_eq!(kept.files.len(), MOST_FILES);
        assert_eq!(kept.bytes, kept.files.values().map(|held| held.size).sum::<usize>());
    }
}
