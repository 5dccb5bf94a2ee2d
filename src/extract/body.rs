//! Where the body of an article is on its page.
//!
//! Prose gives it away: sentences, not links. So the letters of all blocks that read like prose are counted, in the elements that hold
//! them and in all around these. What its names say to stand around a body is taken out first (unless most of the prose is in it: then
//! the names say something else). The body's container is the innermost element that still holds nearly all prose. In it, what is
//! left of the page's furniture is told by its form.

use scraper::Selector;
use url::Url;

use super::blocks::{Block, blocks};
use super::dom::{Item, Nodes, Writing};
use super::furniture;
use super::names::{Around, Names};
use super::rules::SiteRule;
use crate::article::html::elements::is_inline;

/// Elements that nobody reads, or that are for other things than reading.
fn is_unread(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "noscript"
            | "button"
            | "select"
            | "textarea"
            | "svg"
            | "iframe"
            | "head"
            | "template"
            | "object"
            | "input"
            | "dialog"
            | "map"
            | "canvas"
            | "math"
            | "label"
            | "video"
            | "audio"
    )
}

/// Letters of prose below which a page has no story.
const LEAST_PROSE: usize = 140;

/// What was counted in an element.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    letters: usize,
    linked: usize,
    prose: usize,
}

/// The page with what was counted in it.
struct Search<'n, 'a> {
    nodes: &'n Nodes<'a>,
    gone: Vec<bool>,
    names: &'n [Names],
    blocks: Vec<Block>,
    sums: Vec<Sum>,
    /// Links before each place: all, and those that lead to pages of the same site.
    links: Vec<(u32, u32)>,
}

/// The body as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// As it stands in the page; empty where there is none.
    pub html: String,
    /// Headings in it that lead to other pages.
    pub linked_headings: usize,
    /// Blocks of prose in it.
    pub prose_blocks: usize,
    /// Does the page mark it as an article: by its element, its names, or microdata?
    pub is_marked: bool,
}

/// Finds the body: what a site's rule says, else where the prose is.
pub fn find(nodes: &Nodes<'_>, names: &[Names], url: Option<&Url>, rule: Option<&SiteRule>) -> Body {
    if let Some(body) = rule.and_then(|rule| by_rule(nodes, rule)) {
        return body;
    }
    let strip = rule.and_then(|rule| rule.strip.as_ref());
    // A page that hides its story shows it by a program.
    let shown = Search::new(nodes, names, url, strip, true);
    let respects_hidden = shown.sums[0].prose >= LEAST_PROSE;
    let again = || Search::new(nodes, names, url, strip, respects_hidden);
    let mut search = if respects_hidden { shown } else { again() };
    search.take_out_comments();
    let total = search.sums[0].prose;
    search.take_out_furniture(true);
    if search.sums[0].prose * 5 < total {
        // Names that say of nearly all that it is furniture say nothing.
        search = again();
        search.take_out_furniture(false);
    }
    let container = search.container();
    let (linked_headings, prose_blocks) = search.headings_and_prose(container);
    search.prune(container);
    let is_marked = search.is_named_body(container)
        || std::iter::once(container).chain(nodes.ancestors(container)).any(|at| nodes.at(at).name() == "article");
    Body { html: search.write(container), linked_headings, prose_blocks, is_marked }
}

/// The elements that a site's rule names, less those that it strips.
fn by_rule(nodes: &Nodes<'_>, rule: &SiteRule) -> Option<Body> {
    let body = rule.body.as_ref()?;
    let matches = |selector: &Selector, at: usize| nodes.at(at).element_ref().is_some_and(|element| selector.matches(&element));
    let mut html = String::new();
    let mut end = 0;
    for (at, item) in nodes.iter() {
        if at >= end && matches(body, at) {
            html.push_str(&nodes.write(at, |at| {
                let goes = is_unread(nodes.at(at).name()) || rule.strip.as_ref().is_some_and(|strip| matches(strip, at));
                if goes { Writing::Not } else { Writing::Plain }
            }));
            end = item.end;
        }
    }
    (!html.is_empty()).then_some(Body { html, linked_headings: 0, prose_blocks: 1, is_marked: true })
}

