//! What came when, counted as it comes: whoever wants to know how the archive grows asks a few thousand rows, and not a
//! million articles.
//!
//! A poll that brings nothing new writes nothing here, one that fails a single row. What is removed later stays counted: this
//! tells what came, not what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use rusqlite::{Connection, params};

use super::{Reader, StoreError};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// How many days of a feed are kept: more than anybody is shown, so that a longer view has something to begin with.
const DAYS_OF_A_FEED: i64 = 60;

/// Older dates do not count for the hours of the day: what a feed brings of its past says little of its present habits.
const DATED_WITHIN: i64 = 28;

/// Upper bounds of delays, seconds; what took longer than the last counts there.
pub(super) const DELAYS: [i64; 12] = [60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, i64::MAX];

/// What one document brings, until it is written.
#[derive(Debug)]
pub(super) struct Arrivals {
    now: i64,
    new: i64,
    of_days: BTreeMap<i64, i64>,
    of_hours: BTreeMap<i64, i64>,
}

impl Arrivals {
    /// Of a document that came at `now`, milliseconds since 1970.
    pub(super) fn at(now: i64) -> Self {
        Self { now, new: 0, of_days: BTreeMap::new(), of_hours: BTreeMap::new() }
    }

    /// An article that is new to the archive.
    pub(super) fn add(&mut self, published: Option<DateTime<Utc>>) {
        // One that is dated ahead counts for now.
        let dated = published.map_or(self.now, |at| at.timestamp_millis().min(self.now));
        let age = self.now - dated;
        self.new += 1;
        if age < DAYS_OF_A_FEED * DAY {
            *self.of_days.entry(dated.div_euclid(DAY)).or_default() += 1;
        }
        if published.is_some() && age < DATED_WITHIN * DAY {
            *self.of_hours.entry(dated.div_euclid(HOUR)).or_default() += 1;
        }
    }

    /// Writes them down, with how old those were that a feed brought which was known before.
    pub(super) fn write(&self, connection: &Connection, feed: i64, delays: &[Duration]) -> rusqlite::Result<()> {
        if self.new == 0 {
            return Ok(());
        }
        let mut hour = connection.prepare_cached(
            "INSERT INTO hour (hour, new, dated) VALUES (?1, ?2, ?3) ON CONFLICT (hour) DO UPDATE SET new = new + ?2, dated = dated + ?3",
        )?;
        let this = self.now.div_euclid(HOUR);
        hour.execute(params![this, self.new, self.of_hours.get(&this).copied().unwrap_or(0)])?;
        for (dated, count) in self.of_hours.iter().filter(|(dated, _)| **dated != this) {
            hour.execute(params![dated, 0, count])?;
        }
        for (day, count) in &self.of_days {
            count_day(connection, feed, *day, *count, 0)?;
        }
        release(connection, feed, self.now)?;
        let mut within: BTreeMap<i64, i64> = BTreeMap::new();
        for delay in delays {
            let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
            *within.entry(DELAYS.into_iter().find(|bound| seconds <= *bound).unwrap_or(i64::MAX)).or_default() += 1;
        }
        for (bound, count) in within {
            connection
                .prepare_cached(
                    "INSERT INTO delay (day, within, articles) VALUES (?1, ?2, ?3) ON CONFLICT (day, within) DO UPDATE SET articles = articles + ?3",
                )?
                .execute(params![self.now.div_euclid(DAY), bound, count])?;
        }
        Ok(())
    }
}

/// A poll of a feed has failed.
pub(super) fn failed(connection: &Connection, feed: i64, now: i64) -> rusqlite::Result<()> {
    count_day(connection, feed, now.div_euclid(DAY), 0, 1)?;
    release(connection, feed, now)
}

/// What was counted of a feed's days long ago goes.
fn release(connection: &Connection, feed: i64, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM feed_day WHERE feed = ?1 AND day < ?2")?
        .execute(params![feed, now.div_euclid(DAY) - DAYS_OF_A_FEED])
        .map(|_| ())
}

fn count_day(connection: &Connection, feed: i64, day: i64, new: i64, failures: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO feed_day (feed, day, new, failures) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (feed, day) DO UPDATE SET new = new + ?3, failures = failures + ?4",
        )?
        .execute(params![feed, day, new, failures])
        .map(|_| ())
}

/// One day's new articles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct DayCount {
    /// The day (UTC).
    pub day: NaiveDate,
    /// How many.
    pub new: u64,
}

/// How long articles took from their publication into the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayCount {
    /// At most so long, and longer than the bound before; `None`: longer than all bounds.
    pub within: Option<Duration>,
    /// How many.
    pub articles: u64,
}

/// What came when, as of a moment; days, months and hours are those of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Articles that were new on each of the last thirty days, today last.
    pub per_day: Vec<DayCount>,
    /// … in each of the last twelve months, named by their first days.
    pub per_month: Vec<DayCount>,
    /// Articles by the hour of their own dates, from midnight on, of the last four weeks.
    pub by_hour: [u64; 24],
    /// Delays of the last thirty days, of articles whose feeds were known before, the shortest first.
    pub delays: Vec<DelayCount>,
}

