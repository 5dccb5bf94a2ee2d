//! A client of the daemon's own server: one request a connection, everything of the answer as it came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::{PATIENCE, Running, within};

/// Where a daemon serves.
#[derive(Debug, Clone, Copy)]
pub struct Browser {
    pub address: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Browser {
    /// Of a daemon that was started with `listen = "127.0.0.1:0"`.
    #[track_caller]
    pub fn of(daemon: &Running) -> Browser {
        let mut address = None;
        let has_said = within(PATIENCE, || {
            let log = daemon.log();
            address = log.lines().rev().find_map(|line| line.split_once("serving address=\"http://")?.1.split_once('/')?.0.parse().ok());
            address.is_some()
        });
        assert!(has_said, "it serves nowhere:\n{}", daemon.log());
        Browser { address: address.unwrap() }
    }

    pub fn get(&self, path: &str) -> Page {
        self.send("GET", path, &[], b"")
    }

    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        self.send("GET", path, headers, b"")
    }

    /// `Host` is the address unless `headers` has one.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let mut answer = Vec::new();
        self.ask(method, path, headers, body).read_to_end(&mut answer).unwrap();
        Page::of(&answer)
    }

    /// A GET whose answer is read while it comes.
    pub fn follow(&self, path: &str, headers: &[(&str, &str)]) -> Followed {
        Followed { lines: BufReader::new(self.ask("GET", path, headers, b"")) }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request.push_str(&format!("Host: {}\r\n", self.address));
        }
        if !body.is_empty() || method != "GET" {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream
    }
}

/// An answer that does not end, line by line.
pub struct Followed {
    lines: BufReader<TcpStream>,
}

impl Followed {
    /// The rest of the next line that begins so.
    #[track_caller]
    pub fn next(&mut self, begin: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.lines.read_line(&mut line).unwrap();
            assert!(read > 0, "the stream has ended before `{begin}`");
            if let Some(rest) = line.strip_prefix(begin) {
                return rest.trim_end().to_owned();
            }
        }
    }
}

impl Page {
    fn of(answer: &[u8]) -> Page {
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = &answer[end + 4..];
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if is_chunked { unchunked(body) } else { body.to_vec() };
        Page { status, head, body }
    }

    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// A problem document of this status that says these words.
    #[track_caller]
    pub fn is_problem(&self, status: u16, words: &str) {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/problem+json")), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().unwrap().contains(words), "no \"{words}\" in {problem}");
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    panic!("the answer ends before its last chunk");
}
