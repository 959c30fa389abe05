//! The one switch between the standard library and the model checker: what threads of a pool meet in.

#[cfg(not(multiproc_loom))]
pub(crate) use std::sync::atomic::AtomicUsize;
#[cfg(not(multiproc_loom))]
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(multiproc_loom)]
pub(crate) use loom::sync::atomic::AtomicUsize;
#[cfg(multiproc_loom)]
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
