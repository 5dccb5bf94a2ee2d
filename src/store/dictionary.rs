//! The dictionaries that articles are packed with, made from the archive's own articles.
//!
//! Articles are small, and have most of their words in common with others. A dictionary of these is what a compressor
//! would otherwise learn anew in each: an archive becomes smaller by a third. It is made when there are articles to learn
//! from, and again whenever there are many times as many, for feeds and languages come and go; earlier ones stay, since what
//! was packed with them needs them.
//!
//! So a dictionary outlives the articles that it was made from. It must not be where one of them is found again that was
//! taken out for good: only what several of them have in common goes into it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::packed::{self, Packer};
use super::{StoreError, connect};

/// The first dictionary is made when so many sightings were stored …
const FIRST: i64 = 500;

/// … and the next when there are so many times as many.
const GROWTH: i64 = 64;

/// More samples, or samples without the raw entries, made none that packs better; 200 cost 0.08 s.
const SAMPLES: i64 = 200; // … and can be counted in a byte

/// Of a longer one the beginning says enough.
const LONGEST_SAMPLE: usize = 64 * 1024;

/// Half of it packs 2 % worse, a quarter 5 %.
const SIZE: usize = 112 * 1024;

/// Fewer bytes than this for each byte of the dictionary teach nothing that lasts.
const BYTES_A_BYTE: usize = 10;

/// What stands in so many of the samples is nobody's own …
const IN_COMMON: u8 = 3;

/// … compared in pieces of so many bytes: a word.
const PIECE: usize = 8;

/// No more than so many bytes of what a few samples have in common are kept in a row: enough to pack with (twice as many save
/// nothing, all of it 5 %), too few to read.
const LONGEST_PIECE: usize = 24;

/// Pieces are counted by their hashes, in 4 MiB; a few are taken for common that are not.
const COUNTERS: usize = 1 << 21;

/// The smallest dictionary that is worth its space.
const SMALLEST: usize = 4 * 1024;

/// Makes those of the archive's dictionaries known that are not yet.
pub fn load(connection: &Connection, packer: &Packer) -> rusqlite::Result<()> {
    let numbers: Vec<u32> = connection
        .prepare_cached("SELECT dictionary FROM dictionary ORDER BY made_at, dictionary")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let known = packer.known_dictionaries();
    for number in numbers.into_iter().filter(|number| !known.contains(number)) {
        let mut statement = connection.prepare_cached("SELECT content FROM dictionary WHERE dictionary = ?1")?;
        let added = statement.query_row(params![number], |row| Ok(packer.add_dictionary(row.get_ref(0)?.as_blob()?)))?;
        if let Err(error) = added {
            // What needs it will say so; all else can be read.
            tracing::error!(number, %error, "a dictionary of the archive is damaged");
        }
    }
    Ok(())
}

/// Is it time for a new dictionary?
pub fn is_due(connection: &Connection) -> rusqlite::Result<bool> {
    let (made, stored): (u32, i64) = connection
        .prepare_cached("SELECT (SELECT count(*) FROM dictionary), (SELECT coalesce(max(sighting), 0) FROM body)")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(GROWTH.checked_pow(made).and_then(|times| FIRST.checked_mul(times)).is_some_and(|enough| stored >= enough))
}

/// Makes a dictionary from articles of all parts of the archive; `None` where they are too short to teach anything. It takes
/// a while, and reads beside the writer.
///
/// # Errors
/// Those of the database; zstd finds nothing in the samples.
pub fn make(path: &Path, packer: &Packer) -> Result<Option<Vec<u8>>, StoreError> {
    let connection = connect::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let error = |error| StoreError::of(path, error);
    let samples = in_common(&samples(&connection, packer).map_err(error)?);
    let size = samples.iter().map(Vec::len).sum::<usize>() / BYTES_A_BYTE;
    if size < SMALLEST {
        return Ok(None);
    }
    let dictionary = zstd::dict::from_samples(&samples, size.min(SIZE));
    dictionary.map(Some).map_err(|reason| error(rusqlite::Error::ToSqlConversionFailure(reason.into())))
}

