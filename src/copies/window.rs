//! The articles of the last weeks, as far as new ones are compared with them: one index for copies and similar posts.
//!
//! Each article is entered under some forty keys: those of its sketch, and its characteristic terms. A key leads to the
//! articles that have it, the newest first; what an article has in common with others is found by walking its own keys.
//! So the cost of a comparison does not grow with the archive. Memory is bounded by [`MOST`] articles and those that wait
//! to be swept out, about 1,200 bytes each.
//!
//! It lives in the writer's memory and is made again from what the archive keeps: a B-tree of so many random keys would
//! cost several times as much for each article as all the comparing.

use std::collections::HashMap;

use super::{Kept, Sketch, sketch, terms};

/// For so long an article is compared with new ones, and so far apart in time copies and similar posts may have been
/// published, in milliseconds: thirty days.
pub const WINDOW: i64 = 30 * 86_400_000;

/// So many articles at most are compared with: the newest.
const MOST: usize = 20_000;

/// Old articles are swept out so many at a time.
const SWEEP: usize = MOST / 4;

/// So many articles of one key are looked at, the newest first: what more of them have in common is a turn of speech, or
/// the frame of a series.
const MOST_OF_RUN: u32 = 64;
/// … and so many of one term: what more of them have in common hardly sets them apart.
const MOST_OF_TERM: u32 = 64;

/// Similar posts that score less are none.
const LEAST_SCORE: f32 = 0.12;

/// Keys of one article.
const KEYS: usize = sketch::KEYS + terms::TERMS;

/// A text that shares much with so many others, but hardly with any beyond doubt, is one of a series.
const SERIES: usize = 4;

/// No next node.
const END: u32 = 0x00ff_ffff;

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

/// How a text is related to another that shares much with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kinship {
    /// Too much speaks against a copy.
    Doubtful,
    /// A near copy, unless both are of a series.
    Near,
    /// A near copy that shares more than a series' issues do.
    Certain,
}

/// A text that articles of the window have.
#[derive(Debug, Default)]
struct Text {
    articles: Vec<i64>,
    /// The keys of the texts that share much with it.
    kin: Vec<(i64, Kinship)>,
    is_of_series: bool,
}

impl Text {
    fn looks_like_series(&self) -> bool {
        let certain = self.kin.iter().filter(|(_, kinship)| *kinship == Kinship::Certain).count();
        self.kin.len() >= SERIES && certain * 4 < self.kin.len()
    }
}

/// A place of an article in the list of a key: the key, and in one number the next node (24 bits) and the term's weight (8).
#[derive(Debug, Clone, Copy)]
struct Node {
    key: u32,
    link: u32,
}

