//! `/api/v1/openapi.json`: the OpenAPI 3.1 document.
//!
//! It cannot drift. Its paths come from the table that the router is made of (`routes`), where each handler stands beside what
//! is said of it; its schemas from the types that are answered, by the generator that makes `gleaner schema`. (OpenAPI 3.1
//! takes JSON Schema 2020-12 as it is. A second set of derives would have made a second schema of the article.)

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::handler::Handler;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::MethodRouter;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, json_schema};
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::problem::{self, Problem};
use super::{Served, answer, routes};
use crate::article::schema::drop_rust_formats;

/// Where schemas are referred to.
const SCHEMAS: &str = "/components/schemas";

/// What any request may be told: too often, not by this name, not now.
const ALWAYS: [u16; 3] = [421, 429, 503];

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A path, who answers there, and what is said of that.
pub struct Endpoint {
    /// As axum and OpenAPI write it.
    pub path: &'static str,
    /// Who answers.
    pub handlers: MethodRouter<Arc<Served>>,
    operations: Vec<(&'static str, Operation)>,
}

impl Endpoint {
    /// Where nobody answers yet.
    pub fn at(path: &'static str) -> Self {
        Self { path, handlers: MethodRouter::new(), operations: Vec::new() }
    }

    /// … `GET`, and with it `HEAD`.
    pub fn get<H: Handler<T, Arc<Served>>, T: 'static>(mut self, handler: H, operation: Operation) -> Self {
        self.operations.push(("get", operation));
        Self { handlers: self.handlers.get(handler), ..self }
    }

    /// … `POST`.
    pub fn post<H: Handler<T, Arc<Served>>, T: 'static>(mut self, handler: H, operation: Operation) -> Self {
        self.operations.push(("post", operation));
        Self { handlers: self.handlers.post(handler), ..self }
    }

    /// … `PATCH`.
    pub fn patch<H: Handler<T, Arc<Served>>, T: 'static>(mut self, handler: H, operation: Operation) -> Self {
        self.operations.push(("patch", operation));
        Self { handlers: self.handlers.patch(handler), ..self }
    }

    /// … `DELETE`.
    pub fn delete<H: Handler<T, Arc<Served>>, T: 'static>(mut self, handler: H, operation: Operation) -> Self {
        self.operations.push(("delete", operation));
        Self { handlers: self.handlers.delete(handler), ..self }
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Where.
    pub place: Place,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
    /// What it may be.
    pub schema: Value,
}

impl Parameter {
    fn document(&self) -> Value {
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let mut document = json!({"name": self.name, "in": place, "description": self.description, "schema": self.schema});
        if self.place == Place::Path {
            document["required"] = Value::Bool(true);
        }
        document
    }
}

/// A body in one media type.
struct Content {
    media_type: &'static str,
    schema: SchemaOf,
}

fn contents(contents: &[Content], generator: &mut SchemaGenerator) -> Value {
    let mut document = Map::new();
    for content in contents {
        let media_type = content.media_type.split(';').next().unwrap_or_default();
        document.insert(media_type.to_owned(), json!({"schema": (content.schema)(generator)}));
    }
    Value::Object(document)
}

/// An answer that is no problem.
struct Answer {
    description: &'static str,
    contents: Vec<Content>,
}

/// What one method does at one path.
pub struct Operation {
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Parameter>,
    sends: Vec<Content>,
    answers: BTreeMap<u16, Answer>,
    problems: Vec<u16>,
    needs_token: bool,
    is_revalidated: bool,
}

