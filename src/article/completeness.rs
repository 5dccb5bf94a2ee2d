//! Is the body of a feed's entry the whole story? Rules on signs that publishers leave.

use super::Completeness;
use super::summary;

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// The end of the entry's body as text: its last paragraph is enough.
    pub body: &'a str,
    /// Its words.
    pub words: u32,
    /// Words of the entry's abstract, where it has one beside the body.
    pub abstract_words: Option<u32>,
    /// Has the entry a body of its own (`content:encoded`, `content`), that says more than the abstract?
    pub has_content: bool,
    /// Paragraphs of the body.
    pub paragraphs: usize,
    /// Is a medium attached that may be the story itself?
    pub has_enclosure: bool,
    /// Has the entry a link to a page that could hold more?
    pub has_page: bool,
}

/// Words from which a body that nothing speaks against is taken for the whole.
const FULL_WORDS: u32 = 250;
/// Words below which an abstract alone is one.
const EXCERPT_WORDS: u32 = 100;

/// In this order:
///
/// 1. no body: unknown;
/// 2. a body that breaks off (`…`, `[…]`, `...`) or ends in "read more": excerpt;
/// 3. an entry without a page: the body is all there is: full;
/// 4. a body of its own, more than twice as long as the abstract beside it: full;
/// 5. a body of its own of 250 words, or of three paragraphs and 150 words: full;
/// 6. an abstract alone of one paragraph, under 100 words, with no medium attached: excerpt;
/// 7. an abstract alone of 250 words in three paragraphs: full;
/// 8. else unknown. Never paywalled: only a page can tell.
pub fn judge(signs: &Signs<'_>) -> Completeness {
    if signs.words == 0 {
        return Completeness::Unknown;
    }
    if breaks_off(signs.body) || summary::leads_on(signs.body) {
        return Completeness::Excerpt;
    }
    if !signs.has_page {
        return Completeness::Full;
    }
    if signs.has_content {
        let fuller = signs
            .abstract_words
            .is_some_and(|words| words > 0 && signs.words > words.saturating_mul(2) && signs.words >= EXCERPT_WORDS / 2);
        if fuller || signs.words >= FULL_WORDS || (signs.paragraphs >= 3 && signs.words >= 150) {
            return Completeness::Full;
        }
        return Completeness::Unknown;
    }
    if signs.words >= FULL_WORDS && signs.paragraphs >= 3 {
        Completeness::Full
    } else if signs.words < EXCERPT_WORDS && signs.paragraphs <= 1 && !signs.has_enclosure {
        Completeness::Excerpt
    } else {
        Completeness::Unknown
    }
}

/// Does a text end in an ellipsis?
pub fn breaks_off(text: &str) -> bool {
    let end = text.trim_end().trim_end_matches(['"', '”', '’', '»', ' ']);
    ["…", "...", "[…]", "[...]", "(…)", "(...)", "[..]", "[&hellip;]", "…]", "⋯"].iter().any(|ellipsis| end.ends_with(ellipsis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_judged_by_its_signs() {
        let signs = Signs {
            body: "It ends.",
            words: 120,
            abstract_words: None,
            has_content: true,
            paragraphs: 2,
            has_enclosure: false,
            has_page: true,
        };
        use Completeness::{Excerpt, Full, Unknown};
        for (name, signs, want) in [
            ("nothing", Signs { words: 0, body: "", ..signs }, Unknown),
            ("breaks off", Signs { body: "It goes on […]", words: 900, ..signs }, Excerpt),
            ("breaks off in dots", Signs { body: "It goes on...", ..signs }, Excerpt),
            ("leads on", Signs { body: "It ends. Read more", ..signs }, Excerpt),
            ("no page", Signs { words: 9, has_content: false, has_page: false, paragraphs: 1, ..signs }, Full),
            ("much longer than the abstract", Signs { abstract_words: Some(40), ..signs }, Full),
            ("hardly longer than the abstract", Signs { abstract_words: Some(100), ..signs }, Unknown),
            ("long", Signs { words: 400, ..signs }, Full),
            ("several paragraphs", Signs { words: 180, paragraphs: 4, ..signs }, Full),
            ("short body", signs, Unknown),
            ("short abstract alone", Signs { words: 40, has_content: false, paragraphs: 1, ..signs }, Excerpt),
            ("episode", Signs { words: 40, has_content: false, paragraphs: 1, has_enclosure: true, ..signs }, Unknown),
            ("long description", Signs { words: 400, has_content: false, paragraphs: 5, ..signs }, Full),
            ("middling description", Signs { words: 150, has_content: false, paragraphs: 1, ..signs }, Unknown),
        ] {
            assert_eq!(judge(&signs), want, "{name}");
        }
    }
}
