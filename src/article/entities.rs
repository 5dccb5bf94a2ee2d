//! Character references: written and read where the HTML parser itself is not asked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Characters that no XML document may hold, even as references (XML 1.0 §2.2).
pub fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Is there perhaps such a character? Said by single bytes, so it costs next to nothing where there is none.
pub fn may_hold_forbidden(text: &str) -> bool {
    text.bytes().any(|b| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xef)
}

/// Appends characters as HTML text.
pub fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '\0' => {}
            _ => out.push(c),
        }
    }
}

/// Appends characters as a quoted attribute's value.
pub fn escape_attribute(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            _ => out.push(c),
        }
    }
}

/// Decodes what an HTML serialiser writes (five names, and numbers that this module's neighbours write).
pub fn decode_canonical(text: &str) -> Cow<'_, str> {
    decode_with(text, |name| match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "nbsp" => Some('\u{a0}'),
        _ => None,
    })
}

/// Decodes the references that are left in a text when it was encoded once too often: numbers, and the names that
/// publishing software writes into titles. All others stay as they are.
///
/// With `angle_brackets`, `&lt;` and `&gt;` too: not where the text was declared to be plain, since a headline
/// about HTML may mean them.
pub fn decode_stray(text: &str, angle_brackets: bool) -> Cow<'_, str> {
    decode_with(text, |name| {
        Some(match name {
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => '\u{a0}',
            "lt" if angle_brackets => '<',
            "gt" if angle_brackets => '>',
            "lsquo" => '‘',
            "rsquo" => '’',
            "sbquo" => '‚',
            "ldquo" => '“',
            "rdquo" => '”',
            "bdquo" => '„',
            "laquo" => '«',
            "raquo" => '»',
            "ndash" => '–',
            "mdash" => '—',
            "hellip" => '…',
            "bull" => '•',
            "middot" => '·',
            "shy" => '\u{ad}',
            "copy" => '©',
            "reg" => '®',
            "trade" => '™',
            "deg" => '°',
            "euro" => '€',
            "pound" => '£',
            "szlig" => 'ß',
            "auml" => 'ä',
            "ouml" => 'ö',
            "uuml" => 'ü',
            "Auml" => 'Ä',
            "Ouml" => 'Ö',
            "Uuml" => 'Ü',
            "agrave" => 'à',
            "aacute" => 'á',
            "acirc" => 'â',
            "ccedil" => 'ç',
            "egrave" => 'è',
            "eacute" => 'é',
            "ecirc" => 'ê',
            "iacute" => 'í',
            "ntilde" => 'ñ',
            "oacute" => 'ó',
            "ocirc" => 'ô',
            "uacute" => 'ú',
            _ => return None,
        })
    })
}

fn decode_with(text: &str, named: impl Fn(&str) -> Option<char>) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(after) = rest.strip_prefix('&') {
        // No name is longer than "hellip"; a number may have zeros before it.
        let end = after.bytes().take(12).position(|b| b == b';');
        let decoded = end.and_then(|end| after.get(..end)).and_then(|name| match name.strip_prefix('#') {
            Some(number) => numeric(number),
            None => named(name),
        });
        match (decoded, end) {
            (Some(c), Some(end)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            _ => {
                out.push('&');
                rest = after;
            }
        }
        let next = rest.find('&').unwrap_or(rest.len());
        out.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(out)
}

/// What a name without its semicolon stands for in HTML (HTML standard §13.5); quick-xml's own table has many of them wrong.
pub fn named(name: &str) -> Option<&'static str> {
    static NAMED: LazyLock<HashMap<&str, Box<str>>> = LazyLock::new(|| {
        let characters = |codes: [u32; 2]| codes.into_iter().filter(|code| *code != 0).filter_map(char::from_u32).collect::<String>();
        let entities = html5ever::data::NAMED_ENTITIES.entries();
        let whole = entities.filter_map(|(name, (first, second))| Some((name.strip_suffix(';')?, characters([*first, *second]))));
        whole.filter(|(_, characters)| !characters.is_empty()).map(|(name, characters)| (name, characters.into())).collect()
    });
    NAMED.get(name).map(AsRef::as_ref)
}

/// A numeric reference's character; 128 to 159 mean windows-1252 (HTML standard §13.2.5.80).
fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    if let Ok(byte @ 0x80..=0x9f) = u8::try_from(code) {
        return encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next();
    }
    char::from_u32(code).filter(|c| *c != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_what_they_stand_for_in_html() {
        for (name, want) in [
            ("amp", Some("&")),
            ("beta", Some("β")),
            ("pi", Some("π")),
            ("zcaron", Some("ž")),
            ("Ucy", Some("У")),
            ("Ffr", Some("𝔉")),
            ("NotHumpEqual", Some("≏\u{338}")),
            ("am", None),
            ("bet", None),
            ("", None),
        ] {
            assert_eq!(named(name), want, "{name}");
        }
    }

    #[test]
    fn references_left_over_from_double_encoding_are_decoded() {
        for (text, want) in [
            ("It&#8217;s", "It’s"),
            ("It&#146;s", "It’s"),
            ("AT&amp;T", "AT&T"),
            ("AT&T; R&D", "AT&T; R&D"),
            ("&unknown; &", "&unknown; &"),
            ("&#x1F600;", "😀"),
            ("&#0;&#xD800;", "&#0;&#xD800;"),
            ("&amp;amp;", "&amp;"),
        ] {
            assert_eq!(decode_stray(text, true), want);
        }
        assert_eq!(decode_stray("&lt;b&gt; &amp;", false), "&lt;b&gt; &");
    }
}
