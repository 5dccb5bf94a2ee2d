//! How much of what was lost comes back. Feeds of every kind of history are polled through bursts and outages, by the real poller from a
//! server on this machine, and each possible gap that a poll finds is followed along the feed's history, as the daemon does.
//! `cargo bench --bench backfill`; docs/backfill.md explains it.
//!
//! What is published is made up from a seed; a round takes a second, since the archive's times have seconds.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

#[path = "random/mod.rs"]
mod random;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use gleaner::backfill::Bound;
use gleaner::config::{self, Surroundings};
use gleaner::fetch::{Client, ClientSettings};
use gleaner::poll::{PollSettings, Poller};
use gleaner::store::Archive;

use random::Random;

const ROUNDS: usize = 40;
const FEEDS_OF_A_KIND: usize = 8;
/// Entries in a document, and in each page of history.
const WINDOW: usize = 10;
/// The News sitemap reaches this far.
const SITEMAP: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Archived,
    Paged,
    JsonFeed,
    WordPress,
    NewsSitemap,
    None,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Archived, "archived feed (RFC 5005)"),
    (Kind::Paged, "paged feed (RFC 5005)"),
    (Kind::JsonFeed, "JSON Feed, next_url"),
    (Kind::WordPress, "WordPress, ?paged=N"),
    (Kind::NewsSitemap, "News sitemap"),
    (Kind::None, "no history"),
];

impl Random {
    fn below(&mut self, limit: u64) -> usize {
        (self.next() % limit) as usize
    }
}

/// A publisher: how much it has published.
struct Publisher {
    kind: Kind,
    published: usize,
    begin: DateTime<Utc>,
}

