//! `gleaner check`: validates the config and its feed lists, and says what was found. Touches nothing.

use std::io::{self, Write};
use std::path::Path;

use super::failure::{Failure, show_mistakes};
use crate::config::{self, Config, Surroundings};

/// Runs the command.
///
/// # Errors
/// Every mistake of every file.
pub fn run(config_file: &Path, surroundings: &Surroundings) -> Result<(), Failure> {
    let config = config::load_in(config_file, surroundings)?;
    show_mistakes(&config.warnings);
    let mut out = io::stdout().lock();
    write_summary(&mut out, &config)?;
    out.flush()?;
    Ok(())
}

fn write_summary(out: &mut impl Write, config: &Config) -> io::Result<()> {
    let folder = config.file.parent().unwrap_or(Path::new("/"));
    for file in std::iter::once(&config.file).chain(&config.feed_lists) {
        let feeds = config.feeds.iter().filter(|feed| feed.list == *file);
        let disabled = feeds.clone().filter(|feed| !feed.enabled).count();
        let shown = file.strip_prefix(folder).unwrap_or(file).display();
        let disabled = if disabled == 0 { String::new() } else { format!(", {disabled} of them disabled") };
        match feeds.count() {
            0 if *file == config.file => writeln!(out, "{shown}: valid")?,
            1 => writeln!(out, "{shown}: 1 feed{disabled}")?,
            count => writeln!(out, "{shown}: {count} feeds{disabled}")?,
        }
    }
    for file in &config.rule_files {
        writeln!(out, "{}: site rules", file.strip_prefix(folder).unwrap_or(file).display())?;
    }
    Ok(())
}
