//! Answers with a validator: whoever has the same bytes already is told so in a few (RFC 9110, section 13).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE32_NOPAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// An answer whose ETag is made from its bytes; 304 where the client has them.
pub fn revalidated(headers: &HeaderMap, media_type: &'static str, body: Vec<u8>) -> Response {
    let digest = Sha256::digest(&body);
    let tag = format!("\"{}\"", BASE32_NOPAD.encode(&digest[..15]).to_ascii_lowercase());
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|tags| names(tags, &tag));
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { (StatusCode::OK, Body::from(body)).into_response() };
    if !is_known {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// `If-None-Match` compares weakly, and `*` is anything.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

/// Does the client want NDJSON? Named in `Accept` with no less weight than JSON.
pub fn prefers_lines(headers: &HeaderMap) -> bool {
    let weight = |wanted: &[&str]| {
        headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next()?.to_ascii_lowercase();
                let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
                wanted.contains(&name.as_str()).then_some(weight)
            })
            .fold(0.0_f32, f32::max)
    };
    let lines = weight(&["application/x-ndjson", "application/ndjson", "application/jsonl"]);
    lines > 0.0 && lines >= weight(&["application/json"])
}

/// A value as JSON.
///
/// # Errors
/// It has no JSON.
pub fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| unwritable(&error))
}

/// What was found cannot be written.
pub fn unwritable(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "an answer could not be written");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written; the log says why")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_same_bytes_are_not_sent_twice() {
        let first = revalidated(&HeaderMap::new(), "text/plain", b"one".to_vec());
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            assert_eq!(revalidated(&headers(header::IF_NONE_MATCH, &known), "text/plain", b"one".to_vec()).status(), 304, "{known}");
        }
        assert_eq!(revalidated(&headers(header::IF_NONE_MATCH, &tag), "text/plain", b"two".to_vec()).status(), 200);
    }

    #[test]
    fn lines_are_given_to_who_asks_for_them() {
        let prefers = |accept| prefers_lines(&headers(header::ACCEPT, accept));
        assert!(prefers("application/x-ndjson"));
        assert!(prefers("application/json;q=0.5, Application/X-NDJSON"));
        assert!(!prefers("application/x-ndjson;q=0.1, application/json"));
        assert!(!prefers("application/x-ndjson;q=0"));
        assert!(!prefers("*/*"));
    }
}
