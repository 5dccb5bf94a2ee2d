//! Alive after every fault: whatever happens to the process, the disk, the clock or the network, the archive stays whole, nothing
//! is lost or stored twice, the daemon stays up or comes back, and it says what is wrong once.
//!
//! Faults are made for real: processes are killed, files cut, disks filled, other programs lock the database. Where something
//! happens is drawn from a seed, so that a failure can be seen again.

mod archives;
mod care;
mod clock;
mod disk;
mod kill;
mod locked;
mod network;
mod power;

use std::collections::BTreeSet;
use std::path::Path;

use gleaner::store::{Reader, Selection};

/// SplitMix64: the same draws from the same seed everywhere.
pub struct Draws(u64);

impl Draws {
    pub fn of(seed: u64) -> Draws {
        Draws(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from `range`.
    pub fn from(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        range.start() + bits % (range.end() - range.start() + 1)
    }
}

/// How many seeds a test goes through: `GLEANER_FAULT_SEEDS`, else a number that an ordinary run of the tests has time for.
pub fn seeds(usual: u64) -> u64 {
    std::env::var("GLEANER_FAULT_SEEDS").map_or(usual, |count| count.parse().expect("GLEANER_FAULT_SEEDS is a number"))
}

/// The titles of all articles of an archive that is whole and in which each is there once; none where there is no archive yet.
#[track_caller]
pub fn whole(database: &Path) -> BTreeSet<String> {
    if !database.exists() {
        return BTreeSet::new();
    }
    let reader = Reader::open(database).unwrap();
    let damages = reader.check().unwrap().damages;
    assert!(damages.is_empty(), "{damages:#?}");
    let articles = reader.articles(Selection { copies: true, ..Selection::default() }).unwrap();
    let mut titles = BTreeSet::new();
    for article in articles {
        let article = article.unwrap();
        assert_eq!((article.revision, article.sightings.len()), (1, 1), "{}", article.title);
        assert!(titles.insert(article.title.clone()), "{} is there twice", article.title);
    }
    titles
}

/// The titles of the stories of these numbers.
pub fn titles(numbers: std::ops::RangeInclusive<u32>) -> BTreeSet<String> {
    numbers.map(|number| format!("Story {number}")).collect()
}
