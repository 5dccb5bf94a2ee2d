//! Clusters of copies: articles of the same text or near it, or of one page, and the earliest of them.
//!
//! What is a copy of what is a function of the articles as they are now ([`crate::copies::clusters`]), so it is made again
//! whenever one comes, goes or changes; the order in which copies arrive cannot matter. Articles of one text stand together
//! as one story, however far apart they came, and so do those of one page: where a page says, by a redirect or its canonical
//! link, that it is another article's, that is certain, whatever the texts are. Only stories that hang together with what changed are judged anew: by being near
//! in the window, or by having been a copy of one another.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::neighbours::Neighbours;
use super::packed::Packer;
use super::pages;
use crate::article::Draft;
use crate::copies::{self, CopySettings, Likeness, Sketch, Story};

/// So many stories are judged together at most. More that hang together are no copies that anybody would look through.
const MOST_STORIES: usize = 500;

/// Where judging begins.
#[derive(Debug, Clone, Default)]
pub struct Seeds {
    /// The texts of these keys.
    pub keys: BTreeSet<i64>,
    /// The texts and pages of these articles.
    pub articles: BTreeSet<i64>,
}

/// Articles of one text, or joined by their pages.
struct OneStory {
    /// The key of the earliest member's text that has one.
    key: Option<i64>,
    /// The earliest first.
    members: Vec<Member>,
}

struct Member {
    article: i64,
    copy_key: Option<i64>,
    id: String,
    published: Option<i64>,
    duplicate_of: Option<i64>,
    likeness: Option<i64>,
}

/// Judges anew the stories of these seeds and all that hangs together with them, and gives the articles that this
/// changes: all that became, or ceased to be, copies, or are copies of another now; their originals, before and after;
/// and the original of `touched`, whose copies it names.
pub fn settle(
    connection: &Connection,
    neighbours: &mut Neighbours,
    seeds: &Seeds,
    touched: Option<i64>,
) -> rusqlite::Result<BTreeSet<i64>> {
    settle_each(connection, neighbours, seeds, touched, &mut |_| Ok(()))
}

/// What an article was a near or exact copy of, until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    /// The article.
    pub article: i64,
    /// What it was a copy of.
    pub duplicate_of: Option<i64>,
    /// Its likeness to that, in thousandths.
    pub likeness: Option<i64>,
}

/// As [`settle`]; `moving` hears of each article before its cluster becomes another.
pub fn settle_each(
    connection: &Connection,
    neighbours: &mut Neighbours,
    seeds: &Seeds,
    touched: Option<i64>,
    moving: &mut dyn FnMut(Moving) -> rusqlite::Result<()>,
) -> rusqlite::Result<BTreeSet<i64>> {
    let mut seeds = seeds.clone();
    if let Some(window) = neighbours.window() {
        seeds.keys.extend(window.take_turned());
    }
    let stories = hanging_together(connection, neighbours, seeds, touched)?;
    if stories.is_empty() {
        return Ok(BTreeSet::new());
    }
    let originals = originals(connection, neighbours, &stories)?;
    let mut changed = BTreeSet::new();
    for (story, original) in stories.iter().zip(originals) {
        let members = &story.members;
        let Some(earliest) = members.first() else { continue };
        for member in members {
            let (duplicate_of, likeness) = match original {
                Some((original, likeness)) => (Some(original), Some(likeness)),
                None => ((member.article != earliest.article).then_some(earliest.article), None),
            };
            if let Some(hot) = neighbours.window().and_then(|window| window.get_mut(member.article)) {
                hot.duplicate_of = duplicate_of;
            }
            if (member.duplicate_of, member.likeness) != (duplicate_of, likeness) {
                moving(Moving { article: member.article, duplicate_of: member.duplicate_of, likeness: member.likeness })?;
                connection.prepare_cached("UPDATE article SET duplicate_of = ?2, likeness = ?3 WHERE article = ?1")?.execute(params![
                    member.article,
                    duplicate_of,
                    likeness
                ])?;
                changed.insert(member.article);
                changed.extend(member.duplicate_of.into_iter().chain(duplicate_of));
            } else if touched == Some(member.article) {
                changed.extend(duplicate_of);
            }
        }
    }
    Ok(changed)
}

