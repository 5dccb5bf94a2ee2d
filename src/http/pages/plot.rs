//! Plots as inline SVG: no script, no picture to load. Colours come from the style sheet, so they fit light and dark.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::coverage::{Cause, FeedCoverage, Span, State};

/// The height of a sparkline, in its own units; a bar is one unit wide and has a gap of a quarter.
const HEIGHT: f64 = 8.0;

/// Bars of counts, oldest first, without axes; `label` says what they are to whoever cannot see them.
pub fn sparkline(counts: &[u64], label: &str) -> Markup {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    html! {
        svg.spark role="img" aria-label=(label) viewBox=(format!("0 0 {} {HEIGHT}", counts.len().max(1))) preserveAspectRatio="none" {
            @for (day, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                // However few, they are seen.
                @let height = (HEIGHT * *count as f64 / most as f64).max(0.8);
                rect x=(format!("{:.2}", day as f64 + 0.1)) y=(format!("{:.2}", HEIGHT - height)) width="0.8" height=(format!("{height:.2}")) {}
            }
        }
    }
}

/// One bar of a plot with labels.
pub struct Bar {
    /// Below it.
    pub label: String,
    /// How high.
    pub count: u64,
}

/// Bars with their counts above and their labels below.
pub fn bars(bars: &[Bar], label: &str) -> Markup {
    const WIDTH: usize = 64;
    const TALLEST: f64 = 120.0;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    html! {
        svg.bars role="img" aria-label=(label) viewBox=(format!("0 0 {} 170", (bars.len() * WIDTH).max(1))) {
            @for (place, bar) in bars.iter().enumerate() {
                @let (left, height) = (place * WIDTH, (TALLEST * bar.count as f64 / most as f64).max(if bar.count > 0 { 1.0 } else { 0.0 }));
                rect x=(left + 8) y=(format!("{:.1}", 20.0 + TALLEST - height)) width=(WIDTH - 16) height=(format!("{height:.1}")) rx="3" {}
                text x=(left + WIDTH / 2) y=(format!("{:.1}", 14.0 + TALLEST - height)) { (bar.count) }
                text.day x=(left + WIDTH / 2) y="160" { (bar.label) }
            }
            line x1="0" x2=(bars.len() * WIDTH) y1=(20.0 + TALLEST) y2=(20.0 + TALLEST) {}
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
        let drawn = sparkline(&[0, 1, 5_000], "three days").into_string();
        assert_eq!(drawn.matches("<rect").count(), 2);
        assert!(drawn.contains("height=\"0.80\"") && drawn.contains("height=\"8.00\""), "{drawn}");
        assert!(sparkline(&[], "nothing").into_string().contains("0 0 1 8"));
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
