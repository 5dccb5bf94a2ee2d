//! `/archive`: the archive as a whole, who polls, and what needs care.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Datelike, Utc, Weekday};
use maud::{Markup, html};

use super::layout::{About, Part, page};
use super::plot::{self, Bar};
use super::words;
use crate::config::{Config, write_duration, write_size};
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::http::{Served, status};
use crate::report::Status;
use crate::store::{Activity, DayCount};

/// `GET /archive`.
pub async fn archive(State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let (status, now) = (status::read(&served).await?, Utc::now());
    let activity = served.readers.ask(move |reader| reader.activity(now)).await?;
    let about = About { title: "Archive".to_owned(), part: Some(Part::Archive), ..served.about() };
    Ok(page(&about, content(&status, &activity, &served.config(), now)))
}

fn content(status: &Status, activity: &Activity, config: &Config, now: DateTime<Utc>) -> Markup {
    html! {
        h1 { "Archive" }
        @if !status.health.needs_care.is_empty() {
            section.care aria-labelledby="care" {
                h2 #care { "Needs care" }
                ul { @for care in &status.health.needs_care { li { (care) } } }
            }
        }
        @if let Some(archive) = &status.archive {
            dl.numbers {
                (number("Articles", html! { (words::grouped(archive.articles)) }))
                (number("Feeds", html! { (words::grouped(archive.feeds)) }))
                (number("On disk", html! { (write_size(archive.size_bytes)) }))
                (number("Last poll", html! { @match archive.last_poll_at { Some(at) => { (words::time(at, now)) } None => { "none yet" } } }))
            }
        }
        (growth(activity))
        (hours(activity))
        (delays(activity))
        section aria-labelledby="polling" {
            h2 #polling { "Feeds" }
            @let feeds = &status.health.feeds;
            p {
                a href="/feeds?state=ok" { (feeds.ok) " OK" } ", "
                a href="/feeds?state=error" { (feeds.failing) " failing" } ", "
                a href="/feeds?state=new" { (feeds.new) " not polled yet" } ", "
                a href="/feeds?state=disabled" { (feeds.configured.saturating_sub(feeds.enabled)) " disabled" }
            }
            @if !status.health.next_polls.is_empty() {
                h3 { "Next polls" }
                ul.plain {
                    @for coming in &status.health.next_polls {
                        li { a href=(words::feed_page(&coming.feed)) { (coming.feed) } ", " (words::time(coming.at, now)) @if let Some(reason) = &coming.reason { span.faint { " · " (reason) } } }
                    }
                }
            }
            @if !status.health.silent.is_empty() {
                h3 { "Silent for longer than usual" }
                ul.plain { @for silent in &status.health.silent { li { a href=(words::feed_page(&silent.feed)) { (silent.feed) } ", last article " (words::time(silent.last_article_at, now)) } } }
            }
            @if !status.health.slow.is_empty() {
                h3 { "Slow" }
                ul.plain { @for slow in &status.health.slow { li { a href=(words::feed_page(&slow.feed)) { (slow.feed) } ", " (format!("{:.0} s", slow.seconds)) " for the last request" } } }
            }
        }
        @if let Some(archive) = &status.archive {
            p.more {
                @match config.database.retention {
                    Some(retention) => { "Articles are kept for " (write_duration(retention)) ". " }
                    None => { "Articles are kept for ever. " }
                }
                @if archive.pages.waiting > 0 { (words::grouped(archive.pages.waiting)) " pages wait to be read for full text. " }
                a href="/api/v1/status" { "As JSON" } " · archive " code { (archive.id) }
            }
        }
    }
}

