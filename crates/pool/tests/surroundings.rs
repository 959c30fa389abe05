//! Odd surroundings: limits, signals, closed standard descriptors, CPUs, a hook in the wrong place. Each test runs in a
//! process of its own, since what it changes is the whole process's. `unsafe`: it changes that with bare system calls.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::thread;
use std::time::Duration;

use multiproc_ipc::pipe;
use multiproc_macros::test;
use multiproc_pool::{PoolError, Process, ProcessError, ProcessPool, TaskError};
use multiproc_testkit::{ChildTest, Signal, Watchdog, eventually, is_child, kill};

/// Runs `body` in a process of its own, as the test called `name`.
fn apart(name: &str, body: fn()) {
    if is_child(name) {
        body();
        return;
    }
    let _watchdog = Watchdog::with_limit(120);
    ChildTest::new(name).run().expect_pass();
}

fn pool(workers: usize) -> ProcessPool {
    ProcessPool::builder().workers(workers).build().unwrap()
}

fn same(n: u64) -> u64 {
    n
}

fn limit(resource: libc::__rlimit_resource_t, soft: u64) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit is initialised and lives across the call. Raising the hard limit may fail; lowering the soft
    // one below it does not.
    unsafe {
        if libc::setrlimit(resource, &limit) != 0 {
            let mut now = limit;
            assert_eq!(libc::getrlimit(resource, &mut now), 0);
            now.rlim_cur = soft.min(now.rlim_max);
            assert_eq!(libc::setrlimit(resource, &now), 0);
        }
    }
}

/// Takes every descriptor that there is.
fn take_all_descriptors() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn a_shortage_of_descriptors_passes() {
    apart("a_shortage_of_descriptors_passes", || {
        let pool = pool(2);
        assert_eq!(pool.map(same, 0..10).unwrap().len(), 10);
        limit(libc::RLIMIT_NOFILE, 64);
        let mut taken = take_all_descriptors();
        for worker in pool.workers() {
            kill(worker.pid, Signal::SIGKILL).unwrap();
        }
        eventually("the dead are noticed", || pool.workers().is_empty());
        taken.extend(take_all_descriptors()); // and what they held
        let error = pool.call(same, 1).unwrap_err();
        assert!(matches!(&error, TaskError::WorkersFail { .. }), "{error}");
        assert!(matches!(Process::spawn(same, 1), Err(PoolError::Start(_) | PoolError::Kernel(_))));
        drop(taken);
        assert_eq!(pool.call(same, 2).unwrap(), 2, "with the shortage over the same pool works");
        eventually("and is whole again", || pool.workers().len() == 2);
    });
}

#[test]
fn an_answer_that_there_is_no_room_for_is_an_error() {
    apart("an_answer_that_there_is_no_room_for_is_an_error", || {
        let pool = pool(1);
        pool.call(same, 1).unwrap();
        let long = |(line, length): (multiproc_ipc::Connection<(), ()>, usize)| {
            line.recv().unwrap();
            "x".repeat(length)
        };
        let (here, there) = pipe::<(), ()>().unwrap();
        let (line, other_there) = pipe::<(), ()>().unwrap();
        let process = Process::spawn(long, (there, 1 << 20)).unwrap();
        let task = pool.submit(long, (other_there, 1 << 20)).unwrap();
        limit(libc::RLIMIT_NOFILE, 64);
        let mut taken = take_all_descriptors();
        here.send(()).unwrap();
        let error = process.join().map(drop).unwrap_err();
        assert!(matches!(&error, ProcessError::Codec(reason) if reason.contains("ulimit")), "{error}");
        taken.extend(take_all_descriptors()); // what the process held
        line.send(()).unwrap();
        let error = task.join().map(drop).unwrap_err();
        assert!(matches!(&error, TaskError::Codec(reason) if reason.contains("ulimit")), "{error}");
        drop(taken);
        assert_eq!(pool.call(same, 3).unwrap(), 3, "the worker is still in step");
    });
}

#[test]
fn an_argument_that_there_is_no_room_for_is_an_error() {
    apart("an_argument_that_there_is_no_room_for_is_an_error", || {
        let pool = pool(1);
        limit(libc::RLIMIT_FSIZE, 1 << 20);
        // SAFETY: ignoring installs no handler; the limit then is an error instead of a signal.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        let long = "x".repeat(4 << 20);
        assert!(matches!(Process::spawn(|s: String| s.len(), long.clone()), Err(PoolError::Kernel(_))));
        let error = pool.call(|s: String| s.len(), long).unwrap_err();
        assert!(matches!(&error, TaskError::NotSubmitted(PoolError::Kernel(_))), "{error}");
        assert_eq!(pool.call(same, 4).unwrap(), 4);
    });
}

