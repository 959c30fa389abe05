//! A process of a model: threads that leave in order, or are killed.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::context::{self, Thread};
use super::family::{DYING, ENDED, Facts, Family, UNSEEN};
use super::futex::Word;
use super::{kernel, step, thread};
use crate::identity::Claim;

/// A process of a model. Its name is its own for the whole model.
#[derive(Clone)]
pub struct Process {
    family: Family,
    claim: Claim,
    life: Arc<Word>,
}

/// How a thread that could be killed has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<T> {
    /// With this value.
    InOrder(T),
    /// Before the step at which it was to die.
    Killed,
}

/// A thread of the model that runs.
#[must_use = "join it, so that the model's threads have all ended with it"]
pub struct Running<T>(thread::JoinHandle<T>);

impl<T> Running<T> {
    /// What it has come to, once it has ended.
    ///
    /// # Panics
    ///
    /// If the thread has.
    pub fn join(self) -> T {
        self.0.join().expect("a thread of the model panicked")
    }
}

impl Process {
    pub(super) fn new(family: Family, claim: Claim, life: Arc<Word>) -> Self {
        Self { family, claim, life }
    }

    /// Runs `body` in the calling thread, as a thread of this process that ends in order after it. The process goes on.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> T {
        run(self.family.clone(), self.thread(), body)
    }

    /// Runs `body` in a new thread of this process, which ends in order after it. The process goes on.
    pub fn spawn<T: 'static>(&self, body: impl FnOnce() -> T + 'static) -> Running<T> {
        let (family, facts) = (self.family.clone(), self.thread());
        Running(thread::spawn(move || run(family, facts, body)))
    }

    /// As [`run`](Self::run), but the whole process is killed before the `k`-th step of `body`, if that has so many: the
    /// kernel marks the thread's locks, and then the process ends.
    pub fn run_killed_at<T>(&self, k: usize, body: impl FnOnce() -> T) -> End<T> {
        self.run_killed_within(k, body, || {})
    }

    /// As [`run_killed_at`](Self::run_killed_at), in a new thread.
    pub fn spawn_killed_at<T: 'static>(
        &self,
        k: usize,
        body: impl FnOnce() -> T + 'static,
    ) -> Running<End<T>> {
        let process = self.clone();
        Running(thread::spawn(move || process.run_killed_at(k, body)))
    }

    /// As [`run_killed_at`](Self::run_killed_at), but the process does not end before `call` has: what another thread of it was
    /// doing in a system call, which runs on after the kernel has marked the victim's locks.
    pub fn run_killed_within<T>(&self, k: usize, body: impl FnOnce() -> T, call: impl FnOnce()) -> End<T> {
        let thread = Thread::new(self.family.clone(), self.thread(), Some(k));
        let Some(value) = step::until_killed(|| as_thread(&thread, body)) else {
            self.life.announce(DYING);
            kernel::walk(&thread);
            call();
            self.end();
            return End::Killed;
        };
        thread.fuse.set(None);
        leave(&thread);
        End::InOrder(value)
    }

    /// Runs `body` in the calling thread, as a thread of this process that ends after it without order: by a bare system call
    /// say, with no destructor run. The process goes on.
    pub fn run_and_vanish<T>(&self, body: impl FnOnce() -> T) -> T {
        let thread = Thread::new(self.family.clone(), self.thread(), None);
        let value = as_thread(&thread, body);
        kernel::walk(&thread);
        value
    }

    /// From now on nothing tells the others whether the process lives, as where descriptors are lacking.
    pub fn hide(&self) {
        self.life.announce(UNSEEN);
    }

    /// Ends the process, whose threads have all ended: from now on nothing of it writes.
    pub fn end(&self) {
        self.life.announce(ENDED);
    }

    fn thread(&self) -> Arc<Facts> {
        self.family.thread(self.claim, &self.life)
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("number", &self.claim.index).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Running<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

fn run<T>(family: Family, facts: Arc<Facts>, body: impl FnOnce() -> T) -> T {
    let thread = Thread::new(family, facts, None);
    let value = as_thread(&thread, body);
    leave(&thread);
    value
}

/// Runs `body` as this thread, and is who it was before also after a panic.
fn as_thread<T>(thread: &Rc<Thread>, body: impl FnOnce() -> T) -> T {
    struct Back(Option<Rc<Thread>>);
    impl Drop for Back {
        fn drop(&mut self) {
            context::become_thread(self.0.take());
        }
    }
    let _back = Back(context::become_thread(Some(thread.clone())));
    body()
}

/// The end of a thread in order: its destructors, then the kernel's part.
fn leave(thread: &Thread) {
    thread.facts.life.announce(thread.facts.left);
    kernel::walk(thread);
}
