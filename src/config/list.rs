//! Feed lists: the files that `feed_lists` names, as TOML or OPML.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::feed::{self, Found, feed_key};
use super::files::{Files, parse_document, unreadable};
use super::mistake::{Mistake, SourceText};
use super::section::{Section, Wrong, line};
use super::settings::absolute_pattern;
use super::subscription::{self, Subscription};
use super::surroundings::{Surroundings, tidy};
use super::{Feed, FeedRequest, IdentityRule, Schedule};
use crate::opml;

/// The form of a feed list, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Toml,
    Opml,
}

impl Form {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "toml" => Some(Form::Toml),
            "opml" | "xml" => Some(Form::Opml),
            _ => None,
        }
    }
}

/// Reads the `[[feed]]` tables of a file.
pub(super) fn feeds(root: &mut Section<'_>, schedule: &Schedule, surroundings: &Surroundings) -> Vec<Found> {
    let mut found = Vec::new();
    for (table, span) in root.tables("feed") {
        let mut section = Section::new(root.source, table, "[[feed]]", root.mistakes);
        if let Some(feed) = feed::feed(&mut section, span.clone(), schedule, surroundings) {
            let span = section.span("url").unwrap_or(span);
            found.push(Found { feed, source: section.source.clone(), span });
        }
        section.finish();
    }
    found
}

/// A feed list's title.
pub(super) fn title(section: &mut Section<'_>) -> Option<String> {
    section.read("title", |value| line(value).map(str::to_owned))
}

/// The files that `feed_lists` names, absolute, globs expanded. A file that is named plainly must be there.
pub(super) fn named(root: &mut Section<'_>) -> Vec<PathBuf> {
    let source = root.source;
    let lists = root.read_list("feed_lists", |value| {
        let text = line(value)?;
        let plain = tidy(&source.folder().join(text));
        if plain.exists() || !text.contains(['*', '?', '[']) {
            return match plain.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    Err(Wrong::new(format!("{} is a folder", plain.display())).help(format!("did you mean `{text}/*.toml`?")))
                }
                Ok(_) if Form::of(&plain).is_none() => {
                    Err(Wrong::new(format!("{} is no feed list", plain.display())).help("a feed list ends in .toml, .opml or .xml"))
                }
                Ok(_) => Ok(vec![plain]),
                Err(error) => Err(Wrong::new(unreadable(&plain, &error).to_string())
                    .help("make the file (it may be empty), or take it out of `feed_lists`")),
            };
        }
        let pattern = absolute_pattern(source, text);
        let paths = glob::glob(&pattern).map_err(|error| Wrong::new(format!("not a pattern for paths: {}", error.msg)))?;
        let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
        // A pattern such as `*.toml` also meets the config file, which is no list of feeds.
        Ok(paths.into_iter().filter(|path| *path != source.path && path.is_file() && Form::of(path).is_some()).collect())
    });
    lists.unwrap_or_default().into_iter().flatten().collect()
}

/// The feed lists under reading.
pub(super) struct Lists<'a> {
    pub(super) files: &'a Files,
    pub(super) schedule: &'a Schedule,
    pub(super) surroundings: &'a Surroundings,
    pub(super) config_file: &'a Path,
    /// Those that were read, each once.
    pub(super) read: Vec<PathBuf>,
    /// The first title.
    pub(super) title: Option<String>,
}

impl Lists<'_> {
    /// Reads one list, unless it was read already.
    pub(super) fn read(&mut self, path: &Path, found: &mut Vec<Found>, mistakes: &mut Vec<Mistake>) {
        let same = |other: &Path| other == path || matches!((other.canonicalize(), path.canonicalize()), (Ok(a), Ok(b)) if a == b);
        if same(self.config_file) || self.read.iter().any(|other| same(other)) {
            return;
        }
        self.read.push(path.to_path_buf());
        match Form::of(path) {
            Some(Form::Opml) => self.read_opml(path, found, mistakes),
            _ => self.read_toml(path, found, mistakes),
        }
    }

    fn read_toml(&mut self, path: &Path, found: &mut Vec<Found>, mistakes: &mut Vec<Mistake>) {
        let source = match self.files.read_text(path) {
            Ok(source) => source,
            Err(mistake) => return mistakes.push(*mistake),
        };
        let Some(table) = parse_document(&source, mistakes) else { return };
        let mut root = Section::new(&source, &table, "a feed list", mistakes);
        let title = title(&mut root);
        found.extend(feeds(&mut root, self.schedule, self.surroundings));
        root.finish();
        self.title = self.title.take().or(title);
    }

    fn read_opml(&mut self, path: &Path, found: &mut Vec<Found>, mistakes: &mut Vec<Mistake>) {
        let (source, opml) = match read_opml(self.files, path) {
            Ok(read) => read,
            Err(mistake) => return mistakes.push(*mistake),
        };
        let (subscriptions, wrong) = subscription::subscriptions(&opml);
        mistakes.extend(wrong.into_iter().map(|wrong| wrong.at(&source)));
        found.extend(subscriptions.into_iter().map(|subscription| {
            let span = subscription.span.clone();
            Found { feed: feed(subscription, &source), span, source: source.clone() }
        }));
        self.title = self.title.take().or_else(|| opml.title().map(str::to_owned));
    }
}

