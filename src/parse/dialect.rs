//! Which vocabulary an element belongs to, and what it is there.
//!
//! RSS 0.90 to 2.0, RDF, Atom of every age and CDF share one core vocabulary: the same words in many namespaces or in
//! none, in any case. They are read as one, as feedparser does: an element without a prefix is a core element unless
//! its namespace is a known other one. The extension modules are told apart by namespace, whatever the prefix; a prefix
//! that was never declared means what it means everywhere else.

/// A vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// RSS, Atom, CDF: the feed itself.
    Core,
    /// RDF syntax.
    Rdf,
    /// XHTML.
    Xhtml,
    /// `content:encoded`.
    Content,
    /// Dublin Core elements.
    DublinCore,
    /// Dublin Core terms.
    DublinCoreTerms,
    /// Media RSS.
    Media,
    /// Apple's podcast module.
    Itunes,
    /// Podcasting 2.0.
    Podcast,
    /// FeedBurner.
    FeedBurner,
    /// Creative Commons in RDF and in RSS.
    CreativeCommons,
    /// Really Simple Licensing.
    Rsl,
    /// RSS syndication module.
    Syndication,
    /// Sitemaps.
    Sitemap,
    /// News sitemaps.
    News,
    /// Image sitemaps.
    SitemapImage,
    /// Anything else.
    Other,
}

/// Known namespace names, lower case.
const NAMESPACES: &[(&str, Namespace)] = &[
    ("http://www.w3.org/2005/atom", Namespace::Core),
    ("http://purl.org/atom/ns#", Namespace::Core),
    ("http://purl.org/rss/1.0/", Namespace::Core),
    ("http://backend.userland.com/rss2", Namespace::Core),
    ("http://blogs.law.harvard.edu/tech/rss", Namespace::Core),
    ("http://cyber.law.harvard.edu/rss/rss.html", Namespace::Core),
    ("http://my.netscape.com/rdf/simple/0.9/", Namespace::Core),
    ("http://channel.netscape.com/rdf/simple/0.9/", Namespace::Core),
    ("http://purl.org/rss/1.0/modules/rss091#", Namespace::Core),
    ("http://purl.org/net/rss1.1#", Namespace::Core),
    ("http://example.com/newformat#", Namespace::Core),
    ("http://example.com/necho", Namespace::Core),
    ("http://purl.org/echo/", Namespace::Core),
    ("uri/of/echo/namespace#", Namespace::Core),
    ("http://purl.org/pie/", Namespace::Core),
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", Namespace::Rdf),
    ("http://www.w3.org/1999/xhtml", Namespace::Xhtml),
    ("http://purl.org/rss/1.0/modules/content/", Namespace::Content),
    ("http://purl.org/dc/elements/1.1/", Namespace::DublinCore),
    ("http://purl.org/dc/elements/1.0/", Namespace::DublinCore),
    ("http://purl.org/dc/terms/", Namespace::DublinCoreTerms),
    ("http://search.yahoo.com/mrss/", Namespace::Media),
    ("http://search.yahoo.com/mrss", Namespace::Media),
    ("http://www.rssboard.org/media-rss", Namespace::Media),
    ("http://www.itunes.com/dtds/podcast-1.0.dtd", Namespace::Itunes),
    ("http://example.com/dtds/podcast-1.0.dtd", Namespace::Itunes),
    ("https://podcastindex.org/namespace/1.0", Namespace::Podcast),
    ("https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md", Namespace::Podcast),
    ("http://rssnamespace.org/feedburner/ext/1.0", Namespace::FeedBurner),
    ("http://creativecommons.org/ns#", Namespace::CreativeCommons),
    ("http://creativecommons.org/ns#license", Namespace::CreativeCommons),
    ("http://web.resource.org/cc/", Namespace::CreativeCommons),
    ("http://cyber.law.harvard.edu/rss/creativecommonsrssmodule.html", Namespace::CreativeCommons),
    ("http://backend.userland.com/creativecommonsrssmodule", Namespace::CreativeCommons),
    ("https://rslstandard.org/rsl", Namespace::Rsl),
    ("http://purl.org/rss/1.0/modules/syndication/", Namespace::Syndication),
    ("http://www.sitemaps.org/schemas/sitemap/0.9", Namespace::Sitemap),
    ("http://www.google.com/schemas/sitemap/0.84", Namespace::Sitemap),
    ("http://www.google.com/schemas/sitemap-news/0.9", Namespace::News),
    ("https://www.google.com/schemas/sitemap-news/0.9", Namespace::News),
    ("http://www.google.com/schemas/sitemap-image/1.1", Namespace::SitemapImage),
];

