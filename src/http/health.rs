//! For whoever watches the process: does it get anywhere (`/healthz`), and can it be asked (`/readyz`)?

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

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

/// `GET /healthz`: the daemon and its writer move.
pub async fn alive(State(served): State<Arc<Served>>) -> Result<Json<Value>, Problem> {
    let age = served.told.pulse.age(Instant::now());
    if age < STUCK {
        return Ok(Json(json!({"status": "ok", "last_sign_of_life_seconds": age.as_secs()})));
    }
    Err(Problem::unavailable(format!("no sign of life of polls and writer for {} s", age.as_secs()), 60))
}

/// `GET /readyz`: the archive answers.
pub async fn ready(State(served): State<Arc<Served>>) -> Result<Json<Value>, Problem> {
    served.readers.ask(crate::store::Reader::identity).await?;
    Ok(Json(json!({"status": "ok"})))
}
