//! What a webhook is sent next, and what becomes of it: a state that is told how requests ended and what time it is.
//!
//! Three things can be wrong, and each has its way. *The receiver is away* (no connection, no time, 5xx): the request comes again, later
//! and later, for ever; nothing is given up. *It asks for peace* (429, 503 with `Retry-After`): until then nothing is sent. *It refuses an
//! article* (400, 413, 422 and the like): that must not hold up all others, but a receiver that was set up wrongly refuses everything, and then
//! nothing may be lost. So a refused article is set aside, and the next one tried. It comes again, and is passed over when it was refused six times
//! while others were taken; where none is taken, all wait. A receiver that breaks (500) on one article for over an hour is handled so, too.
//!
//! Two requests are never under way at once, so the order is that of the changes; only a refused article may come after later ones.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The first wait after a failure; each is twice the one before …
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// However little a receiver asks for, it is left alone for so long.
const SHORTEST_PEACE: Duration = Duration::from_secs(1);

/// An article is passed over when it was refused so often, and another taken before each time: within minutes, if there are others.
const MOST_REFUSALS: u32 = 6;

/// So many articles are set aside. Where that is too few, a receiver refuses nearly everything …
const MOST_ASIDE: usize = 32;

/// … and after so long the oldest makes room: neither may the rest wait for ever.
const LONGEST_ASIDE: TimeDelta = TimeDelta::days(1);

/// After so many failures in a row, an hour and a half, what breaks a receiver may be the article.
const MOST_BREAKS: u32 = 10;

/// A receiver is said to fail after so many failures in a row: a connection that broke is no news.
const NOTED_FAILURES: u32 = 2;

/// A receiver that asks for peace is said to fail when it has done so this often in a row.
const NOTED_PLEAS: u32 = 5;

/// How far a webhook has come, and what is wrong with it if something is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outbox {
    /// All changes up to this one are delivered, passed over, or not wanted, but for those that are set aside.
    pub change: i64,
    /// Articles that were refused and come again, the earliest first.
    pub refused: Vec<Refused>,
    /// How many requests in a row were not taken; those of articles that are set aside do not count.
    pub failures: u32,
    /// Since when nothing is taken, though something was to be sent.
    pub failing_since: Option<DateTime<Utc>>,
    /// Was it told that it fails?
    pub is_told: bool,
    /// How the last request ended, where it was not taken and still matters.
    pub last_error: Option<String>,
    /// When that was.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// Nothing is sent before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// Does the receiver want it so?
    pub at_its_wish: bool,
    /// Since when the receiver says that it is gone (410).
    pub gone_since: Option<DateTime<Utc>>,
    /// When the last request was taken.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// How many articles were passed over.
    pub passed_over: u64,
    /// The last of them.
    pub last_passed_over: Option<PassedOver>,
}

/// An article that was refused and comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The number of its change.
    pub change: i64,
    /// Its id.
    pub article: String,
    /// The first refusal.
    pub since: DateTime<Utc>,
    /// How many count: the first, and each before which another article was taken.
    pub refusals: u32,
    /// Has the receiver taken another since the last one?
    pub others_taken: bool,
    /// How many there were since it was last hopeful; the more, the longer the wait.
    pub tries: u32,
    /// When it comes again.
    pub again_at: DateTime<Utc>,
    /// Did the receiver break, instead of refusing?
    pub broke: bool,
}

/// An article that a receiver never took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its id.
    pub article: String,
    /// When it was given up.
    pub at: DateTime<Utc>,
    /// How often it was refused while others were taken.
    pub refusals: u32,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 2xx.
    Taken,
    /// 410: the receiver wants nothing any more.
    Gone,
    /// 429, or 503 with `Retry-After`.
    Busy {
        /// For how long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The receiver cannot be reached or is not well, or this is not where one is: it is not the article.
    Failed {
        /// What went wrong.
        error: String,
    },
    /// It may be the article: the receiver broke (500, 501).
    Broke {
        /// What went wrong.
        error: String,
    },
    /// It is the article, or the receiver is set up wrongly.
    Refused {
        /// What it said.
        error: String,
    },
}

