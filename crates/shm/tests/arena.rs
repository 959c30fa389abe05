//! Blocks of an arena: where they lie, what is in them, and that all come back. `unsafe`: the file behind an arena is looked at.
#![allow(unsafe_code)]

use multiproc_shm::transfer;
use multiproc_shm::{AllocError, Arena, ArenaBox, ArenaParcel, ShmError, ShmSafe};
use multiproc_testkit::Watchdog;
use proptest::prelude::*;

const SPAN: usize = 1 << 16;

#[derive(ShmSafe, Clone, Copy, Debug, PartialEq)]
#[repr(C, align(4096))]
struct Aligned {
    number: u64,
}

fn address<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<u8>().addr()
}

#[test]
fn values_of_all_sizes_lie_aligned_and_keep_their_values() {
    let arena = Arena::new(4 << 20).unwrap();
    let page = arena.alloc(Aligned { number: 7 }).unwrap();
    assert_eq!((address(&*page) % 4096, page.number), (0, 7));
    let rows: Vec<_> =
        (0..=18).map(|power| arena.alloc_slice(&vec![power as u8; 1 << power]).unwrap()).collect();
    for (power, row) in rows.iter().enumerate() {
        assert!(row.len() == 1 << power && row.iter().all(|byte| usize::from(*byte) == power));
        assert_eq!(address(&row[..]) % (1 << power).clamp(64, 4096), 0);
        assert_eq!(ArenaBox::block_len(row), (1 << power).max(64));
    }
    let used: usize = rows.iter().map(ArenaBox::block_len).sum();
    assert_eq!(arena.used(), used + ArenaBox::block_len(&page));
    drop((rows, page));
    assert_eq!((arena.used(), arena.largest_free()), (0, 4 << 20));
}

#[test]
fn nothing_takes_a_block_too() {
    let arena = Arena::new(SPAN).unwrap();
    let (none, unit) =
        (arena.alloc_slice::<u64>(&[]).unwrap(), arena.alloc_zeroed::<[u8; 0]>(1 << 40).unwrap());
    assert_eq!((none.len(), unit.len(), arena.used()), (0, 1 << 40, 128));
}

/// What was there before is not seen.
#[test]
fn zeroed_is_zeroed_also_where_something_lay() {
    let arena = Arena::new(SPAN).unwrap();
    for _ in 0..3 {
        let mut row = arena.alloc_zeroed::<u64>(512).unwrap();
        assert!(row.iter().all(|number| *number == 0));
        row.fill(u64::MAX);
    }
}

#[test]
fn a_full_arena_gives_the_value_back_and_then_a_block() {
    let arena = Arena::new(1).unwrap();
    assert_eq!(arena.capacity(), SPAN);
    let mut all: Vec<_> = std::iter::from_fn(|| arena.alloc([9_u64; 8]).ok()).collect();
    assert_eq!((all.len(), arena.used(), arena.largest_free()), (SPAN / 64, SPAN, 0));
    let error = arena.alloc([3_u64; 8]).unwrap_err();
    assert_eq!(error.value, [3; 8]);
    assert!(matches!(error.kind, AllocError::Full { asked: 64, capacity: SPAN }), "{error}");
    all.swap_remove(500);
    assert_eq!(arena.largest_free(), 64);
    let last = arena.alloc([3_u64; 8]).unwrap();
    assert!(all.iter().all(|row| **row == [9; 8]));
    assert_eq!(*last, [3; 8]);
}

#[test]
fn what_never_fits_is_told_apart() {
    let arena = Arena::new(2 * SPAN).unwrap();
    let refused = |len| arena.alloc_zeroed::<u64>(len).unwrap_err();
    assert!(matches!(refused(SPAN), AllocError::TooLarge { asked: 524_288, capacity: 131_072 }));
    assert!(matches!(refused(usize::MAX), AllocError::TooLarge { asked: usize::MAX, .. }));
    assert!(matches!(Arena::new(0), Err(ShmError::Empty)));
    assert!(matches!(Arena::new(usize::MAX), Err(ShmError::TooLargeAnArena { .. })));
}

/// Spans that are empty serve other sizes.
#[test]
fn all_of_it_serves_any_size_again_and_again() {
    let arena = Arena::new(4 * SPAN).unwrap();
    for _ in 0..3 {
        for bytes in [64, SPAN, 4 * SPAN, 1024, 2 * SPAN, 32_768] {
            let all: Vec<_> = std::iter::from_fn(|| arena.alloc_zeroed::<u8>(bytes).ok()).collect();
            assert_eq!(all.len() * bytes, 4 * SPAN, "blocks of {bytes}");
        }
    }
}

#[test]
fn one_block_in_a_span_keeps_it_from_other_sizes() {
    let arena = Arena::new(2 * SPAN).unwrap();
    let small = arena.alloc(1_u8).unwrap();
    let whole = arena.alloc_zeroed::<u8>(SPAN).unwrap();
    assert!(arena.alloc_zeroed::<u8>(SPAN).is_err() && arena.alloc_zeroed::<u8>(2 * SPAN).is_err());
    drop(small);
    assert!(arena.alloc_zeroed::<u8>(2 * SPAN).is_err());
    let second = arena.alloc_zeroed::<u8>(SPAN).unwrap();
    assert_ne!(address(&second[..]), address(&whole[..]));
}

