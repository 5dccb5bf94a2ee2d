//! Full-text search: what is indexed, what a query means, and how matches are ranked.
//!
//! The index holds each distinct token of an article once, without positions: half the size and half the time of one
//! with them. So phrases are read from the articles themselves, and relevance is judged on the newest matches alone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::params;

use super::packed::Packer;
use super::{Reader, Selection, StoreError, pages};
use crate::article::tokens::IndexDocument;
use crate::article::{Article, Draft, tokens};
use crate::copies::{CopySettings, Likeness};

/// How many of the newest matches `--relevance` ranks.
const RANKED: usize = 1_000;

/// What the index holds of an article, and what the article is compared by: both are made of its words.
pub fn indexed_and_compared(draft: &Draft, settings: CopySettings) -> (Arc<str>, Likeness) {
    let mut index = IndexDocument::default();
    let likeness = Likeness::of_each(draft, settings, &mut |unit| index.add(unit));
    draft.authors.iter().for_each(|author| tokens::visit(author, &mut |unit| index.add(unit)));
    (index.finish().into(), likeness)
}

/// What the index holds of an article.
pub fn document_tokens(draft: &Draft) -> Arc<str> {
    let mut index = IndexDocument::default();
    searched(draft).for_each(|text| tokens::visit(text, &mut |unit| index.add(unit)));
    index.finish().into()
}

/// What the index gets when a group of polls is committed: tokens by article, the latest of each.
///
/// SQLite's index writes what it has gathered to disk whenever an article comes that is older than the one before, and
/// before many a statement that changes several rows: at the end of the group all of it is written once.
#[derive(Debug, Default)]
pub struct Unindexed {
    articles: BTreeMap<i64, Words>,
}

/// What the index gets of one article.
#[derive(Debug)]
struct Words {
    tokens: Arc<str>,
    /// Has the index nothing of it? Then there is nothing to look for and take out.
    is_new: bool,
}

impl Unindexed {
    /// The article has these tokens from now on.
    pub fn add(&mut self, article: i64, tokens: Arc<str>, is_new: bool) {
        match self.articles.entry(article) {
            Entry::Vacant(entry) => drop(entry.insert(Words { tokens, is_new })),
            Entry::Occupied(mut entry) => entry.get_mut().tokens = tokens,
        }
    }

    /// What came of one more poll.
    pub fn extend(&mut self, later: Self) {
        later.articles.into_iter().for_each(|(article, words)| self.add(article, words.tokens, words.is_new));
    }

    /// Writes all of it into the index.
    pub fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        for (article, Words { tokens, is_new }) in self.articles {
            let statement = match is_new {
                true => "INSERT INTO article_tokens (rowid, tokens) VALUES (?1, ?2)",
                false => "INSERT OR REPLACE INTO article_tokens (rowid, tokens) VALUES (?1, ?2)",
            };
            connection.prepare_cached(statement)?.execute(params![article, tokens])?;
        }
        Ok(())
    }
}

/// Title, text, authors: what search looks at.
fn searched(draft: &Draft) -> impl Iterator<Item = &str> {
    [draft.title.as_str(), draft.text.as_str()].into_iter().chain(draft.authors.iter().map(String::as_str))
}

/// Words that must all be there, and phrases in quotation marks whose words must stand side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchQuery {
    /// Tokens of all words and phrases.
    wanted: Vec<String>,
    /// Token sequences of more than one.
    phrases: Vec<Vec<String>>,
}

impl SearchQuery {
    /// Reads a query: `bridge "opens in spring"`. A quotation mark that is not closed quotes the rest. `None` where
    /// there is nothing to look for.
    pub fn parse(query: &str) -> Option<Self> {
        let mut parsed = Self::default();
        for (at, part) in query.split(['"', '“', '”', '„', '«', '»']).enumerate() {
            parsed.wanted.extend(tokens::lookup(part));
            if at % 2 == 1 {
                parsed.add_phrase(part);
            } else {
                // A word of a script without spaces is a phrase of its characters; so is "well-known".
                part.split_whitespace().for_each(|word| parsed.add_phrase(word));
            }
        }
        parsed.wanted.sort();
        parsed.wanted.dedup();
        (!parsed.wanted.is_empty()).then_some(parsed)
    }

