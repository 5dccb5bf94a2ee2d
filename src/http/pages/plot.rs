//! Plots as inline SVG: no script, no picture to load. Colours come from the style sheet, so they fit light and dark.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::coverage::{Cause, FeedCoverage, Span, State};
use crate::store::FeedDay;

/// The height of a sparkline, in its own units; a bar is one unit wide and has a gap of a quarter.
const HEIGHT: f64 = 8.0;

/// … and of what hangs below its line.
const BELOW: f64 = 3.0;

/// A feed's days, the oldest first, without axes: articles stand on the line, failures hang below it; `label` says what they are to
/// whoever cannot see them.
pub fn sparkline(days: &[FeedDay], label: &str) -> Markup {
    let most = days.iter().map(|day| day.new).max().unwrap_or(0).max(1);
    let most_failures = days.iter().map(|day| day.failures).max().unwrap_or(0).max(1);
    html! {
        svg.spark role="img" aria-label=(label) viewBox=(format!("0 0 {} {}", days.len().max(1), HEIGHT + BELOW)) preserveAspectRatio="none" {
            line x1="0" x2=(days.len().max(1)) y1=(HEIGHT) y2=(HEIGHT) {}
            @for (place, day) in days.iter().enumerate() {
                @let left = format!("{:.2}", place as f64 + 0.1);
                @if day.new > 0 {
                    @let height = scaled(day.new, most, HEIGHT);
                    rect x=(left) y=(format!("{:.2}", HEIGHT - height)) width="0.8" height=(format!("{height:.2}")) {}
                }
                @if day.failures > 0 {
                    rect.failures x=(left) y=(HEIGHT) width="0.8" height=(format!("{:.2}", scaled(day.failures, most_failures, BELOW))) {}
                }
            }
        }
    }
}

/// However few, they are seen.
fn scaled(count: u64, most: u64, tallest: f64) -> f64 {
    (tallest * count as f64 / most as f64).max(tallest / 10.0)
}

/// One bar of a plot with labels.
pub struct Bar {
    /// Below it; empty where there is no room for one.
    pub label: String,
    /// What it is, for whoever points at it.
    pub title: String,
    /// How high.
    pub count: u64,
    /// How much of it hangs below the line, for what went wrong.
    pub failures: u64,
}

/// The width of a plot, in its own units.
const WIDTH: f64 = 640.0;

/// The tallest bar.
const TALLEST: f64 = 120.0;

/// Bars with labels below, and with their counts above where there is room; `label` says what they are.
pub fn bars(bars: &[Bar], label: &str) -> Markup {
    const LINE: f64 = 20.0 + TALLEST;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let most_failures = bars.iter().map(|bar| bar.failures).max().unwrap_or(0);
    let below = if most_failures > 0 { 24.0 } else { 0.0 };
    let step = WIDTH / bars.len().max(1) as f64;
    // A digit is about eight units wide.
    let has_room = step >= 8.0 * most.to_string().len() as f64 + 6.0;
    html! {
        svg.bars role="img" aria-label=(label) viewBox=(format!("0 0 {WIDTH} {}", LINE + below + 24.0)) {
            @for (place, bar) in bars.iter().enumerate() {
                @let (left, height) = (place as f64 * step, if bar.count > 0 { (TALLEST * bar.count as f64 / most as f64).max(1.5) } else { 0.0 });
                @let middle = format!("{:.1}", left + step / 2.0);
                g {
                    title { (bar.title) }
                    // The whole column can be pointed at.
                    rect.column x=(format!("{left:.1}")) y="0" width=(format!("{step:.1}")) height=(LINE + below) {}
                    rect x=(format!("{:.1}", left + step * 0.12)) y=(format!("{:.1}", LINE - height)) width=(format!("{:.1}", step * 0.76))
                        height=(format!("{height:.1}")) rx="2" {}
                    @if bar.failures > 0 {
                        rect.failures x=(format!("{:.1}", left + step * 0.12)) y=(LINE) width=(format!("{:.1}", step * 0.76))
                            height=(format!("{:.1}", scaled(bar.failures, most_failures, below - 2.0))) rx="2" {}
                    }
                    @if has_room && bar.count > 0 { text x=(middle) y=(format!("{:.1}", LINE - 6.0 - height)) { (bar.count) } }
                    @if !bar.label.is_empty() { text.day x=(middle) y=(LINE + below + 18.0) { (bar.label) } }
                }
            }
            line x1="0" x2=(WIDTH) y1=(LINE) y2=(LINE) {}
        }
    }
}

