//! `gleaner rebuild`: every article made again, with a progress bar on a terminal.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::failure::Failure;
use super::{Verbosity, block_on, logs};
use crate::config::Config;
use crate::daemon::control::{Client, Reply, Request};
use crate::rebuild::{RebuildLine, RebuildSettings, Stage, rebuild};
use crate::store::{Archive, RebuildTally, StoreError};

/// Runs the command; a daemon that holds the archive does the work for it.
///
/// # Errors
/// The archive cannot be used: what was done by then stays, and the next run goes on there.
pub fn run(config: &Config, verbosity: Verbosity) -> Result<(), Failure> {
    let is_bar = !verbosity.quiet && verbosity.verbose == 0 && io::stderr().is_terminal();
    let mut log = config.log.clone();
    if is_bar {
        log.level = "error".to_owned();
    }
    logs::start(&log, verbosity)?;
    if !config.database.path.exists() {
        return Err(StoreError::Missing { path: config.database.path.clone() }.into());
    }
    let mut shown = Shown::new(is_bar);
    match Archive::open(&config.database.path) {
        Ok(archive) => {
            let settings = RebuildSettings::from(config);
            let ended = block_on(async {
                rebuild(&archive, settings, |line| {
                    line.log();
                    shown.hear(line);
                })
                .await
                .map_err(Failure::from)
            });
            archive.close();
            ended?;
        }
        Err(error @ StoreError::Locked { .. }) => {
            let Some(mut daemon) = Client::connect(&config.database.path)? else { return Err(error.into()) };
            daemon.ask(&Request::Rebuild, |reply| {
                if let Reply::Rebuilt(line) = reply {
                    shown.hear(&line);
                }
                Ok::<_, Failure>(())
            })?;
        }
        Err(error) => return Err(error.into()),
    }
    let tally = shown.end();
    if !verbosity.quiet {
        writeln!(io::stdout().lock(), "{}", said(&tally))?;
    }
    Ok(())
}

/// What is shown while it goes on, whoever does it.
struct Shown {
    progress: ProgressBar,
    stage: Option<Stage>,
    tally: RebuildTally,
}

impl Shown {
    fn new(is_bar: bool) -> Self {
        let progress = if is_bar { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() };
        Self { progress, stage: None, tally: RebuildTally::default() }
    }

    fn hear(&mut self, line: &RebuildLine) {
        if self.stage.replace(line.stage) != Some(line.stage) {
            self.progress.reset();
            self.progress.set_message(line.stage.words());
        }
        self.progress.set_length(line.of.max(line.done));
        self.progress.set_position(line.done);
        self.tally = line.tally;
    }

    fn end(&self) -> RebuildTally {
        self.progress.finish_and_clear();
        self.tally
    }
}

fn said(tally: &RebuildTally) -> String {
    let RebuildTally { articles, changed, without_entry, unreadable } = *tally;
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let shows = if changed == 1 { "shows" } else { "show" };
    let mut said = format!("{articles} article{} made again, {changed} of them {shows} something else now", plural(articles));
    if without_entry > 0 {
        said += &format!("; of {without_entry} no raw entry was kept, so what their feeds said stays as it is");
    }
    if unreadable > 0 {
        said += &format!("; {unreadable} could not be made again and stay as they are (the log says why)");
    }
    said
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_what_changed_and_what_could_not() {
        let tally = RebuildTally { articles: 1, changed: 1, ..RebuildTally::default() };
        assert_eq!(said(&tally), "1 article made again, 1 of them shows something else now");
        let tally = RebuildTally { articles: 30, changed: 0, without_entry: 2, unreadable: 1 };
        assert_eq!(
            said(&tally),
            "30 articles made again, 0 of them show something else now; of 2 no raw entry was kept, so what their feeds said stays as it \
             is; 1 could not be made again and stay as they are (the log says why)"
        );
    }
}
