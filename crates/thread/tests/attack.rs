//! What a program can do wrong with threads: nothing hangs, nothing leaks, nobody else is taken down.
#![allow(clippy::disallowed_types)] // what a test counts

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;

use multiproc_testkit::{ChildTest, Watchdog, eventually, is_child};
use multiproc_thread::{
    JoinError, Local, NameError, Panic, StartError, Thread, ThreadRef, current, enumerate, join_all,
};

/// Panics when it is dropped, in whatever thread.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

/// Without a word on the standard error.
fn quiet<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Thread<T> {
    Thread::builder().on_panic(|_| ()).spawn(f).unwrap()
}

fn panic_of<T>(result: Result<T, JoinError>) -> Panic {
    match result {
        Err(JoinError::Panicked(panic)) => panic,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it has returned"),
    }
}

#[test]
fn a_leaked_handle_keeps_nobody_alive() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::spawn(|| ()).unwrap();
    let reference = thread.thread().clone();
    std::mem::forget(thread);
    reference.wait().unwrap();
    assert!(!enumerate().contains(&reference));
}

#[test]
fn a_handle_dropped_unstarted_drops_its_function_unrun() {
    let dropped = Arc::new(());
    let theirs = dropped.clone();
    let thread = Thread::new(move || unreachable!("never started: {theirs:?}"));
    let thread: Thread<()> = thread;
    let reference = thread.thread().clone();
    drop(thread);
    assert_eq!(Arc::strong_count(&dropped), 1);
    assert!(!reference.is_alive() && !reference.is_finished());
}

#[test]
fn a_dropped_handle_drops_the_result_in_the_thread() {
    struct Told(mpsc::Sender<ThreadRef>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send(current()).unwrap();
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    let ((tell, told), (go, gone)) = (mpsc::channel(), mpsc::channel::<()>());
    let thread = Thread::spawn(move || {
        gone.recv().unwrap_err();
        Told(tell)
    });
    let reference = thread.unwrap().thread().clone();
    drop(go);
    assert_eq!(told.recv().unwrap(), reference);
}

#[test]
fn a_handle_is_joined_by_another_thread() {
    let _watchdog = Watchdog::with_limit(60);
    let first = Thread::spawn(|| 1).unwrap();
    let second = Thread::spawn(move || first.join().unwrap() + 1).unwrap();
    assert_eq!(second.join().unwrap(), 2);
}

#[test]
fn references_outlive_the_thread() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::builder().name("gone").daemon(true).spawn(|| ()).unwrap();
    let reference = thread.thread().clone();
    thread.join().unwrap();
    let copies: Vec<_> = (0..100).map(|_| reference.clone()).collect();
    for copy in copies {
        assert_eq!((copy.name().as_str(), copy.is_daemon(), copy.is_finished()), ("gone", true, true));
        assert_eq!(copy.wait(), Ok(()));
        assert!(copy.native_id().is_some());
        copy.cancel();
    }
}

