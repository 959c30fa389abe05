//! Instructions of an operation on a lock, counted by stepping a forked child through it. A system call is one.

use std::hint::black_box;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{self, Signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::Result;
use crate::locks::{self, Lock};
use crate::peers::fork::{self, Forks};
use crate::session::{Sample, Session};

/// Operations that are counted together, enough to see the loop go round; a step takes tens of microseconds.
const OPERATIONS: u64 = 4;

/// Operations before the counting: whatever a thread's first use of a lock sets up.
const WARM: u64 = 2;

/// Instructions that no operation needs; whoever gets there runs in circles.
const TOO_MANY: u64 = 1_000_000;

#[derive(Debug)]
pub(crate) struct Stepped<L: 'static> {
    forks: Forks,
    lock: &'static L,
}

impl<L: Lock> Stepped<L> {
    pub(crate) fn new(lock: &'static L) -> Result<Self> {
        Ok(Self { forks: Forks::of_one_thread()?, lock })
    }

    /// A run of one operation and a run of many, each between two marks: the difference is the operations' own, with
    /// the two or three instructions of the loop that calls them.
    fn count(&self) -> Result<Sample> {
        let child = Child::start(&self.forks, || {
            locks::have_two_threads();
            locks::add(self.lock, WARM);
            if ptrace::traceme().is_ok() {
                mark();
                for times in [1, 1, 1 + OPERATIONS] {
                    locks::add(self.lock, black_box(times));
                    mark();
                }
            }
        })?;
        child.reach_first_mark()?;
        // The way into the loop over the marks is another one than the way round.
        child.steps_to_mark()?;
        let once = child.steps_to_mark()?;
        let often = child.steps_to_mark()?;
        child.end()?;
        let spent = often.checked_sub(once).ok_or("many operations took fewer instructions than one")?;
        Ok(Sample::new(OPERATIONS, spent))
    }
}

impl<L: Lock> Session for Stepped<L> {
    fn batch(&mut self) -> Result<u64> {
        Ok(self.count()?.operations)
    }

    fn round(&mut self, _length: Duration) -> Result<Sample> {
        self.count()
    }
}

/// Stops this thread where its tracer sees it.
#[inline(never)]
fn mark() {
    // A child that cannot stop ends early, which its tracer sees too.
    let _ = signal::raise(Signal::SIGSTOP);
}

/// A traced child, killed unless it ends in order.
struct Child {
    pid: Pid,
    ended: bool,
}

impl Child {
    fn start(forks: &Forks, child: impl FnOnce()) -> Result<Self> {
        Ok(Self { pid: forks.start(child)?, ended: false })
    }

    fn reach_first_mark(&self) -> Result<()> {
        match self.wait()? {
            Signal::SIGSTOP => Ok(ptrace::setoptions(self.pid, Options::PTRACE_O_EXITKILL)?),
            other => Err(format!("the child stopped by {other} before it began").into()),
        }
    }

    fn steps_to_mark(&self) -> Result<u64> {
        for steps in 1..TOO_MANY {
            ptrace::step(self.pid, None)?;
            match self.wait()? {
                Signal::SIGTRAP => {}
                Signal::SIGSTOP => return Ok(steps),
                other => return Err(format!("the child was stopped by {other}").into()),
            }
        }
        Err(format!("the child came to no end within {TOO_MANY} instructions").into())
    }

    fn wait(&self) -> Result<Signal> {
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Stopped(_, signal)) => return Ok(signal),
                Ok(other) => return Err(format!("the child did not stop: {other:?}").into()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn end(mut self) -> Result<()> {
        ptrace::cont(self.pid, None)?;
        self.ended = true;
        fork::wait(self.pid)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself; how does not matter after what went wrong.
            let _ = signal::kill(self.pid, Signal::SIGKILL);
            let _ = waitpid(self.pid, None);
        }
    }
}
