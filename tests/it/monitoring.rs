//! What watches Gleaner reads what Gleaner says: its metrics by a parser of somebody else's, and the alert rules and the dashboard that come
//! with it name nothing that it does not give.

use std::collections::BTreeSet;
use std::process::Command;

use regex::Regex;
use serde_json::Value;

use crate::support::{Answer, Browser, FeedServer, PATIENCE, Place, SETTINGS, stories, with_feeds};

const ALERTS: &str = include_str!("../../docs/alerts.yaml");
const DASHBOARD: &str = include_str!("../../docs/grafana.json");

/// `/metrics` of a daemon that has done a bit of everything.
fn metrics() -> String {
    let server = FeedServer::start();
    server.on("/feed", Answer::feed(stories(1..=2)));
    server.on("/broken", Answer::status(500));
    server.on("/hook", Answer::status(204));
    let settings = SETTINGS.replace("listen = \"\"", "listen = \"127.0.0.1:0\"");
    let config = with_feeds(&settings, [("paper", server.url("/feed")), ("broken", server.url("/broken"))]);
    let place = Place::with_config(&format!("{config}[[webhook]]\nurl = \"{}\"\n", server.url("/hook")));
    let daemon = place.start(&["run"]);
    assert!(server.wait_for(4, PATIENCE), "two polls and two requests to the webhook");
    place.run(&["poll", "--all"]).succeeds();
    let page = Browser::of(&daemon).get("/metrics");
    assert_eq!(page.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    page.text().to_owned()
}

/// Is this program here? Says so where it is not.
fn is_installed(program: &str, arguments: &[&str]) -> bool {
    let is_here = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    if !is_here {
        eprintln!("skipped: `{program} {}` does not work here", arguments.join(" "));
    }
    is_here
}

/// All names of ours in a text.
fn named(text: &str) -> BTreeSet<String> {
    Regex::new(r"\bgleaner_[a-z_]+").unwrap().find_iter(text).map(|name| name.as_str().to_owned()).collect()
}

/// What stands behind each `expr` of the dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.get("expr").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn alerts_and_dashboard_name_metrics_and_labels_that_exist() {
    let metrics = metrics();
    let given: BTreeSet<String> =
        metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect();
    for (file, text) in [("alerts.yaml", ALERTS), ("grafana.json", DASHBOARD)] {
        let missing: Vec<_> = named(text).difference(&given).cloned().collect();
        assert!(missing.is_empty(), "{file} names {missing:?}; given are {given:?}");
    }
    for (label, value) in [("change", "new"), ("state", "ok"), ("state", "failing"), ("outcome", "failed")] {
        let pair = format!("{label}=\"{value}\"");
        assert!(ALERTS.contains(&pair) || DASHBOARD.contains(&pair.replace('"', "\\\"")), "{pair} is used");
        assert!(metrics.contains(&pair), "{pair} is given");
    }
}

#[test]
fn the_panels_of_the_dashboard_lie_side_by_side() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut taken = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels of one id");
        let grid = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(grid("x") + grid("w") <= 24, "{}", panel["title"]);
        for x in grid("x")..grid("x") + grid("w") {
            for y in grid("y")..grid("y") + grid("h") {
                assert!(taken.insert((x, y)), "{} lies over another", panel["title"]);
            }
        }
    }
}

#[test]
fn prometheus_reads_the_rules_and_they_speak_when_they_should() {
    if !is_installed("promtool", &["--version"]) {
        return;
    }
    let place = Place::with_config("");
    place.write("alerts.yaml", ALERTS);
    place.write("alerts.test.yaml", include_str!("../fixtures/monitoring/alerts.test.yaml"));
    let mut found = Vec::new();
    expressions(&serde_json::from_str(DASHBOARD).unwrap(), &mut found);
    assert!(found.len() > 20, "{found:?}");
    // A rule for each expression of the dashboard, in which Grafana's own words stand for what they become.
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (number, expression) in found.iter().enumerate() {
        let expression = expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
        rules += &format!("      - record: panel:number:{number}\n        expr: {}\n", serde_json::to_string(&expression).unwrap());
    }
    place.write("dashboard.yaml", rules);
    for arguments in [["check", "rules", "alerts.yaml"], ["check", "rules", "dashboard.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let output = Command::new("promtool").args(arguments).current_dir(place.path()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
}

/// The reference parser of the OpenMetrics specification is that of Prometheus' Python client.
#[test]
fn a_parser_of_somebody_else_reads_the_metrics() {
    if !is_installed("python3", &["-c", "import prometheus_client.openmetrics.parser"]) {
        return;
    }
    let place = Place::with_config("");
    place.write("metrics", metrics());
    let parse = "from prometheus_client.openmetrics import parser\n\
                 for family in parser.text_string_to_metric_families(open('metrics').read()):\n\
                 \x20   print(family.name, family.type, family.unit, len(family.samples))\n";
    let output = Command::new("python3").args(["-c", parse]).current_dir(place.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let families = String::from_utf8(output.stdout).unwrap();
    for family in
        ["gleaner_polls counter", "gleaner_article_delay_seconds histogram seconds", "gleaner_webhook_failing_seconds gauge seconds 1"]
    {
        assert!(families.lines().any(|line| line.starts_with(family)), "no `{family}` in\n{families}");
    }
}
