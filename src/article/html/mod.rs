//! Sanitised HTML: what a feed's body becomes before anybody reads it.
//!
//! The work is done once, by a maintained sanitiser with an allow-list ([`ammonia`]); two linear scans stand
//! around it. The one before takes out what would mislead or burden an HTML parser (fallback content of elements
//! that we never show, unknown elements, tags nested without end). The one after sees canonical HTML: it resolves
//! links, finds the true address of lazily loaded images, drops tracking pixels, and makes sure that the result
//! would be the same if it were sanitised again.

pub(crate) mod elements;
mod finish;
mod images;
mod plain;
pub(super) mod prepare;
mod write;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use url::Url;

use self::elements::ELEMENTS;
use super::{entities, text};

/// Attributes that are kept, by element.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("a", "href hreflang"),
    ("audio", "src"),
    ("bdo", "dir"),
    ("blockquote", "cite"),
    ("col", "span"),
    ("colgroup", "span"),
    ("data", "value"),
    ("del", "cite datetime"),
    // Those beside src and alt tell where a lazily loaded image is; the scan after takes them out.
    ("img", "alt data-lazy-src data-lazy-srcset data-original data-src data-srcset height src srcset width"),
    ("ins", "cite datetime"),
    ("ol", "reversed start"),
    ("q", "cite"),
    ("source", "src srcset type"),
    ("td", "colspan headers rowspan"),
    ("th", "colspan headers rowspan scope"),
    ("time", "datetime"),
    ("video", "height poster src width"),
];

/// … and on any element.
const COMMON_ATTRIBUTES: &[&str] = &["dir", "lang", "title"];

/// Schemes of addresses that are kept.
const SCHEMES: &[&str] = &["http", "https", "mailto", "tel", "magnet", "ftp", "geo", "xmpp", "irc", "ircs"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    let attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(element, names)| (*element, names.split(' ').collect())).collect();
    builder
        .tags(ELEMENTS.split(' ').collect())
        .tag_attributes(attributes)
        .generic_attributes(COMMON_ATTRIBUTES.iter().copied().collect())
        .url_schemes(SCHEMES.iter().copied().collect())
        .set_tag_attribute_value("audio", "controls", "")
        .set_tag_attribute_value("audio", "preload", "none")
        .set_tag_attribute_value("video", "controls", "")
        .set_tag_attribute_value("video", "preload", "none");
    builder
});

/// Does the sanitiser keep this attribute?
fn is_attribute(element: &str, name: &str) -> bool {
    COMMON_ATTRIBUTES.contains(&name) || ATTRIBUTES.iter().any(|(of, names)| *of == element && names.split(' ').any(|kept| kept == name))
}

/// … and addresses of this scheme?
fn is_scheme(scheme: &str) -> bool {
    SCHEMES.contains(&scheme)
}

/// Makes a fragment of HTML safe to show: only elements and attributes of an allow-list, nothing that runs or
/// tells the publisher that it was read (images themselves aside). Links and images are made absolute against
/// `base`; without one, relative ones lose their address.
///
/// Sanitising the result again changes nothing.
pub fn sanitise(source: &str, base: Option<&Url>) -> String {
    if !source.contains(['<', '>', '&', '\r', '\u{a0}']) && !entities::may_hold_forbidden(source) {
        return source.to_owned();
    }
    if let Some(html) = without_parser(source, base) {
        return html;
    }
    sanitise_by_parser(source, base)
}

/// The result for a source that is plain enough; a fraction of the cost.
fn without_parser(source: &str, base: Option<&Url>) -> Option<String> {
    let html = finish::finish(&plain::read(source)?, base);
    html.stable.then_some(html.markup)
}

fn sanitise_by_parser(source: &str, base: Option<&Url>) -> String {
    // The scan after the sanitiser says whether an HTML parser would read its result in the same way. Where
    // elements were taken out from between others (a paragraph in a paragraph), it takes another round.
    let mut html = round(source, base);
    for _ in 0..4 {
        if html.stable {
            return html.markup;
        }
        let again = round(&html.markup, base);
        if again.markup == html.markup {
            return html.markup;
        }
        html = again;
    }
    if html.stable { html.markup } else { from_plain_text(&text::paragraphs(&html.markup).to_text()) }
}

/// Paragraphs of escaped HTML with the text's line breaks.
pub fn from_plain_text(text: &str) -> String {
    let text = without_forbidden(text);
    let mut html = String::with_capacity(text.len() + 32);
    let mut lines: Vec<&str> = Vec::new();
    let mut flush = |lines: &mut Vec<&str>| {
        if !lines.is_empty() {
            html.push_str("<p>");
            for (n, line) in lines.drain(..).enumerate() {
                if n > 0 {
                    html.push_str("<br>");
                }
                entities::escape_text(line, &mut html);
            }
            html.push_str("</p>");
        }
    };
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            flush(&mut lines);
        } else {
            lines.push(line);
        }
    }
    flush(&mut lines);
    html
}

