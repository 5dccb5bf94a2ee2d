//! Stories as the archive knows them while clusters are judged: read as far as is asked for, and written where they change.
//!
//! Articles of one text stand together as one story, however far apart they came, and so do those of one page: where a page says,
//! by a redirect or its canonical link, that it is another article's, that is certain, whatever the texts are. A story that is judged is
//! read whole. Of one that is only compared with its earliest article says enough, for a text that thousands have must not
//! be read thousands of times.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::copies::{Moving, followers, has_edges, joined_by_page};
use super::neighbours::Neighbours;
use crate::copies::{Place, Sketch, Stories, are_close};

/// So many originals of those that were just judged are compared with what is judged next, be they near it by the window or not.
const REMEMBERED: usize = 64;

/// So many of a story's articles are looked at to see whether it is close in time to another.
const DATES: usize = 64;

/// Articles of one text, or joined by their pages.
struct Story {
    place: Place,
    /// The earliest.
    head: i64,
    /// The key of the earliest article's text that has one.
    key: Option<i64>,
    /// What it is a copy of.
    original: Option<i64>,
    /// The earliest first; `None` where they were not read.
    members: Option<Vec<Member>>,
    sketch: Option<Option<Sketch>>,
}

struct Member {
    article: i64,
    copy_key: Option<i64>,
    id: String,
    published: Option<i64>,
    duplicate_of: Option<i64>,
    likeness: Option<i64>,
}

const MEMBER: &str = "SELECT article, id, published, duplicate_of, likeness, copy_key FROM article";

fn member_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        article: row.get(0)?,
        id: row.get(1)?,
        published: row.get(2)?,
        duplicate_of: row.get(3)?,
        likeness: row.get(4)?,
        copy_key: row.get(5)?,
    })
}

fn place_of(member: &Member) -> Place {
    Place { published: member.published.unwrap_or(i64::MAX), id: member.id.clone() }
}

/// The stories that were read.
pub struct ReadStories<'a> {
    connection: &'a Connection,
    neighbours: &'a mut Neighbours,
    moving: &'a mut dyn FnMut(Moving) -> rusqlite::Result<()>,
    has_edges: bool,
    touched: Option<i64>,
    /// Nothing is a copy of this article yet.
    newcomer: Option<i64>,
    stories: Vec<Story>,
    /// The story of each article that was read.
    of_article: HashMap<i64, usize>,
    originals: Vec<usize>,
    changed: BTreeSet<i64>,
}

impl<'a> ReadStories<'a> {
    /// None yet. `touched` is an article whose original names it anew, `newcomer` one that nothing can be a copy of yet; `moving` hears
    /// of each article before its cluster becomes another.
    pub fn new(
        connection: &'a Connection,
        neighbours: &'a mut Neighbours,
        touched: Option<i64>,
        newcomer: Option<i64>,
        moving: &'a mut dyn FnMut(Moving) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Self> {
        let has_edges = has_edges(connection)?;
        let (stories, of_article, originals, changed) = (Vec::new(), HashMap::new(), Vec::new(), BTreeSet::new());
        Ok(Self { connection, neighbours, moving, has_edges, touched, newcomer, stories, of_article, originals, changed })
    }

    /// The articles that are copies now, or are so no more, or of another, and their originals before and after.
    pub fn changed(self) -> BTreeSet<i64> {
        self.changed
    }

    /// The story of the articles of this text, read whole.
    pub fn of_key(&mut self, key: i64) -> rusqlite::Result<Option<usize>> {
        let members = members(self.connection, key)?;
        self.whole(members)
    }

    /// The story of this article, read whole.
    pub fn of_article(&mut self, article: i64) -> rusqlite::Result<Option<usize>> {
        let member = member(self.connection, article)?;
        match member.as_ref().and_then(|member| member.copy_key) {
            Some(key) => self.of_key(key),
            None => self.whole(member.into_iter().collect()),
        }
    }

