//! The example `word_count`: built once, run under a limit.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::report::{Chaos, Report};
use crate::shell;

/// The name of the example.
const EXAMPLE: &str = "word_count";

/// The built example.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// Builds the example in release.
    pub(super) fn build() -> Result<Self, String> {
        shell::run(&mut shell::cargo(["build", "--release", "--example", EXAMPLE]))?;
        let path = shell::target()?.join("release/examples").join(EXAMPLE);
        let path = path
            .canonicalize()
            .map_err(|error| format!("{} was built and is not there: {error}", path.display()))?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Counts the words below `paths`; `expected` is how long that should take.
    pub(super) fn run(
        &self,
        paths: &[PathBuf],
        arguments: &[String],
        expected: Duration,
    ) -> Result<Report, String> {
        Report::parse(&self.output(paths, arguments, expected)?)
    }

    /// The same with workers dying.
    pub(super) fn run_chaos(
        &self,
        paths: &[PathBuf],
        arguments: &[String],
        expected: Duration,
    ) -> Result<Chaos, String> {
        Chaos::parse(&self.output(paths, arguments, expected)?)
    }

    fn output(&self, paths: &[PathBuf], arguments: &[String], expected: Duration) -> Result<String, String> {
        let mut command = Command::new(&self.path);
        command.args(arguments).args(paths);
        let limit = Duration::from_secs(60) + 10 * expected;
        output_within(&mut command, limit)
            .map_err(|error| format!("{EXAMPLE} {}: {error}", arguments.join(" ")))
    }
}

/// What `command` prints. Its output must end, as well as itself: a process it leaves behind holds the
/// output open, and so counts as a stall.
fn output_within(command: &mut Command, limit: Duration) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot start: {error}"))?;
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.map_or(Ok(0), |mut stdout| stdout.read_to_string(&mut text));
        // The receiver is gone only after the limit, when nobody asks any more.
        let _ = sender.send(read.map(|_| text));
    });
    let Ok(text) = receiver.recv_timeout(limit) else {
        // It may have ended by itself in this moment.
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("no end within {} s: a stall", limit.as_secs()));
    };
    let status = child.wait().map_err(|error| format!("cannot wait: {error}"))?;
    let text = text.map_err(|error| format!("the output is not text: {error}"))?;
    if status.success() { Ok(text) } else { Err(format!("failed: {status}. It printed:\n{text}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_is_returned() {
        assert_eq!(output_within(Command::new("echo").arg("one"), LONG).unwrap(), "one\n");
    }

    #[test]
    fn a_stall_is_an_error() {
        let error = output_within(Command::new("sleep").arg("600"), Duration::from_millis(50)).unwrap_err();
        assert!(error.contains("a stall"), "{error}");
    }

    #[test]
    fn a_failure_shows_what_was_printed() {
        let error = output_within(Command::new("sh").args(["-c", "echo half; exit 3"]), LONG).unwrap_err();
        assert!(error.contains('3') && error.contains("half"), "{error}");
    }
}
