//! The walk of one request: turn, hop, check, redirect, body, outcome.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::Utc;
use http::header::{CONTENT_TYPE, LOCATION};
use tokio::time::Instant;
use url::Url;

use super::coding::{Coding, Decoder, Step};
use super::failure::{self, Stage};
use super::file::{self, Reading};
use super::guard::{self, Refused};
use super::memory::{Memory, Reservation};
use super::redirect::{Trail, shown, without_credentials};
use super::routes::{Route, Routes};
use super::sending::Sending;
use super::turns::{Held, Turns};
use super::{ClientError, ClientSettings, Failure, Fetched, Fresh, Freshness, Outcome, Request, Validators, answer};
use crate::config::{self, FeedRequest};

/// Between two pieces of a body; a server that says nothing for so long has gone.
const MAX_SILENCE: Duration = Duration::from_secs(30);

/// The first piece of memory that a body takes; then it doubles.
const FIRST_STEP: usize = 64 * 1024;

/// How a gzip file begins (RFC 1952 §2.3.1), with deflate as its only method.
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// Asks for documents, politely. Clones share everything: turns, memory, connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl fmt::Debug for Client {
    // The settings may hold a proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

struct Inner {
    settings: config::Fetch,
    turns: Turns,
    memory: Memory,
    routes: Routes,
}

/// The time that one request may still take. It stands still while we wait for ourselves (a turn, memory).
#[derive(Debug)]
struct Clock {
    limit: Duration,
    spent: Duration,
}

impl Clock {
    async fn run<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let started = Instant::now();
        let done = tokio::time::timeout(self.limit.saturating_sub(self.spent), work).await;
        self.spent += started.elapsed();
        done.map_err(|_| Failure::Timeout(self.limit))
    }
}

/// What was learned on the way, whatever the end.
#[derive(Debug)]
struct Learned {
    http_status: Option<u16>,
    final_url: Url,
    moved_to: Option<Url>,
    freshness: Freshness,
    bytes: u64,
    clock: Clock,
}

impl Client {
    /// Reads the system's trusted roots and builds the pools of connections.
    ///
    /// # Errors
    ///
    /// Where `proxy` cannot be used or TLS cannot be set up. A machine without trusted roots is none: each https request fails then.
    pub fn new(settings: &ClientSettings) -> Result<Client, ClientError> {
        Ok(Client::with_routes(settings, Routes::new(&settings.fetch)?))
    }

    pub(super) fn with_routes(settings: &ClientSettings, routes: Routes) -> Client {
        let turns = Turns::new(settings.fetch.concurrency, settings.feeds(), settings.pages);
        let memory = Memory::new(settings.fetch.memory, settings.fetch.max_body);
        Client { inner: Arc::new(Inner { settings: settings.fetch.clone(), turns, memory, routes }) }
    }

    /// Asks once, redirects included. Never fails: the outcome says it all.
    ///
    /// The body holds its part of `memory` until its last clone is dropped: drop it before the next fetch of the same task.
    /// Dropping the future gives everything back at once.
    pub async fn fetch(&self, request: &Request) -> Fetched {
        let mut first = without_credentials(&request.url);
        first.set_fragment(None);
        let mut learned = Learned {
            http_status: None,
            final_url: first,
            moved_to: None,
            freshness: Freshness::default(),
            bytes: 0,
            clock: Clock { limit: self.inner.settings.timeout, spent: Duration::ZERO },
        };
        let ended = match request.url.scheme() {
            "http" | "https" => self.inner.walk(request, &mut learned).await,
            "file" => self.inner.read_file(request, &mut learned).await,
            scheme => Err(Failure::Forbidden {
                url: shown(&request.url),
                reason: format!("{scheme}: cannot be asked, only http:, https: and file:"),
            }),
        };
        Fetched {
            outcome: ended.unwrap_or_else(Outcome::Failed),
            http_status: learned.http_status,
            final_url: learned.final_url,
            moved_to: learned.moved_to,
            freshness: learned.freshness,
            bytes: learned.bytes,
            elapsed: learned.clock.spent,
            at: Utc::now(),
        }
    }

    /// For what asks for no document.
    pub(super) fn way_out(&self) -> (&config::Fetch, &Routes) {
        (&self.inner.settings, &self.inner.routes)
    }

    /// What a request with these options calls itself.
    pub fn user_agent<'a>(&'a self, options: &'a FeedRequest) -> &'a str {
        options.user_agent.as_deref().unwrap_or(&self.inner.settings.user_agent)
    }

    /// The URL's host asked to be left alone (`Retry-After` of a 429 or 503): for `wait` from now, requests to it end at
    /// once in [`Outcome::RateLimited`] with that `status` and the time that remains, and nothing is sent.
    pub fn hold_host(&self, url: &Url, wait: Duration, status: u16) {
        if let Some(host) = url.host_str() {
            self.inner.turns.hold(host, wait, status);
        }
    }
}

