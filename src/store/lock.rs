//! One poller an archive: a lock file beside the database, held as long as the poller lives.
//!
//! The lock is the operating system's (`flock`), so it is gone with the process, however that ends. SQLite's own
//! locks would not do: they are held for a transaction, not for a life. What stands in the file is for others to read
//! while the lock is held: the holder's process, and the socket on which it takes requests, if it does.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StoreError;

/// Who only looks whether there is a poller holds the lock for an instant; a poller that begins just then waits it out.
const LOOKED_AT: Duration = Duration::from_millis(300);

/// Held by the one process that polls into an archive.
#[derive(Debug)]
pub struct PollerLock {
    /// Keeps the lock; closing the file releases it.
    file: File,
}

/// Who holds an archive's lock.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Holder {
    /// Its process.
    pub pid: Option<u32>,
    /// Where it takes requests: a daemon's. `gleaner poll` takes none.
    pub control_socket: Option<PathBuf>,
}

impl PollerLock {
    /// Takes the lock of the archive at `database`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it, [`StoreError::Open`] where the file cannot be made.
    pub fn take(database: &Path) -> Result<Self, StoreError> {
        let path = lock_path(database);
        let open = |error: io::Error| StoreError::Open { path: database.to_owned(), reason: format!("{}: {error}", path.display()) };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(open)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < LOOKED_AT => std::thread::sleep(LOOKED_AT / 30),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: database.to_owned(), lock: path }),
                Err(TryLockError::Error(error)) => return Err(open(error)),
            }
        }
        let lock = Self { file };
        lock.write(&Holder { pid: Some(std::process::id()), control_socket: None }).map_err(open)?;
        Ok(lock)
    }

    /// Says where requests are taken.
    pub(super) fn announce(&self, control_socket: &Path) -> io::Result<()> {
        self.write(&Holder { pid: Some(std::process::id()), control_socket: Some(control_socket.to_owned()) })
    }

    fn write(&self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_string(holder).map_err(io::Error::from)?;
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{text}")
    }

    /// Who polls into the archive at `database` now; `None` where nobody does.
    ///
    /// # Errors
    /// The lock file cannot be read.
    pub fn holder(database: &Path) -> Result<Option<Holder>, StoreError> {
        let path = lock_path(database);
        let open = |error: io::Error| StoreError::Open { path: database.to_owned(), reason: format!("{}: {error}", path.display()) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(open(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let text = io::read_to_string(&file).map_err(open)?;
                // Caught in the middle of a write, or of another version: somebody polls, and that is all that is known.
                Ok(Some(serde_json::from_str(&text).unwrap_or_default()))
            }
            Err(TryLockError::Error(error)) => Err(open(error)),
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push("-lock");
    database.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_says_who_holds_it_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        assert_eq!(PollerLock::holder(&database).unwrap(), None);
        let lock = PollerLock::take(&database).unwrap();
        let own = Holder { pid: Some(std::process::id()), control_socket: None };
        assert_eq!(PollerLock::holder(&database).unwrap(), Some(own.clone()));
        assert!(matches!(PollerLock::take(&database), Err(StoreError::Locked { .. })));
        lock.announce(Path::new("/run/x")).unwrap();
        assert_eq!(PollerLock::holder(&database).unwrap(), Some(Holder { control_socket: Some("/run/x".into()), ..own }));
        drop(lock);
        assert_eq!(PollerLock::holder(&database).unwrap(), None);
    }
}
