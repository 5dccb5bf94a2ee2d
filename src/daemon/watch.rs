//! A saved config is applied: the config file, all feed lists and the files of site rules are watched.
//!
//! What is watched are folders, since editors write a new file and rename it over the old one, and since a symbolic link
//! may come to lead elsewhere. An event only says that it is time to look: what counts is whether the files are others
//! than at the last look. So a database in the same folder, or a reload that reads the files, never causes a reload; and what
//! is written to the archive, which is always something, neither wakes anybody nor delays the look at what was saved.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::Config;

/// An editor that saves several files, or one in several steps, has done so when nothing came for so long.
const QUIET: Duration = Duration::from_millis(300);

/// However much goes on in the folders, they are looked at after so long.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// A file and, where the config was read from it, its state.
type Stamp = (PathBuf, Option<FileState>);

/// The files of a config under watch.
pub struct Watch {
    /// `None` where the system gives no watch: SIGHUP remains.
    watcher: Option<RecommendedWatcher>,
    events: mpsc::Receiver<()>,
    folders: BTreeSet<PathBuf>,
    files: Files,
    seen: Vec<Stamp>,
    /// Something happened: when it is looked at, if it stays quiet, and when at the latest.
    due: Option<(Instant, Instant)>,
}

impl Watch {
    /// Watches the files of this config.
    pub fn of(config: &Config) -> Self {
        let (happened, events) = mpsc::channel(1);
        let archive = config.database.path.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let says_nothing = event.as_ref().is_ok_and(|event| {
                matches!(event.kind, EventKind::Access(_)) || event.paths.iter().all(|path| is_of_archive(path, &archive))
            });
            if !says_nothing {
                // One that waits already says as much.
                let _ = happened.try_send(());
            }
        });
        let watcher = match watcher {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "config files cannot be watched; SIGHUP still reloads them");
                None
            }
        };
        let mut watch = Self { watcher, events, folders: BTreeSet::new(), files: Files::default(), seen: Vec::new(), due: None };
        watch.files = Files::of(config);
        watch.look();
        watch
    }

    /// Watches the files of another config from now on. It was read after the last look: whatever has become of a file since
    /// then is news, for nobody knows whether the config was read before or after it.
    pub fn set(&mut self, config: &Config) {
        let files = Files::of(config);
        let mut seen: BTreeMap<PathBuf, Option<FileState>> = files.stamps().into_iter().collect();
        let before: BTreeMap<PathBuf, Option<FileState>> = std::mem::take(&mut self.seen).into_iter().collect();
        seen.retain(|path, state| !self.files.knows(path, state.is_some()) || before.contains_key(path));
        for (path, state) in before {
            if files.knows(&path, state.is_some()) && self.files.knows(&path, state.is_some()) {
                seen.insert(path, state);
            }
        }
        self.seen = seen.into_iter().collect();
        self.files = files;
        self.watch_folders();
    }

    /// Remembers the files as they are now.
    pub fn look(&mut self) {
        self.seen = self.files.stamps();
        self.watch_folders();
    }

    /// Watches the folders that the files are in now.
    fn watch_folders(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let folders = self.files.folders();
        for gone in self.folders.difference(&folders) {
            // It may be gone altogether, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        // A folder that was removed and made again has lost its watch: all are asked for anew.
        let mut watched = BTreeSet::new();
        for folder in folders {
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(folder);
                }
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot be watched; SIGHUP still reloads it"),
            }
        }
        self.folders = watched;
    }

    /// Done when the files have become others and are quiet. May be dropped and asked again at any time.
    pub async fn changed(&mut self) {
        loop {
            if self.due.is_none() {
                if self.events.recv().await.is_none() {
                    // Without a watcher nothing ever comes.
                    return std::future::pending().await;
                }
                let now = Instant::now();
                self.due = Some((now + QUIET, now + LONGEST_WAIT));
            }
            while let Some((quiet, latest)) = self.due {
                match timeout_at(quiet.min(latest), self.events.recv()).await {
                    Ok(Some(())) => self.due = Some((Instant::now() + QUIET, latest)),
                    Ok(None) | Err(_) => break,
                }
                if Instant::now() >= latest {
                    break;
                }
            }
            self.due = None;
            if self.have_changed() {
                return;
            }
        }
    }

    /// Have the files become others since the last look? For those who cannot wait until it is quiet.
    pub fn have_changed(&mut self) -> bool {
        let changed = self.files.stamps() != self.seen;
        if changed {
            self.look();
        }
        changed
    }
}

/// What a config was read from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Files {
    /// The config file, its lists and its site rules.
    named: Vec<PathBuf>,
    /// Folders of feed lists and site rules: by a pattern, a new file in one may be a new one of them.
    list_folders: BTreeSet<PathBuf>,
}

