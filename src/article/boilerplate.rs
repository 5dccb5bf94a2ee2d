//! What publishing software puts around a story in its body: share bars, similar posts, copyright lines, the
//! headline once more.
//!
//! The rules are few and careful, for a lost paragraph is worse than a share bar that stayed. They look at whole
//! blocks alone, know them by fixed words, and never touch a block that reads like a paragraph.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::text::{Block, BlockKind, Paragraphs};

/// Headings of lists of other articles. Nobody writes them over anything else.
#[rustfmt::skip]
const SIMILAR_POSTS: &[&str] = &[
    "similar posts", "similiar posts", "similar articles", "similar stories", "related posts", "related articles", "related stories",
    "related news", "related content", "related coverage", "related reading", "related links", "related topics", "related post",
    "related article", "you may also like", "you might also like", "you may also be interested in", "you might also be interested in",
    "recommended for you", "recommended stories", "recommended articles", "recommended posts", "recommended reading",
    "more on this story", "more from this author", "more stories", "more like this", "other posts", "other articles", "read next",
    "up next", "latest posts", "recent posts", "popular posts", "ähnliche beiträge", "ähnliche artikel", "verwandte artikel",
    "verwandte beiträge", "das könnte sie auch interessieren", "das könnte dich auch interessieren", "mehr zum thema",
    "articles similaires", "articles connexes", "articles liés", "sur le même sujet", "à lire aussi", "lire aussi",
    "à lire également", "lire également", "artículos relacionados", "entradas relacionadas", "noticias relacionadas", "lea también",
    "te puede interesar", "artigos relacionados", "posts relacionados", "notícias relacionadas", "leia também", "articoli correlati",
    "post correlati", "potrebbe interessarti anche", "leggi anche", "gerelateerde artikelen", "gerelateerde berichten", "lees ook",
    "læs også", "les også", "läs också", "relaterade inlägg", "czytaj także", "czytaj też", "podobne artykuły", "похожие записи",
    "похожие статьи", "читайте также", "по теме", "читайте також", "ilgili haberler", "benzer yazılar", "関連記事", "相关文章", "相關文章",
    "相关阅读", "延伸閱讀", "관련기사", "관련 기사", "مقالات ذات صلة",
];

/// … and those that may also stand over a part of the story.
const PERHAPS_SIMILAR_POSTS: &[&str] =
    &["related", "see also", "read more", "read also", "also read", "further reading", "more", "recommended", "don t miss"];

/// Beginnings and inner words of "The post … appeared first on …".
const APPEARED_FIRST: &[(&str, &[&str])] = &[
    ("the post ", &[" appeared first on ", " first appeared on "]),
    ("the article ", &[" appeared first on ", " first appeared on "]),
    ("this post ", &["appeared first on ", "first appeared on "]),
    ("this article ", &["appeared first on ", "first appeared on "]),
    ("der beitrag ", &[" erschien zuerst auf ", " erschien zuerst bei ", " zuerst erschienen auf "]),
    ("der artikel ", &[" erschien zuerst auf "]),
    ("l article ", &[" est apparu en premier sur "]),
    ("cet article ", &[" est apparu en premier sur "]),
    ("la entrada ", &[" se publicó primero en ", " apareció primero en ", " aparece primero en "]),
    ("o post ", &[" apareceu primeiro em ", " apareceu primeiro no "]),
    ("l articolo ", &[" proviene da ", " sembra essere il primo su "]),
    ("het bericht ", &[" verscheen eerst op "]),
    ("inlägget ", &[" dök först upp på "]),
    ("indlægget ", &[" blev først udgivet på "]),
    ("innlegget ", &[" dukket først opp på "]),
    ("artykuł ", &[" pochodzi z serwisu "]),
    ("запись ", &[" впервые появилась "]),
    ("сообщение ", &[" появились сначала на ", " появился сначала на "]),
];

/// Places that a share bar sends its reader to.
#[rustfmt::skip]
const NETWORKS: &[&str] = &[
    "facebook", "twitter", "linkedin", "whatsapp", "pinterest", "reddit", "telegram", "tumblr", "pocket", "messenger", "threads",
    "bluesky", "mastodon", "flipboard", "instapaper", "email", "e", "mail", "print", "x", "viber", "vk", "line", "hatena", "wechat",
    "weibo", "skype", "google", "digg", "stumbleupon", "delicious", "xing", "youtube", "instagram",
];

