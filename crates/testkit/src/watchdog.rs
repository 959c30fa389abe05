//! A limit on the time of a test, with a report of what every thread was doing.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::panic::Location;
use std::process;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

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
    told: Sender<Told>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread of a watchdog is told.
#[derive(Debug)]
enum Told {
    /// The test waits for something that is not its own affair.
    Waits,
    GoesOn,
    Done,
}

thread_local! {
    /// Those that the thread has started, and that may be gone.
    static STARTED_HERE: RefCell<Vec<Sender<Told>>> = const { RefCell::new(Vec::new()) };
}

/// As long as this is there, the time of the watchdogs stands still that the calling thread has started.
#[derive(Debug)]
pub(crate) struct Pause(Vec<Sender<Told>>);

impl Pause {
    pub(crate) fn of_this_thread() -> Self {
        // Only those that are there still can be told.
        let is_there = |told: &Sender<Told>| told.send(Told::Waits).is_ok();
        Self(STARTED_HERE.with_borrow_mut(|started| {
            started.retain(is_there);
            started.clone()
        }))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        for told in &self.0 {
            // One that has been dropped meanwhile needs no word.
            let _ = told.send(Told::GoesOn);
        }
    }
}

impl Watchdog {
    /// Lets the process live for `limit` from now.
    #[track_caller]
    pub fn new(limit: Duration) -> Self {
        let here = Location::caller();
        let test = thread::current().name().unwrap_or("a thread without a name").to_owned();
        let (told, words) = mpsc::channel();
        let watch = move || {
            let _own = own_threads::Membership::of_this_thread();
            if is_over(limit, &words) {
                bite(&format!("`{test}`, watched from {here}, is not done after {limit:?}"));
            }
        };
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
        let thread = thread.unwrap_or_else(|e| panic!("cannot start a thread for the watchdog: {e}"));
        STARTED_HERE.with_borrow_mut(|started| started.push(told.clone()));
        Self { told, thread: Some(thread) }
    }

    /// Lets the process live for a number of seconds from now.
    #[track_caller]
    pub fn with_limit(seconds: u64) -> Self {
        Self::new(Duration::from_secs(seconds))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // A thread that has gone already needs no word.
        let _ = self.told.send(Told::Done);
        if let Some(thread) = self.thread.take() {
            // It does not panic, and if it did, there would be nothing left to do here.
            let _ = thread.join();
        }
    }
}

/// Waits for the end of the test or of its time, which stands still while it waits for what is not its own affair: gives whether the time
/// came first.
fn is_over(limit: Duration, words: &Receiver<Told>) -> bool {
    let mut left = limit;
    loop {
        let begun = Instant::now();
        match words.recv_timeout(left) {
            Err(RecvTimeoutError::Timeout) => return true,
            Ok(Told::Done) | Err(RecvTimeoutError::Disconnected) => return false,
            Ok(Told::GoesOn) => (),
            Ok(Told::Waits) => {
                left = left.saturating_sub(begun.elapsed());
                if !matches!(words.recv(), Ok(Told::GoesOn)) {
                    return false;
                }
            }
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

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;
    use crate::{LIMIT, Leaks};

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn the_time_is_over_for_who_is_not_done() {
        let (told, words) = mpsc::channel();
        assert!(is_over(SHORT, &words));
        for word in [Told::Waits, Told::GoesOn] {
            told.send(word).unwrap();
        }
        assert!(is_over(SHORT, &words), "it goes on where it stood");
        told.send(Told::Done).unwrap();
        assert!(!is_over(Duration::from_secs(60), &words));
    }

    #[test]
    fn the_time_stands_still_for_who_waits() {
        let (told, words) = mpsc::channel();
        told.send(Told::Waits).unwrap();
        let watch = thread::spawn(move || is_over(SHORT, &words));
        let (_never, nothing) = mpsc::channel();
        assert!(is_over(50 * SHORT, &nothing), "time passes");
        told.send(Told::Done).unwrap();
        assert!(!watch.join().unwrap());
    }

    #[test]
    fn who_waits_for_a_turn_tells_its_watchdogs() {
        let leaks = Leaks::snapshot();
        let (told, words) = mpsc::channel();
        let next = thread::spawn(move || {
            STARTED_HERE.with_borrow_mut(|started| started.push(told));
            // Other tests of this binary do not check.
            catch_unwind(|| drop(Leaks::snapshot())).unwrap_err();
        });
        assert!(matches!(words.recv_timeout(LIMIT).unwrap(), Told::Waits));
        assert!(matches!(words.try_recv(), Err(mpsc::TryRecvError::Empty)), "it is not its turn");
        catch_unwind(move || drop(leaks)).unwrap_err();
        assert!(matches!(words.recv_timeout(LIMIT).unwrap(), Told::GoesOn));
        next.join().unwrap();
    }
}
