//! How pages write times and numbers, and what they call things.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use crate::store::FeedDay;

/// A time as a machine and a person read it: "3 hours ago", the date after a week.
pub fn time(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    html! {
        time datetime=(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)) title=(at.format("%Y-%m-%d %H:%M UTC")) { (ago(at, now)) }
    }
}

/// How long ago, or in how long, in words.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let past = now - at;
    let (distance, is_past) = if past < TimeDelta::zero() { (-past, false) } else { (past, true) };
    if distance >= TimeDelta::days(7) {
        return at.format("%B %-d, %Y").to_string();
    }
    let counted = |count: i64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    let words = match distance {
        distance if distance < TimeDelta::minutes(1) => return if is_past { "just now".to_owned() } else { "in a moment".to_owned() },
        distance if distance < TimeDelta::hours(1) => counted(distance.num_minutes(), "minute"),
        distance if distance < TimeDelta::days(1) => counted(distance.num_hours(), "hour"),
        distance => counted(distance.num_days(), "day"),
    };
    if is_past { format!("{words} ago") } else { format!("in {words}") }
}

/// A count with its noun.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Digits in groups of three, with the narrow space that the SI wants.
pub fn grouped(number: u64) -> String {
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

/// A length of time in the unit that suits it: "15 minutes".
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    let counted = |count: u64, unit: &str| format!("{count} {unit}{}", if count == 1 { "" } else { "s" });
    match seconds {
        0..60 => counted(seconds, "second"),
        60..3_600 => counted(seconds / 60, "minute"),
        3_600..86_400 => counted(seconds / 3_600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}

/// What a feed brought, in a sentence: the text of its sparkline.
pub fn of_days(days: &[FeedDay]) -> String {
    let (new, failures) = (days.iter().map(|day| day.new).sum::<u64>(), days.iter().map(|day| day.failures).sum::<u64>());
    let failed =
        if failures == 0 { String::new() } else { format!(", {failures} failed {}", if failures == 1 { "poll" } else { "polls" }) };
    format!("Within {} days {new} {}{failed}", days.len(), if new == 1 { "article" } else { "articles" })
}

/// Where a feed's own page is.
pub fn feed_page(name: &str) -> String {
    let mut url = String::from("/feeds/");
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

/// A query that the list of articles takes, with its `?`.
pub fn query(pairs: &[(&str, &str)]) -> String {
    format!("?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

/// As [`count`], of a count that was kept.
pub fn count_of(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A length of time in as few letters as can be: "15 m".
pub fn short(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..3_600 => format!("{} m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A host, for links that lead there.
pub fn host(url: &str) -> Option<String> {
    let host = url::Url::parse(url).ok()?.host_str()?.to_owned();
    Some(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host))
}

/// Only what a browser may be sent to: a feed can name any scheme.
pub fn web_link(url: &str) -> Option<&str> {
    let scheme = url.split_once(':')?.0;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_its_distance_and_after_a_week_by_its_date() {
        let now: DateTime<Utc> = "2026-06-22T12:00:00Z".parse().unwrap();
        let told = |at: &str| ago(at.parse().unwrap(), now);
        assert_eq!(told("2026-06-22T11:59:30Z"), "just now");
        assert_eq!(told("2026-06-22T11:59:00Z"), "1 minute ago");
        assert_eq!(told("2026-06-22T09:30:00Z"), "2 hours ago");
        assert_eq!(told("2026-06-20T09:30:00Z"), "2 days ago");
        assert_eq!(told("2026-06-22T12:30:00Z"), "in 30 minutes");
        assert_eq!(told("2026-01-02T09:30:00Z"), "January 2, 2026");
    }

    #[test]
    fn large_numbers_are_readable() {
        assert_eq!((grouped(0).as_str(), grouped(999).as_str(), grouped(1_234_567).as_str()), ("0", "999", "1\u{202f}234\u{202f}567"));
    }

    #[test]
    fn the_page_of_a_feed_is_found_whatever_its_name() {
        assert_eq!(feed_page("example.org/feed.xml?a=1"), "/feeds/example.org%2Ffeed.xml%3Fa%3D1");
        assert_eq!(feed_page("Ünï.."), "/feeds/%C3%9Cn%C3%AF..");
    }

    #[test]
    fn no_link_leads_to_a_script() {
        assert_eq!(web_link("javascript:alert(1)"), None);
        assert_eq!(web_link("data:text/html,x"), None);
        assert_eq!(web_link("HTTPS://example.org/"), Some("HTTPS://example.org/"));
        assert_eq!(host("https://www.example.org/a").as_deref(), Some("example.org"));
    }
}
