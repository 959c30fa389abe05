//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Race};
use multiproc_testkit::planted::{Foretold, Row};

use crate::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::PartReceivedByLook, "loom_part::it_is_received_once", Race),
    (Bug::PartSentUnordered, "loom_part::it_is_received_once", Race),
    (Bug::PartLandedUnordered, "loom_part::it_is_received_once", Race),
    (Bug::PartCalledBackUnasked, "loom_part::it_is_called_back_or_received", Race),
    (
        Bug::PartTakenUnasked,
        "loom_part::it_is_taken_back_from_nobody_who_has_it",
        Claim("nobody else receives it"),
    ),
    (Bug::PartGivenUpUnordered, "loom_part::it_is_taken_back_from_nobody_who_has_it", Race),
    (Bug::PartTakenUnordered, "loom_part::it_is_taken_back_from_nobody_who_has_it", Race),
    (Bug::PartLostUnordered, "loom_part::what_dies_on_its_way_is_whole", Race),
    (Bug::PartSentUnordered, "loom_part::what_dies_on_its_way_is_whole", Race),
    (Bug::PartAbandonedUnordered, "loom_part::what_a_panic_has_left_is_torn", Race),
    (Bug::PartTakenUnordered, "loom_part::what_the_dead_have_left_is_torn", Race),
    (
        Bug::PartCalledBackUnchanged,
        "loom_part::a_message_that_did_not_go_brings_nothing",
        Claim("the message that did not go brings it"),
    ),
    (
        Bug::PartTornUnordered,
        "loom_part_state::what_a_panic_drops_may_be_torn_whoever_ends_it",
        Claim("nobody says that it may be torn"),
    ),
    (Bug::PartReadUnordered, "loom_part_state::what_is_read_is_not_written_by_a_receiver", Race),
    (Bug::PartBackUnordered, "loom_part_state::what_comes_back_is_sent_by_its_new_number", Claim("stale")),
    (
        Bug::PartDroppedUnordered,
        "loom_part_state::what_is_dropped_is_given_up_once",
        Claim("nobody gave it up"),
    ),
    (Bug::PartNumberKept, "loom_part::an_old_message_brings_nothing", Claim("an old message brings it")),
];

fn foretold() -> Foretold<Bug> {
    Foretold { module: module_path!(), variable: VARIABLE, rows: ROWS, deeper: &[] }
}

#[test]
fn every_planted_bug_is_caught_by_kind() {
    foretold().assert_caught();
}

#[test]
fn every_bug_of_parts_is_planted_in_a_model() {
    let of_parts: Vec<Bug> =
        Bug::ALL.iter().filter(|bug| format!("{bug:?}").starts_with("Part")).copied().collect();
    foretold().assert_all_planted(&of_parts);
}

#[test]
fn every_model_is_shown_to_fail() {
    foretold().assert_every_model_planted();
}
