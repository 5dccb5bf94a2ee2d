//! The articles of the last weeks, as far as new ones are compared with them: one index for copies and similar posts.
//!
//! Each text is entered under the keys of its sketch, and each article under its characteristic terms: some forty keys. A key
//! leads to those that have it, the newest first; what an article has in common with others is found by walking its own keys.
//! So the cost of a comparison does not grow with the archive. Memory is bounded by [`MOST`] articles and those that wait
//! to be swept out, about 1,200 bytes each.
//!
//! It lives in the writer's memory and is made again from what the archive keeps: a B-tree of so many random keys would
//! cost several times as much for each article as all the comparing.

use hashbrown::HashMap;

use super::index::Index;
use super::texts::{Bearer, Kinship, Texts};
use super::{Kept, Sketch};

/// For so long an article is compared with new ones, and so far apart in time copies and similar posts may have been
/// published, in milliseconds: thirty days.
pub const WINDOW: i64 = 30 * 86_400_000;

/// So many articles at most are compared with: the newest.
const MOST: usize = 20_000;

/// Old articles are swept out so many at a time.
const SWEEP: usize = MOST / 4;

/// So many texts of one key are looked at, the newest first: what more of them have in common is a turn of speech, or
/// the frame of a series.
const MOST_OF_RUN: u32 = 64;
/// … and so many of one term: what more of them have in common hardly sets them apart.
const MOST_OF_TERM: u32 = 64;

/// Similar posts that score less are none.
const LEAST_SCORE: f32 = 0.12;

/// An article of the window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hot {
    /// Its number.
    pub article: i64,
    /// The key of its text.
    pub copy_key: Option<i64>,
    /// When it was published, in milliseconds since 1970.
    pub published: Option<i64>,
    /// When it was first seen, in milliseconds since 1970.
    pub first_seen: i64,
    /// The article that it is a copy of.
    pub duplicate_of: Option<i64>,
    /// What it is compared by.
    pub kept: Kept,
    /// Its similar posts, the best first, and their scores in ten-thousandths.
    pub similar: Vec<(i64, u16)>,
}

#[derive(Debug)]
struct Slot {
    hot: Hot,
    is_gone: bool,
}

/// The articles that new ones are compared with.
#[derive(Debug, Default)]
pub struct Window {
    slots: Vec<Slot>,
    index: Index,
    of_article: HashMap<i64, u32>,
    texts: Texts,
    newest: i64,
    swept: Vec<i64>,
    /// Which slots a search has met, and how they score; empty between two searches.
    scores: Vec<u32>,
    met: Vec<u32>,
}

/// Were both published within the window? An article without a date is near any.
pub fn are_close(one: Option<i64>, other: Option<i64>) -> bool {
    one.zip(other).is_none_or(|(one, other)| one.abs_diff(other) <= WINDOW.unsigned_abs())
}

impl Window {
    /// How many articles there are.
    pub fn len(&self) -> usize {
        self.of_article.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.of_article.is_empty()
    }

    /// Will some be swept out before the next is added?
    pub fn is_full(&self) -> bool {
        self.slots.len() >= MOST + SWEEP
    }

    /// The article, where it is in the window.
    pub fn get(&self, article: i64) -> Option<&Hot> {
        self.slot(article).map(|slot| &slot.hot)
    }

    /// The article, to be changed in what it is not found by: `duplicate_of` and `similar`.
    pub fn get_mut(&mut self, article: i64) -> Option<&mut Hot> {
        let at = *self.of_article.get(&article)? as usize;
        self.slots.get_mut(at).map(|slot| &mut slot.hot)
    }

