//! What is done to an arena that nobody should do: forgotten and leaked boxes, forks, kills, words overwritten. `unsafe`: those.
#![allow(unsafe_code)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use common::{fork, idle, kill, mapping_of, pack, reap, send};
use memmap2::MmapOptions;
use multiproc_shm::{Arena, ArenaBox, ArenaParcel, Shared};
use multiproc_testkit::{Watchdog, eventually};
use proptest::prelude::*;

const SPAN: usize = 1 << 16;

#[test]
fn a_forgotten_or_leaked_box_stays_until_its_process_ends() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = Arena::new(SPAN).unwrap();
    let forgets = || {
        std::thread::scope(|scope| {
            scope.spawn(|| std::mem::forget(arena.alloc(7_u64).unwrap()));
        });
        let leaked = Box::leak(Box::new(arena.alloc(8_u64).unwrap()));
        assert_eq!((**leaked, arena.sweep(), arena.used()), (8, 0, 128), "this process lives");
    };
    assert_eq!(reap(fork(forgets)), 0);
    assert_eq!((arena.used(), arena.sweep(), arena.used()), (128, 2, 0));
}

#[test]
fn a_block_outlives_a_killed_process_by_a_sweep_and_not_by_more() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = Arena::new(3 * SPAN).unwrap();
    let ready = Shared::new(AtomicU64::new(0)).unwrap();
    let child = fork(|| {
        let _small = arena.alloc([1_u64; 4]).unwrap();
        let _run = arena.alloc_zeroed::<u8>(2 * SPAN).unwrap();
        ready.store(1, SeqCst);
        idle();
    });
    eventually("it has them", || ready.load(SeqCst) == 1);
    assert_eq!((arena.sweep(), arena.used()), (0, 2 * SPAN + 64), "it lives");
    kill(child);
    let all = arena.alloc_zeroed::<u8>(3 * SPAN).unwrap(); // which looks after the dead
    assert_eq!((all.len(), arena.used()), (3 * SPAN, 3 * SPAN));
}

