//! Clusters: which stories are copies of which.
//!
//! Near copies are no equivalence: of three versions the first may be near the second and the second near the third,
//! while the first and the third share little. Joining all that hangs together would let a chain of such steps swallow
//! stories that have nothing in common, so each copy must be near the one that it is called a copy of.
//!
//! Stories are taken in order, the earliest first. Each is a copy of the earliest original that it is near; near none, it
//! is an original itself. That is a function of the set of stories alone, whatever order they were found in.
//!
//! It is kept up with each change of the set instead of being made anew: what is earlier than a story that comes, goes or
//! changes stays as it is, and of what is later only that is judged anew which was its copy, or is near it and might be.

use std::collections::BTreeMap;

/// So many stories are judged anew at most for one change. More that hang together are no copies that anybody would look
/// through.
const MOST_JUDGED: usize = 500;

/// Where a story stands among others: a text that one or more articles have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When its earliest article was published, in milliseconds since 1970; `i64::MAX` where no article says.
    pub published: i64,
    /// That article's id.
    pub id: String,
}

/// Stories, by numbers that are theirs while they are judged.
pub trait Stories {
    /// What can go wrong.
    type Error;
    /// Where the story stands; `None` where there is no story of this number.
    fn place(&self, story: usize) -> Option<&Place>;
    /// Is it an original, as far as was judged until now?
    fn is_original(&self, story: usize) -> bool;
    /// What it may be a copy of: all originals that are near it, and others perhaps.
    fn candidates(&mut self, story: usize) -> Result<Vec<usize>, Self::Error>;
    /// How alike two stories are, where they are near copies; the same either way round.
    fn likeness(&mut self, one: usize, other: usize) -> Result<Option<f32>, Self::Error>;
    /// The story is a copy of that one from now on, or an original.
    fn judged(&mut self, story: usize, original: Option<(usize, f32)>) -> Result<(), Self::Error>;
    /// Its copies, as far as was judged until now.
    fn followers(&mut self, story: usize) -> Result<Vec<usize>, Self::Error>;
    /// Stories that are near it and are later originals, or copies of later ones.
    fn rivals(&mut self, story: usize) -> Result<Vec<usize>, Self::Error>;
}

