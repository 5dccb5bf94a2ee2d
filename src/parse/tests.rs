//! Whole documents: what each dialect, module, mistake and attack becomes.

use proptest::prelude::*;

use super::entry::line_of;
use super::*;
use crate::cpu_time;

const URL: &str = "https://feeds.example.org/news/feed.xml";

const MODULES: &str = concat!(
    r#"xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" "#,
    r#"xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" "#,
    r#"xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:atom="http://www.w3.org/2005/Atom" "#,
    r#"xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:cc="http://web.resource.org/cc/" "#,
    r#"xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rsl="https://rslstandard.org/rsl" "#,
    r#"xmlns:creativeCommons="http://backend.userland.com/creativeCommonsRssModule" "#,
    r#"xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:georss="http://www.georss.org/georss""#,
);

fn url() -> Url {
    Url::parse(URL).unwrap()
}

fn read(text: &str) -> Document {
    parse(text.as_bytes(), &url(), Some("application/xml; charset=utf-8")).unwrap()
}

/// The only entry of an RSS document with this item.
fn item(inner: &str) -> Entry {
    let mut document =
        read(&format!("<rss version='2.0' {MODULES}><channel><title>Feed</title><item><title>Entry</title>{inner}</item></channel></rss>"));
    assert_eq!(document.entries.len(), 1, "{inner}");
    document.entries.remove(0)
}

fn atom_entry(inner: &str) -> Entry {
    let mut document =
        read(&format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>Feed</title><entry><title>Entry</title>{inner}</entry></feed>"));
    assert_eq!(document.entries.len(), 1, "{inner}");
    document.entries.remove(0)
}

fn html(text: &str) -> Option<Markup> {
    Some(Markup::Html(text.to_owned()))
}

fn plain_text(text: &str) -> Option<Markup> {
    Some(Markup::Text(text.to_owned()))
}

fn kinds(document: &Document) -> Vec<&'static str> {
    document.warnings.iter().map(|warning| warning.kind).collect()
}

#[test]
fn the_names_of_html_stand_for_their_characters_in_every_text() {
    for (format, text) in [
        (
            "rss",
            "<rss version=\"2.0\"><channel><title>F</title><item><title>1</title><description>&beta; &zcaron;&pi;</description></item></channel></rss>",
        ),
        (
            "atom",
            "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>F</title><entry><id>1</id><title>1</title>\
             <content type=\"text\">&beta; &zcaron;&pi;</content></entry></feed>",
        ),
    ] {
        let document = super::parse(text.as_bytes(), &Url::parse("https://example.org/feed").unwrap(), None).unwrap();
        let content = document.entries[0].content.as_ref().unwrap();
        let (Markup::Text(content) | Markup::Html(content)) = content;
        assert_eq!(content, "β žπ", "{format}");
    }
}

#[test]
fn one_entry_reads_the_same_in_every_dialect() {
    let rss = |version: &str| {
        format!(
            "<rss{version}><channel><title>Feed</title><link>https://example.org/</link><item><title>Entry</title>\
             <link>https://example.org/1</link><description>Body</description></item></channel></rss>"
        )
    };
    let rdf = |namespace: &str| {
        format!(
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='{namespace}'><channel><title>Feed</title>\
             <link>https://example.org/</link></channel><image><title>No</title><link>https://example.org/no</link></image>\
             <item><title>Entry</title><link>https://example.org/1</link><description>Body</description></item></rdf:RDF>"
        )
    };
    let atom = |namespace: &str| {
        format!(
            "<feed{namespace}><title>Feed</title><link href='https://example.org/'/><entry><title>Entry</title>\
             <link rel='alternate' type='text/html' href='https://example.org/1'/><content type='html'>Body</content></entry></feed>"
        )
    };
    for document in [
        rss(" version='0.91'"),
        rss(" version='0.92'"),
        rss(" version='0.93'"),
        rss(" version='0.94'"),
        rss(" version='2.0'"),
        rss(""),
        rss(" version='2.0' xmlns='http://backend.userland.com/rss2'"),
        rss(" version='2.0' xmlns='http://purl.org/rss/1.0/'"),
        rss(" version='2.0'")
            .to_uppercase()
            .replace("HTTPS://EXAMPLE.ORG", "https://example.org")
            .replace(">FEED<", ">Feed<")
            .replace(">ENTRY<", ">Entry<")
            .replace(">BODY<", ">Body<"),
        rdf("http://my.netscape.com/rdf/simple/0.9/"),
        rdf("http://purl.org/rss/1.0/"),
        atom(" xmlns='http://www.w3.org/2005/Atom'"),
        atom(" version='0.3' xmlns='http://purl.org/atom/ns#'"),
        atom(" xmlns='http://purl.org/pie/'"),
        atom(""),
        atom(" xmlns:a='http://www.w3.org/2005/Atom'").replace('<', "<a:").replace("<a:/", "</a:"),
        "<CHANNEL HREF='https://example.org/'><TITLE>Feed</TITLE><ITEM HREF='https://example.org/1'><TITLE>Entry</TITLE>\
         <ABSTRACT>Body</ABSTRACT></ITEM></CHANNEL>"
            .to_owned(),
        r#"{"version":"https://jsonfeed.org/version/1","title":"Feed","home_page_url":"https://example.org/","items":[
         {"id":"1","url":"https://example.org/1","title":"Entry","content_html":"Body"}]}"#
            .to_owned(),
    ] {
        let read = read(&document);
        assert_eq!(read.feed.title.as_deref(), Some("Feed"), "{document}");
        assert_eq!(read.feed.site_url.as_deref(), Some("https://example.org/"), "{document}");
        let [entry] = &read.entries[..] else { panic!("{document}") };
        assert_eq!(entry.title.as_ref().and_then(line_of).as_deref(), Some("Entry"), "{document}");
        assert_eq!(entry.link.as_deref(), Some("https://example.org/1"), "{document}");
        assert_eq!(entry.content.as_ref().and_then(line_of).as_deref(), Some("Body"), "{document}");
        assert_eq!(read.warnings, [], "{document}");
    }
}

