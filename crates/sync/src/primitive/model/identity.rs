//! Who the calling thread of a model is to its family, what it holds, and what has become of the others.
#![cfg_attr(not(test), allow(dead_code))] // parts of it are for the models of the registry only

use std::rc::Rc;
use std::sync::Arc;

use super::context::{self, Thread};
use super::deadline::Deadline;
use super::family::{DYING, ENDED, Facts, UNSEEN};
use super::step::goes_on;
use crate::WaitError;
use crate::futex::Scope;
use crate::identity::{Claim, IdentityError, MAX_HELD, Owner, Verdict};
use crate::registry::Registry;
use crate::robust_word::RobustWord;

/// The calling thread, which has an identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me(());

/// The calling thread if it has an identity: else it holds nothing.
pub(crate) fn attached() -> Option<Me> {
    me().ok()
}

/// The calling thread.
pub(crate) fn me() -> Result<Me, IdentityError> {
    context::here().map(|_| Me(())).ok_or(IdentityError::NoRegistry)
}

/// The list of robust words of the calling thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List(());

fn thread() -> Rc<Thread> {
    context::here().expect("Me stays with its thread")
}

impl Me {
    pub(crate) fn list(self) -> List {
        List(())
    }

    pub(crate) fn tid(self) -> u32 {
        thread().facts.tid
    }

    pub(crate) fn owner(self) -> u64 {
        thread().facts.owner
    }

    /// No thread of a model uses the guards of another.
    pub(crate) fn is_here(self) -> bool {
        true
    }

    pub(crate) fn is_here_attached(self) -> bool {
        true
    }

    /// Processes of a model do not fork.
    pub(crate) fn is_elsewhere(self) -> bool {
        false
    }

    pub(crate) fn note_let_go(self) {}

    pub(crate) fn unnote_let_go(self) {}

    pub(crate) fn note(self, _: &RobustWord) -> bool {
        let thread = thread();
        let held = thread.held.get();
        thread.held.set(held + 1);
        held < MAX_HELD
    }

    pub(crate) fn unnote(self, _: &RobustWord) {
        let thread = thread();
        thread.held.set(thread.held.get() - 1);
    }
}

impl List {
    pub(crate) fn announce(self, word: &RobustWord) {
        if goes_on() {
            thread().pending.replace(Some(word.word.word().clone()));
        }
    }

    pub(crate) fn announce_still(self, word: &RobustWord) {
        self.announce(word);
    }

    pub(crate) fn settle(self) {
        if goes_on() {
            thread().pending.take();
        }
    }

    pub(crate) fn link(self, word: &RobustWord) {
        if goes_on() {
            thread().list.borrow_mut().push(word.word.word().clone());
        }
    }

    pub(crate) fn unlink(self, word: &RobustWord) {
        if goes_on() {
            thread().list.borrow_mut().retain(|listed| !Arc::ptr_eq(listed, word.word.word()));
        }
    }
}

/// A process as a registry's entry describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    pub(crate) started: u32,
}

/// What a look at a process found.
#[derive(Debug)]
pub(crate) enum Look {
    /// All of its threads have ended.
    Ended,
    /// It runs.
    Running(()),
    /// Nothing tells.
    Unknown,
}

/// Where the threads of a process are going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// All have ended.
    Ended,
    /// To the process's end.
    Ending,
    /// On.
    On,
}

/// How many bits of the start time an entry keeps: as outside of models.
pub(crate) const STARTED_BITS: u32 = 26;

/// The calling thread's process.
pub(crate) fn this_process() -> Result<Member, IdentityError> {
    let owner = context::here().and_then(|thread| Owner::unpacked(thread.facts.owner));
    let number = u32::from(owner.ok_or(IdentityError::NoRegistry)?.process.index) + 1;
    Ok(Member { pid: number, started: number })
}

/// The claim of the calling thread's process.
pub(crate) fn process_of_this() -> Result<Claim, IdentityError> {
    let owner = context::here().and_then(|thread| Owner::unpacked(thread.facts.owner));
    owner.map(|owner| owner.process).ok_or(IdentityError::NoRegistry)
}

