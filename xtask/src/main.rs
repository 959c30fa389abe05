//! Chores of the workspace: `cargo xtask help` lists them. This file only dispatches.

mod alone;
mod artifact;
mod bench;
mod ci;
mod fault;
mod fuzz;
mod loom;
mod manifest;
mod markdown;
mod parallel;
mod python;
mod selection;
mod shell;
mod stress;
mod suites;
mod table;
mod test;
mod text;
mod tidy;
mod workspace;

use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
enum Failure {
    /// The arguments make no sense: exit code 2.
    Usage(String),
    /// The chore itself failed: exit code 1.
    Failed(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

type Outcome = Result<ExitCode, Failure>;

struct Chore {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Outcome,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "ci",
        arguments: "[--list]",
        about: "every check of the continuous integration",
        run: ci::run,
    },
    Chore {
        name: "tidy",
        arguments: "",
        about: "layering, versions, heads, sizes, documents",
        run: tidy::run,
    },
    Chore {
        name: "test",
        arguments: "[ARG…]",
        about: "what `cargo test --workspace` runs, its programs side by side",
        run: test::run,
    },
    Chore {
        name: "loom",
        arguments: "[--deep] [CRATE|MODEL…]",
        about: "models of waiting in every order, and bugs planted in them",
        run: loom::run,
    },
    Chore {
        name: "fault",
        arguments: "[CRATE|SCENARIO…]",
        about: "kills before every instruction of the locks' operations, and a planted bug",
        run: fault::run,
    },
    Chore {
        name: "stress",
        arguments: "[pool | sync] [--minutes N | --short] [--seed N]",
        about: "word counts, and the use of all locks, while processes are killed at random",
        run: stress::run,
    },
    Chore {
        name: "python",
        arguments: "[shm] [--versions 3.11,…] [--find]",
        about: "live CPython and numpy at the other end, of each version",
        run: python::run,
    },
    Chore {
        name: "fuzz",
        arguments: "[--seconds N] [--seed N] [TARGET…]",
        about: "hostile bytes at random, at what reads strangers' memory",
        run: fuzz::run,
    },
    Chore {
        name: "alone",
        arguments: "",
        about: "each crate by itself in a foreign workspace",
        run: alone::run,
    },
    Chore {
        name: "bench",
        arguments: "[ARG…]",
        about: "benchmarks beside peers and floors",
        run: bench::run,
    },
    Chore { name: "help", arguments: "", about: "this list", run: help },
];

fn main() -> ExitCode {
    let arguments: Result<Vec<String>, _> =
        std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let outcome = match arguments {
        Ok(arguments) => dispatch(&arguments),
        Err(raw) => Err(Failure::Usage(format!("the argument {raw:?} is not UTF-8"))),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::Usage(format!("which chore?\n\n{}", list())));
    };
    let name = if name == "--help" || name == "-h" { "help" } else { name };
    match CHORES.iter().find(|chore| chore.name == name) {
        Some(chore) => (chore.run)(rest),
        None => Err(Failure::Usage(format!("there is no chore `{name}`\n\n{}", list()))),
    }
}

fn help(_arguments: &[String]) -> Outcome {
    print!("{}", list());
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    let rows: Vec<Vec<String>> = CHORES
        .iter()
        .map(|chore| {
            vec![format!("  cargo xtask {} {}", chore.name, chore.arguments), chore.about.to_string()]
        })
        .collect();
    table::render(&rows, &[])
}

/// Refuses arguments for a chore that takes none.
fn no_arguments(chore: &str, arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::Usage(format!("`cargo xtask {chore}` takes no argument, got `{extra}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_chore_is_a_usage_error_with_the_list() {
        let Err(Failure::Usage(message)) = dispatch(&["nonsense".to_string()]) else {
            panic!("`nonsense` was accepted");
        };
        assert!(message.contains("no chore `nonsense`"), "{message}");
        for chore in CHORES {
            assert!(message.contains(chore.name), "{} is not listed:\n{message}", chore.name);
        }
    }

    #[test]
    fn no_chore_is_a_usage_error() {
        assert!(matches!(dispatch(&[]), Err(Failure::Usage(_))));
    }

    #[test]
    fn a_chore_without_arguments_refuses_one() {
        let refused = dispatch(&["tidy".to_string(), "--fast".to_string()]);
        assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("--fast")));
    }

    #[test]
    fn names_are_unique() {
        for (at, chore) in CHORES.iter().enumerate() {
            assert!(CHORES[..at].iter().all(|other| other.name != chore.name), "{} twice", chore.name);
        }
    }
}
