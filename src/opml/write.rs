//! OPML out: version 2.0, UTF-8, one element a line, the same bytes for the same document.

use std::fmt;

use super::{Element, Opml, Outline};

impl fmt::Display for Opml {
    /// The whole document with its XML declaration. Characters that XML cannot hold are written as U+FFFD.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\"")?;
        write_attributes(out, &self.attributes)?;
        out.write_str(">\n  <head>\n")?;
        for element in &self.head {
            write_element(out, element, 2)?;
        }
        out.write_str("  </head>\n  <body>\n")?;
        for outline in &self.outlines {
            write_outline(out, outline, 2)?;
        }
        out.write_str("  </body>\n</opml>\n")
    }
}

fn write_outline(out: &mut fmt::Formatter<'_>, outline: &Outline, depth: usize) -> fmt::Result {
    write!(out, "{:indent$}<outline", "", indent = depth * 2)?;
    write_attributes(out, &outline.attributes)?;
    if outline.children.is_empty() {
        return out.write_str("/>\n");
    }
    out.write_str(">\n")?;
    for child in &outline.children {
        write_outline(out, child, depth + 1)?;
    }
    writeln!(out, "{:indent$}</outline>", "", indent = depth * 2)
}

fn write_element(out: &mut fmt::Formatter<'_>, element: &Element, depth: usize) -> fmt::Result {
    write!(out, "{:indent$}<{}", "", element.name, indent = depth * 2)?;
    write_attributes(out, &element.attributes)?;
    if element.text.is_empty() && element.children.is_empty() {
        return out.write_str("/>\n");
    }
    out.write_str(">")?;
    if !element.text.is_empty() {
        // White space beside text is text, so nothing is indented here.
        write_escaped(out, &element.text, false)?;
        for child in &element.children {
            write!(out, "{}", InLine(child))?;
        }
        return writeln!(out, "</{}>", element.name);
    }
    out.write_str("\n")?;
    for child in &element.children {
        write_element(out, child, depth + 1)?;
    }
    writeln!(out, "{:indent$}</{}>", "", element.name, indent = depth * 2)
}

/// An element without a line break.
struct InLine<'a>(&'a Element);

impl fmt::Display for InLine<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "<{}", self.0.name)?;
        write_attributes(out, &self.0.attributes)?;
        out.write_str(">")?;
        write_escaped(out, &self.0.text, false)?;
        for child in &self.0.children {
            write!(out, "{}", InLine(child))?;
        }
        write!(out, "</{}>", self.0.name)
    }
}

fn write_attributes(out: &mut fmt::Formatter<'_>, attributes: &[(String, String)]) -> fmt::Result {
    for (name, value) in attributes {
        write!(out, " {name}=\"")?;
        write_escaped(out, value, true)?;
        out.write_str("\"")?;
    }
    Ok(())
}

fn write_escaped(out: &mut fmt::Formatter<'_>, text: &str, in_attribute: bool) -> fmt::Result {
    let mut written = 0;
    for (index, character) in text.char_indices() {
        let escaped = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' if in_attribute => "&quot;",
            // As they stand, a reader would make spaces or other line breaks of them.
            '\n' if in_attribute => "&#10;",
            '\t' if in_attribute => "&#9;",
            '\r' => "&#13;",
            '\n' | '\t' => continue,
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => "\u{FFFD}",
            _ => continue,
        };
        out.write_str(text.get(written..index).unwrap_or_default())?;
        out.write_str(escaped)?;
        written = index + character.len_utf8();
    }
    out.write_str(text.get(written..).unwrap_or_default())
}

