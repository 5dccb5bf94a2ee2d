//! One scripted answer: everything that a server may do, right or wrong.

use std::io::Write;
use std::time::Duration;

use super::Recorded;

/// How the body's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// Chunks.
    Chunked,
    /// The connection is closed.
    Close,
}

/// What to do in the middle of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// After so many bytes of the body the connection is closed.
    Cut(usize),
    /// After so many bytes nothing more comes; the connection stays open.
    Stall(usize),
}

/// An answer; each method returns it changed.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub framing: Framing,
    pub mishap: Option<Mishap>,
    pub delay: Duration,
    pub conditional: bool,
    /// Instead of all else: these bytes as they are, then the end.
    pub raw: Option<Vec<u8>>,
}

impl Answer {
    /// A status without a body.
    pub fn status(status: u16) -> Answer {
        Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            framing: Framing::Length,
            mishap: None,
            delay: Duration::ZERO,
            conditional: false,
            raw: None,
        }
    }

    /// 200 with these bytes and no `Content-Type`.
    pub fn ok(body: impl Into<Vec<u8>>) -> Answer {
        Answer { body: body.into(), ..Answer::status(200) }
    }

    /// 200 with an XML feed.
    pub fn feed(body: impl Into<Vec<u8>>) -> Answer {
        Answer::ok(body).header("Content-Type", "application/xml")
    }

    /// 200 with a page.
    pub fn page(body: impl Into<Vec<u8>>) -> Answer {
        Answer::ok(body).header("Content-Type", "text/html; charset=utf-8")
    }

    /// A redirect; `location` goes out as it is.
    pub fn redirect(status: u16, location: impl AsRef<[u8]>) -> Answer {
        Answer::status(status).header("Location", location)
    }

    /// Bytes instead of an HTTP answer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Answer {
        Answer { raw: Some(bytes.into()), ..Answer::status(200) }
    }

    /// The connection is closed without a word.
    pub fn hang_up() -> Answer {
        Answer::raw("")
    }

    /// One more header, byte for byte.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Answer {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub fn etag(self, value: impl AsRef<[u8]>) -> Answer {
        self.header("ETag", value)
    }

    pub fn last_modified(self, value: impl AsRef<[u8]>) -> Answer {
        self.header("Last-Modified", value)
    }

    /// Answers 304 to who sends the `ETag`, or without one the `Last-Modified`, exactly as they are here.
    pub fn conditional(mut self) -> Answer {
        self.conditional = true;
        self
    }

    /// The body compressed, as `Content-Encoding` says.
    pub fn gzip(mut self) -> Answer {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.body).unwrap();
        self.body = encoder.finish().unwrap();
        self.header("Content-Encoding", "gzip")
    }

    pub fn brotli(mut self) -> Answer {
        let mut compressed = Vec::new();
        brotli::BrotliCompress(&mut &self.body[..], &mut compressed, &brotli::enc::BrotliEncoderParams::default()).unwrap();
        self.body = compressed;
        self.header("Content-Encoding", "br")
    }

    pub fn zstd(mut self) -> Answer {
        self.body = zstd::encode_all(&self.body[..], 3).unwrap();
        self.header("Content-Encoding", "zstd")
    }

    /// Only the first bytes of the body as it stands, framed as if they were all: a cut inside of the compression.
    pub fn truncated(mut self, length: usize) -> Answer {
        self.body.truncate(length);
        self
    }

    pub fn chunked(mut self) -> Answer {
        self.framing = Framing::Chunked;
        self
    }

    /// Without a length: the end is the end of the connection.
    pub fn until_close(mut self) -> Answer {
        self.framing = Framing::Close;
        self
    }

    /// Waits before the status line.
    pub fn delay(mut self, delay: Duration) -> Answer {
        self.delay = delay;
        self
    }

    /// Nothing more after so many bytes of the body; the connection stays open.
    pub fn stall_after(mut self, bytes: usize) -> Answer {
        self.mishap = Some(Mishap::Stall(bytes));
        self
    }

    /// The end after so many bytes of the body, whatever was announced.
    pub fn cut_after(mut self, bytes: usize) -> Answer {
        self.mishap = Some(Mishap::Cut(bytes));
        self
    }

    fn has(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// This answer, or 304 where it is conditional and the request has what it has.
    pub fn for_request(self, request: &Recorded) -> Answer {
        if !self.conditional {
            return self;
        }
        let matches = match (request.header("if-none-match"), self.has("etag")) {
            (Some(sent), Some(etag)) => sent == etag,
            (Some(_), None) => false,
            (None, _) => request.header("if-modified-since").is_some_and(|sent| self.has("last-modified") == Some(sent)),
        };
        if !matches {
            return self;
        }
        let kept = ["etag", "last-modified", "cache-control", "expires", "date", "retry-after"];
        let headers = self.headers.into_iter().filter(|(name, _)| kept.contains(&name.to_ascii_lowercase().as_str())).collect();
        Answer { headers, delay: self.delay, ..Answer::status(304) }
    }
}
