//! What the daemon holds in memory at a steady state: many feeds, each on a host of its own, polled again and again for some
//! minutes. `cargo bench --bench steady`; four numbers change it:
//! `-- FEEDS INTERVAL_SECONDS MINUTES ENTRIES`.
//!
//! The feeds are served by this program, on addresses of 127.0.0.0/8; one in twenty shows a new article with each request, the
//! rest answer "not modified". What is printed is the daemon's own resident memory, as the kernel counts it, and its peak.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

use std::fmt::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Of so many feeds one has news with each request.
const LIVELY: u64 = 20;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let number = |at: usize, usual: u64| numbers.get(at).copied().unwrap_or(usual);
    let (feeds, interval, minutes, entries) = (number(0, 10_000), number(1, 300), number(2, 10), number(3, 20));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let served = Arc::new(AtomicU64::new(0));
    let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(serve(listener, entries, Arc::clone(&served)));

    let folder = tempfile::tempdir().unwrap();
    let mut config = format!(
        "[database]\npath = \"gleaner.db\"\n[fetch]\nallow_private_networks = true\n[schedule]\ninterval = \"{interval}s\"\n\
         min_interval = \"{interval}s\"\nadaptive = false\n[articles]\nfull_text = \"never\"\n[log]\nlevel = \"warn\"\n"
    );
    for feed in 0..feeds {
        let (high, low) = (feed / 250, feed % 250 + 1);
        let _ = write!(config, "[[feed]]\nname = \"feed{feed}\"\nurl = \"http://127.1.{high}.{low}:{port}/{feed}\"\n");
    }
    std::fs::write(folder.path().join("gleaner.toml"), config).unwrap();
    let program = std::env::var("GLEANER").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gleaner").to_owned());
    let child = Command::new(program).args(["--config", "gleaner.toml", "run"]).current_dir(folder.path()).stdin(Stdio::null()).spawn();
    let daemon = Daemon(child.unwrap());

    println!("{feeds} feeds of {entries} entries, each polled every {interval} s\n");
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
        let (served, threads) = (served.load(Ordering::Relaxed), value("Threads:"));
        println!("| {minute} | {served} | {resident:.1} | {heap:.1} | {peak:.1} | {threads} |");
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

async fn serve(listener: TcpListener, entries: u64, served: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            // A client may go at any time.
            let _ = converse(stream, entries, &served).await;
        });
    }
}

async fn converse(stream: TcpStream, entries: u64, served: &AtomicU64) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        loop {
            let from = request.len();
            if stream.read_line(&mut request).await? == 0 {
                return Ok(());
            }
            if request[from..].trim_end().is_empty() {
                break;
            }
        }
        let count = served.fetch_add(1, Ordering::Relaxed);
        let feed: u64 = request.split([' ', '/']).nth(2).and_then(|number| number.parse().ok()).unwrap_or_default();
        let is_known = request.to_ascii_lowercase().contains("if-none-match");
        let answer = if is_known && !feed.is_multiple_of(LIVELY) {
            "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".to_owned()
        } else {
            let last = if feed.is_multiple_of(LIVELY) { entries + count } else { entries };
            let body = document(feed, last, entries);
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
}

/// The feed's document whose newest entry is of this number.
fn document(feed: u64, last: u64, entries: u64) -> String {
    let mut document = format!(
        "<rss version=\"2.0\"><channel><title>Feed {feed}</title><link>https://feed{feed}.example/</link><description>News</description>"
    );
    for entry in (last + 1 - entries..=last).rev() {
        let seconds = 1_790_000_000 + i64::try_from(entry % 1_000_000).unwrap_or_default();
        let date = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc2822();
        let words: String = (0..400).map(|word| format!("word{} ", (feed * 31 + entry * 17 + word * 7) % 5_000)).collect();
        let _ = write!(
            document,
            "<item><guid isPermaLink=\"false\">{feed}-{entry}</guid><title>Story {entry} of feed {feed}</title>\
             <link>https://feed{feed}.example/{entry}</link><pubDate>{date}</pubDate><description>{words}</description></item>"
        );
    }
    document + "</channel></rss>"
}
