//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock};
use multiproc_testkit::planted::{Foretold, Row};

use crate::thread::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (
        Bug::LeftAtEnd,
        "loom_roll::one_that_is_begun_meanwhile_is_waited_for",
        Claim("the exit did not wait for a thread"),
    ),
    (Bug::EnteredLate, "loom_roll::a_daemon_is_not_waited_for", Claim("the exit did not wait for a thread")),
    (Bug::LeftInSilence, "loom_roll::one_that_is_begun_meanwhile_is_waited_for", Deadlock),
    (Bug::WaitsForItself, "loom_roll::two_that_are_held_wait_at_once", Deadlock),
    (Bug::ExcusedInSilence, "loom_roll::two_that_are_held_wait_at_once", Deadlock),
    (Bug::LooksThenStarts, "loom_phase::one_of_two_starts_it", Claim("started twice")),
    (Bug::LooksThenStarts, "loom_phase::one_is_refused_and_tries_again", Claim("started twice")),
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
