//! An inverted index: which articles of the window have a key.
//!
//! Each slot of the window has a place for every key that an article may have: those by which a text's near copies are looked
//! up, then its characteristic terms. A key leads to the slots that were entered under it, the last one first.

use super::{Sketch, Terms, sketch, terms};

/// Keys of one slot.
const KEYS: usize = sketch::KEYS + terms::TERMS;

/// No next node.
const END: u32 = 0x00ff_ffff;

/// A slot's place in the list of a key: the key, and in one number the next node (24 bits) and the term's weight (8).
#[derive(Debug, Clone, Copy)]
struct Node {
    key: u32,
    link: u32,
}

const NOWHERE: Node = Node { key: 0, link: END << 8 };

/// The keys of all slots.
#[derive(Debug, Default)]
pub struct Index {
    /// `KEYS` for each slot.
    nodes: Vec<Node>,
    heads: Vec<u32>,
}

impl Index {
    /// Makes room for one more slot. Where that takes a larger table, all slots must be entered again.
    #[must_use]
    pub fn add_slot(&mut self) -> bool {
        self.nodes.resize(self.nodes.len() + KEYS, NOWHERE);
        let has_grown = self.nodes.len() > self.heads.len() * 2;
        if has_grown {
            self.heads = vec![END; (self.heads.len() * 2).max(1 << 14)];
        }
        has_grown
    }

    /// So many slots are left, and none is entered any more.
    pub fn clear(&mut self, slots: usize) {
        self.nodes.truncate(slots * KEYS);
        self.nodes.fill(NOWHERE);
        self.heads.fill(END);
    }

    /// The slot's text is found by these keys.
    pub fn enter_sketch(&mut self, slot: u32, sketch: &Sketch) {
        self.enter(slot as usize * KEYS, sketch.keys().map(|key| (sketch_key(key), 0)));
    }

    /// The slot's article is found by these terms.
    pub fn enter_terms(&mut self, slot: u32, terms: &Terms) {
        let keys = terms.iter().map(|(term, weight)| (term_key(term), weight));
        self.enter(slot as usize * KEYS + sketch::KEYS, keys.take(terms::TERMS));
    }

    fn enter(&mut self, first: usize, keys: impl Iterator<Item = (u32, u8)>) {
        for (node_at, (key, weight)) in (first..).zip(keys) {
            let head = key as usize & (self.heads.len() - 1);
            if let (Some(head), Some(node)) = (self.heads.get_mut(head), self.nodes.get_mut(node_at)) {
                *node = Node { key, link: (*head << 8) | u32::from(weight) };
                *head = node_at as u32;
            }
        }
    }

    /// Walks the slots that share a key with this text, of each key the last `most`.
    pub fn walk_sketch(&self, sketch: &Sketch, most: u32, mut found: impl FnMut(u32)) {
        self.walk(sketch.keys().map(sketch_key), most, |_, slot, _| found(slot));
    }

    /// Walks the slots that share a term with these, of each term the last `most`: the number of the term, the slot, and the
    /// term's weight there.
    pub fn walk_terms(&self, terms: &Terms, most: u32, found: impl FnMut(usize, u32, u32)) {
        self.walk(terms.iter().map(|(term, _)| term_key(term)), most, found);
    }

    /// All lists are walked side by side: nearly every step waits for memory, and so they wait together.
    fn walk(&self, keys: impl Iterator<Item = u32>, most: u32, mut found: impl FnMut(usize, u32, u32)) {
        let mut lists: [(u32, u32, u32, usize); KEYS] = [(0, END, 0, 0); KEYS];
        let mut count = 0;
        for (list, (number, key)) in lists.iter_mut().zip(keys.enumerate()) {
            let head = self.heads.get(key as usize & self.heads.len().wrapping_sub(1)).copied().unwrap_or(END);
            *list = (key, head, most, number);
            count += 1;
        }
        while count > 0 {
            let mut at = 0;
            while let Some((key, next, left, number)) = lists.get_mut(..count).and_then(|lists| lists.get_mut(at)) {
                match self.nodes.get(*next as usize) {
                    Some(node) if *left > 0 => {
                        if node.key == *key {
                            *left -= 1;
                            found(*number, *next / KEYS as u32, node.link & 0xff);
                        }
                        *next = node.link >> 8;
                        at += 1;
                    }
                    _ => {
                        count -= 1;
                        lists.swap(at, count);
                    }
                }
            }
        }
    }
}

/// Keys of sketches and of terms stand in one index and must not meet.
fn sketch_key(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1) | 1 << 31
}

fn term_key(term: u32) -> u32 {
    term & !(1 << 31)
}
