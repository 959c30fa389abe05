//! `cargo xtask fault`: the programs that kill processes before every instruction of an operation, each scenario in a
//! process of its own; and the planted bugs, each of which must be found by name.

mod build;
mod planted;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use self::planted::{PLANTED, Planted};
use self::report::{Finding, Sum};
use crate::selection::Selection;
use crate::{Failure, Outcome, parallel, shell};

/// The longest that one scenario may take: far beyond what it does.
const LIMIT: Duration = Duration::from_secs(180);

/// A fault program: a test of a package with a `main` of its own.
#[derive(Clone, Copy, Debug)]
struct Program {
    /// Of its package, within `crates/`.
    folder: &'static str,
    package: &'static str,
    test: &'static str,
    /// Of the package, separated by commas.
    features: &'static str,
    /// Before the names of its scenarios.
    prefix: &'static str,
    /// The scenarios that run; empty: all.
    only: &'static [&'static str],
}

const SYNC: Program =
    Program { folder: "sync", package: "multiproc-sync", test: "fault", features: "", prefix: "", only: &[] };

/// The same where locks tell of what is done with them: a kill in the middle of that leaves nobody waiting, and tells nothing wrong.
const WATCHED: Program = Program {
    features: "contention,deadlock",
    prefix: "watched ",
    only: &[
        "owner/alone",
        "owner/sleeping",
        "waiter/sleeping",
        "recoverer/alone",
        "reentrant mutex/crosswise/sleeping",
        "rwlock/reader",
        "rwlock/writer behind a writer",
        "rwlock/writer behind those kept out",
        "rwlock/downgrade+sleeping",
        "condvar/woken",
        "counted/alone",
        "counted/waiting",
    ],
    ..SYNC
};

const PROGRAMS: &[Program] = &[SYNC, WATCHED];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(flag) = arguments.iter().find(|argument| argument.starts_with('-')) {
        return Err(Failure::Usage(format!(
            "`cargo xtask fault` takes names of crates and scenarios, or nothing, got `{flag}`"
        )));
    }
    check(arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds the programs and runs their scenarios, a line for each; any failure is an error after the last.
///
/// With `names`, only crates in folders of that name, and scenarios whose names contain one of them.
pub(crate) fn check(names: &[String]) -> Result<(), String> {
    let target = shell::target()?.join("fault");
    let logs = target.join("logs");
    std::fs::create_dir_all(&logs).map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    let mut selection = Selection::of(names);
    let mut runs = Vec::new();
    for program in PROGRAMS {
        println!("-- building {} of {}", program.test, program.package);
        let path = build::program(program, false, &target.join(program.prefix.trim()))?;
        let whole = selection.takes_group(program.folder);
        let scenarios = build::scenarios(&path)?;
        if let Some(gone) =
            program.only.iter().find(|only| !scenarios.iter().any(|scenario| scenario == *only))
        {
            return Err(format!("fault: {} has no scenario `{gone}`", program.test));
        }
        let runs_in_it =
            |scenario: &String| program.only.is_empty() || program.only.contains(&scenario.as_str());
        let of_it = scenarios.into_iter().filter(runs_in_it);
        let named = of_it.map(|scenario| (format!("{}{scenario}", program.prefix), scenario));
        let chosen = named.filter(|(name, _)| selection.takes(name) || whole);
        runs.extend(chosen.map(|(name, scenario)| Run {
            program: path.clone(),
            name,
            scenario,
            planted: None,
        }));
    }
    selection.verdict("fault: no crate or scenario")?;
    let is_chosen = |planted: &&Planted| runs.iter().any(|run| run.name == planted.scenario);
    let chosen: Vec<_> = PLANTED.iter().filter(is_chosen).collect();
    for program in PROGRAMS.iter().filter(|program| program.only.is_empty()) {
        let in_it = chosen.iter().filter(|planted| planted.package == program.package);
        let in_it: Vec<Planted> = in_it.map(|planted| **planted).collect();
        if in_it.is_empty() {
            continue;
        }
        println!("-- building {} of {} for planted bugs", program.test, program.package);
        let path = build::program(program, true, &target.join("planted"))?;
        let run = |planted: Planted| Run {
            program: path.clone(),
            name: planted.scenario.to_string(),
            scenario: planted.scenario.to_string(),
            planted: Some(planted),
        };
        runs.extend(in_it.into_iter().map(run));
    }
    let start = Instant::now();
    let mut sum = Sum::default();
    parallel::run(
        runs,
        |run| run_one(run, &logs),
        |finding| {
            print!("{finding}");
            sum.add(&finding);
        },
    );
    println!("{sum}, {:.1} s", start.elapsed().as_secs_f64());
    sum.verdict(if names.is_empty() { PLANTED.len() } else { 0 })
}

/// One scenario of a program.
#[derive(Debug)]
struct Run {
    program: PathBuf,
    /// For people.
    name: String,
    /// For the program.
    scenario: String,
    planted: Option<Planted>,
}

fn run_one(run: &Run, logs: &Path) -> Finding {
    let planted = run.planted.map(|planted| format!("-{}", planted.bug)).unwrap_or_default();
    let log = logs.join(format!("{}{planted}.txt", run.name.replace('/', "-")));
    let ended = run_into(run, &log);
    let text = std::fs::read(&log).unwrap_or_default(); // what is missing is reported by `ended`
    let text = String::from_utf8_lossy(&text);
    let finding = match &run.planted {
        None => report::read(&run.name, &run.scenario, &text, ended),
        Some(planted) => report::read_planted(planted, &text),
    };
    finding.with_log(&log)
}

fn run_into(run: &Run, log: &Path) -> Result<(), String> {
    let open = |error| format!("cannot write {}: {error}", log.display());
    let file = File::create(log).map_err(open)?;
    let both = file.try_clone().map_err(open)?;
    let mut command = Command::new(&run.program);
    command.arg(&run.scenario).env("RUST_BACKTRACE", "0").stdout(file).stderr(both);
    if let Some(planted) = &run.planted {
        command.arg(planted::FIRST_FAILURE).env(planted::VARIABLE, planted.bug);
    }
    shell::run_within(&mut command, LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_refused() {
        let refused = run(&["--deep".to_string()]);
        assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("--deep")));
    }

    #[test]
    fn a_program_that_cannot_be_started_is_a_failure() {
        let logs = std::env::temp_dir().join(format!("xtask-fault-{}", std::process::id()));
        std::fs::create_dir(&logs).unwrap();
        let name = "owner/alone".to_string();
        let runs =
            vec![Run { program: "/no/such/program".into(), scenario: name.clone(), name, planted: None }];
        let mut sum = Sum::default();
        parallel::run(runs, |run| run_one(run, &logs), |finding| sum.add(&finding));
        std::fs::remove_dir_all(&logs).unwrap();
        assert!(sum.verdict(0).is_err());
    }
}
