//! Feeds into and out of a list in TOML, comments and order kept.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::{EditError, NewFeed};
use crate::config::feed::{default_name, feed_url};
use crate::config::{Feed, Placement, write_duration};
use crate::opml::Attributes;

/// A list's text with feeds after all that it has.
pub(super) fn appended(text: &str, feeds: &[NewFeed], list: &Path) -> Result<String, EditError> {
    let document = editable(text, list)?;
    if document.get("feed").is_some_and(|feeds| !feeds.is_array_of_tables()) {
        return appended_inline(text, document, feeds, list);
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut result = text.to_owned();
    if !result.is_empty() && !result.ends_with('\n') {
        result.push_str(line_end);
    }
    for feed in feeds {
        if !result.is_empty() {
            result.push_str(line_end);
        }
        let mut tables = ArrayOfTables::new();
        tables.push(feed_table(feed));
        let mut addition = DocumentMut::new();
        addition.insert("feed", Item::ArrayOfTables(tables));
        result.push_str(&addition.to_string().replace('\n', line_end));
    }
    Ok(result)
}

/// `feed = [{…}]`, as a program may have written it.
fn appended_inline(text: &str, mut document: DocumentMut, feeds: &[NewFeed], list: &Path) -> Result<String, EditError> {
    let Some(array) = document.get_mut("feed").and_then(Item::as_array_mut) else {
        return Err(EditError::NotEditable { file: list.to_path_buf(), reason: "`feed` is not a list of tables".to_owned() });
    };
    for feed in feeds {
        array.push(feed_table(feed).into_inline_table());
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// toml_edit ends every line as Unix does.
fn with_line_ends_of(before: &str, after: String) -> String {
    if before.contains("\r\n") { after.replace("\r\n", "\n").replace('\n', "\r\n") } else { after }
}

fn editable(text: &str, list: &Path) -> Result<DocumentMut, EditError> {
    text.parse()
        .map_err(|error: toml_edit::TomlError| EditError::NotEditable { file: list.to_path_buf(), reason: error.message().to_owned() })
}

fn feed_table(feed: &NewFeed) -> Table {
    let mut table = Table::new();
    table.insert("url", toml_edit::value(&feed.url));
    if let Some(name) = &feed.name {
        table.insert("name", toml_edit::value(name));
    }
    if let Some(title) = &feed.title {
        table.insert("title", toml_edit::value(title));
    }
    if !feed.tags.is_empty() {
        table.insert("tags", toml_edit::value(feed.tags.iter().collect::<toml_edit::Array>()));
    }
    if let Some(interval) = feed.interval {
        table.insert("interval", toml_edit::value(write_duration(interval)));
    }
    if let Some(language) = &feed.language {
        table.insert("language", toml_edit::value(language));
    }
    let mut placements = ArrayOfTables::new();
    for placement in &feed.placements {
        let mut entry = Table::new();
        if !placement.folders.is_empty() {
            entry.insert("folders", toml_edit::value(placement.folders.iter().map(inline).collect::<toml_edit::Array>()));
        }
        if !placement.attributes.is_empty() {
            entry.insert("attributes", toml_edit::value(inline(&placement.attributes)));
        }
        placements.push(entry);
    }
    // A feed that stands in no folder and says nothing more needs no memory of it.
    if feed.placements.iter().any(|placement| *placement != Placement::default()) {
        table.insert("opml", Item::ArrayOfTables(placements));
    }
    table
}

fn inline(attributes: &Attributes) -> InlineTable {
    attributes.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str()))).collect()
}

/// A list's text without some of its feeds. A comment right above a feed goes with it; one with an empty line below it
/// is about more than that feed, and stays.
pub(super) fn without_tables(text: &str, leaving: &[&Feed], list: &Path) -> Result<String, EditError> {
    let mut document = editable(text, list)?;
    let folder = list.parent().unwrap_or(Path::new("/"));
    let leaves = |url: Option<&str>, name: Option<&str>| {
        let name = name.map(str::trim).map(str::to_owned).or_else(|| {
            let written = url?.trim();
            Some(default_name(written, &feed_url(written, folder).ok()?))
        });
        leaving.iter().any(|feed| Some(&feed.name) == name.as_ref())
    };
    let text_in = |item: Option<&Item>| item.and_then(Item::as_str).map(str::to_owned);
    match document.get_mut("feed") {
        Some(Item::ArrayOfTables(tables)) => {
            let mut kept_above = String::new();
            let mut index = 0;
            while let Some(table) = tables.get_mut(index) {
                let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
                if leaves(text_in(table.get("url")).as_deref(), text_in(table.get("name")).as_deref()) {
                    kept_above.push_str(general_comment(&prefix));
                    tables.remove(index);
                } else {
                    if !kept_above.is_empty() {
                        table.decor_mut().set_prefix(format!("{kept_above}{prefix}"));
                        kept_above.clear();
                    }
                    index += 1;
                }
            }
            let none_left = tables.is_empty();
            if none_left {
                document.remove("feed");
            }
            if !kept_above.is_empty() {
                let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
                document.set_trailing(format!("{kept_above}{trailing}"));
            }
        }
        Some(Item::Value(Value::Array(array))) => array.retain(|value| {
            let text_of = |key: &str| value.as_inline_table().and_then(|table| table.get(key)).and_then(Value::as_str);
            !leaves(text_of("url"), text_of("name"))
        }),
        _ => {}
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// Of the comments above a table, those that an empty line parts from it, without that line.
fn general_comment(prefix: &str) -> &str {
    let mut end = 0;
    let mut position = 0;
    for line in prefix.split_inclusive('\n') {
        if line.trim().is_empty() {
            end = position;
        }
        position += line.len();
    }
    let general = prefix.get(..end).unwrap_or_default();
    if general.trim().is_empty() { "" } else { general }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_parted_by_an_empty_line_is_about_more_than_one_feed() {
        for (prefix, want) in [
            ("", ""),
            ("\n", ""),
            ("# own\n", ""),
            ("\n# own\n# own\n", ""),
            ("# all\n\n# own\n", "# all\n"),
            ("\n# all\n# all\n\n\n", "\n# all\n# all\n\n"),
        ] {
            assert_eq!(general_comment(prefix), want, "{prefix:?}");
        }
    }

    #[test]
    fn feeds_follow_all_that_a_file_has_whatever_its_end() {
        let feed = NewFeed { url: "https://a.example/".to_owned(), ..NewFeed::default() };
        let added = "[[feed]]\nurl = \"https://a.example/\"\n";
        for (before, want) in [
            ("", added.to_owned()),
            ("# c", format!("# c\n\n{added}")),
            ("[log]\nlevel = \"info\" # c\n\n# end\n", format!("[log]\nlevel = \"info\" # c\n\n# end\n\n{added}")),
            ("feed = []\n", "feed = [{ url = \"https://a.example/\" }]\n".to_owned()),
        ] {
            let after = appended(before, std::slice::from_ref(&feed), Path::new("/list.toml")).unwrap();
            assert_eq!(after, want, "{before:?}");
        }
        assert!(appended("feed = 1\n", &[feed], Path::new("/list.toml")).is_err());
    }
}
