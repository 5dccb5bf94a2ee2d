//! Opening the archive: for the one poller that writes, and for any number of readers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use include_dir::{Dir, include_dir};
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{Migrations, SchemaVersion};

use super::packed::Packer;
use super::writer::Writer;
use super::{Poll, PollReport, PollerLock, StoreError, dictionary};

/// The numbered SQL files.
static MIGRATION_FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/migrations/sqlite");

static MIGRATIONS: LazyLock<Result<Migrations<'static>, String>> =
    LazyLock::new(|| Migrations::from_directory(&MIGRATION_FILES).map_err(|error| error.to_string()));

/// `application_id` of an archive, "Glnr", which the first migration sets.
const APPLICATION_ID: i32 = 0x476c_6e72;

/// Larger pages than SQLite's usual 4 KiB: measured, they make an archive of articles smaller by a tenth.
const PAGE_SIZE: i32 = 8192;

/// What is deleted inside a page is written over; pages that are freed as a whole are not, for that would be more to write. Forgetting
/// sees to those.
pub(super) const SECURE_DELETE: &str = "fast";

/// How long to wait for another program that has locked the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The archive, open for polling. There is one in a process and, by its lock, one for a database.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    pub(super) writer: Writer,
    packer: Arc<Packer>,
    lock: PollerLock,
}

impl Archive {
    /// Opens the archive for polling; makes it, and its folder, where there is none; brings an older one up to date.
    ///
    /// # Errors
    /// A [`StoreError`] that says what to do; nothing was changed then.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)
                .map_err(|error| StoreError::Open { path: path.to_owned(), reason: format!("{}: {error}", folder.display()) })?;
        }
        refuse_other_files(path)?;
        let lock = PollerLock::take(path)?;
        let connection = open_writable(path)?;
        let packer = Arc::new(Packer::default());
        dictionary::load(&connection, &packer).map_err(|error| StoreError::of(path, error))?;
        let writer = Writer::start(path.to_owned(), connection, Arc::clone(&packer))?;
        Ok(Self { path: path.to_owned(), writer, packer, lock })
    }

    /// Commits a poll; done when it is safe on disk.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing of this poll was stored then.
    pub async fn commit(&self, poll: Poll) -> Result<PollReport, StoreError> {
        self.writer.commit(poll).await
    }

    /// Done when the writer has come to it: proof that it works through what waits.
    ///
    /// # Errors
    /// The writer has stopped.
    pub async fn pulse(&self) -> Result<(), StoreError> {
        self.writer.run(|_| Ok(())).await
    }

    /// Writes what is there already: can polls be stored?
    ///
    /// # Errors
    /// Why not.
    pub async fn try_to_write(&self) -> Result<(), StoreError> {
        self.writer.run(|connection| connection.execute("UPDATE archive SET change = change", [])).await.map(|_| ())
    }

    /// Tells other processes, by the lock file, where this one takes requests.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn announce(&self, control_socket: &Path) -> Result<(), StoreError> {
        self.lock.announce(control_socket).map_err(|error| StoreError::Open { path: self.path.clone(), reason: error.to_string() })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What packs drafts and raw entries for it.
    pub fn packer(&self) -> Arc<Packer> {
        Arc::clone(&self.packer)
    }

    /// A connection that reads.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Ok(Reader { packer: Arc::clone(&self.packer), ..Reader::open(&self.path)? })
    }

    /// Finishes what was handed over and closes the database.
    pub fn close(self) {
        self.writer.stop();
    }
}

/// The archive, open for reading beside a poller.
#[derive(Debug)]
pub struct Reader {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    pub(super) packer: Arc<Packer>,
}

