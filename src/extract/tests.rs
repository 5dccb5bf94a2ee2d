//! Pages by their classes: what each must become. All sentences are made up.

use super::*;

const LEAD: &str = "The town hall opened its doors again on Monday after two years of work, and hundreds of people came to see it.";
const SECOND: &str = "The roof had been leaking for a decade, the mayor said, and the council met in the school while it was mended.";
const THIRD: &str = "From next week, passports and permits are to be had on the ground floor, where the library used to be.";

fn url() -> Url {
    Url::parse("https://www.example.org/news/town-hall").unwrap()
}

fn read(html: &str) -> Extracted {
    read_with(html, &[])
}

fn read_with(html: &str, rules: &[SiteRule]) -> Extracted {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    extract(&Page { url: Some(&url()), html, rules, reading_speed: 180, now })
}

/// A page of this head and body.
fn page(head: &str, body: &str) -> Extracted {
    read(&format!(
        "<!doctype html><html lang=en><head><title>Town hall opens again - Gazette</title>{head}</head><body>{body}</body></html>"
    ))
}

fn story() -> String {
    format!("<p>{LEAD}</p><p>{SECOND}</p><p>{THIRD}</p>")
}

fn story_text() -> String {
    format!("{LEAD}\n\n{SECOND}\n\n{THIRD}")
}

#[test]
fn the_body_is_the_story_alone_however_the_page_is_built() {
    let story = story();
    for (class, body) in [
        ("an article element", format!("<article><h1>Town hall opens again</h1>{story}</article>")),
        ("a named container", format!("<div class=wrap><div class=article-body>{story}</div></div>")),
        ("a container without a name", format!("<div><div><div>{story}</div></div></div>")),
        ("microdata", format!("<div><div itemprop=articleBody>{story}</div></div>")),
        ("a layout of tables", format!("<table><tr><td><a href=/>Home</a></td><td>{story}</td></tr></table>")),
        ("breaks instead of paragraphs", format!("<div>{LEAD}<br><br>{SECOND}<br><br>{THIRD}</div>")),
        ("divisions instead of paragraphs", format!("<div><div>{LEAD}</div><div>{SECOND}</div><div>{THIRD}</div></div>")),
        ("a form around the whole page", format!("<form id=aspnet><div>{story}</div></form>")),
        (
            "parts with advertisements in between",
            format!(
                "<div><p>{LEAD}</p><div class=ad-slot>Buy a car. It is good and it is cheap.</div><p>{SECOND}</p><p>Advertisement</p><p>{THIRD}</p></div>"
            ),
        ),
    ] {
        let body = format!(
            "<header class=site-header><nav><ul><li><a href=/>Home</a></li><li><a href=/sport>Sport</a></li></ul></nav></header>{body}\
             <aside class=sidebar><h3>Most read</h3><p>Another story of the town that is told here in two lines, and no more than that.</p></aside>\
             <footer><p>The Gazette is a paper that does not exist, and this is its imprint.</p><p>Copyright © 2025 Gazette.</p></footer>"
        );
        let found = page("", &body);
        assert_eq!(found.draft.text, story_text(), "{class}");
        assert_eq!((found.kind, found.draft.completeness), (PageKind::Story, Completeness::Full), "{class}");
        assert_eq!(found.draft.rights.as_deref(), Some("Copyright © 2025 Gazette."), "{class}");
    }
}

