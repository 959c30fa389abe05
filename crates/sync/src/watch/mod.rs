//! What threads tell of their locks while they use them: what each holds and waits for, since when, and where in the source. For the
//! features `contention` and `deadlock`; without both, everything that a lock calls in here is empty, and nothing is left of it.
//!
//! It is told in side tables (`tables.rs`), beside the locks: no layout of a lock depends on a feature, but for bits of its
//! [mode](crate::robust_word::RobustWord) that are 0 without.
#![cfg_attr(not(feature = "deadlock"), allow(dead_code))] // what threads wait for, and whose records are whose, is read by it alone

#[cfg(any(all(feature = "watch", not(multiproc_loom)), all(test, multiproc_loom)))]
pub(crate) mod bucket;
mod call_site;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
mod count;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
mod here;
mod name;
#[cfg(not(all(feature = "watch", not(multiproc_loom))))]
mod off;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
mod on;
#[cfg(any(all(feature = "watch", not(multiproc_loom)), all(test, multiproc_loom)))]
pub(crate) mod record;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) mod site;
#[cfg(any(all(feature = "watch", not(multiproc_loom)), all(test, multiproc_loom)))]
pub(crate) mod stats;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) mod tables;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
mod waiting;

pub use self::call_site::CallSite;
pub(crate) use self::name::numbered;
pub use self::name::{MAX_NAME, MAX_NAMES, NameError};
#[cfg(not(all(feature = "watch", not(multiproc_loom))))]
#[cfg_attr(multiproc_loom, allow(unused_imports))] // no hooks run in a model
pub(crate) use self::off::{
    Hidden, Site, Waiting, acquired, asks, read_ended, reading, released, self_lock, taken, waits,
};
#[cfg(all(feature = "deadlock", not(multiproc_loom)))]
pub(crate) use self::on::LockId;
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) use self::on::{Hidden, Site, read_ended, reading, released, self_lock, taken};
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) use self::{
    count::{acquired, asks, waits},
    here::{forget_in_fork, leave},
    waiting::Waiting,
};
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) use self::{name::name_of, site::of_number as site_of};

/// How a thread uses a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Alone: a mutex, or an [`RwLock`](crate::RwLock) to write.
    Exclusive,
    /// Beside others: an [`RwLock`](crate::RwLock) to read.
    Read,
}
