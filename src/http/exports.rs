//! Articles as a stream of bytes in each format: `/api/v1/export`, and the archive as a feed that a reader subscribes to.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use clap::ValueEnum as _;
use tokio::sync::mpsc;
use tokio::task;
use tokio_stream::wrappers::ReceiverStream;

use super::articles::archived;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Served, answer};
use crate::config::Config;
use crate::export::{Format, Head, write_all, writer};
use crate::report::export_head;
use crate::selection::Filters;
use crate::store::{Reader, Selection, StoreError};

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;

/// Pieces that may wait for a slow client.
const PIECES: usize = 4;

/// Articles in a feed where nobody says how many …
pub const IN_A_FEED: u32 = 100;

/// … and at most.
pub const MOST_IN_A_FEED: u32 = 1_000;

/// `GET /api/v1/export?format=F`: the bytes of `gleaner export` with the same filters.
pub async fn export(State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let format = match parameters.word("format")? {
        None => Format::Json,
        Some(name) => Format::from_str(&name, true).map_err(|_| {
            let known: Vec<String> =
                Format::value_variants().iter().filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned())).collect();
            Problem::bad_request(format!("no format is named `{name}`: {}", known.join(", ")))
        })?,
    };
    let filters = parameters.filters()?;
    let mut selection = Selection { limit: parameters.parsed("limit")?, copies: parameters.switch("copies")?, ..Selection::default() };
    selection.revisions = parameters.switch("revisions")?;
    selection.order = format.order();
    parameters.finish()?;
    let Ok(permit) = Arc::clone(&served.exports).try_acquire_owned() else {
        return Err(Problem::unavailable("other exports are under way", 30));
    };
    let config = served.config();
    let reader = served.readers.open()?;
    let selection = select(&filters, selection, &config, &reader)?;
    let (pieces, written) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    task::spawn_blocking(move || {
        let mut sink = Pieces { buffer: Vec::with_capacity(PIECE), out: pieces.clone() };
        let ended = write_export(format, &reader, selection, &config, None, &mut sink).and_then(|()| Ok(sink.flush()?));
        if let Err(error) = ended
            && !pieces.is_closed()
        {
            tracing::error!(%error, "an export over HTTP broke off");
            // What was sent is not whole: the client must see a broken connection, not an end.
            let _ = pieces.blocking_send(Err(io::Error::other("the export broke off")));
        }
        drop(permit);
    });
    let body = Body::from_stream(ReceiverStream::new(written));
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    Ok(response)
}

/// `GET /feed.atom`.
pub async fn atom(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    feed(served, Format::Atom, uri, headers).await
}

/// `GET /feed.json`.
pub async fn json_feed(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    feed(served, Format::Jsonfeed, uri, headers).await
}

async fn feed(served: Arc<Served>, format: Format, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let filters = parameters.filters()?;
    let limit = u64::from(parameters.limit(IN_A_FEED, MOST_IN_A_FEED)?);
    let copies = parameters.switch("copies")?;
    parameters.finish()?;
    let config = served.config();
    let own_address = uri.path_and_query().map(|part| part.as_str().trim_start_matches('/').to_owned());
    let body = served.readers.ask(move |reader| {
        let selection = Selection { limit: Some(limit), copies, order: format.order(), ..Selection::default() };
        let selection = select(&filters, selection, &config, reader)?;
        let self_url = config.http.base_url.as_ref().zip(own_address).and_then(|(base, own)| base.join(&own).ok());
        let mut body = Vec::new();
        write_export(format, reader, selection, &config, self_url, &mut body).map_err(|error| answer::unwritable(&error))?;
        Ok::<_, Problem>(body)
    });
    Ok(answer::revalidated(&headers, format.media_type(), body.await?))
}

fn select(filters: &Filters, wanted: Selection, config: &Config, reader: &Reader) -> Result<Selection, Problem> {
    let filtered = filters.select(config, &archived(reader, filters)?, Utc::now())?;
    Ok(Selection { limit: wanted.limit, copies: wanted.copies, revisions: wanted.revisions, order: wanted.order, ..filtered })
}

/// Why an export did not come to its end.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error(transparent)]
    Archive(#[from] StoreError),
    #[error(transparent)]
    Sink(#[from] io::Error),
}

fn write_export(
    format: Format,
    reader: &Reader,
    selection: Selection,
    config: &Config,
    self_url: Option<url::Url>,
    sink: &mut dyn Write,
) -> Result<(), Interruption> {
    let articles = reader.articles(selection)?;
    let head = Head { self_url: self_url.map(String::from), ..export_head(reader, config)? };
    let articles = articles.map(|article| article.map_err(Interruption::from));
    write_all(writer(format, Box::new(sink)).as_mut(), &head, articles, std::iter::empty())?;
    Ok(())
}

/// A sink whose pieces go to the client; it waits while the client is slow, and ends when the client has gone.
struct Pieces {
    buffer: Vec<u8>,
    out: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.out.blocking_send(Ok(Bytes::from(piece))).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
