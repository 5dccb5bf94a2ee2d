//! The numeric forms: RFC 3339, W3C-DTF, ISO 8601 with weeks and ordinals, SQL.

use chrono::{Duration, Months, NaiveDate, NaiveTime, Weekday};

use super::month::month;
use super::zone::zone_at_end;
use super::{Cursor, Local, half_of_day, time_of_day};

/// `2004-12-31T23:59:59.5+01:00` and all that is shorter, with other separators, or none.
pub fn numeric(text: &str) -> Option<Local> {
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
