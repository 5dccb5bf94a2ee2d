//! `gleaner forget`: articles are taken out of the archive for good.

use std::io::{self, Write};

use chrono::Utc;

use super::archive::hand_over;
use super::failure::Failure;
use super::{Verbosity, block_on, logs};
use crate::config::Config;
use crate::daemon::control::{Reply, Request};
use crate::store::{Archive, Forgot, StoreError};

/// `gleaner forget`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct ForgetArgs {
    /// The articles' ids
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
}

/// Runs the command; a daemon that holds the archive does the work for it.
///
/// # Errors
/// The archive has no such article (then nothing is forgotten), or cannot be written; or the log could not be emptied.
pub fn run(args: &ForgetArgs, config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    logs::start(&config.log, verbosity)?;
    if !config.database.path.exists() {
        return Err(StoreError::Missing { path: config.database.path.clone() }.into());
    }
    let ids = args.ids.clone();
    let Forgot { unknown, copies, log_is_empty } = match Archive::open(&config.database.path) {
        Ok(archive) => {
            let forgot = block_on(async { archive.forget(ids, Utc::now()).await.map_err(Failure::from) });
            archive.close();
            forgot?
        }
        Err(error @ StoreError::Locked { .. }) => hand_over(config, &Request::Forget { ids }, error, |reply| match reply {
            Reply::Forgot(forgot) => Some(forgot),
            _ => None,
        })?,
        Err(error) => return Err(error.into()),
    };
    if !unknown.is_empty() {
        let names = unknown.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        return Err(Failure::Failed(format!("the archive has no article {names}; nothing was forgotten")));
    }
    if !log_is_empty {
        let advice = "somebody has been reading the archive all the while, so the database's log (-wal) still holds what they were; \
                      run this again when an export or backup under way has ended";
        return Err(Failure::Failed(format!("the articles are forgotten, but {advice}")));
    }
    if !verbosity.quiet {
        let mut out = io::stdout().lock();
        let articles = if args.ids.len() == 1 { "article" } else { "articles" };
        writeln!(out, "{} {articles} forgotten", args.ids.len())?;
        if !copies.is_empty() {
            writeln!(out, "the same text stands in other articles, which stay: {}", copies.join(", "))?;
        }
    }
    Ok(())
}
