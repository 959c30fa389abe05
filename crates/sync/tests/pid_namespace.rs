//! Processes of another pid namespace than their family's, where numbers of processes mean others: they are refused, and disturb nobody,
//! also killed in the attempt. `unsafe`: namespaces, bytes of the registry's.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use common::{Fork, flag, fork, found_family, reap, share};
use multiproc_sync::registry::{Registry, RegistryError};
use multiproc_sync::{IdentityError, LockError, LockResult, Mutex, ReentrantMutex, RwLock};
use multiproc_testkit::{self as testkit, Watchdog, eventually};

/// One test at a time: what [`children_are_elsewhere`] may have to do is done to the whole family.
static ALONE: Mutex<()> = Mutex::new(());

/// Where the number of the family's pid namespace stands in its registry.
const PID_NAMESPACE: usize = 24;

fn namespace_of_family() -> &'static AtomicU64 {
    // SAFETY: within the registry's memory, mapped for good and aligned; whoever else looks at it only reads.
    unsafe { AtomicU64::from_ptr(found_family().add(PID_NAMESPACE).cast().as_ptr()) }
}

/// Has the children that this process makes from now on be in another pid namespace. Where this user may have none, the registry says
/// that the family's is another: it refuses whoever comes, as it does there.
fn children_are_elsewhere() {
    let namespaces = [libc::CLONE_NEWPID, libc::CLONE_NEWPID | libc::CLONE_NEWUSER];
    // SAFETY: an integer, by a process with one thread.
    if !namespaces.into_iter().any(|flags| unsafe { libc::unshare(flags) } == 0) {
        eprintln!("no pid namespace to be had: {}", std::io::Error::last_os_error());
        namespace_of_family().fetch_or(1 << 63, SeqCst);
    }
}

/// As it was, for who comes after that.
fn come_back() {
    namespace_of_family().fetch_and(!(1 << 63), SeqCst);
}

fn is_foreign<G>(refused: &LockResult<G>) -> bool {
    matches!(refused, Err(LockError::Identity(IdentityError::ForeignPidNamespace)))
}

/// One of each kind.
#[derive(Clone, Copy)]
struct Locks {
    mutex: &'static Mutex<u64>,
    reentrant: &'static ReentrantMutex<AtomicU64>,
    written: &'static RwLock<u64, 2>,
    read: &'static RwLock<u64, 2>,
}

impl Locks {
    fn new() -> Self {
        Self {
            mutex: share(Mutex::new(0)),
            reentrant: share(ReentrantMutex::new(AtomicU64::new(0))),
            written: share(RwLock::with_readers(0)),
            read: share(RwLock::with_readers(0)),
        }
    }

    /// Runs `body` with all of them held.
    fn held<R>(self, body: impl FnOnce() -> R) -> R {
        let _mutex = self.mutex.lock().unwrap();
        let _levels = (self.reentrant.lock().unwrap(), self.reentrant.lock().unwrap());
        let _guards = (self.written.write().unwrap(), self.read.read().unwrap());
        body()
    }

    /// Whether every form of taking each of them is refused by the name of the reason.
    fn all_are_foreign(self) -> bool {
        let (soon, Self { mutex, reentrant, written, read }) = (Duration::from_millis(1), self);
        [mutex.lock(), mutex.try_lock(), mutex.lock_timeout(soon)].iter().all(is_foreign)
            && [reentrant.lock(), reentrant.try_lock(), reentrant.lock_timeout(soon)].iter().all(is_foreign)
            && [written, read].into_iter().all(|lock| {
                [lock.read(), lock.try_read(), lock.read_timeout(soon)].iter().all(is_foreign)
                    && [lock.write(), lock.try_write(), lock.write_timeout(soon)].iter().all(is_foreign)
            })
    }

    /// Takes each as a member does; nobody has died, and nobody has one of them.
    fn used_once(self) {
        *self.mutex.lock().unwrap() += 1;
        let levels = (self.reentrant.lock().unwrap(), self.reentrant.lock().unwrap());
        levels.1.fetch_add(1, SeqCst);
        drop(levels);
        for lock in [self.written, self.read] {
            *lock.write().unwrap() += 1;
            assert_ne!(*lock.read().unwrap(), 0);
        }
    }

    fn assert_free(self) {
        assert!(!self.mutex.is_locked() && !self.reentrant.is_locked());
        assert!(
            [self.written, self.read].iter().all(|lock| (lock.readers(), lock.has_writer()) == (0, false))
        );
        assert!(!self.mutex.is_poisoned() && !self.reentrant.is_poisoned());
        (0..3).for_each(|_| self.used_once());
    }

