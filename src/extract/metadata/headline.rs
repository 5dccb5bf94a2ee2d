//! The headline: what the page shows, chosen by what it tells machines.
//!
//! What machines are told is often cut, written for search engines or adorned with the site's name; what is shown is not marked. So a
//! first-level heading that says nearly the same as machines are told is the headline.

use super::head::Head;
use super::json_ld::Described;
use crate::article::title;
use crate::extract::dom::Nodes;

/// Between a headline and the name of its site.
const SEPARATORS: &[&str] = &[" | ", " - ", " – ", " — ", " :: ", " » ", " « ", " · ", " • ", " / ", " ~ ", ": "];

/// The headline, one line of plain text; empty where the page has none.
pub fn choose(head: &Head<'_, '_>, described: &Described, sites: &[String]) -> String {
    let nodes = head.nodes;
    let told: Vec<String> = [
        described.headline.clone(),
        head.meta(&["og:title"]).map(str::to_owned),
        head.items("headline").find(|item| !item.is_meta).map(|item| head.text(item.at)),
        head.meta(&[
            "twitter:title",
            "parsely-title",
            "sailthru.title",
            "dc.title",
            "dcterms.title",
            "citation_title",
            "headline",
            "title",
        ])
        .map(str::to_owned),
        nodes.iter().find(|(_, item)| item.name() == "title").map(|(at, _)| nodes.text(at)),
    ]
    .into_iter()
    .flatten()
    .map(|told| without_site(&title::label(&told), sites))
    .filter(|told| !told.is_empty() && !is_site(told, sites))
    .collect();
    let shown = |names: &[&str]| -> Vec<String> {
        // What holds more nodes is no line.
        let headings = nodes.iter().filter(|(at, item)| names.contains(&item.name()) && item.end - at < 200);
        headings
            .map(|(at, _)| title::label(&heading(nodes, at)))
            .filter(|text| !text.is_empty() && text.len() <= 400 && !is_site(text, sites))
            .collect()
    };
    let first = shown(&["h1"]);
    if let Some(found) = best(&first, &told) {
        return found;
    }
    if let Some(found) = best(&shown(&["h2", "h3"]), &told) {
        return found;
    }
    // A single heading that machines are told something else about is still what readers see.
    match &first[..] {
        [only] if only.split_whitespace().count() >= 3 => only.clone(),
        _ => told.into_iter().next().or_else(|| first.into_iter().next()).unwrap_or_default(),
    }
}

/// The text of a heading with a space where elements part words.
fn heading(nodes: &Nodes<'_>, at: usize) -> String {
    let mut text = String::new();
    for place in nodes.range(at) {
        let item = nodes.at(place);
        if let Some(part) = item.text() {
            text.push_str(part);
        } else if matches!(item.name(), "br" | "div" | "p") {
            text.push(' ');
        }
    }
    text
}

/// The text that is nearest to one of those told, if it is near.
fn best(shown: &[String], told: &[String]) -> Option<String> {
    let mut best: Option<(f64, &String)> = None;
    for text in shown {
        let near = told.iter().map(|told| likeness(text, told)).fold(0.0, f64::max);
        if near >= 0.5 && best.is_none_or(|(known, _)| near > known) {
            best = Some((near, text));
        }
    }
    best.map(|(_, text)| text.clone())
}

/// Words in common to words in all, 0 to 1.
fn likeness(one: &str, other: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let mut words: Vec<String> =
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    let (one, other) = (words(one), words(other));
    let common = one.iter().filter(|word| other.binary_search(word).is_ok()).count();
    let all = one.len() + other.len() - common;
    if all == 0 { 0.0 } else { f64::from(u32::try_from(common).unwrap_or(0)) / f64::from(u32::try_from(all).unwrap_or(u32::MAX)) }
}

/// Letters and digits alone, in lower case.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Is a text a name of the site?
pub fn is_site(text: &str, sites: &[String]) -> bool {
    let text = folded(text);
    !text.is_empty() && sites.iter().any(|site| folded(site) == text)
}

/// A title without the names of its site at either end.
pub fn without_site(told: &str, sites: &[String]) -> String {
    let mut told = told.trim();
    'again: loop {
        for separator in SEPARATORS {
            if let Some((before, after)) = told.rsplit_once(separator)
                && is_site(after, sites)
                && !before.trim().is_empty()
            {
                told = before.trim();
                continue 'again;
            }
            if let Some((before, after)) = told.split_once(separator)
                && is_site(before, sites)
                && !after.trim().is_empty()
            {
                told = after.trim();
                continue 'again;
            }
        }
        return told.to_owned();
    }
}
