//! Why the archive could not be opened, read or written, and what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// An error of the archive.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No file, and the command only reads.
    #[error("there is no archive at {path} yet; `gleaner poll` or `gleaner run` makes one")]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// The file cannot be opened or its folder not be made.
    #[error("cannot open the archive {path}: {reason}")]
    Open {
        /// The database file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// A file of something else.
    #[error("{path} is not an archive of Gleaner ({reason}); give another file as `path` in [database]")]
    NotAnArchive {
        /// The database file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer Gleaner was here.
    #[error("the archive {path} was written by a newer Gleaner; upgrade this one, or restore a backup from before")]
    TooNew {
        /// The database file.
        path: PathBuf,
    },
    /// An older archive that this command may not change.
    #[error("the archive {path} is of an older Gleaner and a poller is using it; restart that poller with this version")]
    TooOld {
        /// The database file.
        path: PathBuf,
    },
    /// A second poller.
    #[error("another Gleaner is polling into {path} (it holds {lock}); stop it first, or use a command that only reads")]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// No space, no permission, an I/O error.
    #[error("cannot write the archive {path}: {reason}; nothing was lost, it is tried again with the next poll")]
    Write {
        /// The database file.
        path: PathBuf,
        /// SQLite's words.
        reason: String,
    },
    /// Another program holds the database.
    #[error("the archive {path} is locked by another program")]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the archive {path} is damaged: {reason}; restore a backup")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Anything else that SQLite says.
    #[error("the archive {path}: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The writer has stopped.
    #[error("the archive is closed")]
    Closed,
}

impl StoreError {
    /// Does it stop all writing, and not only what touches a damaged page, or what was to be written just now?
    pub fn is_of_all(&self) -> bool {
        !matches!(self, Self::Sqlite { .. } | Self::Damaged { .. })
    }

    /// What an error that hit several polls at once means for each of them.
    pub(super) fn of_group(path: &Path, error: &rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(code, words) => Self::of(path, rusqlite::Error::SqliteFailure(*code, words.clone())),
            other => Self::Write { path: path.to_owned(), reason: other.to_string() },
        }
    }

    /// What an error of SQLite on this file means.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = source.to_string();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotAnArchive { path, reason },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => {
                Self::Write { path, reason }
            }
            Some(ErrorCode::CannotOpen) => Self::Open { path, reason },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, reason },
            _ => Self::Sqlite { path, source },
        }
    }
}
