//! Two sides that hand a turn to and fro by two semaphores. What counts is how often it has come back.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Result;
use crate::groups::agree;
use crate::locks;
use crate::peers::fork::{Forks, wait};
use crate::placement;
use crate::semaphores::Semaphore;
use crate::session::{Session, Setting};
use crate::sys;

/// Turns between two looks at the clock.
const TURNS: u64 = 64;

#[derive(Debug)]
pub(crate) struct PingPong<S: Semaphore> {
    there: &'static S,
    back: &'static S,
    side: &'static Side,
    /// Turns that were given away.
    given: u32,
    other: Option<Other>,
}

/// What both sides see besides the semaphores.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Side {
    /// Turns that the other side has had. Wraps.
    had: AtomicU32,
    ends: AtomicU32,
}

#[derive(Debug)]
enum Other {
    Thread(JoinHandle<()>),
    Process(Pid),
}

impl<S: Semaphore> PingPong<S> {
    pub(crate) fn with_a_thread(semaphores: [&'static S; 2], setting: &Setting) -> Result<Self> {
        let mut this = Self::alone(semaphores)?;
        let (there, back, side, far) = (this.there, this.back, this.side, setting.far());
        this.other = Some(Other::Thread(thread::spawn(move || {
            // Left where it is, it would be missed there: a placement is looked at before the first round.
            if far.is_none_or(|cpu| placement::pin(Pid::from_raw(0), cpu).is_ok()) {
                side.give_back(there, back);
            }
        })));
        Ok(this)
    }

    pub(crate) fn with_a_process(semaphores: [&'static S; 2]) -> Result<Self> {
        let forks = Forks::of_one_thread()?;
        let mut this = Self::alone(semaphores)?;
        let child = forks.start(|| {
            // A parent that is killed cannot end it.
            if prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
                locks::have_two_threads();
                this.side.give_back(this.there, this.back);
            }
        })?;
        this.other = Some(Other::Process(child));
        locks::have_two_threads();
        Ok(this)
    }

    fn alone([there, back]: [&'static S; 2]) -> Result<Self> {
        Ok(Self { there, back, side: sys::leak_shared(Side::default())?, given: 0, other: None })
    }
}

impl Side {
    fn give_back(&self, there: &impl Semaphore, back: &impl Semaphore) {
        loop {
            there.acquire();
            // Relaxed here and there: the semaphores order it.
            if self.ends.load(Ordering::Relaxed) != 0 {
                break;
            }
            self.had.store(self.had.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            back.release();
        }
    }
}

impl<S: Semaphore> Session for PingPong<S> {
    fn batch(&mut self) -> Result<u64> {
        for _ in 0..TURNS {
            self.given = self.given.wrapping_add(1);
            self.there.release();
            self.back.acquire();
            agree(self.side.had.load(Ordering::Relaxed).into(), self.given.into())?;
        }
        Ok(TURNS)
    }
}

impl<S: Semaphore> Drop for PingPong<S> {
    fn drop(&mut self) {
        self.side.ends.store(1, Ordering::Relaxed);
        self.there.release();
        // How it ended is of no interest now.
        match self.other.take() {
            Some(Other::Thread(thread)) => drop(thread.join()),
            Some(Other::Process(child)) => drop(wait(child)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::counter;
    use crate::placement::Placement;

    #[test]
    fn each_turn_comes_back_once() {
        let semaphores = [counter::std(0).unwrap(), counter::std(0).unwrap()];
        let setting = Setting::new(Placement::Free, true).unwrap();
        let mut game = PingPong::with_a_thread(semaphores, &setting).unwrap();
        (0..5).for_each(|_| assert_eq!(game.batch().unwrap(), TURNS));
        let side = game.side;
        drop(game);
        assert_eq!(u64::from(side.had.load(Ordering::Relaxed)), 5 * TURNS);
        assert_eq!(semaphores.map(Semaphore::free), [0, 0]);
    }

    /// A semaphore that lets everybody pass.
    struct Open;

    impl Semaphore for Open {
        fn acquire(&self) {}

        fn release(&self) {}

        fn free(&self) -> u64 {
            1
        }
    }

    #[test]
    fn a_semaphore_that_holds_nobody_up_fails_its_round() {
        let setting = Setting::new(Placement::Free, true).unwrap();
        let mut game = PingPong::with_a_thread([&Open, &Open], &setting).unwrap();
        let ends = (0..1000).find_map(|_| game.batch().err());
        assert!(ends.is_some_and(|error| error.to_string().contains("is right")));
    }
}