/// What the usual prefixes mean where a document forgot to declare them.
const PREFIXES: &[(&str, Namespace)] = &[
    ("atom", Namespace::Core),
    ("rss", Namespace::Core),
    ("rdf", Namespace::Rdf),
    ("xhtml", Namespace::Xhtml),
    ("content", Namespace::Content),
    ("dc", Namespace::DublinCore),
    ("dcterms", Namespace::DublinCoreTerms),
    ("media", Namespace::Media),
    ("itunes", Namespace::Itunes),
    ("podcast", Namespace::Podcast),
    ("feedburner", Namespace::FeedBurner),
    ("cc", Namespace::CreativeCommons),
    ("creativecommons", Namespace::CreativeCommons),
    ("rsl", Namespace::Rsl),
    ("sy", Namespace::Syndication),
    ("news", Namespace::News),
    ("image", Namespace::SitemapImage),
];

impl Namespace {
    /// The vocabulary of a namespace name. An unknown one means what its prefix means by custom: many documents misspell
    /// the names; without prefix it is the core.
    pub fn of_name(name: &str, prefix: Option<&str>) -> Self {
        let known = NAMESPACES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim())).map(|(_, namespace)| *namespace);
        match known {
            Some(namespace) => namespace,
            None if name.trim().is_empty() => Self::Core,
            // Userland's RSS namespaces are many.
            None if name.to_ascii_lowercase().contains("backend.userland.com/rss") => Self::Core,
            None => prefix.map_or(Self::Core, Self::of_prefix),
        }
    }

    /// What a prefix that the document never declared means by custom.
    pub fn of_prefix(prefix: &str) -> Self {
        PREFIXES.iter().find(|(known, _)| known.eq_ignore_ascii_case(prefix)).map_or(Self::Other, |(_, namespace)| *namespace)
    }
}

/// What an element is for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// `rss`, `RDF`, `feed`, `channel`: the feed itself.
    Feed,
    /// `item`, `entry`, a sitemap's `url`, an index's `sitemap`.
    Entry,
    /// The feed that an entry comes from.
    Source,
    /// The feed's (or entry's) picture with its own title and link.
    Image,
    /// The feed's search box.
    TextInput,
    /// An author, with or without children.
    Author,
    /// RSS `managingEditor`: an author on an entry, on the feed only somebody to write to.
    Editor,
    /// Somebody who is not the author.
    OtherPerson,
    /// A person's name.
    Name,
    /// A person's e-mail address.
    Email,
    /// A person's home page; within an image its address.
    Address,
    /// A text construct: see [`Text`].
    Text(Text),
    /// The entry's id.
    Guid,
    /// A link: text, or `href`.
    Link,
    /// A category.
    Category,
    /// Categories separated by commas.
    Keywords,
    /// When published.
    Published,
    /// When updated.
    Updated,
    /// Dublin Core's date, which says neither.
    Date,
    /// When created.
    Created,
    /// A language.
    Language,
    /// An enclosure.
    Enclosure,
    /// Media RSS content.
    MediaContent,
    /// A picture's address in an attribute or as text.
    Thumbnail,
    /// `itunes:image`.
    ItunesImage,
    /// The link before a redirector.
    OriginalLink,
    /// A licence's URL as text or in an attribute.
    License,
    /// RSS `ttl`.
    Ttl,
    /// `sy:updatePeriod`.
    UpdatePeriod,
    /// `sy:updateFrequency`.
    UpdateFrequency,
    UpdateBase,
    /// An hour of RSS `skipHours`.
    SkipHour,
    /// A day of RSS `skipDays`.
    SkipDay,
    /// A news sitemap's publication: the publisher.
    Publication,
    /// The software that made the document.
    Generator,
    /// Not for us: its children may be.
    Other,
}

/// The text constructs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Text {
    /// A title.
    Title,
    /// A title that only stands in for a missing one.
    MediaTitle,
    /// RSS `description`, CDF `abstract`.
    Description,
    /// Atom `summary`, `itunes:summary`.
    Summary,
    /// A caption that only stands in for a missing description.
    MediaDescription,
    /// A body.
    Content,
    /// A feed's description.
    Subtitle,
    /// A copyright line.
    Rights,
}

