//! The one writer: a thread that owns the writing connection and groups the polls that wait for it.
//!
//! A group is what has gathered while the last one was committed, at most 200 articles or 50 milliseconds of work: so
//! a lone poll is committed at once, and under load a sync to disk serves many. Where a poll of a group cannot be stored, the
//! group is taken back and each of its polls committed alone: one that fails takes nothing else with it. (A savepoint for each
//! poll would do the same, and cost a copy of every page that it touches, and a search index written to disk poll by poll.)
//! All else that writes (retention) waits in the same queue, in pieces that
//! are as small, so that no poll waits long. A dictionary that is due is made on a thread of its own, which then waits like
//! all others; the first one alone is made here, a tenth of a second once in an archive's life.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::neighbours::Neighbours;
use super::packed::Packer;
use super::search::Unindexed;
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
        let writing =
            Writing { path: path.clone(), packer, queue: queue.downgrade(), dictionary_asked: false, longest_group: LONGEST_GROUP };
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
    /// So long polls may join a group.
    longest_group: Duration,
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
        let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => return self.refuse(&error, first, waiting),
        };
        let mut group = Group { polls: vec![first], errand: None };
        let began = Instant::now();
        let joins = || if began.elapsed() < self.longest_group { waiting.try_recv().ok() } else { None };
        let committed = commit_group(transaction, &self.packer, neighbours, &mut group, joins);
        if committed.is_err() {
            neighbours.drop_picture();
        }
        let reports: Vec<rusqlite::Result<PollReport>> = match committed {
            Ok(reports) => reports.into_iter().map(Ok).collect(),
            Err(error) if group.polls.len() == 1 => vec![Err(error)],
            Err(error) => {
                tracing::debug!(%error, polls = group.polls.len(), "a group of polls cannot be committed; now each alone");
                group.polls.iter().map(|(poll, _)| commit_alone(connection, &self.packer, neighbours, poll)).collect()
            }
        };
        for ((_, done), report) in group.polls.into_iter().zip(reports) {
            // Whoever asked may have been stopped meanwhile; the poll is committed all the same.
            let _ = done.send(report.map_err(|error| StoreError::of(&self.path, error)));
        }
        group.errand
    }

    /// Where no transaction can begin, those who wait would fail in the same way, each after as long a wait for another
    /// program's lock.
    fn refuse(&self, error: &rusqlite::Error, first: (Box<Poll>, Done<PollReport>), waiting: &mut mpsc::Receiver<Work>) -> Option<Errand> {
        let refuse = |done: Done<PollReport>| {
            // Whoever asked may have been stopped meanwhile.
            let _ = done.send(Err(StoreError::of_group(&self.path, error)));
        };
        refuse(first.1);
        while let Ok(work) = waiting.try_recv() {
            match work {
                Work::Poll(_, done) => refuse(done),
                Work::Errand(errand) => return Some(errand),
            }
        }
        None
    }

    /// Has a dictionary made where one is due. Without it all goes on, only larger; so what goes wrong is said once.
    fn make_dictionary(&mut self, connection: &Connection) {
        let is_due = dictionary::is_due(connection).unwrap_or(false);
        let was_asked = std::mem::replace(&mut self.dictionary_asked, is_due);
        if !is_due || was_asked {
            return;
        }
        if self.packer.known_dictionaries().is_empty() {
            // While the first one is being made, a first poll of many feeds would store thousands of articles without it.
            if let Some(content) = make_dictionary(&self.path, &self.packer) {
                keep_dictionary(connection, &self.packer, &content);
            }
            return;
        }
        let Some(queue) = self.queue.upgrade() else { return };
        let (path, packer) = (self.path.clone(), Arc::clone(&self.packer));
        let made = std::thread::Builder::new().name("dictionary".into()).spawn(move || {
            if let Some(content) = make_dictionary(&path, &packer) {
                let keep: Errand = Box::new(move |connection, _| keep_dictionary(connection, &packer, &content));
                // While this thread has a sender, the writer takes what it sends.
                let _ = queue.blocking_send(Work::Errand(keep));
            }
        });
        if let Err(error) = made {
            tracing::warn!(%error, "no thread to make a dictionary");
        }
    }
}

fn make_dictionary(path: &Path, packer: &Packer) -> Option<Vec<u8>> {
    match dictionary::make(path, packer) {
        Ok(Some(content)) => return Some(content),
        Ok(None) => tracing::debug!("the articles are too short for a dictionary"),
        Err(error) => tracing::warn!(%error, "no dictionary could be made"),
    }
    None
}

fn keep_dictionary(connection: &Connection, packer: &Packer, content: &[u8]) {
    match dictionary::keep(connection, packer, content) {
        Ok(()) => tracing::debug!(bytes = content.len(), "a new dictionary"),
        Err(error) => tracing::warn!(%error, "a new dictionary cannot be kept"),
    }
}

