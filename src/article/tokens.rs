//! Search tokens: what a full-text index holds of a text, and what a query asks it for.
//!
//! A token is a maximal run of letters, digits and their marks, folded so that one spelling finds another: case,
//! compatibility forms (NFKC) and, in Latin, Greek and Cyrillic, diacritics do not count ("Café" is "cafe"). Scripts
//! that are written without spaces have no such runs: there each character is a token, and in the index each pair
//! of neighbours too, so that a word of several characters is looked up by few and rare tokens.
//!
//! An index without positions answers "which articles hold all these tokens" ([`IndexDocument`], [`lookup`]);
//! whether they stand side by side is then read from the text ([`sequence`], [`contains_phrase`]).
//!
//! Tokens hold no ASCII but letters and digits in lower case: SQLite's `ascii` tokeniser leaves them as they are.

use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::words::is_unspaced;

/// Distinct tokens of an article, more or less.
const USUAL_TOKENS: usize = 400;

/// What an index holds of some texts: their distinct tokens, separated by spaces, in the order of their first appearance:
/// words, characters of scripts without spaces, and pairs of these.
#[derive(Debug)]
pub struct IndexDocument {
    /// The tokens already lie in the document: the table holds only where.
    seen: HashTable<(u32, u32)>,
    hasher: DefaultHashBuilder,
    document: String,
    pair: String,
}

impl Default for IndexDocument {
    fn default() -> Self {
        Self {
            seen: HashTable::with_capacity(USUAL_TOKENS),
            hasher: DefaultHashBuilder::default(),
            document: String::with_capacity(8 * USUAL_TOKENS),
            pair: String::new(),
        }
    }
}

impl IndexDocument {
    /// The next token, and the pair that it makes with the character before it.
    pub fn add(&mut self, unit: Unit<'_>) {
        self.add_token(unit.token);
        if let Some(before) = unit.before {
            let mut pair = std::mem::take(&mut self.pair);
            pair.clear();
            pair.push_str(before);
            pair.push_str(unit.token);
            self.add_token(&pair);
            self.pair = pair;
        }
    }

    fn add_token(&mut self, token: &str) {
        let Self { seen, hasher, document, .. } = self;
        let hash = hasher.hash_one(token.as_bytes());
        let known = seen.find(hash, |&(start, end)| document.get(start as usize..end as usize) == Some(token)).is_some();
        if known {
            return;
        }
        if !document.is_empty() {
            document.push(' ');
        }
        let start = document.len();
        document.push_str(token);
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(document.len())) {
            let at =
                |&(start, end): &(u32, u32)| hasher.hash_one(document.as_bytes().get(start as usize..end as usize).unwrap_or_default());
            seen.insert_unique(hash, (start, end), at);
        }
    }

    /// All of it.
    pub fn finish(self) -> String {
        self.document
    }
}

/// The tokens of a text in its order: words, and single characters of scripts without spaces.
pub fn sequence(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    visit(text, &mut |unit| tokens.push(unit.token.to_owned()));
    tokens
}

/// The tokens that an index must hold of every text in which these words, or this phrase, can stand: words, and of
/// scripts without spaces the pairs, or a character that stands alone. No doubles.
pub fn lookup(query: &str) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    // A character that is not known yet to have a neighbour.
    let mut alone: Option<String> = None;
    visit(query, &mut |unit| match unit.before {
        Some(before) => {
            alone = None;
            wanted.push(format!("{before}{}", unit.token));
        }
        None => {
            wanted.extend(alone.take());
            if unit.is_character { alone = Some(unit.token.to_owned()) } else { wanted.push(unit.token.to_owned()) }
        }
    });
    wanted.extend(alone);
    let mut seen = HashSet::new();
    wanted.retain(|token| seen.insert(token.clone()));
    wanted
}

/// Do the phrase's tokens stand side by side in the text? Both as [`sequence`] gives them; the empty phrase stands
/// everywhere.
pub fn contains_phrase(text: &[String], phrase: &[String]) -> bool {
    phrase.is_empty() || text.windows(phrase.len()).any(|window| window == phrase)
}