/// As [`settle`], where no article is being stored; what changes is marked as changed at `now`.
pub fn settle_and_mark(connection: &Connection, neighbours: &mut Neighbours, seeds: &Seeds, now: i64) -> rusqlite::Result<()> {
    for member in settle(connection, neighbours, seeds, None)? {
        let change: i64 =
            connection.prepare_cached("UPDATE archive SET change = change + 1 RETURNING change")?.query_row([], |row| row.get(0))?;
        connection
            .prepare_cached("UPDATE article SET last_changed = ?2, change = ?3 WHERE article = ?1 AND removed_at IS NULL")?
            .execute(params![member, now, change])?;
    }
    Ok(())
}

/// The keys of the stories that are near copies of this article.
pub fn followers(connection: &Connection, article: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT DISTINCT copy_key FROM article WHERE duplicate_of = ?1 AND copy_key IS NOT NULL")?
        .query_map(params![article], |row| row.get(0))?
        .collect()
}

/// Articles that a page joins to this one, whatever their texts.
pub fn joined_by_page(connection: &Connection, article: i64) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT other.article FROM article JOIN page_copy ON page_copy.of = article.id JOIN article other ON other.article = page_copy.article
             WHERE article.article = ?1 AND other.removed_at IS NULL
             UNION SELECT other.article FROM page_copy JOIN article other ON other.id = page_copy.of
             WHERE page_copy.article = ?1 AND other.removed_at IS NULL",
        )?
        .query_map(params![article], |row| row.get(0))?
        .collect()
}

/// Does any page join articles in this archive?
pub fn has_edges(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM page_copy LIMIT 1")?.exists([])
}

