//! What a poll costs from end to end, beside other programs: `cargo bench --bench end_to_end`; two numbers change the farm:
//! `-- FEEDS ENTRIES`. Prints the tables of docs/performance.md.
//!
//! A farm of feeds is served by this program on the loopback interface. Each program polls all of it into an archive of its
//! own, and then once more when nothing has changed. Newsboat, sfeed and reader take part where they are installed.

#![allow(clippy::print_stdout, reason = "the tables are the purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

mod farm;
mod process;
#[path = "../random/mod.rs"]
mod random;
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::process::Cost;
use self::server::Server;

/// How long the waiting daemon is watched.
const IDLE: Duration = Duration::from_secs(20);

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (feeds, entries) = (numbers.first().copied().unwrap_or(1_000), numbers.get(1).copied().unwrap_or(20));
    let documents = farm::documents(feeds, entries);
    let bytes: usize = documents.iter().map(|document| document.body.len()).sum();
    let paths: Vec<String> = documents.iter().map(|document| document.path.clone()).collect();
    let server = Server::start(documents);
    let urls: Vec<String> = paths.iter().map(|path| format!("http://127.0.0.1:{}{path}", server.port)).collect();
    println!("{feeds} feeds of {entries} articles, {:.1} MB\n", bytes as f64 / 1e6);
    println!(
        "| program | first poll: wall s, CPU s, peak MB | second poll: wall s, CPU s, peak MB (documents asked for again) | keeps MB |"
    );
    println!("| --- | --- | --- | --- |");
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let gleaner = std::env::var("GLEANER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner").to_owned());
    let config = config(&urls);
    fs::write(at.join("gleaner.toml"), config).unwrap();
    let gleaner = |arguments: &[&str]| {
        let mut command = Command::new(&gleaner);
        command.args(["--config", "gleaner.toml", "-q"]).args(arguments);
        command
    };
    measure("Gleaner", at, &server, &mut gleaner(&["poll"]), &mut gleaner(&["poll", "--all"]), &["gleaner.db"]);
    for peer in peers(at, &urls) {
        let Peer { name, mut first, mut again, keeps } = peer;
        measure(name, at, &server, &mut first, &mut again, &keeps);
    }

    let mut daemon = gleaner(&["run"]);
    let mut daemon = daemon.current_dir(at).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(5));
    let (before, began) = (process::cpu_of(daemon.id()), Instant::now());
    std::thread::sleep(IDLE);
    let share = (process::cpu_of(daemon.id()) - before) / began.elapsed().as_secs_f64();
    println!("\nThe daemon while all feeds wait: {:.2} % of a core, {:.1} MB resident", share * 100.0, process::resident(daemon.id()));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

fn config(urls: &[String]) -> String {
    let mut config = "[database]\npath = \"gleaner.db\"\n[fetch]\nallow_private_networks = true\nper_host = 64\nhost_delay = \"0s\"\n\
                      [schedule]\nmin_interval = \"12h\"\ninterval = \"12h\"\n[articles]\nfull_text = \"never\"\n[http]\nlisten = \"\"\n"
        .to_owned();
    for url in urls {
        config += &format!("[[feed]]\nurl = \"{url}\"\n");
    }
    config
}

/// Another program, ready to poll.
struct Peer {
    name: &'static str,
    first: Command,
    again: Command,
    /// Files or folders that hold its archive.
    keeps: Vec<&'static str>,
}

fn peers(at: &Path, urls: &[String]) -> Vec<Peer> {
    let mut peers = Vec::new();
    if is_installed("newsboat", &["--version"]) {
        fs::write(at.join("urls"), urls.join("\n")).unwrap();
        fs::write(at.join("newsboat.conf"), "reload-threads 4\nmax-items 0\n").unwrap();
        let command = || {
            let mut command = Command::new("newsboat");
            command.args(["-u", "urls", "-c", "newsboat.db", "-C", "newsboat.conf", "-x", "reload"]).env("HOME", at);
            command
        };
        peers.push(Peer { name: "newsboat", first: command(), again: command(), keeps: vec!["newsboat.db"] });
    }
    if is_installed("sfeed_update", &["/dev/null"]) {
        let feeds: Vec<String> = urls.iter().enumerate().map(|(number, url)| format!("\tfeed \"s{number}\" \"{url}\"")).collect();
        let script = format!("sfeedpath=\"{}/sfeed\"\nmaxjobs=16\nfeeds() {{\n{}\n}}\n", at.display(), feeds.join("\n"));
        fs::write(at.join("sfeedrc"), script).unwrap();
        let command = || {
            let mut command = Command::new("sfeed_update");
            command.arg(at.join("sfeedrc"));
            command
        };
        peers.push(Peer { name: "sfeed", first: command(), again: command(), keeps: vec!["sfeed"] });
    }
    if is_installed("python3", &["-c", "import reader"]) {
        fs::write(at.join("urls"), urls.join("\n")).unwrap();
        let script = "import reader\nr = reader.make_reader('reader.db')\n\
                      for url in open('urls').read().split(): r.add_feed(url, exist_ok=True)\nr.update_feeds(workers=4)\n";
        let command = || {
            let mut command = Command::new("python3");
            command.args(["-c", script]);
            command
        };
        peers.push(Peer { name: "reader", first: command(), again: command(), keeps: vec!["reader.db"] });
    }
    peers
}

fn is_installed(program: &str, arguments: &[&str]) -> bool {
    let run = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| program == "sfeed_update" || status.success())
}

fn measure(name: &str, at: &Path, server: &Server, first: &mut Command, again: &mut Command, keeps: &[&str]) {
    let run = |command: &mut Command| {
        command.current_dir(at).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let cost = process::run(command);
        (cost, server.answers().0)
    };
    let text = |Cost { wall, cpu, peak }: Cost| format!("{wall:.1}, {cpu:.2}, {peak:.0}");
    let (first, _) = run(first);
    let (again, full) = run(again);
    let size: u64 = keeps.iter().map(|name| size(&at.join(name))).sum();
    println!("| {name} | {} | {} ({full}) | {:.1} |", text(first), text(again), size as f64 / 1e6);
}

/// Bytes of a file, or of all files of a folder.
fn size(path: &Path) -> u64 {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| size(&entry.path())).sum(),
        Err(_) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
    }
}
