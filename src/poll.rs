//! One poll of one feed, from its state to its commit: fetch → parse → normalise → all that can be computed before
//! the writer's turn.
//!
//! A poll never fails as a whole: whatever goes wrong with the feed is part of what is stored, so that people see
//! it and the next poll starts from it. Only the archive itself can refuse.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{self, Feed};
use crate::fetch::{Client, Failure, Fetched, Fresh, Outcome, Request, Validators};
use crate::identity::EntryKeys;
use crate::normalise::{self, NormaliseSettings, RULES_VERSION};
use crate::parse::{self, Entry, FeedHead};
use crate::schedule::{self, End};
use crate::store::{Archive, FeedState, PlannedPoll, Poll, PolledDocument, PolledEntry, PolledFeed, Prepared, Reader, StoreError};

/// How one poll ended, for the log, the terminal and `poll --json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PollLine {
    /// The feed's name.
    pub feed: String,
    /// Its URL, without credentials.
    pub url: String,
    /// `fresh`, `not_modified`, `gone`, `rate_limited` or `failed`.
    pub outcome: Cow<'static, str>,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Articles that are new to the archive.
    pub new: usize,
    /// Articles whose content changed.
    pub updated: usize,
    /// What went wrong.
    pub error: Option<String>,
    /// Bytes of the body, decompressed.
    #[serde(skip)]
    pub bytes: u64,
    /// The request's time.
    #[serde(skip)]
    pub elapsed: Duration,
    /// When the feed is polled next.
    #[serde(skip)]
    pub next_poll_at: DateTime<Utc>,
}

/// What polling depends on beside the feed.
#[derive(Debug, Clone)]
pub struct PollSettings {
    /// When to poll next.
    pub schedule: config::Schedule,
    /// Words a minute, languages.
    pub articles: config::Articles,
    /// Keep raw entries?
    pub keep_entries: bool,
}

impl From<&config::Config> for PollSettings {
    fn from(config: &config::Config) -> Self {
        Self { schedule: config.schedule.clone(), articles: config.articles.clone(), keep_entries: config.database.keep_entries }
    }
}

/// The feeds that are due, those that were never polled first, then the longest overdue.
pub fn due_feeds(planned: &[PlannedPoll], feeds: &[Feed], settings: &config::Schedule, now: DateTime<Utc>) -> Vec<Feed> {
    let planned: HashMap<&str, &PlannedPoll> = planned.iter().map(|planned| (planned.feed.as_str(), planned)).collect();
    let mut due: Vec<(Option<DateTime<Utc>>, &Feed)> = feeds
        .iter()
        .filter(|feed| feed.enabled)
        .map(|feed| (due_at(planned.get(feed.name.as_str()).copied(), feed, settings), feed))
        .filter(|(at, _)| at.is_none_or(|at| at <= now))
        .collect();
    due.sort_by_key(|(at, _)| *at);
    due.into_iter().map(|(_, feed)| feed.clone()).collect()
}

/// When a feed is due; `None`: now, for it was never polled, or not at this URL.
pub fn due_at(planned: Option<&PlannedPoll>, feed: &Feed, settings: &config::Schedule) -> Option<DateTime<Utc>> {
    let planned = planned.filter(|planned| planned.url == without_credentials(&feed.url))?;
    planned.next.map(|next| schedule::due(next, planned.last_polled_at, settings, feed.interval))
}

/// Polls feeds into an archive.
#[derive(Debug, Clone)]
pub struct Poller {
    archive: Arc<Archive>,
    reader: Arc<Mutex<Reader>>,
    client: Client,
    settings: Arc<PollSettings>,
    /// Parsing and normalising keep a processor busy: no more of it at once than there are processors.
    processors: Arc<tokio::sync::Semaphore>,
}

