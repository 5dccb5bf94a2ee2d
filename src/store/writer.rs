//! The one writer: a thread that owns the writing connection and groups the polls that wait for it.
//!
//! A group is what has gathered while the last one was committed, at most 200 articles or 50 milliseconds of work: so
//! a lone poll is committed at once, and under load a sync to disk serves many. Each poll has a savepoint of its own:
//! one that fails takes nothing else with it.

use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{Poll, PollReport, StoreError, polls};

const MOST_ENTRIES: usize = 200;
const LONGEST_GROUP: Duration = Duration::from_millis(50);

/// How many polls may wait before those who bring more have to.
const QUEUE: usize = 64;

type Done = oneshot::Sender<Result<PollReport, StoreError>>;

/// The handle of the writer's thread.
#[derive(Debug)]
pub struct Writer {
    polls: mpsc::Sender<(Poll, Done)>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(path: PathBuf, connection: Connection) -> Result<Self, StoreError> {
        let (polls, waiting) = mpsc::channel(QUEUE);
        let open_path = path.clone();
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || write_groups(&path, connection, waiting))
            .map_err(|error| StoreError::Open { path: open_path, reason: error.to_string() })?;
        Ok(Self { polls, thread })
    }

    /// Hands a poll over and waits until it is committed.
    pub async fn commit(&self, poll: Poll) -> Result<PollReport, StoreError> {
        let (done, committed) = oneshot::channel();
        self.polls.send((poll, done)).await.map_err(|_| StoreError::Closed)?;
        committed.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish what it was given.
    pub fn stop(self) {
        drop(self.polls);
        if self.thread.join().is_err() {
            tracing::error!("the writer of the archive panicked");
        }
    }
}

fn write_groups(path: &std::path::Path, mut connection: Connection, mut waiting: mpsc::Receiver<(Poll, Done)>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut reports: Vec<(Done, Result<PollReport, rusqlite::Error>)> = Vec::new();
        let committed = write_group(&mut connection, first, &mut waiting, &mut reports);
        let group_error = committed.err().map(|error| StoreError::of(path, error).to_string());
        for (done, report) in reports {
            let answer = match (&group_error, report) {
                (None, Ok(report)) => Ok(report),
                (None, Err(error)) => Err(StoreError::of(path, error)),
                (Some(reason), _) => Err(StoreError::Write { path: path.to_owned(), reason: reason.clone() }),
            };
            // Whoever asked may have been stopped meanwhile; the poll is committed all the same.
            let _ = done.send(answer);
        }
    }
    if let Err(error) = connection.close() {
        tracing::warn!(error = %error.1, "closing the archive");
    }
}

fn write_group(
    connection: &mut Connection,
    first: (Poll, Done),
    waiting: &mut mpsc::Receiver<(Poll, Done)>,
    reports: &mut Vec<(Done, Result<PollReport, rusqlite::Error>)>,
) -> rusqlite::Result<()> {
    let began = Instant::now();
    let mut entries = 0;
    let mut next = Some(first);
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            reports.extend(next.map(|(_, done)| (done, Ok(PollReport::default()))));
            return Err(error);
        }
    };
    while let Some((poll, done)) = next {
        let report = write_poll(&mut transaction, &poll);
        entries += poll.document.as_ref().map_or(1, |document| document.entries.len());
        reports.push((done, report));
        let is_full = entries >= MOST_ENTRIES || began.elapsed() >= LONGEST_GROUP;
        next = if is_full { None } else { waiting.try_recv().ok() };
    }
    transaction.commit()
}

fn write_poll(transaction: &mut rusqlite::Transaction<'_>, poll: &Poll) -> rusqlite::Result<PollReport> {
    let savepoint = transaction.savepoint()?;
    let report = polls::store(&savepoint, poll)?;
    savepoint.commit()?;
    Ok(report)
}
