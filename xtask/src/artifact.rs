//! Which program a run of cargo has built, from the messages that it prints.

use std::path::PathBuf;
use std::process::Command;

use crate::shell;

/// The first program that `build`, a command of cargo, builds.
pub(crate) fn program(build: &mut Command) -> Result<Option<PathBuf>, String> {
    let messages = shell::capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    Ok(messages.lines().find_map(executable))
}

/// A program of tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Built {
    pub(crate) program: PathBuf,
    /// Of its package.
    pub(crate) folder: PathBuf,
    /// Its name in the package: the library's, or the file's.
    pub(crate) target: String,
}

/// The programs of tests that `build`, a command of cargo, builds.
pub(crate) fn tests(build: &mut Command) -> Result<Vec<Built>, String> {
    let messages = shell::capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    Ok(messages.lines().filter_map(built).collect())
}

/// The program of tests that a message is about; an example is a program as well.
fn built(message: &str) -> Option<Built> {
    let (_, profile) = message.split_once("\"profile\":{")?;
    let (profile, _) = profile.split_once('}')?;
    if !profile.contains("\"test\":true") {
        return None;
    }
    let program = executable(message)?;
    let manifest = PathBuf::from(text(message, "manifest_path")?);
    let (_, target) = message.split_once("\"target\":{")?;
    Some(Built { program, folder: manifest.parent()?.to_path_buf(), target: text(target, "name")? })
}

/// The program that a message of cargo is about, if it is about one.
fn executable(message: &str) -> Option<PathBuf> {
    text(message, "executable").map(PathBuf::from)
}

/// The first text that is called `key`.
fn text(message: &str, key: &str) -> Option<String> {
    let (_, after) = message.split_once(&format!("\"{key}\":\""))?;
    let mut text = String::new();
    let mut characters = after.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_the_messages() {
        let library = r#"{"reason":"compiler-artifact","executable":null,"fresh":true}"#;
        let program = r#"{"reason":"compiler-artifact","executable":"/a \"b\"/pool-1","fresh":true}"#;
        assert_eq!(executable(library), None);
        assert_eq!(executable(program), Some(PathBuf::from("/a \"b\"/pool-1")));
    }

    #[test]
    fn tests_are_told_from_examples() {
        let message = |test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/crates/sync/Cargo.toml","target":{{"kind":["test"],"name":"attack","test":true}},"profile":{{"opt_level":"0","test":{test}}},"executable":"/w/target/attack-1"}}"#
            )
        };
        let attack = Built {
            program: "/w/target/attack-1".into(),
            folder: "/w/crates/sync".into(),
            target: "attack".to_string(),
        };
        assert_eq!(built(&message(true)), Some(attack));
        assert_eq!(built(&message(false)), None);
    }
}
