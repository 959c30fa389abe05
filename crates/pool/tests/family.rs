//! Nothing is left behind, whoever dies: a binary of its own, since it counts what the whole process holds. `unsafe`: forks, and a signal that is ignored.
#![allow(unsafe_code)]

use std::thread;
use std::time::{Duration, Instant};

use multiproc_ipc::{Connection, pipe};
use multiproc_macros::test;
use multiproc_pool::{PoolError, Process, ProcessPool, TaskError};
use multiproc_testkit::fork::no_core_files;
use multiproc_testkit::{ChildTest, Leaks, Signal, Watchdog, eventually, is_child, is_running, kill};

multiproc_testkit::own_shm!();

/// Starts what stays: the thread that makes children.
fn warm_up() {
    no_core_files(); // some workers crash
    Process::spawn(|()| (), ()).unwrap().join().unwrap();
}

fn sleep_for_ever(_: ()) {
    loop {
        thread::park();
    }
}

fn sleep_deaf_to_sigterm(line: Connection<(), ()>) {
    // SAFETY: ignoring a signal installs no handler.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    line.send(()).unwrap();
    sleep_for_ever(());
}

#[test]
fn pools_and_processes_leave_nothing() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::after(warm_up);
    for _ in 0..10 {
        let pool = ProcessPool::builder().workers(3).retries(1).build().unwrap();
        pool.map(|n: u64| n, 0..100).unwrap();
        let _ = pool.call(|()| std::process::abort(), ()).map(|n: ()| n);
        drop(pool.submit(sleep_for_ever, ()).unwrap());
        drop(pool); // busy with one task
        drop(ProcessPool::new().unwrap()); // before its workers have got through their start
        drop(Process::spawn(|()| (), ()).unwrap());
        Process::spawn(|()| std::process::abort(), ()).unwrap().join().map(|n: ()| n).unwrap_err();
    }
    leaks.check();
}

#[test]
fn drop_is_bounded_whatever_a_task_does() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::after(warm_up);
    let pool = ProcessPool::builder().workers(2).build().unwrap();
    let (here, there) = pipe::<(), ()>().unwrap();
    let deaf = pool.submit(sleep_deaf_to_sigterm, there).unwrap();
    here.recv().unwrap();
    let stopped = pool.call(|()| std::process::id(), ()).unwrap();
    kill(stopped, Signal::SIGSTOP).unwrap(); // idle, and cannot see its socket close
    let before = Instant::now();
    drop(pool);
    let took = before.elapsed();
    assert!(matches!(deaf.join(), Err(TaskError::PoolClosed)));
    drop(here);
    leaks.check();
    // No speed is claimed: the bound is the ladder's own, with room for a busy machine.
    assert!(took.as_secs() < 30, "{took:?}");
}

/// The parent, in a process of its own: tells what it has started, and sleeps.
fn parent_with_a_family() {
    let pool = ProcessPool::builder().workers(2).build().unwrap();
    let (here, there) = pipe::<(), u32>().unwrap();
    let busy = |line: Connection<u32, ()>| {
        line.send(std::process::id()).unwrap();
        sleep_for_ever(());
    };
    let _task = pool.submit(busy, there).unwrap();
    let _process = Process::spawn(sleep_for_ever, ()).unwrap();
    let busy = here.recv().unwrap();
    let idle = pool.call(|()| std::process::id(), ()).unwrap();
    println!("\nfamily {busy} {idle} {}", _process.pid());
    sleep_for_ever(());
}

#[test]
fn a_killed_parent_leaves_no_child() {
    if is_child("a_killed_parent_leaves_no_child") {
        parent_with_a_family();
    }
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::after(warm_up);
    let mut parent = ChildTest::new("a_killed_parent_leaves_no_child").spawn();
    let told = parent.told("family ");
    let family: Vec<u32> = told.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(family.len(), 3, "{told}");
    assert!(family.iter().all(|pid| is_running(*pid)));
    parent.signal(Signal::SIGKILL);
    parent.wait();
    eventually("the kernel ends the family", || !family.iter().any(|pid| is_running(*pid)));
    leaks.check();
}

#[test]
fn children_outlive_the_thread_that_asked_for_them() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::after(warm_up);
    // A parent-death signal follows the thread that made the child: were that the asking thread, all would die here.
    let (pool, process, line) = thread::spawn(|| {
        let (here, there) = pipe::<(), u32>().unwrap();
        let process = Process::spawn(
            |line: Connection<u32, ()>| {
                line.recv().unwrap();
                line.send(1).unwrap();
            },
            there,
        );
        (ProcessPool::builder().workers(1).build().unwrap(), process.unwrap(), here)
    })
    .join()
    .unwrap();
    let worker = pool.call(|()| std::process::id(), ()).unwrap();
    line.send(()).unwrap();
    assert_eq!(line.recv().unwrap(), 1);
    process.join().unwrap();
    assert_eq!(pool.call(|()| std::process::id(), ()).unwrap(), worker);
    drop((pool, line));
    leaks.check();
}

#[test]
fn a_fork_of_the_parent_has_no_power_over_the_children() {
    if is_child("a_fork_of_the_parent_has_no_power_over_the_children") {
        fork_with_a_family();
        return;
    }
    let _watchdog = Watchdog::with_limit(60);
    ChildTest::new("a_fork_of_the_parent_has_no_power_over_the_children").run().expect_pass();
}

fn fork_with_a_family() {
    let pool = ProcessPool::builder().workers(1).build().unwrap();
    let process = Process::spawn(sleep_for_ever, ()).unwrap();
    let handle = pool.submit(|()| 7, ()).unwrap();
    let worker = pool.call(|()| std::process::id(), ()).unwrap();
    let (line, there) = pipe::<(), ()>().unwrap();
    let waiting = pool.submit(|line: Connection<(), ()>| line.recv().is_ok(), there).unwrap();
    // SAFETY: the fork touches the handles, which is the test, and allocates, which glibc allows; then it leaves.
    let fork = unsafe { libc::fork() };
    if fork == 0 {
        let inert = matches!(pool.submit(|()| 1, ()), Err(PoolError::Forked))
            && pool.call(|()| 1, ()).is_err()
            && pool.workers().is_empty()
            && process.kill().is_err()
            && process.exit_status().is_none()
            && matches!(
                waiting.join_timeout(Duration::from_secs(9)),
                Ok(Err(TaskError::NotSubmitted(PoolError::Forked)))
            )
            && matches!(handle.join(), Err(TaskError::NotSubmitted(PoolError::Forked)));
        pool.close();
        drop((pool, process));
        // SAFETY: ends the fork at once.
        unsafe { libc::_exit(if inert { 0 } else { 1 }) }
    }
    let status = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(fork), None).unwrap();
    assert!(matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)), "{status:?}");
    line.send(()).unwrap();
    assert!(waiting.join().unwrap(), "the answer is the parent's");
    assert_eq!(pool.call(|()| std::process::id(), ()).unwrap(), worker, "the worker was not touched");
    assert!(process.is_alive());
    assert_eq!(handle.join().unwrap(), 7);
    process.kill().unwrap();
}
