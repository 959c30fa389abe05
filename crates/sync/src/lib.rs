//! Locks for threads and for shared memory that survive the death of any process at any instruction.
//!
//! ```
//! let total = multiproc_sync::Mutex::new(0);
//! std::thread::scope(|scope| {
//!     for n in 1..=4 {
//!         let total = &total;
//!         scope.spawn(move || *total.lock().unwrap() += n);
//!     }
//! });
//! assert_eq!(total.into_inner()?, 10);
//! # Ok::<(), multiproc_sync::LockError<i32>>(())
//! ```
//!
//! # Layout
//!
//! - [`Mutex`]: the same type on a stack and in shared memory.
//! - [`ReentrantMutex`]: one that its owner may lock again.
//! - [`RwLock`]: many readers or one writer, likewise.
//! - [`Semaphore`], [`BoundedSemaphore`]: so many at a time, or so many made and not yet used.
//! - [`RobustSemaphore`]: so many at a time, of processes that may die.
//! - [`Lock`]: a lock that nobody owns, for what a mutex is too strict for.
//! - [`Acquirable`]: what all of these have in common.
//! - [`Event`]: a flag to wait for.
//! - [`Latch`]: a count to wait for, which goes down to zero once.
//! - [`Once`], [`OnceLock`]: what is done or made once, by whoever comes first.
//! - [`Condvar`]: to wait for a change of what a mutex guards.
//! - [`Barrier`]: several parties go on once all have come.
//! - [`WaitGroup`]: to wait until all announced work is done, or one who was at it has died.
//! - [`Doorbell`], [`Pace`]: how to wait for something that another thread or process does; [`interrupt`]: what a signal, or
//!   another thread, does to whoever waits.
//! - [`shm_safe`]: what may lie in shared memory, and how a lock gets there.
//! - [`registry`]: the names of a family's processes and threads; [`registry::inspect`]: who holds what and who waits, for one who is no
//!   member; [`ProcessName`]: one of them in a word; [`Generation`],
//!   [`PerProcess`]: forks.
//! - [`primitive`]: the atomics below, and the switch to the model checker.
//!
//! The crate maps no memory: `multiproc-shm` does. Linux only.

mod acquirable;
mod awaited;
mod barrier;
mod claims;
mod condvar;
#[cfg(all(feature = "contention", not(multiproc_loom)))]
pub mod contention;
pub mod deadlock;
mod doorbell;
mod event;
mod futex;
#[cfg(not(multiproc_loom))]
mod generation;
mod identity;
pub mod interrupt;
mod latch;
mod lock;
mod mutex;
mod once;
mod once_lock;
mod origin;
mod pace;
#[cfg(not(multiproc_loom))]
mod per_process;
mod planted;
pub mod primitive;
mod process_name;
mod reentrant_mutex;
#[cfg(not(multiproc_loom))]
pub mod registry;
#[cfg(multiproc_loom)]
#[path = "registry/modelled.rs"]
mod registry;
mod robust_semaphore;
mod robust_word;
mod rwlock;
mod semaphore;
pub mod shm_safe;
#[cfg(not(multiproc_loom))]
mod sys;
#[cfg(all(test, multiproc_loom))]
mod tests;
mod wait_error;
mod wait_group;
mod watch;

pub use self::acquirable::Acquirable;
pub use self::barrier::{ArrivalIndex, Barrier, BarrierError, MAX_PARTIES, PartiesError};
pub use self::condvar::{ConditionView, Condvar, WaitGuard, WaitTimeoutResult};
pub use self::doorbell::Doorbell;
pub use self::event::Event;
#[cfg(not(multiproc_loom))]
pub use self::generation::Generation;
pub use self::identity::{IdentityError, MAX_HELD};
pub use self::latch::{ArriveError, CountError, Latch};
pub use self::lock::{Held, Lock, NotAcquired};
pub use self::mutex::{LockError, LockResult, Mutex, MutexGuard};
pub use self::once::{Once, OnceError, SetError, SetErrorKind};
pub use self::once_lock::OnceLock;
pub use self::pace::{PROBE_BUDGET, Pace, SPIN_BUDGET};
#[cfg(not(multiproc_loom))]
pub use self::per_process::PerProcess;
pub use self::process_name::ProcessName;
pub use self::reentrant_mutex::{MAX_DEPTH, ReentrantMutex, ReentrantMutexGuard};
pub use self::robust_semaphore::{
    AcquireError, Holder, MAX_ROBUST_PERMITS, PermitsError, RobustPermit, RobustSemaphore,
};
pub use self::rwlock::{MAX_READERS, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use self::semaphore::{BoundedSemaphore, MAX_PERMITS, Permit, ReleaseError, Semaphore};
pub use self::wait_error::WaitError;
pub use self::wait_group::{MAX_MEMBERS, MAX_PIECES, Member, WaitGroup, WaitGroupError};
pub use self::watch::{CallSite, MAX_NAME, MAX_NAMES, NameError};

#[doc(hidden)]
#[cfg(all(multiproc_planted, not(multiproc_loom)))]
pub use self::planted::plant;

/// The functions that a kill at every instruction must have met, by name and address.
#[doc(hidden)]
#[cfg(not(multiproc_loom))]
pub fn fault_points() -> Vec<(&'static str, usize)> {
    let [come, pass, leave, mend, collect] = barrier::fault_points();
    let [group_mend, group_settle, group_take_over] = wait_group::fault_points();
    let [take_again] = reentrant_mutex::fault_points();
    let [read, read_end, write, downgrade, turn] = rwlock::fault_points();
    vec![
        ("slow", mutex::robust::contended as *const () as usize),
        ("wake", mutex::robust::wake as *const () as usize),
        ("recover", mutex::recovery::recover as *const () as usize),
        ("event", Event::wake as *const () as usize),
        ("latch_wait", Latch::wait_slowly as *const () as usize),
        ("latch_wake", Latch::wake as *const () as usize),
        ("notify", Condvar::wake as *const () as usize),
        ("notify_all", Condvar::wake_all as *const () as usize),
        ("attach", identity::attach as *const () as usize),
        ("once_begin", once::initialising::Initialising::begin as *const () as usize),
        ("once_complete", once::initialising::Initialising::complete as *const () as usize),
        ("permit_wait", semaphore::permits::Permits::<0>::wait as *const () as usize),
        ("permit_wake", semaphore::permits::Permits::<0>::wake as *const () as usize),
        ("hold_wait", semaphore::permits::Permits::<1>::wait as *const () as usize),
        ("robust_permit_wait", robust_semaphore::waiters::Waiters::wait as *const () as usize),
        ("robust_permit_wake", robust_semaphore::waiters::Waiters::end_and_wake as *const () as usize),
        ("take_over", claims::Claim::take_over as *const () as usize),
        ("hold_wake", semaphore::permits::Permits::<1>::wake as *const () as usize),
        come,
        pass,
        leave,
        mend,
        collect,
        group_mend,
        group_settle,
        group_take_over,
        take_again,
        read,
        read_end,
        write,
        downgrade,
        turn,
    ]
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
