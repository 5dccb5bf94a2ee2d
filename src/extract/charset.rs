//! Bytes of a page to characters.
//!
//! As for feeds, a declaration is believed only where the bytes can be read so; but what declares is HTML's `meta` (HTML standard
//! §13.2.3.2), not XML's declaration.

use crate::parse::charset;

/// Bytes in which a page must declare its character set; the standard says 1,024, pages don't keep to it.
const PRESCAN: usize = 4_096;

/// Decodes a page; `content_type` is the HTTP header's value. Never fails: what cannot be read becomes a replacement.
pub fn decode(body: &[u8], content_type: Option<&str>) -> String {
    let header = content_type.filter(|header| header.to_ascii_lowercase().contains("charset="));
    let declared = match header {
        Some(_) => None,
        None => declared(body).map(|label| format!("text/html; charset={label}")),
    };
    charset::decode(body, header.or(declared.as_deref())).text.into_owned()
}

/// The label that `<meta charset=…>` or `<meta http-equiv=… content="…; charset=…">` gives.
fn declared(body: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(body.get(..PRESCAN).unwrap_or(body)).to_ascii_lowercase();
    head.match_indices("<meta").find_map(|(at, _)| {
        let tag = head.get(at..)?;
        let tag = tag.get(..tag.find('>').unwrap_or(tag.len()))?;
        let value = tag.get(tag.find("charset")? + "charset".len()..)?.trim_start().strip_prefix('=')?;
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        let label: String = value.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ';' | '/' | '>')).collect();
        (!label.is_empty()).then_some(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_is_declared_where_that_is_true() {
        for (body, content_type, want) in [
            (&b"<meta charset=\"windows-1251\"><p>\xcf\xf0\xe8</p>"[..], None, "При"),
            (b"<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=iso-8859-2'><p>\xb1\xe6</p>", None, "ąć"),
            (b"<meta charset=iso-8859-1><p>caf\xe9</p>", Some("text/html; charset=ISO-8859-1"), "café"),
            (b"<meta charset=utf-8><p>caf\xe9</p>", None, "café"),
            ("<meta charset=iso-8859-1><p>café</p>".as_bytes(), None, "café"),
            ("<p>café</p>".as_bytes(), Some("text/html"), "café"),
            (b"\xef\xbb\xbf<p>caf\xc3\xa9</p>", Some("text/html; charset=iso-8859-1"), "<p>café"),
            (b"<meta charset=shift_jis><p>\x93\xfa\x96{</p>", None, "日本"),
        ] {
            let text = decode(body, content_type);
            assert!(text.contains(want), "{text:?} should contain {want:?}");
        }
    }
}