/// Polls that are committed together.
struct Group {
    polls: Vec<(Box<Poll>, Done<PollReport>)>,
    /// What ended the group.
    errand: Option<Errand>,
}

/// Stores the group and whatever joins it meanwhile, and ends the transaction.
fn commit_group(
    transaction: Transaction<'_>,
    packer: &Packer,
    neighbours: &mut Neighbours,
    group: &mut Group,
    mut joins: impl FnMut() -> Option<Work>,
) -> rusqlite::Result<Vec<PollReport>> {
    let mut entries = 0;
    let mut unindexed = Unindexed::default();
    let mut reports = Vec::new();
    while let Some((poll, _)) = group.polls.get(reports.len()) {
        let (report, tokens) = polls::store(&transaction, packer, neighbours, poll)?;
        unindexed.extend(tokens);
        reports.push(report);
        entries += poll.document.as_ref().map_or(1, |document| document.entries.len());
        if entries < MOST_ENTRIES {
            match joins() {
                Some(Work::Poll(poll, done)) => group.polls.push((poll, done)),
                Some(Work::Errand(errand)) => group.errand = Some(errand),
                None => {}
            }
        }
    }
    neighbours.write_lists(&transaction)?;
    unindexed.write(&transaction)?;
    transaction.commit()?;
    Ok(reports)
}

fn commit_alone(connection: &mut Connection, packer: &Packer, neighbours: &mut Neighbours, poll: &Poll) -> rusqlite::Result<PollReport> {
    let mut commit = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (report, unindexed) = polls::store(&transaction, packer, neighbours, poll)?;
        neighbours.write_lists(&transaction)?;
        unindexed.write(&transaction)?;
        transaction.commit()?;
        Ok(report)
    };
    let committed = commit();
    if committed.is_err() {
        neighbours.drop_picture();
    }
    committed
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::connect::set_up;
    use super::super::packed::PackedError;
    use super::super::polls::Prepared;
    use super::super::sample;
    use super::*;
    use crate::copies::CopySettings;

    /// A poll of a feed of one entry; what cannot be packed cannot be stored.
    fn poll(feed: &str, packs: bool) -> Box<Poll> {
        let mut poll = sample::poll(feed, vec![sample::entry(feed)], DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        if let Some(document) = poll.document.as_mut().filter(|_| !packs) {
            document.prepare = Box::new(|entry| {
                let prepared = Prepared::of(sample::draft(entry), Some(entry), CopySettings::default(), &Packer::default());
                Prepared { packed: Err(PackedError::Kind(None)), ..prepared }
            });
        }
        Box::new(poll)
    }

    /// The feeds of which the archive and its index have something.
    fn kept(connection: &Connection) -> (Vec<String>, Vec<String>) {
        let names = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            let names = statement.query_map([], |row| row.get(0)).unwrap();
            names.collect::<rusqlite::Result<_>>().unwrap()
        };
        let indexed = |feed: &String| {
            connection
                .prepare("SELECT 1 FROM article_tokens WHERE article_tokens MATCH ?1")
                .unwrap()
                .exists([format!("\"{feed}\"")])
                .unwrap()
        };
        let feeds = names("SELECT name FROM feed ORDER BY name");
        (feeds.clone(), feeds.into_iter().filter(indexed).collect())
    }

    #[test]
    fn a_poll_that_cannot_be_stored_takes_nothing_of_its_group_with_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        set_up(&mut connection).unwrap();
        let (queue, mut waiting) = mpsc::channel(8);
        let writing = Writing {
            path: "a.db".into(),
            packer: Arc::default(),
            queue: queue.downgrade(),
            dictionary_asked: false,
            longest_group: Duration::MAX,
        };
        let mut neighbours = Neighbours::new(Arc::default());
        let mut answers = Vec::new();
        let mut join = |feed: &str, packs: bool| {
            let (done, answer) = oneshot::channel();
            answers.push(answer);
            (poll(feed, packs), done)
        };
        let first = join("one", true);
        for (feed, packs) in [("two", true), ("bad", false), ("three", true)] {
            let (poll, done) = join(feed, packs);
            assert!(queue.try_send(Work::Poll(poll, done)).is_ok());
        }
        assert!(queue.try_send(Work::Errand(Box::new(|_, _| {}))).is_ok());
        assert!(writing.write_group(&mut connection, &mut neighbours, first, &mut waiting).is_none(), "the group ends with the bad one");
        let Some(Work::Poll(poll, done)) = waiting.try_recv().ok() else { panic!("the last poll waits for its own group") };
        assert!(writing.write_group(&mut connection, &mut neighbours, (poll, done), &mut waiting).is_some(), "the errand ends the group");
        let answers: Vec<bool> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().is_ok()).collect();
        assert_eq!(answers, [true, true, false, true]);
        let names = ["one", "three", "two"].map(str::to_owned).to_vec();
        assert_eq!(kept(&connection), (names.clone(), names));
    }
}
