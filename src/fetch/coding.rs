//! Content codings: gzip, brotli, zstd, and deflate as servers send it (RFC 9110 §8.4.1, RFC 7932, RFC 8878).
//!
//! Decoded by us rather than by the HTTP client, for what that does not promise: a gzip body of several members is read
//! to its end (RFC 1952 §2.2; to stop at the first would lose the rest without a word), `deflate` is understood
//! with and without its zlib frame, a zstd window is at most the 8 MiB of RFC 9659, and the caller decides before each step
//! how much may be unpacked, so that no bomb is ever held in memory. What follows the end of a coded body is swallowed, as
//! browsers do.

use std::io::{self, BufRead, ErrorKind, Read};

use brotli_decompressor::Decompressor;
use bytes::{Buf, Bytes};
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::header::{CONTENT_ENCODING, HeaderMap};

use super::Failure;

/// What we say that we understand. `deflate` is not among it: half of the servers mean something else by it.
pub(super) const ACCEPTED: &str = "gzip, br, zstd";

/// log2 of the largest zstd window.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How brotli's reader takes its input.
const BROTLI_BUFFER: usize = 4096;

/// The coding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Brotli,
    Zstd,
    Deflate,
}

impl Coding {
    /// From the answer's headers. Words that are no coding (`utf-8`, `none`) are sent by careless servers with plain
    /// bodies and mean nothing; a coding that we do not know, or several in a row, is a body that we cannot read.
    pub fn of(headers: &HeaderMap) -> Result<Coding, Failure> {
        const FOREIGN: &[&str] = &["aes128gcm", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress"];
        let mut coding = Coding::Plain;
        let values = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        for word in values.flat_map(|value| value.split(',')) {
            let word = word.trim().to_ascii_lowercase();
            let named = match word.as_str() {
                "gzip" | "x-gzip" => Coding::Gzip,
                "br" => Coding::Brotli,
                "zstd" => Coding::Zstd,
                "deflate" => Coding::Deflate,
                word if FOREIGN.contains(&word) => return Err(Failure::Body(format!("coded as {word}, which was not asked for"))),
                _ => continue,
            };
            if coding != Coding::Plain {
                return Err(Failure::Body("coded more than once".to_owned()));
            }
            coding = named;
        }
        Ok(coding)
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Plain => "plain",
            Coding::Gzip => "gzip",
            Coding::Brotli => "brotli",
            Coding::Zstd => "zstd",
            Coding::Deflate => "deflate",
        }
    }
}

/// What came and is not yet decoded. Says `WouldBlock` where more must come, so that a decoder can stop and go on later.
#[derive(Debug, Default)]
struct Wire {
    chunk: Bytes,
    is_over: bool,
}

impl BufRead for Wire {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.chunk.is_empty() && !self.is_over { Err(ErrorKind::WouldBlock.into()) } else { Ok(&self.chunk) }
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount.min(self.chunk.len()));
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(into)?;
        self.consume(length);
        Ok(length)
    }
}

/// A gzip body: members, one after the other.
enum Gzip {
    Member(Box<GzDecoder<Wire>>),
    /// Is there another?
    Between(Wire),
    /// No: whatever this is, it is not ours.
    Swallowed(Wire),
}

/// A deflate body, in a zlib frame as the specification says or without as some servers do.
enum Deflate {
    Unknown(Wire),
    Framed(Box<ZlibDecoder<Wire>>),
    Bare(Box<DeflateDecoder<Wire>>),
}

enum Kind {
    Plain(Wire),
    Gzip(Gzip),
    Brotli(Box<Decompressor<Wire>>),
    Zstd(Box<zstd::Decoder<'static, Wire>>),
    Deflate(Deflate),
}

/// What a step of decoding came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes were written.
    Decoded(usize),
    /// Nothing more can be decoded before more comes.
    Wants,
    /// The body is complete.
    Complete,
}

/// Decodes a body piece by piece: [`push`](Decoder::push) what comes, [`end`](Decoder::end) at its end, and
/// [`step`](Decoder::step) until it wants more.
pub(super) struct Decoder {
    coding: Coding,
    kind: Kind,
    is_empty: bool,
    is_complete: bool,
}

