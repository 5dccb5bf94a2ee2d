//! Mark-up so plain that it needs no parser: what a parser, the sanitiser and its serialiser would write, written at once.
//!
//! Most bodies come from publishing software: every element is closed where it was opened, every attribute quoted. Of such
//! a body a parser makes a tree only for it to be written down again as it stood; that is half of the cost of sanitising. Here it
//! is read in one go, by a grammar far narrower than HTML. Where anything is in doubt the answer is "no", and the sanitiser is asked: an element
//! that is not on its list, one that is closed in another order, an attribute without quotes, a reference that HTML does not
//! know, a comment that two parsers might end in two places. And what was read counts only if the scan that follows
//! ([`super::finish`]) finds that a parser would build the same tree. So nothing is decided here about safety: elements, attributes
//! and schemes are the sanitiser's own lists, and a test compares both ways on what neither was written for.

use url::Url;

use super::elements::{ELEMENT_SET, is_void};
use super::{is_attribute, is_scheme};
use crate::article::entities;
use crate::article::tags::{Piece, pieces};

/// More open elements than any article has; far below the limits of [`super::prepare`].
const MAX_DEPTH: usize = 64;
/// Likewise, of elements in all …
const MAX_ELEMENTS: usize = 2_000;
/// … and of a tag's attributes.
const MAX_ATTRIBUTES: usize = 40;

/// What the sanitiser would make of a source that is plain; `None` where it must be asked.
pub fn read(source: &str) -> Option<String> {
    // A byte order mark at the beginning is dropped by parsers.
    if source.starts_with('\u{feff}') {
        return None;
    }
    let mut out = String::with_capacity(source.len() + source.len() / 16);
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0;
    let mut pre_begins = None;
    for (piece, range) in pieces(source) {
        match piece {
            Piece::Text(text) => {
                // A parser drops a line break at the beginning of `pre`.
                if text.starts_with('\n') && pre_begins == Some(out.len()) {
                    return None;
                }
                characters(text, Where::Text, &mut out)?;
            }
            Piece::Open(tag) => {
                elements += 1;
                if !is_plain_element(tag.name) || elements > MAX_ELEMENTS {
                    return None;
                }
                out.push('<');
                out.push_str(tag.name);
                let is_closed = attributes(tag.name, tag.attributes, &mut out)?;
                if tag.name == "a" {
                    out.push_str(" rel=\"noopener noreferrer\"");
                }
                out.push('>');
                if tag.name == "pre" {
                    pre_begins = Some(out.len());
                }
                if !is_void(tag.name) {
                    open.push(tag.name);
                    if is_closed || open.len() > MAX_DEPTH {
                        return None;
                    }
                }
            }
            Piece::Close(name) => {
                if open.pop() != Some(name) || range.len() != name.len() + "</>".len() {
                    return None;
                }
                out.push_str(source.get(range)?);
            }
            Piece::Other => comment(source.get(range)?)?,
            Piece::Raw(_) | Piece::Unfinished(_) => return None,
        }
    }
    open.is_empty().then_some(out)
}

/// Is it kept, by a name that stands as it is written out, and does nothing with it depend on more than its place? Players get
/// attributes from the sanitiser, and a picture's sources are looked at together.
fn is_plain_element(name: &str) -> bool {
    ELEMENT_SET.contains(name) && !matches!(name, "audio" | "video" | "source")
}

/// A comment, which leaves nothing, where all parsers end it at the same place.
fn comment(piece: &str) -> Option<()> {
    let inside = piece.strip_prefix("<!--")?.strip_suffix("-->")?;
    (!inside.starts_with(['>', '-']) && !inside.contains("--") && !inside.contains("<!")).then_some(())
}

/// Writes those attributes that are kept; says whether the tag ends in a slash.
fn attributes(element: &str, source: &str, out: &mut String) -> Option<bool> {
    let bytes = source.as_bytes();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n');
    let mut seen: Vec<&str> = Vec::new();
    let mut at = 0;
    loop {
        let begun = at;
        at += bytes.get(at..)?.iter().take_while(|byte| is_space(byte)).count();
        match bytes.get(at..)? {
            [] => return Some(false),
            [b'/'] => return Some(true),
            // The name follows a space, also behind a value.
            _ if at == begun => return None,
            _ => {}
        }
        let is_name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b':');
        let length = bytes.get(at..)?.iter().take_while(|byte| is_name(byte)).count();
        let name = source.get(at..at + length).filter(|name| !name.is_empty())?;
        at += length;
        let value = match bytes.get(at) {
            Some(b'=') => {
                let quote = *bytes.get(at + 1).filter(|byte| matches!(byte, b'"' | b'\''))?;
                let value = source.get(at + 2..)?.split(char::from(quote)).next()?;
                at += value.len() + 3;
                value
            }
            None | Some(b' ' | b'\t' | b'\n' | b'/') => "",
            Some(_) => return None,
        };
        // Of two of one name the first counts.
        if seen.contains(&name) || seen.len() == MAX_ATTRIBUTES {
            return None;
        }
        seen.push(name);
        if is_attribute(element, name) {
            attribute(name, value, out)?;
        }
    }
}

fn attribute(name: &str, value: &str, out: &mut String) -> Option<()> {
    let begin = out.len();
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let value_begins = out.len();
    characters(value, Where::Attribute, out)?;
    if matches!(name, "href" | "src") && !leads_somewhere(out.get(value_begins..)?) {
        out.truncate(begin);
        return Some(());
    }
    out.push('"');
    Some(())
}

