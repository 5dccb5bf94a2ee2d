//! Promises of the built program, each a module: what an operator can rely on, tried from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

mod feed_list;