fn number(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn growth(activity: &Activity) -> Markup {
    let day = |day: &DayCount| Bar {
        // A week apart, so that they fit on a phone.
        label: if day.day.weekday() == Weekday::Mon { day.day.format("%b %-d").to_string() } else { String::new() },
        title: format!("{}: {}", day.day.format("%A, %B %-d"), words::count_of(day.new, "article", "articles")),
        count: day.new,
        failures: 0,
    };
    let month = |month: &DayCount| Bar {
        label: month.day.format("%b").to_string(),
        title: format!("{}: {}", month.day.format("%B %Y"), words::count_of(month.new, "article", "articles")),
        count: month.new,
        failures: 0,
    };
    let days: Vec<Bar> = activity.per_day.iter().map(day).collect();
    let months: Vec<Bar> = activity.per_month.iter().map(month).collect();
    html! {
        section aria-labelledby="growth" {
            h2 #growth { "New articles" }
            h3 { "A day, the last thirty days" }
            (plot::bars(&days, &in_words(&days)))
            h3 { "A month, the last year" }
            (plot::bars(&months, &in_words(&months)))
        }
    }
}

fn hours(activity: &Activity) -> Markup {
    let hour = |(hour, count): (usize, &u64)| Bar {
        label: if hour % 3 == 0 { format!("{hour:02}") } else { String::new() },
        title: format!("{hour:02}:00 to {hour:02}:59 UTC: {}", words::count_of(*count, "article", "articles")),
        count: *count,
        failures: 0,
    };
    let bars: Vec<Bar> = activity.by_hour.iter().enumerate().map(hour).collect();
    let busiest = activity.by_hour.iter().enumerate().max_by_key(|(hour, count)| (**count, std::cmp::Reverse(*hour)));
    html! {
        section aria-labelledby="hours" {
            h2 #hours { "Busiest hours" }
            @match busiest.filter(|(_, count)| **count > 0) {
                Some((hour, _)) => {
                    p { "By the articles' own dates, the last four weeks, UTC. Most come from " (format!("{hour:02}:00")) " to " (format!("{:02}:00", (hour + 1) % 24)) "." }
                    (plot::bars(&bars, &in_words(&bars)))
                }
                None => { p.empty { "No article of the last four weeks says when it was published." } }
            }
        }
    }
}

fn delays(activity: &Activity) -> Markup {
    let all: u64 = activity.delays.iter().map(|delay| delay.articles).sum();
    let bars: Vec<Bar> = activity
        .delays
        .iter()
        .enumerate()
        .map(|(place, delay)| {
            let before = place.checked_sub(1).and_then(|before| activity.delays.get(before)?.within);
            let label = match (delay.within, before) {
                (Some(within), _) => format!("≤ {}", words::short(within)),
                (None, Some(before)) => format!("> {}", words::short(before)),
                (None, None) => String::new(),
            };
            let range = match (before, delay.within) {
                (None, Some(within)) => format!("at most {}", words::length(within)),
                (Some(before), Some(within)) => format!("{} to {}", words::length(before), words::length(within)),
                (Some(before), None) => format!("longer than {}", words::length(before)),
                (None, None) => String::new(),
            };
            Bar {
                label,
                title: format!("{range}: {}", words::count_of(delay.articles, "article", "articles")),
                count: delay.articles,
                failures: 0,
            }
        })
        .collect();
    // The first bound within which so much of all lies.
    let within = |share: f64| {
        let mut sum = 0;
        let reached = activity.delays.iter().find(|delay| {
            sum += delay.articles;
            sum as f64 >= share * all as f64
        });
        reached.and_then(|delay| delay.within).map(words::length)
    };
    html! {
        section aria-labelledby="delays" {
            h2 #delays { "From publication into the archive" }
            @if all == 0 {
                p.empty { "It is measured by articles that a feed brings after its first poll. None has come within thirty days." }
            } @else {
                p {
                    @match within(0.5) { Some(half) => { "Half of the articles of the last thirty days were here within " (half) } None => { "Most articles took longer than three days" } }
                    @if let Some(most) = within(0.9) { ", nine of ten within " (most) }
                    ". It counts from the date that an article bears, so one that was published under an older date counts as late."
                }
                (plot::bars(&bars, &in_words(&bars)))
            }
        }
    }
}

fn in_words(bars: &[Bar]) -> String {
    bars.iter().filter(|bar| bar.count > 0).map(|bar| bar.title.as_str()).collect::<Vec<_>>().join("; ")
}
