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

pub use crossbeam_channel::*;
