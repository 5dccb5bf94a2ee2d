//! Sanitised HTML: what a feed's body becomes before anybody reads it.
//!
//! The work is done once, by a maintained sanitiser with an allow-list ([`ammonia`]); two linear scans stand
//! around it. The one before takes out what would mislead or burden an HTML parser (fallback content of elements
//! that we never show, unknown elements, tags nested without end). The one after sees canonical HTML: it resolves
//! links, finds the true address of lazily loaded images, drops tracking pixels, and makes sure that the result
//! would be the same if it were sanitised again.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use ammonia::Builder;
use url::Url;

use super::tags::{OpenTag, Piece, pieces};
use super::{entities, pixels, text};

/// Elements that are kept. Whatever is not here goes, but its text stays.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "audio",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "data",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hgroup",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Elements that HTML knows beside those that are kept: an HTML parser treats them in ways of their own.
const OTHER_ELEMENTS: &[&str] = &[
    "applet",
    "area",
    "base",
    "basefont",
    "bgsound",
    "body",
    "button",
    "canvas",
    "command",
    "datalist",
    "dialog",
    "dir",
    "embed",
    "fieldset",
    "font",
    "form",
    "frame",
    "frameset",
    "head",
    "html",
    "image",
    "input",
    "keygen",
    "label",
    "legend",
    "link",
    "listing",
    "map",
    "marquee",
    "math",
    "menu",
    "menuitem",
    "meta",
    "meter",
    "nobr",
    "object",
    "optgroup",
    "option",
    "output",
    "param",
    "picture",
    "plaintext",
    "progress",
    "rb",
    "rtc",
    "script",
    "select",
    "slot",
    "spacer",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "track",
    "xmp",
];

/// Elements whose content an HTML parser takes for plain characters although it is markup for programs without
/// scripts or frames: their tags go before parsing, so that the markup is read as such.
const FALLBACK_ELEMENTS: &[&str] = &["iframe", "noembed", "noframes", "noscript"];

/// An HTML parser's time grows with the square of the depth; no article is nested deeper.
const MAX_DEPTH: usize = 200;
/// … and with the square of a tag's attributes.
const MAX_ATTRIBUTES: usize = 200;
/// How often open formatting elements may be opened again by the parser, or strays moved out of a table, before
/// such elements are taken out: a hundred times what the worst honest page was seen to need.
const MAX_PARSER_WORK: usize = 500_000;

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    let attributes: HashMap<&str, HashSet<&str>> = [
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
    ]
    .into_iter()
    .map(|(element, names)| (element, names.split(' ').collect()))
    .collect();
    builder
        .tags(ELEMENTS.iter().copied().collect())
        .tag_attributes(attributes)
        .generic_attributes(HashSet::from(["dir", "lang", "title"]))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "magnet", "ftp", "geo", "xmpp", "irc", "ircs"]))
        .set_tag_attribute_value("audio", "controls", "")
        .set_tag_attribute_value("audio", "preload", "none")
        .set_tag_attribute_value("video", "controls", "")
        .set_tag_attribute_value("video", "preload", "none");
    builder
});

/// Makes a fragment of HTML safe to show: only elements and attributes of an allow-list, nothing that runs or
/// tells the publisher that it was read (images themselves aside). Links and images are made absolute against
/// `base`; without one, relative ones lose their address.
///
/// Sanitising the result again changes nothing.
pub fn sanitise(source: &str, base: Option<&Url>) -> String {
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

struct Round {
    markup: String,
    stable: bool,
}

fn round(source: &str, base: Option<&Url>) -> Round {
    let prepared = prepare(source);
    let clean = SANITISER.clean(&prepared).to_string();
    finish(&clean, base)
}

/// The source without what misleads an HTML parser or costs it too much.
fn prepare(source: &str) -> Cow<'_, str> {
    let (prepared, work) = take_out(source, false);
    if work.formatting.max(work.strays) <= MAX_PARSER_WORK { prepared } else { Cow::Owned(take_out(source, true).0.into_owned()) }
}

/// What a parser will have to do beyond one step a tag.
#[derive(Default)]
struct ParserWork {
    formatting: usize,
    strays: usize,
}

