//! `gleaner run`: the daemon in the foreground.

use std::path::Path;

use super::failure::Failure;
use super::{Verbosity, logs};
use crate::config::{self, Surroundings};
use crate::daemon;

/// Runs the command until a signal ends it.
///
/// # Errors
/// The config is wrong, or the archive cannot be opened.
pub fn run(config_file: &Path, surroundings: &Surroundings, verbosity: Verbosity) -> Result<(), Failure> {
    let config = config::load_in(config_file, surroundings)?;
    logs::start(&config.log, verbosity)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let reload = || config::load_in(config_file, surroundings);
    // systemd's `RuntimeDirectory=`; of several, joined by colons, the first is ours.
    let runtime_directory =
        std::env::var_os("RUNTIME_DIRECTORY").and_then(|list| std::env::split_paths(&list).find(|path| path.is_absolute()));
    let ended = runtime.block_on(daemon::run(config, surroundings, runtime_directory.as_deref(), reload));
    // Whatever still parses a document has nothing to commit any more.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    ended.map_err(|error| Failure::Failed(error.to_string()))
}