/// Evenly from the first to the last.
fn samples(connection: &Connection, packer: &Packer) -> rusqlite::Result<Vec<Vec<u8>>> {
    let (first, last): (i64, i64) = connection.query_row(
        "SELECT (SELECT coalesce(min(sighting), 0) FROM body), (SELECT coalesce(max(sighting), 0) FROM body)",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if last == 0 {
        return Ok(Vec::new());
    }
    let step = ((last - first) / SAMPLES).max(1);
    let mut statement = connection.prepare_cached("SELECT sighting, content FROM body WHERE sighting >= ?1 ORDER BY sighting LIMIT 1")?;
    let mut samples = Vec::new();
    let mut next = first;
    while next <= last && samples.len() < usize::try_from(SAMPLES).unwrap_or(usize::MAX) {
        let found =
            statement.query_row(params![next], |row| Ok((row.get::<_, i64>(0)?, packer.lines(row.get_ref(1)?.as_blob()?)?))).optional()?;
        let Some((at, mut lines)) = found else { break };
        lines.truncate(LONGEST_SAMPLE);
        samples.push(lines);
        next = at + step;
    }
    Ok(samples)
}

/// What the samples have in common, in pieces that stand in no order of theirs: what most have (the keys of the JSON) whole,
/// all else cut short.
fn in_common(samples: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let counters = count_pieces(samples);
    let count = |piece: &[u8]| counters[counter_of(piece)].0;
    let in_most = u8::try_from(samples.len() / 2).unwrap_or(u8::MAX).max(IN_COMMON);
    let mut pieces: Vec<&[u8]> = Vec::new();
    for sample in samples {
        // How common each byte is: as the most common piece that it stands in.
        let mut common = vec![0_u8; sample.len()];
        for (at, piece) in sample.windows(PIECE).enumerate() {
            let count = count(piece);
            common[at..at + PIECE].iter_mut().for_each(|byte| *byte = count.max(*byte));
        }
        let is_kept = |at: usize| common[at] >= IN_COMMON;
        let is_frame = |at: usize| common[at] >= in_most;
        let mut at = 0;
        while at < sample.len() {
            let end = if is_frame(at) {
                (at..sample.len()).find(|byte| !is_frame(*byte)).unwrap_or(sample.len())
            } else if is_kept(at) {
                let most = sample.len().min(at + LONGEST_PIECE);
                (at..most).find(|byte| !is_kept(*byte) || is_frame(*byte)).unwrap_or(most)
            } else {
                at + 1
            };
            if is_kept(at) && end - at >= PIECE {
                pieces.push(&sample[at..end]);
            }
            at = end;
        }
    }
    // In an order that is always the same and nobody's; not by content, for then equal pieces would lie side by side.
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_cached_key(|at| hash_of(&at.to_le_bytes()));
    let shuffled: Vec<&[u8]> = order.into_iter().map(|at| pieces[at]).collect();
    let on_each = pieces.len() / samples.len().max(1) + 1;
    shuffled.chunks(on_each).map(<[&[u8]]>::concat).collect()
}

/// For each piece in how many samples it stands, and the last of these, by its hash.
fn count_pieces(samples: &[Vec<u8>]) -> Vec<(u8, u8)> {
    let mut counters = vec![(0, 0); COUNTERS];
    for (sample, number) in samples.iter().zip(1_u8..) {
        for piece in sample.windows(PIECE) {
            let (count, last) = &mut counters[counter_of(piece)];
            if *last != number {
                (*count, *last) = (u8::saturating_add(*count, 1), number);
            }
        }
    }
    counters
}

fn counter_of(piece: &[u8]) -> usize {
    usize::try_from(hash_of(piece) % COUNTERS as u64).unwrap_or_default()
}

/// Of at most eight bytes. Always the same; nobody gains by pieces that meet in one counter.
fn hash_of(piece: &[u8]) -> u64 {
    let mut bytes = [0; PIECE];
    bytes.iter_mut().zip(piece).for_each(|(place, byte)| *place = *byte);
    // Multiplied twice by odd numbers without a pattern: each bit of the piece comes to move the high ones.
    let mixed = u64::from_le_bytes(bytes).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 16
}

/// Keeps a dictionary in the archive, and packs with it from then on.
pub fn keep(connection: &Connection, packer: &Packer, content: &[u8]) -> rusqlite::Result<()> {
    // Whoever packs with it names it by its number: it must be in the archive before anything that was packed with it.
    connection
        .prepare_cached("INSERT OR IGNORE INTO dictionary (dictionary, made_at, content) VALUES (?1, unixepoch() * 1000, ?2)")?
        .execute(params![packed::number_of(content), content])?;
    packer.add_dictionary(content)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::connect::set_up;
    use super::*;

    fn store(connection: &Connection, packer: &Packer, numbers: std::ops::Range<i64>) {
        let words = ["harbour", "council", "library", "evening", "morning", "tunnel", "railway", "engineer", "school", "festival"];
        for number in numbers {
            let at = usize::try_from(number).unwrap();
            let text: Vec<&str> = (0..60).map(|word| words[(word * word + at * (word + 3)) % words.len()]).collect();
            let blob = packer.pack_both(&text.join(" "), &(number, text)).unwrap();
            connection.execute("INSERT INTO body (sighting, rules, head, content) VALUES (?1, 1, 1, ?2)", params![number, blob]).unwrap();
        }
    }

    #[test]
    fn an_archive_of_some_hundred_articles_gets_a_dictionary_of_their_words_and_one_of_many_times_as_many_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut connection = Connection::open(&path).unwrap();
        set_up(&mut connection).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let packer = Packer::default();
        store(&connection, &packer, 1..FIRST);
        assert!(!is_due(&connection).unwrap());
        store(&connection, &packer, FIRST..FIRST + 1);
        assert!(is_due(&connection).unwrap());
        let content = make(&path, &packer).unwrap().unwrap();
        keep(&connection, &packer, &content).unwrap();
        assert!(!is_due(&connection).unwrap());
        store(&connection, &packer, FIRST + 1..FIRST + 3);
        connection.execute("UPDATE body SET sighting = ?1 WHERE sighting = ?2", params![FIRST * GROWTH, FIRST + 2]).unwrap();
        assert!(is_due(&connection).unwrap());

        // Whoever opens it later reads what was packed before and after.
        let other = Packer::default();
        load(&connection, &other).unwrap();
        let mut sizes = Vec::new();
        for sighting in [FIRST, FIRST + 1, FIRST * GROWTH] {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, Vec<u8>>(0);
            let blob = connection.query_row("SELECT content FROM body WHERE sighting = ?1", params![sighting], read).unwrap();
            let text: String = other.unpack(&blob).unwrap();
            assert_eq!(text.split(' ').count(), 60);
            sizes.push(blob.len());
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }

    #[test]
    fn no_dictionary_says_what_one_article_says() {
        let names = ["heron", "otter", "sluice", "ferry", "quarry", "orchard", "viaduct", "lantern", "chapel", "meadow", "turnstile"];
        let sentence = |number: usize| {
            let name = |at: usize| names[(number * at + number / 11 + at * at) % names.len()];
            format!("The {} near the {} was sold to the {} by the {}", name(1), name(2), name(3), name(5))
        };
        let said = |number: usize| format!("{{\"title\":\"The harbour council met\",\"text\":\"{}.\"}}", sentence(number));
        let samples: Vec<Vec<u8>> = (0..100).map(|number| said(number).into_bytes()).collect();
        let text = String::from_utf8(in_common(&samples).concat()).unwrap();
        assert!(text.contains("{\"title\":\"The harbour council met\",\"text\":\"The "), "the frame is there whole: {text}");
        assert!(names.iter().all(|name| text.contains(name)), "and so is each word: {text}");
        assert!((0..100).all(|number| !text.contains(&sentence(number))));
    }

    #[test]
    fn articles_of_nothing_teach_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let mut connection = Connection::open(&path).unwrap();
        set_up(&mut connection).unwrap();
        let packer = Packer::default();
        assert_eq!(make(&path, &packer).unwrap(), None);
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let blob = packer.pack(&"").unwrap();
        connection.execute("INSERT INTO body (sighting, rules, head, content) VALUES (7, 1, 1, ?1)", params![blob]).unwrap();
        assert_eq!(make(&path, &packer).unwrap(), None);
    }
}
