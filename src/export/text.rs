//! `text`: an article as a reader sees its page, and `gleaner show` prints it.
//!
//! ```text
//! Headline
//!
//! Byline
//!
//! Byline
//!
//! January 23, 2025 · 3 min read
//! Headline
//!
//! Paragraph
//!
//! Paragraph
//!
//! Similiar Posts
//!
//! Headline of another article — https://example.org/other
//!
//! Copyright line
//! ```
//!
//! The byline stands twice because a page shows it beside the portrait and as a name; the heading is misspelt on
//! the page that set the layout, and readers of these files look for it as it is. What an article lacks (byline,
//! date, body, copyright line) is left out together with its empty line. Between two articles stands a line of a
//! form feed alone, which no article can contain: control characters are taken out, so that no article can steer a
//! terminal either.

use std::borrow::Cow;
use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::{ArticleWriter, Head};
use crate::article::Article;

/// The heading of the similar posts.
pub const SIMILAR_HEADING: &str = "Similiar Posts";

/// `text`.
pub(super) struct Text<W> {
    out: W,
    first: bool,
}

impl<W: Write> Text<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, first: true }
    }
}

impl<W: Write> ArticleWriter for Text<W> {
    fn begin(&mut self, _head: &Head) -> io::Result<()> {
        Ok(())
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        if !self.first {
            self.out.write_all(b"\x0c\n")?;
        }
        self.first = false;
        write_article(&mut self.out, article)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes one article in the layout above.
///
/// # Errors
/// Those of the sink.
pub fn write_article(out: &mut (impl Write + ?Sized), article: &Article) -> io::Result<()> {
    let title = one_line(&article.title);
    let mut blocks: Vec<Cow<'_, str>> = Vec::new();
    if !title.is_empty() {
        blocks.push(title.as_str().into());
    }
    if let Some(byline) = byline(&article.authors) {
        blocks.push(byline.clone().into());
        blocks.push(byline.into());
    }
    let date_line = date_line(article.published, article.reading_time_minutes);
    blocks.push(if title.is_empty() { date_line.into() } else { format!("{date_line}\n{title}").into() });
    push_body(&mut blocks, &article.text);
    blocks.push(SIMILAR_HEADING.into());
    if !article.similar.is_empty() {
        let posts: Vec<String> = article
            .similar
            .iter()
            .map(|post| match &post.url {
                Some(url) => format!("{} — {}", one_line(&post.title), one_line(url)),
                None => one_line(&post.title),
            })
            .collect();
        blocks.push(posts.join("\n").into());
    }
    if let Some(rights) = article.rights.as_deref().map(one_line).filter(|rights| !rights.is_empty()) {
        blocks.push(rights.into());
    }
    write_blocks(out, &blocks)
}

fn push_body<'a>(blocks: &mut Vec<Cow<'a, str>>, text: &'a str) {
    let body = printable(text);
    let body = match body {
        Cow::Borrowed(body) => Cow::Borrowed(body.trim_matches('\n')),
        Cow::Owned(body) => Cow::Owned(body.trim_matches('\n').to_owned()),
    };
    if !body.is_empty() {
        blocks.push(body);
    }
}

fn write_blocks(out: &mut (impl Write + ?Sized), blocks: &[Cow<'_, str>]) -> io::Result<()> {
    out.write_all(blocks.join("\n\n").as_bytes())?;
    out.write_all(b"\n")
}

/// The authors on one line, or `None` where there are none.
pub fn byline(authors: &[String]) -> Option<String> {
    let names: Vec<String> = authors.iter().map(|name| one_line(name)).filter(|name| !name.is_empty()).collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}

/// "January 23, 2025 · 3 min read" (the date in UTC), or the reading time alone.
pub fn date_line(published: Option<DateTime<Utc>>, reading_time_minutes: u32) -> String {
    match published {
        Some(published) => format!("{} · {reading_time_minutes} min read", published.format("%B %-d, %Y")),
        None => format!("{reading_time_minutes} min read"),
    }
}

/// A text without control characters, except for line feeds and tabs.
pub fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.contains(harmful) { Cow::Owned(text.replace(harmful, "")) } else { Cow::Borrowed(text) }
}

/// The same on one line, white space folded.
pub fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    printable(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, fixture};

    fn shown(article: &Article) -> String {
        let mut out = Vec::new();
        write_article(&mut out, article).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_article_stands_as_on_its_page() {
        let mut article = fixture::minimal();
        article.title = "A headline".to_owned();
        article.authors = vec!["Staff writer".to_owned()];
        article.published = Some("2025-01-23T23:59:59Z".parse().unwrap());
        article.reading_time_minutes = 3;
        article.text = "First paragraph.\n\nSecond paragraph.".to_owned();
        article.rights = Some("Copyright © 2025 Example. All rights reserved.".to_owned());
        let head = "A headline\n\nStaff writer\n\nStaff writer\n\nJanuary 23, 2025 · 3 min read\nA headline\n\n";
        let body = "First paragraph.\n\nSecond paragraph.\n\nSimiliar Posts\n\n";
        assert_eq!(shown(&article), format!("{head}{body}Copyright © 2025 Example. All rights reserved.\n"));
    }

    #[test]
    fn what_an_article_lacks_leaves_no_gap() {
        let mut article = fixture::minimal();
        article.title = "A headline".to_owned();
        article.text = String::new();
        article.reading_time_minutes = 1;
        assert_eq!(shown(&article), "A headline\n\n1 min read\nA headline\n\nSimiliar Posts\n");
        article.title = String::new();
        article.text = "Only a note.".to_owned();
        assert_eq!(shown(&article), "1 min read\n\nOnly a note.\n\nSimiliar Posts\n");
    }

    #[test]
    fn articles_are_parted_by_a_line_of_a_form_feed_that_no_article_contains() {
        let mut article = fixture::minimal();
        article.text = "One\n\x0c\nTwo \x1b[31m\u{9b}red".to_owned();
        let text = String::from_utf8(fixture::export(Format::Text, &[article.clone(), article])).unwrap();
        assert_eq!(text.matches('\x0c').count(), 1);
        assert_eq!(text.split("\n\x0c\n").count(), 2);
        assert!(!text.contains(['\x1b', '\u{9b}']));
    }
}
