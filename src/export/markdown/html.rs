//! Sanitised HTML becomes Markdown by one linear scan.
//!
//! The input is what the sanitiser wrote: balanced tags, quoted attributes, few entities. Anything else does no harm:
//! an unknown tag is passed over, and a closing tag that closes nothing is ignored. The scan neither recurses nor looks
//! back, and whatever is written more than once for what stands once (prefixes, a link's address) is bounded, so a
//! hostile document costs time and space in proportion to its size.

use super::escape::{destination, escaped, guarded, heading, push_escaped};
use super::scan::{End, attribute, decoded, end_of_tag};

/// How deep lists and quotations may nest before deeper ones are written at the same depth: each level is a prefix on
/// every line, so that without a bound the output could grow with the square of the input.
const MAX_DEPTH: usize = 8;

/// In how many further paragraphs a link that spans several is written again, its address each time.
const MAX_LINK_REPEATS: u8 = 16;

/// Converts a fragment of sanitised HTML to Markdown, without a line feed at its end.
pub fn from_html(html: &str) -> String {
    let mut converter = Converter::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        converter.text(text);
        rest = tag;
        match end_of_tag(tag) {
            End::At(end) => {
                let (inside, after) = tag.split_at(end);
                converter.tag(inside.get(1..).unwrap_or_default());
                rest = after.get(1..).unwrap_or_default();
            }
            End::NoTag => {
                converter.text("&lt;");
                rest = tag.get(1..).unwrap_or_default();
            }
            End::Missing => break,
        }
    }
    converter.text(rest);
    converter.finish()
}

/// Markup within a paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Emphasis,
    Strong,
    Strike,
    Link(String),
}

impl Span {
    fn of(tag: &str) -> Option<Self> {
        match tag {
            "em" | "i" | "cite" | "dfn" | "var" => Some(Self::Emphasis),
            "strong" | "b" => Some(Self::Strong),
            "del" | "s" | "strike" => Some(Self::Strike),
            _ => None,
        }
    }

    fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// A span that is open. A span within one of its own kind changes nothing and is only counted, so that few are open.
#[derive(Debug, Clone)]
struct OpenSpan {
    span: Span,
    /// Where in the paragraph it began.
    start: usize,
    /// How many of its kind are open.
    depth: usize,
    /// In how many further paragraphs it may go on.
    repeats: u8,
}

/// What lines stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Container {
    Quote,
    Item { marker: String, is_new: bool },
}

/// A list that is open.
#[derive(Debug)]
struct List {
    /// The next item's number, or `None` for bullets.
    number: Option<u32>,
    /// Was an item of it written?
    has_items: bool,
}

#[derive(Debug, Default)]
struct Table {
    rows: Vec<Vec<String>>,
}

#[derive(Debug, Default)]
struct Converter {
    out: String,
    /// The paragraph under way.
    line: String,
    /// Spans open in it.
    spans: Vec<OpenSpan>,
    containers: Vec<Container>,
    /// For each open `blockquote` and `li`: did it get a container, or was it too deep?
    opened: Vec<bool>,
    lists: Vec<List>,
    heading: Option<usize>,
    /// Preformatted text under way, and how many `pre` are open.
    pre: Option<String>,
    /// Inline code under way.
    code: Option<String>,
    table: Option<Table>,
    /// How many tables are open; only the outermost is written as one.
    tables: usize,
    /// The containers that have been open ever since the last block was written.
    shared: usize,
}

impl Converter {
    fn text(&mut self, raw: &str) {
        if raw.is_empty() {
            return;
        }
        let text = decoded(raw);
        if let Some(verbatim) = self.pre.as_mut().or(self.code.as_mut()) {
            verbatim.push_str(&text);
            return;
        }
        // White space is folded (but not no-break spaces), and none stands at the start of a line.
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        let starts = text.starts_with(is_space);
        let ends = text.ends_with(is_space);
        let words = text.split(is_space).filter(|word| !word.is_empty());
        let mut first = true;
        for word in words {
            if !first || starts {
                self.space();
            }
            first = false;
            push_escaped(&mut self.line, word);
        }
        if ends || (first && starts) {
            self.space();
        }
    }

    fn space(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with([' ', '\n']) {
            self.line.push(' ');
        }
    }

