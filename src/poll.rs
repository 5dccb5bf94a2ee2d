//! One poll of one feed, from its state to its commit: fetch → parse → normalise → all that can be computed before
//! the writer's turn.
//!
//! A poll never fails as a whole: whatever goes wrong with the feed is part of what is stored, so that people see
//! it and the next poll starts from it. Only the archive itself can refuse.

mod history;
mod moved;
mod network;
mod processors;
mod room;
mod search;
mod sitemaps;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use url::Url;

pub use self::history::BackfillLine;
use self::moved::LastAnswer;
use self::processors::Processors;
pub use self::room::{Room, Why};
use self::sitemaps::Parts;
use crate::config::{self, Feed};
use crate::copies::CopySettings;
use crate::fetch::{Client, Failure, Fetched, Fresh, Outcome, Request, Validators};
use crate::filter::{DroppedEntries, Wanted};
use crate::identity::{EntryKeys, Key, first_bits};
use crate::normalise::{self, NormaliseSettings, RULES_VERSION};
use crate::parse::{self, Entry, FeedHead};
use crate::robots::RobotsFiles;
use crate::schedule::{self, Asking, End, Memory, Network, Observation, Polled};
use crate::store::{
    Archive, Dropped, DroppedAt, FeedState, Packer, PlannedPoll, Poll, PolledDocument, PolledEntry, PolledFeed, Prepared, Reader,
    StoreError,
};

/// How one poll ended, for the log, the terminal and `poll --json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct PollLine {
    /// The feed's name.
    pub feed: String,
    /// Its URL, without credentials.
    pub url: String,
    /// `fresh`, `not_modified`, `gone`, `rate_limited`, `failed`, or `shared`: a request for another feed that has moved to
    /// the same address has just served this one too.
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
    /// Could nothing at all be reached? That is told once, not once a feed.
    #[serde(skip)]
    pub is_outage: bool,
    /// Of the new articles, those that are copies of others.
    #[serde(skip)]
    pub copies: usize,
    /// How old each new article was, where the feed was known before.
    #[serde(skip)]
    pub delays: Vec<Duration>,
    /// How long the archive took.
    #[serde(skip)]
    pub stored: Duration,
}

impl PollLine {
    /// One line in the log.
    pub fn log(&self) {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX);
        let Self { feed, http_status, new, updated, bytes, .. } = self;
        let outcome = self.outcome.as_ref();
        match &self.error {
            Some(error) if self.is_outage => tracing::debug!(feed, outcome, milliseconds, error, "polled"),
            Some(error) => tracing::warn!(feed, outcome, http_status, new, updated, bytes, milliseconds, error, "polled"),
            None => tracing::info!(feed, outcome, http_status, new, updated, bytes, milliseconds, "polled"),
        }
    }
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
    /// For all feeds; each feed's own come after.
    pub filters: Vec<config::Filter>,
    /// All feeds that are polled: those that have moved to one address share a request.
    pub feeds: Arc<[Arc<Feed>]>,
    /// Of how many sites they are, as [`schedule::sites`] counts.
    pub sites: usize,
}

impl PollSettings {
    /// What the operator wants of a feed's entries.
    pub fn wanted<'s>(&'s self, feed: &'s Feed) -> Wanted<'s> {
        Wanted::new(&self.articles.languages, &self.filters, Some(feed))
    }
}

impl From<&config::Config> for PollSettings {
    fn from(config: &config::Config) -> Self {
        Self {
            schedule: config.schedule.clone(),
            articles: config.articles.clone(),
            keep_entries: config.database.keep_entries,
            filters: config.filters.clone(),
            feeds: config.feeds.iter().filter(|feed| feed.enabled).cloned().collect(),
            sites: schedule::sites(config.feeds.iter().filter(|feed| feed.enabled).map(|feed| &feed.url)),
        }
    }
}

