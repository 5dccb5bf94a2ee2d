//! An entry becomes a [`Draft`]: every field of the schema that the entry alone can tell, computed by pure rules.
//!
//! Each rule lives in a module of [`crate::article`]; here they are put together in the order in which they need
//! one another: the body before the text, the text before the summary, the length and the language.

use chrono::{DateTime, Utc};
use url::Url;

use crate::article::{
    Draft, Enclosure, Origin, Provenance, authors, boilerplate,
    completeness::{self, Signs},
    dates, html, language, pixels, summary, text, title, url as address, words,
};
use crate::parse::{Category, Entry, FeedHead, Markup, Stamp};

/// Grows by one whenever a rule changes that makes another draft of the same entry or page, or finds other words to search for in
/// the same draft.
pub const RULES_VERSION: u32 = 1;

/// What normalising depends on beside the entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NormaliseSettings {
    /// Words a minute.
    pub reading_speed: u32,
    /// The language that the operator gave the feed: used where neither entry nor feed declares one.
    pub feed_language: Option<String>,
    /// The time of the poll: later dates than a day from it are not believed.
    pub now: DateTime<Utc>,
}

/// Makes the draft of one entry, and the names of what was not believed (a date of 2099, say).
pub fn normalise(entry: &Entry, feed: &FeedHead, settings: &NormaliseSettings) -> (Draft, Vec<String>) {
    let mut warnings = Vec::new();
    let url = permalink(entry);
    let base = body_base(entry, feed, url.as_deref());
    let title = entry.title.as_ref().map(title::headline).unwrap_or_default();
    let authors = authors::names(&entry.authors);

    // A body of which sanitising leaves nothing (a player, a pixel) is none.
    let shown = |markup: &Markup| {
        let html = sanitised(markup, base.as_ref());
        let paragraphs = text::paragraphs(&html);
        (!paragraphs.blocks().is_empty() || shows_media(&html)).then_some((html, paragraphs))
    };
    let content = entry.content.as_ref().and_then(shown);
    let has_content = content.is_some();
    let (html, mut paragraphs) = content.or_else(|| shown(entry.summary.as_ref()?)).unwrap_or_default();
    let unabridged = paragraphs.blocks().len();
    let end_of_body = paragraphs.iter().next_back().map(|(_, text)| text.to_owned()).unwrap_or_default();
    // An abstract stands beside a fuller body; alone, or with the same words as the body, it is the body.
    let given = entry.summary.as_ref().filter(|_| has_content).map(|given| text::paragraphs(&sanitised(given, base.as_ref())));
    let says_the_same = given.as_ref().is_some_and(|given| given.same_words(&paragraphs));
    let copyright = boilerplate::remove(&mut paragraphs, &title, &authors);
    let text = paragraphs.to_text();
    let length = words::measure(&text);

    let given = given.filter(|_| !says_the_same);
    let abstract_words = given.as_ref().map(|given| given.iter().map(|(_, text)| words::measure(text).word_count()).sum());
    let summary = given.as_ref().and_then(summary::from_abstract).or_else(|| summary::from_body(&paragraphs));

    // The last paragraph may have been nothing but "read more": it is a sign all the same.
    let last = paragraphs.iter().next_back().map(|(_, text)| text).unwrap_or_default();
    let led_on = unabridged > paragraphs.blocks().len() && summary::leads_on(&end_of_body);
    let completeness = completeness::judge(&Signs {
        body: if led_on { &end_of_body } else { last },
        words: length.word_count(),
        abstract_words,
        has_content: has_content && !says_the_same,
        paragraphs: paragraphs.blocks().len(),
        has_enclosure: !entry.enclosures.is_empty(),
        has_page: url.is_some(),
    });

    let published = believed(entry.published.as_ref(), "published", settings.now, &mut warnings);
    let updated = believed(entry.updated.as_ref(), "updated", settings.now, &mut warnings);
    let language = [entry.language.as_deref(), feed.language.as_deref(), settings.feed_language.as_deref()]
        .into_iter()
        .flatten()
        .find_map(language::normalise)
        .or_else(|| language::detect(&text));
    let (site, site_url) = publisher(entry, feed);
    let from_feed = |present: bool| present.then_some(Origin::Feed);

    let draft = Draft {
        url,
        authors: authors.clone(),
        published,
        updated,
        reading_time_minutes: length.reading_time_minutes(settings.reading_speed),
        word_count: length.word_count(),
        summary,
        completeness,
        provenance: Provenance {
            body: from_feed(!html.is_empty()),
            published: from_feed(published.is_some()),
            authors: from_feed(!authors.is_empty()),
        },
        language,
        categories: categories(&entry.categories),
        image: entry.image.as_deref().and_then(|image| web_url(image, base.as_ref())).or_else(|| pixels::first_image(&html)),
        enclosures: enclosures(&entry.enclosures, base.as_ref()),
        site,
        site_url,
        rights: [entry.rights.as_deref(), feed.rights.as_deref(), copyright.as_deref()]
            .into_iter()
            .flatten()
            .map(plain)
            .find(|line| !line.is_empty()),
        license: [entry.license.as_deref(), feed.license.as_deref()].into_iter().flatten().find_map(|license| web_url(license, None)),
        title,
        text,
        html,
    };
    (draft, warnings)
}

