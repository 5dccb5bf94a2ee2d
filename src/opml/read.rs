//! OPML in: bytes to characters, characters to the model.

use std::borrow::Cow;
use std::collections::HashSet;

use encoding_rs::{Encoding, UTF_8};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Attributes, DecodeError, Element, Opml, OpmlError, Outline, is_name};
use crate::article::entities;
use crate::config::line_and_column;

/// The largest document that is read, in bytes.
pub const MAX_SIZE: usize = 50 << 20;
/// How deep elements may nest.
pub const MAX_DEPTH: usize = 200;
/// How many attributes an element may have.
const MAX_ATTRIBUTES: usize = 1000;

/// The characters of a document: by byte order mark, else by its XML declaration, else UTF-8.
///
/// # Errors
/// Too large, an unknown character set, or bytes that are not of it.
pub fn decode(bytes: &[u8]) -> Result<String, DecodeError> {
    if bytes.len() > MAX_SIZE {
        return Err(DecodeError::TooLarge);
    }
    let (encoding, text) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, bytes.get(length..).unwrap_or_default()),
        None => (declared_encoding(bytes)?, bytes),
    };
    match encoding.decode_without_bom_handling_and_without_replacement(text) {
        Some(text) => Ok(text.into_owned()),
        None => Err(DecodeError::Malformed(encoding.name())),
    }
}

/// The character set that the XML declaration names. A declaration that can be read byte by byte is not in UTF-16,
/// whatever it says.
fn declared_encoding(bytes: &[u8]) -> Result<&'static Encoding, DecodeError> {
    if bytes.starts_with(b"<\0?\0") {
        return Ok(encoding_rs::UTF_16LE);
    }
    if bytes.starts_with(b"\0<\0?") {
        return Ok(encoding_rs::UTF_16BE);
    }
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(1024)).unwrap_or_default());
    let head = head.trim_start();
    let Some(declaration) = head.strip_prefix("<?xml").and_then(|rest| Some(rest.split_once("?>")?.0)) else { return Ok(UTF_8) };
    let Some(value) = declaration.split_once("encoding").and_then(|(_, rest)| rest.trim_start().strip_prefix('=')) else {
        return Ok(UTF_8);
    };
    let label = value.trim().split(['"', '\'']).nth(1).unwrap_or_default();
    match Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding == encoding_rs::UTF_16LE || encoding == encoding_rs::UTF_16BE => Ok(UTF_8),
        Some(encoding) => Ok(encoding),
        None => Err(DecodeError::UnknownEncoding(label.to_owned())),
    }
}

/// A document's text with a declaration that says UTF-8, where it has one that says anything: what to write of a
/// document that was decoded from another character set.
pub fn declared_as_utf8(text: &str) -> String {
    let declared = || {
        let head = text.find("<?xml").filter(|start| text.get(..*start).is_some_and(|before| before.trim().is_empty()))?;
        let end = head + text.get(head..)?.find("?>")?;
        let name = head + text.get(head..end)?.find("encoding")?;
        let quote = name + text.get(name..end)?.find(['"', '\''])?;
        let quoted = text.get(quote + 1..end)?;
        let close = quoted.find(text.get(quote..quote + 1)?)?;
        Some(quote + 1..quote + 1 + close)
    };
    let mut text_in_utf8 = text.to_owned();
    if let Some(label) = declared() {
        text_in_utf8.replace_range(label, "UTF-8");
    }
    text_in_utf8
}

/// What is being read.
enum Open {
    Root,
    Head,
    Body,
    Outline(Outline),
    Element(Element),
    /// Something that OPML has not, outside of `head`.
    Foreign,
}