#[test]
fn what_publishers_put_into_a_body_is_left_out() {
    for (class, furniture) in [
        ("a share bar", "<div class='share-tools'><a href=https://facebook.example/>Facebook</a> <a href=https://x.example/>X</a></div>"),
        (
            "similar posts",
            "<h2>Similiar Posts</h2><ul><li><a href=/1>Bridge closed for a year</a></li><li><a href=/2>School built in record time</a></li></ul>",
        ),
        (
            "a list of related stories",
            "<div class=related-stories><h3>Related</h3><p>The bridge is closed for a year, and nobody knows what comes after that.</p></div>",
        ),
        (
            "a newsletter",
            "<div class=newsletter-signup><p>Get the news of the town each morning, free of charge and of advertisements.</p></div>",
        ),
        ("a line that leads on", "<p><a href=/bridge>BRIDGE CLOSED FOR A YEAR</a></p>"),
        (
            "a comment",
            "<section id=comments><p>I was there and it was raining, but the soup was good and the band played on.</p></section>",
        ),
        (
            "a box about the author",
            "<div class=author-bio><p>A. Author has written about the town for twenty years and lives in it, too.</p></div>",
        ),
        ("the writer's address", "<p>A. Author can be reached at author@example.org or by letter.</p>"),
        ("an account to follow", "<p>Follow the Gazette on Facebook and Twitter.</p>"),
        ("a tooltip", "<span class=tooltip>A town is a place with more than a few houses and less than many.</span>"),
        (
            "what is hidden",
            "<div style='display: none'><p>This is for machines alone, and no reader of the page has ever seen it.</p></div>",
        ),
        (
            "what is printed",
            "<div class='d-print-block'><p>This page was printed from the site of the Gazette, which does not exist.</p></div>",
        ),
        ("the copyright line", "<p>Copyright © 2025 Gazette. All rights reserved.</p>"),
    ] {
        let body = format!(
            "<article><h1>Town hall opens again</h1><p>By A. Author</p><p>January 23, 2025 · 3 min read</p>{}{furniture}</article>",
            story()
        );
        let found = page("<meta name=author content='A. Author'>", &body);
        assert_eq!(found.draft.text, story_text(), "{class}");
    }
}

#[test]
fn what_only_looks_like_furniture_stays() {
    let names =
        format!("The word <a class=related-link href=/r>related</a> is a link here, <span class=promo>and this is a name</span>; {LEAD}");
    for (class, part, want) in [
        ("links in a sentence", format!("<p>{names}</p>"), "The word related is a link here, and this is a name;"),
        ("a quotation", "<blockquote class=pullquote><p>We have waited long enough for this day, she said.</p></blockquote>".to_owned(), "We have waited long enough"),
        ("a post of a network", "<div class=social-embed><blockquote class=twitter-tweet><p>The hall is open, come all and see it today!</p></blockquote></div>".to_owned(), "The hall is open, come all"),
        ("a heading of a section", "<h2>What comes next</h2><p>The school gets its rooms back, and the council its own table.</p>".to_owned(), "What comes next"),
        ("a list", "<ul><li>Passports on the ground floor, from nine to five.</li><li>Permits on the first, from ten to four.</li></ul>".to_owned(), "- Passports on the ground floor"),
        ("a list of links to other sites", "<ul><li><a href=https://shop.example/1>A lamp for the desk at half its price</a></li></ul>".to_owned(), "A lamp for the desk"),
        ("a class that says what it lacks", format!("<div class='no-sidebar has-comments'><p>{SECOND}</p></div>"), "The roof had been leaking"),
    ] {
        let found = page("", &format!("<div class=story>{}{part}<p>{LEAD}</p></div>", story()));
        assert!(found.draft.text.contains(want), "{class}: {}", found.draft.text);
    }
}

#[test]
fn a_story_that_is_shorter_than_its_comments_is_found() {
    let comment = "<article class=comment-body><p>I have an opinion about this, and it is longer than the story, which is not hard to do, as all can see.</p></article>";
    let found = page(
        "",
        &format!(
            "<article><h1>Town hall opens again</h1><div class=entry-content><p>{LEAD}</p></div><div id=comments>{}</div></article>",
            comment.repeat(40)
        ),
    );
    assert_eq!(found.draft.text, LEAD);
}

#[test]
fn a_caption_is_no_part_of_the_text_but_of_the_html() {
    let figure = "<figure><img src=/hall.jpg><figcaption><p>The hall on Monday.</p></figcaption></figure><div class=wp-caption-text>The hall in May.</div>";
    let draft = page("", &format!("<article>{figure}{}</article>", story())).draft;
    assert_eq!(draft.text, story_text());
    assert!(
        draft.html.contains("<figcaption><p>The hall on Monday.</p></figcaption>") && draft.html.contains("The hall in May."),
        "{}",
        draft.html
    );
    assert_eq!(draft.image.as_deref(), Some("https://www.example.org/hall.jpg"));
}

