//! The pages for people, made on the server: the newest articles, one article, the feeds, the archive as a whole.

mod archive;
mod article;
mod changes;
mod controls;
mod feed;
mod feeds;
mod layout;
mod list;
mod plot;
mod revisions;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use self::layout::About;
use super::Served;

/// What somebody may send who is not known yet, bytes: a token, and no more memory than that.
const LARGEST_LOGIN: usize = 4 << 10;

/// All pages.
pub fn routes() -> Router<Arc<Served>> {
    Router::new()
        .route("/", get(list::list))
        .route("/articles/{id}", get(article::article))
        .route("/feeds", get(feeds::feeds).post(changes::add))
        .route("/feeds/{*name}", get(feed::feed))
        .route("/archive", get(archive::archive))
        .route("/login", get(changes::login_page).post(changes::log_in).layer(DefaultBodyLimit::max(LARGEST_LOGIN)))
        .route("/logout", post(changes::log_out))
        .route("/poll", post(changes::poll))
        .route("/pause", post(changes::pause))
        .route("/resume", post(changes::resume))
        .route("/remove", get(changes::removal_page).post(changes::remove))
        .route("/opml", post(changes::import))
        .route("/assets/{hash}/{name}", get(layout::asset))
}
