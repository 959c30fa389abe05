//! What `#[derive(ShmSafe)]` writes.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{send, unpack};
use multiproc_shm::{Shared, ShmError, ShmPlain, ShmSafe};
use multiproc_sync::{LockError, Mutex, RwLock};

#[derive(Debug, ShmSafe)]
#[repr(C)]
struct Pair<T> {
    left: T,
    right: T,
}

#[derive(ShmSafe)]
#[repr(C, align(64))]
struct Board<const N: usize> {
    players: AtomicU32,
    score: Mutex<Pair<u64>>,
    rows: [Mutex<u16>; N],
    names: RwLock<[u8; 8]>,
    r#type: u8,
}

#[derive(ShmSafe)]
#[repr(transparent)]
struct Id(u64);

#[derive(ShmSafe)]
#[repr(C)]
struct Wrapped<T: Copy>(T, Id)
where
    T: Default;

#[derive(ShmSafe)]
#[repr(C)]
struct Nothing;

fn is_plain<T: ShmPlain>() {}

const _: () = {
    assert!(Board::<2>::NEEDS_PLACEMENT);
    assert!(!Pair::<u64>::NEEDS_PLACEMENT);
    assert!(!Nothing::NEEDS_PLACEMENT);
};

#[test]
fn every_lock_in_a_struct_is_placed() {
    let board = Shared::new(Board {
        players: AtomicU32::new(2),
        score: Mutex::new(Pair { left: 1, right: 2 }),
        rows: [const { Mutex::new(3) }; 2],
        names: RwLock::new(*b"ann, bob"),
        r#type: 4,
    })
    .unwrap();
    let theirs = send(&board);
    assert_eq!((theirs.players.load(SeqCst), theirs.r#type), (2, 4));
    // A lock that was not placed would be private: this thread would wait for itself.
    let _score = board.score.lock().unwrap();
    assert!(matches!(theirs.score.lock(), Err(LockError::Deadlock(_))));
    let _names = board.names.write().unwrap();
    assert!(matches!(theirs.names.try_read(), Err(LockError::Deadlock(_) | LockError::TimedOut)));
    for (row, same) in board.rows.iter().zip(&theirs.rows) {
        let _row = row.lock().unwrap();
        assert!(matches!(same.lock(), Err(LockError::Deadlock(_))));
    }
}

#[test]
fn structs_without_locks_are_plain() {
    is_plain::<Pair<Id>>();
    is_plain::<Wrapped<u8>>();
    is_plain::<Nothing>();
    let shared = Shared::new(Mutex::new(Wrapped(7_u8, Id(8)))).unwrap();
    let mut value = shared.lock().unwrap();
    let before = std::mem::replace(&mut *value, Wrapped(9, Id(10)));
    assert_eq!((before.0, before.1.0), (7, 8));
    assert_eq!((value.0, value.1.0), (9, 10));
}

#[test]
fn layouts_differ_by_names_types_and_places() {
    mod other {
        use multiproc_shm::ShmSafe;
        #[derive(ShmSafe)]
        #[repr(C)]
        pub(super) struct Pair {
            pub(super) right: u64,
            pub(super) left: u64,
        }
    }
    let layouts = [
        Pair::<u64>::LAYOUT,
        Pair::<i64>::LAYOUT,
        Pair::<u32>::LAYOUT,
        other::Pair::LAYOUT,
        Id::LAYOUT,
        Nothing::LAYOUT,
        Board::<1>::LAYOUT,
        Board::<2>::LAYOUT,
    ];
    let different: std::collections::HashSet<_> = layouts.iter().collect();
    assert_eq!(different.len(), layouts.len());

    let swapped = Shared::new(other::Pair { right: 1, left: 2 }).unwrap();
    assert_eq!((swapped.right, swapped.left), (1, 2));
    let error = unpack::<Shared<Pair<u64>>>(common::pack(&swapped).unwrap()).unwrap_err();
    assert!(matches!(*error.downcast::<ShmError>().unwrap(), ShmError::LayoutMismatch { .. }));
}
