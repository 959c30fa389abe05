//! Settings of a pool.

use std::sync::Arc;
use std::thread;

use crate::entry;
use crate::error::PoolError;
use crate::pool::ProcessPool;
use crate::pool::core::Core;

/// Most workers of one pool: each costs two descriptors in the parent, of which a process has 1024 by default.
pub const MAX_WORKERS: usize = 4096;

/// What a [`ProcessPool`] is made with.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # multiproc_pool::init();
/// let pool = multiproc_pool::ProcessPool::builder().workers(2).retries(1).build()?;
/// assert_eq!(pool.workers().len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PoolBuilder {
    workers: Option<usize>,
    retries: u32,
}

impl PoolBuilder {
    /// How many worker processes, at most [`MAX_WORKERS`]. Default: one for each core that the affinity mask and the
    /// control group allow.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// How often a task whose worker died is tried again, on another worker. Default: 0.
    ///
    /// Setting it declares that the pool's tasks may run twice: a worker can die after a task has taken effect and
    /// before its result is told. A task that panics or fails is not tried again.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Makes the pool and starts its workers. Does not wait until they have got through their start.
    ///
    /// # Errors
    ///
    /// [`PoolError::MissingEntry`] if the program has no entry hook, [`PoolError::Workers`] for a number out of range,
    /// [`PoolError::Start`] or [`PoolError::Kernel`] if the kernel refuses; then nothing is left running.
    pub fn build(self) -> Result<ProcessPool, PoolError> {
        let entry = entry::entry()?;
        let cores = || thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let workers = self.workers.unwrap_or_else(cores);
        if !(1..=MAX_WORKERS).contains(&workers) {
            return Err(PoolError::Workers { workers, max: MAX_WORKERS });
        }
        let core = Arc::new(Core::new(entry, workers, self.retries).map_err(PoolError::Kernel)?);
        // From here on a failure drops the pool, which ends what has started.
        let mut pool = ProcessPool { core, attendant: None };
        pool.core.start_all().map_err(PoolError::Start)?;
        let theirs = pool.core.clone();
        let attendant = thread::Builder::new().name("multiproc-pool".into());
        pool.attendant = Some(attendant.spawn(move || theirs.attend()).map_err(PoolError::Kernel)?);
        Ok(pool)
    }
}
