//! The way of a page of a feed's past: the walk names it, it is fetched at the host's pace, read as any document is, and committed
//! with the place that the walk has come to.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use url::Url;

use super::sitemaps::Parts;
use super::{Answer, Poller, moved, without_credentials};
use crate::backfill::{Ask, Bound, End, Heard, Job, Shown, Verdict};
use crate::config::Feed;
use crate::fetch::{Failure, Fetched, Outcome};
use crate::identity::EntryKeys;
use crate::parse::{self, Document};
use crate::robots::{Permission, Rules};
use crate::store::{BackfillJob, HistoryPage, OpenGap, PageReport, PolledDocument, PolledFeed, Progress, Reader, StoreError};

/// A request that got no answer is sent again after so long; when all have failed, the job waits.
const TRIES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// How long a job waits after its first failure; twice as long after each one more.
const AFTER_FAILURE: Duration = Duration::from_secs(15 * 60);

/// After so many failures in a row a job is given up.
const MOST_FAILURES: u32 = 8;

/// A server that wants to be left alone for longer is not waited for by whoever asks: the job is.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How far a backfill has come, or how it ended; for the log and the terminal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BackfillLine {
    /// The feed's name.
    pub feed: String,
    /// The way back, in words for people; `None` as long as none has proven to be one.
    pub way: Option<String>,
    /// Pages that were read.
    pub pages: u32,
    /// Entries on them.
    pub entries: u64,
    /// Articles that were new to the archive.
    pub new: u64,
    /// The earliest date on these pages.
    pub oldest: Option<DateTime<Utc>>,
    /// Possible gaps that were closed.
    pub healed: u64,
    /// How it ended; `None` where it goes on, now or later.
    pub end: Option<End>,
    /// Why it cannot go on at the moment, or was given up.
    pub error: Option<String>,
}

impl BackfillLine {
    fn of(feed: &Feed, job: &Job, end: Option<End>, error: Option<String>) -> Self {
        Self {
            feed: feed.name.clone(),
            way: job.walk.way().map(str::to_owned),
            pages: job.walk.pages(),
            entries: job.entries,
            new: job.new,
            oldest: job.oldest,
            healed: job.healed,
            end,
            error,
        }
    }

    /// One line in the log.
    pub fn log(&self) {
        let Self { feed, way, pages, entries, new, healed, .. } = self;
        let oldest = self.oldest.map(|oldest| oldest.to_rfc3339());
        match (&self.error, self.end) {
            (Some(error), _) => tracing::warn!(feed, way, pages, entries, new, healed, oldest, error, "backfill"),
            (None, Some(end)) => tracing::info!(feed, way, pages, entries, new, healed, oldest, end = end.words(), "backfilled"),
            (None, None) => tracing::debug!(feed, way, pages, entries, new, healed, oldest, "backfilling"),
        }
    }
}

/// What came of a request.
enum Came {
    Document(Box<Page>),
    Sitemaps(Vec<Url>),
    /// There is nothing.
    Missing {
        reason: String,
    },
    /// Something that is no feed.
    Unreadable {
        reason: String,
    },
    /// The server does not want to give it.
    Refused {
        reason: String,
    },
    /// It may come later.
    Failed {
        reason: String,
        wait: Option<Duration>,
    },
}

/// A document, and its entries.
struct Page {
    url: Url,
    document: Document,
    shown: Vec<Shown>,
    fetched: Fetched,
}

