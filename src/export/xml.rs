//! XML elements for the formats that are XML, with what no XML 1.0 document may contain left out.
//!
//! Feeds carry control characters, and one of them makes a whole document unreadable. quick-xml writes what it is
//! given; so everything passes [`escaped`] here.

use std::borrow::Cow;
use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;

/// Writes indented elements.
pub(super) struct XmlWriter<W: Write> {
    out: Writer<W>,
}

impl<W: Write> XmlWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: Writer::new_with_indent(out, b' ', 2) }
    }

    /// The XML declaration.
    pub(super) fn declaration(&mut self) -> io::Result<()> {
        self.out.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))
    }

    /// Opens an element that holds others.
    pub(super) fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.out.write_event(Event::Start(start(name, attributes)))
    }

    /// Closes it.
    pub(super) fn close(&mut self, name: &str) -> io::Result<()> {
        self.out.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.out.write_event(Event::Empty(start(name, attributes)))
    }

    /// An element that holds text.
    pub(super) fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
        self.open(name, attributes)?;
        self.out.write_event(Event::Text(BytesText::from_escaped(escaped(text, Place::Text))))?;
        self.close(name)
    }

    /// Ends the document with a line feed and flushes.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let out = self.out.get_mut();
        out.write_all(b"\n")?;
        out.flush()
    }
}

fn start<'a>(name: &'a str, attributes: &'a [(&'a str, &'a str)]) -> BytesStart<'a> {
    BytesStart::new(name)
        .with_attributes(attributes.iter().map(|(key, value)| Attribute { key: QName(key), value: escaped(value, Place::Attribute) }))
}

/// Where a string will stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

/// May the character stand in an XML 1.0 document (XML 1.0 §2.2)?
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The string with references for what has a meaning in XML or would be normalised away (XML 1.0 §2.11, §3.3.3), and
/// without the characters that XML forbids.
fn escaped(text: &str, place: Place) -> Cow<'_, str> {
    let special =
        |c: char| matches!(c, '&' | '<' | '>' | '"' | '\r') || !is_legal(c) || (place == Place::Attribute && matches!(c, '\t' | '\n'));
    if !text.contains(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if place == Place::Attribute => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' if place == Place::Attribute => out.push_str("&#9;"),
            '\n' if place == Place::Attribute => out.push_str("&#10;"),
            c if is_legal(c) => out.push(c),
            _ => {}
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_forbids_is_left_out_and_what_it_would_change_is_escaped() {
        for (text, in_text, in_attribute) in [
            ("plain", "plain", "plain"),
            ("a < b && c > \"d\"", "a &lt; b &amp;&amp; c &gt; \"d\"", "a &lt; b &amp;&amp; c &gt; &quot;d&quot;"),
            ("]]>", "]]&gt;", "]]&gt;"),
            ("a\u{0}b\u{b}c\u{1b}d\u{fffe}e\u{ffff}f", "abcdef", "abcdef"),
            ("line\r\n\tnext", "line&#13;\n\tnext", "line&#13;&#10;&#9;next"),
            ("\u{85}\u{2028}\u{fffd}\u{1f600}", "\u{85}\u{2028}\u{fffd}\u{1f600}", "\u{85}\u{2028}\u{fffd}\u{1f600}"),
        ] {
            assert_eq!(escaped(text, Place::Text), in_text);
            assert_eq!(escaped(text, Place::Attribute), in_attribute);
        }
    }
}
