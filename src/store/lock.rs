//! One poller an archive: a lock file beside the database, held as long as the poller lives.
//!
//! The lock is the operating system's (`flock`), so it is gone with the process, however that ends. SQLite's own
//! locks would not do: they are held for a transaction, not for a life.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Held by the one process that polls into an archive.
#[derive(Debug)]
pub struct PollerLock {
    /// Keeps the lock; closing the file releases it.
    _file: File,
}

impl PollerLock {
    /// Takes the lock of the archive at `database`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it, [`StoreError::Open`] where the file cannot be made.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        let lock = lock_path(database);
        let open = |error: std::io::Error| StoreError::Open { path: database.to_owned(), reason: format!("{}: {error}", lock.display()) };
        let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(open)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: database.to_owned(), lock }),
            Err(TryLockError::Error(error)) => Err(open(error)),
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push("-lock");
    database.with_file_name(name)
}
