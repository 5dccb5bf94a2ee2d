//! What an answer's headers say: validators to keep, and when to ask again.
//!
//! Validators are kept as bytes, exactly as they came: a server compares them as strings, and a date that was read and
//! written anew is another string (RFC 9110 §8.8, §13.1.3).

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, RETRY_AFTER};

use super::{Freshness, Validators};

/// No server means more, and clocks can still be added up with it.
const A_CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Those of this answer alone; an empty one is none.
pub(super) fn validators(headers: &HeaderMap) -> Validators {
    let bytes = |name: HeaderName| headers.get(name).map(|value| value.as_bytes().to_vec()).filter(|value| !value.is_empty());
    Validators { etag: bytes(ETAG), last_modified: bytes(LAST_MODIFIED) }
}

/// `Retry-After` (RFC 9110 §10.2.3) and the freshness lifetime (RFC 9111 §4.2.1) for a private cache. `now` stands in
/// for a missing `Date`: differences of the server's own clock are right though the clock is not.
pub(super) fn freshness(headers: &HeaderMap, now: SystemTime) -> Freshness {
    let date = date(headers, DATE).unwrap_or(now);
    Freshness { retry_after: retry_after(headers, date), max_age: max_age(headers, date) }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<SystemTime> {
    text(headers, name).and_then(|value| httpdate::parse_http_date(value).ok())
}

fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits that do not fit are still a number: the largest (RFC 9111 §1.2.2).
    Some(text.parse().map_or(A_CENTURY, Duration::from_secs).min(A_CENTURY))
}

fn retry_after(headers: &HeaderMap, date: SystemTime) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?;
    seconds(value).or_else(|| {
        let until = httpdate::parse_http_date(value).ok()?;
        Some(until.duration_since(date).unwrap_or_default().min(A_CENTURY))
    })
}

fn max_age(headers: &HeaderMap, date: SystemTime) -> Option<Duration> {
    let mut max_age = None;
    for value in headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()) {
        for directive in value.split(',') {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            let name = name.trim();
            if name.eq_ignore_ascii_case("no-cache") || name.eq_ignore_ascii_case("no-store") {
                return None;
            }
            if name.eq_ignore_ascii_case("max-age") {
                max_age = max_age.or(seconds(argument.trim().trim_matches('"')));
            }
        }
    }
    let fresh_for = match max_age {
        Some(max_age) => max_age.saturating_sub(text(headers, AGE).and_then(seconds).unwrap_or_default()),
        // An Expires that is no date (`0`, `-1`) means: already stale (RFC 9111 §5.3).
        None => self::date(headers, EXPIRES)?.duration_since(date).ok()?.min(A_CENTURY),
    };
    (!fresh_for.is_zero()).then_some(fresh_for)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(list: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    const NOON: &str = "Tue, 24 Mar 2026 12:00:00 GMT";
    const ONE: &str = "Tue, 24 Mar 2026 13:00:00 GMT";

    fn of(list: &[(HeaderName, &str)]) -> (Option<u64>, Option<u64>) {
        let freshness = freshness(&headers(list), httpdate::parse_http_date(NOON).unwrap());
        (freshness.retry_after.map(|wait| wait.as_secs()), freshness.max_age.map(|age| age.as_secs()))
    }

    #[test]
    fn retry_after_counts_in_full_as_seconds_and_as_a_date() {
        for (value, want) in [
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("316800", Some(316_800)),
            (ONE, Some(3600)),
            ("Tuesday, 24-Mar-26 13:00:00 GMT", Some(3600)),
            ("Mon, 23 Mar 2026 12:00:00 GMT", Some(0)),
            ("99999999999999999999999", Some(A_CENTURY.as_secs())),
            ("", None),
            ("-5", None),
            ("soon", None),
        ] {
            assert_eq!(of(&[(RETRY_AFTER, value)]).0, want, "{value}");
        }
    }

    #[test]
    fn a_retry_after_date_is_measured_by_the_servers_own_clock() {
        assert_eq!(of(&[(DATE, "Tue, 24 Mar 2026 12:50:00 GMT"), (RETRY_AFTER, ONE)]).0, Some(600));
    }

    #[test]
    fn the_freshness_lifetime_is_max_age_less_age_else_expires_less_date() {
        type Said<'a> = &'a [(HeaderName, &'a str)];
        let cases: &[(Said, Option<u64>)] = &[
            (&[(CACHE_CONTROL, "max-age=600")], Some(600)),
            (&[(CACHE_CONTROL, "public, Max-Age=\"600\", must-revalidate")], Some(600)),
            (&[(CACHE_CONTROL, "public"), (CACHE_CONTROL, "max-age=60")], Some(60)),
            (&[(CACHE_CONTROL, "max-age=600"), (AGE, "200")], Some(400)),
            (&[(CACHE_CONTROL, "max-age=600"), (AGE, "900")], None),
            (&[(CACHE_CONTROL, "max-age=600"), (EXPIRES, ONE)], Some(600)),
            (&[(CACHE_CONTROL, "s-maxage=600")], None),
            (&[(CACHE_CONTROL, "max-age=0")], None),
            (&[(CACHE_CONTROL, "max-age=x")], None),
            (&[(CACHE_CONTROL, "no-cache, max-age=600")], None),
            (&[(CACHE_CONTROL, "max-age=600, no-store")], None),
            (&[(EXPIRES, ONE)], Some(3600)),
            (&[(EXPIRES, ONE), (DATE, "Tue, 24 Mar 2026 12:30:00 GMT")], Some(1800)),
            (&[(EXPIRES, "0")], None),
            (&[(EXPIRES, "-1")], None),
            (&[(EXPIRES, NOON)], None),
            (&[(EXPIRES, "Mon, 23 Mar 2026 12:00:00 GMT")], None),
            (&[], None),
        ];
        for (headers, want) in cases {
            assert_eq!(of(headers).1, *want, "{headers:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_value_is_too_strange(value in "[\\x20-\\x7e]{0,40}", seconds: u64) {
            let number = seconds.to_string();
            for text in [value.as_str(), number.as_str(), &format!("max-age={number}"), &format!("max-age={value}")] {
                let headers = headers(&[(RETRY_AFTER, text), (CACHE_CONTROL, text), (EXPIRES, text), (AGE, text), (DATE, text)]);
                let freshness = freshness(&headers, SystemTime::now());
                proptest::prop_assert!(freshness.retry_after.is_none_or(|wait| wait <= A_CENTURY));
                proptest::prop_assert!(freshness.max_age.is_none_or(|age| !age.is_zero() && age <= A_CENTURY));
            }
        }
    }

    #[test]
    fn validators_are_the_bytes_that_came() {
        for etag in ["\"abc\"", "W/\"abc\"", "abc", "\"caf\u{e9}\"", "\"a-gzip\""] {
            let validators = validators(&headers(&[(ETAG, etag), (LAST_MODIFIED, "Tue, 24 Mar 2026 12:00:00 +0000")]));
            assert_eq!(validators.etag.as_deref(), Some(etag.as_bytes()));
            assert_eq!(validators.last_modified.as_deref(), Some(&b"Tue, 24 Mar 2026 12:00:00 +0000"[..]));
        }
        assert_eq!(validators(&headers(&[(ETAG, "")])), Validators::default());
    }
}
