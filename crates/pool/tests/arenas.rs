//! Blocks of an arena as arguments and results of a pool's tasks.

use multiproc_macros::test;
use multiproc_pool::{ProcessPool, TaskError};
use multiproc_shm::{Arena, ArenaParcel};
use multiproc_testkit::{Watchdog, eventually};

type Row = ArenaParcel<[u64]>;

fn pool() -> ProcessPool {
    ProcessPool::builder().workers(2).build().unwrap()
}

fn row(arena: &Arena, number: u64) -> Row {
    arena.alloc_slice(&[number; 100]).unwrap().into_parcel()
}

fn double(row: Row) -> Row {
    let mut row = row.open().unwrap();
    row.iter_mut().for_each(|number| *number *= 2);
    row.into_parcel()
}

#[test]
fn parcels_are_arguments_and_results() {
    let _watchdog = Watchdog::with_limit(60);
    let (pool, arena) = (pool(), Arena::new(1 << 20).unwrap());
    let rows: Vec<_> = (0..50).map(|number| row(&arena, number)).collect();
    let rows = pool.map(double, rows).unwrap();
    let rows = pool.map(double, rows).unwrap();
    for (row, number) in rows.into_iter().zip(0..) {
        assert_eq!(row.open().unwrap()[..], [4 * number; 100]);
    }
    assert_eq!((arena.used(), arena.sweep()), (0, 0), "nothing is left with a worker or a message");
}

#[test]
fn a_worker_allocates_from_an_arena_that_is_its_argument() {
    let _watchdog = Watchdog::with_limit(60);
    let (pool, arena) = (pool(), Arena::new(1 << 20).unwrap());
    let squares = |(arena, len): (Arena, u64)| {
        let mut row = arena.alloc_zeroed::<u64>(len as usize).unwrap();
        row.iter_mut().zip(0..).for_each(|(number, n)| *number = n * n);
        row.into_parcel()
    };
    let rows = pool.map(squares, (1..20).map(|len| (arena.clone(), len)).collect::<Vec<_>>()).unwrap();
    for (row, len) in rows.into_iter().zip(1..) {
        assert!(row.open().unwrap().iter().copied().eq((0..len).map(|n| n * n)));
    }
    assert_eq!(arena.used(), 0);
}

#[test]
fn what_a_killed_worker_had_is_free_after_a_sweep() {
    let _watchdog = Watchdog::with_limit(60);
    let (pool, arena) = (pool(), Arena::new(1 << 20).unwrap());
    let abort = |row: Row| {
        let _row = row.open().unwrap();
        std::process::abort();
    };
    let ended: Result<(), _> = pool.call(abort, row(&arena, 1));
    assert!(matches!(ended, Err(TaskError::WorkerDied { .. })), "{ended:?}");
    eventually("it was swept", || arena.sweep() == 1);
    assert_eq!(arena.used(), 0);
    let again = pool.call(double, row(&arena, 4)).unwrap();
    assert_eq!(again.open().unwrap()[0], 8);
}

#[test]
fn a_task_that_panics_leaves_no_block() {
    let _watchdog = Watchdog::with_limit(60);
    let (pool, arena) = (pool(), Arena::new(1 << 20).unwrap());
    let panics = |row: Row| {
        let _row = row.open().unwrap();
        panic!("on purpose");
    };
    let ended: Result<(), _> = pool.call(panics, row(&arena, 1));
    assert!(matches!(ended, Err(TaskError::Panicked(_))), "{ended:?}");
    eventually("it was dropped", || arena.used() == 0);
    assert_eq!(arena.sweep(), 0, "its worker lives");
}

/// The bytes of a task that is tried again bring a block once.
#[test]
fn a_second_try_finds_the_block_gone() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = ProcessPool::builder().workers(2).retries(1).build().unwrap();
    let arena = Arena::new(1 << 20).unwrap();
    let abort = |row: Row| {
        let _row = row.open().unwrap();
        std::process::abort();
    };
    let ended: Result<(), _> = pool.call(abort, row(&arena, 1));
    let Err(TaskError::Codec(said)) = &ended else { panic!("{ended:?}") };
    assert!(said.contains("is gone"), "{said}");
    eventually("it was swept", || arena.sweep() == 1);
    assert_eq!(arena.used(), 0);
}