#[test]
fn a_news_sitemap_is_a_feed_of_its_news() {
    let read = read(
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:news='http://www.google.com/schemas/sitemap-news/0.9' \
         xmlns:image='http://www.google.com/schemas/sitemap-image/1.1'><url><loc>https://example.org/1</loc><lastmod>2024-01-03</lastmod>\
         <news:news><news:publication><news:name>The Gleaner</news:name><news:language>en</news:language></news:publication>\
         <news:publication_date>2024-01-02T03:04:05Z</news:publication_date><news:title>Headline</news:title>\
         <news:keywords>one, two</news:keywords></news:news><image:image><image:loc>https://example.org/1.jpg</image:loc></image:image></url>\
         <url><loc>https://example.org/about</loc></url></urlset>",
    );
    let [entry] = &read.entries[..] else { panic!("one entry") };
    assert_eq!(entry.title.as_ref().and_then(line_of).as_deref(), Some("Headline"));
    assert_eq!(entry.link.as_deref(), Some("https://example.org/1"));
    assert_eq!(entry.language.as_deref(), Some("en"));
    assert_eq!(entry.published.as_ref().unwrap().text, "2024-01-02T03:04:05Z");
    assert_eq!(entry.updated.as_ref().unwrap().text, "2024-01-03");
    assert_eq!(entry.source.as_ref().unwrap().title.as_deref(), Some("The Gleaner"));
    assert_eq!(entry.image.as_deref(), Some("https://example.org/1.jpg"));
    assert_eq!(entry.categories.len(), 2);
    assert_eq!((read.feed.title.as_deref(), read.feed.language.as_deref()), (Some("The Gleaner"), Some("en")));
    let plain = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>https://example.org/</loc></url></urlset>";
    assert!(matches!(parse(plain.as_bytes(), &url(), None), Err(ParseError::NotAFeed(_))));
}

#[test]
fn an_index_of_sitemaps_has_no_entries_and_a_quiet_news_sitemap_is_a_feed() {
    let document = read(
        "<?xml version='1.0'?><sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><sitemap><loc>/news.xml.gz</loc>\
         <lastmod>2024-01-03T00:00:00Z</lastmod></sitemap><sitemap><loc>https://example.org/pages.xml</loc></sitemap><sitemap/></sitemapindex>",
    );
    let sitemaps: Vec<_> = document.sitemaps.iter().map(|sitemap| (sitemap.url.as_str(), sitemap.updated.is_some())).collect();
    assert_eq!(sitemaps, [("https://feeds.example.org/news.xml.gz", true), ("https://example.org/pages.xml", false)]);
    assert!(document.entries.is_empty() && document.warnings[0].kind == "sitemap-index");
    assert!(super::is_sitemap_index(b"<?xml version='1.0'?><!-- made at noon --><sitemapindex>") && !super::is_sitemap_index(b"<urlset>"));
    let quiet = "<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'></urlset>";
    assert_eq!(read(quiet).entries, []);
    for none in [
        "<urlset/>",
        "<sitemapindex/>",
        "<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>/a</loc></url></urlset>",
    ] {
        assert!(matches!(parse(none.as_bytes(), &url(), None), Err(ParseError::NotAFeed(_))), "{none}");
    }
}

#[test]
fn a_document_says_what_made_it_and_where_its_other_pages_are() {
    for (generator, want) in [
        ("<generator>https://wordpress.org/?v=6.8</generator>", Some("https://wordpress.org/?v=6.8")),
        ("<generator uri='https://wordpress.org/' version='6.8'>WordPress</generator>", Some("WordPress https://wordpress.org/")),
        ("<generator/>", None),
        ("", None),
    ] {
        for (open, close) in
            [("<rss><channel>", "<item><title>a</title></item></channel></rss>"), ("<feed>", "<entry><title>a</title></entry></feed>")]
        {
            let document = read(&format!("{open}{generator}<link xmlns='http://www.w3.org/2005/Atom' rel='prev' href='/2'/>{close}"));
            assert_eq!(document.feed.generator.as_deref(), want, "{open}{generator}");
            assert_eq!(document.feed.links, [super::FeedLink { rel: "previous".into(), url: "https://feeds.example.org/2".into() }]);
        }
    }
}

