//! Who asked to be told is told: of each new and changed article, in order, at least once, whatever happens to either side.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use crate::support::{Answer, Browser, FeedServer, Item, PATIENCE, Place, Recorded, Running, SETTINGS, rss, stories, with_feeds, within};

const SECRET: &str = "whsec_c2l4dGVlbi1ieXRlcy1vZi1zZXNhbWU=";

/// A webhook's table.
fn hook(url: &str, more: &str) -> String {
    format!("\n[[webhook]]\nurl = \"{url}\"\n{more}\n")
}

/// A config with one feed, which is polled when somebody asks for it, and these webhooks.
fn config(feeds: &FeedServer, hooks: &[String]) -> String {
    let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"");
    with_feeds(&settings, [("paper", feeds.url("/feed"))]) + "interval = \"12h\"\n" + &hooks.concat()
}

fn publish(feeds: &FeedServer, last: u32) {
    feeds.on("/feed", Answer::feed(stories(1..=last)));
}

/// A daemon that tells a receiver at `/hook` of what comes, and the archive of two stories that it began with.
fn telling(feeds: &FeedServer, receiver: &FeedServer, more: &str) -> (Place, Running) {
    publish(feeds, 2);
    let place = Place::with_config(&config(feeds, &[hook(&receiver.url("/hook"), more)]));
    place.write("hook.secret", SECRET);
    place.poll();
    let daemon = place.start(&["run"]);
    daemon.says("a webhook ");
    (place, daemon)
}

/// The daemon polls the feed, in which stories 1 to `last` stand now.
fn poll(place: &Place, feeds: &FeedServer, last: u32) {
    publish(feeds, last);
    place.run(&["poll", "--all"]).succeeds();
}

/// The first so many requests to `/hook`.
#[track_caller]
fn told(receiver: &FeedServer, count: usize) -> Vec<Recorded> {
    let requests = || receiver.requests_to("/hook");
    assert!(within(PATIENCE, || requests().len() >= count), "{} of {count} requests came", requests().len());
    requests()
}

fn json(request: &Recorded) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn titles(requests: &[Recorded]) -> Vec<String> {
    requests.iter().map(|request| json(request)["title"].as_str().unwrap_or("(forgotten)").to_owned()).collect()
}

/// What `status --json` says of the first webhook.
fn state(place: &Place) -> Value {
    serde_json::from_str::<Value>(place.run(&["status", "--json"]).succeeds()).unwrap()["webhooks"][0].clone()
}

#[track_caller]
fn comes_to(place: &Place, what: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let is_so = within(PATIENCE, || {
        last = state(place);
        what(&last)
    });
    assert!(is_so, "{last:#}");
    last
}

#[test]
fn new_articles_are_posted_one_by_one_in_order_and_signed() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.on("/hook", Answer::status(204));
    let (place, daemon) = telling(&feeds, &receiver, "secret_file = \"hook.secret\"");
    poll(&place, &feeds, 6);
    let requests = told(&receiver, 4);
    let articles = place.articles();
    let mut ids = BTreeSet::new();
    for (request, article) in requests.iter().zip(&articles[2..]) {
        assert_eq!((request.method.as_str(), request.text("content-type").as_deref()), ("POST", Some("application/json")));
        assert_eq!(json(request), *article, "the article of the export, of which nothing was there before");
        let (id, timestamp) = (request.text("webhook-id").unwrap(), request.text("webhook-timestamp").unwrap());
        let mut mac = Hmac::<Sha256>::new_from_slice(b"sixteen-bytes-of-sesame").unwrap();
        mac.update([id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body].concat().as_slice());
        let signature = format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()));
        assert_eq!(request.text("webhook-signature"), Some(signature));
        assert!(ids.insert(id), "each change has an id of its own");
    }
    assert_eq!(receiver.most_at_once(), 1);
    assert_eq!(receiver.connections(), 1, "the connection is kept");
    let state = comes_to(&place, |state| state["last_delivered_at"].is_string());
    assert_eq!((&state["status"], &state["undelivered"]), (&Value::from("ok"), &Value::from(0)), "{state:#}");
    let metrics = Browser::of(&daemon).get("/metrics").text().to_owned();
    let name = receiver.url("/hook");
    for line in [
        format!("gleaner_webhook_requests_total{{webhook=\"{name}\",outcome=\"delivered\"}} 4"),
        format!("gleaner_webhook_undelivered{{webhook=\"{name}\"}} 0"),
        format!("gleaner_webhook_failing_seconds{{webhook=\"{name}\"}} 0"),
    ] {
        assert!(metrics.lines().any(|found| found == line), "no `{line}` in\n{metrics}");
    }
}

