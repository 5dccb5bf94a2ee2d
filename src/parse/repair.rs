//! Ill-formed documents made well-formed: asked only when a document could not be read as it stands.
//!
//! One pass over the text, linear in its size, writes a document that any XML parser accepts. Each kind of mending has a name and is
//! reported once, with where it was first needed. It never guesses at words: it escapes what cannot be mark-up,
//! closes what was left open, drops end tags that belong to nothing, and keeps of a document that was cut off
//! the entries that are whole.

use std::collections::HashMap;

use super::Warning;
use super::construct::Entities;
use super::dialect::{Element, Namespace, element};

/// Deeper elements lose their tags and keep their text.
const MAX_DEPTH: usize = 512;

/// A document that was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// Well-formed, from the root element on.
    pub text: String,
    /// What was mended.
    pub warnings: Vec<Warning>,
}

/// Mends a document, given from its root element on.
pub fn mend(text: &str, entities: &Entities) -> Mended {
    let mut mender = Mender {
        text,
        at: 0,
        out: String::with_capacity(text.len() + text.len() / 16),
        open: Vec::new(),
        positions: HashMap::new(),
        entry_position: 0,
        constructs: 0,
        entities,
        warnings: Vec::new(),
        missing: Missing::default(),
        root_ended: false,
        entry_start: None,
        entries: 0,
        too_deep: 0,
    };
    mender.run();
    Mended { text: mender.out, warnings: mender.warnings }
}

/// An element that is open.
struct Open {
    /// Its name as it was written.
    name: String,
    element: Element,
}

/// Delimiters that were looked for in vain: they need not be looked for again.
#[derive(Debug, Default)]
struct Missing {
    comment: bool,
    cdata: bool,
    instruction: bool,
}

struct Mender<'t> {
    text: &'t str,
    at: usize,
    out: String,
    open: Vec<Open>,
    /// Where in `open` the elements of a name (lower case) stand.
    positions: HashMap<String, Vec<usize>>,
    /// Where in `open` the entry stands.
    entry_position: usize,
    /// How many text constructs are open.
    constructs: usize,
    entities: &'t Entities,
    warnings: Vec<Warning>,
    missing: Missing,
    root_ended: bool,
    /// Where the open entry begins in the output.
    entry_start: Option<usize>,
    entries: usize,
    /// Elements too deep to be written that are open.
    too_deep: usize,
}

/// A start tag taken apart.
struct Tag<'t> {
    name: &'t str,
    attributes: Vec<(&'t str, Option<&'t str>)>,
    empty: bool,
    end: usize,
    faults: bool,
}

impl Tag<'_> {
    /// Has it attributes that can be written?
    fn has_attributes(&self) -> bool {
        self.attributes.iter().any(|(name, _)| is_name(name))
    }
}

