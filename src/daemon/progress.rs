//! Does the daemon get anywhere? What the watchdog hangs on: a life sign goes out only while polls end and the archive's
//! writer works through what it is given. A loop that merely turns is no progress.

use std::time::{Duration, Instant};

/// Polls under way of which none ends for so long are stuck, whatever the time limits are.
const AT_LEAST: Duration = Duration::from_secs(600);

/// When polls last got anywhere.
#[derive(Debug)]
pub struct Progress {
    /// After so long without any progress polls are stuck.
    patience: Duration,
    /// When a poll last ended, or began where none was under way.
    last: Instant,
}

impl Progress {
    /// `timeout` is that of one request.
    pub fn new(timeout: Duration, now: Instant) -> Self {
        Self { patience: Self::patience(timeout), last: now }
    }

    /// Another time limit, as after a reload.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.patience = Self::patience(timeout);
    }

    /// A poll follows its redirects and waits its turn at a host: several requests' time.
    fn patience(timeout: Duration) -> Duration {
        timeout.saturating_mul(10).max(AT_LEAST)
    }

    /// A poll has ended, or the first of several has begun.
    pub fn moved(&mut self, now: Instant) {
        self.last = now;
    }

    /// Are polls under way of which none has ended for too long?
    pub fn is_stuck(&self, polling: usize, now: Instant) -> bool {
        polling > 0 && now.saturating_duration_since(self.last) > self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_stuck_only_when_none_has_ended_for_ten_time_limits() {
        let start = Instant::now();
        let seconds = |seconds| start + Duration::from_secs(seconds);
        let mut progress = Progress::new(Duration::from_secs(90), start);
        assert!(!progress.is_stuck(0, seconds(10_000)), "a daemon with nothing to do is not stuck");
        assert!(!progress.is_stuck(5, seconds(900)));
        assert!(progress.is_stuck(5, seconds(901)));
        progress.moved(seconds(901));
        assert!(!progress.is_stuck(5, seconds(1_800)));
        progress.set_timeout(Duration::from_secs(1));
        assert!(!progress.is_stuck(5, seconds(901 + 600)));
        assert!(progress.is_stuck(5, seconds(901 + 601)));
    }
}