impl<'n, 'a> Search<'n, 'a> {
    fn new(nodes: &'n Nodes<'a>, names: &'n [Names], url: Option<&'n Url>, strip: Option<&Selector>, respects_hidden: bool) -> Self {
        let mut gone = vec![false; nodes.count()];
        let mut at = 0;
        while at < nodes.count() {
            let item = nodes.at(at);
            let is_stripped = strip.is_some_and(|strip| item.element_ref().is_some_and(|element| strip.matches(&element)));
            if is_stripped || is_unread(item.name()) || (respects_hidden && is_hidden(item)) {
                gone[at] = true;
                at = item.end;
                continue;
            }
            at += 1;
        }
        let blocks = blocks(nodes, &gone);
        let mut sums = vec![Sum::default(); nodes.count()];
        for block in &blocks {
            let sum = &mut sums[block.owner];
            sum.letters += block.letters;
            sum.linked += block.linked;
            sum.prose += block.prose(nodes.at(block.owner).name());
        }
        for at in (1..nodes.count()).rev() {
            let Sum { letters, linked, prose } = sums[at];
            let around = &mut sums[nodes.at(at).parent];
            around.letters += letters;
            around.linked += linked;
            around.prose += prose;
        }
        let links = links(nodes, url);
        Self { nodes, gone, names, blocks, sums, links }
    }

    fn take_out(&mut self, place: usize) {
        if self.gone[place] {
            return;
        }
        self.gone[place] = true;
        let Sum { letters, linked, prose } = self.sums[place];
        let mut around = place;
        while around > 0 {
            around = self.nodes.at(around).parent;
            let sum = &mut self.sums[around];
            sum.letters -= letters;
            sum.linked -= linked;
            sum.prose -= prose;
        }
    }

    /// Visits what is left of a node's content in order.
    fn walk(&mut self, place: usize, mut visit: impl FnMut(&mut Self, usize)) {
        let end = self.nodes.at(place).end;
        let mut at = place;
        while at < end {
            if !self.gone[at] {
                visit(self, at);
            }
            at = if self.gone[at] { self.nodes.at(at).end } else { at + 1 };
        }
    }

    /// Takes out what readers wrote, unless next to nothing would be left.
    fn take_out_comments(&mut self) {
        self.walk(0, |search, at| {
            let Sum { prose, .. } = search.sums[at];
            let name = search.nodes.at(at).name();
            let is_comments = search.names[at].around == Around::Comments && !is_inline(name) && !matches!(name, "html" | "body");
            if is_comments && search.sums[0].prose - prose >= LEAST_PROSE {
                search.take_out(at);
            }
        });
    }

    fn take_out_furniture(&mut self, by_names: bool) {
        let total = self.sums[0].prose.max(1);
        let bodies: Vec<usize> = (0..self.nodes.count()).filter(|&at| self.is_named_body(at) && self.sums[at].prose * 8 > total).collect();
        self.walk(0, |search, at| {
            let item = search.nodes.at(at);
            let name = item.name();
            if matches!(name, "" | "html" | "body" | "article" | "main" | "tr" | "tbody" | "blockquote") {
                return;
            }
            let named = if by_names { search.names[at].around } else { Around::No };
            let around = match name {
                "nav" | "aside" | "footer" => Around::Surely.max(named),
                "form" | "header" => Around::Perhaps.max(named),
                _ => named,
            };
            let Sum { letters, prose, .. } = search.sums[at];
            let takes_out = match around {
                Around::No => false,
                Around::Never => prose * 5 <= total,
                // A word or link within a sentence is part of it, whatever its name.
                Around::Surely | Around::Comments if is_inline(name) => !search.stands_in_prose(at),
                Around::Surely | Around::Comments => prose * 5 <= total * 4 && !search.holds_embed(at),
                Around::Perhaps => {
                    !is_inline(name) && name != "p" && prose * 5 <= total && prose * 2 < letters && !search.is_heading_alone(at)
                }
            };
            let holds_headline = prose * 4 > total && search.holds_headline(at);
            if takes_out && !holds_headline && !bodies.iter().any(|&body| body >= at && body < item.end) {
                search.take_out(at);
            }
        });
    }

    /// Is the page's first-level heading in it?
    fn holds_headline(&self, at: usize) -> bool {
        self.nodes.range(at).any(|place| self.nodes.at(place).name() == "h1")
    }

    /// Is it a quoted post of a network, or does it hold one? Those are part of the story.
    fn holds_embed(&self, at: usize) -> bool {
        self.nodes.range(at).any(|place| self.nodes.at(place).name() == "blockquote" && self.sums[place].prose > 0)
    }

