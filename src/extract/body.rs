//! Where the body of an article is on its page.

use super::dom::Nodes;
use super::rules::SiteRule;

/// Elements that hold no prose.
fn is_aside(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "noscript"
            | "nav"
            | "aside"
            | "footer"
            | "form"
            | "button"
            | "select"
            | "textarea"
            | "svg"
            | "iframe"
            | "head"
    )
}

/// The body's HTML, as it stands in the page; empty where there is none.
pub fn find(nodes: &Nodes<'_>, rule: Option<&SiteRule>) -> String {
    let is_stripped = |at: usize| {
        let item = nodes.at(at);
        is_aside(item.name())
            || rule.and_then(|rule| rule.strip.as_ref()).is_some_and(|strip| item.element_ref().is_some_and(|e| strip.matches(&e)))
    };
    if let Some(selector) = rule.and_then(|rule| rule.body.as_ref()) {
        let mut html = String::new();
        let mut end = 0;
        for (at, item) in nodes.iter() {
            if at >= end && item.element_ref().is_some_and(|element| selector.matches(&element)) {
                html.push_str(&nodes.write(at, is_stripped));
                end = item.end;
            }
        }
        if !html.is_empty() {
            return html;
        }
    }
    // Letters of paragraphs, counted where they stand and in all elements around them.
    let mut prose = vec![0usize; nodes.len()];
    let mut at = 0;
    while at < nodes.len() {
        let item = nodes.at(at);
        if is_aside(item.name()) {
            at = item.end;
            continue;
        }
        if item.name() == "p" {
            prose[at] = nodes.text(at).trim().len();
        }
        at += 1;
    }
    for at in (1..nodes.len()).rev() {
        prose[nodes.at(at).parent] += prose[at];
    }
    let mut container = 0;
    while let Some(next) = nodes.children(container).find(|&child| prose[child] * 10 > prose[container] * 7) {
        if nodes.at(next).name() == "p" {
            break;
        }
        container = next;
    }
    if prose[container] == 0 { String::new() } else { nodes.write(container, is_stripped) }
}
