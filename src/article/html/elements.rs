//! The elements of HTML: which are kept, and how a parser treats the others.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Elements that are kept. Whatever is not here goes, but its text stays.
pub const ELEMENTS: &str = "\
    a abbr acronym address article aside audio b bdi bdo big blockquote br caption center cite code col colgroup data dd del \
    details dfn div dl dt em figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark nav ol p \
    pre q rp rt ruby s samp section small source span strike strong sub summary sup table tbody td tfoot th thead time tr tt \
    u ul var video wbr";

/// Elements that HTML knows beside those that are kept: an HTML parser treats them in ways of their own.
///
/// Not among them are `iframe`, `noembed`, `noframes`, `noscript`, `plaintext`, `textarea`, `title` and `xmp`, whose
/// content a parser takes for plain characters and would show as such: their tags go before parsing, so that what
/// they hold is read as mark-up.
const OTHER_ELEMENTS: &str = "\
    applet area base basefont bgsound body button canvas command datalist dialog dir embed fieldset font form frame frameset \
    head html image input keygen label legend link listing map marquee math menu menuitem meta meter nobr object optgroup \
    option output param picture progress rb rtc script select slot spacer style svg template track";

/// The same, to ask.
pub static ELEMENT_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ELEMENTS.split(' ').collect());

static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| ELEMENTS.split(' ').chain(OTHER_ELEMENTS.split(' ')).collect());

/// May the parser see this element? The tags of all others are taken out, since the sanitiser would drop the content
/// of those that bear a name of SVG or MathML.
pub fn is_known(name: &str) -> bool {
    // The commonest first: a table would cost more than they do.
    matches!(name, "p" | "a" | "br" | "div" | "span" | "strong" | "em" | "img" | "li") || KNOWN.contains(name)
}

/// Elements that an HTML parser never closes by `/>`, so that all that follows would become their content.
pub fn swallows(name: &str) -> bool {
    matches!(name, "script" | "style" | "select" | "template" | "object" | "video" | "audio" | "svg" | "math")
}

/// Elements without content (HTML standard §13.1.2).
pub fn is_void(name: &str) -> bool {
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
pub fn closes_itself(name: &str) -> bool {
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
pub fn is_formatting(name: &str) -> bool {
    matches!(name, "a" | "b" | "big" | "code" | "em" | "font" | "i" | "nobr" | "s" | "small" | "strike" | "strong" | "tt" | "u")
}

/// A table and its parts.
pub fn is_table_part(name: &str) -> bool {
    matches!(name, "table" | "tbody" | "thead" | "tfoot" | "tr" | "td" | "th" | "caption" | "col" | "colgroup")
}

/// Elements that end an open paragraph.
pub fn is_block(name: &str) -> bool {
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

/// Elements that stand within a line.
pub fn is_inline(name: &str) -> bool {
    matches!(
        name,
        "a" | "abbr"
            | "acronym"
            | "b"
            | "bdi"
            | "bdo"
            | "big"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "i"
            | "img"
            | "ins"
            | "kbd"
            | "mark"
            | "q"
            | "rp"
            | "rt"
            | "ruby"
            | "s"
            | "samp"
            | "small"
            | "span"
            | "strike"
            | "strong"
            | "sub"
            | "sup"
            | "time"
            | "tt"
            | "u"
            | "var"
            | "wbr"
    )
}
