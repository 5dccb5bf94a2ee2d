//! One page of one article, from its job to its commit: robots.txt → fetch → extract → all that can be computed before
//! the writer's turn.
//!
//! As with a poll, nothing goes wrong as a whole: what kept a page from coming is part of what is stored, and the feed's body
//! stays in place. Pages are asked for under the same guards and limits as feeds, at a pace of their own.

mod rounds;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use url::Url;

pub use self::rounds::{PageOrder, PageRounds, PageTally};
use crate::article::{Draft, url as address};
use crate::config::{self, Feed, FullText};
use crate::copies::CopySettings;
use crate::extract::{self, Extracted, PageKind, SiteRule};
use crate::fetch::{Client, Fetched, Fresh, Outcome, Request, Validators};
use crate::full_text::{Cause, NextAttempt, attempt, redirector, wish};
use crate::identity::{ArticleId, IdKind, IdentityUrl, Site};
use crate::poll::{Poller, without_credentials};
use crate::robots::{Permission, RobotsFiles};
use crate::store::{Archive, DuePage, KeptPage, Packer, PageAnswer, PageEnd, ReadPage, RemadePage, StoreError};

/// A page that only passes readers on to another that does so, and so on, leads nowhere.
const MOST_PASSES: usize = 3;

/// A page whose feed is not polled is looked at again after so long.
const NOT_POLLED: TimeDelta = TimeDelta::days(1);

/// … and one that could not be asked for because nothing can be reached, after so long.
const CUT_OFF: TimeDelta = TimeDelta::minutes(5);

/// No page is planned further ahead, whatever a server asks for.
const FARTHEST: TimeDelta = TimeDelta::days(30);

/// What asking for pages depends on.
#[derive(Debug, Clone)]
pub struct PageSettings {
    reading_speed: u32,
    keep_pages: bool,
    robots: bool,
    per_host: usize,
    rules: Arc<[SiteRule]>,
    copies: CopySettings,
    /// Where the feed does not say.
    full_text: FullText,
    /// By name: a page is asked for as the feed is whose entry wants it.
    feeds: Arc<[Arc<Feed>]>,
}

impl From<&config::Config> for PageSettings {
    fn from(config: &config::Config) -> Self {
        let mut feeds = config.feeds.clone();
        feeds.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self {
            reading_speed: config.articles.reading_speed,
            keep_pages: config.database.keep_entries,
            robots: config.pages.robots,
            per_host: config.pages.per_host,
            rules: config.site_rules.clone().into(),
            copies: CopySettings { near_copies: config.articles.near_copies, similar: config.articles.similar },
            full_text: config.articles.full_text,
            feeds: feeds.into(),
        }
    }
}

impl PageSettings {
    fn feed(&self, name: &str) -> Option<&Feed> {
        let at = self.feeds.binary_search_by(|feed| feed.name.as_str().cmp(name)).ok()?;
        self.feeds.get(at).map(Arc::as_ref)
    }

    fn full_text(&self, feed: &Feed) -> FullText {
        feed.full_text.unwrap_or(self.full_text)
    }
}

/// How asking for one page ended, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageLine {
    /// The article's id.
    pub article: String,
    /// The feed whose entry wanted it.
    pub feed: String,
    /// What was asked for.
    pub url: String,
    /// `read`, `not_modified`, `failed`, `postponed` or `dropped`.
    pub outcome: &'static str,
    /// Status of the last answer.
    pub http_status: Option<u16>,
    /// Words of the page's text.
    pub words: u32,
    /// What went wrong.
    pub error: Option<String>,
    /// … and of what kind it was, with what the server asked for.
    pub cause: Option<(Cause, Option<Duration>)>,
    /// The time of all requests.
    pub elapsed: Duration,
}

impl PageLine {
    /// One line in the log.
    pub fn log(&self) {
        let milliseconds = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX);
        let Self { article, feed, url, outcome, http_status, words, .. } = self;
        match &self.error {
            Some(error) => tracing::info!(feed, article, url, outcome, http_status, milliseconds, error, "page"),
            None => tracing::info!(feed, article, url, outcome, http_status, words, milliseconds, "page"),
        }
    }
}

