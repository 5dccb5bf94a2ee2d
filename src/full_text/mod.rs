//! Full text: when an article's page is asked for, what its answer is worth, and what the article shows then.
//!
//! Many feeds carry three lines of a story. Its page has the rest, but each page costs a publisher a request and the archive a
//! guess, so [`wish()`] says which entries need theirs, [`attempt`] what comes after an answer or a failure, [`redirector`] where an
//! address leads that only passes readers on, and [`merge`] what an article shows of its entry and its page. All of it
//! is pure; `page` does the asking, `store` keeps jobs and answers.

pub mod attempt;
pub mod merge;
pub mod redirector;
pub mod wish;

pub use self::attempt::{Cause, NextAttempt};
pub use self::merge::merged;
pub use self::wish::{PagesPast, Signs, Wish, wish};