/// What the element of this (local, lower-case) name is.
pub fn element(namespace: Namespace, name: &str) -> Element {
    match namespace {
        Namespace::Core => core(name),
        Namespace::Rdf if name == "rdf" => Element::Feed,
        Namespace::Xhtml if name == "body" => Element::Text(Text::Content),
        Namespace::Content if name == "encoded" => Element::Text(Text::Content),
        Namespace::DublinCore => match name {
            "title" => Element::Text(Text::Title),
            "description" => Element::Text(Text::Description),
            "rights" => Element::Text(Text::Rights),
            "creator" | "author" => Element::Author,
            "publisher" | "contributor" => Element::OtherPerson,
            "date" => Element::Date,
            "language" => Element::Language,
            "subject" => Element::Category,
            _ => Element::Other,
        },
        Namespace::DublinCoreTerms => match name {
            "issued" => Element::Published,
            "modified" => Element::Updated,
            "created" => Element::Created,
            "rights" => Element::Text(Text::Rights),
            _ => Element::Other,
        },
        Namespace::Media => match name {
            "content" => Element::MediaContent,
            "thumbnail" => Element::Thumbnail,
            "title" => Element::Text(Text::MediaTitle),
            "description" => Element::Text(Text::MediaDescription),
            "category" => Element::Category,
            "keywords" => Element::Keywords,
            "license" => Element::License,
            _ => Element::Other,
        },
        Namespace::Itunes => match name {
            "author" => Element::Author,
            "owner" => Element::OtherPerson,
            "name" => Element::Name,
            "email" => Element::Email,
            "summary" => Element::Text(Text::Summary),
            "subtitle" => Element::Text(Text::Subtitle),
            "keywords" => Element::Keywords,
            "category" => Element::Category,
            "image" | "link" => Element::ItunesImage,
            _ => Element::Other,
        },
        Namespace::Podcast if name == "license" => Element::License,
        Namespace::FeedBurner if name == "origlink" => Element::OriginalLink,
        Namespace::CreativeCommons if name == "license" => Element::License,
        Namespace::Rsl if name == "standard" => Element::License,
        Namespace::Syndication => match name {
            "updateperiod" => Element::UpdatePeriod,
            "updatefrequency" => Element::UpdateFrequency,
            "updatebase" => Element::UpdateBase,
            _ => Element::Other,
        },
        Namespace::Sitemap => match name {
            "urlset" | "sitemapindex" => Element::Feed,
            "url" | "sitemap" => Element::Entry,
            "loc" => Element::Link,
            "lastmod" => Element::Updated,
            _ => Element::Other,
        },
        Namespace::News => match name {
            "publication" => Element::Publication,
            "name" => Element::Name,
            "language" => Element::Language,
            "publication_date" => Element::Published,
            "title" => Element::Text(Text::Title),
            "keywords" => Element::Keywords,
            _ => Element::Other,
        },
        Namespace::SitemapImage if name == "loc" => Element::Thumbnail,
        _ => Element::Other,
    }
}

fn core(name: &str) -> Element {
    match name {
        "rss" | "feed" | "channel" | "rdf" => Element::Feed,
        "item" | "entry" => Element::Entry,
        "source" => Element::Source,
        "image" => Element::Image,
        "textinput" => Element::TextInput,
        "author" => Element::Author,
        "managingeditor" => Element::Editor,
        "contributor" | "webmaster" => Element::OtherPerson,
        "name" => Element::Name,
        "email" => Element::Email,
        "url" | "uri" | "homepage" => Element::Address,
        "title" => Element::Text(Text::Title),
        "description" | "abstract" => Element::Text(Text::Description),
        "summary" => Element::Text(Text::Summary),
        "content" | "body" | "fullitem" => Element::Text(Text::Content),
        "subtitle" | "tagline" => Element::Text(Text::Subtitle),
        "rights" | "copyright" => Element::Text(Text::Rights),
        "guid" | "id" => Element::Guid,
        "link" => Element::Link,
        "category" | "keywords" => Element::Category,
        "tags" => Element::Keywords,
        "published" | "issued" | "pubdate" => Element::Published,
        "updated" | "modified" | "lastbuilddate" => Element::Updated,
        "created" => Element::Created,
        "language" => Element::Language,
        "enclosure" => Element::Enclosure,
        "ttl" => Element::Ttl,
        "generator" => Element::Generator,
        "hour" => Element::SkipHour,
        "day" => Element::SkipDay,
        _ => Element::Other,
    }
}

/// Is this the name of an element that begins a feed document? Lower case, without prefix.
pub fn is_root(name: &str) -> bool {
    matches!(name, "rss" | "rdf" | "feed" | "entry" | "channel") || is_sitemap(name)
}

/// … one that begins a sitemap, or an index of them.
pub fn is_sitemap(name: &str) -> bool {
    matches!(name, "urlset" | "sitemapindex")
}
