//! Any text as a date.

use chrono::{Datelike, SecondsFormat};
use gleaner::parse::date::parse_date;

/// White space around a date means nothing; the standard spellings of what was understood mean the same instant.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(at) = parse_date(&text) else { return };
    assert_eq!(parse_date(text.trim()), Some(at), "white space around {text:?} matters");
    if (0..=9999).contains(&at.year()) {
        let w3c = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        assert_eq!(parse_date(&w3c), Some(at), "{text:?} was read as {w3c}, which means something else");
    }
    // Two-digit years belong to RFC 822, which reads the years before 1000 as it likes.
    if (1000..=9999).contains(&at.year()) {
        let rfc822 = at.to_rfc2822();
        assert_eq!(parse_date(&rfc822), Some(at), "{text:?} was read as {rfc822}, which means something else");
    }
}
