//! How well copies and similar posts are found, and what it costs: `cargo bench --bench copies`. docs/copies.md explains
//! the tables. Stories are made up from a seed by three presses that work in different ways.

#![allow(clippy::print_stdout, reason = "the tables are the purpose")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a benchmark may stop")]

mod archive;
mod desk;
mod presses;
mod random;

use std::collections::HashMap;

use gleaner::article::Draft;
use gleaner::copies::{CopySettings, Frequencies, Hot, Kept, Likeness, Window};
use presses::{Chain, Grammar, Press, Story};
use random::Random;

const MINUTE: i64 = 60_000;

/// A window that stories are entered into as the archive enters them.
#[derive(Default)]
struct Archive {
    frequencies: Frequencies,
    window: Window,
    /// The article of each text: there are no exact copies here.
    of_key: HashMap<i64, i64>,
    entered: i64,
}

impl Archive {
    /// The articles that are taken for near copies of one.
    fn near(&self, article: i64) -> Vec<i64> {
        let key = self.window.get(article).and_then(|hot| hot.copy_key).unwrap_or_default();
        self.window.near(key).filter_map(|near| self.of_key.get(&near).copied()).collect()
    }

    fn enter(&mut self, story: &Story) -> i64 {
        let draft = Draft { title: story.headline(), text: story.text(), language: Some(story.language.clone()), ..Draft::default() };
        let likeness = Likeness::of(&draft, CopySettings::default());
        self.enter_likeness(likeness, &story.language)
    }

    fn enter_likeness(&mut self, likeness: Likeness, language: &str) -> i64 {
        self.entered += 1;
        self.of_key.extend(likeness.copy_key.map(|key| (key, self.entered)));
        let bag = likeness.bag.unwrap();
        self.frequencies.count(Some(language), &bag);
        let terms = self.frequencies.characteristic(Some(language), &bag);
        self.window.insert(Hot {
            article: self.entered,
            copy_key: likeness.copy_key,
            published: Some(self.entered * MINUTE / 2),
            first_seen: self.entered * MINUTE / 2,
            kept: Kept { sketch: likeness.sketch, terms },
            ..Hot::default()
        });
        self.entered
    }
}

fn presses() -> Vec<Box<dyn Press>> {
    vec![
        Box::new(Grammar::new("grammar", false, 1, 250)),
        Box::new(Grammar::new("grammar, Cyrillic", true, 2, 250)),
        Box::new(Chain::new("chain", true, 3, 250)),
        Box::new(Chain::new("chain, no spaces", false, 4, 250)),
    ]
}

/// The share of a story's runs of three words that another has.
fn common_runs(story: &Story, other: &Story) -> f64 {
    let runs = |story: &Story| -> std::collections::HashSet<Vec<String>> {
        let words: Vec<String> = story.paragraphs.iter().flatten().flatten().cloned().collect();
        words.windows(3).map(<[String]>::to_vec).collect()
    };
    let (a, b) = (runs(story), runs(other));
    a.intersection(&b).count() as f64 / a.len().min(b.len()).max(1) as f64
}

