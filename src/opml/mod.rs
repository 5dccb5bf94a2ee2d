//! Subscription lists as OPML: outlines in (1.0 to 2.0) and out (2.0), nothing lost on the way.
//!
//! The model holds what a document says and gives no meaning to it: attributes stay in their order, known or not, in
//! the spelling that they came in, namespaces included. What is read and written again is the same document but for
//! comments, processing instructions and white space. Reading is bounded (size, depth, attributes) and linear; no DTD is
//! obeyed and no entity expanded but XML's five and HTML's named characters.

mod read;
mod write;

use std::ops::Range;

pub use read::{MAX_DEPTH, MAX_SIZE, declared_as_utf8, decode, parse};
pub use write::is_name;

/// Attributes in their order.
pub type Attributes = Vec<(String, String)>;

/// An OPML document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opml {
    /// Attributes of the root but for `version`, which is 2.0 when written.
    pub attributes: Attributes,
    /// The elements of `head`.
    pub head: Vec<Element>,
    /// The outlines of `body`.
    pub outlines: Vec<Outline>,
}

/// An element of `head`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// Its name, with prefix.
    pub name: String,
    /// Its attributes.
    pub attributes: Attributes,
    /// Its text; that between child elements is run together.
    pub text: String,
    /// Its child elements.
    pub children: Vec<Element>,
}

/// An `outline`.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Its attributes.
    pub attributes: Attributes,
    /// The outlines in it.
    pub children: Vec<Outline>,
    /// The bytes of the text from its start tag to its end tag, both included; nothing where it was not read.
    pub span: Range<usize>,
}

/// Outlines are equal that say the same, wherever they stand.
impl PartialEq for Outline {
    fn eq(&self, other: &Self) -> bool {
        self.attributes == other.attributes && self.children == other.children
    }
}

impl Eq for Outline {}

/// The value of the first attribute of a name. Case is not told apart: `xmlurl` and `xmlURL` are in the wild.
pub fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl Outline {
    /// The value of an attribute, whatever the case of its name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        attribute(&self.attributes, name)
    }

    /// The URL of the feed, if the outline is one.
    pub fn feed_url(&self) -> Option<&str> {
        self.attribute("xmlUrl").map(str::trim)
    }
}

impl Opml {
    /// The document's title.
    pub fn title(&self) -> Option<&str> {
        let title = self.head.iter().find(|element| element.name.eq_ignore_ascii_case("title"))?;
        Some(title.text.trim()).filter(|title| !title.is_empty() && !title.contains(char::is_control))
    }
}

/// Why a document is not OPML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct OpmlError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The byte of the text.
    pub byte: usize,
    /// What is wrong.
    pub reason: String,
}

/// Why bytes are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Larger than [`MAX_SIZE`].
    #[error("the file is larger than {} MiB", MAX_SIZE >> 20)]
    TooLarge,
    /// A declared character set that nobody knows.
    #[error("the character set `{0}` is not known")]
    UnknownEncoding(String),
    /// Bytes that the character set has not.
    #[error("the file is not {0}, as it says or as it must be where it says nothing")]
    Malformed(&'static str),
}
