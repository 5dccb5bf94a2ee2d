//! What a request asks of the daemon: that it goes by what was just saved, and that feeds are polled now. It is asked as
//! commands ask it, by the requests of the control socket.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Served;
use super::problem::Problem;
use crate::daemon::control::{Order, Reply, Request, Which};
use crate::poll::PollLine;

/// What came of asking for a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// It has ended so.
    Ended(Box<PollLine>),
    /// It is under way.
    Begun,
}

impl Served {
    async fn ask(&self, request: Request) -> Result<mpsc::UnboundedReceiver<Reply>, Problem> {
        let (replies, answered) = mpsc::unbounded_channel();
        let sent = self.told.orders.send(Order { request, replies }).await;
        sent.map(|()| answered).map_err(|_| Problem::unavailable("the daemon is stopping", 30))
    }

    /// Sees to it that the daemon has taken over what stands in the feed lists now: it looks at them before it takes anything
    /// that it is asked, and the first answer says that it has.
    ///
    /// # Errors
    /// It is stopping.
    pub async fn take_over(&self) -> Result<(), Problem> {
        match self.ask(Request::Troubles).await?.recv().await {
            Some(_) => Ok(()),
            None => Err(Problem::unavailable("the daemon is stopping", 30)),
        }
    }

    /// Polls a feed, enabled or not, and waits so long for what comes of it.
    ///
    /// # Errors
    /// The daemon knows no such feed, or the archive did not take the poll.
    pub async fn poll_one(&self, name: &str, patience: Duration) -> Result<Polled, Problem> {
        let mut answers = self.ask(Request::Poll { which: Which::Named(vec![name.to_owned()]) }).await?;
        let ended = async {
            while let Some(reply) = answers.recv().await {
                match reply {
                    Reply::Polled(line) => return Ok(Polled::Ended(Box::new(line))),
                    Reply::Refused(reason) => return Err(Problem::unavailable(reason, 60)),
                    Reply::Failed(reason) => return Err(Problem::not_found(reason)),
                    _ => {}
                }
            }
            Err(Problem::unavailable("the daemon is stopping", 30))
        };
        timeout(patience, ended).await.unwrap_or(Ok(Polled::Begun))
    }

    /// Polls many feeds; gives how many, and waits for none.
    ///
    /// # Errors
    /// The daemon is stopping.
    pub async fn poll_many(&self, which: Which) -> Result<usize, Problem> {
        match self.ask(Request::Poll { which }).await?.recv().await {
            Some(Reply::Feeds(feeds)) => Ok(feeds),
            Some(Reply::Failed(reason)) => Err(Problem::unavailable(reason, 30)),
            _ => Err(Problem::unavailable("the daemon is stopping", 30)),
        }
    }
}
