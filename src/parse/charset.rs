//! Bytes to characters: which character set a document is written in, and its text.
//!
//! The order is that of RFC 7303 and appendix F of the XML specification (byte order mark, HTTP `charset`, XML
//! declaration), but each of them is only believed when the bytes can be read that way: many declarations lie. Where
//! none holds, a detector decides. Whatever the answer, the text comes out as UTF-8 without characters that XML
//! forbids, and a document that already is that is not copied.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Warning;
use super::codepage::{CodePage, standard_label};
use super::seven_bit::SevenBit;
use crate::article::entities::{is_forbidden, may_hold_forbidden};

/// A document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The characters, without byte order mark.
    pub text: Cow<'a, str>,
    /// What had to be mended.
    pub warnings: Vec<Warning>,
}

/// Decodes a document; `content_type` is the HTTP header's value.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Decoded<'a> {
    let mut warnings = Vec::new();
    let text = characters(body, content_type, &mut warnings);
    Decoded { text: without_forbidden(text, &mut warnings), warnings }
}

fn characters<'a>(body: &'a [u8], content_type: Option<&str>, warnings: &mut Vec<Warning>) -> Cow<'a, str> {
    if let Some(rest) = body.strip_prefix(b"\xef\xbb\xbf")
        && let Ok(text) = std::str::from_utf8(rest)
    {
        return Cow::Borrowed(text);
    }
    if let Some(text) = ebcdic(body) {
        return Cow::Owned(text);
    }
    if let Some(wide) = wide_encoding(body) {
        return wide.decode(body, warnings);
    }
    let header = content_type.and_then(charset_parameter);
    let declaration = declared_encoding(body);
    let mut tried = 0;
    for label in [header.as_deref(), declaration.as_deref()].into_iter().flatten() {
        match strictly(body, label) {
            Some(text) => {
                if tried > 0 {
                    warnings.push(Warning {
                        kind: "charset",
                        message: format!("the bytes are not what the HTTP header says; read as {label} as the document declares"),
                    });
                }
                return text;
            }
            None => tried += 1,
        }
    }
    if let Ok(text) = std::str::from_utf8(body) {
        if tried > 0 {
            warnings.push(Warning { kind: "charset", message: "the declared character set is wrong or unknown; read as UTF-8".into() });
        }
        return Cow::Borrowed(text);
    }
    let (text, name) = guessed(body);
    warnings.push(Warning { kind: "charset", message: format!("the bytes are not what is declared; read as {name}") });
    Cow::Owned(text)
}

/// The `charset` parameter of a media type.
fn charset_parameter(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    })
}

/// The encoding that an XML declaration names, where its characters are ASCII.
fn declared_encoding(body: &[u8]) -> Option<String> {
    let head = body.get(..1024).unwrap_or(body);
    let start = find(head, b"<?xml")?;
    let declaration = head.get(start..)?;
    let declaration = declaration.get(..find(declaration, b">")?)?;
    let value = declaration.get(find(declaration, b"encoding")? + b"encoding".len()..)?;
    let value = String::from_utf8_lossy(value);
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let label = value.get(1..)?.split(quote).next()?.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A document of a mainframe: `<?xm` in EBCDIC, whose declaration can be read by any of its pages (XML appendix F).
fn ebcdic(body: &[u8]) -> Option<String> {
    if !body.starts_with(&[0x4c, 0x6f, 0xa7, 0x94]) {
        return None;
    }
    let common = CodePage::for_label("cp037")?;
    let declaration = common.decode(body.get(..256).unwrap_or(body))?;
    let declared = declared_encoding(declaration.as_bytes()).and_then(|label| CodePage::for_label(&label));
    declared.and_then(|page| page.decode(body)).or_else(|| common.decode(body))
}

/// Reads the bytes as the named character set, if it is known and they can be read so without a fault.
fn strictly<'a>(body: &'a [u8], label: &str) -> Option<Cow<'a, str>> {
    let folded = label.trim().to_ascii_lowercase();
    if matches!(folded.as_str(), "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso-ir-6" | "iso646-us") && !body.is_ascii() {
        return None;
    }
    if let Some(set) = SevenBit::for_label(&folded) {
        return set.decode(body).map(Cow::Owned);
    }
    let Some(encoding) = Encoding::for_label(folded.as_bytes()).or_else(|| Encoding::for_label(standard_label(&folded)?.as_bytes())) else {
        return CodePage::for_label(&folded)?.decode(body).map(Cow::Owned);
    };
    // A document that declares itself 8-bit and is valid UTF-8 beyond ASCII was written by a program that did not
    // know better: two such sequences in a row hardly ever mean something in an 8-bit set.
    if encoding.is_single_byte()
        && !body.is_ascii()
        && let Ok(text) = std::str::from_utf8(body)
    {
        return Some(Cow::Borrowed(text));
    }
    if encoding == UTF_16LE || encoding == UTF_16BE {
        // Wide documents were known by their first bytes: this one's are not wide.
        return None;
    }
    encoding.decode_without_bom_handling_and_without_replacement(body)
}

