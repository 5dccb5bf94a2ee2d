//! What a publisher says of how often the document changes: RSS `ttl`, `skipHours`, `skipDays`, and the syndication
//! module's `updatePeriod`, `updateFrequency` and `updateBase`.

use chrono::{DateTime, Utc};

use super::UpdateHints;
use super::date::parse_date;
use super::dialect::Element;

/// The hints, as the document goes by.
#[derive(Debug, Default)]
pub struct Hints {
    hints: UpdateHints,
    /// Minutes.
    period: Option<u32>,
    frequency: Option<u32>,
    base: Option<DateTime<Utc>>,
}

impl Hints {
    /// Takes in an element of this text, if it is a hint.
    pub fn note(&mut self, element: Element, text: &str) {
        match element {
            Element::Ttl => self.hints.interval_minutes = text.parse().ok().filter(|minutes| *minutes > 0),
            Element::UpdatePeriod => self.period = period_minutes(text),
            Element::UpdateFrequency => self.frequency = text.parse().ok(),
            Element::UpdateBase => self.base = parse_date(text),
            Element::SkipHour => {
                if let Ok(hour @ 0..=24) = text.parse::<u8>() {
                    push_new(&mut self.hints.skip_hours, hour % 24);
                }
            }
            Element::SkipDay => {
                if let Ok(day) = text.parse::<chrono::Weekday>() {
                    push_new(&mut self.hints.skip_days, u8::try_from(day.num_days_from_monday()).unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    /// All that was said; `ttl` before the syndication module.
    pub fn finish(mut self) -> UpdateHints {
        if self.hints.interval_minutes.is_none()
            && let Some(period) = self.period
        {
            self.hints.interval_minutes = Some((period / self.frequency.unwrap_or(1).max(1)).max(1));
            self.hints.interval_base = self.base;
        }
        self.hints
    }
}

fn push_new(list: &mut Vec<u8>, value: u8) {
    if !list.contains(&value) {
        list.push(value);
    }
}

fn period_minutes(period: &str) -> Option<u32> {
    match period.to_ascii_lowercase().as_str() {
        "hourly" => Some(60),
        "daily" => Some(24 * 60),
        "weekly" => Some(7 * 24 * 60),
        "monthly" => Some(30 * 24 * 60),
        "yearly" => Some(365 * 24 * 60),
        _ => None,
    }
}
