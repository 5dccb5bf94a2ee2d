//! `json` and `ndjson`: the schema as it stands, every key of it, one article a line.
//!
//! In both, no article spans two lines whatever a reader takes for the end of one: the line separators that JSON lets
//! stand inside strings (U+0085, U+2028, U+2029) are escaped.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{ArticleWriter, Forgotten, Head, out_of_order};
use crate::article::Article;
use crate::article::schema::SCHEMA_NAME;

/// Compact JSON without a line end of any kind in it.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, separator)) = rest.char_indices().find(|(_, c)| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(separator))?;
            rest = after.strip_prefix(separator).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes a value as JSON on one line, without the line end.
///
/// # Errors
/// Those of the sink.
pub fn write_line<T: Serialize + ?Sized>(out: &mut (impl Write + ?Sized), value: &T) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, OneLine)).map_err(io::Error::from)
}

/// Where the document stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FirstArticle,
    Articles,
    Forgotten,
}

/// `json`: one document. An incremental export has a third key `forgotten`, though it may be empty.
pub(super) struct Document<W> {
    out: W,
    incremental: bool,
    at: At,
}

impl<W: Write> Document<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, incremental: false, at: At::FirstArticle }
    }

    fn end_articles(&mut self) -> io::Result<()> {
        self.out.write_all(if self.at == At::Articles { b"\n]" } else { b"]" })
    }
}

impl<W: Write> ArticleWriter for Document<W> {
    fn begin(&mut self, head: &Head) -> io::Result<()> {
        self.incremental = head.incremental;
        write!(self.out, "{{\"schema\":\"{SCHEMA_NAME}\",\"articles\":[")
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        let separator: &[u8] = match self.at {
            At::FirstArticle => b"\n",
            At::Articles => b",\n",
            At::Forgotten => return Err(out_of_order()),
        };
        self.out.write_all(separator)?;
        self.at = At::Articles;
        write_line(&mut self.out, article)
    }

    fn forgotten(&mut self, forgotten: &Forgotten) -> io::Result<()> {
        if self.at == At::Forgotten {
            self.out.write_all(b",\n")?;
        } else {
            self.end_articles()?;
            self.out.write_all(b",\"forgotten\":[\n")?;
            self.at = At::Forgotten;
        }
        write_line(&mut self.out, forgotten)
    }

    fn end(&mut self) -> io::Result<()> {
        if self.at == At::Forgotten {
            self.out.write_all(b"\n]")?;
        } else {
            self.end_articles()?;
            if self.incremental {
                self.out.write_all(b",\"forgotten\":[]")?;
            }
        }
        self.out.write_all(b"}\n")?;
        self.out.flush()
    }
}

/// `ndjson`: a line an article; a forgotten one is the line `{"id":…,"deleted_at":…}`.
pub(super) struct Lines<W> {
    out: W,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> ArticleWriter for Lines<W> {
    fn begin(&mut self, _head: &Head) -> io::Result<()> {
        Ok(())
    }

    fn article(&mut self, article: &Article) -> io::Result<()> {
        write_line(&mut self.out, article)?;
        self.out.write_all(b"\n")
    }

    fn forgotten(&mut self, forgotten: &Forgotten) -> io::Result<()> {
        write_line(&mut self.out, forgotten)?;
        self.out.write_all(b"\n")
    }

    fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::{Format, fixture};

    #[test]
    fn a_document_is_valid_with_and_without_articles_and_forgotten_ones() {
        let forgotten = fixture::forgotten();
        for (incremental, articles, gone, want) in [
            (false, vec![], vec![], r#"{"schema":"gleaner.articles.v1","articles":[]}"#),
            (true, vec![], vec![], r#"{"schema":"gleaner.articles.v1","articles":[],"forgotten":[]}"#),
            (
                true,
                vec![],
                vec![forgotten.clone(), forgotten.clone()],
                r#"{"schema":"gleaner.articles.v1","articles":[],"forgotten":[{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbb","deleted_at":"2026-02-03T04:05:06Z"},{"id":"bbbbbbbbbbbbbbbbbbbbbbbbbb","deleted_at":"2026-02-03T04:05:06Z"}]}"#,
            ),
        ] {
            let head = Head { incremental, ..fixture::head() };
            let bytes = fixture::export_with(Format::Json, &head, &articles, &gone);
            assert_eq!(String::from_utf8(bytes).unwrap().replace('\n', ""), want);
        }
        let both = fixture::export_with(Format::Json, &fixture::head(), &fixture::articles(), &[forgotten]);
        let both: serde_json::Value = serde_json::from_slice(&both).unwrap();
        assert_eq!(both["articles"].as_array().unwrap().len(), 4);
        assert_eq!(both["forgotten"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn an_article_after_the_forgotten_ones_is_refused() {
        let mut writer = Document::new(Vec::new());
        writer.begin(&Head::default()).unwrap();
        writer.forgotten(&fixture::forgotten()).unwrap();
        assert!(writer.article(&fixture::minimal()).is_err());
    }

    #[test]
    fn times_are_utc_with_seconds_and_a_fraction_only_where_there_is_one() {
        for (time, want) in
            [("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"), ("2026-01-02T03:04:00.250Z", "2026-01-02T03:04:00.250Z")]
        {
            let mut article = fixture::minimal();
            article.published = Some(time.parse().unwrap());
            assert_eq!(serde_json::to_value(&article).unwrap()["published"], want);
        }
    }

    proptest! {
        #[test]
        fn any_article_comes_back_equal_from_json(articles in prop::collection::vec(fixture::any_article(), 0..4)) {
            let bytes = fixture::export(Format::Json, &articles);
            let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let back: Vec<Article> = serde_json::from_value(document["articles"].clone()).unwrap();
            prop_assert_eq!(back, articles);
        }

        #[test]
        fn ndjson_has_exactly_one_line_an_article(articles in prop::collection::vec(fixture::any_article(), 0..4)) {
            let text = String::from_utf8(fixture::export(Format::Ndjson, &articles)).unwrap();
            // All that Python's splitlines takes for the end of a line, too.
            let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
            prop_assert_eq!(text.matches(ends).count(), articles.len());
            let back: Vec<Article> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            prop_assert_eq!(back, articles);
        }
    }
}
