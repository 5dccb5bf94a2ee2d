//! A feed that has not changed costs its server next to nothing, and no validator ever hides an article.

use serde_json::json;

use crate::support::{Answer, FeedServer, Item, PATIENCE, Place, rss, stories};

/// No date format, and no legal UTF-8: whatever a server calls its validators, it gets them back.
const ETAG: &[u8] = b"W/\"caf\xe9 1\"";
const DATE: &[u8] = b"Sat, 3 March 24  07:05:00 +0000";

fn validators(server: &FeedServer, at: usize) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let request = &server.requests_to("/feed")[at];
    let header = |name| request.header(name).map(<[u8]>::to_vec);
    (header("if-none-match"), header("if-modified-since"))
}

fn both(etag: &[u8], date: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (Some(etag.to_vec()), Some(date.to_vec()))
}

fn place(server: &FeedServer) -> Place {
    Place::with_feeds([("paper", server.url("/feed"))])
}

#[test]
fn validators_go_back_byte_for_byte() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=3)).etag(ETAG).last_modified(DATE).conditional());
    let place = place(&server);
    assert_eq!(place.poll_counts(), (3, 0));
    assert_eq!(validators(&server, 0), (None, None));
    for at in 1..3 {
        let line = place.poll().remove(0);
        assert_eq!((&line["outcome"], &line["http_status"], &line["new"]), (&json!("not_modified"), &json!(304), &json!(0)));
        assert_eq!(validators(&server, at), both(ETAG, DATE));
    }
}

#[test]
fn a_304_writes_nothing_but_the_polls_own_record() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=3)).etag("\"1\"").conditional());
    let place = place(&server);
    place.poll();
    // Whatever is written to these tables from now on is refused.
    place
        .database()
        .execute_batch(
            "CREATE TABLE written (t); CREATE TRIGGER a AFTER UPDATE ON article BEGIN INSERT INTO written VALUES ('article'); END;
             CREATE TRIGGER s AFTER UPDATE ON sighting BEGIN INSERT INTO written VALUES ('sighting'); END;
             CREATE TRIGGER b AFTER UPDATE ON body BEGIN INSERT INTO written VALUES ('body'); END;
             CREATE TRIGGER k AFTER INSERT ON entry_key BEGIN INSERT INTO written VALUES ('entry_key'); END;
             CREATE TRIGGER c AFTER UPDATE ON archive BEGIN INSERT INTO written VALUES ('archive'); END;",
        )
        .unwrap();
    let written = || place.database().query_row("SELECT count(*) FROM written", [], |row| row.get::<_, i64>(0)).unwrap();
    let polled_at = |place: &Place| place.feed("paper")["last_polled_at"].as_str().unwrap().to_owned();
    let before = polled_at(&place);
    assert!(crate::support::within(PATIENCE, || {
        assert_eq!(place.poll()[0]["outcome"], "not_modified");
        polled_at(&place) != before
    }));
    assert_eq!(written(), 0);
    // The same entries in another document write nothing about them either.
    server.on("/feed", Answer::feed(format!("{}<!-- made anew -->", stories(1..=3))));
    assert_eq!(place.poll()[0]["outcome"], "fresh");
    assert_eq!(written(), 0);
}

#[test]
fn validators_are_replaced_and_cleared_as_the_server_gives_them() {
    let server = FeedServer::start();
    server.sequence(
        "/feed",
        [
            Answer::feed(stories(1..=1)).etag("\"1\"").last_modified("one"),
            Answer::feed(stories(1..=2)).etag("\"2\""),
            Answer::feed(stories(1..=3)).last_modified("three"),
            Answer::feed(stories(1..=4)),
            Answer::feed(stories(1..=5)),
        ],
    );
    let place = place(&server);
    for _ in 0..5 {
        assert_eq!(place.poll_counts(), (1, 0));
    }
    assert_eq!(validators(&server, 1), both(b"\"1\"", b"one"));
    assert_eq!(validators(&server, 2), (Some(b"\"2\"".to_vec()), None), "the date is not the last answer's");
    assert_eq!(validators(&server, 3), (None, Some(b"three".to_vec())));
    assert_eq!(validators(&server, 4), (None, None));
}

