//! The daemon's webhooks: a task for each, and one that tells them what is configured and when something has changed.
//!
//! A webhook waits for changes, sends one after another, and writes down how far it has come: at the latest a second later, and before it
//! waits. So after a crash some articles come again under the same id, and none is left out. Without webhooks nothing runs but a task that waits for
//! a reload.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinHandle};
use tokio::time::{Instant, sleep};

use crate::config::{Config, Webhook};
use crate::fetch::{self, Client, Posting};
use crate::store::{Archive, Change, KnownWebhook, Looked, Reader, Selection, StoreError};
use crate::vitals::Vitals;
use crate::webhook::{self, Answer, News, Outbox, Secrets, Turn};

/// How often it is looked whether anything has changed: one row is read for it.
const LOOK: Duration = Duration::from_secs(1);

/// What was delivered is written down within this time; one commit serves all that was.
const RECORD: Duration = Duration::from_secs(1);

/// So many changes that a webhook does not want may be looked through again after a restart.
const MOST_UNRECORDED: i64 = 1_000;

/// However long a wait is, the clock is looked at again after so long: it may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// An archive that cannot be read or written is tried again after so long.
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

/// What a webhook's task works by.
#[derive(Debug, Clone)]
struct Settings {
    webhook: Webhook,
    name: String,
    selection: Selection,
    client: Client,
}

/// The handle of all webhooks.
#[derive(Debug)]
pub struct Webhooks {
    configured: mpsc::UnboundedSender<Vec<Settings>>,
    task: JoinHandle<()>,
    begun: Option<oneshot::Receiver<()>>,
}

impl Webhooks {
    /// Starts what sends.
    pub fn start(archive: &Arc<Archive>, vitals: &Arc<Vitals>, config: &Config, client: &Client) -> Self {
        let (configured, settings) = mpsc::unbounded_channel();
        let (archive, vitals) = (Arc::clone(archive), Arc::clone(vitals));
        let (first, begun) = oneshot::channel();
        let all = All { archive, vitals, reader: None, changes: watch::channel(0).0, hooks: HashMap::new() };
        let webhooks = Self { configured, task: tokio::spawn(all.run(settings, first)), begun: Some(begun) };
        webhooks.configure(config, client);
        webhooks
    }

    /// Done when those that were configured at the start are set up: what is polled from then on is told to them.
    pub async fn begun(&mut self) {
        if let Some(begun) = self.begun.take() {
            // It says so, or has ended, and the log says why.
            let _ = begun.await;
        }
    }

    /// These are configured from now on.
    pub fn configure(&self, config: &Config, client: &Client) {
        let named = config.webhooks.iter().zip(webhook::names(&config.webhooks));
        let settings = named.map(|(webhook, name)| Settings {
            selection: webhook::selection(webhook, config),
            webhook: webhook.clone(),
            name,
            client: client.clone(),
        });
        // It ends only with the daemon.
        let _ = self.configured.send(settings.collect());
    }

    /// Drops the requests under way and writes down what was delivered.
    pub async fn stop(self) {
        drop(self.configured);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of the webhooks broke off");
        }
    }
}

/// Questions to the archive are short, so one connection serves all.
type SharedReader = Arc<Mutex<Reader>>;

struct Hook {
    /// `None`: it is over.
    settings: watch::Sender<Option<Arc<Settings>>>,
    task: JoinHandle<()>,
}

struct All {
    archive: Arc<Archive>,
    vitals: Arc<Vitals>,
    /// From the first webhook on.
    reader: Option<SharedReader>,
    /// The archive's last change.
    changes: watch::Sender<i64>,
    hooks: HashMap<String, Hook>,
}

impl All {
    async fn run(mut self, mut configured: mpsc::UnboundedReceiver<Vec<Settings>>, first: oneshot::Sender<()>) {
        let mut first = Some(first);
        // What could not be set up comes again then.
        let mut left: Option<(Instant, Vec<Settings>)> = None;
        loop {
            let settings = tokio::select! {
                settings = configured.recv() => match settings {
                    Some(settings) => settings,
                    None => break,
                },
                () = sleep(LOOK), if left.is_some() || !self.hooks.is_empty() => {
                    self.look().await;
                    match left.take_if(|(then, _)| *then <= Instant::now()) {
                        Some((_, settings)) => settings,
                        None => continue,
                    }
                }
            };
            left = match self.configure(settings.clone()).await {
                Ok(()) => None,
                Err(error) => {
                    tracing::error!(%error, "webhooks cannot be set up; it is tried again");
                    Some((Instant::now() + AFTER_REFUSAL, settings))
                }
            };
            if let Some(first) = first.take() {
                let _ = first.send(());
            }
        }
        self.keep(&[]).await;
    }

