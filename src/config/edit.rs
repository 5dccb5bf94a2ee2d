//! Changes to the feed lists: feeds added, changed, removed, imported.
//!
//! An edit changes what it must and no other byte: feeds are appended as text, a removed one takes only its own
//! comment along. What would stand there is loaded and validated first, then the file is replaced as a whole; on
//! any error nothing has changed. Edits of one config take turns, so none undoes another.

mod opml_list;
#[cfg(test)]
mod tests;
mod toml_list;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::feed::{default_name, feed_key, feed_url};
use super::files::Files;
use super::list::{Form, read_opml};
use super::load::load_with;
use super::mistake::{ConfigError, Mistake, nearest};
use super::replace::replace_file;
use super::subscription::{Subscription, qualified_name, subscriptions};
use super::{Config, Feed, Placement, Surroundings};
use opml_list::without_outlines;
use toml_list::{appended, changed, without_tables};

/// How a list of added feeds begins, so that whoever finds it knows whose it is.
const ADDED_LIST_HEAD: &str = "# Feeds that were added over HTTP. The running daemon reads and writes this list; edit it like any other.\n";

/// A feed that shall be added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewFeed {
    /// Its URL as it shall stand in the file.
    pub url: String,
    /// Else the default name.
    pub name: Option<String>,
    /// Else the feed's own.
    pub title: Option<String>,
    /// For selecting.
    pub tags: Vec<String>,
    /// Fixed interval.
    pub interval: Option<Duration>,
    /// Where the feed declares none.
    pub language: Option<String>,
    /// Where it stands in OPML.
    pub placements: Vec<Placement>,
}

/// What shall be different of a feed; what is `None` stays. `Some(None)` takes a key away, so that its default counts again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedChange {
    /// Its URL as it shall stand in the file. The name stays, and with it the history.
    pub url: Option<String>,
    /// Is it polled?
    pub enabled: Option<bool>,
    /// Instead of the feed's own.
    pub title: Option<Option<String>>,
    /// For selecting.
    pub tags: Option<Vec<String>>,
    /// Fixed interval.
    pub interval: Option<Option<Duration>>,
    /// Where the feed declares none.
    pub language: Option<Option<String>>,
}

/// A feed's name and the list that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The feed's name.
    pub name: String,
    /// The file that was changed.
    pub file: PathBuf,
}

/// A feed that is there already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url} is already the feed `{name}`, {}:{line}", .file.display())]
pub struct AlreadyThere {
    /// What should have been added.
    pub url: String,
    /// The feed that has this URL.
    pub name: String,
    /// Where it stands.
    pub file: PathBuf,
    /// … and the line, from 1.
    pub line: usize,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The feeds that are new, in the document's order.
    pub added: Vec<Edited>,
    /// Those that were there.
    pub skipped: Vec<AlreadyThere>,
}

/// Why an edit was refused or failed. Nothing has changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EditError {
    /// The config is broken as it stands.
    #[error("{0}")]
    Config(ConfigError),
    /// What is to be imported is no usable OPML.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Import(Vec<Mistake>),
    /// The config would be broken afterwards.
    #[error("the edit was not made, since afterwards the config would not be valid: {0}")]
    Invalid(ConfigError),
    /// A feed of this URL is there.
    #[error(transparent)]
    AlreadyThere(AlreadyThere),
    /// A feed of this name is there.
    #[error("there is already a feed named `{name}`, {}:{line}; give this one another name", .file.display())]
    NameTaken {
        /// The name.
        name: String,
        /// Where the feed stands.
        file: PathBuf,
        /// … and the line, from 1.
        line: usize,
    },
    /// No URL of a feed.
    #[error("{0}")]
    BadUrl(String),
    /// Nothing of this name or URL is there.
    #[error("there is no feed `{asked}`{}", .nearest.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        asked: String,
        /// The nearest name.
        nearest: Option<String>,
    },
    /// Several feeds have this URL.
    #[error("`{asked}` is the URL of several feeds: say which by name ({})", .names.join(", "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// Their names.
        names: Vec<String>,
    },
    /// A file has a form that is not edited here.
    #[error("{}: {reason}", .file.display())]
    NotEditable {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk refused.
    #[error("cannot write {}: {reason}", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// A config whose feed lists are under edit; other editors wait until it is dropped.
pub struct Editor<'a> {
    path: PathBuf,
    surroundings: &'a Surroundings,
    /// As it stands on the disk.
    config: Config,
    _turn: File,
}

