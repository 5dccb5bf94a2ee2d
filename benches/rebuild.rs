//! What a rebuild costs: `cargo bench --bench rebuild`; two numbers change it: `-- FEEDS ENTRIES`.
//!
//! An archive is filled from files by `gleaner poll`; then every article is made again with another reading speed, so that each
//! is written, and once more with nothing to write. `GLEANER` names another program than the one that was built with this.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, reason = "a measurement that cannot go on stops")]

#[path = "end_to_end/farm.rs"]
mod farm;
#[path = "end_to_end/process.rs"]
mod process;
#[path = "random/mod.rs"]
mod random;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual: usize| numbers.get(at).copied().unwrap_or(usual);
    let (feeds, entries) = (number(0, 1_000), number(1, 50));
    let folder = tempfile::tempdir().unwrap();
    let mut listed = String::new();
    for (at, document) in farm::documents(feeds, entries).into_iter().enumerate() {
        std::fs::write(folder.path().join(format!("{at}.xml")), document.body).unwrap();
        let _ = write!(listed, "[[feed]]\nname = \"feed{at}\"\nurl = \"file:{at}.xml\"\n");
    }
    let configure = |reading_speed: u32| {
        let settings = format!(
            "[database]\npath = \"gleaner.db\"\n[log]\nlevel = \"error\"\n[articles]\nfull_text = \"never\"\nreading_speed = {reading_speed}\n"
        );
        std::fs::write(folder.path().join("gleaner.toml"), settings + &listed).unwrap();
    };
    configure(180);
    gleaner(folder.path(), &["poll", "--all", "--quiet"]);
    let articles = count(folder.path());
    println!("{articles} articles\n");
    println!("| rebuild | s | s of processors | ms of processors an article | a million, minutes | peak, MB |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for (name, reading_speed) in [("every article changes", 60), ("nothing changes", 60)] {
        configure(reading_speed);
        let cost = gleaner(folder.path(), &["rebuild", "--quiet"]);
        let a_million = cost.wall / articles as f64 * 1e6 / 60.0;
        let each = cost.cpu / articles as f64 * 1e3;
        println!("| {name} | {:.1} | {:.1} | {each:.3} | {a_million:.1} | {:.0} |", cost.wall, cost.cpu, cost.peak);
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let program = std::env::var("GLEANER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner").to_owned());
    let mut command = Command::new(program);
    command.args(["--config", "gleaner.toml"]).args(arguments).current_dir(folder);
    command
}

fn gleaner(folder: &Path, arguments: &[&str]) -> process::Cost {
    process::run(command(folder, arguments).stdout(Stdio::null()))
}

fn count(folder: &Path) -> usize {
    let exported = command(folder, &["export", "--format", "ndjson", "--copies", "--quiet"]).output().unwrap();
    exported.stdout.iter().filter(|byte| **byte == b'\n').count()
}