#[test]
fn one_validator_may_stay_while_the_other_changes() {
    let server = FeedServer::start();
    server.sequence(
        "/feed",
        [
            Answer::feed(stories(1..=1)).etag("\"1\"").last_modified("one"),
            Answer::feed(stories(1..=2)).etag("\"1\"").last_modified("two"),
            Answer::feed(stories(1..=3)).etag("\"2\"").last_modified("two"),
            Answer::status(304),
        ],
    );
    let place = place(&server);
    for _ in 0..3 {
        assert_eq!(place.poll_counts(), (1, 0));
    }
    place.poll();
    assert_eq!(validators(&server, 2), both(b"\"1\"", b"two"));
    assert_eq!(validators(&server, 3), both(b"\"2\"", b"two"));
}

#[test]
fn a_200_with_the_same_validators_and_another_body_is_read() {
    let server = FeedServer::start();
    let answer = |numbers| Answer::feed(stories(numbers)).etag("\"same\"").last_modified("same");
    server.sequence("/feed", [answer(1..=2), answer(1..=3), answer(2..=4)]);
    let place = place(&server);
    assert_eq!(place.poll_counts(), (2, 0));
    assert_eq!(place.poll_counts(), (1, 0));
    assert_eq!(place.poll_counts(), (1, 0));
}

#[test]
fn an_old_date_of_the_feed_itself_hides_no_entry() {
    let server = FeedServer::start();
    let dated = |numbers| {
        stories(numbers).replacen("<description>", "<lastBuildDate>Mon, 01 Jan 2024 00:00:00 GMT</lastBuildDate><description>", 1)
    };
    server.sequence("/feed", [Answer::feed(dated(1..=2)), Answer::feed(dated(1..=4))]);
    let place = place(&server);
    assert_eq!(place.poll_counts(), (2, 0));
    assert_eq!(place.poll_counts(), (2, 0));
}

#[test]
fn a_304_may_bring_new_validators_and_those_hold() {
    let server = FeedServer::start();
    server.sequence(
        "/feed",
        [
            Answer::feed(stories(1..=1)).etag("\"1\"").last_modified("one"),
            Answer::status(304).etag("\"2\""),
            Answer::status(304),
            Answer::status(304).last_modified("three"),
            Answer::status(304),
        ],
    );
    let place = place(&server);
    for _ in 0..5 {
        place.poll();
    }
    assert_eq!(validators(&server, 1), both(b"\"1\"", b"one"));
    for (at, etag, date) in [(2, "\"2\"", "one"), (3, "\"2\"", "one"), (4, "\"2\"", "three")] {
        assert_eq!(validators(&server, at), both(etag.as_bytes(), date.as_bytes()), "request {at}");
    }
    assert_eq!(place.titles(), ["Story 1"]);
}

#[test]
fn validators_of_what_was_no_feed_are_not_kept() {
    let server = FeedServer::start();
    let good = Answer::feed(stories(1..=2)).etag("\"good\"").conditional();
    let maintenance = Answer::page("<!DOCTYPE html><title>Back soon</title><p>We are busy.").etag("\"page\"").last_modified("page");
    let broken = Answer::status(500).etag("\"broken\"");
    let cut = Answer::feed(stories(1..=9)).etag("\"cut\"").cut_after(900);
    server.sequence("/feed", [good.clone(), maintenance, broken, cut, good]);
    let place = place(&server);
    place.poll();
    for _ in 0..3 {
        let line = place.poll().remove(0);
        assert_eq!(line["outcome"], "failed", "{line}");
        assert!(line["error"].is_string());
    }
    assert_eq!(place.poll()[0]["outcome"], "not_modified");
    for at in 1..5 {
        assert_eq!(validators(&server, at), (Some(b"\"good\"".to_vec()), None), "request {at}");
    }
    assert_eq!(place.titles(), ["Story 1", "Story 2"]);
}

