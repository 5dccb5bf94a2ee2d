//! Changes to what is subscribed to, as API and pages make them.
//!
//! They are made in one list, `added.toml` beside the database, by the editor that the command line uses: what would stand
//! there is judged first, then the file is replaced as a whole, then the daemon takes it over as it does a saved file. What
//! stands in the operator's own files is the operator's: it can be polled from here, not changed.

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::task;
use tokio::time::timeout;

use super::Served;
use super::problem::Problem;
use crate::backfill::History;
use crate::config::edit::{EditError, Editor, FeedChange, Imported, NewFeed};
use crate::config::{Config, ConfigError, nearest};
use crate::subscribe::{Offer, SiteClient, offer, web_address};

/// A site must have shown its feed after so long: somebody waits for it.
const FINDING: Duration = Duration::from_secs(60);

/// What an uploaded document is called where something is wrong with it.
const SENT_DOCUMENT: &str = "the document";

/// A feed that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its name.
    pub name: String,
    /// Where it is fetched.
    pub url: String,
    /// How far back it can go.
    pub history: Option<History>,
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

impl Served {
    /// Adds the feed at an address, or of the page at it. All else of `new` is taken as it is.
    ///
    /// # Errors
    /// 422 where there is no feed or the list would not be valid, 409 where the feed is there already.
    pub async fn add_feed(&self, new: NewFeed) -> Result<Added, Problem> {
        let typed = new.url.trim().to_owned();
        let page = web_address(&typed).map_err(Problem::unprocessable)?;
        let config = self.config();
        if let Some(known) = config.known(&page) {
            return Err(problem(EditError::AlreadyThere(known)));
        }
        let client = SiteClient::of(&config).map_err(|error| {
            tracing::error!(%error, "no site can be asked for its feed");
            Problem::unavailable("no site can be asked at the moment; the log says why", 60)
        })?;
        let found = timeout(FINDING, offer(&typed, &page, &client)).await;
        let found = found.map_err(|_| Problem::unprocessable(format!("{page}: no feed was found within a minute")))?;
        let Offer { url, history } = found.map_err(|error| Problem::unprocessable(error.to_string()))?;
        let new = NewFeed { url: url.clone(), ..new };
        let added = self.edit(move |editor, list| editor.add(&[new], list).map_err(problem)).await?;
        let name = added.into_iter().next().map(|added| added.name).unwrap_or_default();
        Ok(Added { name, url, history })
    }

    /// Changes a feed that was added over HTTP.
    ///
    /// # Errors
    /// 404 where there is none of this name, 409 where it stands in the operator's own files, 422 where the list would not be valid.
    pub async fn change_feed(&self, name: &str, change: FeedChange) -> Result<(), Problem> {
        if let Some(url) = &change.url {
            web_address(url).map_err(Problem::unprocessable)?;
        }
        let name = name.to_owned();
        let edit = move |editor: &Editor<'_>, list: &Path| {
            must_be_changeable(editor.config(), list, &name, "change it there, which counts as soon as it is saved")?;
            editor.change(&name, &change).map_err(problem)
        };
        self.edit(edit).await.map(|_| ())
    }

    /// Takes a feed out of the list; its articles stay.
    ///
    /// # Errors
    /// 404 where there is none of this name, 409 where it stands in the operator's own files.
    pub async fn remove_feed(&self, name: &str) -> Result<(), Problem> {
        let name = name.to_owned();
        let edit = move |editor: &Editor<'_>, list: &Path| {
            must_be_changeable(editor.config(), list, &name, "take it out there, or with `gleaner feeds remove`")?;
            editor.remove(&[name]).map_err(problem)
        };
        self.edit(edit).await.map(|_| ())
    }

    /// Adds the feeds of an OPML document that are not there yet: all of them, or none where one cannot be used.
    ///
    /// # Errors
    /// 422 where it is not OPML or names what cannot be a feed.
    pub async fn import_feeds(&self, document: Vec<u8>) -> Result<Imported, Problem> {
        self.edit(move |editor, list| editor.import_document(document, Path::new(SENT_DOCUMENT), list).map_err(problem)).await
    }

    /// Edits the list while nobody else edits any, then sees to it that the daemon goes by it.
    async fn edit<T: Send + 'static>(
        &self,
        edit: impl FnOnce(&Editor<'_>, &Path) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (config, surroundings) = (self.config(), self.told.surroundings.clone());
        // It may have to wait for an editor of another process.
        let editing = task::spawn_blocking(move || {
            let editor = Editor::open(&config.file, &surroundings).map_err(problem)?;
            let list = editor.config().added_list().ok_or_else(|| {
                let words = "feeds can be added over HTTP where the archive is a file: their list stands beside it";
                Problem::new(StatusCode::CONFLICT, words)
            })?;
            edit(&editor, &list)
        });
        let edited = editing.await.unwrap_or_else(|error| {
            tracing::error!(%error, "an edit of the feed list broke off");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the edit broke off; the log says why"))
        })?;
        self.take_over().await?;
        Ok(edited)
    }
}

fn must_be_changeable(config: &Config, added: &Path, name: &str, advice: &str) -> Result<(), Problem> {
    let feed = config.feeds.iter().find(|feed| feed.name == name).ok_or_else(|| unknown(config, name))?;
    if is_same_file(&feed.list, added) {
        return Ok(());
    }
    let place = format!("{}:{}", feed.list.display(), feed.line);
    Err(Problem::new(StatusCode::CONFLICT, format!("`{name}` stands in the operator's own list, {place}: {advice}")))
}

/// 404, with the nearest name.
pub fn unknown(config: &Config, name: &str) -> Problem {
    let near = nearest(name, config.feeds.iter().map(|feed| feed.name.as_str()));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Problem::not_found(format!("there is no feed `{name}`{near}"))
}

/// Why an edit was refused, as whoever asked for it is told.
fn problem(error: EditError) -> Problem {
    match error {
        EditError::Config(error) => {
            let mistakes = error.in_one_line();
            tracing::error!(mistakes, "the config is broken as it stands: nothing is changed over HTTP");
            Problem::unavailable(format!("the config is broken as it stands, so nothing was changed: {mistakes}"), 60)
        }
        EditError::Invalid(ConfigError::Mistakes(mistakes)) => {
            // Where they would stand in a file that was not written tells nobody anything.
            let told = mistakes.iter().filter(|mistake| !mistake.is_warning()).map(|mistake| match &mistake.help {
                Some(help) => format!("{} ({help})", mistake.message),
                None => mistake.message.clone(),
            });
            Problem::unprocessable(told.collect::<Vec<_>>().join("; "))
        }
        EditError::Import(mistakes) => {
            Problem::unprocessable(mistakes.iter().map(crate::config::Mistake::with_place).collect::<Vec<_>>().join("; "))
        }
        error @ (EditError::Invalid(_) | EditError::BadUrl(_)) => Problem::unprocessable(error.to_string()),
        error
        @ (EditError::AlreadyThere(_) | EditError::NameTaken { .. } | EditError::Ambiguous { .. } | EditError::NotEditable { .. }) => {
            Problem::new(StatusCode::CONFLICT, error.to_string())
        }
        error @ EditError::Unknown { .. } => Problem::not_found(error.to_string()),
        error @ EditError::Write { .. } => {
            tracing::error!(%error, "a feed list could not be changed over HTTP");
            Problem::unavailable(error.to_string(), 60)
        }
    }
}
