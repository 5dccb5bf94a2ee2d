//! `[[webhook]]`: who is told of new and changed articles.

use std::ops::Range;
use std::sync::Arc;

use super::mistake::{Mistake, SourceText, nearest};
use super::section::{Section, Value, Wrong, line};
use super::settings::{language, secret_file, web_url};
use super::surroundings::Surroundings;
use super::{Feed, Webhook};
use crate::webhook::{Secrets, key};

/// A webhook, and where it names feeds and tags, which are not known yet when it is read.
pub(super) struct Found {
    pub(super) webhook: Webhook,
    feeds: Vec<(String, Range<usize>)>,
    tags: Vec<(String, Range<usize>)>,
}

/// Reads all of them. Two of one URL are a mistake: the URL is by what a webhook is known again.
pub(super) fn read(section: &mut Section<'_>, surroundings: &Surroundings) -> Vec<Found> {
    let mut webhooks: Vec<Found> = Vec::new();
    for (table, span) in section.tables("webhook") {
        let mut section = Section::new(section.source, table, "[[webhook]]", section.mistakes);
        let Some(found) = webhook(&mut section, span, surroundings) else { continue };
        let same = webhooks.iter().any(|other| key(&other.webhook) == key(&found.webhook));
        if let (true, Some(span)) = (same, section.span("url")) {
            let help = "remove one, or give one of them a query of its own".to_owned();
            section.wrong(span, "`url`: two webhooks have this URL", Some(help));
        }
        section.finish();
        webhooks.push(found);
    }
    webhooks
}

fn webhook(section: &mut Section<'_>, span: Range<usize>, surroundings: &Surroundings) -> Option<Found> {
    let source = section.source;
    let url = section.read("url", |value| web_url(line(value)?));
    if !section.has("url") {
        section.wrong(span, "a webhook without `url`", None);
    }
    let secret_file = section.read("secret_file", |value| {
        let file = secret_file(source, surroundings, value)?;
        let wrong = |error: &dyn std::fmt::Display| Wrong::new(format!("{}: {error}", file.display()));
        let content = std::fs::read(&file).map_err(|error| wrong(&error))?;
        Secrets::parse(&content).map_err(|error| wrong(&error))?;
        Ok(file)
    });
    let named = |value: &Value<'_>| Ok((line(value)?.to_owned(), value.span()));
    let tags = section.read_list("tags", named).unwrap_or_default();
    let feeds = section.read_list("feeds", named).unwrap_or_default();
    let languages = section.read_list("languages", language).unwrap_or_default();
    let names = |named: &[(String, Range<usize>)]| named.iter().map(|(name, _)| name.clone()).collect();
    let webhook = Webhook { url: url?, secret_file, tags: names(&tags), feeds: names(&feeds), languages };
    Some(Found { webhook, feeds, tags })
}

/// What no feed is called stops nothing, since feeds come and go; but it may be a typo.
pub(super) fn note_unknown(webhooks: &[Found], feeds: &[Arc<Feed>], source: &SourceText, mistakes: &mut Vec<Mistake>) {
    let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    let tags: Vec<&str> = feeds.iter().flat_map(|feed| feed.tags.iter().map(String::as_str)).collect();
    for found in webhooks {
        for (key, what, named, known) in
            [("feeds", "feed is named", &found.feeds, &names), ("tags", "feed has the tag", &found.tags, &tags)]
        {
            for (name, span) in named.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
                let mistake = Mistake::at(source, span.clone(), format!("`{key}`: no {what} `{name}`")).as_warning();
                mistakes.push(match nearest(name, known.iter().copied()) {
                    Some(near) => mistake.help(format!("did you mean `{near}`?")),
                    None => mistake,
                });
            }
        }
    }
}
