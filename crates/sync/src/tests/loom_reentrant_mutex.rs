//! Models of the mutex that its owner may lock again.

use std::sync::Arc;

use super::twins::Twins;
use crate::primitive::Deadline;
use crate::primitive::model::{
    End, Family, Process, Running, check, check_deaths, die, die_at, shared, thread,
};
use crate::{Condvar, LockError, LockResult, ReentrantMutex, ReentrantMutexGuard};

type Guard<'a> = ReentrantMutexGuard<'a, Twins>;

/// Twins, and word of their change.
#[derive(Clone)]
struct Store {
    twins: Arc<ReentrantMutex<Twins>>,
    changed: Arc<Condvar>,
}

impl Store {
    /// For the threads of one process.
    fn private() -> Self {
        Self { twins: Arc::new(ReentrantMutex::new(Twins::new())), changed: Arc::default() }
    }

    /// For the processes of a family.
    fn placed() -> Self {
        Self { twins: shared(ReentrantMutex::new(Twins::new())), changed: shared(Condvar::new()) }
    }

    fn lock(&self) -> Guard<'_> {
        whole(self.twins.lock())
    }

    /// Works with two levels, then with the outer one.
    fn nest(&self) {
        let outer = self.lock();
        outer.increase();
        let inner = self.lock();
        inner.increase();
        drop(inner);
        outer.increase();
    }

    /// With two levels waits for a change, then works as [`nest`](Self::nest) does.
    fn wait_nested(&self) {
        let outer = self.lock();
        let mut inner = self.lock();
        while inner.number() == 0 {
            inner = whole(self.changed.wait(inner));
        }
        let depth = Guard::depth(&inner);
        assert_eq!(depth, 2, "a level was lost in the wait");
        inner.increase();
        drop(inner);
        outer.increase();
    }

    fn change(&self) {
        self.nest();
        self.changed.notify_one();
    }
}

/// The guard, of mended twins if an owner had died.
fn whole(result: LockResult<Guard<'_>>) -> Guard<'_> {
    match result {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(mut guard)) => {
            guard.mend();
            Guard::mark_consistent(&mut guard);
            guard
        }
        Err(error) => panic!("no other error can be: {error}"),
    }
}

fn spawn(store: &Store, body: impl FnOnce(&Store) + 'static) -> thread::JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || body(&store))
}

/// A process that works once.
fn worker(family: &Family, store: &Store) -> Running<()> {
    let store = store.clone();
    family.process().spawn(move || store.nest())
}

/// The lock is had for one guard, and free when that is dropped.
fn assert_usable(process: &Process, store: &Store) {
    process.run(|| {
        let guard = store.lock();
        guard.increase();
        drop(guard);
        assert!(!store.twins.is_locked(), "the last guard has not released it");
    });
}

#[test]
fn two_threads() {
    check(|| {
        let store = Store::private();
        let other = spawn(&store, Store::nest);
        store.nest();
        other.join().unwrap();
        assert_eq!(store.lock().number(), 6);
    });
}

/// Each takes it again soon after it was released.
#[test]
fn two_threads_come_back() {
    check(|| {
        let store = Store::private();
        let twice = |store: &Store| (0..2).for_each(|_| store.lock().increase());
        let other = spawn(&store, twice);
        twice(&store);
        other.join().unwrap();
    });
}

/// Who has it twice waits for a change, which another makes meanwhile; when it goes on, it has it twice.
#[test]
fn one_waits_with_two_levels() {
    check(|| {
        let store = Store::private();
        let other = spawn(&store, Store::change);
        store.wait_nested();
        other.join().unwrap();
    });
}

/// As before, in vain, until the deadline.
#[test]
fn one_with_two_levels_gives_up() {
    check(|| {
        let (store, deadline) = (Store::private(), Deadline::new());
        let until = deadline.clone();
        let late = spawn(&store, |store| {
            let outer = store.lock();
            let waited = store.changed.wait_deadline_while(store.lock(), until, |twins| twins.number() < 9);
            let (inner, result) = waited.unwrap();
            assert!(result.timed_out() && Guard::depth(&inner) == 2, "a level was lost in the wait");
            drop(inner);
            outer.increase();
        });
        let other = spawn(&store, move |store| {
            store.change();
            deadline.pass();
        });
        late.join().unwrap();
        other.join().unwrap();
    });
}

