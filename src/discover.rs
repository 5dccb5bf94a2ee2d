//! From the address of a site to its feed: what the page itself names, else the usual places, else its News sitemap.
//!
//! How a document is fetched and what counts as a feed is passed in, so the rules are tried without a network.

use std::cell::RefCell;
use std::future::Future;

use bytes::Bytes;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use url::Url;

use crate::backfill::{likely_places, looks_like_news, newest_first};
use crate::parse::parse;
use crate::robots::Robots;

/// Where feeds stand on sites that name none, below the page's own folder and the site's root.
const USUAL_PLACES: &[&str] = &["feed", "feed/", "rss", "rss.xml", "atom.xml", "feed.xml", "index.xml", "feed.json"];

/// More sitemaps than this are not tried on one site.
const MOST_SITEMAPS: usize = 12;

/// … nor of one index.
const MOST_OF_INDEX: usize = 3;

/// More feeds than this are not tried on one page: a page that names hundreds is no reason to ask for them all.
const MOST_NAMED: usize = 10;

/// A document and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// After redirects.
    pub url: Url,
    /// The document.
    pub body: Bytes,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
}

/// Fetches a document.
pub trait Fetch {
    /// The document at a URL, or why there is none, in words for the operator.
    fn get(&self, url: &Url) -> impl Future<Output = Result<Page, String>> + Send;
}

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A feed, a News sitemap among them.
    Feed,
    /// An index of sitemaps: these, those that are likely to have the latest news first.
    Index(Vec<Url>),
    /// Something else.
    Other,
}

/// What a document is.
pub fn kind_of(page: &Page) -> Kind {
    match parse(&page.body, &page.url, page.content_type.as_deref()) {
        Ok(document) if document.sitemaps.is_empty() => Kind::Feed,
        Ok(index) => Kind::Index(newest_first(&index.sitemaps).into_iter().map(|(url, _)| url).collect()),
        Err(_) => Kind::Other,
    }
}

/// A feed that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The address to subscribe to.
    pub url: Url,
    /// Its document; that of its newest sitemap where the address is that of an index.
    pub page: Page,
}

/// Why no feed was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// The page itself could not be fetched.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: Url,
        /// Why it did not come.
        reason: String,
    },
    /// The page came, but neither is it a feed nor does it lead to one.
    #[error("{url} is not a feed, names none that can be read, and neither a feed nor a News sitemap stands at the usual places{}", list_tried(.tried))]
    NotFound {
        /// What was asked for.
        url: Url,
        /// The feeds that the page names, and what came of them.
        tried: Vec<String>,
    },
}

fn list_tried(tried: &[String]) -> String {
    if tried.is_empty() { String::new() } else { format!(" (it names {})", tried.join("; ")) }
}

/// The feed at a URL, or of the page at it: the URL itself where a feed stands there.
///
/// # Errors
/// The page cannot be fetched, or no feed is found.
pub async fn discover<F: Fetch>(url: &Url, fetch: &F, kind: impl Fn(&Page) -> Kind) -> Result<Found, DiscoverError> {
    let page = fetch.get(url).await.map_err(|reason| DiscoverError::Unreachable { url: url.clone(), reason })?;
    match kind(&page) {
        Kind::Feed => return Ok(Found { url: url.clone(), page }),
        Kind::Index(sitemaps) => {
            drop(page);
            let found = news_of_index(url, sitemaps, fetch, &kind).await;
            return found.ok_or_else(|| DiscoverError::NotFound { url: url.clone(), tried: Vec::new() });
        }
        Kind::Other => {}
    }
    let (named, places, root) = (named_feeds(&page), usual_places(&page.url), page.url.join("/").ok());
    // A body takes from the memory that all share: it goes before the next one comes.
    drop(page);
    let mut tried = Vec::new();
    for url in named.into_iter().take(MOST_NAMED) {
        match fetch.get(&url).await {
            Ok(page) if kind(&page) == Kind::Feed => return Ok(Found { url, page }),
            Ok(_) => tried.push(format!("{url}, which is no feed")),
            Err(reason) => tried.push(format!("{url}: {reason}")),
        }
    }
    for url in places {
        // Most of these don't exist, so a failure says nothing.
        if let Ok(page) = fetch.get(&url).await
            && kind(&page) == Kind::Feed
        {
            return Ok(Found { url, page });
        }
    }
    if let Some(root) = root {
        for url in sitemaps_of(&root, fetch).await {
            let Ok(page) = fetch.get(&url).await else { continue };
            match kind(&page) {
                Kind::Feed => return Ok(Found { url, page }),
                Kind::Index(sitemaps) => {
                    drop(page);
                    if let Some(found) = news_of_index(&url, sitemaps, fetch, &kind).await {
                        return Ok(found);
                    }
                }
                Kind::Other => {}
            }
        }
    }
    Err(DiscoverError::NotFound { url: url.clone(), tried })
}

