//! The server on `[http] listen`: the archive for people's browsers and for programs. It reads; only who has the token
//! may change anything.
//!
//! It is an edge like the command line: it asks the archive the same questions, by the same names, and gives the same
//! bytes. Each answer is guarded (`guard`): what stands in articles comes from strangers, and so may requests.

mod answer;
mod articles;
mod changes;
mod connections;
mod cursor;
mod exports;
mod feeds;
mod guard;
mod health;
mod listen;
mod metrics;
mod openapi;
mod orders;
mod pages;
mod parameters;
mod problem;
mod readers;
mod routes;
mod sent;
mod status;
mod stream;
mod token;
mod writes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use tokio::sync::{Semaphore, mpsc, watch};

use self::guard::Rates;
pub use self::health::Pulse;
use self::problem::Problem;
use self::readers::Readers;
use self::token::Attempts;
use crate::config::{Config, Surroundings};
use crate::daemon::control::Order;
use crate::vitals::Vitals;

/// Exports at once: each reads the archive on a thread of its own for as long as its client takes.
const EXPORTS: usize = 2;

/// Streams at once: each is a connection that stays open.
const STREAMS: usize = 64;

/// Where nobody could listen, it is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The largest request, bytes: a subscription list fits in.
const LARGEST_REQUEST: usize = 4 << 20;

/// What the answers are made from.
#[derive(Debug)]
pub struct Served {
    readers: Readers,
    told: Told,
    rates: Rates,
    attempts: Attempts,
    exports: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// What the daemon tells of itself, as it stands at any moment.
#[derive(Debug)]
pub struct Told {
    /// The config in use.
    pub config: watch::Receiver<Arc<Config>>,
    /// What it was read in.
    pub surroundings: Surroundings,
    /// Signs of life.
    pub pulse: Pulse,
    /// What the process has done.
    pub vitals: Arc<Vitals>,
    /// What is wrong with more than a single feed, a sentence each.
    pub troubles: watch::Receiver<Vec<String>>,
    /// Takes what is asked of it.
    pub orders: mpsc::Sender<Order>,
}

impl Served {
    /// Of the archive in this file.
    pub fn new(archive: PathBuf, told: Told) -> Self {
        let (exports, streams) = (Arc::new(Semaphore::new(EXPORTS)), Arc::new(Semaphore::new(STREAMS)));
        Self { readers: Readers::new(archive), told, rates: Rates::default(), attempts: Attempts::default(), exports, streams }
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.told.config.borrow())
    }

    fn troubles(&self) -> Vec<String> {
        self.told.troubles.borrow().clone()
    }

    /// What every page says.
    fn about(&self) -> pages::About {
        pages::About { troubles: self.troubles(), ..pages::About::default() }
    }
}

/// Serves until `stop` says so: on the socket that systemd opened, else where the config says, wherever that is after a
/// reload. Where nobody can listen the daemon polls all the same, and it is tried again.
pub async fn run(served: Arc<Served>, mut stop: watch::Receiver<bool>) {
    let mut configs = served.told.config.clone();
    let mut inherited = listen::inherited().unwrap_or_else(|error| {
        tracing::error!(%error, "the configured address is used instead");
        None
    });
    let mut is_refused = false;
    loop {
        let address = configs.borrow_and_update().http.listen.clone();
        let is_inherited = inherited.is_some();
        let listener = match (inherited.take(), &address) {
            (Some(listener), _) => Ok(Some(listener)),
            (None, Some(address)) => listen::listen(address).await.map(Some),
            (None, None) => Ok(None),
        };
        let (tell, told) = watch::channel(false);
        let serving = match listener {
            Ok(Some(listener)) => {
                is_refused = false;
                tracing::info!(address = listener.place(), "serving");
                Some(tokio::spawn(connections::serve(listener, router(Arc::clone(&served)), told)))
            }
            Ok(None) => None,
            Err(error) => {
                if !std::mem::replace(&mut is_refused, true) {
                    tracing::error!(%error, "no page and no API; it is tried again every minute");
                }
                None
            }
        };
        let moved = async {
            // What systemd opened stays open whatever the config says.
            while configs.changed().await.is_ok() && (is_inherited || configs.borrow().http.listen == address) {}
        };
        let retry = async {
            match is_refused {
                true => tokio::time::sleep(TRY_AGAIN).await,
                false => std::future::pending().await,
            }
        };
        let is_stopping = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            () = moved => false,
            () = retry => false,
        };
        tell.send_replace(true);
        if let Some(serving) = serving
            && let Err(error) = serving.await
        {
            tracing::error!(%error, "the HTTP server broke off");
        }
        if is_stopping {
            return;
        }
    }
}

fn router(served: Arc<Served>) -> Router {
    routes::endpoints()
        .into_iter()
        .fold(Router::new(), |router, endpoint| router.route(endpoint.path, endpoint.handlers))
        .merge(pages::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_this_method)
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .layer(from_fn_with_state(Arc::clone(&served), guard::guard))
        .with_state(served)
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this address")
}

async fn not_this_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take this method")
}