/// What a feed brought on a day, and how often it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedDay {
    /// Articles that are dated on this day and were new to the archive.
    pub new: u64,
    /// Polls that failed.
    pub failures: u64,
}

const SHOWN_DAYS: u64 = 30;
const SHOWN_MONTHS: u32 = 12;

fn midnight(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
}

impl Reader {
    /// What came when, up to `now`.
    ///
    /// # Errors
    /// Those of the database.
    pub fn activity(&self, now: DateTime<Utc>) -> Result<Activity, StoreError> {
        let read = || {
            let today = now.date_naive();
            let month = today.with_day(1).unwrap_or(today);
            let months: Vec<NaiveDate> =
                (0..SHOWN_MONTHS).rev().filter_map(|back| month.checked_sub_months(chrono::Months::new(back))).collect();
            let per_day = self.new_since(months.first().copied().unwrap_or(month))?;
            let in_month = |first: &NaiveDate| {
                let days = per_day.iter().filter(|(day, _)| (day.year(), day.month()) == (first.year(), first.month()));
                DayCount { day: *first, new: days.map(|(_, new)| new).sum() }
            };
            Ok(Activity {
                per_month: months.iter().map(in_month).collect(),
                per_day: last_days(today, SHOWN_DAYS, &per_day),
                by_hour: self.by_hour(now)?,
                delays: self.delays(today)?,
            })
        };
        read().map_err(|error| self.error(error))
    }

    /// Articles that were new on each of the last so many days, today last.
    pub(super) fn new_per_day(&self, today: NaiveDate, days: u64) -> rusqlite::Result<Vec<DayCount>> {
        let first = today.checked_sub_days(Days::new(days.saturating_sub(1))).unwrap_or(today);
        Ok(last_days(today, days, &self.new_since(first)?))
    }

    fn new_since(&self, first: NaiveDate) -> rusqlite::Result<BTreeMap<NaiveDate, u64>> {
        let since = midnight(first).div_euclid(HOUR);
        let mut statement = self.connection.prepare_cached("SELECT hour / 24, sum(new) FROM hour WHERE hour >= ?1 GROUP BY hour / 24")?;
        let mut rows = statement.query(params![since])?;
        let mut counts = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (day, new): (i64, i64) = (row.get(0)?, row.get(1)?);
            counts.extend(DateTime::from_timestamp_millis(day * DAY).map(|at| (at.date_naive(), new.unsigned_abs())));
        }
        Ok(counts)
    }

    fn by_hour(&self, now: DateTime<Utc>) -> rusqlite::Result<[u64; 24]> {
        let since = (now - TimeDelta::days(DATED_WITHIN)).timestamp_millis().div_euclid(HOUR);
        let mut statement = self.connection.prepare_cached("SELECT hour % 24, sum(dated) FROM hour WHERE hour >= ?1 GROUP BY hour % 24")?;
        let mut rows = statement.query(params![since])?;
        let mut hours = [0; 24];
        while let Some(row) = rows.next()? {
            if let Some(hour) = usize::try_from(row.get::<_, i64>(0)?).ok().and_then(|hour| hours.get_mut(hour)) {
                *hour = row.get::<_, i64>(1)?.unsigned_abs();
            }
        }
        Ok(hours)
    }

    fn delays(&self, today: NaiveDate) -> rusqlite::Result<Vec<DelayCount>> {
        let since = midnight(today).div_euclid(DAY) - SHOWN_DAYS as i64 + 1;
        let counts: BTreeMap<i64, i64> = self
            .connection
            .prepare_cached("SELECT within, sum(articles) FROM delay WHERE day >= ?1 GROUP BY within")?
            .query_map(params![since], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let bounds = DELAYS.into_iter().filter(|_| !counts.is_empty());
        let count = |bound: i64| DelayCount {
            within: (bound < i64::MAX).then(|| Duration::from_secs(bound.unsigned_abs())),
            articles: counts.get(&bound).copied().unwrap_or(0).unsigned_abs(),
        };
        Ok(bounds.map(count).collect())
    }

    /// What a feed brought on each of so many days (UTC) up to `today`, and how often it failed; at most sixty days are kept.
    ///
    /// # Errors
    /// Those of the database.
    pub fn feed_days(&self, feed: &str, today: NaiveDate, days: usize) -> Result<Vec<FeedDay>, StoreError> {
        let read = || {
            let first = midnight(today).div_euclid(DAY) - i64::try_from(days).unwrap_or(DAYS_OF_A_FEED) + 1;
            let mut counts = vec![FeedDay::default(); days];
            let mut counted = self.connection.prepare_cached(
                "SELECT day - ?2, new, failures FROM feed_day WHERE feed = (SELECT feed FROM feed WHERE name = ?1) AND day >= ?2",
            )?;
            let mut rows = counted.query(params![feed, first])?;
            while let Some(row) = rows.next()? {
                if let Some(count) = usize::try_from(row.get::<_, i64>(0)?).ok().and_then(|day| counts.get_mut(day)) {
                    *count = FeedDay { new: row.get::<_, i64>(1)?.unsigned_abs(), failures: row.get::<_, i64>(2)?.unsigned_abs() };
                }
            }
            Ok(counts)
        };
        read().map_err(|error| self.error(error))
    }
}

