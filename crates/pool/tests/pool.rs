//! What `ProcessPool` promises while its workers live.

use std::cell::Cell;
use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_ipc::{Connection, Fd, pipe};
use multiproc_macros::test;
use multiproc_pool::{PoolError, ProcessPool, RemoteError, TaskError, WorkerState};
use multiproc_testkit::{Watchdog, eventually};

fn pool(workers: usize) -> ProcessPool {
    ProcessPool::builder().workers(workers).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

/// Says that it has begun, then waits until it is told to end.
fn held(line: Connection<(), ()>) {
    line.send(()).unwrap();
    line.recv().unwrap();
}

#[test]
fn map_gives_results_in_the_order_of_the_items() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(3);
    let expected: Vec<u64> = (0..5000).map(square).collect();
    assert_eq!(pool.map(square, 0..5000).unwrap(), expected);
    let numbers = vec![3, 2];
    assert_eq!(pool.map(square, &numbers).unwrap(), [9, 4]);
    assert_eq!(pool.map(square, [7]).unwrap(), [49]);
    assert_eq!(pool.map(square, [0_u64; 0]).unwrap(), []);
    assert_eq!(pool.stats().completed, 5003);
}

#[test]
fn every_worker_gets_tasks() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(3);
    let lines: Vec<_> = (0..3).map(|_| pipe::<(), ()>().unwrap()).collect();
    let (ours, theirs): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let handles: Vec<_> = theirs.into_iter().map(|line| pool.submit(held, line).unwrap()).collect();
    for line in &ours {
        line.recv().unwrap(); // all three run at once
    }
    eventually("all three are seen to be busy", || {
        pool.workers().iter().filter(|w| w.is_busy()).count() == 3
    });
    assert_eq!(pool.workers().iter().map(|w| (w.index, w.pid)).collect::<HashSet<_>>().len(), 3);
    for line in &ours {
        line.send(()).unwrap();
    }
    handles.into_iter().for_each(|h| h.join().unwrap());
    assert!(pool.workers().iter().all(|w| w.state == WorkerState::Idle));
}

#[test]
fn a_slow_item_does_not_keep_the_others_waiting() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(2);
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let slow = pool.submit(held, theirs).unwrap();
    ours.recv().unwrap();
    // More items than any window, all on the other worker.
    assert_eq!(pool.map(square, 0..1000).unwrap().len(), 1000);
    assert!(!slow.is_finished());
    ours.send(()).unwrap();
    slow.join().unwrap();
}

#[test]
fn map_takes_items_only_as_workers_get_free() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let taken = Cell::new(0);
    let items = (0..10_000_u64).inspect(|_| taken.set(taken.get() + 1));
    let error = pool.map(|n: u64| assert!(n < 10, "ten"), items).unwrap_err();
    assert!(matches!(&error, TaskError::Panicked(p) if p.message == "ten"), "{error}");
    assert!(taken.get() < 1000, "{} items were taken after the eleventh had failed", taken.get());
    // What had not begun was dropped with the map, and the pool goes on.
    assert_eq!(pool.call(square, 3).unwrap(), 9);
    assert!(pool.stats().completed < 1000);
}

#[test]
fn try_map_gives_every_result_and_every_failure() {
    let _watchdog = Watchdog::with_limit(60);
    fn halve(n: u64) -> multiproc_pool::Result<u64> {
        if n % 2 == 1 {
            return Err(RemoteError::msg(format_args!("{n} is odd")));
        }
        Ok(n / 2)
    }
    let pool = pool(2);
    let results = pool.try_map(halve, 0..100).unwrap();
    for (n, result) in results.into_iter().enumerate() {
        match result {
            Ok(half) => assert_eq!(half * 2, n as u64),
            Err(TaskError::Failed(e)) => assert_eq!(e.to_string(), format!("{n} is odd")),
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(matches!(pool.try_call(halve, 3), Err(TaskError::Failed(_))));
    assert_eq!(pool.try_submit(halve, 4).unwrap().join().unwrap(), 2);
}

#[test]
fn an_error_keeps_its_chain_across_processes() {
    let _watchdog = Watchdog::with_limit(60);
    fn read(path: String) -> multiproc_pool::Result<String> {
        std::fs::read_to_string(&path)
            .map_err(|e| RemoteError::from(e).context(format_args!("reading {path}")))
    }
    let error = pool(1).try_call(read, "/no/such/file".into()).unwrap_err();
    let TaskError::Failed(error) = error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "reading /no/such/file");
    assert!(error.chain().nth(1).unwrap().contains("No such file"), "{error:?}");
}

#[test]
fn handles_can_be_joined_in_any_order_and_with_a_limit() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let first = pool.submit(held, theirs).unwrap();
    let second = pool.submit(square, 5).unwrap();
    assert!(second.id() > first.id());
    assert!(!first.is_finished() && !second.is_finished());
    let before = Instant::now();
    let second = second.join_timeout(Duration::from_millis(20)).expect_err("it waits for the first");
    assert!(before.elapsed() >= Duration::from_millis(20));
    ours.recv().unwrap();
    ours.send(()).unwrap();
    assert_eq!(second.join().unwrap(), 25, "the second before the first");
    assert!(first.is_finished(), "nobody had to wait for it");
    first.join().unwrap();
}

