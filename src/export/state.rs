//! What an incremental export (`--state FILE`) remembers from one run to the next.
//!
//! The file names the archive and the number of the last change that an export gave. It is written after the output is
//! safe on the disk, so a crash between the two repeats articles and never leaves one out. A restored backup has
//! another archive id: its change numbers mean other changes, and the next export starts anew. The filters are
//! remembered too, since with other filters what they leave out now would count as given.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::target::{TargetError, write_file};

/// The version of the file's format that is written.
const VERSION: u32 = 1;

/// The filters of an export as the operator wrote them: option (`feed`, `since`, …) to values, sorted.
pub type Filters = BTreeMap<String, Vec<String>>;

/// The content of a state file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The format's version.
    version: u32,
    /// The archive's own id.
    pub archive: String,
    /// The number of the last change that was given.
    pub change: u64,
    /// The filters of the export.
    pub filters: Filters,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("cannot read the state file {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no state file.
    #[error("{} is not a state file of `gleaner export` ({source}): name another file, or remove it to start anew", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// A later version wrote it.
    #[error("{} was written by a later version of Gleaner (format {version}): use that version, or name another file", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format's version.
        version: u32,
    },
    /// It belongs to an export with other filters.
    #[error(
        "{} belongs to an export with other filters ({}; now {}): use one state file for each set of filters, or remove it to start anew",
        .path.display(), shown(.theirs), shown(.ours)
    )]
    OtherFilters {
        /// The file.
        path: PathBuf,
        /// Those in the file.
        theirs: Filters,
        /// Those of this export.
        ours: Filters,
    },
}

/// Where an incremental export begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At the beginning: there was no export yet.
    First,
    /// After this change.
    After(u64),
    /// At the beginning, because the file knows another archive (a restored backup, say): tell the operator.
    OtherArchive,
}

impl State {
    /// The state after an export.
    pub fn new(archive: impl Into<String>, change: u64, filters: Filters) -> Self {
        Self { version: VERSION, archive: archive.into(), change, filters }
    }

    /// Reads a state file; `None` where there is none yet.
    ///
    /// # Errors
    /// Where the file cannot be read, is broken, or is of a later version.
    pub fn read(path: &Path) -> Result<Option<Self>, StateError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Read { path: path.to_owned(), source }),
        };
        // The version first: a later format may have other keys.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let broken = |source| StateError::Broken { path: path.to_owned(), source };
        let Version { version } = serde_json::from_slice(&bytes).map_err(broken)?;
        if version > VERSION {
            return Err(StateError::Newer { path: path.to_owned(), version });
        }
        serde_json::from_slice(&bytes).map(Some).map_err(broken)
    }

    /// Where the next export begins, by what the file at `path` remembers.
    ///
    /// # Errors
    /// Those of [`State::read`], and other filters than those of the file.
    pub fn start(path: &Path, archive: &str, filters: &Filters) -> Result<Start, StateError> {
        match Self::read(path)? {
            None => Ok(Start::First),
            Some(state) if state.filters != *filters => {
                Err(StateError::OtherFilters { path: path.to_owned(), theirs: state.filters, ours: filters.clone() })
            }
            Some(state) if state.archive != archive => Ok(Start::OtherArchive),
            Some(state) => Ok(Start::After(state.change)),
        }
    }

    /// Writes the file whole. Call it after [`Target::finish`](super::target::Target::finish) has returned.
    ///
    /// # Errors
    /// Where it cannot be written; the old one then stays.
    pub fn write(&self, path: &Path) -> Result<(), TargetError> {
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|source| TargetError { path: path.to_owned(), source: io::Error::from(source) })?;
        bytes.push(b'\n');
        write_file(path, &bytes)
    }
}

/// Filters as on the command line.
fn shown(filters: &Filters) -> String {
    if filters.is_empty() {
        return "none".to_owned();
    }
    let options = filters.iter().map(|(option, values)| {
        if values.is_empty() {
            format!("--{option}")
        } else {
            values.iter().map(|value| format!("--{option} {value}")).collect::<Vec<_>>().join(" ")
        }
    });
    options.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(feed: &str) -> Filters {
        Filters::from([("feed".to_owned(), vec![feed.to_owned()]), ("copies".to_owned(), Vec::new())])
    }

    #[test]
    fn a_state_comes_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        assert_eq!(State::read(&path).unwrap(), None);
        assert_eq!(State::start(&path, "one", &filters("a")).unwrap(), Start::First);
        let state = State::new("one", 42, filters("a"));
        state.write(&path).unwrap();
        assert_eq!(State::read(&path).unwrap(), Some(state));
        assert_eq!(State::start(&path, "one", &filters("a")).unwrap(), Start::After(42));
    }

    #[test]
    fn a_restored_backup_starts_anew_instead_of_leaving_articles_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        State::new("one", 42, filters("a")).write(&path).unwrap();
        assert_eq!(State::start(&path, "two", &filters("a")).unwrap(), Start::OtherArchive);
    }

    #[test]
    fn other_filters_are_an_error_that_names_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        State::new("one", 42, filters("a")).write(&path).unwrap();
        let error = State::start(&path, "one", &Filters::new()).unwrap_err().to_string();
        assert!(error.contains("--copies --feed a; now none"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_state_is_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        for (bytes, want) in [
            ("", "not a state file"),
            ("{\"version\":1,\"archive\":\"one\"", "not a state file"),
            ("{\"version\":1,\"archive\":\"one\",\"change\":-1,\"filters\":{}}", "not a state file"),
            ("[]", "not a state file"),
            ("{\"version\":2,\"other\":true}", "later version"),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = State::read(&path).unwrap_err().to_string();
            assert!(error.contains(want), "{bytes}: {error}");
        }
        assert!(matches!(State::read(folder.path()), Err(StateError::Read { .. })));
    }
}
