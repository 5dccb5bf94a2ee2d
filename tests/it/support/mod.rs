//! What the tests of all promises share: a feed server that answers whatever a script says, the feeds that it gives, and
//! the built program in a folder of its own.
//!
//! ```ignore
//! let server = FeedServer::start();
//! server.on("/feed.xml", Answer::feed(RSS).etag("\"1\"").conditional());
//! server.on("/moved", Answer::redirect(301, "/feed.xml"));
//! server.sequence("/news", [Answer::feed(MONDAY), Answer::status(503), Answer::feed(TUESDAY)]);
//! // … ask server.url("/feed.xml") …
//! assert_eq!(server.requests_to("/feed.xml").len(), 1);
//! ```
//!
//! Everything is recorded as it came, byte for byte, so that a test can say what was asked, when, and how much at once.

#![allow(dead_code)] // each promise uses a part

mod answer;
mod browser;
mod chromium;
pub mod feed;
pub mod program;
mod server;

pub use answer::Answer;
pub use browser::{Browser, Page};
pub use chromium::{Chromium, installed};
pub use feed::{Item, rss, rss_of, stories, words};
pub use program::{Ended, PATIENCE, Place, Running, SETTINGS, strings, with_feeds, within};
pub use server::{FeedServer, Recorded};
