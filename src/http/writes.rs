//! What programs change: feeds added, changed and removed, lists imported, polls asked for; each with the token.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::orders::Polled;
use super::parameters::Parameters;
use super::problem::Problem;
use super::token::Permit;
use super::{Served, answer, changes, sent};
use crate::config::edit::{FeedChange, NewFeed};
use crate::config::parse_duration;
use crate::daemon::control::Which;
use crate::report::{FeedLine, feed_lines};

/// So long a client waits for the end of a poll; after that it goes on without him.
const POLLING: Duration = Duration::from_secs(60);

/// A feed that shall be added.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedToAdd {
    /// Of the feed, or of a page that names one; `http:` or `https:`.
    pub url: String,
    /// The feed's identity, one line of text; else the URL without scheme, `www.`, query and credentials.
    pub name: Option<String>,
    /// Instead of the feed's own.
    pub title: Option<String>,
    /// For selecting.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Poll so often, as `30m` or `12h`; else learned.
    pub interval: Option<String>,
    /// Where the feed declares none; BCP 47.
    pub language: Option<String>,
}

/// What shall be different of a feed: a merge patch (RFC 7396). `null` takes away what was set, so that the default counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeedPatch {
    /// Where it is fetched from now on; its name and history stay.
    #[serde(deserialize_with = "given")]
    pub url: Option<String>,
    /// `false`: it is not polled, its articles stay.
    #[serde(deserialize_with = "given")]
    pub enabled: Option<bool>,
    /// Instead of the feed's own.
    #[serde(deserialize_with = "given")]
    pub title: Option<Option<String>>,
    /// For selecting.
    #[serde(deserialize_with = "given")]
    pub tags: Option<Option<Vec<String>>>,
    /// Poll so often, as `30m` or `12h`; else learned.
    #[serde(deserialize_with = "given")]
    pub interval: Option<Option<String>>,
    /// Where the feed declares none; BCP 47.
    #[serde(deserialize_with = "given")]
    pub language: Option<Option<String>>,
}

/// What stands there is given, be it `null` where that is a value.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImportLine {
    /// The names of the feeds that are new, in the document's order.
    pub added: Vec<String>,
    /// Those that were there already.
    pub skipped: Vec<SkippedLine>,
}

/// A feed that was there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SkippedLine {
    /// As the document has it.
    pub url: String,
    /// The feed's name here.
    pub name: String,
}

/// Polls that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BegunLine {
    /// How many.
    pub feeds: usize,
}

fn interval(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let parsed = text.map(|text| parse_duration(text.trim()).map_err(|error| Problem::unprocessable(format!("`interval`: {error}"))));
    parsed.transpose()
}

impl FeedToAdd {
    /// As the list has it.
    ///
    /// # Errors
    /// The interval is none.
    pub fn into_new(self) -> Result<NewFeed, Problem> {
        let interval = interval(self.interval.as_deref())?;
        let Self { url, name, title, tags, language, .. } = self;
        Ok(NewFeed { url, name, title, tags, interval, language, placements: Vec::new() })
    }
}

impl FeedPatch {
    fn into_change(self) -> Result<FeedChange, Problem> {
        let interval = self.interval.map(|text| interval(text.as_deref())).transpose()?;
        let Self { url, enabled, title, tags, language, .. } = self;
        Ok(FeedChange { url, enabled, title, tags: tags.map(Option::unwrap_or_default), interval, language })
    }
}

/// `POST /api/v1/feeds`.
pub async fn add(_: Permit, State(served): State<Arc<Served>>, uri: Uri, request: Request) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let feed: FeedToAdd = sent::json(request, &["application/json"]).await?;
    let added = served.add_feed(feed.into_new()?).await?;
    let line = line(&served, &added.name).await?;
    let mut response = json(StatusCode::CREATED, &line)?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/feeds/{}", in_path(&added.name))) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `PATCH /api/v1/feeds/{name}`.
