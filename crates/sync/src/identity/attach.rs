//! Gives the calling thread its identity, once, and marks its end. `unsafe`: libc keeps the list of robust words.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use super::me::Me;
use super::record::Record;
use super::{Claim, IdentityError, Owner};
use crate::generation::Generation;
use crate::primitive::AtomicU64;
use crate::registry::{self, Registry};
use crate::robust_word::OFFSET;
use crate::sys::robust_list::{self, NoList};
use crate::sys::thread_end;
#[cfg(feature = "watch")]
use crate::watch;

thread_local! {
    /// Null: no identity yet, or no longer. Nothing to drop, so that it can be read to the thread's very end.
    static ME: Cell<Option<Me>> = const { Cell::new(None) };
}

/// This process's claim with its fork generation, so that a fork does not take it for its own; 0: none yet.
static PROCESS: AtomicU64 = AtomicU64::new(0);

/// Marks the thread as left. libc calls it last: guards in thread-locals are dropped before, by a thread that has its name
/// still; and it does not when the whole process exits, whose locks are those of a dead process.
extern "C" fn leave(_: *mut c_void) {
    #[cfg(feature = "watch")]
    watch::leave();
    let Some(me) = ME.take() else { return };
    if let (Some(registry), Some(owner)) = (registry::installed(), Owner::unpacked(me.owner())) {
        registry.leave(owner.thread);
    }
    me.end();
}

/// Has the calling thread looked after at its end, which has no name in a family.
#[cfg(feature = "watch")]
pub(crate) fn at_thread_end() {
    thread_end::call(leave);
}

/// Called in each fork of this process: its thread is another, and holds nothing.
pub(crate) fn forget_in_fork() {
    #[cfg(feature = "watch")]
    watch::forget_in_fork();
    if let Some(me) = ME.take() {
        // Of a lock that the thread in the other process holds.
        me.list().settle();
    }
    Record::forget_all();
}

/// The calling thread if it has an identity: else it holds nothing.
#[inline(always)]
pub(crate) fn attached() -> Option<Me> {
    ME.get()
}

/// The calling thread, which gets its identity if it has none yet.
#[inline(always)]
pub(crate) fn me() -> Result<Me, IdentityError> {
    match ME.get() {
        Some(me) => Ok(me),
        None => attach(),
    }
}

#[cold]
#[inline(never)]
pub(crate) fn attach() -> Result<Me, IdentityError> {
    let registry = registry::installed().ok_or(IdentityError::NoRegistry)?;
    let list = robust_list::of_this_thread(OFFSET).map_err(|error| match error {
        NoList::Missing => IdentityError::NoRobustList,
        NoList::Foreign => IdentityError::ForeignRobustList,
    })?;
    let process = process(registry)?;
    // SAFETY: libc's list of the calling thread, where it stays: in a thread-local.
    let me = unsafe { Me::unnamed(list, robust_list::thread_id()) };
    let Some(thread) = registry.claim_thread(me, process) else {
        me.end();
        return Err(IdentityError::TooManyThreads);
    };
    me.name(Owner { process, thread }.packed());
    ME.set(Some(me));
    thread_end::call(leave);
    Ok(me)
}

/// The entry of this process, whose threads need none.
#[inline]
pub(crate) fn process_of_this() -> Result<Claim, IdentityError> {
    process(registry::installed().ok_or(IdentityError::NoRegistry)?)
}

/// The entry of this process.
#[inline]
fn process(registry: &Registry) -> Result<Claim, IdentityError> {
    let generation = Generation::now().number();
    let known = PROCESS.load(Acquire);
    if let Some(claim) = Claim::unpacked(known as u32).filter(|_| (known >> 32) as u32 == generation) {
        return Ok(claim);
    }
    claim_process(registry, generation, known)
}

#[cold]
fn claim_process(registry: &Registry, generation: u32, known: u64) -> Result<Claim, IdentityError> {
    let claim = registry.claim_process()?;
    let ours = u64::from(generation) << 32 | u64::from(claim.packed());
    match PROCESS.compare_exchange(known, ours, AcqRel, Acquire) {
        Ok(_) => Ok(claim),
        Err(theirs) => {
            // Another thread was quicker; an entry too many would say nothing wrong, but be one less for others.
            registry.release_process(claim);
            Ok(Claim::unpacked(theirs as u32).unwrap_or(claim))
        }
    }
}
