//! Whether a thread runs no more, whatever has become of its process.

use std::sync::atomic::Ordering::Acquire;

use super::Registry;
use super::entry::LEFT;
use crate::identity::Owner;
use crate::robust_word::DIED;

impl Registry {
    /// Whether this thread has ended, in whatever way, or has gone with the program when its process took up another one.
    ///
    /// Enough for a claim that begins and ends inside one call. What a user can hold outlives its thread.
    pub(crate) fn has_stopped(&self, owner: Owner) -> bool {
        let Some(entry) = self.threads.get(usize::from(owner.thread.index)) else { return false };
        // Acquire: with the Releases of `ThreadEntry::claim`, which stores the process first.
        let mark = entry.mark.load(Acquire);
        let is_its_own = mark as u16 == owner.thread.generation && entry.process() == Some(owner.process);
        !is_its_own || mark & LEFT != 0 || entry.life.word.load(Acquire) & DIED != 0
    }
}
