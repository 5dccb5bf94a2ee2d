//! Presses: generators of stories that work in quite different ways, so that what holds for one and not for another is
//! seen. No words of people are in them: each press makes up its own languages.

use crate::random::Random;

/// A story: paragraphs of sentences of words.
#[derive(Debug, Clone)]
pub struct Story {
    pub title: Vec<String>,
    pub paragraphs: Vec<Vec<Vec<String>>>,
    pub is_spaced: bool,
    pub language: String,
}

impl Story {
    pub fn headline(&self) -> String {
        capital(&self.join(&self.title))
    }

    pub fn text(&self) -> String {
        let end = if self.is_spaced { ". " } else { "。" };
        let paragraph = |sentences: &Vec<Vec<String>>| {
            let text: String = sentences.iter().map(|words| capital(&self.join(words)) + end).collect();
            text.trim_end().to_owned()
        };
        self.paragraphs.iter().map(paragraph).collect::<Vec<_>>().join("\n\n")
    }

    fn join(&self, words: &[String]) -> String {
        words.join(if self.is_spaced { " " } else { "" })
    }

    pub fn words(&self) -> usize {
        self.paragraphs.iter().flatten().map(Vec::len).sum()
    }
}

pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Something that writes stories.
pub trait Press {
    fn name(&self) -> &'static str;
    fn topics(&self) -> usize;
    fn story(&self, topic: usize, words: usize, random: &mut Random) -> Story;
    /// A word that an editor puts in another's place.
    fn word(&self, random: &mut Random) -> String;
    /// A name of somebody or something.
    fn person(&self, random: &mut Random) -> String;
}

fn invented(syllables: &[&str], count: usize, random: &mut Random) -> String {
    (0..count).map(|_| *random.of(syllables)).collect()
}

const LATIN: [&str; 40] = [
    "ba", "den", "tor", "mi", "sel", "ka", "ron", "vi", "lu", "pen", "gra", "sto", "ne", "fal", "che", "dor", "wi", "ham", "ter", "os",
    "an", "il", "ur", "es", "qua", "bre", "zin", "po", "ly", "mer", "tha", "gi", "cor", "fe", "nu", "sam", "vo", "kel", "ri", "ad",
];
const CYRILLIC: [&str; 30] = [
    "ба", "ден", "тор", "ми", "сел", "ка", "рон", "ви", "лу", "пен", "гра", "сто", "не", "фал", "че", "дор", "ви", "хам", "тер", "ос",
    "ан", "ил", "ур", "ес", "бре", "зин", "по", "мер", "ги", "кор",
];

/// Sentences by a grammar: function words between content words; a topic has words, people and places of its own, and a
/// story people and figures that no other has.
pub struct Grammar {
    name: &'static str,
    language: &'static str,
    function: Vec<String>,
    content: Vec<String>,
    topics: Vec<(Vec<String>, Vec<String>)>,
    syllables: &'static [&'static str],
}

impl Grammar {
    pub fn new(name: &'static str, cyrillic: bool, seed: u64, topics: usize) -> Self {
        let mut random = Random(seed);
        let syllables: &'static [&'static str] = if cyrillic { &CYRILLIC } else { &LATIN };
        let function = (0..90).map(|_| invented(syllables, random.between(1, 2), &mut random)).collect();
        let content: Vec<String> = (0..9_000)
            .map(|_| {
                let syllable_count = random.between(2, 4);
                invented(syllables, syllable_count, &mut random)
            })
            .collect();
        let topics = (0..topics)
            .map(|_| {
                let words = (0..28).map(|_| content[800 + random.below(content.len() - 800)].clone()).collect();
                let names = (0..6).map(|_| capital(&invented(syllables, 3, &mut random))).collect();
                (words, names)
            })
            .collect();
        Self { name, language: if cyrillic { "ru" } else { "en" }, function, content, topics, syllables }
    }

    fn sentence(&self, topic: usize, own: &[String], random: &mut Random) -> Vec<String> {
        let (words, names) = &self.topics[topic];
        let mut sentence = Vec::new();
        for _ in 0..random.between(3, 9) {
            for _ in 0..random.between(0, 2) {
                sentence.push(self.function[random.zipf(self.function.len())].clone());
            }
            let draw = random.unit();
            sentence.push(match draw {
                _ if draw < 0.24 => words[random.zipf(words.len())].clone(),
                _ if draw < 0.30 => random.of(names).clone(),
                _ if draw < 0.40 => random.of(own).clone(),
                _ => self.content[random.zipf(self.content.len())].clone(),
            });
        }
        sentence
    }
}

