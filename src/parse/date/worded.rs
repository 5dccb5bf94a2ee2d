//! The worded forms: RFC 822 and its descendants, ASCTIME, other languages, in whatever order.

use chrono::NaiveDate;

use super::month::month;
use super::zone::{numeric_zone, zone, zone_name};
use super::{Cursor, Half, Local, half_of_day, time_of_day};

/// `Thu, 01 Jan 2004 19:48:21 GMT` and everything that people made of it.
pub fn worded(text: &str) -> Option<Local> {
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