    /// The keys of the texts that are near copies of the text of this key.
    pub fn near(&self, key: i64) -> impl Iterator<Item = i64> + '_ {
        self.texts.near(key)
    }

    /// Is the text of this key one of a series, as far as the window knows? Two of a series are never copies.
    pub fn is_of_series(&self, key: i64) -> bool {
        self.texts.is_of_series(key)
    }

    /// An article that has the text of this key.
    pub fn with_text(&self, key: i64) -> Option<&Hot> {
        self.get(self.texts.found_by(key)?)
    }

    /// How many articles have the text of this key.
    pub fn bearers(&self, key: i64) -> usize {
        self.texts.bearers(key)
    }

    /// Articles that have left the window since this was last asked.
    pub fn take_swept(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.swept)
    }

    /// Keys of texts that became, or ceased to be, one of a series since this was last asked, or that were there already and
    /// are now near others, or no more: what is a copy of what must be judged anew for them.
    pub fn take_turned(&mut self) -> Vec<i64> {
        std::mem::take(self.texts.turned())
    }

    fn slot(&self, article: i64) -> Option<&Slot> {
        self.slots.get(*self.of_article.get(&article)? as usize)
    }

    /// Adds an article, or puts one in its new place; finds what is near its text.
    pub fn insert(&mut self, hot: Hot) {
        self.remove(hot.article);
        if self.is_full() {
            self.sweep();
        }
        self.newest = self.newest.max(hot.first_seen);
        if let (Some(key), Some(sketch)) = (hot.copy_key, &hot.kept.sketch) {
            let kin = self.find_kin(key, sketch, hot.published);
            self.texts.add(key, Bearer { published: hot.published, article: hot.article, first_seen: hot.first_seen }, kin);
        }
        self.put(hot);
    }

    /// Takes an article out.
    pub fn remove(&mut self, article: i64) {
        let Some(at) = self.of_article.remove(&article) else { return };
        let Some(slot) = self.slots.get_mut(at as usize) else { return };
        slot.is_gone = true;
        // Its nodes stay until the next sweep and must keep nothing alive.
        let hot = std::mem::take(&mut slot.hot);
        if hot.kept.sketch.is_some()
            && let Some(key) = hot.copy_key
            && let Some(next) = self.texts.remove(key, article)
            && let Some(at) = self.of_article.get(&next)
            && let Some(sketch) = self.slots.get(*at as usize).and_then(|slot| slot.hot.kept.sketch.as_ref())
        {
            self.index.enter_sketch(*at, sketch);
        }
    }

    fn put(&mut self, hot: Hot) {
        let Ok(at) = u32::try_from(self.slots.len()) else { return };
        self.of_article.insert(hot.article, at);
        self.slots.push(Slot { hot, is_gone: false });
        self.scores.push(0);
        if self.index.add_slot() {
            self.enter_all();
        } else {
            self.enter(at);
        }
    }

    /// Enters a slot under its terms and, where its text is found by it, the keys of its sketch.
    fn enter(&mut self, at: u32) {
        let Some(slot) = self.slots.get(at as usize).filter(|slot| !slot.is_gone) else { return };
        let Hot { article, copy_key, kept, .. } = &slot.hot;
        if let (Some(key), Some(sketch)) = (copy_key, &kept.sketch)
            && self.texts.found_by(*key) == Some(*article)
        {
            self.index.enter_sketch(at, sketch);
        }
        self.index.enter_terms(at, &kept.terms);
    }

    fn enter_all(&mut self) {
        self.index.clear(self.slots.len());
        for at in 0..self.slots.len() as u32 {
            self.enter(at);
        }
    }

    /// Drops what is gone, what is too old, and what is more than the window holds.
    fn sweep(&mut self) {
        let oldest = self.newest - WINDOW;
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|slot| !slot.is_gone);
        let surplus = slots.len().saturating_sub(MOST);
        let mut at = 0;
        let mut swept = Vec::new();
        let turned = self.texts.turned().len();
        slots.retain(|slot| {
            at += 1;
            let stays = at > surplus && slot.hot.first_seen >= oldest;
            if !stays {
                swept.push((slot.hot.article, slot.hot.copy_key.unwrap_or_default()));
            }
            stays
        });
        self.of_article = slots.iter().zip(0..).map(|(slot, at)| (slot.hot.article, at)).collect();
        self.scores.truncate(slots.len());
        self.slots = slots;
        for (article, key) in swept {
            self.texts.remove(key, article);
            self.swept.push(article);
        }
        // What leaves the window leaves copies as they are.
        self.texts.turned().truncate(turned);
        self.enter_all();
    }

    /// The keys of the texts that share much with this one.
    fn find_kin(&mut self, key: i64, sketch: &Sketch, published: Option<i64>) -> Vec<(i64, Kinship)> {
        let (mut scores, mut met) = (std::mem::take(&mut self.scores), std::mem::take(&mut self.met));
        self.index.walk_sketch(sketch, MOST_OF_RUN, |slot| {
            if let Some(score) = scores.get_mut(slot as usize).filter(|score| **score == 0) {
                *score = 1;
                met.push(slot);
            }
        });
        let oldest = self.newest - WINDOW;
        let mut found = Vec::new();
        for at in met.drain(..) {
            if let Some(score) = scores.get_mut(at as usize) {
                *score = 0;
            }
            let Some(slot) = self.slots.get(at as usize).filter(|slot| !slot.is_gone) else { continue };
            let (Some(other), Some(other_sketch)) = (slot.hot.copy_key, &slot.hot.kept.sketch) else { continue };
            let Some(comparison) = sketch.compare(other_sketch) else { continue };
            if other != key && comparison.are_kin() && self.texts.is_close(other, published, oldest) {
                let kinship = match comparison.likeness() {
                    None => Kinship::Doubtful,
                    Some(_) if comparison.is_certain() => Kinship::Certain,
                    Some(_) => Kinship::Near,
                };
                found.push((other, kinship));
            }
        }
        (self.scores, self.met) = (scores, met);
        found
    }

    /// The articles that are similar to one of the window, the best first: their numbers, and their scores in
    /// ten-thousandths. Copies are left out, and so is the article that this one is a copy of.
    ///
    /// The score is the cosine of the two vectors of characteristic terms: 1 where both use the same ones to the same extent,
    /// 0 where they share none.
    pub fn similar(&mut self, article: i64) -> Vec<(i64, u16)> {
        let (mut scores, mut met) = (std::mem::take(&mut self.scores), std::mem::take(&mut self.met));
        let mut posts = Vec::new();
        if let Some(own) = self.slot(article) {
            let terms = &own.hot.kept.terms;
            self.index.walk_terms(terms, MOST_OF_TERM, |number, slot, other| {
                if let Some(score) = scores.get_mut(slot as usize) {
                    if *score == 0 {
                        met.push(slot);
                    }
                    *score += u32::from(terms.weight(number)) * other;
                }
            });
            let least = (LEAST_SCORE * FULL_SCORE) as u32;
            let oldest = self.newest - WINDOW;
            for at in met.drain(..) {
                let score = scores.get_mut(at as usize).map(std::mem::take).unwrap_or_default();
                let Some(slot) = self.slots.get(at as usize).filter(|slot| score >= least && !slot.is_gone) else { continue };
                let other = slot.hot.article;
                let is_other = other != article && own.hot.duplicate_of != Some(other) && slot.hot.duplicate_of.is_none();
                if is_other && slot.hot.first_seen >= oldest && are_close(slot.hot.published, own.hot.published) {
                    posts.push((other, (score as f32 / FULL_SCORE * 10_000.0).round().min(10_000.0) as u16));
                }
            }
            // Of equal scores the newest.
            posts.sort_unstable_by_key(|(other, score)| std::cmp::Reverse((*score, *other)));
        }
        (self.scores, self.met) = (scores, met);
        posts
    }

    /// Takes an article out of all lists of similar posts; gives the articles whose lists that changed.
    pub fn take_from_lists(&mut self, article: i64) -> Vec<i64> {
        let mut changed = Vec::new();
        for slot in &mut self.slots {
            let before = slot.hot.similar.len();
            slot.hot.similar.retain(|(other, _)| *other != article);
            if slot.hot.similar.len() != before {
                changed.push(slot.hot.article);
            }
        }
        changed
    }
}

