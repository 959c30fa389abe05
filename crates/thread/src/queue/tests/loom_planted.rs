//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock, Race};
use multiproc_testkit::planted::{Foretold, Row};

use crate::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::FilledEarly, "loom_blocking::a_getter_waits_at_a_ring", Race),
    (Bug::FilledUnordered, "loom_blocking::a_getter_waits_at_a_ring", Race),
    (Bug::GetterForgotten, "loom_blocking::a_getter_waits_at_a_ring", Deadlock),
    (Bug::SleeperUnfenced, "loom_blocking::a_getter_waits_at_a_ring", Deadlock),
    (Bug::AnnouncedLate, "loom_blocking::a_getter_waits_at_a_lock", Deadlock),
    (Bug::FreedUnordered, "loom_blocking::a_putter_waits_at_a_ring", Race),
    (Bug::PutterForgotten, "loom_blocking::a_putter_waits_at_a_ring", Deadlock),
    (Bug::AnnouncedLate, "loom_blocking::a_putter_waits_at_a_lock", Deadlock),
    (Bug::NotPassedOn, "loom_blocking::the_first_item_is_there_last", Deadlock),
    (Bug::NotPassedOn, "loom_blocking::the_first_place_is_there_last", Deadlock),
    (Bug::TakenUnordered, "loom_blocking::one_counts", Claim("a count of what there never was")),
    (Bug::PutterForgotten, "loom_blocking::two_wait_for_one_place", Deadlock),
    (Bug::FilledUnordered, "loom_blocking::one_tries", Race),
    (Bug::WakeTakenAlong, "loom_blocking::a_getter_gives_up", Deadlock),
    (Bug::WakeTakenAlong, "loom_blocking::a_putter_gives_up", Deadlock),
    (Bug::DeadlineIgnored, "loom_blocking::waits_in_vain", Deadlock),
    (Bug::EndToldToOne, "loom_shutdown::two_wait_for_what_never_comes", Deadlock),
    (Bug::EndToldToOne, "loom_shutdown::two_wait_for_room", Deadlock),
    (Bug::EndsEarly, "loom_shutdown::an_item_on_its_way", Claim("an accepted item was lost")),
    (Bug::LateItemToldToOne, "loom_shutdown::an_item_on_its_way_to_one_of_two", Deadlock),
    (Bug::JoinerForgotten, "loom_shutdown::discarded_with_an_item_on_its_way", Deadlock),
    (
        Bug::EndSeenLate,
        "loom_shutdown::discarded_with_an_item_on_its_way",
        Claim("what was discarded was told to be done"),
    ),
    (
        Bug::DiscardTorn,
        "loom_shutdown::discarded_beside_a_report_too_many",
        Claim("a report too many was not seen"),
    ),
    (Bug::LastDoneSilently, "loom_join::one_waits_for_the_work_of_two", Deadlock),
    (
        Bug::DoneUnordered,
        "loom_join::one_waits_for_the_work_of_two",
        Claim("who waited for the work does not see it"),
    ),
    (
        Bug::PutsCountedFirst,
        "loom_join::work_that_makes_work",
        Claim("the wait for the work ended before it was done"),
    ),
    (Bug::OverCallUnseen, "loom_join::one_reports_too_often", Claim("a report too many was not seen")),
];

fn foretold() -> Foretold<Bug> {
    Foretold { module: module_path!(), variable: VARIABLE, rows: ROWS, deeper: &[] }
}

#[test]
fn every_planted_bug_is_caught_by_kind() {
    foretold().assert_caught();
}

#[test]
fn every_bug_is_planted_in_a_model() {
    foretold().assert_all_planted(Bug::ALL);
}

#[test]
fn every_model_is_shown_to_fail() {
    foretold().assert_every_model_planted();
}
