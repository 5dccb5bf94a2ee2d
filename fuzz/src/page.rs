//! Any bytes with any media type as an article's page. The input's first line is the HTTP header `Content-Type`.

use chrono::DateTime;
use gleaner::article::Article;
use gleaner::cli::extract::article;
use gleaner::extract::{Extracted, Page, decode, extract};
use url::Url;

use super::articles::assert_valid;
use super::header_and_body;

/// The same bytes give the same article, valid by the schema and harmless; what is no story has no body.
pub fn check(data: &[u8]) {
    let (content_type, body) = header_and_body(data);
    let html = decode(body, content_type.as_deref());
    let url = Url::parse("https://news.example.org/world/story").ok();
    for url in [url.as_ref(), None] {
        let page =
            Page { url, html: &html, rules: &[], reading_speed: 180, now: DateTime::from_timestamp(1_750_000_000, 0).unwrap_or_default() };
        let found = extract(&page);
        assert_eq!(extract(&page), found, "read twice it differs");
        let Extracted { draft, canonical, kind } = found;
        assert!(kind.is_story() || (draft.text.is_empty() && draft.html.is_empty()), "{kind:?} with the body {:?}", draft.html);
        if let Some(canonical) = canonical {
            assert!(Url::parse(&canonical).is_ok_and(|url| matches!(url.scheme(), "http" | "https")), "the canonical link {canonical:?}");
        }
        let article: Article = article(draft);
        assert_valid(&article);
    }
}