impl Operation {
    /// Of a name for programs and a sentence for people.
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            parameters: Vec::new(),
            sends: Vec::new(),
            answers: BTreeMap::new(),
            problems: ALWAYS.to_vec(),
            needs_token: false,
            is_revalidated: false,
        }
    }

    /// … that takes these parameters; others, and values that mean nothing, are told as 400.
    pub fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self.fails(&[400])
    }

    /// … that is sent a JSON object.
    pub fn sent<T: JsonSchema>(mut self, media_types: &[&'static str]) -> Self {
        self.sends.extend(media_types.iter().map(|media_type| Content { media_type, schema: SchemaGenerator::subschema_for::<T> }));
        self.fails(&[400, 408, 413, 415, 422])
    }

    /// … that is sent a document.
    pub fn sent_bytes(mut self, media_types: &[&'static str]) -> Self {
        self.sends.extend(media_types.iter().map(|media_type| Content { media_type, schema: |_| json_schema!({"type": "string"}) }));
        self.fails(&[400, 408, 413, 415, 422])
    }

    /// … that gives this JSON.
    pub fn gives<T: JsonSchema>(self, status: u16, description: &'static str) -> Self {
        self.gives_as(status, description, "application/json", SchemaGenerator::subschema_for::<T>)
    }

    /// … that gives text.
    pub fn gives_text(self, status: u16, description: &'static str, media_type: &'static str) -> Self {
        self.gives_as(status, description, media_type, |_| json_schema!({"type": "string"}))
    }

    /// … that gives something in this media type; more than one under one status are alternatives.
    pub fn gives_as(mut self, status: u16, description: &'static str, media_type: &'static str, schema: SchemaOf) -> Self {
        let answer = self.answers.entry(status).or_insert_with(|| Answer { description, contents: Vec::new() });
        answer.contents.push(Content { media_type, schema });
        self
    }

    /// … that gives nothing.
    pub fn gives_nothing(mut self, status: u16, description: &'static str) -> Self {
        self.answers.insert(status, Answer { description, contents: Vec::new() });
        self
    }

    /// … whose answer carries an ETag, by which it is told whether it has changed.
    pub fn revalidated(mut self) -> Self {
        self.is_revalidated = true;
        self
    }

    /// … that may be told these problems.
    pub fn fails(mut self, statuses: &[u16]) -> Self {
        self.problems.extend(statuses);
        self
    }

    /// … that the token is needed for.
    pub fn with_token(mut self) -> Self {
        self.needs_token = true;
        self.fails(&[401, 403])
    }

    fn document(&self, given: &mut SchemaGenerator, taken: &mut SchemaGenerator) -> Value {
        let mut parameters: Vec<Value> = self.parameters.iter().map(Parameter::document).collect();
        let mut responses = BTreeMap::new();
        for (status, answer) in &self.answers {
            let mut response = json!({"description": answer.description});
            if !answer.contents.is_empty() {
                response["content"] = contents(&answer.contents, given);
            }
            if self.is_revalidated {
                response["headers"] = json!({"ETag": {"description": "Names these bytes.", "schema": {"type": "string"}}});
            }
            responses.insert(*status, response);
        }
        if self.is_revalidated {
            let description = "Of the answer that the client has.";
            parameters.push(json!({"name": "If-None-Match", "in": "header", "description": description, "schema": {"type": "string"}}));
            responses.insert(304, json!({"description": "The client has these bytes."}));
        }
        for status in &self.problems {
            let title = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
            responses
                .insert(*status, json!({"description": title, "content": {"application/problem+json": {"schema": problem_schema(given)}}}));
        }
        let mut document = json!({"operationId": self.id, "summary": self.summary, "tags": [self.tag()]});
        if !parameters.is_empty() {
            document["parameters"] = Value::Array(parameters);
        }
        if !self.sends.is_empty() {
            document["requestBody"] = json!({"required": true, "content": contents(&self.sends, taken)});
        }
        document["responses"] =
            responses.into_iter().map(|(status, response)| (status.to_string(), response)).collect::<Map<_, _>>().into();
        document["security"] = if self.needs_token { json!([{"token": []}]) } else { json!([]) };
        document
    }

    fn tag(&self) -> &'static str {
        if self.needs_token { "changes" } else { "reading" }
    }
}

fn problem_schema(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<problem::Document<'static>>()
}

/// The document of these endpoints.
pub fn document(endpoints: &[Endpoint]) -> Value {
    let settings = || {
        SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = SCHEMAS.into())
            .with_transform(RecursiveTransform(drop_rust_formats))
    };
    let (mut given, mut taken) = (settings().for_serialize().into_generator(), settings().for_deserialize().into_generator());
    let mut paths = Map::new();
    for endpoint in endpoints {
        let operations = endpoint.operations.iter();
        let operations = operations.map(|(method, operation)| ((*method).to_owned(), operation.document(&mut given, &mut taken)));
        paths.insert(endpoint.path.to_owned(), operations.collect::<Map<_, _>>().into());
    }
    let mut schemas = given.take_definitions(true);
    schemas.extend(taken.take_definitions(true));
    schemas.sort_keys();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Gleaner",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "An archive of the news.",
            "description": "The same objects and the same bytes as the commands give. A parameter that nobody knows is an error. Errors are problem documents (RFC 9457).",
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "externalDocs": {"url": concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/http.md")},
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "reading", "description": "The archive, its feeds and its state."},
            {"name": "changes", "description": "What is subscribed to, and polls; only where `token_file` in `[http]` is set."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "What stands in `token_file` of `[http]`."}},
        },
    })
}

/// `GET /api/v1/openapi.json`.
pub async fn openapi(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&routes::endpoints()));
    Parameters::of(uri.query()).finish()?;
    let mut document = DOCUMENT.clone();
    if let Some(base) = &served.config().http.base_url {
        document["servers"] = json!([{"url": base}]);
    }
    Ok(answer::revalidated(&headers, "application/json", answer::json(&document)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::schema::json_schema;

    fn made() -> Value {
        document(&routes::endpoints())
    }

    #[test]
    fn the_article_is_that_of_gleaner_schema() {
        let text = made()["components"]["schemas"].to_string().replace("#/components/schemas/", "#/$defs/");
        let schemas: Value = serde_json::from_str(&text).unwrap();
        let schema = json_schema();
        assert_eq!(schemas["Article"]["properties"], schema["properties"]);
        assert_eq!(schemas["Article"]["required"], schema["else"]["required"]);
        for (name, definition) in
            schema["$defs"].as_object().unwrap().iter().filter(|(name, _)| !["Document", "Forgotten"].contains(&name.as_str()))
        {
            assert_eq!(&schemas[name], definition, "{name}");
        }
    }

    #[test]
    fn every_schema_is_valid_and_every_reference_leads_to_one() {
        let document = made();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!name.ends_with(|last: char| last.is_ascii_digit()), "two types share the name of {name}");
        }
        fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(object) => {
                    found.extend(object.get("$ref").and_then(Value::as_str));
                    object.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
    }

    #[test]
    fn operations_have_names_of_their_own_and_path_parameters_are_described() {
        let document = made();
        let mut ids = std::collections::HashSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
                let described = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path");
                let described: Vec<String> = described.map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap())).collect();
                let wanted: Vec<&str> = path.split('/').filter(|segment| segment.starts_with('{')).collect();
                assert_eq!(described, wanted, "{method} {path}");
            }
        }
    }
}
