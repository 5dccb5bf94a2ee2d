//! What each revision of an article changed, the latest first, folded: words that went and words that came stand in `del` and
//! `ins`, whose looks and names the style gives.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::words;
use crate::article::{Article, Revision};
use crate::revision::{Passage, Piece, passages, pieces};

/// So many are compared where nobody asks for all: a counter in a text makes dozens.
const SHOWN: usize = 10;

/// The article's history; `None` where it has none. `revised_at` is when the revision that it shows was first seen; `all`
/// those that are kept, and not only the latest.
pub fn section(article: &Article, revised_at: Option<DateTime<Utc>>, all: bool) -> Option<Markup> {
    let earlier = article.revisions.as_deref().filter(|revisions| !revisions.is_empty())?;
    let shown =
        revised_at.map(|seen| Revision { revision: article.revision, title: article.title.clone(), text: article.text.clone(), seen });
    let states: Vec<&Revision> = earlier.iter().chain(&shown).collect();
    let first = if all { 0 } else { states.len().saturating_sub(SHOWN) };
    Some(html! {
        section.revisions #revisions aria-labelledby="revisions-title" {
            h2 #revisions-title { "Revisions" }
            @for at in (first..states.len()).rev() {
                @let (before, now) = (at.checked_sub(1).and_then(|at| states.get(at)), states[at]);
                details {
                    summary {
                        "Revision " (now.revision) ", " (now.seen.format("%B %-d, %Y, %H:%M UTC"))
                        @if before.is_none() { span.faint { " · the first that was seen" } }
                    }
                    div lang=[article.language.as_deref()] {
                        @match before { Some(before) => { (changed(before, now)) } None => { (whole(now)) } }
                    }
                }
            }
            @if first > 0 {
                p { a href={ "/articles/" (article.id) "?revisions=true#revisions" } { (words::count(first, "earlier revision", "earlier revisions")) } }
            }
        }
    })
}

fn whole(revision: &Revision) -> Markup {
    html! {
        h3 dir="auto" { (revision.title) }
        @for paragraph in revision.text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) { p dir="auto" { (paragraph) } }
    }
}

fn changed(before: &Revision, now: &Revision) -> Markup {
    html! {
        @if before.title != now.title { h3 dir="auto" { (marked(&pieces(&before.title, &now.title))) } }
        @for passage in passages(&before.text, &now.text) {
            @match passage {
                Passage::Unchanged(count) => { p.unchanged { (words::count(count, "paragraph", "paragraphs")) " unchanged" } }
                Passage::Changed(pieces) => { p dir="auto" { (marked(&pieces)) } }
            }
        }
    }
}

fn marked(pieces: &[Piece<'_>]) -> Markup {
    html! {
        @for piece in pieces {
            @match piece {
                Piece::Same(text) => { (text) }
                Piece::Gone(text) => { del { (text) } }
                Piece::Come(text) => { ins { (text) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Draft;

    fn article(count: u32) -> Article {
        let state = |revision: u32| Revision {
            revision,
            title: "Ferry <timetable>".into(),
            text: format!("The ferry leaves at {revision} o'clock.\n\nDogs travel free."),
            seen: DateTime::from_timestamp(1_780_000_000 + i64::from(revision) * 3600, 0).unwrap(),
        };
        let shown = state(count);
        Article {
            revision: count,
            revisions: Some((1..count).map(state).collect()),
            ..Article::of("a".repeat(26), Draft { title: shown.title, text: shown.text, ..Draft::default() })
        }
    }

    #[test]
    fn a_revision_shows_the_words_that_changed_and_none_of_them_is_markup() {
        let article = article(2);
        let told = section(&article, DateTime::from_timestamp(1_780_010_000, 0), false).unwrap().into_string();
        assert!(told.contains("<p dir=\"auto\">The ferry leaves at <del>1</del><ins>2</ins> o'clock.</p>"), "{told}");
        assert!(told.contains("1 paragraph unchanged") && told.contains("Ferry &lt;timetable&gt;"), "{told}");
        assert!(told.find("Revision 2").unwrap() < told.find("Revision 1").unwrap(), "{told}");
    }

    #[test]
    fn of_many_revisions_the_latest_are_shown_and_the_others_can_be_asked_for() {
        let article = article(14);
        let seen = DateTime::from_timestamp(1_790_000_000, 0);
        let some = section(&article, seen, false).unwrap().into_string();
        assert_eq!(some.matches("<details>").count(), SHOWN);
        assert!(some.contains("?revisions=true#revisions\">4 earlier revisions"), "{some}");
        assert_eq!(section(&article, seen, true).unwrap().into_string().matches("<details>").count(), 14);
        assert!(section(&Article { revisions: Some(Vec::new()), ..article }, seen, true).is_none());
    }
}
