//! `gleaner schema`: the JSON Schema of an article, and of the document of `export --format json`.

use std::io::{self, Write};

use crate::article::schema::json_schema;

/// Print the JSON Schema (draft 2020-12) of articles
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct SchemaArgs {}

/// Writes the schema, indented for people.
///
/// # Errors
/// Those of the sink.
pub fn run_schema(mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &json_schema())?;
    out.write_all(b"\n")?;
    out.flush()
}
