//! `cargo xtask ci`: every check after `cargo test`, in order, up to the first that fails.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::workspace::Workspace;
use crate::{Failure, Outcome, alone, fault, loom, python, shell, stress, suites, table, tidy};

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace) -> Result<(), String>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", about: "rustfmt would change nothing", run: fmt },
    Step { name: "clippy", about: "no warning, in any target", run: clippy },
    Step { name: "docs", about: "rustdoc has no warning, private items included", run: docs },
    Step { name: "tidy", about: "the rules of the repository", run: tidy::check },
    Step { name: "features", about: "the facade with each feature alone and with none", run: features },
    Step {
        name: "crates",
        about: "each published crate compiles with only the features it asks for",
        run: crates,
    },
    Step { name: "views", about: "shm with its arrays as views of the crate ndarray", run: views },
    Step {
        name: "watched",
        about: "sync with the features that watch its locks: lints, documents, tests, and what the command shows",
        run: watched,
    },
    Step { name: "loom", about: "models in every order, and bugs planted in them", run: quick_loom },
    Step { name: "fault", about: "kills before every instruction of the locks' operations", run: all_faults },
    Step {
        name: "stress",
        about: "locks used, and words counted, for some seconds each while processes are killed",
        run: stress::check,
    },
    Step {
        name: "interop",
        about: "memory shared with CPython of each version, and with one that lies",
        run: interop,
    },
    Step {
        name: "alone",
        about: "each published crate works in a foreign workspace and packages",
        run: alone::check,
    },
];

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Passed,
    Failed,
    NotRun,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    match arguments {
        [] => {}
        [list] if list == "--list" => {
            print!("{}", list_steps());
            return Ok(ExitCode::SUCCESS);
        }
        [other, ..] => {
            return Err(Failure::Usage(format!("`cargo xtask ci` takes `--list` or nothing, got `{other}`")));
        }
    }
    let workspace = Workspace::load()?;
    let (rows, failure) = drive(STEPS, &workspace);
    println!("\n{}", report(&rows));
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(message) => Err(Failure::Failed(message)),
    }
}

fn list_steps() -> String {
    let rows: Vec<Vec<String>> =
        STEPS.iter().map(|step| vec![step.name.to_string(), step.about.to_string()]).collect();
    table::render(&rows, &[])
}

