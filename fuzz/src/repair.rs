//! Any text as a document that must be mended.

use gleaner::parse::Entities;
use gleaner::parse::repair::mend;
use quick_xml::Reader;
use quick_xml::events::Event;

/// What was mended is well-formed, in proportion to what it was made from, and needs no mending again.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mended = mend(&text, &Entities::default()).text;
    // The worst that a byte can become: `&` is `&amp;`, and each `<a>` may need an end tag of its own.
    assert!(mended.len() <= 8 * text.len() + 64, "{} bytes became {}", text.len(), mended.len());
    assert_well_formed(&mended);
    assert_eq!(mend(&mended, &Entities::default()).text, mended, "mended again it is another document");
}

/// A strict reader of XML accepts the document.
fn assert_well_formed(document: &str) {
    let mut reader = Reader::from_str(document);
    let config = reader.config_mut();
    config.check_comments = true;
    config.check_end_names = true;
    let (mut depth, mut roots) = (0usize, 0usize);
    loop {
        let event = match reader.read_event() {
            Ok(event) => event,
            Err(error) => panic!("{error} at byte {} of {document:?}", reader.error_position()),
        };
        match event {
            Event::Start(tag) | Event::Empty(tag) if depth == 0 && roots > 0 => panic!("a second root <{}> in {document:?}", tag.name().0),
            Event::Start(tag) => {
                assert_attributes(&tag, document);
                roots += usize::from(depth == 0);
                depth += 1;
            }
            Event::Empty(tag) => {
                assert_attributes(&tag, document);
                roots += usize::from(depth == 0);
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) if depth == 0 => assert!(text.trim_ascii().is_empty(), "text outside of the root in {document:?}"),
            Event::CData(_) if depth == 0 => panic!("CDATA outside of the root in {document:?}"),
            Event::GeneralRef(name) => {
                assert!(depth > 0, "a reference outside of the root in {document:?}");
                assert!(is_resolved(&name), "&{}; stands for nothing in {document:?}", &*name);
            }
            Event::Eof => break,
            Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    assert_eq!(depth, 0, "something is left open in {document:?}");
}

fn assert_attributes(tag: &quick_xml::events::BytesStart<'_>, document: &str) {
    for attribute in tag.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => panic!("{error} in <{}> of {document:?}", tag.name().0),
        };
        assert!(!attribute.value.contains('<'), "a bracket in an attribute of {document:?}");
        for (at, _) in attribute.value.match_indices('&') {
            let reference = attribute.value[at + 1..].split_once(';').map(|(name, _)| name);
            let resolved = reference.is_some_and(|name| match name.strip_prefix('#') {
                Some(number) => number.parse::<u32>().ok().and_then(char::from_u32).is_some(),
                None => is_predefined(name),
            });
            assert!(resolved, "a reference to nothing in an attribute of {document:?}");
        }
    }
}

fn is_resolved(name: &quick_xml::events::BytesRef<'_>) -> bool {
    match name.resolve_char_ref() {
        Ok(Some(_)) => true,
        Ok(None) => is_predefined(name),
        Err(_) => false,
    }
}

fn is_predefined(name: &str) -> bool {
    matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
}