/// Was the feed watched at all in this span?
pub fn is_watched(span: &Span) -> bool {
    span.cause != Some(Cause::NotBegun)
}

/// What is proven of a feed between two times, from left to right.
pub fn coverage(covered: &FeedCoverage, from: DateTime<Utc>, until: DateTime<Utc>, label: &str) -> Markup {
    let whole = (until - from).as_seconds_f64().max(1.0);
    let place = |at: DateTime<Utc>| ((at - from).as_seconds_f64() / whole).clamp(0.0, 1.0) * 100.0;
    let kind = |span: &Span| match (span.state, span.proven) {
        (State::Whole, _) | (State::PossibleGap, true) => "whole",
        (State::Unwatched, true) => "bridged",
        (State::Unwatched, false) => "unwatched",
        (State::PossibleGap, false) => "gap",
    };
    // What is worst is drawn last, and never too narrow to be seen.
    let mut spans: Vec<&Span> = covered.spans.iter().filter(|span| is_watched(span)).collect();
    spans.sort_by_key(|span| (!span.proven, span.state == State::PossibleGap));
    html! {
        svg.covered role="img" aria-label=(label) viewBox="0 0 100 4" preserveAspectRatio="none" {
            @for span in spans {
                @let left = place(span.from).min(98.0);
                rect class=(kind(span)) x=(format!("{left:.2}")) y="0" height="4" width=(format!("{:.2}", (place(span.until) - left).max(2.0))) {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_with_a_single_article_is_seen_beside_one_with_thousands() {
        let day = |new, failures| FeedDay { new, failures };
        let drawn = sparkline(&[day(0, 0), day(1, 0), day(5_000, 0), day(0, 2)], "four days").into_string();
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(drawn.contains("height=\"0.80\"") && drawn.contains("height=\"8.00\""), "{drawn}");
        assert!(drawn.contains("<rect class=\"failures\" x=\"3.10\" y=\"8\""), "{drawn}");
        assert!(sparkline(&[], "nothing").into_string().contains("0 0 1 11"));
    }

    #[test]
    fn counts_stand_above_bars_only_where_they_fit() {
        let many = |count: usize, most: u64| -> Vec<Bar> {
            (0..count).map(|_| Bar { label: String::new(), title: String::new(), count: most, failures: 0 }).collect()
        };
        assert!(bars(&many(7, 1_000), "a week").into_string().contains(">1000<"));
        assert!(!bars(&many(60, 1_000), "two months").into_string().contains(">1000<"));
        assert!(bars(&[], "nothing").into_string().contains("aria-label=\"nothing\""));
    }

    #[test]
    fn a_gap_of_a_minute_is_seen_within_a_month() {
        let at = |minute: i64| DateTime::from_timestamp(minute * 60, 0).unwrap();
        let span = |from, until, state| Span {
            from: at(from),
            until: at(until),
            state,
            proven: state == State::Whole,
            cause: None,
            healed_at: None,
        };
        let spans = vec![span(0, 100, State::Whole), span(100, 101, State::PossibleGap), span(101, 40_000, State::Whole)];
        let covered = FeedCoverage {
            feed: "a".into(),
            url: String::new(),
            watched_since: None,
            proven_until: None,
            complete: false,
            possible_gap_at: None,
            spans,
        };
        let drawn = coverage(&covered, at(0), at(40_000), "a month").into_string();
        let last = drawn.rsplit("<rect").next().unwrap();
        assert!(last.contains("class=\"gap\"") && last.contains("width=\"2.00\""), "{drawn}");
    }
}
