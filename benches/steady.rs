//! What the daemon holds in memory at a steady state: many feeds, each on a host of its own, polled again and again for some
//! minutes. `cargo bench --bench steady`; numbers and a word change it: `-- FEEDS INTERVAL_SECONDS MINUTES ENTRIES http|https|h2`.
//!
//! One feed in twenty shows a new article with each request, the rest answer "not modified". What is printed is the daemon's own
//! resident memory, as the kernel counts it, and its peak. It runs with the environment that this has; the unit's is in
//! `systemd/gleaner.service`.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

mod hosts;
mod random;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use self::hosts::{Farm, Hosts, Over};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual: u64| numbers.get(at).copied().unwrap_or(usual);
    let (feeds, interval, minutes, entries) = (number(0, 10_000), number(1, 600), number(2, 10), number(3, 13));
    let over = arguments.iter().find_map(|argument| Over::of(argument)).unwrap_or(Over::Http);
    let hosts = Hosts::serve(Farm { feeds, entries, is_lively: true, over });

    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[database]\npath = \"gleaner.db\"\n[fetch]\nallow_private_networks = true\n[schedule]\ninterval = \"{interval}s\"\n\
         min_interval = \"{interval}s\"\nadaptive = false\n[articles]\nfull_text = \"never\"\n[http]\nlisten = \"\"\n[log]\nlevel = \"warn\"\n{}",
        hosts.tables(0..feeds)
    );
    std::fs::write(folder.path().join("gleaner.toml"), config).unwrap();
    let program = std::env::var("GLEANER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner").to_owned());
    let mut daemon = Command::new(program);
    daemon.args(["--config", "gleaner.toml", "run"]).current_dir(folder.path()).stdin(Stdio::null());
    daemon.envs(hosts.trust(folder.path()));
    let daemon = Daemon(daemon.spawn().unwrap());

    println!("{feeds} feeds of {entries} entries over {}, each polled every {interval} s\n", over.name());
    println!("| minute | requests | resident, MiB | … of it heap | peak, MiB | threads |\n| ---: | ---: | ---: | ---: | ---: | ---: |");
    let began = Instant::now();
    for minute in 1..=minutes {
        std::thread::sleep((began + Duration::from_secs(60 * minute)).saturating_duration_since(Instant::now()));
        let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
        let value = |key: &str| -> f64 {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let mebibytes = |key: &str| value(key) / 1024.0;
        let (resident, heap, peak) = (mebibytes("VmRSS:"), mebibytes("RssAnon:"), mebibytes("VmHWM:"));
        println!("| {minute} | {} | {resident:.1} | {heap:.1} | {peak:.1} | {} |", hosts.requests(), value("Threads:"));
    }
}

/// The daemon; it is killed when this ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
