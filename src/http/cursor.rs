//! Where the next page begins: the last article's place in the order by date, as text that means nothing to the client.
//!
//! A place, not a number of articles to skip: the thousandth page costs what the first does, and what is new meanwhile
//! shifts nothing.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;
use data_encoding::BASE64URL_NOPAD;

use crate::article::Article;
use crate::store::Place;

/// A place, readable and writable as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Place);

/// A text that this server did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this server: take `next_cursor` as it stands in the answer before")]
pub struct CursorError;

impl Cursor {
    /// After this article; `None` where it has never been in an archive.
    pub fn after(article: &Article) -> Option<Self> {
        Some(Self(Place { at: article.published.or(article.first_seen)?, id: article.id.clone() }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(format!("{} {}", self.0.at.timestamp_millis(), self.0.id).as_bytes()))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let read = || {
            let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
            let (at, id) = str::from_utf8(&bytes).ok()?.split_once(' ')?;
            let at = DateTime::from_timestamp_millis(at.parse().ok()?)?;
            let is_id = id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_id.then(|| Self(Place { at, id: id.to_owned() }))
        };
        read().ok_or(CursorError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_given_and_nothing_else_is_one() {
        let cursor = Cursor(Place { at: DateTime::from_timestamp_millis(-5).unwrap(), id: "a".repeat(26) });
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "x", "MSBh", "%%%"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}
