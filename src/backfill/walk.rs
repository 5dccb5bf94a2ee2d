//! The walk along a way back: what to ask for next, what to keep of what came, and when it is over.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::seen::Seen;
use super::sitemaps::{Queue, speaks_for};
use super::source::{Source, numbered, offered};
use super::{Bound, Shown};
use crate::identity::first_bits;
use crate::parse::Document;

/// No feed that a publisher means has more pages.
const MOST_PAGES: u32 = 10_000;

/// A gap is hours or days wide.
const MOST_PAGES_OF_A_GAP: u32 = 500;

/// Pages in a row that may hold nothing new before they count as a circle: archives by month have empty months.
const MOST_BARREN: u32 = 12;

/// The next request of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The feed's own document, wherever it is now.
    Feed,
    /// A page of its past, or a sitemap, that a document names.
    Page(Url),
    /// A page that nobody has named, but which is likely to be there.
    Numbered(Url),
    /// The robots.txt of this URL's site.
    Robots(Url),
}

/// What came.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// A document that could be read.
    Document {
        /// Where it was found.
        url: &'a Url,
        /// What it says.
        document: &'a Document,
        /// Its entries, all of them.
        shown: &'a [Shown],
    },
    /// The sitemaps that robots.txt names.
    Sitemaps(&'a [Url]),
    /// There is nothing (404, 410).
    Missing,
    /// Something that is no feed, or may not be had.
    Unreadable,
}

/// What to do with what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its entries belong to the feed.
    Keep,
    /// They don't, or there are none.
    Leave,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The way ends here: there is nothing before.
    Complete,
    /// What lies before was not asked for.
    Bound,
    /// The pages lead back to where they came from, or hold the same again and again.
    Circle,
    /// A page that the one before it names is not there.
    Broken,
    /// More pages than any feed has.
    TooLong,
    /// The feed offers no way back.
    NoHistory,
}

impl End {
    /// In words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Complete => "to its beginning",
            Self::Bound => "as far as was asked",
            Self::Circle => "until its pages led in a circle",
            Self::Broken => "until a page was not there",
            Self::TooLong => "until there were too many pages",
            Self::NoHistory => "nothing earlier is offered",
        }
    }
}

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case")]
enum Place {
    /// The feed's own document has yet to say what there is.
    #[default]
    Begin,
    /// On a way back.
    On {
        source: Source,
        /// Has it led to anything of this feed's?
        proven: bool,
    },
    Over {
        end: End,
    },
}

/// A walk along a feed's past.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Walk {
    place: Place,
    /// Other ways back, should the one that is tried be none.
    #[serde(default)]
    others: Vec<Source>,
    /// What the feed's own document shows, until a way has proven to be one.
    #[serde(default)]
    own: Vec<Shown>,
    /// Pages that were read, the feed's own document not among them.
    #[serde(default)]
    pages: u32,
    /// The last of them that held nothing new.
    #[serde(default)]
    barren: u32,
    /// Addresses of pages.
    #[serde(default)]
    asked: Seen,
    /// Keys of entries.
    #[serde(default)]
    shown: Seen,
    /// The way that was gone, in words for people.
    #[serde(default)]
    way: Option<String>,
}

fn hash(url: &Url) -> i64 {
    first_bits(&Sha256::digest(url.as_str().as_bytes()))
}

impl Walk {
    /// What to ask for now, or how the walk ended.
    ///
    /// # Errors
    /// The end.
    pub fn next(&self) -> Result<Ask, End> {
        match &self.place {
            Place::Begin => Ok(Ask::Feed),
            Place::Over { end } => Err(*end),
            Place::On { source: Source::Linked { next, .. }, .. } => Ok(Ask::Page(next.clone())),
            Place::On { source: Source::Numbered { base, page }, .. } => Ok(Ask::Numbered(numbered(base, *page))),
            Place::On { source: Source::Sitemaps(queue), .. } => match (queue.site(), queue.next()) {
                (Some(site), _) => Ok(Ask::Robots(site.clone())),
                (None, Some(sitemap)) => Ok(Ask::Page(sitemap.clone())),
                (None, None) => Err(End::Complete),
            },
        }
    }

