//! The proof: does a document overlap those before it?
//!
//! An entry that stood in the last document and stands in this one is a *witness* that the window has not turned over in
//! between. Three kinds of entries bear no witness:
//!
//! - those that stood in each of the last ten documents: pinned ones do. Documents count that brought
//!   something new, so a feed that is merely written anew ages none of its entries, and the newest are always young;
//! - those that were *outlived*: a window lets go of its oldest entries first, so an entry that stays while younger ones
//!   leave is held by something else. That tells a pinned entry at the first turn of its window, not at the tenth;
//! - those that stand out of the document's order: above younger entries where the latest come first.
//!
//! Where most of what stood there still does, no single entry needs to be looked at; nor where all of it does, as in a
//! feed that shows whatever it ever had.
//!
//! A document that is empty, was cut off, or shows nothing new and none of the old but pinned entries, neither proves nor
//! refutes anything: the next one is compared with the last that did.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// An entry that stood in so many documents in a row is no witness.
const LONG_STANDING: u32 = 10;

/// One in so many entries of a document may have been withdrawn by its publisher before older ones count as outliving it.
const WITHDRAWN: usize = 10;

/// Of fewer entries it cannot be said whether they stand in order.
const FEWEST_IN_ORDER: usize = 3;

/// So many entries are remembered of a document, the youngest: they are the last to leave.
const MOST_REMEMBERED: usize = 1_000;

/// One entry, as far as coverage tells it from others of its feed: the archive's number of its article, or the hash of a
/// key where the operator's filters dropped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark(i64);

impl Mark {
    /// Of an entry that is this article. Numbers are positive.
    pub fn article(number: i64) -> Self {
        Self(number & i64::MAX)
    }

    /// Of an entry that is no article, by the hash of its strongest key.
    pub fn dropped(hash: i64) -> Self {
        Self(hash | i64::MIN)
    }

    fn is_dropped(self) -> bool {
        self.0 < 0
    }
}

/// An entry of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub entry: Mark,
    /// By what an article was known if filters have dropped it until now.
    pub was_dropped: Option<Mark>,
    /// Had the feed never shown it before? For an entry that was dropped the answer is found here.
    pub is_new: bool,
    /// Seconds since 1970, believed or not.
    pub date: Option<i64>,
}

/// Why a document proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It has no entries.
    Empty,
    /// It ends in the middle, and what stands before has nothing in common with the last one.
    CutOff,
    /// Nothing is new in it, and of what stood there only pinned entries are left.
    NothingNew,
}

/// What a document proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the first one.
    Begun,
    /// It overlaps the one before: nothing was missed since then.
    Proven,
    /// Neither this nor that.
    Unproven(Doubt),
    /// Nothing of what stood there is left, and what stands there is new: more may have come and gone.
    PossibleGap,
}

/// An entry that the next document may have in common with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stood {
    /// Which.
    #[serde(rename = "e")]
    entry: Mark,
    /// The number of the document in which it appeared.
    #[serde(rename = "n")]
    since: u32,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    date: Option<i64>,
    /// Have younger entries left before it? Then something holds it.
    #[serde(rename = "o", default, skip_serializing_if = "is_false")]
    outlived: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Stood {
    /// Did it certainly appear after `other`? Where number and date contradict each other, nobody knows.
    fn is_younger_than(&self, other: &Self) -> bool {
        match (self.date, other.date) {
            (Some(date), Some(other_date)) => {
                self.since >= other.since && date >= other_date && (self.since, date) != (other.since, other_date)
            }
            _ => self.since > other.since,
        }
    }
}

/// What is remembered of a feed's documents to compare the next one with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// How many documents brought something new.
    documents: u32,
    /// What the last of these showed.
    base: Vec<Stood>,
    /// Entries of the largest document, ever less believed.
    largest: usize,
    /// Why the last document proved nothing, if it did not.
    doubt: Option<Doubt>,
}

impl Watch {
    /// As the archive keeps it: JSON, some thirty bytes an entry.
    ///
    /// # Errors
    /// None that is known: the parts are numbers.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// What [`Self::encode`] gave. What cannot be read (another version's) is forgotten: the next document begins anew.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How many entries stay while younger ones leave: that much of the window never turns over.
    pub fn pinned(&self) -> usize {
        self.base.iter().filter(|stood| stood.outlived).count()
    }

