//! How drafts, raw entries and raw pages are kept: a byte that says how, then one zstd frame, of JSON, a value a line, or of bytes
//! as they came.
//!
//! A draft and the entry that it was made from say most things twice, and the HTML says again what the text says: in one
//! frame the second time costs next to nothing. What articles have in common with one another (the words of a language,
//! the keys of the JSON) stands in a dictionary that is made from the archive itself, see [`super::dictionary`]; a frame
//! names the dictionary that it needs, so frames of all times can be read side by side.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::zstd_safe::{self, CCtx, CDict, DCtx, DDict};

/// The first byte of a blob: JSON values, one a line, in a zstd frame.
const JSON_ZSTD: u8 = 1;

/// … : bytes as they came, in a zstd frame.
const BYTES_ZSTD: u8 = 2;

/// Measured on 280 MB of drafts and entries, with a dictionary: level 1 gives 14 % more in three quarters of the time, levels
/// 4 and 5 give more in more time.
const LEVEL: i32 = 3;

/// Why a blob could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// Compression failed, or the frame is damaged.
    #[error("zstd: {0}")]
    Zstd(&'static str),
    /// The content is not what was expected.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by a newer Gleaner, or damaged.
    #[error("unknown kind of blob: {0:?}")]
    Kind(Option<u8>),
    /// The archive has lost the dictionary.
    #[error("dictionary {0} is not in the archive")]
    Dictionary(u32),
}

impl PackedError {
    fn zstd(code: usize) -> Self {
        Self::Zstd(zstd_safe::get_error_name(code))
    }
}

impl From<PackedError> for rusqlite::Error {
    fn from(error: PackedError) -> Self {
        Self::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    }
}

/// Packs and unpacks for one archive, with its dictionaries. Threads may share it.
#[derive(Default)]
pub struct Packer {
    dictionaries: RwLock<Dictionaries>,
    /// Those that nobody is using: making one costs more than using it.
    compressors: Mutex<Vec<Compressor>>,
    decompressors: Mutex<Vec<DCtx<'static>>>,
}

/// A context of zstd, and room for what goes in and what comes out.
struct Compressor {
    context: CCtx<'static>,
    lines: Vec<u8>,
    frame: Vec<u8>,
}

impl Compressor {
    fn new() -> Self {
        Self { context: CCtx::create(), lines: Vec::new(), frame: Vec::new() }
    }
}

/// More room than this is not kept: most articles need a fraction of it.
const MOST_ROOM: usize = 256 * 1024;

#[derive(Default)]
struct Dictionaries {
    known: HashMap<u32, Arc<DDict<'static>>>,
    /// What is packed from now on is packed with this one.
    newest: Option<Arc<CDict<'static>>>,
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("dictionaries", &self.known_dictionaries()).finish_non_exhaustive()
    }
}