/// The sitemaps that a site's robots.txt names, those that speak of news first; then the usual places of a News sitemap.
async fn sitemaps_of<F: Fetch>(root: &Url, fetch: &F) -> Vec<Url> {
    let mut sitemaps = Vec::new();
    if let Ok(robots) = root.join("/robots.txt")
        && let Ok(page) = fetch.get(&robots).await
    {
        sitemaps.extend(Robots::parse(&page.body, "Gleaner").sitemaps().iter().cloned());
    }
    sitemaps.sort_by_key(|url| !looks_like_news(url));
    for place in likely_places(root) {
        if !sitemaps.contains(&place) {
            sitemaps.push(place);
        }
    }
    sitemaps.truncate(MOST_SITEMAPS);
    sitemaps
}

/// What to subscribe to for the news of an index: its News sitemap where that is one that stays, else the index itself.
async fn news_of_index<F: Fetch>(index: &Url, sitemaps: Vec<Url>, fetch: &F, kind: impl Fn(&Page) -> Kind) -> Option<Found> {
    let of_news: Vec<&Url> = sitemaps.iter().filter(|url| looks_like_news(url)).collect();
    // One with a date or a number in its name is followed by another.
    let stays = |url: &Url| of_news.len() == 1 && looks_like_news(url) && !url.path().bytes().any(|byte| byte.is_ascii_digit());
    for url in sitemaps.iter().take(MOST_OF_INDEX) {
        if let Ok(page) = fetch.get(url).await
            && kind(&page) == Kind::Feed
        {
            let url = if stays(url) { url } else { index };
            return Some(Found { url: url.clone(), page });
        }
    }
    None
}

/// The URLs at which sites like to put their feed: first below the page's own folder, then below the site's root.
pub fn usual_places(page: &Url) -> Vec<Url> {
    let mut places = Vec::new();
    let folder = page.join(".").ok();
    let root = page.join("/").ok();
    for base in [folder, root].into_iter().flatten() {
        for place in USUAL_PLACES {
            if let Ok(mut url) = base.join(place) {
                url.set_query(None);
                url.set_fragment(None);
                if !places.contains(&url) {
                    places.push(url);
                }
            }
        }
    }
    places
}

/// The feeds that an HTML page names by `link rel=alternate` with a feed's type, absolute, in its order.
pub fn named_feeds(page: &Page) -> Vec<Url> {
    let links = Links::default();
    let tokenizer = Tokenizer::new(links, Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(&*text(page)));
    // The sink never asks for a script to be run, which is all that could stop the tokenizer.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let Links { base, hrefs } = tokenizer.sink;
    let base = base.into_inner().and_then(|href| page.url.join(href.trim()).ok()).unwrap_or_else(|| page.url.clone());
    let mut feeds = Vec::new();
    for href in hrefs.into_inner() {
        let Ok(url) = base.join(href.trim()) else { continue };
        if matches!(url.scheme(), "http" | "https") && !feeds.contains(&url) {
            feeds.push(url);
        }
    }
    feeds
}

/// The page's characters. Addresses are ASCII in nearly all pages, so what the header does not declare is read as UTF-8.
fn text(page: &Page) -> String {
    let declared = page.content_type.as_deref().and_then(|header| {
        let (_, label) = header.split_once("charset=")?;
        encoding_rs::Encoding::for_label(label.split(';').next()?.trim_matches(['"', '\'', ' ']).as_bytes())
    });
    declared.unwrap_or(encoding_rs::UTF_8).decode(&page.body).0.into_owned()
}

