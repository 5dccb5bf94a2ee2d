//! What stands before the root element: declarations, the document type with its entities, comments, rubbish.
//!
//! The parsers are given the document from its root element on. So no declaration can contradict the characters that
//! were already decoded, and no entity is ever expanded by anyone but us: a declared one is kept only when it is
//! plain text, so that nothing can grow, and external ones do not exist.

use quick_xml::events::BytesStart;
use url::Url;

use super::construct::Entities;
use super::dialect::is_root;

/// The document's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prolog {
    /// Where the root element begins.
    pub root: usize,
    /// What the document type declares.
    pub entities: Entities,
    /// The root element's local name, lower case.
    pub name: String,
    /// Something that does not belong there stood before it.
    pub rubbish: bool,
}

/// Finds the root element; `None` where no element can be that of a feed.
pub fn read(text: &str) -> Option<Prolog> {
    let mut entities = Entities::default();
    let mut rest = text;
    let mut rubbish = false;
    while let Some(at) = rest.find('<') {
        rubbish |= !rest.get(..at)?.trim().is_empty();
        rest = rest.get(at..)?;
        let skipped = if rest.starts_with("<!--") {
            rest.find("-->").map(|end| end + 3)
        } else if rest.starts_with("<?") {
            rest.find("?>").map(|end| end + 2).or_else(|| rest.find('>').map(|end| end + 1))
        } else if starts_with_ignoring_case(rest, "<!doctype") {
            Some(document_type(rest, &mut entities))
        } else if rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic) {
            if is_root(&tag_name(rest)) {
                break;
            }
            // An error message of the server, or a wrapper: the feed may yet come.
            rubbish = true;
            Some(1)
        } else {
            rubbish |= !rest.starts_with("<!");
            Some(1)
        };
        rest = rest.get(skipped?..)?;
    }
    if !rest.starts_with('<') {
        return None;
    }
    Some(Prolog { root: text.len() - rest.len(), entities, name: tag_name(rest), rubbish })
}

/// The local name of the tag that begins here, in lower case.
fn tag_name(tag: &str) -> String {
    let name = tag.get(1..).unwrap_or_default();
    let length = name.bytes().take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'>' | b'/' | b'<')).count();
    let name = name.get(..length).unwrap_or_default();
    name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase()
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Reads a document type declaration; gives its length.
fn document_type(text: &str, entities: &mut Entities) -> usize {
    let mut quote = None;
    let mut brackets = 0usize;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'-') if text.get(at..).is_some_and(|rest| rest.starts_with("--")) && brackets > 0 => {
                // A comment of the internal subset: quotes and brackets in it mean nothing.
                at += text.get(at + 2..).and_then(|rest| rest.find("--")).map_or(1, |end| end + 3);
            }
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'[') => brackets += 1,
            (None, b']') => brackets = brackets.saturating_sub(1),
            (None, b'<') if brackets > 0 => {
                if let Some((name, value)) = entity_declaration(text.get(at..).unwrap_or_default()) {
                    entities.declare(name, value);
                }
            }
            (None, b'<') if at > 0 => return at,
            (None, b'>') if brackets == 0 => return at + 1,
            (None, _) => {}
        }
        at += 1;
    }
    // Never closed: the declaration is a single odd tag.
    text.find('>').map_or(text.len(), |end| end + 1)
}

fn entity_declaration(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("<!ENTITY")?.trim_start();
    let (name, rest) = rest.split_once(|c: char| c.is_ascii_whitespace())?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = rest.get(1..)?.split(quote).next()?;
    (name != "%").then_some((name, value))
}

/// Is this an HTML page?
pub fn is_html(text: &str) -> bool {
    let head: String = text.chars().take(4096).collect::<String>().to_ascii_lowercase();
    head.contains("<!doctype html") || head.contains("<html") || head.contains("<head") || head.contains("<body")
}

/// Longer tags name no feed.
const MAX_TAG: usize = 4096;

