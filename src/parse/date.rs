//! Dates as feeds write them: pure, and never "now".
//!
//! Two readers share the work. One knows the numeric forms (RFC 3339, W3C-DTF, ISO 8601 with weeks and ordinals, SQL), the other the
//! worded ones (RFC 822 and its descendants, ASCTIME, other languages). Where a form can be read in two ways (day and month
//! swapped, say), it is not read at all. A date without a zone is taken as UTC, an unknown zone name likewise.

use chrono::{DateTime, Duration, FixedOffset, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc, Weekday};

/// Longer texts are no dates.
const MAX_LENGTH: usize = 128;

/// The instant that a date text means, if that can be told.
pub fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LENGTH {
        return None;
    }
    if let Some(at) = unix_time(text) {
        return Some(at);
    }
    let (text, default_offset) = east_asian(text);
    let local = numeric(&text).or_else(|| worded(&text))?;
    local.at(default_offset)
}

/// A date and time with the zone that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Local {
    time: NaiveDateTime,
    /// Seconds east of Greenwich; `None` where nothing is said.
    offset: Option<i32>,
}

impl Local {
    fn at(self, default_offset: i32) -> Option<DateTime<Utc>> {
        let offset = FixedOffset::east_opt(self.offset.unwrap_or(default_offset))?;
        offset.from_local_datetime(&self.time).single().map(|at| at.to_utc())
    }
}

/// Seconds (or milliseconds, of which whole seconds are kept as of every other date) since 1970.
fn unix_time(text: &str) -> Option<DateTime<Utc>> {
    let whole = text.split('.').next()?;
    if !whole.bytes().all(|b| b.is_ascii_digit()) || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        9 | 10 => DateTime::from_timestamp(number, 0),
        12 | 13 => DateTime::from_timestamp(number / 1000, 0),
        _ => None,
    }
}

/// Korean and Japanese or Chinese dates in plain digits and dashes, and the zone that they are meant in.
fn east_asian(text: &str) -> (String, i32) {
    const KOREA: i32 = 9 * 3600;
    if text.is_ascii() {
        return (text.to_owned(), 0);
    }
    let korean = text.contains(['년', '월', '일']) || text.contains("오전") || text.contains("오후");
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '년' | '월' | '年' | '月' => plain.push('-'),
            '일' | '日' => plain.push(' '),
            c => plain.push(c),
        }
    }
    // "2004- 07- 08": the unit stands where the separator belongs.
    let plain = plain.replace("- ", "-");
    // The half of the day comes before the time in Korean, after it in the form that is read.
    for (word, half) in [("오전", "am"), ("오후", "pm"), ("上午", "am"), ("下午", "pm")] {
        if let Some((date, time)) = plain.split_once(word) {
            return (format!("{} {} {half}", date.trim(), time.trim()), if korean { KOREA } else { 0 });
        }
    }
    (plain.trim().to_owned(), if korean { KOREA } else { 0 })
}

/// A reader of characters.
struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    /// As many digits as stand here, at most `most`.
    fn digits(&mut self, most: usize) -> &'t str {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        digits
    }

    fn number(&mut self, most: usize) -> Option<u32> {
        self.digits(most).parse().ok()
    }

    fn eat(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn eat_any(&mut self, wanted: &[char]) -> Option<char> {
        let found = self.rest.chars().next().filter(|c| wanted.contains(c))?;
        self.rest = self.rest.get(found.len_utf8()..)?;
        Some(found)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn word(&mut self) -> &'t str {
        let length = self.rest.find(|c: char| !c.is_alphabetic() && c != '.').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }
}

