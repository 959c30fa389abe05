//! Threads: their start, their end, and who they are.

mod builder;
mod error;
mod handle;
pub(crate) mod here;
mod join_all;
mod name;
pub(crate) mod panic;
mod phase;
mod record;
mod reference;
mod roll;
pub(crate) mod roster;
mod start;
mod worker;

pub use self::builder::Builder;
pub use self::error::{EndError, JoinError, StartError};
pub use self::handle::Thread;
pub(crate) use self::here::with_own_token;
pub use self::join_all::join_all;
pub use self::name::NameError;
pub(crate) use self::name::of_thread as default_name;
pub use self::panic::Panic;
pub use self::record::ThreadIdent;
pub use self::reference::{ThreadRef, active_count, current, enumerate, main};
pub use self::worker::Worker;
