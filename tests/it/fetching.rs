//! The client keeps its word: what it sends, where it goes, what it refuses, how much it takes, how long it waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gleaner::config;
use gleaner::fetch::{Accept, Client, ClientSettings, Failure, Fetched, Fresh, Outcome, Pace, Request, Validators};
use url::Url;

use crate::support::{Answer, FeedServer};

const FEED: &str = "<rss version=\"2.0\"><channel><title>News</title></channel></rss>";

fn settings() -> config::Fetch {
    config::Fetch {
        user_agent: "Gleaner/test (+https://gleaner.example)".to_owned(),
        concurrency: 64,
        per_host: 64,
        host_delay: Duration::ZERO,
        timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(10),
        max_body: 1 << 20,
        memory: 4 << 20,
        max_redirects: 5,
        proxy: None,
        headers: Vec::new(),
        allow_private_networks: true,
    }
}

fn client_with(change: impl FnOnce(&mut config::Fetch)) -> Client {
    let mut fetch = settings();
    change(&mut fetch);
    Client::new(&ClientSettings { fetch, pages: Pace { per_host: 1, host_delay: Duration::ZERO } }).unwrap()
}

fn client() -> Client {
    client_with(|_| {})
}

fn request(url: &str) -> Request {
    Request::feed(Url::parse(url).unwrap())
}

async fn fetch(client: &Client, url: &str) -> Fetched {
    client.fetch(&request(url)).await
}

#[track_caller]
fn fresh(fetched: &Fetched) -> &Fresh {
    match &fetched.outcome {
        Outcome::Fresh(fresh) => fresh,
        other => panic!("not fresh: {other:?}"),
    }
}

#[track_caller]
fn failure(fetched: &Fetched) -> &Failure {
    match &fetched.outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_document_comes_with_all_that_the_answer_said() {
    let server = FeedServer::start();
    let answer = Answer::feed(FEED).etag("\"1\"").header("Cache-Control", "max-age=600").header("Retry-After", "60");
    server.on("/feed?a=1", answer);
    let fetched = fetch(&client(), &server.url("/feed?a=1#top")).await;
    let fresh = fresh(&fetched);
    assert_eq!(fresh.body, FEED);
    assert_eq!(fresh.content_type.as_deref(), Some("application/xml"));
    assert_eq!(fresh.validators, Validators { etag: Some(b"\"1\"".to_vec()), last_modified: None });
    assert_eq!((fetched.http_status, fetched.bytes), (Some(200), FEED.len() as u64));
    assert_eq!((fetched.final_url.as_str(), &fetched.moved_to), (server.url("/feed?a=1").as_str(), &None));
    assert_eq!(fetched.freshness.max_age, Some(Duration::from_secs(600)));
    assert_eq!(fetched.freshness.retry_after, Some(Duration::from_secs(60)));

    let sent = &server.requests()[0];
    assert_eq!((sent.method.as_str(), sent.target.as_str()), ("GET", "/feed?a=1"));
    assert_eq!(sent.text("user-agent").as_deref(), Some("Gleaner/test (+https://gleaner.example)"));
    assert!(sent.text("accept").unwrap().starts_with("application/atom+xml"));
    let encodings = sent.text("accept-encoding").unwrap();
    assert!(["gzip", "br", "zstd"].iter().all(|coding| encodings.contains(coding)), "{encodings}");
    assert_eq!(sent.header("if-none-match"), None);
    assert_eq!(sent.header("referer"), None);
}

#[tokio::test]
async fn validators_go_back_byte_for_byte_and_a_304_costs_nothing() {
    let (etag, date) = (&b"W/\"caf\xe9-gzip\""[..], "Tue, 24 March 2026 noon");
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED).etag(etag).last_modified(date).conditional());
    let client = client();
    let first = fetch(&client, &server.url("/feed")).await;
    let mut again = request(&server.url("/feed"));
    again.validators = fresh(&first).validators.clone();
    let second = client.fetch(&again).await;
    assert_eq!(second.outcome, Outcome::NotModified { validators: again.validators });
    assert_eq!((second.http_status, second.bytes), (Some(304), 0));
    let sent = &server.requests()[1];
    assert_eq!(sent.header("if-none-match"), Some(etag));
    assert_eq!(sent.header("if-modified-since"), Some(date.as_bytes()));
}

