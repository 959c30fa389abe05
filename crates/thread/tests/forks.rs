//! Forks of a process with threads: the child has one thread, and no handle of its parent's hangs there.
#![allow(clippy::disallowed_types)] // what a test counts

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::{ChildTest, Watchdog, eventually, is_child};
use multiproc_thread::{
    EndError, JoinError, Local, StartError, Thread, active_count, current, enumerate, join_all, main,
    scope_main,
};

/// In a process of its own: nothing of other tests is in the middle of anything.
fn alone(test: &str, body: impl FnOnce()) {
    if is_child(test) {
        let _watchdog = Watchdog::with_limit(60);
        return body();
    }
    ChildTest::new(test).run().expect_pass();
}

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

#[test]
fn the_one_that_forks_is_the_main_thread_of_the_child() {
    alone("the_one_that_forks_is_the_main_thread_of_the_child", || {
        let thread = Thread::builder().name("forks").spawn(|| {
            let before = current();
            reap(fork(|| {
                assert_eq!(main().wait(), Err(EndError::Oneself)); // before it has asked who it is
                let me = current();
                assert_eq!((me.name().as_str(), me.is_daemon(), me.is_alive()), ("forks", false, true));
                assert_eq!(me, main());
                assert_ne!(me, before);
                assert_eq!(me.native_id(), Some(std::process::id()));
                assert_eq!(enumerate(), [me]);
                assert_eq!(before.name(), "forks");
                assert!(!before.is_alive());
            }))
        });
        assert_eq!(thread.unwrap().join().unwrap(), 0);
    });
}

#[test]
fn threads_of_the_parent_are_not_alive_in_the_child() {
    alone("threads_of_the_parent_are_not_alive_in_the_child", || {
        let (stop, stopped) = mpsc::channel::<()>();
        let threads = [(); 4].map(|()| ());
        let stopped = Arc::new(std::sync::Mutex::new(stopped));
        let mut threads = threads.map(|()| {
            let stopped = stopped.clone();
            Some(Thread::spawn(move || stopped.lock().unwrap().recv().is_err()).unwrap())
        });
        let mut prepared = Some(Thread::new(|| ()));
        calm();
        let status = reap(fork(|| {
            let [first, second, third, _left] = threads.each_mut().map(|thread| thread.take().unwrap());
            assert!(!first.is_alive() && first.is_finished());
            assert_eq!(first.wait(), Err(EndError::Forked));
            assert_eq!(first.wait_timeout(Duration::from_secs(60)), Err(EndError::Forked));
            assert!(matches!(first.join(), Err(JoinError::Forked)));
            assert!(matches!(second.join_timeout(Duration::from_secs(60)), Ok(Err(JoinError::Forked))));
            third.set_name("ours alone").unwrap();
            assert_eq!(third.name(), "ours alone");
            third.cancel();
            drop(third);
            assert!(matches!(prepared.take().unwrap().start(), Err(StartError::Forked)));
            assert_eq!(active_count(), 1);
            scope_main(|| ());
            // It has threads of its own, whose stacks may be those of the parent's.
            let own = (0..8).map(|n| Thread::spawn(move || n).unwrap()).collect::<Vec<_>>();
            assert!(join_all(own).into_iter().map(Result::unwrap).eq(0..8));
        }));
        assert_eq!(status, 0);
        assert!(threads.iter().flatten().all(|thread| thread.is_alive()));
        drop(stop);
        assert!(join_all(threads.into_iter().flatten()).into_iter().all(|ended| ended.unwrap()));
    });
}

#[test]
fn values_of_the_thread_that_forks_are_copied() {
    alone("values_of_the_thread_that_forks_are_copied", || {
        static LOCAL: Local<u32> = Local::new(|| 1);
        LOCAL.set(2);
        calm();
        let status = reap(fork(|| {
            assert_eq!(*LOCAL.get(), 2);
            assert_eq!(Thread::spawn(|| *LOCAL.get()).unwrap().join().unwrap(), 1);
        }));
        assert_eq!(status, 0);
    });
}

/// Forks while others are in the middle of everything that is locked.
#[test]
fn a_fork_in_the_midst_of_others_hangs_nowhere() {
    alone("a_fork_in_the_midst_of_others_hangs_nowhere", || {
        let over = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Thread::spawn(|| ()).unwrap());
        let busy = [(); 3].map(|()| {
            let (over, shared) = (over.clone(), shared.clone());
            Thread::spawn(move || {
                while !over.load(SeqCst) {
                    shared.set_name("busy").unwrap();
                    current().set_name("busier").unwrap();
                    let child = Thread::new(|| *Local::new(|| 1).get() + 1);
                    child.start().unwrap();
                    assert_eq!(child.join().unwrap(), 2);
                    drop(enumerate());
                }
            })
            .unwrap()
        });
        for _ in 0..100 {
            let status = reap(fork(|| {
                assert!(busy.iter().all(|thread| !thread.is_alive()));
                assert!(busy.iter().all(|thread| !thread.name().is_empty()));
                assert!(!shared.name().is_empty());
                shared.set_name("ours").unwrap();
                assert_eq!(enumerate(), [main()]);
                scope_main(|| ());
                // Starts none: the standard library has a lock at each start, which may be held for ever here.
            }));
            assert_eq!(status, 0);
        }
        over.store(true, SeqCst);
        assert!(join_all(busy).iter().all(Result::is_ok));
    });
}