#[test]
fn the_fuller_text_is_the_body_and_the_other_the_summary() {
    for (inner, content, summary) in [
        ("<description>Only</description>", html("Only"), None),
        ("<description>Short</description><content:encoded>Long</content:encoded>", html("Long"), html("Short")),
        ("<content:encoded>Long</content:encoded><description>Short</description>", html("Long"), html("Short")),
        ("<description>Short</description><itunes:summary>A longer one</itunes:summary>", plain_text("A longer one"), html("Short")),
        (
            "<description>The description</description><media:description>Caption of the picture</media:description>",
            html("The description"),
            None,
        ),
        ("<media:description>Caption</media:description>", plain_text("Caption"), None),
        ("<description> </description><content:encoded/>", None, None),
        ("<description>A <b>bold</b> &amp;amp; word</description>", html("A <b>bold</b> &amp;amp; word"), None),
        ("<description><![CDATA[<p>One</p>]]> <![CDATA[<p>Two</p>]]></description>", html("<p>One</p> <p>Two</p>"), None),
        ("<description>&lt;p&gt;One &amp;amp; two&lt;/p&gt;</description>", html("<p>One &amp; two</p>"), None),
        ("<body xmlns='http://www.w3.org/1999/xhtml'><p>One</p></body>", html("<p>One</p>"), None),
        ("<foo:description xmlns:foo='urn:foo'>No</foo:description>", None, None),
    ] {
        let entry = item(inner);
        assert_eq!((entry.content, entry.summary), (content, summary), "{inner}");
    }
    for (inner, content, summary) in [
        ("<summary>Short</summary><content type='html'>&lt;p>Long&lt;/p></content>", html("<p>Long</p>"), plain_text("Short")),
        ("<summary>Only</summary>", None, plain_text("Only")),
        ("<content type='text'>1 &lt; 2</content>", plain_text("1 < 2"), None),
        ("<content type='text'>&lt;p>shown&lt;/p></content>", plain_text("<p>shown</p>"), None),
        (
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>a &amp; b<br/></p></div></content>",
            html("<p>a &amp; b<br></p>"),
            None,
        ),
        ("<content type='xhtml'><div>a</div><div>b</div></content>", html("<div>a</div><div>b</div>"), None),
        (
            "<content type='xhtml'><x:div xmlns:x='http://www.w3.org/1999/xhtml'><x:a href='?a&amp;b=\"c\"'>l</x:a></x:div></content>",
            html("<a href=\"?a&amp;b=&quot;c&quot;\">l</a>"),
            None,
        ),
        ("<content type='text/plain'>PGI+</content>", plain_text("PGI+"), None),
        ("<content type='application/octet-stream'>PGI+Ym9sZDwvYj4=</content>", html("<b>bold</b>"), None),
        ("<content type='image/png'>iVBORw0KGgo=</content>", None, None),
        ("<content type='image/png' src='a.png'/>", None, None),
        ("<content mode='base64' type='text/html'>\nPGI+Ym9s\nZDwvYj4=\n</content>", html("<b>bold</b>"), None),
        (
            "<content type='multipart/alternative'><content type='text/html'>&lt;i>x&lt;/i></content><content>x</content></content>",
            html("<i>x</i>"),
            None,
        ),
        ("<content type='multipart/alternative'>Text</content>", plain_text("Text"), None),
    ] {
        let entry = atom_entry(inner);
        assert_eq!((entry.content, entry.summary), (content, summary), "{inner}");
    }
}

#[test]
fn a_title_is_mark_up_only_where_it_looks_like_it() {
    for (title, want) in [
        ("Plain", plain_text("Plain")),
        ("Vec&lt;T&gt; explained", plain_text("Vec<T> explained")),
        ("1 &lt; 2", plain_text("1 < 2")),
        ("AT&amp;T", plain_text("AT&T")),
        ("A &lt;b&gt;bold&lt;/b&gt; one", html("A <b>bold</b> one")),
        ("Caf&amp;eacute;", html("Caf&eacute;")),
        ("&#146;smart&#148;", plain_text("\u{2019}smart\u{201d}")),
        ("&nbsp;&eacute;", plain_text("\u{e9}")),
        ("CafÃ©", plain_text("Café")),
    ] {
        let read = read(&format!("<rss><channel><item><title>{title}</title></item></channel></rss>"));
        let entry = read.entries.into_iter().next().unwrap();
        // A no-break space at the edge is white space.
        let got = entry.title.map(|title| match title {
            Markup::Text(text) => Markup::Text(text.trim().to_owned()),
            html => html,
        });
        assert_eq!(got, want, "{title}");
    }
    let entry = item("<media:title>Media</media:title><dc:title>Dublin</dc:title>");
    assert_eq!(entry.title, plain_text("Entry"));
    let read =
        read(&format!("<rss {MODULES}><channel><item><media:group><media:title>Media</media:title></media:group></item></channel></rss>"));
    assert_eq!(read.entries[0].title, plain_text("Media"));
}

#[test]
fn links_and_guids_follow_their_own_rules() {
    for (inner, link, guid, permalink) in [
        ("<link>/1</link>", Some("https://feeds.example.org/1"), None, false),
        ("<link> https://example.org/?a=1&amp;b=2\n</link>", Some("https://example.org/?a=1&b=2"), None, false),
        ("<link href='https://example.org/1'/>", Some("https://example.org/1"), None, false),
        ("<guid>https://example.org/g</guid>", None, Some("https://example.org/g"), true),
        ("<guid isPermaLink='true'>https://example.org/g</guid>", None, Some("https://example.org/g"), true),
        ("<guid isPermaLink='false'>https://example.org/g</guid>", None, Some("https://example.org/g"), false),
        ("<guid isPermaLink='true'>/g</guid>", Some("https://feeds.example.org/g"), Some("/g"), false),
        ("<guid>17</guid>", None, Some("17"), false),
        ("<guid> tag:example.org,2004:1 </guid>", None, Some("tag:example.org,2004:1"), false),
        (
            "<link>https://example.org/1</link><atom:link rel='self' href='https://example.org/self'/>",
            Some("https://example.org/1"),
            None,
            false,
        ),
        ("<atom:link href='https://example.org/a'/>", Some("https://example.org/a"), None, false),
        ("<image><url>https://example.org/i.png</url><link>https://example.org/no</link></image>", None, None, false),
        ("<comments>https://example.org/c</comments>", None, None, false),
        ("<link/>", None, None, false),
    ] {
        let entry = item(inner);
        assert_eq!((entry.link.as_deref(), entry.guid.as_deref(), entry.guid_is_permalink), (link, guid, permalink), "{inner}");
    }
    for (inner, link) in [
        ("<link rel='enclosure' href='a.mp3'/><link rel='alternate' href='1'/>", Some("https://feeds.example.org/news/1")),
        ("<link rel='self' href='s'/>", None),
        (
            "<link rel='alternate' type='application/pdf' href='p'/><link rel='alternate' type='text/html' href='h'/>",
            Some("https://feeds.example.org/news/h"),
        ),
        ("<link rel='alternate' type='application/pdf' href='p'/>", Some("https://feeds.example.org/news/p")),
        ("<link rel='http://www.iana.org/assignments/relation/alternate' href='1'/>", Some("https://feeds.example.org/news/1")),
    ] {
        assert_eq!(atom_entry(inner).link.as_deref(), link, "{inner}");
    }
    assert_eq!(
        item("<feedburner:origLink>https://example.org/o</feedburner:origLink>").original_link.as_deref(),
        Some("https://example.org/o")
    );
}

