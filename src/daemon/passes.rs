//! Who waits for which poll: the passes that commands asked for over the control socket.
//!
//! A pass takes part in the daemon's own polls. A feed that is being polled already is not polled again: the pass hears
//! of the poll that is under way.

use std::collections::HashMap;

use tokio::sync::mpsc::UnboundedSender;

use super::control::Reply;
use super::pages::Pages;
use crate::poll::PollLine;
use crate::store::StoreError;

struct Pass {
    left: usize,
    /// Of which feeds it takes the pages along; `None`: of all.
    pages_of: Option<Vec<String>>,
    replies: UnboundedSender<Reply>,
}

/// The passes whose polls are under way.
pub struct Passes {
    pages: Pages,
    passes: HashMap<u64, Pass>,
    /// By feed: the passes that wait for its poll.
    waiting: HashMap<String, Vec<u64>>,
    last: u64,
}

impl Passes {
    /// None yet; `pages` takes them over when their polls have ended.
    pub fn new(pages: Pages) -> Self {
        Self { pages, passes: HashMap::new(), waiting: HashMap::new(), last: 0 }
    }

    /// A pass over these feeds, all of which are being polled from now on; no name stands there twice. With them go the pages that are
    /// due, of these feeds alone where they were named.
    pub fn begin(&mut self, feeds: Vec<String>, are_named: bool, replies: UnboundedSender<Reply>) {
        // A client that has gone takes no replies; its polls are made all the same.
        let _ = replies.send(Reply::Feeds(feeds.len()));
        let pages_of = are_named.then(|| feeds.clone());
        if feeds.is_empty() {
            self.pages.take_over(pages_of, replies);
            return;
        }
        self.last += 1;
        self.passes.insert(self.last, Pass { left: feeds.len(), pages_of, replies });
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
            if pass.left == 0
                && let Some(pass) = self.passes.remove(&number)
            {
                self.pages.take_over(pass.pages_of, pass.replies);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::page::{PageOrder, PageTally};

    async fn heard(replies: &mut mpsc::UnboundedReceiver<Reply>) -> Vec<Reply> {
        let mut all = Vec::new();
        while let Ok(reply) = replies.try_recv() {
            all.push(reply);
        }
        all
    }

    /// Answers the next pass that waits for pages, and says whose it waits for.
    async fn read_pages(orders: &mut mpsc::UnboundedReceiver<PageOrder>) -> Option<Vec<String>> {
        let Some(PageOrder::Wait { feeds, done }) = orders.recv().await else { panic!("nobody waits for pages") };
        done.send(PageTally { read: 1, failed: 0 }).unwrap();
        feeds
    }

    #[tokio::test]
    async fn each_pass_hears_of_its_feeds_once_then_of_pages_and_then_that_all_is_done() {
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let mut passes = Passes::new(Pages::to(orders));
        let (one, mut first) = mpsc::unbounded_channel();
        let (two, mut second) = mpsc::unbounded_channel();
        let refused = |feed: &str| Reply::Refused(format!("the poll of {feed} broke off: x"));
        passes.begin(vec!["a".into(), "b".into()], false, one);
        passes.begin(vec!["b".into()], true, two);
        passes.broke_off("b", "x");
        passes.broke_off("b", "x");
        passes.broke_off("c", "x");
        assert_eq!(heard(&mut first).await, [Reply::Feeds(2), refused("b")]);
        assert_eq!(read_pages(&mut ordered).await, Some(vec!["b".to_owned()]));
        let pages = Reply::Pages(PageTally { read: 1, failed: 0 });
        let mut all = Vec::new();
        while let Some(reply) = second.recv().await {
            all.push(reply);
        }
        assert_eq!(all, [Reply::Feeds(1), refused("b"), pages.clone(), Reply::Done]);
        passes.broke_off("a", "x");
        assert_eq!(read_pages(&mut ordered).await, None);
        let mut all = Vec::new();
        while let Some(reply) = first.recv().await {
            all.push(reply);
        }
        assert_eq!(all, [refused("a"), pages, Reply::Done]);
        assert!(passes.passes.is_empty() && passes.waiting.is_empty());
    }

    #[tokio::test]
    async fn a_pass_over_no_feeds_takes_the_pages_along_and_one_without_pages_is_done() {
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let (replies, mut waiting) = mpsc::unbounded_channel();
        Passes::new(Pages::to(orders)).begin(Vec::new(), false, replies);
        assert_eq!(waiting.recv().await, Some(Reply::Feeds(0)));
        assert_eq!(read_pages(&mut ordered).await, None);
        assert_eq!(waiting.recv().await, Some(Reply::Pages(PageTally { read: 1, failed: 0 })));
        assert_eq!(waiting.recv().await, Some(Reply::Done));
        let (orders, _) = mpsc::unbounded_channel();
        let (replies, mut waiting) = mpsc::unbounded_channel();
        Passes::new(Pages::to(orders)).begin(Vec::new(), false, replies);
        assert_eq!((waiting.recv().await, waiting.recv().await), (Some(Reply::Feeds(0)), Some(Reply::Done)));
    }
}