impl Answer {
    /// By the status of the answer and its `Retry-After`.
    pub fn of(status: u16, retry_after: Option<Duration>) -> Self {
        let error = format!("HTTP status {status}");
        match status {
            200..=299 => Self::Taken,
            300..=399 => Self::Failed { error: format!("{error}: redirects are not followed, name where it is") },
            410 => Self::Gone,
            429 => Self::Busy { retry_after },
            503 if retry_after.is_some() => Self::Busy { retry_after },
            // Of who asks, where and how; no article changes that.
            401 | 402 | 404 | 405 | 407 | 408 | 421 | 425 | 426 => Self::Failed { error },
            400..=499 => Self::Refused { error },
            500 | 501 => Self::Broke { error },
            _ => Self::Failed { error },
        }
    }

    /// A word for it, for counting.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Taken => "delivered",
            Self::Gone => "gone",
            Self::Busy { .. } => "rate_limited",
            Self::Failed { .. } | Self::Broke { .. } => "failed",
            Self::Refused { .. } => "refused",
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Nothing, until somebody changes something: the receiver is gone.
    Never,
    /// Nothing before this.
    NotBefore(DateTime<Utc>),
    /// This change is sent again, which was refused.
    Again(i64),
    /// The first change after this one is sent.
    After(i64),
}

/// What a person wants to hear of, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing is taken any more.
    Fails,
    /// An article is refused.
    Refuses,
    /// All is taken again.
    Well,
    /// The receiver says that it is gone.
    Gone,
    /// An article was given up.
    PassedOver,
}

/// The wait after so many failures in a row.
fn wait(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_WAIT)
}

/// As late as times can be added up.
fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

impl Outbox {
    /// Of a webhook that begins now, in an archive whose last change is this one.
    pub fn begin(change: i64) -> Self {
        Self { change, ..Self::default() }
    }

    /// After a restart or a reload: somebody may have mended something, so it is tried at once, also where the receiver was gone. Only what
    /// the receiver itself asked for stays.
    pub fn resumed(self) -> Self {
        let retry_at = self.retry_at.filter(|_| self.at_its_wish);
        Self { retry_at, ..self }
    }

    /// What is to be done at `now`. `is_resumed`: nothing was sent yet since [`Self::resumed`].
    pub fn turn(&self, is_resumed: bool, now: DateTime<Utc>) -> Turn {
        if self.gone_since.is_some() && !is_resumed {
            return Turn::Never;
        }
        match self.retry_at.filter(|retry_at| now < *retry_at && !self.is_set_back(now)) {
            Some(retry_at) => Turn::NotBefore(retry_at),
            None => match self.coming_again().find(|refused| refused.again_at <= now || self.is_set_back(now)) {
                Some(refused) => Turn::Again(refused.change),
                None => Turn::After(self.change),
            },
        }
    }

    /// Where nothing new is to be sent: when an article comes again that was refused.
    pub fn next_again(&self) -> Option<DateTime<Utc>> {
        self.coming_again().map(|refused| refused.again_at).min()
    }

    /// A clock that was set back behind the last failure says nothing of how long to wait.
    fn is_set_back(&self, now: DateTime<Utc>) -> bool {
        self.last_failed_at.is_some_and(|failed| now < failed)
    }

    /// While nothing is taken, one is enough to ask with.
    fn coming_again(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().enumerate().filter(|(place, refused)| *place == 0 || refused.others_taken).map(|(_, refused)| refused)
    }

    /// There is nothing to send at the moment: all changes up to this one are not wanted.
    pub fn caught_up(&mut self, change: i64) {
        self.change = self.change.max(change);
    }

    /// What was refused is no more as it was: if it is still wanted it comes with a later change.
    pub fn overtaken(&mut self, change: i64) {
        self.refused.retain(|refused| refused.change != change);
    }

