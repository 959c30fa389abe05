//! Models of what is done once, and of the value that is made once. `unsafe`: what an initialiser makes is reached without a lock, which
//! the model checker watches.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::primitive::model::{End, Family, check, check_deaths, shared, step, thread};
use crate::primitive::{AtomicU32, Deadline, UnsafeCell};
use crate::{Once, OnceError, OnceLock, WaitError};

/// Two numbers that are made once, both the same, and that everybody reads who finds them made.
struct Made {
    once: Arc<Once>,
    numbers: UnsafeCell<[u32; 2]>,
    runs: AtomicU32,
}

// SAFETY: the turn to initialise orders the accesses; the model checker fails the model if it does not.
unsafe impl Sync for Made {}
// SAFETY: as above.
unsafe impl Send for Made {}

impl Made {
    fn by(once: Arc<Once>) -> Arc<Self> {
        Arc::new(Self { once, numbers: UnsafeCell::new([0; 2]), runs: AtomicU32::new(0) })
    }

    fn private() -> Arc<Self> {
        Self::by(Arc::new(Once::new()))
    }

    fn shared() -> Arc<Self> {
        Self::by(shared(Once::new()))
    }

    /// What an initialiser does, with a point in between at which its process can die.
    fn make(&self) {
        self.runs.fetch_add(1, Relaxed);
        // SAFETY: watched by the model checker.
        self.numbers.with_mut(|numbers| unsafe { (*numbers)[0] += 1 });
        step();
        // SAFETY: as above.
        self.numbers.with_mut(|numbers| unsafe { (*numbers)[1] = (*numbers)[0] });
    }

    /// The number, found made.
    fn read(&self) -> u32 {
        // SAFETY: as above.
        let numbers = self.numbers.with(|numbers| unsafe { *numbers });
        assert_eq!(numbers[0], numbers[1], "completed, but half made");
        assert_ne!(numbers[0], 0, "completed, but made by nobody");
        numbers[0]
    }

    /// Makes the numbers if nobody has, where nobody dies.
    fn get(&self) -> u32 {
        let called = self.once.call_once(|| {
            assert_eq!(self.runs.load(Relaxed), 0, "initialised twice");
            self.make();
        });
        assert_eq!(called, Ok(()));
        self.read()
    }

    /// The same, where somebody may have died in it.
    fn get_after_death(&self) -> u32 {
        assert_eq!(self.once.call_once(|| self.make()), Ok(()));
        self.read()
    }
}

fn spawn<T: 'static>(made: &Arc<Made>, body: impl FnOnce(&Made) -> T + 'static) -> thread::JoinHandle<T> {
    let made = made.clone();
    thread::spawn(move || body(&made))
}

#[test]
fn two_threads_initialise() {
    check(|| {
        let made = Made::private();
        let other = spawn(&made, Made::get);
        assert_eq!((made.get(), other.join().unwrap()), (1, 1));
    });
}

#[test]
fn three_processes_initialise() {
    check(|| {
        let (family, made) = (Family::new(), Made::shared());
        let others = [(); 2].map(|()| {
            let made = made.clone();
            family.process().spawn(move || made.get())
        });
        assert_eq!(family.process().run(|| made.get()), 1);
        assert_eq!(others.map(|other| other.join()), [1; 2]);
    });
}

/// Who only looks sees nothing, or all of it.
#[test]
fn one_looks_meanwhile() {
    check(|| {
        let made = Made::private();
        let looks = spawn(&made, |made| made.once.is_completed().then(|| made.read()));
        made.get();
        assert!(matches!(looks.join().unwrap(), None | Some(1)));
    });
}

/// Whose value it is, is the same for all; it is seen whole also by who only looks.
#[test]
fn two_make_a_value() {
    check(|| {
        let cell = Arc::new(OnceLock::new());
        let theirs = cell.clone();
        let other = thread::spawn(move || *theirs.get_or_init(|| [2, 2]).unwrap());
        let looks = cell.clone();
        let third = thread::spawn(move || looks.get().copied());
        let ours = *cell.get_or_init(|| [1, 1]).unwrap();
        assert_eq!(ours, other.join().unwrap(), "there are two values");
        assert!(third.join().unwrap().is_none_or(|seen| seen == ours));
        assert!(cell.set([3, 3]).is_err_and(|late| late.value == [3, 3]));
    });
}

#[test]
fn one_waits_for_a_value() {
    check(|| {
        let cell = Arc::new(OnceLock::new());
        let theirs = cell.clone();
        let other = thread::spawn(move || theirs.set([7, 7]).is_ok());
        assert_eq!(cell.wait(), Ok(&[7, 7]));
        assert!(other.join().unwrap());
    });
}