    async fn configure(&mut self, settings: Vec<Settings>) -> Result<(), StoreError> {
        let keys: Vec<String> = settings.iter().map(|settings| webhook::key(&settings.webhook)).collect();
        self.keep(&keys).await;
        let known = self.archive.settle_webhooks(keys).await?;
        if known.is_empty() {
            self.reader = None;
            return Ok(());
        }
        let reader = match &self.reader {
            Some(reader) => Arc::clone(reader),
            None => Arc::clone(self.reader.insert(Arc::new(Mutex::new(self.archive.reader()?)))),
        };
        for (settings, known) in settings.into_iter().zip(known) {
            self.set(settings, known, &reader);
        }
        self.look().await;
        Ok(())
    }

    /// Ends those that are none of these, and waits until they have written down how far they came.
    async fn keep(&mut self, keys: &[String]) {
        for (_, hook) in self.hooks.extract_if(|key, _| !keys.contains(key)).collect::<Vec<_>>() {
            hook.settings.send_replace(None);
            if let Err(error) = hook.task.await {
                tracing::error!(%error, "a webhook broke off");
            }
        }
    }

    fn set(&mut self, settings: Settings, known: KnownWebhook, reader: &SharedReader) {
        let settings = Arc::new(settings);
        if let Some(hook) = self.hooks.get(&known.url)
            && !hook.task.is_finished()
        {
            hook.settings.send_replace(Some(settings));
            return;
        }
        match &known.was {
            Some(_) => tracing::info!(webhook = settings.name, "a webhook at another URL goes on where it was"),
            None if known.outbox == Outbox::begin(known.outbox.change) => tracing::info!(webhook = settings.name, "a webhook"),
            None => {}
        }
        let (sender, following) = watch::channel(Some(Arc::clone(&settings)));
        let sending = Sending {
            key: known.url.clone(),
            settings,
            following: following.clone(),
            archive: Arc::clone(&self.archive),
            reader: Arc::clone(reader),
            vitals: Arc::clone(&self.vitals),
            changes: self.changes.subscribe(),
            recorded: known.outbox.clone(),
            outbox: known.outbox.resumed(),
            recorded_at: Instant::now(),
            is_resumed: true,
            is_refused: false,
        };
        self.hooks.insert(known.url, Hook { settings: sender, task: tokio::spawn(sending.run(following)) });
    }

    /// Tells all if anything has changed.
    async fn look(&mut self) {
        let Some(reader) = self.reader.clone() else { return };
        match ask(reader, Reader::identity).await {
            Ok((_, change)) => {
                self.changes.send_if_modified(|known| std::mem::replace(known, change) != change);
            }
            Err(error) => tracing::debug!(%error, "webhooks cannot see whether anything has changed"),
        }
    }
}