/// The feeds that an HTML page names, absolute (HTML §4.6.7.1, `rel=alternate`).
pub fn named_feeds(page: &str, url: &Url) -> Vec<String> {
    let mut feeds = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at..).unwrap_or_default();
        if starts_with_ignoring_case(rest, "<link")
            && let Some(end) = rest.bytes().take(MAX_TAG).position(|b| b == b'>')
        {
            let tag = rest.get(1..end).unwrap_or_default();
            let tag = BytesStart::from_content(tag.trim_end_matches('/'), 4);
            let attribute = |name: &str| {
                let found = tag.html_attributes().with_checks(false).flatten().find(|a| a.key.as_ref().eq_ignore_ascii_case(name))?;
                Some(Entities::default().unescape(&found.value).trim().to_owned())
            };
            let alternate = attribute("rel").is_some_and(|rel| rel.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("alternate")));
            let feed = attribute("type").is_some_and(|kind| {
                let kind = kind.to_ascii_lowercase();
                ["application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"]
                    .iter()
                    .any(|known| kind.starts_with(known))
            });
            if alternate
                && feed
                && let Some(found) = attribute("href").and_then(|href| url.join(&href).ok())
                && !feeds.contains(found.as_str())
            {
                feeds.push(found.into());
            }
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    feeds
}

trait ContainsStr {
    fn contains(&self, wanted: &str) -> bool;
}

impl ContainsStr for Vec<String> {
    fn contains(&self, wanted: &str) -> bool {
        self.iter().any(|known| known == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_behind_whatever_stands_before_it() {
        for (text, rubbish) in [
            ("<rss>", false),
            ("<?xml version='1.0' encoding='x'?>\n<!-- <rss> --><rss>", false),
            ("  \n<?xml version='1.0'?><?xml-stylesheet href='a'?><rss>", false),
            ("<!DOCTYPE rss PUBLIC '-//Netscape Communications//DTD RSS 0.91//EN' 'http://my.netscape.com/>'><rss>", false),
            ("<!DOCTYPE rss [ <!ENTITY a \"]>\"> <!-- ]> ' --> ]><rss>", false),
            ("<br />\n<b>Warning</b>: something\n<?xml version='1.0'?><rss>", true),
            ("rubbish<rss>", true),
        ] {
            let prolog = read(text).unwrap();
            assert_eq!(&text[prolog.root..], "<rss>", "{text}");
            assert_eq!(prolog.rubbish, rubbish, "{text}");
        }
        assert_eq!(read("<html><p>no feed</p></html>"), None);
        assert_eq!(read("plain text"), None);
        assert_eq!(read("<!-- never closed <rss>"), None);
    }

    #[test]
    fn only_plain_entities_are_kept() {
        let prolog = read(
            "<!DOCTYPE rss [<!ENTITY copyright \"(C)\"><!ENTITY cubed '&#179;'><!ENTITY lol '&copyright;&copyright;'>\
             <!ENTITY file SYSTEM 'file:///etc/passwd'>]><rss>",
        )
        .unwrap();
        assert_eq!(prolog.entities.resolve("copyright"), Some("(C)"));
        assert_eq!(prolog.entities.resolve("cubed"), Some("³"));
        assert_eq!(prolog.entities.resolve("lol"), None);
        assert_eq!(prolog.entities.resolve("file"), None);
        assert_eq!(prolog.entities.resolve("nbsp"), Some("\u{a0}"));
    }

    #[test]
    fn a_page_names_its_feeds() {
        let url = Url::parse("https://example.org/a/").unwrap();
        let page = "<!DOCTYPE html><html><head><link rel=stylesheet href=x.css><LINK REL='alternate' type=\"application/rss+xml\" href='../feed.xml?a=1&amp;b=2' />";
        assert!(is_html(page));
        assert_eq!(named_feeds(page, &url), ["https://example.org/feed.xml?a=1&b=2"]);
    }
}