pub async fn change(
    _: Permit,
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let patch: FeedPatch = sent::json(request, &["application/json", "application/merge-patch+json"]).await?;
    served.change_feed(&name, patch.into_change()?).await?;
    json(StatusCode::OK, &line(&served, &name).await?)
}

/// `DELETE /api/v1/feeds/{name}`.
pub async fn remove(_: Permit, State(served): State<Arc<Served>>, Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    served.remove_feed(&name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /api/v1/feeds/{name}/poll`: the line of `gleaner poll --json`, once the poll has ended.
pub async fn poll(_: Permit, State(served): State<Arc<Served>>, Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let config = served.config();
    if config.feeds.iter().all(|feed| feed.name != name) {
        return Err(changes::unknown(&config, &name));
    }
    match served.poll_one(&name, POLLING).await? {
        Polled::Ended(line) => json(StatusCode::OK, &line),
        Polled::Begun => json(StatusCode::ACCEPTED, &BegunLine { feeds: 1 }),
    }
}

/// `POST /api/v1/poll`: all feeds that are due, or with `which=all` all that are enabled.
pub async fn poll_many(_: Permit, State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let which = match parameters.one("which")?.as_deref() {
        None | Some("due") => Which::Due,
        Some("all") => Which::All,
        Some(other) => return Err(Problem::bad_request(format!("`which` is `due` or `all`, not `{other}`"))),
    };
    parameters.finish()?;
    json(StatusCode::ACCEPTED, &BegunLine { feeds: served.poll_many(which).await? })
}

/// The media types that OPML is sent in.
pub const OPML_TYPES: [&str; 4] = ["text/x-opml", "application/xml", "text/xml", "application/octet-stream"];

/// `POST /api/v1/opml`.
pub async fn import(_: Permit, State(served): State<Arc<Served>>, uri: Uri, request: Request) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let document = sent::bytes(request, &OPML_TYPES).await?;
    let imported = served.import_feeds(document.into()).await?;
    let skipped = imported.skipped.into_iter().map(|there| SkippedLine { url: there.url, name: there.name }).collect();
    json(StatusCode::OK, &ImportLine { added: imported.added.into_iter().map(|added| added.name).collect(), skipped })
}

/// A feed as `feeds list --json` has it.
///
/// # Errors
/// 404 where the daemon goes by a config without it.
pub async fn line(served: &Served, name: &str) -> Result<FeedLine, Problem> {
    let (config, wanted) = (served.config(), name.to_owned());
    let found = served.readers.ask(move |reader| {
        let lines = feed_lines(&config, reader.feed_summaries()?, Utc::now());
        lines.into_iter().find(|line| line.name == wanted).ok_or_else(|| changes::unknown(&config, &wanted))
    });
    found.await
}

/// What a name must not hold where it is one segment of a path; a slash would begin another one.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A feed's name as a segment of a path.
pub fn in_path(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((status, headers, answer::json(value)?).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_tells_what_is_null_from_what_is_not_there() {
        let patch = |text: &str| serde_json::from_str::<FeedPatch>(text).map(|patch| patch.into_change().unwrap());
        assert_eq!(patch("{}").unwrap(), FeedChange::default());
        let cleared = patch(r#"{"title":null,"interval":null,"tags":null}"#).unwrap();
        assert_eq!((cleared.title, cleared.interval, cleared.tags), (Some(None), Some(None), Some(Vec::new())));
        let set = patch(r#"{"title":"T","interval":"90m","enabled":false}"#).unwrap();
        assert_eq!((set.title, set.interval), (Some(Some("T".to_owned())), Some(Some(Duration::from_secs(5_400)))));
        assert_eq!((set.enabled, set.tags), (Some(false), None));
        for wrong in [r#"{"enabled":null}"#, r#"{"name":"x"}"#, r#"{"url":null}"#, r#"{"tags":"x"}"#] {
            assert!(patch(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_one_segment_of_a_path() {
        assert_eq!(in_path("example.org/feed?a=1 é"), "example.org%2Ffeed%3Fa%3D1%20%C3%A9");
    }
}