/// Judges these stories, which came or changed or were copies of what has gone, and all others that this changes.
pub fn judge<S: Stories>(stories: &mut S, changed: &[usize]) -> Result<(), S::Error> {
    let mut waiting: BTreeMap<Place, usize> = BTreeMap::new();
    let wait = |stories: &S, waiting: &mut BTreeMap<Place, usize>, story: usize| {
        if let Some(place) = stories.place(story) {
            waiting.insert(place.clone(), story);
        }
    };
    for story in changed {
        wait(stories, &mut waiting, *story);
        for follower in stories.followers(*story)? {
            wait(stories, &mut waiting, follower);
        }
    }
    let mut left = MOST_JUDGED.max(waiting.len());
    while let Some((place, story)) = waiting.pop_first().filter(|_| left > 0) {
        left -= 1;
        let was_original = stories.is_original(story);
        let mut candidates: Vec<(Place, usize)> = Vec::new();
        for candidate in stories.candidates(story)? {
            // What is later cannot be its original; what is earlier has been judged.
            if let Some(of) = stories.place(candidate).filter(|of| **of < place && stories.is_original(candidate)) {
                candidates.push((of.clone(), candidate));
            }
        }
        candidates.sort();
        let mut original = None;
        for (_, candidate) in candidates {
            if let Some(likeness) = stories.likeness(story, candidate)? {
                original = Some((candidate, likeness));
                break;
            }
        }
        let next = match original {
            Some(_) if was_original => stories.followers(story)?,
            None if !was_original || changed.contains(&story) => stories.rivals(story)?,
            _ => Vec::new(),
        };
        stories.judged(story, original)?;
        for story in next {
            wait(stories, &mut waiting, story);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 10;

    /// Stories whose number is that of a row: which of them are there, when they were published, and what is near what.
    #[derive(Default)]
    struct Desk {
        places: Vec<Option<Place>>,
        near: Vec<bool>,
        copy_of: Vec<Option<usize>>,
        judged: usize,
    }

    impl Desk {
        fn new(near: Vec<bool>) -> Self {
            Self { places: vec![None; MOST], near, copy_of: vec![None; MOST], judged: 0 }
        }

        fn are_near(&self, a: usize, b: usize) -> bool {
            a != b && self.near[a.min(b) * MOST + a.max(b)]
        }

        fn present(&self) -> impl Iterator<Item = usize> + '_ {
            (0..MOST).filter(|story| self.places[*story].is_some())
        }

        fn come(&mut self, story: usize, published: i64) {
            self.places[story] = Some(Place { published, id: story.to_string() });
            judge(self, &[story]).unwrap();
        }

        fn go(&mut self, story: usize) {
            self.places[story] = None;
            let left: Vec<usize> = self.present().filter(|other| self.copy_of[*other] == Some(story)).collect();
            left.iter().for_each(|other| self.copy_of[*other] = None);
            self.copy_of[story] = None;
            judge(self, &left).unwrap();
        }

        /// All stories judged at once, from the first to the last.
        fn at_once(&self) -> Vec<Option<usize>> {
            let mut order: Vec<usize> = self.present().collect();
            order.sort_by_key(|story| self.places[*story].clone());
            let (mut originals, mut copy_of) = (Vec::new(), vec![None; MOST]);
            for story in order {
                copy_of[story] = originals.iter().copied().find(|original| self.are_near(story, *original));
                if copy_of[story].is_none() {
                    originals.push(story);
                }
            }
            copy_of
        }
    }

    impl Stories for Desk {
        type Error = Infallible;

        fn place(&self, story: usize) -> Option<&Place> {
            self.places[story].as_ref()
        }
        fn is_original(&self, story: usize) -> bool {
            self.copy_of[story].is_none()
        }
        fn candidates(&mut self, story: usize) -> Result<Vec<usize>, Infallible> {
            // As the window knows them: what is near, or what that is a copy of.
            let near = self.present().filter(|other| self.are_near(story, *other));
            Ok(near.map(|other| self.copy_of[other].unwrap_or(other)).filter(|other| *other != story).collect())
        }
        fn likeness(&mut self, one: usize, other: usize) -> Result<Option<f32>, Infallible> {
            Ok(self.are_near(one, other).then_some(0.5))
        }
        fn judged(&mut self, story: usize, original: Option<(usize, f32)>) -> Result<(), Infallible> {
            self.copy_of[story] = original.map(|(original, _)| original);
            self.judged += 1;
            Ok(())
        }
        fn followers(&mut self, story: usize) -> Result<Vec<usize>, Infallible> {
            Ok(self.present().filter(|other| self.copy_of[*other] == Some(story)).collect())
        }
        fn rivals(&mut self, story: usize) -> Result<Vec<usize>, Infallible> {
            let is_rival = |other: &usize| self.place(self.copy_of[*other].unwrap_or(*other)) > self.place(story);
            Ok(self.present().filter(|other| self.are_near(story, *other)).filter(is_rival).collect())
        }
    }

    fn all(near: impl Fn(usize, usize) -> bool) -> Desk {
        Desk::new((0..MOST * MOST).map(|pair| near(pair / MOST, pair % MOST)).collect())
    }

    #[test]
    fn a_chain_of_steps_does_not_make_a_copy_of_what_shares_nothing() {
        let mut desk = all(|a, b| a.abs_diff(b) == 1);
        (0..5).rev().for_each(|story| desk.come(story, story as i64));
        assert_eq!(desk.copy_of[..5], [None, Some(0), None, Some(2), None]);
    }

    #[test]
    fn the_earliest_near_original_is_the_one_that_is_copied() {
        let mut desk = all(|a, b| a.max(b) == 2);
        (0..3).for_each(|story| desk.come(story, story as i64));
        assert_eq!(desk.copy_of[..3], [None, None, Some(0)]);
    }

    #[test]
    fn what_comes_last_is_judged_alone_however_much_it_is_near() {
        let mut desk = all(|_, _| true);
        (0..MOST).for_each(|story| desk.come(story, story as i64));
        assert_eq!(desk.judged, MOST);
    }

    proptest! {
        #[test]
        fn judging_what_changes_comes_to_the_same_as_judging_all_at_once(
            near in proptest::collection::vec(any::<bool>(), MOST * MOST),
            changes in proptest::collection::vec((0..MOST, proptest::option::weighted(0.8, 0..6_i64)), 1..40),
        ) {
            let mut desk = Desk::new(near);
            for (story, published) in changes {
                match published {
                    Some(published) => desk.come(story, published),
                    None => desk.go(story),
                }
                prop_assert_eq!(&desk.copy_of, &desk.at_once());
            }
        }
    }
}
