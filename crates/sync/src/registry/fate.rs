//! What has become of a thread, as far as the registry and its process tell.
#![allow(clippy::needless_borrow)] // the entries of a model are owned

use super::Registry;
use crate::identity::{Course, Look, Owner, Verdict};
use crate::planted::{Bug, planted};

impl Registry {
    /// What has become of this thread, which the kernel called dead.
    pub(crate) fn fate(&self, owner: Owner) -> Verdict {
        let Some(member) = self.member(owner.process) else { return Verdict::Gone };
        // Before the looks at the process: the entry of one that was killed goes to another thread as soon as its process has ended,
        // and would then seem to have been left. While its process lives, it passes on only from one that said so.
        let mut has_left = self.has_left(owner.thread);
        match member.look(self) {
            Look::Ended => return Verdict::Gone,
            Look::Unknown => return Verdict::Unknown,
            // Its descriptor is closed here: it may be the last one that /proc can be read with.
            Look::Running(_) => {}
        }
        if has_left && planted(Bug::LeftWithoutCourse) {
            return Verdict::Left;
        }
        let course = member.course(self);
        if planted(Bug::LeftReadLate) {
            has_left = self.has_left(owner.thread);
        }
        match course {
            Some(Course::Ended) => Verdict::Gone,
            // Also one that has left: its guard goes with the process, and is waited for as any other.
            Some(Course::Ending) => Verdict::Alive { dying: true },
            Some(Course::On) if has_left => Verdict::Left,
            Some(Course::On) => Verdict::Alive { dying: false },
            None => Verdict::Unknown,
        }
    }
}