impl Inner {
    async fn walk(&self, request: &Request, learned: &mut Learned) -> Result<Outcome, Failure> {
        let sending = Sending::prepare(&self.settings, request).await?;
        let mut trail = Trail::new(learned.final_url.clone(), self.settings.max_redirects);
        loop {
            let url = learned.final_url.clone();
            let route = self.route(request, sending.is_own(&url))?;
            if route.guarded {
                guard::check_literal(&url, route.proxy.is_some()).map_err(|refused| forbidden(&url, &refused))?;
            }
            self.routes.check_tls(&url)?;
            let client = self.routes.client(&route).await?;
            let turn = match self.turns.take(url.host_str().unwrap_or_default(), request.accept, request.crawl_delay).await {
                Ok(turn) => turn,
                Err(Held { remaining, status }) => {
                    learned.freshness = Freshness { retry_after: Some(remaining), max_age: None };
                    return Ok(Outcome::RateLimited { status });
                }
            };
            let sent = client.get(url.clone()).headers(sending.headers(&url)).send();
            let response = learned.clock.run(sent).await?;
            let response = response.map_err(|error| failure::of(&error, Stage::Answer, url.as_str(), self.settings.connect_timeout))?;
            let status = response.status().as_u16();
            learned.http_status = Some(status);
            if route.guarded
                && route.proxy.is_none()
                && let Some(address) = response.remote_addr()
            {
                // The resolver gave permitted addresses alone; this is for the day when it is not asked.
                guard::check(address.ip()).map_err(|refused| forbidden(&url, &refused))?;
            }
            learned.freshness = answer::freshness(response.headers(), SystemTime::now());
            match status {
                301 | 302 | 303 | 307 | 308 => {
                    let location = response.headers().get(LOCATION).map(|location| location.as_bytes().to_vec());
                    // The next hop takes a turn of its own; nobody waits for one while holding another.
                    drop((response, turn));
                    let next = trail.follow(status, location.as_deref())?;
                    learned.moved_to = trail.moved_to().cloned();
                    learned.final_url = next;
                }
                // 203 comes from a proxy that changed the document, 226 from a server that speaks RFC 3229 unasked.
                200 | 203 | 226 => return self.document(request, response, learned).await,
                304 if sending.is_conditional() => {
                    return Ok(Outcome::NotModified { validators: answer::validators(response.headers()) });
                }
                // A 410 behind a temporary redirect speaks of another page than the feed's.
                410 if trail.is_unbroken() => return Ok(Outcome::Gone),
                429 => return Ok(Outcome::RateLimited { status }),
                503 if learned.freshness.retry_after.is_some() => return Ok(Outcome::RateLimited { status }),
                _ => return Err(Failure::Status(status)),
            }
        }
    }

    fn route(&self, request: &Request, own: bool) -> Result<Route, Failure> {
        let options = &request.options;
        let identity = match (&options.client_certificate, &options.client_key) {
            (Some(certificate), Some(key)) if own => Some((certificate.clone(), key.clone())),
            (Some(_), Some(_)) | (None, None) => None,
            _ => return Err(Failure::Request("client_certificate and client_key must stand together".to_owned())),
        };
        Ok(Route {
            proxy: options.proxy.clone().or_else(|| self.settings.proxy.clone()),
            identity,
            guarded: !options.allow_private_networks.unwrap_or(self.settings.allow_private_networks),
        })
    }

    async fn document(&self, request: &Request, mut response: reqwest::Response, learned: &mut Learned) -> Result<Outcome, Failure> {
        let decoder = Decoder::new(Coding::of(response.headers())?)?;
        let content_type = response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let validators = answer::validators(response.headers());
        let limit = request.options.max_body.unwrap_or(self.settings.max_body);
        let body = self.body(&mut response, decoder, limit, &mut learned.clock).await?;
        let body = if body.starts_with(GZIP) { self.unpacked(body, limit).await? } else { body };
        learned.bytes = body.len() as u64;
        Ok(Outcome::Fresh(Fresh { body, content_type, validators }))
    }

