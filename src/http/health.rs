//! For whoever watches the process: does it get anywhere (`/healthz`), and can it be asked (`/readyz`)?

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::Served;
use super::problem::Problem;

/// Without a sign of life for so long the daemon is taken for stuck.
const STUCK: Duration = Duration::from_secs(60);

/// When the daemon's loop and the archive's writer last showed that they move.
#[derive(Debug, Clone)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
}

impl Pulse {
    /// One that has just been felt.
    pub fn new(now: Instant) -> Self {
        Self { last: Arc::new(Mutex::new(now)) }
    }

    /// A sign of life.
    pub fn felt(&self, now: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.last.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// It gets somewhere.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Alive {
    /// `ok`.
    pub status: &'static str,
    /// How long ago the daemon's loop and the archive's writer moved.
    pub last_sign_of_life_seconds: u64,
}

/// It can be asked.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Ready {
    /// `ok`.
    pub status: &'static str,
}

/// `GET /healthz`: the daemon and its writer move.
pub async fn alive(State(served): State<Arc<Served>>) -> Result<Json<Alive>, Problem> {
    let age = served.told.pulse.age(Instant::now());
    if age < STUCK {
        return Ok(Json(Alive { status: "ok", last_sign_of_life_seconds: age.as_secs() }));
    }
    Err(Problem::unavailable(format!("no sign of life of polls and writer for {} s", age.as_secs()), 60))
}

/// `GET /readyz`: the archive answers.
pub async fn ready(State(served): State<Arc<Served>>) -> Result<Json<Ready>, Problem> {
    served.readers.ask(crate::store::Reader::identity).await?;
    Ok(Json(Ready { status: "ok" }))
}
