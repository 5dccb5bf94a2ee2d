//! The scan before the sanitiser: what misleads an HTML parser, or costs it too much, is taken out.
//!
//! An HTML parser's work is not linear: it walks up the open elements at each block, opens formatting elements
//! again in each paragraph, moves what strays between the cells of a table, and copies a text anew at its character
//! references. The limits here stand far above what any article needs and keep a hostile one from costing more
//! than its length.

use std::borrow::Cow;
use std::ops::Range;

use super::elements::{closes_itself, is_formatting, is_inline, is_known, is_table_part, is_void, swallows};
use crate::article::tags::{OpenTag, Piece, pieces};

/// Open elements; an article has a dozen.
const MAX_DEPTH: usize = 200;
/// Elements; a parser needs some 400 bytes for each.
const MAX_ELEMENTS: usize = 200_000;
/// Attributes of a tag.
const MAX_ATTRIBUTES: usize = 200;
/// Character references in a tag, or in a text before it is divided.
const MAX_REFERENCES: usize = 4_096;
/// How often open formatting elements are opened again, or strays moved out of a table, before such elements are
/// taken out. A thousand paragraphs with twenty elements that nobody closed make 12,000.
const MAX_PARSER_WORK: usize = 500_000;

/// The source without what misleads an HTML parser or costs it too much.
pub fn prepare(source: &str) -> Cow<'_, str> {
    let prepared = Preparation::new(source, false).run();
    if prepared.formatting_work.max(prepared.stray_work) <= MAX_PARSER_WORK {
        return prepared.finished();
    }
    Preparation::new(source, true).run().finished()
}

/// The state of the scan, and what a parser will have to do beyond one step a tag.
struct Preparation<'a> {
    source: &'a str,
    /// Are formatting elements and tables to go?
    only_blocks: bool,
    /// What is kept so far, once something was not.
    kept: Option<String>,
    /// Bytes of the source that `kept` has seen.
    copied: usize,
    elements: usize,
    depth: usize,
    /// Character references since the last tag.
    references: usize,
    formatting: usize,
    table: TableState,
    strays: usize,
    formatting_work: usize,
    stray_work: usize,
}

impl<'a> Preparation<'a> {
    fn new(source: &'a str, only_blocks: bool) -> Self {
        Self {
            source,
            only_blocks,
            kept: None,
            copied: 0,
            elements: 0,
            depth: 0,
            references: 0,
            formatting: 0,
            table: TableState::Outside,
            strays: 0,
            formatting_work: 0,
            stray_work: 0,
        }
    }

    fn run(mut self) -> Self {
        for (piece, range) in pieces(self.source) {
            match piece {
                Piece::Text(text) => self.text(text, range.start),
                // "A<B" at the end of a text: a parser would drop what an author wrote. A link that was cut off is none.
                Piece::Unfinished(rest) if !rest.contains('=') => self.replace(range.start..range.start + 1, "&lt;"),
                Piece::Raw(_) | Piece::Other | Piece::Unfinished(_) => {}
                Piece::Open(tag) => {
                    if !self.keeps_open(&tag) {
                        self.drop_tag(tag.name, range);
                    }
                }
                Piece::Close(name) => {
                    if !self.keeps_close(name) {
                        self.drop_tag(name, range);
                    }
                }
            }
        }
        self
    }

