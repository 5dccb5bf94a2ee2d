//! One line of plain text from a text construct: headlines, names, labels.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;

use super::tags::{Piece, pieces};
use super::{entities, html, text};
use crate::parse::Markup;

/// Only what breaks a line, and images for their alternative text.
static LINES: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(["br", "p", "div", "li", "td", "h1", "h2", "h3", "h4", "h5", "h6", "img"]))
        .tag_attributes(HashMap::from([("img", HashSet::from(["alt"]))]))
        .generic_attributes(HashSet::new())
        .link_rel(None);
    builder
});

/// The headline that a text construct holds: no tags, entities decoded (twice where they were encoded twice), white
/// space folded, nothing invisible that could reverse or hide a line. A headline of pictures alone becomes their
/// alternative text; one of nothing at all, the empty string.
pub fn headline(markup: &Markup) -> String {
    match markup {
        Markup::Text(text) => fold(&entities::decode_stray(text, false)),
        Markup::Html(source) if !source.contains(['<', '&']) => fold(source),
        Markup::Html(source) => {
            let clean = LINES.clean(&html::prepare::prepare(source)).to_string();
            let line = fold(&entities::decode_stray(&text::one_line(&clean), true));
            if line.is_empty() { fold(&alternative_text(&clean)) } else { line }
        }
    }
}

/// One line of a name or label that should be plain text but may hold entities of HTML.
pub fn label(text: &str) -> String {
    fold(&entities::decode_stray(text, true))
}

fn alternative_text(clean: &str) -> String {
    let mut all = String::new();
    for (piece, _) in pieces(clean) {
        if let Piece::Open(tag) = piece
            && let Some((_, alt)) = tag.attributes().find(|(name, _)| *name == "alt")
        {
            all.push(' ');
            all.push_str(&entities::decode_canonical(alt));
        }
    }
    all
}

/// White space folded; control characters and those that override the direction of writing removed.
pub fn fold(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace()) {
        let word = visible(word);
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    line
}

fn visible(word: &str) -> Cow<'_, str> {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if word.is_ascii() && !word.bytes().any(|b| b.is_ascii_control()) || !word.contains(hidden) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(word.chars().filter(|&c| !hidden(c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_of_plain_text() {
        for (html, want) in [
            ("Plain", "Plain"),
            ("  Two\n lines\t", "Two lines"),
            ("<b>Bold</b> and <i>it</i>alic", "Bold and italic"),
            ("One<br>two", "One two"),
            ("AT&amp;T", "AT&T"),
            ("AT&amp;amp;T", "AT&T"),
            ("It&amp;#8217;s", "It’s"),
            ("It&#8217;s &eacute;t&eacute;", "It’s été"),
            ("R&D & more", "R&D & more"),
            ("1 < 2", "1 < 2"),
            ("&lt;b&gt; is bold", "<b> is bold"),
            ("<script>alert(1)</script>Safe", "Safe"),
            ("<img src=\"a.png\" alt=\"Chart of &quot;prices&quot;\">", "Chart of \"prices\""),
            ("<p></p>", ""),
            ("A<B", "A<B"),
            ("\u{202e}desrever\u{202c} a\u{7}b", "desrever ab"),
        ] {
            assert_eq!(headline(&Markup::Html(html.to_owned())), want, "{html}");
        }
        for (plain, want) in [
            ("a <b> c", "a <b> c"),
            ("The &lt;b&gt; tag", "The &lt;b&gt; tag"),
            ("It&#8217;s", "It’s"),
            ("AT&amp;T", "AT&T"),
            ("x\u{a0} y", "x y"),
        ] {
            assert_eq!(headline(&Markup::Text(plain.to_owned())), want, "{plain}");
        }
    }
}
