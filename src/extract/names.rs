//! What the names that authors of templates give their elements (`class`, `id`, `role`) say about what is in them.
//!
//! Whole words are looked at, in any way of joining them (`post-body`, `post_body`, `postBody`, `PostBody`), since parts of words
//! mislead (`ad` in `heading`, `rail` in `trailer`). A word behind "has", "with" or "no" tells of something else in the element or of
//! its absence, and says nothing of the element itself.

use std::sync::LazyLock;

use regex::Regex;

use super::dom::{Item, Nodes};

/// What an element's names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Names {
    /// Is it the body of an article?
    pub body: bool,
    /// How surely is it something that stands around the body?
    pub around: Around,
    /// Is it a picture's caption or credit?
    pub caption: bool,
}

/// How surely an element stands around a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Around {
    /// Nothing says so.
    #[default]
    No,
    /// Some templates use the word for a part of the body, too.
    Perhaps,
    /// Nobody calls a body so.
    Surely,
    /// It holds what readers wrote, however much that is.
    Comments,
    /// It is not shown beside the text, if at all.
    Never,
}

#[rustfmt::skip]
const BODY: &str = "article-?body|article-?text|article-?content|article-?main-?body|body-?content|body-?copy|body-?text|content-?body|content-?text|\
    entry-?content|entry-?body|main-?article|page-?body|post-?body|post-?content|post-?entry|post-?text|rich-?text|story-?body|story-?content|\
    story-?text|text-?content|article-?copy|article-?wysiwyg|news-?body|news-?text|news-?content|blog-?post-?body|article-?inner|zn-?body";

#[rustfmt::skip]
const NEVER: &str = "tooltip|rollover|popover|hover-?card|screen-?reader-?text|sr-?only|visually-?hidden|visuallyhidden|skip-?link|a11y-?hidden|offscreen";

#[rustfmt::skip]
const COMMENTS: &str = "comments?|comments?-?[a-z]+|disqus|disqus-?[a-z]+|livefyre|respond|replies|user-?comments|fb-?comments";

#[rustfmt::skip]
const SURELY: &str = "related|related-?[a-z]+|recommended|recommendations?|\
    recirc|recirculation|share|shares|sharing|share-?[a-z]+|sharedaddy|social|social-?[a-z]+|addthis|addtoany|newsletters?|newsletter-?[a-z]+|\
    sign-?up|subscribe|subscription|outbrain|taboola|zergnet|revcontent|sponsored|sponsor|advert|adverts|advertisement|advertising|ads|ad|\
    ad-?[a-z]*slot|ad-?container|ad-?wrapper|adsbygoogle|dfp|gpt|breadcrumbs?|pagination|pager|navbar|navigation|menu|byline|by-?line|\
    author-?bio|author-?box|author-?info|about-?author|about-?the-?author|bio|tag-?list|tags|taglist|post-?tags|article-?tags|topics|\
    post-?meta|entry-?meta|article-?meta|post-?info|cookies?|consent|gdpr|trending|popular|most-?read|most-?popular|most-?viewed|read-?next|\
    up-?next|more-?stories|more-?news|more-?from|see-?also|read-?more|also-?read|read-?also|jp-?related-?posts|toolbar|tools|print-?only|\
    print-?block|no-?print|print-?none|hidden-?print|hide-?for-?print|print-?hidden|playlist|modal|popup|login|log-?in|register|donate|donation|\
    feedback|ratings?|copyright|nocontent|promos?|promo-?[a-z]+|teasers?|sidebar|side-?bar|footer|masthead|banner|complementary|contentinfo|\
    right-?rail|left-?rail|profile-?card|cta|[a-z]+-?cta|call-?to-?action|post-?title|entry-?title|article-?title|article-?header|post-?header|\
    entry-?header|story-?header|site-?header|page-?header|global-?header|full-?header|kicker|eyebrow";

#[rustfmt::skip]
const PERHAPS: &str = "rail|promotion|nav|foot|head|header|meta|timestamp|author|next|prev|previous|gallery|slideshow|carousel|videos?|\
    player|media|overlay|links?|inset|more|latest|recent|featured|tag|categories|category|info|infobox|callout|button|btn|form|search|profile|\
    utility|utilities|actions?|widgets?";

const CAPTION: &str = "captions?|caption-?text|wp-?caption-?text|image-?caption|photo-?caption|credits?|image-?credit|photo-?credit|img-?caption|figcaption|attribution|media-?caption|image-?copyright|cutline";

/// Words that turn the next word into something that the element has or lacks.
const ABOUT: &str = "has|with|without|no|not|is|show|enable|enabled|disable|disabled|allow|under|below|after|before|above";

struct Patterns {
    body: Regex,
    never: Regex,
    comments: Regex,
    surely: Regex,
    perhaps: Regex,
    caption: Regex,
    about: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let words = |words: &str| Regex::new(&format!("(?-u)-(?:{words})-")).ok();
    Some(Patterns {
        body: words(BODY)?,
        never: words(NEVER)?,
        comments: words(COMMENTS)?,
        surely: words(SURELY)?,
        perhaps: words(PERHAPS)?,
        caption: words(CAPTION)?,
        about: Regex::new(&format!("(?-u)-(?:{ABOUT})-[a-z0-9]+")).ok()?,
    })
});

/// What the names of all elements of a page say, by their places.
pub fn all(nodes: &Nodes<'_>) -> Vec<Names> {
    nodes.iter().map(|(_, item)| if item.element().is_some() { read(item) } else { Names::default() }).collect()
}

/// What an element's names say.
fn read(item: &Item<'_>) -> Names {
    let Some(patterns) = &*PATTERNS else { return Names::default() };
    let mut names = Names::default();
    for attribute in ["class", "id", "role", "data-component", "data-module", "data-testid"] {
        let Some(value) = item.attribute(attribute).filter(|value| value.len() <= 400) else { continue };
        for word in value.split_ascii_whitespace() {
            let mut word = joined(word);
            if patterns.about.is_match(&word) {
                word = patterns.about.replace_all(&word, "").into_owned();
            }
            names.body |= patterns.body.is_match(&word);
            names.caption |= patterns.caption.is_match(&word);
            let around = if patterns.never.is_match(&word) || matches!(&*word, "-hidden-" | "-hide-" | "-invisible-") {
                Around::Never
            } else if patterns.comments.is_match(&word) {
                Around::Comments
            } else if patterns.surely.is_match(&word) {
                Around::Surely
            } else if patterns.perhaps.is_match(&word) {
                Around::Perhaps
            } else {
                Around::No
            };
            names.around = names.around.max(around);
        }
    }
    names
}

/// `postBody` and `post_body` as `-post-body-`.
fn joined(name: &str) -> String {
    let mut joined = String::with_capacity(name.len() + 4);
    joined.push('-');
    let mut lower_before = false;
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() && lower_before {
            joined.push('-');
        }
        lower_before = byte.is_ascii_lowercase();
        if byte.is_ascii_alphanumeric() {
            joined.push(char::from(byte.to_ascii_lowercase()));
        } else if !joined.ends_with('-') {
            joined.push('-');
        }
    }
    if !joined.ends_with('-') {
        joined.push('-');
    }
    joined
}
