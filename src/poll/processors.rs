//! Threads for what keeps a processor busy: as many as there are processors.
//!
//! Parsing, normalising and packing never run where requests wait, so the network never waits for them. They are always the
//! same threads, since an allocator keeps for each thread what it has once used.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end with the last handle.
#[derive(Debug, Clone)]
pub struct Processors {
    jobs: Sender<Job>,
}

impl Processors {
    /// Starts a thread a processor.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new().name("processor".into()).spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Has it done, in its turn. Who calls sees to it that not too many wait.
    ///
    /// # Errors
    /// What it said when it panicked; nothing else is harmed by that.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
        let (done, ended) = oneshot::channel();
        let job = move || {
            // Whoever asked may have been stopped meanwhile.
            let _ = done.send(catch_unwind(AssertUnwindSafe(work)));
        };
        self.jobs.send(Box::new(job)).map_err(|_| "no thread is left".to_owned())?;
        match ended.await {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(panic)) => Err(said(panic.as_ref())),
            Err(_) => Err("its thread has ended".to_owned()),
        }
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        // One waits for a job while it holds the lock, the others for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", said.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_harms_no_other() {
        let processors = Processors::start().unwrap();
        let panics = processors.run(|| -> u32 { panic!("number {}", 7) }).await;
        assert_eq!(panics, Err("it panicked: number 7".to_owned()));
        for number in 0..100 {
            assert_eq!(processors.run(move || number + 1).await, Ok(number + 1));
        }
    }
}
