//! Text constructs: the inside of an XML element becomes plain text or a fragment of HTML.
//!
//! The reader only notes where a construct stands; its inside is read here, when it is known to be wanted. Reading
//! never fails: what stands in a document that was accepted as a whole is read leniently in its parts.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::escape::unescape_with;
use quick_xml::events::{BytesRef, BytesStart, Event};
use url::Url;

use super::Markup;
use crate::article::entities;

/// Entities that the document itself declares, to plain text only: none of them can grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entities {
    declared: HashMap<String, String>,
    /// How many bytes their use may yet add to the document.
    budget: Cell<usize>,
}

impl Default for Entities {
    fn default() -> Self {
        Self { declared: HashMap::new(), budget: Cell::new(MAX_EXPANSION) }
    }
}

/// More than this is never added by entities, however often they are used.
const MAX_EXPANSION: usize = 1 << 20;

/// More entities than any feed has.
const MAX_ENTITIES: usize = 256;
/// Longer replacement texts are an attack.
const MAX_ENTITY_LENGTH: usize = 1024;

impl Entities {
    /// Takes a declaration over, unless its text refers to other entities or is out of all proportion.
    pub fn declare(&mut self, name: &str, value: &str) {
        let refers = value.contains('&') && !(value.starts_with("&#") && value.ends_with(';') && value.matches('&').count() == 1);
        if !refers && self.declared.len() < MAX_ENTITIES && value.len() <= MAX_ENTITY_LENGTH {
            let value = unescape_with(value, |_| None).map_or_else(|_| value.to_owned(), Cow::into_owned);
            self.declared.entry(name.to_owned()).or_insert(value);
        }
    }

    /// What an entity stands for: as declared, else as in HTML.
    pub fn resolve(&self, name: &str) -> Option<&str> {
        let Some(value) = self.declared.get(name) else { return entities::named(name) };
        self.budget.set(self.budget.get().checked_sub(value.len())?);
        Some(value)
    }

    /// Does the document declare none?
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// An attribute's value, or any text without tags, with references resolved once.
    pub fn unescape<'a>(&self, raw: &'a str) -> Cow<'a, str> {
        if !raw.contains('&') {
            return Cow::Borrowed(raw);
        }
        unescape_with(raw, |name| self.resolve(name)).unwrap_or(Cow::Borrowed(raw))
    }
}

/// Elements that are nested deeper lose their tags: no reader could show them.
const MAX_DEPTH: usize = 256;

/// How a construct says that it is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Plain characters.
    Text,
    /// Escaped HTML.
    Html,
    /// Inline mark-up.
    Xhtml,
    /// Base64 of text.
    Base64,
    /// Nothing is said, and custom does not tell: HTML if it looks like it.
    Guess,
}

impl Form {
    /// From the `type` and `mode` attributes (Atom 0.3 and 1.0); `default` where there is no type.
    pub fn of(media_type: Option<&str>, mode: Option<&str>, default: Self) -> Self {
        if mode.is_some_and(|mode| mode.eq_ignore_ascii_case("base64")) {
            return Self::Base64;
        }
        let Some(media_type) = media_type.map(str::trim).filter(|media_type| !media_type.is_empty()) else { return default };
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "text" | "plain" | "text/plain" => Self::Text,
            "html" | "text/html" => Self::Html,
            "xhtml" | "application/xhtml+xml" | "text/xhtml" => Self::Xhtml,
            other if other.ends_with("/xml") || other.ends_with("+xml") => Self::Xhtml,
            other if other.starts_with("text/") => Self::Guess,
            _ => Self::Base64,
        }
    }
}

/// A text construct where it stands in the document.
#[derive(Debug, Clone)]
pub struct Construct<'a> {
    /// How it is to be read.
    pub form: Form,
    /// The characters between its tags.
    pub inner: &'a str,
    /// The base of its relative links.
    pub base: Rc<Url>,
    /// Its language.
    pub language: Option<Rc<str>>,
    /// How deep it stands; the root is 1.
    pub depth: usize,
}

