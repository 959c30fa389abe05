//! What calls of a list take: never more memory than a small multiple of the list's, whatever it says of itself, and nothing
//! that stays. A binary of its own, as it counts what is allocated, and looks for leaks. `unsafe`: an allocator that counts.
#![allow(unsafe_code)]

mod common;
mod lists;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;

use common::{fork, reap};
use lists::{cpython, memory_of, one_of_each, overwrite, word};
use multiproc_shm::list::{Item, ListError};
use multiproc_shm::{SharedList, SharedMemory};
use multiproc_testkit::{Leaks, Watchdog};

thread_local! {
    /// What this thread has allocated and not freed, in bytes, and the most of it since the last look.
    static TAKEN: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn taken(len: i64) {
    // A thread that ends may free what it had after its variables are gone.
    let _ = TAKEN.try_with(|taken| {
        let (now, most) = taken.get();
        taken.set((now + len, most.max(now + len)));
    });
}

// SAFETY: all is the system's allocator; counting touches no memory but the thread's own variable, which needs none.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size() as i64);
        // SAFETY: what the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        taken(-(layout.size() as i64));
        // SAFETY: what the caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was allocated at once in a call, in bytes.
fn most<T>(call: impl FnOnce() -> T) -> usize {
    let before = TAKEN.get().0;
    TAKEN.set((before, before));
    drop(call());
    usize::try_from(TAKEN.get().1 - before).unwrap()
}

#[test]
fn no_header_makes_it_allocate_more_than_there_is() {
    let leaks = Leaks::snapshot();
    let numbers =
        [0, 1, 8, 64, 10_000, 2_000_000, 9_999_992, 80_000_000, i64::MAX / 8, i64::MAX, -1, i64::MIN];
    let allowed = |memory: &SharedMemory| 4 * memory.len() + 4096;
    for at in 0..11 {
        for number in numbers {
            let mut bytes = cpython::create(&one_of_each());
            bytes[at * 8..at * 8 + 8].copy_from_slice(&word(number));
            let memory = memory_of(&bytes);
            let all = || SharedList::open(memory.clone()).and_then(|list| list.to_vec());
            assert!(most(all) <= allowed(&memory), "{number} at {at}");
        }
    }
    // As many items as there is room for, all of them bytes that begin where they should; then over each other.
    let items: Vec<Item> = (0..3000).map(|_| Item::Bytes(vec![7; 600])).collect();
    let list = SharedList::new(&items).unwrap();
    assert!(most(|| assert!(list.to_vec().is_ok())) > 3000 * 600, "it counts");
    assert!(most(|| list.to_vec()) <= allowed(list.memory()));
    let ends: Vec<u8> = (1..3000).flat_map(|at| word(if at % 2 == 1 { 8 } else { 3000 * 608 })).collect();
    overwrite(list.memory(), 16, &ends);
    assert!(most(|| assert!(list.to_vec().is_err())) <= allowed(list.memory()));
    for call in [0, 1, 2999] {
        assert!(most(|| list.get(call)) <= allowed(list.memory()));
    }
    drop(list);
    leaks.check();
}

#[test]
fn a_short_text_in_a_long_slot_takes_little() {
    let leaks = Leaks::snapshot();
    let list = SharedList::new(&[vec![1; 5_000_000].into()]).unwrap();
    list.set(0, b"short").unwrap();
    assert!(most(|| assert_eq!(list.get(0).unwrap(), b"short".into())) < 1000);
    drop(list);
    leaks.check();
}

#[test]
fn nothing_stays() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    for _ in 0..20 {
        let list = SharedList::new(&one_of_each()).unwrap();
        let other = SharedList::open(list.memory().clone()).unwrap();
        assert_eq!(reap(fork(|| other.set(0, 7).unwrap())), 0);
        thread::spawn(move || assert_eq!(other.get(0).unwrap(), 7.into())).join().unwrap();
        overwrite(list.memory(), 0, &word(-1));
        assert!(matches!(list.get(0), Err(ListError::Corrupt { .. })));
        assert!(SharedList::open(list.memory().clone()).is_err());
    }
    leaks.check();
}