/// Asks the archive on a thread where that may take its time.
async fn ask<T: Send + 'static>(
    reader: SharedReader,
    question: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let asked = task::spawn_blocking(move || question(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
    asked.await.unwrap_or(Err(StoreError::Closed))
}

/// One webhook at work.
struct Sending {
    key: String,
    settings: Arc<Settings>,
    following: watch::Receiver<Option<Arc<Settings>>>,
    archive: Arc<Archive>,
    reader: SharedReader,
    vitals: Arc<Vitals>,
    changes: watch::Receiver<i64>,
    outbox: Outbox,
    /// As it stands in the archive.
    recorded: Outbox,
    recorded_at: Instant,
    /// Was nothing sent yet since the start or a reload?
    is_resumed: bool,
    /// Does the archive refuse to write down how far it has come? It is said once.
    is_refused: bool,
}

impl Sending {
    async fn run(mut self, mut ending: watch::Receiver<Option<Arc<Settings>>>) {
        loop {
            tokio::select! {
                biased;
                _ = ending.wait_for(Option::is_none) => break,
                () = self.step() => {}
            }
        }
        self.record().await;
    }

    async fn step(&mut self) {
        if self.following.has_changed().unwrap_or(false)
            && let Some(settings) = self.following.borrow_and_update().clone()
        {
            self.settings = settings;
            self.outbox = std::mem::take(&mut self.outbox).resumed();
            self.is_resumed = true;
        }
        if self.recorded_at.elapsed() >= RECORD {
            self.record().await;
        }
        let now = Utc::now();
        match self.outbox.turn(self.is_resumed, now) {
            Turn::Never => {
                self.record().await;
                // Only another config changes that.
                let _ = self.following.changed().await;
                self.following.mark_changed();
            }
            Turn::NotBefore(then) => {
                self.record().await;
                self.wait_until(Some(then), now).await;
            }
            Turn::Again(change) => match self.look_after(change - 1).await {
                Ok(Looked::Found(found)) if found.number == change => self.send(&found).await,
                Ok(_) => self.outbox.overtaken(change),
                Err(error) => self.cannot_read(&error).await,
            },
            Turn::After(change) => {
                let newest = *self.changes.borrow_and_update();
                let looked = if newest > change { self.look_after(change).await } else { Ok(Looked::Nothing(newest)) };
                match looked {
                    Ok(Looked::Found(found)) => self.send(&found).await,
                    Ok(Looked::Nothing(newest)) => {
                        self.outbox.caught_up(newest);
                        self.record().await;
                        self.wait_for_changes(now).await;
                    }
                    Err(error) => self.cannot_read(&error).await,
                }
            }
        }
    }

    /// The first change after another that is wanted.
    async fn look_after(&self, change: i64) -> Result<Looked, StoreError> {
        let settings = Arc::clone(&self.settings);
        ask(Arc::clone(&self.reader), move |reader| reader.next_change(change, &settings.selection)).await
    }

    async fn send(&mut self, change: &Change) {
        let settings = Arc::clone(&self.settings);
        let answer = match posting(&settings.webhook, change, Utc::now()).await {
            Ok(posting) => match settings.client.post(&posting).await {
                Ok(posted) => Answer::of(posted.status, posted.retry_after),
                Err(failure) => Answer::Failed { error: failure.to_string() },
            },
            Err(error) => Answer::Failed { error },
        };
        self.is_resumed = false;
        self.vitals.posted(&settings.name, answer.outcome());
        let article = change.said.article();
        tracing::debug!(webhook = settings.name, article, outcome = answer.outcome(), "posted");
        let news = self.outbox.answered(change.number, article, &answer, Utc::now());
        if let Some(news) = news {
            self.log(&news);
        }
        if answer != Answer::Taken {
            self.record().await;
        }
    }

    fn log(&self, news: &News) {
        let webhook = &self.settings.name;
        let error = self.outbox.last_error.as_deref().unwrap_or_default();
        match news {
            News::Fails => tracing::warn!(webhook, error, "a webhook's receiver takes nothing; it is tried again, later and later"),
            News::Refuses => {
                let article = self.outbox.refused.last().map(|refused| refused.article.as_str()).unwrap_or_default();
                tracing::warn!(webhook, article, error, "a webhook's receiver refuses an article; it comes again");
            }
            News::Well => tracing::info!(webhook, "a webhook's receiver takes all again"),
            News::Gone => tracing::error!(webhook, error, "nothing is sent any more until the next start or reload"),
            News::PassedOver => {
                let article = self.outbox.last_passed_over.as_ref().map(|passed| passed.article.as_str()).unwrap_or_default();
                tracing::error!(webhook, article, error, "a webhook's receiver refused an article again and again; it is passed over");
            }
        }
    }

    /// Writes down how far it has come, where that is worth it.
    async fn record(&mut self) {
        self.recorded_at = Instant::now();
        let behind = self.outbox.change - self.recorded.change;
        let differs_else = Outbox { change: self.recorded.change, ..self.outbox.clone() } != self.recorded;
        if behind < MOST_UNRECORDED && !differs_else {
            return;
        }
        let outbox = self.outbox.clone();
        match self.archive.record_outbox(self.key.clone(), &outbox).await {
            Ok(()) => {
                self.recorded = outbox;
                self.is_refused = false;
            }
            Err(error) if !std::mem::replace(&mut self.is_refused, true) => {
                tracing::warn!(webhook = self.settings.name, %error, "what was delivered cannot be written down and may come again");
            }
            Err(_) => {}
        }
    }

    async fn cannot_read(&self, error: &StoreError) {
        tracing::warn!(webhook = self.settings.name, %error, "a webhook cannot read the archive; it is tried again");
        sleep(AFTER_REFUSAL).await;
    }

    async fn wait_for_changes(&mut self, now: DateTime<Utc>) {
        let mut changes = self.changes.clone();
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                // They are told as long as anybody is there to tell.
                std::future::pending().await
            },
            () = self.wait_until(self.outbox.next_again(), now) => {}
        }
    }

    /// Until then, or the config changes.
    async fn wait_until(&mut self, then: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let wait = then.map_or(LONGEST_SLEEP, |then| (then - now).to_std().unwrap_or_default()).min(LONGEST_SLEEP);
        let mut following = self.following.clone();
        tokio::select! {
            () = sleep(wait) => {}
            changed = following.changed() => if changed.is_err() { std::future::pending().await },
        }
    }
}

/// The request that tells of a change, signed where there is a secret.
///
/// # Errors
/// The secret's file cannot be used; it is named, and nothing of what it holds.
async fn posting(webhook: &Webhook, change: &Change, now: DateTime<Utc>) -> Result<Posting, String> {
    let body = change.said.body().map_err(|error| error.to_string())?;
    let (id, timestamp) = (webhook::message_id(&change.archive, change.number), now.timestamp());
    let mut headers = vec![("webhook-id", id.clone()), ("webhook-timestamp", timestamp.to_string())];
    if let Some(file) = &webhook.secret_file {
        headers.push(("webhook-signature", secrets(file).await?.sign(&id, timestamp, &body)));
    }
    Ok(Posting { url: webhook.url.clone(), body, headers })
}

async fn secrets(file: &Path) -> Result<Secrets, String> {
    let content = fetch::read_secret(file).await.map_err(|failure| failure.to_string())?;
    Secrets::parse(&content).map_err(|error| format!("{}: {error}", file.display()))
}
