//! `/archive`: the archive as a whole, who polls, and what needs care.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::layout::{About, Part, page};
use super::plot::{self, Bar};
use super::words;
use crate::config::{Config, write_duration, write_size};
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::http::{Served, status};
use crate::report::Status;
use crate::store::Overview;

/// `GET /archive`.
pub async fn archive(State(served): State<Arc<Served>>, uri: Uri) -> Result<Response, Problem> {
    Parameters::of(uri.query()).finish()?;
    let status = status::read(&served).await?;
    let about = About { title: "Archive".to_owned(), part: Some(Part::Archive), ..served.about() };
    Ok(page(&about, content(&status, &served.config(), Utc::now())))
}

fn content(status: &Status, config: &Config, now: DateTime<Utc>) -> Markup {
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
                (number("Articles", html! { (grouped(archive.articles)) }))
                (number("Feeds", html! { (grouped(archive.feeds)) }))
                (number("On disk", html! { (write_size(archive.size_bytes)) }))
                (number("Last poll", html! { @match archive.last_poll_at { Some(at) => { (words::time(at, now)) } None => { "none yet" } } }))
            }
            (growth(archive))
        }
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
                        li { (coming.feed) ", " (words::time(coming.at, now)) @if let Some(reason) = &coming.reason { span.faint { " · " (reason) } } }
                    }
                }
            }
            @if !status.health.silent.is_empty() {
                h3 { "Silent for longer than usual" }
                ul.plain { @for silent in &status.health.silent { li { (silent.feed) ", last article " (words::time(silent.last_article_at, now)) } } }
            }
            @if !status.health.slow.is_empty() {
                h3 { "Slow" }
                ul.plain { @for slow in &status.health.slow { li { (slow.feed) ", " (format!("{:.0} s", slow.seconds)) " for the last request" } } }
            }
        }
        @if let Some(archive) = &status.archive {
            p.more {
                @match config.database.retention {
                    Some(retention) => { "Articles are kept for " (write_duration(retention)) ". " }
                    None => { "Articles are kept for ever. " }
                }
                @if archive.pages.waiting > 0 { (grouped(archive.pages.waiting)) " pages wait to be read for full text. " }
                a href="/api/v1/status" { "As JSON" } " · archive " code { (archive.id) }
            }
        }
    }
}

fn number(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn growth(archive: &Overview) -> Markup {
    let bars: Vec<Bar> =
        archive.new_per_day.iter().map(|day| Bar { label: day.day.format("%a %-d").to_string(), count: day.new }).collect();
    let label = bars.iter().map(|bar| format!("{}: {}", bar.label, bar.count)).collect::<Vec<_>>().join(", ");
    html! {
        section aria-labelledby="growth" {
            h2 #growth { "New articles, the last seven days" }
            (plot::bars(&bars, &label))
        }
    }
}

/// Digits in groups of three, with the narrow space that the SI wants.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn large_numbers_are_readable() {
        assert_eq!((grouped(0).as_str(), grouped(999).as_str(), grouped(1_234_567).as_str()), ("0", "999", "1\u{202f}234\u{202f}567"));
    }
}
