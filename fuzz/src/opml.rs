//! Any bytes as OPML.

use gleaner::opml::{declared_as_utf8, decode, parse};

/// What is read and written again is the same document, and writing it once more gives the same bytes.
pub fn check(data: &[u8]) {
    let Ok(text) = decode(data) else { return };
    let opml = match parse(&text) {
        Ok(opml) => opml,
        Err(error) => {
            assert!(error.line >= 1 && error.column >= 1 && error.byte <= text.len(), "{error} lies outside of {text:?}");
            return;
        }
    };
    let read = |document: &str| match parse(document) {
        Ok(opml) => opml,
        Err(error) => panic!("{error}: {document:?} cannot be read again"),
    };
    let written = opml.to_string();
    let again = read(&written);
    assert_eq!(again.to_string(), written, "written twice it differs");
    // XML has no place for control characters: each becomes U+FFFD.
    if !written.contains('\u{fffd}') {
        assert_eq!(again, opml, "not the same document: {written:?}");
    }
    assert_eq!(read(&declared_as_utf8(&text)), opml, "in UTF-8 it says something else");
}
