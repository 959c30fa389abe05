//! Views that are made of hostile numbers, forgotten, sent, forked, and written by everybody at once. `unsafe`: protection of pages.
#![allow(unsafe_code)]

mod common;

use std::collections::BTreeSet;
use std::mem;
use std::os::unix::process::parent_id;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::thread;

use common::{fork, kill, reap};
use multiproc_shm::{MAX_DIMS, RawView, SharedMemory, ViewError};
use multiproc_testkit::{Leaks, Watchdog, eventually};

fn memory(len: usize) -> SharedMemory {
    SharedMemory::anonymous(len).unwrap()
}

/// Whether a segment is mapped there, as opposed to a stack of a thread that waits for its turn.
fn is_mapped(at: *mut u8) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let start = format!("{:x}-", at.addr());
    maps.lines().any(|line| line.starts_with(&start) && line.contains("multiproc-memory"))
}

/// The values in turn, in a fork that is to be killed; to the end of its parent at the latest.
fn as_long_as_the_parent_lives<T: Copy>(
    values: impl IntoIterator<Item = T, IntoIter: Clone>,
) -> impl Iterator<Item = T> {
    let parent = parent_id();
    values.into_iter().cycle().take_while(move |_| parent_id() == parent)
}

#[test]
fn hostile_numbers_make_no_view() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = memory(100);
    let odd =
        [0, 1, 2, 99, 100, 101, 1 << 31, 1 << 32, 1 << 61, 1 << 62, 1 << 63, usize::MAX - 1, usize::MAX];
    let steps = [0, 1, -1, 8, -8, isize::MAX, isize::MIN, isize::MIN + 1, 1 << 62, -(1 << 62)];
    let mut made = 0;
    for offset in odd {
        for len in odd {
            for other in odd {
                if let Ok(view) = memory.raw_view::<u64>(offset, &[len, other]) {
                    use_up(&view);
                    made += 1;
                }
                for step in steps {
                    for shape in [[len, other], [other, len]] {
                        if let Ok(view) = memory.raw_view_with::<u16>(offset, &shape, &[step, 1]) {
                            use_up(&view);
                            made += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(made > 0, "small ones are views");
    let many = memory.raw_view_with::<u8>(0, &[2; MAX_DIMS], &[isize::MAX; MAX_DIMS]);
    assert!(matches!(many, Err(ViewError::OutOfBounds { .. })));
    drop(memory);
    leaks.check();
}

/// Reads the corners of a view, and writes what it read.
fn use_up<T: multiproc_shm::RawElement>(view: &RawView<T>) {
    let corners = 1_usize << view.ndim();
    for corner in 0..corners {
        let at =
            |(axis, len): (usize, &usize)| if corner & (1 << axis) == 0 { 0 } else { len.wrapping_sub(1) };
        let index: Vec<usize> = view.shape().iter().enumerate().map(at).collect();
        match view.get(&index) {
            Some(value) => view.set(&index, value).unwrap(),
            None => assert!(view.is_empty(), "{view:?} has no {index:?}"),
        }
    }
    if view.len() <= 200 {
        assert_eq!(view.iter().count(), view.len());
    }
}

#[test]
fn threads_and_processes_lose_no_addition() {
    const EACH: u64 = 50_000;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let memory = memory(4096);
    let sums = memory.raw_view::<u64>(64, &[3]).unwrap();
    let small = memory.raw_view::<u8>(200, &[7]).unwrap(); // seven neighbours in one word
    let add = |sums: &RawView<u64>, small: &RawView<u8>| {
        for round in 0..EACH {
            sums.fetch_add(&[1], 1, Relaxed).unwrap();
            let mut seen = sums.load(&[2], Relaxed).unwrap();
            while let Err(found) = sums.compare_exchange(&[2], seen, seen + 2, Relaxed, Relaxed).unwrap() {
                seen = found;
            }
            small.fetch_add(&[usize::try_from(round % 7).unwrap()], 1, Relaxed).unwrap();
        }
    };
    let forks = [(), ()].map(|()| {
        fork(|| {
            let again = SharedMemory::attach(memory.try_clone_fd().unwrap()).unwrap(); // at another address
            add(&again.raw_view(64, &[3]).unwrap(), &again.raw_view(200, &[7]).unwrap());
        })
    });
    thread::scope(|scope| {
        scope.spawn(|| add(&sums, &small));
        scope.spawn(|| add(&sums, &small));
    });
    for child in forks {
        assert_eq!(reap(child), 0);
    }
    assert_eq!(sums.to_vec(), [0, 4 * EACH, 8 * EACH]);
    let each = |at: u64| ((EACH / 7 + u64::from(at < EACH % 7)) * 4).to_le_bytes()[0]; // as it wraps
    assert_eq!(small.to_vec(), (0..7).map(each).collect::<Vec<_>>());
    drop((memory, sums, small));
    leaks.check();
}

const PATTERNS: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
const ELEMENTS: usize = 37;

/// Whether what readers see, by any method, is ever none of the patterns while `write` goes on in a fork.
fn is_torn(rounds: usize, write: impl Fn(&SharedMemory, u64)) -> bool {
    let memory = memory(4096);
    let view = memory.raw_view::<u64>(8, &[ELEMENTS]).unwrap();
    let begun = memory.raw_view::<u8>(4000, &[]).unwrap();
    view.fill(PATTERNS[0]).unwrap();
    let writer = fork(|| {
        for pattern in as_long_as_the_parent_lives(PATTERNS) {
            write(&memory, pattern);
            begun.store(&[], 1, Release).unwrap();
        }
    });
    eventually("the writer writes", || begun.load(&[], Acquire).unwrap() == 1);
    let mut slice = [0; ELEMENTS];
    let gaps = view.slice_axis(0, .., -2).unwrap();
    let (mut torn, mut whole, mut round) = (false, [false; 2], 0);
    // Longer if what was there before and what came then have not both been seen; the test's watchdog is the bound.
    while round < rounds || whole != [true; 2] {
        round += 1;
        view.copy_to_slice(&mut slice).unwrap();
        let seen = slice.into_iter().chain(view.iter()).chain(gaps.to_vec()).chain(view.get(&[ELEMENTS - 1]));
        for value in seen {
            match PATTERNS.iter().position(|pattern| *pattern == value) {
                Some(pattern) => whole[pattern] = true,
                None => torn = true,
            }
        }
    }
    kill(writer);
    torn
}

#[test]
fn no_value_is_ever_half_another() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let view = |memory: &SharedMemory| memory.raw_view::<u64>(8, &[ELEMENTS]).unwrap();
    assert!(!is_torn(20_000, |memory, pattern| view(memory).fill(pattern).unwrap()));
    assert!(!is_torn(20_000, |memory, pattern| view(memory).copy_from_slice(&[pattern; ELEMENTS]).unwrap()));
    assert!(!is_torn(20_000, |memory, pattern| {
        for at in 0..ELEMENTS {
            view(memory).set(&[at], pattern).unwrap();
        }
    }));
    leaks.check();
}

/// The negative control: one who writes by halves is found out.
#[test]
fn a_torn_value_would_be_seen() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    eventually("half of a value is seen", || {
        is_torn(1000, |memory, pattern| {
            let halves = memory.raw_view::<u64>(8, &[ELEMENTS]).unwrap().cast::<u32>().unwrap();
            let [low, high] = [pattern & 0xffff_ffff, pattern >> 32].map(|half| u32::try_from(half).unwrap());
            halves.slice_axis(0, .., 2).unwrap().fill(low).unwrap();
            halves.slice_axis(0, 1.., 2).unwrap().fill(high).unwrap();
        })
    });
    leaks.check();
}

/// Views of small elements go by words of eight bytes as well: each element is whole, and what lies beside the view is not touched.
#[test]
fn small_elements_are_whole_too_and_their_neighbours_untouched() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let memory = memory(4096);
    let all = memory.raw_view::<u16>(0, &[64]).unwrap();
    let view = all.slice_axis(0, 3..61, 1).unwrap();
    let writer = fork(|| {
        for value in as_long_as_the_parent_lives([0x1111, 0x2222]) {
            view.fill(value).unwrap();
            view.copy_from_slice(&[value ^ 0x3333; 58]).unwrap();
        }
    });
    // What is written beside the view meanwhile stays: its words never reach over its ends.
    // Longer if not both of the writer's values have been seen; the watchdog is the bound.
    let (mut seen, mut round) = (BTreeSet::new(), 0_u16);
    let mut rounds = 0;
    while rounds < 20_000 || ![0x1111, 0x2222].iter().all(|value| seen.contains(value)) {
        (rounds, round) = (rounds + 1, round.wrapping_add(1));
        for at in [2, 61] {
            all.set(&[at], round).unwrap();
            let values = view.to_vec();
            assert!(values.iter().all(|value| [0, 0x1111, 0x2222].contains(value)));
            seen.extend(values);
            assert_eq!(all.get(&[at]), Some(round));
        }
    }
    kill(writer);
    drop((memory, all, view));
    leaks.check();
}

#[test]
fn a_view_keeps_its_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = memory(4096);
    let at = memory.as_ptr();
    let view = memory.raw_view::<u64>(0, &[4, 4]).unwrap();
    drop(memory);
    let part = view.index_axis(0, 1).unwrap();
    drop(view);
    assert!(is_mapped(at));
    let whole = thread::spawn(move || {
        part.fill(7).unwrap();
        part.clone() // from a thread that is gone
    });
    let part = whole.join().unwrap();
    assert_eq!(part.to_vec(), [7; 4]);
    drop(part);
    assert!(!is_mapped(at));
    leaks.check();
}

#[test]
fn a_forgotten_view_keeps_its_memory_for_good() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let forgets = fork(|| {
        let memory = memory(4096);
        let at = memory.as_ptr();
        let leaked: &'static RawView<u8> = Box::leak(Box::new(memory.raw_view(0, &[4096]).unwrap()));
        mem::forget(memory.raw_view::<u8>(0, &[1]).unwrap());
        drop(memory);
        assert!(is_mapped(at));
        leaked.fill(1).unwrap();
        assert_eq!(leaked.to_vec(), [1; 4096]);
    });
    assert_eq!(reap(forgets), 0);
    leaks.check();
}

