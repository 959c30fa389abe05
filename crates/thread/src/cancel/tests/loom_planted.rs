//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock};
use multiproc_testkit::planted::{Foretold, Row};

use crate::cancel::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::CancelledScopeUnseen, "loom_cancel::a_wait_in_a_scope_ends", Deadlock),
    (
        Bug::AlarmsRaisedLate,
        "loom_cancel::who_has_left_a_scope_is_not_alarmed",
        Claim("the alarm stays raised"),
    ),
    (Bug::CancelledScopeUnseen, "loom_cancel::a_scope_in_a_scope", Deadlock),
    (Bug::ParentSeenTooEarly, "loom_cancel::a_child_made_meanwhile", Claim("the cancellation got lost")),
    (
        Bug::ChildrenOfCancelledSkipped,
        "loom_cancel::two_cancel",
        Claim("it has returned, and a child is not cancelled"),
    ),
    (
        Bug::ToldTooLate,
        "loom_cancel::who_waits_for_it_in_its_scope",
        Claim("it has come, and the wait was cancelled"),
    ),
    (
        Bug::FiresAfterALook,
        "loom_timing::cancelled_when_it_is_to_fire",
        Claim("cancelled in time, and fired"),
    ),
    (Bug::FiresAfterALook, "loom_timing::two_cancel", Claim("cancelled in time, and fired")),
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
