//! Bytes that nobody wrote on purpose, and owners that die: each is a value, or an error by name. `unsafe`: a segment is written behind
//! its type's back, by the only thread that uses it.
#![allow(unsafe_code)]

mod common;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{fork, idle, kill, pack, reap, send};
use memmap2::{MmapOptions, MmapRaw};
use multiproc_shm::{
    Journaled, Shared, ShmBool, ShmChar, ShmEnum, ShmOption, ShmSafe, ShmVariants, UnknownChar,
};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ShmVariants)]
#[repr(u8)]
enum Colour {
    Red = 1,
    Green = 7,
    Blue = 255,
}

/// Where the value begins in a segment of few bytes.
const VALUE_AT: usize = 256;

/// A value that nobody changes through its type, and the memory below it.
struct Hostile<T: ShmSafe + Sync> {
    shared: Shared<T>,
    memory: MmapRaw,
}

impl<T: ShmSafe + Sync> Hostile<T> {
    fn new(value: T) -> Self {
        let shared = Shared::new(value).unwrap();
        let memory = MmapOptions::new().map_raw(&pack(&shared).unwrap().fds[0]).unwrap();
        Self { shared, memory }
    }

    /// A copy of the value that these bytes are, `at` bytes behind its beginning.
    fn with(&self, at: usize, bytes: &[u8]) -> T
    where
        T: Copy,
    {
        assert!(at + bytes.len() <= size_of::<T>());
        for (offset, byte) in bytes.iter().enumerate() {
            // SAFETY: within the mapping, which no other thread uses.
            unsafe { self.memory.as_mut_ptr().add(VALUE_AT + at + offset).write_volatile(*byte) };
        }
        // SAFETY: the value's own memory; any bytes are one; volatile, as it was written through another mapping.
        unsafe { (&raw const *self.shared).read_volatile() }
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn every_byte_is_true_or_false() {
    let hostile = Hostile::new(ShmBool::new(false));
    for byte in 0..=255 {
        let value = hostile.with(0, &[byte]);
        assert_eq!(value.get(), byte != 0);
        assert_eq!(value, ShmBool::new(byte != 0));
        assert_eq!(hash(value), hash(byte != 0), "equal values have equal hashes");
        assert_eq!(format!("{value:?}"), (byte != 0).to_string());
        let mut changed = value;
        changed.set(!value.get());
        assert_ne!(changed, value);
    }
}

#[test]
fn every_number_is_a_character_or_told() {
    let hostile = Hostile::new(ShmChar::new('a'));
    let edges = [0, 0x7f, 0xd7ff, 0xd800, 0xdfff, 0xe000, 0x10_ffff, 0x11_0000, u32::MAX];
    for number in edges.into_iter().chain((0..32).map(|bit| 1 << bit)) {
        let value = hostile.with(0, &number.to_ne_bytes());
        assert_eq!(value.get().ok(), char::from_u32(number));
        assert!(!format!("{value:?}").is_empty());
        if let Err(UnknownChar { number: found, .. }) = value.get() {
            assert_eq!(found, number);
            assert!(char::try_from(value).is_err());
        }
    }
}

#[test]
fn every_number_is_a_variant_or_told() {
    let hostile = Hostile::new(ShmEnum::new(Colour::Red));
    let mut known = HashSet::new();
    for byte in 0..=255 {
        let value = hostile.with(0, &[byte]);
        match value.get() {
            Ok(colour) => assert!(known.insert(colour) && colour as u8 == byte),
            Err(error) => {
                assert_eq!((error.name, error.number), ("Colour", i128::from(byte)));
                assert_eq!(format!("{value:?}"), format!("<Colour {byte}>"));
            }
        }
        let mut mended = value;
        mended.set(Colour::Green);
        assert_eq!(mended.get(), Ok(Colour::Green));
    }
    assert_eq!(known.len(), 3);
}

#[test]
fn every_tag_is_none_or_some() {
    let hostile = Hostile::new(ShmOption::some([1_u8, 2]));
    for tag in 0..=255 {
        let mut value = hostile.with(0, &[tag]);
        assert_eq!(value.is_some(), tag != 0);
        assert_eq!(value.get(), (tag != 0).then_some(&[1, 2]));
        assert_eq!(value, Option::from(value).into());
        assert_eq!(value.replace([3, 4]), (tag != 0).then_some([1, 2]));
        assert_eq!((value.take(), value.take()), (Some([3, 4]), None));
    }
    // What lies behind a tag of none is some value, and no process that writes the tag alone makes more of it than that.
    let hostile = Hostile::new(ShmOption::<u16>::none());
    assert_eq!(hostile.with(0, &[1]).get(), Some(&0));
}

#[test]
fn every_byte_names_a_copy() {
    let hostile = Hostile::new(Journaled::new(0_u16));
    hostile.with(2, &[1_u16, 2].map(u16::to_ne_bytes).concat());
    for byte in 0..=255_u8 {
        let mut value = hostile.with(0, &[byte]);
        let counts = 1 + u16::from(byte & 1);
        assert_eq!(*value.get(), counts);
        value.update(|number| *number += 10);
        assert_eq!(*value.get(), counts + 10);
        value.set(7);
        assert_eq!(value.into_inner(), 7);
    }
}

/// A change that stops after any number of bytes, in any order, has written to the copy that does not count alone.
#[test]
fn the_copy_that_does_not_count_may_be_anything() {
    let hostile = Hostile::new(Journaled::new([7_u64; 4]));
    let (first, second) = (size_of::<u64>(), size_of::<u64>() + size_of::<[u64; 4]>());
    for (current, spare) in [(0, second), (1, first)] {
        hostile.with(first, &[7_u64; 8].map(u64::to_ne_bytes).concat());
        for at in 0..size_of::<[u64; 4]>() {
            hostile.with(0, &[current]);
            let mut value = hostile.with(spare + at, &[0xa5]);
            assert_eq!(value.get(), &[7; 4]);
            value.update(|row| row[3] = 8);
            assert_eq!(value.get(), &[7, 7, 7, 8], "the change begins with what counts");
        }
    }
}

/// Each process dies in the middle of its change, as often as it takes to have died with either copy.
#[test]
fn the_killed_leave_the_old_value_and_a_lock_to_go_on_with() {
    let _watchdog = Watchdog::with_limit(60);
    let shared = Shared::new(Mutex::new(Journaled::new([0_u64; 2]))).unwrap();
    let inside = Shared::new(AtomicU32::new(0)).unwrap();
    for round in 0..4 {
        let theirs = send(&shared);
        let dies = fork(|| {
            let mut held = theirs.lock().unwrap();
            held.update(|pair| {
                pair[0] += 1;
                inside.store(1, SeqCst);
                idle();
            });
        });
        eventually("it is in its change", || inside.swap(0, SeqCst) == 1);
        kill(dies);
        let Err(LockError::OwnerDied(mut held)) = shared.lock() else { panic!("its owner died") };
        MutexGuard::mark_consistent(&mut held);
        assert_eq!(held.get(), &[round; 2]);
        held.update(|pair| pair.iter_mut().for_each(|number| *number += 1));
    }
    assert_eq!(shared.lock().unwrap().get(), &[4; 2]);
}

/// A thread that ends with its guard leaked is told of as such, and then by its process's end; the value is whole all the same.
#[test]
fn a_leaked_guard_leaves_a_whole_value() {
    let _watchdog = Watchdog::with_limit(60);
    let shared = Shared::new(Mutex::new(ShmOption::some([1_u64; 4]))).unwrap();
    let left = Shared::new(AtomicU32::new(0)).unwrap();
    let theirs = send(&shared);
    let leaks = fork(|| {
        let leaked: &'static Shared<_> = Box::leak(Box::new(theirs.clone()));
        let thread = thread::spawn(|| {
            let mut held = leaked.lock().unwrap();
            held.set([2; 4]);
            mem::forget(held);
        });
        thread.join().unwrap();
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    assert!(matches!(shared.lock(), Err(LockError::OwnerLeft)));
    kill(leaks);
    let Err(LockError::OwnerDied(held)) = shared.lock() else { panic!("its owner died") };
    assert_eq!(held.get(), Some(&[2; 4]));
}

#[test]
fn processes_and_threads_change_one_value() {
    const ROUNDS: u64 = 2_000;
    let _watchdog = Watchdog::with_limit(60);
    let shared = Shared::new(Mutex::new(Journaled::new([0_u64; 8]))).unwrap();
    let count = |shared: &Mutex<Journaled<[u64; 8]>>| {
        for _ in 0..ROUNDS {
            let mut held = shared.lock().unwrap();
            let row = *held.get();
            assert!(row.iter().all(|number| *number == row[0]), "{row:?}");
            held.update(|row| row.iter_mut().for_each(|number| *number += 1));
        }
    };
    let theirs = send(&shared);
    let child = fork(|| count(&theirs));
    thread::scope(|scope| {
        (0..2).for_each(|_| _ = scope.spawn(|| count(&shared)));
    });
    assert_eq!(reap(child), 0);
    assert_eq!(shared.lock().unwrap().get(), &[3 * ROUNDS; 8]);
}
