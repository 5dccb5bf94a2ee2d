//! JSON-LD: what a page's publisher tells search engines about its article (<https://schema.org/Article>).
//!
//! Templates write it by hand, and often badly: with line breaks inside strings, commas too many, comments around it, or several
//! documents in a row. What can be mended without guessing is; the rest is passed over.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Longer scripts are data of the page's program.
const MAX_LENGTH: usize = 2_000_000;
/// Levels at which objects are looked for.
const MAX_DEPTH: usize = 12;
/// References and lists that are followed for a text.
const MAX_STEPS: usize = 6;

/// What JSON-LD says of a page's article; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Described {
    /// Does it say that the page is an article at all?
    pub is_article: bool,
    pub headline: Option<String>,
    pub authors: Vec<String>,
    pub published: Option<String>,
    pub modified: Option<String>,
    pub sections: Vec<String>,
    pub language: Option<String>,
    pub license: Option<String>,
    pub copyright: Option<String>,
    pub image: Option<String>,
    pub publisher: Option<String>,
    pub publisher_url: Option<String>,
    pub description: Option<String>,
    pub body: Option<String>,
    /// `isAccessibleForFree`, of the article or of a part of it.
    pub free: Option<bool>,
}

/// Reads all JSON-LD scripts of a page. Of several articles the one whose address is among `addresses` counts, else the first.
pub fn read<'s>(scripts: impl IntoIterator<Item = &'s str>, addresses: &[&str]) -> Described {
    let documents: Vec<Value> = scripts.into_iter().flat_map(documents).collect();
    let mut graph = Graph::default();
    for document in &documents {
        graph.collect(document, 0);
    }
    graph.describe(addresses)
}

/// The documents of one script.
fn documents(script: &str) -> Vec<Value> {
    if script.len() > MAX_LENGTH {
        return Vec::new();
    }
    let script = bare(script);
    let whole = |text: &str| serde_json::Deserializer::from_str(text).into_iter().collect::<Result<Vec<Value>, _>>();
    whole(script).or_else(|_| whole(&mended(script))).unwrap_or_default()
}

/// Without the comments that hide scripts from browsers of the last century, and without semicolons.
fn bare(script: &str) -> &str {
    let mut bare = script.trim();
    loop {
        let before = bare;
        for start in ["<!--", "//<![CDATA[", "/*<![CDATA[*/", "<![CDATA["] {
            bare = bare.strip_prefix(start).unwrap_or(bare).trim_start();
        }
        for end in ["-->", "//]]>", "/*]]>*/", "]]>", ";", "//"] {
            bare = bare.strip_suffix(end).unwrap_or(bare).trim_end();
        }
        if bare.len() == before.len() {
            return bare;
        }
    }
}

/// Line breaks and other controls inside strings become spaces, commas before a closing bracket and comments go, escapes that JSON does
/// not know lose their backslash.
fn mended(script: &str) -> String {
    let mut mended = String::with_capacity(script.len());
    let mut characters = script.chars().peekable();
    let mut quoted = false;
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                quoted = !quoted;
                mended.push(c);
            }
            '\\' if quoted => match characters.next() {
                Some(escaped @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u')) => mended.extend(['\\', escaped]),
                Some(other) if !other.is_control() => mended.push(other),
                _ => mended.push(' '),
            },
            c if quoted && c.is_control() => mended.push(' '),
            ',' if !quoted => {
                while characters.next_if(|c| c.is_whitespace()).is_some() {}
                if !matches!(characters.peek(), Some('}' | ']') | None) {
                    mended.push(',');
                }
            }
            '/' if !quoted && characters.peek() == Some(&'*') => {
                let mut last = ' ';
                for c in characters.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            c => mended.push(c),
        }
    }
    mended
}

type Object = Map<String, Value>;

/// The objects of a page's documents.
#[derive(Default)]
struct Graph<'d> {
    by_id: HashMap<&'d str, &'d Object>,
    articles: Vec<&'d Object>,
    pages: Vec<&'d Object>,
    sites: Vec<&'d Object>,
}

