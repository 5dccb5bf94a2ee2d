//! What a page tells machines in its elements: `meta`, `link`, microdata and RDFa, gathered in one walk.

use crate::extract::dom::{Item, Nodes};
use crate::extract::names::{Around, Names};

/// Nodes of an element that holds one line.
const MAX_NODES: usize = 200;
/// Bytes of such a line, white space included.
const MAX_LENGTH: usize = 4_000;

/// An element that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// `property`, `name` or `itemprop`, as it stands.
    pub name: &'a str,
    /// `content`, `datetime`, `href` …; none where its text is meant.
    pub value: Option<&'a str>,
    /// Where it stands.
    pub at: usize,
    /// Is it a `meta` element?
    pub is_meta: bool,
}

/// All of them, in the page's order.
pub struct Head<'n, 'a> {
    /// The page.
    pub nodes: &'n Nodes<'a>,
    names: &'n [Names],
    properties: Vec<Property<'a>>,
    links: Vec<(&'a str, usize)>,
}

impl<'n, 'a> Head<'n, 'a> {
    /// Gathers them.
    pub fn gather(nodes: &'n Nodes<'a>, names: &'n [Names]) -> Self {
        let mut head = Self { nodes, names, properties: Vec::new(), links: Vec::new() };
        for (at, item) in nodes.iter() {
            let Some(element) = item.element() else { continue };
            if element.attrs.is_empty() {
                continue;
            }
            let is_meta = item.name() == "meta";
            for attribute in ["property", "name", "itemprop"] {
                if attribute == "name" && !is_meta {
                    continue;
                }
                if let Some(names) = item.attribute(attribute) {
                    let value = value(item);
                    head.properties.extend(names.split_ascii_whitespace().map(|name| Property { name, value, at, is_meta }));
                }
            }
            if let Some(rel) = item.attribute("rel").filter(|_| matches!(item.name(), "link" | "a")) {
                head.links.push((rel, at));
            }
        }
        head
    }

    /// What the first of these names (without regard to case) says in a `meta` element: the names in their order, not the page's.
    pub fn meta(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.metas(name).next())
    }

    /// All that a name says in `meta` elements.
    pub fn metas<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a str> + 's {
        self.properties
            .iter()
            .filter(move |property| property.is_meta && property.name.eq_ignore_ascii_case(name))
            .filter_map(|property| property.value.map(str::trim).filter(|value| !value.is_empty()))
    }

    /// The elements of microdata or RDFa with this name (of schema.org).
    pub fn items<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Property<'a>> + 's {
        self.properties.iter().filter(move |property| {
            let bare = property.name.rsplit(['/', ':']).next().unwrap_or_default();
            bare.eq_ignore_ascii_case(name) && (!property.is_meta || !property.name.contains(':') || property.name.starts_with("schema:"))
        })
    }

    /// What an element says: its value, else its text.
    pub fn says(&self, property: &Property<'a>) -> String {
        match property.value {
            Some(value) => value.trim().to_owned(),
            None => self.text(property.at),
        }
    }

    /// Is an element called one that holds what readers wrote?
    pub fn holds_comments(&self, at: usize) -> bool {
        self.names[at].around == Around::Comments
    }

    /// Does it stand in one?
    pub fn in_comments(&self, at: usize) -> bool {
        self.holds_comments(at) || self.nodes.ancestors(at).any(|around| self.holds_comments(around))
    }

    /// An element's text in one line; empty where it is longer than a line could be.
    pub fn text(&self, at: usize) -> String {
        let range = self.nodes.range(at);
        if range.len() > MAX_NODES {
            return String::new();
        }
        let mut line = String::new();
        for text in range.filter_map(|place| self.nodes.at(place).text()) {
            if line.len() + text.len() > MAX_LENGTH {
                return String::new();
            }
            line.push_str(text);
        }
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The `link` and `a` elements whose `rel` has this word.
    pub fn links<'s>(&'s self, rel: &'s str) -> impl Iterator<Item = &'n Item<'a>> + 's {
        self.links
            .iter()
            .filter(move |(rels, _)| rels.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(rel)))
            .map(|&(_, at)| self.nodes.at(at))
    }

    /// … with their places.
    pub fn link_places<'s>(&'s self, rel: &'s str) -> impl Iterator<Item = usize> + 's {
        self.links
            .iter()
            .filter(move |(rels, _)| rels.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(rel)))
            .map(|&(_, at)| at)
    }
}

/// What HTML says that the value of an element is (HTML standard §5.2.4).
fn value<'a>(item: &Item<'a>) -> Option<&'a str> {
    if let Some(content) = item.attribute("content") {
        return Some(content);
    }
    match item.name() {
        "time" => item.attribute("datetime"),
        "link" => item.attribute("href"),
        "img" => item.attribute("src"),
        "data" => item.attribute("value"),
        _ => None,
    }
}
