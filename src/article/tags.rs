//! A linear scanner of HTML tags: what stands before the sanitiser and after it is told apart here.
//!
//! It builds no tree and decides nothing about safety; the sanitiser does. On the sanitiser's own output, where
//! each attribute is quoted and each `<` of the text escaped, it is exact; on HTML from outside it follows the
//! HTML tokeniser closely enough to find tags, and never looks at a byte twice.

use std::ops::Range;

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Characters between tags, still escaped.
    Text(&'a str),
    /// A start tag.
    Open(OpenTag<'a>),
    /// An end tag, by its name as it stands.
    Close(&'a str),
    /// A comment, declaration or processing instruction.
    Other,
    /// A tag that the end cuts off.
    Unfinished(&'a str),
    /// The content of `script`, `style` and their like, which is no markup.
    Raw(&'a str),
}

/// A start tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTag<'a> {
    /// Its name, as it stands.
    pub name: &'a str,
    /// What stands between the name and `>`.
    pub attributes: &'a str,
    /// How many attributes that is.
    pub attribute_count: usize,
    /// Does it end in `/>`?
    pub self_closing: bool,
}

/// The pieces of a markup string with the bytes that they take up.
pub struct Pieces<'a> {
    source: &'a str,
    position: usize,
    raw_until: Option<&'a str>,
}

/// Splits markup into pieces that cover it without a gap.
pub fn pieces(source: &str) -> Pieces<'_> {
    Pieces { source, position: 0, raw_until: None }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (Piece<'a>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.position;
        let rest = self.source.get(start..).filter(|rest| !rest.is_empty())?;
        if let Some(name) = self.raw_until.take() {
            let length = raw_length(rest, name);
            if length > 0 {
                self.position = start + length;
                return Some((Piece::Raw(&rest[..length]), start..self.position));
            }
        }
        let (piece, length) = if rest.starts_with('<') { markup(rest) } else { (None, 0) };
        let (piece, length) = match piece {
            Some(piece) => (piece, length),
            None => {
                let length = text_length(rest);
                (Piece::Text(&rest[..length]), length)
            }
        };
        self.position = start + length;
        if let Piece::Open(tag) = piece
            && !tag.self_closing
            && is_raw_text(tag.name)
        {
            self.raw_until = Some(tag.name);
        }
        Some((piece, start..self.position))
    }
}

/// Elements whose content is not markup and never shown as text.
fn is_raw_text(name: &str) -> bool {
    name.eq_ignore_ascii_case("script") || name.eq_ignore_ascii_case("style")
}

/// Bytes up to the end tag of `name`, else all.
fn raw_length(rest: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let at = from + at;
        let after = &rest.as_bytes()[at + 2..];
        if after.len() >= name.len() && after[..name.len()].eq_ignore_ascii_case(name.as_bytes()) {
            return at;
        }
        from = at + 2;
    }
    rest.len()
}

/// Bytes up to the next `<` that begins markup.
fn text_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut from = 0;
    while let Some(at) = rest[from..].find('<') {
        let at = from + at;
        // The first byte is text already where this was asked for a `<` that begins nothing.
        if at > 0 && bytes.get(at + 1).is_some_and(|&next| begins_markup(next)) {
            return at;
        }
        from = at + 1;
    }
    rest.len()
}

fn begins_markup(next: u8) -> bool {
    next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')
}

/// The piece that begins at a `<`, if one does, and its length.
fn markup(rest: &str) -> (Option<Piece<'_>>, usize) {
    let bytes = rest.as_bytes();
    match bytes.get(1) {
        Some(first) if first.is_ascii_alphabetic() => {
            let name_end =
                bytes[1..].iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>')).map_or(bytes.len(), |n| n + 1);
            let mut attributes = Attributes { source: &rest[name_end..], position: 0, ended_unquoted: false };
            let attribute_count = attributes.by_ref().count();
            let end = name_end + attributes.position;
            // In `<a href=x/>` the slash is part of the value.
            let self_closing = end > name_end && bytes[end - 1] == b'/' && !attributes.ended_unquoted;
            if bytes.get(end) != Some(&b'>') {
                return (Some(Piece::Unfinished(rest)), rest.len());
            }
            let tag = OpenTag { name: &rest[1..name_end], attributes: &rest[name_end..end], attribute_count, self_closing };
            (Some(Piece::Open(tag)), end + 1)
        }
        Some(b'/') if bytes.get(2).is_some_and(u8::is_ascii_alphabetic) => match rest.find('>') {
            Some(end) => {
                let name = &rest[2..end];
                let name = name.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default();
                (Some(Piece::Close(name)), end + 1)
            }
            None => (Some(Piece::Unfinished(rest)), rest.len()),
        },
        Some(b'!') if rest.starts_with("<!--") => {
            let end = if rest.starts_with("<!-->") {
                5
            } else if rest.starts_with("<!--->") {
                6
            } else {
                rest[4..].find("-->").map_or(rest.len(), |n| n + 7)
            };
            (Some(Piece::Other), end)
        }
        Some(b'!' | b'?' | b'/') => (Some(Piece::Other), rest.find('>').map_or(rest.len(), |n| n + 1)),
        _ => (None, 0),
    }
}

