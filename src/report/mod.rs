//! What is told of feeds, archive and poller: the objects of `feeds list --json`, `status --json` and `coverage --json`,
//! which the HTTP API gives as well, and the head of exports.
//!
//! They belong to no edge, so that one cannot tell more than the other. What the archive knows and the time are passed
//! in; where there is no archive yet, nothing is known.

mod coverage;
mod export_head;
mod feeds;
mod status;
mod webhooks;

pub use self::coverage::{coverage, feed_coverage};
pub use self::export_head::export_head;
pub use self::feeds::{FeedLine, feed_line, feed_lines, feed_status};
pub use self::status::{PollerState, Status};
pub use self::webhooks::{WebhookLine, webhook_lines};