    fn whole(&mut self, members: Vec<Member>) -> rusqlite::Result<Option<usize>> {
        let known = members.iter().find_map(|member| self.of_article.get(&member.article)).copied();
        if let Some(known) = known.filter(|known| self.stories.get(*known).is_some_and(|story| story.members.is_some())) {
            return Ok(Some(known));
        }
        let members = if self.has_edges { joined(self.connection, members)? } else { members };
        let Some(head) = members.first() else { return Ok(None) };
        let number = known.unwrap_or(self.stories.len());
        self.of_article.extend(members.iter().map(|member| (member.article, number)));
        let is_own = |article: &i64| self.of_article.get(article) == Some(&number);
        let story = Story {
            place: place_of(head),
            head: head.article,
            key: members.iter().find_map(|member| member.copy_key),
            original: members.iter().find_map(|member| member.duplicate_of.filter(|original| !is_own(original))),
            members: Some(members),
            sketch: None,
        };
        match self.stories.get_mut(number) {
            Some(known) => *known = story,
            None => self.stories.push(story),
        }
        Ok(Some(number))
    }

    /// The story whose earliest article this is, if it is an original.
    fn original(&mut self, article: i64) -> rusqlite::Result<Option<usize>> {
        if let Some(known) = self.of_article.get(&article) {
            return Ok(Some(*known));
        }
        let Some(head) = member(self.connection, article)? else { return Ok(None) };
        if head.duplicate_of.is_some() {
            return Ok(None);
        }
        if head.copy_key.is_none() {
            return self.of_article(article);
        }
        let number = self.stories.len();
        self.of_article.insert(article, number);
        self.stories.push(Story { place: place_of(&head), head: article, key: head.copy_key, original: None, members: None, sketch: None });
        Ok(Some(number))
    }

    fn members(&self, story: usize) -> impl Iterator<Item = &Member> {
        self.stories.get(story).and_then(|story| story.members.as_deref()).unwrap_or_default().iter()
    }

    /// The texts that are near any of this story's, and of each the article that it, or what it is a copy of, begins with.
    fn near(&mut self, story: usize) -> Vec<(i64, i64)> {
        let keys: BTreeSet<i64> = self.members(story).filter_map(|member| member.copy_key).collect();
        let Some(window) = self.neighbours.window() else { return Vec::new() };
        let near: BTreeSet<i64> = keys.iter().flat_map(|key| window.near(*key)).collect();
        let of_key = |key: i64| window.with_text(key).map(|hot| (key, hot.duplicate_of.unwrap_or(hot.article)));
        near.into_iter().filter_map(of_key).collect()
    }

    fn make_sketch(&mut self, story: usize) -> rusqlite::Result<()> {
        let Some(Story { key, head, members, sketch: None, .. }) = self.stories.get(story) else { return Ok(()) };
        let in_window = key.zip(self.neighbours.window()).and_then(|(key, window)| window.with_text(key)?.kept.sketch.clone());
        let article = match members {
            Some(members) => members.iter().find(|member| member.copy_key == *key).map(|member| member.article),
            None => Some(*head),
        };
        let sketch = match (in_window, key.zip(article)) {
            (Some(sketch), _) => Some(sketch),
            // It has left the window.
            (None, Some((key, article))) => self.neighbours.sketch_again(self.connection, key, article)?,
            (None, None) => None,
        };
        if let Some(story) = self.stories.get_mut(story) {
            story.sketch = Some(sketch);
        }
        Ok(())
    }

