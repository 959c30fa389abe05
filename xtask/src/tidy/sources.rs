//! Rules for every Rust file: a head, a size that can be read, reasons for tests that are left out.

use super::Violation;
use crate::text::{line_of, occurrences};

/// The most lines a file may have.
const LINES: usize = 400;

/// Files that may be longer. Empty, and to stay so: split the file instead.
const LONGER: &[&str] = &[];

pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if head(text).trim().is_empty() {
        let what = "begin the file with a `//!` line that says its one job";
        found.push(Violation::new(path, 1, what));
    }
    let lines = text.lines().count();
    if lines > LINES && !LONGER.contains(&path) {
        let what = format!("{lines} lines, and {LINES} is the limit: find the seam and split it");
        found.push(Violation::new(path, LINES + 1, what));
    }
    found
}

/// Tests that are left out, in masked code.
pub(super) fn check_tests(path: &str, code: &str) -> Vec<Violation> {
    let what = "say why the test is left out: `#[ignore = \"reason\"]`";
    let found = unreasoned(code).into_iter();
    found.map(|at| Violation::new(path, line_of(code, at), what)).collect()
}

/// The words of the `//!` lines that a file begins with.
pub(super) fn head(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Where an `ignore` attribute without a reason stands in masked code.
fn unreasoned(code: &str) -> Vec<usize> {
    let lone = |&at: &usize| {
        let after = code[at + "ignore".len()..].trim_start();
        match after.strip_prefix('=') {
            Some(reason) => reason.trim_start().starts_with("\"\""),
            None => after.starts_with([']', ',', ')']) && in_attribute(&code[..at]),
        }
    };
    occurrences(code, "ignore").into_iter().filter(lone).collect()
}

/// Whether `before` ends inside `#[` or inside the list of a `cfg_attr`.
fn in_attribute(before: &str) -> bool {
    let Some(open) = before.rfind("#[") else {
        return false;
    };
    let inside = before[open + 2..].trim_start();
    inside.is_empty() || (inside.starts_with("cfg_attr") && !inside.contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::mask;

    fn check_text(text: &str) -> Vec<Violation> {
        let path = "crates/ipc/src/planted.rs";
        [check(path, text), check_tests(path, &mask::code(text))].concat()
    }

    #[test]
    fn a_head_and_attributes_after_it_pass() {
        assert!(check_text("//! The one job.\n#![cfg(test)]\n").is_empty());
    }

    #[test]
    fn a_missing_or_empty_head_is_caught() {
        for text in ["", "use std::fs;\n", "// a comment\n", "//!\nfn f() {}\n", "#![cfg(test)]\n//! Late.\n"]
        {
            assert_eq!(check_text(text).len(), 1, "{text:?}");
        }
    }

    #[test]
    fn a_long_file_is_caught_at_the_first_line_over_the_limit() {
        let longest = format!("//! Head.\n{}", "\n".repeat(LINES - 1));
        assert!(check_text(&longest).is_empty());
        assert_eq!(check_text(&(longest + "\n"))[0].line, LINES + 1);
    }

    #[test]
    fn an_ignored_test_needs_a_reason() {
        for attribute in ["#[ignore]", "#[ignore = \"\"]", "#[cfg_attr(miri, ignore)]", "#[ ignore ]"] {
            let found = check_text(&format!("//! Head.\n\n{attribute}\nfn f() {{}}\n"));
            assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [3], "{attribute}");
        }
    }

    #[test]
    fn a_reason_or_another_ignore_passes() {
        for code in [
            "#[ignore = \"ten minutes\"]",
            "#[cfg_attr(miri, ignore = \"forks\")]",
            "f(ignore)",
            "// #[ignore]",
        ] {
            assert!(check_text(&format!("//! Head.\n{code}\n")).is_empty(), "{code}");
        }
    }
}
