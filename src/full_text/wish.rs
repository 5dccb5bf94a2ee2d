//! Is an article's page asked for? Rules on what its entry says of itself, and on what the feed's pages gave before.

use chrono::{DateTime, TimeDelta, Utc};

use crate::article::{Completeness, Draft};
use crate::config::FullText;

/// Why a page is asked for. The numbers are the archive's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing tells whether the body is the whole story: the feed's first pages will.
    Unsure = 0,
    /// The body is an excerpt.
    Excerpt = 1,
    /// The operator wants every page.
    Always = 2,
}

impl Wish {
    /// From the archive's number; what is unknown is the weakest.
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Excerpt,
            2 => Self::Always,
            _ => Self::Unsure,
        }
    }
}

/// What the pages of a feed gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PagesPast {
    /// How many in a row, up to the last one read, gave no more than the feed's body.
    pub in_vain: u32,
    /// When the last one was read.
    pub last_read: Option<DateTime<Utc>>,
}

impl PagesPast {
    /// After one more page, read at `now`, that gave more than the body or did not.
    pub fn after(self, gave_more: bool, now: DateTime<Utc>) -> Self {
        let in_vain = if gave_more { 0 } else { self.in_vain_at(now).saturating_add(1) };
        Self { in_vain, last_read: Some(now) }
    }

    fn in_vain_at(self, now: DateTime<Utc>) -> u32 {
        if self.last_read.is_some_and(|read| now - read < TRIED_ANEW_AFTER) { self.in_vain } else { 0 }
    }
}

/// After so many pages in a row that gave no more than the bodies, bodies of which nothing tells are taken for the whole.
const IN_VAIN: u32 = 4;

/// … and after so many what looks like an excerpt is believed to be all that there is.
const EXCERPTS_IN_VAIN: u32 = 8;

/// A feed whose pages were not worth it is tried anew after so long: feeds change.
const TRIED_ANEW_AFTER: TimeDelta = TimeDelta::days(30);

/// A note without a headline of its own is no longer than this, in words.
const LONGEST_NOTE: u32 = 80;

/// Characters of its text from which a title that begins it counts as the text over again.
const SHORTEST_REPEAT: usize = 20;

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// `full_text` of the feed, else of all.
    pub setting: FullText,
    /// What the entry says.
    pub draft: &'a Draft,
    /// Does the link identify the entry? A link that a feed gives to different entries, or its home page, has nothing of any one.
    pub has_own_link: bool,
    /// Is it the entry's own page, and not one that the entry only talks about?
    pub is_own_page: bool,
    /// What the feed's pages gave before.
    pub past: PagesPast,
    /// The time of the poll.
    pub now: DateTime<Utc>,
}

/// In this order:
///
/// 1. `never`, or no address that is this entry's alone: no;
/// 2. `always`: yes;
/// 3. a comment on somebody else's page: no;
/// 4. an episode (sound or film is attached): no;
/// 5. a short note (no headline, or one that only repeats the text's beginning): no;
/// 6. an excerpt by its signs ([`crate::article::completeness`]), or no body at all: yes, unless the feed's last eight pages gave no more;
/// 7. the whole by its signs: no;
/// 8. nothing tells: yes, unless the feed's last four pages gave no more than its bodies.
///
/// What pages gave in vain is forgotten when none was read for thirty days.
pub fn wish(signs: &Signs<'_>) -> Option<Wish> {
    if signs.setting == FullText::Never || !signs.has_own_link || signs.draft.url.is_none() {
        return None;
    }
    if signs.setting == FullText::Always {
        return Some(Wish::Always);
    }
    if !signs.is_own_page || is_episode(signs.draft) || is_note(signs.draft) {
        return None;
    }
    let wish = match signs.draft.completeness {
        _ if signs.draft.word_count == 0 => Wish::Excerpt,
        Completeness::Excerpt => Wish::Excerpt,
        Completeness::Unknown => Wish::Unsure,
        Completeness::Full | Completeness::Paywalled => return None,
    };
    is_worth_it(wish, signs.past, signs.now).then_some(wish)
}

/// Does the wish still hold when the page's turn comes? The feed's other pages may have told meanwhile.
pub fn is_worth_it(wish: Wish, past: PagesPast, now: DateTime<Utc>) -> bool {
    match wish {
        Wish::Unsure => past.in_vain_at(now) < IN_VAIN,
        Wish::Excerpt => past.in_vain_at(now) < EXCERPTS_IN_VAIN,
        Wish::Always => true,
    }
}

/// Is a medium attached that is the story itself? A picture is not.
fn is_episode(draft: &Draft) -> bool {
    let is_medium = |kind: &str| kind.starts_with("audio/") || kind.starts_with("video/");
    draft.enclosures.iter().any(|enclosure| enclosure.media_type.as_deref().is_some_and(is_medium))
}

