//! The server: plain HTTP/1.1 on loopback, a thread a connection, nothing but the standard library.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::answer::{Answer, Framing, Mishap};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    /// The request target: path and query, or a whole URL where we are the proxy.
    pub target: String,
    /// Names in lower case, values byte for byte.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// When its head was complete.
    pub at: Instant,
    /// Which connection brought it, counted from 0.
    pub connection: usize,
}

impl Recorded {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// … as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.header(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }
}

type Answering = Box<dyn Fn(&Recorded) -> Answer + Send>;

enum Script {
    /// One after the other; the last stays.
    Sequence {
        answers: Vec<Answer>,
        next: usize,
    },
    Computed(Answering),
}

#[derive(Default)]
struct State {
    scripts: Mutex<HashMap<String, Script>>,
    requests: Mutex<Vec<Recorded>>,
    came: Condvar,
    open: Mutex<Vec<TcpStream>>,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
    connections: AtomicUsize,
    stopping: AtomicBool,
}

/// A feed server on loopback; it stops when dropped.
pub struct FeedServer {
    address: SocketAddr,
    state: Arc<State>,
    listening: Option<JoinHandle<()>>,
}

impl FeedServer {
    /// On 127.0.0.1.
    pub fn start() -> FeedServer {
        FeedServer::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("127.0.0.1 can be bound")
    }

    /// Where another one was until it was dropped.
    pub fn start_at(address: SocketAddr) -> FeedServer {
        FeedServer::bind(address).expect("the address is free again")
    }

    /// On ::1, where this machine has it.
    pub fn start_v6() -> Option<FeedServer> {
        FeedServer::bind((Ipv6Addr::LOCALHOST, 0).into()).ok()
    }

    fn bind(address: SocketAddr) -> io::Result<FeedServer> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let listening = std::thread::spawn({
            let state = Arc::clone(&state);
            move || listen(&listener, &state)
        });
        Ok(FeedServer { address, state, listening: Some(listening) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// … under another name or spelling of this machine.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    /// From now on a request for this target (path with query) gets this answer.
    pub fn on(&self, target: &str, answer: Answer) {
        self.sequence(target, [answer]);
    }

    /// … these answers one after the other; the last stays.
    pub fn sequence(&self, target: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers: Vec<_> = answers.into_iter().collect();
        assert!(!answers.is_empty(), "a sequence has at least one answer");
        self.state.scripts.lock().unwrap().insert(target.to_owned(), Script::Sequence { answers, next: 0 });
    }

    /// … what this function says.
    pub fn compute(&self, target: &str, answering: impl Fn(&Recorded) -> Answer + Send + 'static) {
        self.state.scripts.lock().unwrap().insert(target.to_owned(), Script::Computed(Box::new(answering)));
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Those for one target.
    pub fn requests_to(&self, target: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.target == target).collect()
    }

    /// Waits until so many requests have come; false where they do not within `limit`.
    pub fn wait_for(&self, count: usize, limit: Duration) -> bool {
        let requests = self.state.requests.lock().unwrap();
        let (requests, _) = self.state.came.wait_timeout_while(requests, limit, |requests| requests.len() < count).unwrap();
        requests.len() >= count
    }

    /// The largest number of requests that were under way (head received, answer not yet sent) at one time.
    pub fn most_at_once(&self) -> usize {
        self.state.most_at_once.load(Ordering::SeqCst)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::SeqCst);
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, which looks at `stopping` first.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

/// The first byte of a client that wants TLS (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;

fn listen(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let connection = state.connections.fetch_add(1, Ordering::SeqCst);
        let _ = stream.set_nodelay(true);
        if let Ok(clone) = stream.try_clone() {
            state.open.lock().unwrap().push(clone);
        }
        let state = Arc::clone(state);
        std::thread::spawn(move || {
            // A client may go at any time: that is its right, not the server's fault.
            let _ = converse(&stream, connection, &state);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

fn converse(stream: &TcpStream, connection: usize, state: &State) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    if reader.fill_buf()?.first() == Some(&TLS_HANDSHAKE) {
        // As real servers do on their plain port.
        let mut out = stream;
        return out.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    }
    while let Some(request) = read_request(&mut reader, connection)? {
        let under_way = state.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_at_once.fetch_max(under_way, Ordering::SeqCst);
        let answer = answer_to(&request, state).for_request(&request);
        let is_head = request.method == "HEAD";
        state.requests.lock().unwrap().push(request);
        state.came.notify_all();
        std::thread::sleep(answer.delay);
        let bytes = encode(&answer, is_head);
        // Counted out before the last byte goes: the client may send its next request as soon as it has that.
        state.under_way.fetch_sub(1, Ordering::SeqCst);
        let mut out = stream;
        out.write_all(&bytes)?;
        out.flush()?;
        match answer.mishap {
            Some(Mishap::Stall(_)) => {
                // Until the client gives up or the server stops.
                let _ = reader.read(&mut [0; 1])?;
                return Ok(());
            }
            Some(Mishap::Cut(_)) => return Ok(()),
            None if answer.raw.is_some() || answer.framing == Framing::Close => return Ok(()),
            None => {}
        }
    }
    Ok(())
}

fn answer_to(request: &Recorded, state: &State) -> Answer {
    match state.scripts.lock().unwrap().get_mut(&request.target) {
        Some(Script::Sequence { answers, next }) => {
            let answer = answers[(*next).min(answers.len() - 1)].clone();
            *next += 1;
            answer
        }
        Some(Script::Computed(answering)) => answering(request),
        None => Answer::status(404),
    }
}

fn read_request(reader: &mut impl BufRead, connection: usize) -> io::Result<Option<Recorded>> {
    let Some(line) = read_line(reader)? else { return Ok(None) };
    let line = String::from_utf8_lossy(&line).into_owned();
    let mut parts = line.split(' ');
    let (method, target) = (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned());
    let mut headers = Vec::new();
    while let Some(line) = read_line(reader)? {
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        headers.push((String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase(), value.to_vec()));
    }
    let at = Instant::now();
    let mut request = Recorded { method, target, headers, body: Vec::new(), at, connection };
    let length = request.text("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// Without its line end; `None` at the end of the connection.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
        line.pop();
    }
    Ok(Some(line))
}

fn encode(answer: &Answer, is_head: bool) -> Vec<u8> {
    if let Some(raw) = &answer.raw {
        return raw.clone();
    }
    let mut out = format!("HTTP/1.1 {} Scripted\r\n", answer.status).into_bytes();
    for (name, value) in &answer.headers {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    let has_body = !is_head && answer.status != 204 && answer.status != 304;
    match answer.framing {
        Framing::Length if has_body => out.extend_from_slice(format!("Content-Length: {}\r\n", answer.body.len()).as_bytes()),
        Framing::Chunked if has_body => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Close => out.extend_from_slice(b"Connection: close\r\n"),
        Framing::Length | Framing::Chunked => {}
    }
    out.extend_from_slice(b"\r\n");
    if !has_body {
        return out;
    }
    let (sent, is_whole) = match answer.mishap {
        Some(Mishap::Cut(bytes) | Mishap::Stall(bytes)) => (&answer.body[..bytes.min(answer.body.len())], false),
        None => (&answer.body[..], true),
    };
    if answer.framing == Framing::Chunked {
        for chunk in sent.chunks(1000) {
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        if is_whole {
            out.extend_from_slice(b"0\r\n\r\n");
        }
    } else {
        out.extend_from_slice(sent);
    }
    out
}
