//! What a request sends: its body, under a limit of size and time, in a media type that is understood.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::problem::Problem;

/// A body must have come after so long, however slow the line; it holds a connection meanwhile.
const TIME: Duration = Duration::from_secs(60);

/// The media type that a body is said to be of, without parameters, in lower case; empty where nothing is said.
pub fn media_type(headers: &HeaderMap) -> String {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The body of a request of one of these media types.
///
/// # Errors
/// 415, 413 (RFC 9110, sections 15.5.16 and 15.5.14), 408 where it does not come in time, 400 where it breaks off.
pub async fn bytes(request: Request, taken: &[&str]) -> Result<Bytes, Problem> {
    let given = media_type(request.headers());
    if !taken.contains(&given.as_str()) {
        let given = if given.is_empty() { "nothing".to_owned() } else { format!("`{given}`") };
        let words = format!("`Content-Type` says {given}; what is understood here is {}", taken.join(", "));
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words));
    }
    match tokio::time::timeout(TIME, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large()),
        Ok(Err(_)) => Err(Problem::bad_request("the request's body broke off")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the request's body did not come within a minute")),
    }
}

/// More than is taken.
pub fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("more than {} MiB", super::LARGEST_REQUEST >> 20))
}

/// A JSON object, read as what it shall be.
///
/// # Errors
/// As [`bytes`]; 400 where it is no JSON, 422 where it is another object.
pub async fn json<T: DeserializeOwned>(request: Request, taken: &[&str]) -> Result<T, Problem> {
    let body = bytes(request, taken).await?;
    serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => Problem::unprocessable(error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request(format!("not JSON: {error}")),
    })
}
