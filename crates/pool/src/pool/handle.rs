//! `TaskHandle`: a task that was submitted.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::{PoolError, TaskError};
use crate::pool::core::Core;
use crate::pool::job::{Outcome, Slot};

/// A task that was submitted to a pool, and the right to its result.
///
/// Dropping it lets go of the result; the task runs all the same, as long as the pool lives. It outlives the pool: then a
/// task that had not ended is [`TaskError::PoolClosed`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # multiproc_pool::init();
/// let pool = multiproc_pool::ProcessPool::new()?;
/// let halves: Vec<_> = [10, 20].into_iter().map(|n| pool.submit(|n: u32| n / 2, n)).collect::<Result<_, _>>()?;
/// let sum: u32 = halves.into_iter().map(|half| half.join()).sum::<Result<_, _>>()?;
/// assert_eq!(sum, 15);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "AsyncResult")]
#[doc(alias = "Future")]
#[must_use = "a task whose handle is dropped runs, but nobody learns of its result or its failure"]
pub struct TaskHandle<R> {
    id: u64,
    core: Arc<Core>,
    slot: Arc<Slot>,
    /// Turns what arrived into what `join` gives.
    finish: fn(Outcome) -> Result<R, TaskError>,
    result: PhantomData<fn() -> R>,
}

impl<R> TaskHandle<R> {
    pub(crate) fn new(
        id: u64,
        core: Arc<Core>,
        slot: Arc<Slot>,
        finish: fn(Outcome) -> Result<R, TaskError>,
    ) -> Self {
        Self { id, core, slot, finish, result: PhantomData }
    }

    /// The task's number in its pool, from 0 in the order of submission.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether the task has ended, well or not. Does not wait.
    #[doc(alias = "ready")]
    pub fn is_finished(&self) -> bool {
        self.slot.is_filled()
    }

    /// Waits for the task's end and gives its result.
    ///
    /// # Errors
    ///
    /// The task gave none: see [`TaskError`].
    pub fn join(self) -> Result<R, TaskError> {
        self.core.wait(self.slot.waiter(), 0, None);
        self.into_result()
    }

    /// As [`join`](Self::join), for at most `timeout`; then the handle comes back and the task goes on.
    ///
    /// # Errors
    ///
    /// The outer error is the handle itself, after the time has passed.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<R, TaskError>, Self> {
        if self.core.wait(self.slot.waiter(), 0, Instant::now().checked_add(timeout)) {
            Ok(self.into_result())
        } else {
            Err(self)
        }
    }

    fn into_result(self) -> Result<R, TaskError> {
        if !self.core.is_ours() {
            return Err(PoolError::Forked.into());
        }
        (self.finish)(self.slot.take().unwrap_or(Outcome::PoolClosed))
    }
}

/// What a plain task gives.
pub(crate) fn plain<R: DeserializeOwned>(outcome: Outcome) -> Result<R, TaskError> {
    outcome.into_result()
}

/// What a task gives that returns a result of its own.
pub(crate) fn flat<R: DeserializeOwned>(outcome: Outcome) -> Result<R, TaskError> {
    outcome.into_result::<crate::Result<R>>()?.map_err(TaskError::Failed)
}

impl<R> fmt::Debug for TaskHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
