//! A file is replaced as a whole or not at all: written beside itself, made durable, then renamed over the old one.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// Replaces the content of a file, or makes it. Its permissions and owner stay; a symbolic link stays one. After a crash
/// at any moment the file has the old content or the new.
///
/// # Errors
/// Whatever the disk says; then the file is as it was.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = match path.canonicalize() {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new().prefix(".gleaner-").suffix(".tmp").tempfile_in(folder)?;
    temporary.write_all(content)?;
    match fs::metadata(&target) {
        Ok(old) => keep_owner_and_permissions(temporary.as_file(), temporary.path(), &old)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The temporary file is for its owner's eyes alone; a list of feeds may be read by all, as a new file would.
            temporary.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        }
        Err(error) => return Err(error),
    }
    temporary.as_file().sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn keep_owner_and_permissions(file: &File, path: &Path, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // A daemon that runs as a user of its own could not read a file that root left behind.
        chown(path, Some(old.uid()), Some(old.gid()))?;
    }
    file.set_permissions(old.permissions())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn content_changes_and_permissions_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("feeds.toml");
        let link = folder.path().join("link.toml");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("feeds.toml", &link).unwrap();
        replace_file(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn a_new_file_is_made_and_a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        replace_file(&folder.path().join("a"), b"x").unwrap();
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"x");
        assert!(replace_file(&folder.path().join("none/a"), b"x").is_err());
    }
}
