//! `/feeds`: each feed with its state, its polls, what went wrong in plain words, and what is proven of it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::layout::{About, Part, page};
use super::{plot, words};
use crate::config::{Config, Feed};
use crate::coverage::{FeedCoverage, Range, percent};
use crate::http::Served;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::report::{FeedLine, feed_coverage, feed_line, feed_status};
use crate::store::{FeedDay, FeedStanding, PollOutcome, Reader, StoreError};

/// Feeds on a page.
const ON_A_PAGE: usize = 50;

/// Days that the plots show.
pub const DAYS: usize = 30;

/// The states, as people call them.
pub const STATES: [(&str, &str); 5] =
    [("ok", "OK"), ("error", "failing"), ("gone", "gone"), ("new", "not polled yet"), ("disabled", "disabled")];

/// Which feeds are wanted.
#[derive(Debug, Clone)]
struct Wanted {
    query: Option<String>,
    state: Option<String>,
    page: usize,
}

impl Wanted {
    fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut parameters = Parameters::of(query);
        let wanted = Self {
            query: parameters.one("query")?,
            state: parameters.one("state")?,
            page: parameters.parsed::<usize>("page")?.unwrap_or(1).max(1),
        };
        parameters.finish()?;
        match &wanted.state {
            Some(state) if STATES.iter().all(|(known, _)| known != state) => {
                let known = STATES.map(|(known, _)| known).join(", ");
                Err(Problem::bad_request(format!("`state` is one of {known}, not `{state}`")))
            }
            _ => Ok(wanted),
        }
    }

    fn address(&self, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in [("query", &self.query), ("state", &self.state)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        if page > 1 {
            query.append_pair("page", &page.to_string());
        }
        let query = query.finish();
        if query.is_empty() { "/feeds".to_owned() } else { format!("/feeds?{query}") }
    }
}

/// A feed and what its row shows beside its state.
struct Row {
    line: FeedLine,
    covered: Option<FeedCoverage>,
    days: Vec<FeedDay>,
}

/// What the page shows.
struct Found {
    rows: Vec<Row>,
    matching: usize,
    counts: Vec<(&'static str, usize)>,
}

/// `GET /feeds`.
pub async fn feeds(State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    let wanted = Wanted::of(uri.query())?;
    let (config, now, asked) = (served.config(), Utc::now(), wanted.clone());
    let found = served.readers.ask(move |reader| find(reader, &config, &asked, now)).await?;
    let about = About { title: "Feeds".to_owned(), part: Some(Part::Feeds), is_wide: true, ..served.about() };
    Ok(page(&about, content(&found, &wanted, now)))
}

/// Of all feeds it is read how they stand; all else of those alone that are on the page.
fn find(reader: &Reader, config: &Config, wanted: &Wanted, now: DateTime<Utc>) -> Result<Found, StoreError> {
    let standings = reader.feed_standings()?;
    let standings: HashMap<&str, &FeedStanding> = standings.iter().map(|standing| (standing.name.as_str(), standing)).collect();
    let query = wanted.query.as_deref().map(str::to_lowercase);
    let mut counts = STATES.map(|(state, _)| (state, 0));
    let mut matching = Vec::new();
    for feed in &config.feeds {
        let standing = standings.get(feed.name.as_str());
        let state = feed_status(feed, standing.map_or(PollOutcome::NotPolled, |standing| standing.outcome));
        if let Some((_, count)) = counts.iter_mut().find(|(counted, _)| *counted == state) {
            *count += 1;
        }
        let title = feed.title.as_deref().or(standing.and_then(|standing| standing.title.as_deref()));
        if wanted.state.as_deref().is_none_or(|wanted| wanted == state) && query.as_deref().is_none_or(|word| has_word(feed, title, word)) {
            matching.push(feed);
        }
    }
    let rows = matching.iter().skip((wanted.page - 1).saturating_mul(ON_A_PAGE)).take(ON_A_PAGE);
    let rows = rows.map(|feed| row(reader, feed, now)).collect::<Result<_, _>>()?;
    Ok(Found { rows, matching: matching.len(), counts: counts.to_vec() })
}

fn has_word(feed: &Feed, title: Option<&str>, word: &str) -> bool {
    [Some(feed.name.as_str()), title, Some(feed.url.as_str())].into_iter().flatten().any(|text| text.to_lowercase().contains(word))
}

fn row(reader: &Reader, feed: &Feed, now: DateTime<Utc>) -> Result<Row, StoreError> {
    let since = now - TimeDelta::days(DAYS as i64);
    let covered = feed_coverage(feed, reader.feed_coverage(&feed.name, Some(since))?, Range { since: Some(since), until: None, now });
    let days = reader.feed_days(&feed.name, now.date_naive(), DAYS)?;
    Ok(Row { line: feed_line(feed, reader.feed_summary(&feed.name)?, now), covered: watched(covered), days })
}

/// Of what it was watched; `None` where that is nothing.
pub fn watched(mut covered: FeedCoverage) -> Option<FeedCoverage> {
    covered.spans.retain(plot::is_watched);
    (!covered.spans.is_empty()).then_some(covered)
}

fn content(found: &Found, wanted: &Wanted, now: DateTime<Utc>) -> Markup {
    let (first, all) = ((wanted.page - 1).saturating_mul(ON_A_PAGE), found.counts.iter().map(|(_, count)| count).sum::<usize>());
    html! {
        h1 { "Feeds" }
        form.search method="get" action="/feeds" role="search" data-live="results" {
            div.query {
                label.visually-hidden for="query" { "Search feeds" }
                input #query type="search" name="query" value=[wanted.query.as_deref()] placeholder="Name, title or address" autocomplete="off";
                label.visually-hidden for="state" { "State" }
                select #state name="state" {
                    option value="" { "all " (all) }
                    @for (state, name) in STATES {
                        @let count = found.counts.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, count)| *count);
                        option value=(state) selected[wanted.state.as_deref() == Some(state)] { (name) " " (count) }
                    }
                }
                button type="submit" { "Show" }
            }
        }
        div #results aria-live="polite" {
            @if found.rows.is_empty() {
                p.empty {
                    @if all == 0 { "No feed is configured yet. " code { "gleaner feeds add URL" } " adds one." }
                    @else { "No feed is like that. " a href="/feeds" { "Show all" } }
                }
            } @else {
                table.feeds {
                    thead {
                        tr {
                            th scope="col" { "Feed" }
                            th scope="col" { "Last poll" }
                            th scope="col" { "Next poll" }
                            th.number scope="col" { "Articles" }
                            th scope="col" { "Per day, " (DAYS) " days" }
                            th scope="col" { "Proven whole" }
                        }
                    }
                    tbody { @for row in &found.rows { (feed(row, now)) } }
                }
                nav.pages aria-label="Pages" {
                    @if wanted.page > 1 { a rel="prev" href=(wanted.address(wanted.page - 1)) { "Back" } }
                    span { (first + 1) " to " (first + found.rows.len()) " of " (found.matching) }
                    @if first + found.rows.len() < found.matching {
                        a.next rel="next" href=(wanted.address(wanted.page + 1)) { "More" }
                    }
                }
                p.legend {
                    span.articles { "articles" } span.failures { "polls that failed" } span.whole { "whole" } span.bridged { "unwatched, yet whole" } span.unwatched { "unwatched" } span.gap { "a gap is possible" }
                }
            }
        }
    }
}

