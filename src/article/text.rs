//! Plain text from sanitised HTML: paragraphs in reading order, made by one linear scan.
//!
//! The sanitiser's output is canonical (balanced, quoted, five entities), so no second document tree is needed.
//! Each block keeps what the rules on boilerplate have to know: what kind it is and how much of it is links.

use std::ops::Range;

use super::entities;
use super::html::elements::is_inline;
use super::tags::{Piece, pieces};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A paragraph.
    Paragraph,
    /// `h1` to `h6`, by level.
    Heading(u8),
    /// A list item, or a term or description of a definition list.
    Item,
    /// Preformatted lines.
    Code,
    /// A row of a table.
    Row,
    /// The caption of a figure or table.
    Caption,
}

/// A block of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    range: Range<usize>,
    /// What it is.
    pub kind: BlockKind,
    /// Inside how many quotes.
    pub quoted: u8,
    /// Bytes of it that are links.
    pub linked: usize,
    /// Is it written below the one before without an empty line between (list items, rows of a table)?
    joined: bool,
}

/// The blocks of a body in reading order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraphs {
    characters: String,
    blocks: Vec<Block>,
}

impl Paragraphs {
    /// The blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// A block's text: no white space around it, line breaks only where the source has them.
    pub fn text_of(&self, block: &Block) -> &str {
        self.characters.get(block.range.clone()).unwrap_or_default()
    }

    /// Blocks with their texts.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Block, &str)> {
        self.blocks.iter().map(|block| (block, self.text_of(block)))
    }

    /// Do both say the same, whatever their blocks?
    pub fn same_words(&self, other: &Self) -> bool {
        fn letters(paragraphs: &Paragraphs) -> impl Iterator<Item = char> {
            paragraphs.characters.chars().filter(|c| c.is_alphanumeric())
        }
        letters(self).eq(letters(other))
    }

    /// Keeps the blocks of which `keep`, asked with the block's place, says so.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        let mut place = 0;
        self.blocks.retain(|_| {
            place += 1;
            keep(place - 1)
        });
    }

    /// All of it: an empty line between paragraphs, none between the items of a list and the rows of a table.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.characters.len() + 2 * self.blocks.len());
        for block in &self.blocks {
            let quote = |text: &mut String| (0..block.quoted).for_each(|_| text.push_str("> "));
            if !text.is_empty() {
                text.push_str(if block.joined { "\n" } else { "\n\n" });
            }
            for (n, line) in self.text_of(block).split('\n').enumerate() {
                if n > 0 {
                    text.push('\n');
                }
                quote(&mut text);
                text.push_str(line);
            }
        }
        text
    }
}

/// Reads sanitised HTML (see [`super::html::sanitise`]).
pub fn paragraphs(html: &str) -> Paragraphs {
    let mut scan = Scan { out: Paragraphs { characters: String::with_capacity(html.len()), blocks: Vec::new() }, ..Scan::default() };
    for (piece, _) in pieces(html) {
        match piece {
            Piece::Text(text) | Piece::Raw(text) => scan.text(text),
            Piece::Open(tag) => scan.open(tag.name, &tag),
            Piece::Close(name) => scan.close(name),
            Piece::Other | Piece::Unfinished(_) => {}
        }
    }
    scan.end_block();
    scan.out
}

/// One line of text from sanitised HTML: tags that break a line become a space.
pub fn one_line(html: &str) -> String {
    let mut line = String::with_capacity(html.len());
    for (piece, _) in pieces(html) {
        match piece {
            Piece::Text(text) | Piece::Raw(text) => line.push_str(&entities::decode_canonical(text)),
            Piece::Open(tag) if !is_inline(tag.name) => line.push(' '),
            Piece::Close(name) if !is_inline(name) => line.push(' '),
            _ => {}
        }
    }
    line
}

/// A character that shows nothing and separates nothing: it would only hide one word from a search for another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{202d}' | '\u{202e}') || (c.is_control() && !c.is_whitespace())
}

#[derive(Debug, Clone, Copy)]
enum List {
    Bullets,
    Numbers(i64),
}

#[derive(Default)]
struct Scan {
    out: Paragraphs,
    /// Where the block under way begins.
    start: usize,
    kind: Option<BlockKind>,
    /// A space or line break that will be written if more text follows.
    space: bool,
    line_break: bool,
    /// Line breaks seen since the last text: two make a paragraph.
    breaks: u8,
    linked: usize,
    link_start: Option<usize>,
    quotes: u8,
    pre: usize,
    lists: Vec<List>,
    /// What to write before the text of an item.
    marker: Option<String>,
    items: usize,
    captions: usize,
    cells: usize,
    rows: usize,
    /// The last block was of the same list or table.
    group: Option<BlockKind>,
}

impl Scan {
    fn text(&mut self, raw: &str) {
        if self.pre > 0 {
            self.preformatted(raw);
            return;
        }
        if raw.contains('&') { self.folded(&entities::decode_canonical(raw)) } else { self.folded(raw) }
    }

