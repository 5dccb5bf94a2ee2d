//! From an address that somebody typed to the feed that can be subscribed to: the command line and the pages ask the site in
//! the same way, and say the same of what they found.

use std::path::Path;

use url::Url;

use crate::backfill::{History, probe};
use crate::config::{Config, feed_url};
use crate::discover::{DiscoverError, Fetch, Page, discover, kind_of};
use crate::fetch::{Client, ClientError, ClientSettings, Outcome, Request};

/// The polite client, as finding a site's feed asks for it.
#[derive(Debug)]
pub struct SiteClient(Client);

impl SiteClient {
    /// Under the limits of a config.
    ///
    /// # Errors
    /// The client cannot be made.
    pub fn of(config: &Config) -> Result<Self, ClientError> {
        Client::new(&ClientSettings::new(&config.fetch, &config.pages)).map(Self)
    }
}

impl Fetch for SiteClient {
    async fn get(&self, url: &Url) -> Result<Page, String> {
        let fetched = self.0.fetch(&Request::feed(url.clone())).await;
        match fetched.outcome {
            Outcome::Fresh(fresh) => Ok(Page { url: fetched.final_url, body: fresh.body, content_type: fresh.content_type }),
            Outcome::NotModified { .. } => Err("the server says that nothing has changed, though nothing was asked for before".to_owned()),
            Outcome::Gone => Err("it is gone for good (410)".to_owned()),
            Outcome::RateLimited { status } => Err(format!("the server asks for fewer requests ({status})")),
            Outcome::Failed(failure) => Err(failure.to_string()),
        }
    }
}

/// What can be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The URL as it shall stand in a list: as it was typed where that is the feed itself.
    pub url: String,
    /// How far back the feed can go.
    pub history: Option<History>,
}

/// The feed at an address, or of the page at it. `page` is what `typed` means as a URL.
///
/// # Errors
/// The page cannot be fetched, or no feed is found.
pub async fn offer<F: Fetch>(typed: &str, page: &Url, client: &F) -> Result<Offer, DiscoverError> {
    let found = discover(page, client, kind_of).await?;
    let url = if found.url == *page { typed.to_owned() } else { found.url.to_string() };
    Ok(Offer { url, history: probe(found, client).await })
}

/// An address of the web that somebody typed elsewhere than in a file of the operator's: `file:` is none.
///
/// # Errors
/// It is no URL, or not of http: or https:.
pub fn web_address(typed: &str) -> Result<Url, String> {
    let typed = typed.trim();
    if typed.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) {
        return Err(format!("`{typed}`: a local file can be subscribed to in a file of the operator's alone"));
    }
    feed_url(typed, Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_web_leads_to_no_file() {
        assert_eq!(web_address(" https://example.org/a ").unwrap().as_str(), "https://example.org/a");
        for typed in ["file:/etc/passwd", " FILE:a.xml", "ftp://example.org/", "javascript:alert(1)", ""] {
            assert!(web_address(typed).is_err(), "{typed}");
        }
        assert!(web_address("example.org/feed").unwrap_err().contains("https://example.org/feed"));
    }
}
