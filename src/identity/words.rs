//! The words of an entry, as far as identity is concerned: without mark-up, NFKC, lower case, white space folded.

use std::borrow::Cow;
use std::collections::HashSet;

use unicode_normalization::{UnicodeNormalization, is_nfkc_quick};

use crate::parse::Markup;

/// Below so many words a run of three says too little, and single words are compared.
const FEW_WORDS: usize = 10;

/// The characters of a text construct without its mark-up; white space is not folded yet.
///
/// A plain scan, not a parser: it must give the same for the same bytes for ever, whatever sanitising learns.
pub fn plain(markup: &Markup) -> Cow<'_, str> {
    match markup {
        Markup::Text(text) => Cow::Borrowed(text),
        Markup::Html(html) if !html.contains(['<', '&']) => Cow::Borrowed(html),
        Markup::Html(html) => Cow::Owned(strip(html)),
    }
}

/// Tags become spaces, so that words on both sides of one stay apart; comments, scripts and styles go.
fn strip(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('&') {
            let (decoded, taken) = entity(rest);
            text.push_str(&decoded);
            rest = &rest[taken..];
        } else if let Some(comment) = rest.strip_prefix("<!--") {
            text.push(' ');
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            text.push(' ');
            let hidden = ["script", "style"].into_iter().find(|name| {
                rest.get(1..=name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
                    && rest[1 + name.len()..].starts_with(|c: char| c == '>' || c == '/' || c.is_ascii_whitespace())
            });
            rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
            if let Some(name) = hidden {
                let closing = format!("</{name}");
                let end = rest.as_bytes().windows(closing.len()).position(|window| window.eq_ignore_ascii_case(closing.as_bytes()));
                rest = end.map_or("", |end| &rest[end..]);
            }
        } else {
            text.push('<');
            rest = &rest[1..];
        }
    }
    text.push_str(rest);
    text
}

/// The character that a reference stands for, and its length in bytes; an unknown one stands for itself.
fn entity(text: &str) -> (Cow<'static, str>, usize) {
    let unknown = (Cow::Borrowed("&"), 1);
    let Some(end) = text.bytes().take(12).position(|byte| byte == b';') else { return unknown };
    let name = &text[1..end];
    let character = if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        code.ok().and_then(char::from_u32)
    } else {
        match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" | "rsquo" => Some('\''),
            "nbsp" => Some(' '),
            _ => None,
        }
    };
    character.map_or(unknown, |character| (Cow::Owned(character.to_string()), end + 1))
}

/// NFKC, lower case, white space folded to single spaces.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let composed: Cow<'_, str> = if is_nfkc_quick(text.chars().filter(|c| !c.is_ascii())) == unicode_normalization::IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfkc().collect())
    };
    let mut folded = String::with_capacity(composed.len());
    for word in composed.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            folded.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
        } else {
            folded.push_str(&word.to_lowercase());
        }
    }
    folded
}

/// The same for a text of which each byte is a character: most of them, at a fraction of the cost. Each byte is written, and
/// stays unless it is a space after a space: a branch that nobody could foretell would cost more.
fn fold_ascii(text: &str) -> String {
    let mut folded = vec![0; text.len()];
    let (mut length, mut after_space) = (0, true);
    for byte in text.bytes() {
        let byte = FOLDED[usize::from(byte)];
        if let Some(place) = folded.get_mut(length) {
            *place = byte;
        }
        let is_space = byte == b' ';
        length += usize::from(!(is_space && after_space));
        after_space = is_space;
    }
    if after_space {
        length = length.saturating_sub(1);
    }
    folded.truncate(length);
    // ASCII came in.
    String::from_utf8(folded).unwrap_or_default()
}

/// Lower case, and white space a space.
const FOLDED: [u8; 256] = {
    let mut folded = [0; 256];
    let mut byte = 0_u8;
    loop {
        folded[byte as usize] = if matches!(byte, b'\t'..=b'\r') { b' ' } else { byte.to_ascii_lowercase() };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    folded
};

/// Is this a character of a script that is written without spaces between its words?
fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0xFF66..=0xFF9F | 0x20000..=0x3FFFF)
}

/// Runs of letters and digits; each character of a script without spaces alone.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty()).flat_map(|run| {
        let mut rest = run;
        std::iter::from_fn(move || {
            let first = rest.chars().next()?;
            let end = if is_spaceless(first) { first.len_utf8() } else { rest.find(is_spaceless).unwrap_or(rest.len()) };
            let (head, tail) = rest.split_at(end);
            rest = tail;
            Some(head)
        })
    })
}

