//! The language of an article: what is declared, in its BCP 47 form, else what the text tells without doubt.

use std::sync::LazyLock;

use hashbrown::HashMap;
use whatlang::{Lang, Script};

/// Bytes of text that are enough to tell: more costs time and tells no more.
const SAMPLE_BYTES: usize = 1_500;
/// Letters below which a detector guesses.
const MIN_LETTERS: usize = 60;
/// … and for scripts of which each letter tells more.
const MIN_LETTERS_OF_OWN_SCRIPT: usize = 20;

/// Words that only serve grammar, of languages that are written much and by no close relative. Where a text is full
/// of them the detector, which compares it with all languages it knows (100 µs), need not be asked (3 µs).
const FUNCTION_WORDS: &[(&str, &str)] = &[
    (
        "en",
        "the of and to in a is that for it was with on by at from are this be have an which or not but as his her they has had were their been will would who",
    ),
    (
        "de",
        "der die und das den von zu mit sich des auf für ist im dem nicht ein eine einen einer als auch werden aus hat dass sie nach wird bei",
    ),
    ("fr", "les des du et une est dans sur avec pas sont cette aux qui pour que par au ses leur été cette ces"),
];

/// Languages that feeds name in words, or by codes that are none.
const NAMES: &[(&str, &str)] = &[
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("cn", "zh"),
    ("czech", "cs"),
    ("danish", "da"),
    ("deutsch", "de"),
    ("dutch", "nl"),
    ("english", "en"),
    ("español", "es"),
    ("finnish", "fi"),
    ("français", "fr"),
    ("francais", "fr"),
    ("french", "fr"),
    ("german", "de"),
    ("greek", "el"),
    ("hebrew", "he"),
    ("hindi", "hi"),
    ("hungarian", "hu"),
    ("italian", "it"),
    ("italiano", "it"),
    ("japanese", "ja"),
    ("jp", "ja"),
    ("korean", "ko"),
    ("norwegian", "no"),
    ("persian", "fa"),
    ("polish", "pl"),
    ("portuguese", "pt"),
    ("romanian", "ro"),
    ("russian", "ru"),
    ("spanish", "es"),
    ("swedish", "sv"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
    ("vietnamese", "vi"),
];

/// ISO 639-2 and 639-3 codes of languages that have a shorter one, which BCP 47 wants (RFC 5646 §2.2.1).
#[rustfmt::skip]
const SHORTER: &[(&str, &str)] = &[
    ("afr", "af"), ("aka", "ak"), ("amh", "am"), ("ara", "ar"), ("aze", "az"), ("bel", "be"), ("ben", "bn"), ("bul", "bg"),
    ("cat", "ca"), ("ces", "cs"), ("chi", "zh"), ("cmn", "zh"), ("cym", "cy"), ("cze", "cs"), ("dan", "da"), ("deu", "de"),
    ("dut", "nl"), ("ell", "el"), ("eng", "en"), ("epo", "eo"), ("est", "et"), ("eus", "eu"), ("fas", "fa"), ("fin", "fi"),
    ("fra", "fr"), ("fre", "fr"), ("ger", "de"), ("gle", "ga"), ("glg", "gl"), ("gre", "el"), ("guj", "gu"), ("heb", "he"),
    ("hin", "hi"), ("hrv", "hr"), ("hun", "hu"), ("hye", "hy"), ("ind", "id"), ("isl", "is"), ("ita", "it"), ("jav", "jv"),
    ("jpn", "ja"), ("kan", "kn"), ("kat", "ka"), ("khm", "km"), ("kor", "ko"), ("lat", "la"), ("lav", "lv"), ("lit", "lt"),
    ("mal", "ml"), ("mar", "mr"), ("mkd", "mk"), ("msa", "ms"), ("mya", "my"), ("nep", "ne"), ("nld", "nl"), ("nob", "nb"),
    ("nor", "no"), ("ori", "or"), ("pan", "pa"), ("per", "fa"), ("pes", "fa"), ("pol", "pl"), ("por", "pt"), ("ron", "ro"),
    ("rum", "ro"), ("rus", "ru"), ("sin", "si"), ("slk", "sk"), ("slv", "sl"), ("sna", "sn"), ("spa", "es"), ("sqi", "sq"),
    ("srp", "sr"), ("swe", "sv"), ("tam", "ta"), ("tel", "te"), ("tgl", "tl"), ("tha", "th"), ("tuk", "tk"), ("tur", "tr"),
    ("ukr", "uk"), ("urd", "ur"), ("uzb", "uz"), ("vie", "vi"), ("yid", "yi"), ("zho", "zh"), ("zul", "zu"),
];

/// A declared language in its BCP 47 form: subtags joined by hyphens, in the case that RFC 5646 §2.1.1 recommends.
/// `None` for what is no language ("und", "none", a sentence).
pub fn normalise(declared: &str) -> Option<String> {
    // "en_US.UTF-8", "de, en", "en;q=1".
    let declared = declared.trim().split(['.', ',', ';', '@']).next().unwrap_or_default().trim().to_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == declared) {
        return Some((*code).to_owned());
    }
    let mut subtags = declared.split(['-', '_']).filter(|subtag| !subtag.is_empty());
    let primary = subtags.next()?;
    if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    if matches!(primary, "und" | "mul" | "zxx" | "mis" | "xx" | "xxx" | "no-" | "nil" | "all") {
        return None;
    }
    let mut tag = SHORTER.iter().find(|(long, _)| *long == primary).map_or(primary, |(_, short)| short).to_owned();
    let mut private = false;
    for subtag in subtags {
        if subtag.len() > 8 || !subtag.bytes().all(|b| b.is_ascii_alphanumeric()) {
            // What follows a broken subtag cannot be trusted; the language itself can.
            break;
        }
        let subtag = match (subtag.len(), private) {
            (2, false) if subtag == "uk" => "GB".to_owned(),
            (2, false) => subtag.to_ascii_uppercase(),
            (4, false) if subtag.bytes().all(|b| b.is_ascii_alphabetic()) => subtag[..1].to_ascii_uppercase() + &subtag[1..],
            _ => subtag.to_owned(),
        };
        private |= subtag.len() == 1;
        tag.push('-');
        tag.push_str(&subtag);
    }
    // A singleton must be followed by something.
    while tag.len() > 2 && tag.rsplit('-').next().is_some_and(|last| last.len() == 1) {
        let end = tag.rfind('-').unwrap_or(tag.len());
        tag.truncate(end);
    }
    Some(tag)
}