impl Poller {
    /// Fetches a feed's past: goes on with the job that the archive has of it if that goes as far back, else begins a new one.
    /// `hear` is told of each page. What was committed stays, whenever this is dropped, and the next call goes on from there.
    ///
    /// # Errors
    /// Those of the archive. A server that does not answer is no error: the line says so, and the job waits.
    pub async fn backfill(&self, feed: &Feed, bound: Bound, asked: bool, hear: impl Fn(&BackfillLine)) -> Result<BackfillLine, StoreError> {
        let mut job = match self.backfill_job(feed.name.clone()).await? {
            Some(job) if job.bound.covers(&bound) => Job { bound, asked, ..job },
            Some(_) => {
                self.keep_job(feed, bound.known_at, Progress::Ended).await?;
                Job::new(bound, asked)
            }
            None => Job::new(bound, asked),
        };
        loop {
            let ask = match job.walk.next() {
                Ok(ask) => ask,
                Err(end) => {
                    self.keep_job(feed, bound.known_at, Progress::Ended).await?;
                    return Ok(BackfillLine::of(feed, &job, Some(end), None));
                }
            };
            let is_begin = ask == Ask::Feed;
            match self.ask_for(feed, &ask).await? {
                Came::Document(page) => {
                    job.failures = 0;
                    let Page { url, document, shown, .. } = &*page;
                    let verdict = job.walk.hear(Heard::Document { url, document, shown }, &job.bound);
                    if verdict == Verdict::Keep {
                        // The feed's own document counts as no page of its past.
                        job.note(if is_begin { &[] } else { shown });
                    }
                    let report = self.commit_history(feed, &job, *page, verdict, !is_begin).await?;
                    job.new += report.new as u64;
                    job.healed += report.healed as u64;
                    if report.reached_known && !job.asked {
                        job.walk.reached_known();
                    }
                    hear(&BackfillLine::of(feed, &job, None, None));
                }
                Came::Missing { reason } | Came::Unreadable { reason } | Came::Refused { reason } if is_begin => {
                    self.keep_job(feed, bound.known_at, Progress::Ended).await?;
                    return Ok(BackfillLine::of(feed, &job, Some(End::NoHistory), Some(reason)));
                }
                Came::Missing { reason } => {
                    tracing::debug!(feed = feed.name, reason, "no page of the feed's past");
                    job.walk.hear(Heard::Missing, &job.bound);
                    self.keep_job(feed, job.bound.known_at, Progress::GoesOn { due_at: Utc::now(), job: job.encode() }).await?;
                }
                Came::Unreadable { reason } => {
                    tracing::debug!(feed = feed.name, reason, "no page of the feed's past");
                    job.walk.hear(Heard::Unreadable, &job.bound);
                    self.keep_job(feed, job.bound.known_at, Progress::GoesOn { due_at: Utc::now(), job: job.encode() }).await?;
                }
                // A way that has not proven to be one is not worth the wait.
                Came::Refused { reason } if !job.walk.is_proven() => {
                    tracing::debug!(feed = feed.name, reason, "no page of the feed's past");
                    job.walk.hear(Heard::Unreadable, &job.bound);
                }
                Came::Sitemaps(named) => {
                    job.walk.hear(Heard::Sitemaps(&named), &job.bound);
                }
                Came::Refused { reason } => return self.wait(feed, job, reason, None).await,
                Came::Failed { reason, wait } => return self.wait(feed, job, reason, wait).await,
            }
        }
    }

    /// The job waits, or is given up.
    async fn wait(&self, feed: &Feed, mut job: Job, reason: String, wait: Option<Duration>) -> Result<BackfillLine, StoreError> {
        job.failures += 1;
        if job.failures >= MOST_FAILURES {
            self.keep_job(feed, job.bound.known_at, Progress::Ended).await?;
            return Ok(BackfillLine::of(feed, &job, None, Some(format!("given up: {reason}"))));
        }
        let back_off = AFTER_FAILURE.saturating_mul(1 << (job.failures - 1).min(6));
        let due_at = Utc::now() + wait.unwrap_or(back_off).max(back_off);
        self.keep_job(feed, job.bound.known_at, Progress::GoesOn { due_at, job: job.encode() }).await?;
        Ok(BackfillLine::of(feed, &job, None, Some(reason)))
    }

    /// The jobs that have not ended, and the gaps that nobody has tried to close.
    ///
    /// # Errors
    /// Those of the archive.
    pub async fn left_undone(&self) -> Result<(Vec<BackfillJob>, Vec<OpenGap>), StoreError> {
        self.ask_archive(|reader| Ok((reader.backfill_jobs()?, reader.open_gaps()?))).await
    }

    async fn backfill_job(&self, feed: String) -> Result<Option<Job>, StoreError> {
        let jobs = self.ask_archive(Reader::backfill_jobs).await?;
        let kept = jobs.into_iter().find(|job| job.feed == feed);
        Ok(kept.map(|kept| Job { new: kept.new, ..Job::decode(&kept.job).unwrap_or_default() }))
    }

