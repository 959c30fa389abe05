//! A heap's names end with it, in whatever way it ends, and with nobody else. `unsafe`: a fork that gives its rights up.
#![allow(unsafe_code)]

mod common;

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use common::named::{byte, path, shared_number, sweep_until_gone, write};
use common::{fork, idle, kill, reap};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedHeap, SharedList, SharedMemory, ShmError, names};
use multiproc_testkit::{Leaks, Watchdog, eventually, needs};

fn are_there(names: &[String]) -> bool {
    names.iter().any(|name| path(name).exists())
}

#[test]
fn all_names_end_with_the_heap_and_no_memory_does() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let heap = SharedHeap::default();
    let memory = heap.memory(5000).unwrap();
    let list = heap.list(&["one".into(), 2.into(), Item::None]).unwrap();
    drop(heap.memory(1).unwrap());
    let names = heap.names();
    assert_eq!(names.len(), 3);
    let child = fork(|| {
        let theirs = SharedList::open(SharedMemory::open(&names[1]).unwrap()).unwrap();
        theirs.set(1, 3).unwrap();
        assert_eq!(SharedMemory::open(&names[2]).unwrap().len(), 1, "held by the heap alone");
    });
    assert_eq!(reap(child), 0);
    drop(heap);
    assert!(!are_there(&names));
    write(&memory, 4999, 7);
    assert_eq!((byte(&memory, 4999), list.get(1).unwrap()), (7, 3.into()));
    assert!(!memory.is_owner());
    drop((memory, list));
    leaks.check();
}

#[test]
fn what_was_unlinked_or_kept_is_left_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let heap = SharedHeap::new();
    let kept = heap.memory(10).unwrap();
    let unlinked = heap.memory(10).unwrap();
    let ended = heap.memory(10).unwrap();
    kept.keep_name().unwrap();
    unlinked.unlink().unwrap();
    assert_eq!(heap.names(), [ended.name().unwrap()]);
    // Somebody else gets the name that is free.
    let successor = SharedMemory::create(unlinked.name().unwrap(), 20).unwrap();
    heap.end().unwrap();
    assert_eq!(SharedMemory::open(successor.name().unwrap()).unwrap().len(), 20);
    assert!(path(kept.name().unwrap()).exists() && !path(ended.name().unwrap()).exists());
    kept.unlink().unwrap();
    drop((kept, unlinked, ended, successor));
    leaks.check();
}

#[test]
fn a_heap_holds_nothing_for_long_whose_name_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let heap = SharedHeap::new();
    let before = multiproc_testkit::proc_fd_count();
    for _ in 0..1000 {
        heap.memory(10).unwrap().unlink().unwrap();
    }
    assert!(multiproc_testkit::proc_fd_count() < before + 20);
    assert!(heap.names().is_empty());
    drop(heap);
    leaks.check();
}

#[test]
fn what_cannot_be_made_leaves_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let heap = SharedHeap::new();
    assert!(matches!(heap.memory(0), Err(ShmError::Empty)));
    assert!(matches!(heap.list(&["\0".into()]), Err(ListError::TrailingNul { index: 0 })));
    assert!(heap.names().is_empty());
    drop(heap);
    leaks.check();
}

#[test]
fn a_panic_ends_the_heap() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let mut name = String::new();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let heap = SharedHeap::new();
        name = heap.memory(10).unwrap().name().unwrap().to_owned();
        panic!("in the middle");
    }));
    assert!(ended.is_err() && !path(&name).exists());
    leaks.check();
}

#[test]
fn threads_share_a_heap_and_another_one_ends_it() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let heap = SharedHeap::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(heap.memory(100).unwrap())));
        }
    });
    let names = heap.names();
    assert_eq!(names.len(), 100);
    assert!(names.iter().all(|name| path(name).exists()), "threads that have ended take nothing along");
    thread::spawn(move || drop(heap)).join().unwrap();
    assert!(!are_there(&names));
    leaks.check();
}

#[test]
fn a_killed_owner_s_names_are_swept() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let ready = shared_number();
    let owner = fork(|| {
        let heap = SharedHeap::new();
        (0..5).for_each(|_| drop(heap.memory(100).unwrap()));
        drop(heap.list(&[1.into()]).unwrap());
        ready.store(1, SeqCst);
        idle()
    });
    eventually("they are made", || ready.load(SeqCst) == 1);
    let pid = kill(owner);
    let all = names::list().unwrap();
    let its: Vec<_> = all.iter().filter(|segment| segment.creator == pid).collect();
    assert_eq!(its.len(), 6);
    its.iter().for_each(|segment| sweep_until_gone(&path(&segment.name)));
    drop(ready);
    leaks.check();
}

#[test]
fn a_forgotten_heap_ends_with_its_process() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        let heap = SharedHeap::new();
        drop(heap.memory(100).unwrap());
        mem::forget(heap);
    });
    let pid = child.pid();
    assert_eq!(reap(child), 0);
    eventually("it is swept", || {
        names::sweep().unwrap();
        !names::list().unwrap().iter().any(|segment| segment.creator == pid)
    });
    leaks.check();
}

/// Other threads are in the middle of the heap when the process is forked.
#[test]
fn a_heap_in_a_fork_is_inert() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let mut heap = Some(SharedHeap::new());
    let first = heap.as_ref().unwrap().memory(10).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let shared = heap.as_ref().unwrap();
        scope.spawn(|| {
            while !stop.load(SeqCst) {
                shared.memory(10).unwrap().unlink().unwrap();
            }
        });
        for _ in 0..50 {
            let child = fork(|| {
                assert!(matches!(shared.memory(10), Err(ShmError::Forked)));
                assert!(matches!(shared.list(&[]), Err(ListError::Memory(ShmError::Forked))));
                assert!(shared.names().is_empty());
                let own = SharedHeap::new();
                drop(own.memory(10).unwrap());
            });
            assert_eq!(reap(child), 0);
        }
        stop.store(true, SeqCst);
    });
    let child = fork(|| heap.take().unwrap().end().unwrap());
    assert_eq!(reap(child), 0);
    let child = fork(|| drop(heap.take()));
    assert_eq!(reap(child), 0);
    assert!(path(first.name().unwrap()).exists());
    drop(heap);
    assert!(!path(first.name().unwrap()).exists());
    drop(first);
    leaks.check();
}

/// Who is not root cannot end root's names.
#[test]
fn an_end_that_fails_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: no memory is passed.
    if !needs("two users: run as root", unsafe { libc::geteuid() } == 0) {
        return;
    }
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        let heap = SharedHeap::new();
        (0..2).for_each(|_| drop(heap.memory(10).unwrap()));
        // SAFETY: a number is passed.
        assert_eq!(unsafe { libc::setuid(65_534) }, 0);
        assert!(matches!(heap.end(), Err(ShmError::Permission { .. })));
    });
    let pid = child.pid();
    assert_eq!(reap(child), 0);
    eventually("they are swept", || {
        names::sweep().unwrap();
        !names::list().unwrap().iter().any(|segment| segment.creator == pid)
    });
    leaks.check();
}

#[test]
fn types() {
    fn handed_to_threads<T: Send + Sync + Default + std::fmt::Debug>() {}
    handed_to_threads::<SharedHeap>();
}
