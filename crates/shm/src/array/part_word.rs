//! Who has a part: a number in front of the elements that everybody sees, and a lock of the kernel's beside it.
//!
//! The number is even while somebody owns the part and odd while a message brings it, and never comes back: each owner and each message has
//! one of its own, and what it does is one exchange of exactly that number. So a message is received once, whoever tries, and one whose part
//! was taken back brings nothing.
//!
//! That the owner, or the message, is *gone*, the number does not tell. It is told by a lock for reading which lies on a byte for the part, by the file
//! description that owner and message have: it goes along with the message, and ends with its last descriptor. Who takes a part back locks that byte
//! for writing first. `loom_part.rs` is the model.
//!
//! Of the lock nothing more is expected than of an atomic word that orders nothing else: what it is to order, fences beside it do. One order is the
//! kernel's alone, as nobody is there for it: that what a killed process has done comes before the closing of its descriptors.

use std::io;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use multiproc_sync::primitive::{AtomicU64, fence};

use crate::planted::{Bug, planted};

/// Set in an even number: its owner has given the part up in order.
const GIVEN_UP: u64 = 1 << 63;

/// The next number of an owner. It begins anew where the mark would be touched, which takes 2^62 hand-overs, or a stranger who writes such a number.
const fn after(number: u64) -> u64 {
    ((number & !GIVEN_UP) | 1).wrapping_add(1) & !GIVEN_UP
}

/// The locks of a part's byte.
pub(crate) trait PartLock {
    /// Locks it for reading, for good; `false`: somebody is just taking the part back.
    fn share(&self) -> io::Result<bool>;
    /// Locks it for writing; `false`: somebody has the part.
    fn exclude(&self) -> io::Result<bool>;
    /// Ends the lock for writing.
    fn end_excluding(&self) -> io::Result<()>;
}

/// How a part was left that somebody had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Given up in order.
    Whole,
    /// Its owner ended with it.
    Torn,
    /// Its message ended: it is what it was before, of which the word knows nothing.
    Lost,
}

/// Of zeros nobody has had the part.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct PartWord(AtomicU64);

impl PartWord {
    /// Makes a number for an owner, of a part that the caller alone can give away.
    pub(crate) fn give(&self) -> u64 {
        self.next(0).1
    }

    /// Takes the part back to where it is given away from, if nobody has it.
    pub(crate) fn take_back(&self, lock: &impl PartLock) -> io::Result<Option<Left>> {
        if !planted(Bug::PartTakenUnasked) && !lock.exclude()? {
            return Ok(None);
        }
        if !planted(Bug::PartTakenUnordered) {
            // The last owner had the lock until it was done with the number and the elements. Partners: `give_up`, `abandon`.
            fence(Acquire);
        }
        // Whoever tries to receive it from now on fails: the number is another.
        let (before, _) = self.next(GIVEN_UP);
        // Whoever has the lock after this finds that number. Partner: `receive`. No model can show it: there exchanges of one word are seen at once.
        fence(Release);
        // Were it refused, so would be the next owner's lock, who says so.
        let _ = lock.end_excluding();
        Ok(Some(match (before & GIVEN_UP, before & 1) {
            (0, 0) => Left::Torn,
            (0, _) => Left::Lost,
            _ => Left::Whole,
        }))
    }

    /// The owner's part is on its way from now on; `false`: it is not this owner's.
    pub(crate) fn send(&self, number: u64) -> bool {
        // Release: what the owner has written, its receiver sees. Partner: `receive`.
        let order = if planted(Bug::PartSentUnordered) { Relaxed } else { Release };
        self.0.compare_exchange(number, number + 1, order, Relaxed).is_ok()
    }

