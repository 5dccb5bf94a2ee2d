//! Where an export goes: to stdout, or to a file that is either the old one or the new one whole, never a part.
//!
//! A file is written beside its target under another name and put in its place only when all is on the disk: the
//! file is synchronised, renamed, and the folder synchronised, so that neither a crash nor a full disk can leave half
//! an export. Where anything fails, or the program unwinds, the temporary file is removed and the old one stays.
//! What is no regular file (a pipe, `/dev/stdout`) cannot be replaced and is written to directly.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 * 1024;

/// A sink that keeps nothing until [`Target::finish`] is called, where it can.
#[derive(Debug)]
pub struct Target {
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<Stdout>),
    /// A pipe or device.
    Stream(PathBuf, BufWriter<File>),
    Replacement {
        path: PathBuf,
        real: PathBuf,
        temporary: BufWriter<NamedTempFile>,
    },
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", .path.display())]
pub struct TargetError {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl Target {
    /// The file, or stdout where there is none or it is `-`.
    ///
    /// # Errors
    /// Where no file can be made beside the target.
    pub fn open(path: Option<&Path>) -> Result<Self, TargetError> {
        match path {
            Some(path) if path != Path::new("-") => Self::file(path),
            _ => Ok(Self::stdout()),
        }
    }

    /// Standard output.
    pub fn stdout() -> Self {
        Self { sink: Sink::Stdout(BufWriter::with_capacity(BUFFER, io::stdout())) }
    }

    /// A file that is replaced whole.
    ///
    /// # Errors
    /// Where no file can be made beside the target.
    pub fn file(path: &Path) -> Result<Self, TargetError> {
        let error = |source| TargetError { path: path.to_owned(), source };
        // A symbolic link stays one: what it names is replaced.
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            Err(source) if source.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(source) => return Err(error(source)),
        };
        let existing = match fs::metadata(&real) {
            Ok(metadata) => Some(metadata),
            Err(source) if source.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(error(source)),
        };
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(error(io::ErrorKind::IsADirectory.into()));
        }
        if existing.as_ref().is_some_and(|metadata| !metadata.is_file()) {
            let stream = OpenOptions::new().write(true).open(&real).map_err(error)?;
            return Ok(Self { sink: Sink::Stream(path.to_owned(), BufWriter::with_capacity(BUFFER, stream)) });
        }

        let Some(name) = real.file_name() else {
            return Err(error(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")));
        };
        let folder = match real.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp");
        if let Some(permissions) = permissions_of_new_files() {
            builder.permissions(permissions);
        }
        let temporary = builder.tempfile_in(&folder).map_err(error)?;
        if let Some(existing) = existing {
            temporary.as_file().set_permissions(existing.permissions()).map_err(error)?;
        }
        Ok(Self {
            sink: Sink::Replacement {
                path: path.to_owned(),
                real: folder.join(name),
                temporary: BufWriter::with_capacity(BUFFER, temporary),
            },
        })
    }

    /// Is this standard output or a pipe, whose reader may leave when it has seen enough?
    pub fn is_stream(&self) -> bool {
        !matches!(self.sink, Sink::Replacement { .. })
    }

    /// Puts what was written in its place. When this returns, a file is safe on the disk.
    ///
    /// # Errors
    /// Where the last bytes cannot be written or the file cannot be put in its place; the old one then stays.
    pub fn finish(self) -> Result<(), TargetError> {
        match self.sink {
            Sink::Stdout(mut out) => out.flush().map_err(|source| TargetError { path: PathBuf::from("standard output"), source }),
            Sink::Stream(path, mut out) => out.flush().map_err(|source| TargetError { path, source }),
            Sink::Replacement { path, real, temporary } => replace(&real, temporary).map_err(|source| TargetError { path, source }),
        }
    }
}

/// Writes a small file whole, as [`Target::file`] does.
///
/// # Errors
/// As there; the old file then stays.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), TargetError> {
    let mut target = Target::file(path)?;
    target.write_all(bytes).map_err(|source| TargetError { path: path.to_owned(), source })?;
    target.finish()
}

fn replace(real: &Path, temporary: BufWriter<NamedTempFile>) -> io::Result<()> {
    let temporary = temporary.into_inner().map_err(io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    temporary.persist(real).map_err(|error| error.error)?;
    sync_folder_of(real)
}

/// A rename is on the disk only when its folder is.
#[cfg(unix)]
fn sync_folder_of(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Elsewhere folders cannot be opened; the system orders the rename itself.
#[cfg(not(unix))]
fn sync_folder_of(_file: &Path) -> io::Result<()> {
    Ok(())
}

/// Temporary files are private by default; an export is as readable as any new file, less what the umask takes.
#[cfg(unix)]
fn permissions_of_new_files() -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(0o666))
}

/// Elsewhere there are no such modes.
#[cfg(not(unix))]
fn permissions_of_new_files() -> Option<fs::Permissions> {
    None
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(out) => out.write(bytes),
            Sink::Stream(_, out) => out.write(bytes),
            Sink::Replacement { temporary, .. } => temporary.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(out) => out.flush(),
            Sink::Stream(_, out) => out.flush(),
            Sink::Replacement { temporary, .. } => temporary.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        fs::write(&path, "old").unwrap();
        let mut target = Target::file(&path).unwrap();
        target.write_all(b"new and longer").unwrap();
        target.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        target.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new and longer");
        assert_eq!(names(folder.path()), ["out.json"]);
    }

    #[test]
    fn what_is_not_finished_leaves_no_trace_not_even_after_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        let mut target = Target::file(&path).unwrap();
        target.write_all(b"half").unwrap();
        drop(target);
        assert!(names(folder.path()).is_empty());

        fs::write(&path, "old").unwrap();
        let panicked = std::panic::catch_unwind(|| {
            let mut target = Target::file(&path).unwrap();
            target.write_all(b"half").unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out.json"]);
    }

    #[test]
    fn an_error_names_the_file_that_the_operator_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing").join("out.json");
        assert!(Target::file(&missing).unwrap_err().to_string().contains("missing"));
        assert!(Target::file(folder.path()).is_err());
        assert!(write_file(Path::new("/"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_symbolic_links_are_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("out.json"), folder.path().join("link.json"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("out.json", &link).unwrap();
        write_file(&link, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_has_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_file(&ours, b"x").unwrap();
        fs::write(&plain, b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_directly() {
        let mut target = Target::file(Path::new("/dev/null")).unwrap();
        assert!(target.is_stream());
        target.write_all(b"x").unwrap();
        target.finish().unwrap();
    }
}