    /// Is all its text one heading below the first level?
    fn is_heading_alone(&self, at: usize) -> bool {
        let place = self.blocks.partition_point(|block| block.start < at);
        self.blocks.get(place).is_some_and(|block| {
            block.end <= self.nodes.at(at).end
                && block.letters == self.sums[at].letters
                && matches!(self.nodes.at(block.owner).name(), "h2" | "h3" | "h4" | "h5" | "h6")
        })
    }

    /// Is an inline element part of a block that has more than it?
    fn stands_in_prose(&self, at: usize) -> bool {
        let place = self.blocks.partition_point(|block| block.end <= at);
        self.blocks.get(place).is_some_and(|block| block.start < self.nodes.at(at).end && block.prose("") > 0)
    }

    fn is_named_body(&self, at: usize) -> bool {
        let item = self.nodes.at(at);
        matches!(item.name(), "div" | "section" | "article" | "main" | "td" | "span")
            && (self.names[at].body || item.attribute("itemprop").is_some_and(|name| name.eq_ignore_ascii_case("articleBody")))
    }

    fn container(&self) -> usize {
        let mut container = 0;
        while let Some(next) = self
            .nodes
            .children(container)
            .filter(|&child| !self.gone[child])
            .find(|&child| self.sums[child].prose * 5 > self.sums[container].prose * 4)
        {
            container = next;
        }
        // A part of a table or list alone is none: it was a layout only if one cell holds everything.
        while matches!(
            self.nodes.at(container).name(),
            "p" | "ul"
                | "ol"
                | "dl"
                | "table"
                | "thead"
                | "tbody"
                | "tfoot"
                | "tr"
                | "blockquote"
                | "a"
                | "span"
                | "b"
                | "strong"
                | "em"
                | "i"
        ) {
            container = self.nodes.at(container).parent;
        }
        // Of the elements named so, the innermost that holds nearly as much as the largest.
        let total = self.sums[container].prose;
        let named = |at: &usize| !self.is_gone(*at) && self.is_named_body(*at);
        let range = 0..self.nodes.count();
        let most = range.clone().filter(named).map(|at| self.sums[at].prose).max().unwrap_or(0);
        if most * 10 >= total * 6 && most > 0 {
            let inner = range.filter(named).rfind(|&at| self.sums[at].prose * 10 >= most * 9);
            return inner.map_or(container, |inner| self.with_other_parts(inner));
        }
        container
    }

    /// The element around a body and its other parts, where a page divides it (by an advertisement, say): elements named a body that stand
    /// in the same article, under the same headline. Other articles on the page have headlines of their own.
    fn with_other_parts(&self, body: usize) -> usize {
        let nodes = self.nodes;
        let article = |at: usize| nodes.ancestors(at).find(|&around| nodes.at(around).name() == "article");
        let end = nodes.at(body).end;
        let heading_after = (end..nodes.count()).find(|&at| nodes.at(at).name() == "h1").unwrap_or(nodes.count());
        let mut last = None;
        let mut sum = self.sums[body].prose;
        let mut at = end;
        while at < heading_after {
            if self.gone[at] {
                at = nodes.at(at).end;
            } else if self.is_named_body(at) && self.sums[at].prose * 20 > self.sums[body].prose && article(at) == article(body) {
                sum += self.sums[at].prose;
                last = Some(at);
                at = nodes.at(at).end;
            } else {
                at += 1;
            }
        }
        let Some(last) = last else { return body };
        let around = nodes.ancestors(body).find(|&around| nodes.at(around).end > last).unwrap_or(0);
        if self.sums[around].prose * 4 <= sum * 5 { around } else { body }
    }

    fn is_gone(&self, at: usize) -> bool {
        self.gone[at] || self.nodes.ancestors(at).any(|around| self.gone[around])
    }

    /// Headings in the container that are links, and blocks of prose.
    fn headings_and_prose(&self, container: usize) -> (usize, usize) {
        let range = self.nodes.range(container);
        let blocks = self.blocks.iter().filter(|block| range.contains(&block.start) && !self.is_gone(block.start));
        blocks.fold((0, 0), |(headings, prose), block| {
            let name = self.nodes.at(block.owner).name();
            let is_heading = matches!(name, "h1" | "h2" | "h3" | "h4") && block.linked * 10 >= block.letters * 9;
            (headings + usize::from(is_heading), prose + usize::from(block.prose(name) > 0))
        })
    }