    fn tag(&mut self, inside: &str) {
        let is_end = inside.starts_with('/');
        let name = inside.trim_start_matches('/');
        let name = name.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default().to_ascii_lowercase();
        if self.pre.is_some() && name != "pre" {
            if name == "br"
                && let Some(pre) = &mut self.pre
            {
                pre.push('\n');
            }
            return;
        }
        match (name.as_str(), is_end) {
            ("br", _) => self.line_break(),
            ("hr", _) => {
                self.flush();
                self.block("* * *");
            }
            ("img", false) => self.image(inside),
            ("code" | "tt" | "kbd" | "samp", false) if self.code.is_none() => self.code = Some(String::new()),
            ("code" | "tt" | "kbd" | "samp", true) => self.end_code(),
            ("pre", false) => {
                self.flush();
                self.pre.get_or_insert_default();
            }
            ("pre", true) => self.end_pre(),
            ("a", false) => {
                self.close_span(&Span::Link(String::new()));
                if let Some(href) = attribute(inside, "href") {
                    self.open_span(Span::Link(destination(&href)));
                }
            }
            ("a", true) => self.close_span(&Span::Link(String::new())),
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => {
                self.flush();
                let level = name.get(1..).and_then(|digit| digit.parse::<usize>().ok()).unwrap_or(2);
                self.heading = Some(level.clamp(2, 6));
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", true) => {
                self.flush();
                self.heading = None;
            }
            ("blockquote", false) => self.open(Container::Quote),
            ("li" | "dd", false) => self.open_item(),
            ("blockquote" | "li" | "dd", true) => self.close(),
            ("ul" | "ol", false) => {
                self.flush();
                let start = attribute(inside, "start").and_then(|start| start.parse::<u32>().ok()).unwrap_or(1).min(999_999_999);
                self.lists.push(List { number: (name == "ol").then_some(start), has_items: false });
            }
            ("ul" | "ol", true) => {
                self.flush();
                self.lists.pop();
            }
            ("table", false) => {
                self.flush();
                self.tables += 1;
                if self.tables == 1 {
                    self.table = Some(Table::default());
                }
            }
            ("table", true) => {
                self.flush();
                self.tables = self.tables.saturating_sub(1);
                if self.tables == 0 {
                    self.end_table();
                }
            }
            ("tr", false) if self.tables == 1 => {
                self.flush();
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
            }
            ("td" | "th", false) if self.tables == 1 => {
                self.flush();
                if let Some(table) = &mut self.table {
                    match table.rows.last_mut() {
                        Some(row) => row.push(String::new()),
                        None => table.rows.push(vec![String::new()]),
                    }
                }
            }
            (name, false) if Span::of(name).is_some() => {
                if let Some(span) = Span::of(name) {
                    self.open_span(span);
                }
            }
            (name, true) if Span::of(name).is_some() => {
                if let Some(span) = Span::of(name) {
                    self.close_span(&span);
                }
            }
            (name, _) if is_block(name) => self.flush(),
            _ => {}
        }
    }

    fn line_break(&mut self) {
        if self.heading.is_some() || self.table.is_some() {
            self.space();
        } else if !self.line.is_empty() {
            let kept = self.line.trim_end_matches(' ').len();
            self.line.truncate(kept);
            self.line.push_str("\\\n");
        }
    }

    fn image(&mut self, inside: &str) {
        if let Some(source) = attribute(inside, "src").filter(|source| !source.is_empty()) {
            let alt = attribute(inside, "alt").unwrap_or_default();
            let alt = escaped(&alt.split_whitespace().collect::<Vec<_>>().join(" "));
            self.line.push_str(&format!("![{alt}]({})", destination(&source)));
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
        if code.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run_of_backticks(&code) + 1);
        let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
        let code: String = code.chars().filter(|c| !c.is_control()).collect();
        // A table's cells are split before code is recognised.
        let code = if self.table.is_some() { code.replace('|', "\\|") } else { code };
        self.line.push_str(&format!("{fence}{pad}{code}{pad}{fence}"));
    }

    fn end_pre(&mut self) {
        let Some(pre) = self.pre.take() else { return };
        let pre: String = pre.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let pre = pre.trim_matches('\n');
        if pre.trim().is_empty() {
            return;
        }
        if self.table.is_some() {
            let words = pre.split_whitespace().collect::<Vec<_>>().join(" ");
            push_escaped(&mut self.line, &words);
            return;
        }
        let fence = "`".repeat((longest_run_of_backticks(pre) + 1).max(3));
        self.block(&format!("{fence}\n{pre}\n{fence}"));
    }