impl Reader {
    /// Opens the archive for reading.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none; an archive of an older Gleaner is brought up to date where no
    /// poller is using it, else [`StoreError::TooOld`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.to_owned() });
        }
        refuse_other_files(path)?;
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let error = |error| StoreError::of(path, error);
        if is_behind(path, &connection)? {
            drop(connection);
            let _lock = PollerLock::take(path).map_err(|_| StoreError::TooOld { path: path.to_owned() })?;
            connection = open_writable(path)?;
        }
        connection.pragma_update(None, "query_only", true).map_err(error)?;
        Ok(Self { path: path.to_owned(), connection, packer: Arc::default() })
    }

    pub(super) fn error(&self, error: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// The archive's own id, and the last change number that it gave.
    ///
    /// # Errors
    /// Those of the database.
    pub fn identity(&self) -> Result<(String, i64), StoreError> {
        self.connection
            .query_row("SELECT id, change FROM archive", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(|error| self.error(error))
    }
}

/// A file that SQLite would take for a database, or overwrite, though it is something else.
fn refuse_other_files(path: &Path) -> Result<(), StoreError> {
    let not_one = |reason: &str| Err(StoreError::NotAnArchive { path: path.to_owned(), reason: reason.to_owned() });
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => not_one("it is a folder"),
        Ok(metadata) if !metadata.is_file() => not_one("it is not a regular file"),
        Ok(metadata) if metadata.len() > 0 => {
            let mut head = [0; 16];
            let read = fs::File::open(path).and_then(|mut file| std::io::Read::read(&mut file, &mut head));
            match read {
                Ok(16) if head == *b"SQLite format 3\0" => Ok(()),
                Ok(_) => not_one("it is not a SQLite database"),
                Err(error) => Err(StoreError::Open { path: path.to_owned(), reason: error.to_string() }),
            }
        }
        _ => Ok(()),
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let error = |error| StoreError::of(path, error);
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(error)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(error)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true).map_err(error)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(error)?;
    Ok(connection)
}

/// Opens or makes the database and brings it up to date.
fn open_writable(path: &Path) -> Result<Connection, StoreError> {
    let error = |error| StoreError::of(path, error);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let is_new = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0)).map_err(error)?;
    if is_new {
        connection.pragma_update(None, "page_size", PAGE_SIZE).map_err(error)?;
    } else {
        is_behind(path, &connection)?;
    }
    set_up(&mut connection).map_err(|source| match source {
        SetUpError::Sqlite(source) => error(source),
        SetUpError::Migration(reason) => StoreError::Damaged { path: path.to_owned(), reason },
    })?;
    Ok(connection)
}

/// Is this database of an older schema? Refuses those of a newer one, and other programs'.
fn is_behind(path: &Path, connection: &Connection) -> Result<bool, StoreError> {
    let error = |error| StoreError::of(path, error);
    let migrations = MIGRATIONS.as_ref().map_err(|reason| StoreError::Damaged { path: path.to_owned(), reason: reason.clone() })?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(error)?;
    let is_empty: bool = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0)).map_err(error)?;
    if application != APPLICATION_ID && !is_empty {
        return Err(StoreError::NotAnArchive { path: path.to_owned(), reason: "another program's database".into() });
    }
    let version = migrations
        .current_version(connection)
        .map_err(|reason| StoreError::Damaged { path: path.to_owned(), reason: reason.to_string() })?;
    match version {
        SchemaVersion::Outside(_) => Err(StoreError::TooNew { path: path.to_owned() }),
        SchemaVersion::NoneSet => Ok(true),
        SchemaVersion::Inside(_) => {
            let pending = migrations
                .pending_migrations(connection)
                .map_err(|reason| StoreError::Damaged { path: path.to_owned(), reason: reason.to_string() })?;
            Ok(pending > 0)
        }
    }
}

/// Why a database could not be set up.
#[derive(Debug)]
pub enum SetUpError {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// A migration failed.
    Migration(String),
}

impl From<rusqlite::Error> for SetUpError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Makes a connection the writer's: durable commits, the schema of today. What makes a database an archive (its
/// `application_id`, its own row) comes with the schema, in one transaction.
pub fn set_up(connection: &mut Connection) -> Result<(), SetUpError> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "secure_delete", SECURE_DELETE)?;
    let migrations = MIGRATIONS.as_ref().map_err(|reason| SetUpError::Migration(reason.clone()))?;
    migrations.to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => SetUpError::Sqlite(err),
        other => SetUpError::Migration(other.to_string()),
    })
}
