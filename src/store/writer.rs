//! The one writer: a thread that owns the writing connection and groups the polls that wait for it.
//!
//! A group is what has gathered while the last one was committed, at most 200 articles or 50 milliseconds of work: so
//! a lone poll is committed at once, and under load a sync to disk serves many. Each poll has a savepoint of its own:
//! one that fails takes nothing else with it. All else that writes (retention) waits in the same queue, in pieces that
//! are as small, so that no poll waits long. A dictionary that is due is made on a thread of its own, which then waits like
//! all others.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::neighbours::Neighbours;
use super::packed::Packer;
use super::{Poll, PollReport, StoreError, dictionary, polls};

const MOST_ENTRIES: usize = 200;
const LONGEST_GROUP: Duration = Duration::from_millis(50);

/// How many polls may wait before those who bring more have to.
const QUEUE: usize = 64;

/// What came of a piece of work.
type Done<T> = oneshot::Sender<Result<T, StoreError>>;

/// Work that is no poll: it makes its own transactions on the writer's connection.
type Errand = Box<dyn FnOnce(&mut Connection, &mut Neighbours) + Send>;

/// What waits for the writer.
enum Work {
    Poll(Box<Poll>, Done<PollReport>),
    Errand(Errand),
}

/// The handle of the writer's thread.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    queue: mpsc::Sender<Work>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(path: PathBuf, connection: Connection, packer: Arc<Packer>) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        // Weak: when all others are done, so is the thread.
        let writing = Writing { path: path.clone(), packer, queue: queue.downgrade(), dictionary_asked: false };
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writing.work(connection, waiting))
            .map_err(|error| StoreError::Open { path: path.clone(), reason: error.to_string() })?;
        Ok(Self { path, queue, thread })
    }

    /// Hands a poll over and waits until it is committed.
    pub async fn commit(&self, poll: Poll) -> Result<PollReport, StoreError> {
        let (done, committed) = oneshot::channel();
        self.queue.send(Work::Poll(Box::new(poll), done)).await.map_err(|_| StoreError::Closed)?;
        committed.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs something else on the writer's connection, in its turn. It must be as short as a group of polls.
    pub async fn run<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run_on_articles(|connection, _| errand(connection)).await
    }

    /// As [`Self::run`], for what adds, changes or removes articles: the picture that new ones are compared with must
    /// follow.
    pub async fn run_on_articles<T: Send + 'static>(
        &self,
        errand: impl FnOnce(&mut Connection, &mut Neighbours) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, ended) = oneshot::channel::<Result<T, StoreError>>();
        let path = self.path.clone();
        let errand: Errand = Box::new(move |connection, neighbours| {
            let result = errand(connection, neighbours);
            if result.is_err() {
                neighbours.drop_picture();
            }
            // Whoever asked may have been stopped meanwhile; what was committed stays so.
            let _ = done.send(result.map_err(|error| StoreError::of(&path, error)));
        });
        self.queue.send(Work::Errand(errand)).await.map_err(|_| StoreError::Closed)?;
        ended.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish what it was given.
    pub fn stop(self) {
        drop(self.queue);
        if self.thread.join().is_err() {
            tracing::error!("the writer of the archive panicked");
        }
    }
}

/// What the thread knows.
struct Writing {
    path: PathBuf,
    packer: Arc<Packer>,
    queue: mpsc::WeakSender<Work>,
    /// Is a new dictionary being made, or could none be?
    dictionary_asked: bool,
}

impl Writing {
    fn work(mut self, mut connection: Connection, mut waiting: mpsc::Receiver<Work>) {
        let mut neighbours = Neighbours::new(Arc::clone(&self.packer));
        while let Some(first) = waiting.blocking_recv() {
            let errand = match first {
                Work::Poll(poll, done) => self.write_group(&mut connection, &mut neighbours, (poll, done), &mut waiting),
                Work::Errand(errand) => Some(errand),
            };
            if let Some(errand) = errand {
                errand(&mut connection, &mut neighbours);
            }
            self.make_dictionary(&connection);
        }
        if let Err(error) = neighbours.save(&connection) {
            tracing::warn!(%error, "the term frequencies were not written");
        }
        if let Err(error) = connection.close() {
            tracing::warn!(error = %error.1, "closing the archive");
        }
    }

