//! The memory of all bodies in flight, so that sixty large answers at once cannot outgrow the machine.
//!
//! A body grows in steps, and each step is taken from a shared budget before the bytes are kept. That alone would lock:
//! sixty bodies may each hold a part and wait for more. So a part of the budget is set aside for one body at a time: the one
//! that holds the *pass* takes all further steps from there and never waits again. Whoever cannot have a step waits for
//! either, the step or the pass. The holder of the pass always ends, its body is parsed, stored and dropped, and the pass goes to the
//! next who waits; so everybody ends, whatever the sizes and the order.
//!
//! The sum of all bodies stays below `memory` as long as one body (`max_body`) is at most half of it, which the defaults
//! are; else below half of `memory` and one body. A reservation lives in the body itself ([`bytes::Bytes::from_owner`]): it is given back
//! when the last clone or slice of the body is dropped. Who holds a body must not wait for another fetch.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit.
const UNIT: u64 = 1024;

/// The shared budget of one client.
#[derive(Debug)]
pub(super) struct Memory {
    shared: Arc<Semaphore>,
    shared_units: u32,
    pass: Arc<Semaphore>,
}

/// What one body has taken.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    permit: Option<OwnedSemaphorePermit>,
    units: u32,
    pass: Option<OwnedSemaphorePermit>,
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Memory {
    /// `memory` for all bodies, `max_body` for the largest usual one; both in bytes.
    pub fn new(memory: u64, max_body: u64) -> Memory {
        let shared = (memory - max_body.min(memory / 2)) / UNIT;
        let shared_units = u32::try_from(shared).unwrap_or(u32::MAX).min(u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Memory { shared: Arc::new(Semaphore::new(shared_units as usize)), shared_units, pass: Arc::new(Semaphore::new(1)) }
    }

    /// Makes the reservation cover `bytes`; waits where there is no room.
    pub async fn grow(&self, reservation: &mut Reservation, bytes: u64) {
        let wanted = units(bytes);
        if wanted <= reservation.units {
            return;
        }
        if reservation.pass.is_some() {
            reservation.units = wanted;
            return;
        }
        let step = wanted - reservation.units;
        let permit = if wanted > self.shared_units {
            // More than there will ever be: to queue for it would only block the queue.
            None
        } else if let Ok(permit) = Arc::clone(&self.shared).try_acquire_many_owned(step) {
            Some(permit)
        } else {
            tokio::select! {
                biased;
                permit = Arc::clone(&self.shared).acquire_many_owned(step) => permit.ok(),
                pass = Arc::clone(&self.pass).acquire_owned() => { reservation.pass = pass.ok(); None }
            }
        };
        match permit {
            Some(more) => match &mut reservation.permit {
                Some(held) => held.merge(more),
                held => *held = Some(more),
            },
            None if reservation.pass.is_none() => reservation.pass = Arc::clone(&self.pass).acquire_owned().await.ok(),
            None => {}
        }
        reservation.units = wanted;
    }
}

impl Reservation {
    /// The body with its reservation inside: what is more than its size is given back now, the rest with its last clone.
    pub fn seal(mut self, mut body: Vec<u8>) -> Bytes {
        body.shrink_to_fit();
        let needed = units(body.len() as u64) as usize;
        if let Some(permit) = &mut self.permit {
            let surplus = permit.num_permits().saturating_sub(needed);
            drop(permit.split(surplus));
        }
        Bytes::from_owner(Sealed { body, _reservation: self })
    }
}

struct Sealed {
    body: Vec<u8>,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    const KIB: u64 = 1024;

    async fn reserve(memory: &Memory, bytes: u64) -> Reservation {
        let mut reservation = Reservation::default();
        memory.grow(&mut reservation, bytes).await;
        reservation
    }

    #[tokio::test]
    async fn a_body_gives_back_what_it_took_with_its_last_clone() {
        let memory = Memory::new(128 * KIB, 64 * KIB);
        assert_eq!(memory.shared.available_permits(), 64);
        let body = reserve(&memory, 32 * KIB).await.seal(vec![7; 1500]);
        assert_eq!(memory.shared.available_permits(), 62);
        let slice = body.slice(3..5);
        drop(body);
        assert_eq!(memory.shared.available_permits(), 62);
        drop(slice);
        assert_eq!(memory.shared.available_permits(), 64);
    }

    #[tokio::test]
    async fn one_body_may_always_go_on_and_the_pass_goes_round() {
        let memory = Memory::new(128 * KIB, 64 * KIB);
        let _all = reserve(&memory, 64 * KIB).await;
        let first = reserve(&memory, 64 * KIB).await;
        assert!(first.pass.is_some());
        assert!(tokio::time::timeout(Duration::from_millis(20), reserve(&memory, KIB)).await.is_err());
        drop(first);
        assert!(reserve(&memory, KIB).await.pass.is_some());
    }

    #[tokio::test]
    async fn a_body_larger_than_the_whole_budget_blocks_nobody() {
        let memory = Arc::new(Memory::new(64 * KIB, 64 * KIB));
        let large = reserve(&memory, 4096 * KIB).await;
        assert!(large.pass.is_some());
        let waiting = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { reserve(&memory, 4096 * KIB).await }
        });
        tokio::task::yield_now().await;
        assert!(reserve(&memory, 32 * KIB).await.pass.is_none());
        drop(large);
        waiting.await.unwrap();
    }

    /// The scheme's reason to be: many bodies that each hold a part and want more all end, within the budget.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn bodies_that_all_want_more_than_there_is_all_end_within_the_budget() {
        let limit = 256 * KIB;
        let memory = Arc::new(Memory::new(limit, 128 * KIB));
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let bodies: Vec<_> = (0..200_u64)
            .map(|number| {
                let (memory, now, most) = (Arc::clone(&memory), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    let mut reservation = Reservation::default();
                    let mut had = 0;
                    for step in 1..=16 {
                        let size = (step * 8 * KIB).min((1 + number % 128) * KIB);
                        memory.grow(&mut reservation, size).await;
                        let sum = now.fetch_add(size - had, Ordering::SeqCst) + size - had;
                        most.fetch_max(sum, Ordering::SeqCst);
                        had = size;
                        tokio::task::yield_now().await;
                    }
                    now.fetch_sub(had, Ordering::SeqCst);
                    drop(reservation);
                })
            })
            .collect();
        for body in bodies {
            tokio::time::timeout(Duration::from_secs(60), body).await.expect("no body waits for ever").unwrap();
        }
        assert!(most.load(Ordering::SeqCst) <= limit);
        assert_eq!(memory.shared.available_permits() as u64 * KIB, limit - 128 * KIB);
    }
}
