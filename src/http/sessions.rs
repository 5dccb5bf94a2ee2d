//! Browsers that have shown the token. Each holds a cookie that no script can read and no other site's page can send: a
//! session's random name, not the token. It ends with the daemon, after half a day without use, and as soon as another
//! token counts.
//!
//! A form that changes something must come from one of our own pages: the browser says where a request comes from (Fetch
//! Metadata, else `Origin`), and the form holds a word that only a page of this session could have given it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use super::problem::Problem;
use super::token::Token;

/// So long a browser stays known without being used.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The cookie's name. `__Host-` would want https, which loopback has not.
const COOKIE: &str = "gleaner-session";

/// What the next page says of what was just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It was done.
    Done(String),
    /// It was not.
    Failed(String),
}

#[derive(Debug)]
struct Session {
    token: Token,
    used: Instant,
    notice: Option<Notice>,
}

/// A session's name, hashed: what is kept opens nothing.
type Key = [u8; 32];

/// The sessions that are open.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<Key, Session>>,
}

/// A browser that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    key: Key,
    /// The word that its forms must hold.
    pub form_word: String,
}

impl Sessions {
    fn open_now(&self) -> MutexGuard<'_, HashMap<Key, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that a request belongs to, if it has one and the token under which it was opened still counts.
    pub fn of(&self, headers: &HeaderMap, token: Token, now: Instant) -> Option<SignedIn> {
        let name = name_in(headers)?;
        let mut open = self.open_now();
        open.retain(|_, session| now.saturating_duration_since(session.used) < LIFETIME && session.token == token);
        let key = hash("session", name);
        open.get_mut(&key)?.used = now;
        Some(SignedIn { key, form_word: HEXLOWER.encode(&hash("form", name)) })
    }

    /// Opens one for a browser that has shown the token; gives its cookie, which goes over https alone if `is_https`.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn open(&self, token: Token, is_https: bool, now: Instant) -> Result<HeaderValue, Problem> {
        let cannot = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "no session can be opened");
            Problem::unavailable("no session can be opened; the log says why", 60)
        };
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| cannot(&error))?;
        let name = HEXLOWER.encode(&random);
        self.open_now().insert(hash("session", &name), Session { token, used: now, notice: None });
        let secure = if is_https { "; Secure" } else { "" };
        let cookie = format!("{COOKIE}={name}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", LIFETIME.as_secs());
        HeaderValue::from_str(&cookie).map_err(|error| cannot(&error))
    }

    /// Ends it; gives the cookie that makes the browser forget it, too.
    pub fn close(&self, signed_in: &SignedIn) -> HeaderValue {
        self.open_now().remove(&signed_in.key);
        HeaderValue::from_static("gleaner-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
    }

    /// Says something on the session's next page.
    pub fn tell(&self, signed_in: &SignedIn, notice: Notice) {
        if let Some(session) = self.open_now().get_mut(&signed_in.key) {
            session.notice = Some(notice);
        }
    }

    /// What is to be said on this page; once.
    pub fn notice(&self, signed_in: &SignedIn) -> Option<Notice> {
        self.open_now().get_mut(&signed_in.key)?.notice.take()
    }
}

impl SignedIn {
    /// Does a form hold the word that a page of this session gave it?
    ///
    /// # Errors
    /// It does not.
    pub fn must_have_given(&self, word: &str) -> Result<(), Problem> {
        if self.form_word.as_bytes().ct_eq(word.as_bytes()).into() {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "this form is not of this session: load the page again and send it from there"))
    }
}

/// A form that another site's page sends must change nothing, though the browser be known.
///
/// # Errors
/// It comes from elsewhere.
pub fn must_be_own_form(headers: &HeaderMap, base_url: Option<&Url>) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let is_own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        // A web server in front may have put another name into `Host`.
        (None, Some(origin)) => {
            let is_base = base_url.is_some_and(|base| base.origin().ascii_serialization() == origin);
            is_base || origin.split_once("://").is_some_and(|(_, from)| Some(from) == text("host"))
        }
        // No browser that is in use sends a form without either.
        (None, None) => true,
    };
    if is_own { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "this form was sent by another site")) }
}