type Edit = (&'static str, fn(&Story, &dyn Press, usize, &mut Random) -> Story);

const EDITS: [Edit; 16] = [
    ("5 % of words", |story, press, _, random| desk::reworded(story, 0.05, press, random)),
    ("10 % of words", |story, press, _, random| desk::reworded(story, 0.10, press, random)),
    ("20 % of words", |story, press, _, random| desk::reworded(story, 0.20, press, random)),
    ("30 % of words", |story, press, _, random| desk::reworded(story, 0.30, press, random)),
    ("40 % of words", |story, press, _, random| desk::reworded(story, 0.40, press, random)),
    ("50 % of words", |story, press, _, random| desk::reworded(story, 0.50, press, random)),
    ("60 % of words", |story, press, _, random| desk::reworded(story, 0.60, press, random)),
    ("paragraphs reordered", |story, _, _, random| desk::reordered(story, random)),
    ("cut to a half", |story, _, _, _| desk::cut(story, 0.5)),
    ("cut to a third", |story, _, _, _| desk::cut(story, 0.33)),
    ("new headline and lead", |story, press, topic, random| desk::new_lead(story, press, topic, random)),
    ("agency line added", |story, press, _, random| desk::with_agency_line(story, press, random)),
    ("10 %, cut, new lead", |story, press, topic, random| {
        let edited = desk::reworded(&desk::cut(story, 0.6), 0.1, press, random);
        desk::new_lead(&edited, press, topic, random)
    }),
    ("half of sentences rewritten", |story, press, topic, random| desk::rewritten(story, 0.5, press, topic, random)),
    ("two thirds rewritten", |story, press, topic, random| desk::rewritten(story, 0.35, press, topic, random)),
    ("translated", |story, _, _, random| desk::translated(story, random)),
];

fn copies(press: &dyn Press, per_edit: usize, lengths: (usize, usize)) {
    let mut random = Random(77);
    let mut archive = Archive::default();
    let mut label: HashMap<i64, usize> = HashMap::new();
    let mut copies: Vec<(usize, i64, i64)> = Vec::new();
    let mut runs = [0.0; EDITS.len()];
    let mut stories = Vec::new();
    for number in 0..per_edit * EDITS.len() {
        let topic = random.below(press.topics());
        let length = random.between(lengths.0, lengths.1);
        stories.push((number, topic, press.story(topic, length, &mut random)));
    }
    let originals: Vec<i64> = stories.iter().map(|(_, _, story)| archive.enter(story)).collect();
    for (number, original) in originals.iter().enumerate() {
        label.insert(*original, number);
    }
    for (number, topic, story) in &stories {
        let edit = number % EDITS.len();
        let edited = EDITS[edit].1(story, press, *topic, &mut random);
        runs[edit] += common_runs(story, &edited) / per_edit as f64;
        let copy = archive.enter(&edited);
        copies.push((edit, originals[*number], copy));
        // A translation is a story of its own.
        label.insert(copy, if EDITS[edit].0 == "translated" { usize::MAX / 2 + number } else { *number });
    }
    // Series: none of their items is a copy of another.
    let mut next = usize::MAX / 4;
    let mut series_of: HashMap<i64, usize> = HashMap::new();
    for kind in 0..desk::SERIES.len() {
        for _ in 0..4 {
            let series = desk::Series::new(kind, press, &mut random);
            for _ in 0..30 {
                let item = archive.enter(&series.item(press, &mut random));
                label.insert(item, next);
                series_of.insert(item, kind);
                next += 1;
            }
        }
    }
    let mut found = [0_usize; EDITS.len()];
    for (edit, original, copy) in &copies {
        found[*edit] += usize::from(archive.near(*copy).contains(original));
    }
    let (mut right, mut wrong) = (0, 0);
    let mut wrong_series = [0; desk::SERIES.len()];
    for article in 1..=archive.entered {
        for other in archive.near(article) {
            if label[&article] == label[&other] {
                right += 1;
            } else {
                wrong += 1;
                if let Some(kind) = series_of.get(&other) {
                    wrong_series[*kind] += 1;
                }
            }
        }
    }
    println!("\nCopies, {} ({} to {} words)", press.name(), lengths.0, lengths.1);
    println!("{:<30} {:>12} {:>8}", "edit", "common runs", "found");
    for (at, (name, _)) in EDITS.iter().enumerate() {
        println!("{name:<30} {:>10.0} % {:>6.1} %", runs[at] * 100.0, found[at] as f64 / per_edit as f64 * 100.0);
    }
    println!("pairs {} right, {} wrong: precision {:.4}", right / 2, wrong / 2, right as f64 / (right + wrong).max(1) as f64);
    for (kind, count) in wrong_series.iter().enumerate().filter(|(_, count)| **count > 0) {
        println!("  of 1740 pairs of {} {} are taken for copies", desk::SERIES[kind], count / 2);
    }
}

/// Stories of which nine versions go round: how many of the eight edited ones lead to the first?
fn families(press: &dyn Press, count: usize, lengths: (usize, usize)) {
    let mut random = Random(55);
    let mut archive = Archive::default();
    let mut families = Vec::new();
    for _ in 0..count {
        let topic = random.below(press.topics());
        let length = random.between(lengths.0, lengths.1);
        let story = press.story(topic, length, &mut random);
        let original = archive.enter(&story);
        let mut versions = Vec::new();
        for edit in [0, 1, 2, 2, 3, 3, 8, 10] {
            let edited = EDITS[edit].1(&story, press, topic, &mut random);
            versions.push((edit, archive.enter(&edited)));
        }
        families.push((original, versions));
    }
    print!("families of nine, {} ({} to {} words):", press.name(), lengths.0, lengths.1);
    for edit in [0, 1, 2, 3, 8, 10] {
        let of_edit: Vec<bool> = families
            .iter()
            .flat_map(|(original, versions)| {
                let near = archive.near(*original);
                versions.iter().filter(|(other, _)| *other == edit).map(|(_, version)| near.contains(version)).collect::<Vec<_>>()
            })
            .collect();
        print!("  {} {:.1} %", EDITS[edit].0, of_edit.iter().filter(|found| **found).count() as f64 / of_edit.len() as f64 * 100.0);
    }
    println!();
}

fn similar(presses: &[Box<dyn Press>], stories: usize) {
    println!("\nSimilar posts: {stories} stories of each press in one archive");
    println!("{:<22} {:>12} {:>10} {:>12}", "press", "precision@5", "shown", "score p10");
    let mut random = Random(99);
    let mut archive = Archive::default();
    let mut of: HashMap<i64, (usize, usize)> = HashMap::new();
    for _ in 0..stories {
        for (number, press) in presses.iter().enumerate() {
            let topic = random.below(press.topics());
            let length = random.between(80, 500);
            let article = archive.enter(&press.story(topic, length, &mut random));
            of.insert(article, (number, topic));
        }
    }
    for (number, press) in presses.iter().enumerate() {
        let (mut right, mut shown, mut asked) = (0, 0, 0);
        let mut scores = Vec::new();
        for article in (1..=archive.entered).filter(|article| of[article].0 == number).skip(stories / 4) {
            asked += 1;
            for (other, score) in archive.window.similar(article).into_iter().take(5) {
                shown += 1;
                if of[&other] == of[&article] {
                    right += 1;
                    scores.push(score);
                }
            }
        }
        scores.sort_unstable();
        let low = scores.get(scores.len() / 10).copied().unwrap_or_default();
        println!(
            "{:<22} {:>12.3} {:>10.2} {:>12.2}",
            press.name(),
            f64::from(right) / f64::from(shown.max(1)),
            f64::from(shown) / f64::from(asked.max(1)),
            f64::from(low) / 10_000.0
        );
    }
}

/// Seconds of processor time that this thread has cost.
fn processor_time() -> f64 {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    spent.split_whitespace().next().and_then(|spent| spent.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn cost(name: &str, presses: &[&dyn Press]) {
    let mut random = Random(5);
    let mut archive = Archive::default();
    let count = 24_000;
    let stories: Vec<Story> = (0..count)
        .map(|number| {
            let press = &presses[number % presses.len()];
            let topic = random.below(press.topics());
            let length = random.between(150, 600);
            press.story(topic, length, &mut random)
        })
        .collect();
    let words = stories.iter().map(Story::words).sum::<usize>() / count;
    let drafts: Vec<Draft> = stories
        .iter()
        .map(|story| Draft { title: story.headline(), text: story.text(), language: Some(story.language.clone()), ..Draft::default() })
        .collect();
    let mut spent = [0.0; 4];
    let measured = 4_000;
    for (number, draft) in drafts.iter().enumerate() {
        let mut mark = processor_time();
        let mut lap = |at: usize| {
            let now = processor_time();
            if number >= count - measured {
                spent[at] += now - mark;
            }
            mark = now;
        };
        let exact = Likeness::of(draft, CopySettings { near_copies: false, similar: 0 });
        lap(0);
        let likeness = Likeness::of(draft, CopySettings::default());
        lap(1);
        assert_eq!(exact.copy_key, likeness.copy_key);
        let article = archive.enter_likeness(likeness, draft.language.as_deref().unwrap());
        lap(2);
        archive.window.similar(article);
        lap(3);
    }
    println!("\nCost in µs of processor time an article of {words} words, {} in the window: {name}", archive.window.len());
    for (name, seconds) in [
        ("exact copies: hash of the text", spent[0]),
        ("sketch and bag of words", spent[1] - spent[0]),
        ("terms, index, near copies", spent[2]),
        ("similar posts", spent[3]),
    ] {
        println!("{name:<34} {:>6.1}", seconds / measured as f64 * 1e6);
    }
}

fn main() {
    let presses = presses();
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wants = |table: &str| wanted.as_ref().is_none_or(|wanted| wanted == table);
    if wants("copies") {
        for press in &presses {
            copies(press.as_ref(), 60, (150, 500));
        }
        copies(presses[0].as_ref(), 60, (70, 150));
        println!();
        for press in &presses {
            families(press.as_ref(), 60, (150, 450));
            families(press.as_ref(), 60, (70, 150));
        }
    }
    if wants("similar") {
        similar(&presses, 3_000);
    }
    if wants("cost") {
        for press in &presses {
            cost(press.name(), &[press.as_ref()]);
        }
    }
    let articles = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).next();
    if wants("archive") {
        archive::cost(presses[0].as_ref(), articles.unwrap_or(40_000), 10_000, 400);
    }
    if wants("alike") {
        archive::alike(articles.unwrap_or(5_000));
    }
}