/// The attributes of a start tag: name and value as they stand, the value without its quotes.
pub struct Attributes<'a> {
    source: &'a str,
    position: usize,
    /// Was the last value one without quotes?
    ended_unquoted: bool,
}

impl<'a> OpenTag<'a> {
    /// The attributes in their order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { source: self.attributes, position: 0, ended_unquoted: false }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.source.as_bytes();
        let skip = |from: usize, wanted: fn(u8) -> bool| {
            let mut at = from;
            while bytes.get(at).is_some_and(|&b| wanted(b)) {
                at += 1;
            }
            at
        };
        let begun = self.position;
        let start = skip(begun, |b| b.is_ascii_whitespace() || b == b'/');
        self.position = start;
        if bytes.get(start).is_none_or(|&b| b == b'>') {
            self.ended_unquoted &= start == begun;
            return None;
        }
        self.ended_unquoted = false;
        // A name may begin with `=`: the tokeniser takes it for a character of the name.
        let name_end = skip(start + 1, |b| !b.is_ascii_whitespace() && !matches!(b, b'/' | b'>' | b'='));
        let name = self.source.get(start..name_end)?;
        let equals = skip(name_end, |b| b.is_ascii_whitespace());
        if bytes.get(equals) != Some(&b'=') {
            self.position = name_end;
            return Some((name, ""));
        }
        let value = skip(equals + 1, |b| b.is_ascii_whitespace());
        match bytes.get(value) {
            Some(&quote @ (b'"' | b'\'')) => match self.source[value + 1..].find(char::from(quote)) {
                Some(length) => {
                    self.position = value + length + 2;
                    Some((name, &self.source[value + 1..value + 1 + length]))
                }
                None => {
                    self.position = self.source.len();
                    None
                }
            },
            _ => {
                let end = skip(value, |b| !b.is_ascii_whitespace() && b != b'>');
                self.position = end;
                self.ended_unquoted = true;
                Some((name, &self.source[value..end]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(source: &str) -> String {
        pieces(source)
            .map(|(piece, _)| match piece {
                Piece::Text(text) => format!("[{text}]"),
                Piece::Open(tag) => format!("+{}{}", tag.name, if tag.self_closing { "/" } else { "" }),
                Piece::Close(name) => format!("-{name}"),
                Piece::Other => "?".to_owned(),
                Piece::Unfinished(rest) => format!("!{rest}"),
                Piece::Raw(raw) => format!("({raw})"),
            })
            .collect()
    }

    #[test]
    fn tags_are_told_from_text_as_the_html_tokeniser_does() {
        for (source, want) in [
            ("a<b>c</b>d", "[a]+b[c]-b[d]"),
            ("1 < 2 <3 a<", "[1 < 2 <3 a<]"),
            ("<a href='x>y' b=\"</a>\">z</a >", "+a[z]-a"),
            ("<br/>x<img src=a />y<img src=a/>", "+br/[x]+img/[y]+img"),
            ("<!-- <b> -->x<!doctype html>y<?xml ?>z", "?[x]?[y]?[z]"),
            ("<script>a<b></script>c", "+script(a<b>)-script[c]"),
            ("<script/>c", "+script/[c]"),
            ("a<b", "[a]!<b"),
            ("<b c='", "!<b c='"),
            ("<b></b", "+b!</b"),
            ("<!-->a", "?[a]"),
        ] {
            assert_eq!(shape(source), want, "{source}");
        }
    }

    #[test]
    fn attributes_come_with_their_values_as_they_stand() {
        let (Piece::Open(tag), _) = pieces("<img src=\"a&amp;b\" alt = 'it' hidden width=1 title=\"\">").next().unwrap() else { panic!() };
        let attributes: Vec<_> = tag.attributes().collect();
        assert_eq!(attributes, [("src", "a&amp;b"), ("alt", "it"), ("hidden", ""), ("width", "1"), ("title", "")]);
    }

    proptest! {
        #[test]
        fn the_pieces_cover_any_string_without_a_gap(source in "[a-z<>/!\"'= \\-?é&]{0,60}") {
            let mut end = 0;
            for (_, range) in pieces(&source) {
                prop_assert_eq!(range.start, end);
                prop_assert!(range.end > range.start);
                end = range.end;
            }
            prop_assert_eq!(end, source.len());
        }
    }
}