#[tokio::test]
async fn the_validators_of_the_last_answer_alone_are_kept() {
    let server = FeedServer::start();
    server.on("/moved", Answer::redirect(302, "/feed").etag("\"of the redirect\"").last_modified("a"));
    server.sequence("/feed", [Answer::feed(FEED).etag("\"1\""), Answer::feed(FEED), Answer::status(304).etag("\"2\"")]);
    let client = client();
    let mut asking = request(&server.url("/moved"));
    let first = client.fetch(&asking).await;
    assert_eq!(fresh(&first).validators, Validators { etag: Some(b"\"1\"".to_vec()), last_modified: None });
    asking.validators = fresh(&first).validators.clone();
    assert_eq!(fresh(&client.fetch(&asking).await).validators, Validators::default());
    let renewed = client.fetch(&asking).await;
    let validators = Validators { etag: Some(b"\"2\"".to_vec()), last_modified: None };
    assert_eq!(renewed.outcome, Outcome::NotModified { validators });
    // They were sent at each hop.
    assert!(server.requests()[2..].iter().all(|sent| sent.text("if-none-match").as_deref() == Some("\"1\"")));
}

#[tokio::test]
async fn each_status_has_its_outcome() {
    let server = FeedServer::start();
    let client = client();
    let failed = |status| Outcome::Failed(Failure::Status(status));
    for (answer, want) in [
        (Answer::status(410), Outcome::Gone),
        (Answer::status(429), Outcome::RateLimited { status: 429 }),
        (Answer::status(429).header("Retry-After", "5"), Outcome::RateLimited { status: 429 }),
        (Answer::status(503).header("Retry-After", "316800"), Outcome::RateLimited { status: 503 }),
        (Answer::status(503), failed(503)),
        (Answer::status(204), failed(204)),
        (Answer::status(205), failed(205)),
        (Answer::status(206), failed(206)),
        (Answer::status(300), failed(300)),
        // Nothing was asked that could be unchanged.
        (Answer::status(304), failed(304)),
        (Answer::status(401), failed(401)),
        (Answer::status(403), failed(403)),
        (Answer::status(404), failed(404)),
        (Answer::status(500), failed(500)),
        (Answer::status(599), failed(599)),
    ] {
        let status = answer.status;
        server.on("/feed", answer);
        let fetched = fetch(&client, &server.url("/feed")).await;
        assert_eq!(fetched.outcome, want);
        assert_eq!(fetched.http_status, Some(status));
    }
    for status in [200, 203, 226] {
        server.on("/feed", Answer { status, ..Answer::feed(FEED) });
        assert_eq!(fresh(&fetch(&client, &server.url("/feed")).await).body, FEED);
    }
}

#[tokio::test]
async fn redirects_are_followed_and_only_permanent_ones_are_a_move() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED));
    server.on("/301", Answer::redirect(301, "feed"));
    server.on("/308", Answer::redirect(308, "/301"));
    server.on("/302", Answer::redirect(302, server.url("/308")));
    server.on("/303", Answer::redirect(303, "/feed"));
    server.on("/307", Answer::redirect(307, "/feed"));
    server.on("/301-302", Answer::redirect(301, "/302"));
    let client = client();
    for (from, moved_to) in
        [("/301", Some("/feed")), ("/308", Some("/feed")), ("/302", None), ("/303", None), ("/307", None), ("/301-302", Some("/302"))]
    {
        let fetched = fetch(&client, &server.url(from)).await;
        assert_eq!(fresh(&fetched).body, FEED, "{from}");
        assert_eq!(fetched.final_url.path(), "/feed", "{from}");
        assert_eq!(fetched.moved_to.as_ref().map(Url::path), moved_to, "{from}");
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = FeedServer::start();
    server.on("/self", Answer::redirect(301, "/self"));
    server.on("/a", Answer::redirect(302, "/b"));
    server.on("/b", Answer::redirect(302, "/a#again"));
    server.on("/nowhere", Answer::status(302));
    server.on("/file", Answer::redirect(301, "file:///etc/hostname"));
    for hop in 0..10 {
        server.on(&format!("/{hop}"), Answer::redirect(307, format!("/{}", hop + 1)));
    }
    let client = client();
    for (path, requests) in [("/self", 1), ("/a", 2), ("/nowhere", 1)] {
        let before = server.requests().len();
        let fetched = fetch(&client, &server.url(path)).await;
        assert!(matches!(failure(&fetched), Failure::BadRedirect(_)), "{path}: {fetched:?}");
        assert_eq!(server.requests().len() - before, requests, "{path}");
    }
    let before = server.requests().len();
    assert_eq!(*failure(&fetch(&client, &server.url("/0")).await), Failure::TooManyRedirects(5));
    assert_eq!(server.requests().len() - before, 6);
    assert!(matches!(failure(&fetch(&client, &server.url("/file")).await), Failure::Forbidden { .. }));
}

