//! Rules of single sites, for pages where the general way fails: CSS selectors that an operator writes.

use scraper::Selector;
use url::Url;

/// What holds for the pages of some hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SiteRule {
    /// Hosts in lower case; their subdomains are meant, too.
    pub hosts: Vec<String>,
    /// The elements that are the body, in the page's order.
    pub body: Option<Selector>,
    /// What does not belong to the body.
    pub strip: Option<Selector>,
    /// The headline.
    pub title: Option<Selector>,
    /// The byline, one name an element.
    pub author: Option<Selector>,
    /// The date: the first element's `datetime` or `content`, else its text.
    pub date: Option<Selector>,
}

impl SiteRule {
    /// Is the page one of those that the rule is for?
    pub fn applies_to(&self, url: &Url) -> bool {
        url.host_str().is_some_and(|host| self.hosts.iter().any(|wanted| is_within(host, wanted)))
    }
}

fn is_within(host: &str, wanted: &str) -> bool {
    host.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_its_hosts_and_their_subdomains() {
        let rule = SiteRule { hosts: vec!["example.org".to_owned()], ..SiteRule::default() };
        for (url, applies) in [
            ("https://example.org/a", true),
            ("https://news.example.org/a", true),
            ("https://notexample.org/a", false),
            ("https://example.org.evil.example/", false),
        ] {
            assert_eq!(rule.applies_to(&Url::parse(url).unwrap()), applies, "{url}");
        }
    }
}