/// The feeds that are due, those that were never polled first, then the longest overdue.
pub fn due_feeds(planned: &[PlannedPoll], feeds: &[Arc<Feed>], settings: &config::Schedule, now: DateTime<Utc>) -> Vec<Arc<Feed>> {
    let planned: HashMap<&str, &PlannedPoll> = planned.iter().map(|planned| (planned.feed.as_str(), planned)).collect();
    let mut due: Vec<(Option<DateTime<Utc>>, &Arc<Feed>)> = feeds
        .iter()
        .filter(|feed| feed.enabled)
        .map(|feed| (due_at(planned.get(feed.name.as_str()).copied(), feed, settings, now), feed))
        .filter(|(at, _)| at.is_none_or(|at| at <= now))
        .collect();
    due.sort_by_key(|(at, _)| *at);
    due.into_iter().map(|(_, feed)| Arc::clone(feed)).collect()
}

/// When a feed is due; `None`: now, for it was never polled, or not at this URL.
pub fn due_at(planned: Option<&PlannedPoll>, feed: &Feed, settings: &config::Schedule, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let planned = planned.filter(|planned| planned.url == without_credentials(&feed.url))?;
    planned.next.map(|next| schedule::due(next, planned.last_polled_at, settings, feed.interval, now))
}

/// Polls feeds into an archive.
#[derive(Debug, Clone)]
pub struct Poller {
    archive: Arc<Archive>,
    /// Whoever waits for it holds no thread.
    reader: Arc<tokio::sync::Mutex<Reader>>,
    client: Client,
    settings: Arc<PollSettings>,
    /// Where parsing, normalising and packing are done.
    processors: Processors,
    /// What was read waits for the writer in memory: no more polls at once than two of its groups.
    committing: Arc<tokio::sync::Semaphore>,
    /// Feeds that share an address are polled one after the other.
    sharing: moved::Sharing,
    /// What hosts ask robots to leave alone, and the sitemaps that they name.
    robots: Arc<RobotsFiles>,
    /// Is it the feeds, or is it the network?
    network: Arc<Mutex<Network>>,
}

/// Polls that may be read or wait for the writer at once.
const COMMITTING: usize = 24;

impl Poller {
    /// A poller of this archive.
    ///
    /// # Errors
    /// Those of opening the archive for reading.
    pub fn new(archive: Arc<Archive>, client: Client, settings: PollSettings) -> Result<Self, StoreError> {
        let processors =
            Processors::start().map_err(|error| StoreError::Open { path: archive.path().to_owned(), reason: error.to_string() })?;
        let reader = archive.reader()?;
        Ok(Self {
            network: Arc::new(Mutex::new(Network::new(reader.outage_since()?))),
            reader: Arc::new(tokio::sync::Mutex::new(reader)),
            archive,
            client,
            settings: Arc::new(settings),
            processors,
            committing: Arc::new(tokio::sync::Semaphore::new(COMMITTING)),
            sharing: moved::Sharing::default(),
            robots: Arc::default(),
        })
    }

    /// The same poller with other settings, as after a reload.
    pub fn with(&self, client: Client, settings: PollSettings) -> Self {
        Self { client, settings: Arc::new(settings), ..self.clone() }
    }

    /// The client that it asks with: turns at hosts are shared with whoever else uses it.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Polls a feed and commits what came of it. Where it has moved to an address that others share, what came from there since
    /// `asked_at`, when somebody asked for this pass, counts for it.
    ///
    /// # Errors
    /// Those of the archive; nothing of the poll was stored then.
    pub async fn poll(&self, feed: &Feed, asked_at: Instant) -> Result<PollLine, StoreError> {
        // Somebody wants this pass now: one feed's 429 must not take the others' answers from it. The feed itself waits.
        self.poll_unless_served(feed, Hold::Feed, |_, last_answer| last_answer.is_some_and(|answered| answered >= asked_at)).await
    }

    /// As [`Self::poll`], for a feed whose time has come by a plan that may be out of date: a request for a feed that has moved to
    /// the same address may have served this one meanwhile.
    ///
    /// # Errors
    /// As above.
    pub async fn poll_planned(&self, feed: &Feed) -> Result<PollLine, StoreError> {
        let settings = &self.settings.schedule;
        self.poll_unless_served(feed, Hold::Host, |state, _| {
            let now = Utc::now();
            state.next.is_some_and(|next| schedule::due(next, state.last_polled_at, settings, feed.interval, now) > now)
        })
        .await
    }

