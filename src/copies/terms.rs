//! What an article is about: its characteristic terms, by TF-IDF.
//!
//! A term is characteristic where the article uses it more than others do. How many others use it is counted in the
//! archive itself, for each language apart: so function words are known by being everywhere, in any language, and no list
//! of stop words is needed. Until enough articles of a language were counted, short words are taken for common ones.
//!
//! Which terms are chosen depends on what was counted until then, so on the order of polls; that decides over similar
//! posts alone, never over copies.

use std::collections::BTreeMap;

use super::hash;

/// So many characteristic terms an article has at most.
pub const TERMS: usize = 16;

/// The counters of terms. Terms that share one make each other look a little more common.
const COUNTERS: usize = 1 << 18;
/// After so many articles all counts are halved, so that they follow the language of the day and never overflow.
const HALVE_AFTER: u32 = 40_000;
/// What is known of a word before anything was counted weighs as much as so many articles.
const PRIOR_WEIGHT: f32 = 40.0;
/// A term that fewer than one article in 400 uses is as characteristic as any: what nobody else uses joins nothing.
const MOST_IDF: f32 = 6.0;

/// A text's distinct terms, how often each occurs, and how common its length makes it look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bag {
    /// `(term, times, characters)`; term 0 is an empty place of the table.
    places: Vec<(u32, u8, u8)>,
    filled: usize,
}

impl Bag {
    /// Counts a token `times` more; `length` in bytes.
    pub fn add(&mut self, token: u64, times: u8, length: usize) {
        if (self.filled + 1) * 2 > self.places.len() {
            self.grow();
        }
        let term = ((token >> 16) as u32).max(1);
        self.put(term, times, u8::try_from(length).unwrap_or(u8::MAX));
    }

    fn put(&mut self, term: u32, times: u8, length: u8) {
        let mask = self.places.len() - 1;
        let mut at = term as usize & mask;
        while let Some(place) = self.places.get_mut(at) {
            if place.0 == term {
                place.1 = place.1.saturating_add(times);
                return;
            }
            if place.0 == 0 {
                *place = (term, times, length);
                self.filled += 1;
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.places.len() * 2).max(256);
        let old = std::mem::replace(&mut self.places, vec![(0, 0, 0); size]);
        self.filled = 0;
        for (term, times, length) in old.into_iter().filter(|place| place.0 != 0) {
            self.put(term, times, length);
        }
    }

    fn terms(&self) -> impl Iterator<Item = (u32, u8, u8)> + '_ {
        self.places.iter().copied().filter(|place| place.0 != 0)
    }
}

/// The characteristic terms of an article, and how much each says: a vector of length 1. All in one piece: those of thousands of
/// articles are kept for weeks, and small pieces would be strewn among what is needed for a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    terms: [u32; TERMS],
    weights: [u8; TERMS],
    count: u8,
}

impl Terms {
    /// The terms and their weights, in 255ths.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u8)> + '_ {
        self.terms.iter().copied().zip(self.weights).take(usize::from(self.count))
    }

    /// The weight of the term of this number, in 255ths.
    pub fn weight(&self, number: usize) -> u8 {
        self.weights.get(number).copied().unwrap_or_default()
    }

    /// From what [`Self::iter`] gave: [`TERMS`] at most, more are left out.
    pub fn of(terms: impl IntoIterator<Item = (u32, u8)>) -> Self {
        let mut kept = Self::default();
        for ((term, weight), (place, place_of_weight)) in terms.into_iter().zip(kept.terms.iter_mut().zip(&mut kept.weights)) {
            (*place, *place_of_weight) = (term, weight);
            kept.count += 1;
        }
        kept
    }
}

/// In how many articles terms occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frequencies {
    counters: Vec<u16>,
    /// Articles of each language (its first subtag; "" where it is not known).
    articles: BTreeMap<String, u32>,
}

impl Default for Frequencies {
    fn default() -> Self {
        Self { counters: vec![0; COUNTERS], articles: BTreeMap::new() }
    }
}

impl Frequencies {
    /// From what was kept; `None` where it is not what [`Self::counters`] gave.
    pub fn of(counters: Vec<u16>, articles: BTreeMap<String, u32>) -> Option<Self> {
        (counters.len() == COUNTERS).then_some(Self { counters, articles })
    }

    /// The counters, to be kept.
    pub fn counters(&self) -> &[u16] {
        &self.counters
    }

    /// Articles counted, by language.
    pub fn articles(&self) -> &BTreeMap<String, u32> {
        &self.articles
    }

    /// Counts an article that is new.
    pub fn count(&mut self, language: Option<&str>, bag: &Bag) {
        let language = primary(language);
        let salt = hash::of_token(language);
        for (term, ..) in bag.terms() {
            if let Some(counter) = self.counters.get_mut(place(salt, term)) {
                *counter = counter.saturating_add(1);
            }
        }
        match self.articles.get_mut(language) {
            Some(articles) => *articles += 1,
            None => drop(self.articles.insert(language.to_owned(), 1)),
        }
        if self.articles.values().sum::<u32>() >= HALVE_AFTER {
            self.counters.iter_mut().for_each(|counter| *counter /= 2);
            self.articles.values_mut().for_each(|articles| *articles /= 2);
        }
    }

    /// The terms that say most about an article of this language.
    pub fn characteristic(&self, language: Option<&str>, bag: &Bag) -> Terms {
        let language = primary(language);
        let salt = hash::of_token(language);
        let articles = self.articles.get(language).copied().unwrap_or_default() as f32 + PRIOR_WEIGHT;
        let mut weighed: Vec<(f32, u32)> = bag
            .terms()
            .map(|(term, times, length)| {
                let counted = f32::from(self.counters.get(place(salt, term)).copied().unwrap_or_default());
                let idf = (articles / (counted + prior(length) * PRIOR_WEIGHT)).ln().min(MOST_IDF);
                (idf * (1.0 + f32::from(times).ln()), term)
            })
            .collect();
        // Ties go by term, so that the choice is the same however the table lies.
        let better = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if weighed.len() > TERMS {
            weighed.select_nth_unstable_by(TERMS, better);
            weighed.truncate(TERMS);
        }
        weighed.retain(|(weight, _)| *weight > 0.0);
        let length = weighed.iter().map(|(weight, _)| weight * weight).sum::<f32>().sqrt();
        Terms::of(weighed.into_iter().map(|(weight, term)| (term, (weight / length * 255.0).round() as u8)))
    }
}

/// The share of articles that a word of so many bytes is expected in: in every language the short ones are the common ones.
fn prior(length: u8) -> f32 {
    match length {
        0..=2 => 0.6,
        3 => 0.4,
        4 => 0.15,
        5 => 0.06,
        _ => 0.02,
    }
}

fn place(salt: u64, term: u32) -> usize {
    ((salt ^ u64::from(term).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 40) as usize % COUNTERS
}

/// `de` of `de-AT`.
fn primary(language: Option<&str>) -> &str {
    language.unwrap_or_default().split('-').next().unwrap_or_default()
}
