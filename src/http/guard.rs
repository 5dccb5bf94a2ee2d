//! What every request must pass, and every answer carries: so that no page of somebody else's can read or change the
//! archive through a person's browser, and no client can take more than its share.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use url::Host;

use super::Served;
use super::connections::Client;
use super::problem::Problem;

/// Requests a second that one client may make in the long run …
const A_SECOND: NonZeroU32 = NonZeroU32::new(50).unwrap();

/// … and at once.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(300).unwrap();

/// After so long a request that has not begun to be answered is given up …
const TIMEOUT: Duration = Duration::from_secs(15);

/// … one that changes something: its body may be large, and a site may have to be asked.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(150);

/// Answers hold text from all over the web: nothing in them may run, load or frame anything.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'";

/// Headers that every answer carries unless it has its own.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
];

/// How often each client has asked.
#[derive(Debug)]
pub struct Rates {
    limiter: RateLimiter<Option<IpAddr>, HashMapStateStore<Option<IpAddr>>, DefaultClock>,
}

impl Default for Rates {
    /// Of requests.
    fn default() -> Self {
        Self::of(Quota::per_second(A_SECOND).allow_burst(AT_ONCE))
    }
}

impl Rates {
    /// Of something that each client may do so often.
    pub fn of(quota: Quota) -> Self {
        Self { limiter: RateLimiter::hashmap(quota) }
    }

    /// Once more.
    ///
    /// # Errors
    /// It is too often; in so many seconds it is not.
    pub fn take(&self, client: Client) -> Result<(), u32> {
        // Clients that have had a rest are forgotten, so that the table stays small.
        if self.limiter.len() > 1_000 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client.0.map(neighbourhood)).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })
    }
}

/// Whose share an address counts to: of IPv6 a household has 2^64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        other => other,
    }
}

/// The outermost layer.
pub async fn guard(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let client = Client::of(request.extensions());
    let in_time =
        served.rates.take(client).map_err(|seconds| Problem::too_many(format!("more than {A_SECOND} requests a second"), seconds));
    let checked = in_time.and_then(|()| {
        let base_url = served.told.config.borrow().http.base_url.clone();
        host_is_ours(request.headers(), request.uri(), client, base_url.as_ref())
    });
    let limit = if request.method().is_safe() { TIMEOUT } else { CHANGE_TIMEOUT };
    let mut response = match checked {
        Ok(()) => tokio::time::timeout(limit, next.run(request))
            .await
            .unwrap_or_else(|_| Problem::unavailable("this took too long to answer", 60).into_response()),
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// A name that an attacker owns may be made to lead to this server's address (DNS rebinding): then the browser sends that
/// name. So a name must be ours; an address cannot be rebound. Behind a Unix socket stands a web server that has checked.
fn host_is_ours(headers: &HeaderMap, uri: &Uri, client: Client, base_url: Option<&url::Url>) -> Result<(), Problem> {
    if client.0.is_none() {
        return Ok(());
    }
    let stated = uri.authority().map(|authority| authority.as_str()).or_else(|| headers.get(header::HOST)?.to_str().ok());
    let Some(stated) = stated else { return Err(Problem::bad_request("a request without `Host`")) };
    let host = url::Url::parse(&format!("http://{stated}/")).ok().and_then(|url| url.host().map(|host| host.to_owned()));
    let is_ours = match &host {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name.ends_with(".localhost")
                || base_url.and_then(|url| url.host_str()).is_some_and(|own| own.eq_ignore_ascii_case(name))
        }
        None => false,
    };
    if is_ours {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!("this server is not `{stated}`; `base_url` in [http] says by which name it is reached"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(host: &str, base_url: Option<&str>) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        let base_url = base_url.map(|url| url::Url::parse(url).unwrap());
        host_is_ours(&headers, &Uri::from_static("/"), Client(Some(IpAddr::from([127, 0, 0, 1]))), base_url.as_ref()).is_ok()
    }

    #[test]
    fn a_name_that_is_not_ours_is_refused() {
        for host in ["127.0.0.1:8420", "[::1]:8420", "localhost", "LOCALHOST:8420", "news.localhost:1"] {
            assert!(asks(host, None), "{host}");
        }
        for host in ["attacker.example", "localhost.attacker.example", "127.0.0.1.attacker.example", "", "a b"] {
            assert!(!asks(host, None), "{host}");
        }
        assert!(asks("news.example", Some("https://news.example/gleaner/")));
        assert!(!asks("example", Some("https://news.example/")));
    }

    #[test]
    fn a_client_that_asks_too_often_has_to_wait_and_others_do_not() {
        let rates = Rates::default();
        let (one, other) = (Client(Some(IpAddr::from([127, 0, 0, 1]))), Client(Some(IpAddr::from([127, 0, 0, 2]))));
        assert!((0..2 * AT_ONCE.get()).filter_map(|_| rates.take(one).err()).all(|seconds| seconds >= 1));
        assert!(rates.take(one).is_err());
        assert!(rates.take(other).is_ok());
    }
}
