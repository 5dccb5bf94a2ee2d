//! What systemd is told: that the daemon is ready, what it is doing, that it is alive, that it stops.
//!
//! Without systemd (no `NOTIFY_SOCKET`) all of this is nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::watch;

use super::timetable::Timetable;
use crate::poll::PollLine;

/// How often that is seen to for `/healthz` alone.
const UNWATCHED: Duration = Duration::from_secs(20);

/// The connection to the service manager.
pub struct Service {
    /// How often systemd wants to hear that we are alive.
    watchdog: Option<Duration>,
    polls: u64,
    new_articles: u64,
    /// What is wrong, until it is mended.
    troubles: BTreeMap<Trouble, String>,
    /// … for who serves it.
    told: watch::Sender<Vec<String>>,
}

/// What can be wrong for longer than a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The config on disk is not the one in use.
    Config,
    /// The archive takes nothing.
    Archive,
    /// Nothing can be reached.
    Network,
}

impl Service {
    /// Of this process's environment.
    pub fn of_process() -> Self {
        Self {
            watchdog: sd_notify::watchdog_enabled(),
            polls: 0,
            new_articles: 0,
            troubles: BTreeMap::new(),
            told: watch::Sender::default(),
        }
    }

    /// How often to see whether the daemon gets anywhere, so that systemd hears of it in time: three times in each
    /// period of its watchdog.
    pub fn heartbeat(&self) -> Duration {
        self.watchdog.map_or(UNWATCHED, |period| (period / 3).max(Duration::from_millis(10)))
    }

    /// The daemon gets somewhere.
    pub fn alive(&self) {
        notify(&[NotifyState::Watchdog]);
    }

    /// Something is wrong, or (`None`) no longer. Is that news?
    pub fn set_trouble(&mut self, trouble: Trouble, words: Option<String>) -> bool {
        let is_news = match words {
            Some(words) => self.troubles.insert(trouble, words.clone()).is_none_or(|before| before != words),
            None => self.troubles.remove(&trouble).is_some(),
        };
        if is_news {
            self.told.send_replace(self.troubles());
        }
        is_news
    }

    /// What is wrong, a sentence each.
    pub fn troubles(&self) -> Vec<String> {
        self.troubles.values().cloned().collect()
    }

    /// What is wrong, whenever that changes.
    pub fn follow_troubles(&self) -> watch::Receiver<Vec<String>> {
        self.told.subscribe()
    }

    /// What it is doing has changed.
    pub fn tell(&self, timetable: &Timetable) {
        notify(&[NotifyState::Status(&self.status(timetable))]);
    }

    /// The daemon polls, after its start or a reload.
    pub fn ready(&self, timetable: &Timetable) {
        notify(&[NotifyState::Ready, NotifyState::Status(&self.status(timetable))]);
    }

    /// A poll has ended.
    pub fn polled(&mut self, timetable: &Timetable, line: &PollLine) {
        self.polls += 1;
        self.new_articles += line.new as u64;
        // Once a poll would be often; people look at it now and then.
        if self.polls.is_multiple_of(16) || timetable.polling() == 0 {
            self.tell(timetable);
        }
    }

    /// The config is read again.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(_) => notify(&[NotifyState::Reloading]),
        }
    }

    /// The daemon ends.
    pub fn stopping(&self) {
        notify(&[NotifyState::Stopping]);
    }

    fn status(&self, timetable: &Timetable) -> String {
        let (feeds, polling) = (timetable.feeds(), timetable.polling());
        // STATUS is one line.
        let troubles: String = self.troubles.values().map(|trouble| format!("{}; ", trouble.replace(['\n', '\r'], " "))).collect();
        let (polls, new) = (self.polls, self.new_articles);
        format!("{troubles}{feeds} feeds, {polling} being polled; {polls} polls and {new} new articles since the start")
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
