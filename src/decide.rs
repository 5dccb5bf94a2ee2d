//! Deciding: what a feed showed before, and what a poll brought, become a value that says which article each entry
//! is. Nothing is read or written here; the archive asks in its writing transaction and stores the answer.
//!
//! A document is matched as a whole. Its entries are first grouped by the strongest key that each has (guid, else
//! identity URL, else text): entries of one group are one article. Groups then find their articles by ever weaker
//! keys; at a key weaker than its strongest a group may only take an article that no other group has. So a document
//! that comes again, in any order, finds what it found before: every group has registered its strongest key.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::config::IdentityRule;
use crate::identity::{ArticleId, EntryKeys, IdKind, IdentityUrl, Key, KeyKind, Site, Words, is_global_guid};

/// The archive's own number for an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArticleRef(pub i64);

/// The archive's own number for a sighting; later ones are larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SightingRef(pub i64);

/// An article that has a key in this feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The article.
    pub article: ArticleRef,
    /// The sighting with the article's last entry of that key.
    pub sighting: SightingRef,
}

/// What is kept of an entry to compare the next one with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEntry {
    /// Key of its guid.
    pub guid: Option<Key>,
    /// Key of its link.
    pub link: Option<Key>,
    /// Key of its text.
    pub text: Key,
    /// Its date, seconds since 1970.
    pub date: Option<i64>,
}

/// What a feed showed before, as the archive knows it.
pub trait Known {
    /// Why the archive could not answer.
    type Error;

    /// Was this key found to identify nothing in this feed?
    ///
    /// # Errors
    /// Those of the archive, as for all methods.
    fn is_dead(&self, key: Key) -> Result<bool, Self::Error>;
    /// The articles of this feed that have the key, that of the newest entry first.
    ///
    /// # Errors
    /// As above.
    fn holders(&self, key: Key) -> Result<Vec<Holder>, Self::Error>;
    /// The entry that a sighting shows.
    ///
    /// # Errors
    /// As above.
    fn last_entry(&self, sighting: SightingRef) -> Result<LastEntry, Self::Error>;
    /// The words of that entry; `None` where they were not kept: then they speak for no likeness.
    ///
    /// # Errors
    /// As above.
    fn words(&self, sighting: SightingRef) -> Result<Option<Words>, Self::Error>;
    /// This feed's first entry of an article: the one that made it, as far as this feed is concerned.
    ///
    /// # Errors
    /// As above.
    fn first_entry(&self, article: ArticleRef) -> Result<Option<LastEntry>, Self::Error>;
    /// Has this feed an article of this id?
    ///
    /// # Errors
    /// As above.
    fn has_id(&self, id: &ArticleId) -> Result<bool, Self::Error>;
}

/// The past of a feed that was never polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingKnown;

impl Known for NothingKnown {
    type Error = std::convert::Infallible;

    fn is_dead(&self, _: Key) -> Result<bool, Self::Error> {
        Ok(false)
    }

    fn holders(&self, _: Key) -> Result<Vec<Holder>, Self::Error> {
        Ok(Vec::new())
    }

    fn last_entry(&self, _: SightingRef) -> Result<LastEntry, Self::Error> {
        unreachable!("nothing holds a key, so no sighting is asked for")
    }

    fn words(&self, _: SightingRef) -> Result<Option<Words>, Self::Error> {
        Ok(None)
    }

    fn first_entry(&self, _: ArticleRef) -> Result<Option<LastEntry>, Self::Error> {
        Ok(None)
    }

    fn has_id(&self, _: &ArticleId) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

/// What a poll brought, as far as identity is concerned.
#[derive(Debug, Clone, Copy)]
pub struct PollKeys<'a> {
    /// The feed's name.
    pub feed: &'a str,
    /// The feed's site.
    pub site: Option<&'a Site>,
    /// The feed's home page: it names no entry.
    pub home: Option<&'a IdentityUrl>,
    /// How the operator wants entries to be known.
    pub rule: IdentityRule,
    /// The entries of the document.
    pub entries: &'a [EntryKeys],
}

