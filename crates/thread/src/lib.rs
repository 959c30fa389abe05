//! What Python's `threading` and `queue` give, and the standard library lacks.
//!
//! ```
//! use multiproc_thread::{Thread, join_all};
//!
//! let threads: Vec<_> = (1..=4).map(|n| Thread::spawn(move || n * n)).collect::<Result<_, _>>()?;
//! let squares: Vec<u32> = join_all(threads).into_iter().collect::<Result<_, _>>()?;
//! assert_eq!(squares, [1, 4, 9, 16]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! - [`Thread`]: runs a function, and is joined for what that returns; [`Builder`] names it, makes it a daemon, hears of its panic.
//! - [`ThreadRef`]: a thread that anybody runs: [`current`], [`main`], those that [`enumerate`] lists.
//! - [`Worker`]: a type that carries its own fields into a thread; [`join_all`].
//! - [`scope_main`], [`join_at_exit`]: the end of the program waits for its threads.
//! - [`Local`]: a value of each thread's own.
//! - [`Timer`]: calls a function after a while, once or again and again.
//! - [`CancelToken`]: asks threads to end, and ends their waits; [`check_cancelled`], [`sleep`].
//! - [`queue`]: [`Queue`], [`LifoQueue`], [`PriorityQueue`], [`SimpleQueue`].
//! - [`channel`]: plain channels, and which to take.
//! - [`guide`]: the programs that people start with.

mod cancel;
#[cfg(not(multiproc_loom))]
pub mod channel;
#[cfg(not(multiproc_loom))]
mod exit;
#[cfg(not(multiproc_loom))]
pub mod guide;
#[cfg(not(multiproc_loom))]
mod local;
#[cfg(all(test, multiproc_loom))]
mod loom_planted;
mod planted;
#[cfg(not(multiproc_loom))]
pub mod queue;
#[cfg(multiproc_loom)]
#[path = "queue/modelled.rs"]
mod queue;
#[cfg(not(multiproc_loom))]
mod sys;
#[cfg(not(multiproc_loom))]
mod thread;
#[cfg(multiproc_loom)]
#[path = "thread/modelled.rs"]
mod thread;
#[cfg(not(multiproc_loom))]
mod timer;
#[cfg(multiproc_loom)]
#[path = "timer/modelled.rs"]
mod timer;

pub use self::cancel::{CancelToken, Cancelled, WaitError};
#[cfg(not(multiproc_loom))]
pub use self::{
    cancel::{check_cancelled, sleep},
    exit::{join_at_exit, scope_main},
    local::Local,
    queue::{
        GetError, LifoQueue, PriorityQueue, PutError, Queue, Shutdown, SimpleQueue, TaskDoneError,
        UnfinishedError,
    },
    thread::{
        Builder, EndError, JoinError, NameError, Panic, StartError, Thread, ThreadIdent, ThreadRef, Worker,
        active_count, current, enumerate, join_all, main,
    },
    timer::{Timer, TimerBuilder, TimerCanceller, ZeroInterval},
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
