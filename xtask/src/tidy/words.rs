//! Nothing unfinished is committed, and no lock file: the words that mark it, in any text file.

use super::Violation;
use crate::text::{line_of, occurrences};

/// Built from halves, so that this file passes its own rule.
const WORDS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for word in WORDS {
        for at in occurrences(text, word) {
            let what = format!("`{word}`: finish it or take it out");
            found.push(Violation::new(path, line_of(text, at), what));
        }
    }
    if path == "Cargo.lock" || path.ends_with("/Cargo.lock") {
        found.push(Violation::new(
            path,
            1,
            "a workspace of libraries tracks no lock file: `git rm --cached` it",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_caught_with_its_line() {
        for word in WORDS {
            let found = check("docs/testing.md", &format!("fine\nnot {word} fine\n"));
            assert_eq!((found.len(), found[0].line), (1, 2), "{word}");
        }
    }

    #[test]
    fn parts_of_longer_words_pass() {
        for word in WORDS {
            let longer = format!("/tmp/x{word} my_{word}");
            assert!(check("a.rs", &longer).is_empty(), "{longer}");
        }
    }

    #[test]
    fn a_lock_file_is_caught() {
        assert_eq!(check("Cargo.lock", "").len(), 1);
        assert_eq!(check("benches/Cargo.lock", "").len(), 1);
        assert!(check("Cargo.toml", "").is_empty());
    }
}
