//! What the command is asked to do.

use std::ffi::OsString;

use lexopt::Arg::{Long, Short, Value};

use crate::failure::Failure;

pub(crate) const HELP: &str = "\
Lists shared memory and who has it, and cleans up after dead programs.

Usage: multiproc ls [--json] [--all]
       multiproc clean [--dry-run]

  ls             segments with names, of this crate's programs and CPython's, segments of families,
                 and locks in these: who holds each, and who waits for it
    --json       for programs: sizes in bytes, ages in seconds
    --all        other files in /dev/shm as well
  clean          takes the names away that dead programs of this user have left, never a living one's
    --dry-run    only tells which
  -h, --help     this text
  -V, --version  the version

Who maps a segment is known of the processes whose maps this user may read, and who waits for a lock
of those that this user may trace.
Exit codes: 0 success, 1 something failed, 2 the arguments make no sense.
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Version,
    List { json: bool, all: bool },
    Clean { dry_run: bool },
}

pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command = None;
    while let Some(argument) = parser.next().map_err(usage)? {
        match (argument, &mut command) {
            (Short('h') | Long("help"), _) => return Ok(Command::Help),
            (Short('V') | Long("version"), _) => return Ok(Command::Version),
            (Value(word), None) => command = Some(named(&word)?),
            (Long("json"), Some(Command::List { json, .. })) => *json = true,
            (Long("all"), Some(Command::List { all, .. })) => *all = true,
            (Long("dry-run"), Some(Command::Clean { dry_run })) => *dry_run = true,
            (other, _) => return Err(usage(other.unexpected())),
        }
    }
    command.ok_or_else(|| Failure::Usage("say what to do: `ls` or `clean`".to_owned()))
}

fn named(word: &OsString) -> Result<Command, Failure> {
    match word.to_str() {
        Some("ls") => Ok(Command::List { json: false, all: false }),
        Some("clean") => Ok(Command::Clean { dry_run: false }),
        _ => Err(Failure::Usage(format!("there is no command {word:?}"))),
    }
}

fn usage(error: lexopt::Error) -> Failure {
    Failure::Usage(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Failure> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn commands_and_their_options() {
        for (line, command) in [
            ("ls", Command::List { json: false, all: false }),
            ("ls --json", Command::List { json: true, all: false }),
            ("ls --all --json", Command::List { json: true, all: true }),
            ("clean", Command::Clean { dry_run: false }),
            ("clean --dry-run", Command::Clean { dry_run: true }),
            ("--help", Command::Help),
            ("ls -h", Command::Help),
            ("-V", Command::Version),
        ] {
            assert_eq!(parsed(line).unwrap(), command, "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (line, word) in [
            ("", "`ls` or `clean`"),
            ("lx", "lx"),
            ("ls clean", "clean"),
            ("ls --dry-run", "--dry-run"),
            ("clean --json", "--json"),
            ("--json ls", "--json"),
            ("ls --json=yes", "--json"),
            ("clean -x", "-x"),
        ] {
            match parsed(line) {
                Err(Failure::Usage(message)) => assert!(message.contains(word), "{line}: {message}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }
}
