//! The program as its callers see it: names, exit codes, lines of JSON, and nothing left behind.

mod fairness;
mod run;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use multiproc_testkit::{Watchdog, until};
use serde_json::Value;

use run::{LIMIT, Run, Running, lines, rounds_of, row, run, text};

#[test]
fn list_names_every_bench_and_no_self_test() {
    let output = run(&["--list"]);
    assert!(output.status.success());
    let names: Vec<_> =
        text(&output.stdout).lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    for name in ["pool.call", "process.start", "mutex.2proc", "condvar.notify", "barrier.uncontended"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.iter().all(|name| !name.starts_with("selftest")), "{names:?}");
}

#[test]
fn an_unknown_name_is_an_error_that_lists_the_known_ones() {
    let output = run(&["pool", "locks"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("locks") && error.contains("process.start"), "{error}");
    assert!(output.stdout.is_empty());
}

#[test]
fn json_is_a_line_a_peer_with_medians_and_a_ratio_below_one_where_ours_is_better() {
    let output = run(&["selftest.time", "selftest.rate", "--rounds", "3", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = [
        r#"{"bench":"selftest.time","placement":"free","ours":2.0,"peer":"peer","peer_value":4.0,"unit":"us/step","ratio":0.5}"#,
        r#"{"bench":"selftest.time","placement":"free","ours":2.0,"peer":"floor:bare","peer_value":0.5,"unit":"us/step","ratio":4.0}"#,
        r#"{"bench":"selftest.time","placement":"free","target":"<= 0.50 x peer","value":0.5,"met":true,"own_core":false}"#,
        r#"{"bench":"selftest.time","placement":"free","target":"<= 1.00 us/step","value":2.0,"met":false,"own_core":false}"#,
        r#"{"bench":"selftest.rate","placement":"free","ours":500000.0,"peer":"peer","peer_value":250000.0,"unit":"steps/s","ratio":0.5}"#,
        r#"{"bench":"selftest.rate","placement":"free","target":">= 500 k steps/s","value":500000.0,"met":true,"own_core":false}"#,
    ];
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
    assert_eq!(lines(&output).len(), expected.len());
}

#[test]
fn the_table_names_the_machine_and_shows_median_and_range() {
    let output = run(&["selftest.time", "--rounds", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for fact in ["machine: ", "Linux ", "rustc ", "date: ", "rounds: 1 discarded + 3"] {
        assert!(table.contains(fact), "{table}");
    }
    let ours = row(table, &["selftest.time", "free", "ours"]);
    assert_eq!(ours[3..], ["2.00", "1.00", "..", "3.00", "us/step"]);
    let peer = row(table, &["selftest.time", "free", "peer"]);
    assert_eq!(peer[3..], ["4.00", "3.00", "..", "5.00", "us/step", "0.500"]);
}

#[test]
fn targets_are_judged_under_their_bench_and_the_missed_ones_named_at_the_end() {
    let output = run(&["selftest.time", "selftest.rate", "selftest.broken", "--rounds", "1", "--limit", "3"]);
    let table = text(&output.stdout);
    let lines: Vec<_> = table.lines().map(str::trim).collect();
    let judged: Vec<_> = lines.iter().filter(|line| line.starts_with("target ")).collect();
    assert_eq!(
        judged,
        [
            &"target <= 0.50 x peer: 0.400, met",
            &"target <= 1.00 us/step: 2.00, missed",
            &"target >= 500 k steps/s: 500 k, met",
            &"target <= 1.00 x refuses: not measured",
        ]
    );
    let end = lines.iter().position(|line| *line == "targets: 2 met, 1 missed, 1 not measured").expect(table);
    assert_eq!(lines[end + 1..], ["selftest.time free: target <= 1.00 us/step: 2.00, missed"]);
}

#[test]
fn a_missed_target_is_no_failure() {
    let output = run(&["selftest.time", "--rounds", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 missed"));
}

#[test]
fn each_placement_holds_or_says_why_not() {
    let output = run(&["selftest.placed", "--quick", "--json"]);
    let placements: Vec<_> =
        lines(&output).iter().map(|line| line["placement"].as_str().unwrap().to_string()).collect();
    if thread::available_parallelism().unwrap().get() > 1 {
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(placements, ["two_cores", "one_core", "free"]);
    } else {
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(placements, ["one_core", "free"]);
        assert!(text(&output.stderr).contains("two_cores: refused: needs two processors"));
    }
}

#[test]
fn two_sides_of_a_lock_are_placed_and_lose_no_operation() {
    let output = run(&["mutex.2threads", "mutex.2proc", "--rounds", "1", "--quick", "--json"]);
    if thread::available_parallelism().unwrap().get() > 1 {
        // A lock that lost an operation would have failed its round.
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let lines = lines(&output);
    for (bench, peers) in [("mutex.2threads", 6), ("mutex.2proc", 4)] {
        let found = lines.iter().filter(|line| line["bench"] == bench && line["placement"] == "one_core");
        let found = found.filter(|line| line["peer"].is_string()).count();
        assert_eq!(found, peers + usize::from(has_python()), "{lines:?}");
    }
}

#[test]
fn a_hand_off_by_tokens_and_one_by_turns_are_measured_in_both_pinned_placements() {
    let benches = ["event.2threads", "condvar.2proc"];
    let output = run(&[&benches[..], &["--rounds", "1", "--quick", "--json"]].concat());
    let two_cores = thread::available_parallelism().unwrap().get() > 1;
    if two_cores {
        // A turn that came too early or twice would have failed its round.
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let lines = lines(&output);
    for bench in benches {
        for placement in if two_cores { &["two_cores", "one_core"][..] } else { &["one_core"] } {
            let of_ours = |line: &&Value| line["bench"] == bench && line["placement"] == *placement;
            let peers: Vec<_> =
                lines.iter().filter(of_ours).filter_map(|line| line["peer"].as_str()).collect();
            let twin = if bench.ends_with("2proc") { "cpython.multiprocessing" } else { "cpython.threading" };
            assert_eq!(peers.contains(&twin), has_python(), "{bench} {placement}: {peers:?}");
        }
    }
}

#[test]
fn what_is_used_up_goes_from_side_to_side_in_both_pinned_placements() {
    let benches = ["latch.2threads", "latch.2proc", "once.2proc"];
    let output = run(&[&benches[..], &["--rounds", "1", "--quick", "--json"]].concat());
    let two_cores = thread::available_parallelism().unwrap().get() > 1;
    if two_cores {
        // A latch that let somebody pass, or a value that was not made, would have failed its round.
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let lines = lines(&output);
    for (bench, peers) in [("latch.2threads", 6), ("latch.2proc", 2), ("once.2proc", 1)] {
        for placement in if two_cores { &["two_cores", "one_core"][..] } else { &["one_core"] } {
            let found = lines.iter().filter(|line| line["bench"] == bench && line["placement"] == *placement);
            assert_eq!(found.filter(|line| line["peer"].is_string()).count(), peers, "{lines:?}");
        }
    }
}

#[test]
fn who_has_what_a_contender_asks_for_ends_with_it() {
    // Each has another process.
    for contender in [
        "semaphore.refused/ours.robust.elsewhere",
        "permit.256.last/ours.elsewhere",
        "wait_group.members.try_wait/ours.elsewhere",
        "wait_group.members.2proc/ours",
    ] {
        let answers = rounds_of(contender, 2);
        assert_eq!(answers.len(), 3, "{contender}: {answers:?}");
        assert!(answers[1..].iter().all(|line| line.starts_with("@sample ")), "{contender}: {answers:?}");
    }
}

fn has_python() -> bool {
    let version = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

#[test]
fn without_python_its_rows_are_left_out_and_this_is_said() {
    let run = Run::new();
    let _watchdog = Watchdog::new(LIMIT);
    let output = run
        .command(&["condvar.notify", "--rounds", "1", "--quick"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert_eq!(table.matches("python3 not found: CPython left out").count(), 1, "{table}");
    assert!(!table.contains("cpython."), "{table}");
    assert_eq!(row(table, &["condvar.notify", "free", "ours"])[7], "ns/call");
}

#[test]
fn each_twin_of_a_lock_on_cpython_answers_to_its_rounds() {
    if !has_python() {
        return;
    }
    for bench in [
        "mutex.uncontended.robust/cpython.multiprocessing",
        "mutex.uncontended.private/cpython.threading",
        "semaphore.uncontended/cpython.threading",
        "semaphore.uncontended/cpython.multiprocessing",
        "semaphore.refused/cpython.threading",
        "semaphore.refused/cpython.multiprocessing",
        "semaphore.2threads/cpython.threading",
        "event.is_set/cpython.threading",
        "event.is_set/cpython.multiprocessing",
        "event.uncontended/cpython.threading",
        "event.uncontended/cpython.multiprocessing",
        "event.2proc/cpython.multiprocessing",
        "condvar.notify/cpython.threading",
        "condvar.notify/cpython.multiprocessing",
        "condvar.2threads/cpython.threading",
        "barrier.uncontended/cpython.threading",
        "barrier.uncontended/cpython.multiprocessing",
        "barrier.2proc/cpython.multiprocessing",
    ] {
        let answers = rounds_of(bench, 2);
        assert_eq!(answers[0], "@ready", "{bench}: {answers:?}");
        assert_eq!(answers.len(), 3, "{bench}: {answers:?}");
        assert!(answers[1..].iter().all(|line| line.starts_with("@sample ")), "{bench}: {answers:?}");
    }
}

#[test]
fn a_program_with_features_takes_part_if_there_is_one_and_else_this_is_said() {
    let run = Run::new();
    let _watchdog = Watchdog::new(LIMIT);
    // This very program: it has the contender, whatever features it is built with.
    let program = env!("CARGO_BIN_EXE_multiproc-benches");
    let mut command = run.command(&["contention.private", "--rounds", "1", "--quick"]);
    let output = command.env("MULTIPROC_BENCHES_CONTENTION", program).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for contender in ["ours", "ours.named", "contention", "contention.named"] {
        assert_eq!(row(table, &["contention.private", "free", contender])[7], "ns/operation", "{table}");
    }
    assert_eq!(table.matches("no program with the features contention,deadlock").count(), 1, "{table}");
    assert!(!table.contains("both.named"), "{table}");
}

#[test]
fn each_part_of_a_lock_costs_instructions() {
    let output = run(&["mutex.instructions.parts", "--rounds", "1", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = lines(&output);
    let counts: Vec<_> = lines.iter().map(|line| line["peer_value"].as_f64().unwrap()).collect();
    assert_eq!(counts.len(), 6);
    assert!(counts[0] > 4.0 && counts.is_sorted_by(|fewer, more| fewer < more), "{counts:?}");
    assert!(counts.iter().all(|count| count.fract() == 0.0), "the loop is not counted evenly: {counts:?}");
}

#[test]
fn contenders_that_fail_are_named_with_their_reasons_and_the_others_are_measured() {
    let output = run(&["selftest.broken", "--quick", "--limit", "3"]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    for (contender, reason) in [
        ("refuses", "failed: it has its reasons"),
        ("fails", "failed: it broke in two"),
        ("aborts", "failed: its process ended: signal: 6 (SIGABRT)"),
        ("hangs", "failed: killed: no answer within 3s (--limit)"),
    ] {
        let row = row(table, &["selftest.broken", "free", contender]);
        assert_eq!(row[3..].join(" "), reason);
    }
    let talks = row(table, &["selftest.broken", "free", "talks"]);
    assert_eq!(talks[3..], ["2.00", "2.00", "..", "2.00", "us/step", "1.000"]);
    assert!(text(&output.stderr).contains("@sample 1 1"));
}

#[test]
fn a_contender_that_is_busy_between_its_rounds_is_noted() {
    let output = run(&["selftest.idle", "--quick"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let notes: Vec<_> = text(&output.stdout).lines().filter(|line| line.contains("note:")).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("spins used") && notes[0].contains("while others were measured"), "{notes:?}");
}

#[test]
fn a_killed_run_takes_its_contenders_with_it() {
    let _watchdog = Watchdog::new(LIMIT);
    let run = Run::new();
    let mut command = run.command(&["selftest.placed", "--rounds", "1000"]);
    let mut killed = Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let stderr = BufReader::new(killed.0.stderr.take().unwrap());
    let first = stderr.lines().next().unwrap().unwrap();
    assert!(first.contains("selftest.placed"), "{first}");
    // The run, two contenders, a worker of each.
    until(LIMIT, || run.processes().len() == 5);
    drop(killed);
    until(LIMIT, || run.processes().is_empty());
}