impl Construct<'_> {
    /// Nothing but white space and comments?
    pub fn is_blank(&self) -> bool {
        self.inner.trim_ascii().is_empty()
    }

    /// Reads it.
    pub fn markup(&self, entities: &Entities) -> Option<Markup> {
        let Inside { text, has_elements } = inside(self.inner, self.form == Form::Xhtml, entities);
        self.read_as(text, has_elements)
    }

    /// The same, where somebody has read the text already; that counts where [`Self::wants_reading`] says so.
    pub fn markup_of(&self, text: Option<String>, entities: &Entities) -> Option<Markup> {
        match text {
            Some(text) if self.wants_reading() => self.read_as(text, false),
            _ => self.markup(entities),
        }
    }

    /// Do nothing but characters stand here, but written in a way that parsers have rules for: beside CDATA sections, with
    /// line ends of other systems, with references that nobody knows? One CDATA section, or text with references that are
    /// known, can be read in one way alone; and feed-rs leaves HTML's names standing.
    pub fn wants_reading(&self) -> bool {
        matches!(self.form, Form::Text | Form::Html | Form::Guess)
            && !is_plain(self.inner)
            && !self.has_html_names()
            && holds_no_elements(self.inner)
    }

    /// Does it hold references by names that HTML alone knows?
    pub fn has_html_names(&self) -> bool {
        references(self.inner).any(is_html_name)
    }

    fn read_as(&self, text: String, has_elements: bool) -> Option<Markup> {
        let text = mended(text);
        let form = match self.form {
            _ if has_elements => Form::Html,
            Form::Guess if looks_like_html(&text) => Form::Html,
            Form::Guess => Form::Text,
            form => form,
        };
        let markup = match form {
            Form::Text | Form::Guess => Markup::Text(text),
            Form::Html | Form::Xhtml => Markup::Html(text),
            Form::Base64 => match decode_base64(&text) {
                Some(Decoded::Text(text)) if looks_like_html(&text) => Markup::Html(text),
                Some(Decoded::Text(text)) => Markup::Text(text),
                // A picture, say: nothing to read.
                Some(Decoded::Bytes) => return None,
                None if looks_like_html(&text) => Markup::Html(text),
                None => Markup::Text(text),
            },
        };
        let (Markup::Text(text) | Markup::Html(text)) = &markup;
        (!text.is_empty()).then_some(markup)
    }
}

/// One CDATA section, or characters with references that are known, alone.
fn is_plain(inner: &str) -> bool {
    match section(inner) {
        _ if inner.contains('\r') => false,
        Some(section) => !section.contains("]]>"),
        None => !inner.contains('<') && references(inner).all(|name| name.starts_with('#') || is_html_name(name) || is_own_name(name)),
    }
}

/// What stands between each `&` and the semicolon after it; nothing where there is none.
fn references(inner: &str) -> impl Iterator<Item = &str> {
    // No name is longer than "CounterClockwiseContourIntegral".
    inner.match_indices('&').map(|(at, _)| {
        let end = inner.bytes().skip(at + 1).take(32).position(|byte| byte == b';');
        end.and_then(|end| inner.get(at + 1..at + 1 + end)).unwrap_or_default()
    })
}

/// A name that XML itself knows.
fn is_own_name(name: &str) -> bool {
    matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
}

/// One that HTML alone knows.
fn is_html_name(name: &str) -> bool {
    !is_own_name(name) && entities::named(name).is_some()
}

/// The inside of a CDATA section that stands alone, or of several from the first to the last.
fn section(inner: &str) -> Option<&str> {
    inner.trim_ascii().strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>"))
}

/// Is there nothing but characters and CDATA sections?
fn holds_no_elements(inner: &str) -> bool {
    let mut rest = inner;
    while let Some(at) = rest.find('<') {
        let Some(after) = rest.get(at..).and_then(|rest| rest.strip_prefix("<![CDATA[")) else { return false };
        let Some(end) = after.find("]]>") else { return false };
        rest = after.get(end + 3..).unwrap_or_default();
    }
    true
}

