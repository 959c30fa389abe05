//! What workers' deaths cost: the task that one had begun, one attempt; nobody else anything. `unsafe`: tasks that fork and that close what is not theirs.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::thread;

use multiproc_ipc::{Connection, pipe};
use multiproc_macros::test;
use multiproc_pool::{ProcessPool, TaskError, WorkerState};
use multiproc_testkit::fork::no_core_files;
use multiproc_testkit::{Signal, Watchdog, eventually, kill};

fn pool(workers: usize, retries: u32) -> ProcessPool {
    no_core_files(); // some workers crash
    ProcessPool::builder().workers(workers).retries(retries).build().unwrap()
}

fn square(n: u64) -> u64 {
    n * n
}

fn kill_self(signal: Signal) -> ! {
    loop {
        // Again and again: the runtime takes the first SIGSEGV, for its own stack overflow message.
        kill(std::process::id(), signal).unwrap();
    }
}

#[test]
fn a_panic_keeps_its_worker() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 0);
    let pid = pool.call(|()| std::process::id(), ()).unwrap();
    match pool.call(|()| panic!("once"), ()).map(|n: ()| n) {
        Err(TaskError::Panicked(panic)) => {
            assert_eq!(panic.pid, pid);
            assert!(panic.location.unwrap().contains("deaths.rs"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(|()| std::process::id(), ()).unwrap(), pid);
    assert_eq!((pool.stats().deaths, pool.stats().workers_started), (0, 1));
}

#[test]
fn the_error_names_the_process_that_died() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 0);
    let worker = pool.call(|()| std::process::id(), ()).unwrap();
    let error = pool.call(|()| kill_self(Signal::SIGKILL), ()).map(|n: ()| n).unwrap_err();
    assert!(matches!(error, TaskError::WorkerDied { pid, .. } if pid == worker));
    assert_eq!(
        error.to_string(),
        format!("worker {worker} died by signal 9 (SIGKILL) while it ran the task (attempt 1)")
    );
    assert_ne!(pool.call(|()| std::process::id(), ()).unwrap(), worker, "another took its place");
}

/// Tells its process number, then waits for leave to end.
fn held(line: Connection<u32, ()>) -> u32 {
    let pid = std::process::id();
    line.send(pid).unwrap();
    line.recv().unwrap();
    pid
}

#[test]
fn a_busy_worker_that_is_killed_costs_its_own_task_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(2, 0);
    let ((a, a_there), (b, b_there)) = (pipe::<(), u32>().unwrap(), pipe::<(), u32>().unwrap());
    let victim = pool.submit(held, a_there).unwrap();
    let other = pool.submit(held, b_there).unwrap();
    let queued: Vec<_> = (0..10).map(|n| pool.submit(square, n).unwrap()).collect();
    let (victim_pid, other_pid) = (a.recv().unwrap(), b.recv().unwrap());
    eventually("it is seen to be busy", || {
        let worker = pool.workers().into_iter().find(|w| w.pid == victim_pid).unwrap();
        matches!(worker.state, WorkerState::Busy { task, .. } if task == victim.id())
    });
    kill(victim_pid, Signal::SIGKILL).unwrap();
    assert!(matches!(
        victim.join(),
        Err(TaskError::WorkerDied { signal: Some(libc::SIGKILL), attempts: 1, .. })
    ));
    b.send(()).unwrap();
    assert_eq!(other.join().unwrap(), other_pid);
    for (n, handle) in queued.into_iter().enumerate() {
        assert_eq!(handle.join().unwrap(), (n * n) as u64);
    }
    assert_eq!(pool.stats().deaths, 1);
}