fn name_in(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Of one name come two secrets that don't tell of each other.
fn hash(purpose: &str, name: &str) -> Key {
    Sha256::new().chain_update(purpose).chain_update([0]).chain_update(name).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers<const N: usize>(pairs: [(&'static str, &str); N]) -> HeaderMap {
        pairs.into_iter().map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    /// The `Cookie` of a browser that was given this `Set-Cookie`.
    fn sent_back(cookie: &HeaderValue) -> HeaderMap {
        headers([("cookie", &format!("a=b; {}", cookie.to_str().unwrap().split(';').next().unwrap()))])
    }

    #[test]
    fn another_site_s_form_is_told_by_where_it_comes_from() {
        let base: Url = "https://news.example/".parse().unwrap();
        let is_own = |headers: HeaderMap| must_be_own_form(&headers, Some(&base)).is_ok();
        assert!(is_own(headers([("sec-fetch-site", "same-origin")])));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!is_own(headers([("sec-fetch-site", site), ("origin", "https://news.example")])), "{site}");
        }
        let host = "127.0.0.1:8420";
        assert!(is_own(headers([("origin", "http://127.0.0.1:8420"), ("host", host)])));
        assert!(is_own(headers([("origin", "https://news.example"), ("host", host)])));
        for origin in ["http://127.0.0.1:9999", "null", "https://news.example.attacker.example", "http://news.example"] {
            assert!(!is_own(headers([("origin", origin), ("host", host)])), "{origin}");
        }
        assert!(is_own(headers([("host", host)])));
    }

    #[test]
    fn a_session_is_known_by_its_cookie_for_as_long_as_its_token_counts() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let (token, other) = (Token::shown(b"one"), Token::shown(b"other"));
        let cookie = sessions.open(token, false, now).unwrap();
        let browser = sent_back(&cookie);
        let known = sessions.of(&browser, token, now).unwrap();
        assert!(known.must_have_given(&known.form_word).is_ok());
        for word in ["", "0", &HEXLOWER.encode(&[0; 32])] {
            assert!(known.must_have_given(word).is_err(), "{word}");
        }
        assert!(sessions.of(&HeaderMap::new(), token, now).is_none());
        assert!(sessions.of(&headers([("cookie", "gleaner-session=abc")]), token, now).is_none());
        // Used in between, it lasts.
        let later = now + LIFETIME - Duration::from_secs(1);
        assert!(sessions.of(&browser, token, later).is_some());
        assert!(sessions.of(&browser, token, later + LIFETIME - Duration::from_secs(1)).is_some());
        assert!(sessions.of(&browser, other, later).is_none());
        assert!(sessions.of(&browser, token, later).is_none(), "once the token was another, it is over");
    }

    #[test]
    fn a_session_ends_by_disuse_and_by_leaving() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let token = Token::shown(b"one");
        let browser = sent_back(&sessions.open(token, false, now).unwrap());
        assert!(sessions.of(&browser, token, now + LIFETIME).is_none());
        let browser = sent_back(&sessions.open(token, false, now).unwrap());
        let known = sessions.of(&browser, token, now).unwrap();
        assert!(sessions.close(&known).to_str().unwrap().contains("Max-Age=0"));
        assert!(sessions.of(&browser, token, now).is_none());
    }

    #[test]
    fn what_was_done_is_said_once() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let token = Token::shown(b"one");
        let known = sessions.of(&sent_back(&sessions.open(token, false, now).unwrap()), token, now).unwrap();
        sessions.tell(&known, Notice::Done("added".to_owned()));
        assert_eq!(sessions.notice(&known), Some(Notice::Done("added".to_owned())));
        assert_eq!(sessions.notice(&known), None);
    }

    #[test]
    fn a_cookie_is_for_this_server_s_own_requests_alone() {
        let sessions = Sessions::default();
        let plain = sessions.open(Token::shown(b"one"), false, Instant::now()).unwrap();
        let plain = plain.to_str().unwrap();
        assert!(plain.contains("; HttpOnly") && plain.contains("; SameSite=Strict") && plain.contains("; Path=/;"), "{plain}");
        assert!(!plain.contains("Secure"));
        assert!(sessions.open(Token::shown(b"one"), true, Instant::now()).unwrap().to_str().unwrap().ends_with("; Secure"));
    }
}
