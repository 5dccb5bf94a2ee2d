//! Where the log goes: to the journal as structured fields under systemd, else to stderr as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use super::Verbosity;
use super::failure::Failure;
use crate::config::{Log, LogFormat};

/// Starts the log. `-v` and `-q` go before the config's level.
///
/// # Errors
/// The config's level is no filter.
pub fn start(log: &Log, verbosity: Verbosity) -> Result<(), Failure> {
    let level = match (verbosity.quiet, verbosity.verbose) {
        (true, _) => "error",
        (_, 0) => log.level.as_str(),
        (_, 1) => "info,gleaner=debug",
        _ => "debug,gleaner=trace",
    };
    // What a migration does is told by the archive itself, where it matters.
    let filter =
        EnvFilter::try_new(format!("rusqlite_migration=warn,{level}")).map_err(|error| Failure::Usage(format!("log.level: {error}")))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match log.format {
        LogFormat::Auto if is_journal() => match tracing_journald::layer() {
            Ok(journal) => registry.with(journal.with_field_prefix(None)).try_init(),
            Err(_) => registry.with(fmt::layer().with_writer(io::stderr).with_ansi(false)).try_init(),
        },
        LogFormat::Auto | LogFormat::Text => {
            let is_terminal = io::stderr().is_terminal();
            registry.with(fmt::layer().with_writer(io::stderr).with_ansi(is_terminal).with_target(false)).try_init()
        }
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init(),
    };
    started.map_err(|error| Failure::Failed(format!("cannot start the log: {error}")))
}

/// Does systemd connect stderr to the journal?
fn is_journal() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some() && !io::stderr().is_terminal()
}
