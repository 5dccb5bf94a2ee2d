//! Feeds, each on a host of its own: an address of 127.0.0.0/8. They are served by this process, over plain HTTP or over TLS with
//! a certificate for each host, and answer "not modified" to whoever has the newest document.
//!
//! One feed in [`LIVELY`] has one new article with each request, if that is wanted. Texts are words drawn by Zipf's law, the same at
//! every run, so that no two articles are alike.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ProducesTickets;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::random::Random;

/// Of so many feeds one has news with each request.
const LIVELY: u64 = 20;

/// Addresses of one network of 127.0.0.0/8 that are used.
const HOSTS_OF_NETWORK: u64 = 250;

/// Different words.
const WORDS: f64 = 30_000.0;

/// … and how many of them an article has.
const WORDS_OF_ARTICLE: usize = 400;

/// How the feeds are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Http,
    Https,
    /// The same with HTTP/2.
    Http2,
}

impl Over {
    /// `http`, `https` or `h2`.
    pub fn of(name: &str) -> Option<Over> {
        match name {
            "http" => Some(Over::Http),
            "https" => Some(Over::Https),
            "h2" => Some(Over::Http2),
            _ => None,
        }
    }

    /// As it was given.
    pub fn name(self) -> &'static str {
        match self {
            Over::Http => "http",
            Over::Https => "https",
            Over::Http2 => "h2",
        }
    }
}

/// What is served.
#[derive(Debug, Clone, Copy)]
pub struct Farm {
    pub feeds: u64,
    /// Of each feed.
    pub entries: u64,
    /// Do some feeds have news with each request?
    pub is_lively: bool,
    pub over: Over,
}

/// Serves until it is dropped.
pub struct Hosts {
    port: u16,
    served: Arc<Served>,
    /// What a client must trust, PEM.
    authority: Option<String>,
    _runtime: Runtime,
}

struct Served {
    farm: Farm,
    requests: AtomicU64,
    /// By feed.
    versions: Vec<AtomicU64>,
}

impl Hosts {
    /// Begins to serve.
    pub fn serve(farm: Farm) -> Hosts {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("0.0.0.0:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let versions = (0..farm.feeds).map(|_| AtomicU64::default()).collect();
        let served = Arc::new(Served { farm, requests: AtomicU64::default(), versions });
        let certified = (farm.over != Over::Http).then(|| Arc::new(Certified::new(farm)));
        let authority = certified.as_ref().map(|certified| certified.root_pem.clone());
        runtime.spawn(accept(listener, Arc::clone(&served), certified));
        Hosts { port, served, authority, _runtime: runtime }
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.served.requests.load(Ordering::Relaxed)
    }

    /// These feeds as `[[feed]]` tables.
    pub fn tables(&self, feeds: Range<u64>) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        let mut tables = String::new();
        for feed in feeds {
            let (high, low) = (feed / HOSTS_OF_NETWORK, feed % HOSTS_OF_NETWORK + 1);
            let _ = write!(tables, "[[feed]]\nname = \"feed{feed}\"\nurl = \"{scheme}://127.1.{high}.{low}:{}/{feed}\"\n", self.port);
        }
        tables
    }

    /// Writes what the program shall trust beside the system's own roots, and gives the environment that makes it do so.
    pub fn trust(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let Some(authority) = &self.authority else { return Vec::new() };
        // As many roots as there really are: they take memory, and are searched.
        let system = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        let file = folder.join("roots.pem");
        std::fs::write(&file, system + authority).unwrap();
        vec![("SSL_CERT_FILE", file.display().to_string())]
    }
}

/// Certificates, each made when its host is first asked: a root, one that it has signed, and the host's own, as usual.
struct Certified {
    root_pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
    alpn: Vec<Vec<u8>>,
    tickets: Arc<dyn ProducesTickets>,
    /// By host.
    configs: Vec<OnceLock<Arc<ServerConfig>>>,
}

