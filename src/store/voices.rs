//! Whose entries count for an article: of each feed one, its voice.

use rusqlite::{Connection, params};

use crate::decide::Voice;
use crate::identity::{IdentityUrl, Site};

/// The voices of an article, each with its sighting and its feed. `identity_url` is the article's own page, where its id was made
/// from one: the feed of its site is the publisher.
pub fn voices(connection: &Connection, article: i64, identity_url: Option<&str>) -> rusqlite::Result<Vec<(Voice, i64, i64)>> {
    let site = identity_url.and_then(|url| IdentityUrl::of(&format!("https://{url}"))).and_then(|url| Site::of_host(url.host()));
    connection
        .prepare_cached(
            "SELECT sighting.sighting, sighting.feed, sighting.words, feed.name, feed.site_url, feed.url
             FROM sighting JOIN feed ON feed.feed = sighting.feed WHERE sighting.article = ?1 AND sighting.voice = 1",
        )?
        .query_map(params![article], |row| {
            let (site_url, url): (Option<String>, String) = (row.get(4)?, row.get(5)?);
            let feed_site = site_url.as_deref().and_then(Site::of).or_else(|| Site::of(&url));
            let is_publisher = site.is_some() && site == feed_site;
            Ok((Voice { is_publisher, words: row.get(2)?, feed: row.get(3)? }, row.get(0)?, row.get(1)?))
        })?
        .collect()
}
