//! The reader: one streaming pass over a well-formed document of any XML dialect.
//!
//! It notes what stands where, with the base and language that hold there, and leaves to [`super::entry`] what that makes of an
//! entry. It never copies a body: a text construct is skipped over and its place noted.
//!
//! Bodies that can be read in more than one way come from feed-rs ([`super::model`]) where it can be given the document; this
//! pass reads every document to its end, so that none depends on it.

use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use super::attributes::{Attributes, absolute};
use super::construct::{Construct, Entities, Form, mended, reference};
use super::date::parse_date;
use super::dialect::{Element, Namespace, Text, element, is_sitemap};
use super::facts::{Facts, Guid, GuidKind, Media, Reading};
use super::hints::Hints;
use super::namespaces::Namespaces;
use super::{Category, FeedLink, Person, Stamp, UpdateHints, person};
use crate::article::Enclosure;

/// More entries than any feed has: of a document with more, the first are read.
const MAX_ENTRIES: usize = 100_000;
/// Deeper nesting is an attack, or an end tag that was forgotten again and again.
const MAX_DEPTH: usize = 4096;
/// Entries within entries, sources within pictures and the like go no deeper.
const MAX_CONTEXTS: usize = 32;
/// More categories, authors, enclosures or pictures than any entry has.
const MAX_LIST: usize = 256;
/// Longer ids, links, names and dates are cut: they are none.
const MAX_TEXT: usize = 64 * 1024;

/// Why the pass could not come to the document's end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not well-formed.
    #[error("{message} (at byte {offset})")]
    Syntax {
        /// What the reader says.
        message: String,
        /// Where.
        offset: usize,
    },
    /// The document ends within an element.
    #[error("the document is cut off")]
    CutOff,
    /// Elements are nested beyond reason.
    #[error("elements are nested too deep at byte {0}")]
    TooDeep(usize),
    /// An element stands after the root element.
    #[error("a second root element at byte {0}")]
    SecondRoot(usize),
}

/// Runs the pass over a document from its root element on.
///
/// # Errors
/// A [`Fault`] where the document is not well-formed: it is to be mended and read again.
pub fn read<'a>(text: &'a str, url: &Url, entities: &'a Entities) -> Result<Reading<'a>, Fault> {
    let mut pass = Pass {
        entities,
        frames: Vec::new(),
        contexts: vec![Context { place: Place::Feed, facts: Facts::default(), slot: None }],
        persons: Vec::new(),
        base: Rc::new(url.clone()),
        namespaces: Namespaces::default(),
        slots: Vec::new(),
        out: Reading {
            head: Facts::default(),
            root_language: None,
            hints: UpdateHints::default(),
            entries: Vec::new(),
            undeclared: Vec::new(),
            atom: false,
            sitemap: false,
            index: false,
            crowded: false,
            trailing: false,
            deepest: 0,
        },
        hints: Hints::default(),
    };
    pass.run(text)?;
    Ok(pass.finish())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Feed,
    Entry,
    Source,
    Image,
    TextInput,
    Publication,
}

struct Context<'a> {
    place: Place,
    facts: Facts<'a>,
    /// An entry's number.
    slot: Option<usize>,
}

struct Frame {
    element: Element,
    namespace: Namespace,
    /// The text that stands directly in it, where that is wanted.
    text: String,
    base: Rc<Url>,
    language: Option<Rc<str>>,
    opens_context: bool,
    pending: Pending,
}

/// What a start tag said that is needed at the end tag.
enum Pending {
    Nothing,
    Guid {
        declared: Option<bool>,
        kind: GuidKind,
    },
    Category {
        scheme: Option<String>,
        label: Option<String>,
        has_term: bool,
    },
    LinkWithAddress,
    /// Atom 0.3's alternatives: how many contents stood before them, and where they begin.
    Multipart {
        contents: usize,
        inner_start: usize,
    },
}

struct Pass<'a> {
    entities: &'a Entities,
    frames: Vec<Frame>,
    contexts: Vec<Context<'a>>,
    persons: Vec<Person>,
    base: Rc<Url>,
    namespaces: Namespaces,
    slots: Vec<Option<Facts<'a>>>,
    out: Reading<'a>,
    hints: Hints,
}

