//! Where files are looked for when nobody names them: the process's folder and environment, as a value.
//!
//! Passed in and never asked for below, so that a load depends on its arguments alone.

use std::env;
use std::path::{Path, PathBuf};

use super::mistake::ConfigError;

/// What a load takes from the process that it runs in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The current folder.
    pub current_folder: PathBuf,
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `$XDG_DATA_HOME`.
    pub data_home: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, set by systemd's `StateDirectory=`.
    pub state_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`, set by systemd's `LoadCredential=`.
    pub credentials_directory: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// The current folder no longer exists or may not be read.
    pub fn of_process() -> Result<Self, ConfigError> {
        let current_folder = env::current_dir().map_err(|source| ConfigError::CurrentFolder(source.to_string()))?;
        // The XDG rules: what is not absolute is ignored.
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Ok(Surroundings {
            current_folder,
            home: absolute("HOME"),
            config_home: absolute("XDG_CONFIG_HOME"),
            data_home: absolute("XDG_DATA_HOME"),
            // A unit with several state directories has them in one variable, joined by colons: the first is ours.
            state_directory: env::var_os("STATE_DIRECTORY").and_then(|list| env::split_paths(&list).find(|path| path.is_absolute())),
            credentials_directory: absolute("CREDENTIALS_DIRECTORY"),
        })
    }

    /// A path made absolute against the current folder.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        tidy(&self.current_folder.join(path))
    }

    /// The places of a config file that nobody named, in order.
    fn usual_places(&self) -> Vec<PathBuf> {
        let user = self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")));
        let mut places = vec![self.current_folder.join("config/gleaner.toml")];
        places.extend(user.map(|folder| folder.join("gleaner/gleaner.toml")));
        places.push(PathBuf::from("/etc/gleaner/gleaner.toml"));
        places
    }

    /// The config file: the one named, else the first that exists of `config/gleaner.toml` below the current folder,
    /// the user's config folder and `/etc/gleaner/gleaner.toml`.
    ///
    /// # Errors
    /// None was named and none exists. Whether a named one exists is [`super::load`]'s to say.
    pub fn find(&self, named: Option<&Path>) -> Result<PathBuf, ConfigError> {
        if let Some(named) = named {
            return Ok(self.absolute(named));
        }
        let looked = self.usual_places();
        // A file that may not be read counts as existing: a load says so, and silently taking the next one would not.
        match looked.iter().find(|place| place.try_exists().unwrap_or(true)) {
            Some(found) => Ok(found.clone()),
            None => Err(ConfigError::NotFound { looked }),
        }
    }

    /// The database where the config names none: systemd's state directory, else the user's data folder, else beside
    /// nothing at all (`None`: a user without a home).
    pub fn default_database(&self) -> Option<PathBuf> {
        if let Some(state) = &self.state_directory {
            return Some(state.join("gleaner.db"));
        }
        let data = self.data_home.clone().or_else(|| Some(self.home.as_ref()?.join(".local/share")))?;
        Some(data.join("gleaner/gleaner.db"))
    }
}

/// A path without `.` and, where it is certain, without `..`, for people to read; symbolic links are not followed.
pub(super) fn tidy(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // `a/..` is not `.` where `a` is a symbolic link, so it stays.
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_is_taken_without_a_look_at_the_usual_places() {
        let surroundings = Surroundings { current_folder: "/here".into(), ..Surroundings::default() };
        assert_eq!(surroundings.find(Some(Path::new("./x.toml"))).unwrap(), PathBuf::from("/here/x.toml"));
        assert_eq!(surroundings.find(Some(Path::new("/a/x.toml"))).unwrap(), PathBuf::from("/a/x.toml"));
    }

    #[test]
    fn the_first_usual_place_with_a_file_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let surroundings =
            Surroundings { current_folder: at("work"), home: Some(at("home")), config_home: Some(at("xdg")), ..Surroundings::default() };
        let write = |path: PathBuf| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
        };
        write(at("home/.config/gleaner/gleaner.toml"));
        assert!(!matches!(surroundings.find(None), Ok(found) if found.starts_with(folder.path())), "$XDG_CONFIG_HOME replaces ~/.config");
        let without_xdg = Surroundings { config_home: None, ..surroundings.clone() };
        assert_eq!(without_xdg.find(None).unwrap(), at("home/.config/gleaner/gleaner.toml"));
        write(at("xdg/gleaner/gleaner.toml"));
        assert_eq!(surroundings.find(None).unwrap(), at("xdg/gleaner/gleaner.toml"));
        write(at("work/config/gleaner.toml"));
        assert_eq!(surroundings.find(None).unwrap(), at("work/config/gleaner.toml"));
    }

    #[test]
    fn the_default_database_is_systemds_then_the_users() {
        let mut surroundings = Surroundings { home: Some("/home/u".into()), ..Surroundings::default() };
        assert_eq!(surroundings.default_database().unwrap(), PathBuf::from("/home/u/.local/share/gleaner/gleaner.db"));
        surroundings.data_home = Some("/data".into());
        assert_eq!(surroundings.default_database().unwrap(), PathBuf::from("/data/gleaner/gleaner.db"));
        surroundings.state_directory = Some("/var/lib/gleaner".into());
        assert_eq!(surroundings.default_database().unwrap(), PathBuf::from("/var/lib/gleaner/gleaner.db"));
        assert_eq!(Surroundings::default().default_database(), None);
    }
}
