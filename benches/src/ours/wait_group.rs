//! Our wait group as a flag: it is set when the only piece of work is done, by anybody or by a member.

use multiproc::shm::{Shared, ShmSafe};
use multiproc::sync::WaitGroup;

use crate::Result;
use crate::handoff::Token;

/// On cache lines of its own, as every flag here.
#[derive(Debug, ShmSafe)]
#[repr(C, align(64))]
pub(crate) struct Announced(WaitGroup);

/// The same, whose piece is a member's.
#[derive(Debug, ShmSafe)]
#[repr(C, align(64))]
pub(crate) struct Entered(WaitGroup);

/// With a piece that is not done.
fn group() -> Result<WaitGroup> {
    let group = WaitGroup::new();
    group.add(1)?;
    Ok(group)
}

pub(crate) fn private() -> Result<&'static Announced> {
    Ok(Box::leak(Box::new(Announced(group()?))))
}

pub(crate) fn privates() -> Result<[&'static Announced; 2]> {
    Ok([private()?, private()?])
}

pub(crate) fn shared() -> Result<&'static Announced> {
    Ok(Box::leak(Box::new(Shared::new(Announced(group()?))?)))
}

pub(crate) fn shared_pair() -> Result<[&'static Announced; 2]> {
    Ok([shared()?, shared()?])
}

pub(crate) fn entered() -> Result<&'static Entered> {
    Ok(Box::leak(Box::new(Shared::new(Entered(group()?))?)))
}

/// Waits, and announces the next piece.
#[inline(always)]
fn take(group: &WaitGroup) {
    group.wait().expect("nobody dies or interrupts it");
    group.add(1).expect("there is room");
}

impl Token for Announced {
    #[inline(always)]
    fn give(&self) {
        self.0.done().expect("a piece is left");
    }

    #[inline(always)]
    fn take(&self) {
        take(&self.0);
    }
}

impl Token for Entered {
    #[inline(always)]
    fn give(&self) {
        self.0.enter().map(drop).expect("a piece is left");
    }

    #[inline(always)]
    fn take(&self) {
        take(&self.0);
    }
}