    async fn poll_unless_served(
        &self,
        feed: &Feed,
        hold: Hold,
        is_served: impl Fn(&FeedState, LastAnswer) -> bool,
    ) -> Result<PollLine, StoreError> {
        let Some(shared) = self.shared_address(feed).await? else {
            let state = self.state_of(feed).await?;
            return self.ask(feed, state, &[], hold).await;
        };
        let mut turn = self.sharing.turn(&shared.address).await;
        let state = self.state_of(feed).await?;
        if is_served(&state, *turn) {
            return Ok(moved::shared_line(feed, &state, Utc::now()));
        }
        let line = self.ask(feed, state, &shared.others, hold).await?;
        if line.error.is_none() {
            *turn = Some(Instant::now());
        }
        Ok(line)
    }

    /// Asks at one address of the feed after the other until one answers; `others` have their document there, too.
    async fn ask(&self, feed: &Feed, state: FeedState, others: &[Feed], hold: Hold) -> Result<PollLine, StoreError> {
        let now = Utc::now();
        // A local file has nobody to lie for it.
        let asking = if feed.url.scheme() == "file" { Asking::Conditionally } else { state.trust.asking(&state.memory.rhythm, now) };
        let mut own_url_asked = false;
        let mut ended = None;
        let mut place = None;
        for attempt in moved::attempts(feed, state.moved.as_ref(), now) {
            let is_shared = moved::is_shared(&attempt, state.moved.as_ref(), now);
            let sharers = if is_shared { self.states_of(others).await? } else { Vec::new() };
            // Only what all of them have seen may be answered with "not modified".
            let is_common = sharers.iter().all(|(_, other)| other.validators == state.validators);
            let is_conditional = is_common && asking == Asking::Conditionally;
            let validators = if is_conditional { state.validators.clone() } else { Validators::default() };
            let mut fetched = self.client.fetch(&Request { validators, ..attempt.request.clone() }).await;
            let parts = self.follow_index(feed, &mut fetched).await;
            if let (Outcome::RateLimited { status }, Hold::Host) = (&fetched.outcome, hold) {
                let status = *status;
                let wait = schedule::host_hold(&self.settings.schedule, status, fetched.freshness.retry_after);
                self.client.hold_host(&fetched.final_url, wait, status);
            }
            let outage_since = self.hear(&attempt.request.url, &fetched, &state).await;
            own_url_asked |= attempt.target.is_none();
            let redirected_to = fetched.moved_to.clone();
            fetched.moved_to = fetched.moved_to.or_else(|| attempt.target.clone());
            let is_limited = matches!(fetched.outcome, Outcome::RateLimited { .. });
            if place.is_none() {
                // Held until all is committed. Neither semaphore is ever closed.
                place = self.committing.acquire().await.ok();
            }
            let (poll, line) = self.read(feed, state.clone(), fetched.clone(), parts.clone(), own_url_asked, outage_since).await;
            let is_answered = poll.error.is_none();
            let doubted = (asking == Asking::ToVerify && brings_news(&poll, &state)).then(|| attempt.request.clone());
            let lost = if is_answered || !state.search.is_due(now) { None } else { search::lost(&fetched) };
            ended = Some((poll, line, doubted, lost));
            if is_answered {
                for (other, other_state) in sharers {
                    let moved_to = other_state.moved.as_ref().and_then(|moved| Url::parse(&moved.to).ok());
                    let fetched = Fetched { moved_to: moved_to.or_else(|| redirected_to.clone()), ..fetched.clone() };
                    let own_url_asked = other.url == attempt.request.url;
                    let (poll, _) = self.read(&other, other_state, fetched, parts.clone(), own_url_asked, None).await;
                    self.archive.commit(poll).await?;
                }
            }
            let is_over = is_answered || is_limited;
            if is_over {
                break;
            }
        }
        // There is always an attempt: the feed's own address is one.
        let (mut poll, mut line, doubted, lost) = ended.ok_or(StoreError::Closed)?;
        // No body is held any more: others may wait for its memory while more is asked for.
        if let Some(request) = doubted
            && self.is_denied(&request, &state.validators).await
        {
            tracing::warn!(feed = feed.name, "the server says \"not modified\" though there is news; it is not asked for that any more");
            poll.has_lied = true;
        }
        let handed_over = Instant::now();
        let report = self.archive.commit(poll).await?;
        (line.new, line.updated, line.copies) = (report.new, report.updated, report.copies);
        (line.delays, line.stored) = (report.delays, handed_over.elapsed());
        drop(place);
        if let Some(lost) = lost {
            let found = search::search(&self.client, feed, &self.settings.feeds, state.site_url.as_deref(), lost).await;
            if let Some(found) = &found {
                tracing::info!(feed = feed.name, found = %without_credentials(found), "gone from where it was; its site has a feed");
            }
            self.archive.propose(&feed.name, &line.url, found.as_ref().map(without_credentials), Utc::now()).await?;
        }
        Ok(line)
    }

