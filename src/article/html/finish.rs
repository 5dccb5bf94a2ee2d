//! The scan after the sanitiser: links absolute, images found and pixels dropped, and a verdict on whether an HTML
//! parser would read the result as it was written.

use std::fmt::Write as _;

use url::Url;

use super::elements::{is_block, is_void};
use super::images::Pictures;
use crate::article::entities;
use crate::article::tags::{OpenTag, Piece, pieces};

/// What a round of sanitising gave.
pub struct Finished {
    /// Canonical HTML.
    pub markup: String,
    /// Would an HTML parser build the same tree from it?
    pub stable: bool,
}

/// The scan over the sanitiser's output.
pub fn finish(clean: &str, base: Option<&Url>) -> Finished {
    let mut out = String::with_capacity(clean.len() + clean.len() / 8);
    let mut open: Vec<&str> = Vec::new();
    let mut stable = true;
    let mut pictures = Pictures::default();
    let mut pre_begins = None;
    for (piece, range) in pieces(clean) {
        match piece {
            Piece::Text(raw) | Piece::Raw(raw) => {
                let blank = raw.bytes().all(|b| b.is_ascii_whitespace());
                if !blank {
                    pictures.interrupted();
                    stable &= !open.last().is_some_and(|parent| holds_no_text(parent));
                }
                // The serialiser forgets that a parser drops the first line break of `pre`.
                if pre_begins == Some(out.len()) && raw.starts_with(['\n', '\r']) {
                    out.push('\n');
                }
                if raw.contains('\r') { out.push_str(&raw.replace("\r\n", "\n").replace('\r', "\n")) } else { out.push_str(raw) }
            }
            Piece::Open(tag) => {
                stable &= fits(tag.name, &open);
                if !is_void(tag.name) {
                    open.push(tag.name);
                }
                match tag.name {
                    "img" => pictures.image(&tag, base, &mut out),
                    "source" => pictures.source(&tag, &open, base, &mut out),
                    _ if tag.attributes.is_empty() => out.push_str(&clean[range]),
                    _ => {
                        write_tag(&tag, base, &mut out);
                    }
                }
                if tag.name == "pre" {
                    pre_begins = Some(out.len());
                }
            }
            Piece::Close(name) => {
                // The sanitiser's output is balanced.
                open.pop();
                if !matches!(name, "a" | "span") {
                    pictures.interrupted();
                }
                out.push_str(&clean[range]);
            }
            Piece::Other | Piece::Unfinished(_) => {}
        }
    }
    Finished { markup: out, stable }
}

/// Would an HTML parser leave this element where it is? The cases of the HTML standard (§13.2.6.4.7 and tables) that
/// can arise once elements were taken out from between others.
fn fits(name: &str, open: &[&str]) -> bool {
    let parent = open.last().copied().unwrap_or_default();
    let within = |wanted: &[&str], boundary: &[&str]| {
        open.iter().rev().take_while(|ancestor| !boundary.contains(ancestor)).any(|ancestor| wanted.contains(ancestor))
    };
    const CELLS: &[&str] = &["td", "th", "caption", "table"];
    match name {
        "td" | "th" => parent == "tr",
        "tr" => matches!(parent, "tbody" | "thead" | "tfoot"),
        "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => parent == "table",
        "col" => parent == "colgroup",
        _ if holds_no_text(parent) => false,
        "a" => !open.contains(&"a"),
        "li" => !within(&["li", "p"], &["ul", "ol", "td", "th", "caption", "table"]),
        "dd" | "dt" => !within(&["dd", "dt", "p"], &["dl", "ul", "ol", "td", "th", "caption", "table"]),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => !matches!(parent, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") && !within(&["p"], CELLS),
        // Within `ruby` they close what stands open directly above them.
        "rt" | "rp" => !matches!(parent, "dd" | "dt" | "li" | "p" | "rp" | "rt") || !open.contains(&"ruby"),
        _ if is_block(name) => !within(&["p"], CELLS),
        _ => true,
    }
}

fn holds_no_text(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup")
}

/// Writes a start tag with its addresses resolved; those that lead nowhere go.
pub fn write_tag(tag: &OpenTag<'_>, base: Option<&Url>, out: &mut String) {
    out.push('<');
    out.push_str(tag.name);
    for (name, value) in tag.attributes() {
        match name {
            "href" | "src" | "poster" | "cite" => {
                if let Some(url) = resolve(value, base).filter(|url| name == "href" || is_web(url)) {
                    write_attribute(name, &url, out);
                }
            }
            "srcset" => {}
            _ => write_raw_attribute(name, value, out),
        }
    }
    out.push('>');
}

/// Writes an attribute whose value is plain characters.
pub fn write_attribute(name: &str, value: &str, out: &mut String) {
    let mut escaped = String::with_capacity(value.len());
    entities::escape_attribute(value, &mut escaped);
    write_raw_attribute(name, &escaped, out);
}

/// Writes an attribute whose value is escaped already.
pub fn write_raw_attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    if looks_active(value) {
        // Harmless where it stands; but a program that searches for such words must not stumble over a caption.
        for c in value.chars() {
            match c {
                ':' | '=' | '(' | '-' => {
                    let _ = write!(out, "&#{};", u32::from(c));
                }
                '\r' => out.push('\n'),
                _ => out.push(c),
            }
        }
    } else if value.contains('\r') {
        out.push_str(&value.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        out.push_str(value);
    }
    out.push('"');
}

/// Does a value hold words that scanners for active content look for: a script's scheme, an event handler, a style
/// expression?
fn looks_active(value: &str) -> bool {
    let followed_by = |word: &str, sign: char| {
        let bytes = value.as_bytes();
        bytes.len() > word.len()
            && (0..=bytes.len() - word.len()).any(|at| {
                bytes[at..at + word.len()].eq_ignore_ascii_case(word.as_bytes()) && value[at + word.len()..].trim_start().starts_with(sign)
            })
    };
    (value.contains(':') && (followed_by("javascript", ':') || followed_by("vbscript", ':')))
        || (value.contains('(') && followed_by("expression", '('))
        || (value.contains("-") && value.to_ascii_lowercase().contains("-moz-binding"))
        || (value.contains('=')
            && value.split(char::is_whitespace).skip(1).any(|word| word.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on"))))
}

/// The absolute form of an address that stands, escaped, in an attribute.
pub fn resolve(value: &str, base: Option<&Url>) -> Option<String> {
    let value = entities::decode_canonical(value);
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if (value.starts_with("https://") || value.starts_with("http://")) && is_plain_url(value) {
        return Some(value.to_owned());
    }
    let url = match Url::parse(value) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => base?.join(value).ok()?,
        Err(_) => return None,
    };
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel" | "magnet" | "ftp" | "geo" | "xmpp" | "irc" | "ircs").then(|| url.into())
}

/// Absolute, and of characters that every parser reads alike.
fn is_plain_url(url: &str) -> bool {
    let authority = url.trim_start_matches("https://").trim_start_matches("http://");
    let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let path = authority.len() > host.len();
    path && !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !host.bytes().next_back().is_some_and(|b| b.is_ascii_digit())
        && !url.contains("/.")
        && url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~:/?#@!$&*+,;=%".contains(&b))
        && authority.as_bytes().get(host.len()) == Some(&b'/')
}

/// An address that a browser loads from the web.
pub fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}
