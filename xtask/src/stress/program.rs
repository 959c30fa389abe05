//! A program of a stress: built once, run under a limit, with its progress shown where somebody can see it.

use std::io::{BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::{artifact, shell};

/// The built program.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

/// What a run has printed, and its exit code: none if a signal ended it.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<String>,
    pub(super) code: Option<i32>,
}

impl Program {
    /// Builds a test of a package in release.
    pub(super) fn build(package: &str, test: &str) -> Result<Self, String> {
        let mut build = shell::cargo(["test", "--release", "--no-run", "--quiet"]);
        build.args(["--package", package, "--test", test]);
        let path = artifact::program(&mut build)?;
        let path = path.ok_or_else(|| format!("cargo built no program {test} of {package}"))?;
        let path = path
            .canonicalize()
            .map_err(|error| format!("{} was built and is not there: {error}", path.display()))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs it. `planted`: it says on its standard error what it has found, as it is to do. `progress`: what to show of a line.
    pub(super) fn lines(
        &self,
        arguments: &[String],
        limit: Duration,
        planted: bool,
        progress: impl Fn(&str) -> Option<String>,
    ) -> Result<Lines, String> {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        if planted {
            command.stderr(Stdio::null());
        }
        let shown = Shown { on: std::io::stderr().is_terminal() };
        let (lines, code) = lines_within(&mut command, limit, |line| shown.show(progress(line).as_deref()))?;
        Ok(Lines { lines, code })
    }
}

/// The progress of a run, in one line of the terminal, which is gone when this is dropped.
struct Shown {
    on: bool,
}

impl Shown {
    fn show(&self, line: Option<&str>) {
        if let Some(line) = line.filter(|_| self.on) {
            // Nobody to see it is no failure.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.show(Some(""));
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
