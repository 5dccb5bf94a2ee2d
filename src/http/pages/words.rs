//! How pages write times and numbers, and what they call things.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

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
    fn no_link_leads_to_a_script() {
        assert_eq!(web_link("javascript:alert(1)"), None);
        assert_eq!(web_link("data:text/html,x"), None);
        assert_eq!(web_link("HTTPS://example.org/"), Some("HTTPS://example.org/"));
        assert_eq!(host("https://www.example.org/a").as_deref(), Some("example.org"));
    }
}
