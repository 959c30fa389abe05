//! What a process of the same user can hand over that is no handle of ours, and what it can do to it afterwards: files that grow, headers that
//! change while they are looked at, files that cannot be opened at once. `unsafe`: leases, and memory that is written beside all handles.
#![allow(unsafe_code)]

mod common;
mod hostile;

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

use common::{Parcel, pack, unpack};
use hostile::{bytes_of, sealed, write};
use memmap2::MmapOptions;
use multiproc_shm::transfer::Refusal;
use multiproc_shm::{Arena, ArrayPart, Shared, SharedArray, SharedMemory, ShmError, family};
use multiproc_testkit::Watchdog;
use nix::fcntl::SealFlag;

fn corrupt(refusal: Refusal) -> &'static str {
    match *refusal.downcast::<ShmError>().unwrap() {
        ShmError::Corrupt { what } => what,
        other => panic!("{other:?}"),
    }
}

/// Sealed against becoming shorter, as what is mapped must be, and not against becoming longer: what arrives a second time is found by its file,
/// and the mapping is as long as the file was.
#[test]
fn a_file_that_can_grow_is_refused() {
    family::registry().unwrap();
    let growing = |fd: &OwnedFd| sealed(c"multiproc-shm", &bytes_of(fd), SealFlag::F_SEAL_SHRINK);
    let mut small = pack(&SharedArray::<u64>::zeroed(1).unwrap()).unwrap();
    small.fds[0] = growing(&small.fds[0]);
    let again = Parcel { bytes: small.bytes.clone(), fds: clones(&small.fds) };
    let first = unpack::<SharedArray<u64>>(small);
    let file = File::from(again.fds[0].try_clone().unwrap());
    file.set_len(1 << 20).unwrap();
    let large = bytes_of(&pack(&SharedArray::<u64>::zeroed(10_000).unwrap()).unwrap().fds[0]);
    write(&again.fds[0], &large[..512]);
    let second = unpack::<SharedArray<u64>>(again);
    if let (Ok(_), Ok(second)) = (&first, &second) {
        let guard = second.try_read().unwrap();
        let end = guard.as_ptr_range().end.addr();
        assert!(common::mapping_of(guard.as_ptr().addr()).end >= end, "what was not mapped is lent");
    }
    assert!(corrupt(first.unwrap_err()).contains("sealed"));
    assert!(corrupt(second.unwrap_err()).contains("sealed"));

    let mut value = pack(&Shared::new(AtomicU64::new(7)).unwrap()).unwrap();
    value.fds[0] = growing(&value.fds[0]);
    assert!(corrupt(unpack::<Shared<AtomicU64>>(value).unwrap_err()).contains("sealed"));
    let mut arena = pack(&Arena::new(1).unwrap()).unwrap();
    arena.fds[0] = growing(&arena.fds[0]);
    assert!(corrupt(unpack::<Arena>(arena).unwrap_err()).contains("sealed"));
    let plain = sealed(c"multiproc-memory", &[1], SealFlag::F_SEAL_SHRINK);
    assert!(matches!(SharedMemory::attach(plain), Err(ShmError::Corrupt { .. })));
}

fn clones(fds: &[OwnedFd]) -> Vec<OwnedFd> {
    fds.iter().map(|fd| fd.try_clone().unwrap()).collect()
}

/// How often a header changes while messages arrive.
const ROUNDS: usize = 3000;

/// The number of parts is another from one look to the next: a part that is taken lies in the array all the same, and no index is out of bounds.
#[test]
fn a_header_that_changes_while_a_part_arrives_leads_nowhere_else() {
    let _watchdog = Watchdog::with_limit(120);
    const LEN: usize = 64;
    let mut split = SharedArray::<u64>::zeroed(LEN).unwrap().split(4).unwrap();
    let fd = pack(&split.take(0).unwrap().unwrap()).unwrap().fds.swap_remove(0);
    let map = MmapOptions::new().map_raw(&fd).unwrap();
    // SAFETY: the number of parts, as docs/shm-layout.md has it, in memory that is mapped until the end of the test.
    let parts = unsafe { &*map.as_ptr().add(44).cast::<AtomicU32>() };
    drop(fd);
    /// Also where the test fails.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _done = Done(&done);
        scope.spawn(|| {
            while !done.load(SeqCst) {
                [4, 0, 1, 512, 3, u32::MAX, 4].into_iter().for_each(|number| parts.store(number, SeqCst));
            }
        });
        for round in 0..ROUNDS {
            let index = 1 + round % 3;
            // Taken by who has split it, sent, and received here.
            let part = split.take(index).unwrap().unwrap();
            assert_eq!(part.range(), index * LEN / 4..(index + 1) * LEN / 4);
            if let Ok(part) = unpack::<ArrayPart<u64>>(pack(&part).unwrap()) {
                assert!(part.range().end <= LEN && part.read().iter().all(|number| *number == 0));
            }
        }
    });
}

/// A lease on the file keeps those who open it waiting, for 45 s if the system is not told otherwise.
#[test]
fn a_file_with_a_lease_keeps_nobody_waiting() {
    family::registry().unwrap();
    let parcel = pack(&SharedArray::<u64>::zeroed(1).unwrap()).unwrap();
    let copy =
        sealed(c"multiproc-shm", &bytes_of(&parcel.fds[0]), SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW);
    let lent: OwnedFd = File::open(format!("/proc/self/fd/{}", copy.as_raw_fd())).unwrap().into();
    drop(copy); // nobody has it open for writing
    /// Whom the kernel tells that somebody opens the file: with a signal that does nothing, in the place of one that ends the process.
    const F_SETSIG: i32 = 10;
    // SAFETY: numbers are passed.
    unsafe { libc::fcntl(lent.as_raw_fd(), F_SETSIG, libc::SIGURG) };
    // SAFETY: as above.
    let leased = unsafe { libc::fcntl(lent.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) } == 0;
    let registry = parcel.fds[1].try_clone().unwrap();
    let message = Parcel { bytes: parcel.bytes, fds: vec![lent.try_clone().unwrap(), registry] };
    let refused = unpack::<SharedArray<u64>>(message);
    // SAFETY: as above.
    unsafe { libc::fcntl(lent.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
    if leased {
        let refusal = refused.unwrap_err();
        let Some(ShmError::Kernel { source, .. }) = refusal.downcast_ref() else { panic!("{refusal:?}") };
        assert_eq!(source.kind(), std::io::ErrorKind::WouldBlock);
    } // else the kernel leases no files in memory
}
