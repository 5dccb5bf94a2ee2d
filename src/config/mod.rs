//! What the operator wrote: `gleaner.toml` and the feed lists, validated at load with a caret under each mistake.

pub mod edit;
mod feed;
mod files;
mod list;
mod load;
#[cfg(test)]
mod load_tests;
mod mistake;
mod replace;
mod rules;
mod section;
mod settings;
mod subscription;
mod surroundings;
mod units;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::extract::SiteRule;
use crate::opml::Attributes;

pub use feed::{default_name, feed_key, feed_url};
pub use load::{find, load, load_in};
pub use mistake::{ConfigError, Mistake, SourceText, line_and_column, nearest};
pub use replace::replace_file;
pub use settings::default_user_agent;
pub use subscription::subscription_list;
pub use surroundings::Surroundings;
pub use units::{UnitError, parse_duration, parse_size, write_duration, write_size};

/// `[database]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The SQLite file, absolute.
    pub path: PathBuf,
    /// A PostgreSQL URL instead.
    pub url: Option<String>,
    /// The file with the password for `url`.
    pub password_file: Option<PathBuf>,
    /// Keep raw entries.
    pub keep_entries: bool,
    /// Remove articles this long after `first_seen`; `None` is "forever".
    pub retention: Option<Duration>,
}

impl Database {
    /// How far back a feed's past is wanted, where `since` is asked for: what retention would have removed is not fetched again.
    pub fn not_before(&self, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let kept = self.retention.and_then(|retention| now.checked_sub_signed(TimeDelta::from_std(retention).ok()?));
        since.max(kept)
    }
}

/// `[fetch]`. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// The User-Agent header.
    pub user_agent: String,
    /// Requests under way at once.
    pub concurrency: usize,
    /// … to one host.
    pub per_host: usize,
    /// Between the starts of two requests to one host.
    pub host_delay: Duration,
    /// For the whole request.
    pub timeout: Duration,
    /// For the connection.
    pub connect_timeout: Duration,
    /// Of one body after decompression.
    pub max_body: u64,
    /// Of all bodies in flight.
    pub memory: u64,
    /// Hops.
    pub max_redirects: u32,
    /// `http:`, `https:` or `socks5h:` URL.
    pub proxy: Option<url::Url>,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
    /// May loopback and private addresses be asked?
    pub allow_private_networks: bool,
}

/// `[schedule]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// For a feed of which nothing is known yet.
    pub interval: Duration,
    /// Never more often.
    pub min_interval: Duration,
    /// Never more seldom.
    pub max_interval: Duration,
    /// Learn each feed's rhythm.
    pub adaptive: bool,
    /// Only failures for so long: the feed is asked weekly from then on.
    pub retire_after: Duration,
}

/// When an article's page is fetched for its full text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullText {
    /// Never.
    Never,
    /// Where the feed has only an excerpt.
    Auto,
    /// Always.
    Always,
}

/// `[articles]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Articles {
    /// Words a minute.
    pub reading_speed: u32,
    /// Pages for full text.
    pub full_text: FullText,
    /// Find near copies.
    pub near_copies: bool,
    /// How many similar posts are kept.
    pub similar: usize,
    /// Keep only articles of these languages; empty keeps all.
    pub languages: Vec<String>,
}

/// `[pages]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// Between the starts of two page requests to one host.
    pub host_delay: Duration,
    /// Page requests at once to one host.
    pub per_host: usize,
    /// Honour robots.txt.
    pub robots: bool,
    /// Patterns of rule files.
    pub rules: Vec<String>,
}

/// `[http]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// `None` where turned off.
    pub listen: Option<String>,
    /// How the page is reached from outside.
    pub base_url: Option<url::Url>,
    /// The file with the token that allows changes.
    pub token_file: Option<PathBuf>,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter.
    pub level: String,
    /// Where and how.
    pub format: LogFormat,
}

/// `log.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// The journal under systemd, else text.
    Auto,
    /// Lines for people.
    Text,
    /// Lines of JSON.
    Json,
}

/// What a filter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterAction {
    /// Drop what matches.
    Drop,
    /// Drop what does not match.
    Keep,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterField {
    /// Title.
    Title,
    /// Body text.
    Text,
    /// Any author.
    Author,
    /// Any category.
    Category,
    /// Permalink.
    Url,
    /// Language.
    Language,
}

