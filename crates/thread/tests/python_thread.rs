//! What Python's `threading.Thread` promises, and the functions beside it, line by line.
#![allow(clippy::disallowed_types)] // what a test counts

use std::collections::HashSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use multiproc_testkit::Watchdog;
use multiproc_thread::{
    EndError, JoinError, Local, StartError, Thread, Worker, active_count, current, enumerate, join_all, main,
};

/// A thread that is alive until the sender is dropped.
fn alive() -> (Thread<()>, Sender<()>) {
    let (stop, stopped) = mpsc::channel();
    (Thread::spawn(move || wait(&stopped)).unwrap(), stop)
}

fn wait(stopped: &Receiver<()>) {
    stopped.recv().unwrap_err();
}

fn download() {}

#[test]
fn the_default_name_is_a_number_and_the_function() {
    let _watchdog = Watchdog::with_limit(60);
    let threads = [Thread::spawn(download).unwrap(), Thread::new(download)];
    let numbers = threads.each_ref().map(|thread| {
        let name = thread.name();
        let number = name.strip_prefix("Thread-").and_then(|rest| rest.strip_suffix(" (download)"));
        number.unwrap_or_else(|| panic!("{name}")).parse::<u64>().unwrap()
    });
    assert!(numbers[0] < numbers[1]);
    let [started, _] = threads;
    started.join().unwrap();
}

/// Also to the kernel, as `ps -T` shows it.
#[test]
fn the_name_can_be_given_and_changed() {
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel::<()>();
    let comm = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let thread = Thread::builder().name("first").spawn(move || {
        let before = comm();
        told.recv().unwrap_err();
        (before, comm(), current().name())
    });
    let thread = thread.unwrap();
    assert_eq!(thread.name(), "first");
    thread.native_id().unwrap(); // it runs
    thread.set_name("second").unwrap();
    drop(tell);
    let reference = thread.thread().clone();
    let (before, after, name) = thread.join().unwrap();
    assert!(before == "first\n" || before == "second\n", "{before}");
    assert_eq!((after.as_str(), name.as_str()), ("second\n", "second"));
    reference.set_name("third").unwrap(); // it has ended: nobody else's name is changed
    assert_eq!(reference.name(), "third");
}

#[test]
fn a_name_that_was_changed_before_the_start_is_the_threads() {
    let _watchdog = Watchdog::with_limit(60);
    let comm = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
    let thread = Thread::new(move || (comm(), std::thread::current().name().map(str::to_owned)));
    thread.set_name("later").unwrap();
    thread.start().unwrap();
    assert_eq!(thread.join().unwrap(), ("later\n".to_owned(), Some("later".to_owned())));
}

#[test]
fn daemon_is_inherited_from_the_creating_thread() {
    let _watchdog = Watchdog::with_limit(60);
    let child_of = |daemon: bool| {
        let thread = Thread::builder().daemon(daemon);
        let thread = thread.spawn(|| [Thread::new(|| ()).is_daemon(), current().is_daemon()]).unwrap();
        assert_eq!(thread.is_daemon(), daemon);
        thread.join().unwrap()
    };
    assert_eq!(child_of(false), [false; 2]);
    assert_eq!(child_of(true), [true; 2]);
    let overruled = Thread::builder().daemon(true).spawn(|| Thread::builder().daemon(false).prepare(|| ()));
    assert!(!overruled.unwrap().join().unwrap().is_daemon());
    assert!(!main().is_daemon());
}

#[test]
fn to_start_twice_is_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::new(|| 1);
    thread.start().unwrap();
    assert!(matches!(thread.start(), Err(StartError::AlreadyStarted)));
    let reference = thread.thread().clone();
    reference.wait().unwrap();
    assert!(matches!(thread.start(), Err(StartError::AlreadyStarted)));
    assert_eq!(thread.join().unwrap(), 1);
    let spawned = Thread::spawn(|| 2).unwrap();
    assert!(matches!(spawned.start(), Err(StartError::AlreadyStarted)));
    assert_eq!(spawned.join().unwrap(), 2);
}

#[test]
fn of_several_who_start_it_at_once_one_does() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..100 {
        let (thread, line) = (Arc::new(Thread::new(|| 3)), Arc::new(Barrier::new(3)));
        let starters = [(); 3].map(|()| {
            let (thread, line) = (thread.clone(), line.clone());
            Thread::spawn(move || {
                line.wait();
                thread.start().is_ok()
            })
            .unwrap()
        });
        let started = join_all(starters).into_iter().filter(|started| *started.as_ref().unwrap()).count();
        assert_eq!(started, 1);
        assert_eq!(Arc::into_inner(thread).unwrap().join().unwrap(), 3);
    }
}

#[test]
fn to_join_before_the_start_is_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::new(|| ());
    assert_eq!(thread.wait(), Err(EndError::NotStarted));
    assert_eq!(thread.try_wait(), Err(EndError::NotStarted));
    assert_eq!(thread.wait_timeout(Duration::from_secs(60)), Err(EndError::NotStarted));
    assert!(!thread.is_alive() && !thread.is_finished());
    assert!(matches!(thread.join(), Err(JoinError::NotStarted)));
    assert!(matches!(Thread::new(|| ()).try_join(), Ok(Err(JoinError::NotStarted))));
}