/// … and what else stands in one.
#[rustfmt::skip]
const SHARE_WORDS: &[&str] = &[
    "share", "shares", "sharing", "tweet", "pin", "it", "post", "this", "on", "via", "by", "to", "copy", "link", "save", "like",
    "loading", "click", "opens", "in", "new", "window", "a", "friend", "with", "and", "or", "follow", "us", "me", "our", "article",
    "story", "page", "more", "options", "plus", "buffer", "send",
];

/// All words of share bars; is it the name of such a place?
static SHARE_BAR: LazyLock<HashMap<&str, bool>> =
    LazyLock::new(|| SHARE_WORDS.iter().map(|word| (*word, false)).chain(NETWORKS.iter().map(|word| (*word, true))).collect());

/// Whole blocks that only lead somewhere else.
#[rustfmt::skip]
const LEADS_ON: &[&str] = &[
    "read more", "continue reading", "read the full story", "read the full article", "read full article", "read the rest", "read on",
    "keep reading", "more", "click here to read more", "view comments", "leave a comment", "comments", "add a comment", "subscribe",
    "subscribe now", "share", "advertisement", "advertisements", "weiterlesen", "lire la suite", "leer más", "leia mais",
    "seguir leyendo", "continua a leggere", "lees verder", "читать далее", "permalink", "source", "続きを読む",
];

/// Bytes of a line that may be a headline, a share bar, a copyright line; what is longer is a paragraph.
const MAX_LINE: usize = 300;

/// Takes boilerplate out of a body's paragraphs, and gives the copyright line that stood there.
pub fn remove(paragraphs: &mut Paragraphs, title: &str, authors: &[String]) -> Option<String> {
    let count = paragraphs.blocks().len();
    let mut verdict = vec![Verdict::Keep; count];
    let mut copyright = None;
    let blocks: Vec<(&Block, &str)> = paragraphs.iter().collect();

    let title = fold(title);
    let authors: Vec<String> = authors.iter().map(|author| fold(author)).filter(|author| !author.is_empty()).collect();
    for (place, (_, text)) in blocks.iter().enumerate().take(6) {
        if text.len() > MAX_LINE {
            break;
        }
        let folded = fold(text);
        verdict[place] = if !title.is_empty() && folded == title {
            Verdict::Headline
        } else if is_byline(&folded, &authors) || is_reading_time(&folded) {
            Verdict::Drop
        } else {
            break;
        };
    }

    let mut place = 0;
    while place < count {
        let (block, text) = blocks[place];
        // Most blocks are paragraphs, and their length alone shows it.
        if verdict[place] != Verdict::Keep || (text.len() > MAX_LINE && !may_name_first_place(text)) {
            place += 1;
            continue;
        }
        let near_end = place + 8 >= count;
        let folded = fold(text);
        if is_appeared_first(&folded) {
            verdict[place] = Verdict::Drop;
        } else if near_end && is_copyright(text, &folded) {
            verdict[place] = Verdict::Drop;
            copyright.get_or_insert_with(|| text.split_whitespace().collect::<Vec<_>>().join(" "));
        } else if is_share_bar(&folded) || leads_on(block, text, &folded, place + 1 == count) || points_to_other(block, text, &folded) {
            verdict[place] = Verdict::Drop;
            // The buttons of a bar may be blocks of their own.
            while place + 1 < count && is_button(&fold(blocks[place + 1].1)) {
                place += 1;
                verdict[place] = Verdict::Drop;
            }
        } else if let Some(certain) = similar_posts(block, &folded) {
            let followers = blocks[place + 1..].iter().take_while(|(block, text)| is_teaser(block, text)).count();
            let last = place + 1 + followers;
            let ends = last == count
                || blocks[last..]
                    .iter()
                    .all(|(_, text)| text.len() < 300 && (is_copyright(text, &fold(text)) || is_appeared_first(&fold(text))));
            // A heading above nothing at all is no section of the story.
            let empty = matches!(block.kind, BlockKind::Heading(_)) && followers == 0 && ends;
            if empty
                || certain && (followers > 0 || ends)
                || followers > 0 && blocks[place + 1..last].iter().all(|(block, text)| is_mostly_links(block, text))
            {
                verdict[place..last].fill(Verdict::Drop);
                place = last;
                continue;
            }
        }
        place += 1;
    }

    // A note whose body says no more than its headline keeps its body.
    if count > 0 && !verdict.contains(&Verdict::Keep) {
        for verdict in &mut verdict {
            if *verdict == Verdict::Headline {
                *verdict = Verdict::Keep;
                break;
            }
        }
    }
    if verdict.iter().any(|verdict| *verdict != Verdict::Keep) {
        paragraphs.retain(|place| verdict.get(place) == Some(&Verdict::Keep));
    }
    copyright
}

