//! `gleaner db`: the archive as a file: backed up, checked, pruned.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};

use super::archive::hand_over;
use super::failure::Failure;
use super::{Verbosity, archive, block_on, logs};
use crate::config::{Config, Surroundings, write_duration, write_size};
use crate::daemon::control::{Reply, Request};
use crate::store::{Archive, BackupError, Checked, Damage, StoreError};

/// `gleaner db`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct DbArgs {
    /// What to do
    #[command(subcommand)]
    pub command: DbCommand,
}

/// The commands on the database.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum DbCommand {
    /// Writes a consistent copy of the archive, also while a daemon writes into it
    Backup(BackupArgs),
    /// Looks through the whole archive for damage; exit status 1 where there is any
    Check(CheckArgs),
    /// Removes the articles that `retention` no longer keeps
    Prune,
}

/// `gleaner db backup`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct BackupArgs {
    /// The backup; it is replaced when the new one is complete, checked and safe on disk
    pub file: PathBuf,
    /// Keep so many backups: earlier ones become FILE.1, FILE.2 and so on
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub keep: u32,
}

/// `gleaner db check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct CheckArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// The archive cannot be used, or is damaged.
pub fn run(args: &DbArgs, config: &Config, surroundings: &Surroundings, verbosity: Verbosity) -> Result<(), Failure> {
    match &args.command {
        DbCommand::Backup(args) => back_up(args, config, surroundings, verbosity),
        DbCommand::Check(args) => check(*args, config, verbosity),
        DbCommand::Prune => prune(config, verbosity),
    }
}

fn back_up(args: &BackupArgs, config: &Config, surroundings: &Surroundings, verbosity: Verbosity) -> Result<(), Failure> {
    let target = surroundings.absolute(&args.file);
    let reader = archive::open(config)?;
    let is_bar = !verbosity.quiet && io::stderr().is_terminal();
    let bar = if is_bar { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() };
    let made = reader.back_up(&target, args.keep, &mut |copied, all| {
        bar.set_length(all);
        bar.set_position(copied);
    });
    bar.finish_and_clear();
    match made {
        Ok(()) => {
            if !verbosity.quiet {
                let size = std::fs::metadata(&target).map_or(0, |metadata| metadata.len());
                writeln!(io::stdout().lock(), "{}: {}, checked", target.display(), write_size(size))?;
            }
            Ok(())
        }
        Err(BackupError::Damaged(damages)) => {
            let error = BackupError::Damaged(Vec::new()).to_string();
            say_damages(&damages)?;
            Err(Failure::Failed(error))
        }
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {percent}%").unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn check(args: CheckArgs, config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    let reader = archive::open(config)?;
    let checked = reader.check()?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &checked).map_err(io::Error::from)?;
        writeln!(out)?;
    } else if !checked.damages.is_empty() {
        say_damages(&checked.damages)?;
    } else if !verbosity.quiet {
        let Checked { articles, blobs, .. } = checked;
        writeln!(out, "the archive is whole: {articles} articles, {blobs} bodies, entries and revisions, the search index in step")?;
    }
    out.flush()?;
    match checked.damages.len() {
        0 => Ok(()),
        _ => Err(Failure::Failed(format!("the archive {} is damaged; restore a backup", config.database.path.display()))),
    }
}

fn say_damages(damages: &[Damage]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for Damage { part, what } in damages {
        writeln!(out, "{part}: {what}")?;
    }
    Ok(())
}

fn prune(config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    logs::start(&config.log, verbosity)?;
    let Some(retention) = config.database.retention else {
        if !verbosity.quiet {
            writeln!(io::stdout().lock(), "retention is \"forever\": nothing is removed")?;
        }
        return Ok(());
    };
    let now = Utc::now();
    let before = now - retention;
    if !config.database.path.exists() {
        return Err(StoreError::Missing { path: config.database.path.clone() }.into());
    }
    let pruned = match Archive::open(&config.database.path) {
        Ok(archive) => {
            let pruned = block_on(async { archive.prune(before, now).await.map_err(Failure::from) });
            archive.close();
            pruned?
        }
        Err(error @ StoreError::Locked { .. }) => hand_over(config, &Request::Prune { before }, error, |reply| match reply {
            Reply::Pruned(pruned) => Some(pruned),
            _ => None,
        })?,
        Err(error) => return Err(error.into()),
    };
    if !verbosity.quiet {
        let mut out = io::stdout().lock();
        for (feed, articles) in &pruned.feeds {
            writeln!(out, "{feed}: {articles} removed")?;
        }
        let (articles, retention) = (pruned.articles(), write_duration(retention));
        writeln!(out, "{articles} articles removed that were first seen more than {retention} ago")?;
    }
    Ok(())
}