/// The product of two vectors of length 1 whose parts are in 255ths.
const FULL_SCORE: f32 = 255.0 * 255.0;

#[cfg(test)]
mod tests {
    use super::super::{CopySettings, Frequencies, Likeness};
    use super::*;
    use crate::article::Draft;

    const DAY: i64 = 86_400_000;

    fn words(seed: &str, count: usize) -> String {
        (0..count).map(|word| format!("{seed}{word}")).collect::<Vec<_>>().join(" ")
    }

    fn hot(article: i64, text: String, published: Option<i64>, first_seen: i64) -> Hot {
        let likeness = Likeness::of(&Draft { text, ..Draft::default() }, CopySettings::default());
        let terms = Frequencies::default().characteristic(None, &likeness.bag.unwrap());
        let kept = Kept { sketch: likeness.sketch, terms };
        Hot { article, copy_key: likeness.copy_key, published, first_seen, kept, ..Hot::default() }
    }

    /// The numbers of the articles whose text is near this one's.
    fn near(window: &Window, article: i64) -> Vec<i64> {
        let key = window.get(article).unwrap().copy_key.unwrap();
        let mut near: Vec<i64> = window.near(key).filter_map(|key| Some(window.with_text(key)?.article)).collect();
        near.sort_unstable();
        near
    }