/// Is a text, such as a summary's last sentence, one of those that name where a post appeared first? Gives the
/// text before that sentence.
pub fn without_appeared_first(text: &str) -> &str {
    // Each sentence may be the one; the shortest tail wins.
    let starts = text.char_indices().filter(|&(at, _)| at == 0 || text[..at].ends_with(char::is_whitespace)).map(|(at, _)| at);
    for start in starts.collect::<Vec<_>>().into_iter().rev() {
        let tail = &text[start..];
        if tail.len() > 600 {
            break;
        }
        if tail.starts_with(char::is_uppercase) && is_appeared_first(&fold(tail)) {
            return text[..start].trim_end();
        }
    }
    text
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Keep,
    Headline,
    Drop,
}

/// Lower-case words with one space between, without punctuation.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        let mut folded = Vec::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() {
                folded.push(byte.to_ascii_lowercase());
            } else if folded.last().is_some_and(|last| *last != b' ') {
                folded.push(b' ');
            }
        }
        if folded.last() == Some(&b' ') {
            folded.pop();
        }
        // ASCII came in.
        return String::from_utf8(folded).unwrap_or_default();
    }
    let mut folded = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            folded.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            folded.push_str(&word.to_lowercase());
        }
    }
    folded
}

fn words(folded: &str) -> usize {
    folded.split(' ').count()
}

/// As many words as this, or fewer? Reads no further than it must.
fn is_of_words(folded: &str, most: usize) -> bool {
    folded.split(' ').nth(most).is_none()
}

fn is_byline(folded: &str, authors: &[String]) -> bool {
    let name = folded
        .strip_prefix("by ")
        .or_else(|| folded.strip_prefix("written by "))
        .or_else(|| folded.strip_prefix("posted by "))
        .unwrap_or(folded);
    authors.iter().any(|author| {
        name == author
            || name
                .strip_prefix(author.as_str())
                .and_then(|rest| rest.strip_prefix(' '))
                .is_some_and(|rest| is_date_line(rest) || is_reading_time(rest) || rest == author)
    }) || (authors.len() > 1 && name.split(" and ").all(|name| authors.iter().any(|author| author == name)))
}

/// Words of a date, its time and zone, alone.
fn is_date_line(folded: &str) -> bool {
    const DATE_WORDS: &[&str] = &[
        "jan",
        "january",
        "feb",
        "february",
        "mar",
        "march",
        "apr",
        "april",
        "may",
        "jun",
        "june",
        "jul",
        "july",
        "aug",
        "august",
        "sep",
        "sept",
        "september",
        "oct",
        "october",
        "nov",
        "november",
        "dec",
        "december",
        "mon",
        "monday",
        "tue",
        "tuesday",
        "wed",
        "wednesday",
        "thu",
        "thursday",
        "fri",
        "friday",
        "sat",
        "saturday",
        "sun",
        "sunday",
        "am",
        "pm",
        "utc",
        "gmt",
        "est",
        "edt",
        "on",
        "at",
        "of",
        "published",
        "posted",
        "updated",
    ];
    is_of_words(folded, 12)
        && folded.bytes().any(|b| b.is_ascii_digit())
        && folded.split(' ').all(|word| {
            DATE_WORDS.contains(&word)
                || word.trim_end_matches(|c: char| c.is_ascii_alphabetic()).bytes().all(|b| b.is_ascii_digit())
                    && word.len() <= 4
                    && word.starts_with(|c: char| c.is_ascii_digit())
        })
}

