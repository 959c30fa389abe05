//! The end of a program, as Python's `threading` has it: threads that are no daemons are waited for. Each in a process of its own.
//! `unsafe`: C's functions for the exit, which look before and after.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what a test counts

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;

use multiproc_sync::interrupt::masked;
use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::{ChildTest, FinishedTest, Watchdog, eventually, is_child};
use multiproc_thread::{JoinError, Local, Thread, current, enumerate, join_at_exit, main, scope_main};

/// The process exits.
static EXITS: AtomicBool = AtomicBool::new(false);
static DONE: AtomicU32 = AtomicU32::new(0);

/// All other threads sleep: none is in the middle of its start, in which it has a lock of the standard library's.
fn calm() {
    let me = std::fs::read_link("/proc/thread-self").unwrap();
    let others_sleep = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let mut others = tasks.filter(|task| task.file_name() != me.file_name());
        others.all(|task| std::fs::read_to_string(task.join("stat")).is_ok_and(|stat| stat.contains(") S ")))
    };
    eventually("all other threads sleep", others_sleep);
}

/// `main` of a child, which exits.
fn in_child(test: &str, main: impl FnOnce()) -> Option<FinishedTest> {
    if is_child(test) {
        let _watchdog = Watchdog::with_limit(60);
        main();
        process::exit(0);
    }
    Some(ChildTest::new(test).run())
}

/// Exits with as many as are done when all that C does at the exit is over, or with 99 if that are none.
extern "C" fn tell() {
    let code = match DONE.load(SeqCst) {
        0 => 99,
        done => i32::try_from(done).unwrap_or(98),
    };
    // SAFETY: ends the process at once.
    unsafe { libc::_exit(code) };
}

extern "C" fn exits() {
    EXITS.store(true, SeqCst);
}

/// Joins at the exit, which tells the threads that it has begun, and ends with the number of those that were done then.
fn join_and_tell() {
    // SAFETY: two functions that do not unwind.
    unsafe {
        assert_eq!(libc::atexit(tell), 0); // the last
        join_at_exit().unwrap();
        join_at_exit().unwrap(); // again: nothing more
        assert_eq!(libc::atexit(exits), 0); // the first
    }
}

fn wait_for_exit() {
    eventually("the process exits", || EXITS.load(SeqCst));
}

#[test]
fn an_exit_waits_for_threads_that_are_no_daemons() {
    let ended = in_child("an_exit_waits_for_threads_that_are_no_daemons", || {
        join_and_tell();
        for _ in 0..2 {
            let thread = Thread::spawn(|| {
                wait_for_exit();
                // Begun while the process waits.
                Thread::spawn(|| DONE.fetch_add(1, SeqCst)).unwrap();
                DONE.fetch_add(1, SeqCst);
            });
            drop(thread.unwrap());
        }
    });
    assert_eq!(ended.unwrap().status.code(), Some(4));
}

#[test]
fn an_exit_waits_for_thread_locals() {
    struct Flush;
    impl Drop for Flush {
        fn drop(&mut self) {
            wait_for_exit();
            assert!(current().name().starts_with("Thread-"));
            DONE.fetch_add(1, SeqCst);
        }
    }
    thread_local!(static FLUSH: Flush = const { Flush });
    static LOCAL: Local<Flush> = Local::new(|| Flush);
    let ended = in_child("an_exit_waits_for_thread_locals", || {
        join_and_tell();
        drop(Thread::spawn(|| LOCAL.with(|_| FLUSH.with(|_| ()))).unwrap());
    });
    assert_eq!(ended.unwrap().status.code(), Some(2));
}

#[test]
fn an_exit_goes_on_without_daemons() {
    let ended = in_child("an_exit_goes_on_without_daemons", || {
        join_and_tell();
        let daemon = Thread::builder().daemon(true);
        let (never, told) = mpsc::channel::<()>();
        drop(daemon.spawn(move || told.recv()).unwrap());
        std::mem::forget(never);
        std::thread::spawn(std::thread::park); // not of this crate, and no more waited for
        DONE.store(7, SeqCst);
    });
    assert_eq!(ended.unwrap().status.code(), Some(7));
}

/// Which is waited for otherwise.
#[test]
fn the_thread_that_exits_does_not_wait_for_itself() {
    let ended = in_child("the_thread_that_exits_does_not_wait_for_itself", || {
        join_and_tell();
        drop(Thread::spawn(|| {
            wait_for_exit();
            DONE.fetch_add(1, SeqCst);
        }));
        let thread = Thread::spawn(|| {
            let _local = Local::new(|| 1).get();
            process::exit(0)
        });
        thread.unwrap().join().unwrap();
    });
    assert_eq!(ended.unwrap().status.code(), Some(1));
}

/// It never returns, and waits for those who wait for that.
#[test]
fn the_thread_that_exits_is_not_waited_for_by_others() {
    let ended = in_child("the_thread_that_exits_is_not_waited_for_by_others", || {
        join_and_tell();
        let (exit, told) = mpsc::channel::<()>();
        let thread = Thread::spawn(move || {
            told.recv().unwrap_err();
            process::exit(0)
        });
        let joined: Thread<()> = thread.unwrap();
        let exiting = joined.thread().clone();
        for wait in 0..3 {
            let exiting = exiting.clone();
            drop(Thread::spawn(move || {
                match wait {
                    0 => exiting.wait().unwrap(),
                    1 => eventually("it counts as ended", || exiting.is_finished()),
                    _ => eventually("it is listed no longer", || !enumerate().contains(&exiting)),
                }
                DONE.fetch_add(1, SeqCst);
            }));
        }
        drop(Thread::spawn(move || {
            assert!(matches!(joined.join(), Err(JoinError::Exited)));
            DONE.fetch_add(1, SeqCst);
        }));
        drop(exit);
        std::thread::park_timeout(std::time::Duration::from_secs(60));
    });
    assert_eq!(ended.unwrap().status.code(), Some(4));
}

