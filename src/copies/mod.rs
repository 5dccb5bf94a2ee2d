//! Copies and similar posts: what another article has in common with this one.
//!
//! A *copy* is the same story under another id: exact where the text is the same, near where it was edited. Articles are
//! never merged for it; a better rule finds copies again. A *similar post* is another story about the same thing.
//!
//! All of it is computed from an article's [`Likeness`]: the key of its text, the [`Sketch`] by which near copies are
//! known, and the bag of words that its characteristic terms are chosen from. The [`Window`] holds the likenesses of the
//! last weeks' articles and finds, for a new one, those that are near copies and those that are similar;
//! [`judge`] says which article each copy is a copy of.
//!
//! docs/copies.md says what the scores mean, how the thresholds were chosen and what was measured.

mod cluster;
mod hash;
mod index;
mod kept;
mod sketch;
mod terms;
mod texts;
mod window;

use sha2::{Digest, Sha256};

pub use self::cluster::{Place, Stories, judge};
pub use self::kept::Kept;
#[cfg(test)]
pub use self::sketch::COMPARED;
pub use self::sketch::{Comparison, Sketch};
pub use self::terms::{Bag, Frequencies, Terms};
pub use self::window::{Hot, WINDOW, Window, are_close};
use crate::article::tokens::Unit;
use crate::article::{Draft, tokens};
use crate::identity::{first_bits, fold, word_count};

/// A shorter text says too little to be a copy of another.
const FEW_WORDS: usize = 50;

/// A title's word says as much of the subject as so many of the text's.
const TITLE_WEIGHT: u8 = 3;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopySettings {
    /// Near copies, and not only exact ones?
    pub near_copies: bool,
    /// How many similar posts an article has at most; 0: none are looked for.
    pub similar: usize,
}

impl Default for CopySettings {
    fn default() -> Self {
        Self { near_copies: true, similar: 5 }
    }
}

/// What an article is compared by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Likeness {
    /// What exact copies have in common: the hash of the normalised text, where it has at least fifty words.
    pub copy_key: Option<i64>,
    /// What near copies are known by, where they are looked for and the text is long enough.
    pub sketch: Option<Sketch>,
    /// What similar posts are known by, where they are looked for.
    pub bag: Option<Bag>,
    /// How many similar posts are wanted.
    pub similar: usize,
}

impl Likeness {
    /// Of what an article shows.
    pub fn of(draft: &Draft, settings: CopySettings) -> Self {
        Self::of_each(draft, settings, &mut |_| {})
    }

    /// As [`Self::of`]; `found` hears of each token of the title and of the text, for a text's words are folded once for all that
    /// is made of them.
    pub fn of_each(draft: &Draft, settings: CopySettings, found: &mut impl FnMut(Unit<'_>)) -> Self {
        let mut likeness = Self { copy_key: copy_key(draft), similar: settings.similar, ..Self::default() };
        let is_sketched = settings.near_copies && likeness.copy_key.is_some();
        let mut sketcher = is_sketched.then(sketch::Sketcher::default);
        let mut bag = (settings.similar > 0).then(Bag::default);
        if sketcher.is_none() && bag.is_none() {
            tokens::visit(&draft.title, found);
            tokens::visit(&draft.text, found);
            return likeness;
        }
        for_each_token(&draft.title, &mut |unit, token| {
            found(unit);
            if let Some(bag) = &mut bag {
                token.count(bag, TITLE_WEIGHT);
            }
        });
        for_each_token(&draft.text, &mut |unit, token| {
            found(unit);
            if let Some(bag) = &mut bag {
                token.count(bag, 1);
            }
            if let Some(sketcher) = &mut sketcher {
                sketcher.add(token.hash, token.is_character, token.is_detail);
            }
        });
        likeness.sketch = sketcher.and_then(sketch::Sketcher::finish);
        likeness.bag = bag;
        likeness
    }
}

/// How alike two texts of one cluster are, from 0 to 0.99, as [`Sketch::likeness`] measures it; they may be no near copies of
/// one another, but both of a third.
pub fn similarity(one: &str, other: &str) -> f64 {
    let sketch = |text: &str| {
        let mut sketcher = sketch::Sketcher::default();
        for_each_token(text, &mut |_, token| sketcher.add(token.hash, token.is_character, token.is_detail));
        sketcher.finish()
    };
    let comparison = sketch(one).zip(sketch(other)).and_then(|(one, other)| one.compare(&other));
    comparison.map_or(0.0, |comparison| f64::from((comparison.similarity() * 1_000.0).round()) / 1_000.0)
}

/// The hash of the normalised text, where it has at least fifty words.
fn copy_key(draft: &Draft) -> Option<i64> {
    let text = fold(&draft.text);
    if word_count(&text, FEW_WORDS) < FEW_WORDS {
        return None;
    }
    Some(first_bits(&Sha256::digest(text.as_bytes())))
}

struct Token {
    hash: u64,
    /// Of the pair that it makes with the character before it, in scripts without spaces.
    pair: Option<u64>,
    length: usize,
    is_character: bool,
    /// A name (written large though it begins no sentence) or a figure of at least two digits.
    is_detail: bool,
}

impl Token {
    /// Counts the term: a word, or a pair of characters, since one alone means anything.
    fn count(&self, bag: &mut Bag, times: u8) {
        match self.pair {
            Some(pair) => bag.add(pair, times, usize::from(u8::MAX)),
            None if self.is_character => {}
            None => bag.add(self.hash, times, self.length),
        }
    }
}

fn for_each_token(text: &str, found: &mut impl FnMut(Unit<'_>, Token)) {
    let mut folded = String::new();
    for paragraph in text.lines() {
        let mut begins_sentence = true;
        for run in paragraph.split_ascii_whitespace() {
            let is_name = !begins_sentence && run.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_uppercase);
            tokens::visit_with(run, &mut folded, &mut |unit| {
                let hash = hash::of_token(unit.token);
                let is_figure = unit.token.len() > 1 && unit.token.bytes().all(|byte| byte.is_ascii_digit());
                let token = Token {
                    hash,
                    pair: unit.before.map(|before| hash::mix(hash::of_token(before).rotate_left(1) ^ hash)),
                    length: unit.token.len(),
                    is_character: unit.is_character,
                    is_detail: is_figure || (is_name && !unit.is_character),
                };
                found(unit, token);
            });
            begins_sentence = ends_sentence(run);
        }
    }
}

/// Does a sentence end with this run, be it inside quotation marks or brackets?
fn ends_sentence(run: &str) -> bool {
    let mut ends = run.chars().rev().skip_while(|c| matches!(c, '"' | '\'' | '”' | '’' | '»' | ')'));
    ends.next().is_some_and(|c| matches!(c, '.' | '!' | '?' | '…' | ':' | ';'))
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
