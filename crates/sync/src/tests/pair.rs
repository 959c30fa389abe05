//! What the models' locks guard: two numbers that are equal whenever nobody is at work on them. `unsafe`: a system call writes
//! to them behind the lock's back.
#![allow(unsafe_code)]

use std::sync::Arc;

use crate::primitive::Deadline;
use crate::primitive::model::{shared, step};
use crate::{IdentityError, LockError, LockResult, Mutex, MutexGuard};

/// The data of the models.
pub(super) type Pair = [u32; 2];

/// A lock that processes share.
pub(super) fn robust() -> Arc<Mutex<Pair>> {
    shared(Mutex::new([0; 2]))
}

/// One more in both, with a point between at which a process can die.
pub(super) fn increase(pair: &mut Pair) {
    assert_eq!(pair[0], pair[1], "the lock gave torn data without a word");
    pair[0] += 1;
    step();
    pair[1] += 1;
}

/// What a locker found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Whole,
    /// An owner had died. The data were mended if they were torn.
    Died {
        torn: bool,
    },
    TimedOut,
    Abandoned,
    OwnerLeft,
    OwnerUnseen,
}

/// Increases the pair if the lock was taken, after mending it if an owner had died.
pub(super) fn use_guard(taken: LockResult<MutexGuard<'_, Pair>>) -> Found {
    match taken {
        Ok(mut guard) => {
            increase(&mut guard);
            Found::Whole
        }
        Err(LockError::OwnerDied(mut guard)) => {
            let torn = guard[0] != guard[1];
            guard[1] = guard[0];
            MutexGuard::mark_consistent(&mut guard);
            increase(&mut guard);
            Found::Died { torn }
        }
        Err(LockError::TimedOut) => Found::TimedOut,
        Err(LockError::Abandoned) => Found::Abandoned,
        Err(LockError::OwnerLeft) => Found::OwnerLeft,
        Err(LockError::Identity(IdentityError::OwnerUnseen)) => Found::OwnerUnseen,
        Err(error) => panic!("no other error can be: {error}"),
    }
}

/// Takes the lock and increases the pair.
pub(super) fn take(mutex: &Mutex<Pair>) -> Found {
    use_guard(mutex.lock())
}

/// As [`take`], until a deadline.
pub(super) fn take_until(mutex: &Mutex<Pair>, deadline: &Deadline) -> Found {
    use_guard(mutex.lock_deadline(deadline.clone()))
}

/// A system call of another thread of the owner's process writes to the guarded data.
pub(super) fn written_by_a_call(mutex: &Mutex<Pair>) {
    // SAFETY: the model checker fails the model if anybody else is at the data.
    mutex.data().with_mut(|pair| unsafe { (*pair)[0] += 10 });
}
