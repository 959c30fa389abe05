//! `ProcessPool`: functions on worker processes.

pub(crate) mod builder;
mod core;
pub(crate) mod handle;
pub(crate) mod info;
mod job;
mod map;
mod planted;
mod role;
mod shutdown;
mod state;
mod transport;
mod wait;
mod waiter;

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{PoolError, TaskError};
use crate::request::request;
use builder::PoolBuilder;
use core::Core;
use handle::{TaskHandle, flat, plain};
use info::{PoolStats, WorkerInfo};
use job::{Outcome, Waiter};
use map::{Map, MapError};

/// Worker processes that run functions, and go on whatever happens to any of them.
///
/// A task is an `fn(A) -> R`: a function, or a closure that captures nothing; the compiler refuses one that captures.
/// Arguments are encoded at the call, results decoded in the thread that waits for them. Each method takes tasks in
/// two forms: plain, and `try_`, for functions that return a [`Result`](crate::Result) of their own.
///
/// Any number of threads may use one pool at once. A thread that waits for a result does the pool's work itself.
///
/// # Death
///
/// A worker that crashes, exits, is killed or runs out of memory costs the task it was running one attempt, and no other
/// task anything; another worker takes its place. A task that was handed over but not begun is given to another worker
/// at no cost. A panic is caught: the worker goes on. When the process that made the pool ends, in whatever way, its
/// workers are killed by the kernel.
///
/// Dropping the pool ends it: tasks that have not ended become [`TaskError::PoolClosed`], idle workers see their socket
/// close, busy ones get SIGTERM, and after 0.3 s SIGKILL. It takes at most 2.3 s. In a fork of the process a pool does
/// nothing.
///
/// # Cost
///
/// Two descriptors a worker in this process and one thread a pool; nothing a task. A warm call is two packets.
///
/// # Examples
///
/// ```
/// use multiproc_pool::{ProcessPool, TaskError};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     multiproc_pool::init();
///     let pool = ProcessPool::builder().workers(2).build()?;
///     assert_eq!(pool.map(|n: u64| n * n, 1..=4)?, [1, 4, 9, 16]);
///
///     let error = pool.call(|code: i32| std::process::exit(code), 3).map(|never: ()| never).unwrap_err();
///     assert!(matches!(error, TaskError::WorkerDied { code: Some(3), .. }));
///     assert_eq!(pool.call(|word: String| word.len(), "on".to_string())?, 2);
///     Ok(())
/// }
/// ```
#[doc(alias = "multiprocessing.Pool")]
#[doc(alias = "ProcessPoolExecutor")]
pub struct ProcessPool {
    core: Arc<Core>,
    /// `Some` until drop.
    attendant: Option<JoinHandle<()>>,
}

