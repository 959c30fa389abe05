//! `Local`: whose value it is, and when it is dropped.
#![allow(clippy::disallowed_types)] // what a test counts

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use multiproc_testkit::Watchdog;
use multiproc_thread::{Local, Thread};

/// Tells in which thread it is dropped. Not `Send`.
struct Told {
    drops: Arc<Mutex<Vec<ThreadId>>>,
    _not_send: Rc<()>,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.drops.lock().unwrap().push(std::thread::current().id());
    }
}

type Drops = Arc<Mutex<Vec<ThreadId>>>;

fn told() -> (Drops, Local<Told, impl Fn() -> Told>) {
    let drops = Drops::default();
    let theirs = drops.clone();
    (drops, Local::new(move || Told { drops: theirs.clone(), _not_send: Rc::default() }))
}

#[test]
fn each_thread_has_its_own_value_made_when_it_asks() {
    let _watchdog = Watchdog::with_limit(60);
    static MADE: Mutex<u32> = Mutex::new(0);
    static LOCAL: Local<Cell<u32>> = Local::new(|| {
        *MADE.lock().unwrap() += 1;
        Cell::new(0)
    });
    assert_eq!(*MADE.lock().unwrap(), 0);
    LOCAL.with(|n| n.set(5));
    let threads = [1, 2, 3].map(|m| {
        Thread::spawn(move || {
            LOCAL.with(|n| n.set(n.get() + m));
            LOCAL.with(Cell::get)
        })
        .unwrap()
    });
    assert_eq!(threads.map(|thread| thread.join().unwrap()), [1, 2, 3]);
    assert_eq!(LOCAL.get().get(), 5);
    assert_eq!(*MADE.lock().unwrap(), 4);
}

#[test]
fn a_value_is_dropped_in_its_thread_before_that_is_joined() {
    let _watchdog = Watchdog::with_limit(60);
    let (drops, local) = told();
    let local = Arc::new(local);
    let theirs = local.clone();
    let thread = Thread::spawn(move || {
        theirs.get();
        std::thread::current().id()
    });
    let thread = thread.unwrap().join().unwrap();
    assert_eq!(*drops.lock().unwrap(), [thread]);
}

#[test]
fn a_dropped_local_drops_the_callers_value_now_and_others_later() {
    let _watchdog = Watchdog::with_limit(60);
    let (drops, local) = told();
    let local = Arc::new(local);
    local.get();
    let ((tell, told), (go, wait)) = (mpsc::channel(), mpsc::channel::<()>());
    let theirs = local.clone();
    let (seen, other) = (drops.clone(), Local::new(|| 1));
    let thread = Thread::spawn(move || {
        theirs.get();
        drop(theirs);
        tell.send(()).unwrap();
        wait.recv().unwrap_err();
        let before = seen.lock().unwrap().len();
        other.get(); // of any
        (before, seen.lock().unwrap().len(), std::thread::current().id())
    });
    told.recv().unwrap();
    drop(Arc::into_inner(local).unwrap());
    assert_eq!(*drops.lock().unwrap(), [std::thread::current().id()]);
    drop(go);
    let (before, after, its_id) = thread.unwrap().join().unwrap();
    assert_eq!((before, after), (1, 2));
    assert_eq!(drops.lock().unwrap()[1], its_id);
}

#[test]
fn locals_that_come_and_go_leave_nothing() {
    let drops = Drops::default();
    for n in 1..=1000 {
        let theirs = drops.clone();
        let local = Local::new(move || Told { drops: theirs.clone(), _not_send: Rc::default() });
        local.get();
        drop(local);
        assert_eq!(drops.lock().unwrap().len(), n);
    }
    assert_eq!(Arc::strong_count(&drops), 1);
}

#[test]
fn a_leaked_local_keeps_values_until_their_threads_end() {
    let _watchdog = Watchdog::with_limit(60);
    let (drops, local) = told();
    let thread = Thread::spawn(move || {
        local.get();
        std::mem::forget(local);
    });
    thread.unwrap().join().unwrap();
    assert_eq!(drops.lock().unwrap().len(), 1);
}

#[test]
fn values_in_use_outlive_what_replaces_them() {
    let local = Local::new(|| String::from("first"));
    local.with(|first| {
        assert_eq!(local.set("second".to_owned()).as_deref().map(String::as_str), Some("first"));
        assert_eq!(first, "first");
        assert_eq!(*local.take().unwrap(), "second");
        assert_eq!(*local.get(), "first");
        assert_eq!(first, "first");
    });
}

#[test]
fn a_value_that_needs_itself_is_told() {
    static LOCAL: Local<u32> = Local::new(|| *LOCAL.get() + 1);
    for _ in 0..2 {
        let caught = catch_unwind(|| *LOCAL.get()).unwrap_err();
        let message = caught.downcast_ref::<&str>().unwrap();
        assert!(message.contains("asks for that value"), "{message}");
    }
    LOCAL.set(4);
    assert_eq!(*LOCAL.get(), 4);
}

#[test]
fn a_panic_while_a_value_is_made_leaves_none() {
    let tries = Cell::new(0);
    let local = Local::new(|| {
        tries.set(tries.get() + 1);
        assert!(tries.get() > 1, "the first time");
        tries.get()
    });
    catch_unwind(AssertUnwindSafe(|| local.get())).unwrap_err();
    assert_eq!(local.take(), None);
    assert_eq!(*local.get(), 2);
}

#[test]
fn a_value_set_while_another_is_made_gives_way() {
    thread_local!(static SET: RefCell<Option<Rc<u32>>> = const { RefCell::new(None) });
    static LOCAL: Local<u32> = Local::new(|| {
        SET.set(LOCAL.set(1));
        SET.set(LOCAL.take());
        LOCAL.set(2);
        3
    });
    assert_eq!(*LOCAL.get(), 3);
    assert_eq!(SET.take().as_deref(), Some(&1));
    assert_eq!(LOCAL.take().as_deref(), Some(&3));
}

/// The others are dropped all the same.
#[test]
fn a_drop_that_panics_takes_nobody_down() {
    struct Bomb(Option<Sender<()>>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if let Some(tell) = &self.0 {
                tell.send(()).unwrap();
            }
            panic!("in a drop");
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel();
    let thread = Thread::spawn(move || {
        let locals = [(); 3].map(|()| Local::new(|| Bomb(None)));
        for local in &locals {
            local.set(Bomb(Some(tell.clone())));
        }
        let [first, second, third] = locals;
        std::mem::forget((second, third));
        drop(first);
        "went on"
    });
    assert_eq!(thread.unwrap().join().unwrap(), "went on");
    assert_eq!(told.into_iter().count(), 3);
}

/// Values that ask for others while they are dropped.
#[test]
fn drops_of_values_use_locals() {
    static FIRST: Local<Uses> = Local::new(|| Uses(None));
    static SECOND: Local<Uses> = Local::new(|| Uses(None));
    struct Uses(Option<Sender<bool>>);
    impl Drop for Uses {
        fn drop(&mut self) {
            if let Some(tell) = self.0.take() {
                SECOND.set(Uses(None));
                tell.send(FIRST.get().0.is_none() && SECOND.take().is_none()).unwrap();
            }
        }
    }
    let _watchdog = Watchdog::with_limit(60);
    let (tell, told) = mpsc::channel();
    let thread = Thread::spawn(move || {
        FIRST.set(Uses(Some(tell.clone())));
        SECOND.set(Uses(Some(tell)));
    });
    thread.unwrap().join().unwrap();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [true, true]);
}
