//! What a walk has seen already, so that it does not go in circles.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many of the last are kept when the walk is: a circle that is longer costs one more round after each interruption.
const KEPT: usize = 256;

/// Hashes of what was seen, in the order in which it was seen first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    order: Vec<i64>,
    all: HashSet<i64>,
}

impl Seen {
    /// Was this not seen before?
    pub fn note(&mut self, hash: i64) -> bool {
        let is_new = self.all.insert(hash);
        if is_new {
            self.order.push(hash);
        }
        is_new
    }

    /// Was it seen?
    pub fn has(&self, hash: i64) -> bool {
        self.all.contains(&hash)
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.order.iter().skip(self.order.len().saturating_sub(KEPT)))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let order: Vec<i64> = Vec::deserialize(deserializer)?;
        Ok(Self { all: order.iter().copied().collect(), order })
    }
}
