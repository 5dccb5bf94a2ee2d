//! What a browser that has shown the token can do with feeds: the forms, and what is said of what they did. Each is a plain
//! form whose answer leads back, so that all of it works without a script and nothing is done again by a reload.

use maud::{Markup, html};

use super::words;
use crate::config::{Config, Feed};
use crate::http::changes::is_changeable;
use crate::http::sessions::{Notice, SignedIn};
use crate::report::FeedLine;

/// Who looks at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visitor {
    /// Nobody can change anything here.
    Reader,
    /// Somebody who has not shown the token.
    Stranger,
    /// Somebody who has, and what is to be said to him.
    Known(SignedIn, Option<Notice>),
}

impl Visitor {
    /// The session of somebody who may change something.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match self {
            Self::Known(signed_in, _) => Some(signed_in),
            Self::Reader | Self::Stranger => None,
        }
    }
}

/// What stands in a form again when it could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Typed {
    /// The address.
    pub url: String,
    /// The name.
    pub name: String,
    /// The tags.
    pub tags: String,
    /// The interval.
    pub interval: String,
    /// Why the feed was not added.
    pub not_added: Option<String>,
    /// Why the list was not imported.
    pub not_imported: Option<String>,
}

/// What was just done, or was not.
pub fn notice(visitor: &Visitor) -> Markup {
    html! {
        @match visitor {
            Visitor::Known(_, Some(Notice::Done(words))) => { p.notice role="status" { (words) } }
            Visitor::Known(_, Some(Notice::Failed(words))) => { p.notice.failed role="alert" { (words) } }
            Visitor::Known(_, None) | Visitor::Stranger | Visitor::Reader => {}
        }
    }
}

/// Above the list of feeds: what concerns no single one.
pub fn of_all(visitor: &Visitor, typed: &Typed) -> Markup {
    html! {
        @match visitor {
            Visitor::Reader => {}
            Visitor::Stranger => { p.more { a href="/login" { "Sign in" } " to add, pause or remove feeds." } }
            Visitor::Known(signed_in, _) => {
                section.change aria-label="Change what is subscribed to" {
                    (add(signed_in, typed))
                    (import(signed_in, typed))
                    form.row method="post" action="/poll" {
                        (form_word(signed_in))
                        button.second type="submit" { "Poll what is due" }
                        button.quiet type="submit" formaction="/logout" { "Sign out" }
                    }
                }
            }
        }
    }
}