fn take_out(source: &str, only_blocks: bool) -> (Cow<'_, str>, ParserWork) {
    let mut kept: Option<String> = None;
    let mut copied = 0;
    let mut depth = 0_usize;
    let mut formatting = 0_usize;
    let mut table = TableState::Outside;
    let mut strays = 0_usize;
    let mut work = ParserWork::default();
    for (piece, range) in pieces(source) {
        let keep = match piece {
            Piece::Text(_) | Piece::Raw(_) | Piece::Other => true,
            Piece::Open(tag) => {
                let lower = lower(tag.name);
                let name = lower.as_ref();
                let known = is_known(name);
                let costly = only_blocks && (is_formatting(name) || is_table_part(name));
                let mut keep = known && !costly && tag.attribute_count <= MAX_ATTRIBUTES && !(tag.self_closing && swallows(name));
                if keep && !is_void(name) && !closes_itself(name) {
                    depth += 1;
                    keep = depth <= MAX_DEPTH;
                }
                if keep {
                    if is_formatting(name) {
                        formatting += 1;
                    }
                    table = table.after_open(name);
                    if table == TableState::Between && !is_table_part(name) {
                        // A stray between cells is moved before the table, past all strays before it.
                        strays += 1;
                        work.strays = work.strays.saturating_add(strays / 16);
                    }
                    work.formatting = work.formatting.saturating_add(formatting.saturating_sub(8));
                }
                keep
            }
            Piece::Close(name) => {
                let lower = lower(name);
                let name = lower.as_ref();
                let known = is_known(name);
                let mut keep = known && !(only_blocks && (is_formatting(name) || is_table_part(name)));
                if keep && !is_void(name) && !closes_itself(name) {
                    keep = depth <= MAX_DEPTH;
                    depth = depth.saturating_sub(1);
                }
                if keep {
                    if is_formatting(name) {
                        formatting = formatting.saturating_sub(1);
                    }
                    table = table.after_close(name);
                }
                keep
            }
        };
        if !keep {
            kept.get_or_insert_with(|| String::with_capacity(source.len())).push_str(&source[copied..range.start]);
            copied = range.end;
        }
    }
    match kept {
        None => (Cow::Borrowed(source), work),
        Some(mut kept) => {
            kept.push_str(&source[copied..]);
            (Cow::Owned(kept), work)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TableState {
    Outside,
    Between,
    Inside,
}

impl TableState {
    fn after_open(self, name: &str) -> Self {
        match name {
            "table" | "tr" | "tbody" | "thead" | "tfoot" | "colgroup" => Self::Between,
            "td" | "th" | "caption" => Self::Inside,
            _ => self,
        }
    }

    fn after_close(self, name: &str) -> Self {
        match name {
            "table" => Self::Outside,
            "td" | "th" | "caption" => Self::Between,
            _ => self,
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b.is_ascii_uppercase()) { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}

static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ELEMENTS.iter().chain(OTHER_ELEMENTS).copied().collect());

fn is_known(name: &str) -> bool {
    // The commonest first: a table would cost more than they do.
    matches!(name, "p" | "a" | "br" | "div" | "span" | "strong" | "em" | "img" | "li")
        || (!FALLBACK_ELEMENTS.contains(&name) && KNOWN.contains(name))
}

/// Elements that an HTML parser never closes by `/>`, so that all that follows would become their content.
fn swallows(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "title"
            | "textarea"
            | "xmp"
            | "plaintext"
            | "select"
            | "template"
            | "object"
            | "video"
            | "audio"
            | "svg"
            | "math"
    )
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "image"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements whose end tags are usually left out.
fn closes_itself(name: &str) -> bool {
    matches!(
        name,
        "p" | "li"
            | "dd"
            | "dt"
            | "td"
            | "th"
            | "tr"
            | "tbody"
            | "thead"
            | "tfoot"
            | "option"
            | "optgroup"
            | "colgroup"
            | "rp"
            | "rt"
            | "rb"
            | "rtc"
    )
}

/// Formatting elements in the sense of the HTML standard (§13.2.4.3), which a parser opens again after a block.
fn is_formatting(name: &str) -> bool {
    matches!(name, "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u")
}

fn is_table_part(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "caption" | "col" | "colgroup")
}

/// Elements that end an open paragraph.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "figcaption"
            | "figure"
            | "footer"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "hr"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "ul"
    )
}

/// The scan over the sanitiser's output.
fn finish(clean: &str, base: Option<&Url>) -> Round {
    let mut out = String::with_capacity(clean.len() + clean.len() / 8);
    let mut open: Vec<&str> = Vec::new();
    let mut stable = true;
    let mut pictures = Pictures::default();
    for (piece, range) in pieces(clean) {
        match piece {
            Piece::Text(raw) | Piece::Raw(raw) => {
                let blank = raw.bytes().all(|b| b.is_ascii_whitespace());
                if !blank {
                    pictures.last = None;
                    stable &= !open.last().is_some_and(|parent| holds_no_text(parent));
                }
                // The serialiser forgets that a parser drops the first line break of `pre`.
                if open.last() == Some(&"pre") && out.ends_with("<pre>") && raw.starts_with(['\n', '\r']) {
                    out.push('\n');
                }
                if raw.contains('\r') { out.push_str(&raw.replace("\r\n", "\n").replace('\r', "\n")) } else { out.push_str(raw) }
            }
            Piece::Open(tag) => {
                stable &= fits(tag.name, &open);
                if !is_void(tag.name) {
                    open.push(tag.name);
                }
                match tag.name {
                    "img" => pictures.image(&tag, base, &mut out),
                    "source" => pictures.source(&tag, &open, base, &mut out),
                    _ if tag.attributes.is_empty() => out.push_str(&clean[range]),
                    _ => {
                        write_tag(&tag, base, &mut out);
                    }
                }
            }
            Piece::Close(name) => {
                // The sanitiser's output is balanced.
                open.pop();
                if !matches!(name, "a" | "span") {
                    pictures.last = None;
                }
                out.push_str(&clean[range]);
            }
            Piece::Other => {}
        }
    }
    Round { markup: out, stable }
}

/// Would an HTML parser leave this element where it is? The cases of the HTML standard (§13.2.6.4.7 and tables) that
/// can arise once elements were taken out from between others.
fn fits(name: &str, open: &[&str]) -> bool {
    let parent = open.last().copied().unwrap_or_default();
    let within = |wanted: &[&str], boundary: &[&str]| {
        open.iter().rev().take_while(|ancestor| !boundary.contains(ancestor)).any(|ancestor| wanted.contains(ancestor))
    };
    const CELLS: &[&str] = &["td", "th", "caption", "table"];
    match name {
        "td" | "th" => parent == "tr",
        "tr" => matches!(parent, "tbody" | "thead" | "tfoot"),
        "tbody" | "thead" | "tfoot" | "caption" | "colgroup" => parent == "table",
        "col" => parent == "colgroup",
        _ if holds_no_text(parent) => false,
        "a" => !open.contains(&"a"),
        "li" => !within(&["li", "p"], &["ul", "ol", "td", "th", "caption", "table"]),
        "dd" | "dt" => !within(&["dd", "dt", "p"], &["dl", "ul", "ol", "td", "th", "caption", "table"]),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => !matches!(parent, "h1" | "h2" | "h3" | "h4" | "h5" | "h6") && !within(&["p"], CELLS),
        "rt" | "rp" => !within(&["rt", "rp"], &["ruby"]),
        _ if is_block(name) => !within(&["p"], CELLS),
        _ => true,
    }
}

fn holds_no_text(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "colgroup")
}

