//! What a feed's polls add up to: spans of time that are proven whole, that nobody watched, or in which a gap is possible.
//!
//! Only interruptions are stored, as findings; whatever lies between them is whole. A time in which nobody watched is
//! whole all the same if the first document after it overlaps the last one before: then the finding says that it went
//! unwatched, and that it is proven.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::proof::{Doubt, Verdict};

/// So much later than planned the next answer may come before the time counts as unwatched.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Why a span is not simply whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was polled as planned, and its window turned over in between.
    Turnover,
    /// It was not polled: no poller was running, or the feed was not in its list.
    NotPolled,
    /// It did not answer, or not with a feed.
    Failing,
    /// The operator has disabled it, or taken it out of the list.
    Disabled,
    /// What it answers with has no entries.
    Empty,
    /// What it answers with breaks off.
    CutOff,
    /// Of what it showed only pinned entries are left, though nothing is new.
    NothingNew,
    /// It was not watched yet.
    NotBegun,
}

impl Cause {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Turnover, "turnover"),
        (Self::NotPolled, "not_polled"),
        (Self::Failing, "failing"),
        (Self::Disabled, "disabled"),
        (Self::Empty, "empty"),
        (Self::CutOff, "cut_off"),
        (Self::NothingNew, "nothing_new"),
        (Self::NotBegun, "not_begun"),
    ];

    /// The word that the archive keeps.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(cause, _)| *cause == self).map_or("turnover", |(_, word)| word)
    }

    /// The cause of a word that [`Self::as_str`] gave.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(cause, _)| *cause)
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Turnover => "the window turned over between two polls",
            Self::NotPolled => "it was not polled",
            Self::Failing => "it did not answer, or not with a feed",
            Self::Disabled => "it is disabled, or in no list",
            Self::Empty => "its document has no entries",
            Self::CutOff => "its document breaks off",
            Self::NothingNew => "only pinned entries are left in its document",
            Self::NotBegun => "it was not watched yet",
        }
    }
}

impl From<Doubt> for Cause {
    fn from(doubt: Doubt) -> Self {
        match doubt {
            Doubt::Empty => Self::Empty,
            Doubt::CutOff => Self::CutOff,
            Doubt::NothingNew => Self::NothingNew,
        }
    }
}

/// What interrupted the watch over a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// Nobody watched, but the first document after it overlaps the last one before.
    Bridged,
    /// Nothing proves that no more came and went.
    PossibleGap,
}

/// An interruption, found by a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The last poll before at which the feed was proven whole.
    pub from: DateTime<Utc>,
    /// The poll that found it.
    pub until: DateTime<Utc>,
    /// What.
    pub kind: FindingKind,
    /// Why.
    pub cause: Cause,
    /// When the feed's history was read back to an entry that was known before `from`: then nothing is missing any more.
    pub healed_at: Option<DateTime<Utc>>,
}

/// What is known of a feed when a poll is answered, or when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Present {
    /// The first document's poll; `None` before it.
    pub since: Option<DateTime<Utc>>,
    /// The last poll at which the feed was proven whole.
    pub until: Option<DateTime<Utc>>,
    /// When the poll after the last answer was due.
    pub due_at: Option<DateTime<Utc>>,
    /// The first of the failures in a row.
    pub failing_since: Option<DateTime<Utc>>,
    /// Why the last document proved nothing.
    pub doubt: Option<Cause>,
}

/// Why nobody watched until `now`, if the next answer is so late.
pub fn absence(present: &Present, now: DateTime<Utc>) -> Option<Cause> {
    let expected = present.due_at.max(present.until)?;
    (now - expected > PATIENCE).then_some(if present.failing_since.is_some() { Cause::Failing } else { Cause::NotPolled })
}

/// What a poll at `now` has found, if the watch was interrupted before it.
pub fn finding(present: &Present, verdict: Verdict, now: DateTime<Utc>) -> Option<Finding> {
    let from = present.until?;
    let absence = absence(present, now);
    let (kind, cause) = match verdict {
        Verdict::Begun | Verdict::Unproven(_) => return None,
        Verdict::Proven => (FindingKind::Bridged, absence?),
        Verdict::PossibleGap => (FindingKind::PossibleGap, absence.or(present.doubt).unwrap_or(Cause::Turnover)),
    };
    // A clock that was set back leaves no time in between.
    (from < now).then_some(Finding { from, until: now, kind, cause, healed_at: None })
}