#[test]
fn a_task_that_cripples_its_worker_costs_no_other_task() {
    apart("a_task_that_cripples_its_worker_costs_no_other_task", || {
        let pool = pool(1);
        for n in 0..20 {
            // Without descriptors the worker cannot even wait any more.
            let _ = pool.call(|()| limit(libc::RLIMIT_NOFILE, 0), ());
            for k in 0..3 {
                match pool.call(same, n * 10 + k) {
                    Ok(result) => assert_eq!(result, n * 10 + k, "the answer of another task"),
                    Err(error) => assert!(matches!(error, TaskError::WorkerDied { .. }), "{error}"),
                }
            }
        }
    });
}

#[test]
fn a_request_that_its_worker_has_no_room_for_is_refused() {
    apart("a_request_that_its_worker_has_no_room_for_is_refused", || {
        let pool = pool(1);
        pool.call(|()| limit(libc::RLIMIT_NOFILE, 3), ()).unwrap();
        let reader = std::io::pipe().unwrap().0;
        let fd = multiproc_ipc::Fd::from(std::os::fd::OwnedFd::from(reader));
        let error = pool.call(|fd: multiproc_ipc::Fd| drop(fd), fd).unwrap_err();
        assert!(
            matches!(&error, TaskError::Refused(refusal) if refusal.to_string().contains("ulimit")),
            "{error}"
        );
        assert_eq!(pool.call(same, 8).unwrap(), 8, "the worker goes on, in step");
        assert_eq!(pool.stats().workers_started, 1);
    });
}

#[test]
fn standard_descriptors_may_be_closed() {
    apart("standard_descriptors_may_be_closed", || {
        let pool = pool(1);
        let before = pool.call(|()| std::process::id(), ()).unwrap();
        // SAFETY: a daemon that closes its standard descriptors; nothing in this test uses them afterwards.
        let mut log = unsafe {
            let log = File::from_raw_fd(libc::fcntl(2, libc::F_DUPFD_CLOEXEC, 50));
            (0..3).for_each(|fd| assert_eq!(libc::close(fd), 0));
            log
        };
        kill(before, Signal::SIGKILL).unwrap();
        // The sockets of the new worker must not get the numbers on which tasks print.
        let prints = |n: u64| {
            println!("task {n}");
            eprintln!("task {n}");
            n
        };
        for n in 0..20 {
            let result = pool.call(prints, n);
            if !matches!(result, Ok(m) if m == n) {
                writeln!(log, "task {n}: {result:?}").unwrap();
                std::process::exit(1);
            }
        }
        let result = Process::spawn(prints, 7).unwrap().join();
        std::process::exit(if matches!(result, Ok(7)) { 0 } else { 1 });
    });
}

#[test]
fn signals_are_for_the_threads_of_the_program() {
    apart("signals_are_for_the_threads_of_the_program", || {
        let pool = pool(1);
        pool.call(same, 1).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let waits = thread::spawn(move || {
            // SAFETY: the set is filled before it is used; this thread's mask alone changes.
            unsafe {
                let mut set = std::mem::zeroed();
                libc::sigemptyset(&mut set);
                libc::sigaddset(&mut set, libc::SIGUSR1);
                libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
                tell.send(()).unwrap();
                let mut signal = 0;
                assert_eq!(libc::sigwait(&set, &mut signal), 0);
                signal
            }
        });
        // Every thread of ours has every signal blocked; the harness's own threads are left aside.
        for task in std::fs::read_dir("/proc/self/task").unwrap() {
            let folder = task.unwrap().path();
            let name = std::fs::read_to_string(folder.join("comm")).unwrap();
            if name.starts_with("multiproc") {
                let status = std::fs::read_to_string(folder.join("status")).unwrap();
                let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
                let mask = u64::from_str_radix(blocked, 16).unwrap();
                assert_ne!(mask & (1 << (libc::SIGUSR1 - 1)), 0, "{name} takes signals: {blocked}");
                assert_ne!(mask & (1 << (libc::SIGTERM - 1)), 0, "{name} takes signals: {blocked}");
            }
        }
        told.recv().unwrap();
        // SAFETY: sends a signal to a thread that lives until it has it.
        unsafe {
            libc::pthread_kill(std::os::unix::thread::JoinHandleExt::as_pthread_t(&waits), libc::SIGUSR1)
        };
        assert_eq!(waits.join().unwrap(), libc::SIGUSR1);
    });
}

