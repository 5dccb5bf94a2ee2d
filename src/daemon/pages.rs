//! The daemon's pages: a task of their own beside the polls, told what happens there.

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::control::Reply;
use crate::page::PageOrder;

/// Tells the task that asks for pages.
#[derive(Debug, Clone)]
pub struct Pages {
    orders: UnboundedSender<PageOrder>,
}

impl Pages {
    /// By this channel.
    pub fn to(orders: UnboundedSender<PageOrder>) -> Self {
        Self { orders }
    }

    /// Tells it; one that has stopped hears nothing any more.
    pub fn tell(&self, order: PageOrder) {
        let _ = self.orders.send(order);
    }

    /// Sees a pass to its end whose polls are done: it is told of the pages that are due now, and that all is done.
    pub fn take_over(&self, feeds: Option<Vec<String>>, replies: UnboundedSender<Reply>) {
        let (done, tally) = oneshot::channel();
        self.tell(PageOrder::Wait { feeds, done });
        tokio::spawn(async move {
            // Where the pages have stopped, the pass ends without them. A client that has gone takes no replies.
            if let Ok(tally) = tally.await {
                let _ = replies.send(Reply::Pages(tally));
            }
            let _ = replies.send(Reply::Done);
        });
    }
}
