//! What follows an attempt at a page that brought none: another one later, ever later, or none any more.

use std::time::Duration;

use crate::fetch::Failure;

/// What kept a page from coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The host as a whole: its name, its connection, its certificate, its robots.txt, its wish for fewer requests. No other page of
    /// it is worth asking for until that has changed.
    Host,
    /// Something that passes: an error of the server, an answer that broke off.
    Passing,
    /// Something that lasts: not there, not allowed, no article. It is tried again a few times all the same, since pages are sometimes
    /// announced before they are there.
    Lasting,
}

impl Cause {
    /// Of a request that failed.
    pub fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Resolve { .. } | Failure::Connect(_) | Failure::Tls(_) => Self::Host,
            Failure::Status(408 | 425 | 429 | 500..=599)
            | Failure::Protocol(_)
            | Failure::Timeout(_)
            | Failure::NoMemory(_)
            | Failure::Body(_)
            | Failure::Request(_) => Self::Passing,
            Failure::Status(_)
            | Failure::TooLarge(_)
            | Failure::TooManyRedirects(_)
            | Failure::Forbidden { .. }
            | Failure::BadRedirect(_)
            | Failure::File { .. }
            | Failure::NotAFeed(_) => Self::Lasting,
        }
    }
}

/// When a page is asked for again after failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAttempt {
    /// After so long.
    After(Duration),
    /// Not before its entry changes.
    Never,
}

/// After the first failure that may pass.
const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);

/// However often it failed.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Attempts in all: the last comes about five days after the first.
const ATTEMPTS: u32 = 12;

/// After failures that last: an hour, a day, no more.
const LASTING_WAITS: [Duration; 2] = [Duration::from_secs(60 * 60), Duration::from_secs(24 * 60 * 60)];

/// After `failures` attempts in a row, the last of which failed for this cause; `retry_after` is what the server asked for.
pub fn next(cause: Cause, failures: u32, retry_after: Option<Duration>) -> NextAttempt {
    let failures = failures.max(1);
    let wait = match cause {
        Cause::Lasting => match LASTING_WAITS.get(failures as usize - 1) {
            Some(wait) => *wait,
            None => return NextAttempt::Never,
        },
        Cause::Host | Cause::Passing if failures >= ATTEMPTS => return NextAttempt::Never,
        Cause::Host | Cause::Passing => FIRST_WAIT.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_WAIT),
    };
    NextAttempt::After(wait.max(retry_after.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(cause: Cause) -> Vec<u64> {
        (1..)
            .map_while(|failures| match next(cause, failures, None) {
                NextAttempt::After(wait) => Some(wait.as_secs() / 60),
                NextAttempt::Never => None,
            })
            .collect()
    }

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(waits(Cause::Passing), [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]);
        assert_eq!(waits(Cause::Host), waits(Cause::Passing));
        assert_eq!(waits(Cause::Lasting), [60, 1440]);
    }

    #[test]
    fn what_the_server_asks_for_counts_where_it_is_longer() {
        let hours = |hours: u64| Some(Duration::from_secs(hours * 3600));
        assert_eq!(next(Cause::Passing, 1, hours(88)), NextAttempt::After(Duration::from_secs(88 * 3600)));
        assert_eq!(next(Cause::Lasting, 1, hours(0)), NextAttempt::After(Duration::from_secs(3600)));
        assert_eq!(next(Cause::Lasting, 3, hours(1)), NextAttempt::Never);
    }

    #[test]
    fn causes_are_told_apart_by_what_failed() {
        for (failure, want) in [
            (Failure::Status(404), Cause::Lasting),
            (Failure::Status(403), Cause::Lasting),
            (Failure::Status(503), Cause::Passing),
            (Failure::Timeout(Duration::ZERO), Cause::Passing),
            (Failure::Connect(String::new()), Cause::Host),
            (Failure::Forbidden { url: String::new(), reason: String::new() }, Cause::Lasting),
        ] {
            assert_eq!(Cause::of(&failure), want, "{failure}");
        }
    }
}
