//! Dates as feeds write them: pure, and never "now".
//!
//! Two readers share the work. One knows the numeric forms (RFC 3339, W3C-DTF, ISO 8601 with weeks and ordinals, SQL), the other the
//! worded ones (RFC 822 and its descendants, ASCTIME, other languages). Where a form can be read in two ways (day and month
//! swapped, say), it is not read at all. A date without a zone is taken as UTC, an unknown zone name likewise.

mod month;
mod numeric;
mod worded;
mod zone;

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

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
    let local = numeric::numeric(&text).or_else(|| worded::worded(&text))?;
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
