//! Revisions: which change of an article's title or text is worth keeping what was before.
//!
//! Every change is, but for two kinds that publishers' machines make without end: a source that goes back and forth between
//! states, and a text in which the same small places (a counter, a time, a token) change again and again. The article always
//! shows what its source says now; what is at stake is only how many earlier states are kept. `docs/revisions.md` says the
//! rule in words for those who read the archive.

mod changes;

use chrono::TimeDelta;
use unicode_segmentation::UnicodeSegmentation;

use crate::article::Draft;

pub use self::changes::{Passage, Piece, passages, pieces};

use self::changes::{Change, changes};

/// Title and text of an article at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<'a> {
    /// The headline.
    pub title: &'a str,
    /// The body.
    pub text: &'a str,
}

impl<'a> State<'a> {
    /// What a draft says.
    pub fn of(draft: &'a Draft) -> Self {
        Self { title: &draft.title, text: &draft.text }
    }
}

/// A place of more words than this is a passage that somebody has written anew.
const SMALL_PLACE: usize = 16;

/// Changes with no more words than this between them are at one place.
const ONE_PLACE: usize = 2;

/// A place is the same though it has grown or moved by so many words: of a date and time sometimes one part changes, sometimes another.
const SLACK: usize = 8;

/// Changes at the same places that are revisions at once: a number may be corrected, and its correction, too.
const AT_ONCE: usize = 2;

/// The longest chain that is looked at: the wait after it is longer than a year.
const LONGEST_CHAIN: usize = 16;