#[test]
fn a_webhook_is_told_of_what_it_asked_for_alone() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    let german = Item::story(9).body(
        "Der Hafen hat am Montag einen neuen Fahrplan veröffentlicht, nach dem die Fähren vom Sommer an häufiger fahren, und die Stadt \
         hofft, dass damit wieder mehr Gäste auf die Insel kommen, die in den letzten Jahren ausgeblieben waren.",
    );
    feeds.on("/world", Answer::feed(rss([&Item::story(1)])));
    feeds.on("/local", Answer::feed(rss([&Item::story(2), &german.title("Neuer Fahrplan")])));
    for hook in ["/tag", "/feed", "/language", "/both", "/none"] {
        receiver.on(hook, Answer::status(200));
    }
    let mut config = with_feeds(SETTINGS, [("world", feeds.url("/world"))]) + "tags = [\"abroad\"]\ninterval = \"12h\"\n";
    config += &format!("[[feed]]\nname = \"local\"\nurl = \"{}\"\ninterval = \"12h\"\n", feeds.url("/local"));
    config += &hook(&receiver.url("/tag"), "tags = [\"abroad\"]");
    config += &hook(&receiver.url("/feed"), "feeds = [\"local\"]");
    config += &hook(&receiver.url("/language"), "languages = [\"de\"]");
    config += &hook(&receiver.url("/both"), "feeds = [\"local\", \"world\"]\ntags = [\"abroad\"]");
    config += &hook(&receiver.url("/none"), "tags = [\"nobody\"]");
    let place = Place::with_config(&config);
    let _daemon = place.start(&["run"]);
    // The first poll comes with the start, and what it brings is new.
    assert!(receiver.wait_for(5, PATIENCE), "{} came", receiver.requests().len());
    let told = |hook: &str| {
        let mut titles = titles(&receiver.requests_to(hook));
        titles.sort();
        titles
    };
    assert!(within(PATIENCE, || state(&place)["undelivered"] == 0));
    assert_eq!(told("/tag"), ["Story 1"]);
    assert_eq!(told("/feed"), ["Neuer Fahrplan", "Story 2"]);
    assert_eq!(told("/language"), ["Neuer Fahrplan"]);
    assert_eq!(told("/both"), ["Story 1"]);
    assert_eq!(told("/none"), [""; 0]);
    assert!(place.run(&["check"]).err.contains("no feed has the tag `nobody`"));
}

#[test]
fn a_receiver_that_was_away_gets_all_and_what_changed_twice_in_its_last_state() {
    let feeds = FeedServer::start();
    let receiver = FeedServer::start();
    let (place, daemon) = telling(&feeds, &receiver, "");
    let address = receiver.address();
    drop(receiver);
    for title in ["Story 3", "Story 3, mended", "Story 3, mended again"] {
        feeds.on("/feed", Answer::feed(rss([&Item::story(1), &Item::story(2), &Item::story(4), &Item::story(3).title(title)])));
        place.run(&["poll", "--all"]).succeeds();
    }
    comes_to(&place, |state| state["status"] == "failing" && state["undelivered"] == 2);
    daemon.says("takes nothing; it is tried again");

    let receiver = FeedServer::start_at(address);
    receiver.on("/hook", Answer::status(202));
    // A person who mended something need not wait until the next attempt.
    daemon.signal("HUP");
    assert_eq!(titles(&told(&receiver, 2)), ["Story 4", "Story 3, mended again"]);
    daemon.says("takes all again");
    assert_eq!(comes_to(&place, |state| state["undelivered"] == 0)["last_error"], Value::Null);
    assert_eq!(receiver.requests_to("/hook").len(), 2);
}

