//! The other side of a bench: a thread, or a process, beside the measured one.

use std::io::{Read, Write, pipe};
use std::thread;

use nix::sys::prctl;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::Result;
use crate::locks::have_two_threads;
use crate::peers::fork::{Forks, wait};
use crate::placement;
use crate::session::Setting;

#[derive(Debug)]
pub(crate) enum Other {
    /// Ends by itself, or with this process.
    Thread,
    /// Killed when this is dropped.
    Process(Pid),
}

impl Other {
    /// Runs `side` in a thread, on the processor of the far side.
    pub(crate) fn thread(setting: &Setting, side: impl FnOnce() + Send + 'static) -> Self {
        let far = setting.far();
        thread::spawn(move || {
            // Left where it is, it would be missed there: a placement is looked at before the first round.
            if far.is_none_or(|cpu| placement::pin(Pid::from_raw(0), cpu).is_ok()) {
                side();
            }
        });
        Self::Thread
    }

    /// Runs `side` in a process, which is put on its processor by the one that runs the benches. Both processes have a second
    /// thread.
    pub(crate) fn process(side: impl FnOnce()) -> Result<Self> {
        let other = Self::fork(&Forks::of_one_thread()?, side)?;
        have_two_threads();
        Ok(other)
    }

    /// The same of several, each in a process of its own.
    pub(crate) fn processes<S: FnOnce()>(sides: Vec<S>) -> Result<Vec<Self>> {
        let forks = Forks::of_one_thread()?;
        let others: Result<_> = sides.into_iter().map(|side| Self::fork(&forks, side)).collect();
        have_two_threads();
        others
    }

    fn fork(forks: &Forks, side: impl FnOnce()) -> Result<Self> {
        let child = forks.start(|| {
            // A parent that is killed cannot end it.
            if prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
                have_two_threads();
                side();
            }
        })?;
        Ok(Self::Process(child))
    }
}

impl Other {
    /// A process that has done `begin`, and does nothing more.
    pub(crate) fn process_that_has(begin: impl FnOnce() -> Result<()>) -> Result<Self> {
        let (mut hears, mut says) = pipe()?;
        let other = Self::process(move || {
            if begin().is_ok() && says.write_all(&[1]).is_ok() {
                loop {
                    thread::park();
                }
            }
        })?;
        // This process's end of `says` is closed: it went with the closure.
        hears.read_exact(&mut [0]).map_err(|_| "the other process could not begin")?;
        Ok(other)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if let Self::Process(child) = *self {
            // How it ended is of no interest now.
            let _ = signal::kill(child, Signal::SIGKILL);
            let _ = wait(child);
        }
    }
}
