//! A static that a fork begins anew: its parent's locks may be held by threads that the fork does not have. `unsafe`: found by pointer.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use multiproc_sync::Generation;

/// A value of this process's own, made at its first use. What a fork inherits stays as it is, and is never dropped.
pub(crate) struct PerProcess<T: 'static>(AtomicPtr<Own<T>>);

struct Own<T> {
    made_by: Generation,
    value: T,
}

impl<T: Default + Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> &'static T {
        let mut found = self.0.load(Acquire); // partner: the exchange below
        loop {
            // SAFETY: null, or what `Box::into_raw` gave and nobody frees once it has stood here.
            if let Some(own) = unsafe { found.as_ref() }
                && own.made_by.is_ours()
            {
                return &own.value;
            }
            let made = Box::into_raw(Box::new(Own { made_by: Generation::now(), value: T::default() }));
            match self.0.compare_exchange(found, made, AcqRel, Acquire) {
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

#[cfg(test)]
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