impl<'d> Graph<'d> {
    fn collect(&mut self, value: &'d Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.collect(value, depth + 1)),
            Value::Object(object) => {
                if let Some(id) = object.get("@id").and_then(Value::as_str).filter(|_| object.len() > 1) {
                    self.by_id.entry(id).or_insert(object);
                }
                if is_of(object, is_article) {
                    self.articles.push(object);
                } else if is_of(object, |kind| matches!(kind, "WebPage" | "ItemPage")) {
                    self.pages.push(object);
                } else if is_of(object, |kind| kind == "WebSite") {
                    self.sites.push(object);
                }
                for (key, value) in object {
                    // A list of other articles is not this one; whose comments these are does not matter.
                    if !matches!(key.as_str(), "comment" | "itemListElement" | "relatedLink" | "citation" | "isBasedOn" | "mentions") {
                        self.collect(value, depth + 1);
                    }
                }
            }
            _ => {}
        }
    }

    fn describe(&self, addresses: &[&str]) -> Described {
        let named = self.articles.iter().find(|article| {
            ["url", "@id", "mainEntityOfPage"].iter().filter_map(|key| self.text(article.get(*key)?, &["@id", "url"])).any(|address| {
                let address = address.split('#').next().unwrap_or_default().trim_end_matches('/');
                !address.is_empty()
                    && addresses.iter().any(|known| known.split('#').next().unwrap_or_default().trim_end_matches('/') == address)
            })
        });
        // A page object describes the article where nothing else does.
        let main = named.or(self.articles.first()).or(self.pages.first()).copied();
        let mut described = Described { is_article: !self.articles.is_empty(), ..Described::default() };
        let Some(main) = main else {
            self.add_site(&mut described);
            return described;
        };
        let text = |keys: &[&str]| keys.iter().find_map(|key| self.text(main.get(*key)?, &["name", "@value", "url", "@id"]));
        described.headline = text(if described.is_article { &["headline", "name", "alternativeHeadline"] } else { &["headline"] });
        for key in ["author", "creator"] {
            if described.authors.is_empty()
                && let Some(value) = main.get(key)
            {
                self.names(value, &mut described.authors, 0);
            }
        }
        described.published = text(&["datePublished", "dateCreated", "uploadDate"]);
        described.modified = text(&["dateModified"]);
        if let Some(value) = main.get("articleSection") {
            self.names(value, &mut described.sections, 0);
        }
        described.language = text(&["inLanguage"]);
        described.license = main.get("license").and_then(|value| self.text(value, &["url", "@id", "name"]));
        described.copyright = text(&["copyrightNotice"]);
        described.image =
            main.get("image").or_else(|| main.get("thumbnailUrl")).and_then(|value| self.text(value, &["url", "contentUrl", "@id"]));
        described.description = text(&["description"]);
        described.body = text(&["articleBody"]);
        described.publisher = main.get("publisher").and_then(|value| self.text(value, &["name"]));
        described.publisher_url = main.get("publisher").and_then(|value| self.text(value, &["url"]));
        described.free = main.get("isAccessibleForFree").and_then(truth).or_else(|| {
            let parts = main.get("hasPart")?;
            let parts = parts.as_array().map_or(std::slice::from_ref(parts), Vec::as_slice);
            parts.iter().find_map(|part| truth(part.get("isAccessibleForFree")?))
        });
        self.add_site(&mut described);
        described
    }

    fn add_site(&self, described: &mut Described) {
        let Some(site) = self.sites.first() else { return };
        let text = |key: &str| self.text(site.get(key)?, &["name", "@id", "url"]);
        described.publisher = described.publisher.take().or_else(|| text("name"));
        described.publisher_url = described.publisher_url.take().or_else(|| text("url"));
    }

    /// The text of a value: itself, or of an object the first of these keys; of a list that of its first entry that has one.
    fn text(&self, value: &'d Value, keys: &[&str]) -> Option<String> {
        self.text_within(value, keys, 0)
    }

    fn text_within(&self, value: &'d Value, keys: &[&str], depth: usize) -> Option<String> {
        if depth > MAX_STEPS {
            return None;
        }
        match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(values) => values.iter().find_map(|value| self.text_within(value, keys, depth + 1)),
            Value::Object(object) => {
                let object = self.resolved(object);
                keys.iter().find_map(|key| self.text_within(object.get(*key)?, keys, depth + 1))
            }
            _ => None,
        }
    }

    fn names(&self, value: &'d Value, names: &mut Vec<String>, depth: usize) {
        if depth > MAX_STEPS {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.names(value, names, depth + 1)),
            Value::Object(object) => {
                if let Some(name) = self.resolved(object).get("name") {
                    self.names(name, names, depth + 1);
                }
            }
            Value::String(name) if !name.trim().is_empty() => names.push(name.trim().to_owned()),
            _ => {}
        }
    }

    fn resolved(&self, object: &'d Object) -> &'d Object {
        let id = object.get("@id").and_then(Value::as_str).filter(|_| !object.contains_key("name") && !object.contains_key("url"));
        id.and_then(|id| self.by_id.get(id).copied()).unwrap_or(object)
    }
}

