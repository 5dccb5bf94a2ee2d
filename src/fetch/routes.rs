//! The ways out: one reqwest client (a pool of connections) for each combination of proxy, client certificate and guard.
//!
//! They must not be shared: a connection that an unguarded feed opened to an inner host would serve a guarded one, and a
//! connection that showed a client certificate speaks for its owner. The trusted roots and the verifier are read once
//! for all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use url::Url;

use super::guard::Resolver;
use super::{ClientError, Failure};
use crate::config;

/// Long enough for a redirect, the next feed of a host and an article's page; short enough that twenty thousand hosts do
/// not leave thousands of sockets open.
const IDLE_CONNECTION: Duration = Duration::from_secs(3);

/// Of an HTTP/2 answer. HTTP/1 has hyper's own limits: 100 fields, some 400 KB.
const MAX_HEADER_LIST: u32 = 64 * 1024;

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Route {
    pub proxy: Option<Url>,
    /// Certificate and key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// May it dial public addresses alone?
    pub guarded: bool,
}

/// When the files of a client certificate were written, so that a renewed one is read again.
type Stamps = [Option<SystemTime>; 2];

#[derive(Debug)]
struct Built {
    stamps: Stamps,
    client: reqwest::Client,
}

/// All ways out of one client.
pub(super) struct Routes {
    provider: Arc<CryptoProvider>,
    /// Or why https cannot be verified here.
    verifier: Result<Arc<dyn ServerCertVerifier>, String>,
    connect_timeout: Duration,
    idle_per_host: usize,
    built: Mutex<HashMap<Route, Built>>,
}

impl Routes {
    /// Reads the system's trusted roots and builds the common way out, so that a setting that cannot work is known at
    /// the start.
    pub fn new(settings: &config::Fetch) -> Result<Routes, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // A machine without roots can still poll http: and file: feeds; each https request then says what is missing.
        let verifier = match Verifier::new(Arc::clone(&provider)) {
            Ok(verifier) => Ok(Arc::new(verifier) as Arc<dyn ServerCertVerifier>),
            Err(error) => Err(format!("{error}; install the package ca-certificates")),
        };
        Routes::trusting(settings, provider, verifier)
    }

    /// … with a verifier of the caller's.
    pub(super) fn trusting(
        settings: &config::Fetch,
        provider: Arc<CryptoProvider>,
        verifier: Result<Arc<dyn ServerCertVerifier>, String>,
    ) -> Result<Routes, ClientError> {
        let routes = Routes {
            provider,
            verifier,
            connect_timeout: settings.connect_timeout,
            idle_per_host: settings.per_host.max(1),
            built: Mutex::default(),
        };
        let common = Route { proxy: settings.proxy.clone(), identity: None, guarded: !settings.allow_private_networks };
        let client = routes.build(&common, None)?;
        routes.built.lock().unwrap_or_else(PoisonError::into_inner).insert(common, Built { stamps: [None; 2], client });
        Ok(routes)
    }

    /// Can this URL's server be verified?
    pub fn check_tls(&self, url: &Url) -> Result<(), Failure> {
        match &self.verifier {
            Err(reason) if url.scheme() == "https" => Err(Failure::Tls(reason.clone())),
            _ => Ok(()),
        }
    }

    /// The client of a way out, built at its first use.
    pub async fn client(&self, route: &Route) -> Result<reqwest::Client, Failure> {
        let Some((certificate, key)) = &route.identity else {
            if let Some(client) = self.known(route, [None; 2]) {
                return Ok(client);
            }
            let client = self.build(route, None).map_err(|error| Failure::Request(error.to_string()))?;
            return Ok(self.keep(route, [None; 2], client));
        };
        let (certificate, key) = (certificate.clone(), key.clone());
        let stamps = [modified(&certificate).await, modified(&key).await];
        if let Some(client) = self.known(route, stamps) {
            return Ok(client);
        }
        let identity = tokio::task::spawn_blocking(move || read_identity(&certificate, &key))
            .await
            .map_err(|error| Failure::Request(error.to_string()))?
            .map_err(|error| Failure::Request(error.to_string()))?;
        let client = self.build(route, Some(identity)).map_err(|error| Failure::Request(error.to_string()))?;
        Ok(self.keep(route, stamps, client))
    }

    fn known(&self, route: &Route, stamps: Stamps) -> Option<reqwest::Client> {
        let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.get(route).filter(|built| built.stamps == stamps).map(|built| built.client.clone())
    }

    fn keep(&self, route: &Route, stamps: Stamps, client: reqwest::Client) -> reqwest::Client {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.insert(route.clone(), Built { stamps, client: client.clone() });
        client
    }

    fn build(&self, route: &Route, identity: Option<Identity>) -> Result<reqwest::Client, ClientError> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(identity)?)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(self.idle_per_host)
            .http2_max_header_list_size(MAX_HEADER_LIST)
            // With a proxy the only name that is resolved here is the proxy's own, which the operator chose.
            .dns_resolver(Resolver { guarded: route.guarded && route.proxy.is_none() })
            // The environment has no say: only what stands in the config.
            .no_proxy();
        let builder = match &route.proxy {
            Some(url) => builder.proxy(reqwest::Proxy::all(url.clone()).map_err(|error| ClientError::Proxy(reason(&error)))?),
            None => builder,
        };
        builder.build().map_err(|error| ClientError::Build(reason(&error)))
    }

    fn tls(&self, identity: Option<Identity>) -> Result<ClientConfig, ClientError> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Build(error.to_string()))?;
        let builder = match &self.verifier {
            Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::clone(verifier)),
            // Trusts nobody.
            Err(_) => builder.with_root_certificates(rustls::RootCertStore::empty()),
        };
        let mut config = match identity {
            Some(Identity { certificate_file, chain, key }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| ClientError::Identity { path: certificate_file, reason: error.to_string() })?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

struct Identity {
    certificate_file: PathBuf,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn read_identity(certificate: &Path, key: &Path) -> Result<Identity, ClientError> {
    let unreadable = |path: &Path, reason: String| ClientError::Identity { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unreadable(certificate, "holds no PEM certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, error.to_string()))?;
    Ok(Identity { certificate_file: certificate.to_owned(), chain, key })
}

async fn modified(path: &Path) -> Option<SystemTime> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()).await.ok().flatten()
}

/// The innermost cause, which holds no URL.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if cause.is::<reqwest::Error>() { "not usable".to_owned() } else { cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_way_out_is_built_once_and_each_has_its_own() {
        let settings = super::super::tests::settings();
        let routes = Routes::new(&settings).unwrap();
        let common = Route { proxy: None, identity: None, guarded: true };
        let proxied = Route { proxy: Some(Url::parse("socks5h://127.0.0.1:9").unwrap()), ..common.clone() };
        let open = Route { guarded: false, ..common.clone() };
        for route in [&common, &proxied, &open, &common, &open] {
            routes.client(route).await.unwrap();
        }
        assert_eq!(routes.built.lock().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_client_certificate_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let routes = Routes::new(&super::super::tests::settings()).unwrap();
        let route = Route { proxy: None, identity: Some((file, folder.path().join("client.key"))), guarded: true };
        let failure = routes.client(&route).await.unwrap_err();
        assert!(failure.to_string().contains("client.pem"), "{failure}");
    }
}
