//! Looking for a feed that is gone from where it was: its site may have put it elsewhere.
//!
//! What is found is a proposal to the operator: a site has many feeds, and an address that answers 404 today may be back
//! tomorrow.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::moved::public;
use crate::config::{Feed, FeedRequest};
use crate::discover::{self, Fetch, Page};
use crate::fetch::{Client, Failure, Fetched, Outcome, Request};
use crate::parse;

/// A search ends after so long, whatever was found: it holds up this feed's next poll, and a site may answer slowly.
const LONGEST_SEARCH: Duration = Duration::from_secs(60);

/// Of the feeds that a page in the feed's place names, so many are asked for.
const MOST_NAMED: usize = 4;

/// What stands where the feed was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Nothing: 404 or 410.
    Nothing,
    /// A page for people, which names these feeds. It is not kept: its memory is wanted for what is asked next.
    Page(Vec<Url>),
}

/// Is this an answer of a feed that has gone? Failures that pass (a server in trouble, a broken document) are none.
pub fn lost(fetched: &Fetched) -> Option<Lost> {
    match &fetched.outcome {
        Outcome::Gone | Outcome::Failed(Failure::Status(404)) => Some(Lost::Nothing),
        Outcome::Fresh(fresh) => {
            let page = Page { url: fetched.final_url.clone(), body: fresh.body.clone(), content_type: fresh.content_type.clone() };
            is_page(&page).then(|| Lost::Page(discover::named_feeds(&page)))
        }
        _ => None,
    }
}

/// Is this a page for people, by what it says it is or by how it begins?
fn is_page(page: &Page) -> bool {
    let declared = page.content_type.as_deref().unwrap_or_default().trim_start().to_ascii_lowercase();
    let start = page.body.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    declared.starts_with("text/html") || declared.starts_with("application/xhtml") || begins(b"<!doctype html") || begins(b"<html")
}

/// A feed of the site that is none of those already polled: named by the page that stands in the feed's place, else by the
/// site's own, else at the usual places.
pub async fn search(client: &Client, feed: &Feed, feeds: &[Arc<Feed>], site_url: Option<&str>, lost: Lost) -> Option<Url> {
    let site = Site { client, feed, feeds, options: public(&feed.request) };
    let home = site_url.and_then(|url| Url::parse(url).ok()).filter(|url| matches!(url.scheme(), "http" | "https"));
    let home = home.or_else(|| feed.url.join("/").ok())?;
    let look = async {
        if let Lost::Page(named) = lost {
            for named in named.into_iter().take(MOST_NAMED) {
                if site.get(&named).await.is_ok_and(|page| is_feed(&page)) {
                    return Some(named);
                }
            }
        }
        discover::discover(&home, &site, discover::kind_of).await.ok().map(|found| found.url)
    };
    tokio::time::timeout(LONGEST_SEARCH, look).await.ok().flatten()
}

fn is_feed(page: &Page) -> bool {
    parse::parse(&page.body, &page.url, page.content_type.as_deref()).is_ok()
}

/// A feed's site, asked at the pace of feeds.
struct Site<'a> {
    client: &'a Client,
    feed: &'a Feed,
    feeds: &'a [Arc<Feed>],
    options: FeedRequest,
}

impl Fetch for Site<'_> {
    async fn get(&self, url: &Url) -> Result<Page, String> {
        if *url == self.feed.url || self.feeds.iter().any(|feed| feed.url == *url) {
            return Err("it is polled already".to_owned());
        }
        let fetched = self.client.fetch(&Request { options: self.options.clone(), ..Request::feed(url.clone()) }).await;
        match fetched.outcome {
            Outcome::Fresh(fresh) => Ok(Page { url: fetched.final_url, body: fresh.body, content_type: fresh.content_type }),
            _ => Err("no document came".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_page_is_known_by_its_type_or_by_how_it_begins() {
        for (content_type, body, expected) in [
            (Some("text/html; charset=utf-8"), "", true),
            (Some("Application/XHTML+XML"), "", true),
            (Some("application/xml"), "\u{feff}<!DOCTYPE HTML><html>", true),
            (None, "  <HTML>", true),
            (Some("application/rss+xml"), "<rss", false),
            (None, "<feed", false),
        ] {
            let page = Page {
                url: Url::parse("https://example.org/").unwrap(),
                body: Bytes::copy_from_slice(body.as_bytes()),
                content_type: content_type.map(str::to_owned),
            };
            assert_eq!(is_page(&page), expected, "{content_type:?} {body}");
        }
    }
}