impl<'a> Editor<'a> {
    /// Waits for its turn and loads the config.
    ///
    /// # Errors
    /// The config is broken, or its folder cannot be opened.
    pub fn open(config_file: &Path, surroundings: &'a Surroundings) -> Result<Self, EditError> {
        let path = surroundings.absolute(config_file);
        // A missing or broken config is told as such before its folder is looked at.
        super::load_in(&path, surroundings).map_err(EditError::Config)?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        let cannot_lock = |error: std::io::Error| EditError::Write { file: folder.to_path_buf(), reason: format!("cannot lock: {error}") };
        // The folder itself is locked: a lock file would be one more thing that an edit leaves behind.
        let turn = File::open(folder).map_err(cannot_lock)?;
        turn.lock().map_err(cannot_lock)?;
        let config = super::load_in(&path, surroundings).map_err(EditError::Config)?;
        Ok(Editor { path, surroundings, config, _turn: turn })
    }

    /// The config as it stands on the disk.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The file that feeds are added to: the first list in TOML, else the config file itself.
    pub fn target(&self) -> PathBuf {
        let added = self.config.added_list();
        let mut lists = self.config.feed_lists.iter().filter(|list| Some(*list) != added.as_ref());
        lists.find(|list| Form::of(list) == Some(Form::Toml)).unwrap_or(&self.config.file).clone()
    }

    /// Appends feeds to `list` (see [`Editor::target`]); all or none.
    ///
    /// # Errors
    /// One of them is there already by URL or name, or the result would not be valid.
    pub fn add(&self, feeds: &[NewFeed], list: &Path) -> Result<Vec<Edited>, EditError> {
        let folder = list.parent().unwrap_or(Path::new("/"));
        let mut names: HashMap<String, (PathBuf, usize)> =
            self.config.feeds.iter().map(|feed| (feed.name.clone(), (feed.list.clone(), feed.line))).collect();
        let mut keys: HashMap<String, AlreadyThere> =
            self.config.feeds.iter().map(|feed| (feed_key(&feed.url), already_there(feed.url.as_str(), feed))).collect();
        let mut edited = Vec::new();
        for new in feeds {
            let url = feed_url(&new.url, folder).map_err(EditError::BadUrl)?;
            let name = new.name.clone().unwrap_or_else(|| default_name(&new.url, &url));
            let here = AlreadyThere { url: new.url.clone(), name: name.clone(), file: list.to_path_buf(), line: 0 };
            if let Some(known) = keys.insert(feed_key(&url), here) {
                let reason = format!("{} is named twice", new.url);
                return Err(match known.line {
                    0 => EditError::BadUrl(reason),
                    _ => EditError::AlreadyThere(AlreadyThere { url: new.url.clone(), ..known }),
                });
            }
            if let Some((file, line)) = names.insert(name.clone(), (list.to_path_buf(), 0)) {
                return Err(EditError::NameTaken { name, file, line });
            }
            edited.push(Edited { name, file: list.to_path_buf() });
        }
        if !feeds.is_empty() {
            let mut before = text_of(list)?;
            if before.is_empty() && self.config.added_list().as_deref() == Some(list) {
                before.push_str(ADDED_LIST_HEAD);
            }
            self.commit(HashMap::from([(list.to_path_buf(), appended(&before, feeds, list)?.into_bytes())]))?;
        }
        Ok(edited)
    }

