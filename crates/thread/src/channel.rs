//! Plain channels between threads: those of [`crossbeam_channel`], re-exported.
//!
//! ```
//! use multiproc_thread::channel;
//!
//! let (sender, receiver) = channel::bounded(2);
//! std::thread::scope(|scope| {
//!     scope.spawn(move || (1..=3).for_each(|n| sender.send(n).unwrap()));
//!     assert_eq!(receiver.iter().sum::<u32>(), 6); // until the last sender is gone
//! });
//! ```
//!
//! # Which to take
//!
//! | | a channel | [`Queue`](crate::Queue), [`LifoQueue`](crate::LifoQueue), [`PriorityQueue`](crate::PriorityQueue) | [`SimpleQueue`](crate::SimpleQueue) |
//! |---|---|---|---|
//! | who has it | each end its owners, to be cloned and moved | everybody by a reference or an `Arc`, for both ends | as a `Queue` |
//! | its end | when the last sender, or receiver, is dropped | when somebody calls [`shutdown`](crate::Queue::shutdown): drained, or discarded at once | none |
//! | order | as put | as put; last first; least first | as put |
//! | whether the work is done | not told | [`task_done`](crate::Queue::task_done) and [`join`](crate::Queue::join) | not told |
//! | putting waits for room | if [`bounded`]; with a bound of 0, for a receiver | if bounded | never, and never fails |
//! | several at once | [`select!`] | no | no |
//! | time as a source | [`after`], [`tick`] | no | no |
//! | a signal's [hook](multiproc_sync::interrupt) ends a wait | no | yes | yes |
//!
//! - Threads hand values on, and each ends when the one before it has: a channel.
//! - Workers take tasks from a common heap, somebody wants to know when all are done, or to call it off: a `Queue`.
//! - It is written to in destructors, or wherever nobody may wait: a `SimpleQueue`.
//! - The other side is a process: none of these; see the crate `multiproc-ipc`.

pub use crossbeam_channel::*;
