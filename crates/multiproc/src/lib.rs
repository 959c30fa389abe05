//! Functions of a Rust program in other processes: typed, and safe from each other's crashes.
//!
//! ```
//! use multiproc::ProcessPool;
//!
//! #[multiproc::main] // a worker process never gets past this line
//! fn main() -> multiproc::Result<()> {
//!     let pool = ProcessPool::builder().workers(2).retries(1).build()?;
//!     assert_eq!(pool.map(|n: u64| n * n, 1..=4)?, [1, 4, 9, 16]);
//!     Ok(())
//! }
//! ```
//!
//! # Crate layout
//!
//! This crate only joins others, which can be used without it; each is a feature, and all are on by default.
//!
//! | feature | crate | what it brings |
//! |---|---|---|
//! | `pool` | `multiproc-pool` | [`Process`], [`ProcessPool`], [`init`] |
//! | `macros` | `multiproc-macros` | [`#[multiproc::main]`](macro@main), [`#[multiproc::test]`](macro@test) |
//! | `ipc` | `multiproc-ipc` | [`ipc`]: connections between processes |
//! | `shm` | `multiproc-shm` | [`shm`]: typed memory that processes share |
//! | `sync` | `multiproc-sync` | [`sync`]: locks that survive the death of any process |
//! | `thread` | `multiproc-thread` | [`thread`]: threads with names, daemons and timers, and queues between them |
//!
//! Three more are off by default. Two of them watch the locks of [`sync`], at a cost, and change nothing else of them:
//!
//! | feature | what it brings |
//! |---|---|
//! | `contention` | `sync::contention`: how long named locks are waited for and held, and where, in all processes of a family |
//! | `deadlock` | threads and processes that wait for each other's locks are told of it |
//! | `ndarray` | arrays of [`shm`] as views of the crate `ndarray`, and made of its arrays |
//!
//! # Coming from Python
//!
//! | Python | here |
//! |---|---|
//! | `multiprocessing.Process(target=f, args=…)` | [`Process::spawn`] |
//! | `multiprocessing.Pool`, `ProcessPoolExecutor` | [`ProcessPool`] |
//! | `pool.map`, `pool.apply`, `pool.apply_async` | [`ProcessPool::map`], [`call`](ProcessPool::call), [`submit`](ProcessPool::submit) |
//! | `multiprocessing.Pipe` | [`ipc::pipe`] |
//! | `BaseManager.connect`, to what another program has made | [`ipc::Offer`], [`ipc::Invitation`] |
//! | `multiprocessing.managers.SharedMemoryManager` | [`shm::SharedHeap`] |
//! | `multiprocessing.Value`, `multiprocessing.shared_memory` | [`shm::SharedValue`], [`shm::Shared`], [`shm::SharedMemory`] |
//! | `multiprocessing.Array`, `RawArray` | [`shm::SharedArray`] |
//! | `multiprocessing.shared_memory.ShareableList` | [`shm::SharedList`] |
//! | `multiprocessing.heap.Arena` | [`shm::Arena`] |
//! | `threading.Lock`, `multiprocessing.Lock` | [`sync::Mutex`], or [`sync::Lock`] where another one releases it |
//! | `threading.RLock`, `multiprocessing.RLock` | [`sync::ReentrantMutex`] |
//! | none: many readers or one writer | [`sync::RwLock`] |
//! | `threading.Semaphore`, `multiprocessing.BoundedSemaphore` | [`sync::Semaphore`], [`sync::BoundedSemaphore`] |
//! | the same, of processes that may be killed | [`sync::RobustSemaphore`] |
//! | `with lock:` | a guard, or [`sync::Acquirable::with`] |
//! | `threading.Condition`, `multiprocessing.Condition` | [`sync::Condvar`] beside a [`sync::Mutex`], or a [`sync::ReentrantMutex`] |
//! | `threading.Barrier`, `multiprocessing.Barrier` | [`sync::Barrier`] |
//! | `threading.Event`, `multiprocessing.Event` | [`sync::Event`], or [`sync::Latch`] for what happens once |
//! | `threading.Thread` | [`thread::Thread`], [`thread::Builder`] |
//! | a subclass of `Thread` with `run` | [`thread::Worker`] |
//! | `t.join(timeout)`, `t.is_alive()` | [`thread::Thread::join_timeout`], [`thread::ThreadRef::is_alive`] |
//! | `threading.current_thread`, `enumerate`, `main_thread` | [`thread::current`], [`thread::enumerate`], [`thread::main`] |
//! | threads are waited for at exit | [`thread::scope_main`], [`thread::join_at_exit`] |
//! | `threading.local` | [`thread::Local`] |
//! | `threading.Timer` | [`thread::Timer`] |
//! | none: to end what threads wait for | [`thread::CancelToken`] |
//! | `time.sleep`, of a thread that may be cancelled | [`thread::sleep`] |
//! | `queue.Queue`, `LifoQueue`, `PriorityQueue`, `SimpleQueue` | [`thread::Queue`], [`thread::LifoQueue`], [`thread::PriorityQueue`], [`thread::SimpleQueue`] |
//! | `queue.task_done`, `queue.join` without a queue | [`sync::WaitGroup::done`], [`sync::WaitGroup::wait`] |
//! | a global made at its first use, under a lock | [`sync::OnceLock`], [`sync::Once`] |
//! | `if __name__ == "__main__":` | [`#[multiproc::main]`](macro@main) |
#![forbid(unsafe_code)]

/// Typed connections between processes: the crate `multiproc-ipc`.
#[cfg(feature = "ipc")]
pub use multiproc_ipc as ipc;

/// The entry hook as attributes: the crate `multiproc-macros`.
#[cfg(feature = "macros")]
pub use multiproc_macros::{main, test};

#[doc(hidden)]
#[cfg(feature = "pool")]
pub use multiproc_pool::entry;

#[cfg(feature = "pool")]
pub use multiproc_pool::{
    MAX_WORKERS, Panic, PoolBuilder, PoolError, PoolStats, Process, ProcessBuilder, ProcessError,
    ProcessPool, Refusal, RemoteError, Result, TaskError, TaskHandle, WorkerInfo, WorkerState, init,
};

/// Typed memory that processes share: the crate `multiproc-shm`.
#[cfg(feature = "shm")]
pub use multiproc_shm as shm;

/// Locks for threads and for shared memory: the crate `multiproc-sync`.
#[cfg(feature = "sync")]
pub use multiproc_sync as sync;

/// Threads, and queues between them: the crate `multiproc-thread`.
#[cfg(feature = "thread")]
pub use multiproc_thread as thread;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontPageDoctests;
