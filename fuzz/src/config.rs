//! Any text as a config with its feed lists. What follows a line `=== feeds.toml` or `=== feeds.opml` in the input
//! stands in that file beside the config.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;

use gleaner::config::edit::{Editor, NewFeed};
use gleaner::config::{Config, ConfigError, Mistake, Surroundings, load_in, subscription_list};
use gleaner::opml;
use miette::{GraphicalReportHandler, GraphicalTheme};
use tempfile::TempDir;

const LISTS: [&str; 2] = ["feeds.toml", "feeds.opml"];

thread_local! {
    /// One for all inputs: making folders costs more than all else here.
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| match tempfile::Builder::new().prefix("gleaner-config-").tempdir() {
        Ok(folder) => folder,
        Err(error) => panic!("no folder for configs: {error}"),
    });
}

/// Every config is loaded or refused with mistakes that can be shown; the feeds of a loaded one keep the rules of
/// names and addresses, and adding a feed and removing it again changes none of the others.
pub fn check(data: &[u8]) {
    let files = split(data);
    let (_, text) = files[0];
    if leads_elsewhere(text) {
        return;
    }
    FOLDER.with(|folder| {
        for name in LISTS {
            remove(&folder.path().join(name));
        }
        for (name, content) in &files {
            write(&folder.path().join(name), content);
        }
        check_folder(folder.path());
    });
}

/// The files of an input, the config first.
fn split(data: &[u8]) -> Vec<(&'static str, &[u8])> {
    let mut files: Vec<(&str, &[u8])> = vec![("gleaner.toml", b"")];
    let (mut begin, mut at) = (0, 0);
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        let next = LISTS.into_iter().find(|name| line.trim_ascii_end().strip_prefix(b"=== ") == Some(name.as_bytes()));
        if let (Some(name), Some(last)) = (next, files.last_mut()) {
            last.1 = &data[begin..at];
            files.push((name, b""));
            begin = at + line.len();
        }
        at += line.len();
    }
    if let Some(last) = files.last_mut() {
        last.1 = &data[begin..];
    }
    files
}

/// Does the config name files outside of its folder? An operator may; a fuzzer shall not read `/dev/zero`.
fn leads_elsewhere(config: &[u8]) -> bool {
    let Some(table) = std::str::from_utf8(config).ok().and_then(|text| text.parse::<toml::Table>().ok()) else { return false };
    let within = |value: &toml::Value| value.as_str().is_none_or(|path| !path.starts_with('/') && !path.contains(".."));
    let database = table.get("database").and_then(|section| section.get("path"));
    let lists = table.get("feed_lists").and_then(toml::Value::as_array);
    !lists.into_iter().flatten().chain(database).all(within)
}

fn check_folder(folder: &Path) {
    let surroundings = Surroundings { current_folder: folder.to_path_buf(), home: Some(folder.join("home")), ..Surroundings::default() };
    let file = folder.join("gleaner.toml");
    match load_in(&file, &surroundings) {
        Ok(config) => {
            config.warnings.iter().for_each(assert_shown);
            assert_valid(&config);
            assert_edited(&file, &surroundings, &config);
        }
        Err(ConfigError::Mistakes(mistakes)) => {
            assert!(mistakes.iter().any(|mistake| !mistake.is_warning()), "refused for nothing but warnings");
            mistakes.iter().for_each(assert_shown);
        }
        Err(error) => panic!("{error}"),
    }
}

/// A mistake can be drawn with its place.
fn assert_shown(mistake: &Mistake) {
    struct Drawn<'a>(&'a Mistake);
    impl fmt::Display for Drawn<'_> {
        fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_wrap_lines(false).render_report(out, self.0)
        }
    }
    assert!(!mistake.message.is_empty() && !mistake.message.contains('\n'), "the message {:?}", mistake.message);
    assert!(mistake.line_and_column().is_none_or(|(line, column)| line >= 1 && column >= 1), "the place of {mistake:?}");
    assert!(Drawn(mistake).to_string().contains(mistake.message.trim()), "{mistake:?} is not shown");
}

fn assert_valid(config: &Config) {
    let mut names = HashSet::new();
    for feed in &config.feeds {
        assert!(names.insert(&feed.name), "two feeds are named {:?}", feed.name);
        assert!(!feed.name.trim().is_empty() && !feed.name.contains(['\n', '\r']), "the name {:?}", feed.name);
        assert!(matches!(feed.url.scheme(), "http" | "https" | "file"), "the feed {}", feed.url);
        assert!(feed.line >= 1, "the line of {}", feed.name);
    }
    let list = subscription_list("Feeds", &config.feeds).to_string();
    match opml::parse(&list) {
        Ok(read) => assert_eq!(read.to_string(), list, "the subscription list reads otherwise"),
        Err(error) => panic!("{error}: the subscription list cannot be read: {list}"),
    }
}

/// What a feed of a config is known by.
fn feeds(config: &Config) -> Vec<(String, String, Vec<String>)> {
    config.feeds.iter().map(|feed| (feed.name.clone(), feed.url.to_string(), feed.tags.clone())).collect()
}

fn assert_edited(file: &Path, surroundings: &Surroundings, before: &Config) {
    const NAME: &str = "added by an edit";
    let load = || load_in(file, surroundings).unwrap_or_else(|error| panic!("an edit broke the config: {error:?}"));
    let new = NewFeed { url: "https://added.example.org/feed".to_owned(), name: Some(NAME.to_owned()), ..NewFeed::default() };
    let Ok(editor) = Editor::open(file, surroundings) else { panic!("what was loaded cannot be edited") };
    // A config may have this feed already, or a form that is not edited: then nothing may have changed.
    let added = editor.add(&[new], &editor.target()).is_ok();
    drop(editor);
    let mut want = feeds(before);
    let with_new = feeds(&load());
    if added {
        let rest: Vec<_> = with_new.iter().filter(|(name, ..)| name != NAME).cloned().collect();
        assert_eq!((rest.len(), &rest), (with_new.len() - 1, &want), "adding a feed changed another");
        let Ok(editor) = Editor::open(file, surroundings) else { panic!("what was edited cannot be edited") };
        let removed = editor.remove(&[NAME.to_owned()]);
        assert!(removed.is_ok(), "what was added cannot be removed: {removed:?}");
    } else {
        assert_eq!(with_new, want, "a refused edit changed something");
    }
    let mut after = feeds(&load());
    after.sort();
    want.sort();
    assert_eq!(after, want, "removing a feed changed another");
}

fn write(file: &Path, content: &[u8]) {
    if let Err(error) = fs::write(file, content) {
        panic!("cannot write {}: {error}", file.display());
    }
}

fn remove(file: &Path) {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("cannot remove {}: {error}", file.display()),
        _ => {}
    }
}
