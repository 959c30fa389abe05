//! `cargo xtask python`: our programs with live CPython of each version and numpy at the other end, a table of what was checked; and the same
//! with a CPython that lies, which must be found out.

mod interpreter;
mod report;
mod venv;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use self::interpreter::{Interpreter, Places, Version};
use self::report::{Column, Kind};
use crate::{Failure, Outcome, artifact, parallel, shell};

/// A program of tests with a `main` of its own, that takes an interpreter.
#[derive(Debug)]
struct Suite {
    name: &'static str,
    package: &'static str,
    test: &'static str,
}

const SUITES: &[Suite] = &[Suite { name: "shm", package: "multiproc-shm", test: "python" }];

/// The versions that are peers.
const VERSIONS: &[Version] = &[Version(3, 11), Version(3, 12), Version(3, 13)];

/// The longest that all checks of a suite may take with one version: far beyond what they do.
const LIMIT: Duration = Duration::from_secs(300);

/// What the chore was asked to do.
#[derive(Debug, PartialEq, Eq)]
struct Request<'w> {
    /// None: all of them.
    suites: Vec<&'w str>,
    versions: Vec<Version>,
    /// Only to tell which interpreters there are.
    find: bool,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let request = request(&words).map_err(Failure::Usage)?;
    if request.find {
        interpreters(&request.versions)?;
    } else {
        interoperate(&request)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// All of it.
pub(crate) fn check() -> Result<(), String> {
    interoperate(&Request { suites: Vec::new(), versions: VERSIONS.to_vec(), find: false })
}

fn request<'w>(words: &[&'w str]) -> Result<Request<'w>, String> {
    let mut request = Request { suites: Vec::new(), versions: VERSIONS.to_vec(), find: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--find" => request.find = true,
            "--versions" => {
                let list = words.next().ok_or("`--versions` takes a list as 3.11,3.13")?;
                request.versions = list.split(',').map(version).collect::<Result<_, _>>()?;
            }
            name if SUITES.iter().any(|suite| suite.name == name) => request.suites.push(name),
            other => {
                let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
                return Err(format!(
                    "`cargo xtask python` takes names of suites ({}), `--versions 3.11,…` and `--find`, got `{other}`",
                    names.join(", ")
                ));
            }
        }
    }
    Ok(request)
}

fn version(word: &str) -> Result<Version, String> {
    let known = VERSIONS.iter().find(|version| version.to_string() == word);
    known.copied().ok_or_else(|| {
        let all: Vec<_> = VERSIONS.iter().map(Version::to_string).collect();
        format!("`{word}` is none of the versions {}", all.join(", "))
    })
}

/// Finds one interpreter for each version and prints them; whatever is missing is an error, with what to do about it.
fn interpreters(versions: &[Version]) -> Result<Vec<Interpreter>, String> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for version in versions {
        match interpreter::find(*version, &Places::of_environment(*version)) {
            Ok(interpreter) => {
                println!("-- {interpreter}");
                found.push(interpreter);
            }
            Err(why) => missing.push(why),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(missing.join("\n")) }
}

fn interoperate(request: &Request) -> Result<(), String> {
    let folder = shell::target()?.join("python");
    let interpreters = interpreters(&request.versions)?;
    let mut venvs = Vec::new();
    for interpreter in &interpreters {
        venvs.push((interpreter.version, venv::ready(interpreter, &folder)?));
    }
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    for suite in SUITES {
        if request.suites.is_empty() || request.suites.contains(&suite.name) {
            suite.interoperate(&venvs, &logs)?;
        }
    }
    Ok(())
}

/// A suite with one version.
#[derive(Debug)]
struct Run<'r> {
    version: Version,
    python: &'r Path,
    kind: Kind,
}

impl Suite {
    fn interoperate(&self, venvs: &[(Version, PathBuf)], logs: &Path) -> Result<(), String> {
        let program = self.build()?;
        let checks = shell::capture(Command::new(&program).arg("--list"))?;
        let checks: Vec<&str> = checks.lines().collect();
        let mut columns: Vec<Column> = venvs.iter().map(|(version, _)| Column::new(version)).collect();
        let mut runs = Vec::new();
        for (version, python) in venvs {
            runs.extend([Kind::Checks, Kind::Control].map(|kind| Run { version: *version, python, kind }));
        }
        let start = Instant::now();
        parallel::run(
            runs,
            |run| (run.version, run.kind, self.run(run, &program, logs)),
            |(version, kind, (text, ended))| {
                let column = columns.iter_mut().find(|column| column.is_of(version));
                column.expect("each version has one").add(kind, &text, ended);
            },
        );
        println!("{}", report::table(self.name, &checks, &columns));
        println!("{:.1} s; what was said lies in {}", start.elapsed().as_secs_f64(), logs.display());
        report::verdict(self.name, &checks, &columns)
    }

    fn build(&self) -> Result<PathBuf, String> {
        let mut command =
            shell::cargo(["test", "--no-run", "--quiet", "--package", self.package, "--test", self.test]);
        artifact::program(&mut command)?
            .ok_or_else(|| format!("cargo built no program {} of {}", self.test, self.package))
    }

    /// What it has said, and how it has ended.
    fn run(&self, run: &Run, program: &Path, logs: &Path) -> (String, Result<(), String>) {
        let log = logs.join(format!("{}-{}-{}.txt", self.name, run.version, run.kind.word()));
        let ended = into(&log, Command::new(program).arg(run.python).args(run.kind.arguments()));
        let text = std::fs::read(&log).unwrap_or_default(); // what is missing is reported by `ended`
        (String::from_utf8_lossy(&text).into_owned(), ended)
    }
}

fn into(log: &Path, command: &mut Command) -> Result<(), String> {
    let open = |error| format!("cannot write {}: {error}", log.display());
    let file = File::create(log).map_err(open)?;
    let both = file.try_clone().map_err(open)?;
    shell::run_within(command.env("RUST_BACKTRACE", "0").stdout(file).stderr(both), LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_words_it_is_every_suite_and_version() {
        let all = Request { suites: vec![], versions: VERSIONS.to_vec(), find: false };
        assert_eq!(request(&[]), Ok(all));
    }

    #[test]
    fn suites_and_versions_are_taken() {
        let asked = request(&["shm", "--versions", "3.12,3.11"]).unwrap();
        assert_eq!(asked.suites, ["shm"]);
        assert_eq!(asked.versions, [Version(3, 12), Version(3, 11)]);
        assert!(request(&["--find"]).unwrap().find);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["ipc"][..],
            &["--versions"],
            &["--versions", ""],
            &["--versions", "3.11,"],
            &["--versions", "2.7"],
            &["--short"],
        ] {
            assert!(request(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn each_suite_is_there() {
        for suite in SUITES {
            let folder = suite.package.trim_start_matches("multiproc-");
            let path = shell::root().join(format!("crates/{folder}/tests/{}/main.rs", suite.test));
            assert!(path.is_file(), "{}", path.display());
        }
    }
}
