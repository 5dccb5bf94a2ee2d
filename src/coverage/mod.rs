//! Coverage: between which dates the archive has everything that a feed published, and where something may have been
//! missed.
//!
//! A feed is a window onto its latest entries. What was published between two polls was missed only if it came and left
//! in between, and then the whole window has turned over: no entry of the one document stands in the next. So an entry
//! in common is a proof ([`proof`]), provided that it is no pinned one, which would stand there through any gap. What is
//! kept of all this is small: the entries that the next document is compared with, since when and until when a feed is
//! proven whole, and a finding wherever that was interrupted ([`spans`]). A feed that is polled for years without an
//! interruption costs two times in its row.
//!
//! All of it is pure: the archive asks inside of the poll's transaction, and stores the answer.

pub mod proof;
pub mod spans;

pub use proof::{Doubt, Mark, Standing, Verdict, Watch, judge};
pub use spans::{Cause, FeedCoverage, Finding, FindingKind, Present, Range, Record, Span, State, absence, finding, percent};