    /// Does the server say that nothing has changed since these validators, though something has?
    async fn is_denied(&self, request: &Request, validators: &Validators) -> bool {
        if *validators == Validators::default() {
            return false;
        }
        let again = self.client.fetch(&Request { validators: validators.clone(), ..request.clone() }).await;
        matches!(again.outcome, Outcome::NotModified { .. })
    }

    /// What belongs to another URL of this feed says nothing about this one.
    async fn state_of(&self, feed: &Feed) -> Result<FeedState, StoreError> {
        let url = without_credentials(&feed.url);
        let mut state = self.state(feed.name.clone()).await?.filter(|state| state.url == url).unwrap_or_default();
        if state.wanted != self.settings.wanted(feed).fingerprint() {
            // A "not modified" would keep from the archive what other filters dropped and these do not.
            state.validators = Validators::default();
        }
        Ok(state)
    }

    async fn states_of(&self, feeds: &[Feed]) -> Result<Vec<(Feed, FeedState)>, StoreError> {
        let mut states = Vec::with_capacity(feeds.len());
        for feed in feeds {
            states.push((feed.clone(), self.state_of(feed).await?));
        }
        Ok(states)
    }

    /// The address that the feed shares with others, because at least one of them has moved there.
    async fn shared_address(&self, feed: &Feed) -> Result<Option<moved::SharedAddress>, StoreError> {
        let moved = self.ask_archive(Reader::moved_feeds).await?;
        Ok(moved::shared_address(feed, &self.settings.feeds, &moved, Utc::now()))
    }

    async fn state(&self, name: String) -> Result<Option<FeedState>, StoreError> {
        self.ask_archive(move |reader| reader.feed_state(&name)).await
    }

    async fn ask_archive<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader).lock_owned().await;
        tokio::task::spawn_blocking(move || question(&reader)).await.unwrap_or(Err(StoreError::Closed))
    }

    /// Reads what came, on a thread that may be busy.
    async fn read(
        &self,
        feed: &Feed,
        state: FeedState,
        fetched: Fetched,
        parts: Parts,
        own_url_asked: bool,
        outage_since: Option<DateTime<Utc>>,
    ) -> (Poll, PollLine) {
        let now = fetched.at.trunc_subsecs(0);
        let url = without_credentials(&feed.url);
        let answer = Answer {
            settings: Arc::clone(&self.settings),
            packer: self.archive.packer(),
            feed: feed.clone(),
            url,
            state,
            fetched,
            parts,
            now,
            own_url_asked,
            outage_since,
        };
        let reading = answer.clone();
        match self.processors.run(move || reading.read()).await {
            Ok(read) => read,
            Err(panic) => {
                // A document that brings the parser down is that document's fault, and must not bring the poller down.
                let failure = Failure::NotAFeed(format!("reading the document failed: {panic}"));
                Answer { fetched: Fetched { outcome: Outcome::Failed(failure), ..answer.fetched }, ..answer }.read()
            }
        }
    }
}