#[derive(Default)]
struct Links {
    base: RefCell<Option<String>>,
    hrefs: RefCell<Vec<String>>,
}

fn value<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| &*attribute.value)
}

/// Is this one of the media types that feeds are announced with?
fn is_feed_type(declared: &str) -> bool {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/rss+xml" | "application/atom+xml" | "application/rdf+xml" | "application/feed+json" | "application/xml" | "text/xml"
    )
}

impl TokenSink for Links {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind != TagKind::StartTag {
            return TokenSinkResult::Continue;
        }
        match &*tag.name {
            "base" => {
                let mut base = self.base.borrow_mut();
                if base.is_none() {
                    *base = value(&tag, "href").map(str::to_owned);
                }
            }
            "link" => {
                let rel = value(&tag, "rel").unwrap_or_default();
                let names_a_feed =
                    rel.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("alternate") || rel.eq_ignore_ascii_case("feed"));
                if let (true, Some(href)) = (names_a_feed && value(&tag, "type").is_some_and(is_feed_type), value(&tag, "href")) {
                    self.hrefs.borrow_mut().push(href.to_owned());
                }
            }
            // What looks like a tag within these is none; a parser that builds a tree would say so itself.
            "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => return TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn page(at: &str, body: &str) -> Page {
        Page { url: url(at), body: Bytes::copy_from_slice(body.as_bytes()), content_type: Some("text/html; charset=utf-8".to_owned()) }
    }

    fn named(body: &str) -> Vec<String> {
        named_feeds(&page("https://example.org/blog/index.html", body)).into_iter().map(String::from).collect()
    }

    #[test]
    fn feeds_are_the_alternate_links_of_a_feeds_type() {
        for (body, want) in [
            (r#"<link rel="alternate" type="application/rss+xml" href="/feed">"#, vec!["https://example.org/feed"]),
            (r#"<LINK TYPE='Application/Atom+XML; charset=utf-8' REL='Alternate' HREF='a.xml'/>"#, vec!["https://example.org/blog/a.xml"]),
            (r#"<link rel=alternate type=application/feed+json href=//cdn.example.net/f.json>"#, vec!["https://cdn.example.net/f.json"]),
            (r#"<link rel="alternate home" type="text/xml" href=" x?a=1&amp;b=2 ">"#, vec!["https://example.org/blog/x?a=1&b=2"]),
            (r#"<base href="/en/"><link rel="alternate" type="application/rss+xml" href="feed">"#, vec!["https://example.org/en/feed"]),
            (
                r#"<link rel="feed" type="application/rss+xml" href="1"><link rel="alternate" type="application/rss+xml" href="./1">"#,
                vec!["https://example.org/blog/1"],
            ),
            (r#"<link rel="alternate" hreflang="de" href="/de/"><link rel="stylesheet" type="text/xml" href="s">"#, vec![]),
            (r#"<link rel="alternate" type="application/json+oembed" href="/oembed">"#, vec![]),
            (
                r#"<script>'<link rel="alternate" type="application/rss+xml" href="/no">'</script><!-- <link rel="alternate" type="application/rss+xml" href="/no"> -->"#,
                vec![],
            ),
            (r#"<title>a <link rel="alternate" type="application/rss+xml" href="/no"></title>"#, vec![]),
            (
                r#"<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)"><link rel="alternate" type="application/rss+xml">"#,
                vec![],
            ),
            ("", vec![]),
        ] {
            assert_eq!(named(body), want, "{body}");
        }
    }

    #[test]
    fn usual_places_are_below_the_page_and_below_the_root_each_once() {
        let places = usual_places(&url("https://example.org/?page=1"));
        assert_eq!(places.len(), USUAL_PLACES.len());
        assert_eq!(places[0].as_str(), "https://example.org/feed");
        let places = usual_places(&url("https://example.org/blog/"));
        assert_eq!(places.len(), 2 * USUAL_PLACES.len());
        assert_eq!((places[0].as_str(), places[8].as_str()), ("https://example.org/blog/feed", "https://example.org/feed"));
    }

    /// A site of few pages that notes what it was asked for.
    struct Site {
        pages: HashMap<&'static str, &'static str>,
        asked: Mutex<Vec<String>>,
    }

    impl Fetch for Site {
        async fn get(&self, url: &Url) -> Result<Page, String> {
            self.asked.lock().unwrap().push(url.path().to_owned());
            self.pages.get(url.path()).map(|body| page(url.as_str(), body)).ok_or_else(|| "HTTP status 404".to_owned())
        }
    }

    /// A feed begins as one; an index names its sitemaps line by line.
    fn kind(page: &Page) -> Kind {
        let body = String::from_utf8(page.body.to_vec()).unwrap();
        match body.strip_prefix("index ") {
            Some(sitemaps) => Kind::Index(sitemaps.split(' ').map(|path| page.url.join(path).unwrap()).collect()),
            None if body.starts_with("<rss") => Kind::Feed,
            None => Kind::Other,
        }
    }

    async fn found(pages: &[(&'static str, &'static str)]) -> (Result<String, DiscoverError>, Vec<String>) {
        let site = Site { pages: pages.iter().copied().collect(), asked: Mutex::default() };
        let found = discover(&url("https://example.org/"), &site, kind).await;
        (found.map(|found| found.url.into()), site.asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn a_feed_is_found_at_the_url_then_by_the_pages_links_then_at_the_usual_places() {
        let links = r#"<link rel=alternate type=text/xml href=/gone><link rel=alternate type=text/xml href=/news>"#;
        let (result, asked) = found(&[("/", "<rss/>")]).await;
        assert_eq!((result.unwrap().as_str(), asked.len()), ("https://example.org/", 1));
        let (result, asked) = found(&[("/", links), ("/news", "<rss/>"), ("/feed", "<rss/>")]).await;
        assert_eq!((result.unwrap().as_str(), &asked[..]), ("https://example.org/news", &["/", "/gone", "/news"].map(String::from)[..]));
        let (result, _) = found(&[("/", "<html>"), ("/feed", "<html>"), ("/atom.xml", "<rss/>")]).await;
        assert_eq!(result.unwrap(), "https://example.org/atom.xml");
    }

    #[tokio::test]
    async fn a_site_without_feeds_is_followed_by_its_news_sitemap() {
        let robots = "User-agent: *\nDisallow:\nSitemap: https://example.org/pages.xml\nSitemap: https://example.org/index-news.xml\n";
        let of = |index: &'static str| {
            [
                ("/", "<html>"),
                ("/robots.txt", robots),
                ("/index-news.xml", index),
                ("/n.xml", "<rss/>"),
                ("/news.xml", "<rss/>"),
                ("/news-2.xml", "<rss/>"),
            ]
        };
        // One that stays is subscribed to itself; where there are more, or its name is of a day, the index is.
        for (index, want) in [
            ("index /news.xml /other.xml", "https://example.org/news.xml"),
            ("index /news.xml /news-2.xml", "https://example.org/index-news.xml"),
            ("index /news-2.xml", "https://example.org/index-news.xml"),
            ("index /n.xml", "https://example.org/index-news.xml"),
            ("<rss/>", "https://example.org/index-news.xml"),
        ] {
            assert_eq!(found(&of(index)).await.0.unwrap(), want, "{index}");
        }
        let (result, asked) = found(&[("/", "<html>"), ("/news-sitemap.xml", "<rss/>")]).await;
        assert_eq!(result.unwrap(), "https://example.org/news-sitemap.xml");
        assert!(asked.iter().position(|path| path == "/atom.xml") < asked.iter().position(|path| path == "/robots.txt"));
        assert!(found(&[("/", "index /a /b /c /d"), ("/d", "<rss/>")]).await.0.is_err(), "three sitemaps of an index are tried");
    }

    #[tokio::test]
    async fn what_was_tried_is_told_where_no_feed_is_found() {
        let (result, _) = found(&[("/", r#"<link rel=alternate type=text/xml href=/gone>"#)]).await;
        let error = result.unwrap_err().to_string();
        assert!(error.contains("it names https://example.org/gone: HTTP status 404"), "{error}");
        let (result, asked) = found(&[]).await;
        assert_eq!(result.unwrap_err().to_string(), "https://example.org/: HTTP status 404");
        assert_eq!(asked.len(), 1, "a site that does not answer is not asked again");
    }
}