/// The stories of these seeds and all that hang together with them.
fn hanging_together(
    connection: &Connection,
    neighbours: &mut Neighbours,
    seeds: Seeds,
    touched: Option<i64>,
) -> rusqlite::Result<Vec<OneStory>> {
    let has_edges = has_edges(connection)?;
    let mut keys: Vec<i64> = seeds.keys.iter().copied().collect();
    let mut articles: Vec<i64> = seeds.articles.iter().copied().collect();
    let mut seen = seeds.keys;
    let mut taken: BTreeSet<i64> = BTreeSet::new();
    let mut stories = Vec::new();
    loop {
        let members = if let Some(key) = keys.pop() {
            members(connection, key)?
        } else if let Some(article) = articles.pop() {
            member(connection, article)?.into_iter().collect()
        } else {
            return Ok(stories);
        };
        if members.iter().any(|member| taken.contains(&member.article)) {
            continue;
        }
        let members = if has_edges { joined(connection, members)? } else { members };
        taken.extend(members.iter().map(|member| member.article));
        let of_story: BTreeSet<i64> = members.iter().filter_map(|member| member.copy_key).collect();
        seen.extend(&of_story);
        let mut next: Vec<i64> = Vec::new();
        // Nothing can be a copy of an article that stands alone and has just come.
        let is_alone = members.len() == 1 && members.iter().all(|member| Some(member.article) == touched);
        for member in &members {
            match member.duplicate_of {
                Some(original) if members.iter().any(|other| other.article == original) => {}
                Some(original) => {
                    let key = connection
                        .prepare_cached("SELECT copy_key FROM article WHERE article = ?1")?
                        .query_row(params![original], |row| row.get::<_, Option<i64>>(0))
                        .optional()?;
                    next.extend(key.flatten());
                }
                None if is_alone => {}
                None => next.extend(followers(connection, member.article)?),
            }
        }
        if let Some(window) = neighbours.window() {
            of_story.iter().for_each(|key| next.extend(window.near(*key)));
        }
        if !members.is_empty() {
            stories.push(OneStory { key: members.iter().find_map(|member| member.copy_key), members });
        }
        let left = MOST_STORIES.saturating_sub(stories.len() + keys.len());
        keys.extend(next.into_iter().filter(|key| seen.insert(*key)).take(left));
    }
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

/// The articles of a text, the earliest first: by `published` (none last), then id.
fn members(connection: &Connection, key: i64) -> rusqlite::Result<Vec<Member>> {
    let mut members: Vec<Member> = connection
        .prepare_cached(&format!("{MEMBER} WHERE copy_key = ?1"))?
        .query_map(params![key], member_of)?
        .collect::<rusqlite::Result<_>>()?;
    sort(&mut members);
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
    sort(&mut members);
    Ok(members)
}

fn sort(members: &mut [Member]) {
    members.sort_by(|a, b| (a.published.unwrap_or(i64::MAX), &a.id).cmp(&(b.published.unwrap_or(i64::MAX), &b.id)));
}

/// For each story the article that it is a near copy of, and its likeness to it in thousandths.
fn originals(connection: &Connection, neighbours: &mut Neighbours, stories: &[OneStory]) -> rusqlite::Result<Vec<Option<(i64, i64)>>> {
    if stories.len() == 1 {
        return Ok(vec![None]);
    }
    let order: Vec<Story> = stories
        .iter()
        .map(|story| {
            let earliest = story.members.first();
            Story {
                published: earliest.and_then(|member| member.published).unwrap_or(i64::MAX),
                id: earliest.map(|member| member.id.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let mut sketches = Vec::with_capacity(stories.len());
    let mut is_of_series = Vec::with_capacity(stories.len());
    for OneStory { key, members } in stories {
        let window = neighbours.window();
        is_of_series.push(window.as_ref().zip(*key).is_some_and(|(window, key)| window.is_of_series(key)));
        let sketch =
            match (window.zip(*key).and_then(|(window, key)| window.sketch(key)), members.iter().find(|member| member.copy_key == *key)) {
                (Some(sketch), _) => Some(sketch.clone()),
                // It has left the window.
                (None, Some(member)) => sketch_again(connection, neighbours.packer(), member.article)?,
                (None, None) => None,
            };
        sketches.push(sketch);
    }
    let both_of_series = |a: usize, b: usize| is_of_series.get(a) == Some(&true) && is_of_series.get(b) == Some(&true);
    let are_close = |a: usize, b: usize| {
        let dates = |story: usize| stories.get(story).into_iter().flat_map(|story| &story.members).map(|member| member.published);
        dates(a).any(|one| dates(b).any(|other| copies::are_close(one, other)))
    };
    let originals = copies::clusters(&order, |a, b| {
        let likeness = sketches.get(a)?.as_ref()?.likeness(sketches.get(b)?.as_ref()?);
        likeness.filter(|_| are_close(a, b) && !both_of_series(a, b))
    });
    let article = |story: usize| stories.get(story).and_then(|story| story.members.first()).map(|member| member.article);
    let original = |(story, likeness): (usize, f32)| Some((article(story)?, (f64::from(likeness) * 1_000.0).round() as i64));
    Ok(originals.into_iter().map(|found| found.and_then(original)).collect())
}

fn sketch_again(connection: &Connection, packer: &Packer, article: i64) -> rusqlite::Result<Option<Sketch>> {
    let draft: Option<Draft> = connection
        .prepare_cached(
            "SELECT body.content, page_body.draft FROM article JOIN body ON sighting = speaker
             LEFT JOIN page_body ON page_body.article = article.article WHERE article.article = ?1",
        )?
        .query_row(params![article], |row| pages::shown(packer, row.get_ref(0)?, row.get_ref(1)?))
        .optional()?;
    Ok(draft.and_then(|draft| Likeness::of(&draft, CopySettings { near_copies: true, similar: 0 }).sketch))
}
