//! Feeds into and out of a list in TOML, and changes to those that stand there, comments and order kept.

use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::{EditError, FeedChange, NewFeed};
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
    let leaves = |url: Option<&str>, name: Option<&str>| {
        let name = name_of(url, name, list);
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

/// What the feed of a table is called.
fn name_of(url: Option<&str>, name: Option<&str>, list: &Path) -> Option<String> {
    let folder = list.parent().unwrap_or(Path::new("/"));
    name.map(str::trim).map(str::to_owned).or_else(|| {
        let written = url?.trim();
        Some(default_name(written, &feed_url(written, folder).ok()?))
    })
}

/// A list's text with other values in the table of one of its feeds; whatever else stands in that table stays.
pub(super) fn changed(text: &str, feed: &Feed, change: &FeedChange, list: &Path) -> Result<String, EditError> {
    let mut document = editable(text, list)?;
    let is_it = |table: &dyn TableLike| {
        let text_in = |key: &str| table.get(key).and_then(Item::as_str);
        name_of(text_in("url"), text_in("name"), list).as_ref() == Some(&feed.name)
    };
    let table: Option<&mut dyn TableLike> = match document.get_mut("feed") {
        Some(Item::ArrayOfTables(tables)) => tables.iter_mut().map(|table| table as &mut dyn TableLike).find(|table| is_it(*table)),
        Some(Item::Value(Value::Array(array))) => {
            array.iter_mut().filter_map(Value::as_inline_table_mut).map(|table| table as &mut dyn TableLike).find(|table| is_it(*table))
        }
        _ => None,
    };
    let Some(table) = table else {
        return Err(EditError::NotEditable { file: list.to_path_buf(), reason: format!("the table of `{}` cannot be found", feed.name) });
    };
    if let Some(url) = &change.url {
        // A feed that was named after its URL keeps the name: that is its identity.
        if !table.contains_key("name") {
            set(table, "name", Some(feed.name.as_str().into()));
        }
        set(table, "url", Some(url.as_str().into()));
    }
    if let Some(enabled) = change.enabled {
        set(table, "enabled", (!enabled).then_some(false.into()));
    }
    if let Some(title) = &change.title {
        set(table, "title", title.as_deref().map(Value::from));
    }
    if let Some(tags) = &change.tags {
        set(table, "tags", (!tags.is_empty()).then(|| tags.iter().collect::<toml_edit::Array>().into()));
    }
    if let Some(interval) = change.interval {
        set(table, "interval", interval.map(|interval| write_duration(interval).into()));
    }
    if let Some(language) = &change.language {
        set(table, "language", language.as_deref().map(Value::from));
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// Gives a key another value, the comment behind it kept, or takes it away.
fn set(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
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
    fn a_change_touches_its_own_keys_alone() {
        let list = Path::new("/list.toml");
        let feed = |name: &str| Feed {
            name: name.to_owned(),
            url: "https://a.example/".parse().unwrap(),
            title: None,
            tags: Vec::new(),
            enabled: true,
            interval: None,
            full_text: None,
            identity: crate::config::IdentityRule::Auto,
            language: None,
            request: std::sync::Arc::default(),
            filters: Vec::new(),
            placements: Vec::new(),
            list: list.to_path_buf(),
            line: 1,
        };
        let text = "# head\n\n[[feed]]\nurl = 'https://a.example/' # own\ntags = ['x'] # why\n[feed.headers]\nAccept = 'y'\n\n[[feed]]\nurl = \"https://b.example/\"\n# end\n";
        let pause = FeedChange { enabled: Some(false), ..FeedChange::default() };
        let paused = changed(text, &feed("a.example/"), &pause, list).unwrap();
        assert_eq!(paused, text.replace("# why\n", "# why\nenabled = false\n"));
        let resume = FeedChange { enabled: Some(true), ..FeedChange::default() };
        assert_eq!(changed(&paused, &feed("a.example/"), &resume, list).unwrap(), text);

        let moved = FeedChange { url: Some("https://c.example/".to_owned()), tags: Some(vec!["z".to_owned()]), ..FeedChange::default() };
        let moved = changed(text, &feed("a.example/"), &moved, list).unwrap();
        let want = text.replace("'https://a.example/'", "\"https://c.example/\"");
        assert_eq!(moved, want.replace("['x'] # why\n", "[\"z\"] # why\nname = \"a.example/\"\n"), "the name is the identity");
        let emptied = FeedChange { tags: Some(Vec::new()), title: Some(None), ..FeedChange::default() };
        assert_eq!(changed(text, &feed("a.example/"), &emptied, list).unwrap(), text.replace("tags = ['x'] # why\n", ""));

        let inline = "feed = [{ url = \"https://a.example/\" }, { url = \"https://b.example/\" }]\n";
        let want = inline.replace("b.example/\" ", "b.example/\" , enabled = false ");
        let got = changed(inline, &feed("b.example/"), &pause, list).unwrap();
        assert_eq!(got.replace(' ', ""), want.replace(' ', ""));
        assert!(changed(text, &feed("nothing"), &pause, list).is_err());
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