fn last_days(today: NaiveDate, days: u64, counts: &BTreeMap<NaiveDate, u64>) -> Vec<DayCount> {
    let first = today.checked_sub_days(Days::new(days.saturating_sub(1))).unwrap_or(today);
    let days = first.iter_days().take(usize::try_from(days).unwrap_or(usize::MAX));
    days.map(|day| DayCount { day, new: counts.get(&day).copied().unwrap_or(0) }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rusqlite::OpenFlags;

    use super::super::neighbours::Neighbours;
    use super::super::packed::Packer;
    use super::super::{Poll, connect, polls, sample};
    use super::*;
    use crate::parse::{Entry, Stamp};

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn dated(guid: &str, date: &str) -> Entry {
        Entry { published: Some(Stamp { text: date.to_owned(), at: Some(at(date)) }), ..sample::entry(guid) }
    }

    fn archive(polls: Vec<Poll>) -> (tempfile::TempDir, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut connection = connect::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).unwrap();
        connect::set_up(&mut connection).unwrap();
        let packer = Arc::new(Packer::default());
        let mut neighbours = Neighbours::new(Arc::clone(&packer));
        for poll in &polls {
            polls::store(&connection, &packer, &mut neighbours, poll).unwrap().1.write(&connection).unwrap();
        }
        (folder, Reader::open(&path).unwrap())
    }

    fn failed(feed: &str, when: &str) -> Poll {
        Poll { error: Some("timed out".into()), document: None, ..sample::poll(feed, Vec::new(), at(when)) }
    }

    #[test]
    fn what_comes_is_counted_by_the_day_the_hour_and_how_long_it_took() {
        let first = sample::poll("a", vec![dated("1", "2026-05-01T08:20:00Z"), sample::entry("2")], at("2026-06-01T10:00:00Z"));
        let second = sample::poll(
            "a",
            vec![dated("1", "2026-05-01T08:20:00Z"), sample::entry("2"), dated("3", "2026-06-02T08:50:00Z")],
            at("2026-06-02T09:00:00Z"),
        );
        let (_folder, reader) = archive(vec![first, second, failed("a", "2026-06-02T11:00:00Z"), failed("a", "2026-06-02T12:00:00Z")]);
        let activity = reader.activity(at("2026-06-03T00:00:00Z")).unwrap();
        let new = |counts: &[DayCount]| counts.iter().rev().take(3).map(|count| count.new).collect::<Vec<_>>();
        assert_eq!(new(&activity.per_day), [0, 1, 2]);
        assert_eq!((activity.per_day.len(), activity.per_month.len(), new(&activity.per_month)), (30, 12, vec![3, 0, 0]));
        assert_eq!((activity.by_hour[8], activity.by_hour.iter().sum::<u64>()), (1, 1), "what was old when it came tells nothing");
        let taken: Vec<DelayCount> = activity.delays.into_iter().filter(|delay| delay.articles > 0).collect();
        assert_eq!(taken, [DelayCount { within: Some(Duration::from_secs(600)), articles: 1 }], "the first document's age is no delay");

        let days = reader.feed_days("a", at("2026-06-03T00:00:00Z").date_naive(), 4).unwrap();
        let day = |new, failures| FeedDay { new, failures };
        assert_eq!(days, [day(0, 0), day(1, 0), day(1, 2), day(0, 0)]);
        assert_eq!(reader.overview(at("2026-06-03T00:00:00Z")).unwrap().articles, 3);
    }

    #[test]
    fn of_a_feeds_days_no_more_are_kept_than_can_be_asked_for() {
        let (_folder, reader) = archive(vec![failed("a", "2026-01-01T00:00:00Z"), failed("a", "2026-06-01T00:00:00Z")]);
        let kept: i64 = reader.connection.query_row("SELECT count(*) FROM feed_day", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn an_archive_is_not_whole_where_a_count_is_wrong() {
        let poll = sample::poll("a", vec![sample::entry("1"), sample::entry("2")], at("2026-06-01T10:00:00Z"));
        let (folder, reader) = archive(vec![poll]);
        assert_eq!(reader.check().unwrap().damages, []);
        let connection = Connection::open(folder.path().join("a.db")).unwrap();
        for (wrong, right, words) in [
            ("UPDATE archive SET articles = 3", "UPDATE archive SET articles = 2", "3 articles were counted, and 2 are there"),
            ("UPDATE hour SET new = 1", "UPDATE hour SET new = 2", "2026-06-01 10:00:00"),
            ("UPDATE feed SET pages_waiting = 1", "UPDATE feed SET pages_waiting = 0", "of the feed a"),
        ] {
            connection.execute(wrong, []).unwrap();
            let damages = reader.check().unwrap().damages;
            assert!(damages.len() == 1 && damages[0].part == "counts" && damages[0].what.contains(words), "{damages:?}");
            connection.execute(right, []).unwrap();
        }
    }
}
