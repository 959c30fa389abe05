//! Where a free block is: near the last one, in another span of its class, in a span that is laid out for it, with the dead, or among larger ones.

use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::ProcessName;
use multiproc_sync::primitive::AtomicU32;

use super::error::AllocError;
use super::spans::{Place, Table, Use};
use super::word::{State, Word};

/// How many spans are looked at before another one is laid out.
const NEAR: usize = 16;

/// Where a thread looks first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    /// The number of a block; any will do.
    pub(crate) hint: &'a AtomicU32,
    /// At which part of a span it begins, of `parts`, so that threads do not write to the same lines.
    pub(crate) part: usize,
    pub(crate) parts: usize,
}

impl Start<'_> {
    fn within(&self, blocks: usize) -> usize {
        blocks * self.part / self.parts
    }
}

impl Table<'_> {
    /// Claims a block of `class`, or of a larger one where there is no other. `None`: there is none, also not with the dead, whom `sweep` looks for.
    #[inline]
    pub(crate) fn claim(
        &self,
        class: u32,
        start: Start<'_>,
        process: ProcessName,
        sweep: impl FnOnce(),
    ) -> Result<Option<(Place, Word)>, AllocError> {
        let place = (start.hint.load(Relaxed) as usize).min(self.blocks.len() - 1);
        let found = match self.try_claim(place, class, process) {
            Some(word) => Some((place, word)),
            None => self.claim_elsewhere(class, place, start, process, sweep)?,
        };
        if let Some((place, word)) = found
            && word.class() == class
        {
            start.hint.store(place as u32 + 1, Relaxed);
        }
        Ok(found)
    }

    #[inline]
    fn try_claim(&self, place: Place, class: u32, process: ProcessName) -> Option<Word> {
        let block = &self.blocks[place];
        let seen = block.look();
        let is_such = seen.state() == State::Free && seen.class() == class && self.is_place_of(place, class);
        if is_such { block.claim(seen, process) } else { None }
    }

    #[cold]
    #[inline(never)]
    fn claim_elsewhere(
        &self,
        class: u32,
        place: Place,
        start: Start<'_>,
        process: ProcessName,
        sweep: impl FnOnce(),
    ) -> Result<Option<(Place, Word)>, AllocError> {
        let count = self.spans.len();
        let here = place / self.most;
        if let Some(found) = self.claim_in(here, class, place % self.most, process) {
            return Ok(Some(found));
        }
        let begin = start.within(self.most >> class);
        let claim_in = |span| self.claim_in(span, class, begin, process);
        let everywhere = |class| (0..count).find_map(|span| self.claim_in(span, class, begin, process));
        if let Some(found) = (1..NEAR.min(count)).find_map(|step| claim_in((here + step) % count)) {
            return Ok(Some(found));
        }
        if let Some(found) = self.lay_out(class, begin, process, false)? {
            return Ok(Some(found));
        }
        if let Some(found) = everywhere(class) {
            return Ok(Some(found));
        }
        if let Some(found) = self.lay_out(class, begin, process, true)? {
            return Ok(Some(found));
        }
        sweep();
        if let Some(found) = everywhere(class) {
            return Ok(Some(found));
        }
        if let Some(found) = self.lay_out(class, begin, process, true)? {
            return Ok(Some(found));
        }
        // Rather a larger one than none.
        Ok((class + 1..self.classes()).find_map(everywhere))
    }

    /// Claims a block of a span, if that has such, at `from` or after it, else before.
    fn claim_in(&self, span: usize, class: u32, from: usize, process: ProcessName) -> Option<(Place, Word)> {
        let used = self.use_of(span);
        if used != Use::Class(class) {
            return None;
        }
        let blocks = self.blocks_of(span, used);
        let from = blocks.start + from % blocks.len();
        let mut places = (from..blocks.end).chain(blocks.start..from);
        places.find_map(|place| Some((place, self.try_claim(place, class, process)?)))
    }

    /// Claims a run. `None`: as [`claim`](Self::claim).
    pub(crate) fn claim_run(
        &self,
        spans: usize,
        process: ProcessName,
        sweep: impl FnOnce(),
    ) -> Result<Option<(Place, Word)>, AllocError> {
        if let Some(found) = self.run(spans, process, false)? {
            return Ok(Some(found));
        }
        if let Some(found) = self.run(spans, process, true)? {
            return Ok(Some(found));
        }
        sweep();
        self.run(spans, process, true)
    }
}