#[test]
fn an_entry_without_guid_and_link_gets_none() {
    for _ in 0..2 {
        let entry = item("<description>Text</description>");
        assert_eq!((entry.guid, entry.link), (None, None));
    }
}

#[test]
fn base_and_language_are_inherited() {
    let read = read(
        "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://example.org/a/' xml:lang='en'><title>Feed</title>\
         <entry xml:base='b/'><title>One</title><link href='1'/><id>rel</id><content type='html' xml:base='c/' xml:lang='de'>x</content></entry>\
         <entry xml:lang='fr_CA'><title>Two</title><link href='/2'/></entry><entry xml:lang=''><title>Three</title></entry></feed>",
    );
    let [one, two, three] = &read.entries[..] else { panic!("three entries") };
    assert_eq!(one.link.as_deref(), Some("https://example.org/a/b/1"));
    assert_eq!(one.guid.as_deref(), Some("https://example.org/a/b/rel"));
    assert_eq!(one.base.as_deref(), Some("https://example.org/a/b/c/"));
    assert_eq!(one.language.as_deref(), Some("de"));
    assert_eq!((two.link.as_deref(), two.language.as_deref()), (Some("https://example.org/2"), Some("fr-CA")));
    assert_eq!(two.base.as_deref(), Some("https://example.org/a/"));
    assert_eq!(three.base.as_deref(), Some("https://example.org/a/"));
    assert_eq!(read.feed.language.as_deref(), Some("en"));
    let entry = item("<description>x</description><dc:language>it</dc:language>");
    assert_eq!((entry.base.as_deref(), entry.language.as_deref()), (Some(URL), Some("it")));
}

#[test]
fn a_namespace_counts_whatever_its_prefix_and_a_misspelt_or_missing_one_by_its_prefix() {
    for (namespaces, inner, author) in [
        ("xmlns:dc='http://purl.org/dc/elements/1.1/'", "<dc:creator>A</dc:creator>", Some("A")),
        ("xmlns:x='http://purl.org/dc/elements/1.1/'", "<x:creator>A</x:creator>", Some("A")),
        ("xmlns:dc='http://purl.org/dc/elements'", "<dc:creator>A</dc:creator>", Some("A")),
        ("", "<dc:creator>A</dc:creator>", Some("A")),
        ("xmlns:x='urn:x'", "<x:creator>A</x:creator><x:author>A</x:author>", None),
        ("xmlns:media='urn:x'", "<creator xmlns='http://purl.org/dc/elements/1.1/'>A</creator><creator>B</creator>", Some("A")),
        ("xmlns:xml='urn:wrong' xmlns:xmlns='urn:wrong' xmlns:=''", "<author>A</author>", Some("A")),
    ] {
        let read = read(&format!("<rss {namespaces}><channel><item><title>x</title>{inner}</item></channel></rss>"));
        assert_eq!(read.entries[0].authors.first().and_then(|author| author.name.as_deref()), author, "{inner}");
    }
    let many: String = (0..5000).map(|n| format!(" xmlns:n{n}='urn:{n}'")).collect();
    assert_eq!(read(&format!("<rss{many}><channel><item><title>x</title></item></channel></rss>")).entries.len(), 1);
}

#[test]
fn people_are_read_from_every_element_that_names_them() {
    let person = |name: Option<&str>, email: Option<&str>| Person { name: name.map(Into::into), email: email.map(Into::into), uri: None };
    for (inner, want) in [
        ("<author>editor@example.org (A. Editor)</author>", vec![person(Some("A. Editor"), Some("editor@example.org"))]),
        (
            "<dc:creator>Staff writer</dc:creator><dc:creator>A. Author</dc:creator>",
            vec![person(Some("Staff writer"), None), person(Some("A. Author"), None)],
        ),
        ("<author>A. Author</author><dc:creator>A. Author</dc:creator>", vec![person(Some("A. Author"), None)]),
        ("<itunes:author>Staff writer</itunes:author>", vec![person(Some("Staff writer"), None)]),
        ("<managingEditor>Editor</managingEditor>", vec![person(Some("Editor"), None)]),
        ("<author><name>A. Author</name><email>a@example.org</email></author>", vec![person(Some("A. Author"), Some("a@example.org"))]),
        ("<author>“a@example.org” A. Author</author>", vec![person(Some("“” A. Author"), Some("a@example.org"))]),
        ("<webMaster>web@example.org</webMaster><dc:contributor>No</dc:contributor><author/>", vec![]),
    ] {
        assert_eq!(item(inner).authors, want, "{inner}");
    }
    let read = read(
        "<feed xmlns='http://www.w3.org/2005/Atom'><author><name>Feed author</name></author><entry><title>1</title></entry>\
         <entry><title>2</title><author><name>A. Author</name><uri>/a</uri></author></entry>\
         <entry><title>3</title><source><title>Origin</title><author><name>Origin author</name></author></source></entry></feed>",
    );
    let names: Vec<_> = read.entries.iter().map(|entry| entry.authors[0].name.clone().unwrap()).collect();
    assert_eq!(names, ["Feed author", "A. Author", "Origin author"]);
    assert_eq!(read.entries[1].authors[0].uri.as_deref(), Some("https://feeds.example.org/a"));
}

