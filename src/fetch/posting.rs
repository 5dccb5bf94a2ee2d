//! A request that brings something: one POST to an address that the operator wrote, for webhooks.
//!
//! It differs from asking for a document in all that a stranger could have a hand in. The operator names the receiver, which is as a rule in his own
//! network, so the guard is off: a name or address of any kind may be posted to. Nothing that comes back leads anywhere: a redirect is an
//! answer like any other, and the body is thrown away. The pace of hosts is for servers of feeds: whoever wants to hear of each article says
//! so himself (`Retry-After`). `[fetch] headers` stay behind; `[fetch] proxy` holds, but for addresses that only this network knows.

use std::time::{Duration, SystemTime};

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use url::Url;

use super::failure::{self, Stage};
use super::redirect::without_credentials;
use super::routes::Route;
use super::sending::credentials_of;
use super::{Client, Failure, answer, guard};

/// So much of an answer is read, so that its connection can serve the next request; one that says more is closed.
const MOST_OF_AN_ANSWER: usize = 64 * 1024;

/// What is posted.
#[derive(Clone, PartialEq, Eq)]
pub struct Posting {
    /// `http:` or `https:`. Credentials in it become basic authentication.
    pub url: Url,
    /// JSON.
    pub body: Vec<u8>,
    /// Headers beside those of every posting.
    pub headers: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The status, whatever it is.
    pub status: u16,
    /// `Retry-After`, from the time of the answer.
    pub retry_after: Option<Duration>,
}

impl Client {
    /// Posts once, within `[fetch] timeout`.
    ///
    /// # Errors
    /// No answer came, and why.
    pub async fn post(&self, posting: &Posting) -> Result<Posted, Failure> {
        let (settings, routes) = self.way_out();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if !settings.user_agent.is_empty() {
            headers.insert(USER_AGENT, header("User-Agent", &settings.user_agent)?);
        }
        if let Some(value) = credentials_of(&posting.url)? {
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &posting.headers {
            headers.insert(HeaderName::from_static(name), header(name, value)?);
        }
        let url = without_credentials(&posting.url);
        routes.check_tls(&url)?;
        let proxy = settings.proxy.clone().filter(|_| !is_of_this_network(&url));
        let client = routes.client(&Route { proxy, identity: None, guarded: false }).await?;
        let asked = async {
            let sent = client.post(url.clone()).headers(headers).body(posting.body.clone()).send().await;
            let mut response = sent.map_err(|error| failure::of(&error, Stage::Answer, url.as_str(), settings.connect_timeout))?;
            let retry_after = answer::freshness(response.headers(), SystemTime::now()).retry_after;
            let mut read = 0;
            // What breaks off here has said its status, which is all that counts.
            while let Ok(Some(chunk)) = response.chunk().await {
                read += chunk.len();
                if read > MOST_OF_AN_ANSWER {
                    break;
                }
            }
            Ok(Posted { status: response.status().as_u16(), retry_after })
        };
        tokio::time::timeout(settings.timeout, asked).await.map_err(|_| Failure::Timeout(settings.timeout))?
    }
}

/// Addresses and names that a proxy elsewhere does not know: private ones, and those without a dot.
fn is_of_this_network(url: &Url) -> bool {
    let has_dot = url.domain().is_none_or(|name| name.trim_end_matches('.').contains('.'));
    !has_dot || guard::check_literal(url, true).is_err()
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value).map_err(|_| Failure::Request(format!("the value of header '{name}' holds a control character")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_not_asked_for_what_only_this_network_knows() {
        for (url, is_here) in [
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]/", true),
            ("http://192.168.1.4/", true),
            ("http://localhost/", true),
            ("http://n8n:5678/hook", true),
            ("https://hooks.example.org/", false),
            ("https://8.8.8.8/", false),
        ] {
            assert_eq!(is_of_this_network(&url.parse().unwrap()), is_here, "{url}");
        }
    }
}