impl<'a> Pass<'a> {
    fn run(&mut self, text: &'a str) -> Result<(), Fault> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().trim_markup_names_in_closing_tags = true;
        let mut closed = false;
        loop {
            let before = position(&reader);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(Fault::Syntax { message: error.to_string(), offset: before }),
            };
            match event {
                Event::Start(_) | Event::Empty(_) if closed => return Err(Fault::SecondRoot(before)),
                Event::Start(_) if self.frames.len() >= MAX_DEPTH => return Err(Fault::TooDeep(before)),
                Event::Start(start) => {
                    let after = position(&reader);
                    let attributes = Attributes::of(&start, self.entities);
                    let (namespace, name, element) = self.identify(&start, &attributes);
                    match element {
                        Element::Text(_) if attributes.get("type").is_some_and(|kind| kind.starts_with("multipart/")) => {
                            let contents = self.facts().map_or(0, |facts| facts.contents.len());
                            self.open(Element::Other, namespace, &name, &attributes);
                            if let Some(frame) = self.frames.last_mut() {
                                frame.pending = Pending::Multipart { contents, inner_start: after };
                            }
                        }
                        Element::Text(role) => {
                            let end = self.skip(&mut reader)?;
                            let inner = text.get(after..end).unwrap_or_default();
                            self.construct(role, namespace, &name, &attributes, inner);
                            self.namespaces.leave(self.frames.len());
                        }
                        element => self.open(element, namespace, &name, &attributes),
                    }
                }
                Event::Empty(start) => {
                    let attributes = Attributes::of(&start, self.entities);
                    let (namespace, name, element) = self.identify(&start, &attributes);
                    if matches!(element, Element::Text(_)) {
                        self.namespaces.leave(self.frames.len());
                    } else {
                        self.open(element, namespace, &name, &attributes);
                        self.close("");
                        closed = self.frames.is_empty();
                    }
                }
                Event::End(_) => {
                    let inner = match self.frames.last() {
                        Some(Frame { pending: Pending::Multipart { inner_start, .. }, .. }) => {
                            text.get(*inner_start..before).unwrap_or_default()
                        }
                        _ => "",
                    };
                    self.close(inner);
                    closed = self.frames.is_empty();
                }
                Event::Text(characters) if closed => self.out.trailing |= !characters.trim_ascii().is_empty(),
                Event::Text(characters) => self.characters(&characters.xml10_content()),
                Event::CData(characters) => self.characters(&characters.xml10_content()),
                Event::GeneralRef(name) => {
                    let characters = reference(&name, self.entities);
                    self.characters(&characters);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        if closed { Ok(()) } else { Err(Fault::CutOff) }
    }

    /// Reads on behind the end tag of the element that has just begun; gives where that tag stands.
    fn skip(&mut self, reader: &mut Reader<&'a [u8]>) -> Result<usize, Fault> {
        let mut depth = 1usize;
        loop {
            let before = position(reader);
            match reader.read_event() {
                Ok(Event::Start(_)) => depth += 1,
                Ok(Event::End(_)) => depth -= 1,
                Ok(Event::Eof) => return Err(Fault::CutOff),
                Ok(_) => {}
                Err(error) => return Err(Fault::Syntax { message: error.to_string(), offset: before }),
            }
            self.out.deepest = self.out.deepest.max(self.frames.len() + depth);
            if depth == 0 {
                return Ok(before);
            }
        }
    }

    /// Text counts for the element that it stands in directly.
    fn characters(&mut self, text: &str) {
        let Some(frame) = self.frames.last_mut() else { return };
        if !matches!(frame.element, Element::Other | Element::Feed | Element::Entry) && frame.text.len() + text.len() <= MAX_TEXT {
            frame.text.push_str(text);
        }
    }

    fn identify(&mut self, start: &BytesStart<'_>, attributes: &Attributes) -> (Namespace, String, Element) {
        let name = start.local_name().as_ref().to_ascii_lowercase();
        self.namespaces.enter(self.frames.len() + 1, attributes);
        let namespace = match self.namespaces.resolve(start.name().prefix().map(|prefix| prefix.into_inner())) {
            Namespace::Core if self.out.sitemap || (self.frames.is_empty() && is_sitemap(&name)) => Namespace::Sitemap,
            namespace => namespace,
        };
        let element = element(namespace, &name);
        (namespace, name, element)
    }

    fn finish(mut self) -> Reading<'a> {
        if let Some(feed) = self.contexts.drain(..).next() {
            self.out.head = feed.facts;
        }
        self.out.undeclared = self.namespaces.into_undeclared();
        self.out.entries = self.slots.into_iter().flatten().collect();
        self.out.hints = self.hints.finish();
        self.out
    }

    fn facts(&mut self) -> Option<&mut Facts<'a>> {
        self.contexts.last_mut().map(|context| &mut context.facts)
    }