/// The address of the article's page: the link before a redirector, else the link, else a guid that is declared to
/// be a permalink.
pub fn permalink(entry: &Entry) -> Option<String> {
    let base = entry.base.as_deref().and_then(|base| Url::parse(base).ok());
    let guid = entry.guid.as_deref().filter(|guid| entry.guid_is_permalink && is_web(guid));
    [entry.original_link.as_deref(), entry.link.as_deref(), guid].into_iter().flatten().find_map(|link| {
        let link = link.trim();
        let url = Url::parse(link).ok().or_else(|| (!link.is_empty()).then(|| base.as_ref()?.join(link).ok()).flatten())?;
        (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| address::permalink(&url).into())
    })
}

/// What relative addresses in the body are relative to.
fn body_base(entry: &Entry, feed: &FeedHead, url: Option<&str>) -> Option<Url> {
    [entry.base.as_deref(), url, feed.site_url.as_deref()]
        .into_iter()
        .flatten()
        .find_map(|base| Url::parse(base).ok().filter(|base| !base.cannot_be_a_base()))
}

fn is_web(url: &str) -> bool {
    let scheme = |start: &str| url.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    scheme("http://") || scheme("https://")
}

fn web_url(url: &str, base: Option<&Url>) -> Option<String> {
    let url = url.trim();
    if url.is_empty() {
        return None;
    }
    let url = Url::parse(url).ok().or_else(|| base?.join(url).ok())?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// Does a sanitised body without text have anything to see or hear?
fn shows_media(html: &str) -> bool {
    ["<img ", "<video ", "<audio "].iter().any(|tag| html.contains(tag))
}

fn sanitised(markup: &Markup, base: Option<&Url>) -> String {
    match markup {
        Markup::Text(text) => html::from_plain_text(text),
        // White space around a body says nothing, and some feed formats carry it while others don't.
        Markup::Html(source) => trimmed(html::sanitise(source, base)),
    }
}

fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    let begin = text.len() - text.trim_start().len();
    text.drain(..begin);
    text
}

fn believed(stamp: Option<&Stamp>, field: &str, now: DateTime<Utc>, warnings: &mut Vec<String>) -> Option<DateTime<Utc>> {
    match dates::credible(stamp?, field, now) {
        Ok(at) => Some(at),
        Err(reason) => {
            warnings.push(reason);
            None
        }
    }
}

/// Plain text of a line that may hold mark-up (a copyright line).
fn plain(line: &str) -> String {
    title::headline(&Markup::Html(line.to_owned()))
}

/// What people read: the label, else the term.
fn categories(categories: &[Category]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for category in categories {
        let label = category.label.as_deref().map(title::label).filter(|label| !label.is_empty());
        let name = label.unwrap_or_else(|| title::label(&category.term));
        if !name.is_empty() && !names.iter().any(|known| known.to_lowercase() == name.to_lowercase()) {
            names.push(name);
        }
    }
    names
}

fn enclosures(enclosures: &[Enclosure], base: Option<&Url>) -> Vec<Enclosure> {
    let mut kept: Vec<Enclosure> = Vec::new();
    for enclosure in enclosures {
        let address = enclosure.url.trim();
        // An attached medium may be a torrent's magnet link: any absolute address is one.
        let Some(url) = Url::parse(address).ok().or_else(|| base?.join(address).ok()).filter(|_| !address.is_empty()) else { continue };
        let url = String::from(url);
        if !kept.iter().any(|known| known.url == url) {
            kept.push(Enclosure {
                url,
                media_type: enclosure.media_type.as_deref().map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned),
                length: enclosure.length,
            });
        }
    }
    kept
}

