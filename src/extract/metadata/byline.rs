//! The byline: who wrote it, out of what machines are told and what readers see.

use std::sync::LazyLock;

use regex::Regex;

use super::head::Head;
use super::headline::is_site;
use super::json_ld::Described;
use crate::article::{authors, title};
use crate::parse::Person;

/// Bytes of a byline; what is longer is a paragraph.
const MAX_LENGTH: usize = 200;

/// Words that open a byline.
static OPENING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*(?:(?:written|posted|published|reported|story|text|words|review(?:ed)?|article)\s+)?(?:by|von|par|por|di|door|av|af|автор|autor|autore|auteur|author|tekst|texto|oleh)\b\s*:?\s*(.+)$",
    )
    .ok()
});

/// What may follow a name in the same line: a paper, a date, an account.
static TAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \s* (?:
            \s [|•·/–—] \s .* | \s - \s .* | \s* [|•·] .*
          | ,? \s* \b (?: publiziert | veröffentlicht | erschienen | publié | publicado | pubblicato | gepubliceerd | special \s to | for \s the | for \s | updated | published | posted | on \s | biography | follow ) \b .*
          | \s* @ \w+ .*
          | \s* , \s* (?: [\w.'’-]+ \s ){0,3} [\w-]+ \. (?: com | org | net | co | news | [a-z]{2} ) \b .*
          | ,? \s* \b (?: jan(?:uary)? | feb(?:ruary)? | mar(?:ch)? | apr(?:il)? | may | june? | july? | aug(?:ust)? | sept?(?:ember)? | oct(?:ober)? | nov(?:ember)? | dec(?:ember)? | mon(?:day)? | tue(?:s(?:day)?)? | wed(?:nesday)? | thu(?:rs(?:day)?)? | fri(?:day)? | sat(?:urday)? | sun(?:day)? ) \b \.? ,? \s+ \d .*
          | ,? \s* \d{1,4} .*
        ) $",
    )
    .ok()
});

/// … and a role, where it is not all there is ("Staff reports").
static ROLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ,? \s* \b (?: [\w.'’&]+ \s ){0,4} (?: staff\s+\w+ | correspondent | reporter | writer | editor | contributor | columnist | producer | critic | chief | bureau | news\s+service ) \b .* $",
    )
    .ok()
});

/// Names of `meta` elements, the surest first.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "author", "byl", "article:author", "og:article:author", "sailthru.author", "parsely-author", "dc.creator", "dcterms.creator", "dc.contributor",
    "citation_author", "citation_authors", "article.author", "authors", "cxenseparse:author",
];

/// Agencies whose name stands behind a writer's.
#[rustfmt::skip]
const AGENCIES: &[&str] = &[
    "associated press", "the associated press", "ap", "reuters", "afp", "agence france-presse", "pti", "press association", "pa", "bloomberg",
    "bloomberg news", "dpa", "upi", "cnn", "bbc", "bbc news", "nbc news", "abc news", "cbs news", "npr", "tass", "efe", "ansa", "ians", "ani", "xinhua",
];

/// Accounts that nobody is called by.
fn is_account(name: &str) -> bool {
    matches!(
        name.to_lowercase().as_str(),
        "admin"
            | "administrator"
            | "root"
            | "webmaster"
            | "editor"
            | "user"
            | "author"
            | "guest"
            | "wordpress"
            | "unknown"
            | "none"
            | "null"
            | "staff"
            | "web staff"
            | "jdadmin"
    )
}

/// The names of the authors.
///
/// Machines are told one name in a standard place, but often that of who uploaded the story, or of one author of three. So where
/// readers are shown a byline with the same name and more, or with another while the one told is nowhere to be seen, it counts.
pub fn choose(head: &Head<'_, '_>, described: &Described, sites: &[String]) -> Vec<String> {
    let strong = |names: &[String]| names.iter().any(|name| !is_weak(name, sites));
    let told = [described.authors.clone(), metas(head)].map(|names| clean(names, sites));
    let shown = [shown_bylines(head), shown_items(head)].map(|names| clean(names, sites));
    let first_strong = |all: &[Vec<String>; 2]| all.iter().find(|names| strong(names)).cloned().map(|names| without_weak(names, sites));
    match (first_strong(&told), first_strong(&shown)) {
        (Some(told), Some(shown)) => {
            let same = |one: &String| shown.iter().any(|other| is_same_name(one, other));
            if told.iter().any(same) {
                // "A. Author. Gazette" is told where "A. Author" is shown.
                let shorter = |one: &String| shown.iter().any(|other| other.len() < one.len() && is_same_name(one, other));
                let says_more = shown.len() > told.len() || told.iter().any(shorter);
                if says_more && told.iter().all(same) { shown } else { told }
            } else if clean(all_metas(head), sites).iter().any(same) {
                shown
            } else if told.iter().any(|name| stands_in_text(head, name)) {
                told
            } else {
                shown
            }
        }
        (Some(names), None) | (None, Some(names)) => names,
        (None, None) => {
            let all = told.into_iter().chain(shown);
            let named = all.map(|names| names.into_iter().filter(|name| !is_account(name)).collect::<Vec<_>>());
            named.into_iter().find(|names| !names.is_empty()).unwrap_or_default()
        }
    }
}