#[test]
fn tasks_run_while_nobody_waits_for_them() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(2);
    let handles: Vec<_> = (0..100).map(|n| pool.submit(square, n).unwrap()).collect();
    eventually("all tasks end by themselves", || handles.iter().all(|h| h.is_finished()));
    drop(pool.submit(square, 1).unwrap());
    eventually("also the one whose handle was dropped", || pool.stats().completed == 101);
}

#[test]
fn many_threads_share_a_pool() {
    let _watchdog = Watchdog::with_limit(120);
    let pool = pool(3);
    thread::scope(|scope| {
        for t in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for n in 0..200 {
                    match (t + n) % 4 {
                        0 => assert_eq!(pool.call(square, n).unwrap(), n * n),
                        1 => assert_eq!(pool.submit(square, n).unwrap().join().unwrap(), n * n),
                        2 => assert_eq!(pool.map(square, 0..5).unwrap(), [0, 1, 4, 9, 16]),
                        // Leaves the wait at once, most of the time.
                        _ => match pool.submit(square, n).unwrap().join_timeout(Duration::from_micros(n)) {
                            Ok(result) => assert_eq!(result.unwrap(), n * n),
                            Err(handle) => assert_eq!(handle.join().unwrap(), n * n),
                        },
                    }
                }
            });
        }
    });
    assert_eq!(pool.stats().deaths, 0);
}

#[test]
fn long_arguments_and_results_hold_no_descriptors_while_they_wait() {
    let _watchdog = Watchdog::with_limit(120);
    let pool = pool(2);
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let slow = pool.submit(held, theirs).unwrap();
    ours.recv().unwrap();
    let before = multiproc_testkit::proc_fd_count();
    let handles: Vec<_> =
        (0..200).map(|n| pool.submit(|n: u64| "r".repeat(100_000 + n as usize), n).unwrap()).collect();
    eventually("all results are in", || handles.iter().all(|h| h.is_finished()));
    let during = multiproc_testkit::proc_fd_count();
    assert!(during < before + 100, "{before} descriptors before, {during} with 200 long results");
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap().len(), 100_000 + n);
    }
    let text = "a".repeat(3 << 20);
    assert_eq!(pool.call(|text: String| text.len(), text).unwrap(), 3 << 20);
    ours.send(()).unwrap();
    slow.join().unwrap();
}

#[test]
fn descriptors_travel_both_ways() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let (reader, writer) = std::io::pipe().unwrap();
    let back: Fd = pool.call(|writer: Fd| writer, std::os::fd::OwnedFd::from(writer).into()).unwrap();
    std::io::Write::write_all(&mut std::fs::File::from(back), b"there and back").unwrap();
    assert_eq!(std::io::read_to_string(reader).unwrap(), "there and back");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let _watchdog = Watchdog::with_limit(60);
    for workers in [0, multiproc_pool::MAX_WORKERS + 1, usize::MAX] {
        let error = ProcessPool::builder().workers(workers).build().unwrap_err();
        assert!(matches!(error, PoolError::Workers { workers: w, .. } if w == workers), "{error}");
    }
}

#[test]
fn a_closed_pool_finishes_what_it_has_and_takes_nothing_new() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let handles: Vec<_> = (0..20).map(|n| pool.submit(square, n).unwrap()).collect();
    pool.close();
    pool.close();
    assert!(matches!(pool.submit(square, 1), Err(PoolError::Closed)));
    assert!(matches!(pool.call(square, 1), Err(TaskError::NotSubmitted(PoolError::Closed))));
    assert!(matches!(pool.try_map(|n: u64| Ok(n), 0..3), Err(PoolError::Closed)));
    for (n, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap(), (n * n) as u64);
    }
}

#[test]
fn a_handle_outlives_its_pool() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let done = pool.submit(square, 2).unwrap();
    eventually("the first task ends", || done.is_finished());
    let (ours, theirs) = pipe::<(), ()>().unwrap();
    let running = pool.submit(held, theirs).unwrap();
    let waiting = pool.submit(square, 3).unwrap();
    ours.recv().unwrap();
    let joined = thread::scope(|scope| {
        // A thread that drives the pool while the pool ends.
        let joining = scope.spawn(|| running.join());
        drop(pool);
        joining.join().unwrap()
    });
    assert!(matches!(joined, Err(TaskError::PoolClosed)), "{joined:?}");
    assert!(matches!(waiting.join(), Err(TaskError::PoolClosed)));
    assert_eq!(done.join().unwrap(), 4, "what had ended keeps its result");
}

#[test]
fn pools_nest() {
    let _watchdog = Watchdog::with_limit(60);
    fn sum_of_squares(n: u64) -> multiproc_pool::Result<u64> {
        let inner = ProcessPool::builder().workers(2).build()?;
        Ok(inner.map(|n: u64| n * n, 1..=n)?.into_iter().sum())
    }
    assert_eq!(
        pool(2).try_map(sum_of_squares, [1_u64, 2, 3]).unwrap().into_iter().map(Result::unwrap).sum::<u64>(),
        20
    );
}

#[test]
fn an_interrupt_from_the_keyboard_is_the_parents_affair() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    let pid = pool.call(|()| std::process::id(), ()).unwrap();
    multiproc_testkit::kill(pid, multiproc_testkit::Signal::SIGINT).unwrap();
    assert_eq!(pool.call(|()| std::process::id(), ()).unwrap(), pid, "the worker is still there");
}
