//! `/feeds/{name}`: one feed: how it stands, when it is polled next and why then, what went wrong, of which times it is proven
//! that nothing was missed, and what it brought.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::feeds::{DAYS, state, troubles, watched};
use super::layout::{About, Part, page};
use super::plot::{self, Bar};
use super::{list, words};
use crate::article::Article;
use crate::config::{Feed, write_duration};
use crate::coverage::{FeedCoverage, Range, Span, State as Coverage, percent};
use crate::export::Order;
use crate::http::Served;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::report::{FeedLine, feed_coverage, feed_line};
use crate::selection::must_be_known;
use crate::store::{FeedDay, FeedSummary, Selection, StoreError};

/// So many of its articles are shown.
const NEWEST: usize = 10;

/// So many spans of time that are not simply whole are named.
const SPANS: usize = 20;

/// What the page shows.
struct Found {
    line: FeedLine,
    summary: FeedSummary,
    covered: Option<FeedCoverage>,
    days: Vec<FeedDay>,
    newest: Vec<Article>,
}

/// `GET /feeds/{name}`.
pub async fn feed(State(served): State<Arc<Served>>, Path(name): Path<String>, uri: Uri) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let (config, now) = (served.config(), Utc::now());
    let known = || config.feeds.iter().map(|feed| feed.name.as_str());
    must_be_known("feed", std::slice::from_ref(&name), known).map_err(|error| Problem::not_found(error.to_string()))?;
    let Some(feed) = config.feeds.iter().find(|feed| feed.name == name).cloned() else {
        return Err(Problem::not_found(format!("no feed is named `{name}`")));
    };
    let asked = feed.clone();
    let found = served.readers.ask(move |reader| {
        let since = now - TimeDelta::days(DAYS as i64);
        let covered =
            feed_coverage(&asked, reader.feed_coverage(&asked.name, Some(since))?, Range { since: Some(since), until: None, now });
        let summary = reader.feed_summary(&asked.name)?;
        let newest = Selection { feeds: vec![vec![asked.name.clone()]], order: Order::NewestFirst, copies: true, ..Selection::default() };
        Ok::<_, StoreError>(Found {
            line: feed_line(&asked, summary.clone(), now),
            summary: summary.unwrap_or_default(),
            covered: watched(covered),
            days: reader.feed_days(&asked.name, now.date_naive(), DAYS)?,
            newest: reader.newest_articles(&newest, NEWEST)?,
        })
    });
    let found = found.await?;
    let title = found.line.title.clone().unwrap_or_else(|| name.clone());
    let subscribable = Some(words::query(&[("feed", &name)]));
    let about = About { title, subscribable, part: Some(Part::Feeds), ..served.about() };
    Ok(page(&about, content(&feed, &found, now)))
}