fn without_weak(mut names: Vec<String>, sites: &[String]) -> Vec<String> {
    names.retain(|name| !is_weak(name, sites));
    // "Name, Gazette Business": a desk of the site beside a person.
    let of_site = |name: &String| {
        sites
            .iter()
            .any(|site| name.len() > site.len() + 1 && name.starts_with(site.as_str()) && name.as_bytes().get(site.len()) == Some(&b' '))
    };
    if names.iter().any(|name| !of_site(name)) {
        names.retain(|name| !of_site(name));
    }
    names
}

fn is_same_name(one: &str, other: &str) -> bool {
    let folded = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let (one, other) = (folded(one), folded(other));
    one == other || one.starts_with(&other) || other.starts_with(&one)
}

/// Can readers see the name somewhere?
fn stands_in_text(head: &Head<'_, '_>, name: &str) -> bool {
    let nodes = head.nodes;
    nodes.iter().any(|(_, item)| {
        item.text().is_some_and(|text| text.contains(name))
            && !matches!(nodes.at(item.parent).name(), "script" | "style" | "title" | "noscript")
    })
}

/// A name that says no more than the site, or that is an account's.
fn is_weak(name: &str, sites: &[String]) -> bool {
    is_account(name) || is_site(name, sites)
}

fn metas(head: &Head<'_, '_>) -> Vec<String> {
    let all = |name: &&str| -> Vec<String> {
        head.metas(name).filter(|value| !value.contains("://") && !value.starts_with('@')).map(str::to_owned).collect()
    };
    NAMES.iter().map(all).find(|found| !found.is_empty()).unwrap_or_default()
}

/// What every one of them says.
fn all_metas(head: &Head<'_, '_>) -> Vec<String> {
    NAMES.iter().flat_map(|name| head.metas(name)).filter(|value| !value.contains("://")).map(str::to_owned).collect()
}

/// Microdata and microformats, and links that lead to the author.
fn shown_items(head: &Head<'_, '_>) -> Vec<String> {
    let nodes = head.nodes;
    let mut found = Vec::new();
    for item in head.items("author") {
        if head.in_comments(item.at) {
            continue;
        }
        // The name stands in an element of its own where the author is an object.
        let range = nodes.range(item.at);
        let name = range.clone().skip(1).find(|&at| nodes.at(at).attribute("itemprop") == Some("name"));
        found.push(match name {
            Some(at) => nodes.at(at).attribute("content").map_or_else(|| head.text(at), str::to_owned),
            None => head.says(item),
        });
    }
    found.retain(|name| !name.is_empty() && name.len() <= MAX_LENGTH && !name.contains("://"));
    if found.is_empty() {
        found =
            head.link_places("author").filter(|&at| nodes.at(at).name() == "a" && !head.in_comments(at)).map(|at| head.text(at)).collect();
    }
    found.retain(|name| !name.is_empty() && name.len() <= MAX_LENGTH);
    found
}

/// Elements that are called a byline, and lines that begin as one.
fn shown_bylines(head: &Head<'_, '_>) -> Vec<String> {
    let nodes = head.nodes;
    let mut at = 0;
    let mut labelled = None;
    while at < nodes.count() {
        let item = nodes.at(at);
        let Some(element) = item.element() else {
            at += 1;
            continue;
        };
        if matches!(element.name(), "script" | "style" | "noscript" | "nav" | "head" | "form") || head.holds_comments(at) {
            at = item.end;
            continue;
        }
        let class = item.attribute("class").unwrap_or_default();
        let called = class.split_ascii_whitespace().any(is_byline_name);
        if called || matches!(element.name(), "p" | "span" | "div" | "h3" | "h4" | "h5" | "h6" | "address" | "strong" | "em" | "i" | "b") {
            // Only short elements are looked into: a page's outer ones would be read once for each level.
            let length: usize = nodes.range(at).filter_map(|place| nodes.at(place).text()).map(str::len).take(64).sum();
            if length <= 400 && item.end - at < 60 {
                let text = spaced(head, at);
                if text.len() <= MAX_LENGTH && !text.is_empty() {
                    let opened = OPENING
                        .as_ref()
                        .and_then(|opening| opening.captures(&text))
                        .and_then(|found| found.get(1))
                        .map(|name| name.as_str().to_owned());
                    match opened {
                        Some(name) if called || looks_like_names(&name) => return vec![name],
                        _ if called && labelled.is_none() && looks_like_names(&text) => labelled = Some(text),
                        _ => {}
                    }
                }
            }
        }
        at += 1;
    }
    labelled.into_iter().collect()
}