/// `[[filter]]`, and a feed's `filters`.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Drop or keep.
    pub action: FilterAction,
    /// What is looked at.
    pub field: FilterField,
    /// The pattern; plain words are escaped and match without regard to case.
    pub pattern: regex::Regex,
    /// The plain words, where the operator gave these instead of a pattern.
    pub words: Option<String>,
}

/// `[[webhook]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: url::Url,
    /// The file with the key of the signature.
    pub secret_file: Option<PathBuf>,
    /// Only feeds with one of these tags.
    pub tags: Vec<String>,
    /// Only these feeds.
    pub feeds: Vec<String>,
    /// Only these languages.
    pub languages: Vec<String>,
}

/// How a feed's entries are known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdentityRule {
    /// By guid, else identity URL, else text, with all cares.
    #[default]
    Auto,
    /// By guid alone.
    Guid,
    /// By link alone.
    Link,
    /// By title and date alone.
    TitleAndDate,
}

/// How a feed is asked beyond what `[fetch]` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedRequest {
    /// Beside those of `[fetch]`.
    pub headers: Vec<(String, String)>,
    /// Instead of that of `[fetch]`.
    pub user_agent: Option<String>,
    /// Instead of that of `[fetch]`.
    pub proxy: Option<url::Url>,
    /// Basic authentication.
    pub username: Option<String>,
    /// … its password's file.
    pub password_file: Option<PathBuf>,
    /// Bearer token's file.
    pub token_file: Option<PathBuf>,
    /// `Cookie` header's file.
    pub cookie_file: Option<PathBuf>,
    /// PEM.
    pub client_certificate: Option<PathBuf>,
    /// PEM.
    pub client_key: Option<PathBuf>,
    /// Instead of that of `[fetch]`, bytes.
    pub max_body: Option<u64>,
    /// Instead of that of `[fetch]`.
    pub allow_private_networks: Option<bool>,
}

/// One feed of the feed lists.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The feed's identity: one line, unique in all lists.
    pub name: String,
    /// `http:`, `https:` or `file:`.
    pub url: url::Url,
    /// Instead of the feed's own.
    pub title: Option<String>,
    /// For selecting.
    pub tags: Vec<String>,
    /// `false`: not polled, its articles stay.
    pub enabled: bool,
    /// Fixed interval.
    pub interval: Option<Duration>,
    /// Instead of `[articles]`.
    pub full_text: Option<FullText>,
    /// How entries are known again.
    pub identity: IdentityRule,
    /// Where the feed declares none.
    pub language: Option<String>,
    /// How it is asked. Most feeds of a list are asked alike, and share this.
    pub request: Arc<FeedRequest>,
    /// This feed's own, after those for all.
    pub filters: Vec<Filter>,
    /// Where it stands in OPML, so that an export gives back all that an import brought.
    pub placements: Vec<Placement>,
    /// The file that it stands in.
    pub list: PathBuf,
    /// … and the line, from 1.
    pub line: usize,
}

/// A place of a feed in an OPML file: what the keys of [`Feed`] don't hold, verbatim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// The folders around it, outermost first, each with its attributes.
    pub folders: Vec<Attributes>,
    /// The attributes of its outline but for `xmlUrl`, which is [`Feed::url`].
    pub attributes: Attributes,
}

/// All that the operator wrote, validated, defaults filled in, paths absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// The config file.
    pub file: PathBuf,
    /// The feed list files in order, globs expanded.
    pub feed_lists: Vec<PathBuf>,
    /// `[database]`.
    pub database: Database,
    /// `[fetch]`.
    pub fetch: Fetch,
    /// `[schedule]`.
    pub schedule: Schedule,
    /// `[articles]`.
    pub articles: Articles,
    /// `[pages]`.
    pub pages: Pages,
    /// `[http]`.
    pub http: Http,
    /// `[log]`.
    pub log: Log,
    /// `[[filter]]`.
    pub filters: Vec<Filter>,
    /// `[[webhook]]`.
    pub webhooks: Vec<Webhook>,
    /// The rules of `[pages] rules`, in the order of the files.
    pub site_rules: Vec<SiteRule>,
    /// The files that they stand in.
    pub rule_files: Vec<PathBuf>,
    /// All feeds, in the order of the files; whoever needs one for longer shares it.
    pub feeds: Vec<Arc<Feed>>,
    /// The first title that a feed list gives itself.
    pub title: Option<String>,
    /// What is doubtful but stops nothing.
    pub warnings: Vec<Mistake>,
}
