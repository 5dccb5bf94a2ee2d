//! What many feeds cost, each on a host of its own: `cargo bench --bench many`; numbers and a word change it:
//! `-- FEEDS… http|https|h2`, as in `-- 1000 20000 h2`.
//!
//! For each number of feeds: a first pass over all of them, a second one that finds nothing changed (over TLS each begins with a
//! handshake), the start of the daemon with all of them known until its first request, and what it costs while they wait.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

mod hosts;
#[path = "end_to_end/process.rs"]
mod process;
mod random;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::hosts::{Farm, Hosts, Over};
use self::process::Cost;

/// Of each feed: what counts here are the feeds.
const ENTRIES: u64 = 2;

/// How long the waiting daemon is watched, and from when on.
const WAITING: Duration = Duration::from_secs(60);
const SETTLED: Duration = Duration::from_secs(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let over = arguments.iter().find_map(|argument| Over::of(argument)).unwrap_or(Over::Http);
    let mut sizes: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![1_000, 20_000];
    }
    println!("over {}\n", over.name());
    println!(
        "| feeds | first poll: wall s, CPU ms a feed, peak MB | again, nothing changed | daemon: ms to its first request | waiting: % of a core, resident MB |"
    );
    println!("| ---: | --- | --- | ---: | --- |");
    for feeds in sizes {
        println!("{}", row(feeds, over));
    }
}

fn row(feeds: u64, over: Over) -> String {
    // One more, which only the daemon is told of: it is the one that is due when it starts.
    let hosts = Hosts::serve(Farm { feeds: feeds + 1, entries: ENTRIES, is_lively: false, over });
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let trusted = hosts.trust(at);
    let gleaner = |arguments: &[&str]| {
        let program = std::env::var("GLEANER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner").to_owned());
        let mut command = Command::new(program);
        command.args(["--config", "gleaner.toml", "-q"]).args(arguments).current_dir(at).envs(trusted.clone());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    write_config(at, &hosts.tables(0..feeds));
    let first = process::run(&mut gleaner(&["poll"]));
    let again = process::run(&mut gleaner(&["poll", "--all"]));

    write_config(at, &hosts.tables(0..feeds + 1));
    let (requests, began) = (hosts.requests(), Instant::now());
    let mut daemon = gleaner(&["run"]).spawn().unwrap();
    while hosts.requests() == requests {
        std::thread::sleep(Duration::from_millis(1));
        assert!(began.elapsed() < WAITING, "the daemon asks for nothing");
    }
    let until_first = began.elapsed().as_millis();
    std::thread::sleep(SETTLED);
    let (before, began) = (process::cpu_of(daemon.id()), Instant::now());
    std::thread::sleep(WAITING);
    let share = (process::cpu_of(daemon.id()) - before) / began.elapsed().as_secs_f64();
    let resident = process::resident(daemon.id());
    daemon.kill().unwrap();
    daemon.wait().unwrap();

    let text = |Cost { wall, cpu, peak }: Cost| format!("{wall:.2}, {:.2}, {peak:.0}", cpu * 1000.0 / feeds as f64);
    format!("| {feeds} | {} | {} | {until_first} | {:.3}, {resident:.0} |", text(first), text(again), share * 100.0)
}

fn write_config(folder: &Path, feeds: &str) {
    let config = format!(
        "[database]\npath = \"gleaner.db\"\n[fetch]\nallow_private_networks = true\n[schedule]\ninterval = \"12h\"\nmin_interval = \"12h\"\n\
         [articles]\nfull_text = \"never\"\n[http]\nlisten = \"\"\n{feeds}"
    );
    fs::write(folder.join("gleaner.toml"), config).unwrap();
}
