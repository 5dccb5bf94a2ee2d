//! `markdown`: an article's headline, a line with byline, date and permalink, and the body converted from its HTML
//! (CommonMark, with the tables and strike-outs of GitHub). Between two articles stands a thematic break (`---`);
//! bodies write theirs as `* * *`, and have no heading of the first level, so that outside of code blocks each `# `
//! begins an article.

mod escape;
mod html;
mod scan;

use std::io::{self, Write};

pub use html::from_html;

use self::escape::{destination, escaped, escaped_line, heading};
use super::text::{byline, date_line, one_line, printable};
use super::{ArticleWriter, Head};
use crate::article::Article;

/// `markdown`.
pub(super) struct Markdown<W> {
    out: W,
    first: bool,
}

impl<W: Write> Markdown<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, first: true }
    }
}

impl<W: Write> ArticleWriter for Markdown<W> {
    fn begin(&mut self, _head: &Head) -> io::Result<()> {
        Ok(())
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        if !self.first {
            self.out.write_all(b"\n---\n\n")?;
        }
        self.first = false;
        self.out.write_all(document(article).as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One article as Markdown, ending in a line feed.
fn document(article: &Article) -> String {
    let mut blocks = vec![heading(1, &escaped(&one_line(&article.title)))];

    let mut about = Vec::new();
    about.extend(byline(&article.authors).map(|byline| escaped(&byline)));
    about.push(date_line(article.published, article.reading_time_minutes));
    if let Some(url) = &article.url {
        let label = article.site.as_deref().map(one_line).filter(|site| !site.is_empty()).unwrap_or_else(|| url.clone());
        about.push(format!("[{}]({})", escaped(&label), destination(url)));
    }
    blocks.push(about.join(" · "));

    let body = if article.html.is_empty() { from_text(&article.text) } else { from_html(&article.html) };
    if !body.is_empty() {
        blocks.push(body);
    }
    for enclosure in &article.enclosures {
        blocks.push(format!("[{}]({})", escaped(&one_line(&enclosure.url)), destination(&enclosure.url)));
    }
    if let Some(rights) = article.rights.as_deref().map(one_line).filter(|rights| !rights.is_empty()) {
        blocks.push(format!("*{}*", escaped(&rights)));
    }
    blocks.join("\n\n") + "\n"
}

/// Plain paragraphs as Markdown.
fn from_text(text: &str) -> String {
    let text = printable(text);
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.lines().map(|line| escaped_line(line.trim())).collect::<Vec<_>>().join("\\\n"))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Format, fixture};

    #[test]
    fn each_article_begins_with_the_one_heading_of_the_first_level() {
        let text = String::from_utf8(fixture::export(Format::Markdown, &fixture::articles())).unwrap();
        let mut in_code = false;
        let outside: Vec<&str> = text
            .lines()
            .filter(|line| {
                in_code ^= line.starts_with("````");
                !in_code
            })
            .collect();
        assert_eq!(outside.iter().filter(|line| line.starts_with("# ") || **line == "#").count(), 4, "{text}");
        assert_eq!(outside.iter().filter(|line| **line == "---").count(), 3, "{text}");
    }

    #[test]
    fn paragraphs_of_plain_text_cannot_become_markup() {
        assert_eq!(from_text("# No heading\n- no item\n\n1. *one*"), "\\# No heading\\\n\\- no item\n\n1\\. \\*one\\*");
    }
}