/// "3 min read", also after a date; "Reading time: 3 minutes".
fn is_reading_time(folded: &str) -> bool {
    if !is_of_words(folded, 12) {
        return false;
    }
    for start in [
        "reading time",
        "estimated reading time",
        "read time",
        "time to read",
        "lesezeit",
        "temps de lecture",
        "tiempo de lectura",
        "tempo di lettura",
        "tempo de leitura",
        "leestijd",
    ] {
        if let Some(rest) = folded.strip_prefix(start) {
            return words(rest) <= 6 && rest.bytes().any(|b| b.is_ascii_digit());
        }
    }
    for end in [
        " min read",
        " mins read",
        " minute read",
        " minutes read",
        " min de lecture",
        " min lesezeit",
        " min de lectura",
        " min di lettura",
        " min leestijd",
        " minuten lesezeit",
    ] {
        if let Some(before) = folded.strip_suffix(end) {
            let (date, number) = before.rsplit_once(' ').unwrap_or(("", before));
            return number.bytes().all(|b| b.is_ascii_digit()) && (date.is_empty() || is_date_line(date));
        }
    }
    false
}

/// Does a text begin like those that [`is_appeared_first`] knows? Asked before the costlier question.
fn may_name_first_place(text: &str) -> bool {
    const FIRST_LETTERS: &[char] = &['T', 't', 'D', 'd', 'L', 'l', 'C', 'c', 'O', 'o', 'H', 'h', 'I', 'i', 'A', 'a', 'З', 'з', 'С', 'с'];
    text.len() <= 800 && text.starts_with(FIRST_LETTERS) && {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(2).collect();
        let begin = words.join(" ").to_lowercase();
        APPEARED_FIRST.iter().any(|(start, _)| start.trim_end() == begin)
    }
}

fn is_appeared_first(folded: &str) -> bool {
    APPEARED_FIRST
        .iter()
        .any(|(start, inner)| folded.strip_prefix(start).is_some_and(|rest| inner.iter().any(|inner| rest.contains(inner))))
        && is_of_words(folded, 60)
}

/// Is a line nothing but a notice of copyright?
pub fn is_copyright_line(line: &str) -> bool {
    line.len() <= MAX_LINE && is_copyright(line, &fold(line))
}

fn is_copyright(text: &str, folded: &str) -> bool {
    if !is_of_words(folded, 30) {
        return false;
    }
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '©' && c != '(');
    let sign = |text: &str| text.starts_with('©') || text.get(..3).is_some_and(|c| c.eq_ignore_ascii_case("(c)"));
    let year = |word: Option<&str>| {
        word.is_some_and(|word| {
            word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit()) && (word.starts_with("19") || word.starts_with("20"))
        })
    };
    if sign(text) {
        return text.starts_with('©') || folded.split(' ').any(|word| year(Some(word)));
    }
    if let Some(rest) = folded.strip_prefix("copyright ").or_else(|| folded.strip_prefix("copyrighted ")) {
        let rest_text = text[("copyright".len()).min(text.len())..].trim_start();
        // "Copyright 2024 saw many cases" is a sentence: without the sign, the rest must be short.
        return sign(rest_text) || (year(rest.split(' ').next()) && (is_of_words(folded, 6) || folded.ends_with("all rights reserved")));
    }
    folded == "all rights reserved" || (folded.ends_with(" all rights reserved") && is_of_words(folded, 12))
}

fn is_share_bar(folded: &str) -> bool {
    if folded.is_empty() || folded.len() > 400 {
        return false;
    }
    let (mut networks, mut begins, mut first) = (0, false, true);
    for word in folded.split(' ') {
        let network = match SHARE_BAR.get(word) {
            Some(is_network) => *is_network,
            None if word.bytes().all(|b| b.is_ascii_digit()) => false,
            None => return false,
        };
        networks += usize::from(network && word.len() > 1 && !matches!(word, "mail" | "line" | "print"));
        if first {
            begins = matches!(word, "share" | "tweet" | "sharing" | "follow");
            first = false;
        }
    }
    folded == "share"
        || folded == "share this"
        || folded == "share this article"
        || folded == "like this"
        || folded == "like loading"
        || (begins && networks > 0)
        || networks > 2
        || is_click_to_share(folded)
}

