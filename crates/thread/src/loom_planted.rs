//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock, Race};
use multiproc_testkit::planted::{Foretold, Row};

use crate::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (
        Bug::LeftAtEnd,
        "thread::tests::loom_roll::one_that_is_begun_meanwhile_is_waited_for",
        Claim("the exit did not wait for a thread"),
    ),
    (
        Bug::EnteredLate,
        "thread::tests::loom_roll::a_daemon_is_not_waited_for",
        Claim("the exit did not wait for a thread"),
    ),
    (Bug::LeftInSilence, "thread::tests::loom_roll::one_that_is_begun_meanwhile_is_waited_for", Deadlock),
    (Bug::WaitsForItself, "thread::tests::loom_roll::two_that_are_held_wait_at_once", Deadlock),
    (Bug::ExcusedInSilence, "thread::tests::loom_roll::two_that_are_held_wait_at_once", Deadlock),
    (Bug::LooksThenStarts, "thread::tests::loom_phase::one_of_two_starts_it", Claim("started twice")),
    (
        Bug::LooksThenStarts,
        "thread::tests::loom_phase::one_is_refused_and_tries_again",
        Claim("started twice"),
    ),
    (Bug::CancelledScopeUnseen, "cancel::tests::loom_cancel::a_wait_in_a_scope_ends", Deadlock),
    (
        Bug::AlarmsRaisedLate,
        "cancel::tests::loom_cancel::who_has_left_a_scope_is_not_alarmed",
        Claim("the alarm stays raised"),
    ),
    (Bug::CancelledScopeUnseen, "cancel::tests::loom_cancel::a_scope_in_a_scope", Deadlock),
    (
        Bug::ParentSeenTooEarly,
        "cancel::tests::loom_cancel::a_child_made_meanwhile",
        Claim("the cancellation got lost"),
    ),
    (
        Bug::ChildrenOfCancelledSkipped,
        "cancel::tests::loom_cancel::two_cancel",
        Claim("it has returned, and a child is not cancelled"),
    ),
    (
        Bug::ToldTooLate,
        "cancel::tests::loom_cancel::who_waits_for_it_in_its_scope",
        Claim("it has come, and the wait was cancelled"),
    ),
    (
        Bug::FiresAfterALook,
        "cancel::tests::loom_timing::cancelled_when_it_is_to_fire",
        Claim("cancelled in time, and fired"),
    ),
    (Bug::FiresAfterALook, "cancel::tests::loom_timing::two_cancel", Claim("cancelled in time, and fired")),
    (Bug::FilledEarly, "queue::tests::loom_blocking::a_getter_waits_at_a_ring", Race),
    (Bug::FilledUnordered, "queue::tests::loom_blocking::a_getter_waits_at_a_ring", Race),
    (Bug::GetterForgotten, "queue::tests::loom_blocking::a_getter_waits_at_a_ring", Deadlock),
    (Bug::SleeperUnfenced, "queue::tests::loom_blocking::a_getter_waits_at_a_ring", Deadlock),
    (Bug::AnnouncedLate, "queue::tests::loom_blocking::a_getter_waits_at_a_lock", Deadlock),
    (Bug::FreedUnordered, "queue::tests::loom_blocking::a_putter_waits_at_a_ring", Race),
    (Bug::PutterForgotten, "queue::tests::loom_blocking::a_putter_waits_at_a_ring", Deadlock),
    (Bug::AnnouncedLate, "queue::tests::loom_blocking::a_putter_waits_at_a_lock", Deadlock),
    (Bug::NotPassedOn, "queue::tests::loom_blocking::the_first_item_is_there_last", Deadlock),
    (Bug::NotPassedOn, "queue::tests::loom_blocking::the_first_place_is_there_last", Deadlock),
    (
        Bug::TakenUnordered,
        "queue::tests::loom_blocking::one_counts",
        Claim("a count of what there never was"),
    ),
    (Bug::PutterForgotten, "queue::tests::loom_blocking::two_wait_for_one_place", Deadlock),
    (Bug::FilledUnordered, "queue::tests::loom_blocking::one_tries", Race),
    (Bug::WakeTakenAlong, "queue::tests::loom_blocking::a_getter_gives_up", Deadlock),
    (Bug::WakeTakenAlong, "queue::tests::loom_blocking::a_putter_gives_up", Deadlock),
    (Bug::DeadlineIgnored, "queue::tests::loom_blocking::waits_in_vain", Deadlock),
    (Bug::EndToldToOne, "queue::tests::loom_shutdown::two_wait_for_what_never_comes", Deadlock),
    (Bug::EndToldToOne, "queue::tests::loom_shutdown::two_wait_for_room", Deadlock),
    (Bug::EndsEarly, "queue::tests::loom_shutdown::an_item_on_its_way", Claim("an accepted item was lost")),
    (Bug::LateItemToldToOne, "queue::tests::loom_shutdown::an_item_on_its_way_to_one_of_two", Deadlock),
    (Bug::JoinerForgotten, "queue::tests::loom_shutdown::discarded_with_an_item_on_its_way", Deadlock),
    (
        Bug::EndSeenLate,
        "queue::tests::loom_shutdown::discarded_with_an_item_on_its_way",
        Claim("what was discarded was told to be done"),
    ),
    (
        Bug::DiscardTorn,
        "queue::tests::loom_shutdown::discarded_beside_a_report_too_many",
        Claim("a report too many was not seen"),
    ),
    (Bug::LastDoneSilently, "queue::tests::loom_join::one_waits_for_the_work_of_two", Deadlock),
    (
        Bug::DoneUnordered,
        "queue::tests::loom_join::one_waits_for_the_work_of_two",
        Claim("who waited for the work does not see it"),
    ),
    (
        Bug::PutsCountedFirst,
        "queue::tests::loom_join::work_that_makes_work",
        Claim("the wait for the work ended before it was done"),
    ),
    (
        Bug::OverCallUnseen,
        "queue::tests::loom_join::one_reports_too_often",
        Claim("a report too many was not seen"),
    ),
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