#[test]
fn what_a_killed_daemon_had_delivered_and_not_written_down_comes_again_under_the_same_id() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.sequence("/hook", [Answer::status(200), Answer::status(200).delay(PATIENCE), Answer::status(200)]);
    let (place, daemon) = telling(&feeds, &receiver, "");
    poll(&place, &feeds, 3);
    told(&receiver, 1);
    comes_to(&place, |state| state["last_delivered_at"].is_string());
    poll(&place, &feeds, 5);
    let before = told(&receiver, 2);
    daemon.kill();
    let _daemon = place.start(&["run"]);
    let requests = told(&receiver, 4);
    assert_eq!(titles(&requests), ["Story 3", "Story 4", "Story 4", "Story 5"]);
    assert_eq!(before[1].header("webhook-id"), requests[2].header("webhook-id"));
    assert_eq!(json(&before[1]), json(&requests[2]));
}

#[test]
fn without_a_daemon_nothing_is_sent_and_the_next_one_catches_up() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.on("/hook", Answer::status(200));
    let (place, mut daemon) = telling(&feeds, &receiver, "");
    daemon.signal("TERM");
    assert!(daemon.ends_within(PATIENCE).success());
    poll(&place, &feeds, 4);
    assert_eq!(state(&place)["undelivered"], 2);
    assert_eq!(receiver.requests().len(), 0);
    let _daemon = place.start(&["run"]);
    assert_eq!(titles(&told(&receiver, 2)), ["Story 3", "Story 4"]);
}

#[test]
fn a_receiver_that_asks_for_peace_has_it_whatever_happens() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.sequence("/hook", [Answer::status(429).header("Retry-After", "2"), Answer::status(200)]);
    receiver.on("/later", Answer::status(503).header("Retry-After", "3600"));
    let (place, daemon) = telling(&feeds, &receiver, "");
    poll(&place, &feeds, 3);
    told(&receiver, 1);
    daemon.signal("HUP");
    daemon.says("reloaded");
    let requests = told(&receiver, 2);
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(2), "{:?}", requests[1].at - requests[0].at);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));

    place.write("gleaner.toml", config(&feeds, &[hook(&receiver.url("/later"), "")]));
    daemon.says("goes on where it was");
    poll(&place, &feeds, 4);
    let state = comes_to(&place, |state| state["retry_at"].is_string());
    assert_eq!((&state["undelivered"], &state["last_error"]), (&Value::from(1), &Value::from("the receiver asks for fewer requests")));
    daemon.kill();
    let daemon = place.start(&["run"]);
    daemon.says("serving");
    assert_eq!(receiver.requests_to("/later").len(), 1, "a restart is no reason to ask again");
}

#[test]
fn a_receiver_that_is_gone_is_left_alone_visibly_until_somebody_reloads() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.sequence("/hook", [Answer::status(410), Answer::status(200)]);
    let (place, daemon) = telling(&feeds, &receiver, "");
    poll(&place, &feeds, 3);
    daemon.says("nothing is sent any more");
    poll(&place, &feeds, 4);
    let state = comes_to(&place, |state| state["undelivered"] == 2);
    assert_eq!(state["status"], "gone");
    let check = place.run(&["status", "--check"]);
    assert_eq!((check.status, check.out.contains("takes nothing since")), (1, true), "{check:#?}");
    assert_eq!(receiver.requests_to("/hook").len(), 1);
    daemon.signal("HUP");
    assert_eq!(titles(&told(&receiver, 3)), ["Story 3", "Story 3", "Story 4"]);
    comes_to(&place, |state| state["status"] == "ok");
}

