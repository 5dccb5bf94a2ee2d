//! `/`: the newest articles that pass the filters, page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{About, Part, page};
use super::words;
use crate::article::Article;
use crate::config::Config;
use crate::export::Order;
use crate::export::text::byline;
use crate::http::Served;
use crate::http::articles::{PATIENCE, archived};
use crate::http::cursor::Cursor;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::selection::Filters;
use crate::store::Place;

/// Articles on a page.
const ON_A_PAGE: usize = 30;

/// The formats that "what is on the screen" can be taken in, as `export` names them.
const FORMATS: [(&str, &str); 8] = [
    ("json", "JSON"),
    ("ndjson", "JSON lines"),
    ("csv", "CSV"),
    ("markdown", "Markdown"),
    ("text", "Text"),
    ("opml", "OPML"),
    ("atom", "Atom"),
    ("jsonfeed", "JSON Feed"),
];

/// The filters as they were written, so that the form shows them again.
struct Written {
    pairs: Vec<(String, String)>,
}

impl Written {
    fn of(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned();
        Self { pairs: pairs.filter(|(name, value)| name != "cursor" && !value.trim().is_empty()).collect() }
    }

    fn value(&self, name: &str) -> &str {
        self.pairs.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value)
    }

    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// As a query with its `?`, with more pairs; empty where there is none.
    fn query(&self, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.pairs).extend_pairs(more);
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// `GET /`.
pub async fn list(State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    let written = Written::of(uri.query());
    let mut parameters = Parameters::of(uri.query());
    let filters = parameters.filters()?;
    let copies = parameters.switch("copies")?;
    let cursor = parameters.parsed::<Cursor>("cursor")?;
    parameters.finish()?;
    let (config, now) = (served.config(), Utc::now());
    let asked = Arc::clone(&config);
    let is_first = cursor.is_none();
    let wanted = filters.clone();
    // What a person typed and nobody knows is said on the page, beside the form that can mend it.
    let found = served.readers.ask(move |reader| {
        let mut selection = match wanted.select(&asked, &archived(reader, &wanted)?, now) {
            Ok(selection) => selection,
            Err(error) => return Ok(Err(error.to_string())),
        };
        selection.order = Order::NewestFirst;
        selection.copies = copies;
        selection.after = cursor.map(|cursor| cursor.0);
        selection.patience = Some(PATIENCE);
        let mut selected = reader.articles(selection)?;
        let articles = selected.by_ref().take(ON_A_PAGE + 1).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, Problem>(Ok((articles, selected.stopped_at())))
    });
    let found = found.await?;
    let about = About { subscribable: Some(written.query(&[])), part: Some(Part::Articles), title: title(&filters), ..served.about() };
    let content = html! {
        h1.visually-hidden { (about.title) }
        (form(&config, &written, copies))
        div #results aria-live="polite" {
            @match found {
                Ok((articles, stopped_at)) => { (results(&articles, stopped_at.as_ref(), is_first, &written, now)) }
                Err(wrong) => { p.empty { (wrong) } }
            }
        }
    };
    Ok(page(&about, content))
}

fn title(filters: &Filters) -> String {
    match (&filters.query, filters.feeds.first(), filters.tags.first()) {
        (Some(query), ..) => format!("Search: {query}"),
        (None, Some(feed), _) => feed.clone(),
        (None, None, Some(tag)) => format!("Tag: {tag}"),
        (None, None, None) => "Articles".to_owned(),
    }
}

