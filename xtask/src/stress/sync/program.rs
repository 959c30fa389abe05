//! The stress program of the locks: built once, run under a limit, with its progress shown where somebody can see it.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::report::{Progress, Report};
use crate::{artifact, shell};

const PACKAGE: &str = "multiproc-sync";
const TEST: &str = "stress";

/// How much longer a run may take than it was asked to: it ends with a calm, in which nobody may have to wait for long.
const GRACE: Duration = Duration::from_secs(90);

/// The built program.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// Builds it in release.
    pub(super) fn build() -> Result<Self, String> {
        let mut build = shell::cargo(["test", "--release", "--no-run", "--quiet"]);
        build.args(["--package", PACKAGE, "--test", TEST]);
        let path = artifact::program(&mut build)?;
        let path = path.ok_or_else(|| format!("cargo built no program {TEST} of {PACKAGE}"))?;
        let path = path
            .canonicalize()
            .map_err(|error| format!("{} was built and is not there: {error}", path.display()))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it for `time`, with a bug planted if one is named. What it finds is no error here.
    pub(super) fn run(&self, time: Duration, seed: u64, bug: Option<&str>) -> Result<Report, String> {
        let mut command = Command::new(&self.path);
        command.arg(time.as_secs_f64().to_string()).arg(seed.to_string());
        if let Some(bug) = bug {
            // It says on its standard error what it has found, as it is to do.
            command.args(["--planted", bug]).stderr(Stdio::null());
        }
        let mut shown = Shown::new(time);
        let lines = lines_within(&mut command, time + GRACE, |line| shown.line(line));
        drop(shown);
        let (lines, code) =
            lines.map_err(|error| format!("the stress of {PACKAGE}, seed {seed}: {error}"))?;
        let report = Report::parse(lines.iter().map(String::as_str))?;
        let stalls: u64 = report.primitives.iter().map(|primitive| primitive.stalls).sum();
        let right = report.failure.is_none() && stalls == 0;
        match code {
            Some(0) if right => Ok(report),
            Some(1) if !right => Ok(report),
            _ => Err(format!(
                "the stress of {PACKAGE}, seed {seed}, ended with {code:?}:\n{}",
                lines.join("\n")
            )),
        }
    }
}

/// The progress of a run, in one line of the terminal, which is gone when this is dropped.
struct Shown {
    total: Duration,
    on: bool,
}

impl Shown {
    fn new(total: Duration) -> Self {
        Self { total, on: std::io::stderr().is_terminal() }
    }

    fn line(&mut self, line: &str) {
        if let Some(Progress { seconds, kills }) = Progress::read(line).filter(|_| self.on) {
            // Nobody to see it is no failure.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{seconds:.0} of {} s, {kills} kills",
                self.total.as_secs()
            );
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.on {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// The lines that `command` prints, each told as it comes, and its exit code. Its output must end, as well as itself: a process it
/// leaves behind holds the output open, and so counts as a stall.
fn lines_within(
    command: &mut Command,
    limit: Duration,
    mut told: impl FnMut(&str),
) -> Result<(Vec<String>, Option<i32>), String> {
    let end = Instant::now() + limit;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start: {error}"))?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            // The receiver is gone only after the limit, when nobody asks any more.
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut lines = Vec::new();
    loop {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Ok(line)) => {
                told(&line);
                lines.push(line);
            }
            Ok(Err(error)) => {
                end_of(&mut child);
                return Err(format!("the output is not text: {error}"));
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end_of(&mut child);
                return Err(format!("no end within {} s: a stall", limit.as_secs()));
            }
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait: {error}"))?;
    Ok((lines, status.code()))
}

/// Kills the program, whose workers die with it; it may have ended by itself in this moment.
fn end_of(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn lines_come_with_the_exit_code() {
        let mut told = Vec::new();
        let script = ["-c", "echo one; echo two; exit 3"];
        let (lines, code) =
            lines_within(Command::new("sh").args(script), LONG, |line| told.push(line.to_string())).unwrap();
        assert_eq!((lines.as_slice(), code), (["one", "two"].map(str::to_string).as_slice(), Some(3)));
        assert_eq!(told, lines);
    }

    #[test]
    fn a_stall_is_an_error() {
        let error =
            lines_within(Command::new("sleep").arg("600"), Duration::from_millis(50), |_| ()).unwrap_err();
        assert!(error.contains("a stall"), "{error}");
    }
}