fn round(source: &str, base: Option<&Url>) -> finish::Finished {
    let prepared = prepare::prepare(source);
    let clean = SANITISER.clean(&prepared).to_string();
    finish::finish(&without_forbidden(&clean), base)
}

/// The text without characters that no XML document may hold: references and escapes (`&#5;`, `\u0005`) bring them, and
/// nobody can see them. Those that part words become a space.
fn without_forbidden(text: &str) -> Cow<'_, str> {
    if !entities::may_hold_forbidden(text) {
        return Cow::Borrowed(text);
    }
    let kept = |c| match c {
        '\u{b}' | '\u{c}' => Some(' '),
        c => (!entities::is_forbidden(c)).then_some(c),
    };
    Cow::Owned(text.chars().filter_map(kept).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    fn base() -> Url {
        Url::parse("https://example.org/news/today.html").unwrap()
    }

    fn clean(source: &str) -> String {
        sanitise(source, Some(&base()))
    }

    /// Words that only active content has, within tags.
    fn active(html: &str) -> Option<String> {
        static TAG: LazyLock<Regex> = LazyLock::new(|| Regex::new("<[^>]*>").unwrap());
        static ACTIVE: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?i)<\s*(script|iframe|object|embed|applet|form|style|meta|base|link)\b|\son\w+\s*=|javascript\s*:|vbscript\s*:|expression\s*\(|-moz-binding").unwrap()
        });
        let tags = TAG.find_iter(html).map(|tag| tag.as_str()).collect::<Vec<_>>().join(" ");
        ACTIVE.find(&tags).map(|found| found.as_str().to_owned())
    }

    #[test]
    fn nothing_runs_or_tells_that_it_was_read() {
        for (source, want) in [
            ("<p onclick=\"x()\">a</p>", "<p>a</p>"),
            ("a<script>alert(1)</script>b", "ab"),
            ("a<style>p{}</style>b", "ab"),
            ("<p style=\"background:url(x)\">a</p>", "<p>a</p>"),
            ("<a href=\"javascript:x()\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=\" jAva\nscript:x()\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=\"data:text/html,x\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<form action=x>a<input><button>b</button></form>", "ab"),
            ("<iframe src=\"https://e.org\">fall</iframe>back", "fallback"),
            ("<iframe src=\"https://e.org\"/><p>after</p>", "<p>after</p>"),
            ("<script src=\"x\"/><p>after</p>", "<p>after</p>"),
            ("<object data=x><embed src=y>a</object>", "a"),
            ("<img src=\"https://e.org/a.gif\" width=1 height=1>a", "a"),
            ("<img src=\"http://feeds.feedburner.com/~r/x/~4/y\">a", "a"),
            ("<blockquote cite=\"javascript:x()\">a</blockquote>", "<blockquote>a</blockquote>"),
            (
                "<video src=\"/v.mp4\" autoplay poster=\"/p.jpg\"></video>",
                "<video src=\"https://example.org/v.mp4\" poster=\"https://example.org/p.jpg\" controls=\"\" preload=\"none\"></video>",
            ),
        ] {
            let html = clean(source);
            let sorted = |html: &str| {
                let mut words: Vec<String> = html.split([' ', '>']).map(str::to_owned).collect();
                words.sort();
                words
            };
            assert_eq!(sorted(&html), sorted(want), "{source}: {html}");
            assert_eq!(active(&html), None, "{source}");
        }
        for source in [
            "<p title=\"a onclick=b javascript:c\">x</p>",
            "<img src=\"/a.png\" alt=\"width: expression(1) -moz-binding\">",
            "<a href=\"https://e.org/?u=javascript:x\">y</a>",
        ] {
            let html = clean(source);
            assert_eq!(active(&html), None, "{html}");
            assert_eq!(clean(&html), html);
        }
    }

    #[test]
    fn links_and_images_become_absolute() {
        for (source, want) in [
            ("<a href=\"/a\">x</a>", "https://example.org/a"),
            ("<a href=\"b?c=1&amp;d=2\">x</a>", "https://example.org/news/b?c=1&amp;d=2"),
            ("<a href=\"//cdn.example.org/x\">x</a>", "https://cdn.example.org/x"),
            ("<a href=\"#note\">x</a>", "https://example.org/news/today.html#note"),
            ("<a href=\"mailto:editor@example.org\">x</a>", "mailto:editor@example.org"),
            ("<img src=\"../i.png\">", "https://example.org/i.png"),
            ("<img src=\"https://example.org/a b.png\">", "https://example.org/a%20b.png"),
        ] {
            assert!(clean(source).contains(&format!("\"{want}\"")), "{source}: {}", clean(source));
        }
        assert_eq!(sanitise("<a href=\"/a\">x</a><img src=\"b.png\">", None), "<a rel=\"noopener noreferrer\">x</a>");
    }

    #[test]
    fn lazily_loaded_images_get_their_true_address() {
        for source in [
            "<img src=\"data:image/gif;base64,R0\" data-src=\"/true.jpg\">",
            "<img data-lazy-src=\"/true.jpg\" src=\"/blank.gif\">",
            "<img data-original=\"/true.jpg\">",
            "<img srcset=\"/small.jpg 300w, /true.jpg 1200w, /huge.jpg 4000w\">",
            "<img src=\"/placeholder.png\" data-srcset=\"/small.jpg 1x, /true.jpg 2x\">",
            "<noscript><img src=\"/true.jpg\"></noscript>",
            "<img src=\"data:image/gif;base64,R0\" data-src=\"/true.jpg\"><noscript><img src=\"/true.jpg\"></noscript>",
            "<picture><source srcset=\"/true.jpg 1200w\" type=\"image/webp\"><img src=\"data:x\"></picture>",
            "<img src=\"/true.jpg\" srcset=\"/small.jpg 300w\">",
        ] {
            assert_eq!(clean(source), "<img src=\"https://example.org/true.jpg\">", "{source}");
        }
    }

    #[test]
    fn text_of_unknown_elements_stays() {
        for (source, want) in [
            ("<foo:bar>a</foo:bar>", "a"),
            ("<text>a</text><list>b</list><metadata>c</metadata>", "abc"),
            ("<font color=red>a</font>", "a"),
            ("<math><mi>x</mi><mo>=</mo></math>", "x="),
            ("<noscript><p>a</p></noscript>", "<p>a</p>"),
            ("<p>a<p>b", "<p>a</p><p>b</p>"),
            ("a<b", "a&lt;b"),
            ("a <a href=\"https://e.o", "a "),
            ("a &lt;b&gt; c &amp; d", "a &lt;b&gt; c &amp; d"),
        ] {
            assert_eq!(clean(source), want, "{source}");
        }
    }

    #[test]
    fn hostile_markup_takes_no_more_than_linear_time() {
        for (source, holds) in [
            (format!("{}x{}", "<div>".repeat(20_000), "</div>".repeat(20_000)), "x"),
            (format!("<p>{}{}", (0..150).map(|n| format!("<font size={n}>")).collect::<String>(), "</p><p>x".repeat(5_000)), "<p>x"),
            (format!("<table>{}", "x<br>".repeat(20_000)), "x"),
            (format!("<p {}>x</p>", (0..20_000).map(|n| format!("a{n} ")).collect::<String>()), "x"),
            ("&a".repeat(50_000), "&amp;a"),
            (format!("<p title=\"{}\">x</p>", "&a".repeat(50_000)), "x"),
        ] {
            crate::cpu_time::assert_cheap(holds, 20.0, || assert!(clean(&source).contains(holds)));
        }
    }

    #[test]
    fn characters_that_no_document_may_hold_are_left_out() {
        for (source, want) in [
            ("<p>a&#5;b</p>", "<p>ab</p>"),
            ("a\u{1b}b", "ab"),
            ("a\u{c}b\u{ffff}", "a b"),
            ("<a href=\"java&#1;script:x()\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ] {
            assert_eq!(clean(source), want, "{source:?}");
        }
        assert_eq!(from_plain_text("a\u{5}b\u{b}c"), "<p>ab c</p>");
    }

    #[test]
    fn plain_text_becomes_paragraphs_with_its_line_breaks() {
        assert_eq!(from_plain_text("a < b\nc\n\n\nd & e\n"), "<p>a &lt; b<br>c</p><p>d &amp; e</p>");
        assert_eq!(from_plain_text(" \n"), "");
    }

    fn markup() -> impl Strategy<Value = String> {
        let tag = prop::sample::select(vec![
            "p",
            "div",
            "a",
            "b",
            "i",
            "em",
            "ul",
            "ol",
            "li",
            "dl",
            "dt",
            "dd",
            "table",
            "tbody",
            "tr",
            "td",
            "th",
            "caption",
            "colgroup",
            "col",
            "pre",
            "blockquote",
            "h1",
            "h2",
            "br",
            "hr",
            "img",
            "span",
            "ruby",
            "rt",
            "rp",
            "figure",
            "figcaption",
            "details",
            "summary",
            "font",
            "center",
            "svg",
            "math",
            "mi",
            "title",
            "select",
            "option",
            "button",
            "form",
            "object",
            "iframe",
            "noscript",
            "script",
            "style",
            "textarea",
            "video",
            "source",
            "audio",
            "q",
            "foo",
            "text",
            "nobr",
            "template",
            "plaintext",
            "xmp",
            "listing",
            "frameset",
            "body",
            "image",
            "input",
            "annotation-xml",
            "foreignObject",
            "section",
            "tt",
            "code",
            "label",
            "menu",
            "address",
        ]);
        let attribute = prop::sample::select(vec![
            "",
            " href=\"/x\"",
            " href=\"javascript:a\"",
            " src=\"a.png\"",
            " title=\"a onx=1\"",
            " onclick=b",
            " style='c'",
            " data-src=d",
            " srcset='e 1x, f 2x'",
            " cite='javascript:g'",
            " lang=en",
            " alt='expression(1)'",
            " width=1",
            " dir=\"rtl\"",
            "/",
        ]);
        let piece = prop_oneof![
            (tag.clone(), attribute).prop_map(|(tag, attribute)| format!("<{tag}{attribute}>")),
            tag.prop_map(|tag| format!("</{tag}>")),
            "[a-z \\n]{0,6}",
            prop::sample::select(vec![
                "&amp;",
                "&lt;b&gt;",
                "&#13;",
                "&nbsp;",
                "\n",
                "\r\n",
                "<!-- c -->",
                "<![CDATA[x]]>",
                "<",
                "\0",
                "é",
                "&#0;",
                "<?x?>"
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    /// Mark-up of the kind that needs no parser, or nearly: closed where it was opened, whatever stands in what.
    fn plain_markup() -> impl Strategy<Value = String> {
        let name = prop::sample::select(ELEMENTS.split_whitespace().collect::<Vec<_>>());
        let attribute = prop_oneof![
            (
                prop::sample::select(vec![
                    "href", "src", "title", "alt", "class", "cite", "data-src", "srcset", "width", "rel", "style", "lang", "start"
                ]),
                "[ -~é\u{a0}]{0,8}|/[a-z]{1,3}|https://e\\.org/[a-z?=&;/.]{0,8}|javascript:x|&#?[a-z0-9]{1,4};?=?|java&#115;cript:y"
            )
                .prop_map(|(name, value)| format!(" {name}=\"{}\"", value.replace('"', "'"))),
            prop::sample::select(vec![" reversed", " title='a \"b\"'", " dir=rtl", " /", "/", "\n", " HREF=\"x\"", " a=\"b\"c=\"d\""])
                .prop_map(str::to_owned),
        ];
        let text = prop_oneof![
            "[a-z \n]{0,6}",
            "[ -~é\u{a0}，\u{7f}\u{85}]{0,6}",
            "&#?x?[a-zA-Z0-9]{1,5};?",
            prop::sample::select(vec![
                "&nbsp;",
                "&rsquo;",
                "&#8217;",
                "&#150;",
                "&#x10ffff;",
                "&notin;",
                "&amp;lt;",
                "<!-- c -->",
                "<!--->",
                "<!-- --!>x-->",
                "&",
                "\t"
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            3 => text,
            1 => (name.clone(), prop::collection::vec(attribute.clone(), 0..3)).prop_map(|(name, attributes)| format!("<{name}{}>", attributes.concat())),
        ];
        leaf.prop_recursive(6, 24, 4, move |inner| {
            (name.clone(), prop::collection::vec(attribute.clone(), 0..2), prop::collection::vec(inner, 0..4)).prop_map(
                |(name, attributes, inside)| {
                    format!(
                        "<{name}{}>{}{}",
                        attributes.concat(),
                        inside.concat(),
                        if elements::is_void(name) { String::new() } else { format!("</{name}>") }
                    )
                },
            )
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn sanitising_again_changes_nothing_and_nothing_active_is_left(source in markup()) {
            let html = clean(&source);
            prop_assert_eq!(active(&html), None);
            prop_assert_eq!(&clean(&html), &html);
            text::paragraphs(&html).to_text();
        }

        #[test]
        fn what_needs_no_parser_comes_out_as_by_one(source in plain_markup()) {
            for source in [source.as_str(), &clean(&source)] {
                if let Some(html) = without_parser(source, Some(&base())) {
                    prop_assert_eq!(html, sanitise_by_parser(source, Some(&base())), "{}", source);
                }
            }
        }

        #[test]
        fn any_string_can_be_sanitised(source in "\\PC{0,80}|[<>a-z/\"'= &;#!-]{0,80}") {
            let html = clean(&source);
            prop_assert_eq!(active(&html), None);
            prop_assert_eq!(&clean(&html), &html);
        }

        #[test]
        fn plain_text_keeps_its_letters(source in "[a-zé <>&\\n]{0,80}") {
            let html = from_plain_text(&source);
            prop_assert_eq!(&clean(&html), &html);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&text::paragraphs(&html).to_text()), letters(&source));
        }
    }
}
