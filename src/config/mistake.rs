//! What is wrong in a file that the operator wrote, and where: shown with a caret under the characters at fault.
//!
//! A load gathers every mistake of every file instead of stopping at the first, so that a file is mended in one go.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

/// A file's path and decoded text, shared by all that points into it.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// Absolute.
    pub path: PathBuf,
    text: Arc<NamedSource<Arc<str>>>,
    /// Where each line begins: each feed of a list knows its line, and counting from the top for each would be quadratic.
    line_starts: Arc<[usize]>,
}

impl SourceText {
    /// The text of the file at `path`.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        let path = path.into();
        let text: Arc<str> = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect();
        let text = Arc::new(NamedSource::new(path.display().to_string(), text));
        SourceText { path, text, line_starts }
    }

    /// The characters.
    pub fn text(&self) -> &str {
        self.text.inner()
    }

    /// The folder that relative paths in this file are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= byte).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let (_, column) = line_and_column(self.text().get(start..).unwrap_or_default(), byte - start);
        (line, column)
    }

    /// `file:line:column` of a byte.
    pub fn place(&self, byte: usize) -> String {
        let (line, column) = self.line_and_column(byte);
        format!("{}:{line}:{column}", self.path.display())
    }
}

/// A message may quote what stands in the file (a tag that runs over many lines, say): it stays one line of sensible length.
fn one_line(message: String) -> String {
    const MOST: usize = 300;
    if message.len() <= MOST && !message.contains(char::is_control) {
        return message;
    }
    let mut line: String = message.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.len() < message.len() {
        line.push('…');
    }
    line
}

/// Line and column of a byte in a text, both from 1, the column in characters.
pub fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let mut end = byte.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// One thing that is wrong, or (a warning) doubtful.
#[derive(Debug, Clone)]
pub struct Mistake {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The file, where there is one.
    pub file: PathBuf,
    warning: bool,
    place: Option<(SourceText, Range<usize>)>,
}

impl Mistake {
    /// A mistake at a range of bytes of a file.
    pub fn at(source: &SourceText, span: Range<usize>, message: impl Into<String>) -> Self {
        let text = source.text();
        let start = span.start.min(text.len());
        let end = span.end.clamp(start, text.len());
        // A caret needs a character to stand under, and a table's span may run over many lines: its first is enough.
        let first_line = text.get(start..end).and_then(|spanned| spanned.lines().next()).map_or(0, str::len);
        Mistake {
            message: one_line(message.into()),
            help: None,
            file: source.path.clone(),
            warning: false,
            place: Some((source.clone(), start..start + first_line)),
        }
    }

    /// A mistake that concerns a file as a whole (it cannot be read, say).
    pub fn in_file(path: &Path, message: impl Into<String>) -> Self {
        Mistake { message: one_line(message.into()), help: None, file: path.to_path_buf(), warning: false, place: None }
    }

    /// … with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// … that does not stop anything.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// Does nothing hang on it?
    pub fn is_warning(&self) -> bool {
        self.warning
    }

    /// For where no caret can be drawn: `line 3, column 5: what is wrong (what to do)`.
    pub fn with_place(&self) -> String {
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        match self.line_and_column() {
            Some((line, column)) => format!("{}, line {line}, column {column}: {}{help}", self.file.display(), self.message),
            None => format!("{self}{help}"),
        }
    }

    /// Line and column, both from 1, where the mistake has a place in its file.
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|(source, span)| source.line_and_column(span.start))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            // The caret's frame says where.
            Some(_) => out.write_str(&self.message),
            None => write!(out, "{}: {}", self.file.display(), self.message),
        }
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn severity(&self) -> Option<Severity> {
        Some(if self.warning { Severity::Warning } else { Severity::Error })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|(source, _)| &*source.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.place.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new(Some("here".to_owned()), span.start, span.len()))))
    }
}

/// Why a config gave nothing. Nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConfigError {
    /// No config file was named and none stands at the usual places.
    #[error("there is no config file: looked for {}", list_paths(.looked))]
    NotFound {
        /// The places, in order.
        looked: Vec<PathBuf>,
    },
    /// The process's current folder cannot be told, so no relative path can be followed.
    #[error("cannot tell the current folder: {0}")]
    CurrentFolder(String),
    /// All mistakes of all files; at least one of them is no warning.
    #[error("{}", count_mistakes(.0))]
    Mistakes(Vec<Mistake>),
}

impl ConfigError {
    /// What is wrong in one line, each mistake with its place and advice; warnings left out.
    pub fn in_one_line(&self) -> String {
        match self {
            Self::Mistakes(mistakes) => {
                mistakes.iter().filter(|mistake| !mistake.is_warning()).map(Mistake::with_place).collect::<Vec<_>>().join("; ")
            }
            other => other.to_string(),
        }
    }
}

fn list_paths(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

fn count_mistakes(mistakes: &[Mistake]) -> String {
    match mistakes.iter().filter(|mistake| !mistake.warning).count() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    }
}

/// The known word that was probably meant, if one is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let text = "a\nbüc\n";
        for (byte, want) in [(0, (1, 1)), (1, (1, 2)), (2, (2, 1)), (3, (2, 2)), (4, (2, 2)), (5, (2, 3)), (99, (3, 1))] {
            assert_eq!(line_and_column(text, byte), want, "byte {byte}");
            assert_eq!(SourceText::new("/x", text).line_and_column(byte), want, "byte {byte}");
        }
    }

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        let source = SourceText::new("/x", "text");
        for (message, want) in [("as it is".to_owned(), "as it is".to_owned()), ("a\r\nb\u{1b}".to_owned(), "a  b ".to_owned())] {
            assert_eq!(Mistake::at(&source, 0..1, message.clone()).message, want);
            assert_eq!(Mistake::in_file(Path::new("/x"), message).message, want);
        }
        assert_eq!(Mistake::at(&source, 0..1, "é".repeat(1_000)).message.chars().count(), 301);
    }

    #[test]
    fn the_nearest_word_is_offered_only_where_one_is_near() {
        let known = ["interval", "min_interval", "max_interval", "adaptive"];
        assert_eq!(nearest("intervall", known), Some("interval"));
        assert_eq!(nearest("mininterval", known), Some("min_interval"));
        assert_eq!(nearest("Adaptive", known), Some("adaptive"));
        assert_eq!(nearest("zzz", known), None);
    }
}
