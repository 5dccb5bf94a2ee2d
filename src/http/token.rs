//! Who may change something: whoever shows the token of `[http] token_file`.
//!
//! Programs send it with each request (`Authorization: Bearer`, RFC 6750); a browser shows it once and is known by a
//! cookie from then on (`sessions`). Where no token is configured nothing can be changed at all.

use std::fmt;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use governor::Quota;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Served;
use super::connections::Client;
use super::guard::Rates;
use super::problem::Problem;
use crate::config::Config;

/// A shorter token could be guessed.
const SHORTEST: usize = 16;

/// A larger file is no token.
const LARGEST: u64 = 64 << 10;

/// Wrong tokens that one client may show in a minute, and at once.
const WRONG_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// The token, as its hash: that alone is compared, and the token itself is nowhere to be shown.
#[derive(Clone, Copy)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl PartialEq for Token {
    /// Takes the same time wherever the first difference is.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Token {}

impl Token {
    /// What somebody shows for one; the white space around it, which editors leave, is none of it.
    pub fn shown(text: &[u8]) -> Self {
        Self(Sha256::digest(text.trim_ascii()).into())
    }

    /// The token of the moment, `None` where none is configured. The file is read each time, as the secrets of feeds are, so
    /// that another token needs no restart.
    ///
    /// # Errors
    /// The file cannot be read, or what it holds is too short to be a secret.
    pub fn configured(config: &Config) -> Result<Option<Self>, Problem> {
        let Some(path) = &config.http.token_file else { return Ok(None) };
        let read = || {
            if fs::metadata(path)?.len() > LARGEST {
                return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
            }
            let bytes = fs::read(path)?;
            match bytes.trim_ascii().len() {
                0..SHORTEST => Err(io::Error::other(format!("a token has at least {SHORTEST} characters"))),
                _ => Ok(Self::shown(&bytes)),
            }
        };
        read().map(Some).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "nothing can be changed over HTTP: the token cannot be used");
            Problem::unavailable("the token cannot be used; the log says why", 60)
        })
    }
}

/// Wrong tokens. Who shows too many is told to wait, and it is logged once an hour, not once a try. The right token is taken
/// all the same: behind a web server all clients have one address, and no stranger shall lock the operator out. That no
/// secret is found by trying is the token's own length.
#[derive(Debug)]
pub struct Attempts {
    answered: Rates,
    logged: Rates,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { answered: Rates::of(Quota::per_minute(WRONG_A_MINUTE)), logged: Rates::of(Quota::per_hour(NonZeroU32::MIN)) }
    }
}

impl Attempts {
    /// A client has shown a wrong token: what it is told.
    pub fn wrong(&self, client: Client) -> Problem {
        if self.logged.take(client).is_ok() {
            let client = client.0.map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string());
            tracing::warn!(client, "somebody shows a wrong token; more of these within the hour are not logged");
        }
        match self.answered.take(client) {
            Ok(()) => Problem::wrong_token("this is not the token"),
            Err(seconds) => Problem::too_many("too many wrong tokens", seconds),
        }
    }
}

/// A request that shows the token in `Authorization`. It is looked at before a request's body is.
#[derive(Debug)]
pub struct Permit;

impl FromRequestParts<Arc<Served>> for Permit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, served: &Arc<Served>) -> Result<Self, Problem> {
        let token = Token::configured(&served.config())?.ok_or_else(none_configured)?;
        match bearer(&parts.headers) {
            None => Err(Problem::unauthorized("nothing can be changed without the token: send `Authorization: Bearer TOKEN`")),
            Some(shown) if Token::shown(shown) == token => Ok(Self),
            Some(_) => Err(served.attempts.wrong(Client::of(&parts.extensions))),
        }
    }
}

/// Nobody may change anything.
pub fn none_configured() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "nothing can be changed over HTTP: no token is configured (`token_file` in [http])")
}

/// RFC 6750, section 2.1. Where the header stands more than once, whoever sent it does not know which one counts.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.as_bytes(), values.next()) else { return None };
    let scheme = value.get(.."Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| value.get(scheme.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_bearer_token_is_what_follows_the_scheme_in_the_only_header() {
        let given = |values: &[&str]| {
            let headers: HeaderMap = values.iter().map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())).collect();
            bearer(&headers).map(|token| String::from_utf8(token.to_vec()).unwrap())
        };
        assert_eq!(given(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(given(&["bEARER abc"]).as_deref(), Some("abc"));
        for values in [&[][..], &["abc"], &["Basic abc"], &["Bearer"], &["Bearer abc", "Bearer def"]] {
            assert_eq!(given(values), None, "{values:?}");
        }
    }

    #[test]
    fn tokens_are_the_same_whatever_space_an_editor_left_around_them() {
        assert_eq!(Token::shown(b"0123456789abcdef"), Token::shown(b" 0123456789abcdef\r\n"));
        assert_ne!(Token::shown(b"0123456789abcdef"), Token::shown(b"0123456789abcdeF"));
        assert_eq!(format!("{:?}", Token::shown(b"secret")), "Token");
    }

    #[test]
    fn who_shows_too_many_wrong_tokens_is_told_to_wait_and_others_are_not() {
        let attempts = Attempts::default();
        let client = |last: u8| Client(Some(IpAddr::from([192, 0, 2, last])));
        for _ in 0..WRONG_A_MINUTE.get() {
            assert_eq!(attempts.wrong(client(1)).status(), StatusCode::UNAUTHORIZED);
        }
        assert_eq!(attempts.wrong(client(1)).status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(attempts.wrong(client(2)).status(), StatusCode::UNAUTHORIZED);
    }
}