#[test]
fn two_wait() {
    check(|| {
        let made = Made::private();
        let waits = spawn(&made, |made| made.once.wait().map(|()| made.read()));
        let makes = spawn(&made, Made::get);
        assert_eq!(made.once.wait(), Ok(()));
        assert_eq!(waits.join().unwrap(), Ok(1));
        makes.join().unwrap();
    });
}

/// An initialiser that panics counts for nothing, whoever waits for it.
#[test]
fn one_panics() {
    check(|| {
        let made = Made::private();
        let panics = spawn(&made, |made| {
            let initialise = || resume_unwind(Box::new("on purpose"));
            catch_unwind(AssertUnwindSafe(|| made.once.call_once(initialise))).is_ok()
        });
        assert_eq!(made.get(), 1);
        let was_late = panics.join().unwrap();
        assert!(!was_late || made.once.is_completed());
    });
}

/// One fails, another waits for it, and makes the value.
#[test]
fn one_fails() {
    check(|| {
        let cell = Arc::new(OnceLock::new());
        let theirs = cell.clone();
        let fails = thread::spawn(move || theirs.get_or_try_init(|| Err("on purpose")).copied());
        assert_eq!(cell.get_or_init(|| 1), Ok(&1));
        assert!(matches!(fails.join().unwrap(), Ok(1) | Err(OnceError::Failed("on purpose"))));
    });
}

/// One gives up while another initialises, and one waits for what nobody ever does.
#[test]
fn two_give_up() {
    check(|| {
        let (made, never, deadline) = (Made::private(), Made::private(), Deadline::new());
        let until = deadline.clone();
        let late = spawn(&made, move |made| made.once.call_once_deadline(until, || made.make()));
        let until = deadline.clone();
        let in_vain = spawn(&never, move |never| never.once.wait_deadline(until));
        let clock = thread::spawn(move || deadline.pass());
        made.get_after_death();
        assert!(matches!(late.join().unwrap(), Ok(()) | Err(OnceError::TimedOut)));
        assert_eq!(in_vain.join().unwrap(), Err(WaitError::TimedOut));
        clock.join().unwrap();
        assert_eq!(made.read(), 1);
    });
}

/// Who initialises dies at each of its steps: the next one finds it done, or does it.
#[test]
fn initialiser_killed() {
    check_deaths(|k| {
        let (family, made) = (Family::new(), Made::shared());
        let theirs = made.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.get_after_death());
        let next = family.process();
        let ours = next.run(|| made.get_after_death());
        if let End::InOrder(theirs) = victim.join() {
            assert_eq!(ours, theirs);
        }
        assert_eq!(next.run(|| made.get_after_death()), ours, "initialised twice");
    });
}

/// One of three dies at each of its steps, at work or asleep behind another.
#[test]
fn one_of_three_killed() {
    check_deaths(|k| {
        let (family, made) = (Family::new(), Made::shared());
        let (theirs, others) = (made.clone(), made.clone());
        let victim = family.process().spawn_killed_at(k, move || theirs.get_after_death());
        let other = family.process().spawn(move || others.get_after_death());
        let ours = family.process().run(|| made.get_after_death());
        assert_eq!(ours, other.join());
        victim.join();
    });
}

/// Who initialises dies at each of its steps while somebody waits: woken by it, or by who does it instead.
#[test]
fn initialiser_killed_with_a_waiter() {
    check_deaths(|k| {
        let (family, made) = (Family::new(), Made::shared());
        let theirs = made.clone();
        let waits = family.process().spawn(move || theirs.once.wait().map(|()| theirs.read()));
        let theirs = made.clone();
        let victim = family.process().run_killed_at(k, || theirs.get_after_death());
        let ours = family.process().run(|| made.get_after_death());
        assert_eq!(waits.join(), Ok(ours));
        assert!(matches!(victim, End::Killed | End::InOrder(1)));
    });
}

/// Long after the kernel has marked the lock a system call of the victim's process is at what it made: nobody else is by then.
#[test]
fn sibling_writes_until_the_end() {
    check_deaths(|k| {
        let (family, made) = (Family::new(), Made::shared());
        let (process, theirs) = (family.process(), made.clone());
        let victim = thread::spawn(move || {
            let at_work = Cell::new(false);
            let body = || {
                let called = theirs.once.call_once(|| {
                    at_work.set(true);
                    theirs.make();
                    at_work.set(false);
                });
                assert_eq!(called, Ok(()));
            };
            let call = || {
                if at_work.get() {
                    // SAFETY: watched by the model checker.
                    theirs.numbers.with_mut(|numbers| unsafe { (*numbers)[0] += 10 });
                }
            };
            process.run_killed_within(k, body, call)
        });
        family.process().run(|| made.get_after_death());
        victim.join().unwrap();
    });
}
