//! `cargo xtask loom`: the models of every crate that has some, each in a process of its own, since a model that
//! deadlocks aborts; and the bugs planted in them, which must be caught.

mod build;
mod report;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use self::report::{Finding, Sum};
use crate::selection::Selection;
use crate::workspace::{Member, Workspace};
use crate::{Failure, Outcome, parallel, shell};

/// How far the orders of threads are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// In the continuous integration.
    Quick,
    /// Some minutes to an hour.
    Deep,
}

impl Depth {
    /// The most preemptions in one order.
    fn bound(self) -> usize {
        match self {
            Self::Quick => 2,
            Self::Deep => 3,
        }
    }

    /// The longest that one model may take.
    fn limit(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(300),
            Self::Deep => Duration::from_secs(3 * 3600),
        }
    }
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (depth, names) = parse(arguments).map_err(Failure::Usage)?;
    check(&Workspace::load()?, depth, &names)?;
    Ok(ExitCode::SUCCESS)
}

fn parse(arguments: &[String]) -> Result<(Depth, Vec<String>), String> {
    let (flags, names): (Vec<_>, Vec<_>) =
        arguments.iter().cloned().partition(|argument| argument.starts_with('-'));
    match flags.iter().find(|flag| *flag != "--deep") {
        Some(other) => Err(format!("`cargo xtask loom` takes `--deep` and names, got `{other}`")),
        None => Ok((if flags.is_empty() { Depth::Quick } else { Depth::Deep }, names)),
    }
}

/// Builds the models and runs them, a line for each; any failure is an error after the last.
///
/// With `names`, only crates in folders of that name, and models whose names contain one of them.
pub(crate) fn check(workspace: &Workspace, depth: Depth, names: &[String]) -> Result<(), String> {
    let target = shell::target()?.join("loom");
    let logs = target.join("logs");
    std::fs::create_dir_all(&logs).map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    let mut selection = Selection::of(names);
    let members = workspace.members.iter().filter(|member| has_models(workspace, member));
    let members: Vec<(&Member, bool)> =
        members.map(|member| (member, selection.takes_group(member.folder()))).collect();
    let more = selection.may_take_more();
    let members: Vec<_> = members.into_iter().filter(|(_, whole)| *whole || more).collect();
    let packages: Vec<&str> = members.iter().map(|(member, _)| member.package.name.as_str()).collect();
    println!("-- building the models of {}", packages.join(", "));
    let programs = if packages.is_empty() { Vec::new() } else { build::programs(&packages, &target)? };
    let mut tests = Vec::new();
    for ((_, whole), program) in members.iter().zip(programs) {
        let models = build::tests(&program)?.into_iter().filter(|model| selection.takes(model) || *whole);
        tests.extend(models.map(|name| Test { program: program.clone(), name }));
    }
    selection.verdict("loom: no crate or model")?;
    let start = Instant::now();
    let mut sum = Sum::default();
    parallel::run(
        tests,
        |test| run_one(test, depth, &logs),
        |finding| {
            print!("{finding}");
            sum.add(&finding);
        },
    );
    println!("{sum}, {:.1} s", start.elapsed().as_secs_f64());
    sum.verdict(names.is_empty())
}

fn has_models(workspace: &Workspace, member: &Member) -> bool {
    let sources = format!("{}/src/", member.directory);
    workspace.files.iter().any(|path| path.starts_with(&sources) && is_models(path))
}

/// Whether models are in this file.
fn is_models(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with("loom_") && name.ends_with(".rs"))
}

/// One test of a program that checks models.
struct Test {
    program: PathBuf,
    name: String,
}

fn run_one(test: &Test, depth: Depth, logs: &Path) -> Finding {
    let log = logs.join(format!("{}.txt", test.name.replace("::", "-")));
    let start = Instant::now();
    let ended = run_into(test, depth, &log);
    let seconds = start.elapsed().as_secs_f64();
    let text = std::fs::read(&log).unwrap_or_default(); // what is missing is reported by `ended`
    report::read(&test.name, &String::from_utf8_lossy(&text), ended, depth.bound(), seconds).with_log(&log)
}

fn run_into(test: &Test, depth: Depth, log: &Path) -> Result<(), String> {
    let open = |error| format!("cannot write {}: {error}", log.display());
    let file = File::create(log).map_err(open)?;
    let both = file.try_clone().map_err(open)?;
    let mut command = Command::new(&test.program);
    command.args(["--exact", &test.name, "--nocapture", "--test-threads=1"]);
    command.env("LOOM_MAX_PREEMPTIONS", depth.bound().to_string()).env("RUST_BACKTRACE", "0");
    shell::run_within(command.stdout(file).stderr(both), depth.limit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_argument_is_refused() {
        let words = |line: &str| line.split(' ').map(str::to_string).collect::<Vec<_>>();
        assert!(parse(&words("sync --deeper")).unwrap_err().contains("--deeper"));
        assert_eq!(parse(&words("sync --deep")), Ok((Depth::Deep, words("sync"))));
        assert_eq!(parse(&[]), Ok((Depth::Quick, Vec::new())));
    }

    #[test]
    fn models_are_found_by_their_files() {
        assert!(is_models("crates/pool/src/pool/tests/loom_role.rs"));
        assert!(!is_models("crates/pool/src/loom_role/kernel.rs") && !is_models("xtask/src/loom.rs"));
    }

    #[test]
    fn deep_is_deeper() {
        assert!(Depth::Deep.bound() > Depth::Quick.bound());
    }

    #[test]
    fn a_program_that_cannot_be_started_is_a_failure() {
        let logs = std::env::temp_dir().join(format!("xtask-loom-{}", std::process::id()));
        std::fs::create_dir(&logs).unwrap();
        let tests = vec![Test { program: "/no/such/program".into(), name: "models::loom_a".into() }];
        let mut sum = Sum::default();
        parallel::run(tests, |test| run_one(test, Depth::Quick, &logs), |finding| sum.add(&finding));
        std::fs::remove_dir_all(&logs).unwrap();
        assert!(sum.verdict(false).is_err());
    }
}
