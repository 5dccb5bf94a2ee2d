//! Images that are no pictures: tracking pixels, feed counters, share buttons' icons, placeholders of lazy loading.

use super::entities;
use super::tags::{Piece, pieces};

/// Hosts (a suffix of the host's name) and beginnings of paths that only count readers.
const TRACKERS: &[(&str, &str)] = &[
    ("2o7.net", ""),
    ("alexametrics.com", ""),
    ("amazon-adsystem.com", ""),
    ("assoc-amazon.com", ""),
    ("bat.bing.com", ""),
    ("counter.theconversation.com", ""),
    ("counter.theconversation.edu.au", ""),
    ("doubleclick.net", ""),
    ("emjcd.com", ""),
    ("facebook.com", "/tr"),
    ("feedblitz.com", "/~/i/"),
    ("feeds.feedblitz.com", "/~/i/"),
    ("feeds.feedburner.com", "/~ff/"),
    ("feeds.feedburner.com", "/~r/"),
    ("feeds.wordpress.com", "/1.0/"),
    ("feedsportal.com", ""),
    ("google-analytics.com", ""),
    ("googleusercontent.com", "/tracker/"),
    ("list-manage.com", "/track/open"),
    ("matomo.cloud", "/matomo.php"),
    ("pheedo.com", ""),
    ("piwik.pro", "/ppms.php"),
    ("pixel.quantserve.com", ""),
    ("pixel.wp.com", ""),
    ("rss.feedsportal.com", ""),
    ("scorecardresearch.com", ""),
    ("statcounter.com", ""),
    ("stats.wordpress.com", ""),
    ("tracking.feedpress.com", ""),
    ("tracking.feedpress.it", ""),
];

/// Does an image only tell that it was loaded? `width` and `height` as they stand in the tag.
pub fn is_tracking_pixel(url: &str, width: Option<&str>, height: Option<&str>) -> bool {
    is_dot(width, height) || is_tracker(url)
}

/// One pixel or none, as far as the tag tells.
fn is_dot(width: Option<&str>, height: Option<&str>) -> bool {
    let size = |value: Option<&str>| value.map(|value| value.trim().trim_end_matches("px")).and_then(|value| value.parse::<f32>().ok());
    match (size(width), size(height)) {
        (Some(width), Some(height)) => width <= 1.0 && height <= 1.0 || width == 0.0 || height == 0.0,
        (Some(one), None) | (None, Some(one)) => one <= 1.0,
        (None, None) => false,
    }
}

fn is_tracker(url: &str) -> bool {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let path = rest.get(host.len()..).unwrap_or_default();
    TRACKERS.iter().any(|(tracker, start)| {
        host.strip_suffix(tracker).is_some_and(|before| before.is_empty() || before.ends_with('.')) && path.starts_with(start)
    })
}

/// Does an address look like the blank image that a lazy loader puts in place of the true one?
pub fn is_placeholder(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    ["blank", "placeholder", "spacer", "transparent", "lazy", "loading", "1x1", "pixel", "grey", "gray", "clear", "trans", "empty"]
        .iter()
        .any(|word| stem.eq_ignore_ascii_case(word))
        || stem.to_ascii_lowercase().contains("placeholder")
}

/// Is an image of the body too small, or of too little meaning, to stand for the article?
pub fn is_icon(url: &str, width: Option<&str>, height: Option<&str>) -> bool {
    let small = |value: Option<&str>| {
        value.and_then(|value| value.trim().trim_end_matches("px").parse::<f32>().ok()).is_some_and(|size| size < 64.0)
    };
    let lower = url.to_ascii_lowercase();
    small(width)
        || small(height)
        || is_placeholder(url)
        || ["/smilies/", "/emoji/", "gravatar.com/avatar", "/share-icons/", "/images/core/emoji", "favicon"]
            .iter()
            .any(|part| lower.contains(part))
}

/// The first picture of a sanitised body that is more than an icon.
pub fn first_image(html: &str) -> Option<String> {
    if !html.contains("<img") {
        return None;
    }
    pieces(html).find_map(|(piece, _)| {
        let Piece::Open(tag) = piece else { return None };
        if tag.name != "img" {
            return None;
        }
        let attribute = |wanted: &str| tag.attributes().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        let src = entities::decode_canonical(attribute("src")?).into_owned();
        (!is_icon(&src, attribute("width"), attribute("height"))).then_some(src)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_counters_are_known_and_pictures_are_not() {
        for (url, width, height, pixel) in [
            ("https://example.org/a.gif", Some("1"), Some("1"), true),
            ("https://example.org/a.gif", Some("1px"), Some("1px"), true),
            ("https://example.org/a.gif", Some("0"), Some("30"), true),
            ("https://example.org/a.gif", None, Some("1"), true),
            ("https://example.org/line.gif", Some("500"), Some("1"), false),
            ("https://example.org/a.jpg", Some("640"), Some("480"), false),
            ("https://example.org/a.jpg", None, None, false),
            ("https://example.org/a.jpg", Some("100%"), None, false),
            ("http://feeds.feedburner.com/~r/example/~4/abc", None, None, true),
            ("https://pixel.wp.com/b.gif?v=1", None, None, true),
            ("https://ad.doubleclick.net/x", None, None, true),
            ("https://notdoubleclick.net/x.jpg", None, None, false),
            ("https://www.facebook.com/photo.jpg", None, None, false),
            ("https://www.facebook.com/tr?id=1", None, None, true),
        ] {
            assert_eq!(is_tracking_pixel(url, width, height), pixel, "{url} {width:?} {height:?}");
        }
    }
}
