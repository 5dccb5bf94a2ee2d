//! A page's document tree, made once, and its nodes in reading order.
//!
//! An HTML parser does not refuse anything, and its work is not linear: it walks up the open elements at each block and opens
//! formatting elements again in each paragraph. So a guard stands between tokenizer and tree builder, counts by the very tokens that
//! the builder would see, and takes out tags beyond what a page that a publisher writes could need. Text is never taken out.
//!
//! The nodes lie in one list in the order in which they begin, each with the place at which its content ends. So whatever is asked
//! of a part of the page is a walk over a range of the list, without recursion: a page may nest as deep as it likes.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use scraper::{ElementRef, Html, HtmlTreeSink, Node};

use crate::article::entities;
use crate::article::html::elements::{closes_itself, is_formatting, is_void};

/// Open elements. The deepest pages of publishers have some sixty.
const MAX_DEPTH: usize = 256;
/// Elements; a parser needs some 200 bytes for each.
const MAX_ELEMENTS: usize = 200_000;
/// Attributes of a tag.
const MAX_ATTRIBUTES: usize = 200;
/// How often open formatting elements may be opened again before the page is read without any.
const MAX_FORMATTING_WORK: usize = 500_000;

/// The tree of a page.
pub struct Dom {
    html: Html,
}

impl Dom {
    /// Reads a page.
    pub fn parse(source: &str) -> Self {
        let (html, work) = parse(source, false);
        if work <= MAX_FORMATTING_WORK { Self { html } } else { Self { html: parse(source, true).0 } }
    }

    /// Its nodes in reading order.
    pub fn nodes(&self) -> Nodes<'_> {
        let mut nodes: Vec<Item<'_>> = Vec::new();
        let mut node = self.html.tree.root();
        let mut parent = 0;
        loop {
            let at = nodes.len();
            nodes.push(Item { node, parent, end: at + 1 });
            if let Some(child) = node.first_child() {
                parent = at;
                node = child;
                continue;
            }
            let mut last = at;
            loop {
                if let Some(next) = nodes[last].node.next_sibling() {
                    node = next;
                    parent = nodes[last].parent;
                    break;
                }
                if last == 0 {
                    return Nodes(nodes);
                }
                last = nodes[last].parent;
                nodes[last].end = at + 1;
            }
        }
    }
}

/// A node and where it stands.
#[derive(Clone, Copy)]
pub struct Item<'a> {
    node: ego_tree::NodeRef<'a, Node>,
    /// Place of the node around it.
    pub parent: usize,
    /// One beyond the place of the last node in it.
    pub end: usize,
}

impl<'a> Item<'a> {
    /// The element that it is.
    pub fn element(&self) -> Option<&'a scraper::node::Element> {
        self.node.value().as_element()
    }

    /// The element as selectors see it.
    pub fn element_ref(&self) -> Option<ElementRef<'a>> {
        ElementRef::wrap(self.node)
    }

    /// The text that it is.
    pub fn text(&self) -> Option<&'a str> {
        self.node.value().as_text().map(|text| &**text)
    }

    /// The element's name, empty for what is none.
    pub fn name(&self) -> &'a str {
        self.element().map_or("", |element| element.name())
    }

    /// An attribute of the element.
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.element()?.attrs.iter().find(|(attribute, _)| &*attribute.local == name).map(|(_, value)| &**value)
    }
}

/// The nodes of a page in the order in which they begin.
pub struct Nodes<'a>(Vec<Item<'a>>);

impl<'a> Nodes<'a> {
    /// The node at a place.
    pub fn at(&self, place: usize) -> &Item<'a> {
        &self.0[place]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The places of a node and of all in it.
    pub fn range(&self, place: usize) -> Range<usize> {
        place..self.0[place].end
    }

    /// All, with their places.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &Item<'a>)> {
        self.0.iter().enumerate()
    }

    /// The elements around a node, the nearest first.
    pub fn ancestors(&self, place: usize) -> impl Iterator<Item = usize> {
        std::iter::successors((place > 0).then(|| self.0[place].parent), |&at| (at > 0).then(|| self.0[at].parent))
    }

    /// All text in a node, as it stands.
    pub fn text(&self, place: usize) -> String {
        self.0[self.range(place)].iter().filter_map(Item::text).collect()
    }

    /// The nodes directly in one.
    pub fn children(&self, place: usize) -> impl Iterator<Item = usize> {
        let end = self.0[place].end;
        let next = move |at: usize| (at < end).then_some(at);
        std::iter::successors(next(place + 1), move |&at| next(self.0[at].end))
    }

    /// A part of the page as HTML; `how` says what becomes of each node.
    pub fn write(&self, place: usize, mut how: impl FnMut(usize) -> Writing) -> String {
        let mut html = String::new();
        let mut open: Vec<(usize, &str)> = Vec::new();
        let mut at = place;
        let end = self.0[place].end;
        while at < end {
            while let Some((_, name)) = open.pop_if(|(end, _)| *end <= at) {
                close(name, &mut html);
            }
            let item = &self.0[at];
            let how = how(at);
            if how == Writing::Not {
                at = item.end;
                continue;
            }
            if let Some(text) = item.text() {
                entities::escape_text(text, &mut html);
            } else if let Some(element) = item.element() {
                let name = if let Writing::As(name) = how { name } else { element.name() };
                html.push('<');
                html.push_str(name);
                for (name, value) in &element.attrs {
                    html.push(' ');
                    html.push_str(&name.local);
                    html.push_str("=\"");
                    entities::escape_attribute(value, &mut html);
                    html.push('"');
                }
                html.push('>');
                if !is_void(name) {
                    open.push((item.end, name));
                }
            }
            at += 1;
        }
        while let Some((_, name)) = open.pop() {
            close(name, &mut html);
        }
        html
    }
}

