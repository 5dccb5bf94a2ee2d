//! Online backups: a copy of one moment of the archive, made while a poller writes.
//!
//! SQLite's backup interface copies pages inside one read transaction, so no write can restart it and none waits for
//! it. The copy gets an id of its own: an incremental export that knew the archive notices that this one is another.
//! It is checked as `db check` does before it takes its name, so whatever stands there can be restored.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::integrity::{self, Damage};
use super::{Reader, StoreError, connect};

/// Pages at a time.
const PAGES: i32 = 1024;

/// Why there is no backup. Whatever stood at its place still stands there.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The archive cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file that was named cannot be written.
    #[error("cannot write the backup {path}: {reason}")]
    Target {
        /// The backup.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It would be written over the archive itself.
    #[error("{path} is the archive itself; name another file")]
    Itself {
        /// The backup.
        path: PathBuf,
    },
    /// The archive is damaged, and so would the backup be.
    #[error("the archive is damaged, so no backup was made; `gleaner db check` says where")]
    Damaged(Vec<Damage>),
}

impl Reader {
    /// Writes a backup to `target`, checked and safe on disk; of earlier ones at that place `keep` − 1 stay, renamed
    /// to `target.1` (the newest), `target.2` and so on. `progress` hears how many pages of how many are copied.
    ///
    /// # Errors
    /// A [`BackupError`].
    pub fn back_up(&self, target: &Path, keep: u32, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
        let target_error = |reason: String| BackupError::Target { path: target.to_owned(), reason };
        let io_error = |error: std::io::Error| target_error(error.to_string());
        for name in [target.to_owned(), earlier(target, 1)] {
            if matches!((name.canonicalize(), self.path.canonicalize()), (Ok(a), Ok(b)) if a == b) {
                return Err(BackupError::Itself { path: name });
            }
        }
        if target.is_dir() {
            return Err(target_error("it is a folder".to_owned()));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = tempfile::Builder::new().prefix(".gleaner-").suffix(".tmp").tempfile_in(folder).map_err(io_error)?;
        self.copy_to(temporary.path(), progress).map_err(|error| match error {
            CopyError::Source(error) => BackupError::Store(self.error(error)),
            CopyError::Copy(error) => target_error(error.to_string()),
        })?;
        let copy = connect::connect(temporary.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let damages = integrity::check(&copy).map_err(|error| target_error(error.to_string()))?.damages;
        if !damages.is_empty() {
            return Err(BackupError::Damaged(damages));
        }
        drop(copy);
        temporary.as_file().sync_all().map_err(io_error)?;
        keep_earlier(target, keep).map_err(io_error)?;
        temporary.persist(target).map_err(|error| io_error(error.error))?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error)
    }

    fn copy_to(&self, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), CopyError> {
        let mut copy = Connection::open(path).map_err(CopyError::Copy)?;
        // The picture of one moment: as long as this stands, the copying reads from it.
        let moment = self.connection.unchecked_transaction().map_err(CopyError::Source)?;
        moment.query_row("SELECT id FROM archive", [], |_| Ok(())).map_err(CopyError::Source)?;
        {
            let backup = Backup::new(&self.connection, &mut copy).map_err(CopyError::Copy)?;
            loop {
                let step = backup.step(PAGES).map_err(CopyError::Copy)?;
                let state = backup.progress();
                let (all, left) = (u64::try_from(state.pagecount).unwrap_or(0), u64::try_from(state.remaining).unwrap_or(0));
                progress(all.saturating_sub(left), all);
                match step {
                    StepResult::Done => break,
                    StepResult::More => {}
                    // Nobody else knows the copy, and the picture needs no lock.
                    _ => {
                        return Err(CopyError::Copy(rusqlite::Error::SqliteFailure(
                            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                            None,
                        )));
                    }
                }
            }
        }
        drop(moment);
        let name = || {
            // One file, not three: a backup is moved about.
            copy.pragma_update(None, "journal_mode", "delete")?;
            copy.pragma_update(None, "synchronous", "full")?;
            copy.execute("UPDATE archive SET id = lower(hex(randomblob(16)))", [])
        };
        name().map_err(CopyError::Copy)?;
        copy.close().map_err(|(_, error)| CopyError::Copy(error))
    }
}

/// Which side of the copying failed.
enum CopyError {
    Source(rusqlite::Error),
    Copy(rusqlite::Error),
}

fn earlier(target: &Path, number: u32) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number}"));
    target.with_file_name(name)
}

/// Makes room at `target`: each earlier backup gets the next number, and what has none left goes.
fn keep_earlier(target: &Path, keep: u32) -> std::io::Result<()> {
    if keep <= 1 {
        return Ok(());
    }
    for number in (1..keep).rev() {
        let from = if number == 1 { target.to_owned() } else { earlier(target, number - 1) };
        match fs::rename(from, earlier(target, number)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