/// Is the change from the state that is shown to the next one a revision, so that the former is kept?
///
/// `earlier` are the states that are kept, oldest first; `age` is how long ago the last revision was made.
pub fn is_revision(earlier: &[State<'_>], shown: State<'_>, next: State<'_>, age: TimeDelta) -> bool {
    if shown == next {
        return false;
    }
    // Both are kept already: a source goes back and forth.
    if earlier.contains(&next) && earlier.contains(&shown) {
        return false;
    }
    match repetitions(earlier, shown, next).checked_sub(AT_ONCE) {
        // Whatever the clock says.
        None => true,
        Some(further) => age >= TimeDelta::hours(1 << further.min(LONGEST_CHAIN)),
    }
}

/// How many changes before this one, one after the other, were at the same small places of the text.
fn repetitions(earlier: &[State<'_>], shown: State<'_>, next: State<'_>) -> usize {
    let states: Vec<State<'_>> = earlier.iter().copied().chain([shown, next]).rev().take(LONGEST_CHAIN + 2).collect();
    if shown.title != next.title {
        return 0;
    }
    let mut texts = states.into_iter().take_while(|state| state.title == next.title).map(|state| words(state.text));
    let (Some(mut newer), Some(mut older)) = (texts.next(), texts.next()) else { return 0 };
    let mut places = small_places(&older, &newer);
    let mut count = 0;
    while let (Some(of_change), Some(before)) = (&places, texts.next()) {
        (newer, older) = (older, before);
        let of_earlier = small_places(&older, &newer);
        let is_within = |place: &Change| {
            of_earlier
                .iter()
                .flatten()
                .any(|earlier| earlier.new.start <= place.old.start + SLACK && place.old.end <= earlier.new.end + SLACK)
        };
        if of_earlier.is_none() || !of_change.iter().all(is_within) {
            break;
        }
        count += 1;
        places = of_earlier;
    }
    count
}

/// The words of a text, without what stands between them.
fn words(text: &str) -> Vec<&str> {
    text.split_word_bounds().filter(|word| !word.trim().is_empty()).collect()
}

/// The places at which one text differs from another, if at all of them a few words took the place of a few.
fn small_places(old: &[&str], new: &[&str]) -> Option<Vec<Change>> {
    let is_small = |words: usize| (1..=SMALL_PLACE).contains(&words);
    let places = changes(old, new, |gap| gap.len() <= ONE_PLACE);
    places.iter().all(|place| is_small(place.old.len()) && is_small(place.new.len())).then_some(places).filter(|places| !places.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORY: &str =
        "The council met on Tuesday and spoke of the bridge for three hours. In the end nobody was sure what had been decided.";

    /// The numbers of the states at which a revision appears, when a source shows one state after the other, so many
    /// minutes apart.
    fn revisions_at(minutes: i64, states: &[(&str, String)]) -> Vec<usize> {
        let mut revisions = Vec::new();
        let mut kept: Vec<(&str, String)> = Vec::new();
        let mut age = TimeDelta::zero();
        for at in 1..states.len() {
            age += TimeDelta::minutes(minutes);
            let earlier: Vec<State<'_>> = kept.iter().map(|(title, text)| State { title, text }).collect();
            let [shown, next] = [&states[at - 1], &states[at]].map(|(title, text)| State { title, text });
            if is_revision(&earlier, shown, next, age) {
                revisions.push(at);
                kept.push(states[at - 1].clone());
                age = TimeDelta::zero();
            }
        }
        revisions
    }

    fn texts(texts: impl IntoIterator<Item = String>) -> Vec<(&'static str, String)> {
        texts.into_iter().map(|text| ("Title", text)).collect()
    }

    #[test]
    fn every_change_of_words_is_a_revision() {
        let end = " Nobody was hurt.";
        for states in [
            vec![STORY.to_owned(), STORY.replace("three", "four")],
            vec![STORY.to_owned(), STORY.replace("three", "3"), STORY.replace("three", "4")],
            vec![STORY.to_owned(), format!("{STORY}{end}"), format!("{STORY}{end} {STORY}"), format!("{end} {STORY}{end} {STORY}")],
            vec![STORY.to_owned(), STORY.replace("Tuesday", "Monday"), STORY.replace("sure", "certain"), STORY.replace("bridge", "ferry")],
            vec!["12 are dead.".into(), "12 are dead. 3 are missing.".into(), "12 are dead. 3 are missing. 7 are safe.".into()],
        ] {
            let all: Vec<usize> = (1..states.len()).collect();
            assert_eq!(revisions_at(1, &texts(states.clone())), all, "{states:?}");
        }
        let titles = ["One", "Two", "Three", "Four", "Five"].map(|title| (title, STORY.to_owned()));
        assert_eq!(revisions_at(1, &titles), [1, 2, 3, 4], "a title is no counter");
    }

    #[test]
    fn a_source_that_goes_back_and_forth_makes_a_revision_for_each_state_and_one_for_the_first_return() {
        let (a, b, c) = (STORY.to_owned(), format!("{STORY} More of it, and then some."), "Something else altogether.".to_owned());
        let flapping: Vec<String> = (0..20).map(|at| if at % 2 == 0 { a.clone() } else { b.clone() }).collect();
        assert_eq!(revisions_at(600, &texts(flapping)), [1, 2]);
        let round: Vec<String> = (0..20).map(|at| [&a, &b, &c][at % 3].clone()).collect();
        assert_eq!(revisions_at(600, &texts(round)), [1, 2, 3]);
        let mut news: Vec<String> = (0..6).map(|at| if at % 2 == 0 { a.clone() } else { b.clone() }).collect();
        news.push(c);
        assert_eq!(revisions_at(600, &texts(news)), [1, 2, 6], "what is new is a revision all the same");
    }

    #[test]
    fn a_counter_a_time_or_a_token_inside_the_text_makes_ever_fewer_revisions() {
        let month = ["March", "April", "May"];
        type Template = Box<dyn Fn(usize) -> String>;
        let templates: [(&str, Template); 6] = [
            ("a counter", Box::new(|at| format!("{STORY} Read {} times.", 1000 + 7 * at))),
            ("an age", Box::new(|at| format!("{STORY} Posted {} minutes ago by the desk.", 3 + 30 * at))),
            (
                "a time",
                Box::new(move |at| {
                    format!("As of {} {} 2026, {:02}:{:02}. {STORY}", 1 + at / 48 % 28, month[at / 1344 % 3], at / 2 % 24, at % 2 * 30)
                }),
            ),
            ("a token", Box::new(|at| format!("{STORY} Comment: https://a.com/c?t={:x}.", (at + 1) * 2_654_435_761 % 4_294_967_291))),
            ("two places", Box::new(|at| format!("{} comments. {STORY} {} people read this.", 5 + at, 900 + at * at))),
            ("another script", Box::new(|at| format!("议会星期二开会，讨论桥梁问题。阅读{}次。", 1000 + 13 * at))),
        ];
        for (what, template) in templates {
            let day: Vec<String> = (0..48).map(&template).collect();
            let of_a_day = revisions_at(30, &texts(day));
            assert_eq!(of_a_day[..2], [1, 2], "{what}");
            assert!(of_a_day.len() <= 6, "{what}: {of_a_day:?}");
            let week: Vec<String> = (0..336).map(&template).collect();
            let of_a_week = revisions_at(30, &texts(week));
            assert!(of_a_week.len() <= 9, "{what}: {of_a_week:?}");
        }
    }

    #[test]
    fn an_edit_beside_a_counter_is_a_revision_at_once() {
        let mut states: Vec<String> = (0..10).map(|at| format!("{STORY} Read {at} times.")).collect();
        states.push(format!("{} Read 11 times.", STORY.replace("Tuesday", "Monday")));
        let revisions = revisions_at(1, &texts(states));
        assert_eq!(revisions.last(), Some(&10));
        assert_eq!(revisions, [1, 2, 10]);
    }

    #[test]
    fn a_number_that_is_corrected_again_after_a_while_is_a_revision() {
        let states: Vec<String> = [12, 15, 19, 25].iter().map(|dead| format!("{STORY} {dead} people are dead.")).collect();
        assert_eq!(revisions_at(60, &texts(states.clone())), [1, 2, 3]);
        assert_eq!(revisions_at(10, &texts(states)), [1, 2]);
    }
}