    async fn body(&self, response: &mut reqwest::Response, mut decoder: Decoder, limit: u64, clock: &mut Clock) -> Result<Bytes, Failure> {
        // A coding may add a little to what it cannot compress.
        let wire_limit = limit.saturating_add(limit / 8).saturating_add(FIRST_STEP as u64);
        let announced = response.content_length();
        if announced.is_some_and(|length| length > if decoder.is_plain() { limit } else { wire_limit }) {
            return Err(Failure::TooLarge(limit));
        }
        // One byte more than there may be, so that a body which fills it is known to be too large.
        let most = announced.filter(|_| decoder.is_plain()).unwrap_or(limit).saturating_add(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut body = Vec::new();
        let mut reservation = Reservation::default();
        let mut wire_bytes = 0_u64;
        let mut is_over = false;
        loop {
            // What was pushed is decoded before more is asked for; the last time, after the end, must come to completion.
            loop {
                self.make_room(&mut body, &mut reservation, most).await?;
                match decode(&mut decoder, &mut body)? {
                    Step::Decoded(_) if body.len() as u64 > limit => return Err(Failure::TooLarge(limit)),
                    Step::Decoded(_) => {}
                    Step::Wants if is_over => return Err(Failure::Body("it stops short of its end".to_owned())),
                    Step::Wants | Step::Complete => break,
                }
            }
            if is_over {
                return Ok(reservation.seal(body));
            }
            let next = clock.run(tokio::time::timeout(MAX_SILENCE, response.chunk())).await?;
            let next = next.map_err(|_| Failure::Body(format!("silence for {}s", MAX_SILENCE.as_secs())))?;
            match next.map_err(|error| failure::of(&error, Stage::Body, "", self.settings.connect_timeout))? {
                Some(chunk) => {
                    wire_bytes = wire_bytes.saturating_add(chunk.len() as u64);
                    if wire_bytes > wire_limit {
                        return Err(Failure::TooLarge(limit));
                    }
                    decoder.push(chunk);
                }
                None => {
                    decoder.end();
                    is_over = true;
                }
            }
        }
    }

    /// What a file holds that is itself compressed, as sitemaps are (`sitemap.xml.gz`): servers give it as it is.
    async fn unpacked(&self, packed: Bytes, limit: u64) -> Result<Bytes, Failure> {
        let most = usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new(Coding::Gzip)?;
        decoder.push(packed);
        decoder.end();
        let mut body = Vec::new();
        let mut reservation = Reservation::default();
        loop {
            self.make_room(&mut body, &mut reservation, most).await?;
            match decode(&mut decoder, &mut body)? {
                Step::Decoded(_) if body.len() as u64 > limit => return Err(Failure::TooLarge(limit)),
                Step::Decoded(_) => {}
                Step::Wants => return Err(Failure::Body("the compressed file stops short of its end".to_owned())),
                Step::Complete => return Ok(reservation.seal(body)),
            }
        }
    }

    /// Waits for memory, but not for ever: should bodies be held that nobody lets go, this is said.
    /// Where a body fills its buffer, makes that twice as large, out of the memory that all bodies share; `most` bytes are enough.
    async fn make_room(&self, body: &mut Vec<u8>, reservation: &mut Reservation, most: usize) -> Result<(), Failure> {
        if body.len() == body.capacity() {
            let capacity = body.capacity().saturating_mul(2).max(FIRST_STEP).min(most).max(body.len() + 1);
            self.reserve(reservation, capacity as u64).await?;
            body.reserve_exact(capacity - body.len());
        }
        Ok(())
    }

    async fn reserve(&self, reservation: &mut Reservation, bytes: u64) -> Result<(), Failure> {
        tokio::time::timeout(self.settings.timeout, self.memory.grow(reservation, bytes))
            .await
            .map_err(|_| Failure::NoMemory(self.settings.memory))
    }

    async fn read_file(&self, request: &Request, learned: &mut Learned) -> Result<Outcome, Failure> {
        let path = request
            .url
            .to_file_path()
            .map_err(|()| Failure::File { path: shown(&request.url), reason: "not a path on this machine".to_owned() })?;
        let _turn = self.turns.take_local().await;
        let limit = request.options.max_body.unwrap_or(self.settings.max_body);
        let at = path.clone();
        let (opened, metadata) = blocking(&path, &mut learned.clock, move || file::open(&at)).await?;
        if metadata.len() > limit {
            return Err(Failure::TooLarge(limit));
        }
        let mut reservation = Reservation::default();
        self.reserve(&mut reservation, metadata.len()).await?;
        let known: Validators = request.validators.clone();
        match blocking(&path, &mut learned.clock, move || file::read(opened, &metadata, &known, limit)).await? {
            Reading::NotModified(validators) => Ok(Outcome::NotModified { validators }),
            Reading::TooLarge => Err(Failure::TooLarge(limit)),
            Reading::Content(content, validators) => {
                self.reserve(&mut reservation, content.len() as u64).await?;
                learned.bytes = content.len() as u64;
                Ok(Outcome::Fresh(Fresh { body: reservation.seal(content), content_type: None, validators }))
            }
        }
    }
}

/// Disk work off the runtime's own threads, within the request's time.
async fn blocking<T: Send + 'static>(
    path: &Path,
    clock: &mut Clock,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = clock.run(tokio::task::spawn_blocking(work)).await?;
    let failed = |reason: String| Failure::File { path: path.display().to_string(), reason };
    done.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

fn forbidden(url: &Url, refused: &Refused) -> Failure {
    Failure::Forbidden { url: shown(url), reason: refused.to_string() }
}

/// One step into the room that the body has.
fn decode(decoder: &mut Decoder, body: &mut Vec<u8>) -> Result<Step, Failure> {
    let length = body.len();
    body.resize(body.capacity(), 0);
    let step = decoder.step(body.get_mut(length..).unwrap_or_default());
    body.truncate(length + if let Ok(Step::Decoded(decoded)) = step { decoded } else { 0 });
    step
}
