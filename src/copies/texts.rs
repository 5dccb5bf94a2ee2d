//! The texts of the window's articles: which of them are kin, and which are of a series.
//!
//! Articles of one text are one here: however many there are, a new text is compared with it once. Kin are kept on both sides, up to
//! [`MOST_KIN`] of each text; of what is more it is only counted how much of it there is, which is what tells a series. So no
//! text, whatever stands in it, costs more than a fixed number of steps and bytes.

use hashbrown::HashMap;

use super::are_close;

/// A text that shares much with so many others, but hardly with any beyond doubt, is one of a series.
const SERIES: usize = 4;

/// So many kin of one text are known by name.
pub const MOST_KIN: usize = 64;

/// How a text is related to another that shares much with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kinship {
    /// Too much speaks against a copy.
    Doubtful,
    /// A near copy, unless both are of a series.
    Near,
    /// A near copy that shares more than a series' issues do.
    Certain,
}

/// An article that has a text. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bearer {
    pub published: Option<i64>,
    pub article: i64,
    pub first_seen: i64,
}

#[derive(Debug, Default)]
struct Text {
    /// In the order of their dates, those without one first.
    bearers: Vec<Bearer>,
    /// The one by which the text is found.
    found_by: i64,
    /// The keys of texts that share much with it.
    kin: Vec<(i64, Kinship)>,
    /// Kin that there was no room for, and how many of them are certain.
    more: (u32, u32),
    is_of_series: bool,
}

impl Text {
    fn looks_like_series(&self) -> bool {
        let certain = self.kin.iter().filter(|(_, kinship)| *kinship == Kinship::Certain).count() + self.more.1 as usize;
        let all = self.kin.len() + self.more.0 as usize;
        all >= SERIES && certain * 4 < all
    }

    /// Keeps one more, if there is room. `is_new`: it was never counted before.
    fn join(&mut self, key: i64, kinship: Kinship, is_new: bool) -> bool {
        if self.kin.iter().any(|(kin, _)| *kin == key) {
            return false;
        }
        let has_room = self.kin.len() < MOST_KIN;
        if has_room {
            self.kin.push((key, kinship));
        } else if is_new {
            self.more.0 = self.more.0.saturating_add(1);
            self.more.1 = self.more.1.saturating_add(u32::from(kinship == Kinship::Certain));
        }
        has_room
    }

    /// Is any of its articles, first seen at `oldest` or later, close to this date?
    fn is_close(&self, published: Option<i64>, oldest: i64) -> bool {
        let undated = self.bearers.partition_point(|bearer| bearer.published.is_none());
        let from = match published {
            // Near any.
            None => undated,
            Some(date) => {
                self.bearers.partition_point(|bearer| bearer.published.is_none_or(|own| own < date && !are_close(Some(own), Some(date))))
            }
        };
        let (undated, dated) = (self.bearers.iter().take(undated), self.bearers.iter().skip(from));
        let close = dated.take_while(|bearer| are_close(bearer.published, published));
        undated.chain(close).any(|bearer| bearer.first_seen >= oldest)
    }
}

/// The texts, by their keys.
#[derive(Debug, Default)]
pub struct Texts {
    texts: HashMap<i64, Text>,
    turned: Vec<i64>,
}

