//! The arena of a model: words on the heap, and for each block what lies in it. `unsafe`: reached by pointer, as the model checker watches it.
#![allow(unsafe_code)]

use std::sync::Arc;

use multiproc_sync::primitive::model::shared;
use multiproc_sync::primitive::{AtomicU32, AtomicU64, UnsafeCell};
use multiproc_sync::{Mutex, ProcessName};

use crate::arena::block::Block;
use crate::arena::search::Start;
use crate::arena::spans::{Place, Table};
use crate::arena::word::{State, Word};

pub(super) struct Words {
    lock: Arc<Mutex<u64>>,
    spans: Vec<AtomicU64>,
    blocks: Vec<Block>,
    contents: Vec<UnsafeCell<u32>>,
    hint: AtomicU32,
}

// SAFETY: a model in which two threads reach what lies in a block at once fails before they do.
unsafe impl Sync for Words {}
// SAFETY: as above.
unsafe impl Send for Words {}

impl Words {
    /// As new, with so many spans, of as many blocks each at the most.
    pub(super) fn new(spans: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            lock: shared(Mutex::new(0)),
            spans: (0..spans).map(|_| AtomicU64::new(0)).collect(),
            blocks: (0..spans * most).map(|_| Block::default()).collect(),
            contents: (0..spans * most).map(|_| UnsafeCell::new(0)).collect(),
            hint: AtomicU32::new(0),
        })
    }

    pub(super) fn table(&self) -> Table<'_> {
        let most = self.blocks.len() / self.spans.len();
        Table { lock: &self.lock, spans: &self.spans, blocks: &self.blocks, most }
    }

    pub(super) fn block(&self, place: Place) -> &Block {
        &self.blocks[place]
    }

    /// As an allocation does it, with nobody dead.
    pub(super) fn claim(&self, class: u32) -> Option<(Place, Word)> {
        let process = ProcessName::this().expect("each process of a model has a name");
        let start = Start { hint: &self.hint, part: 0, parts: 1 };
        self.table().claim(class, start, process, || ()).expect("the lock can be had")
    }

    /// Claims the block there, if it is free.
    pub(super) fn try_claim(&self, place: Place) -> Option<Word> {
        let seen = self.block(place).look();
        let process = ProcessName::this().expect("each process of a model has a name");
        if seen.state() == State::Free { self.block(place).claim(seen, process) } else { None }
    }

    /// Reads and writes all that lies in the block of a class at a place.
    pub(super) fn visit(&self, place: Place, class: u32) {
        for content in &self.contents[place..place + (1 << class)] {
            // SAFETY: as for `Sync`.
            content.with_mut(|number| unsafe { *number += 1 });
        }
    }

    /// As an arena gives the memory of its free spans away: what lies there is overwritten.
    pub(super) fn trim(&self) {
        let most = self.blocks.len() / self.spans.len();
        let give = |spans: std::ops::Range<usize>| {
            for content in &self.contents[spans.start * most..spans.end * most] {
                // SAFETY: as for `Sync`.
                content.with_mut(|number| unsafe { *number = 0 });
            }
        };
        self.table().trim(give).expect("the lock can be had");
    }

    /// Frees what the dead have left, no message being there.
    ///
    /// In a thread of its own: of two looks at a word that a thread takes one after the other, the checker tries the second only at every place.
    pub(super) fn sweep(&self) -> usize {
        self.table().sweep(|process| process.has_ended(), |_| true)
    }

    /// With nobody there but the dead, whose blocks are swept: all of it can be had, as the smallest, as the largest, and as the smallest again.
    pub(super) fn assert_whole(&self) {
        self.sweep();
        let largest = self.table().classes() - 1;
        for class in [0, largest, 0] {
            let all: Vec<_> = std::iter::from_fn(|| self.claim(class)).collect();
            assert_eq!(all.len() << class, self.blocks.len(), "blocks were lost");
            all.iter().for_each(|(place, word)| self.block(*place).release(*word));
        }
    }
}
