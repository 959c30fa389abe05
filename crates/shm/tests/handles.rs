//! Handles inside messages: one mapping and one descriptor a segment, whatever is sent; and what nobody gets of them by safe code. `unsafe`: a byte in a
//! segment.
#![allow(unsafe_code)]

mod common;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use common::{fork, is_mapped, pack, reap, send, unpack};
use multiproc_shm::family;
use multiproc_shm::transfer::{self, Descriptor, Fd, TransferError};
use multiproc_shm::{Shared, SharedMemory, ShmError};
use multiproc_sync::Mutex;
use multiproc_testkit::Watchdog;

/// How many descriptors this process has, and how many segments it has mapped. Tests of other threads change both.
fn held() -> (usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let segments = maps.lines().filter(|line| line.contains("/memfd:multiproc-")).count();
    (fs::read_dir("/proc/self/fd").unwrap().count(), segments)
}

/// In a process that does nothing else.
fn alone(body: impl FnOnce()) {
    assert_eq!(reap(fork(body)), 0);
}

#[test]
fn what_arrives_again_is_the_same_mapping_and_takes_no_further_descriptor() {
    let _watchdog = Watchdog::with_limit(60);
    alone(|| {
        let total = Shared::new(Mutex::new(0_u64)).unwrap();
        let memory = SharedMemory::anonymous(4096).unwrap();
        let parcels = [(); 2].map(|()| pack(&(&total, &memory)).unwrap());
        let parcels = parcels.map(|parcel| unpack::<(Shared<Mutex<u64>>, SharedMemory)>(parcel).unwrap());
        let before = held();
        let more: Vec<_> = (0..300).map(|_| send(&(total.clone(), memory.clone()))).collect();
        assert_eq!(held(), before);
        for (total, memory) in more.iter().chain(&parcels) {
            *total.lock().unwrap() += 1;
            assert_eq!(memory.as_ptr(), parcels[0].1.as_ptr());
        }
        assert_eq!(*total.lock().unwrap(), 302);
        drop(more);
        assert_eq!(held(), before);
    });
}

/// A message that is not received yet holds no number of its own, however many there are.
#[test]
fn a_thousand_messages_under_way_take_one_descriptor() {
    let _watchdog = Watchdog::with_limit(60);
    alone(|| {
        let total = Shared::new(AtomicU64::new(0)).unwrap();
        let before = held();
        let messages: Vec<_> =
            (0..1000).map(|_| transfer::encoding(0, || postcard::to_stdvec(&total)).1).collect();
        assert_eq!(held(), before);
        assert!(messages.iter().all(|message| message.fds.len() == 1));
    });
}

/// The segment is had from what is under way alone.
#[test]
fn a_message_keeps_its_segment_when_its_sender_drops_it() {
    let _watchdog = Watchdog::with_limit(60);
    alone(|| {
        let total = Shared::new(AtomicU64::new(7)).unwrap();
        let address = std::ptr::from_ref(&*total).addr();
        let ((), sent) = transfer::encoding(0, || drop(postcard::to_stdvec(&total)));
        drop(total);
        assert!(!is_mapped(address), "the mapping ends with its handle");
        let fds = sent.fds.iter().cloned().map(Some).collect();
        let (arrived, _) = transfer::decoding(fds, || postcard::from_bytes::<Shared<AtomicU64>>(&[0]));
        // The message says that there is a family's registry or none, too.
        assert!(arrived.is_err());
        let fds = sent.fds.iter().cloned().map(Some).collect();
        let (arrived, _) = transfer::decoding(fds, || postcard::from_bytes::<Shared<AtomicU64>>(&[0, 0]));
        assert_eq!(arrived.unwrap().load(SeqCst), 7);
    });
}

/// A `File` of it could write below a guard, by safe calls.
#[test]
fn no_file_is_had_of_a_segment_with_a_value() {
    let total = Shared::new(Mutex::new(7_u64)).unwrap();
    let family = family::membership().unwrap();
    for parcel in [pack(&(&total,)).unwrap(), pack(&(&family,)).unwrap()] {
        let bytes = parcel.bytes[..1].to_vec();
        let refusal = unpack::<Fd>(common::Parcel { bytes, fds: parcel.fds }).unwrap_err();
        assert!(matches!(refusal.downcast_ref(), Some(TransferError::NotAFile)), "{refusal}");
    }
    assert_eq!(*total.lock().unwrap(), 7);
}

