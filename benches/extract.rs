//! How many article pages a second one core reads: `cargo bench --bench extract`. The pages are made up: a story of twelve paragraphs in
//! what a newspaper's template puts around it, 30, 200 and 1,000 KB in all. Given a folder (`cargo bench --bench extract -- FOLDER`), the
//! `.html` files in it are read instead.
//!
//! Each figure is the best of five rounds, since a machine with other work to do makes any round slower and none faster.

#![allow(clippy::print_stdout, reason = "the table is the purpose")]

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use gleaner::extract::{Page, decode, extract};
use url::Url;

const ROUNDS: usize = 5;
const SHORTEST_ROUND: Duration = Duration::from_millis(400);

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let sets: Vec<(String, Vec<String>)> = match folder {
        Some(folder) => vec![(folder.clone(), pages_in(&folder))],
        None => [30, 200, 1_000].map(|kilobytes| (format!("{kilobytes} KB"), vec![page(kilobytes * 1_000)])).into(),
    };
    println!("{:>12} {:>10} {:>12} {:>10}", "pages", "ms a page", "pages a s", "MB a s");
    for (name, pages) in sets {
        if pages.is_empty() {
            println!("{name:>12} holds no pages");
            continue;
        }
        let bytes: usize = pages.iter().map(String::len).sum();
        let per_page = (0..ROUNDS).map(|_| round(&pages)).fold(f64::INFINITY, f64::min);
        let megabytes = bytes as f64 / pages.len() as f64 / 1e6;
        println!("{name:>12} {:>10.2} {:>12.0} {:>10.1}", per_page * 1e3, 1.0 / per_page, megabytes / per_page);
    }
}

/// Seconds a page.
fn round(pages: &[String]) -> f64 {
    let url = Url::parse("https://gazette.example/news/town-hall").ok();
    let begin = Instant::now();
    let mut count = 0;
    while begin.elapsed() < SHORTEST_ROUND {
        for html in pages {
            let page = Page { url: url.as_ref(), html, rules: &[], reading_speed: 180, now: DateTime::<Utc>::MAX_UTC };
            std::hint::black_box(extract(&page));
            count += 1;
        }
    }
    begin.elapsed().as_secs_f64() / f64::from(count)
}

fn pages_in(folder: &str) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.sort();
    let is_page = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "html");
    files.iter().filter(|path| is_page(path)).filter_map(|path| fs::read(path).ok()).map(|body| decode(&body, None)).collect()
}

/// A page of about so many bytes.
fn page(bytes: usize) -> String {
    let mut story = String::new();
    for n in 0..12 {
        let _ = write!(
            story,
            "<p class=\"story-text\">Paragraph {n} tells how the <a href=\"/hall\">town hall</a> opened its doors again on Monday after two years of work, \
             and how hundreds of people came to see it. The roof had been leaking for a decade, the mayor said, and the council met in the \
             school while it was mended.</p><div class=\"ad-slot\"><span>Advertisement</span></div>"
        );
    }
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><head><title>Town hall opens again - Gazette</title>\
         <meta property=\"og:site_name\" content=\"Gazette\"><link rel=\"canonical\" href=\"/news/town-hall\">\
         <script type=\"application/ld+json\">{\"@type\":\"NewsArticle\",\"headline\":\"Town hall opens again\",\"datePublished\":\"2025-01-23T10:00:00Z\",\
         \"author\":{\"@type\":\"Person\",\"name\":\"A. Author\"}}</script></head><body class=\"article-page\">",
    );
    // A third is programs, a third what surrounds the story before it, the rest what comes after it.
    while html.len() < bytes / 3 {
        html.push_str("<script>window.data = window.data || []; data.push({\"slot\": \"top\", \"size\": [300, 250], \"key\": \"<b>x</b>\"});</script>");
    }
    let menu = |n: usize| {
        format!(
            "<li class=\"menu-item menu-item-{n}\"><a class=\"menu-link\" href=\"/section/{n}\" data-track=\"menu:{n}\"><span>Section {n}</span></a></li>"
        )
    };
    html.push_str("<header class=\"site-header\"><nav><ul>");
    let mut n = 0;
    while html.len() < bytes * 2 / 3 - story.len().min(bytes / 3) {
        html.push_str(&menu(n));
        n += 1;
    }
    let _ = write!(
        html,
        "</ul></nav></header><main><article><h1 class=\"headline\">Town hall opens again</h1><div class=\"byline\">By A. Author</div>\
         <div class=\"article-body\">{story}</div></article><aside class=\"sidebar\">"
    );
    while html.len() < bytes {
        let _ = write!(
            html,
            "<div class=\"teaser teaser--small\"><a href=\"/story/{n}\"><img src=\"/image/{n}.jpg\" alt=\"\"><h3>Another story of the town, number {n}</h3></a>\
             <p>What happened there in two lines, and no more than that.</p></div>"
        );
        n += 1;
    }
    html.push_str("</aside></main><footer>Copyright © 2025 Gazette. All rights reserved.</footer></body></html>");
    html
}
