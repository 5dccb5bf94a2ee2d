//! Clusters: which stories are copies of which.
//!
//! Near copies are no equivalence: of three versions the first may be near the second and the second near the third,
//! while the first and the third share little. Joining all that hangs together would let a chain of such steps swallow
//! stories that have nothing in common, so each copy must be near the one that it is called a copy of.
//!
//! Stories are taken in order, the earliest first. Each is a copy of the earliest original that it is near; near none, it
//! is an original itself. That is a function of the set of stories alone, whatever order they were found in.

/// A text that one or more articles have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Story {
    /// When its earliest article was published, in milliseconds since 1970; `i64::MAX` where no article says.
    pub published: i64,
    /// That article's id.
    pub id: String,
}

/// For each story the original that it is a copy of, and how alike they are; `None` where it is an original itself.
/// `likeness` says how alike two stories are, where they are near copies; it must be the same either way round.
pub fn clusters(stories: &[Story], mut likeness: impl FnMut(usize, usize) -> Option<f32>) -> Vec<Option<(usize, f32)>> {
    let mut order: Vec<usize> = (0..stories.len()).collect();
    order.sort_by_key(|at| stories.get(*at));
    let mut originals: Vec<usize> = Vec::new();
    let mut copy_of = vec![None; stories.len()];
    for story in order {
        let found = originals.iter().find_map(|original| likeness(story, *original).map(|alike| (*original, alike)));
        if found.is_none() {
            originals.push(story);
        }
        if let Some(copy_of) = copy_of.get_mut(story) {
            *copy_of = found;
        }
    }
    copy_of
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stories(count: usize) -> Vec<Story> {
        (0..count).map(|at| Story { published: at as i64, id: at.to_string() }).collect()
    }

    #[test]
    fn a_chain_of_steps_does_not_make_a_copy_of_what_shares_nothing() {
        let near = |a: usize, b: usize| (a.abs_diff(b) == 1).then_some(0.5);
        let copy_of = clusters(&stories(5), near);
        assert_eq!(copy_of, [None, Some((0, 0.5)), None, Some((2, 0.5)), None]);
    }

    #[test]
    fn the_earliest_near_original_is_the_one_that_is_copied() {
        let copy_of = clusters(&stories(3), |a, b| (a.max(b) == 2).then_some(0.9));
        assert_eq!(copy_of, [None, None, Some((0, 0.9))]);
    }

    proptest! {
        #[test]
        fn clusters_do_not_depend_on_the_order_in_which_stories_are_found(
            near in proptest::collection::vec(any::<bool>(), 64),
            order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let is_near = |a: usize, b: usize| near[a.min(b) * 8 + a.max(b)].then_some(0.5);
            let straight = clusters(&stories(8), is_near);
            let shuffled: Vec<Story> = order.iter().map(|at| stories(8)[*at].clone()).collect();
            let copy_of = clusters(&shuffled, |a, b| is_near(order[a], order[b]));
            for (at, original) in copy_of.into_iter().enumerate() {
                prop_assert_eq!(original.map(|(original, _)| order[original]), straight[order[at]].map(|(original, _)| original));
            }
            for (copy, original) in straight.iter().enumerate() {
                // Never a chain, and always near.
                if let Some((original, _)) = original {
                    prop_assert!(straight[*original].is_none() && is_near(copy, *original).is_some());
                }
            }
        }
    }
}
