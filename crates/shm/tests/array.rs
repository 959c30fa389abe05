//! Arrays between handles, messages and processes.

mod common;

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use common::{fork, kill, pack, reap, send, unpack};
use multiproc_shm::{
    ArrayMode, ArrayWriteGuard, AtomicArray, MAX_DIMS, ModeError, Shared, SharedArray, SharedMemory,
    ShmError, ShmSafe, ViewError,
};
use multiproc_sync::{LockError, MAX_READERS};
use multiproc_testkit::{Watchdog, eventually};

/// In a process that does nothing else, so that nobody forks with a handle of this.
fn alone(body: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(60);
    assert_eq!(reap(fork(body)), 0);
}

#[derive(Clone, Copy, Debug, PartialEq, ShmSafe)]
#[repr(C)]
struct Point {
    x: f64,
    y: f64,
}

#[test]
fn elements_of_any_plain_type_and_any_shape() {
    let points = SharedArray::from_fn(3, |i| Point { x: i as f64, y: 0.5 }).unwrap();
    assert_eq!(points.get(2).unwrap(), Some(Point { x: 2.0, y: 0.5 }));
    assert_eq!(points.get(3).unwrap(), None);

    let cube = SharedArray::<[u16; 3]>::with_shape(&[2, 3, 4]).unwrap();
    assert_eq!((cube.len(), cube.shape()), (24, &[2, 3, 4][..]));
    assert_eq!(send(&cube).shape(), [2, 3, 4]);

    let none = SharedArray::<u64>::zeroed(0).unwrap();
    assert!(none.is_empty() && none.read().unwrap().is_empty());
    assert_eq!(SharedArray::<u64>::with_shape(&[]).unwrap().len(), 1);
    assert_eq!(SharedArray::<u8>::with_shape(&[1; MAX_DIMS]).unwrap().shape(), [1; MAX_DIMS]);
    let error = SharedArray::<u8>::with_shape(&[1; MAX_DIMS + 1]).unwrap_err();
    assert!(matches!(error, ShmError::View(ViewError::TooManyDims { .. })), "{error}");
    let error = SharedArray::<u8>::zeroed(usize::MAX).unwrap_err();
    assert!(matches!(error, ShmError::View(ViewError::TooLarge)), "{error}");
    let error = SharedArray::<u8>::zeroed(1 << 60).unwrap_err();
    assert!(matches!(error, ShmError::OutOfMemory { .. }), "{error}");
}

#[test]
fn elements_are_aligned_up_to_a_page() {
    #[derive(Clone, Copy, ShmSafe)]
    #[repr(C, align(4096))]
    struct Page([u8; 4096]);
    let pages = SharedArray::from_slice(&[Page([7; 4096]); 2]).unwrap();
    let read = pages.read().unwrap();
    assert!(read.as_ptr().addr().is_multiple_of(4096) && read[1].0 == [7; 4096]);
}

#[test]
fn several_processes_count_under_the_lock() {
    alone(|| {
        let array = SharedArray::<u64>::zeroed(8).unwrap();
        let parcels = [(); 3].map(|()| pack(&array).unwrap());
        let children = parcels.map(|parcel| {
            fork(move || {
                let theirs: SharedArray<u64> = unpack(parcel).unwrap();
                for _ in 0..2000 {
                    let mut held = theirs.write().unwrap();
                    held.iter_mut().for_each(|element| *element += 1);
                    drop(held);
                    let held = theirs.read().unwrap();
                    assert!(held.iter().all(|element| *element == held[0]));
                }
            })
        });
        for child in children {
            assert_eq!(reap(child), 0);
        }
        assert_eq!(array.to_vec().unwrap(), [6000; 8]);
    });
}

