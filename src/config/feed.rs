//! One `[[feed]]` table: its URL, its name, and all that may be set for it alone.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use super::mistake::Mistake;
use super::section::{Section, Value, Wrong, boolean, choice, in_order, line, string, table};
use super::settings::{FULL_TEXT, filters, headers, interval, language, proxy, readable_file, secret_file, size, user_agent};
use super::surroundings::Surroundings;
use super::{Feed, FeedRequest, IdentityRule, Placement, Schedule};
use crate::article::url::without_tracking;

/// Reads a `[[feed]]` table. `None` where it has no usable URL or name; all that is wrong is noted.
pub(super) fn feed(section: &mut Section<'_>, span: Range<usize>, schedule: &Schedule, surroundings: &Surroundings) -> Option<Feed> {
    let source = section.source;
    let url = section.read("url", |value| {
        let text = line(value)?;
        Ok((read_feed_url(text, source.folder())?, text))
    });
    if !section.has("url") {
        section.wrong(span.clone(), "a feed without `url`", None);
    }
    let named = section.read("name", |value| line(value).map(str::to_owned));
    let feed = Feed {
        name: String::new(),
        url: Url::parse("about:blank").ok()?,
        title: section.read("title", |value| line(value).map(str::to_owned)),
        tags: section.read_list("tags", |value| line(value).map(str::to_owned)).map(distinct).unwrap_or_default(),
        enabled: section.read("enabled", boolean).unwrap_or(true),
        interval: section.read("interval", |value| match interval(value)? {
            short if short < schedule.min_interval => {
                Err(Wrong::new(format!("shorter than `min_interval` ({})", super::units::write_duration(schedule.min_interval)))
                    .help("lower `min_interval` in [schedule] too, if that is meant"))
            }
            interval => Ok(interval),
        }),
        full_text: section.read("full_text", |value| choice(value, FULL_TEXT)),
        identity: section
            .read("identity", |value| {
                choice(
                    value,
                    &[
                        ("auto", IdentityRule::Auto),
                        ("guid", IdentityRule::Guid),
                        ("link", IdentityRule::Link),
                        ("title+date", IdentityRule::TitleAndDate),
                    ],
                )
            })
            .unwrap_or_default(),
        language: section.read("language", language),
        request: Arc::new(request(section, surroundings)),
        filters: filters(section, "filters"),
        placements: section.read_list("opml", placement).unwrap_or_default(),
        list: source.path.clone(),
        line: source.line_and_column(span.start).0,
    };
    // A name that is there but wrong is no reason to invent another.
    let name_is_wrong = named.is_none() && section.has("name");
    let (url, written) = url?;
    if name_is_wrong {
        return None;
    }
    Some(Feed { name: named.unwrap_or_else(|| default_name(written, &url)), url, ..feed })
}

#[cfg(test)]
impl Feed {
    /// A feed of this name at this URL, of which the operator wrote no more.
    pub fn at(name: &str, url: &str) -> Feed {
        Feed {
            name: name.to_owned(),
            url: Url::parse(url).unwrap(),
            title: None,
            tags: Vec::new(),
            enabled: true,
            interval: None,
            full_text: None,
            identity: IdentityRule::default(),
            language: None,
            request: Arc::default(),
            filters: Vec::new(),
            placements: Vec::new(),
            list: "feeds.toml".into(),
            line: 1,
        }
    }
}

fn request(section: &mut Section<'_>, surroundings: &Surroundings) -> FeedRequest {
    let source = section.source;
    let request = FeedRequest {
        headers: headers(section),
        user_agent: section.read("user_agent", user_agent),
        proxy: section.read("proxy", proxy),
        username: section.read("username", |value| string(value).map(str::to_owned)),
        password_file: section.read("password_file", |value| secret_file(source, surroundings, value)),
        token_file: section.read("token_file", |value| secret_file(source, surroundings, value)),
        cookie_file: section.read("cookie_file", |value| secret_file(source, surroundings, value)),
        client_certificate: section.read("client_certificate", |value| readable_file(source, value)),
        client_key: section.read("client_key", |value| secret_file(source, surroundings, value)),
        max_body: section.read("max_body", size),
        allow_private_networks: section.read("allow_private_networks", boolean),
    };
    for (key, other) in [("password_file", "username"), ("client_certificate", "client_key"), ("client_key", "client_certificate")] {
        if let (Some(span), false) = (section.span(key), section.has(other)) {
            section.wrong(span, format!("`{key}` without `{other}`"), None);
        }
    }
    if let (Some(span), true) = (section.span("token_file"), section.has("username")) {
        let help = "a request carries either a bearer token or a user name".to_owned();
        section.wrong(span, "`token_file` and `username` in one feed", Some(help));
    }
    request
}

