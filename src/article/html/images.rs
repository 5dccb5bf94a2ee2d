//! Images of a body: where a lazily loaded one is, and which are no pictures.

use url::Url;

use super::finish::{is_web, resolve, write_attribute, write_raw_attribute, write_tag};
use crate::article::tags::OpenTag;
use crate::article::{entities, pixels};

/// What the scan knows of images.
#[derive(Default)]
pub struct Pictures {
    /// The first candidate of a `picture`'s sources, for an image without an address of its own.
    offered: Option<String>,
    /// The image just written, if no text follows it: the fallback of a lazily loaded image is the same again.
    last: Option<String>,
}

impl Pictures {
    /// Something to read or to see stands between the last image and the next.
    pub fn interrupted(&mut self) {
        self.last = None;
    }

    /// A `source`: of a film or sound it is kept, of a picture it offers an address.
    pub fn source(&mut self, tag: &OpenTag<'_>, open: &[&str], base: Option<&Url>, out: &mut String) {
        if open.last().is_some_and(|parent| matches!(*parent, "audio" | "video")) {
            if tag.attributes().any(|(name, value)| name == "src" && resolve(value, base).is_some_and(|url| is_web(&url))) {
                write_tag(tag, base, out);
            }
        } else if self.offered.is_none() {
            self.offered = tag.attributes().find(|(name, _)| *name == "srcset").and_then(|(_, value)| best_candidate(value, base));
        }
    }

    /// An `img`: written with its true address, or left out.
    pub fn image(&mut self, tag: &OpenTag<'_>, base: Option<&Url>, out: &mut String) {
        let offered = self.offered.take();
        let web = |value: &str| resolve(value, base).filter(|url| is_web(url));
        let attribute = |wanted: &str| tag.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let lazy = || ["data-lazy-src", "data-src", "data-original"].iter().find_map(|name| attribute(name).and_then(web));
        let lazy_set = || {
            ["data-lazy-srcset", "data-srcset", "srcset"].iter().find_map(|name| attribute(name).and_then(|set| best_candidate(set, base)))
        };
        let src = lazy()
            .or_else(|| attribute("src").and_then(web).filter(|url| !pixels::is_placeholder(url)))
            .or_else(lazy_set)
            .or(offered)
            .or_else(|| attribute("src").and_then(web));
        let Some(src) = src else { return };
        if pixels::is_tracking_pixel(&src, attribute("width"), attribute("height")) || self.last.as_ref() == Some(&src) {
            return;
        }
        out.push_str("<img");
        write_attribute("src", &src, out);
        for (name, value) in tag.attributes() {
            if matches!(name, "alt" | "title" | "width" | "height" | "lang" | "dir") {
                write_raw_attribute(name, value, out);
            }
        }
        out.push('>');
        self.last = Some(src);
    }
}

/// The widest image of a `srcset`, up to 2,000 pixels or twice the density.
fn best_candidate(srcset: &str, base: Option<&Url>) -> Option<String> {
    let srcset = entities::decode_canonical(srcset);
    let mut best: Option<(f64, String)> = None;
    // A comma may stand inside an address; one that ends a candidate has white space after it.
    let mut rest = srcset.trim();
    while !rest.is_empty() {
        let url_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (url, mut after) = rest.split_at(url_end);
        let mut descriptor = "";
        if !url.ends_with(',') {
            let end = after.find(',').unwrap_or(after.len());
            descriptor = after[..end].trim();
            after = after.get(end + 1..).unwrap_or_default();
        }
        rest = after.trim_start();
        let size = descriptor.trim_end_matches(['w', 'x', 'h']).parse::<f64>().unwrap_or(1.0);
        let size = if descriptor.ends_with('w') { size } else { size * 1000.0 };
        let Some(url) = Url::parse(url.trim_end_matches(',')).ok().or_else(|| base?.join(url.trim_end_matches(',')).ok()) else { continue };
        if !matches!(url.scheme(), "http" | "https") {
            continue;
        }
        let better = best.as_ref().is_none_or(|(known, _)| if size <= 2000.0 { *known > 2000.0 || size > *known } else { size < *known });
        if better {
            best = Some((size, url.into()));
        }
    }
    best.map(|(_, url)| url)
}
