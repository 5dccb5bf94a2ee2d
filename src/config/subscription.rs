//! Feeds in OPML: what an outline means as a feed, and which outlines a list of feeds becomes.
//!
//! Folders become tags, and so do categories. What has no key of its own in a `[[feed]]` table (`htmlUrl`, `description`,
//! attributes that Gleaner has never heard of, the folders' own attributes) stays with the feed as [`Placement`]s, so
//! that what was imported is exported again. Of Gleaner's own settings nothing is read from OPML: a file from
//! somewhere else must not decide how or what this machine fetches.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use url::Url;

use super::feed::{default_name, distinct, feed_key};
use super::mistake::{Mistake, SourceText};
use super::section::is_line_break_or_control;
use super::settings::is_language;
use super::{Attributes, Feed, Placement};
use crate::opml::{Element, Opml, Outline, attribute};

/// A feed of an OPML document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    /// Where it is fetched.
    pub(super) url: Url,
    /// Everywhere that it stands; the first is the one at `span`.
    pub(super) placements: Vec<Placement>,
    /// The bytes of its first outline.
    pub(super) span: Range<usize>,
}

/// An outline that cannot be a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    span: Range<usize>,
    message: String,
    help: Option<&'static str>,
}

impl Unusable {
    pub(super) fn at(self, source: &SourceText) -> Mistake {
        let mistake = Mistake::at(source, self.span, self.message);
        match self.help {
            Some(help) => mistake.help(help),
            None => mistake,
        }
    }
}

impl Subscription {
    pub(super) fn default_name(&self) -> String {
        default_name(self.url.as_str(), &self.url)
    }

    /// What people call it.
    pub(super) fn title(&self) -> Option<String> {
        title(&self.placements, &self.url)
    }

    pub(super) fn tags(&self) -> Vec<String> {
        tags(&self.placements)
    }

    pub(super) fn language(&self) -> Option<String> {
        language(&self.placements)
    }
}

/// The name of a feed whose default name is taken by another.
pub(super) fn qualified_name(name: &str, title: &str) -> String {
    format!("{name} ({title})")
}

/// The feeds of a document in its order, each once however often it stands there, and the outlines that cannot be used.
pub(super) fn subscriptions(opml: &Opml) -> (Vec<Subscription>, Vec<Unusable>) {
    let mut walk = Walk { found: Vec::new(), index: HashMap::new(), unusable: Vec::new() };
    let mut scopes = vec![opml.attributes.as_slice()];
    for outline in &opml.outlines {
        walk.outline(outline, &mut Vec::new(), &mut scopes);
    }
    (walk.found, walk.unusable)
}

struct Walk {
    found: Vec<Subscription>,
    index: HashMap<String, usize>,
    unusable: Vec<Unusable>,
}

impl Walk {
    /// Depth is bounded by the OPML reader.
    fn outline<'a>(&mut self, outline: &'a Outline, folders: &mut Vec<Attributes>, scopes: &mut Vec<&'a [(String, String)]>) {
        let attributes = with_namespaces(&outline.attributes, scopes);
        scopes.push(&outline.attributes);
        match outline.feed_url() {
            Some(written) => {
                match web_url(written) {
                    Ok(url) => self.feed(url, outline, Placement { folders: folders.clone(), attributes: without_url(attributes) }),
                    Err((message, help)) => self.unusable.push(Unusable { span: outline.span.clone(), message, help }),
                }
                // What hangs below a feed (its articles, say) stands in the folders of the feed.
                for child in &outline.children {
                    self.outline(child, folders, scopes);
                }
            }
            None => {
                folders.push(attributes);
                for child in &outline.children {
                    self.outline(child, folders, scopes);
                }
                folders.pop();
            }
        }
        scopes.pop();
    }

    fn feed(&mut self, url: Url, outline: &Outline, placement: Placement) {
        let index = *self.index.entry(feed_key(&url)).or_insert(self.found.len());
        match self.found.get_mut(index) {
            Some(known) => known.placements.push(placement),
            None => self.found.push(Subscription { url, placements: vec![placement], span: outline.span.clone() }),
        }
    }
}

/// The feed that an outline is, if it is one.
pub(super) fn feed_of(outline: &Outline) -> Option<Url> {
    web_url(outline.feed_url()?).ok()
}

/// The URL of an outline. `feed:` was once written before or instead of `http:`.
fn web_url(written: &str) -> Result<Url, (String, Option<&'static str>)> {
    if written.is_empty() {
        return Err(("an outline with an empty `xmlUrl`".to_owned(), Some("give it a URL, or take the attribute away")));
    }
    let text = match written.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("feed") => match rest.strip_prefix("//") {
            Some(address) => format!("http://{address}"),
            None => rest.to_owned(),
        },
        _ => written.to_owned(),
    };
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) if url.scheme() == "file" => {
            let help = "a local file can be named in gleaner.toml or in a list in TOML, where the operator wrote it";
            Err((format!("`{written}`: OPML may not name local files"), Some(help)))
        }
        Ok(url) => Err((format!("`{written}`: a feed cannot be read by `{}:`", url.scheme()), None)),
        Err(error) => Err((format!("`{written}` is not a URL: {error}"), None)),
    }
}

