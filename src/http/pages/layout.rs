//! What all pages share: the document around them, the bar on top, the files that they load.
//!
//! Everything comes from this server and works without a script; a script only searches while one types and fits frames
//! to their content. Style and script are named by their content, so a browser keeps them for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest, Sha256};

use crate::http::problem::Problem;

/// A file that pages load.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const STYLE: Asset = Asset { name: "style.css", media_type: "text/css; charset=utf-8", content: include_str!("assets/style.css") };
const BODY_STYLE: Asset = Asset { name: "body.css", media_type: "text/css; charset=utf-8", content: include_str!("assets/body.css") };
const SCRIPT: Asset = Asset { name: "page.js", media_type: "text/javascript; charset=utf-8", content: include_str!("assets/page.js") };

/// The path of each asset, its content's hash in it.
static PATHS: LazyLock<[(String, Asset); 3]> = LazyLock::new(|| [STYLE, BODY_STYLE, SCRIPT].map(|asset| (asset.path(), asset)));

impl Asset {
    fn path(&self) -> String {
        let hash = HEXLOWER.encode(&Sha256::digest(self.content.as_bytes())[..6]);
        format!("/assets/{hash}/{}", self.name)
    }
}

fn path_of(name: &str) -> &'static str {
    PATHS.iter().find(|(_, asset)| asset.name == name).map_or("", |(path, _)| path)
}

/// Where the style of an article's body is, which stands in a frame of its own.
pub fn body_style() -> &'static str {
    path_of(BODY_STYLE.name)
}

/// `GET /assets/{hash}/{name}`.
pub async fn asset(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let wanted = format!("/assets/{hash}/{name}");
    let (_, asset) =
        PATHS.iter().find(|(path, _)| *path == wanted).ok_or_else(|| Problem::not_found("there is nothing at this address"))?;
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, asset.content).into_response())
}

/// The parts of the site, as the bar on top names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The newest articles.
    Articles,
    /// The feeds' states.
    Feeds,
    /// The archive as a whole.
    Archive,
}

/// What a page says of itself.
#[derive(Debug, Default)]
pub struct About {
    /// Its title.
    pub title: String,
    /// The part that it belongs to.
    pub part: Option<Part>,
    /// The query, with its `?`, by which its articles can be subscribed to; `None` where it lists none.
    pub subscribable: Option<String>,
    /// Does it need the width of the window?
    pub is_wide: bool,
    /// What is wrong with more than a single feed, a sentence each.
    pub troubles: Vec<String>,
}

/// A whole page.
pub fn page(about: &About, content: Markup) -> Response {
    let parts = [(Part::Articles, "/", "Articles"), (Part::Feeds, "/feeds", "Feeds"), (Part::Archive, "/archive", "Archive")];
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (about.title) " · Gleaner" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(path_of(STYLE.name));
                @if let Some(query) = &about.subscribable {
                    link rel="alternate" type="application/atom+xml" title="These articles (Atom)" href={ "/feed.atom" (query) };
                    link rel="alternate" type="application/feed+json" title="These articles (JSON Feed)" href={ "/feed.json" (query) };
                }
                script src=(path_of(SCRIPT.name)) defer {}
            }
            body .wide[about.is_wide] {
                a.skip href="#content" { "Skip to content" }
                header.bar {
                    div.inner {
                        a.brand href="/" { "Gleaner" }
                        nav aria-label="Main" {
                            @for (part, path, name) in parts {
                                a href=(path) aria-current=[(about.part == Some(part)).then_some("page")] { (name) }
                            }
                        }
                    }
                }
                @for trouble in &about.troubles {
                    p.trouble role="alert" { (trouble) }
                }
                main #content tabindex="-1" { (content) }
                footer {
                    a href="/feeds.opml" { "Subscriptions as OPML" } " · " a href="/api/v1/openapi.json" { "API" } " · Gleaner " (env!("CARGO_PKG_VERSION"))
                }
            }
        }
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    (StatusCode::OK, headers, document.into_string()).into_response()
}
