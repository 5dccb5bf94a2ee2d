//! Copies: the same story under another id. Found by comparison, never merged: a better rule finds them again.

use sha2::{Digest, Sha256};

use crate::article::Draft;
use crate::identity::{first_bits, fold, word_count};

/// A shorter text says too little to be a copy of another.
const FEW_WORDS: usize = 50;

/// What exact copies have in common: the hash of the normalised text, where it has at least fifty words.
pub fn copy_key(draft: &Draft) -> Option<i64> {
    let text = fold(&draft.text);
    if word_count(&text, FEW_WORDS) < FEW_WORDS {
        return None;
    }
    Some(first_bits(&Sha256::digest(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: String) -> Option<i64> {
        copy_key(&Draft { text, ..Draft::default() })
    }

    #[test]
    fn copies_have_the_same_words_whatever_their_case_and_spaces() {
        assert!(key("Word ".repeat(50)).is_some());
        assert_eq!(key("Word ".repeat(50)), key("word\n\n".repeat(50)));
        assert_ne!(key("word ".repeat(50)), key("word ".repeat(51)));
    }

    #[test]
    fn a_text_of_fewer_than_fifty_words_is_a_copy_of_nothing() {
        assert_eq!(key("word ".repeat(49)), None);
    }
}