    fn open_span(&mut self, span: Span) {
        match self.spans.iter_mut().find(|open| open.span.is_same_kind(&span)) {
            Some(open) => open.depth += 1,
            None => self.spans.push(OpenSpan { span, start: self.line.len(), depth: 1, repeats: MAX_LINK_REPEATS }),
        }
    }

    /// Ends the open span of the kind, and in this paragraph those inside it.
    fn close_span(&mut self, kind: &Span) {
        let Some(at) = self.spans.iter().position(|open| open.span.is_same_kind(kind)) else { return };
        if let Some(open) = self.spans.get_mut(at).filter(|open| open.depth > 1) {
            open.depth -= 1;
            return;
        }
        let mut inner = self.spans.split_off(at);
        for open in inner.iter().rev() {
            self.mark(&open.span, open.start);
        }
        inner.remove(0);
        for open in &mut inner {
            open.start = self.line.len();
        }
        self.spans.append(&mut inner);
    }

    /// Puts a span's marks around what `line` holds from `start` on; white space at its ends stays outside, since
    /// marks beside white space are no marks (CommonMark §6.2).
    fn mark(&mut self, span: &Span, start: usize) {
        let content = self.line.split_off(start.min(self.line.len()));
        let is_edge = |c: char| c.is_whitespace() || c == '\u{a0}';
        let core = content.trim_matches(is_edge).trim_end_matches("\\\n").trim_end_matches(is_edge);
        if core.is_empty() {
            self.line.push_str(&content);
            return;
        }
        let lead = content.len() - content.trim_start_matches(is_edge).len();
        let (before, rest) = content.split_at(lead);
        let after = rest.get(core.len()..).unwrap_or_default();
        self.line.push_str(before);
        match span {
            Span::Emphasis => self.line.push_str(&format!("*{core}*")),
            Span::Strong => self.line.push_str(&format!("**{core}**")),
            Span::Strike => self.line.push_str(&format!("~~{core}~~")),
            Span::Link(url) => self.line.push_str(&format!("[{core}]({url})")),
        }
        self.line.push_str(after);
    }

    /// Writes the paragraph under way. Spans that are open go on in the next one.
    fn flush(&mut self) {
        self.end_code();
        let mut open = std::mem::take(&mut self.spans);
        for open in open.iter().rev() {
            self.mark(&open.span, open.start);
        }
        let is_empty = self.line.is_empty();
        open.retain_mut(|open| {
            open.start = 0;
            if !is_empty && matches!(open.span, Span::Link(_)) {
                open.repeats = open.repeats.saturating_sub(1);
            }
            open.repeats > 0
        });
        self.spans = open;
        let line = std::mem::take(&mut self.line);
        let paragraph = line.trim_matches(' ').trim_end_matches("\\\n").trim_end();
        if paragraph.is_empty() {
            return;
        }
        if let Some(cell) = self.table.as_mut().and_then(|table| table.rows.last_mut()).and_then(|row| row.last_mut()) {
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(&paragraph.replace("\\\n", " ").replace('\n', " "));
            return;
        }
        let paragraph = match self.heading {
            Some(level) => heading(level, &paragraph.replace('\n', " ")),
            None => paragraph.split('\n').map(guarded).collect::<Vec<_>>().join("\n"),
        };
        self.block(&paragraph);
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        let rows: Vec<Vec<String>> = table.rows.into_iter().filter(|row| row.iter().any(|cell| !cell.is_empty())).collect();
        let Some(columns) = rows.iter().map(Vec::len).max() else { return };
        if columns == 1 {
            // A table of one column is a layout, not a table.
            for cell in rows.into_iter().flatten() {
                self.block(&guarded(&cell));
            }
            return;
        }
        let mut lines = Vec::with_capacity(rows.len() + 1);
        for (index, row) in rows.iter().enumerate() {
            // Rows may be shorter than the header (GitHub Flavored Markdown §4.10), and only that is filled up.
            let missing = if index == 0 { columns - row.len() } else { 0 };
            lines.push(format!("| {} |{}", row.join(" | "), "  |".repeat(missing)));
            if index == 0 {
                lines.push(format!("|{}", " --- |".repeat(columns)));
            }
        }
        self.block(&lines.join("\n"));
    }

