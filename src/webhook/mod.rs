//! Webhooks: each new and changed article is posted to whoever wants to hear of it at once, at least once, in the order of changes.
//!
//! The archive numbers its changes, so an outbox is no heap of messages: it is the number up to which all has been delivered. What is
//! undelivered is a question to the archive ([`crate::store::Reader::next_change`]). So a webhook costs one row however much happens, a killed
//! process loses nothing, and an article that changes while its receiver is away is delivered once, as it is then.
//!
//! Pure: what is sent next, given how requests ended ([`Outbox`]), and how it is signed ([`Secrets`]). The daemon sends.

mod outbox;
#[cfg(test)]
mod outbox_tests;
mod signature;

use std::io;

use chrono::{DateTime, Utc};

pub use self::outbox::{Answer, News, Outbox, PassedOver, Refused, Turn};
pub use self::signature::{SecretError, Secrets};
use crate::article::{Article, Forgotten};
use crate::config::{Config, Webhook};
use crate::export::json::write_line;
use crate::store::Selection;

/// What an archive's change says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An article is new, or is another than before.
    Article(Box<Article>),
    /// An article was taken out for good.
    Forgotten(Forgotten),
}

impl Said {
    /// The article's id.
    pub fn article(&self) -> &str {
        match self {
            Self::Article(article) => &article.id,
            Self::Forgotten(forgotten) => &forgotten.id,
        }
    }

    /// When it was.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Article(article) => article.last_changed,
            Self::Forgotten(forgotten) => Some(forgotten.deleted_at),
        }
    }

    /// The body of the request: the line of an incremental `gleaner export --format ndjson`, without its end.
    ///
    /// # Errors
    /// None that a plain structure in memory can cause.
    pub fn body(&self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self {
            Self::Article(article) => write_line(&mut body, article.as_ref())?,
            Self::Forgotten(forgotten) => write_line(&mut body, forgotten)?,
        }
        Ok(body)
    }
}

/// `webhook-id`: the same at each attempt, another for each change of each archive. A restored backup is another archive, for it
/// gives the same numbers to other changes.
pub fn message_id(archive: &str, change: i64) -> String {
    format!("{archive}-{change}")
}

/// By what a webhook is known again: its URL without credentials, which may be changed.
pub fn key(webhook: &Webhook) -> String {
    let mut url = webhook.url.clone();
    // These fail only for URLs that cannot have credentials, and those have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.into()
}

/// What webhooks are called wherever they are shown, in their order: the URL without credentials and query, for tokens stand there, and a
/// number where several would be called the same.
pub fn names(webhooks: &[Webhook]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for webhook in webhooks {
        let mut url = webhook.url.clone();
        url.set_query(None);
        let shown = key(&Webhook { url, ..webhook.clone() });
        let mut name = shown.clone();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{shown} ({number})");
        }
        names.push(name);
    }
    names
}

/// The articles that a webhook wants. What nobody has among feeds and tags selects nothing; the config warns of it.
pub fn selection(webhook: &Webhook, config: &Config) -> Selection {
    let mut feeds: Vec<Vec<String>> = Vec::new();
    if !webhook.feeds.is_empty() {
        feeds.push(webhook.feeds.clone());
    }
    if !webhook.tags.is_empty() {
        let tagged = config.feeds.iter().filter(|feed| feed.tags.iter().any(|tag| webhook.tags.contains(tag)));
        feeds.push(tagged.map(|feed| feed.name.clone()).collect());
    }
    Selection { feeds, languages: webhook.languages.clone(), ..Selection::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str) -> Webhook {
        Webhook { url: url.parse().unwrap(), secret_file: None, tags: Vec::new(), feeds: Vec::new(), languages: Vec::new() }
    }

    #[test]
    fn what_is_shown_of_a_url_holds_no_secret_and_tells_webhooks_apart() {
        let hooks = [
            webhook("https://me:sesame@a.example/hook?token=sesame#sesame"),
            webhook("https://a.example/hook?token=other"),
            webhook("https://a.example/else"),
        ];
        assert_eq!(names(&hooks), ["https://a.example/hook", "https://a.example/hook (2)", "https://a.example/else"]);
    }

    #[test]
    fn other_credentials_are_the_same_webhook_and_another_query_is_another() {
        assert_eq!(key(&webhook("https://me:old@a.example/hook?a")), key(&webhook("https://me:new@a.example/hook?a#b")));
        assert_ne!(key(&webhook("https://a.example/hook?a")), key(&webhook("https://a.example/hook?b")));
    }
}
