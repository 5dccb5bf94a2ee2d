use super::*;

const HOUR: i64 = 3600;

/// An entry of this number: later ones have later dates.
fn standing(number: i64, known: bool) -> Standing {
    Standing { entry: Mark::article(number), was_dropped: None, is_new: !known, date: Some(1_790_000_000 + number * HOUR) }
}

/// A feed whose documents are lists of numbers; what it has shown is not new.
#[derive(Default)]
struct Feed {
    watch: Watch,
    shown: HashSet<i64>,
    dateless: bool,
}

impl Feed {
    fn shows(&mut self, numbers: impl IntoIterator<Item = i64>) -> Verdict {
        self.shows_part(numbers, false)
    }

    fn shows_part(&mut self, numbers: impl IntoIterator<Item = i64>, is_cut_off: bool) -> Verdict {
        let mut document = Vec::new();
        for number in numbers {
            let standing = standing(number, !self.shown.insert(number));
            document.push(Standing { date: standing.date.filter(|_| !self.dateless), ..standing });
        }
        let (watch, verdict) = judge(&self.watch, &document, is_cut_off);
        self.watch = Watch::decode(&watch.encode().unwrap()).unwrap();
        assert_eq!(self.watch, watch);
        verdict
    }
}

/// `newest` and the 19 before it, the latest first.
fn window(newest: i64) -> Vec<i64> {
    (newest - 19..=newest).rev().collect()
}

fn with_pinned(pinned: i64, newest: i64) -> Vec<i64> {
    std::iter::once(pinned).chain(window(newest).into_iter().take(19)).collect()
}

#[test]
fn one_entry_in_common_proves_that_nothing_was_missed_and_none_that_something_may_have_been() {
    let mut feed = Feed::default();
    assert_eq!(feed.shows(window(100)), Verdict::Begun);
    assert_eq!(feed.shows(window(100)), Verdict::Proven);
    assert_eq!(feed.shows(window(101)), Verdict::Proven);
    assert_eq!(feed.shows(window(120)), Verdict::Proven);
    assert_eq!(feed.shows(window(140)), Verdict::PossibleGap);
    assert_eq!(feed.shows(window(200)), Verdict::PossibleGap);
    assert_eq!(feed.shows(window(201)), Verdict::Proven);
}

#[test]
fn the_order_of_a_document_does_not_matter() {
    for turn in [0, 7, 13] {
        let mut feed = Feed::default();
        let shuffled = |newest: i64| {
            let mut numbers = window(newest);
            numbers.sort_by_key(|number| (number * 7919 + turn) % 31);
            numbers
        };
        for (newest, verdict) in
            [(100, Verdict::Begun), (119, Verdict::Proven), (130, Verdict::Proven), (150, Verdict::PossibleGap), (169, Verdict::Proven)]
        {
            assert_eq!(feed.shows(shuffled(newest)), verdict, "{turn} {newest}");
        }
    }
    let mut feed = Feed::default();
    for (newest, verdict) in [(100, Verdict::Begun), (119, Verdict::Proven), (139, Verdict::PossibleGap)] {
        assert_eq!(feed.shows(window(newest).into_iter().rev()), verdict, "{newest}");
    }
}

#[test]
fn an_entry_that_stood_in_ten_documents_proves_nothing() {
    for documents in [9, 10] {
        // Without dates nothing is out of order, and so few are known to be younger that they may have been withdrawn.
        let mut feed = Feed { dateless: true, ..Feed::default() };
        for newest in 301..=300 + documents {
            feed.shows((0..newest).rev());
        }
        let verdict = feed.shows((400..600).chain(0..1));
        assert_eq!(verdict, if documents == 9 { Verdict::Proven } else { Verdict::PossibleGap }, "{documents}");
    }
}

#[test]
fn a_document_that_is_only_written_anew_ages_no_entry() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    for _ in 0..50 {
        assert_eq!(feed.shows(window(100)), Verdict::Proven);
    }
    assert_eq!(feed.shows(window(119)), Verdict::Proven);
}