#[test]
fn dates_keep_their_text_and_are_never_copied() {
    for (inner, published, updated) in [
        ("<pubDate>Thu, 01 Jan 2004 19:48:21 GMT</pubDate>", Some("Thu, 01 Jan 2004 19:48:21 GMT"), None),
        ("<dc:date>2004-01-01</dc:date>", Some("2004-01-01"), None),
        (
            "<pubDate>Thu, 01 Jan 2004 19:48:21 GMT</pubDate><dc:date>2004-01-02</dc:date>",
            Some("Thu, 01 Jan 2004 19:48:21 GMT"),
            Some("2004-01-02"),
        ),
        ("<dcterms:issued>2004</dcterms:issued><dcterms:modified>2005</dcterms:modified>", Some("2004"), Some("2005")),
        ("<dcterms:created>2003</dcterms:created>", Some("2003"), None),
        ("<atom:updated>2005</atom:updated>", None, Some("2005")),
        ("<pubDate>Thu, 01 Jan 2004 19:48:21 GMT</pubDate><pubDate>nonsense</pubDate>", Some("Thu, 01 Jan 2004 19:48:21 GMT"), None),
        ("<pubDate>nonsense</pubDate>", Some("nonsense"), None),
        ("<pubDate/>", None, None),
    ] {
        let entry = item(inner);
        let text = |stamp: &Option<Stamp>| stamp.as_ref().map(|stamp| stamp.text.clone());
        assert_eq!((text(&entry.published).as_deref(), text(&entry.updated).as_deref()), (published, updated), "{inner}");
    }
    assert_eq!(item("<pubDate>nonsense</pubDate>").published.unwrap().at, None);
}

#[test]
fn categories_enclosures_pictures_sources_and_licences_are_read() {
    let terms = |entry: &Entry| entry.categories.iter().map(|category| category.term.clone()).collect::<Vec<_>>().join("|");
    for (inner, want) in [
        ("<category>One</category><category domain='d'>Two, three</category><category/>", "One|Two, three"),
        ("<dc:subject>One</dc:subject><dc:subject>One</dc:subject>", "One"),
        ("<itunes:keywords>a, b,,c</itunes:keywords>", "a|b|c"),
        ("<itunes:category text='Arts'><itunes:category text='Design'/></itunes:category>", "Arts|Design"),
        ("<media:category label='L'>m</media:category><media:keywords>k1, k2</media:keywords>", "m|k1|k2"),
        ("<category term='T' scheme='S' label='L'/>", "T"),
    ] {
        assert_eq!(terms(&item(inner)), want, "{inner}");
    }
    let category = &atom_entry("<category term='t' scheme='s' label='l'/>").categories[0];
    assert_eq!((category.scheme.as_deref(), category.label.as_deref()), (Some("s"), Some("l")));

    let entry = item(
        "<enclosure url='/a.mp3' length='12' type='audio/mpeg'/><enclosure url='https://example.org/b.mp3' length='x'/>\
         <media:group><media:content url='https://example.org/v.mp4' type='video/mp4' fileSize='9'/><media:content url='/p.jpg' medium='image'/></media:group>\
         <media:thumbnail url='/t.jpg'/>",
    );
    let urls: Vec<_> = entry.enclosures.iter().map(|enclosure| (enclosure.url.as_str(), enclosure.length)).collect();
    assert_eq!(
        urls,
        [("https://feeds.example.org/a.mp3", Some(12)), ("https://example.org/b.mp3", None), ("https://example.org/v.mp4", Some(9))]
    );
    for (inner, want) in [
        ("<media:thumbnail url='/t.jpg'/><media:content url='/p.jpg' medium='image'/>", Some("https://feeds.example.org/p.jpg")),
        ("<media:thumbnail url='/t.jpg'/>", Some("https://feeds.example.org/t.jpg")),
        ("<itunes:image href='/i.jpg'/>", Some("https://feeds.example.org/i.jpg")),
        ("<enclosure url='/e.png' type='image/png'/>", Some("https://feeds.example.org/e.png")),
        ("<image><url>/u.png</url></image>", Some("https://feeds.example.org/u.png")),
        ("<image>https://example.org/w.png</image>", Some("https://example.org/w.png")),
        ("<image href='/h.png'/>", Some("https://feeds.example.org/h.png")),
        ("<media:content url='/p.JPG?x'/>", Some("https://feeds.example.org/p.JPG?x")),
        ("<enclosure url='/e.mp3' type='audio/mpeg'/>", None),
    ] {
        assert_eq!(item(inner).image.as_deref(), want, "{inner}");
    }

    let source = item("<source url='https://example.net/feed'>Origin</source>").source.unwrap();
    assert_eq!((source.title.as_deref(), source.url.as_deref()), (Some("Origin"), Some("https://example.net/feed")));
    let entry = atom_entry(
        "<source><title>Origin</title><link href='https://example.net/'/><id>tag:x</id><updated>2001</updated></source><id>mine</id>",
    );
    assert_eq!(entry.guid.as_deref(), Some("mine"));
    assert_eq!(entry.updated, None);
    assert_eq!(entry.source.unwrap().url.as_deref(), Some("https://example.net/"));

    for inner in [
        "<cc:license rdf:resource='https://licence.example/'/>",
        "<creativeCommons:license>https://licence.example/</creativeCommons:license>",
        "<atom:link rel='license' href='https://licence.example/'/>",
        "<media:license href='https://licence.example/'>CC</media:license>",
        "<rsl:content url='/'><rsl:license><rsl:payment type='use'><rsl:standard>https://licence.example/</rsl:standard></rsl:payment></rsl:license></rsl:content>",
    ] {
        assert_eq!(item(inner).license.as_deref(), Some("https://licence.example/"), "{inner}");
    }
    assert_eq!(item("<dc:rights>© Staff</dc:rights>").rights.as_deref(), Some("© Staff"));
    let entry = item("<georss:point>1 2</georss:point><georss:where><title>No</title></georss:where>");
    assert_eq!(entry.title, plain_text("Entry"));
}

