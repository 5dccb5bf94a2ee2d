//! The JSON Schema of an article (draft 2020-12), made from the type itself, so that the two cannot part.
//!
//! The schema describes one article: a line of `export --format ndjson`, an element of `articles`, an answer of the
//! API. It also takes the document of `export --format json` whole, which it knows by the keys `schema` and
//! `articles`; `$defs/Document` is that document alone. So `gleaner schema` serves either file without a second one.
//!
//! Further keys are allowed everywhere: `v1` may gain keys, and readers must not fail for it.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

use super::Forgotten;
use crate::article::Article;

/// What the key `schema` of a `json` export says.
pub const SCHEMA_NAME: &str = "gleaner.articles.v1";

/// The schema's `$id`.
const SCHEMA_ID: &str = "urn:gleaner:schema:gleaner.articles.v1";

/// The JSON Schema that `gleaner schema` prints.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let forgotten = generator.subschema_for::<Forgotten>();
    let mut schema = generator.into_root_schema_for::<Article>();
    RecursiveTransform(drop_rust_formats).transform(&mut schema);

    let object = schema.ensure_object();
    let required = object.remove("required").unwrap_or_else(|| json!([]));
    let properties = object.remove("properties").unwrap_or_else(|| json!({}));
    let mut definitions = match object.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    definitions.insert("Document".to_owned(), document(forgotten.into()));
    definitions.sort_keys();

    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Article",
        "description": "One article of a Gleaner archive, or the document of `gleaner export --format json`.",
        "type": "object",
        "properties": properties,
        "if": {"required": ["schema", "articles"]},
        "then": {"$ref": "#/$defs/Document"},
        "else": {"required": required},
        "$defs": definitions,
    })
}

/// The document of `export --format json`.
fn document(forgotten: Value) -> Value {
    json!({
        "description": "What `gleaner export --format json` writes.",
        "type": "object",
        "properties": {
            "schema": {"const": SCHEMA_NAME},
            "articles": {
                "type": "array",
                // The root takes a document too, and one may not stand inside another.
                "items": {"$ref": "#", "not": {"required": ["schema", "articles"]}},
            },
            "forgotten": {
                "description": "Articles taken out for good since the last export; there only with `--state`.",
                "type": "array",
                "items": forgotten,
            },
        },
        "required": ["schema", "articles"],
    })
}

/// Takes away `uint32` and the like, which only Rust knows and strict validators refuse.
pub fn drop_rust_formats(schema: &mut schemars::Schema) {
    if schema.get("format").is_some_and(|format| format != "date-time") {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::fixture;

    fn validator() -> jsonschema::Validator {
        jsonschema::options().should_validate_formats(true).build(&json_schema()).unwrap()
    }

    #[test]
    fn the_schema_itself_is_valid_draft_2020_12() {
        jsonschema::draft202012::meta::validate(&json_schema()).unwrap();
    }

    #[test]
    fn every_sample_article_validates_and_so_does_a_document_of_them() {
        let validator = validator();
        let articles: Vec<Value> = fixture::articles().iter().map(|article| serde_json::to_value(article).unwrap()).collect();
        for article in &articles {
            assert!(validator.is_valid(article), "{:?}", validator.iter_errors(article).map(|e| e.to_string()).collect::<Vec<_>>());
        }
        let forgotten = json!([{"id": "a".repeat(26), "deleted_at": "2026-01-02T03:04:05Z"}]);
        assert!(validator.is_valid(&json!({"schema": SCHEMA_NAME, "articles": articles, "forgotten": forgotten})));
        assert!(validator.is_valid(&json!({"schema": SCHEMA_NAME, "articles": []})));
    }

    #[test]
    fn an_article_without_one_of_the_keys_is_refused_alone_and_in_a_document() {
        let validator = validator();
        let whole = serde_json::to_value(fixture::minimal()).unwrap();
        let keys: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys.len(), 28);
        for key in keys {
            let mut article = whole.clone();
            article.as_object_mut().unwrap().remove(&key);
            assert!(!validator.is_valid(&article), "{key}");
            assert!(!validator.is_valid(&json!({"schema": SCHEMA_NAME, "articles": [article]})), "{key}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        let validator = validator();
        let whole = serde_json::to_value(fixture::full()).unwrap();
        for (key, wrong) in [
            ("id", json!("SHORT")),
            ("title", Value::Null),
            ("authors", json!("Staff writer")),
            ("published", json!("yesterday")),
            ("reading_time_minutes", json!(0)),
            ("completeness", json!("whole")),
            ("provenance", json!({"body": "feed"})),
            ("similar", json!([{"id": "x", "title": "T", "url": null, "score": 2}])),
            ("sightings", json!([{"feed": "a"}])),
        ] {
            let mut article = whole.clone();
            article[key] = wrong;
            assert!(!validator.is_valid(&article), "{key}");
        }
        assert!(!validator.is_valid(&json!({"schema": "other", "articles": []})));
        assert!(!validator.is_valid(&json!({"schema": SCHEMA_NAME, "articles": [{"schema": SCHEMA_NAME, "articles": []}]})));
        assert!(!validator.is_valid(&json!({})));
    }

    #[test]
    fn a_key_that_v1_gains_later_is_no_error() {
        let mut article = serde_json::to_value(fixture::minimal()).unwrap();
        article["gained"] = json!(1);
        assert!(validator().is_valid(&article));
    }

    #[test]
    fn the_page_on_the_schema_describes_every_key() {
        let page = include_str!("../../docs/schema.md");
        for (key, _) in json_schema()["properties"].as_object().unwrap() {
            assert!(page.contains(&format!("| `{key}` |")), "{key}");
        }
    }

    #[test]
    fn the_schema_stays_as_it_was_published() {
        fixture::with_snapshots(|| {
            insta::assert_binary_snapshot!("schema.json", serde_json::to_vec_pretty(&json_schema()).unwrap());
        });
    }
}
