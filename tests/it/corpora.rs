//! Hostile input: the promises that the fuzz targets check hold for every file of their corpora. What a fuzzer found
//! once lies there and is tried at each run of the tests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

// `docs/fuzzing.md` says how they are run on input that nobody thought of.
#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Runs a target on each file of its corpus and names those that break a promise.
fn every_file_of(corpus: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let (_, check) = targets::TARGETS.iter().find(|(name, _)| *name == corpus).expect("a target of this name");
    let mut files: Vec<_> = folder.read_dir().expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no files", folder.display());
    let broken: Vec<_> = files
        .iter()
        .filter(|file| {
            let input = std::fs::read(file).expect("a file that can be read");
            catch_unwind(AssertUnwindSafe(|| check(&input))).is_err()
        })
        .filter_map(|file| file.file_name())
        .collect();
    assert!(broken.is_empty(), "these files of {} break a promise; what it was stands above: {broken:?}", folder.display());
}

#[test]
fn any_bytes_become_valid_harmless_articles_that_can_be_made_again() {
    every_file_of("articles");
}

#[test]
fn any_bytes_become_text_that_xml_may_hold() {
    every_file_of("charset");
}

#[test]
fn any_config_is_loaded_or_refused_with_mistakes_that_can_be_shown() {
    every_file_of("config");
}

#[test]
fn any_text_that_is_read_as_a_date_means_one_instant() {
    every_file_of("date");
}

#[test]
fn any_address_has_one_permalink_and_one_identity_url() {
    every_file_of("identity_url");
}

#[test]
fn any_opml_that_is_read_is_written_as_the_same_document() {
    every_file_of("opml");
}

#[test]
fn any_text_is_mended_into_a_well_formed_document() {
    every_file_of("repair");
}

#[test]
fn any_page_becomes_a_valid_harmless_article_or_none() {
    every_file_of("page");
}
