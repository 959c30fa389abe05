//! The lock under test, and how each process that gets it judges what it finds. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // a flag beside the lock, not the lock
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::{LockError, LockResult, Mutex, MutexGuard};
use multiproc_testkit::fault::{Cue, Part, Scene};
use multiproc_testkit::is_running;

use super::family;

/// Two numbers that are equal whenever nobody is inside.
pub(super) type Pair = [u64; 2];

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    pub(super) mutex: Mutex<Pair>,
    /// To have locked once, before what is tested begins.
    spare: Mutex<Pair>,
    /// Who is inside; 0 for nobody.
    visitor: AtomicU32,
}

/// A lock of a new family.
pub(super) fn scene() -> Scene<Shared> {
    scene_in(family::found())
}

/// A lock of the family whose registry lies at these addresses.
pub(super) fn scene_in(registry: Range<usize>) -> Scene<Shared> {
    let value = Shared { mutex: Mutex::new([0; 2]), spare: Mutex::new([0; 2]), visitor: AtomicU32::new(0) };
    // SAFETY: locks and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.mutex, placement);
            family::place(&mut shared.spare, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Shared {
    /// Makes this process's thread known to the family, which its first lock would do.
    pub(super) fn attach(&self) {
        drop(self.spare.lock().expect("nobody dies with this one"));
    }

    /// Looks at the pair, mends it after a death, changes it. Gives the guard back, if there is one.
    pub(super) fn inside<'g>(
        &self,
        got: LockResult<MutexGuard<'g, Pair>>,
        part: &Part,
    ) -> Option<MutexGuard<'g, Pair>> {
        let mut guard = match got {
            Ok(guard) => {
                part.count("Ok");
                assert_eq!(guard[0], guard[1], "torn, and nobody said so");
                guard
            }
            Err(LockError::OwnerDied(mut guard)) => {
                part.count("OwnerDied");
                let before = self.visitor.swap(0, SeqCst);
                assert!(before == 0 || !is_running(before), "the owner that is said to be dead runs");
                guard[1] = guard[0];
                MutexGuard::mark_consistent(&mut guard);
                guard
            }
            // Only scenarios that list these expect them.
            Err(LockError::Abandoned) => {
                part.count("Abandoned");
                return None;
            }
            Err(LockError::OwnerLeft) => {
                part.count("OwnerLeft");
                return None;
            }
            Err(error) => panic!("not locked: {error}"),
        };
        let before = self.visitor.swap(std::process::id(), SeqCst);
        assert_eq!(before, 0, "two are inside");
        change(&mut guard);
        self.visitor.store(0, SeqCst);
        Some(guard)
    }

    /// Takes the lock once.
    pub(super) fn once(&self, part: &Part) {
        drop(self.inside(self.mutex.lock(), part));
    }

    /// Three laps, once everybody is through.
    pub(super) fn laps(&self, part: &Part) {
        part.wait(Cue::Laps);
        (0..3).for_each(|_| self.once(part));
    }
}

/// Changes the pair, one half after the other.
pub(super) fn change(pair: &mut Pair) {
    for half in pair {
        // Volatile, or the compiler may store both at once, and never be killed in between.
        // SAFETY: the reference's own number.
        unsafe {
            let half = std::ptr::from_mut(half);
            half.write_volatile(half.read_volatile() + 1);
        }
    }
}

/// Comes when all others are through.
pub(super) fn newcomer(shared: &'static Shared, part: &Part) {
    shared.laps(part);
}
