//! The sketch of a text: a few bytes by which two texts are compared without reading them again.
//!
//! A text is the set of its runs: three words one after another, or four characters of a script without spaces. What
//! two texts have in common is estimated by one-permutation MinHash: each run falls into one of [`BINS`] bins and the
//! smallest of each bin leaves eight bits there; equal bits in a bin say that the smallest run of both texts together
//! stands in both. A second, coarser partition gives the [`KEYS`] keys by which candidates are looked up.
//!
//! Runs alone cannot tell a copy from the next issue of a series (the weather, a market report), which repeats most of
//! its words. But an edited copy keeps the story's names and figures, and the next issue has others: so the sketch
//! holds a sample of these, too.
//!
//! Whether one article is a near copy of another is asked of the two sketches alone ([`Sketch::likeness`]), and either
//! way round it is the same: so it cannot matter in which order articles come.

use super::hash;

/// Bins of the estimate. One in `BINS` is the smallest difference that it can see.
const BINS: usize = 128;
/// Keys that candidates are looked up by: where a fifth of all runs is common, one of 150 pairs has none in common.
pub const KEYS: usize = 24;
/// So many names and figures are kept: those with the smallest hashes, so that two texts keep the same ones.
const DETAILS: usize = 24;

/// Shorter texts are no copies of anything; as with exact copies.
const FEWEST_RUNS: u32 = 48;

/// Of the shorter text's runs, so many must stand in the other …
const LEAST_CONTAINED: f32 = 0.2;
/// … and of all runs of both.
const LEAST_RESEMBLANCE: f32 = 0.07;
/// So many common runs are a story by themselves.
const STORY: f32 = 110.0;

/// The bytes of a text's runs, names and figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch {
    /// How many runs there are.
    runs: u32,
    /// Eight bits of each bin's smallest run; 0 where the bin is empty.
    bins: [u8; BINS],
    keys: [u16; KEYS],
    /// Hashes of names and figures, ascending.
    details: [u16; DETAILS],
    /// How many there are.
    known_details: u8,
}

/// What makes a sketch: it is shown a text's tokens one after another.
#[derive(Debug)]
pub struct Sketcher {
    last: [u64; 3],
    tokens: u32,
    runs: u32,
    ranks: [u32; BINS],
    bins: [u8; BINS],
    key_ranks: [u32; KEYS],
    keys: [u16; KEYS],
    details: Vec<u16>,
}

impl Default for Sketcher {
    fn default() -> Self {
        Self {
            last: [0; 3],
            tokens: 0,
            runs: 0,
            ranks: [u32::MAX; BINS],
            bins: [0; BINS],
            key_ranks: [u32::MAX; KEYS],
            keys: [0; KEYS],
            details: Vec::new(),
        }
    }
}

impl Sketcher {
    /// The text's next token: its hash, whether it is a character of a script without spaces, and whether it is a name
    /// or a figure.
    pub fn add(&mut self, token: u64, is_character: bool, is_detail: bool) {
        let [a, b, c] = self.last;
        self.last = [b, c, token];
        self.tokens = self.tokens.saturating_add(1);
        if is_detail {
            self.details.push((token >> 48) as u16);
        }
        if self.tokens < if is_character { 4 } else { 3 } {
            return;
        }
        self.runs = self.runs.saturating_add(1);
        let earliest = if is_character { a } else { 0 };
        let run = hash::mix(earliest.rotate_left(45).wrapping_add(b.rotate_left(30)).wrapping_add(c.rotate_left(15)).wrapping_add(token));
        let (bin, rank) = ((run >> 57) as usize, (run >> 25) as u32);
        if let (Some(least), Some(bits)) = (self.ranks.get_mut(bin), self.bins.get_mut(bin))
            && rank < *least
        {
            *least = rank;
            *bits = (run as u8).max(1);
        }
        let other = run.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (bin, rank) = ((((other >> 48) as usize) * KEYS) >> 16, (other >> 16) as u32);
        if let (Some(least), Some(key)) = (self.key_ranks.get_mut(bin), self.keys.get_mut(bin))
            && rank < *least
        {
            *least = rank;
            *key = (run as u16).max(1);
        }
    }

    /// The sketch; `None` where the text is too short to be a copy.
    pub fn finish(mut self) -> Option<Sketch> {
        if self.runs < FEWEST_RUNS {
            return None;
        }
        self.details.sort_unstable();
        self.details.dedup();
        self.details.truncate(DETAILS);
        Some(Sketch::of(self.runs, self.bins, self.keys, &self.details))
    }
}