    fn add_phrase(&mut self, part: &str) {
        let phrase = tokens::sequence(part);
        if phrase.len() > 1 && !self.phrases.contains(&phrase) {
            self.phrases.push(phrase);
        }
    }

    /// The index's query: all tokens, each as a string, so that none is taken for an operator.
    pub(super) fn index_query(&self) -> String {
        self.wanted.iter().map(|token| format!("\"{token}\"")).collect::<Vec<_>>().join(" AND ")
    }

    pub(super) fn has_phrases(&self) -> bool {
        !self.phrases.is_empty()
    }

    fn phrases_stand_in(&self, draft: &Draft) -> bool {
        let fields: Vec<Vec<String>> = searched(draft).map(tokens::sequence).collect();
        self.phrases.iter().all(|phrase| fields.iter().any(|field| tokens::contains_phrase(field, phrase)))
    }

    /// How much the article is about the query: for each token its frequency, damped as BM25 does, a title's word
    /// counting five times; over all, long articles pay for their length.
    fn relevance(&self, article: &Article) -> f64 {
        let (title, text) = (tokens::sequence(&article.title), tokens::sequence(&article.text));
        let length = 1.0 + text.len() as f64 / 500.0;
        self.wanted
            .iter()
            .map(|token| {
                let count =
                    |field: &[String]| field.iter().filter(|word| *word == token || token.starts_with(word.as_str())).count() as f64;
                let frequency = 5.0 * count(&title) + count(&text) / length;
                frequency / (frequency + 1.2)
            })
            .sum()
    }
}

/// Makes `has_phrases(content, page's draft)` mean this query's phrases.
pub fn register_phrases(connection: &Connection, packer: &Arc<Packer>, query: &SearchQuery) -> rusqlite::Result<()> {
    let (query, packer) = (Arc::new(query.clone()), Arc::clone(packer));
    connection.create_scalar_function("has_phrases", 2, FunctionFlags::SQLITE_UTF8, move |context| {
        let draft = pages::shown(&packer, context.get_raw(0), context.get_raw(1))?;
        Ok(query.phrases_stand_in(&draft))
    })
}

impl Reader {
    /// The articles that match best among the newest thousand matches, best first.
    ///
    /// # Errors
    /// Those of the database.
    pub fn most_relevant(&self, selection: &Selection, most: usize) -> Result<Vec<Article>, StoreError> {
        let mut found = self.newest_articles(selection, RANKED)?;
        if let Some(query) = &selection.query {
            let mut ranked: Vec<(f64, Article)> = found.into_iter().map(|article| (query.relevance(&article), article)).collect();
            ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            found = ranked.into_iter().map(|(_, article)| article).collect();
        }
        found.truncate(most);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(title: &str, text: &str) -> Draft {
        Draft { title: title.into(), text: text.into(), authors: vec!["City Desk".into()], ..Draft::default() }
    }

    #[test]
    fn a_query_wants_all_words_and_phrases_side_by_side() {
        let bridge = draft("The bridge opens", "In spring the old bridge opens again. 東京都の橋");
        for (query, stands) in [
            ("bridge spring", true),
            ("\"old bridge\"", true),
            ("\"bridge old\"", false),
            ("“old bridge” again", true),
            ("\"city desk\"", true),
            ("\"opens in\"", false),
            ("東京都", true),
            ("京橋", false),
            ("\"old bridge", true),
        ] {
            let parsed = SearchQuery::parse(query).unwrap();
            let index = document_tokens(&bridge);
            let index: Vec<&str> = index.split(' ').collect();
            let found = parsed.wanted.iter().all(|token| index.contains(&token.as_str())) && parsed.phrases_stand_in(&bridge);
            assert_eq!(found, stands, "{query}");
        }
    }

    #[test]
    fn what_looks_like_an_operator_is_a_word() {
        assert_eq!(SearchQuery::parse("cats OR NEAR(dogs)").unwrap().index_query(), r#""cats" AND "dogs" AND "near" AND "or""#);
        assert_eq!(SearchQuery::parse(" \"\" -- "), None);
    }
}