#[test]
fn a_name_with_a_nul_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let refused = Thread::builder().name("a\0b").spawn(|| ());
    let Err(StartError::Name(NameError { name, at, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!((name.as_str(), at), ("a\0b", 1));
    let prepared = Thread::builder().name("a\0b").prepare(|| 1);
    assert!(matches!(prepared.start(), Err(StartError::Name(_))));
    assert!(prepared.set_name("a\0c").is_err());
    prepared.set_name("ab").unwrap();
    prepared.start().unwrap(); // again, with another name
    assert_eq!(prepared.join().unwrap(), 1);
}

#[test]
fn any_other_name_is_kept_whole_here_and_cut_between_characters_there() {
    let _watchdog = Watchdog::with_limit(60);
    let long = "x".repeat(100_000);
    for (name, kept) in [
        ("ääääääää", "äääääää"),
        ("🦀🦀🦀🦀", "🦀🦀🦀"),
        ("", ""),
        ("a b\nc", "a b\nc"),
        (&long, &long[..15]),
    ] {
        let (looked, has_looked) = std::sync::mpsc::channel();
        let thread = Thread::builder().name(name);
        let thread = thread.spawn(move || {
            has_looked.recv().unwrap();
            let comm = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
            let first = comm();
            let name = current().name();
            current().set_name("other").unwrap();
            current().set_name(name).unwrap();
            (first, comm())
        });
        let thread = thread.unwrap();
        assert_eq!(thread.name(), name);
        looked.send(()).unwrap();
        assert_eq!(thread.join().unwrap(), (format!("{kept}\n"), format!("{kept}\n")));
    }
}

/// Of the result, of the payload, of the function's captures and of the hook's: joined, dropped and left alone.
#[test]
fn drops_that_panic_take_nobody_down() {
    let _watchdog = Watchdog::with_limit(60);
    // Nobody takes the result: it is dropped in the thread.
    let thread = quiet(|| Bomb);
    let reference = thread.thread().clone();
    drop(thread);
    reference.wait().unwrap();
    // Nobody takes the payload.
    let thread = quiet(|| std::panic::panic_any(Bomb));
    let reference = thread.thread().clone();
    drop(thread);
    reference.wait().unwrap();
    // Who has joined drops it.
    let panic = panic_of(quiet(|| std::panic::panic_any(Bomb)).join());
    assert_eq!(panic.message(), "(the payload is no text)");
    drop(panic);
    // A capture makes the thread panic.
    let bomb = Bomb;
    let panic = panic_of(quiet(move || drop(bomb)).join());
    assert_eq!(panic.message(), "in a drop");
    // A hook that is not called.
    let bomb = Bomb;
    let hook = move |_: &Panic| std::mem::forget(bomb);
    assert_eq!(Thread::builder().on_panic(hook).spawn(|| 1).unwrap().join().unwrap(), 1);
}

#[test]
fn a_panic_in_the_hook_leaves_the_first() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::builder().on_panic(|_| panic!("in the hook")).spawn(|| panic!("first"));
    let panic = panic_of(thread.unwrap().join().map(|never: ()| never));
    assert_eq!(panic.message(), "first");
}

/// While the starter unwinds, std's hook cannot be changed: the thread starts all the same.
#[test]
fn a_thread_is_started_in_a_panic() {
    struct Starts(mpsc::Sender<u32>);
    impl Drop for Starts {
        fn drop(&mut self) {
            let thread = Thread::spawn(|| 5).unwrap();
            self.0.send(thread.join().unwrap()).unwrap();
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel();
    let panic = panic_of(
        quiet(move || {
            let _starts = Starts(tell);
            panic!("unwinds");
        })
        .join()
        .map(|never: ()| never),
    );
    assert_eq!((panic.message(), told.recv().unwrap()), ("unwinds", 5));
}

/// Also of threads that this crate has not started, whose records may be gone by then.
#[test]
fn destructors_of_thread_locals_do_anything() {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    static LOCAL: Local<u32> = Local::new(|| 7);
    struct Does(RefCell<Option<ThreadRef>>);
    impl Drop for Does {
        fn drop(&mut self) {
            let me = current();
            assert_eq!(Some(&me), self.0.borrow().as_ref());
            assert_eq!(*LOCAL.get(), 7);
            LOCAL.set(8);
            let child = Thread::spawn(|| LOCAL.with(|n| *n)).unwrap();
            SEEN.fetch_add(child.join().unwrap(), SeqCst);
            assert!(!enumerate().is_empty());
            let _ = me.set_name("late");
        }
    }
    thread_local!(static DOES: Does = const { Does(RefCell::new(None)) });
    let _watchdog = Watchdog::with_limit(60);
    // Made after the thread's record, and so dropped before it.
    Thread::spawn(|| DOES.with(|does| does.0.replace(Some(current()))).is_some()).unwrap().join().unwrap();
    assert_eq!(SEEN.load(SeqCst), 7);
    // Made before it.
    let foreign = || {
        DOES.with(|does| {
            let me = current();
            does.0.replace(Some(me)).is_some()
        })
    };
    std::thread::spawn(foreign).join().unwrap();
    assert_eq!(SEEN.load(SeqCst), 14);
}

#[test]
fn thousands_of_threads_leave_nothing_behind() {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let _watchdog = Watchdog::with_limit(120);
    let tasks = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let mut last = None;
    for round in 0..50 {
        let threads: Vec<_> =
            (0..50).map(|n| Thread::spawn(move || RUN.fetch_add(n, SeqCst)).unwrap()).collect();
        let references: Vec<_> = threads.iter().map(|thread| thread.thread().clone()).collect();
        if round % 2 == 0 {
            assert!(join_all(threads).iter().all(Result::is_ok));
        } else {
            drop(threads);
            references.iter().for_each(|reference| reference.wait().unwrap());
        }
        let listed = enumerate();
        assert!(references.iter().all(|reference| !listed.contains(reference)));
        last = references.last().cloned();
    }
    assert_eq!(RUN.load(SeqCst), 50 * (0..50).sum::<u64>());
    assert!(last.is_some_and(|last| last.is_finished()));
    eventually("the system's threads are gone, too", || tasks() < 50); // those of other tests are there
}

#[test]
fn a_stack_that_is_not_to_be_had_is_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    for bytes in [1 << 46, usize::MAX >> 1, usize::MAX] {
        let refused = Thread::builder().stack_size(bytes).spawn(|| ());
        assert!(matches!(refused, Err(StartError::System(_))), "{refused:?}");
        let prepared = Thread::builder().stack_size(bytes).prepare(|| ());
        for _ in 0..2 {
            assert!(matches!(prepared.start(), Err(StartError::System(_)))); // it may be tried again
        }
        assert!(!prepared.is_alive() && !enumerate().contains(prepared.thread()));
        assert!(matches!(prepared.join(), Err(JoinError::NotStarted)));
    }
}

#[test]
fn an_empty_name_comes_to_the_kernel_too() {
    let _watchdog = Watchdog::with_limit(60);
    let (stop, stopped) = mpsc::channel::<()>();
    let thread = Thread::builder().name("before").spawn(move || stopped.recv().is_err()).unwrap();
    let comm = format!("/proc/self/task/{}/comm", thread.native_id().unwrap());
    thread.set_name("").unwrap();
    assert_eq!((thread.name().as_str(), std::fs::read_to_string(comm).unwrap().as_str()), ("", "\n"));
    drop(stop);
    thread.join().unwrap();
}

/// A hook of the thread's own keeps its panics from the process's, but not one that ends the process before it is called.
#[test]
fn a_panic_that_nobody_catches_is_told_though_the_thread_has_a_hook() {
    struct Second;
    impl Drop for Second {
        fn drop(&mut self) {
            panic!("second, in a destructor");
        }
    }
    let test = "a_panic_that_nobody_catches_is_told_though_the_thread_has_a_hook";
    if is_child(test) {
        let _watchdog = Watchdog::with_limit(60);
        let builder = Thread::builder().name("quiet").on_panic(|_| ());
        let thread = builder.spawn(|| {
            let _second = Second;
            panic!("first");
        });
        let _: Result<(), _> = thread.unwrap().join();
        std::process::exit(0);
    }
    let ended = ChildTest::new(test).run();
    assert!(!ended.status.success());
    for told in ["first", "second, in a destructor", "panic in a destructor during cleanup", "attack.rs:"] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
}
