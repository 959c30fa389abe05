//! Spans: each is laid out in blocks of one class, or part of a run, or free. The arena's lock guards which.
//!
//! Blocks are claimed and released without the lock, by their words alone. So a span changes hands by its words too: they are opened one by
//! one when it is laid out, and closed one by one, those that are free, before it is given back. Whoever is killed at that leaves some closed
//! in a span that is laid out, and the next one to have the lock opens them. A free span has closed blocks only; the further spans of a run are
//! free by their own words, and skipped.

use std::ops::Range;
use std::sync::atomic::Ordering::{Acquire, Release};

use multiproc_sync::primitive::AtomicU64;
use multiproc_sync::{LockError, Mutex, MutexGuard, ProcessName};

use super::block::Block;
use super::error::AllocError;
use super::word::{RUN, State, Word};
use crate::planted::{Bug, planted};

/// A block, by its number in the arena.
pub(crate) type Place = usize;

/// The words of an arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    pub(crate) lock: &'a Mutex<u64>,
    /// For each span its use.
    pub(crate) spans: &'a [AtomicU64],
    /// For each span as many as it has when it is laid out in the smallest.
    pub(crate) blocks: &'a [Block],
    /// How many those are: a power of two.
    pub(crate) most: usize,
}

/// What a span is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// For nothing; or it is a further span of a run.
    Free,
    /// For blocks of this class.
    Class(u32),
    /// For the beginning of one block, of so many spans.
    Run(usize),
}

/// In the word of a span: a run, of as many spans as the low half says. Otherwise the word is one more than the class, or 0.
const IS_RUN: u64 = 1 << 32;

