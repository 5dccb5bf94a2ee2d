//! How drafts, raw entries and raw pages are kept: JSON, or bytes as they came, in one zstd frame behind a byte that says which.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte of a blob: JSON in a zstd frame without a dictionary.
const JSON_ZSTD: u8 = 1;

/// … : bytes in a zstd frame without a dictionary.
const BYTES_ZSTD: u8 = 2;

/// Measured on 85 MB of bodies: level 6 takes three times as long and saves 2 %.
const LEVEL: i32 = 3;

/// Why a blob could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// Compression failed, or the frame is damaged.
    #[error("zstd: {0}")]
    Zstd(#[from] std::io::Error),
    /// The content is not what was expected.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a newer Gleaner, or damaged.
    #[error("unknown kind of blob: {0:?}")]
    Kind(Option<u8>),
}

impl From<PackedError> for rusqlite::Error {
    fn from(error: PackedError) -> Self {
        Self::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    }
}

/// Packs a value.
pub fn pack<T: Serialize>(value: &T) -> Result<Vec<u8>, PackedError> {
    let json = serde_json::to_vec(value)?;
    let mut blob = vec![JSON_ZSTD];
    zstd::stream::copy_encode(json.as_slice(), &mut blob, LEVEL)?;
    Ok(blob)
}

/// Unpacks what [`pack`] made.
pub fn unpack<T: DeserializeOwned>(blob: &[u8]) -> Result<T, PackedError> {
    match blob.split_first() {
        Some((&JSON_ZSTD, frame)) => Ok(serde_json::from_slice(&zstd::decode_all(frame)?)?),
        other => Err(PackedError::Kind(other.map(|(kind, _)| *kind))),
    }
}

/// Packs bytes as they are.
pub fn pack_bytes(bytes: &[u8]) -> Result<Vec<u8>, PackedError> {
    let mut blob = vec![BYTES_ZSTD];
    zstd::stream::copy_encode(bytes, &mut blob, LEVEL)?;
    Ok(blob)
}

/// Unpacks what [`pack_bytes`] made.
pub fn unpack_bytes(blob: &[u8]) -> Result<Vec<u8>, PackedError> {
    match blob.split_first() {
        Some((&BYTES_ZSTD, frame)) => Ok(zstd::decode_all(frame)?),
        other => Err(PackedError::Kind(other.map(|(kind, _)| *kind))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_again_and_damage_is_an_error() {
        let value = vec!["one".repeat(500), "two".to_owned()];
        let mut blob = pack(&value).unwrap();
        assert!(blob.len() < 100);
        assert_eq!(unpack::<Vec<String>>(&blob).unwrap(), value);
        blob.truncate(blob.len() / 2);
        assert!(unpack::<Vec<String>>(&blob).is_err());
        assert!(unpack::<Vec<String>>(&[]).is_err());
        assert!(unpack::<Vec<String>>(&[9, 9]).is_err());
        let page = pack_bytes(b"<p>\xe9").unwrap();
        assert_eq!(unpack_bytes(&page).unwrap(), b"<p>\xe9");
        assert!(unpack::<String>(&page).is_err() && unpack_bytes(&pack(&"a").unwrap()).is_err());
    }
}