#[test]
fn programs_of_a_task_can_be_interrupted() {
    apart("programs_of_a_task_can_be_interrupted", || {
        let ignored = |()| {
            let output = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap();
            let status = String::from_utf8(output.stdout).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap().to_string();
            u64::from_str_radix(&mask, 16).unwrap() & (1 << (libc::SIGINT - 1))
        };
        assert_eq!(pool(1).call(ignored, ()).unwrap(), 0);
    });
}

/// The CPUs of the calling thread, as the kernel writes them.
fn cpus(_: ()) -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:\t")).unwrap().to_string()
}

fn pin_to_first_cpu() {
    // SAFETY: the set is initialised; this thread alone is moved.
    unsafe {
        let mut all = std::mem::zeroed::<libc::cpu_set_t>();
        assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut all), 0);
        let first = (0..libc::CPU_SETSIZE as usize).find(|cpu| libc::CPU_ISSET(*cpu, &all)).unwrap();
        let mut one = std::mem::zeroed::<libc::cpu_set_t>();
        libc::CPU_SET(first, &mut one);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one), 0);
    }
}

#[test]
fn children_have_the_cpus_of_the_thread_that_asked() {
    apart("children_have_the_cpus_of_the_thread_that_asked", || {
        let all = cpus(());
        // The first child of the process is made from a pinned thread: the next ones are not pinned for that.
        let pinned = thread::spawn(|| {
            pin_to_first_cpu();
            (cpus(()), Process::spawn(cpus, ()).unwrap().join().unwrap())
        });
        let (thread, process) = pinned.join().unwrap();
        assert_eq!(thread, process);
        let pool = pool(1);
        assert_eq!(pool.call(cpus, ()).unwrap(), all);
        // A replacement has what the pool was made with, whoever makes it.
        pin_to_first_cpu();
        kill(pool.workers()[0].pid, Signal::SIGKILL).unwrap();
        assert_eq!(pool.call(cpus, ()).unwrap(), all);
    });
}

#[test]
fn init_on_another_thread_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    // A plain test of the harness's runs on a thread of its own: a child would run the other tests first.
    let name = "plain_test_that_calls_init";
    let finished = ChildTest::new(name).env("MULTIPROC_PLAIN", "1").run();
    finished.expect_pass();
}

#[::core::prelude::v1::test]
fn plain_test_that_calls_init() {
    multiproc_pool::init();
    // In a run of the whole binary another test's hook may have been passed before, which is as good.
    if std::env::var_os("MULTIPROC_PLAIN").is_some() {
        let error = ProcessPool::new().map(drop).unwrap_err();
        assert!(matches!(error, PoolError::EntryOffMain), "{error}");
        assert!(error.to_string().contains("#[multiproc::test]"), "{error}");
    }
}

#[test]
fn a_panic_is_told_with_its_own_place_or_none() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    pool.call(|()| drop(std::panic::catch_unwind(|| panic!("caught"))), ()).unwrap();
    let error =
        pool.call(|()| std::panic::resume_unwind(Box::new("the reason")), ()).map(|n: ()| n).unwrap_err();
    assert!(
        matches!(&error, TaskError::Panicked(p) if p.message == "the reason" && p.location.is_none()),
        "{error}"
    );
}

#[test]
fn workers_that_die_soon_after_their_start_are_not_fed_without_pause() {
    let _watchdog = Watchdog::with_limit(60);
    let pool = pool(1);
    for _ in 0..4 {
        eventually("a worker is idle", || pool.workers().iter().any(|w| !w.is_busy()));
        let Some(worker) = pool.workers().pop() else { continue };
        kill(worker.pid, Signal::SIGKILL).unwrap();
        eventually("it is gone", || pool.workers().iter().all(|w| w.pid != worker.pid));
    }
    // However often they die unused, a task ends the pauses.
    assert_eq!(pool.call(same, 5).unwrap(), 5);
    assert!(pool.stats().workers_started >= 5);
    assert_eq!(pool.submit(same, 6).unwrap().join_timeout(Duration::from_secs(30)).unwrap().unwrap(), 6);
}
