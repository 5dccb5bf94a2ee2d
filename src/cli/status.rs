//! `gleaner status`: the archive and the poller at a glance.

use std::io::{self, Write};

use chrono::Utc;

use super::failure::Failure;
use super::feeds_list::pages_text;
use crate::config::{Config, write_duration, write_size};
use crate::daemon::control;
use crate::health::minute;
use crate::report::{self, Status, WebhookLine};
use crate::store::{Holder, PageCounts, PollerLock, Reader, StoreError};

/// Show the archive and the poller at a glance
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Exit status 1 when something needs care
    #[arg(long)]
    pub check: bool,
}

/// Runs the command.
///
/// # Errors
/// The archive cannot be read; with `--check`, something needs care.
pub fn run(args: StatusArgs, config: &Config) -> Result<(), Failure> {
    let now = Utc::now();
    let database = &config.database.path;
    let holder = PollerLock::holder(database)?;
    let (archive, conditions, webhooks) = match Reader::open(database) {
        Ok(reader) => (Some(reader.overview(now)?), reader.feed_conditions()?, report::webhook_lines(&reader, config)?),
        Err(StoreError::Missing { .. }) => (None, Vec::new(), Vec::new()),
        Err(error) => return Err(error.into()),
    };
    // A daemon that has stopped since then has no troubles.
    let troubles = match control::Client::troubles(database) {
        Ok(troubles) => troubles,
        Err(error) => vec![error.to_string()],
    };
    let status = Status::of(config, archive, &conditions, webhooks, holder, troubles, now);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &status).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write_status(&mut out, &status, config)?;
    }
    out.flush()?;
    match status.health.needs_care.len() {
        0 => Ok(()),
        _ if !args.check => Ok(()),
        1 => Err(Failure::Failed("one thing needs care".to_owned())),
        count => Err(Failure::Failed(format!("{count} things need care"))),
    }
}

fn write_status(out: &mut impl Write, status: &Status, config: &Config) -> io::Result<()> {
    let Status { archive, poller, webhooks, health } = status;
    match archive {
        None => writeln!(out, "archive   none yet at {}", config.database.path.display())?,
        Some(archive) => {
            let free = if archive.free_bytes == 0 { String::new() } else { format!(", {} of it free", write_size(archive.free_bytes)) };
            writeln!(out, "archive   {}", archive.path.display())?;
            writeln!(out, "          {} articles of {} feeds, {}{free}", archive.articles, archive.feeds, write_size(archive.size_bytes))?;
            let days: Vec<String> = archive.new_per_day.iter().map(|day| day.new.to_string()).collect();
            writeln!(out, "          new in the last seven days, today last: {}", days.join(" "))?;
            if let Some(at) = archive.last_poll_at {
                writeln!(out, "          last poll {} UTC", minute(at))?;
            }
            if archive.pages != PageCounts::default() {
                writeln!(out, "          pages for full text: {}", pages_text(archive.pages))?;
            }
            if let Some(retention) = config.database.retention {
                writeln!(out, "          articles are kept for {}", write_duration(retention))?;
            }
        }
    }
    match (poller.running, &poller.holder) {
        (false, _) => writeln!(out, "poller    not running")?,
        (true, Holder { pid: Some(pid), control_socket: Some(_) }) => writeln!(out, "poller    running (process {pid})")?,
        (true, Holder { pid, .. }) => {
            let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
            writeln!(out, "poller    a single pass is under way{process}")?;
        }
    }
    let feeds = &health.feeds;
    let disabled = feeds.configured - feeds.enabled;
    writeln!(out, "feeds     {} ok, {} failing, {} not polled yet, {disabled} disabled", feeds.ok, feeds.failing, feeds.new)?;
    for failing in &health.failing {
        let since = failing.since.map(|since| format!(" since {}", minute(since))).unwrap_or_default();
        let error = failing.error.as_deref().unwrap_or_default();
        writeln!(out, "failing   {}{since}, {} in a row: {error}", failing.feed, failing.consecutive_failures)?;
    }
    for slow in &health.slow {
        writeln!(out, "slow      {}: {:.0} s for the last request", slow.feed, slow.seconds)?;
    }
    for silent in &health.silent {
        writeln!(out, "silent    {}: last article {}", silent.feed, minute(silent.last_article_at))?;
    }
    for moved in &health.moved {
        writeln!(out, "moved     {} to {}", moved.feed, moved.to)?;
    }
    for proposed in &health.proposed {
        writeln!(out, "moved to? {}: its site has {}", proposed.feed, proposed.url)?;
    }
    for distrusted in &health.distrusted {
        let since = minute(distrusted.since);
        writeln!(out, "untrusted {}: its server said \"not modified\" on {since} though there was news", distrusted.feed)?;
    }
    for gap in &health.possible_gaps {
        writeln!(out, "gap       {}: something may have been missed before {} (see `gleaner coverage`)", gap.feed, minute(gap.found_at))?;
    }
    for webhook in webhooks {
        writeln!(out, "webhook   {}", webhook_text(webhook))?;
    }
    for next in &health.next_polls {
        let reason = next.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        writeln!(out, "next poll {} {}{reason}", minute(next.at), next.feed)?;
    }
    for care in &health.needs_care {
        writeln!(out, "care      {care}")?;
    }
    Ok(())
}

fn webhook_text(webhook: &WebhookLine) -> String {
    let WebhookLine { url, status, undelivered, last_delivered_at, failing_since, last_error, refused, passed_over, .. } = webhook;
    let last = last_delivered_at.map(|at| format!(", last delivered {}", minute(at))).unwrap_or_default();
    let since = failing_since.map(|since| format!(" since {}", minute(since))).unwrap_or_default();
    let mut text = match *status {
        "new" => format!("{url}: not begun, no daemon has run with it"),
        "ok" => format!("{url}: {undelivered} undelivered{last}"),
        _ => format!("{url}: {status}{since}, {undelivered} undelivered{last}"),
    };
    if !refused.is_empty() {
        text += &format!(", {} refused and to come again", refused.len());
    }
    if *passed_over > 0 {
        let id = webhook.last_passed_over.as_deref().unwrap_or_default();
        text += &format!(", {passed_over} passed over (the last: {id})");
    }
    text + &last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default()
}
