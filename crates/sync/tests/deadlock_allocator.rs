//! A mutex guards the program's allocator: to note its locks, and to look for circles, allocates nothing while a thread may have it, and
//! waits for nobody. `unsafe`: an allocator.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks
#![allow(unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{fork, found_family, reap, share};
use multiproc_sync::{LockError, Mutex};
use multiproc_testkit::Watchdog;

static MUTEX: Mutex<()> = Mutex::new(());
/// In the forks alone: the test's own process watches them.
static IS_GUARDED: AtomicBool = AtomicBool::new(false);
static ALLOCATED: AtomicU32 = AtomicU32::new(0);

struct Guarded;

// SAFETY: the system's allocator.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _guard = IS_GUARDED.load(SeqCst).then(|| MUTEX.lock());
        ALLOCATED.fetch_add(1, SeqCst);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let _guard = IS_GUARDED.load(SeqCst).then(|| MUTEX.lock());
        // SAFETY: as the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static GUARDED: Guarded = Guarded;

/// Two threads that allocate, and wait for each other; gives how many of them are told.
fn use_locks() -> u32 {
    let [first, second] = [Mutex::new(vec![0]), Mutex::new(vec![0])];
    let both_have_one = Barrier::new(2);
    let takes = |ours: &Mutex<Vec<u32>>, theirs: &Mutex<Vec<u32>>| {
        let mut ours = ours.lock().unwrap();
        both_have_one.wait();
        ours.extend(0..1000);
        match theirs.lock() {
            Ok(_) => 0,
            Err(LockError::Deadlock(report)) => report.parties().len() as u32 / 2,
            Err(other) => panic!("{other}"),
        }
    };
    thread::scope(|scope| {
        let one = scope.spawn(|| takes(&first, &second));
        let other = scope.spawn(|| takes(&second, &first));
        one.join().unwrap() + other.join().unwrap()
    })
}

/// The only test of its process: the fork has locked nothing yet, and has no family.
#[test]
fn a_mutex_guards_the_allocator() {
    let _watchdog = Watchdog::with_limit(60);
    let uses = fork(|| {
        IS_GUARDED.store(true, SeqCst);
        let before = ALLOCATED.load(SeqCst);
        assert_eq!(use_locks(), 1);
        found_family();
        let placed = share(Mutex::new(0));
        *placed.lock().unwrap() += 1;
        assert_eq!(use_locks(), 1);
        assert!(ALLOCATED.load(SeqCst) > before);
        IS_GUARDED.store(false, SeqCst);
    });
    assert_eq!(reap(uses), 0);
}