fn without_url(attributes: Attributes) -> Attributes {
    attributes.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("xmlUrl")).collect()
}

/// The attributes, and with them the declarations of the namespaces that they use: an outline is taken out of the
/// elements that declare them.
fn with_namespaces(attributes: &[(String, String)], scopes: &[&[(String, String)]]) -> Attributes {
    let mut complete = attributes.to_vec();
    for (name, _) in attributes {
        let Some((prefix, _)) = name.split_once(':') else { continue };
        let declaration = format!("xmlns:{prefix}");
        if matches!(prefix, "xmlns" | "xml") || complete.iter().any(|(name, _)| *name == declaration) {
            continue;
        }
        let declared = scopes.iter().rev().find_map(|scope| scope.iter().find(|(name, _)| *name == declaration));
        complete.extend(declared.cloned());
    }
    complete
}

/// Text as one line.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|character: char| character.is_whitespace() || is_line_break_or_control(character))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// What people read: `title`, else `text`.
fn shown(attributes: &[(String, String)]) -> Option<String> {
    ["title", "text"].iter().filter_map(|name| attribute(attributes, name)).map(one_line).find(|text| !text.is_empty())
}

/// A folder's name: `text`, which OPML 2.0 demands, else `title`.
fn folder_name(attributes: &[(String, String)]) -> Option<String> {
    ["text", "title"].iter().filter_map(|name| attribute(attributes, name)).map(one_line).find(|text| !text.is_empty())
}

fn categories(attributes: &[(String, String)]) -> Vec<String> {
    let category = attribute(attributes, "category").unwrap_or_default();
    category.split([',', '/']).map(one_line).filter(|tag| !tag.is_empty()).collect()
}

/// The title that placements give a feed; a program that had none wrote the URL.
fn title(placements: &[Placement], url: &Url) -> Option<String> {
    placements.iter().find_map(|placement| shown(&placement.attributes)).filter(|title| title != url.as_str())
}

fn language(placements: &[Placement]) -> Option<String> {
    let languages = placements.iter().filter_map(|placement| attribute(&placement.attributes, "language"));
    languages.map(str::trim).find(|tag| is_language(tag) && *tag != "unknown").map(str::to_owned)
}

fn folder_names(placements: &[Placement]) -> Vec<String> {
    placements.iter().flat_map(|placement| &placement.folders).filter_map(|folder| folder_name(folder)).collect()
}

fn tags(placements: &[Placement]) -> Vec<String> {
    let mut tags = folder_names(placements);
    tags.extend(placements.iter().flat_map(|placement| categories(&placement.attributes)));
    distinct(tags)
}

/// The subscription list as OPML: each feed where it stood in the OPML that it came from, else in the folder of its first
/// tag, its other tags as categories. Credentials, secrets and Gleaner's own settings stay here.
pub fn subscription_list<'a>(title: &str, feeds: impl IntoIterator<Item = &'a Arc<Feed>>) -> Opml {
    let mut body = Folder::default();
    for feed in feeds {
        for placement in placements(feed) {
            let outline = Outline { attributes: outline_attributes(feed, placement.attributes), ..Outline::default() };
            body.place(&placement.folders, outline);
        }
    }
    let mut opml = Opml {
        head: vec![Element { name: "title".to_owned(), text: title.to_owned(), ..Element::default() }],
        outlines: body.into_outlines(),
        ..Opml::default()
    };
    hoist_namespaces(&mut opml);
    opml
}

/// A folder under construction: a list of thousands of feeds must find the folder of each without a search.
#[derive(Default)]
struct Folder {
    items: Vec<Item>,
    folders: HashMap<Attributes, usize>,
}

enum Item {
    Feed(Outline),
    Folder(Attributes, Folder),
}

impl Folder {
    /// Puts an outline into its folders, which are made where they are not there yet.
    fn place(&mut self, folders: &[Attributes], outline: Outline) {
        let Some((attributes, inner)) = folders.split_first() else { return self.items.push(Item::Feed(outline)) };
        let index = *self.folders.entry(attributes.clone()).or_insert(self.items.len());
        if index == self.items.len() {
            self.items.push(Item::Folder(attributes.clone(), Folder::default()));
        }
        if let Some(Item::Folder(_, folder)) = self.items.get_mut(index) {
            folder.place(inner, outline);
        }
    }

    fn into_outlines(self) -> Vec<Outline> {
        let outline = |item| match item {
            Item::Feed(outline) => outline,
            Item::Folder(attributes, folder) => Outline { attributes, children: folder.into_outlines(), ..Outline::default() },
        };
        self.items.into_iter().map(outline).collect()
    }
}