/// Which article a group of entries is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One that this feed showed before.
    Known(ArticleRef),
    /// One that is new to this feed. Where another feed has an article of this id, it is that one.
    New {
        /// Its id.
        id: ArticleId,
        /// Its own page, where the id was made from it.
        page: Option<IdentityUrl>,
    },
}

/// One article of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Which article.
    pub target: Target,
    /// Its entries, as positions in the poll; never empty.
    pub entries: Vec<usize>,
    /// The entry that counts: the latest, then the longest.
    pub counts: usize,
    /// Keys that leave an article that this one was part of until now.
    pub taken_along: Vec<(ArticleRef, Key)>,
}

/// A key that an article has from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The key.
    pub key: Key,
    /// Which of the matches has it.
    pub matched: usize,
    /// Its last entry of that key, as a position in the poll.
    pub entry: usize,
    /// Is this the key's newest holder? One of a key's claims is.
    pub newest: bool,
}

/// What shall be stored of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Keys that identify nothing from now on.
    pub dead: Vec<Key>,
    /// The document's articles.
    pub matches: Vec<Match>,
    /// The keys by which they will be known again.
    pub claims: Vec<Claim>,
    /// For each entry the key of its link, where it identifies something.
    pub links: Vec<Option<Key>>,
}

/// Entries of the document that are one article for sure.
struct Group {
    key: Key,
    /// The operator's rule chose the key: no cares.
    named: bool,
    entries: Vec<usize>,
    counts: usize,
    target: Option<ArticleRef>,
    taken_along: Vec<(ArticleRef, Key)>,
}

/// What one feed has to say of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// Is it the feed of the site that the article's own page belongs to?
    pub is_publisher: bool,
    /// Words of the body.
    pub words: u32,
    /// The feed's name.
    pub feed: String,
}

/// Which of several voices speaks for an article: the publisher's own, then the fuller body, then the feed whose
/// name sorts first.
pub fn speaker<'a>(voices: impl Iterator<Item = &'a Voice>) -> Option<usize> {
    let rank = |voice: &'a Voice| (voice.is_publisher, voice.words, std::cmp::Reverse(voice.feed.as_str()));
    voices.enumerate().max_by_key(|(_, voice)| rank(voice)).map(|(at, _)| at)
}

/// Decides which article each entry is.
///
/// # Errors
/// Those of `known`.
pub fn decide<K: Known>(known: &K, poll: PollKeys<'_>) -> Result<Decision, K::Error> {
    let mut matcher = Matcher::new(known, poll)?;
    matcher.match_named();
    matcher.match_guids()?;
    matcher.match_links()?;
    matcher.match_texts(true)?;
    matcher.match_texts(false)?;
    matcher.part_different_titles()?;
    matcher.finish()
}

struct Matcher<'a, K> {
    known: &'a K,
    poll: PollKeys<'a>,
    /// For each entry: its guid and link, where they identify something.
    guids: Vec<Option<Key>>,
    links: Vec<Option<&'a IdentityUrl>>,
    new_dead: Vec<Key>,
    groups: Vec<Group>,
    /// The weakest key by which an article was taken, and whether that was the taker's strongest.
    taken: HashMap<ArticleRef, (KeyKind, bool)>,
    named_targets: Vec<Option<ArticleRef>>,
}