    /// The message did not go: the part is its owner's again, by another number, as the bytes of the message may still be somewhere. `None`:
    /// somebody has received it.
    pub(crate) fn call_back(&self, number: u64) -> Option<u64> {
        if planted(Bug::PartCalledBackUnasked) {
            self.0.swap(number + 2, Relaxed);
            return Some(number + 2);
        }
        let next = if planted(Bug::PartCalledBackUnchanged) { number } else { after(number + 1) };
        self.0.compare_exchange(number + 1, next, Relaxed, Relaxed).is_ok().then_some(next)
    }

    /// What the message of this number brings; the new owner's number, or `None` for a message that has nothing to bring any more. By
    /// `lock` the new owner has the part.
    pub(crate) fn receive(&self, on_its_way: u64, lock: &impl PartLock) -> io::Result<Option<u64>> {
        // Locked before it is owned: who takes parts back finds it locked, or has changed the number by then.
        if on_its_way & (GIVEN_UP | 1) != 1 || !lock.share()? {
            return Ok(None);
        }
        fence(Acquire); // partner: `take_back`
        let number = after(on_its_way);
        if planted(Bug::PartReceivedByLook) {
            let found = self.0.load(Acquire);
            if found == on_its_way {
                self.0.swap(number, AcqRel);
            }
            return Ok((found == on_its_way).then_some(number));
        }
        // Acquire: partner of `send`.
        let order = if planted(Bug::PartLandedUnordered) { Relaxed } else { Acquire };
        let won = self.0.compare_exchange(on_its_way, number, order, Relaxed).is_ok();
        Ok(won.then_some(number))
    }

    /// The owner is done with the part, which is whole. It ends its lock after this, not before.
    pub(crate) fn give_up(&self, number: u64) {
        // Refused, the part is somebody else's.
        let _ = self.0.compare_exchange(number, number | GIVEN_UP, Relaxed, Relaxed);
        if !planted(Bug::PartGivenUpUnordered) {
            fence(Release); // partner: `take_back`
        }
    }

    /// The owner ends with the part, which may be torn, and lives on itself. It ends its lock after this, not before.
    pub(crate) fn abandon(&self) {
        if !planted(Bug::PartAbandonedUnordered) {
            fence(Release); // partner: `take_back`
        }
    }

    /// Makes the next even number, with this mark; gives what was there before.
    fn next(&self, mark: u64) -> (u64, u64) {
        let mut found = self.0.load(Relaxed);
        loop {
            let next = if planted(Bug::PartNumberKept) { found & !GIVEN_UP & !1 } else { after(found) };
            // Acquire: what was written before a message that died on its way. Partner: `send`.
            let order = if planted(Bug::PartLostUnordered) { Relaxed } else { Acquire };
            match self.0.compare_exchange(found, next | mark, order, Relaxed) {
                Ok(before) => return (before, next),
                Err(now) => found = now,
            }
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Nobody else has the part.
    struct Free;

    impl PartLock for Free {
        fn share(&self) -> io::Result<bool> {
            Ok(true)
        }

        fn exclude(&self) -> io::Result<bool> {
            Ok(true)
        }

        fn end_excluding(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Whatever a stranger has written there.
    #[test]
    fn a_part_with_the_last_number_there_is_goes_on_as_any_other() {
        for last in [GIVEN_UP - 1, GIVEN_UP - 2, GIVEN_UP - 3, u64::MAX, u64::MAX - 1] {
            let word = PartWord(AtomicU64::new(last));
            let given = word.give();
            assert_eq!(given & (GIVEN_UP | 1), 0, "{last:#x}");
            assert!(word.send(given));
            let received = word.receive(given + 1, &Free).unwrap().unwrap();
            assert!(word.send(received));
            let back = word.call_back(received).unwrap();
            assert_eq!(back & (GIVEN_UP | 1), 0, "{last:#x}");
            assert_eq!(word.take_back(&Free).unwrap(), Some(Left::Torn));
        }
        let word = PartWord(AtomicU64::new(GIVEN_UP - 1));
        let received = word.receive(GIVEN_UP - 1, &Free).unwrap().unwrap();
        assert!(word.send(received) && word.receive(received + 1, &Free).unwrap().is_some());
    }
}