/// A button's text below a share bar.
fn is_button(folded: &str) -> bool {
    words(folded) <= 10
        && !folded.is_empty()
        && (NETWORKS.contains(&folded)
            || matches!(folded, "tweet" | "copy link" | "like loading" | "more" | "e mail" | "share on x")
            || is_click_to_share(folded))
}

fn is_click_to_share(folded: &str) -> bool {
    words(folded) <= 12
        && ["click to share on ", "click to email ", "click to print", "share on ", "tweet on ", "email this"]
            .iter()
            .any(|start| folded.starts_with(start))
        && folded.split(' ').any(|word| NETWORKS.contains(&word))
}

fn is_mostly_links(block: &Block, text: &str) -> bool {
    block.linked * 10 >= text.trim_start_matches("- ").len() * 6
}

/// "Read more", alone in its block: a link, or the end of the body.
fn leads_on(block: &Block, text: &str, folded: &str, last: bool) -> bool {
    LEADS_ON.contains(&folded)
        && (is_mostly_links(block, text) || folded.starts_with("advertisement") || (last && words(folded) > 1 && folded != "view comments"))
}

/// "Read also: Another headline" with the headline a link.
fn points_to_other(block: &Block, text: &str, folded: &str) -> bool {
    is_of_words(folded, 40)
        && [
            "Related",
            "Related story",
            "Related article",
            "Read also",
            "Also read",
            "See also",
            "Read more",
            "READ MORE",
            "RELATED",
            "READ ALSO",
            "Lire aussi",
            "À lire aussi",
            "Leia também",
            "Lea también",
            "Leggi anche",
            "Lees ook",
            "Читайте также",
        ]
        .iter()
        .any(|start| text.strip_prefix(start).is_some_and(|rest| rest.trim_start().starts_with(':') && block.linked * 10 >= rest.len() * 6))
}

/// Is this the heading of similar posts, and is that certain?
fn similar_posts(block: &Block, folded: &str) -> Option<bool> {
    if !is_of_words(folded, 7) || block.quoted > 0 || block.kind == BlockKind::Code {
        return None;
    }
    if SIMILAR_POSTS.contains(&folded) {
        return Some(true);
    }
    PERHAPS_SIMILAR_POSTS.contains(&folded).then_some(false)
}