#[test]
fn to_join_oneself_is_an_error() {
    let _watchdog = Watchdog::with_limit(60);
    let (give, given) = mpsc::channel::<Thread<()>>();
    let (tell, told) = mpsc::channel();
    let thread = Thread::spawn(move || {
        let me = given.recv().unwrap();
        assert_eq!(me.wait(), Err(EndError::Oneself));
        assert_eq!(current().wait_timeout(Duration::from_secs(60)), Err(EndError::Oneself));
        tell.send(matches!(me.join(), Err(JoinError::Oneself))).unwrap();
    });
    let thread = thread.unwrap();
    let reference = thread.thread().clone();
    give.send(thread).unwrap();
    assert!(told.recv().unwrap());
    reference.wait().unwrap();
}

#[test]
fn after_a_join_with_a_time_is_alive_tells_how_it_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let (thread, stop) = alive();
    let thread = thread.join_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(thread.is_alive() && !thread.is_finished());
    let thread = thread.try_join().unwrap_err();
    assert_eq!(thread.try_wait(), Err(EndError::TimedOut));
    assert_eq!(thread.wait_timeout(Duration::from_millis(1)), Err(EndError::TimedOut));
    drop(stop);
    let reference = thread.thread().clone();
    thread.join_timeout(Duration::MAX).unwrap().unwrap();
    assert!(!reference.is_alive() && reference.is_finished());
    assert_eq!(reference.wait(), Ok(())); // as often as one likes
}

#[test]
fn excepthook_hears_of_the_panic_in_the_place_of_the_process() {
    let _watchdog = Watchdog::with_limit(60);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let theirs = heard.clone();
    let builder = Thread::builder().name("loud").on_panic(move |panic| {
        assert_eq!(current().name(), "loud");
        theirs.lock().unwrap().push((panic.message().to_owned(), panic.thread().to_owned()));
    });
    let thread = builder.spawn(|| -> u8 { panic!("number {}", 7) }).unwrap();
    assert!(matches!(thread.join(), Err(JoinError::Panicked(_))));
    assert_eq!(*heard.lock().unwrap(), [("number 7".to_owned(), "loud".to_owned())]);
    let content = Thread::builder().on_panic(|_| unreachable!("it has not panicked")).spawn(|| 1).unwrap();
    assert_eq!(content.join().unwrap(), 1);
}

#[test]
fn ident_and_native_id() {
    let _watchdog = Watchdog::with_limit(60);
    let prepared = Thread::new(|| (current().ident(), std::fs::read_link("/proc/thread-self").unwrap()));
    let ident = prepared.ident();
    assert_eq!(prepared.native_id(), None);
    prepared.start().unwrap();
    let native = prepared.native_id().unwrap();
    let reference = prepared.thread().clone();
    let (inside, path) = prepared.join().unwrap();
    assert_eq!(inside, ident);
    assert_eq!(path.file_name().unwrap().to_str().unwrap(), native.to_string());
    assert_eq!(reference.native_id(), Some(native));
    let idents: HashSet<_> =
        (0..100).map(|_| Thread::spawn(|| current().ident()).unwrap().join().unwrap()).collect();
    assert_eq!(idents.len(), 100); // never reused, though the system's numbers are
}

#[test]
fn enumerate_and_active_count_are_of_those_alive() {
    let _watchdog = Watchdog::with_limit(60);
    let prepared = Thread::new(|| ());
    let (thread, stop) = alive();
    let me = current();
    let listed = enumerate();
    for there in [&main(), &me, thread.thread()] {
        assert!(listed.contains(there) && there.is_alive(), "{there:?}");
    }
    assert!(!listed.contains(prepared.thread()));
    assert!(active_count() >= 3); // other tests have theirs
    let reference = thread.thread().clone();
    drop(stop);
    thread.join().unwrap();
    assert!(!enumerate().contains(&reference));
}

#[test]
fn current_is_the_same_in_the_thread_and_for_others() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::spawn(current).unwrap();
    let reference = thread.thread().clone();
    let inside = thread.join().unwrap();
    assert_eq!(inside, reference);
    assert_ne!(inside, current());
    assert_eq!(current(), current());
}

#[test]
fn main_is_the_thread_that_the_process_began_with() {
    let main = main();
    assert_eq!(main.native_id(), Some(std::process::id()));
    assert!(main.is_alive() && !main.is_daemon());
    assert_eq!(main.name(), "main");
}

