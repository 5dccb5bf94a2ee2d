//! The abstract of an article: a few sentences of plain text, cut where a reader would stop.

use unicode_segmentation::UnicodeSegmentation;

use super::boilerplate;
use super::text::{BlockKind, Paragraphs};
use super::title;

/// Characters (Unicode scalar values) of a summary at most, the ellipsis included.
pub const MAX_CHARACTERS: usize = 300;

/// A cut at the end of a sentence must leave that many characters; else it is made between words.
const MIN_SENTENCES: usize = 60;

/// Words after which an abstract leads to the page.
const TAILS: &[&str] = &[
    "read more",
    "continue reading",
    "read the full story",
    "read the full article",
    "read full article",
    "read full story",
    "read the rest of this entry",
    "read the rest",
    "keep reading",
    "click here to read more",
    "(more...)",
    "(more…)",
    "[read more]",
    "[continue reading]",
    "[more]",
    "more »",
    "weiterlesen",
    "lire la suite",
    "leer más",
    "seguir leyendo",
    "leia mais",
    "continua a leggere",
    "lees verder",
    "läs mer",
    "les mer",
    "læs mere",
    "lue lisää",
    "czytaj dalej",
    "czytaj więcej",
    "číst dále",
    "tovább olvasom",
    "devamını oku",
    "διαβάστε περισσότερα",
    "читать далее",
    "читать полностью",
    "читати далі",
    "اقرأ المزيد",
    "続きを読む",
    "もっと読む",
    "阅读全文",
    "阅读更多",
    "閱讀全文",
    "더 보기",
    "더보기",
];

/// The summary that a feed's own abstract makes; `None` where nothing is left of it.
pub fn from_abstract(paragraphs: &Paragraphs) -> Option<String> {
    let mut line = String::new();
    for (_, text) in paragraphs.iter() {
        if line.len() > 8 * MAX_CHARACTERS {
            break;
        }
        line.push_str(text);
        line.push(' ');
    }
    shorten(&line)
}

/// The summary of a body without an abstract: its first paragraph.
pub fn from_body(paragraphs: &Paragraphs) -> Option<String> {
    let first = paragraphs.iter().find(|(block, _)| block.kind == BlockKind::Paragraph).or_else(|| paragraphs.iter().next())?;
    shorten(first.1)
}

/// Does a text end in words that lead to the rest of it?
pub fn leads_on(text: &str) -> bool {
    without_tail(text).len() < text.trim_end().len()
}

fn without_tail(text: &str) -> &str {
    let mut text = text.trim_end();
    'again: loop {
        let bare = text.trim_end_matches(['»', '→', '>', '›', ' ', '\u{a0}', '.', '…', ':', '➔', '►']);
        let candidates = [Some(text), Some(bare).filter(|bare| bare.len() < text.len())];
        for candidate in candidates.into_iter().flatten() {
            // The last letter alone rules most tails out.
            let last = candidate.chars().next_back().and_then(|c| c.to_lowercase().next_back());
            for tail in TAILS.iter().filter(|tail| tail.chars().next_back() == last) {
                let Some(start) = candidate.len().checked_sub(tail.len()).filter(|&start| candidate.is_char_boundary(start)) else {
                    continue;
                };
                let (before, end) = candidate.split_at(start);
                let fits = end == *tail || end.to_lowercase() == *tail;
                // "… where you can read more." is a sentence: the tail stands apart, after an end or as a line.
                let apart = || {
                    before.trim_end().is_empty()
                        || before.ends_with('\n')
                        || before.trim_end().ends_with(['.', '!', '?', '…', ']', '”', '"', '。', '»', '|', '–', '—', ':', ')'])
                };
                if fits && (tail.starts_with(['(', '[']) || apart()) {
                    text = before.trim_end();
                    continue 'again;
                }
            }
        }
        return text;
    }
}

/// One line of at most [`MAX_CHARACTERS`], without tails; `None` where nothing is left.
pub fn shorten(text: &str) -> Option<String> {
    let text = without_tail(text);
    let line = title::fold(text);
    let line = without_tail(boilerplate::without_appeared_first(&line));
    // WordPress ends its excerpts in "[…]".
    let bare = ["[…]", "[...]", "(…)", "(...)"].iter().find_map(|end| line.strip_suffix(end)).map(str::trim_end);
    match bare {
        Some("") => None,
        Some(bare) if bare.ends_with(['.', '!', '?', '…', '。']) => Some(cut(bare)),
        Some(bare) => Some(cut(&format!("{bare}…"))),
        None => (!line.is_empty()).then(|| cut(line)),
    }
}

