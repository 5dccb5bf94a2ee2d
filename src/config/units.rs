//! Durations and sizes as people write them: "90s", "30m", "12h", "7d"; "8MiB".

use std::time::Duration;

/// Why a duration or size could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number and a unit of time.
    #[error("`{0}` is not a duration: write a whole number and s, m, h or d, as \"90s\", \"30m\", \"12h\", \"7d\"")]
    Duration(String),
    /// Not a number and a unit of size.
    #[error("`{0}` is not a size: write a whole number and KiB, MiB or GiB, as \"8MiB\", or a plain number of bytes")]
    Size(String),
    /// More than can be reckoned with.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// Longer than anything that is meant: sums of durations and dates stay in range.
const LONGEST: Duration = Duration::from_secs(1000 * 366 * 24 * 60 * 60);

/// Reads "90s", "30m", "12h", "7d", also "200ms" and "2w".
///
/// # Errors
/// Anything else, and more than a thousand years.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let (number, unit) = split_number(text).ok_or_else(wrong)?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        "w" => 7 * 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    let too_large = || UnitError::TooLarge(text.to_owned());
    let number: u64 = number.parse().map_err(|_| too_large())?;
    let duration = Duration::from_millis(number.checked_mul(milliseconds).ok_or_else(too_large)?);
    if duration > LONGEST { Err(too_large()) } else { Ok(duration) }
}

/// Reads "8MiB" (also KiB, GiB, B) and a plain number of bytes, to bytes.
///
/// # Errors
/// Anything else, and more than 2⁶³ bytes.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size(text.to_owned());
    let (number, unit) = split_number(text).ok_or_else(wrong)?;
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let too_large = || UnitError::TooLarge(text.to_owned());
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(bytes).filter(|size| i64::try_from(*size).is_ok()).ok_or_else(too_large)
}

/// A duration as this module reads it, in the largest unit that divides it.
pub fn write_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if milliseconds.is_multiple_of(length) && (milliseconds > 0 || unit == "s") {
            return format!("{}{unit}", milliseconds / length);
        }
    }
    format!("{milliseconds}ms")
}

fn split_number(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    if number.is_empty() { None } else { Some((number, unit.trim_start())) }
}

/// Bytes for a person, rounded: `12.3 MiB`.
pub fn write_size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let fitting = units.into_iter().find(|(_, size)| bytes >= *size);
    fitting.map_or_else(|| format!("{bytes} B"), |(unit, size)| format!("{:.1} {unit}", bytes as f64 / size as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600), (" 5 m ", 300), ("1000ms", 1)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "m", "-5m", "1.5h", "5 minutes", "5M", "1h30m", "٣s"] {
            assert_eq!(parse_duration(text), Err(UnitError::Duration(text.to_owned())), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615d", "400000d"] {
            assert_eq!(parse_duration(text), Err(UnitError::TooLarge(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn sizes_are_bytes_or_a_number_and_a_binary_unit() {
        for (text, bytes) in [("0", 0), ("512", 512), ("512B", 512), ("8KiB", 8192), ("8MiB", 8 << 20), ("1 GiB", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "8MB", "8mib", "1.5MiB", "-1"] {
            assert_eq!(parse_size(text), Err(UnitError::Size(text.to_owned())), "{text}");
        }
        assert_eq!(parse_size("9999999999999GiB"), Err(UnitError::TooLarge("9999999999999GiB".to_owned())));
    }

    #[test]
    fn a_written_duration_reads_the_same() {
        for text in ["0s", "1ms", "1500ms", "90s", "30m", "12h", "7d", "36h"] {
            assert_eq!(write_duration(parse_duration(text).unwrap()), text);
        }
    }
}
