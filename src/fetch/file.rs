//! `file:` feeds: a document on this machine, read as if a server had sent it.
//!
//! Validators are made from what the system says of the file, so an unchanged file costs no read and no parse. A file that changed
//! while it was read, or so shortly before that another change could bear the same time stamp, gets none: the next poll reads it again.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::Validators;

/// Coarser than the time stamps of any file system that is likely to hold a feed list's files.
const STAMP_GRAIN: Duration = Duration::from_millis(20);

/// What came of the file.
#[derive(Debug)]
pub(super) enum Reading {
    /// As the validators say.
    NotModified(Validators),
    /// Its content.
    Content(Vec<u8>, Validators),
    /// More than the limit.
    TooLarge,
}

/// Opens a regular file and says how large it is.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Before the opening, since opening a pipe waits for who writes to it; and after, of what was really opened.
    regular(&std::fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok((file, metadata))
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        Ok(())
    } else if metadata.is_dir() {
        Err(io::Error::other("is a directory; a feed is a regular file"))
    } else {
        Err(io::Error::other("is not a regular file"))
    }
}

/// Reads at most `limit` bytes, unless `known` still holds.
pub(super) fn read(mut file: File, metadata: &Metadata, known: &Validators, limit: u64) -> io::Result<Reading> {
    let before = stamp(metadata);
    if before.is_some() && known.etag == before {
        return Ok(Reading::NotModified(known.clone()));
    }
    let mut content = Vec::new();
    let read = (&mut file).take(limit.saturating_add(1)).read_to_end(&mut content)?;
    if read as u64 > limit {
        return Ok(Reading::TooLarge);
    }
    let after = stamp(&file.metadata()?);
    Ok(Reading::Content(content, Validators { etag: if before == after { after } else { None }, last_modified: None }))
}

/// An entity tag of the file's state; `None` while its time stamps cannot tell two states apart.
fn stamp(metadata: &Metadata) -> Option<Vec<u8>> {
    let modified = metadata.modified().ok()?;
    let nanoseconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_nanos()).unwrap_or_default();
    let (changed, place) = change(metadata);
    let changed = changed.unwrap_or(modified).max(modified);
    // A time stamp ahead of the clock says nothing about how long ago the change was, so it is taken as it is.
    if SystemTime::now().duration_since(changed).is_ok_and(|ago| ago < STAMP_GRAIN) {
        return None;
    }
    Some(format!("\"{}-{}-{}-{place}\"", metadata.len(), nanoseconds(modified), nanoseconds(changed)).into_bytes())
}

/// When the file's content or state last changed, which nobody can set back, and its number on its file system.
#[cfg(unix)]
fn change(metadata: &Metadata) -> (Option<SystemTime>, u64) {
    use std::os::unix::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).ok();
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or_default();
    let changed = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds)));
    (changed, metadata.ino())
}

#[cfg(not(unix))]
fn change(_: &Metadata) -> (Option<SystemTime>, u64) {
    (None, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(path: &Path, known: &Validators, limit: u64) -> io::Result<Reading> {
        let (file, metadata) = open(path)?;
        read(file, &metadata, known, limit)
    }

    /// Until the file's stamps are old enough to be told apart.
    fn settled(path: &Path) -> Validators {
        loop {
            match read_with(path, &Validators::default(), 1000).unwrap() {
                Reading::Content(_, validators) if validators.etag.is_some() => return validators,
                _ => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn a_file_is_not_modified_until_it_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.xml");
        std::fs::write(&path, "one").unwrap();
        let first = settled(&path);
        assert!(matches!(read_with(&path, &first, 1000).unwrap(), Reading::NotModified(same) if same == first));
        std::fs::write(&path, "two").unwrap();
        assert!(matches!(read_with(&path, &first, 1000).unwrap(), Reading::Content(content, _) if content == b"two"));
        // Put in place of the other with its old time: another file nevertheless.
        let second = settled(&path);
        let staged = folder.path().join("staged");
        std::fs::write(&staged, "six").unwrap();
        File::options().write(true).open(&staged).unwrap().set_modified(std::fs::metadata(&path).unwrap().modified().unwrap()).unwrap();
        std::fs::rename(&staged, &path).unwrap();
        assert!(matches!(read_with(&path, &second, 1000).unwrap(), Reading::Content(content, _) if content == b"six"));
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.xml");
        std::fs::write(&path, "12345").unwrap();
        assert!(matches!(read_with(&path, &Validators::default(), 4).unwrap(), Reading::TooLarge));
        assert!(matches!(read_with(&path, &Validators::default(), 5).unwrap(), Reading::Content(..)));
        assert!(read_with(folder.path(), &Validators::default(), 5).unwrap_err().to_string().contains("directory"));
        assert_eq!(read_with(&folder.path().join("none"), &Validators::default(), 5).unwrap_err().kind(), io::ErrorKind::NotFound);
        #[cfg(unix)]
        assert!(read_with(Path::new("/dev/zero"), &Validators::default(), 5).is_err());
    }
}