    fn version(tail: &str) -> String {
        format!("{} {}", words("story", 150), words(tail, 20))
    }

    #[test]
    fn versions_of_a_story_are_near_as_long_as_they_came_and_were_published_in_one_month() {
        let mut window = Window::default();
        window.insert(hot(1, version("a"), Some(0), 0));
        window.insert(hot(2, version("b"), Some(29 * DAY), DAY));
        window.insert(hot(3, version("c"), Some(31 * DAY), DAY));
        window.insert(hot(4, version("d"), None, DAY));
        assert_eq!((near(&window, 1), near(&window, 4)), (vec![2, 4], vec![1, 2, 3]));
        // Seen so late that the first ones are no longer compared.
        window.insert(hot(5, version("e"), Some(31 * DAY), 31 * DAY));
        assert_eq!(near(&window, 5), [2, 3, 4]);
    }

    #[test]
    fn issues_of_a_series_cease_to_be_near_when_it_shows_and_are_again_when_it_shrinks() {
        let mut window = Window::default();
        let issue = |number: i64| format!("{} {}", words("frame", 60), words(&format!("issue{number}x"), 30));
        for number in 1..=4 {
            window.insert(hot(number, issue(number), None, 0));
        }
        assert_eq!(near(&window, 1), [2, 3, 4]);
        assert!(window.take_turned().is_empty());
        window.insert(hot(5, issue(5), None, 0));
        assert!((1..=5).all(|number| near(&window, number).is_empty()));
        assert_eq!(window.take_turned().len(), 5);
        window.remove(3);
        assert_eq!(near(&window, 1), [2, 4, 5]);
        assert_eq!(window.take_turned().len(), 4);
    }

    #[test]
    fn a_story_that_many_papers_print_is_no_series() {
        let mut window = Window::default();
        for number in 1..=12 {
            window.insert(hot(number, version(&format!("tail{number}x")), None, 0));
        }
        assert_eq!(near(&window, 12).len(), 11);
    }

    #[test]
    fn similar_posts_share_characteristic_terms_and_copies_are_left_out() {
        let mut window = Window::default();
        window.insert(hot(1, format!("{} {}", words("topic", 8), words("one", 9)), None, 0));
        window.insert(hot(2, format!("{} {}", words("topic", 8), words("two", 9)), None, 0));
        window.insert(hot(3, words("other", 20), None, 0));
        window.insert(Hot { duplicate_of: Some(2), ..hot(4, format!("{} {}", words("topic", 8), words("four", 9)), None, 0) });
        let found = window.similar(1);
        assert_eq!(found.iter().map(|(article, _)| *article).collect::<Vec<_>>(), [2]);
        assert!(found[0].1 > 2_000 && found[0].1 < 10_000, "{found:?}");
        window.remove(2);
        assert_eq!(window.similar(1), []);
    }

    #[test]
    fn the_window_holds_so_many_articles_and_finds_each_of_them() {
        let mut window = Window::default();
        let text = |number: i64| format!("{} common {}", words(&format!("n{number}x"), 70), number);
        let count = (MOST + SWEEP) as i64 + 10;
        for number in 1..=count {
            let kept = if number % 50 == 0 {
                hot(number, text(number), None, number)
            } else {
                Hot { article: number, first_seen: number, ..Hot::default() }
            };
            window.insert(kept);
        }
        assert_eq!(window.take_swept().len(), SWEEP);
        assert_eq!(window.len(), MOST + 10);
        for number in [count / 50 * 50, count / 50 * 50 - 5_000] {
            window.insert(hot(count + number, format!("{} more", text(number)), None, count));
            assert_eq!(near(&window, count + number), [number]);
        }
    }
}