impl Decoder {
    pub fn new(coding: Coding) -> Result<Decoder, Failure> {
        let wire = Wire::default();
        let kind = match coding {
            Coding::Plain => Kind::Plain(wire),
            Coding::Gzip => Kind::Gzip(Gzip::Member(Box::new(GzDecoder::new(wire)))),
            Coding::Brotli => Kind::Brotli(Box::new(Decompressor::new(wire, BROTLI_BUFFER))),
            Coding::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(wire).map_err(|error| broken(coding, &error))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|error| broken(coding, &error))?;
                Kind::Zstd(Box::new(decoder))
            }
            Coding::Deflate => Kind::Deflate(Deflate::Unknown(wire)),
        };
        Ok(Decoder { coding, kind, is_empty: true, is_complete: false })
    }

    /// Is a byte of the body a byte on the wire?
    pub fn is_plain(&self) -> bool {
        self.coding == Coding::Plain
    }

    /// The next piece.
    pub fn push(&mut self, chunk: Bytes) {
        if self.is_complete {
            return;
        }
        self.is_empty &= chunk.is_empty();
        let wire = self.wire();
        wire.chunk = if wire.chunk.is_empty() { chunk } else { Bytes::from([&wire.chunk[..], &chunk[..]].concat()) };
    }

    /// No more will come.
    pub fn end(&mut self) {
        self.wire().is_over = true;
        // No bytes at all are an empty body in any coding.
        self.is_complete |= self.is_empty;
    }

    /// Decodes into `into`, which must not be empty.
    ///
    /// # Errors
    ///
    /// [`Failure::Body`] where the coding is broken, or cut off.
    pub fn step(&mut self, into: &mut [u8]) -> Result<Step, Failure> {
        if self.is_complete {
            return Ok(Step::Complete);
        }
        let read = match &mut self.kind {
            Kind::Plain(wire) => wire.read(into),
            Kind::Gzip(gzip) => gzip.read(into),
            Kind::Brotli(decoder) => decoder.read(into),
            Kind::Zstd(decoder) => decoder.read(into),
            Kind::Deflate(deflate) => deflate.read(into),
        };
        match read {
            Ok(0) => {
                self.is_complete = true;
                Ok(Step::Complete)
            }
            Ok(length) => Ok(Step::Decoded(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Wants),
            Err(error) => Err(broken(self.coding, &error)),
        }
    }

    fn wire(&mut self) -> &mut Wire {
        match &mut self.kind {
            Kind::Plain(wire) | Kind::Gzip(Gzip::Between(wire) | Gzip::Swallowed(wire)) | Kind::Deflate(Deflate::Unknown(wire)) => wire,
            Kind::Gzip(Gzip::Member(decoder)) => decoder.get_mut(),
            Kind::Brotli(decoder) => decoder.get_mut(),
            Kind::Zstd(decoder) => decoder.get_mut(),
            Kind::Deflate(Deflate::Framed(decoder)) => decoder.get_mut(),
            Kind::Deflate(Deflate::Bare(decoder)) => decoder.get_mut(),
        }
    }
}

impl Gzip {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match self {
                Gzip::Member(decoder) => match decoder.read(into)? {
                    0 => Gzip::Between(std::mem::take(decoder.get_mut())),
                    length => return Ok(length),
                },
                Gzip::Between(wire) => {
                    if wire.chunk.len() < 2 && !wire.is_over {
                        return Err(ErrorKind::WouldBlock.into());
                    }
                    let is_member = wire.chunk.starts_with(&[0x1f, 0x8b]);
                    let wire = std::mem::take(wire);
                    if is_member { Gzip::Member(Box::new(GzDecoder::new(wire))) } else { Gzip::Swallowed(wire) }
                }
                Gzip::Swallowed(_) => return Ok(0),
            }
        }
    }
}

impl Deflate {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match self {
                Deflate::Framed(decoder) => return decoder.read(into),
                Deflate::Bare(decoder) => return decoder.read(into),
                Deflate::Unknown(wire) => {
                    let is_framed = match &wire.chunk[..] {
                        // RFC 1950 §2.2: method 8, and a check that makes the two a multiple of 31.
                        [method, flags, ..] => method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)).is_multiple_of(31),
                        _ if !wire.is_over => return Err(ErrorKind::WouldBlock.into()),
                        _ => false,
                    };
                    let wire = std::mem::take(wire);
                    if is_framed {
                        Deflate::Framed(Box::new(ZlibDecoder::new(wire)))
                    } else {
                        Deflate::Bare(Box::new(DeflateDecoder::new(wire)))
                    }
                }
            }
        }
    }
}