#[test]
fn the_feed_says_how_often_it_changes() {
    let hints = |inner: &str| read(&format!("<rss {MODULES}><channel><title>F</title>{inner}</channel></rss>")).feed.hints;
    assert_eq!(hints("<ttl>60</ttl>").interval_minutes, Some(60));
    assert_eq!(hints("<ttl>0</ttl>").interval_minutes, None);
    assert_eq!(hints("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>").interval_minutes, Some(360));
    assert_eq!(hints("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>").interval_minutes, Some(60));
    let quiet = hints(
        "<skipHours><hour>0</hour><hour>24</hour><hour>7</hour><hour>99</hour></skipHours><skipDays><day>Monday</day><day>Sunday</day></skipDays>",
    );
    assert_eq!((quiet.skip_hours, quiet.skip_days), (vec![0, 7], vec![0, 6]));
}

#[test]
fn the_feed_names_itself_its_pages_and_its_hubs() {
    let links =
        |document: &Document| document.feed.links.iter().map(|link| format!("{} {}", link.rel, link.url)).collect::<Vec<_>>().join(", ");
    let atom = read(
        "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='self' href='feed.xml'/><link rel='hub' href='https://hub.example/'/>\
         <link rel='prev-archive' href='/2003/12.xml'/><link rel='related' href='no'/><entry><title>x</title><link rel='self' href='no'/></entry></feed>",
    );
    let want = "self https://feeds.example.org/news/feed.xml, hub https://hub.example/, prev-archive https://feeds.example.org/2003/12.xml";
    assert_eq!(links(&atom), want);
    let rss =
        read(&format!("<rss {MODULES}><channel><title>F</title><link>/</link><atom:link rel='next' href='?page=2'/></channel></rss>"));
    assert_eq!(links(&rss), "next https://feeds.example.org/news/feed.xml?page=2");
    assert_eq!(rss.feed.site_url.as_deref(), Some("https://feeds.example.org/"));
}

#[test]
fn each_mistake_is_mended_named_and_harms_nothing_else() {
    let whole = "<item><title>Whole</title><link>https://example.org/whole</link></item>";
    let rss = |inner: &str| format!("<rss version='2.0'><channel><title>Feed</title>{whole}{inner}</channel></rss>");
    for (document, kind, entries) in [
        (rss("<item><title>a & b</title></item>"), "bare-ampersand", 2),
        (rss("<item><title>x</title><description>1 < 2 <3</description></item>"), "bare-bracket", 2),
        (rss("<item><title>x &bogus; &nbsp; & y</title></item>"), "unknown-entity", 2),
        (rss("<item><title>x &nbsp; &copy; & y</title></item>"), "html-entity", 2),
        (rss("<item><title>x</title><description><p>a<br>b <img src=x></description></item>"), "void-element", 2),
        (rss("<item><title>x</title><description><b><i>a</b></i></description></item>"), "unclosed-tag", 2),
        (rss("<item><title>x</title><enclosure url=/a.mp3 length=1></item>"), "bad-attribute", 2),
        (rss("<item><title>x"), "unclosed-tag", 2),
        (rss("<item><title>x</title><item><title>y</title></item>"), "unclosed-entry", 3),
        (rss("<item><title>x</title></item><guid>1<language>en<item><title>y</title></item>"), "unclosed-tag", 3),
        (rss("</nonsense>"), "stray-end-tag", 1),
        (rss("<item><title>x</title><description><![CDATA[a</description></item>"), "unclosed-cdata", 1),
        (rss("<item><title>x</title><description>&#0;&</description></item>"), "bad-reference", 2),
        (rss("<dc:creator>x</dc:creator>"), "undeclared-prefix", 1),
        (rss("") + "tail", "after-root", 1),
        (rss("") + &rss("<item><title>x</title></item>"), "second-root", 3),
        (rss("").replace("</channel></rss>", "<item><title>cut off here</title><link>https://exam"), "cut-off", 1),
        ("rubbish ".to_owned() + &rss(""), "before-root", 1),
        (rss("<item><category>only</category></item>"), "empty-entry", 1),
        (rss("<item><title>a\u{8}b</title></item>"), "control-character", 2),
    ] {
        let read = read(&document);
        assert!(kinds(&read).contains(&kind), "{document}: {:?}", read.warnings);
        assert_eq!(read.entries.len(), entries, "{document}");
        assert_eq!(read.feed.title.as_deref(), Some("Feed"), "{document}");
        assert_eq!(read.entries[0].link.as_deref(), Some("https://example.org/whole"), "{document}");
    }
    let bodies = |inner: &str| super::parse(rss(inner).as_bytes(), &url(), None).unwrap().entries.pop().unwrap().content;
    for (inner, want) in [
        ("<item><description><p>a<p>b <br>c</description></item>", html("<p>a</p><p>b <br>c</p>")),
        ("<item><description><ul><li>a<li>b</ul></description></item>", html("<ul><li>a</li><li>b</li></ul>")),
        ("<item><description><b><i>a</b></i> b</description></item>", html("<b><i>a</i></b> b")),
        ("<item><description>1 < 2 &amp; 3</description></item>", html("1 < 2 & 3")),
        ("<item><description><a href=x title='a>b' disabled>l</a></item>", html("<a href=\"x\" title=\"a>b\" disabled=\"\">l</a>")),
        ("<item><description>a &bogus; &eacute; & b</description></item>", html("a &bogus; é & b")),
    ] {
        assert_eq!(bodies(inner), want, "{inner}");
    }
    let unclosed = read(&rss("<item><description>a <b>b</b><link>https://example.org/x</link><category>c</category><guid>g</guid></item>"));
    let entry = unclosed.entries.last().unwrap();
    assert_eq!((entry.link.as_deref(), entry.guid.as_deref()), (Some("https://example.org/x"), Some("g")));
    assert_eq!(entry.content, html("a <b>b</b>"));
    // However many elements are left open, the entry ends where it ends.
    let open =
        rss(&format!("<item><title>x</title><description>{}</description></item><item><title>y</title></item>", "<b>a".repeat(1000)));
    let read_open = read(&open);
    assert_eq!(read_open.entries.len(), 3);
    assert!(kinds(&read_open).contains(&"too-deep"));
    // Of a document with nothing whole in it, a part is better than nothing.
    let read = read("<rss><channel><title>Feed</title><item><title>cut");
    assert_eq!(read.entries.len(), 1);
}