impl Packer {
    /// Packs one value.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn pack<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, PackedError> {
        self.pack_lines(|lines| serde_json::to_writer(lines, value))
    }

    /// Packs a value, and another that was made from the same source.
    ///
    /// # Errors
    /// As above.
    pub fn pack_both<T: Serialize, U: Serialize>(&self, first: &T, second: &U) -> Result<Vec<u8>, PackedError> {
        self.pack_lines(|lines| {
            serde_json::to_writer(&mut *lines, first)?;
            lines.push(b'\n');
            serde_json::to_writer(lines, second)
        })
    }

    fn pack_lines(&self, write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> Result<Vec<u8>, PackedError> {
        self.with_compressor(|compressor| {
            let mut lines = std::mem::take(&mut compressor.lines);
            lines.clear();
            write(&mut lines)?;
            let blob = self.compress(compressor, JSON_ZSTD, &lines);
            compressor.lines = lines;
            blob
        })
    }

    /// Packs bytes as they are.
    ///
    /// # Errors
    /// They cannot be compressed.
    pub fn pack_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, PackedError> {
        self.with_compressor(|compressor| self.compress(compressor, BYTES_ZSTD, bytes))
    }

    /// Unpacks what [`Self::pack_bytes`] made.
    ///
    /// # Errors
    /// As those of [`Self::unpack`].
    pub fn unpack_bytes(&self, blob: &[u8]) -> Result<Vec<u8>, PackedError> {
        self.decompress(BYTES_ZSTD, blob)
    }

    /// The value, or the first of both.
    ///
    /// # Errors
    /// The blob is damaged, of a newer Gleaner, or of another archive.
    pub fn unpack<T: DeserializeOwned>(&self, blob: &[u8]) -> Result<T, PackedError> {
        let lines = self.decompress(JSON_ZSTD, blob)?;
        Ok(serde_json::from_slice(split(&lines).0)?)
    }

    /// The second of both; `None` where there is but one.
    ///
    /// # Errors
    /// As above.
    pub fn unpack_second<T: DeserializeOwned>(&self, blob: &[u8]) -> Result<Option<T>, PackedError> {
        let lines = self.decompress(JSON_ZSTD, blob)?;
        Ok(split(&lines).1.map(serde_json::from_slice).transpose()?)
    }

    /// Makes a dictionary known; the one that is added last packs. Gives the number that frames name it by.
    ///
    /// # Errors
    /// It is none.
    pub fn add_dictionary(&self, content: &[u8]) -> Result<u32, PackedError> {
        let refused = PackedError::Zstd("not a dictionary");
        let (Some(number), Some(reading), Some(writing)) =
            (number_of(content), DDict::try_create(content), CDict::try_create(content, LEVEL))
        else {
            return Err(refused);
        };
        let mut dictionaries = self.dictionaries.write().unwrap_or_else(PoisonError::into_inner);
        dictionaries.known.insert(number, Arc::new(reading));
        dictionaries.newest = Some(Arc::new(writing));
        Ok(number)
    }

    /// The numbers of the dictionaries that are known.
    pub fn known_dictionaries(&self) -> Vec<u32> {
        self.dictionaries.read().unwrap_or_else(PoisonError::into_inner).known.keys().copied().collect()
    }

    /// Both values, in one go.
    ///
    /// # Errors
    /// As above.
    pub fn unpack_both<T: DeserializeOwned, U: DeserializeOwned>(&self, blob: &[u8]) -> Result<(T, Option<U>), PackedError> {
        let lines = self.decompress(JSON_ZSTD, blob)?;
        let (first, second) = split(&lines);
        Ok((serde_json::from_slice(first)?, second.map(serde_json::from_slice).transpose()?))
    }

    /// The lines of a blob, as they are: what a dictionary is made from.
    pub(super) fn lines(&self, blob: &[u8]) -> Result<Vec<u8>, PackedError> {
        self.decompress(JSON_ZSTD, blob)
    }

    fn with_compressor<T>(&self, work: impl FnOnce(&mut Compressor) -> Result<T, PackedError>) -> Result<T, PackedError> {
        let mut compressor = take(&self.compressors).unwrap_or_else(Compressor::new);
        let done = work(&mut compressor)?;
        for room in [&mut compressor.lines, &mut compressor.frame] {
            room.clear();
            room.shrink_to(MOST_ROOM);
        }
        give(&self.compressors, compressor);
        Ok(done)
    }

    fn compress(&self, compressor: &mut Compressor, kind: u8, content: &[u8]) -> Result<Vec<u8>, PackedError> {
        let newest = self.dictionaries.read().unwrap_or_else(PoisonError::into_inner).newest.clone();
        let Compressor { context, frame, .. } = compressor;
        frame.clear();
        frame.reserve(zstd_safe::compress_bound(content.len()));
        match newest {
            Some(dictionary) => context.compress_using_cdict(frame, content, &dictionary),
            None => context.compress(frame, content, LEVEL),
        }
        .map_err(PackedError::zstd)?;
        let mut blob = Vec::with_capacity(frame.len() + 1);
        blob.push(kind);
        blob.extend_from_slice(frame);
        Ok(blob)
    }

    fn decompress(&self, kind: u8, blob: &[u8]) -> Result<Vec<u8>, PackedError> {
        let frame = match blob.split_first() {
            Some((first, frame)) if *first == kind => frame,
            other => return Err(PackedError::Kind(other.map(|(first, _)| *first))),
        };
        let size = zstd_safe::get_frame_content_size(frame).ok().flatten().ok_or(PackedError::Zstd("no size"))?;
        let mut lines = Vec::new();
        let size = usize::try_from(size).map_err(|_| PackedError::Zstd("too large"))?;
        lines.try_reserve_exact(size).map_err(|_| PackedError::Zstd("too large"))?;
        let mut decompressor = take(&self.decompressors).unwrap_or_else(DCtx::create);
        match zstd_safe::get_dict_id_from_frame(frame) {
            Some(number) => {
                let known = self.dictionaries.read().unwrap_or_else(PoisonError::into_inner).known.get(&number.get()).cloned();
                let dictionary = known.ok_or(PackedError::Dictionary(number.get()))?;
                decompressor.decompress_using_ddict(&mut lines, frame, &dictionary)
            }
            None => decompressor.decompress(&mut lines, frame),
        }
        .map_err(PackedError::zstd)?;
        give(&self.decompressors, decompressor);
        Ok(lines)
    }
}

