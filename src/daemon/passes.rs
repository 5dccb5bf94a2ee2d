//! Who waits for which poll: the passes that commands asked for over the control socket.
//!
//! A pass takes part in the daemon's own polls. A feed that is being polled already is not polled again: the pass hears
//! of the poll that is under way.

use std::collections::HashMap;

use tokio::sync::mpsc::UnboundedSender;

use super::control::Reply;
use crate::poll::PollLine;
use crate::store::StoreError;

struct Pass {
    left: usize,
    replies: UnboundedSender<Reply>,
}

/// The passes under way.
#[derive(Default)]
pub struct Passes {
    passes: HashMap<u64, Pass>,
    /// By feed: the passes that wait for its poll.
    waiting: HashMap<String, Vec<u64>>,
    last: u64,
}

impl Passes {
    /// A pass over these feeds, all of which are being polled from now on; no name stands there twice.
    pub fn begin(&mut self, feeds: Vec<String>, replies: UnboundedSender<Reply>) {
        // A client that has gone takes no replies; its polls are made all the same.
        let _ = replies.send(Reply::Feeds(feeds.len()));
        if feeds.is_empty() {
            let _ = replies.send(Reply::Done);
            return;
        }
        self.last += 1;
        self.passes.insert(self.last, Pass { left: feeds.len(), replies });
        for feed in feeds {
            self.waiting.entry(feed).or_default().push(self.last);
        }
    }

    /// A poll has ended.
    pub fn polled(&mut self, feed: &str, line: &Result<PollLine, StoreError>) {
        self.tell(feed, || match line {
            Ok(line) => Reply::Polled(line.clone()),
            Err(error) => Reply::Refused(error.to_string()),
        });
    }

    /// A poll broke off.
    pub fn broke_off(&mut self, feed: &str, reason: &str) {
        self.tell(feed, || Reply::Refused(format!("the poll of {feed} broke off: {reason}")));
    }

    fn tell(&mut self, feed: &str, reply: impl Fn() -> Reply) {
        for number in self.waiting.remove(feed).unwrap_or_default() {
            let Some(pass) = self.passes.get_mut(&number) else { continue };
            let _ = pass.replies.send(reply());
            pass.left -= 1;
            if pass.left == 0 {
                let _ = pass.replies.send(Reply::Done);
                self.passes.remove(&number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn heard(replies: &mut mpsc::UnboundedReceiver<Reply>) -> Vec<Reply> {
        std::iter::from_fn(|| replies.try_recv().ok()).collect()
    }

    #[test]
    fn each_pass_hears_of_its_feeds_once_and_then_that_all_is_done() {
        let mut passes = Passes::default();
        let (one, mut first) = mpsc::unbounded_channel();
        let (two, mut second) = mpsc::unbounded_channel();
        let refused = |feed: &str| Reply::Refused(format!("the poll of {feed} broke off: x"));
        passes.begin(vec!["a".into(), "b".into()], one);
        passes.begin(vec!["b".into()], two);
        passes.broke_off("b", "x");
        passes.broke_off("b", "x");
        passes.broke_off("c", "x");
        assert_eq!(heard(&mut first), [Reply::Feeds(2), refused("b")]);
        assert_eq!(heard(&mut second), [Reply::Feeds(1), refused("b"), Reply::Done]);
        passes.broke_off("a", "x");
        assert_eq!(heard(&mut first), [refused("a"), Reply::Done]);
        assert!(first.is_closed() && passes.passes.is_empty() && passes.waiting.is_empty());
    }

    #[test]
    fn a_pass_over_nothing_is_done_at_once() {
        let (replies, mut waiting) = mpsc::unbounded_channel();
        Passes::default().begin(Vec::new(), replies);
        assert_eq!(heard(&mut waiting), [Reply::Feeds(0), Reply::Done]);
    }
}
