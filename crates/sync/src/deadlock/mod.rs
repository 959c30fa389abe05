//! Threads that wait for each other, of whatever process, and what is told of them.
//!
//! A thread that asks for a lock which it has itself would wait for ever; so would two threads that have a lock each and ask for the
//! other's. Without the feature `deadlock` the first is found where the lock knows its owner: a placed one, and an
//! [`RwLock`](crate::RwLock). With it, both are, and every longer circle, of threads of one process or of several, over placed and
//! private locks, [`Mutex`](crate::Mutex), [`ReentrantMutex`](crate::ReentrantMutex) and [`RwLock`](crate::RwLock):
//! [`LockError::Deadlock`](crate::LockError::Deadlock) ends the wait that has closed the circle, and its [`Report`] says who has what and
//! waits for what, and where in the source. The others wait on: once the one that was told drops its guards, they go on.
//!
#![cfg_attr(feature = "deadlock", doc = "```")]
#![cfg_attr(not(feature = "deadlock"), doc = "```no_run")]
//! use multiproc_sync::{LockError, Mutex};
//! use std::sync::Barrier;
//!
//! let [stock, orders] = [Mutex::new(7), Mutex::new(0)];
//! let both_have_one = Barrier::new(2);
//! let take_both = |first: &Mutex<i32>, second: &Mutex<i32>| {
//!     let _first = first.lock().unwrap();
//!     both_have_one.wait();
//!     match second.lock() {
//!         Ok(_) => None,
//!         Err(LockError::Deadlock(report)) => Some(report),
//!         Err(other) => panic!("{other}"),
//!     }
//! };
//! let reports = std::thread::scope(|scope| {
//!     let one = scope.spawn(|| take_both(&stock, &orders));
//!     let other = scope.spawn(|| take_both(&orders, &stock));
//!     [one.join().unwrap(), other.join().unwrap()]
//! });
//! // One of the two was told, and gave way to the other.
//! let [report]: [_; 1] = reports.into_iter().flatten().collect::<Vec<_>>().try_into().unwrap();
//! assert_eq!(report.parties().len(), 2);
//! println!("{report}");
//! ```
//!
//! # How it is found
//!
//! By a graph, not by a time: each thread notes in shared memory what it holds and what it waits for, and one that has waited for 100 ms
//! looks, then and every 200 ms, whether those it waits for wait for it. However long somebody has a lock at work, nothing is reported.
//! As the wait that closes a circle is the last to begin, it is mostly its first look that finds it. The later ones get rarer where
//! hundreds of threads wait at a time.
//!
//! What is read of several threads counts only if none of them has gone on while it was read; so what is reported was true of all of them
//! at one moment, and, as none of them could go on then, is true still. What is left are threads that something else would have freed: one
//! that is killed, whose process has not ended yet; one whose wait the [hook](crate::interrupt) of a signal would have ended.
//!
//! # What is not seen
//!
//! - A wait that ends by itself, in a `_timeout` or `_deadline` form, holds nobody up for ever: a circle with one in it is not reported.
//! - A reader of an [`RwLock`](crate::RwLock) that waits for a slot waits for any of the others to leave.
//! - Waits for anything but these locks: a [`Condvar`](crate::Condvar)'s notification, an [`Event`](crate::Event), the permits of a
//!   semaphore, a message.
//! - What a thread holds beyond 40 locks at a time. A guard that is [forgotten](std::mem::forget) counts to its thread's end.
//! - What came along into a fork: its own copies of private locks that the forking thread has are held there by nobody.
//! - Threads beyond [`MAX_THREADS`](crate::registry::MAX_THREADS) of a family, or of a process without one.
//!
//! # Cost
//!
//! Some 20 ns for each lock taken and released, which without it take 5 or 6 together: docs/performance.md of the repository has the figures.
//! For a wait that lasts, a look at what each thread of the family says. In a family each thread that locks anything, private locks too, has
//! one of its [`MAX_THREADS`](crate::registry::MAX_THREADS) names. Without the feature nothing: a lock is the same machine code, and memory is
//! laid out alike.

#[cfg(all(feature = "deadlock", not(multiproc_loom)))]
mod describe;
#[cfg(any(all(feature = "deadlock", not(multiproc_loom)), all(test, multiproc_loom)))]
pub(crate) mod graph;
mod report;

#[cfg(all(feature = "deadlock", not(multiproc_loom)))]
pub(crate) use self::describe::look;
pub use self::report::{LockName, LockUse, Party, Report, ThreadName};
pub use crate::watch::Access;
