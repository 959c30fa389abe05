//! One test of this binary in a process of its own, for what is true of a process as a whole.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::family::Mark;
use crate::process::{Stat, is_running, kill};
use crate::until::holds_within;
use crate::{LIMIT, sys};

/// The variable that names, to a child, the test that it was started for.
const TEST: &str = "MULTIPROC_TESTKIT_TEST";

/// Whether this process was started by a [`ChildTest`] for the test called `test`, or descends from one that was.
///
/// A test that runs itself again asks this first, to know which side it is on.
pub fn is_child(test: &str) -> bool {
    env::var_os(TEST).is_some_and(|name| name == test)
}

/// A test of this binary that is to be run in a process of its own.
///
/// The child is this binary with `--exact TEST --nocapture --include-ignored --test-threads=1`.
///
/// # Examples
///
/// ```test_harness
/// use multiproc_testkit::{ChildTest, is_child};
///
/// #[test]
/// fn an_exit_code_is_passed_on() {
///     if is_child("an_exit_code_is_passed_on") {
///         std::process::exit(7);
///     }
///     let child = ChildTest::new("an_exit_code_is_passed_on").run();
///     assert_eq!(child.status.code(), Some(7));
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct ChildTest {
    test: String,
    variables: Vec<(String, String)>,
    limit: Duration,
}

impl ChildTest {
    /// The test called `test`: its path without the crate, as the harness lists it.
    pub fn new(test: &str) -> Self {
        Self { test: test.to_owned(), variables: Vec::new(), limit: 2 * LIMIT }
    }

    /// Adds a variable to the child's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How long every wait for the child may take, in the place of a minute.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the child.
    ///
    /// # Panics
    ///
    /// If the system starts no process; in the child itself, which has missed that it is one.
    pub fn spawn(self) -> RunningTest {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        assert!(
            !is_child(&self.test),
            "this process is the child for `{}` and would start itself without end",
            self.test
        );
        let Self { test, variables, limit } = self;
        let mark = Mark::new(&format!("CHILD{}", STARTED.fetch_add(1, Relaxed)));
        let outputs = Outputs::new().unwrap_or_else(|e| panic!("no file for the output of `{test}`: {e}"));
        let start = || -> std::io::Result<Child> {
            Command::new(env::current_exe()?)
                .args(["--exact", &test, "--nocapture", "--include-ignored", "--test-threads=1"])
                .envs(variables)
                .env(TEST, &test)
                .env(mark.variable(), "1")
                .stdin(Stdio::null())
                .stdout(outputs.stdout.try_clone()?)
                .stderr(outputs.stderr.try_clone()?)
                .spawn()
        };
        let child = start().unwrap_or_else(|e| panic!("cannot start `{test}` in a process of its own: {e}"));
        RunningTest { test, limit, process: Process(child), outputs, family: Family(mark) }
    }

    /// Starts the child and waits for its end.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn) and [`RunningTest::wait`].
    #[track_caller]
    pub fn run(self) -> FinishedTest {
        self.spawn().wait()
    }
}

/// A test that runs in a process of its own. Dropped, it is killed and reaped, and its descendants are killed.
#[derive(Debug)]
pub struct RunningTest {
    test: String,
    limit: Duration,
    process: Process, // before the family: it may start more until it is killed
    outputs: Outputs,
    family: Family,
}