/// Writes a start tag with its addresses resolved; those that lead nowhere go.
fn write_tag(tag: &OpenTag<'_>, base: Option<&Url>, out: &mut String) {
    out.push('<');
    out.push_str(tag.name);
    for (name, value) in tag.attributes() {
        match name {
            "href" | "src" | "poster" | "cite" => {
                if let Some(url) = resolve(value, base).filter(|url| name == "href" || is_web(url)) {
                    write_attribute(name, &url, out);
                }
            }
            "srcset" => {}
            _ => write_raw_attribute(name, value, out),
        }
    }
    out.push('>');
}

fn write_attribute(name: &str, value: &str, out: &mut String) {
    let mut escaped = String::with_capacity(value.len());
    entities::escape_attribute(value, &mut escaped);
    write_raw_attribute(name, &escaped, out);
}

/// Writes an attribute whose value is escaped already.
fn write_raw_attribute(name: &str, value: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    if looks_active(value) {
        // Harmless where it stands; but a program that searches for such words must not stumble over a caption.
        for c in value.chars() {
            match c {
                ':' | '=' | '(' | '-' => {
                    let _ = write!(out, "&#{};", u32::from(c));
                }
                '\r' => out.push('\n'),
                _ => out.push(c),
            }
        }
    } else if value.contains('\r') {
        out.push_str(&value.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        out.push_str(value);
    }
    out.push('"');
}

/// Does a value hold words that scanners for active content look for: a script's scheme, an event handler, a style
/// expression?
fn looks_active(value: &str) -> bool {
    let followed_by = |word: &str, sign: char| {
        let bytes = value.as_bytes();
        bytes.len() > word.len()
            && (0..=bytes.len() - word.len()).any(|at| {
                bytes[at..at + word.len()].eq_ignore_ascii_case(word.as_bytes()) && value[at + word.len()..].trim_start().starts_with(sign)
            })
    };
    (value.contains(':') && (followed_by("javascript", ':') || followed_by("vbscript", ':')))
        || (value.contains('(') && followed_by("expression", '('))
        || (value.contains("-") && value.to_ascii_lowercase().contains("-moz-binding"))
        || (value.contains('=')
            && value.split(char::is_whitespace).skip(1).any(|word| word.get(..2).is_some_and(|on| on.eq_ignore_ascii_case("on"))))
}

/// The absolute form of an address that stands, escaped, in an attribute.
fn resolve(value: &str, base: Option<&Url>) -> Option<String> {
    let value = entities::decode_canonical(value);
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if (value.starts_with("https://") || value.starts_with("http://")) && is_plain_url(value) {
        return Some(value.to_owned());
    }
    let url = match Url::parse(value) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => base?.join(value).ok()?,
        Err(_) => return None,
    };
    matches!(url.scheme(), "http" | "https" | "mailto" | "tel" | "magnet" | "ftp" | "geo" | "xmpp" | "irc" | "ircs").then(|| url.into())
}