    /// A request with this change of this article has ended. Gives what is news.
    pub fn answered(&mut self, change: i64, article: &str, answer: &Answer, now: DateTime<Utc>) -> Option<News> {
        let is_aside = self.refused.iter().any(|refused| refused.change == change);
        let (error, broke) = match answer {
            Answer::Taken => return self.taken(change, now),
            Answer::Gone => {
                self.failed("HTTP status 410: the receiver wants nothing any more", now);
                return self.gone_since.replace(self.gone_since.unwrap_or(now)).is_none().then_some(News::Gone);
            }
            Answer::Busy { retry_after } => {
                self.failed("the receiver asks for fewer requests", now);
                self.failures = self.failures.saturating_add(1);
                self.retry_at = Some(after(now, retry_after.map_or(wait(self.failures), |asked| asked.max(SHORTEST_PEACE))));
                self.at_its_wish = retry_after.is_some();
                return self.fails(now, NOTED_PLEAS);
            }
            Answer::Failed { error } => {
                self.hold_back(error, now);
                return self.fails(now, NOTED_FAILURES);
            }
            Answer::Broke { error } => (error, true),
            Answer::Refused { error } => (error, false),
        };
        if is_aside {
            return self.refused_again(change, error, now);
        }
        // Of what breaks a receiver, one at a time is set aside: a receiver that is not well must lose nothing.
        let is_well_enough = self.failures >= MOST_BREAKS && self.refused.iter().all(|refused| !refused.broke || refused.others_taken);
        if broke && !is_well_enough {
            self.hold_back(error, now);
            return self.fails(now, NOTED_FAILURES);
        }
        let mut news = News::Refuses;
        if self.refused.len() >= MOST_ASIDE {
            let too_old = |refused: &Refused| !refused.broke && now - refused.since >= LONGEST_ASIDE;
            let Some(oldest) = self.refused.iter().position(too_old) else {
                self.hold_back(error, now);
                return self.fails(now, NOTED_FAILURES);
            };
            let oldest = self.refused.remove(oldest);
            self.pass_over(oldest, now);
            news = News::PassedOver;
        }
        let failures = if broke { 0 } else { self.failures };
        let (article, again_at) = (article.to_owned(), after(now, wait(1)));
        self.refused.push(Refused { change, article, since: now, refusals: 1, others_taken: false, tries: 1, again_at, broke });
        self.change = self.change.max(change);
        self.failed(error, now);
        (self.failures, self.retry_at) = (failures.saturating_add(1), None);
        if self.failures > 1 {
            // Others are refused as well: it may be the receiver, and it is asked less and less.
            self.failures -= 1;
            self.hold_back(error, now);
            return self.fails(now, NOTED_FAILURES).or(Some(news));
        }
        Some(news)
    }

    fn failed(&mut self, error: &str, now: DateTime<Utc>) {
        self.last_error = Some(error.to_owned());
        self.last_failed_at = Some(now);
    }

    fn taken(&mut self, change: i64, now: DateTime<Utc>) -> Option<News> {
        match self.refused.iter().position(|refused| refused.change == change) {
            Some(place) => drop(self.refused.remove(place)),
            None => self.change = self.change.max(change),
        }
        for refused in &mut self.refused {
            refused.others_taken = true;
            if self.failures > 0 {
                // Until now it may have been the receiver.
                (refused.tries, refused.again_at) = (0, now);
            }
        }
        self.failures = 0;
        self.last_delivered_at = Some(now);
        (self.failing_since, self.retry_at, self.gone_since, self.at_its_wish) = (None, None, None, false);
        if self.refused.is_empty() {
            (self.last_error, self.last_failed_at) = (None, None);
        }
        std::mem::take(&mut self.is_told).then_some(News::Well)
    }

    /// All that is to be sent waits; then what was refused first goes first.
    fn hold_back(&mut self, error: &str, now: DateTime<Utc>) {
        self.failed(error, now);
        self.failures = self.failures.saturating_add(1);
        let retry_at = after(now, wait(self.failures));
        (self.retry_at, self.at_its_wish) = (Some(retry_at), false);
        if let Some(refused) = self.refused.first_mut() {
            refused.again_at = refused.again_at.min(retry_at);
        }
    }

    /// It fails since then, if it did not before; news after so many failures in a row.
    fn fails(&mut self, since: DateTime<Utc>, noted: u32) -> Option<News> {
        self.failing_since.get_or_insert(since);
        let is_news = !self.is_told && self.failures >= noted;
        self.is_told |= is_news;
        is_news.then_some(News::Fails)
    }

    fn refused_again(&mut self, change: i64, error: &str, now: DateTime<Utc>) -> Option<News> {
        self.failed(error, now);
        let place = self.refused.iter().position(|refused| refused.change == change)?;
        let refused = self.refused.get_mut(place)?;
        refused.tries = refused.tries.saturating_add(1);
        refused.again_at = after(now, wait(refused.tries));
        let (counts, since) = (std::mem::take(&mut refused.others_taken), refused.since);
        if !counts {
            return self.fails(since, 0);
        }
        refused.refusals += 1;
        if refused.refusals < MOST_REFUSALS {
            return None;
        }
        let refused = self.refused.remove(place);
        self.pass_over(refused, now);
        Some(News::PassedOver)
    }

    fn pass_over(&mut self, refused: Refused, now: DateTime<Utc>) {
        self.passed_over += 1;
        self.last_passed_over = Some(PassedOver { article: refused.article, at: now, refusals: refused.refusals });
    }
}