fn cut(line: &str) -> String {
    if line.len() <= MAX_CHARACTERS {
        return line.to_owned();
    }
    // Where a grapheme ends within the limit, with one character left for the ellipsis.
    let mut ends = Vec::with_capacity(MAX_CHARACTERS);
    let mut characters = 0;
    let mut fits = 0;
    let mut fits_with_ellipsis = 0;
    for (start, grapheme) in line.grapheme_indices(true) {
        characters += grapheme.chars().count();
        let end = start + grapheme.len();
        if characters < MAX_CHARACTERS {
            fits_with_ellipsis = end;
        }
        if characters > MAX_CHARACTERS {
            break;
        }
        fits = end;
        ends.push(end);
    }
    if fits == line.len() {
        return line.to_owned();
    }
    let head = &line[..fits];
    if let Some(end) = last_sentence_end(head, &line[fits..], &ends).filter(|&end| head[..end].chars().count() >= MIN_SENTENCES) {
        return head[..end].to_owned();
    }
    let head = &line[..fits_with_ellipsis];
    let at_word =
        if line[fits_with_ellipsis..].starts_with(char::is_whitespace) { Some(head.len()) } else { head.rfind(char::is_whitespace) };
    // A script without spaces has no such place: between graphemes then.
    let end = at_word.filter(|&end| head[..end].chars().count() >= MIN_SENTENCES).unwrap_or(head.len());
    let mut cut =
        head[..end].trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '–' | '—' | '(' | '…')).to_owned();
    cut.push('…');
    cut
}

/// Where the last whole sentence of `head` ends; `rest` is what follows it, `graphemes` where its graphemes end.
fn last_sentence_end(head: &str, rest: &str, graphemes: &[usize]) -> Option<usize> {
    let mut found = None;
    for (at, c) in head.char_indices() {
        let full_width = matches!(c, '。' | '！' | '？' | '।' | '۔');
        if !full_width && !matches!(c, '.' | '!' | '?' | '…') {
            continue;
        }
        let after = &head[at + c.len_utf8()..];
        let closing = after.len() - after.trim_start_matches(['"', '”', '’', '\'', ')', ']', '»', '」', '』', '“']).len();
        let end = at + c.len_utf8() + closing;
        let follows = if end < head.len() { &head[end..] } else { rest };
        let next = follows.chars().next();
        let boundary = full_width || next.is_none_or(char::is_whitespace);
        // "Dr. No", "J. Doe", "approx. three".
        let word = head[..at].rsplit(|c: char| c.is_whitespace() || c == '.').next().unwrap_or_default();
        let abbreviation = c == '.'
            && (word.chars().count() < 2
                || ["Dr", "Mr", "Mrs", "Ms", "St", "Prof", "Sen", "Rep", "Gov", "Gen", "Col", "No", "vs", "Jr", "Sr", "Mt"]
                    .contains(&word));
        let goes_on = follows.trim_start().chars().next().is_some_and(char::is_lowercase);
        if boundary && !abbreviation && !goes_on && graphemes.binary_search(&end).is_ok() {
            found = Some(end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tails_that_lead_to_the_page_go() {
        for (text, want) in [
            ("All is well. Read more", Some("All is well.")),
            ("All is well. Continue reading →", Some("All is well.")),
            ("All is well … Continue reading", Some("All is well …")),
            ("All is well (more…)", Some("All is well")),
            ("There is a library where you can read more.", Some("There is a library where you can read more.")),
            ("All is well. The post Well appeared first on Example.", Some("All is well.")),
            ("All is well and […]", Some("All is well and…")),
            ("All is well. [...]", Some("All is well.")),
            ("[…]", None),
            ("Read more", None),
            ("  ", None),
        ] {
            assert_eq!(shorten(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_sentence_else_at_a_word() {
        let sentence = "The council of the small town met on Monday to speak of the old bridge over the river. ";
        let cut = shorten(&sentence.repeat(5)).unwrap();
        assert_eq!(cut, sentence.repeat(3).trim_end());
        let cut = shorten(&"word ".repeat(100)).unwrap();
        assert!(cut.ends_with("word…") && cut.chars().count() <= MAX_CHARACTERS, "{cut}");
        let cut = shorten(&format!("{}. The rest is long {}", "Dr. Who met Mr. X ".repeat(10), "on ".repeat(100))).unwrap();
        assert!(!cut.ends_with("Dr.") && !cut.ends_with("Mr."), "{cut}");
        assert_eq!(shorten(&"字".repeat(400)).unwrap().chars().count(), MAX_CHARACTERS);
    }

    proptest! {
        #[test]
        fn a_summary_is_never_longer_and_never_ends_inside_a_grapheme(text in "([a-z]{1,8}[.!?]? |[👨‍👩‍👧🇩🇪e\u{301}字。]){0,200}") {
            if let Some(summary) = shorten(&text) {
                prop_assert!(summary.chars().count() <= MAX_CHARACTERS);
                let line = title::fold(&text);
                let bare = summary.trim_end_matches('…');
                if let Some(bare) = line.get(..bare.len()).filter(|start| *start == bare) {
                    prop_assert!(line.grapheme_indices(true).any(|(at, _)| at == bare.len()) || line.len() == bare.len());
                }
            }
        }
    }
}
