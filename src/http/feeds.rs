//! `/api/v1/feeds` and `/feeds.opml`: the feeds that are configured, with their states, and as a subscription list.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use chrono::Utc;

use super::parameters::Parameters;
use super::problem::Problem;
use super::{Served, answer, writes};
use crate::config::{Feed, subscription_list};
use crate::export::Format;
use crate::report::feed_lines;
use crate::selection::must_be_known;

/// `GET /api/v1/feeds`: the array of `gleaner feeds list --json`.
pub async fn list(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let config = served.config();
    let lines = served.readers.ask(move |reader| Ok::<_, Problem>(feed_lines(&config, reader.feed_summaries()?, Utc::now())));
    Ok(answer::revalidated(&headers, "application/json", answer::json(&lines.await?)?))
}

/// `GET /api/v1/feeds/{name}`: one object of that array.
pub async fn one(State(served): State<Arc<Served>>, Path(name): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let line = writes::line(&served, &name).await?;
    Ok(answer::revalidated(&headers, "application/json", answer::json(&line)?))
}

/// `GET /feeds.opml`: the document of `gleaner feeds export`; with `feed` and `tag`, of these feeds alone.
pub async fn opml(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let (names, tags) = (parameters.all("feed"), parameters.all("tag"));
    parameters.finish()?;
    let config = served.config();
    must_be_known("feed", &names, || config.feeds.iter().map(|feed| feed.name.as_str()))?;
    must_be_known("tag", &tags, || config.feeds.iter().flat_map(|feed| feed.tags.iter().map(String::as_str)))?;
    let is_wanted = |feed: &&Arc<Feed>| {
        (names.is_empty() || names.contains(&feed.name)) && (tags.is_empty() || feed.tags.iter().any(|tag| tags.contains(tag)))
    };
    let title = config.title.as_deref().unwrap_or("Subscriptions");
    let document = subscription_list(title, config.feeds.iter().filter(is_wanted)).to_string();
    Ok(answer::revalidated(&headers, Format::Opml.media_type(), document.into_bytes()))
}