/// Who waits where a server asks for fewer requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// The feed that was asked for.
    Feed,
    /// All feeds of the host.
    Host,
}

/// What came, and what it is read with.
#[derive(Clone)]
struct Answer {
    settings: Arc<PollSettings>,
    packer: Arc<Packer>,
    feed: Feed,
    url: String,
    state: FeedState,
    fetched: Fetched,
    /// The sitemaps that it leads to, where it is an index of them.
    parts: Parts,
    now: DateTime<Utc>,
    own_url_asked: bool,
    /// Nothing at all can be reached since then, nor could this.
    outage_since: Option<DateTime<Utc>>,
}

impl Answer {
    fn read(self) -> (Poll, PollLine) {
        let mut validators = None;
        let mut document = None;
        let mut memory = None;
        let (outcome, error, end) = match &self.fetched.outcome {
            Outcome::Fresh(fresh) => match self.read_document(fresh) {
                Ok(read) => {
                    memory = Some(self.learn(read.as_ref()));
                    // A document that was cut off leaves none: what stood behind the cut would hide behind a 304 until the
                    // feed's next change.
                    let is_whole = read.as_ref().is_none_or(|read| !read.document.is_cut_off);
                    validators = Some(if is_whole { fresh.validators.clone() } else { Validators::default() });
                    document = read.map(|read| read.document);
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
                memory = Some(self.learn(None));
                ("not_modified", None, End::Answered)
            }
            Outcome::Gone => ("gone", Some("the server says that the feed is gone for good (410)".to_owned()), End::Gone),
            // Nothing was sent: the host wants to be left alone.
            Outcome::RateLimited { status } if self.fetched.http_status.is_none() => {
                ("rate_limited", Some(format!("not asked: its host asked for peace ({status})")), End::Held)
            }
            Outcome::RateLimited { status } => self.failed("rate_limited", format!("the server asks for fewer requests ({status})")),
            Outcome::Failed(failure) => match self.outage_since {
                Some(since) => ("failed", Some(format!("nothing can be reached since {since}: {failure}")), End::Outage),
                None => self.failed("failed", failure.to_string()),
            },
        };
        let polled = Polled {
            feed: &self.feed.name,
            now: self.now,
            interval: self.feed.interval,
            end,
            freshness: &self.fetched.freshness,
            memory: memory.as_ref().unwrap_or(&self.state.memory),
        };
        let next = schedule::next_poll(&self.settings.schedule, &polled);
        let retired = match end {
            End::Failed { failures, since } => schedule::is_retired(&self.settings.schedule, self.now, failures, since),
            _ => false,
        };
        let error = match (error, self.failing_for()) {
            (Some(error), Some(failing)) if retired => {
                Some(format!("given up after {} days of failures, asked weekly: {error}", failing.num_days()))
            }
            (error, _) => error,
        };
        let line = PollLine {
            feed: self.feed.name.clone(),
            url: self.url.clone(),
            outcome: outcome.into(),
            http_status: self.fetched.http_status,
            error: error.clone(),
            bytes: self.fetched.bytes,
            elapsed: self.fetched.elapsed,
            next_poll_at: next.at,
            is_outage: end == End::Outage,
            ..PollLine::default()
        };
        let poll = Poll {
            feed: PolledFeed { name: self.feed.name.clone(), url: self.url.clone(), title: self.feed.title.clone() },
            at: self.now,
            http_status: self.fetched.http_status,
            error,
            asked: !matches!(end, End::Held | End::Outage),
            gone: end == End::Gone || retired,
            is_verified: outcome == "fresh",
            has_lied: false,
            validators,
            redirected_to: self.fetched.moved_to.as_ref().map(without_credentials),
            own_url_asked: self.own_url_asked,
            elapsed: self.fetched.elapsed,
            next,
            memory: memory.and_then(|memory| memory.encode()),
            document,
        };
        (poll, line)
    }

    fn failed(&self, outcome: &'static str, error: String) -> (&'static str, Option<String>, End) {
        (outcome, Some(error), self.failure())
    }

    fn failure(&self) -> End {
        let failures = self.state.consecutive_failures.saturating_add(1);
        End::Failed { failures, since: self.failing_for().map(|failing| self.now - failing) }
    }

    /// How long it has failed; times in which nothing could be reached do not count.
    fn failing_for(&self) -> Option<TimeDelta> {
        let since = self.state.failing_since?;
        Some(self.now - since - schedule::lost_time(&self.state.outages, since, self.now))
    }

    /// What the schedule remembers after this poll, which brought this document or none that was new.
    fn learn(&self, read: Option<&Read>) -> Memory {
        let known = &self.state.memory;
        match read {
            None => Memory { rhythm: schedule::learn(&known.rhythm, &Observation::unchanged(self.now)), hints: known.hints },
            Some(read) => {
                // Publishers say how often to come so that their servers are spared; a local file needs no sparing.
                let hints = if self.feed.url.scheme() == "file" { schedule::Hints::default() } else { read.hints };
                Memory { rhythm: schedule::learn(&known.rhythm, &read.observation(&self.state, self.now)), hints }
            }
        }
    }

    /// Parses the document, unless it is the one that we had last time.
    fn read_document(&self, fresh: &Fresh) -> Result<Option<Read>, Failure> {
        let wanted = self.settings.wanted(&self.feed);
        let hash = self.document_hash(fresh, &wanted);
        if self.state.document == Some(hash) {
            return Ok(None);
        }
        let parsed = match &*self.parts {
            [] => parse::parse(&fresh.body, &self.fetched.final_url, fresh.content_type.as_deref()),
            parts => sitemaps::news_of(parts),
        };
        let parsed = parsed.map_err(|error| Failure::NotAFeed(error.to_string()))?;
        Ok(Some(self.read_parsed(parsed, hash, &wanted)))
    }

    /// What the archive is asked to keep of a document.
    fn read_parsed(&self, parsed: parse::Document, hash: i64, wanted: &Wanted<'_>) -> Read {
        let judged_anew = self.state.wanted != wanted.fingerprint();
        for warning in &parsed.warnings {
            tracing::debug!(feed = self.feed.name, kind = warning.kind, "{}", warning.message);
        }
        let mut mended: Vec<&'static str> = parsed.warnings.iter().map(|warning| warning.kind).collect();
        mended.sort_unstable();
        mended.dedup();
        let is_cut_off = parsed.warnings.iter().any(|warning| warning.kind == "cut-off");
        let head = Arc::new(parsed.feed);
        let settings = Arc::new(NormaliseSettings {
            reading_speed: self.settings.articles.reading_speed,
            feed_language: self.feed.language.clone(),
            now: self.now,
        });
        let mut document = PolledDocument {
            hash,
            title: head.title.clone(),
            mended,
            site_url: head.site_url.clone(),
            head: Arc::clone(&head),
            rule: self.feed.identity,
            full_text: self.feed.full_text.unwrap_or(self.settings.articles.full_text),
            copies: self.copy_settings(),
            entries: Vec::with_capacity(parsed.entries.len()),
            keys: Vec::with_capacity(parsed.entries.len()),
            dropped_at: Vec::new(),
            is_cut_off,
            dropped: Dropped { wanted: wanted.fingerprint(), judged_anew, entries: Vec::new() },
            prepare: self.preparer(Arc::clone(&head), Arc::clone(&settings)),
        };
        let hints = schedule::Hints::from(&head.hints);
        let mut dates = Vec::with_capacity(parsed.entries.len());
        let mut doubts = false;
        let keys: Vec<EntryKeys> = parsed.entries.iter().map(EntryKeys::of).collect();
        let nothing = DroppedEntries::default();
        let lookup = if judged_anew { &nothing } else { &self.state.dropped }.lookup(&keys, self.feed.identity);
        let dropped = |entry: &Entry, keys: &EntryKeys| {
            // Each entry is judged once, by filters that stay as they are.
            let was_kept = !judged_anew && self.state.present.contains(&keys.entry_hash);
            if wanted.is_everything() || was_kept {
                return None;
            }
            let found = lookup.entry(keys);
            let is_dropped = found.known_as.is_some() || !wanted.takes(&normalise::normalise(entry, &head, &settings).0);
            is_dropped.then_some(found)
        };
        for (entry, keys) in parsed.entries.into_iter().zip(keys) {
            if keys.is_void() {
                continue;
            }
            if let Some(entry) = dropped(&entry, &keys) {
                let place = document.entries.len() + document.dropped_at.len();
                document.dropped_at.push(DroppedAt { place, key: DroppedAt::key_of(&keys), date: keys.date });
                document.dropped.entries.push(entry);
                continue;
            }
            doubts |= [&entry.published, &entry.updated].into_iter().flatten().any(|stamp| stamp.at.is_some_and(|at| at > self.now));
            dates.extend([&entry.published, &entry.updated].into_iter().flatten().find_map(|stamp| stamp.at));
            document.keys.push(keys);
            document.entries.push(PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() });
        }
        // A date that is not believed yet may be tomorrow: then the same bytes are read again.
        if doubts || is_cut_off {
            document.hash = 0;
        }
        // What the archive has not needs time, which is better spent here than while the writer is held up.
        for at in 0..document.entries.len() {
            if !self.state.present.contains(&document.keys[at].entry_hash) {
                document.prepare(at);
            }
        }
        Read { document, dates, hints }
    }

