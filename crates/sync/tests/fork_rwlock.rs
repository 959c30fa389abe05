//! What the guards of a lock for readers and writers are in a fork, whatever that does with them: of one in shared memory nothing, of a
//! private one what they are in its parent, of a copy. And who else uses it is told nothing of the fork, nor of its end. `unsafe`: copies
//! of guards.
#![allow(unsafe_code)]

mod common;

use std::mem;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{LockError, LockResult, RwLock, RwLockReadGuard, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually, is_running, state_of};

type Lock = &'static RwLock<u64, 2>;

const SOON: Duration = Duration::from_millis(1);

/// How a thread has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Reads,
    ReadsThrice,
    Writes,
    Downgraded,
}

/// What a fork does with the guards that it has brought along.
#[derive(Clone, Copy, Debug)]
enum Act {
    Drops,
    Forgets,
    LocksAgain,
    /// Goes on as a reader with a writer's guard, and says of its lock what only the writer may say.
    Misuses,
}

fn each(mut body: impl FnMut(How, Act)) {
    for how in [How::Reads, How::ReadsThrice, How::Writes, How::Downgraded] {
        for act in [Act::Drops, Act::Forgets, Act::LocksAgain, Act::Misuses] {
            body(how, act);
        }
    }
}

/// The guards of one thread.
#[derive(Default)]
struct Guards {
    reading: Vec<RwLockReadGuard<'static, u64>>,
    writing: Option<RwLockWriteGuard<'static, u64>>,
}

impl Guards {
    fn of(lock: Lock, how: How) -> Self {
        let (mut reading, mut writing) = (Vec::new(), None);
        match how {
            How::Reads => reading.push(lock.read().unwrap()),
            How::ReadsThrice => reading.extend((0..3).map(|_| lock.read().unwrap())),
            How::Writes => writing = Some(lock.write().unwrap()),
            How::Downgraded => reading.push(RwLockWriteGuard::downgrade(lock.write().unwrap())),
        }
        Self { reading, writing }
    }

    /// Bitwise copies, as a fork has them; the parent's are another process's.
    fn copies(&self) -> Self {
        // SAFETY: called in forks only, which do not use the originals.
        unsafe {
            Self {
                reading: self.reading.iter().map(|guard| std::ptr::read(guard)).collect(),
                writing: self.writing.as_ref().map(|guard| std::ptr::read(guard)),
            }
        }
    }

    fn misuse(self) {
        let Some(mut writing) = self.writing else { return };
        RwLockWriteGuard::mark_consistent(&mut writing);
        // SAFETY: as `copies`.
        RwLockWriteGuard::abandon(unsafe { std::ptr::read(&raw const writing) });
        drop(RwLockWriteGuard::downgrade(writing));
    }
}

fn is_late<G>(refused: LockResult<G>) -> bool {
    matches!(refused, Err(LockError::TimedOut))
}

/// Nobody but the reader or the writer has it, as somebody else sees who is no part of it.
fn assert_had(lock: Lock, how: How) {
    let writes = how == How::Writes;
    assert_eq!(
        (lock.readers(), lock.has_writer(), lock.is_poisoned()),
        (usize::from(!writes), writes, false)
    );
}

/// In a fork: it has nothing of its parent's, and is nobody's reader or writer.
fn acts_without(lock: Lock, how: How, act: Act, guards: Guards) {
    match act {
        Act::Drops => drop(guards),
        Act::Forgets => mem::forget(guards),
        Act::Misuses => guards.misuse(),
        Act::LocksAgain => {
            assert!(is_late(lock.try_write()) && is_late(lock.write_timeout(SOON)), "it is the parent's");
            if how == How::Writes {
                assert!(is_late(lock.try_read()) && is_late(lock.read_timeout(SOON)));
            } else {
                let own = lock.read().unwrap();
                assert_eq!(lock.readers(), 2, "a slot of its own");
                drop(guards);
                assert_eq!((lock.readers(), *own), (2, 0));
            }
        }
    }
    assert_had(lock, how);
}

/// A third process reads and writes, and is told nothing.
fn is_anybodys(lock: Lock) -> bool {
    let third = fork(|| {
        assert_eq!((lock.readers(), lock.has_writer()), (0, false));
        let guard = lock.try_write().unwrap();
        let guards = (RwLockWriteGuard::downgrade(guard), lock.try_read().unwrap());
        assert_eq!(lock.readers(), 1);
        drop(guards);
    });
    reap(third) == 0
}

/// Who has the lock goes on with it as if nothing had been.
fn goes_on(lock: Lock, how: How, guards: Guards) {
    assert_had(lock, how);
    if how == How::Writes {
        assert!(
            matches!(lock.write(), Err(LockError::Deadlock(_)))
                && matches!(lock.read(), Err(LockError::Deadlock(_)))
        );
    } else {
        assert!(matches!(lock.write(), Err(LockError::Deadlock(_))));
        drop(lock.read().unwrap());
        assert_eq!(lock.readers(), 1);
    }
    drop(guards);
}