// Trap 57.
#[test]
fn a_pinned_entry_is_known_by_the_younger_ones_that_leave_before_it() {
    // On top of everything; at the end; without dates.
    for (place, dateless) in [("top", false), ("end", false), ("top", true), ("end", true)] {
        let document = |newest| {
            let mut numbers = with_pinned(50, newest);
            if place == "end" {
                numbers.rotate_left(1);
            }
            numbers
        };
        let mut feed = Feed { dateless, ..Feed::default() };
        feed.shows(document(100));
        assert_eq!(feed.shows(document(105)), Verdict::Proven, "{place} {dateless}");
        assert_eq!(feed.shows(document(110)), Verdict::Proven, "{place} {dateless}");
        if dateless {
            // Of the first document's entries nobody knows which are younger; those that came later are.
            assert_eq!(feed.shows(document(121)), Verdict::Proven);
            assert_eq!(feed.shows(document(128)), Verdict::Proven);
        }
        assert_eq!(feed.shows(document(200)), Verdict::PossibleGap, "{place} {dateless}");
    }
}

#[test]
fn an_entry_that_was_pinned_from_the_first_poll_on_hides_no_gap() {
    for place in [0, 10, 19] {
        let mut feed = Feed::default();
        let document = |newest| {
            let mut numbers: Vec<i64> = window(newest).into_iter().take(19).collect();
            numbers.insert(place, 50);
            numbers
        };
        feed.shows(document(100));
        assert_eq!(feed.shows(document(200)), Verdict::PossibleGap, "{place}");
    }
}

#[test]
fn the_youngest_entry_pinned_on_top_is_out_of_order_above_younger_ones() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows(with_pinned(100, 200)), Verdict::PossibleGap);
    // At the end, where it belongs, it is the one that is left.
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows(window(119)), Verdict::Proven);
}

#[test]
fn a_publisher_may_withdraw_its_newest_entry() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows(window(118).into_iter().filter(|number| *number != 100)), Verdict::Proven);
}

#[test]
fn what_was_empty_or_cut_off_is_passed_over() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows([]), Verdict::Unproven(Doubt::Empty));
    assert_eq!(feed.shows(window(105)), Verdict::Proven);
    assert_eq!(feed.shows_part([130, 129, 128], true), Verdict::Unproven(Doubt::CutOff));
    assert_eq!(feed.shows(window(124)), Verdict::Proven);
    // What stands before the break may be proof enough, if it is most of what stood there; a single entry is none.
    assert_eq!(feed.shows_part((112..=126).rev(), true), Verdict::Proven);
    assert_eq!(feed.shows_part([128, 127, 126], true), Verdict::Unproven(Doubt::CutOff));
    assert_eq!(feed.shows([]), Verdict::Unproven(Doubt::Empty));
    assert_eq!(feed.shows(window(200)), Verdict::PossibleGap);
}

#[test]
fn a_document_in_which_only_pinned_entries_are_left_is_passed_over() {
    let mut feed = Feed::default();
    feed.shows(with_pinned(50, 100));
    feed.shows(with_pinned(50, 110));
    assert_eq!(feed.shows([50]), Verdict::Unproven(Doubt::NothingNew));
    assert_eq!(feed.shows(with_pinned(50, 200)), Verdict::PossibleGap);
}

#[test]
fn a_feed_that_shows_all_it_ever_had_has_no_gap() {
    let mut feed = Feed::default();
    feed.shows([1]);
    for newest in 2..80 {
        assert_eq!(feed.shows((1..=newest).rev()), Verdict::Proven);
    }
    // Forty at once.
    assert_eq!(feed.shows((1..=120).rev()), Verdict::Proven);
}

