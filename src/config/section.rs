//! A TOML table that is read key by key: what is read is known, what is left over is a mistake with the nearest known name.
//!
//! So each key is named in one place alone, where it is read, and no list of known keys can go stale. A value that
//! cannot be used is noted with its place and read as absent, so that one pass finds every mistake.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, SourceText, nearest};

/// A value in its file.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// Why a value cannot be used: what is wrong, and perhaps what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    message: String,
    help: Option<String>,
}

impl Wrong {
    /// What is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Wrong { message: message.into(), help: None }
    }

    /// … with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.help {
            Some(help) => write!(out, "{}; {help}", self.message),
            None => out.write_str(&self.message),
        }
    }
}

impl<E: std::error::Error> From<E> for Wrong {
    fn from(error: E) -> Self {
        Wrong::new(error.to_string())
    }
}

/// A table under reading.
pub struct Section<'a> {
    /// The file that the table stands in.
    pub source: &'a SourceText,
    /// All that was wrong so far.
    pub mistakes: &'a mut Vec<Mistake>,
    name: String,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Begins to read a table; `name` is what messages call it, as in `[fetch]`.
    pub fn new(source: &'a SourceText, table: &'a DeTable<'a>, name: impl Into<String>, mistakes: &'a mut Vec<Mistake>) -> Self {
        Section { source, mistakes, name: name.into(), table, known: Vec::new() }
    }

    /// The value of a key, which is known from now on.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Value<'a>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// Does the key stand there, whatever its value?
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reads a key by a rule; `None` where it is absent or wrong.
    pub fn read<T>(&mut self, key: &'static str, rule: impl FnOnce(&'a Value<'a>) -> Result<T, Wrong>) -> Option<T> {
        let value = self.value(key)?;
        match rule(value) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.wrong(value.span(), format!("`{key}`: {}", wrong.message), wrong.help);
                None
            }
        }
    }

    /// Reads a key whose value is a list, entry by entry; wrong entries are noted and left out.
    pub fn read_list<T>(&mut self, key: &'static str, rule: impl Fn(&'a Value<'a>) -> Result<T, Wrong>) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let DeValue::Array(array) = value.get_ref() else {
            let message = format!("`{key}`: expected a list, found {}", kind(value.get_ref()));
            self.wrong(value.span(), message, None);
            return None;
        };
        let mut read = Vec::new();
        for entry in array.iter() {
            match rule(entry) {
                Ok(entry) => read.push(entry),
                Err(wrong) => self.wrong(entry.span(), format!("`{key}`: {}", wrong.message), wrong.help),
            }
        }
        Some(read)
    }

    /// The table below a key.
    pub fn table(&mut self, key: &'static str) -> Option<&'a DeTable<'a>> {
        self.read(key, table)
    }

    /// The tables of a list of tables (`[[key]]`), each with its span; none where the key is absent or wrong.
    pub fn tables(&mut self, key: &'static str) -> Vec<(&'a DeTable<'a>, Range<usize>)> {
        self.read_list(key, |value| Ok((table(value)?, value.span()))).unwrap_or_default()
    }

    /// Where a key's value stands, if it does.
    pub fn span(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(Spanned::span)
    }

    /// Notes a mistake.
    pub fn wrong(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let mut mistake = Mistake::at(self.source, span, message);
        mistake.help = help;
        self.mistakes.push(mistake);
    }

    /// Ends the reading: every key that nobody asked for is a mistake.
    pub fn finish(self) {
        let Section { source, mistakes, name, table, known } = self;
        for key in table.keys().filter(|key| !known.iter().any(|known| *known == key.get_ref().as_ref())) {
            let mistake = Mistake::at(source, key.span(), format!("unknown key `{}` in {name}", key.get_ref()));
            let help = match nearest(key.get_ref(), known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let mut known = known.clone();
                    known.sort_unstable();
                    known.dedup();
                    format!("known keys: {}", known.join(", "))
                }
            };
            mistakes.push(mistake.help(help));
        }
    }
}

/// A table's entries in the file's order: the parser sorts them by key.
pub fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<(&'a str, &'a Value<'a>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries.into_iter().map(|(key, value)| (&**key.get_ref(), value)).collect()
}

/// What a value is, in words.
pub fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn expected(what: &str, found: &DeValue<'_>) -> Wrong {
    Wrong::new(format!("expected {what}, found {}", kind(found)))
}

/// Reads a table.
pub fn table<'a>(value: &'a Value<'a>) -> Result<&'a DeTable<'a>, Wrong> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        other => Err(expected("a table", other)),
    }
}

/// Reads a string.
pub fn string<'a>(value: &'a Value<'a>) -> Result<&'a str, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text),
        other => Err(expected("a string", other)),
    }
}

/// Reads a string of one line that is more than white space, trimmed.
pub fn line<'a>(value: &'a Value<'a>) -> Result<&'a str, Wrong> {
    let text = string(value)?.trim();
    if text.is_empty() {
        Err(Wrong::new("must not be empty"))
    } else if text.contains(is_line_break_or_control) {
        Err(Wrong::new("must be one line without control characters"))
    } else {
        Ok(text)
    }
}

/// A character that cannot stand in a text of one line.
pub fn is_line_break_or_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Reads `true` or `false`.
pub fn boolean(value: &Value<'_>) -> Result<bool, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(truth) => Ok(*truth),
        other => Err(expected("true or false", other)),
    }
}

/// Reads a whole number of a range.
pub fn integer(value: &Value<'_>, range: std::ops::RangeInclusive<i64>) -> Result<i64, Wrong> {
    let DeValue::Integer(number) = value.get_ref() else { return Err(expected("a whole number", value.get_ref())) };
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(number) if range.contains(&number) => Ok(number),
        _ if *range.end() == i64::MAX => Err(Wrong::new(format!("must be at least {}", range.start()))),
        _ => Err(Wrong::new(format!("must be from {} to {}", range.start(), range.end()))),
    }
}

/// Reads one of a few words.
pub fn choice<T: Copy>(value: &Value<'_>, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let text = string(value)?;
    if let Some((_, chosen)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*chosen);
    }
    let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let wrong = Wrong::new(format!("unknown value \"{text}\""));
    Err(match nearest(text, choices.iter().map(|(word, _)| *word)) {
        Some(near) => wrong.help(format!("did you mean `{near}`? Known values: {}", words.join(", "))),
        None => wrong.help(format!("known values: {}", words.join(", "))),
    })
}