    fn prune(&mut self, container: usize) {
        self.walk(container, |search, at| {
            if at == container {
                return;
            }
            let item = search.nodes.at(at);
            let Sum { letters, linked, .. } = search.sums[at];
            let holds_blocks = matches!(item.name(), "ul" | "ol" | "dl" | "table" | "div" | "section" | "p");
            if holds_blocks && letters > 0 && linked * 10 >= letters * 8 && search.leads_within(at) {
                search.take_out(at);
            }
        });
        let range = self.nodes.range(container);
        let places: Vec<usize> =
            (0..self.blocks.len()).filter(|&n| range.contains(&self.blocks[n].start) && !self.is_gone(self.blocks[n].start)).collect();
        let is_prose = |search: &Self, n: usize| search.blocks[n].prose(search.nodes.at(search.blocks[n].owner).name()) > 0;
        let Some(first) = places.iter().position(|&n| is_prose(self, n)) else { return };
        let last = places.iter().rposition(|&n| is_prose(self, n)).unwrap_or(first);
        let text: Vec<String> = places.iter().map(|&n| self.text_of(&self.blocks[n])).collect();
        for (place, &n) in places.iter().enumerate() {
            let block = self.blocks[n];
            let owner = self.nodes.at(block.owner).name();
            let fully_linked = block.linked * 20 >= block.letters * 19;
            let takes_out = (place < first && owner == "h1")
                || (fully_linked && block.letters > 200)
                || (fully_linked && place > last)
                || furniture::is_label(&text[place])
                || (place + 8 >= places.len() && furniture::ends_page(&text[place]));
            if takes_out {
                self.take_out_block(n);
            }
        }
        // A heading with nothing below it was that of something that went.
        let mut below = false;
        for &n in places.iter().rev() {
            let block = self.blocks[n];
            let is_heading = matches!(self.nodes.at(block.owner).name(), "h2" | "h3" | "h4" | "h5" | "h6");
            if self.gone[block.start] {
                continue;
            }
            if is_heading && !below {
                self.take_out_block(n);
            } else if !is_heading {
                below = true;
            }
        }
    }

    fn text_of(&self, block: &Block) -> String {
        let mut text = String::new();
        for at in block.start..block.end {
            if let Some(part) = self.nodes.at(at).text().filter(|_| !self.gone[at]) {
                text.push_str(part);
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn take_out_block(&mut self, n: usize) {
        let block = self.blocks[n];
        for at in block.start..block.end {
            if self.nodes.at(at).text().is_some() {
                self.gone[at] = true;
            }
        }
    }

    /// Do most of its links lead to pages of the same site?
    fn leads_within(&self, at: usize) -> bool {
        let range = self.nodes.range(at);
        let (before, after) = (self.links[range.start], self.links[range.end]);
        (after.1 - before.1) * 2 > after.0 - before.0
    }

    fn write(&self, container: usize) -> String {
        if self.sums[container].prose == 0 {
            return String::new();
        }
        self.nodes.write(container, |at| {
            if self.gone[at] {
                Writing::Not
            } else if at == container {
                // A cell or item would be a part of what is not written.
                Writing::As("div")
            } else if self.names[at].caption {
                Writing::As("figcaption")
            } else {
                Writing::Plain
            }
        })
    }
}

/// For each place (and the end) the links before it: all, and those to pages of the same site.
fn links(nodes: &Nodes<'_>, url: Option<&Url>) -> Vec<(u32, u32)> {
    let bare = |host: Option<&str>| host.map(|host| psl::domain_str(host).unwrap_or(host).to_owned());
    let own = url.map(|url| bare(url.host_str()));
    let leads_within = |href: &str| {
        let href = href.trim();
        // A relative address costs no parsing.
        if !href.contains("//") {
            return true;
        }
        let (Some(url), Some(own)) = (url, &own) else { return false };
        url.join(href).is_ok_and(|target| !matches!(target.scheme(), "http" | "https") || bare(target.host_str()) == *own)
    };
    let mut links = Vec::with_capacity(nodes.count() + 1);
    let (mut all, mut within) = (0, 0);
    for (_, item) in nodes.iter() {
        links.push((all, within));
        if item.name() == "a"
            && let Some(href) = item.attribute("href")
        {
            all += 1;
            within += u32::from(leads_within(href));
        }
    }
    links.push((all, within));
    links
}

fn is_hidden(item: &Item<'_>) -> bool {
    let Some(element) = item.element() else { return false };
    element.attrs.iter().any(|(name, value)| match &*name.local {
        "hidden" => true,
        "aria-hidden" => &**value == "true" && matches!(element.name(), "div" | "span" | "section" | "aside"),
        "style" => {
            let style: String = value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
            style.contains("display:none") || style.contains("visibility:hidden")
        }
        _ => false,
    })
}
