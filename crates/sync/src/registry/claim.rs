//! Entries change hands: claimed by the living, recycled from the dead.
#![allow(clippy::needless_borrow)] // the entries of a model are owned

use std::cell::Cell;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::Registry;
use super::entry::{LEFT, Occupant, ThreadEntry};
use crate::identity::{Claim, IdentityError, Look, Me, Member};
use crate::planted::{Bug, planted};
use crate::robust_word::{DIED, OWNER};

impl Registry {
    /// An entry for this process: a fresh one, else one of a process that has ended.
    pub(crate) fn claim_process(&self) -> Result<Claim, IdentityError> {
        let Member { pid, started } = self.this_process()?;
        let used = &self.header.processes_used;
        loop {
            let index = used.load(Relaxed) as usize;
            let Some(entry) = self.processes.get(index) else { break };
            let occupant = Occupant { pid, started, generation: 0 };
            let claimed = entry.occupant.compare_exchange(0, occupant.packed(), AcqRel, Relaxed).is_ok();
            let claimed = claimed || planted(Bug::EntryTakenTwice);
            // Also for one that was claimed by a process that died before it came here.
            if claimed || !planted(Bug::UseUncounted) {
                used.fetch_max(index as u32 + 1, Relaxed);
            }
            if claimed {
                return Ok(Claim { index: index as u16, generation: 0 });
            }
        }
        for (index, entry) in self.processes.iter().enumerate() {
            let word = entry.occupant.load(Acquire);
            let before = Occupant::unpacked(word);
            let member = Member { pid: before.pid, started: before.started };
            if before.pid != 0 && !matches!(member.look(self), Look::Ended) {
                continue;
            }
            let generation = before.generation.wrapping_add(1);
            let occupant = Occupant { pid, started, generation };
            if entry.occupant.compare_exchange(word, occupant.packed(), AcqRel, Relaxed).is_ok() {
                return Ok(Claim { index: index as u16, generation });
            }
        }
        Err(IdentityError::TooManyProcesses)
    }

    /// Gives back an entry that this process has claimed and never used.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn release_process(&self, claim: Claim) {
        let Some(entry) = self.processes.get(usize::from(claim.index)) else { return };
        let free = Occupant { pid: 0, started: 0, generation: claim.generation };
        entry.occupant.store(free.packed(), Release);
    }

    /// The process with this claim. `None`: its entry went to another since, so that it has ended.
    pub(crate) fn member(&self, claim: Claim) -> Option<Member> {
        let entry = self.processes.get(usize::from(claim.index))?;
        let occupant = Occupant::unpacked(entry.occupant.load(Acquire));
        let same = occupant.generation == claim.generation && occupant.pid != 0;
        same.then_some(Member { pid: occupant.pid, started: occupant.started })
    }

    /// An entry for the calling thread, whose life it follows from now on. `None`: all are taken.
    pub(crate) fn claim_thread(&self, me: Me, process: Claim) -> Option<Claim> {
        let used = &self.header.threads_used;
        let known = self.threads.get(..used.load(Acquire) as usize).unwrap_or(&self.threads);
        let left = |entry: &ThreadEntry| entry.mark.load(Relaxed) & LEFT != 0;
        // A process has many threads: the one that was found alive last is not looked at again for each.
        let alive = Cell::new(None);
        let ended = |entry: &ThreadEntry| match entry.process() {
            process if process.is_some() && process == alive.get() => false,
            Some(process) if !self.has_ended(process) => {
                alive.set(Some(process));
                false
            }
            _ => true,
        };
        // Those that left cost a load to find, those that were killed a look at their process: these only at need.
        Self::claim_among(known, me, process, left)
            .or_else(|| {
                loop {
                    let index = used.load(Relaxed) as usize;
                    let entry = self.threads.get(index)?;
                    let claimed = entry.claim(me, process, |_| false);
                    used.fetch_max(index as u32 + 1, Release);
                    if let Some(generation) = claimed {
                        break Some(Claim { index: index as u16, generation });
                    }
                }
            })
            .or_else(|| Self::claim_among(&self.threads, me, process, ended))
    }

    fn claim_among(
        entries: &[ThreadEntry],
        me: Me,
        process: Claim,
        may_recycle: impl Fn(&ThreadEntry) -> bool,
    ) -> Option<Claim> {
        entries.iter().enumerate().find_map(|(index, entry)| {
            let generation = entry.claim(me, process, &may_recycle)?;
            Some(Claim { index: index as u16, generation })
        })
    }

    /// Whether the process with this claim has ended.
    pub(crate) fn has_ended(&self, process: Claim) -> bool {
        self.member(process).is_none_or(|member| matches!(member.look(self), Look::Ended))
    }

    /// Marks the calling thread's entry: it ends in order.
    pub(crate) fn leave(&self, thread: Claim) {
        if let Some(entry) = self.threads.get(usize::from(thread.index)) {
            let mark = if planted(Bug::LeftUnmarked) { 0 } else { LEFT };
            entry.mark.fetch_or(mark, Release);
        }
    }

    /// Whether the thread with this claim has ended in order: it said so, or its entry went to another since.
    pub(crate) fn has_left(&self, thread: Claim) -> bool {
        let Some(entry) = self.threads.get(usize::from(thread.index)) else { return false };
        let mark = entry.mark.load(Acquire);
        mark & LEFT != 0 || mark as u16 != thread.generation
    }
}

impl ThreadEntry {
    /// Takes the entry for the calling thread if it was never used, or if its thread is no more and it may be recycled.
    /// Gives its new generation. Wherever the thread is killed, the entry is its own or can be recycled.
    fn claim(&self, me: Me, process: Claim, may_recycle: impl Fn(&Self) -> bool) -> Option<u16> {
        let seen = self.life.word.load(Acquire);
        let unowned = seen == 0 || (seen & DIED != 0 && seen & OWNER == 0 && may_recycle(self));
        if !unowned {
            return None;
        }
        let list = me.list();
        if !planted(Bug::NeverAnnounced) {
            list.announce(&self.life);
        }
        let taken = self.life.word.compare_exchange(seen, me.tid(), AcqRel, Relaxed).is_ok();
        if !taken {
            list.settle();
            return None;
        }
        list.link(&self.life);
        // The process first: a generation with another's process would be recycled under its thread.
        self.process.store(process.packed(), Release);
        let generation = (self.mark.load(Relaxed) as u16).wrapping_add(1);
        self.mark.store(generation.into(), Release);
        list.settle();
        Some(generation)
    }
}
