//! Models of an exit that waits for threads.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::primitive::model::check;
use multiproc_sync::primitive::model::thread::{self, JoinHandle};

use multiproc_sync::Event;
use multiproc_sync::primitive::AtomicU32;

use crate::thread::roll::Roll;

struct Model {
    roll: Roll<()>,
    /// Threads whose thread-locals were dropped.
    gone: AtomicU32,
}

impl Model {
    fn new() -> Arc<Self> {
        Arc::new(Self { roll: Roll::new(), gone: AtomicU32::new(0) })
    }

    /// Starts a thread as `start` does, and ends it as `here` does.
    fn begin(
        self: &Arc<Self>,
        number: u64,
        held: bool,
        run: impl FnOnce(&Arc<Self>) + 'static,
    ) -> JoinHandle<()> {
        self.roll.enter(number, (), held);
        let model = self.clone();
        thread::spawn(move || {
            model.roll.enter_late(held);
            run(&model);
            model.roll.end(number);
            model.gone.fetch_add(1, Relaxed);
            if held {
                model.roll.leave();
            }
        })
    }

    fn exit(&self, is_held: bool, gone: u32) {
        self.roll.wait_until_empty(is_held);
        assert!(self.gone.load(Relaxed) >= gone, "the exit did not wait for a thread");
    }
}

/// A thread, and one that it begins while the exit waits: nobody joins either.
#[test]
fn one_that_is_begun_meanwhile_is_waited_for() {
    check(|| {
        let model = Model::new();
        drop(model.begin(1, true, |model| drop(model.begin(2, true, |_| ()))));
        model.exit(false, 2);
        assert!(model.roll.list().is_empty(), "a thread has left and is listed");
    });
}

/// A daemon may be there still.
#[test]
fn a_daemon_is_not_waited_for() {
    check(|| {
        let model = Model::new();
        let daemon = model.begin(1, false, |_| ());
        drop(model.begin(2, true, |_| ()));
        model.exit(false, 1);
        daemon.join().unwrap();
    });
}

/// Two threads that are waited for wait for all others, so not for each other; then one needs the other.
#[test]
fn two_that_are_held_wait_at_once() {
    check(|| {
        let model = Model::new();
        let (go, through) = (Arc::new(Event::new()), Arc::new([(); 2].map(|()| Event::new())));
        let threads = [0, 1].map(|me| {
            let (go, through) = (go.clone(), through.clone());
            model.begin(me as u64, true, move |model| {
                go.wait().unwrap();
                model.exit(true, 0);
                through[me].set();
                through[1 - me].wait().unwrap();
            })
        });
        go.set(); // both are there
        model.exit(false, 2);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