    /// Pages that were read, the feed's own document not among them.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// The way that was gone, in words for people.
    pub fn way(&self) -> Option<&str> {
        self.way.as_deref()
    }

    /// Has the way that is gone led to anything of this feed's?
    pub fn is_proven(&self) -> bool {
        matches!(self.place, Place::On { proven: true, .. })
    }

    /// Ends it, as the archive has told that what lies before is known.
    pub fn reached_known(&mut self) {
        self.place = Place::Over { end: End::Bound };
    }

    /// Takes in what came of the request that [`Self::next`] named.
    pub fn hear(&mut self, heard: Heard<'_>, bound: &Bound) -> Verdict {
        match (std::mem::take(&mut self.place), heard) {
            (Place::Over { end }, _) => {
                self.place = Place::Over { end };
                Verdict::Leave
            }
            (Place::Begin, Heard::Document { url, document, shown }) => self.begin(url, document, shown),
            (Place::Begin, _) => {
                self.place = Place::Over { end: End::NoHistory };
                Verdict::Leave
            }
            (Place::On { source: Source::Linked { rel, next }, proven }, heard) => {
                self.asked.note(hash(&next));
                match heard {
                    Heard::Document { url, document, shown } => {
                        self.asked.note(hash(url));
                        let on = rel.of(document).map(|next| Source::Linked { rel, next }).ok_or(End::Complete);
                        self.turn(Source::Linked { rel, next }.name(), shown, bound, on)
                    }
                    _ if proven => self.end(End::Broken),
                    _ => self.try_another(),
                }
            }
            (Place::On { source: Source::Numbered { base, page }, proven }, heard) => match heard {
                Heard::Document { shown, .. } => {
                    let fresh = shown.iter().filter(|shown| !self.shown.has(shown.key)).count();
                    // A page that was moved on by new entries begins with what the one before ended with.
                    match (proven, fresh * 2 > shown.len()) {
                        (false, false) => self.try_another(),
                        (true, _) if fresh == 0 => self.end(End::Complete),
                        _ => {
                            let next = Source::Numbered { base, page: page.saturating_add(1) };
                            self.turn(next.name(), shown, bound, Ok(next))
                        }
                    }
                }
                // After the last page there is none.
                Heard::Missing if proven => self.end(End::Complete),
                _ if proven => self.end(End::Broken),
                _ => self.try_another(),
            },
            (Place::On { source: Source::Sitemaps(queue), proven }, heard) => self.sitemap(queue, proven, heard, bound),
        }
    }

    fn begin(&mut self, url: &Url, document: &Document, shown: &[Shown]) -> Verdict {
        self.asked.note(hash(url));
        self.own = shown.to_vec();
        for shown in shown {
            self.shown.note(shown.key);
        }
        self.others = offered(document, url);
        // What an index of sitemaps leads to is the feed itself.
        let proven = !document.sitemaps.is_empty();
        self.try_another();
        if let Place::On { proven: is_proven, .. } = &mut self.place {
            *is_proven |= proven;
        }
        Verdict::Keep
    }

    /// The way that was tried is none.
    fn try_another(&mut self) -> Verdict {
        let leads_back = |source: &Source| matches!(source, Source::Linked { next, .. } if self.asked.has(hash(next)));
        let next = self.others.iter().position(|source| !leads_back(source));
        let source = next.and_then(|next| self.others.drain(..=next).next_back());
        match source {
            Some(Source::Sitemaps(queue)) if queue.site().is_none() => self.next_sitemap(queue, false),
            Some(source) => {
                self.place = Place::On { source, proven: false };
                Verdict::Leave
            }
            None => self.end(End::NoHistory),
        }
    }

    fn end(&mut self, end: End) -> Verdict {
        self.place = Place::Over { end };
        Verdict::Leave
    }