impl Table<'_> {
    /// How many classes there are: the blocks of the last are whole spans.
    pub(crate) fn classes(&self) -> u32 {
        self.most.ilog2() + 1
    }

    /// Where the blocks of a span begin.
    pub(crate) fn first(&self, span: usize) -> Place {
        span * self.most
    }

    /// What the word of a span says, whatever stands there.
    pub(crate) fn use_of(&self, span: usize) -> Use {
        // Acquire: with the Release of `set_use`.
        match self.spans[span].load(Acquire) {
            0 => Use::Free,
            word if word & IS_RUN != 0 => Use::Run((word as u32 as usize).clamp(1, self.spans.len() - span)),
            word if word <= u64::from(self.classes()) => Use::Class(word as u32 - 1),
            _ => Use::Run(1), // of no meaning: nobody gets a block of it
        }
    }

    fn set_use(&self, span: usize, to: Use) {
        let word = match to {
            Use::Free => 0,
            Use::Class(class) => u64::from(class) + 1,
            Use::Run(spans) => IS_RUN | spans as u64,
        };
        self.spans[span].store(word, Release);
    }

    /// Whether a span of blocks of `class` has one at this place. A wild store may have made a word say what none there can.
    #[inline]
    pub(crate) fn is_place_of(&self, place: Place, class: u32) -> bool {
        place & (self.most - 1) < self.most >> class
    }

    /// The blocks of a span that is used so.
    pub(crate) fn blocks_of(&self, span: usize, used: Use) -> Range<Place> {
        let first = self.first(span);
        match used {
            Use::Free => first..first,
            Use::Class(class) => first..first + (self.most >> class),
            Use::Run(_) => first..first + 1,
        }
    }

    /// Each span that is not a further one of a run, with its use.
    pub(crate) fn walk(&self) -> impl Iterator<Item = (usize, Use)> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let span = Some(next).filter(|span| *span < self.spans.len())?;
            let used = self.use_of(span);
            next += if let Use::Run(spans) = used { spans } else { 1 };
            Some((span, used))
        })
    }

    /// Lays out a free span in blocks of `class`, the one at `at` of which is the caller's. `None`: no span is free; `thorough`: also not one
    /// whose blocks are all free.
    pub(crate) fn lay_out(
        &self,
        class: u32,
        at: usize,
        process: ProcessName,
        thorough: bool,
    ) -> Result<Option<(Place, Word)>, AllocError> {
        let _guard = self.lock()?;
        let Some(span) = self.find(1, thorough) else { return Ok(None) };
        self.set_use(span, Use::Class(class));
        let blocks = self.blocks_of(span, Use::Class(class));
        let ours = blocks.start + at % blocks.len();
        let word = self.blocks[ours].open_claimed(class, process);
        self.blocks[blocks].iter().for_each(|block| block.open(class));
        Ok(Some((ours, word)))
    }

    /// A run of so many spans, the caller's. `None`: as [`lay_out`](Self::lay_out).
    pub(crate) fn run(
        &self,
        spans: usize,
        process: ProcessName,
        thorough: bool,
    ) -> Result<Option<(Place, Word)>, AllocError> {
        let _guard = self.lock()?;
        let Some(span) = self.find(spans, thorough) else { return Ok(None) };
        self.set_use(span, Use::Run(spans));
        let place = self.first(span);
        Ok(Some((place, self.blocks[place].open_claimed(RUN, process))))
    }

    /// The first of so many free spans in a row. What is free of runs is given back on the way.
    fn find(&self, wanted: usize, thorough: bool) -> Option<usize> {
        let mut free = 0;
        for (span, used) in self.walk() {
            let gained = self.freed(span, used, thorough);
            free = if gained > 0 { free + gained } else { 0 };
            if free >= wanted {
                return Some(span + gained - free);
            }
        }
        None
    }

    /// Makes all spans free of which all blocks are, and shows each row of free ones to `give`. Until that returns nobody has a block there.
    pub(crate) fn trim(&self, mut give: impl FnMut(Range<usize>)) -> Result<(), AllocError> {
        let _guard = self.lock()?;
        let mut row = 0..0;
        for (span, used) in self.walk() {
            let gained = self.freed(span, used, true);
            if row.end != span && !row.is_empty() {
                give(row.clone());
            }
            row = if row.end == span { row.start..span + gained } else { span..span + gained };
        }
        if !row.is_empty() {
            give(row);
        }
        Ok(())
    }

    /// How many spans are free from here on, once a run that is free is given back, and, if it is to be `thorough`, a span of free blocks.
    fn freed(&self, span: usize, used: Use, thorough: bool) -> usize {
        match used {
            Use::Free => 1,
            Use::Run(spans) if self.give_back(span, used) => spans,
            Use::Class(_) if thorough && self.give_back(span, used) => 1,
            _ => 0,
        }
    }

    /// Makes a span free of which all blocks are.
    fn give_back(&self, span: usize, used: Use) -> bool {
        let blocks = &self.blocks[self.blocks_of(span, used)];
        if !blocks.iter().all(|block| block.look().state() == State::Free) {
            return false;
        }
        if !blocks.iter().all(Block::close) {
            // Somebody was quicker.
            if let Use::Class(class) = used {
                blocks.iter().for_each(|block| block.open(class));
            }
            return false;
        }
        self.set_use(span, Use::Free);
        true
    }

    fn lock(&self) -> Result<MutexGuard<'_, u64>, AllocError> {
        match self.lock.lock() {
            Ok(guard) => Ok(guard),
            Err(LockError::OwnerDied(mut guard) | LockError::Poisoned(mut guard)) => {
                if !planted(Bug::NothingRecovered) {
                    self.recover();
                }
                MutexGuard::mark_consistent(&mut guard);
                Ok(guard)
            }
            Err(LockError::Identity(error)) => Err(AllocError::Identity(error)),
            Err(other) => Err(AllocError::Locked { why: other.to_string() }),
        }
    }

    /// Ends what a dead owner of the lock has begun.
    #[cold]
    #[inline(never)]
    pub(crate) fn recover(&self) {
        for (span, used) in self.walk() {
            match used {
                Use::Class(class) => {
                    self.blocks[self.blocks_of(span, used)].iter().for_each(|block| block.open(class));
                }
                Use::Run(_) if self.blocks[self.first(span)].look().state() == State::Closed => {
                    self.set_use(span, Use::Free);
                }
                _ => {}
            }
        }
    }
}
