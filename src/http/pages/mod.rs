//! The pages for people, made on the server: the newest articles, one article, the feeds, the archive as a whole.

mod archive;
mod article;
mod feed;
mod feeds;
mod layout;
mod list;
mod plot;
mod revisions;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

pub use self::layout::About;
use super::Served;

/// All pages.
pub fn routes() -> Router<Arc<Served>> {
    Router::new()
        .route("/", get(list::list))
        .route("/articles/{id}", get(article::article))
        .route("/feeds", get(feeds::feeds))
        .route("/feeds/{*name}", get(feed::feed))
        .route("/archive", get(archive::archive))
        .route("/assets/{hash}/{name}", get(layout::asset))
}
