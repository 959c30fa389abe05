//! The kernel's queue of sleepers at a word. Its lock is the model checker's, so that every order of calls is tried.
#![allow(clippy::disallowed_types)] // of the standard library: what is written with the queue locked only

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use loom::sync::{Condvar, Mutex, MutexGuard};

use super::deadline::Deadline;
use super::step::goes_on;
use crate::WaitError;
use crate::futex::Scope;
use crate::interrupt;
use crate::primitive::AtomicU32;

/// An atomic word with the kernel's queue of sleepers.
#[derive(Debug)]
pub(crate) struct Futex(Arc<Word>);

/// A word at which a thread sleeps, for one who is to wake it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    word: Arc<Word>,
    scope: Scope,
}

impl Place {
    /// Wakes everybody who sleeps there.
    pub(crate) fn wake_all(&self) {
        if goes_on() {
            wake(&mut self.word.lock(), u32::MAX, self.scope);
        }
    }
}

/// What the kernel knows a futex by.
#[derive(Debug)]
pub(super) struct Word {
    value: AtomicU32,
    sleepers: Mutex<VecDeque<Arc<Sleeper>>>,
}

/// A thread in the queue.
#[derive(Debug)]
pub(super) struct Sleeper {
    scope: Scope,
    state: AtomicU8,
    condition: Condvar,
}

const ASLEEP: u8 = 0;
const WOKEN: u8 = 1;
const TIMED_OUT: u8 = 2;

impl Sleeper {
    /// Ends the sleep. The queue is locked.
    fn rouse(&self, state: u8) {
        self.state.store(state, Relaxed);
        self.condition.notify_one();
    }
}

impl Futex {
    pub(crate) fn new(value: u32) -> Self {
        Self(Arc::new(Word::new(value)))
    }

    /// As [`wait`](Self::wait): no signals come in a model.
    pub(crate) fn sleep(
        &self,
        expected: u32,
        scope: Scope,
        deadline: Option<&Deadline>,
    ) -> Result<(), WaitError> {
        self.wait(expected, scope, deadline)
    }

    /// Sleeps while the word is `expected`, until woken or until `deadline` passes.
    pub(crate) fn wait(
        &self,
        expected: u32,
        scope: Scope,
        deadline: Option<&Deadline>,
    ) -> Result<(), WaitError> {
        if goes_on() { self.0.wait(expected, scope, deadline) } else { Ok(()) }
    }

    /// As [`wait`](Self::wait), for what is no lock: the thread's alarm ends it, too.
    pub(crate) fn wait_for_event(
        &self,
        expected: u32,
        scope: Scope,
        deadline: Option<&Deadline>,
    ) -> Result<(), WaitError> {
        let place = || Place { word: self.0.clone(), scope };
        let _asleep = interrupt::as_event(|| interrupt::fall_asleep(place))?;
        self.wait(expected, scope, deadline)
    }

    /// Wakes up to `count` sleepers; gives how many it found.
    pub(crate) fn wake(&self, count: u32, scope: Scope) -> u32 {
        if goes_on() { wake(&mut self.0.lock(), count, scope) } else { 0 }
    }

    /// Sets the word and wakes one sleeper of a shared word, in one step.
    pub(crate) fn set_and_wake_one(&self, value: u32) -> u32 {
        if !goes_on() {
            return 0;
        }
        let mut sleepers = self.0.lock();
        // One instruction, as in the kernel; which promises no order.
        self.0.value.raw().swap(value, Relaxed);
        wake(&mut sleepers, 1, Scope::Shared)
    }

    /// Sets the word and wakes all its sleepers, in one step.
    pub(crate) fn set_and_wake_all(&self, value: u32, scope: Scope) -> u32 {
        if !goes_on() {
            return 0;
        }
        let mut sleepers = self.0.lock();
        // No exchange: one would pass on the order of the store that it finds.
        self.0.value.raw().store(value, Relaxed);
        wake(&mut sleepers, u32::MAX, scope)
    }

