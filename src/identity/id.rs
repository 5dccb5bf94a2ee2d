//! Article ids.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use super::IdentityUrl;

/// The lower-case base32 of the first 130 bits of SHA-256 over `gleaner1`, kind and key, separated by NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleId(String);

/// What an id is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdKind {
    /// The entry's own page.
    Url(IdentityUrl),
    /// The feed's name and a guid (or the identity URL of an entry that leads elsewhere).
    Guid(String),
    /// The feed's name, the text (its hash, or the title where the operator chose `title+date`) and the date.
    Text {
        /// Hexadecimal digits, or the folded title.
        text: String,
        /// RFC 3339, or nothing.
        date: String,
    },
}

impl ArticleId {
    /// Characters of an id: 130 bits at five a character.
    pub const LENGTH: usize = 26;

    /// Makes an id. `number` is 1, or what tells an article from others of its feed with the same kind and key.
    pub fn make(feed: &str, kind: &IdKind, number: u32) -> Self {
        let count = number.to_string();
        let mut parts: Vec<&str> = match kind {
            IdKind::Url(url) => vec!["gleaner1", "url", url.as_str()],
            IdKind::Guid(guid) => vec!["gleaner1", "guid", feed, guid],
            IdKind::Text { text, date } => vec!["gleaner1", "text", feed, text, date],
        };
        if number > 1 {
            parts.push(&count);
        }
        let mut encoded = BASE32_NOPAD.encode(&Sha256::digest(parts.join("\0").as_bytes()));
        encoded.truncate(Self::LENGTH);
        encoded.make_ascii_lowercase();
        Self(encoded)
    }

    /// Reads an id that was printed before; `None` where the characters cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == Self::LENGTH && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        valid.then(|| Self(text.to_owned()))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ArticleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_first_130_bits_of_the_hash_of_kind_and_key() {
        let url = IdentityUrl::of("https://www.example.org/a/").unwrap();
        // printf 'gleaner1\0url\0example.org/a' | sha256sum | cut -c1-64 | xxd -r -p | base32 | tr A-Z a-z | cut -c1-26
        assert_eq!(ArticleId::make("any", &IdKind::Url(url), 1).as_str(), "slpvjssbhf26wkrhyurrmnl5o5");
    }

    #[test]
    fn kinds_feeds_and_numbers_make_different_ids() {
        let text = |number| ArticleId::make("a", &IdKind::Text { text: "t".into(), date: String::new() }, number);
        let guid = |feed| ArticleId::make(feed, &IdKind::Guid("1".into()), 1);
        assert_ne!(text(1), text(2));
        assert_ne!(guid("a"), guid("b"));
        assert_eq!(ArticleId::parse(text(1).as_str()), Some(text(1)));
        assert_eq!(ArticleId::parse("short"), None);
    }
}