    fn assert_held(self) {
        assert!(matches!(self.mutex.try_lock(), Err(LockError::TimedOut)));
        assert!(matches!(self.reentrant.try_lock(), Err(LockError::TimedOut)));
        assert!(matches!(self.written.try_read(), Err(LockError::TimedOut)));
        assert!(matches!(self.read.try_write(), Err(LockError::TimedOut)));
    }
}

/// Runs in another namespace; it does not outlive its parent.
fn outsider(body: impl FnOnce()) -> Fork {
    fork(|| {
        // SAFETY: no conditions.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        body();
    })
}

/// Has a /proc that tells of its own namespace, as in a container; nothing of it is seen outside. Where that is not allowed it goes on
/// with the one that it found.
fn mount_proc() {
    let (flags, none) = (libc::MS_REC | libc::MS_PRIVATE, std::ptr::null());
    let proc = c"proc".as_ptr();
    // SAFETY: strings that outlive the calls, and no data; by a process with one thread.
    unsafe {
        let is_apart = libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, c"/".as_ptr(), none, flags, none.cast()) == 0;
        if !is_apart || libc::mount(proc, c"/proc".as_ptr(), proc, 0, none.cast()) != 0 {
            eprintln!("no /proc of its own: {}", std::io::Error::last_os_error());
        }
    }
}

#[test]
fn who_comes_from_another_namespace_is_refused_by_name() {
    let _watchdog = Watchdog::with_limit(60);
    let _alone = ALONE.lock();
    let [free, held] = [(); 2].map(|()| Locks::new());
    let family = found_family();
    let member = fork(|| {
        // With a name, with guards that the outsider gets copies of, and without.
        held.held(|| {
            children_are_elsewhere();
            let outsider = outsider(|| {
                // SAFETY: the family's registry, which is mapped for good.
                let attached = unsafe { Registry::attach(family, Registry::LEN) };
                assert!(matches!(attached, Err(RegistryError::ForeignPidNamespace { family, ours }) if family != ours));
                assert!(free.all_are_foreign() && held.all_are_foreign());
                mount_proc();
                assert!(free.all_are_foreign() && held.all_are_foreign());
                assert!(held.mutex.is_locked() && !held.reentrant.is_held_by_this_thread());
                // What is its own it can lock.
                *Mutex::new(0).lock().unwrap() += 1;
                *RwLock::new(0).write().unwrap() += 1;
            });
            assert_eq!(reap(outsider), 0);
            come_back();
            assert!(held.mutex.is_locked() && held.reentrant.is_held_by_this_thread());
        });
        held.assert_free();
        held.held(|| ());
    });
    assert_eq!(reap(member), 0);
    free.assert_free();
    held.assert_free();
}

/// In the middle of its attempts, again and again: beside the member that has the locks, and others that wait for them.
#[test]
fn who_is_killed_in_the_attempt_disturbs_nobody() {
    const ROUNDS: u32 = 12;
    let _watchdog = Watchdog::with_limit(120);
    let _alone = ALONE.lock();
    let locks = Locks::new();
    let (named, tries, number, is_seen, is_over) = (flag(), flag(), flag(), flag(), flag());
    let users = [(); 2].map(|()| {
        fork(|| {
            locks.used_once();
            named.fetch_add(1, SeqCst);
            while is_over.load(SeqCst) == 0 {
                locks.used_once();
            }
        })
    });
    locks.used_once();
    eventually("all have names", || named.load(SeqCst) == 2);
    for round in 0..ROUNDS {
        [tries, number, is_seen].iter().for_each(|flag| flag.store(0, SeqCst));
        let member = fork(|| {
            locks.held(|| {
                children_are_elsewhere();
                let outsider = outsider(|| {
                    loop {
                        assert!(locks.all_are_foreign());
                        tries.fetch_add(1, SeqCst);
                    }
                });
                number.store(outsider.pid(), SeqCst);
                assert_ne!(reap(outsider), 0, "it is killed");
                come_back();
                number.store(0, SeqCst);
                eventually("the locks are seen to be held", || is_seen.load(SeqCst) == 1);
            });
        });
        eventually("it tries", || tries.load(SeqCst) > round % 3 && number.load(SeqCst) != 0);
        testkit::kill(number.load(SeqCst), testkit::Signal::SIGKILL).unwrap();
        eventually("its end is known", || number.load(SeqCst) == 0);
        locks.assert_held();
        is_seen.store(1, SeqCst);
        assert_eq!(reap(member), 0);
    }
    is_over.store(1, SeqCst);
    assert_eq!(users.map(reap), [0; 2]);
    locks.assert_free();
}