#[test]
fn in_a_fork_guards_of_a_shared_one_do_nothing() {
    let _watchdog = Watchdog::with_limit(120);
    each(|how, act| {
        let lock: Lock = share(RwLock::with_readers(0));
        for is_killed in [false, true] {
            let (guards, has_acted) = (Guards::of(lock, how), flag());
            let child = fork(|| {
                acts_without(lock, how, act, guards.copies());
                has_acted.store(1, SeqCst);
                if is_killed {
                    idle();
                }
            });
            if is_killed {
                eventually("it has acted", || has_acted.load(SeqCst) == 1);
                kill(child);
            } else {
                assert_eq!(reap(child), 0, "{how:?}, {act:?}");
            }
            goes_on(lock, how, guards);
            assert!(is_anybodys(lock), "{how:?}, {act:?}");
        }
    });
}

/// It sleeps until its parent leaves, or is killed before.
#[test]
fn a_fork_that_waits_for_its_parent_gets_the_lock_like_anybody() {
    let _watchdog = Watchdog::with_limit(120);
    for how in [How::Reads, How::ReadsThrice, How::Writes, How::Downgraded] {
        for (writes, is_killed) in [(true, false), (true, true), (false, false), (false, true)] {
            if !writes && how != How::Writes {
                continue; // it reads beside its parent
            }
            let lock: Lock = share(RwLock::with_readers(0));
            let guards = Guards::of(lock, how);
            let child = fork(|| {
                let old = guards.copies();
                if writes {
                    let mut own = lock.write().unwrap();
                    drop(old);
                    *own += 1;
                    assert!(lock.has_writer());
                } else {
                    let own = lock.read().unwrap();
                    drop(old);
                    assert_eq!((lock.readers(), *own), (1, 0));
                }
            });
            eventually("it sleeps", || state_of(child.pid()) == Some('S'));
            if is_killed {
                kill(child);
                goes_on(lock, how, guards);
            } else {
                drop(guards);
                assert_eq!(reap(child), 0, "{how:?}");
                assert_eq!(*lock.read().unwrap(), u64::from(writes));
            }
            assert!(is_anybodys(lock), "{how:?}");
        }
    }
}

/// The parent is killed with the lock, and the fork lives on with its copies: they hold nothing.
#[test]
fn a_fork_that_lives_on_holds_nothing_of_its_dead_parent() {
    let _watchdog = Watchdog::with_limit(120);
    // SAFETY: sets a flag of this process: the fork of a fork is its child when that is dead.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    each(|how, act| {
        let lock: Lock = share(RwLock::with_readers(0));
        let (has_acted, number, is_mended) = (flag(), flag(), flag());
        let parent = fork(|| {
            let guards = Guards::of(lock, how);
            let child = fork(|| {
                multiproc_testkit::fork::outlive_parent();
                let kept = guards.copies();
                acts_without(lock, how, act, guards.copies());
                has_acted.store(1, SeqCst);
                eventually("the lock is mended", || is_mended.load(SeqCst) == 1);
                let own = lock.write().unwrap();
                drop(kept);
                assert!(lock.has_writer());
                drop(own);
            });
            number.store(child.pid(), SeqCst);
            idle();
        });
        eventually("it has forked", || number.load(SeqCst) != 0 && has_acted.load(SeqCst) == 1);
        kill(parent);
        let child = Fork::adopt(number.load(SeqCst).cast_signed());
        match (how, lock.write()) {
            (How::Writes, Err(LockError::OwnerDied(mut guard))) => {
                RwLockWriteGuard::mark_consistent(&mut guard);
            }
            (How::Writes, other) => panic!("its writer died: {other:?}"),
            (_, found) => drop(found.expect("nobody is told of a reader")),
        }
        assert!(is_running(child.pid()), "{how:?}, {act:?}");
        assert!(is_anybodys(lock));
        is_mended.store(1, SeqCst);
        assert_eq!(reap(child), 0, "{how:?}, {act:?}");
        assert!(is_anybodys(lock));
    });
}

/// The fork's thread has the copy as its parent has the original, and neither sees what the other does.
#[test]
fn in_a_fork_guards_of_a_private_one_are_those_of_a_copy() {
    let _watchdog = Watchdog::with_limit(120);
    each(|how, act| {
        let lock: Lock = Box::leak(Box::new(RwLock::with_readers(0)));
        let guards = Guards::of(lock, how);
        let others_write = || thread::scope(|scope| scope.spawn(|| lock.try_write().is_ok()).join().unwrap());
        let child = fork(|| {
            let own = guards.copies();
            assert_had(lock, how);
            assert!(!others_write());
            match act {
                Act::Drops => drop(own),
                Act::Forgets => {
                    mem::forget(own);
                    assert_had(lock, how);
                    assert!(!others_write());
                    return;
                }
                Act::LocksAgain => goes_on(lock, how, own),
                Act::Misuses => {
                    let is_abandoned = own.writing.is_some();
                    own.misuse();
                    assert_eq!(matches!(lock.read(), Err(LockError::Abandoned)), is_abandoned);
                    return;
                }
            }
            assert_eq!((lock.readers(), lock.has_writer(), others_write()), (0, false, true));
        });
        assert_eq!(reap(child), 0, "{how:?}, {act:?}");
        assert!(!others_write());
        goes_on(lock, how, guards);
        assert_eq!((lock.readers(), lock.has_writer(), others_write()), (0, false, true));
    });
}
