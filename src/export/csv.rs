//! `csv`: RFC 4180 with a header line, one article a record, a column for each key of the schema but `html`.
//!
//! Lists of strings are joined by `; ` for people to read; everything nested is JSON, as in the `json` export. Null is
//! an empty cell. Cells hold what the archive holds: nothing is put before a text that a spreadsheet would take for a
//! formula, since that would change the data for every other reader; import the columns as text.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use super::{ArticleWriter, Head};
use crate::article::Article;

/// The columns, in the order of the schema.
pub(super) const COLUMNS: [&str; 28] = [
    "id",
    "url",
    "title",
    "authors",
    "published",
    "updated",
    "reading_time_minutes",
    "word_count",
    "summary",
    "text",
    "completeness",
    "provenance",
    "language",
    "categories",
    "image",
    "enclosures",
    "site",
    "site_url",
    "rights",
    "license",
    "similar",
    "duplicate_of",
    "copies",
    "sightings",
    "revision",
    "first_seen",
    "last_changed",
    "revisions",
];

/// `csv`.
pub(super) struct Csv<W: Write> {
    out: csv::Writer<W>,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out) }
    }
}

impl<W: Write> ArticleWriter for Csv<W> {
    fn begin(&mut self, _head: &Head) -> io::Result<()> {
        Ok(self.out.write_record(COLUMNS)?)
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        Ok(self.out.write_record(&cells(article)?)?)
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An article's cells, one for each of [`COLUMNS`].
fn cells(article: &Article) -> io::Result<[String; 28]> {
    Ok([
        article.id.clone(),
        text(&article.url),
        article.title.clone(),
        article.authors.join("; "),
        time(article.published),
        time(article.updated),
        article.reading_time_minutes.to_string(),
        article.word_count.to_string(),
        text(&article.summary),
        article.text.clone(),
        word(&article.completeness)?,
        json(&article.provenance)?,
        text(&article.language),
        article.categories.join("; "),
        text(&article.image),
        json(&article.enclosures)?,
        text(&article.site),
        text(&article.site_url),
        text(&article.rights),
        text(&article.license),
        json(&article.similar)?,
        text(&article.duplicate_of),
        json(&article.copies)?,
        json(&article.sightings)?,
        article.revision.to_string(),
        time(article.first_seen),
        time(article.last_changed),
        article.revisions.as_ref().map(json).transpose()?.unwrap_or_default(),
    ])
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

fn time(value: Option<DateTime<Utc>>) -> String {
    value.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default()
}

fn json(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// A word of the schema's vocabulary, as it stands in JSON but without the quotes.
fn word(value: &impl Serialize) -> io::Result<String> {
    Ok(json(value)?.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::{Format, fixture};

    #[test]
    fn the_columns_are_the_keys_of_the_schema_but_html() {
        let mut article = fixture::full();
        article.revisions = Some(Vec::new());
        let keys = serde_json::to_value(&article).unwrap();
        let keys: Vec<&str> = keys.as_object().unwrap().keys().map(String::as_str).filter(|key| *key != "html").collect();
        assert_eq!(keys, COLUMNS);
    }

    #[test]
    fn every_line_ends_with_carriage_return_and_line_feed() {
        assert!(fixture::export(Format::Csv, &[]).ends_with(b"last_changed,revisions\r\n"));
    }

    proptest! {
        #[test]
        fn any_article_reads_back_to_the_same_cells(articles in prop::collection::vec(fixture::any_article(), 0..4)) {
            let bytes = fixture::export(Format::Csv, &articles);
            let mut reader = csv::Reader::from_reader(bytes.as_slice());
            prop_assert_eq!(reader.headers().unwrap(), &csv::StringRecord::from(COLUMNS.to_vec()));
            let back: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            let want: Vec<csv::StringRecord> = articles.iter().map(|article| csv::StringRecord::from(cells(article).unwrap().to_vec())).collect();
            prop_assert_eq!(back, want);
        }
    }
}
