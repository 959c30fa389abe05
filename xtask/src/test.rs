//! `cargo xtask test`: what `cargo test` runs, its programs side by side.

use std::process::ExitCode;

use crate::{Failure, Outcome, suites};

/// `arguments` select packages, features and targets, in words of `cargo test`; none: the workspace.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => suites::run(&["--workspace"])?,
        [first, ..] if !first.starts_with('-') || words.contains(&"--") => {
            return Err(Failure::Usage(format!(
                "`cargo xtask test` runs whole programs; one test: `cargo test {}`",
                words.join(" ")
            )));
        }
        words => suites::run(words)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_refused() {
        for words in [&["attack"][..], &["--workspace", "--", "attack"]] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_string()).collect();
            let refused = run(&words);
            assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("attack")));
        }
    }
}