/// An entry of `[[feed.opml]]`: where a feed stood in an imported OPML file, so that an export gives back what came in.
fn placement<'a>(value: &'a Value<'a>) -> Result<Placement, Wrong> {
    let mut placement = Placement::default();
    for (key, value) in in_order(table(value)?) {
        match (key, value.get_ref()) {
            ("folders", toml::de::DeValue::Array(folders)) => {
                placement.folders = folders.iter().map(attributes).collect::<Result<_, _>>()?;
            }
            ("attributes", _) => placement.attributes = attributes(value)?,
            ("folders", _) => return Err(Wrong::new("`folders` is not a list of tables")),
            _ => return Err(Wrong::new(format!("unknown key `{key}`")).help("known keys: attributes, folders")),
        }
    }
    let attributes = placement.folders.iter().flatten().chain(&placement.attributes);
    match attributes.into_iter().find(|(name, _)| !crate::opml::is_name(name)) {
        Some((name, _)) => Err(Wrong::new(format!("`{name}` cannot be the name of an attribute"))),
        None => Ok(placement),
    }
}

fn attributes<'a>(value: &'a Value<'a>) -> Result<Vec<(String, String)>, Wrong> {
    in_order(table(value)?).into_iter().map(|(name, value)| Ok((name.to_owned(), string(value)?.to_owned()))).collect()
}

/// Each once, in the order of first appearance.
pub(super) fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}

/// The URL of a feed as written in a file of `folder`: `http:`, `https:`, or `file:` with a path that may be relative
/// to that folder (`file:demo/a.xml`).
///
/// # Errors
/// In words: what is wrong, and what may have been meant.
pub fn feed_url(text: &str, folder: &Path) -> Result<Url, String> {
    read_feed_url(text, folder).map_err(|wrong| wrong.to_string())
}

pub(super) fn read_feed_url(text: &str, folder: &Path) -> Result<Url, Wrong> {
    if let Some(path) = strip_prefix_ignore_case(text, "file:") {
        return file_url(text, path, folder);
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) if url.scheme().contains('.') || url.scheme() == "localhost" => Err(no_scheme(text)),
        Ok(url) => {
            Err(Wrong::new(format!("a feed cannot be read by `{}:`", url.scheme())).help("write http://, https:// or file: and a path"))
        }
        Err(url::ParseError::RelativeUrlWithoutBase) => Err(no_scheme(text)),
        Err(error) => Err(Wrong::new(format!("`{text}` is not a URL: {error}"))),
    }
}

fn no_scheme(text: &str) -> Wrong {
    let looks_like_a_path = text.starts_with(['.', '/', '~']) || text.rsplit_once('.').is_some_and(|(_, end)| end == "xml");
    let begin = if looks_like_a_path && !text.contains("://") && !text.contains("www.") { "file:" } else { "https://" };
    Wrong::new(format!("`{text}` is not a URL: it has no scheme")).help(format!("did you mean `{begin}{text}`?"))
}