/// The articles that new ones are compared with.
#[derive(Debug, Default)]
pub struct Window {
    slots: Vec<Slot>,
    /// `KEYS` for each slot.
    nodes: Vec<Node>,
    heads: Vec<u32>,
    of_article: HashMap<i64, u32>,
    texts: HashMap<i64, Text>,
    newest: i64,
    swept: Vec<i64>,
    turned: Vec<i64>,
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
        let text = self.texts.get(&key);
        let is_of_series = text.is_some_and(|text| text.is_of_series);
        let kin = text.map_or(&[][..], |text| &text.kin).iter().filter(|(_, kinship)| *kinship > Kinship::Doubtful);
        kin.map(|(near, _)| *near).filter(move |near| !(is_of_series && self.is_of_series(*near)))
    }

    /// Is the text of this key one of a series, as far as the window knows? Two of a series are never copies.
    pub fn is_of_series(&self, key: i64) -> bool {
        self.texts.get(&key).is_some_and(|text| text.is_of_series)
    }

    /// A sketch of the text of this key.
    pub fn sketch(&self, key: i64) -> Option<&Sketch> {
        self.get(*self.texts.get(&key)?.articles.first()?)?.kept.sketch.as_ref()
    }

    /// Articles that have left the window since this was last asked.
    pub fn take_swept(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.swept)
    }

    /// Keys of texts that became, or ceased to be, one of a series since this was last asked: what is a copy of what
    /// must be judged anew for them.
    pub fn take_turned(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.turned)
    }

    fn slot(&self, article: i64) -> Option<&Slot> {
        self.slots.get(*self.of_article.get(&article)? as usize)
    }

    /// Adds an article, or puts one in its new place; finds what is near its text.
    pub fn insert(&mut self, hot: Hot) {
        self.remove(hot.article);
        if self.slots.len() >= MOST + SWEEP {
            self.sweep();
        }
        self.newest = self.newest.max(hot.first_seen);
        if let (Some(key), Some(sketch)) = (hot.copy_key, &hot.kept.sketch) {
            let kin = self.find_kin(key, sketch, hot.published);
            self.texts.entry(key).or_default().articles.push(hot.article);
            for (other, kinship) in kin {
                self.join(key, other, kinship);
                self.join(other, key, kinship);
                self.judge(other);
            }
            self.judge(key);
        }
        self.put(Slot { hot, is_gone: false });
    }

    fn join(&mut self, key: i64, other: i64, kinship: Kinship) {
        let text = self.texts.entry(key).or_default();
        if !text.kin.iter().any(|(kin, _)| *kin == other) {
            text.kin.push((other, kinship));
        }
    }

    /// Is the text of a series now?
    fn judge(&mut self, key: i64) {
        let Some(text) = self.texts.get_mut(&key) else { return };
        let is_of_series = text.looks_like_series();
        if text.is_of_series != is_of_series {
            text.is_of_series = is_of_series;
            self.turned.push(key);
        }
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
        {
            self.take_from_text(key, article);
        }
    }

    /// A text with one article less may be too far in time from others now, or nowhere any more.
    fn take_from_text(&mut self, key: i64, article: i64) {
        let Some(text) = self.texts.get_mut(&key) else { return };
        text.articles.retain(|other| *other != article);
        let left: Vec<i64> = text.kin.iter().map(|(kin, _)| *kin).collect();
        for other in left {
            if !self.are_texts_close(key, other) {
                self.part(key, other);
                self.part(other, key);
                self.judge(other);
            }
        }
        if self.texts.get(&key).is_some_and(|text| text.articles.is_empty()) {
            self.texts.remove(&key);
        } else {
            self.judge(key);
        }
    }

    fn part(&mut self, key: i64, other: i64) {
        let Some(text) = self.texts.get_mut(&key) else { return };
        text.kin.retain(|(kin, _)| *kin != other);
    }

    fn are_texts_close(&self, one: i64, other: i64) -> bool {
        let dates = |key: i64| self.texts.get(&key).into_iter().flat_map(|text| &text.articles).filter_map(|article| self.get(*article));
        dates(one).any(|one| dates(other).any(|other| are_close(one.published, other.published)))
    }

    fn put(&mut self, slot: Slot) {
        if (self.slots.len() + 1) * KEYS > self.heads.len() * 2 {
            self.grow();
        }
        let first = self.slots.len() * KEYS;
        let Ok(at) = u32::try_from(self.slots.len()) else { return };
        self.of_article.insert(slot.hot.article, at);
        self.slots.push(slot);
        self.scores.push(0);
        self.nodes.resize(first + KEYS, Node { key: 0, link: END << 8 });
        self.link(at);
    }

    /// Enters a slot's nodes under its keys.
    fn link(&mut self, at: u32) {
        let Some(slot) = self.slots.get(at as usize).filter(|slot| !slot.is_gone) else { return };
        let kept = &slot.hot.kept;
        let sketch_keys = kept.sketch.iter().flat_map(|sketch| sketch.keys()).map(|key| (sketch_key(key), 0));
        let term_keys = kept.terms.iter().map(|(term, weight)| (term_key(term), weight));
        let first = at as usize * KEYS;
        for (node_at, (key, weight)) in (first..).zip(sketch_keys.chain(term_keys).take(KEYS)) {
            let head = key as usize & (self.heads.len() - 1);
            if let (Some(head), Some(node)) = (self.heads.get_mut(head), self.nodes.get_mut(node_at)) {
                *node = Node { key, link: (*head << 8) | u32::from(weight) };
                *head = node_at as u32;
            }
        }
    }

    fn relink(&mut self) {
        self.heads.fill(END);
        for at in 0..self.slots.len() as u32 {
            self.link(at);
        }
    }

    fn grow(&mut self) {
        self.heads = vec![END; (self.heads.len() * 2).max(1 << 14)];
        self.relink();
    }

    /// Drops what is gone, what is too old, and what is more than the window holds.
    fn sweep(&mut self) {
        let oldest = self.newest - WINDOW;
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|slot| !slot.is_gone);
        let surplus = slots.len().saturating_sub(MOST);
        let mut at = 0;
        let mut swept = Vec::new();
        let turned = self.turned.len();
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
        self.nodes.truncate(slots.len() * KEYS);
        self.nodes.fill(Node { key: 0, link: END << 8 });
        self.slots = slots;
        for (article, key) in swept {
            self.take_from_text(key, article);
            self.swept.push(article);
        }
        // What leaves the window leaves copies as they are.
        self.turned.truncate(turned);
        self.relink();
    }

    /// Walks the articles that have these keys, of each key the newest first: the number of the key, the article's slot,
    /// and the term's weight there.
    ///
    /// All lists are walked side by side: nearly every step waits for memory, and so they wait together.
    fn walk(&self, keys: impl Iterator<Item = u32>, most: u32, mut found: impl FnMut(usize, u32, u32)) {
        let mut lists: [(u32, u32, u32, usize); KEYS] = [(0, END, 0, 0); KEYS];
        let mut count = 0;
        for (list, (number, key)) in lists.iter_mut().zip(keys.enumerate()) {
            let head = self.heads.get(key as usize & self.heads.len().wrapping_sub(1)).copied().unwrap_or(END);
            *list = (key, head, most, number);
            count += 1;
        }
        while count > 0 {
            let mut at = 0;
            while let Some((key, next, left, number)) = lists.get_mut(..count).and_then(|lists| lists.get_mut(at)) {
                match self.nodes.get(*next as usize) {
                    Some(node) if *left > 0 => {
                        if node.key == *key {
                            *left -= 1;
                            found(*number, *next / KEYS as u32, node.link & 0xff);
                        }
                        *next = node.link >> 8;
                        at += 1;
                    }
                    _ => {
                        count -= 1;
                        lists.swap(at, count);
                    }
                }
            }
        }
    }

    /// Is it there, and was it seen within the window?
    fn is_comparable(&self, slot: &Slot, published: Option<i64>) -> bool {
        !slot.is_gone && slot.hot.first_seen >= self.newest - WINDOW && are_close(slot.hot.published, published)
    }

    /// The keys of the texts that share much with this one.
    fn find_kin(&mut self, key: i64, sketch: &Sketch, published: Option<i64>) -> Vec<(i64, Kinship)> {
        let (mut scores, mut met) = (std::mem::take(&mut self.scores), std::mem::take(&mut self.met));
        self.walk(sketch.keys().map(sketch_key), MOST_OF_RUN, |_, slot, _| {
            if let Some(score) = scores.get_mut(slot as usize).filter(|score| **score == 0) {
                *score = 1;
                met.push(slot);
            }
        });
        let mut found = Vec::new();
        for at in met.drain(..) {
            if let Some(score) = scores.get_mut(at as usize) {
                *score = 0;
            }
            let Some(slot) = self.slots.get(at as usize) else { continue };
            let (Some(other), Some(other_sketch)) = (slot.hot.copy_key, &slot.hot.kept.sketch) else { continue };
            let Some(comparison) = sketch.compare(other_sketch) else { continue };
            if other != key && comparison.are_kin() && self.is_comparable(slot, published) {
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
            self.walk(terms.iter().map(|(term, _)| term_key(term)), MOST_OF_TERM, |number, slot, other| {
                if let Some(score) = scores.get_mut(slot as usize) {
                    if *score == 0 {
                        met.push(slot);
                    }
                    *score += u32::from(terms.weight(number)) * other;
                }
            });
            let least = (LEAST_SCORE * FULL_SCORE) as u32;
            for at in met.drain(..) {
                let score = scores.get_mut(at as usize).map(std::mem::take).unwrap_or_default();
                let Some(slot) = self.slots.get(at as usize).filter(|_| score >= least) else { continue };
                let other = slot.hot.article;
                let is_other = other != article && own.hot.duplicate_of != Some(other) && slot.hot.duplicate_of.is_none();
                if is_other && self.is_comparable(slot, own.hot.published) {
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

/// Keys of sketches and of terms stand in one index and must not meet.
fn sketch_key(key: u32) -> u32 {
    key.wrapping_mul(0x9e37_79b1) | 1 << 31
}

fn term_key(term: u32) -> u32 {
    term & !(1 << 31)
}

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
        let mut near: Vec<i64> = window.near(key).flat_map(|key| window.texts[&key].articles.clone()).collect();
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
