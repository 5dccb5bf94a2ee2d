//! Which dates are believed.

use chrono::{DateTime, Duration, Utc};

use crate::parse::Stamp;

/// 1990-01-01: no feed is older, but many clocks and templates begin at 1970 or 1980.
const EARLIEST: i64 = 631_152_000;

/// The instant of a stamp, or why it is not believed: it cannot be read, lies before 1990, or more than a day after
/// `now`. `field` names it in the reason.
///
/// # Errors
/// The reason, for people.
pub fn credible(stamp: &Stamp, field: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let at = stamp.at.ok_or_else(|| format!("{field}: cannot read the date {:?}", stamp.text))?;
    if at.timestamp() < EARLIEST {
        return Err(format!("{field}: {at} is before 1990 ({:?})", stamp.text));
    }
    if now.checked_add_signed(Duration::days(1)).is_some_and(|latest| at > latest) {
        return Err(format!("{field}: {at} lies in the future ({:?})", stamp.text));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dates_between_1990_and_tomorrow_are_believed() {
        let now = "2025-01-23T12:00:00Z".parse().unwrap();
        for (at, believed) in [
            ("1970-01-01T00:00:00Z", false),
            ("1989-12-31T23:59:59Z", false),
            ("1990-01-01T00:00:00Z", true),
            ("2025-01-24T12:00:00Z", true),
            ("2025-01-24T12:00:01Z", false),
            ("2099-01-01T00:00:00Z", false),
        ] {
            let stamp = Stamp { text: at.to_owned(), at: Some(at.parse().unwrap()) };
            assert_eq!(credible(&stamp, "published", now).is_ok(), believed, "{at}");
        }
        let unreadable = Stamp { text: "yesterday".to_owned(), at: None };
        assert_eq!(credible(&unreadable, "updated", now), Err("updated: cannot read the date \"yesterday\"".to_owned()));
    }
}