    /// Changes keys of a feed, named by name or URL, in the list in TOML that it stands in.
    ///
    /// # Errors
    /// It is not there, another feed has the new URL, its list is in OPML, or the result would not be valid.
    pub fn change(&self, asked: &str, change: &FeedChange) -> Result<Edited, EditError> {
        let feed = self.named(asked)?;
        if feed.list != self.config.file && Form::of(&feed.list) == Some(Form::Opml) {
            let reason = "a list in OPML holds no settings: move the feed into a list in TOML".to_owned();
            return Err(EditError::NotEditable { file: feed.list.clone(), reason });
        }
        if let Some(url) = &change.url {
            let url = feed_url(url, feed.list.parent().unwrap_or(Path::new("/"))).map_err(EditError::BadUrl)?;
            let key = feed_key(&url);
            if let Some(other) = self.config.feeds.iter().find(|other| other.name != feed.name && feed_key(&other.url) == key) {
                return Err(EditError::AlreadyThere(already_there(url.as_str(), other)));
            }
        }
        let content = changed(&text_of(&feed.list)?, feed, change, &feed.list)?;
        self.commit(HashMap::from([(feed.list.clone(), content.into_bytes())]))?;
        Ok(Edited { name: feed.name.clone(), file: feed.list.clone() })
    }

    /// Takes feeds out of their lists, each named by name or URL; all or none.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn remove(&self, asked: &[String]) -> Result<Vec<Edited>, EditError> {
        let mut leaving: Vec<&Feed> = Vec::new();
        for asked in asked {
            let feed = self.named(asked)?;
            if !leaving.iter().any(|other| other.name == feed.name) {
                leaving.push(feed);
            }
        }
        let mut files: HashMap<PathBuf, Vec<u8>> = HashMap::new();
        for feed in &leaving {
            if files.contains_key(&feed.list) {
                continue;
            }
            let from_here: Vec<&Feed> = leaving.iter().copied().filter(|other| other.list == feed.list).collect();
            let content = match Form::of(&feed.list) {
                Some(Form::Opml) if feed.list != self.config.file => without_outlines(&feed.list, &from_here)?,
                _ => without_tables(&text_of(&feed.list)?, &from_here, &feed.list)?.into_bytes(),
            };
            files.insert(feed.list.clone(), content);
        }
        self.commit(files)?;
        Ok(leaving.into_iter().map(|feed| Edited { name: feed.name.clone(), file: feed.list.clone() }).collect())
    }

    /// Adds the feeds of an OPML file that are not there yet, with all that the file says of them.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or has an outline whose URL cannot be a feed's.
    pub fn import(&self, opml_file: &Path) -> Result<Imported, EditError> {
        self.import_from(&Files::default(), &self.surroundings.absolute(opml_file), &self.target())
    }

    /// [`Editor::import`] of a document that came otherwise than as a file, into `list`.
    ///
    /// # Errors
    /// As there; `name` stands in place of the file's path.
    pub fn import_document(&self, document: Vec<u8>, name: &Path, list: &Path) -> Result<Imported, EditError> {
        self.import_from(&Files { replaced: HashMap::from([(name.to_path_buf(), document)]) }, name, list)
    }

    fn import_from(&self, files: &Files, file: &Path, list: &Path) -> Result<Imported, EditError> {
        let (source, opml) = read_opml(files, file).map_err(|mistake| EditError::Import(vec![*mistake]))?;
        let (subscriptions, unusable) = subscriptions(&opml);
        if !unusable.is_empty() {
            return Err(EditError::Import(unusable.into_iter().map(|unusable| unusable.at(&source)).collect()));
        }
        let known: HashMap<String, &Arc<Feed>> = self.config.feeds.iter().map(|feed| (feed_key(&feed.url), feed)).collect();
        let (mut skipped, mut new) = (Vec::new(), Vec::new());
        for subscription in subscriptions {
            match known.get(&feed_key(&subscription.url)) {
                Some(feed) => skipped.push(already_there(subscription.url.as_str(), feed)),
                None => new.push(subscription),
            }
        }
        let new = with_names(new, &self.config.feeds);
        Ok(Imported { added: self.add(&new, list)?, skipped })
    }

    /// The feed of a name, else of a URL.
    fn named(&self, asked: &str) -> Result<&Feed, EditError> {
        let feeds = &self.config.feeds;
        if let Some(feed) = feeds.iter().find(|feed| feed.name == asked) {
            return Ok(feed);
        }
        let folder = &self.surroundings.current_folder;
        let key = feed_url(asked, folder).or_else(|_| feed_url(&format!("https://{asked}"), folder)).map(|url| feed_key(&url));
        let same: Vec<&Arc<Feed>> = key.map(|key| feeds.iter().filter(|feed| feed_key(&feed.url) == key).collect()).unwrap_or_default();
        match same[..] {
            [feed] => Ok(feed),
            [] => {
                let nearest = nearest(asked, feeds.iter().map(|feed| feed.name.as_str())).map(str::to_owned);
                Err(EditError::Unknown { asked: asked.to_owned(), nearest })
            }
            _ => Err(EditError::Ambiguous { asked: asked.to_owned(), names: same.iter().map(|feed| feed.name.clone()).collect() }),
        }
    }

    /// Validates what would stand there, then writes it.
    fn commit(&self, files: HashMap<PathBuf, Vec<u8>>) -> Result<(), EditError> {
        let files = Files { replaced: files };
        load_with(&self.path, self.surroundings, &files).map_err(EditError::Invalid)?;
        let mut written: Vec<(&PathBuf, Option<Vec<u8>>)> = Vec::new();
        for (file, content) in &files.replaced {
            let replaced = content_of(file).and_then(|old| replace_file(file, content).map(|()| old));
            match replaced {
                Ok(old) => written.push((file, old)),
                Err(error) => {
                    put_back(written)?;
                    return Err(EditError::Write { file: file.clone(), reason: error.to_string() });
                }
            }
        }
        Ok(())
    }
}