    fn open(&mut self, container: Container) {
        self.flush();
        let fits = self.containers.len() < MAX_DEPTH && self.table.is_none();
        if fits {
            self.containers.push(container);
        }
        self.opened.push(fits);
    }

    fn open_item(&mut self) {
        self.flush();
        let marker = match self.lists.last_mut() {
            Some(List { number: Some(number), .. }) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "- ".to_owned(),
        };
        self.open(Container::Item { marker, is_new: true });
    }

    fn close(&mut self) {
        self.flush();
        if self.opened.pop() == Some(true) {
            self.containers.pop();
            self.shared = self.shared.min(self.containers.len());
        }
    }

    /// Writes a block with the prefixes of what it stands in, after an empty line where it needs one.
    fn block(&mut self, block: &str) {
        let starts_item = self.containers.iter().any(|container| matches!(container, Container::Item { is_new: true, .. }));
        let depth = self.lists.len();
        let is_tight = starts_item && depth > 0 && (depth > 1 || self.lists.last().is_some_and(|list| list.has_items));
        if let Some(list) = self.lists.last_mut().filter(|_| starts_item) {
            list.has_items = true;
        }
        if !self.out.is_empty() {
            self.out.push('\n');
            if !is_tight {
                let prefix: String = self.containers.iter().take(self.shared).map(continuation).collect();
                self.out.push_str(prefix.trim_end());
                self.out.push('\n');
            }
        }
        let first: String = self
            .containers
            .iter_mut()
            .map(|container| match container {
                Container::Item { marker, is_new } if *is_new => {
                    *is_new = false;
                    marker.clone()
                }
                other => continuation(other),
            })
            .collect();
        let further: String = self.containers.iter().map(continuation).collect();
        for (index, line) in block.split('\n').enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            let prefix = if index == 0 { &first } else { &further };
            self.out.push_str(if line.is_empty() { prefix.trim_end() } else { prefix });
            self.out.push_str(line);
        }
        self.shared = self.containers.len();
    }

    fn finish(mut self) -> String {
        self.end_pre();
        self.flush();
        self.end_table();
        self.out
    }
}

/// What stands before a container's lines after the first.
fn continuation(container: &Container) -> String {
    match container {
        Container::Quote => "> ".to_owned(),
        Container::Item { marker, .. } => " ".repeat(marker.len()),
    }
}