/// A token where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    /// The token, folded.
    pub token: &'a str,
    /// Of a script without spaces?
    pub is_character: bool,
    /// The character of such a script directly before it.
    pub before: Option<&'a str>,
}

/// Shows each token of a text in its order, without keeping any.
pub fn visit(text: &str, found: &mut impl FnMut(Unit<'_>)) {
    visit_with(text, &mut String::new(), found);
}

/// As [`visit`], with a buffer to fold in: for one who comes with a text word by word.
pub fn visit_with(text: &str, folded: &mut String, found: &mut impl FnMut(Unit<'_>)) {
    let mut rest = text;
    while !rest.is_empty() {
        // Most runs are of ASCII, and stretches of them are folded and split as bytes.
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let is_space = |c: char| c.is_ascii_whitespace();
        let whole = if ascii == rest.len() { ascii } else { rest[..ascii].rfind(is_space).map_or(0, |space| space + 1) };
        let (plain, other) = rest.split_at(whole);
        folded.clear();
        folded.push_str(plain);
        folded.make_ascii_lowercase();
        ascii_units(folded, found);
        let (run, after) = other.split_at(other.find(is_space).unwrap_or(other.len()));
        folded.clear();
        fold(run, folded);
        units(folded, found);
        rest = after;
    }
}

/// Splits folded ASCII.
fn ascii_units(folded: &str, found: &mut impl FnMut(Unit<'_>)) {
    let mut start = 0;
    for (at, byte) in folded.bytes().chain([b' ']).enumerate() {
        if !byte.is_ascii_alphanumeric() {
            if let Some(token) = folded.get(start..at).filter(|token| !token.is_empty()) {
                found(Unit { token, is_character: false, before: None });
            }
            start = at + 1;
        }
    }
}

/// Splits a folded run.
fn units(folded: &str, found: &mut impl FnMut(Unit<'_>)) {
    let mut start: Option<usize> = None;
    let mut character = false;
    let mut before: Option<&str> = None;
    let mut flush = |start: &mut Option<usize>, end: usize, character: bool, before: &mut Option<_>| {
        if let Some(token) = start.take().and_then(|start| folded.get(start..end)) {
            found(Unit { token, is_character: character, before: if character { *before } else { None } });
            *before = character.then_some(token);
        } else {
            *before = None;
        }
    };
    for (at, c) in folded.char_indices() {
        if is_combining_mark(c) || c == '\u{200d}' || c == '\u{200c}' {
            // Part of what it stands on; on nothing, it is nothing.
            continue;
        }
        if !c.is_alphanumeric() {
            flush(&mut start, at, character, &mut before);
            before = None;
        } else if is_unspaced(c) {
            if start.is_some() {
                flush(&mut start, at, character, &mut before);
            }
            (start, character) = (Some(at), true);
        } else if start.is_none() || character {
            if start.is_some() {
                flush(&mut start, at, character, &mut before);
            }
            (start, character) = (Some(at), false);
        }
    }
    if start.is_some() {
        flush(&mut start, folded.len(), character, &mut before);
    }
}

/// Case, compatibility forms and the diacritics of European scripts folded.
fn fold(run: &str, folded: &mut String) {
    let mut european = false;
    let kept = run.nfkd().filter(move |&c| {
        if is_combining_mark(c) {
            // Elsewhere marks make letters: が is not か.
            !(european && matches!(c, '\u{300}'..='\u{36f}'))
        } else {
            european = matches!(c, '\0'..='\u{52f}' | '\u{1e00}'..='\u{1fff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a640}'..='\u{a69f}' | '\u{a720}'..='\u{a7ff}');
            true
        }
    });
    let lower = kept.flat_map(char::to_lowercase);
    // A letter may be lowered into a letter and a mark ("İ"), and what was taken apart is put together again.
    for c in lower.filter(|c| *c != '\u{307}').nfc() {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ħ' => folded.push('h'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            '\u{ad}' => {}
            _ => folded.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn index_document<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
        let mut index = IndexDocument::default();
        texts.into_iter().for_each(|text| visit(text, &mut |unit| index.add(unit)));
        index.finish()
    }

    #[test]
    fn tokens_are_folded_words_and_single_characters() {
        for (text, want) in [
            ("Café CAFÉ cafe\u{301}", "cafe cafe cafe"),
            ("Don't re-count 3.5", "don t re count 3 5"),
            ("Straße København Łódź", "strasse kobenhavn lodz"),
            ("ÉTÉ, Ελλάς ёлка", "ete ελλασ елка"),
            ("ﬁne ①②", "fine 12"),
            ("がか", "が か"),
            ("東京2020大会", "東 京 2020 大 会"),
            ("한국어 문장", "한국어 문장"),
            ("หนี้", "ห นี้"),
            ("हिन्दी", "हिन्दी"),
            ("İstanbul", "istanbul"),
            ("…—!", ""),
            ("a\u{b}b  c-é-d e", "a b c e d e"),
        ] {
            assert_eq!(sequence(text).join(" "), want, "{text}");
        }
    }

    #[test]
    fn the_index_has_each_token_once_and_pairs_of_characters() {
        assert_eq!(index_document(["The cat", "the dog"]), "the cat dog");
        assert_eq!(index_document(["東京都"]), "東 京 東京 都 京都");
        assert_eq!(index_document(["東、京"]), "東 京");
    }

    #[test]
    fn a_query_asks_for_words_and_pairs() {
        assert_eq!(lookup("Old Bridge old"), ["old", "bridge"]);
        assert_eq!(lookup("東京都"), ["東京", "京都"]);
        assert_eq!(lookup("東"), ["東"]);
        assert_eq!(lookup("東 京 tower"), ["東", "京", "tower"]);
    }

    #[test]
    fn a_phrase_stands_side_by_side() {
        let text = sequence("The old stone bridge, 東京都");
        for (phrase, stands) in [
            ("old stone", true),
            ("old bridge", false),
            ("Stone BRIDGE", true),
            ("京都", true),
            ("東都", false),
            ("", true),
            ("bridge 東", true),
        ] {
            assert_eq!(contains_phrase(&text, &sequence(phrase)), stands, "{phrase}");
        }
    }

    proptest! {
        #[test]
        fn an_index_holds_all_that_a_part_of_its_text_asks_for(words in proptest::collection::vec("[a-zA-Zéß]{1,5}|[東京都がกี้]{1,4}|\\PC{1,4}", 1..12), from in 0_usize..12, length in 1_usize..6) {
            let from = from.min(words.len() - 1);
            let part = words[from..(from + length).min(words.len())].join(" ");
            let text = words.join(" ");
            let index = index_document([text.as_str()]);
            let held: HashSet<&str> = index.split(' ').collect();
            for token in lookup(&part) {
                prop_assert!(held.contains(token.as_str()), "{} in {}", token, index);
            }
            prop_assert!(contains_phrase(&sequence(&text), &sequence(&part)));
        }

        #[test]
        fn a_text_has_the_tokens_of_its_words_one_by_one(words in proptest::collection::vec("[a-zA-Zéß]{1,5}|[東京都がกี้]{1,4}|\\PC{1,4}", 1..12)) {
            let text = words.join("\n");
            let mut by_word = Vec::new();
            let mut folded = String::new();
            for run in text.split_ascii_whitespace() {
                visit_with(run, &mut folded, &mut |unit| by_word.push((unit.token.to_owned(), unit.before.map(str::to_owned))));
            }
            let mut whole = Vec::new();
            visit(&text, &mut |unit| whole.push((unit.token.to_owned(), unit.before.map(str::to_owned))));
            prop_assert_eq!(by_word, whole);
        }

        #[test]
        fn folding_a_token_again_changes_nothing(text in "\\PC{0,30}") {
            let once = sequence(&text);
            prop_assert_eq!(sequence(&once.join(" ")), once);
        }
    }
}
