//! Models of a part's number and lock. The kernel's lock is a word here that orders nothing, so that all order is the logic's own. `unsafe`: the
//! part's element is reached without a lock, which the model checker watches.
#![allow(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Relaxed, Release};

use multiproc_sync::primitive::model::{check, thread};
use multiproc_sync::primitive::{AtomicU32, UnsafeCell};

use crate::array::part_word::{Left, PartLock, PartWord};

/// The file description that the first owner has, and its message.
const FIRST: u32 = 1;
/// That of a message which is received a second time, or by another way.
const OTHER: u32 = 2;
/// The one that its splitter gives the part away by.
const NEXT: u32 = 4;

/// The byte is locked for writing.
const EXCLUDED: u32 = 8;

/// The lock of the part's byte, as the kernel keeps it: those who have locked it for reading, or [`EXCLUDED`].
#[derive(Default)]
struct Byte(AtomicU32);

impl Byte {
    /// Changes it if it can be changed so.
    fn change(&self, order: Ordering, change: impl Fn(u32) -> Option<u32>) -> bool {
        // By an exchange, which sees the last one: so do calls of the kernel.
        let mut found = self.0.fetch_or(0, Relaxed);
        while let Some(changed) = change(found) {
            match self.0.compare_exchange(found, changed, order, Relaxed) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
        false
    }
}

struct Part {
    word: PartWord,
    byte: Byte,
    element: UnsafeCell<u32>,
}

// SAFETY: who owns the part alone reaches its element; the model checker fails the model if two do.
unsafe impl Sync for Part {}
// SAFETY: as above.
unsafe impl Send for Part {}

/// The lock, as one description has it.
struct By<'a>(&'a Part, u32);

impl PartLock for By<'_> {
    fn share(&self) -> io::Result<bool> {
        Ok(self.0.byte.change(Relaxed, |byte| (byte != EXCLUDED).then_some(byte | self.1)))
    }

    fn exclude(&self) -> io::Result<bool> {
        Ok(self.0.byte.change(Relaxed, |byte| (byte == 0).then_some(EXCLUDED)))
    }

    fn end_excluding(&self) -> io::Result<()> {
        self.0.byte.change(Relaxed, |byte| Some(byte & !EXCLUDED));
        Ok(())
    }
}

impl Part {
    /// A part with an owner; gives its number.
    fn owned() -> (Arc<Self>, u64) {
        let part = Self { word: PartWord::default(), byte: Byte::default(), element: UnsafeCell::new(0) };
        assert!(By(&part, FIRST).share().unwrap());
        let number = part.word.give();
        (Arc::new(part), number)
    }

    /// By an owner.
    fn write(&self) {
        // SAFETY: watched by the model checker.
        self.element.with_mut(|element| unsafe { *element += 1 });
    }

    /// The last descriptor of a description is closed.
    fn close(&self, description: u32) {
        self.byte.change(Relaxed, |byte| Some(byte & !description));
    }

    /// The kernel closes what a killed process had, after all that this has done.
    fn close_of_dead(&self, description: u32) {
        self.byte.change(Release, |byte| Some(byte & !description));
    }

    /// Owns what the message brings for a moment; whether it did.
    fn receive(&self, on_its_way: u64, description: u32) -> bool {
        let Some(number) = self.word.receive(on_its_way, &By(self, description)).unwrap() else {
            return false;
        };
        self.write();
        self.word.give_up(number);
        self.close(description);
        true
    }

    /// By its splitter: takes it back, and gives it to itself; the new number.
    fn take_back(&self) -> Option<(u64, Left)> {
        let left = self.word.take_back(&By(self, NEXT)).unwrap()?;
        assert!(By(self, NEXT).share().unwrap(), "who takes a part back is locked out");
        let number = self.word.give();
        self.write();
        Some((number, left))
    }
}

fn spawn<T: 'static>(part: &Arc<Part>, act: impl FnOnce(&Part) -> T + 'static) -> thread::JoinHandle<T> {
    let part = part.clone();
    thread::spawn(move || act(&part))
}

