//! TLS as the network shows it: whom we trust, what we offer, to whom a client certificate is shown.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use url::Url;

use super::routes::Routes;
use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn roots(authority: &Authority) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    Arc::new(roots)
}

fn issue(authority: &Authority, name: &str) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap(), key)
}

/// Writes a client certificate of this authority as PEM.
fn write_identity(authority: &Authority, certificate_file: &Path, key_file: &Path) {
    let (certificate, key) = issue(authority, "reader.example");
    std::fs::write(certificate_file, certificate.pem()).unwrap();
    std::fs::write(key_file, key.serialize_pem()).unwrap();
}

/// One handshake as the server saw it.
#[derive(Debug)]
struct Seen {
    alpn: Vec<Vec<u8>>,
    client_certificate: Option<Vec<u8>>,
}

/// Serves one answer to everybody on 127.0.0.1, with a certificate for `name`, asking for a client certificate.
fn serve(authority: &Authority, name: &str, answer: String) -> (SocketAddr, Arc<Mutex<Vec<Seen>>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let (certificate, key) = issue(authority, name);
    let clients = WebPkiClientVerifier::builder_with_provider(roots(authority), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut acceptor = Acceptor::default();
            let accepted = loop {
                acceptor.read_tls(&mut stream).unwrap();
                if let Some(accepted) = acceptor.accept().unwrap() {
                    break accepted;
                }
            };
            let alpn = accepted.client_hello().alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
            let connection = accepted.into_connection(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, stream);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && matches!(tls.read(&mut byte), Ok(1)) {
                head.extend_from_slice(&byte);
            }
            let client_certificate = tls.conn.peer_certificates().and_then(<[CertificateDer]>::first).map(|first| first.to_vec());
            seeing.lock().unwrap().push(Seen { alpn, client_certificate });
            let _ = tls.write_all(answer.as_bytes());
            tls.conn.send_close_notify();
            let _ = tls.flush();
            let _ = tls.sock.shutdown(Shutdown::Write);
        }
    });
    (address, seen)
}

fn document() -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnews".to_owned()
}

fn settings() -> ClientSettings {
    let fetch = config::Fetch { allow_private_networks: true, ..super::tests::settings() };
    ClientSettings { pages: Pace { per_host: 1, host_delay: Duration::ZERO }, fetch }
}

/// A client that trusts this authority alone.
fn client(authority: &Authority) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(authority), Arc::clone(&provider)).build().unwrap();
    let routes = Routes::trusting(&settings().fetch, provider, Ok(verifier as Arc<dyn ServerCertVerifier>)).unwrap();
    Client::with_routes(&settings(), routes)
}

fn request(address: SocketAddr) -> Request {
    Request::feed(Url::parse(&format!("https://{address}/feed")).unwrap())
}

#[tokio::test]
async fn a_trusted_server_is_asked_and_http_2_is_offered() {
    let authority = authority();
    let (address, seen) = serve(&authority, "127.0.0.1", document());
    let fetched = client(&authority).fetch(&request(address)).await;
    assert!(matches!(&fetched.outcome, Outcome::Fresh(fresh) if fresh.body == "news"), "{fetched:?}");
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].alpn, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(seen[0].client_certificate, None);
}

#[tokio::test]
async fn a_certificate_of_another_name_or_authority_is_refused() {
    let (ours, theirs) = (authority(), authority());
    let (misnamed, _) = serve(&ours, "other.example", document());
    let (foreign, _) = serve(&theirs, "127.0.0.1", document());
    let system = Client::new(&settings()).unwrap();
    for (client, address) in [(&client(&ours), misnamed), (&client(&ours), foreign), (&system, foreign)] {
        let fetched = client.fetch(&request(address)).await;
        assert!(matches!(fetched.outcome, Outcome::Failed(Failure::Tls(_))), "{fetched:?}");
    }
}

#[tokio::test]
async fn a_machine_without_trusted_roots_says_so_and_still_asks_http() {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let routes = Routes::trusting(&settings().fetch, provider, Err("no roots".to_owned())).unwrap();
    let client = Client::with_routes(&settings(), routes);
    let fetched = client.fetch(&request("127.0.0.1:9".parse().unwrap())).await;
    assert_eq!(fetched.outcome, Outcome::Failed(Failure::Tls("no roots".to_owned())));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = Request::feed(Url::parse(&format!("http://{closed}/")).unwrap());
    let fetched = client.fetch(&plain).await;
    assert!(matches!(fetched.outcome, Outcome::Failed(Failure::Connect(_))), "{fetched:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_its_own_origin_alone_and_read_again_when_renewed() {
    let authority = authority();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
    write_identity(&authority, &certificate, &key);
    let (other, seen_by_other) = serve(&authority, "127.0.0.1", document());
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: https://{other}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let (own, seen_by_own) = serve(&authority, "127.0.0.1", redirect);
    let client = client(&authority);
    let mut asking = request(own);
    asking.options.client_certificate = Some(certificate.clone());
    asking.options.client_key = Some(key.clone());
    assert!(matches!(client.fetch(&asking).await.outcome, Outcome::Fresh(_)));

    write_identity(&authority, &certificate, &key);
    let later = std::time::SystemTime::now() + Duration::from_secs(60);
    std::fs::File::options().write(true).open(&certificate).unwrap().set_modified(later).unwrap();
    assert!(matches!(client.fetch(&asking).await.outcome, Outcome::Fresh(_)));

    asking.options.client_key = None;
    assert!(matches!(client.fetch(&asking).await.outcome, Outcome::Failed(Failure::Request(_))));

    let own = seen_by_own.lock().unwrap();
    assert!(own.iter().all(|seen| seen.client_certificate.is_some()), "{own:?}");
    assert_ne!(own[0].client_certificate, own[1].client_certificate);
    assert!(seen_by_other.lock().unwrap().iter().all(|seen| seen.client_certificate.is_none()));
}