/// Asks for pages.
#[derive(Debug, Clone)]
pub struct Pager {
    archive: Arc<Archive>,
    client: Client,
    /// Knows whether anything can be reached at all.
    poller: Poller,
    settings: Arc<PageSettings>,
    robots: Arc<RobotsFiles>,
    /// Reading a page keeps a processor busy; polls shall find one, too.
    processors: Arc<tokio::sync::Semaphore>,
}

/// Why no page came.
struct Trouble {
    reason: String,
    cause: Cause,
    retry_after: Option<Duration>,
}

impl Trouble {
    fn lasting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), cause: Cause::Lasting, retry_after: None }
    }
}

/// What was learned on the way to a page.
#[derive(Default)]
struct Learned {
    http_status: Option<u16>,
    elapsed: Duration,
}

enum Came {
    Story(Box<ReadPage>, u32),
    NotModified(Validators),
}

impl Pager {
    /// For this archive, beside the polls of this poller.
    pub fn new(archive: Arc<Archive>, poller: &Poller, settings: PageSettings) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
        Self {
            archive,
            client: poller.client(),
            poller: poller.clone(),
            settings: Arc::new(settings),
            robots: Arc::default(),
            processors: Arc::new(tokio::sync::Semaphore::new(processors)),
        }
    }

    /// The same with other settings, as after a reload.
    pub fn with(&self, poller: &Poller, settings: PageSettings) -> Self {
        Self { client: poller.client(), poller: poller.clone(), settings: Arc::new(settings), ..self.clone() }
    }

    /// Can nothing at all be reached? Then no page is asked for.
    fn is_cut_off(&self) -> bool {
        self.poller.outage_since().is_some()
    }

    /// Asks for a page and commits what came of it. `is_named`: somebody asked for this feed by its name, enabled or not.
    ///
    /// # Errors
    /// Those of the archive; nothing was stored then, and the page is still due.
    pub async fn ask(&self, due: &DuePage, is_named: bool) -> Result<PageLine, StoreError> {
        let mut line = PageLine {
            article: due.id.clone(),
            feed: due.feed.clone(),
            url: due.url.clone(),
            outcome: "dropped",
            http_status: None,
            words: 0,
            error: None,
            cause: None,
            elapsed: Duration::ZERO,
        };
        let mut learned = Learned::default();
        let end = match self.settings.feed(&due.feed) {
            Some(feed) if self.settings.full_text(feed) == FullText::Never => PageEnd::Dropped,
            Some(feed) if feed.enabled || is_named => {
                if self.settings.full_text(feed) == FullText::Auto && !wish::is_worth_it(due.wish, due.past, Utc::now()) {
                    PageEnd::Dropped
                } else {
                    self.come(feed, due, &mut learned, &mut line).await
                }
            }
            // Its list may be mended by tomorrow.
            _ => {
                line.outcome = "postponed";
                PageEnd::Postponed(Utc::now() + NOT_POLLED)
            }
        };
        (line.http_status, line.elapsed) = (learned.http_status, learned.elapsed);
        let at = Utc::now().trunc_subsecs(3);
        let answer =
            PageAnswer { page: due.page, url: due.url.clone(), at, http_status: learned.http_status, copies: self.settings.copies, end };
        self.archive.commit_page(answer).await?;
        Ok(line)
    }

    async fn come(&self, feed: &Feed, due: &DuePage, learned: &mut Learned, line: &mut PageLine) -> PageEnd {
        match self.walk(feed, due, learned).await {
            Ok(Came::Story(read, words)) => {
                (line.words, line.outcome) = (words, "read");
                PageEnd::Read(read)
            }
            Ok(Came::NotModified(validators)) => {
                line.outcome = "not_modified";
                PageEnd::NotModified(validators)
            }
            // An outage of everything is no page's fault.
            Err(Trouble { cause: Cause::Host, .. }) if self.is_cut_off() => {
                line.outcome = "postponed";
                PageEnd::Postponed(Utc::now() + CUT_OFF)
            }
            Err(Trouble { mut reason, cause, retry_after }) => {
                line.outcome = "failed";
                line.cause = Some((cause, retry_after));
                let next = match attempt::next(cause, due.failures.saturating_add(1), retry_after) {
                    NextAttempt::After(wait) => Some(Utc::now() + TimeDelta::from_std(wait).map_or(FARTHEST, |wait| wait.min(FARTHEST))),
                    NextAttempt::Never => {
                        let _ = write!(reason, "; given up after {} attempts", due.failures.saturating_add(1));
                        None
                    }
                };
                line.error = Some(reason.clone());
                PageEnd::Failed { reason, next }
            }
        }
    }

    /// Follows an address to a page that is meant to be read.
    async fn walk(&self, feed: &Feed, due: &DuePage, learned: &mut Learned) -> Result<Came, Trouble> {
        let asked = Url::parse(&due.url).map_err(|error| Trouble::lasting(format!("not an address: {error}")))?;
        let mut target = redirector::carried(&asked).unwrap_or_else(|| asked.clone());
        for _ in 0..=MOST_PASSES {
            let mut request = Request::page_of(&feed.url, &feed.request, &target);
            if target == asked {
                request.validators = due.validators.clone();
            }
            if self.settings.robots {
                request.crawl_delay = self.permitted(&request).await?.unwrap_or_default();
            }
            let mut fetched = self.client.fetch(&request).await;
            learned.http_status = fetched.http_status.or(learned.http_status);
            learned.elapsed += fetched.elapsed;
            let fresh = match std::mem::replace(&mut fetched.outcome, Outcome::Gone) {
                Outcome::Fresh(fresh) => fresh,
                Outcome::NotModified { validators } => return Ok(Came::NotModified(validators)),
                Outcome::Gone => return Err(Trouble::lasting("the page is gone for good (410)")),
                Outcome::RateLimited { status } => {
                    let reason = format!("the server asks for fewer requests ({status})");
                    return Err(Trouble { reason, cause: Cause::Host, retry_after: fetched.freshness.retry_after });
                }
                Outcome::Failed(failure) => {
                    let retry_after = fetched.freshness.retry_after;
                    return Err(Trouble { cause: Cause::of(&failure), reason: failure.to_string(), retry_after });
                }
            };
            if self.settings.robots && fetched.final_url != target {
                // Where a redirect leads is known only once it has led there; what nobody may ask for is not kept.
                self.permitted(&Request::page_of(&feed.url, &feed.request, &fetched.final_url)).await?;
            }
            match self.read(&asked, fetched, fresh).await? {
                // What was passed on to has validators of its own, and is asked for under another address.
                Reading::Story(mut read, words) => {
                    if target != asked {
                        read.validators = Validators::default();
                    }
                    return Ok(Came::Story(read, words));
                }
                Reading::PassesOn(next) => target = next,
            }
        }
        Err(Trouble::lasting(format!("more than {MOST_PASSES} pages that only pass readers on")))
    }

    /// May it be asked for? The host's own pause, if it names one.
    async fn permitted(&self, request: &Request) -> Result<Option<Duration>, Trouble> {
        match self.robots.rules(&self.client, request).await.permission(&request.url) {
            Permission::Allowed { crawl_delay } => Ok(crawl_delay),
            Permission::Disallowed { rule } => Err(Trouble::lasting(format!("robots.txt does not allow it ({rule})"))),
            Permission::Unknown { reason } => Err(Trouble { reason, cause: Cause::Host, retry_after: None }),
        }
    }

    /// Reads what came, on a thread that may be busy.
    async fn read(&self, asked: &Url, fetched: Fetched, fresh: Fresh) -> Result<Reading, Trouble> {
        if !is_html(fresh.content_type.as_deref(), &fresh.body) {
            let kind = fresh.content_type.as_deref().unwrap_or("of no type").to_owned();
            return Err(Trouble::lasting(format!("not an HTML page, but {kind}")));
        }
        let (settings, packer) = (Arc::clone(&self.settings), self.archive.packer());
        let (asked, final_url) = (asked.clone(), fetched.final_url);
        let _turn = self.processors.acquire().await.ok();
        match tokio::task::spawn_blocking(move || read_page(&settings, &packer, &asked, final_url, &fresh, fetched.at)).await {
            Ok(read) => read,
            // A page that brings the extraction down must not bring the daemon down.
            Err(panic) => Err(Trouble::lasting(format!("reading the page failed: {panic}"))),
        }
    }
}

