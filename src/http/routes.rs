//! Every path of the API, who answers there, and what the OpenAPI document says of it: one table makes both the router and
//! the document. (The pages for people have a table of their own.)

use schemars::json_schema;
use serde_json::{Value, json};

use super::articles::Page;
use super::health::{Alive, Ready};
use super::openapi::{Endpoint, Operation, Parameter, Place, openapi};
use super::writes::{BegunLine, FeedPatch, FeedToAdd, ImportLine, OPML_TYPES};
use super::{articles, exports, feeds, health, metrics, status, stream, writes};
use crate::article::Article;
use crate::article::schema::SCHEMA_NAME;
use crate::coverage::FeedCoverage;
use crate::poll::PollLine;
use crate::report::{FeedLine, Status};

fn query(name: &'static str, description: &'static str, schema: Value) -> Parameter {
    Parameter { place: Place::Query, name, description, schema }
}

fn switch(name: &'static str, description: &'static str) -> Parameter {
    query(name, description, json!({"type": "boolean"}))
}

fn time(name: &'static str, description: &'static str) -> Parameter {
    query(name, description, json!({"type": "string", "examples": ["2026-01-31", "2026-01-31T12:00:00Z", "7d"]}))
}

fn limit(most: u32, usual: u32) -> Parameter {
    query("limit", "So many at most.", json!({"type": "integer", "minimum": 1, "maximum": most, "default": usual}))
}

fn many(name: &'static str, description: &'static str) -> Parameter {
    query(name, description, json!({"type": "array", "items": {"type": "string"}}))
}

/// The filters of `gleaner export`.
fn filters() -> Vec<Parameter> {
    vec![
        time("since", "From this time on: a date, an instant, or so long before now; on `published`, else `first_seen`."),
        time("until", "Before this time."),
        many("feed", "Of one of these feeds, by name."),
        many("tag", "Of a feed with one of these tags."),
        many("language", "In one of these languages."),
        query("query", "Found by this search.", json!({"type": "string"})),
    ]
}

fn copies() -> Parameter {
    switch("copies", "Every copy of a story, not the earliest alone.")
}

fn revisions() -> Parameter {
    switch("revisions", "With what articles said before.")
}

fn name() -> Parameter {
    let schema = json!({"type": "string", "minLength": 1});
    Parameter { place: Place::Path, name: "name", description: "The feed's name, percent-encoded.", schema }
}

/// All of them.
pub fn endpoints() -> Vec<Endpoint> {
    [reading(), changing(), watching()].into_iter().flatten().collect()
}

fn reading() -> Vec<Endpoint> {
    let page = [limit(1_000, 50), query("cursor", "`next_cursor` of the page before.", json!({"type": "string"})), copies(), revisions()];
    let id = json!({"type": "string", "minLength": 1});
    let id = Parameter { place: Place::Path, name: "id", description: "The article's id.", schema: id };
    let last = json!({"type": "string"});
    let last =
        Parameter { place: Place::Header, name: "Last-Event-ID", description: "Of the last event that came: goes on there.", schema: last };
    let range = || [many("feed", "Of these feeds, by name."), time("since", "From this time on."), time("until", "Up to this time.")];
    let whole = query("limit", "The newest so many.", json!({"type": "integer", "minimum": 0}));
    let feed = |id, summary| Operation::new(id, summary).takes(filters()).takes([limit(1_000, 100), copies()]).revalidated();
    vec![
        Endpoint::at("/api/v1/articles").get(
            articles::list,
            Operation::new("list_articles", "Articles, newest first, page by page")
                .takes(filters())
                .takes(page)
                .gives::<Page>(200, "A page of them.")
                .gives_text(200, "A page of them.", "application/x-ndjson")
                .revalidated(),
        ),
        Endpoint::at("/api/v1/articles/{id}").get(
            articles::one,
            Operation::new("get_article", "One article")
                .takes([id, revisions()])
                .gives::<Article>(200, "The article.")
                .revalidated()
                .fails(&[404]),
        ),
        Endpoint::at("/api/v1/export").get(exports::export, export().takes(filters()).takes([whole, copies(), revisions()])),
        Endpoint::at("/api/v1/stream").get(
            stream::stream,
            Operation::new("stream_articles", "New and changed articles as they come, as server-sent events")
                .takes(filters())
                .takes([copies(), last])
                .gives_text(200, "Events, each an article; named `forgotten` where one was taken out.", "text/event-stream"),
        ),
        Endpoint::at("/api/v1/status").get(
            status::status,
            Operation::new("get_status", "The archive and the poller at a glance")
                .takes([])
                .gives::<Status>(200, "The status.")
                .revalidated(),
        ),
        Endpoint::at("/api/v1/coverage").get(
            status::coverage,
            Operation::new("get_coverage", "Proof that nothing was missed, or where something may have been")
                .takes(range())
                .gives::<Vec<FeedCoverage>>(200, "The coverage of each feed.")
                .revalidated(),
        ),
        Endpoint::at("/api/v1/openapi.json").get(
            openapi,
            Operation::new("get_openapi", "This document")
                .takes([])
                .gives_as(200, "OpenAPI 3.1.", "application/json", |_| json_schema!({"type": "object", "required": ["openapi", "paths"]}))
                .revalidated(),
        ),
        Endpoint::at("/feeds.opml").get(
            feeds::opml,
            Operation::new("list_subscriptions", "The subscription list as OPML 2.0")
                .takes([many("feed", "These feeds alone."), many("tag", "Feeds with one of these tags alone.")])
                .gives_text(200, "OPML.", "text/x-opml")
                .revalidated(),
        ),
        Endpoint::at("/feed.atom").get(
            exports::atom,
            feed("get_atom_feed", "The newest articles as an Atom feed").gives_text(200, "Atom (RFC 4287).", "application/atom+xml"),
        ),
        Endpoint::at("/feed.json").get(
            exports::json_feed,
            feed("get_json_feed", "The newest articles as a JSON Feed").gives_as(
                200,
                "JSON Feed 1.1.",
                "application/feed+json",
                |_| json_schema!({"type": "object", "required": ["version", "title", "items"]}),
            ),
        ),
    ]
}