    /// Adds one to the word and wakes all sleepers of a shared word, in one step.
    pub(crate) fn add_one_and_wake_all(&self) -> u32 {
        self.add_and_wake(1, u32::MAX, Scope::Shared)
    }

    /// Adds to the word and wakes up to `count` sleepers, in one step; gives how many it found.
    pub(crate) fn add_and_wake(&self, value: u32, count: u32, scope: Scope) -> u32 {
        if !goes_on() {
            return 0;
        }
        let mut sleepers = self.0.lock();
        self.0.value.raw().fetch_add(value, Relaxed);
        wake(&mut sleepers, count, scope)
    }

    /// Sets bits of the word and wakes all its sleepers, in one step.
    pub(crate) fn or_and_wake_all(&self, bits: u32, scope: Scope) -> u32 {
        if !goes_on() {
            return 0;
        }
        let mut sleepers = self.0.lock();
        self.0.value.raw().fetch_or(bits, Relaxed);
        wake(&mut sleepers, u32::MAX, scope)
    }

    pub(super) fn word(&self) -> &Arc<Word> {
        &self.0
    }
}

impl Deref for Futex {
    type Target = AtomicU32;

    fn deref(&self) -> &AtomicU32 {
        &self.0.value
    }
}

/// What is no step of any thread.
impl Word {
    pub(super) fn new(value: u32) -> Self {
        Self { value: AtomicU32::new(value), sleepers: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Sleeper>>> {
        self.sleepers.lock().expect("nobody dies with the queue locked")
    }

    pub(super) fn load(&self) -> u32 {
        self.value.raw().load(SeqCst)
    }

    pub(super) fn compare_exchange(&self, current: u32, new: u32) -> bool {
        self.value.raw().compare_exchange(current, new, SeqCst, SeqCst).is_ok()
    }

    /// The newest value, as a system call finds it.
    pub(super) fn newest(&self) -> u32 {
        self.value.raw().fetch_or(0, SeqCst)
    }

    /// Sets bits and wakes everybody.
    pub(super) fn announce(&self, bits: u32) {
        let mut sleepers = self.lock();
        self.value.raw().fetch_or(bits, SeqCst);
        wake(&mut sleepers, u32::MAX, Scope::Shared);
    }

    pub(super) fn wake_one(&self) {
        wake(&mut self.lock(), 1, Scope::Shared);
    }

    pub(super) fn wait(
        self: &Arc<Self>,
        expected: u32,
        scope: Scope,
        deadline: Option<&Deadline>,
    ) -> Result<(), WaitError> {
        let mut sleepers = self.lock();
        if self.load() != expected {
            return Ok(());
        }
        let state = AtomicU8::new(ASLEEP);
        let sleeper = Arc::new(Sleeper { scope, state, condition: Condvar::new() });
        if deadline.is_some_and(|deadline| !deadline.is_to_rouse(self, &sleeper)) {
            return Err(WaitError::TimedOut);
        }
        sleepers.push_back(sleeper.clone());
        loop {
            match sleeper.state.load(Relaxed) {
                ASLEEP => {
                    sleepers = sleeper.condition.wait(sleepers).expect("nobody dies with the queue locked");
                }
                WOKEN => return Ok(()),
                _ => return Err(WaitError::TimedOut),
            }
        }
    }

    /// The sleeper's deadline has passed. Nothing, if somebody has woken it.
    pub(super) fn time_out(&self, late: &Arc<Sleeper>) {
        let mut sleepers = self.lock();
        if let Some(place) = sleepers.iter().position(|sleeper| Arc::ptr_eq(sleeper, late)) {
            sleepers.remove(place);
            late.rouse(TIMED_OUT);
        }
    }
}

/// Wakes up to `count` sleepers of this scope, the oldest first; gives how many.
fn wake(sleepers: &mut VecDeque<Arc<Sleeper>>, count: u32, scope: Scope) -> u32 {
    let mut woken = 0;
    sleepers.retain(|sleeper| {
        let chosen = woken < count && sleeper.scope == scope;
        if chosen {
            sleeper.rouse(WOKEN);
            woken += 1;
        }
        !chosen
    });
    woken
}