#[test]
fn retries_are_counted_and_end() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(2, 2);
    let error = pool.call(|()| std::process::exit(1), ()).map(|n: ()| n).unwrap_err();
    assert!(matches!(error, TaskError::WorkerDied { code: Some(1), attempts: 3, .. }), "{error}");
    assert_eq!((pool.stats().deaths, pool.stats().retries), (3, 2));
    // A task that dies twice and then does not.
    let marks = multiproc_testkit::TempDir::new();
    let third_time_lucky = |folder: std::path::PathBuf| {
        let attempts = std::fs::read_dir(&folder).unwrap().count();
        if attempts < 2 {
            std::fs::write(folder.join(attempts.to_string()), "").unwrap();
            std::process::abort();
        }
        attempts
    };
    assert_eq!(pool.call(third_time_lucky, marks.path().to_path_buf()).unwrap(), 2);
    // Neither a panic nor an error of its own is tried again.
    let panic = pool.call(|()| panic!("no"), ()).map(|n: ()| n);
    assert!(matches!(panic, Err(TaskError::Panicked(_))));
    assert_eq!((pool.stats().deaths, pool.stats().retries), (5, 4));
}

#[test]
fn a_retry_has_its_descriptors_again() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 1);
    let (here, there) = pipe::<(), u32>().unwrap();
    let task = pool.submit(held, there).unwrap();
    let first = here.recv().unwrap();
    kill(first, Signal::SIGKILL).unwrap();
    let second = here.recv().expect("the second attempt has the same connection");
    assert_ne!(first, second);
    here.send(()).unwrap();
    assert_eq!(task.join().unwrap(), second);
}

#[test]
fn idle_workers_that_are_killed_are_replaced_and_cost_nothing() {
    let _watchdog = Watchdog::with_limit(120);
    let pool = pool(2, 0);
    assert_eq!(pool.map(square, 0..10).unwrap().len(), 10);
    for _ in 0..20 {
        let before: HashSet<u32> = pool.workers().iter().map(|w| w.pid).collect();
        for pid in &before {
            kill(*pid, Signal::SIGKILL).unwrap();
        }
        // At once: a task may be handed to a dead worker, whose end is not known yet. It was never begun.
        assert_eq!(pool.call(square, 4).unwrap(), 16);
        eventually("both are replaced", || {
            let now = pool.workers();
            now.len() == 2 && now.iter().all(|w| !before.contains(&w.pid) && w.state == WorkerState::Idle)
        });
    }
    assert_eq!(pool.stats().deaths, 0);
}

#[test]
fn replacement_needs_nobody_who_waits() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 0);
    eventually("it starts", || pool.workers().iter().any(|w| w.state == WorkerState::Idle));
    let pid = pool.workers()[0].pid;
    kill(pid, Signal::SIGKILL).unwrap();
    eventually("it is replaced", || {
        pool.workers().iter().any(|w| w.pid != pid && w.state == WorkerState::Idle)
    });
}

#[test]
fn a_stopped_worker_holds_up_nobody_else() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(2, 0);
    let (here, there) = pipe::<(), u32>().unwrap();
    let stopped = pool.submit(held, there).unwrap();
    let pid = here.recv().unwrap();
    kill(pid, Signal::SIGSTOP).unwrap();
    assert_eq!(pool.map(square, 0..200).unwrap().len(), 200);
    kill(pid, Signal::SIGCONT).unwrap();
    here.send(()).unwrap();
    assert_eq!(stopped.join().unwrap(), pid);
}

#[test]
fn a_task_that_closes_the_workers_socket_ends_its_worker() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 0);
    let careless = |()| {
        // SAFETY: this is the defect under test: the task closes descriptors that are not its own.
        unsafe { libc::close_range(3, u32::MAX, 0) };
        loop {
            thread::park();
        }
    };
    let error = pool.call(careless, ()).map(|n: ()| n).unwrap_err();
    assert!(matches!(error, TaskError::WorkerDied { .. }), "{error}");
    assert_eq!(pool.call(square, 2).unwrap(), 4);
}

#[test]
fn a_grandchild_that_holds_the_socket_hides_no_death() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1, 0);
    let forks_and_dies = |line: Connection<u32, ()>| {
        // SAFETY: the fork only waits for its line to end, on its only thread.
        if unsafe { libc::fork() } == 0 {
            line.send(std::process::id()).unwrap();
            let _ = line.recv();
            // SAFETY: ends the fork without a second run of what the worker registered for its end.
            unsafe { libc::_exit(0) }
        }
        std::process::abort();
    };
    let (here, there) = pipe::<(), u32>().unwrap();
    let error = pool.call(forks_and_dies, there).map(|n: ()| n).unwrap_err();
    assert!(matches!(error, TaskError::WorkerDied { signal: Some(libc::SIGABRT), .. }), "{error}");
    let grandchild = here.recv().unwrap();
    drop(here);
    eventually("the grandchild ends with its line", || !multiproc_testkit::is_running(grandchild));
}

