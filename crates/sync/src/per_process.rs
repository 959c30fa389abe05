//! A static that a fork begins anew: its parent's locks may be held by threads that the fork does not have. `unsafe`: found by address.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use crate::generation::Generation;
use crate::primitive::AtomicUsize;

/// A value of this process's own, for a `static`: made at its first use, and made anew by a fork at its first use there.
///
/// A fork has one thread only. What another thread of its parent had locked stays locked in it for ever, so a fork must not wait for what it
/// inherited. It gets a value of its own instead; the inherited one stays as it is, and is never dropped.
///
/// Cost: [`get`](Self::get) is two loads.
///
/// ```
/// use std::sync::Mutex;
/// use multiproc_sync::PerProcess;
///
/// static SEEN: PerProcess<Mutex<Vec<u32>>> = PerProcess::new();
///
/// SEEN.get().lock().unwrap().push(7);
/// assert_eq!(*SEEN.get().lock().unwrap(), [7]); // in a fork: none
/// ```
pub struct PerProcess<T: 'static> {
    /// Of an [`Own`]; 0: none yet.
    address: AtomicUsize,
    // Values are made by any thread and used by all.
    value: PhantomData<fn() -> T>,
}

struct Own<T> {
    made_by: Generation,
    value: T,
}

impl<T: Default + Send + Sync> PerProcess<T> {
    /// One that is made when it is used.
    #[allow(clippy::new_without_default)] // a static's beginning, never a value that is made while the program runs
    pub const fn new() -> Self {
        Self { address: AtomicUsize::new(0), value: PhantomData }
    }

    /// This process's. Two threads that come first at the same time may both call `T::default`; one of the values stays.
    pub fn get(&self) -> &'static T {
        let mut found = self.address.load(Acquire); // partner: the exchange below
        loop {
            // SAFETY: 0, or what `Box::into_raw` gave and nobody frees once it has stood here.
            if let Some(own) = unsafe { ptr::with_exposed_provenance::<Own<T>>(found).as_ref() }
                && own.made_by.is_ours()
            {
                return &own.value;
            }
            let made = Box::into_raw(Box::new(Own { made_by: Generation::now(), value: T::default() }));
            match self.address.compare_exchange(found, made.expose_provenance(), AcqRel, Acquire) {
                // SAFETY: as above.
                Ok(_) => return unsafe { &(*made).value },
                Err(other) => {
                    // SAFETY: made above, and shown to nobody.
                    drop(unsafe { Box::from_raw(made) });
                    found = other;
                }
            }
        }
    }
}

impl<T: Default + Send + Sync + fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerProcess").field(self.get()).finish()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_types)] // a lock that a fork would wait for
mod tests {
    use std::sync::Mutex;

    use multiproc_testkit::fork::{fork, reap};

    use super::*;

    #[test]
    fn one_for_all_threads_and_another_in_a_fork_also_of_a_locked_one() {
        static NUMBER: PerProcess<Mutex<u32>> = PerProcess::new();
        let addresses = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| ptr::from_ref(NUMBER.get()).addr()));
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(addresses.iter().all(|address| *address == addresses[0]));
        let mut held = NUMBER.get().lock().unwrap();
        *held = 7;
        let child = fork(|| assert_eq!(*NUMBER.get().lock().unwrap(), 0));
        assert_eq!(reap(child), 0);
        assert_eq!(*held, 7);
    }
}
