//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Race};
use multiproc_testkit::planted::{Foretold, Row};

use crate::planted::{Bug, VARIABLE};

/// What of the bugs models can show: those of arenas.
const BUGS: &[Bug] = &[
    Bug::ClaimedByStore,
    Bug::ReleasedUnordered,
    Bug::RolledBackUnchanged,
    Bug::LandedByStore,
    Bug::ClosedByStore,
    Bug::NothingRecovered,
    Bug::SenderAsked,
    Bug::EndUnproved,
    Bug::SweptByStore,
];

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::ClaimedByStore, "loom_arena::three_claim_one_block", Race),
    (Bug::ReleasedUnordered, "loom_arena::three_claim_one_block", Race),
    (Bug::ClaimedByStore, "loom_arena::two_want_the_last_block", Race),
    (Bug::ClosedByStore, "loom_arena::a_block_is_claimed_while_its_span_is_given_back", Race),
    (Bug::ClosedByStore, "loom_arena::a_block_is_claimed_while_free_memory_goes", Race),
    (Bug::NothingRecovered, "loom_arena::one_that_trims_is_killed", Claim("blocks were lost")),
    (Bug::NothingRecovered, "loom_arena::one_that_lays_out_is_killed", Claim("blocks were lost")),
    (Bug::NothingRecovered, "loom_arena::one_that_gives_back_is_killed", Claim("blocks were lost")),
    (Bug::NothingRecovered, "loom_arena::one_that_takes_a_run_is_killed", Claim("blocks were lost")),
    (Bug::EndUnproved, "loom_arena::owner_killed", Race),
    (Bug::SweptByStore, "loom_arena::two_sweep", Claim("freed so many times")),
    (Bug::LandedByStore, "loom_arena_message::two_receive", Race),
    (
        Bug::RolledBackUnchanged,
        "loom_arena_message::sent_again_beside_a_sweep",
        Claim("a block in a message was swept"),
    ),
    (Bug::SenderAsked, "loom_arena_message::sender_killed", Claim("a block in a message was swept")),
    (Bug::EndUnproved, "loom_arena_message::receiver_killed", Race),
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
    foretold().assert_all_planted(BUGS);
}

#[test]
fn every_model_is_shown_to_fail() {
    foretold().assert_every_model_planted();
}