/// How two sketches compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Estimated share of the shorter text's runs that stand in the other, 0 to 1.
    pub contained: f32,
    /// How many runs that is.
    pub common: f32,
    /// Names and figures that could stand in both, and how many of them do.
    pub details: (usize, usize),
    /// Do they share a key? Texts that cannot be found by one another are no copies though a third leads to both, for
    /// else it would matter which was compared with which.
    pub share_key: bool,
}

impl Sketch {
    fn of(runs: u32, bins: [u8; BINS], keys: [u16; KEYS], known: &[u16]) -> Self {
        let mut details = [0; DETAILS];
        let mut known_details = 0;
        for (place, detail) in details.iter_mut().zip(known) {
            *place = *detail;
            known_details += 1;
        }
        Self { runs, bins, keys, details, known_details }
    }

    fn details(&self) -> &[u16] {
        self.details.get(..usize::from(self.known_details)).unwrap_or_default()
    }

    /// The keys by which candidates are looked up; two texts that share much share one.
    pub fn keys(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.iter().enumerate().filter(|(_, key)| **key != 0).map(|(bin, key)| ((bin as u32) << 16) | u32::from(*key))
    }

    /// Compares two sketches; the same either way round. `None` where they share next to nothing.
    pub fn compare(&self, other: &Self) -> Option<Comparison> {
        // Counts of at most 128 fit into a byte, which lets the compiler take sixteen bins at a time.
        let (mut equal, mut filled) = (0_u8, 0_u8);
        for (a, b) in self.bins.iter().zip(&other.bins) {
            equal += u8::from((a == b) & (*a != 0));
            filled += u8::from((a | b) != 0);
        }
        let (equal, filled) = (f32::from(equal), f32::from(filled.max(1)));
        // One pair in 255 has the same bits by chance.
        let resemblance = (equal - (filled - equal) / 255.0) / filled;
        if resemblance < LEAST_RESEMBLANCE {
            return None;
        }
        let (a, b) = (self.runs as f32, other.runs as f32);
        let shorter = a.min(b);
        let common = (resemblance * (a + b) / (1.0 + resemblance)).min(shorter);
        let share_key = self.keys.iter().zip(&other.keys).any(|(a, b)| a == b && *a != 0);
        Some(Comparison { contained: common / shorter, common, details: self.common_details(other), share_key })
    }

    /// Of the names and figures that both samples would hold if both texts had them: the fewer of either's, and those
    /// that both have.
    fn common_details(&self, other: &Self) -> (usize, usize) {
        let reach = |details: &[u16]| if details.len() < DETAILS { u16::MAX } else { details.last().copied().unwrap_or(u16::MAX) };
        let (own_details, other_details) = (self.details(), other.details());
        let reach = reach(own_details).min(reach(other_details));
        let within = |details: &'_ [u16]| details.partition_point(|detail| *detail <= reach);
        let (own, others) = (within(own_details), within(other_details));
        let (mut a, mut b, mut common) = (0, 0, 0);
        while let (Some(x), Some(y)) = (own_details.get(a), other_details.get(b)) {
            common += usize::from(x == y && *x <= reach);
            (a, b) = (a + usize::from(x <= y), b + usize::from(y <= x));
        }
        (own.min(others), common)
    }
}

impl Sketch {
    /// How alike two near copies are, from 0 to 0.99; `None` where they are none. The same either way round.
    ///
    /// It is the share of the shorter text's words that stand in the other, as far as its runs tell: where that share of
    /// words stayed, evenly, its third power is the share of runs of three that stayed.
    pub fn likeness(&self, other: &Self) -> Option<f32> {
        self.compare(other)?.likeness()
    }

    /// As the archive keeps it: runs (four bytes), bins (128), keys (48), the number of names and figures (one) and these
    /// (two each).
    pub fn to_bytes(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.runs.to_le_bytes());
        bytes.extend(self.bins);
        bytes.extend(self.keys.iter().flat_map(|key| key.to_le_bytes()));
        bytes.push(self.known_details);
        bytes.extend(self.details().iter().flat_map(|detail| detail.to_le_bytes()));
    }

    /// From what [`Self::to_bytes`] gave.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (runs, rest) = bytes.split_first_chunk::<4>()?;
        let (bins, rest) = rest.split_first_chunk::<BINS>()?;
        let (key_bytes, rest) = rest.split_at_checked(2 * KEYS)?;
        let (count, details) = rest.split_first()?;
        let u16s = |bytes: &[u8]| bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect::<Vec<u16>>();
        let keys: [u16; KEYS] = u16s(key_bytes).try_into().ok()?;
        let is_whole = details.len() == 2 * usize::from(*count) && usize::from(*count) <= DETAILS;
        is_whole.then(|| Self::of(u32::from_le_bytes(*runs), *bins, keys, &u16s(details)))
    }
}