/// The bytes of a file, if there is one.
fn content_of(file: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Feeds of several lists leave together or stay together.
fn put_back(written: Vec<(&PathBuf, Option<Vec<u8>>)>) -> Result<(), EditError> {
    for (file, old) in written {
        let restored = match old {
            Some(old) => replace_file(file, &old),
            None => std::fs::remove_file(file),
        };
        restored.map_err(|error| EditError::Write {
            file: file.clone(),
            reason: format!("{error}; this list was changed, another could not be, and now it cannot be put back"),
        })?;
    }
    Ok(())
}

impl Config {
    /// The feed that has this URL already, compared as [`feed_key`] does.
    pub fn known(&self, url: &Url) -> Option<AlreadyThere> {
        let key = feed_key(url);
        self.feeds.iter().find(|feed| feed_key(&feed.url) == key).map(|feed| already_there(url.as_str(), feed))
    }
}

fn already_there(url: &str, feed: &Feed) -> AlreadyThere {
    AlreadyThere { url: url.to_owned(), name: feed.name.clone(), file: feed.list.clone(), line: feed.line }
}

/// A list's text; a list that does not exist yet is empty (the one for feeds added over HTTP begins so).
fn text_of(list: &Path) -> Result<String, EditError> {
    if !list.try_exists().unwrap_or(true) {
        return Ok(String::new());
    }
    let source = Files::default().read_text(list).map_err(|mistake| EditError::Config(ConfigError::Mistakes(vec![*mistake])))?;
    Ok(source.text().to_owned())
}

/// Subscriptions as feeds of a list in TOML. Where a default name is taken, the title tells the feeds apart, and after
/// that a number: from now on the name stands in the file, so nothing hangs on the order any more.
fn with_names(subscriptions: Vec<Subscription>, known: &[Arc<Feed>]) -> Vec<NewFeed> {
    let mut taken: std::collections::HashSet<String> = known.iter().map(|feed| feed.name.clone()).collect();
    let mut new = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        let default = subscription.default_name();
        let title = subscription.title();
        let mut name = default.clone();
        let qualified = title.as_deref().map_or_else(|| default.clone(), |title| qualified_name(&default, title));
        if taken.contains(&name) {
            name = qualified.clone();
        }
        let mut number = 2_usize;
        while taken.contains(&name) {
            name = format!("{qualified} {number}");
            number += 1;
        }
        taken.insert(name.clone());
        new.push(NewFeed {
            url: subscription.url.to_string(),
            name: (name != default).then_some(name),
            title,
            tags: subscription.tags(),
            interval: None,
            language: subscription.language(),
            placements: subscription.placements,
        });
    }
    new
}