/// All that the archive knows of a feed's coverage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The feed's name.
    pub feed: String,
    /// Its URL, without credentials.
    pub url: String,
    /// How things stand.
    pub present: Present,
    /// What was found, in the order of time.
    pub findings: Vec<Finding>,
}

/// How much is known of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Watched, and proven whole.
    Whole,
    /// Nobody watched.
    Unwatched,
    /// Something may have been missed.
    PossibleGap,
}

/// A span of time of which one thing is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Span {
    /// Begin.
    pub from: DateTime<Utc>,
    /// End.
    pub until: DateTime<Utc>,
    /// What is known of it.
    pub state: State,
    /// Is it proven that the archive has all that the feed published in it?
    pub proven: bool,
    /// Why it is not simply whole.
    pub cause: Option<Cause>,
    /// When what may have been missed was fetched from the feed's history.
    pub healed_at: Option<DateTime<Utc>>,
}

impl Span {
    fn whole(from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self { from, until, state: State::Whole, proven: true, cause: None, healed_at: None }
    }

    fn unwatched(from: DateTime<Utc>, until: DateTime<Utc>, cause: Cause) -> Self {
        Self { from, until, state: State::Unwatched, proven: false, cause: Some(cause), healed_at: None }
    }
}

impl Span {
    /// For people.
    pub fn words(&self) -> String {
        let cause = self.cause.map(|cause| format!(" ({})", cause.words())).unwrap_or_default();
        match (self.state, self.proven) {
            (State::Whole, _) => "whole".to_owned(),
            (State::Unwatched, true) => format!("unwatched{cause}, yet nothing was missed"),
            (State::Unwatched, false) => format!("unwatched{cause}"),
            (State::PossibleGap, true) => format!("a gap was possible{cause}; the feed's history has filled it"),
            (State::PossibleGap, false) => format!("a gap is possible{cause}"),
        }
    }
}

impl From<&Finding> for Span {
    fn from(finding: &Finding) -> Self {
        let Finding { from, until, kind, cause, healed_at } = *finding;
        let (state, proven) = match kind {
            FindingKind::Bridged => (State::Unwatched, true),
            FindingKind::PossibleGap => (State::PossibleGap, healed_at.is_some()),
        };
        Self { from, until, state, proven, cause: Some(cause), healed_at }
    }
}

/// The time that somebody asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From this instant on; `None`: since the feed was first watched.
    pub since: Option<DateTime<Utc>>,
    /// Up to this instant; `None`: until now.
    pub until: Option<DateTime<Utc>>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What is known of a feed's coverage within a range of time: the object of `gleaner coverage --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FeedCoverage {
    /// The feed's name.
    pub feed: String,
    /// Its URL, without credentials.
    pub url: String,
    /// Its first document's poll.
    pub watched_since: Option<DateTime<Utc>>,
    /// The last poll at which it was proven whole.
    pub proven_until: Option<DateTime<Utc>>,
    /// Is each of the spans proven? `false` where there is none.
    pub complete: bool,
    /// The newest gap that is possible and not healed, as the poll that found it; within the range.
    pub possible_gap_at: Option<DateTime<Utc>>,
    /// The range, span by span, up to the last poll, or up to its end where the feed is not watched any more.
    pub spans: Vec<Span>,
}