#[test]
fn a_fork_has_the_same_elements_and_a_mapping_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = memory(4096);
    let at = memory.as_ptr();
    let view = memory.raw_view::<i32>(16, &[8]).unwrap();
    drop(memory);
    let child = fork(|| {
        view.slice_axis(0, .., 2).unwrap().fill(-3).unwrap();
        view.fetch_add(&[1], 5, SeqCst).unwrap();
        // SAFETY: the copy of a handle that the parent keeps; not used again here.
        drop(unsafe { std::ptr::read(&raw const view) });
        assert!(!is_mapped(at));
    });
    assert_eq!(reap(child), 0);
    assert_eq!(view.to_vec(), [-3, 5, -3, 0, -3, 0, -3, 0]);
    // One that is killed in the middle of a write leaves what it has written.
    let writes = fork(|| {
        for (value, _) in (0..).zip(as_long_as_the_parent_lives([()])) {
            view.fill(value).unwrap();
        }
    });
    eventually("it writes", || view.get(&[7]).unwrap() > 0);
    kill(writes);
    let left = view.to_vec();
    assert!(left.iter().all(|value| *value > 0 && (left[0] - value).abs() <= 1), "{left:?}");
    drop(view);
    leaks.check();
}

#[test]
fn pages_that_cannot_be_written_are_only_read() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = memory(4096);
    let all = memory.raw_view::<u64>(0, &[8, 8]).unwrap();
    all.fill(7).unwrap();
    // SAFETY: the mapping's own page; it is written through no more.
    assert_eq!(unsafe { libc::mprotect(memory.as_ptr().cast(), 4096, libc::PROT_READ) }, 0);
    let mut view = all.read_only();
    for order in [Relaxed, Acquire, SeqCst] {
        assert_eq!(view.load(&[3, 3], order), Ok(7));
    }
    assert_eq!(view.to_vec(), [7; 64]);
    assert_eq!(view.transpose().iter().sum::<u64>(), 7 * 64);
    assert_eq!(view.cast::<u8>().unwrap().get(&[0, 8]), Some(7));
    let other = SharedMemory::anonymous(4096).unwrap().raw_view::<u64>(0, &[8, 8]).unwrap();
    view.copy_to_view(&other).unwrap();
    // SAFETY: nobody can write to it.
    assert_eq!(unsafe { view.as_slice() }, Ok(&[7; 64][..]));

    let refused = Err(ViewError::ReadOnly);
    for view in [&view, &view.clone(), &view.transpose(), &view.slice_axis(0, .., 2).unwrap()] {
        assert!(!view.is_writable());
        assert_eq!(view.set(&[0, 0], 1), refused);
        assert_eq!(view.fill(1), refused);
        assert_eq!(view.copy_from_slice(&[1; 64]), refused);
        assert_eq!(other.copy_to_view(view), refused);
        assert_eq!(view.store(&[0, 0], 1, Relaxed), refused);
        assert_eq!(view.swap(&[0, 0], 1, Relaxed), Err(ViewError::ReadOnly));
        assert_eq!(view.compare_exchange(&[0, 0], 7, 7, Relaxed, Relaxed), Err(ViewError::ReadOnly));
        assert_eq!(view.fetch_add(&[0, 0], 0, Relaxed), Err(ViewError::ReadOnly));
    }
    assert_eq!(view.reshape(&[64]).unwrap().set(&[0], 1), refused);
    assert_eq!(view.index_axis(0, 0).unwrap().set(&[0], 1), refused);
    assert_eq!(view.cast::<i64>().unwrap().set(&[0, 0], 1), refused);
    // SAFETY: refused.
    assert_eq!(unsafe { view.as_mut_slice() }, Err(ViewError::ReadOnly));
    drop((memory, all, view, other));
    leaks.check();
}
