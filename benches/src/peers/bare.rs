//! The floors of what costs no more than a look: an atomic load, and the loop around with nothing in it.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;
use crate::flags::Look;
use crate::handoff::Token;
use crate::notify::Notify;

/// A word that is loaded.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Load(AtomicU32);

pub(crate) fn load() -> Result<&'static Load> {
    Ok(Box::leak(Box::default()))
}

impl Token for Load {
    fn give(&self) {
        self.0.store(1, Ordering::Release);
    }

    fn take(&self) {
        assert_eq!(self.0.swap(0, Ordering::Acquire), 1, "nobody waits here");
    }
}

impl Look for Load {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }
}

impl Notify for Load {
    #[inline(always)]
    fn notify(&self) {
        if self.0.load(Ordering::Relaxed) != 0 {
            process::abort();
        }
    }
}

/// Only the loop.
#[derive(Debug)]
pub(crate) struct Nothing;

pub(crate) fn nothing() -> Result<&'static Nothing> {
    Ok(&Nothing)
}

impl Token for Nothing {
    fn give(&self) {}

    fn take(&self) {}
}

impl Look for Nothing {
    #[inline(always)]
    fn is_set(&self) -> bool {
        true
    }
}

impl Notify for Nothing {
    #[inline(always)]
    fn notify(&self) {}
}