impl Certified {
    fn new(farm: Farm) -> Certified {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let named = |name: &str| {
            let mut params = authority();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params
        };
        let root = CertifiedIssuer::self_signed(named("Bench Root"), KeyPair::generate().unwrap()).unwrap();
        let root_pem = root.pem();
        let issuer = CertifiedIssuer::signed_by(named("Bench Issuer"), KeyPair::generate().unwrap(), &root).unwrap();
        let protocol = if farm.over == Over::Http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() };
        let configs = (0..farm.feeds).map(|_| OnceLock::new()).collect();
        Certified { root_pem, issuer, alpn: vec![protocol], tickets: ring::Ticketer::new().unwrap(), configs }
    }

    fn config(&self, at: SocketAddr) -> Option<Arc<ServerConfig>> {
        let std::net::IpAddr::V4(address) = at.ip() else { return None };
        let [_, _, high, low] = address.octets();
        let host = u64::from(high) * HOSTS_OF_NETWORK + u64::from(low) - 1;
        let known = self.configs.get(usize::try_from(host).ok()?)?;
        Some(Arc::clone(known.get_or_init(|| {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(vec![address.to_string()]).unwrap().signed_by(&key, &self.issuer).unwrap();
            let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone(), self.issuer.der().clone()];
            let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
                .unwrap();
            config.alpn_protocols.clone_from(&self.alpn);
            config.ticketer = Arc::clone(&self.tickets);
            Arc::new(config)
        })))
    }
}

async fn accept(listener: TcpListener, served: Arc<Served>, certified: Option<Arc<Certified>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (served, certified) = (Arc::clone(&served), certified.clone());
        // A client may go at any time.
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            match certified {
                None => converse(stream, served, false).await,
                Some(certified) => {
                    let Some(config) = stream.local_addr().ok().and_then(|at| certified.config(at)) else { return };
                    let Ok(stream) = TlsAcceptor::from(config).accept(stream).await else { return };
                    converse(stream, served, certified.alpn[0] == b"h2").await;
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncStream, served: Arc<Served>, is_http2: bool) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let answer = served.answer(&request);
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let stream = TokioIo::new(stream);
    // What a client breaks off is its own affair.
    if is_http2 {
        let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
    } else {
        let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
    }
}

trait AsyncStream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {}
impl AsyncStream for TcpStream {}
impl AsyncStream for tokio_rustls::server::TlsStream<TcpStream> {}

impl Served {
    fn answer(&self, request: &Request<hyper::body::Incoming>) -> Response<Body> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let feed: Option<u64> = request.uri().path().trim_start_matches('/').parse().ok();
        let Some((feed, versions)) = feed.and_then(|feed| Some((feed, self.versions.get(usize::try_from(feed).ok()?)?))) else {
            return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
        };
        let is_lively = self.farm.is_lively && feed.is_multiple_of(LIVELY);
        let version = versions.fetch_add(u64::from(is_lively), Ordering::Relaxed);
        let etag = format!("\"{feed}-{version}\"");
        let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
        let answer = Response::builder().header(header::ETAG, &etag);
        if is_known {
            return answer.status(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap();
        }
        let body = document(feed, version + 1, self.farm.entries);
        answer.header(header::CONTENT_TYPE, "application/rss+xml").body(Body::from(body)).unwrap()
    }
}

/// The feed's document with these entries.
fn document(feed: u64, first: u64, entries: u64) -> String {
    let mut document = format!(
        "<rss version=\"2.0\"><channel><title>Feed {feed}</title><link>https://feed{feed}.example/</link><description>News</description>"
    );
    for entry in (first..first + entries).rev() {
        let seconds = 1_790_000_000 + i64::try_from(entry % 1_000_000).unwrap_or_default();
        let date = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc2822();
        let mut random = Random(feed << 32 | entry);
        let _ = write!(
            document,
            "<item><guid isPermaLink=\"false\">{feed}-{entry}</guid><title>Story {entry} of feed {feed}</title>\
             <link>https://feed{feed}.example/{entry}</link><pubDate>{date}</pubDate><description>"
        );
        for _ in 0..WORDS_OF_ARTICLE {
            push_word(&mut document, &mut random);
        }
        document.push_str("</description></item>");
    }
    document + "</channel></rss>"
}

/// A word of syllables that spell its rank; the rank is as likely as Zipf's law has it.
fn push_word(text: &mut String, random: &mut Random) {
    let share = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
    let mut rank = WORDS.powf(share) as usize;
    while rank > 0 {
        text.push(char::from(b"bcdfghlmnprstvwz"[rank % 16]));
        text.push(char::from(b"aeiou"[rank / 16 % 5]));
        rank /= 80;
    }
    text.push(' ');
}
