//! `/api/v1/articles`: pages of articles, newest first, and single ones.

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
const USUAL: usize = 50;

/// … and at most.
const MOST: usize = 1_000;

/// A page of articles.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ArticlePage")]
pub struct Page {
    /// Newest first.
    pub articles: Vec<Article>,
    /// For `cursor` of the request for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

/// What a request for a page says.
struct Wanted {
    filters: Filters,
    limit: usize,
    cursor: Option<Cursor>,
    copies: bool,
    revisions: bool,
}

impl Wanted {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(query);
        let limit = parameters.parsed::<usize>("limit")?.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Problem::bad_request(format!("`limit` is a number from 1 to {MOST}")));
        }
        let wanted = Self {
            limit,
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
        let mut selection = wanted.filters.select(&config, &archived(reader)?, Utc::now())?;
        selection.order = Order::NewestFirst;
        selection.copies = wanted.copies;
        selection.revisions = wanted.revisions;
        selection.after = wanted.cursor.map(|cursor| cursor.0);
        // One more than asked for tells whether there is another page.
        let mut articles = reader.articles(selection)?.take(wanted.limit + 1).collect::<Result<Vec<_>, _>>()?;
        let is_last = articles.len() <= wanted.limit;
        articles.truncate(wanted.limit);
        let next_cursor = if is_last { None } else { articles.last().and_then(Cursor::after).map(|cursor| cursor.to_string()) };
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

/// The feeds that the archive has articles of.
pub fn archived(reader: &Reader) -> Result<std::collections::HashSet<String>, StoreError> {
    Ok(reader.feed_outlines()?.into_keys().collect())
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
