//! Shows that the models can fail: each planted bug is found by one of them, and in the way that was foretold.

use std::fmt;
use std::process::Command;
use std::time::Instant;

use super::model::BOUND;
use crate::pool::planted::{Bug, VARIABLE};

/// How a model fails.
enum Kind {
    /// Every thread waits for another.
    Deadlock,
    /// A thread goes on for ever without waiting.
    Spin,
    /// A claim of the model does not hold.
    Claim(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadlock => f.write_str("deadlock"),
            Self::Spin => f.write_str("spin"),
            Self::Claim(claim) => write!(f, "claim \"{claim}\""),
        }
    }
}

use Kind::{Claim, Deadlock, Spin};

/// Which model finds which bug, and how it fails. Every bug and every model is in it.
const FORETOLD: &[(Bug, &str, Kind)] = &[
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

/// The longest search for one bug, in seconds; then it has escaped.
const LONGEST: &str = "120";

/// Where the models are, as the test harness writes it.
fn models() -> &'static str {
    let (_, here) = module_path!().split_once("::").unwrap();
    here.trim_end_matches("loom_planted")
}

fn harness(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

/// Runs the model with the bug planted, in a process of its own: a model that deadlocks aborts.
fn catch(bug: Bug, model: &str, kind: &Kind) -> Result<(), String> {
    let mut child = harness(&["--exact", &format!("{}{model}", models()), "--nocapture", "--test-threads=1"]);
    child.env(VARIABLE, format!("{bug:?}")).env("LOOM_MAX_DURATION", LONGEST);
    child.env("LOOM_MAX_PREEMPTIONS", BOUND.to_string()); // enough to find it, also in a deeper search
    let start = Instant::now();
    let output = child.output().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stderr);
    // The first panic is the finding; those after it come of unwinding.
    let message =
        text.split_once(" panicked at ").and_then(|(_, after)| after.lines().nth(1)).unwrap_or(&text);
    let found = if output.status.success() { "nothing" } else { message };
    let caught = match kind {
        Deadlock => found.starts_with("deadlock; threads = "),
        Spin => found.starts_with("Model exceeded maximum number of branches"),
        Claim(claim) => found.contains(claim),
    };
    if !caught {
        return Err(format!("{bug:?} in {model}: expected {kind}, found {found}"));
    }
    println!("loom: bug={bug:?} model={model} seconds={seconds:.2} caught={kind}");
    Ok(())
}

#[test]
fn every_planted_bug_is_caught_by_kind() {
    println!();
    let escaped: Vec<String> =
        FORETOLD.iter().filter_map(|(bug, model, kind)| catch(*bug, model, kind).err()).collect();
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}

#[test]
fn every_bug_is_planted_in_a_model() {
    for bug in Bug::ALL {
        assert!(FORETOLD.iter().any(|(planted, ..)| planted == bug), "{bug:?} is planted nowhere");
    }
}

#[test]
fn every_model_is_shown_to_fail() {
    let list = harness(&["--list"]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test")?.strip_prefix(models()));
    let of_models: Vec<_> = tests.filter(|test| !test.starts_with("loom_planted::")).collect();
    assert!(!of_models.is_empty(), "{list}");
    for model in of_models {
        assert!(FORETOLD.iter().any(|(_, planted, _)| *planted == model), "no bug is planted in {model}");
    }
}