fn add(signed_in: &SignedIn, typed: &Typed) -> Markup {
    let has_more = [&typed.name, &typed.tags, &typed.interval].iter().any(|text| !text.is_empty());
    html! {
        form.add method="post" action="/feeds" {
            (form_word(signed_in))
            div.query {
                label.visually-hidden for="url" { "Address of a site or feed" }
                input #url type="text" inputmode="url" spellcheck="false" name="url" value=(typed.url) required placeholder="Address of a site or feed" autocomplete="off"
                    aria-describedby=[typed.not_added.is_some().then_some("not-added")] aria-invalid=[typed.not_added.is_some().then_some("true")];
                button type="submit" { "Add" }
            }
            @if let Some(words) = &typed.not_added { p.wrong #not-added role="alert" { (words) } }
            details.filters open[has_more] {
                summary { "Name, tags, interval" }
                div.fields {
                    label { "Name" input name="name" value=(typed.name) placeholder="from the address" autocomplete="off"; }
                    label { "Tags" input name="tags" value=(typed.tags) placeholder="world, europe" autocomplete="off"; }
                    label { "Poll every" input name="interval" value=(typed.interval) placeholder="learned" size="8" autocomplete="off"; }
                }
            }
        }
    }
}

fn import(signed_in: &SignedIn, typed: &Typed) -> Markup {
    html! {
        details.filters.import open[typed.not_imported.is_some()] {
            summary { "Import a list (OPML)" }
            form method="post" action="/opml" enctype="multipart/form-data" {
                (form_word(signed_in))
                div.fields {
                    label { "File" input type="file" name="file" accept=".opml,.xml,text/x-opml,application/xml,text/xml" required
                        aria-describedby=[typed.not_imported.is_some().then_some("not-imported")]; }
                    button type="submit" { "Import" }
                }
                @if let Some(words) = &typed.not_imported { p.wrong #not-imported role="alert" { (words) } }
            }
        }
    }
}

/// What can be done with one feed, as buttons of a form around them.
pub fn buttons(feed: &Feed, config: &Config) -> Markup {
    let named = |words: &str| format!("{words}: {}", feed.name);
    let button = |path: &str, words: &str| {
        html! {
            button.quiet type="submit" formaction=(path) name="feed" value=(feed.name) aria-label=(named(words)) { (words) }
        }
    };
    html! {
        span.actions {
            (button("/poll", "Poll now"))
            @if is_changeable(feed, config) {
                @if feed.enabled { (button("/pause", "Pause")) } @else { (button("/resume", "Resume")) }
                a href={ "/remove" (words::query(&[("feed", &feed.name)])) } aria-label=(named("Remove")) { "Remove" }
            }
        }
    }
}

/// The same on the page of a feed, and where it can be changed where that is not here.
pub fn of_one(feed: &Feed, config: &Config, visitor: &Visitor) -> Markup {
    html! {
        @if let Some(signed_in) = visitor.signed_in() {
            form.row method="post" action="/poll" {
                (form_word(signed_in))
                (back(&words::feed_page(&feed.name)))
                (buttons(feed, config))
            }
            @if !is_changeable(feed, config) {
                p.more {
                    "It stands in " code { (feed.list.display()) } ", line " (feed.line) ": there it can be changed, paused (" code { "enabled = false" } ") or removed."
                }
            }
        }
    }
}

/// Around a list of feeds with their buttons.
pub fn around(visitor: &Visitor, here: &str, list: Markup) -> Markup {
    match visitor.signed_in() {
        Some(signed_in) => html! { form method="post" action="/poll" { (form_word(signed_in)) (back(here)) (list) } },
        None => list,
    }
}

/// Shall it go? A page of its own, so that it is asked without a script, too.
pub fn removal(line: &FeedLine, signed_in: &SignedIn) -> Markup {
    html! {
        h1 { "Remove this feed?" }
        p { strong dir="auto" { (line.title.as_deref().unwrap_or(&line.name)) } @if line.title.is_some() { " · " (line.name) } }
        p {
            "It is polled no more. "
            @if line.articles == 0 { "The archive has no article of it." }
            @else { "What it brought (" (words::count_of(line.articles, "article", "articles")) ") stays in the archive." }
        }
        form.row method="post" action="/remove" {
            (form_word(signed_in))
            button.danger type="submit" name="feed" value=(line.name) { "Remove" }
            a href=(words::feed_page(&line.name)) { "Keep it" }
        }
    }
}

/// The page on which the token is shown.
pub fn sign_in(wrong: Option<&str>) -> Markup {
    html! {
        h1 { "Sign in" }
        p { "Reading needs no token. Changing what is subscribed to needs the one that the config names by " code { "token_file" } "." }
        form.add method="post" action="/login" {
            div.query {
                label.visually-hidden for="token" { "Token" }
                input #token type="password" name="token" required placeholder="Token" autocomplete="current-password"
                    aria-describedby=[wrong.is_some().then_some("wrong")] aria-invalid=[wrong.is_some().then_some("true")];
                button type="submit" { "Sign in" }
            }
            @if let Some(words) = wrong { p.wrong #wrong role="alert" { (words) } }
        }
    }
}

/// The word by which a form of this session is known.
fn form_word(signed_in: &SignedIn) -> Markup {
    html! { input type="hidden" name="form_word" value=(signed_in.form_word); }
}

/// Where the answer leads.
fn back(here: &str) -> Markup {
    html! { input type="hidden" name="back" value=(here); }
}
