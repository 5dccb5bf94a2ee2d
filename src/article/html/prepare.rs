//! The scan before the sanitiser: what misleads an HTML parser, or costs it too much, is taken out.
//!
//! An HTML parser's work is not linear: it walks up the open elements at each block, opens formatting elements
//! again in each paragraph, and moves what strays between the cells of a table. The limits here stand far above
//! what any article needs and keep a hostile one from costing more than its length.

use std::borrow::Cow;

use super::elements::{closes_itself, is_formatting, is_known, is_table_part, is_void, swallows};
use crate::article::tags::{Piece, pieces};

/// An HTML parser's time grows with the square of the depth; no article is nested deeper.
const MAX_DEPTH: usize = 200;
/// … and with the square of a tag's attributes.
const MAX_ATTRIBUTES: usize = 200;
/// How often open formatting elements may be opened again by the parser, or strays moved out of a table, before
/// such elements are taken out: a hundred times what the worst honest page was seen to need.
const MAX_PARSER_WORK: usize = 500_000;

/// The source without what misleads an HTML parser or costs it too much.
pub fn prepare(source: &str) -> Cow<'_, str> {
    let (prepared, work) = take_out(source, false);
    if work.formatting.max(work.strays) <= MAX_PARSER_WORK { prepared } else { Cow::Owned(take_out(source, true).0.into_owned()) }
}

/// What a parser will have to do beyond one step a tag.
#[derive(Default)]
struct ParserWork {
    formatting: usize,
    strays: usize,
}

fn take_out(source: &str, only_blocks: bool) -> (Cow<'_, str>, ParserWork) {
    let mut kept: Option<String> = None;
    let mut copied = 0;
    let mut depth = 0_usize;
    let mut formatting = 0_usize;
    let mut table = TableState::Outside;
    let mut strays = 0_usize;
    let mut work = ParserWork::default();
    for (piece, range) in pieces(source) {
        let keep = match piece {
            Piece::Text(_) | Piece::Raw(_) | Piece::Other => true,
            Piece::Open(tag) => {
                let lower = lower(tag.name);
                let name = lower.as_ref();
                let known = is_known(name);
                let costly = only_blocks && (is_formatting(name) || is_table_part(name));
                let mut keep = known && !costly && tag.attribute_count <= MAX_ATTRIBUTES && !(tag.self_closing && swallows(name));
                if keep && !is_void(name) && !closes_itself(name) {
                    depth += 1;
                    keep = depth <= MAX_DEPTH;
                }
                if keep {
                    if is_formatting(name) {
                        formatting += 1;
                    }
                    table = table.after_open(name);
                    if table == TableState::Between && !is_table_part(name) {
                        // A stray between cells is moved before the table, past all strays before it.
                        strays += 1;
                        work.strays = work.strays.saturating_add(strays / 16);
                    }
                    work.formatting = work.formatting.saturating_add(formatting.saturating_sub(8));
                }
                keep
            }
            Piece::Close(name) => {
                let lower = lower(name);
                let name = lower.as_ref();
                let known = is_known(name);
                let mut keep = known && !(only_blocks && (is_formatting(name) || is_table_part(name)));
                if keep && !is_void(name) && !closes_itself(name) {
                    keep = depth <= MAX_DEPTH;
                    depth = depth.saturating_sub(1);
                }
                if keep {
                    if is_formatting(name) {
                        formatting = formatting.saturating_sub(1);
                    }
                    table = table.after_close(name);
                }
                keep
            }
        };
        if !keep {
            kept.get_or_insert_with(|| String::with_capacity(source.len())).push_str(&source[copied..range.start]);
            copied = range.end;
        }
    }
    match kept {
        None => (Cow::Borrowed(source), work),
        Some(mut kept) => {
            kept.push_str(&source[copied..]);
            (Cow::Owned(kept), work)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TableState {
    Outside,
    Between,
    Inside,
}

impl TableState {
    fn after_open(self, name: &str) -> Self {
        match name {
            "table" | "tr" | "tbody" | "thead" | "tfoot" | "colgroup" => Self::Between,
            "td" | "th" | "caption" => Self::Inside,
            _ => self,
        }
    }

    fn after_close(self, name: &str) -> Self {
        match name {
            "table" => Self::Outside,
            "td" | "th" | "caption" => Self::Between,
            _ => self,
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}
