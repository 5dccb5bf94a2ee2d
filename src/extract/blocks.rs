//! A page's text in blocks: what stands together without a block's border or an empty line in between.
//!
//! A block is a paragraph, an item, a heading, but also the loose text between two elements of a container, or between two `<br><br>`.

use super::dom::Nodes;
use crate::article::html::elements::is_inline;

/// A block of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Block {
    /// The block element around it.
    pub owner: usize,
    /// Place of its first text.
    pub start: usize,
    /// One beyond the place of its last text.
    pub end: usize,
    /// Bytes but for white space.
    pub letters: usize,
    /// … in links.
    pub linked: usize,
    /// Does it end as a sentence does?
    pub ends: bool,
}

impl Block {
    /// Letters of prose in it, where its owner is of this name: of sentences, not of links and labels.
    pub fn prose(&self, name: &str) -> usize {
        if matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "figcaption") || self.linked * 2 > self.letters {
            return 0;
        }
        let unlinked = self.letters - self.linked;
        let least = if name == "p" { 12 } else { 25 };
        if unlinked >= 80 || (unlinked >= least && self.ends) { unlinked } else { 0 }
    }
}

/// All blocks in reading order, without what is in nodes that are gone.
pub fn blocks(nodes: &Nodes<'_>, gone: &[bool]) -> Vec<Block> {
    let mut owner = vec![0usize; nodes.count()];
    let mut linked = vec![false; nodes.count()];
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut breaks = 0;
    let mut at = 0;
    while at < nodes.count() {
        let item = nodes.at(at);
        if gone[at] {
            at = item.end;
            continue;
        }
        owner[at] = owner[item.parent];
        linked[at] = linked[item.parent];
        if let Some(text) = item.text() {
            let letters = text.bytes().filter(|b| !b.is_ascii_whitespace()).count();
            if letters > 0 {
                if let Some(block) = open.take_if(|block| block.owner != owner[at] || breaks >= 2) {
                    blocks.push(block);
                }
                breaks = 0;
                let block = open.get_or_insert(Block { owner: owner[at], start: at, ..Block::default() });
                block.end = at + 1;
                block.letters += letters;
                block.ends = ends_sentence(text);
                if linked[at] {
                    block.linked += letters;
                }
            }
        } else {
            let name = item.name();
            if name == "br" {
                breaks += 1;
            } else if !name.is_empty() && !is_inline(name) && !matches!(name, "font" | "nobr") {
                owner[at] = at;
                blocks.extend(open.take());
            } else if name == "a" && item.attribute("href").is_some() {
                linked[at] = true;
            }
        }
        at += 1;
    }
    blocks.extend(open);
    blocks
}

/// Does a text end as a sentence does?
fn ends_sentence(text: &str) -> bool {
    text.trim_end().trim_end_matches(['"', '”', '’', '\'', ')', '»', ']']).ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।', ':'])
}