impl<'a, K: Known> Matcher<'a, K> {
    fn new(known: &'a K, poll: PollKeys<'a>) -> Result<Self, K::Error> {
        // Position in the document never counts: everything below goes by this order.
        let mut order: Vec<usize> = (0..poll.entries.len()).collect();
        order.sort_by(|a, b| by_date_then_content(&poll.entries[*a], &poll.entries[*b]));
        let named: Vec<Option<Key>> = poll.entries.iter().map(|entry| named_key(poll.rule, entry)).collect();
        let cared: Vec<usize> = order.iter().copied().filter(|at| named[*at].is_none()).collect();

        let mut dead = DeadKeys { known, asked: HashMap::new(), new: Vec::new() };
        for (key, entries) in grouped(cared.iter().filter_map(|at| Some((poll.entries[*at].guid_key?, *at)))) {
            if tell_different_stories(poll.entries, &entries) {
                dead.insert(key)?;
            }
        }
        let mut guids = vec![None; poll.entries.len()];
        for (at, entry) in poll.entries.iter().enumerate() {
            if let Some(key) = entry.guid_key
                && (named[at].is_some() || !dead.contains(key)?)
            {
                guids[at] = Some(key);
            }
        }
        // Every address that an entry could go by is judged, not only the one that it ends up with: else what one entry
        // is would hang on entries with which it shares nothing.
        for at in &cared {
            for url in poll.entries[*at].links.iter().filter(|url| url.is_root() || Some(*url) == poll.home) {
                dead.insert(Key::link(url))?;
            }
        }
        let addresses = cared.iter().flat_map(|at| poll.entries[*at].links.iter().map(|url| (Key::link(url), *at)));
        for (key, entries) in grouped(addresses) {
            if tell_different_stories(poll.entries, &entries) {
                dead.insert(key)?;
            }
        }
        let mut links: Vec<Option<&IdentityUrl>> = poll.entries.iter().map(|entry| entry.links.first()).collect();
        for at in &cared {
            links[*at] = None;
            for url in &poll.entries[*at].links {
                if !dead.contains(Key::link(url))? {
                    links[*at] = Some(url);
                    break;
                }
            }
        }

        let strongest = |at: usize| named[at].or(guids[at]).or_else(|| links[at].map(Key::link)).unwrap_or(poll.entries[at].text_key);
        let mut groups: Vec<Group> = Vec::new();
        let mut group_of: HashMap<(Key, bool), usize> = HashMap::new();
        for at in &order {
            let (key, is_named) = (strongest(*at), named[*at].is_some());
            let group = *group_of.entry((key, is_named)).or_insert_with(|| {
                groups.push(Group { key, named: is_named, entries: Vec::new(), counts: *at, target: None, taken_along: Vec::new() });
                groups.len() - 1
            });
            groups[group].entries.push(*at);
        }
        for group in &mut groups {
            group.counts = latest_then_longest(poll.entries, &group.entries);
        }
        let mut named_targets = Vec::with_capacity(groups.len());
        for group in &groups {
            named_targets.push(if group.named { known.holders(group.key)?.first().map(|holder| holder.article) } else { None });
        }
        Ok(Self { known, poll, guids, links, new_dead: dead.new, groups, taken: HashMap::new(), named_targets })
    }

    /// What the operator's rule names counts alone, without any care.
    fn match_named(&mut self) {
        for group in 0..self.groups.len() {
            if let Some(article) = self.named_targets[group] {
                self.take(group, article, self.groups[group].key.kind);
            }
        }
    }

    fn match_guids(&mut self) -> Result<(), K::Error> {
        for group in self.unmatched(|group| group.key.kind == KeyKind::Guid) {
            if let Some(holder) = self.known.holders(self.groups[group].key)?.first().copied()
                && !self.is_used_again(self.groups[group].counts, KeyKind::Guid, holder.sighting)?
            {
                self.take(group, holder.article, KeyKind::Guid);
            }
        }
        Ok(())
    }

    /// Groups that have nothing stronger than their link go first: they will look for it again at the next poll.
    fn match_links(&mut self) -> Result<(), K::Error> {
        let mut turns = self.unmatched(|group| group.key.kind == KeyKind::Link);
        turns.extend(self.unmatched(|group| group.key.kind == KeyKind::Guid));
        for group in turns {
            for (entry, key) in self.keys_of(group, |matcher, at| matcher.links[at].map(Key::link)) {
                let open = self.known.holders(key)?.into_iter().find(|holder| self.is_open(group, holder.article, KeyKind::Link));
                if let Some(holder) = open
                    && !self.is_used_again(entry, KeyKind::Link, holder.sighting)?
                {
                    self.take(group, holder.article, KeyKind::Link);
                    break;
                }
            }
        }
        Ok(())
    }