#[tokio::test]
async fn a_410_behind_a_temporary_redirect_is_not_the_end_of_the_feed() {
    let server = FeedServer::start();
    server.on("/gone", Answer::status(410));
    server.on("/302", Answer::redirect(302, "/gone"));
    server.on("/301", Answer::redirect(301, "/gone"));
    let client = client();
    assert_eq!(fetch(&client, &server.url("/301")).await.outcome, Outcome::Gone);
    assert_eq!(*failure(&fetch(&client, &server.url("/302")).await), Failure::Status(410));
}

#[tokio::test]
async fn secrets_stay_with_their_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("secret-{name}\n")).unwrap();
        path
    };
    let (own, other) = (FeedServer::start(), FeedServer::start());
    own.on("/feed", Answer::redirect(302, "/next"));
    own.on("/next", Answer::redirect(302, other.url("/feed")));
    other.on("/feed", Answer::redirect(302, own.url("/back")));
    own.on("/back", Answer::feed(FEED));
    let client = client_with(|fetch| fetch.headers = vec![("X-Reader".to_owned(), "gleaner".to_owned())]);
    let mut asking = request(&own.url("/feed"));
    asking.options.headers = vec![("X-Key".to_owned(), "secret-key".to_owned())];
    asking.options.token_file = Some(file("token"));
    asking.options.cookie_file = Some(file("cookie"));
    fresh(&client.fetch(&asking).await);
    for sent in own.requests() {
        assert_eq!(sent.text("authorization").as_deref(), Some("Bearer secret-token"), "{}", sent.target);
        assert_eq!(sent.text("cookie").as_deref(), Some("secret-cookie"), "{}", sent.target);
        assert_eq!(sent.text("x-key").as_deref(), Some("secret-key"), "{}", sent.target);
    }
    let sent = &other.requests()[0];
    assert_eq!(sent.text("x-reader").as_deref(), Some("gleaner"));
    assert!(!sent.headers.iter().any(|(_, value)| String::from_utf8_lossy(value).contains("secret")), "{sent:?}");
}

#[tokio::test]
async fn credentials_of_the_url_are_sent_and_never_shown() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED));
    let url = server.url("/feed").replace("http://", "http://reader:open%20sesame@");
    let fetched = fetch(&client(), &url).await;
    assert_eq!(fetched.final_url.as_str(), server.url("/feed"));
    assert_eq!(server.requests()[0].text("authorization").as_deref(), Some("Basic cmVhZGVyOm9wZW4gc2VzYW1l"));
    let refused = fetch(&client_with(|fetch| fetch.allow_private_networks = false), &url).await;
    assert!(!format!("{refused:?} {}", failure(&refused)).contains("sesame"));
}