enum Reading {
    Story(Box<ReadPage>, u32),
    PassesOn(Url),
}

fn read_page(
    settings: &PageSettings,
    packer: &Packer,
    asked: &Url,
    final_url: Url,
    fresh: &Fresh,
    now: DateTime<Utc>,
) -> Result<Reading, Trouble> {
    let html = extract::decode(&fresh.body, fresh.content_type.as_deref());
    if let Some(next) = redirector::refreshed(&final_url, &html) {
        return Ok(Reading::PassesOn(next));
    }
    let own = IdentityUrl::of_url(asked);
    let found = IdentityUrl::of_url(&final_url);
    let is_front = |identity: &Option<IdentityUrl>| identity.as_ref().is_some_and(IdentityUrl::is_root);
    if found != own && is_front(&found) && !is_front(&own) {
        return Err(Trouble::lasting(format!("it leads to a front page, {}", without_credentials(&final_url))));
    }
    let page = extract::Page { url: Some(&final_url), html: &html, rules: &settings.rules, reading_speed: settings.reading_speed, now };
    let Story { draft, canonical, copy_of } = match story(own.as_ref(), &final_url, &page) {
        Ok(story) => story,
        Err(PageKind::Consent) => return Err(Trouble::lasting("the page asks for consent or a login before it shows the story")),
        Err(_) => return Err(Trouble::lasting("no story was found on the page")),
    };
    let words = draft.word_count;
    let mut read = ReadPage::of(draft, settings.keep_pages.then_some(fresh.body.as_ref()), packer);
    read.content_type.clone_from(&fresh.content_type);
    read.final_url = without_credentials(&final_url);
    read.canonical_url = canonical.as_ref().map(without_credentials);
    read.copy_of = copy_of;
    read.validators = fresh.validators.clone();
    Ok(Reading::Story(Box::new(read), words))
}

