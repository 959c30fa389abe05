//! Cancellation: a thread is asked to end, and what it waits for ends at once.
//!
//! Nobody can end a thread from outside: what it has locked would stay so. It is asked, by a [`CancelToken`], and hears of it where it
//! [asks itself](CancelToken::check), and in each wait of this family of crates but those for locks, inside a [scope](CancelToken::scope)
//! of the token. What an interrupted wait leaves behind is told by the type that was waited for; nothing of it is torn.
//!
//! ```
//! use multiproc_thread::{CancelToken, WaitError, sleep};
//! use std::time::Duration;
//!
//! let token = CancelToken::new();
//! std::thread::scope(|scope| {
//!     let sleeper = scope.spawn(|| token.scope(|| sleep(Duration::from_secs(3600))));
//!     token.cancel();
//!     assert_eq!(sleeper.join().unwrap(), Err(WaitError::Cancelled));
//! });
//! ```

mod error;
#[cfg(not(multiproc_loom))]
mod here;
mod node;
#[cfg(not(multiproc_loom))]
mod sleep;
#[cfg(all(test, multiproc_loom))]
mod tests;
mod token;

pub use self::error::{Cancelled, WaitError};
#[cfg(not(multiproc_loom))]
pub use self::here::check_cancelled;
#[cfg(not(multiproc_loom))]
pub use self::sleep::sleep;
pub use self::token::CancelToken;
