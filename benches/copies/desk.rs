//! What becomes of a story: edits as papers make them, and series of short items that repeat their frame.

use crate::presses::{Press, Story};
use crate::random::Random;

/// Each word is replaced, dropped or followed by another with this probability.
pub fn reworded(story: &Story, share: f64, press: &dyn Press, random: &mut Random) -> Story {
    let mut edited = story.clone();
    for sentence in edited.paragraphs.iter_mut().flatten() {
        let mut words = Vec::with_capacity(sentence.len());
        for word in sentence.drain(..) {
            if !random.chance(share) {
                words.push(word);
                continue;
            }
            match random.below(4) {
                0 => {}
                1 => words.extend([word, press.word(random)]),
                _ => words.push(press.word(random)),
            }
        }
        *sentence = words;
    }
    edited
}

/// Sentences are written anew until this share is left, and others stand between them.
pub fn rewritten(story: &Story, kept: f64, press: &dyn Press, topic: usize, random: &mut Random) -> Story {
    let mut edited = story.clone();
    for sentence in edited.paragraphs.iter_mut().flatten() {
        if !random.chance(kept) {
            *sentence = press.story(topic, 12, random).paragraphs.swap_remove(0).swap_remove(0);
        }
    }
    edited
}

pub fn reordered(story: &Story, random: &mut Random) -> Story {
    let mut edited = story.clone();
    random.shuffle(&mut edited.paragraphs);
    edited
}

/// The first so much of the paragraphs.
pub fn cut(story: &Story, kept: f64) -> Story {
    let mut edited = story.clone();
    let count = ((edited.paragraphs.len() as f64 * kept).ceil() as usize).max(1);
    edited.paragraphs.truncate(count);
    edited
}

/// Another headline and another first paragraph.
pub fn new_lead(story: &Story, press: &dyn Press, topic: usize, random: &mut Random) -> Story {
    let other = press.story(topic, 40, random);
    let mut edited = story.clone();
    edited.title = other.title;
    if let (Some(lead), Some(new)) = (edited.paragraphs.first_mut(), other.paragraphs.into_iter().next()) {
        *lead = new;
    }
    edited
}

/// The agency's line before it and a paper's after it.
pub fn with_agency_line(story: &Story, press: &dyn Press, random: &mut Random) -> Story {
    let mut edited = story.clone();
    let line = |random: &mut Random| vec![(0..random.between(6, 16)).map(|_| press.word(random)).collect()];
    edited.paragraphs.insert(0, line(random));
    edited.paragraphs.push(line(random));
    edited
}

/// The same sentences in another language: each word has one counterpart there; names and figures stay.
pub fn translated(story: &Story, random: &mut Random) -> Story {
    let salt = random.next();
    let mut edited = story.clone();
    for word in edited.paragraphs.iter_mut().flatten().flatten() {
        let stays = word.chars().next().is_some_and(|first| first.is_uppercase() || first.is_ascii_digit());
        if !stays {
            let seed = word.bytes().fold(salt | 1, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            let mut own = Random(seed);
            *word = (0..own.between(3, 8)).map(|_| (b'a' + own.below(26) as u8) as char).collect();
        }
    }
    edited.language = "xx".to_owned();
    edited
}

/// The kinds of series.
pub const SERIES: [&str; 5] = ["weather", "market", "live blog", "photo of the day", "sports results"];

/// A frame of words with places that each item fills anew.
pub struct Series {
    frame: Story,
    kind: usize,
}

impl Series {
    pub fn new(kind: usize, press: &dyn Press, random: &mut Random) -> Self {
        // Live blogs and photos have a frame around a text of their own; the others have places in every sentence.
        let words = [90, 60, 70, 65, 80][kind] + random.below(30);
        Self { frame: press.story(random.below(press.topics()), words, random), kind }
    }

    pub fn item(&self, press: &dyn Press, random: &mut Random) -> Story {
        let mut item = self.frame.clone();
        match self.kind {
            2 | 3 => {
                let length = if self.kind == 2 { random.between(40, 90) } else { random.between(12, 35) };
                let own = press.story(random.below(press.topics()), length, random).paragraphs;
                item.paragraphs.splice(0..1, own);
            }
            _ => {
                for sentence in item.paragraphs.iter_mut().flatten() {
                    for place in (1..sentence.len()).step_by(5) {
                        sentence[place] = match random.below(3) {
                            0 => press.person(random),
                            1 => random.between(1, 40).to_string(),
                            _ => random.between(10, 20_000).to_string(),
                        };
                    }
                }
            }
        }
        item
    }
}