fn content(feed: &Feed, found: &Found, now: DateTime<Utc>) -> Markup {
    let line = &found.line;
    let articles = words::query(&[("feed", &line.name)]);
    let troubles = troubles(line, now);
    html! {
        h1 dir="auto" { (line.title.as_deref().unwrap_or(&line.name)) " " (state(line.status)) }
        p.about {
            @if line.title.as_ref().is_some_and(|title| *title != line.name) { (line.name) " · " }
            @match words::web_link(&line.url) { Some(url) => { a href=(url) rel="noreferrer noopener" { (url) } } None => { (line.url) } }
            @if let Some(site) = found.summary.site_url.as_deref().and_then(words::web_link) {
                " · " a href=(site) rel="noreferrer noopener" { "home page" }
            }
            @for tag in &feed.tags { " · " a href={ "/" (words::query(&[("tag", tag)])) } { (tag) } }
        }
        @if !troubles.is_empty() {
            section.care aria-labelledby="care" {
                h2 #care { "What went wrong" }
                ul { @for trouble in &troubles { li { (trouble) } } }
                @if let Some(since) = found.summary.failing_since { p { "It has failed since " (words::time(since, now)) "." } }
            }
        }
        dl.numbers {
            div { dt { "Articles" } dd { a href={ "/" (articles) } { (words::grouped(line.articles)) } } }
            div { dt { "Last poll" } dd { @match line.last_polled_at { Some(at) => { (words::time(at, now)) } None => { "none yet" } } } }
            div {
                dt { "Next poll" }
                dd {
                    @match line.next_poll_at { Some(at) => { (words::time(at, now)) } None => { "none is planned" } }
                    @if let Some(reason) = found.summary.next_poll_reason.filter(|_| line.next_poll_at.is_some()) { span.reason { (reason.words()) } }
                }
            }
            div {
                dt { "Proven whole" }
                dd {
                    @match &found.covered {
                        Some(covered) => { (percent(covered.proven_share())) span.reason { "of the time watched within " (DAYS) " days" } }
                        None => { "nothing yet" }
                    }
                }
            }
        }
        section aria-labelledby="days" {
            h2 #days { "Articles a day" }
            @let label = words::of_days(&found.days);
            (plot::bars(&day_bars(&found.days, now), &label))
            p.more { (label) "." }
        }
        @if let Some(covered) = &found.covered { (coverage(covered, now)) }
        section aria-labelledby="newest" {
            h2 #newest { "Newest articles" }
            @if found.newest.is_empty() { p.empty { "It has brought none yet." } }
            @else {
                ol.articles.short { @for article in &found.newest { li { (list::entry(article, now)) } } }
                p { a href={ "/" (articles) } { "All its articles" } }
            }
        }
        p.more {
            @if line.dropped > 0 { (words::grouped(line.dropped)) " of its entries were dropped by filters. " }
            @if let Some(interval) = feed.interval { "It is polled every " (write_duration(interval)) ", as configured. " }
            a href={ "/feed.atom" (articles) } { "Its articles as a feed" } " · "
            a href={ "/api/v1/coverage" (articles) } { "Coverage as JSON" }
        }
    }
}

/// The last days with their failures; Mondays have their dates below.
fn day_bars(days: &[FeedDay], now: DateTime<Utc>) -> Vec<Bar> {
    let today = now.date_naive();
    let ago = |back: usize| today - TimeDelta::days(i64::try_from(back).unwrap_or_default());
    let bar = |(place, day): (usize, &FeedDay)| {
        let date = ago(days.len() - 1 - place);
        let failed = if day.failures == 0 { String::new() } else { format!(", {} failed", words::count_of(day.failures, "poll", "polls")) };
        Bar {
            label: if date.format("%u").to_string() == "1" { date.format("%b %-d").to_string() } else { String::new() },
            title: format!("{}: {}{failed}", date.format("%A, %B %-d"), words::count_of(day.new, "article", "articles")),
            count: day.new,
            failures: day.failures,
        }
    };
    days.iter().enumerate().map(bar).collect()
}

fn coverage(covered: &FeedCoverage, now: DateTime<Utc>) -> Markup {
    let doubtful: Vec<&Span> = covered.spans.iter().rev().filter(|span| span.state != Coverage::Whole).collect();
    html! {
        section.coverage aria-labelledby="coverage" {
            h2 #coverage { "Coverage" }
            (plot::coverage(covered, now - TimeDelta::days(DAYS as i64), now, "What is proven of the last days"))
            @if doubtful.is_empty() {
                p { "Of all the time that it was watched it is proven that nothing was missed." }
            } @else {
                ul.plain {
                    @for span in doubtful.iter().take(SPANS) {
                        li { (span.from.format("%B %-d, %H:%M")) " to " (span.until.format("%B %-d, %H:%M")) " UTC: " (span.words()) }
                    }
                }
                @if doubtful.len() > SPANS { p.more { (words::count(doubtful.len() - SPANS, "older span", "older spans")) " of this kind" } }
            }
        }
    }
}