fn form(config: &Config, written: &Written, copies: bool) -> Markup {
    let mut tags: Vec<&str> = config.feeds.iter().flat_map(|feed| feed.tags.iter().map(String::as_str)).collect();
    tags.sort_unstable();
    tags.dedup();
    let has_narrowed = ["feed", "tag", "language", "since", "until"].iter().any(|name| !written.value(name).is_empty()) || copies;
    html! {
        form.search method="get" action="/" role="search" data-live="results" {
            div.query {
                label.visually-hidden for="query" { "Search" }
                input #query type="search" name="query" value=(written.value("query")) placeholder="Search the archive" autocomplete="off";
                button type="submit" { "Search" }
            }
            details.filters open[has_narrowed] {
                summary { "Filters" }
                div.fields {
                    label { "Feed"
                        input name="feed" value=(written.value("feed")) list="feeds" autocomplete="off";
                    }
                    datalist #feeds {
                        @for feed in config.feeds.iter().take(1_000) {
                            option value=(feed.name) { @if let Some(title) = &feed.title { (title) } }
                        }
                    }
                    label { "Tag"
                        select name="tag" {
                            option value="" { "any" }
                            @for tag in tags { option value=(tag) selected[written.value("tag") == tag] { (tag) } }
                        }
                    }
                    label { "Language" input name="language" value=(written.value("language")) placeholder="en" size="6" autocomplete="off"; }
                    label { "From" input name="since" value=(written.value("since")) placeholder="2026-01-31 or 7d" size="14" autocomplete="off"; }
                    label { "Before" input name="until" value=(written.value("until")) placeholder="2026-02-28" size="14" autocomplete="off"; }
                    label.switch { input type="checkbox" name="copies" value="true" checked[copies]; "All copies" }
                }
            }
        }
    }
}

/// One article more than fit on the page tells that there are older ones. `stopped_at`: how far was searched.
fn results(found: &[Article], stopped_at: Option<&Place>, is_first: bool, written: &Written, now: DateTime<Utc>) -> Markup {
    let articles = &found[..found.len().min(ON_A_PAGE)];
    let has_more = found.len() > ON_A_PAGE;
    let stopped_at = stopped_at.filter(|_| !has_more);
    html! {
        @if articles.is_empty() {
            p.empty {
                @if let Some(place) = stopped_at { "Nothing has been found back to " (words::time(place.at, now)) ". " }
                @else if !written.is_empty() { "Nothing in the archive passes these filters. " a href="/" { "Show everything" } }
                @else if is_first { "The archive is empty. What the next polls bring stands here." }
                @else { "There is nothing older." }
            }
        } @else {
            ol.articles { @for article in articles { li { (entry(article, now)) } } }
        }
        @if !articles.is_empty() || stopped_at.is_some() {
            nav.pages aria-label="Pages" {
                @if !is_first { a href={ "/" (written.query(&[])) } { "Newest" } }
                @if has_more && let Some(cursor) = articles.last().and_then(Cursor::after) {
                    a.next rel="next" href={ "/" (written.query(&[("cursor", &cursor.to_string())])) } { "Older" }
                }
                @if let Some(place) = stopped_at {
                    a.next rel="next" href={ "/" (written.query(&[("cursor", &Cursor(place.clone()).to_string())])) } {
                        "Search before " (place.at.format("%B %-d, %Y"))
                    }
                }
            }
        }
        @if !articles.is_empty() {
            p.export {
                "Export these: "
                @for (format, name) in FORMATS {
                    a href={ "/api/v1/export" (written.query(&[("format", format)])) } download={ "articles." (format) } { (name) } " "
                }
            }
        }
    }
}

/// An article in a list.
pub fn entry(article: &Article, now: DateTime<Utc>) -> Markup {
    let from = article.sightings.first();
    let site = article.site.as_deref().or_else(|| from.and_then(|sighting| sighting.feed_title.as_deref()));
    html! {
        article {
            h2 lang=[article.language.as_deref()] dir="auto" {
                a href={ "/articles/" (article.id) } { @if article.title.is_empty() { "Untitled" } @else { (article.title) } }
            }
            p.about {
                @if let Some(site) = site.or(from.map(|sighting| sighting.feed.as_str())) { span.site { (site) } " · " }
                @if let Some(byline) = byline(&article.authors) { (byline) " · " }
                (words::time(article.published.or(article.first_seen).unwrap_or(now), now))
                " · " (article.reading_time_minutes) " min"
                @if !article.copies.is_empty() { " · " (words::count(article.copies.len(), "copy", "copies")) }
                @if article.revision > 1 { " · revision " (article.revision) }
            }
            @if let Some(summary) = &article.summary {
                p.summary lang=[article.language.as_deref()] dir="auto" { (summary) }
            }
        }
    }
}