impl ProcessPool {
    /// A pool with one worker for each core that the affinity mask and the control group allow.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn new() -> Result<Self, PoolError> {
        PoolBuilder::default().build()
    }

    /// Settings for a pool that is to be made.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::default()
    }

    /// Runs `function` on each item and gives the results in the order of the items.
    ///
    /// Items are encoded as workers get free, so an iterator may be long; it is not one that may be endless, since all
    /// results are returned together.
    ///
    /// # Errors
    ///
    /// The first failure in the order of the items, or what keeps an item from being handed over. Tasks that have not begun by then are dropped, those under way
    /// run to their end unheard.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # multiproc_pool::init();
    /// let pool = multiproc_pool::ProcessPool::new()?;
    /// let words = ["one", "three"].map(String::from);
    /// assert_eq!(pool.map(|word: String| word.len(), &words)?, [3, 5]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn map<A, R>(
        &self,
        function: fn(A) -> R,
        items: impl IntoIterator<Item = impl Borrow<A>>,
    ) -> Result<Vec<R>, TaskError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let mut results = Vec::new();
        Map::run(&self.core, function, items, |outcome| {
            results.push(plain(outcome)?);
            Ok(())
        })?;
        Ok(results)
    }

    /// Runs `function`, which may fail, on each item and gives each item's result or failure, in the order of the items.
    ///
    /// # Errors
    ///
    /// Only what keeps tasks from being handed over, such as an item that cannot be encoded.
    ///
    /// ```
    /// use multiproc_pool::{ProcessPool, TaskError};
    ///
    /// fn parse(text: String) -> multiproc_pool::Result<i32> {
    ///     Ok(text.parse()?)
    /// }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # multiproc_pool::init();
    /// let pool = ProcessPool::new()?;
    /// let results = pool.try_map(parse, ["7", "x"].map(String::from))?;
    /// assert!(matches!(results[0], Ok(7)));
    /// assert!(matches!(&results[1], Err(TaskError::Failed(e)) if e.to_string() == "invalid digit found in string"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_map<A, R>(
        &self,
        function: fn(A) -> crate::Result<R>,
        items: impl IntoIterator<Item = impl Borrow<A>>,
    ) -> Result<Vec<Result<R, TaskError>>, PoolError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let mut results = Vec::new();
        let ran = Map::run(&self.core, function, items, |outcome| {
            results.push(flat(outcome));
            Ok::<(), Infallible>(())
        });
        match ran {
            Ok(()) => Ok(results),
            Err(MapError::Pool(e)) => Err(e),
        }
    }

    /// Runs `function(argument)` on a worker and waits for the result.
    ///
    /// # Errors
    ///
    /// The task gave none: see [`TaskError`].
    #[doc(alias = "apply")]
    pub fn call<A, R>(&self, function: fn(A) -> R, argument: A) -> Result<R, TaskError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.call_with(function, &argument, plain)
    }

    /// Runs `function(argument)`, which may fail, on a worker and waits for the result.
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] is the function's own error; else as [`call`](Self::call).
    pub fn try_call<A, R>(&self, function: fn(A) -> crate::Result<R>, argument: A) -> Result<R, TaskError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.call_with(function, &argument, flat)
    }

    fn call_with<A, R, T>(
        &self,
        function: fn(A) -> T,
        argument: &A,
        finish: fn(Outcome) -> Result<R, TaskError>,
    ) -> Result<R, TaskError>
    where
        A: Serialize + DeserializeOwned,
        T: Serialize,
    {
        let waiter = Waiter::new();
        let (_, slot) = self.core.submit(request(function, argument)?, &waiter)?;
        self.core.wait(&waiter, 0, None);
        finish(slot.take().unwrap_or(Outcome::PoolClosed))
    }

    /// Hands `function(argument)` to the pool and returns at once.
    ///
    /// # Errors
    ///
    /// The argument cannot be encoded, the function cannot be sent, or the pool is closed.
    #[doc(alias = "apply_async")]
    pub fn submit<A, R>(&self, function: fn(A) -> R, argument: A) -> Result<TaskHandle<R>, PoolError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_with(function, &argument, plain)
    }

    /// Hands `function(argument)`, which may fail, to the pool and returns at once.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub fn try_submit<A, R>(
        &self,
        function: fn(A) -> crate::Result<R>,
        argument: A,
    ) -> Result<TaskHandle<R>, PoolError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_with(function, &argument, flat)
    }

    fn submit_with<A, R, T>(
        &self,
        function: fn(A) -> T,
        argument: &A,
        finish: fn(Outcome) -> Result<R, TaskError>,
    ) -> Result<TaskHandle<R>, PoolError>
    where
        A: Serialize + DeserializeOwned,
        T: Serialize,
    {
        let (id, slot) = self.core.submit(request(function, argument)?, &Waiter::new())?;
        self.core.attend_to_it();
        Ok(TaskHandle::new(id, self.core.clone(), slot, finish))
    }

    /// Takes no more tasks. Those that were submitted are still run.
    pub fn close(&self) {
        if self.core.is_ours() {
            self.core.lock().open = false;
        }
    }

    /// The workers that live now: place, process number, what they do and since when.
    pub fn workers(&self) -> Vec<WorkerInfo> {
        if self.core.is_ours() { self.core.lock().worker_infos() } else { Vec::new() }
    }

    /// What the pool has done so far.
    pub fn stats(&self) -> PoolStats {
        if self.core.is_ours() { self.core.lock().stats.clone() } else { PoolStats::default() }
    }
}

impl Drop for ProcessPool {
    fn drop(&mut self) {
        let attendant = self.attendant.take();
        if !self.core.is_ours() {
            // A fork has neither the attendant nor, maybe, a lock that will ever be free.
            std::mem::forget((attendant, self.core.clone()));
            return;
        }
        let workers = self.core.end();
        if let Some(attendant) = attendant {
            let _ = attendant.join(); // its panic, were there one, has been printed
        }
        shutdown::end(workers);
    }
}

impl fmt::Debug for ProcessPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessPool").field("workers", &self.workers()).finish_non_exhaustive()
    }
}
