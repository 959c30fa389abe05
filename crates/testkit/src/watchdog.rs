//! A limit on the time of a test, with a report of what every thread was doing.

use std::fmt::Write as _;
use std::fs;
use std::panic::Location;
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::family::family;
use crate::process::{Stat, kill, numbers_in};
use crate::{own_threads, sys};

/// Aborts the whole test process if it is not dropped in time.
///
/// The first line of every test that could hang. The message on the standard error names the test and the place of
/// this watchdog, and tells for each thread of this process and of its descendants what it does: name, state, where
/// in the kernel it waits, its system call, and its kernel stack where the kernel allows that. The descendants are
/// killed, then the process ends by SIGABRT: other tests of the binary end with it.
///
/// # Examples
///
/// ```
/// use multiproc_testkit::Watchdog;
///
/// let _watchdog = Watchdog::with_limit(30);
/// // what might hang
/// ```
#[derive(Debug)]
pub struct Watchdog {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Lets the process live for `limit` from now.
    #[track_caller]
    pub fn new(limit: Duration) -> Self {
        let here = Location::caller();
        let test = thread::current().name().unwrap_or("a thread without a name").to_owned();
        let (done, told) = mpsc::channel();
        let watch = move || {
            let _own = own_threads::Membership::of_this_thread();
            if told.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                bite(&format!("`{test}`, watched from {here}, is not done after {limit:?}"));
            }
        };
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
        let thread = thread.unwrap_or_else(|e| panic!("cannot start a thread for the watchdog: {e}"));
        Self { done: Some(done), thread: Some(thread) }
    }

    /// Lets the process live for a number of seconds from now.
    #[track_caller]
    pub fn with_limit(seconds: u64) -> Self {
        Self::new(Duration::from_secs(seconds))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did, there would be nothing left to do here.
            let _ = thread.join();
        }
    }
}

fn bite(what: &str) -> ! {
    let this = Stat::this();
    let descendants = family(|stat| stat.parent == this.pid);
    let mut report = format!("\nwatchdog: {what}\n");
    for stat in std::iter::once(&this).chain(&descendants) {
        describe(stat, &mut report);
    }
    sys::write_to_stderr(report.as_bytes());
    for stat in &descendants {
        // One that has ended needs no signal.
        let _ = kill(stat.pid, Signal::SIGKILL);
    }
    process::abort()
}

/// Adds what is known of the process and of its threads.
fn describe(stat: &Stat, report: &mut String) {
    let Stat { pid, name, state, parent, .. } = stat;
    let _ = writeln!(report, "process {pid} ({name}), state {state}, child of {parent}");
    let threads = format!("/proc/{pid}/task");
    for thread in numbers_in(&threads) {
        let read = |file| fs::read_to_string(format!("{threads}/{thread}/{file}")).unwrap_or_default();
        let Some(stat) = Stat::parse(&read("stat")) else {
            continue;
        };
        let (wchan, syscall) = (read("wchan"), read("syscall"));
        let _ = writeln!(
            report,
            "    thread {thread} ({}), state {}, in {}, system call {}",
            stat.name,
            stat.state,
            known(&wchan),
            known(&syscall)
        );
        for frame in read("stack").lines() {
            let _ = writeln!(report, "        {frame}");
        }
    }
}

/// What the kernel says, or that it does not: it hides much from some users.
fn known(text: &str) -> &str {
    match text.trim() {
        "" | "0" => "?",
        text => text,
    }
}