#[tokio::test]
async fn bodies_are_the_same_however_they_are_framed_and_compressed() {
    let body = FEED.repeat(3000);
    let server = FeedServer::start();
    let client = client();
    for (name, answer) in [
        ("length", Answer::feed(body.as_str())),
        ("chunked", Answer::feed(body.as_str()).chunked()),
        ("until close", Answer::feed(body.as_str()).until_close()),
        ("gzip", Answer::feed(body.as_str()).gzip()),
        ("gzip chunked", Answer::feed(body.as_str()).gzip().chunked()),
        ("brotli", Answer::feed(body.as_str()).brotli()),
        ("zstd", Answer::feed(body.as_str()).zstd().chunked()),
        ("gzip in two members", {
            let (first, second) = body.split_at(body.len() / 2);
            let (first, second) = (Answer::feed(first).gzip(), Answer::feed(second).gzip());
            Answer { body: [first.body.as_slice(), &second.body].concat(), ..first }
        }),
        ("a careless word", Answer::feed(body.as_str()).header("Content-Encoding", "utf-8")),
    ] {
        server.on("/feed", answer);
        let fetched = fetch(&client, &server.url("/feed")).await;
        assert!(fresh(&fetched).body == body, "{name}");
    }
    server.on("/empty", Answer::ok(""));
    assert_eq!(fresh(&fetch(&client, &server.url("/empty")).await).body, "");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_document() {
    // Text that does not compress to nothing, so that a cut falls inside.
    let body: String = (0..20_000_u32).map(|number| format!("{:x} ", number.wrapping_mul(2_654_435_761))).collect();
    let feed = || Answer::feed(body.as_str());
    let server = FeedServer::start();
    let client = client();
    for (name, answer) in [
        ("less than Content-Length", feed().cut_after(1000)),
        ("nothing of it", feed().cut_after(0)),
        ("no last chunk", feed().chunked().cut_after(5000)),
        ("gzip cut on the wire", feed().gzip().cut_after(5000)),
        ("gzip cut at its source", feed().gzip().truncated(5000)),
        ("gzip without its trailer", {
            let whole = feed().gzip();
            let length = whole.body.len() - 4;
            whole.truncated(length)
        }),
        ("brotli cut at its source", feed().brotli().truncated(5000)),
        ("zstd cut at its source", feed().zstd().truncated(5000)),
        ("gzip that is none", feed().header("Content-Encoding", "gzip")),
        ("deflate that is none", feed().header("Content-Encoding", "deflate")),
        ("a coding that was not asked for", feed().header("Content-Encoding", "compress")),
    ] {
        server.on("/feed", answer);
        let fetched = fetch(&client, &server.url("/feed")).await;
        assert!(matches!(failure(&fetched), Failure::Body(_)), "{name}: {}", failure(&fetched));
        assert!(!failure(&fetched).to_string().contains("http://"), "{}", failure(&fetched));
    }
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let server = FeedServer::start();
    let client = client();
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000));
    for raw in ["", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-", endless.as_str(), many.as_str()] {
        server.on("/feed", Answer::raw(raw));
        let fetched = fetch(&client, &server.url("/feed")).await;
        assert!(matches!(failure(&fetched), Failure::Protocol(_)), "{:?}: {:?}", raw.get(..20), failure(&fetched));
    }
}

#[tokio::test]
async fn a_body_is_no_larger_than_allowed_after_decompression() {
    let server = FeedServer::start();
    let client = client_with(|fetch| fetch.max_body = 100_000);
    let bomb = vec![b'a'; 8 << 20];
    for (name, answer, want) in [
        ("exactly", Answer::ok(vec![b'a'; 100_000]), None),
        ("exactly, chunked", Answer::ok(vec![b'a'; 100_000]).chunked(), None),
        ("announced", Answer::ok(vec![b'a'; 100_001]), Some(100_000)),
        ("not announced", Answer::ok(vec![b'a'; 100_001]).chunked(), Some(100_000)),
        ("gzip", Answer::ok(bomb.as_slice()).gzip(), Some(100_000)),
        ("brotli", Answer::ok(vec![b'a'; 1 << 20]).brotli(), Some(100_000)),
        ("zstd", Answer::ok(bomb.as_slice()).zstd(), Some(100_000)),
    ] {
        server.on("/feed", answer);
        let fetched = fetch(&client, &server.url("/feed")).await;
        match want {
            Some(limit) => assert_eq!(*failure(&fetched), Failure::TooLarge(limit), "{name}"),
            None => assert_eq!(fresh(&fetched).body.len(), 100_000, "{name}"),
        }
    }
    let mut more = request(&server.url("/feed"));
    server.on("/feed", Answer::ok(vec![b'a'; 200_000]));
    more.options.max_body = Some(200_000);
    assert_eq!(fresh(&client.fetch(&more).await).body.len(), 200_000);
}

#[tokio::test]
async fn time_runs_out_whether_the_server_is_silent_before_or_inside_of_the_body() {
    let limit = Duration::from_millis(300);
    let client = client_with(|fetch| fetch.timeout = limit);
    let server = FeedServer::start();
    server.on("/stalled", Answer::feed(FEED).stall_after(10));
    server.on("/silent", Answer::feed(FEED).stall_after(10).delay(Duration::from_secs(2)));
    server.on("/hop", Answer::redirect(302, "/stalled"));
    for path in ["/stalled", "/silent", "/hop"] {
        let started = Instant::now();
        let fetched = fetch(&client, &server.url(path)).await;
        assert_eq!(*failure(&fetched), Failure::Timeout(limit), "{path}");
        assert!(started.elapsed() >= limit && fetched.elapsed >= limit, "{path}");
    }
}