fn is_byline_name(class: &str) -> bool {
    let class = class.to_ascii_lowercase();
    ["byline", "by-line", "author", "writer", "contributor"].iter().any(|word| class.contains(word))
        && !["bio", "about", "image", "img", "photo", "avatar", "social", "twitter", "title", "link-list", "comment", "related"]
            .iter()
            .any(|word| class.contains(word))
}

/// An element's text, with spaces between its parts.
fn spaced(head: &Head<'_, '_>, at: usize) -> String {
    let parts = head.nodes.range(at).filter_map(|place| head.nodes.at(place).text());
    parts.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Two to four words with capitals, after the tail is cut off.
fn looks_like_names(text: &str) -> bool {
    let bare = without_tail(text);
    let words: Vec<&str> = bare.split_whitespace().collect();
    (1..=10).contains(&words.len())
        && words.iter().filter(|word| word.chars().next().is_some_and(char::is_uppercase)).count() * 2 >= words.len()
        && bare.chars().any(char::is_alphabetic)
        && !bare.ends_with(['.', '!', '?', ':'])
}

fn without_tail(text: &str) -> &str {
    let cut = |text: &'_ str, pattern: &LazyLock<Option<Regex>>| -> usize {
        pattern.as_ref().and_then(|pattern| pattern.find(text)).map(|found| found.start()).filter(|&start| start > 0).unwrap_or(text.len())
    };
    let ends = |text: &str, end: usize| text[..end].trim_end_matches([',', ' ', '|', '-']).len();
    let bare = &text[..ends(text, cut(text, &TAIL))];
    // "Anna Author, Auto Writer": a role leaves a name of two words.
    let role = ROLE.as_ref().and_then(|role| role.find_at(bare, bare.match_indices([' ', ',']).nth(1).map_or(bare.len(), |(at, _)| at)));
    match role {
        Some(role) => &bare[..ends(bare, role.start())],
        None => bare,
    }
}

/// One name each, without what else stands in a byline.
fn clean(found: Vec<String>, sites: &[String]) -> Vec<String> {
    let mut people = Vec::new();
    for name in found {
        let name = title::label(&name);
        let opened = OPENING
            .as_ref()
            .and_then(|opening| opening.captures(&name))
            .and_then(|found| found.get(1))
            .map(|name| name.as_str().to_owned());
        let name = opened.unwrap_or(name);
        let bare = name.as_str();
        let bare =
            if bare.contains('@') && bare.contains('.') && !bare.contains(' ') { bare } else { without_house(without_tail(bare), sites) };
        if !bare.is_empty() && bare.len() <= MAX_LENGTH && !bare.contains("://") {
            people.push(Person { name: Some(bare.to_owned()), ..Person::default() });
        }
    }
    let mut names = authors::names(&people);
    names.truncate(40);
    names
}

/// "Name, Paper", "Name. Paper", "Name Paper" without the paper or agency.
fn without_house<'n>(name: &'n str, sites: &[String]) -> &'n str {
    let is_house = |text: &str| is_site(text, sites) || AGENCIES.contains(&text.trim().to_lowercase().as_str());
    let mut bare = name;
    // The longest tail first, so that "The Gazette" goes whole.
    for (at, _) in name.match_indices(' ').filter(|(at, _)| name[..*at].contains(' ')) {
        let (before, after) = name.split_at(at);
        if is_house(after.trim()) {
            bare = before.trim_end_matches([',', '.', '|', '-', '/', ' ']);
            break;
        }
    }
    if bare.is_empty() { name } else { bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_alone_without_house_role_date_and_account() {
        let sites = ["floridatoday".to_owned(), "Gazette".to_owned(), "example.org".to_owned()];
        for (byline, want) in [
            ("By A. Author", &["A. Author"][..]),
            ("Elliot Author Florida Today", &["Elliot Author"]),
            ("Anna Author, Gazette", &["Anna Author"]),
            ("Anna Author | Gazette Media for Gazette.org", &["Anna Author"]),
            ("Anna Author - Gazette Contributor", &["Anna Author"]),
            ("ANNA AUTHOR and BERT AUTHOR Associated Press", &["ANNA AUTHOR", "BERT AUTHOR"]),
            ("Anna Author, AP Auto Writer", &["Anna Author"]),
            ("GAZETTE CITY STAFF NOVEMBER 20, 2019 10:43", &["GAZETTE CITY STAFF"]),
            ("Staff Reports", &["Staff Reports"]),
            ("Anna Author@annaauthor", &["Anna Author"]),
            ("Anna Author January 23, 2025", &["Anna Author"]),
            ("Von Anna Author", &["Anna Author"]),
            ("Anna Author publiziert am", &["Anna Author"]),
            ("https://example.org/anna", &[]),
            ("", &[]),
        ] {
            assert_eq!(clean(vec![byline.to_owned()], &sites), want, "{byline}");
        }
    }
}
