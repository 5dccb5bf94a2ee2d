//! What is proven of each feed within a range of time.

use std::collections::{BTreeMap, HashMap};

use crate::config::{Config, Feed};
use crate::coverage::{FeedCoverage, Range, Record};
use crate::selection::{SelectionError, must_be_known};

/// Of the feeds that were named, else of all that are in a list. What has been taken out of the lists is still in the
/// archive and can be named.
///
/// # Errors
/// Nobody knows one of the names.
pub fn coverage(config: &Config, records: Vec<Record>, named: &[String], range: Range) -> Result<Vec<FeedCoverage>, SelectionError> {
    let feeds: HashMap<&str, &Feed> = config.feeds.iter().map(|feed| (feed.name.as_str(), feed.as_ref())).collect();
    let records: BTreeMap<String, Record> = records.into_iter().map(|record| (record.feed.clone(), record)).collect();
    let listed = || config.feeds.iter().map(|feed| feed.name.as_str());
    must_be_known("feed", named, || listed().chain(records.keys().map(String::as_str)))?;
    let names: Vec<&str> = if named.is_empty() { listed().collect() } else { named.iter().map(String::as_str).collect() };
    let of = |name: &str| covered(name, feeds.get(name).copied(), records.get(name).cloned(), range);
    Ok(names.into_iter().map(of).collect())
}

/// Of one feed that is configured; `record` is what the archive knows of it.
pub fn feed_coverage(feed: &Feed, record: Option<Record>, range: Range) -> FeedCoverage {
    covered(&feed.name, Some(feed), record, range)
}

fn covered(name: &str, feed: Option<&Feed>, record: Option<Record>, range: Range) -> FeedCoverage {
    let url = || feed.map(|feed| crate::poll::without_credentials(&feed.url)).unwrap_or_default();
    let record = record.unwrap_or_else(|| Record { feed: name.to_owned(), url: url(), ..Record::default() });
    FeedCoverage::of(&record, feed.is_some_and(|feed| feed.enabled), range)
}