/// The tags that end a paragraph, beside those that are treated each in its own way.
fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "caption"
            | "center"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "figcaption"
            | "figure"
            | "footer"
            | "header"
            | "hgroup"
            | "main"
            | "nav"
            | "p"
            | "section"
            | "summary"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
            | "td"
            | "th"
    )
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_element_has_its_markdown() {
        for (html, want) in [
            ("<p>One</p><p>Two\n  words</p>", "One\n\nTwo words"),
            ("<h1>Top</h1><h3>Sub</h3><p>x</p>", "## Top\n\n### Sub\n\nx"),
            ("<h2>In C #</h2>", "## In C \\#"),
            ("<p><em>a</em> <strong>b</strong> <b><i>c</i></b></p>", "*a* **b** ***c***"),
            ("<p>a<b> bold </b>z <i></i></p>", "a **bold** z"),
            (
                "<p>see <a href=\"https://e.org/a(b) c\" rel=\"x\">this &amp; that</a>.</p>",
                "see [this & that](https://e.org/a%28b%29%20c).",
            ),
            ("<img src=\"https://e.org/i.png\" alt=\"A [cat]\">", "![A \\[cat\\]](https://e.org/i.png)"),
            ("<ul><li>a</li><li><p>b</p></li></ul><p>after</p>", "- a\n- b\n\nafter"),
            ("<ol start=\"9\"><li>a</li><li>b<ul><li>c</li></ul></li></ol>", "9. a\n10. b\n    - c"),
            ("<ul><li><p>a</p><p>b</p></li><li>c</li></ul>", "- a\n\n  b\n- c"),
            ("<blockquote><p>a</p><p>b</p></blockquote><blockquote>c</blockquote>", "> a\n>\n> b\n\n> c"),
            ("<blockquote><ul><li>a</li></ul></blockquote>", "> - a"),
            ("<pre><code>let a = &lt;b&gt;;\n\n  x</code></pre>", "```\nlet a = <b>;\n\n  x\n```"),
            ("<pre>```\nx</pre>", "````\n```\nx\n````"),
            ("<p>run <code>a `b` *c*</code></p>", "run ``a `b` *c*``"),
            ("<p>a<br>b<br></p>", "a\\\nb"),
            ("<p>a</p><hr><p>b</p>", "a\n\n* * *\n\nb"),
            ("<b><p>a</p><p>b</p></b>", "**a**\n\n**b**"),
            ("<p><b>a <b>b</b> c</b> <b>d</p><p>e</b> f</p>", "**a b c** **d**\n\n**e** f"),
            ("<p><b>a <i>b</b> c</i></p>", "**a *b*** *c*"),
            ("<a href=\"https://e.org/\"><h2>Card</h2><p>more</p></a><p>x</p>", "## [Card](https://e.org/)\n\n[more](https://e.org/)\n\nx"),
            (
                "<table><tr><th>A</th><th>B|</th></tr><tr><td>1</td><td><p>2</p><p>3</p></td></tr></table>",
                "| A | B\\| |\n| --- | --- |\n| 1 | 2 3 |",
            ),
            ("<table><tr><th>A</th></tr><tr><td>1</td><td>2</td></tr></table>", "| A |  |\n| --- | --- |\n| 1 | 2 |"),
            ("<table><tr><td>only</td></tr></table>", "only"),
            ("<!-- no --><p title=\"a > b\">x</p>", "x"),
        ] {
            assert_eq!(from_html(html), want, "{html}");
        }
    }

    #[test]
    fn text_cannot_become_markup() {
        for (html, want) in [
            ("<p># a</p><p>1. b</p><p>- c</p><p>+ d</p><p>-e</p>", "\\# a\n\n1\\. b\n\n\\- c\n\n\\+ d\n\n-e"),
            (
                "<p>*a* _b_ snake_case `c` [d](e) &lt;f&gt; &amp;amp; a & b</p>",
                "\\*a\\* \\_b\\_ snake_case \\`c\\` \\[d\\](e) \\<f\\> \\&amp; a & b",
            ),
            ("<p>a<br># b<br>=== </p>", "a\\\n\\# b\\\n\\==="),
            ("<p>---</p>", "\\---"),
            ("<p>1 < 2 \u{7}</p>", "1 \\< 2"),
        ] {
            assert_eq!(from_html(html).trim_end(), want, "{html}");
        }
    }

    #[test]
    fn broken_markup_does_no_harm() {
        for html in [
            "<",
            "</",
            "<a",
            "<a href=",
            "<a href=\"",
            "</li></ul></p>",
            "<li>x",
            "<td>x",
            "<pre>x",
            "<table><tr>",
            "&",
            "&#;",
            "&#x110000;",
        ] {
            from_html(html);
        }
    }

    #[test]
    fn hostile_markup_cannot_blow_the_output_up() {
        let n = 5_000;
        for html in [
            format!("{}x{}", "<blockquote><p>y</p>".repeat(n), "</blockquote>".repeat(n)),
            format!("{}x", "<ul><li>y".repeat(n)),
            format!("{}{}", "<b>".repeat(n), "<p>x</p>".repeat(n)),
            format!("<a href=\"{}\">{}</a>", "y".repeat(n), "<p>x</p>".repeat(n)),
            format!("<table><tr>{}</tr>{}</table>", "<td>x</td>".repeat(n), "<tr><td>x</td><td>y</td></tr>".repeat(n)),
            format!("<ol start=\"999999999\"><li>{}", "<p>x</p>".repeat(n)),
            "<a href=".repeat(n),
        ] {
            assert!(from_html(&html).len() < html.len() * 12, "{}", &html[..30]);
        }
    }

    proptest! {
        #[test]
        fn any_input_is_converted_without_panic(html in "(<[/]?(p|b|i|a href=\"x\"|li|ul|ol|code|td|tr|table|blockquote|h1|br|hr)>|[a-z &;<>\"*#|`\n]|é){0,60}") {
            let markdown = from_html(&html);
            prop_assert!(!markdown.lines().any(|line| line.starts_with("# ") || line == "---"));
        }

        #[test]
        fn any_bytes_that_pass_for_markup_are_converted_without_panic(html in "([<>/&;=\"' a-z\n]|</?pre>|</?code>|<img src=|<a href='|<!--|-->|é|\u{0}){0,60}") {
            from_html(&html);
        }
    }
}