#[test]
fn a_mended_document_has_one_root_whatever_follows_it() {
    for (document, want) in [
        ("<rss/><channel><title>x</title></channel>", "<rss><channel><title>x</title></channel></rss>"),
        ("<rss/>tail", "<rss></rss>"),
        ("<title>one<guid>x</guid>", "<title>one<guid>x</guid></title>"),
        ("<guid>1<title>2</title></guid>", "<guid>1<title>2</title></guid>"),
        ("<item><title>a</title><item><title>b</title>", "<item><title>a</title><item><title>b</title></item></item>"),
    ] {
        assert_eq!(repair::mend(document, &construct::Entities::default()).text, want, "{document}");
    }
}

#[test]
fn what_holds_no_feed_is_refused_with_a_reason() {
    let refused = |text: &str| parse(text.as_bytes(), &url(), None).unwrap_err();
    assert_eq!(refused(""), ParseError::Empty);
    assert_eq!(refused(" \n "), ParseError::Empty);
    let page =
        "<!DOCTYPE html><html><head><link rel='alternate' type='application/atom+xml' href='/atom.xml'></head><body>Page</body></html>";
    assert_eq!(refused(page), ParseError::Html { feeds: vec!["https://feeds.example.org/atom.xml".into()] });
    assert!(refused(page).to_string().contains("https://feeds.example.org/atom.xml"));
    for text in
        ["plain text", "<opml version='2.0'><body/></opml>", "<html><channel></channel></html>", "<<<", "&", "<", "<!DOCTYPE", "<?xml"]
    {
        assert!(matches!(refused(text), ParseError::NotAFeed(_) | ParseError::Html { .. }), "{text}");
    }
}

#[test]
fn hostile_documents_take_bounded_time_and_memory() {
    let many = 100_000;
    let rss = |inner: &str| format!("<rss version='2.0' {MODULES}><channel><title>Feed</title>{inner}</channel></rss>");
    let nested = |name: &str| {
        rss(&format!("<item><title>x</title>{}{}</item>", format!("<{name}>").repeat(many), format!("</{name}>").repeat(many)))
    };
    for (name, document) in [
        ("nested unknown elements", nested("x")),
        ("nested authors", nested("author")),
        ("nested categories", nested("itunes:category")),
        ("nested groups", nested("media:group")),
        (
            "nested categories of the feed",
            rss(&format!("{}{}", "<itunes:category text='/>'>".repeat(3000), "</itunes:category>".repeat(3000))),
        ),
        (
            "end tags in instructions",
            rss(&format!("{}{}", "<itunes:category><?x ></itunes:category>?>".repeat(3000), "</itunes:category>".repeat(3000))),
        ),
        ("mark-up nested in a text", rss(&format!("<item><title>{}{}</title></item>", "<b>".repeat(3000), "</b>".repeat(3000)))),
        ("nested items", nested("item")),
        ("nested sources", nested("source")),
        ("nested contents", nested("description")),
        ("nested mark-up", rss(&format!("<item><title>x</title><description>{}</description></item>", "<b>".repeat(many)))),
        ("unclosed everything", rss(&"<item><title>x<b>".repeat(many / 10))),
        ("unclosed tags and stray ends", rss(&format!("<q><item><title>x</title>{}{}", "<a>".repeat(many), "</q>".repeat(many)))),
        ("unclosed comments", rss(&format!("<item><title>x</title>{}</item>", "<!--".repeat(many)))),
        ("unclosed instructions", rss(&format!("<item><title>x</title>{}</item>", "<?".repeat(many)))),
        ("unclosed sections", rss(&format!("<item><title>x</title>{}</item>", "<![CDATA[".repeat(many)))),
        ("brackets", rss(&format!("<item><title>{}</title></item>", "<a <".repeat(many)))),
        ("brackets in a title", rss(&format!("<item><title>x</title></item><description>{}</description>", "&lt;a ".repeat(many)))),
        ("addresses", rss(&format!("<item><title>x</title><description>{}</description></item>", "@".repeat(many * 10)))),
        ("ampersands", rss(&format!("<item><title>{}</title></item>", "&".repeat(many)))),
        ("prefixes", rss(&(0..many / 4).map(|n| format!("<p{n}:x/>")).collect::<String>())),
        (
            "categories",
            rss(&format!("<item><title>x</title>{}</item>", (0..many).map(|n| format!("<category>{n}</category>")).collect::<String>())),
        ),
        ("attributes", rss(&format!("<item><title {}>x</title></item>", (0..many).map(|n| format!("a{n}='' ")).collect::<String>()))),
        ("a long title", rss(&format!("<item><title>{}</title></item>", "a ".repeat(500_000)))),
        (
            "a long item",
            rss(&format!("<item><title>x</title><description>{}</description></item>", "&lt;p&gt;word&lt;/p&gt;".repeat(220_000))),
        ),
        ("entity declarations", format!("<!DOCTYPE rss [{}]>{}", "<!ENTITY a \"".repeat(many), rss("<item><title>x</title></item>"))),
        ("comments in declarations", format!("<!DOCTYPE rss [{}]>{}", "<!-- -".repeat(many), rss("<item><title>x</title></item>"))),
    ] {
        // Anything quadratic takes minutes here.
        cpu_time::assert_cheap(name, 20.0, || {
            let _ = parse(document.as_bytes(), &url(), None);
        });
    }
    let laughs = "<!DOCTYPE rss [<!ENTITY a \"".to_owned()
        + &"ha".repeat(500)
        + "\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>"
        + &rss(&format!("<item><title>&b;&c;</title><description>{}</description></item>", "&a;".repeat(many)));
    let read = super::parse(laughs.as_bytes(), &url(), None).unwrap();
    assert_eq!(read.entries[0].title, plain_text("&b;&c;"));
    let Some(Markup::Html(body)) = &read.entries[0].content else { panic!("a body") };
    assert!(body.len() < 2_000_000, "{}", body.len());
    let items = rss(&"<item><title>Entry</title><link>https://example.org/</link></item>".repeat(50_000));
    assert_eq!(super::parse(items.as_bytes(), &url(), None).unwrap().entries.len(), 50_000);
    let crowd = super::parse(rss(&"<item><title>x</title></item>".repeat(100_001)).as_bytes(), &url(), None).unwrap();
    assert_eq!((crowd.entries.len(), kinds(&crowd)), (100_000, vec!["too-many-entries"]));
}

