//! `/feeds`: each feed with its state, its polls, what went wrong in plain words, and what is proven of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::layout::{About, Part, page};
use super::{plot, words};
use crate::coverage::{FeedCoverage, Range, percent};
use crate::http::Served;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::report::{self, FeedLine, feed_lines};

/// Feeds on a page.
const ON_A_PAGE: usize = 50;

/// Days that the plots show.
const DAYS: usize = 30;

/// The states, as people call them.
const STATES: [(&str, &str); 5] =
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

    fn takes(&self, feed: &FeedLine) -> bool {
        let has_word = |word: &String| {
            let word = word.to_lowercase();
            [Some(&feed.name), feed.title.as_ref(), Some(&feed.url)].into_iter().flatten().any(|text| text.to_lowercase().contains(&word))
        };
        self.state.as_deref().is_none_or(|state| state == feed.status) && self.query.as_ref().is_none_or(has_word)
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
    per_day: Vec<u64>,
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
    let found = served.readers.ask(move |reader| {
        let lines = feed_lines(&config, reader.feed_summaries()?, now);
        let counts = STATES.iter().map(|(state, _)| (*state, lines.iter().filter(|line| line.status == *state).count())).collect();
        let matching: Vec<FeedLine> = lines.into_iter().filter(|line| asked.takes(line)).collect();
        let count = matching.len();
        let lines: Vec<FeedLine> = matching.into_iter().skip((asked.page - 1).saturating_mul(ON_A_PAGE)).take(ON_A_PAGE).collect();
        let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
        let range = Range { since: Some(now - TimeDelta::days(DAYS as i64)), until: None, now };
        // No names would mean all feeds.
        let covered = if names.is_empty() { Vec::new() } else { report::coverage(&config, reader.coverage()?, &names, range)? };
        let per_day = reader.articles_per_day(&names, now.date_naive(), DAYS)?;
        let rows = lines.into_iter().zip(covered).zip(per_day);
        let rows = rows.map(|((line, covered), per_day)| Row { line, covered: watched(covered), per_day }).collect();
        Ok::<_, Problem>(Found { rows, matching: count, counts })
    });
    let found = found.await?;
    let about = About { title: "Feeds".to_owned(), part: Some(Part::Feeds), is_wide: true, ..served.about() };
    Ok(page(&about, content(&found, &wanted, now)))
}

/// Of what it was watched; `None` where that is nothing.
fn watched(mut covered: FeedCoverage) -> Option<FeedCoverage> {
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
                    span.whole { "whole" } span.bridged { "unwatched, yet whole" } span.unwatched { "unwatched" } span.gap { "a gap is possible" }
                }
            }
        }
    }
}

fn feed(row: &Row, now: DateTime<Utc>) -> Markup {
    let Row { line, covered, per_day } = row;
    let state = STATES.iter().find(|(state, _)| *state == line.status).map_or(line.status, |(_, name)| name);
    let troubles = troubles(line, now);
    let articles = url::form_urlencoded::Serializer::new(String::new()).append_pair("feed", &line.name).finish();
    html! {
        tr {
            th scope="row" {
                a href={ "/?" (articles) } dir="auto" { (line.title.as_deref().unwrap_or(&line.name)) }
                " " span class={ "state " (line.status) } { (state) }
                @if line.title.is_some() { span.name { (line.name) } }
                @if !troubles.is_empty() { ul.troubles { @for trouble in &troubles { li { (trouble) } } } }
            }
            td data-label="Last poll" { @match line.last_polled_at { Some(at) => { (words::time(at, now)) } None => { "–" } } }
            td data-label="Next poll" { @match line.next_poll_at { Some(at) => { (words::time(at, now)) } None => { "–" } } }
            td.number data-label="Articles" { (line.articles) }
            td data-label="Per day" {
                @let count = per_day.iter().sum::<u64>();
                (plot::sparkline(per_day, &format!("{count} articles of the last {DAYS} days")))
            }
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

/// What went wrong, a sentence each.
fn troubles(line: &FeedLine, now: DateTime<Utc>) -> Vec<Markup> {
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
