//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock, Spin};
use multiproc_testkit::planted::{Foretold, Row};

use crate::pool::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::SleepsUnlocked, "loom_role::two_callers_first_answered_first", Deadlock),
    (
        Bug::OutcomeLate,
        "loom_role::two_callers_first_answered_first",
        Claim("told that the task has ended, but there is no outcome"),
    ),
    (Bug::RoleKept, "loom_role::two_callers_first_answered_first", Deadlock),
    (Bug::TakenTwice, "loom_role::two_callers_last_answered_first", Claim("two threads drive")),
    (Bug::GivenUpSilently, "loom_role::two_callers_last_answered_first", Deadlock),
    (Bug::CallKept, "loom_role::three_waiters", Deadlock),
    (
        Bug::SleeperStays,
        "loom_role::a_task_that_nobody_waits_for_is_left",
        Claim("work is left and nobody sees to it"),
    ),
    (
        Bug::DeadlineKeepsCall,
        "loom_role::one_leaves_at_its_deadline",
        Claim("work is left and nobody sees to it"),
    ),
    (Bug::CountedLate, "loom_role::a_window_and_a_caller", Deadlock),
    (Bug::DriverUnroused, "loom_role::a_driver_starts_a_worker_for_another", Deadlock),
    (Bug::EndWithoutKick, "loom_role::the_end_finds_a_driver_and_a_sleeper", Deadlock),
    (Bug::EndWithoutRing, "loom_role::the_end_finds_a_driver_and_a_sleeper", Deadlock),
    (Bug::TakenTwice, "loom_attendant::it_ends_what_nobody_waits_for", Claim("two threads drive")),
    (Bug::GivenUpSilently, "loom_attendant::it_takes_over_at_a_deadline", Deadlock),
    (Bug::NeverArmed, "loom_attendant::it_takes_over_at_a_deadline", Deadlock),
    (Bug::ArmedInNameOnly, "loom_attendant::it_takes_over_at_a_deadline", Deadlock),
    (Bug::AttendantSilent, "loom_attendant::it_looks_in_between_calls", Deadlock),
    (Bug::AttendantSilent, "loom_attendant::it_looks_in_while_a_map_is_away", Deadlock),
    (Bug::AttendantDeaf, "loom_attendant::it_arms_itself_when_calls_cease", Deadlock),
    (Bug::DisarmedSilently, "loom_attendant::it_buries_an_idle_worker", Deadlock),
    (Bug::WakeForgotten, "loom_attendant::it_fills_a_place_after_a_pause", Deadlock),
    (Bug::WakeUntold, "loom_attendant::it_fills_a_place_after_a_pause", Deadlock),
    (Bug::AttendantUnroused, "loom_attendant::it_starts_a_worker_for_a_new_task", Deadlock),
    (Bug::WakeShared, "loom_attendant::it_rests_while_a_caller_drives", Spin),
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