    fn place(&self) -> Place {
        self.contexts.last().map_or(Place::Feed, |context| context.place)
    }

    fn scope(&self, attributes: &Attributes) -> (Rc<Url>, Option<Rc<str>>) {
        let (base, language) = match self.frames.last() {
            Some(frame) => (frame.base.clone(), frame.language.clone()),
            None => (self.base.clone(), None),
        };
        let base = match attributes.get("xml:base").or_else(|| attributes.get("base")) {
            Some(relative) => base.join(relative).ok().filter(|url| !url.cannot_be_a_base()).map_or(base, Rc::new),
            None => base,
        };
        let language = match attributes.raw("xml:lang").or_else(|| attributes.raw("lang")) {
            Some("") => None,
            Some(tag) => Some(Rc::from(tag.replace('_', "-"))),
            None => language,
        };
        (base, language)
    }

    fn construct(&mut self, role: Text, namespace: Namespace, name: &str, attributes: &Attributes, inner: &'a str) {
        let (base, language) = self.scope(attributes);
        let atom = self.out.atom;
        let default = match role {
            Text::Content if namespace == Namespace::Xhtml || name == "body" => Form::Xhtml,
            Text::Content if matches!(name, "encoded" | "fullitem") => Form::Html,
            Text::Description if name == "description" => Form::Html,
            Text::Title | Text::Rights | Text::Subtitle if atom && namespace == Namespace::Core => Form::Text,
            _ => Form::Guess,
        };
        let form = Form::of(attributes.get("type"), attributes.get("mode"), default);
        let construct = Construct { form, inner, base, language, depth: self.frames.len() + 1 };
        if construct.is_blank() {
            return;
        }
        let Some(facts) = self.facts() else { return };
        match role {
            Text::Title => keep_first(&mut facts.title, construct),
            Text::MediaTitle => keep_first(&mut facts.media_title, construct),
            Text::Description | Text::Summary => push_bounded(&mut facts.descriptions, construct),
            Text::MediaDescription => keep_first(&mut facts.media_description, construct),
            Text::Content => push_bounded(&mut facts.contents, construct),
            Text::Subtitle => keep_first(&mut facts.subtitle, construct),
            Text::Rights => keep_first(&mut facts.rights, construct),
        }
    }

