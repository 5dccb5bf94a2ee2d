//! `/articles/{id}`: an article as a reader sees its page, then where it was seen and how it changed.
//!
//! The body is the sanitised HTML of strangers. It stands in a frame that may run nothing, send nothing and load nothing:
//! a policy of its own forbids even images, whose loading would tell the publisher who reads, until the reader asks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::layout::{About, Part, body_style, page};
use super::{revisions, words};
use crate::article::{Article, Completeness};
use crate::export::text::{SIMILAR_HEADING, byline, date_line};
use crate::http::Served;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::store::StoreError;

/// What a page with images may load beside its own files.
const WITH_IMAGES: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: https: http:; \
     connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'";

/// `GET /articles/{id}`; `images=true` loads the body's images from where they are.
pub async fn article(State(served): State<Arc<Served>>, Path(id): Path<String>, uri: Uri) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(uri.query());
    let images = parameters.switch("images")?;
    let all_revisions = parameters.switch("revisions")?;
    parameters.finish()?;
    let wanted = id.clone();
    let found = served.readers.ask(move |reader| {
        let article = reader.article(&wanted, true)?;
        let revisions = match article.as_ref().filter(|article| article.revision > 1) {
            Some(article) => revisions::section(article, reader.revised_at(&wanted)?, all_revisions),
            None => None,
        };
        Ok::<_, StoreError>(article.map(|article| (article, revisions)))
    });
    let (article, revisions) = found.await?.ok_or_else(|| Problem::not_found(format!("the archive has no article `{id}`")))?;
    let title = if article.title.is_empty() { "Untitled" } else { &article.title };
    let about = About { title: title.to_owned(), part: Some(Part::Articles), ..served.about() };
    let mut response = page(&about, content(&article, title, images, revisions.as_ref(), Utc::now()));
    if images {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(WITH_IMAGES));
    }
    Ok(response)
}

fn content(article: &Article, title: &str, images: bool, revisions: Option<&Markup>, now: DateTime<Utc>) -> Markup {
    let has_images = article.html.contains("<img");
    html! {
        article.reading lang=[article.language.as_deref()] {
            h1 dir="auto" { (title) }
            @if let Some(byline) = byline(&article.authors) { p.byline { (byline) } }
            p.about {
                (date_line(article.published, article.reading_time_minutes))
                @if let Some(site) = &article.site {
                    " · "
                    @match article.site_url.as_deref().and_then(words::web_link) {
                        Some(url) => { a href=(url) rel="noreferrer noopener" { (site) } }
                        None => { (site) }
                    }
                }
                @match article.completeness {
                    Completeness::Excerpt => { " · " span.mark { "excerpt" } }
                    Completeness::Paywalled => { " · " span.mark { "behind a paywall" } }
                    Completeness::Full | Completeness::Unknown => {}
                }
            }
            @if let Some(url) = article.url.as_deref().and_then(words::web_link) {
                p.original { a href=(url) rel="noreferrer noopener" { "Read at " (words::host(url).unwrap_or_else(|| "the publisher".to_owned())) } }
            }
            @if let Some(original) = &article.duplicate_of {
                p.note { "A copy of " a href={ "/articles/" (original) } { "an earlier article" } "." }
            }
            @if has_images && !images {
                p.note { a href={ "/articles/" (article.id) "?images=true" } { "Load images" } " (the publisher will see that somebody reads this)" }
            }
            @if article.html.is_empty() {
                p.empty { "The feed gave no text." }
            } @else {
                iframe.body title="The article's text" sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
                    srcdoc=(body(article)) {}
            }
            @if !article.enclosures.is_empty() {
                ul.enclosures {
                    @for enclosure in &article.enclosures {
                        @if let Some(url) = words::web_link(&enclosure.url) {
                            li { a href=(url) rel="noreferrer noopener" { (enclosure.media_type.as_deref().unwrap_or("Attached file")) } }
                        }
                    }
                }
            }
        }
        section.similar aria-labelledby="similar" {
            h2 #similar { (SIMILAR_HEADING) }
            @if article.similar.is_empty() { p.empty { "None in the archive." } }
            @else {
                ul { @for post in &article.similar { li { a href={ "/articles/" (post.id) } { (post.title) } } } }
            }
        }
        @if let Some(rights) = &article.rights { p.rights { (rights) } }
        @if let Some(revisions) = revisions { (revisions) }
        section.provenance aria-label="Where it was seen" {
            h2 { "Seen in" }
            ul {
                @for sighting in &article.sightings {
                    li {
                        a href=(words::feed_page(&sighting.feed)) {
                            (sighting.feed_title.as_deref().unwrap_or(&sighting.feed))
                        }
                        " first " (words::time(sighting.first_seen, now)) ", last " (words::time(sighting.last_seen, now))
                    }
                }
            }
            @if !article.copies.is_empty() {
                h2 { "Copies" }
                ul {
                    @for copy in &article.copies {
                        li {
                            a href={ "/articles/" (copy.id) } { (copy.site.as_deref().or(copy.url.as_deref()).unwrap_or("another article")) }
                            " " (format!("{:.0} %", copy.similarity * 100.0)) " the same"
                        }
                    }
                }
            }
            p.more {
                a href={ "/api/v1/articles/" (article.id) "?revisions=true" } { "As JSON" } " · id " code { (article.id) }
            }
        }
    }
}

/// The document in the frame. It inherits the policy of the page around it.
fn body(article: &Article) -> String {
    let document = html! {
        (DOCTYPE)
        html lang=[article.language.as_deref()] {
            head {
                meta charset="utf-8";
                meta name="color-scheme" content="light dark";
                base target="_blank";
                link rel="stylesheet" href=(body_style());
                title { "The article's text" }
            }
            body dir="auto" { (maud::PreEscaped(&article.html)) }
        }
    };
    document.into_string()
}