#[test]
fn documents_may_shrink() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows((96..=100).rev()), Verdict::Proven);
    assert_eq!(feed.shows((97..=101).rev()), Verdict::Proven);
    assert_eq!(feed.shows((102..=106).rev()), Verdict::PossibleGap);
}

#[test]
fn a_feed_that_lets_its_entries_go_for_their_age_may_be_empty_for_a_while() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    assert_eq!(feed.shows([]), Verdict::Unproven(Doubt::Empty));
    // One that breaks off is short for another reason.
    assert_eq!(feed.shows_part([101], true), Verdict::Unproven(Doubt::CutOff));
    feed.shows([]);
    assert_eq!(feed.shows([102, 101]), Verdict::Proven);
}

#[test]
fn a_feed_begins_with_its_first_entries() {
    let mut feed = Feed::default();
    assert_eq!(feed.shows([]), Verdict::Unproven(Doubt::Empty));
    assert_eq!(feed.shows([1, 2]), Verdict::Begun);
}

#[test]
fn entries_that_come_back_are_no_news() {
    let mut feed = Feed::default();
    feed.shows(window(100));
    feed.shows(window(115));
    // An old backup of the site; then the site as it was.
    assert_eq!(feed.shows((81..=95).rev()), Verdict::Unproven(Doubt::NothingNew));
    assert_eq!(feed.shows(window(117)), Verdict::Proven);
}

#[test]
fn entries_that_filters_leave_out_are_witnesses_too() {
    let dropped = |number: i64| Standing { entry: Mark::dropped(number), was_dropped: None, is_new: false, date: None };
    let document = |newest: i64, wanted: i64| -> Vec<Standing> {
        let mut document: Vec<Standing> = (newest - 18..=newest).rev().map(dropped).collect();
        document.insert(0, standing(wanted, false));
        document
    };
    let (watch, _) = judge(&Watch::default(), &document(100, 1), false);
    let (watch, verdict) = judge(&watch, &document(110, 2), false);
    assert_eq!(verdict, Verdict::Proven);
    let (_, verdict) = judge(&watch, &document(200, 3), false);
    assert_eq!(verdict, Verdict::PossibleGap);
    // The filters go, and what they dropped becomes articles.
    let kept: Vec<Standing> =
        (100..=118).rev().map(|number| Standing { was_dropped: Some(Mark::dropped(number)), ..standing(number, false) }).collect();
    let (watch, verdict) = judge(&watch, &kept, false);
    assert_eq!(verdict, Verdict::Proven);
    let (_, verdict) = judge(&watch, &kept, false);
    assert_eq!(verdict, Verdict::Proven);
}

#[test]
fn of_an_endless_document_the_youngest_entries_are_remembered() {
    let mut feed = Feed::default();
    feed.shows((0..5_000).rev());
    assert!(feed.watch.encode().unwrap().len() < 60_000);
    assert_eq!(feed.shows((10..5_010).rev()), Verdict::Proven);
    assert_eq!(feed.shows((6_000..11_000).rev()), Verdict::PossibleGap);
}

proptest::proptest! {
    /// Whatever a plain window shows: a poll that lost an entry is a finding, and one whose window has entries in common
    /// with the one before is none.
    #[test]
    fn a_gap_is_found_exactly_where_a_window_has_turned_over(
        size in 1_i64..40, steps in proptest::collection::vec(0_i64..60, 1..60), is_rising: bool, dateless: bool,
    ) {
        let mut feed = Feed { dateless, ..Feed::default() };
        let document = |newest: i64| {
            let mut numbers: Vec<i64> = (newest - size + 1..=newest).rev().collect();
            if is_rising {
                numbers.reverse();
            }
            numbers
        };
        let mut newest = 1_000;
        feed.shows(document(newest));
        for step in steps {
            newest += step;
            let verdict = feed.shows(document(newest));
            proptest::prop_assert_eq!(verdict, if step < size { Verdict::Proven } else { Verdict::PossibleGap }, "{} by {}", newest, step);
        }
    }
}
