//! What is done to arrays, their guards and their parts that nobody should do: forgotten, leaked, read beside a sending, words overwritten. `unsafe`:
//! the last.
#![allow(unsafe_code)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;

use common::{Parcel, alone, fork, idle, kill, mapping_of, pack, unpack};
use multiproc_shm::{
    ArrayPart, ArrayWriteGuard, AtomicArray, ModeError, Shared, SharedArray, ShmError, Split,
};
use multiproc_sync::LockError;
use multiproc_testkit::eventually;

fn split(len: usize, n: usize) -> Split<u64> {
    SharedArray::from_fn(len, |i| i as u64).unwrap().split(n).unwrap()
}

#[test]
fn a_guard_that_a_thread_leaks_is_told_by_its_end_and_then_by_its_processs() {
    alone(|| {
        let (array, left) = (SharedArray::<u64>::zeroed(4).unwrap(), Shared::new(AtomicU32::new(0)).unwrap());
        let mut parcel = Some(pack(&array).unwrap());
        let child = fork(|| {
            let theirs: SharedArray<u64> = unpack(parcel.take().unwrap()).unwrap();
            let leaked: &'static SharedArray<u64> = Box::leak(Box::new(theirs));
            thread::spawn(|| {
                let guard: &'static mut _ = Box::leak(Box::new(leaked.write().unwrap()));
                guard[0] = 1;
            })
            .join()
            .unwrap();
            left.store(1, SeqCst);
            idle();
        });
        eventually("the thread has left", || left.load(SeqCst) == 1);
        assert!(matches!(array.read(), Err(LockError::OwnerLeft)));
        assert!(matches!(array.write(), Err(LockError::OwnerLeft)));
        kill(child);
        drop(parcel); // with it, the array would be a message's too
        assert!(matches!(array.read(), Err(LockError::OwnerDied(_))));
        let Err(LockError::OwnerDied(mut guard)) = array.write() else { panic!("nobody has mended it") };
        assert_eq!(guard[0], 1);
        ArrayWriteGuard::mark_consistent(&mut guard);
        drop(guard);
        assert!(array.into_atomics().is_ok());
    });
}

#[test]
fn a_forgotten_handle_is_its_processs_until_that_ends() {
    alone(|| {
        let (array, done) = (SharedArray::<u64>::zeroed(4).unwrap(), Shared::new(AtomicU32::new(0)).unwrap());
        let atomics = SharedArray::<u64>::zeroed(4).unwrap().into_atomics().unwrap();
        let mut parcel = Some(pack(&(&array, &atomics)).unwrap());
        let child = fork(|| {
            let both: (SharedArray<u64>, AtomicArray<u64>) = unpack(parcel.take().unwrap()).unwrap();
            std::mem::forget(both);
            done.store(1, SeqCst);
            idle();
        });
        drop(parcel);
        eventually("they were forgotten", || done.load(SeqCst) == 1);
        let Err(ModeError::Elsewhere(array)) = array.split(2) else { panic!("another process has it") };
        let Err(ModeError::Elsewhere(atomics)) = atomics.into_locked() else { panic!("so has it this") };
        kill(child);
        let (mut array, mut atomics) = (Some(array), Some(atomics));
        eventually("the dead process does not have it", || match array.take().unwrap().into_atomics() {
            Ok(_) => true,
            Err(error) => {
                array = Some(error.into_array());
                false
            }
        });
        eventually("nor the other", || match atomics.take().unwrap().into_locked() {
            Ok(_) => true,
            Err(error) => {
                atomics = Some(error.into_array());
                false
            }
        });
    });
}

/// Unlike a part: handles are many, and each message counts as a holder.
#[test]
fn an_array_stands_twice_in_a_message_and_its_bytes_may_be_read_twice() {
    alone(|| {
        let array = SharedArray::from_slice(&[1_u64, 2]).unwrap();
        let message = pack(&[&array, &array]).unwrap();
        let fds = message.fds.iter().map(|fd| fd.try_clone().unwrap()).collect();
        let again = Parcel { bytes: message.bytes.clone(), fds };
        let both: [SharedArray<u64>; 2] = unpack(message).unwrap();
        both[0].set(0, 7).unwrap();
        assert_eq!(both[1].get(0).unwrap(), Some(7));
        drop(both);
        let Err(ModeError::Elsewhere(array)) = array.into_atomics() else { panic!("a message has it") };
        drop(unpack::<[SharedArray<u64>; 2]>(again).unwrap());
        assert!(array.into_atomics().is_ok());
    });
}

#[test]
fn a_forgotten_splitter_leaves_its_parts() {
    alone(|| {
        let mut split = split(4, 2);
        let (mut first, second) = (split.take(0).unwrap().unwrap(), split.take(1).unwrap().unwrap());
        std::mem::forget(split);
        first.as_mut_slice().fill(7);
        assert_eq!((&*first.read(), &*second.read()), (&[7, 7][..], &[2, 3][..]));
    });
}

#[test]
fn a_splitter_and_its_parts_go_to_other_threads() {
    alone(|| {
        let mut split = split(100, 4);
        for mut part in split.take_all().unwrap() {
            thread::spawn(move || part.as_mut_slice().fill(1)).join().unwrap();
        }
        let array = thread::spawn(move || split.join().unwrap()).join().unwrap();
        assert_eq!(array.to_vec().unwrap(), [1; 100]);
    });
}