#[test]
fn an_article_that_is_refused_holds_up_no_other_and_comes_again() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.compute("/hook", |request| Answer::status(if json(request)["title"] == "Story 4" { 422 } else { 200 }));
    let (place, daemon) = telling(&feeds, &receiver, "");
    poll(&place, &feeds, 6);
    let requests = told(&receiver, 5);
    assert_eq!(titles(&requests[..3]), ["Story 3", "Story 4", "Story 5"]);
    let state = comes_to(&place, |state| state["undelivered"] == 1);
    assert_eq!((&state["status"], &state["refused"][0]), (&Value::from("ok"), &json(&requests[1])["id"]), "{state:#}");
    daemon.says("refuses an article; it comes again");

    receiver.on("/hook", Answer::status(200));
    let state = comes_to(&place, |state| state["undelivered"] == 0);
    assert_eq!((&state["refused"], &state["passed_over"]), (&Value::Array(Vec::new()), &Value::from(0)));
    assert_eq!(titles(&receiver.requests_to("/hook")).iter().filter(|title| *title != "Story 4").count(), 3);
}

#[test]
fn a_redirect_is_not_followed() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.on("/hook", Answer::redirect(307, "/elsewhere"));
    receiver.on("/elsewhere", Answer::status(200));
    let (place, _daemon) = telling(&feeds, &receiver, "");
    poll(&place, &feeds, 3);
    let state = comes_to(&place, |state| state["last_error"].is_string());
    assert!(state["last_error"].as_str().unwrap().contains("redirects are not followed"), "{state:#}");
    assert_eq!(receiver.requests_to("/elsewhere").len(), 0);
}

#[test]
fn what_changes_and_what_is_forgotten_is_told_too() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.on("/hook", Answer::status(200));
    let (place, _daemon) = telling(&feeds, &receiver, "");
    feeds.on("/feed", Answer::feed(rss([&Item::story(1).title("Story 1, mended"), &Item::story(2)])));
    place.run(&["poll", "--all"]).succeeds();
    let changed = json(&told(&receiver, 1)[0]);
    assert_eq!((&changed["title"], &changed["revision"]), (&Value::from("Story 1, mended"), &Value::from(2)));
    place.run(&["forget", changed["id"].as_str().unwrap()]).succeeds();
    let forgotten = json(&told(&receiver, 2)[1]);
    assert_eq!(forgotten["id"], changed["id"]);
    assert!(forgotten["deleted_at"].is_string() && forgotten.as_object().unwrap().len() == 2, "{forgotten}");
}

#[test]
fn a_reload_adds_and_removes_webhooks_and_one_that_moved_goes_on_where_it_was() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    for path in ["/hook", "/moved", "/added"] {
        receiver.on(path, Answer::status(200));
    }
    let (place, daemon) = telling(&feeds, &receiver, "");
    place.write("gleaner.toml", config(&feeds, &[hook(&receiver.url("/hook"), ""), hook(&receiver.url("/added"), "")]));
    daemon.says("/added");
    poll(&place, &feeds, 3);
    told(&receiver, 1);
    assert!(within(PATIENCE, || receiver.requests_to("/added").len() == 1));

    place.write("gleaner.toml", config(&feeds, &[]));
    assert!(within(PATIENCE, || state(&place).is_null() && daemon.log().matches("reloaded").count() == 2));
    poll(&place, &feeds, 4);
    place.write("gleaner.toml", config(&feeds, &[hook(&receiver.url("/hook"), "")]));
    assert!(within(PATIENCE, || state(&place)["status"] == "ok"), "{:#}", state(&place));
    receiver.on("/hook", Answer::status(404));
    poll(&place, &feeds, 5);
    comes_to(&place, |state| state["status"] == "failing");
    place.write("gleaner.toml", config(&feeds, &[hook(&receiver.url("/moved"), "")]));
    assert!(within(PATIENCE, || receiver.requests_to("/moved").len() == 1));
    assert_eq!(titles(&receiver.requests_to("/moved")), ["Story 5"], "one that was removed and added again begins anew");
    assert_eq!(titles(&receiver.requests_to("/hook"))[..2], ["Story 3", "Story 5"]);
    assert_eq!(receiver.requests_to("/added").len(), 1);
}

