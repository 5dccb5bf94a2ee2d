//! What sanitised HTML must not hold, judged by a tokenizer of HTML that had no part in making it.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};
use url::Url;

/// Elements that run something, load a document, ask the reader for something, or change how the rest is read.
const NEVER: &[&str] = &[
    "applet",
    "base",
    "body",
    "button",
    "embed",
    "form",
    "frame",
    "frameset",
    "head",
    "html",
    "iframe",
    "input",
    "link",
    "math",
    "meta",
    "noembed",
    "noframes",
    "noscript",
    "object",
    "option",
    "param",
    "plaintext",
    "portal",
    "script",
    "select",
    "style",
    "svg",
    "template",
    "textarea",
    "title",
    "xmp",
];

/// Addresses that a reader may follow by hand.
const FOLLOWED: &[&str] = &["http", "https", "mailto", "tel", "magnet", "ftp", "geo", "xmpp", "irc", "ircs"];

/// Nothing in this HTML runs, and every address in it is absolute and of a known kind.
pub fn assert_harmless(html: &str) {
    let tokenizer = Tokenizer::new(Tags::default(), Default::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    for tag in tokenizer.sink.0.into_inner() {
        assert!(!NEVER.contains(&&*tag.name), "<{}> in {html:?}", tag.name);
        if tag.kind == TagKind::StartTag {
            tag.attrs.iter().for_each(|attribute| assert_harmless_attribute(&attribute.name.local, &attribute.value, html));
        }
    }
}

fn assert_harmless_attribute(name: &str, value: &str, html: &str) {
    let harmless = !name.starts_with("on") && !name.contains(':') && !matches!(name, "style" | "srcdoc" | "srcset" | "action" | "ping");
    assert!(harmless, "the attribute {name} in {html:?}");
    let schemes = match name {
        "href" => FOLLOWED,
        "src" | "poster" | "cite" | "background" | "data" => &["http", "https"],
        _ => return,
    };
    let known = Url::parse(value).is_ok_and(|url| schemes.contains(&url.scheme()));
    assert!(known, "the address {name}={value:?} in {html:?}");
}

#[derive(Default)]
struct Tags(RefCell<Vec<Tag>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.0.borrow_mut().push(tag),
            Token::CommentToken(comment) => panic!("the comment {comment:?} was kept"),
            Token::DoctypeToken(doctype) => panic!("the document type {doctype:?} was kept"),
            Token::CharacterTokens(_) | Token::NullCharacterToken | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}
