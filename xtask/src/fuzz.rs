//! `cargo xtask fuzz`: hostile bytes at random for a given time, at all that reads what strangers write.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::{Failure, Outcome, artifact, shell};

/// The long form of a property: a test that is left out otherwise, and goes on for as long as it is told.
struct Target {
    name: &'static str,
    package: &'static str,
    /// The program of tests.
    test: &'static str,
}

/// The function in the program.
const FUNCTION: &str = "fuzz";

const fn shm(name: &'static str, test: &'static str) -> Target {
    Target { name, package: "multiproc-shm", test }
}

const TARGETS: &[Target] = &[
    shm("list", "list_hostile"),
    shm("header", "header_hostile"),
    shm("array", "array_hostile"),
    shm("arena", "arena_hostile"),
    shm("letter", "letter_hostile"),
    shm("registry", "registry_hostile"),
    shm("manifest", "names_fuzz"),
    shm("raw", "raw_hostile"),
];

/// What a target may take beyond its time, for the execution that it is at and for its end. One that hangs is killed.
const GRACE: Duration = Duration::from_secs(60);

const SECONDS: &str = "MULTIPROC_FUZZ_SECONDS";
const SEED: &str = "MULTIPROC_FUZZ_SEED";

/// What the chore was asked to do.
#[derive(Debug, PartialEq, Eq)]
struct Request<'w> {
    /// For each target.
    seconds: u64,
    /// `None`: another one each time.
    seed: Option<u64>,
    /// None: all of them.
    names: Vec<&'w str>,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let request = request(&words).map_err(Failure::Usage)?;
    let seed = request.seed.unwrap_or_else(by_clock);
    for target in TARGETS {
        if request.names.is_empty() || request.names.contains(&target.name) {
            let program = target.build()?;
            is_in(&program)?;
            let mut test = Command::new(program);
            test.args(["--ignored", "--exact", FUNCTION, "--nocapture", "--quiet"]);
            test.env(SECONDS, request.seconds.to_string()).env(SEED, seed.to_string());
            shell::run_within(&mut test, Duration::from_secs(request.seconds) + GRACE).map_err(|error| {
                format!(
                    "fuzz: {name}: {error}\nagain: cargo xtask fuzz {name} --seed {seed} --seconds {}",
                    request.seconds,
                    name = target.name
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the program has the function: asked for by a name that is none, it would run nothing and end well.
fn is_in(program: &Path) -> Result<(), String> {
    let mut list = Command::new(program);
    list.args(["--list", "--ignored", "--exact", FUNCTION]);
    let listed = list.output().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    if String::from_utf8_lossy(&listed.stdout).contains(&format!("{FUNCTION}: test")) {
        Ok(())
    } else {
        Err(format!("{} has no test `{FUNCTION}`", program.display()))
    }
}

impl Target {
    fn build(&self) -> Result<PathBuf, String> {
        let mut command =
            shell::cargo(["test", "--no-run", "--quiet", "--package", self.package, "--test", self.test]);
        command.args(["--profile", "fuzz"]);
        artifact::program(&mut command)?
            .ok_or_else(|| format!("cargo built no program {} of {}", self.test, self.package))
    }
}

/// The longest time that can be asked for: a week.
const MOST_SECONDS: u64 = 604_800;

fn request<'w>(words: &[&'w str]) -> Result<Request<'w>, String> {
    let mut request = Request { seconds: 60, seed: None, names: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--seconds" => {
                let number = words.next().and_then(|word| word.parse().ok());
                request.seconds = number
                    .filter(|seconds| (1..=MOST_SECONDS).contains(seconds))
                    .ok_or_else(|| format!("`--seconds` takes a whole number from 1 to {MOST_SECONDS}"))?;
            }
            "--seed" => {
                let number = words.next().and_then(|word| word.parse().ok());
                request.seed = Some(number.ok_or("`--seed` takes a whole number below 2^64")?);
            }
            name if TARGETS.iter().any(|target| target.name == name) => request.names.push(name),
            other => {
                let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                return Err(format!(
                    "`cargo xtask fuzz` takes `--seconds N`, `--seed N` and names of targets ({}), got `{other}`",
                    names.join(", ")
                ));
            }
        }
    }
    Ok(request)
}

fn by_clock() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before 1970 any number will do.
    now.map_or(1, |now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_seed_and_names_are_taken() {
        assert_eq!(request(&[]), Ok(Request { seconds: 60, seed: None, names: vec![] }));
        let asked = Request { seconds: 5, seed: Some(7), names: vec!["list"] };
        assert_eq!(request(&["--seconds", "5", "list", "--seed", "7"]), Ok(asked));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            &["--seconds"][..],
            &["--seconds", "0"],
            &["--seconds", "0.5"],
            &["--seconds", "604801"],
            &["--seed"],
            &["--seed", "-1"],
            &["lists"],
            &["--short"],
        ] {
            assert!(request(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A name that is none would run no test, and cargo would call that a success.
    #[test]
    fn each_target_is_there() {
        for target in TARGETS {
            let folder = target.package.trim_start_matches("multiproc-");
            let read = |file: &str| {
                let path = shell::root().join(format!("crates/{folder}/tests/{file}"));
                std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            };
            let text = read(&format!("{}.rs", target.test));
            assert!(text.contains(&format!("fn {FUNCTION}()")), "{}", target.name);
            assert!(text.contains(&format!("fuzzing::run(\"{}\"", target.name)), "{}", target.name);
            let driver = read("fuzzing/mod.rs");
            assert!(driver.contains(SECONDS) && driver.contains(SEED), "{}", target.name);
        }
    }
}
