//! What the archive keeps of a likeness for as long as the article stands in the window: some 300 bytes.
//!
//! Byte 0 is the version. Then little-endian: the number of terms (one byte) and each term (four bytes) with its weight
//! (one byte); if there is a sketch, its bytes follow as [`Sketch::to_bytes`] gives them.

use super::{Sketch, Terms};

/// Changes whenever sketches or terms are made by other rules: what was kept by older ones cannot be compared.
const VERSION: u8 = 1;

/// What is kept of an article for comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// For near copies.
    pub sketch: Option<Sketch>,
    /// For similar posts.
    pub terms: Terms,
}

impl Kept {
    /// As the archive keeps it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(320);
        bytes.push(VERSION);
        bytes.push(self.terms.iter().count() as u8);
        for (term, weight) in self.terms.iter() {
            bytes.extend(term.to_le_bytes());
            bytes.push(weight);
        }
        if let Some(sketch) = &self.sketch {
            sketch.to_bytes(&mut bytes);
        }
        bytes
    }

    /// From the archive; `None` where it was made by other rules, or is damaged.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[version, count], rest) = bytes.split_first_chunk::<2>()?;
        if version != VERSION {
            return None;
        }
        let (terms, sketch) = rest.split_at_checked(usize::from(count) * 5)?;
        let terms = terms.as_chunks::<5>().0.iter().map(|&[a, b, c, d, weight]| (u32::from_le_bytes([a, b, c, d]), weight));
        let sketch = if sketch.is_empty() { None } else { Some(Sketch::of_bytes(sketch)?) };
        Some(Self { sketch, terms: Terms::of(terms) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CopySettings, Frequencies, Likeness};
    use super::*;
    use crate::article::Draft;

    #[test]
    fn what_is_kept_comes_out_again_and_damage_is_seen() {
        let text = (0..90).map(|word| format!("Word{word} of 19{word}")).collect::<Vec<_>>().join(" ");
        let likeness = Likeness::of(&Draft { text, title: "A title".into(), ..Draft::default() }, CopySettings::default());
        let terms = Frequencies::default().characteristic(None, likeness.bag.as_ref().unwrap());
        for kept in [Kept { sketch: likeness.sketch, terms: terms.clone() }, Kept { sketch: None, terms }, Kept::default()] {
            let bytes = kept.to_bytes();
            assert!(bytes.len() < 350, "{}", bytes.len());
            assert_eq!(Kept::of_bytes(&bytes), Some(kept));
            assert_eq!(Kept::of_bytes(&bytes[..bytes.len() - 1]), None);
            assert_eq!(Kept::of_bytes(&[&bytes[..], &[1]].concat()), None);
        }
        assert_eq!(Kept::of_bytes(&[VERSION + 1, 0]), None);
    }
}