/// The language of a text, when the detector is sure and the text long enough to be sure of.
pub fn detect(text: &str) -> Option<String> {
    let mut end = SAMPLE_BYTES.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let sample = &text[..end];
    let letters = sample.chars().filter(|c| c.is_alphabetic()).take(MIN_LETTERS).count();
    if letters < MIN_LETTERS_OF_OWN_SCRIPT {
        return None;
    }
    if let Some(language) = by_function_words(sample) {
        return Some(language.to_owned());
    }
    let found = whatlang::detect(sample)?;
    if letters < MIN_LETTERS && matches!(found.script(), Script::Latin | Script::Cyrillic | Script::Arabic | Script::Devanagari) {
        return None;
    }
    if !found.is_reliable() {
        return None;
    }
    code(found.lang())
}

/// The language whose function words make up a fifth of a text's words, when no other's come near.
fn by_function_words(text: &str) -> Option<&'static str> {
    static LANGUAGES: LazyLock<HashMap<&str, usize>> = LazyLock::new(|| {
        FUNCTION_WORDS.iter().enumerate().flat_map(|(place, (_, words))| words.split(' ').map(move |word| (word, place))).collect()
    });
    let mut hits = [0_usize; FUNCTION_WORDS.len()];
    let mut total = 0;
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).take(150) {
        total += 1;
        if let Some(place) = LANGUAGES.get(word) {
            hits[*place] += 1;
        }
    }
    let (place, most) = hits.iter().copied().enumerate().max_by_key(|(_, hits)| *hits)?;
    let others: usize = hits.iter().sum::<usize>() - most;
    (total >= 25 && most * 5 >= total && most >= others * 4).then(|| FUNCTION_WORDS[place].0)
}

fn code(language: Lang) -> Option<String> {
    normalise(language.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_languages_become_bcp_47() {
        for (declared, want) in [
            ("en", Some("en")),
            ("EN", Some("en")),
            ("en_US", Some("en-US")),
            ("en-us", Some("en-US")),
            ("en-UK", Some("en-GB")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("zh_CN.UTF-8", Some("zh-CN")),
            ("es-419", Some("es-419")),
            ("de-1996", Some("de-1996")),
            ("eng", Some("en")),
            ("cmn", Some("zh")),
            ("haw", Some("haw")),
            ("English", Some("en")),
            ("Deutsch", Some("de")),
            ("sr-latn", Some("sr-Latn")),
            ("en-x-private", Some("en-x-private")),
            ("en-u", Some("en")),
            ("und", None),
            ("", None),
            ("klingonese", None),
            ("a", None),
            ("12", None),
            ("  fr-FR ", Some("fr-FR")),
        ] {
            assert_eq!(normalise(declared).as_deref(), want, "{declared}");
        }
    }

    #[test]
    fn a_language_is_detected_only_where_the_text_tells() {
        for (text, want) in [
            (
                "The council met on Monday evening to discuss the repair of the old bridge, which has been closed since the flood in the spring.",
                Some("en"),
            ),
            (
                "Der Gemeinderat hat am Montagabend über die Reparatur der alten Brücke beraten, die seit dem Hochwasser im Frühjahr gesperrt ist.",
                Some("de"),
            ),
            ("Совет собрался в понедельник вечером, чтобы обсудить ремонт старого моста, который закрыт с весны.", Some("ru")),
            ("町議会は月曜日の夜、春の洪水以来閉鎖されている古い橋の修理について話し合った。", Some("ja")),
            (
                "De gemeenteraad kwam maandagavond bijeen om te praten over het herstel van de oude brug, die sinds de overstroming in het voorjaar voor al het verkeer is gesloten en in de zomer weer open moet.",
                Some("nl"),
            ),
            (
                "Le conseil municipal s'est réuni lundi soir pour parler de la réparation du vieux pont, qui est fermé depuis la crue du printemps et que les habitants des deux rives attendent avec impatience.",
                Some("fr"),
            ),
            (
                "El consell municipal es va reunir dilluns al vespre per parlar de la reparació del pont vell, que és tancat des de la riuada de la primavera i que els veïns de les dues ribes esperen amb ganes.",
                Some("ca"),
            ),
            ("Bridge closed", None),
            ("12 34 56", None),
            ("", None),
        ] {
            assert_eq!(detect(text).as_deref(), want, "{text}");
        }
    }
}
