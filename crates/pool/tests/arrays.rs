//! Arrays as arguments and results of a pool's tasks: elements stay where they are, and parts go where they are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use multiproc_macros::test;
use multiproc_pool::{ProcessPool, TaskError};
use multiproc_shm::{ArrayPart, AtomicArray, JoinError, ModeError, Shared, SharedArray};
use multiproc_testkit::fork::no_core_files;
use multiproc_testkit::{Watchdog, eventually};

fn pool() -> ProcessPool {
    ProcessPool::builder().workers(2).build().unwrap()
}

fn sum((array, range): (SharedArray<u64>, Range<usize>)) -> u64 {
    array.read().unwrap()[range].iter().sum()
}

#[test]
fn workers_read_their_ranges_of_one_array() {
    let _watchdog = Watchdog::with_limit(60);
    let array = SharedArray::from_fn(10_001, |i| i as u64).unwrap();
    let pool = pool();
    let arguments: Vec<_> = array.chunks(8).map(|range| (array.clone(), range)).collect();
    let sums = pool.map(sum, &arguments).unwrap();
    assert_eq!(sums.iter().sum::<u64>(), 10_000 * 10_001 / 2);
}

#[test]
fn an_array_of_a_worker_is_a_result() {
    let _watchdog = Watchdog::with_limit(60);
    let squares = |len: usize| SharedArray::from_fn(len, |i| (i * i) as u64).unwrap();
    let array = pool().call(squares, 5).unwrap();
    assert_eq!(array.to_vec().unwrap(), [0, 1, 4, 9, 16]);
}

#[test]
fn workers_count_in_atomics_and_let_go_of_them() {
    let _watchdog = Watchdog::with_limit(60);
    let counts = SharedArray::<u64>::zeroed(10).unwrap().into_atomics().unwrap();
    let pool = pool();
    let count = |counts: AtomicArray<u64>| counts.iter().for_each(|count| _ = count.fetch_add(1, SeqCst));
    pool.map(count, vec![counts.clone(); 50]).unwrap();
    let (mut counts, mut locked) = (Some(counts), None);
    eventually("no worker has it", || match counts.take().unwrap().into_locked() {
        Ok(array) => {
            locked = Some(array);
            true
        }
        Err(ModeError::Elsewhere(array)) => {
            counts = Some(array);
            false
        }
        Err(error) => panic!("{error}"),
    });
    assert_eq!(locked.unwrap().to_vec().unwrap(), [50; 10]);
}

/// Of this process, in bytes: what it has for itself.
fn private() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let of = |line: &str| line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
    1024 * rollup.lines().filter(|line| line.starts_with("Private_")).filter_map(of).sum::<u64>()
}

/// The pages that the arrays of this process have, in bytes.
fn of_arrays() -> u64 {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    let is_array = |path: &PathBuf| {
        std::fs::read_link(path).is_ok_and(|link| link.to_string_lossy().contains("/memfd:multiproc-shm"))
    };
    // A descriptor of another test's array may be gone by now.
    let files = open.filter(is_array).filter_map(|path| std::fs::metadata(path).ok());
    let by_file: BTreeMap<u64, u64> = files.map(|file| (file.ino(), 512 * file.blocks())).collect();
    by_file.values().sum()
}

/// Elements in a page.
const PAGE: usize = 512;

/// What a worker has seen: who it is, the sum, and how many bytes more it had for itself while it had the elements.
type Seen = (u32, u64, u64);

/// Has as many workers at it at once as there are tasks: none of them goes on, or takes another task, before all have come.
fn meet(met: &Shared<AtomicU64>) {
    met.fetch_add(1, SeqCst);
    eventually("each worker has a task", || met.load(SeqCst) == WORKERS);
}

/// Reads of every page.
fn sum_counted((array, met): (SharedArray<u64>, Shared<AtomicU64>)) -> Seen {
    meet(&met);
    let before = private();
    let sum = array.read().unwrap().iter().step_by(PAGE).sum();
    (std::process::id(), sum, private().saturating_sub(before))
}

/// As that, of a copy.
fn sum_copied((array, met): (SharedArray<u64>, Shared<AtomicU64>)) -> Seen {
    meet(&met);
    let before = private();
    let copy = array.to_vec().unwrap();
    let sum = copy.iter().step_by(PAGE).sum();
    (std::process::id(), sum, private().saturating_sub(before))
}

const MIB: u64 = 1 << 20;
const COPIED: u64 = 16 * MIB;
const WORKERS: u64 = 4;

/// A GiB, or less where a machine with less memory would have to swap, or to kill.
fn bytes_to_read() -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:")).unwrap();
    let available = 1024 * line.split_whitespace().next().unwrap().parse::<u64>().unwrap();
    let bytes = if available >= 2048 * MIB { 1024 * MIB } else { (available / 4).next_multiple_of(MIB) };
    if bytes < 1024 * MIB {
        println!("NOT SHOWN with 1 GiB: {} MiB of memory are available", available / MIB);
    }
    bytes
}