#[test]
fn a_killed_writer_is_told_and_a_killed_reader_is_not() {
    alone(|| {
        let array = SharedArray::from_slice(&[1_u64, 1]).unwrap();
        let holds = Shared::new(AtomicU32::new(0)).unwrap();
        for writes in [false, true] {
            holds.store(0, SeqCst);
            let mut parcel = Some(pack(&array).unwrap());
            let child = fork(|| {
                let theirs: SharedArray<u64> = unpack(parcel.take().unwrap()).unwrap();
                if writes {
                    let mut held = theirs.write().unwrap();
                    held[0] = 2;
                    holds.store(1, SeqCst);
                    common::idle();
                }
                let _held = theirs.read().unwrap();
                holds.store(1, SeqCst);
                common::idle();
            });
            drop(parcel);
            eventually("the lock is held", || holds.load(SeqCst) == 1);
            assert!(matches!(array.try_write(), Err(LockError::TimedOut)));
            kill(child);
            match array.write() {
                Err(LockError::OwnerDied(mut held)) if writes => {
                    held[1] = held[0];
                    ArrayWriteGuard::mark_consistent(&mut held);
                }
                Ok(_) if !writes => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(array.to_vec().unwrap(), [2, 2]);
        assert!(!array.is_poisoned());
    });
}

#[test]
fn a_panicking_writer_poisons_and_copies_leave_what_it_left() {
    let array = SharedArray::from_slice(&[1_u32; 4]).unwrap();
    let theirs = array.clone();
    let writer = std::thread::spawn(move || {
        theirs.write().unwrap()[0] = 9;
        let _held = theirs.write().unwrap();
        panic!("with the lock");
    });
    writer.join().unwrap_err();
    assert!(array.is_poisoned());
    assert!(matches!(array.copy_from_slice(&[0; 4]), Err(LockError::Poisoned(_))));
    assert!(matches!(array.fill(0), Err(LockError::Poisoned(_))));
    assert!(matches!(array.set(0, 0), Err(LockError::Poisoned(_))));
    let Err(LockError::Poisoned(held)) = array.to_vec() else { panic!("poisoned") };
    assert_eq!(*held, [9, 1, 1, 1]);
    drop(held);
    drop(array.write_or_reset(|elements| elements.fill(3)).unwrap());
    assert_eq!(array.to_vec().unwrap(), [3; 4]);
}

#[test]
fn copies_of_another_length_panic_before_they_lock() {
    let array = SharedArray::<u8>::zeroed(3).unwrap();
    let panics = |copy: &dyn Fn()| {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(copy)).is_err());
    };
    panics(&|| drop(array.copy_from_slice(&[0; 2])));
    panics(&|| drop(array.copy_to_slice(&mut [0; 4])));
    panics(&|| drop(array.set(3, 0)));
    panics(&|| _ = array.chunks(0));
    assert!(!array.is_poisoned() && array.try_write().is_ok());
}

#[test]
fn as_many_read_at_a_time_as_the_lock_has_room_for() {
    let _watchdog = Watchdog::with_limit(60);
    let array = SharedArray::<u8>::zeroed(1).unwrap();
    let all = std::sync::Barrier::new(MAX_READERS + 1);
    std::thread::scope(|scope| {
        for _ in 0..MAX_READERS {
            scope.spawn(|| {
                let _held = array.read().unwrap();
                all.wait();
                all.wait();
            });
        }
        all.wait();
        assert!(matches!(array.try_read(), Err(LockError::TooManyReaders)));
        assert!(matches!(array.try_write(), Err(LockError::TimedOut)));
        all.wait();
    });
    assert!(array.try_write().is_ok());
}

#[test]
fn a_forgotten_guard_keeps_the_lock_and_the_memory() {
    let array = SharedArray::<u8>::zeroed(1).unwrap();
    let theirs = array.clone();
    let address = array.read().unwrap().as_ptr().addr();
    std::mem::forget(array.write().unwrap());
    let other = std::thread::spawn(move || matches!(theirs.try_read(), Err(LockError::TimedOut)));
    assert!(other.join().unwrap());
    drop(array);
    assert!(common::is_mapped(address), "the thread's list of locks leads there");
}

#[test]
fn a_handle_means_nothing_outside_a_message_or_as_another_type() {
    let array = SharedArray::<u32>::zeroed(1).unwrap();
    assert!(postcard::to_stdvec(&array).is_err());
    assert!(postcard::from_bytes::<SharedArray<u32>>(&[0, 1]).is_err());
    let refused = |error: multiproc_shm::transfer::Refusal| *error.downcast::<ShmError>().unwrap();

    let error = refused(unpack::<SharedArray<i32>>(pack(&array).unwrap()).unwrap_err());
    assert!(matches!(error, ShmError::LayoutMismatch { type_name: "i32", .. }), "{error}");
    let error = refused(unpack::<AtomicArray<u32>>(pack(&array).unwrap()).unwrap_err());
    let locked = ArrayMode::Locked;
    assert!(matches!(error, ShmError::ArrayMode { found, .. } if found == locked), "{error}");
    let value = Shared::new(multiproc_sync::Mutex::new(0_u32)).unwrap();
    let error = refused(unpack::<SharedArray<u32>>(pack(&value).unwrap()).unwrap_err());
    assert!(matches!(error, ShmError::Corrupt { .. }), "{error}");
    let mut parcel = pack(&array).unwrap();
    parcel.fds[0] = std::fs::File::open("/dev/null").unwrap().into();
    let error = refused(unpack::<SharedArray<u32>>(parcel).unwrap_err());
    assert!(matches!(error, ShmError::Corrupt { .. }), "{error}");
    assert!(unpack::<SharedMemory>(pack(&array).unwrap()).is_err(), "plain bytes beside the lock");
    assert!(unpack::<SharedArray<u32>>(pack(&array).unwrap()).is_ok());
}