/// What becomes of a node when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// It is written as it stands.
    Plain,
    /// An element is written under another name.
    As(&'static str),
    /// Neither it nor what is in it is written.
    Not,
}

fn close(name: &str, html: &mut String) {
    html.push_str("</");
    html.push_str(name);
    html.push('>');
}

fn parse(source: &str, only_blocks: bool) -> (Html, usize) {
    let options = TreeBuilderOpts { scripting_enabled: false, drop_doctype: true, ..TreeBuilderOpts::default() };
    let builder = TreeBuilder::new(HtmlTreeSink::new(Html::new_document()), options);
    let guard = Guard { builder, only_blocks, count: Count::default(), open: RefCell::default() };
    let tokenizer = Tokenizer::new(guard, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(source));
    // The tokenizer stops at the end of each script, for somebody to run it.
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    let Guard { builder, count, .. } = tokenizer.sink;
    (builder.sink.finish(), count.formatting_work.get())
}

/// What the guard has seen.
#[derive(Default)]
struct Count {
    depth: Cell<usize>,
    elements: Cell<usize>,
    formatting: Cell<usize>,
    formatting_work: Cell<usize>,
    /// Inside a program or style sheet, whose text nobody reads.
    unread: Cell<bool>,
}

type Handle = <HtmlTreeSink as TreeSink>::Handle;

struct Guard {
    builder: TreeBuilder<Handle, HtmlTreeSink>,
    only_blocks: bool,
    count: Count,
    /// For each open element, was its tag taken out?
    open: RefCell<Vec<bool>>,
}

impl TokenSink for Guard {
    type Handle = Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Handle> {
        let keep = match &token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.keeps_start(tag),
            Token::TagToken(tag) => self.keeps_end(tag),
            Token::CommentToken(_) | Token::ParseError(_) => false,
            Token::CharacterTokens(_) => !self.count.unread.get(),
            _ => true,
        };
        if keep { self.builder.process_token(token, line) } else { TokenSinkResult::Continue }
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

impl Guard {
    fn keeps_start(&self, tag: &Tag) -> bool {
        let name: &str = &tag.name;
        let count = &self.count;
        // A parser reads all that follows `plaintext` as one text, and no frame holds an article.
        if matches!(name, "plaintext" | "xmp" | "noembed" | "noframes" | "frameset") || tag.attrs.len() > MAX_ATTRIBUTES {
            return false;
        }
        if self.only_blocks && is_formatting(name) {
            return false;
        }
        if matches!(name, "script" | "style") {
            let data = tag.attrs.iter().any(|attribute| &*attribute.name.local == "type" && attribute.value.contains("json"));
            count.unread.set(name == "style" || !data);
        }
        count.elements.set(count.elements.get() + 1);
        if count.elements.get() > MAX_ELEMENTS {
            return false;
        }
        if is_formatting(name) {
            count.formatting.set(count.formatting.get() + 1);
        }
        // A handful of open elements is what honest authors forget to close.
        let work = count.formatting_work.get().saturating_add(count.formatting.get().saturating_sub(8));
        count.formatting_work.set(work);
        if work > MAX_FORMATTING_WORK && !self.only_blocks {
            // The page will be read again.
            return false;
        }
        // HTML knows no `<div/>`: it stays open. SVG does.
        let ends_here = tag.self_closing && self.builder.adjusted_current_node_present_but_not_in_html_namespace();
        if !is_void(name) && !closes_itself(name) && !ends_here {
            let dropped = count.depth.get() >= MAX_DEPTH;
            self.open.borrow_mut().push(dropped);
            if dropped {
                return false;
            }
            count.depth.set(count.depth.get() + 1);
        }
        true
    }

    fn keeps_end(&self, tag: &Tag) -> bool {
        let name: &str = &tag.name;
        let count = &self.count;
        if matches!(name, "script" | "style") {
            count.unread.set(false);
        }
        if self.only_blocks && is_formatting(name) {
            return false;
        }
        if closes_itself(name) {
            // A parser makes an element of a stray `</p>`.
            count.elements.set(count.elements.get() + 1);
            return count.elements.get() <= MAX_ELEMENTS;
        }
        if is_void(name) {
            return true;
        }
        if is_formatting(name) {
            count.formatting.set(count.formatting.get().saturating_sub(1));
        }
        match self.open.borrow_mut().pop() {
            Some(true) => false,
            Some(false) => {
                count.depth.set(count.depth.get().saturating_sub(1));
                true
            }
            None => true,
        }
    }
}
