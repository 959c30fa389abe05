//! What a thread needs a name for, to be refused where there is none left.

use std::sync::atomic::AtomicU64;

use multiproc_sync::{
    AcquireError, IdentityError, LockError, LockResult, Mutex, ReentrantMutex, RobustSemaphore, RwLock,
};

use crate::common::share;

/// One of each kind that a thread needs a name for.
#[derive(Clone, Copy)]
pub(crate) struct Locks {
    pub(crate) mutex: &'static Mutex<u64>,
    reentrant: &'static ReentrantMutex<AtomicU64>,
    lock: &'static RwLock<u64, 2>,
    semaphore: &'static RobustSemaphore<1>,
}

impl Locks {
    pub(crate) fn new() -> Self {
        Self {
            mutex: share(Mutex::new(0)),
            reentrant: share(ReentrantMutex::new(AtomicU64::new(0))),
            lock: share(RwLock::with_readers(0)),
            semaphore: share(RobustSemaphore::new()),
        }
    }

    /// Whether the calling thread is refused everywhere for this reason.
    pub(crate) fn refuse(self, reason: IdentityError) -> bool {
        fn is<G>(refused: LockResult<G>, reason: IdentityError) -> bool {
            matches!(refused, Err(LockError::Identity(found)) if found == reason)
        }
        let Self { mutex, reentrant, lock, semaphore } = self;
        is(mutex.lock(), reason)
            && is(reentrant.lock(), reason)
            && is(lock.read(), reason)
            && is(lock.write(), reason)
            && matches!(semaphore.permit(), Err(AcquireError::Identity(found)) if found == reason)
    }

    /// Takes each, of which nobody has one.
    pub(crate) fn use_all(self) {
        let _guards = (self.mutex.try_lock().unwrap(), self.reentrant.try_lock().unwrap());
        drop(self.lock.try_write().unwrap());
        let _more = (self.lock.try_read().unwrap(), self.semaphore.try_permit().unwrap());
    }
}