/// A line of a list of other articles, not a paragraph of this one.
fn is_teaser(block: &Block, text: &str) -> bool {
    if is_mostly_links(block, text) {
        return true;
    }
    let ends = text.trim_end_matches(['"', '”', '’', ')', '»']).ends_with(['.', '!', ':', '。', '！']);
    let short = text.split_whitespace().count() <= 20 && text.chars().count() <= 160;
    match block.kind {
        BlockKind::Item | BlockKind::Row => short,
        BlockKind::Paragraph | BlockKind::Caption => short && !ends,
        BlockKind::Heading(_) | BlockKind::Code => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::article::{html, text};

    fn left(source: &str) -> String {
        let mut paragraphs = text::paragraphs(&html::sanitise(source, None));
        remove(&mut paragraphs, "Town hall opens again", &["Staff writer".to_owned(), "A. Author".to_owned()]);
        paragraphs.to_text()
    }

    const STORY: &str = "<p>The town hall opened its doors again on Monday after two years of work.</p>";
    const STORY_TEXT: &str = "The town hall opened its doors again on Monday after two years of work.";

    #[test]
    fn what_stands_around_a_story_goes() {
        for before in [
            "",
            "<h1>Town hall opens again</h1>",
            "<p>Town Hall Opens Again!</p><p>By Staff writer</p>",
            "<p>Staff writer</p><p>Staff writer</p><p>January 23, 2025 · 3 min read</p><h1>Town hall opens again</h1>",
            "<p>By Staff writer and A. Author</p>",
            "<p>Staff writer, 23 January 2025</p>",
            "<p>Reading time: 3 minutes</p>",
        ] {
            assert_eq!(left(&format!("{before}{STORY}")), STORY_TEXT, "{before}");
        }
        for after in [
            "<h2>Similiar Posts</h2><p>Copyright © 2024 Example. All rights reserved.</p>",
            "<p>Similar Posts</p><ul><li><a href='https://e.org/1'>Bridge closed</a></li><li><a href='https://e.org/2'>School built</a></li></ul>",
            "<h3>Related posts:</h3><ol><li><a href='https://e.org/1'>Bridge closed for a year.</a></li></ol>",
            "<h3>Related</h3><p>The post Town hall appeared first on Example.</p>",
            "<h3>Related</h3><p><a href='https://e.org/1'>Bridge closed</a></p>",
            "<p>The post <a href='https://e.org/1'>Town hall opens again</a> appeared first on <a href='https://e.org'>Example</a>.</p>",
            "<p>Der Beitrag Rathaus offen erschien zuerst auf Beispiel.</p>",
            "<p>© 2024 Example</p>",
            "<p>Copyright 2024 Example. All rights reserved.</p>",
            "<p>Share this:</p><ul><li>Facebook</li><li>Click to share on Twitter (Opens in new window)</li></ul>",
            "<div>Share on Facebook Tweet WhatsApp Email</div>",
            "<p><a href='https://e.org/1'>Continue reading</a></p>",
            "<p>Read also: <a href='https://e.org/1'>Bridge closed for a year</a></p>",
            "<h3>Ähnliche Beiträge</h3><p><a href='https://e.org/1'>Brücke zu</a></p>",
            "<p>Related Articles</p><p>Bridge closed for a year</p><p>School built in record time</p>",
        ] {
            assert_eq!(left(&format!("{STORY}{after}")), STORY_TEXT, "{after}");
        }
    }

    #[test]
    fn paragraphs_that_only_look_like_it_stay() {
        for paragraph in [
            "The post office appeared first in the list of buildings.",
            "Copyright law has changed little since then, the court said.",
            "Copyright 2024 was the subject of the conference that the town held.",
            "Share prices fell on Tuesday as Facebook and Twitter cut their outlook.",
            "Share your memories with us by email.",
            "Related stories were told by many of those who came.",
            "By Monday, the work had been done.",
            "Staff writer is a profession with a future.",
            "It is a 3 min read, they say, of a kind that few enjoy.",
            "Town hall opens again and again.",
            "Facebook",
            "Read more books, she told the children.",
            "All rights reserved by the crown were given to the town in 1850, when the first hall stood here already.",
            "(c) The third clause of the treaty.",
        ] {
            for source in
                [format!("<p>{paragraph}</p>{STORY}"), format!("{STORY}<p>{paragraph}</p>{STORY}"), format!("{STORY}<p>{paragraph}</p>")]
            {
                assert!(left(&source).contains(paragraph), "{source}");
            }
        }
    }

    #[test]
    fn a_paragraph_after_a_list_of_similar_posts_stays() {
        let source = format!(
            "{STORY}<h3>Related posts</h3><ul><li><a href='https://e.org/1'>Bridge closed</a></li></ul><p>The mayor said that the hall would stay open all night.</p>"
        );
        assert_eq!(left(&source), format!("{STORY_TEXT}\n\nThe mayor said that the hall would stay open all night."));
    }

    #[test]
    fn a_section_of_the_story_under_an_ambiguous_heading_stays() {
        let source = format!("{STORY}<h3>Related</h3><p>Two other halls were closed in the same year, and neither opened again.</p>");
        assert!(left(&source).contains("Related\n\nTwo other halls"));
    }

    #[test]
    fn a_body_that_only_repeats_its_headline_is_kept() {
        assert_eq!(left("<p>Town hall opens again</p>"), "Town hall opens again");
        assert_eq!(left("<p>The post Town hall opens again appeared first on Example.</p>"), "");
    }

    #[test]
    fn the_copyright_line_is_given_back() {
        let mut paragraphs = text::paragraphs("<p>Story told.</p><p>Copyright © 2024 Example.\nAll rights reserved.</p>");
        assert_eq!(remove(&mut paragraphs, "", &[]).as_deref(), Some("Copyright © 2024 Example. All rights reserved."));
    }

    #[test]
    fn the_last_sentence_of_a_summary_may_name_the_first_place() {
        assert_eq!(without_appeared_first("Told. The post Told again appeared first on Example."), "Told.");
        assert_eq!(without_appeared_first("The post office opened."), "The post office opened.");
    }
}
