//! Any bytes with any declared character set as text. The input's first line is the HTTP header `Content-Type`.

use gleaner::parse::charset::decode;

use super::header_and_body;

/// What comes out is text that XML may hold, no longer than its bytes allow, and the same when it is decoded again.
pub fn check(data: &[u8]) {
    let (content_type, body) = header_and_body(data);
    let decoded = decode(body, content_type.as_deref());
    let text = decoded.text.as_ref();
    let forbidden = text.chars().find(|c| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'));
    assert_eq!(forbidden, None, "XML forbids this character");
    assert!(text.len() <= 3 * body.len(), "{} bytes became {}", body.len(), text.len());
    assert_eq!(decode(body, content_type.as_deref()), decoded, "not the same twice");
    let again = decode(text.as_bytes(), Some("text/xml; charset=utf-8"));
    let without_mark = |text: &str| text.trim_start_matches('\u{feff}').to_owned();
    assert_eq!(without_mark(&again.text), without_mark(text), "as UTF-8 it is another text");
}