/// Whether the process with this claim has ended.
pub(crate) fn process_has_ended(claim: Claim) -> bool {
    let life =
        context::here().filter(|_| goes_on()).and_then(|thread| thread.family.life(claim.index.into()));
    life.is_some_and(|life| life.newest() & (ENDED | UNSEEN) == ENDED)
}

/// The number of the process with this claim.
pub(crate) fn pid_of_process(claim: Claim) -> Option<u32> {
    Some(u32::from(claim.index) + 1)
}

impl Member {
    /// Whether the process runs.
    pub(crate) fn look(self, _: &Registry) -> Look {
        let life = context::here().filter(|_| goes_on()).and_then(|thread| thread.family.life(self.pid - 1));
        match life.map(|life| life.newest()) {
            Some(life) if life & UNSEEN != 0 => Look::Unknown,
            Some(life) if life & ENDED != 0 => Look::Ended,
            _ => Look::Running(()),
        }
    }

    /// Where the threads of the process are going.
    pub(crate) fn course(self, _: &Registry) -> Option<Course> {
        let life = context::here().filter(|_| goes_on()).and_then(|thread| thread.family.life(self.pid - 1));
        let course = match life?.newest() {
            life if life & UNSEEN != 0 => None,
            life if life & ENDED != 0 => Some(Course::Ended),
            life if life & DYING != 0 => Some(Course::Ending),
            _ => Some(Course::On),
        };
        if let Some(next) = context::here().and_then(|thread| thread.after_look.take()) {
            next();
        }
        course
    }
}

/// What happens right after the calling thread has next seen where a process goes, before it goes on. The checker does not try every place for
/// it: it takes a load for harmless if its own thread's next access of the same word is another load.
#[cfg(test)]
pub(crate) fn after_next_look(what: impl FnOnce() + 'static) {
    thread().after_look.set(Some(Box::new(what)));
}

fn find(owner: u64) -> Option<Arc<Facts>> {
    context::here()?.family.find(owner)
}

/// What is known of this owner now.
pub(crate) fn verdict(owner: u64) -> Verdict {
    let alive = Verdict::Alive { dying: false };
    if !goes_on() {
        return alive;
    }
    let Some(facts) = find(owner) else { return alive };
    match facts.life.newest() {
        life if life & UNSEEN != 0 => Verdict::Unknown,
        life if life & ENDED != 0 => Verdict::Gone,
        life if life & DYING != 0 => Verdict::Alive { dying: true },
        life if life & facts.left != 0 => Verdict::Left,
        _ => Verdict::Alive { dying: false },
    }
}

/// Whether the owner's process has ended.
pub(crate) fn is_gone(owner: u64) -> bool {
    verdict(owner) == Verdict::Gone
}

/// The same, if it can be seen.
pub(crate) fn seen_gone(owner: u64) -> Option<bool> {
    match verdict(owner) {
        Verdict::Unknown => None,
        seen => Some(seen == Verdict::Gone),
    }
}

/// Whether the owner's thread has ended in order.
pub(crate) fn has_left(owner: u64) -> bool {
    verdict(owner) == Verdict::Left
}

/// The number of the owner's process.
pub(crate) fn pid_of(owner: u64) -> u32 {
    Owner::unpacked(owner).map_or(0, |owner| u32::from(owner.process.index) + 1)
}

/// Waits until the owner's process has ended, if it is about to.
pub(crate) fn until_end(owner: u64, deadline: Option<&Deadline>) -> Result<(), WaitError> {
    let Some(facts) = find(owner).filter(|_| goes_on()) else { return Ok(()) };
    let life = facts.life.newest();
    match life & (DYING | ENDED | UNSEEN) {
        DYING => facts.life.wait(life, Scope::Shared, deadline),
        // A heartbeat.
        0 | UNSEEN.. if deadline.is_some_and(Deadline::has_passed) => Err(WaitError::TimedOut),
        _ => Ok(()),
    }
}
