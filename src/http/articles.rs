//! `/api/v1/articles`: pages of articles, newest first, and single ones.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use chrono::Utc;
use schemars::JsonSchema;
use serde::Serialize;

use super::Served;
use super::answer;
use super::cursor::Cursor;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::article::Article;
use crate::export::Order;
use crate::export::json::write_line;
use crate::selection::Filters;
use crate::store::{Reader, StoreError};

/// Articles on a page where nobody says how many …
pub const USUAL: u32 = 50;

/// … and at most.
pub const MOST: u32 = 1_000;

/// A phrase is looked for in so many of the articles that have its words; where the page is not full then, the next one goes on from
/// there. So a phrase of common words that stands nowhere costs as much as a page, and not as much as the archive.
pub const PATIENCE: usize = 500;

/// A page of articles.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ArticlePage")]
pub struct Page {
    /// Newest first.
    pub articles: Vec<Article>,
    /// For `cursor` of the request for the next page; null on the last one. A page may hold fewer than asked for, or none, and yet not be
    /// the last: the search goes on with the next.
    pub next_cursor: Option<String>,
}

/// What a request for a page says.
struct Wanted {
    filters: Filters,
    limit: u32,
    cursor: Option<Cursor>,
    copies: bool,
    revisions: bool,
}

impl Wanted {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(query);
        let wanted = Self {
            limit: parameters.limit(USUAL, MOST)?,
            filters: parameters.filters()?,
            cursor: parameters.parsed("cursor")?,
            copies: parameters.switch("copies")?,
            revisions: parameters.switch("revisions")?,
        };
        parameters.finish()?;
        Ok(wanted)
    }
}

/// `GET /api/v1/articles`.
pub async fn list(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let wanted = Wanted::of(uri.query())?;
    let config = served.config();
    let page = served.readers.ask(move |reader| {
        let mut selection = wanted.filters.select(&config, &archived(reader, &wanted.filters)?, Utc::now())?;
        selection.order = Order::NewestFirst;
        selection.copies = wanted.copies;
        selection.revisions = wanted.revisions;
        selection.after = wanted.cursor.map(|cursor| cursor.0);
        selection.patience = Some(PATIENCE);
        let mut selected = reader.articles(selection)?;
        // One more than asked for tells whether there is another page.
        let mut articles = selected.by_ref().take(wanted.limit as usize + 1).collect::<Result<Vec<_>, _>>()?;
        let is_last = articles.len() <= wanted.limit as usize;
        articles.truncate(wanted.limit as usize);
        let next = if is_last { selected.stopped_at().map(Cursor) } else { articles.last().and_then(Cursor::after) };
        let next_cursor = next.map(|cursor| cursor.to_string());
        Ok::<_, Problem>(Page { articles, next_cursor })
    });
    let page = page.await?;
    let (media_type, body) = if answer::prefers_lines(&headers) {
        ("application/x-ndjson", lines(&page.articles)?)
    } else {
        ("application/json", answer::json(&page)?)
    };
    let mut response = answer::revalidated(&headers, media_type, body);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Some(cursor) = &page.next_cursor
        && let Ok(link) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", next_page(&uri, cursor)))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// `GET /api/v1/articles/{id}`.
pub async fn one(State(served): State<Arc<Served>>, Path(id): Path<String>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let revisions = parameters.switch("revisions")?;
    parameters.finish()?;
    let wanted = id.clone();
    let article = served.readers.ask(move |reader| reader.article(&wanted, revisions)).await?;
    let article = article.ok_or_else(|| Problem::not_found(format!("the archive has no article `{id}`")))?;
    Ok(answer::revalidated(&headers, "application/json", answer::json(&article)?))
}

/// The feeds that the archive has articles of, as far as filters ask for them: all of them only where one is unknown, for then the
/// nearest name is looked for.
pub fn archived(reader: &Reader, filters: &Filters) -> Result<HashSet<String>, StoreError> {
    for name in &filters.feeds {
        if reader.feed_summary(name)?.is_none() {
            return Ok(reader.feed_outlines()?.into_keys().collect());
        }
    }
    Ok(filters.feeds.iter().cloned().collect())
}

fn lines(articles: &[Article]) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    for article in articles {
        write_line(&mut body, article).map_err(|error| answer::unwritable(&error))?;
        body.push(b'\n');
    }
    Ok(body)
}

/// This request, with another cursor.
fn next_page(uri: &Uri, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).filter(|(name, _)| name != "cursor"));
    query.append_pair("cursor", cursor);
    format!("{}?{}", uri.path(), query.finish())
}
