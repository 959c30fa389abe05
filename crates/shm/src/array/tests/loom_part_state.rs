//! Models of what an owner's threads do with its part, of which a message may come back meanwhile. `unsafe`: the part's element is reached without a
//! lock, which the model checker watches.
#![allow(unsafe_code)]

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::primitive::model::{check, thread};
use multiproc_sync::primitive::{AtomicU32, AtomicU64, UnsafeCell};

use crate::array::part_state::PartState;
use crate::array::part_word::{Left, PartLock, PartWord};

/// A part, and all that its owner knows of it.
struct Part {
    word: PartWord,
    state: PartState,
    number: AtomicU64,
    torn: AtomicU32,
    element: UnsafeCell<u32>,
}

// SAFETY: who owns the part alone writes its element, with nobody reading; the model checker fails the model if one does.
unsafe impl Sync for Part {}
// SAFETY: as above.
unsafe impl Send for Part {}

/// Nobody else wants the lock: what it keeps out, other models show.
struct Unlocked;

impl PartLock for Unlocked {
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

impl Part {
    fn owned() -> Arc<Self> {
        let (word, state) = (PartWord::default(), PartState::default());
        let number = AtomicU64::new(word.give());
        Arc::new(Self { word, state, number, torn: AtomicU32::new(0), element: UnsafeCell::new(0) })
    }

    /// As a message is made of it; its number.
    fn send(&self) -> Option<u64> {
        self.state.begin_sending().ok()?;
        let number = self.number.load(Relaxed);
        assert!(self.word.send(number), "a stale number");
        Some(number + 1)
    }

    /// The message did not go, and nobody has received it.
    fn roll_back(&self) {
        let number = self.word.call_back(self.number.load(Relaxed)).expect("nobody has received it");
        self.number.store(number, Relaxed); // `roll_back` orders it
        if self.state.roll_back() {
            self.leave();
        }
    }

    /// Its owner drops it.
    fn end(&self) {
        if self.state.end() {
            self.leave();
        }
    }

    fn leave(&self) {
        match self.torn.load(Relaxed) {
            0 => self.word.give_up(self.number.load(Relaxed)),
            _ => self.word.abandon(),
        }
    }

    fn write(&self) {
        // SAFETY: watched by the model checker.
        self.element.with_mut(|element| unsafe { *element += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: watched by the model checker.
        self.element.with(|element| unsafe { *element })
    }
}

fn spawn(part: &Arc<Part>, act: fn(&Part)) -> thread::JoinHandle<()> {
    let part = part.clone();
    thread::spawn(move || act(&part))
}

/// A thread reads, and another one sends: the receiver writes once the reader is done.
#[test]
fn what_is_read_is_not_written_by_a_receiver() {
    check(|| {
        let part = Part::owned();
        let reader = spawn(&part, |part| {
            if part.state.begin_reading() {
                part.read();
                part.state.end_reading();
            }
        });
        if let Some(on_its_way) = part.send() {
            part.word.receive(on_its_way, &Unlocked).unwrap().expect("nobody else receives it");
            part.write();
        }
        reader.join().unwrap();
    });
}

/// The message comes back in another thread than the owner's, who writes and sends anew once it is there.
#[test]
fn what_comes_back_is_sent_by_its_new_number() {
    check(|| {
        let part = Part::owned();
        part.send().expect("nobody reads it");
        let other = spawn(&part, Part::roll_back);
        if part.state.is_here() {
            part.write();
            part.send().expect("it is here");
        }
        other.join().unwrap();
    });
}

/// The message comes back in another thread than the one that drops the part: one of them gives it up.
#[test]
fn what_is_dropped_is_given_up_once() {
    check(|| {
        let part = Part::owned();
        part.send().expect("nobody reads it");
        let other = spawn(&part, Part::roll_back);
        part.end();
        other.join().unwrap();
        let left = part.word.take_back(&Unlocked).unwrap().expect("nobody has it");
        assert_eq!(left, Left::Whole, "nobody gave it up");
    });
}

/// As that, but it is dropped in a panic.
#[test]
fn what_a_panic_drops_may_be_torn_whoever_ends_it() {
    check(|| {
        let part = Part::owned();
        part.send().expect("nobody reads it");
        let other = spawn(&part, Part::roll_back);
        part.torn.store(1, Relaxed);
        part.end();
        other.join().unwrap();
        let left = part.word.take_back(&Unlocked).unwrap().expect("nobody has it");
        assert_eq!(left, Left::Torn, "nobody says that it may be torn");
    });
}
