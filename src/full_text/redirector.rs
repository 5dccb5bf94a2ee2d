//! Addresses that only pass readers on: where they say themselves that they lead.
//!
//! Most redirectors (FeedBurner, shorteners) answer programs with a redirect, which `fetch` follows. Some answer with a page
//! that makes a browser go on; and the links of Google News carry their target in themselves, or did.

use data_encoding::BASE64URL_NOPAD;
use url::Url;

/// A page that only passes readers on is no longer than this, bytes.
const LONGEST_PAGE: usize = 16 * 1024;

/// A reader is passed on at once, or after so many seconds; a page that refreshes itself later is meant to be read.
const LONGEST_DELAY: u32 = 5;

/// The target that an address carries in itself, if it is one that only passes readers on.
pub fn carried(address: &Url) -> Option<Url> {
    let host = address.host_str()?;
    let is_google = ["google.com", "www.google.com"].contains(&host);
    if host == "news.google.com" {
        return google_news(address);
    }
    if (is_google && address.path() == "/url") || host == "www.google.co.uk" && address.path() == "/url" {
        let target = address.query_pairs().find(|(name, _)| name == "url" || name == "q").map(|(_, value)| value.into_owned())?;
        return web(&target);
    }
    None
}

/// `/rss/articles/CBMi…` (also `/articles/`, `/__i/rss/rd/articles/`): a message in base64 whose text field is the address. Newer
/// ones hold a key instead, and nothing is found in them.
fn google_news(address: &Url) -> Option<Url> {
    let mut segments = address.path_segments()?.skip_while(|segment| *segment != "articles").skip(1);
    let message = BASE64URL_NOPAD.decode(segments.next()?.trim_end_matches('=').as_bytes()).ok()?;
    let start = message.windows(4).position(|window| window == b"http")?;
    let rest = message.get(start..)?;
    // Fields follow one another: the byte behind the text is a tag, which no address holds.
    let end = rest.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(rest.len());
    web(std::str::from_utf8(rest.get(..end)?).ok()?)
}

/// Where a page sends the browser on by itself (`<meta http-equiv="refresh">`); `None` where it is meant to be read.
pub fn refreshed(page: &Url, html: &str) -> Option<Url> {
    if html.len() > LONGEST_PAGE {
        return None;
    }
    let lower = html.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower.get(from..)?.find("<meta") {
        let start = from + at;
        let end = start + lower.get(start..)?.find('>')?;
        from = end;
        let (tag, lower_tag) = (html.get(start..end)?, lower.get(start..end)?);
        if !lower_tag.contains("http-equiv") || !lower_tag.contains("refresh") {
            continue;
        }
        let content = attribute(tag, lower_tag, "content")?;
        let (delay, rest) = content.split_once([';', ',']).unwrap_or((content, ""));
        let delay: f32 = delay.trim().parse().ok()?;
        if delay > LONGEST_DELAY as f32 {
            return None;
        }
        let rest = rest.trim();
        let target = match rest.get(..3) {
            Some(name) if name.eq_ignore_ascii_case("url") => rest.get(3..)?.trim_start().strip_prefix('=')?.trim(),
            _ => rest,
        };
        let target = target.trim_matches(['\'', '"']).replace("&amp;", "&");
        let target = page.join(&target).ok().filter(|target| matches!(target.scheme(), "http" | "https") && target != page)?;
        return (!target.as_str().is_empty()).then_some(target);
    }
    None
}

fn attribute<'a>(tag: &'a str, lower: &str, name: &str) -> Option<&'a str> {
    let at = lower.find(&format!("{name}="))? + name.len() + 1;
    let value = tag.get(at..)?;
    match value.chars().next()? {
        quote @ ('"' | '\'') => value.get(1..)?.split(quote).next(),
        _ => value.split_ascii_whitespace().next(),
    }
}

fn web(address: &str) -> Option<Url> {
    Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str) -> Url {
        Url::parse(address).unwrap()
    }

    #[test]
    fn an_address_that_carries_its_target_gives_it() {
        let message = |target: &str| {
            let mut bytes = vec![0x08, 0x13, 0x22, u8::try_from(target.len()).unwrap()];
            bytes.extend(target.bytes());
            bytes.extend([0xd2, 0x01, 0x00]);
            BASE64URL_NOPAD.encode(&bytes)
        };
        let news = message("https://paper.example/story?x=1");
        for (address, want) in [
            (format!("https://news.google.com/rss/articles/{news}?oc=5"), Some("https://paper.example/story?x=1")),
            (format!("https://news.google.com/__i/rss/rd/articles/{news}"), Some("https://paper.example/story?x=1")),
            ("https://news.google.com/rss/articles/CBMiAUFVX3lxTE1".to_owned(), None),
            ("https://news.google.com/rss/articles/!!!".to_owned(), None),
            ("https://www.google.com/url?rct=j&url=https://paper.example/a%3Fb%3D1&ct=ga".to_owned(), Some("https://paper.example/a?b=1")),
            ("https://www.google.com/url?url=javascript:0".to_owned(), None),
            (format!("https://paper.example/rss/articles/{news}"), None),
        ] {
            assert_eq!(carried(&url(&address)).as_ref().map(Url::as_str), want, "{address}");
        }
    }

    #[test]
    fn a_page_that_sends_the_browser_on_leads_there_and_one_that_is_read_does_not() {
        for (html, want) in [
            (r#"<meta http-equiv="refresh" content="0;url=https://paper.example/a?b=1&amp;c=2">"#, Some("https://paper.example/a?b=1&c=2")),
            (r#"<html><head><META HTTP-EQUIV=refresh CONTENT="1; URL='/b'"></head>"#, Some("https://s.example/b")),
            (r#"<meta charset=utf-8><meta content='0, https://paper.example/c' http-equiv='Refresh'>"#, Some("https://paper.example/c")),
            (r#"<meta http-equiv="refresh" content="300">"#, None),
            (r#"<meta http-equiv="refresh" content="0;url=javascript:x">"#, None),
            (r#"<meta http-equiv="refresh" content="0;url=https://s.example/1">"#, None),
            ("<meta name=refresh content=\"0;url=https://paper.example/a\">", None),
            ("<meta http-equiv=refresh", None),
            ("<p>İ<meta</p>", None),
        ] {
            assert_eq!(refreshed(&url("https://s.example/1"), html).as_ref().map(Url::as_str), want, "{html}");
        }
        let long = format!("{}<meta http-equiv=refresh content='0;url=https://paper.example/'>", " ".repeat(LONGEST_PAGE));
        assert_eq!(refreshed(&url("https://s.example/1"), &long), None);
    }
}
