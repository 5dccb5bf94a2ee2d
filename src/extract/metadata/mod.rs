//! What a page says of its article: headline, byline, dates and all else of the schema beside the body.
//!
//! A page speaks with many voices: JSON-LD, OpenGraph, a dozen dialects of `meta`, microdata, and what readers see. They rarely agree.
//! Each field has its own order of trust, in its own module; here the voices are gathered and the plain fields read.

mod byline;
mod head;
mod headline;
mod json_ld;
mod when;

use chrono::{DateTime, Utc};
use url::Url;

use self::head::Head;
use super::Page;
use super::dom::Nodes;
use super::names::Names;
use super::rules::SiteRule;
use crate::article::{authors, boilerplate, language, title};
use crate::parse::Person;

/// What a page says of its article.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub title: String,
    pub authors: Vec<String>,
    pub published: Option<DateTime<Utc>>,
    pub updated: Option<DateTime<Utc>>,
    pub description: Option<String>,
    pub categories: Vec<String>,
    pub image: Option<String>,
    pub site: Option<String>,
    pub site_url: Option<String>,
    pub language: Option<String>,
    pub rights: Option<String>,
    pub license: Option<String>,
    pub canonical: Option<String>,
    /// Does the page tell machines that it is an article?
    pub is_article: bool,
    /// Does it say whether all may read it?
    pub free: Option<bool>,
    /// The body as machines are given it.
    pub body: Option<String>,
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
pub fn read(page: &Page<'_>, nodes: &Nodes<'_>, names: &[Names], base: Option<&Url>, rule: Option<&SiteRule>) -> Facts {
    let Page { url, now, .. } = *page;
    let head = Head::gather(nodes, names);
    let web = |href: &str| web_url(href, base);
    let canonical = head.links("canonical").find_map(|link| web(link.attribute("href")?)).or_else(|| web(head.meta(&["og:url"])?));
    let scripts: Vec<String> = nodes
        .iter()
        .filter(|(_, item)| {
            item.name() == "script" && item.attribute("type").is_some_and(|kind| kind.to_ascii_lowercase().contains("ld+json"))
        })
        .map(|(at, _)| nodes.text(at))
        .collect();
    let addresses: Vec<&str> = [canonical.as_deref(), url.map(Url::as_str)].into_iter().flatten().collect();
    let described = json_ld::read(scripts.iter().map(String::as_str), &addresses);

    let site = head
        .meta(&["og:site_name"])
        .map(str::to_owned)
        .or_else(|| described.publisher.clone())
        .or_else(|| head.meta(&["application-name"]).map(str::to_owned));
    let site =
        site.map(|name| title::label(&name).trim_start_matches('@').to_owned()).filter(|name| !name.is_empty() && !name.contains("://"));
    let sites = names_of_site(url, [site.as_deref(), described.publisher.as_deref(), head.meta(&["application-name", "twitter:site"])]);
    let site_url = described.publisher_url.as_deref().and_then(web).or_else(|| home(url));

    let when = when::choose(&head, &described, url, now);
    let mut facts = Facts {
        title: headline::choose(&head, &described, &sites),
        authors: byline::choose(&head, &described, &sites),
        published: when.published,
        updated: when.updated,
        description: described
            .description
            .clone()
            .or_else(|| head.meta(&["og:description", "description", "twitter:description"]).map(str::to_owned)),
        categories: categories(&head, &described),
        image: head
            .meta(&["og:image:secure_url", "og:image", "og:image:url"])
            .or(described.image.as_deref())
            .or_else(|| head.meta(&["twitter:image", "twitter:image:src", "parsely-image-url", "sailthru.image.full"]))
            .and_then(web),
        site_url,
        language: language_of(nodes, &head, &described),
        rights: rights(nodes, &head, &described),
        license: license(&head, &described, base),
        is_article: described.is_article || head.meta(&["og:type"]).is_some_and(|kind| kind.eq_ignore_ascii_case("article")),
        free: described.free,
        body: described.body,
        site,
        canonical,
    };
    if let Some(rule) = rule {
        follow(rule, &head, now, &mut facts);
    }
    facts
}

/// What a site's rule says instead.
fn follow(rule: &SiteRule, head: &Head<'_, '_>, now: DateTime<Utc>, facts: &mut Facts) {
    let matches = |selector: &Option<scraper::Selector>| -> Vec<usize> {
        let Some(selector) = selector else { return Vec::new() };
        head.nodes
            .iter()
            .filter(|(_, item)| item.element_ref().is_some_and(|element| selector.matches(&element)))
            .map(|(at, _)| at)
            .collect()
    };
    let says = |at: usize| {
        let item = head.nodes.at(at);
        let stated = item.attribute("content").or_else(|| item.attribute("datetime"));
        stated.map_or_else(|| head.text(at), |stated| stated.trim().to_owned())
    };
    if let Some(line) = matches(&rule.title).into_iter().map(says).map(|line| title::label(&line)).find(|line| !line.is_empty()) {
        facts.title = line;
    }
    let people: Vec<Person> = matches(&rule.author).into_iter().map(|at| Person { name: Some(says(at)), ..Person::default() }).collect();
    let names = authors::names(&people);
    if !names.is_empty() {
        facts.authors = names;
    }
    if let Some(at) = matches(&rule.date).into_iter().find_map(|at| when::credible(&says(at), now)) {
        facts.published = Some(at);
    }
}