#[test]
fn a_secret_that_is_missing_is_named_and_no_secret_is_ever_shown() {
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    let place = Place::with_config(&config(&feeds, &[hook(&receiver.url("/hook"), "secret_file = \"hook.secret\"")]));
    let missing = place.run(&["check"]);
    assert_eq!(missing.status, 2);
    assert!(missing.err.contains("there is no file") && missing.err.contains("hook.secret"), "{}", missing.err);
    drop(place);

    receiver.sequence("/hook?token=sesame", [Answer::status(502), Answer::status(200)]);
    publish(&feeds, 2);
    let url = receiver.url("/hook?token=sesame").replace("http://", "http://me:sesame@");
    let place = Place::with_config(&config(&feeds, &[hook(&url, "secret_file = \"hook.secret\"")]));
    place.write("hook.secret", SECRET);
    place.poll();
    let daemon = place.start(&["-v", "run"]);
    daemon.says("a webhook ");
    poll(&place, &feeds, 3);
    assert!(receiver.wait_for(1, PATIENCE));
    let request = receiver.requests()[0].clone();
    assert_eq!(request.text("authorization"), Some(format!("Basic {}", BASE64.encode(b"me:sesame"))));
    // It goes while the daemon runs, and the next attempt finds it so.
    std::fs::remove_file(place.at("hook.secret")).unwrap();
    let browser = Browser::of(&daemon);
    let error = || browser.get("/api/v1/status").json()["webhooks"][0]["last_error"].as_str().unwrap_or_default().to_owned();
    assert!(within(PATIENCE, || error().contains("hook.secret")), "{}", error());
    place.write("hook.secret", SECRET);
    daemon.signal("HUP");
    comes_to(&place, |state| state["undelivered"] == 0);
    let status = place.run(&["status"]);
    let metrics = Browser::of(&daemon).get("/metrics").text().to_owned();
    for shown in [daemon.log(), status.out, metrics, place.run(&["status", "--json"]).out] {
        assert!(shown.contains("/hook"), "{shown}");
        assert!(!shown.contains("sesame") && !shown.contains("whsec"), "{shown}");
    }
}

#[test]
fn a_receiver_on_this_machine_needs_no_leave() {
    let receiver = FeedServer::start();
    receiver.on("/hook", Answer::status(200));
    let settings = SETTINGS.replace("allow_private_networks = true", "");
    let place = Place::with_config(&(with_feeds(&settings, [("paper", "file:feed.xml".to_owned())]) + &hook(&receiver.url("/hook"), "")));
    place.write("feed.xml", stories(1..=2));
    let _daemon = place.start(&["run"]);
    assert_eq!(titles(&told(&receiver, 2)), ["Story 1", "Story 2"]);
}

#[test]
fn the_example_in_the_manual_verifies_a_request() {
    let manual = include_str!("../../docs/webhooks.md");
    let example = manual.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    let (feeds, receiver) = (FeedServer::start(), FeedServer::start());
    receiver.on("/hook", Answer::status(204));
    let (place, _daemon) = telling(&feeds, &receiver, "secret_file = \"hook.secret\"");
    poll(&place, &feeds, 3);
    let request = told(&receiver, 1)[0].clone();
    place.write("verify.py", format!("{example}\nimport sys\nheaders = dict(pair.split('=', 1) for pair in sys.argv[2:])\nbody = open('body', 'rb').read()\nprint(verify(open('hook.secret').read(), headers, body))\n"));
    let verified = |body: &[u8]| {
        place.write("body", body);
        let headers =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| format!("{name}={}", request.text(name).unwrap()));
        let output = Command::new("python3").arg("verify.py").arg("-").args(headers).current_dir(place.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(verified(&request.body), "True\n");
    assert_eq!(verified(&[&request.body[..], b" "].concat()), "False\n");
}