/// Does the sanitiser let this address pass, which stands here escaped?
fn leads_somewhere(escaped: &str) -> bool {
    match Url::parse(&entities::decode_canonical(escaped)) {
        Ok(url) => is_scheme(url.scheme()),
        Err(error) => error == url::ParseError::RelativeUrlWithoutBase,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Text,
    Attribute,
}

/// Writes characters as the serialiser does, references decoded.
fn characters(raw: &str, place: Where, out: &mut String) -> Option<()> {
    let mut rest = raw;
    while !rest.is_empty() {
        let ordinary = rest.bytes().position(|byte| IS_SPECIAL[usize::from(byte)]).unwrap_or(rest.len());
        // No special byte stands within a character.
        let (before, special) = rest.split_at(ordinary);
        out.push_str(before);
        let Some(c) = special.chars().next() else { break };
        let taken = match c {
            '&' => reference(special, place, out)?,
            '<' if place == Where::Text => return None,
            c if entities::is_forbidden(c) || c == '\r' => return None,
            c => {
                write_escaped(c, place, out);
                c.len_utf8()
            }
        };
        rest = special.get(taken..)?;
    }
    Some(())
}

/// The first bytes of characters that are not written as they stand, or not at all.
const IS_SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = byte != 9 && byte != 10;
        byte += 1;
    }
    special[b'&' as usize] = true;
    special[b'<' as usize] = true;
    special[b'>' as usize] = true;
    special[b'"' as usize] = true;
    // U+00A0, and U+FFFE and U+FFFF.
    special[0xc2] = true;
    special[0xef] = true;
    special
};

fn write_escaped(c: char, place: Where, out: &mut String) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\u{a0}' => out.push_str("&nbsp;"),
        '"' if place == Where::Attribute => out.push_str("&quot;"),
        c => out.push(c),
    }
}

/// Writes what the reference means that begins here; gives its length. `None` where HTML's rules are longer than ours.
fn reference(text: &str, place: Where, out: &mut String) -> Option<usize> {
    let after = text.strip_prefix('&')?;
    if let Some(number) = after.strip_prefix('#') {
        let end = number.bytes().take(9).position(|byte| byte == b';')?;
        let number = number.get(..end)?;
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16),
            None if number.bytes().all(|byte| byte.is_ascii_digit()) => number.parse(),
            _ => return None,
        };
        let c = code.ok().and_then(char::from_u32).filter(|c| is_meant(*c))?;
        write_escaped(c, place, out);
        return Some(end + "&#;".len());
    }
    let length = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = after.get(..length)?;
    match after.as_bytes().get(length) {
        Some(b';') if length > 0 => {
            entities::named(name)?.chars().for_each(|c| write_escaped(c, place, out));
            return Some(length + "&;".len());
        }
        // An address's next parameter.
        Some(b'=') if place == Where::Attribute => {}
        _ if length == 0 => {}
        // A name that needs no semicolon, perhaps.
        _ => return None,
    }
    write_escaped('&', place, out);
    Some(1)
}

/// Does a numeric reference mean the character of this number (HTML standard §13.2.5.80)?
fn is_meant(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fdd0}'..='\u{fdef}') && u32::from(c) & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_publishing_software_writes_needs_no_parser() {
        for (source, want) in [
            ("<p>One &amp; two &#8217; three&nbsp;four</p>\n", "<p>One &amp; two ’ three&nbsp;four</p>\n"),
            ("<p class=\"x\">a <em>b</em><br />c<br/>d</p>", "<p>a <em>b</em><br>c<br>d</p>"),
            (
                "<a href=\"https://e.org/?a=1&amp;b=2&c=3\" target='_blank' rel=\"nofollow\">x</a>",
                "<a href=\"https://e.org/?a=1&amp;b=2&amp;c=3\" rel=\"noopener noreferrer\">x</a>",
            ),
            ("<a href=\"javascript:x()\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
            ("<a href=\"java&#115;cript:x()\">x</a>", "<a rel=\"noopener noreferrer\">x</a>"),
            ("<img src=\"/a.jpg\" alt='say \"a\" > b' onerror=\"x()\"/>", "<img src=\"/a.jpg\" alt=\"say &quot;a&quot; &gt; b\">"),
            ("<!-- wp:paragraph --><p>5 > 4 & \"so\" on</p>", "<p>5 &gt; 4 &amp; \"so\" on</p>"),
            ("<ul><li>a</li></ul>，b", "<ul><li>a</li></ul>，b"),
        ] {
            assert_eq!(read(source).as_deref(), Some(want), "{source}");
        }
    }

    #[test]
    fn where_anything_is_in_doubt_the_sanitiser_is_asked() {
        for source in [
            "<p>a",
            "<p>a</b></p>",
            "<P>a</P>",
            "<p >a</p >",
            "<p/>",
            "<script>x</script>",
            "<iframe src=\"x\"></iframe>",
            "<video src=\"x\"></video>",
            "<a href=x>a</a>",
            "<a href=\"x\"title=\"y\">a</a>",
            "<a href=\"x\" href=\"y\">a</a>",
            "<a HREF=\"x\">a</a>",
            "a < b",
            "a &copy b",
            "a &unknown; b",
            "a &#128; b",
            "a &#0; b",
            "a &#x110000; b",
            "a\rb",
            "a\u{1}b",
            "a\u{ffff}b",
            "\u{feff}a",
            "<!--> x -->a",
            "<!-- a --!> b -->",
            "<!doctype html>a",
            "<pre>\na</pre>",
            "<p title=\"&copy\">a</p>",
        ] {
            assert_eq!(read(source), None, "{source}");
        }
    }
}