/// In which it hears of no interruption.
#[test]
fn a_masked_join_hears_of_the_exit() {
    let ended = in_child("a_masked_join_hears_of_the_exit", || {
        join_and_tell();
        let (exit, told) = mpsc::channel::<()>();
        let thread = Thread::spawn(move || {
            told.recv().unwrap_err();
            process::exit(0)
        });
        let joined: Thread<()> = thread.unwrap();
        drop(Thread::spawn(move || {
            drop(exit);
            assert!(matches!(masked(|| joined.join()), Err(JoinError::Exited)));
            DONE.fetch_add(1, SeqCst);
        }));
        std::thread::park_timeout(std::time::Duration::from_secs(60));
    });
    assert_eq!(ended.unwrap().status.code(), Some(1));
}

/// Also if it has never asked who it is. In a fork the one that forked is the main one.
#[test]
fn the_main_thread_has_ended_when_it_exits() {
    let ended = in_child("the_main_thread_has_ended_when_it_exits", || {
        join_and_tell();
        for asks in [false, true] {
            let status = reap(fork(|| {
                if asks {
                    current();
                }
                join_at_exit().unwrap();
                let waits: [fn(); 2] = [
                    || main().wait().unwrap(),
                    || eventually("the main thread has ended", || !main().is_alive()),
                ];
                for wait in waits {
                    drop(Thread::spawn(move || {
                        wait();
                        DONE.fetch_add(1, SeqCst);
                    }));
                }
                process::exit(0)
            }));
            assert_eq!(libc::WEXITSTATUS(status), 2);
        }
    });
    assert_eq!(ended.unwrap().status.code(), Some(99));
}

#[test]
fn a_fork_does_not_wait_for_its_parents_threads() {
    let ended = in_child("a_fork_does_not_wait_for_its_parents_threads", || {
        join_and_tell();
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = Thread::spawn(move || stopped.recv().unwrap_err()).unwrap();
        calm();
        assert_eq!(libc::WEXITSTATUS(reap(fork(|| process::exit(0)))), 99);
        // Also if it is to wait for its own.
        let status = reap(fork(|| {
            join_at_exit().unwrap();
            drop(Thread::spawn(|| {
                wait_for_exit();
                DONE.fetch_add(5, SeqCst);
            }));
            process::exit(0)
        }));
        assert_eq!(libc::WEXITSTATUS(status), 5);
        drop(stop);
        thread.join().unwrap();
    });
    assert_eq!(ended.unwrap().status.code(), Some(99));
}

/// Shows that the others can fail.
#[test]
fn without_it_an_exit_waits_for_nobody() {
    let ended = in_child("without_it_an_exit_waits_for_nobody", || {
        // SAFETY: functions that do not unwind.
        unsafe { assert_eq!((libc::atexit(tell), libc::atexit(exits)), (0, 0)) };
        let (never, told) = mpsc::channel::<()>();
        std::mem::forget(never);
        drop(Thread::spawn(move || told.recv()));
    });
    assert_eq!(ended.unwrap().status.code(), Some(99));
}

#[test]
fn scope_main_waits_for_those_begun_meanwhile() {
    let ended = in_child("scope_main_waits_for_those_begun_meanwhile", || {
        let result = scope_main(|| {
            for _ in 0..20 {
                drop(Thread::spawn(|| {
                    DONE.fetch_add(1, SeqCst);
                    drop(Thread::spawn(|| DONE.fetch_add(1, SeqCst)));
                }));
            }
            "given back"
        });
        assert_eq!(result, "given back");
        assert_eq!(DONE.load(SeqCst), 40);
        process::exit(40);
    });
    assert_eq!(ended.unwrap().status.code(), Some(40));
}

#[test]
fn scope_main_waits_after_a_panic_too() {
    let ended = in_child("scope_main_waits_after_a_panic_too", || {
        let (go, gone) = mpsc::channel::<()>();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scope_main(|| {
                drop(Thread::spawn(move || {
                    gone.recv().unwrap_err();
                    DONE.fetch_add(1, SeqCst);
                }));
                let _go = go; // dropped in the panic
                panic!("in the scope");
            })
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"in the scope"));
        process::exit(DONE.load(SeqCst).cast_signed());
    });
    assert_eq!(ended.unwrap().status.code(), Some(1));
}

/// Two threads that would wait for each other.
#[test]
fn scopes_in_threads_do_not_wait_for_each_other() {
    let ended = in_child("scopes_in_threads_do_not_wait_for_each_other", || {
        let line = Arc::new(std::sync::Barrier::new(2));
        let threads = [(); 2].map(|()| {
            let line = line.clone();
            Thread::spawn(move || scope_main(|| line.wait().is_leader())).unwrap()
        });
        let leaders = threads.map(|thread| u8::from(thread.join().unwrap()));
        process::exit(i32::from(leaders[0] + leaders[1]));
    });
    assert_eq!(ended.unwrap().status.code(), Some(1));
}
