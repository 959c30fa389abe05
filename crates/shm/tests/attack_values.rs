//! Bytes that nobody wrote on purpose, and locks that are not ready: values all the same, or typed errors. `unsafe`: a
//! segment is written behind its type's back, by the only thread that uses it.
#![allow(unsafe_code)]

mod common;

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering::SeqCst};

use common::{forged, forged_as, fork, pack, reap, unpack};
use memmap2::MmapOptions;
use multiproc_shm::transfer::FdRef;
use multiproc_shm::{FamilyError, Layout, PlaceError, Placement, Shared, ShmError, ShmSafe};
use multiproc_sync::Mutex;
use multiproc_sync::registry::Registry;
use multiproc_testkit::Watchdog;

#[derive(ShmSafe)]
#[repr(C)]
struct Sample {
    small: u8,
    real: f64,
    counter: AtomicI64,
    half: [AtomicU16; 3],
}

/// A writer that dies halfway leaves any mix of bytes.
#[test]
fn any_bytes_are_a_value() {
    let zero = || Sample { small: 0, real: 0.0, counter: AtomicI64::new(0), half: Default::default() };
    let shared = Shared::new(zero()).unwrap();
    let segment = MmapOptions::new().map_raw(&pack(&shared).unwrap().fds[0]).unwrap();
    for seed in 0..=255_u8 {
        for at in 256..segment.len() {
            // SAFETY: within the mapping, which no other thread uses.
            unsafe { segment.as_mut_ptr().add(at).write_volatile(seed.wrapping_mul(at as u8)) };
        }
        let _ = shared.counter.fetch_add(1, SeqCst);
        let sum = f64::from(shared.small) + shared.real;
        assert!(sum.is_nan() || sum == sum + 0.0);
        assert_eq!(shared.half.iter().map(|half| u32::from(half.load(SeqCst)) >> 16).sum::<u32>(), 0);
    }
}

/// In a fork that has no family: this test's process never begins one.
#[test]
fn a_lock_is_not_placed_without_a_registry() {
    let _watchdog = Watchdog::with_limit(60);
    let child = fork(|| {
        // SAFETY: nothing is placed by it.
        assert_eq!(unsafe { Placement::new() }.unwrap_err(), PlaceError::NoRegistry);
        let shared = Shared::new(Mutex::new(7_u64)).unwrap(); // begins a family
        assert_eq!(*shared.lock().unwrap(), 7);
        // SAFETY: as above.
        assert!(unsafe { Placement::new() }.is_ok());
    });
    assert_eq!(reap(child), 0);
}

/// A damaged registry is refused, and the process can still begin a family.
#[test]
fn a_forged_registry_is_not_joined() {
    let _watchdog = Watchdog::with_limit(60);
    let child = fork(|| {
        let layout = Layout::named("multiproc_shm::Shared/1").with::<Mutex<u64>>().to_u64();
        let numbers = [1_u32, 256].map(u32::to_le_bytes);
        let lengths = [layout, size_of::<Mutex<u64>>() as u64].map(u64::to_le_bytes);
        let rest = [align_of::<Mutex<u64>>() as u32, 1].map(u32::to_le_bytes);
        let header = [&b"mpshared"[..], numbers.as_flattened(), lengths.as_flattened(), rest.as_flattened()];
        let mut bytes = header.concat();
        bytes.resize(4096, 0);
        let forged = forged(&bytes);
        let registry = forged_as(c"multiproc-registry", &vec![0; Registry::LEN]);
        let handle = (FdRef::from(forged.as_fd()), Some(FdRef::from(registry.as_fd())));
        let error = unpack::<Shared<Mutex<u64>>>(pack(&handle).unwrap()).unwrap_err();
        let error = error.downcast::<ShmError>().unwrap();
        assert!(matches!(*error, ShmError::Family(FamilyError::Registry(_))), "{error}");
        assert!(Shared::new(Mutex::new(7_u64)).unwrap().lock().is_ok());
    });
    assert_eq!(reap(child), 0);
}

/// A lock that was taken, or poisoned, where it lay before is free where it is placed.
#[test]
fn a_lock_is_new_where_it_is_placed() {
    let _watchdog = Watchdog::with_limit(60);
    let child = fork(|| {
        let taken = Mutex::new(1_u64);
        std::mem::forget(taken.lock().unwrap());
        assert_eq!(*Shared::new(taken).unwrap().lock().unwrap(), 1);
    });
    assert_eq!(reap(child), 0);
}
