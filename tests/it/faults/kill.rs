//! Killed at any instant: by `kill -9` while the journal grows or is written back, and by the kernel in the middle of a write.
//!
//! `GLEANER_FAULT_SEEDS=1000 cargo test --test it faults::kill` goes through a thousand points.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Draws, seeds, titles, whole};
use crate::support::{Answer, FeedServer, PATIENCE, Place, SETTINGS, stories, with_feeds};

/// So many blows hit one archive, one after the other, before another is begun.
const BLOWS: u64 = 8;

/// About what the journal of a larger poll here holds.
const JOURNAL: u64 = 250 << 10;

/// Where a process is killed.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// When its journal holds so many bytes.
    Journal(u64),
    /// When it writes the journal back into the database, so many microseconds after it began to.
    WritingBack(u64),
    /// So many microseconds after it has asked the feed.
    AfterAsking(u64),
    /// In the write that would make any of its files longer than so many blocks of 512 bytes; what fits is written. The
    /// signal is the kernel's (SIGXFSZ), which ends a process as SIGKILL does.
    Write(u64),
}

impl Blow {
    fn of(draws: &mut Draws) -> Blow {
        match draws.from(0..=5) {
            0 => Blow::Journal(draws.from(1..=JOURNAL)),
            1 => Blow::WritingBack(draws.from(0..=3_000)),
            2 => Blow::AfterAsking(draws.from(0..=120_000)),
            _ => Blow::Write(draws.from(1..=JOURNAL / 512)),
        }
    }
}

/// A feed that grows, and the archive of one who polls it and is killed again and again.
struct History {
    server: FeedServer,
    shown: Arc<AtomicU32>,
    place: Place,
    kept: BTreeSet<String>,
}

impl History {
    fn begin() -> History {
        let server = FeedServer::start();
        let shown = Arc::new(AtomicU32::new(40));
        let showing = Arc::clone(&shown);
        // With a validator: one that is stored without its articles would hide them for ever.
        server.compute("/feed", move |_| {
            let shown = showing.load(Ordering::SeqCst);
            Answer::feed(stories(1..=shown)).etag(format!("\"{shown}\"")).conditional()
        });
        let settings = SETTINGS.replace("min_interval = \"1s\"", "interval = \"1s\"\nmin_interval = \"1s\"");
        let place = Place::with_config(&with_feeds(&settings, [("paper", server.url("/feed"))]));
        History { server, shown, place, kept: BTreeSet::new() }
    }

    /// One blow, and what is left after it; was it one that hit?
    fn suffer(&mut self, seed: u64) -> bool {
        let mut draws = Draws::of(seed);
        self.shown.fetch_add(draws.from(1..=9) as u32, Ordering::SeqCst);
        let arguments: &[&str] = if draws.from(0..=3) == 0 { &["run"] } else { &["poll", "--all"] };
        let blow = Blow::of(&mut draws);
        let hit = self.strike(blow, arguments);
        let told = format!("seed {seed}, {blow:?} of {arguments:?}");
        let left = whole(&self.place.at("gleaner.db"));
        assert!(left.is_superset(&self.kept), "{told}: lost {:?}", self.kept.difference(&left));
        let lines = self.place.poll();
        assert!(lines[0]["error"].is_null(), "{told}: {lines:?}");
        self.kept = whole(&self.place.at("gleaner.db"));
        assert_eq!(self.kept, titles(1..=self.shown.load(Ordering::SeqCst)), "{told}");
        hit
    }

    fn strike(&self, blow: Blow, arguments: &[&str]) -> bool {
        let (database, journal) = (self.place.at("gleaner.db"), self.place.at("gleaner.db-wal"));
        let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let written = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let (asked, before) = (self.server.requests().len(), written(&database));
        let mut command = self.place.command(arguments);
        if let Blow::Write(blocks) = blow {
            let program = command.get_program().to_owned();
            let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            command = Command::new("/bin/sh");
            command.args(["-c", &format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(program).args(arguments);
            command.current_dir(self.place.path()).env_clear();
        }
        let mut process = self.place.start_with(command);
        let began = Instant::now();
        let is_there = || match blow {
            Blow::Journal(bytes) => length(&journal) >= bytes,
            Blow::WritingBack(_) => length(&journal) > 0 && written(&database) != before,
            Blow::AfterAsking(_) => self.server.requests().len() > asked,
            Blow::Write(_) => false,
        };
        // A daemon goes on for ever; when it asks again, it has committed all that there was.
        let is_over = || self.server.requests().len() > asked + 1;
        while !is_there() && !is_over() && !process.has_ended() {
            assert!(began.elapsed() < PATIENCE, "{blow:?}: {}", process.log());
            std::thread::sleep(Duration::from_micros(200));
        }
        match blow {
            Blow::WritingBack(after) | Blow::AfterAsking(after) => std::thread::sleep(Duration::from_micros(after)),
            Blow::Journal(_) | Blow::Write(_) => {}
        }
        let has_finished = process.has_ended() && process.ends_within(PATIENCE).success();
        process.kill();
        !has_finished
    }
}

#[test]
fn a_process_killed_at_any_of_many_points_loses_nothing_and_doubles_nothing() {
    let count = seeds(16);
    let mut hits = 0;
    for first in (0..count).step_by(BLOWS as usize) {
        let mut history = History::begin();
        hits += (first..count.min(first + BLOWS)).filter(|seed| history.suffer(*seed)).count() as u64;
    }
    eprintln!("{hits} of {count} processes were killed before they had done their work");
    assert!(hits * 2 >= count, "only {hits} of {count} blows hit a process that had something to do");
}
