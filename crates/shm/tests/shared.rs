//! A value between processes, and what is refused. `unsafe`: headers are damaged behind the types' back.
#![allow(unsafe_code)]

mod common;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use common::{Parcel, fork, is_mapped, kill, pack, reap, send, unpack};
use memmap2::MmapOptions;
use multiproc_shm::family::Membership;
use multiproc_shm::transfer::FdRef;
use multiproc_shm::{FamilyError, Shared, SharedMemory, ShmError, family};
use multiproc_sync::registry::Registry;
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

#[test]
fn all_handles_see_one_value() {
    let _watchdog = Watchdog::with_limit(60);
    let ours = Shared::new(Mutex::new([0_u64; 2])).unwrap();
    let mut parcel = Some(pack(&ours).unwrap());
    let count = |pair: &Mutex<[u64; 2]>| {
        for _ in 0..50_000 {
            let mut pair = pair.lock().unwrap();
            pair[0] += 1;
            assert_eq!(pair[0], pair[1] + 1);
            pair[1] += 1;
        }
    };
    let other = fork(|| {
        let theirs: Shared<Mutex<[u64; 2]>> = unpack(parcel.take().unwrap()).unwrap();
        assert_ne!(address(&*ours), address(&*theirs), "a mapping of its own");
        count(&theirs);
    });
    count(&ours);
    assert_eq!(reap(other), 0);
    assert_eq!(*ours.lock().unwrap(), [100_000; 2]);
    assert_eq!(address(&*ours), address(&*send(&ours)), "in one process there is one");
}

