//! What of an arena is used, and what is left, at a look.

use super::ground::{Ground, SMALLEST, SPAN};
use super::spans::Use;
use super::word::State;

/// What a look at all words has found. Others go on meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Survey {
    /// In bytes.
    pub(crate) used: usize,
    /// In bytes.
    pub(crate) largest_free: usize,
}

impl Ground {
    pub(crate) fn survey(&self) -> Survey {
        let table = self.table();
        let (mut survey, mut row) = (Survey::default(), 0);
        for (span, used) in table.walk() {
            let (size, spans) = match used {
                Use::Free => (SPAN, 1),
                Use::Class(class) => (SMALLEST << class, 1),
                Use::Run(spans) => (spans * SPAN, spans),
            };
            let blocks = &table.blocks[table.blocks_of(span, used)];
            let states = blocks.iter().map(|block| block.look().state());
            let taken = states.filter(|state| matches!(state, State::Owned | State::InFlight)).count();
            survey.used += taken * size;
            row = if taken == 0 { row + spans * SPAN } else { 0 };
            let one = if taken < blocks.len() { size } else { 0 };
            survey.largest_free = survey.largest_free.max(row).max(one);
        }
        survey
    }
}
