//! `/metrics`: what the process has counted, and what is measured when somebody asks, in OpenMetrics text.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;

use super::problem::Problem;
use super::{Served, answer};
use crate::health::Health;
use crate::report;
use crate::vitals::{Measured, MeasuredWebhook};

/// The media type of OpenMetrics 1.0.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// `GET /metrics`.
pub async fn metrics(State(served): State<Arc<Served>>) -> Result<Response, Problem> {
    let config = served.config();
    let measured = served.readers.ask(move |reader| {
        let counts = Health::of(&config, &reader.feed_conditions()?, true, None, Utc::now()).feeds;
        let feeds = vec![
            ("ok", counts.ok),
            ("failing", counts.failing),
            ("new", counts.new),
            ("disabled", counts.configured.saturating_sub(counts.enabled)),
        ];
        let now = Utc::now();
        let webhooks = report::webhook_lines(reader, &config)?.into_iter().map(|line| MeasuredWebhook {
            failing: line.failing_since.map(|since| (now - since).to_std().unwrap_or_default()).unwrap_or_default(),
            name: line.url,
            undelivered: line.undelivered,
        });
        Ok::<_, Problem>(Measured { feeds, database_bytes: reader.size(), webhooks: webhooks.collect() })
    });
    let text = served.told.vitals.text(&measured.await?).map_err(|error| answer::unwritable(&error))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
