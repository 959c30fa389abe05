//! Queues between threads, as Python's module `queue` has them.
//!
//! | | order | bound | account, shutdown |
//! |---|---|---|---|
//! | [`Queue`] | first in, first out | if wanted | yes |
//! | [`LifoQueue`] | last in, first out | if wanted | yes |
//! | [`PriorityQueue`] | the least first, among equals first in, first out | if wanted | yes |
//! | [`SimpleQueue`] | first in, first out | none | no |
//!
//! Plain channels, whose ends are owned, are in [`channel`](crate::channel), which also says which to take.

mod account;
mod contention;
mod error;
mod fifo;
mod iter;
mod lifo;
mod locked;
mod methods;
mod priority;
mod ranked;
mod ring;
mod shell;
mod simple;
mod sleepers;
mod store;

pub use self::account::TaskDoneError;
pub use self::error::{GetError, PutError, UnfinishedError};
pub use self::fifo::Queue;
pub use self::iter::{Iter, TryIter};
pub use self::lifo::LifoQueue;
pub use self::priority::{ByKey, Natural, PriorityQueue};
pub use self::shell::Shutdown;
pub use self::simple::SimpleQueue;
