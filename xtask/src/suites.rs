//! Runs what `cargo test` runs, its programs side by side: most of their time they wait, for children, heartbeats and deadlines.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::artifact::{self, Built};
use crate::parallel;
use crate::shell;

/// Programs that take longest, because they build others or kill many: begun first, none of them is what all wait for at the end.
const LONG: &[&str] = &["macros/refusals", "testkit/fault"];

/// The selection of packages and features, in words of `cargo test`.
pub(crate) fn run(selection: &[&str]) -> Result<(), String> {
    let logs = shell::target()?.join("suites");
    std::fs::create_dir_all(&logs).map_err(|error| format!("cannot make {}: {error}", logs.display()))?;
    let mut build = shell::cargo(["test", "--no-run"]);
    let built = artifact::tests(build.args(selection))?;
    // So are the examples of the documentation, which are compiled first.
    let examples = Suite::Examples(selection.iter().map(|word| (*word).to_string()).collect());
    let mut suites: Vec<Suite> = [examples].into_iter().chain(built.into_iter().map(Suite::Tests)).collect();
    suites.sort_by_key(|suite| !suite.is_long());
    let is_there = |long: &&&str| suites.iter().any(|suite| suite.name() == **long);
    if selection == ["--workspace"]
        && let Some(gone) = LONG.iter().find(|long| !is_there(long))
    {
        return Err(format!("test: there is no program `{gone}`, which is listed as a long one"));
    }
    let start = Instant::now();
    let mut sum = Sum::default();
    parallel::run(
        suites,
        |suite| run_one(suite, &logs),
        |finding| {
            print!("{finding}");
            sum.add(&finding);
        },
    );
    println!("{sum}, {:.1} s", start.elapsed().as_secs_f64());
    sum.verdict()
}

/// What ends with one exit status.
enum Suite {
    /// The examples of the documentation, selected by these words.
    Examples(Vec<String>),
    /// A program of tests.
    Tests(Built),
}

impl Suite {
    fn name(&self) -> String {
        match self {
            Self::Examples(_) => "documentation".to_string(),
            Self::Tests(built) => {
                let folder = built.folder.file_name().unwrap_or_default().to_string_lossy();
                format!("{folder}/{}", built.target)
            }
        }
    }

    fn is_long(&self) -> bool {
        matches!(self, Self::Examples(_)) || LONG.contains(&self.name().as_str())
    }

    fn command(&self) -> Command {
        match self {
            Self::Examples(selection) => {
                let mut command = shell::cargo(["test", "--doc"]);
                command.args(selection);
                command
            }
            Self::Tests(built) => {
                let mut command = Command::new(&built.program);
                // As cargo does it; what it has told this program is about the package of this program.
                let told = std::env::vars_os().map(|(name, _)| name);
                let of_package = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("CARGO_PKG_");
                told.filter(of_package).for_each(|name| {
                    command.env_remove(name);
                });
                command.current_dir(&built.folder).env("CARGO_MANIFEST_DIR", &built.folder);
                command
            }
        }
    }
}

/// One suite that has run.
struct Finding {
    name: String,
    passed: u64,
    ignored: u64,
    seconds: f64,
    /// Why it failed, and all that it said.
    failure: Option<String>,
}

fn run_one(suite: &Suite, logs: &Path) -> Finding {
    let name = suite.name();
    // Two targets may have one name.
    let file = match suite {
        Suite::Tests(built) => built.program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        Suite::Examples(_) => name.clone(),
    };
    let log = logs.join(format!("{file}.txt"));
    let start = Instant::now();
    let ended = run_into(suite, &log);
    let text = std::fs::read(&log).unwrap_or_default(); // what is missing is reported by `ended`
    read(name, &String::from_utf8_lossy(&text), ended, start.elapsed())
}

fn run_into(suite: &Suite, log: &Path) -> Result<ExitStatus, String> {
    let open = |error| format!("cannot write {}: {error}", log.display());
    let file = File::create(log).map_err(open)?;
    let both = file.try_clone().map_err(open)?;
    shell::status(suite.command().stdout(file).stderr(both))
}

