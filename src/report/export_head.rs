//! What an export says at its head: the same over HTTP as on the command line, so that both give the same bytes.

use crate::config::Config;
use crate::export::Head;
use crate::store::{Reader, StoreError};

/// The head of an export of this archive. Where articles are being read, it comes from the same picture.
///
/// # Errors
/// Those of the archive.
pub fn export_head(reader: &Reader, config: &Config) -> Result<Head, StoreError> {
    let (archive, _) = reader.identity()?;
    Ok(Head {
        title: "Gleaner".to_owned(),
        id: Some(format!("urn:gleaner:archive:{archive}")),
        base_url: config.http.base_url.as_ref().map(url::Url::to_string),
        updated: reader.last_changed()?,
        feeds: reader.feed_outlines()?,
        ..Head::default()
    })
}
