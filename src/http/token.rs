//! Who may change something: whoever shows the token of `[http] token_file`.
//!
//! Programs send it with each request (`Authorization: Bearer`, RFC 6750). A browser is given a cookie for it that no
//! script can read and no other site can send; it holds a session's random name, not the token, and ends with the
//! daemon. Where no token is configured nothing can be changed at all.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::config::Config;

/// A shorter token could be guessed.
const SHORTEST: usize = 16;

/// So long a browser stays known without being used.
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);

/// The cookie's name. `__Host-` would want https, which loopback has not.
const COOKIE: &str = "gleaner-session";

/// Browsers that have shown the token, by the hash of their cookie.
#[derive(Debug, Default)]
pub struct Sessions {
    used: Mutex<HashMap<[u8; 32], Instant>>,
}

/// The token of the moment; the file is read each time, so that a new one needs no restart. `None` where none is set.
fn token(config: &Config) -> Result<Option<Vec<u8>>, Problem> {
    let Some(path) = &config.http.token_file else { return Ok(None) };
    let read = fs::read(path).map(|bytes| bytes.trim_ascii().to_vec()).and_then(|token| match token.len() {
        0..SHORTEST => Err(io::Error::other(format!("a token has at least {SHORTEST} characters"))),
        _ => Ok(token),
    });
    read.map(Some).map_err(|error| {
        tracing::error!(path = %path.display(), %error, "the token cannot be used");
        Problem::unavailable("the token cannot be read; the log says why", 60)
    })
}

/// Comparing takes the same time wherever the first difference is, and whatever the length.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    Sha256::digest(given).ct_eq(&Sha256::digest(token)).into()
}

impl Sessions {
    /// Does this request come from a browser that has shown the token?
    pub fn knows(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(name) = session_of(headers) else { return false };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, last| now.saturating_duration_since(*last) < SESSION);
        let known = used.get_mut(&hash(name));
        known.map(|last| *last = now).is_some()
    }

    /// Gives the browser a cookie, if what it sent is the token.
    ///
    /// # Errors
    /// It is not, or there is none.
    pub fn open(&self, given: &str, config: &Config, is_https: bool, now: Instant) -> Result<HeaderValue, Problem> {
        must_be_token(given.trim().as_bytes(), config)?;
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| {
            tracing::error!(%error, "no random numbers");
            Problem::unavailable("no session can be opened; the log says why", 60)
        })?;
        let name = HEXLOWER.encode(&random);
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(hash(&name), now);
        let secure = if is_https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{COOKIE}={name}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", SESSION.as_secs()))
            .map_err(|_| Problem::unavailable("no session can be opened", 60))
    }

    /// Forgets the browser; gives the cookie that makes it forget, too.
    pub fn close(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(name) = session_of(headers) {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(name));
        }
        HeaderValue::from_static("gleaner-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }
}

/// May this request change something?
///
/// # Errors
/// 403 where no token is configured, 401 where this one is missing or wrong.
pub fn must_be_allowed(headers: &HeaderMap, config: &Config) -> Result<(), Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    must_be_token(given.unwrap_or_default().as_bytes(), config)
}

fn must_be_token(given: &[u8], config: &Config) -> Result<(), Problem> {
    match token(config)? {
        None => {
            Err(Problem::new(StatusCode::FORBIDDEN, "nothing can be changed over HTTP: no token is configured (`token_file` in [http])"))
        }
        Some(token) if is_same(given, &token) => Ok(()),
        Some(_) => Err(Problem::new(StatusCode::UNAUTHORIZED, "the token is missing or wrong: send `Authorization: Bearer TOKEN`")),
    }
}

/// A form that another site's page sends must change nothing, though the browser be known: such a request says where it
/// comes from (Fetch Metadata, else `Origin`).
///
/// # Errors
/// It comes from elsewhere.
pub fn must_be_own_form(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_own = match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        (None, origin, _) => origin.is_none(),
    };
    if is_own { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "this form was sent by another site")) }
}

fn session_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
        pairs.into_iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn another_site_s_form_is_told_by_where_it_comes_from() {
        let is_own = |headers: HeaderMap| must_be_own_form(&headers).is_ok();
        assert!(is_own(headers([("sec-fetch-site", "same-origin")])));
        assert!(!is_own(headers([("sec-fetch-site", "cross-site")])));
        assert!(!is_own(headers([("sec-fetch-site", "same-site")])));
        assert!(is_own(headers([("origin", "http://127.0.0.1:8420"), ("host", "127.0.0.1:8420")])));
        assert!(!is_own(headers([("origin", "http://127.0.0.1:9999"), ("host", "127.0.0.1:8420")])));
        assert!(!is_own(headers([("origin", "null"), ("host", "127.0.0.1:8420")])));
        assert!(is_own(headers([("host", "127.0.0.1:8420")])));
    }

    #[test]
    fn a_session_is_known_by_its_cookie_alone() {
        let sessions = Sessions::default();
        let now = Instant::now();
        sessions.used.lock().unwrap().insert(hash("abc"), now);
        assert!(sessions.knows(&headers([("cookie", "a=b; gleaner-session=abc")]), now));
        assert!(!sessions.knows(&headers([("cookie", "gleaner-session=abcd")]), now));
        assert!(!sessions.knows(&HeaderMap::new(), now));
        assert!(!sessions.knows(&headers([("cookie", "gleaner-session=abc")]), now + SESSION));
    }
}