fn file_url(text: &str, path: &str, folder: &Path) -> Result<Url, Wrong> {
    let wrong = |reason: &str| Wrong::new(format!("`{text}`: {reason}"));
    let url = if path.starts_with('/') {
        Url::parse(text)?
    } else {
        let base = Url::from_directory_path(folder).map_err(|()| wrong("the folder of the config file is not absolute"))?;
        // "./" keeps a colon in the first segment from being read as a scheme's.
        base.join(&format!("./{path}"))?
    };
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err(wrong("a file: URL cannot name another host").help("a relative path has no slashes before it: file:demo/a.xml"));
    }
    match url.to_file_path() {
        Ok(_) if !path.is_empty() => Ok(url),
        _ => Err(wrong("names no file")),
    }
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The name of a feed that was given none: its URL without scheme, `www.`, query and credentials. A `file:` URL gives its
/// path as it is written, so that the name stays when the folder moves.
pub fn default_name(written: &str, url: &Url) -> String {
    if let Some(path) = strip_prefix_ignore_case(written.trim(), "file:") {
        let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
        return path.split(['?', '#']).next().unwrap_or(path).to_owned();
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let fragment = url.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{host}{port}{}{fragment}", url.path())
}

/// What two feeds' URLs have in common when they are one feed: the identity URL, without scheme, `www.` and `m.`, default
/// port, trailing slash, fragment, credentials, tracking parameters and order of the query.
pub fn feed_key(url: &Url) -> String {
    if url.scheme() == "file" {
        return format!("file:{}", url.path());
    }
    let mut host = url.host_str().unwrap_or_default();
    for prefix in ["www.", "m."] {
        host = host.strip_prefix(prefix).filter(|rest| rest.contains('.')).unwrap_or(host);
    }
    let port = match url.port() {
        None | Some(80 | 443) => String::new(),
        Some(port) => format!(":{port}"),
    };
    let path = url.path().trim_end_matches('/');
    let query = without_tracking(url.query().unwrap_or_default());
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("{host}{port}{path}{query}")
}

/// What was read, and where its table stands.
pub(super) struct Found {
    pub(super) feed: Feed,
    pub(super) source: super::mistake::SourceText,
    pub(super) span: Range<usize>,
}

impl Found {
    pub(super) fn place(&self) -> String {
        self.source.place(self.span.start)
    }

    pub(super) fn mistake(&self, message: String) -> Mistake {
        Mistake::at(&self.source, self.span.clone(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_url_is_http_https_or_a_file_relative_to_its_list() {
        let folder = Path::new("/etc/gleaner");
        for (text, want) in [
            ("https://example.org/feed", "https://example.org/feed"),
            ("HTTP://Example.org", "http://example.org/"),
            ("file:demo/a.xml", "file:///etc/gleaner/demo/a.xml"),
            ("file:./a.xml", "file:///etc/gleaner/a.xml"),
            ("file:../a b.xml", "file:///etc/a%20b.xml"),
            ("file:a:b.xml", "file:///etc/gleaner/a:b.xml"),
            ("file:/srv/a.xml", "file:///srv/a.xml"),
            ("file:///srv/a.xml", "file:///srv/a.xml"),
            ("FILE:a.xml", "file:///etc/gleaner/a.xml"),
            ("file://localhost/srv/a.xml", "file:///srv/a.xml"),
        ] {
            assert_eq!(feed_url(text, folder).unwrap().as_str(), want, "{text}");
        }
        for text in
            ["", "ftp://example.org/a", "javascript:alert(1)", "example.org/feed", "localhost:8080/a", "file:", "file://host/a", "https://"]
        {
            assert!(feed_url(text, folder).is_err(), "{text}");
        }
        let without_scheme = feed_url("example.org/feed", folder).unwrap_err();
        assert!(without_scheme.ends_with("did you mean `https://example.org/feed`?"), "{without_scheme}");
    }

    #[test]
    fn the_default_name_is_the_url_without_scheme_www_query_and_credentials() {
        for (text, want) in [
            ("https://example.org/feed.xml", "example.org/feed.xml"),
            ("http://www.example.org/feed/?key=secret", "example.org/feed/"),
            ("https://user:pass@www.Example.org:8443/a/b", "example.org:8443/a/b"),
            ("https://example.org", "example.org/"),
            ("https://www.org/", "www.org/"),
            ("http://127.0.0.1:9000/feed.xml", "127.0.0.1:9000/feed.xml"),
            ("file:demo/a.xml", "demo/a.xml"),
            ("file:///srv/a.xml", "/srv/a.xml"),
            ("file:/srv/a.xml", "/srv/a.xml"),
        ] {
            let url = feed_url(text, Path::new("/etc")).unwrap();
            assert_eq!(default_name(text, &url), want, "{text}");
        }
    }

    #[test]
    fn feeds_whose_urls_differ_in_nothing_that_counts_are_one() {
        let key = |text: &str| feed_key(&Url::parse(text).unwrap());
        for text in [
            "https://example.org/feed",
            "http://www.example.org/feed/",
            "https://example.org:443/feed?utm_source=x#top",
            "http://user:pw@m.example.org/feed",
        ] {
            assert_eq!(key(text), "example.org/feed", "{text}");
        }
        assert_eq!(key("https://example.org/?b=2&a=1"), key("https://example.org/?a=1&b=2"));
        assert_ne!(key("https://example.org/feed?id=1"), key("https://example.org/feed?id=2"));
        assert_ne!(key("https://example.org/a"), key("https://example.org/A"));
        assert_ne!(key("file:///a.xml"), key("file:///b.xml"));
    }
}