/// As Python's dummies: met by `current`, gone with their end.
#[test]
fn threads_of_others_are_met() {
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel();
    let named = std::thread::Builder::new().name("guest".to_owned());
    let handle = named.spawn(move || {
        tell.send(current()).unwrap();
        wait(&stopped);
    });
    let guest = told.recv().unwrap();
    assert_eq!((guest.name().as_str(), guest.is_daemon()), ("guest", true));
    assert!(guest.is_alive() && enumerate().contains(&guest));
    assert_eq!(guest.wait_timeout(Duration::from_millis(1)), Err(EndError::TimedOut));
    drop(stop);
    handle.unwrap().join().unwrap();
    assert!(!guest.is_alive() && !enumerate().contains(&guest));
    assert_eq!(guest.wait(), Ok(()));
    let nameless = std::thread::spawn(|| (current().name(), Thread::new(|| ()).is_daemon()));
    let (name, child_is_daemon) = nameless.join().unwrap();
    assert!(name.starts_with("Dummy-"), "{name}");
    assert!(!child_is_daemon); // nobody has asked for that
}

#[test]
fn local_is_each_threads_own() {
    let _watchdog = Watchdog::with_limit(60);
    let local = Arc::new(Local::new(|| current().ident()));
    assert_eq!(*local.get(), current().ident());
    let theirs = local.clone();
    let thread = Thread::spawn(move || *theirs.get()).unwrap();
    let ident = thread.ident();
    assert_eq!(thread.join().unwrap(), ident);
    assert_eq!(*local.get(), current().ident());
}

#[test]
fn stack_size_is_the_threads_own() {
    /// Needs about a KiB of stack for each level.
    fn deep(levels: u32) -> u32 {
        let pad = std::hint::black_box([levels; 256]);
        if levels == 0 { 0 } else { deep(levels - 1) + pad[0].min(1) }
    }
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::builder().stack_size(64 << 20).spawn(|| deep(16 << 10)).unwrap();
    assert_eq!(thread.join().unwrap(), 16 << 10);
    let thread = Thread::builder().stack_size(0).spawn(|| 1).unwrap(); // as small as the system has it
    assert_eq!(thread.join().unwrap(), 1);
}

#[test]
fn the_result_is_returned() {
    let _watchdog = Watchdog::with_limit(60);
    let text = String::from("moved in ");
    let thread = Thread::spawn(move || text + "and out").unwrap();
    assert_eq!(thread.join().unwrap(), "moved in and out");
}

#[test]
fn the_panic_is_returned_with_message_place_and_payload() {
    let _watchdog = Watchdog::with_limit(60);
    let panic_of = |f: fn()| match Thread::builder().on_panic(|_| ()).name("p").spawn(f).unwrap().join() {
        Err(JoinError::Panicked(panic)) => panic,
        other => panic!("{other:?}"),
    };
    let panic = panic_of(|| panic!("with {}", std::hint::black_box(1)));
    assert_eq!((panic.message(), panic.thread()), ("with 1", "p"));
    let location = panic.location().unwrap().to_owned();
    assert!(location.contains("python_thread.rs:"), "{location}");
    assert_eq!(panic.to_string(), format!("thread 'p' panicked at {location}: with 1"));
    assert_eq!(*panic.into_payload().downcast::<String>().unwrap(), "with 1");

    let panic = panic_of(|| std::panic::panic_any(5_u8));
    assert_eq!(panic.message(), "(the payload is no text)");
    assert!(panic.location().is_some());
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic.resume())).unwrap_err();
    assert_eq!(*payload.downcast::<u8>().unwrap(), 5);

    // One that was caught in between is not the one that it ends with.
    let panic = panic_of(|| {
        std::panic::catch_unwind(|| panic!("caught")).unwrap_err();
        std::panic::resume_unwind(Box::new("passed on"));
    });
    assert_eq!((panic.message(), panic.location()), ("passed on", None));
}

#[test]
fn a_class_of_its_own_runs() {
    struct Sum {
        numbers: Vec<u32>,
        named: bool,
    }
    impl Worker for Sum {
        type Output = u32;
        fn run(&self) -> u32 {
            self.numbers.iter().sum()
        }
        fn name(&self) -> Option<String> {
            self.named.then(|| "adder".to_owned())
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    let worker = |named| Arc::new(Sum { numbers: vec![1, 2, 3], named });
    let thread = Thread::spawn_worker(worker(true)).unwrap();
    assert_eq!(thread.name(), "adder");
    assert_eq!(thread.join().unwrap(), 6);
    let prepared = Thread::builder().prepare_worker(worker(false));
    assert!(
        prepared.name().ends_with(" (Sum)") || prepared.name().ends_with("::Sum)"),
        "{}",
        prepared.name()
    );
    prepared.start().unwrap();
    assert_eq!(prepared.join().unwrap(), 6);
    let overruled = Thread::builder().name("mine").spawn_worker(worker(true)).unwrap();
    assert_eq!(overruled.name(), "mine");
    assert_eq!(overruled.join().unwrap(), 6);
}

#[test]
fn join_all_gives_results_in_order() {
    let _watchdog = Watchdog::with_limit(60);
    let threads = (0..5).map(|n| {
        let builder = Thread::builder().on_panic(|_| ());
        builder.spawn(move || if n == 2 { panic!("two") } else { n }).unwrap()
    });
    let results: Vec<_> = join_all(threads.collect::<Vec<_>>()).into_iter().map(Result::ok).collect();
    assert_eq!(results, [Some(0), Some(1), None, Some(3), Some(4)]);
}
