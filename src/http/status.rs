//! `/api/v1/status` and `/api/v1/coverage`: how the archive and its poller are doing, and what is proven to be whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use chrono::Utc;

use super::parameters::Parameters;
use super::problem::Problem;
use super::{Served, answer};
use crate::coverage::Range;
use crate::export::when::When;
use crate::report::{self, Status};
use crate::store::PollerLock;

/// `GET /api/v1/status`: the object of `gleaner status --json`.
pub async fn status(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    Ok(answer::revalidated(&headers, "application/json", answer::json(&read(&served).await?)?))
}

/// The status of the moment.
///
/// # Errors
/// The archive cannot be read.
pub async fn read(served: &Served) -> Result<Status, Problem> {
    let (config, troubles) = (served.config(), served.troubles());
    let status = served.readers.ask(move |reader| {
        let now = Utc::now();
        let archive = reader.overview(now)?;
        let holder = PollerLock::holder(&archive.path)?;
        let webhooks = report::webhook_lines(reader, &config)?;
        Ok::<_, Problem>(Status::of(&config, Some(archive), &reader.feed_conditions()?, webhooks, holder, troubles, now))
    });
    status.await
}

/// `GET /api/v1/coverage`: the array of `gleaner coverage --json`; `feed` (any number), `since`, `until`.
pub async fn coverage(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let feeds = parameters.all("feed");
    let (since, until) = (parameters.parsed::<When>("since")?, parameters.parsed::<When>("until")?);
    parameters.finish()?;
    let config = served.config();
    let covered = served.readers.ask(move |reader| {
        let now = Utc::now();
        let range = Range { since: since.map(|time| time.resolve(now)), until: until.map(|time| time.resolve(now)), now };
        Ok::<_, Problem>(report::coverage(&config, reader.coverage()?, &feeds, range)?)
    });
    Ok(answer::revalidated(&headers, "application/json", answer::json(&covered.await?)?))
}
