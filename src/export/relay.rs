//! Bytes on their way to a slow sink: while one thread makes them, another hands them to the system, which takes a fifth of an
//! export's time.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Bytes that go over at once …
const PIECE: usize = 256 * 1024;

/// … and how many such pieces may wait.
const WAITING: usize = 4;

/// The end that is written to. What is not flushed when it is dropped does not arrive.
#[derive(Debug)]
pub struct Relay {
    pieces: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
}

/// The end that the sink's thread has.
#[derive(Debug)]
pub struct Pieces(Receiver<Vec<u8>>);

/// Both ends.
pub fn relay() -> (Relay, Pieces) {
    let (pieces, received) = sync_channel(WAITING);
    (Relay { pieces, piece: Vec::with_capacity(PIECE) }, Pieces(received))
}

impl Relay {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        // The sink failed: its thread says how.
        self.pieces.send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Relay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() + bytes.len() > PIECE && !self.piece.is_empty() {
            self.send()?;
        }
        self.piece.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

impl Pieces {
    /// Hands all that comes to the sink, until the other end is dropped.
    ///
    /// # Errors
    /// The sink's first error; the other end then meets a broken pipe.
    pub fn write_to(self, sink: &mut impl Write) -> io::Result<()> {
        self.0.iter().try_for_each(|piece| sink.write_all(&piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relayed(sink: &mut (impl Write + Send), write: impl FnOnce(&mut Relay) -> io::Result<()>) -> (io::Result<()>, io::Result<()>) {
        let (mut relay, pieces) = relay();
        std::thread::scope(|scope| {
            let arriving = scope.spawn(move || pieces.write_to(sink));
            let written = write(&mut relay);
            drop(relay);
            (written, arriving.join().unwrap())
        })
    }

    #[test]
    fn all_that_is_flushed_arrives_in_its_order_in_pieces_small_and_large() {
        let sizes = [1, 7, PIECE - 3, PIECE, 0, PIECE * 3, 5];
        let all: Vec<u8> = sizes.iter().sum::<usize>().to_le_bytes().into_iter().cycle().take(sizes.iter().sum()).collect();
        let mut arrived = Vec::new();
        let ended = relayed(&mut arrived, |relay| {
            let mut rest = all.as_slice();
            for size in sizes {
                let (piece, after) = rest.split_at(size);
                relay.write_all(piece)?;
                rest = after;
            }
            relay.flush()
        });
        assert!(matches!(ended, (Ok(()), Ok(()))));
        assert!(arrived == all);
    }

    #[test]
    fn a_sink_that_fails_stops_whoever_writes() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (written, arrived) = relayed(&mut Full, |relay| (0..100).try_for_each(|_| relay.write_all(&[0; PIECE])));
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(arrived.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