impl Files {
    fn of(config: &Config) -> Self {
        let mut named = vec![config.file.clone()];
        named.extend(config.feed_lists.iter().chain(&config.rule_files).cloned());
        // It may not be there yet: its appearance is a change.
        named.extend(config.added_list());
        let list_folders = config
            .feed_lists
            .iter()
            .chain(&config.rule_files)
            .chain([&config.file])
            .filter_map(|list| list.parent())
            .map(Path::to_owned)
            .collect();
        Self { named, list_folders }
    }

    /// Was this path looked at: as a file that the config is read from, or else as one that may become a list?
    fn knows(&self, path: &Path, is_named: bool) -> bool {
        if self.named.iter().any(|named| named == path) {
            return is_named;
        }
        !is_named && is_list(path) && path.parent().is_some_and(|folder| self.list_folders.contains(folder))
    }

    /// The named files as they are, and which other lists there are beside them.
    fn stamps(&self) -> Vec<Stamp> {
        let mut stamps: BTreeMap<PathBuf, Option<FileState>> = BTreeMap::new();
        for folder in &self.list_folders {
            // A folder that cannot be read has no lists; the reload says so.
            let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
            stamps.extend(entries.filter(|path| is_list(path)).map(|path| (path, None)));
        }
        stamps.extend(self.named.iter().filter_map(|path| Some((path.clone(), Some(FileState::of(path)?)))));
        stamps.into_iter().collect()
    }

    /// The folders in which something happens when one of the files, or a link on the way to it, is replaced.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let mut folders = BTreeSet::new();
        for file in &self.named {
            let mut path = file.clone();
            // As many links as the system itself follows.
            for _ in 0..40 {
                let Some(folder) = path.parent().map(Path::to_owned) else { break };
                if folder.is_dir() {
                    folders.insert(folder.clone());
                    // Where the folder itself is reached by a link: the real one, and where the link stands.
                    if let Ok(real) = folder.canonicalize() {
                        folders.insert(real);
                    }
                    if folder.is_symlink()
                        && let Some(above) = folder.parent()
                    {
                        folders.insert(above.to_owned());
                    }
                }
                match fs::read_link(&path) {
                    Ok(target) => path = folder.join(target),
                    Err(_) => break,
                }
            }
        }
        folders
    }
}

/// Is this the database, or one of the files that SQLite and the daemon keep beside it under its name?
fn is_of_archive(path: &Path, database: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.as_encoded_bytes().to_vec()).unwrap_or_default();
    let (name, database) = (name(path), name(database));
    !database.is_empty() && (name == database || name.strip_prefix(&*database).is_some_and(|rest| rest.starts_with(b"-")))
}

fn is_list(path: &Path) -> bool {
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    !is_hidden && matches!(extension.as_deref(), Some("toml" | "opml" | "xml"))
}

/// What can be seen of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    length: u64,
    /// Nanoseconds since 1970.
    changed: i128,
}

impl FileState {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        let changed = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Some(Self { device: metadata.dev(), inode: metadata.ino(), length: metadata.len(), changed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, load_in};

    #[test]
    fn what_is_saved_while_a_config_is_read_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let save = |name: &str, text: &str| fs::write(at(name), text).unwrap();
        fs::create_dir(at("data")).unwrap();
        save("gleaner.toml", "feed_lists = [\"*.opml\"]\n[database]\npath = \"data/x.db\"\n");
        let load =
            || load_in(&at("gleaner.toml"), &Surroundings { current_folder: folder.path().to_owned(), ..Surroundings::default() }).unwrap();
        let mut watch = Watch::of(&load());
        assert!(!watch.have_changed());
        let saves: [&dyn Fn(); 4] = [
            &|| save("data/added.toml", ""),
            &|| save("data/added.toml", "[[feed]]\nurl = \"https://a.example/\"\n"),
            &|| save("new.opml", "<opml><body/></opml>"),
            &|| fs::remove_file(at("data/added.toml")).unwrap(),
        ];
        for (number, save) in saves.iter().enumerate() {
            watch.look();
            let config = load();
            save();
            watch.set(&config);
            assert!(watch.have_changed(), "{number}");
            watch.set(&load());
            assert!(!watch.have_changed(), "{number}");
        }
    }

    #[test]
    fn what_is_written_to_the_archive_is_no_news_and_a_list_beside_it_is() {
        let database = Path::new("/var/lib/gleaner/gleaner.db");
        for name in ["gleaner.db", "gleaner.db-wal", "gleaner.db-shm", "gleaner.db-control", "gleaner.db-lock"] {
            assert!(is_of_archive(&database.with_file_name(name), database), "{name}");
        }
        for name in ["added.toml", "gleaner.dbx", "gleaner.toml", "gleaner"] {
            assert!(!is_of_archive(&database.with_file_name(name), database), "{name}");
        }
    }
}