#[test]
fn a_killed_owner_is_told_through_another_handle() {
    let _watchdog = Watchdog::with_limit(60);
    let shared = Shared::new(Mutex::new(1_u64)).unwrap();
    let held = Shared::new(AtomicU32::new(0)).unwrap();
    let theirs = send(&shared);
    let owner = fork(|| {
        let mut guard = theirs.lock().unwrap();
        *guard = 2;
        held.store(1, SeqCst);
        common::idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    kill(owner);
    let Err(LockError::OwnerDied(mut guard)) = shared.lock() else { panic!("the owner died") };
    assert_eq!(*guard, 2);
    MutexGuard::mark_consistent(&mut guard);
    drop(guard);
    assert!(shared.lock().is_ok());
}

#[test]
fn the_memory_goes_with_the_last_handle() {
    let first = Shared::new(AtomicU64::new(7)).unwrap();
    let second = first.clone();
    let address = address(&*first);
    drop(first);
    assert_eq!(second.load(SeqCst), 7);
    assert!(is_mapped(address));
    drop(second);
    // Another test's thread may have mapped something there since.
    eventually("unmapped", || {
        let another = Shared::new(AtomicU64::new(0)).unwrap();
        self::address(&*another) == address || !is_mapped(address)
    });
}

#[test]
fn zeroed_takes_what_no_stack_would() {
    let _watchdog = Watchdog::with_limit(60);
    let large: Shared<Mutex<[[u8; 1 << 20]; 16]>> = Shared::zeroed().unwrap();
    large.lock().unwrap()[15][7] = 1;
    assert_eq!(large.lock().unwrap()[15].iter().map(|&n| u32::from(n)).sum::<u32>(), 1);
}

#[test]
fn more_than_there_is_memory_is_told_beforehand() {
    let error = Shared::<[[u8; 1 << 30]; 1 << 25]>::zeroed().unwrap_err();
    let ShmError::OutOfMemory { asked, available } = error else { panic!("{error}") };
    assert!(asked > available);
    assert!(matches!(SharedMemory::anonymous(usize::MAX), Err(ShmError::OutOfMemory { .. })));
    assert!(matches!(SharedMemory::anonymous(0), Err(ShmError::Empty)));
}

#[test]
fn alignment_is_kept_up_to_a_page() {
    #[derive(multiproc_shm::ShmSafe)]
    #[repr(C, align(4096))]
    struct Page([u8; 4096]);
    let page = Shared::new(Page([7; 4096])).unwrap();
    assert_eq!(address(&*page) % 4096, 0);
    assert!(send(&page).0.iter().all(|&byte| byte == 7));
    let wide = Shared::new(1_u128).unwrap();
    assert_eq!(address(&*wide) % align_of::<u128>(), 0);
    Shared::new(()).unwrap();
}

#[test]
fn a_handle_means_nothing_outside_a_message() {
    let shared = Shared::new(AtomicU32::new(0)).unwrap();
    assert!(postcard::to_stdvec(&shared).is_err());
    assert!(postcard::from_bytes::<Shared<AtomicU32>>(&[0, 0]).is_err());
}

#[test]
fn another_type_is_refused_by_name() {
    let parcel = pack(&Shared::new(AtomicU64::new(0)).unwrap()).unwrap();
    let error = unpack::<Shared<AtomicU32>>(parcel).unwrap_err();
    let error = error.downcast::<ShmError>().unwrap();
    assert!(matches!(*error, ShmError::LayoutMismatch { .. }));
    assert!(error.to_string().contains("AtomicU32"), "{error}");
}

/// What came in the place of a segment.
fn refused<T: multiproc_shm::ShmSafe + Sync>(fd: OwnedFd) -> ShmError {
    let none: Option<FdRef<'_>> = None;
    let parcel = pack(&(FdRef::from(fd.as_fd()), none)).unwrap();
    let error = unpack::<Shared<T>>(parcel).map(drop).unwrap_err();
    *error.downcast().unwrap()
}

#[test]
fn what_is_no_segment_is_refused() {
    let pipe = std::io::pipe().unwrap().0;
    assert!(matches!(refused::<u64>(pipe.into()), ShmError::Corrupt { .. }));
    let file = File::open("/proc/self/exe").unwrap();
    assert!(matches!(refused::<u64>(file.into()), ShmError::Corrupt { .. }), "its file may become shorter");
    let zeroes = SharedMemory::anonymous(4096).unwrap();
    assert!(matches!(refused::<u64>(zeroes.try_clone_fd().unwrap()), ShmError::Corrupt { .. }));
    for len in 1..=48 {
        let short = SharedMemory::anonymous(len).unwrap().try_clone_fd().unwrap();
        assert!(matches!(refused::<u64>(short), ShmError::TooShort { .. } | ShmError::Corrupt { .. }));
    }
}

/// Each byte of the header changed, through the segment itself: an error or, behind what is used, nothing.
#[test]
fn damaged_headers_are_refused() {
    let shared = Shared::new(AtomicU64::new(7)).unwrap();
    let Parcel { bytes, fds } = pack(&shared).unwrap();
    let segment = MmapOptions::new().map_raw(&fds[0]).unwrap();
    for at in 0..256 {
        // SAFETY: within the mapping, before the value that `shared` refers to.
        let byte = unsafe { &*segment.as_mut_ptr().add(at).cast::<std::sync::atomic::AtomicU8>() };
        let before = byte.fetch_xor(0x10, SeqCst);
        let fds = fds.iter().map(|fd| fd.try_clone().unwrap()).collect();
        let opened = unpack::<Shared<AtomicU64>>(Parcel { bytes: bytes.clone(), fds });
        assert_eq!(opened.is_err(), at < 40, "byte {at}");
        byte.store(before, SeqCst);
    }
    assert_eq!(send(&shared).load(SeqCst), 7);
}

/// Bytes of it that were written by a view would go under guards, and into the lists that locks lie in.
#[test]
fn plain_memory_is_not_had_of_a_value_or_a_registry() {
    let shared = Shared::new(Mutex::new(0_u64)).unwrap();
    for fd in pack(&shared).unwrap().fds {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        assert!(matches!(SharedMemory::map_file(&path), Err(ShmError::NotPlain)));
        assert!(matches!(SharedMemory::map_file_read_only(&path), Err(ShmError::NotPlain)));
        assert!(matches!(SharedMemory::attach(fd), Err(ShmError::NotPlain)));
    }
    assert_eq!(*send(&shared).lock().unwrap(), 0);
}

#[test]
fn a_lock_without_its_registry_or_of_another_family_is_refused() {
    let shared = Shared::new(Mutex::new(0_u64)).unwrap();
    let fd = pack(&shared).unwrap().fds.remove(0);
    assert!(matches!(refused::<Mutex<u64>>(fd), ShmError::Corrupt { .. }));

    let parcel = pack(&shared).unwrap();
    let another = SharedMemory::anonymous(Registry::LEN).unwrap();
    let fds = vec![parcel.fds[0].try_clone().unwrap(), another.try_clone_fd().unwrap()];
    let error = unpack::<Shared<Mutex<u64>>>(Parcel { bytes: parcel.bytes, fds }).unwrap_err();
    let error = error.downcast::<ShmError>().unwrap();
    assert!(matches!(*error, ShmError::ForeignFamily { .. }), "{error}");
}

#[test]
fn a_process_has_one_family() {
    let registries: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| std::ptr::from_ref(family::registry().unwrap()) as usize))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(registries.iter().all(|registry| *registry == registries[0]));
    let ours = family::membership().unwrap();
    ours.clone().adopt().unwrap();
    send(&ours).adopt().unwrap();
    let another = SharedMemory::anonymous(Registry::LEN).unwrap().try_clone_fd().unwrap();
    let parcel = Parcel { bytes: pack(&ours).unwrap().bytes, fds: vec![another] };
    assert!(matches!(unpack::<Membership>(parcel).unwrap().adopt(), Err(FamilyError::AlreadyMember)));
    let child = fork(|| {
        assert_eq!(std::ptr::from_ref(family::registry().unwrap()) as usize, registries[0]);
        *Shared::new(Mutex::new(0_u64)).unwrap().lock().unwrap() += 1;
    });
    assert_eq!(reap(child), 0);
}
