//! Gleaner's promises, one a module, tried from outside: the built program against a scripted server on this machine.
//!
//! One binary for all: a binary a file would link the whole tree again for each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops; clippy.toml reaches test functions alone")]

mod backfill;
mod bad_input;
mod conditional_requests;
mod control_socket;
mod copies;
mod corpora;
mod coverage;
mod daemon;
mod exports;
mod extraction;
mod faults;
mod feed_list;
mod fetching;
mod filters;
mod forget;
mod http;
mod lying_servers;
mod monitoring;
mod never_lost;
mod never_twice;
mod newcomer;
mod news_sitemaps;
mod operations;
mod pages;
mod place;
mod rebuild;
mod redirects;
mod reload;
mod scheduling;
mod search;
mod support;
mod updates;
mod webhooks;
mod writes;