impl Poller {
    /// A poller of this archive.
    ///
    /// # Errors
    /// Those of opening the archive for reading.
    pub fn new(archive: Arc<Archive>, client: Client, settings: PollSettings) -> Result<Self, StoreError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            reader: Arc::new(Mutex::new(archive.reader()?)),
            archive,
            client,
            settings: Arc::new(settings),
            processors: Arc::new(tokio::sync::Semaphore::new(processors)),
        })
    }

    /// The same poller with other settings, as after a reload.
    pub fn with(&self, client: Client, settings: PollSettings) -> Self {
        Self { client, settings: Arc::new(settings), ..self.clone() }
    }

    /// Polls a feed and commits what came of it.
    ///
    /// # Errors
    /// Those of the archive; nothing of the poll was stored then.
    pub async fn poll(&self, feed: &Feed) -> Result<PollLine, StoreError> {
        let url = without_credentials(&feed.url);
        // What belongs to another URL of this feed says nothing about this one.
        let state = self.state(feed.name.clone()).await?.filter(|state| state.url == url).unwrap_or_default();
        let request = Request { validators: state.validators.clone(), options: feed.request.clone(), ..Request::feed(feed.url.clone()) };
        let fetched = self.client.fetch(&request).await;
        let (poll, mut line) = self.read(feed, url, state, fetched).await;
        let report = self.archive.commit(poll).await?;
        (line.new, line.updated) = (report.new, report.updated);
        Ok(line)
    }

    async fn state(&self, name: String) -> Result<Option<FeedState>, StoreError> {
        let reader = Arc::clone(&self.reader);
        let read = move || reader.lock().unwrap_or_else(PoisonError::into_inner).feed_state(&name);
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Reads what came, on a thread that may be busy.
    async fn read(&self, feed: &Feed, url: String, state: FeedState, fetched: Fetched) -> (Poll, PollLine) {
        let now = fetched.at.trunc_subsecs(0);
        let answer = Answer { settings: Arc::clone(&self.settings), feed: feed.clone(), url, state, fetched, now };
        // The semaphore is never closed.
        let _turn = self.processors.acquire().await.ok();
        let reading = answer.clone();
        match tokio::task::spawn_blocking(move || reading.read()).await {
            Ok(read) => read,
            Err(panic) => {
                // A document that brings the parser down is that document's fault, and must not bring the poller down.
                let failure = Failure::NotAFeed(format!("reading the document failed: {panic}"));
                Answer { fetched: Fetched { outcome: Outcome::Failed(failure), ..answer.fetched }, ..answer }.read()
            }
        }
    }
}

/// What came, and what it is read with.
#[derive(Clone)]
struct Answer {
    settings: Arc<PollSettings>,
    feed: Feed,
    url: String,
    state: FeedState,
    fetched: Fetched,
    now: DateTime<Utc>,
}

impl Answer {
    fn read(self) -> (Poll, PollLine) {
        let mut validators = None;
        let mut document = None;
        let (outcome, error, end) = match &self.fetched.outcome {
            Outcome::Fresh(fresh) => match self.read_document(fresh) {
                Ok(read) => {
                    validators = Some(fresh.validators.clone());
                    document = read;
                    ("fresh", None, End::Answered)
                }
                Err(failure) => self.failed("failed", failure.to_string()),
            },
            Outcome::NotModified { validators: newer } => {
                validators = Some(Validators {
                    etag: newer.etag.clone().or_else(|| self.state.validators.etag.clone()),
                    last_modified: newer.last_modified.clone().or_else(|| self.state.validators.last_modified.clone()),
                })
                .filter(|updated| *updated != self.state.validators);
                ("not_modified", None, End::Answered)
            }
            Outcome::Gone => ("gone", Some("the server says that the feed is gone for good (410)".to_owned()), End::Gone),
            Outcome::RateLimited { status } => self.failed("rate_limited", format!("the server asks for fewer requests ({status})")),
            Outcome::Failed(failure) => self.failed("failed", failure.to_string()),
        };
        let next =
            schedule::next_poll(&self.feed.name, self.now, &self.settings.schedule, self.feed.interval, end, &self.fetched.freshness);
        let line = PollLine {
            feed: self.feed.name.clone(),
            url: self.url.clone(),
            outcome: outcome.into(),
            http_status: self.fetched.http_status,
            new: 0,
            updated: 0,
            error: error.clone(),
            bytes: self.fetched.bytes,
            elapsed: self.fetched.elapsed,
            next_poll_at: next.at,
        };
        let poll = Poll {
            feed: PolledFeed { name: self.feed.name.clone(), url: self.url.clone(), title: self.feed.title.clone() },
            at: self.now,
            http_status: self.fetched.http_status,
            error,
            gone: end == End::Gone,
            validators,
            redirected_to: self.fetched.moved_to.as_ref().map(without_credentials),
            elapsed: self.fetched.elapsed,
            next,
            document,
        };
        (poll, line)
    }

