//! Serves the farm on the loopback interface: gzip made beforehand, an ETag each, 304 to whoever has it, connections kept.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::farm::Document;

struct Served {
    media_type: &'static str,
    etag: String,
    plain: Vec<u8>,
    gzip: Vec<u8>,
}

/// A server that runs until the process ends.
pub struct Server {
    /// Its port.
    pub port: u16,
    /// Answers with a document, and those without one, so far.
    answers: Arc<[AtomicU64; 2]>,
}

impl Server {
    /// Starts serving.
    pub fn start(documents: Vec<Document>) -> Self {
        let served = documents.into_iter().enumerate().map(|(number, document)| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(document.body.as_bytes()).unwrap();
            let served = Served {
                media_type: document.media_type,
                etag: format!("\"{number:x}-1\""),
                gzip: gzip.finish().unwrap(),
                plain: document.body.into_bytes(),
            };
            (document.path, served)
        });
        let served: Arc<HashMap<String, Served>> = Arc::new(served.collect());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: Arc<[AtomicU64; 2]> = Arc::default();
        let counted = Arc::clone(&answers);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (served, counted) = (Arc::clone(&served), Arc::clone(&counted));
                std::thread::spawn(move || answer_all(connection, &served, &counted));
            }
        });
        Self { port, answers }
    }

    /// Answers with a document, and those without one, since the last call.
    pub fn answers(&self) -> (u64, u64) {
        let [full, empty] = &*self.answers;
        (full.swap(0, Ordering::Relaxed), empty.swap(0, Ordering::Relaxed))
    }
}

/// Ends with the connection; what a client breaks off is its own affair.
fn answer_all(connection: TcpStream, served: &HashMap<String, Served>, answers: &[AtomicU64; 2]) {
    let _ = connection.set_nodelay(true);
    let Ok(mut writing) = connection.try_clone() else { return };
    let mut reading = BufReader::new(connection);
    let mut line = String::new();
    loop {
        let (mut path, mut known, mut takes_gzip, mut closes) = (String::new(), String::new(), false, false);
        loop {
            line.clear();
            match reading.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            match text.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("if-none-match") => known = value.to_owned(),
                Some((name, value)) if name.eq_ignore_ascii_case("accept-encoding") => takes_gzip = value.contains("gzip"),
                Some((name, value)) if name.eq_ignore_ascii_case("connection") => closes = value.eq_ignore_ascii_case("close"),
                Some(_) => {}
                None => path = text.split(' ').nth(1).unwrap_or_default().to_owned(),
            }
        }
        let answer = match served.get(&path) {
            Some(document) if document.etag == known => {
                answers[1].fetch_add(1, Ordering::Relaxed);
                format!("HTTP/1.1 304 Not Modified\r\nETag: {}\r\n\r\n", document.etag).into_bytes()
            }
            Some(document) => {
                answers[0].fetch_add(1, Ordering::Relaxed);
                let (body, coding) = if takes_gzip { (&document.gzip, "Content-Encoding: gzip\r\n") } else { (&document.plain, "") };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nETag: {}\r\n{coding}Content-Length: {}\r\n\r\n",
                    document.media_type,
                    document.etag,
                    body.len()
                );
                [head.as_bytes(), body].concat()
            }
            None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        if writing.write_all(&answer).is_err() || closes {
            return;
        }
    }
}