impl<'t> Mender<'t> {
    fn run(&mut self) {
        while let Some(rest) = self.text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let next = rest.find('<').unwrap_or(rest.len());
            let (before, rest) = rest.split_at(next);
            self.characters(before);
            self.at += next;
            if !rest.is_empty() {
                self.markup(rest);
            }
        }
        if !self.open.is_empty() && !self.root_ended {
            self.warn("cut-off", "the document ends before its root element does");
            // What is whole is kept; a part is only better than nothing.
            if let Some(start) = self.entry_start
                && self.entries > 0
            {
                self.out.truncate(start);
                while self.open.last().is_some_and(|open| open.element != Element::Entry) {
                    self.open.pop();
                }
                self.open.pop();
            }
        }
        while !self.open.is_empty() {
            self.close_last();
        }
    }

    fn warn(&mut self, kind: &'static str, message: &str) {
        if !self.warnings.iter().any(|known| known.kind == kind) {
            self.warnings.push(Warning { kind, message: format!("{message} (first at byte {})", self.at) });
        }
    }

    fn markup(&mut self, rest: &'t str) {
        if let Some(inner) = rest.strip_prefix("<!--") {
            match Some(inner).filter(|_| !self.missing.comment).and_then(|inner| inner.find("-->")) {
                Some(end) => self.at += 4 + end + 3,
                None => {
                    self.missing.comment = true;
                    self.bare("<!--");
                }
            }
        } else if let Some(inner) = rest.strip_prefix("<![CDATA[") {
            let end = Some(inner).filter(|_| !self.missing.cdata).and_then(|inner| inner.find("]]>"));
            if end.is_none() {
                self.missing.cdata = true;
                self.warn("unclosed-cdata", "a CDATA section is never closed");
            }
            let content = inner.get(..end.unwrap_or(inner.len())).unwrap_or_default();
            if !self.open.is_empty() {
                self.out.push_str("<![CDATA[");
                self.out.push_str(content);
                self.out.push_str("]]>");
            }
            self.at += 9 + content.len() + if end.is_some() { 3 } else { 0 };
        } else if rest.starts_with("<?") {
            match Some(rest).filter(|_| !self.missing.instruction).and_then(|rest| rest.find("?>")) {
                Some(end) => self.at += end + 2,
                None => {
                    self.missing.instruction = true;
                    self.bare("<?");
                }
            }
        } else if rest.starts_with("<!") {
            // A document type out of place ends with its tag; anything else is text.
            let length = rest.bytes().skip(1).take_while(|b| !matches!(b, b'<' | b'>')).count() + 1;
            if rest.as_bytes().get(length) == Some(&b'>') { self.at += length + 1 } else { self.bare("<!") }
        } else if let Some(inner) = rest.strip_prefix("</") {
            let length = inner.bytes().take_while(|b| !matches!(b, b'<' | b'>')).count();
            let name = inner.get(..length).unwrap_or_default();
            let name = name.split_ascii_whitespace().next().unwrap_or_default();
            if !is_name(name) {
                self.bare("</");
                return;
            }
            self.end_tag(name);
            self.at += 2 + length + usize::from(inner.as_bytes().get(length) == Some(&b'>'));
        } else {
            match read_tag(rest) {
                Some(tag) => {
                    let end = tag.end;
                    self.start_tag(&tag);
                    self.at += end;
                }
                None => self.bare("<"),
            }
        }
    }

    /// These characters begin no mark-up: they are text.
    fn bare(&mut self, characters: &str) {
        self.warn("bare-bracket", "an angle bracket that begins no tag was taken as text");
        if !self.open.is_empty() {
            self.out.push_str("&lt;");
            self.out.push_str(characters.get(1..).unwrap_or_default());
        }
        self.at += characters.len();
    }

    fn characters(&mut self, text: &str) {
        if self.open.is_empty() || self.root_ended {
            if !text.trim().is_empty() {
                self.warn("after-root", "text after the root element was left out");
            }
            return;
        }
        let mut rest = text;
        while let Some(next) = rest.find('&') {
            let (before, after) = rest.split_at(next);
            self.out.push_str(before);
            let length = self.reference(after);
            rest = after.get(length..).unwrap_or_default();
        }
        self.out.push_str(rest);
    }

    /// Writes the reference that begins here, or an escaped ampersand; gives its length.
    fn reference(&mut self, text: &str) -> usize {
        let body = text.get(1..).unwrap_or_default();
        let length = body.bytes().take(40).take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
        let name = body.get(..length).unwrap_or_default();
        let ended = body.as_bytes().get(length) == Some(&b';');
        if !ended || name.is_empty() {
            self.warn("bare-ampersand", "an ampersand that begins no reference was taken as text");
            self.out.push_str("&amp;");
            return 1;
        }
        if let Some(number) = name.strip_prefix('#') {
            let number = number.strip_prefix(['x', 'X']).map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
            match number.and_then(char::from_u32).filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{80}'..='\u{9f}')) {
                Some(c) => {
                    self.out.push_str("&#");
                    self.out.push_str(&u32::from(c).to_string());
                    self.out.push(';');
                }
                None => self.warn("bad-reference", "a reference to no character was left out"),
            }
        } else if matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
            self.out.push('&');
            self.out.push_str(name);
            self.out.push(';');
        } else if let Some(value) = self.entities.resolve(name) {
            let value = value.to_owned();
            self.warn("html-entity", "an entity of HTML was replaced by its character");
            self.escape(&value);
        } else {
            self.warn("unknown-entity", "an entity that nobody declared was taken as text");
            self.out.push_str("&amp;");
            return 1;
        }
        1 + length + 1
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                c => self.out.push(c),
            }
        }
    }

    fn start_tag(&mut self, tag: &Tag<'t>) {
        let kind = kind(tag.name);
        if self.root_ended && self.open.is_empty() {
            return;
        }
        if self.root_ended {
            self.warn("second-root", "more stands after the root element; it was read as part of it");
            self.root_ended = false;
        }
        if tag.faults {
            self.warn("bad-attribute", "attributes without quotes, value or end were mended");
        }
        self.close_implied(kind, tag);
        let in_construct = self.constructs > 0;
        if in_construct && ends_itself(tag.name) && self.open.last().is_some_and(|open| open.name.eq_ignore_ascii_case(tag.name)) {
            self.warn("unclosed-tag", "an element that was never closed was closed where the next begins");
            self.close_last();
        }
        let empty = tag.empty || (in_construct && is_void(tag.name));
        if empty && !tag.empty {
            self.warn("void-element", "an HTML element without end was closed");
        }
        // What may follow an empty root is still read, as after any other.
        let empty_root = empty && self.open.is_empty();
        let empty = empty && !empty_root;
        if self.open.len() >= MAX_DEPTH {
            self.warn("too-deep", "elements nested beyond reason lost their tags");
            self.too_deep += usize::from(!empty);
            return;
        }
        if kind == Element::Entry && !empty && !in_construct && self.entry_start.is_none() {
            self.entry_start = Some(self.out.len());
            self.entry_position = self.open.len();
        }
        self.write_tag(tag, empty);
        if !empty {
            self.positions.entry(tag.name.to_ascii_lowercase()).or_default().push(self.open.len());
            // A construct within a construct is its mark-up, not one of the feed.
            let element = if in_construct { Element::Other } else { kind };
            self.constructs += usize::from(matches!(element, Element::Text(_)));
            self.open.push(Open { name: tag.name.to_owned(), element });
            self.root_ended = empty_root;
        }
    }

    /// What must have ended before this element can begin; never the root, whose end ends the document.
    fn close_implied(&mut self, kind: Element, tag: &Tag<'t>) {
        let closes_leaf = matches!(
            kind,
            Element::Entry
                | Element::Guid
                | Element::Published
                | Element::Updated
                | Element::Date
                | Element::Enclosure
                | Element::Text(_)
                | Element::Link
                | Element::Category
        );
        while closes_leaf
            && self.open.len() > 1
            && let Some(last) = self.open.last()
            && match last.element {
                Element::Text(super::dialect::Text::Title) => !matches!(kind, Element::Text(super::dialect::Text::Title)),
                Element::Guid | Element::Link | Element::Published | Element::Updated | Element::Date | Element::Language => true,
                // HTML has links, too, but never without attributes.
                Element::Text(_) => match kind {
                    Element::Entry | Element::Guid | Element::Published | Element::Enclosure => true,
                    Element::Link | Element::Category => !tag.has_attributes(),
                    _ => false,
                },
                _ => false,
            }
        {
            self.warn("unclosed-tag", "an element that was never closed was closed where the next begins");
            self.close_last();
        }
        if kind == Element::Entry && self.entry_start.is_some() && self.entry_position > 0 && self.constructs == 0 {
            self.warn("unclosed-entry", "an entry that was never closed was closed where the next begins");
            while self.open.last().is_some_and(|open| open.element != Element::Entry) {
                self.close_last();
            }
            self.close_last();
        }
    }

    fn write_tag(&mut self, tag: &Tag<'t>, empty: bool) {
        self.out.push('<');
        self.out.push_str(tag.name);
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in tag.attributes.iter().take(64) {
            if !is_name(name) || seen.contains(name) {
                continue;
            }
            seen.push(name);
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            let mut rest = value.unwrap_or_default();
            while let Some(next) = rest.find(['&', '<', '"']) {
                let (before, after) = rest.split_at(next);
                self.out.push_str(before);
                let length = match after.as_bytes().first() {
                    Some(b'&') => self.reference(after),
                    Some(b'<') => {
                        self.out.push_str("&lt;");
                        1
                    }
                    _ => {
                        self.out.push_str("&quot;");
                        1
                    }
                };
                rest = after.get(length..).unwrap_or_default();
            }
            self.out.push_str(rest);
            self.out.push('"');
        }
        self.out.push_str(if empty { "/>" } else { ">" });
    }

    fn end_tag(&mut self, name: &str) {
        let position = self.positions.get(&name.to_ascii_lowercase()).and_then(|positions| positions.last().copied());
        // The ends of what has no tags are not written; those of the feed's own elements are never theirs.
        if self.too_deep > 0 && (position.is_none() || !matches!(kind(name), Element::Entry | Element::Feed | Element::Text(_))) {
            self.too_deep -= 1;
            return;
        }
        // The end of mark-up within an entry never ends what the entry stands in.
        let within = |position: usize| {
            self.entry_start.is_none() || position > self.entry_position || matches!(kind(name), Element::Entry | Element::Feed)
        };
        if !position.is_some_and(within) {
            if !is_void(name) {
                self.warn("stray-end-tag", "an end tag that belongs to nothing was left out");
            }
            return;
        }
        if self.open.len() == 1 {
            // What may follow the root is still read.
            self.root_ended = true;
            return;
        }
        while let Some(last) = self.open.last() {
            let matches = last.name.eq_ignore_ascii_case(name);
            if self.open.len() == 1 {
                self.root_ended = matches;
                return;
            }
            if !matches {
                self.warn("unclosed-tag", "an element that was never closed was closed with the one around it");
            }
            self.close_last();
            if matches {
                return;
            }
        }
    }

    fn close_last(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.too_deep = 0;
        if let Some(positions) = self.positions.get_mut(&open.name.to_ascii_lowercase()) {
            positions.pop();
        }
        self.constructs -= usize::from(matches!(open.element, Element::Text(_)));
        self.out.push_str("</");
        self.out.push_str(&open.name);
        self.out.push('>');
        if open.element == Element::Entry {
            self.entry_start = None;
            self.entries += 1;
        }
    }
}