/// What a reference stands for; as it is written where nobody knows.
pub fn reference(name: &BytesRef<'_>, entities: &Entities) -> String {
    match name.resolve_char_ref() {
        Ok(Some(c)) => c.to_string(),
        Ok(None) => entities.resolve(name).map_or_else(|| format!("&{};", &**name), str::to_owned),
        Err(_) => format!("&{};", &**name),
    }
}

struct Inside {
    text: String,
    has_elements: bool,
}

/// The inside as text where it holds no elements, else as HTML.
fn inside(inner: &str, xhtml: bool, entities: &Entities) -> Inside {
    if !inner.contains(['<', '&', '\r']) {
        return Inside { text: inner.trim().to_owned(), has_elements: false };
    }
    if !xhtml && let Some(text) = without_elements(inner, entities) {
        return Inside { text, has_elements: false };
    }
    let mut out = String::with_capacity(inner.len());
    let mut open: Vec<String> = Vec::new();
    let mut too_deep = 0usize;
    let mut has_elements = false;
    // A single `div` around everything is Atom's wrapping, not content.
    let mut top = Vec::new();
    walk(inner, entities, |piece| match piece {
        Piece::Start(_) if open.len() >= MAX_DEPTH => too_deep += 1,
        Piece::End if too_deep > 0 => too_deep -= 1,
        Piece::Start(start) => {
            has_elements = true;
            let name = start.local_name().as_ref().to_owned();
            let begin = out.len();
            write_start(&mut out, &name, &start, entities);
            if open.is_empty() {
                top.push(Top { div: name == "div", begin, inner: out.len(), inner_end: 0, end: 0 });
            }
            open.push(name);
        }
        Piece::Empty(start) => {
            has_elements = true;
            let name = start.local_name().as_ref().to_owned();
            let begin = out.len();
            write_start(&mut out, &name, &start, entities);
            if !is_void(&name) {
                let _ = write!(out, "</{name}>");
            }
            if open.is_empty() {
                top.push(Top { div: false, begin, inner: out.len(), inner_end: out.len(), end: out.len() });
            }
        }
        Piece::End => {
            if let Some(name) = open.pop() {
                let inner_end = out.len();
                if !is_void(&name) {
                    let _ = write!(out, "</{name}>");
                }
                if open.is_empty()
                    && let Some(last) = top.last_mut()
                {
                    last.inner_end = inner_end;
                    last.end = out.len();
                }
            }
        }
        // What stands before the first element of a construct that should have none was escaped HTML.
        Piece::Text(text) if xhtml || has_elements => escape_into(&mut out, text),
        Piece::Text(text) => out.push_str(text),
    });
    if let [Top { div: true, begin, inner, inner_end, end }] = top[..]
        && out.get(..begin).is_some_and(|before| before.trim().is_empty())
        && out.get(end..).is_some_and(|after| after.trim().is_empty())
        && let Some(unwrapped) = out.get(inner..inner_end)
    {
        out = unwrapped.to_owned();
    }
    let trimmed = out.trim();
    let text = if trimmed.len() == out.len() { out } else { trimmed.to_owned() };
    Inside { text, has_elements: has_elements || xhtml }
}

/// The two forms that nearly all bodies have, without a reader: one CDATA section, or escaped text alone.
fn without_elements(inner: &str, entities: &Entities) -> Option<String> {
    if inner.contains('\r') {
        return None;
    }
    if let Some(section) = section(inner) {
        return (!section.contains("]]>")).then(|| section.trim().to_owned());
    }
    if inner.contains('<') {
        return None;
    }
    let text = unescape_with(inner, |name| entities.resolve(name)).ok()?;
    Some(text.trim().to_owned())
}

/// A top-level element of a fragment: where it stands in the output.
struct Top {
    div: bool,
    begin: usize,
    inner: usize,
    inner_end: usize,
    end: usize,
}