fn broken(coding: Coding, error: &io::Error) -> Failure {
    Failure::Body(format!("{}: {error}", coding.name()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn coded(coding: Coding, text: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Plain => text.to_vec(),
            Coding::Gzip => gzip(text),
            Coding::Brotli => {
                let mut out = Vec::new();
                let fast = brotli::enc::BrotliEncoderParams { quality: 3, ..Default::default() };
                brotli::BrotliCompress(&mut &text[..], &mut out, &fast).unwrap();
                out
            }
            Coding::Zstd => zstd::encode_all(text, 3).unwrap(),
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    /// Decodes what comes in pieces of `piece` bytes into room for `room` bytes at a time.
    fn decode(coding: Coding, bytes: &[u8], piece: usize, room: usize) -> Result<Vec<u8>, Failure> {
        let mut decoder = Decoder::new(coding)?;
        let mut out = Vec::new();
        let mut pieces = bytes.chunks(piece);
        let mut into = vec![0; room];
        loop {
            match decoder.step(&mut into)? {
                Step::Decoded(length) => out.extend_from_slice(&into[..length]),
                Step::Complete => return Ok(out),
                Step::Wants => match pieces.next() {
                    Some(piece) => decoder.push(Bytes::copy_from_slice(piece)),
                    None => decoder.end(),
                },
            }
        }
    }

    const ALL: [Coding; 5] = [Coding::Plain, Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate];

    proptest::proptest! {
        #[test]
        fn what_was_coded_comes_out_however_it_is_cut(
            text in proptest::collection::vec(0_u8..20, 0..2000),
            piece in 1_usize..3000,
            room in 1_usize..3000,
        ) {
            for coding in ALL {
                let coded = coded(coding, &text);
                proptest::prop_assert_eq!(decode(coding, &coded, piece, room).unwrap(), &text[..], "{:?}", coding);
                if coding != Coding::Plain {
                    let cut = piece % coded.len();
                    let cut_off = decode(coding, &coded[..cut], piece, room);
                    // Nothing at all is an empty body; anything less than all is not one.
                    proptest::prop_assert!(cut_off.is_err() || cut == 0, "{:?} cut at {} of {}", coding, cut, coded.len());
                }
            }
        }

        #[test]
        fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(0_u8.., 0..500), piece in 1_usize..100) {
            for coding in ALL {
                let _ = decode(coding, &bytes, piece, 64);
            }
        }
    }

    #[test]
    fn a_gzip_body_is_read_to_its_last_member() {
        let (first, second) = (gzip(b"first "), gzip(b"second"));
        for piece in [1, 2, 3, first.len() - 1, first.len(), first.len() + 1, 1000] {
            let both = [&first[..], &second[..]].concat();
            assert_eq!(decode(Coding::Gzip, &both, piece, 100).unwrap(), b"first second", "{piece}");
            let broken = &both[..both.len() - 3];
            assert!(decode(Coding::Gzip, broken, piece, 100).is_err(), "{piece}");
            for rest in [&b"\0\0\0\0"[..], b"\n", b"\x1f", b"<!-- served by -->"] {
                let padded = [&first[..], rest].concat();
                assert_eq!(decode(Coding::Gzip, &padded, piece, 100).unwrap(), b"first ", "{piece}");
            }
        }
    }

    #[test]
    fn several_zstd_frames_are_one_body() {
        let both = [coded(Coding::Zstd, b"first "), coded(Coding::Zstd, b"second")].concat();
        assert_eq!(decode(Coding::Zstd, &both, 5, 100).unwrap(), b"first second");
    }

    #[test]
    fn deflate_is_understood_without_its_frame() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"bare").unwrap();
        let bare = encoder.finish().unwrap();
        assert_eq!(decode(Coding::Deflate, &bare, 1, 100).unwrap(), b"bare");
    }

    #[test]
    fn a_zstd_window_beyond_eight_mebibytes_is_refused() {
        for (log, is_read) in [(23, true), (24, false)] {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(b"wide").unwrap();
            let coded = encoder.finish().unwrap();
            assert_eq!(decode(Coding::Zstd, &coded, 100, 100).is_ok(), is_read, "{log}");
        }
    }

    #[test]
    fn a_careless_word_is_no_coding_and_a_foreign_one_is_an_error() {
        for (value, want) in [
            ("", Some(Coding::Plain)),
            ("identity", Some(Coding::Plain)),
            ("utf-8", Some(Coding::Plain)),
            ("none", Some(Coding::Plain)),
            ("gzip", Some(Coding::Gzip)),
            ("X-GZip", Some(Coding::Gzip)),
            ("identity, br", Some(Coding::Brotli)),
            ("zstd", Some(Coding::Zstd)),
            ("deflate", Some(Coding::Deflate)),
            ("gzip, gzip", None),
            ("compress", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_ENCODING, value.parse().unwrap());
            assert_eq!(Coding::of(&headers).ok(), want, "{value}");
        }
    }
}