impl Comparison {
    /// Do the texts share enough to be versions of one another, or issues of one series?
    pub fn are_kin(&self) -> bool {
        self.contained >= LEAST_CONTAINED && self.share_key
    }

    /// As [`Sketch::likeness`].
    pub fn likeness(&self) -> Option<f32> {
        let (possible, common) = self.details;
        // What was kept of names and figures keeps pace with what was kept of the words, in a copy.
        let details_kept = possible < 4 || common as f32 >= 0.5 * self.contained * possible as f32;
        let enough = if possible >= 4 && common * 10 >= possible * 6 { 20.0 } else { 45.0 };
        let is_copy = self.are_kin() && self.common >= enough && details_kept;
        is_copy.then(|| self.similarity())
    }

    /// The share of the shorter text's words that stand in the other, as far as its runs tell; at most 0.99.
    pub fn similarity(&self) -> f32 {
        self.contained.cbrt().min(0.99)
    }

    /// Can this not be the frame of a series: is so much common that it is a story by itself, or nearly all?
    pub fn is_certain(&self) -> bool {
        self.common >= STORY || self.contained >= 0.9
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{CopySettings, Likeness};
    use super::*;
    use crate::article::Draft;

    fn sketch(text: &str) -> Option<Sketch> {
        Likeness::of(&Draft { text: text.into(), ..Draft::default() }, CopySettings::default()).sketch
    }

    fn words(seed: &str, count: usize) -> Vec<String> {
        (0..count).map(|word| format!("{seed}{word}")).collect()
    }

    #[test]
    fn what_is_contained_is_estimated_within_a_few_hundredths() {
        let story = words("w", 400);
        for (kept, other) in [(400, 0), (200, 200), (120, 280), (120, 0), (200, 600)] {
            let mut text = story[..kept].to_vec();
            text.extend(words("other", other));
            let comparison = sketch(&story.join(" ")).unwrap().compare(&sketch(&text.join(" ")).unwrap()).unwrap();
            let contained = kept as f32 / (kept + other).min(400) as f32;
            assert!((comparison.contained - contained).abs() < 0.15, "{kept} {other}: {comparison:?}");
        }
    }

    #[test]
    fn scripts_without_spaces_are_compared_by_their_characters() {
        let text: String = (0..300_u32).filter_map(|at| char::from_u32(0x4e00 + at * 37 % 5_000)).collect();
        let cut: String = text.chars().take(150).collect();
        let whole = sketch(&text).unwrap();
        assert!(whole.likeness(&sketch(&cut).unwrap()).is_some());
        let other: String = (0..300_u32).filter_map(|at| char::from_u32(0x4e00 + at * 41 % 5_000)).collect();
        assert_eq!(whole.likeness(&sketch(&other).unwrap()), None);
    }

    #[test]
    fn other_names_and_figures_speak_against_a_copy() {
        let report = |seed: usize| {
            let word = |at: usize| if at % 6 == 5 { format!("Town{seed}x{at}") } else { format!("w{at}") };
            (0..140).map(word).collect::<Vec<_>>().join(" ")
        };
        let (one, other) = (sketch(&report(1)).unwrap(), sketch(&report(2)).unwrap());
        assert!(one.compare(&other).unwrap().are_kin());
        assert_eq!(one.likeness(&other), None);
        // The same edit of words that are neither is one.
        assert!(one.likeness(&sketch(&report(1).replace("w1", "v1")).unwrap()).is_some());
    }

    #[test]
    fn a_short_text_has_no_sketch() {
        assert_eq!(sketch(&words("w", 49).join(" ")), None);
        assert!(sketch(&words("w", 50).join(" ")).is_some());
    }

    proptest! {
        #[test]
        fn likeness_is_the_same_either_way_round(
            one in proptest::collection::vec("[A-Z]?[a-c]{1,2}|[0-9]{2}", 50..90), other in proptest::collection::vec("[a-c]{1,2}", 0..40), from in 0..40_usize,
        ) {
            let text = [&one[from..], &other[..]].concat().join(" ");
            if let (Some(one), Some(other)) = (sketch(&one.join(" ")), sketch(&text)) {
                prop_assert_eq!(one.likeness(&other), other.likeness(&one));
                prop_assert_eq!(one.compare(&other), other.compare(&one));
            }
        }
    }
}
