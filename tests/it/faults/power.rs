//! Power that fails: what the disk then holds of the write-ahead log is a part of it, or has garbage at its end.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::{Draws, seeds, titles, whole};
use crate::support::{Answer, FeedServer, PATIENCE, Place, SETTINGS, stories, with_feeds, within};

/// The log's header and that of each frame (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// How many stories the feed shows, poll by poll.
const SHOWN: [u32; 4] = [5, 9, 30, 34];

/// An archive as it lay on the disk when the power failed, and what its feed shows.
struct Wreck {
    server: FeedServer,
    database: Vec<u8>,
    log: Vec<u8>,
    /// After so many bytes of the log so many stories are committed: the first of `SHOWN` at least.
    commits: Vec<(usize, u32)>,
    frame: usize,
}

fn wreck() -> Wreck {
    let server = FeedServer::start();
    let place = Place::with_config(&config(&server));
    let log = |place: &Place| fs::read(place.at("gleaner.db-wal")).unwrap_or_default();
    server.on("/feed", Answer::feed(stories(1..=SHOWN[0])));
    // The first poll is in the database itself: what was there before must never suffer.
    assert_eq!(place.poll_counts(), (u64::from(SHOWN[0]), 0));
    let daemon = place.start(&["run"]);
    let mut commits = vec![(0, SHOWN[0])];
    for shown in &SHOWN[1..] {
        server.on("/feed", Answer::feed(stories(1..=*shown)));
        let path = place.at("gleaner.db");
        assert!(within(PATIENCE, || whole(&path).len() == *shown as usize), "{}", daemon.log());
        commits.push((log(&place).len(), *shown));
    }
    let (database, log) = (fs::read(place.at("gleaner.db")).unwrap(), log(&place));
    daemon.kill();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let frame = FRAME_HEADER + page;
    assert_eq!((log.len() - HEADER) % frame, 0);
    assert!(log.len() > HEADER + 10 * frame, "the log holds several commits");
    Wreck { server, database, log, commits, frame }
}

/// An interval that no test lives to see the end of, but for the polls that the daemon makes while its feed changes.
fn config(server: &FeedServer) -> String {
    with_feeds(&SETTINGS.replace("min_interval = \"1s\"", "interval = \"1s\"\nmin_interval = \"1s\""), [("paper", server.url("/feed"))])
}

impl Wreck {
    /// The commits whose last frame lies before this byte.
    fn committed(&self, bytes: usize) -> BTreeSet<String> {
        let shown = self.commits.iter().filter(|(end, _)| *end <= bytes).map(|(_, shown)| *shown).max();
        titles(1..=shown.unwrap_or(SHOWN[0]))
    }

    /// Opens the database with this log: whole, with these stories at least and no half of a poll.
    fn holds(&self, place: &Place, log: &[u8], sound: usize, what: &str) {
        self.lay(place, log);
        let found = whole(&place.at("gleaner.db"));
        let committed = self.committed(sound);
        assert_eq!(found, committed, "{what}");
    }

    fn lay(&self, place: &Place, log: &[u8]) {
        for name in ["gleaner.db-shm", "gleaner.db-lock"] {
            let _ = fs::remove_file(place.at(name));
        }
        place.write("gleaner.db", &self.database);
        place.write("gleaner.db-wal", log);
    }

    /// … and the next poll brings the rest.
    fn goes_on(&self, place: &Place, what: &str) {
        let lines = place.poll();
        assert!(lines[0]["error"].is_null(), "{what}: {lines:?}");
        assert_eq!(whole(&place.at("gleaner.db")), titles(1..=SHOWN[3]), "{what}");
    }
}

#[test]
fn a_log_cut_at_any_frame_or_byte_leaves_whole_polls_and_the_next_poll_brings_the_rest() {
    let wreck = wreck();
    let place = Place::with_config(&config(&wreck.server));
    let frames: Vec<usize> = (HEADER..=wreck.log.len()).step_by(wreck.frame).collect();
    let mut draws = Draws::of(1);
    let bytes = (0..seeds(40)).map(|_| draws.from(0..=wreck.log.len() as u64) as usize);
    let cuts: Vec<usize> = frames.into_iter().chain(bytes).collect();
    for (number, cut) in cuts.iter().enumerate() {
        let what = format!("cut at byte {cut} of {}", wreck.log.len());
        wreck.holds(&place, &wreck.log[..*cut], *cut, &what);
        // A process a cut is much; some of them show that it goes on.
        if number % 10 == 0 {
            wreck.goes_on(&place, &what);
        }
    }
}

#[test]
fn garbage_at_the_end_of_the_log_takes_no_more_than_the_polls_that_it_hit() {
    let wreck = wreck();
    let place = Place::with_config(&config(&wreck.server));
    let mut draws = Draws::of(2);
    for number in 0..seeds(40) {
        let from = draws.from(HEADER as u64..=wreck.log.len() as u64 - 1) as usize;
        let mut log = wreck.log.clone();
        let what = match number % 3 {
            0 => {
                log[from] ^= 1 << draws.from(0..=7);
                format!("a bit of byte {from} is another")
            }
            1 => {
                log[from..].iter_mut().for_each(|byte| *byte = draws.from(0..=255) as u8);
                format!("noise from byte {from} on")
            }
            // Blocks that a file system has given to the file, but not written.
            _ => {
                log[from..].fill(0);
                format!("zeros from byte {from} on")
            }
        };
        let sound = log.iter().zip(&wreck.log).position(|(byte, sound)| byte != sound).unwrap_or(log.len());
        wreck.holds(&place, &log, sound, &what);
        if number % 10 == 0 {
            wreck.goes_on(&place, &what);
        }
    }
}

#[test]
fn a_database_file_that_was_cut_is_told_to_be_damaged() {
    let wreck = wreck();
    let place = Place::with_config(&config(&wreck.server));
    wreck.lay(&place, &[]);
    wreck.goes_on(&place, "without a log");
    let length = fs::metadata(place.at("gleaner.db")).unwrap().len();
    cut(&place.at("gleaner.db"), length / 2);
    let checked = place.run(&["db", "check"]);
    assert_eq!(checked.status, 1, "{checked:?}");
    let told = format!("{}{}", checked.out, checked.err);
    assert!(told.contains("damaged") && told.contains("restore a backup"), "{told}");
}

fn cut(path: &Path, length: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}