impl Texts {
    /// The keys of the texts that are near copies of the text of this key.
    pub fn near(&self, key: i64) -> impl Iterator<Item = i64> + '_ {
        let text = self.texts.get(&key);
        let is_of_series = text.is_some_and(|text| text.is_of_series);
        let kin = text.map_or(&[][..], |text| &text.kin).iter().filter(|(_, kinship)| *kinship > Kinship::Doubtful);
        let others = kin.filter_map(|(near, _)| Some((*near, self.texts.get(near)?)));
        others.filter(move |(_, other)| !(is_of_series && other.is_of_series)).map(|(near, _)| near)
    }

    /// Is it one of a series?
    pub fn is_of_series(&self, key: i64) -> bool {
        self.texts.get(&key).is_some_and(|text| text.is_of_series)
    }

    /// The article by which the text is found.
    pub fn found_by(&self, key: i64) -> Option<i64> {
        self.texts.get(&key).map(|text| text.found_by)
    }

    /// How many articles have the text.
    pub fn bearers(&self, key: i64) -> usize {
        self.texts.get(&key).map_or(0, |text| text.bearers.len())
    }

    /// Has an article, first seen at `oldest` or later, the text and a date close to this one?
    pub fn is_close(&self, key: i64, published: Option<i64>, oldest: i64) -> bool {
        self.texts.get(&key).is_some_and(|text| text.is_close(published, oldest))
    }

    /// Keys of texts that must be judged anew: they became, or ceased to be, one of a series, or were there already and are now
    /// near others, or no more.
    pub fn turned(&mut self) -> &mut Vec<i64> {
        &mut self.turned
    }

    /// An article has the text; these share much with it. Is it by this article that the text will be found?
    pub fn add(&mut self, key: i64, bearer: Bearer, mut found: Vec<(i64, Kinship)>) -> bool {
        let text = self.texts.entry(key).or_default();
        let is_new = text.bearers.is_empty();
        if is_new {
            text.found_by = bearer.article;
        }
        let at = text.bearers.partition_point(|other| *other < bearer);
        text.bearers.insert(at, bearer);
        // Where there is no room for all, those stay that decide over copies.
        found.sort_by_key(|(_, kinship)| std::cmp::Reverse(*kinship > Kinship::Doubtful));
        let mut is_nearer = false;
        for (other, kinship) in found {
            is_nearer |= self.texts.get_mut(&key).is_some_and(|text| text.join(other, kinship, is_new));
            is_nearer |= self.texts.get_mut(&other).is_some_and(|text| text.join(key, kinship, is_new));
            self.judge(other);
        }
        if is_nearer && !is_new {
            self.turned.push(key);
        }
        self.judge(key);
        is_new
    }

    /// An article has the text no more. Gives the article by which it is found from now on, where that is another one.
    pub fn remove(&mut self, key: i64, article: i64) -> Option<i64> {
        let text = self.texts.get_mut(&key)?;
        text.bearers.retain(|bearer| bearer.article != article);
        let kin: Vec<i64> = text.kin.iter().map(|(kin, _)| *kin).collect();
        // It may be too far in time from others now, or nowhere any more.
        let mut is_farther = false;
        for other in kin {
            if !self.are_close(key, other) {
                is_farther = true;
                self.part(key, other);
                self.part(other, key);
                self.judge(other);
            }
        }
        let text = self.texts.get_mut(&key)?;
        let Some(last) = text.bearers.iter().map(|bearer| bearer.article).max() else {
            self.texts.remove(&key);
            return None;
        };
        let has_moved = text.found_by == article;
        if has_moved {
            text.found_by = last;
        }
        if is_farther {
            self.turned.push(key);
        }
        self.judge(key);
        has_moved.then_some(last)
    }

    fn are_close(&self, one: i64, other: i64) -> bool {
        let (Some(one), Some(other)) = (self.texts.get(&one), self.texts.get(&other)) else { return false };
        let (fewer, more) = if one.bearers.len() < other.bearers.len() { (one, other) } else { (other, one) };
        fewer.bearers.iter().any(|bearer| more.is_close(bearer.published, i64::MIN))
    }

    fn part(&mut self, key: i64, other: i64) {
        if let Some(text) = self.texts.get_mut(&key) {
            text.kin.retain(|(kin, _)| *kin != other);
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
}

#[cfg(test)]
mod tests {
    use super::super::WINDOW;
    use super::*;

    fn bearer(article: i64, published: Option<i64>) -> Bearer {
        Bearer { published, article, first_seen: article }
    }

    #[test]
    fn a_text_is_close_to_a_date_where_one_of_its_articles_is() {
        let mut texts = Texts::default();
        for (article, day) in [(1, 0), (2, 100), (3, 300)] {
            texts.add(7, bearer(article, Some(day * WINDOW / 30)), Vec::new());
        }
        for (day, close) in
            [(0, true), (30, true), (31, false), (69, false), (70, true), (130, true), (131, false), (330, true), (331, false)]
        {
            assert_eq!(texts.is_close(7, Some(day * WINDOW / 30), 0), close, "{day}");
        }
        assert!(!texts.is_close(7, Some(0), 2), "the first was seen too long ago");
        assert!(texts.is_close(7, None, 3) && !texts.is_close(7, None, 4));
        texts.add(7, bearer(4, None), Vec::new());
        assert!(texts.is_close(7, Some(200 * WINDOW / 30), 4));
    }

    #[test]
    fn however_many_kin_a_text_has_so_many_are_kept_and_all_are_counted() {
        let mut texts = Texts::default();
        texts.add(1, bearer(1, None), Vec::new());
        let many = 4 * MOST_KIN as i64;
        for key in 2..=many {
            texts.add(key, bearer(key, None), vec![(1, if key <= many / 8 * 7 { Kinship::Doubtful } else { Kinship::Certain })]);
        }
        assert_eq!(texts.texts[&1].kin.len(), MOST_KIN);
        assert!(texts.is_of_series(1), "an eighth is certain");
        // One whose kin are all full names them, though they do not name it.
        assert_eq!(texts.near(many).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn a_text_is_found_by_another_article_when_the_one_that_it_was_found_by_goes() {
        let mut texts = Texts::default();
        assert!(texts.add(1, bearer(1, None), Vec::new()));
        assert!(!texts.add(1, bearer(2, None), Vec::new()));
        assert_eq!((texts.remove(1, 2), texts.found_by(1)), (None, Some(1)));
        texts.add(1, bearer(3, None), Vec::new());
        assert_eq!((texts.remove(1, 1), texts.bearers(1)), (Some(3), 1));
        assert_eq!((texts.remove(1, 3), texts.found_by(1)), (None, None));
    }
}
