//! What the benches do with a group of many members, whoever brings it: one wait for all of them, and a turn that goes from side to side by
//! the last of them. `unsafe`: each side keeps what is its own in a cell.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Result;
use crate::alone;
use crate::handoff::Token;
use crate::latches::{Latch, one};
use crate::session::{Setting, Start};

/// A group of pieces of work that can be waited for.
pub(crate) trait Group: Sync + 'static {
    /// A piece, which is done when it is dropped.
    type Member: 'static;

    /// Announces a piece that is whose it will be.
    fn announce(&self);

    /// Does it.
    fn done(&self);

    /// Announces a piece, and keeps it.
    fn join(&'static self) -> Self::Member;

    /// Waits until nothing is left.
    fn wait(&self);
}

/// A member of a group that knows no members: a piece that is done when this is dropped.
#[derive(Debug)]
pub(crate) struct Counted<G: Group>(&'static G);

impl<G: Group> Counted<G> {
    #[inline(always)]
    pub(crate) fn new(group: &'static G) -> Self {
        group.announce();
        Self(group)
    }
}

impl<G: Group> Drop for Counted<G> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.done();
    }
}

/// A latch that grows again: its count is one of pieces, whoever does them.
pub(crate) trait Grows: Latch {
    fn add_one(&self);
}

impl<L: Grows> Group for L {
    type Member = Counted<L>;

    #[inline(always)]
    fn announce(&self) {
        self.add_one();
    }

    #[inline(always)]
    fn done(&self) {
        self.count_down();
    }

    #[inline(always)]
    fn join(&'static self) -> Counted<L> {
        Counted::new(self)
    }

    #[inline(always)]
    fn wait(&self) {
        Latch::wait(self);
    }
}

/// Without pieces.
pub(crate) fn empty<L: Grows>() -> Result<&'static L> {
    one::<0, L>()
}

/// With many.
pub(crate) fn of_many<L: Grows>() -> Result<&'static L> {
    one::<{ MEMBERS as u32 }, L>()
}

/// All but one of those that our groups can have.
pub(crate) const MEMBERS: usize = 63;

/// A turn that is given by the last of many. Two groups take turns: who gives has all members of the next one before those of this one are
/// done. So whoever waits, waits for many, who are there already.
#[derive(Debug)]
pub(crate) struct Crew<G: Group> {
    groups: [&'static G; 2],
    giver: Giver<G>,
    taker: Taker,
}

/// The giving side's, on cache lines of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Giver<G: Group>(UnsafeCell<Members<G>>);

#[derive(Debug)]
struct Members<G: Group> {
    given: usize,
    of: [Vec<G::Member>; 2],
}

/// How often the taking side has had it; likewise.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Taker(AtomicUsize);

// SAFETY: the groups are for several threads; the members are reached by the only thread that gives.
unsafe impl<G: Group> Sync for Crew<G> {}

/// Begins with one piece that is nobody's: who gives first need not be the one that makes it.
pub(crate) fn crew<G: Group>(make: fn() -> Result<&'static G>) -> Result<&'static Crew<G>> {
    let groups = [make()?, make()?];
    groups[0].announce();
    let of = [Vec::with_capacity(MEMBERS), Vec::with_capacity(MEMBERS)];
    let giver = Giver(UnsafeCell::new(Members { given: 0, of }));
    Ok(Box::leak(Box::new(Crew { groups, giver, taker: Taker::default() })))
}

pub(crate) fn crews<G: Group>(make: fn() -> Result<&'static G>) -> Result<[&'static Crew<G>; 2]> {
    Ok([crew(make)?, crew(make)?])
}

impl<G: Group> Token for Crew<G> {
    fn give(&self) {
        // SAFETY: one thread gives, and nothing below gives again.
        let members = unsafe { &mut *self.giver.0.get() };
        let (this, next) = (members.given % 2, (members.given + 1) % 2);
        members.of[next].extend((0..MEMBERS).map(|_| self.groups[next].join()));
        if members.given == 0 {
            self.groups[this].done();
        } else {
            members.of[this].clear();
        }
        members.given += 1;
    }

    fn take(&self) {
        let taken = self.taker.0.load(Ordering::Relaxed);
        self.groups[taken % 2].wait();
        self.taker.0.store(taken + 1, Ordering::Relaxed);
    }
}

/// Something that can be asked whether all is done.
pub(crate) trait Ask: Sync + 'static {
    fn is_done(&self) -> bool;
}

impl<L: Grows> Ask for L {
    #[inline(always)]
    fn is_done(&self) -> bool {
        self.is_open()
    }
}

/// Asks where it is not.
pub(crate) fn refused<A: Ask>(_: &Setting, asked: Result<&'static A>) -> Result<Start> {
    alone::operations(asked, |asked: &A| assert!(!asked.is_done(), "pieces are left"), |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handoff::two_threads;
    use crate::ours::wait_group as ours;
    use crate::peers::{crossbeam, latch};
    use crate::placement::Placement;

    fn setting() -> Setting {
        Setting::new(Placement::Free, true).unwrap()
    }

    fn batches<G: Group>(make: fn() -> Result<&'static G>) -> Result<u64> {
        let Start::Here(mut session) = two_threads(&setting(), crews(make))? else {
            return Err("it does not run here".into());
        };
        (0..20).map(|_| session.batch()).sum()
    }

    #[test]
    fn each_turn_comes_back_by_the_last_of_many() {
        for done in [
            batches(ours::empty),
            batches(empty::<latch::Std>),
            batches(empty::<latch::Pthread>),
            batches(crossbeam::empty),
        ] {
            assert!(done.unwrap() > 0);
        }
    }

    #[test]
    fn who_waits_waits_for_many() {
        let (group, crew) = (ours::empty().unwrap(), crew(ours::empty).unwrap());
        assert!(group.is_done());
        crew.give();
        assert!(crew.groups[0].is_done());
        assert_eq!(crew.groups[1].members().unwrap(), MEMBERS);
        crew.take();
        crew.give();
        assert_eq!(crew.groups.map(|group| group.members().unwrap()), [MEMBERS, 0]);
    }

    /// Holds nobody up.
    struct Open;

    impl Group for Open {
        type Member = ();

        fn announce(&self) {}

        fn done(&self) {}

        fn join(&'static self) {}

        fn wait(&self) {}
    }

    #[test]
    fn what_holds_nobody_up_fails_its_round() {
        let Start::Here(mut session) = two_threads(&setting(), crews(|| Ok(&Open))).unwrap() else {
            panic!("it runs here");
        };
        let ends = (0..1000).find_map(|_| session.batch().err());
        assert!(ends.is_some_and(|error| error.to_string().contains("is right")));
    }
}