fn feed(row: &Row, now: DateTime<Utc>) -> Markup {
    let Row { line, covered, days } = row;
    let troubles = troubles(line, now);
    html! {
        tr {
            th scope="row" {
                a href=(words::feed_page(&line.name)) dir="auto" { (line.title.as_deref().unwrap_or(&line.name)) }
                " " (state(line.status))
                @if line.title.is_some() { span.name { (line.name) } }
                @if !troubles.is_empty() { ul.troubles { @for trouble in &troubles { li { (trouble) } } } }
            }
            td data-label="Last poll" { @match line.last_polled_at { Some(at) => { (words::time(at, now)) } None => { "–" } } }
            td data-label="Next poll" { @match line.next_poll_at { Some(at) => { (words::time(at, now)) } None => { "–" } } }
            td.number data-label="Articles" { (words::grouped(line.articles)) }
            td data-label="Per day" { (plot::sparkline(days, &words::of_days(days))) }
            td data-label="Proven whole" {
                @match covered {
                    Some(covered) => {
                        @let share = percent(covered.proven_share());
                        span.share { (share) }
                        (plot::coverage(covered, now - TimeDelta::days(DAYS as i64), now, &format!("{share} of the time watched within {DAYS} days")))
                    }
                    None => { "–" }
                }
            }
        }
    }
}

/// A feed's state as a badge.
pub fn state(status: &str) -> Markup {
    let name = STATES.iter().find(|(state, _)| *state == status).map_or(status, |(_, name)| name);
    html! { span class={ "state " (status) } { (name) } }
}

/// What went wrong, a sentence each.
pub fn troubles(line: &FeedLine, now: DateTime<Utc>) -> Vec<Markup> {
    let mut troubles = Vec::new();
    if let Some(error) = &line.last_error {
        troubles.push(html! { (error) @if line.consecutive_failures > 1 { " (" (line.consecutive_failures) " times in a row)" } });
    }
    if let Some(to) = &line.redirected_to {
        troubles.push(html! { "It has moved for good to " (to) });
    }
    if let Some(proposed) = &line.proposed_url {
        troubles.push(html! { "It may have moved: its site has the feed " (proposed) });
    }
    if let Some(at) = line.possible_gap_at {
        troubles.push(html! { "Something may have been missed before " (words::time(at, now)) });
    }
    if let Some(since) = line.validators_distrusted_since {
        troubles.push(html! { "Its server said “not modified” though there was news, " (words::time(since, now)) });
    }
    if let Some(kinds) = &line.last_mended {
        troubles.push(html! { "Its last document had to be mended: " (kinds) });
    }
    if line.pages.given_up > 0 {
        let pages = usize::try_from(line.pages.given_up).unwrap_or(usize::MAX);
        troubles.push(html! { "The pages of " (words::count(pages, "article", "articles")) " could not be read" });
    }
    troubles
}
