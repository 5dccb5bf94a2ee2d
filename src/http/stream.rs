//! `/api/v1/stream`: new and changed articles as they come (server-sent events, as the HTML standard has them), resumable.
//!
//! An event's id names the archive and the number of its last change, as the state file of an incremental export does. It
//! follows a round of articles, as an event without data: a client that breaks off in between gets that round again, so
//! articles may come twice, but none is left out. A restored backup has another id, and whoever resumes there starts anew.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task;
use tokio_stream::wrappers::ReceiverStream;

use super::articles::archived;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Served, answer};
use crate::config::Config;
use crate::selection::Filters;
use crate::store::{Reader, Selection};

/// How often it is looked whether anything has changed: one row is read for it.
const LOOK: Duration = Duration::from_secs(1);

/// So often something is sent at least, so that nobody in between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events that may wait for a slow client.
const WAITING: usize = 16;

/// A place in the archive's changes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    archive: String,
    change: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.archive, self.change)
    }
}

/// A text that no event of this server had as its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Last-Event-ID` is no id of this server's events")]
struct PositionError;

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let (archive, change) = text.trim().split_once('-').ok_or(PositionError)?;
        let change = change.parse().ok().filter(|change| *change >= 0).ok_or(PositionError)?;
        let is_id = !archive.is_empty() && archive.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_id { Ok(Self { archive: archive.to_owned(), change }) } else { Err(PositionError) }
    }
}

impl Position {
    /// Where a client goes on that had this last, in an archive that is here now.
    fn resumed(last: Option<Self>, now: Self) -> Self {
        match last {
            None => now,
            Some(last) if last.archive == now.archive => Self { change: last.change.min(now.change), ..now },
            Some(_) => Self { change: 0, ..now },
        }
    }
}

/// What a client follows.
struct Followed {
    filters: Filters,
    copies: bool,
}

impl Followed {
    fn select(&self, config: &Config, reader: &Reader) -> Result<Selection, Problem> {
        let filtered = self.filters.select(config, &archived(reader, &self.filters)?, Utc::now())?;
        Ok(Selection { copies: self.copies, ..filtered })
    }
}

type Events = mpsc::Sender<Result<Event, Infallible>>;

/// `GET /api/v1/stream`.
pub async fn stream(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let followed = Arc::new(Followed { filters: parameters.filters()?, copies: parameters.switch("copies")? });
    parameters.finish()?;
    let last = match headers.get("last-event-id").map(|value| value.to_str()) {
        None => None,
        Some(Ok(text)) => Some(text.parse::<Position>().map_err(|error| Problem::bad_request(error.to_string()))?),
        Some(Err(_)) => return Err(Problem::bad_request(PositionError.to_string())),
    };
    let Ok(permit) = Arc::clone(&served.streams).try_acquire_owned() else {
        return Err(Problem::unavailable("too many others follow the stream", 60));
    };
    let (config, asked) = (served.config(), Arc::clone(&followed));
    let now = served.readers.ask(move |reader| {
        // What means nothing is said at once.
        asked.select(&config, reader)?;
        let (archive, change) = reader.identity()?;
        Ok::<_, Problem>(Position { archive, change })
    });
    let position = Position::resumed(last, now.await?);
    let (events, sent) = mpsc::channel(WAITING);
    // Whoever breaks off before anything came can resume here.
    let begun = events.send(Ok(Event::default().id(position.to_string()))).await;
    if begun.is_ok() {
        tokio::spawn(follow(served, followed, position, events, permit));
    }
    Ok(Sse::new(ReceiverStream::new(sent)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Sends what changes until the client has gone, or the archive cannot be read: then the client comes again.
async fn follow(served: Arc<Served>, followed: Arc<Followed>, mut position: Position, events: Events, permit: OwnedSemaphorePermit) {
    while !events.is_closed() {
        let Ok((archive, change)) = served.readers.ask(Reader::identity).await else { break };
        if archive != position.archive {
            // The client resumes in the other archive from its beginning.
            break;
        }
        if change > position.change {
            let (served, followed, events, from) = (Arc::clone(&served), Arc::clone(&followed), events.clone(), position.change);
            position.change = change;
            let id = position.to_string();
            match task::spawn_blocking(move || send_round(&served, &followed, from, &id, &events)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => break,
                Err(error) => {
                    tracing::error!(%error, "a stream of articles broke off");
                    break;
                }
            }
        }
        tokio::select! {
            () = events.closed() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    drop(permit);
}

/// Sends what changed after a change number. What changes while it is read comes again with the next round.
fn send_round(served: &Served, followed: &Followed, from: i64, id: &str, events: &Events) -> Result<(), Problem> {
    let reader = served.readers.open()?;
    let send = |event: Event| events.blocking_send(Ok(event)).map_err(|_| Problem::unavailable("the client has gone", 0));
    let data = |body: Vec<u8>| String::from_utf8(body).map_err(|error| answer::unwritable(&error));
    for forgotten in reader.forgotten_after(from)? {
        send(Event::default().event("forgotten").data(data(answer::json(&forgotten)?)?))?;
    }
    let selection = followed.select(&served.config(), &reader)?;
    for article in reader.articles(Selection { changed_after: Some(from), ..selection })? {
        send(Event::default().data(data(answer::json(&article?)?)?))?;
    }
    send(Event::default().id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(archive: &str, change: i64) -> Position {
        Position { archive: archive.to_owned(), change }
    }

    #[test]
    fn an_event_s_id_comes_back_as_it_was_given_and_nothing_else_is_one() {
        let given = position("98d477b7", 12);
        assert_eq!(given.to_string().parse(), Ok(given));
        for text in ["", "12", "-12", "abc-", "abc-x", "abc--1", "a/b-1"] {
            assert_eq!(text.parse::<Position>(), Err(PositionError), "{text}");
        }
    }

    #[test]
    fn a_client_goes_on_where_it_was_and_anew_in_another_archive() {
        let now = position("a", 50);
        assert_eq!(Position::resumed(None, now.clone()), now);
        assert_eq!(Position::resumed(Some(position("a", 7)), now.clone()), position("a", 7));
        assert_eq!(Position::resumed(Some(position("a", 70)), now.clone()), now);
        assert_eq!(Position::resumed(Some(position("b", 7)), now), position("a", 0));
    }
}
