//! Names of threads: what may be one, and the one that a thread has if it was given none.

use std::any::type_name;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::primitive::AtomicU64;

/// The name holds a NUL, which ends it for the system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a thread cannot be named {name:?}: there is a NUL at byte {at}, and the system's names end at one. Leave it out"
)]
#[non_exhaustive]
pub struct NameError {
    /// The name.
    pub name: String,
    /// Where in it the NUL stands.
    pub at: usize,
}

/// Refuses what is no name to the system.
pub(super) fn check(name: &str) -> Result<(), NameError> {
    // All of them, whatever is found: names are short, and this is done for each thread.
    if !name.bytes().fold(false, |found, byte| found | (byte == 0)) {
        return Ok(());
    }
    let at = name.find('\0').unwrap_or_default();
    Err(NameError { name: name.to_owned(), at })
}

/// `Thread-N (function)`, by the type of the function.
pub(crate) fn of_thread<F: ?Sized>() -> String {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let number = MADE.fetch_add(1, Relaxed);
    // One piece of memory, as it is done for each thread.
    let type_name = type_name::<F>();
    let mut name = String::with_capacity("Thread-18446744073709551615 ()".len() + type_name.len());
    name.push_str("Thread-");
    let _ = write!(name, "{number} ("); // to a string: does not fail
    push_readable(type_name, &mut name);
    name.push(')');
    name
}

/// `Dummy-N`, for a thread that was met and has no name.
pub(super) fn of_foreign() -> String {
    static MET: AtomicU64 = AtomicU64::new(1);
    format!("Dummy-{}", MET.fetch_add(1, Relaxed))
}

/// Appends the name of a type without the modules in it: `work`, `Shop::open`, `main::{closure}`, `sum<Vec<u8>>`.
fn push_readable(type_name: &str, text: &mut String) {
    let mut rest = type_name;
    while !rest.is_empty() {
        let path = rest.bytes().position(|byte| !OF_PATH[usize::from(byte)]).unwrap_or(rest.len());
        shorten(&rest[..path], text);
        rest = &rest[path..];
        let between = rest.bytes().position(|byte| OF_PATH[usize::from(byte)]).unwrap_or(rest.len());
        text.push_str(&rest[..between]);
        rest = &rest[between..];
    }
}

/// Whether a byte belongs to a path. Those of which characters beyond ASCII are made do. A table: it is asked for each thread.
static OF_PATH: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || !byte.is_ascii()
            || matches!(byte, b'_' | b':' | b'{' | b'}' | b'#');
        match byte.checked_add(1) {
            Some(next) => byte = next,
            None => break table,
        }
    }
};

/// Appends the last part of a path; with the one before it, if that is a type. Closures are named after what they stand in.
fn shorten(path: &str, text: &mut String) {
    if path.is_empty() {
        return;
    }
    let (begin, path) = match path.strip_prefix("::") {
        Some(path) => ("::", path), // goes on after a type with parameters
        None => ("", path),
    };
    let (mut before, mut last) = split_last(path);
    let is_closure = last == "{{closure}}";
    while last == "{{closure}}" {
        (before, last) = split_last(before);
    }
    text.push_str(begin);
    let (_, parent) = split_last(before);
    if parent.starts_with(char::is_uppercase) {
        text.push_str(parent);
        text.push_str("::");
    }
    text.push_str(last);
    if is_closure {
        text.push_str(if last.is_empty() { "{closure}" } else { "::{closure}" });
    }
}

/// What stands before the last part of a path, and that. By bytes: it is done for each thread.
fn split_last(path: &str) -> (&str, &str) {
    match path.bytes().rposition(|byte| byte == b':') {
        Some(colon) => (path[..colon].strip_suffix(':').unwrap_or_default(), &path[colon + 1..]),
        None => ("", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_readable() {
        for (name, expected) in [
            ("app::net::download", "download"),
            ("app::main::{{closure}}", "main::{closure}"),
            ("app::main::{{closure}}::{{closure}}", "main::{closure}"),
            ("app::main::{{closure}}::inner", "inner"),
            ("app::Shop::open", "Shop::open"),
            ("<app::Shop as app::Open>::open", "<Shop as Open>::open"),
            ("app::sum<alloc::vec::Vec<u8>>", "sum<Vec<u8>>"),
            ("app::Shop<app::Goods>::open::{{closure}}", "Shop<Goods>::open::{closure}"),
            ("fn(u32) -> alloc::string::String", "fn(u32) -> String"),
            ("alloc::boxed::Box<dyn core::ops::function::FnOnce()>", "Box<dyn FnOnce()>"),
            ("", ""),
            ("äpp::ärbeit", "ärbeit"),
        ] {
            let mut text = String::new();
            push_readable(name, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_closure_is_named_after_the_function_around_it() {
        fn name_of<F>(_: &F) -> String {
            of_thread::<F>()
        }
        let name = name_of(&|| ());
        assert!(name.starts_with("Thread-"), "{name}");
        assert!(name.ends_with(" (a_closure_is_named_after_the_function_around_it::{closure})"), "{name}");
    }

    #[test]
    fn a_nul_is_told() {
        let error = check("a\0b").unwrap_err();
        assert_eq!((error.name.as_str(), error.at), ("a\0b", 1));
        assert!(error.to_string().contains("byte 1"));
        assert_eq!(check("any other: ä \n 🦀"), Ok(()));
    }
}
