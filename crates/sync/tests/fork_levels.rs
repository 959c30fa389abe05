//! What the guards of a reentrant mutex are in a fork, whatever that does with them: of one in shared memory nothing, of a private one what
//! they are in its parent, of a copy. And who else uses it is told nothing of the fork, nor of its end. `unsafe`: copies of guards.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // numbers that the locks guard

mod common;

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{Condvar, LockError, ReentrantMutex, ReentrantMutexGuard};
use multiproc_testkit::{Watchdog, eventually, is_running, state_of};

type Number = ReentrantMutex<AtomicU64>;
type Guard = ReentrantMutexGuard<'static, AtomicU64>;

const SOON: Duration = Duration::from_millis(1);

/// What a fork does with the guards that it has brought along.
#[derive(Clone, Copy, Debug)]
enum Act {
    Drops,
    Forgets,
    WaitsWith,
    LocksAgain,
}

/// Each, with one level and with three.
fn each(mut body: impl FnMut(Act, usize)) {
    for act in [Act::Drops, Act::Forgets, Act::WaitsWith, Act::LocksAgain] {
        [1, 3].into_iter().for_each(|levels| body(act, levels));
    }
}

fn levels(mutex: &'static Number, count: usize) -> Vec<Guard> {
    (0..count).map(|_| mutex.lock().unwrap()).collect()
}

/// Bitwise copies of the guards, as a fork has them; the parent's are another process's.
fn copies(guards: &[Guard]) -> Vec<Guard> {
    // SAFETY: called in forks only, which do not use the originals.
    guards.iter().map(|guard| unsafe { std::ptr::read(guard) }).collect()
}

/// In a fork: it holds nothing of its parent's, and gets nothing of it.
fn acts_without(act: Act, mutex: &Number, come: &Condvar, guards: Vec<Guard>) {
    assert!(guards.iter().all(|guard| Guard::depth(guard) == 0));
    match act {
        Act::Drops => drop(guards),
        Act::Forgets => mem::forget(guards),
        Act::WaitsWith => {
            for guard in guards {
                assert!(matches!(come.wait_timeout(guard, SOON), Err(LockError::NotHeld)));
            }
        }
        Act::LocksAgain => {
            assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)), "it is the parent's");
            assert!(matches!(mutex.lock_timeout(SOON), Err(LockError::TimedOut)));
            drop(guards);
        }
    }
    assert!(mutex.is_locked() && !mutex.is_held_by_this_thread() && !mutex.is_poisoned());
}

/// A third process takes it, and is told nothing.
fn is_anybodys(mutex: &'static Number) -> bool {
    let third = fork(|| {
        let guards = (mutex.try_lock().unwrap(), mutex.try_lock().unwrap());
        assert_eq!(Guard::depth(&guards.0), 2);
        guards.0.fetch_add(1, SeqCst);
    });
    reap(third) == 0
}

#[test]
fn in_a_fork_guards_of_a_shared_one_do_nothing() {
    let _watchdog = Watchdog::with_limit(120);
    each(|act, count| {
        let (mutex, come) = (share(Number::new(AtomicU64::new(0))), share(Condvar::new()));
        for is_killed in [false, true] {
            let (guards, has_acted) = (levels(mutex, count), flag());
            let child = fork(|| {
                acts_without(act, mutex, come, copies(&guards));
                has_acted.store(1, SeqCst);
                if is_killed {
                    idle();
                }
            });
            if is_killed {
                eventually("it has acted", || has_acted.load(SeqCst) == 1);
                kill(child);
            } else {
                assert_eq!(reap(child), 0, "{act:?}, {count} levels");
            }
            // The parent goes on as if nothing had been.
            assert!(guards.iter().all(|guard| Guard::depth(guard) as usize == count));
            let again = mutex.lock().unwrap();
            assert_eq!(Guard::depth(&again) as usize, count + 1);
            drop(again);
            let (guard, waited) = come.wait_timeout(mutex.lock().unwrap(), SOON).unwrap();
            assert_eq!((Guard::depth(&guard) as usize, waited.timed_out()), (count + 1, true));
            drop((guard, guards));
            assert!(!mutex.is_locked() && is_anybodys(mutex));
        }
    });
}