/// What a page says the article is.
struct Story {
    draft: Draft,
    /// What it calls itself.
    canonical: Option<Url>,
    /// The article whose own page it is, where it is another's.
    copy_of: Option<ArticleId>,
}

/// The story of a page that was found at `final_url`, else what the page is instead.
fn story(own: Option<&IdentityUrl>, final_url: &Url, page: &extract::Page<'_>) -> Result<Story, PageKind> {
    let Extracted { mut draft, canonical, kind } = extract::extract(page);
    if !kind.is_story() {
        return Err(kind);
    }
    let canonical = canonical.and_then(|canonical| Url::parse(&canonical).ok());
    draft.url = landing(own, final_url, canonical.as_ref()).map(|url| address::permalink(&url).into());
    let copy_of = real_page(own, final_url, canonical.as_ref()).map(|page| ArticleId::make("", &IdKind::Url(page), 1));
    Ok(Story { draft, canonical, copy_of })
}

/// Reads again, by the rules of sites and the words a minute that are given, a page that was kept; an empty draft where by today's
/// rules it holds no story.
pub fn read_again(kept: &KeptPage<'_>, rules: &[SiteRule], reading_speed: u32) -> RemadePage {
    let again = || {
        let final_url = Url::parse(kept.final_url).ok()?;
        let html = extract::decode(kept.body, kept.content_type);
        if redirector::refreshed(&final_url, &html).is_some() {
            return None;
        }
        let page = extract::Page { url: Some(&final_url), html: &html, rules, reading_speed, now: kept.read_at };
        story(IdentityUrl::of(kept.url).as_ref(), &final_url, &page).ok()
    };
    again().map_or_else(RemadePage::default, |Story { draft, copy_of, .. }| RemadePage { draft, copy_of })
}

