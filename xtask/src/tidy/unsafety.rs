//! `unsafe` is opened file by file, with a head that says why; facade and macros never open it.

use super::{Violation, sources};
use crate::text::{line_of, occurrences};

/// Crates without any `unsafe`; nothing in them may be opened.
const FORBIDDING: &[&str] = &["crates/macros/src/", "crates/multiproc/src/"];

pub(super) fn check(path: &str, text: &str, code: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, what: &str| found.push(Violation::new(path, line, what));
    let forbidding = FORBIDDING.iter().any(|folder| path.starts_with(folder));
    let [forbidden, opened, item] = ["#![forbid(", "#![allow(", "#[allow("].map(|form| attribute(code, form));
    if forbidding && path.ends_with("/src/lib.rs") && forbidden.is_none() {
        report(1, "this crate has no unsafe code: write `#![forbid(unsafe_code)]`");
    }
    let first = occurrences(code, "unsafe").first().map(|at| line_of(text, *at));
    let head = sources::head(text);
    let explained = ["unsafe", "SAFETY"].iter().any(|word| head.contains(word));
    match (first, opened) {
        (Some(line), _) if forbidding => {
            report(line, "this crate forbids unsafe code: move it into another one");
        }
        (Some(line), None) => report(
            line,
            "`unsafe` in a file that does not open it: write `#![allow(unsafe_code)]` and the reason in the head",
        ),
        (Some(_), Some(_)) if !explained => {
            report(1, "the head must say why this file needs `unsafe` and what makes it sound");
        }
        (None, Some(line)) => report(line, "no `unsafe` here: remove `#![allow(unsafe_code)]`"),
        _ => {}
    }
    if let Some(line) = opened.filter(|_| path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs")) {
        report(
            line,
            "this opens `unsafe` for the whole crate: move the code into a module that opens it for itself",
        );
    }
    if let Some(line) = item {
        report(line, "open `unsafe` at the head of the file: `#![allow(unsafe_code)]`");
    }
    found
}

/// The line of the first attribute of this form that names the lint.
fn attribute(code: &str, form: &str) -> Option<usize> {
    let begins = |at: &usize| {
        let open = code[..*at].rfind('#')?;
        let attribute: String = code[open..*at].split_whitespace().collect();
        attribute.starts_with(form).then_some(())
    };
    let at = occurrences(code, "unsafe_code").into_iter().find(|at| begins(at).is_some())?;
    Some(line_of(code, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::mask;

    fn check_at(path: &str, text: &str) -> Vec<String> {
        check(path, text, &mask::code(text)).into_iter().map(|violation| violation.to_string()).collect()
    }

    #[test]
    fn an_opened_file_that_explains_itself_passes() {
        let text = "//! System calls; unsafe: they take raw pointers.\n#![allow(unsafe_code)]\nfn f() { unsafe {} }\n";
        assert!(check_at("crates/ipc/src/sys.rs", text).is_empty());
    }

    #[test]
    fn unopened_unsafe_is_caught() {
        let found = check_at("crates/ipc/src/sys.rs", "//! Head.\nfn f() { unsafe {} }\n");
        assert!(found[0].starts_with("crates/ipc/src/sys.rs:2: "), "{found:?}");
    }

    #[test]
    fn a_head_without_the_reason_is_caught() {
        let found =
            check_at("crates/ipc/src/sys.rs", "//! Calls.\n#![allow(unsafe_code)]\nfn f() { unsafe {} }\n");
        assert!(found[0].contains("must say why"), "{found:?}");
    }

    #[test]
    fn an_idle_opening_is_caught() {
        let found = check_at("crates/ipc/src/sys.rs", "//! unsafe\n#![allow(unsafe_code)]\nfn f() {}\n");
        assert!(found[0].contains("sys.rs:2: no `unsafe` here"), "{found:?}");
    }

    #[test]
    fn opening_a_whole_crate_or_one_item_is_caught() {
        let whole = "//! unsafe\n#![allow(unsafe_code)]\nfn f() { unsafe {} }\n";
        assert!(check_at("crates/ipc/src/lib.rs", whole)[0].contains("whole crate"));
        let item = "//! unsafe\n#![allow(unsafe_code)]\n#[allow(unsafe_code)]\nfn f() { unsafe {} }\n";
        assert!(check_at("crates/ipc/src/sys.rs", item)[0].contains("head of the file"));
    }

    #[test]
    fn facade_and_macros_forbid() {
        assert!(check_at("crates/multiproc/src/lib.rs", "//! Facade.\n#![forbid(unsafe_code)]\n").is_empty());
        assert!(check_at("crates/multiproc/src/lib.rs", "//! Facade.\n")[0].contains("forbid"));
        let found = check_at("crates/macros/src/main_fn.rs", "//! Quotes.\nfn f() { unsafe {} }\n");
        assert!(found[0].contains("another one"), "{found:?}");
    }

    #[test]
    fn the_word_in_comments_strings_and_lints_is_no_unsafe() {
        let text = "//! Head.\n// unsafe\nfn f() { g(\"unsafe\"); }\n#[deny(unsafe_code)]\nmod m {}\n";
        assert!(check_at("crates/ipc/src/sys.rs", text).is_empty());
    }
}
