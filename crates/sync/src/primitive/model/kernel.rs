//! What the kernel does with the robust locks of a thread that is no more.

use super::context::Thread;
use super::futex::Word;
use crate::robust_word::{DIED, OWNER, WAITERS};

/// exit_robust_list: what is listed, the newest first, and what was pending last.
pub(super) fn walk(thread: &Thread) {
    let pending = thread.pending.take();
    let list = thread.list.take();
    for word in list.iter().rev() {
        if !pending.as_ref().is_some_and(|pending| std::sync::Arc::ptr_eq(pending, word)) {
            word.death(thread.facts.tid, false);
        }
    }
    if let Some(word) = pending {
        word.death(thread.facts.tid, true);
    }
}

impl Word {
    /// handle_futex_death, of Linux 6.2 and later.
    fn death(&self, tid: u32, pending: bool) {
        loop {
            let seen = self.load();
            if pending && seen & OWNER == 0 {
                // It may have been woken for this lock, and taken the wake-up along.
                return self.wake_one();
            }
            if seen & OWNER != tid {
                return;
            }
            if self.compare_exchange(seen, (seen & WAITERS) | DIED) {
                if seen & WAITERS != 0 {
                    self.wake_one();
                }
                return;
            }
        }
    }
}
