//! What is made once for all processes of a family, in a segment.

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{fork, kill, reap, send};
use multiproc_shm::{Shared, ShmError, ShmPlain, ShmSafe};
use multiproc_sync::{Once, OnceError, OnceLock};
use multiproc_testkit::{Watchdog, eventually};

#[derive(Debug, Clone, Copy, PartialEq, ShmSafe)]
#[repr(C)]
struct Size {
    width: u32,
    height: u32,
}

/// As a struct has them: no lock in it has a `Drop`, or the derive would refuse it.
#[derive(ShmSafe)]
#[repr(C)]
struct Setup<T: ShmPlain> {
    done: Once,
    size: OnceLock<T>,
    runs: AtomicU32,
}

fn setup() -> Shared<Setup<Size>> {
    let setup = Setup { done: Once::new(), size: OnceLock::new(), runs: AtomicU32::new(0) };
    Shared::new(setup).unwrap()
}

#[test]
fn what_one_process_makes_the_others_find() {
    let _watchdog = Watchdog::with_limit(60);
    let (shared, size) = (setup(), Size { width: 3, height: 4 });
    let child = fork(|| {
        assert_eq!(shared.size.get_or_init(|| size), Ok(&size));
        shared.done.call_once(|| _ = shared.runs.fetch_add(1, SeqCst)).unwrap();
    });
    assert_eq!(shared.size.wait(), Ok(&size));
    assert_eq!(reap(child), 0);
    let theirs = send(&shared);
    theirs.done.call_once(|| _ = shared.runs.fetch_add(1, SeqCst)).unwrap();
    assert_eq!((theirs.size.get(), shared.runs.load(SeqCst)), (Some(&size), 1));
    assert_eq!(theirs.size.set(Size { width: 0, height: 0 }).unwrap_err().value.width, 0);
}

#[test]
fn a_killed_maker_is_followed_by_another_process() {
    let _watchdog = Watchdog::with_limit(60);
    let (shared, size) = (setup(), Size { width: 5, height: 6 });
    let victim = fork(|| {
        let _ = shared.size.get_or_init(|| {
            shared.runs.store(1, SeqCst);
            loop {
                thread::park();
            }
        });
    });
    eventually("it has begun", || shared.runs.load(SeqCst) == 1);
    assert_eq!(shared.size.try_get_or_init(|| size), Err(OnceError::TimedOut));
    kill(victim);
    assert_eq!(shared.size.get_or_init(|| size), Ok(&size));
}

/// Memory of zeros has nothing done in it.
#[test]
fn zeros_are_not_yet_made() {
    let shared: Shared<Setup<[u64; 4096]>> = Shared::zeroed().unwrap();
    assert!(!shared.done.is_completed() && shared.size.get().is_none());
    assert_eq!(shared.size.get_or_init(|| [7; 4096]).map(|value| value[4095]), Ok(7));
    let mut runs = 0;
    (0..2).for_each(|_| shared.done.call_once(|| runs += 1).unwrap());
    assert_eq!(runs, 1);
}

#[test]
fn the_value_is_part_of_the_layout() {
    let shared = Shared::new(OnceLock::<u32>::new()).unwrap();
    let parcel = common::pack(&shared).unwrap();
    let other = common::unpack::<Shared<OnceLock<i32>>>(parcel).unwrap_err();
    assert!(matches!(other.downcast_ref(), Some(ShmError::LayoutMismatch { .. })), "{other}");
}