fn is_of(object: &Object, wanted: impl Fn(&str) -> bool) -> bool {
    let is = |kind: &Value| kind.as_str().is_some_and(|kind| wanted(kind.rsplit(['/', ':']).next().unwrap_or(kind)));
    match object.get("@type") {
        Some(Value::Array(kinds)) => kinds.iter().any(is),
        Some(kind) => is(kind),
        None => false,
    }
}

fn is_article(kind: &str) -> bool {
    kind.ends_with("Article")
        || matches!(kind, "BlogPosting" | "LiveBlogPosting" | "Report" | "SocialMediaPosting" | "DiscussionForumPosting")
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("false") || text.ends_with("/False") => Some(false),
        Value::String(text) if text.eq_ignore_ascii_case("true") || text.ends_with("/True") => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_found_wherever_it_stands() {
        let article = r#"{"@type":"NewsArticle","headline":"Town hall opens","author":{"@type":"Person","name":"A. Author"},
            "datePublished":"2025-01-23T10:00:00Z","isAccessibleForFree":"False","articleSection":["Town","Halls"]}"#;
        for script in [
            article.to_owned(),
            format!("[{{\"@type\":\"BreadcrumbList\"}},{article}]"),
            format!("{{\"@context\":\"https://schema.org\",\"@graph\":[{article}]}}"),
            format!("<!-- {article} -->"),
            format!("//<![CDATA[\n{article}\n//]]>"),
            format!("{article};"),
            article.replace("]}", "],}"),
            article.replace("Town hall opens", "Town hall\nopens"),
            article.replace("NewsArticle", "http://schema.org/NewsArticle"),
            article.replace("\"NewsArticle\"", "[\"Thing\",\"ReportageNewsArticle\"]"),
            format!("{{\"@type\":\"WebPage\",\"mainEntity\":{article}}}"),
            format!("{article}\n{{\"@type\":\"WebSite\"}}"),
        ] {
            let found = read([script.as_str()], &[]);
            assert_eq!(found.headline.as_deref(), Some("Town hall opens"), "{script}");
            assert_eq!((&found.authors[..], found.free, found.sections.len()), (&["A. Author".to_owned()][..], Some(false), 2), "{script}");
        }
        assert_eq!(read(["{\"@type\":", "nonsense", ""], &[]), Described::default());
    }

    #[test]
    fn references_lead_to_the_objects_that_they_name() {
        let script = r##"{"@graph":[{"@type":"Article","@id":"#a","author":[{"@id":"#p"}],"publisher":{"@id":"#o"}},
            {"@type":"Person","@id":"#p","name":"A. Author"},{"@type":"Organization","@id":"#o","name":"Gazette","url":"https://example.org/"}]}"##;
        let found = read([script], &[]);
        assert_eq!(found.authors, ["A. Author"]);
        assert_eq!((found.publisher.as_deref(), found.publisher_url.as_deref()), (Some("Gazette"), Some("https://example.org/")));
    }

    #[test]
    fn of_several_articles_that_of_the_page_counts() {
        let script = r#"[{"@type":"Article","url":"https://example.org/1","headline":"One"},{"@type":"Article","mainEntityOfPage":"https://example.org/2/","headline":"Two"}]"#;
        assert_eq!(read([script], &["https://example.org/2"]).headline.as_deref(), Some("Two"));
        assert_eq!(read([script], &[]).headline.as_deref(), Some("One"));
    }

    #[test]
    fn references_in_circles_and_deep_nesting_end() {
        let script = r##"{"@type":"Article","@id":"#a","author":{"@id":"#a"},"publisher":{"@id":"#b"}}{"@id":"#b","name":{"@id":"#b"}}"##;
        assert_eq!(read([script], &[]).publisher, None);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(read([deep.as_str()], &[]), Described::default());
    }
}
