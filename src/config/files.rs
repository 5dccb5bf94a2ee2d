//! Files as the config's loader reads them, and what to say of those that cannot be read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::mistake::{Mistake, SourceText};

/// Reads a file's bytes. An edit that is not yet written stands in for its file, so that it is judged by the same rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// What shall stand in which file.
    pub(super) replaced: HashMap<PathBuf, Vec<u8>>,
}

impl Files {
    /// The bytes, or what stands in for them.
    pub(super) fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match self.replaced.get(path) {
            Some(bytes) => Ok(bytes.clone()),
            None => std::fs::read(path),
        }
    }

    /// Is there anything to read?
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.replaced.contains_key(path) || path.exists()
    }

    /// The text of a TOML file.
    pub(super) fn read_text(&self, path: &Path) -> Result<SourceText, Box<Mistake>> {
        let bytes = self.read(path).map_err(|error| unreadable(path, &error))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(SourceText::new(path, text)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let source = SourceText::new(path, String::from_utf8_lossy(error.as_bytes()).into_owned());
                let mistake = Mistake::at(&source, good..good + '\u{FFFD}'.len_utf8(), "the file is not UTF-8");
                Err(Box::new(mistake.help("save it as UTF-8")))
            }
        }
    }
}

/// What to say of a file that cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Mistake {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => Mistake::in_file(path, "there is no such file"),
        ErrorKind::IsADirectory => Mistake::in_file(path, "this is a folder, not a file"),
        ErrorKind::PermissionDenied => Mistake::in_file(path, "may not be read by this user"),
        _ => Mistake::in_file(path, format!("cannot be read: {error}")),
    }
}

/// A TOML document's table; `None` where the syntax is broken: what stands there then is a guess, and judging a guess
/// would only bury the mistake.
pub(super) fn parse_document<'a>(source: &'a SourceText, mistakes: &mut Vec<Mistake>) -> Option<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(source.text());
    if errors.is_empty() {
        return Some(table.into_inner());
    }
    for error in errors {
        let end = source.text().len();
        mistakes.push(Mistake::at(source, error.span().unwrap_or(end..end), format!("not TOML: {}", error.message())));
    }
    None
}