/// By which names the site goes, the words of its host among them.
fn names_of_site<'s>(url: Option<&Url>, named: impl IntoIterator<Item = Option<&'s str>>) -> Vec<String> {
    let mut names: Vec<String> = named.into_iter().flatten().map(|name| title::label(name).trim_start_matches('@').to_owned()).collect();
    if let Some(host) = url.and_then(Url::host_str) {
        let bare = host.strip_prefix("www.").unwrap_or(host);
        names.push(bare.to_owned());
        if let Some(domain) = psl::domain_str(bare) {
            names.push(domain.to_owned());
            names.extend(domain.split('.').next().map(str::to_owned));
        }
    }
    // A name of a whole sentence is the page's title.
    names.retain(|name| !name.is_empty() && name.split_whitespace().count() <= 6);
    let without_article: Vec<String> = names.iter().filter_map(|name| name.strip_prefix("The ").map(str::to_owned)).collect();
    names.extend(without_article);
    names
}

fn home(url: Option<&Url>) -> Option<String> {
    let home = url?.join("/").ok()?;
    matches!(home.scheme(), "http" | "https").then(|| home.into())
}

fn web_url(href: &str, base: Option<&Url>) -> Option<String> {
    let href = href.trim();
    if href.is_empty() {
        return None;
    }
    let url = match base {
        Some(base) => base.join(href).ok()?,
        None => Url::parse(href).ok()?,
    };
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.into())
}

fn categories(head: &Head<'_, '_>, described: &json_ld::Described) -> Vec<String> {
    let sections = described.sections.iter().map(String::as_str);
    let told = ["article:section", "article:section2", "parsely-section", "og:article:section", "article:tag"]
        .into_iter()
        .flat_map(|name| head.metas(name));
    let mut names: Vec<String> = Vec::new();
    for name in sections.chain(told).flat_map(|names| names.split(',')) {
        let name = title::label(name);
        if !name.is_empty() && name.len() <= 100 && !names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    names
}

fn language_of(nodes: &Nodes<'_>, head: &Head<'_, '_>, described: &json_ld::Described) -> Option<String> {
    let html = nodes.iter().find(|(_, item)| item.name() == "html").map(|(_, item)| item);
    let declared = ["lang", "xml:lang"].iter().find_map(|name| html?.attribute(name));
    [
        declared,
        head.meta(&["content-language", "language", "dc.language", "dcterms.language"]),
        described.language.as_deref(),
        head.meta(&["og:locale"]),
    ]
    .into_iter()
    .flatten()
    .find_map(language::normalise)
}

/// Texts with a copyright sign that are looked at: a page has a handful.
const MAX_COPYRIGHT_LINES: usize = 100;

/// The copyright line: as machines are told, else the last one that readers see.
fn rights(nodes: &Nodes<'_>, head: &Head<'_, '_>, described: &json_ld::Described) -> Option<String> {
    let told = head.meta(&["copyright", "dc.rights", "dcterms.rights", "rights"]).or(described.copyright.as_deref());
    let told = told.map(title::label).filter(|line| !line.is_empty() && !line.contains("://") && line.len() <= 300);
    told.or_else(|| {
        // From the page's end: the line of the page itself stands below those of its pictures.
        let mut end = nodes.count();
        let mut unsure = None;
        let mut looked_at = 0;
        while end > 0 {
            end -= 1;
            let item = nodes.at(end);
            let Some(text) = item.text().filter(|text| text.contains(['©', 'C', 'c'])) else { continue };
            if matches!(nodes.at(item.parent).name(), "script" | "style" | "title" | "textarea")
                || !(text.contains('©') || text.to_ascii_lowercase().contains("copyright"))
            {
                continue;
            }
            looked_at += 1;
            if looked_at > MAX_COPYRIGHT_LINES {
                break;
            }
            // The sign may stand in an element of its own within the line.
            let around = std::iter::once(end).chain(nodes.ancestors(end)).take(3);
            let lines = around.map(|at| head.text(at)).take_while(|line| line.len() <= 300);
            if let Some(line) = lines.filter(|line| boilerplate::is_copyright_line(line)).last() {
                let lower = line.to_lowercase();
                if lower.contains("20") || lower.contains("19") || lower.contains("reserved") {
                    return Some(title::label(&line));
                }
                unsure = unsure.or(Some(title::label(&line)));
            }
        }
        unsure
    })
}

fn license(head: &Head<'_, '_>, described: &json_ld::Described, base: Option<&Url>) -> Option<String> {
    let linked = head.links("license").find_map(|link| web_url(link.attribute("href")?, base));
    let told = head.meta(&["dcterms.license", "dc.rights.license", "dcterms.rights", "dc.rights"]).filter(|told| told.contains("://"));
    linked
        .or_else(|| described.license.as_deref().filter(|told| told.contains("://")).and_then(|told| web_url(told, None)))
        .or_else(|| web_url(told?, None))
}
