//! `gleaner show`: one article as a person reads it, in the layout of the `text` export.

use std::io::{self, Write};

use crate::article::{Article, Origin};
use crate::export::text::{write_article, write_revision};
use crate::health::minute;
use crate::store::PageState;

/// Show one article as a person reads it
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ShowArgs {
    /// The article's id
    pub id: String,
    /// Show its earlier revisions too, the latest of them first
    #[arg(long)]
    pub revisions: bool,
}

/// Writes an article, what became of its page if that is wanted and, where it carries them, its earlier revisions.
///
/// # Errors
/// Those of the sink.
pub fn run_show(mut out: impl Write, article: &Article, page: Option<&PageState>) -> io::Result<()> {
    write_article(&mut out, article)?;
    if let Some(page) = page {
        out.write_all(b"\n")?;
        write_page(&mut out, article, page)?;
    }
    for revision in article.revisions.iter().flatten().rev() {
        out.write_all(b"\n")?;
        write_revision(&mut out, revision)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::Revision;
    use crate::export::fixture;

    #[test]
    fn earlier_revisions_follow_the_article_latest_first() {
        let mut article = fixture::full();
        let revision = |revision, title: &str| Revision {
            revision,
            title: title.to_owned(),
            text: "Body.".to_owned(),
            seen: "2025-01-23T09:40:00Z".parse().unwrap(),
        };
        article.revisions = Some(vec![revision(1, "First"), revision(2, "Second")]);
        let mut out = Vec::new();
        run_show(&mut out, &article, None).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (article, revisions) = text.split_once("\n\nRevision 2 of").unwrap();
        assert!(article.ends_with("All rights reserved."));
        assert!(revisions.ends_with("\n\nRevision 1 of January 23, 2025, 09:40 UTC\n\nFirst\n\nBody.\n"));
    }
}