/// Name and home page of the publisher: of the feed that a re-published entry comes from, else of this feed.
fn publisher(entry: &Entry, feed: &FeedHead) -> (Option<String>, Option<String>) {
    let name = |title: Option<&str>| title.map(title::label).filter(|title| !title.is_empty());
    if let Some(source) = &entry.source
        && (source.title.is_some() || source.url.is_some())
    {
        return (name(source.title.as_deref()), source.url.as_deref().and_then(|url| web_url(url, None)));
    }
    (name(feed.title.as_deref()), feed.site_url.as_deref().and_then(|url| web_url(url, None)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::article::Completeness;
    use crate::parse::{Person, Source};

    const EXEMPLAR: &str = include_str!("../tests/fixtures/article/exemplar-shape.html");
    const EXEMPLAR_TEXT: &str = include_str!("../tests/fixtures/article/exemplar-shape.txt");

    fn settings() -> NormaliseSettings {
        NormaliseSettings { reading_speed: 180, feed_language: None, now: "2025-01-24T00:00:00Z".parse().unwrap() }
    }

    fn draft(entry: &Entry) -> Draft {
        normalise(entry, &FeedHead::default(), &settings()).0
    }

    fn html(source: &str) -> Option<Markup> {
        Some(Markup::Html(source.to_owned()))
    }

    fn exemplar() -> Entry {
        Entry {
            link: Some("https://www.example.org/news/library?utm_source=feed#".to_owned()),
            title: html("Town Library Opens Reading Room on the Harbour, Promises Longer Hours"),
            authors: vec![Person { name: Some("Staff writer".to_owned()), ..Person::default() }],
            published: Some(Stamp { text: "2025-01-23".to_owned(), at: Some("2025-01-23T00:00:00Z".parse().unwrap()) }),
            content: html(EXEMPLAR),
            ..Entry::default()
        }
    }

    #[test]
    fn a_body_of_the_exemplars_shape_comes_out_as_its_paragraphs_alone() {
        let draft = draft(&exemplar());
        assert_eq!(draft.text, EXEMPLAR_TEXT.trim_end());
        assert_eq!((draft.word_count, draft.reading_time_minutes), (386, 3));
        assert_eq!(draft.url.as_deref(), Some("https://www.example.org/news/library"));
        assert_eq!(draft.authors, ["Staff writer"]);
        assert_eq!(draft.rights.as_deref(), Some("Copyright © 2024 Example Gazette. All rights reserved."));
        assert_eq!(draft.language.as_deref(), Some("en"));
        assert_eq!(draft.completeness, Completeness::Full);
        assert_eq!(draft.summary.as_deref(), EXEMPLAR_TEXT.lines().next());
        assert_eq!(draft.image, None);
        assert_eq!(draft.provenance, Provenance { body: Some(Origin::Feed), published: Some(Origin::Feed), authors: Some(Origin::Feed) });
        assert!(draft.html.contains("Similiar Posts"), "the body's HTML is only sanitised");
    }

    #[test]
    fn reading_time_goes_with_the_speed() {
        let fast = NormaliseSettings { reading_speed: 386, ..settings() };
        assert_eq!(normalise(&exemplar(), &FeedHead::default(), &fast).0.reading_time_minutes, 1);
    }

    #[test]
    fn the_permalink_is_the_link_before_a_redirector_else_the_link_else_a_guid_that_is_one() {
        let link = |link: &str| Some(link.to_owned());
        for (entry, want) in [
            (Entry { original_link: link("https://e.org/a"), link: link("https://r.org/1"), ..Entry::default() }, Some("https://e.org/a")),
            (
                Entry {
                    link: link("https://e.org/a?fbclid=1"),
                    guid: link("https://e.org/b"),
                    guid_is_permalink: true,
                    ..Entry::default()
                },
                Some("https://e.org/a"),
            ),
            (Entry { guid: link("https://e.org/b"), guid_is_permalink: true, ..Entry::default() }, Some("https://e.org/b")),
            (Entry { guid: link("https://e.org/b"), ..Entry::default() }, None),
            (Entry { guid: link("tag:e.org,2025:1"), guid_is_permalink: true, ..Entry::default() }, None),
            (Entry { link: link("/a"), base: link("https://e.org/feed"), ..Entry::default() }, Some("https://e.org/a")),
            (Entry { link: link("/a"), ..Entry::default() }, None),
            (Entry { link: link("javascript:a"), ..Entry::default() }, None),
            (Entry { link: link(" "), base: link("https://e.org/feed"), ..Entry::default() }, None),
        ] {
            assert_eq!(draft(&entry).url.as_deref(), want, "{entry:?}");
        }
    }

    #[test]
    fn dates_that_are_not_credible_are_null_and_named() {
        let stamp = |at: &str| Some(Stamp { text: at.to_owned(), at: at.parse().ok() });
        let entry = Entry { published: stamp("2099-01-01T00:00:00Z"), updated: stamp("2025-01-01T00:00:00Z"), ..Entry::default() };
        let (draft, warnings) = normalise(&entry, &FeedHead::default(), &settings());
        assert_eq!((draft.published, draft.updated.is_some(), draft.provenance.published), (None, true, None));
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("published: "), "{warnings:?}");
    }

    #[test]
    fn the_summary_is_the_abstract_else_the_first_paragraph() {
        let body = "<p>The bridge is open. It was closed for a year.</p><p>More follows.</p>";
        for (content, abstract_, want) in [
            (html(body), html("The <b>old</b> bridge. Continue reading"), Some("The old bridge.")),
            (html(body), None, Some("The bridge is open. It was closed for a year.")),
            (None, html(body), Some("The bridge is open. It was closed for a year.")),
            (html(body), html("The post Bridge appeared first on Example."), Some("The bridge is open. It was closed for a year.")),
            (html(" "), html("Only this."), Some("Only this.")),
            (None, None, None),
        ] {
            let entry = Entry { content, summary: abstract_, ..Entry::default() };
            assert_eq!(draft(&entry).summary.as_deref(), want, "{entry:?}");
        }
    }

    #[test]
    fn what_the_entry_does_not_say_the_feed_may() {
        let feed = FeedHead {
            title: Some("Example &amp; Sons".to_owned()),
            site_url: Some("https://example.org/".to_owned()),
            language: Some("en_GB".to_owned()),
            rights: Some("© Example".to_owned()),
            license: Some("https://creativecommons.org/licenses/by/4.0/".to_owned()),
            ..FeedHead::default()
        };
        let plain = normalise(&Entry::default(), &feed, &settings()).0;
        assert_eq!(plain.site.as_deref(), Some("Example & Sons"));
        assert_eq!(plain.site_url.as_deref(), Some("https://example.org/"));
        assert_eq!(plain.language.as_deref(), Some("en-GB"));
        assert_eq!(plain.rights.as_deref(), Some("© Example"));
        assert_eq!(plain.license.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
        assert_eq!(plain.provenance, Provenance::default());
        let again = Entry {
            source: Some(Source { title: Some("Origin".to_owned()), url: Some("https://origin.example/".to_owned()) }),
            language: Some("de".to_owned()),
            rights: Some("&copy; Origin".to_owned()),
            ..Entry::default()
        };
        let again = normalise(&again, &feed, &settings()).0;
        assert_eq!(again.site.as_deref(), Some("Origin"));
        assert_eq!(again.site_url.as_deref(), Some("https://origin.example/"));
        assert_eq!(again.language.as_deref(), Some("de"));
        assert_eq!(again.rights.as_deref(), Some("© Origin"));
        let configured = NormaliseSettings { feed_language: Some("fr".to_owned()), ..settings() };
        assert_eq!(normalise(&exemplar(), &FeedHead::default(), &configured).0.language.as_deref(), Some("fr"));
        assert_eq!(
            normalise(&exemplar(), &FeedHead { language: Some("und".to_owned()), ..FeedHead::default() }, &settings())
                .0
                .language
                .as_deref(),
            Some("en")
        );
    }

    #[test]
    fn white_space_around_a_body_says_nothing() {
        for body in ["<p>A <b>b</b></p>", "\n  <p>A <b>b</b></p>\n\n", "<!-- made by hand -->\n<p>A <b>b</b></p>\n<script>b()</script>\n"] {
            assert_eq!(draft(&Entry { content: html(body), ..Entry::default() }).html, "<p>A <b>b</b></p>", "{body:?}");
        }
    }

    #[test]
    fn the_image_is_the_entrys_else_the_first_picture_of_the_body() {
        let body = "<img src=\"/px.gif\" width=1 height=1><img src=\"/smilies/a.gif\"><img src=\"/lead.jpg\"><img src=\"/next.jpg\">";
        let base = Some("https://example.org/feed.xml".to_owned());
        let entry = Entry { content: html(body), base: base.clone(), ..Entry::default() };
        assert_eq!(draft(&entry).image.as_deref(), Some("https://example.org/lead.jpg"));
        let entry = Entry { image: Some("https://example.org/own.jpg".to_owned()), ..entry };
        assert_eq!(draft(&entry).image.as_deref(), Some("https://example.org/own.jpg"));
    }

    #[test]
    fn categories_and_enclosures_come_without_doubles() {
        let category = |term: &str, label: Option<&str>| Category { term: term.to_owned(), label: label.map(str::to_owned), scheme: None };
        let enclosure = |url: &str| Enclosure { url: url.to_owned(), media_type: Some("audio/mpeg".to_owned()), length: Some(1) };
        let entry = Entry {
            categories: vec![
                category("World", None),
                category(" world ", None),
                category("t1", Some("Arts &amp; Books")),
                category("", None),
            ],
            enclosures: vec![enclosure("https://e.org/a.mp3"), enclosure("https://e.org/a.mp3"), enclosure("b.mp3")],
            base: Some("https://e.org/feed".to_owned()),
            ..Entry::default()
        };
        let draft = draft(&entry);
        assert_eq!(draft.categories, ["World", "Arts & Books"]);
        assert_eq!(draft.enclosures.iter().map(|e| e.url.as_str()).collect::<Vec<_>>(), ["https://e.org/a.mp3", "https://e.org/b.mp3"]);
    }

    #[test]
    fn a_plain_text_body_becomes_paragraphs() {
        let entry = Entry { content: Some(Markup::Text("1 < 2\nand 3\n\nEnd & more".to_owned())), ..Entry::default() };
        let draft = draft(&entry);
        assert_eq!(draft.html, "<p>1 &lt; 2<br>and 3</p><p>End &amp; more</p>");
        assert_eq!(draft.text, "1 < 2\nand 3\n\nEnd & more");
    }

    #[test]
    fn a_content_of_which_nothing_is_left_gives_way_to_the_abstract() {
        for (content, want) in [
            ("<script>play()</script>", "<p>In short.</p>"),
            (" <p> </p><iframe src=\"https://e.org/player\"></iframe>", "<p>In short.</p>"),
            ("<img src=\"https://e.org/a.png\">", "<img src=\"https://e.org/a.png\">"),
            ("<p>At length.</p>", "<p>At length.</p>"),
        ] {
            let entry = Entry { content: html(content), summary: html("<p>In short.</p>"), ..Entry::default() };
            let draft = draft(&entry);
            assert_eq!(draft.html, want, "{content}");
            assert_eq!(draft.summary.as_deref(), Some("In short."), "{content}");
        }
        let draft = draft(&Entry { summary: html("<table></table>"), ..Entry::default() });
        assert_eq!((draft.html.as_str(), draft.provenance.body), ("", None));
    }

    #[test]
    fn a_body_that_leads_to_its_page_is_an_excerpt() {
        for (body, want) in [
            ("<p>The bridge is open.</p><p><a href=\"https://e.org/a\">Continue reading</a></p>", Completeness::Excerpt),
            (
                "<p>The bridge is open […]</p><p>The post <a href=\"https://e.org/a\">Bridge</a> appeared first on <a href=\"https://e.org\">E</a>.</p>",
                Completeness::Excerpt,
            ),
            ("<p>The bridge is open.</p>", Completeness::Unknown),
            ("<p>The same words.</p>", Completeness::Excerpt),
        ] {
            let entry = Entry {
                content: html(body),
                summary: html("The same words."),
                link: Some("https://e.org/a".to_owned()),
                ..Entry::default()
            };
            assert_eq!(draft(&entry).completeness, want, "{body}");
        }
    }

    fn any_markup() -> impl Strategy<Value = Option<Markup>> {
        prop_oneof![
            Just(None),
            "\\PC{0,60}".prop_map(|text| Some(Markup::Text(text))),
            "(<[a-z]{1,4}( [a-z]{1,5}=\"[^\"]{0,6}\")?>|</[a-z]{1,4}>|&[a-z#0-9]{1,6};|\\PC{1,6}){0,20}"
                .prop_map(|html| Some(Markup::Html(html))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_entry_becomes_a_draft(
            title in any_markup(), summary in any_markup(), content in any_markup(), words in prop::collection::vec(prop::option::of("\\PC{0,20}"), 8),
        ) {
            let at = |n: usize| words[n].clone();
            let entry = Entry {
                guid: at(0), link: at(1), title, summary, content, language: at(2), rights: at(3), base: at(4), image: at(5), license: at(6),
                authors: vec![Person { name: at(7), email: at(0), uri: None }],
                ..Entry::default()
            };
            let draft = draft(&entry);
            prop_assert!(draft.summary.iter().all(|summary| summary.chars().count() <= summary::MAX_CHARACTERS && !summary.is_empty()));
            prop_assert!(!draft.title.contains(['\n', '\r']));
            prop_assert!(draft.reading_time_minutes >= 1);
            prop_assert!(draft.url.iter().all(|url| is_web(url)));
            prop_assert!(!draft.text.starts_with('\n') && !draft.text.contains("\n\n\n"));
        }
    }
}
