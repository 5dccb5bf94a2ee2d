//! What differs between two texts, word by word, in any script.
//!
//! Words are those of Unicode (UAX #29), so that a Chinese sentence is not one word. Changes that only white space parts are one
//! change: people read phrases, not tokens.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation;

/// Comparing costs up to the product of both lengths: of larger pairs, all between the first difference and the last
/// counts as changed.
const MOST_COMPARISONS: usize = 4_000_000;

/// Two passages that share less than this part of their words are two passages, not one with changes.
const LEAST_SHARED: f64 = 0.3;

/// A part of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Stands in both.
    Same(&'t str),
    /// Was there before.
    Gone(&'t str),
    /// Is there now.
    Come(&'t str),
}

/// A paragraph, or several, of two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage<'t> {
    /// So many paragraphs that did not change.
    Unchanged(usize),
    /// One that did, with what did.
    Changed(Vec<Piece<'t>>),
}

/// What became of a text of paragraphs with an empty line between them.
pub fn passages<'t>(before: &'t str, now: &'t str) -> Vec<Passage<'t>> {
    let paragraphs = |text: &'t str| text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).collect::<Vec<_>>();
    let (before, now) = (paragraphs(before), paragraphs(now));
    let mut passages = Vec::new();
    for op in differences(&before, &now) {
        match op {
            DiffOp::Equal { len, .. } => passages.push(Passage::Unchanged(len)),
            DiffOp::Delete { old_index, old_len, .. } => {
                passages.extend(before[old_index..old_index + old_len].iter().map(|gone| Passage::Changed(vec![Piece::Gone(gone)])));
            }
            DiffOp::Insert { new_index, new_len, .. } => {
                passages.extend(now[new_index..new_index + new_len].iter().map(|come| Passage::Changed(vec![Piece::Come(come)])));
            }
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                let pairs = old_len.max(new_len);
                for at in 0..pairs {
                    let gone = before.get(old_index + at).filter(|_| at < old_len);
                    let come = now.get(new_index + at).filter(|_| at < new_len);
                    passages.push(Passage::Changed(match (gone, come) {
                        (Some(gone), Some(come)) => pieces(gone, come),
                        (Some(gone), None) => vec![Piece::Gone(gone)],
                        (None, Some(come)) => vec![Piece::Come(come)],
                        (None, None) => Vec::new(),
                    }));
                }
            }
        }
    }
    passages
}

/// What became of one line or paragraph.
pub fn pieces<'t>(before: &'t str, now: &'t str) -> Vec<Piece<'t>> {
    let (old, new) = (Words::of(before), Words::of(now));
    let changes = changes(&old.words, &new.words, |gap| gap.iter().all(|word| word.trim().is_empty()));
    let is_word = |word: &&&str| word.contains(char::is_alphanumeric);
    let shared = {
        let changed: usize = changes.iter().map(|change| old.words[change.old.clone()].iter().filter(is_word).count()).sum();
        old.words.iter().filter(is_word).count() - changed
    };
    let shorter = old.words.iter().filter(is_word).count().min(new.words.iter().filter(is_word).count());
    if (shared as f64) < LEAST_SHARED * shorter as f64 {
        return [Piece::Gone(before), Piece::Come(now)].into_iter().filter(|piece| !piece.text().is_empty()).collect();
    }
    let mut pieces = Vec::new();
    let mut after = 0;
    for Change { old: gone, new: come } in changes {
        pieces.push(Piece::Same(old.slice(after..gone.start)));
        after = gone.end;
        pieces.push(Piece::Gone(old.slice(gone)));
        pieces.push(Piece::Come(new.slice(come)));
    }
    pieces.push(Piece::Same(old.slice(after..old.words.len())));
    pieces.retain(|piece| !piece.text().is_empty());
    pieces
}

impl<'t> Piece<'t> {
    /// Its characters.
    pub fn text(&self) -> &'t str {
        match self {
            Self::Same(text) | Self::Gone(text) | Self::Come(text) => text,
        }
    }
}

/// A text as words and what stands between them, which together are the whole of it.
struct Words<'t> {
    text: &'t str,
    words: Vec<&'t str>,
    /// Where each begins, and where the last ends.
    starts: Vec<usize>,
}

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Self {
        let (mut starts, words): (Vec<usize>, Vec<&str>) = text.split_word_bound_indices().unzip();
        starts.push(text.len());
        Self { text, words, starts }
    }

    fn slice(&self, words: Range<usize>) -> &'t str {
        &self.text[self.starts[words.start]..self.starts[words.end]]
    }
}