    /// Sends the request that a walk asks for, twice more where no answer comes.
    async fn ask_for(&self, feed: &Feed, ask: &Ask) -> Result<Came, StoreError> {
        let mut tries = TRIES.iter();
        loop {
            let came = match ask {
                Ask::Feed => self.ask_feed(feed).await?,
                Ask::Page(url) => self.came(self.client.fetch(&moved::request_at(feed, url)).await).await,
                Ask::Numbered(url) => self.ask_numbered(feed, url).await,
                Ask::Robots(site) => Came::Sitemaps(self.robots_of(feed, site).await.sitemaps().to_vec()),
            };
            match came {
                Came::Failed { reason, wait: None } => match tries.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Ok(Came::Failed { reason, wait: None }),
                },
                Came::Failed { wait: Some(wait), .. } if wait <= LONGEST_WAIT && tries.next().is_some() => tokio::time::sleep(wait).await,
                came => return Ok(came),
            }
        }
    }

    /// The feed's document, at its own address or where it has moved.
    async fn ask_feed(&self, feed: &Feed) -> Result<Came, StoreError> {
        let state = self.state_of(feed).await?;
        let mut last = Came::Missing { reason: "no address".to_owned() };
        for attempt in moved::attempts(feed, state.moved.as_ref(), Utc::now()) {
            last = self.came(self.client.fetch(&attempt.request).await).await;
            if matches!(last, Came::Document(_)) {
                break;
            }
        }
        Ok(last)
    }

    /// A page that nobody has named: it is asked for only where robots may.
    async fn ask_numbered(&self, feed: &Feed, url: &Url) -> Came {
        match self.robots_of(feed, url).await.permission(url) {
            Permission::Disallowed { rule } => Came::Refused { reason: format!("robots.txt does not allow {url} ({rule})") },
            Permission::Allowed { .. } | Permission::Unknown { .. } => {
                self.came(self.client.fetch(&moved::request_at(feed, url)).await).await
            }
        }
    }

    async fn robots_of(&self, feed: &Feed, url: &Url) -> Arc<Rules> {
        self.robots.rules(&self.client, &moved::request_at(feed, url)).await
    }

    async fn came(&self, fetched: Fetched) -> Came {
        let failed = |reason: String, wait| Came::Failed { reason, wait };
        match &fetched.outcome {
            Outcome::Fresh(_) => self.parse_page(fetched).await,
            Outcome::Gone => Came::Missing { reason: "it is gone for good (410)".to_owned() },
            Outcome::Failed(failure @ Failure::Status(400 | 404 | 410)) => Came::Missing { reason: failure.to_string() },
            Outcome::Failed(failure @ (Failure::Status(401..=499) | Failure::Forbidden { .. } | Failure::TooLarge(_))) => {
                Came::Refused { reason: failure.to_string() }
            }
            Outcome::Failed(failure) => failed(failure.to_string(), None),
            Outcome::RateLimited { status } => {
                failed(format!("the server asks for fewer requests ({status})"), fetched.freshness.retry_after)
            }
            Outcome::NotModified { .. } => failed("\"not modified\", though nothing was known".to_owned(), None),
        }
    }

    async fn parse_page(&self, fetched: Fetched) -> Came {
        let parsing = move || {
            let Outcome::Fresh(fresh) = &fetched.outcome else { return Came::Missing { reason: "no document".to_owned() } };
            match parse::parse(&fresh.body, &fetched.final_url, fresh.content_type.as_deref()) {
                Ok(document) => {
                    let shown = document.entries.iter().map(|entry| Shown::from(&EntryKeys::of(entry))).collect();
                    Came::Document(Box::new(Page { url: fetched.final_url.clone(), document, shown, fetched }))
                }
                Err(error) => Came::Unreadable { reason: error.to_string() },
            }
        };
        let parsed = self.processors.run(parsing).await;
        parsed.unwrap_or_else(|panic| Came::Unreadable { reason: format!("reading the document failed: {panic}") })
    }

    /// Reads what shall be kept of a page and commits it with the job.
    async fn commit_history(
        &self,
        feed: &Feed,
        job: &Job,
        page: Page,
        verdict: Verdict,
        leads_back: bool,
    ) -> Result<PageReport, StoreError> {
        let at = page.fetched.at.trunc_subsecs(0);
        let _place = self.committing.acquire().await.ok();
        let document = match verdict {
            Verdict::Keep => self.read_page(feed, page, job.bound.since).await?,
            Verdict::Leave => None,
        };
        let progress = Progress::GoesOn { due_at: at, job: job.encode() };
        let known_at = job.bound.known_at;
        self.archive.commit_history(HistoryPage { feed: polled(feed), at, document, leads_back, known_at, progress }).await
    }

    async fn read_page(&self, feed: &Feed, page: Page, since: Option<DateTime<Utc>>) -> Result<Option<PolledDocument>, StoreError> {
        // What its filters dropped from a poll they drop from a page.
        let state = self.state_of(feed).await?;
        let Page { mut document, shown, fetched, .. } = page;
        let now = fetched.at.trunc_subsecs(0);
        if let Some(since) = since {
            let mut dates = shown.iter().map(|shown| shown.date);
            document.entries.retain(|_| dates.next().flatten().is_none_or(|date| date >= since.timestamp()));
        }
        let url = without_credentials(&feed.url);
        let settings = Arc::clone(&self.settings);
        let (packer, parts) = (self.archive.packer(), Parts::default());
        let answer =
            Answer { settings, packer, feed: feed.clone(), url, state, fetched, parts, now, own_url_asked: false, outage_since: None };
        let read = self.processors.run(move || {
            let wanted = answer.settings.wanted(&answer.feed);
            answer.read_parsed(document, 0, &wanted).document
        });
        match read.await {
            Ok(document) => Ok(Some(document)),
            Err(error) => {
                tracing::error!(feed = feed.name, error, "reading a page failed");
                Ok(None)
            }
        }
    }

    async fn keep_job(&self, feed: &Feed, known_at: Option<DateTime<Utc>>, progress: Progress) -> Result<(), StoreError> {
        let at = Utc::now().trunc_subsecs(0);
        let page = HistoryPage { feed: polled(feed), at, document: None, leads_back: false, known_at, progress };
        self.archive.commit_history(page).await.map(|_| ())
    }
}

fn polled(feed: &Feed) -> PolledFeed {
    PolledFeed { name: feed.name.clone(), url: without_credentials(&feed.url), title: feed.title.clone() }
}
