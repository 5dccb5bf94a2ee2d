//! Gleaner keeps an archive of the news: it polls a list of feeds for years and turns every item into one
//! article of a fixed schema.
//!
//! An article takes one way through this crate, and never back:
//!
//! ```text
//! config ─▶ schedule ─▶ fetch ─▶ parse ─▶ normalise ─▶ decide ─▶ store ─▶ export
//! feed list  when next?  HTTP     bytes ▶   entry ▶     known?    SQLite   JSON, OPML, …
//!                        outcome  entries   draft       new?      │ ▲
//!                                                            page job ─▶ fetch ─▶ extract
//! ```
//!
//! `schedule`, `parse`, `normalise`, `extract`, `full_text`, `identity`, `copies`, `coverage`, `webhook` and `decide` are pure: time and settings are
//! passed in.
//! `fetch` is the only place that knows HTTP on the way out, [`http`] on the way in, `store` the only one that knows SQL, `cli` the only one that prints.
//! [`poll`] walks one feed along the whole way, [`page`] one article's page, [`daemon`] does so for ever.

pub mod article;
pub mod backfill;
pub mod cli;
pub mod config;
pub mod copies;
pub mod coverage;
#[cfg(test)]
mod cpu_time;
pub mod daemon;
pub mod decide;
pub mod discover;
pub mod export;
pub mod extract;
pub mod fetch;
pub mod filter;
pub mod full_text;
pub mod health;
pub mod http;
pub mod identity;
pub mod normalise;
pub mod opml;
pub mod page;
pub mod parse;
pub mod poll;
pub mod rebuild;
pub mod report;
pub mod revision;
pub mod robots;
pub mod schedule;
pub mod selection;
pub mod store;
pub mod subscribe;
pub mod vitals;
pub mod webhook;
