//! The config file and its feed lists, read in one pass that notes every mistake.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::Config;
use super::feed::{Found, feed_key};
use super::files::{Files, parse_document};
use super::list::{self, Lists, feeds};
use super::mistake::{ConfigError, Mistake, SourceText};
use super::rules;
use super::section::Section;
use super::settings::{articles, database, fetch, filters, http, log, pages, schedule, sub_section};
use super::surroundings::Surroundings;
use super::webhook;

/// The config file: the one named, else the first at the usual places.
///
/// # Errors
/// See [`Surroundings::find`].
pub fn find(named: Option<&Path>) -> Result<PathBuf, ConfigError> {
    Surroundings::of_process()?.find(named)
}

/// Reads and validates a config file and all its feed lists.
///
/// # Errors
/// All mistakes of all files. Warnings alone are no error; they are in [`Config::warnings`].
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    load_in(path, &Surroundings::of_process()?)
}

/// [`load`] with the surroundings passed in.
///
/// # Errors
/// As [`load`].
pub fn load_in(path: &Path, surroundings: &Surroundings) -> Result<Config, ConfigError> {
    load_with(path, surroundings, &Files::default())
}

pub(super) fn load_with(path: &Path, surroundings: &Surroundings, files: &Files) -> Result<Config, ConfigError> {
    let source = files.read_text(&surroundings.absolute(path)).map_err(|mistake| ConfigError::Mistakes(vec![*mistake]))?;
    let mut mistakes = Vec::new();
    let config = parse_document(&source, &mut mistakes).map(|table| read(&source, &table, surroundings, files, &mut mistakes));
    in_reading_order(&mut mistakes);
    match config {
        Some(config) if mistakes.iter().all(Mistake::is_warning) => Ok(Config { warnings: mistakes, ..config }),
        _ => Err(ConfigError::Mistakes(mistakes)),
    }
}

/// File after file as they were read, and within a file from top to bottom.
fn in_reading_order(mistakes: &mut [Mistake]) {
    let mut files: Vec<PathBuf> = Vec::new();
    for mistake in mistakes.iter() {
        if !files.contains(&mistake.file) {
            files.push(mistake.file.clone());
        }
    }
    mistakes.sort_by_cached_key(|mistake| (files.iter().position(|file| *file == mistake.file), mistake.line_and_column()));
}

fn read(source: &SourceText, table: &DeTable<'_>, surroundings: &Surroundings, files: &Files, mistakes: &mut Vec<Mistake>) -> Config {
    let mut root = Section::new(source, table, "the config", mistakes);
    let database = sub_section(&mut root, "database", surroundings, database);
    let fetch = sub_section(&mut root, "fetch", surroundings, fetch);
    let schedule = sub_section(&mut root, "schedule", surroundings, schedule);
    let articles = sub_section(&mut root, "articles", surroundings, articles);
    let pages = sub_section(&mut root, "pages", surroundings, pages);
    let http = sub_section(&mut root, "http", surroundings, http);
    let log = sub_section(&mut root, "log", surroundings, log);
    let filters = filters(&mut root, "filter");
    let webhooks = webhook::read(&mut root, surroundings);
    let mut found = feeds(&mut root, &schedule, surroundings);
    let named_lists = list::named(&mut root);
    root.finish();

    let mut lists = Lists { files, schedule: &schedule, surroundings, config_file: &source.path, read: Vec::new(), title: None };
    for list in named_lists {
        lists.read(&list, &mut found, mistakes);
    }
    let mut config = Config {
        file: source.path.clone(),
        feed_lists: Vec::new(),
        database,
        fetch,
        schedule: schedule.clone(),
        articles,
        pages,
        http,
        log,
        filters,
        webhooks: Vec::new(),
        site_rules: Vec::new(),
        rule_files: Vec::new(),
        feeds: Vec::new(),
        title: None,
        warnings: Vec::new(),
    };
    if let Some(added) = config.added_list().filter(|added| files.exists(added)) {
        lists.read(&added, &mut found, mistakes);
    }
    config.feed_lists = lists.read;
    (config.site_rules, config.rule_files) = rules::read(&config.pages.rules, &source.path, files, mistakes);
    config.title = lists.title;
    list::qualify_names(&mut found);
    note_duplicates(&found, mistakes);
    list::share_requests(&mut found);
    config.feeds = found.into_iter().map(|found| Arc::new(found.feed)).collect();
    webhook::note_unknown(&webhooks, &config.feeds, source, mistakes);
    config.webhooks = webhooks.into_iter().map(|found| found.webhook).collect();
    config
}

/// Two feeds of one name are a mistake: the name is the identity. Two of one URL are polled twice for nothing.
fn note_duplicates(found: &[Found], mistakes: &mut Vec<Mistake>) {
    let mut names: HashMap<&str, &Found> = HashMap::new();
    let mut keys: HashMap<String, &Found> = HashMap::new();
    for later in found {
        let key = feed_key(&later.feed.url);
        let same_url = keys.get(&key).copied();
        if let Some(earlier) = names.get(later.feed.name.as_str()) {
            let help =
                if feed_key(&earlier.feed.url) == key { "it is the same feed: remove one" } else { "give one of them another `name`" };
            let message = format!("two feeds are named `{}`: the other is at {}", later.feed.name, earlier.place());
            mistakes.push(later.mistake(message).help(help));
        } else if let Some(earlier) = same_url {
            let message = format!("`{}` is also the feed `{}` at {}", later.feed.url, earlier.feed.name, earlier.place());
            mistakes.push(later.mistake(message).help("it is polled twice: remove one").as_warning());
        }
        names.entry(&later.feed.name).or_insert(later);
        keys.entry(key).or_insert(later);
    }
}

impl Config {
    /// The list of the feeds that were added over HTTP, beside the database; it need not exist. None where the archive
    /// is not a file.
    pub fn added_list(&self) -> Option<PathBuf> {
        match &self.database.url {
            Some(_) => None,
            None => Some(self.database.path.parent()?.join("added.toml")),
        }
    }
}
