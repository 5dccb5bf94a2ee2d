//! A rebuild that a command asked for. There is one at a time; whoever asks for another meanwhile hears of the one under way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;

use super::Daemon;
use super::control::Reply;
use crate::rebuild::rebuild;

/// Those who wait for the rebuild under way; `None` where there is none.
#[derive(Debug, Default, Clone)]
pub struct Rebuilds(Arc<Mutex<Option<Vec<UnboundedSender<Reply>>>>>);

impl Rebuilds {
    fn clients(&self) -> MutexGuard<'_, Option<Vec<UnboundedSender<Reply>>>> {
        // Nothing that holds the lock can be left half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more wants to hear. Is one to be begun?
    fn hear(&self, replies: UnboundedSender<Reply>) -> bool {
        let mut clients = self.clients();
        let is_first = clients.is_none();
        clients.get_or_insert_default().push(replies);
        is_first
    }

    /// A client that has gone takes no replies; what it asked for is done all the same.
    fn tell(&self, reply: &Reply) {
        for client in self.clients().iter().flatten() {
            let _ = client.send(reply.clone());
        }
    }
}

/// Whatever ends a rebuild, the next one can begin.
struct UnderWay {
    rebuilds: Rebuilds,
    has_ended: bool,
}

impl UnderWay {
    /// The last words to all who wait.
    fn end(mut self, last: &Reply) {
        self.has_ended = true;
        let clients = self.rebuilds.clients().take();
        for client in clients.into_iter().flatten() {
            let _ = client.send(last.clone());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.has_ended {
            *self.rebuilds.clients() = None;
        }
    }
}

impl Daemon {
    pub(super) fn rebuild(&mut self, replies: UnboundedSender<Reply>) {
        if !self.rebuilds.hear(replies) {
            return;
        }
        let (archive, settings) = (Arc::clone(&self.archive), self.rebuild_settings.clone());
        let under_way = UnderWay { rebuilds: self.rebuilds.clone(), has_ended: false };
        self.housekeeping.spawn(async move {
            let ended = rebuild(&archive, settings, |line| {
                line.log();
                under_way.rebuilds.tell(&Reply::Rebuilt(*line));
            })
            .await;
            match ended {
                Ok(()) => under_way.end(&Reply::Done),
                Err(error) => {
                    tracing::error!(%error, "rebuild");
                    under_way.end(&Reply::Failed(error.to_string()));
                }
            }
        });
    }
}