    /// The same where filters have changed: what they have dropped until now is known by its article.
    fn with_articles(&self, document: &[Standing]) -> Self {
        let articles: HashMap<Mark, Mark> = document.iter().filter_map(|standing| Some((standing.was_dropped?, standing.entry))).collect();
        let mut watch = self.clone();
        for stood in &mut watch.base {
            stood.entry = articles.get(&stood.entry).copied().unwrap_or(stood.entry);
        }
        watch
    }

    /// The articles with which the next document is compared, by number.
    pub fn articles(&self) -> impl Iterator<Item = i64> {
        self.base.iter().filter(|stood| !stood.entry.is_dropped()).map(|stood| stood.entry.0)
    }

    /// What the next documents are compared with from now on: this one, in which these entries are as they were.
    fn go_on(&self, document: &[Standing], known: &HashMap<Mark, Stood>, keeps_older: bool) -> Self {
        let number = self.documents.saturating_add(1);
        let mut base: Vec<Stood> = Vec::with_capacity(document.len());
        let mut taken = HashSet::new();
        for standing in document.iter().filter(|standing| taken.insert(standing.entry)) {
            let before = known.get(&standing.entry);
            // One that comes back after it had left appeared long ago.
            let since = before.map_or(if standing.is_new { number } else { 0 }, |before| before.since);
            let outlived = before.is_some_and(|before| before.outlived);
            base.push(Stood { entry: standing.entry, since, date: standing.date, outlived });
        }
        if keeps_older {
            base.extend(self.base.iter().filter(|stood| !taken.contains(&stood.entry)));
        }
        if base.len() > MOST_REMEMBERED {
            base.sort_by_key(|stood| std::cmp::Reverse((stood.since, stood.date)));
            base.truncate(MOST_REMEMBERED);
        }
        let largest = document.len().max(self.largest - self.largest / 16);
        Self { documents: number, base, largest, doubt: None }
    }
}

/// What a document proves, and what is remembered of it. `document` has its entries in their order, those that the operator's
/// filters drop among them; `is_cut_off`: does it end before its root element does?
pub fn judge(watch: &Watch, document: &[Standing], is_cut_off: bool) -> (Watch, Verdict) {
    let unproven = |watch: Watch, doubt| (Watch { doubt: Some(doubt), ..watch }, Verdict::Unproven(doubt));
    if document.is_empty() {
        return unproven(watch.clone(), Doubt::Empty);
    }
    let watch = &watch.with_articles(document);
    if watch.base.is_empty() {
        let all_new: Vec<Standing> = document.iter().map(|standing| Standing { is_new: true, ..*standing }).collect();
        return (watch.go_on(&all_new, &HashMap::new(), false), Verdict::Begun);
    }
    let mut comparison = Comparison::of(watch, document);
    comparison.find_outlived();
    let Comparison { base, document, .. } = &comparison;
    let has_news = document.iter().any(|standing| standing.is_new);
    let known: HashMap<Mark, Stood> = base.iter().map(|(stood, _)| (stood.entry, *stood)).collect();
    // A document that is not full pushes nothing out: where the one before was empty, what it had was let go for its age.
    let is_refilled = !is_cut_off && watch.doubt == Some(Doubt::Empty) && document.len() * 2 < watch.largest;
    match (comparison.is_proven(is_cut_off) || is_refilled, has_news) {
        (true, true) => (watch.go_on(document, &known, is_cut_off), Verdict::Proven),
        (true, false) => (Watch { doubt: None, ..watch.clone() }, Verdict::Proven),
        (false, false) => unproven(watch.clone(), if is_cut_off { Doubt::CutOff } else { Doubt::NothingNew }),
        (false, true) if is_cut_off => unproven(watch.clone(), Doubt::CutOff),
        (false, true) => (watch.go_on(document, &known, false), Verdict::PossibleGap),
    }
}

/// A document beside what stood before.
struct Comparison {
    documents: u32,
    /// What stood there, and where it stands now.
    base: Vec<(Stood, Option<usize>)>,
    /// The document; what is new in it is known for each entry.
    document: Vec<Standing>,
}