#[test]
fn in_a_fork_boxes_are_inert_and_the_arena_is_not() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = Arena::new(SPAN).unwrap();
    let (mut number, parcel) = (arena.alloc(7_u64).unwrap(), arena.alloc(8_u64).unwrap().into_parcel());
    let mut theirs = Some((arena.alloc(9_u64).unwrap(), arena.alloc(1_u64).unwrap().into_parcel()));
    let child = fork(|| {
        std::panic::set_hook(Box::new(|_| ()));
        let (mut boxed, parcel) = theirs.take().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| *boxed)).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| *boxed = 1)).is_err());
        assert_eq!(format!("{boxed:?}"), "ArenaBox(of another process)");
        assert!(pack(&parcel).is_err(), "it is the parent's");
        drop(parcel.open().unwrap_err());
        drop(boxed);
        assert_eq!((arena.used(), arena.sweep()), (256, 0), "they are the parent's, which lives");
        let own = arena.alloc(11_u64).unwrap();
        let sent: ArenaParcel<u64> = send(&own.into_parcel());
        assert_eq!(*sent.open().unwrap(), 11);
        assert_eq!(arena.used(), 256);
    });
    assert_eq!(reap(child), 0);
    *number += 1;
    let opened = parcel.open().unwrap();
    assert_eq!((*number, *opened, arena.used()), (8, 8, 256));
    drop((number, opened, theirs));
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_panic_gives_blocks_back() {
    let arena = Arena::new(SPAN).unwrap();
    let panics = || {
        let _boxes = (arena.alloc(1_u64).unwrap(), arena.alloc(2_u64).unwrap().into_parcel());
        std::panic::resume_unwind(Box::new(()));
    };
    catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_box_goes_to_another_thread_and_ends_there() {
    let arena = Arena::new(SPAN).unwrap();
    let row = arena.alloc_slice(&[1_u8, 2, 3]).unwrap();
    let moved = std::thread::spawn(move || row.iter().sum::<u8>()).join().unwrap();
    assert_eq!((moved, arena.used()), (6, 0));
}

/// Three processes allocate, keep and drop; one after the other is killed, somewhere in that.
#[test]
fn killed_anywhere_again_and_again_nothing_is_lost() {
    let _watchdog = Watchdog::with_limit(120);
    let arena = Arena::new(4 * SPAN).unwrap();
    let turns = Shared::new([const { AtomicU64::new(0) }; 3]).unwrap();
    let worker = |number: usize| {
        let mark = u64::from(std::process::id());
        let mut kept: Vec<ArenaBox<[u64]>> = Vec::new();
        for round in 0.. {
            let len = [3, 200, 5000, 9000][round % 4];
            if let Ok(mut row) = arena.alloc_zeroed::<u64>(len) {
                assert!(row.iter().all(|number| *number == 0));
                row.fill(mark);
                kept.push(row);
            }
            if kept.len() > 3 {
                let row = kept.swap_remove(round % 3);
                assert!(row.iter().all(|number| *number == mark), "two have one block");
            }
            turns[number].fetch_add(1, SeqCst);
        }
    };
    let mut workers = [0, 1, 2].map(|number| Some(fork(|| worker(number))));
    for kills in 0..60_usize {
        let place = kills % 3;
        let before = turns[place].load(SeqCst);
        eventually("it works", || turns[place].load(SeqCst) > before + (kills % 7) as u64);
        kill(workers[place].take().unwrap());
        workers[place] = Some(fork(|| worker(place)));
    }
    workers.into_iter().flatten().for_each(|worker| assert!(kill(worker) > 0));
    arena.sweep();
    assert_eq!((arena.used(), arena.largest_free()), (0, 4 * SPAN));
    assert!(arena.alloc_zeroed::<u8>(4 * SPAN).is_ok());
}

/// Where the words of an arena begin behind its lock, in its segment, and how many bytes of them there are.
const WORDS: usize = 4096 + 64;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// A wild store of a process that dies: what is given out lies in the arena, whatever the words say, and nothing panics.
    #[test]
    fn overwritten_words_lead_nowhere_else(
        stores in prop::collection::vec((0_usize..4096 + 3 * 8192, any::<u64>(), 0_u32..64), 1..200),
        zeros in any::<bool>(),
    ) {
        let arena = Arena::new(3 * SPAN).unwrap();
        let kept = [arena.alloc_zeroed::<u8>(64).unwrap(), arena.alloc_zeroed(4096).unwrap()];
        let fd = pack(&arena).unwrap().fds.remove(0);
        // SAFETY: the test's own memory, which is written by whole words.
        let segment = MmapOptions::new().map_raw(&fd).unwrap();
        let end = segment.len() - 3 * SPAN;
        for (at, word, shift) in stores {
            let at = WORDS + at % (end - WORDS) / 8 * 8;
            // SAFETY: within the mapping, and aligned.
            let word_at = unsafe { &*segment.as_mut_ptr().add(at).cast::<AtomicU64>() };
            word_at.store(if zeros { word >> shift } else { word }, SeqCst);
        }
        let mapping = mapping_of(std::ptr::from_ref(&kept[0][0]).addr());
        prop_assert_eq!(mapping.len(), segment.len());
        let blocks = mapping.start + end..mapping.end;
        let within = |row: &[u8]| {
            let row = row.as_ptr_range();
            blocks.start <= row.start.addr() && row.end.addr() <= blocks.end
        };
        for bytes in [1, 64, 4096, SPAN, 2 * SPAN, 3 * SPAN] {
            let rows: Vec<_> = (0..4).filter_map(|_| arena.alloc_zeroed::<u8>(bytes).ok()).collect();
            prop_assert!(rows.iter().all(|row| within(row)));
            if let Some(row) = rows.into_iter().next() {
                let parcel = row.into_parcel();
                let _ = pack(&parcel);
            }
            let _ = (arena.used(), arena.largest_free(), arena.sweep());
        }
        drop(kept);
    }
}
