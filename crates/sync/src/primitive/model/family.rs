//! The processes of a model.
#![allow(clippy::disallowed_types)] // of the standard library: tables, whose rows are made before anybody needs them

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::futex::Word;
use super::process::Process;
use crate::identity::{Claim, Owner};

/// The processes of a model, which know each other by name. Each model makes its own.
///
/// A family has no more than 8 processes.
#[derive(Clone)]
pub struct Family(Arc<Mutex<Tables>>);

struct Tables {
    /// Made with the family, so that all threads of the model know of them.
    processes: [Arc<Word>; 8],
    started: usize,
    threads: Vec<Arc<Facts>>,
}

/// What is known of a thread.
pub(super) struct Facts {
    pub(super) tid: u32,
    pub(super) owner: u64,
    /// Of its process's life: this thread has ended in order.
    pub(super) left: u32,
    pub(super) life: Arc<Word>,
}

/// Of a process's life: it is being killed, and may still write.
pub(super) const DYING: u32 = 1;
/// Of a process's life: nothing of it writes any more.
pub(super) const ENDED: u32 = 2;
/// Of a process's life: nothing tells of it.
pub(super) const UNSEEN: u32 = 4;
/// Of a process's life: its first thread has left.
const FIRST_LEFT: u32 = 8;

/// Thread numbers begin here, so that they look like no other small number.
const FIRST_TID: u32 = 100;

impl Family {
    /// A family without processes.
    pub fn new() -> Self {
        let processes = [(); 8].map(|()| Arc::new(Word::new(0)));
        Self(Arc::new(Mutex::new(Tables { processes, started: 0, threads: Vec::new() })))
    }

    /// Starts a process, which has no thread yet.
    ///
    /// # Panics
    ///
    /// If the family has 8 processes.
    pub fn process(&self) -> Process {
        let mut tables = self.lock();
        let index = tables.started;
        let life =
            tables.processes.get(index).expect("a family of a model has 8 processes at the most").clone();
        tables.started += 1;
        drop(tables);
        Process::new(self.clone(), Claim { index: index as u16, generation: 0 }, life)
    }

    /// A new thread of a process.
    pub(super) fn thread(&self, process: Claim, life: &Arc<Word>) -> Arc<Facts> {
        let mut tables = self.lock();
        let index = tables.threads.len() as u16;
        let thread = Claim { index, generation: 0 };
        let before = tables.threads.iter().filter(|other| Arc::ptr_eq(&other.life, life)).count();
        let left = FIRST_LEFT.checked_shl(before as u32).filter(|left| *left != 0);
        let facts = Arc::new(Facts {
            tid: FIRST_TID + u32::from(index),
            owner: Owner { process, thread }.packed(),
            left: left.expect("a process of a model has no more than 29 threads, one after the other"),
            life: life.clone(),
        });
        tables.threads.push(facts.clone());
        facts
    }

    /// The life of the process with this number.
    pub(super) fn life(&self, index: u32) -> Option<Arc<Word>> {
        self.lock().processes.get(index as usize).cloned()
    }

    /// The thread that an owner's name means.
    pub(super) fn find(&self, owner: u64) -> Option<Arc<Facts>> {
        let thread = Owner::unpacked(owner)?.thread;
        let tables = self.lock();
        tables.threads.get(usize::from(thread.index)).filter(|facts| facts.owner == owner).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Family {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family").finish_non_exhaustive()
    }
}
