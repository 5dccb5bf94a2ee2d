//! Time zones, as offsets and as names.

/// What is left must be a zone or nothing; `None` where it is neither.
#[expect(clippy::option_option, reason = "not readable, not said, said")]
pub fn zone_at_end(rest: &str) -> Option<Option<i32>> {
    let rest = rest.split('(').next().unwrap_or_default().trim();
    if rest.is_empty() { Some(None) } else { zone(rest).map(Some) }
}

/// Seconds east of Greenwich of `Z`, `+01:00`, `-0700`, `GMT+1`, `EST`, `Etc/GMT`.
pub fn zone(text: &str) -> Option<i32> {
    let text = text.trim().trim_end_matches('.');
    let lower = text.to_ascii_lowercase();
    let lower = lower.strip_prefix("etc/").unwrap_or(&lower);
    if let Some(signed) = lower.strip_prefix("gmt").or_else(|| lower.strip_prefix("utc")).filter(|rest| !rest.is_empty()) {
        return numeric_zone(signed.trim());
    }
    if lower.starts_with(['+', '-', '\u{2212}']) {
        let numeric = lower.split_whitespace().next()?;
        return numeric_zone(numeric);
    }
    if !lower.chars().all(|c| c.is_alphabetic() || matches!(c, '/' | '_' | ' ')) {
        return None;
    }
    let mut words = lower.split_whitespace();
    let name = words.next()?;
    if words.next().is_some() || (name.chars().count() > 5 && !name.contains('/')) {
        return None;
    }
    // A name that nobody knows is taken as UTC.
    Some(ZONES.iter().find(|(known, _)| *known == name).map_or(0, |(_, minutes)| minutes * 60))
}

pub fn numeric_zone(text: &str) -> Option<i32> {
    let (sign, digits) = match text.chars().next()? {
        '+' => (1, text.get(1..)?),
        '-' => (-1, text.get(1..)?),
        '\u{2212}' => (-1, text.get('\u{2212}'.len_utf8()..)?),
        _ => return None,
    };
    let digits = digits.trim();
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes.split(':').next()?),
        None if digits.len() <= 2 => (digits, "0"),
        None if digits.len() == 3 => digits.split_at_checked(1)?,
        None => (digits.get(..2)?, digits.get(2..4)?),
    };
    // Digits alone: a number would be read with a sign of its own.
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i32>().ok()).flatten();
    let hours = number(hours)?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    (hours <= 15 && minutes <= 60).then(|| sign * (hours * 3600 + minutes * 60))
}

/// Minutes east of Greenwich of zone names. Names that mean different things in different countries are read as
/// RFC 822 has them, else as feeds mostly mean them.
const ZONES: &[(&str, i32)] = &[
    ("z", 0),
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("adt", -180),
    ("ast", -240),
    ("at", -240),
    ("edt", -240),
    ("est", -300),
    ("et", -300),
    ("cdt", -300),
    ("cst", -360),
    ("ct", -360),
    ("mdt", -360),
    ("mst", -420),
    ("mt", -420),
    ("pdt", -420),
    ("pst", -480),
    ("pt", -480),
    ("akdt", -480),
    ("akst", -540),
    ("hst", -600),
    ("nst", -210),
    ("ndt", -150),
    ("brt", -180),
    ("brst", -120),
    ("art", -180),
    ("clt", -240),
    ("clst", -180),
    ("a", -60),
    ("n", 60),
    ("m", -720),
    ("y", 720),
    ("bst", 60),
    ("west", 60),
    ("met", 60),
    ("mez", 60),
    ("mest", 120),
    ("mesz", 120),
    ("cet", 60),
    ("cest", 120),
    ("eet", 120),
    ("eest", 180),
    ("sast", 120),
    ("msk", 180),
    ("msd", 240),
    ("trt", 180),
    ("pkt", 300),
    ("wib", 420),
    ("ict", 420),
    ("hkt", 480),
    ("sgt", 480),
    ("awst", 480),
    ("jst", 540),
    ("kst", 540),
    ("acst", 570),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
];

/// Is this one of the names, or built on one?
pub fn zone_name(token: &str) -> bool {
    let lower = token.to_ascii_lowercase();
    let lower = lower.strip_prefix("etc/").unwrap_or(&lower);
    lower.starts_with("gmt") || lower.starts_with("utc") || ZONES.iter().any(|(known, _)| *known == lower)
}
