//! What is known of a thread, by the thread itself and by whoever refers to it.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, PoisonError, TryLockError};

use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use multiproc_sync::primitive::{AtomicU32, AtomicU64};
use multiproc_sync::{Event, Generation, interrupt};

use crate::CancelToken;
use crate::sys::native;

/// The number of a thread: no two threads of a process have the same one, also not one after the other.
///
/// A fork counts on by itself: its threads have other numbers than those that there were before it, but may share them with later ones of
/// the process that it was forked of.
#[doc(alias = "get_ident")]
#[doc(alias = "ThreadId")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadIdent(NonZeroU64);

impl ThreadIdent {
    fn next() -> Self {
        static GIVEN: AtomicU64 = AtomicU64::new(0);
        // 2^64 threads are not started in the life of a machine.
        Self(NonZeroU64::MIN.saturating_add(GIVEN.fetch_add(1, Relaxed)))
    }

    /// As a number.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for ThreadIdent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a thread came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This crate starts it.
    Ours {
        /// Exits do not wait for it.
        daemon: bool,
    },
    /// The process has begun with it.
    Main,
    /// Somebody else has started it.
    Foreign,
}

/// Its native number before it has one.
const NONE: u32 = 0;

/// A thread, from when it is prepared until nobody refers to it.
pub(crate) struct Record {
    pub(crate) ident: ThreadIdent,
    /// In a fork its thread is not there.
    pub(crate) made_by: Generation,
    pub(crate) origin: Origin,
    /// In whose scope its function runs. Only threads that this crate starts have one.
    pub(crate) token: Option<CancelToken>,
    /// Its name until it was given another.
    first_name: String,
    naming: Mutex<Naming>,
    /// The system has started it.
    started: AtomicU32,
    native: AtomicU32,
    /// It runs, and has its number.
    begun: Event,
    /// It ends the program: its function never returns.
    exits: AtomicU32,
    /// Its function has returned, or never will.
    pub(crate) ended: Event,
    /// Its thread-locals were dropped.
    pub(crate) gone: Event,
}

#[derive(Default)]
struct Naming {
    name: Option<String>,
    /// The system's number may be another thread's soon.
    over: bool,
}

impl Record {
    pub(crate) fn new(name: String, origin: Origin, token: Option<CancelToken>) -> Arc<Self> {
        Self::of(ThreadIdent::next(), name, origin, token)
    }

    /// One more record of a thread that has let go of its own.
    pub(crate) fn again(ident: ThreadIdent, name: String) -> Arc<Self> {
        Self::of(ident, name, Origin::Foreign, None)
    }

    fn of(ident: ThreadIdent, name: String, origin: Origin, token: Option<CancelToken>) -> Arc<Self> {
        Arc::new(Self {
            ident,
            made_by: Generation::now(),
            origin,
            token,
            first_name: name,
            naming: Mutex::default(),
            started: AtomicU32::new(0),
            native: AtomicU32::new(NONE),
            begun: Event::new(),
            exits: AtomicU32::new(0),
            ended: Event::new(),
            gone: Event::new(),
        })
    }

    /// Whether exits wait for it.
    pub(crate) fn is_held(&self) -> bool {
        self.origin == Origin::Ours { daemon: false }
    }

    /// The system has started it, or it runs.
    pub(crate) fn set_started(&self) {
        self.started.store(1, Release);
    }

    pub(crate) fn is_started(&self) -> bool {
        self.started.load(Acquire) != 0
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.is_started() && self.made_by.is_ours() && !self.ended.is_set()
    }

    /// It runs, by this number.
    pub(crate) fn begin(&self, native: u32) {
        self.native.store(native, Relaxed);
        self.set_started();
        self.begun.set();
    }

    /// The system's number, which a thread that was started has soon.
    pub(crate) fn native(&self) -> Option<u32> {
        if !self.is_started() {
            return None;
        }
        if self.made_by.is_ours() {
            // Without an end but this, and with none that the caller could be told: a thread that was started comes here.
            let _ = interrupt::masked(|| self.begun.wait());
        }
        Some(self.native.load(Relaxed)).filter(|number| *number != NONE)
    }

    /// The system's number will be another's; who waits for the end of its function is told.
    pub(crate) fn end(&self) {
        if let Some(mut naming) = self.naming() {
            naming.over = true;
        }
        self.ended.set();
    }

    /// As [`end`](Self::end), of a thread that ends the program from within its function.
    pub(crate) fn exit(&self) {
        if !self.ended.is_set() {
            self.exits.store(1, Relaxed); // seen by whoever sees its end
            self.end();
        }
        self.gone.set();
    }

    /// Whether it has ended by ending the program, which has no result.
    pub(crate) fn has_exited(&self) -> bool {
        self.ended.is_set() && self.exits.load(Relaxed) != 0
    }

    pub(crate) fn name(&self) -> String {
        let naming = self.naming();
        let name = naming.as_ref().and_then(|naming| naming.name.clone());
        name.unwrap_or_else(|| self.first_name.clone())
    }

    /// Its name in memory for one byte more: the NUL that the system wants, so that it need not be moved.
    pub(crate) fn name_with_room(&self) -> String {
        let copy = |name: &str| {
            let mut room = String::with_capacity(name.len() + 1);
            room.push_str(name);
            room
        };
        match self.naming().and_then(|naming| naming.name.as_deref().map(copy)) {
            Some(name) => name,
            None => copy(&self.first_name),
        }
    }

    /// Gives it another name, also to the system if it runs.
    pub(crate) fn set_name(&self, name: String) {
        let Some(mut naming) = self.naming() else { return };
        // With the lock: it does not end meanwhile, so that the number is its own.
        if self.is_alive() && !naming.over {
            match self.native.load(Relaxed) {
                NONE => {} // it takes the name when it begins
                number => native::set_name(number, &name),
            }
        }
        naming.name = Some(name);
    }

    /// Tells the system its name, which was changed between its start and its first step, or which the standard library has cut in
    /// the middle of a character.
    pub(crate) fn take_name(&self) {
        match self.naming().as_ref().and_then(|naming| naming.name.as_ref()) {
            Some(name) => native::set_name(native::this_thread(), name),
            None => native::mend_name(&self.first_name),
        }
    }

    /// In a fork another thread may have held this for ever: then there is nothing.
    fn naming(&self) -> Option<MutexGuard<'_, Naming>> {
        if self.made_by.is_ours() {
            return Some(self.naming.lock().unwrap_or_else(PoisonError::into_inner));
        }
        match self.naming.try_lock() {
            Ok(naming) => Some(naming),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