impl FeedCoverage {
    /// Of a feed that is polled if `is_enabled`.
    pub fn of(record: &Record, is_enabled: bool, range: Range) -> Self {
        let until = range.until.unwrap_or(range.now).min(range.now);
        let mut spans = all_spans(record, is_enabled, range.now);
        if let (Some(since), first) = (range.since, spans.first().map_or(until, |first| first.from))
            && since < first
        {
            spans.insert(0, Span::unwatched(since, first, Cause::NotBegun));
        }
        spans.retain_mut(|span| {
            span.from = range.since.map_or(span.from, |since| span.from.max(since));
            span.until = span.until.min(until);
            span.from < span.until
        });
        let gaps = spans.iter().filter(|span| span.state == State::PossibleGap && !span.proven);
        Self {
            feed: record.feed.clone(),
            url: record.url.clone(),
            watched_since: record.present.since,
            proven_until: record.present.until,
            complete: !spans.is_empty() && spans.iter().all(|span| span.proven),
            possible_gap_at: gaps.map(|span| span.until).max(),
            spans,
        }
    }

    /// How much of the time between the first and the last span is proven, 0 to 1.
    pub fn proven_share(&self) -> f64 {
        let length = |span: &Span| (span.until - span.from).to_std().unwrap_or_default();
        let all: Duration = self.spans.iter().map(length).sum();
        let proven: Duration = self.spans.iter().filter(|span| span.proven).map(length).sum();
        if all.is_zero() { 0.0 } else { proven.as_secs_f64() / all.as_secs_f64() }
    }
}

/// A share for people; rounded down, for 100 % means that nothing is missing.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1000.0).floor() / 10.0)
}