    fn failed(&self, outcome: &'static str, error: String) -> (&'static str, Option<String>, End) {
        (outcome, Some(error), End::Failed { failures: self.state.consecutive_failures.saturating_add(1) })
    }

    /// Parses the document, unless it is the one that we had last time.
    fn read_document(&self, fresh: &Fresh) -> Result<Option<PolledDocument>, Failure> {
        let hash = self.document_hash(fresh);
        if self.state.document == Some(hash) {
            return Ok(None);
        }
        let parsed = parse::parse(&fresh.body, &self.fetched.final_url, fresh.content_type.as_deref())
            .map_err(|error| Failure::NotAFeed(error.to_string()))?;
        for warning in &parsed.warnings {
            tracing::debug!(feed = self.feed.name, kind = warning.kind, "{}", warning.message);
        }
        let head = Arc::new(parsed.feed);
        let settings = Arc::new(NormaliseSettings {
            reading_speed: self.settings.articles.reading_speed,
            feed_language: self.feed.language.clone(),
            now: self.now,
        });
        let mut document = PolledDocument {
            hash,
            title: head.title.clone(),
            site_url: head.site_url.clone(),
            rule: self.feed.identity,
            entries: Vec::with_capacity(parsed.entries.len()),
            keys: Vec::with_capacity(parsed.entries.len()),
            prepare: self.preparer(Arc::clone(&head), Arc::clone(&settings)),
        };
        let mut doubts = false;
        for entry in parsed.entries {
            let keys = EntryKeys::of(&entry);
            if keys.is_void() || !self.is_wanted(&entry, &head, &settings) {
                continue;
            }
            doubts |= [&entry.published, &entry.updated].into_iter().flatten().any(|stamp| stamp.at.is_some_and(|at| at > self.now));
            document.keys.push(keys);
            document.entries.push(PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() });
        }
        // A date that is not believed yet may be tomorrow: then the same bytes are read again.
        if doubts {
            document.hash = 0;
        }
        // What the archive has not needs time, which is better spent here than while the writer is held up.
        for at in 0..document.entries.len() {
            if !self.state.present.contains(&document.keys[at].entry_hash) {
                document.prepare(at);
            }
        }
        Ok(Some(document))
    }

    /// Of the bytes and of all else that decides what is made of them.
    fn document_hash(&self, fresh: &Fresh) -> i64 {
        let mut hash = Sha256::new();
        hash.update(&fresh.body);
        let reading = (RULES_VERSION, &self.feed.identity, &self.feed.language, &self.settings.articles.languages, &fresh.content_type);
        hash.update(format!("{reading:?}"));
        first_bits(&hash.finalize())
    }

    /// Is the entry in one of the languages that the archive keeps? One of an unknown language is.
    fn is_wanted(&self, entry: &Entry, head: &FeedHead, settings: &NormaliseSettings) -> bool {
        let wanted = &self.settings.articles.languages;
        if wanted.is_empty() {
            return true;
        }
        let (draft, _) = normalise::normalise(entry, head, settings);
        draft.language.is_none_or(|language| {
            wanted.iter().any(|wanted| {
                let rest = language.get(wanted.len()..);
                language.get(..wanted.len()).is_some_and(|head| head.eq_ignore_ascii_case(wanted))
                    && rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        })
    }

    fn preparer(&self, head: Arc<FeedHead>, settings: Arc<NormaliseSettings>) -> Box<dyn Fn(&Entry) -> Prepared + Send + Sync> {
        let keep_entries = self.settings.keep_entries;
        let feed = self.feed.name.clone();
        Box::new(move |entry| {
            let (draft, doubts) = normalise::normalise(entry, &head, &settings);
            for doubt in doubts {
                tracing::debug!(feed, guid = entry.guid, "{doubt}");
            }
            Prepared::of(draft, keep_entries.then_some(entry))
        })
    }
}

fn first_bits(digest: &[u8]) -> i64 {
    digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | i64::from(*byte))
}

/// The URL as it may be stored, shown and exported.
pub fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for URLs that cannot have credentials, and those have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