/// Reads what a suite has printed: a line `test result:` for each group of tests. A program without is one test, with a `main` of its own.
fn read(name: String, text: &str, ended: Result<ExitStatus, String>, time: Duration) -> Finding {
    let results: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("test result: ")).collect();
    let count = |what: &str| {
        let of_one = |line: &&str| -> Option<u64> {
            let part = line.split(['.', ';']).find_map(|part| part.trim().strip_suffix(what))?;
            part.trim().parse().ok()
        };
        results.iter().filter_map(of_one).sum::<u64>()
    };
    let failure = match ended {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("{status}\n{text}")),
        Err(error) => Some(error),
    };
    let passed = if results.is_empty() { u64::from(failure.is_none()) } else { count("passed") };
    Finding { passed, ignored: count("ignored"), seconds: time.as_secs_f64(), name, failure }
}

/// Lines for people.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, passed, seconds, .. } = self;
        let result = if self.failure.is_none() { "ok" } else { "FAILED" };
        writeln!(f, "{name:<44} {passed:>5} tests {seconds:>7.1} s  {result}")?;
        self.failure.iter().try_for_each(|failure| writeln!(f, "{failure}"))
    }
}

/// All suites together.
#[derive(Debug, Default)]
struct Sum {
    suites: usize,
    passed: u64,
    ignored: u64,
    failed: Vec<String>,
}

impl Sum {
    fn add(&mut self, finding: &Finding) {
        self.suites += 1;
        self.passed += finding.passed;
        self.ignored += finding.ignored;
        if finding.failure.is_some() {
            self.failed.push(finding.name.clone());
        }
    }

    fn verdict(&self) -> Result<(), String> {
        match (self.failed.as_slice(), self.passed) {
            ([], 0) => Err("test: no test ran".to_string()),
            ([], _) => Ok(()),
            (failed, _) => Err(format!("test: failed: {}", failed.join(", "))),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suites, passed, ignored, failed } = self;
        write!(
            f,
            "test: {suites} programs, {passed} tests passed, {ignored} ignored, {} failed",
            failed.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const RESULTS: &str = "running 3 tests\n\ntest result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
                           finished in 0.10s\n\ntest result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";

    fn sum(text: &str, status: i32) -> Sum {
        let mut sum = Sum::default();
        let status = Ok(ExitStatus::from_raw(status));
        sum.add(&read("a/b".to_string(), text, status, Duration::ZERO));
        sum
    }

    #[test]
    fn results_are_counted() {
        let sum = sum(RESULTS, 0);
        assert_eq!((sum.passed, sum.ignored), (14, 1));
        assert_eq!(sum.verdict(), Ok(()));
    }

    #[test]
    fn a_program_without_a_harness_is_one_test() {
        assert_eq!(sum("", 0).passed, 1);
        assert_eq!(sum("", 256).passed, 0);
    }

    #[test]
    fn a_bad_end_and_no_tests_fail() {
        assert!(sum(RESULTS, 256).verdict().unwrap_err().contains("a/b"));
        assert!(sum(RESULTS, 9).verdict().unwrap_err().contains("a/b"));
        assert!(Sum::default().verdict().unwrap_err().contains("no test"));
    }

    #[test]
    fn a_program_that_cannot_be_started_is_a_failure() {
        let logs = std::env::temp_dir().join(format!("xtask-suites-{}", std::process::id()));
        std::fs::create_dir(&logs).unwrap();
        let built = Built {
            program: "/no/such/program".into(),
            folder: std::env::temp_dir(),
            target: "gone".to_string(),
        };
        let finding = run_one(&Suite::Tests(built), &logs);
        std::fs::remove_dir_all(&logs).unwrap();
        assert!(finding.to_string().contains("FAILED"), "{finding}");
    }

    #[test]
    fn tests_run_in_the_folder_of_their_package() {
        let built = Built { program: "/bin/pwd".into(), folder: "/usr".into(), target: "where".to_string() };
        let output = Suite::Tests(built).command().output().unwrap();
        assert_eq!(output.stdout, b"/usr\n");
    }
}
