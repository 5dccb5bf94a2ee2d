//! `gleaner show`: one article as a person reads it, in the layout of the `text` export.
//!
//! With `--revisions` it is followed by what each revision changed, the latest first, and by the first one whole. What went stands
//! in `[-…-]`, what came in `{+…+}`; on a terminal their colours say it instead.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use chrono::{DateTime, Utc};

use crate::article::{Article, Origin, Revision};
use crate::export::text::{one_line, printable, write_article};
use crate::health::minute;
use crate::revision::{Passage, Piece, passages, pieces};
use crate::store::PageState;

/// Show one article as a person reads it
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ShowArgs {
    /// The article's id
    pub id: String,
    /// Show what its revisions changed too, the latest of them first
    #[arg(long)]
    pub revisions: bool,
}

/// How words that went or came are told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// `[-went-]{+came+}`.
    Brackets,
    /// By colour.
    Colours,
}

const GONE: Style = AnsiColor::Red.on_default().strikethrough();
const COME: Style = AnsiColor::Green.on_default().bold();

/// Writes an article, what became of its page if that is wanted and, where it carries them, its revisions. `revised_at` is when the archive first had the one that it
/// shows.
///
/// # Errors
/// Those of the sink.
pub fn run_show(
    mut out: impl Write,
    article: &Article,
    page: Option<&PageState>,
    revised_at: Option<DateTime<Utc>>,
    marks: Marks,
) -> io::Result<()> {
    write_article(&mut out, article)?;
    if let Some(page) = page {
        out.write_all(b"\n")?;
        write_page(&mut out, article, page)?;
    }
    if let Some(earlier) = &article.revisions {
        let shown =
            revised_at.map(|seen| Revision { revision: article.revision, title: article.title.clone(), text: article.text.clone(), seen });
        let all: Vec<&Revision> = earlier.iter().chain(&shown).collect();
        for at in (0..all.len()).rev() {
            let before = at.checked_sub(1).and_then(|at| all.get(at));
            out.write_all(b"\n")?;
            write_revision(&mut out, before.copied(), all[at], marks)?;
        }
    }
    out.flush()
}

fn write_page(out: &mut impl Write, article: &Article, page: &PageState) -> io::Result<()> {
    let asked = page.asked_at.map(|at| format!(", {} UTC", minute(at))).unwrap_or_default();
    match (&page.error, page.is_read) {
        (Some(error), _) => {
            writeln!(out, "Full text: its page could not be read{asked}: {error}")?;
            writeln!(out, "           {}", page.url)?;
        }
        (None, true) if article.provenance.body == Some(Origin::Page) => writeln!(out, "Full text: from its page{asked}")?,
        (None, true) => writeln!(out, "Full text: its page gave no more{asked}")?,
        (None, false) => writeln!(out, "Full text: its page has not been asked for yet")?,
    }
    match page.due_at {
        Some(due) if page.error.is_some() || page.is_read => writeln!(out, "           asked for again from {} UTC on", minute(due)),
        _ => Ok(()),
    }
}

/// Writes what a revision changed; the first one whole.
fn write_revision(out: &mut impl Write, before: Option<&Revision>, revision: &Revision, marks: Marks) -> io::Result<()> {
    let mut blocks = vec![format!("Revision {} of {}", revision.revision, revision.seen.format("%B %-d, %Y, %H:%M UTC"))];
    let title = one_line(&revision.title);
    match before {
        None => blocks.extend([title, printable(&revision.text).trim_matches('\n').to_owned()]),
        Some(before) => {
            blocks.push(marked(&pieces(&one_line(&before.title), &title), marks));
            for passage in passages(&printable(&before.text), &printable(&revision.text)) {
                blocks.push(match passage {
                    Passage::Unchanged(1) => "[1 paragraph unchanged]".to_owned(),
                    Passage::Unchanged(count) => format!("[{count} paragraphs unchanged]"),
                    Passage::Changed(pieces) => marked(&pieces, marks),
                });
            }
        }
    }
    blocks.retain(|block| !block.is_empty());
    writeln!(out, "{}", blocks.join("\n\n"))
}

fn marked(pieces: &[Piece<'_>], marks: Marks) -> String {
    let mark = |piece: &Piece<'_>| match (piece, marks) {
        (Piece::Same(text), _) => (*text).to_owned(),
        (Piece::Gone(text), Marks::Brackets) => format!("[-{text}-]"),
        (Piece::Come(text), Marks::Brackets) => format!("{{+{text}+}}"),
        (Piece::Gone(text), Marks::Colours) => format!("{GONE}{text}{GONE:#}"),
        (Piece::Come(text), Marks::Colours) => format!("{COME}{text}{COME:#}"),
    };
    pieces.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture;

    fn article() -> Article {
        let revision = |revision, title: &str, text: &str| Revision {
            revision,
            title: title.to_owned(),
            text: text.to_owned(),
            seen: format!("2025-01-2{revision}T09:40:00Z").parse().unwrap(),
        };
        let mut article = fixture::minimal();
        article.title = "Bridge opens".to_owned();
        article.text = "It opens in June.\n\nThe mayor came.\n\nNobody else did.".to_owned();
        article.revision = 3;
        article.revisions = Some(vec![
            revision(1, "Bridge will open", "It opens in May.\n\nThe mayor came."),
            revision(2, "Bridge opens", "It opens in May.\n\nThe mayor came."),
        ]);
        article
    }

    fn shown(marks: Marks) -> String {
        let mut out = Vec::new();
        run_show(&mut out, &article(), None, Some("2025-01-23T10:00:00Z".parse().unwrap()), marks).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_each_revision_changed_follows_the_article_the_latest_first_and_the_first_one_whole() {
        let text = shown(Marks::Brackets);
        let (_, revisions) = text.split_once("\n\nRevision 3").unwrap();
        insta::assert_snapshot!(format!("Revision 3{revisions}"), @r"
        Revision 3 of January 23, 2025, 10:00 UTC

        Bridge opens

        It opens in [-May-]{+June+}.

        [1 paragraph unchanged]

        {+Nobody else did.+}

        Revision 2 of January 22, 2025, 09:40 UTC

        Bridge [-will open-]{+opens+}

        [2 paragraphs unchanged]

        Revision 1 of January 21, 2025, 09:40 UTC

        Bridge will open

        It opens in May.

        The mayor came.
        ");
    }

    #[test]
    fn on_a_terminal_colours_stand_for_the_marks() {
        let text = shown(Marks::Colours);
        assert!(text.contains("\u{1b}[9m\u{1b}[31mMay\u{1b}[0m\u{1b}[1m\u{1b}[32mJune\u{1b}[0m."), "{text:?}");
        assert!(!text.contains("{+"));
    }
}