/// What the element of this qualified name is, by the usual prefixes.
fn kind(name: &str) -> Element {
    let (namespace, local) = match name.split_once(':') {
        Some((prefix, local)) => (Namespace::of_prefix(prefix), local),
        None => (Namespace::Core, name),
    };
    match local.to_ascii_lowercase().as_str() {
        "url" if namespace == Namespace::Core => Element::Other,
        local => element(namespace, local),
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
        && !name.ends_with(':')
        && name.matches(':').count() <= 1
}

fn is_void(name: &str) -> bool {
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// HTML elements that end where the next of their kind begins (HTML §13.1.2.4).
fn ends_itself(name: &str) -> bool {
    ["p", "li", "dt", "dd", "tr", "td", "th", "option"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Takes a start tag apart; `None` where the bracket begins none.
fn read_tag(text: &str) -> Option<Tag<'_>> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while bytes.get(at).is_some_and(|b| !b.is_ascii_whitespace() && !matches!(b, b'>' | b'/' | b'<')) {
        at += 1;
    }
    let name = text.get(1..at)?;
    if !is_name(name) {
        return None;
    }
    let mut tag = Tag { name, attributes: Vec::new(), empty: false, end: 0, faults: false };
    loop {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        match bytes.get(at) {
            None => return None,
            Some(b'>') => {
                tag.end = at + 1;
                return Some(tag);
            }
            Some(b'/') => {
                tag.empty = bytes.get(at + 1) == Some(&b'>');
                at += 1;
            }
            Some(b'<') => {
                // The tag was never ended; what looks like one without attributes is text.
                tag.faults = true;
                tag.end = at;
                return (!tag.attributes.is_empty() && tag.attributes.iter().any(|(_, value)| value.is_some())).then_some(tag);
            }
            Some(_) => {
                let start = at;
                while bytes.get(at).is_some_and(|b| {
                    !b.is_ascii_whitespace() && !matches!(b, b'=' | b'>' | b'<') && (*b != b'/' || bytes.get(at + 1) != Some(&b'>'))
                }) {
                    at += 1;
                }
                let key = text.get(start..at)?;
                let mut after = at;
                while bytes.get(after).is_some_and(u8::is_ascii_whitespace) {
                    after += 1;
                }
                if bytes.get(after) != Some(&b'=') {
                    tag.faults = true;
                    tag.attributes.push((key, None));
                    continue;
                }
                after += 1;
                while bytes.get(after).is_some_and(u8::is_ascii_whitespace) {
                    after += 1;
                }
                let (value_start, value_end, next) = match bytes.get(after) {
                    Some(quote @ (b'"' | b'\'')) => {
                        let length = bytes.get(after + 1..)?.iter().position(|b| b == quote)?;
                        (after + 1, after + 1 + length, after + length + 2)
                    }
                    _ => {
                        tag.faults = true;
                        let mut end = after;
                        while bytes.get(end).is_some_and(|b| !b.is_ascii_whitespace() && !matches!(b, b'>' | b'<')) {
                            end += 1;
                        }
                        (after, end, end)
                    }
                };
                tag.attributes.push((key, Some(text.get(value_start..value_end)?)));
                // An empty key would be read for ever.
                at = next.max(start + 1);
            }
        }
    }
}
