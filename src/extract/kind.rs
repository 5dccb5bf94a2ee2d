//! What a page is: an article, the beginning of one behind a paywall, a question that comes before it, or none.
//!
//! A wall that is taken for an article is worse than an article that is missing: it would stand in the archive as the text of every
//! story of its site. So a page must look like an article, and not like a wall.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use super::PageKind;
use super::dom::Nodes;

/// What the judgement rests on.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'s> {
    pub url: Option<&'s Url>,
    pub title: &'s str,
    /// The body as text.
    pub text: &'s str,
    /// Its words.
    pub words: u32,
    /// Does the page tell machines that it is an article?
    pub is_article: bool,
    /// Does it mark the body as that of an article?
    pub is_marked: bool,
    /// Does it tell machines whether all may read it?
    pub free: Option<bool>,
    /// Words of the body that machines are given; 0 where they are given none.
    pub told_words: u32,
    /// Headings in the body that lead to other pages.
    pub linked_headings: usize,
    /// Blocks of prose in the body.
    pub prose_blocks: usize,
}

/// Words below which a page that says in no way that it is an article is none.
const LEAST_WORDS: u32 = 25;
/// Words from which a wall's own text is an article about walls.
const MOST_WALL_WORDS: u32 = 400;
/// Words from which a body is more than the beginning that a paywall shows.
const MOST_TEASER_WORDS: u32 = 250;

/// "Are you human?", "log in", "accept our cookies": in the title, or where the text begins.
static WALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
          just\sa\smoment | attention\srequired | are\syou\s(?:a\s)?(?:human|robot) | (?:verify|confirm)(?:ing)?\s(?:that\s)?you\sare\s(?:a\s)?(?:human|not\sa\s(?:ro)?bot)
        | checking\s(?:if\sthe\ssite|your\sbrowser) | pardon\sour\sinterruption | unusual\straffic | security\scheck | captcha
        | enable\s(?:javascript|cookies)\s.{0,30}\bto\scontinue | please\s(?:enable|turn\son)\s(?:javascript|js|cookies)
        | before\syou\scontinue\sto | we\svalue\syour\sprivacy | your\sprivacy\s(?:choices|is\simportant|matters) | (?:we|us)\sand\sour\s(?:\d+\s)?(?:partners|vendors)
        | (?:accept|manage|allow)\s(?:all\s)?cookies | cookie\s(?:consent|settings|preferences|wall) | uses?\scookies\sto
        | datenschutzeinstellungen | wir\sund\sunsere\s.{0,20}partner | cookies?\sund\s.{0,30}zustimm | mit\swerbung\s.{0,30}lesen
        | nous\set\snos\s.{0,20}partenaires | continuer\ssans\saccepter | nosotros\sy\snuestros\s.{0,20}socios | noi\se\si\snostri\s.{0,20}partner
        | (?:log|sign)\s?-?in\sto\s(?:continue|your|view|read) | please\s(?:log|sign)\s?in | you\s(?:must|need\sto)\s(?:be\slogged|log|sign)\s?in
        | anmelden,?\sum\s | connectez-vous\spour
        ",
    )
    .ok()
});

static WALL_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^https?://(?:consent|login|auth|accounts?|sso|id|signin|idp)\.|/(?:consent|collectconsent|login|signin|sign-in|captcha|gdpr|privacy-wall|challenge)(?:[/?.]|$)").ok()
});

static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) ^\W* (?: (?: error \s )? (?: 40[0-9] | 41[0-9] | 50[0-9] ) \b .{0,60} $ | (?:the\s)?page\s(?:was\s|you.{0,30}\s)?(?:not\sfound|(?:could|can)\s?not\sbe\sfound|can't\sbe\sfound|is\sunavailable|no\slonger\sexists) | (?:page|file|article|story)\snot\s(?:found|available)
          | not\sfound | access\s(?:is\s)?denied | forbidden | service\s(?:temporarily\s)?unavailable | bad\sgateway | internal\sserver\serror | gateway\stime-?out | sorry,\swe\s(?:could|can).{0,10}find | oops
          | seite\snicht\sgefunden | page\s(?:introuvable|non\strouvée) | página\sno\s(?:encontrada|existe) | página\snão\sencontrada | pagina\snon\strovata | pagina\sniet\sgevonden | страница\sне\sнайдена )",
    )
    .ok()
});