/// Reads a document.
///
/// Names of elements are taken in any case. A bare `&` is one character, since many programs forget to escape it.
///
/// # Errors
/// The first place where the document is not well-formed, is not OPML, or goes beyond a limit.
pub fn parse(text: &str) -> Result<Opml, OpmlError> {
    let fault = |byte: usize, reason: String| {
        let (line, column) = line_and_column(text, byte);
        OpmlError { line, column, byte: byte.min(text.len()), reason }
    };
    if text.len() > MAX_SIZE {
        return Err(fault(0, format!("the document is larger than {} MiB", MAX_SIZE >> 20)));
    }
    // A declaration is allowed nowhere but at the very beginning; blank lines before it are a common slip.
    let begin = text.len() - text.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n']).len();
    let mut reader = Reader::from_str(text.get(begin..).unwrap_or_default());
    reader.config_mut().allow_dangling_amp = true;
    let position = |byte: u64| begin + usize::try_from(byte).unwrap_or(usize::MAX - begin);

    let mut opml = Opml::default();
    let mut open: Vec<Open> = Vec::new();
    let (mut root_seen, mut body_seen) = (false, false);
    loop {
        let start = position(reader.buffer_position());
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => return Err(fault(position(reader.error_position()), error.to_string())),
        };
        let end = position(reader.buffer_position());
        match event {
            Event::Start(tag) | Event::Empty(tag) if open.is_empty() && root_seen => {
                return Err(fault(start, format!("<{}> after the end of the document", tag.name().0)));
            }
            Event::Start(tag) => {
                if open.len() >= MAX_DEPTH {
                    return Err(fault(start, format!("elements nest deeper than {MAX_DEPTH}")));
                }
                let opened = begin_element(&mut opml, open.last(), &tag, start).map_err(|reason| fault(start, reason))?;
                root_seen = true;
                body_seen |= matches!(opened, Open::Body);
                open.push(opened);
            }
            Event::Empty(tag) => {
                let opened = begin_element(&mut opml, open.last(), &tag, start).map_err(|reason| fault(start, reason))?;
                root_seen = true;
                body_seen |= matches!(opened, Open::Body);
                end_element(&mut opml, &mut open, opened, end);
            }
            // That names match is the reader's to check.
            Event::End(_) => {
                if let Some(closed) = open.pop() {
                    end_element(&mut opml, &mut open, closed, end);
                }
            }
            Event::Text(content) => add_text(&mut open, &content.xml10_content()),
            Event::CData(content) => add_text(&mut open, &content.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = resolve(&reference).map_err(|reason| fault(start, reason))?;
                add_text(&mut open, &resolved);
            }
            Event::DocType(content) => {
                if content.contains('[') {
                    return Err(fault(start, "a document type with declarations of its own is refused".to_owned()));
                }
            }
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match open.last() {
        _ if !root_seen => Err(fault(text.len(), "there is no <opml> element".to_owned())),
        Some(unclosed) => {
            let (name, begun) = match unclosed {
                Open::Root => ("opml", None),
                Open::Head => ("head", None),
                Open::Body => ("body", None),
                Open::Outline(outline) => ("outline", Some(outline.span.start)),
                Open::Element(element) => (element.name.as_str(), None),
                Open::Foreign => ("…", None),
            };
            let begun = begun.map(|byte| format!(" of line {}", line_and_column(text, byte).0)).unwrap_or_default();
            Err(fault(text.len(), format!("the document ends before the <{name}>{begun} is closed")))
        }
        None if !body_seen => Err(fault(text.len(), "there is no <body>".to_owned())),
        None => Ok(opml),
    }
}

fn begin_element(opml: &mut Opml, parent: Option<&Open>, tag: &BytesStart<'_>, start: usize) -> Result<Open, String> {
    let name = tag.name().0;
    if !is_name(name) {
        return Err(format!("`{name}` is no name of an element"));
    }
    let attributes = attributes(tag)?;
    Ok(match parent {
        None if name.eq_ignore_ascii_case("opml") => {
            opml.attributes = attributes.into_iter().filter(|(key, _)| !key.eq_ignore_ascii_case("version")).collect();
            Open::Root
        }
        None => return Err(format!("the document is <{name}>, not <opml>")),
        Some(Open::Root) if name.eq_ignore_ascii_case("head") => Open::Head,
        Some(Open::Root) if name.eq_ignore_ascii_case("body") => Open::Body,
        Some(Open::Head | Open::Element(_)) => {
            Open::Element(Element { name: name.to_owned(), attributes, text: String::new(), children: Vec::new() })
        }
        Some(Open::Body | Open::Outline(_)) if name.eq_ignore_ascii_case("outline") => {
            Open::Outline(Outline { attributes, children: Vec::new(), span: start..start })
        }
        Some(Open::Root | Open::Body | Open::Outline(_) | Open::Foreign) => Open::Foreign,
    })
}

fn end_element(opml: &mut Opml, open: &mut [Open], closed: Open, end: usize) {
    match (closed, open.last_mut()) {
        (Open::Outline(mut outline), parent) => {
            outline.span.end = end;
            match parent {
                Some(Open::Outline(parent)) => parent.children.push(outline),
                _ => opml.outlines.push(outline),
            }
        }
        (Open::Element(mut element), parent) => {
            if !element.children.is_empty() && element.text.trim().is_empty() {
                element.text.clear();
            }
            match parent {
                Some(Open::Element(parent)) => parent.children.push(element),
                _ => opml.head.push(element),
            }
        }
        _ => {}
    }
}

fn add_text(open: &mut [Open], text: &str) {
    if let Some(Open::Element(element)) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn attributes(tag: &BytesStart<'_>) -> Result<Attributes, String> {
    let mut read = Attributes::new();
    let mut names = HashSet::new();
    // The reader's own check compares each with each.
    for attribute in tag.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| format!("in <{}>: {error}", tag.name().0))?;
        let name = attribute.key.0;
        if !is_name(name) {
            return Err(format!("`{name}` is no name of an attribute"));
        }
        if !names.insert(name) {
            return Err(format!("<{}> has the attribute `{name}` twice", tag.name().0));
        }
        if read.len() >= MAX_ATTRIBUTES {
            return Err(format!("<{}> has more than {MAX_ATTRIBUTES} attributes", tag.name().0));
        }
        let value = attribute_value(&attribute.value).map_err(|reason| format!("in the attribute `{name}`: {reason}"))?;
        read.push((name.to_owned(), value));
    }
    Ok(read)
}