fn all_spans(record: &Record, is_enabled: bool, now: DateTime<Utc>) -> Vec<Span> {
    let present = &record.present;
    let (Some(since), Some(until)) = (present.since, present.until) else { return Vec::new() };
    let mut spans = Vec::with_capacity(2 * record.findings.len() + 2);
    let mut at = since;
    let whole = |from: DateTime<Utc>, until: DateTime<Utc>| (from < until).then(|| Span::whole(from, until));
    for finding in &record.findings {
        spans.extend(whole(at, finding.from));
        spans.push(Span::from(finding));
        at = finding.until;
    }
    spans.extend(whole(at, until));
    let unwatched = match (is_enabled, present.doubt, present.failing_since) {
        (false, ..) => Some(Cause::Disabled),
        (true, _, Some(_)) => Some(Cause::Failing),
        (true, doubt, None) => doubt.or_else(|| absence(present, now)),
    };
    spans.extend(unwatched.filter(|_| until < now).map(|cause| Span::unwatched(until, now, cause)));
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + hour * 3600, 0).unwrap()
    }

    fn present() -> Present {
        Present { since: Some(at(0)), until: Some(at(100)), due_at: Some(at(101)), failing_since: None, doubt: None }
    }

    #[test]
    fn an_answer_that_comes_more_than_an_hour_late_ends_a_time_that_nobody_watched() {
        let failing = Present { failing_since: Some(at(101)), ..present() };
        let doubtful = Present { doubt: Some(Cause::Empty), ..present() };
        let bridged = |cause| Some((FindingKind::Bridged, cause));
        let gap = |cause| Some((FindingKind::PossibleGap, cause));
        for (what, present, verdict, hour, found) in [
            ("on time", present(), Verdict::Proven, 101, None),
            ("an hour late", present(), Verdict::Proven, 102, None),
            ("later", present(), Verdict::Proven, 103, bridged(Cause::NotPolled)),
            ("after failures", failing, Verdict::Proven, 103, bridged(Cause::Failing)),
            ("after one failure", failing, Verdict::Proven, 102, None),
            ("turned over", present(), Verdict::PossibleGap, 101, gap(Cause::Turnover)),
            ("turned over while nobody watched", present(), Verdict::PossibleGap, 110, gap(Cause::NotPolled)),
            ("turned over while failing", failing, Verdict::PossibleGap, 110, gap(Cause::Failing)),
            ("other entries after none", doubtful, Verdict::PossibleGap, 101, gap(Cause::Empty)),
            ("nothing proven", present(), Verdict::Unproven(Doubt::Empty), 110, None),
            ("the first document", Present::default(), Verdict::Begun, 110, None),
            ("the clock was set back", present(), Verdict::PossibleGap, 90, None),
        ] {
            let found_now = finding(&present, verdict, at(hour));
            assert_eq!(found_now.map(|finding| (finding.kind, finding.cause)), found, "{what}");
            assert!(found_now.is_none_or(|finding| finding.from == at(100) && finding.until == at(hour)), "{what}");
        }
    }

    fn record() -> Record {
        let finding = |from, until, kind, cause| Finding { from: at(from), until: at(until), kind, cause, healed_at: None };
        Record {
            feed: "a".into(),
            url: "https://example.org/a".into(),
            present: present(),
            findings: vec![
                finding(10, 20, FindingKind::Bridged, Cause::NotPolled),
                finding(50, 51, FindingKind::PossibleGap, Cause::Turnover),
            ],
        }
    }

    fn spans(record: &Record, is_enabled: bool, range: (Option<i64>, Option<i64>), now: i64) -> (String, FeedCoverage) {
        let range = Range { since: range.0.map(at), until: range.1.map(at), now: at(now) };
        let coverage = FeedCoverage::of(record, is_enabled, range);
        let hour = |time: DateTime<Utc>| (time - at(0)).num_hours();
        let text: Vec<String> = coverage
            .spans
            .iter()
            .map(|span| {
                let state = match span.state {
                    State::Whole => "whole",
                    State::Unwatched => "unwatched",
                    State::PossibleGap => "gap",
                };
                format!("{}-{} {state}{}", hour(span.from), hour(span.until), if span.proven { "" } else { "?" })
            })
            .collect();
        (text.join(", "), coverage)
    }

    #[test]
    fn between_its_findings_a_feed_is_whole_and_after_its_last_poll_unwatched_once_that_is_late() {
        let whole = "0-10 whole, 10-20 unwatched, 20-50 whole, 50-51 gap?, 51-100 whole";
        let (text, coverage) = spans(&record(), true, (None, None), 102);
        assert_eq!(text, whole);
        assert!(!coverage.complete && coverage.possible_gap_at == Some(at(51)));
        assert!((coverage.proven_share() - 0.99).abs() < 1e-9, "{}", coverage.proven_share());
        assert_eq!(spans(&record(), true, (None, None), 103).0, format!("{whole}, 100-103 unwatched?"));
        assert_eq!(spans(&record(), false, (None, None), 102).0, format!("{whole}, 100-102 unwatched?"));
        let failing = Record { present: Present { failing_since: Some(at(101)), ..present() }, ..record() };
        assert_eq!(spans(&failing, true, (None, None), 102).0, format!("{whole}, 100-102 unwatched?"));
    }

    #[test]
    fn a_range_cuts_spans_and_what_was_before_the_first_poll_is_not_proven() {
        let (text, coverage) = spans(&record(), true, (Some(15), Some(30)), 102);
        assert_eq!((text.as_str(), coverage.complete, coverage.possible_gap_at), ("15-20 unwatched, 20-30 whole", true, None));
        assert_eq!(spans(&record(), true, (Some(-5), Some(5)), 102).0, "-5-0 unwatched?, 0-5 whole");
        assert_eq!(spans(&Record::default(), true, (Some(-5), Some(5)), 102).0, "-5-5 unwatched?");
        let (text, coverage) = spans(&Record::default(), true, (None, None), 102);
        assert_eq!((text.as_str(), coverage.complete), ("", false));
    }

    #[test]
    fn a_healed_gap_is_proven() {
        let mut record = record();
        record.findings[1].healed_at = Some(at(60));
        let (text, coverage) = spans(&record, true, (None, None), 102);
        assert_eq!(text, "0-10 whole, 10-20 unwatched, 20-50 whole, 50-51 gap, 51-100 whole");
        assert!(coverage.complete && coverage.possible_gap_at.is_none());
    }

    #[test]
    fn every_cause_has_a_word_of_its_own() {
        for (cause, word) in Cause::ALL {
            assert_eq!((cause.as_str(), Cause::parse(word)), (word, Some(cause)));
            assert_eq!(serde_json::to_value(cause).unwrap(), word);
        }
    }

    #[test]
    fn a_hundred_percent_means_all() {
        assert_eq!((percent(1.0).as_str(), percent(0.99999).as_str(), percent(0.0).as_str()), ("100.0 %", "99.9 %", "0.0 %"));
    }
}