#[test]
fn a_fork_has_nothing_of_its_parents_handles() {
    alone(|| {
        let array = SharedArray::<u32>::zeroed(2).unwrap();
        let atomics = SharedArray::<u32>::zeroed(2).unwrap().into_atomics().unwrap();
        let mut parcel = Some(pack(&(&array, &atomics)).unwrap());
        let child = fork(|| {
            let forked = |error: &dyn std::fmt::Display| error.to_string().contains("is a fork");
            assert!(array.read().is_err_and(|error| forked(&error)));
            assert!(array.try_write().is_err_and(|error| forked(&error)));
            assert!(array.set(0, 1).is_err_and(|error| forked(&error)));
            assert!(pack(&array).is_err_and(|error| forked(&error)));
            assert!(pack(&atomics).is_err_and(|error| forked(&error)));
            assert!(std::panic::catch_unwind(|| atomics.len()).is_err());
            let Err(ModeError::Refused(array, ShmError::Forked)) = array.clone().into_atomics() else {
                panic!("nobody counts the fork")
            };
            let (own, atomics): (SharedArray<u32>, AtomicArray<u32>) =
                unpack(parcel.take().unwrap()).unwrap();
            own.set(1, 7).unwrap();
            atomics[1].store(7, Relaxed);
            assert!(array.read().is_err());
        });
        drop(parcel);
        assert_eq!(reap(child), 0);
        assert_eq!(array.to_vec().unwrap(), [0, 7]);
        assert_eq!(atomics[1].load(Relaxed), 7);
        array.into_atomics().unwrap();
    });
}

#[test]
fn a_mode_is_changed_by_the_only_holder() {
    alone(|| {
        let array = SharedArray::from_slice(&[1_u64, 2]).unwrap();
        let parcel = pack(&array).unwrap();
        let Err(ModeError::Elsewhere(array)) = array.into_atomics() else { panic!("a message has it") };
        let came: SharedArray<u64> = unpack(parcel).unwrap();
        let Err(ModeError::Here(array)) = array.into_atomics() else { panic!("it has come back") };
        drop(came);
        let atomics = array.into_atomics().unwrap();
        assert_eq!(atomics[1].fetch_add(5, SeqCst), 2);
        let again = atomics.clone();
        let Err(ModeError::Here(atomics)) = atomics.into_locked() else { panic!("there is a clone") };
        drop(again);

        let held = Shared::new(AtomicU32::new(0)).unwrap();
        let mut parcel = Some(pack(&atomics).unwrap());
        let child = fork(|| {
            let theirs: AtomicArray<u64> = unpack(parcel.take().unwrap()).unwrap();
            theirs[0].fetch_add(1, SeqCst);
            held.store(1, SeqCst);
            common::idle();
        });
        drop(parcel);
        eventually("the child has it", || held.load(SeqCst) == 1);
        let Err(ModeError::Elsewhere(atomics)) = atomics.into_locked() else { panic!("the child has it") };
        kill(child);
        let mut atomics = Some(atomics);
        let mut locked = None;
        eventually("the dead process is no holder", || match atomics.take().unwrap().into_locked() {
            Ok(array) => locked.insert(array).len() == 2,
            Err(error) => {
                atomics = Some(error.into_array());
                false
            }
        });
        assert_eq!(locked.unwrap().to_vec().unwrap(), [2, 7]);
    });
}

#[test]
fn a_lock_stays_poisoned_through_another_mode() {
    let array = SharedArray::<u32>::zeroed(1).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let _held = array.write().unwrap();
            panic!("with the lock");
        });
        writer.join().unwrap_err();
    });
    let array = array.into_atomics().unwrap().into_locked().unwrap();
    assert!(matches!(array.read(), Err(LockError::Poisoned(_))));
}

#[test]
fn all_handles_take_one_mapping_and_one_descriptor() {
    alone(|| {
        let array = SharedArray::<u64>::zeroed(1000).unwrap();
        drop(send(&array));
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = count();
        let more: Vec<_> = (0..100).map(|_| send(&array)).collect();
        assert_eq!(count(), before);
        more[99].set(7, 7).unwrap();
        assert_eq!(array.get(7).unwrap(), Some(7));
    });
}