/// May this stand in XML as the name of an attribute? ASCII and letters of all scripts, at most one colon within.
pub fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let mut characters = part.chars();
        characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|character| character.is_alphanumeric() || matches!(character, '_' | '-' | '.'))
    };
    match name.split_once(':') {
        Some((prefix, local)) => part(prefix) && part(local),
        None => part(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Attributes, Element, Opml, Outline, parse};
    use super::is_name;

    #[test]
    fn the_document_is_written_line_by_line() {
        let outline = |attributes: &[(&str, &str)], children| Outline {
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            children,
            span: 0..0,
        };
        let opml = Opml {
            attributes: vec![("xmlns:x".to_owned(), "urn:x".to_owned())],
            head: vec![Element { name: "title".to_owned(), text: "A & B".to_owned(), ..Element::default() }],
            outlines: vec![outline(
                &[("text", "News \"daily\"")],
                vec![outline(&[("text", "a"), ("xmlUrl", "https://a.example/?b&c"), ("x:rank", "1\n2")], vec![])],
            )],
        };
        let want = r#"<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:x="urn:x">
  <head>
    <title>A &amp; B</title>
  </head>
  <body>
    <outline text="News &quot;daily&quot;">
      <outline text="a" xmlUrl="https://a.example/?b&amp;c" x:rank="1&#10;2"/>
    </outline>
  </body>
</opml>
"#;
        assert_eq!(opml.to_string(), want);
    }

    #[test]
    fn names_are_those_that_xml_allows() {
        for name in ["text", "xmlUrl", "x:rank", "_a", "a-b.c", "größe"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ":", "a:", ":a", "a b", "1a", "a\"", "a:b:c", "-a", "<a"] {
            assert!(!is_name(name), "{name}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        // All that XML can hold, and what must be escaped more often than chance would give it.
        prop_oneof![
            proptest::string::string_regex("[ -~\n\t\r&<>\"'äéЖ漢🙂\u{a0}\u{2028}]{0,20}").unwrap(),
            any::<String>().prop_map(|text| {
                text.chars()
                    .filter(|character| !matches!(character, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'))
                    .collect()
            }),
            Just("&amp;#x26;&bogus;]]>".to_owned()),
        ]
    }

    fn attributes() -> impl Strategy<Value = Attributes> {
        let name = proptest::string::string_regex("(x:)?[a-zA-Z_][a-zA-Z0-9_.-]{0,8}").unwrap();
        proptest::collection::vec((name, value()), 0..5).prop_map(|pairs| {
            let mut kept = Attributes::new();
            for (name, value) in pairs {
                if !name.eq_ignore_ascii_case("version") && !kept.iter().any(|(other, _)| *other == name) {
                    kept.push((name, value));
                }
            }
            kept
        })
    }

    fn outline() -> impl Strategy<Value = Outline> {
        let leaf = attributes().prop_map(|attributes| Outline { attributes, ..Outline::default() });
        leaf.prop_recursive(5, 24, 5, |inner| {
            (attributes(), proptest::collection::vec(inner, 0..5)).prop_map(|(attributes, children)| Outline {
                attributes,
                children,
                span: 0..0,
            })
        })
    }

    fn element() -> impl Strategy<Value = Element> {
        let name = || proptest::string::string_regex("(x:)?[a-zA-Z_][a-zA-Z0-9_.-]{0,8}").unwrap();
        let leaf =
            (name(), attributes(), value()).prop_map(|(name, attributes, text)| Element { name, attributes, text, children: Vec::new() });
        leaf.prop_recursive(3, 8, 3, move |inner| {
            (name(), attributes(), "[a-z ]{0,4}", proptest::collection::vec(inner, 1..3)).prop_map(|(name, attributes, text, children)| {
                let text = if text.trim().is_empty() { String::new() } else { text };
                Element { name, attributes, text, children }
            })
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            attributes in attributes(),
            head in proptest::collection::vec(element(), 0..4),
            outlines in proptest::collection::vec(outline(), 0..5),
        ) {
            let opml = Opml { attributes, head, outlines };
            let written = opml.to_string();
            prop_assert_eq!(&parse(&written).unwrap(), &opml);
            prop_assert_eq!(parse(&written).unwrap().to_string(), written);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "[<>/a-z=\"& ;#!\\[\\]-]{0,200}") {
            if let Ok(text) = super::super::decode(&bytes) {
                let _ = parse(&text);
            }
            let _ = parse(&text);
            let _ = parse(&format!("<opml><body>{text}</body></opml>"));
        }
    }
}
