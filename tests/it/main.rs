//! Gleaner's promises, one a module, kept against a scripted server on this machine.
//!
//! One binary for all: a binary a file would link the whole tree again for each.

// The allowances of `clippy.toml` reach test functions alone, not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fetching;
mod support;