    /// Of the bytes and of all else that decides what is made of them.
    fn document_hash(&self, fresh: &Fresh, wanted: &Wanted<'_>) -> i64 {
        let mut hash = Sha256::new();
        hash.update(&fresh.body);
        for part in self.parts.iter() {
            hash.update(part.digest);
        }
        let reading = (RULES_VERSION, &self.feed.identity, &self.feed.language, wanted.fingerprint(), &fresh.content_type);
        hash.update(format!("{reading:?}"));
        first_bits(&hash.finalize())
    }

    fn copy_settings(&self) -> CopySettings {
        CopySettings { near_copies: self.settings.articles.near_copies, similar: self.settings.articles.similar }
    }

    fn preparer(&self, head: Arc<FeedHead>, settings: Arc<NormaliseSettings>) -> Box<dyn Fn(&Entry) -> Prepared + Send + Sync> {
        let keep_entries = self.settings.keep_entries;
        let copies = self.copy_settings();
        let (feed, packer) = (self.feed.name.clone(), Arc::clone(&self.packer));
        Box::new(move |entry| {
            let (draft, doubts) = normalise::normalise(entry, &head, &settings);
            for doubt in doubts {
                tracing::debug!(feed, guid = entry.guid, "{doubt}");
            }
            Prepared::of(draft, keep_entries.then_some(entry), copies, &packer)
        })
    }
}