    fn finished(self) -> Cow<'a, str> {
        match self.kept {
            None => Cow::Borrowed(self.source),
            Some(mut kept) => {
                kept.push_str(&self.source[self.copied..]);
                Cow::Owned(kept)
            }
        }
    }

    fn replace(&mut self, range: Range<usize>, by: &str) {
        let kept = self.kept.get_or_insert_with(|| String::with_capacity(self.source.len() + by.len()));
        kept.push_str(&self.source[self.copied..range.start]);
        kept.push_str(by);
        self.copied = range.end;
    }

    fn drop_tag(&mut self, name: &str, range: Range<usize>) {
        // Beyond the limit paragraphs go as well: their words must not run together.
        let by = if self.elements > MAX_ELEMENTS && !is_inline(&lower(name)) { "\n" } else { "" };
        self.replace(range, by);
    }

    /// Divides a text of very many references by comments, which leave no trace.
    fn text(&mut self, text: &str, start: usize) {
        if self.references + text.len() < MAX_REFERENCES {
            // Each reference is longer than a byte: that many cannot be there.
            self.references += text.len() / 2;
            return;
        }
        for (at, _) in text.match_indices('&') {
            self.references += 1;
            if self.references > MAX_REFERENCES {
                self.replace(start + at..start + at, "<!---->");
                self.references = 0;
            }
        }
    }

    fn keeps_open(&mut self, tag: &OpenTag<'_>) -> bool {
        let name = lower(tag.name);
        let name = name.as_ref();
        if is_program(name) {
            return !tag.self_closing;
        }
        let costly = tag.attribute_count > MAX_ATTRIBUTES
            || (tag.attributes.len() > MAX_REFERENCES && tag.attributes.bytes().filter(|b| *b == b'&').count() > MAX_REFERENCES);
        if !is_known(name) || costly || self.is_unwanted(name) || (tag.self_closing && swallows(name)) || !self.counts() {
            return false;
        }
        if !is_void(name) && !closes_itself(name) {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return false;
            }
        }
        self.references = 0;
        self.formatting += usize::from(is_formatting(name));
        // A handful of open elements is what honest authors forget to close.
        self.formatting_work = self.formatting_work.saturating_add(self.formatting.saturating_sub(8));
        self.table = self.table.after_open(name);
        if self.table == TableState::Between && !is_table_part(name) {
            // A stray between cells is moved before the table, past all strays before it.
            self.strays += 1;
            self.stray_work = self.stray_work.saturating_add(self.strays / 16);
        }
        true
    }

    fn keeps_close(&mut self, name: &str) -> bool {
        let name = lower(name);
        let name = name.as_ref();
        if is_program(name) {
            return true;
        }
        // A parser makes an element of a stray `</p>`.
        if !is_known(name) || self.is_unwanted(name) || (closes_itself(name) && !self.counts()) {
            return false;
        }
        if !is_void(name) && !closes_itself(name) {
            let within = self.depth <= MAX_DEPTH;
            self.depth = self.depth.saturating_sub(1);
            if !within {
                return false;
            }
        }
        self.references = 0;
        self.formatting -= usize::from(is_formatting(name) && self.formatting > 0);
        self.table = self.table.after_close(name);
        true
    }

    fn counts(&mut self) -> bool {
        self.elements += 1;
        self.elements <= MAX_ELEMENTS
    }

    fn is_unwanted(&self, name: &str) -> bool {
        self.only_blocks && (is_formatting(name) || is_table_part(name))
    }
}

/// Elements whose tags stay in any case: without them their content would be taken for text.
fn is_program(name: &str) -> bool {
    matches!(name, "script" | "style")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_markup_is_not_even_copied() {
        let source = "<p>One <a href='/x'>two</a> <b>three</b><br/>four &amp; five<ul><li>six<li>seven</ul><script>if (a<b) c()</script>";
        assert!(matches!(prepare(source), Cow::Borrowed(_)));
    }

    #[test]
    fn what_misleads_a_parser_is_taken_out() {
        for (source, want) in [
            ("<noscript><p>a</p></NOSCRIPT>", "<p>a</p>"),
            ("<iframe src=x />b", "b"),
            ("<foo-bar>a</foo-bar>", "a"),
            ("<title>a</title><textarea>b</textarea>", "ab"),
            ("<script src=x />a", "a"),
            ("a<b", "a&lt;b"),
            ("a<b c", "a&lt;b c"),
            ("a<b c=\"d", "a<b c=\"d"),
        ] {
            assert_eq!(prepare(source), want, "{source}");
        }
    }

    #[test]
    fn each_limit_holds() {
        let deep = prepare(&"<div>x</div>".replace('x', &format!("{}x{}", "<div>".repeat(9_999), "</div>".repeat(9_999)))).into_owned();
        assert_eq!((deep.matches("<div>").count(), deep.matches("</div>").count()), (MAX_DEPTH, MAX_DEPTH));

        let many = prepare(&"<p>x</p>".repeat(MAX_ELEMENTS)).into_owned();
        assert_eq!(many.matches("<p>").count() + many.matches("</p>").count(), MAX_ELEMENTS);
        assert!(many.ends_with("x\n\nx\n"));
        let programs = "<script>x</script>".repeat(MAX_ELEMENTS + 1);
        assert_eq!(prepare(&programs), programs);

        let attributes = format!("<p {}>x", "a ".repeat(MAX_ATTRIBUTES + 1));
        assert_eq!(prepare(&attributes), "x");

        let references = "&amp;".repeat(3 * MAX_REFERENCES);
        let divided = prepare(&references).into_owned();
        assert_eq!(divided.matches("<!---->").count(), 2);
        assert_eq!(divided.replace("<!---->", ""), references);
        assert_eq!(prepare(&format!("<p title=\"{references}\">x")), "x");

        let reopened = format!("<p>{}{}", "<b>".repeat(150), "</p><p>x".repeat(5_000));
        assert!(!prepare(&reopened).contains("<b>"));
        let strays = format!("<table>{}", "x<br>".repeat(9_000));
        assert!(!prepare(&strays).contains("<table>"));
    }
}