#[test]
fn machines_are_believed_where_readers_see_the_same() {
    let body = format!("<article><h1>Town hall opens again</h1><span class=byline>By A. Author and B. Author</span>{}</article>", story());
    for head in [
        r#"<script type="application/ld+json">{"@type":"NewsArticle","headline":"Town hall opens again","author":[{"name":"A. Author"},{"name":"B. Author"}],
            "datePublished":"2025-01-23T10:00:00+01:00","dateModified":"2025-01-24T08:00:00Z","articleSection":"Town","publisher":{"name":"Gazette","url":"https://www.example.org/"}}</script>"#,
        "<meta property=og:title content='Town hall opens again | Gazette'><meta property=og:site_name content=Gazette><meta property=article:published_time content=2025-01-23T09:00:00Z>\
            <meta property=article:modified_time content=2025-01-24T08:00:00Z><meta property=article:section content=Town>",
        "<meta name=parsely-pub-date content=2025-01-23T09:00:00Z><meta name=parsely-section content=Town><meta name=lastmod content=2025-01-24T08:00:00Z><meta property=og:site_name content=Gazette>",
    ] {
        let draft = page(head, &body).draft;
        assert_eq!(
            (draft.title.as_str(), &draft.authors[..]),
            ("Town hall opens again", &["A. Author".to_owned(), "B. Author".to_owned()][..]),
            "{head}"
        );
        assert_eq!(draft.published.unwrap().to_rfc3339(), "2025-01-23T09:00:00+00:00", "{head}");
        assert_eq!(draft.updated.unwrap().to_rfc3339(), "2025-01-24T08:00:00+00:00", "{head}");
        assert_eq!(
            (draft.site.as_deref(), draft.site_url.as_deref(), &draft.categories[..]),
            (Some("Gazette"), Some("https://www.example.org/"), &["Town".to_owned()][..])
        );
        assert_eq!(draft.provenance, Provenance { body: Some(Origin::Page), published: Some(Origin::Page), authors: Some(Origin::Page) });
    }
}

#[test]
fn what_readers_see_counts_where_machines_are_told_nothing() {
    for (shown, day) in [
        ("<p class=meta>By A. Author | January 23, 2025</p>", "2025-01-23"),
        ("<div class=author><a rel=author href=/a>A. Author</a></div><time datetime=2025-01-23T10:00:00Z>Thursday</time>", "2025-01-23"),
        (
            "<span itemprop=author itemscope><span itemprop=name>A. Author</span></span><span itemprop=datePublished content=2025-01-23>then</span>",
            "2025-01-23",
        ),
        ("<span class=byline>Von A. Author</span><span class=date>23. Januar 2025</span>", "2025-01-23"),
        ("<div class=entry-meta>Posted by A. Author on 23 January 2025</div>", "2025-01-23"),
    ] {
        let draft = page("", &format!("<article><h1>Town hall opens again</h1>{shown}{}</article>", story())).draft;
        assert_eq!(draft.authors, ["A. Author"], "{shown}");
        assert_eq!(draft.published.map(|at| at.date_naive().to_string()).as_deref(), Some(day), "{shown}");
    }
}

#[test]
fn no_date_is_made_up_and_none_of_the_future_is_believed() {
    for head in ["", "<meta property=article:published_time content=2099-01-01T00:00:00Z>", "<meta name=date content=yesterday>"] {
        let draft = page(head, &format!("<article>{}</article>", story())).draft;
        assert_eq!((draft.published, draft.updated, draft.provenance.published), (None, None, None), "{head}");
    }
}

#[test]
fn the_headline_is_what_readers_see_without_the_sites_name() {
    for (head, heading, want) in [
        ("<meta property=og:title content='Hall: what you need to know'>", "<h1>Town hall opens again</h1>", "Town hall opens again"),
        ("<meta property=og:site_name content=Gazette>", "<h1>Gazette</h1>", "Town hall opens again"),
        ("<meta property=og:site_name content=Gazette>", "", "Town hall opens again"),
        (
            "<meta property=og:title content='Town hall opens again after two years'>",
            "<h1> </h1><h2>Town hall opens again after two years</h2>",
            "Town hall opens again after two years",
        ),
    ] {
        let draft = page(head, &format!("{heading}<article>{}</article>", story())).draft;
        assert_eq!(draft.title, want, "{head} {heading}");
    }
}

