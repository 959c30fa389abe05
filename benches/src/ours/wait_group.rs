//! Our wait group as a flag, which is set when the only piece of work is done, by anybody or by a member; and with many members.

use std::mem::forget;

use multiproc::shm::{Shared, ShmSafe};
use multiproc::sync::{Member, WaitGroup};

use crate::Result;
use crate::crews::{Ask, Group, MEMBERS};
use crate::handoff::Token;
use crate::other::Other;

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

pub(crate) fn empty() -> Result<&'static WaitGroup> {
    Ok(Box::leak(Box::new(WaitGroup::new())))
}

pub(crate) fn empty_shared() -> Result<&'static WaitGroup> {
    Ok(Box::leak(Box::new(Shared::new(WaitGroup::new())?)))
}

impl Group for WaitGroup {
    type Member = Member<'static>;

    #[inline(always)]
    fn announce(&self) {
        self.add(1).expect("there is room");
    }

    #[inline(always)]
    fn done(&self) {
        self.done().expect("a piece is left");
    }

    #[inline(always)]
    fn join(&'static self) -> Member<'static> {
        self.join().expect("there is room")
    }

    #[inline(always)]
    fn wait(&self) {
        self.wait().expect("nobody dies or interrupts it");
    }
}

/// With many pieces, which are nobody's.
pub(crate) fn of_many_pieces() -> Result<&'static WaitGroup> {
    let group = empty_shared()?;
    group.add(MEMBERS as u32)?;
    Ok(group)
}

/// With many members, who are this thread for good.
pub(crate) fn of_many(group: Result<&'static WaitGroup>) -> Result<&'static WaitGroup> {
    let group = group?;
    join_for_good(group)?;
    Ok(group)
}

fn join_for_good(group: &WaitGroup) -> Result<()> {
    for _ in 0..MEMBERS {
        forget(group.join()?);
    }
    Ok(())
}

impl Ask for WaitGroup {
    #[inline(always)]
    fn is_done(&self) -> bool {
        self.try_wait().is_ok()
    }
}

/// With many members, who are another process, which ends with this one.
pub(crate) fn of_many_elsewhere() -> Result<&'static WaitGroup> {
    let group = empty_shared()?;
    forget(Other::process_that_has(|| join_for_good(group))?);
    Ok(group)
}