/// Two have a block at the same time: they would see each other's numbers.
#[test]
fn threads_never_have_the_same_block() {
    let _watchdog = Watchdog::with_limit(120);
    let arena = Arena::new(8 * SPAN).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let arena = arena.clone();
            scope.spawn(move || {
                let mut kept: Vec<ArenaBox<[u64]>> = Vec::new();
                for round in 0..20_000_u64 {
                    let len = 1 + (round * 7 % 900) as usize;
                    let mark = thread << 32 | round;
                    if let Ok(mut row) = arena.alloc_zeroed::<u64>(len) {
                        row.fill(mark);
                        kept.push(row);
                    }
                    if kept.len() > 12 {
                        let row = kept.swap_remove((round % 12) as usize);
                        assert!(row.iter().all(|number| *number == row[0] && number >> 32 == thread));
                    }
                }
            });
        }
    });
    assert_eq!((arena.used(), arena.largest_free()), (0, 8 * SPAN));
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { handle: usize, bytes: usize },
    Drop { which: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![4 => 0_usize..300, 2 => 300_usize..9000, 1 => 9000_usize..4 * SPAN];
    let step = prop_oneof![
        3 => (0_usize..3, bytes).prop_map(|(handle, bytes)| Step::Allocate { handle, bytes }),
        2 => (0_usize..1000).prop_map(|which| Step::Drop { which }),
    ];
    prop::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_never_overlap_keep_what_is_in_them_and_come_back(steps in steps()) {
        let arena = Arena::new(6 * SPAN).unwrap();
        let handles = [arena.clone(), arena.clone(), arena];
        let mut boxes: Vec<(u8, ArenaBox<[u8]>)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Allocate { handle, bytes } => match handles[handle].alloc_zeroed::<u8>(bytes) {
                    Ok(mut row) => {
                        prop_assert!(row.iter().all(|byte| *byte == 0));
                        row.fill(number as u8);
                        boxes.push((number as u8, row));
                    }
                    Err(AllocError::Full { asked, .. }) => {
                        prop_assert!(handles[0].largest_free() < asked, "{} free", handles[0].largest_free());
                    }
                    Err(other) => return Err(TestCaseError::fail(other.to_string())),
                },
                Step::Drop { which } => {
                    if !boxes.is_empty() {
                        boxes.swap_remove(which % boxes.len());
                    }
                }
            }
            let mut ranges: Vec<_> = boxes
                .iter()
                .map(|(_, row)| (address(&row[..]), ArenaBox::block_len(row)))
                .collect();
            ranges.sort_unstable();
            prop_assert!(ranges.windows(2).all(|two| two[0].0 + two[0].1 <= two[1].0));
            let used: usize = ranges.iter().map(|(_, len)| len).sum();
            prop_assert_eq!(handles[1].used(), used);
        }
        for (mark, row) in &boxes {
            prop_assert!(row.iter().all(|byte| byte == mark));
        }
        drop(boxes);
        prop_assert_eq!((handles[2].used(), handles[2].largest_free()), (0, 6 * SPAN));
    }
}

/// What the arena's file costs the machine, in bytes.
fn cost(arena: &Arena) -> u64 {
    use std::os::unix::fs::MetadataExt;

    let (_, outgoing) = transfer::encoding(0, || postcard::to_stdvec(arena));
    // SAFETY: looked at, and nothing else.
    let file = unsafe { outgoing.fds[0].as_fd() }.try_clone_to_owned().unwrap();
    std::fs::File::from(file).metadata().unwrap().blocks() * 512
}

#[test]
fn the_memory_of_what_is_free_goes_and_no_other() {
    let _watchdog = Watchdog::with_limit(60);
    const LEN: usize = 8 << 20;
    let arena = Arena::new(LEN).unwrap();
    let fill = |len: usize, byte: u8| arena.alloc_slice(&vec![byte; len]).unwrap();
    let (first, run, small) = (fill(2 << 20, 1), fill(1 << 20, 2), fill(100, 3));
    let sent = fill(3 << 16, 4).into_parcel();
    let (bytes, outgoing) = transfer::encoding(0, || postcard::to_stdvec(&sent));
    outgoing.transfers.commit();
    let rest: Vec<_> = std::iter::from_fn(|| arena.alloc_slice(&[5_u8; 4096]).ok()).collect();
    assert!(rest.len() > 500 && cost(&arena) >= LEN as u64);
    assert_eq!(arena.trim().unwrap(), 0, "nothing is free");
    drop((first, rest));
    let kept = ArenaBox::block_len(&run) + (4 << 16);
    assert_eq!(arena.trim().unwrap(), LEN - kept);
    assert!(cost(&arena) < (kept + LEN / 4) as u64, "{}", cost(&arena));
    assert!(run.iter().all(|byte| *byte == 2) && small.iter().all(|byte| *byte == 3));
    let fds = outgoing.fds.into_iter().map(Some).collect();
    let (parcel, _) = transfer::decoding(fds, || postcard::from_bytes::<ArenaParcel<[u8]>>(&bytes.unwrap()));
    let received = parcel.unwrap().open().unwrap();
    assert!(received.len() == 3 << 16 && received.iter().all(|byte| *byte == 4));
    assert_eq!(arena.trim().unwrap(), LEN - kept, "a second time it is no other memory");
    drop((run, small, received));
    assert!(fill(LEN, 6).iter().all(|byte| *byte == 6), "all of it can be had again");
}
