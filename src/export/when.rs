//! The times of `--since` and `--until`: a date, an instant, or so long before now.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// A point in time as an operator or a query parameter states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// An instant; a date is its midnight in UTC.
    At(DateTime<Utc>),
    /// So long before now.
    Ago(TimeDelta),
}

/// Why a text names no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no time: write a date (2026-01-31), an instant (2026-01-31T12:00:00Z) or so long before now (90s, 30m, 12h, 7d)")]
pub struct WhenError(String);

impl When {
    /// The instant that is meant, for the time that now is. Before what the calendar can hold it is its beginning.
    pub fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Ago(span) => now.checked_sub_signed(span).unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::At(date.and_time(NaiveTime::MIN).and_utc()));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        span(text).map(Self::Ago).ok_or_else(|| WhenError(text.to_owned()))
    }
}

/// "90s", "30m", "12h", "7d", as in the config.
fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let number = text.strip_suffix(unit)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = number.parse().ok()?;
    match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_instants_and_spans_are_understood() {
        let now = "2026-02-01T12:00:00Z".parse().unwrap();
        for (text, want) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T12:30:00Z", "2026-01-31T12:30:00Z"),
            ("2026-01-31T12:30:00+02:00", "2026-01-31T10:30:00Z"),
            (" 7d ", "2026-01-25T12:00:00Z"),
            ("12h", "2026-02-01T00:00:00Z"),
            ("90m", "2026-02-01T10:30:00Z"),
            ("0s", "2026-02-01T12:00:00Z"),
        ] {
            let want: DateTime<Utc> = want.parse().unwrap();
            assert_eq!(text.parse::<When>().map(|when| when.resolve(now)), Ok(want), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused_with_an_error_that_shows_what_can_be_written() {
        for text in ["", "yesterday", "7", "d", "-7d", "7 d", "1.5h", "2026-13-01", "2026-01-31T12:30:00", "99999999999999999d", "7é"] {
            let error = text.parse::<When>().unwrap_err().to_string();
            assert!(error.contains("2026-01-31") && error.contains("7d"), "{text}");
        }
    }

    #[test]
    fn a_span_longer_than_the_calendar_is_the_beginning() {
        let now = "2026-02-01T12:00:00Z".parse().unwrap();
        assert_eq!("99999999d".parse::<When>().unwrap().resolve(now), DateTime::<Utc>::MIN_UTC);
    }
}
