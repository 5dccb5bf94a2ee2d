//! The keys by which a feed knows an entry again.

use sha2::{Digest, Sha256};

use super::site::strip_prefix_ignoring_case;
use super::{IdentityUrl, Site, Words, fold, plain, word_count};
use crate::parse::Entry;

/// Below so many words a text alone does not say which article it is: the date goes with it.
pub const FEW_WORDS: usize = 50;

/// The kinds of keys, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// The guid, but for `http://` or `https://`.
    Guid = 0,
    /// The identity URL.
    Link = 1,
    /// Title and text (and date, under fifty words).
    Text = 2,
    /// Title and date, where the operator chose `identity = "title+date"`.
    TitleAndDate = 3,
}

/// A key of one kind: 64 bits of its SHA-256. Keys are compared within one feed alone, so a feed of a million
/// entries has a chance of 1 in 37 million to hold two different ones that look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// What it was made from.
    pub kind: KeyKind,
    /// The bits.
    pub hash: i64,
}

impl Key {
    /// Of the characters that make the key.
    fn of(kind: KeyKind, parts: &[&str]) -> Self {
        Self { kind, hash: first_bits(&Sha256::digest(parts.join("\0").as_bytes())) }
    }

    /// Of a guid.
    pub fn guid(guid: &str) -> Self {
        match strip_prefix_ignoring_case(guid, "https://").or_else(|| strip_prefix_ignoring_case(guid, "http://")) {
            Some(rest) => Self::of(KeyKind::Guid, &["http", rest]),
            None => Self::of(KeyKind::Guid, &[guid]),
        }
    }

    /// Of an identity URL.
    pub fn link(url: &IdentityUrl) -> Self {
        Self::of(KeyKind::Link, &[url.as_str()])
    }
}

/// The first 64 bits of a digest, as the archive keeps hashes.
pub fn first_bits(digest: &[u8]) -> i64 {
    digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | i64::from(*byte))
}

/// Of the entry's JSON; its parts are strings and numbers, so there is always one, and if not, of its words for people.
fn entry_hash(entry: &Entry) -> i64 {
    let json = serde_json::to_string(entry).unwrap_or_else(|_| format!("{entry:?}"));
    first_bits(&Sha256::digest(json.as_bytes()))
}

/// Can nobody else have given this guid: a URL, a UUID or a `tag:` URI?
pub fn is_global_guid(guid: &str) -> bool {
    let uuid = strip_prefix_ignoring_case(guid, "urn:uuid:").unwrap_or(guid);
    let is_uuid = uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() });
    is_uuid
        || ["http://", "https://", "tag:"]
            .iter()
            .any(|scheme| strip_prefix_ignoring_case(guid, scheme).is_some_and(|rest| !rest.is_empty()))
}

/// All that identity asks of an entry; computed once, before the writer's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryKeys {
    /// The guid as it stands.
    pub guid: Option<String>,
    /// Its key.
    pub guid_key: Option<Key>,
    /// Identity URLs that may be the entry's page, best first: its link, then a guid that is an http(s) URL.
    pub links: Vec<IdentityUrl>,
    /// The site that the guid names.
    pub guid_site: Option<Site>,
    /// The site of the feed that the entry was taken from.
    pub source_site: Option<Site>,
    /// The title, folded.
    pub title: String,
    /// The text, folded.
    pub text: String,
    /// Words of `text`; fifty where it has more.
    pub text_words: usize,
    /// `published`, else `updated`, in seconds since 1970; believed or not.
    pub date: Option<i64>,
    /// The text hash in hexadecimal digits.
    pub text_hash: String,
    /// Its key.
    pub text_key: Key,
    /// Title and date.
    pub title_and_date_key: Option<Key>,
    /// Of the whole entry as it was parsed: has it changed at all?
    pub entry_hash: i64,
}

impl EntryKeys {
    /// Of an entry as it was parsed.
    pub fn of(entry: &Entry) -> Self {
        let title = entry.title.as_ref().map(|title| fold(&plain(title))).unwrap_or_default();
        let text = entry.content.as_ref().or(entry.summary.as_ref()).map(|body| fold(&plain(body))).unwrap_or_default();
        let text_words = word_count(&text, FEW_WORDS);
        let stamp = [&entry.published, &entry.updated].into_iter().flatten().find_map(|stamp| stamp.at);
        let date = stamp.map(|at| at.timestamp());
        let dated = if text_words + word_count(&title, FEW_WORDS) < FEW_WORDS { date } else { None };
        let date_text = dated.map(|at| at.to_string()).unwrap_or_default();
        let digest = Sha256::digest([title.as_str(), &text, &date_text].join("\0").as_bytes());
        let guid = entry.guid.as_deref().map(str::trim).filter(|guid| !guid.is_empty()).map(str::to_owned);
        let link = entry.original_link.as_deref().or(entry.link.as_deref()).and_then(IdentityUrl::of);
        let guid_url = guid.as_deref().and_then(IdentityUrl::of);
        let mut links: Vec<IdentityUrl> = link.into_iter().chain(guid_url).collect();
        links.dedup();
        Self {
            guid_key: guid.as_deref().map(Key::guid),
            guid_site: guid.as_deref().and_then(Site::of_guid),
            source_site: entry.source.as_ref().and_then(|source| source.url.as_deref()).and_then(Site::of),
            title_and_date_key: date.filter(|_| !title.is_empty()).map(|at| Key::of(KeyKind::TitleAndDate, &[&title, &at.to_string()])),
            text_key: Key { kind: KeyKind::Text, hash: first_bits(&digest) },
            entry_hash: entry_hash(entry),
            text_hash: data_encoding::HEXLOWER.encode(&digest),
            guid,
            links,
            title,
            text,
            text_words,
            date,
        }
    }

