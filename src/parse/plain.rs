//! Short texts of the feed itself as one line of plain characters.
//!
//! Articles have their own, fuller way from mark-up to text; a feed's title needs no more than this.

use super::Markup;
use super::construct::Entities;

/// One line without mark-up; `None` where nothing is left.
pub fn line(markup: &Markup) -> Option<String> {
    let text = match markup {
        Markup::Text(text) => text.clone(),
        Markup::Html(html) => Entities::default().unescape(&without_tags(html)).into_owned(),
    };
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!folded.is_empty()).then_some(folded)
}

/// HTML with its tags and comments replaced by nothing (or by a space, where they part words).
fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let opens = tag.as_bytes().get(1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'!' | b'?'));
        let end = if tag.starts_with("<!--") { tag.find("-->").map(|end| end + 3) } else { tag.find('>').map(|end| end + 1) };
        match end.filter(|_| opens) {
            Some(end) => {
                let name = tag.trim_start_matches(['<', '/']);
                let inline = ["a", "b", "i", "em", "strong", "span", "sup", "sub", "abbr", "code", "u", "font", "small", "q"];
                let name_length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
                if !inline.iter().any(|known| name.get(..name_length).is_some_and(|name| name.eq_ignore_ascii_case(known))) {
                    out.push(' ');
                }
                rest = tag.get(end..).unwrap_or_default();
            }
            None => {
                out.push('<');
                rest = tag.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_one_line_without_tags_and_with_its_entities_decoded_once() {
        for (markup, want) in [
            (Markup::Html("The <b>Daily</b>\n Gleaning".into()), Some("The Daily Gleaning")),
            (Markup::Html("Bits &amp; Pieces &lt;3".into()), Some("Bits & Pieces <3")),
            (Markup::Html("a<br/>b".into()), Some("a b")),
            (Markup::Html("1 < 2".into()), Some("1 < 2")),
            (Markup::Text("1 < 2 &amp; 3".into()), Some("1 < 2 &amp; 3")),
            (Markup::Html("<i></i>".into()), None),
        ] {
            assert_eq!(line(&markup).as_deref(), want);
        }
    }
}
