//! A turn that goes to another thread or process and comes back, by two flags; and a flag that nobody else wants.

use std::hint::black_box;
use std::thread;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Result;
use crate::groups::agree;
use crate::locks;
use crate::peers::fork::{Forks, wait};
use crate::placement;
use crate::session::{Session, Setting, Start};

/// A flag that one side sets and the other waits for.
pub(crate) trait Flag: Sync + 'static {
    fn set(&self);

    /// Waits until it is set, and clears it.
    fn take(&self);
}

/// A flag that can be looked at without waiting.
pub(crate) trait Look: Flag {
    fn is_set(&self) -> bool;
}

/// Round trips between two looks at the clock.
const TRIPS: u64 = 16;

/// Looks at a flag between two looks at the clock.
const LOOKS: u64 = 65_536;

/// Times a flag is set and taken by the same thread between two looks at the clock.
const ALONE: u64 = 4096;

/// Looks at a flag that is set.
pub(crate) fn look<F: Look>(_: &Setting, flag: Result<&'static F>) -> Result<Start> {
    let flag = flag?;
    locks::have_two_threads();
    flag.set();
    Start::here(move || {
        let seen = (0..LOOKS).filter(|_| black_box(flag).is_set()).count();
        agree(seen as u64, LOOKS)?;
        Ok(LOOKS)
    })
}

/// Sets it and takes it, with nobody else there.
pub(crate) fn alone<F: Flag>(_: &Setting, flag: Result<&'static F>) -> Result<Start> {
    let flag = flag?;
    locks::have_two_threads();
    Start::here(move || {
        for _ in 0..ALONE {
            let flag = black_box(flag);
            flag.set();
            flag.take();
        }
        Ok(ALONE)
    })
}

/// To another thread and back.
pub(crate) fn threads<F: Flag>(setting: &Setting, flags: Result<[&'static F; 2]>) -> Result<Start> {
    let (ours, theirs) = sides(flags?);
    let far = setting.far();
    thread::spawn(move || {
        // Left where it is, it would be missed there: a placement is looked at before the first round.
        if far.is_none_or(|cpu| placement::pin(Pid::from_raw(0), cpu).is_ok()) {
            theirs.run();
        }
    });
    Start::here(ours)
}

/// To another process and back, with two threads each.
pub(crate) fn processes<F: Flag>(_: &Setting, flags: Result<[&'static F; 2]>) -> Result<Start> {
    let flags = flags?;
    let forks = Forks::of_one_thread()?;
    let (mut ours, theirs) = sides(flags);
    let child = forks.start(move || {
        // A parent that is killed cannot end it.
        if prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
            locks::have_two_threads();
            theirs.run();
        }
    })?;
    ours.child = Some(child);
    locks::have_two_threads();
    Start::here(ours)
}

/// The side that is measured.
struct Near<F: 'static> {
    there: &'static F,
    here: &'static F,
    /// The process of the other side; a thread ends with this one.
    child: Option<Pid>,
}

/// The side that gives the turn back.
struct Far<F: 'static> {
    there: &'static F,
    here: &'static F,
}

fn sides<F: Flag>([there, back]: [&'static F; 2]) -> (Near<F>, Far<F>) {
    (Near { there, here: back, child: None }, Far { there: back, here: there })
}

impl<F: Flag> Session for Near<F> {
    fn batch(&mut self) -> Result<u64> {
        for _ in 0..TRIPS {
            self.there.set();
            self.here.take();
        }
        Ok(TRIPS)
    }
}

impl<F: Flag> Far<F> {
    /// Until it is killed, or its process ends.
    fn run(self) -> ! {
        loop {
            self.here.take();
            self.there.set();
        }
    }
}

impl<F> Drop for Near<F> {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            // How it ended is of no interest now.
            let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
            let _ = wait(child);
        }
    }
}
