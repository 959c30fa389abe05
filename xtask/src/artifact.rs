//! Which program a run of cargo has built, from the messages that it prints.

use std::path::PathBuf;
use std::process::Command;

use crate::shell;

/// The first program that `build`, a command of cargo, builds.
pub(crate) fn program(build: &mut Command) -> Result<Option<PathBuf>, String> {
    let messages = shell::capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    Ok(messages.lines().find_map(executable))
}

/// The program that a message of cargo is about, if it is about one.
fn executable(message: &str) -> Option<PathBuf> {
    let (_, after) = message.split_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut characters = after.chars();
    loop {
        match characters.next()? {
            '"' => return Some(path.into()),
            '\\' => path.push(characters.next()?),
            other => path.push(other),
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
}
