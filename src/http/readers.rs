//! Reading the archive for requests: few connections, kept open, each used by one request at a time on a thread of its
//! own, so that a slow question holds up neither the network nor the polls.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task;

use super::problem::Problem;
use crate::store::{Reader, StoreError};

/// Questions that are asked of the archive at once; the others wait.
const AT_ONCE: usize = 4;

/// Connections to one archive.
#[derive(Debug, Clone)]
pub struct Readers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Of the archive in this file.
    pub fn new(path: PathBuf) -> Self {
        Self { inner: Arc::new(Inner { path, idle: Mutex::default(), permits: Arc::new(Semaphore::new(AT_ONCE)) }) }
    }

    /// Asks the archive something.
    ///
    /// # Errors
    /// The archive cannot be read, or what the question itself says.
    pub async fn ask<T, E>(&self, question: impl FnOnce(&Reader) -> Result<T, E> + Send + 'static) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(&self.inner.permits).acquire_owned().await else {
            return Err(Problem::unavailable("the server is stopping", 30));
        };
        let inner = Arc::clone(&self.inner);
        let asked = task::spawn_blocking(move || {
            let reader = inner.reader()?;
            let answer = question(&reader).map_err(Into::into);
            inner.keep(reader);
            drop(permit);
            answer
        });
        asked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a question to the archive broke off");
            Err(Problem::unavailable("the archive could not answer; the log says why", 30))
        })
    }

    /// A connection of the asker's own, for what takes long.
    ///
    /// # Errors
    /// Those of opening it.
    pub fn open(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.inner.path)
    }
}

impl Inner {
    fn reader(&self) -> Result<Reader, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| Reader::open(&self.path), Ok)
    }

    fn keep(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}