/// Where a feed stands, in agreement with the tags that it has now.
fn placements(feed: &Feed) -> Vec<Placement> {
    let folder = |tag: &String| vec![vec![("text".to_owned(), tag.clone())]];
    let is_separable = |tag: &&String| !tag.contains([',', '/']);
    let mut placements = feed.placements.clone();
    if placements.is_empty() {
        placements.push(Placement { folders: feed.tags.first().map(folder).unwrap_or_default(), attributes: Vec::new() });
    }
    let now = distinct(feed.tags.clone());
    let before = tags(&placements);
    if now.len() != before.len() || !now.iter().all(|tag| before.contains(tag)) {
        for placement in &mut placements {
            placement.folders.retain(|folder| folder_name(folder).is_none_or(|name| now.contains(&name)));
            placement.attributes.retain(|(name, _)| !name.eq_ignore_ascii_case("category"));
        }
        let in_folders = folder_names(&placements);
        let (categories, inseparable): (Vec<_>, Vec<_>) = now.iter().filter(|tag| !in_folders.contains(tag)).partition(is_separable);
        if let (Some(first), false) = (placements.first_mut(), categories.is_empty()) {
            let categories: Vec<&str> = categories.into_iter().map(String::as_str).collect();
            first.attributes.push(("category".to_owned(), categories.join(",")));
        }
        // A comma or slash would take a category apart: such a tag is a folder.
        placements.extend(inseparable.into_iter().map(|tag| Placement { folders: folder(tag), attributes: Vec::new() }));
    }
    let mut distinct: Vec<Placement> = Vec::with_capacity(placements.len());
    for placement in placements {
        if !distinct.contains(&placement) {
            distinct.push(placement);
        }
    }
    distinct
}

/// The attributes of a feed's outline: those that OPML knows first, in their usual order and spelling.
fn outline_attributes(feed: &Feed, kept: Attributes) -> Attributes {
    const KNOWN: &[&str] = &["type", "text", "title", "xmlUrl", "htmlUrl", "description", "language", "version", "category", "created"];
    let mut kept = kept;
    // What the operator changed since the import is said everywhere; else each outline says what it said.
    if let Some(title) = feed.title.as_ref().filter(|now| title(&feed.placements, &feed.url).as_ref() != Some(now)) {
        set(&mut kept, "text", title);
        set(&mut kept, "title", title);
    }
    if attribute(&kept, "text").is_none_or(|text| text.trim().is_empty()) {
        let text = shown(&kept).or_else(|| feed.title.clone()).unwrap_or_else(|| feed.name.clone());
        set(&mut kept, "text", &text);
    }
    if feed.language != language(&feed.placements) {
        kept.retain(|(name, _)| !name.eq_ignore_ascii_case("language"));
        kept.extend(feed.language.as_ref().map(|language| ("language".to_owned(), language.clone())));
    }
    if attribute(&kept, "type").is_none() {
        set(&mut kept, "type", "rss");
    }
    set(&mut kept, "xmlUrl", without_credentials(&feed.url).as_str());
    let mut ordered = Attributes::with_capacity(kept.len());
    for known in KNOWN {
        ordered.extend(attribute(&kept, known).map(|value| ((*known).to_owned(), value.to_owned())));
    }
    ordered.extend(kept.into_iter().filter(|(name, _)| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))));
    ordered
}

fn set(attributes: &mut Attributes, name: &str, value: &str) {
    attributes.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
    attributes.push((name.to_owned(), value.to_owned()));
}

fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Fails only for URLs that cannot have credentials, and those have none.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url
}

/// Namespaces that all outlines agree on are declared once, at the root.
fn hoist_namespaces(opml: &mut Opml) {
    fn gather(outlines: &[Outline], declared: &mut Vec<(String, Option<String>)>) {
        for outline in outlines {
            for (name, uri) in outline.attributes.iter().filter(|(name, _)| name.starts_with("xmlns:")) {
                match declared.iter_mut().find(|(known, _)| known == name) {
                    Some((_, known)) if known.as_ref() != Some(uri) => *known = None,
                    Some(_) => {}
                    None => declared.push((name.clone(), Some(uri.clone()))),
                }
            }
            gather(&outline.children, declared);
        }
    }
    fn drop_declared(outlines: &mut [Outline], declared: &Attributes) {
        for outline in outlines {
            outline.attributes.retain(|attribute| !declared.contains(attribute));
            drop_declared(&mut outline.children, declared);
        }
    }
    let mut declared = Vec::new();
    gather(&opml.outlines, &mut declared);
    let agreed: Attributes = declared.into_iter().filter_map(|(name, uri)| Some((name, uri?))).collect();
    drop_declared(&mut opml.outlines, &agreed);
    opml.attributes.extend(agreed);
}