    /// First the texts of entries that have nothing else, then all others.
    fn match_texts(&mut self, nothing_else: bool) -> Result<(), K::Error> {
        for group in self.unmatched(|group| (group.key.kind == KeyKind::Text) == nothing_else) {
            for (entry, key) in self.keys_of(group, |matcher, at| Some(matcher.poll.entries[at].text_key)) {
                let mut open: Vec<Holder> = self.known.holders(key)?;
                open.retain(|holder| self.is_open(group, holder.article, KeyKind::Text));
                let mut best = open.first().copied();
                for holder in &open {
                    if self.known.last_entry(holder.sighting)?.date == self.poll.entries[entry].date {
                        best = Some(*holder);
                        break;
                    }
                }
                if let Some(holder) = best {
                    self.take(group, holder.article, KeyKind::Text);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Entries with different titles never share an article: the one whose guid (else link) made it keeps it.
    fn part_different_titles(&mut self) -> Result<(), K::Error> {
        let mut sharing: BTreeMap<ArticleRef, Vec<usize>> = BTreeMap::new();
        for (at, group) in self.groups.iter().enumerate() {
            if let (Some(article), false) = (group.target, group.named) {
                sharing.entry(article).or_default().push(at);
            }
        }
        for (article, groups) in sharing {
            let title = |group: usize| &self.poll.entries[self.groups[group].counts].title;
            if groups.iter().all(|group| title(*group) == title(groups[0])) {
                continue;
            }
            let first = self.known.first_entry(article)?;
            let made = |group: usize, kind: KeyKind| {
                self.groups[group].entries.iter().any(|at| match (kind, &first) {
                    (KeyKind::Guid, Some(first)) => first.guid.is_some() && self.poll.entries[*at].guid_key == first.guid,
                    (KeyKind::Link, Some(first)) => {
                        first.link.is_some() && self.poll.entries[*at].links.iter().any(|url| Some(Key::link(url)) == first.link)
                    }
                    _ => false,
                })
            };
            let keeper = groups.iter().copied().min_by_key(|group| (!made(*group, KeyKind::Guid), !made(*group, KeyKind::Link), *group));
            let Some(keeper) = keeper else { continue };
            let kept_title = title(keeper).clone();
            let leaving: Vec<usize> = groups.into_iter().filter(|group| *title(*group) != kept_title).collect();
            for group in leaving {
                let keys = self.groups[group].entries.iter().flat_map(|at| self.keys_of_entry(*at)).collect::<Vec<_>>();
                self.groups[group].target = None;
                self.groups[group].taken_along = keys.into_iter().map(|key| (article, key)).collect();
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Decision, K::Error> {
        let mut matches: Vec<Match> = Vec::new();
        let mut match_of: HashMap<ArticleRef, usize> = HashMap::new();
        let mut given: HashSet<ArticleId> = HashSet::new();
        let mut claims: Vec<(Claim, bool)> = Vec::new();
        for group in &self.groups {
            let matched = match group.target.and_then(|article| match_of.get(&article)) {
                Some(matched) => *matched,
                None => {
                    let target = match group.target {
                        Some(article) => Target::Known(article),
                        None => self.new_target(group, &mut given)?,
                    };
                    if let Some(article) = group.target {
                        match_of.insert(article, matches.len());
                    }
                    let taken_along = group.taken_along.clone();
                    matches.push(Match { target, entries: Vec::new(), counts: group.counts, taken_along });
                    matches.len() - 1
                }
            };
            matches[matched].entries.extend(&group.entries);
            for at in &group.entries {
                let named = group.named.then_some(group.key);
                for key in self.keys_of_entry(*at).into_iter().chain(named.filter(|key| key.kind == KeyKind::TitleAndDate)) {
                    claims.push((Claim { key, matched, entry: *at, newest: false }, key == group.key));
                }
            }
        }
        for matched in &mut matches {
            matched.counts = latest_then_longest(self.poll.entries, &matched.entries);
        }
        let links = self.links.iter().map(|link| link.map(Key::link)).collect();
        Ok(Decision { dead: self.new_dead, claims: settle(claims, &matches), matches, links })
    }

    /// The first id of those that the entry can have which no other article of this feed has.
    fn new_target(&self, group: &Group, given: &mut HashSet<ArticleId>) -> Result<Target, K::Error> {
        let at = group.counts;
        let entry = &self.poll.entries[at];
        let date = entry.date.and_then(|at| chrono::DateTime::from_timestamp(at, 0)).map(|at| at.to_rfc3339()).unwrap_or_default();
        let text = IdKind::Text { text: entry.text_hash.clone(), date: date.clone() };
        let mut kinds = Vec::with_capacity(3);
        if group.named {
            kinds.push(match group.key.kind {
                KeyKind::Guid => entry.guid.clone().map_or(text, IdKind::Guid),
                KeyKind::Link => entry.links.first().cloned().map_or(text, IdKind::Url),
                KeyKind::Text | KeyKind::TitleAndDate => IdKind::Text { text: entry.title.clone(), date },
            });
        } else {
            let own = self.links[at].filter(|link| entry.owns(link, self.poll.site));
            kinds.extend(own.cloned().map(IdKind::Url));
            let guid = self.guids[at].and(entry.guid.clone());
            let elsewhere = self.links[at].filter(|_| own.is_none()).map(|link| link.as_str().to_owned());
            kinds.extend(guid.or(elsewhere).map(IdKind::Guid));
            kinds.push(text);
        }
        let last = kinds.len() - 1;
        // Where all are taken, the last is numbered.
        let tries = kinds.iter().map(|kind| (kind, 1)).chain((2..).map(|number| (&kinds[last], number)));
        for (kind, number) in tries {
            let id = ArticleId::make(self.poll.feed, kind, number);
            if !given.contains(&id) && !self.known.has_id(&id)? {
                given.insert(id.clone());
                let page = if let (IdKind::Url(url), 1) = (kind, number) { Some(url.clone()) } else { None };
                return Ok(Target::New { id, page });
            }
        }
        unreachable!("the numbers do not end")
    }

    fn unmatched(&self, of: impl Fn(&Group) -> bool) -> Vec<usize> {
        let is_unmatched = |group: &Group| !group.named && group.target.is_none() && of(group);
        (0..self.groups.len()).filter(|at| is_unmatched(&self.groups[*at])).collect()
    }

    /// The group's distinct keys of one kind, that of the entry that counts first.
    fn keys_of(&self, group: usize, key: impl Fn(&Self, usize) -> Option<Key>) -> Vec<(usize, Key)> {
        let group = &self.groups[group];
        let mut keys: Vec<(usize, Key)> = Vec::new();
        for at in std::iter::once(group.counts).chain(group.entries.iter().copied()) {
            if let Some(key) = key(self, at)
                && keys.iter().all(|(_, known)| *known != key)
            {
                keys.push((at, key));
            }
        }
        keys
    }

    fn keys_of_entry(&self, at: usize) -> Vec<Key> {
        [self.guids[at], self.links[at].map(Key::link), Some(self.poll.entries[at].text_key)].into_iter().flatten().collect()
    }

    /// May this group take the article by a key of this kind? At its strongest key it may join others that found the
    /// article by theirs (what was joined before stays so); at a weaker one it takes what nobody has.
    fn is_open(&self, group: usize, article: ArticleRef, kind: KeyKind) -> bool {
        match self.taken.get(&article) {
            None => true,
            Some((by, was_strongest)) => *by == kind && *was_strongest && self.groups[group].key.kind == kind,
        }
    }

    fn take(&mut self, group: usize, article: ArticleRef, kind: KeyKind) {
        self.groups[group].target = Some(article);
        self.taken.entry(article).or_insert((kind, self.groups[group].key.kind == kind));
    }

    /// Does the key come back for another story? It does if the words are other ones and, of the other key and the
    /// date, one differs and neither is the same; what is missing is neither.
    fn is_used_again(&self, at: usize, kind: KeyKind, sighting: SightingRef) -> Result<bool, K::Error> {
        let entry = &self.poll.entries[at];
        if kind == KeyKind::Guid && entry.guid.as_deref().is_some_and(is_global_guid) {
            return Ok(false);
        }
        let last = self.known.last_entry(sighting)?;
        if last.text == entry.text_key {
            return Ok(false);
        }
        let (other, last_other) = match kind {
            KeyKind::Guid => (self.links[at].map(Key::link), last.link),
            _ => (self.guids[at], last.guid),
        };
        // A key that has come to identify nothing since is missing, too.
        let last_other = match last_other {
            Some(key) if self.new_dead.contains(&key) || self.known.is_dead(key)? => None,
            key => key,
        };
        let same = |a: Option<i64>, b: Option<i64>| a.zip(b).map(|(a, b)| a == b);
        let evidence = [same(other.map(|key| key.hash), last_other.map(|key| key.hash)), same(entry.date, last.date)];
        if evidence.contains(&Some(true)) || !evidence.contains(&Some(false)) {
            return Ok(false);
        }
        Ok(self.known.words(sighting)?.is_none_or(|words| entry.words().are_other_than(&words)))
    }
}

/// Keys that identify nothing: those that the archive knows, and those that this document gives away.
struct DeadKeys<'a, K> {
    known: &'a K,
    asked: HashMap<Key, bool>,
    new: Vec<Key>,
}

impl<K: Known> DeadKeys<'_, K> {
    fn contains(&mut self, key: Key) -> Result<bool, K::Error> {
        if let Some(dead) = self.asked.get(&key) {
            return Ok(*dead);
        }
        let dead = self.known.is_dead(key)?;
        self.asked.insert(key, dead);
        Ok(dead)
    }

    fn insert(&mut self, key: Key) -> Result<(), K::Error> {
        if !self.contains(key)? {
            self.asked.insert(key, true);
            self.new.push(key);
        }
        Ok(())
    }
}

/// The key that the operator's rule names, where the entry has it.
pub(crate) fn named_key(rule: IdentityRule, entry: &EntryKeys) -> Option<Key> {
    match rule {
        IdentityRule::Auto => None,
        IdentityRule::Guid => entry.guid_key,
        IdentityRule::Link => entry.links.first().map(Key::link),
        IdentityRule::TitleAndDate => entry.title_and_date_key,
    }
}

fn by_date_then_content(a: &EntryKeys, b: &EntryKeys) -> std::cmp::Ordering {
    let rank = |entry: &EntryKeys| (entry.date.is_none(), entry.date);
    rank(a)
        .cmp(&rank(b))
        .then_with(|| (&a.title, &a.text).cmp(&(&b.title, &b.text)))
        .then_with(|| (&a.guid, &a.links, a.entry_hash).cmp(&(&b.guid, &b.links, b.entry_hash)))
}

/// The entry that counts where several are one article: the latest, then the longest.
pub fn latest_then_longest(entries: &[EntryKeys], among: &[usize]) -> usize {
    let rank = |at: &usize| (entries[*at].date, entries[*at].text.len());
    let best = among.iter().copied().max_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| by_date_then_content(&entries[*a], &entries[*b])));
    best.unwrap_or_default()
}

fn grouped(keys: impl Iterator<Item = (Key, usize)>) -> BTreeMap<Key, Vec<usize>> {
    let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (key, at) in keys {
        groups.entry(key).or_default().push(at);
    }
    groups
}

/// Do entries that share a key have different titles, or different dates and different texts? (Where both dates and
/// texts vary, some two entries differ in both.)
fn tell_different_stories(entries: &[EntryKeys], sharing: &[usize]) -> bool {
    let varies = |differ: &dyn Fn(&EntryKeys, &EntryKeys) -> bool| sharing.iter().any(|at| differ(&entries[*at], &entries[sharing[0]]));
    varies(&|a, b| a.title != b.title) || (varies(&|a, b| a.date != b.date) && varies(&|a, b| a.text != b.text))
}

/// Of several claims of one article to one key one stays (that of the entry that counts, where it has the key); of
/// several articles' claims to one key the newest is one for which it is the strongest key.
fn settle(claims: Vec<(Claim, bool)>, matches: &[Match]) -> Vec<Claim> {
    let mut by_key: BTreeMap<Key, Vec<(Claim, bool)>> = BTreeMap::new();
    for (claim, strongest) in claims {
        let rivals = by_key.entry(claim.key).or_default();
        match rivals.iter_mut().find(|(rival, _)| rival.matched == claim.matched) {
            Some(own) => {
                own.1 |= strongest;
                if matches[claim.matched].counts == claim.entry {
                    own.0.entry = claim.entry;
                }
            }
            None => rivals.push((claim, strongest)),
        }
    }
    let mut settled = Vec::new();
    for rivals in by_key.into_values() {
        let newest = rivals.iter().rposition(|(_, strongest)| *strongest).unwrap_or(rivals.len() - 1);
        settled.extend(rivals.into_iter().enumerate().map(|(at, (claim, _))| Claim { newest: at == newest, ..claim }));
    }
    settled
}