/// `2004-12-31T23:59:59.5+01:00` and all that is shorter, with other separators, or none.
fn numeric(text: &str) -> Option<Local> {
    let mut cursor = Cursor { rest: text };
    let year = cursor.digits(4);
    if year.len() != 4 {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let separator = cursor.eat_any(&['-', '/', '.']);
    if cursor.eat_any(&['W', 'w']).is_some() {
        let week = cursor.number(2)?;
        cursor.eat('-');
        let day = cursor.number(1).unwrap_or(1);
        let weekday = Weekday::try_from(u8::try_from(day.checked_sub(1)?).ok()?).ok()?;
        return clock(&mut cursor, NaiveDate::from_isoywd_opt(year, week, weekday)?);
    }
    let day = match separator {
        Some(separator) => {
            if cursor.rest.chars().next().is_some_and(char::is_alphabetic) {
                // Hungarian: the month is a word.
                let month = month(cursor.word())?;
                cursor.eat(separator);
                NaiveDate::from_ymd_opt(year, month, cursor.number(2)?)?
            } else {
                let next = cursor.digits(3);
                match next.len() {
                    3 => NaiveDate::from_yo_opt(year, next.parse().ok()?)?,
                    0 => return None,
                    _ => {
                        let month: u32 = next.parse().ok()?;
                        let day = if cursor.eat(separator) { cursor.number(2)? } else { 1 };
                        rolled_over(year, month, day)?
                    }
                }
            }
        }
        None => {
            let next = cursor.digits(10);
            match next.len() {
                0 => NaiveDate::from_ymd_opt(year, 1, 1)?,
                3 => NaiveDate::from_yo_opt(year, next.parse().ok()?)?,
                4 => NaiveDate::from_ymd_opt(year, next.get(..2)?.parse().ok()?, next.get(2..)?.parse().ok()?)?,
                10 => {
                    let day = NaiveDate::from_ymd_opt(year, next.get(..2)?.parse().ok()?, next.get(2..4)?.parse().ok()?)?;
                    let mut time = Cursor { rest: next.get(4..)? };
                    let (hour, minute, second) = (time.number(2)?, time.number(2)?, time.number(2)?);
                    let offset = zone_at_end(cursor.rest)?;
                    return Some(Local { time: day.and_hms_opt(hour, minute, second)?, offset });
                }
                _ => return None,
            }
        }
    };
    clock(&mut cursor, day)
}

/// A day that its month does not have is counted on from the first, as the clocks of those who write it do.
fn rolled_over(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    if !(1..=13).contains(&month) || !(1..=32).contains(&day) {
        return None;
    }
    NaiveDate::from_ymd_opt(year, 1, 1)?.checked_add_months(Months::new(month - 1))?.checked_add_signed(Duration::days(i64::from(day) - 1))
}

/// The time behind a date, if there is one, and the end of the text.
fn clock(cursor: &mut Cursor<'_>, day: NaiveDate) -> Option<Local> {
    cursor.space();
    let comma = cursor.eat(',');
    let t = cursor.eat_any(&['T', 't', '_']).is_some();
    cursor.space();
    if !cursor.rest.starts_with(|c: char| c.is_ascii_digit()) {
        // A date alone, perhaps with a zone.
        return if t || comma { None } else { Some(Local { time: day.and_time(NaiveTime::MIN), offset: zone_at_end(cursor.rest)? }) };
    }
    let first = cursor.digits(6);
    let (hour, minute, second) = match first.len() {
        1 | 2 => {
            let mut parts = [0; 3];
            parts[0] = first.parse().ok()?;
            let mut count = 1;
            for part in &mut parts[1..] {
                if !cursor.eat(':') {
                    break;
                }
                *part = cursor.number(2)?;
                count += 1;
            }
            if count == 1 && !t {
                return None;
            }
            (parts[0], parts[1], parts[2])
        }
        4 => (first.get(..2)?.parse().ok()?, first.get(2..)?.parse().ok()?, 0),
        6 => (first.get(..2)?.parse().ok()?, first.get(2..4)?.parse().ok()?, first.get(4..)?.parse().ok()?),
        _ => return None,
    };
    if cursor.eat_any(&['.', ',']).is_some() {
        cursor.digits(usize::MAX);
    }
    cursor.space();
    let hour = match half_of_day(cursor) {
        Some(half) => half.hour(hour)?,
        None => hour,
    };
    let offset = zone_at_end(cursor.rest)?;
    Some(Local { time: time_of_day(day, hour, minute, second)?, offset })
}

/// Twenty-four o'clock, leap seconds and clocks that ran a little over.
fn time_of_day(day: NaiveDate, hour: u32, minute: u32, second: u32) -> Option<NaiveDateTime> {
    if hour > 25 || minute > 61 || second > 61 {
        return None;
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    day.and_time(NaiveTime::MIN).checked_add_signed(Duration::seconds(seconds))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

impl Half {
    fn of(word: &str) -> Option<Self> {
        match word.replace('.', "").to_ascii_lowercase().as_str() {
            "am" => Some(Self::Morning),
            "pm" => Some(Self::Afternoon),
            _ => None,
        }
    }

    fn hour(self, hour: u32) -> Option<u32> {
        match (self, hour) {
            (Self::Morning, 12) => Some(0),
            (Self::Afternoon, 1..=11) => Some(hour + 12),
            (_, 0..=23) => Some(hour),
            _ => None,
        }
    }
}

fn half_of_day(cursor: &mut Cursor<'_>) -> Option<Half> {
    let mut ahead = Cursor { rest: cursor.rest };
    let half = Half::of(ahead.word())?;
    ahead.space();
    cursor.rest = ahead.rest;
    Some(half)
}

/// What is left must be a zone or nothing; `None` where it is neither.
#[expect(clippy::option_option, reason = "not readable, not said, said")]
fn zone_at_end(rest: &str) -> Option<Option<i32>> {
    let rest = rest.split('(').next().unwrap_or_default().trim();
    if rest.is_empty() { Some(None) } else { zone(rest).map(Some) }
}

/// Seconds east of Greenwich of `Z`, `+01:00`, `-0700`, `GMT+1`, `EST`, `Etc/GMT`.
fn zone(text: &str) -> Option<i32> {
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

fn numeric_zone(text: &str) -> Option<i32> {
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

/// `Thu, 01 Jan 2004 19:48:21 GMT` and everything that people made of it.
fn worded(text: &str) -> Option<Local> {
    let text = text.split('(').next().unwrap_or_default();
    let mut parts = Parts::default();
    for token in text.split(|c: char| c.is_whitespace() || c == ',').filter(|token| !token.is_empty()) {
        // "04-Jan-2004"
        let mut pieces = token.split('-');
        if let (Some(day), Some(middle), Some(year), None) = (pieces.next(), pieces.next(), pieces.next(), pieces.next())
            && month(middle).is_some()
        {
            for piece in [day, middle, year] {
                parts.take(piece)?;
            }
            continue;
        }
        parts.take(token)?;
    }
    parts.local()
}

#[derive(Debug, Default)]
struct Parts {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i32>,
    time: Option<(u32, u32, u32)>,
    half: Option<Half>,
    offset: Option<i32>,
}

impl Parts {
    /// Takes in one word; `None` where it makes the whole unreadable.
    fn take(&mut self, token: &str) -> Option<()> {
        let token = token.trim_matches(['.', ';', '"', '\'']);
        let first = token.chars().next();
        match first {
            None => Some(()),
            Some('+' | '-' | '\u{2212}') if self.time.is_some() => {
                self.offset = Some(numeric_zone(token)?);
                Some(())
            }
            Some('+' | '-') => None,
            Some(c) if c.is_ascii_digit() => self.take_number(token),
            Some(_) => {
                self.take_word(token);
                Some(())
            }
        }
    }

    fn take_number(&mut self, token: &str) -> Option<()> {
        if token.contains(':') {
            let mut cursor = Cursor { rest: token };
            let hour = cursor.number(2)?;
            cursor.eat(':');
            let minute = cursor.number(2)?;
            let second = if cursor.eat(':') { cursor.number(2)? } else { 0 };
            if cursor.eat('.') {
                cursor.digits(usize::MAX);
            }
            self.time = Some((hour, minute, second));
            if let Some(half) = half_of_day(&mut cursor) {
                self.half = Some(half);
            }
            if !cursor.rest.is_empty() {
                self.offset = Some(zone(cursor.rest)?);
            }
            return Some(());
        }
        if token.contains('/') {
            return self.take_slashed(token);
        }
        let digits = token.bytes().take_while(u8::is_ascii_digit).count();
        let (number, ordinal) = token.split_at(digits);
        if !matches!(ordinal, "" | "st" | "nd" | "rd" | "th" | "er" | "o" | "º") {
            return None;
        }
        let value: u32 = number.parse().ok()?;
        match digits {
            1 | 2 if self.day.is_none() => self.day = Some(value),
            4 if self.year.is_none() => self.year = i32::try_from(value).ok(),
            // RFC 2822 §4.3, but for the years that feeds did not yet have.
            2 if self.year.is_none() => self.year = Some(i32::try_from(value).ok()? + if value < 90 { 2000 } else { 1900 }),
            3 if self.year.is_none() => self.year = Some(i32::try_from(value).ok()? + 1900),
            4 if self.time.is_some() && self.offset.is_none() => self.offset = numeric_zone(&format!("+{number}")),
            _ => return None,
        }
        Some(())
    }

    /// `2006/09/15`, `15/09/2006`, `09/15/2006`; not `09/10/2006`, which may mean two days.
    fn take_slashed(&mut self, token: &str) -> Option<()> {
        let mut numbers = token.split('/').map(|part| part.parse::<u32>().ok());
        let (first, second, third) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let (year, month, day) = match (first, second, third) {
            (1000.., _, _) => (first, second, third),
            (13..=31, 1..=12, 1000..) => (third, second, first),
            (1..=12, 13..=31, 1000..) => (third, first, second),
            (1..=12, _, 1000..) if first == second => (third, first, second),
            _ => return None,
        };
        (self.year, self.month, self.day) = (i32::try_from(year).ok(), Some(month), Some(day));
        Some(())
    }

    fn take_word(&mut self, token: &str) {
        if let Some(half) = Half::of(token).filter(|_| self.time.is_some()) {
            self.half = Some(half);
        } else if self.time.is_some() && zone_name(token) {
            self.offset = zone(token);
        } else if let Some(month) = month(token) {
            // The last one counts: "mar." before a French date is a Tuesday.
            self.month = Some(month);
        } else if self.time.is_some() && self.offset.is_none() {
            self.offset = zone(token);
        }
    }

    fn local(self) -> Option<Local> {
        let day = NaiveDate::from_ymd_opt(self.year?, self.month?, self.day?)?;
        let (hour, minute, second) = self.time.unwrap_or_default();
        let hour = match self.half {
            Some(half) => half.hour(hour)?,
            None => hour,
        };
        Some(Local { time: time_of_day(day, hour, minute, second).filter(|_| hour <= 24 && minute < 60)?, offset: self.offset })
    }
}

fn zone_name(token: &str) -> bool {
    let lower = token.to_ascii_lowercase();
    let lower = lower.strip_prefix("etc/").unwrap_or(&lower);
    lower.starts_with("gmt") || lower.starts_with("utc") || ZONES.iter().any(|(known, _)| *known == lower)
}

/// How month names begin, in the languages of feeds. Longer beginnings stand before shorter ones that they contain.
const MONTHS: &[(&str, u32)] = &[
    // English, German, French, Spanish, Italian, Portuguese, Dutch, Scandinavian
    ("jan", 1),
    ("jän", 1),
    ("ene", 1),
    ("gen", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("febr", 2),
    ("mar", 3),
    ("mär", 3),
    ("mrt", 3),
    ("maa", 3),
    ("apr", 4),
    ("avr", 4),
    ("abr", 4),
    ("may", 5),
    ("mai", 5),
    ("maj", 5),
    ("mei", 5),
    ("mag", 5),
    ("máj", 5),
    ("juin", 6),
    ("jun", 6),
    ("jún", 6),
    ("giu", 6),
    ("juil", 7),
    ("jul", 7),
    ("júl", 7),
    ("lug", 7),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("sep", 9),
    ("set", 9),
    ("sze", 9),
    ("oct", 10),
    ("okt", 10),
    ("ott", 10),
    ("out", 10),
    ("nov", 11),
    ("dec", 12),
    ("déc", 12),
    ("dez", 12),
    ("dic", 12),
    // Hungarian
    ("ápr", 4),
    ("már", 3),
    ("máu", 5),
    // Polish
    ("sty", 1),
    ("lut", 2),
    ("kwi", 4),
    ("cze", 6),
    ("lip", 7),
    ("sie", 8),
    ("wrz", 9),
    ("paź", 10),
    ("lis", 11),
    ("gru", 12),
    // Russian
    ("янв", 1),
    ("фев", 2),
    ("мар", 3),
    ("апр", 4),
    ("май", 5),
    ("мая", 5),
    ("июн", 6),
    ("июл", 7),
    ("авг", 8),
    ("сен", 9),
    ("окт", 10),
    ("ноя", 11),
    ("дек", 12),
    // Greek
    ("ιαν", 1),
    ("φεβ", 2),
    ("μάώ", 3),
    ("μαώ", 3),
    ("μάρ", 3),
    ("μαρ", 3),
    ("απρ", 4),
    ("μάι", 5),
    ("μαϊ", 5),
    ("μαι", 5),
    ("ιούν", 6),
    ("ιουν", 6),
    ("ιον", 6),
    ("ιούλ", 7),
    ("ιουλ", 7),
    ("ιολ", 7),
    ("αύγ", 8),
    ("αυγ", 8),
    ("σεπ", 9),
    ("οκτ", 10),
    ("νοέ", 11),
    ("νοε", 11),
    ("δεκ", 12),
    // Turkish
    ("oca", 1),
    ("şub", 2),
    ("nis", 4),
    ("haz", 6),
    ("tem", 7),
    ("ağu", 8),
    ("eyl", 9),
    ("eki", 10),
    ("kas", 11),
    ("ara", 12),
];

fn month(word: &str) -> Option<u32> {
    let lower = word.to_lowercase();
    MONTHS.iter().find(|(beginning, _)| lower.starts_with(beginning)).map(|(_, month)| *month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        parse_date(text).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    #[test]
    fn every_known_form_of_a_date_is_read() {
        for (text, want) in [
            // RFC 3339 and W3C-DTF
            ("2003-12-31T10:14:55Z", "2003-12-31T10:14:55Z"),
            ("2003-12-31T10:14:55-08:00", "2003-12-31T18:14:55Z"),
            ("2003-12-31T10:14:55.123+01:00", "2003-12-31T09:14:55Z"),
            ("2003-12-31T10:14Z", "2003-12-31T10:14:00Z"),
            ("2003-12-31T19:20+01:00", "2003-12-31T18:20:00Z"),
            ("2003-12-31t10:14:55z", "2003-12-31T10:14:55Z"),
            ("2003-12-31", "2003-12-31T00:00:00Z"),
            ("2003-12", "2003-12-01T00:00:00Z"),
            ("2003", "2003-01-01T00:00:00Z"),
            ("2003-12-31T10:14:55", "2003-12-31T10:14:55Z"),
            ("2017-06-13T03:18:00+00:0", "2017-06-13T03:18:00Z"),
            ("2003-12-31T10:14:55-0500", "2003-12-31T15:14:55Z"),
            ("2003-07-01 T 01:55:07-05:00", "2003-07-01T06:55:07Z"),
            ("2003-07-01T01:55:07 -05:00", "2003-07-01T06:55:07Z"),
            ("2003-7-1T1:05:07Z", "2003-07-01T01:05:07Z"),
            // ISO 8601
            ("20031231", "2003-12-31T00:00:00Z"),
            ("20031231T101455Z", "2003-12-31T10:14:55Z"),
            ("20031231101455", "2003-12-31T10:14:55Z"),
            ("20021231T19:20:30.45+01:00", "2002-12-31T18:20:30Z"),
            ("2003-365", "2003-12-31T00:00:00Z"),
            ("2003365", "2003-12-31T00:00:00Z"),
            ("2004-W01-3", "2003-12-31T00:00:00Z"),
            ("2004W013T10:00:00Z", "2003-12-31T10:00:00Z"),
            // SQL and its kin
            ("2004-07-08 23:56:58.0", "2004-07-08T23:56:58Z"),
            ("2004-07-08 23:56:58 +0100", "2004-07-08T22:56:58Z"),
            ("2004-07-08 11:56:58 PM", "2004-07-08T23:56:58Z"),
            ("2004/07/08 23:56", "2004-07-08T23:56:00Z"),
            // Days and clocks that ran over
            ("2003-06-31T15:51:30-05:00", "2003-07-01T20:51:30Z"),
            ("2003-12-31T24:00:00Z", "2004-01-01T00:00:00Z"),
            ("2003-12-31T23:59:60Z", "2004-01-01T00:00:00Z"),
            // RFC 822 and after
            ("Thu, 01 Jan 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("Thu, 01 Jan 2004 19:48:21 +0100", "2004-01-01T18:48:21Z"),
            ("Thu, 01 Jan 2004 19:48:21 +01:00", "2004-01-01T18:48:21Z"),
            ("Mon, 01 Jan 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("Thu,01 Jan 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("01 Jan 2004 19:48 GMT", "2004-01-01T19:48:00Z"),
            ("Thursday, 01 January 2004 19:48:21 EST", "2004-01-02T00:48:21Z"),
            ("Thu, 01 Jan 04 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("Thu, 01 Jan 95 19:48:21 GMT", "1995-01-01T19:48:21Z"),
            ("Thu, 1 Jan 2004 9:48:21 PDT", "2004-01-01T16:48:21Z"),
            ("Thu, 01 Jan 2004", "2004-01-01T00:00:00Z"),
            ("01 Jan 2004", "2004-01-01T00:00:00Z"),
            ("Thu, Jan 01 2004 19:48:21 GMT", "2004-01-01T19:48:21Z"),
            ("January 1st, 2004 at 7:48 pm", "2004-01-01T19:48:00Z"),
            ("Sat, Dec 16 2023 02:02:33 PM", "2023-12-16T14:02:33Z"),
            ("Thu, 01 Jan 2004 00:48:21 -0000", "2004-01-01T00:48:21Z"),
            ("Thu, 01 Jan 2004 00:48:21 GMT+2", "2003-12-31T22:48:21Z"),
            ("Thu, 01 Jan 2004 00:48:21 GMT-05:00", "2004-01-01T05:48:21Z"),
            ("Thu, 01 Jan 2004 00:48:21 Etc/GMT", "2004-01-01T00:48:21Z"),
            ("Thu, 01 Jan 2004 00:48:21 +0000 (UTC)", "2004-01-01T00:48:21Z"),
            ("Thu, 01 Jan 2004 24:00:00 GMT", "2004-01-02T00:00:00Z"),
            ("01-Jan-2004 10:00:00 GMT", "2004-01-01T10:00:00Z"),
            ("Mon, 26 January 2004 16:31:00 ET", "2004-01-26T21:31:00Z"),
            ("Fri, 2006/09/15 08:19:53 EDT", "2006-09-15T12:19:53Z"),
            ("15/09/2006 08:19", "2006-09-15T08:19:00Z"),
            // ASCTIME
            ("Sun Jan  4 16:29:06 2004", "2004-01-04T16:29:06Z"),
            ("Sun Jan  4 16:29:06 PST 2004", "2004-01-05T00:29:06Z"),
            ("Sun Jan 04 16:29:06 +0100 2004", "2004-01-04T15:29:06Z"),
            // Other languages
            ("mar. 02 déc. 2014 10:00:00 +0100", "2014-12-02T09:00:00Z"),
            ("Mi, 03 Mär 2010 10:00:00 +0100", "2010-03-03T09:00:00Z"),
            ("2 de enero de 2004", "2004-01-02T00:00:00Z"),
            ("Вт, 02 дек 2014 10:00:00 +0300", "2014-12-02T07:00:00Z"),
            ("Κυρ, 11 Ιούλ 2004 12:00:00 EST", "2004-07-11T17:00:00Z"),
            ("2004-július-13T9:15-05:00", "2004-07-13T14:15:00Z"),
            ("2004년 05월 28일  01:31:15", "2004-05-27T16:31:15Z"),
            ("2004-05-25 오후 11:23:17", "2004-05-25T14:23:17Z"),
            ("2004-05-25 오전 12:23:17", "2004-05-24T15:23:17Z"),
            ("2004年5月28日 01:31:15", "2004-05-28T01:31:15Z"),
            // Unix
            ("1072957701", "2004-01-01T11:48:21Z"),
            ("1072957701000", "2004-01-01T11:48:21Z"),
            ("1072957701067", "2004-01-01T11:48:21Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_may_mean_two_things_or_nothing_is_not_read() {
        for text in [
            "",
            "yesterday",
            "09/10/2006",
            "03-04-05",
            "Thu, 31 Feb 2004 10:00:00 GMT",
            "Thu, 01 Jan 2004 26:00:00 GMT",
            "2003-14-01",
            "2003-12-31T99:00:00Z",
            "January 2004",
            "0000-00-00 00:00:00",
            "2003-12-31 something else",
            "99999999999999999999",
            "Mon, 1 Jan 2004 10:00:00 +9999",
            "Mon, 1 Jan 2004 10:00:00 +-5:00",
            "2004-01-01T10:00:00+-999999999:00",
            "2004-01-01T10:00:00-05:-999999999",
            "2004-01-01T10:00:00+999999999:00",
            "2004-01-01T10:00:00+05:999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = parse_date(&text);
        }

        #[test]
        fn what_is_written_by_the_standards_is_read_back(seconds in 631_152_000i64..4_102_444_800) {
            let at = DateTime::from_timestamp(seconds, 0).unwrap();
            proptest::prop_assert_eq!(parse_date(&at.to_rfc3339()), Some(at));
            proptest::prop_assert_eq!(parse_date(&at.to_rfc2822()), Some(at));
        }
    }
}