enum Piece<'p> {
    Start(BytesStart<'p>),
    Empty(BytesStart<'p>),
    End,
    Text(&'p str),
}

fn walk(inner: &str, entities: &Entities, mut sink: impl FnMut(Piece<'_>)) {
    let mut reader = Reader::from_str(inner);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => sink(Piece::Start(start)),
            Ok(Event::Empty(start)) => sink(Piece::Empty(start)),
            Ok(Event::End(_)) => sink(Piece::End),
            Ok(Event::Text(text)) => sink(Piece::Text(&text.xml10_content())),
            Ok(Event::CData(text)) => sink(Piece::Text(&text.xml10_content())),
            Ok(Event::GeneralRef(name)) => sink(Piece::Text(&reference(&name, entities))),
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
            // The document was read to its end before: nothing that follows here can be text.
            Ok(Event::Eof) | Err(_) => return,
        }
    }
}

fn write_start(out: &mut String, name: &str, start: &BytesStart<'_>, entities: &Entities) {
    out.push('<');
    out.push_str(name);
    for attribute in start.html_attributes().with_checks(false).flatten() {
        let key = attribute.key.as_ref();
        if key == "xmlns" || key.starts_with("xmlns:") {
            continue;
        }
        out.push(' ');
        out.push_str(key);
        out.push_str("=\"");
        for c in entities.unescape(&attribute.value).chars() {
            match c {
                '"' => out.push_str("&quot;"),
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    out.push('>');
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area" | "base" | "br" | "col" | "embed" | "hr" | "img" | "input" | "link" | "meta" | "param" | "source" | "track" | "wbr"
    )
}

/// HTML elements that show that a text is mark-up.
const HTML_ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "iframe",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "nav",
    "object",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Elements that are written without an end tag.
const LONE_ELEMENTS: &[&str] = &["br", "hr", "img", "p", "li", "wbr"];

/// Is a text that says nothing of itself meant as HTML? There must be an end tag, a lone element or a reference, and
/// nothing that HTML does not know: a headline about `Vec<T>` is no mark-up.
pub fn looks_like_html(text: &str) -> bool {
    let mut proof = false;
    for (at, c) in text.char_indices() {
        let rest = text.get(at + 1..).unwrap_or_default();
        if c == '<' {
            let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
            let name_length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            let name = rest.get(..name_length).unwrap_or_default().to_ascii_lowercase();
            if name.is_empty() {
                continue;
            }
            if !HTML_ELEMENTS.contains(&name.as_str()) {
                return false;
            }
            proof |= closing || LONE_ELEMENTS.contains(&name.as_str());
        } else if c == '&' {
            let name_length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'#').count();
            let name = rest.get(..name_length).unwrap_or_default();
            if rest.as_bytes().get(name_length) == Some(&b';') && !name.is_empty() {
                if !name.starts_with('#') && entities::named(name).is_none() {
                    return false;
                }
                proof = true;
            }
        }
    }
    proof
}

enum Decoded {
    Text(String),
    Bytes,
}

fn decode_base64(text: &str) -> Option<Decoded> {
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = data_encoding::BASE64.decode(compact.as_bytes()).ok().filter(|bytes| !bytes.is_empty())?;
    Some(String::from_utf8(bytes).map_or(Decoded::Bytes, |text| Decoded::Text(text.trim().to_owned())))
}

/// Undoes two common mistakes of publishing programs: UTF-8 that was taken for ISO-8859-1 and encoded again, and
/// Windows-1252 numbers in character references.
pub fn mended(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut text = text;
    if text.chars().all(|c| c <= '\u{ff}') && text.chars().any(|c| matches!(c, '\u{80}'..='\u{bf}')) {
        let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(c).ok()).collect();
        if let Ok(original) = String::from_utf8(bytes) {
            text = original;
        }
    }
    if text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}')) {
        text = text.chars().map(windows_1252).collect();
    }
    text
}

fn windows_1252(c: char) -> char {
    match u8::try_from(c) {
        Ok(byte @ 0x80..=0x9f) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[byte]).0.chars().next().unwrap_or(c),
        _ => c,
    }
}