impl Publisher {
    /// What stands at this path and query of the publisher's own folder.
    fn answer(&self, target: &str, own: &str) -> Option<String> {
        let number = |prefix: &str| target.strip_prefix(prefix).and_then(|number| number.parse::<usize>().ok());
        let last = self.published;
        let page = |number: usize| -> Option<std::ops::Range<usize>> {
            let end = last.checked_sub((number - 1) * WINDOW).filter(|end| *end > 0)?;
            Some(end.saturating_sub(WINDOW)..end)
        };
        match self.kind {
            Kind::Archived => {
                let archives = last / WINDOW - usize::from(last.is_multiple_of(WINDOW));
                let link = |archive: usize| (archive > 0).then(|| format!("<link rel='prev-archive' href='{own}archive-{archive}'/>"));
                match number("archive-") {
                    Some(archive) => Some(self.atom((archive - 1) * WINDOW..archive * WINDOW, &link(archive - 1).unwrap_or_default())),
                    None => Some(self.atom(archives * WINDOW..last, &link(archives).unwrap_or_default())),
                }
            }
            Kind::Paged => {
                let number = number("feed?page=").unwrap_or(1);
                let next = page(number + 1).map(|_| format!("<link rel='next' href='{own}feed?page={}'/>", number + 1));
                Some(self.atom(page(number)?, &next.unwrap_or_default()))
            }
            Kind::JsonFeed => {
                let number = number("feed?page=").unwrap_or(1);
                let next = page(number + 1).map(|_| format!("\"next_url\":\"{own}feed?page={}\",", number + 1)).unwrap_or_default();
                let items: Vec<String> = page(number)?
                    .rev()
                    .map(|entry| {
                        format!(
                            r#"{{"id":"{entry}","url":"{own}{entry}","title":"Story {entry}","date_published":"{}"}}"#,
                            self.date(entry)
                        )
                    })
                    .collect();
                Some(format!(r#"{{"version":"https://jsonfeed.org/version/1.1","title":"T",{next}"items":[{}]}}"#, items.join(",")))
            }
            Kind::WordPress => Some(self.atom(page(number("feed?paged=").unwrap_or(1))?, "<generator>WordPress</generator>")),
            Kind::NewsSitemap if target == "news.xml" => {
                let mut urls = String::new();
                for entry in (last.saturating_sub(SITEMAP)..last).rev() {
                    let date = self.date(entry);
                    write!(
                        urls,
                        "<url><loc>{own}{entry}</loc><news:news><news:publication_date>{date}</news:publication_date>\
                         <news:title>Story {entry}</news:title></news:news></url>"
                    )
                    .unwrap();
                }
                Some(format!(
                    "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' \
                     xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'>{urls}</urlset>"
                ))
            }
            Kind::NewsSitemap | Kind::None => (target == "feed").then(|| self.atom(last.saturating_sub(WINDOW)..last, "")),
        }
    }

    fn date(&self, entry: usize) -> String {
        (self.begin + TimeDelta::seconds(entry as i64)).to_rfc3339()
    }

    fn atom(&self, entries: std::ops::Range<usize>, head: &str) -> String {
        let mut feed = format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title>{head}");
        for entry in entries.rev() {
            write!(feed, "<entry><id>{entry}</id><title>Story {entry}</title><link href='OWN{entry}'/>",).unwrap();
            write!(feed, "<published>{}</published></entry>", self.date(entry)).unwrap();
        }
        feed + "</feed>"
    }
}

/// Each publisher has a host of its own (any of 127.0.0.0/8), since a host has one robots.txt.
fn serve(listener: &TcpListener, publishers: &Arc<Mutex<Vec<Publisher>>>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let publishers = Arc::clone(publishers);
        std::thread::spawn(move || {
            // A client may go at any time.
            let _ = converse(&stream, &publishers);
        });
    }
}

fn converse(stream: &TcpStream, publishers: &Mutex<Vec<Publisher>>) -> std::io::Result<()> {
    let (address, mut out) = (stream.local_addr()?, stream);
    let at = host_number(&address.ip().to_string());
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        let target = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let own = format!("http://{address}/");
        let body = {
            let publishers = publishers.lock().unwrap();
            let publisher = &publishers[at];
            match target.as_str() {
                "robots.txt" if publisher.kind == Kind::NewsSitemap => Some(format!("Sitemap: {own}news.xml\n")),
                target => publisher.answer(target, &own).map(|body| body.replace("OWN", &own)),
            }
        };
        match body {
            Some(body) => write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?,
            None => write!(out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
    Ok(())
}

fn host(number: usize) -> String {
    format!("127.0.1.{}", number + 1)
}

fn host_number(host: &str) -> usize {
    host.rsplit('.').next().and_then(|number| number.parse::<usize>().ok()).unwrap() - 1
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    published: usize,
    lost: usize,
    back: usize,
    gaps: usize,
    healed: usize,
}

/// What one feed's state is, in numbers.
#[derive(Debug, Clone, Copy)]
struct Watched {
    archived: usize,
    missing: usize,
    outage: usize,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let begin = Utc::now() - TimeDelta::days(1);
    let count = KINDS.len() * FEEDS_OF_A_KIND;
    let of = |at: usize| Publisher { kind: KINDS[at / FEEDS_OF_A_KIND].0, published: WINDOW, begin };
    let publishers = Arc::new(Mutex::new((0..count).map(of).collect::<Vec<_>>()));
    let serving = Arc::clone(&publishers);
    std::thread::spawn(move || serve(&listener, &serving));

    let mut text = "[database]\npath = \"bench.db\"\n[fetch]\nhost_delay = \"0s\"\nper_host = 8\nallow_private_networks = true\n[pages]\nhost_delay = \"0s\"\n".to_owned();
    for at in 0..count {
        writeln!(text, "[[feed]]\nname = \"{at}\"\nurl = \"http://{}:{port}/feed\"", host(at)).unwrap();
    }
    let file = folder.path().join("gleaner.toml");
    std::fs::write(&file, text).unwrap();
    let config = config::load_in(&file, &Surroundings::of_process().unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tallies = runtime.block_on(async {
        let archive = Arc::new(Archive::open(&config.database.path).unwrap());
        let client = Client::new(&ClientSettings::new(&config.fetch, &config.pages)).unwrap();
        let poller = Poller::new(Arc::clone(&archive), client, PollSettings::from(&config)).unwrap();
        simulate(&poller, &config.feeds, &publishers).await
    });

    println!("{count} feeds, {ROUNDS} rounds of bursts and outages, {WINDOW} entries in a document\n");
    println!("| history | published | lost by polling | came back | possible gaps | healed |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let mut with_history = Tally::default();
    for ((kind, name), tally) in KINDS.iter().zip(tallies) {
        let Tally { published, lost, back, gaps, healed } = tally;
        println!("| {name} | {published} | {lost} | {back} ({}) | {gaps} | {healed} |", percent(back, lost));
        if *kind != Kind::None {
            with_history.lost += lost;
            with_history.back += back;
        }
    }
    println!("\nWhere the server offers history {} of what was lost came back.", percent(with_history.back, with_history.lost));
    assert!(with_history.back * 100 >= with_history.lost * 95, "less than 95 % came back");
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

async fn simulate(poller: &Poller, feeds: &[Arc<config::Feed>], publishers: &Mutex<Vec<Publisher>>) -> Vec<Tally> {
    let mut random = Random(13);
    let mut tallies = vec![Tally::default(); KINDS.len()];
    let mut watched = vec![Watched { archived: 0, missing: 0, outage: 0 }; feeds.len()];
    for round in 0..ROUNDS {
        let began = Utc::now().timestamp();
        for (at, feed) in feeds.iter().enumerate() {
            let (state, tally) = (&mut watched[at], &mut tallies[at / FEEDS_OF_A_KIND]);
            if round > 0 {
                // Mostly a few, at times a burst.
                let new = if random.below(12) == 0 { 8 + random.below(25) } else { random.below(5) };
                publishers.lock().unwrap()[at].published += new;
                tally.published += new;
                state.outage = match state.outage {
                    0 if random.below(10) == 0 => 1 + random.below(8),
                    left => left.saturating_sub(1),
                };
            }
            if state.outage > 0 {
                continue;
            }
            let line = poller.poll(feed, std::time::Instant::now()).await.unwrap();
            assert_eq!(line.error, None, "{}", feed.url);
            state.archived += line.new;
            let published = publishers.lock().unwrap()[at].published;
            let lost = published - state.archived - state.missing;
            tally.lost += lost;
            let (_, gaps) = poller.left_undone().await.unwrap();
            if let Some(gap) = gaps.into_iter().find(|gap| gap.feed == feed.name) {
                tally.gaps += 1;
                let line = poller.backfill(feed, Bound::of_gap(gap.known_at), false, |_| {}).await.unwrap();
                state.archived += line.new as usize;
                tally.back += line.new as usize;
                tally.healed += line.healed as usize;
            }
            state.missing = published - state.archived;
        }
        while Utc::now().timestamp() == began {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    tallies
}