/// Documents made of the pieces that feeds are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<rss version='2.0'>",
        "</rss>",
        "<channel>",
        "</channel>",
        "<item>",
        "</item>",
        "<feed>",
        "</feed>",
        "<entry>",
        "</entry>",
        "<title>",
        "</title>",
        "<description>",
        "</description>",
        "<content type='xhtml'>",
        "</content>",
        "<link>",
        "</link>",
        "<link href='x'/>",
        "<guid>",
        "</guid>",
        "<author>",
        "</author>",
        "<name>",
        "</name>",
        "<source>",
        "</source>",
        "<p>",
        "</p>",
        "<br>",
        "<b",
        ">",
        "<",
        "&",
        "&amp;",
        "&lt;",
        "&nbsp;",
        "&#0;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?x",
        "?>",
        "=",
        "\"",
        "'",
        " a=b",
        "text",
        "é",
        "\u{1F600}",
        "\n",
        "<!DOCTYPE",
        "[",
        "]",
        "<media:content url='x'>",
        "</media:content>",
        "<x:y>",
        "</x:y>",
        "<pubDate>2004-01-01</pubDate>",
        "<category term=''/>",
        "<urlset>",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, &url(), None);
    }

    #[test]
    fn any_heap_of_pieces_is_read_the_same_twice(text in pieces()) {
        let text = format!("<rss><channel>{text}");
        let once = parse(text.as_bytes(), &url(), None);
        prop_assert_eq!(&once, &parse(text.as_bytes(), &url(), None));
        prop_assert!(once.is_ok());
    }

    #[test]
    fn what_was_mended_is_well_formed_and_mending_it_again_changes_nothing(text in pieces()) {
        let text = format!("<rss>{text}");
        let entities = construct::Entities::default();
        let mended = repair::mend(&text, &entities);
        prop_assert!(reader::read(&mended.text, &url(), &entities).is_ok(), "{}", mended.text);
        let again = repair::mend(&mended.text, &entities);
        prop_assert_eq!(&again.text, &mended.text);
    }
}

#[test]
fn a_relative_address_is_relative_to_the_articles_page_unless_the_document_says_otherwise() {
    let base = |document: &str| {
        let url = Url::parse("https://feeds.example/hosted.xml").unwrap();
        parse(document.as_bytes(), &url, None).unwrap().entries[0].base.clone().unwrap()
    };
    for (document, want) in [
        (
            "<rss version='2.0'><channel><title>F</title><item><title>A</title><link>https://example.org/2026/a</link><description>x</description></item></channel></rss>",
            "https://example.org/2026/a",
        ),
        (
            "<rss version='2.0' xml:base='https://base.example/'><channel><title>F</title><item><title>A</title><link>https://example.org/a</link><description>x</description></item></channel></rss>",
            "https://base.example/",
        ),
        (
            "<rss version='2.0'><channel><title>F</title><item><title>A</title><description>x</description></item></channel></rss>",
            "https://feeds.example/hosted.xml",
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><entry><title>A</title><link href='https://example.org/a'/><content>x</content></entry></feed>",
            "https://feeds.example/hosted.xml",
        ),
        (
            r#"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"https://example.org/a","content_html":"x"}]}"#,
            "https://example.org/a",
        ),
    ] {
        assert_eq!(base(document), want, "{document}");
    }
}