/// How many words: runs between white space that hold a letter or digit, characters of scripts without spaces one by one.
/// Counts no further than `most`: whoever asks wants to know whether there are enough.
pub fn word_count(text: &str, most: usize) -> usize {
    let mut count = 0;
    for run in text.split_whitespace() {
        let spaceless = run.chars().filter(|c| is_spaceless(*c) && c.is_alphanumeric()).count();
        count += spaceless + usize::from(run.chars().any(|c| c.is_alphanumeric() && !is_spaceless(c)));
        if count >= most {
            return most;
        }
    }
    count
}

/// The words of an entry's title and text, to be compared with another's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words(Vec<String>);

impl Words {
    /// Of a title and a text, folded or not.
    pub fn of(title: &str, text: &str) -> Self {
        let folded = fold(&format!("{title} {text}"));
        Self(runs(&folded).map(str::to_owned).collect())
    }

    /// Do these two tell different stories? Less than a tenth of the shorter one's runs of three words in common;
    /// under ten words, less than a third of its words.
    pub fn are_other_than(&self, other: &Self) -> bool {
        let (shorter, longer) = if self.0.len() <= other.0.len() { (self, other) } else { (other, self) };
        if shorter.0.len() < FEW_WORDS {
            let known: HashSet<&str> = longer.0.iter().map(String::as_str).collect();
            let own: HashSet<&str> = shorter.0.iter().map(String::as_str).collect();
            let common = own.iter().filter(|word| known.contains(*word)).count();
            common * 3 < own.len()
        } else {
            let known: HashSet<&[String]> = longer.0.windows(3).collect();
            let own: HashSet<&[String]> = shorter.0.windows(3).collect();
            let common = own.iter().filter(|run| known.contains(*run)).count();
            common * 10 < own.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_up_goes_and_words_stay_apart() {
        for (html, want) in [
            ("<p>One</p><p>two &amp; three</p>", "one two & three"),
            ("a<br>b", "a b"),
            ("a <!-- hidden --> b", "a b"),
            ("<script>x < y</script>z <STYLE type=a>q</style>", "z"),
            ("1 < 2 &unknown; &#65;&#x42;", "1 < 2 &unknown; ab"),
            ("cut <b", "cut"),
            ("cut <!-- off", "cut"),
            ("&", "&"),
        ] {
            assert_eq!(fold(&plain(&Markup::Html(html.into()))), want, "{html}");
        }
        assert_eq!(plain(&Markup::Text("a <b> &amp;".into())), "a <b> &amp;");
    }

    #[test]
    fn folding_is_nfkc_lower_case_and_single_spaces() {
        assert_eq!(fold(" ﬁne \n ＡＢ\u{a0}É "), "fine ab é");
        let every: String = (0..=127_u8).map(char::from).collect();
        for ascii in [" Plain\t\x0b ASCII\r\n", "", " ", &every] {
            let words: Vec<String> = ascii.split_whitespace().map(str::to_lowercase).collect();
            assert_eq!(fold(ascii), words.join(" "), "{ascii:?}");
        }
    }

    #[test]
    fn words_are_counted_between_spaces_and_one_by_one_where_there_are_none() {
        for (text, want) in [("one two-three, - four", 3), ("", 0), ("東京 2026年", 4), ("ab東cd", 2)] {
            assert_eq!(word_count(text, usize::MAX), want, "{text}");
        }
        assert_eq!(word_count("one two three", 2), 2);
    }

    #[test]
    fn an_edit_is_not_other_words_and_another_story_is() {
        let long = |seed: &str| (0..60).map(|n| format!("{seed}{n}")).collect::<Vec<_>>().join(" ");
        for (a, b, other) in [
            (("Bridge opens", long("a")), ("Bridge opens again", long("a")), false),
            (("Bridge opens", long("a")), ("Harbour closes", long("b")), true),
            (("a b c", String::new()), ("a x y", String::new()), false),
            (("a b c d", String::new()), ("a x y z", String::new()), true),
            (("", String::new()), ("a b c", String::new()), false),
        ] {
            let (x, y) = (Words::of(a.0, &a.1), Words::of(b.0, &b.1));
            assert_eq!((x.are_other_than(&y), y.are_other_than(&x)), (other, other), "{a:?} {b:?}");
        }
    }
}
