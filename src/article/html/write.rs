//! How tags are written: addresses absolute, and nothing in an attribute that a scanner would take for active content.

use std::fmt::Write as _;

use url::Url;

use crate::article::entities;
use crate::article::tags::OpenTag;

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