impl Press for Grammar {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> usize {
        self.topics.len()
    }

    fn story(&self, topic: usize, words: usize, random: &mut Random) -> Story {
        let mut own: Vec<String> = (0..6).map(|_| self.person(random)).collect();
        own.extend((0..5).map(|_| random.between(10, 9_999).to_string()));
        let mut paragraphs = Vec::new();
        let mut written = 0;
        while written < words {
            let paragraph: Vec<Vec<String>> = (0..random.between(2, 4)).map(|_| self.sentence(topic, &own, random)).collect();
            written += paragraph.iter().map(Vec::len).sum::<usize>();
            paragraphs.push(paragraph);
        }
        Story { title: self.sentence(topic, &own, random), paragraphs, is_spaced: true, language: self.language.to_owned() }
    }

    fn word(&self, random: &mut Random) -> String {
        if random.chance(0.4) {
            self.function[random.zipf(self.function.len())].clone()
        } else {
            self.content[random.zipf(self.content.len())].clone()
        }
    }

    fn person(&self, random: &mut Random) -> String {
        let syllable_count = random.between(2, 4);
        capital(&invented(self.syllables, syllable_count, random))
    }
}

/// A chain: each word has a few words that like to follow it, so turns of speech come again in stories that have nothing
/// to do with each other, as they do in real language. A topic bends the chain toward its words. No names are written
/// large, and figures are rare. Without spaces it is a script of single characters.
pub struct Chain {
    name: &'static str,
    words: Vec<String>,
    followers: Vec<Vec<usize>>,
    topics: Vec<Vec<usize>>,
    is_spaced: bool,
}

impl Chain {
    pub fn new(name: &'static str, is_spaced: bool, seed: u64, topics: usize) -> Self {
        let mut random = Random(seed);
        let count = 12_000;
        let words: Vec<String> = (0..count)
            .map(|rank| {
                if is_spaced {
                    // Frequent words are no shorter than rare ones here.
                    (0..random.between(3, 8)).map(|_| (b'a' + random.below(26) as u8) as char).collect()
                } else {
                    let characters = if rank < 100 { 1 } else { random.between(1, 3) };
                    (0..characters).filter_map(|_| char::from_u32(0x4e00 + random.zipf(2_500) as u32)).collect()
                }
            })
            .collect();
        let followers = (0..count).map(|_| (0..12).map(|_| random.zipf(count)).collect()).collect();
        let topics = (0..topics).map(|_| (0..40).map(|_| 300 + random.below(count - 300)).collect()).collect();
        Self { name, words, followers, topics, is_spaced }
    }

    fn sentence(&self, topic: usize, random: &mut Random) -> Vec<String> {
        let mut at = random.zipf(self.words.len());
        (0..random.between(7, 24))
            .map(|_| {
                let draw = random.unit();
                at = match draw {
                    _ if draw < 0.12 => self.topics[topic][random.zipf(40)],
                    _ if draw < 0.55 => self.followers[at][random.zipf(12)],
                    _ => random.zipf(self.words.len()),
                };
                if random.chance(0.01) { random.between(10, 500).to_string() } else { self.words[at].clone() }
            })
            .collect()
    }
}

impl Press for Chain {
    fn name(&self) -> &'static str {
        self.name
    }

    fn topics(&self) -> usize {
        self.topics.len()
    }

    fn story(&self, topic: usize, words: usize, random: &mut Random) -> Story {
        let mut paragraphs = Vec::new();
        let mut written = 0;
        while written < words {
            let paragraph: Vec<Vec<String>> = (0..random.between(1, 5)).map(|_| self.sentence(topic, random)).collect();
            written += paragraph.iter().map(Vec::len).sum::<usize>();
            paragraphs.push(paragraph);
        }
        let language = if self.is_spaced { "fi" } else { "zh" };
        Story { title: self.sentence(topic, random), paragraphs, is_spaced: self.is_spaced, language: language.to_owned() }
    }

    fn word(&self, random: &mut Random) -> String {
        self.words[random.zipf(self.words.len())].clone()
    }

    fn person(&self, random: &mut Random) -> String {
        self.words[5_000 + random.below(self.words.len() - 5_000)].clone()
    }
}
