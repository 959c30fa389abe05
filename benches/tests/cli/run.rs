//! Runs of the program, and what they print.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use multiproc_testkit::{Watchdog, until};
use serde_json::Value;

/// How long anything here may take, on a machine that is busy otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Runs of the program, told apart by a variable that all their processes inherit.
pub(crate) struct Run {
    mark: String,
}

impl Run {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Relaxed);
        Self { mark: format!("BENCHES_TEST_RUN={}.{number}", std::process::id()) }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (name, value) = self.mark.split_once('=').unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_multiproc-benches"));
        command.args(arguments).env(name, value);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let _watchdog = Watchdog::new(LIMIT);
        let output = self.command(arguments).output().unwrap();
        assert_eq!(self.processes(), [0; 0], "left behind by {arguments:?}");
        output
    }

    /// The processes of this run that live.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let numbers = fs::read_dir("/proc").unwrap();
        let numbers = numbers.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        numbers.filter(|pid| self.has(*pid)).collect()
    }

    /// A zombie has no environment any more.
    fn has(&self, pid: u32) -> bool {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == self.mark.as_bytes())
    }
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    Run::new().output(arguments)
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout).lines();
    lines.map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The row of a table that holds these words, in columns.
pub(crate) fn row<'a>(table: &'a str, words: &[&str]) -> Vec<&'a str> {
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row.starts_with(words));
    row.unwrap_or_else(|| panic!("no row {words:?} in\n{table}"))
}

/// What one contender answers if it is asked for so many rounds.
pub(crate) fn rounds_of(contender: &str, rounds: usize) -> Vec<String> {
    let _watchdog = Watchdog::new(LIMIT);
    let run = Run::new();
    let mut command = run.command(&[&format!("--contender={contender}"), "--quick"]);
    let mut child = Running(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut requests = child.0.stdin.take().unwrap();
    (0..rounds).for_each(|_| writeln!(requests, "round").unwrap());
    drop(requests);
    let answers = BufReader::new(child.0.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    until(LIMIT, || run.processes().is_empty());
    answers
}

/// Killed when the test is done with it, also if it fails.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