/// An attribute's value: references resolved, literal line breaks and tabs read as spaces (XML 1.0 §3.3.3).
fn attribute_value(raw: &str) -> Result<String, String> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(special) = rest.find(['&', '\r', '\n', '\t']) {
        let (plain, tail) = rest.split_at(special);
        value.push_str(plain);
        rest = if let Some(after) = tail.strip_prefix('&') {
            match reference(after) {
                Some((name, after)) => {
                    value.push_str(&resolve(name)?);
                    after
                }
                None => {
                    value.push('&');
                    after
                }
            }
        } else {
            value.push(' ');
            tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or_default()
        };
    }
    value.push_str(rest);
    Ok(value)
}

/// The name of a reference, without `&` and `;`, and what follows it. Nothing where the `&` is only an ampersand.
fn reference(text: &str) -> Option<(&str, &str)> {
    /// `CounterClockwiseContourIntegral` is the longest name that HTML has.
    const LONGEST: usize = 40;
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '#')?;
    let (name, rest) = text.split_at(end);
    let rest = rest.strip_prefix(';')?;
    (!name.is_empty() && name.len() <= LONGEST).then_some((name, rest))
}

fn resolve(name: &str) -> Result<Cow<'static, str>, String> {
    let unknown = || format!("`&{name};` stands for nothing");
    let Some(number) = name.strip_prefix('#') else {
        return entities::named(name).map(Cow::Borrowed).ok_or_else(unknown);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    match code.ok().and_then(char::from_u32) {
        Some('\0') | None => Err(unknown()),
        Some(character) => Ok(Cow::Owned(character.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(outlines: &str) -> String {
        format!("<opml version=\"2.0\"><head/><body>{outlines}</body></opml>")
    }

    #[test]
    fn versions_1_0_to_2_0_are_read() {
        let old = r#"<?xml version="1.0"?><opml version="1.0"><head><title>Old</title></head><body>
            <outline text="A" type="rss" xmlURL="http://a.example/rss"/></body></opml>"#;
        let opml = parse(old).unwrap();
        assert_eq!(opml.title(), Some("Old"));
        assert_eq!(opml.outlines[0].feed_url(), Some("http://a.example/rss"));
        let shouting = r#"<OPML VERSION="1.1"><BODY><OUTLINE TEXT="A" XMLURL=" http://a.example/rss "></OUTLINE></BODY></OPML>"#;
        assert_eq!(parse(shouting).unwrap().outlines[0].feed_url(), Some("http://a.example/rss"));
    }

    #[test]
    fn references_and_bare_ampersands_are_read_and_white_space_in_attributes_is_one_space_each() {
        for (raw, want) in [
            ("a &amp; b &lt;&#65;&#x42;&gt;", "a & b <AB>"),
            ("caf&eacute;&nbsp;&quot;", "café\u{a0}\""),
            ("AT&T, a=1&b=2;&", "AT&T, a=1&b=2;&"),
            ("a\r\nb\nc\td&#10;e", "a b c d\ne"),
        ] {
            let opml = parse(&body(&format!("<outline text=\"{raw}\"/>"))).unwrap();
            assert_eq!(opml.outlines[0].attribute("text"), Some(want), "{raw}");
        }
        let head = "<opml><head><title>a &amp; b &eacute; <![CDATA[<c>]]> & d</title></head><body/></opml>";
        assert_eq!(parse(head).unwrap().title(), Some("a & b é <c> & d"));
    }

    #[test]
    fn a_malformed_document_is_refused_with_line_and_column() {
        for (text, line, column, words) in [
            ("", 1, 1, "no <opml>"),
            ("not xml", 1, 8, "no <opml>"),
            ("<rss version=\"2.0\"></rss>", 1, 1, "<rss>, not <opml>"),
            ("<opml>\n<head/>\n</opml>", 3, 8, "no <body>"),
            ("<opml><body>\n<outline text=\"a\">\n</body></opml>", 3, 1, "outline"),
            ("<opml><body>\n<outline text=\"a\"/>", 2, 20, "<body> is closed"),
            ("<opml><body>\n  <outline text=\"a/>\n</body></opml>", 2, 3, "attribute value not closed"),
            ("<opml><body>\n  <outline text=\"a\" text=\"b\"/></body></opml>", 2, 3, "`text` twice"),
            ("<opml><body><outline text=\"&bogus;\"/></body></opml>", 1, 13, "&bogus;"),
            ("<opml><body/></opml><opml/>", 1, 21, "after the end"),
            ("<opml><head>< /></head><body/></opml>", 1, 13, "no name"),
            ("<opml><body><outline a<b=\"c\"/></body></opml>", 1, 13, "`a<b` is no name"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.reason.contains(words), "{text}: {error}");
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        }
    }

    #[test]
    fn a_hostile_document_is_refused_at_once() {
        let bomb = "<!DOCTYPE opml [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><opml><body><outline text=\"&b;\"/></body></opml>";
        assert!(parse(bomb).unwrap_err().reason.contains("document type"));
        assert!(parse("<!DOCTYPE opml SYSTEM \"opml.dtd\"><opml><body/></opml>").is_ok(), "a DTD elsewhere is not fetched");
        let deep = body(&"<outline text=\"x\">".repeat(100_000));
        assert!(parse(&deep).unwrap_err().reason.contains("nest deeper"));
        let wide: String = (0..100_000).map(|number| format!(" a{number}=\"\"")).collect();
        assert!(parse(&body(&format!("<outline{wide}/>"))).unwrap_err().reason.contains("attributes"));
        assert_eq!(decode(&vec![b' '; MAX_SIZE + 1]), Err(DecodeError::TooLarge));
        let many = body(&"<outline text=\"x\"/>".repeat(200_000));
        assert_eq!(parse(&many).unwrap().outlines.len(), 200_000);
    }

    #[test]
    fn characters_are_decoded_by_mark_then_declaration_then_as_utf8() {
        let utf16 = |big: bool, mark: bool| {
            let text = format!("{}<?xml version=\"1.0\" encoding=\"utf-16\"?><opml/>é", if mark { "\u{FEFF}" } else { "" });
            text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect::<Vec<u8>>()
        };
        for (bytes, end) in [
            ("<opml/>é".as_bytes().to_vec(), "é"),
            ("\u{FEFF}<opml/>é".as_bytes().to_vec(), "é"),
            (b"<?xml version=\"1.0\" encoding='ISO-8859-1'?><opml/>\xe9".to_vec(), "é"),
            (b"<?xml version=\"1.0\" encoding = \"windows-1251\" ?><opml/>\xe9".to_vec(), "й"),
            (b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><opml/>\xc3\xa9".to_vec(), "é"),
            (utf16(true, true), "é"),
            (utf16(false, true), "é"),
            (utf16(true, false), "é"),
            (utf16(false, false), "é"),
        ] {
            assert!(decode(&bytes).unwrap().ends_with(end), "{bytes:?}");
        }
        assert_eq!(decode(b"<opml/>\xe9"), Err(DecodeError::Malformed("UTF-8")));
        let unknown = decode(b"<?xml version=\"1.0\" encoding=\"klingon\"?>");
        assert_eq!(unknown, Err(DecodeError::UnknownEncoding("klingon".to_owned())));
    }
}