#[test]
fn validators_are_not_kept_where_the_articles_are_not() {
    let server = FeedServer::start();
    server.sequence(
        "/feed",
        [Answer::feed(stories(1..=2)).etag("\"1\"").conditional(), Answer::feed(stories(1..=3)).etag("\"2\"").conditional()],
    );
    let place = place(&server);
    place.poll();
    // From here on the archive can take no article: as on a full disk, in the middle of the poll's transaction.
    place.database().execute_batch("CREATE TRIGGER full BEFORE INSERT ON sighting BEGIN SELECT RAISE(ABORT, 'no room'); END;").unwrap();
    place.run(&["poll", "--all"]).fails(1, &["no room"]);
    place.database().execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(place.poll_counts(), (1, 0), "what the archive could not take comes again");
    assert_eq!(validators(&server, 1), (Some(b"\"1\"".to_vec()), None));
    assert_eq!(validators(&server, 2), (Some(b"\"1\"".to_vec()), None));
    assert_eq!(place.titles(), ["Story 1", "Story 2", "Story 3"]);
}

#[test]
fn a_feed_of_another_url_is_asked_without_the_validators_of_the_old_one() {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)).etag("\"1\"").last_modified("one").conditional());
    server.on("/moved", Answer::feed(stories(1..=3)).etag("\"1\"").last_modified("one").conditional());
    let place = place(&server);
    place.poll();
    place.subscribe([("paper", server.url("/moved"))]);
    // Its name is its identity: what it showed before is known again.
    assert_eq!(place.poll_counts(), (1, 0));
    let request = &server.requests_to("/moved")[0];
    assert_eq!((request.header("if-none-match"), request.header("if-modified-since")), (None, None));
    assert_eq!(place.articles().len(), 3);
    place.poll();
    assert_eq!(server.requests_to("/moved")[1].text("if-none-match").as_deref(), Some("\"1\""));
}

#[test]
fn what_says_that_it_is_stale_at_once_is_still_polled() {
    for cache in ["no-cache", "no-store, max-age=0", "private", "max-age=99999999999999999999"] {
        let server = FeedServer::start();
        let answer = |numbers| Answer::feed(stories(numbers)).header("Cache-Control", cache).header("Expires", "0");
        server.sequence("/feed", [answer(1..=1), answer(1..=2)]);
        let place = place(&server);
        place.poll();
        let feed = place.feed("paper");
        let next: chrono::DateTime<chrono::Utc> = feed["next_poll_at"].as_str().unwrap().parse().unwrap();
        assert!(next < chrono::Utc::now() + chrono::TimeDelta::hours(26), "{cache}: {feed:#}");
        assert_eq!(place.poll_counts(), (1, 0), "{cache}");
    }
}

#[test]
fn a_server_that_ignores_validators_costs_a_request_and_no_article() {
    let server = FeedServer::start();
    let items = [Item::story(1), Item::story(2)];
    server.on("/feed", Answer::feed(rss(&items)).etag("\"1\""));
    let place = place(&server);
    assert_eq!(place.poll_counts(), (2, 0));
    for _ in 0..3 {
        assert_eq!(place.poll_counts(), (0, 0));
    }
    assert_eq!(place.articles().len(), 2);
}

#[test]
fn a_document_that_ends_too_early_is_read_and_asked_for_again_in_full() {
    let server = FeedServer::start();
    let whole = stories(1..=6);
    // Cut where it was made: to HTTP it is whole, and it has a validator.
    let cut = &whole[..whole.find("Story 3").unwrap()];
    server.sequence("/feed", [Answer::feed(cut).etag("\"cut\"").conditional(), Answer::feed(whole.clone()).etag("\"cut\"").conditional()]);
    let place = place(&server);
    let line = place.poll().remove(0);
    assert_eq!((&line["outcome"], &line["new"]), (&json!("fresh"), &json!(3)), "what was there is kept: {line}");
    assert_eq!(place.poll_counts(), (3, 0));
    assert_eq!(validators(&server, 1), (None, None));
    place.poll();
    assert_eq!(validators(&server, 2), (Some(b"\"cut\"".to_vec()), None));
}
