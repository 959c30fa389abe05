//! Shares and progress as callers see them: figures of windows that are made up, and answers of those that are measured.

use std::thread;

use crate::run::{lines, rounds_of, row, run, text};

#[test]
fn shares_and_progress_are_judged_by_windows_and_their_extremes_shown() {
    let output = run(&["selftest.share", "selftest.progress", "--rounds", "2"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for (bench, contender, figures) in [
        ("selftest.share", "ours", &["0.875", "0.750", "..", "1.00", "share"][..]),
        ("selftest.share", "uneven", &["0.312", "0.250", "..", "0.375", "share", "0.357"]),
        ("selftest.progress", "ours", &["1.00", "1.00", "..", "1.00", "of", "windows"]),
        ("selftest.progress", "uneven", &["0.750", "0.500", "..", "1.00", "of", "windows", "0.750"]),
    ] {
        assert_eq!(row(table, &[bench, "free", contender])[3..], *figures, "{bench} {contender}");
    }
    let below: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(
        below,
        [
            "least window: ours 0.500, uneven 0.000",
            "target >= 0.500 share: 0.875, met",
            "target uneven >= 0.500 share: 0.312, missed",
            "reader got on in: ours 1.00 (least 4), uneven 0.750 (least 0)",
            "writers got on in: ours 1.00 (least 4), uneven 1.00 (least 3)",
            "target >= 1.00 of windows in each round: 1.00, met",
            "target uneven >= 1.00 of windows in each round: 0.500, missed",
            "selftest.share free: target uneven >= 0.500 share: 0.312, missed",
            "selftest.progress free: target uneven >= 1.00 of windows in each round: 0.500, missed",
        ]
    );
}

#[test]
fn json_has_what_the_windows_came_to() {
    let output = run(&["selftest.share", "selftest.progress", "--rounds", "2", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let windows = r#""ours":{"least_share":0.5,"sides":[{"progress":1.0,"fewest":4},{"progress":1.0,"fewest":4}]},"peer_value":{"least_share":0.0,"sides":[{"progress":0.75,"fewest":0},{"progress":1.0,"fewest":3}]}"#;
    let expected = [
        r#"{"bench":"selftest.share","placement":"free","ours":0.875,"peer":"uneven","peer_value":0.3125,"unit":"share","ratio":0.35714285714285715,"windows":{WINDOWS}}"#,
        r#"{"bench":"selftest.share","placement":"free","target":">= 0.500 share","value":0.875,"met":true,"own_core":false}"#,
        r#"{"bench":"selftest.share","placement":"free","target":"uneven >= 0.500 share","value":0.3125,"met":false,"own_core":false}"#,
        r#"{"bench":"selftest.progress","placement":"free","ours":1.0,"peer":"uneven","peer_value":0.75,"unit":"of windows","ratio":0.75,"windows":{"names":["reader","writers"],WINDOWS}}"#,
        r#"{"bench":"selftest.progress","placement":"free","target":">= 1.00 of windows in each round","value":1.0,"met":true,"own_core":false}"#,
        r#"{"bench":"selftest.progress","placement":"free","target":"uneven >= 1.00 of windows in each round","value":0.5,"met":false,"own_core":false}"#,
    ];
    let expected = expected.map(|line| line.replace("WINDOWS", windows));
    assert_eq!(text(&output.stdout).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_round_without_windows_is_no_share() {
    let output = run(&["selftest.blind", "--rounds", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let row = row(text(&output.stdout), &["selftest.blind", "free", "ours"]).join(" ");
    assert!(row.ends_with("failed: it answered to a round without its windows"), "{row}");
}

#[test]
fn sides_that_share_a_lock_are_placed_and_lose_no_operation() {
    let output = run(&["mutex.share", "rwlock.progress.1to4.proc", "--rounds", "1", "--quick", "--json"]);
    if thread::available_parallelism().unwrap().get() > 1 {
        // A lock that lost an operation would have failed its round.
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let lines = lines(&output);
    for (bench, peers) in
        [("mutex.share.2threads", 4), ("mutex.share.2proc", 1), ("rwlock.progress.1to4.proc", 1)]
    {
        let found = lines.iter().filter(|line| line["bench"] == bench && line["placement"] == "one_core");
        assert_eq!(found.filter(|line| line["windows"].is_object()).count(), peers, "{lines:?}");
    }
}

#[test]
fn readers_beside_writers_are_measured_whichever_are_more() {
    for bench in
        ["rwlock.share.writers.2threads", "rwlock.progress.4to1.threads", "rwlock.progress.1to4.threads"]
    {
        for contender in ["ours", "ours.private", "std", "parking_lot", "pthread.pshared"] {
            windows_are_told(&format!("{bench}/{contender}"));
        }
    }
    for bench in ["rwlock.share.writers.2proc", "rwlock.progress.4to1.proc"] {
        for contender in ["ours", "pthread.pshared"] {
            windows_are_told(&format!("{bench}/{contender}"));
        }
    }
}

fn windows_are_told(contender: &str) {
    let answers = rounds_of(contender, 1);
    assert_eq!(answers.len(), 2, "{contender}: {answers:?}");
    assert!(
        answers[1].starts_with("@sample ") && answers[1].contains(" windows "),
        "{contender}: {answers:?}"
    );
}