/// Nothing declared holds: mostly UTF-8 with single stray bytes, or some legacy set that the detector knows.
fn guessed(body: &[u8]) -> (String, &'static str) {
    let mut text = String::with_capacity(body.len());
    let (mut sequences, mut strays) = (0usize, 0usize);
    for chunk in body.utf8_chunks() {
        sequences += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            strays += chunk.invalid().len();
            // Windows-1252 gives each byte a character: smart quotes pasted into UTF-8 stay readable.
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        }
    }
    if sequences > strays {
        return (text, "UTF-8 with stray Windows-1252 bytes");
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(body, true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    (encoding.decode_without_bom_handling(body).0.into_owned(), encoding.name())
}

/// Character sets whose documents don't begin with ASCII bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wide {
    Utf16(&'static Encoding),
    Utf32 { big_endian: bool },
}

/// Known by a byte order mark, or by how `<?` or `<` looks in them.
fn wide_encoding(body: &[u8]) -> Option<Wide> {
    match body {
        [0x00, 0x00, 0xfe, 0xff, ..] | [0x00, 0x00, 0x00, b'<', ..] => Some(Wide::Utf32 { big_endian: true }),
        [0xff, 0xfe, 0x00, 0x00, ..] | [b'<', 0x00, 0x00, 0x00, ..] => Some(Wide::Utf32 { big_endian: false }),
        [0xfe, 0xff, ..] | [0x00, b'<' | b'{', ..] => Some(Wide::Utf16(UTF_16BE)),
        [0xff, 0xfe, ..] | [b'<' | b'{', 0x00, ..] => Some(Wide::Utf16(UTF_16LE)),
        _ => None,
    }
}

impl Wide {
    fn decode(self, body: &[u8], warnings: &mut Vec<Warning>) -> Cow<'static, str> {
        let (text, faults) = match self {
            Self::Utf16(encoding) => {
                let (text, faults) = encoding.decode_with_bom_removal(body);
                (text.into_owned(), faults)
            }
            Self::Utf32 { big_endian } => {
                let (units, rest) = body.as_chunks::<4>();
                let mut faults = !rest.is_empty();
                let characters = units.iter().map(|unit| {
                    let unit = if big_endian { u32::from_be_bytes(*unit) } else { u32::from_le_bytes(*unit) };
                    char::from_u32(unit).unwrap_or_else(|| {
                        faults = true;
                        char::REPLACEMENT_CHARACTER
                    })
                });
                let text: String = characters.collect();
                (text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text), faults)
            }
        };
        if faults {
            warnings.push(Warning { kind: "charset", message: "some units are not characters; they were replaced".into() });
        }
        Cow::Owned(text)
    }
}

fn without_forbidden<'a>(text: Cow<'a, str>, warnings: &mut Vec<Warning>) -> Cow<'a, str> {
    if !may_hold_forbidden(&text) || !text.chars().any(is_forbidden) {
        return text;
    }
    warnings.push(Warning { kind: "control-character", message: "characters that XML forbids were left out".into() });
    Cow::Owned(text.chars().filter(|c| !is_forbidden(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &[u8], content_type: Option<&str>) -> String {
        decode(body, content_type).text.into_owned()
    }

    #[test]
    fn utf8_is_borrowed() {
        let body = "<?xml version='1.0'?><a>é</a>".as_bytes();
        assert!(matches!(decode(body, None).text, Cow::Borrowed(_)));
    }

    #[test]
    fn the_character_set_is_found_where_it_is_declared_and_where_the_declaration_lies() {
        let latin1 = b"<?xml version='1.0' encoding='iso-8859-1'?><a>caf\xe9 \x93q\x94</a>";
        let utf16 = |big: bool, bom: bool| {
            let source = "<?xml version='1.0' encoding='utf-16'?><a>\u{e9}</a>";
            let mut units: Vec<u16> = source.encode_utf16().collect();
            if bom {
                units.insert(0, 0xfeff);
            }
            units.into_iter().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect::<Vec<u8>>()
        };
        let utf32: Vec<u8> = "<a>\u{e9}</a>".chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
        for (body, content_type, want) in [
            (latin1.to_vec(), None, "café \u{201c}q\u{201d}"),
            (latin1.to_vec(), Some("text/xml; charset=utf-8"), "café"),
            (latin1.to_vec(), Some("text/xml; charset=us-ascii"), "café"),
            ("<?xml version='1.0' encoding='iso-8859-1'?><a>café</a>".as_bytes().to_vec(), None, "café"),
            (b"<a>\xc3\xa9 caf\xc3\xa9s \x93q\x94 \xc3\xa9\xc3\xa9</a>".to_vec(), None, "é cafés \u{201c}q\u{201d} éé"),
            (b"\xef\xbb\xbf<a>\xc3\xa9</a>".to_vec(), Some("text/xml; charset=iso-8859-1"), "<a>é</a>"),
            (b"<?xml version='1.0' encoding='koi8-r'?><a>\xf0\xd2\xc9</a>".to_vec(), None, "При"),
            (utf16(true, true), None, "<a>é</a>"),
            (utf16(false, true), None, "<a>é</a>"),
            (utf16(true, false), None, "<a>é</a>"),
            (utf16(false, false), None, "<a>é</a>"),
            (utf32, None, "<a>é</a>"),
            (b"<?xml version='1.0' encoding='utf-16'?><a>\xc3\xa9</a>".to_vec(), None, "é"),
            (b"<?xml version='1.0' encoding='no-such-thing'?><a>\xc3\xa9</a>".to_vec(), None, "é"),
            (b"<?xml version='1.0' encoding='cp850'?><a>\x80</a>".to_vec(), None, "<a>Ç</a>"),
            (b"\x4c\x6f\xa7\x94\x93\x6f\x6e\x4c\x81\x6e\xc1\x4c\x61\x81\x6e".to_vec(), None, "<a>A</a>"),
            (b"<a>a\x00b\x08c</a>".to_vec(), None, "<a>abc</a>"),
        ] {
            assert!(text(&body, content_type).contains(want), "{:?} should contain {want:?}", text(&body, content_type));
        }
    }
}
