//! Feeds out of a list in OPML: their outlines are cut out of the text, so that whatever else stands there stays.

use std::path::Path;

use super::EditError;
use crate::config::feed::feed_key;
use crate::config::files::Files;
use crate::config::list::read_opml;
use crate::config::{ConfigError, Feed};
use crate::opml;

/// An OPML list's bytes without the outlines of some feeds. Everything else stays to the byte; what was not UTF-8 is
/// afterwards.
pub(super) fn without_outlines(list: &Path, leaving: &[&Feed]) -> Result<Vec<u8>, EditError> {
    let not_editable = |reason: String| EditError::NotEditable { file: list.to_path_buf(), reason };
    let bytes = std::fs::read(list).map_err(|error| not_editable(error.to_string()))?;
    let (source, document) =
        read_opml(&Files::default(), list).map_err(|mistake| EditError::Config(ConfigError::Mistakes(vec![*mistake])))?;
    let keys: Vec<String> = leaving.iter().map(|feed| feed_key(&feed.url)).collect();
    let mut cuts = Vec::new();
    let mut open: Vec<&opml::Outline> = document.outlines.iter().rev().collect();
    while let Some(outline) = open.pop() {
        if crate::config::subscription::feed_of(outline).is_some_and(|url| keys.contains(&feed_key(&url))) {
            if !outline.children.is_empty() {
                let place = source.place(outline.span.start);
                return Err(not_editable(format!("the outline at {place} has others in it: take it out by hand")));
            }
            cuts.push(outline.span.clone());
        } else {
            open.extend(outline.children.iter().rev());
        }
    }
    let text = source.text();
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        let before = text.get(from..cut.start).unwrap_or_default();
        let after = text.get(cut.end..).unwrap_or_default();
        // A line that held nothing else goes as a whole.
        let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
        let line_rest =
            after.find('\n').map(|newline| newline + 1).filter(|end| after.get(..*end).is_some_and(|rest| rest.trim().is_empty()));
        let alone = before.trim_end_matches([' ', '\t']).ends_with('\n');
        match line_rest.filter(|_| alone) {
            Some(rest) => {
                kept.push_str(before.get(..before.len() - indent).unwrap_or(before));
                from = cut.end + rest;
            }
            None => {
                kept.push_str(before);
                from = cut.end;
            }
        }
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    let mark = "\u{FEFF}".as_bytes();
    let without_mark = bytes.strip_prefix(mark).unwrap_or(&bytes);
    if without_mark == text.as_bytes() {
        let mark = if without_mark.len() < bytes.len() { mark } else { &[] };
        return Ok([mark, kept.as_bytes()].concat());
    }
    Ok(opml::declared_as_utf8(&kept).into_bytes())
}