#[test]
fn licence_rights_language_and_canonical_link_are_read() {
    let head = "<link rel=canonical href=/town/hall><link rel=license href=https://creativecommons.org/licenses/by/4.0/><meta name=copyright content='© 2025 Gazette'>";
    let found = page(head, &format!("<article>{}</article>", story()));
    assert_eq!(found.canonical.as_deref(), Some("https://www.example.org/town/hall"));
    assert_eq!(found.draft.license.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
    assert_eq!((found.draft.rights.as_deref(), found.draft.language.as_deref()), (Some("© 2025 Gazette"), Some("en")));
    assert_eq!(found.draft.url.as_deref(), Some("https://www.example.org/news/town-hall"), "what a page says of itself does not move it");
}

#[test]
fn the_beginning_of_a_story_behind_a_paywall_is_no_whole_story() {
    let declared = r#"<script type="application/ld+json">{"@type":"NewsArticle","headline":"Town hall opens again","isAccessibleForFree":"False"}</script>"#;
    for (head, more) in [
        (declared, ""),
        ("", "<p>Subscribe to continue reading.</p>"),
        ("", "<div class=paywall><p>Already a subscriber? Log in.</p></div>"),
        ("", "<div class=piano-offer><h3>Jetzt weiterlesen</h3></div>"),
    ] {
        let found = page(head, &format!("<article><h1>Town hall opens again</h1><p>{LEAD}</p>{more}</article>"));
        assert_eq!((found.kind, found.draft.completeness), (PageKind::Paywalled, Completeness::Paywalled), "{head} {more}");
        assert!(found.draft.text.starts_with(LEAD), "{}", found.draft.text);
    }
}

#[test]
fn a_story_that_only_machines_are_given_is_taken_from_there() {
    let body = story_text().repeat(3).replace('\n', "\\n");
    let head = format!(
        r#"<script type="application/ld+json">{{"@type":"NewsArticle","headline":"Town hall opens again","articleBody":"{body}"}}</script>"#
    );
    let found = page(&head, "<div id=app></div>");
    assert_eq!(found.kind, PageKind::Story);
    assert!(found.draft.text.contains(SECOND) && found.draft.html.starts_with("<p>"), "{}", found.draft.html);
}

#[test]
fn a_wall_is_never_taken_for_a_story() {
    let consent = "We and our 814 partners store and access information on a device, such as cookies, and process personal data. ";
    for (class, title, body, kind) in [
        ("a consent wall", "Gazette", format!("<div><h1>We value your privacy</h1><p>{}</p></div>", consent.repeat(5)), PageKind::Consent),
        ("a proof of being human", "Just a moment...", "<h1>example.org</h1><p>Checking your browser before accessing example.org. This takes a few seconds, please wait for it.</p>".to_owned(), PageKind::Consent),
        ("a login", "Gazette", "<main><h1>Log in</h1><p>You must log in to view this page. If you have no account yet, make one; it costs nothing at all, and never will.</p></main>".to_owned(), PageKind::Consent),
        ("an error", "404 Not Found", format!("<h1>Page not found</h1><p>{LEAD}</p>"), PageKind::Other),
        ("nothing", "Gazette", "<div id=app></div>".to_owned(), PageKind::Other),
        ("an index", "Gazette", (0..20).map(|n| format!("<div class=item><h2><a href=/{n}>Story number {n} of the town</a></h2><p>{LEAD}</p></div>")).collect(), PageKind::Other),
    ] {
        let found = read(&format!("<html><head><title>{title}</title></head><body>{body}</body></html>"));
        assert_eq!(found.kind, kind, "{class}: {}", found.draft.text);
        assert_eq!((found.draft.text.as_str(), found.draft.html.as_str(), found.draft.completeness), ("", "", Completeness::Unknown), "{class}");
    }
}

#[test]
fn a_story_about_walls_is_a_story() {
    let about = format!(
        "<article><h1>We value your privacy, they say</h1><p>Before you continue to read this: cookies are what it is about. {}</p>{}</article>",
        LEAD.repeat(4),
        story().repeat(6)
    );
    assert_eq!(page("", &about).kind, PageKind::Story);
}

#[test]
fn a_sites_rule_goes_before_the_general_way() {
    let selector = |css: &str| Some(scraper::Selector::parse(css).unwrap());
    let rule = SiteRule {
        hosts: vec!["example.org".to_owned()],
        body: selector("div.odd"),
        strip: selector(".note"),
        title: selector("b.head"),
        author: selector("i.who"),
        date: selector("u.when"),
    };
    let html = format!(
        "<html lang=en><body><b class=head>Hall open</b><i class=who>A. Author</i><u class=when>23 January 2025</u><div><p>{SECOND}</p><p>{THIRD}</p></div><div class=odd>Short. <span class=note>Not this.</span></div></body></html>"
    );
    let Extracted { draft, kind, .. } = read_with(&html, std::slice::from_ref(&rule));
    assert_eq!(
        (draft.text.as_str(), draft.title.as_str(), &draft.authors[..], kind),
        ("Short.", "Hall open", &["A. Author".to_owned()][..], PageKind::Story)
    );
    assert_eq!(draft.published.unwrap().date_naive().to_string(), "2025-01-23");
    let elsewhere = SiteRule { hosts: vec!["example.net".to_owned()], ..rule };
    assert_eq!(read_with(&html, &[elsewhere]).draft.text, format!("{SECOND}\n\n{THIRD}"));
}

#[test]
fn a_page_in_a_script_without_spaces_is_read() {
    let line = "町役場は二年にわたる工事を終え、月曜日に再び開館した。数百人の住民が訪れ、新しい建物を見学したという。";
    let found = page("", &format!("<div><p>{line}</p><p>{line}</p><p>{line}</p></div>"));
    assert_eq!(found.kind, PageKind::Story);
    assert_eq!(found.draft.text, [line; 3].join("\n\n"));
}

#[test]
fn hostile_pages_take_no_more_than_linear_time_and_no_stack() {
    for (class, unit, close) in [
        ("nesting", "<div>", "</div>"),
        ("nesting of unknown elements", "<x-y>", "</x-y>"),
        ("nesting in sentences", "<p>A sentence that is long enough to count as prose in any of the ways. <b>", ""),
        ("links", "<div><a href=https://example.net/x>a</a>", "</div>"),
        ("headings", "<h1>a<div>", ""),
        ("stray cells", "<table><tr>x", ""),
        ("references", "&a", ""),
        ("names", "<i class='related-posts share comments' itemprop=author>©", ""),
        ("attributes", "<p a=1 b=2 c=3 d=4 e=5 f=6>x", ""),
    ] {
        let html = format!("{}{LEAD}{}", unit.repeat(200_000 / unit.len()), close.repeat(200_000 / unit.len()));
        crate::cpu_time::assert_cheap(class, 60.0, || {
            read(&html);
        });
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_page_becomes_a_draft(
            html in "(<(p|div|article|h1|a href=/x|ul|li|table|td|span class=share|script|title|time datetime=2025|meta name=author content=x|br)>|</(p|div|article|h1|a|ul|li|table|td|span|script|title)>|\\PC{0,30}|[A-Z][a-z ]{20,60}\\. ){0,40}",
        ) {
            let Extracted { draft, kind, .. } = read(&html);
            prop_assert_eq!(draft.text.is_empty(), !kind.is_story() || draft.word_count == 0 && draft.text.is_empty());
            prop_assert_eq!(html::sanitise(&draft.html, None), draft.html.clone());
            prop_assert!(!draft.text.starts_with('\n') && !draft.text.ends_with('\n') && !draft.text.contains("\n\n\n"));
            prop_assert!(!draft.title.contains('\n') && draft.reading_time_minutes >= 1);
        }
    }
}
