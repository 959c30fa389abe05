//! Blocks whose process has ended, or whose message has: back to the arena.

use multiproc_sync::ProcessName;

use super::spans::{Place, Table};
use super::word::State;
use crate::planted::{Bug, planted};

impl Table<'_> {
    /// Frees the blocks of processes of which `has_ended` is proof, and those sent in messages which `is_gone` says are no more; gives how many.
    ///
    /// A block's word is looked at before either is asked, and changed only if it is that word still.
    pub(crate) fn sweep(
        &self,
        mut has_ended: impl FnMut(ProcessName) -> bool,
        mut is_gone: impl FnMut(Place) -> bool,
    ) -> usize {
        let mut swept = 0;
        for (span, used) in self.walk() {
            for place in self.blocks_of(span, used) {
                let seen = self.blocks[place].look();
                let is_over = match seen.state() {
                    State::Closed | State::Free => false,
                    // A word that names nobody was written by nobody in his senses: nobody proves an end.
                    State::Owned if planted(Bug::EndUnproved) => true,
                    State::Owned => seen.process().is_some_and(&mut has_ended),
                    State::InFlight if planted(Bug::SenderAsked) => {
                        seen.process().is_some_and(&mut has_ended)
                    }
                    State::InFlight => is_gone(place),
                };
                swept += usize::from(is_over && self.blocks[place].sweep(seen));
            }
        }
        swept
    }
}
