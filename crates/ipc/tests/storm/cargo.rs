//! What the parties send each other.

use multiproc_shm::{Arena, ArenaParcel, ArrayPart, Shared, SharedArray, SharedMemory, ShmSafe};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use serde::{Deserialize, Serialize};

/// Two numbers that are equal whenever the lock is free and nobody has died with it.
#[derive(Debug, ShmSafe)]
#[repr(C)]
pub(crate) struct Pair {
    left: u64,
    right: u64,
}

pub(crate) type SharedPair = Shared<Mutex<Pair>>;

pub(crate) fn pair() -> Result<SharedPair, String> {
    Shared::new(Mutex::new(Pair { left: 0, right: 0 })).map_err(|error| format!("a pair: {error}"))
}

/// Counts both up, with `amid` in between; whether they had to be made equal after a death.
pub(crate) fn count(pair: &Mutex<Pair>, amid: impl FnOnce()) -> Result<bool, String> {
    let mut recovered = false;
    let mut pair = match pair.lock() {
        Ok(pair) => pair,
        Err(LockError::OwnerDied(mut pair)) => {
            recovered = true;
            pair.right = pair.left;
            MutexGuard::mark_consistent(&mut pair);
            pair
        }
        Err(error) => return Err(format!("the pair's lock: {error}")),
    };
    if pair.left != pair.right {
        return Err(format!(
            "a pair is torn, {} and {}, and nobody was said to have died",
            pair.left, pair.right
        ));
    }
    pair.left += 1;
    amid();
    pair.right += 1;
    Ok(recovered)
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Cargo {
    Pair(SharedPair),
    Memory(SharedMemory),
    /// Its elements are equal, unless somebody has died while he wrote them.
    Array(SharedArray<u64>),
    /// Of an array that outlives the rounds.
    Part(ArrayPart<u64>),
    /// One that outlives the rounds.
    Arena(Arena),
    /// Its elements are equal.
    Parcel(ArenaParcel<[u64]>),
}