/// The formats of `gleaner export`.
fn export() -> Operation {
    let formats =
        json!({"type": "string", "enum": ["json", "ndjson", "jsonfeed", "atom", "opml", "csv", "markdown", "text"], "default": "json"});
    let operation = Operation::new("export_articles", "Articles as a file, the bytes of `gleaner export`").takes([query(
        "format",
        "Which format.",
        formats,
    )]);
    let json = operation.gives_as(200, "The file.", "application/json", |generator| {
        let article = generator.subschema_for::<Article>();
        json_schema!({
            "type": "object",
            "properties": {"schema": {"const": SCHEMA_NAME}, "articles": {"type": "array", "items": article}},
            "required": ["schema", "articles"],
        })
    });
    let feed = json.gives_as(200, "The file.", "application/feed+json", |_| json_schema!({"type": "object"}));
    let texts = ["application/x-ndjson", "application/atom+xml", "text/x-opml", "text/csv", "text/markdown", "text/plain"];
    texts.into_iter().fold(feed, |operation, media_type| operation.gives_text(200, "The file.", media_type))
}

fn changing() -> Vec<Endpoint> {
    let change = |id, summary| Operation::new(id, summary).takes([]).with_token();
    vec![
        Endpoint::at("/api/v1/feeds")
            .get(
                feeds::list,
                Operation::new("list_feeds", "The state of each feed").takes([]).gives::<Vec<FeedLine>>(200, "All feeds.").revalidated(),
            )
            .post(
                writes::add,
                change("add_feed", "Adds the feed at an address, or of the page at it")
                    .sent::<FeedToAdd>(&["application/json"])
                    .gives::<FeedLine>(201, "It is there, and will be polled at once.")
                    .fails(&[409]),
            ),
        Endpoint::at("/api/v1/feeds/{name}")
            .get(
                feeds::one,
                Operation::new("get_feed", "The state of one feed")
                    .takes([name()])
                    .gives::<FeedLine>(200, "The feed.")
                    .revalidated()
                    .fails(&[404]),
            )
            .patch(
                writes::change,
                change("change_feed", "Pauses, resumes or changes a feed that was added over HTTP")
                    .takes([name()])
                    .sent::<FeedPatch>(&["application/json", "application/merge-patch+json"])
                    .gives::<FeedLine>(200, "The feed as it is now.")
                    .fails(&[404, 409]),
            )
            .delete(
                writes::remove,
                change("remove_feed", "Removes a feed that was added over HTTP; its articles stay")
                    .takes([name()])
                    .gives_nothing(204, "It is gone.")
                    .fails(&[404, 409]),
            ),
        Endpoint::at("/api/v1/feeds/{name}/poll").post(
            writes::poll,
            change("poll_feed", "Polls a feed now, and waits for a minute at most")
                .takes([name()])
                .gives::<PollLine>(200, "It has been polled.")
                .gives::<BegunLine>(202, "It is being polled.")
                .fails(&[404]),
        ),
        Endpoint::at("/api/v1/poll").post(
            writes::poll_many,
            change("poll_feeds", "Polls the feeds that are due, or all")
                .takes([query("which", "Which.", json!({"type": "string", "enum": ["due", "all"], "default": "due"}))])
                .gives::<BegunLine>(202, "They are being polled."),
        ),
        Endpoint::at("/api/v1/opml").post(
            writes::import,
            change("import_feeds", "Adds the feeds of an OPML document that are not there yet: all of them, or none")
                .sent_bytes(&OPML_TYPES)
                .gives::<ImportLine>(200, "What is new, and what was there.")
                .fails(&[409]),
        ),
    ]
}

fn watching() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/healthz")
            .get(health::alive, Operation::new("get_alive", "Does the daemon get anywhere?").gives::<Alive>(200, "It does.")),
        Endpoint::at("/readyz").get(health::ready, Operation::new("get_ready", "Can the archive be read?").gives::<Ready>(200, "It can.")),
        Endpoint::at("/metrics").get(
            metrics::metrics,
            Operation::new("get_metrics", "What the process has counted").gives_text(200, "OpenMetrics.", "application/openmetrics-text"),
        ),
    ]
}