    /// Is there nothing to know it by, to read or to follow?
    pub fn is_void(&self) -> bool {
        self.guid.is_none() && self.links.is_empty() && self.title.is_empty() && self.text.is_empty()
    }

    /// The words of title and text.
    pub fn words(&self) -> Words {
        Words::of(&self.title, &self.text)
    }

    /// Is this link the entry's own page, and not one that it only talks about?
    ///
    /// A link that leads off the feed's site is the entry's page if the entry says so (its guid or source is of the
    /// link's site) or points at it with fewer than fifty words.
    pub fn owns(&self, link: &IdentityUrl, feed_site: Option<&Site>) -> bool {
        let site = Site::of_host(link.host());
        let is_links = |claimed: Option<&Site>| claimed.is_some() && claimed == site.as_ref();
        is_links(feed_site) || is_links(self.guid_site.as_ref()) || is_links(self.source_site.as_ref()) || self.text_words < FEW_WORDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{Markup, Source};

    #[test]
    fn a_guid_is_the_same_with_http_and_https_and_with_nothing_else() {
        assert_eq!(Key::guid("http://example.org/1"), Key::guid("https://example.org/1"));
        for other in ["example.org/1", "http://example.org/1/", "http://www.example.org/1"] {
            assert_ne!(Key::guid("http://example.org/1"), Key::guid(other), "{other}");
        }
    }

    #[test]
    fn guids_of_the_whole_world_are_urls_uuids_and_tags() {
        for (guid, global) in [
            ("https://example.org/1", true),
            ("tag:example.org,2026:1", true),
            ("urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", true),
            ("6BA7B810-9dad-11d1-80b4-00c04fd430c8", true),
            ("1", false),
            ("http://", false),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430cg", false),
            ("urn:nbn:1", false),
        ] {
            assert_eq!(is_global_guid(guid), global, "{guid}");
        }
    }

    fn entry(guid: &str, link: &str, words: usize, source: Option<&str>) -> EntryKeys {
        EntryKeys::of(&Entry {
            guid: Some(guid.into()),
            link: Some(link.into()),
            content: Some(Markup::Html("<p>word</p> ".repeat(words))),
            source: source.map(|url| Source { title: None, url: Some(url.into()) }),
            ..Entry::default()
        })
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_the_entrys_page_only_if_the_entry_says_so_or_points() {
        let feed = Site::of("https://planet.example/");
        for (guid, words, source, owns) in [
            ("1", 60, None, false),
            ("1", 49, None, true),
            ("https://a.example.com/?p=1", 60, None, true),
            ("tag:example.com,2026:1", 60, None, true),
            ("https://planet.example/1", 60, None, false),
            ("1", 60, Some("https://blog.example.com/feed"), true),
            ("1", 60, Some("https://other.example/feed"), false),
        ] {
            let keys = entry(guid, "https://www.example.com/a", words, source);
            assert_eq!(keys.owns(&keys.links[0], feed.as_ref()), owns, "{guid} {words} {source:?}");
        }
        let own = entry("1", "https://blog.planet.example/a", 60, None);
        assert!(own.owns(&own.links[0], feed.as_ref()));
    }

    #[test]
    fn a_short_text_goes_with_its_date_and_a_long_one_without() {
        use crate::parse::Stamp;
        let keys = |words: usize, day: u32| {
            EntryKeys::of(&Entry {
                content: Some(Markup::Text("word ".repeat(words))),
                published: Some(Stamp { text: String::new(), at: chrono::DateTime::from_timestamp(i64::from(day) * 86_400, 0) }),
                ..Entry::default()
            })
        };
        assert_ne!(keys(49, 1).text_key, keys(49, 2).text_key);
        assert_eq!(keys(50, 1).text_key, keys(50, 2).text_key);
    }

    #[test]
    fn the_link_before_a_redirector_is_the_link_and_a_url_guid_stands_in() {
        let keys = EntryKeys::of(&Entry {
            guid: Some("https://example.org/guid".into()),
            link: Some("https://redirect.example/1".into()),
            original_link: Some("https://example.org/page".into()),
            ..Entry::default()
        });
        assert_eq!(keys.links.iter().map(IdentityUrl::as_str).collect::<Vec<_>>(), ["example.org/page", "example.org/guid"]);
    }
}
