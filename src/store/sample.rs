//! Polls for the tests of this part of the program, as plain as can be.

use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::packed::Packer;
use super::polls::{Poll, PolledDocument, PolledEntry, PolledFeed, Prepared};
use crate::article::Draft;
use crate::config::{FullText, IdentityRule};
use crate::copies::CopySettings;
use crate::identity::EntryKeys;
use crate::normalise;
use crate::parse::{Entry, Markup};
use crate::schedule::{NextPoll, Reason};

/// An entry of this guid with a title and a text of their own.
pub fn entry(guid: &str) -> Entry {
    let words: Vec<String> = (0..60).map(|word| format!("w{word}of{guid}")).collect();
    Entry {
        guid: Some(guid.to_owned()),
        link: Some(format!("https://a.example/{guid}")),
        title: Some(Markup::Text(format!("title of {guid}"))),
        content: Some(Markup::Text(words.join(" "))),
        language: Some("en".to_owned()),
        ..Entry::default()
    }
}

/// What the entry says, and no more.
pub fn draft(entry: &Entry) -> Draft {
    let words = |markup: &Option<Markup>| match markup {
        Some(Markup::Text(text) | Markup::Html(text)) => text.clone(),
        None => String::new(),
    };
    Draft {
        title: words(&entry.title),
        text: words(&entry.content),
        language: entry.language.clone(),
        published: entry.published.as_ref().and_then(|stamp| stamp.at),
        ..Draft::default()
    }
}

/// A poll of the feed of this name that found these entries.
pub fn poll(feed: &str, entries: Vec<Entry>, at: DateTime<Utc>) -> Poll {
    Poll {
        feed: PolledFeed { name: feed.into(), url: format!("https://{feed}.example/feed"), title: None },
        at,
        http_status: Some(200),
        has_lied: false,
        is_verified: true,
        error: None,
        asked: true,
        gone: false,
        validators: None,
        redirected_to: None,
        own_url_asked: true,
        elapsed: Duration::ZERO,
        next: NextPoll { at, reason: Reason::Default },
        memory: None,
        document: Some(PolledDocument {
            hash: 0,
            title: None,
            mended: Vec::new(),
            site_url: None,
            head: Default::default(),
            rule: IdentityRule::Auto,
            dropped: Default::default(),
            copies: CopySettings::default(),
            dropped_at: Vec::new(),
            full_text: FullText::Never,
            is_cut_off: false,
            keys: entries.iter().map(EntryKeys::of).collect(),
            entries: entries
                .into_iter()
                .map(|entry| PolledEntry { url: normalise::permalink(&entry), entry, prepared: OnceLock::new() })
                .collect(),
            prepare: Box::new(|entry| Prepared::of(draft(entry), Some(entry), CopySettings::default(), &Packer::default())),
        }),
    }
}