/// Reads an OPML file: its text (decoded) and what it says.
pub(super) fn read_opml(files: &Files, path: &Path) -> Result<(SourceText, opml::Opml), Box<Mistake>> {
    let bytes = files.read(path).map_err(|error| unreadable(path, &error))?;
    let text = opml::decode(&bytes).map_err(|reason| Mistake::in_file(path, reason.to_string()))?;
    let source = SourceText::new(path, text);
    match opml::parse(source.text()) {
        Ok(opml) => Ok((source, opml)),
        Err(error) => {
            let mistake = Mistake::at(&source, error.byte..error.byte + 1, format!("not OPML: {}", error.reason));
            Err(Box::new(mistake))
        }
    }
}

fn feed(subscription: Subscription, source: &SourceText) -> Feed {
    Feed {
        name: subscription.default_name(),
        title: subscription.title(),
        language: subscription.language(),
        tags: subscription.tags(),
        enabled: true,
        interval: None,
        full_text: None,
        identity: IdentityRule::Auto,
        request: Arc::default(),
        filters: Vec::new(),
        list: source.path.clone(),
        line: source.line_and_column(subscription.span.start).0,
        url: subscription.url,
        placements: subscription.placements,
    }
}

/// Feeds that are asked alike, and stand one after the other, share how they are asked: in a list of thousands all but a few do.
pub(super) fn share_requests(found: &mut [Found]) {
    let mut last: Option<Arc<FeedRequest>> = None;
    for Found { feed, .. } in found {
        match &last {
            Some(last) if *last == feed.request => feed.request = Arc::clone(last),
            _ => last = Some(Arc::clone(&feed.request)),
        }
    }
}

/// OPML gives no names, and sites with a feed for each query (`/videos.xml?channel=…`) would share one. So where the
/// default name of an outline is also that of another feed, both outlines are told apart by their titles, and where
/// those are the same by a mark of the URL (the query itself may hold a secret), whichever stands first: reordering a
/// file never swaps the histories of two feeds.
pub(super) fn qualify_names(found: &mut [Found]) {
    qualify_shared(found, |feed| feed.title.as_ref().map(|title| subscription::qualified_name(&feed.name, title)));
    qualify_shared(found, |feed| Some(format!("{} {}", feed.name, mark(&feed_key(&feed.url)))));
}

/// Gives all OPML feeds that share their name with a feed of another URL another one.
fn qualify_shared(found: &mut [Found], qualified: impl Fn(&Feed) -> Option<String>) {
    let mut first_key_and_is_shared = std::collections::HashMap::<String, (String, bool)>::new();
    for found in found.iter() {
        let key = feed_key(&found.feed.url);
        let (first, shared) = first_key_and_is_shared.entry(found.feed.name.clone()).or_insert_with(|| (key.clone(), false));
        *shared |= *first != key;
    }
    for found in found.iter_mut().filter(|found| Form::of(&found.feed.list) == Some(Form::Opml)) {
        let shared = first_key_and_is_shared.get(&found.feed.name).is_some_and(|(_, shared)| *shared);
        if let (true, Some(name)) = (shared, qualified(&found.feed)) {
            found.feed.name = name;
        }
    }
}

/// Six hexadecimal digits of a key's SHA-256.
fn mark(key: &str) -> String {
    let mut mark = data_encoding::HEXLOWER.encode(&Sha256::digest(key.as_bytes()));
    mark.truncate(6);
    mark
}