/// The page that this one says it is, where that is another than the one asked for: by its canonical link, else by where redirects
/// led. A site's front page is nobody's.
fn real_page(own: Option<&IdentityUrl>, final_url: &Url, canonical: Option<&Url>) -> Option<IdentityUrl> {
    let found = IdentityUrl::of_url(final_url);
    let named = canonical.and_then(IdentityUrl::of_url).filter(|named| !named.is_root());
    named.or(found).filter(|page| Some(page) != own && !page.is_root())
}

/// Where the story was found, if not at the address asked for: the real page behind redirectors, under the name that it gives
/// itself on its own site.
fn landing(own: Option<&IdentityUrl>, final_url: &Url, canonical: Option<&Url>) -> Option<Url> {
    let found = IdentityUrl::of_url(final_url)?;
    if Some(&found) == own {
        return None;
    }
    let site = |url: &Url| url.host_str().and_then(Site::of_host);
    let is_root = |url: &Url| IdentityUrl::of_url(url).is_none_or(|identity| identity.is_root());
    let named = canonical.filter(|canonical| site(canonical) == site(final_url) && !is_root(canonical));
    Some(named.unwrap_or(final_url).clone())
}

/// Does the answer call itself HTML, or, where it calls itself nothing, look like it?
fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next()).map(|essence| essence.trim().to_ascii_lowercase());
    match essence.as_deref() {
        Some("text/html" | "application/xhtml+xml") => true,
        Some("text/plain" | "application/octet-stream" | "text/xml" | "application/xml" | "") | None => {
            let start = body.get(..body.len().min(1024)).unwrap_or_default().to_ascii_lowercase();
            [&b"<!doctype html"[..], b"<html"].iter().any(|mark| start.windows(mark.len()).any(|window| window == *mark))
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str) -> Url {
        Url::parse(address).unwrap()
    }

    #[test]
    fn a_page_is_html_by_its_type_or_by_its_beginning() {
        for (content_type, body, want) in [
            (Some("text/html; charset=utf-8"), "", true),
            (Some("Application/XHTML+XML"), "", true),
            (Some("application/pdf"), "<html>", false),
            (Some("image/jpeg"), "", false),
            (Some("text/plain"), "Hello", false),
            (Some("text/plain"), "\n<!DOCTYPE HTML><p>Hello", true),
            (None, "<html lang=de>", true),
            (None, "%PDF-1.7", false),
        ] {
            assert_eq!(is_html(content_type, body.as_bytes()), want, "{content_type:?} {body}");
        }
    }

    #[test]
    fn the_real_page_is_the_canonical_one_else_where_redirects_led_and_never_a_front_page() {
        for (asked, found, canonical, want_page, want_url) in [
            ("https://e.org/a", "https://e.org/a", None, None, None),
            ("http://e.org/a", "https://www.e.org/a/", Some("https://e.org/a"), None, None),
            ("https://t.example/1", "https://e.org/a?utm_source=t", None, Some("e.org/a"), Some("https://e.org/a?utm_source=t")),
            ("https://t.example/1", "https://e.org/a?x=1", Some("https://e.org/a"), Some("e.org/a"), Some("https://e.org/a")),
            ("https://t.example/1", "https://e.org/a", Some("https://e.org/"), Some("e.org/a"), Some("https://e.org/a")),
            ("https://t.example/1", "https://e.org/a", Some("https://wire.example/b"), Some("wire.example/b"), Some("https://e.org/a")),
            ("https://e.org/a", "https://e.org/a", Some("https://wire.example/b"), Some("wire.example/b"), None),
            ("https://e.org/a", "https://e.org/a", Some("https://wire.example/"), None, None),
        ] {
            let own = IdentityUrl::of(asked);
            let canonical = canonical.map(url);
            let page = real_page(own.as_ref(), &url(found), canonical.as_ref());
            assert_eq!(page.as_ref().map(IdentityUrl::as_str), want_page, "{asked} {found} {canonical:?}");
            let landed = landing(own.as_ref(), &url(found), canonical.as_ref());
            assert_eq!(landed.as_ref().map(Url::as_str), want_url, "{asked} {found} {canonical:?}");
        }
    }
}