impl RunningTest {
    /// The number of the child process.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap_or_else(|e| panic!("no {signal} for `{}`: {e}", self.test));
    }

    /// The processes that descend from it and have not ended, also those whose own parents are gone.
    ///
    /// They are known by a variable in their environment: what was started without it is not found.
    pub fn descendants(&self) -> Vec<u32> {
        self.family.running().into_iter().filter(|pid| *pid != self.pid()).collect()
    }

    /// Waits until it has written a line with `marker`, on either output, and gives what follows on that line.
    ///
    /// The harness writes into lines of the standard output: a marker need not stand at the beginning.
    ///
    /// # Panics
    ///
    /// If the child ends without it, or the time is over.
    #[track_caller]
    pub fn told(&mut self, marker: &str) -> String {
        let mut told = None;
        holds_within(self.limit, || {
            // The end is looked at first: what was written before it is found after.
            let ended = !matches!(self.process.0.try_wait(), Ok(None));
            told = self.outputs.line_with(marker);
            told.is_some() || ended
        });
        told.unwrap_or_else(|| {
            panic!(
                "`{}` does not write {marker:?} within {:?}{}",
                self.test,
                self.limit,
                self.outputs.quote()
            )
        })
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If the time is over; if the binary has no such test.
    #[track_caller]
    pub fn wait(mut self) -> FinishedTest {
        let mut status = None;
        holds_within(self.limit, || {
            status =
                self.process.0.try_wait().unwrap_or_else(|e| panic!("cannot wait for `{}`: {e}", self.test));
            status.is_some()
        });
        let Self { test, limit, outputs, family, .. } = self;
        let Some(status) = status else {
            panic!("`{test}` does not end within {limit:?}{}", outputs.quote());
        };
        let (stdout, stderr) = (outputs.stdout(), outputs.stderr());
        assert!(!stdout.contains("\nrunning 0 tests\n"), "this binary has no test called `{test}`");
        FinishedTest { status, stdout, stderr, family }
    }
}

/// A child, killed and reaped when this is dropped.
#[derive(Debug)]
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Neither does anything to a child that has been reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A test that has run in a process of its own. Dropped, descendants that it left are killed.
#[derive(Debug)]
pub struct FinishedTest {
    /// How it ended; code 101 is a failed test.
    pub status: ExitStatus,
    /// What it and its descendants wrote to the standard output until it ended.
    pub stdout: String,
    /// What they wrote to the standard error.
    pub stderr: String,
    family: Family,
}

impl FinishedTest {
    /// Gives itself back if the test passed.
    ///
    /// # Panics
    ///
    /// If it failed, with all that it wrote.
    #[track_caller]
    pub fn expect_pass(self) -> Self {
        assert!(self.status.success(), "{}{}", self.status, quote(&self.stdout, &self.stderr));
        self
    }

    /// The processes that it left and that have not ended; see [`RunningTest::descendants`].
    pub fn survivors(&self) -> Vec<u32> {
        self.family.running()
    }
}

/// The processes with a mark, killed when this is dropped.
#[derive(Debug)]
struct Family(Mark);

impl Family {
    fn running(&self) -> Vec<u32> {
        self.0.bearers().into_iter().filter(Stat::runs).map(|stat| stat.pid).collect()
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let mut killed = BTreeSet::new();
        // Again and again: one may start another until it is dead, which the mark does not show: it goes first.
        holds_within(LIMIT, || {
            let running = self.running();
            for pid in &running {
                // One that has ended needs no signal.
                let _ = kill(*pid, Signal::SIGKILL);
            }
            killed.extend(running);
            !killed.iter().any(|pid| is_running(*pid))
        });
    }
}

/// The outputs of a child, in files: a descendant that keeps them open holds nobody up.
#[derive(Debug)]
struct Outputs {
    stdout: File,
    stderr: File,
}

impl Outputs {
    fn new() -> std::io::Result<Self> {
        Ok(Self { stdout: sys::nameless_file()?, stderr: sys::nameless_file()? })
    }

    fn stdout(&self) -> String {
        read(&self.stdout)
    }

    fn stderr(&self) -> String {
        read(&self.stderr)
    }

    fn quote(&self) -> String {
        quote(&self.stdout(), &self.stderr())
    }

    fn line_with(&self, marker: &str) -> Option<String> {
        [self.stdout(), self.stderr()].iter().find_map(|output| {
            let (_, rest) = output.split_once(marker)?;
            let (line, _) = rest.split_once('\n')?;
            Some(line.to_owned())
        })
    }
}

/// All that has been written, without moving the position at which the child writes.
fn read(file: &File) -> String {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(e) => format!("(not readable: {e})"),
    }
}

fn quote(stdout: &str, stderr: &str) -> String {
    format!("\n--- its stdout:\n{stdout}\n--- its stderr:\n{stderr}\n---")
}