/// Plain memory whose owner writes there what a value's segment has: he would go on to write below whoever takes it for one.
#[test]
fn plain_memory_is_no_value_whatever_its_bytes_say() {
    let seven = Shared::new(AtomicU64::new(7)).unwrap();
    let mut parcel = pack(&seven).unwrap();
    let mut bytes = vec![0; 264];
    fs::File::from(parcel.fds[0].try_clone().unwrap()).read_exact_at(&mut bytes, 0).unwrap();
    let forged = SharedMemory::anonymous(bytes.len()).unwrap();
    forged.raw_view::<u8>(0, &[bytes.len()]).unwrap().copy_from_slice(&bytes).unwrap();
    parcel.fds[0] = forged.try_clone_fd().unwrap();
    let refusal = unpack::<Shared<AtomicU64>>(parcel).unwrap_err();
    assert!(refusal.to_string().contains("it was not made for a value"), "{refusal}");
    assert_eq!(send(&seven).load(SeqCst), 7);
}

#[test]
fn files_of_all_kinds_travel() {
    let (reader, writer) = std::io::pipe().unwrap();
    let (left, _right) = std::os::unix::net::UnixStream::pair().unwrap();
    let path: OwnedFd = {
        use std::os::unix::fs::OpenOptionsExt;
        fs::File::options().read(true).custom_flags(libc::O_PATH).open("/").unwrap().into()
    };
    let memory = SharedMemory::anonymous(4096).unwrap().try_clone_fd().unwrap();
    let files: [OwnedFd; 5] = [reader.into(), writer.into(), left.into(), path, memory];
    for file in files {
        let number = file.as_raw_fd();
        let arrived: OwnedFd = send(&Fd::from(file)).into_owned();
        let target = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}"));
        assert_ne!(arrived.as_raw_fd(), number);
        target(arrived.as_raw_fd()).unwrap();
    }
}

#[test]
fn plain_memory_travels_and_is_refused_where_a_value_lies() {
    let memory = SharedMemory::anonymous(100).unwrap();
    // SAFETY: the test's own memory.
    unsafe { memory.as_ptr().write(9) };
    let arrived: SharedMemory = send(&memory);
    // SAFETY: as above.
    let byte = unsafe { arrived.as_ptr().read() };
    assert_eq!((arrived.len(), byte), (100, 9));
    assert!(postcard::to_stdvec(&memory).is_err(), "no message");

    let total = Shared::new(AtomicU64::new(0)).unwrap();
    let refusal = unpack::<SharedMemory>(pack(&total).unwrap()).unwrap_err();
    assert!(matches!(refusal.downcast_ref(), Some(ShmError::NotPlain)), "{refusal}");
    let refusal = unpack::<Shared<AtomicU64>>({
        let mut parcel = pack(&memory).unwrap();
        parcel.bytes.push(0);
        parcel
    });
    assert!(matches!(
        refusal.unwrap_err().downcast_ref(),
        Some(ShmError::Corrupt { .. } | ShmError::TooShort { .. })
    ));
}

/// Whoever may write the file could cut it below its receiver.
#[test]
fn memory_with_a_name_or_of_a_file_does_not_travel() {
    let name = format!("multiproc-test-handles-{}", std::process::id());
    let named = SharedMemory::create(&name, 4096).unwrap();
    let file = SharedMemory::map_file_read_only(std::env::current_exe().unwrap()).unwrap();
    for memory in [named, file] {
        let refusal = pack(&memory).map(|_| ()).unwrap_err();
        assert!(matches!(refusal.downcast_ref(), Some(ShmError::NotSendable)), "{refusal}");
    }
}

/// A descriptor that a message has and nobody claims is closed with it.
#[test]
fn descriptors_that_nobody_claims_are_closed() {
    let _watchdog = Watchdog::with_limit(60);
    alone(|| {
        let before = held();
        let fds =
            (0..10).map(|_| Some(Descriptor::from(OwnedFd::from(std::io::pipe().unwrap().0)))).collect();
        let ((), left) = transfer::decoding(fds, || drop(transfer::claim(3)));
        assert_eq!(left.fds.iter().flatten().count(), 9);
        drop(left);
        assert_eq!(held(), before);
    });
}
