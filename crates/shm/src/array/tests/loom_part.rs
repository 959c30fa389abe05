//! Models of a part's number and lock. `unsafe`: the part's element is reached without a lock, which the model checker watches.
#![allow(unsafe_code)]

use std::io;
use std::sync::Arc;

use multiproc_sync::primitive::UnsafeCell;
use multiproc_sync::primitive::blocking::Mutex;
use multiproc_sync::primitive::model::{check, thread};

use crate::array::part_word::{Left, PartLock, PartWord};

/// File descriptions that could have the lock.
const DESCRIPTIONS: usize = 3;

/// The first owner's, and its message's.
const FIRST: usize = 0;
/// That of a message which is received a second time, or by another way.
const OTHER: usize = 1;
/// The one that its splitter gives the part away by.
const NEXT: usize = 2;

/// The lock of the part's byte, as the kernel keeps it.
#[derive(Default)]
struct Byte {
    shared_by: [bool; DESCRIPTIONS],
    excluded: bool,
}

struct Part {
    word: PartWord,
    byte: Mutex<Byte>,
    element: UnsafeCell<u32>,
}

// SAFETY: who owns the part alone reaches its element; the model checker fails the model if two do.
unsafe impl Sync for Part {}
// SAFETY: as above.
unsafe impl Send for Part {}

/// The lock, as one description has it.
struct By<'a>(&'a Part, usize);

impl PartLock for By<'_> {
    fn share(&self) -> io::Result<bool> {
        let mut byte = self.0.byte.lock().unwrap();
        byte.shared_by[self.1] |= !byte.excluded;
        Ok(!byte.excluded)
    }

    fn exclude(&self) -> io::Result<bool> {
        let mut byte = self.0.byte.lock().unwrap();
        byte.excluded |= byte.shared_by == [false; DESCRIPTIONS];
        Ok(byte.excluded)
    }

    fn end_excluding(&self) -> io::Result<()> {
        self.0.byte.lock().unwrap().excluded = false;
        Ok(())
    }
}

impl Part {
    /// A part with an owner; gives its number.
    fn owned() -> (Arc<Self>, u64) {
        let (word, byte) = (PartWord::default(), Mutex::new(Byte::default()));
        let part = Self { word, byte, element: UnsafeCell::new(0) };
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
    fn close(&self, description: usize) {
        self.byte.lock().unwrap().shared_by[description] = false;
    }

    /// Owns what the message brings for a moment; whether it did.
    fn receive(&self, on_its_way: u64, description: usize) -> bool {
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