/// Absolute, and of characters that every parser reads alike.
fn is_plain_url(url: &str) -> bool {
    let authority = url.trim_start_matches("https://").trim_start_matches("http://");
    let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let path = authority.len() > host.len();
    path && !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && !host.bytes().next_back().is_some_and(|b| b.is_ascii_digit())
        && !url.contains("/.")
        && url.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~:/?#@!$&*+,;=%".contains(&b))
        && authority.as_bytes().get(host.len()) == Some(&b'/')
}

fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// What the scan knows of images.
#[derive(Default)]
struct Pictures {
    /// The first candidate of a `picture`'s sources, for an image without an address of its own.
    offered: Option<String>,
    /// The image just written, if no text follows it: the fallback of a lazily loaded image is the same again.
    last: Option<String>,
}

impl Pictures {
    fn source(&mut self, tag: &OpenTag<'_>, open: &[&str], base: Option<&Url>, out: &mut String) {
        if open.last().is_some_and(|parent| matches!(*parent, "audio" | "video")) {
            if tag.attributes().any(|(name, value)| name == "src" && resolve(value, base).is_some_and(|url| is_web(&url))) {
                write_tag(tag, base, out);
            }
        } else if self.offered.is_none() {
            self.offered = tag.attributes().find(|(name, _)| *name == "srcset").and_then(|(_, value)| best_candidate(value, base));
        }
    }

    fn image(&mut self, tag: &OpenTag<'_>, base: Option<&Url>, out: &mut String) {
        let offered = self.offered.take();
        let web = |value: &str| resolve(value, base).filter(|url| is_web(url));
        let attribute = |wanted: &str| tag.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let lazy = || ["data-lazy-src", "data-src", "data-original"].iter().find_map(|name| attribute(name).and_then(web));
        let lazy_set = || {
            ["data-lazy-srcset", "data-srcset", "srcset"].iter().find_map(|name| attribute(name).and_then(|set| best_candidate(set, base)))
        };
        let src = lazy()
            .or_else(|| attribute("src").and_then(web).filter(|url| !pixels::is_placeholder(url)))
            .or_else(lazy_set)
            .or(offered)
            .or_else(|| attribute("src").and_then(web));
        let Some(src) = src else { return };
        if pixels::is_tracking_pixel(&src, attribute("width"), attribute("height")) || self.last.as_ref() == Some(&src) {
            return;
        }
        out.push_str("<img");
        write_attribute("src", &src, out);
        for (name, value) in tag.attributes() {
            if matches!(name, "alt" | "title" | "width" | "height" | "lang" | "dir") {
                write_raw_attribute(name, value, out);
            }
        }
        out.push('>');
        self.last = Some(src);
    }
}

/// The widest image of a `srcset`, up to 2,000 pixels or twice the density.
fn best_candidate(srcset: &str, base: Option<&Url>) -> Option<String> {
    let srcset = entities::decode_canonical(srcset);
    let mut best: Option<(f64, String)> = None;
    // A comma may stand inside an address; one that ends a candidate has white space after it.
    let mut rest = srcset.trim();
    while !rest.is_empty() {
        let url_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (url, mut after) = rest.split_at(url_end);
        let mut descriptor = "";
        if !url.ends_with(',') {
            let end = after.find(',').unwrap_or(after.len());
            descriptor = after[..end].trim();
            after = after.get(end + 1..).unwrap_or_default();
        }
        rest = after.trim_start();
        let size = descriptor.trim_end_matches(['w', 'x', 'h']).parse::<f64>().unwrap_or(1.0);
        let size = if descriptor.ends_with('w') { size } else { size * 1000.0 };
        let Some(url) = Url::parse(url.trim_end_matches(',')).ok().or_else(|| base?.join(url.trim_end_matches(',')).ok()) else { continue };
        if !matches!(url.scheme(), "http" | "https") {
            continue;
        }
        let better = best.as_ref().is_none_or(|(known, _)| if size <= 2000.0 { *known > 2000.0 || size > *known } else { size < *known });
        if better {
            best = Some((size, url.into()));
        }
    }
    best.map(|(_, url)| url)
}