/// Without retries no task is begun twice, by the tasks' own marks.
#[test]
fn without_retries_no_task_is_begun_twice() {
    let _watchdog = Watchdog::with_limit(120);
    let marks = multiproc_testkit::TempDir::new();
    let pool = pool(2, 0);
    let task = |(folder, n): (std::path::PathBuf, u64)| {
        let fresh = std::fs::OpenOptions::new().write(true).create_new(true).open(folder.join(n.to_string()));
        let spin = (0..30_000_u64).fold(n, |sum, i| std::hint::black_box(sum ^ i) ^ i);
        (fresh.is_ok(), spin)
    };
    let items: Vec<_> = (0..600).map(|n| (marks.path().to_path_buf(), n)).collect();
    let handles: Vec<_> = items.into_iter().map(|item| pool.submit(task, item).unwrap()).collect();
    while handles.iter().any(|handle| !handle.is_finished()) {
        // Any worker, busy or idle: a task that is handed over at that moment must not be begun twice either.
        if let Some(worker) = pool.workers().into_iter().find(|w| w.state != WorkerState::Starting) {
            kill(worker.pid, Signal::SIGKILL).unwrap();
            eventually("the kill is seen", || pool.workers().iter().all(|w| w.pid != worker.pid));
        }
    }
    let (mut ended, mut died) = (0, 0);
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.join() {
            Ok((fresh, result)) => {
                assert!(fresh, "task {n} was begun twice");
                assert_eq!(result, n as u64);
                ended += 1;
            }
            Err(TaskError::WorkerDied { attempts: 1, .. }) => died += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(ended > 0 && died > 0, "{ended} ended, {died} died: too few to show anything");
    assert!(
        std::fs::read_dir(marks.path()).unwrap().count() >= ended,
        "every task that ended has left its mark"
    );
}

#[test]
fn an_answer_of_a_stray_fork_is_nobodys() {
    let _watchdog = Watchdog::with_limit(120);
    let pool = pool(1, 0);
    for n in 0..10 {
        // A bare system call: what libc runs at a fork does not run.
        let stray = |n: u64| {
            // SAFETY: the fork returns from here like this process, which is the test; both have one thread.
            unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
            n
        };
        let _ = pool.call(stray, 1000 + n);
        for k in 0..3 {
            match pool.call(square, n * 10 + k) {
                Ok(result) => assert_eq!(result, (n * 10 + k).pow(2), "the answer of another task"),
                Err(error) => assert!(matches!(error, TaskError::WorkerDied { .. }), "{error}"),
            }
        }
    }
}

/// Random kills under load: every task has exactly one outcome, every result is right, the pool goes on.
#[test]
fn random_kills_lose_nothing() {
    let _watchdog = Watchdog::with_limit(240);
    const TASKS: u64 = 3000;
    let pool = pool(3, u32::MAX);
    let spin = |n: u64| (0..20_000_u64).fold(n, |sum, i| std::hint::black_box(sum ^ i) ^ i);
    let mut kills = 0;
    let results = thread::scope(|scope| {
        let mapping = scope.spawn(|| pool.map(spin, 0..TASKS).unwrap());
        while !mapping.is_finished() {
            let busy = pool.workers().into_iter().find(|w| w.is_busy());
            if let Some(worker) = busy {
                kills += u32::from(kill(worker.pid, Signal::SIGKILL).is_ok());
                // The next kill waits until the last one has been seen, or the map would never end.
                eventually("the kill is seen", || {
                    mapping.is_finished() || pool.workers().iter().all(|w| w.pid != worker.pid)
                });
            }
        }
        mapping.join().unwrap()
    });
    assert_eq!(results, (0..TASKS).collect::<Vec<_>>());
    assert!(kills > 20, "{kills} kills: too few to show anything");
    let stats = pool.stats();
    assert_eq!(stats.deaths, stats.retries, "each death was followed by another attempt");
    assert!(u64::from(kills) >= stats.deaths && stats.workers_started > 3);
}
