//! What a page says of its article.

use chrono::{DateTime, Utc};
use url::Url;

use super::dom::Nodes;
use super::rules::SiteRule;
use crate::article::{authors, dates, language, title};
use crate::parse::{Person, Stamp, date::parse_date};

/// What a page says of its article.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub title: String,
    pub authors: Vec<String>,
    pub published: Option<DateTime<Utc>>,
    pub language: Option<String>,
    pub canonical: Option<String>,
}

/// What the page's links are relative to: its first `base`, else its own address.
pub fn base(nodes: &Nodes<'_>, url: Option<&Url>) -> Option<Url> {
    let href = nodes.iter().find(|(_, item)| item.name() == "base").and_then(|(_, item)| item.attribute("href")).map(str::trim);
    let named = href.and_then(|href| match url {
        Some(url) => url.join(href).ok(),
        None => Url::parse(href).ok(),
    });
    named.filter(|base| !base.cannot_be_a_base()).or_else(|| url.cloned())
}

/// Reads all of it.
pub fn read(nodes: &Nodes<'_>, base: Option<&Url>, _rule: Option<&SiteRule>, now: DateTime<Utc>) -> Facts {
    let mut facts = Facts::default();
    let meta = |wanted: &[&str]| {
        wanted.iter().find_map(|wanted| {
            nodes.iter().filter(|(_, item)| item.name() == "meta").find_map(|(_, item)| {
                let name = item.attribute("property").or_else(|| item.attribute("name"))?;
                if name.eq_ignore_ascii_case(wanted) {
                    item.attribute("content").filter(|content| !content.trim().is_empty())
                } else {
                    None
                }
            })
        })
    };
    let first = |name: &str| nodes.iter().find(|(_, item)| item.name() == name).map(|(at, _)| nodes.text(at));
    facts.title = meta(&["og:title"])
        .map(str::to_owned)
        .or_else(|| first("h1"))
        .or_else(|| first("title"))
        .map(|line| title::label(&line))
        .unwrap_or_default();
    let person = meta(&["author", "article:author"]).filter(|name| !name.contains("://"));
    facts.authors =
        authors::names(&person.map(|name| Person { name: Some(name.to_owned()), ..Person::default() }).into_iter().collect::<Vec<_>>());
    facts.published = meta(&["article:published_time"])
        .and_then(|text| dates::credible(&Stamp { text: text.to_owned(), at: parse_date(text) }, "published", now).ok());
    facts.language =
        nodes.iter().find(|(_, item)| item.name() == "html").and_then(|(_, item)| item.attribute("lang")).and_then(language::normalise);
    let link = nodes
        .iter()
        .find(|(_, item)| item.name() == "link" && item.attribute("rel").is_some_and(|rel| rel.eq_ignore_ascii_case("canonical")));
    facts.canonical = link
        .and_then(|(_, item)| item.attribute("href"))
        .or_else(|| meta(&["og:url"]))
        .and_then(|href| match base {
            Some(base) => base.join(href.trim()).ok(),
            None => Url::parse(href.trim()).ok(),
        })
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .map(String::from);
    facts
}
