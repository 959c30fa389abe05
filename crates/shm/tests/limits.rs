//! Limits of the surroundings: a binary of its own, since it lowers those of its process. `unsafe`: a system call that
//! takes a structure.
#![allow(unsafe_code)]

mod common;

use common::{fork, reap};
use multiproc_shm::{FamilyError, Shared, SharedMemory, ShmError, family};
use multiproc_sync::Mutex;
use multiproc_testkit::Watchdog;

fn limit(resource: libc::__rlimit_resource_t, soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads and writes a structure that lives across the calls.
    unsafe {
        assert_eq!(libc::getrlimit(resource, &raw mut limit), 0);
        limit.rlim_cur = soft.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(resource, &raw const limit), 0);
    }
}

#[test]
fn the_limit_on_files_is_an_error_and_no_signal() {
    let _watchdog = Watchdog::with_limit(60);
    let child = fork(|| {
        limit(libc::RLIMIT_FSIZE, 1 << 16);
        assert!(matches!(SharedMemory::anonymous(1 << 17), Err(ShmError::Kernel { .. })));
        assert!(SharedMemory::anonymous(1 << 16).is_ok());
        assert!(matches!(family::registry(), Err(FamilyError::Memory(_))));
        assert!(matches!(family::membership(), Err(FamilyError::Memory(_))));
        assert!(matches!(Shared::new(Mutex::new(0_u8)), Err(ShmError::Family(_))));
        assert!(Shared::new(0_u8).is_ok(), "without a lock nobody needs a family");
        limit(libc::RLIMIT_FSIZE, libc::RLIM_INFINITY);
        assert!(Shared::new(Mutex::new(0_u8)).is_ok(), "with the limit gone it works");
    });
    assert_eq!(reap(child), 0);
}

#[test]
fn no_room_for_descriptors_is_an_error_and_passes() {
    let _watchdog = Watchdog::with_limit(60);
    let child = fork(|| {
        limit(libc::RLIMIT_NOFILE, 0);
        assert!(matches!(Shared::new(Mutex::new(0_u8)), Err(ShmError::Family(_))));
        limit(libc::RLIMIT_NOFILE, 256);
        assert!(Shared::new(Mutex::new(0_u8)).is_ok());
    });
    assert_eq!(reap(child), 0);
}
