//! Shared values as arguments, in messages and in results: one family from the first process to its grandchildren.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use multiproc_ipc::{Connection, pipe};
use multiproc_macros::test;
use multiproc_pool::{Process, ProcessPool, TaskError};
use multiproc_shm::{Shared, ShmSafe};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Signal, Watchdog, eventually, kill};

/// Two numbers that are equal whenever the lock is free.
#[derive(Debug, ShmSafe)]
#[repr(C)]
struct Pair {
    left: u64,
    right: u64,
}

type SharedPair = Shared<Mutex<Pair>>;

fn pair() -> SharedPair {
    Shared::new(Mutex::new(Pair { left: 0, right: 0 })).unwrap()
}

fn count(pair: &Mutex<Pair>, times: u64) {
    for _ in 0..times {
        let mut pair = pair.lock().unwrap();
        pair.left += 1;
        assert_eq!(pair.left, pair.right + 1);
        pair.right += 1;
    }
}

fn values(pair: &Mutex<Pair>) -> (u64, u64) {
    let pair = pair.lock().unwrap();
    (pair.left, pair.right)
}

#[test]
fn workers_share_a_lock_that_is_their_argument() {
    let _watchdog = Watchdog::with_limit(60);
    let pair = pair();
    let pool = ProcessPool::builder().workers(2).build().unwrap();
    let arguments: Vec<_> = (0..20).map(|_| (pair.clone(), 1000)).collect();
    pool.map(|(pair, times): (SharedPair, u64)| count(&pair, times), &arguments).unwrap();
    assert_eq!(values(&pair), (20_000, 20_000));
}

#[test]
fn a_shared_value_travels_inside_a_message() {
    let _watchdog = Watchdog::with_limit(60);
    let (ours, theirs) = pipe::<(String, SharedPair), u64>().unwrap();
    let child = Process::spawn(
        |line: Connection<u64, (String, SharedPair)>| {
            while let Ok((name, pair)) = line.recv() {
                count(&pair, 10);
                line.send(name.len() as u64).unwrap();
            }
        },
        theirs,
    )
    .unwrap();
    let pair = pair();
    for _ in 0..3 {
        ours.send(("totals".to_string(), pair.clone())).unwrap();
        assert_eq!(ours.recv().unwrap(), 6);
    }
    drop(ours);
    child.join().unwrap();
    assert_eq!(values(&pair), (30, 30));
}

/// Takes the lock, begins a change, says so, and stays in it.
fn stays_inside((pair, inside): (SharedPair, Shared<AtomicU32>)) {
    let mut pair = pair.lock().unwrap();
    pair.left += 1;
    inside.store(std::process::id(), SeqCst);
    loop {
        thread::park();
    }
}

#[test]
fn a_worker_killed_inside_the_section_is_told_to_the_next() {
    let _watchdog = Watchdog::with_limit(60);
    let (pair, inside) = (pair(), Shared::new(AtomicU32::new(0)).unwrap());
    let pool = ProcessPool::builder().workers(2).build().unwrap();
    let stuck = pool.submit(stays_inside, (pair.clone(), inside.clone())).unwrap();
    eventually("a worker is inside", || inside.load(SeqCst) != 0);
    kill(inside.load(SeqCst), Signal::SIGKILL).unwrap();
    assert!(matches!(stuck.join(), Err(TaskError::WorkerDied { .. })));
    // Another worker, and then this process.
    let mends = |pair: SharedPair| {
        let Err(LockError::OwnerDied(mut guard)) = pair.lock() else { return (0, 0) };
        let found = (guard.left, guard.right);
        guard.right = guard.left;
        MutexGuard::mark_consistent(&mut guard);
        found
    };
    assert_eq!(pool.call(mends, pair.clone()).unwrap(), (1, 0));
    assert_eq!(values(&pair), (1, 1));

    let child = Process::spawn(stays_inside, (pair.clone(), inside.clone())).unwrap();
    eventually("the child is inside", || inside.load(SeqCst) == child.pid());
    child.kill().unwrap();
    assert!(matches!(pair.lock(), Err(LockError::OwnerDied(_))));
    drop(child);
}

#[test]
fn grandchildren_are_of_the_family() {
    let _watchdog = Watchdog::with_limit(60);
    let pair = pair();
    let passes_on = |pair: SharedPair| {
        let child = Process::spawn(|pair: SharedPair| count(&pair, 1000), pair.clone()).unwrap();
        count(&pair, 1000);
        child.join().unwrap();
    };
    let child = Process::spawn(passes_on, pair.clone()).unwrap();
    count(&pair, 1000);
    child.join().unwrap();
    assert_eq!(values(&pair), (3000, 3000));

    let inside = Shared::new(AtomicU32::new(0)).unwrap();
    let starts_one = |argument: (SharedPair, Shared<AtomicU32>)| {
        let grandchild = Process::spawn(stays_inside, argument).unwrap();
        grandchild.join().unwrap_err();
    };
    let child = Process::spawn(starts_one, (pair.clone(), inside.clone())).unwrap();
    eventually("the grandchild is inside", || inside.load(SeqCst) != 0);
    kill(inside.load(SeqCst), Signal::SIGKILL).unwrap();
    assert!(matches!(pair.lock(), Err(LockError::OwnerDied(_))));
    child.join().unwrap();
}

/// A child that makes a value before it was sent any is of its parent's family.
#[test]
fn what_a_child_has_made_its_parent_can_lock() {
    let _watchdog = Watchdog::with_limit(60);
    let makes = |()| {
        let pair = pair();
        count(&pair, 3);
        pair
    };
    let pool = ProcessPool::builder().workers(2).build().unwrap();
    let theirs = pool.call(makes, ()).unwrap();
    let other = Process::spawn(makes, ()).unwrap().join().unwrap();
    assert_eq!(values(&theirs), (3, 3));
    // Between siblings, by way of their parent.
    pool.call(
        |(a, b): (SharedPair, SharedPair)| (count(&a, 1), count(&b, 1)),
        (theirs.clone(), other.clone()),
    )
    .unwrap();
    assert_eq!((values(&theirs), values(&other)), ((4, 4), (4, 4)));
}

/// The negative control: what is told of a death is not told of an orderly end.
#[test]
fn an_orderly_end_is_no_death() {
    let _watchdog = Watchdog::with_limit(60);
    let pair = pair();
    Process::spawn(|pair: SharedPair| count(&pair, 1), pair.clone()).unwrap().join().unwrap();
    assert!(pair.lock().is_ok());
}
