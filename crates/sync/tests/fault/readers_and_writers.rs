//! The lock for many readers or one writer that is under test, how each process that gets it judges what it finds, and the company of a
//! victim. It has one slot, so that a second reader waits for one. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // who is inside, beside the lock
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::{LockError, LockResult, RwLock, RwLockReadGuard, RwLockWriteGuard};
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Cue, Part, Scene};
use multiproc_testkit::{is_running, state_of};

use super::family;
use super::shared::{Pair, change};

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    pub(super) lock: RwLock<Pair, 1>,
    /// To have had a lock once, before what is tested begins.
    spare: RwLock<Pair, 8>,
    /// Who writes; 0 for nobody.
    pub(super) writer: AtomicU32,
    /// How many read that nobody kills.
    readers: AtomicU32,
}

pub(super) fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared {
        lock: RwLock::with_readers([0; 2]),
        spare: RwLock::with_readers([0; 2]),
        writer: AtomicU32::new(0),
        readers: AtomicU32::new(0),
    };
    // SAFETY: locks and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.lock, placement);
            family::place(&mut shared.spare, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Shared {
    pub(super) fn attach(&self) {
        drop(self.spare.read().expect("nobody dies with this one"));
        drop(self.spare.write().expect("nobody dies with this one"));
    }

    /// Looks at the pair; gives the guard back, if there is one.
    fn reading<'g>(
        &self,
        got: LockResult<RwLockReadGuard<'g, Pair>>,
        part: &Part,
    ) -> Option<RwLockReadGuard<'g, Pair>> {
        let guard = match got {
            Ok(guard) => {
                part.count("Ok");
                assert_eq!(guard[0], guard[1], "torn, and nobody said so");
                guard
            }
            Err(LockError::OwnerDied(guard)) => {
                part.count("OwnerDied");
                let writer = self.writer.load(SeqCst);
                assert!(writer == 0 || !is_running(writer), "the writer that is said to be dead runs");
                guard
            }
            Err(LockError::TimedOut | LockError::TooManyReaders) => return None,
            Err(error) => panic!("not to be read: {error}"),
        };
        self.readers.fetch_add(1, SeqCst);
        let writer = self.writer.load(SeqCst);
        assert!(writer == 0 || !is_running(writer), "somebody writes beside a reader");
        self.readers.fetch_sub(1, SeqCst);
        Some(guard)
    }

    /// Looks at the pair, mends it after a death, changes it.
    fn writing(&self, got: LockResult<RwLockWriteGuard<'_, Pair>>, part: &Part) {
        let mut guard = match got {
            Ok(guard) => {
                part.count("Ok");
                assert_eq!(guard[0], guard[1], "torn, and nobody said so");
                guard
            }
            Err(LockError::OwnerDied(mut guard)) => {
                part.count("OwnerDied");
                let before = self.writer.swap(0, SeqCst);
                assert!(before == 0 || !is_running(before), "the writer that is said to be dead runs");
                guard[1] = guard[0];
                RwLockWriteGuard::mark_consistent(&mut guard);
                guard
            }
            Err(LockError::TimedOut) => return,
            Err(error) => panic!("not to be written: {error}"),
        };
        assert_eq!(
            self.writer.swap(std::process::id(), SeqCst),
            0,
            "two write, or one died and nobody said so"
        );
        change(&mut guard);
        assert_eq!(self.readers.load(SeqCst), 0, "somebody reads beside a writer");
        self.writer.store(0, SeqCst);
    }

    fn reads(&self, part: &Part) {
        drop(self.reading(self.lock.read(), part));
    }

    fn writes(&self, part: &Part) {
        self.writing(self.lock.write(), part);
    }

    /// Writes, as one who may be killed there.
    pub(super) fn change(&self, guard: &mut Pair) {
        self.writer.store(std::process::id(), SeqCst);
        change(guard);
        self.writer.store(0, SeqCst);
    }
}

/// Three laps, once everybody is through; at their end nothing is left that would keep anybody out.
pub(super) fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        shared.reads(part);
        shared.writes(part);
    }
}

/// Reads until the victim sleeps.
pub(super) fn reading_holder(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.lock.read().expect("it is free");
    part.wait(Cue::Release);
    drop(guard);
    laps(shared, part);
}

/// Writes until the victim sleeps.
pub(super) fn writing_holder(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.lock.write().expect("it is free");
    part.wait(Cue::Release);
    drop(guard);
    laps(shared, part);
}

/// The same, and has a reader kept out before the victim begins.
pub(super) fn crowded_holder(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.lock.write().expect("it is free");
    let (tell, thread) = std::sync::mpsc::channel();
    let part_of_thread = *part;
    let kept_out = std::thread::spawn(move || {
        // SAFETY: cannot fail.
        tell.send(unsafe { libc::gettid() }.unsigned_abs()).expect("somebody listens");
        shared.reads(&part_of_thread);
    });
    let thread = thread.recv().expect("it runs");
    eventually("it is kept out", || state_of(thread) == Some('S'));
    part.wait(Cue::Release);
    drop(guard);
    kept_out.join().expect("it got in");
    laps(shared, part);
}

/// Reads until the victim is dead.
pub(super) fn reading_keeper(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.lock.read().expect("it is free");
    part.wait(Cue::Killed);
    drop(guard);
    laps(shared, part);
}

/// Writes until the victim is dead.
pub(super) fn writing_keeper(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guard = shared.lock.write().expect("it is free");
    part.wait(Cue::Killed);
    drop(guard);
    laps(shared, part);
}

/// Dies reading before the victim begins.
pub(super) fn dead_reader(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    std::mem::forget(shared.lock.read().expect("it is free"));
    part.die();
}

/// Dies writing before the victim begins.
pub(super) fn dead_writer(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let mut guard = shared.lock.write().expect("it is free");
    shared.writer.store(std::process::id(), SeqCst);
    guard[0] += 1;
    std::mem::forget(guard);
    part.die();
}

/// Goes in, if it can, just before the victim is killed, and out when that is dead.
pub(super) fn barger(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Stopped);
    let guard = shared.reading(shared.lock.try_read(), part);
    part.wait(Cue::Killed);
    drop(guard);
    laps(shared, part);
}

pub(super) fn sleeping_reader(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.reads(part);
    laps(shared, part);
}

pub(super) fn sleeping_writer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.writes(part);
    laps(shared, part);
}

pub(super) fn second_reader(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Asleep);
    shared.reads(part);
    laps(shared, part);
}
