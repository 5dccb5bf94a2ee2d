//! The tags, attributes and entities of sanitised HTML, found by a scan that never looks back.

/// Where a tag ends.
pub(super) enum End {
    /// At the `>` of this offset.
    At(usize),
    /// No tag begins here: the `<` is a character.
    NoTag,
    /// Nowhere: all that remains is text.
    Missing,
}

/// Where the tag that begins here ends: the `>` outside of quotes; for a comment the one after `--`.
pub(super) fn end_of_tag(tag: &str) -> End {
    if tag.starts_with("<!--") {
        return tag.find("-->").map_or(End::Missing, |at| End::At(at + 2));
    }
    let mut quote = None;
    let mut before = b'<';
    for (at, byte) in tag.bytes().enumerate().skip(1) {
        match quote {
            Some(open) if byte == open => quote = None,
            Some(_) => {}
            None if at == 1 && !(byte.is_ascii_alphabetic() || byte == b'/' || byte == b'!') => return End::NoTag,
            None if byte == b'>' => return End::At(at),
            None if (byte == b'"' || byte == b'\'') && before == b'=' => quote = Some(byte),
            None => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    End::Missing
}

/// The value of an attribute in the inside of a tag, entities decoded.
pub(super) fn attribute(inside: &str, wanted: &str) -> Option<String> {
    let mut rest = inside.trim_start_matches(|c: char| !c.is_ascii_whitespace());
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let (name, after) = rest.split_at(rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len()));
        let after_name = after.trim_start();
        let Some(value) = after_name.strip_prefix('=').map(str::trim_start) else {
            if name.is_empty() {
                return None;
            }
            rest = after_name;
            continue;
        };
        let (value, after_value) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let value = value.get(1..).unwrap_or_default();
                value.split_once(quote).unwrap_or((value, ""))
            }
            _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decoded(value));
        }
        rest = after_value;
    }
}

/// Text with its entities decoded: those that the sanitiser writes, and numbers.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, entity) = rest.split_at(at);
        out.push_str(before);
        let name = entity.get(1..).and_then(|name| name.get(..name.bytes().take(12).position(|byte| byte == b';')?));
        let character = name.and_then(|name| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            _ => {
                let number = name.strip_prefix('#')?;
                let number = match number.strip_prefix(['x', 'X']) {
                    Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                    None => number.parse(),
                };
                number.ok().and_then(char::from_u32)
            }
        });
        match (character, name) {
            (Some(character), Some(name)) => {
                out.push(character);
                rest = entity.get(name.len() + 2..).unwrap_or_default();
            }
            _ => {
                out.push('&');
                rest = entity.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_by_name_whatever_stands_around_them() {
        for (inside, want) in [
            ("a href=\"https://e.org/?a=1&amp;b=2\" rel=\"nofollow\"", Some("https://e.org/?a=1&b=2")),
            ("a title=\"href=x\" HREF='y'", Some("y")),
            ("a data-href=\"x\"", None),
            ("a hidden href = z", Some("z")),
            ("a href=\"open", Some("open")),
            ("a", None),
            ("a =", None),
        ] {
            assert_eq!(attribute(inside, "href").as_deref(), want, "{inside}");
        }
    }

    #[test]
    fn entities_are_decoded_once_and_what_is_none_stays() {
        for (text, want) in [
            ("&lt;p&gt; &amp;amp; &quot;&#39;&#x1f600;&nbsp;", "<p> &amp; \"'\u{1f600}\u{a0}"),
            ("AT&T; a & b &unknown; &#0x; &#1114112; &", "AT&T; a & b &unknown; &#0x; &#1114112; &"),
        ] {
            assert_eq!(decoded(text), want);
        }
    }
}