    /// Folds white space and drops what is invisible. What needs neither, words with one space between, is copied
    /// in long spans.
    fn folded(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let is_graphic = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_graphic);
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if byte.is_ascii_graphic() || (byte == b' ' && at > start && is_graphic(at - 1) && is_graphic(at + 1)) {
                at += 1;
                continue;
            }
            // Of all characters beyond ASCII, those that begin with these bytes alone can be spaces or invisible.
            if byte >= 0x80 && !matches!(byte, 0xc2 | 0xe1..=0xe3 | 0xef) {
                at += 1;
                continue;
            }
            let Some(c) = text[at..].chars().next() else { break };
            if c.is_whitespace() || is_invisible(c) {
                if at > start {
                    self.word(&text[start..at]);
                }
                self.space |= c.is_whitespace();
                start = at + c.len_utf8();
            }
            at += c.len_utf8();
        }
        if start < text.len() {
            self.word(&text[start..]);
        }
    }

    fn word(&mut self, word: &str) {
        self.begin();
        self.out.characters.push_str(word);
    }

    /// Writes what is owed before text: a line break or space inside a block, a marker at its beginning.
    fn begin(&mut self) {
        if self.out.characters.len() > self.start {
            if self.line_break {
                self.out.characters.push('\n');
            } else if self.space && !self.out.characters.ends_with(' ') {
                self.out.characters.push(' ');
            }
        } else if let Some(marker) = self.marker.take() {
            for _ in 1..self.lists.len().min(8) {
                self.out.characters.push_str("  ");
            }
            self.out.characters.push_str(&marker);
        }
        self.space = false;
        self.line_break = false;
        self.breaks = 0;
    }

    fn preformatted(&mut self, raw: &str) {
        let text = entities::decode_canonical(raw);
        if self.out.characters.len() > self.start || !text.trim().is_empty() {
            self.out.characters.extend(text.chars().filter(|&c| !is_invisible(c) && c != '\r'));
        }
        self.space = false;
    }

    fn kind(&self) -> BlockKind {
        self.kind.unwrap_or(if self.pre > 0 {
            BlockKind::Code
        } else if self.captions > 0 {
            BlockKind::Caption
        } else if self.rows > 0 {
            BlockKind::Row
        } else if self.items > 0 {
            BlockKind::Item
        } else {
            BlockKind::Paragraph
        })
    }

    fn end_block(&mut self) {
        if self.pre == 0 || self.kind == Some(BlockKind::Code) {
            self.space = false;
            self.line_break = false;
            self.breaks = 0;
        }
        if let Some(start) = self.link_start {
            self.linked += self.out.characters.len().saturating_sub(start);
            self.link_start = Some(self.out.characters.len());
        }
        let end = self.out.characters.trim_end().len();
        if end > self.start {
            let kind = self.kind();
            let grouped = matches!(kind, BlockKind::Item | BlockKind::Row);
            // Blank lines before code go, its indentation stays.
            let mut start = self.start;
            if kind == BlockKind::Code {
                while let Some(length) =
                    self.out.characters[start..end].find('\n').filter(|&n| self.out.characters[start..start + n].trim().is_empty())
                {
                    start += length + 1;
                }
            }
            self.out.blocks.push(Block {
                range: start..end,
                kind,
                quoted: self.quotes.min(8),
                linked: self.linked,
                joined: grouped && self.group == Some(kind),
            });
            self.group = grouped.then_some(kind);
        }
        self.out.characters.truncate(end.max(self.start));
        self.start = self.out.characters.len();
        if self.link_start.is_some() {
            self.link_start = Some(self.start);
        }
        self.linked = 0;
        self.kind = None;
    }

    fn open(&mut self, name: &str, tag: &super::tags::OpenTag<'_>) {
        match name {
            "br" if self.pre > 0 => self.out.characters.push('\n'),
            "br" => {
                self.breaks += 1;
                self.line_break = true;
                // In a cell or caption a break only separates.
                if self.breaks >= 2 && self.rows == 0 {
                    self.end_block();
                }
            }
            "a" => self.link_start = Some(self.out.characters.len()),
            "q" => self.word("“"),
            "pre" => {
                self.end_block();
                self.pre += 1;
            }
            "blockquote" => {
                self.end_block();
                self.group = None;
                self.quotes = self.quotes.saturating_add(1);
            }
            "ul" | "ol" => {
                self.end_block();
                if self.lists.is_empty() {
                    self.group = None;
                }
                let start =
                    tag.attributes().find(|(name, _)| *name == "start").and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(1);
                self.lists.push(if name == "ol" { List::Numbers(start) } else { List::Bullets });
            }
            "li" => {
                self.end_block();
                self.items += 1;
                self.marker = Some(match self.lists.last_mut() {
                    Some(List::Numbers(next)) => {
                        let marker = format!("{next}. ");
                        *next = next.saturating_add(1);
                        marker
                    }
                    _ => "- ".to_owned(),
                });
            }
            "dl" => {
                self.end_block();
                self.group = None;
            }
            "dt" | "dd" => {
                self.end_block();
                self.kind = Some(BlockKind::Item);
                if name == "dd" {
                    self.marker = Some("  ".to_owned());
                }
            }
            "table" => {
                self.end_block();
                self.group = None;
            }
            "tr" => {
                self.end_block();
                self.rows += 1;
                self.cells = 0;
            }
            "td" | "th" => {
                if self.out.characters.len() > self.start {
                    self.line_break = false;
                    self.space = false;
                    self.out.characters.push_str(" | ");
                }
                self.cells += 1;
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" if self.rows == 0 => {
                self.end_block();
                self.kind = Some(BlockKind::Heading(name.as_bytes()[1] - b'0'));
            }
            "figcaption" | "caption" => {
                self.end_block();
                self.captions += 1;
            }
            "rt" | "rp" | "wbr" => {}
            _ if is_inline(name) => {}
            // Paragraphs in a cell are parts of its row.
            _ if self.rows > 0 => self.space = true,
            _ => self.end_block(),
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "a" => {
                if let Some(start) = self.link_start.take() {
                    self.linked += self.out.characters.len().saturating_sub(start);
                }
            }
            "q" => {
                self.space = false;
                self.out.characters.push('”');
            }
            "pre" => {
                self.kind = Some(BlockKind::Code);
                self.end_block();
                self.pre = self.pre.saturating_sub(1);
            }
            "blockquote" => {
                self.end_block();
                self.group = None;
                self.quotes = self.quotes.saturating_sub(1);
            }
            "ul" | "ol" => {
                self.end_block();
                self.lists.pop();
                if self.lists.is_empty() {
                    self.group = None;
                }
            }
            "li" => {
                self.end_block();
                self.marker = None;
                self.items = self.items.saturating_sub(1);
            }
            "figcaption" | "caption" => {
                self.end_block();
                self.captions = self.captions.saturating_sub(1);
            }
            "dl" | "table" => {
                self.end_block();
                self.group = None;
            }
            "dt" | "dd" => {
                if self.kind.is_none() && self.out.characters.len() > self.start {
                    self.kind = Some(BlockKind::Item);
                }
                self.end_block();
                self.marker = None;
            }
            "tr" => {
                self.end_block();
                self.rows = self.rows.saturating_sub(1);
            }
            "td" | "th" => {}
            _ if is_inline(name) => {}
            _ if self.rows > 0 => self.space = true,
            _ => self.end_block(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        paragraphs(html).to_text()
    }

    #[test]
    fn blocks_become_paragraphs_in_reading_order() {
        for (html, want) in [
            ("<p>One  <b>two</b>\nthree.</p><p>Four.</p>", "One two three.\n\nFour."),
            ("Plain <i>text</i>", "Plain text"),
            ("a<br>b<br><br>c", "a\nb\n\nc"),
            ("<h2>Head</h2>Text<div>More</div>", "Head\n\nText\n\nMore"),
            ("<ul><li>One</li><li><p>Two</p></li></ul><p>After</p>", "- One\n- Two\n\nAfter"),
            ("<ol start=\"3\"><li>One</li><li>Two<ul><li>In</li></ul></li></ol>", "3. One\n4. Two\n  - In"),
            ("<blockquote><p>Said one.</p><p>Said two.</p></blockquote><p>End</p>", "> Said one.\n\n> Said two.\n\nEnd"),
            ("<pre>\n  fn main() {\n\n  }\n</pre>", "  fn main() {\n\n  }"),
            ("<p>x</p><pre><code>a\nb</code></pre><p>y</p>", "x\n\na\nb\n\ny"),
            (
                "<table><caption>Cap</caption><tbody><tr><th>A</th><th>B</th></tr><tr><td>1</td><td><p>2</p></td></tr></tbody></table>",
                "Cap\n\nA | B\n1 | 2",
            ),
            ("<figure><img src=\"a\" alt=\"x\"><figcaption>Seen.</figcaption></figure>", "Seen."),
            ("<dl><dt>Term</dt><dd>Meaning</dd></dl>", "Term\n  Meaning"),
            ("<p>a &lt; b &amp;&amp; c&nbsp;d</p>", "a < b && c d"),
            ("so\u{ad}ft<wbr>er \u{202e}x", "softer x"),
            ("<p>He said <q>yes</q>.</p>", "He said “yes”."),
            ("<p> </p><div><div></div></div>", ""),
        ] {
            assert_eq!(text(html), want, "{html}");
        }
    }

    #[test]
    fn a_block_knows_how_much_of_it_is_links() {
        let found = paragraphs("<p><a href=\"x\">abc</a> def</p><p>none</p>");
        assert_eq!(found.blocks().iter().map(|block| block.linked).collect::<Vec<_>>(), [3, 0]);
    }
}
