//! What comparing costs within the whole way of an article into the archive, and on the way out of it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use gleaner::article::Draft;
use gleaner::config::{FullText, IdentityRule};
use gleaner::copies::CopySettings;
use gleaner::identity::EntryKeys;
use gleaner::parse::{Entry, Markup, Stamp};
use gleaner::schedule::{NextPoll, Reason};
use gleaner::store::{Archive, Poll, PolledDocument, PolledEntry, PolledFeed, Prepared, Selection};

use crate::presses::Press;
use crate::random::Random;

const ENTRIES: usize = 20;

/// So many polls wait for the writer together, as in a pass over many feeds.
const POLLS: usize = 10;

/// Seconds of processor time that this process has cost, in hundredths.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}

fn entry(number: usize, press: &dyn Press, random: &mut Random, words: usize, at: DateTime<Utc>) -> Entry {
    let topic = random.below(press.topics());
    let story = press.story(topic, words, random);
    Entry {
        guid: Some(format!("https://paper.example/{number}")),
        title: Some(Markup::Text(story.headline())),
        content: Some(Markup::Text(story.text())),
        published: Some(Stamp { text: at.to_rfc3339(), at: Some(at) }),
        language: Some(story.language),
        ..Entry::default()
    }
}

fn draft(entry: &Entry) -> Draft {
    let text = |markup: &Option<Markup>| match markup {
        Some(Markup::Text(text) | Markup::Html(text)) => text.clone(),
        None => String::new(),
    };
    Draft {
        title: text(&entry.title),
        text: text(&entry.content),
        language: entry.language.clone(),
        published: entry.published.as_ref().and_then(|stamp| stamp.at),
        ..Draft::default()
    }
}

fn poll(archive: &Archive, number: usize, entries: Vec<Entry>, settings: CopySettings, at: DateTime<Utc>) -> Poll {
    let packer = archive.packer();
    let document = PolledDocument {
        hash: number as i64,
        title: None,
        mended: Vec::new(),
        site_url: Some("https://paper.example/".to_owned()),
        head: Default::default(),
        rule: IdentityRule::Auto,
        full_text: FullText::Never,
        copies: settings,
        keys: entries.iter().map(EntryKeys::of).collect(),
        entries: entries.into_iter().map(|entry| PolledEntry { url: entry.guid.clone(), entry, prepared: OnceLock::new() }).collect(),
        dropped: Default::default(),
        dropped_at: Vec::new(),
        is_cut_off: false,
        prepare: Box::new(move |entry| Prepared::of(draft(entry), None, settings, &packer)),
    };
    let name = format!("feed {}", number % 500);
    Poll {
        feed: PolledFeed { url: format!("https://paper.example/{}.xml", number % 500), name, title: None },
        at,
        http_status: Some(200),
        error: None,
        asked: true,
        gone: false,
        validators: None,
        redirected_to: None,
        own_url_asked: true,
        is_verified: true,
        has_lied: false,
        elapsed: Duration::ZERO,
        next: NextPoll { at, reason: Reason::Default },
        memory: None,
        document: Some(document),
    }
}

/// Commits a group of polls; gives the seconds of processor time that this has cost.
fn commit_group(
    runtime: &tokio::runtime::Runtime,
    archive: &Arc<Archive>,
    group: usize,
    settings: CopySettings,
    entry: &mut dyn FnMut(usize, DateTime<Utc>) -> Entry,
) -> f64 {
    let polls: Vec<Poll> = (0..POLLS)
        .map(|poll_at| {
            let number = group * POLLS + poll_at;
            let at = DateTime::from_timestamp(1_790_000_000 + (number * ENTRIES) as i64 * 30, 0).unwrap();
            let entries = (0..ENTRIES).map(|entry_at| entry(number * ENTRIES + entry_at, at)).collect();
            poll(archive, number, entries, settings, at)
        })
        .collect();
    let before = processor_time();
    runtime.block_on(async {
        let committing: Vec<_> = polls
            .into_iter()
            .map(|poll| {
                let archive = Arc::clone(archive);
                tokio::spawn(async move { archive.commit(poll).await.map(drop) })
            })
            .collect();
        for commit in committing {
            commit.await.unwrap().unwrap();
        }
    });
    processor_time() - before
}