    fn are_close(&mut self, one: usize, other: usize) -> rusqlite::Result<bool> {
        let dates = |story: usize| -> Vec<Option<i64>> {
            let mut dates: Vec<Option<i64>> = self.members(story).map(|member| member.published).collect();
            dates.dedup();
            if dates.is_empty() {
                let date = self.stories.get(story).map(|story| story.place.published);
                dates.extend(date.map(|date| Some(date).filter(|date| *date != i64::MAX)));
            }
            dates
        };
        let (ones, others) = (dates(one), dates(other));
        let are_close = ones.iter().take(DATES).any(|one| others.iter().any(|other| are_close(*one, *other)));
        if are_close || self.stories.get(other).is_none_or(|story| story.members.is_some()) {
            return Ok(are_close);
        }
        // Another of its articles may be.
        let (head, key) = self.stories.get(other).map(|story| (story.head, story.key)).unwrap_or_default();
        if self.has_edges && !joined_by_page(self.connection, head)?.is_empty() {
            self.of_article(head)?;
            return self.are_close(one, other);
        }
        let mut close = self.connection.prepare_cached(
            "SELECT 1 FROM article WHERE copy_key = ?1 AND (published IS NULL OR published BETWEEN ?2 - ?3 AND ?2 + ?3) LIMIT 1",
        )?;
        for date in ones.iter().take(DATES) {
            if close.exists(params![key, date, crate::copies::WINDOW])? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Stories for ReadStories<'_> {
    type Error = rusqlite::Error;

    fn place(&self, story: usize) -> Option<&Place> {
        self.stories.get(story).map(|story| &story.place)
    }

    fn is_original(&self, story: usize) -> bool {
        self.stories.get(story).is_some_and(|story| story.original.is_none())
    }

    fn candidates(&mut self, story: usize) -> rusqlite::Result<Vec<usize>> {
        let mut articles: BTreeSet<i64> = self.near(story).into_iter().map(|(_, original)| original).collect();
        articles.extend(self.members(story).filter_map(|member| member.duplicate_of));
        let mut candidates = self.originals.clone();
        for article in articles {
            candidates.extend(self.original(article)?);
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates.retain(|candidate| *candidate != story);
        Ok(candidates)
    }

    fn likeness(&mut self, one: usize, other: usize) -> rusqlite::Result<Option<f32>> {
        self.make_sketch(one)?;
        self.make_sketch(other)?;
        let sketch = |story: usize| self.stories.get(story)?.sketch.as_ref()?.as_ref();
        let Some(likeness) = sketch(one).zip(sketch(other)).and_then(|(one, other)| one.likeness(other)) else { return Ok(None) };
        let keys = [one, other].map(|story| self.stories.get(story).and_then(|story| story.key));
        let is_of_series = |key: Option<i64>| key.zip(self.neighbours.window()).is_some_and(|(key, window)| window.is_of_series(key));
        if keys.map(is_of_series) == [true, true] {
            return Ok(None);
        }
        Ok(self.are_close(one, other)?.then_some(likeness))
    }

    fn judged(&mut self, story: usize, original: Option<(usize, f32)>) -> rusqlite::Result<()> {
        let copied = original
            .and_then(|(original, likeness)| Some((self.stories.get(original)?.head, (f64::from(likeness) * 1_000.0).round() as i64)));
        let Some(of) = self.stories.get_mut(story) else { return Ok(()) };
        of.original = copied.map(|(original, _)| original);
        let head = of.head;
        for member in of.members.iter_mut().flatten() {
            let (duplicate_of, likeness) = match copied {
                Some((original, likeness)) => (Some(original), Some(likeness)),
                None => ((member.article != head).then_some(head), None),
            };
            if let Some(hot) = self.neighbours.window().and_then(|window| window.get_mut(member.article)) {
                hot.duplicate_of = duplicate_of;
            }
            if (member.duplicate_of, member.likeness) != (duplicate_of, likeness) {
                (self.moving)(Moving { article: member.article, duplicate_of: member.duplicate_of, likeness: member.likeness })?;
                write(self.connection, member.article, duplicate_of, likeness)?;
                self.changed.insert(member.article);
                self.changed.extend(member.duplicate_of.into_iter().chain(duplicate_of));
                (member.duplicate_of, member.likeness) = (duplicate_of, likeness);
            } else if self.touched == Some(member.article) {
                self.changed.extend(duplicate_of);
            }
        }
        if copied.is_none() && self.originals.len() < REMEMBERED {
            self.originals.push(story);
        }
        Ok(())
    }

    fn followers(&mut self, story: usize) -> rusqlite::Result<Vec<usize>> {
        let heads = self.members(story).filter(|member| member.duplicate_of.is_none()).map(|member| member.article);
        let heads: Vec<i64> = heads.filter(|head| Some(*head) != self.newcomer).collect();
        let own: BTreeSet<i64> = self.members(story).filter_map(|member| member.copy_key).collect();
        let mut stories = Vec::new();
        for head in heads {
            for key in followers(self.connection, head)?.into_iter().filter(|key| !own.contains(key)) {
                stories.extend(self.of_key(key)?);
            }
        }
        Ok(stories)
    }

    fn rivals(&mut self, story: usize) -> rusqlite::Result<Vec<usize>> {
        let mut rivals = Vec::new();
        let Some((own, published)) = self.stories.get(story).map(|story| (story.head, story.place.published)) else { return Ok(rivals) };
        let mut near: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (key, original) in self.near(story) {
            near.entry(original).or_default().push(key);
        }
        near.remove(&own);
        for (article, keys) in near {
            // Most are copies of something that is known to be earlier.
            let date = self.neighbours.window().and_then(|window| window.get(article)).map(|hot| hot.published);
            if date.is_some_and(|date| date.unwrap_or(i64::MAX) < published) {
                continue;
            }
            let Some(original) = self.original(article)? else { continue };
            if original == story || self.place(original) < self.place(story) {
                continue;
            }
            rivals.extend(self.of_article(article)?);
            for key in keys {
                rivals.extend(self.of_key(key)?);
            }
        }
        rivals.retain(|rival| *rival != story);
        Ok(rivals)
    }
}

/// The article is a copy of that one from now on.
pub fn write(connection: &Connection, article: i64, duplicate_of: Option<i64>, likeness: Option<i64>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE article SET duplicate_of = ?2, likeness = ?3 WHERE article = ?1")?
        .execute(params![article, duplicate_of, likeness])
        .map(drop)
}

/// The articles of a text, the earliest first: by `published` (none last), then id.
fn members(connection: &Connection, key: i64) -> rusqlite::Result<Vec<Member>> {
    let mut members: Vec<Member> = connection
        .prepare_cached(&format!("{MEMBER} WHERE copy_key = ?1"))?
        .query_map(params![key], member_of)?
        .collect::<rusqlite::Result<_>>()?;
    members.sort_by_cached_key(place_of);
    Ok(members)
}

fn member(connection: &Connection, article: i64) -> rusqlite::Result<Option<Member>> {
    connection
        .prepare_cached(&format!("{MEMBER} WHERE article = ?1 AND removed_at IS NULL"))?
        .query_row(params![article], member_of)
        .optional()
}

/// These, those that pages join to them, and all of their texts.
fn joined(connection: &Connection, members: Vec<Member>) -> rusqlite::Result<Vec<Member>> {
    let (mut all, mut texts): (BTreeMap<i64, Member>, BTreeSet<i64>) = (BTreeMap::new(), BTreeSet::new());
    let mut waiting = members;
    while let Some(next) = waiting.pop() {
        if all.contains_key(&next.article) {
            continue;
        }
        if let Some(text) = next.copy_key.filter(|text| texts.insert(*text)) {
            waiting.extend(self::members(connection, text)?);
        }
        for other in joined_by_page(connection, next.article)? {
            waiting.extend(member(connection, other)?);
        }
        all.insert(next.article, next);
    }
    let mut members: Vec<Member> = all.into_values().collect();
    members.sort_by_cached_key(place_of);
    Ok(members)
}
