//! A hook that forks in a wait with several levels of a mutex in shared memory: in the fork they hold nothing, and nothing is taken for them.
//! `unsafe`: a fork in the hook.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the mutex, not the mutex

mod common;
mod signals;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;

use common::{flag, fork, idle, reap, share};
use multiproc_sync::{Condvar, LockError, ReentrantMutex, ReentrantMutexGuard, interrupt};
use multiproc_testkit::Watchdog;
use signals::{handle, is_pending, notes, signal_until};

type Number = ReentrantMutex<AtomicU64>;
type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;

/// The fork that the hook has made; in that itself [`IN_THE_FORK`].
static FORKED: AtomicI32 = AtomicI32::new(0);
const IN_THE_FORK: i32 = -1;

fn forks() -> ControlFlow<()> {
    if is_pending() && FORKED.load(SeqCst) == 0 {
        // SAFETY: the fork goes on with what is for forks, and ends without the harness; it does not outlive its parent.
        match unsafe { libc::fork() } {
            0 => {
                FORKED.store(IN_THE_FORK, SeqCst);
                // SAFETY: no conditions.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            }
            pid => FORKED.store(pid, SeqCst),
        }
    }
    ControlFlow::Continue(())
}

/// What the fork tells of itself.
const RIGHT: u32 = 1;
const WRONG: u32 = 2;

/// Waits with the inner guard until the number is not 0; a fork of that tells what has become of it there.
fn waits(mutex: &Number, come: &Condvar, told: &AtomicU32) {
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    let ended = come.wait_while(inner, |n| n.load(SeqCst) == 0);
    if FORKED.load(SeqCst) == IN_THE_FORK {
        let is_interrupted = matches!(ended, Err(LockError::Interrupted));
        let is_nothing = !mutex.is_held_by_this_thread() && Guard::depth(&outer) == 0;
        // Nor do they hold what the fork locks itself: to drop them does not release that.
        let own = mutex.lock().unwrap();
        drop((ended, outer));
        let is_alone = Guard::depth(&own) == 1;
        drop(own);
        let is_right = is_interrupted && is_nothing && is_alone && !mutex.is_held_by_this_thread();
        told.store(if is_right { RIGHT } else { WRONG }, SeqCst);
        idle();
    }
    assert_eq!(Guard::depth(&ended.unwrap()), 2);
    assert_eq!(Guard::depth(&outer), 1);
}

/// The thread that waits is the process's only one, or another has a name as well: then the fork's is another one's.
#[test]
fn in_the_fork_of_a_wait_the_outer_guards_hold_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    for threads in [0, 2] {
        let (mutex, come) = (share(ReentrantMutex::new(AtomicU64::new(0))), share(Condvar::new()));
        let (told, other) = (flag(), share(ReentrantMutex::new(AtomicU64::new(0))));
        let waiter = fork(|| {
            drop(other.lock().unwrap());
            for _ in 0..threads {
                let (named, has_name) = std::sync::mpsc::channel();
                thread::spawn(move || {
                    drop(other.lock().unwrap());
                    named.send(()).unwrap();
                    idle();
                });
                has_name.recv().unwrap();
            }
            interrupt::install(forks).unwrap();
            waits(mutex, come, told);
        });
        signal_until(&waiter, || told.load(SeqCst) != 0);
        assert_eq!(told.load(SeqCst), RIGHT, "{threads} other threads");
        let guard = mutex.try_lock().expect("nobody has it: its owner waits, and the fork is done");
        guard.store(1, SeqCst);
        drop(guard);
        come.notify_all();
        assert_eq!(reap(waiter), 0);
    }
}