/// What the texts are, and the one of this number.
type Kind = (&'static str, fn(usize) -> String);

/// Texts of 400 words that are alike in ways that many have been dear in.
const ALIKE: [Kind; 6] = [
    ("of nothing in common", |number| words(400, |at| format!("n{number}w{at}"))),
    ("that differ in one number", |number| words(400, |at| if at == 200 { number.to_string() } else { format!("frame{at}") })),
    ("that fill in every twentieth word of a form", |number| {
        let field = |at: usize| if at.is_multiple_of(40) { format!("Name{}", number * 400 + at) } else { (number * 400 + at).to_string() };
        words(400, |at| if at.is_multiple_of(20) { field(at) } else { format!("form{at}") })
    }),
    ("all the same", |_| words(400, |at| format!("same{at}"))),
    ("a stretch of a ring of 5,000 words", |number| words(400, |at| format!("ring{}", (number * 37 + at) % 5_000))),
    ("that share a frame of 150 words", |number| words(400, |at| if at < 150 { format!("frame{at}") } else { format!("n{number}w{at}") })),
];

fn words(count: usize, word: impl Fn(usize) -> String) -> String {
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

/// Prints what an article costs to store among `articles` that are alike, and among such as are not.
pub fn alike(articles: usize) {
    println!("\nThrough the archive: µs of processor time an article, {articles} of 400 words");
    for (name, text) in ALIKE {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let archive = Arc::new(Archive::open(&folder.path().join("gleaner.db")).unwrap());
        let mut entry = |number: usize, at: DateTime<Utc>| Entry {
            guid: Some(format!("https://paper.example/{number}")),
            title: Some(Markup::Text(format!("Story {number}"))),
            content: Some(Markup::Text(text(number))),
            published: Some(Stamp { text: at.to_rfc3339(), at: Some(at) }),
            language: Some("en".to_owned()),
            ..Entry::default()
        };
        let groups = 0..articles / (ENTRIES * POLLS);
        let spent: f64 = groups.map(|group| commit_group(&runtime, &archive, group, CopySettings::default(), &mut entry)).sum();
        println!("{name:<44} {:>8.1}", spent / articles as f64 * 1e6);
    }
}

/// Fills an archive of `articles` with each setting; of the last `measured` prints what each cost to store, and of all what
/// an export costs.
pub fn cost(press: &dyn Press, articles: usize, measured: usize, words: usize) {
    println!("\nThrough the archive: µs of processor time an article of about {words} words, the last {measured} of {articles}");
    println!("{:<34} {:>8} {:>8} {:>12}", "", "stored", "read", "bytes");
    let settings = [
        ("exact copies alone", CopySettings { near_copies: false, similar: 0 }),
        ("near copies", CopySettings { near_copies: true, similar: 0 }),
        ("near copies and similar posts", CopySettings::default()),
    ];
    for (name, settings) in settings {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let path = folder.path().join("gleaner.db");
        let archive = Arc::new(Archive::open(&path).unwrap());
        let mut random = Random(3);
        let mut spent = 0.0;
        for group in 0..articles / (ENTRIES * POLLS) {
            let group_spent =
                commit_group(&runtime, &archive, group, settings, &mut |number, at| entry(number, press, &mut random, words, at));
            if (group + 1) * ENTRIES * POLLS > articles - measured {
                spent += group_spent;
            }
        }
        let reader = archive.reader().unwrap();
        let before = processor_time();
        let since = DateTime::from_timestamp(1_790_000_000 + (articles - measured) as i64 * 30, 0);
        let read = reader.articles(Selection { since, ..Selection::default() }).unwrap().map(Result::unwrap).count();
        let reading = processor_time() - before;
        let bytes = std::fs::metadata(&path).unwrap().len();
        println!("{name:<34} {:>8.1} {:>8.1} {bytes:>12}", spent / measured as f64 * 1e6, reading / read as f64 * 1e6);
        drop(reader);
        if let Ok(archive) = Arc::try_unwrap(archive) {
            archive.close();
        }
    }
}