impl Comparison {
    fn of(watch: &Watch, document: &[Standing]) -> Self {
        let mut places: HashMap<Mark, usize> = HashMap::new();
        for (place, standing) in document.iter().enumerate() {
            places.entry(standing.entry).or_insert(place);
        }
        let stood: HashSet<Mark> = watch.base.iter().map(|stood| stood.entry).collect();
        let is_all_remembered = watch.base.len() < MOST_REMEMBERED;
        let is_new = |standing: &Standing| {
            let is_strange = if standing.entry.is_dropped() { is_all_remembered } else { standing.is_new };
            is_strange && !stood.contains(&standing.entry)
        };
        Self {
            documents: watch.documents,
            base: watch.base.iter().map(|stood| (*stood, places.get(&stood.entry).copied())).collect(),
            document: document.iter().map(|standing| Standing { is_new: is_new(standing), ..*standing }).collect(),
        }
    }

    /// An entry that stays while more younger ones leave than a publisher withdraws, and more than stay with it.
    fn find_outlived(&mut self) {
        let most_withdrawn = self.base.len() / WITHDRAWN;
        let (left, staying): (Vec<_>, Vec<_>) =
            self.base.iter().filter(|(stood, _)| !stood.outlived).partition(|(_, place)| place.is_none());
        let outlived: HashSet<Mark> = staying
            .iter()
            .filter(|(stood, _)| {
                let younger = |others: &[(Stood, Option<usize>)]| others.iter().filter(|(other, _)| other.is_younger_than(stood)).count();
                let left_before = younger(&left);
                left_before > most_withdrawn && left_before > younger(&staying)
            })
            .map(|(stood, _)| stood.entry)
            .collect();
        for (stood, _) in &mut self.base {
            stood.outlived |= outlived.contains(&stood.entry);
        }
    }

    /// Of a document that breaks off too little is seen to say of a single entry whether it stands in order.
    fn is_proven(&self, is_cut_off: bool) -> bool {
        let is_pinned = |stood: &Stood| stood.outlived || self.documents.saturating_sub(stood.since) + 1 >= LONG_STANDING;
        let all_stand = self.base.iter().all(|(_, place)| place.is_some());
        let mut candidates = self.base.iter().filter(|(stood, _)| !is_pinned(stood)).peekable();
        if all_stand || candidates.peek().is_none() {
            return all_stand;
        }
        let (standing, all) =
            candidates.clone().fold((0, 0), |(standing, all), (_, place)| (standing + usize::from(place.is_some()), all + 1));
        let order = self.order();
        standing * 2 > all
            || !is_cut_off && candidates.any(|(stood, place)| place.is_some_and(|place| !self.is_out_of_order(stood, place, order)))
    }

    /// In which order the document stands, if in any: by the dates of its new entries, else by when those appeared that stood
    /// in the last one.
    fn order(&self) -> Option<Order> {
        let dates: Vec<i64> = self.document.iter().filter(|standing| standing.is_new).filter_map(|standing| standing.date).collect();
        let (falling, rising) = if dates.len() >= FEWEST_IN_ORDER {
            steps(&dates)
        } else {
            steps(&self.base.iter().filter(|(stood, _)| !stood.outlived).map(|(stood, _)| i64::from(stood.since)).collect::<Vec<_>>())
        };
        // A few strays make no disorder.
        match (falling, rising) {
            (falling, rising) if falling >= 2 && falling > 4 * rising => Some(Order::LatestFirst),
            (falling, rising) if rising >= 2 && rising > 4 * falling => Some(Order::LatestLast),
            _ => None,
        }
    }

    /// Do most new entries, though they are younger, stand where older ones should?
    fn is_out_of_order(&self, stood: &Stood, place: usize, order: Option<Order>) -> bool {
        let Some(order) = order else { return false };
        let is_younger = |date: Option<i64>| date.zip(stood.date).is_none_or(|(date, stood)| date > stood);
        let younger: Vec<usize> =
            (0..self.document.len()).filter(|at| self.document[*at].is_new && is_younger(self.document[*at].date)).collect();
        let behind = younger.iter().filter(|at| if order == Order::LatestFirst { **at > place } else { **at < place }).count();
        younger.len() >= FEWEST_IN_ORDER && behind * 2 > younger.len()
    }
}

/// How often a number is followed by a smaller one, and how often by a larger one.
fn steps(numbers: &[i64]) -> (usize, usize) {
    let falling = numbers.windows(2).filter(|pair| pair[0] > pair[1]).count();
    let rising = numbers.windows(2).filter(|pair| pair[0] < pair[1]).count();
    (falling, rising)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    LatestFirst,
    LatestLast,
}

#[cfg(test)]
mod tests;
