//! Filters: which entries an operator does not want in the archive.
//!
//! A filter drops what matches, or keeps only what matches. An entry must pass all of them, those for all feeds and
//! those of its own; it is judged by its draft, so by what people would read.

use crate::article::Draft;
use crate::config::{Filter, FilterAction, FilterField};

/// Does the entry pass every filter?
pub fn passes<'f>(filters: impl IntoIterator<Item = &'f Filter>, draft: &Draft) -> bool {
    filters.into_iter().all(|filter| match filter.action {
        FilterAction::Drop => !matches(filter, draft),
        FilterAction::Keep => matches(filter, draft),
    })
}

fn matches(filter: &Filter, draft: &Draft) -> bool {
    let found = |text: &str| filter.pattern.is_match(text);
    match filter.field {
        FilterField::Title => found(&draft.title),
        FilterField::Text => found(&draft.text),
        FilterField::Author => draft.authors.iter().any(|author| found(author)),
        FilterField::Category => draft.categories.iter().any(|category| found(category)),
        FilterField::Url => draft.url.as_deref().is_some_and(found),
        FilterField::Language => draft.language.as_deref().is_some_and(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(action: FilterAction, field: FilterField, pattern: &str) -> Filter {
        Filter { action, field, pattern: regex::Regex::new(pattern).unwrap() }
    }

    #[test]
    fn an_entry_passes_what_drops_others_and_keeps_it() {
        use FilterAction::{Drop, Keep};
        use FilterField::{Author, Category, Language, Text, Title, Url};
        let draft = Draft {
            title: "Bridge opens".into(),
            text: "A sponsored report".into(),
            authors: vec!["City Desk".into(), "Wire Desk".into()],
            categories: vec!["traffic".into()],
            url: Some("https://example.org/news/1".into()),
            language: Some("en-GB".into()),
            ..Draft::default()
        };
        for (filters, passed) in [
            (vec![], true),
            (vec![(Drop, Title, "(?i)bridge")], false),
            (vec![(Drop, Title, "harbour")], true),
            (vec![(Keep, Category, "^traffic$")], true),
            (vec![(Keep, Category, "sport")], false),
            (vec![(Keep, Language, "^en"), (Drop, Text, "sponsored")], false),
            (vec![(Keep, Author, "Wire"), (Keep, Url, "/news/")], true),
        ] {
            let filters: Vec<Filter> = filters.into_iter().map(|(action, field, pattern)| filter(action, field, pattern)).collect();
            assert_eq!(passes(&filters, &draft), passed, "{filters:?}");
        }
        assert!(!passes(&[filter(Keep, Url, ".")], &Draft::default()), "what is not there cannot match");
    }
}