/// The number that frames name a dictionary by; `None` where this is none.
pub fn number_of(dictionary: &[u8]) -> Option<u32> {
    zstd_safe::get_dict_id_from_dict(dictionary).map(std::num::NonZeroU32::get)
}

fn split(lines: &[u8]) -> (&[u8], Option<&[u8]>) {
    // JSON has no line breaks of its own.
    let mut lines = lines.splitn(2, |byte| *byte == b'\n');
    (lines.next().unwrap_or_default(), lines.next())
}

fn take<T>(idle: &Mutex<Vec<T>>) -> Option<T> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give<T>(idle: &Mutex<Vec<T>>, one: T) {
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(number: usize) -> String {
        let words = ["harbour", "council", "library", "evening", "morning", "tunnel", "railway", "engineer"];
        (0..60).map(|at| words[(at * at + number * (at + 3)) % words.len()]).collect::<Vec<_>>().join(" ")
    }

    fn dictionary(name: &str) -> Vec<u8> {
        let samples: Vec<String> = (0..400).map(|number| format!("{name} {}", sentence(number))).collect();
        zstd::dict::from_samples(&samples, 2_000).unwrap()
    }

    #[test]
    fn what_was_packed_comes_out_again_and_damage_is_an_error() {
        let packer = Packer::default();
        let value = vec!["one\n".repeat(500), "two".to_owned()];
        let mut blob = packer.pack(&value).unwrap();
        assert!(blob.len() < 100);
        assert_eq!(packer.unpack::<Vec<String>>(&blob).unwrap(), value);
        assert_eq!(packer.unpack_second::<String>(&blob).unwrap(), None);
        blob.truncate(blob.len() / 2);
        assert!(packer.unpack::<Vec<String>>(&blob).is_err());
        assert!(packer.unpack::<Vec<String>>(&[]).is_err());
        assert!(packer.unpack::<Vec<String>>(&[9, 9]).is_err());
        // A size that no machine has.
        let mut boasting = vec![JSON_ZSTD, 0x28, 0xb5, 0x2f, 0xfd, 0xe0];
        boasting.extend([0xff; 8]);
        assert!(packer.unpack::<Vec<String>>(&boasting).is_err());
    }

    #[test]
    fn two_values_in_one_blob_are_read_one_by_one() {
        let packer = Packer::default();
        let blob = packer.pack_both(&sentence(1), &vec![sentence(1), "a\nb".to_owned()]).unwrap();
        assert_eq!(packer.unpack::<String>(&blob).unwrap(), sentence(1));
        assert_eq!(packer.unpack_second::<Vec<String>>(&blob).unwrap(), Some(vec![sentence(1), "a\nb".to_owned()]));
    }

    #[test]
    fn bytes_are_no_values_and_values_no_bytes() {
        let packer = Packer::default();
        let page = packer.pack_bytes(b"<p>\xe9").unwrap();
        assert_eq!(packer.unpack_bytes(&page).unwrap(), b"<p>\xe9");
        assert!(packer.unpack::<String>(&page).is_err());
        assert!(packer.unpack_bytes(&packer.pack(&sentence(1)).unwrap()).is_err());
    }

    #[test]
    fn blobs_of_all_dictionaries_and_of_none_are_read_side_by_side() {
        let packer = Packer::default();
        let plain = packer.pack(&sentence(1_000)).unwrap();
        let first = packer.add_dictionary(&dictionary("one of the first")).unwrap();
        let early = packer.pack(&sentence(1_000)).unwrap();
        let second = packer.add_dictionary(&dictionary("and this is a later dictionary")).unwrap();
        let late = packer.pack(&sentence(1_000)).unwrap();
        assert_ne!(first, second);
        assert!(early.len() < plain.len(), "{} {}", early.len(), plain.len());
        for blob in [&plain, &early, &late] {
            assert_eq!(packer.unpack::<String>(blob).unwrap(), sentence(1_000));
        }
        let other = Packer::default();
        assert!(matches!(other.unpack::<String>(&early), Err(PackedError::Dictionary(number)) if number == first));
        assert_eq!(other.unpack::<String>(&plain).unwrap(), sentence(1_000));
        assert!(other.add_dictionary(b"nothing of the kind").is_err());
    }
}