type Row = (&'static str, Duration, Ending);

/// Runs the steps in order; what follows a failure is not run, and says so.
fn drive(steps: &[Step], workspace: &Workspace) -> (Vec<Row>, Option<String>) {
    let mut failure = None;
    let mut rows = Vec::new();
    for step in steps {
        if failure.is_some() {
            rows.push((step.name, Duration::ZERO, Ending::NotRun));
            continue;
        }
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        let ending = match (step.run)(workspace) {
            Ok(()) => Ending::Passed,
            Err(message) => {
                failure = Some(format!("step `{}`: {message}", step.name));
                Ending::Failed
            }
        };
        rows.push((step.name, start.elapsed(), ending));
    }
    (rows, failure)
}

fn report(rows: &[Row]) -> String {
    let mut lines = vec![["step", "seconds", "result"].map(str::to_string).to_vec()];
    for (name, time, ending) in rows {
        let (seconds, result) = match ending {
            Ending::Passed => (format!("{:.1}", time.as_secs_f64()), "ok"),
            Ending::Failed => (format!("{:.1}", time.as_secs_f64()), "FAILED"),
            Ending::NotRun => ("-".to_string(), "not run"),
        };
        lines.push(vec![(*name).to_string(), seconds, result.to_string()]);
    }
    let total: Duration = rows.iter().map(|(_, time, _)| *time).sum();
    lines.push(vec!["total".to_string(), format!("{:.1}", total.as_secs_f64()), String::new()]);
    table::render(&lines, &[1])
}

fn fmt(_workspace: &Workspace) -> Result<(), String> {
    shell::require("fmt", "rustfmt")?;
    shell::run(&mut shell::cargo(["fmt", "--all", "--check"]))
        .map_err(|error| format!("{error}\n`cargo fmt --all` puts it right"))
}

fn clippy(_workspace: &Workspace) -> Result<(), String> {
    shell::require("clippy", "clippy")?;
    lint(&["--workspace", "--all-targets"])?;
    // The programs that other chores run, and that `cargo test` leaves out.
    lint(&["--workspace", "--test", "fault", "--test", "python", "--test", "storm", "--test", "stress"])
}

/// A check in which a warning is an error; other than by `RUSTFLAGS`, dependencies are not built anew.
fn lint(selection: &[&str]) -> Result<(), String> {
    shell::run(shell::cargo(["clippy"]).args(selection).args(["--", "-D", "warnings"]))
}

fn docs(_workspace: &Workspace) -> Result<(), String> {
    document(&["--workspace"])
}

fn document(selection: &[&str]) -> Result<(), String> {
    let mut command = shell::cargo(["doc", "--no-deps", "--document-private-items"]);
    shell::run(command.args(selection).env("RUSTDOCFLAGS", "-D warnings"))
}

fn features(workspace: &Workspace) -> Result<(), String> {
    let facade = workspace.published().find(|member| member.package.name == "multiproc");
    let facade = facade.ok_or("there is no crate `multiproc`")?;
    let check = |extra: &[&str]| {
        println!("-- multiproc {}", extra.join(" "));
        lint(&[&["--package", "multiproc", "--no-default-features"], extra].concat())
    };
    check(&[])?;
    for feature in facade.manifest.features.iter().filter(|feature| *feature != "default") {
        check(&["--features", feature])?;
    }
    Ok(())
}

fn crates(workspace: &Workspace) -> Result<(), String> {
    for member in workspace.published() {
        println!("-- {}", member.package.name);
        lint(&["--package", &member.package.name])?;
    }
    Ok(())
}

/// The feature of shm by which arrays have views of another crate.
fn views(_workspace: &Workspace) -> Result<(), String> {
    let shm = ["--package", "multiproc-shm", "--features", "ndarray"];
    lint(&[&shm[..], &["--all-targets"]].concat())?;
    document(&shm)?;
    let test = |selection: &[&str]| shell::run(shell::cargo(["test"]).args(shm).args(selection));
    test(&["--test", "array_ndarray"])?;
    test(&["--doc", "nd_views"])
}

/// The features of sync that watch its locks: all of its tests pass with them.
fn watched(_workspace: &Workspace) -> Result<(), String> {
    const SYNC: [&str; 2] = ["--package", "multiproc-sync"];
    for feature in ["contention", "deadlock"] {
        println!("-- multiproc-sync --features {feature}");
        lint(&[&SYNC[..], &["--features", feature]].concat())?;
    }
    println!("-- multiproc-sync with both");
    let both = [&SYNC[..], &["--features", "contention,deadlock"]].concat();
    lint(&[&both[..], &["--all-targets", "--test", "*"]].concat())?;
    document(&both)?;
    suites::run(&both)?;
    println!("-- multiproc-cli, of families that tell of their locks");
    let features = "multiproc-sync/contention,multiproc-sync/deadlock";
    let of_cli = ["test", "--package", "multiproc-cli", "--features", features];
    let locks = ["--test", "locks", "--test", "forged"];
    shell::run(&mut shell::cargo(of_cli.iter().chain(&locks)))
}

fn quick_loom(workspace: &Workspace) -> Result<(), String> {
    loom::check(workspace, loom::Depth::Quick, &[])
}

fn all_faults(_workspace: &Workspace) -> Result<(), String> {
    fault::check(fault::Depth::Quick, &[])
}

fn interop(_workspace: &Workspace) -> Result<(), String> {
    python::check()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(_workspace: &Workspace) -> Result<(), String> {
        Err("broken on purpose".to_string())
    }

    fn passes(_workspace: &Workspace) -> Result<(), String> {
        Ok(())
    }

    #[test]
    fn the_first_failure_stops_and_the_rest_is_shown_as_not_run() {
        let steps = [("one", passes as fn(&Workspace) -> _), ("two", fails), ("three", passes)];
        let steps = steps.map(|(name, run)| Step { name, about: "", run });
        let (rows, failure) = drive(&steps, &Workspace::load().unwrap());
        assert_eq!(failure.as_deref(), Some("step `two`: broken on purpose"));
        let endings: Vec<Ending> = rows.iter().map(|(_, _, ending)| *ending).collect();
        assert_eq!(endings, [Ending::Passed, Ending::Failed, Ending::NotRun]);
        let report = report(&rows);
        assert!(report.contains("FAILED") && report.contains("not run"), "{report}");
    }

    #[test]
    fn an_unknown_argument_is_refused() {
        let refused = run(&["--fast".to_string()]);
        assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("--fast")));
    }

    #[test]
    fn the_list_names_every_step() {
        let list = list_steps();
        assert!(STEPS.iter().all(|step| list.contains(step.name)), "{list}");
    }
}