/// Words of one text that became words of another; of either there may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Positions in the old text.
    pub old: Range<usize>,
    /// Positions in the new one.
    pub new: Range<usize>,
}

/// The changes between two texts in their order. Two are one where `is_gap` takes what stands between them for nothing.
pub fn changes(old: &[&str], new: &[&str], is_gap: impl Fn(&[&str]) -> bool) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for op in differences(old, new) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let change = Change { old: op.old_range(), new: op.new_range() };
        match changes.last_mut() {
            Some(last) if is_gap(&old[last.old.end..change.old.start]) => {
                last.old.end = change.old.end;
                last.new.end = change.new.end;
            }
            _ => changes.push(change),
        }
    }
    changes
}

/// Between the first difference and the last as the algorithm of Myers finds them, where that is not too much to compare.
fn differences(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let suffix = old[prefix..].iter().rev().zip(new[prefix..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_len, new_len) = (old.len() - prefix - suffix, new.len() - prefix - suffix);
    if old_len.saturating_mul(new_len) <= MOST_COMPARISONS {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    [
        DiffOp::Equal { old_index: 0, new_index: 0, len: prefix },
        DiffOp::Replace { old_index: prefix, old_len, new_index: prefix, new_len },
        DiffOp::Equal { old_index: old.len() - suffix, new_index: new.len() - suffix, len: suffix },
    ]
    .into_iter()
    .filter(|op| !op.old_range().is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(pieces: &[Piece<'_>]) -> String {
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Same(text) => (*text).to_owned(),
                Piece::Gone(text) => format!("[-{text}-]"),
                Piece::Come(text) => format!("{{+{text}+}}"),
            })
            .collect()
    }

    #[test]
    fn changes_are_told_by_the_word_in_any_script() {
        for (before, now, want) in [
            ("The bridge opens in May.", "The bridge opens in June.", "The bridge opens in [-May-]{+June+}."),
            ("It cost 1,200 euros.", "It cost 1,300 euros.", "It cost [-1,200-]{+1,300+} euros."),
            ("The old town bridge is open", "The harbour ferry is open", "The [-old town bridge-]{+harbour ferry+} is open"),
            ("The bridge is open.", "The bridge is not open.", "The bridge is {+not +}open."),
            ("大桥今天开放", "大桥明天开放", "大桥[-今-]{+明+}天开放"),
            ("Мост открыт в мае", "Мост закрыт в мае", "Мост [-открыт-]{+закрыт+} в мае"),
            ("เปิด ๒ วัน", "เปิด ๓ วัน", "เปิด [-๒-]{+๓+} วัน"),
            ("One thing here", "Another matter altogether", "[-One thing here-]{+Another matter altogether+}"),
            ("", "Now", "{+Now+}"),
            ("Then", "", "[-Then-]"),
            ("Same", "Same", "Same"),
            ("", "", ""),
        ] {
            assert_eq!(marked(&pieces(before, now)), want);
        }
    }

    #[test]
    fn of_paragraphs_only_those_that_changed_are_compared_by_the_word() {
        let before = "One.\n\nTwo stays here.\n\nThree is open today.\n\nFour.";
        let now = "One.\n\nTwo stays here.\n\nThree is closed today.\n\nFour.\n\nFive.";
        let shown: Vec<String> = passages(before, now)
            .iter()
            .map(|passage| match passage {
                Passage::Unchanged(count) => format!("{count} unchanged"),
                Passage::Changed(pieces) => marked(pieces),
            })
            .collect();
        assert_eq!(shown, ["2 unchanged", "Three is [-open-]{+closed+} today.", "1 unchanged", "{+Five.+}"]);
    }

    #[test]
    fn what_is_shown_of_either_text_is_the_whole_of_it_however_long() {
        let long: String = (0..5000).map(|number| format!("old{number} ")).collect();
        let other: String = (0..5000).map(|number| format!("new{number} ")).collect();
        let whole = |text: &str, is_of: fn(&Piece<'_>) -> bool, pieces: &[Piece<'_>]| {
            assert_eq!(pieces.iter().filter(|piece| is_of(piece)).map(Piece::text).collect::<String>(), text);
        };
        let (one, two) = (format!("same {long} end"), format!("same {other} end"));
        for (before, now) in [(one.as_str(), two.as_str()), ("a b c d", "b c e d"), ("x", "x y")] {
            let pieces = pieces(before, now);
            whole(before, |piece| !matches!(piece, Piece::Come(_)), &pieces);
            whole(now, |piece| !matches!(piece, Piece::Gone(_)), &pieces);
        }
    }
}