/// What stands where the free part of an article ends.
static PAYWALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)
          (?: subscribe | sign\sup | register | log\sin | become\sa\s(?:member|subscriber) | join )\b.{0,60}\bto\s(?:continue|keep|read|unlock|access|get\sfull)
        | to\s(?:continue|keep|finish)\sreading | continue\sreading\s(?:this|the|with|your) | already\sa\s(?:subscriber|member) | (?:for|only\sto|exclusive(?:ly)?\s(?:to|for))\s(?:our\s)?(?:paying\s)?(?:subscribers|members)\b
        | subscriber-?\s?only | subscription\sis\srequired | (?:premium|subscriber|exclusive)\s(?:content|article) | you\shave\sreached\syour\s.{0,20}limit | free\sarticles?\s(?:left|remaining|this\smonth)
        | jetzt\sweiterlesen | weiterlesen\smit | (?:nur\s)?für\sabonnent | exklusiv\sfür\sabonn | mit\s.{0,20}abo\slesen
        | réservée?\s(?:à\snos\s|aux\s)abonnés | il\svous\sreste\s\d+ | contenido\s(?:exclusivo|solo)\spara\ssuscriptores | (?:solo|exclusivo)\spara\ssuscriptores | exclusivo\spara\sassinantes
        | contenuto\sriservato | riservato\sagli\sabbonati | alleen\svoor\sabonnees | kun\sfor\sabonnenter | för\sprenumeranter | только\sдля\sподписчиков | 会員限定 | 有料会員
        ",
    )
    .ok()
});

/// Names of elements that stand where the free part ends.
static PAYWALL_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)pay-?wall|reg-?wall|subscri(?:ber|ption)-?(?:only|wall|barrier|required)|premium-?(?:content|wall|article|lock)|locked-?content|metered-?content|tp-?modal|piano-?(?:offer|inline|container)|content-?gate|article-?gate|barrier").ok()
});

/// Judges a page.
pub fn judge(nodes: &Nodes<'_>, signs: &Signs<'_>) -> PageKind {
    let head: String = signs.text.chars().take(500).collect();
    let tells = |pattern: &LazyLock<Option<Regex>>, text: &str| pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
    let short_wall = signs.words < MOST_WALL_WORDS && !(signs.is_article && signs.words >= LEAST_WORDS);
    if short_wall && tells(&ERROR, signs.title) {
        return PageKind::Other;
    }
    if short_wall && (signs.url.is_some_and(|url| tells(&WALL_ADDRESS, url.as_str())) || tells(&WALL, signs.title) || tells(&WALL, &head)) {
        return PageKind::Consent;
    }
    let is_root = signs.url.is_some_and(|url| url.path() == "/" && url.query().is_none());
    let lists = signs.linked_headings >= 4 && signs.linked_headings * 2 >= signs.prose_blocks;
    let is_too_little = signs.words < LEAST_WORDS && !(signs.is_marked && signs.words > 0);
    if !signs.is_article && (is_too_little || is_root || lists) {
        // Where nothing is left of a page, what it asks may stand in what was taken out.
        if signs.words < LEAST_WORDS && whole_text_tells(nodes, &WALL) {
            return PageKind::Consent;
        }
        return PageKind::Other;
    }
    if signs.words == 0 {
        return PageKind::Other;
    }
    if signs.free == Some(false) {
        // Some publishers send the whole story and hide it: then all of it is here.
        let is_whole = signs.told_words >= MOST_TEASER_WORDS && u64::from(signs.words) * 10 >= u64::from(signs.told_words) * 9;
        return if is_whole { PageKind::Story } else { PageKind::Paywalled };
    }
    let ends: String = signs.text.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect();
    let is_teaser = signs.words < MOST_TEASER_WORDS && signs.free.is_none();
    if is_teaser && (tells(&PAYWALL, &ends) || (has_paywall_element(nodes) && whole_text_tells(nodes, &PAYWALL))) {
        return PageKind::Paywalled;
    }
    PageKind::Story
}

fn has_paywall_element(nodes: &Nodes<'_>) -> bool {
    let Some(pattern) = PAYWALL_NAME.as_ref() else { return false };
    nodes.iter().any(|(_, item)| {
        !matches!(item.name(), "" | "html" | "body" | "script" | "link" | "meta")
            && ["class", "id"].iter().filter_map(|name| item.attribute(name)).any(|value| value.len() <= 400 && pattern.is_match(value))
    })
}

/// Does any text of the page, however it is marked, match?
fn whole_text_tells(nodes: &Nodes<'_>, pattern: &LazyLock<Option<Regex>>) -> bool {
    let Some(pattern) = pattern.as_ref() else { return false };
    nodes.iter().any(|(_, item)| {
        item.text().is_some_and(|text| pattern.is_match(text))
            && !matches!(nodes.at(item.parent).name(), "script" | "style" | "noscript" | "template")
    })
}
