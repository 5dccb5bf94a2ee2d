//! The scan after the sanitiser: links absolute, images found and pixels dropped, and a verdict on whether an HTML
//! parser would read the result as it was written.

use url::Url;

use super::elements::{is_block, is_void};
use super::images::Pictures;
use super::write::write_tag;
use crate::article::tags::{Piece, pieces};

/// What a round of sanitising gave.
pub struct Finished {
    /// Canonical HTML.
    pub markup: String,
    /// Would an HTML parser build the same tree from it?
    pub stable: bool,
}

/// The scan over the sanitiser's output.
pub fn finish(clean: &str, base: Option<&Url>) -> Finished {
    let mut out = String::with_capacity(clean.len() + clean.len() / 8);
    let mut open: Vec<&str> = Vec::new();
    let mut stable = true;
    let mut pictures = Pictures::default();
    let mut pre_begins = None;
    for (piece, range) in pieces(clean) {
        match piece {
            Piece::Text(raw) | Piece::Raw(raw) => {
                let blank = raw.bytes().all(|b| b.is_ascii_whitespace());
                if !blank {
                    pictures.interrupted();
                    stable &= !open.last().is_some_and(|parent| holds_no_text(parent));
                }
                // The serialiser forgets that a parser drops the first line break of `pre`.
                if pre_begins == Some(out.len()) && raw.starts_with(['\n', '\r']) {
                    out.push('\n');
                }
                if raw.contains('\r') { out.push_str(&raw.replace("\r\n", "\n").replace('\r', "\n")) } else { out.push_str(raw) }
            }
            Piece::Open(tag) => {
                stable &= fits(tag.name, &open);
                if !is_void(tag.name) {
                    open.push(tag.name);
                }
                match tag.name {
                    "img" => pictures.image(&tag, base, &mut out),
                    "source" => pictures.source(&tag, &open, base, &mut out),
                    _ if tag.attributes.is_empty() => out.push_str(&clean[range]),
                    _ => {
                        write_tag(&tag, base, &mut out);
                    }
                }
                if tag.name == "pre" {
                    pre_begins = Some(out.len());
                }
            }
            Piece::Close(name) => {
                // The sanitiser's output is balanced.
                open.pop();
                if !matches!(name, "a" | "span") {
                    pictures.interrupted();
                }
                out.push_str(&clean[range]);
            }
            Piece::Other | Piece::Unfinished(_) => {}
        }
    }
    Finished { markup: out, stable }
}

/// Would an HTML parser leave this element where it is? The cases of the HTML standard (§13.2.6.4.7 and tables) that
/// can arise once elements were taken out from between others.
fn fits(name: &str, open: &[&str]) -> bool {
    let parent = open.last().copied().unwrap_or_default();
    let within = |wanted: &[&str], boundary: &[&str]| {
        open.iter().rev().take_while(|ancestor| !boundary.contains(ancestor)).any(|ancestor| wanted.contains(ancestor))
    };
    const CELLS: &[&str] = &["td", "th", "caption", "table"];
    match name {
        "td" | "th" => parent == "tr",
        "tr" => matches!(parent, "tbody" | "thead" | "tfoot"),
        "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => parent == "table",
        "col" => parent == "colgroup",
        _ if holds_no_text(parent) => false,
        "a" => !open.contains(&"a"),
        "li" => !within(&["li", "p"], &["ul", "ol", "td", "th", "caption", "table"]),
        "dd" | "dt" => !within(&["dd", "dt", "p"], &["dl", "ul", "ol", "td", "th", "caption", "table"]),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => !matches!(parent, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") && !within(&["p"], CELLS),
        // Within `ruby` they close what stands open directly above them.
        "rt" | "rp" => !matches!(parent, "dd" | "dt" | "li" | "p" | "rp" | "rt") || !open.contains(&"ruby"),
        _ if is_block(name) => !within(&["p"], CELLS),
        _ => true,
    }
}

fn holds_no_text(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup")
}