/// The owner sends its part while two try to receive the message.
#[test]
fn it_is_received_once() {
    check(|| {
        let (part, number) = Part::owned();
        let receivers = [FIRST, OTHER].map(|by| spawn(&part, move |part| part.receive(number + 1, by)));
        part.write();
        assert!(part.word.send(number));
        let won = receivers.map(|receiver| receiver.join().unwrap());
        assert!(won != [true; 2], "received twice");
    });
}

/// The message did not go, as its sender has it; and yet somebody has received it.
#[test]
fn it_is_called_back_or_received() {
    check(|| {
        let (part, number) = Part::owned();
        let receiver = spawn(&part, move |part| part.receive(number + 1, OTHER));
        part.write();
        assert!(part.word.send(number));
        let called_back = part.word.call_back(number).is_some();
        if called_back {
            part.write();
        }
        assert!(receiver.join().unwrap() != called_back, "two owners, or none");
    });
}

/// A worker receives a part, and gives it up, while its splitter looks whether it can have it again.
#[test]
fn it_is_taken_back_from_nobody_who_has_it() {
    check(|| {
        let (part, number) = Part::owned();
        assert!(part.word.send(number));
        let receiver = spawn(&part, move |part| part.receive(number + 1, FIRST));
        let taken = part.take_back();
        assert!(receiver.join().unwrap(), "nobody else receives it");
        assert!(!taken.is_some_and(|(_, left)| left == Left::Torn), "it was given up");
    });
}

/// A message dies on its way, with all that its sender has written.
#[test]
fn what_dies_on_its_way_is_whole() {
    check(|| {
        let (part, number) = Part::owned();
        let sender = spawn(&part, move |part| {
            part.write();
            assert!(part.word.send(number));
            part.close(FIRST);
        });
        let taken = part.take_back();
        assert!(taken.is_none_or(|(_, left)| left == Left::Lost), "it was sent");
        sender.join().unwrap();
    });
}

/// An owner panics in the middle of a change: its splitter is told, and sees as much of the change as there is.
#[test]
fn what_a_panic_has_left_is_torn() {
    ends_torn(|part| {
        part.word.abandon();
        part.close(FIRST);
    });
}

/// An owner is killed.
#[test]
fn what_the_dead_have_left_is_torn() {
    ends_torn(|part| part.close_of_dead(FIRST));
}

fn ends_torn(end: fn(&Part)) {
    check(move || {
        let (part, _) = Part::owned();
        let owner = spawn(&part, move |part| {
            part.write();
            end(part);
        });
        let taken = part.take_back();
        assert!(taken.is_none_or(|(_, left)| left == Left::Torn), "nobody has given it up");
        owner.join().unwrap();
    });
}

/// The message has died, and its bytes are received all the same, while the part is taken back and sent anew.
#[test]
fn an_old_message_brings_nothing() {
    check(|| {
        let (part, number) = Part::owned();
        assert!(part.word.send(number));
        part.close(FIRST);
        let old = spawn(&part, move |part| part.receive(number + 1, OTHER));
        let taken = part.take_back();
        if let Some((next, _)) = taken {
            assert!(part.word.send(next));
        }
        let brought = old.join().unwrap();
        assert!(!(brought && taken.is_some_and(|(next, _)| next == number)), "an old message brings it");
        // Either came first, and the other one has seen it.
        assert!(!brought || taken.is_none_or(|(_, left)| left == Left::Whole));
    });
}

/// A message did not go, and the part was sent once more: what brings it is the second message.
#[test]
fn a_message_that_did_not_go_brings_nothing() {
    check(|| {
        let (part, number) = Part::owned();
        assert!(part.word.send(number));
        let old = spawn(&part, move |part| part.receive(number + 1, OTHER));
        let next = part.word.call_back(number);
        let sent_again = next.is_some_and(|next| part.word.send(next));
        let brought = old.join().unwrap();
        assert!(!(brought && sent_again), "the message that did not go brings it");
        assert!(brought || sent_again, "it is nobody's");
    });
}