/// What all workers see of an array of so many bytes.
fn seen_by_all(
    bytes: u64,
    see: fn((SharedArray<u64>, Shared<AtomicU64>)) -> Seen,
) -> (SharedArray<u64>, Vec<Seen>) {
    let pool = ProcessPool::builder().workers(WORKERS as usize).build().unwrap();
    let array = SharedArray::zeroed(bytes as usize / 8).unwrap();
    array.write().unwrap().iter_mut().step_by(PAGE).zip(0..).for_each(|(element, n)| *element = n % 7);
    let met = Shared::new(AtomicU64::new(0)).unwrap();
    let tasks: Vec<_> =
        (0..WORKERS).map(|_| pool.submit(see, (array.clone(), met.clone())).unwrap()).collect();
    let seen: Vec<_> = tasks.into_iter().map(|task| task.join().unwrap()).collect();
    let workers: BTreeSet<u32> = seen.iter().map(|(pid, ..)| *pid).collect();
    assert_eq!(workers.len() as u64, WORKERS, "each has read it: {seen:?}");
    assert!(seen.iter().all(|(_, sum, _)| *sum == seen[0].1 && *sum > 0));
    (array, seen)
}

#[test]
fn an_array_that_all_workers_read_is_there_once() {
    let _watchdog = Watchdog::with_limit(60);
    // The negative control: those who copy are found out. Not beside the other, which counts what this process has.
    let (copied, seen) = seen_by_all(COPIED, sum_copied);
    assert!(seen.iter().all(|(.., more)| *more >= COPIED * 9 / 10), "{seen:?}");
    drop(copied);
    let bytes = bytes_to_read();
    let (array, seen) = seen_by_all(bytes, sum_counted);
    let more: u64 = seen.iter().map(|(.., more)| more).sum();
    println!("{} MiB read by {WORKERS} processes: {} KiB more in all of them", bytes / MIB, more / 1024);
    assert!(more <= 4 * MIB, "{more} bytes more in the workers: {seen:?}");
    // Beside it there are those of the tests that run meanwhile.
    assert!((bytes..bytes + MIB).contains(&of_arrays()));
    drop(array);
}

fn fill(mut part: ArrayPart<u64>) {
    let first = part.range().start as u64;
    part.as_mut_slice().iter_mut().zip(first..).for_each(|(element, n)| *element = n);
}

#[test]
fn parts_are_arguments_and_results() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool();
    let mut split = SharedArray::<u64>::zeroed(1000).unwrap().split(7).unwrap();
    pool.map(fill, split.take_all().unwrap()).unwrap();
    eventually("all are given up", || split.missing().unwrap().is_empty());
    let double = |mut part: ArrayPart<u64>| {
        part.as_mut_slice().iter_mut().for_each(|element| *element *= 2);
        part
    };
    let parts = pool.map(double, split.take_all().unwrap()).unwrap();
    assert_eq!(parts.iter().map(ArrayPart::index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
    drop(parts);
    // What was sent to them is kept for nobody.
    eventually("all are here", || split.missing().unwrap().is_empty());
    let array = split.join().unwrap();
    assert!(array.read().unwrap().iter().enumerate().all(|(i, n)| *n == 2 * i as u64));
}

#[test]
fn the_part_of_a_killed_worker_comes_back_and_is_told_of() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool();
    let mut split = SharedArray::<u64>::zeroed(10).unwrap().split(2).unwrap();
    no_core_files();
    let abort = |mut part: ArrayPart<u64>| {
        part.as_mut_slice()[0] = 1;
        std::process::abort();
    };
    let ended: Result<(), _> = pool.call(abort, split.take(1).unwrap().unwrap());
    assert!(matches!(ended, Err(TaskError::WorkerDied { .. })), "{ended:?}");
    eventually("nobody has it", || split.missing().unwrap().is_empty());
    let Err(JoinError::Torn(mut split, 1)) = split.join() else { panic!("it may be torn") };
    let mut part = split.take(1).unwrap().unwrap();
    assert!(part.may_be_torn());
    assert_eq!(*part.read(), [1, 0, 0, 0, 0]);
    part.mark_consistent();
    drop(part);
    assert_eq!(pool.call(sum, (split.join().unwrap(), 0..10)).unwrap(), 1);
}

#[test]
fn the_part_of_a_task_that_panics_comes_back_and_is_told_of() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool();
    let mut split = SharedArray::<u64>::zeroed(10).unwrap().split(2).unwrap();
    let panics = |mut part: ArrayPart<u64>| {
        part.as_mut_slice()[0] = 1;
        panic!("in the middle");
    };
    let ended: Result<(), _> = pool.call(panics, split.take(1).unwrap().unwrap());
    assert!(matches!(ended, Err(TaskError::Panicked(_))), "{ended:?}");
    eventually("nobody has it", || split.missing().unwrap().is_empty());
    let mut part = split.take(1).unwrap().unwrap();
    assert!(part.may_be_torn());
    assert_eq!(*part.read(), [1, 0, 0, 0, 0]);
    part.mark_consistent();
    drop(part);
    assert!(split.join().is_ok());
}