#[tokio::test]
async fn nobody_listens_and_nobody_knows_the_name() {
    let client = client();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fetched = fetch(&client, &format!("http://{closed}/feed")).await;
    assert!(matches!(failure(&fetched), Failure::Connect(_)), "{fetched:?}");
    // A label longer than DNS allows: no resolver has to be asked.
    let unknown = format!("{}.example", "a".repeat(64));
    let fetched = fetch(&client, &format!("http://{unknown}/feed")).await;
    assert!(matches!(failure(&fetched), Failure::Resolve { host, .. } if *host == unknown), "{fetched:?}");
    // A server that speaks no TLS.
    let server = FeedServer::start();
    let fetched = fetch(&client, &server.url("/feed").replace("http:", "https:")).await;
    assert!(matches!(failure(&fetched), Failure::Tls(_)), "{fetched:?}");
}

#[tokio::test]
async fn inner_addresses_are_refused_in_every_spelling_before_a_byte_is_sent() {
    let server = FeedServer::start();
    let client = client_with(|fetch| fetch.allow_private_networks = false);
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "localhost",
        "LOCALHOST",
    ] {
        let fetched = fetch(&client, &server.url_at(host, "/feed")).await;
        let Failure::Forbidden { reason, .. } = failure(&fetched) else { panic!("{host}: {fetched:?}") };
        assert!(reason.contains("allow_private_networks"), "{host}: {reason}");
        assert_eq!(fetched.http_status, None);
    }
    assert_eq!(server.connections(), 0);
    let fetched = fetch(&client, "ftp://example.org/feed").await;
    assert!(matches!(failure(&fetched), Failure::Forbidden { .. }), "{fetched:?}");
}

#[tokio::test]
async fn the_guard_stands_at_each_hop() {
    let (outer, inner) = (FeedServer::start(), FeedServer::start());
    inner.on("/feed", Answer::feed(FEED));
    // The proxy stands for the internet: what it is asked for, it answers.
    outer.on("http://news.example/feed", Answer::redirect(301, inner.url("/feed")));
    outer.on("http://news.example/name", Answer::redirect(301, inner.url_at("localhost", "/feed")));
    outer.on("http://news.example/ok", Answer::feed(FEED));
    let client = client_with(|fetch| {
        fetch.allow_private_networks = false;
        fetch.proxy = Some(Url::parse(&outer.url("/")).unwrap());
    });
    assert_eq!(fresh(&fetch(&client, "http://news.example/ok").await).body, FEED);
    for path in ["/feed", "/name"] {
        let fetched = fetch(&client, &format!("http://news.example{path}")).await;
        assert!(matches!(failure(&fetched), Failure::Forbidden { .. }), "{fetched:?}");
        assert_eq!(fetched.http_status, Some(301));
    }
    assert_eq!(inner.connections(), 0);
    assert_eq!(outer.requests().len(), 3);
}

#[tokio::test]
async fn a_feed_may_be_allowed_what_others_are_not() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED));
    let client = client_with(|fetch| fetch.allow_private_networks = false);
    for host in ["127.0.0.1", "localhost"] {
        let mut asking = request(&server.url_at(host, "/feed"));
        asking.options.allow_private_networks = Some(true);
        assert_eq!(fresh(&client.fetch(&asking).await).body, FEED);
        // … and its open connection serves nobody else.
        assert!(matches!(failure(&fetch(&client, &server.url_at(host, "/feed")).await), Failure::Forbidden { .. }));
    }
}

#[tokio::test]
async fn ipv6_is_asked_like_ipv4() {
    let Some(server) = FeedServer::start_v6() else { return };
    server.on("/feed", Answer::feed(FEED));
    assert_eq!(fresh(&fetch(&client(), &server.url("/feed")).await).body, FEED);
}

#[tokio::test]
async fn a_feed_has_its_own_proxy_and_user_agent() {
    let proxy = FeedServer::start();
    proxy.on("http://news.example/feed", Answer::feed(FEED));
    let mut asking = request("http://news.example/feed");
    asking.options.proxy = Some(Url::parse(&proxy.url("/").replace("http://", "http://me:pw@")).unwrap());
    asking.options.user_agent = Some("Else/1".to_owned());
    asking.accept = Accept::Page;
    fresh(&client().fetch(&asking).await);
    let sent = &proxy.requests()[0];
    assert_eq!(sent.text("user-agent").as_deref(), Some("Else/1"));
    assert!(sent.text("accept").unwrap().starts_with("text/html"));
    assert_eq!(sent.text("proxy-authorization").as_deref(), Some("Basic bWU6cHc="));
}

