//! What somebody wrote to say which articles are wanted, and what it means: the same words on the command line and in a
//! URL's query make the same selection.
//!
//! Names must be known to the config or to the archive: a typo is an error, not an empty answer.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::config::{Config, nearest};
use crate::export::when::When;
use crate::store::{SearchQuery, Selection};

/// The filters, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// From this time on.
    pub since: Option<When>,
    /// Before this time.
    pub until: Option<When>,
    /// Of one of these feeds.
    pub feeds: Vec<String>,
    /// Of a feed with one of these tags.
    pub tags: Vec<String>,
    /// In one of these languages.
    pub languages: Vec<String>,
    /// Found by this search.
    pub query: Option<String>,
}

/// Why filters mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Nobody knows this name.
    #[error("no {what} is named `{name}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// `feed` or `tag`.
        what: &'static str,
        /// As written.
        name: String,
        /// A name that exists and looks like it.
        near: Option<String>,
    },
    /// A search without a word.
    #[error("`{0}` has no word to search for")]
    NoWord(String),
}

impl Filters {
    /// The selection that is meant at `now`. `archived` are the feeds that the archive has articles of: they can be asked
    /// for though they have left the config.
    ///
    /// # Errors
    /// A [`SelectionError`].
    pub fn select(&self, config: &Config, archived: &HashSet<String>, now: DateTime<Utc>) -> Result<Selection, SelectionError> {
        let mut feeds: Vec<Vec<String>> = Vec::new();
        if !self.feeds.is_empty() {
            let known = || config.feeds.iter().map(|feed| feed.name.as_str()).chain(archived.iter().map(String::as_str));
            must_be_known("feed", &self.feeds, known)?;
            feeds.push(self.feeds.clone());
        }
        if !self.tags.is_empty() {
            must_be_known("tag", &self.tags, || config.feeds.iter().flat_map(|feed| feed.tags.iter().map(String::as_str)))?;
            let tagged = config.feeds.iter().filter(|feed| feed.tags.iter().any(|tag| self.tags.contains(tag)));
            feeds.push(tagged.map(|feed| feed.name.clone()).collect());
        }
        let query =
            self.query.as_ref().map(|query| SearchQuery::parse(query).ok_or_else(|| SelectionError::NoWord(query.clone()))).transpose()?;
        Ok(Selection {
            since: self.since.map(|time| time.resolve(now)),
            until: self.until.map(|time| time.resolve(now)),
            feeds,
            languages: self.languages.clone(),
            query,
            ..Selection::default()
        })
    }
}

/// A name that stands nowhere is a typo.
///
/// # Errors
/// The first of them that is not known.
pub fn must_be_known<'a, I: Iterator<Item = &'a str>>(
    what: &'static str,
    names: &[String],
    known: impl Fn() -> I,
) -> Result<(), SelectionError> {
    match names.iter().find(|name| known().all(|known| known != name.as_str())) {
        None => Ok(()),
        Some(name) => Err(SelectionError::Unknown { what, name: name.clone(), near: nearest(name, known()).map(str::to_owned) }),
    }
}