    fn open(&mut self, element: Element, namespace: Namespace, name: &str, attributes: &Attributes) {
        let (base, language) = self.scope(attributes);
        if self.frames.is_empty() {
            self.out.root_language = language.clone();
            self.out.atom = matches!(name, "feed" | "entry");
            self.out.sitemap = namespace == Namespace::Sitemap;
            self.out.index = name == "sitemapindex";
        }
        let mut frame = Frame {
            element,
            namespace,
            text: String::new(),
            base: base.clone(),
            language: language.clone(),
            opens_context: false,
            pending: Pending::Nothing,
        };
        let place = match element {
            Element::Entry => Some(Place::Entry),
            Element::Source if self.place() != Place::Source => Some(Place::Source),
            Element::Image => Some(Place::Image),
            Element::TextInput => Some(Place::TextInput),
            Element::Publication => Some(Place::Publication),
            _ => None,
        };
        if let Some(place) = place.filter(|_| self.contexts.len() < MAX_CONTEXTS) {
            let slot = (place == Place::Entry && self.slots.len() < MAX_ENTRIES).then(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            self.out.crowded |= place == Place::Entry && slot.is_none();
            frame.opens_context = true;
            let facts = Facts { inherited_language: language, base: Some(base.clone()), ..Facts::default() };
            self.contexts.push(Context { place, facts, slot });
        }
        match element {
            Element::Feed | Element::Entry => self.feed_or_entry(attributes, &base),
            Element::Source => {
                if let Some(url) = attributes.get("url")
                    && let Some(facts) = self.facts()
                {
                    facts.source_url = absolute(&base, url);
                }
            }
            Element::Image => {
                let address = attributes.address().and_then(|url| absolute(&base, url));
                if let Some(facts) = self.facts() {
                    facts.address = address;
                }
            }
            Element::Author | Element::Editor | Element::OtherPerson => self.persons.push(Person::default()),
            Element::Generator => {
                let address = attributes.get("uri").map(str::to_owned);
                if let Some(facts) = self.facts() {
                    facts.generator = address;
                }
            }
            Element::Guid => {
                let kind = if name == "guid" { GuidKind::Guid } else { GuidKind::Id };
                let declared = attributes.get("ispermalink").map(|value| value.eq_ignore_ascii_case("true"));
                frame.pending = Pending::Guid { declared, kind };
            }
            Element::Link => {
                if let Some(address) = attributes.address() {
                    self.link(address, attributes, &base);
                    frame.pending = Pending::LinkWithAddress;
                }
            }
            Element::Category => {
                let term = attributes.get("term").or_else(|| attributes.get("text"));
                let scheme = attributes.get("scheme").or_else(|| attributes.get("domain")).map(str::to_owned);
                let label = attributes.get("label").map(str::to_owned);
                if let Some(term) = term {
                    self.category(term.to_owned(), scheme.clone(), label.clone());
                }
                frame.pending = Pending::Category { scheme, label, has_term: term.is_some() };
            }
            Element::Enclosure => {
                if let Some(url) = attributes.address().and_then(|url| absolute(&base, url)) {
                    self.enclosure(url, attributes);
                }
            }
            Element::MediaContent => {
                if let Some(url) = attributes.address().and_then(|url| absolute(&base, url))
                    && let Some(facts) = self.facts()
                {
                    let media = Media {
                        url,
                        media_type: attributes.get("type").map(str::to_owned),
                        medium: attributes.get("medium").map(str::to_ascii_lowercase),
                        length: attributes.get("filesize").and_then(|length| length.parse().ok()),
                    };
                    push_bounded(&mut facts.media, media);
                }
            }
            Element::Thumbnail | Element::ItunesImage => {
                if let Some(url) = attributes.address().and_then(|url| absolute(&base, url))
                    && let Some(facts) = self.facts()
                {
                    push_bounded(&mut facts.images, url);
                }
            }
            Element::License => {
                if let Some(url) = attributes.local("resource").or_else(|| attributes.address()).and_then(|url| absolute(&base, url))
                    && let Some(facts) = self.facts()
                {
                    facts.license.get_or_insert(url);
                }
            }
            _ => {}
        }
        self.frames.push(frame);
        self.out.deepest = self.out.deepest.max(self.frames.len());
    }

    /// CDF says in attributes what others say in elements; RDF names an item so.
    fn feed_or_entry(&mut self, attributes: &Attributes, base: &Rc<Url>) {
        let depth = self.frames.len();
        let at_feed = self.place() == Place::Feed;
        let Some(facts) = self.facts() else { return };
        if let Some(modified) = attributes.get("lastmod") {
            facts.updated = Some(stamp(modified));
        }
        if let Some(link) = attributes.get("href").and_then(|href| absolute(base, href)) {
            facts.link = Some(link);
        }
        if at_feed {
            facts.base = Some(base.clone());
        } else if let Some(about) = attributes.get("rdf:about").or_else(|| attributes.local("about")) {
            facts.guid = Some(Guid { text: about.to_owned(), declared: None, kind: GuidKind::About, base: base.clone(), depth });
        }
    }

    fn link(&mut self, address: &str, attributes: &Attributes, base: &Url) {
        let Some(href) = absolute(base, address) else { return };
        let rel = attributes.get("rel").unwrap_or("alternate").to_ascii_lowercase();
        let rel = rel.strip_prefix("http://www.iana.org/assignments/relation/").unwrap_or(&rel);
        let media_type = attributes.get("type").map(str::to_ascii_lowercase);
        let Some(facts) = self.facts() else { return };
        match rel {
            "alternate" => match media_type.as_deref() {
                None | Some("text/html" | "html" | "application/xhtml+xml" | "xhtml") => facts.link = Some(href),
                Some(_) => {
                    facts.other_alternate.get_or_insert(href);
                }
            },
            "enclosure" => self.enclosure(href, attributes),
            "license" => {
                facts.license.get_or_insert(href);
            }
            // IANA has both names, RFC 5005 the longer.
            "prev" => push_bounded(&mut facts.feed_links, FeedLink { rel: "previous".to_owned(), url: href }),
            "self" | "hub" | "next" | "previous" | "first" | "last" | "prev-archive" | "next-archive" | "current" => {
                push_bounded(&mut facts.feed_links, FeedLink { rel: rel.to_owned(), url: href });
            }
            _ => {}
        }
    }

    fn enclosure(&mut self, url: String, attributes: &Attributes) {
        let Some(facts) = self.facts() else { return };
        if facts.enclosures.len() < MAX_LIST && !facts.enclosures.iter().any(|known| known.url == url) {
            facts.enclosures.push(Enclosure {
                url,
                media_type: attributes.get("type").map(str::to_owned),
                length: attributes.get("length").and_then(|length| length.parse().ok()),
            });
        }
    }

    fn category(&mut self, term: String, scheme: Option<String>, label: Option<String>) {
        let category = Category { term, scheme, label };
        if let Some(facts) = self.facts()
            && facts.categories.len() < MAX_LIST
            && !facts.categories.contains(&category)
        {
            facts.categories.push(category);
        }
    }

    fn close(&mut self, inner: &'a str) {
        let Some(mut frame) = self.frames.pop() else { return };
        self.namespaces.leave(self.frames.len());
        let text = mended(frame.text.trim().to_owned());
        match frame.element {
            Element::Author | Element::Editor | Element::OtherPerson => {
                self.end_person(frame.element, &text);
            }
            Element::Name | Element::Email | Element::Address => {
                self.end_person_part(frame.element, text.clone(), &frame.base);
            }
            Element::Guid => {
                // An identity is never mended.
                self.end_guid(&frame, frame.text.trim().to_owned());
            }
            Element::Link if !matches!(frame.pending, Pending::LinkWithAddress) => {
                // Some escape the address twice.
                if let Some(link) = absolute(&frame.base, &text.replace("&amp;", "&"))
                    && let Some(facts) = self.facts()
                {
                    facts.link = Some(link);
                }
            }
            Element::Category => {
                let term = text.clone();
                if let Pending::Category { scheme, label, has_term } = std::mem::replace(&mut frame.pending, Pending::Nothing)
                    && !term.is_empty()
                {
                    if has_term { self.category(term, None, None) } else { self.category(term, scheme, label) }
                }
            }
            Element::Keywords => {
                let itunes = frame.namespace == Namespace::Itunes;
                for term in text.split(',').map(str::trim).filter(|term| !term.is_empty()) {
                    self.category(term.to_owned(), itunes.then(|| "http://www.itunes.com/".to_owned()), None);
                }
            }
            Element::Published | Element::Updated | Element::Date | Element::Created => {
                let new = stamp(&text);
                self.end_date(frame.element, new);
            }
            Element::Language => {
                let language = text.replace('_', "-");
                if !language.is_empty()
                    && let Some(facts) = self.facts()
                {
                    facts.language = Some(language);
                }
            }
            Element::Thumbnail => {
                let url = absolute(&frame.base, &text);
                if let (Some(url), Some(facts)) = (url, self.facts()) {
                    push_bounded(&mut facts.images, url);
                }
            }
            Element::Generator => {
                if let Some(facts) = self.facts() {
                    let parts = [Some(text.clone()).filter(|name| !name.is_empty()), facts.generator.take()];
                    facts.generator = Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")).filter(|name| !name.is_empty());
                }
            }
            Element::OriginalLink => {
                let url = absolute(&frame.base, &text);
                if let (Some(url), Some(facts)) = (url, self.facts()) {
                    facts.original_link = Some(url);
                }
            }
            Element::License => {
                let url = text.as_str();
                if url.contains("://")
                    && let (Some(url), Some(facts)) = (absolute(&frame.base, url), self.facts())
                {
                    facts.license.get_or_insert(url);
                }
            }
            element => self.hints.note(element, &text),
        }
        if let Pending::Multipart { contents, .. } = frame.pending
            && self.facts().is_some_and(|facts| facts.contents.len() == contents)
        {
            // No alternatives within: it is the content itself.
            let depth = self.frames.len() + 1;
            let construct = Construct { form: Form::Guess, inner, base: frame.base.clone(), language: frame.language.clone(), depth };
            if let Some(facts) = self.facts().filter(|_| !construct.is_blank()) {
                facts.contents.push(construct);
            }
        }
        if frame.opens_context {
            self.end_context(&frame, &text);
        }
    }

    fn end_context(&mut self, frame: &Frame, text: &str) {
        if self.contexts.len() < 2 {
            return;
        }
        let Some(Context { place, mut facts, slot }) = self.contexts.pop() else { return };
        match place {
            Place::Entry => {
                if let Some(place) = slot.and_then(|slot| self.slots.get_mut(slot)) {
                    *place = Some(facts);
                }
            }
            Place::Source => {
                // RSS says the title as the element's own text, Atom in a child.
                facts.own_title = Some(text.to_owned()).filter(|title| !title.is_empty());
                facts.base = Some(frame.base.clone());
                if let Some(entry) = self.facts() {
                    entry.source = Some(Box::new(facts));
                }
            }
            Place::Image => {
                let written = || Some(text).filter(|text| text.contains('/')).and_then(|text| absolute(&frame.base, text));
                if let (Some(url), Some(parent)) = (facts.address.take().or_else(written), self.facts()) {
                    push_bounded(&mut parent.images, url);
                }
            }
            Place::Publication => {
                if let Some(parent) = self.facts() {
                    parent.language = facts.language.take();
                    parent.authors.append(&mut facts.authors);
                    parent.publisher = facts.publisher.take();
                }
            }
            Place::Feed | Place::TextInput => {}
        }
    }

    fn end_person(&mut self, element: Element, text: &str) {
        let Some(from_children) = self.persons.pop() else { return };
        if element == Element::OtherPerson || (element == Element::Editor && self.place() == Place::Feed) {
            return;
        }
        let author = if from_children == Person::default() { person::parse(text) } else { Some(from_children) };
        if let Some(author) = author
            && let Some(facts) = self.facts()
            && facts.authors.len() < MAX_LIST
            && !facts.authors.contains(&author)
        {
            facts.authors.push(author);
        }
    }

    fn end_person_part(&mut self, element: Element, text: String, base: &Url) {
        if text.is_empty() {
            return;
        }
        if let Some(person) = self.persons.last_mut() {
            match element {
                Element::Name => person.name = person::name(&text),
                Element::Email => person.email = Some(text),
                _ => person.uri = absolute(base, &text),
            }
            return;
        }
        let Some(context) = self.contexts.last_mut() else { return };
        match (context.place, element) {
            (Place::Image, Element::Address) => context.facts.address = absolute(base, &text),
            (Place::Publication, Element::Name) => context.facts.publisher = Some(text),
            _ => {}
        }
    }

    fn end_guid(&mut self, frame: &Frame, text: String) {
        let Pending::Guid { declared, kind } = frame.pending else { return };
        let depth = self.frames.len() + 1;
        if text.is_empty() {
            return;
        }
        if let Some(facts) = self.facts()
            && facts.guid.as_ref().is_none_or(|known| known.kind == GuidKind::About || depth <= known.depth)
        {
            facts.guid = Some(Guid { text, declared, kind, base: frame.base.clone(), depth });
        }
    }

    fn end_date(&mut self, element: Element, new: Stamp) {
        if new.text.is_empty() {
            return;
        }
        let Some(facts) = self.facts() else { return };
        let slot = match element {
            Element::Published => &mut facts.published,
            Element::Updated => &mut facts.updated,
            Element::Date => &mut facts.date,
            _ => &mut facts.created,
        };
        // The last that can be read, else the last.
        if new.at.is_some() || slot.as_ref().is_none_or(|old| old.at.is_none()) {
            *slot = Some(new);
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn push_bounded<T>(list: &mut Vec<T>, value: T) {
    if list.len() < MAX_LIST {
        list.push(value);
    }
}

/// The first one stays, unless a later one stands nearer to the root.
fn keep_first<'a>(slot: &mut Option<Construct<'a>>, new: Construct<'a>) {
    if slot.as_ref().is_none_or(|old| new.depth < old.depth) {
        *slot = Some(new);
    }
}

fn stamp(text: &str) -> Stamp {
    let text = text.trim();
    Stamp { text: text.to_owned(), at: parse_date(text) }
}