/// Is it a short note, as microblogs have: words without a headline, or under one that was made from them?
fn is_note(draft: &Draft) -> bool {
    if draft.word_count == 0 || draft.word_count > LONGEST_NOTE {
        return false;
    }
    if draft.title.is_empty() {
        return true;
    }
    let title = draft.title.trim_end_matches(['…', '.', ' ', ']', '[']);
    let text = draft.text.replace('\n', " ");
    title.chars().count() >= SHORTEST_REPEAT && text.starts_with(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Enclosure;
    use crate::article::{completeness, words};

    fn now() -> DateTime<Utc> {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    fn draft(text: &str, completeness: Completeness) -> Draft {
        Draft {
            url: Some("https://e.org/a".to_owned()),
            title: "The old bridge is open again".to_owned(),
            text: text.to_owned(),
            word_count: words::measure(text).word_count(),
            completeness,
            ..Draft::default()
        }
    }

    fn attached(media_type: &str) -> Vec<Enclosure> {
        vec![Enclosure { url: "https://e.org/m".to_owned(), media_type: Some(media_type.to_owned()), length: None }]
    }

    #[test]
    fn entries_ask_for_their_pages_by_the_rules() {
        use Completeness::{Excerpt, Full, Unknown};
        use FullText::{Always, Auto, Never};
        let excerpt = draft("For a year nobody crossed it […]", Excerpt);
        let unknown = draft("For a year nobody crossed it. Now they do.", Unknown);
        let full = draft(&"word ".repeat(300), Full);
        let note = Draft { title: String::new(), ..draft("Coffee first, then bridges.", Excerpt) };
        let bridged = Draft {
            title: "Coffee first, then the bridges of this…".to_owned(),
            ..draft("Coffee first, then the bridges of this town.", Excerpt)
        };
        let untitled_long = Draft { title: String::new(), ..draft(&"word ".repeat(100), Unknown) };
        let headline_only = draft("", Unknown);
        let episode = Draft { enclosures: attached("audio/mpeg"), ..excerpt.clone() };
        let pictured = Draft { enclosures: attached("image/jpeg"), ..excerpt.clone() };
        let linkless = Draft { url: None, ..excerpt.clone() };
        for (name, setting, draft, own_link, own_page, in_vain, want) in [
            ("excerpt", Auto, &excerpt, true, true, 0, Some(Wish::Excerpt)),
            ("excerpt, never", Never, &excerpt, true, true, 0, None),
            ("full", Auto, &full, true, true, 0, None),
            ("full, always", Always, &full, true, true, 99, Some(Wish::Always)),
            ("nothing tells", Auto, &unknown, true, true, 3, Some(Wish::Unsure)),
            ("nothing tells, four in vain", Auto, &unknown, true, true, 4, None),
            ("excerpt, seven in vain", Auto, &excerpt, true, true, 7, Some(Wish::Excerpt)),
            ("excerpt, eight in vain", Auto, &excerpt, true, true, 8, None),
            ("headline alone", Auto, &headline_only, true, true, 0, Some(Wish::Excerpt)),
            ("note", Auto, &note, true, true, 0, None),
            ("note under its own beginning", Auto, &bridged, true, true, 0, None),
            ("long text without a headline", Auto, &untitled_long, true, true, 0, Some(Wish::Unsure)),
            ("comment on another's page", Auto, &excerpt, true, false, 0, None),
            ("comment on another's page, always", Always, &excerpt, true, false, 0, Some(Wish::Always)),
            ("link of many entries", Auto, &excerpt, false, true, 0, None),
            ("link of many entries, always", Always, &excerpt, false, true, 0, None),
            ("episode", Auto, &episode, true, true, 0, None),
            ("with a picture", Auto, &pictured, true, true, 0, Some(Wish::Excerpt)),
            ("without a link", Always, &linkless, true, true, 0, None),
        ] {
            let past = PagesPast { in_vain, last_read: Some(now() - TimeDelta::days(1)) };
            let signs = Signs { setting, draft, has_own_link: own_link, is_own_page: own_page, past, now: now() };
            assert_eq!(wish(&signs), want, "{name}");
        }
    }

    #[test]
    fn words_that_lead_to_the_page_make_an_excerpt_in_many_languages() {
        for (text, want) in [
            ("The bridge is open. Read more", true),
            ("The bridge is open. Continue reading →", true),
            ("Die Brücke ist offen. Weiterlesen …", true),
            ("Le pont est ouvert. Lire la suite", true),
            ("El puente está abierto. Leer más", true),
            ("Il ponte è aperto. Continua a leggere", true),
            ("A ponte está aberta. Leia mais", true),
            ("De brug is open. Lees verder", true),
            ("Most jest otwarty. Czytaj dalej", true),
            ("Мост открыт. Читать далее", true),
            ("橋が開通しました。続きを読む", true),
            ("大桥通车了。阅读全文", true),
            ("다리가 열렸다. 더 보기", true),
            ("Bron är öppen. Läs mer", true),
            ("Köprü açıldı. Devamını oku", true),
            ("The bridge is open, and the town […]", true),
            ("Die Brücke ist offen, und die Stadt...", true),
            ("The bridge is open.", false),
        ] {
            let signs = completeness::Signs {
                body: text,
                words: 120,
                abstract_words: None,
                has_content: true,
                paragraphs: 1,
                has_enclosure: false,
                has_page: true,
            };
            assert_eq!(completeness::judge(&signs) == Completeness::Excerpt, want, "{text}");
        }
    }

    #[test]
    fn pages_in_vain_are_counted_until_one_gives_more_and_forgotten_after_a_month() {
        let mut past = PagesPast::default();
        for day in 0..4 {
            past = past.after(false, now() + TimeDelta::days(day));
        }
        assert_eq!(past.in_vain, 4);
        let at = |days| now() + TimeDelta::days(days);
        assert!(!is_worth_it(Wish::Unsure, past, at(4)) && is_worth_it(Wish::Excerpt, past, at(4)));
        assert!(is_worth_it(Wish::Unsure, past, at(33)));
        assert_eq!(past.after(false, at(33)).in_vain, 1);
        assert_eq!(past.after(true, at(4)).in_vain, 0);
    }
}
