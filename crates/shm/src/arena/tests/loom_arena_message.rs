//! Models of blocks in messages. The lock by which a message has a block is a count here: of those who have a description with it.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use multiproc_sync::ProcessName;
use multiproc_sync::primitive::AtomicU32;
use multiproc_sync::primitive::model::{End, Family, check, check_deaths, step};

use super::model::Words;
use crate::arena::word::Word;

/// The kernel's count of a block's lock: each call sees the last one, and orders nothing else.
#[derive(Default)]
struct Lock(AtomicU32);

impl Lock {
    fn take(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn end(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    fn is_free(&self) -> bool {
        self.0.fetch_add(0, Relaxed) == 0
    }
}

/// A block that the calling process has.
fn owned(words: &Words) -> Word {
    let (place, word) = words.claim(0).expect("it is empty");
    assert_eq!(place, 0);
    words.visit(0, 0);
    word
}

fn sweep(words: &Words, lock: &Lock) -> usize {
    words.table().sweep(|process| process.has_ended(), |_| lock.is_free())
}

fn this() -> ProcessName {
    ProcessName::this().expect("each process of a model has a name")
}

/// The bytes of a message are decoded twice: one gets the block.
#[test]
fn two_receive() {
    check(|| {
        let (family, words) = (Family::new(), Words::new(1, 1));
        let flight = family.process().run(|| words.block(0).take_off(owned(&words))).expect("it is there");
        let theirs = words.clone();
        let receive = move |words: &Words| {
            let landed = words.block(0).land(flight, this());
            landed.map(|_| words.visit(0, 0)).is_some()
        };
        let other = family.process().spawn(move || receive(&theirs));
        let ours = family.process().run(|| receive(&words));
        assert!(ours != other.join(), "a message is received once");
    });
}

/// A message does not go, and another one takes the block, while somebody sweeps.
#[test]
fn sent_again_beside_a_sweep() {
    check(|| {
        let (family, words, lock) = (Family::new(), Words::new(1, 1), Arc::new(Lock::default()));
        let sender = family.process();
        let word = sender.run(|| owned(&words));
        let (theirs, count) = (words.clone(), lock.clone());
        let sweeper = family.process().spawn(move || sweep(&theirs, &count));
        let flight = sender.run(|| {
            lock.take();
            let flight = words.block(0).take_off(word).expect("it is there");
            let word = words.block(0).roll_back(flight, word).expect("nobody has received it");
            lock.end();
            lock.take();
            words.block(0).take_off(word)
        });
        let swept = sweeper.join();
        let landed = flight.and_then(|flight| family.process().run(|| words.block(0).land(flight, this())));
        assert!(landed.is_some() && swept == 0, "a block in a message was swept");
    });
}

/// A sender dies at each of its steps, beside one who sweeps: the message has the block if it is there, and nobody else.
#[test]
fn sender_killed() {
    check_deaths(|k| {
        let (family, words, lock) = (Family::new(), Words::new(1, 1), Arc::new(Lock::default()));
        let message = Arc::new(AtomicU32::new(0));
        let survivor = family.process();
        survivor.run(|| {
            let word = owned(&words);
            words.block(0).release(word);
        });
        let (process, theirs, count, posted) =
            (family.process(), words.clone(), lock.clone(), message.clone());
        let victim = multiproc_sync::primitive::model::thread::spawn(move || {
            let flight = std::cell::Cell::new(None);
            let end = process.run_killed_at(k, || {
                let Some(word) = theirs.try_claim(0) else { return };
                count.take();
                flight.set(theirs.block(0).take_off(word));
                step();
                // The message is in the socket, with a lock of its own.
                count.take();
                posted.store(1, SeqCst);
                count.end();
            });
            (end, flight.get())
        });
        let (theirs, count) = (words.clone(), lock.clone());
        let sweeper = family.process().spawn(move || sweep(&theirs, &count));
        sweeper.join();
        let (end, flight) = victim.join().unwrap();
        let there = message.load(SeqCst) == 1;
        // What the dead one had of the lock has ended with it.
        while !lock.is_free() {
            lock.end();
        }
        if there {
            lock.take();
        }
        survivor.run(|| {
            sweep(&words, &lock);
            match flight.filter(|_| there) {
                Some(flight) => {
                    let word = words.block(0).land(flight, this()).expect("a block in a message was swept");
                    words.visit(0, 0);
                    words.block(0).release(word);
                }
                None => assert!(end == End::Killed || !there, "a message without a block"),
            }
            words.assert_whole();
        });
    });
}

/// A receiver dies at each of its steps, beside one who sweeps.
#[test]
fn receiver_killed() {
    check_deaths(|k| {
        let (family, words, lock) = (Family::new(), Words::new(1, 1), Arc::new(Lock::default()));
        let survivor = family.process();
        let flight = survivor.run(|| {
            lock.take();
            words.block(0).take_off(owned(&words)).expect("it is there")
        });
        let (process, theirs) = (family.process(), words.clone());
        let victim = process.spawn_killed_at(k, move || {
            let word = theirs.block(0).land(flight, this()).expect("a block in a message was swept");
            theirs.visit(0, 0);
            theirs.block(0).release(word);
        });
        let (theirs, count) = (words.clone(), lock.clone());
        let sweeper = family.process().spawn(move || sweep(&theirs, &count));
        // Whoever gets what was swept writes to it.
        if sweeper.join() > 0 {
            survivor.run(|| {
                let word = words.try_claim(0).expect("it was swept, and nobody else wants it");
                words.visit(0, 0);
                words.block(0).release(word);
            });
        }
        victim.join();
        lock.end();
        survivor.run(|| {
            sweep(&words, &lock);
            words.assert_whole();
        });
    });
}