/// Lets the readers end, also after a panic.
struct Stop<'a>(&'a AtomicU64);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(u64::MAX, SeqCst);
    }
}

/// A part is read by some threads while another makes a message of it: nobody reads what is on its way, and what is read is not sent.
#[test]
fn who_reads_and_who_sends_keep_each_other_out() {
    const ROUNDS: usize = 100;
    const SENT: &str = "it is its receiver's";
    alone(|| {
        // Each read of what is on its way is a panic, of which nobody need hear.
        std::panic::set_hook(Box::new(|panic| {
            if !panic.to_string().contains(SENT) {
                eprintln!("{panic}");
            }
        }));
        let mut split = split(64, 1);
        let part = split.take(0).unwrap().unwrap();
        let (read, sent, under_way) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while sent.load(SeqCst) < ROUNDS as u64 {
                        let sum = catch_unwind(AssertUnwindSafe(|| {
                            let reading = part.read();
                            assert_eq!(under_way.load(SeqCst), 0, "it is in a message");
                            reading.iter().sum::<u64>()
                        }));
                        match sum {
                            Ok(sum) => assert_eq!(sum, 63 * 32),
                            Err(panic) => {
                                let text = panic.downcast_ref::<String>().expect("a message of the part's");
                                assert!(text.contains(SENT), "{text}");
                            }
                        }
                        read.fetch_add(1, SeqCst);
                    }
                });
            }
            let _stop = Stop(&sent);
            for round in 0.. {
                let (result, mut message) =
                    multiproc_shm::transfer::encoding(0, || postcard::to_stdvec(&part));
                match result {
                    Ok(_) => {
                        under_way.store(1, SeqCst);
                        under_way.store(0, SeqCst);
                        sent.fetch_add(1, SeqCst);
                    }
                    Err(_) => {
                        let refused = message.refused.take().unwrap();
                        assert!(matches!(refused.downcast_ref(), Some(ShmError::PartIsRead)), "{refused}");
                    }
                }
                drop(message); // it does not go
                if sent.load(SeqCst) >= ROUNDS as u64 {
                    break;
                }
                let before = read.load(SeqCst);
                if round % 2 == 0 {
                    eventually("somebody reads", || read.load(SeqCst) > before);
                }
            }
        });
        assert_eq!(*part.read(), (0..64).collect::<Vec<u64>>());
    });
}

/// Where the words of an array's parts begin in its segment.
const WORDS: usize = 12288;

/// A wild store of a process that dies: a part is refused, or lost, and nobody else gets it while its owner lives; nothing panics.
#[test]
fn overwritten_words_of_parts_make_no_second_owner() {
    const GIVEN_UP: u64 = 1 << 63;
    let words = [0, 1, 2, 3, 4, 5, u64::MAX / 2 - 1, u64::MAX / 2, GIVEN_UP, GIVEN_UP | 1, GIVEN_UP | 2];
    for wild in words.into_iter().chain([u64::MAX - 1, u64::MAX]) {
        alone(|| {
            let mut split = split(4, 2);
            let mut part = split.take(0).unwrap().unwrap();
            let at = mapping_of(part.as_mut_slice().as_ptr().addr()).start + WORDS;
            // SAFETY: the word of the part, mapped as long as the array is, and an atomic for everybody.
            let word = unsafe { &*std::ptr::with_exposed_provenance::<AtomicU64>(at) };
            assert_eq!(word.load(SeqCst), 2, "the first owner's number");
            word.store(wild, SeqCst);
            assert!(split.take(0).unwrap().is_none(), "its owner lives");
            assert_eq!(split.missing().unwrap(), [0]);
            part.as_mut_slice().fill(9);
            match pack(&part) {
                Ok(message) => {
                    assert_eq!(wild, 2, "it says that another has it");
                    drop(message);
                }
                Err(refused) => {
                    let refused = refused.downcast_ref();
                    assert!(matches!(refused, Some(ShmError::Corrupt { .. })), "{wild:#x}: {refused:?}");
                }
            }
            drop(part);
            let again = split.take(0).unwrap().expect("nobody has it any more");
            assert_eq!(*again.read(), [9, 9]);
            let sent = pack(&again).map(unpack::<ArrayPart<u64>>);
            if let Ok(Ok(received)) = sent {
                assert_eq!(*received.read(), [9, 9]);
            }
            drop(again);
            let _ = split.join(); // whether it may be torn is what the words say
        });
    }
}

/// The child goes on with what its parent was making, and changes nothing of it.
#[test]
fn a_fork_in_the_middle_of_the_making_makes_nothing() {
    alone(|| {
        let parent = std::process::id();
        let made = SharedArray::from_fn(100_000, |i| {
            // SAFETY: the child ends below, without what its parent would do at its end.
            if i == 5 && unsafe { libc::fork() } == 0 {
                return u64::MAX;
            }
            if std::process::id() == parent { i as u64 } else { u64::MAX }
        });
        if std::process::id() != parent {
            let forked = matches!(made, Err(ShmError::Forked));
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(if forked { 0 } else { 1 }) }
        }
        let mut status = 0;
        // SAFETY: waits for the only child; the status is a variable.
        unsafe { libc::wait(&raw mut status) };
        assert_eq!(status, 0);
        assert!(made.unwrap().read().unwrap().iter().enumerate().all(|(i, element)| i as u64 == *element));
    });
}