    /// Commits a group and tells those who wait; gives back the errand that ended the group, if one did.
    fn write_group(
        &self,
        connection: &mut Connection,
        neighbours: &mut Neighbours,
        first: (Box<Poll>, Done<PollReport>),
        waiting: &mut mpsc::Receiver<Work>,
    ) -> Option<Errand> {
        let mut reports: Vec<(Done<PollReport>, rusqlite::Result<PollReport>)> = Vec::new();
        let mut errand = None;
        let committed = commit_group(connection, &self.packer, neighbours, first, waiting, &mut reports, &mut errand);
        if committed.is_err() {
            neighbours.drop_picture();
        }
        for (done, report) in reports {
            let answer = match (&committed, report) {
                (Ok(()), Ok(report)) => Ok(report),
                (Ok(()), Err(error)) => Err(StoreError::of(&self.path, error)),
                (Err(error), _) => Err(StoreError::of_group(&self.path, error)),
            };
            // Whoever asked may have been stopped meanwhile; the poll is committed all the same.
            let _ = done.send(answer);
        }
        errand
    }

    /// Has a dictionary made where one is due. Without it all goes on, only larger; so what goes wrong is said once.
    fn make_dictionary(&mut self, connection: &Connection) {
        let is_due = dictionary::is_due(connection).unwrap_or(false);
        let was_asked = std::mem::replace(&mut self.dictionary_asked, is_due);
        if !is_due || was_asked {
            return;
        }
        let Some(queue) = self.queue.upgrade() else { return };
        let (path, packer) = (self.path.clone(), Arc::clone(&self.packer));
        let made = std::thread::Builder::new().name("dictionary".into()).spawn(move || match dictionary::make(&path, &packer) {
            Ok(Some(content)) => {
                let keep: Errand = Box::new(move |connection, _| match dictionary::keep(connection, &packer, &content) {
                    Ok(()) => tracing::debug!(bytes = content.len(), "a new dictionary"),
                    Err(error) => tracing::warn!(%error, "a new dictionary cannot be kept"),
                });
                // While this thread has a sender, the writer takes what it sends.
                let _ = queue.blocking_send(Work::Errand(keep));
            }
            Ok(None) => tracing::debug!("the articles are too short for a dictionary"),
            Err(error) => tracing::warn!(%error, "no dictionary could be made"),
        });
        if let Err(error) = made {
            tracing::warn!(%error, "no thread to make a dictionary");
        }
    }
}

fn commit_group(
    connection: &mut Connection,
    packer: &Packer,
    neighbours: &mut Neighbours,
    first: (Box<Poll>, Done<PollReport>),
    waiting: &mut mpsc::Receiver<Work>,
    reports: &mut Vec<(Done<PollReport>, rusqlite::Result<PollReport>)>,
    errand: &mut Option<Errand>,
) -> rusqlite::Result<()> {
    let began = Instant::now();
    let mut entries = 0;
    let mut next = Some(first);
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            // Those who wait would fail in the same way, each after as long a wait for another program's lock.
            reports.extend(next.map(|(_, done)| (done, Ok(PollReport::default()))));
            while let Ok(work) = waiting.try_recv() {
                match work {
                    Work::Poll(_, done) => reports.push((done, Ok(PollReport::default()))),
                    Work::Errand(other) => {
                        *errand = Some(other);
                        break;
                    }
                }
            }
            return Err(error);
        }
    };
    while let Some((poll, done)) = next {
        let report = write_poll(&mut transaction, packer, neighbours, &poll);
        if report.is_err() {
            neighbours.drop_picture();
        }
        entries += poll.document.as_ref().map_or(1, |document| document.entries.len());
        reports.push((done, report));
        let is_full = entries >= MOST_ENTRIES || began.elapsed() >= LONGEST_GROUP;
        next = match if is_full { None } else { waiting.try_recv().ok() } {
            Some(Work::Poll(poll, done)) => Some((poll, done)),
            Some(Work::Errand(other)) => {
                *errand = Some(other);
                None
            }
            None => None,
        };
    }
    transaction.commit()
}

fn write_poll(
    transaction: &mut rusqlite::Transaction<'_>,
    packer: &Packer,
    neighbours: &mut Neighbours,
    poll: &Poll,
) -> rusqlite::Result<PollReport> {
    let savepoint = transaction.savepoint()?;
    let report = polls::store(&savepoint, packer, neighbours, poll)?;
    savepoint.commit()?;
    Ok(report)
}
