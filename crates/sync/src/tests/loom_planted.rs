//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use multiproc_testkit::planted::Kind::{Claim, Deadlock, Race, Spin};
use multiproc_testkit::planted::{Foretold, Row};

use crate::planted::{Bug, VARIABLE};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const ROWS: &[Row<Bug>] = &[
    (Bug::RelaxedUnlock, "loom_mutex_private::two_threads", Race),
    (Bug::PrivateSleepForgotten, "loom_mutex_private::three_threads", Deadlock),
    (Bug::RelaxedUnlock, "loom_mutex_private::one_tries", Race),
    (Bug::PrivateSleepForgotten, "loom_mutex_private::one_gives_up", Deadlock),
    (Bug::RelaxedUnlock, "loom_mutex_private::abandoned_with_two_waiters", Race),
    (Bug::RelaxedUnlock, "loom_mutex_robust::three_processes", Race),
    (Bug::NeverAnnounced, "loom_mutex_robust::owner_killed_alone", Deadlock),
    (Bug::OwnerNeverStored, "loom_mutex_robust::owner_killed_alone", Claim("torn data without a word")),
    (Bug::PendingClearedEarly, "loom_mutex_robust::owner_killed_with_a_waiter", Deadlock),
    (
        Bug::OwnerClearedLate,
        "loom_mutex_robust::owner_killed_with_a_waiter",
        Claim("torn data without a word"),
    ),
    (Bug::AnnouncedOnce, "loom_mutex_robust::owner_of_another_killed", Deadlock),
    (Bug::NeverAnnounced, "loom_mutex_robust::owner_killed_with_two_waiters", Deadlock),
    (Bug::ExchangeThenWake, "loom_mutex_robust::releaser_killed", Deadlock),
    (Bug::WaitersForgotten, "loom_mutex_robust::waiter_killed_beside_a_barger", Deadlock),
    (Bug::AlarmOutlived, "loom_mutex_robust::recoverer_killed", Claim("can be had, but is refused")),
    (Bug::VerdictKept, "loom_mutex_robust::recoverer_killed", Race),
    (Bug::AlarmTaken, "loom_mutex_robust::sibling_writes_until_the_end", Race),
    (Bug::RelaxedUnlock, "loom_mutex_robust::waiter_gives_up", Race),
    (Bug::WakeSwallowed, "loom_mutex_robust::recoverer_gives_up", Deadlock),
    (Bug::RelaxedUnlock, "loom_mutex_robust::abandoned_with_two_waiters", Race),
    (Bug::WakeSwallowed, "loom_mutex_robust::owner_left_with_two_waiters", Deadlock),
    (Bug::AlarmTaken, "loom_mutex_robust::owner_vanished", Claim("currently writing to cell")),
    (
        Bug::UnseenTaken,
        "loom_mutex_robust::sibling_of_an_unseen_owner_writes",
        Claim("claimed of what nobody saw"),
    ),
    (Bug::WakeSwallowed, "loom_mutex_robust::owner_unseen_with_two_waiters", Deadlock),
    (Bug::BellUnfenced, "loom_doorbell::one_waits", Deadlock),
    (Bug::TicketLate, "loom_doorbell::one_waits", Deadlock),
    (Bug::BellUnfenced, "loom_doorbell::one_waits_for_two", Deadlock),
    (Bug::TicketLate, "loom_doorbell::two_wait", Deadlock),
    (Bug::DeadlineIgnored, "loom_doorbell::one_gives_up", Deadlock),
    (Bug::BellUnfenced, "loom_doorbell::waiter_killed", Deadlock),
    (Bug::SetUnordered, "loom_event::one_waits", Race),
    (Bug::OneReleased, "loom_event::two_wait", Deadlock),
    (Bug::ClearedForgotten, "loom_event::set_and_cleared_at_once", Deadlock),
    (Bug::SetUnordered, "loom_event::set_and_cleared_at_once", Race),
    (Bug::SetOnlyLooks, "loom_event::work_is_looked_for_after_clearing", Deadlock),
    (Bug::DeadlineIgnored, "loom_event::one_gives_up", Deadlock),
    (Bug::SetThenWake, "loom_event::setter_killed", Deadlock),
    (Bug::ClearedForgotten, "loom_event::setter_and_clearer_killed", Deadlock),
    (Bug::OneReleased, "loom_event::waiter_killed", Deadlock),
    (Bug::CountUnordered, "loom_latch::one_waits", Race),
    (Bug::OpenedInSilence, "loom_latch::one_waits", Deadlock),
    (Bug::CountUnordered, "loom_latch::one_waits_for_two", Race),
    (Bug::CountLost, "loom_latch::one_waits_for_two", Deadlock),
    (Bug::OpenUnordered, "loom_latch::one_looks", Race),
    (Bug::OneReleased, "loom_latch::two_wait", Deadlock),
    (Bug::CountUnordered, "loom_latch::two_arrive", Race),
    (Bug::OverCountUnseen, "loom_latch::three_are_too_many", Claim("a count too many was not seen")),
    (Bug::CountLost, "loom_latch::three_are_too_many", Claim("a count too many was not seen")),
    (Bug::DeadlineIgnored, "loom_latch::one_gives_up", Deadlock),
    (Bug::OpenerNotReplaced, "loom_latch::opener_killed", Deadlock),
    (Bug::OpenedInSilence, "loom_latch::party_killed", Deadlock),
    (Bug::OneReleased, "loom_latch::waiter_killed", Deadlock),
    (Bug::RoundOvertaken, "loom_barrier::two_rounds", Deadlock),
    (Bug::SequenceLate, "loom_barrier::one_gives_up", Deadlock),
    (Bug::DeadlineIgnored, "loom_barrier::one_gives_up_for_two", Deadlock),
    (Bug::SequenceLate, "loom_barrier::reset_meanwhile", Deadlock),
    (Bug::SequenceLate, "loom_barrier::action_runs_before", Deadlock),
    (Bug::SequenceLate, "loom_barrier::party_killed", Deadlock),
    (Bug::DeadPartyUnseen, "loom_barrier::party_of_three_killed", Claim("a dead party was not named")),
    (Bug::SequenceLate, "loom_barrier::resetter_killed", Deadlock),
    (Bug::SequenceLate, "loom_condvar::one_waits", Deadlock),
    (Bug::SpinnersIgnored, "loom_condvar::one_waits", Deadlock),
    (Bug::SequenceUnseen, "loom_condvar::one_waits", Deadlock),
    (Bug::SpinnersIgnored, "loom_condvar::two_mutexes", Deadlock),
    (Bug::SleepersBitStale, "loom_condvar::two_are_notified_one_by_one", Deadlock),
    (Bug::AllWakesOne, "loom_condvar::two_are_notified_at_once", Deadlock),
    (Bug::DeadlineIgnored, "loom_condvar::one_gives_up", Deadlock),
    (Bug::NotificationSwallowed, "loom_condvar::abandoned_with_two_waiters", Deadlock),
    (Bug::SequenceLate, "loom_condvar::two_mutexes", Deadlock),
    (Bug::SequenceLate, "loom_condvar::waiter_killed", Deadlock),
    (Bug::AllWakesOne, "loom_condvar::waiter_killed", Deadlock),
    (Bug::SequenceLate, "loom_condvar::notifier_killed", Deadlock),
    (Bug::OwnerNeverStored, "loom_condvar::owner_killed", Claim("nobody has told of the death")),
    (Bug::CompletedMeanwhile, "loom_once::two_threads_initialise", Claim("initialised twice")),
    (Bug::SetUnordered, "loom_once::three_processes_initialise", Race),
    (Bug::SetUnordered, "loom_once::one_looks_meanwhile", Race),
    (Bug::DoneEarly, "loom_once::one_looks_meanwhile", Race),
    (Bug::SetUnordered, "loom_once::two_make_a_value", Race),
    (Bug::SetUnordered, "loom_once::one_waits_for_a_value", Race),
    (Bug::OneReleased, "loom_once::two_wait", Deadlock),
    (Bug::FailureCounts, "loom_once::one_panics", Claim("completed, but made by nobody")),
    (Bug::SetUnordered, "loom_once::one_fails", Race),
    (Bug::DeadlineIgnored, "loom_once::two_give_up", Deadlock),
    (Bug::DeadInitialiserTrusted, "loom_once::initialiser_killed", Claim("completed, but")),
    (Bug::NeverAnnounced, "loom_once::one_of_three_killed", Deadlock),
    (Bug::SetThenWake, "loom_once::initialiser_killed_with_a_waiter", Deadlock),
    (Bug::AlarmTaken, "loom_once::sibling_writes_until_the_end", Race),
    (Bug::EntryTakenTwice, "loom_registry::two_claim", Claim("two processes of one name")),
    (Bug::UseUncounted, "loom_registry::the_dead_leave_their_entries", Spin),
    (
        Bug::NeverAnnounced,
        "loom_registry::the_dead_leave_their_entries",
        Claim("an entry was lost with its thread"),
    ),
    (Bug::EntryTakenTwice, "loom_registry::one_is_killed_while_another_claims", Claim("two of one name")),
    (Bug::LeftUnmarked, "loom_registry::who_leaves_makes_room", Claim("the entry was not passed on")),
    (Bug::PermitTakenTwice, "loom_semaphore::three_take_one_permit", Race),
    (Bug::RelaxedUnlock, "loom_semaphore::three_take_one_permit", Race),
    (Bug::RelaxedUnlock, "loom_semaphore::one_waits_for_what_another_made", Race),
    (Bug::SleeperNotWoken, "loom_semaphore::one_waits_for_what_another_made", Deadlock),
    (Bug::PermitLost, "loom_semaphore::two_release", Deadlock),
    (Bug::SleeperNotWoken, "loom_semaphore::two_sleep_and_two_permits_come_at_once", Deadlock),
    (Bug::OthersAsleepForgotten, "loom_semaphore::a_bit_taken_back_late_strands_nobody", Deadlock),
    (Bug::PermitTakenTwice, "loom_semaphore::one_tries", Claim("a permit was taken by so many")),
    (Bug::SleeperNotWoken, "loom_semaphore::one_gives_up", Deadlock),
    (Bug::DeadlineIgnored, "loom_semaphore::one_waits_in_vain", Deadlock),
    (Bug::PermitNotPassedOn, "loom_semaphore::a_permit_of_the_dead_is_passed_on", Deadlock),
    (Bug::PermitLost, "loom_semaphore::releaser_killed", Deadlock),
    (Bug::SleeperNotWoken, "loom_semaphore::waiter_killed", Deadlock),
    (
        Bug::OverReleaseUnseen,
        "loom_bounded_semaphore::two_release_one_permit",
        Claim("an over-release was not seen"),
    ),
    (
        Bug::OverReleaseUnseen,
        "loom_bounded_semaphore::three_are_too_many",
        Claim("an over-release was not seen"),
    ),
    (Bug::RelaxedUnlock, "loom_bounded_semaphore::three_take_one_permit", Race),
    (Bug::SleeperNotWoken, "loom_bounded_semaphore::one_gives_up", Deadlock),
    (Bug::PermitLost, "loom_bounded_semaphore::holder_killed", Claim("of two permits so many are left")),
    (Bug::PermitTakenTwice, "loom_robust_semaphore::three_take_one_permit", Race),
    (Bug::RelaxedUnlock, "loom_robust_semaphore::three_take_one_permit", Race),
    (Bug::TicketLate, "loom_robust_semaphore::three_take_one_permit", Deadlock),
    (Bug::OneClaimMarked, "loom_robust_semaphore::one_waits_for_either_of_two", Deadlock),
    (Bug::SleeperNotWoken, "loom_robust_semaphore::two_sleep", Deadlock),
    (Bug::OthersAsleepForgotten, "loom_robust_semaphore::a_mark_taken_off_late_strands_nobody", Deadlock),
    (Bug::PermitTakenTwice, "loom_robust_semaphore::one_tries", Claim("a permit was taken by so many")),
    (Bug::SleeperNotWoken, "loom_robust_semaphore::one_gives_up", Deadlock),
    (Bug::DeadlineIgnored, "loom_robust_semaphore::one_waits_in_vain", Deadlock),
    (
        Bug::DeadHolderUnseen,
        "loom_robust_semaphore::holder_killed",
        Claim("a permit was lost with its holder"),
    ),
    (Bug::RelaxedUnlock, "loom_robust_semaphore::holder_killed", Race),
    (Bug::AlarmTaken, "loom_robust_semaphore::sibling_works_until_the_end", Race),
    (
        Bug::DeadHolderUnseen,
        "loom_robust_semaphore::waiter_killed",
        Claim("a permit was lost with its holder"),
    ),
    (Bug::TakenOverUnseen, "loom_robust_semaphore::two_take_over", Race),
    (
        Bug::DeadHolderUnseen,
        "loom_robust_semaphore::recoverer_killed",
        Claim("a permit was lost with its holder"),
    ),
    (Bug::RelaxedUnlock, "loom_wait_group::one_waits_for_one", Race),
    (Bug::SequenceLate, "loom_wait_group::one_waits_for_two", Deadlock),
    (Bug::AllWakesOne, "loom_wait_group::two_wait", Deadlock),
    (Bug::EmptiedForgotten, "loom_wait_group::emptied_and_filled_again", Deadlock),
    (Bug::OverReleaseUnseen, "loom_wait_group::done_too_often", Claim("a piece was done by so many")),
    (Bug::DeadlineIgnored, "loom_wait_group::one_gives_up", Deadlock),
    (Bug::DeadPartyUnseen, "loom_wait_group::member_killed", Claim("a dead member was not named")),
    (Bug::FinishedTwice, "loom_wait_group::member_killed_when_done", Claim("a piece was counted twice")),
    (Bug::DeadPartyUnseen, "loom_wait_group::finder_killed", Claim("a dead member was not named")),
    (Bug::AnnouncedUnnamed, "loom_wait_group::joiner_killed", Claim("a piece was nobody's")),
    (Bug::HeirNamedLate, "loom_wait_group::heir_killed", Claim("a piece was nobody's")),
    (Bug::DeathForgotten, "loom_wait_group::taken_over_before_all_were_told", Deadlock),
    (
        Bug::LeaverUnseen,
        "loom_wait_group::left_without_the_mutex",
        Claim("a leaver's piece was not finished"),
    ),
    (
        Bug::FinishedTwice,
        "loom_wait_group::finisher_of_anothers_piece_killed",
        Claim("a piece was counted twice"),
    ),
    (Bug::RelaxedUnlock, "loom_lock::three_threads", Race),
    (Bug::PermitTakenTwice, "loom_lock::three_threads", Race),
    (Bug::RelaxedUnlock, "loom_lock::released_by_another", Race),
    (Bug::OverReleaseUnseen, "loom_lock::two_release", Claim("an over-release was not seen")),
    (Bug::SleeperNotWoken, "loom_lock::one_gives_up", Deadlock),
    (Bug::SleeperNotWoken, "loom_lock::holder_killed", Deadlock),
    (Bug::SleeperNotWoken, "loom_lock::waiter_killed", Deadlock),
];

/// Between the two steps of such a release another has to come, and to be away when the owner dies: searched from the step of the
/// death, a little before the release, as all of them at this bound would take a minute.
const DEEPER: &[(Bug, usize, usize)] = &[(Bug::ExchangeThenWake, 3, 4)];

fn foretold() -> Foretold<Bug> {
    Foretold { module: module_path!(), variable: VARIABLE, rows: ROWS, deeper: DEEPER }
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