/// A document that differs from the one before, and what it tells the schedule.
struct Read {
    document: PolledDocument,
    /// Of its entries, as far as they have one.
    dates: Vec<DateTime<Utc>>,
    hints: schedule::Hints,
}

impl Read {
    fn observation(&self, state: &FeedState, at: DateTime<Utc>) -> Observation<'_> {
        let hashes: HashSet<i64> = state.present.iter().copied().collect();
        let known: HashSet<i64> = state.present_keys.iter().copied().collect();
        // An entry that was only edited is known by its guid, else by its link.
        let key = |keys: &EntryKeys| keys.guid_key.or_else(|| keys.links.first().map(Key::link));
        let is_known = |keys: &&EntryKeys| hashes.contains(&keys.entry_hash) || key(keys).is_some_and(|key| known.contains(&key.hash));
        let kept = self.document.keys.iter().filter(is_known).count();
        let entries = self.document.keys.len();
        Observation { at, dates: &self.dates, entries, new: entries - kept, kept, pinned: state.pinned }
    }
}

/// Does the document hold an entry that is new or another than the feed's state has?
fn brings_news(poll: &Poll, state: &FeedState) -> bool {
    poll.document.as_ref().is_some_and(|document| document.keys.iter().any(|keys| !state.present.contains(&keys.entry_hash)))
}

/// The URL as it may be stored, shown and exported.
pub fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for URLs that cannot have credentials, and those have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
