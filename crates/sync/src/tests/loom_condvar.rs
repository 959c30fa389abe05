//! Models of the condition variable.

use std::sync::Arc;

use crate::primitive::model::{End, Family, Running, check, check_deaths, shared, thread};
use crate::primitive::{Deadline, model};
use crate::{Condvar, LockError, LockResult, Mutex, MutexGuard};

/// Things to take, and word of them.
struct Store {
    things: Arc<Mutex<u32>>,
    come: Arc<Condvar>,
}

impl Clone for Store {
    fn clone(&self) -> Self {
        Self { things: self.things.clone(), come: self.come.clone() }
    }
}

impl Store {
    /// For the threads of one process.
    fn private() -> Self {
        Self { things: Arc::default(), come: Arc::default() }
    }

    /// For the processes of a family.
    fn placed() -> Self {
        Self { things: shared(Mutex::new(0)), come: shared(Condvar::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, u32> {
        whole(self.things.lock())
    }

    /// Waits for a thing, and takes it.
    fn take(&self) {
        let mut things = self.wait_for(1);
        *things -= 1;
    }

    fn wait_for(&self, number: u32) -> MutexGuard<'_, u32> {
        let mut things = self.lock();
        while *things < number {
            things = whole(self.come.wait(things));
        }
        things
    }

    fn bring(&self) {
        *self.lock() += 1;
        self.come.notify_one();
    }

    fn bring_to_all(&self, number: u32) {
        *self.lock() = number;
        self.come.notify_all();
    }
}

/// The guard, also after a death: the number is whole at any time.
fn whole(result: LockResult<MutexGuard<'_, u32>>) -> MutexGuard<'_, u32> {
    match result {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(mut guard)) => {
            MutexGuard::mark_consistent(&mut guard);
            guard
        }
        Err(error) => panic!("no other error can be: {error}"),
    }
}

fn spawn(store: &Store, body: impl FnOnce(&Store) + 'static) -> thread::JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || body(&store))
}

#[test]
fn one_waits() {
    check(|| {
        let store = Store::private();
        let other = spawn(&store, Store::bring);
        store.take();
        other.join().unwrap();
    });
}

/// Each notification brings one of them on, wherever it is then.
#[test]
fn two_are_notified_one_by_one() {
    check(|| {
        let store = Store::private();
        let other = spawn(&store, Store::take);
        let notifier = spawn(&store, |store| (0..2).for_each(|_| store.bring()));
        store.take();
        [other, notifier].into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(*store.lock(), 0);
    });
}

#[test]
fn two_are_notified_at_once() {
    check(|| {
        let store = Store::private();
        let other = spawn(&store, |store| drop(store.wait_for(1)));
        let notifier = spawn(&store, |store| store.bring_to_all(1));
        drop(store.wait_for(1));
        other.join().unwrap();
        notifier.join().unwrap();
    });
}

/// One waits for what never comes, until its deadline; it gets its guard back, and another what it waits for.
#[test]
fn one_gives_up() {
    check(|| {
        let (store, deadline) = (Store::private(), Deadline::new());
        let until = deadline.clone();
        let late = spawn(&store, |store| {
            let waited = store.come.wait_deadline_while(store.lock(), until, |things| *things < 9);
            let (things, result) = waited.unwrap();
            assert!(result.timed_out() && *things < 9);
        });
        let other = spawn(&store, move |store| {
            store.bring_to_all(1);
            deadline.pass();
        });
        store.take();
        late.join().unwrap();
        other.join().unwrap();
    });
}

/// The mutex is given up for good: one is told by the notification, the other by the first.
#[test]
fn abandoned_with_two_waiters() {
    check(|| {
        let store = Store::private();
        let others = [(); 2].map(|()| {
            spawn(&store, |store| {
                let waited = store.things.lock().and_then(|guard| store.come.wait_while(guard, |_| true));
                assert!(matches!(waited, Err(LockError::Abandoned)));
            })
        });
        MutexGuard::abandon(store.lock());
        store.come.notify_one();
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// Waiters of two mutexes at one condition variable.
#[test]
fn two_mutexes() {
    check(|| {
        let store = Store::private();
        let second = Store { things: Arc::default(), come: store.come.clone() };
        let others = [spawn(&store, Store::take), spawn(&second, Store::take)];
        *store.lock() += 1;
        store.come.notify_all();
        second.bring_to_all(1);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

/// A waiter dies at each of the steps of its wait, with the mutex or without it: another is found all the same.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        let mut others = None;
        family.process().run_killed_at(usize::MAX, || {
            let guard = store.lock();
            let (waits, brings) = (store.clone(), store.clone());
            others = Some([
                family.process().spawn(move || drop(waits.wait_for(1))),
                family.process().spawn(move || brings.bring_to_all(1)),
            ]);
            model::die_at(k);
            drop(store.come.wait(guard));
        });
        others.expect("nobody dies before").into_iter().for_each(Running::join);
    });
}

/// Who brings it dies at each of its steps; another, who knows of the death, notifies in its place.
#[test]
fn notifier_killed() {
    check_deaths(|k| {
        let (family, store) = (Family::new(), Store::placed());
        let theirs = store.clone();
        let waiter = family.process().spawn(move || drop(theirs.wait_for(1)));
        let end = family.process().run_killed_at(k, || store.bring_to_all(1));
        if end == End::Killed {
            family.process().run(|| store.bring_to_all(1));
        }
        waiter.join();
    });
}

/// The owner dies with the mutex while one waits for word: the guard comes back with the error.
#[test]
fn owner_killed() {
    check(|| {
        let (family, store) = (Family::new(), Store::placed());
        let theirs = store.clone();
        let waiter = family.process().spawn(move || {
            let taken = theirs.things.lock().and_then(|guard| theirs.come.wait_while(guard, |n| *n == 0));
            match taken {
                Ok(_) => panic!("nobody has told of the death"),
                Err(LockError::OwnerDied(guard)) => assert_eq!(*guard, 1),
                Err(error) => panic!("no guard: {error}"),
            }
        });
        let end = family.process().run_killed_at(usize::MAX, || {
            let mut things = store.lock();
            *things = 1;
            store.come.notify_all();
            model::die();
        });
        assert_eq!(end, End::Killed::<()>);
        waiter.join();
    });
}
