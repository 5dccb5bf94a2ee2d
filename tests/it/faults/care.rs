//! The archive's care beside faults: backups amid writing, damage that is found, retention that races with polls, a writer that
//! is stuck.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gleaner::store::Reader;

use super::{titles, whole};
use crate::place::{LONG, Place};
use crate::support::{Answer, FeedServer, Item, rss, stories, within};

/// A feed that shows so many stories more with each request, polled every second.
fn growing(by: u32, more: &str) -> (Place, FeedServer, Arc<AtomicU32>) {
    let server = FeedServer::start();
    let shown = Arc::new(AtomicU32::new(0));
    let showing = Arc::clone(&shown);
    server.compute("/feed", move |_| Answer::feed(stories(1..=showing.fetch_add(by, Ordering::SeqCst) + by)));
    let config = Place::config("", &[("paper", server.url("/feed"))]) + "interval = \"1s\"\n";
    (Place::new(&config.replace("[database]", &format!("[database]\n{more}"))), server, shown)
}

#[test]
fn each_of_many_backups_made_amid_writing_is_one_moment_of_the_archive_under_an_id_of_its_own() {
    let (place, _server, _) = growing(7, "");
    let daemon = place.daemon();
    daemon.logs("polled", 1);
    let mut ids = BTreeSet::from([place.status()["archive"]["id"].as_str().unwrap().to_owned()]);
    let mut last = 0;
    for number in 0..6 {
        place.run(&["db", "backup", &format!("backup{number}.db")]).succeeds();
        let backup = place.at(&format!("backup{number}.db"));
        let held = u32::try_from(whole(&backup).len()).unwrap();
        assert!(held.is_multiple_of(7) && held >= last, "a poll is there as a whole or not at all, not {held} articles");
        assert_eq!(whole(&backup), titles(1..=held));
        last = held;
        assert!(ids.insert(Reader::open(&backup).unwrap().identity().unwrap().0), "each has its own id");
    }
    daemon.stop();
}

#[test]
fn check_finds_garbage_at_the_root_of_any_table_or_index() {
    let (place, _server, _) = growing(30, "");
    place.run(&["poll"]).succeeds();
    let database = place.database();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let size: u64 = database.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap();
    let mut statement = database.prepare("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").unwrap();
    let roots: Vec<(String, u64)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))).unwrap().map(Result::unwrap).collect();
    drop(statement);
    database.close().unwrap();
    assert!(roots.len() > 20, "{roots:?}");
    for (name, page) in roots {
        let copy = place.at("copy.db");
        fs::copy(place.at("gleaner.db"), &copy).unwrap();
        fs::File::options().write(true).open(&copy).unwrap().write_all_at(&[0x5a; 48], (page - 1) * size).unwrap();
        // The schema itself may be unreadable; then that is said instead.
        let is_found = Reader::open(&copy).and_then(|reader| reader.check()).map_or(true, |checked| !checked.damages.is_empty());
        assert!(is_found, "garbage in {name}");
    }
}

#[test]
fn check_finds_a_revision_that_cannot_be_read() {
    let server = FeedServer::start();
    let story = |body: &str| rss(&[Item::story(1).body(body)]);
    server.sequence("/feed", [Answer::feed(story("The ferry sails at noon.")), Answer::feed(story("The ferry sank at one o'clock."))]);
    let place = Place::with_feeds("", &[("paper", server.url("/feed"))]);
    place.run(&["poll"]).succeeds();
    place.run(&["poll", "--all"]).succeeds();
    place.run(&["db", "check"]).succeeds();
    assert_eq!(place.database().execute("UPDATE revision SET draft = substr(draft, 1, 9)", []).unwrap(), 1);
    let checked = place.run(&["db", "check"]);
    checked.fails(1, "is damaged; restore a backup");
    assert!(checked.out.contains("revisions: revision 1 of article"), "{checked:?}");
}

#[test]
fn retention_that_races_with_polls_removes_what_is_old_for_good_and_nothing_else() {
    let (place, server, shown) = growing(3, "retention = \"365d\"\n");
    let daemon = place.daemon();
    let mut old = 0;
    for round in 1..=5 {
        let asked = server.requests().len();
        assert!(server.wait_for(asked + 1, LONG));
        // What is there by now becomes old, while the next polls bring all of it again and more.
        assert!(within(LONG, || !place.titles().is_empty()));
        let now_old = whole(&place.at("gleaner.db")).len();
        place.database().execute("UPDATE article SET first_seen = first_seen - 400 * 86400000 WHERE removed_at IS NULL", []).unwrap();
        place.run(&["db", "prune"]).succeeds();
        old += now_old;
        assert!(now_old > 0, "round {round}");
    }
    let asked = server.requests().len();
    assert!(server.wait_for(asked + 2, LONG));
    daemon.stop();
    // A poll that the end of the daemon broke off is made good.
    let last = shown.load(Ordering::SeqCst);
    server.on("/feed", Answer::feed(stories(1..=last)));
    place.run(&["poll", "--all"]).succeeds();
    let left = whole(&place.at("gleaner.db"));
    let count = u32::try_from(left.len()).unwrap();
    // Stories come in order, and so what is left are the last ones. One that came between the count and its aging is old, too.
    assert_eq!(left, titles(last - count + 1..=last));
    assert!((1..=last - u32::try_from(old).unwrap()).contains(&count), "{count} of {last}, {old} were made old");
    assert!(place.run(&["poll", "--all"]).succeeds().contains(" 0 new articles"));
}

#[test]
fn a_stuck_writer_is_noticed_killed_and_started_again_and_nothing_is_lost() {
    let (place, server, shown) = growing(2, "");
    let watchdog = Duration::from_secs(3);
    let micros = watchdog.as_micros().to_string();
    let daemon = place.daemon_with(&[("WATCHDOG_USEC", &micros)]);
    daemon.hears("WATCHDOG=1");
    let before = whole(&place.at("gleaner.db"));
    let other = place.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // As the service manager does: when the watchdog was not fed for its time, the process is killed and started again.
    let (began, mut fed) = (Instant::now(), Instant::now());
    while fed.elapsed() < watchdog {
        assert!(began.elapsed() < LONG, "a writer that is stuck feeds the watchdog");
        if daemon.told(watchdog.saturating_sub(fed.elapsed())).is_some_and(|told| told.contains("WATCHDOG=1")) {
            fed = Instant::now();
        }
    }
    daemon.kill();
    other.execute_batch("ROLLBACK").unwrap();
    let asked = server.requests().len();
    let daemon = place.daemon_with(&[("WATCHDOG_USEC", &micros)]);
    daemon.hears("WATCHDOG=1");
    assert!(server.wait_for(asked + 1, LONG));
    daemon.stop();
    let last = shown.load(Ordering::SeqCst);
    server.on("/feed", Answer::feed(stories(1..=last)));
    place.run(&["poll", "--all"]).succeeds();
    let after = whole(&place.at("gleaner.db"));
    assert!(after.is_superset(&before));
    assert_eq!(after, titles(1..=last));
}
