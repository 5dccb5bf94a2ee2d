//! What a page says around an article that only its words give away: labels of advertisements and buttons, and the lines at the end
//! that ask its reader to follow, subscribe or write.

use std::sync::LazyLock;

use regex::Regex;

/// Labels of what is no part of any text, in the languages that they were met in.
#[rustfmt::skip]
const LABELS: &[&str] = &[
    "advertisement", "advertisements", "advertising", "advert", "ad", "ads", "sponsored", "anzeige", "werbung", "publicité", "publicidad",
    "publicidade", "pubblicità", "iklan", "реклама", "reklama", "reklam", "annons", "advertentie", "mainos", "広告", "広 告", "广告", "廣告", "광고",
    "close", "caption close", "image", "play", "pause", "expand", "loading", "continue reading below", "story continues below",
    "article continues below", "continue reading", "story continues below advertisement", "article continues after advertisement",
    "advertisement - continue reading below", "scroll to continue", "report", "report this ad", "view gallery", "see full gallery", "don't miss", "see more",
    "click to enlarge", "enlarge", "enlarge this image", "hide caption", "toggle caption", "print", "email", "share", "save",
];

/// Is a block nothing but such a label, or a bare address?
pub fn is_label(text: &str) -> bool {
    if (text.starts_with("http://") || text.starts_with("https://")) && !text.contains(' ') {
        return true;
    }
    let text = text.trim_matches(|c: char| !c.is_alphanumeric());
    text.len() <= 60 && {
        let lower = text.to_lowercase().replace('’', "'");
        LABELS.contains(&&*lower)
    }
}

/// Sentences at the end of a page that are about the page, its paper or its writer's addresses.
#[rustfmt::skip]
static ENDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
        ^ (?: you \s can \s )? (?: follow | like | join | find ) \b .{0,100} \b (?: on | at | via | in ) \b .{0,40} \b (?: twitter | facebook | instagram | youtube | telegram | whatsapp | linkedin | x ) \b
        | ^ follow \s .{0,60} @ \w
        | ^ (?: subscribe | sign \s up | download | get ) \b .{0,120} \b (?: newsletters? | youtube | app | inbox | podcast | magazine | e-?mail | channel | notifications ) \b
        | \b (?: reached | contact(?:ed)? | e-?mail(?:ed)? | write | reach ) \b .{0,80} \b [\w.+-]+ @ [\w-]+ \. \w
        | ^ (?: source | sources | via | filed \s under | tagged | tags | topics | posted \s in | categories | more | see \s also | read \s also | also \s see | also \s read ) \s* : .{0,60} $
        | ^ (?: click | tap ) \s here \b .{0,100} $
        | ^ have \s a \s (?: news \s )? tip \b
        | ^ (?: need | want ) \s more \b .{0,40} \? \s* subscribe
        | ^ (?: get | read ) \s .{0,60} \b clicking \s here
        | ^ follow \s .{0,40} \b (?: full | complete | latest | live ) \b .{0,20} \b coverage \b
        ",
    )
    .ok()
});

/// Is a block at a page's end such a sentence?
pub fn ends_page(text: &str) -> bool {
    text.len() <= 400 && ENDS.as_ref().is_some_and(|ends| ends.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_a_page_are_known_by_their_words() {
        for text in [
            "Follow The Gazette on Twitter and Facebook.",
            "Subscribe to our daily newsletter",
            "A. Author may be reached at author@example.org.",
            "Filed under: Town, Hall",
            "Have a tip? Tell us.",
        ] {
            assert!(ends_page(text), "{text}");
        }
        for text in [
            "The council follows what happens on Twitter with concern, a speaker said on Monday.",
            "Residents may subscribe to the plan until May.",
            "The mayor can be reached by nobody at the moment.",
            "More than forty people came.",
        ] {
            assert!(!ends_page(text), "{text}");
        }
    }

    #[test]
    fn a_label_is_a_block_of_its_own() {
        assert!(is_label("— Advertisement —") && is_label("Continue Reading Below") && is_label("Реклама"));
        assert!(!is_label("The advertisement was seen by many") && !is_label(""));
    }
}