/// The mutex is given up for good while one waits with two levels: its outer guard has the lock all the same.
#[test]
fn abandoned_while_one_waits_with_two_levels() {
    check(|| {
        let store = Store::private();
        let outer = store.lock();
        let inner = store.lock();
        let gives_up = spawn(&store, |store| {
            Guard::abandon(store.lock());
            store.changed.notify_one();
        });
        let waited = store.changed.wait_while(inner, |_| true);
        assert!(matches!(waited, Err(LockError::Abandoned)));
        assert_eq!(Guard::depth(&outer), 1, "the outer guard lost the lock");
        let refused = spawn(&store, |store| assert!(matches!(store.twins.lock(), Err(LockError::Abandoned))));
        outer.increase();
        drop(outer);
        [gives_up, refused].into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn two_processes() {
    check(|| {
        let (family, store) = (Family::new(), Store::placed());
        let other = worker(&family, &store);
        family.process().run(|| store.nest());
        other.join();
    });
}

/// The owner dies at each of its steps, with no level, one or two; the next one begins with one.
#[test]
fn owner_killed() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        family.process().run_killed_at(k, || store.nest());
        let next = family.process();
        (0..2).for_each(|_| assert_usable(&next, &store));
    });
}

/// One of two that work dies at each of its steps.
#[test]
fn owner_killed_beside_another() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        let theirs = store.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.nest());
        let next = family.process();
        next.run(|| store.nest());
        victim.join();
        assert_usable(&next, &store);
    });
}

/// An owner died with two levels. One of two that take over dies in turn, at each of its steps.
#[test]
fn recoverer_killed() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        let end = family.process().run_killed_at(usize::MAX, || {
            let _guards = (store.lock(), store.lock());
            die();
        });
        assert_eq!(end, End::Killed::<()>);
        let theirs = store.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.nest());
        let next = family.process();
        next.run(|| store.nest());
        victim.join();
        assert_usable(&next, &store);
    });
}

/// A waiter with two levels dies at each of the steps of its wait: another is found all the same, and the lock is free.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        let mut changes = None;
        family.process().run_killed_at(usize::MAX, || {
            let (outer, inner) = (store.lock(), store.lock());
            let theirs = store.clone();
            changes = Some(family.process().spawn(move || theirs.change()));
            die_at(k);
            let inner = store.changed.wait(inner);
            drop((inner, outer));
        });
        changes.expect("nobody dies before").join();
        assert_usable(&family.process(), &store);
    });
}

/// An owner dies while one waits with two levels: that one has them again, and is told.
#[test]
fn owner_killed_while_one_waits() {
    check(|| {
        let (family, store) = (Family::new(), Store::placed());
        family.process().run(|| {
            let (outer, inner) = (store.lock(), store.lock());
            let theirs = store.clone();
            let process = family.process();
            let owner = thread::spawn(move || {
                process.run_killed_at(usize::MAX, || {
                    let _guards = (theirs.lock(), theirs.lock());
                    theirs.changed.notify_one();
                    die();
                })
            });
            let waited = store.changed.wait(inner);
            let Err(LockError::OwnerDied(mut inner)) = waited else { panic!("nobody has told of the death") };
            Guard::mark_consistent(&mut inner);
            assert_eq!(Guard::depth(&inner), 2, "a level was lost in the wait");
            drop(inner);
            outer.increase();
            assert_eq!(owner.join().unwrap(), End::Killed::<()>);
        });
        assert_usable(&family.process(), &store);
    });
}

/// A thread leaks its guard and ends while another waits with two levels: that one does not get the lock again, and its outer guard
/// releases nothing.
#[test]
fn owner_left_while_one_waits() {
    check(|| {
        let (family, store, another) = (Family::new(), Store::placed(), Store::placed());
        family.process().run(|| {
            let _held_beside = another.lock();
            let (outer, inner) = (store.lock(), store.lock());
            let theirs = store.clone();
            let leaves = family.process().spawn(move || {
                std::mem::forget(theirs.lock());
                theirs.changed.notify_one();
            });
            let waited = store.changed.wait(inner);
            assert!(matches!(waited, Err(LockError::OwnerLeft)), "the guard is somewhere");
            assert_eq!(Guard::depth(&outer), 0);
            drop(outer);
            leaves.join();
            let refused = matches!(store.twins.lock(), Err(LockError::OwnerLeft));
            assert!(refused, "a guard of nothing has released it");
        });
    });
}