#[tokio::test]
async fn one_host_gets_no_more_at_once_than_per_host() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED).delay(Duration::from_millis(20)));
    let client = client_with(|fetch| fetch.per_host = 2);
    let url = server.url("/feed");
    let all: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let (client, url) = (client.clone(), url.clone());
                async move { fetch(&client, &url).await }
            })
        })
        .collect();
    for one in all {
        fresh(&one.await.unwrap());
    }
    assert_eq!(server.requests().len(), 8);
    assert!(server.most_at_once() <= 2, "{}", server.most_at_once());
    assert!(server.connections() < 8, "connections are used again");
}

#[tokio::test]
async fn a_host_is_left_in_peace_between_two_starts_redirects_included() {
    let delay = Duration::from_millis(60);
    let server = FeedServer::start();
    server.on("/moved", Answer::redirect(302, "/feed"));
    server.on("/feed", Answer::feed(FEED));
    let client = client_with(|fetch| fetch.host_delay = delay);
    let begin = Instant::now();
    let url = server.url("/moved");
    let all: Vec<_> = (0..3)
        .map(|_| {
            tokio::spawn({
                let (client, url) = (client.clone(), url.clone());
                async move { fetch(&client, &url).await }
            })
        })
        .collect();
    for one in all {
        fresh(&one.await.unwrap());
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 6);
    assert!(requests[5].at - begin >= delay * 5, "{:?}", requests[5].at - begin);
}

#[tokio::test]
async fn a_held_host_is_not_asked() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(FEED));
    let client = client();
    let url = Url::parse(&server.url("/feed")).unwrap();
    client.hold_host(&url, Duration::from_secs(3600), 429);
    let fetched = client.fetch(&Request::feed(url)).await;
    assert_eq!(fetched.outcome, Outcome::RateLimited { status: 429 });
    assert_eq!(fetched.http_status, None);
    assert!(fetched.freshness.retry_after.unwrap() > Duration::from_secs(3500));
    assert_eq!(server.connections(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_bodies_share_little_memory_and_all_arrive() {
    let server = FeedServer::start();
    let body: Arc<Vec<u8>> = Arc::new((0..300_000_u32).map(|number| number as u8).collect());
    server.on("/feed", Answer::ok(body.to_vec()).gzip());
    let client = client_with(|fetch| {
        fetch.max_body = 512 << 10;
        fetch.memory = 1 << 20;
    });
    let all: Vec<_> = (0..24)
        .map(|_| {
            let (client, body, url) = (client.clone(), Arc::clone(&body), server.url("/feed"));
            tokio::spawn(async move {
                let fetched = fetch(&client, &url).await;
                assert!(fresh(&fetched).body == *body);
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
}

#[tokio::test]
async fn bodies_that_nobody_lets_go_are_named_as_the_reason() {
    let server = FeedServer::start();
    server.on("/feed", Answer::ok(vec![b'a'; 60_000]));
    let client = client_with(|fetch| {
        fetch.max_body = 64 << 10;
        fetch.memory = 128 << 10;
        fetch.timeout = Duration::from_secs(1);
    });
    let url = server.url("/feed");
    let kept = [fetch(&client, &url).await, fetch(&client, &url).await];
    kept.iter().for_each(|one| assert_eq!(fresh(one).body.len(), 60_000));
    assert_eq!(*failure(&fetch(&client, &url).await), Failure::NoMemory(128 << 10));
    drop(kept);
    fresh(&fetch(&client, &url).await);
}

#[tokio::test]
async fn a_file_is_a_feed_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a feed.xml");
    std::fs::write(&path, FEED).unwrap();
    let client = client_with(|fetch| fetch.allow_private_networks = false);
    let mut asking = Request::feed(Url::from_file_path(&path).unwrap());
    // A file that was written this instant has no validators yet.
    while asking.validators == Validators::default() {
        let fetched = client.fetch(&asking).await;
        assert_eq!(fresh(&fetched).body, FEED);
        assert_eq!((fetched.http_status, fetched.bytes), (None, FEED.len() as u64));
        asking.validators = fresh(&fetched).validators.clone();
    }
    assert_eq!(client.fetch(&asking).await.outcome, Outcome::NotModified { validators: asking.validators.clone() });
    std::fs::write(&path, FEED.to_uppercase()).unwrap();
    assert_eq!(fresh(&client.fetch(&asking).await).body, FEED.to_uppercase());

    asking.options.max_body = Some(10);
    assert_eq!(*failure(&client.fetch(&asking).await), Failure::TooLarge(10));
    for path in [folder.path().join("missing"), folder.path().to_owned()] {
        let fetched = client.fetch(&Request::feed(Url::from_file_path(&path).unwrap())).await;
        assert!(matches!(failure(&fetched), Failure::File { .. }), "{fetched:?}");
    }
}