    /// A page of a way that is one; `on` says where that goes on.
    fn turn(&mut self, way: &'static str, shown: &[Shown], bound: &Bound, on: Result<Source, End>) -> Verdict {
        self.note_page(way, shown);
        let end = match on {
            Err(end) => Some(end),
            Ok(_) if lies_before(shown, bound.since) => Some(End::Bound),
            Ok(Source::Linked { next, .. }) if self.asked.has(hash(&next)) => Some(End::Circle),
            Ok(source) => self.most_is_read(bound).or_else(|| {
                self.place = Place::On { source, proven: true };
                None
            }),
        };
        if let Some(end) = end {
            self.end(end);
        }
        Verdict::Keep
    }

    fn note_page(&mut self, way: &'static str, shown: &[Shown]) {
        self.way.get_or_insert_with(|| way.to_owned());
        self.own.clear();
        self.pages += 1;
        let fresh = shown.iter().filter(|shown| self.shown.note(shown.key)).count();
        self.barren = if fresh == 0 { self.barren + 1 } else { 0 };
    }

    fn most_is_read(&self, bound: &Bound) -> Option<End> {
        let most = if bound.known_at.is_some() { MOST_PAGES_OF_A_GAP } else { MOST_PAGES };
        match (self.barren, self.pages) {
            (barren, _) if barren >= MOST_BARREN => Some(End::Circle),
            (_, pages) if pages >= most => Some(End::TooLong),
            _ => None,
        }
    }

    fn sitemap(&mut self, mut queue: Queue, proven: bool, heard: Heard<'_>, bound: &Bound) -> Verdict {
        if let Heard::Sitemaps(named) = heard {
            queue.add_named(named);
            return self.next_sitemap(queue, proven);
        }
        if let Some(url) = queue.next() {
            self.asked.note(hash(url));
        }
        queue.take();
        match heard {
            Heard::Document { document, .. } if !document.sitemaps.is_empty() => {
                queue.add_index(&document.sitemaps, bound.since);
                self.next_sitemap(queue, proven)
            }
            Heard::Document { shown, .. } if !shown.is_empty() => {
                queue.held_news(true);
                match (proven, speaks_for(&self.own, shown)) {
                    (true, _) | (false, Some(true)) => {
                        self.note_page(Source::Sitemaps(Queue::default()).name(), shown);
                        // Sitemaps stand in no certain order: one that is too old says little about the next.
                        self.barren += u32::from(self.barren == 0 && lies_before(shown, bound.since));
                        match self.most_is_read(bound) {
                            Some(end) => self.end(end),
                            None => self.next_sitemap(queue, true),
                        };
                        Verdict::Keep
                    }
                    // They tell of more than this feed, or of other things.
                    (false, Some(false)) => self.try_another(),
                    (false, None) => self.next_sitemap(queue, proven),
                }
            }
            _ if queue.held_news(false) => self.next_sitemap(queue, proven),
            _ => self.end_sitemaps(proven),
        }
    }

    /// Goes on with the first sitemap that was not asked for.
    fn next_sitemap(&mut self, mut queue: Queue, proven: bool) -> Verdict {
        while queue.next().is_some_and(|url| self.asked.has(hash(url))) {
            queue.take();
        }
        if queue.next().is_none() {
            return self.end_sitemaps(proven);
        }
        self.place = Place::On { source: Source::Sitemaps(queue), proven };
        Verdict::Leave
    }

    fn end_sitemaps(&mut self, proven: bool) -> Verdict {
        if proven && self.pages > 0 { self.end(End::Complete) } else { self.try_another() }
    }
}

/// Is everything on this page earlier than the bound, as far as it has dates?
fn lies_before(shown: &[Shown], since: Option<DateTime<Utc>>) -> bool {
    let newest = shown.iter().filter_map(|shown| shown.date).max();
    since.zip(newest).is_some_and(|(since, newest)| newest < since.timestamp())
}