/// It sleeps until its parent releases the lock, or is killed before.
#[test]
fn a_fork_that_waits_for_its_parents_lock_gets_it_like_anybody() {
    let _watchdog = Watchdog::with_limit(120);
    for (count, is_killed) in [(1, false), (3, false), (1, true), (3, true)] {
        let mutex = share(Number::new(AtomicU64::new(0)));
        let guards = levels(mutex, count);
        let child = fork(|| {
            let old = copies(&guards);
            let own = mutex.lock().unwrap();
            drop(old);
            assert_eq!(Guard::depth(&own), 1);
            own.store(7, SeqCst);
        });
        eventually("it sleeps", || state_of(child.pid()) == Some('S'));
        if is_killed {
            kill(child);
            assert!(guards.iter().all(|guard| Guard::depth(guard) as usize == count));
            drop(guards);
        } else {
            drop(guards);
            assert_eq!(reap(child), 0);
            assert_eq!(mutex.lock().unwrap().load(SeqCst), 7);
        }
        assert!(is_anybodys(mutex));
    }
}

/// The parent is killed with the lock, and the fork lives on with its copies: they hold nothing.
#[test]
fn a_fork_that_lives_on_holds_nothing_of_its_dead_parent() {
    let _watchdog = Watchdog::with_limit(120);
    // SAFETY: sets a flag of this process: the fork of a fork is its child when that is dead.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    each(|act, count| {
        let (mutex, come) = (share(Number::new(AtomicU64::new(0))), share(Condvar::new()));
        let (number, is_mended) = (flag(), flag());
        let parent = fork(|| {
            let guards = levels(mutex, count);
            let has_acted = flag();
            let child = fork(|| {
                multiproc_testkit::fork::outlive_parent();
                let kept = copies(&guards);
                acts_without(act, mutex, come, copies(&guards));
                has_acted.store(1, SeqCst);
                eventually("the lock is mended", || is_mended.load(SeqCst) == 1);
                let own = mutex.lock().unwrap();
                drop(kept);
                assert_eq!(Guard::depth(&own), 1);
            });
            eventually("it has acted", || has_acted.load(SeqCst) == 1);
            number.store(child.pid(), SeqCst);
            idle();
        });
        eventually("it has forked", || number.load(SeqCst) != 0);
        kill(parent);
        let child = Fork::adopt(number.load(SeqCst).cast_signed());
        let Err(LockError::OwnerDied(mut guard)) = mutex.lock() else { panic!("its owner died") };
        assert!(is_running(child.pid()), "{act:?}, {count} levels");
        assert_eq!(Guard::depth(&guard), 1);
        Guard::mark_consistent(&mut guard);
        drop(guard);
        assert!(is_anybodys(mutex));
        is_mended.store(1, SeqCst);
        assert_eq!(reap(child), 0, "{act:?}, {count} levels");
        assert!(is_anybodys(mutex));
    });
}

/// The fork's thread has the copy as its parent has the original, and neither sees what the other does.
#[test]
fn in_a_fork_guards_of_a_private_one_are_those_of_a_copy() {
    let _watchdog = Watchdog::with_limit(120);
    each(|act, count| {
        let mutex: &Number = Box::leak(Box::new(Number::new(AtomicU64::new(0))));
        let come: &Condvar = Box::leak(Box::new(Condvar::new()));
        let guards = levels(mutex, count);
        let is_refused = || {
            thread::scope(|scope| {
                scope.spawn(|| matches!(mutex.try_lock(), Err(LockError::TimedOut))).join().unwrap()
            })
        };
        let child = fork(|| {
            let mut own = copies(&guards);
            assert!(own.iter().all(|guard| Guard::depth(guard) as usize == count) && is_refused());
            own[0].store(1, SeqCst);
            let is_held = match act {
                Act::Drops => {
                    drop(own);
                    false
                }
                Act::Forgets => {
                    mem::forget(own);
                    true
                }
                Act::WaitsWith => {
                    let (guard, waited) = come.wait_timeout(own.pop().unwrap(), SOON).unwrap();
                    assert_eq!((Guard::depth(&guard) as usize, waited.timed_out()), (count, true));
                    drop((guard, own));
                    false
                }
                Act::LocksAgain => {
                    assert_eq!(Guard::depth(&mutex.lock().unwrap()) as usize, count + 1);
                    mem::forget(own);
                    true
                }
            };
            assert_eq!(
                (mutex.is_locked(), mutex.is_held_by_this_thread(), is_refused()),
                (is_held, is_held, is_held)
            );
        });
        assert_eq!(reap(child), 0, "{act:?}, {count} levels");
        assert!(guards.iter().all(|guard| Guard::depth(guard) as usize == count) && is_refused());
        assert_eq!(guards[0].load(SeqCst), 0);
        drop(guards);
        assert!(!mutex.is_locked() && !is_refused());
    });
}
